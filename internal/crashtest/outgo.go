package crashtest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Outgo is one payout that a client asked for, and what it did to it.
type Outgo struct {
	Reference, Amount string
	Ask, End          Call
	To                string // the status that End is to bring; "" when the client left it alone
}

// Outgoings are the payouts of the demo's merchant under load, asked for and ended by the native API, each write with a key.
type Outgoings struct {
	house   *House
	method  int64
	opening int64 // what was on the balance at first, in minor units
	random  *rand.Rand

	mu   sync.Mutex
	list []*Outgo
}

// outgo is a payout of the native API, as far as it is checked.
type outgo struct {
	ID, Reference, Amount, Total, Status, Currency string
}

// outgoCurrency is that of all payouts of a load.
const outgoCurrency = "BDT"

// NewOutgoings looks up how the line's merchant can pay out.
func NewOutgoings(t testing.TB, line Line, p *Plan, node *Node) *Outgoings {
	t.Helper()
	o := &Outgoings{house: &House{Line: line, Nodes: []*Node{node}, client: newClient(t)}, random: p.Random(1)}
	var methods struct {
		Data []struct {
			Number int64
			Kind   string
		}
	}
	o.house.read(t, "/v1/payout_methods", &methods)
	for _, m := range methods.Data {
		if m.Kind == "bkash" {
			o.method = m.Number
		}
	}
	if o.method == 0 {
		t.Fatalf("the demo's merchant cannot pay into bKash: %+v", methods)
	}
	o.opening, _ = o.balance(t)
	return o
}

// balance is what is on the merchant's balance, and how much of it is held, in minor units.
func (o *Outgoings) balance(t testing.TB) (all, held int64) {
	t.Helper()
	var page struct {
		Data []struct{ Currency, Kind, Balance, Held string }
	}
	o.house.read(t, "/v1/balances", &page)
	for _, b := range page.Data {
		if b.Currency == outgoCurrency && b.Kind == "balance" {
			return minor(b.Balance), minor(b.Held)
		}
	}
	t.Fatalf("the demo's merchant has no balance: %+v", page)
	return 0, 0
}

// Start sets the clients to work.
func (o *Outgoings) Start(t testing.TB, name string, random *rand.Rand) *Load {
	return o.house.start(t, name, random, o.story)
}

// story is one payout: asked for, perhaps asked for again, and mostly ended.
func (o *Outgoings) story(l *Load, random *rand.Rand, reference string) {
	x := &Outgo{Reference: "out-" + reference, Amount: fmt.Sprintf("%d.%02d", 100+random.IntN(100), random.IntN(100))}
	x.Ask.Request = o.house.native(http.MethodPost, "/v1/payouts", map[string]any{
		"payout_method": o.method, "amount": x.Amount, "currency": outgoCurrency, "recipient_name": "Rahima Khatun", "recipient_account": "01712345678",
		"reference": x.Reference,
	}).with("ask-" + x.Reference)
	o.mu.Lock()
	o.list = append(o.list, x)
	o.mu.Unlock()
	if !l.do(o.house.Nodes[0], &x.Ask, outgoAsked) {
		return
	}
	if random.IntN(8) == 0 {
		l.again(o.house.Nodes[0], &x.Ask)
	}
	switch n := random.IntN(10); {
	case n == 0:
		return
	case n < 3:
		x.To = "cancelled"
		x.End.Request = o.house.native(http.MethodPost, "/v1/payouts/"+text(x.Ask.Answer, "id")+"/cancel", map[string]any{"reason": "a mistake"})
	default:
		x.To = []string{"processing", "completed", "completed", "rejected"}[random.IntN(4)]
		x.End.Request = o.house.native(http.MethodPost, "/v1/sandbox/payout", map[string]any{"target": x.Reference, "outcome": x.To})
	}
	x.End.Request = x.End.Request.with("end-" + x.Reference)
	if l.do(o.house.Nodes[0], &x.End, x.ended) && random.IntN(8) == 0 {
		l.again(o.house.Nodes[0], &x.End)
	}
}

// outgoAsked reports whether an answer is a payout that was just asked for.
func outgoAsked(a Answer) bool {
	return a.Status == http.StatusOK && text(a, "id") != "" && text(a, "status") == "pending"
}

func (x *Outgo) ended(a Answer) bool { return a.Status == http.StatusOK && text(a, "status") == x.To }

// Check repeats each write whose outcome is unknown, and some of the others. Then it holds the list, the events and the balance against
// what was acknowledged: each payout is there once, as it was acknowledged, its money gone once or given back, and no other.
func (o *Outgoings) Check(t testing.TB) {
	t.Helper()
	doubtful := 0
	for _, x := range o.list {
		again := o.random.IntN(10) == 0
		if doubt := !x.Ask.Acked || x.End.Sent && !x.End.Acked; doubt {
			doubtful++
			again = true
		}
		if again {
			o.house.repeat(t, &x.Ask, outgoAsked)
			o.house.repeat(t, &x.End, x.ended)
		}
	}
	t.Logf("%d of %d payouts had a write in doubt", doubtful, len(o.list))
	there, gone, held := o.all(t), int64(0), int64(0)
	told := o.told(t)
	for _, x := range o.list {
		p, ok := there[x.Reference]
		delete(there, x.Reference)
		want := "pending"
		if x.End.Acked {
			want = x.To
		}
		if !ok || p.Status != want || p.ID != text(x.Ask.Answer, "id") || p.Amount != x.Amount || p.Total != text(x.Ask.Answer, "total") {
			t.Errorf("%s was acknowledged with %s, then as %q, and is %+v", x.Reference, x.Ask.Answer.Body, x.To, p)
			continue
		}
		if events := told[p.ID]; !slices.Equal(events, outgoEvents(p.Status)) {
			t.Errorf("%s is %s, and its events are %v", x.Reference, p.Status, events)
		}
		switch p.Status {
		case "completed":
			gone += minor(p.Total)
		case "pending", "processing":
			held += minor(p.Total)
		}
	}
	if len(there) > 0 {
		t.Errorf("%d payouts that nobody asked for", len(there))
	}
	if has, holds := o.balance(t); has != o.opening-gone || holds != held {
		t.Errorf("the balance is %d with %d held, want %d with %d", has, holds, o.opening-gone, held)
	}
}

// outgoEvents are the events of a payout that has come to a status.
func outgoEvents(status string) []string {
	list := []string{"payout.requested"}
	if status == "completed" {
		list = append(list, "payout.processing")
	}
	if status != "pending" {
		list = append(list, "payout."+status)
	}
	return list
}

// all are the merchant's payouts by their references; one that is there twice fails the test.
func (o *Outgoings) all(t testing.TB) map[string]outgo {
	t.Helper()
	found, before := map[string]outgo{}, ""
	for more := true; more && !t.Failed(); {
		var page struct {
			Data    []outgo
			HasMore bool `json:"has_more"`
		}
		if !o.house.read(t, "/v1/payouts?limit=100"+before, &page) {
			return found
		}
		for _, p := range page.Data {
			if _, twice := found[p.Reference]; twice {
				t.Errorf("%s is there twice", p.Reference)
			}
			found[p.Reference] = p
			before = "&before=" + p.ID
		}
		more = page.HasMore
	}
	return found
}

// told are the types of the payouts' events, by payout, in their order.
func (o *Outgoings) told(t testing.TB) map[string][]string {
	t.Helper()
	found, last := map[string][]string{}, int64(0)
	for more := true; more && !t.Failed(); {
		var page struct {
			Data []struct {
				Number              int64
				Type, Kind, Subject string
			}
			HasMore bool `json:"has_more"`
		}
		if !o.house.read(t, fmt.Sprintf("/v1/events?limit=100&after=%d", last), &page) {
			return found
		}
		for _, e := range page.Data {
			if e.Number != last+1 {
				t.Errorf("after event %d comes %d", last, e.Number)
			}
			if last = e.Number; strings.HasPrefix(e.Type, "payout.") {
				found[e.Subject] = append(found[e.Subject], e.Type)
			}
		}
		more = page.HasMore
	}
	return found
}
