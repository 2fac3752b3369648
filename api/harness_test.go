package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/payout"
	"sarraf/store"
	"sarraf/wallet"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// fakeDoor is a dialect as far as the API can see one.
type fakeDoor struct {
	invoice.Door
	name, pages string
}

func (d fakeDoor) Name() string             { return d.name }
func (d fakeDoor) Hosted() []invoice.Hosted { return []invoice.Hosted{{Pattern: d.pages}} }
func (d fakeDoor) HostedPath(inv invoice.Invoice) string {
	return strings.Replace(d.pages, "{token}", inv.Token, 1)
}

func (d fakeDoor) Return(_ context.Context, inv invoice.Invoice) (string, error) {
	if inv.Status == invoice.Open {
		return "", nil
	}
	return inv.ReturnURL + "?status=" + string(inv.Status), nil
}

var (
	shop = fakeDoor{name: "shop", pages: "/methods/{token}"}
	bill = fakeDoor{name: "bill", pages: "/bill/{token}/pay"}
)

const publicURL = "https://pay.example"

// house is everything that stands behind the API, on one database.
type house struct {
	t         testing.TB
	clock     *clock.Fake
	merchants *merchant.Service
	invoices  *invoice.Service
	payments  *payment.Service
	events    *event.Log
	wallets   *wallet.Service
	payouts   *payout.Service
	handler   http.Handler
	log       *lines
	db        *store.DB
}

// lines is a log that a test can read.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

var noon = time.Date(2026, 7, 1, 12, 0, 0, 123456000, time.UTC)

func newHouse(t testing.TB, db *store.DB, c clock.Clock) *house {
	t.Helper()
	keys, err := keyring.Parse(strings.Repeat("ab", 32))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, db: db, events: event.NewLog(db), log: &lines{}}
	h.clock, _ = c.(*clock.Fake)
	h.merchants = merchant.NewService(db, h.events, keys)
	h.invoices = invoice.NewService(db, h.events)
	h.payments = payment.NewService(db, h.events)
	h.wallets = wallet.NewService(db, h.events, keys)
	h.payouts = payout.NewService(payout.Deps{DB: db, Log: h.events, Merchants: h.merchants})
	t.Cleanup(h.payouts.Close)
	h.payouts.SetWallets(h.wallets)
	h.payments.SetWallets(h.wallets)
	h.payments.SetPayouts(h.payouts, h.merchants)
	t.Cleanup(h.wallets.Close)
	t.Cleanup(h.payments.Close)
	t.Cleanup(h.invoices.Close)
	door, err := New(h.deps(c))
	if err != nil {
		t.Fatal(err)
	}
	mux, err := httpx.NewMux(httpx.Options{Log: slog.New(slog.NewTextHandler(h.log, nil))}, door)
	if err != nil {
		t.Fatal(err)
	}
	h.handler = mux
	return h
}

func (h *house) deps(c clock.Clock) Deps {
	return Deps{
		Merchants: h.merchants, Invoices: h.invoices, Payments: h.payments, Events: h.events, Wallets: h.wallets, Payouts: h.payouts,
		Balances: balances(h.db),
		Doors:    []invoice.Door{shop, bill}, Clock: c, PublicURL: publicURL + "/", Address: httpx.RemoteAddress, Version: "test",
	}
}

// each runs fn on both engines.
func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	c := clock.NewFake(noon)
	storetest.Each(t, c, func(t *testing.T, db *store.DB) { fn(t, newHouse(t, db, c)) })
}

var tester = merchant.Actor{Name: "test", Source: "test"}

// tenant is a merchant with a key.
type tenant struct {
	merchant.Merchant
	key string
}

func (h *house) tenant(mode merchant.Mode) tenant {
	h.t.Helper()
	m, err := h.merchants.Create(context.Background(), tester, merchant.Merchant{
		Name: "Shapla", Mode: mode, Currencies: []money.Currency{"BDT", "PKR", "JPY"},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return tenant{m, h.key(m, merchant.Admin)}
}

func (h *house) key(m merchant.Merchant, role merchant.Role) string {
	h.t.Helper()
	_, secret, err := h.merchants.Issue(context.Background(), tester,
		merchant.Credential{Owner: m.Owner, Door: Name, Role: role, Label: "test"}, "", "sk_", false)
	if err != nil {
		h.t.Fatal(err)
	}
	return secret
}

// demand makes an open invoice of BDT 1,234.50 at the shop; change alters it before.
func (h *house) demand(m tenant, change func(*invoice.Invoice)) invoice.Invoice {
	h.t.Helper()
	inv := invoice.Invoice{
		Owner: m.Owner, ID: id.New(h.clock), Door: shop.name, Token: id.Token(18), Title: "Tea", PayerName: "Rahima",
		Amount: 123450, Currency: "BDT", ReturnURL: "https://shop.example/back", WebhookURL: "https://shop.example/hook",
		Extra: `{"secret":"of the dialect"}`, ExpiresAt: noon.Add(time.Hour),
	}
	inv.Number, inv.Reference = "INV"+strings.ReplaceAll(inv.ID, "-", ""), "ORDER-"+inv.ID[24:]
	if change != nil {
		change(&inv)
	}
	made, err := h.invoices.Create(context.Background(), inv, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	if !made.Fresh {
		h.t.Fatalf("invoice %s was there before", inv.Reference)
	}
	return made.Invoice
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// json is the body, decoded.
func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v in %d %s", err, a.status, a.body)
	}
	return v
}

// at is the value at a path such as "payments.0.amount", as text; "" when there is none.
func (a answer) at(t testing.TB, path string) string {
	t.Helper()
	var v any = a.json(t)
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(x) {
				return ""
			}
			v = x[i]
		default:
			return ""
		}
	}
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// call is one request; header holds names and values in turn.
func (h *house) call(method, path, key, body string, header ...string) answer {
	h.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return answer{w.Code, w.Result().Header, w.Body.String()}
}

func (h *house) pay(m tenant, target, outcome string, header ...string) answer {
	h.t.Helper()
	body, err := json.Marshal(map[string]string{"target": target, "outcome": outcome})
	if err != nil {
		h.t.Fatal(err)
	}
	return h.call("POST", "/v1/sandbox/pay", m.key, string(body), header...)
}

// events are the types of the merchant's events after the given number.
func (h *house) eventTypes(m tenant, after int64) []string {
	h.t.Helper()
	list, err := h.events.List(context.Background(), m.Owner, event.Page{After: after, Limit: 1000})
	if err != nil {
		h.t.Fatal(err)
	}
	types := []string{}
	for _, e := range list {
		types = append(types, string(e.Type))
	}
	return types
}

// lastEvent is the number of the merchant's last event, 0 for none.
func (h *house) lastEvent(m tenant) int64 {
	h.t.Helper()
	return int64(len(h.eventTypes(m, 0)))
}
