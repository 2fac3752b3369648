package crashtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// invoice is an invoice of the native API, as far as it is checked.
type invoice struct {
	ID, Number, Door, Reference, Amount, Currency, Status string
	AmountPaid                                            string `json:"amount_paid"`
	Payer                                                 string // of a bill, which has no reference
	Payments                                              []struct{ ID, Applied, Status string }
}

// ref is the reference that the invoice was asked for with.
func (i invoice) ref() string { return cmp.Or(i.Reference, i.Payer) }

// events are all events of the merchant that were read so far.
type events struct {
	last    int64
	types   map[string][]string // by the invoice's reference, in their order
	subject map[string]string   // the invoice's id, by its reference
	ends    map[string]ending   // by the invoice's reference
}

// ending is the event that closed an invoice.
type ending struct {
	status string
	number int64
}

func newEvents() *events {
	return &events{types: map[string][]string{}, subject: map[string]string{}, ends: map[string]ending{}}
}

// read asks for a page of the native API.
func (h *House) read(t testing.TB, path string, into any) (found bool) {
	t.Helper()
	a, err := h.send(h.next(), h.native(http.MethodGet, path, nil))
	if err == nil && a.Status == http.StatusOK {
		err = json.Unmarshal(a.Body, into)
	} else if err == nil && a.Status != http.StatusNotFound {
		err = fmt.Errorf("%d %s", a.Status, a.Body)
	}
	if err != nil {
		t.Errorf("GET %s: %v", path, err)
	}
	return err == nil && a.Status == http.StatusOK
}

// next is a node that is up, each in its turn.
func (h *House) next() *Node {
	n := h.turn.Add(1)
	for i := range h.Nodes {
		if node := h.Nodes[(int(n)+i)%len(h.Nodes)]; node.Up() {
			return node
		}
	}
	return h.Nodes[0]
}

// follow reads the events that came since the last time: without a gap, each about an invoice of one reference.
func (h *House) follow(t testing.TB) {
	t.Helper()
	e := h.events
	for more := true; more && !t.Failed(); {
		var page struct {
			Data []struct {
				Number        int64
				Type, Subject string
				Data          struct{ Invoice *invoice }
			}
			HasMore bool `json:"has_more"`
		}
		if !h.read(t, fmt.Sprintf("/v1/events?limit=100&after=%d", e.last), &page) {
			return
		}
		for _, got := range page.Data {
			if got.Number != e.last+1 {
				t.Errorf("after event %d comes %d", e.last, got.Number)
			}
			e.last = got.Number
			inv := got.Data.Invoice
			if inv == nil {
				if got.Type != "balance.funded" {
					t.Errorf("event %d is %s, and of no invoice", got.Number, got.Type)
				}
				continue
			}
			ref := inv.ref()
			if id := e.subject[ref]; id != "" && id != got.Subject {
				t.Errorf("%s is invoice %s and invoice %s", ref, id, got.Subject)
			}
			e.subject[ref] = got.Subject
			e.types[ref] = append(e.types[ref], got.Type)
			if status := strings.TrimPrefix(got.Type, "invoice."); status != "created" {
				e.ends[ref] = ending{status, got.Number}
			}
		}
		more = page.HasMore
	}
}

// Check holds what is there against what the bills say was acknowledged. Then it repeats each write whose outcome is unknown, and some
// of the others, at all nodes at once: the one gets done once, the other gets its old answer. After that nothing is unknown any more.
func (h *House) Check(t testing.TB, bills []*Bill) {
	t.Helper()
	h.follow(t)
	h.each(bills, func(b *Bill) { h.look(t, b) })
	var doubtful, repeat []*Bill
	for _, b := range bills {
		switch {
		case b.Create.Sent && !b.Create.Acked || b.End.Sent && !b.End.Acked:
			doubtful = append(doubtful, b)
		case h.checks.IntN(10) == 0:
			repeat = append(repeat, b)
		}
	}
	there := 0
	for _, b := range doubtful {
		if n := len(h.events.types[b.Order.Reference]); n == 2 || n == 1 && !b.Create.Acked {
			there++
		}
	}
	t.Logf("%d writes in doubt, of which %d had been carried out", len(doubtful), there)
	h.each(slices.Concat(doubtful, repeat), func(b *Bill) {
		h.repeat(t, &b.Create, b.made)
		if b.End.Sent {
			h.repeat(t, &b.End, b.ended)
		}
	})
	h.follow(t)
	h.each(slices.Concat(doubtful, repeat), func(b *Bill) { h.look(t, b) })
}

// each calls f for the bills, some at once.
func (h *House) each(bills []*Bill, f func(*Bill)) {
	var all sync.WaitGroup
	next := make(chan *Bill)
	for range Clients / 2 {
		all.Go(func() {
			for b := range next {
				f(b)
			}
		})
	}
	for _, b := range bills {
		next <- b
	}
	close(next)
	all.Wait()
}

// find reads the bill's invoice by the native API: by its reference, or by the id that its events have where it has none.
func (h *House) find(t testing.TB, b *Bill, into *invoice) bool {
	name := b.Order.Reference
	if b.Driver.Named != nil {
		if name = h.events.subject[name]; name == "" {
			return false
		}
	}
	return h.read(t, "/v1/invoices/"+url.PathEscape(name), into)
}

// look holds one bill against the door's own status call, the native API and the events: it is wholly there or wholly absent, and
// there when that was acknowledged.
func (h *House) look(t testing.TB, b *Bill) {
	ref := b.Order.Reference
	bad := func(format string, args ...any) { t.Errorf("%s: %s", ref, fmt.Sprintf(format, args...)) }
	var inv invoice
	found := h.find(t, b, &inv)
	name, word := ref, ""
	if b.Driver.Named != nil {
		name = inv.Number
	}
	if name != "" {
		a, err := h.send(h.next(), b.Driver.Ask(name))
		var ok bool
		if word, ok = b.Driver.Standing(a); err != nil || !ok {
			bad("no status: %d %s %v", a.Status, a.Body, err)
			return
		}
	}
	if !found {
		if b.Create.Acked {
			bad("it was acknowledged and is not there")
		}
		if word != "" || len(h.events.types[ref]) > 0 {
			bad("it is not there, and yet its door calls it %q and its events are %v", word, h.events.types[ref])
		}
		return
	}
	may := []string{"open"}
	switch {
	case b.End.Acked:
		may = []string{b.To}
	case b.End.Sent:
		may = append(may, b.To)
	}
	if !slices.Contains(may, inv.Status) {
		bad("it is %s, and may be %v", inv.Status, may)
	}
	if want := b.Driver.word(inv.Status); word != want {
		bad("it is %s, and its door says %q instead of %q", inv.Status, word, want)
	}
	if inv.Door != b.Driver.Door || inv.Amount != b.Order.Amount || inv.Currency != b.Driver.Currency || inv.ID != h.events.subject[ref] {
		bad("it is %+v", inv)
	}
	want := []string{"invoice.created"}
	paid, payments := "0.00", 0
	if inv.Status != "open" {
		want = append(want, "invoice."+inv.Status)
	}
	if inv.Status == "paid" {
		paid, payments = inv.Amount, 1
	}
	if got := h.events.types[ref]; !slices.Equal(got, want) {
		bad("its events are %v, want %v", got, want)
	}
	if inv.AmountPaid != paid || len(inv.Payments) != payments {
		bad("%s of it is paid, by %+v", inv.AmountPaid, inv.Payments)
		return
	}
	for _, p := range inv.Payments {
		if p.Applied != inv.Amount || p.Status != "received" {
			bad("its payment is %+v", p)
		}
		if own := text(b.End.Answer, "payment", "id"); own != "" && own != p.ID {
			bad("payment %s was acknowledged, and %s is there", own, p.ID)
		}
	}
}

// repeat sends a write once more with its own Idempotency-Key, at every node at once: one effect, equal answers.
func (h *House) repeat(t testing.TB, c *Call, acked func(Answer) bool) {
	if !c.Sent {
		return
	}
	answers := make([]Answer, len(h.Nodes))
	var all sync.WaitGroup
	for i, n := range h.Nodes {
		if !n.Up() {
			continue
		}
		all.Go(func() {
			a, err := h.send(n, c.Request)
			if err != nil || !acked(a) {
				t.Errorf("%v again: %d %s %v", c.Request, a.Status, a.Body, err)
			}
			answers[i] = a
		})
	}
	all.Wait()
	for _, a := range answers {
		switch {
		case a.Status == 0: // the node is down
		case c.Acked:
			sameAnswer(t, c, a)
		default:
			c.Acked, c.Answer = true, a
		}
	}
}

// AwaitStatus waits until every bill has the status by the native API, which is then what it is expected to have.
func (h *House) AwaitStatus(t testing.TB, bills []*Bill, status string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for _, b := range bills {
		for {
			var inv invoice
			if h.find(t, b, &inv); inv.Status == status {
				b.To, b.End.Acked = status, true
				break
			}
			if t.Failed() || time.Now().After(deadline) {
				t.Fatalf("%s does not become %s", b.Order.Reference, status)
			}
			<-time.After(20 * glance)
		}
	}
}

// Make asks for n invoices at every door, and leaves them open.
func (h *House) Make(t testing.TB, name string, n int) (made []*Bill) {
	t.Helper()
	for _, d := range h.Drivers {
		for i := range n {
			b := &Bill{Driver: d, Order: Order{Reference: fmt.Sprintf("%s-%s-%d", d.Door, name, i), Amount: "12.50"}}
			b.Order.Hook = h.Sink.Hook(b.Order.Reference)
			b.Create.Request, b.Create.Sent = d.Create(b.Order).with("create-"+b.Order.Reference), true
			h.repeat(t, &b.Create, b.made)
			made = append(made, b)
		}
	}
	h.Bills = append(h.Bills, made...)
	return made
}

// Finish holds everything that was ever asked for against what is there, with nothing besides: every invoice of the list, every event,
// the money on the rail's account. Then it waits for the webhook of every end that a door tells of.
func (h *House) Finish(t testing.TB) {
	t.Helper()
	h.follow(t)
	h.each(h.Bills, func(b *Bill) { h.look(t, b) })
	want, tell, owed := map[string]bool{}, map[string]bool{}, map[string]int64{}
	numbers, paid := map[string]int64{}, 0
	for _, b := range h.Bills {
		if !b.Create.Acked {
			continue // it was never sent again: see Check
		}
		ref := b.Order.Reference
		want[ref] = true
		if b.To == "paid" && b.End.Acked {
			owed[b.Driver.Currency] += minor(b.Order.Amount)
			paid++
		}
		if came := h.events.ends[ref]; slices.Contains(b.Driver.Tells, came.status) {
			tell[ref], numbers[ref] = true, came.number
		}
	}
	h.listed(t, want)
	h.owes(t, owed)
	for ref := range h.events.types {
		if !want[ref] {
			t.Errorf("events tell of %s, which nobody asked for", ref)
		}
	}
	if t.Failed() {
		return
	}
	h.Sink.AwaitAll(t, tell)
	h.Sink.AwaitCut(t)
	h.Sink.check(t, numbers)
	calls, deliveries := h.Sink.Figures()
	t.Logf("%d invoices, %d paid, %d events; %d webhooks in %d calls, %d of them were under way when their caller died", len(want),
		paid, h.events.last, deliveries, calls, h.Sink.Cut())
	for _, n := range h.Nodes {
		if strings.Contains(n.Logs(), "panic") {
			t.Errorf("%s stumbled:\n%s", n.args[0], n.Logs())
		}
	}
}

// listed reads the whole list of invoices: each that is wanted stands there once, each id and each printed number once, and nothing else.
func (h *House) listed(t testing.TB, want map[string]bool) {
	t.Helper()
	refs, ids, numbers := map[string]bool{}, map[string]bool{}, map[string]bool{}
	before := ""
	for more := true; more && !t.Failed(); {
		var page struct {
			Data    []invoice
			HasMore bool `json:"has_more"`
		}
		if !h.read(t, "/v1/invoices?limit=100"+before, &page) {
			return
		}
		for _, inv := range page.Data {
			number := inv.Door + " " + inv.Number
			ref := inv.ref()
			if refs[ref] || ids[inv.ID] || inv.Number != "" && numbers[number] || !want[ref] {
				t.Errorf("it is there twice, or nobody asked for it: %+v", inv)
			}
			refs[ref], ids[inv.ID], numbers[number] = true, true, true
			before = "&before=" + inv.ID
		}
		more = page.HasMore
	}
	if len(refs) != len(want) {
		t.Errorf("%d invoices are listed, want %d", len(refs), len(want))
	}
}

// owes holds what the sandbox's rail owes the merchant against what was paid, in minor units by currency.
func (h *House) owes(t testing.TB, want map[string]int64) {
	t.Helper()
	var page struct {
		Data []struct{ Currency, Kind, Balance string }
	}
	h.read(t, "/v1/balances", &page)
	got := map[string]int64{}
	for _, b := range page.Data {
		if b.Kind == "clearing/sandbox" {
			got[b.Currency] = -minor(b.Balance)
		}
	}
	for c, sum := range want {
		if got[c] != sum {
			t.Errorf("the rail owes %d %s in minor units, and %d were paid", got[c], c, sum)
		}
	}
}

// minor is an amount with two decimals in minor units.
func minor(text string) int64 {
	var n int64
	_, _ = fmt.Sscan(strings.Replace(text, ".", "", 1), &n)
	return n
}
