package payment_test

import (
	"context"
	"testing"

	"sarraf/internal/clock"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/payment"
	"sarraf/store"
)

// A plan that was made while the tables were empty must not be kept until it walks over all that an owner ever had.
func TestSliceReadsItsOwnRowsHoweverManyTheOwnerHas(t *testing.T) {
	fake := clock.NewFake(start)
	h := open(t, storetest.Open(t, storetest.URL(t, store.Postgres), fake), fake)
	owner := h.shop(t)
	const slice, slices = 64, 40
	draw := func() (list []payment.Receipt) {
		var open []invoice.Invoice
		for range slice {
			open = append(open, h.bill(t, owner, 100))
		}
		for _, inv := range open {
			list = append(list, h.receipt(inv, 100))
		}
		return list
	}
	for range slices {
		h.slice(t, draw()...)
	}
	fetched := map[string]int64{}
	count := func(ctx context.Context, tx *store.Tx, sign int64) error {
		const read = `SELECT relname::text, (seq_tup_read + COALESCE(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables`
		return tx.Query(ctx, read, nil, func(r store.Row) error {
			var table string
			var n int64
			err := r.Scan(&table, &n)
			fetched[table] += sign * n
			return err
		})
	}
	list := draw()
	err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := count(ctx, tx, -1); err != nil { // what this connection has not reported of earlier transactions
			return err
		}
		if _, err := h.SettleSlice(ctx, tx, list); err != nil {
			return err
		}
		return count(ctx, tx, 1)
	})
	if err != nil {
		t.Fatal(err)
	}
	// An invoice is locked, referred to and saved; everything else is looked for and not there.
	for table, n := range fetched {
		if n > 4*slice {
			t.Errorf("%d rows of %s were read for a slice of %d", n, table, slice)
		}
	}
	if fetched["invoice"] < slice {
		t.Fatalf("nothing was counted: %v", fetched)
	}
}
