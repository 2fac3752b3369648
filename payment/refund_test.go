package payment_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/audit"
	"sarraf/internal/audittest"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/store"
	"sarraf/wallet"
)

// sending is a rail that takes refunds and leaves them to the test.
type sending string

func (s sending) Name() string              { return string(s) }
func (sending) Sends(k rail.OrderKind) bool { return k == rail.OrderRefund }
func (sending) Limit() time.Duration        { return time.Second }
func (sending) Send(context.Context, rail.Order) (rail.Answer, error) {
	return rail.Answer{}, errors.New("nobody works in these tests")
}

func (sending) Inquire(context.Context, rail.Order) (rail.Answer, error) {
	return rail.Answer{}, errors.New("nobody works in these tests")
}

var clerk = merchant.Actor{Name: "merchant key 1", Source: "test"}

// refund asks for some of the payment back; 0 is all that is left.
func (h *house) refund(p payment.Payment, minor int64, change ...func(*payment.NewRefund)) payment.NewRefund {
	n := payment.NewRefund{ID: id.New(h.clock), Owner: p.Owner, Payment: p.ID, Reason: "sent back", Door: "native", AskedBy: clerk}
	if minor != 0 {
		a := money.Of(minor, p.Currency)
		n.Amount = &a
	}
	for _, c := range change {
		c(&n)
	}
	return n
}

// give asks for a refund, and fails the test unless it is refused with want, "" for not at all.
func (h *house) give(t testing.TB, n payment.NewRefund, want fault.Code) payment.Refund {
	t.Helper()
	r, err := h.Refund(ctx, n, nil)
	if want == "" && err != nil || want != "" && !fault.Has(err, want) {
		t.Fatalf("%+v: %v, want %q", n, err, want)
	}
	return r
}

// end brings a refund to its end by its rail's word.
func (h *house) end(t testing.TB, r payment.Refund, a payout.Action) {
	t.Helper()
	if _, err := h.payouts.Move(ctx, payout.Move{Merchant: r.Owner, Payout: r.ID, Action: a, Right: payout.OfRail, RailReference: "B" + r.ID}, nil); err != nil {
		t.Fatal(err)
	}
}

// pay settles the invoice with so much.
func (h *house) pay(t testing.TB, inv invoice.Invoice, minor int64, change ...func(*payment.Receipt)) payment.Payment {
	t.Helper()
	r := h.receipt(inv, minor)
	for _, c := range change {
		c(&r)
	}
	s, err := h.Settle(ctx, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s.Payment
}

// live makes a merchant whose money is real.
func (h *house) live(t testing.TB) string {
	t.Helper()
	m, err := h.merchants.Create(ctx, by, merchant.Merchant{Name: "Shop", Mode: merchant.Live, Currencies: []money.Currency{money.BDT}})
	if err != nil {
		t.Fatal(err)
	}
	return m.Owner
}

func unapplied(n *payment.NewRefund) { n.Of = payment.OfUnapplied }

func TestAPaymentIsGivenBackInPartsAndThenWhole(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		h.must(t, h.merchants.SetFee(ctx, by, feeKey(owner), money.Schedule{Flat: 2}))
		h.pay(t, h.bill(t, owner, 50), 50) // something beside it
		inv := h.bill(t, owner, 100)
		p := h.pay(t, inv, 100)
		first := h.give(t, h.refund(p, 40), "")
		if first.Status != payout.Pending || first.Rail != "sandbox" || first.Invoice != inv.ID || first.Subject != p.ID || first.PaymentReference != p.RailReference ||
			first.Target != "clearing/sandbox" || first.Source != ledger.Balance || first.RecipientName != "Zoë" || first.Of != payment.OfSettled {
			t.Errorf("%+v", first)
		}
		if now := h.stands(t, inv); now.Status != invoice.Paid || now.Refunded != 0 || now.Changes != 1 {
			t.Errorf("a refund that is under way counts: %+v", now)
		}
		h.give(t, h.refund(p, 61), fault.RefundTooMuch)
		h.end(t, first, payout.Complete)
		if now := h.stands(t, inv); now.Status != invoice.Paid || now.Refunded != 40 || now.Paid != 100 || now.Changes != 2 {
			t.Errorf("%+v", now)
		}
		rest := h.give(t, h.refund(p, 0), "")
		h.give(t, h.refund(p, 0), fault.RefundTooMuch)
		h.end(t, rest, payout.Complete)
		if now := h.stands(t, inv); now.Status != invoice.Refunded || now.Refunded != 100 || now.Paid != 100 || now.Changes != 3 {
			t.Errorf("%+v", now)
		}
		want := map[string]int64{"BDT/balance": 46, "BDT/fees": 4, "BDT/clearing/bank": -150, "BDT/clearing/sandbox": 100}
		if d := cmp.Diff(want, h.balances(t, owner)); d != "" {
			t.Error(d) // the fees stay taken
		}
		list, err := h.RefundsOf(ctx, owner, inv.ID)
		if err != nil || len(list) != 2 || list[0].Amount != 40 || list[1].Amount != 60 || list[0].Status != payout.Completed {
			t.Errorf("%+v, %v", list, err)
		}
		newest, err := h.Refunds(ctx, owner, invoice.Page{Limit: 1})
		if err != nil || len(newest) != 1 || newest[0] != list[1] {
			t.Errorf("%+v, %v", newest, err)
		}
		one, err := h.GetRefund(ctx, owner, first.ID)
		if err != nil || one != list[0] {
			t.Errorf("%+v, %v", one, err)
		}
		if _, err := h.GetRefund(ctx, h.shop(t), first.ID); !fault.Has(err, fault.RefundMissing) {
			t.Errorf("another merchant's is found: %v", err)
		}
		var told []event.Type
		for _, e := range h.events(t, owner, 4) {
			told = append(told, e.Type)
		}
		last := []event.Type{
			"refund.requested", "refund.processing", "refund.completed", "payment.refunded",
			"refund.requested", "refund.processing", "refund.completed", "payment.refunded",
		}
		if d := cmp.Diff(last, told); d != "" {
			t.Error(d)
		}
		h.clean(t)
	})
}

func TestRefundsThatCameToNothingCanBeAskedForAgain(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		inv := h.bill(t, h.shop(t), 100)
		p := h.pay(t, inv, 100)
		for _, how := range []payout.Action{payout.Reject, payout.Cancel} {
			h.end(t, h.give(t, h.refund(p, 100), ""), how)
		}
		r := h.give(t, h.refund(p, 100), "")
		h.end(t, r, payout.Process)
		h.end(t, r, payout.Doubt)
		h.give(t, h.refund(p, 1), fault.RefundTooMuch) // it may have gone
		h.end(t, r, payout.Reject)
		h.give(t, h.refund(p, 1), "")
		if now := h.stands(t, inv); now.Refunded != 0 || now.Status != invoice.Paid {
			t.Errorf("%+v", now)
		}
		h.clean(t)
	})
}

func TestWhatWasSetAsideIsGivenBack(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		inv := h.bill(t, owner, 100)
		over := h.pay(t, inv, 130)
		dollars := h.pay(t, h.bill(t, owner, 100), 70, func(r *payment.Receipt) { r.Amount.Currency = money.USD })
		h.give(t, h.refund(over, 31, unapplied), fault.RefundTooMuch)
		h.give(t, h.refund(dollars, 0), fault.InvoiceOpen) // of nothing that it could be: the invoice is looked at first
		for _, n := range []payment.NewRefund{h.refund(over, 0, unapplied), h.refund(dollars, 70, unapplied)} {
			r := h.give(t, n, "")
			if r.Source != ledger.Unapplied {
				t.Errorf("%+v", r)
			}
			h.end(t, r, payout.Complete)
		}
		if now := h.stands(t, inv); now.Refunded != 0 || now.Status != invoice.Paid || now.Changes != 1 {
			t.Errorf("the invoice has nothing to do with it: %+v", now)
		}
		want := map[string]int64{
			"BDT/balance": 100, "BDT/clearing/bank": -130, "BDT/clearing/sandbox": 30, "USD/clearing/bank": -70, "USD/clearing/sandbox": 70,
		}
		if d := cmp.Diff(want, h.balances(t, owner)); d != "" {
			t.Error(d)
		}
		h.clean(t)
	})
}

func TestRefundsAreRefusedInTheDocumentedOrder(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		open := h.bill(t, owner, 100)
		part := h.pay(t, open, 40)
		inv := h.bill(t, owner, 100)
		p := h.pay(t, inv, 60)
		twice := h.pay(t, inv, 40)
		failed, err := h.Settle(ctx, func() payment.Receipt {
			r := h.receipt(h.bill(t, owner, 100), 100)
			r.Outcome = rail.Declined
			return r
		}(), nil)
		if err != nil {
			t.Fatal(err)
		}
		theirs := h.pay(t, h.bill(t, h.shop(t), 100), 100)
		with := func(p payment.Payment, minor int64, change func(*payment.NewRefund)) payment.NewRefund {
			return h.refund(p, minor, change)
		}
		for name, c := range map[string]struct {
			n    payment.NewRefund
			want *fault.Error
		}{
			"part":          {with(p, 1, func(n *payment.NewRefund) { n.Of = "all" }), fault.New(fault.FieldNotOneOf).On("of").With("allowed", "settled,unapplied")},
			"long reason":   {with(p, 1, func(n *payment.NewRefund) { n.Reason = strings.Repeat("é", 256) }), fault.New(fault.FieldTooLong).On("reason").With("max", "255")},
			"control":       {with(p, 1, func(n *payment.NewRefund) { n.Reason = "a\nb" }), fault.New(fault.FieldControl).On("reason")},
			"merchant":      {with(p, 1, func(n *payment.NewRefund) { n.Owner = "nobody" }), fault.New(fault.MerchantMissing)},
			"payment":       {with(p, 1, func(n *payment.NewRefund) { n.Payment = "nothing" }), fault.New(fault.PaymentMissing).On("payment")},
			"another's":     {with(p, 1, func(n *payment.NewRefund) { n.Payment = theirs.ID }), fault.New(fault.PaymentMissing).On("payment")},
			"other invoice": {with(p, 1, func(n *payment.NewRefund) { n.Invoice = open.ID }), fault.New(fault.PaymentMissing).On("payment")},
			"invoice":       {with(p, 1, func(n *payment.NewRefund) { n.Payment, n.Invoice = "", "nothing" }), fault.New(fault.InvoiceMissing).On("invoice")},
			"several": {
				with(p, 1, func(n *payment.NewRefund) { n.Payment, n.Invoice = "", inv.ID }),
				fault.New(fault.TargetAmbiguous).On("invoice").With("candidates", p.ID+","+twice.ID),
			},
			"none of it": {
				with(p, 1, func(n *payment.NewRefund) { n.Payment, n.Invoice, n.Of = "", inv.ID, payment.OfUnapplied }),
				fault.New(fault.RefundTooMuch).On("amount").With("refundable", "0"),
			},
			"currency": {with(p, 0, func(n *payment.NewRefund) { n.Amount = &money.Amount{Minor: 1, Currency: money.USD} }), fault.New(fault.CurrencyUnknown).On("currency")},
			"nothing":  {with(p, 0, func(n *payment.NewRefund) { n.Amount = &money.Amount{Currency: money.BDT} }), fault.New(fault.AmountNotPositive).On("amount")},
			"less":     {h.refund(p, -1), fault.New(fault.AmountNotPositive).On("amount")},
			"open":     {h.refund(part, 41), fault.New(fault.InvoiceOpen)},
			"too much": {h.refund(p, 61), fault.New(fault.RefundTooMuch).On("amount").With("refundable", "60")},
			"declined": {with(failed.Payment, 1, unapplied), fault.New(fault.RefundTooMuch).On("amount").With("refundable", "0")},
		} {
			_, err := h.Refund(ctx, c.n, nil)
			if d := cmp.Diff(c.want, fault.First(err), cmp.Comparer(func(a, b *fault.Error) bool { return a.Error() == b.Error() })); d != "" {
				t.Errorf("%s: %s", name, d)
			}
		}
		if n := len(h.events(t, owner, 0)); n != 7 {
			t.Errorf("%d events, and nothing was given back", n)
		}
		// What was paid out is not there to be given back.
		h.must(t, h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			account := func(kind string) ledger.Account { return ledger.Account{Owner: owner, Currency: money.BDT, Kind: kind} }
			done, err := ledger.Apply(ctx, tx, []ledger.Command{{At: start, Ops: []ledger.Op{ledger.Transfer{
				ID: "spent", From: account(ledger.Balance), To: account(ledger.Payouts), Amount: 130, Kind: "test", Subject: "test",
			}}}})
			return errors.Join(err, done[0].Err)
		}))
		_, err = h.Refund(ctx, h.refund(p, 60), nil)
		if f := fault.First(err); f == nil || f.Code != fault.BalanceInsufficient || f.Field != "amount" || f.Params["available"] != "0.10" {
			t.Errorf("%v", err)
		}
		h.clean(t)
	})
}

func TestAnOpenInvoiceIsClosedBeforeItsMoneyIsGivenBackAndThenTakesNoMore(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		inv := h.bill(t, owner, 100)
		p := h.pay(t, inv, 40)
		h.give(t, h.refund(p, 40), fault.InvoiceOpen)
		h.to(t, inv, invoice.Cancelled)
		r := h.give(t, h.refund(p, 30), "")
		late := func(want string, change ...func(*payment.Receipt)) {
			t.Helper()
			n := h.receipt(inv, 60)
			for _, c := range change {
				c(&n)
			}
			if got := say(h.Settle(ctx, n, nil)); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		refuse, whole := func(r *payment.Receipt) { r.Refuse = true }, func(r *payment.Receipt) { r.Whole = true }
		late("invoice_closed cancelled", refuse)
		late("invoice_closed cancelled", whole)
		late("received 0+60 (the invoice's money is given back) -> cancelled 40/100")
		h.end(t, r, payout.Reject) // so it is not given back
		late("received 60+0 late -> paid 100/100")
		other := h.bill(t, owner, 100)
		some := h.pay(t, other, 40)
		h.to(t, other, invoice.Expired)
		h.end(t, h.give(t, h.refund(some, 40), ""), payout.Complete)
		if now := h.stands(t, other); now.Status != invoice.Expired || now.Refunded != 40 {
			t.Errorf("%+v", now)
		}
		inv = other
		late("received 0+60 (the invoice's money is given back) -> expired 40/100")
		h.clean(t)
	})
}

func TestAStaticCodeGivesBackAndTakesMore(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := billing(t, h)
		code := b.issue(t, b.school(t).Owner, "shop", invoice.Static)
		pkr := func(r *payment.Receipt) { r.Amount.Currency = code.Currency }
		first := h.pay(t, code, 5000, pkr)
		byInvoice := func(n *payment.NewRefund) { n.Payment, n.Invoice = "", code.ID }
		r := h.give(t, h.refund(first, 0, byInvoice), "")
		if r.Payment != first.ID || r.Amount != 5000 {
			t.Errorf("%+v", r)
		}
		h.end(t, r, payout.Complete)
		second := h.pay(t, code, 300, pkr)
		part := h.give(t, h.refund(second, 200, byInvoice), "")
		if part.Payment != second.ID {
			t.Errorf("%+v", part)
		}
		h.end(t, part, payout.Complete)
		if now := h.stands(t, code); now.Status != invoice.Open || now.Paid != 5300 || now.Refunded != 5200 {
			t.Errorf("%+v", now)
		}
		h.clean(t)
	})
}

func TestARefundGoesByTheRailThatTookTheMoneyOrByHand(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.live(t)
		over := func(rail string) func(*payment.Receipt) { return func(r *payment.Receipt) { r.Rail = rail } }
		for rail, want := range map[string][2]string{"cards": {"cards", "clearing/cards"}, "billpay": {payout.Manual, ledger.Payouts}} {
			r := h.give(t, h.refund(h.pay(t, h.bill(t, owner, 100), 100, over(rail)), 0), "")
			if got := [2]string{r.Rail, r.Target}; got != want {
				t.Errorf("%s goes back over %v", rail, got)
			}
			if rail == "billpay" {
				_, err := h.payouts.Move(ctx, payout.Move{
					Merchant: owner, Payout: r.ID, Action: payout.Complete, Right: payout.OfOperator, By: merchant.Actor{Name: "op", Source: "test"}, RailReference: "IBFT 1",
				}, nil)
				h.must(t, err)
			}
		}
		if d := cmp.Diff(map[string]int64{"BDT/balance": 100, "BDT/payouts": 100, "BDT/clearing/billpay": -100, "BDT/clearing/cards": -100}, h.balances(t, owner)); d != "" {
			t.Error(d)
		}
		h.clean(t)
	})
}

func TestTheSameRefundAgainIsAnsweredAsItStands(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		inv := h.bill(t, h.shop(t), 100)
		p := h.pay(t, inv, 100)
		n := h.refund(p, 0)
		key := &store.Key{Door: "native", Key: "k", Hash: "h"}
		first, err := h.Refund(ctx, n, key)
		h.must(t, err)
		h.end(t, first, payout.Complete)
		kept, err := h.Refund(ctx, h.refund(p, 0), key)
		if err != nil || kept != first {
			t.Errorf("by its key: %+v, %v", kept, err)
		}
		again := h.give(t, n, "")
		if again.ID != first.ID || again.Status != payout.Completed {
			t.Errorf("%+v", again)
		}
		byInvoice := n
		byInvoice.Payment, byInvoice.Invoice = "", inv.ID
		h.give(t, byInvoice, "")
		for name, change := range map[string]func(*payment.NewRefund){
			"amount": func(n *payment.NewRefund) { n.Amount = &money.Amount{Minor: 1, Currency: money.BDT} },
			"part":   unapplied, "reason": func(n *payment.NewRefund) { n.Reason = "" }, "payment": func(n *payment.NewRefund) { n.Payment = "x" },
			"invoice": func(n *payment.NewRefund) { n.Invoice = "x" },
		} {
			other := n
			change(&other)
			if _, err := h.Refund(ctx, other, nil); !errors.Is(err, fault.New(fault.IdempotencyReused).On("id")) {
				t.Errorf("another %s: %v", name, err)
			}
		}
		h.clean(t)
	})
}

func TestASliceOfRefundsIsJudgedInItsOrder(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		a, b := h.pay(t, h.bill(t, owner, 100), 100), h.pay(t, h.bill(t, owner, 50), 50)
		w := h.purse(t, rahim, 1000)
		inv := h.bill(t, owner, 200)
		receipt := h.from(t, w, inv, "4711")
		s, err := h.Settle(ctx, receipt, nil)
		h.must(t, err)
		twice := h.refund(a, 30)
		list := []payment.NewRefund{
			h.refund(a, 60), h.refund(a, 60), twice, h.refund(b, 0), twice, h.refund(a, 0), h.refund(a, 0), h.refund(s.Payment, 150), h.refund(s.Payment, 0),
		}
		var got []string
		h.must(t, h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			out, err := h.RefundSlice(ctx, tx, list)
			got = nil
			for _, o := range out {
				if o.Err != nil {
					got = append(got, string(fault.First(o.Err).Code))
				} else {
					got = append(got, o.Value.Money().Decimal()+" "+string(o.Value.Status))
				}
			}
			return err
		}))
		want := []string{
			"0.60 pending", "refund_too_much", "0.30 pending", "0.50 pending", "0.30 pending", "0.10 pending", "refund_too_much", "1.50 completed", "0.50 completed",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if left := h.holds(t, w); left != 1000 {
			t.Errorf("the wallet has %d", left)
		}
		if now := h.stands(t, inv); now.Status != invoice.Refunded {
			t.Errorf("%+v", now)
		}
		h.clean(t)
	})
}

func TestWhatAWalletPaidIsBackInItAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		h.must(t, h.wallets.SetRule(ctx, by, "", money.BDT, wallet.Payment, &wallet.Rule{Fee: money.Schedule{Flat: 200}}))
		w := h.purse(t, rahim, 50_000)
		inv := h.bill(t, owner, 10_000)
		ask := h.asked(inv, rahim)
		ask.Fee = 200
		_, err := h.purses().PayFromWallet(ctx, ask)
		h.must(t, err)
		if _, err := h.wallets.SetStatus(ctx, by, w.Owner, wallet.Suspended); err != nil {
			t.Fatal(err)
		}
		r := h.give(t, payment.NewRefund{Owner: owner, Invoice: inv.ID, Reason: "one ticket less", Door: "native", AskedBy: clerk, Amount: &money.Amount{Minor: 4_000, Currency: "BDT"}}, "")
		if r.Status != payout.Completed || r.Rail != "wallet" || r.Wallet != w.Owner || len(r.Receipt) != 10 || r.RailReference != r.Receipt || r.ProcessedAt.IsZero() {
			t.Errorf("%+v", r)
		}
		if left := h.holds(t, w); left != 43_800 { // the fee of the payment stays taken
			t.Errorf("the wallet has %d", left)
		}
		sent, err := h.wallets.OfNumber(ctx, r.Receipt)
		if err != nil || sent.ID != r.ID || sent.Kind != wallet.Refund || sent.Invoice != inv.ID || sent.Amount != 4_000 || sent.Note != "one ticket less" ||
			sent.SenderName != "Shop" || sent.Actor != clerk.Name || sent.BalanceAfter != 43_800 {
			t.Errorf("%+v, %v", sent, err)
		}
		if d := cmp.Diff(map[string]int64{"BDT/balance": 6_000}, h.balances(t, owner)); d != "" {
			t.Error(d)
		}
		h.give(t, h.refund(payment.Payment{Owner: owner, ID: ask.ID, Currency: "BDT"}, 0), "")
		if now := h.stands(t, inv); now.Status != invoice.Refunded || h.holds(t, w) != 49_800 {
			t.Errorf("%+v", now)
		}
		last := h.events(t, owner, 0)
		var f payment.RefundFact
		e := last[len(last)-2]
		if err := json.Unmarshal(e.Data, &f); err != nil || e.Type != invoice.EventRefunded || e.Subject != inv.ID || f.Invoice.Status != invoice.Refunded || f.Refund.Amount != 6_000 {
			t.Errorf("%s %s: %v", e.Type, e.Data, err)
		}
		h.clean(t)
	})
}

// fillRefunds makes a refund of every sort and status.
func fillRefunds(t *testing.T, h *house) {
	t.Helper()
	owner := h.shop(t)
	p := h.pay(t, h.bill(t, owner, 100), 130)
	h.end(t, h.give(t, h.refund(p, 10), ""), payout.Complete)
	h.end(t, h.give(t, h.refund(p, 20, unapplied), ""), payout.Complete)
	h.end(t, h.give(t, h.refund(p, 10), ""), payout.Reject)
	h.end(t, h.give(t, h.refund(p, 10), ""), payout.Process)
	h.give(t, h.refund(p, 10, unapplied), "")
	h.purse(t, rahim, 1000)
	inv := h.bill(t, owner, 200)
	ask := h.asked(inv, rahim)
	_, err := h.purses().PayFromWallet(ctx, ask)
	h.must(t, err)
	h.give(t, h.refund(payment.Payment{Owner: owner, ID: ask.ID, Currency: "BDT"}, 50), "")
	h.give(t, h.refund(payment.Payment{Owner: owner, ID: ask.ID, Currency: "BDT"}, 0), "")
}

func TestAuditNamesEveryEditOfARefund(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		fillRefunds(t, h)
		h.clean(t)
		audittest.Walk(t, h.db, payment.Audit, audittest.Table{Name: "refund", Key: []string{"owner", "id"}})
		both := func(ctx context.Context, tx *store.Tx, report audit.Report) error {
			if err := invoice.Audit(ctx, tx, report); err != nil {
				return err
			}
			if err := payout.Audit(ctx, tx, report); err != nil {
				return err
			}
			return payment.Audit(ctx, tx, report)
		}
		audittest.Walk(t, h.db, both,
			audittest.Table{Name: "payout", Key: []string{"owner", "id"}, Fresh: []string{"reference"}},
			audittest.Table{Name: "invoice", Key: []string{"owner", "id"}, Fresh: []string{"reference"}})
	})
}
