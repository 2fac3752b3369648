package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sarraf/internal/audit"
	"sarraf/money"
	"sarraf/seal"
	"sarraf/store"
)

// Audit proves the books in a snapshot, from entries and hold steps alone: the figures of every account in every column, numbers without
// a gap, the balance after each entry and what was held after each step, no moment below a floor, both sides of each transfer, debits equal
// to credits in each currency, and every hold against its steps. Rows dated after now by more than the sealing grace are named too.
// That entries and steps themselves were not edited is proved by their seals.
func Audit(ctx context.Context, tx *store.Tx, now time.Time, report audit.Report) error {
	a := auditor{report: report, sums: map[money.Currency][2]uint64{}, latest: now.Add(seal.Grace).UnixMicro()}
	if err := a.walkAccounts(ctx, tx); err != nil {
		return err
	}
	for c, s := range a.sums {
		if s[0] != s[1] {
			a.say("entry", "", string(c), "debits come to %d and credits to %d", s[0], s[1])
		}
	}
	if err := a.walkSides(ctx, tx); err != nil {
		return err
	}
	return a.walkHolds(ctx, tx)
}

type auditor struct {
	report audit.Report
	sums   map[money.Currency][2]uint64 // debits and credits, modulo 2^64: equal sums stay equal
	latest int64                        // micros; nothing can have been written later
}

func (a *auditor) say(table, owner, row, format string, args ...any) {
	a.report(audit.Finding{Table: table, Owner: owner, Row: row, Problem: fmt.Sprintf(format, args...)})
}

// books are the entries and steps of one account as they are walked.
type books struct {
	*auditor
	name    Account
	owner   string
	id      string
	known   bool
	got     accountRow // what entries and steps come to
	last    entryRow
	entries *store.Stream[entryRow]
	steps   *store.Stream[stepRow]
}

// walkAccounts walks accounts, entries and steps side by side, by owner and account.
func (a *auditor) walkAccounts(ctx context.Context, tx *store.Tx) error {
	accounts := store.NewStream(ctx, tx, sqlAllAccounts, nil, scanAccount)
	entries := store.NewStream(ctx, tx, sqlAllEntries, nil, scanEntry)
	steps := store.NewStream(ctx, tx, sqlAllSteps, nil, scanStep)
	for {
		row, ok1 := accounts.Peek(ctx)
		e, ok2 := entries.Peek(ctx)
		s, ok3 := steps.Peek(ctx)
		if !ok1 && !ok2 && !ok3 {
			break
		}
		var owner, id string
		set := false
		least := func(ok bool, o, i string) {
			if ok && (!set || o < owner || o == owner && i < id) {
				owner, id, set = o, i, true
			}
		}
		least(ok1, row.Owner, row.ID)
		least(ok2, e.Owner, e.Account)
		least(ok3, s.Owner, s.Account)
		b := books{auditor: a, owner: owner, id: id, entries: entries, steps: steps}
		b.name, b.known = parse(owner, id)
		b.walk(ctx)
		if ok1 && row.Owner == owner && row.ID == id {
			accounts.Next(ctx)
			b.compare(row)
		} else {
			a.say("account", owner, id, "it has %d entries and %d hold steps, and no row", b.got.Seq, b.got.HoldSeq)
		}
	}
	return errors.Join(accounts.Err(), entries.Err(), steps.Err())
}

// walk follows the account through its entries and steps in the order in which they were made.
func (b *books) walk(ctx context.Context) {
	b.got = accountRow{Owner: b.owner, ID: b.id, Currency: string(b.name.Currency), Kind: b.name.Kind, Floor: floorOf(b.name.Kind)}
	for {
		e, haveEntry := b.entries.Peek(ctx)
		haveEntry = haveEntry && e.Owner == b.owner && e.Account == b.id
		s, haveStep := b.steps.Peek(ctx)
		haveStep = haveStep && s.Owner == b.owner && s.Account == b.id
		switch {
		case !haveEntry && !haveStep:
			return
		case haveStep && (!haveEntry || s.EntrySeq < e.Seq):
			b.steps.Next(ctx)
			b.step(s)
		default:
			b.entries.Next(ctx)
			b.entry(e)
			// A hold that is posted ends in the same moment as its transfer is made.
			if haveStep && s.Step == string(Posted) && s.EntrySeq == e.Seq && s.Transfer == some(e.Transfer) {
				b.steps.Next(ctx)
				b.step(s)
			}
		}
		if f := b.got.Floor; f.set && b.got.Credits-b.got.Debits-b.got.Held < f.value {
			b.say("account", b.owner, b.id, "after entry %d and hold step %d, %d is available", b.got.Seq, b.got.HoldSeq,
				b.got.Credits-b.got.Debits-b.got.Held)
		}
	}
}

func (b *books) entry(e entryRow) {
	say := func(format string, args ...any) {
		b.say("entry", b.owner, fmt.Sprintf("%s/%d", b.id, e.Seq), format, args...)
	}
	if e.Seq != b.got.Seq+1 {
		say("it follows entry %d", b.got.Seq)
	}
	b.got.Seq, b.last = e.Seq, e
	sums := b.sums[b.name.Currency]
	switch e.Side {
	case Debit:
		b.got.Debits += e.Amount
		sums[0] += uint64(e.Amount)
	case Credit:
		b.got.Credits += e.Amount
		sums[1] += uint64(e.Amount)
	default:
		say("its side is %q", e.Side)
	}
	b.sums[b.name.Currency] = sums
	if e.Amount <= 0 {
		say("its amount is %d", e.Amount)
	}
	if balance := b.got.Credits - b.got.Debits; e.BalanceAfter != balance {
		say("it leaves a balance of %d, and says %d", balance, e.BalanceAfter)
	}
	if e.At > b.latest {
		say("it is dated %d, in the future", e.At)
	}
}

func (b *books) step(s stepRow) {
	say := func(format string, args ...any) {
		b.say("hold_step", b.owner, fmt.Sprintf("%s/%d", b.id, s.N), format, args...)
	}
	if s.N != b.got.HoldSeq+1 {
		say("it follows step %d", b.got.HoldSeq)
	}
	b.got.HoldSeq = s.N
	switch {
	case s.Step == placed:
		b.got.Held += s.Amount
	case slices.Contains([]State{Posted, Voided, Expired}, State(s.Step)):
		b.got.Held -= s.Amount
	default:
		say("its step is %q", s.Step)
	}
	if s.Amount <= 0 {
		say("its amount is %d", s.Amount)
	}
	if s.HeldAfter != b.got.Held {
		say("it leaves %d held, and says %d", b.got.Held, s.HeldAfter)
	}
	if s.EntrySeq != b.got.Seq {
		say("it was made after entry %d, and says %d", b.got.Seq, s.EntrySeq)
	}
	switch posted := s.Step == string(Posted); {
	case posted && (b.last.Seq != s.EntrySeq || !s.moved(b.last)):
		say("it posted %d to %s of %s as transfer %s, and entry %d is transfer %s", s.Amount, s.CounterAccount, s.CounterOwner, s.Transfer,
			b.last.Seq, b.last.Transfer)
	case !posted && s.Transfer.set:
		say("it made no transfer, and names %s", s.Transfer)
	case s.Step == string(Expired) && (!s.ExpiresAt.set || s.At < s.ExpiresAt.value), posted && s.ExpiresAt.set && s.At >= s.ExpiresAt.value:
		say("it is %s at %d, and expires at %s", s.Step, s.At, s.ExpiresAt)
	}
	if s.At > b.latest {
		say("it is dated %d, in the future", s.At)
	}
}

// moved reports whether the entry is the debit with which a step posted its hold.
func (s stepRow) moved(e entryRow) bool {
	return e.Side == Debit && e.Transfer == s.Transfer.value && e.Amount == s.Amount && e.CounterOwner == s.CounterOwner &&
		e.CounterAccount == s.CounterAccount && e.Kind == s.Kind && e.Subject == s.Subject && e.At == s.At
}

// compare holds the account's row against what its entries and steps come to.
func (b *books) compare(row accountRow) {
	if !b.known {
		b.say("account", b.owner, b.id, "the chart has no such account")
	}
	if b.got.Seq == 0 && b.got.HoldSeq == 0 {
		b.say("account", b.owner, b.id, "it has no entries and no holds")
	}
	for _, d := range audit.Diff(row, b.got) {
		b.say("account", b.owner, b.id, "%s by its entries", d)
	}
}

// walkSides names the entries whose other side is missing or says something else.
func (a *auditor) walkSides(ctx context.Context, tx *store.Tx) error {
	return tx.Query(ctx, sqlUnmatched, nil, func(r store.Row) error {
		var e entryRow
		var owner, account, counterOwner, counterAccount, kind, subject *string
		var amount, at *int64
		if err := r.Scan(append(e.into(), &owner, &account, &amount, &counterOwner, &counterAccount, &kind, &subject, &at)...); err != nil {
			return err
		}
		row := fmt.Sprintf("%s/%d", e.Account, e.Seq)
		if owner == nil {
			a.say("entry", e.Owner, row, "transfer %s has no other side in %s of %s", e.Transfer, e.CounterAccount, e.CounterOwner)
			return nil
		}
		a.say("entry", e.Owner, row, "the other side of transfer %s says %s of %s, %d, %s, %s, %d", e.Transfer, *account, *owner, *amount, *kind,
			*subject, *at)
		return nil
	})
}

// walkHolds walks holds and their steps side by side, by owner and hold.
func (a *auditor) walkHolds(ctx context.Context, tx *store.Tx) error {
	holds := store.NewStream(ctx, tx, sqlAllHolds, nil, scanHold)
	steps := store.NewStream(ctx, tx, sqlStepsByHold, nil, scanStep)
	for {
		h, ok1 := holds.Peek(ctx)
		s, ok2 := steps.Peek(ctx)
		if !ok1 && !ok2 {
			break
		}
		owner, id := h.Owner, h.ID
		if !ok1 || ok2 && (s.Owner < owner || s.Owner == owner && s.Hold < id) {
			owner, id = s.Owner, s.Hold
		}
		var list []stepRow
		for ok2 && s.Owner == owner && s.Hold == id {
			list = append(list, s)
			steps.Next(ctx)
			s, ok2 = steps.Peek(ctx)
		}
		if !ok1 || h.Owner != owner || h.ID != id {
			a.say("hold", owner, id, "it has %d steps, and no row", len(list))
			continue
		}
		holds.Next(ctx)
		a.hold(h, list)
	}
	return errors.Join(holds.Err(), steps.Err())
}

// hold holds a hold's row against its steps: it is placed, and ends at most once.
func (a *auditor) hold(h holdRow, list []stepRow) {
	if len(list) == 0 {
		a.say("hold", h.Owner, h.ID, "no step tells of it")
		return
	}
	first := list[0]
	want := holdRow{
		Owner: first.Owner, ID: first.Hold, Account: first.Account, CounterOwner: first.CounterOwner, CounterAccount: first.CounterAccount,
		Amount: first.Amount, State: string(Pending), Kind: first.Kind, Subject: first.Subject, ExpiresAt: first.ExpiresAt,
		CreatedAt: first.At,
	}
	if first.Step != placed || len(list) > 2 {
		a.say("hold_step", h.Owner, fmt.Sprintf("%s/%d", first.Account, first.N), "hold %s begins with %s and has %d steps", h.ID, first.Step, len(list))
	}
	if len(list) > 1 {
		last := list[1]
		want.State, want.Transfer, want.ClosedAt = last.Step, last.Transfer, some(last.At)
		same := first
		same.N, same.Step, same.Transfer, same.HeldAfter, same.EntrySeq, same.At = last.N, last.Step, last.Transfer, last.HeldAfter, last.EntrySeq, last.At
		for _, d := range audit.Diff(last, same) {
			a.say("hold_step", h.Owner, fmt.Sprintf("%s/%d", last.Account, last.N), "%s as it was placed", d)
		}
	}
	for _, d := range audit.Diff(h, want) {
		a.say("hold", h.Owner, h.ID, "%s by its steps", d)
	}
}
