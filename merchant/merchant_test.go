package merchant_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

func TestMerchantIsKeptAsItWasMade(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		got, err := h.second(t).Get(ctx, m.Owner)
		if d := cmp.Diff(m, got); err != nil || d != "" || !got.CreatedAt.Equal(start) {
			t.Fatal(err, d)
		}
		if !m.Sandbox() || !m.Has(money.EUR) || m.Has(money.PKR) || m.InvoiceLife() != 30*time.Minute {
			t.Fatalf("%+v", m)
		}
		list, err := h.List(ctx)
		if d := cmp.Diff([]merchant.Merchant{m}, list); err != nil || d != "" {
			t.Fatal(err, d)
		}
		if lines := h.logged(t, m.Owner); len(lines) != 1 || !strings.HasPrefix(lines[0], "merchant.create|"+m.Owner+"||{") {
			t.Fatal(lines)
		}
		if _, err := h.Get(ctx, "none"); !fault.Has(err, fault.MerchantMissing) {
			t.Fatal(err)
		}
	})
}

func TestMerchantMayUseItsRailsAndNoOthers(t *testing.T) {
	for _, try := range []struct {
		mode  merchant.Mode
		rails []string
		rail  string
		want  bool
	}{
		{merchant.Sandbox, nil, "sandbox", true},
		{merchant.Sandbox, nil, "bank", false},
		{merchant.Sandbox, []string{"sandbox"}, "sandbox", true},
		{merchant.Sandbox, []string{"bank"}, "bank", false}, // a sandbox merchant's money is never real
		{merchant.Sandbox, []string{"bank"}, "sandbox", false},
		{merchant.Live, nil, "sandbox", false},
		{merchant.Live, nil, "bank", false},
		{merchant.Live, []string{"bank"}, "bank", true},
		{merchant.Live, []string{"sandbox"}, "sandbox", false},
		{merchant.Sandbox, nil, "wallet", true},
		{merchant.Sandbox, []string{"wallet"}, "wallet", true},
		{merchant.Sandbox, []string{"sandbox"}, "wallet", false},
		{merchant.Live, nil, "wallet", false},
		{merchant.Live, []string{"wallet"}, "wallet", true},
	} {
		m := merchant.Merchant{Mode: try.mode, Settings: merchant.Settings{Rails: try.rails}}
		if got := m.MayUse(try.rail); got != try.want {
			t.Errorf("%s with %v uses %s: %v", try.mode, try.rails, try.rail, got)
		}
	}
	if life := (merchant.Merchant{}).InvoiceLife(); life != time.Hour {
		t.Errorf("invoices live %v by default", life)
	}
}

func TestMerchantThatBreaksARuleIsRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, err := h.Create(ctx, by, merchant.Merchant{Name: " ", Mode: "play", Settings: merchant.Settings{InvoiceMinutes: -1}})
		var fields []string
		for _, f := range fault.All(err) {
			fields = append(fields, f.Field)
		}
		if d := cmp.Diff([]string{"name", "mode", "currencies", "invoice_minutes"}, fields); d != "" {
			t.Fatal(d)
		}
		_, err = h.Create(ctx, by, merchant.Merchant{Name: "x", Mode: merchant.Live, Currencies: []money.Currency{"BDT,EUR"}})
		if !fault.Has(err, fault.CurrencyUnknown) {
			t.Fatal(err)
		}
		_, err = h.Create(ctx, merchant.Actor{}, merchant.Merchant{Name: "x", Mode: merchant.Live, Currencies: []money.Currency{"BDT"}})
		if err == nil {
			t.Fatal("a change by nobody was made")
		}
		if list, err := h.List(ctx); err != nil || len(list) != 0 {
			t.Fatal(list, err)
		}
	})
}

func TestChangeIsSeenAtOnceAndKeepsCurrenciesAndMode(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		if _, err := h.Get(ctx, m.Owner); err != nil { // now it is cached
			t.Fatal(err)
		}
		changed := m
		changed.Name, changed.Currencies = "New name", []money.Currency{money.EUR, money.PKR, money.BDT}
		changed.Settings = merchant.Settings{InvoiceMinutes: 5}
		if err := h.Change(ctx, by, changed); err != nil {
			t.Fatal(err)
		}
		got, err := h.Get(ctx, m.Owner)
		if d := cmp.Diff(changed, got); err != nil || d != "" {
			t.Fatal(err, d)
		}
		lines := h.logged(t, m.Owner)
		if len(lines) != 2 || !strings.Contains(lines[1], `"Name":"Shop"`) || !strings.Contains(lines[1], `"Name":"New name"`) {
			t.Fatal(lines)
		}
		less, mode, none := changed, changed, changed
		less.Currencies, mode.Mode, none.Owner = []money.Currency{money.EUR, money.BDT}, merchant.Live, "none"
		for want, m := range map[fault.Code]merchant.Merchant{
			fault.CurrencyUnknown: less, fault.FieldNotOneOf: mode, fault.MerchantMissing: none,
		} {
			if err := h.Change(ctx, by, m); !fault.Has(err, want) {
				t.Errorf("want %s: %v", want, err)
			}
		}
		if err := h.Change(ctx, by, changed); err != nil { // no change
			t.Fatal(err)
		}
		if got, err := h.Get(ctx, m.Owner); err != nil || cmp.Diff(changed, got) != "" || len(h.logged(t, m.Owner)) != 2 {
			t.Fatalf("%+v, %v, %v", got, err, h.logged(t, m.Owner))
		}
	})
}

// fees reads a schedule as a settlement does.
func (h *house) fees(t *testing.T, k merchant.FeeKey) map[merchant.FeeKey]money.Schedule {
	t.Helper()
	have := map[merchant.FeeKey]money.Schedule{}
	err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		merchant.FeesLater(tx, []merchant.FeeKey{k}, have)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return have
}

func TestFeeScheduleIsKeptAndBadOnesAreRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		k := merchant.FeeKey{Owner: m.Owner, Rail: "bank", Currency: money.BDT}
		if have := h.fees(t, k); len(have) != 0 {
			t.Fatal(have)
		}
		for _, f := range []money.Schedule{{Flat: 100, PPM: 18500, Min: 150, Max: 90000}, {PPM: 1_000_000}, {}} {
			if err := h.SetFee(ctx, by, k, f); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(map[merchant.FeeKey]money.Schedule{k: f}, h.fees(t, k)); d != "" {
				t.Fatal(d)
			}
		}
		want := []string{
			`fee.set|bank/BDT||{"flat":100,"ppm":18500,"min":150,"max":90000}`,
			`fee.set|bank/BDT|{"flat":100,"ppm":18500,"min":150,"max":90000}|{"flat":0,"ppm":1000000,"min":0,"max":0}`,
			`fee.set|bank/BDT|{"flat":0,"ppm":1000000,"min":0,"max":0}|{"flat":0,"ppm":0,"min":0,"max":0}`,
		}
		if d := cmp.Diff(want, h.logged(t, m.Owner)[1:]); d != "" {
			t.Fatal(d)
		}
		for _, f := range []money.Schedule{{Flat: -1}, {PPM: -1}, {PPM: 1_000_001}, {Min: -1}, {Max: -1}, {Min: 2, Max: 1}} {
			if err := h.SetFee(ctx, by, k, f); !fault.Has(err, fault.FieldMalformed) {
				t.Errorf("%+v: %v", f, err)
			}
		}
		for want, k := range map[fault.Code]merchant.FeeKey{
			fault.CurrencyUnknown: {Owner: m.Owner, Rail: "bank", Currency: money.PKR},
			fault.MerchantMissing: {Owner: "none", Rail: "bank", Currency: money.BDT},
			fault.FieldRequired:   {Owner: m.Owner, Currency: money.BDT},
		} {
			if err := h.SetFee(ctx, by, k, money.Schedule{}); !fault.Has(err, want) {
				t.Errorf("want %s: %v", want, err)
			}
		}
	})
}

func TestFundingHappensOnceForItsID(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.shop(t), h.shop(t)
		for _, node := range []*house{h, h.second(t), h} {
			if err := node.Fund(ctx, by, m.Owner, "F-1", money.Of(500, money.BDT)); err != nil {
				t.Fatal(err)
			}
			h.clock.Advance(time.Minute)
		}
		if err := h.Fund(ctx, by, m.Owner, "F-2", money.Of(7, money.EUR)); err != nil {
			t.Fatal(err)
		}
		if err := h.Fund(ctx, by, other.Owner, "F-1", money.Of(1, money.BDT)); err != nil { // ids are each merchant's own
			t.Fatal(err)
		}
		for _, a := range []money.Amount{money.Of(501, money.BDT), money.Of(500, money.EUR)} {
			err := h.Fund(ctx, by, m.Owner, "F-1", a)
			if f := fault.First(err); f == nil || f.Code != fault.ReferenceTaken || f.Field != "id" {
				t.Errorf("F-1 with %+v: %v", a, err)
			}
		}
		for want, try := range map[fault.Code]func() error{
			fault.MerchantMissing:   func() error { return h.Fund(ctx, by, "none", "F-3", money.Of(1, money.BDT)) },
			fault.AmountNotPositive: func() error { return h.Fund(ctx, by, m.Owner, "F-3", money.Of(0, money.BDT)) },
			fault.CurrencyUnknown:   func() error { return h.Fund(ctx, by, m.Owner, "F-3", money.Of(1, money.PKR)) },
			fault.FieldRequired:     func() error { return h.Fund(ctx, by, m.Owner, "", money.Of(1, money.BDT)) },
			fault.AmountOverflow:    func() error { return h.Fund(ctx, by, m.Owner, "F-3", money.Of(math.MaxInt64, money.BDT)) },
		} {
			if err := try(); !fault.Has(err, want) {
				t.Errorf("want %s: %v", want, err)
			}
		}
		for account, want := range map[ledger.Account]int64{
			{Owner: m.Owner, Currency: money.BDT, Kind: ledger.Balance}:              500,
			{Owner: m.Owner, Currency: money.EUR, Kind: ledger.Balance}:              7,
			{Owner: m.Owner, Currency: money.BDT, Kind: ledger.Clearing("operator")}: -500,
			{Owner: other.Owner, Currency: money.BDT, Kind: ledger.Balance}:          1,
		} {
			if f, err := ledger.Read(ctx, h.db, account); err != nil || f.Balance() != want {
				t.Errorf("%s: %d, want %d, %v", account.ID(), f.Balance(), want, err)
			}
		}
		if d := cmp.Diff([]string{"balance.fund|F-1||5.00 BDT", "balance.fund|F-2||0.07 EUR"}, h.logged(t, m.Owner)[1:]); d != "" {
			t.Error(d)
		}
		list, err := h.log.List(ctx, m.Owner, event.Page{Limit: 10})
		if err != nil || len(list) != 2 || list[0].Type != merchant.EventFunded || list[0].Subject != "F-1" || !list[0].At.Equal(start) {
			t.Fatalf("%+v, %v", list, err)
		}
		h.clean(t)
	})
}

func TestIdempotencyKeyIsOfTheWholeRequest(t *testing.T) {
	if merchant.IdempotencyKey("native", "", "POST", "/v1", "{}") != nil {
		t.Fatal("no key is a key")
	}
	a := merchant.IdempotencyKey("native", "k", "POST", "/v1", "{}")
	for _, other := range [][]string{{"POST", "/v1", "{ }"}, {"POST", "/v1{}", ""}, {"POST/v1", "{}"}, {"PUT", "/v1", "{}"}} {
		if b := merchant.IdempotencyKey("native", "k", other...); b.Hash == a.Hash {
			t.Errorf("%q hashes alike", other)
		}
	}
	if b := merchant.IdempotencyKey("native", "k", "POST", "/v1", "{}"); *b != *a {
		t.Error("the same request hashes differently")
	}
}
