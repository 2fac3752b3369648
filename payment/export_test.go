package payment

import (
	"context"

	"sarraf/store"
)

// SettleSlice is what the batcher of Settle calls: tests choose the slices themselves.
func (s *Service) SettleSlice(ctx context.Context, tx *store.Tx, list []Receipt) ([]store.Outcome[Settled], error) {
	return s.settleSlice(ctx, tx, list)
}

// WalletSlice is what the batcher of payments from wallets calls, with each receipt as Settle hands it on.
func (s *Service) WalletSlice(ctx context.Context, tx *store.Tx, list []Receipt) ([]store.Outcome[Settled], error) {
	for i := range list {
		list[i].At = s.clock.Now()
		r, err := fromWallet(list[i])
		if err != nil {
			return nil, err
		}
		list[i] = r
	}
	return s.walletSlice(ctx, tx, list)
}

// OfManyIn is OfMany in a transaction: tests count what it reads.
func OfManyIn(ctx context.Context, tx *store.Tx, owner string, invoices []string) (map[string][]Payment, error) {
	return ofMany(ctx, tx, owner, invoices)
}
