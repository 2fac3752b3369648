package assanpay

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

func read(t testing.TB, contentType, body string) (request, error) {
	t.Helper()
	f, err := httpx.ParseFields(contentType, []byte(body))
	if err != nil {
		return request{}, err
	}
	return readRequest(f)
}

func TestFieldsAreReadTolerantlyAndKeptStrictly(t *testing.T) {
	const rest = `,"order_id":"o","store_name":"s"`
	for body, want := range map[string]int64{
		`{"amount":"10"` + rest + `}`:      1000,
		`{"amount":10` + rest + `}`:        1000,
		`{"amount":" 10.5 "` + rest + `}`:  1050,
		`{"amount":"10.5000"` + rest + `}`: 1050,
		`{"amount":0.01` + rest + `}`:      1,
	} {
		if q, err := read(t, "text/plain", body); err != nil || q.amount != money.Of(want, money.PKR) {
			t.Errorf("%s: %+v, %v", body, q.amount, err)
		}
	}
	good := `{"amount":"10","order_id":%o,"store_name":%s,"link":%l,"email":%e,"description":%d}`
	put := func(pairs ...string) string {
		defaults := []string{"%o", `"o"`, "%s", `"s"`, "%l", "null", "%e", "null", "%d", "null"}
		return strings.NewReplacer(append(pairs, defaults...)...).Replace(good)
	}
	for body, want := range map[string]fault.Error{
		put("%o", `""`):   {Code: fault.FieldRequired, Field: "order_id"},
		put("%o", `null`): {Code: fault.FieldRequired, Field: "order_id"},
		put("%o", `"`+strings.Repeat("ü", 65)+`"`): {Code: fault.FieldTooLong, Field: "order_id"},
		put("%o", `true`):                                             {Code: fault.FieldNotString, Field: "order_id"},
		put("%o", `"a\u0000b"`):                                       {Code: fault.FieldControl, Field: "order_id"},
		put("%s", `["s"]`):                                            {Code: fault.FieldNotString, Field: "store_name"},
		put("%s", `"`+strings.Repeat("x", 256)+`"`):                   {Code: fault.FieldTooLong, Field: "store_name"},
		put("%l", `"ftp://a.example"`):                                {Code: fault.FieldNotURL, Field: "link"},
		put("%l", `"javascript:alert(1)"`):                            {Code: fault.FieldNotURL, Field: "link"},
		put("%l", `"google.com://a.example"`):                         {Code: fault.FieldNotURL, Field: "link"},
		put("%l", `"javascript://a.example/%0aalert(1)"`):             {Code: fault.FieldNotURL, Field: "link"},
		put("%l", `"mailto:a@b.example"`):                             {Code: fault.FieldNotURL, Field: "link"},
		put("%l", `"/only/a/path"`):                                   {Code: fault.FieldNotURL, Field: "link"},
		put("%l", `"https://"`):                                       {Code: fault.FieldNotURL, Field: "link"},
		put("%l", `7`):                                                {Code: fault.FieldNotString, Field: "link"},
		put("%e", `"`+strings.Repeat("x", 255)+`"`):                   {Code: fault.FieldTooLong, Field: "email"},
		put("%d", `"`+strings.Repeat("x", 1001)+`"`):                  {Code: fault.FieldTooLong, Field: "description"},
		`{"amount":"1.001","order id":"o","store name":"s"}`:          {Code: fault.AmountDecimals, Field: "amount"},
		`{"amount":"1","order id":"","store name":"s"}`:               {Code: fault.FieldRequired, Field: "order_id"},
		`{"amount":"1000000000","order_id":"o","store_name":"s"}`:     {Code: fault.AmountTooLarge, Field: "amount"},
		`{"amount":"1","amount":"2","order_id":"o","store_name":"s"}`: {Code: fault.BodyMalformed, Field: "amount"},
	} {
		if _, err := read(t, "application/json", body); fault.First(err) == nil || fault.First(err).Code != want.Code || fault.First(err).Field != want.Field {
			t.Errorf("%s: %v", body, err)
		}
	}
	for sent, want := range map[string]string{
		`"google.com"`: "https://google.com", `"google.com/x?y#z"`: "https://google.com/x?y#z", `"//a.example/"`: "https://a.example/",
		`"google.com/x?to=http://b.example"`: "https://google.com/x?to=http://b.example", `"a.example#://"`: "https://a.example#://",
		`"HTTPS://A.example/"`: "HTTPS://A.example/", `" http://a.example "`: "http://a.example", `"localhost:8080/cb"`: "https://localhost:8080/cb", `""`: "", `null`: "",
	} {
		if q, err := read(t, "", put("%l", sent)); err != nil || q.link != want {
			t.Errorf("%s: %q, %v", sent, q.link, err)
		}
	}
	both := `{"amount":1,"order_id":"right","order id":"wrong","store name":"s"}`
	if q, err := read(t, "", both); err != nil || q.order != "right" || q.store != "s" {
		t.Errorf("%+v, %v", q, err)
	}
	if q, err := read(t, "", put("%o", "12340")); err != nil || q.order != "12340" {
		t.Errorf("a number as order id: %+v, %v", q, err)
	}
}

func TestInquiryIsAboutOneText(t *testing.T) {
	for raw, want := range map[string]string{"transactionId=12340": "12340", "a=b&transactionId=%20x%20": "x", "transactionId=a+b": "a b", "transactionId=a;b": "a;b", "a=;&transactionId=x": "x"} {
		if got, err := readInquiry(raw); err != nil || got != want {
			t.Errorf("%s: %q, %v", raw, got, err)
		}
	}
	for raw, want := range map[string]fault.Code{
		"": fault.FieldRequired, "transactionId=": fault.FieldRequired, "TRANSACTIONID=x": fault.FieldRequired,
		"transactionId=%zz": fault.FieldMalformed, "transactionId=a&transactionId=b": fault.FieldMalformed,
		"transactionId=%00": fault.InvoiceMissing, "transactionId=" + strings.Repeat("x", 65): fault.InvoiceMissing,
	} {
		if _, err := readInquiry(raw); !fault.Has(err, want) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// Whatever is read can be kept, and leads back to where the merchant said.
func FuzzRequest(f *testing.F) {
	f.Add("amount=10&order_id=1&store_name=s&link=google.com")
	f.Add(`{"amount":10.5,"order id":"1","store name":"s","link":"https://a.example/?status=1#f","description":"a\nb"}`)
	f.Fuzz(func(t *testing.T, text string) {
		fields, err := httpx.ParseFields("application/x-www-form-urlencoded", []byte(text))
		if err != nil {
			return
		}
		q, err := readRequest(fields)
		for _, wrong := range fault.All(err) {
			if s, ok := sentences[wrong.Code]; !ok || s.shape != field || !strings.Contains(httpx.Word(s.text, "request", wrong), "`"+wrong.Field+"`") {
				t.Fatalf("%v is worded %q", wrong, s.text)
			}
		}
		if err != nil {
			return
		}
		if q.amount.Minor < 1 || q.amount.Minor > maxAmount || q.order == "" || utf8.RuneCountInString(q.order) > maxOrder || q.store == "" {
			t.Fatalf("%+v", q)
		}
		inv := invoice.Invoice{Number: "T20251218115110a0kr4", Reference: q.order, Status: invoice.Paid, ReturnURL: q.link}
		back, err := Door{}.Return(t.Context(), inv)
		if err != nil || (back == "") != (q.link == "") {
			t.Fatalf("%q leads to %q, %v", q.link, back, err)
		}
		asked, err1 := url.Parse(q.link)
		to, err2 := url.Parse(back)
		if err1 != nil || err2 != nil || to.Host != asked.Host || to.Path != asked.Path || to.Fragment != asked.Fragment {
			t.Fatalf("%q leads to %q: %v, %v", q.link, back, err1, err2)
		}
	})
}
