package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sarraf/internal/hostile"
	"sarraf/internal/httpx"
	"sarraf/merchant"
	"sarraf/store"
	"sarraf/webhook"
)

// together is how many times a request comes at the same instant.
const together = 50

// repeat is one request that comes many times at once, and what is to become of that.
type repeat struct {
	name               string
	keyed              bool                           // an Idempotency-Key is honoured
	good               func(w *world) hostile.Request // the recipe's own when nil
	invoices, payments int64                          // what all of them together make
	wallets, transfers int64                          // and these
	payouts            int64                          // and these
	each               bool                           // without a key each is a request of its own: it makes its own invoice, and ends the one before it
	judge              func(list []hostile.Answer, takes func(hostile.Answer) bool) error
}

// once is for what only one of them can have: it is taken once, and all others are told, alike, why not.
func once(status int, says string) func([]hostile.Answer, func(hostile.Answer) bool) error {
	return func(list []hostile.Answer, takes func(hostile.Answer) bool) error {
		n := 0
		var refusal []byte
		for _, a := range list {
			switch {
			case takes(a):
				n++
			case a.Status != status || !strings.Contains(string(a.Body), says):
				return fmt.Errorf("%d %s", a.Status, a.Body)
			case refusal == nil:
				refusal = plainBody(a)
			case !bytes.Equal(refusal, plainBody(a)):
				return fmt.Errorf("%s, and %s", refusal, a.Body)
			}
		}
		if n != 1 {
			return fmt.Errorf("%d were taken", n)
		}
		return nil
	}
}

// plainBody is the body without the request's id, which is another for each.
func plainBody(a hostile.Answer) []byte {
	return bytes.ReplaceAll(a.Body, []byte(a.Header.Get("Request-Id")), []byte("ID"))
}

// alike is for what all of them get, byte for byte.
func alike(list []hostile.Answer, takes func(hostile.Answer) bool) error {
	for _, a := range list {
		if !takes(a) || a.Status != list[0].Status || !bytes.Equal(a.Body, list[0].Body) {
			return fmt.Errorf("%d %s, and %d %s", list[0].Status, list[0].Body, a.Status, a.Body)
		}
	}
	return nil
}

// samePlace is for the payer's buttons: every press leads to the same place.
func samePlace(list []hostile.Answer, _ func(hostile.Answer) bool) error {
	for _, a := range list {
		if a.Status != http.StatusSeeOther || a.Header.Get("Location") != list[0].Header.Get("Location") || a.Header.Get("Location") == "" {
			return fmt.Errorf("%d to %q, and to %q", a.Status, a.Header.Get("Location"), list[0].Header.Get("Location"))
		}
	}
	return nil
}

// secondNode is another server over the same database, with the same public address, and answers where it listens.
func (w *world) secondNode(dsn string) string {
	w.t.Helper()
	m := newMetrics()
	db, err := store.Open(w.t.Context(), dsn, store.Options{Observer: m})
	w.must(err)
	a, err := newApp(db, w.app.keys, m, slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelWarn})), settings{
		publicURL: w.line.URL, psid: demoPrefix, policy: webhook.Policy{AllowHTTP: true, Allowed: webhook.Loopback()}, schedule: webhook.Demo(nil),
		access: demoAccess(w.address(), slog.New(slog.DiscardHandler)),
	})
	w.must(err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- httpx.Serve(ctx, httpx.Server(a.handler, httpx.Limits{}, nil), ln, time.Minute) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			w.t.Error(err)
		}
		if err := a.close(); err != nil {
			w.t.Error(err)
		}
	})
	return ln.Addr().String()
}

// atOnce sends the requests at the same instant, in turn to each of the nodes, and answers what came back.
func (w *world) atOnce(nodes []string, requests []hostile.Request) []hostile.Answer {
	w.t.Helper()
	answers, errs := make([]hostile.Answer, len(requests)), make([]error, len(requests))
	var ready, all sync.WaitGroup
	start := make(chan struct{})
	ready.Add(len(requests))
	for i, r := range requests {
		all.Go(func() {
			ready.Done()
			<-start
			answers[i], errs[i] = hostile.Send(w.t.Context(), nodes[i%len(nodes)], r)
		})
	}
	ready.Wait()
	close(start)
	all.Wait()
	for _, err := range errs {
		w.must(err)
	}
	return answers
}

// fifty is the same request many times.
func fifty(r hostile.Request) []hostile.Request {
	list := make([]hostile.Request, together)
	for i := range list {
		list[i] = r
	}
	return list
}

// onNodes runs a test on both engines: on PostgreSQL with two nodes over the one database.
func onNodes(t *testing.T, fn func(t *testing.T, w *world, nodes []string)) {
	each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		nodes := []string{w.address()}
		if w.app.db.Engine() == store.Postgres {
			nodes = append(nodes, w.secondNode(dsn))
		}
		fn(t, w, nodes)
		w.proveUnharmed(dsn)
	})
}

func TestFiftyOfEveryWriteAtOnceHaveOneEffect(t *testing.T) {
	onNodes(t, func(t *testing.T, w *world, nodes []string) {
		for _, x := range w.targets() {
			for _, p := range x.repeats {
				if p.good == nil {
					p.good = x.good
				}
				name := strings.Join(strings.Fields(strings.ReplaceAll(x.String()+" "+p.name, "/", " ")), " ")
				t.Run(name, func(t *testing.T) {
					outer := w.t
					w.t = t
					defer func() { w.t = outer }()
					w.without(nodes, x, p)
					if p.keyed {
						w.with(nodes, x, p)
					}
				})
			}
		}
	})
}

// without repeats a request that has no key.
func (w *world) without(nodes []string, x target, p repeat) {
	w.t.Helper()
	w.used()
	r := p.good(w)
	before := w.counts()
	answers := w.atOnce(nodes, fifty(r))
	if err := p.judge(answers, x.takes); err != nil {
		w.t.Errorf("without a key: %v", err)
	}
	if p.each {
		p.invoices, p.wallets, p.transfers = p.invoices*together, p.wallets*together, p.transfers*together
		p.payouts *= together
	}
	w.effected("without a key", before, p)
	w.used()
}

// with repeats a request that has one, and then asks for something else with it.
func (w *world) with(nodes []string, x target, p repeat) {
	w.t.Helper()
	w.used()
	key := fmt.Sprintf("key-%d", w.next())
	r := p.good(w).With("Idempotency-Key", key)
	before := w.counts()
	answers := w.atOnce(nodes, fifty(r))
	if err := alike(answers, x.takes); err != nil {
		w.t.Errorf("with a key: %v", err)
	}
	w.effected("with a key", before, p)
	for _, node := range nodes { // and later on
		if a, err := hostile.Send(w.t.Context(), node, r); err != nil || !bytes.Equal(a.Body, answers[0].Body) {
			w.t.Errorf("with a key, later: %v %d %s", err, a.Status, a.Body)
		}
	}
	w.used()
	other := p.good(w).With("Idempotency-Key", key)
	before = w.counts()
	for _, a := range w.atOnce(nodes, fifty(other)) {
		if x.takes(a) {
			w.t.Errorf("another request with the same key was taken: %s", a.Body)
		}
		for _, wrong := range shapes[x.door.Name](a, false) {
			w.t.Errorf("another request with the same key: %s", wrong)
		}
	}
	if changed := before.changed(w.counts()); changed != nil {
		w.t.Errorf("another request with the same key changed %s", strings.Join(changed, "; "))
	}
	w.used()
}

// effected fails the test unless all of them together made what one makes.
func (w *world) effected(when string, before counts, p repeat) {
	w.t.Helper()
	now := w.counts()
	if n := now["invoices"] - before["invoices"]; n != p.invoices {
		w.t.Errorf("%s: %d invoices were made, want %d", when, n, p.invoices)
	}
	if n := now["payments"] - before["payments"]; n != p.payments {
		w.t.Errorf("%s: %d payments were made, want %d", when, n, p.payments)
	}
	for name, want := range map[string]int64{"wallets": p.wallets, "transfers": p.transfers, "payouts": p.payouts} {
		if n := now[name] - before[name]; n != want {
			w.t.Errorf("%s: %d %s were made, want %d", when, n, name, want)
		}
	}
	if n := now["changes of invoices"] - before["changes of invoices"]; n > max(1, p.invoices-1) {
		w.t.Errorf("%s: invoices changed %d times", when, n)
	}
}

func TestKeysAreAMerchantsOwnAtEachDoor(t *testing.T) {
	onNodes(t, func(t *testing.T, w *world, nodes []string) {
		shops := []keys{w.mine, w.parrot}
		for range 8 {
			_, k := w.merchant("One of ten", merchant.Sandbox, false)
			shops = append(shops, k)
		}
		// Each merchant asks at each door with the same few keys; each key comes five times from each.
		var requests []hostile.Request
		var groups []string
		for i, k := range shops {
			for _, door := range w.doorsThatMake() {
				for _, key := range []string{"first", "second"} {
					r := creating(door, k, fmt.Sprintf("R-%s-%d-%.3s", door[:3], i, key)).With("Idempotency-Key", key)
					for range 5 {
						requests = append(requests, r)
						groups = append(groups, fmt.Sprint(i, door, key))
					}
				}
			}
		}
		by := make([]int, len(requests)) // one of each first, then the second of each
		for i := range by {
			by[i] = (i*5)%len(requests) + i*5/len(requests)
		}
		mixed := make([]hostile.Request, len(requests))
		for i, j := range by {
			mixed[i] = requests[j]
		}
		before := w.counts()
		answers := w.atOnce(nodes, mixed)
		first := map[string]hostile.Answer{}
		bodies := map[string]string{}
		for i, a := range answers {
			group := groups[by[i]]
			if a.Status != http.StatusOK {
				t.Errorf("%s: %d %s", group, a.Status, a.Body)
			}
			had, twice := first[group]
			if !twice {
				first[group] = a
				if other, same := bodies[string(a.Body)]; same {
					t.Errorf("%s got what %s got", group, other)
				}
				bodies[string(a.Body)] = group
			} else if !bytes.Equal(had.Body, a.Body) {
				t.Errorf("%s: %s, and %s", group, had.Body, a.Body)
			}
		}
		if made := w.counts()["invoices"] - before["invoices"]; made != int64(len(requests)/5) {
			t.Errorf("%d invoices, want %d", made, len(requests)/5)
		}
	})
}

func TestPayersWhoDisagreeEndAnInvoiceOnce(t *testing.T) {
	onNodes(t, func(t *testing.T, w *world, nodes []string) {
		for _, x := range w.targets() {
			if x.door.Name != "checkout" || x.route.Method != http.MethodPost {
				continue
			}
			w.used()
			var requests []hostile.Request
			for i := range together {
				requests = append(requests, x.repeats[i%len(x.repeats)].with(w, x))
			}
			before := w.counts()
			answers := w.atOnce(nodes, requests)
			if err := samePlace(answers, x.takes); err != nil {
				t.Errorf("%s: %v", x, err)
			}
			now := w.counts()
			if n := now["changes of invoices"] - before["changes of invoices"]; n != 1 {
				t.Errorf("%s: the invoice changed %d times", x, n)
			}
			if n := now["payments"] - before["payments"]; n > 1 {
				t.Errorf("%s: %d payments", x, n)
			}
		}
	})
}

// with is the request of the repeat.
func (p repeat) with(w *world, x target) hostile.Request {
	if p.good != nil {
		return p.good(w)
	}
	return x.good(w)
}
