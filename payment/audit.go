package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"sarraf/event"
	"sarraf/internal/audit"
	"sarraf/invoice"
	"sarraf/ledger"
	"sarraf/store"
)

// Audit proves the payments in a snapshot: each row is, in every column, what its one event says; what was applied adds up to what
// its invoice counts as paid; its transfers move exactly what it says, with no transfer of these kinds left over; and what came from
// a wallet, that wallet has paid. It proves the refunds, too: see auditRefunds.
func Audit(ctx context.Context, tx *store.Tx, report audit.Report) error {
	if err := auditStories(ctx, tx, report); err != nil {
		return err
	}
	if err := auditTransfers(ctx, tx, report); err != nil {
		return err
	}
	if err := auditWallets(ctx, tx, report); err != nil {
		return err
	}
	return auditRefunds(ctx, tx, report)
}

// auditStories walks invoices, their events and their payments side by side.
func auditStories(ctx context.Context, tx *store.Tx, report audit.Report) error {
	invoices, events := invoice.Stream(ctx, tx), event.Stream(ctx, tx, invoice.EventKind)
	payments := store.NewStream(ctx, tx, sqlByInvoice, nil, scanRow)
	for {
		s := story{report: report}
		i, ok1 := invoices.Peek(ctx)
		e, ok2 := events.Peek(ctx)
		p, ok3 := payments.Peek(ctx)
		if !ok1 && !ok2 && !ok3 {
			break
		}
		s.least(ok1, i.Owner, i.ID)
		s.least(ok2, e.Owner, e.Subject)
		s.least(ok3, p.Owner, p.Invoice)
		if ok1 && s.is(i.Owner, i.ID) {
			invoices.Next(ctx)
			s.paid = i.Paid
		}
		for more1, more2 := true, true; more1 || more2; { // in turns: an event and its payment come at nearly the same place
			if more1 = ok2 && s.is(e.Owner, e.Subject); more1 {
				s.hear(e)
				events.Next(ctx)
				e, ok2 = events.Peek(ctx)
			}
			if more2 = ok3 && s.is(p.Owner, p.Invoice); more2 {
				s.take(p)
				payments.Next(ctx)
				p, ok3 = payments.Peek(ctx)
			}
		}
		s.end()
	}
	return errors.Join(invoices.Err(), events.Err(), payments.Err())
}

// story is what there is about one invoice. It holds what has no counterpart yet: a code may have any number of receipts.
type story struct {
	owner, id string
	set       bool
	report    audit.Report
	paid      int64
	applied   int64              // by the payments that an event tells of
	told      map[string]Payment // by events, whose rows have not come
	rows      map[string]row     // of which no event has told yet
}

// least makes the story the one with the smaller key.
func (s *story) least(ok bool, owner, id string) {
	if ok && (!s.set || owner < s.owner || owner == s.owner && id < s.id) {
		s.owner, s.id, s.set = owner, id, true
	}
}

func (s *story) is(owner, id string) bool { return s.owner == owner && s.id == id }

func (s *story) say(table, row, format string, args ...any) {
	s.report(audit.Finding{Table: table, Owner: s.owner, Row: row, Problem: fmt.Sprintf(format, args...)})
}

// hear takes an event.
func (s *story) hear(e event.Event) {
	var f Fact
	if err := json.Unmarshal(e.Data, &f); err != nil || f.Payment == nil {
		return // invoice.Audit says what cannot be read
	}
	p := *f.Payment
	if r, ok := s.rows[p.ID]; ok {
		delete(s.rows, p.ID)
		s.compare(r, p)
		return
	}
	if _, twice := s.told[p.ID]; twice {
		s.say("event", fmt.Sprint(e.Seq), "it tells of payment %s, which an earlier event told of", p.ID)
	}
	if s.told == nil {
		s.told = map[string]Payment{}
	}
	s.told[p.ID] = p
}

// take takes a row.
func (s *story) take(p row) {
	if want, ok := s.told[p.ID]; ok {
		delete(s.told, p.ID)
		s.compare(p, want)
		return
	}
	if s.rows == nil {
		s.rows = map[string]row{}
	}
	s.rows[p.ID] = p
}

// compare holds a row against what its event says.
func (s *story) compare(p row, want Payment) {
	if p.late != 0 && p.late != 1 {
		s.say("payment", p.ID, "its flag late is %d", p.late)
	}
	for _, d := range audit.Diff(p.Payment, want) {
		s.say("payment", p.ID, "%s by its event", d)
	}
	if p.Status == Received && p.Applied+p.Unapplied != p.Amount || p.Status != Received && p.Applied+p.Unapplied+p.Fee != 0 {
		s.say("payment", p.ID, "%d applied and %d set aside of %d %s", p.Applied, p.Unapplied, p.Amount, p.Status)
	}
	s.applied += p.Applied
}

// end says what has no counterpart, and whether the sums agree.
func (s *story) end() {
	for id := range s.rows {
		s.say("payment", id, "no event tells of it")
	}
	for id := range s.told {
		s.say("payment", id, "an event tells of it, and there is no row, or another event told of it before")
	}
	if s.applied != s.paid {
		s.say("invoice", s.id, "it counts %d as paid, and its payments brought %d", s.paid, s.applied)
	}
}

// auditTransfers walks the payments and the transfers that name them side by side.
func auditTransfers(ctx context.Context, tx *store.Tx, report audit.Report) error {
	payments := Stream(ctx, tx)
	moves := ledger.StreamTransfers(ctx, tx, []string{TransferSettlement, TransferUnapplied, TransferFee})
	for {
		p, ok1 := payments.Peek(ctx)
		m, ok2 := moves.Peek(ctx)
		if !ok1 && !ok2 {
			break
		}
		var s story
		s.least(ok1, p.Owner, p.ID)
		s.least(ok2, m.Owner, m.Subject)
		if ok1 && s.is(p.Owner, p.ID) {
			payments.Next(ctx)
		} else {
			p = Payment{}
		}
		var moved []ledger.Entry
		for ok2 && s.is(m.Owner, m.Subject) {
			moved = append(moved, m)
			moves.Next(ctx)
			m, ok2 = moves.Peek(ctx)
		}
		compare(s.owner, s.id, p, moved, report)
	}
	return errors.Join(payments.Err(), moves.Err())
}

// compare holds the debit entries of one payment's transfers against what the payment says.
func compare(owner, id string, p Payment, moved []ledger.Entry, report audit.Report) {
	want := map[string]int64{TransferSettlement: p.Applied, TransferUnapplied: p.Unapplied, TransferFee: p.Fee}
	from := map[string]string{
		TransferSettlement: ledger.Clearing(p.Rail), TransferUnapplied: ledger.Clearing(p.Rail), TransferFee: ledger.Balance,
	}
	to := map[string]string{TransferSettlement: ledger.Balance, TransferUnapplied: ledger.Unapplied, TransferFee: ledger.Fees}
	say := func(format string, args ...any) {
		report(audit.Finding{Table: "payment", Owner: owner, Row: id, Problem: fmt.Sprintf(format, args...)})
	}
	for _, e := range moved {
		account := func(kind string) string {
			return ledger.Account{Owner: owner, Currency: p.Currency, Kind: kind}.ID()
		}
		if p.ID == "" {
			say("transfer %s moves %d for it, and there is no such payment", e.Transfer, e.Amount)
			continue
		}
		if e.Account != account(from[e.Kind]) || e.CounterAccount != account(to[e.Kind]) || e.CounterOwner != owner || !e.At.Equal(p.At) {
			say("transfer %s of kind %s goes from %s to %s at %s", e.Transfer, e.Kind, e.Account, e.CounterAccount, e.At)
		}
		want[e.Kind] -= e.Amount
	}
	for kind, left := range want {
		if left != 0 {
			say("its %s transfers move %d too little", kind, left)
		}
	}
}
