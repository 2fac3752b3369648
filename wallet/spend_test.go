package wallet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
	"sarraf/wallet"
)

func TestSpendingMovesMoneyAndTheFeeOnce(t *testing.T) {
	each(t, func(h *house) {
		a, b, shop := h.rich(wallet.Consumer, 122_115_14), h.made(wallet.Consumer), h.made(wallet.Merchant, func(n *wallet.New) { n.Merchant = "m1" })
		paid := h.spend(h.spending(a, shop, 10_00), "")
		if paid.Transfer.Kind != wallet.Payment || paid.Transfer.Fee != 0 || paid.Transfer.BalanceAfter != 122_105_14 || paid.Replay {
			t.Errorf("%+v", paid)
		}
		sp := h.spending(a, b, 10_00)
		sent := h.spend(sp, "")
		if sent.Transfer.Kind != wallet.Send || sent.Transfer.Fee != 5_00 || sent.Transfer.BalanceAfter != 122_090_14 {
			t.Errorf("%+v", sent)
		}
		again := h.spend(sp, "")
		if diff := cmp.Diff(sent.Transfer, again.Transfer); diff != "" || !again.Replay {
			t.Errorf("the same command again: %s", diff)
		}
		sp.Amount.Minor++
		h.spend(sp, fault.IdempotencyReused)
		h.holds(a, 122_090_14)
		h.holds(b, 10_00)
		h.holds(shop, 10_00)
		fees, err := ledger.Read(t.Context(), h.db, ledger.Account{Owner: a.Owner, Currency: "BDT", Kind: ledger.Fees})
		if err != nil || fees.Balance() != 5_00 {
			t.Errorf("fees %+v, %v", fees, err)
		}
		lines, err := h.Statement(t.Context(), a.Owner, "BDT", wallet.Page{Limit: 10})
		if err != nil || len(lines) != 3 || lines[0].Transfer != sent.Transfer || lines[0].Moved != 15_00 || lines[0].Balance != 122_090_14 ||
			lines[0].In || !lines[2].In || lines[2].Balance != 122_115_14 || lines[2].Transfer.Kind != wallet.TopUp {
			t.Errorf("statement %+v, %v", lines, err)
		}
		rest, err := h.Statement(t.Context(), a.Owner, "BDT", wallet.Page{Before: lines[0].Seq, Limit: 1})
		if err != nil || len(rest) != 1 || rest[0] != lines[1] {
			t.Errorf("the page before: %+v, %v", rest, err)
		}
		up, err := h.Statement(t.Context(), a.Owner, "BDT", wallet.Page{After: lines[2].Seq, Limit: 1})
		if err != nil || len(up) != 1 || up[0] != lines[1] {
			t.Errorf("the page after: %+v, %v", up, err)
		}
	})
}

func TestSpendingIsJudgedInTheDocumentedOrder(t *testing.T) {
	each(t, func(h *house) {
		a, b := h.rich(wallet.Consumer, 1000_00), h.made(wallet.Consumer)
		pending := h.made(wallet.Consumer, func(n *wallet.New) { n.Status = wallet.Pending })
		live := h.made(wallet.Consumer, func(n *wallet.New) { n.Sandbox = false })
		rupees := h.made(wallet.Consumer, func(n *wallet.New) { n.Currencies = []money.Currency{"PKR"} })
		wrong, bad := "4321", "12a4"
		// Each Spend breaks one rule more than the one before it, and is refused with the rule that comes first.
		sp := h.spending(a, b, 999_00)
		sp.PIN = &wrong
		h.spend(sp, fault.BalanceInsufficient) // with the fee it is 1,004
		sp.Amount.Minor = 60_000_00
		h.spend(sp, fault.AmountAboveLimit)
		sp.Amount.Minor = 50
		h.spend(sp, fault.AmountBelowLimit)
		sp.Receiver = a.Owner
		h.spend(sp, fault.ReceiverSelf)
		for _, r := range []string{"", "nobody", pending.Owner, live.Owner, rupees.Owner} {
			sp.Receiver = r
			h.spend(sp, fault.ReceiverMissing)
		}
		sp.Sender = pending.Owner
		h.spend(sp, fault.SenderNotApproved)
		sp.Sender = rupees.Owner
		h.spend(sp, fault.CurrencyUnknown)
		sp.Sender = "nobody"
		h.spend(sp, fault.WalletMissing)
		sp.Note = strings.Repeat("ড", 256)
		h.spend(sp, fault.FieldTooLong)
		sp.Note, sp.Amount.Minor = "a\x00", 0
		h.spend(sp, fault.AmountNotPositive)
		sp.Amount.Minor = 10
		h.spend(sp, fault.FieldControl)

		ok := h.spending(a, b, 10_00)
		ok.PIN = &bad
		h.spend(ok, fault.PINMalformed)
		ok.PIN = &wrong
		h.spend(ok, fault.PINWrong)
		ok.PIN = nil
		h.spend(ok, fault.FieldRequired)
		h.holds(a, 1000_00)
	})
}

func TestAQuoteIsWhatTheExecutionDoes(t *testing.T) {
	each(t, func(h *house) {
		a, b := h.rich(wallet.Consumer, 100_00), h.made(wallet.Consumer)
		if err := h.SetRule(t.Context(), by, "", "BDT", wallet.Send, &wallet.Rule{Fee: money.Schedule{Flat: 100, PPM: 15_000, Max: 500}, Max: 90_00}); err != nil {
			t.Fatal(err)
		}
		sp := h.spending(a, b, 50_00)
		q, err := h.Quote(t.Context(), sp)
		if err != nil || q.Fee.Minor != 1_75 || q.Total.Minor != 51_75 || q.Receiver.Owner != b.Owner || q.Kind != wallet.Send {
			t.Fatalf("%+v, %v", q, err)
		}
		h.holds(a, 100_00)
		sent := h.spend(sp, "")
		if sent.Transfer.Fee != q.Fee.Minor || sent.Transfer.Total() != q.Total.Minor {
			t.Errorf("%+v, and the quote was %+v", sent, q)
		}
		for amount, want := range map[int64]fault.Code{0: fault.AmountNotPositive, 90_01: fault.AmountAboveLimit, 48_00: fault.BalanceInsufficient} {
			_, err := h.Quote(t.Context(), h.spending(a, b, amount))
			h.says(err, want)
		}
		own := wallet.Rule{Fee: money.Schedule{Flat: 0}, Max: 10_00}
		if err := h.SetRule(t.Context(), by, a.Owner, "BDT", wallet.Send, &own); err != nil {
			t.Fatal(err)
		}
		_, err = h.Quote(t.Context(), h.spending(a, b, 10_01))
		h.says(err, fault.AmountAboveLimit)
		h.spend(h.spending(a, b, 10_01), fault.AmountAboveLimit)
		if err := h.SetRule(t.Context(), by, a.Owner, "BDT", wallet.Send, nil); err != nil {
			t.Fatal(err)
		}
		if r, ownRule, err := h.Rule(t.Context(), a.Owner, "BDT", wallet.Send); err != nil || ownRule || r.Max != 90_00 {
			t.Errorf("%+v %v %v", r, ownRule, err)
		}
		h.says(h.SetRule(t.Context(), by, "", "BDT", wallet.Send, &wallet.Rule{Min: 2, Max: 1}), fault.FieldMalformed)
	})
}

func TestLimitsAreCountedInTheHoldersOwnDay(t *testing.T) {
	each(t, func(h *house) {
		a, b := h.rich(wallet.Consumer, 1_000_000_00), h.made(wallet.Consumer)
		if err := h.SetRule(t.Context(), by, "", "BDT", wallet.Send, &wallet.Rule{Daily: 100_00, Monthly: 250_00}); err != nil {
			t.Fatal(err)
		}
		// The last second of 27 February in Dhaka is 17:59:59 UTC.
		h.clock.Set(time.Date(2026, 2, 27, 17, 59, 59, 999_999_000, time.UTC))
		h.spend(h.spending(a, b, 60_00), "")
		h.spend(h.spending(a, b, 40_01), fault.DailyLimitExceeded)
		h.spend(h.spending(a, b, 40_00), "")
		h.spend(h.spending(a, b, 1), fault.DailyLimitExceeded)
		h.clock.Advance(time.Microsecond) // the day is over there, and not in UTC
		h.spend(h.spending(a, b, 100_00), "")
		h.clock.Advance(-time.Microsecond) // a clock that goes back opens no day again
		h.spend(h.spending(a, b, 1), fault.DailyLimitExceeded)
		h.clock.Set(time.Date(2026, 2, 28, 18, 0, 0, 0, time.UTC)) // 1 March
		h.spend(h.spending(a, b, 100_00), "")
		h.clock.Advance(24 * time.Hour)
		h.spend(h.spending(a, b, 100_00), "")
		h.clock.Advance(24 * time.Hour)
		h.spend(h.spending(a, b, 50_01), fault.MonthlyLimitExceeded)
		h.spend(h.spending(a, b, 50_00), "")
		used, err := h.Used(t.Context(), a.Owner, "BDT")
		if err != nil || used[wallet.Send] != (wallet.Usage{Today: 50_00, ThisMonth: 250_00}) || used[wallet.Payment] != (wallet.Usage{}) {
			t.Errorf("%+v, %v", used, err)
		}
	})
}

func TestFiveWrongPINsInARowLockIt(t *testing.T) {
	each(t, func(h *house) {
		a, b := h.rich(wallet.Consumer, 1000_00), h.made(wallet.Consumer)
		wrong, bad := "9999", "999"
		try := func(pin string, want fault.Code) {
			t.Helper()
			sp := h.spending(a, b, 10_00)
			sp.PIN = &pin
			h.spend(sp, want)
		}
		for range 4 {
			try(wrong, fault.PINWrong)
			try(bad, fault.PINMalformed) // that counts as nothing
		}
		try("1234", "") // and that begins anew
		for range 3 {
			try(wrong, fault.PINWrong)
		}
		h.says(h.CheckPIN(t.Context(), a.Owner, wrong), fault.PINWrong) // they count together
		try(wrong, fault.PINWrong)
		try("1234", fault.PINLocked)
		other := newNode(t, h.db, h.clock) // another node, or this one after a restart
		h.says(other.CheckPIN(t.Context(), a.Owner, "1234"), fault.PINLocked)
		h.clock.Advance(30*time.Minute - time.Microsecond)
		try("1234", fault.PINLocked)
		h.clock.Advance(time.Microsecond)
		try(wrong, fault.PINWrong)
		try("1234", "")
		for range 5 {
			h.says(h.CheckPIN(t.Context(), a.Owner, wrong), fault.PINWrong)
		}
		if err := h.Unlock(t.Context(), by, a.Owner); err != nil {
			t.Fatal(err)
		}
		try("1234", "")
		h.says(h.ChangePIN(t.Context(), a.Owner, wrong, "5678"), fault.PINWrong)
		h.says(h.ChangePIN(t.Context(), a.Owner, "1234", "56789"), fault.PINMalformed)
		h.says(h.ChangePIN(t.Context(), a.Owner, "1234", "5678"), "")
		lines := 0
		count := func(r store.Row) error { lines++; return r.Scan(new(string)) }
		if err := h.db.Query(t.Context(), `SELECT id FROM audit_log WHERE owner = $1 AND action = 'wallet.pin'`, []any{a.Owner}, count); err != nil || lines != 1 {
			t.Errorf("the PIN was changed once, and the audit log says %d times: %v", lines, err)
		}
		try("1234", fault.PINWrong)
		try("5678", "")
		h.says(h.SetPIN(t.Context(), by, a.Owner, "1111"), "")
		try("1111", "")
		h.says(h.CheckPIN(t.Context(), "nobody", "1111"), fault.WalletMissing)
		none := h.made(wallet.Consumer, func(n *wallet.New) { n.PIN = "" })
		h.says(h.CheckPIN(t.Context(), none.Owner, "0000"), fault.PINWrong)
	})
}

func TestAnIdenticalSpendingOfTheLastMinuteIsTheSame(t *testing.T) {
	each(t, func(h *house) {
		a, b := h.rich(wallet.Consumer, 30_00), h.made(wallet.Consumer)
		once := func(change ...func(*wallet.Spend)) wallet.Spend {
			sp := h.spending(a, b, 10_00)
			sp.Once = true
			for _, c := range change {
				c(&sp)
			}
			return sp
		}
		first := h.spend(once(), "")
		h.clock.Advance(59 * time.Second)
		// The balance would do for another, and the second is answered before that is looked at.
		if again := h.spend(once(), ""); !again.Replay || again.Transfer != first.Transfer {
			t.Errorf("%+v", again)
		}
		wrong := "4321"
		h.spend(once(func(sp *wallet.Spend) { sp.PIN = &wrong }), fault.PINWrong)
		h.holds(a, 15_00)
		h.clock.Advance(time.Second)
		h.spend(once(), "")
		h.holds(a, 0)
		h.topUp(a, 100_00)
		for _, differs := range []func(*wallet.Spend){
			func(sp *wallet.Spend) { sp.Note = "another" }, func(sp *wallet.Spend) { sp.Amount.Minor++ }, func(sp *wallet.Spend) { sp.Once = false },
		} {
			if sent := h.spend(once(differs), ""); sent.Replay {
				t.Errorf("another is taken for the same: %+v", sent)
			}
		}
	})
}

func TestRightsOfOthersThanTheHolder(t *testing.T) {
	each(t, func(h *house) {
		of := func(m string) func(*wallet.New) { return func(n *wallet.New) { n.Merchant = m } }
		a, shop, other := h.rich(wallet.Consumer, 100_00, of("m1")), h.rich(wallet.Merchant, 100_00, of("m1")), h.rich(wallet.Merchant, 100_00, of("m2"))
		key := func(from wallet.Wallet, pin *string) wallet.Spend {
			sp := h.spending(from, other, 10_00)
			if from.Owner == other.Owner {
				sp.Receiver = shop.Owner
			}
			sp.By, sp.Merchant, sp.PIN = wallet.MerchantKey, "m1", pin
			return sp
		}
		right, wrong := "1234", "0000"
		h.spend(key(a, nil), fault.FieldRequired)
		h.spend(key(a, &wrong), fault.PINWrong)
		h.spend(key(a, &right), "")
		h.spend(key(shop, nil), "")
		h.spend(key(other, &right), fault.WalletMissing)
		sp := h.spending(a, shop, 1_00)
		sp.By, sp.PIN = wallet.Operator, nil
		if sent := h.spend(sp, ""); sent.Transfer.By != wallet.Operator {
			t.Errorf("%+v", sent)
		}
		sp = h.spending(a, shop, 1_00)
		sp.PIN = nil
		h.spend(sp, fault.FieldRequired)
	})
}

func TestManySpendingsAreJudgedEachAlone(t *testing.T) {
	each(t, func(h *house) {
		shop, b := h.rich(wallet.Merchant, 100_00, func(n *wallet.New) { n.Merchant = "m1" }), h.made(wallet.Consumer)
		if err := h.SetRule(t.Context(), by, "", "BDT", wallet.Send, &wallet.Rule{}); err != nil {
			t.Fatal(err)
		}
		list := make([]wallet.Spend, 30)
		for i := range list {
			list[i] = h.spending(shop, b, 10_00)
			list[i].By, list[i].Merchant, list[i].PIN = wallet.MerchantKey, "m1", nil
		}
		list[3].Receiver = "nobody"
		list[4] = list[2] // the same twice
		key := merchant.IdempotencyKey("native", "k", "body")
		out, err := h.SpendMany(t.Context(), "m1", list, key)
		if err != nil || len(out) != len(list) {
			t.Fatal(len(out), err)
		}
		var words []string
		for i, o := range out {
			switch {
			case o.Sent != nil && o.Sent.Replay != (i == 4):
				t.Errorf("%d: %+v", i, o.Sent)
			case o.Sent != nil:
				words = append(words, "ok")
			default:
				words = append(words, string(o.Faults[0].Code))
			}
		}
		want := slices.Concat([]string{"ok", "ok", "ok", "receiver_missing", "ok"}, slices.Repeat([]string{"ok"}, 7), slices.Repeat([]string{"balance_insufficient"}, 18))
		if diff := cmp.Diff(want, words); diff != "" {
			t.Error(diff)
		}
		again, err := h.SpendMany(t.Context(), "m1", list, key)
		if diff := cmp.Diff(out, again, cmpopts.IgnoreUnexported(fault.Error{})); diff != "" || err != nil {
			t.Errorf("the same key again: %v %s", err, diff)
		}
		h.holds(b, 100_00)
		_, err = h.SpendMany(t.Context(), "m1", nil, nil)
		h.says(err, fault.FieldTooMany)
		_, err = h.SpendMany(t.Context(), "m1", make([]wallet.Spend, 1001), nil)
		h.says(err, fault.FieldTooMany)
	})
}

func TestTopUpsHappenOnce(t *testing.T) {
	each(t, func(h *house) {
		a, live := h.made(wallet.Consumer, func(n *wallet.New) { n.Merchant = "m1" }), h.made(wallet.Consumer, func(n *wallet.New) { n.Sandbox = false })
		theirs := h.made(wallet.Consumer, func(n *wallet.New) { n.Merchant, n.Sandbox = "m1", false })
		up := func(w wallet.Wallet, rail, reference string, minor int64, want fault.Code) wallet.Sent {
			t.Helper()
			sent, err := h.TopUp(t.Context(), wallet.TopUpNew{
				ID: id.New(h.clock), Door: "native", Wallet: w.Owner, Amount: money.Of(minor, "BDT"), Rail: rail, Reference: reference, By: wallet.Operator,
			}, nil)
			h.says(err, want)
			return sent
		}
		first := up(a, "sandbox", "r1", 70_00, "")
		if again := up(a, "sandbox", "r1", 70_00, ""); !again.Replay || again.Transfer != first.Transfer || first.Transfer.BalanceAfter != 70_00 {
			t.Errorf("%+v after %+v", again, first)
		}
		up(a, "sandbox", "r1", 71_00, fault.ReferenceTaken)
		up(a, wallet.OperatorRail, "r1", 1_00, "")
		up(live, "sandbox", "r1", 1_00, fault.SandboxOnly)
		up(live, wallet.OperatorRail, "r1", 1_00, "")
		up(a, "sandbox", "", 1_00, fault.FieldRequired)
		up(a, "", "r2", 1_00, fault.FieldRequired)
		up(a, "sandbox", "r2", 0, fault.AmountNotPositive)
		_, err := h.TopUp(t.Context(), wallet.TopUpNew{
			ID: id.New(h.clock), Wallet: a.Owner, Amount: money.Of(1, "BDT"), Rail: "sandbox", Reference: "x", By: wallet.MerchantKey, Merchant: "m2",
		}, nil)
		h.says(err, fault.WalletMissing)
		// Nobody but an operator makes money of a live wallet's out of nothing, nor is another merchant told what was done before.
		for _, right := range []wallet.Right{wallet.Holder, wallet.MerchantKey} {
			_, err := h.TopUp(t.Context(), wallet.TopUpNew{
				ID: id.New(h.clock), Wallet: theirs.Owner, Amount: money.Of(1_00, "BDT"), Rail: wallet.OperatorRail, Reference: "x", By: right, Merchant: "m1",
			}, nil)
			h.says(err, fault.SandboxOnly)
		}
		for _, try := range []struct{ id, reference string }{{first.Transfer.ID, "y"}, {id.New(h.clock), "r1"}} {
			_, err := h.TopUp(t.Context(), wallet.TopUpNew{
				ID: try.id, Wallet: a.Owner, Amount: money.Of(70_00, "BDT"), Rail: "sandbox", Reference: try.reference, By: wallet.MerchantKey, Merchant: "m2",
			}, nil)
			h.says(err, fault.WalletMissing)
		}
		h.holds(a, 71_00)
	})
}
