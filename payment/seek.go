package payment

import (
	"context"
	"slices"
	"strings"

	"sarraf/store"
)

// What an operator reads, over all merchants, in a snapshot.

// OfRailReference are the payments that a rail of any merchant calls by this reference.
func OfRailReference(ctx context.Context, tx *store.Tx, reference string) ([]Payment, error) {
	return query(ctx, tx, sqlAnyRail, reference)
}

// OfNumber are the payments whose receipt has the number: one, unless somebody has edited a counter.
func OfNumber(ctx context.Context, tx *store.Tx, number string) ([]Payment, error) {
	return query(ctx, tx, sqlAnyNumber, number)
}

// OfInvoice are the payments of an invoice, oldest first.
func OfInvoice(ctx context.Context, tx *store.Tx, owner, inv string) ([]Payment, error) {
	return query(ctx, tx, sqlOfInvoice, owner, inv)
}

// OfID are the payments with the id that any of the owners has.
func OfID(ctx context.Context, tx *store.Tx, owners []string, id string) ([]Payment, error) {
	args := make([]any, 0, 2*len(owners))
	for _, o := range owners {
		args = append(args, o, id)
	}
	var list []Payment
	err := tx.QueryRows(ctx, bulkByID, args, func(r store.Row) error {
		p, err := scan(r)
		list = append(list, p)
		return err
	})
	slices.SortFunc(list, func(a, b Payment) int { return strings.Compare(a.Owner, b.Owner) })
	return list, err
}

func query(ctx context.Context, tx *store.Tx, sql string, args ...any) ([]Payment, error) {
	var list []Payment
	err := tx.Query(ctx, sql, args, func(r store.Row) error {
		p, err := scan(r)
		list = append(list, p)
		return err
	})
	return list, err
}
