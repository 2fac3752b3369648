package wallet_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
	"sarraf/wallet"
)

func key(text, request string) *store.Key {
	return &store.Key{Door: "native", Key: text, Hash: store.BodyHash(request)}
}

func TestAStatusIsSetOnceWithAKey(t *testing.T) {
	each(t, func(h *house) {
		w := h.made(wallet.Consumer)
		first, err := h.SetStatusOnce(t.Context(), by, w.Owner, wallet.Suspended, merchant.House, key("k", "suspend"))
		if err != nil || first.Status != wallet.Suspended {
			t.Fatal(first, err)
		}
		if _, err := h.SetStatus(t.Context(), by, w.Owner, wallet.Approved); err != nil {
			t.Fatal(err)
		}
		again, err := h.SetStatusOnce(t.Context(), by, w.Owner, wallet.Suspended, merchant.House, key("k", "suspend"))
		if d := cmp.Diff(first, again); d != "" || err != nil {
			t.Error(d, err)
		}
		if now, err := h.Get(t.Context(), w.Owner); err != nil || now.Status != wallet.Approved {
			t.Errorf("it was done twice: %s, %v", now.Status, err)
		}
		_, err = h.SetStatusOnce(t.Context(), by, w.Owner, wallet.Pending, merchant.House, key("k", "another"))
		h.says(err, fault.IdempotencyReused)
		_, err = h.SetStatusOnce(t.Context(), by, "nobody", wallet.Pending, merchant.House, key("k2", "nobody"))
		h.says(err, fault.WalletMissing)
	})
}

func TestAnOperatorsKeyIsTheHousesWhateverItIsFor(t *testing.T) {
	each(t, func(h *house) {
		a, b := h.rich(wallet.Consumer, 10_000), h.rich(wallet.Consumer, 10_000)
		for i, sp := range []wallet.Spend{h.spending(a, b, 1000), h.spending(b, a, 1000)} {
			sp.PIN, sp.By = nil, wallet.Operator
			_, err := h.Spend(t.Context(), sp, key("k", sp.Sender))
			h.says(err, []fault.Code{"", fault.IdempotencyReused}[i])
		}
		top := wallet.TopUpNew{
			ID: id.New(h.clock), Door: "native", Wallet: b.Owner, Amount: money.Of(100, "BDT"), Rail: wallet.OperatorRail, Reference: "R", By: wallet.Operator, Actor: "test",
		}
		_, err := h.TopUp(t.Context(), top, key("k", "top-up"))
		h.says(err, fault.IdempotencyReused)
		n := wallet.New{Keys: merchant.House, Wallet: wallet.Wallet{Kind: wallet.Consumer, Name: "A", Status: wallet.Approved, Currencies: []money.Currency{"BDT"}, Zone: "UTC"}}
		first, err := h.Create(t.Context(), by, n, key("made", "a wallet"))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := h.Create(t.Context(), by, n, key("made", "a wallet")); err != nil || again.Owner != first.Owner {
			t.Errorf("it was made twice: %v", err)
		}
		h.holds(a, 10_000-1000-500)
	})
}

func TestNearReceiversAreOfTheSameMerchant(t *testing.T) {
	each(t, func(h *house) {
		of := func(m string) func(*wallet.New) { return func(n *wallet.New) { n.Merchant = m } }
		till := h.rich(wallet.Merchant, 10_000, of("m1"))
		for _, c := range []struct {
			to   wallet.Wallet
			near bool
			want fault.Code
		}{
			{h.made(wallet.Consumer, of("m1")), true, ""},
			{h.made(wallet.Consumer, of("m2")), true, fault.ReceiverMissing},
			{h.made(wallet.Consumer), true, fault.ReceiverMissing},
			{h.made(wallet.Consumer, of("m2")), false, ""},
		} {
			sp := h.spending(till, c.to, 100)
			sp.PIN, sp.By, sp.Merchant, sp.Near = nil, wallet.MerchantKey, "m1", c.near
			h.spend(sp, c.want)
		}
	})
}

func TestAQuoteThatIsRefusedForMoneyHasItsFigures(t *testing.T) {
	each(t, func(h *house) {
		a, b := h.rich(wallet.Consumer, 10_000), h.made(wallet.Consumer)
		for minor, code := range map[int64]fault.Code{9_501: fault.BalanceInsufficient, 99: fault.AmountBelowLimit, 5_000_001: fault.AmountAboveLimit} {
			q, err := h.Quote(t.Context(), h.spending(a, b, minor))
			h.says(err, code)
			if q.Fee.Minor != 500 || q.Total.Minor != minor+500 || q.Receiver.Owner != b.Owner {
				t.Errorf("%d: %+v", minor, q)
			}
		}
		if q, err := h.Quote(t.Context(), h.spending(a, a, 100)); !fault.Has(err, fault.ReceiverSelf) || q.Total.Minor != 0 {
			t.Errorf("%+v %v", q, err)
		}
	})
}
