package payout_test

import (
	"context"
	"testing"

	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/storetest"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/payout"
	"sarraf/store"
)

// BenchmarkPayouts carries 256 payouts out in slices of 64, with a fee: from the request to their end.
func BenchmarkPayouts(b *testing.B) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			c := clock.System{}
			h := open(b, storetest.Open(b, storetest.URL(b, engine), c), clock.NewFake(c.Now()))
			m := h.shop(merchant.Sandbox, 1_000_000_000_00)
			method := h.method(m, 1_00, "sandbox")
			f, err := ledger.Read(ctx, h.db, ledger.Account{Owner: m.Owner, Currency: "BDT", Kind: ledger.Balance})
			if err != nil || f.Available() != 1_000_000_000_00 {
				b.Fatal(f, err)
			}
			const slice, slices = 64, 4
			b.ResetTimer()
			for range b.N {
				for range slices {
					h.through(b, method, slice)
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N*slice*slices)/b.Elapsed().Seconds(), "payouts/s")
		})
	}
}

// through asks for a slice of payouts and completes them.
func (h *house) through(b *testing.B, method payout.Method, slice int) {
	var list []payout.New
	var moves []payout.Move
	for range slice {
		n := h.asking(method, 10_00)
		n.At, n.Number, n.Reference = h.clock.Now(), "AT"+n.ID, n.ID
		list = append(list, n)
		moves = append(moves, payout.Move{ID: id.New(h.clock), Merchant: n.Owner, Payout: n.ID, Action: payout.Complete, Right: payout.OfRail, At: n.At})
	}
	check := func(out []store.Outcome[payout.Payout], err error) error {
		for _, o := range out {
			if o.Err != nil {
				b.Fatal(o.Err)
			}
		}
		return err
	}
	err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return check(h.RequestIn(ctx, tx, list)) })
	if err == nil {
		err = h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return check(h.MoveIn(ctx, tx, moves)) })
	}
	if err != nil {
		b.Fatal(err)
	}
}
