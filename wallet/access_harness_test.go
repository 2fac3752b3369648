package wallet_test

import (
	"context"
	"errors"
	"regexp"
	"sync"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/keyring"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
	"sarraf/wallet"
)

var (
	doorBy    = merchant.Actor{Name: "somebody", Source: "198.51.100.7"}
	doorStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

const (
	doorKey = "0707070707070707070707070707070707070707070707070707070707070707"
	rahim   = "+8801712345678"
	karim   = "+8801812345678"
	nobody  = "+8801912345678"
)

// outbox is a Sender that keeps what it is to send.
type outbox struct {
	mu    sync.Mutex
	texts map[string][]string // by number
	fails error
}

func (o *outbox) Send(_ context.Context, number, text string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.texts[number] = append(o.texts[number], text)
	return o.fails
}

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// code is the code that was sent to the number last.
func (o *outbox) code(t *testing.T, number string) string {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	texts := o.texts[number]
	if len(texts) == 0 {
		t.Fatalf("nothing was sent to %s", number)
	}
	return sixDigits.FindString(texts[len(texts)-1])
}

func (o *outbox) sent(number string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.texts[number])
}

// heard counts what an AccessObserver is told.
type heard struct {
	mu sync.Mutex
	m  map[string]int
}

func (h *heard) Code(outcome string)   { h.add("code " + outcome) }
func (h *heard) SignIn(outcome string) { h.add("sign-in " + outcome) }

func (h *heard) add(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.m[what]++
}

func (h *heard) of(what string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.m[what]
}

// porch is where people come in at one node.
type porch struct {
	*wallet.Access
	url     string
	db      *store.DB
	clock   *clock.Fake
	wallets *wallet.Service
	out     *outbox
	heard   *heard
}

// eachPorch runs fn on both engines, with a clock that stands at doorStart.
func eachPorch(t *testing.T, fn func(t *testing.T, p *porch)) {
	t.Helper()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			fn(t, openPorch(t, storetest.URL(t, engine), clock.NewFake(doorStart), &outbox{texts: map[string][]string{}}))
		})
	}
}

func openPorch(t *testing.T, url string, c *clock.Fake, out *outbox) *porch {
	t.Helper()
	keys, err := keyring.Parse(doorKey)
	if err != nil {
		t.Fatal(err)
	}
	p := &porch{url: url, db: storetest.Open(t, url, c), clock: c, out: out, heard: &heard{m: map[string]int{}}}
	p.wallets = wallet.NewService(p.db, event.NewLog(p.db), keys)
	t.Cleanup(p.wallets.Close)
	p.Access = wallet.NewAccess(p.db, p.wallets, keys, out, c)
	p.Observe(p.heard)
	return p
}

// another is another node: a store of its own on the same database.
func (p *porch) another(t *testing.T) *porch { return openPorch(t, p.url, p.clock, p.out) }

// consumer is a wallet to be made for the number.
func consumer(number, pin string) wallet.New {
	return wallet.New{PIN: pin, Wallet: wallet.Wallet{
		Kind: wallet.Consumer, Name: "Rahim Uddin", Number: number, Status: wallet.Approved, Sandbox: true, Currencies: []money.Currency{"BDT"},
		Zone: "Asia/Dhaka",
	}}
}

// holder makes a wallet as an operator does.
func (p *porch) holder(t *testing.T, number, pin string) wallet.Wallet {
	t.Helper()
	w, err := p.wallets.Create(t.Context(), doorBy, consumer(number, pin), nil)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// ask asks for a code to sign up with and answers it.
func (p *porch) ask(t *testing.T, number string) string {
	t.Helper()
	if err := p.AskCode(t.Context(), number, wallet.SignUpCode, ""); err != nil {
		t.Fatal(err)
	}
	return p.out.code(t, number)
}

// token signs in.
func (p *porch) token(t *testing.T, number, pin string) string {
	t.Helper()
	token, w, err := p.SignIn(t.Context(), number, pin, "deshipay", "203.0.113.9")
	if err != nil || w.Number != number {
		t.Fatalf("%+v %v", w, err)
	}
	return token
}

// isFault fails the test unless err is one fault with the code, the field and the figures, given as name and value in turn.
func isFault(t *testing.T, what string, err error, code fault.Code, field string, params ...string) {
	t.Helper()
	f := fault.First(err)
	if f == nil || len(fault.All(err)) != 1 || f.Code != code || f.Field != field || len(f.Params) != len(params)/2 {
		t.Errorf("%s: %v, want %s on %q %v", what, err, code, field, params)
		return
	}
	for i := 0; i < len(params); i += 2 {
		if f.Params[params[i]] != params[i+1] {
			t.Errorf("%s: %v, want %v", what, err, params)
		}
	}
}

// other is a code that is not the given one.
func other(code string) string {
	if code == "123456" {
		return "654321"
	}
	return "123456"
}

// count is how many rows there are.
func (p *porch) count(t *testing.T, table string) (n int64) {
	t.Helper()
	if err := p.db.Query(t.Context(), `SELECT COUNT(*) FROM `+table, nil, func(r store.Row) error { return r.Scan(&n) }); err != nil {
		t.Fatal(err)
	}
	return n
}

var errGateway = errors.New("the gateway is away")
