package invoice

import (
	"context"
	"encoding/json"
	"fmt"

	"sarraf/event"
	"sarraf/internal/audit"
	"sarraf/store"
)

// Stream walks all invoices by owner and id.
func Stream(ctx context.Context, tx *store.Tx) *store.Stream[Invoice] {
	return store.NewStream(ctx, tx, sqlAll, nil, scan)
}

// Audit proves the invoices in a snapshot from their events: each row is, in every column, what its last event says; each story
// begins with a creation, makes only legal moves, counts its changes and never changes what cannot change; and each printed id and
// page token leads to its invoice and to no other.
func Audit(ctx context.Context, tx *store.Tx, report audit.Report) error {
	rows, events := Stream(ctx, tx), event.Stream(ctx, tx, EventKind)
	for {
		row, haveRow := rows.Peek(ctx)
		e, haveEvent := events.Peek(ctx)
		if !haveRow && !haveEvent {
			break
		}
		owner, id := row.Owner, row.ID
		if !haveRow || haveEvent && less(e.Owner, e.Subject, owner, id) {
			owner, id, haveRow = e.Owner, e.Subject, false
		}
		if haveRow {
			rows.Next(ctx)
		}
		say := func(table, format string, args ...any) {
			report(audit.Finding{Table: table, Owner: owner, Row: id, Problem: fmt.Sprintf(format, args...)})
		}
		last := replay(ctx, events, owner, id, say)
		switch {
		case !haveRow:
			say("invoice", "there are events about it, and no row")
		case last == nil:
			say("invoice", "no event tells of it")
		default:
			for _, d := range audit.Diff(row, *last) {
				say("invoice", "%s by its last event", d)
			}
		}
	}
	if err := errorOf(rows.Err(), events.Err()); err != nil {
		return err
	}
	if err := auditUploads(ctx, tx, report); err != nil {
		return err
	}
	return auditRows(ctx, tx, report)
}

// replay follows the events about one invoice and answers the invoice as the last one tells it, nil when there is none.
func replay(ctx context.Context, events *store.Stream[event.Event], owner, id string, say func(string, string, ...any)) *Invoice {
	var last *Invoice
	for {
		e, ok := events.Peek(ctx)
		if !ok || e.Owner != owner || e.Subject != id {
			return last
		}
		events.Next(ctx)
		var f Fact
		if err := json.Unmarshal(e.Data, &f); err != nil {
			say("event", "event %d cannot be read: %v", e.Seq, err)
			continue
		}
		now := f.Invoice
		switch {
		case now.Owner != owner || now.ID != id || now.Door != e.Door:
			say("event", "event %d tells of invoice %s of %s at %q", e.Seq, now.ID, now.Owner, now.Door)
		case last == nil && (e.Type != EventCreated || now.Status != Open || now.Paid != 0 || now.Refunded != 0 || now.Changes != 0):
			say("event", "event %d, the first, is %s with status %s, paid %d, given back %d, change %d", e.Seq, e.Type, now.Status, now.Paid, now.Refunded, now.Changes)
		case last != nil:
			follow(e, *last, now, say)
		}
		last = &now
	}
}

// follow checks one step of an invoice's story.
func follow(e event.Event, was, now Invoice, say func(string, string, ...any)) {
	moved := was.Status != now.Status
	if moved && !was.Status.May(now.Status) {
		say("event", "event %d moves it from %s to %s", e.Seq, was.Status, now.Status)
	}
	if want := statusOf(e.Type, now); moved && want != now.Status || !moved && want != "" {
		say("event", "event %d is %s, and it went from %s to %s", e.Seq, e.Type, was.Status, now.Status)
	}
	if now.Paid < was.Paid || now.Paid > now.most() || !fits(now) {
		say("event", "event %d leaves it %s with %d of %d paid, %d before", e.Seq, now.Status, now.Paid, now.Amount, was.Paid)
	}
	if back := now.Refunded - was.Refunded; back < 0 || now.Refunded > now.Paid || (back > 0) != (e.Type == EventRefunded) {
		say("event", "event %d is %s and leaves %d of %d given back, %d before", e.Seq, e.Type, now.Refunded, now.Paid, was.Refunded)
	}
	if now.Paid != was.Paid && was.Refunded > 0 && now.Kind != Static {
		say("event", "event %d has it take %d more, of which %d had been given back", e.Seq, now.Paid-was.Paid, was.Refunded)
	}
	changed := int64(0)
	if moved || now.Paid != was.Paid || now.Refunded != was.Refunded {
		changed = 1
	}
	if now.Changes != was.Changes+changed {
		say("event", "event %d counts change %d after %d", e.Seq, now.Changes, was.Changes)
	}
	// Everything else is as it was made.
	now.Status, now.Paid, now.Refunded, now.Changes, now.Reason, now.UpdatedAt, now.PaidAt =
		was.Status, was.Paid, was.Refunded, was.Changes, was.Reason, was.UpdatedAt, was.PaidAt
	for _, d := range audit.Diff(now, was) {
		say("event", "event %d: %s", e.Seq, d)
	}
}

// fits reports whether what an invoice counts as paid and as given back goes with its status. A bill that got its amount too late, and owes more, is open.
func fits(i Invoice) bool {
	switch {
	case i.Status == Refunded:
		return i.whole() && i.Refunded == i.Paid
	case i.Status == Paid:
		return i.whole() && i.Refunded < i.Paid
	}
	return !i.whole() || !i.LateFrom.IsZero() && i.Paid < i.most()
}

// statusOf is the status that an event of the type brings an invoice to, which stands as now after it; "" for one that moves it nowhere.
func statusOf(t event.Type, now Invoice) Status {
	switch t {
	case EventCreated:
		return Open
	case EventPaid:
		return Paid
	case EventFailed:
		return Failed
	case EventExpired:
		return Expired
	case EventCancelled:
		return Cancelled
	case EventSuperseded:
		return Superseded
	case EventRefunded:
		if now.Status == Refunded {
			return Refunded
		}
	}
	return ""
}

// auditRows finds what no event can tell: values that stand for others, and aliases that do not fit the invoices.
func auditRows(ctx context.Context, tx *store.Tx, report audit.Report) error {
	say := func(table, problem string) func(r store.Row) error {
		return func(r store.Row) error {
			var owner, id string
			err := r.Scan(&owner, &id)
			report(audit.Finding{Table: table, Owner: owner, Row: id, Problem: problem})
			return err
		}
	}
	tx.Later(sqlEmpty, nil, say("invoice", "its reference, expires_at or paid_at is empty and not NULL"))
	tx.Later(sqlNoPage, []any{TokenAlias}, say("alias", "the invoice cannot be found by its page token"))
	tx.Later(sqlNoPayer, nil, say("payer", "a bill has this PSID, and it is not that of its payer, or does not lead to it while it is open"))
	tx.Later(sqlStrayPayer, nil, say("payer", "its newest bill is not there, or is another payer's, or older than another"))
	tx.Later(sqlNoPSID, []any{PSIDAlias}, say("alias", "the payer cannot be found by the PSID"))
	tx.Later(sqlWrongTotal, nil, say("bill_total", "it is not the number of bills"))
	tx.Later(sqlNoNumber, nil, say("alias", "the invoice cannot be found by its printed number"))
	return tx.Query(ctx, sqlStrayAlias, []any{TokenAlias, PSIDAlias}, func(r store.Row) error {
		var owner, value, kind string
		err := r.Scan(&owner, &value, &kind)
		report(audit.Finding{Table: "alias", Owner: owner, Row: kind + "/" + value, Problem: "it leads to no invoice that has it"})
		return err
	})
}

func less(owner1, id1, owner2, id2 string) bool {
	return owner1 < owner2 || owner1 == owner2 && id1 < id2
}

func errorOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
