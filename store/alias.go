package store

import (
	"context"
	"fmt"
	"sync"
)

// Alias ties a value that is known outside (a printed id, a page token, the hash of an API key) to the row it means.
type Alias struct {
	Value string // the looked-up text, exactly
	Kind  string // what sort of value it is, such as "aspay.invoice"; a value may stand once for each kind
	Owner string
	ID    string // the id of the row within the owner
}

// PutAliases queues the insertion of aliases. A value that exists already makes the transaction fail.
func (tx *Tx) PutAliases(list []Alias) {
	args := make([]any, 0, 4*len(list))
	for _, a := range list {
		args = append(args, a.Value, a.Kind, a.Owner, a.ID)
	}
	tx.LaterRows(bulkAliasInsert, args, nil)
}

// FindAlias answers the id that value has with this owner, or "" when the owner has none: another owner's is never found.
func (db *DB) FindAlias(ctx context.Context, owner, kind, value string) (id string, err error) {
	err = db.Query(ctx, sqlAliasFind, []any{value, kind, owner}, func(r Row) error { return r.Scan(&id) })
	return id, err
}

// FindAliases answers the ids of those values of one kind that the owner has, by value.
func (db *DB) FindAliases(ctx context.Context, owner, kind string, values []string) (map[string]string, error) {
	found := make(map[string]string, len(values))
	args := make([]any, 0, 3*len(values))
	for _, v := range values {
		args = append(args, v, kind, owner)
	}
	err := db.QueryRows(ctx, bulkAliasFind, args, func(r Row) error {
		var value, id string
		if err := r.Scan(&value, &id); err != nil {
			return err
		}
		found[value] = id
		return nil
	})
	return found, err
}

// ResolveAlias answers whose value this is. It is for values that nobody can guess (a page's token, the hash of an API key) and for
// values that are public; everything else is looked up with its owner. Both answers are "" when there is none.
func (db *DB) ResolveAlias(ctx context.Context, kind, value string) (owner, id string, err error) {
	err = db.Query(ctx, sqlAliasResolve, []any{value, kind}, func(r Row) error { return r.Scan(&owner, &id) })
	return owner, id, err
}

// AliasesOf answers what the value means to the owner, as ids by kind.
func (db *DB) AliasesOf(ctx context.Context, owner, value string) (map[string]string, error) {
	found := map[string]string{}
	err := db.Query(ctx, sqlAliasAll, []any{value, owner}, func(r Row) error {
		var kind, id string
		if err := r.Scan(&kind, &id); err != nil {
			return err
		}
		found[kind] = id
		return nil
	})
	return found, err
}

// Meanings answers whatever the value means, to any owner, by kind. It is for operators: see ResolveAlias.
func (tx *Tx) Meanings(ctx context.Context, value string) ([]Alias, error) {
	var list []Alias
	err := tx.Query(ctx, sqlAliasAnyone, []any{value}, func(r Row) error {
		var a Alias
		err := r.Scan(&a.Value, &a.Kind, &a.Owner, &a.ID)
		list = append(list, a)
		return err
	})
	return list, err
}

// numbersBlock is how many running numbers a node leases at once. What a stopped node had left of its block is never given out.
const numbersBlock = 1000

// Numbers gives out running numbers, from 1, each once over all nodes and for ever. It is safe for concurrent use.
type Numbers struct {
	db   *DB
	name string

	mu         sync.Mutex
	next, last int64
}

// Numbers is the run of numbers with the given name.
func (db *DB) Numbers(name string) *Numbers { return &Numbers{db: db, name: name, next: 1} }

// Next is a number that was never given out before. Its error is a fault.Outage when a new block cannot be leased.
func (n *Numbers) Next(ctx context.Context) (int64, error) { return n.Take(ctx, 1) }

// Take answers the first of so many consecutive numbers, 1 or more, none of which was given out before. They come from this node's block
// as long as that holds them all, else from a lease of their own, which leaves the block as it is; one alone leases the next block. Errors
// are those of Next.
func (n *Numbers) Take(ctx context.Context, many int64) (first int64, err error) {
	if many < 1 {
		return 0, fmt.Errorf("numbers of %s: %d of them are asked for", n.name, many)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.last-n.next+1 < many {
		lease := many
		if many == 1 {
			lease = numbersBlock
		}
		end, err := n.lease(ctx, lease)
		switch {
		case err != nil:
			return 0, err
		case many > 1:
			return end - many + 1, nil
		}
		n.next, n.last = end-lease+1, end
	}
	n.next += many
	return n.next - many, nil
}

// lease moves the counter on by so many numbers and answers the last of them.
func (n *Numbers) lease(ctx context.Context, many int64) (end int64, err error) {
	err = n.db.Write(ctx, func(ctx context.Context, tx *Tx) error {
		return tx.Query(ctx, sqlCounterLease, []any{n.name, many}, func(r Row) error { return r.Scan(&end) })
	})
	if err != nil {
		return 0, fmt.Errorf("lease numbers of %s: %w", n.name, err)
	}
	return end, nil
}

// Number is the next number of a run, drawn in the transaction: the run has no gaps, and whoever else draws from it waits until the
// transaction ends. For runs that few draw from; a run is drawn from here or through Numbers, never both.
func (tx *Tx) Number(ctx context.Context, name string) (n int64, err error) {
	err = tx.Query(ctx, sqlCounterLease, []any{name, int64(1)}, func(r Row) error { return r.Scan(&n) })
	if err != nil {
		return 0, fmt.Errorf("a number of %s: %w", name, err)
	}
	return n, nil
}

// skipNumbers has every run of numbers go on so much later, those too that nobody has drawn from yet. A database that is put back to an
// earlier state needs it: what was given out since stands on paper.
func (tx *Tx) skipNumbers(ctx context.Context, by int64) error {
	if err := tx.Exec(ctx, sqlCounterBase); err != nil {
		return err
	}
	return tx.Exec(ctx, sqlCounterSkip, by)
}

// Writable answers nil when the database takes writes.
func (db *DB) Writable(ctx context.Context) error {
	return db.Write(ctx, func(ctx context.Context, tx *Tx) error { return tx.Exec(ctx, sqlWritable) })
}
