package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/merchant"
)

// statusesOf says which statuses a kind of fault may have.
var statusesOf = map[fault.Kind][]int{
	fault.Internal: {500}, fault.Invalid: {400, 405, 413, 415, 422}, fault.Unauthenticated: {401}, fault.Forbidden: {403},
	fault.Missing: {404}, fault.Conflict: {409, 422}, fault.Refused: {409, 422}, fault.Limited: {429}, fault.Unavailable: {503},
}

func TestEveryFaultHasItsStatusAndSentence(t *testing.T) {
	params := map[string]string{
		"limit": "9", "allow": "GET", "allowed": "a,b", "max": "9", "decimals": "2", "retry_after": "7", "status": "paid",
		"due": "9", "account": "x", "available": "9", "state": "voided", "reason": "x", "candidates": "x",
	}
	place := regexp.MustCompile(`[{}]`)
	for _, code := range fault.Codes() {
		f := fault.New(code).On("f").Wrap(errors.New("s3cret cause"))
		for k, v := range params {
			f = f.With(k, v)
		}
		w := httptest.NewRecorder()
		refuse(w, httptest.NewRequest("POST", "/v1/x", nil), f)
		a := answer{w.Code, w.Header(), w.Body.String()}
		if _, ok := wordings[code]; !ok {
			t.Errorf("%s has no wording", code)
		}
		allowed := statusesOf[code.Kind()]
		if !containsInt(allowed, a.status) || a.at(t, "code") != string(code) || a.at(t, "title") != http.StatusText(a.status) {
			t.Errorf("%s: %d %s", code, a.status, a.body)
		}
		if detail := a.at(t, "detail"); detail == "" || place.MatchString(detail) || strings.Contains(detail, "the limit") {
			t.Errorf("%s: detail %q", code, detail)
		}
		if strings.Contains(a.body, "s3cret") {
			t.Errorf("%s tells its cause: %s", code, a.body)
		}
		after := map[fault.Kind]bool{fault.Unavailable: true, fault.Limited: true}[code.Kind()]
		if (a.header.Get("Retry-After") != "") != after {
			t.Errorf("%s: Retry-After %q", code, a.header.Get("Retry-After"))
		}
		if (a.header.Get("WWW-Authenticate") != "") != (a.status == 401) {
			t.Errorf("%s: WWW-Authenticate %q", code, a.header.Get("WWW-Authenticate"))
		}
	}
	if p := problem(errors.New("s3cret"), "r"); p.Code != "internal" || p.Status != 500 || strings.Contains(p.Detail, "s3cret") {
		t.Errorf("an error that is no fault: %+v", p)
	}
	if p := problem(fault.New("nobody_knows"), "r"); p.Code != "internal" || p.Status != 500 {
		t.Errorf("a code that is not in the list: %+v", p)
	}
	if p := problem(fault.New(fault.FieldTooLong), ""); p.Detail != "It is longer than the limit characters." {
		t.Errorf("a param that is missing: %q", p.Detail)
	}
}

func containsInt(list []int, v int) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

func TestHumasComplaintsAreMappedAndNeverRepeatTheValue(t *testing.T) {
	useOwnErrors()
	type input struct {
		Text   string   `json:"text,omitempty" maxLength:"3"`
		Pin    string   `json:"pin,omitempty" pattern:"^[0-9]{4}$"`
		Word   string   `json:"word,omitempty" enum:"a,b"`
		Number int      `json:"number,omitempty" minimum:"1" maximum:"9"`
		Ratio  float64  `json:"ratio,omitempty"`
		List   []string `json:"list,omitempty" maxItems:"1"`
		URL    string   `json:"url,omitempty" format:"uri"`
		Mail   string   `json:"mail,omitempty" format:"email"`
		Need   string   `json:"need"`
	}
	registry := huma.NewMapRegistry("#/", huma.DefaultSchemaNamer)
	schema := registry.Schema(reflect.TypeFor[input](), false, "")
	for _, c := range []struct {
		body        map[string]any
		code        fault.Code
		field, more string
	}{
		{map[string]any{"text": "s3cret"}, fault.FieldTooLong, "text", "3"},
		{map[string]any{"text": 1.0}, fault.FieldNotString, "text", ""},
		{map[string]any{"pin": "s3cret"}, fault.FieldMalformed, "pin", ""},
		{map[string]any{"word": "s3cret"}, fault.FieldNotOneOf, "word", "a,b"},
		{map[string]any{"number": "s3cret"}, fault.FieldNotInteger, "number", ""},
		{map[string]any{"number": 0.0}, fault.FieldNotInteger, "number", ""},
		{map[string]any{"number": 1.5}, fault.FieldNotInteger, "number", ""},
		{map[string]any{"number": 99.0}, fault.FieldNotInteger, "number", ""},
		{map[string]any{"ratio": "s3cret"}, fault.FieldNotNumber, "ratio", ""},
		{map[string]any{"list": "s3cret"}, fault.FieldNotList, "list", ""},
		{map[string]any{"list": []any{"s3cret", "x"}}, fault.FieldTooMany, "list", "1"},
		{map[string]any{"url": "s3cret:// "}, fault.FieldNotURL, "url", ""},
		{map[string]any{"mail": "s3cret"}, fault.FieldMalformed, "mail", ""},
		{map[string]any{}, fault.FieldRequired, "need", ""},
	} {
		if len(c.body) > 0 {
			c.body["need"] = "x"
		}
		path, res := huma.NewPathBuffer(nil, 0), &huma.ValidateResult{}
		path.Push("body")
		huma.Validate(registry, schema, path, huma.ModeWriteToServer, c.body, res)
		if len(res.Errors) == 0 {
			t.Errorf("%v: huma has nothing against it", c.body)
			continue
		}
		p, ok := huma.NewError(422, "validation failed s3cret", res.Errors...).(*Problem)
		if !ok {
			t.Fatal("huma makes other errors")
		}
		if p.Code != string(c.code) || c.code != fault.FieldRequired && p.Field != c.field || p.Status != 422 {
			t.Errorf("%v: %+v", c.body, p)
		}
		if c.more != "" && p.Params["max"]+p.Params["allowed"] != c.more {
			t.Errorf("%v: params %v", c.body, p.Params)
		}
		if text := strings.Join([]string{p.Title, p.Detail, p.Field, p.Error()}, " "); strings.Contains(text, "s3cret") {
			t.Errorf("%v: it repeats the value: %s", c.body, text)
		}
	}
	for status, code := range map[int]fault.Code{
		400: fault.BodyMalformed, 408: fault.BodyMalformed, 413: fault.BodyTooLarge, 415: fault.BodyUnsupported,
		422: fault.FieldMalformed, 500: fault.Bug, 418: fault.Bug,
	} {
		if p := huma.NewError(status, "s3cret", errors.New("s3cret")).(*Problem); p.Code != string(code) || strings.Contains(p.Detail, "s3cret") {
			t.Errorf("%d: %+v", status, p)
		}
	}
}

func TestStrangersAreTurnedAwayAlike(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		revoked := h.key(m.Merchant, merchant.Admin)
		list, err := h.merchants.Credentials(context.Background(), m.Owner)
		if err != nil || len(list) != 2 {
			t.Fatal(list, err)
		}
		if err := h.merchants.Revoke(context.Background(), tester, m.Owner, list[1].ID); err != nil {
			t.Fatal(err)
		}
		_, elsewhere, err := h.merchants.Issue(context.Background(), tester,
			merchant.Credential{Owner: m.Owner, Door: "shop", Role: merchant.Admin}, "", "sk_", false)
		if err != nil {
			t.Fatal(err)
		}
		first := ""
		for name, header := range map[string][]string{
			"no header":       {},
			"a wrong key":     {"Authorization", "Bearer sk_wrong"},
			"part of a key":   {"Authorization", "Bearer " + m.key[:len(m.key)-1]},
			"more of a key":   {"Authorization", "Bearer " + m.key + "x"},
			"a revoked key":   {"Authorization", "Bearer " + revoked},
			"another door's":  {"Authorization", "Bearer " + elsewhere},
			"another scheme":  {"Authorization", "Basic " + m.key},
			"no scheme":       {"Authorization", m.key},
			"nothing":         {"Authorization", "Bearer "},
			"two headers":     {"Authorization", "Bearer " + m.key, "Authorization", "Bearer " + m.key},
			"a very long one": {"Authorization", "Bearer " + strings.Repeat("k", 10_000)},
		} {
			for _, c := range [][2]string{{"GET", "/v1/invoices"}, {"GET", "/v1/invoices?limit=x"}, {"GET", "/v1/events/1"}, {"POST", "/v1/sandbox/pay"}} {
				a := h.call(c[0], c[1], "", "{", append([]string{"Request-Id", "r"}, header...)...)
				if first == "" {
					first = a.body
				}
				if a.status != 401 || a.body != first || a.header.Get("WWW-Authenticate") != `Bearer realm="sarraf"` {
					t.Errorf("%s, %v: %d %v %s", name, c, a.status, a.header, a.body)
				}
			}
		}
		if a := h.call("GET", "/v1/invoices", "", "", "Authorization", "bearer   "+m.key); a.status != 200 {
			t.Errorf("the scheme in small letters: %d %s", a.status, a.body)
		}
	})
}

func TestUnknownRoutesAndMethodsHaveTheSameShape(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		for _, c := range []struct {
			method, path string
			status       int
			code         string
		}{
			{"GET", "/v1", 404, "route_unknown"},
			{"GET", "/v1/nothing", 404, "route_unknown"},
			{"POST", "/v1/invoices/../sandbox/pay", 404, "route_unknown"},
			{"GET", "/v1/invoices/a/b", 404, "route_unknown"},
			{"DELETE", "/v1/invoices", 405, "method_not_allowed"},
			{"GET", "/v1/sandbox/pay", 405, "method_not_allowed"},
			{"POST", "/docs", 405, "method_not_allowed"},
			{"GET", "/docs/other.js", 404, "route_unknown"},
		} {
			a := h.call(c.method, c.path, m.key, "")
			if a.status != c.status || a.at(t, "code") != c.code || a.header.Get("Content-Type") != "application/problem+json" ||
				a.at(t, "request_id") != a.header.Get("Request-Id") {
				t.Errorf("%s %s: %d %s", c.method, c.path, a.status, a.body)
			}
			if (a.header.Get("Allow") != "") != (c.status == 405) {
				t.Errorf("%s %s: Allow %q", c.method, c.path, a.header.Get("Allow"))
			}
		}
		if a := h.call("GET", "//v1//invoices/", m.key, ""); a.status != 200 {
			t.Errorf("too many slashes: %d %s", a.status, a.body)
		}
	})
}

func TestAFullServerSaysSo(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		inv := h.demand(m, nil)
		h.payments.Close()
		a := h.pay(m, inv.ID, "paid", "Idempotency-Key", "k")
		if a.status != 503 || a.at(t, "code") != "overloaded" || a.header.Get("Retry-After") != "1" {
			t.Errorf("%d %v %s", a.status, a.header, a.body)
		}
		if a := h.call("GET", "/v1/invoices/"+inv.ID, m.key, ""); a.at(t, "status") != "open" {
			t.Errorf("%s", a.body)
		}
	})
}

func TestALostDatabaseIsAnOutageAndComesBack(t *testing.T) {
	server := pgtest.Start(t, true)
	c := clock.NewFake(noon)
	h := newHouse(t, storetest.Open(t, server.Database(t), c), c)
	m := h.tenant(merchant.Sandbox)
	inv := h.demand(m, nil)
	if a := h.call("GET", "/v1/invoices/"+inv.ID, m.key, ""); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	server.Kill()
	for name, call := range map[string]func() answer{
		"reading": func() answer { return h.call("GET", "/v1/invoices/"+inv.ID, m.key, "") },
		"writing": func() answer { return h.pay(m, inv.ID, "paid", "Idempotency-Key", "k") },
		"a list":  func() answer { return h.call("GET", "/v1/events", m.key, "") },
	} {
		a := call()
		if a.status != 503 || a.at(t, "code") != "outage" || a.header.Get("Retry-After") != "5" {
			t.Errorf("%s: %d %v %s", name, a.status, a.header, a.body)
		}
		for _, secret := range []string{"postgres", "sql", "socket", "connect"} {
			if strings.Contains(strings.ToLower(a.body), secret) {
				t.Errorf("%s: it tells of %s: %s", name, secret, a.body)
			}
		}
	}
	if err := server.Run(); err != nil {
		t.Fatal(err)
	}
	end := time.After(time.Minute)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		a := h.pay(m, inv.ID, "paid", "Idempotency-Key", "k")
		if a.status == 200 {
			break
		}
		select {
		case <-end:
			t.Fatalf("it does not come back: %d %s", a.status, a.body)
		case <-again.C:
		}
	}
	if got := h.eventTypes(m, 1); len(got) != 1 || got[0] != "invoice.paid" {
		t.Errorf("events: %v", got)
	}
}
