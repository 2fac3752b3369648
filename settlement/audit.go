package settlement

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"sarraf/event"
	"sarraf/internal/audit"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/payment"
	"sarraf/store"
)

// Audit proves the settlements in a snapshot: each file is, in every column, what its last event says, and its sums are those of its lines;
// each line is what its one event says, and settles the whole of a receipt that came over the file's rail; and the transfers of these
// kinds move exactly what the lines say.
func Audit(ctx context.Context, tx *store.Tx, report audit.Report) error {
	a := &auditor{report: report, files: map[string]*sums{}}
	var err error
	if a.play, err = modes(ctx, tx); err != nil {
		return err
	}
	for _, part := range []func(context.Context, *store.Tx) error{a.walkFiles, a.walkLines, a.walkTransfers} {
		if err := part(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

type auditor struct {
	report audit.Report
	files  map[string]*sums
	play   map[string]bool
}

// sums is a file, and what its lines come to.
type sums struct {
	File
	lines, amount, charges int64
}

func (a *auditor) say(table, owner, row, format string, args ...any) {
	a.report(audit.Finding{Table: table, Owner: owner, Row: row, Problem: fmt.Sprintf(format, args...)})
}

// walkFiles walks the files and their events side by side.
func (a *auditor) walkFiles(ctx context.Context, tx *store.Tx) error {
	rows, events := store.NewStream(ctx, tx, sqlAllFiles, nil, scanFile), event.Stream(ctx, tx, FileKind)
	for {
		row, haveRow := rows.Peek(ctx)
		e, haveEvent := events.Peek(ctx)
		if !haveRow && !haveEvent {
			break
		}
		k := key{row.Owner, row.ID}
		if !haveRow || haveEvent && less(key{e.Owner, e.Subject}, k) {
			k, haveRow = key{e.Owner, e.Subject}, false
		}
		var last *File
		for ; haveEvent && (key{e.Owner, e.Subject}) == k; e, haveEvent = events.Peek(ctx) {
			events.Next(ctx)
			last = a.follow(e, last)
		}
		if !haveRow {
			a.say("settlement", k.owner, k.payment, "there are events about it, and no row")
			continue
		}
		rows.Next(ctx)
		a.files[row.ID] = &sums{File: row}
		if last == nil {
			a.say("settlement", row.Owner, row.ID, "no event tells of it")
			continue
		}
		for _, d := range audit.Diff(row, *last) {
			a.say("settlement", row.Owner, row.ID, "%s by its last event", d)
		}
	}
	return errors.Join(rows.Err(), events.Err())
}

// follow checks one step of a file's story, and answers the file as it then stood.
func (a *auditor) follow(e event.Event, was *File) *File {
	say := func(format string, args ...any) { a.say("event", e.Owner, fmt.Sprint(e.Seq), format, args...) }
	var fact FileFact
	if err := json.Unmarshal(e.Data, &fact); err != nil {
		say("it cannot be read: %v", err)
		return was
	}
	now := fact.File
	if now.Owner != e.Owner || now.ID != e.Subject || now.Owner != merchant.House {
		say("it tells of settlement %s of %s", now.ID, now.Owner)
	}
	if was == nil {
		if e.Type != EventBegun || now.Settled+now.SettledAmount+now.SettledCharges+now.Lacking != 0 || now.Status != Begun {
			say("it is the first about settlement %s: %s, with %d settled", now.ID, e.Type, now.Settled)
		}
		return &now
	}
	if more := now.Settled > was.Settled; e.Type == EventBegun || more != (e.Type == EventPosted) || (now.Status == Done) != (e.Type == EventEnded) {
		say("it is %s, with %d settled after %d, and %s", e.Type, now.Settled, was.Settled, now.Status)
	}
	if len(audit.Diff(now, *was)) == 0 {
		say("it changes nothing of settlement %s", now.ID)
	}
	same := now // everything else is as it was made
	same.Settled, same.SettledAmount, same.SettledCharges, same.Lacking = was.Settled, was.SettledAmount, was.SettledCharges, was.Lacking
	same.Status, same.UpdatedAt = was.Status, was.UpdatedAt
	for _, d := range audit.Diff(same, *was) {
		say("%s", d)
	}
	return &now
}

func less(a, b key) bool { return a.owner < b.owner || a.owner == b.owner && a.payment < b.payment }

// walkLines walks lines, their events and the payments side by side, and adds up the files.
func (a *auditor) walkLines(ctx context.Context, tx *store.Tx) error {
	lines, events := store.NewStream(ctx, tx, sqlAllLines, nil, scanLine), event.Stream(ctx, tx, LineKind)
	payments := payment.Stream(ctx, tx)
	for {
		l, haveLine := lines.Peek(ctx)
		e, haveEvent := events.Peek(ctx)
		if !haveLine && !haveEvent {
			break
		}
		k := l.key()
		if !haveLine || haveEvent && less(key{e.Owner, e.Subject}, k) {
			k, haveLine = key{e.Owner, e.Subject}, false
		}
		var told *Line
		for ; haveEvent && (key{e.Owner, e.Subject}) == k; e, haveEvent = events.Peek(ctx) {
			events.Next(ctx)
			var fact LineFact
			switch {
			case json.Unmarshal(e.Data, &fact) != nil:
				a.say("event", e.Owner, fmt.Sprint(e.Seq), "it cannot be read")
				continue
			case e.Type != EventPaid || told != nil:
				a.say("event", e.Owner, fmt.Sprint(e.Seq), "it is %s about payment %s, which is settled once", e.Type, e.Subject)
			}
			told = &fact.Line
		}
		if !haveLine {
			a.say("settlement_line", k.owner, k.payment, "an event tells of it, and there is no row")
			continue
		}
		lines.Next(ctx)
		p, ok := payments.Peek(ctx)
		for ok && less(key{p.Owner, p.ID}, k) {
			payments.Next(ctx)
			p, ok = payments.Peek(ctx)
		}
		if !ok || (key{p.Owner, p.ID}) != k {
			p = payment.Payment{}
		}
		a.line(l, told, p)
	}
	for _, f := range a.files {
		if f.lines != f.Settled || f.amount != f.SettledAmount || f.charges != f.SettledCharges {
			a.say("settlement", f.Owner, f.ID, "it counts %d settled, of %d with charges of %d, and its lines are %d, of %d with %d",
				f.Settled, f.SettledAmount, f.SettledCharges, f.lines, f.amount, f.charges)
		}
		if f.Settled > f.Lines {
			a.say("settlement", f.Owner, f.ID, "it has %d lines, of which %d were settled", f.Lines, f.Settled)
		}
	}
	return errors.Join(lines.Err(), events.Err(), payments.Err())
}

// line holds a line against what its event says, against the receipt and against the file.
func (a *auditor) line(l Line, told *Line, p payment.Payment) {
	say := func(format string, args ...any) { a.say("settlement_line", l.Owner, l.Payment, format, args...) }
	if told == nil {
		say("no event tells of it")
	} else {
		for _, d := range audit.Diff(l, *told) {
			say("%s by its event", d)
		}
	}
	f := a.files[l.File]
	if f == nil {
		say("there is no settlement %s", l.File)
		return
	}
	f.lines++
	f.amount += l.Amount
	f.charges += l.Charges
	if l.Number < 1 || l.Charges < 0 || l.Currency != f.Currency {
		say("it is line %d of %s, with charges of %d %s", l.Number, f.ID, l.Charges, l.Currency)
	}
	if p.ID == "" {
		say("there is no such payment")
	} else if p.Status != payment.Received || p.Rail != f.Rail || p.Amount != l.Amount || p.Currency != l.Currency {
		say("it settles %d %s over %s, and the payment is %s, %d %s over %s", l.Amount, l.Currency, f.Rail, p.Status, p.Amount, p.Currency, p.Rail)
	}
}

// walkTransfers walks the transfers, all of them from accounts of the house, and the lines side by side, by payment.
func (a *auditor) walkTransfers(ctx context.Context, tx *store.Tx) error {
	lines := store.NewStream(ctx, tx, sqlLinesByPayment, nil, scanLine)
	moves := ledger.StreamTransfers(ctx, tx, []string{TransferClearing, TransferCharges})
	for {
		l, haveLine := lines.Peek(ctx)
		m, haveMove := moves.Peek(ctx)
		if !haveLine && !haveMove {
			break
		}
		subject := l.Payment
		if !haveLine || haveMove && (m.Owner != merchant.House || m.Subject < subject) {
			subject = m.Subject
		}
		var settled []Line
		for ; haveLine && l.Payment == subject; l, haveLine = lines.Peek(ctx) {
			lines.Next(ctx)
			settled = append(settled, l)
		}
		var moved []ledger.Entry
		for ; haveMove && m.Subject == subject; m, haveMove = moves.Peek(ctx) {
			moves.Next(ctx)
			moved = append(moved, m)
		}
		a.transfers(subject, settled, moved)
	}
	return errors.Join(lines.Err(), moves.Err())
}

// transfers holds the debit entries of the transfers for a payment against the lines of it: one, but for ids that somebody forged.
func (a *auditor) transfers(subject string, settled []Line, moved []ledger.Entry) {
	for _, l := range settled {
		f := a.files[l.File]
		if f == nil {
			continue // walkLines has said so
		}
		own, cost := bank(f.Rail, l.Currency, a.play[l.Owner]), costs(f.Rail, l.Currency, a.play[l.Owner])
		whole, charges := l.Amount, l.Charges
		rest := moved[:0:0]
		for _, m := range moved {
			switch {
			case m.Kind == TransferClearing && m.Transfer == l.Transfer && isMove(m, own, clearing(f.Rail, l.Owner, l.Currency)) && m.At.Equal(l.At):
				whole -= m.Amount
			case m.Kind == TransferCharges && isMove(m, cost, own) && m.At.Equal(l.At):
				charges -= m.Amount
			default:
				rest = append(rest, m)
			}
		}
		if moved = rest; whole != 0 || charges != 0 {
			a.say("settlement_line", l.Owner, l.Payment, "its transfers move %d too little, and %d too little for charges", whole, charges)
		}
	}
	for _, m := range moved {
		a.say("settlement_line", m.CounterOwner, subject, "transfer %s of kind %s moves %d from %s of %s to %s of %s, and no line says so", m.Transfer,
			m.Kind, m.Amount, m.Account, m.Owner, m.CounterAccount, m.CounterOwner)
	}
}

// isMove reports whether a debit entry is of a transfer between the accounts.
func isMove(m ledger.Entry, from, to ledger.Account) bool {
	return m.Owner == from.Owner && m.Account == from.ID() && m.CounterOwner == to.Owner && m.CounterAccount == to.ID()
}
