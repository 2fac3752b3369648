package wallet_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/ledger"
	"sarraf/money"
	"sarraf/store"
	"sarraf/wallet"
)

// withdrawal is one of so much with the right PIN.
func (h *house) withdrawal(from wallet.Wallet, minor int64) wallet.Spend {
	pin := "1234"
	return wallet.Spend{
		ID: id.New(h.clock), Door: "native", Sender: from.Owner, Amount: money.Of(minor, "BDT"), PIN: &pin,
		Out: &wallet.Out{Payout: id.New(h.clock), Name: "Rahim Uddin", Account: "+8801712345678"},
	}
}

// withdrawMany judges the withdrawals as one transaction of a payout's would, and carries out those that are allowed.
func (h *house) withdrawMany(list []wallet.Spend) []wallet.Outcome {
	h.t.Helper()
	var out []wallet.Outcome
	now := h.clock.Now()
	err := h.db.Write(h.t.Context(), func(ctx context.Context, tx *store.Tx) error {
		out = make([]wallet.Outcome, len(list))
		all := append([]wallet.Spend(nil), list...)
		for i := range all {
			all[i].Enter(now)
		}
		l, err := h.Load(ctx, tx, all)
		if err != nil {
			return err
		}
		var accounts []ledger.Account
		for i := range all {
			accounts = append(accounts, l.Accounts(&all[i])...)
		}
		books, err := ledger.Open(ctx, tx, accounts)
		if err != nil {
			return err
		}
		for i := range all {
			sent, err := l.Judge(books, &all[i], nil)
			switch {
			case err == nil:
				out[i].Sent = &sent
			case fault.IsDecision(err):
				out[i].Faults = fault.All(err)
			default:
				return err
			}
		}
		facts, err := l.Record(tx)
		if err != nil {
			return err
		}
		if err := books.Record(ctx, tx); err != nil {
			return err
		}
		_, err = event.NewLog(h.db).Append(ctx, tx, facts)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// withdraw is withdrawMany for one, held against a fault's code, or "" for a transfer.
func (h *house) withdraw(sp wallet.Spend, want fault.Code) wallet.Sent {
	h.t.Helper()
	out := h.withdrawMany([]wallet.Spend{sp})
	h.says(fault.Join(out[0].Faults...), want)
	if want != "" {
		return wallet.Sent{}
	}
	return *out[0].Sent
}

// giveBack returns the withdrawals, as their payouts' end does.
func (h *house) bringBack(list ...wallet.Transfer) error {
	h.t.Helper()
	backs := make([]wallet.Back, len(list))
	for i, t := range list {
		backs[i] = wallet.Back{Wallet: t.Owner, Withdrawal: t.ID, At: h.clock.Now()}
	}
	return h.db.Write(h.t.Context(), func(ctx context.Context, tx *store.Tx) error {
		r, err := h.LoadReturns(ctx, tx, backs)
		if err != nil {
			return err
		}
		commands := make([]ledger.Command, len(list))
		for i := range list {
			commands[i] = ledger.Command{At: backs[i].At, Ops: []ledger.Op{r.Op(i)}}
		}
		done, err := ledger.Apply(ctx, tx, commands)
		if err != nil {
			return err
		}
		var facts []event.New
		for i, d := range done {
			if d.Err != nil {
				return d.Err
			}
			told, err := r.Done(i, d.After[0])
			if err != nil {
				return err
			}
			facts = append(facts, told...)
		}
		_, err = event.NewLog(h.db).Append(ctx, tx, facts)
		return err
	})
}

// outside is what the wallet has taken out and has not got outside yet.
func (h *house) outside(w wallet.Wallet) int64 {
	h.t.Helper()
	f, err := ledger.Read(h.t.Context(), h.db, wallet.Withdrawals(w.Owner, "BDT"))
	if err != nil {
		h.t.Fatal(err)
	}
	return f.Balance()
}

func (h *house) withdrawalRule(r wallet.Rule) {
	h.t.Helper()
	h.says(h.SetRule(h.t.Context(), by, "", "BDT", wallet.Withdrawal, &r), "")
}

func TestAWithdrawalTakesAmountAndFeeAndItsReturnBringsBoth(t *testing.T) {
	each(t, func(h *house) {
		h.withdrawalRule(wallet.Rule{Fee: money.Schedule{Flat: 7_00}})
		w := h.rich(wallet.Consumer, 1000_00, func(n *wallet.New) { n.Merchant = "m1" })
		sp := h.withdrawal(w, 100_00)
		sp.Note = "rent"
		sent := h.withdraw(sp, "").Transfer
		want := wallet.Transfer{
			Owner: w.Owner, ID: sp.ID, Door: "native", Kind: wallet.Withdrawal, Merchant: "m1", Amount: 100_00, Fee: 7_00, Currency: "BDT", Note: "rent",
			Rail: wallet.PayoutRail, RailReference: sp.Out.Payout, SenderName: "John Smith", ReceiverName: "Rahim Uddin", ReceiverNumber: "+8801712345678",
			BalanceAfter: 893_00, At: start,
		}
		if diff := cmp.Diff(want, sent); diff != "" {
			t.Fatal(diff)
		}
		h.holds(w, 893_00)
		if got := h.outside(w); got != 107_00 {
			t.Fatalf("%d are on their way out", got)
		}
		h.clock.Advance(time.Hour)
		h.says(h.bringBack(sent), "")
		h.holds(w, 1000_00)
		if got := h.outside(w); got != 0 {
			t.Fatalf("%d are on their way out", got)
		}
		lines, err := h.Statement(t.Context(), w.Owner, "BDT", wallet.Page{Limit: 10})
		if err != nil || len(lines) != 3 {
			t.Fatalf("%+v: %v", lines, err)
		}
		back, out := lines[0], lines[1]
		if diff := cmp.Diff(wallet.Line{Transfer: sent, Moved: 107_00, Balance: 893_00, Seq: 2}, out); diff != "" {
			t.Error(diff)
		}
		wantBack := wallet.Transfer{
			Owner: w.Owner, ID: back.Transfer.ID, Door: "native", Kind: wallet.Return, Merchant: "m1", Receiver: w.Owner, ReceiverMerchant: "m1", Amount: 107_00,
			Currency: "BDT", Rail: wallet.ReturnRail, RailReference: sp.Out.Payout, SenderName: "Rahim Uddin", SenderNumber: "+8801712345678",
			ReceiverName: "John Smith", BalanceAfter: 1000_00, At: start.Add(time.Hour),
		}
		if diff := cmp.Diff(wallet.Line{Transfer: wantBack, In: true, Moved: 107_00, Balance: 1000_00, Seq: 3}, back); diff != "" {
			t.Error(diff)
		}
		if told := h.told("m1"); !cmp.Equal(told, []event.Type{wallet.EventToppedUp, wallet.EventWithdrawn, wallet.EventReturned}) {
			t.Errorf("the merchant was told %v", told)
		}
	})
}

// told is the types of the owner's events, in their order.
func (h *house) told(owner string) (list []event.Type) {
	h.t.Helper()
	events, err := event.NewLog(h.db).List(h.t.Context(), owner, event.Page{Limit: 100})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range events {
		list = append(list, e.Type)
	}
	return list
}

func TestWithdrawalsAreJudgedAsSpendingsAre(t *testing.T) {
	each(t, func(h *house) {
		h.withdrawalRule(wallet.Rule{Fee: money.Schedule{Flat: 5_00}, Min: 10_00, Max: 400_00, Daily: 600_00, Monthly: 900_00})
		w := h.rich(wallet.Consumer, 500_00, func(n *wallet.New) { n.Merchant = "m1" })
		try := func(want fault.Code, minor int64, change func(*wallet.Spend)) {
			t.Helper()
			sp := h.withdrawal(w, minor)
			change(&sp)
			h.withdraw(sp, want)
		}
		wrong := func(sp *wallet.Spend) { pin := "0000"; sp.PIN = &pin }
		none := func(*wallet.Spend) {}
		try(fault.AmountNotPositive, 0, wrong)
		try(fault.WalletMissing, 50_00, func(sp *wallet.Spend) { sp.Sender = "nobody" })
		try(fault.WalletMissing, 50_00, func(sp *wallet.Spend) { sp.By, sp.Merchant = wallet.MerchantKey, "m2" })
		try(fault.CurrencyUnknown, 50_00, func(sp *wallet.Spend) { sp.Amount.Currency = "PKR" })
		try(fault.AmountBelowLimit, 9_99, wrong)
		try(fault.AmountAboveLimit, 400_01, wrong)
		try(fault.BalanceInsufficient, 400_00, func(sp *wallet.Spend) {
			h.withdraw(h.withdrawal(w, 200_00), "") // 295 are left
			wrong(sp)
		})
		try(fault.DailyLimitExceeded, 400_00, func(sp *wallet.Spend) {
			h.withdraw(h.withdrawal(w, 50_00), "")
			h.topUp(w, 400_00)
			h.withdraw(h.withdrawal(w, 100_00), "")
			wrong(sp)
		})
		try(fault.FieldRequired, 20_00, func(sp *wallet.Spend) { sp.PIN = nil })
		try(fault.FieldRequired, 20_00, func(sp *wallet.Spend) { sp.PIN, sp.By, sp.Merchant = nil, wallet.MerchantKey, "m1" })
		try("", 20_00, func(sp *wallet.Spend) { sp.PIN, sp.By = nil, wallet.Operator })
		for range 5 {
			try(fault.PINWrong, 20_00, wrong)
		}
		try(fault.PINLocked, 20_00, none)
		h.says(h.CheckPIN(t.Context(), w.Owner, "1234"), fault.PINLocked)
		h.says(h.Unlock(t.Context(), by, w.Owner), "")
		if _, err := h.SetStatus(t.Context(), by, w.Owner, wallet.Suspended); err != nil {
			t.Fatal(err)
		}
		try(fault.SenderNotApproved, 20_00, none)
		shop := h.rich(wallet.Merchant, 500_00, func(n *wallet.New) { n.Merchant = "m1" })
		sp := h.withdrawal(shop, 20_00)
		sp.PIN, sp.By, sp.Merchant = nil, wallet.MerchantKey, "m1"
		h.withdraw(sp, "")
	})
}

func TestAReturnGivesBackTheLimitsOfItsDay(t *testing.T) {
	each(t, func(h *house) {
		h.withdrawalRule(wallet.Rule{Daily: 100_00, Monthly: 150_00})
		w := h.rich(wallet.Consumer, 1000_00)
		counted := func(today, month int64) {
			t.Helper()
			used, err := h.Used(t.Context(), w.Owner, "BDT")
			if got := used[wallet.Withdrawal]; err != nil || got != (wallet.Usage{Today: today, ThisMonth: month}) {
				t.Fatalf("%+v, want %d and %d: %v", got, today, month, err)
			}
		}
		first := h.withdraw(h.withdrawal(w, 60_00), "").Transfer
		second := h.withdraw(h.withdrawal(w, 40_00), "").Transfer
		h.withdraw(h.withdrawal(w, 1), fault.DailyLimitExceeded)
		h.says(h.bringBack(first), "")
		counted(40_00, 40_00)
		h.withdraw(h.withdrawal(w, 60_00), "")

		h.clock.Advance(24 * time.Hour)
		third := h.withdraw(h.withdrawal(w, 50_00), "").Transfer
		h.withdraw(h.withdrawal(w, 1), fault.MonthlyLimitExceeded)
		h.says(h.bringBack(second), "") // of yesterday: today's count is as it was
		counted(50_00, 110_00)

		h.clock.Advance(15 * 24 * time.Hour) // in March
		fourth := h.withdraw(h.withdrawal(w, 20_00), "").Transfer
		if _, err := h.SetStatus(t.Context(), by, w.Owner, wallet.Suspended); err != nil {
			t.Fatal(err)
		}
		h.says(h.bringBack(third, fourth), "") // two of one wallet at once, which may not be used now
		counted(0, 0)
		h.holds(w, 940_00)
	})
}

func TestAWithdrawalComesBackOnce(t *testing.T) {
	each(t, func(h *house) {
		w := h.rich(wallet.Consumer, 1000_00)
		h.withdraw(h.withdrawal(w, 60_00), "") // so that there would be money for it
		sent := h.withdraw(h.withdrawal(w, 60_00), "").Transfer
		h.says(h.bringBack(sent), "")
		if err := h.bringBack(sent); err == nil {
			t.Error("it came back twice")
		}
		if err := h.bringBack(sent, sent); err == nil {
			t.Error("it came back twice at once")
		}
		top := wallet.Transfer{Owner: w.Owner, ID: id.New(h.clock)}
		if err := h.bringBack(top); err == nil {
			t.Error("what was not withdrawn came back")
		}
		h.holds(w, 940_00)
	})
}

func TestAWithdrawalIsMadeOnlyWithItsPayout(t *testing.T) {
	each(t, func(h *house) {
		w := h.rich(wallet.Consumer, 1000_00)
		if _, err := h.Spend(t.Context(), h.withdrawal(w, 60_00), nil); err == nil || fault.IsDecision(err) {
			t.Errorf("%v", err)
		}
		if _, err := h.SpendMany(t.Context(), w.Owner, []wallet.Spend{h.withdrawal(w, 60_00)}, nil); err == nil || fault.IsDecision(err) {
			t.Errorf("%v", err)
		}
		h.holds(w, 1000_00)
	})
}

func TestAQuoteOfAWithdrawalIsWhatItDoes(t *testing.T) {
	each(t, func(h *house) {
		h.withdrawalRule(wallet.Rule{Fee: money.Schedule{Flat: 2_00, PPM: 10_000}, Max: 500_00})
		w := h.rich(wallet.Consumer, 300_00)
		sp := h.withdrawal(w, 250_00)
		q, err := h.Quote(t.Context(), sp)
		if err != nil || q.Kind != wallet.Withdrawal || q.Fee.Minor != 4_50 || q.Total.Minor != 254_50 || q.Sender.Owner != w.Owner || q.Receiver.Owner != "" {
			t.Fatalf("%+v: %v", q, err)
		}
		if sent := h.withdraw(sp, ""); sent.Transfer.Fee != q.Fee.Minor || sent.Transfer.Total() != q.Total.Minor {
			t.Errorf("%+v", sent)
		}
		_, err = h.Quote(t.Context(), h.withdrawal(w, 100_00))
		h.says(err, fault.BalanceInsufficient)
		_, err = h.Quote(t.Context(), h.withdrawal(w, 500_01))
		h.says(err, fault.AmountAboveLimit)
	})
}
