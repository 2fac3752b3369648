package payrequest

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/rail"
	"sarraf/rail/sandbox"
)

// Whatever is sent: it is refused with a documented error, or everything that was read is within its limits, and the payer is sent back to
// the very host that the merchant named, with our parameters last.
func FuzzRequestIsRefusedOrSound(f *testing.F) {
	s := shop{token: "t"}
	for _, text := range []string{
		s.body(nil), s.body(map[string]any{fieldAmount: "1.234,50", fieldID: 7}), "title=a&amount=1%2C00&response=http://c", `{"title":1,"amount":1e2}`, "{", "",
		s.body(map[string]any{fieldResponse: "https://a.example/?response=x#y", fieldEmail: "a@b"}), s.body(map[string]any{fieldCurrency: "KWD", fieldAmount: "1.234"}),
	} {
		f.Add(text)
	}
	d := New(Deps{Rails: []rail.Collector{sandbox.Rail{}}, Reserved: func(string) bool { return false }})
	m := merchant.Merchant{Mode: merchant.Sandbox, Currencies: []money.Currency{money.KWD, money.EUR}}
	f.Fuzz(func(t *testing.T, text string) {
		fields, err := httpx.ParseFields("application/x-www-form-urlencoded", []byte(text))
		if err != nil {
			return
		}
		q, err := d.read(fields, m)
		if err != nil {
			if status, body := failureOf(err, ""); len(fault.All(err)) != 1 || status != 200 || body.Error == unknown && body.RealError == "" {
				t.Fatalf("%v is worded %d %+v", err, status, body)
			}
			return
		}
		if !m.Has(q.amount.Currency) || q.amount.Minor < 1 || q.amount.Minor > mostOf(q.amount.Currency).Minor {
			t.Fatalf("%+v", q)
		}
		for name, c := range map[string]struct {
			text  string
			limit int
		}{"title": {q.title, maxText}, "id": {q.id, maxText}, "name": {q.name, maxText}, "email": {q.email, maxEmail}, "type": {q.kind, 6}} {
			if !utf8.ValidString(c.text) || utf8.RuneCountInString(c.text) > c.limit || strings.ContainsAny(c.text, "\x00\r\n\t") {
				t.Fatalf("%s is %q", name, c.text)
			}
		}
		if q.title == "" || utf8.RuneCountInString(q.description) > maxDescription || strings.ContainsAny(q.description, "\x00\r") {
			t.Fatalf("%+v", q)
		}
		if q.response == "" {
			return
		}
		back := sent(t, invoice.Invoice{Reference: q.id, Token: "k3v9x0a72mbd", Status: invoice.Paid, ReturnURL: q.response, Currency: q.amount.Currency})
		asked, err1 := url.Parse(q.response)
		to, err2 := url.Parse(back)
		if err1 != nil || err2 != nil || to.Scheme != asked.Scheme || to.Host != asked.Host || to.Path != asked.Path || to.Fragment != asked.Fragment {
			t.Fatalf("%q becomes %q: %v, %v", q.response, back, err1, err2)
		}
		if at := strings.LastIndex(to.RawQuery, "response="); at < 0 || strings.TrimSuffix(to.RawQuery[:at], "&") != strings.TrimSuffix(asked.RawQuery, "&") {
			t.Fatalf("%q becomes %q", q.response, back)
		}
	})
}
