package aspay

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sarraf/dialect/dialecttest"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/internal/pgtest"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/rail"
	"sarraf/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const publicURL = dialecttest.PublicURL

var began = dialecttest.Began

// house is the core with the dialect before it.
type house struct{ *dialecttest.House }

func newHouse(t testing.TB, db *store.DB, c *clock.Fake) *house {
	t.Helper()
	return &house{dialecttest.NewHouse(t, db, c, doorOf(t))}
}

// doorOf is the dialect's door on a house.
func doorOf(t testing.TB) func(*dialecttest.House) httpx.Door {
	return func(h *dialecttest.House) httpx.Door {
		return New(Deps{
			Merchants: h.Merchants, Invoices: h.Invoices, Numbers: h.DB.Numbers("aspay.invoice"), Digits: h.Digits(t, "aspay invoice", 14),
			Clock: h.Clock, PublicURL: publicURL + "/",
			Payouts: h.Payouts, PayoutNumbers: h.DB.Numbers("aspay.payout"), PayoutDigits: h.Digits(t, "aspay payout", 14),
			Logo: func(kind string) string { return "/_sarraf/payout/" + kind + ".svg" },
		}).HTTP()
	}
}

// shop is a merchant with its credentials.
type shop struct {
	house              *house
	owner, key, secret string
}

func (h *house) shop(t testing.TB, role merchant.Role, currencies ...money.Currency) shop {
	t.Helper()
	if currencies == nil {
		currencies = []money.Currency{money.BDT}
	}
	m := h.Merchant(t, currencies...)
	c, secret, err := h.Merchants.Issue(t.Context(), dialecttest.By, merchant.Credential{Owner: m.Owner, Door: Name, Role: role}, "ak_", "as_", true)
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
	s.house.Mux.ServeHTTP(w, r)
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
func (s shop) count(t testing.TB) int { return s.house.Count(t, s.owner) }

// find is the invoice that is printed as number.
func (s shop) find(ctx context.Context, number string) (invoice.Invoice, error) {
	return s.house.Invoices.ByNumber(ctx, s.owner, Name, number)
}

// settle brings money for an invoice, or word that none will come.
func (s shop) settle(ctx context.Context, number string, minor int64, outcome rail.Outcome) (invoice.Invoice, error) {
	inv, err := s.find(ctx, number)
	if err != nil {
		return inv, err
	}
	return s.house.Settle(ctx, inv, minor, outcome)
}

// pay settles an invoice whole.
func (s shop) pay(t testing.TB, number string) {
	t.Helper()
	if inv, err := s.settle(t.Context(), number, 0, rail.Accepted); err != nil || inv.Status != invoice.Paid {
		t.Fatalf("%+v, %v", inv, err)
	}
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

// target is a shop of its own for a golden story or a page of documentation, with every payout method and the money of a demo.
func (h *house) target(t *testing.T) dialecttest.Target {
	s := h.payer(t, 1_000_000_00)
	actions := h.Ends(Door{}, s.find)
	maps.Copy(actions, dialecttest.PayoutActions(h.Payouts, h.Events, Door{}, h.Clock.Now, s.findPayout))
	return dialecttest.Target{
		Handler: h.Mux,
		Vars: map[string]string{
			"api_key": s.key, "api_secret": s.secret, "url": publicURL, "run": "123456", "KEY": s.key, "SECRET": s.secret,
		},
		Actions: actions,
	}
}
