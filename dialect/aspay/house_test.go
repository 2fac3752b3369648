package aspay

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sarraf/dialect/dialecttest"
	"sarraf/event"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
	"sarraf/internal/pgtest"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
	"sarraf/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// publicURL is where the pages of the tests are said to be.
const publicURL = "https://pay.example"

// began is when the clock of the tests stands at first.
var began = time.Date(2026, 2, 9, 21, 30, 0, 123456000, time.UTC)

// house is the core with the dialect before it.
type house struct {
	clock     *clock.Fake
	log       *event.Log
	merchants *merchant.Service
	invoices  *invoice.Service
	payments  *payment.Service
	mux       *httpx.Mux
	receipts  atomic.Int64
}

func newHouse(t testing.TB, db *store.DB, c *clock.Fake) *house {
	t.Helper()
	keys, err := keyring.Parse(strings.Repeat("5a", 32))
	if err != nil {
		t.Fatal(err)
	}
	digits, err := id.NewScrambler(keys.Derive("aspay invoice"), 14)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{clock: c, log: event.NewLog(db)}
	h.merchants = merchant.NewService(db, h.log, keys)
	h.invoices, h.payments = invoice.NewService(db, h.log), payment.NewService(db, h.log)
	t.Cleanup(func() { h.payments.Close(); h.invoices.Close() })
	d := New(Deps{
		Merchants: h.merchants, Invoices: h.invoices, Numbers: db.Numbers("aspay.invoice"), Digits: digits, Clock: c,
		PublicURL: publicURL + "/",
	})
	h.mux, err = httpx.NewMux(httpx.Options{Clock: c}, d.HTTP())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// shop is a merchant with its credentials.
type shop struct {
	house              *house
	owner, key, secret string
}

func (h *house) shop(t testing.TB, role merchant.Role, currencies ...money.Currency) shop {
	t.Helper()
	by := merchant.Actor{Name: "test", Source: "test"}
	if currencies == nil {
		currencies = []money.Currency{money.BDT}
	}
	m, err := h.merchants.Create(t.Context(), by, merchant.Merchant{Name: "Shop", Mode: merchant.Sandbox, Currencies: currencies})
	if err != nil {
		t.Fatal(err)
	}
	c, secret, err := h.merchants.Issue(t.Context(), by, merchant.Credential{Owner: m.Owner, Door: Name, Role: role}, "ak_", "as_", true)
	if err != nil {
		t.Fatal(err)
	}
	return shop{h, m.Owner, c.Handle, secret}
}

// ask sends a request with the shop's credentials, and a JSON body.
func (s shop) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return s.send(r)
}

// askTyped posts a body of any type.
func (s shop) askTyped(path, contentType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return s.send(r)
}

func (s shop) send(r *http.Request) *httptest.ResponseRecorder {
	r.Header.Set("X-Api-Key", s.key)
	r.Header.Set("X-Api-Secret", s.secret)
	w := httptest.NewRecorder()
	s.house.mux.ServeHTTP(w, r)
	return w
}

// body is the JSON of a good creation with some fields changed; a nil leaves the field out.
func body(changed map[string]any) string {
	fields := map[string]any{
		fieldAmount: 100, fieldCustomer: "John Doe", fieldReference: "TRX123456", fieldCallback: "https://yoursite.com/callback",
	}
	for k, v := range changed {
		fields[k] = v
		if v == nil {
			delete(fields, k)
		}
	}
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// create makes an invoice over HTTP and answers its id.
func (s shop) create(t testing.TB, changed map[string]any) string {
	t.Helper()
	w := s.ask("POST", "/api/payment/create", body(changed))
	var made created
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return made.InvoiceID
}

// standing asks for an invoice's status.
func (s shop) standing(t testing.TB, id string) standing {
	t.Helper()
	w := s.ask("GET", "/api/payment/"+id, "")
	var st standing
	if err := json.Unmarshal(w.Body.Bytes(), &st); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return st
}

// count is how many invoices the shop has.
func (s shop) count(t testing.TB) int {
	t.Helper()
	list, err := s.house.invoices.List(t.Context(), s.owner, invoice.Page{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// settle brings money for an invoice, or word that none will come.
func (s shop) settle(ctx context.Context, number string, minor int64, outcome rail.Outcome) (invoice.Invoice, error) {
	inv, err := s.house.invoices.ByNumber(ctx, s.owner, Name, number)
	if err != nil {
		return inv, err
	}
	if minor == 0 {
		minor = inv.Amount
	}
	settled, err := s.house.payments.Settle(ctx, payment.Receipt{
		ID: id.New(s.house.clock), Owner: s.owner, Invoice: inv.ID, Rail: "sandbox", Amount: money.Of(minor, inv.Currency),
		RailReference: "r" + strconv.FormatInt(s.house.receipts.Add(1), 10), Outcome: outcome,
	}, nil)
	return settled.Invoice, err
}

// pay settles an invoice whole.
func (s shop) pay(t testing.TB, number string) {
	t.Helper()
	if inv, err := s.settle(t.Context(), number, 0, rail.Accepted); err != nil || inv.Status != invoice.Paid {
		t.Fatalf("%+v, %v", inv, err)
	}
}

// sentBack is where the payer's browser is sent, as the hosted page answers it.
func sentBack(inv invoice.Invoice, err error) (dialecttest.Answer, error) {
	if err != nil {
		return dialecttest.Answer{}, err
	}
	to, err := Door{}.Return(context.Background(), inv)
	return dialecttest.Answer{Status: http.StatusSeeOther, Header: http.Header{"Location": {to}}}, err
}

// sent is where the payer of the invoice is sent.
func sent(t testing.TB, inv invoice.Invoice) string {
	t.Helper()
	to, err := Door{}.Return(t.Context(), inv)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// told is what the merchant is told of the invoice, as a delivery sends it.
func (s shop) told(ctx context.Context, number string) (dialecttest.Answer, error) {
	inv, err := s.house.invoices.ByNumber(ctx, s.owner, Name, number)
	if err != nil {
		return dialecttest.Answer{}, err
	}
	events, err := s.house.log.List(ctx, s.owner, event.Page{Limit: 1000})
	if err != nil {
		return dialecttest.Answer{}, err
	}
	for _, e := range events {
		if e.Subject != inv.ID || !(Door{}).Wants(e.Type) {
			continue
		}
		m, err := Door{}.Webhook(e)
		if err != nil {
			return dialecttest.Answer{}, err
		}
		header := http.Header{}
		for _, h := range m.Header {
			header.Add(h[0], strings.ReplaceAll(h[1], event.Unix, strconv.FormatInt(s.house.clock.Now().Unix(), 10)))
		}
		return dialecttest.Answer{Header: header, Body: m.Body}, nil
	}
	return dialecttest.Answer{}, fmt.Errorf("the merchant is told nothing of %s", number)
}

// target is a shop of its own for a golden story or a page of documentation.
func (h *house) target(t *testing.T) dialecttest.Target {
	s := h.shop(t, merchant.Admin)
	return dialecttest.Target{
		Handler: h.mux,
		Vars: map[string]string{
			"api_key": s.key, "api_secret": s.secret, "url": publicURL, "run": "123456", "KEY": s.key, "SECRET": s.secret,
		},
		Actions: map[string]dialecttest.Action{
			"pay": func(ctx context.Context, args []string, _ string) (dialecttest.Answer, error) {
				return sentBack(s.settle(ctx, args[0], 0, rail.Accepted))
			},
			"fail": func(ctx context.Context, args []string, _ string) (dialecttest.Answer, error) {
				return sentBack(s.settle(ctx, args[0], 0, rail.Over))
			},
			"cancel": func(ctx context.Context, args []string, _ string) (dialecttest.Answer, error) {
				inv, err := s.house.invoices.ByNumber(ctx, s.owner, Name, args[0])
				if err != nil {
					return dialecttest.Answer{}, err
				}
				return sentBack(s.house.invoices.End(ctx, invoice.Ending{Owner: s.owner, ID: inv.ID, To: invoice.Cancelled}, nil))
			},
			"webhook": func(ctx context.Context, args []string, _ string) (dialecttest.Answer, error) {
				return s.told(ctx, args[0])
			},
		},
	}
}
