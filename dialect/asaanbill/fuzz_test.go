package asaanbill

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/invoice"
	"sarraf/merchant"
)

// documented are the fields that a payment may have.
var documented = map[string]bool{
	fieldTitle: true, fieldIdentifier: true, fieldAmount: true, fieldDueDate: true, fieldAmountAfter: true, fieldDescription: true, fieldLongitude: true,
	fieldLatitude: true, fieldPeriod: true, fieldAbout: true, fieldBilledName: true, fieldBilledAt: true, fieldBilledPhone: true,
}

// Whatever is sent as a payment: it is refused with faults that name documented fields, or everything that was read is within its limits, and
// what is kept of it prints again as it was sent.
func FuzzPaymentIsRefusedOrSound(f *testing.F) {
	for _, p := range []map[string]any{
		payment1(nil), payment1(map[string]any{fieldIdentifier: " x ", fieldAmount: 7, fieldBilledAt: "a\nb"}),
		{fieldAmount: "1500", fieldLongitude: "72.996636", fieldLatitude: "33.646342", fieldTitle: "\u200b"},
		{fieldTitle: "Shop", fieldDescription: "x"},
	} {
		for i := range generationTypes {
			f.Add(encoded(p), byte(i))
		}
	}
	f.Fuzz(func(t *testing.T, body string, which byte) {
		generation := generationTypes[int(which)%len(generationTypes)]
		fields, err := httpx.ParseFields("application/json", []byte(body))
		if err != nil {
			return
		}
		q, err := readPayment(fields, generation)
		for _, wrong := range fault.All(err) {
			if s := of(wrong); !documented[wrong.Field] || s.status != 400 || strings.Contains(s.word(wrong), ":") {
				t.Fatalf("%v is worded %q", wrong, s.word(wrong))
			}
		}
		if err != nil {
			return
		}
		bill, err := newBill(merchant.Merchant{Owner: "m", Name: "M"}, q, "i", "25", time.Unix(0, 0).UTC())
		if err != nil {
			t.Fatal(err)
		}
		inv := bill.Invoice
		isBill := inv.Kind == invoice.Bill
		switch {
		case isBill && (inv.Amount < 1 || inv.Amount > inv.LateAmount || inv.LateAmount > maxAmount || inv.LateFrom.IsZero()),
			inv.Kind == invoice.Dynamic && (inv.Amount < 1 || inv.Amount > maxInstant || inv.ExpiresAt.IsZero()),
			inv.Kind == invoice.Static && inv.Amount != 0, !isBill && (inv.LateAmount != 0 || !inv.LateFrom.IsZero()),
			!line(inv.Payer), !line(inv.Title), inv.Payer != strings.TrimSpace(inv.Payer), !utf8.ValidString(inv.Extra):
			t.Fatalf("%+v", inv)
		}
		inv.Status, inv.PSID = invoice.Open, strings.Repeat("7", 24)
		shown := listedOf(inv, statusWords[inv.Status], nil)
		again, err := json.Marshal(shown)
		if err != nil || !utf8.Valid(again) {
			t.Fatalf("%s, %v", again, err)
		}
		if sent, _, _ := fields.Text(fieldIdentifier); q.payer != "" && shown.Identifier != sent {
			t.Fatalf("identifier %q is shown as %q", sent, shown.Identifier)
		}
		if sent, _, _ := fields.Text(fieldDueDate); isBill && *shown.DueDate != strings.TrimSpace(sent) {
			t.Fatalf("dueDate %q is shown as %q", sent, *shown.DueDate)
		}
	})
}

// line reports whether s is one line of 1 to 255 characters.
func line(s string) bool {
	n := utf8.RuneCountInString(s)
	return utf8.ValidString(s) && n >= 1 && n <= maxText && !strings.ContainsAny(s, "\x00\r\n")
}

// Whatever is sent as many payments: each comes back as valid JSON with its own values and a status, the good ones counted as good.
func FuzzBulkIsEchoed(f *testing.F) {
	f.Add(`{"payments":[` + encoded(payment1(nil)) + `,{},{"status":1,"a":{"b":[1.50]}}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		fields, err := httpx.ParseFields("application/json", []byte(body))
		if err != nil {
			return
		}
		items, _, wrong := fields.Objects(fieldPayments, maxBulk)
		if wrong != nil {
			return
		}
		echoes, good := judge(items)
		var whole any
		if answer, err := json.Marshal(echoes); err != nil || json.Unmarshal(answer, &whole) != nil {
			t.Fatalf("%s cannot be read", answer)
		}
		n := 0
		for i, e := range echoes {
			var sent, got map[string]json.RawMessage
			raw, _ := fields.Raw(fieldPayments)
			var all []json.RawMessage
			if json.Unmarshal([]byte(raw), &all) != nil || json.Unmarshal(all[i], &sent) != nil || json.Unmarshal(e, &got) != nil {
				t.Fatalf("%s of %s", e, body)
			}
			if string(got[fieldStatus]) == `"PROCESSED"` {
				n++
			}
			for name, value := range sent {
				var text string
				asText := json.Unmarshal(got[name], &text) == nil && text == string(value) // a number that cannot be read
				if name != fieldStatus && string(got[name]) != string(value) && !asText {
					t.Fatalf("%s of %s", e, all[i])
				}
			}
		}
		if n != len(good) || len(echoes) != len(items) {
			t.Fatalf("%d good, %d told so", len(good), n)
		}
	})
}

// Whatever answers a call-back: it is an acknowledgement only as 2xx, and as JSON whose responseCode is the number 200.
func FuzzAcknowledgementIsSaidInSoManyWords(f *testing.F) {
	for _, s := range []string{`{"responseCode":200,"responseMessage":"x"}`, `{"responseCode":"200"}`, `{"responseCode":200.0}`, `{"ResponseCode":200}`, `OK`, ``} {
		f.Add(200, []byte(s))
	}
	f.Add(500, []byte(`{"responseCode":200}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if !(Door{}).Acknowledged(status, body) {
			return
		}
		var said map[string]json.RawMessage // a struct's fields match names in any case
		if json.Unmarshal([]byte(strings.TrimPrefix(string(body), "\ufeff")), &said) != nil || string(said["responseCode"]) != "200" || status/100 != 2 {
			t.Fatalf("%d %q", status, body)
		}
	})
}
