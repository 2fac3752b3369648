package ledger

import (
	"context"
	"fmt"

	"sarraf/store"
)

// Books are accounts that a transaction has locked, for a noun that decides by what stands on them whether money moves at all: by a
// balance, say, before it looks at a PIN. What Apply does in one call is done in three: Open, Carry as often as there are commands,
// Record. They are good for one run of one transaction.
type Books struct {
	b       *batch
	carried int
}

// Open locks the accounts, in the order of their keys, and sends whatever was queued in tx before. An account may be named twice, and need
// not exist yet. The error is for an account that the chart does not have, or for a database that fails.
func Open(ctx context.Context, tx *store.Tx, accounts []Account) (*Books, error) {
	b := newBatch(nil)
	for _, a := range accounts {
		if !a.known() {
			return nil, fmt.Errorf("ledger: there is no account %s of %q", a.ID(), a.Owner)
		}
		b.touches(a)
	}
	return &Books{b: b}, b.load(ctx, tx)
}

// Available is what can be taken from the account, in minor units, after all that has been carried out so far. It is 0 for one that Open was
// not told of.
func (k *Books) Available(a Account) int64 {
	if have := k.b.accounts[a]; have != nil {
		return have.available()
	}
	return 0
}

// Carry carries out a command of transfers between accounts that are open, all of it or nothing, against what was carried out before. The
// ids of the transfers must be new: they are not looked up, and one that exists fails the transaction on its key. Result has the faults of
// Apply; the error is for a mistake of the caller.
func (k *Books) Carry(c Command) (Result, error) {
	if err := check(c); err != nil {
		return Result{Err: err}, nil
	}
	if c.At.IsZero() {
		return Result{}, errNoTime
	}
	for _, op := range c.Ops {
		t, ok := op.(Transfer)
		if !ok {
			return Result{}, fmt.Errorf("ledger: %T cannot be carried out on open books", op)
		}
		if k.b.accounts[t.From] == nil || k.b.accounts[t.To] == nil {
			return Result{}, fmt.Errorf("ledger: transfer %s is between %s of %s and %s of %s, which are not both open",
				t.ID, t.From.ID(), t.From.Owner, t.To.ID(), t.To.Owner)
		}
	}
	r := Result{After: make([]After, len(c.Ops))}
	k.b.begin(k.carried)
	k.carried++
	return k.b.carryAll(c, r)
}

// Record queues what was carried out. It is called once, last.
func (k *Books) Record(ctx context.Context, tx *store.Tx) error { return k.b.record(ctx, tx) }
