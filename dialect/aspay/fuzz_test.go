package aspay

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/invoice"
	"sarraf/money"
)

// Whatever is sent: it is refused with faults that name documented fields, or everything that was read is within its limits, and the
// payer is sent back to the very host that the merchant named, with our parameters last.
func FuzzRequestIsRefusedOrSound(f *testing.F) {
	for _, s := range []string{
		body(nil), body(map[string]any{fieldAmount: "100.50", fieldReference: 7}), "amount=1&customer_name=a&transaction_reference=b&callback_url=http://c",
		body(map[string]any{fieldCallback: "https://a.example/?status=x#y"}), body(map[string]any{fieldReference: "ATINV1"}), `{"amount":1e2}`, "{", "",
	} {
		f.Add(s)
	}
	documented := map[string]bool{fieldAmount: true, fieldCustomer: true, fieldReference: true, fieldCallback: true}
	f.Fuzz(func(t *testing.T, text string) {
		fields, err := httpx.ParseFields("application/x-www-form-urlencoded", []byte(text))
		if err != nil {
			return
		}
		q, err := readRequest(fields)
		for _, wrong := range fault.All(err) {
			if s := sentences[wrong.Code]; !documented[wrong.Field] || s.status != validation || strings.Contains(s.word(wrong), ":") {
				t.Fatalf("%v is worded %q", wrong, s.word(wrong))
			}
		}
		if err != nil {
			return
		}
		if q.amount.Minor < 1 || q.amount.Minor > maxAmount || q.amount.Currency != money.BDT || !text1to(q.customer, maxCustomer) || !text1to(q.reference, maxReference) {
			t.Fatalf("%+v", q)
		}
		inv := invoice.Invoice{Number: "ATINV17038392001234", Reference: q.reference, Status: invoice.Paid, ReturnURL: q.callback}
		asked, err1 := url.Parse(q.callback)
		back := sent(t, inv)
		to, err2 := url.Parse(back)
		if err1 != nil || err2 != nil || to.Scheme != asked.Scheme || to.Host != asked.Host || to.Path != asked.Path || to.Fragment != asked.Fragment {
			t.Fatalf("%q becomes %q: %v, %v", q.callback, back, err1, err2)
		}
		ours := "status=success&invoice_id=ATINV17038392001234&transaction_reference=" + url.QueryEscape(q.reference)
		if rest, ok := strings.CutSuffix(to.RawQuery, ours); !ok || strings.TrimSuffix(rest, "&") != strings.TrimSuffix(asked.RawQuery, "&") {
			t.Fatalf("%q becomes %q", q.callback, back)
		}
	})
}

// text1to reports whether s is one line of 1 to limit characters.
func text1to(s string, limit int) bool {
	n := utf8.RuneCountInString(s)
	return utf8.ValidString(s) && n >= 1 && n <= limit && !strings.ContainsAny(s, "\x00\r\n")
}
