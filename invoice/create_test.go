package invoice_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/invoice"
	"sarraf/store"
)

func TestNewInvoiceIsOpenAndToldInOneEventThatHoldsAllOfIt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		asked := h.draft("shop", "aspay", "R-1")
		// What a caller has no say in.
		asked.Status, asked.Paid, asked.Changes, asked.Reason, asked.PaidAt = invoice.Paid, 99, 7, "x", start
		asked.ExpiresAt = start.Add(time.Hour + 999*time.Nanosecond).In(time.FixedZone("", 6*3600))
		made := h.make(t, asked)
		want := asked
		want.Status, want.Paid, want.Changes, want.Reason, want.PaidAt = invoice.Open, 0, 0, "", time.Time{}
		want.CreatedAt, want.UpdatedAt, want.ExpiresAt = start, start, start.Add(time.Hour)
		if d := cmp.Diff(want, made); d != "" {
			t.Fatal(d)
		}
		read, err := h.Get(ctx, "shop", made.ID)
		if d := cmp.Diff(want, read); err != nil || d != "" {
			t.Fatal(err, d)
		}
		list := h.events(t, "shop")
		if len(list) != 1 || list[0].Type != invoice.EventCreated || list[0].Subject != made.ID || list[0].Door != "aspay" || !list[0].At.Equal(start) {
			t.Fatalf("events: %+v", list)
		}
		var told invoice.Fact
		if err := json.Unmarshal(list[0].Data, &told); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, told.Invoice); d != "" {
			t.Fatal(d)
		}
		h.clean(t)
	})
}

func TestSameCommandAgainMakesNothingAndAnswersItsInvoice(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		withReference, without := h.draft("shop", "aspay", "R-1"), h.draft("shop", "aspay", "")
		first := h.createSlice(t, withReference, without)
		// As after a COMMIT whose answer was lost: the same slice again, on another node, later.
		h.clock.Advance(time.Minute)
		if d := cmp.Diff(first, h.second(t).createSlice(t, withReference, without)); d != "" {
			t.Fatal(d)
		}
		if n := len(h.events(t, "shop")); n != 2 {
			t.Fatalf("%d events of 2 invoices", n)
		}
		h.clean(t)
	})
}

func TestCommandThatStandsTwiceInASliceIsCarriedOutOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a, b := h.draft("shop", "aspay", ""), h.draft("shop", "aspay", "R-1")
		made := h.createSlice(t, a, b, a, b)
		for i, m := range made {
			if !m.Fresh || m.Invoice.ID != []string{a.ID, b.ID}[i%2] {
				t.Errorf("command %d: %+v", i, m)
			}
		}
		if n := len(h.events(t, "shop")); n != 2 {
			t.Fatalf("%d events of 2 invoices", n)
		}
		h.clean(t)
	})
}

func TestTakenReferenceAnswersTheInvoiceThatHasIt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		first := h.make(t, h.draft("shop", "aspay", "R-1"))
		h.clock.Advance(time.Minute)
		other := h.draft("shop", "aspay", "R-1")
		other.Amount = 1
		again, err := h.Create(ctx, other, nil)
		if err != nil || again.Fresh {
			t.Fatalf("again: %+v, %v", again, err)
		}
		if d := cmp.Diff(first, again.Invoice); d != "" {
			t.Fatal(d)
		}
		if _, err := h.Get(ctx, "shop", other.ID); !fault.Has(err, fault.InvoiceMissing) {
			t.Fatalf("the refused one: %v", err)
		}
		// And the refused command again is refused again.
		if again, err = h.Create(ctx, other, nil); err != nil || again.Fresh || again.Invoice.ID != first.ID {
			t.Fatalf("once more: %+v, %v", again, err)
		}
		h.clean(t)
	})
}

func TestOfOneReferenceInASliceTheFirstGetsIt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		// More than one statement's worth, in an order that is not that of the references.
		var list []invoice.Invoice
		const different, each = 130, 5
		for i := range different * each {
			list = append(list, h.draft("shop", "aspay", fmt.Sprintf("R-%d", i%different*7919%different)))
		}
		made := h.createSlice(t, list...)
		for i, m := range made {
			if m.Fresh != (i < different) || m.Invoice.ID != list[i%different].ID {
				t.Fatalf("command %d: fresh %v, %s", i, m.Fresh, m.Invoice.ID)
			}
		}
		if n := len(h.events(t, "shop")); n != different {
			t.Fatalf("%d events of %d invoices", n, different)
		}
		h.clean(t)
	})
}

func TestReferenceIsUniquePerMerchantAndDoorAndNoneIsNoReference(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		list := []invoice.Invoice{
			h.draft("shop", "aspay", "R-1"), h.draft("shop", "native", "R-1"), h.draft("other", "aspay", "R-1"),
			h.draft("shop", "aspay", "r-1"), h.draft("shop", "aspay", ""), h.draft("shop", "aspay", ""),
		}
		for i, m := range h.createSlice(t, list...) {
			if !m.Fresh {
				t.Errorf("invoice %d was taken for %s", i, m.Invoice.ID)
			}
		}
		h.clean(t)
	})
}

func TestFiftyAtOnceOnTwoNodesMakeOneInvoice(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		nodes := []*house{h, h.second(t)}
		var mu sync.Mutex
		fresh, ids := 0, map[string]bool{}
		var wg sync.WaitGroup
		for i := range 50 {
			inv := h.draft("shop", "aspay", "R-1")
			wg.Go(func() {
				made, err := nodes[i%2].Create(ctx, inv, nil)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				ids[made.Invoice.ID] = true
				if made.Fresh {
					fresh++
				}
			})
		}
		wg.Wait()
		if fresh != 1 || len(ids) != 1 {
			t.Fatalf("%d fresh, ids %v", fresh, ids)
		}
		h.clean(t)
	})
}

func TestTwoNodesWithTheSameReferencesInOppositeOrderBothEnd(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		nodes := []*house{h, h.second(t)}
		const n = 300
		for range 5 {
			made := make([][]invoice.Created, 2)
			lists := make([][]invoice.Invoice, 2)
			run := h.draft("", "", "").ID
			for i := range n {
				lists[0] = append(lists[0], h.draft("shop", "aspay", fmt.Sprintf("%s-%d", run, i)))
				lists[1] = append(lists[1], h.draft("shop", "aspay", fmt.Sprintf("%s-%d", run, n-1-i)))
			}
			var wg sync.WaitGroup
			for node := range 2 {
				wg.Go(func() { made[node] = nodes[node].createSlice(t, lists[node]...) })
			}
			wg.Wait()
			for i := range n {
				a, b := made[0][i], made[1][n-1-i]
				if a.Invoice.ID != b.Invoice.ID || a.Fresh == b.Fresh {
					t.Fatalf("reference %d: %v %s, %v %s", i, a.Fresh, a.Invoice.ID, b.Fresh, b.Invoice.ID)
				}
			}
		}
		h.clean(t)
	})
}

func TestKeptAnswerToAKeyIsTheAnswerInEveryField(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := &store.Key{Door: "aspay", Key: "k", Hash: "h"}
		first, err := h.Create(ctx, h.draft("shop", "aspay", "R-1"), key)
		if err != nil || !first.Fresh {
			t.Fatal(first, err)
		}
		h.clock.Advance(time.Minute)
		if _, err := h.End(ctx, invoice.Ending{Owner: "shop", ID: first.Invoice.ID, To: invoice.Cancelled}, nil); err != nil {
			t.Fatal(err)
		}
		again, err := h.second(t).Create(ctx, h.draft("shop", "aspay", "R-1"), key)
		if d := cmp.Diff(first, again); err != nil || d != "" {
			t.Fatal(err, d)
		}
		// The same end twice by one key, after the invoice has gone on, and a refusal.
		ending := invoice.Ending{Owner: "shop", ID: first.Invoice.ID, To: invoice.Failed, Reason: "no"}
		keyEnd := &store.Key{Door: "aspay", Key: "end", Hash: "h"}
		for range 2 {
			_, err := h.End(ctx, ending, keyEnd)
			if f := fault.First(err); f == nil || f.Code != fault.InvoiceClosed || f.Params["status"] != "cancelled" {
				t.Fatalf("end: %v", err)
			}
			h.force(t, first.Invoice, invoice.Open) // the kept refusal stands all the same
		}
		h.force(t, first.Invoice, invoice.Cancelled)
		h.clean(t)
	})
}

func TestNumberThatAnotherHasIsMadeAnewAndHarmsNobody(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		had := h.make(t, h.draft("shop", "aspay", "R-1"))
		asked := 0
		ids := func(free int) func(context.Context, *invoice.Invoice) error {
			asked = 0
			return func(_ context.Context, inv *invoice.Invoice) error {
				inv.Number = had.Number
				if asked++; asked == free {
					inv.Number = "N" + inv.ID
				}
				return nil
			}
		}
		made, err := h.Make(ctx, h.draft("other", "aspay", "R-1"), nil, ids(3))
		if err != nil || !made.Fresh || made.Invoice.Number != "N"+made.Invoice.ID || asked != 3 {
			t.Fatalf("%+v, %v, asked %d times", made, err, asked)
		}
		if _, err := h.Make(ctx, h.draft("other", "aspay", "R-2"), nil, ids(4)); !store.IsUnique(err) || asked != 3 {
			t.Fatalf("%v, asked %d times", err, asked)
		}
		if _, err := h.Make(ctx, h.draft("other", "aspay", "R-3"), nil, func(context.Context, *invoice.Invoice) error { return fault.New(fault.Outage) }); !fault.Has(err, fault.Outage) {
			t.Fatal(err)
		}
		// One that fails harms no other of its slice.
		var all sync.WaitGroup
		for n := range 40 {
			all.Go(func() {
				d := h.draft("third", "aspay", fmt.Sprint("R-", n))
				if n%4 == 0 {
					d.Number = had.Number
				}
				if _, err := h.Create(ctx, d, nil); (err != nil) != (n%4 == 0) {
					t.Errorf("%d: %v", n, err)
				}
			})
		}
		all.Wait()
		if n := len(h.events(t, "third")); n != 30 {
			t.Errorf("%d invoices of 30", n)
		}
		h.clean(t)
	})
}
