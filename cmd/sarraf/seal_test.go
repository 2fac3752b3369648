package main

import (
	"log/slog"
	"testing"

	"sarraf/event"
	"sarraf/internal/id"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
	"sarraf/wallet"
)

// Of a transfer's event one is the owner, and two have entries: each one's books are sealed in the next round, without a sweep.
func TestBothSidesOfATransferAreSealedAtOnce(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		keys, sealKey, err := fresh().keys()
		if err != nil {
			t.Fatal(err)
		}
		sealer := newSealer(db, sealKey, slog.New(slog.DiscardHandler))
		wallets := wallet.NewService(db, event.NewLog(db, toucher{sealer}), keys)
		t.Cleanup(wallets.Close)
		var list []wallet.Wallet
		for range 2 {
			w, err := wallets.Create(t.Context(), merchant.Actor{Name: "test", Source: "test"}, wallet.New{Wallet: wallet.Wallet{
				Kind: wallet.Consumer, Merchant: "m1", Name: "W", Status: wallet.Approved, Sandbox: true, Currencies: []money.Currency{"BDT"}, Zone: "UTC",
			}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, w)
		}
		top := wallet.TopUpNew{ID: id.New(db.Clock()), Wallet: list[0].Owner, Amount: money.Of(100_00, "BDT"), Rail: wallet.OperatorRail, Reference: "r", By: wallet.Operator}
		if _, err := wallets.TopUp(t.Context(), top, nil); err != nil {
			t.Fatal(err)
		}
		sp := wallet.Spend{ID: id.New(db.Clock()), Sender: list[0].Owner, Receiver: list[1].Owner, Amount: money.Of(10_00, "BDT"), By: wallet.Operator}
		if _, err := wallets.Spend(t.Context(), sp, nil); err != nil {
			t.Fatal(err)
		}
		if err := sealer.Round(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		for _, owner := range []string{"m1", list[0].Owner, list[1].Owner} {
			var n int64
			err := db.Query(t.Context(), `SELECT COUNT(*) FROM seal WHERE owner = $1`, []any{owner}, func(r store.Row) error { return r.Scan(&n) })
			if err != nil || n == 0 {
				t.Errorf("%s: %d seals, %v", owner, n, err)
			}
		}
	})
}
