package asaanbill

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
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/internal/pgtest"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
	"sarraf/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var began = dialecttest.Began

// house is the core with the dialect before it, and a bank.
type house struct {
	*dialecttest.House
	bank *payment.Biller
}

func newHouse(t testing.TB, db *store.DB, c *clock.Fake) *house {
	t.Helper()
	return ready(t, dialecttest.NewHouse(t, db, c, doorOf))
}

// eachEngine runs fn against the whole house on both engines.
func eachEngine(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	dialecttest.EachHouse(t, doorOf, func(t *testing.T, h *dialecttest.House) { fn(t, ready(t, h)) })
}

// ready gives the house its numbers and its bank.
func ready(t testing.TB, h *dialecttest.House) *house {
	t.Helper()
	if err := h.Invoices.SetPSIDPrefix("100139"); err != nil {
		t.Fatal(err)
	}
	return &house{h, payment.NewBiller(h.Payments, h.Invoices, h.Merchants)}
}

// doorOf is the dialect's door on a house.
func doorOf(h *dialecttest.House) httpx.Door {
	return New(Deps{
		Merchants: h.Merchants, Invoices: h.Invoices, Payments: h.Payments, Numbers: h.DB.Numbers("asaanbill.payment"),
		Uploads: h.DB.Numbers("asaanbill.upload"), Clock: h.Clock,
	}).HTTP()
}

// password is that of every user in the tests.
const password = "an-unlikely-password"

// shop is a merchant with a user that has logged in.
type shop struct {
	house                           *house
	owner, username, token, channel string
}

// codeSettings are those of a merchant whose bills have QR payloads; the account is made up.
var codeSettings = merchant.PakistanQR{
	OperatorID: "D15600000000", BIC: "DEMOPKKA", IBAN: "PK36SCBL0000001123456702", Name: "Nokshi Store", City: "Karachi", Category: "5943",
}

// shop makes one. Its channel's id is its own.
func (h *house) shop(t testing.TB, role merchant.Role) shop {
	t.Helper()
	m := h.Merchant(t, money.PKR)
	qr := codeSettings
	m.Settings.PakistanQR = &qr
	if err := h.Merchants.Change(t.Context(), dialecttest.By, m); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Merchants.PublicNumber(t.Context(), dialecttest.By, m.Owner, Name); err != nil {
		t.Fatal(err)
	}
	return h.user(t, m.Owner, role)
}

// user is another user of a merchant.
func (h *house) user(t testing.TB, owner string, role merchant.Role) shop {
	t.Helper()
	n, err := h.DB.Numbers("test.user").Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := shop{house: h, owner: owner, username: fmt.Sprintf("user%d", n)}
	_, err = h.Merchants.AddLogin(t.Context(), dialecttest.By, merchant.Login{
		Owner: owner, Door: Name, Username: s.username, FirstName: "Sheikh Amaan", LastName: "Asghar", Role: role,
	}, password)
	if err != nil {
		t.Fatal(err)
	}
	w := s.login(password)
	var a struct{ Data signedIn }
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	s.token, s.channel = a.Data.Token, a.Data.Channel.ID.String()
	return s
}

// login asks for the token.
func (s shop) login(password string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/integration/login", strings.NewReader(encoded(map[string]string{fieldPassword: password})))
	r.Header.Set(usernameHeader, s.username)
	w := httptest.NewRecorder()
	s.house.Mux.ServeHTTP(w, r)
	return w
}

// ask sends a request with the shop's headers, and a JSON body.
func (s shop) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/integration"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return s.send(r)
}

func (s shop) send(r *http.Request) *httptest.ResponseRecorder {
	r.Header.Set(tokenHeader, s.token)
	r.Header.Set(channelHeader, s.channel)
	r.Header.Set(usernameHeader, s.username)
	w := httptest.NewRecorder()
	s.house.Mux.ServeHTTP(w, r)
	return w
}

// asked is the body of add.
func asked(payment map[string]any) string { return encoded(map[string]any{fieldPayment: payment}) }

// into reads the data of an answer that must be good.
func into[T any](t testing.TB, w *httptest.ResponseRecorder) T {
	t.Helper()
	var a struct{ Data T }
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return a.Data
}

// add makes a payment over HTTP.
func (s shop) add(t testing.TB, generation string, payment map[string]any) added {
	t.Helper()
	return into[added](t, s.ask("POST", "/add?generationTypes="+generation, asked(payment)))
}

// get asks for a payment by its id or PSID.
func (s shop) get(t testing.TB, text string) listed {
	t.Helper()
	return into[listed](t, s.ask("GET", "/payment/"+text, ""))
}

// list asks for a page of payments.
func (s shop) list(t testing.TB, path string) (page, []listed) {
	t.Helper()
	var content []listed
	p := page{Content: &content}
	var a struct{ Data *page }
	a.Data = &p
	w := s.ask("GET", path, "")
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return p, content
}

// references number what banks pay by.
var references atomic.Int64

// pay has a bank pay what a PSID's bill asks for now, or another amount in rupees.
func (h *house) pay(ctx context.Context, psid, amount string) (rail.BillReceipt, error) {
	due, err := h.bank.Bill(ctx, psid)
	if err != nil {
		return rail.BillReceipt{}, err
	}
	minor := due.Amount
	if !due.LateFrom.IsZero() && !h.Clock.Now().Before(due.LateFrom) {
		minor = due.LateAmount
	}
	if amount != "" {
		if minor, err = money.Parse(amount, money.PKR, money.Plain); err != nil {
			return rail.BillReceipt{}, err
		}
	}
	return h.bank.PayBill(ctx, rail.BillPayment{
		Rail: "billpay", Reference: "bank-" + strconv.FormatInt(references.Add(1), 10), PSID: psid, Amount: minor, At: h.Clock.Now(), Sandbox: true,
	})
}

// target is a shop of its own for a golden story or a page of documentation.
func (h *house) target(t *testing.T) dialecttest.Target {
	s := h.shop(t, merchant.Admin)
	byPSID := func(ctx context.Context, text string) (invoice.Invoice, error) {
		return h.Invoices.ByPSID(ctx, s.owner, text)
	}
	ends := h.Ends(Door{}, byPSID)
	done := func(err error) (dialecttest.Answer, error) { return dialecttest.Answer{Status: http.StatusOK}, err }
	return dialecttest.Target{
		Handler: h.Mux,
		Vars: map[string]string{
			"username": s.username, "password": password, "channel": s.channel, "run": "123456",
			"USERNAME": s.username, "PASSWORD": password, "TOKEN": s.token, "CHANNEL": s.channel,
		},
		Actions: map[string]dialecttest.Action{
			"pay": func(ctx context.Context, args []string, _ string) (dialecttest.Answer, error) {
				h.Clock.Advance(time.Second) // what changed last is listed first
				_, err := h.pay(ctx, args[0], strings.Join(args[1:], ""))
				h.Clock.Advance(time.Second)
				return done(err)
			},
			"expire":  ends["expire"],
			"webhook": ends["webhook"],
			"assigned": func(ctx context.Context, _ []string, _ string) (dialecttest.Answer, error) {
				return done(h.work(ctx))
			},
			"approved": func(ctx context.Context, args []string, _ string) (dialecttest.Answer, error) {
				u, err := h.Invoices.UploadByNumber(ctx, s.owner, Name, args[0])
				if err != nil {
					return dialecttest.Answer{}, err
				}
				return dialecttest.Told(ctx, h.Events, Door{}, invoice.Invoice{Owner: s.owner, ID: u.ID}, h.Clock.Now())
			},
		},
	}
}

// work makes the payments of all bulk requests.
func (h *house) work(ctx context.Context) error {
	for {
		more, err := h.Invoices.WorkUploads(ctx)
		if err != nil || !more {
			return err
		}
	}
}

// count is how many payments the shop has, by status.
func (s shop) count(t testing.TB) map[string]int {
	t.Helper()
	n := map[string]int{}
	_, list := s.list(t, "/payment?pageSize=1000")
	for _, l := range list {
		n[l.Status]++
	}
	return n
}
