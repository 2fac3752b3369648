package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/clock"
	"sarraf/internal/storetest"
	"sarraf/store"
)

// fakeDoor tells of every event whose type is not "unwanted". Any 2xx acknowledges.
type fakeDoor struct {
	name    string
	timeout time.Duration
	words   func(e event.Event) (event.Message, error) // nil for the usual ones
}

func (d *fakeDoor) Name() string                           { return d.name }
func (d *fakeDoor) Wants(t event.Type) bool                { return t != "unwanted" }
func (d *fakeDoor) Acknowledged(status int, _ []byte) bool { return status/100 == 2 }
func (d *fakeDoor) Timeout() time.Duration                 { return d.timeout }

func (d *fakeDoor) Webhook(e event.Event) (event.Message, error) {
	if d.words != nil {
		return d.words(e)
	}
	return event.Message{Body: e.Data, Header: [][2]string{
		{"Content-Type", "application/json"},
		{"X-Webhook-Event", string(e.Type)},
		{"X-Webhook-Timestamp", event.Unix},
	}}, nil
}

// oneSecret signs for every owner.
type oneSecret string

func (s oneSecret) SigningSecret(context.Context, string) (string, error) { return string(s), nil }

// house is all that a delivery needs over one database.
type house struct {
	db     *store.DB
	clock  clock.Clock
	secret Secret
	policy Policy
	client *Client
	door   *fakeDoor
	outbox *Outbox
	events *event.Log
	log    *Log
}

// epoch is where the tests' clocks begin.
var epoch = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)

// newHouse is a house over db, for loopback addresses.
func newHouse(t testing.TB, db *store.DB) *house {
	h := &house{db: db, clock: db.Clock(), secret: NewSecret(), policy: local, door: &fakeDoor{name: "fake", timeout: long}, log: NewLog(db)}
	h.client = NewClient(Options{Policy: h.policy})
	t.Cleanup(func() { h.client.Close() })
	h.open()
	return h
}

// open makes the parts that depend on the policy.
func (h *house) open() {
	h.outbox = NewOutbox(h.clock, h.policy)
	h.outbox.Add(h.door)
	h.events = event.NewLog(h.db, h.outbox)
}

// onlyFirst allows 127.0.0.1 and nothing else that is not public: 127.0.0.2 is then as private as any address.
var onlyFirst = Policy{AllowHTTP: true, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}

// restrict puts the house under another policy and another name server.
func (h *house) restrict(t *testing.T, p Policy, names *net.Resolver) {
	h.policy, h.client = p, newTestClient(t, Options{Policy: p, Resolver: names})
	h.open()
}

// onBoth runs a test on both engines, each with a fake clock.
func onBoth(t *testing.T, fn func(t *testing.T, h *house, c *clock.Fake)) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			c := clock.NewFake(epoch)
			fn(t, newHouse(t, storetest.Open(t, storetest.URL(t, engine), c)), c)
		})
	}
}

// tell writes one event about each object, all in one transaction, to be told at url.
func (h *house) tell(t testing.TB, owner, url string, objects ...string) {
	t.Helper()
	var list []event.New
	for _, object := range objects {
		list = append(list, h.fact(owner, url, object, "thing.happened"))
	}
	h.append(t, list)
}

func (h *house) fact(owner, url, object string, typ event.Type) event.New {
	return event.New{
		Owner: owner, Kind: "thing", Subject: object, Door: h.door.name, Type: typ, Data: json.RawMessage(`{"of":"` + object + `"}`),
		At: h.clock.Now(), WebhookURL: url,
	}
}

func (h *house) append(t testing.TB, list []event.New) {
	t.Helper()
	err := h.db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		_, err := h.events.Append(ctx, tx, list)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// worker is a new process start, as far as deliveries go. Chance plays no part in its schedule.
func (h *house) worker() *Worker {
	return NewWorker(Deps{
		DB: h.db, Events: h.events, Outbox: h.outbox, Client: h.client, Signer: oneSecret(h.secret.Reveal()),
		Schedule: Standard(func(n int64) int64 { return n / 2 }), Log: slog.New(slog.DiscardHandler),
	})
}

// start runs a new worker until the test ends or stop is called, which returns when the worker has.
func (h *house) start(t testing.TB) (stop func()) {
	t.Helper()
	return run(t, h.worker())
}

func run(t testing.TB, w *Worker) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// until waits for a condition.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	limit := time.NewTimer(long)
	defer limit.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-limit.C:
			t.Fatalf("it never came about that %s", what)
		case <-tick.C:
		}
	}
}

// only is the one delivery about the object.
func (h *house) only(t testing.TB, owner, object string) Delivery {
	t.Helper()
	list, err := h.log.Of(context.Background(), owner, object)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d deliveries about %s, error %v; want one", len(list), object, err)
	}
	return list[0]
}

// rests waits until so many attempts at the object's one delivery were made and recorded, and answers it with its attempts.
func (h *house) rests(t testing.TB, owner, object string, attempts int64) (Delivery, []Attempt) {
	t.Helper()
	until(t, fmt.Sprintf("%s was tried %d times", object, attempts), func() bool {
		d := h.only(t, owner, object)
		return d.Attempts == attempts && d.LeaseBy == ""
	})
	return h.get(t, owner, h.only(t, owner, object).ID)
}

func (h *house) get(t testing.TB, owner, id string) (Delivery, []Attempt) {
	t.Helper()
	d, attempts, err := h.log.Get(context.Background(), owner, id)
	if err != nil {
		t.Fatal(err)
	}
	return d, attempts
}

// forward moves the clock to a time and wakes the worker.
func (h *house) forward(c *clock.Fake, to time.Time) {
	c.Set(to)
	h.outbox.ring()
}

// sink is an endpoint that keeps what it gets.
type sink struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []hit
}

type hit struct {
	header http.Header
	body   []byte
}

// newSink answers 200 until told otherwise.
func newSink(t testing.TB) *sink {
	s := &sink{status: http.StatusOK}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.got = append(s.got, hit{r.Header.Clone(), body})
		status := s.status
		s.mu.Unlock()
		w.WriteHeader(status)
		_, _ = io.WriteString(w, http.StatusText(status))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) answer(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func (s *sink) hits() []hit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]hit(nil), s.got...)
}

// sequences are the numbers of the events told, in the order in which they came.
func (s *sink) sequences() []string {
	var list []string
	for _, h := range s.hits() {
		list = append(list, h.header.Get("webhook-sequence"))
	}
	return list
}
