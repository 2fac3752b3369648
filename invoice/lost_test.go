package invoice_test

import (
	"fmt"
	"testing"

	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/store"
)

func TestBillsAndUploadsWhoseCommitWasNotAnsweredAreMadeOnce(t *testing.T) {
	url, lose := pgtest.Lossy(t, storetest.URL(t, store.Postgres))
	fake := clock.NewFake(start)
	h := open(t, storetest.Open(t, url, fake), fake)
	h.prefix(t)
	for n, key := range []*store.Key{nil, {Door: "asaanbill", Key: "k", Hash: "h"}} {
		if _, err := h.DrawPSIDs(ctx, 1); err != nil { // the block is leased: the next commit is the bill's
			t.Fatal(err)
		}
		for range 2 { // the first has its payer made, the second supersedes the first
			lose()
			made, err := h.CreateBill(ctx, h.demand("shop", fmt.Sprint("P", n), invoice.Bill), key)
			if err != nil || !made.Fresh || made.Invoice.Status != invoice.Open {
				t.Fatalf("%+v, %v", made, err)
			}
		}
	}
	if list, total, err := h.Bills(ctx, "shop", "asaanbill", invoice.Offset{Limit: 10}); err != nil || total != 3 || len(list) != 3 {
		t.Fatalf("%d of %d bills, %v", len(list), total, err)
	}
	bills := h.sheet(t, students, 600)
	h.numbered(t, 1)
	if _, err := h.DrawPSIDs(ctx, 1); err != nil {
		t.Fatal(err)
	}
	lose()
	u := h.upload(t, "shop", bills)
	for range 4 {
		lose()
		h.step(t)
	}
	h.drain(t)
	if d := states(h.lines(t, u)); d[invoice.LineMade] != 600 {
		t.Fatal(d)
	}
	if list, _ := h.told(t, u); len(list) != 2 {
		t.Fatal(list)
	}
	if list, total, err := h.Bills(ctx, "shop", "asaanbill", invoice.Offset{Limit: 1000}); err != nil || total != 603 || len(list) != 603 {
		t.Fatalf("%d of %d bills, %v", len(list), total, err)
	}
	h.clean(t)
}
