package invoice

import (
	"context"
	"slices"
	"strings"
	"time"

	"sarraf/internal/clock"
	"sarraf/store"
)

// What an operator reads, over all merchants, in a snapshot.

// OfReference are the invoices that any merchant gave this reference at any door.
func OfReference(ctx context.Context, tx *store.Tx, reference string) ([]Invoice, error) {
	var list []Invoice
	err := tx.Query(ctx, sqlAnyReference, []any{reference}, func(r store.Row) error {
		inv, err := scan(r)
		list = append(list, inv)
		return err
	})
	return list, err
}

// psidMost is how many bills of a PSID an operator is shown.
const psidMost = 20

// WithPSID are the bills that have the PSID, the newest first and 20 at most.
func WithPSID(ctx context.Context, tx *store.Tx, psid string) ([]Invoice, error) {
	var list []Invoice
	err := tx.Query(ctx, sqlAnyPSID, []any{psid, int64(psidMost)}, func(r store.Row) error {
		inv, err := scan(r)
		list = append(list, inv)
		return err
	})
	return list, err
}

// OfKeys are those of the invoices with the given keys that exist, by owner and id.
func OfKeys(ctx context.Context, tx *store.Tx, keys []Key) ([]Invoice, error) {
	args := make([]any, 0, 2*len(keys))
	for _, k := range keys {
		args = append(args, k.Owner, k.ID)
	}
	var list []Invoice
	err := tx.QueryRows(ctx, bulkByID, args, func(r store.Row) error {
		inv, err := scan(r)
		list = append(list, inv)
		return err
	})
	slices.SortFunc(list, func(a, b Invoice) int {
		if c := strings.Compare(a.Owner, b.Owner); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list, err
}

// overdueMost is how far overdue invoices are counted.
const overdueMost = 10_000

// Overdue is how many open invoices have run out of time by now, counted up to 10,000, and when the first of them did.
func Overdue(ctx context.Context, tx *store.Tx, now time.Time) (n int64, first time.Time, err error) {
	err = tx.Query(ctx, sqlOverdue, []any{clock.Micros(now), int64(overdueMost)}, func(r store.Row) error {
		var at int64
		err := r.Scan(&n, &at)
		first = clock.FromMicros(at)
		return err
	})
	return n, first, err
}
