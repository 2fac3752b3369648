package payout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sarraf/event"
	"sarraf/internal/audit"
	"sarraf/ledger"
	"sarraf/store"
)

// Audit proves the payouts in a snapshot: each row is, in every column that tells of money, what its last event says; each story begins with a
// request, makes only legal moves, counts its changes and never changes what cannot change; what its rail is still to do is held, what it did
// is posted, and the rest was given back, with no hold and no transfer of these kinds left over; a withdrawal has
// taken its money out of a wallet, and brought it back if it came to nothing; each printed id leads to its payout; and no order was handed
// over again unless its rail had said that nothing was done.
func Audit(ctx context.Context, tx *store.Tx, report audit.Report) error {
	if err := auditStories(ctx, tx, report); err != nil {
		return err
	}
	if err := auditHolds(ctx, tx, report); err != nil {
		return err
	}
	if err := auditTransfers(ctx, tx, report); err != nil {
		return err
	}
	if err := auditBatches(ctx, tx, report); err != nil {
		return err
	}
	if err := auditWithdrawals(ctx, tx, report); err != nil {
		return err
	}
	if err := auditRows(ctx, tx, report); err != nil {
		return err
	}
	return auditDesk(ctx, tx, report)
}

// story is what is found out about one payout.
type story struct {
	owner, id string
	report    audit.Report
}

func (s story) say(table, format string, args ...any) {
	s.report(audit.Finding{Table: table, Owner: s.owner, Row: s.id, Problem: fmt.Sprintf(format, args...)})
}

// auditStories walks the rows and the events about them side by side.
func auditStories(ctx context.Context, tx *store.Tx, report audit.Report) error {
	rows, events := store.NewStream(ctx, tx, sqlAll, nil, scan), event.Stream(ctx, tx, EventKind)
	for {
		row, haveRow := rows.Peek(ctx)
		e, haveEvent := events.Peek(ctx)
		if !haveRow && !haveEvent {
			break
		}
		s := story{row.Merchant, row.ID, report}
		if !haveRow || haveEvent && less(e.Owner, e.Subject, s.owner, s.id) {
			s.owner, s.id, haveRow = e.Owner, e.Subject, false
		}
		if haveRow {
			rows.Next(ctx)
		}
		last := s.replay(ctx, events)
		switch {
		case !haveRow:
			s.say("payout", "there are events about it, and no row")
		case last == nil:
			s.say("payout", "no event tells of it")
		default:
			for _, d := range audit.Diff(row, *last) {
				s.say("payout", "%s by its last event", d)
			}
		}
	}
	return errors.Join(rows.Err(), events.Err())
}

// replay follows the events about a payout and answers it as the last one tells it, nil when there is none.
func (s story) replay(ctx context.Context, events *store.Stream[event.Event]) *Payout {
	var last *Payout
	for {
		e, ok := events.Peek(ctx)
		if !ok || e.Owner != s.owner || e.Subject != s.id {
			return last
		}
		events.Next(ctx)
		var f Fact
		if err := json.Unmarshal(e.Data, &f); err != nil {
			s.say("event", "event %d cannot be read: %v", e.Seq, err)
			continue
		}
		now := f.Payout
		if now.Merchant != s.owner || now.ID != s.id || now.Door != e.Door || !now.UpdatedAt.Equal(e.At) {
			s.say("event", "event %d tells of payout %s of %s at %q at %s", e.Seq, now.ID, now.Merchant, now.Door, now.UpdatedAt)
		}
		if last == nil {
			s.begins(e, now)
		} else {
			s.follows(e, *last, now)
		}
		last = &now
	}
}

// begins checks the first event.
func (s story) begins(e event.Event, now Payout) {
	if e.Type != typeOf(now.Kind, EventRequested) || now.Status != Pending || now.Changes != 0 || now.Approval == Given || now.Amount <= 0 || now.Fee < 0 {
		s.say("event", "event %d, the first, is %s with status %s, approval %q, change %d, of %d and a fee of %d", e.Seq, e.Type, now.Status, now.Approval,
			now.Changes, now.Amount, now.Fee)
	}
}

// follows checks one step of a payout's story.
func (s story) follows(e event.Event, was, now Payout) {
	moved := was.Status != now.Status
	approved := was.Approval == Wanted && now.Approval == Given && !moved && now.Status == Pending
	want := typeOf(now.Kind, typeBetween(was.Status, now.Status))
	switch {
	case approved:
		want = typeOf(now.Kind, EventApproved)
		if now.DecidedBy == "" || now.DecidedBy == now.AskedBy {
			s.say("event", "event %d approves what %q asked for by %q", e.Seq, now.AskedBy, now.DecidedBy)
		}
	case !moved:
		s.say("event", "event %d leaves it %s", e.Seq, now.Status)
	case !was.Status.May(now.Status):
		s.say("event", "event %d moves it from %s to %s", e.Seq, was.Status, now.Status)
	case was.Approval == Wanted && now.Status == Processing:
		s.say("event", "event %d sends it out, and nobody has approved it", e.Seq)
	}
	if e.Type != want {
		s.say("event", "event %d is %s, and it went from %s to %s", e.Seq, e.Type, was.Status, now.Status)
	}
	if now.Changes != was.Changes+1 {
		s.say("event", "event %d counts change %d after %d", e.Seq, now.Changes, was.Changes)
	}
	if now.SentAt.IsZero() != (now.Status == Pending || was.SentAt.IsZero() && now.Status != Processing) || now.ProcessedAt.IsZero() == now.Status.Final() {
		s.say("event", "event %d: sent at %s and processed at %s do not fit status %s", e.Seq, now.SentAt, now.ProcessedAt, now.Status)
	}
	// Everything else is as it was asked for.
	now.Status, now.Approval, now.Reason, now.DecidedBy, now.RailReference, now.Sheet, now.Changes, now.Moves, now.UpdatedAt, now.SentAt, now.ProcessedAt =
		was.Status, was.Approval, was.Reason, was.DecidedBy, was.RailReference, was.Sheet, was.Changes, was.Moves, was.UpdatedAt, was.SentAt, was.ProcessedAt
	for _, d := range audit.Diff(now, was) {
		s.say("event", "event %d: %s", e.Seq, d)
	}
}

// ours reports whether holds and transfers of the kind are made by payouts alone.
func ours(kind string) bool {
	return kind == TransferPayout || kind == TransferRefund || kind == TransferFee
}

// auditHolds walks the payouts and all holds side by side: a payout's are those with its id, and with it and ".fee".
func auditHolds(ctx context.Context, tx *store.Tx, report audit.Report) error {
	rows, holds := store.NewStream(ctx, tx, sqlAllByOwner, nil, scan), ledger.StreamHolds(ctx, tx)
	for {
		p, ok1 := rows.Peek(ctx)
		h, ok2 := holds.Peek(ctx)
		if !ok1 && !ok2 {
			break
		}
		subject, _ := strings.CutSuffix(h.ID, ".fee")
		if !ok1 || ok2 && less(h.Owner, subject, p.Owner, p.ID) {
			if ours(h.Kind) {
				story{h.Owner, subject, report}.say("payout", "%d is held for it as %s, and there is no such payout", h.Amount, h.Kind)
			}
			holds.Next(ctx)
			continue
		}
		rows.Next(ctx)
		have := map[string]ledger.Held{}
		for ok2 && h.Owner == p.Owner && strings.HasPrefix(h.ID, p.ID) {
			have[h.ID] = h
			holds.Next(ctx)
			h, ok2 = holds.Peek(ctx)
		}
		s := story{p.Merchant, p.ID, report}
		s.held(p, have[p.ID], p.ID, p.transferKind(), p.Target, p.Amount)
		if p.Fee > 0 {
			s.held(p, have[p.feeHold()], p.feeHold(), TransferFee, ledger.Fees, p.Fee)
		} else if extra, ok := have[p.feeHold()]; ok {
			s.say("payout", "%d is held for its fee, and it has none", extra.Amount)
		}
	}
	return errors.Join(rows.Err(), holds.Err())
}

// held compares a hold with what the payout says of it.
func (s story) held(p Payout, h ledger.Held, id, kind, target string, amount int64) {
	account := func(kind string) string {
		return ledger.Account{Owner: p.Owner, Currency: p.Currency, Kind: kind}.ID()
	}
	if h.ID == "" {
		s.say("payout", "its hold %s is not there", id)
		return
	}
	want, transfer := ledger.Pending, ""
	switch p.Status {
	case Completed:
		want, transfer = ledger.Posted, id
	case Rejected, Cancelled:
		want = ledger.Voided
	}
	if h.State != want || h.Transfer != transfer || h.Amount != amount || h.Kind != kind || h.Subject != p.ID || h.Account != account(p.Source) ||
		h.CounterOwner != p.Owner || h.CounterAccount != account(target) || !h.ExpiresAt.IsZero() {
		s.say("payout", "it is %s, and hold %s of %d %s as %s for %s from %s to %s of %s is %s", p.Status, h.ID, h.Amount, p.Currency, h.Kind, h.Subject,
			h.Account, h.CounterAccount, h.CounterOwner, h.State)
	}
}

// auditTransfers finds transfers of payouts' kinds that no payout's hold has made: that those it made are right, the ledger's audit shows.
func auditTransfers(ctx context.Context, tx *store.Tx, report audit.Report) error {
	rows, transfers := store.NewStream(ctx, tx, sqlAllByOwner, nil, scan), ledger.StreamTransfers(ctx, tx, []string{TransferPayout, TransferRefund, TransferFee})
	for {
		t, ok := transfers.Next(ctx)
		if !ok {
			break
		}
		p, more := rows.Peek(ctx)
		for more && less(p.Owner, p.ID, t.Owner, t.Subject) {
			rows.Next(ctx)
			p, more = rows.Peek(ctx)
		}
		s := story{t.Owner, t.Subject, report}
		if !more || p.Owner != t.Owner || p.ID != t.Subject {
			s.say("payout", "transfer %s moves %d for it, and there is no such payout", t.Transfer, t.Amount)
			continue
		}
		if p.Status != Completed || t.Transfer != p.ID && t.Transfer != p.feeHold() {
			s.say("payout", "it is %s, and transfer %s moves %d for it", p.Status, t.Transfer, t.Amount)
		}
	}
	return errors.Join(rows.Err(), transfers.Err())
}

// auditRows finds what no event can tell.
func auditRows(ctx context.Context, tx *store.Tx, report audit.Report) error {
	say := func(table, problem string) func(r store.Row) error {
		return func(r store.Row) error {
			var owner, id string
			err := r.Scan(&owner, &id)
			report(audit.Finding{Table: table, Owner: owner, Row: id, Problem: problem})
			return err
		}
	}
	tx.Later(sqlEmpty, nil, say("payout", "its reference, sent_at or processed_at is empty and not NULL"))
	tx.Later(sqlEnded, nil, say("payout", "it has come to its end, or waits for approval, and a worker would take it up"))
	tx.Later(sqlSentAgain, nil, say("payout_attempt", "it was handed to its rail again, which had not said that nothing was done"))
	tx.Later(sqlForgotten, nil, say("payout", "its rail sends by itself, and no worker would take it up"))
	tx.Later(sqlNoNumber, nil, say("alias", "the payout cannot be found by its printed number"))
	return tx.Query(ctx, sqlStrayAlias, nil, func(r store.Row) error {
		var owner, value, kind string
		err := r.Scan(&owner, &value, &kind)
		report(audit.Finding{Table: "alias", Owner: owner, Row: kind + "/" + value, Problem: "it leads to no payout that has it"})
		return err
	})
}

func less(owner1, id1, owner2, id2 string) bool {
	return owner1 < owner2 || owner1 == owner2 && id1 < id2
}
