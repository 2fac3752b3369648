package payment_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/clock"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/payment"
	"sarraf/store"
)

const sliceOf, sliceCount = 64, 40

// draw makes a slice of receipts, each for an invoice of its own.
func (h *house) draw(t *testing.T, owner string) (list []payment.Receipt) {
	t.Helper()
	for range sliceOf {
		list = append(list, h.receipt(h.bill(t, owner, 100), 100))
	}
	return list
}

// fetched is how many rows of each table fn reads, on PostgreSQL.
func (h *house) fetched(t *testing.T, fn func(ctx context.Context, tx *store.Tx) error) map[string]int64 {
	t.Helper()
	rows := map[string]int64{}
	count := func(ctx context.Context, tx *store.Tx, sign int64) error {
		const read = `SELECT relname::text, (seq_tup_read + COALESCE(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables`
		return tx.Query(ctx, read, nil, func(r store.Row) error {
			var table string
			var n int64
			err := r.Scan(&table, &n)
			rows[table] += sign * n
			return err
		})
	}
	err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := count(ctx, tx, -1); err != nil { // what this connection has not reported of earlier transactions
			return err
		}
		if err := fn(ctx, tx); err != nil {
			return err
		}
		return count(ctx, tx, 1)
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// A plan that was made while the tables were empty must not be kept until it walks over all that an owner ever had.
func TestSliceReadsItsOwnRowsHoweverManyTheOwnerHas(t *testing.T) {
	fake := clock.NewFake(start)
	h := open(t, storetest.Open(t, storetest.URL(t, store.Postgres), fake), fake)
	owner := h.shop(t)
	for range sliceCount {
		h.slice(t, h.draw(t, owner)...)
	}
	list := h.draw(t, owner)
	fetched := h.fetched(t, func(ctx context.Context, tx *store.Tx) error {
		_, err := h.SettleSlice(ctx, tx, list)
		return err
	})
	// An invoice is locked, referred to and saved; everything else is looked for and not there.
	for table, n := range fetched {
		if n > 4*sliceOf {
			t.Errorf("%d rows of %s were read for a slice of %d", n, table, sliceOf)
		}
	}
	if fetched["invoice"] < sliceOf {
		t.Fatalf("nothing was counted: %v", fetched)
	}
}

func TestReceiptsOfARailAreFoundHoweverManyTheOwnerHas(t *testing.T) {
	fake := clock.NewFake(start)
	h := open(t, storetest.Open(t, storetest.URL(t, store.Postgres), fake), fake)
	owner := h.shop(t)
	var references []string
	last := ""
	for range sliceCount {
		references = references[:0]
		for _, o := range h.slice(t, h.draw(t, owner)...) {
			references, last = append(references, o.Value.Payment.RailReference), max(last, o.Value.Payment.ID)
		}
	}
	// Pages are read by those who look back, from tables that have been there for a while: the server knows their figures.
	err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.Exec(ctx, "ANALYZE payment") })
	if err != nil {
		t.Fatal(err)
	}
	for what, read := range map[string]func(ctx context.Context, tx *store.Tx) (int, error){
		"by reference": func(ctx context.Context, tx *store.Tx) (n int, err error) {
			payment.OfRailLater(tx, "bank", references, func(payment.Payment) { n++ })
			return n, tx.Flush(ctx)
		},
		"the next": func(ctx context.Context, tx *store.Tx) (int, error) {
			list, err := payment.After(ctx, tx, owner, "bank", "", sliceOf)
			return len(list), err
		},
		"those before": func(ctx context.Context, tx *store.Tx) (int, error) {
			list, err := payment.Before(ctx, tx, owner, "bank", last+"x", sliceOf)
			return len(list), err
		},
	} {
		fetched := h.fetched(t, func(ctx context.Context, tx *store.Tx) error {
			n, err := read(ctx, tx)
			if n != sliceOf {
				t.Errorf("%s: %d of %d", what, n, sliceOf)
			}
			return err
		})
		if n := fetched["payment"]; n < sliceOf || n > 2*sliceOf {
			t.Errorf("%s: %d rows were read for %d", what, n, sliceOf)
		}
	}
}

// A page of bills shows the receipts of each: those of an owner's other bills are not looked at.
func TestReceiptsOfAPageAreReadAndNoOthers(t *testing.T) {
	fake := clock.NewFake(start)
	h := open(t, storetest.Open(t, storetest.URL(t, store.Postgres), fake), fake)
	owner := h.shop(t)
	var ids []string
	for range 30 {
		var list []payment.Receipt
		for range 64 {
			inv := h.bill(t, owner, 100)
			ids = append(ids, inv.ID)
			list = append(list, h.receipt(inv, 100))
		}
		h.slice(t, list...)
	}
	const page = 100
	for range 8 { // a plan that is made anew later on is tried too
		fetched := h.fetched(t, func(ctx context.Context, tx *store.Tx) error {
			found, err := payment.OfManyIn(ctx, tx, owner, ids[:page])
			if len(found) != page {
				t.Errorf("%d of %d have a payment", len(found), page)
			}
			return err
		})
		if n := fetched["payment"]; n < page || n > 4*page {
			t.Errorf("%d payments were read for a page of %d", n, page)
		}
	}
}

func TestOfAnInvoiceWithManyReceiptsTheNewestAreAnswered(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := billing(t, h)
		owner := b.school(t).Owner
		code, bill, unpaid := b.issue(t, owner, "shop", invoice.Static), b.issue(t, owner, "a", invoice.Bill), b.issue(t, owner, "b", invoice.Bill)
		other := b.school(t).Owner
		theirs := b.issue(t, other, "a", invoice.Bill)
		pay := func(inv invoice.Invoice, minor int64) payment.Receipt {
			r := h.receipt(inv, minor)
			h.clock.Advance(time.Millisecond)
			return r
		}
		for n := range 4 {
			var list []payment.Receipt
			for i := range payment.OfManyMost/2 + 1 {
				list = append(list, pay(code, int64(1000*n+i+1)))
			}
			h.slice(t, list...)
		}
		h.slice(t, pay(bill, 5000), pay(theirs, 5000))
		found, err := h.OfMany(ctx, owner, []string{code.ID, bill.ID, unpaid.ID, theirs.ID, "nothing"})
		if err != nil || len(found) != 2 || len(found[bill.ID]) != 1 || len(found[code.ID]) != payment.OfManyMost {
			t.Fatalf("%d of the code, %d of the bill, %d invoices, %v", len(found[code.ID]), len(found[bill.ID]), len(found), err)
		}
		all, err := h.Of(ctx, owner, code.ID)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(all[len(all)-payment.OfManyMost:], found[code.ID]); d != "" {
			t.Error(d)
		}
		if none, err := h.OfMany(ctx, owner, nil); err != nil || len(none) != 0 {
			t.Errorf("%v, %v", none, err)
		}
	})
}
