package payment_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
	"sarraf/store"
)

// world is what the services should do, as plainly as it can be written.
type world struct {
	now      time.Time
	fees     map[merchant.FeeKey]money.Schedule
	invoices map[string]*bill   // by id
	order    []string           // ids of invoices, in the order of their making
	byRef    map[string]string  // owner and reference -> id
	money    map[string]*record // by owner, rail and reference
	books    map[string]map[string]int64
	events   map[string]int // by owner
}

type bill struct {
	owner        string
	amount, paid int64
	status       invoice.Status
	changes      int64
	expires      time.Time
}

type record struct {
	id, invoice string
	amount      money.Amount
	accepted    bool
	said        string // of the payment alone
}

func (w *world) move(owner, from, to string, minor int64) {
	if minor == 0 {
		return
	}
	if w.books[owner] == nil {
		w.books[owner] = map[string]int64{}
	}
	w.books[owner][from] -= minor
	w.books[owner][to] += minor
}

func (w *world) create(inv invoice.Invoice) string {
	if inv.Reference != "" {
		key := inv.Owner + "/" + inv.Reference
		if old := w.byRef[key]; old != "" {
			return "taken by " + old
		}
		w.byRef[key] = inv.ID
	}
	w.invoices[inv.ID] = &bill{owner: inv.Owner, amount: inv.Amount, status: invoice.Open, expires: inv.ExpiresAt}
	w.order = append(w.order, inv.ID)
	w.events[inv.Owner]++
	return "fresh " + inv.ID
}

func (w *world) end(e invoice.Ending) string {
	b := w.invoices[e.ID]
	switch {
	case b == nil || b.owner != e.Owner:
		return "invoice_missing"
	case b.status == e.To:
		return string(e.To)
	case b.status != invoice.Open || e.Due && b.expires.After(w.now):
		return "invoice_closed " + string(b.status)
	}
	b.status = e.To
	b.changes++
	w.events[b.owner]++
	return string(e.To)
}

func (w *world) settle(r payment.Receipt) string {
	known := fmt.Sprint(r.Owner, "/", r.Rail, "/", r.RailReference)
	if old := w.money[known]; old != nil {
		if old.invoice != r.Invoice || old.amount != r.Amount || old.accepted != (r.Outcome == rail.Accepted) {
			return "reference_taken"
		}
		again := ""
		if old.id != r.ID {
			again = " replay"
		}
		return old.said + again + w.stands(r.Invoice)
	}
	b := w.invoices[r.Invoice]
	if b == nil || b.owner != r.Owner {
		return "invoice_missing"
	}
	due := b.amount - b.paid
	takes := b.status != invoice.Paid && r.Amount.Currency == money.BDT
	rec := &record{id: r.ID, invoice: r.Invoice, amount: r.Amount, accepted: r.Outcome == rail.Accepted}
	switch {
	case r.Amount.Minor <= 0:
		return "amount_not_positive"
	case !rec.accepted && b.status != invoice.Open:
		return "invoice_closed " + string(b.status)
	case !rec.accepted:
		rec.said = "failed 0+0 (no)"
		if r.Outcome == rail.Over {
			b.status = invoice.Failed
			b.changes++
		}
	case r.Refuse && b.status != invoice.Open:
		return "invoice_closed " + string(b.status)
	case r.Refuse && (!takes || r.Amount.Minor != due):
		return fmt.Sprintf("amount_mismatch %d", due)
	default:
		rec.said = w.accept(r, b, due, takes)
	}
	w.money[known] = rec
	w.events[b.owner]++
	return rec.said + w.stands(r.Invoice)
}

func (w *world) accept(r payment.Receipt, b *bill, due int64, takes bool) string {
	applied := int64(0)
	if takes {
		applied = min(due, r.Amount.Minor)
	}
	rest := r.Amount.Minor - applied
	fee, err := w.fees[merchant.FeeKey{Owner: r.Owner, Rail: r.Rail, Currency: r.Amount.Currency}].Fee(money.Of(applied, money.BDT))
	if err != nil {
		return err.Error()
	}
	taken := min(fee.Minor, applied)
	c := string(r.Amount.Currency)
	w.move(b.owner, c+"/clearing/"+r.Rail, c+"/balance", applied)
	w.move(b.owner, c+"/clearing/"+r.Rail, c+"/unapplied", rest)
	w.move(b.owner, c+"/balance", c+"/fees", taken)
	said := fmt.Sprintf("received %d+%d", applied, rest)
	if taken > 0 {
		said += fmt.Sprintf(" fee %d", taken)
	}
	if applied > 0 && b.status != invoice.Open {
		said += " late"
	}
	switch {
	case rest > 0 && applied > 0:
		said += " (more than was due)"
	case rest > 0 && r.Amount.Currency != money.BDT:
		said += " (another currency)"
	case rest > 0:
		said += fmt.Sprintf(" (the invoice was %s)", b.status)
	}
	if applied > 0 {
		b.paid += applied
		b.changes++
		if b.paid == b.amount {
			b.status = invoice.Paid
		}
	}
	return said
}

func (w *world) stands(id string) string {
	b := w.invoices[id]
	return fmt.Sprintf(" -> %s %d/%d", b.status, b.paid, b.amount)
}

// TestRandomStoriesGoAsThePlainModelSays interleaves slices of every command over a few owners, on two nodes in turn.
func TestRandomStoriesGoAsThePlainModelSays(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		nodes := []*house{h, h.second(t)}
		rapid.Check(t, func(rt *rapid.T) {
			w := &world{
				fees: map[merchant.FeeKey]money.Schedule{}, invoices: map[string]*bill{}, byRef: map[string]string{}, money: map[string]*record{},
				books: map[string]map[string]int64{}, events: map[string]int{},
			}
			h.clock.Set(start)
			w.now = start
			owners := []string{h.shop(t), h.shop(t), h.shop(t)}
			for _, o := range owners {
				k := feeKey(o)
				w.fees[k] = money.Schedule{Flat: rapid.Int64Range(0, 5).Draw(rt, "flat"), PPM: rapid.Int64Range(0, 60000).Draw(rt, "ppm")}
				if err := h.merchants.SetFee(ctx, by, k, w.fees[k]); err != nil {
					rt.Fatal(err)
				}
			}
			for step := range rapid.IntRange(5, 25).Draw(rt, "slices") {
				g := &game{rt: rt, h: nodes[step%2], w: w, owners: owners}
				rapid.OneOf(rapid.Just(g.creates), rapid.Just(g.settles), rapid.Just(g.settles), rapid.Just(g.ends), rapid.Just(g.passes)).Draw(rt, "kind")()
			}
			for _, o := range owners {
				if got := len(h.events(t, o, 0)); got != w.events[o] {
					rt.Errorf("%d events of %s, the model has %d", got, o, w.events[o])
				}
				want := map[string]int64{}
				for account, minor := range w.books[o] {
					if minor != 0 {
						want[account] = minor
					}
				}
				if d := cmp.Diff(want, h.balances(t, o)); d != "" {
					rt.Errorf("books of %s: %s", o, d)
				}
			}
			for key, b := range w.invoices {
				got, err := h.invoices.Get(ctx, b.owner, key)
				if err != nil || got.Status != b.status || got.Paid != b.paid || got.Changes != b.changes {
					rt.Errorf("invoice %s is %s %d change %d (%v), the model has %+v", key, got.Status, got.Paid, got.Changes, err, b)
				}
			}
			for _, f := range h.findings(t) {
				rt.Errorf("audit: %s", f)
			}
		})
	})
}

// game draws slices and holds what is answered against the model.
type game struct {
	rt     *rapid.T
	h      *house
	w      *world
	owners []string
}

func (g *game) owner() string { return rapid.SampledFrom(g.owners).Draw(g.rt, "owner") }

// invoice draws an invoice, mostly one of the newest, so that they meet; sometimes one of another owner.
func (g *game) invoice() (owner, key string) {
	if len(g.w.order) == 0 {
		return g.owner(), "none"
	}
	back := rapid.IntRange(0, min(len(g.w.order), 6)-1).Draw(g.rt, "invoice")
	key = g.w.order[len(g.w.order)-1-back]
	if rapid.IntRange(0, 19).Draw(g.rt, "foreign") == 0 {
		return g.owner(), key
	}
	return g.w.invoices[key].owner, key
}

// slice settles a slice in one transaction and words what is answered.
func (g *game) slice(list []payment.Receipt) []string {
	var got []string
	err := g.h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		out, err := g.h.SettleSlice(ctx, tx, list)
		got = got[:0]
		for _, o := range out {
			got = append(got, say(o.Value, o.Err))
		}
		return err
	})
	if err != nil {
		g.rt.Fatal(err)
	}
	return got
}

func (g *game) creates() {
	for range rapid.IntRange(1, 10).Draw(g.rt, "creates") {
		key := id.New(g.h.clock)
		inv := invoice.Invoice{
			Owner: g.owner(), ID: key, Door: "aspay", Number: "N" + key, Token: "t" + key, Amount: rapid.Int64Range(1, 300).Draw(g.rt, "amount"),
			Currency: money.BDT, ExpiresAt: g.w.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(g.rt, "minutes")) * time.Minute),
			Reference: rapid.SampledFrom([]string{"", "", "A", "B", "C", "D"}).Draw(g.rt, "reference"),
		}
		made, err := g.h.invoices.Create(ctx, inv, nil)
		if err != nil {
			g.rt.Fatal(err)
		}
		got := "taken by " + made.Invoice.ID
		if made.Fresh {
			got = "fresh " + made.Invoice.ID
		}
		g.compare([]string{g.w.create(inv)}, []string{got})
	}
}

func (g *game) ends() {
	for range rapid.IntRange(1, 5).Draw(g.rt, "ends") {
		owner, key := g.invoice()
		e := invoice.Ending{
			Owner: owner, ID: key, To: rapid.SampledFrom([]invoice.Status{invoice.Failed, invoice.Expired, invoice.Cancelled}).Draw(g.rt, "to"),
			Due: rapid.Bool().Draw(g.rt, "due"),
		}
		ended, err := g.h.invoices.End(ctx, e, nil)
		got := string(ended.Status)
		if err != nil {
			got = say(payment.Settled{}, err)
		}
		g.compare([]string{g.w.end(e)}, []string{got})
	}
}

// passes lets time go on, or back, and expires what is due.
func (g *game) passes() {
	g.h.clock.Advance(time.Duration(rapid.IntRange(-5, 40).Draw(g.rt, "minutes")) * time.Minute)
	g.w.now = g.h.clock.Now()
	for _, b := range g.w.invoices {
		if b.status == invoice.Open && !b.expires.After(g.w.now) {
			b.status = invoice.Expired
			b.changes++
			g.w.events[b.owner]++
		}
	}
	if _, err := g.h.invoices.ExpireDue(ctx); err != nil {
		g.rt.Fatal(err)
	}
}

func (g *game) settles() {
	var list []payment.Receipt
	var want []string
	for range rapid.IntRange(1, 30).Draw(g.rt, "receipts") {
		owner, key := g.invoice()
		r := payment.Receipt{
			ID: id.New(g.h.clock), Owner: owner, Invoice: key, Rail: rapid.SampledFrom([]string{"bank", "cards"}).Draw(g.rt, "rail"),
			Outcome: rail.Accepted, Reason: "no", At: g.w.now, Refuse: rapid.IntRange(0, 4).Draw(g.rt, "refuse") == 0,
			Amount: money.Of(rapid.Int64Range(0, 200).Draw(g.rt, "amount"), money.BDT),
		}
		if b := g.w.invoices[key]; b != nil && rapid.Bool().Draw(g.rt, "due") {
			r.Amount.Minor = b.amount - b.paid
		}
		if rapid.IntRange(0, 9).Draw(g.rt, "usd") == 0 {
			r.Amount.Currency = money.USD
		}
		switch rapid.IntRange(0, 9).Draw(g.rt, "outcome") {
		case 0:
			r.Outcome = rail.Declined
		case 1:
			r.Outcome = rail.Over
		}
		r.RailReference = r.ID
		if len(list) > 0 && rapid.IntRange(0, 9).Draw(g.rt, "again") == 0 {
			again := rapid.SampledFrom(list).Draw(g.rt, "which")
			r.Owner, r.Invoice, r.Rail, r.RailReference, r.Outcome = again.Owner, again.Invoice, again.Rail, again.RailReference, again.Outcome
			if rapid.Bool().Draw(g.rt, "same") {
				r.Amount = again.Amount
			}
		}
		list = append(list, r) // all have a reason: money that came needs none, and is kept without
		want = append(want, g.w.settle(r))
	}
	g.compare(want, g.slice(list))
	if rapid.IntRange(0, 3).Draw(g.rt, "lost") != 0 {
		return
	}
	// The answer to COMMIT was lost: those that are there answer as they did, and those that were refused are judged anew.
	want = want[:0]
	for _, r := range list {
		want = append(want, g.w.settle(r))
	}
	g.compare(want, g.slice(list))
}

func (g *game) compare(want, got []string) {
	if d := cmp.Diff(want, got); d != "" {
		g.rt.Fatal(d)
	}
}
