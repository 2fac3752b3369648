package deshipay

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/money"
	"sarraf/wallet"
)

// raw is JSON that stands in a request as it is.
func raw(text string) json.RawMessage { return json.RawMessage(text) }

// changed is a good body by number with one field changed; a nil leaves it out.
func changed(t testing.TB, number, field string, value any) string {
	t.Helper()
	fields := map[string]any{fieldReceiver: number, fieldAmount: 10, fieldPIN: "1235"}
	fields[field] = value
	if value == nil {
		delete(fields, field)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestBadFieldIsNamedAndNothingIsMoved(t *testing.T) {
	const number, decimals = "The amount must be a number.", "The amount must have 0-2 decimal places."
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop := h.holder(t, 1_000_000_00), h.shop(t)
		for _, c := range []struct {
			field string
			value any
			want  string
		}{
			{fieldAmount, nil, "The amount field is required."},
			{fieldAmount, raw(`null`), "The amount field is required."},
			{fieldAmount, " ", "The amount field is required."},
			{fieldAmount, "ten", number},
			{fieldAmount, true, number},
			{fieldAmount, raw(`[10]`), number},
			{fieldAmount, raw(`1e2`), number},
			{fieldAmount, "+5", number},
			{fieldAmount, "1,000", number},
			{fieldAmount, "১০", number},
			{fieldAmount, "৳10", number},
			{fieldAmount, "10\u0000", number},
			{fieldAmount, raw(`10.001`), decimals},
			{fieldAmount, "0.001", decimals},
			{fieldAmount, 0, tooLittle},
			{fieldAmount, "0.0", tooLittle},
			{fieldAmount, -10, tooLittle},
			{fieldAmount, "-99999999999999999999", tooLittle},
			{fieldAmount, raw(`0.99`), tooLittle},
			{fieldAmount, raw(`1000000000`), tooMuch},
			{fieldAmount, strings.Repeat("9", 5000), tooMuch},
			{fieldAmount, "50000.01", tooMuch},

			{fieldReceiver, nil, "The receiver mobile number field is required."},
			{fieldReceiver, raw(`null`), "The receiver mobile number field is required."},
			{fieldReceiver, " \t ", "The receiver mobile number field is required."},
			{fieldReceiver, true, "The receiver mobile number must be a string."},
			{fieldReceiver, []string{shop.Number}, "The receiver mobile number must be a string."},
			{fieldReceiver, "nobody", "The receiver mobile number format is invalid."},
			{fieldReceiver, "999", "The receiver mobile number format is invalid."},
			{fieldReceiver, shop.Number + "\u0000", "The receiver mobile number format is invalid."},
			{fieldReceiver, strings.Repeat("0", 33), "The receiver mobile number must not be greater than 32 characters."},

			{fieldQR, 7, "The qr text must be a string."},
			{fieldQR, []string{"x"}, "The qr text must be a string."},

			{fieldNote, true, "The note must be a string."},
			{fieldNote, map[string]string{"a": "b"}, "The note must be a string."},
			{fieldNote, strings.Repeat("é", 256), "The note must not be greater than 255 characters."},
			{fieldNote, "a\u0000b", "The note format is invalid."},
			{fieldNote, "gpj.\u202eexe", "The note format is invalid."},
		} {
			for _, path := range []string{manualExecute, guideExecute, manualSummary} {
				w := a.ask("POST", path, changed(t, shop.Number, c.field, c.value))
				if w.Code != validation || w.Body.String() != says(c.want) {
					t.Errorf("%s, %s = %.60v: %d %s", path, c.field, c.value, w.Code, w.Body)
				}
			}
		}
		if h.balance(t, a.Owner) != 1_000_000_00 {
			t.Error("money was moved")
		}
	})
}

func TestBadBodyIsRefusedAndNothingIsMoved(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop := h.holder(t, 100_00), h.shop(t)
		good := pay(shop.Number, "10", "1235")
		for _, c := range []struct {
			body, contentType string
			status            int
		}{
			{`{"amount":100,`, "application/json", 400},
			{`[` + good + `]`, "application/json", 400},
			{good + good, "application/json", 400},
			{strings.Replace(good, "{", `{"amount":1,`, 1), "application/json", 400},
			{strings.Replace(good, "{", "{\"note\":\"\xff\",", 1), "application/json", 400},
			{`amount=%zz`, "application/x-www-form-urlencoded", 400},
			{`<amount>1</amount>`, "application/xml", 415},
			{strings.Replace(good, "{", `{"x":"`+strings.Repeat("a", 1<<20)+`",`, 1), "application/json", 413},
			{``, "application/json", 422},
			{`{}`, "text/plain", 422},
		} {
			for _, route := range [][2]string{
				{"POST", manualExecute}, {"POST", guideExecute}, {"POST", qrExecute}, {"GET", confirmation}, {"POST", "/auth/signin"}, {"POST", "/auth/signup"},
			} {
				w := a.ask(route[0], route[1], c.body, "Content-Type", c.contentType)
				var got envelope
				err := json.Unmarshal(w.Body.Bytes(), &got)
				if w.Code != c.status || err != nil || got.Code != c.status || len(got.Messages) == 0 || !strings.HasSuffix(w.Body.String(), `"data":null}`) {
					t.Errorf("%s %.40q: %d %s", route[1], c.body, w.Code, w.Body)
				}
			}
		}
		if h.balance(t, a.Owner) != 100_00 {
			t.Error("money was moved")
		}
	})
}

func TestAmountsAreExact(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop := h.holder(t, 100_000_00), h.shop(t)
		left := int64(100_000_00)
		for _, c := range []struct {
			value, shown string
			minor        int64
		}{
			{`10`, "৳10.00", 1000},
			{`"10.5"`, "৳10.50", 1050},
			{`10.10`, "৳10.10", 1010},
			{`"100.5000"`, "৳100.50", 10050},
			{`8.41`, "৳8.41", 841},
			{`1.15`, "৳1.15", 115},
			{`"0001234.56"`, "৳1,234.56", 123456},
			{`" 7.05 "`, "৳7.05", 705},
			{`49999.99`, "৳49,999.99", 4999999},
		} {
			got := into[struct{ Summary manualReceipt }](t, a.ask("POST", manualExecute, pay(shop.Number, c.value, "1235"))).Summary
			left -= c.minor
			if got.Amount != c.shown || got.TotalPayable != c.shown || got.NewBalance != taka(left) || h.balance(t, a.Owner) != left {
				t.Errorf("%s: %+v", c.value, got)
			}
		}
	})
}

func TestWhatASignUpLacksIsToldTogether(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		for body, want := range map[string]string{
			`{}`: `"The mobile number field is required.","The name field is required.","The pin field is required."`,
			`{"mobile_number":"01712345678","name":"\u200b","pin":"1235"}`: `"The name field is required."`,
			`{"mobile_number":"01712345678","name":7,"pin":123}`:           `"The pin must be 4 digits."`,
			`{"mobile_number":"01712345678","name":"` + strings.Repeat("x", 101) + `","pin":"1235","email":"a b@c","address":"a\nb","otp":[]}`: `"The name must not be greater than 100 characters.",` +
				`"The email format is invalid.","The address format is invalid.","The otp must be a string."`,
			`{"mobile_number":"01712345678","name":"A","pin":"1235","email":"Karima <k@example.com>"}`: `"The email format is invalid."`,
		} {
			w := h.send("POST", "/auth/signup", body, "")
			if w.Code != validation || !strings.HasPrefix(w.Body.String(), `{"code":422,"messages":[`+want+`],"data":null`) {
				t.Errorf("%.60s: %d %s", body, w.Code, w.Body)
			}
		}
		if h.post.sent != 0 {
			t.Errorf("%d messages", h.post.sent)
		}
	})
}

func TestIdempotencyKeyMustBePlain(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop := h.holder(t, 100_00), h.shop(t)
		for key, want := range map[string]string{
			"": "The Idempotency-Key format is invalid.", "ключ": "The Idempotency-Key format is invalid.", "a b": "The Idempotency-Key format is invalid.",
			strings.Repeat("x", 256): "The Idempotency-Key must not be greater than 255 characters.",
		} {
			refused(t, a.ask("POST", manualExecute, pay(shop.Number, "10", "1235"), "Idempotency-Key", key), says(want))
		}
		if h.balance(t, a.Owner) != 100_00 {
			t.Error("money was moved")
		}
	})
}

// Whatever is sent: it is refused with faults that name documented fields, or everything that was read is within its limits.
func FuzzPaymentIsRefusedOrSound(f *testing.F) {
	for _, s := range []string{
		pay("+8801712345678", "10", "1235"), `{"qr_text":"abc","amount":"10.50","note":"a\nb"}`, "receiver_mobile_number=01712345678&amount=1",
		`{"receiver_mobile_number":1712345678,"amount":1e2}`, `{"qr_text":" ","receiver_mobile_number":null}`, "{", "",
	} {
		f.Add(s, true)
		f.Add(s, false)
	}
	documented := map[string]bool{fieldReceiver: true, fieldQR: true, fieldAmount: true, fieldNote: true}
	f.Fuzz(func(t *testing.T, text string, code bool) {
		fields, err := httpx.ParseFields("application/x-www-form-urlencoded", []byte(text))
		if err != nil {
			return
		}
		m := manual
		if code {
			m = byQR
		}
		q, err := readPayment(fields, m)
		for _, wrong := range fault.All(err) {
			s := of(wrong)
			if said := s.words(wrong)[0]; s.status != validation || !documented[wrong.Field] && wrong.Code != fault.QRInvalid || strings.Contains(said, ":") {
				t.Fatalf("%v is worded %q", wrong, said)
			}
		}
		if err != nil {
			return
		}
		if q.number == "" && q.qr == "" || m == byQR && q.number != "" || len(q.qr) > maxQR || len([]rune(q.note)) > maxNote || strings.ContainsAny(q.note, "\n\r\t\x00") ||
			q.amount.Minor < 1 || q.amount.Minor > maxAmount || q.amount.Currency != money.BDT {
			t.Fatalf("%+v", q)
		}
		if shown := shown(q.number, wallet.Consumer, false); len(q.number) > 7 && shown == q.number {
			t.Fatalf("%s is shown", shown)
		}
		if got := fmt.Sprint(m.amount(q.amount.Minor)); !strings.HasPrefix(got, "৳") {
			t.Fatalf("%s", got)
		}
	})
}
