package ledger_test

import (
	"context"
	"errors"
	"testing"

	"sarraf/fault"
	"sarraf/internal/audit"
	"sarraf/internal/id"
	"sarraf/internal/storetest"
	"sarraf/ledger"
	"sarraf/store"
)

func wallet(owner string) ledger.Account {
	return ledger.Account{Owner: owner, Currency: "BDT", Kind: ledger.Wallet}
}

func TestOpenBooksTellWhatEachCommandLeaves(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		a, b, fees, till := wallet("a"), wallet("b"), ledger.Account{Owner: "a", Currency: "BDT", Kind: ledger.Fees}, ledger.Account{Owner: "a", Currency: "BDT", Kind: ledger.Clearing("operator")}
		move := func(from, to ledger.Account, minor int64) ledger.Op {
			return ledger.Transfer{ID: id.New(db.Clock()), From: from, To: to, Amount: minor, Kind: "k", Subject: "s"}
		}
		with := func(do func(*ledger.Books)) {
			t.Helper()
			err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				books, err := ledger.Open(ctx, tx, []ledger.Account{b, a, till, fees, a})
				if err != nil {
					return err
				}
				do(books)
				return books.Record(ctx, tx)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		carry := func(k *ledger.Books, want error, ops ...ledger.Op) {
			t.Helper()
			r, err := k.Carry(ledger.Command{At: db.Clock().Now(), Ops: ops})
			if err != nil || !errors.Is(r.Err, want) || (want == nil) != (len(r.After) == len(ops)) {
				t.Fatalf("%v, %+v, want %v", err, r, want)
			}
		}
		stands := func(k *ledger.Books, acc ledger.Account, want int64) {
			t.Helper()
			if got := k.Available(acc); got != want {
				t.Errorf("%s of %s: %d available, want %d", acc.ID(), acc.Owner, got, want)
			}
		}
		for range 2 { // on accounts that are new, and on ones that are there
			with(func(k *ledger.Books) {
				was := k.Available(a)
				carry(k, nil, move(till, a, 100))
				// The second operation does not fit: the first is taken back.
				carry(k, fault.New(fault.BalanceInsufficient), move(a, b, 60), move(a, fees, was+41))
				stands(k, a, was+100)
				carry(k, nil, move(a, b, 60), move(a, fees, 40))
				stands(k, a, was)
				stands(k, wallet("nobody"), 0)
				carry(k, fault.New(fault.TransferInvalid), move(a, b, 0))
				for _, bad := range []ledger.Op{move(a, wallet("c"), 1), ledger.Void{Owner: "a", Hold: "h"}} {
					if _, err := k.Carry(ledger.Command{At: db.Clock().Now(), Ops: []ledger.Op{bad}}); err == nil {
						t.Errorf("%+v is carried out", bad)
					}
				}
			})
		}
		with(func(k *ledger.Books) { stands(k, b, 120); stands(k, fees, 80); stands(k, till, -200) })
		err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := ledger.Open(ctx, tx, []ledger.Account{{Owner: "a", Currency: "BDT", Kind: "walet"}})
			return err
		})
		if err == nil {
			t.Error("an account that the chart does not have is opened")
		}
		err = db.Snapshot(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return ledger.Audit(ctx, tx, db.Clock().Now(), func(f audit.Finding) { t.Error(f) })
		})
		if err != nil {
			t.Error(err)
		}
	})
}
