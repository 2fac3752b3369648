package aspay

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/merchant"
)

// raw is JSON that stands in a request as it is.
func raw(text string) json.RawMessage { return json.RawMessage(text) }

func TestBadFieldIsNamedAndNothingIsMade(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		for _, c := range []struct {
			field string
			value any
			want  string
		}{
			{fieldAmount, nil, "The amount field is required."},
			{fieldAmount, raw(`null`), "The amount field is required."},
			{fieldAmount, "", "The amount field is required."},
			{fieldAmount, "  ", "The amount field is required."},
			{fieldAmount, "ten", "The amount field must be a number."},
			{fieldAmount, true, "The amount field must be a number."},
			{fieldAmount, raw(`[100]`), "The amount field must be a number."},
			{fieldAmount, raw(`{"a":1}`), "The amount field must be a number."},
			{fieldAmount, raw(`1e2`), "The amount field must be a number."},
			{fieldAmount, "1e2", "The amount field must be a number."},
			{fieldAmount, "+5", "The amount field must be a number."},
			{fieldAmount, ".5", "The amount field must be a number."},
			{fieldAmount, "5.", "The amount field must be a number."},
			{fieldAmount, "1,000", "The amount field must be a number."},
			{fieldAmount, "1 000", "The amount field must be a number."},
			{fieldAmount, "0x10", "The amount field must be a number."},
			{fieldAmount, "১০০", "The amount field must be a number."},
			{fieldAmount, "NaN", "The amount field must be a number."},
			{fieldAmount, "100\u0000", "The amount field must be a number."},
			{fieldAmount, 0, "The amount field must be greater than 0."},
			{fieldAmount, "0.00", "The amount field must be greater than 0."},
			{fieldAmount, -1, "The amount field must be greater than 0."},
			{fieldAmount, "-0.01", "The amount field must be greater than 0."},
			{fieldAmount, "-99999999999999999999", "The amount field must be greater than 0."},
			{fieldAmount, raw(`0.001`), "The amount field must have 0-2 decimal places."},
			{fieldAmount, "10.501", "The amount field must have 0-2 decimal places."},
			{fieldAmount, raw(`1000000000`), "The amount field must not be greater than 999999999.99."},
			{fieldAmount, "99999999999999999999", "The amount field must not be greater than 999999999.99."},
			{fieldAmount, strings.Repeat("9", 5000), "The amount field must not be greater than 999999999.99."},

			{fieldCustomer, nil, "The customer name field is required."},
			{fieldCustomer, raw(`null`), "The customer name field is required."},
			{fieldCustomer, " \t ", "The customer name field is required."},
			{fieldCustomer, 7, "The customer name field must be a string."},
			{fieldCustomer, []string{"John"}, "The customer name field must be a string."},
			{fieldCustomer, false, "The customer name field must be a string."},
			{fieldCustomer, strings.Repeat("é", 256), "The customer name field must not be greater than 255 characters."},
			{fieldCustomer, "John\nDoe", "The customer name field format is invalid."},
			{fieldCustomer, "John\u0000", "The customer name field format is invalid."},
			{fieldCustomer, "John\u202eeoD", "The customer name field format is invalid."},

			{fieldReference, nil, "The transaction reference field is required."},
			{fieldReference, raw(`null`), "The transaction reference field is required."},
			{fieldReference, "", "The transaction reference field is required."},
			{fieldReference, []int{1}, "The transaction reference field must be a string."},
			{fieldReference, true, "The transaction reference field must be a string."},
			{fieldReference, strings.Repeat("x", 21), "The transaction reference field must not be greater than 20 characters."},
			{fieldReference, "A\u0007B", "The transaction reference field format is invalid."},
			{fieldReference, ".", "The transaction reference field format is invalid."},
			{fieldReference, "a/../b", "The transaction reference field format is invalid."},
			{fieldReference, "/", "The transaction reference field format is invalid."},
			{fieldReference, "methods", "The transaction reference field must not be methods or look like an id of ours."},
			{fieldReference, "ATINV1", "The transaction reference field must not be methods or look like an id of ours."},
			{fieldReference, "ATPAY17038392001234", "The transaction reference field must not be methods or look like an id of ours."},
			{fieldReference, " ATINV99 ", "The transaction reference field must not be methods or look like an id of ours."},

			{fieldCallback, nil, "The callback url field is required."},
			{fieldCallback, raw(`null`), "The callback url field is required."},
			{fieldCallback, "", "The callback url field is required."},
			{fieldCallback, 1, "The callback url field must be a string."},
			{fieldCallback, "yoursite.com/callback", "The callback url field must be a valid URL."},
			{fieldCallback, "/callback", "The callback url field must be a valid URL."},
			{fieldCallback, "ftp://yoursite.com/", "The callback url field must be a valid URL."},
			{fieldCallback, "javascript:alert(1)", "The callback url field must be a valid URL."},
			{fieldCallback, "https://user:pw@yoursite.com/", "The callback url field must be a valid URL."},
			{fieldCallback, "https:///callback", "The callback url field must be a valid URL."},
			{fieldCallback, "https://a b/", "The callback url field must be a valid URL."},
			{fieldCallback, "https://a.example/\r\nSet-Cookie: x=1", "The callback url field format is invalid."},
			{fieldCallback, "https://a.example/" + strings.Repeat("x", 2040), "The callback url field must not be greater than 2048 characters."},
		} {
			w := s.ask("POST", "/api/payment/create", body(map[string]any{c.field: c.value}))
			want := `{"status":"error","message":"` + c.want + `","errors":{"` + c.field + `":["` + c.want + `"]}}`
			if w.Code != 422 || w.Body.String() != want {
				t.Errorf("%s = %.60v: %d %s", c.field, c.value, w.Code, w.Body)
			}
		}
		if n := s.count(t); n != 0 {
			t.Errorf("%d invoices were made", n)
		}
	})
}

func TestBadBodyIsRefusedAndNothingIsMade(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		for _, c := range []struct {
			body, contentType string
			status            int
		}{
			{`{"amount":100,`, "application/json", 400},
			{`[1]`, "application/json", 400},
			{`"text"`, "application/json", 400},
			{`{"amount":1,"amount":2}`, "application/json", 400},
			{"{\"customer_name\":\"\xff\"}", "application/json", 400},
			{`{"amount":1} {}`, "application/json", 400},
			{strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), "application/json", 400},
			{`amount=%zz`, "application/x-www-form-urlencoded", 400},
			{`amount=1&amount=2`, "application/x-www-form-urlencoded", 400},
			{`<amount>1</amount>`, "application/xml", 415},
			{`amount=1`, "text/plain", 415},
			{``, "application/json", 422},
			{`{}`, "text/plain", 422},
		} {
			for _, path := range []string{"/api/payment/create", "/api/payment/batch/status"} {
				w := s.askTyped(path, c.contentType, c.body)
				var answer struct{ Status, Message string }
				if w.Code != c.status || json.Unmarshal(w.Body.Bytes(), &answer) != nil || answer.Status != "error" || answer.Message == "" {
					t.Errorf("%s %.40q: %d %s", path, c.body, w.Code, w.Body)
				}
			}
		}
		if n := s.count(t); n != 0 {
			t.Errorf("%d invoices were made", n)
		}
	})
}

func TestAmountsAreExact(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		for i, c := range []struct {
			value any
			minor int64
			shown string
		}{
			{100, 10000, "100"},
			{"100", 10000, "100"},
			{raw(`100.0`), 10000, "100"},
			{raw(`100.50`), 10050, "100.5"},
			{"100.50", 10050, "100.5"},
			{"100.5000", 10050, "100.5"},
			{raw(`100.000`), 10000, "100"},
			{" 7.05 ", 705, "7.05"},
			{"0.01", 1, "0.01"},
			{"007", 700, "7"},
			{raw(`0.29`), 29, "0.29"},
			{raw(`1.15`), 115, "1.15"},
			{raw(`8.41`), 841, "8.41"},
			{raw(`1234567.89`), 123456789, "1234567.89"},
			{"999999999.99", 99999999999, "999999999.99"},
		} {
			n := s.create(t, map[string]any{fieldAmount: c.value, fieldReference: i})
			inv, err := h.Invoices.ByNumber(t.Context(), s.owner, Name, n)
			if err != nil || inv.Amount != c.minor {
				t.Errorf("%v is %d, %v", c.value, inv.Amount, err)
			}
			s.pay(t, n)
			w := s.ask("GET", "/api/payment/"+n, "")
			if want := `{"invoice_id":"` + n + `","status":"paid","amount_paid":` + c.shown + `,"paid_at":"2026-02-09T21:30:00Z"}`; w.Body.String() != want {
				t.Errorf("%v: %s", c.value, w.Body)
			}
			w = s.ask("POST", "/api/payment/batch/status", `{"ids":["`+n+`"]}`)
			if want := `"amount":` + c.shown + `,"amount_paid":` + c.shown + `}`; !strings.Contains(w.Body.String(), want) {
				t.Errorf("%v: %s", c.value, w.Body)
			}
		}
	})
}

func TestBadIDsOfABatchAreNamed(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		for ids, want := range map[string][]string{
			`null`:                    {"ids", "The ids field is required."},
			`[]`:                      {"ids", "The ids field is required."},
			`"TRX1"`:                  {"ids", "The ids field must be an array."},
			`{"a":"b"}`:               {"ids", "The ids field must be an array."},
			`7`:                       {"ids", "The ids field must be an array."},
			`[null]`:                  {"ids.0", "The ids.0 field must be a string."},
			`["a",["b"]]`:             {"ids.1", "The ids.1 field must be a string."},
			`["a",""]`:                {"ids.1", "The ids.1 field is required."},
			`["a\u0000"]`:             {"ids.0", "The ids.0 field format is invalid."},
			`["a","` + long256 + `"]`: {"ids.1", "The ids.1 field must not be greater than 255 characters."},
		} {
			w := s.ask("POST", "/api/payment/batch/status", `{"ids":`+ids+`}`)
			if d := cmp.Diff(`{"status":"error","message":"`+want[1]+`","errors":{"`+want[0]+`":["`+want[1]+`"]}}`, w.Body.String()); w.Code != 422 || d != "" {
				t.Errorf("%.40s: %d %s", ids, w.Code, d)
			}
		}
	})
}

func TestIdempotencyKeyMustBePlain(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		for _, c := range []struct {
			keys []string
			want string
		}{
			{[]string{""}, "The Idempotency-Key field format is invalid."},
			{[]string{"ключ"}, "The Idempotency-Key field format is invalid."},
			{[]string{"a\tb"}, "The Idempotency-Key field format is invalid."},
			{[]string{"a", "b"}, "The Idempotency-Key field format is invalid."},
			{[]string{long256}, "The Idempotency-Key field must not be greater than 255 characters."},
		} {
			var headers []string
			for _, k := range c.keys {
				headers = append(headers, "Idempotency-Key", k)
			}
			w := s.ask("POST", "/api/payment/create", body(nil), headers...)
			if want := `{"status":"error","message":"` + c.want + `","errors":{"Idempotency-Key":["` + c.want + `"]}}`; w.Code != 422 || w.Body.String() != want {
				t.Errorf("%q: %d %s", c.keys, w.Code, w.Body)
			}
		}
		if n := s.count(t); n != 0 {
			t.Errorf("%d invoices were made", n)
		}
		if w := s.ask("POST", "/api/payment/create", body(nil), "Idempotency-Key", long256[1:]); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// long256 is a text of 256 characters.
var long256 = strings.Repeat("x", 256)
