package payment_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/store"
)

func TestPaymentWhoseCommitWasNotAnsweredIsTakenOnce(t *testing.T) {
	url, lose := pgtest.Lossy(t, storetest.URL(t, store.Postgres))
	fake := clock.NewFake(start)
	h := open(t, storetest.Open(t, url, fake), fake)
	owner := h.shop(t)
	for _, key := range []*store.Key{nil, {Door: "native", Key: "k", Hash: "h"}} {
		lose()
		inv := h.bill(t, owner, 100)
		lose()
		if got := say(h.Settle(ctx, h.receipt(inv, 40), key)); got != "received 40+0 -> open 40/100" {
			t.Fatal(got)
		}
		lose()
		ended, err := h.invoices.End(ctx, invoice.Ending{Owner: owner, ID: inv.ID, To: invoice.Cancelled, Reason: "test"}, nil)
		if err != nil || ended.Status != invoice.Cancelled {
			t.Fatal(ended.Status, err)
		}
	}
	if d := cmp.Diff(map[string]int64{"BDT/balance": 80, "BDT/clearing/bank": -80}, h.balances(t, owner)); d != "" {
		t.Fatal(d)
	}
	if n := len(h.events(t, owner, 0)); n != 6 {
		t.Fatalf("%d events of 2 invoices, 2 payments and 2 ends", n)
	}
	h.clean(t)
}
