package main

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sarraf/dialect/asaanbill"
	"sarraf/internal/crashtest"
	"sarraf/internal/pgtest"
)

// pair is two processes of serve over one PostgreSQL database, as two machines behind one address.
type pair struct {
	dsn     string
	secrets []string
	nodes   []*crashtest.Node
}

func startPair(t *testing.T) *pair {
	t.Helper()
	s := fresh()
	p := &pair{dsn: pgtest.Database(t), secrets: []string{"SARRAF_KEY=" + s.Key, "SARRAF_SEAL_KEY=" + s.SealKey}}
	p.command(t, "migrate")
	for range 2 {
		p.nodes = append(p.nodes, crashtest.Serve(t, p.dsn, p.secrets, "--public-url", "https://pay.example.com",
			"--psid-prefix", "100139", "--allow-http-webhooks", "--allow-webhook-range", "127.0.0.0/8"))
	}
	for _, n := range p.nodes {
		n.Start(t)
	}
	return p
}

// command runs one command of the program on the pair's database.
func (p *pair) command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := crashtest.Run(t, p.secrets, append(args, "--database", p.dsn)...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// merchant makes a sandbox merchant with a credential at every front door, by command, and answers its owner and its line.
func (p *pair) merchant(t *testing.T) (string, crashtest.Line) {
	t.Helper()
	owner := p.command(t, "merchant", "create", "Padma Books", "--currencies", "BDT,PKR,EUR")
	var line []string
	for _, door := range append([]string{"native"}, invoicing...) {
		var pairs []string
		credential := []string{"merchant", "key", owner, door}
		if door == asaanbill.Name {
			credential = []string{"merchant", "user", "add", owner, door, "user-of-" + owner}
		}
		for text := range strings.Lines(p.command(t, credential...)) {
			name, value, _ := strings.Cut(strings.TrimSpace(text), ": ")
			pairs = append(pairs, fmt.Sprintf("%q:%q", name, value))
		}
		if door == "native" {
			pairs = append(pairs, fmt.Sprintf(`"webhook_secret":%q`, p.command(t, "merchant", "secret", owner)))
		}
		line = append(line, fmt.Sprintf("%q:{%s}", door, strings.Join(pairs, ",")))
	}
	return owner, lineOf(t, "{"+strings.Join(line, ",")+"}")
}

func (p *pair) end(t *testing.T) {
	t.Helper()
	for _, n := range p.nodes {
		n.Stop(t)
	}
	crashtest.Audit(t, p.dsn)
}

// Each step of an invoice's life at whichever node chance chooses, and some writes repeated at both.
func TestTwoNodesTellOneStory(t *testing.T) {
	t.Parallel()
	p, plan := startPair(t), crashtest.NewPlan(t)
	_, line := p.merchant(t)
	h := crashtest.NewHouse(t, line, invoicing, plan, p.nodes...)
	load := h.Start(t, "story", plan.Random(0))
	load.Await(writesLeast)
	crashtest.Audit(t, p.dsn) // in the midst of it
	load.Await(2 * writesLeast)
	load.End()
	h.Check(t, load.Bills())
	h.Finish(t)
	if calls, deliveries := h.Sink.Figures(); deliveries == 0 || calls > deliveries+h.Sink.Refused() {
		t.Errorf("%d calls for %d webhooks, of which %d were refused once: something was told twice by two nodes", calls, deliveries, h.Sink.Refused())
	}
	p.end(t)
}

func TestAKilledNodeIsTakenOverByTheOther(t *testing.T) {
	t.Parallel()
	p, plan := startPair(t), crashtest.NewPlan(t)
	hasty, hastyLine := p.merchant(t)
	p.command(t, "merchant", "set", hasty, "--invoice-minutes", "1")
	_, line := p.merchant(t)
	h := crashtest.NewHouse(t, line, invoicing, plan, p.nodes...)
	runOut := slices.DeleteFunc(slices.Clone(invoicing), func(door string) bool { return door == asaanbill.Name }) // a bill waits for ever
	short := crashtest.NewHouse(t, hastyLine, runOut, plan, p.nodes...)
	// Both nodes look for what has run out: by the time they find these, one of them has been killed many times.
	expiring := short.Make(t, "short", 20)
	var cut int64
	takenOver := false
	plan.Each(t, func(cycle int) {
		victim := p.nodes[cycle%2]
		load, _ := underLoad(t, h, cycle, plan.Random(100+cycle), victim.Kill)
		alone := load.Acks()
		load.Await(alone + writesLeast) // the other goes on
		load.End()
		cut += load.Cut()
		h.Check(t, load.Bills())
		if h.Sink.Cut() > 0 && !takenOver { // what was held may have been the other node's
			h.Sink.Release(false)
			h.Sink.AwaitCut(t) // the dead one's leases end, and the other takes them
			takenOver = true
		}
		victim.Start(t)
		crashtest.Audit(t, p.dsn)
	})
	if !takenOver {
		t.Error("no webhook was under way when a node was killed")
	}
	if cut == 0 { // half of the clients are at the other node, so that a single kill may cut none
		t.Error("no write was in flight when a node was killed")
	}
	h.Sink.Release(false)
	h.Finish(t)
	short.AwaitStatus(t, expiring, "expired")
	short.Finish(t)
	p.end(t)
}

func TestAKeyRevokedIsRefusedByEveryNodeWithinASecond(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	owner, line := p.merchant(t)
	ask := func(n *crashtest.Node) int {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, n.URL()+"/v1/invoices", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+line.Native.APIKey)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	for _, n := range p.nodes {
		if status := ask(n); status != http.StatusOK {
			t.Fatalf("before: %d", status)
		}
	}
	key := regexp.MustCompile(`(?m)^(\S+)\s+native`).FindStringSubmatch(p.command(t, "merchant", "show", owner))
	if key == nil {
		t.Fatal("the key is not shown")
	}
	p.command(t, "merchant", "revoke", owner, key[1])
	revoked := time.Now()
	for i, n := range p.nodes {
		// However slow the machine: what is asked a second later is refused.
		for late := false; ; late = time.Since(revoked) > time.Second {
			status := ask(n)
			if status == http.StatusUnauthorized {
				break
			}
			if late || status != http.StatusOK {
				t.Fatalf("node %d answers %d to a key that was revoked", i, status)
			}
		}
	}
	p.end(t)
}
