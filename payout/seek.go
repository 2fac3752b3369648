package payout

import (
	"context"
	"time"

	"sarraf/internal/clock"
	"sarraf/store"
)

// What an operator reads, over all merchants, in a snapshot.

// OfReference are the payouts that any merchant gave this reference at any door.
func OfReference(ctx context.Context, tx *store.Tx, reference string) ([]Payout, error) {
	var list []Payout
	err := tx.Query(ctx, sqlAnyReference, []any{reference}, keepIn(&list))
	return list, err
}

// OfKeys are those of the payouts with the given keys that exist, in no order.
func OfKeys(ctx context.Context, tx *store.Tx, keys []Key) ([]Payout, error) {
	args := make([]any, 0, 2*len(keys))
	for _, k := range keys {
		args = append(args, k.Merchant, k.ID)
	}
	var list []Payout
	err := tx.QueryRows(ctx, bulkByID, args, keepIn(&list))
	return list, err
}

// OfOwner is the payout with the id whose money the owner's was, such as a wallet's; none, or one.
func OfOwner(ctx context.Context, tx *store.Tx, owner, id string) ([]Payout, error) {
	var list []Payout
	err := tx.Query(ctx, sqlByOwner, []any{owner, id}, keepIn(&list))
	return list, err
}

func keepIn(list *[]Payout) func(store.Row) error {
	return func(r store.Row) error {
		p, err := scan(r)
		*list = append(*list, p)
		return err
	}
}

// Attempt is one call to a rail about a payout, as it was written down.
type Attempt struct {
	N         int64
	Kind      string // "send" or "inquire"
	Node      string // the process start that made it
	StartedAt time.Time
	EndedAt   time.Time // zero while it runs, and for good when its process died
	Outcome   string    // the rail's, "" for none
	Reference string
	Reason    string
}

// Attempts are the calls to rails about a payout, in their order.
func Attempts(ctx context.Context, tx *store.Tx, owner, payout string) ([]Attempt, error) {
	var list []Attempt
	err := tx.Query(ctx, sqlAttempts, []any{owner, payout}, func(r store.Row) error {
		var a Attempt
		var started int64
		var ended *int64
		err := r.Scan(&a.N, &a.Kind, &a.Node, &started, &ended, &a.Outcome, &a.Reference, &a.Reason)
		a.StartedAt = clock.FromMicros(started)
		if ended != nil {
			a.EndedAt = clock.FromMicros(*ended)
		}
		list = append(list, a)
		return err
	})
	return list, err
}

// AllMethods are every merchant's methods, by owner and number.
func AllMethods(ctx context.Context, tx *store.Tx) ([]Method, error) {
	var list []Method
	err := tx.Query(ctx, sqlAllMethods, nil, func(r store.Row) error {
		m, err := scanMethod(r)
		list = append(list, m)
		return err
	})
	return list, err
}
