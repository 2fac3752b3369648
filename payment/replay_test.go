package payment_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
	"sarraf/store"
)

func TestSameReceiptAgainAnswersAsItDidAndMovesNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		a, b, c := h.bill(t, owner, 100), h.bill(t, owner, 100), h.bill(t, owner, 100)
		decline := h.receipt(b, 100)
		decline.Outcome = rail.Over
		wholeOf := h.receipt(c, 0)
		wholeOf.Whole = true
		list := []payment.Receipt{h.receipt(a, 100), decline, wholeOf}
		first := h.slice(t, list...)
		events, books := h.events(t, owner, 0), h.balances(t, owner)
		// As after a COMMIT whose answer was lost: the same commands again, on another node.
		again := h.second(t).slice(t, list...)
		if d := cmp.Diff(first, again); d != "" {
			t.Error(d)
		}
		if n := len(h.events(t, owner, len(events))); n != 0 {
			t.Errorf("%d more events", n)
		}
		if d := cmp.Diff(books, h.balances(t, owner)); d != "" {
			t.Error(d)
		}
		h.clean(t)
	})
}

func TestSameMoneyUnderAnotherIDIsAReplay(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		inv := h.bill(t, owner, 100)
		first := h.receipt(inv, 60)
		second := first
		second.ID = id.New(h.clock)
		if got := say(h.Settle(ctx, first, nil)); got != "received 60+0 -> open 60/100" {
			t.Fatal(got)
		}
		h.clock.Advance(time.Minute)
		got, err := h.second(t).Settle(ctx, second, nil)
		if line := say(got, err); line != "received 60+0 replay -> open 60/100" || got.Payment.ID != first.ID || !got.Payment.At.Equal(start) {
			t.Fatal(line, got.Payment)
		}
		// And twice within one slice.
		third, fourth := h.receipt(inv, 40), h.receipt(inv, 40)
		fourth.RailReference = third.RailReference
		var said []string
		for _, o := range h.slice(t, third, fourth, third) {
			said = append(said, say(o.Value, o.Err))
		}
		want := []string{"received 40+0 -> paid 100/100", "received 40+0 replay -> paid 100/100", "received 40+0 -> paid 100/100"}
		if d := cmp.Diff(want, said); d != "" {
			t.Fatal(d)
		}
		if b := h.balances(t, owner); b["BDT/balance"] != 100 || b["BDT/unapplied"] != 0 {
			t.Fatalf("books: %v", b)
		}
		h.clean(t)
	})
}

func TestKnownReferenceWithOtherContentIsRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		inv, other := h.bill(t, owner, 100), h.bill(t, owner, 100)
		first := h.receipt(inv, 60)
		tried := h.receipt(inv, 40)
		tried.Outcome = rail.Declined
		h.slice(t, first, tried)
		for name, change := range map[string]func(r *payment.Receipt){
			"another invoice":             func(r *payment.Receipt) { r.Invoice = other.ID },
			"another amount":              func(r *payment.Receipt) { r.Amount.Minor = 61 },
			"another currency":            func(r *payment.Receipt) { r.Amount.Currency = money.USD },
			"declined now":                func(r *payment.Receipt) { r.Outcome = rail.Declined },
			"over now":                    func(r *payment.Receipt) { r.Outcome = rail.Over },
			"its id, another reference":   func(r *payment.Receipt) { r.ID, r.RailReference = first.ID, "other" },
			"its id, another rail":        func(r *payment.Receipt) { r.ID, r.Rail = first.ID, "cards" },
			"money on a declined attempt": func(r *payment.Receipt) { r.RailReference, r.Amount.Minor = tried.RailReference, 40 },
		} {
			r := first
			r.ID = id.New(h.clock)
			change(&r)
			_, err := h.Settle(ctx, r, nil)
			if f := fault.First(err); f == nil || f.Code != fault.ReferenceTaken || f.Field != "rail_reference" {
				t.Errorf("%s: %v", name, err)
			}
		}
		// The same reference at another rail, or of another owner, is other money.
		r := first
		r.ID, r.Rail, r.Amount.Minor = id.New(h.clock), "cards", 1
		if got := say(h.Settle(ctx, r, nil)); got != "received 1+0 -> open 61/100" {
			t.Error(got)
		}
		foreign := h.bill(t, h.shop(t), 100)
		r.ID, r.Owner, r.Invoice = id.New(h.clock), foreign.Owner, foreign.ID
		if got := say(h.Settle(ctx, r, nil)); got != "received 1+0 -> open 1/100" {
			t.Error(got)
		}
		h.clean(t)
	})
}

func TestRailWithoutReferencesIsKnownByTheReceiptsID(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		inv := h.bill(t, h.shop(t), 100)
		a, b := h.receipt(inv, 60), h.receipt(inv, 40)
		a.RailReference, b.RailReference = "", ""
		for range 2 {
			for _, r := range []payment.Receipt{a, b} {
				if _, err := h.Settle(ctx, r, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		list, err := h.Of(ctx, inv.Owner, inv.ID)
		if err != nil || len(list) != 2 || list[0].RailReference != a.ID || list[1].RailReference != b.ID {
			t.Fatalf("%+v, %v", list, err)
		}
		h.clean(t)
	})
}

func TestKeptAnswerToAKeyStandsWhateverComesAfter(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		if err := h.merchants.SetFee(ctx, by, feeKey(owner), money.Schedule{Flat: 3}); err != nil {
			t.Fatal(err)
		}
		inv := h.bill(t, owner, 100)
		h.to(t, inv, invoice.Expired)
		r := h.receipt(inv, 60)
		key := &store.Key{Door: "native", Key: "k", Hash: "h"}
		first, err := h.Settle(ctx, r, key)
		if got := say(first, err); got != "received 60+0 fee 3 late -> expired 60/100" {
			t.Fatal(got)
		}
		h.to(t, inv, invoice.Paid)
		r.ID, r.RailReference = id.New(h.clock), "again"
		again, err := h.second(t).Settle(ctx, r, key)
		if d := cmp.Diff(first, again); err != nil || d != "" {
			t.Fatal(err, d)
		}
		// A refusal is kept too.
		refusedKey := &store.Key{Door: "native", Key: "refused", Hash: "h"}
		r.Refuse = true
		if _, err := h.Settle(ctx, r, refusedKey); !fault.Has(err, fault.InvoiceClosed) {
			t.Fatal(err)
		}
		r.Refuse = false
		if _, err := h.Settle(ctx, r, refusedKey); !fault.Has(err, fault.InvoiceClosed) {
			t.Fatal(err)
		}
		h.clean(t)
	})
}

func TestFiftyAtOnceWithOneKeyOnTwoNodesPayOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		inv := h.bill(t, owner, 100)
		nodes := []*house{h, h.second(t)}
		answers := make([]payment.Settled, 50)
		var wg sync.WaitGroup
		for i := range answers {
			r := h.receipt(inv, 0) // ids and references are each request's own
			r.Whole = true
			wg.Go(func() {
				var err error
				answers[i], err = nodes[i%2].Settle(ctx, r, &store.Key{Door: "native", Key: "k", Hash: "h"})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, a := range answers {
			if d := cmp.Diff(answers[0], a); d != "" {
				t.Fatal(d)
			}
		}
		if b := h.balances(t, owner); b["BDT/balance"] != 100 || len(b) != 2 {
			t.Fatalf("books: %v", b)
		}
		h.clean(t)
	})
}

func TestSameMoneyOnTwoNodesAtOnceIsTakenOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		nodes := []*house{h, h.second(t)}
		for range 20 {
			inv, other := h.bill(t, owner, 100), h.bill(t, owner, 100)
			a, b := h.receipt(inv, 100), h.receipt(inv, 100)
			b.RailReference = a.RailReference
			c := b // the same reference for another invoice, whose lock the first does not hold
			c.ID, c.Invoice = id.New(h.clock), other.ID
			var errs [3]error
			var got [3]payment.Settled
			var wg sync.WaitGroup
			for i, r := range []payment.Receipt{a, b, c} {
				wg.Go(func() { got[i], errs[i] = nodes[i%2].Settle(ctx, r, nil) })
			}
			wg.Wait()
			switch {
			case errs[2] == nil: // the other invoice had it first
				if !fault.Has(errs[0], fault.ReferenceTaken) || !fault.Has(errs[1], fault.ReferenceTaken) {
					t.Fatal(errs)
				}
			case errs[0] != nil || errs[1] != nil || !fault.Has(errs[2], fault.ReferenceTaken):
				t.Fatal(errs)
			case got[0].Payment.ID != got[1].Payment.ID || got[0].Replay == got[1].Replay:
				t.Fatalf("%+v\n%+v", got[0], got[1])
			}
		}
		if b := h.balances(t, owner); b["BDT/balance"] != 2000 || b["BDT/clearing/bank"] != -2000 {
			t.Fatalf("books: %v", b)
		}
		h.clean(t)
	})
}

func TestEventHoldsBothAsTheyThenStood(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		inv := h.bill(t, owner, 100)
		decline := h.receipt(inv, 100)
		decline.Outcome, decline.Reason = rail.Declined, "no funds"
		list := []payment.Receipt{decline, h.receipt(inv, 40), h.receipt(inv, 70), h.receipt(inv, 5)}
		out := h.slice(t, list...)
		for i, e := range h.events(t, owner, 1) {
			var told payment.Fact
			if err := json.Unmarshal(e.Data, &told); err != nil {
				t.Fatal(err)
			}
			want := payment.Fact{Invoice: out[i].Value.Invoice, Payment: &out[i].Value.Payment}
			if d := cmp.Diff(want, told); d != "" {
				t.Errorf("event %d: %s", i, d)
			}
			if e.Kind != invoice.EventKind || e.Subject != inv.ID || e.Door != inv.Door || !e.At.Equal(start) {
				t.Errorf("event %d: %+v", i, e)
			}
		}
		payments, err := h.Of(ctx, owner, inv.ID)
		if err != nil || len(payments) != len(list) {
			t.Fatal(len(payments), err)
		}
		for i, p := range payments {
			if d := cmp.Diff(out[i].Value.Payment, p); d != "" {
				t.Errorf("payment %d: %s", i, d)
			}
			if len(p.Status.Moves()) != 0 || p.Total() != list[i].Amount {
				t.Errorf("payment %d: %+v", i, p)
			}
		}
		now, err := h.invoices.Get(ctx, owner, inv.ID)
		if d := cmp.Diff(out[3].Value.Invoice, now); err != nil || d != "" {
			t.Fatal(err, d)
		}
		h.clean(t)
	})
}
