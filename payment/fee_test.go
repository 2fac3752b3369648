package payment_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
)

func feeKey(owner string) merchant.FeeKey {
	return merchant.FeeKey{Owner: owner, Rail: "bank", Currency: money.BDT}
}

func TestFeeIsTakenOfWhatWasApplied(t *testing.T) {
	for _, try := range []struct {
		name     string
		fee      money.Schedule
		due, got int64 // of the invoice, and what comes
		want     int64
	}{
		{"nothing", money.Schedule{}, 10000, 10000, 0},
		{"flat", money.Schedule{Flat: 250}, 10000, 10000, 250},
		{"1.85 percent", money.Schedule{PPM: 18500}, 12300, 12300, 228}, // 227.55
		{"half to even, down", money.Schedule{PPM: 5000}, 100, 100, 0},  // 0.5
		{"half to even, up", money.Schedule{PPM: 5000}, 300, 300, 2},    // 1.5
		{"half to even, down again", money.Schedule{PPM: 5000}, 500, 500, 2},
		{"both", money.Schedule{Flat: 100, PPM: 20000}, 5000, 5000, 200},
		{"at least", money.Schedule{PPM: 1000, Min: 50}, 5000, 5000, 50},
		{"at most", money.Schedule{PPM: 500000, Max: 75}, 5000, 5000, 75},
		{"of part money", money.Schedule{PPM: 100000}, 5000, 1000, 100},
		{"not of the excess", money.Schedule{PPM: 100000}, 1000, 5000, 100},
		{"never more than was applied", money.Schedule{Flat: 900}, 100, 100, 100},
		{"never more than was applied of excess", money.Schedule{Flat: 900}, 100, 1000, 100},
		{"all of it", money.Schedule{PPM: 1_000_000}, 777, 777, 777},
		{"of the most there is", money.Schedule{PPM: 1_000_000}, math.MaxInt64, math.MaxInt64, math.MaxInt64},
	} {
		t.Run(try.name, func(t *testing.T) {
			each(t, func(t *testing.T, h *house) {
				owner := h.shop(t)
				if err := h.merchants.SetFee(ctx, by, feeKey(owner), try.fee); err != nil {
					t.Fatal(err)
				}
				settled, err := h.Settle(ctx, h.receipt(h.bill(t, owner, try.due), try.got), nil)
				if err != nil || settled.Payment.Fee != try.want {
					t.Fatalf("fee %d, want %d, %v", settled.Payment.Fee, try.want, err)
				}
				applied := min(try.due, try.got)
				want := map[string]int64{"BDT/clearing/bank": -try.got}
				for account, minor := range map[string]int64{
					"BDT/balance": applied - try.want, "BDT/fees": try.want, "BDT/unapplied": try.got - applied,
				} {
					if minor != 0 {
						want[account] = minor
					}
				}
				if d := cmp.Diff(want, h.balances(t, owner)); d != "" {
					t.Error(d)
				}
				h.clean(t)
			})
		})
	}
}

func TestFeeIsOfItsRailAndCurrencyAndOwner(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		if err := h.merchants.SetFee(ctx, by, feeKey(owner), money.Schedule{Flat: 1}); err != nil {
			t.Fatal(err)
		}
		if err := h.merchants.SetFee(ctx, by, merchant.FeeKey{Owner: owner, Rail: "cards", Currency: money.BDT}, money.Schedule{Flat: 2}); err != nil {
			t.Fatal(err)
		}
		bank, cards, cash := h.receipt(h.bill(t, owner, 100), 100), h.receipt(h.bill(t, owner, 100), 100), h.receipt(h.bill(t, owner, 100), 100)
		cards.Rail, cash.Rail = "cards", "cash"
		other := h.receipt(h.bill(t, h.shop(t), 100), 100)
		declined := h.receipt(h.bill(t, owner, 100), 100)
		declined.Outcome = rail.Declined
		var fees []int64
		for _, o := range h.slice(t, bank, cards, cash, other, declined) {
			if o.Err != nil {
				t.Fatal(o.Err)
			}
			fees = append(fees, o.Value.Payment.Fee)
		}
		if d := cmp.Diff([]int64{1, 2, 0, 0, 0}, fees); d != "" {
			t.Fatal(d)
		}
		// A change counts from the next receipt on.
		if err := h.merchants.SetFee(ctx, by, feeKey(owner), money.Schedule{Flat: 5}); err != nil {
			t.Fatal(err)
		}
		settled, err := h.Settle(ctx, h.receipt(h.bill(t, owner, 100), 100), nil)
		if err != nil || settled.Payment.Fee != 5 {
			t.Fatal(settled.Payment.Fee, err)
		}
		h.clean(t)
	})
}

func TestSumThatTheBooksCannotHoldFailsAlone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		most := h.receipt(h.bill(t, owner, math.MaxInt64), math.MaxInt64)
		if _, err := h.Settle(ctx, most, nil); err != nil {
			t.Fatal(err)
		}
		inv := h.bill(t, owner, 100)
		if _, err := h.Settle(ctx, h.receipt(inv, 1), nil); !fault.Has(err, fault.AmountOverflow) {
			t.Fatalf("one more: %v", err)
		}
		fine, err := h.Settle(ctx, func() payment.Receipt { r := h.receipt(inv, 100); r.Rail = "cards"; return r }(), nil)
		if !fault.Has(err, fault.AmountOverflow) { // the balance is full whatever the rail
			t.Fatalf("over another rail: %v, %v", fine, err)
		}
		if got, err := h.invoices.Get(ctx, owner, inv.ID); err != nil || got.Status != invoice.Open || got.Paid != 0 {
			t.Fatalf("%+v, %v", got, err)
		}
		h.clean(t)
	})
}
