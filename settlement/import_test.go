package settlement_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/settlement"
	"sarraf/store"
)

func TestWhatAgreesIsPostedAndClearingReturnsToNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		one, two, play := h.shop(t, merchant.Live), h.shop(t, merchant.Live), h.shop(t, merchant.Sandbox)
		a := h.paid(t, one, ref(today, 1), 1000)
		h.paid(t, two, ref(today, 2), 250)
		h.paid(t, play, ref(today, 3), 77)
		h.clock.Advance(24 * time.Hour)
		first := line(2, ref(today, 1), 1000)
		first.Charges, first.SettledOn, first.Receipt = 15, tomorrow, "900"
		third := line(4, ref(today, 3), 77)
		third.Charges = 7
		r := h.imported(t, file("feb-09.csv", first, line(3, ref(today, 2), 250), third))
		h.says(t, r, "3 settled")
		if !r.Clean() || r.Again || r.SettledAmount != 1327 || r.SettledCharges != 22 {
			t.Errorf("%+v", r)
		}
		now := h.clock.Now()
		want := settlement.File{
			Owner: merchant.House, ID: r.File.ID, Rail: "bank", Name: "feb-09.csv", Hash: r.File.Hash, Currency: money.PKR, Lines: 3, Amount: 1327,
			Charges: 22, Settled: 3, SettledAmount: 1327, SettledCharges: 22, Status: settlement.Done, Actor: "nadia", Source: "test", CreatedAt: now,
			UpdatedAt: now,
		}
		if diff := cmp.Diff(want, r.File); diff != "" {
			t.Error(diff)
		}
		if list, err := h.Files(ctx, "bank", 10); err != nil || len(list) != 1 || list[0] != want {
			t.Errorf("files: %v, %v", list, err)
		}
		for owner, want := range map[string]map[string]int64{
			one: {"PKR/balance": 1000}, two: {"PKR/balance": 250}, play: {"PKR/balance": 77},
			merchant.House: {
				"PKR/house/bank/bank": -1235, "PKR/house/costs/bank": -15, "PKR/house/sandbox/bank/bank": -70, "PKR/house/sandbox/costs/bank": -7,
			},
		} {
			if diff := cmp.Diff(want, h.balances(t, owner)); diff != "" {
				t.Errorf("%s: %s", owner, diff)
			}
		}
		if got := h.types(t, merchant.House, settlement.FileKind); got != "settlement.begun settlement.posted settlement.ended" {
			t.Errorf("the file's events: %s", got)
		}
		if got := h.types(t, one, settlement.LineKind); got != "payment.settled" {
			t.Errorf("the payment's events: %s", got)
		}
		h.told(t, one, a.ID, settlement.Line{
			Owner: one, Payment: a.ID, File: want.ID, Number: 2, Amount: 1000, Charges: 15, Currency: money.PKR, SettledOn: tomorrow, At: now,
		}, want)
		h.clean(t)
	})
}

// told holds what OfPayment tells against what it should; the transfer's id may be any.
func (h *house) told(t *testing.T, owner, payment string, l settlement.Line, f settlement.File) {
	t.Helper()
	err := h.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		got, ok, err := settlement.OfPayment(ctx, tx, owner, payment)
		if l.Transfer = got.Line.Transfer; err == nil && (!ok || l.Transfer == "" || got.Line != l || got.File != f) {
			t.Errorf("told %t: %+v, want %+v of %+v", ok, got, l, f)
		}
		if _, ok, err := settlement.OfPayment(ctx, tx, owner, "none"); ok || err != nil {
			t.Errorf("told of nothing: %v", err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatDoesNotAgreeIsListedAndNotPosted(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		one, two := h.shop(t, merchant.Live), h.shop(t, merchant.Live)
		for n := 1; n <= 6; n++ {
			h.paid(t, one, ref(today, n), 100)
		}
		h.paid(t, one, ref(tomorrow, 1), 100) // of a day that the file does not cover
		h.paid(t, one, "hand-made", 100)      // of no day at all
		h.receipt(t, one, ref(today, 7), money.Of(100, money.PKR), rail.Declined)
		h.receipt(t, one, ref(today, 8), money.Of(100, money.BDT), rail.Accepted)
		h.paid(t, one, ref(today, 9), 100) // of two merchants
		h.paid(t, two, ref(today, 9), 100)
		h.imported(t, file("before.csv", line(2, ref(today, 1), 100)))
		unclear := line(8, ref(today, 3), 100)
		unclear.References = append(unclear.References, ref(today, 4))
		open := line(9, ref(today, 55), 100)
		open.References = append(open.References, ref(today, 5))
		r := h.imported(t, file("feb-09.csv",
			line(2, ref(today, 1), 100), line(3, ref(today, 2), 101), line(4, ref(today, 2), 100), line(5, ref(today, 99), 5),
			line(6, ref(today, 7), 100), line(7, ref(today, 8), 100), unclear, open, line(10, ref(today, 9), 100), line(11, ref(today, 55), -100),
		))
		h.says(t, r, "1 settled, settled_before line 2 in before.csv line 2, amount_differs line 3, repeated line 4 line 3, not_in_our_books line 5, "+
			"not_in_our_books line 6, amount_differs line 7, ambiguous line 8, ambiguous line 10, repeated line 11 line 9, "+
			"not_in_the_file "+ref(today, 6))
		if r.File.Settled != 1 || r.File.Lines != 10 || r.File.Lacking != 1 || r.File.Status != settlement.Done {
			t.Errorf("%+v", r.File)
		}
		if got := h.balances(t, merchant.House)["PKR/house/bank/bank"]; got != -200 {
			t.Errorf("%d came to the bank", got)
		}
		h.clean(t)
	})
}

// What the payer got back meanwhile is between the merchant and the payer: the bank owes the receipt all the same.
func TestAReceiptThatWasGivenBackIsSettledAllTheSame(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		payouts := payout.NewService(payout.Deps{DB: h.db, Log: h.log, Merchants: h.merchants})
		t.Cleanup(payouts.Close)
		h.payments.SetPayouts(payouts, h.merchants)
		owner := h.shop(t, merchant.Live)
		for n, of := range []payment.Payment{h.paid(t, owner, ref(today, 1), 100), h.paid(t, owner, ref(today, 2), 50)} {
			r, err := h.payments.Refund(ctx, payment.NewRefund{Owner: owner, Payment: of.ID, Door: "native", AskedBy: by}, nil)
			if err != nil || r.Rail != payout.Manual {
				t.Fatal(r, err)
			}
			if n == 0 {
				_, err = payouts.Move(ctx, payout.Move{Merchant: owner, Payout: r.ID, Action: payout.Complete, Right: payout.OfRail}, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		h.says(t, h.imported(t, file("a.csv", line(2, ref(today, 1), 100), line(3, ref(today, 2), 50))), "2 settled")
		if d := cmp.Diff(map[string]int64{"PKR/balance": 50, "PKR/payouts": 100}, h.balances(t, owner)); d != "" {
			t.Error(d)
		}
		h.clean(t)
	})
}

func TestALaterFileBringsWhatWasLacking(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		shop := h.shop(t, merchant.Live)
		h.paid(t, shop, ref(today, 1), 100)
		h.paid(t, shop, ref(today, 2), 200)
		h.says(t, h.imported(t, file("a.csv", line(2, ref(today, 1), 100))), "1 settled, not_in_the_file "+ref(today, 2))
		h.says(t, h.imported(t, file("b.csv", line(2, ref(today, 2), 200))), "1 settled")
		again := h.imported(t, file("a.csv", line(2, ref(today, 1), 100)))
		h.says(t, again, "0 settled, 1 before")
		if !again.Again || again.File.Lacking != 0 {
			t.Errorf("%+v", again.File)
		}
		if got := h.balances(t, shop); got["PKR/clearing/bank"] != 0 {
			t.Errorf("%v", got)
		}
		h.clean(t)
	})
}

func TestALineWithAnotherKeyNamesTheReceiptWhoseNumberItRepeats(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.paid(t, h.shop(t, merchant.Live), ref(today, 7), 100)
		l := line(2, ref(today, 8), 100)
		l.Receipt = strings.TrimLeft(number(ref(today, 7)), "0")
		h.says(t, h.imported(t, file("a.csv", l)), "0 settled, not_in_our_books line 2 names "+ref(today, 7)+", not_in_the_file "+ref(today, 7))
	})
}

func TestAReceiptThatComesLaterIsSettledByTheSameFile(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		shop := h.shop(t, merchant.Live)
		h.paid(t, shop, ref(today, 1), 100)
		r := file("a.csv", line(2, ref(today, 1), 100), line(3, ref(today, 2), 200))
		h.says(t, h.imported(t, r), "1 settled, not_in_our_books line 3")
		h.paid(t, shop, ref(today, 2), 200)
		h.says(t, h.imported(t, r), "1 settled, 1 before")
		h.clean(t)
	})
}

func TestTheSameFileAgainChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		shop := h.shop(t, merchant.Live)
		h.paid(t, shop, ref(today, 1), 100)
		h.paid(t, shop, ref(today, 2), 100)
		r := file("a.csv", line(2, ref(today, 1), 100), line(3, ref(today, 9), 1))
		first := h.imported(t, r)
		events := h.types(t, merchant.House, settlement.FileKind) + h.types(t, shop, settlement.LineKind)
		h.clock.Advance(time.Hour)
		r.Name, r.By.Name = "another name.csv", "somebody else"
		again := h.imported(t, r)
		h.says(t, first, "1 settled, not_in_our_books line 3, not_in_the_file "+ref(today, 2))
		h.says(t, again, "0 settled, 1 before, not_in_our_books line 3, not_in_the_file "+ref(today, 2))
		if diff := cmp.Diff(first.File, again.File); diff != "" || !again.Again {
			t.Errorf("the file: %s", diff)
		}
		if now := h.types(t, merchant.House, settlement.FileKind) + h.types(t, shop, settlement.LineKind); now != events {
			t.Errorf("events %s after %s", now, events)
		}
		h.clean(t)
	})
}

func TestADryRunTellsTheSameAndChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		shop := h.shop(t, merchant.Live)
		h.paid(t, shop, ref(today, 1), 100)
		h.paid(t, shop, ref(today, 2), 100)
		h.paid(t, shop, ref(today, 3), 100)
		before := h.balances(t, shop)
		r := file("a.csv", line(2, ref(today, 1), 100), line(3, ref(today, 2), 7))
		r.DryRun = true
		const want = "1 settled, amount_differs line 3, not_in_the_file hbl/20260209/3"
		h.says(t, h.imported(t, r), want)
		if list, err := h.Files(ctx, "", 10); err != nil || len(list) != 0 {
			t.Errorf("files: %v, %v", list, err)
		}
		if diff := cmp.Diff(before, h.balances(t, shop)); diff != "" {
			t.Error(diff)
		}
		r.DryRun = false
		h.says(t, h.imported(t, r), want)
		r.DryRun = true
		h.says(t, h.imported(t, r), "0 settled, 1 before, amount_differs line 3, not_in_the_file hbl/20260209/3")
		h.clean(t)
	})
}

func TestDaysThatAFileHasNoLinesOfAreCoveredWhenItIsSaid(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.paid(t, h.shop(t, merchant.Live), ref(today, 1), 100)
		r := file("empty.csv")
		h.says(t, h.imported(t, r), "0 settled")
		r.Covers = []rail.SettlementPart{{Channel: "hbl", Day: tomorrow}, {Channel: "ubl", Day: today}}
		h.says(t, h.imported(t, r), "0 settled")
		r.Covers = append(r.Covers, rail.SettlementPart{Channel: "hbl", Day: today})
		h.says(t, h.imported(t, r), "0 settled, not_in_the_file "+ref(today, 1))
		h.clean(t)
	})
}

func TestAnImportThatWasStoppedGoesOn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		shop := h.shop(t, merchant.Live)
		var lines []rail.SettlementLine
		for n := range 1200 {
			lines = append(lines, line(int64(n)+2, ref(today, n), 10))
		}
		for n := 0; n < 1200; n += 7 {
			h.paid(t, shop, ref(today, n), 10)
		}
		r := file("a.csv", lines...)
		stopped, stop := context.WithCancel(ctx)
		r.Progress = func(done, of int) {
			if of != 1200 {
				t.Errorf("%d lines", of)
			}
			if done == 1000 {
				stop()
			}
		}
		part, err := h.Import(stopped, r)
		if !errors.Is(err, context.Canceled) || part.File.Status != settlement.Begun || part.Settled != 143 {
			t.Fatalf("%v, %d settled, %+v", err, part.Settled, part.File)
		}
		h.clean(t)
		r.Progress = nil
		whole := h.imported(t, r)
		if whole.Settled != 172-143 || whole.Before != 143 || whole.File.Settled != 172 || whole.File.Status != settlement.Done {
			t.Errorf("%d settled after %d: %+v", whole.Settled, whole.Before, whole.File)
		}
		if got := h.balances(t, shop)["PKR/clearing/bank"]; got != 0 {
			t.Errorf("clearing stands at %d", got)
		}
		h.clean(t)
	})
}

func TestAnImportNeedsToKnowWhoAndWhat(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for what, change := range map[string]func(*settlement.Request){
			"actor": func(r *settlement.Request) { r.By.Name = "" }, "source": func(r *settlement.Request) { r.By.Source = "" },
			"hash": func(r *settlement.Request) { r.Hash = "" },
		} {
			r := file("a.csv")
			change(&r)
			if _, err := h.Import(ctx, r); err == nil || !strings.Contains(err.Error(), what) {
				t.Errorf("without %s: %v", what, err)
			}
		}
		r := file("a.csv", line(2, ref(today, 1), math.MaxInt64), line(3, ref(today, 2), 1))
		if _, err := h.Import(ctx, r); !fault.Has(err, fault.AmountOverflow) {
			t.Errorf("a file beyond 64 bits: %v", err)
		}
		if list, err := h.Files(ctx, "", 10); err != nil || len(list) != 0 {
			t.Errorf("they left %v, %v", list, err)
		}
	})
}

func TestOutstandingReceiptsAreTold(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		one, two, play := h.shop(t, merchant.Live), h.shop(t, merchant.Live), h.shop(t, merchant.Sandbox)
		for n := range 600 { // more than a page, of which the first is not settled
			h.paid(t, one, ref(today, n), 10)
		}
		var lines []rail.SettlementLine
		for n := 1; n < 600; n++ {
			lines = append(lines, line(int64(n), ref(today, n), 10))
		}
		h.imported(t, file("a.csv", lines...))
		h.receipt(t, two, ref(today, 700), money.Of(100, money.BDT), rail.Accepted)
		h.paid(t, two, ref(today, 701), 30)
		h.paid(t, play, ref(today, 702), 40)
		h.clock.Advance(time.Hour)
		now := h.clock.Now()
		h.paid(t, two, ref(tomorrow, 703), 50)
		say := func(mode merchant.Mode, most int) string {
			t.Helper()
			o, err := h.Outstanding(ctx, bank{}, mode, now, most)
			if err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprintf("%d of %d, %d in all:", o.Count, o.Amount, o.All)
			for _, r := range o.Receipts {
				text += fmt.Sprintf(" %s %s", r.Payment.RailReference, r.Part.Day)
			}
			return text
		}
		// Of merchants of one name, the order is that of their ids.
		want := fmt.Sprintf("2 of 40, 90 in all: %s %s %s %s", ref(today, 0), today, ref(today, 701), today)
		if got := say(merchant.Live, 10); got != want {
			t.Errorf("live: %s, want %s", got, want)
		}
		if got := say(merchant.Live, 1); got != fmt.Sprintf("2 of 40, 90 in all: %s %s", ref(today, 0), today) {
			t.Errorf("at most one: %s", got)
		}
		if got := say(merchant.Sandbox, 10); got != fmt.Sprintf("1 of 40, 40 in all: %s %s", ref(today, 702), today) {
			t.Errorf("sandbox: %s", got)
		}
	})
}
