package wallet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"sarraf/event"
	"sarraf/internal/audit"
	"sarraf/ledger"
	"sarraf/store"
)

// row is a transfer as its table has it.
type row struct {
	Transfer
	echo string
}

func scanRow(r store.Row) (t row, err error) {
	t.Transfer, t.echo, err = scanTransfer(r)
	return t, err
}

// Audit proves the wallets in a snapshot: each transfer is, in every column, what its one event says, and its receiver's merchant was told the
// same; its entries move exactly what it says, between the accounts that it names, with no transfer of these kinds left over; each return is
// of one withdrawal, and brings back what that one took; and each telephone and receipt number leads to what has it, and to nothing else.
func Audit(ctx context.Context, tx *store.Tx, report audit.Report) error {
	if err := auditEvents(ctx, tx, report); err != nil {
		return err
	}
	if err := auditMoves(ctx, tx, report); err != nil {
		return err
	}
	if err := auditReturns(ctx, tx, report); err != nil {
		return err
	}
	return auditAliases(ctx, tx, report)
}

// StreamOfInvoices walks the transfers that paid invoices, by the invoice's owner and by id: each has a payment with its id.
func StreamOfInvoices(ctx context.Context, tx *store.Tx) *store.Stream[Transfer] {
	return store.NewStream(ctx, tx, sqlOfInvoices, nil, func(r store.Row) (Transfer, error) {
		t, err := scanRow(r)
		return t.Transfer, err
	})
}

// auditEvents walks transfers and both kinds of events by the transfer's id.
func auditEvents(ctx context.Context, tx *store.Tx, report audit.Report) error {
	rows := store.NewStream(ctx, tx, sqlTransfersByID, nil, scanRow)
	told, notes := event.StreamSubjects(ctx, tx, EventKind), event.StreamSubjects(ctx, tx, ReceiptKind)
	for {
		r, ok1 := rows.Peek(ctx)
		e, ok2 := told.Peek(ctx)
		n, ok3 := notes.Peek(ctx)
		if !ok1 && !ok2 && !ok3 {
			break
		}
		id, set := "", false
		for _, next := range []struct {
			ok bool
			id string
		}{{ok1, r.ID}, {ok2, e.Subject}, {ok3, n.Subject}} {
			if next.ok && (!set || next.id < id) {
				id, set = next.id, true
			}
		}
		s := storyOf(id, report)
		for ok1 && r.ID == id {
			s.rows = append(s.rows, r)
			rows.Next(ctx)
			r, ok1 = rows.Peek(ctx)
		}
		s.told = gather(ctx, told, id)
		s.notes = gather(ctx, notes, id)
		s.judge()
	}
	return errors.Join(rows.Err(), told.Err(), notes.Err())
}

// gather takes the events about the subject that come next.
func gather(ctx context.Context, events *store.Stream[event.Event], id string) []event.Event {
	var list []event.Event
	for {
		e, ok := events.Peek(ctx)
		if !ok || e.Subject != id {
			return list
		}
		events.Next(ctx)
		list = append(list, e)
	}
}

// story is what there is about one transfer.
type story struct {
	id          string
	rows        []row
	told, notes []event.Event
	report      audit.Report
}

func storyOf(id string, report audit.Report) *story { return &story{id: id, report: report} }

func (s *story) say(table, owner, row, format string, args ...any) {
	s.report(audit.Finding{Table: table, Owner: owner, Row: row, Problem: fmt.Sprintf(format, args...)})
}

func (s *story) sayEvent(e event.Event, format string, args ...any) {
	s.say("event", e.Owner, fmt.Sprint(e.Seq), format, args...)
}

func (s *story) judge() {
	for _, e := range s.told[min(1, len(s.told)):] {
		s.sayEvent(e, "it tells of transfer %s, which another event told of", s.id)
	}
	if len(s.told) == 0 {
		for _, r := range s.rows {
			s.say("wallet_transfer", r.Owner, r.ID, "no event tells of it")
		}
		for _, n := range s.notes {
			s.sayEvent(n, "it tells of transfer %s, which no event of its sender does", s.id)
		}
		return
	}
	first := s.told[0]
	var f Fact
	if err := json.Unmarshal(first.Data, &f); err != nil {
		s.sayEvent(first, "it cannot be read: %v", err)
		return
	}
	t := f.Transfer
	if t.ID != s.id || first.Owner != t.teller() || first.Type != eventTypes[t.Kind] || first.Door != t.Door || !first.At.Equal(t.At) {
		s.sayEvent(first, "it is %s of %s and tells of a %s of %s", first.Type, first.Owner, t.Kind, t.teller())
	}
	found := false
	for _, r := range s.rows {
		if r.Owner != t.Owner {
			s.say("wallet_transfer", r.Owner, r.ID, "no event tells of it")
			continue
		}
		found = true
		for _, d := range audit.Diff(r.Transfer, t) {
			s.say("wallet_transfer", r.Owner, r.ID, "%s by its event", d)
		}
		s.echo(r)
	}
	if !found {
		s.say("wallet_transfer", t.Owner, t.ID, "an event tells of it, and there is no row")
	}
	s.judgeNotes(t)
}

// echo holds the one column that no event tells against the row itself.
func (s *story) echo(r row) {
	if r.echo == "" {
		return
	}
	sp := Spend{Receiver: r.Receiver, Invoice: r.Invoice, Amount: r.money(), Note: r.Note, at: r.At}
	want, least := sp.echo(0), sp.echo(0)
	if r.At.Equal(r.At.Truncate(time.Minute)) {
		least = sp.echo(-24 * 60) // it may be dated at a day's beginning, by a clock that was behind: see dated
	}
	if !strings.HasSuffix(r.echo, want[echoMinute:]) || r.echo > want || r.echo < least {
		s.say("wallet_transfer", r.Owner, r.ID, "its echo is not that of its minute and content")
	}
}

func (s *story) judgeNotes(t Transfer) {
	want := 0
	if t.notes() {
		want = 1
	}
	if len(s.notes) != want {
		s.say("event", t.ReceiverMerchant, s.id, "%d events tell the receiver's merchant of it, and not %d", len(s.notes), want)
	}
	for _, n := range s.notes {
		var f Fact
		if json.Unmarshal(n.Data, &f) != nil || f.Transfer != t || n.Owner != t.ReceiverMerchant || n.Type != EventReceived || !n.At.Equal(t.At) || n.Door != t.Door {
			s.sayEvent(n, "it is not what the event of the transfer's sender says")
		}
	}
}

// auditMoves walks the transfers and the entries that name them.
func auditMoves(ctx context.Context, tx *store.Tx, report audit.Report) error {
	rows := store.NewStream(ctx, tx, sqlTransfersByOwner, nil, scanRow)
	entries := ledger.StreamTransfers(ctx, tx, []string{moveSend, movePayment, moveTopUp, moveFee, moveWithdrawal, moveReturn, moveRefund})
	for {
		r, ok1 := rows.Peek(ctx)
		e, ok2 := entries.Peek(ctx)
		if !ok1 && !ok2 {
			break
		}
		owner, id := r.Owner, r.ID
		if !ok1 || ok2 && (e.Owner < owner || e.Owner == owner && e.Subject < id) {
			owner, id = e.Owner, e.Subject
		}
		if ok1 && r.Owner == owner && r.ID == id {
			rows.Next(ctx)
		} else {
			r = row{}
		}
		var moved []ledger.Entry
		for ok2 && e.Owner == owner && e.Subject == id {
			moved = append(moved, e)
			entries.Next(ctx)
			e, ok2 = entries.Peek(ctx)
		}
		compare(owner, id, r.Transfer, moved, report)
	}
	return errors.Join(rows.Err(), entries.Err())
}

// compare holds the debit entries of one transfer against what it says.
func compare(owner, id string, t Transfer, moved []ledger.Entry, report audit.Report) {
	say := func(format string, args ...any) {
		report(audit.Finding{Table: "wallet_transfer", Owner: owner, Row: id, Problem: fmt.Sprintf(format, args...)})
	}
	if t.ID == "" {
		for _, e := range moved {
			say("transfer %s moves %d for it, and there is no such row", e.Transfer, e.Amount)
		}
		return
	}
	sp := Spend{Sender: t.Owner, Receiver: t.Receiver, Amount: t.money()}
	switch {
	case t.Kind == Withdrawal || t.Kind == Return:
		sp.Out = &Out{}
	case t.Invoice != "":
		sp.Payee = &payeeOfInvoice
	default:
		sp.rail = t.Rail
	}
	accounts := sp.accounts(true)
	from, to, fees := accounts[0], accounts[1], accounts[len(accounts)-1]
	main := t.ID
	switch {
	case t.FromOutside():
		from, to = to, from
	case t.Kind == Refund:
		from, to, main = Clearing(t.Owner, t.Currency), account(t.Receiver, t.Currency), RefundMove(t.ID)
	}
	whole, fee := int64(0), int64(0)
	for _, e := range moved {
		switch {
		case e.Kind == moves[t.Kind] && e.Transfer == main && e.Account == from.ID() && e.CounterOwner == to.Owner && e.CounterAccount == to.ID():
			whole += e.Amount
		case e.Kind == moveFee && sp.Out == nil && t.Kind != TopUp && t.Kind != Refund && e.Account == from.ID() && e.CounterOwner == fees.Owner && e.CounterAccount == fees.ID():
			fee += e.Amount
		default:
			say("transfer %s moves %d from %s to %s of %s for it, which is not its way", e.Transfer, e.Amount, e.Account, e.CounterAccount, e.CounterOwner)
		}
		if !e.At.Equal(t.At) {
			say("transfer %s was made at another time", e.Transfer)
		}
	}
	if sp.Out != nil {
		fee = min(t.Fee, whole) // it goes along, and is earned when the payout is completed
		whole -= fee
	}
	if whole != t.Amount || fee != t.Fee {
		say("its entries move %d and a fee of %d, not %d and %d", whole, fee, t.Amount, t.Fee)
	}
	// The last entry of the wallet's own tells what was left; that of what comes from outside and of a refund is on the other side.
	if !t.FromOutside() && t.Kind != Refund && len(moved) > 0 {
		least := moved[0].BalanceAfter
		for _, e := range moved[1:] {
			least = min(least, e.BalanceAfter)
		}
		if t.BalanceAfter != least {
			say("it says that %d was left, and the entries that %d was", t.BalanceAfter, least)
		}
	}
}

// StreamOfPayouts walks withdrawals and returns by wallet, by payout - their RailReference - and a withdrawal before its return.
func StreamOfPayouts(ctx context.Context, tx *store.Tx) *store.Stream[Transfer] {
	return store.NewStream(ctx, tx, sqlOfPayouts, []any{string(Withdrawal), string(Return)}, func(r store.Row) (Transfer, error) {
		t, err := scanRow(r)
		return t.Transfer, err
	})
}

// auditReturns walks withdrawals and returns: each is what it says of itself, and a return is what its withdrawal makes of it. That a
// payout has one withdrawal and one return at most, the table's own key says; that it has them, the audit of payouts.
func auditReturns(ctx context.Context, tx *store.Tx, report audit.Report) error {
	rows := StreamOfPayouts(ctx, tx)
	var last Transfer
	for {
		t, ok := rows.Peek(ctx)
		if !ok {
			return rows.Err()
		}
		rows.Next(ctx)
		say := func(format string, args ...any) {
			report(audit.Finding{Table: "wallet_transfer", Owner: t.Owner, Row: t.ID, Problem: fmt.Sprintf(format, args...)})
		}
		switch {
		case t.Kind == Withdrawal:
			if last = t; t.Rail != PayoutRail || t.RailReference == "" || t.Receiver != "" {
				say("it is a withdrawal for payout %q over %q to wallet %q", t.RailReference, t.Rail, t.Receiver)
			}
		case last.Owner != t.Owner || last.RailReference != t.RailReference:
			say("it is the return of payout %s, for which nothing was withdrawn", t.RailReference)
		default:
			want := last.back(t.ID, Back{At: t.At})
			want.BalanceAfter = t.BalanceAfter
			for _, d := range audit.Diff(t, want) {
				say("%s by withdrawal %s", d, last.ID)
			}
		}
	}
}

func auditAliases(ctx context.Context, tx *store.Tx, report audit.Report) error {
	lost := func(problem string) func(store.Row) error {
		return func(r store.Row) error {
			var owner, id string
			err := r.Scan(&owner, &id)
			report(audit.Finding{Table: "alias", Owner: owner, Row: id, Problem: problem})
			return err
		}
	}
	stray := func(r store.Row) error {
		var owner, value, kind string
		err := r.Scan(&owner, &value, &kind)
		report(audit.Finding{Table: "alias", Owner: owner, Row: kind + "/" + value, Problem: "it leads to nothing that has it"})
		return err
	}
	tx.Later(sqlNoNumber, []any{NumberAlias}, lost("the wallet cannot be found by its telephone number"))
	tx.Later(sqlNoReceipt, []any{ReceiptAlias}, lost("the transfer cannot be found by its receipt's number"))
	tx.Later(sqlNoState, nil, func(r store.Row) error {
		var owner, none string
		err := r.Scan(&owner, &none)
		report(audit.Finding{Table: "wallet_state", Owner: owner, Row: owner, Problem: "the wallet has none, and so no limits"})
		return err
	})
	tx.Later(sqlStrayNumber, []any{NumberAlias}, stray)
	return tx.Query(ctx, sqlStrayReceipt, []any{ReceiptAlias}, stray)
}
