package crashtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Clients is how many clients are at the doors at once.
const Clients = 16

// Call is one write that a client sent, and whether it was acknowledged. One that was sent and not acknowledged may have been carried
// out or not.
type Call struct {
	Request Request
	Sent    bool
	Acked   bool
	Answer  Answer // the acknowledgement
}

// Bill is one invoice that a client asked for, and what it did to it.
type Bill struct {
	Driver *Driver
	Order  Order
	Create Call
	End    Call
	To     string // the status that End is to bring: "paid" or "cancelled"; "" when the client left it open
	Button bool   // End is a press on the hosted page's button
}

// House is one merchant, with the nodes that serve it and everything that was ever asked for.
type House struct {
	Line    Line
	Drivers []*Driver
	Nodes   []*Node
	Sink    *Sink
	Bills   []*Bill

	client *http.Client
	events *events
	checks *rand.Rand
	turn   atomic.Int64 // of the nodes, in checks
}

// NewHouse is a house of which invoices are asked for at all the doors named.
func NewHouse(t testing.TB, line Line, doors []string, p *Plan, nodes ...*Node) *House {
	t.Helper()
	h := &House{Line: line, Nodes: nodes, checks: p.Random(1)}
	h.client = newClient(t)
	if line.AsaanBill != nil {
		if a, err := h.send(nodes[0], line.login()); err != nil || !line.loggedIn(a) {
			t.Fatalf("AsaanBill's user cannot log in: %d %s %v", a.Status, a.Body, err)
		}
	}
	h.Drivers = line.Drivers(doors)
	if len(h.Drivers) != len(doors) || len(doors) == 0 {
		t.Fatalf("%d of the front doors %v can be driven", len(h.Drivers), doors)
	}
	h.Sink = NewSink(t, line.Native.WebhookSecret, p.Random(2))
	h.events = newEvents()
	return h
}

// newClient is what all clients of a house call with.
func newClient(t testing.TB) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * Clients, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Timeout: patience, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// send makes a call at a node.
func (h *House) send(n *Node, r Request) (Answer, error) {
	req, err := http.NewRequestWithContext(context.Background(), r.Method, n.URL()+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, err
	}
	req.GetBody = nil // with it, and an Idempotency-Key, net/http sends a request that was cut off once more by itself
	for i := 0; i < len(r.Header); i += 2 {
		req.Header.Set(r.Header[i], r.Header[i+1])
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return Answer{Status: resp.StatusCode, Location: resp.Header.Get("Location"), Body: body}, err
}

// pick is a node that is up, by chance.
func (h *House) pick(random *rand.Rand) *Node {
	up := make([]*Node, 0, len(h.Nodes))
	for _, n := range h.Nodes {
		if n.Up() {
			up = append(up, n)
		}
	}
	if len(up) == 0 {
		return h.Nodes[0] // nobody answers there
	}
	return up[random.IntN(len(up))]
}

// native is a call of the native API.
func (h *House) native(method, path string, body any) Request {
	header := []string{"Authorization", "Bearer " + h.Line.Native.APIKey}
	if method == http.MethodGet {
		return get(path, header)
	}
	return post(path, header, body)
}

// Load is clients at work.
type Load struct {
	t        testing.TB
	house    *House
	name     string
	stop     chan struct{}
	clients  sync.WaitGroup
	rung     chan struct{}
	acks     atomic.Int64
	inFlight atomic.Int64
	troubled atomic.Bool  // something is being killed: from now on a request may fail
	over     atomic.Bool  // it has been killed
	cut      atomic.Int64 // writes that were sent before it was dead, to somebody who still took them, and got no acknowledgement

	mu    sync.Mutex
	bills []*Bill
}

// Start sets the clients to work. The name makes the references of this load its own.
func (h *House) Start(t testing.TB, name string, random *rand.Rand) *Load {
	return h.start(t, name, random, (*Load).story)
}

// start sets the clients to work at one story after another.
func (h *House) start(t testing.TB, name string, random *rand.Rand, story func(l *Load, random *rand.Rand, reference string)) *Load {
	l := &Load{t: t, house: h, name: name, stop: make(chan struct{}), rung: make(chan struct{}, 1)}
	for i := range Clients {
		own := rand.New(rand.NewPCG(random.Uint64(), uint64(i)))
		l.clients.Go(func() {
			for n := 0; !l.stopped() && !t.Failed(); n++ {
				story(l, own, fmt.Sprintf("%s-%d-%d", l.name, i, n))
			}
		})
	}
	return l
}

func (l *Load) stopped() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

// Await waits until so many writes have been acknowledged since the load began.
func (l *Load) Await(acks int64) {
	l.t.Helper()
	deadline := time.After(patience)
	for l.acks.Load() < acks {
		select {
		case <-l.rung:
		case <-deadline:
			l.t.Fatalf("%s: %d writes were acknowledged, want %d", l.name, l.acks.Load(), acks)
		}
		if l.t.Failed() {
			l.t.FailNow()
		}
	}
}

// Acks is how many writes have been acknowledged.
func (l *Load) Acks() int64 { return l.acks.Load() }

// Bills are what the clients asked for. They are final once the load has ended.
func (l *Load) Bills() []*Bill { return l.bills }

// Kill calls kill in the midst of the load, and answers how many writes were in flight when it was done. From then on requests may fail.
func (l *Load) Kill(kill func()) (inFlight int64) {
	l.troubled.Store(true)
	kill()
	l.over.Store(true)
	return l.inFlight.Load()
}

// Cut is how many writes were under way when it was killed and were never answered. It is final once the load has ended.
func (l *Load) Cut() int64 { return l.cut.Load() }

// End has the clients finish what they sent, and hands what they asked for over to the house.
func (l *Load) End() {
	close(l.stop)
	l.clients.Wait()
	l.house.client.CloseIdleConnections() // of a process that may be dead
	l.house.Bills = append(l.house.Bills, l.bills...)
}

// do sends a write to a node and notes what came of it; acked judges the answer. A failure before anything was killed is an error.
func (l *Load) do(node *Node, c *Call, acked func(Answer) bool) bool {
	before := !l.over.Load()
	c.Sent = true
	l.inFlight.Add(1)
	a, err := l.house.send(node, c.Request)
	l.inFlight.Add(-1)
	if err == nil && acked(a) {
		c.Acked, c.Answer = true, a
		l.acks.Add(1)
		select {
		case l.rung <- struct{}{}:
		default:
		}
		return true
	}
	if before && !errors.Is(err, syscall.ECONNREFUSED) {
		l.cut.Add(1)
	}
	l.excuse(c.Request, a, err)
	return false
}

// excuse fails the test for an answer that nothing explains: while all is up there is none but an acknowledgement, and in trouble
// a refusal is a mistake all the same.
func (l *Load) excuse(r Request, a Answer, err error) {
	if !l.troubled.Load() || err == nil && a.Status < 500 {
		l.t.Errorf("%v: %d %s %v", r, a.Status, a.Body, err)
	}
}

// story is one invoice: made, perhaps asked about and asked for again, and mostly paid.
func (l *Load) story(random *rand.Rand, reference string) {
	h := l.house
	d := h.Drivers[random.IntN(len(h.Drivers))]
	b := &Bill{Driver: d, Order: Order{
		Reference: d.Door + "-" + reference, Amount: fmt.Sprintf("%d.%02d", 1+random.IntN(5000), random.IntN(100)),
	}}
	b.Order.Hook = h.Sink.Hook(b.Order.Reference)
	b.Create.Request = d.Create(b.Order).with("create-" + b.Order.Reference)
	l.mu.Lock()
	l.bills = append(l.bills, b)
	l.mu.Unlock()
	if !l.do(h.pick(random), &b.Create, b.made) {
		return
	}
	if random.IntN(8) == 0 {
		l.again(h.pick(random), &b.Create)
	}
	switch n := random.IntN(20); {
	case n < 3:
		l.read(random, b, d.Open)
		return
	case n == 3:
		b.To = "cancelled"
	default:
		b.To = "paid"
	}
	page, _ := d.Made(b.Create.Answer)
	if b.Button = b.To == "paid" && random.IntN(3) == 0 && page != ""; b.Button {
		press, ok := l.button(h.pick(random), b)
		if !ok {
			b.To = ""
			return
		}
		b.End.Request = press
	} else {
		b.End.Request = h.native(http.MethodPost, "/v1/sandbox/pay", map[string]any{"target": b.name(), "outcome": b.To}).
			with("end-" + b.Order.Reference)
	}
	if !l.do(h.pick(random), &b.End, b.ended) {
		return
	}
	if !b.Button && random.IntN(8) == 0 {
		l.again(h.pick(random), &b.End)
	}
	if random.IntN(4) == 0 {
		l.read(random, b, d.word(b.To))
	}
}

// name is what the invoice of an acknowledged creation is asked for and paid by.
func (b *Bill) name() string {
	if b.Driver.Named != nil {
		return b.Driver.Named(b.Create.Answer)
	}
	return b.Order.Reference
}

// made and ended judge the answers of the two writes.
func (b *Bill) made(a Answer) bool {
	_, ok := b.Driver.Made(a)
	return ok
}

func (b *Bill) ended(a Answer) bool {
	if b.Button {
		return a.Status == http.StatusSeeOther
	}
	return a.Status == http.StatusOK && text(a, "status") == b.To
}

// again repeats a write that was acknowledged: the answer is the same, byte for byte, at every node.
func (l *Load) again(n *Node, c *Call) {
	a, err := l.house.send(n, c.Request)
	if err != nil || a.Status >= 500 {
		l.excuse(c.Request, a, err)
		return
	}
	sameAnswer(l.t, c, a)
}

func sameAnswer(t testing.TB, c *Call, a Answer) {
	if a.Status != c.Answer.Status || !bytes.Equal(a.Body, c.Answer.Body) {
		t.Errorf("%v: answered %d %s, and with the same key %d %s", c.Request, c.Answer.Status, c.Answer.Body, a.Status, a.Body)
	}
}

// read asks for the status at a node: what was acknowledged by one can be read at every other.
func (l *Load) read(random *rand.Rand, b *Bill, want string) {
	r := b.Driver.Ask(b.name())
	a, err := l.house.send(l.house.pick(random), r)
	if err != nil || a.Status >= 500 {
		l.excuse(r, a, err)
		return
	}
	if word, ok := b.Driver.Standing(a); !ok || word != want {
		l.t.Errorf("%s was acknowledged as %q and is read as %q: %s", b.Order.Reference, want, word, a.Body)
	}
}

var action = regexp.MustCompile(`<form method="post" action="([^"]+)"`)

// button opens the payer's page and answers the call that its button to pay makes.
func (l *Load) button(n *Node, b *Bill) (Request, bool) {
	page, _ := b.Driver.Made(b.Create.Answer)
	r := get(pathOf(page), nil)
	a, err := l.house.send(n, r)
	form := action.FindSubmatch(a.Body)
	if err == nil && a.Status == http.StatusOK && form == nil {
		err = errors.New("the page has no form")
	}
	if err != nil || a.Status != http.StatusOK {
		l.excuse(r, a, err)
		return Request{}, false
	}
	return Request{
		Method: http.MethodPost, Path: string(form[1]), Body: []byte("action=pay%3Aapprove"),
		Header: []string{"Content-Type", "application/x-www-form-urlencoded"},
	}, true
}
