package wallet_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/audittest"
	"sarraf/internal/id"
	"sarraf/money"
	"sarraf/wallet"
)

func TestAWalletIsFoundByAllItsNames(t *testing.T) {
	each(t, func(h *house) {
		w := h.made(wallet.Consumer, func(n *wallet.New) {
			n.Number, n.Merchant, n.Reference, n.Email = "+8801712345678", "m1", "c-1", "a@b.example"
		})
		for name, find := range map[string]func() (wallet.Wallet, error){
			"id":        func() (wallet.Wallet, error) { return h.Get(t.Context(), w.Owner) },
			"number":    func() (wallet.Wallet, error) { return h.ByNumber(t.Context(), w.Number) },
			"reference": func() (wallet.Wallet, error) { return h.ByReference(t.Context(), "m1", "c-1") },
		} {
			got, err := find()
			if diff := cmp.Diff(w, got); diff != "" || err != nil || !got.HasPIN {
				t.Errorf("by %s: %v\n%s", name, err, diff)
			}
		}
		_, err := h.ByReference(t.Context(), "m2", "c-1")
		h.says(err, fault.WalletMissing)
		_, err = h.ByNumber(t.Context(), "")
		h.says(err, fault.WalletMissing)
		_, err = h.Get(t.Context(), "nobody")
		h.says(err, fault.WalletMissing)
		to := w
		to.Number, to.Name = "+8801812345678", "Jane"
		if _, err := h.Change(t.Context(), by, to); err != nil {
			t.Fatal(err)
		}
		_, err = h.ByNumber(t.Context(), w.Number)
		h.says(err, fault.WalletMissing)
		if got, err := h.ByNumber(t.Context(), to.Number); err != nil || got.Name != "Jane" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestNumbersAndReferencesAreUnique(t *testing.T) {
	each(t, func(h *house) {
		h.made(wallet.Consumer, func(n *wallet.New) { n.Number, n.Merchant, n.Reference = "+8801712345678", "m1", "c-1" })
		n := wallet.New{Wallet: wallet.Wallet{
			Kind: wallet.Consumer, Name: "X", Status: wallet.Approved, Currencies: []money.Currency{"BDT"}, Zone: "UTC", Number: "+8801712345678",
		}}
		_, err := h.Create(t.Context(), by, n, nil)
		h.says(err, fault.ReferenceTaken)
		n.Number, n.Merchant, n.Reference = "", "m1", "c-1"
		_, err = h.Create(t.Context(), by, n, nil)
		h.says(err, fault.ReferenceTaken)
		n.Merchant = "m2"
		same, err := h.Create(t.Context(), by, n, nil)
		h.says(err, "")
		same.Number = "+8801712345678"
		_, err = h.Change(t.Context(), by, same)
		h.says(err, fault.ReferenceTaken)
		// Two nodes that want one number at once: one gets it.
		nodes := []*house{h, newNode(t, h.db, h.clock)}
		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[bool]int{}
		for i := range 20 {
			wg.Go(func() {
				m := n
				m.Number, m.Reference = "+8801912345678", ""
				_, err := nodes[i%2].Create(t.Context(), by, m, nil)
				if err != nil && !fault.Has(err, fault.ReferenceTaken) {
					t.Error(err)
				}
				mu.Lock()
				got[err == nil]++
				mu.Unlock()
			})
		}
		wg.Wait()
		if got[true] != 1 || got[false] != 19 {
			t.Errorf("%v", got)
		}
	})
}

func TestNoWalletIsMadeOfNonsense(t *testing.T) {
	each(t, func(h *house) {
		_, err := h.Create(t.Context(), by, wallet.New{PIN: "12", Wallet: wallet.Wallet{
			Kind: "dog", Name: " ", Status: "dead", Currencies: []money.Currency{"BDT", "BDT", "XXQ"}, Zone: "Mars/Base", Reference: "a\n", Email: strings.Repeat("e", 101),
		}}, nil)
		var got []string
		for _, f := range fault.All(err) {
			got = append(got, text(f.Code, " ", f.Field))
		}
		want := []string{
			"field_required name", "field_control reference", "field_too_long email", "field_not_one_of kind", "field_not_one_of status", "field_malformed zone",
			"currency_unknown currencies", "currency_unknown currencies", "pin_malformed pin",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for _, zone := range []string{"", "Local", "localtime", "Asia//Dhaka"} { // another on each machine
			_, err := h.Create(t.Context(), by, wallet.New{Wallet: wallet.Wallet{
				Kind: wallet.Consumer, Name: "A", Status: wallet.Approved, Currencies: []money.Currency{"BDT"}, Zone: zone,
			}}, nil)
			h.says(err, fault.FieldMalformed)
		}
		h.says(func() error { _, err := h.SetStatus(t.Context(), by, "nobody", wallet.Approved); return err }(), fault.WalletMissing)
		h.says(func() error { _, err := h.SetStatus(t.Context(), by, "nobody", "dead"); return err }(), fault.FieldNotOneOf)
	})
}

func TestASuspendedWalletNeitherSpendsNorReceives(t *testing.T) {
	each(t, func(h *house) {
		a, b := h.rich(wallet.Consumer, 100_00), h.rich(wallet.Consumer, 100_00)
		if w, err := h.SetStatus(t.Context(), by, a.Owner, wallet.Suspended); err != nil || w.Status != wallet.Suspended {
			t.Fatal(w, err)
		}
		h.spend(h.spending(a, b, 10_00), fault.SenderNotApproved)
		h.spend(h.spending(b, a, 10_00), fault.ReceiverMissing)
		if _, err := h.SetStatus(t.Context(), by, a.Owner, wallet.Approved); err != nil {
			t.Fatal(err)
		}
		h.spend(h.spending(a, b, 10_00), "")
	})
}

func TestListsGoByAgeInPages(t *testing.T) {
	each(t, func(h *house) {
		var all []string
		for i := range 7 {
			w := h.made(wallet.Consumer, func(n *wallet.New) {
				n.Merchant = "m1"
				if i%2 == 0 {
					n.Status = wallet.Pending
				}
			})
			all = append(all, w.Owner)
		}
		h.made(wallet.Consumer, func(n *wallet.New) { n.Merchant = "m2" })
		for _, try := range []struct {
			q    wallet.Query
			want []string
		}{
			{wallet.Query{Merchant: "m1", Limit: 3}, all[:3]},
			{wallet.Query{Merchant: "m1", After: all[2], Limit: 10}, all[3:]},
			{wallet.Query{Merchant: "m1", Before: all[5], Limit: 2}, all[3:5]},
			{wallet.Query{Merchant: "m1", After: all[0], Before: all[3], Limit: 9}, all[1:3]},
			{wallet.Query{Status: wallet.Pending, Limit: 2}, []string{all[0], all[2]}},
		} {
			list, err := h.List(t.Context(), try.q)
			var got []string
			for _, w := range list {
				got = append(got, w.Owner)
			}
			if diff := cmp.Diff(try.want, got); diff != "" || err != nil {
				t.Errorf("%+v: %v\n%s", try.q, err, diff)
			}
		}
	})
}

func TestReceiptNumbersAreTenCharactersAndNeverTheSame(t *testing.T) {
	each(t, func(h *house) {
		form := regexp.MustCompile(`^[0-9A-Z]{10}$`)
		seen := map[string]bool{}
		other := newNode(t, h.db, h.clock)
		for i := range 3000 {
			n, err := []*house{h, other}[i%2].NextNumber(t.Context())
			if err != nil || !form.MatchString(n) || seen[n] {
				t.Fatalf("%d: %q, %v", i, n, err)
			}
			seen[n] = true
		}
	})
}

func TestAPINInAFingerprintIsNotThePIN(t *testing.T) {
	each(t, func(h *house) {
		a, b := h.BlindPIN("1234"), h.BlindPIN("1235")
		if a == b || a != newNode(t, h.db, h.clock).BlindPIN("1234") || strings.Contains(a, "1234") || len(a) != 64 {
			t.Errorf("%s %s", a, b)
		}
	})
}

func TestEveryEditOfATransferIsFound(t *testing.T) {
	each(t, func(h *house) {
		a, b := h.rich(wallet.Consumer, 100_00, func(n *wallet.New) { n.Number = "+8801712345678" }), h.made(wallet.Consumer)
		shop := h.made(wallet.Merchant, func(n *wallet.New) { n.Merchant = "m1" })
		sp := h.spending(a, b, 10_00)
		sp.Once, sp.Note = true, "for the tea"
		sp.Number, _ = h.NextNumber(t.Context())
		h.spend(sp, "")
		h.spend(h.spending(a, shop, 10_00), "")
		audittest.Walk(t, h.db, wallet.Audit,
			audittest.Table{Name: "wallet_transfer", Key: []string{"owner", "id"}, Fresh: []string{"number", "rail_reference"}},
			audittest.Table{Name: "alias", Key: []string{"kind", "value"}, Where: "kind LIKE 'wallet.%'"})
	})
}

func TestTheReceiversMerchantIsTold(t *testing.T) {
	each(t, func(h *house) {
		a := h.rich(wallet.Consumer, 100_00)
		shop := h.made(wallet.Merchant, func(n *wallet.New) { n.Merchant = "m1" })
		sent := h.spend(h.spending(a, shop, 10_00), "")
		log := event.NewLog(h.db)
		for owner, want := range map[string][]event.Type{a.Owner: {wallet.EventToppedUp, wallet.EventPaid}, "m1": {wallet.EventReceived}} {
			list, err := log.List(t.Context(), owner, event.Page{Limit: 10})
			var got []event.Type
			for _, e := range list {
				got = append(got, e.Type)
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil || list[len(list)-1].Subject != sent.Transfer.ID {
				t.Errorf("%s: %v\n%s", owner, err, diff)
			}
		}
		// What its own wallets send each other, it is told once.
		own := h.rich(wallet.Merchant, 100_00, func(n *wallet.New) { n.Merchant = "m1" })
		sp := h.spending(own, shop, 10_00)
		sp.ID, sp.By, sp.Merchant, sp.PIN = id.New(h.clock), wallet.MerchantKey, "m1", nil
		h.spend(sp, "")
		list, err := log.List(t.Context(), "m1", event.Page{Limit: 10})
		if err != nil || len(list) != 3 || list[2].Type != wallet.EventPaid || list[2].Kind != wallet.EventKind {
			t.Errorf("%+v, %v", list, err)
		}
	})
}
