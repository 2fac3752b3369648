package payment

import (
	"context"

	"sarraf/store"
)

// SettleSlice is what the batcher of Settle calls: tests choose the slices themselves.
func (s *Service) SettleSlice(ctx context.Context, tx *store.Tx, list []Receipt) ([]store.Outcome[Settled], error) {
	return s.settleSlice(ctx, tx, list)
}

// OfManyIn is OfMany in a transaction: tests count what it reads.
func OfManyIn(ctx context.Context, tx *store.Tx, owner string, invoices []string) (map[string][]Payment, error) {
	return ofMany(ctx, tx, owner, invoices)
}
