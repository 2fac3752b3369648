package invoice_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/invoice"
	"sarraf/money"
)

func ids(list []invoice.Invoice) []string {
	out := make([]string, len(list))
	for i, inv := range list {
		out[i] = inv.ID
	}
	return out
}

func TestInvoiceIsFoundByWhatItsDoorPrints(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		inv := h.make(t, h.draft("shop", "aspay", "R-1"))
		for name, find := range map[string]func() (invoice.Invoice, error){
			"id":        func() (invoice.Invoice, error) { return h.Get(ctx, "shop", inv.ID) },
			"number":    func() (invoice.Invoice, error) { return h.ByNumber(ctx, "shop", "aspay", inv.Number) },
			"reference": func() (invoice.Invoice, error) { return h.ByReference(ctx, "shop", "aspay", "R-1") },
			"token":     func() (invoice.Invoice, error) { return h.ByToken(ctx, inv.Token) },
		} {
			got, err := find()
			if d := cmp.Diff(inv, got); err != nil || d != "" {
				t.Errorf("by %s: %v %s", name, err, d)
			}
		}
	})
}

func TestAnotherOwnersInvoiceIsNeverFound(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		inv := h.make(t, h.draft("shop", "aspay", "R-1"))
		missing := func(what string, err error) {
			t.Helper()
			if !fault.Has(err, fault.InvoiceMissing) {
				t.Errorf("%s: %v", what, err)
			}
		}
		for _, owner := range []string{"other", "", "sho", "shop%", "SHOP"} {
			_, err := h.Get(ctx, owner, inv.ID)
			missing(owner+" by id", err)
			_, err = h.ByNumber(ctx, owner, "aspay", inv.Number)
			missing(owner+" by number", err)
			_, err = h.ByReference(ctx, owner, "aspay", "R-1")
			missing(owner+" by reference", err)
			_, err = h.End(ctx, invoice.Ending{Owner: owner, ID: inv.ID, To: invoice.Cancelled}, nil)
			missing(owner+" ends it", err)
			found, err := h.Find(ctx, owner, "aspay", []string{inv.Number, "R-1", inv.ID, inv.Token})
			if err != nil || len(found) != 0 {
				t.Errorf("%s finds %v, %v", owner, found, err)
			}
			for _, text := range []string{inv.ID, inv.Number, inv.Token, "R-1"} {
				if list, err := h.Meanings(ctx, owner, text, []string{"aspay"}); err != nil || len(list) != 0 {
					t.Errorf("%s finds %v by %s, %v", owner, list, text, err)
				}
			}
			if list, err := h.List(ctx, owner, invoice.Page{Limit: 10}); err != nil || len(list) != 0 {
				t.Errorf("%s lists %v, %v", owner, list, err)
			}
		}
		_, err := h.ByNumber(ctx, "shop", "native", inv.Number)
		missing("at another door by number", err)
		_, err = h.ByReference(ctx, "shop", "native", "R-1")
		missing("at another door by reference", err)
		_, err = h.ByReference(ctx, "shop", "aspay", "")
		missing("by no reference", err)
		_, err = h.ByToken(ctx, inv.Number)
		missing("a number as a token", err)
		_, err = h.ByToken(ctx, "")
		missing("no token", err)
	})
}

func TestFindTakesNumbersAndReferencesMixed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var list []invoice.Invoice
		for i := range 700 {
			list = append(list, h.draft("shop", "aspay", fmt.Sprintf("R-%d", i)))
		}
		h.createSlice(t, list...)
		h.createSlice(t, h.draft("other", "aspay", "X-1"), h.draft("shop", "native", "X-2"))
		texts := []string{"X-1", "X-2", "none", "", "R-3", "R-3", list[3].Number, list[3].ID}
		want := map[string]string{"R-3": list[3].ID, list[3].Number: list[3].ID}
		for i, inv := range list[10:] {
			text := inv.Number
			if i%2 == 0 {
				text = inv.Reference
			}
			texts = append(texts, text)
			want[text] = inv.ID
		}
		found, err := h.Find(ctx, "shop", "aspay", texts)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for text, inv := range found {
			got[text] = inv.ID
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
		if found, err := h.Find(ctx, "shop", "aspay", nil); err != nil || len(found) != 0 {
			t.Fatalf("nothing asked: %v, %v", found, err)
		}
	})
}

func TestMeaningsAreAllThatATextCanMean(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.make(t, h.draft("shop", "aspay", "R-1"))
		b := h.make(t, h.draft("shop", "native", "R-1"))
		draft := h.draft("shop", "third", a.Number) // whose reference is another's number
		c := h.make(t, draft)
		h.make(t, h.draft("other", "aspay", "R-1"))
		doors := []string{"aspay", "native", "third"}
		for _, try := range []struct {
			text  string
			doors []string
			want  []string
		}{
			{"R-1", doors, []string{a.ID, b.ID}},
			{"R-1", []string{"native"}, []string{b.ID}},
			{"R-1", nil, []string{}},
			{a.ID, nil, []string{a.ID}},
			{a.Number, doors, []string{a.ID, c.ID}},
			{a.Token, nil, []string{a.ID}},
			{"R", doors, []string{}},
			{"", doors, []string{}},
		} {
			list, err := h.Meanings(ctx, "shop", try.text, try.doors)
			got := make([]string, len(list))
			for i, m := range list {
				if got[i] = m.ID; m.Currency != money.BDT {
					t.Errorf("%q means %v", try.text, m)
				}
			}
			if d := cmp.Diff(try.want, got); err != nil || d != "" {
				t.Errorf("%q at %v: %v %s", try.text, try.doors, err, d)
			}
		}
	})
}

func TestListIsPagedBothWays(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var all []string
		for range 25 {
			all = append(all, h.make(t, h.draft("shop", "aspay", "")).ID)
			h.make(t, h.draft("other", "aspay", ""))
			h.clock.Advance(time.Millisecond)
		}
		slices.Reverse(all) // newest first
		page := func(p invoice.Page) []string {
			t.Helper()
			list, err := h.List(ctx, "shop", p)
			if err != nil {
				t.Fatal(err)
			}
			return ids(list)
		}
		var down []string
		for p := (invoice.Page{Limit: 10}); ; p.Before = down[len(down)-1] {
			list := page(p)
			if len(list) == 0 {
				break
			}
			down = append(down, list...)
		}
		if d := cmp.Diff(all, down); d != "" {
			t.Fatal(d)
		}
		var up []string
		for p := (invoice.Page{Limit: 10, After: all[24]}); ; p.After = up[0] {
			list := page(p)
			if len(list) == 0 {
				break
			}
			up = append(list, up...)
		}
		if d := cmp.Diff(all[:24], up); d != "" {
			t.Fatal(d)
		}
	})
}

func TestInvoiceWithoutAPrintedNumberHasNone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for range 2 {
			draft := h.draft("shop", "native", "")
			draft.Number = ""
			h.make(t, draft)
		}
		if _, err := h.ByNumber(ctx, "shop", "native", ""); !fault.Has(err, fault.InvoiceMissing) {
			t.Fatalf("by no number: %v", err)
		}
		h.clean(t)
	})
}

func TestNumberGivenTwiceFailsAloneAndMakesNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		first := h.make(t, h.draft("shop", "aspay", ""))
		twice := h.draft("other", "aspay", "")
		twice.Number = first.Number
		if _, err := h.Create(ctx, twice, nil); err == nil {
			t.Fatal("a number that leads to two invoices was taken")
		}
		if _, err := h.Get(ctx, "other", twice.ID); !fault.Has(err, fault.InvoiceMissing) {
			t.Fatalf("the failed one: %v", err)
		}
		h.clean(t)
	})
}
