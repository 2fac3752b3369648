package payment_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/internal/audittest"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
	"sarraf/store"
	"sarraf/wallet"
)

// purse makes an approved sandbox wallet with PIN 4711 and so much in it, altered before it is made.
func (h *house) purse(t testing.TB, number string, minor int64, alter ...func(*wallet.New)) wallet.Wallet {
	t.Helper()
	n := wallet.New{PIN: "4711", Wallet: wallet.Wallet{
		Kind: wallet.Consumer, Name: "Rahim", Number: number, Status: wallet.Approved, Sandbox: true, Zone: "Asia/Dhaka",
		Currencies: []money.Currency{money.BDT},
	}}
	for _, a := range alter {
		a(&n)
	}
	w, err := h.wallets.Create(ctx, by, n, nil)
	if err != nil {
		t.Fatal(err)
	}
	if minor > 0 {
		_, err = h.wallets.TopUp(ctx, wallet.TopUpNew{
			ID: id.New(h.clock), Door: "command", Wallet: w.Owner, Amount: money.Of(minor, w.Currencies[0]), Rail: wallet.OperatorRail,
			Reference: "start", By: wallet.Operator,
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (h *house) purses() *payment.Purses { return payment.NewPurses(h.Service, h.wallets, h.merchants) }

// asked is what the holder of the number asks for: the invoice, whole, with the right PIN.
func (h *house) asked(inv invoice.Invoice, number string) rail.WalletPayment {
	return rail.WalletPayment{
		ID: id.New(h.clock), Owner: inv.Owner, Invoice: inv.ID, Amount: money.Of(inv.Amount, inv.Currency), Number: number, PIN: "4711",
	}
}

// from is the receipt of a payment from a wallet.
func (h *house) from(t testing.TB, w wallet.Wallet, inv invoice.Invoice, pin string) payment.Receipt {
	t.Helper()
	m, err := h.merchants.Get(ctx, inv.Owner)
	if err != nil {
		t.Fatal(err)
	}
	r := h.receipt(inv, inv.Amount)
	r.Spend = &wallet.Spend{Door: "checkout", Sender: w.Owner, PIN: &pin, Payee: &m, Stranger: true}
	return r
}

func (h *house) holds(t testing.TB, w wallet.Wallet) int64 {
	t.Helper()
	a, err := h.wallets.Balance(ctx, w.Owner, w.Currencies[0])
	if err != nil {
		t.Fatal(err)
	}
	return a.Minor
}

func (h *house) stands(t testing.TB, inv invoice.Invoice) invoice.Invoice {
	t.Helper()
	got, err := h.invoices.Get(ctx, inv.Owner, inv.ID)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

const rahim, karim = "+8801712345678", "+8801812345678"

func TestAnInvoiceIsPaidFromAWallet(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		h.must(t, h.merchants.SetFee(ctx, by, merchant.FeeKey{Owner: owner, Rail: wallet.Rail, Currency: money.BDT}, money.Schedule{Flat: 30}))
		h.must(t, h.wallets.SetRule(ctx, by, "", money.BDT, wallet.Payment, &wallet.Rule{Fee: money.Schedule{Flat: 200}}))
		w := h.purse(t, rahim, 50_000)
		inv := h.bill(t, owner, 10_000)
		fee, err := h.purses().WalletFee(ctx, owner, money.Of(10_000, money.BDT))
		if err != nil || fee != money.Of(200, money.BDT) {
			t.Fatal(fee, err)
		}
		ask := h.asked(inv, rahim)
		ask.Fee = 200
		got, err := h.purses().PayFromWallet(ctx, ask)
		if err != nil || len(got.Number) != 10 {
			t.Fatal(got, err)
		}
		if left := h.holds(t, w); left != 50_000-10_200 {
			t.Errorf("the wallet has %d", left)
		}
		if d := cmp.Diff(map[string]int64{"BDT/balance": 9_970, "BDT/fees": 30}, h.balances(t, owner)); d != "" {
			t.Error(d)
		}
		list, err := h.Of(ctx, owner, inv.ID)
		if err != nil || len(list) != 1 || list[0].ID != ask.ID || list[0].Rail != "wallet" || list[0].RailReference != got.Number || list[0].Applied != 10_000 {
			t.Fatalf("%+v, %v", list, err)
		}
		sent, err := h.wallets.OfNumber(ctx, got.Number)
		if err != nil || sent.Owner != w.Owner || sent.ID != ask.ID || sent.Invoice != inv.ID || sent.Fee != 200 || sent.BalanceAfter != 39_800 || sent.ReceiverName != "Shop" {
			t.Fatalf("%+v, %v", sent, err)
		}
		if now := h.stands(t, inv); now.Status != invoice.Paid || now.Changes != 1 {
			t.Errorf("%+v", now)
		}
		// The very same again, by whichever PIN, is the same payment.
		for _, pin := range []string{"4711", "0000"} {
			again := ask
			again.PIN = pin
			if replay, err := h.purses().PayFromWallet(ctx, again); err != nil || replay != got {
				t.Errorf("again with PIN %s: %v, %v", pin, replay, err)
			}
		}
		if left := h.holds(t, w); left != 39_800 {
			t.Errorf("the wallet has %d after replays", left)
		}
		h.clean(t)
	})
}

// A node whose clock is a little behind pays an invoice when another has counted to the next day already: all that it writes has one time.
func TestAnInvoiceIsPaidAtTheDaysEdgeByAClockThatIsBehind(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		midnight := time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC) // in Dhaka
		h.clock.Set(midnight.Add(-time.Hour))
		w := h.purse(t, rahim, 50_000)
		first, second := h.bill(t, owner, 10_000), h.bill(t, owner, 20_000)
		for _, try := range []struct {
			at  time.Duration
			inv invoice.Invoice
		}{{time.Second, first}, {-time.Second, second}} {
			h.clock.Set(midnight.Add(try.at))
			if _, err := h.purses().PayFromWallet(ctx, h.asked(try.inv, rahim)); err != nil {
				t.Fatal(err)
			}
		}
		list, err := h.Of(ctx, owner, second.ID)
		if err != nil || len(list) != 1 || !list[0].At.Equal(midnight) {
			t.Errorf("%+v, %v", list, err)
		}
		if left := h.holds(t, w); left != 20_000 {
			t.Errorf("the wallet has %d", left)
		}
		h.clean(t)
	})
}

func (h *house) must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Each refusal leaves everything as it was, and whoever does not know the PIN is told nothing but that.
func TestWhatAWalletRefusesLeavesTheInvoiceAsItWas(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		inv := h.bill(t, owner, 10_000)
		m, err := h.merchants.Create(ctx, by, merchant.Merchant{
			Name: "Live", Mode: merchant.Live, Currencies: []money.Currency{money.BDT}, Settings: merchant.Settings{Rails: []string{"wallet"}},
		})
		h.must(t, err)
		number := 0
		next := func() string { number++; return fmt.Sprintf("+88017123%05d", number) }
		type change = func(*wallet.New)
		for name, c := range map[string]struct {
			minor int64
			alter change
			ask   func(*rail.WalletPayment)
			want  string
		}{
			"not approved":           {0, func(n *wallet.New) { n.Status = wallet.Suspended }, nil, "sender_not_approved"},
			"not approved, PIN":      {0, func(n *wallet.New) { n.Status = wallet.Pending }, wrongPIN, "pin_wrong"},
			"another currency":       {20_000, func(n *wallet.New) { n.Currencies = []money.Currency{money.USD} }, nil, "currency_unknown"},
			"another currency, PIN":  {20_000, func(n *wallet.New) { n.Currencies = []money.Currency{money.USD} }, wrongPIN, "pin_wrong"},
			"too little money":       {9_999, nil, nil, "balance_insufficient"},
			"too little money, PIN":  {9_999, nil, wrongPIN, "pin_wrong"},
			"live money":             {20_000, func(n *wallet.New) { n.Sandbox = false }, nil, "pin_wrong"},
			"a PIN of three digits":  {20_000, nil, func(p *rail.WalletPayment) { p.PIN = "471" }, "pin_malformed"},
			"a number of nobody":     {20_000, nil, func(p *rail.WalletPayment) { p.Number = "+8801999999999" }, "pin_wrong"},
			"nobody, and no PIN":     {20_000, nil, func(p *rail.WalletPayment) { p.Number, p.PIN = "+8801999999999", "471" }, "pin_malformed"},
			"an amount that is not":  {20_000, nil, func(p *rail.WalletPayment) { p.Amount.Minor = 9_999 }, "amount_mismatch 10000"},
			"that, before the PIN":   {20_000, nil, func(p *rail.WalletPayment) { p.Amount.Minor, p.PIN = 9_999, "0000" }, "amount_mismatch 10000"},
			"an invoice of nobody":   {20_000, nil, func(p *rail.WalletPayment) { p.Invoice = "none" }, "invoice_missing"},
			"a wallet without a PIN": {20_000, func(n *wallet.New) { n.PIN = "" }, nil, "pin_wrong"},
		} {
			w := h.purse(t, next(), c.minor, slices.DeleteFunc([]change{c.alter}, func(f change) bool { return f == nil })...)
			ask := h.asked(inv, w.Number)
			if c.ask != nil {
				c.ask(&ask)
			}
			before := len(h.events(t, owner, 0))
			if _, err := h.purses().PayFromWallet(ctx, ask); say(payment.Settled{}, err) != c.want {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
			if got := h.holds(t, w); got != c.minor {
				t.Errorf("%s: the wallet has %d", name, got)
			}
			if d := cmp.Diff(inv, h.stands(t, inv)); d != "" {
				t.Errorf("%s: %s", name, d)
			}
			if after := len(h.events(t, owner, 0)); after != before {
				t.Errorf("%s: %d events", name, after-before)
			}
		}
		// A live merchant's payers need a live wallet, a rail in its settings, and a shop that is open.
		bill := h.bill(t, m.Owner, 500)
		h.purse(t, rahim, 1000)
		h.purse(t, karim, 1000, func(n *wallet.New) { n.Sandbox = false })
		if _, err := h.purses().PayFromWallet(ctx, h.asked(bill, rahim)); !fault.Has(err, fault.PINWrong) {
			t.Errorf("sandbox money for a live merchant: %v", err)
		}
		closed := func(settings merchant.Settings) error {
			m.Settings = settings
			h.must(t, h.merchants.Change(ctx, by, m))
			_, err := h.purses().PayFromWallet(ctx, h.asked(bill, karim))
			return err
		}
		for _, s := range []merchant.Settings{{}, {Rails: []string{"wallet"}, Disabled: true}} {
			if err := closed(s); !fault.Has(err, fault.PermissionMissing) {
				t.Errorf("%+v: %v", s, err)
			}
		}
		h.must(t, closed(merchant.Settings{Rails: []string{"wallet"}}))
		// What is over is over, whoever asks.
		for _, s := range []invoice.Status{invoice.Expired, invoice.Cancelled, invoice.Paid} {
			over := h.bill(t, owner, 300)
			h.to(t, over, s)
			if _, err := h.purses().PayFromWallet(ctx, h.asked(over, rahim)); say(payment.Settled{}, err) != "invoice_closed "+string(s) {
				t.Errorf("%s: %v", s, err)
			}
		}
		h.clean(t)
	})
}

func wrongPIN(p *rail.WalletPayment) { p.PIN = "0000" }

func TestFiveWrongPINsLockAcrossInvoicesAndAFormSentTwiceCountsOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		w := h.purse(t, rahim, 100_000)
		nodes := []*payment.Purses{h.purses(), h.second(t).purses()}
		for i := range 5 {
			ask := h.asked(h.bill(t, h.shop(t), 100), rahim)
			ask.PIN = "0000"
			for _, n := range append(nodes, nodes...) { // four times the same form
				if _, err := n.PayFromWallet(ctx, ask); !fault.Has(err, fault.PINWrong) {
					t.Fatalf("guess %d: %v", i+1, err)
				}
			}
		}
		inv := h.bill(t, h.shop(t), 100)
		_, err := nodes[1].PayFromWallet(ctx, h.asked(inv, rahim))
		if f := fault.First(err); f == nil || f.Code != fault.PINLocked || f.Params["retry_after"] != "1800" {
			t.Fatalf("after five: %v", err)
		}
		h.clock.Advance(30 * time.Minute)
		if _, err := nodes[0].PayFromWallet(ctx, h.asked(inv, rahim)); err != nil {
			t.Fatalf("after the lock: %v", err)
		}
		if left := h.holds(t, w); left != 99_900 {
			t.Errorf("the wallet has %d", left)
		}
		h.clean(t)
	})
}

// A number that nobody has is locked as soon as a wallet is, and for as long: by no number of guesses can the two be told apart.
func TestANumberOfNobodyIsLockedLikeAWallet(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.purse(t, rahim, 1_000)
		h.purse(t, "+8801512345678", 1_000, func(n *wallet.New) { n.Sandbox = false })
		nodes := []*payment.Purses{h.purses(), h.second(t).purses()}
		for i := range 7 {
			told := map[string]string{}
			for _, number := range []string{rahim, "+8801999999999", "+8801512345678"} {
				ask := h.asked(h.bill(t, h.shop(t), 100), number)
				ask.PIN = "0000"
				for _, n := range append(nodes, nodes[0]) { // sent three times, it counts once
					_, err := n.PayFromWallet(ctx, ask)
					told[number] += fmt.Sprint(fault.First(err), fault.First(err).Params, " ")
				}
			}
			want := "pin_locked"
			if i < 5 {
				want = "pin_wrong"
			}
			if told[rahim] != told["+8801999999999"] || told[rahim] != told["+8801512345678"] || strings.Count(told[rahim], want) != 3 {
				t.Errorf("guess %d: %v, want %s", i+1, told, want)
			}
		}
		h.clock.Advance(30 * time.Minute)
		ask := h.asked(h.bill(t, h.shop(t), 100), "+8801999999999")
		if _, err := nodes[0].PayFromWallet(ctx, ask); !fault.Has(err, fault.PINWrong) {
			t.Errorf("after the lock: %v", err)
		}
		h.clean(t)
	})
}

func TestAFeeThatNobodyWasToldOfIsNotTaken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		inv := h.bill(t, h.shop(t), 10_000)
		w := h.purse(t, rahim, 10_500)
		h.must(t, h.wallets.SetRule(ctx, by, w.Owner, money.BDT, wallet.Payment, &wallet.Rule{Fee: money.Schedule{Flat: 500}}))
		for agreed, want := range map[int64]string{0: "amount_mismatch 500", 499: "amount_mismatch 500"} {
			ask := h.asked(inv, rahim)
			ask.Fee = agreed
			if _, err := h.purses().PayFromWallet(ctx, ask); say(payment.Settled{}, err) != want || fault.First(err).Field != "fee" {
				t.Errorf("agreed to %d: %v", agreed, err)
			}
			ask.PIN, ask.ID = "0000", id.New(h.clock)
			if _, err := h.purses().PayFromWallet(ctx, ask); !fault.Has(err, fault.PINWrong) {
				t.Errorf("a stranger is told of a fee: %v", err)
			}
		}
		ask := h.asked(inv, rahim)
		ask.Fee = 600 // less than was agreed to is welcome
		if _, err := h.purses().PayFromWallet(ctx, ask); err != nil || h.holds(t, w) != 0 {
			t.Fatal(err, h.holds(t, w))
		}
		// One paisa short of amount and fee.
		poor := h.purse(t, karim, 10_499)
		h.must(t, h.wallets.SetRule(ctx, by, poor.Owner, money.BDT, wallet.Payment, &wallet.Rule{Fee: money.Schedule{Flat: 500}}))
		ask = h.asked(h.bill(t, h.shop(t), 10_000), karim)
		ask.Fee = 500
		if _, err := h.purses().PayFromWallet(ctx, ask); !fault.Has(err, fault.BalanceInsufficient) || h.holds(t, poor) != 10_499 {
			t.Errorf("%v, %d", err, h.holds(t, poor))
		}
		h.clean(t)
	})
}

// In one slice, what a wallet refuses is as if it had never been asked: the next receipt finds the invoice open.
func TestARefusedReceiptOfASliceIsNoMoreToThoseAfterIt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		a, b := h.bill(t, owner, 600), h.bill(t, owner, 600)
		rich, poor := h.purse(t, rahim, 1_000), h.purse(t, karim, 500)
		list := []payment.Receipt{
			h.from(t, rich, a, "0000"), h.from(t, poor, a, "4711"), h.from(t, rich, a, "4711"), h.from(t, poor, a, "4711"), h.from(t, rich, b, "4711"),
		}
		list = append(list, list[2])
		var out []store.Outcome[payment.Settled]
		h.must(t, h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			out, err = h.WalletSlice(ctx, tx, slices.Clone(list))
			return err
		}))
		var got []string
		for _, o := range out {
			got = append(got, say(o.Value, o.Err))
		}
		want := []string{
			"pin_wrong", "balance_insufficient", "received 600+0 -> paid 600/600", "invoice_closed paid", "balance_insufficient",
			"received 600+0 -> paid 600/600",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if now := h.stands(t, b); now.Status != invoice.Open || now.Paid != 0 || now.Changes != 0 {
			t.Errorf("%+v", now)
		}
		if h.holds(t, rich) != 400 || h.holds(t, poor) != 500 {
			t.Errorf("%d and %d", h.holds(t, rich), h.holds(t, poor))
		}
		h.clean(t)
	})
}

func TestTwoPayersAtTheSameInstantPayAnInvoiceOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		const times, price = 500, 100
		nodes := []*payment.Purses{h.purses(), h.second(t).purses()}
		payers := []wallet.Wallet{h.purse(t, rahim, times*price), h.purse(t, karim, times*price)}
		wins := [2]int64{}
		for round := range times {
			inv := h.bill(t, owner, price)
			asks := []rail.WalletPayment{h.asked(inv, rahim), h.asked(inv, karim)}
			var errs [4]error
			together(
				func() { _, errs[0] = nodes[round%2].PayFromWallet(ctx, asks[0]) },
				func() { _, errs[1] = nodes[1].PayFromWallet(ctx, asks[1]) },
				func() { _, errs[2] = nodes[1].PayFromWallet(ctx, asks[0]) }, // clicked twice
				func() { _, errs[3] = nodes[0].PayFromWallet(ctx, asks[1]) },
			)
			for i := range payers {
				one, two := errs[i], errs[i+2]
				if (one == nil) != (two == nil) {
					t.Fatalf("round %d: one click has %v, the other %v", round, one, two)
				}
				if one == nil {
					wins[i]++
				} else if !fault.Has(one, fault.InvoiceClosed) || !fault.Has(two, fault.InvoiceClosed) {
					t.Fatalf("round %d: %v, %v", round, one, two)
				}
			}
		}
		if wins[0]+wins[1] != times {
			t.Errorf("%d invoices were paid %v times", times, wins)
		}
		for i, w := range payers {
			if got := h.holds(t, w); got != (times-wins[i])*price {
				t.Errorf("payer %d has %d after %d payments", i, got, wins[i])
			}
		}
		if d := cmp.Diff(map[string]int64{"BDT/balance": times * price}, h.balances(t, owner)); d != "" {
			t.Error(d)
		}
		h.clean(t)
	})
}

// A wallet that cannot pay for all is drawn to its last, and no further, by however many forms at once.
func TestManyInvoicesFromOneWalletAtOnceNeverOverdrawIt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		w := h.purse(t, rahim, 1_050)
		nodes := []*payment.Purses{h.purses(), h.second(t).purses()}
		var jobs []func()
		results := make([]error, 40)
		for i := range results {
			ask := h.asked(h.bill(t, owner, 100), rahim)
			jobs = append(jobs, func() { _, results[i] = nodes[i%2].PayFromWallet(ctx, ask) })
		}
		together(jobs...)
		paid := 0
		for _, err := range results {
			if err == nil {
				paid++
			} else if !fault.Has(err, fault.BalanceInsufficient) {
				t.Error(err)
			}
		}
		if paid != 10 || h.holds(t, w) != 50 {
			t.Errorf("%d paid, %d left", paid, h.holds(t, w))
		}
		h.clean(t)
	})
}

func TestAuditFindsAPaymentWithoutItsWalletAndAWalletWithoutItsPayment(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		inv := h.bill(t, h.shop(t), 100)
		w := h.purse(t, rahim, 1_000)
		ask := h.asked(inv, rahim)
		if _, err := h.purses().PayFromWallet(ctx, ask); err != nil {
			t.Fatal(err)
		}
		audittest.Walk(t, h.db, payment.Audit, audittest.Table{Name: "payment", Key: []string{"owner", "id"}, Fresh: []string{"rail_reference"}})
		h.clean(t)
		h.must(t, h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return tx.Exec(ctx, `DELETE FROM wallet_transfer WHERE owner = $1 AND id = $2`, w.Owner, ask.ID)
		}))
		var said []string
		for _, f := range h.findings(t) {
			said = append(said, f.Table+": "+f.Problem)
		}
		if text := strings.Join(said, "\n"); !strings.Contains(text, "payment: no wallet paid it") || !strings.Contains(text, "wallet_transfer") {
			t.Errorf("%s", text)
		}
	})
	each(t, func(t *testing.T, h *house) {
		inv := h.bill(t, h.shop(t), 100)
		h.purse(t, rahim, 1_000)
		ask := h.asked(inv, rahim)
		if _, err := h.purses().PayFromWallet(ctx, ask); err != nil {
			t.Fatal(err)
		}
		h.must(t, h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return tx.Exec(ctx, `DELETE FROM payment WHERE owner = $1 AND id = $2`, inv.Owner, ask.ID)
		}))
		found := false
		for _, f := range h.findings(t) {
			found = found || f.Table == "wallet_transfer" && strings.Contains(f.Problem, "there is no such payment")
		}
		if !found {
			t.Error("nobody missed the payment")
		}
	})
}

// What a rail brings from elsewhere and what a wallet pays meet on one invoice: it is paid once, and nobody waits for the other for ever.
func TestAWalletAndAnotherRailAtTheSameInstant(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		w := h.purse(t, rahim, 20_000)
		other := h.second(t)
		for range 100 {
			inv := h.bill(t, owner, 100)
			ask, bank := h.asked(inv, rahim), h.receipt(inv, 100)
			var fromWallet, fromBank error
			together(
				func() { _, fromWallet = h.purses().PayFromWallet(ctx, ask) },
				func() { _, fromBank = other.Settle(ctx, bank, nil) },
			)
			if fromBank != nil || fromWallet != nil && !fault.Has(fromWallet, fault.InvoiceClosed) {
				t.Fatal(fromWallet, fromBank)
			}
		}
		b := h.balances(t, owner)
		if b["BDT/balance"] != 10_000 || b["BDT/unapplied"] != 20_000-h.holds(t, w) || b[ledger.Account{Currency: money.BDT, Kind: wallet.Clearing("", "").Kind}.ID()] != 0 {
			t.Errorf("%v, and %d in the wallet", b, h.holds(t, w))
		}
		h.clean(t)
	})
}
