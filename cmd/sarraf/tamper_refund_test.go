package main

import (
	"testing"
	"time"

	"sarraf/event"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/payout"
)

// fillRefunds gives money back: of what settled an invoice, of what was set aside, and into a wallet; some of it is still on its way.
func (b *books) fillRefunds(t *testing.T, log *event.Log, payments *payment.Service, invoices *invoice.Service, merchants *merchant.Service, owner string) {
	t.Helper()
	payouts := payout.NewService(payout.Deps{DB: b.db, Log: log, Merchants: merchants})
	t.Cleanup(payouts.Close)
	payments.SetPayouts(payouts, merchants)
	for _, n := range []struct {
		number string
		of     payment.RefundOf
		minor  int64
		end    payout.Action
	}{
		{"ATINV00000000000001", payment.OfSettled, 30, payout.Complete},
		{"ATINV00000000000001", payment.OfSettled, 70, payout.Complete},
		{"ATINV00000000000003", payment.OfUnapplied, 10, payout.Complete},
		{"ATINV00000000000003", payment.OfUnapplied, 10, payout.Reject},
		{"ATINV00000000000003", payment.OfSettled, 10, ""},
		{"ATINVW0", payment.OfSettled, 40, ""},
		{"ATINVW0", payment.OfSettled, 60, ""},
	} {
		inv, err := invoices.ByNumber(t.Context(), owner, "aspay", n.number)
		if err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(time.Second)
		amount := money.Of(n.minor, "BDT")
		r, err := payments.Refund(t.Context(), payment.NewRefund{
			Owner: owner, Invoice: inv.ID, Amount: &amount, Of: n.of, Reason: "sent back", Door: "native", AskedBy: merchant.Actor{Name: "key", Source: "test"},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n.end != "" {
			b.clock.Advance(time.Second)
			if _, err := payouts.Move(t.Context(), payout.Move{Merchant: owner, Payout: r.ID, Action: n.end, Right: payout.OfRail, RailReference: "x"}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}
