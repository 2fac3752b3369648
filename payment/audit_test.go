package payment_test

import (
	"context"
	"runtime"
	"testing"

	"sarraf/internal/audit"
	"sarraf/internal/audittest"
	"sarraf/invoice"
	"sarraf/ledger"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
	"sarraf/store"
)

// fill makes a payment of every sort.
func fill(t *testing.T, h *house) {
	t.Helper()
	owner := h.shop(t)
	if err := h.merchants.SetFee(ctx, by, feeKey(owner), money.Schedule{Flat: 2}); err != nil {
		t.Fatal(err)
	}
	open, late, over := h.bill(t, owner, 100), h.bill(t, owner, 100), h.bill(t, h.shop(t), 100)
	h.to(t, late, invoice.Expired)
	declined, dead := h.receipt(open, 100), h.receipt(over, 100)
	declined.Outcome, declined.Reason, dead.Outcome, dead.Reason = rail.Declined, "no funds", rail.Over, "account closed"
	foreign := h.receipt(open, 7)
	foreign.Amount.Currency = money.USD
	cards := h.receipt(open, 100)
	cards.Rail = "cards"
	for i, o := range h.slice(t, declined, h.receipt(open, 40), foreign, cards, h.receipt(late, 100), dead) {
		if o.Err != nil {
			t.Fatalf("receipt %d: %v", i, o.Err)
		}
	}
}

func TestAuditNamesEveryEditOfAPayment(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		fill(t, h)
		audittest.Walk(t, h.db, payment.Audit,
			audittest.Table{Name: "payment", Key: []string{"owner", "id"}, Fresh: []string{"rail_reference"}})
	})
}

func TestAuditsOfTheNounsTogetherNameEveryEdit(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		fill(t, h)
		both := func(ctx context.Context, tx *store.Tx, report audit.Report) error {
			if err := invoice.Audit(ctx, tx, report); err != nil {
				return err
			}
			return payment.Audit(ctx, tx, report)
		}
		audittest.Walk(t, h.db, both,
			audittest.Table{Name: "invoice", Key: []string{"owner", "id"}, Fresh: []string{"reference"}},
			audittest.Table{Name: "alias", Key: []string{"kind", "value"}, Where: "kind = 'checkout' OR kind LIKE '%.invoice'"},
			audittest.Table{Name: "payment", Key: []string{"owner", "id"}, Fresh: []string{"rail_reference"}},
		)
	})
}

func TestAuditNamesPaidInvoicesWithoutTheirMoneyAndMoneyWithoutItsPayment(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		fill(t, h)
		owner := h.shop(t)
		account := func(kind string) ledger.Account {
			return ledger.Account{Owner: owner, Currency: money.BDT, Kind: kind}
		}
		settled, err := h.Settle(ctx, h.receipt(h.bill(t, owner, 100), 100), nil)
		if err != nil {
			t.Fatal(err)
		}
		err = h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			// One settlement twice, and one of no payment.
			for id, subject := range map[string]string{"t1": settled.Payment.ID, "t2": "nothing"} {
				r, err := ledger.Apply(ctx, tx, []ledger.Command{{At: start, Ops: []ledger.Op{ledger.Transfer{
					ID: id, From: account(ledger.Clearing("bank")), To: account(ledger.Balance), Amount: 100, Kind: payment.TransferSettlement,
					Subject: subject,
				}}}})
				if err != nil || r[0].Err != nil {
					t.Fatal(err, r[0].Err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, f := range h.findings(t) {
			if f.Table != "payment" || f.Owner != owner {
				t.Errorf("%s", f)
			}
			seen[f.Row] = true
		}
		if len(seen) != 2 || !seen[settled.Payment.ID] || !seen["nothing"] {
			t.Fatalf("%v", seen)
		}
	})
}

// A code that stands on a counter for years has a payment for each customer: what the audit holds of it must not grow with them.
func TestAuditHoldsLittleOfACodeWithManyReceipts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := billing(t, h)
		code := b.issue(t, b.school(t).Owner, "tuck-shop", invoice.Static)
		const many, slice = 4000, 500
		last := ""
		for range many / slice {
			list := make([]payment.Receipt, slice)
			for i := range list {
				list[i] = h.receipt(code, 100)
				list[i].Amount.Currency = code.Currency
			}
			h.slice(t, list...)
			last = list[slice-1].ID
		}
		err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { // so that the audit has something to say when it comes there
			return tx.Exec(ctx, `UPDATE payment SET reason = 'edited' WHERE id = $1`, last)
		})
		if err != nil {
			t.Fatal(err)
		}
		heap := func() int64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		before, held := heap(), int64(-1)
		err = h.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
			return payment.Audit(ctx, tx, func(f audit.Finding) {
				if f.Row == last {
					held = heap() - before
				}
			})
		})
		if err != nil || held == -1 {
			t.Fatal(held, err)
		}
		if held > 3<<20 {
			t.Errorf("%d bytes are held for %d receipts", held, many)
		}
	})
}
