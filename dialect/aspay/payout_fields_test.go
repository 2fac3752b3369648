package aspay

import (
	"encoding/json"
	"strings"
	"testing"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/money"
)

func TestBadFieldOfAPayoutIsNamedAndNothingIsSetAside(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.payer(t, 1_000_000_00)
		const reserved = "The transaction reference field must not be methods or look like an id of ours."
		for _, c := range []struct {
			field string
			value any
			want  string
		}{
			{fieldMethod, nil, "The payout method id field is required."},
			{fieldMethod, raw(`null`), "The payout method id field is required."},
			{fieldMethod, " ", "The payout method id field is required."},
			{fieldMethod, "bkash", "The payout method id field must be an integer."},
			{fieldMethod, raw(`1.5`), "The payout method id field must be an integer."},
			{fieldMethod, raw(`1e0`), "The payout method id field must be an integer."},
			{fieldMethod, "+1", "The payout method id field must be an integer."},
			{fieldMethod, "0x1", "The payout method id field must be an integer."},
			{fieldMethod, "1_0", "The payout method id field must be an integer."},
			{fieldMethod, "১", "The payout method id field must be an integer."},
			{fieldMethod, true, "The payout method id field must be an integer."},
			{fieldMethod, raw(`[1]`), "The payout method id field must be an integer."},
			{fieldMethod, raw(`{"id":1}`), "The payout method id field must be an integer."},
			{fieldMethod, raw(`9223372036854775808`), "The payout method id field must be an integer."},
			{fieldMethod, 0, "The selected payout method id is invalid."},
			{fieldMethod, -1, "The selected payout method id is invalid."},
			{fieldMethod, 99, "The selected payout method id is invalid."},
			{fieldMethod, "9223372036854775807", "The selected payout method id is invalid."},
			{fieldMethod, 5, "The selected payout method id is invalid."}, // in rupees

			{fieldAmount, nil, "The amount field is required."},
			{fieldAmount, "ten", "The amount field must be a number."},
			{fieldAmount, raw(`5e2`), "The amount field must be a number."},
			{fieldAmount, "1,000", "The amount field must be a number."},
			{fieldAmount, 0, "The amount field must be greater than 0."},
			{fieldAmount, -500, "The amount field must be greater than 0."},
			{fieldAmount, raw(`100.001`), "The amount field must have 0-2 decimal places."},
			{fieldAmount, raw(`1000000000`), "The amount field must not be greater than 999999999.99."},
			{fieldAmount, "99.99", "The amount field must be at least 100."},
			{fieldAmount, "50000.01", "The amount field must not be greater than 50000."},

			{fieldRecipient, nil, "The recipient name field is required."},
			{fieldRecipient, " \u200b ", "The recipient name field is required."},
			{fieldRecipient, 7, "The recipient name field must be a string."},
			{fieldRecipient, strings.Repeat("é", 256), "The recipient name field must not be greater than 255 characters."},
			{fieldRecipient, "John\nDoe", "The recipient name field format is invalid."},
			{fieldRecipient, "John\u202eeoD", "The recipient name field format is invalid."},

			{fieldAccount, nil, "The recipient account field is required."},
			{fieldAccount, "", "The recipient account field is required."},
			{fieldAccount, raw(`["01712345678"]`), "The recipient account field must be a string."},
			{fieldAccount, "0171234567", "The recipient account field format is invalid."},
			{fieldAccount, "017123456789", "The recipient account field format is invalid."},
			{fieldAccount, "0212345678", "The recipient account field format is invalid."}, // a line in Dhaka
			{fieldAccount, "+923001234567", "The recipient account field format is invalid."},
			{fieldAccount, raw(`17123456.78`), "The recipient account field format is invalid."},
			{fieldAccount, raw(`1712345678.0`), "The recipient account field format is invalid."},
			{fieldAccount, raw(`8.801712345678e12`), "The recipient account field format is invalid."},
			{fieldAccount, "01712345678; DROP TABLE payout", "The recipient account field format is invalid."},
			{fieldAccount, "01712345678\u0000", "The recipient account field format is invalid."},
			{fieldAccount, strings.Repeat("0", 65), "The recipient account field must not be greater than 64 characters."},
			{fieldAccount, long256, "The recipient account field must not be greater than 255 characters."},

			{fieldReference, nil, "The transaction reference field is required."},
			{fieldReference, true, "The transaction reference field must be a string."},
			{fieldReference, strings.Repeat("x", 51), "The transaction reference field must not be greater than 50 characters."},
			{fieldReference, "A\u0007B", "The transaction reference field format is invalid."},
			{fieldReference, ".", "The transaction reference field format is invalid."},
			{fieldReference, "a/../b", "The transaction reference field format is invalid."},
			{fieldReference, "methods", reserved},
			{fieldReference, "ATINV1", reserved},
			{fieldReference, " ATPAY17038392001234 ", reserved},

			{fieldDescription, raw(`["a"]`), "The description field must be a string."},
			{fieldDescription, true, "The description field must be a string."},
			{fieldDescription, long256, "The description field must not be greater than 255 characters."},
			{fieldDescription, "a\u0000b", "The description field format is invalid."},

			{fieldCallback, 1, "The callback url field must be a string."},
			{fieldCallback, "yoursite.com/callback", "The callback url field must be a valid URL."},
			{fieldCallback, "ftp://yoursite.com/", "The callback url field must be a valid URL."},
			{fieldCallback, "https://user:pw@yoursite.com/", "The callback url field must be a valid URL."},
			{fieldCallback, "https://a.example/\r\nX: y", "The callback url field format is invalid."},
			{fieldCallback, "https://a.example/" + strings.Repeat("x", 2040), "The callback url field must not be greater than 2048 characters."},
		} {
			w := s.ask("POST", requestPath, wanted(map[string]any{c.field: c.value}))
			want := `{"status":"error","message":"` + c.want + `","errors":{"` + c.field + `":["` + c.want + `"]}}`
			if w.Code != 422 || w.Body.String() != want {
				t.Errorf("%s = %.60v: %d %s", c.field, c.value, w.Code, w.Body)
			}
		}
		if available, held := s.available(t); available != 1_000_000_00 || held != 0 || s.payouts(t) != 0 {
			t.Errorf("%d available, %d held, %d payouts", available, held, s.payouts(t))
		}
	})
}

func TestBadBodyOfAPayoutIsRefusedAndNothingIsSetAside(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.payer(t, 1_000_00)
		for _, c := range []struct {
			body, contentType string
			status            int
		}{
			{`{"amount":100,`, "application/json", 400},
			{`[1]`, "application/json", 400},
			{`{"amount":1,"amount":2}`, "application/json", 400},
			{"{\"recipient_name\":\"\xff\"}", "application/json", 400},
			{`amount=1&amount=2`, "application/x-www-form-urlencoded", 400},
			{`<amount>1</amount>`, "application/xml", 415},
			{``, "application/json", 422},
			{strings.Repeat("x", 1<<20+1), "application/x-www-form-urlencoded", 413},
		} {
			for _, path := range []string{requestPath, "/api/payout/batch/status"} {
				w := s.askTyped(path, c.contentType, c.body)
				var answer struct{ Status, Message string }
				if w.Code != c.status || json.Unmarshal(w.Body.Bytes(), &answer) != nil || answer.Status != "error" || answer.Message == "" {
					t.Errorf("%s %.40q: %d %s", path, c.body, w.Code, w.Body)
				}
			}
		}
		if _, held := s.available(t); held != 0 || s.payouts(t) != 0 {
			t.Errorf("%d held, %d payouts", held, s.payouts(t))
		}
	})
}

func TestAmountsOfPayoutsAreExact(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.payer(t, 1_000_000_00)
		for i, c := range []struct {
			value any
			minor int64
			shown string
		}{
			{100, 10000, "100"},
			{raw(`100.0`), 10000, "100"},
			{raw(`100.50`), 10050, "100.5"},
			{"100.5000", 10050, "100.5"},
			{" 107.05 ", 10705, "107.05"},
			{"0100", 10000, "100"},
			{raw(`101.15`), 10115, "101.15"},
			{raw(`1008.41`), 100841, "1008.41"},
			{"50000.00", 5000000, "50000"},
		} {
			n := s.withdraw(t, map[string]any{fieldAmount: c.value, fieldReference: i})
			p, err := s.findPayout(t.Context(), n)
			if err != nil || p.Money() != money.Of(c.minor, money.BDT) {
				t.Errorf("%v is %d, %v", c.value, p.Amount, err)
			}
			for _, w := range []string{
				s.ask("GET", "/api/payout/"+n, "").Body.String(), s.ask("POST", "/api/payout/batch/status", `{"ids":["`+n+`"]}`).Body.String(),
			} {
				if !strings.Contains(w, `"amount":`+c.shown+`,`) && !strings.Contains(w, `"amount":`+c.shown+`}`) {
					t.Errorf("%v: %s", c.value, w)
				}
			}
		}
	})
}

// Whatever is sent: it is refused with faults that name documented fields, or everything that was read is within its limits.
func FuzzPayoutIsRefusedOrSound(f *testing.F) {
	for _, s := range []string{
		wanted(nil), wanted(map[string]any{fieldMethod: "2", fieldAmount: "100.50", fieldReference: 7, fieldAccount: 8801712345678}),
		"payout_method_id=1&amount=1&recipient_name=a&recipient_account=b&transaction_reference=c&description=d%0Ae&callback_url=http://c",
		wanted(map[string]any{fieldReference: "ATPAY1"}), wanted(map[string]any{fieldMethod: "-9"}), `{"payout_method_id":1e2}`, "{", "",
	} {
		f.Add(s)
	}
	documented := map[string]bool{
		fieldMethod: true, fieldAmount: true, fieldRecipient: true, fieldAccount: true, fieldReference: true, fieldDescription: true, fieldCallback: true,
	}
	f.Fuzz(func(t *testing.T, text string) {
		fields, err := httpx.ParseFields("application/x-www-form-urlencoded", []byte(text))
		if err != nil {
			return
		}
		q, err := readPayout(fields)
		for _, wrong := range fault.All(err) {
			if s := sentences[wrong.Code]; !documented[wrong.Field] || s.status != validation || strings.Contains(s.word(wrong), ":") {
				t.Fatalf("%v is worded %q", wrong, s.word(wrong))
			}
		}
		if err != nil {
			return
		}
		if q.amount.Minor < 1 || q.amount.Minor > maxAmount || q.amount.Currency != money.BDT || !text1to(q.recipient, maxRecipient) ||
			!text1to(q.account, maxAccount) || !text1to(q.reference, maxPayoutReference) || isPrinted(q.reference, payoutPrefix) {
			t.Fatalf("%+v", q)
		}
		if q.callback != "" && !strings.HasPrefix(strings.ToLower(q.callback), "http") || len([]rune(q.description)) > maxDescription {
			t.Fatalf("%s, %q", q.callback, q.description)
		}
	})
}
