package payment

import (
	"context"
	"fmt"

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

// RefundSlice is what a batch of refunds does in a transaction.
func (s *Service) RefundSlice(ctx context.Context, tx *store.Tx, list []NewRefund) ([]store.Outcome[Refund], error) {
	for i := range list {
		var err error
		if list[i].shop, err = s.merchants.Get(ctx, list[i].Owner); err != nil {
			return nil, err
		}
		list[i].receipt = fmt.Sprintf("RECEIPT%03d", i)
		if list[i].Of == "" {
			list[i].Of = OfSettled
		}
		list[i].At = s.clock.Now()
	}
	return s.refundSlice(ctx, tx, list)
}
