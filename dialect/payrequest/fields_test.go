package payrequest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sarraf/merchant"
	"sarraf/money"
)

// raw is JSON that stands in a request as it is.
func raw(text string) json.RawMessage { return json.RawMessage(text) }

func TestAmountIsReadExactlyOrNotAtAll(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin, money.EUR, money.JPY, money.KWD)
		made := 0
		for _, c := range []struct {
			currency string
			amount   any
			minor    int64 // -1: noamount, 0: notvalidamount
		}{
			{"EUR", "12,25", 1225},
			{"EUR", "12.25", 1225},
			{"EUR", raw("12.25"), 1225},
			{"EUR", raw("12.2"), 1220},
			{"EUR", "12,2", 1220},
			{"EUR", "12", 1200},
			{"EUR", 12, 1200},
			{"EUR", " 12,25 ", 1225},
			{"EUR", "1.234,50", 123450},
			{"EUR", "1,234.50", 123450},
			{"EUR", "1234,50", 123450},
			{"EUR", "1.234.567", 123456700},
			{"EUR", "1,234,567", 123456700},
			{"EUR", "0,01", 1},
			{"EUR", raw("0.29"), 29},
			{"EUR", "0012,25", 1225},
			{"EUR", "999.999.999,99", 99999999999},
			{"EUR", raw("999999999.99"), 99999999999},
			{"JPY", "1234", 1234},
			{"JPY", "1.234.567", 1234567},
			{"JPY", 999999999, 999999999},
			{"KWD", raw("1.234"), 1234},
			{"KWD", "1,234.567", 1234567},

			{"EUR", nil, -1},
			{"EUR", raw("null"), -1},
			{"EUR", "", -1},
			{"EUR", " \t", -1},

			{"EUR", "1.234", 0}, // a thousand and some, or one and a bit
			{"EUR", "1,234", 0},
			{"EUR", "12.250", 0},
			{"KWD", "1.234", 0},
			{"EUR", raw("1.234"), 0},
			{"EUR", raw("12.250"), 0},
			{"EUR", "0,123", 0},
			{"EUR", "1234,567", 0},
			{"EUR", "1.2345,00", 0},
			{"EUR", "1.234,5,0", 0},
			{"EUR", "1,234,50", 0},
			{"EUR", "12.345.67", 0},
			{"JPY", "12,5", 0},
			{"JPY", raw("12.0"), 0},
			{"EUR", 0, 0},
			{"EUR", "0,00", 0},
			{"EUR", -1, 0},
			{"EUR", "-12,25", 0},
			{"EUR", "+5", 0},
			{"EUR", "1e2", 0},
			{"EUR", raw("1e2"), 0},
			{"EUR", "€ 12,25", 0},
			{"EUR", "12,25 EUR", 0},
			{"EUR", "1 234,50", 0},
			{"EUR", "1'234.50", 0},
			{"EUR", ",25", 0},
			{"EUR", "12,", 0},
			{"EUR", "12,-", 0},
			{"EUR", "0x10", 0},
			{"EUR", "১২", 0},
			{"EUR", "NaN", 0},
			{"EUR", "12\u00000", 0},
			{"EUR", true, 0},
			{"EUR", []int{12}, 0},
			{"EUR", map[string]int{"a": 1}, 0},
			{"EUR", 1000000000, 0},
			{"EUR", "1.000.000.000,00", 0},
			{"JPY", 1000000000, 0},
			{"EUR", strings.Repeat("9", 5000), 0},
		} {
			id := fmt.Sprint("A-", made)
			w := s.ask(map[string]any{fieldID: id, fieldAmount: c.amount, fieldCurrency: c.currency})
			want := map[int64]string{-1: refused("noamount", ""), 0: refused("notvalidamount", "")}[c.minor]
			if want != "" {
				if w.Code != 200 || w.Body.String() != want {
					t.Errorf("%s %.40v: %d %s", c.currency, c.amount, w.Code, w.Body)
				}
				continue
			}
			made++
			if inv := s.found(t, id); inv.Amount != c.minor || string(inv.Currency) != c.currency {
				t.Errorf("%s %v: %d %s", c.currency, c.amount, inv.Amount, inv.Currency)
			}
		}
		if n := s.count(t); n != made {
			t.Errorf("%d links were made, want %d", n, made)
		}
	})
}

func TestBadFieldIsNamedAndNothingIsMade(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		const url, text, characters = " must be an http or https URL", " must be text", " has characters that are not allowed"
		for _, c := range []struct {
			field string
			value any
			code  string
			real  string // after the name of the field
		}{
			{fieldTitle, nil, "notitle", ""},
			{fieldTitle, raw("null"), "notitle", ""},
			{fieldTitle, "", "notitle", ""},
			{fieldTitle, " \t ", "notitle", ""},
			{fieldTitle, "\u200b\u00ad\u2060", "notitle", ""},
			{fieldTitle, true, "", text},
			{fieldTitle, []string{"a"}, "", text},
			{fieldTitle, "a\nb", "", characters},
			{fieldTitle, "a\u202eb", "", characters},
			{fieldTitle, strings.Repeat("é", 256), "", " is longer than 255 characters"},
			{fieldID, true, "", text},
			{fieldID, []string{"a"}, "", text},
			{fieldID, "a\u0000", "", characters},
			{fieldID, "a\r\n", "", characters},
			{fieldID, "\ta", "", characters},
			{fieldID, strings.Repeat("x", 256), "", " is longer than 255 characters"},
			{fieldID, strings.Repeat(" ", 255) + "x", "", " is longer than 255 characters"},
			{fieldName, map[string]string{}, "", text},
			{fieldName, "a\u0007", "", characters},
			{fieldName, strings.Repeat("x", 256), "", " is longer than 255 characters"},
			{fieldEmail, 7, "", text},
			{fieldEmail, "jan", "", " is not valid"},
			{fieldEmail, "@example.com", "", " is not valid"},
			{fieldEmail, "jan@", "", " is not valid"},
			{fieldEmail, "Jan <jan@example.com>", "", " is not valid"},
			{fieldEmail, "jan@example.com, piet@example.com", "", " is not valid"},
			{fieldEmail, "jan@example.com\nBcc: x@example.com", "", characters},
			{fieldEmail, strings.Repeat("x", 250) + "@a.example", "", " is longer than 254 characters"},
			{fieldDescription, false, "", text},
			{fieldDescription, "a\u0000", "", characters},
			{fieldDescription, strings.Repeat("x", 2001), "", " is longer than 2000 characters"},
			{fieldResponse, 1, "", text},
			{fieldResponse, "payrequest.io/responsehandler", "", url},
			{fieldResponse, "/responsehandler", "", url},
			{fieldResponse, "ftp://payrequest.io/", "", url},
			{fieldResponse, "javascript:alert(1)", "", url},
			{fieldResponse, "data:text/html,x", "", url},
			{fieldResponse, "https://user:pw@payrequest.io/", "", url},
			{fieldResponse, "https:///x", "", url},
			{fieldResponse, "https://a.example/\r\nSet-Cookie: x=1", "", characters},
			{fieldResponse, "https://a.example/" + strings.Repeat("x", 2040), "", " is longer than 2048 characters"},
			{fieldWebhook, []string{"https://a.example"}, "", text},
			{fieldWebhook, "a.example", "", url},
		} {
			w := s.ask(map[string]any{c.field: c.value})
			want := refused(c.code, "")
			if c.code == "" {
				want = refused("unknown", c.field+c.real)
			}
			if w.Code != 200 || w.Body.String() != want {
				t.Errorf("%s = %.60v: %d %s", c.field, c.value, w.Code, w.Body)
			}
		}
		if n := s.count(t); n != 0 {
			t.Errorf("%d links were made", n)
		}
	})
}

// What is told first, when everything is wrong at once.
func TestErrorsAreToldInTheirOrder(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		s.create(t, map[string]any{fieldID: "TAKEN"})
		wrong := map[string]any{
			fieldToken: nil, fieldTitle: nil, fieldAmount: nil, fieldCurrency: "PKR", fieldID: strings.Repeat("x", 256), fieldName: "\u0000",
			fieldEmail: "x", fieldDescription: "\u0000", fieldResponse: "x", fieldWebhook: "x",
		}
		key := "a b"
		for _, c := range []struct {
			code, real string
			mend       string
			with       any
		}{
			{"notoken", "", fieldToken, "wrong"},
			{"novalidtoken", "", fieldToken, s.token},
			{"notitle", "", fieldTitle, strings.Repeat("x", 256)},
			{"noamount", "", fieldAmount, "1.234"},
			{"notvalidamount", "", fieldAmount, "12,25"},
			{"pspnotsupported", "", fieldCurrency, "EUR"},
			{"unknown", "id is longer than 255 characters", fieldID, "TAKEN"},
			{"unknown", "title is longer than 255 characters", fieldTitle, "Invoice"},
			{"unknown", "name has characters that are not allowed", fieldName, "Jan"},
			{"unknown", "email is not valid", fieldEmail, "jan@example.com"},
			{"unknown", "description has characters that are not allowed", fieldDescription, "Books"},
			{"unknown", "response must be an http or https URL", fieldResponse, "https://a.example"},
			{"unknown", "webhook must be an http or https URL", fieldWebhook, "https://a.example"},
			{"unknown", "Idempotency-Key is not valid", "", nil},
			{"unknown", "id already exists", fieldID, "FREE"},
		} {
			if w := s.ask(wrong, "Idempotency-Key", key); w.Code != 200 || w.Body.String() != refused(c.code, c.real) {
				t.Errorf("want %s %s: %d %s", c.code, c.real, w.Code, w.Body)
			}
			if c.mend == "" {
				key = "ab"
				continue
			}
			wrong[c.mend] = c.with
		}
		if w := s.ask(wrong, "Idempotency-Key", "free"); !strings.Contains(w.Body.String(), "success") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestBadBodyIsRefusedAndNothingIsMade(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		const neither, kind = "the request is neither JSON nor form data", "the request must be JSON or form data"
		good := s.body(nil)
		for _, c := range []struct{ body, contentType, want string }{
			{good[:len(good)-1], "application/json", refused("unknown", neither)},
			{`[` + good + `]`, "application/json", refused("unknown", neither)},
			{`"text"`, "application/json", refused("unknown", neither)},
			{strings.Replace(good, `{`, `{"token":"x",`, 1), "application/json", refused("unknown", neither)},
			{strings.Replace(good, "PR-", "\xff", 1), "application/json", refused("unknown", neither)},
			{good + good, "application/json", refused("unknown", neither)},
			{`token=%zz`, "application/x-www-form-urlencoded", refused("unknown", neither)},
			{`token=a&token=b`, "application/x-www-form-urlencoded", refused("unknown", neither)},
			{`token=` + s.token, "text/plain", refused("unknown", kind)},
			{`<token>x</token>`, "application/xml", refused("unknown", kind)},
			{``, "application/json", refused("notoken", "")},
			{`{}`, "text/plain", refused("notoken", "")},
			{`{"Token":"x"}`, "application/json", refused("notoken", "")},
		} {
			for _, path := range []string{"/api/create", "/api/get"} {
				if w := s.post(path, c.contentType, c.body); w.Code != 200 || w.Body.String() != c.want {
					t.Errorf("%s %.40q: %d %s", path, c.body, w.Code, w.Body)
				}
			}
		}
		if n := s.count(t); n != 0 {
			t.Errorf("%d links were made", n)
		}
	})
}
