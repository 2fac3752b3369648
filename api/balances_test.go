package api

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/invoice"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

// balances reads the books as the program's wiring does.
func balances(db *store.DB) func(context.Context, string) ([]Standing, error) {
	return func(ctx context.Context, owner string) ([]Standing, error) {
		all, err := ledger.ReadAll(ctx, db, owner)
		list := make([]Standing, len(all))
		for i, f := range all {
			list[i] = Standing{
				Kind: f.Kind, Balance: money.Of(f.Balance(), f.Currency), Held: money.Of(f.Held, f.Currency),
				Available: money.Of(f.Available(), f.Currency),
			}
		}
		return list, err
	}
}

func TestBalancesAreWhatTheBooksSay(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.tenant(merchant.Sandbox), h.tenant(merchant.Sandbox)
		if a := h.call("GET", "/v1/balances", m.key, ""); a.status != 200 || a.body != `{"data":[],"has_more":false}` {
			t.Errorf("before: %d %s", a.status, a.body)
		}
		err := h.merchants.SetFee(context.Background(), tester,
			merchant.FeeKey{Owner: m.Owner, Rail: "sandbox", Currency: "BDT"}, money.Schedule{Flat: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, inv := range []invoice.Invoice{
			h.demand(m, nil), h.demand(m, func(i *invoice.Invoice) { i.Currency, i.Amount = "JPY", 700 }), h.demand(other, nil),
		} {
			by := m
			if inv.Owner == other.Owner {
				by = other
			}
			if a := h.pay(by, inv.ID, "paid"); a.status != 200 {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
		want := `{"data":[` +
			`{"currency":"BDT","kind":"balance","balance":"1224.50","held":"0.00","available":"1224.50"},` +
			`{"currency":"BDT","kind":"clearing/sandbox","balance":"-1234.50","held":"0.00","available":"-1234.50"},` +
			`{"currency":"BDT","kind":"fees","balance":"10.00","held":"0.00","available":"10.00"},` +
			`{"currency":"JPY","kind":"balance","balance":"700","held":"0","available":"700"},` +
			`{"currency":"JPY","kind":"clearing/sandbox","balance":"-700","held":"0","available":"-700"}],"has_more":false}`
		a := h.call("GET", "/v1/balances", m.key, "")
		if diff := cmp.Diff(want, a.body); diff != "" || a.status != 200 {
			t.Errorf("%d (-want +got):\n%s", a.status, diff)
		}
	})
}
