package payout_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sarraf/event"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/store"
)

// game draws slices and holds what is answered against the model.
type game struct {
	rt     *rapid.T
	h      *house
	w      *world
	owners []string
	moves  []payout.Move // that were made in earlier slices
}

// TestRandomStoriesGoAsThePlainModelSays interleaves slices of requests and of moves over a few merchants, on two nodes in turn.
func TestRandomStoriesGoAsThePlainModelSays(t *testing.T) {
	each(t, func(h *house) {
		second := *h // it hears of merchants' changes at once
		second.Service = payout.NewService(payout.Deps{DB: h.db, Log: h.log, Merchants: h.merchants})
		t.Cleanup(second.Close)
		nodes := []*house{h, &second}
		rapid.Check(t, func(rt *rapid.T) {
			h.clock.Set(start)
			g := &game{rt: rt, h: h, w: &world{shops: map[string]*shop{}, payouts: map[string]*sent{}}}
			for _, mode := range []merchant.Mode{merchant.Sandbox, merchant.Sandbox, merchant.Live} {
				g.opens(mode)
			}
			for step := range rapid.IntRange(3, 9).Draw(rt, "slices") {
				g.h = nodes[step%2]
				rapid.OneOf(rapid.Just(g.asks), rapid.Just(g.moveSlice), rapid.Just(g.moveSlice), rapid.Just(g.passes)).Draw(rt, "kind")()
				g.stands()
			}
			h.clock.Set(start.Add(24 * time.Hour)) // whatever the clock did before, this is after all of it
			for _, f := range h.findings() {
				rt.Errorf("audit: %s", f)
			}
		})
	})
}

// opens a merchant with a drawn limit, drawn methods and drawn money.
func (g *game) opens(mode merchant.Mode) {
	s := &shop{
		sandbox: mode == merchant.Sandbox, limit: rapid.SampledFrom([]int64{-1, 0, 20_00, 50_00}).Draw(g.rt, "limit"), methods: map[int64]payout.Method{},
		references: map[string]bool{}, balance: rapid.Int64Range(1, 3000_00).Draw(g.rt, "money"),
	}
	m := g.h.shop(mode, s.balance, func(m *merchant.Merchant) {
		if s.limit >= 0 {
			limited(s.limit)(m)
		}
	})
	over := payout.Manual
	if s.sandbox {
		over = payout.Sandbox
	}
	for n, kind := range []string{"bkash", "nagad", "rocket"} {
		asked := payout.Method{
			Owner: m.Owner, Kind: kind, Min: 5_00, Max: 90_00, Rail: over, Disabled: n == 2,
			Fee: money.Schedule{Flat: rapid.Int64Range(0, 3_00).Draw(g.rt, "flat"), PPM: rapid.Int64Range(0, 10).Draw(g.rt, "percent") * 10_000},
		}
		made, err := g.h.SetMethod(ctx, alice, asked)
		if err != nil {
			g.rt.Fatal(err)
		}
		s.methods[made.Number] = made
	}
	g.w.shops[m.Owner] = s
	g.owners = append(g.owners, m.Owner)
}

func (g *game) events(owner string) []event.Event {
	list, err := g.h.log.List(ctx, owner, event.Page{Limit: 100_000})
	if err != nil {
		g.rt.Fatal(err)
	}
	return list
}

// passes lets time go on, or back, and shuts a merchant or opens it again.
func (g *game) passes() {
	g.h.clock.Advance(time.Duration(rapid.IntRange(-30, 40).Draw(g.rt, "minutes")) * time.Minute)
	owner := rapid.SampledFrom(g.owners).Draw(g.rt, "owner")
	m, err := g.h.merchants.Get(ctx, owner)
	if err != nil {
		g.rt.Fatal(err)
	}
	m.Settings.Disabled = !m.Settings.Disabled
	if err := g.h.merchants.Change(ctx, alice, m); err != nil {
		g.rt.Fatal(err)
	}
	g.w.shops[owner].disabled = m.Settings.Disabled
}

// size draws the length of a slice: mostly short, sometimes long.
func (g *game) size() int {
	return rapid.SampledFrom([]int{1, 1, 2, 5, 5, 20, 60, 200}).Draw(g.rt, "size")
}

// often draws true once in n times.
func (g *game) often(n int, label string) bool { return rapid.IntRange(1, n).Draw(g.rt, label) == 1 }

func (g *game) asks() {
	var list []payout.New
	for range g.size() {
		owner := rapid.SampledFrom(g.owners).Draw(g.rt, "owner")
		n := payout.New{
			Owner: owner, ID: id.New(g.h.clock), Door: rapid.SampledFrom([]string{"aspay", "native"}).Draw(g.rt, "door"), Method: rapid.Int64Range(1, 2).Draw(g.rt, "method"),
			Amount: money.Of(rapid.Int64Range(5, 90).Draw(g.rt, "amount")*1_00, "BDT"), RecipientName: "John Doe", Account: goodAccount,
			Reference: rapid.SampledFrom([]string{"", "", "", "A", "B", "C", "D"}).Draw(g.rt, "reference"),
			AskedBy:   rapid.SampledFrom([]merchant.Actor{alice, bob}).Draw(g.rt, "asked by"), At: g.h.clock.Now(),
		}
		switch {
		case g.often(12, "odd"):
			n = g.odd(n)
		case len(list) > 0 && g.often(10, "again"):
			n = list[rapid.IntRange(0, len(list)-1).Draw(g.rt, "which")]
			if g.often(3, "other") {
				n.Amount.Minor += 1_00
			}
		}
		list = append(list, n)
	}
	for again := true; again; again = g.often(4, "lost") { // the answer to COMMIT was lost
		var want, got []string
		for _, n := range list {
			want = append(want, g.w.request(n))
		}
		err := g.h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			out, err := g.h.RequestIn(ctx, tx, list)
			got = words(out)
			return err
		})
		g.compare(err, want, got)
	}
}

// odd is the request with something wrong or unusual about it.
func (g *game) odd(n payout.New) payout.New {
	switch rapid.IntRange(0, 6).Draw(g.rt, "oddness") {
	case 0:
		n.Amount.Minor = rapid.SampledFrom([]int64{-1_00, 0, 4_00, 91_00}).Draw(g.rt, "odd amount")
	case 1:
		n.Amount.Currency = "PKR"
	case 2:
		n.Account = rapid.SampledFrom([]string{"", " ", "029876543"}).Draw(g.rt, "odd account")
	case 3:
		n.Account = " " + goodAccount + " "
	case 4:
		n.Method = rapid.SampledFrom([]int64{-1, 0, 3, 9}).Draw(g.rt, "odd method")
	case 5:
		n.Owner = id.New(g.h.clock)
	case 6:
		n.Method, n.Amount.Minor = 3, 0
	}
	return n
}

// payout draws one, mostly of the newest; sometimes by the wrong merchant, and sometimes none.
func (g *game) payout() (owner, key string) {
	owner = rapid.SampledFrom(g.owners).Draw(g.rt, "owner")
	if len(g.w.order) == 0 || g.often(40, "none") {
		return owner, id.New(g.h.clock)
	}
	back := rapid.IntRange(0, min(len(g.w.order), 60)-1).Draw(g.rt, "payout")
	key = g.w.order[len(g.w.order)-1-back]
	if g.often(40, "foreign") {
		return owner, key
	}
	return g.w.payouts[key].owner, key
}

func (g *game) moveSlice() {
	var list []payout.Move
	for range g.size() {
		owner, key := g.payout()
		m := payout.Move{
			ID: id.New(g.h.clock), Merchant: owner, Payout: key, At: g.h.clock.Now(),
			Action:        rapid.SampledFrom([]payout.Action{payout.Approve, payout.Approve, payout.Reject, payout.Cancel, payout.Process, payout.Process, payout.Complete, payout.Doubt, "sing"}).Draw(g.rt, "action"),
			Right:         rapid.SampledFrom([]payout.Right{payout.OfMerchant, payout.OfOperator, payout.OfRail, payout.OfRail}).Draw(g.rt, "right"),
			By:            rapid.SampledFrom([]merchant.Actor{{}, alice, bob}).Draw(g.rt, "by"),
			Reason:        rapid.SampledFrom([]string{"", "seen"}).Draw(g.rt, "reason"),
			RailReference: rapid.SampledFrom([]string{"", "TRX"}).Draw(g.rt, "rail reference"),
		}
		if made := append(g.moves, list...); len(made) > 0 && g.often(10, "again") {
			m = made[len(made)-1-rapid.IntRange(0, min(len(made), 20)-1).Draw(g.rt, "which")]
		}
		list = append(list, m)
	}
	for again := true; again; again = g.often(4, "lost") {
		var want, got []string
		for _, m := range list {
			want = append(want, g.w.moved(m))
		}
		err := g.h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			out, err := g.h.MoveIn(ctx, tx, list)
			got = words(out)
			return err
		})
		g.compare(err, want, got)
	}
	g.moves = append(g.moves, list...)
}

func words(out []store.Outcome[payout.Payout]) (list []string) {
	for _, o := range out {
		list = append(list, says(o.Value, o.Err))
	}
	return list
}

func (g *game) compare(err error, want, got []string) {
	if d := cmp.Diff(want, got); d != "" || err != nil {
		g.rt.Fatal(err, d)
	}
}

// stands compares everything that there is with the model.
func (g *game) stands() {
	for owner, s := range g.w.shops {
		if have, want := g.h.figures(owner), fmt.Sprint(s.balance, " ", s.available(), " ", s.fees, " ", s.out); have != want || s.available() < 0 {
			g.rt.Fatalf("balance, available, fees, paid out: %s, the model has %s", have, want)
		}
		list, err := g.h.List(ctx, payout.Query{Merchant: owner, Limit: 100_000})
		if err != nil {
			g.rt.Fatal(err)
		}
		there := 0
		for _, p := range list {
			there++
			if have, want := says(p, nil), g.w.payouts[p.ID].says(p.ID); have != want {
				g.rt.Fatalf("%s, the model has %s", have, want)
			}
		}
		made, told := 0, 0
		for _, p := range g.w.payouts {
			if p.owner == owner {
				made++
			}
		}
		for _, e := range g.events(owner) {
			if e.Kind == payout.EventKind {
				told++
			}
		}
		if there != made || told != s.events {
			g.rt.Fatalf("%d payouts and %d events, the model has %d and %d", there, told, made, s.events)
		}
	}
}
