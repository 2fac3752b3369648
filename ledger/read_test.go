package ledger_test

import (
	"context"
	"testing"
	"time"

	"sarraf/internal/storetest"
	"sarraf/ledger"
	"sarraf/store"
)

func TestFiguresOfSeveralOwnersAreReadInOneTransaction(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		at := db.Clock().Now()
		bank := ledger.Account{Owner: "house", Currency: "PKR", Kind: ledger.House("bank/x")}
		clearing := ledger.Account{Owner: "m", Currency: "PKR", Kind: ledger.Clearing("x")}
		never := ledger.Account{Owner: "m", Currency: "PKR", Kind: ledger.Balance}
		err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			results, err := ledger.Apply(ctx, tx, []ledger.Command{{At: at, Ops: []ledger.Op{
				ledger.Transfer{ID: "t", From: bank, To: clearing, Amount: 70, Kind: "k", Subject: "s"},
			}}})
			if err != nil || results[0].Err != nil {
				t.Errorf("%v %v", err, results)
			}
			have, err := ledger.ReadIn(ctx, tx, []ledger.Account{clearing, never, bank})
			if err != nil || len(have) != 2 || have[bank].Balance() != -70 || have[clearing].Balance() != 70 {
				t.Errorf("%v %v", err, have)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestAHoldIsReadByItsOwnerAndID(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		at := db.Clock().Now().Truncate(time.Microsecond)
		house := ledger.Account{Owner: "house", Currency: "BDT", Kind: ledger.House("capital")}
		from := ledger.Account{Owner: "m", Currency: "BDT", Kind: ledger.Balance}
		to := ledger.Account{Owner: "m", Currency: "BDT", Kind: ledger.Payouts}
		err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			results, err := ledger.Apply(ctx, tx, []ledger.Command{{At: at, Ops: []ledger.Op{
				ledger.Transfer{ID: "t", From: house, To: from, Amount: 70, Kind: "k", Subject: "s"},
				ledger.Hold{ID: "h", From: from, To: to, Amount: 30, Kind: "errand", Subject: "s"},
			}}})
			if err != nil || results[0].Err != nil {
				t.Errorf("%v %v", err, results)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		err = db.Snapshot(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			h, found, err := ledger.HoldOf(ctx, tx, "m", "h")
			if !found || h.Amount != 30 || h.State != ledger.Pending || h.Account != from.ID() || h.CounterAccount != to.ID() || !h.CreatedAt.Equal(at) {
				t.Errorf("%+v, %v", h, found)
			}
			if _, found, _ := ledger.HoldOf(ctx, tx, "house", "h"); found {
				t.Error("the house has no such hold")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
