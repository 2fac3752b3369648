package asaanbill

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sarraf/dialect/dialecttest"
	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/money"
)

func TestDocumentedRequestsGetTheDocumentedAnswers(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) { dialecttest.Run(t, "testdata", h.target) })
}

func TestExamplesOfThePageWorkAsPrinted(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) { dialecttest.Page(t, "README.md", h.target) })
}

// said is the answer of a refusal.
func said(status int, message string) string {
	return fmt.Sprintf(`{"responseCode":%d,"responseMessage":%q,"data":null}`, status, message)
}

const stranger = "No valid authentication token provided. Re-authenticate by logging in"

func TestTheTokenIsTheSameUntilItIsTakenBack(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		if got := into[signedIn](t, s.login(password)); got.Token != s.token || got.Channel.ID.String() != s.channel || got.Channel.Name != "Shop" {
			t.Errorf("%+v", got)
		}
		logins, err := h.Merchants.Logins(t.Context(), s.owner)
		if err != nil || len(logins) != 1 {
			t.Fatalf("%v, %v", logins, err)
		}
		if err := h.Merchants.SetPassword(t.Context(), dialecttest.By, s.owner, logins[0].ID, "another-password-of-it"); err != nil {
			t.Fatal(err)
		}
		if w := s.ask("GET", "/payment", ""); w.Code != 401 || w.Body.String() != said(401, stranger) {
			t.Errorf("the old token: %d %s", w.Code, w.Body)
		}
		if w := s.login(password); w.Code != 404 || w.Body.String() != said(404, "User not found or incorrect password") {
			t.Errorf("the old password: %d %s", w.Code, w.Body)
		}
		now := into[signedIn](t, s.login("another-password-of-it"))
		if now.Token == s.token {
			t.Error("the token is still the old one")
		}
		s.token = now.Token
		if w := s.ask("GET", "/payment", ""); w.Code != 200 {
			t.Errorf("the new token: %d %s", w.Code, w.Body)
		}
	})
}

func TestWhoGuessesPasswordsHasToWait(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		nobody := s
		nobody.username = "nobody"
		for _, who := range []shop{s, nobody} {
			for n := range 10 {
				if w := who.login("wrong"); w.Code != 404 || w.Body.String() != said(404, "User not found or incorrect password") {
					t.Fatalf("%s, guess %d: %d %s", who.username, n+1, w.Code, w.Body)
				}
			}
			w := who.login(password)
			if w.Code != 429 || w.Body.String() != said(429, "Too many attempts, please try again later") || w.Header().Get("Retry-After") != "900" {
				t.Errorf("%s: %d %v %s", who.username, w.Code, w.Header(), w.Body)
			}
		}
		// Whoever is in, stays in.
		if w := s.ask("GET", "/payment", ""); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestHeadersMustBelongTogether(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s, other := h.shop(t, merchant.Admin), h.shop(t, merchant.Admin)
		colleague := h.user(t, s.owner, merchant.Admin)
		for name, header := range map[string]http.Header{
			"another's channel":     {tokenHeader: {s.token}, channelHeader: {other.channel}, usernameHeader: {s.username}},
			"another's name":        {tokenHeader: {s.token}, channelHeader: {s.channel}, usernameHeader: {other.username}},
			"a colleague's name":    {tokenHeader: {s.token}, channelHeader: {s.channel}, usernameHeader: {colleague.username}},
			"a name in capitals":    {tokenHeader: {s.token}, channelHeader: {s.channel}, usernameHeader: {strings.ToUpper(s.username)}},
			"a channel with a zero": {tokenHeader: {s.token}, channelHeader: {"0" + s.channel}, usernameHeader: {s.username}},
			"no such token":         {tokenHeader: {"nothing"}, channelHeader: {s.channel}, usernameHeader: {s.username}},
			"a token with a space":  {tokenHeader: {s.token + " x"}, channelHeader: {s.channel}, usernameHeader: {s.username}},
			"a very long token":     {tokenHeader: {strings.Repeat("x", 5000)}, channelHeader: {s.channel}, usernameHeader: {s.username}},
			"two tokens":            {tokenHeader: {s.token, other.token}, channelHeader: {s.channel}, usernameHeader: {s.username}},
			"the token twice":       {tokenHeader: {s.token, s.token}, channelHeader: {s.channel}, usernameHeader: {s.username}},
			"two channels":          {tokenHeader: {s.token}, channelHeader: {s.channel, other.channel}, usernameHeader: {s.username}},
			"two names":             {tokenHeader: {s.token}, channelHeader: {s.channel}, usernameHeader: {s.username, other.username}},
			"the password":          {tokenHeader: {password}, channelHeader: {s.channel}, usernameHeader: {s.username}},
		} {
			r := httptest.NewRequest(http.MethodPost, "/integration/add", strings.NewReader(asked(payment1(nil))))
			for k, list := range header {
				for _, v := range list {
					r.Header.Add(k, v)
				}
			}
			w := httptest.NewRecorder()
			h.Mux.ServeHTTP(w, r)
			if w.Code != 401 || w.Body.String() != said(401, stranger) {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
		if n := h.Count(t, s.owner) + h.Count(t, other.owner); n != 0 {
			t.Errorf("%d payments", n)
		}
	})
}

func TestAUserDoesWhatItsRoleAllows(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		admin := h.shop(t, merchant.Admin)
		viewer, maker := h.user(t, admin.owner, merchant.Viewer), h.user(t, admin.owner, merchant.Maker)
		for name, c := range map[string]struct {
			s           shop
			reads, adds bool
		}{"admin": {admin, true, true}, "viewer": {viewer, true, false}, "maker": {maker, false, true}} {
			bulk := encoded(map[string]any{fieldPayments: []any{payment1(nil)}})
			for _, w := range []*httptest.ResponseRecorder{c.s.ask("POST", "/add", asked(payment1(nil))), c.s.ask("POST", "/add-bulk", bulk)} {
				if may := w.Code == 200; may != c.adds || !may && w.Body.String() != said(403, "Insufficient permissions") {
					t.Errorf("%s adds: %d %s", name, w.Code, w.Body)
				}
			}
			for _, path := range []string{"/payment", "/payment/1", "/search/1", "/bulk-payment-request", "/bulk-payment-request/1"} {
				if w := c.s.ask("GET", path, ""); (w.Code != 403) != c.reads || !c.reads && w.Body.String() != said(403, "Insufficient permissions") {
					t.Errorf("%s reads %s: %d %s", name, path, w.Code, w.Body)
				}
			}
		}
	})
}

func TestAMerchantThatIsShutOutMayDoNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		m, err := h.Merchants.Get(t.Context(), s.owner)
		if err != nil {
			t.Fatal(err)
		}
		m.Settings.Disabled = true
		if err := h.Merchants.Change(t.Context(), dialecttest.By, m); err != nil {
			t.Fatal(err)
		}
		if w := s.ask("POST", "/add", asked(payment1(nil))); w.Code != 401 || h.Count(t, s.owner) != 0 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w := s.login(password); w.Code != 404 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestAnotherMerchantsPaymentsAreNotFound(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		mine, other := h.shop(t, merchant.Admin), h.shop(t, merchant.Admin)
		theirs := other.add(t, typePSID, payment1(nil))
		bulk := into[bulkAdded](t, other.ask("POST", "/add-bulk", encoded(map[string]any{fieldPayments: []any{payment1(map[string]any{fieldIdentifier: "B"})}})))
		for path, want := range map[string]string{
			"/payment/" + theirs.ID.String():                                 "Payment with the provided PSID not found",
			"/payment/" + *theirs.PSID:                                       "Payment with the provided PSID not found",
			"/bulk-payment-request/" + bulk.BulkPaymentRequestID.String():    "Record against provided bulkPaymentRequestId NOT found",
			"/payment/" + bulk.BulkPaymentRequestID.String():                 "Payment with the provided PSID not found",
			"/payment/999999999999999999":                                    "Payment with the provided PSID not found",
			"/bulk-payment-request/" + strings.Repeat("9", 30):               "Record against provided bulkPaymentRequestId NOT found",
			"/bulk-payment-request/" + theirs.ID.String() + "%20":            "Record against provided bulkPaymentRequestId NOT found",
			"/payment/" + strings.Repeat("9", 30):                            "Payment with the provided PSID not found",
			"/payment/%F0%9D%9F%91":                                          "Payment with the provided PSID not found",
			"/payment/-1":                                                    "Payment with the provided PSID not found",
			"/payment/" + "0" + theirs.ID.String():                           "Payment with the provided PSID not found",
			"/payment/" + strings.Repeat("0", 24-1) + theirs.ID.String()[:1]: "Payment with the provided PSID not found",
		} {
			if w := mine.ask("GET", path, ""); w.Code != 404 || w.Body.String() != said(404, want) {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
		for _, path := range []string{"/payment", "/search/" + *theirs.PSID, "/bulk-payment-request"} {
			if p, list := mine.list(t, path); p.TotalElements != 0 || len(list) != 0 {
				t.Errorf("%s: %+v", path, p)
			}
		}
		// The same identifier is another payer here.
		if own := mine.add(t, typePSID, payment1(nil)); *own.PSID == *theirs.PSID || other.get(t, theirs.ID.String()).Status != "APPROVED" {
			t.Errorf("%+v", own)
		}
	})
}

func TestFiftyAtOnceWithAnIdempotencyKeyGetOneAnswer(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		bulk := encoded(map[string]any{fieldPayments: []any{payment1(map[string]any{fieldIdentifier: "B"}), map[string]any{}}})
		for path, body := range map[string]string{"/add": asked(payment1(nil)), "/add-bulk": bulk} {
			answers := dialecttest.Together(50, func(int) *httptest.ResponseRecorder {
				return s.ask("POST", path, body, "Idempotency-Key", "order"+path)
			})
			for _, w := range answers {
				if w.Code != 200 || w.Body.String() != answers[0].Body.String() {
					t.Fatalf("%s: %d %s; the first is %d %s", path, w.Code, w.Body, answers[0].Code, answers[0].Body)
				}
			}
			if err := h.work(t.Context()); err != nil {
				t.Fatal(err)
			}
			// The answer stays the same when the payment has long moved on, by whatever base path it is asked for.
			for psid := range s.psids(t) {
				if _, err := h.pay(t.Context(), psid, ""); err != nil {
					t.Fatal(err)
				}
			}
			r := httptest.NewRequest("POST", "/payment-hub/integration"+path, strings.NewReader(body))
			r.Header.Set("Idempotency-Key", "order"+path)
			if w := s.send(r); w.Body.String() != answers[0].Body.String() {
				t.Errorf("%s: a later repeat gets %s", path, w.Body)
			}
			if w := s.ask("POST", path, body+" ", "Idempotency-Key", "order"+path); w.Code != 409 {
				t.Errorf("%s: another body with the key gets %d %s", path, w.Code, w.Body)
			}
		}
		if p, _ := s.list(t, "/payment"); p.TotalElements != 2 {
			t.Errorf("%d payments", p.TotalElements)
		}
		if w := s.ask("POST", "/add?generationTypes=SQRC_WITH_AMOUNT", asked(payment1(nil)), "Idempotency-Key", "order/add"); w.Code != 409 {
			t.Errorf("another generation type with the key gets %d %s", w.Code, w.Body)
		}
	})
}

// psids are those of the shop's payments that can be paid.
func (s shop) psids(t testing.TB) map[string]bool {
	t.Helper()
	list := map[string]bool{}
	_, all := s.list(t, "/payment?pageSize=1000")
	for _, l := range all {
		if l.Status == "APPROVED" {
			list[*l.PSID] = true
		}
	}
	return list
}

func TestRefusalIsKeptWithItsIdempotencyKey(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		// What never reached the core is not kept: a mended request may use the key.
		if w := s.ask("POST", "/add", asked(payment1(map[string]any{fieldAmount: 0})), "Idempotency-Key", "k"); w.Code != 400 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w := s.ask("POST", "/add", asked(payment1(nil)), "Idempotency-Key", "k"); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestChannelThatIsNotSetUpIsToldSo(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		m, err := h.Merchants.Get(t.Context(), s.owner)
		if err != nil {
			t.Fatal(err)
		}
		m.Settings.PakistanQR = nil
		if err := h.Merchants.Change(t.Context(), dialecttest.By, m); err != nil {
			t.Fatal(err)
		}
		if made := s.add(t, typePSID, payment1(nil)); made.QRString != nil || made.PSID == nil {
			t.Errorf("%+v", made)
		}
		for _, generation := range []string{typeBillQR, typeStatic, typeInstant} {
			payment := payment1(map[string]any{fieldLatitude: 1, fieldLongitude: 1})
			w := s.ask("POST", "/add?generationTypes="+generation, asked(payment))
			if w.Code != 503 || w.Body.String() != said(503, "This is not set up for your channel yet, please contact our team") {
				t.Errorf("%s: %d %s", generation, w.Code, w.Body)
			}
		}
		if n := h.Count(t, s.owner); n != 1 {
			t.Errorf("%d payments", n)
		}
		// A merchant whose channel has no id cannot be told one.
		bare := h.Merchant(t, money.PKR)
		_, err = h.Merchants.AddLogin(t.Context(), dialecttest.By, merchant.Login{Owner: bare.Owner, Door: Name, Username: "bare", Role: merchant.Admin}, password)
		if err != nil {
			t.Fatal(err)
		}
		s.username = "bare"
		if w := s.login(password); w.Code != 503 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestMerchantWithoutRupeesIsToldSo(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		m := h.Merchant(t, money.BDT)
		if err := h.Merchants.SetPublicID(t.Context(), dialecttest.By, m.Owner, Name, "77"); err != nil {
			t.Fatal(err)
		}
		s := h.user(t, m.Owner, merchant.Admin)
		for path, body := range map[string]string{
			"/add": asked(payment1(nil)), "/add-bulk": encoded(map[string]any{fieldPayments: []any{payment1(nil)}}),
		} {
			if w := s.ask("POST", path, body); w.Code != 400 || w.Body.String() != said(400, "Payments in PKR are not enabled for this channel") {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	})
}

func TestClosedCoreIsBusyAndNothingIsMade(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		h.Invoices.Close()
		for path, body := range map[string]string{
			"/add": asked(payment1(nil)), "/add-bulk": encoded(map[string]any{fieldPayments: []any{payment1(nil)}}),
		} {
			w := s.ask("POST", path, body)
			if w.Code != 503 || w.Header().Get("Retry-After") != "1" || w.Body.String() != said(503, "The service is busy, please try again") {
				t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
			}
		}
		if n := h.Count(t, s.owner); n != 0 {
			t.Errorf("%d payments", n)
		}
	})
}

func TestBodyThatIsTooLargeIsRefused(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		for path, limit := range map[string]int{"/login": 1 << 20, "/add": 1 << 20, "/add-bulk": 8 << 20} {
			large := encoded(map[string]any{"note": strings.Repeat("x", limit)})
			for _, length := range []int64{int64(len(large)), -1} {
				r := httptest.NewRequest(http.MethodPost, "/integration"+path, strings.NewReader(large))
				r.ContentLength = length
				w := s.send(r)
				if w.Code != 413 || w.Body.String() != said(413, fmt.Sprintf("Request body cannot be larger than %d bytes", limit)) {
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
	made := s.add(t, typePSID, payment1(nil))
	server.Kill()
	want := said(503, "The service is unavailable, please try again")
	for _, w := range []*httptest.ResponseRecorder{
		s.login(password),
		s.ask("POST", "/add", asked(payment1(nil))),
		s.ask("GET", "/payment/"+made.ID.String(), ""),
		s.ask("GET", "/payment", ""),
		s.ask("GET", "/search/"+*made.PSID, ""),
		s.ask("GET", "/bulk-payment-request", ""),
	} {
		if w.Code != 503 || w.Header().Get("Retry-After") != "5" || w.Body.String() != want {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	}
	if err := server.Run(); err != nil {
		t.Fatal(err)
	}
	if l := s.get(t, made.ID.String()); l.Status != "APPROVED" {
		t.Errorf("%+v", l)
	}
	if again := s.add(t, typePSID, payment1(nil)); *again.PSID != *made.PSID {
		t.Errorf("%+v", again)
	}
}
