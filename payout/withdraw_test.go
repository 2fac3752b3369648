package payout_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/store"
	"sarraf/wallet"
)

// purse is an approved sandbox wallet with PIN 1234 and so much taka, of the merchant.
func (h *house) purse(of string, minor int64, change ...func(*wallet.New)) wallet.Wallet {
	h.t.Helper()
	n := wallet.New{PIN: "1234", Wallet: wallet.Wallet{
		Owner: id.New(h.clock), Merchant: of, Kind: wallet.Consumer, Name: "John Smith", Status: wallet.Approved, Sandbox: true,
		Currencies: []money.Currency{"BDT", "PKR"}, Zone: "Asia/Dhaka",
	}}
	for _, c := range change {
		c(&n)
	}
	w, err := h.wallets.Create(ctx, alice, n, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	if minor > 0 {
		h.fill(w, minor)
	}
	return w
}

func (h *house) fill(w wallet.Wallet, minor int64) {
	h.t.Helper()
	_, err := h.wallets.TopUp(ctx, wallet.TopUpNew{
		ID: id.New(h.clock), Door: "command", Wallet: w.Owner, Amount: money.Of(minor, "BDT"), Rail: wallet.OperatorRail, Reference: id.New(h.clock),
		By: wallet.Operator, Actor: "test",
	}, nil)
	if err != nil {
		h.t.Fatal(err)
	}
}

// withdrawalFee is what a withdrawal costs everybody from now on.
func (h *house) withdrawalFee(minor int64) {
	h.t.Helper()
	r := wallet.Rule{Fee: money.Schedule{Flat: minor}}
	if err := h.wallets.SetRule(ctx, alice, "", "BDT", wallet.Withdrawal, &r); err != nil {
		h.t.Fatal(err)
	}
}

// withdrawing is one of so much, asked for by the merchant's key with the right PIN.
func (h *house) withdrawing(w wallet.Wallet, method payout.Method, minor int64) payout.Withdrawal {
	pin := "1234"
	n := h.asking(method, minor)
	n.Owner, n.Door = w.Owner, "native"
	return payout.Withdrawal{New: n, Spend: wallet.Spend{PIN: &pin, By: wallet.MerchantKey, Merchant: w.Merchant, Actor: "key 1"}}
}

func (h *house) withdraws(w payout.Withdrawal) payout.Payout {
	h.t.Helper()
	p, err := h.Withdraw(ctx, w, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// has fails unless the wallet's taka stand as given: what it can dispose of, what is on its way out, fees, and what went out.
func (h *house) has(w wallet.Wallet, balance, under, fees, out int64) {
	h.t.Helper()
	have := ""
	for _, kind := range []string{ledger.Wallet, ledger.Withdrawals, ledger.Fees, ledger.Payouts} {
		f, err := ledger.Read(ctx, h.db, ledger.Account{Owner: w.Owner, Currency: "BDT", Kind: kind})
		if err != nil {
			h.t.Fatal(err)
		}
		have += fmt.Sprint(f.Balance(), " ")
		if kind == ledger.Withdrawals && f.Available() != 0 {
			h.t.Errorf("%d of what is on its way out is not held", f.Available())
		}
	}
	if want := fmt.Sprint(balance, " ", under, " ", fees, " ", out, " "); have != want {
		h.t.Errorf("wallet, withdrawals, fees, paid out: %s, want %s", have, want)
	}
}

// lines are the kinds and amounts of the wallet's statement, the oldest first.
func (h *house) statement(w wallet.Wallet) (text string) {
	h.t.Helper()
	list, err := h.wallets.Statement(ctx, w.Owner, "BDT", wallet.Page{Limit: 100})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, l := range list {
		sign := "-"
		if l.In {
			sign = "+"
		}
		text = fmt.Sprintf("%s %s%d=%d, ", l.Transfer.Kind, sign, l.Moved, l.Balance) + text
	}
	return text
}

func TestAWithdrawalGoesOutAsAPayoutOfTheWalletsMerchant(t *testing.T) {
	each(t, func(h *house) {
		h.withdrawalFee(7_00)
		m := h.shop(merchant.Sandbox, 0)
		method := h.method(m, 99, payout.Sandbox) // whose fee is not the wallet's
		w := h.purse(m.Owner, 1000_00)
		p := h.withdraws(h.withdrawing(w, method, 100_00))
		if p.Owner != w.Owner || p.Merchant != m.Owner || p.Kind != payout.KindWithdrawal || p.Status != payout.Pending || p.Fee != 7_00 || p.Source != ledger.Withdrawals ||
			p.Target != ledger.Payouts || p.Rail != payout.Sandbox || p.Destination != "+8801712345678" || p.Subject == "" || p.Approval != payout.NoApproval {
			t.Fatalf("%+v", p)
		}
		h.has(w, 893_00, 107_00, 0, 0)
		taken, err := h.wallets.Transfer(ctx, w.Owner, p.Subject)
		if err != nil || taken.Kind != wallet.Withdrawal || taken.RailReference != p.ID || taken.ReceiverNumber != p.Destination || taken.Total() != p.Total().Minor {
			t.Fatalf("%+v, %v", taken, err)
		}
		if got, err := h.Get(ctx, m.Owner, p.ID); err != nil || got != p {
			t.Errorf("the merchant reads %+v, %v", got, err)
		}
		if p = h.does(p, payout.Complete); p.Status != payout.Completed {
			t.Fatalf("%+v", p)
		}
		h.has(w, 893_00, 0, 7_00, 100_00)
		if got := h.events(p); got != "payout.requested payout.processing payout.completed" {
			t.Error(got)
		}
		if got := h.statement(w); got != "topup +100000=100000, withdrawal -10700=89300, " {
			t.Error(got)
		}
	})
}

func TestAWithdrawalThatCameToNothingComesBackWhole(t *testing.T) {
	each(t, func(h *house) {
		h.withdrawalFee(7_00)
		m := h.shop(merchant.Sandbox, 0)
		method := h.method(m, 0, payout.Sandbox)
		ways := [][]payout.Action{
			{payout.Reject},
			{payout.Cancel},
			{payout.Process, payout.Reject},
			{payout.Process, payout.Doubt, payout.Reject},
			{payout.Process, payout.Doubt, payout.Process, payout.Reject},
		}
		for _, way := range ways {
			w := h.purse(m.Owner, 1000_00)
			p := h.withdraws(h.withdrawing(w, method, 100_00))
			if _, err := h.wallets.SetStatus(ctx, alice, w.Owner, wallet.Suspended); err != nil { // it gets its money back all the same
				t.Fatal(err)
			}
			for i, a := range way {
				if i > 0 {
					h.has(w, 893_00, 107_00, 0, 0)
				}
				h.clock.Advance(time.Minute)
				p = h.does(p, a)
			}
			h.has(w, 1000_00, 0, 0, 0)
			if got := h.statement(w); got != "topup +100000=100000, withdrawal -10700=89300, return +10700=100000, " {
				t.Error(got)
			}
			used, err := h.wallets.Used(ctx, w.Owner, "BDT")
			if err != nil || used[wallet.Withdrawal] != (wallet.Usage{}) {
				t.Errorf("%+v, %v", used, err)
			}
			told, err := h.log.List(ctx, m.Owner, event.Page{Limit: 1000})
			if err != nil || told[len(told)-1].Type != wallet.EventReturned {
				t.Errorf("the last event is %v, %v", told[len(told)-1].Type, err)
			}
			_, err = h.Move(ctx, payout.Move{Merchant: m.Owner, Payout: p.ID, Action: payout.Reject, Right: payout.OfRail}, nil)
			wants(t, err, fault.PayoutClosed)
		}
	})
}

// A clock that goes back dates nothing before what it follows.
func TestAReturnIsDatedWithItsPayoutWhenTheClockGoesBack(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 0)
		w := h.purse(m.Owner, 1000_00)
		p := h.withdraws(h.withdrawing(w, h.method(m, 0, payout.Sandbox), 100_00))
		h.clock.Advance(-time.Hour)
		if p = h.does(p, payout.Reject); !p.ProcessedAt.Equal(start) {
			t.Errorf("it is dated %s", p.ProcessedAt)
		}
		h.has(w, 1000_00, 0, 0, 0)
		h.clock.Set(start)
	})
}

func TestWithdrawalsAreJudgedInTheDocumentedOrder(t *testing.T) {
	each(t, func(h *house) {
		h.withdrawalFee(5_00)
		if err := h.wallets.SetRule(ctx, alice, "", "BDT", wallet.Withdrawal, &wallet.Rule{Fee: money.Schedule{Flat: 5_00}, Min: 20_00, Daily: 700_00}); err != nil {
			t.Fatal(err)
		}
		m, other := h.shop(merchant.Sandbox, 0), h.shop(merchant.Sandbox, 0)
		method, foreign := h.method(m, 0, payout.Sandbox), h.method(other, 0, payout.Sandbox)
		foreign.Number = 2
		off := method
		off.Number, off.Disabled = 0, true
		off, err := h.SetMethod(ctx, alice, off)
		if err != nil {
			t.Fatal(err)
		}
		w := h.purse(m.Owner, 500_00)
		nobody := h.purse("", 500_00)
		wrong := func(a *payout.Withdrawal) { pin := "0000"; a.Spend.PIN = &pin }
		try := func(minor int64, change func(*payout.Withdrawal), codes ...fault.Code) {
			t.Helper()
			a := h.withdrawing(w, method, minor)
			wrong(&a)
			change(&a)
			p, err := h.Withdraw(ctx, a, nil)
			wants(t, err, codes...)
			if err != nil && p != (payout.Payout{}) {
				t.Errorf("refused, with %+v", p)
			}
		}
		try(0, func(a *payout.Withdrawal) { a.Owner = "nobody" }, fault.WalletMissing)
		try(0, func(a *payout.Withdrawal) { a.Spend.Merchant = other.Owner }, fault.WalletMissing)
		try(0, func(a *payout.Withdrawal) { a.Spend.Merchant = "" }, fault.WalletMissing)
		try(50_00, func(a *payout.Withdrawal) { a.Owner, a.Spend.By = nobody.Owner, wallet.Operator }, fault.PayoutMethodMissing)
		try(0, func(a *payout.Withdrawal) { a.Method = 77 }, fault.PayoutMethodMissing, fault.AmountNotPositive)
		try(50_00, func(a *payout.Withdrawal) { a.Method = off.Number }, fault.PayoutMethodMissing)
		try(0, func(a *payout.Withdrawal) { a.Account = "12" }, fault.AmountNotPositive, fault.FieldMalformed)
		try(99, func(a *payout.Withdrawal) { a.Account = "" }, fault.AmountBelowLimit, fault.FieldRequired)
		try(50_000_01, func(a *payout.Withdrawal) {}, fault.AmountAboveLimit)
		try(50_00, func(a *payout.Withdrawal) { a.Amount.Currency = "PKR" }, fault.CurrencyUnknown)
		try(50_00, func(a *payout.Withdrawal) { a.Amount.Currency = "QQQ" }, fault.CurrencyUnknown)
		a := h.withdrawing(w, method, 100_00)
		a.Reference = "R1"
		h.withdraws(a)
		try(19_99, func(a *payout.Withdrawal) { a.Reference = "R1" }, fault.ReferenceTaken)
		try(19_99, func(*payout.Withdrawal) {}, fault.AmountBelowLimit)
		try(600_01, func(*payout.Withdrawal) {}, fault.DailyLimitExceeded)
		long := h.withdrawing(w, method, 50_00)
		long.Description = strings.Repeat("d", 256)
		_, err = h.Withdraw(ctx, long, nil)
		if f := fault.First(err); f == nil || f.Code != fault.FieldTooLong || f.Field != payout.FieldDescription {
			t.Errorf("%v", err)
		}
		_, err = h.QuoteWithdrawal(ctx, long)
		wants(t, err, fault.FieldTooLong)
		try(390_01, func(*payout.Withdrawal) {}, fault.BalanceInsufficient)
		try(390_00, func(a *payout.Withdrawal) { a.Spend.PIN = nil }, fault.FieldRequired)
		try(390_00, func(*payout.Withdrawal) {}, fault.PINWrong)
		if _, err := h.wallets.SetStatus(ctx, alice, w.Owner, wallet.Suspended); err != nil {
			t.Fatal(err)
		}
		try(50_00, func(a *payout.Withdrawal) { a.Method = 77 }, fault.PayoutMethodMissing)
		try(50_00, func(*payout.Withdrawal) {}, fault.SenderNotApproved)
		if _, err := h.wallets.SetStatus(ctx, alice, w.Owner, wallet.Approved); err != nil {
			t.Fatal(err)
		}
		try(50_00, func(a *payout.Withdrawal) { a.Spend.By, a.Spend.PIN = wallet.Operator, nil })
		most := int64(4_99)
		try(50_00, func(a *payout.Withdrawal) { pin := "1234"; a.Spend.PIN, a.Spend.MostFee = &pin, &most }, fault.AmountMismatch)
		shop := h.purse(m.Owner, 500_00, func(n *wallet.New) { n.Kind = wallet.Merchant })
		try(50_00, func(a *payout.Withdrawal) { a.Owner, a.Spend.PIN = shop.Owner, nil })
		shut := h.shop(merchant.Sandbox, 0, func(m *merchant.Merchant) { m.Settings.Disabled = true })
		a = h.withdrawing(h.purse(shut.Owner, 500_00), method, 50_00)
		_, err = h.Withdraw(ctx, a, nil)
		wants(t, err, fault.PermissionMissing)
	})
}

func TestWrongPINsOfWithdrawalsLockAsAllOthersDo(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 0)
		method := h.method(m, 0, payout.Sandbox)
		w := h.purse(m.Owner, 500_00)
		wrong := "0000"
		for i := range 5 {
			a := h.withdrawing(w, method, 10_00)
			a.Spend.PIN = &wrong
			key := &store.Key{Door: "native", Key: fmt.Sprint("k", i), Hash: "h"}
			for range 2 { // the second is answered by the key, and is no guess
				_, err := h.Withdraw(ctx, a, key)
				wants(t, err, fault.PINWrong)
			}
		}
		_, err := h.Withdraw(ctx, h.withdrawing(w, method, 10_00), nil)
		wants(t, err, fault.PINLocked)
		wants(t, h.wallets.CheckPIN(ctx, w.Owner, "1234"), fault.PINLocked)
		h.has(w, 500_00, 0, 0, 0)
		h.clock.Advance(30 * time.Minute)
		h.withdraws(h.withdrawing(w, method, 10_00))
	})
}

func TestTheSameWithdrawalAgainIsTheSame(t *testing.T) {
	each(t, func(h *house) {
		h.withdrawalFee(1_00)
		m, other := h.shop(merchant.Sandbox, 0), h.shop(merchant.Sandbox, 0)
		method := h.method(m, 0, payout.Sandbox)
		w, second := h.purse(m.Owner, 500_00), h.purse(m.Owner, 500_00)
		a := h.withdrawing(w, method, 100_00)
		first := h.withdraws(a)
		if again := h.withdraws(a); again != first {
			t.Errorf("%+v", again)
		}
		done := h.does(first, payout.Reject)
		if again := h.withdraws(a); again != done {
			t.Errorf("%+v", again)
		}
		h.has(w, 500_00, 0, 0, 0)

		more := a
		more.Amount.Minor++
		_, err := h.Withdraw(ctx, more, nil)
		wants(t, err, fault.IdempotencyReused)
		theirs := a
		theirs.Owner = second.Owner
		_, err = h.Withdraw(ctx, theirs, nil)
		wants(t, err, fault.IdempotencyReused)

		key := &store.Key{Door: "native", Key: "k", Hash: "h"}
		b := h.withdrawing(w, method, 50_00)
		kept, err := h.Withdraw(ctx, b, key)
		if err != nil {
			t.Fatal(err)
		}
		h.does(kept, payout.Complete)
		b.ID = id.New(h.clock) // drawn anew where the request comes in again
		if again, err := h.Withdraw(ctx, b, key); err != nil || again != kept {
			t.Errorf("%+v, %v", again, err)
		}
		h.has(w, 449_00, 0, 1_00, 50_00)

		// Its merchant is another now, who is told nothing of it, and takes no money for it either.
		c := h.withdrawing(w, method, 20_00)
		h.withdraws(c)
		w.Merchant = other.Owner
		if _, err := h.wallets.Change(ctx, alice, w); err != nil {
			t.Fatal(err)
		}
		c.Method, c.Spend.Merchant = h.method(other, 0, payout.Sandbox).Number, other.Owner
		_, err = h.Withdraw(ctx, c, nil)
		wants(t, err, fault.IdempotencyReused)
		c.Spend.By = wallet.Operator
		_, err = h.Withdraw(ctx, c, nil)
		wants(t, err, fault.IdempotencyReused)
		h.has(w, 428_00, 21_00, 1_00, 50_00)
	})
}

func TestSandboxAndLiveWalletsDoNotShareRails(t *testing.T) {
	each(t, func(h *house) {
		live := h.shop(merchant.Live, 0)
		method := h.method(live, 0, payout.Manual)
		real := func(n *wallet.New) { n.Sandbox = false }
		w, odd := h.purse(live.Owner, 500_00, real), h.purse(live.Owner, 500_00)
		p := h.withdraws(h.withdrawing(w, method, 100_00))
		if p.Rail != payout.Manual {
			t.Errorf("%+v", p)
		}
		_, err := h.Withdraw(ctx, h.withdrawing(odd, method, 100_00), nil)
		wants(t, err, fault.PayoutMethodMissing)
		test := h.shop(merchant.Sandbox, 0)
		_, err = h.Withdraw(ctx, h.withdrawing(h.purse(test.Owner, 500_00, real), h.method(test, 0, payout.Sandbox), 100_00), nil)
		wants(t, err, fault.PayoutMethodMissing)
		done, err := h.Move(ctx, payout.Move{Merchant: live.Owner, Payout: p.ID, Action: payout.Complete, Right: payout.OfOperator, By: bob, RailReference: "B1"}, nil)
		if err != nil || done.Status != payout.Completed {
			t.Errorf("%+v, %v", done, err)
		}
		h.has(w, 400_00, 0, 0, 100_00)
	})
}

func TestAWithdrawalAboveTheMerchantsLimitWaitsForASecondPerson(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 0, limited(50_00))
		method := h.method(m, 0, payout.Sandbox)
		w := h.purse(m.Owner, 500_00)
		p := h.withdraws(h.withdrawing(w, method, 50_01))
		if p.Approval != payout.Wanted {
			t.Fatalf("%+v", p)
		}
		_, err := h.Move(ctx, payout.Move{Merchant: m.Owner, Payout: p.ID, Action: payout.Reject, By: alice}, nil)
		wants(t, err, fault.ApprovalOwn)
		p, err = h.Move(ctx, payout.Move{Merchant: m.Owner, Payout: p.ID, Action: payout.Reject, By: bob, Reason: "not him"}, nil)
		if err != nil || p.Status != payout.Rejected || p.DecidedBy != "bob" {
			t.Fatalf("%+v, %v", p, err)
		}
		h.has(w, 500_00, 0, 0, 0)
	})
}

func TestAQuoteOfAWithdrawalIsWhatItComesTo(t *testing.T) {
	each(t, func(h *house) {
		h.withdrawalFee(3_00)
		m, other := h.shop(merchant.Sandbox, 0), h.shop(merchant.Sandbox, 0)
		method := h.method(m, 0, payout.Sandbox)
		w := h.purse(m.Owner, 500_00)
		a := h.withdrawing(w, method, 100_00)
		a.Account, a.Spend.PIN = "", nil
		q, err := h.QuoteWithdrawal(ctx, a)
		if err != nil || q.Kind != wallet.Withdrawal || q.Fee.Minor != 3_00 || q.Total.Minor != 103_00 {
			t.Fatalf("%+v, %v", q, err)
		}
		a.Amount.Minor = 497_01
		q, err = h.QuoteWithdrawal(ctx, a)
		wants(t, err, fault.BalanceInsufficient)
		if q.Total.Minor != 500_01 {
			t.Errorf("%+v", q)
		}
		a.Account = "12"
		_, err = h.QuoteWithdrawal(ctx, a)
		wants(t, err, fault.FieldMalformed)
		a.Account, a.Method = "", 9
		_, err = h.QuoteWithdrawal(ctx, a)
		wants(t, err, fault.PayoutMethodMissing)
		a.Spend.Merchant = other.Owner
		_, err = h.QuoteWithdrawal(ctx, a)
		wants(t, err, fault.WalletMissing)
		h.has(w, 500_00, 0, 0, 0)
	})
}

func TestAnOperatorPaysOutAWalletOfNoMerchantThroughOne(t *testing.T) {
	each(t, func(h *house) {
		m, own := h.shop(merchant.Sandbox, 0, limited(50_00)), h.shop(merchant.Sandbox, 0)
		method := h.method(m, 0, payout.Sandbox)
		w, linked := h.purse("", 500_00), h.purse(own.Owner, 500_00)
		a := h.withdrawing(w, method, 50_00)
		a.Through = m.Owner
		for _, by := range []wallet.Right{wallet.Holder, wallet.MerchantKey} { // it is the operator's to say
			a.Spend.By, a.Spend.Merchant = by, m.Owner
			_, err := h.Withdraw(ctx, a, nil)
			wants(t, err, map[wallet.Right]fault.Code{wallet.Holder: fault.PayoutMethodMissing, wallet.MerchantKey: fault.WalletMissing}[by])
		}
		a.Spend.By, a.Spend.PIN = wallet.Operator, nil
		p := h.withdraws(a)
		if p.Merchant != m.Owner || p.Owner != w.Owner || p.Approval != payout.NoApproval {
			t.Fatalf("%+v", p)
		}
		if again := h.withdraws(a); again != p {
			t.Errorf("%+v", again)
		}
		h.has(w, 450_00, 50_00, 0, 0)
		h.does(p, payout.Reject)
		h.has(w, 500_00, 0, 0, 0)
		a = h.withdrawing(w, method, 50_01)
		a.Through, a.Spend.By, a.Spend.PIN = m.Owner, wallet.Operator, nil
		if p := h.withdraws(a); p.Approval != payout.Wanted {
			t.Errorf("%+v", p)
		}
		b := h.withdrawing(linked, method, 50_00) // its own merchant has no methods, and another's are not its
		b.Through, b.Spend.By = m.Owner, wallet.Operator
		_, err := h.Withdraw(ctx, b, nil)
		wants(t, err, fault.PayoutMethodMissing)
		b.Owner, b.Through = w.Owner, "nobody"
		_, err = h.Withdraw(ctx, b, nil)
		wants(t, err, fault.MerchantMissing)
	})
}

func TestWithoutWalletsNothingIsWithdrawn(t *testing.T) {
	each(t, func(h *house) {
		bare := payout.NewService(payout.Deps{DB: h.db, Log: h.log, Merchants: h.merchants})
		t.Cleanup(bare.Close)
		m := h.shop(merchant.Sandbox, 0)
		a := h.withdrawing(h.purse(m.Owner, 500_00), h.method(m, 0, payout.Sandbox), 100_00)
		if _, err := bare.Withdraw(ctx, a, nil); err == nil || fault.IsDecision(err) {
			t.Error(err)
		}
		if _, err := bare.QuoteWithdrawal(ctx, a); err == nil || fault.IsDecision(err) {
			t.Error(err)
		}
	})
}
