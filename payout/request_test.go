package payout_test

import (
	"context"
	"sync"
	"testing"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/store"
)

func TestMoneyIsSetAsideAtOncePostedAtTheEndAndGivenBackOtherwise(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 1000_00)
		method := h.method(m, 5_00, "sandbox")
		p := h.ask(method, 100_00)
		if p.Status != payout.Pending || p.Fee != 5_00 || p.Destination != "+8801712345678" || p.Account != "01712345678" {
			t.Errorf("%+v", p)
		}
		h.stands(m.Owner, 1000_00, 895_00, 0, 0)
		h.does(p, payout.Process)
		h.stands(m.Owner, 1000_00, 895_00, 0, 0)
		p = h.does(p, payout.Complete)
		h.stands(m.Owner, 895_00, 895_00, 5_00, 100_00)
		if p.Status != payout.Completed || p.ProcessedAt.IsZero() || p.RailReference != "TRX1" {
			t.Errorf("%+v", p)
		}
		for _, a := range []payout.Action{payout.Reject, payout.Cancel} {
			q := h.ask(method, 200_00)
			h.stands(m.Owner, 895_00, 690_00, 5_00, 100_00)
			q = h.does(q, a)
			h.stands(m.Owner, 895_00, 895_00, 5_00, 100_00)
			if !q.Status.Final() || q.SentAt != (payout.Payout{}).SentAt {
				t.Errorf("%s: %+v", a, q)
			}
		}
		if have := h.events(p); have != "payout.requested payout.processing payout.completed" {
			t.Errorf("events %s", have)
		}
	})
}

func TestEveryRuleOfARequestIsTold(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 1000_00)
		method := h.method(m, 5_00, "sandbox")
		off := h.method(m, 0, "sandbox")
		off.Disabled = true
		if _, err := h.SetMethod(ctx, alice, off); err != nil {
			t.Fatal(err)
		}
		taken := h.asking(method, 10_00)
		taken.Reference = "R1"
		if _, err := h.Request(ctx, taken, nil); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			change func(*payout.New)
			codes  []fault.Code
		}{
			"no such merchant":   {func(n *payout.New) { n.Owner = id.New(h.clock) }, []fault.Code{fault.MerchantMissing}},
			"no such method":     {func(n *payout.New) { n.Method = 99 }, []fault.Code{fault.PayoutMethodMissing}},
			"switched off":       {func(n *payout.New) { n.Method = off.Number }, []fault.Code{fault.PayoutMethodMissing}},
			"currency":           {func(n *payout.New) { n.Amount.Currency = "PKR" }, []fault.Code{fault.CurrencyUnknown}},
			"nothing, nobody":    {func(n *payout.New) { n.Amount.Minor, n.Account = 0, "" }, []fault.Code{fault.AmountNotPositive, fault.FieldRequired}},
			"too little":         {func(n *payout.New) { n.Amount.Minor = 99 }, []fault.Code{fault.AmountBelowLimit}},
			"too much, landline": {func(n *payout.New) { n.Amount.Minor, n.Account = 50_000_01, "029876543" }, []fault.Code{fault.AmountAboveLimit, fault.FieldMalformed}},
			"reference":          {func(n *payout.New) { n.Reference = "R1" }, []fault.Code{fault.ReferenceTaken}},
			"fee not covered":    {func(n *payout.New) { n.Amount.Minor = 985_00 - 5_00 + 1 }, []fault.Code{fault.BalanceInsufficient}},
			"not covered":        {func(n *payout.New) { n.Amount.Minor = 2000_00 }, []fault.Code{fault.BalanceInsufficient}},
		} {
			n := h.asking(method, 20_00)
			c.change(&n)
			_, err := h.Request(ctx, n, nil)
			t.Run(name, func(t *testing.T) { wants(t, err, c.codes...) })
		}
		h.stands(m.Owner, 1000_00, 985_00, 0, 0)
		if _, err := h.Request(ctx, h.asking(method, 980_00), nil); err != nil {
			t.Errorf("all that is there: %v", err)
		}
		h.stands(m.Owner, 1000_00, 0, 0, 0)
	})
}

func TestARequestThatComesAgainIsAnsweredAsItWas(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 100_00)
		n := h.asking(h.method(m, 0, "sandbox"), 60_00)
		first, err := h.Request(ctx, n, nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := h.Request(ctx, n, nil)
		if err != nil || again != first {
			t.Errorf("%+v, %v, want %+v", again, err, first)
		}
		n.Amount = money.Of(1_00, "BDT")
		_, err = h.Request(ctx, n, nil)
		wants(t, err, fault.IdempotencyReused)
		h.stands(m.Owner, 100_00, 40_00, 0, 0)
		k := &store.Key{Door: "aspay", Key: "k", Hash: "h"}
		kept, err := h.Request(ctx, h.asking(h.method(m, 0, "sandbox"), 10_00), k)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := h.Request(ctx, h.asking(h.method(m, 0, "sandbox"), 10_00), k); err != nil || same.ID != kept.ID {
			t.Errorf("%v, %v", same.ID, err)
		}
		h.stands(m.Owner, 100_00, 30_00, 0, 0)
	})
}

// A request that runs again after the answer to its COMMIT was lost is the same, however its account was written.
func TestARequestWithSpacesAroundItsAccountComesAgain(t *testing.T) {
	each(t, func(h *house) {
		n := h.asking(h.method(h.shop(merchant.Sandbox, 100_00), 0, "sandbox"), 60_00)
		n.Account = " 01712345678 "
		first, err := h.Request(ctx, n, nil)
		if err != nil || first.Account != "01712345678" {
			t.Fatal(first.Account, err)
		}
		if again, err := h.Request(ctx, n, nil); err != nil || again != first {
			t.Errorf("%+v, %v, want %+v", again, err, first)
		}
		n.Account = "01712345679"
		_, err = h.Request(ctx, n, nil)
		wants(t, err, fault.IdempotencyReused)
	})
}

// Of a slice, each is judged against what those before it left, also where they share an id or a reference.
func TestASliceOfRequestsIsJudgedInItsOrder(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 100_00)
		method := h.method(m, 0, "sandbox")
		at := func(minor int64, reference string) payout.New {
			n := h.asking(method, minor)
			n.Reference, n.At = reference, h.clock.Now()
			return n
		}
		list := []payout.New{at(200_00, "A"), at(60_00, "A"), at(10_00, "A"), at(50_00, "B"), at(40_00, "C")}
		list = append(list, list[1])
		var out []store.Outcome[payout.Payout]
		err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			out, err = h.RequestIn(ctx, tx, list)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []fault.Code{fault.BalanceInsufficient, "", fault.ReferenceTaken, fault.BalanceInsufficient, "", ""}
		for i, o := range out {
			if f := fault.First(o.Err); (f == nil) != (want[i] == "") || f != nil && f.Code != want[i] {
				t.Errorf("request %d: %v, want %q", i, o.Err, want[i])
			}
		}
	})
}

// 200 at once over two nodes, each for a part of what is there: exactly what was there goes out.
func TestTwoHundredAtOnceDrawExactlyWhatIsThere(t *testing.T) {
	each(t, func(h *house) {
		const each, fee, fits = 7_00, 50, 66
		m := h.shop(merchant.Sandbox, fits*(each+fee)+each+fee-1)
		method := h.method(m, fee, "sandbox")
		nodes := []*house{h, h.second()}
		var mu sync.Mutex
		var taken []payout.Payout
		var all sync.WaitGroup
		for i := range 200 {
			n := h.asking(method, each)
			all.Go(func() {
				p, err := nodes[i%2].Request(ctx, n, nil)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					taken = append(taken, p)
				} else if !fault.Has(err, fault.BalanceInsufficient) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(taken) != fits {
			t.Errorf("%d went out, want %d", len(taken), fits)
		}
		for i, p := range taken {
			all.Go(func() {
				_, err := nodes[i%2].Move(ctx, payout.Move{Merchant: p.Merchant, Payout: p.ID, Action: payout.Complete, Right: payout.OfRail}, nil)
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		h.stands(m.Owner, each+fee-1, each+fee-1, fits*fee, fits*each)
	})
}

func TestAccountsAreReadAsTheirMethodsWriteThem(t *testing.T) {
	for _, c := range []struct{ kind, text, want string }{
		{"bkash", "01712345678", "+8801712345678"},
		{"nagad", " +880 1712-345678 ", "+8801712345678"},
		{"rocket", "8801712345678", "+8801712345678"},
		{"bkash", "০১৭১২৩৪৫৬৭৮", "+8801712345678"},
		{"bkash", "+923001234567", ""},
		{"bkash", "029876543", ""},
		{"bkash", "0171234567", ""},
		{"easypaisa", "0300 1234567", "+923001234567"},
		{"jazzcash", "+923001234567", "+923001234567"},
		{"jazzcash", "0211234567", ""},
		{"iban_pk", "PK36SCBL0000001123456702", "PK36SCBL0000001123456702"},
		{"iban_pk", "pk36 scbl 0000 0011 2345 6702", "PK36SCBL0000001123456702"},
		{"iban_pk", "PK37SCBL0000001123456702", ""},
		{"iban_pk", "PK36SCBL000000112345670", ""},
		{"iban_pk", "GB82WEST12345698765432AB", ""},
		{"iban_pk", "PK36SCB10000001123456702", ""},
		{"iban_pk", "PK36SCBL00000011234567O2", ""},
		{"bank_bd", "090260725/0123456789012", "090260725/0123456789012"},
		{"bank_bd", "090260725-0123 4567 89012", "090260725/0123456789012"},
		{"bank_bd", "90260725/0123456789012", ""},
		{"bank_bd", "090260725", ""},
		{"bank_bd", "090260725/0000000", ""},
		{"bank_bd", "090260725/12a45678", ""},
		{"made up", "1", ""},
	} {
		have, err := payout.CheckAccount(c.kind, c.text)
		if have != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s %q: %q, %v, want %q", c.kind, c.text, have, err, c.want)
		}
	}
	for text, code := range map[string]fault.Code{"  ": fault.FieldRequired, string(make([]byte, 65)): fault.FieldTooLong, "x": fault.FieldMalformed} {
		_, err := payout.CheckAccount("bkash", text)
		wants(t, err, code)
	}
}

func TestMethodsAreWhatTheirKindAndRailAllow(t *testing.T) {
	each(t, func(h *house) {
		sandbox, live := h.shop(merchant.Sandbox, 0), h.shop(merchant.Live, 0)
		for name, c := range map[string]struct {
			m    payout.Method
			code fault.Code
		}{
			"kind":            {payout.Method{Owner: live.Owner, Kind: "gold", Rail: "manual"}, fault.FieldNotOneOf},
			"live by sandbox": {payout.Method{Owner: live.Owner, Kind: "bkash", Rail: "sandbox"}, fault.RailUnknown},
			"play by hand":    {payout.Method{Owner: sandbox.Owner, Kind: "bkash", Rail: "manual"}, fault.RailUnknown},
			"rail":            {payout.Method{Owner: live.Owner, Kind: "bkash", Rail: "swift"}, fault.RailUnknown},
			"limits":          {payout.Method{Owner: live.Owner, Kind: "bkash", Rail: "manual", Min: 2, Max: 1}, fault.FieldMalformed},
			"fee":             {payout.Method{Owner: live.Owner, Kind: "bkash", Rail: "manual", Fee: money.Schedule{Flat: -1}}, fault.FieldMalformed},
			"number":          {payout.Method{Owner: live.Owner, Number: 7, Kind: "bkash", Rail: "manual"}, fault.PayoutMethodMissing},
			"name":            {payout.Method{Owner: live.Owner, Kind: "bkash", Rail: "manual", Name: "a\nb"}, fault.FieldControl},
			"owner":           {payout.Method{Owner: id.New(h.clock), Kind: "bkash", Rail: "manual"}, fault.MerchantMissing},
		} {
			_, err := h.SetMethod(ctx, alice, c.m)
			t.Run(name, func(t *testing.T) { wants(t, err, c.code) })
		}
		for _, k := range payout.Catalog() {
			if _, err := h.SetMethod(ctx, alice, payout.Method{Owner: live.Owner, Kind: k.Kind, Rail: payout.Manual}); err != nil {
				t.Errorf("%s: %v", k.Kind, err)
			}
		}
		list, err := h.Methods(ctx, live.Owner)
		if err != nil || len(list) != len(payout.Catalog()) {
			t.Fatalf("%v, %v", list, err)
		}
		for i, m := range list {
			if k := payout.Catalog()[i]; m.Number != int64(i+1) || m.Name != k.Name || m.Max != k.Max || m.Currency != k.Currency {
				t.Errorf("%+v", m)
			}
		}
		first := list[0]
		first.Kind, first.Name = "nagad", "Renamed"
		if m, err := h.SetMethod(ctx, bob, first); err != nil || m.Kind != "bkash" || m.Name != "Renamed" {
			t.Errorf("%+v, %v", m, err)
		}
		f, err := ledger.Read(ctx, h.db, ledger.Account{Owner: live.Owner, Currency: "BDT", Kind: ledger.Balance})
		if err != nil || f.Entries != 0 {
			t.Errorf("%+v, %v", f, err)
		}
	})
}
