package merchant_test

import (
	"testing"

	"sarraf/fault"
	"sarraf/merchant"
	"sarraf/money"
)

func TestAnApproverReadsAndDecidesAndAsksForNothing(t *testing.T) {
	for role, want := range map[merchant.Role][3]bool{ // reads, adds, approves
		merchant.Admin: {true, true, true}, merchant.Viewer: {true, false, false}, merchant.Approver: {true, false, true},
		merchant.Maker: {false, true, false}, merchant.Operator: {false, false, true}, "": {}, "made up": {},
	} {
		if have := [3]bool{role.Reads(), role.Adds(), role.Approves()}; have != want {
			t.Errorf("%q reads, adds, approves: %v, want %v", role, have, want)
		}
	}
}

func TestTheApprovalLimitIsOfKnownCurrenciesAndNotNegative(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, err := h.Create(ctx, by, merchant.Merchant{
			Name: "Shop", Mode: merchant.Sandbox, Currencies: []money.Currency{"BDT"},
			Settings: merchant.Settings{PayoutApproval: map[money.Currency]int64{"BDT": 0}},
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := h.Get(ctx, m.Owner)
		if err != nil || len(got.Settings.PayoutApproval) != 1 {
			t.Fatalf("%v, %v", got.Settings.PayoutApproval, err)
		}
		for code, wrong := range map[fault.Code]map[money.Currency]int64{
			fault.CurrencyUnknown: {"QQQ": 1}, fault.FieldMalformed: {"BDT": -1},
		} {
			m.Settings.PayoutApproval = wrong
			if err := h.Change(ctx, by, m); !fault.Has(err, code) {
				t.Errorf("%v: %v, want %s", wrong, err, code)
			}
		}
	})
}
