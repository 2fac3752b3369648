package invoice_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/invoice"
	"sarraf/store"
)

// drawn reads the table of legal moves in docs/states.md.
func drawn(t *testing.T) map[invoice.Status][]invoice.Status {
	t.Helper()
	page, err := os.ReadFile("../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "## Invoice")
	_, table, found := strings.Cut(rest, "| from | may go to |\n|---|---|\n")
	if !found {
		t.Fatal("docs/states.md has no table of an invoice's moves")
	}
	moves := map[invoice.Status][]invoice.Status{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 4 {
			break
		}
		from := invoice.Status(strings.TrimSpace(cells[1]))
		moves[from] = nil
		for _, to := range strings.Split(cells[2], ",") {
			if to = strings.TrimSpace(to); to != "" {
				moves[from] = append(moves[from], invoice.Status(to))
			}
		}
	}
	return moves
}

func TestMovesAreThoseOfTheStatesPage(t *testing.T) {
	page := drawn(t)
	if len(page) != len(invoice.Statuses()) {
		t.Fatalf("the page has %d statuses, the code %d", len(page), len(invoice.Statuses()))
	}
	for _, from := range invoice.Statuses() {
		if !from.Valid() {
			t.Errorf("%s is not valid", from)
		}
		if d := cmp.Diff(page[from], from.Moves()); d != "" {
			t.Errorf("from %s: %s", from, d)
		}
		for _, to := range invoice.Statuses() {
			if got, want := from.May(to), slices.Contains(page[from], to); got != want {
				t.Errorf("%s to %s: %v, the page says %v", from, to, got, want)
			}
		}
		if got, want := from.TakesMoney(), slices.Contains(page[from], invoice.Paid); got != want {
			t.Errorf("%s takes money: %v, the page says %v", from, got, want)
		}
	}
	if invoice.Status("lost").Valid() || invoice.Status("lost").TakesMoney() {
		t.Error("an unknown status is valid")
	}
}

func TestEndFromEveryStatusToEveryStatus(t *testing.T) {
	endings := map[invoice.Status]event.Type{
		invoice.Failed: invoice.EventFailed, invoice.Expired: invoice.EventExpired, invoice.Cancelled: invoice.EventCancelled,
	}
	each(t, func(t *testing.T, h *house) {
		page := drawn(t)
		for _, from := range invoice.Statuses() {
			for _, to := range invoice.Statuses() {
				inv := h.make(t, h.draft("shop", "aspay", ""))
				h.force(t, inv, from)
				before := len(h.events(t, "shop"))
				h.clock.Advance(time.Second)
				got, err := h.End(ctx, invoice.Ending{Owner: "shop", ID: inv.ID, To: to, Reason: "why"}, nil)
				written := h.events(t, "shop")[before:]
				now, getErr := h.Get(ctx, "shop", inv.ID)
				if getErr != nil {
					t.Fatal(getErr)
				}
				switch {
				case endings[to] != "" && from == to: // done before: as it is
					if err != nil || got.Status != from || len(written) != 0 || now.Changes != 0 {
						t.Errorf("%s to %s: %v, %+v, events %v", from, to, err, got, types(written))
					}
				case endings[to] != "" && slices.Contains(page[from], to):
					if err != nil || got.Status != to || got.Reason != "why" || got.Changes != 1 || !got.UpdatedAt.Equal(h.clock.Now()) {
						t.Errorf("%s to %s: %v, %+v", from, to, err, got)
					}
					if d := cmp.Diff([]event.Type{endings[to]}, types(written)); d != "" {
						t.Errorf("%s to %s: %s", from, to, d)
					}
					if d := cmp.Diff(got, now); d != "" {
						t.Errorf("%s to %s: %s", from, to, d)
					}
				default:
					f := fault.First(err)
					if f == nil || f.Code != fault.InvoiceClosed || f.Params["status"] != string(from) || now.Status != from || len(written) != 0 {
						t.Errorf("%s to %s: %v, then %s, events %v", from, to, err, now.Status, types(written))
					}
				}
			}
		}
		if _, err := h.End(ctx, invoice.Ending{Owner: "shop", ID: "none", To: invoice.Cancelled}, nil); !fault.Has(err, fault.InvoiceMissing) {
			t.Errorf("no such invoice: %v", err)
		}
	})
}

func TestEndsOfOneSliceAreJudgedInTheirOrder(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a, b := h.make(t, h.draft("shop", "aspay", "")), h.make(t, h.draft("another", "aspay", ""))
		taken := fault.New(fault.TargetMissing)
		list := []invoice.Ending{
			{Owner: "shop", ID: a.ID, To: invoice.Cancelled, At: start},
			{Owner: "another", ID: a.ID, To: invoice.Failed, At: start},
			{Owner: "shop", ID: a.ID, To: invoice.Failed, At: start},
			{Owner: "shop", ID: a.ID, To: invoice.Cancelled, At: start},
			{Owner: "another", ID: b.ID, To: invoice.Failed, Reason: "no", At: start},
			{Owner: "another", Refused: taken, At: start},
		}
		var out []store.Outcome[invoice.Invoice]
		err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			out, err = h.EndSlice(ctx, tx, list)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, o := range out {
			if o.Err != nil {
				said = append(said, string(fault.First(o.Err).Code))
			} else {
				said = append(said, string(o.Value.Status))
			}
		}
		want := []string{"cancelled", "invoice_missing", "invoice_closed", "cancelled", "failed", "target_missing"}
		if d := cmp.Diff(want, said); d != "" {
			t.Fatal(d)
		}
		h.clean(t)
	})
}

func TestConditionalExpiryNeedsTheTimeToHaveRunOut(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		timed := h.make(t, h.draft("shop", "aspay", "")) // start + 1 h
		draft := h.draft("shop", "aspay", "")
		draft.ExpiresAt = time.Time{}
		endless := h.make(t, draft)
		expire := func(id string) error {
			_, err := h.End(ctx, invoice.Ending{Owner: "shop", ID: id, To: invoice.Expired, Due: true}, nil)
			return err
		}
		h.clock.Set(timed.ExpiresAt.Add(-time.Microsecond))
		if err := expire(timed.ID); !fault.Has(err, fault.InvoiceClosed) {
			t.Fatalf("a microsecond early: %v", err)
		}
		if n, err := h.ExpireDue(ctx); n != 0 || err != nil {
			t.Fatalf("a microsecond early: %d, %v", n, err)
		}
		h.clock.Advance(time.Microsecond)
		if err := expire(timed.ID); err != nil {
			t.Fatalf("in time: %v", err)
		}
		h.clock.Advance(1000 * time.Hour)
		if err := expire(endless.ID); !fault.Has(err, fault.InvoiceClosed) {
			t.Fatalf("one that never expires: %v", err)
		}
		if n, err := h.ExpireDue(ctx); n != 0 || err != nil {
			t.Fatalf("one that never expires: %d, %v", n, err)
		}
		h.clean(t)
	})
}

func TestClockThatGoesBackUndoesNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		early, late := h.make(t, h.draft("shop", "aspay", "")), h.draft("shop", "aspay", "")
		late.ExpiresAt = start.Add(3 * time.Hour)
		h.make(t, late)
		h.clock.Set(start.Add(2 * time.Hour))
		if n, err := h.ExpireDue(ctx); n != 1 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		h.clock.Set(start.Add(-time.Hour))
		if n, err := h.ExpireDue(ctx); n != 0 || err != nil {
			t.Fatalf("back: %d, %v", n, err)
		}
		got, err := h.Get(ctx, "shop", early.ID)
		if err != nil || got.Status != invoice.Expired || !got.UpdatedAt.Equal(start.Add(2*time.Hour)) {
			t.Fatalf("%+v, %v", got, err)
		}
		ended, err := h.End(ctx, invoice.Ending{Owner: "shop", ID: late.ID, To: invoice.Cancelled}, nil)
		if err != nil || !ended.UpdatedAt.Equal(start) || ended.Changes != 1 {
			t.Fatalf("a change in the past: %+v, %v", ended, err)
		}
		h.clean(t)
	})
}

func TestTwoNodesExpireEachInvoiceOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const n = 1200 // more than a round
		var list []invoice.Invoice
		for i := range n {
			list = append(list, h.draft([]string{"a", "b", "c"}[i%3], "aspay", ""))
		}
		h.createSlice(t, list...)
		h.clock.Advance(time.Hour)
		nodes := []*house{h, h.second(t)}
		var wg sync.WaitGroup
		for _, node := range nodes {
			wg.Go(func() {
				for {
					took, err := node.ExpireDue(ctx)
					if err != nil {
						t.Error(err)
					}
					if took == 0 || err != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		expired := map[string]int{}
		for _, owner := range []string{"a", "b", "c"} {
			for _, e := range h.events(t, owner) {
				if e.Type == invoice.EventExpired {
					expired[e.Subject]++
				}
			}
		}
		for _, inv := range list {
			if expired[inv.ID] != 1 {
				t.Fatalf("%s expired %d times", inv.ID, expired[inv.ID])
			}
		}
		h.clean(t)
	})
}

func TestExpireLoopWorksUntilItIsToldToEnd(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		inv := h.make(t, h.draft("shop", "aspay", ""))
		h.clock.Advance(time.Hour)
		running, stop := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			h.Expire(running, time.Millisecond, func(err error) { t.Error(err) })
		}()
		for deadline := time.Now().Add(time.Minute); ; {
			got, err := h.Get(ctx, "shop", inv.ID)
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("it is %s, %v", got.Status, err)
			}
			if got.Status == invoice.Expired {
				break
			}
		}
		stop()
		<-ended
		h.clean(t)
	})
}
