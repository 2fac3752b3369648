package wallet

import (
	"context"
	"slices"
	"time"

	"sarraf/internal/clock"
	"sarraf/store"
)

// What an operator reads, over all wallets, in a snapshot.

// Of are those of the wallets with the ids that there are, in no order.
func Of(ctx context.Context, tx *store.Tx, owners ...string) ([]Wallet, error) {
	have := newHouse()
	have.walletsLater(tx, owners)
	if err := tx.Flush(ctx); err != nil {
		return nil, err
	}
	list := make([]Wallet, 0, len(have.wallets))
	for _, w := range have.wallets {
		list = append(list, w.Wallet)
	}
	return list, nil
}

// Standing is a PIN's: how often in a row it was wrong, and until when no PIN is looked at.
type Standing struct {
	Failures    int64
	LockedUntil time.Time // zero when it is not locked, and was not
}

// PINOf is how the wallet's PIN stands.
func PINOf(ctx context.Context, tx *store.Tx, owner string) (Standing, error) {
	have := newHouse()
	err := tx.QueryRows(ctx, bulkStates, []any{int64(0), owner}, have.takeState)
	if st := have.states[owner]; st != nil {
		return Standing{Failures: st.failures, LockedUntil: clock.FromMicros(st.lockedUntil)}, err
	}
	return Standing{}, err
}

// PIN is PINOf outside a snapshot.
func (s *Service) PIN(ctx context.Context, owner string) (standing Standing, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		standing, err = PINOf(ctx, tx, owner)
		return err
	})
	return standing, err
}

// TransfersOf are those transfers with the keys - their sender, and their id - that there are, in no order.
func TransfersOf(ctx context.Context, tx *store.Tx, keys ...[2]string) ([]Transfer, error) {
	args := make([]any, 0, 2*len(keys))
	for i, k := range keys {
		if !slices.Contains(keys[:i], k) {
			args = append(args, k[0], k[1])
		}
	}
	var list []Transfer
	err := tx.QueryRows(ctx, bulkTransfers, args, func(r store.Row) error {
		t, _, err := scanTransfer(r)
		list = append(list, t)
		return err
	})
	return list, err
}

// Tellers are the owners whose events tell of the transfer.
func (t Transfer) Tellers() []string {
	list := []string{t.teller()}
	if t.notes() {
		list = append(list, t.ReceiverMerchant)
	}
	return list
}

// Waiting is how many wallets wait for approval, and since when the first of them does; and whether there are wallets at all.
func Waiting(ctx context.Context, tx *store.Tx) (n int64, since time.Time, some bool, err error) {
	var first int64
	tx.Later(sqlPending, nil, func(r store.Row) error { return r.Scan(&n, &first) })
	err = tx.Query(ctx, sqlAnyWallet, nil, func(r store.Row) error {
		some = true
		return r.Scan(new(string))
	})
	return n, clock.FromMicros(first), some, err
}
