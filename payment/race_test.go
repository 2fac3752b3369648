package payment_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/invoice"
	"sarraf/payment"
)

// rounds is how often what may race is tried.
const rounds = 200

// together runs all functions at one instant, as nearly as can be, and returns when the last has.
func together(list ...func()) {
	var ready, done sync.WaitGroup
	ready.Add(len(list))
	for _, f := range list {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			f()
		})
	}
	done.Wait()
}

func TestSeveralReceiptsForOneInvoiceInOneSlice(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		inv, other := h.bill(t, owner, 100), h.bill(t, owner, 50)
		var list []payment.Receipt
		for i := range 300 { // more than one statement's worth of payments
			r := h.receipt(inv, 1)
			r.Rail = []string{"bank", "cards"}[i%2]
			list = append(list, r)
			if i == 150 {
				list = append(list, h.receipt(other, 50))
			}
		}
		paid := 0
		for i, o := range h.slice(t, list...) {
			if o.Err != nil {
				t.Fatal(i, o.Err)
			}
			if o.Value.Invoice.Status == invoice.Paid && o.Value.Payment.Applied > 0 {
				paid++
			}
		}
		if paid != 2 {
			t.Fatalf("2 invoices were paid %d times", paid)
		}
		want := map[string]int64{"BDT/balance": 150, "BDT/unapplied": 200, "BDT/clearing/bank": -200, "BDT/clearing/cards": -150}
		if d := cmp.Diff(want, h.balances(t, owner)); d != "" {
			t.Fatal(d)
		}
		got, err := h.invoices.Get(ctx, owner, inv.ID)
		if err != nil || got.Changes != 100 || got.Paid != 100 {
			t.Fatalf("%+v, %v", got, err)
		}
		h.clean(t)
	})
}

func TestTwoRailsAtTheSameInstantPayOnceAndTheOtherIsSetAside(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		nodes := []*house{h, h.second(t)}
		for round := range rounds {
			inv := h.bill(t, owner, 100)
			a, b := h.receipt(inv, 100), h.receipt(inv, 100)
			b.Rail = "cards"
			var got [2]payment.Settled
			var errs [2]error
			together(
				func() { got[0], errs[0] = nodes[round%2].Settle(ctx, a, nil) },
				func() { got[1], errs[1] = nodes[(round/2)%2].Settle(ctx, b, nil) },
			)
			if errs[0] != nil || errs[1] != nil {
				t.Fatal(errs)
			}
			applied, unapplied := got[0].Payment.Applied+got[1].Payment.Applied, got[0].Payment.Unapplied+got[1].Payment.Unapplied
			if applied != 100 || unapplied != 100 || got[0].Payment.Applied%100 != 0 {
				t.Fatalf("round %d: %s; %s", round, say(got[0], nil), say(got[1], nil))
			}
		}
		b := h.balances(t, owner)
		want := map[string]int64{
			"BDT/balance": 100 * rounds, "BDT/unapplied": 100 * rounds, "BDT/clearing/bank": -100 * rounds, "BDT/clearing/cards": -100 * rounds,
		}
		if d := cmp.Diff(want, b); d != "" {
			t.Fatal(d)
		}
		paid := 0
		for _, e := range h.events(t, owner, 0) {
			if e.Type == invoice.EventPaid {
				paid++
			}
		}
		if paid != rounds {
			t.Fatalf("%d invoices were paid %d times", rounds, paid)
		}
		h.clean(t)
	})
}

func TestCancelAndPayAtTheSameInstantNeverLoseBoth(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		nodes := []*house{h, h.second(t)}
		seen := map[string]int{}
		for round := range rounds {
			inv := h.bill(t, owner, 100)
			r := h.receipt(inv, 100)
			r.Refuse = round%2 == 1 // half of them over a rail that can refuse
			var paid payment.Settled
			var payErr, cancelErr error
			together(
				func() { paid, payErr = nodes[0].Settle(ctx, r, nil) },
				func() {
					_, cancelErr = nodes[(round/2)%2].invoices.End(ctx, invoice.Ending{Owner: owner, ID: inv.ID, To: invoice.Cancelled}, nil)
				},
			)
			now, err := h.invoices.Get(ctx, owner, inv.ID)
			if err != nil {
				t.Fatal(err)
			}
			story := fmt.Sprintf("refuses %v: %s, cancel %v, then %s", r.Refuse, say(paid, payErr), fault.First(cancelErr), now.Status)
			seen[story]++
			switch story {
			case `refuses false: received 100+0 -> paid 100/100, cancel invoice_closed status="paid", then paid`:
			case `refuses false: received 100+0 late -> paid 100/100, cancel <nil>, then paid`:
			case `refuses true: received 100+0 -> paid 100/100, cancel invoice_closed status="paid", then paid`:
			case `refuses true: invoice_closed cancelled, cancel <nil>, then cancelled`:
			default:
				t.Errorf("round %d: %s", round, story)
			}
		}
		t.Log(seen)
		h.clean(t)
	})
}
