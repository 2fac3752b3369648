package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"sarraf/store"
)

// Apply judges the commands in their order, each against what those before it left, and writes what is accepted: all operations of
// a command or none. It answers one result for each command, in their order. It locks the accounts it touches until the
// transaction ends; most of its writes are left queued in tx for the next flush or the commit.
//
// A command is refused with the first of these faults that applies:
//
//  1. TransferInvalid, on id, from, to, amount, expires_at or transfer: an id is missing, an account is not of the chart, both are
//     the same or of two currencies, the amount is not positive, a hold expires before it begins; on ops: there are none.
//  2. IdempotencyReused, on id: an operation's id is known with other content, or not all of the command is known (HoldClosed, when
//     what is known is the end of a hold). When all of it is known with the same content, the command is not refused but answered
//     as it was then, with Exists; a Void or Expire of a hold that has ended just so is known, too. A transfer's id is known when
//     either owner has an entry with it.
//  3. Then operation by operation: HoldMissing; HoldClosed with its state; HoldExpired for a Post from the hold's time on, HoldNotDue
//     for an Expire before it; IdempotencyReused, on id for one that stands twice in the command, on transfer for a Post whose
//     transfer is known; AmountOverflow, when a sum would leave 64 bits; BalanceInsufficient with account and available, when the
//     debited account's available money would fall below its floor, at this very operation.
//
// The error is for what no command is to blame for, such as rows that contradict each other, or store.ErrAgain.
func Apply(ctx context.Context, tx *store.Tx, commands []Command) ([]Result, error) {
	if len(commands) == 0 {
		return nil, nil
	}
	b := newBatch(commands)
	if err := b.load(ctx, tx); err != nil {
		return nil, err
	}
	for n := range commands {
		if err := b.judge(n); err != nil {
			return nil, err
		}
	}
	return b.results, b.record(ctx, tx)
}

// ref names a transfer or a hold within an owner.
type ref struct{ owner, id string }

// figures are the columns of an account that change.
type figures struct{ debits, credits, held, seq, holdSeq int64 }

// account is an account that the batch touches.
type account struct {
	Account
	id        string
	owner, as any         // Owner and id as arguments of statements, made once
	floor     null[int64] // NULL for none
	stored    bool        // it has a row
	was, now  figures     // as the row stands, and as judged so far
	before    figures     // as it stood before command number mark-1
	mark      int
}

func (a *account) balance() int64   { return a.now.credits - a.now.debits }
func (a *account) available() int64 { return a.now.credits - a.now.debits - a.now.held }

// move is a transfer: of the books, or made by the batch.
type move struct {
	id                 string
	from, to           Account
	amount             int64
	kind, subject      string
	fromAfter, toAfter int64
	odd                bool // of the books, and not on the chart: it is equal to nothing

	debited, credited *account // made by the batch, as what follows
	fromSeq, toSeq    int64
	at                int64
}

func (m *move) is(from, to Account, amount int64, kind, subject string) bool {
	return !m.odd && m.from == from && m.to == to && m.amount == amount && m.kind == kind && m.subject == subject
}

// hold is a hold of the books or made by the batch.
type hold struct {
	owner, id     string
	from, to      Account
	amount        int64
	kind, subject string
	expiresAt     int64 // 0 for never
	createdAt     int64
	placedHeld    int64 // held on the account when it was placed
	state         State
	transfer      string
	closedAt      int64
	closedHeld    int64 // held on the account when it ended
	stored        bool  // it has a row
}

// step is a row of the journal of holds, made by the batch.
type step struct {
	account        *account
	n              int64
	hold           *hold
	step           string
	transfer       string
	held, entrySeq int64
	at             int64
}

// batch is a slice of commands on its way.
type batch struct {
	commands []Command
	results  []Result
	after    []After // of all operations, handed out in order

	accounts map[Account]*account
	moves    map[ref]*move // known transfers, under both their owners
	holds    map[ref]*hold

	moveRefs []any // keys to look up, as their statements have them
	holdRefs []any
	ends     []any // of holdRefs, those that end a hold, so that its accounts are not named in the operation
	posts    []Post
	payees   map[ref]string // whom a hold is for: the owner of its account To

	sorted []*account
	made   []move // its elements never change: moves points at them, or at copies of them
	steps  []step
	placed []*hold
	closed []*hold // of the books, ended by the batch

	undo journal
}

// newBatch sorts out malformed commands and gathers what the others touch.
func newBatch(commands []Command) *batch {
	b := &batch{commands: commands, results: make([]Result, len(commands))}
	ops := 0
	for n := range commands {
		ops += len(commands[n].Ops)
	}
	b.after = make([]After, ops)
	b.made = make([]move, 0, ops)
	b.accounts = make(map[Account]*account, min(2*ops, 64))
	b.moves = make(map[ref]*move, 2*ops)
	b.moveRefs = make([]any, 0, 4*ops)
	for n := range commands {
		if b.results[n].Err = check(commands[n]); b.results[n].Err == nil {
			for _, op := range commands[n].Ops {
				b.gather(op)
			}
		}
	}
	return b
}

// gather notes what an operation touches.
func (b *batch) gather(op Op) {
	switch op := op.(type) {
	case Transfer:
		from, to := b.touches(op.From), b.touches(op.To)
		var id any = op.ID
		b.moveRefs = append(b.moveRefs, id, from.owner)
		if op.To.Owner != op.From.Owner {
			b.moveRefs = append(b.moveRefs, id, to.owner)
		}
	case Hold:
		b.touches(op.From)
		b.touches(op.To)
		b.holdRefs = b.steps4(b.holdRefs, op.From.Owner, op.ID)
		b.isFor(ref{op.From.Owner, op.ID}, op.To.Owner)
	case Post:
		b.posts = append(b.posts, op)
		b.moveRefs = append(b.moveRefs, op.Transfer, op.Owner)
		b.ending(op.Owner, op.Hold)
	case Void:
		b.ending(op.Owner, op.Hold)
	case Expire:
		b.ending(op.Owner, op.Hold)
	}
}

func (b *batch) ending(owner, id string) {
	b.holdRefs = b.steps4(b.holdRefs, owner, id)
	b.ends = append(b.ends, owner, id, placedStep)
}

func (b *batch) isFor(hold ref, payee string) {
	if b.payees == nil {
		b.payees = map[ref]string{}
	}
	b.payees[hold] = payee
}

func (b *batch) touches(name Account) *account {
	a := b.accounts[name]
	if a == nil {
		a = &account{Account: name, id: name.ID()}
		a.owner, a.as = a.Owner, a.id
		a.floor = floorOf(a.Kind)
		b.accounts[name] = a
		b.sorted = append(b.sorted, a)
	}
	return a
}

// load locks the accounts, in the order of their keys, and reads what the commands are judged against: one round trip, and one
// before it when holds are to be ended.
func (b *batch) load(ctx context.Context, tx *store.Tx) error {
	if len(b.ends) > 0 {
		// The accounts of a hold never change, so they can be read before anything is locked.
		if err := tx.QueryRows(ctx, bulkHoldSteps, b.ends, b.findAccounts); err != nil {
			return err
		}
	}
	for _, p := range b.posts {
		if payee := b.payees[ref{p.Owner, p.Hold}]; payee != "" && payee != p.Owner {
			b.moveRefs = append(b.moveRefs, p.Transfer, payee)
		}
	}
	slices.SortFunc(b.sorted, func(x, y *account) int {
		return cmp.Or(cmp.Compare(x.Owner, y.Owner), cmp.Compare(x.id, y.id))
	})
	keys := make([]any, 0, 3*len(b.sorted))
	for n, a := range b.sorted {
		keys = append(keys, int64(n), a.owner, a.as)
	}
	tx.LaterRows(bulkLock, keys, b.readAccount)
	tx.LaterRows(bulkMoves, b.moveRefs, b.readMove)
	if len(b.holdRefs) > 0 {
		b.holds = make(map[ref]*hold, len(b.holdRefs)/12)
		tx.LaterRows(bulkHoldSteps, b.holdRefs, b.readStep)
	}
	return tx.Flush(ctx)
}

// findAccounts notes the accounts of a hold.
func (b *batch) findAccounts(r store.Row) error {
	s, err := scanStep(r)
	if err != nil {
		return err
	}
	from, ok1 := parse(s.Owner, s.Account)
	to, ok2 := parse(s.CounterOwner, s.CounterAccount)
	if !ok1 || !ok2 {
		return fmt.Errorf("ledger: hold %s of %s is between %s and %s of %s", s.Hold, s.Owner, s.Account, s.CounterAccount, s.CounterOwner)
	}
	b.touches(from)
	b.touches(to)
	b.isFor(ref{s.Owner, s.Hold}, to.Owner)
	return nil
}

func (b *batch) readAccount(r store.Row) error {
	var n int64
	var f figures
	if err := r.Scan(&n, &f.debits, &f.credits, &f.held, &f.seq, &f.holdSeq); err != nil {
		return err
	}
	a := b.sorted[n]
	a.stored, a.was, a.now = true, f, f
	return nil
}

// readMove takes one side of a known transfer.
func (b *batch) readMove(r store.Row) error {
	e, err := scanEntry(r)
	if err != nil {
		return err
	}
	own, ok1 := parse(e.Owner, e.Account)
	other, ok2 := parse(e.CounterOwner, e.CounterAccount)
	from, to := own, other
	if e.Side == Credit {
		from, to = other, own
	}
	key := ref{e.Owner, e.Transfer}
	m := b.moves[key]
	if m == nil {
		m = &move{id: e.Transfer, from: from, to: to, amount: e.Amount, kind: e.Kind, subject: e.Subject}
		b.moves[key] = m
	}
	if !ok1 || !ok2 || !m.is(from, to, e.Amount, e.Kind, e.Subject) {
		m.odd = true
	}
	if e.Side == Credit {
		m.toAfter = e.BalanceAfter
	} else {
		m.fromAfter = e.BalanceAfter
	}
	return nil
}

// readStep takes one step of a known hold: they come in any order.
func (b *batch) readStep(r store.Row) error {
	s, err := scanStep(r)
	if err != nil {
		return err
	}
	key := ref{s.Owner, s.Hold}
	h := b.holds[key]
	if h == nil {
		h = &hold{owner: s.Owner, id: s.Hold, state: Pending, stored: true}
		b.holds[key] = h
	}
	if s.Step != placed {
		h.state, h.transfer, h.closedAt, h.closedHeld = State(s.Step), s.Transfer.value, s.At, s.HeldAfter
		return nil
	}
	h.from, _ = parse(s.Owner, s.Account)
	h.to, _ = parse(s.CounterOwner, s.CounterAccount)
	h.amount, h.kind, h.subject = s.Amount, s.Kind, s.Subject
	h.expiresAt, h.createdAt, h.placedHeld = s.ExpiresAt.value, s.At, s.HeldAfter
	return nil
}

// Words of the tables as arguments of statements, made once.
var (
	placedStep any = placed
	endSteps       = []any{string(Posted), string(Voided), string(Expired)}
)

// steps4 adds the keys that the steps of a hold can have. Each names its whole key: SQLite takes a part of the unique index for
// worse than the first column of the primary key, and would read all steps of the owner.
func (b *batch) steps4(refs []any, owner, id string) []any {
	refs = append(refs, owner, id, placedStep)
	for _, s := range endSteps {
		refs = append(refs, owner, id, s)
	}
	return refs
}

// errNoTime says that a command does not tell when it entered, which is a mistake of the program.
var errNoTime = errors.New("ledger: a command without a time")
