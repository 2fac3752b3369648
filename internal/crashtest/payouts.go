package crashtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// Withdrawal is a payout that a client asked for at Aspay's door.
type Withdrawal struct {
	Reference string
	Call      Call
	amount    int64 // paisa
	keyed     bool
	id        string // as it was printed, once it is known to be there
}

// Payouts is the balance of a demo's merchant under load: each client asks for payouts by the merchant's references, with a key and without.
// Nothing is sent out, so that all of it stays set aside.
type Payouts struct {
	house  *House
	keys   []string
	method json.Number
	held   int64 // what was set aside at first, in paisa
	whole  int64 // what is there, in paisa
	random *rand.Rand

	mu    sync.Mutex
	asked []*Withdrawal
}

// NewPayouts is the payouts of the line's merchant, asked for at the nodes.
func NewPayouts(t testing.TB, line Line, p *Plan, nodes ...*Node) *Payouts {
	t.Helper()
	b := &Payouts{
		house: &House{Line: line, Nodes: nodes, client: newClient(t)}, random: p.Random(1),
		keys: []string{"x-api-key", line.Aspay.APIKey, "x-api-secret", line.Aspay.APISecret},
	}
	var methods struct {
		Data []struct {
			ID  json.Number
			Min json.Number `json:"min_amount"`
		}
	}
	a := b.must(t, get("/api/payout/methods", b.keys))
	if err := json.Unmarshal(a.Body, &methods); err != nil || len(methods.Data) == 0 || methods.Data[0].Min != "100" {
		t.Fatalf("no method that takes BDT 100: %s %v", a.Body, err)
	}
	b.method = methods.Data[0].ID
	b.whole, b.held = b.balance(t)
	return b
}

// must asks a node and must be answered.
func (b *Payouts) must(t testing.TB, r Request) Answer {
	t.Helper()
	a, err := b.house.send(b.house.next(), r)
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("%v: %d %s %v", r, a.Status, a.Body, err)
	}
	return a
}

// balance is what the merchant has, and what of it is set aside, in paisa.
func (b *Payouts) balance(t testing.TB) (whole, held int64) {
	t.Helper()
	var page struct {
		Data []struct{ Currency, Kind, Balance, Held string }
	}
	a := b.must(t, b.house.native(http.MethodGet, "/v1/balances", nil))
	if err := json.Unmarshal(a.Body, &page); err != nil {
		t.Fatal(err)
	}
	for _, s := range page.Data {
		if s.Currency == "BDT" && s.Kind == "balance" {
			return minor(s.Balance), minor(s.Held)
		}
	}
	t.Fatalf("no balance in taka: %s", a.Body)
	return 0, 0
}

// Start sets the clients to work.
func (b *Payouts) Start(t testing.TB, name string, random *rand.Rand) *Load {
	return b.house.start(t, name, random, b.ask)
}

// ask is one request, perhaps sent once more.
func (b *Payouts) ask(l *Load, random *rand.Rand, reference string) {
	w := &Withdrawal{Reference: "WD-" + reference, amount: 100_00 + random.Int64N(100), keyed: random.IntN(2) == 0}
	w.Call.Request = post("/api/payout/request", b.keys, map[string]any{
		"payout_method_id": b.method, "amount": json.Number(fmt.Sprintf("%d.%02d", w.amount/100, w.amount%100)), "recipient_name": "Rahima Khatun",
		"recipient_account": "01712345678", "transaction_reference": w.Reference,
	})
	if w.keyed {
		w.Call.Request = w.Call.Request.with("key-" + w.Reference)
	}
	b.mu.Lock()
	b.asked = append(b.asked, w)
	b.mu.Unlock()
	if !l.do(b.house.pick(random), &w.Call, paidOut) {
		return
	}
	switch n := random.IntN(8); {
	case n == 0 && w.keyed:
		l.again(b.house.pick(random), &w.Call)
	case n == 1:
		b.read(l, random, w)
	}
}

// read asks where an acknowledged payout stands.
func (b *Payouts) read(l *Load, random *rand.Rand, w *Withdrawal) {
	r := get("/api/payout/"+w.Reference, b.keys)
	a, err := b.house.send(b.house.pick(random), r)
	switch {
	case err != nil || a.Status >= 500:
		l.excuse(r, a, err)
	case a.Status != http.StatusOK || text(a, "payout_id") != text(w.Call.Answer, "payout_id"):
		l.t.Errorf("%s was acknowledged with %s, and is read as %d %s", w.Reference, w.Call.Answer.Body, a.Status, a.Body)
	}
}

// paidOut reports whether an answer says that a payout was made.
func paidOut(a Answer) bool {
	return a.Status == http.StatusCreated && text(a, "status") == "pending" && strings.HasPrefix(text(a, "payout_id"), "ATPAY")
}

// settled reports whether an answer says that the payout is there: it was made, or is found to have been made before.
func settled(a Answer) bool {
	return paidOut(a) || a.Status == http.StatusUnprocessableEntity && strings.Contains(text(a, "message"), "already been taken")
}

// Check asks again for each payout whose outcome is unknown, and for some of the others. Then each that was ever asked for is there once, with
// its figures, and what is set aside is their sum. Of those that a check has found before, some are looked at again.
func (b *Payouts) Check(t testing.TB) {
	t.Helper()
	doubtful, there := 0, 0
	for _, w := range b.asked {
		acked, again := w.Call.Acked || w.id != "", b.random.IntN(20) == 0
		if !acked {
			doubtful++
			if again = true; b.find(t, w) != "" {
				there++
			}
		}
		switch {
		case again && w.keyed:
			b.house.repeat(t, &w.Call, paidOut)
		case again: // the reference alone keeps it from being made twice
			a, err := b.house.send(b.house.next(), w.Call.Request)
			if err != nil || !settled(a) || acked && paidOut(a) {
				t.Errorf("%s again: %d %s %v", w.Reference, a.Status, a.Body, err)
			}
		}
	}
	t.Logf("%d of %d payouts in doubt, of which %d had been made", doubtful, len(b.asked), there)
	ids, sum := map[string]bool{}, b.held
	for _, w := range b.asked {
		if w.id == "" || b.random.IntN(20) == 0 {
			id := b.find(t, w)
			if id == "" || w.id != "" && id != w.id || w.Call.Acked && id != text(w.Call.Answer, "payout_id") {
				t.Errorf("%s was acknowledged with %s, was %q, and is %q", w.Reference, w.Call.Answer.Body, w.id, id)
			}
			w.id = id
		}
		if ids[w.id] {
			t.Errorf("%s is printed twice", w.id)
		}
		ids[w.id] = true
		sum += w.amount
	}
	if whole, held := b.balance(t); held != sum || whole != b.whole {
		t.Errorf("%d of %d paisa are set aside, want %d of %d", held, whole, sum, b.whole)
	}
}

// find is the printed id of the payout with the reference, "" when there is none.
func (b *Payouts) find(t testing.TB, w *Withdrawal) string {
	t.Helper()
	a, err := b.house.send(b.house.next(), get("/api/payout/"+w.Reference, b.keys))
	word, ok := standing(a, "status")
	if err != nil || !ok || word != "" && (word != "pending" || minor(fixed(text(a, "amount"))) != w.amount) {
		t.Errorf("%s: %d %s %v", w.Reference, a.Status, a.Body, err)
	}
	return text(a, "payout_id")
}

// fixed is a JSON number with two decimals.
func fixed(number string) string {
	whole, decimals, _ := strings.Cut(number, ".")
	return whole + "." + (decimals + "00")[:2]
}
