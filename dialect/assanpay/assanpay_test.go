package assanpay

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"sarraf/dialect/dialecttest"
	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/internal/pgtest"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// bounds are the limits of a door of the tests; 0 for none.
type bounds struct{ address, merchant int }

func doorOf(t testing.TB, b bounds) func(*dialecttest.House) httpx.Door {
	return func(h *dialecttest.House) httpx.Door {
		return New(Deps{
			Merchants: h.Merchants, Invoices: h.Invoices, Payments: h.Payments, Numbers: h.DB.Numbers("assanpay.invoice"),
			Digits: h.Digits(t, "assanpay", SuffixDigits), Clock: h.Clock, PublicURL: dialecttest.PublicURL + "/",
			ByAddress: httpx.NewLimiter(b.address, h.Clock, nil), ByMerchant: httpx.NewLimiter(b.merchant, h.Clock, nil),
		}).HTTP()
	}
}

func eachHouse(t *testing.T, b bounds, fn func(t *testing.T, h *dialecttest.House)) {
	t.Helper()
	dialecttest.EachHouse(t, doorOf(t, b), fn)
}

// shop is a merchant with its public id and its key.
type shop struct {
	*dialecttest.House
	merchant.Merchant
	public, key string
}

func open(t testing.TB, h *dialecttest.House, role merchant.Role, currencies ...money.Currency) shop {
	t.Helper()
	if currencies == nil {
		currencies = []money.Currency{money.PKR}
	}
	s := shop{House: h, Merchant: h.Merchant(t, currencies...), public: id.New(h.Clock)}
	if err := h.Merchants.SetPublicID(t.Context(), dialecttest.By, s.Owner, Name, s.public); err != nil {
		t.Fatal(err)
	}
	var err error
	_, s.key, err = h.Merchants.Issue(t.Context(), dialecttest.By, merchant.Credential{Owner: s.Owner, Door: Name, Role: role}, "", "ak_", false)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask sends a request; headers are given as name and value by turns.
func (s shop) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.Mux.ServeHTTP(w, r)
	return w
}

func (s shop) create(body string, headers ...string) *httptest.ResponseRecorder {
	return s.ask(http.MethodPost, "/payment-request/qr/"+s.public, body, headers...)
}

func (s shop) inquire(text string, headers ...string) *httptest.ResponseRecorder {
	return s.ask(http.MethodGet, "/payment/all-inquiry/"+s.public+"?transactionId="+text, "", headers...)
}

func order(ref string) string {
	return fmt.Sprintf(`{"amount":"10","order_id":%q,"store_name":"Your store","link":"google.com"}`, ref)
}

// find is the invoice with the transaction id or the order id.
func (s shop) find(ctx context.Context, text string) (invoice.Invoice, error) {
	inv, err := s.Invoices.ByNumber(ctx, s.Owner, Name, text)
	if fault.Has(err, fault.InvoiceMissing) {
		return s.Invoices.ByReference(ctx, s.Owner, Name, text)
	}
	return inv, err
}

func target(t *testing.T, h *dialecttest.House) dialecttest.Target {
	s := open(t, h, merchant.Admin)
	return dialecttest.Target{
		Handler: h.Mux,
		Vars: map[string]string{
			"merchant_id": s.public, "api_key": s.key, "url": dialecttest.PublicURL, "run": "12340", "KEY": s.key, "MERCHANT": s.public,
		},
		Actions: h.Ends(Door{}, s.find),
	}
}

func TestDocumentedRequestsGetTheDocumentedAnswers(t *testing.T) {
	eachHouse(t, bounds{}, func(t *testing.T, h *dialecttest.House) {
		dialecttest.Run(t, "testdata", func(t *testing.T) dialecttest.Target { return target(t, h) })
	})
}

func TestExamplesOfThePageWorkAsPrinted(t *testing.T) {
	eachHouse(t, bounds{}, func(t *testing.T, h *dialecttest.House) {
		dialecttest.Page(t, "README.md", func(t *testing.T) dialecttest.Target { return target(t, h) })
	})
}

func TestFiftyAtOnceMakeOne(t *testing.T) {
	eachHouse(t, bounds{}, func(t *testing.T, h *dialecttest.House) {
		s := open(t, h, merchant.Admin)
		for ref, headers := range map[string][]string{"with": {"Idempotency-Key", "k"}, "without": nil} {
			answers := dialecttest.Together(50, func(int) *httptest.ResponseRecorder { return s.create(order(ref), headers...) })
			fresh, first := 0, answers[0].Body.String()
			for _, w := range answers {
				switch body := w.Body.String(); {
				case w.Code != http.StatusOK:
					t.Errorf("%s: %d %s", ref, w.Code, body)
				case strings.Contains(body, "created successfully"):
					fresh++
				case body != `{"success":"true","message":"Order Id already exists","data":{},"statusCode":"200"}`:
					t.Errorf("%s: %s", ref, body)
				}
				if headers != nil && w.Body.String() != first {
					t.Errorf("%s and %s", first, w.Body)
				}
			}
			if want := map[bool]int{true: 50, false: 1}[headers != nil]; fresh != want {
				t.Errorf("%s: %d say that they made it, want %d", ref, fresh, want)
			}
		}
		if n := h.Count(t, s.Owner); n != 2 {
			t.Errorf("%d invoices of 2 orders", n)
		}
		if w := s.create(order("another"), "Idempotency-Key", "k"); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "Idempotency-Key") {
			t.Errorf("another body under the key: %d %s", w.Code, w.Body)
		}
	})
}

func TestKeysOpenTheirOwnMerchantAlone(t *testing.T) {
	eachHouse(t, bounds{}, func(t *testing.T, h *dialecttest.House) {
		mine, other, viewer := open(t, h, merchant.Admin), open(t, h, merchant.Admin), open(t, h, merchant.Viewer)
		if w := mine.create(order("secret-1")); w.Code != 200 {
			t.Fatal(w.Body)
		}
		const unauthorized = `{"status":"error","message":"Unauthorized"}`
		for name, headers := range map[string][]string{
			"another's key": {"Authorization", "Bearer " + other.key},
			"no scheme":     {"Authorization", mine.key},
			"basic":         {"Authorization", "Basic " + mine.key},
			"empty":         {"Authorization", ""},
			"twice":         {"Authorization", "Bearer " + mine.key, "Authorization", "Bearer " + other.key},
			"oversize":      {"Authorization", "Bearer " + strings.Repeat("x", 5000)},
			"another door":  {"Authorization", "Bearer sk_test_" + id.Token(32)},
		} {
			for _, w := range []*httptest.ResponseRecorder{mine.create(order("x"), headers...), mine.inquire("secret-1", headers...)} {
				if w.Code != http.StatusUnauthorized || w.Body.String() != unauthorized {
					t.Errorf("%s: %d %s", name, w.Code, w.Body)
				}
			}
		}
		for _, good := range []string{"Bearer " + mine.key, "bearer  " + mine.key} {
			if w := mine.inquire("secret-1", "Authorization", good); w.Code != 200 {
				t.Errorf("%s: %d %s", good, w.Code, w.Body)
			}
		}
		if w := viewer.create(order("x"), "Authorization", "Bearer "+viewer.key); w.Code != http.StatusForbidden {
			t.Errorf("a key that may only read creates: %d %s", w.Code, w.Body)
		}
		if w := viewer.inquire("x", "Authorization", "Bearer "+viewer.key); w.Code != http.StatusNotFound {
			t.Errorf("a key that may read: %d %s", w.Code, w.Body)
		}
		inv, err := mine.find(t.Context(), "secret-1")
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"secret-1", inv.Number, inv.ID} {
			if w := other.inquire(text); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("another's order by %s: %d %s", text, w.Code, w.Body)
			}
		}
		if w := other.create(order("secret-1")); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "created successfully") {
			t.Errorf("an order id that another merchant has: %d %s", w.Code, w.Body)
		}
	})
}

func TestMerchantMayDemandItsKeyAndMayBeShutOut(t *testing.T) {
	eachHouse(t, bounds{}, func(t *testing.T, h *dialecttest.House) {
		s := open(t, h, merchant.Admin)
		set := func(change func(*merchant.Settings)) {
			t.Helper()
			m, err := h.Merchants.Get(t.Context(), s.Owner)
			if err == nil {
				change(&m.Settings)
				err = h.Merchants.Change(t.Context(), dialecttest.By, m)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		key := []string{"Authorization", "Bearer " + s.key}
		set(func(m *merchant.Settings) { m.KeyRequired = true })
		if w := s.create(order("1")); w.Code != http.StatusUnauthorized {
			t.Errorf("without the key: %d %s", w.Code, w.Body)
		}
		if w := s.create(order("1"), key...); w.Code != http.StatusOK {
			t.Errorf("with the key: %d %s", w.Code, w.Body)
		}
		set(func(m *merchant.Settings) { m.KeyRequired, m.Disabled = false, true })
		if w := s.create(order("2")); w.Code != 400 || w.Body.String() != `{"statusText":"fail","status":"400","message":"Transaction not Created"}` {
			t.Errorf("of a merchant who is shut out: %d %s", w.Code, w.Body)
		}
		if w := s.create(order("2"), key...); w.Code != 400 || !strings.Contains(w.Body.String(), "Transaction not Created") {
			t.Errorf("with its key: %d %s", w.Code, w.Body)
		}
		for _, headers := range [][]string{nil, key} {
			if w := s.inquire("1", headers...); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "Payment data not found") {
				t.Errorf("its payment: %d %s", w.Code, w.Body)
			}
		}
		if n := h.Count(t, s.Owner); n != 1 {
			t.Errorf("%d invoices", n)
		}
	})
}

func TestWhoShowsNoKeyIsBoundedAndOthersAreNot(t *testing.T) {
	for _, b := range []bounds{{address: 3}, {merchant: 3}} {
		eachHouse(t, b, func(t *testing.T, h *dialecttest.House) {
			s := open(t, h, merchant.Admin)
			codes := map[int]int{}
			for n := range 10 {
				w := s.create(order(fmt.Sprint(n)))
				codes[w.Code]++
				if w.Code == http.StatusTooManyRequests && (w.Header().Get("Retry-After") != "1" || w.Body.String() != `{"status":"error","message":"Too many requests."}`) {
					t.Errorf("%v %s", w.Header(), w.Body)
				}
			}
			if codes[200] != 3 || codes[429] != 7 {
				t.Errorf("answers %v", codes)
			}
			for n := range 10 {
				if w := s.inquire(fmt.Sprint(n), "Authorization", "Bearer "+s.key); w.Code == http.StatusTooManyRequests {
					t.Errorf("with a key: %d %s", w.Code, w.Body)
				}
			}
			h.Clock.Advance(time.Second)
			if w := s.inquire("0"); w.Code != 200 {
				t.Errorf("a second later: %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestTransactionIDsAreLocalTimeAndNeverTheSame(t *testing.T) {
	eachHouse(t, bounds{}, func(t *testing.T, h *dialecttest.House) {
		s := open(t, h, merchant.Admin)
		form := regexp.MustCompile(`^T20260210023000[0-9a-z]{5}$`) // half past two at night in Karachi
		seen := map[string]bool{}
		for n := range 300 {
			var made created
			w := s.create(order(fmt.Sprint(n)))
			if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || !form.MatchString(made.Data.TransactionID) || seen[made.Data.TransactionID] {
				t.Fatalf("%d: %s", n, w.Body)
			}
			seen[made.Data.TransactionID] = true
		}
	})
	digits, err := id.NewScrambler([]byte("key"), SuffixDigits)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for n := range int64(100_000) {
		text, err := transactionID(dialecttest.Began, n*(suffixes/100_000), digits) // some of every part of the 36^5
		if err != nil || seen[text] || !isTransactionID(text) {
			t.Fatalf("%d: %s, %v", n, text, err)
		}
		seen[text] = true
	}
}

func TestMerchantWithoutRupeesIsTold(t *testing.T) {
	eachHouse(t, bounds{}, func(t *testing.T, h *dialecttest.House) {
		s := open(t, h, merchant.Admin, money.BDT)
		want := "{\"statusText\":\"error\",\"status\":400,\"message\":\"Argument `amount` is in a currency that this merchant does not take.\"}"
		if w := s.create(order("1")); w.Code != 400 || w.Body.String() != want {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestUserIDIsDigitsAndTheMerchantsOwn(t *testing.T) {
	seen := map[string]bool{}
	for n := range 1000 {
		got := userID(fmt.Sprint("owner ", n))
		if !regexp.MustCompile(`^[1-9][0-9]{5,8}$`).MatchString(got) || got != userID(fmt.Sprint("owner ", n)) {
			t.Fatal(got)
		}
		seen[got] = true
	}
	if len(seen) < 999 {
		t.Errorf("%d ids of 1000 merchants", len(seen))
	}
}
