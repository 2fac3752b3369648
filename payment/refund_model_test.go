package payment_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sarraf/fault"
	"sarraf/invoice"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/payout"
)

// backModel is what should be true of the invoices of one merchant and what was given back of them, told as simply as can be.
type backModel struct {
	paid, back                    map[string]int64                      // of each invoice
	left                          map[string]map[payment.RefundOf]int64 // of each payment
	open                          []payment.Refund                      // under way
	of                            map[string]payment.Payment            // payments by id
	balance, unapplied, out, bank int64                                 // of the merchant
}

func TestRefundsDoWhatASimpleModelDoes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		rapid.Check(t, func(r *rapid.T) {
			owner := h.shop(t)
			m := backModel{paid: map[string]int64{}, back: map[string]int64{}, left: map[string]map[payment.RefundOf]int64{}, of: map[string]payment.Payment{}}
			var ids []string
			r.Repeat(map[string]func(*rapid.T){
				"pay": func(r *rapid.T) {
					p := h.pay(t, h.bill(t, owner, 100), 100+rapid.Int64Range(0, 40).Draw(r, "excess"))
					m.paid[p.Invoice] += p.Applied
					m.left[p.ID] = map[payment.RefundOf]int64{payment.OfSettled: p.Applied, payment.OfUnapplied: p.Unapplied}
					m.balance, m.unapplied, m.bank = m.balance+p.Applied, m.unapplied+p.Unapplied, m.bank+p.Amount
					m.of[p.ID], ids = p, append(ids, p.ID)
				},
				"refund": func(r *rapid.T) {
					if len(ids) == 0 {
						r.Skip("nothing was paid")
					}
					p := m.of[rapid.SampledFrom(ids).Draw(r, "payment")]
					n := h.refund(p, rapid.Int64Range(0, 60).Draw(r, "amount"))
					n.Of = rapid.SampledFrom([]payment.RefundOf{payment.OfSettled, payment.OfUnapplied}).Draw(r, "of")
					if rapid.Bool().Draw(r, "by its invoice") {
						n.Payment, n.Invoice = "", p.Invoice
					}
					left := m.left[p.ID][n.Of]
					want := left
					if n.Amount != nil {
						want = n.Amount.Minor
					}
					got, err := h.Refund(ctx, n, nil)
					if want == 0 || want > left {
						if !fault.Has(err, fault.RefundTooMuch) {
							r.Fatalf("%d of %d: %v", want, left, err)
						}
						return
					}
					if err != nil || got.Amount != want {
						r.Fatalf("%d of %d: %+v, %v", want, left, got, err)
					}
					m.left[p.ID][n.Of] -= want
					m.open = append(m.open, got)
				},
				"end": func(r *rapid.T) {
					if len(m.open) == 0 {
						r.Skip("nothing is under way")
					}
					i := rapid.IntRange(0, len(m.open)-1).Draw(r, "which")
					x := m.open[i]
					m.open = append(m.open[:i:i], m.open[i+1:]...)
					if rapid.Bool().Draw(r, "rejected") {
						h.end(t, x, payout.Reject)
						m.left[x.Payment][x.Of] += x.Amount
						return
					}
					h.end(t, x, payout.Complete)
					m.out += x.Amount
					if x.Of == payment.OfSettled {
						m.balance, m.back[x.Invoice] = m.balance-x.Amount, m.back[x.Invoice]+x.Amount
					} else {
						m.unapplied -= x.Amount
					}
				},
				"": func(r *rapid.T) {
					want := map[string]int64{}
					for account, minor := range map[string]int64{
						"BDT/balance": m.balance, "BDT/unapplied": m.unapplied, "BDT/clearing/bank": -m.bank, "BDT/clearing/sandbox": m.out,
					} {
						if minor != 0 {
							want[account] = minor
						}
					}
					if d := cmp.Diff(want, h.balances(t, owner)); d != "" {
						r.Fatal(d)
					}
				},
			})
			for inv, paid := range m.paid {
				now := h.stands(t, invoice.Invoice{Owner: owner, ID: inv, Currency: money.BDT})
				status := invoice.Paid
				if m.back[inv] == paid {
					status = invoice.Refunded
				}
				if now.Paid != paid || now.Refunded != m.back[inv] || now.Status != status {
					r.Fatalf("%+v, want %s with %d of %d given back", now, status, m.back[inv], paid)
				}
			}
		})
		h.clean(t)
	})
}
