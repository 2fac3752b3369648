package payrequest

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/dialect/dialecttest"
	"sarraf/event"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/rail"
	"sarraf/rail/sandbox"
)

func TestDocumentedRequestsGetTheDocumentedAnswers(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) { dialecttest.Run(t, "testdata", h.target) })
}

func TestExamplesOfThePageWorkAsPrinted(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) { dialecttest.Page(t, "README.md", h.target) })
}

// together sends the same creation 50 times at once.
func together(s shop, changed map[string]any, headers ...string) []*httptest.ResponseRecorder {
	return dialecttest.Together(50, func(int) *httptest.ResponseRecorder { return s.ask(changed, headers...) })
}

func TestFiftyAtOnceWithAnIdempotencyKeyGetOneAnswer(t *testing.T) {
	for name, changed := range map[string]map[string]any{"with an id": nil, "without one": {fieldID: nil}} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, h *house) {
				s := h.shop(t, merchant.Admin)
				answers := together(s, changed, "Idempotency-Key", "order-7")
				for _, w := range answers {
					if w.Code != 200 || w.Body.String() != answers[0].Body.String() || !strings.HasPrefix(w.Body.String(), `{"status":"success","url":"`) {
						t.Fatalf("%d %s; the first is %d %s", w.Code, w.Body, answers[0].Code, answers[0].Body)
					}
				}
				if n := s.count(t); n != 1 {
					t.Fatalf("%d links", n)
				}
				// The answer stays the same when the link has long been paid.
				var made created
				if err := json.Unmarshal(answers[0].Body.Bytes(), &made); err != nil {
					t.Fatal(err)
				}
				inv := s.found(t, made.URL[strings.LastIndexByte(made.URL, '/')+1:])
				if _, err := h.Settle(t.Context(), inv, 0, rail.Accepted); err != nil {
					t.Fatal(err)
				}
				if w := s.ask(changed, "Idempotency-Key", "order-7"); w.Body.String() != answers[0].Body.String() {
					t.Errorf("a later repeat gets %s", w.Body)
				}
				want := refused("unknown", "the Idempotency-Key was used with another request")
				if w := s.ask(map[string]any{fieldAmount: 13}, "Idempotency-Key", "order-7"); w.Code != 200 || w.Body.String() != want {
					t.Errorf("another request with the key gets %d %s", w.Code, w.Body)
				}
				if n := s.count(t); n != 1 {
					t.Errorf("%d links", n)
				}
			})
		})
	}
}

func TestFiftyAtOnceWithAnIDMakeOneLink(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		good, taken := 0, 0
		for _, w := range together(s, nil) {
			switch {
			case w.Code == 200 && strings.HasPrefix(w.Body.String(), `{"status":"success",`):
				good++
			case w.Code == 200 && w.Body.String() == refused("unknown", "id already exists"):
				taken++
			default:
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
		if good != 1 || taken != 49 || s.count(t) != 1 {
			t.Errorf("%d made, %d taken, %d links", good, taken, s.count(t))
		}
	})
}

func TestFiftyAtOnceWithNeitherAreFiftyLinks(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		seen := map[string]bool{}
		for _, w := range together(s, map[string]any{fieldID: nil}) {
			if w.Code != 200 || !strings.HasPrefix(w.Body.String(), `{"status":"success",`) || seen[w.Body.String()] {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			seen[w.Body.String()] = true
		}
		if n := s.count(t); n != 50 {
			t.Errorf("%d links", n)
		}
	})
}

func TestRefusalIsKeptWithItsIdempotencyKey(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		s.create(t, nil)
		for range 2 {
			if w := s.ask(nil, "Idempotency-Key", "k"); w.Body.String() != refused("unknown", "id already exists") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
		// What never reached the core is not kept: a mended request may use the key.
		if w := s.ask(map[string]any{fieldAmount: 0}, "Idempotency-Key", "k2"); w.Body.String() != refused("notvalidamount", "") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w := s.ask(map[string]any{fieldID: "B"}, "Idempotency-Key", "k2"); !strings.Contains(w.Body.String(), "success") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		for _, key := range []string{"", "a b", strings.Repeat("x", 256)} {
			if w := s.ask(map[string]any{fieldID: "C"}, "Idempotency-Key", key); !strings.Contains(w.Body.String(), `"unknown","realerror":"Idempotency-Key is `) {
				t.Errorf("%q: %d %s", key, w.Code, w.Body)
			}
		}
	})
}

func TestAnotherMerchantsLinkIsNotFound(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		mine, other := h.shop(t, merchant.Admin), h.shop(t, merchant.Admin)
		other.create(t, nil)
		slug := other.create(t, map[string]any{fieldID: nil})
		for _, id := range []string{"PR-000012457", slug} {
			if got := mine.get(id); got != refused("nosuchlink", "") {
				t.Errorf("%s: %s", id, got)
			}
			if got := other.get(id); got != `{"status":"pending"}` {
				t.Errorf("its own merchant asks for %s: %s", id, got)
			}
		}
		// The same id is each merchant's own, with and without the same Idempotency-Key; also the slug of another's link.
		for _, id := range []string{"PR-000012457", slug} {
			if again := mine.create(t, map[string]any{fieldID: id}); again == slug {
				t.Errorf("both have %s", slug)
			}
		}
		a := mine.ask(map[string]any{fieldID: "K", fieldToken: mine.token}, "Idempotency-Key", "k")
		b := other.ask(map[string]any{fieldID: "K", fieldToken: other.token}, "Idempotency-Key", "k")
		if !strings.Contains(a.Body.String(), "success") || !strings.Contains(b.Body.String(), "success") || a.Body.String() == b.Body.String() {
			t.Errorf("%s and %s", a.Body, b.Body)
		}
	})
}

func TestEveryTokenThatIsNoneIsAnsweredAlike(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s, revoked, disabled := h.shop(t, merchant.Admin), h.shop(t, merchant.Admin), h.shop(t, merchant.Admin)
		list, err := h.Merchants.Credentials(t.Context(), revoked.owner)
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		if err := h.Merchants.Revoke(t.Context(), dialecttest.By, revoked.owner, list[0].ID); err != nil {
			t.Fatal(err)
		}
		m, err := h.Merchants.Get(t.Context(), disabled.owner)
		if err != nil {
			t.Fatal(err)
		}
		m.Settings.Disabled = true
		if err := h.Merchants.Change(t.Context(), dialecttest.By, m); err != nil {
			t.Fatal(err)
		}
		native := merchant.Credential{Owner: s.owner, Door: "native", Role: merchant.Admin}
		_, key, err := h.Merchants.Issue(t.Context(), dialecttest.By, native, "", "sk_", false)
		if err != nil {
			t.Fatal(err)
		}
		var first *httptest.ResponseRecorder
		for name, token := range map[string]any{
			"made up": "spJA4nChfSPDRSkD-Znb6iw-2WGkDR37GyxZ-GZomUo", "short": "x", "long": strings.Repeat("x", 100_000), "revoked": revoked.token,
			"of a disabled merchant": disabled.token, "of another door": key, "spaces around": " " + s.token + "\n", "the merchant": s.owner,
			"the handle": list[0].Handle, "a number": 7, "true": true, "a list": []string{s.token}, "an object": map[string]string{"token": s.token},
		} {
			for _, path := range []string{"/api/create/", "/api/get/"} {
				w := s.post(path, "application/json", s.body(map[string]any{fieldToken: token, fieldID: "NEW"}))
				w.Header().Del("Request-Id")
				if first == nil {
					first = w
				}
				if w.Code != 200 || w.Body.String() != refused("novalidtoken", "") || !cmp.Equal(w.Header(), first.Header()) {
					t.Errorf("%s, %s: %d %s %v; the first has %v", name, path, w.Code, w.Body, w.Header(), first.Header())
				}
			}
		}
		if n := s.count(t) + revoked.count(t) + disabled.count(t); n != 0 {
			t.Errorf("%d links", n)
		}
	})
}

func TestTokenThatOnlyReadsMakesNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		admin := h.shop(t, merchant.Admin)
		admin.create(t, nil)
		m, err := h.Merchants.Get(t.Context(), admin.owner)
		if err != nil {
			t.Fatal(err)
		}
		s := h.employ(t, m, merchant.Viewer)
		if w := s.ask(map[string]any{fieldID: "NEW", fieldTitle: nil}); w.Code != 200 || w.Body.String() != refused("unknown", "this token may only read") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if got := s.get("PR-000012457"); got != `{"status":"pending"}` || s.count(t) != 1 {
			t.Errorf("%s, %d links", got, s.count(t))
		}
	})
}

func TestLinkIsOfACurrencyThatSomeRailTakes(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		merchantWith := func(mode merchant.Mode, rails []string, currencies ...money.Currency) shop {
			m, err := h.Merchants.Create(t.Context(), dialecttest.By, merchant.Merchant{
				Name: "Shop", Mode: mode, Currencies: currencies, Settings: merchant.Settings{Rails: rails},
			})
			if err != nil {
				t.Fatal(err)
			}
			return h.employ(t, m, merchant.Admin)
		}
		for name, c := range map[string]struct {
			shop     shop
			currency any
			want     string // the currency of the link, or the error
		}{
			"EUR is usual":                       {merchantWith(merchant.Sandbox, nil, money.BDT, money.EUR), nil, "EUR"},
			"null is none":                       {merchantWith(merchant.Sandbox, nil, money.BDT, money.EUR), json.RawMessage("null"), "EUR"},
			"blank is none":                      {merchantWith(merchant.Sandbox, nil, money.BDT, money.EUR), " ", "EUR"},
			"without it the first":               {merchantWith(merchant.Sandbox, nil, money.BDT, money.PKR), nil, "BDT"},
			"another of the merchant's":          {merchantWith(merchant.Sandbox, nil, money.BDT, money.EUR), "BDT", "BDT"},
			"small letters":                      {merchantWith(merchant.Sandbox, nil, money.BDT, money.EUR), " bdt ", "BDT"},
			"not the merchant's":                 {merchantWith(merchant.Sandbox, nil, money.BDT, money.EUR), "PKR", "pspnotsupported"},
			"none at all":                        {merchantWith(merchant.Sandbox, nil, money.BDT, money.EUR), "XBT", "pspnotsupported"},
			"no text":                            {merchantWith(merchant.Sandbox, nil, money.BDT, money.EUR), 978, "pspnotsupported"},
			"no rail is switched on":             {merchantWith(merchant.Live, nil, money.EUR), nil, "nointegration"},
			"nor is it told that the currency":   {merchantWith(merchant.Live, nil, money.EUR), "PKR", "nointegration"},
			"the rail does not take it":          {merchantWith(merchant.Live, []string{"taka"}, money.BDT, money.EUR), nil, "pspnotsupported"},
			"the rail takes it":                  {merchantWith(merchant.Live, []string{"taka"}, money.BDT, money.EUR), "BDT", "BDT"},
			"the sandbox is no rail of the live": {merchantWith(merchant.Live, []string{sandbox.Name}, money.EUR), nil, "nointegration"},
		} {
			changed := map[string]any{}
			if c.currency != nil {
				changed[fieldCurrency] = c.currency
			}
			w := c.shop.ask(changed)
			if len(c.want) > 3 {
				if w.Code != 200 || w.Body.String() != refused(c.want, "") || c.shop.count(t) != 0 {
					t.Errorf("%s: %d %s, %d links", name, w.Code, w.Body, c.shop.count(t))
				}
				continue
			}
			if inv := c.shop.found(t, "PR-000012457"); string(inv.Currency) != c.want || inv.Amount != 1225 {
				t.Errorf("%s: %d %s", name, inv.Amount, inv.Currency)
			}
		}
	})
}

func TestLinkIsMadeOfWhatWasAsked(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		slug := s.create(t, map[string]any{
			fieldID: " PR 1 ", fieldTitle: "  Rechnung für Müller ", fieldName: " Jan de Vries\t", fieldEmail: " jan@example.com ",
			fieldDescription: " one\r\ntwo ", fieldType: "whatever", fieldResponse: " http://10.0.0.1/cb?x=%20y#z ", fieldWebhook: "https://a.example/hook",
		})
		inv := s.found(t, slug)
		want := invoice.Invoice{
			Owner: s.owner, ID: inv.ID, Door: "payrequest", Token: slug, Reference: " PR 1 ", Title: "Rechnung für Müller", Description: "one\ntwo",
			PayerName: "Jan de Vries", PayerEmail: "jan@example.com", Amount: 1225, Currency: money.EUR, Status: invoice.Open,
			ReturnURL: "http://10.0.0.1/cb?x=%20y#z", WebhookURL: "https://a.example/hook",
			Extra:     `{"type":"link","return_id":"` + md5Hex(s.token+" PR 1 ") + `"}`,
			CreatedAt: dialecttest.Began, UpdatedAt: dialecttest.Began, ExpiresAt: dialecttest.Began.Add(time.Hour),
		}
		if d := cmp.Diff(want, inv); d != "" {
			t.Error(d)
		}
		bare := s.create(t, map[string]any{fieldID: "", fieldType: typeDirect, fieldResponse: nil})
		inv = s.found(t, bare)
		want = invoice.Invoice{
			Owner: s.owner, ID: inv.ID, Door: "payrequest", Token: bare, Number: bare, Title: "Invoice #15123-14", Amount: 1225, Currency: money.EUR,
			Status: invoice.Open, Extra: `{"type":"direct","return_id":"` + md5Hex(s.token+bare) + `"}`,
			CreatedAt: dialecttest.Began, UpdatedAt: dialecttest.Began, ExpiresAt: dialecttest.Began.Add(time.Hour),
		}
		if d := cmp.Diff(want, inv); d != "" {
			t.Error(d)
		}
		if !isSlug(slug) || !isSlug(bare) || slug == bare {
			t.Errorf("slugs %s and %s", slug, bare)
		}
		// The token is kept nowhere, in no event either.
		events, err := h.Events.List(t.Context(), s.owner, event.Page{Limit: 100})
		if err != nil || len(events) == 0 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		for _, e := range events {
			if text := fmt.Sprintf("%s %+v", e.Data, e); strings.Contains(text, s.token) {
				t.Errorf("an event has the token: %s", text)
			}
		}
	})
}

func TestIDIsFoundAsItWasSent(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		for _, c := range []struct{ sent, asked any }{
			{"PR-1", "PR-1"},
			{12457, "12457"},
			{"12458", 12458},
			{json.RawMessage("1.50"), "1.50"},
			{" PR-1", " PR-1"},
			{"PR-1 ", "PR-1 "},
			{"pr-1", "pr-1"},
			{"é", "é"},
			{"a/b?c&d=e#f%", "a/b?c&d=e#f%"},
			{"create", "create"},
			{strings.Repeat("é", 255), strings.Repeat("é", 255)},
			{"abcdefghijkl", "abcdefghijkl"},
			{"0", "0"},
			{"null", "null"},
		} {
			slug := s.create(t, map[string]any{fieldID: c.sent})
			if got := s.get(c.asked); got != `{"status":"pending"}` {
				t.Errorf("%v, asked as %v: %s", c.sent, c.asked, got)
			}
			if inv := s.found(t, slug); inv.Reference != fmt.Sprint(c.asked) {
				t.Errorf("%v is kept as %q", c.sent, inv.Reference)
			}
		}
		for _, id := range []any{"PR-2", "PR-1  ", true, []string{"PR-1"}, "PR-1\u0000", strings.Repeat("x", 256), "000000000000"} {
			if got := s.get(id); got != refused("nosuchlink", "") {
				t.Errorf("%v: %s", id, got)
			}
		}
		for _, id := range []any{nil, "", "  ", "\u200b\u2060"} {
			if got := s.get(id); got != refused("noid", "") {
				t.Errorf("%v: %s", id, got)
			}
		}
	})
}

func TestStatusFollowsTheLink(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		s.create(t, nil)
		check := func(when, status string, returns bool) {
			t.Helper()
			if got, want := s.get("PR-000012457"), `{"status":"`+status+`"}`; got != want {
				t.Errorf("%s: %s", when, got)
			}
			if to, err := h.door.Return(t.Context(), s.found(t, "PR-000012457")); err != nil || (to != "") != returns {
				t.Errorf("%s the payer is sent to %q, %v", when, to, err)
			}
		}
		settle := func(minor int64) {
			t.Helper()
			if _, err := h.Settle(t.Context(), s.found(t, "PR-000012457"), minor, rail.Accepted); err != nil {
				t.Fatal(err)
			}
		}
		check("at first", "pending", false)
		settle(500)
		check("after a part", "pending", false)
		h.Clock.Advance(2 * time.Hour)
		if _, err := h.Invoices.ExpireDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("after its time", "failed", true)
		settle(725)
		check("after the rest came late", "paid", true)
	})
}

func TestSlugThatIsTakenOrReservedIsNotUsed(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s, other := h.shop(t, merchant.Admin), h.shop(t, merchant.Admin)
		taken := other.create(t, nil)
		next := []string{taken, "checkout", "000000000007"}
		h.dialect.random = func() string {
			slug := next[0]
			next = next[1:]
			return slug
		}
		key := []string{"Idempotency-Key", "k"}
		want := `{"status":"success","url":"https://pay.example/checkout/000000000007"}`
		if w := s.ask(map[string]any{fieldID: nil}, key...); w.Code != 200 || w.Body.String() != want {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if inv := s.found(t, "000000000007"); extraOf(inv).ReturnID != md5Hex(s.token+"000000000007") {
			t.Errorf("%+v", inv)
		}
		next = []string{"000000000008"}
		if w := s.ask(map[string]any{fieldID: nil}, key...); w.Body.String() != want {
			t.Errorf("a repeat gets %s", w.Body)
		}
		// A machine whose chance is broken does not try for ever.
		next = strings.Split(strings.Repeat(taken+" ", 10)+"000000000009", " ")
		if w := s.ask(map[string]any{fieldID: nil}); w.Code != 500 || s.count(t) != 1 || len(next) < 2 {
			t.Errorf("%d %s, %d links, %d slugs are left", w.Code, w.Body, s.count(t), len(next))
		}
	})
}

func TestMultipartFormIsRead(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		var b strings.Builder
		for name, value := range map[string]string{"token": s.token, "id": "M-1", "title": "Invoice #15123-14", "amount": "1.234,50"} {
			fmt.Fprintf(&b, "--cut\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", name, value)
		}
		b.WriteString("--cut--\r\n")
		w := s.post("/api/create/", "multipart/form-data; boundary=cut", b.String())
		if w.Code != 200 || !strings.Contains(w.Body.String(), "success") {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if inv := s.found(t, "M-1"); inv.Amount != 123450 || inv.Title != "Invoice #15123-14" {
			t.Errorf("%+v", inv)
		}
	})
}

func TestClosedCoreIsBusyAndNothingIsMade(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		h.Invoices.Close()
		w := s.ask(nil)
		if w.Code != 503 || w.Header().Get("Retry-After") != "1" || w.Body.String() != refused("unknown", "the service is busy, please try again") {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		if n := s.count(t); n != 0 {
			t.Errorf("%d links", n)
		}
	})
}

func TestBodyThatIsTooLargeIsRefused(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		large := s.body(map[string]any{"note": strings.Repeat("x", 1<<20)})
		for _, path := range []string{"/api/create/", "/api/get/"} {
			for _, length := range []int64{int64(len(large)), -1} {
				r := httptest.NewRequest("POST", path, strings.NewReader(large))
				r.ContentLength = length
				w := httptest.NewRecorder()
				h.Mux.ServeHTTP(w, r)
				if w.Code != 413 || w.Body.String() != refused("unknown", "the request is larger than 1048576 bytes") {
					t.Errorf("%s, length %d: %d %s", path, length, w.Code, w.Body)
				}
			}
		}
	})
}

func TestDatabaseThatIsGoneIsSaidAndComesBack(t *testing.T) {
	server := pgtest.Start(t, false)
	c := clock.NewFake(dialecttest.Began)
	h := &house{}
	h.House = dialecttest.NewHouse(t, storetest.Open(t, server.Database(t), c), c, func(h *dialecttest.House) httpx.Door {
		return New(Deps{
			Merchants: h.Merchants, Invoices: h.Invoices, Rails: []rail.Collector{sandbox.Rail{}}, Clock: c, PublicURL: publicURL,
			Reserved: func(string) bool { return false },
		}).HTTP()
	})
	s := h.shop(t, merchant.Admin)
	s.create(t, nil)
	server.Kill()
	want := refused("unknown", "the service is unavailable, please try again")
	for _, w := range []*httptest.ResponseRecorder{
		s.ask(map[string]any{fieldID: "B"}),
		s.post("/api/get/", "application/json", s.body(nil)),
	} {
		if w.Code != 503 || w.Header().Get("Retry-After") != "5" || w.Body.String() != want {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	}
	if err := server.Run(); err != nil {
		t.Fatal(err)
	}
	if got := s.get("PR-000012457"); got != `{"status":"pending"}` {
		t.Error(got)
	}
	s.create(t, map[string]any{fieldID: "B"})
	if got := s.count(t); got != 2 {
		t.Errorf("%d links", got)
	}
}
