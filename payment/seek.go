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

// OfRailLater calls each, at the next flush, for the payments of any merchant that the rail calls by one of the references. A reference may
// be that of several merchants; the order is any.
func OfRailLater(tx *store.Tx, rail string, references []string, each func(Payment)) {
	args := make([]any, 0, 2*len(references))
	for _, r := range references {
		args = append(args, r, rail)
	}
	tx.LaterRows(bulkOfRail, args, func(r store.Row) error {
		p, err := scan(r)
		if err == nil {
			each(p)
		}
		return err
	})
}

// After are at most limit payments of the owner over the rail with ids greater than after, by id: in the order in which they came, as far as
// clocks agree.
func After(ctx context.Context, tx *store.Tx, owner, rail, after string, limit int) ([]Payment, error) {
	return query(ctx, tx, sqlAfter, owner, after, rail, int64(limit))
}

// Before are at most limit payments of the owner over the rail with ids less than before, the last one first.
func Before(ctx context.Context, tx *store.Tx, owner, rail, before string, limit int) ([]Payment, error) {
	return query(ctx, tx, sqlBefore, owner, before, rail, int64(limit))
}

// Stream walks all payments by owner and id.
func Stream(ctx context.Context, tx *store.Tx) *store.Stream[Payment] {
	return store.NewStream(ctx, tx, sqlAll, nil, scan)
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
