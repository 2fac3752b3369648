package invoice_test

import (
	"context"
	"fmt"
	"testing"

	"sarraf/internal/clock"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/store"
)

// A plan that was made for a long list while the tables were empty must not begin with all the invoices that there are by now.
func TestSliceOfBillsReadsItsOwnRowsHoweverManyThereAre(t *testing.T) {
	fake := clock.NewFake(start)
	h := open(t, storetest.Open(t, storetest.URL(t, store.Postgres), fake), fake).billing(t)
	const slice, slices = 150, 6
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
	// Numbers first: what takes the connection for writing in between has it forget its plans.
	psids, err := h.DrawPSIDs(ctx, slice*slices)
	if err != nil {
		t.Fatal(err)
	}
	for part := range slices {
		var bills []invoice.NewBill
		for n := range slice {
			bills = append(bills, h.demand("school", fmt.Sprint("payer-", part%(slices-1), "-", n), invoice.Bill))
		}
		clear(fetched)
		err = h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			if err := count(ctx, tx, -1); err != nil { // what this connection has not reported of earlier transactions
				return err
			}
			out, err := h.BillSlice(ctx, tx, bills, psids[part*slice:])
			if err != nil {
				return err
			}
			var keys []invoice.PSIDKey
			for _, o := range out {
				keys = append(keys, invoice.PSIDKey{Owner: "school", PSID: o.Value.Invoice.PSID})
			}
			have := map[invoice.PSIDKey]*invoice.Invoice{}
			if invoice.LockNewestLater(tx, keys, have); tx.Flush(ctx) != nil || len(have) != slice {
				return fmt.Errorf("%d of %d are locked", len(have), slice)
			}
			return count(ctx, tx, 1)
		})
		if err != nil {
			t.Fatal(err)
		}
		// An earlier bill is looked for by its payer, locked and saved, and the new one is locked; the payer is looked for a few times.
		for table, n := range fetched {
			if n > 8*slice {
				t.Fatalf("%d rows of %s were read for slice %d of %d", n, table, part, slice)
			}
		}
		if fetched["invoice"] < slice || fetched["payer"] < slice {
			t.Fatalf("nothing was counted: %v", fetched)
		}
	}
}
