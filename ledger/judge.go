package ledger

import (
	"math"
	"strconv"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/store"
)

// journal remembers what a command changed so far, to take it back when one of its operations is refused.
type journal struct {
	mark     int // 1 + the number of the command
	accounts []*account
	holds    []*hold
	were     []hold // as holds stood
	made     int
	steps    int
	placed   int
	closed   int
}

// check tells what is wrong with a command whatever the books say; nil as an error when nothing is.
func check(c Command) error {
	if len(c.Ops) == 0 {
		return fault.New(fault.TransferInvalid).On("ops")
	}
	for _, op := range c.Ops {
		if f := op.check(c.At); f != nil {
			return f
		}
	}
	return nil
}

// judge decides about command n and, when it is accepted, changes the figures of the batch accordingly.
func (b *batch) judge(n int) error {
	c, r := &b.commands[n], &b.results[n]
	after := b.after[:len(c.Ops):len(c.Ops)]
	b.after = b.after[len(c.Ops):]
	if r.Err != nil {
		return nil
	}
	if c.At.IsZero() {
		return errNoTime
	}
	known, err := b.known(c.Ops, after)
	if known || err != nil {
		if r.Exists = err == nil; r.Exists {
			r.After = after
		}
		r.Err = err
		return nil
	}
	b.begin(n)
	*r, err = b.carryAll(*c, Result{After: after})
	return err
}

// carryAll carries out the operations of a command that has begun, or takes back what it did.
func (b *batch) carryAll(c Command, r Result) (Result, error) {
	at := clock.Micros(c.At)
	for k, op := range c.Ops {
		f, err := b.carry(op, at, &r.After[k])
		if err != nil {
			return Result{}, err
		}
		if f != nil {
			b.takeBack()
			return Result{Err: f}, nil
		}
	}
	return r, nil
}

// familiarity is how an operation compares to what was there before its command.
type familiarity uint8

const (
	fresh familiarity = iota // nothing has its ids
	same                     // it was carried out
	other                    // its id stands for something else
)

// known reports whether all operations were carried out before, and fills in what they left behind then. The error is the fault of
// a command whose ids stand for something else, or which is known in parts.
func (b *batch) known(ops []Op, after []After) (bool, error) {
	count := 0
	var firstSame Op
	for k, op := range ops {
		switch b.compare(op, &after[k]) {
		case other:
			return false, fault.New(fault.IdempotencyReused).On("id")
		case same:
			if count == 0 {
				firstSame = op
			}
			count++
		}
	}
	if count == 0 {
		return false, nil
	}
	if count == len(ops) {
		return true, nil
	}
	switch op := firstSame.(type) {
	case Post:
		return false, closedFault(b.holds[ref{op.Owner, op.Hold}])
	case Void:
		return false, closedFault(b.holds[ref{op.Owner, op.Hold}])
	case Expire:
		return false, closedFault(b.holds[ref{op.Owner, op.Hold}])
	}
	return false, fault.New(fault.IdempotencyReused).On("id")
}

func (b *batch) compare(op Op, after *After) familiarity {
	switch op := op.(type) {
	case Transfer:
		m1 := b.moves[ref{op.From.Owner, op.ID}]
		m2 := m1
		if op.To.Owner != op.From.Owner {
			m2 = b.moves[ref{op.To.Owner, op.ID}]
		}
		switch {
		case m1 == nil && m2 == nil:
			return fresh
		case m1 == nil || m2 == nil || !m1.is(op.From, op.To, op.Amount, op.Kind, op.Subject) ||
			!m2.is(op.From, op.To, op.Amount, op.Kind, op.Subject):
			return other
		}
		*after = After{From: m1.fromAfter, To: m2.toAfter}
		return same
	case Hold:
		h := b.holds[ref{op.From.Owner, op.ID}]
		switch {
		case h == nil:
			return fresh
		case h.from != op.From || h.to != op.To || h.amount != op.Amount || h.kind != op.Kind || h.subject != op.Subject ||
			h.expiresAt != clock.Micros(op.ExpiresAt):
			return other
		}
		*after = After{Held: h.placedHeld}
		return same
	case Post:
		h := b.holds[ref{op.Owner, op.Hold}]
		if h == nil || h.state != Posted || h.transfer != op.Transfer {
			return fresh
		}
		*after = After{Held: h.closedHeld}
		if m := b.moves[ref{op.Owner, op.Transfer}]; m != nil {
			after.From = m.fromAfter
		}
		if m := b.moves[ref{h.to.Owner, op.Transfer}]; m != nil {
			after.To = m.toAfter
		}
		return same
	case Void:
		return b.ended(op.Owner, op.Hold, Voided, after)
	case Expire:
		return b.ended(op.Owner, op.Hold, Expired, after)
	}
	return fresh
}

func (b *batch) ended(owner, id string, state State, after *After) familiarity {
	h := b.holds[ref{owner, id}]
	if h == nil || h.state != state {
		return fresh
	}
	*after = After{Held: h.closedHeld}
	return same
}

// carry carries out one operation, or answers the fault it is refused with.
func (b *batch) carry(op Op, at int64, after *After) (*fault.Error, error) {
	switch op := op.(type) {
	case Transfer:
		return b.transfer(op, at, after), nil
	case Hold:
		return b.hold(op, at, after), nil
	case Post:
		return b.post(op, at, after)
	case Void:
		return b.giveBack(op.Owner, op.Hold, Voided, at, after)
	case Expire:
		return b.giveBack(op.Owner, op.Hold, Expired, at, after)
	}
	return fault.New(fault.TransferInvalid).On("ops"), nil
}

func (b *batch) transfer(op Transfer, at int64, after *After) *fault.Error {
	if f := b.taken(op.From.Owner, op.To.Owner, op.ID, "id"); f != nil {
		return f
	}
	from, to := b.accounts[op.From], b.accounts[op.To]
	if f := overflows(from, to, op.Amount); f != nil {
		return f
	}
	if f := insufficient(from, op.Amount); f != nil {
		return f
	}
	m := b.move(move{id: op.ID, from: op.From, to: op.To, amount: op.Amount, kind: op.Kind, subject: op.Subject, debited: from, credited: to, at: at})
	*after = After{From: m.fromAfter, To: m.toAfter}
	return nil
}

func (b *batch) hold(op Hold, at int64, after *After) *fault.Error {
	key := ref{op.From.Owner, op.ID}
	if b.holds[key] != nil {
		return fault.New(fault.IdempotencyReused).On("id")
	}
	from := b.accounts[op.From]
	if from.now.held > math.MaxInt64-op.Amount {
		return fault.New(fault.AmountOverflow)
	}
	if f := insufficient(from, op.Amount); f != nil {
		return f
	}
	h := &hold{
		owner: op.From.Owner, id: op.ID, from: op.From, to: op.To, amount: op.Amount, kind: op.Kind, subject: op.Subject,
		expiresAt: clock.Micros(op.ExpiresAt), createdAt: at, state: Pending,
	}
	b.holds[key] = h
	b.placed = append(b.placed, h)
	b.change(from)
	from.now.held += op.Amount
	h.placedHeld = from.now.held
	b.step(from, h, placed, at)
	*after = After{Held: h.placedHeld}
	return nil
}

func (b *batch) post(op Post, at int64, after *After) (*fault.Error, error) {
	h, from, to, f, err := b.pending(op.Owner, op.Hold)
	switch {
	case f != nil || err != nil:
		return f, err
	case h.expiresAt != 0 && at >= h.expiresAt:
		return fault.New(fault.HoldExpired), nil
	}
	if f := b.taken(h.from.Owner, h.to.Owner, op.Transfer, "transfer"); f != nil {
		return f, nil
	}
	if f := overflows(from, to, h.amount); f != nil {
		return f, nil
	}
	// What was held is what is moved: the available money stays as it is, so there is no floor to fall below.
	b.close(h, Posted, at)
	h.transfer = op.Transfer
	b.change(from)
	from.now.held -= h.amount
	h.closedHeld = from.now.held
	m := b.move(move{
		id: op.Transfer, from: h.from, to: h.to, amount: h.amount, kind: h.kind, subject: h.subject, debited: from, credited: to, at: at,
	})
	b.step(from, h, string(Posted), at)
	*after = After{From: m.fromAfter, To: m.toAfter, Held: h.closedHeld}
	return nil, nil
}

func (b *batch) giveBack(owner, id string, state State, at int64, after *After) (*fault.Error, error) {
	h, from, _, f, err := b.pending(owner, id)
	switch {
	case f != nil || err != nil:
		return f, err
	case state == Expired && (h.expiresAt == 0 || at < h.expiresAt):
		return fault.New(fault.HoldNotDue), nil
	}
	b.close(h, state, at)
	b.change(from)
	from.now.held -= h.amount
	h.closedHeld = from.now.held
	b.step(from, h, string(state), at)
	*after = After{Held: h.closedHeld}
	return nil, nil
}

// pending is a hold that has not ended, and its accounts.
func (b *batch) pending(owner, id string) (h *hold, from, to *account, f *fault.Error, err error) {
	h = b.holds[ref{owner, id}]
	if h == nil {
		return nil, nil, nil, fault.New(fault.HoldMissing), nil
	}
	if h.state != Pending {
		return nil, nil, nil, closedFault(h), nil
	}
	from, to = b.accounts[h.from], b.accounts[h.to]
	if from == nil || to == nil {
		// Another node placed it after this one had looked which accounts to lock.
		return nil, nil, nil, nil, store.ErrAgain
	}
	return h, from, to, nil, nil
}

func closedFault(h *hold) *fault.Error {
	return fault.New(fault.HoldClosed).With("state", string(h.state))
}

// taken is the fault of a transfer's id that is known: of the command itself, or of the transfer that a Post would make.
func (b *batch) taken(from, to, id, field string) *fault.Error {
	if b.moves[ref{from, id}] != nil || from != to && b.moves[ref{to, id}] != nil {
		return fault.New(fault.IdempotencyReused).On(field)
	}
	return nil
}

func overflows(from, to *account, amount int64) *fault.Error {
	if from.now.debits > math.MaxInt64-amount || to.now.credits > math.MaxInt64-amount {
		return fault.New(fault.AmountOverflow)
	}
	return nil
}

func insufficient(a *account, amount int64) *fault.Error {
	if !a.floor.set || a.available()-amount >= a.floor.value {
		return nil
	}
	return fault.New(fault.BalanceInsufficient).With("account", a.id).With("available", strconv.FormatInt(a.available(), 10))
}

// move carries out a transfer that has been judged.
func (b *batch) move(m move) *move {
	from, to := m.debited, m.credited
	b.change(from)
	b.change(to)
	from.now.debits += m.amount
	from.now.seq++
	to.now.credits += m.amount
	to.now.seq++
	m.fromSeq, m.toSeq, m.fromAfter, m.toAfter = from.now.seq, to.now.seq, from.balance(), to.balance()
	b.made = append(b.made, m)
	kept := &b.made[len(b.made)-1]
	b.moves[ref{m.from.Owner, m.id}] = kept
	if m.to.Owner != m.from.Owner {
		b.moves[ref{m.to.Owner, m.id}] = kept
	}
	return kept
}

// step takes down what has just been done to a hold.
func (b *batch) step(a *account, h *hold, name string, at int64) {
	a.now.holdSeq++
	b.steps = append(b.steps, step{
		account: a, n: a.now.holdSeq, hold: h, step: name, transfer: h.transfer, held: a.now.held, entrySeq: a.now.seq, at: at,
	})
}

// begin starts the journal of command n.
func (b *batch) begin(n int) {
	j := &b.undo
	*j = journal{
		mark: n + 1, accounts: j.accounts[:0], holds: j.holds[:0], were: j.were[:0],
		made: len(b.made), steps: len(b.steps), placed: len(b.placed), closed: len(b.closed),
	}
}

// change must be called before the figures of an account are changed.
func (b *batch) change(a *account) {
	if a.mark != b.undo.mark {
		a.mark, a.before = b.undo.mark, a.now
		b.undo.accounts = append(b.undo.accounts, a)
	}
}

// close ends a hold.
func (b *batch) close(h *hold, state State, at int64) {
	b.undo.holds, b.undo.were = append(b.undo.holds, h), append(b.undo.were, *h)
	h.state, h.closedAt = state, at
	if h.stored {
		b.closed = append(b.closed, h)
	}
}

// takeBack undoes what the present command did.
func (b *batch) takeBack() {
	j := &b.undo
	for _, a := range j.accounts {
		a.now = a.before
	}
	for k, h := range j.holds {
		*h = j.were[k]
	}
	for _, m := range b.made[j.made:] {
		delete(b.moves, ref{m.from.Owner, m.id})
		delete(b.moves, ref{m.to.Owner, m.id})
	}
	for _, h := range b.placed[j.placed:] {
		delete(b.holds, ref{h.owner, h.id})
	}
	b.made, b.steps, b.placed, b.closed = b.made[:j.made], b.steps[:j.steps], b.placed[:j.placed], b.closed[:j.closed]
}
