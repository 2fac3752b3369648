package wallet_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/event"
	"sarraf/internal/audittest"
	"sarraf/internal/id"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
	"sarraf/wallet"
)

// giveBack has the merchant "m1" give the wallet so much back.
func (h *house) giveBack(w wallet.Wallet, minor int64) *wallet.RefundNew {
	h.t.Helper()
	number, err := h.NextNumber(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	r := &wallet.RefundNew{
		ID: id.New(h.clock), Number: number, Door: "native", Payee: &merchant.Merchant{Owner: "m1", Name: "Shop"}, Wallet: w.Owner, Invoice: "inv",
		Amount: money.Of(minor, "BDT"), Note: "one ticket less", By: wallet.MerchantKey, Actor: "merchant key 1", At: h.clock.Now(),
	}
	err = h.db.Write(h.t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if err := wallet.Refunds(ctx, tx, []*wallet.RefundNew{r}); err != nil {
			return err
		}
		done, err := ledger.Apply(ctx, tx, []ledger.Command{{At: r.At, Ops: []ledger.Op{r.Op()}}})
		if err != nil || done[0].Err != nil {
			h.t.Fatal(err, done)
		}
		facts, err := r.Record(tx, done[0].After[0])
		if err != nil {
			return err
		}
		_, err = event.NewLog(h.db).Append(ctx, tx, facts)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func TestAWalletGetsBackWhatItPaid(t *testing.T) {
	each(t, func(h *house) {
		ctx := t.Context()
		w := h.rich(wallet.Consumer, 100_00, func(n *wallet.New) { n.Merchant = "m2" })
		r := h.giveBack(w, 40_00)
		h.holds(w, 140_00)
		list, err := h.Statement(ctx, w.Owner, "BDT", wallet.Page{Limit: 1})
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		l := list[0]
		if !l.In || l.Moved != 40_00 || l.Balance != 140_00 || l.Transfer.Kind != wallet.Refund || l.Transfer.SenderName != "Shop" ||
			l.Transfer.Note != "one ticket less" || l.Transfer.Holder() != w.Owner || l.Transfer.BalanceAfter != 140_00 {
			t.Errorf("%+v", l)
		}
		got, err := h.OfNumber(ctx, r.Number)
		if err != nil || got != l.Transfer {
			t.Errorf("%+v, %v", got, err)
		}
		for owner, want := range map[string][]event.Type{"m1": {wallet.EventRefunded}, "m2": {wallet.EventToppedUp, wallet.EventReceived}} {
			events, err := event.NewLog(h.db).List(ctx, owner, event.Page{Limit: 10})
			var types []event.Type
			for _, e := range events {
				types = append(types, e.Type)
			}
			if diff := cmp.Diff(want, types); diff != "" || err != nil {
				t.Errorf("%s: %v\n%s", owner, err, diff)
			}
		}
		used, err := h.Used(ctx, w.Owner, "BDT")
		if err != nil || used[wallet.Send].Today != 0 || used[wallet.Payment].Today != 0 || used[wallet.TopUp].Today != 100_00 {
			t.Errorf("it counts to a limit: %v, %v", used, err)
		}
	})
}

func TestASuspendedWalletGetsItsMoneyBackAndCannotSpendIt(t *testing.T) {
	each(t, func(h *house) {
		w, other := h.made(wallet.Consumer), h.made(wallet.Consumer)
		if _, err := h.SetStatus(t.Context(), by, w.Owner, wallet.Suspended); err != nil {
			t.Fatal(err)
		}
		h.giveBack(w, 40_00)
		h.holds(w, 40_00)
		h.spend(h.spending(w, other, 10_00), "sender_not_approved")
	})
}

func TestAuditNamesEveryEditOfARefundIntoAWallet(t *testing.T) {
	each(t, func(h *house) {
		h.giveBack(h.made(wallet.Consumer, func(n *wallet.New) { n.Merchant = "m2" }), 40_00)
		audittest.Walk(t, h.db, wallet.Audit,
			audittest.Table{Name: "wallet_transfer", Key: []string{"owner", "id"}, Fresh: []string{"number"}},
			audittest.Table{Name: "alias", Key: []string{"kind", "value"}, Where: "kind = 'wallet.receipt'"})
	})
}
