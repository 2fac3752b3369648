package payout

import (
	"context"

	"sarraf/store"
)

// GivenBackLater calls each, at the next flush, for what refunds of the payments come to, by the owner, the payment's id and the kind of account
// that they leave: all those that were not rejected or cancelled, whether the money has gone or is yet to go. A payment is named by its
// owner and its id.
func GivenBackLater(tx *store.Tx, payments [][2]string, each func(owner, payment, source string, minor int64)) {
	args := make([]any, 0, 2*len(payments))
	for _, p := range payments {
		args = append(args, p[1], p[0])
	}
	tx.LaterRows(bulkGivenBack, args, func(r store.Row) error {
		var owner, payment, source string
		var minor int64
		err := r.Scan(&owner, &payment, &source, &minor)
		each(owner, payment, source, minor)
		return err
	})
}

// StreamRefunds walks all refunds by owner, the payment that they are of, and id.
func StreamRefunds(ctx context.Context, tx *store.Tx) *store.Stream[Payout] {
	return store.NewStream(ctx, tx, sqlAllRefunds, nil, scan)
}
