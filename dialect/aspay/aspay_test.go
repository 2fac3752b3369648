package aspay

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/dialect/dialecttest"
	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/rail"
)

// eachEngine runs fn against the whole house on both engines.
func eachEngine(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	dialecttest.EachHouse(t, doorOf(t), func(t *testing.T, h *dialecttest.House) { fn(t, &house{h}) })
}

func TestDocumentedRequestsGetTheDocumentedAnswers(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) { dialecttest.Run(t, "testdata", h.target) })
}

func TestExamplesOfThePageWorkAsPrinted(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) { dialecttest.Page(t, "README.md", h.target) })
}

// together sends the same request 50 times at once.
func together(s shop, body string, headers ...string) []*httptest.ResponseRecorder {
	return dialecttest.Together(50, func(int) *httptest.ResponseRecorder { return s.ask("POST", "/api/payment/create", body, headers...) })
}

func TestFiftyAtOnceWithAnIdempotencyKeyGetOneAnswer(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		answers := together(s, body(nil), "Idempotency-Key", "order-7")
		for _, w := range answers {
			if w.Code != 200 || w.Body.String() != answers[0].Body.String() {
				t.Fatalf("%d %s; the first is %d %s", w.Code, w.Body, answers[0].Code, answers[0].Body)
			}
		}
		if n := s.count(t); n != 1 {
			t.Fatalf("%d invoices", n)
		}
		// The answer stays the same when the invoice has long moved on.
		var made created
		if err := json.Unmarshal(answers[0].Body.Bytes(), &made); err != nil {
			t.Fatal(err)
		}
		s.pay(t, made.InvoiceID)
		if w := s.ask("POST", "/api/payment/create", body(nil), "Idempotency-Key", "order-7"); w.Body.String() != answers[0].Body.String() {
			t.Errorf("a later repeat gets %s", w.Body)
		}
		other := body(map[string]any{fieldAmount: 101})
		if w := s.ask("POST", "/api/payment/create", other, "Idempotency-Key", "order-7"); w.Code != 422 || !strings.Contains(w.Body.String(), "another request") {
			t.Errorf("another body with the key gets %d %s", w.Code, w.Body)
		}
		if n := s.count(t); n != 1 {
			t.Errorf("%d invoices", n)
		}
	})
}

func TestFiftyAtOnceWithoutAKeyMakeOneInvoice(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		good, taken := 0, 0
		for _, w := range together(s, body(nil)) {
			switch {
			case w.Code == 200:
				good++
			case w.Code == 422 && strings.Contains(w.Body.String(), `"message":"The transaction reference has already been taken."`):
				taken++
			default:
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
		if good != 1 || taken != 49 || s.count(t) != 1 {
			t.Errorf("%d made, %d taken, %d invoices", good, taken, s.count(t))
		}
	})
}

func TestRefusalIsKeptWithItsIdempotencyKey(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		s.create(t, nil)
		first := s.ask("POST", "/api/payment/create", body(nil), "Idempotency-Key", "k")
		second := s.ask("POST", "/api/payment/create", body(nil), "Idempotency-Key", "k")
		if first.Code != 422 || second.Code != 422 || first.Body.String() != second.Body.String() {
			t.Errorf("%d %s, then %d %s", first.Code, first.Body, second.Code, second.Body)
		}
		// What never reached the core is not kept: a mended request may use the key.
		if w := s.ask("POST", "/api/payment/create", body(map[string]any{fieldAmount: 0}), "Idempotency-Key", "k2"); w.Code != 422 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w := s.ask("POST", "/api/payment/create", body(map[string]any{fieldReference: "B"}), "Idempotency-Key", "k2"); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestAnotherStoresInvoiceIsNotFound(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		mine, other := h.shop(t, merchant.Admin), h.shop(t, merchant.Admin)
		number := other.create(t, nil)
		for _, id := range []string{number, "TRX123456"} {
			if w := mine.ask("GET", "/api/payment/"+id, ""); w.Code != 404 || w.Body.String() != `{"status":"error","message":"Invoice not found"}` {
				t.Errorf("%s: %d %s", id, w.Code, w.Body)
			}
		}
		w := mine.ask("POST", "/api/payment/batch/status", `{"ids":["`+number+`","TRX123456"]}`)
		want := `{"status":"success","total_requested":2,"total_found":0,"invoices":[],"not_found_ids":["` + number + `","TRX123456"]}`
		if w.Body.String() != want {
			t.Errorf("batch: %s", w.Body)
		}
		// The same reference is each store's own, with and without the same Idempotency-Key.
		if again := mine.create(t, nil); again == number {
			t.Errorf("both have %s", number)
		}
		key := []string{"Idempotency-Key", "k"}
		a := mine.ask("POST", "/api/payment/create", body(map[string]any{fieldReference: "K"}), key...)
		b := other.ask("POST", "/api/payment/create", body(map[string]any{fieldReference: "K"}), key...)
		if a.Code != 200 || b.Code != 200 || a.Body.String() == b.Body.String() {
			t.Errorf("%s and %s", a.Body, b.Body)
		}
	})
}

func TestWrongCredentialsAreAnsweredAlike(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s, other := h.shop(t, merchant.Admin), h.shop(t, merchant.Admin)
		s.create(t, nil)
		revoked := h.shop(t, merchant.Admin)
		list, err := h.Merchants.Credentials(t.Context(), revoked.owner)
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		if err := h.Merchants.Revoke(t.Context(), merchant.Actor{Name: "test", Source: "test"}, revoked.owner, list[0].ID); err != nil {
			t.Fatal(err)
		}
		var first *httptest.ResponseRecorder
		for name, c := range map[string][2]string{
			"wrong secret": {s.key, "wrong"}, "wrong key": {"wrong", s.secret}, "both wrong": {"wrong", "wrong"}, "another's secret": {s.key, other.secret},
			"no secret": {s.key, ""}, "no key": {"", s.secret}, "neither": {"", ""}, "revoked": {revoked.key, revoked.secret},
			"key that no text is": {"\xff\xfe", s.secret}, "long key": {strings.Repeat("x", 5000), s.secret}, "swapped": {s.secret, s.key},
			"spaces": {" ", s.secret},
		} {
			for _, route := range [][2]string{
				{"POST", "/api/payment/create"},
				{"GET", "/api/payment/TRX123456"},
				{"POST", "/api/payment/batch/status"},
				{"GET", "/api/payout/methods"},
				{"POST", "/api/payout/request"},
				{"GET", "/api/payout/WD1"},
				{"POST", "/api/payout/batch/status"},
			} {
				w := shop{house: h, key: c[0], secret: c[1]}.ask(route[0], route[1], body(map[string]any{fieldReference: "NEW"}))
				w.Header().Del("Request-Id")
				if first == nil {
					first = w
				}
				if w.Code != 401 || w.Body.String() != `{"status":"error","message":"Invalid API credentials"}` || !cmp.Equal(w.Header(), first.Header()) {
					t.Errorf("%s, %s: %d %s %v; the first has %v", name, route[1], w.Code, w.Body, w.Header(), first.Header())
				}
			}
		}
		if n := s.count(t) + other.count(t); n != 1 {
			t.Errorf("%d invoices", n)
		}
	})
}

func TestCredentialsThatComeTwiceAreNone(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s, other := h.shop(t, merchant.Admin), h.shop(t, merchant.Admin)
		for name, header := range map[string]http.Header{
			"another's key beside ours": {keyHeader: {s.key, other.key}, secretHeader: {s.secret}},
			"ours twice":                {keyHeader: {s.key, s.key}, secretHeader: {s.secret}},
			"two secrets":               {keyHeader: {s.key}, secretHeader: {s.secret, other.secret}},
			"all of it twice":           {keyHeader: {s.key, other.key}, secretHeader: {s.secret, other.secret}},
		} {
			r := httptest.NewRequest(http.MethodPost, createPath, strings.NewReader(body(nil)))
			r.Header = header
			w := httptest.NewRecorder()
			h.Mux.ServeHTTP(w, r)
			if w.Code != 401 || w.Body.String() != `{"status":"error","message":"Invalid API credentials"}` {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
		if n := s.count(t) + other.count(t); n != 0 {
			t.Errorf("%d invoices", n)
		}
	})
}

func TestCredentialThatOnlyReadsMakesNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Viewer)
		w := s.ask("POST", "/api/payment/create", body(nil))
		if w.Code != 403 || w.Body.String() != `{"status":"error","message":"This API key may only read."}` || s.count(t) != 0 {
			t.Errorf("%d %s, %d invoices", w.Code, w.Body, s.count(t))
		}
		if w := s.ask("GET", "/api/payment/X", ""); w.Code != 404 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w := s.ask("POST", "/api/payment/batch/status", `{"ids":["X"]}`); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestStoreWithoutTakaIsToldSo(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin, money.PKR)
		want := `{"status":"error","message":"This store does not take payments in this currency.",` +
			`"errors":{"amount":["This store does not take payments in this currency."]}}`
		if w := s.ask("POST", "/api/payment/create", body(nil)); w.Code != 422 || w.Body.String() != want {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestStatusFollowsTheInvoice(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		n := s.create(t, map[string]any{fieldAmount: "100.50"})
		check := func(when, status, paid string, at *string) {
			t.Helper()
			want := standing{InvoiceID: n, Status: status, AmountPaid: json.Number(paid), PaidAt: at}
			if d := cmp.Diff(want, s.standing(t, n)); d != "" {
				t.Errorf("%s: %s", when, d)
			}
		}
		check("at first", "pending", "0", nil)
		if _, err := s.settle(t.Context(), n, 4025, rail.Accepted); err != nil {
			t.Fatal(err)
		}
		check("after a part", "pending", "40.25", nil)
		h.Clock.Advance(2 * time.Hour)
		if _, err := h.Invoices.ExpireDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("after its time", "expired", "40.25", nil)
		if _, err := s.settle(t.Context(), n, 6025, rail.Accepted); err != nil {
			t.Fatal(err)
		}
		at := "2026-02-09T23:30:00Z"
		check("after the rest came late", "paid", "100.5", &at)
		if _, err := s.settle(t.Context(), n, 100, rail.Accepted); err != nil {
			t.Fatal(err)
		}
		check("after money too much", "paid", "100.5", &at)
	})
}

func TestInvoiceIsMadeOfWhatWasAsked(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		n := s.create(t, map[string]any{fieldCustomer: "  জন ডো ", fieldReference: " A/7 ", fieldCallback: " http://10.0.0.1/cb?x=%20y#z "})
		inv, err := h.Invoices.ByNumber(t.Context(), s.owner, Name, n)
		if err != nil {
			t.Fatal(err)
		}
		want := invoice.Invoice{
			Owner: s.owner, ID: inv.ID, Door: "aspay", Number: n, Token: inv.Token, Reference: "A/7", Title: "Invoice " + n, PayerName: "জন ডো",
			Amount: 10000, Currency: money.BDT, Status: invoice.Open, ReturnURL: "http://10.0.0.1/cb?x=%20y#z", WebhookURL: "http://10.0.0.1/cb?x=%20y#z",
			CreatedAt: began, UpdatedAt: began, ExpiresAt: began.Add(time.Hour),
		}
		if d := cmp.Diff(want, inv); d != "" {
			t.Error(d)
		}
		if len(n) != len("ATINV")+14 || len(inv.Token) < 32 {
			t.Errorf("number %s, token %s", n, inv.Token)
		}
	})
}

func TestReferenceOfAnyFormIsFoundAgain(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		for _, ref := range []string{
			"create", "batch", "status", "A/B", "a b", "100%", "x?y=1&z", "#1", "atinv123", "ATINV", "ATINV12X", "ATPAYA", "Methods", "..5", "é", "০১২৩৪৫৬৭৮৯০১২৩৪৫৬৭৮৯",
			"A+B", `a\b`, "ATINV\u0664",
		} {
			n := s.create(t, map[string]any{fieldReference: ref})
			if st := s.standing(t, url.PathEscape(ref)); st.InvoiceID != n {
				t.Errorf("%q is %s, and not %s", ref, st.InvoiceID, n)
			}
		}
	})
}

func TestBatchTakesFiveHundredAndNoMore(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		n := s.create(t, nil)
		ids := make([]string, 500)
		for i := range ids {
			ids[i] = fmt.Sprintf("%q", fmt.Sprint("R", i))
		}
		ids[499] = `"` + n + `"`
		var got standings
		w := s.ask("POST", "/api/payment/batch/status", `{"ids":[`+strings.Join(ids, ",")+`]}`)
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.TotalRequested != 500 || got.TotalFound != 1 || len(got.NotFoundIDs) != 499 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		w = s.ask("POST", "/api/payment/batch/status", `{"ids":[`+strings.Join(append(ids, `"X"`), ",")+`]}`)
		want := `{"status":"error","message":"The ids field must not have more than 500 items.","errors":{"ids":["The ids field must not have more than 500 items."]}}`
		if w.Code != 422 || w.Body.String() != want {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestClosedCoreIsBusyAndNothingIsMade(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		h.Invoices.Close()
		w := s.ask("POST", "/api/payment/create", body(nil))
		if w.Code != 503 || w.Header().Get("Retry-After") != "1" || w.Body.String() != `{"status":"error","message":"The service is busy. Please try again."}` {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		if n := s.count(t); n != 0 {
			t.Errorf("%d invoices", n)
		}
	})
}

func TestBodyThatIsTooLargeIsRefused(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		large := body(map[string]any{"note": strings.Repeat("x", 1<<20)})
		for _, path := range []string{"/api/payment/create", "/api/payment/batch/status"} {
			for _, length := range []int64{int64(len(large)), -1} {
				r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(large))
				r.ContentLength = length
				w := s.send(r)
				if w.Code != 413 || w.Body.String() != `{"status":"error","message":"The request body is too large."}` {
					t.Errorf("%s, length %d: %d %s", path, length, w.Code, w.Body)
				}
			}
		}
	})
}

func TestDatabaseThatIsGoneIsSaidAndComesBack(t *testing.T) {
	server := pgtest.Start(t, false)
	c := clock.NewFake(began)
	h := newHouse(t, storetest.Open(t, server.Database(t), c), c)
	s := h.shop(t, merchant.Admin)
	n := s.create(t, nil)
	server.Kill()
	const want = `{"status":"error","message":"The service is unavailable. Please try again."}`
	for _, w := range []*httptest.ResponseRecorder{
		s.ask("POST", "/api/payment/create", body(map[string]any{fieldReference: "B"})),
		s.ask("GET", "/api/payment/"+n, ""),
		s.ask("POST", "/api/payment/batch/status", `{"ids":["B"]}`),
	} {
		if w.Code != 503 || w.Header().Get("Retry-After") != "5" || w.Body.String() != want {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	}
	if err := server.Run(); err != nil {
		t.Fatal(err)
	}
	if st := s.standing(t, n); st.Status != "pending" {
		t.Errorf("%+v", st)
	}
	s.create(t, map[string]any{fieldReference: "B"})
	if got := s.count(t); got != 2 {
		t.Errorf("%d invoices", got)
	}
}
