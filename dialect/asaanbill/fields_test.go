package asaanbill

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/httpx"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
)

// payment1 is a payment of a request with some fields changed; a nil leaves the field out.
func payment1(changed map[string]any) map[string]any {
	list := map[string]any{
		fieldTitle: "Muhammad Mahd Sheikh", fieldIdentifier: "FS-BSCS-095", fieldDueDate: "2924-03-28", fieldAmount: "50", fieldAmountAfter: "55",
	}
	for k, v := range changed {
		list[k] = v
		if v == nil {
			delete(list, k)
		}
	}
	return list
}

// encoded is a value as JSON.
func encoded(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of texts and numbers made here
	}
	return string(text)
}

// parsed is fields of JSON.
func parsed(t testing.TB, body string) httpx.Fields {
	t.Helper()
	f, err := httpx.ParseFields("application/json", []byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return f
}

// refusal is what is said of a payment, "" when it is taken.
func refusal(t testing.TB, generation string, payment map[string]any) string {
	t.Helper()
	_, err := readPayment(parsed(t, encoded(payment)), generation)
	if err == nil {
		return ""
	}
	status, text := wording(err)
	if status != 400 {
		t.Errorf("%v: status %d", payment, status)
	}
	return text
}

func TestFieldsOfABillAreHeldToTheirRules(t *testing.T) {
	long := strings.Repeat("ک", maxText)
	for _, c := range []struct {
		field string
		value any
		want  string // "" when it is taken
	}{
		{fieldTitle, long, ""},
		{fieldTitle, long + "x", "title cannot have more than 255 characters"},
		{fieldTitle, 7, ""},
		{fieldTitle, "\u200b", "title cannot be empty or null"},
		{fieldTitle, "a\nb", "title has characters that are not allowed"},
		{fieldTitle, true, "title must be a string"},
		{fieldIdentifier, long, ""},
		{fieldIdentifier, " " + long, "identifier cannot have more than 255 characters"},
		{fieldIdentifier, 95, ""},
		{fieldIdentifier, "\tA", "identifier has characters that are not allowed"},
		{fieldIdentifier, " \u00a0", "identifier cannot be empty or null"},
		{fieldIdentifier, []string{"A"}, "identifier must be a string"},
		{fieldAmount, 50, ""},
		{fieldAmount, 50.5, ""},
		{fieldAmount, "55.0000", ""},
		{fieldAmount, " 50 ", ""},
		{fieldAmount, "9999999999.99", "amountAfterDueDate cannot be less than amount"},
		{fieldAmount, "1,400", "amount must be a number"},
		{fieldAmount, "1e1", "amount must be a number"},
		{fieldAmount, "-5", "amount must be greater than 0"},
		{fieldAmount, "0.00", "amount must be greater than 0"},
		{fieldAmount, "0.001", "amount cannot have more than 2 decimal places"},
		{fieldAmount, map[string]any{}, "amount must be a number"},
		{fieldAmountAfter, "50", ""},
		{fieldAmountAfter, 49.99, "amountAfterDueDate cannot be less than amount"},
		{fieldAmountAfter, nil, "amountAfterDueDate cannot be empty or null"},
		{fieldAmountAfter, "10000000000.00", "amountAfterDueDate cannot be greater than 9999999999.99"},
		{fieldDueDate, " 1970-01-01 ", ""},
		{fieldDueDate, "2999-12-31", ""},
		{fieldDueDate, "1969-12-31", "dueDate must be a date in the format yyyy-MM-dd"},
		{fieldDueDate, "3000-01-01", "dueDate must be a date in the format yyyy-MM-dd"},
		{fieldDueDate, "2024-02-29", ""},
		{fieldDueDate, "2023-02-29", "dueDate must be a date in the format yyyy-MM-dd"},
		{fieldDueDate, "2024-3-28", "dueDate must be a date in the format yyyy-MM-dd"},
		{fieldDueDate, "2024-03-28T00:00:00", "dueDate must be a date in the format yyyy-MM-dd"},
		{fieldDueDate, 20240328, "dueDate must be a date in the format yyyy-MM-dd"},
		{fieldDueDate, false, "dueDate must be a string"},
		{fieldDescription, "two\r\nlines", ""},
		{fieldDescription, strings.Repeat("x", maxLines+1), "description cannot have more than 2000 characters"},
		{fieldBilledAt, "House 1\nLahore", ""},
		{fieldBilledName, "a\nb", "billedToName has characters that are not allowed"},
		{fieldBilledPhone, 3005372672, ""},
		{fieldPeriod, "\u202e", "period has characters that are not allowed"},
		{fieldAbout, long + "x", "identifierDescription cannot have more than 255 characters"},
		{fieldLongitude, "nowhere", ""}, // a bill has none
		{"TITLE", "", ""},
	} {
		for _, generation := range []string{typePSID, typeBillQR} {
			if got := refusal(t, generation, payment1(map[string]any{c.field: c.value})); got != c.want {
				t.Errorf("%s = %v: %q, want %q", c.field, c.value, got, c.want)
			}
		}
	}
}

func TestFieldsOfCodesAreHeldToTheirRules(t *testing.T) {
	instant := map[string]any{fieldAmount: "1500", fieldLongitude: "72.996636", fieldLatitude: "33.646342"}
	for _, c := range []struct {
		field string
		value any
		want  string
	}{
		{fieldAmount, "999999.99", ""},
		{fieldAmount, "1000000", "amount cannot be greater than 999999.99"},
		{fieldAmount, nil, "amount cannot be empty or null"},
		{fieldLongitude, "-180.000", ""},
		{fieldLongitude, 180, ""},
		{fieldLongitude, "180.000000000000001", "longitude must be a number of degrees from -180 to 180"},
		{fieldLongitude, "+0", ""},
		{fieldLongitude, "181", "longitude must be a number of degrees from -180 to 180"},
		{fieldLongitude, "1e1", "longitude must be a number of degrees from -180 to 180"},
		{fieldLongitude, "72.", "longitude must be a number of degrees from -180 to 180"},
		{fieldLongitude, ".5", "longitude must be a number of degrees from -180 to 180"},
		{fieldLongitude, "--1", "longitude must be a number of degrees from -180 to 180"},
		{fieldLongitude, "-", "longitude must be a number of degrees from -180 to 180"},
		{fieldLongitude, nil, "longitude cannot be empty or null"},
		{fieldLatitude, -90, ""},
		{fieldLatitude, "90.1", "latitude must be a number of degrees from -90 to 90"},
		{fieldLatitude, []int{1}, "latitude must be a string"},
		{fieldDueDate, "never", ""}, // it has none
		{fieldAmountAfter, "1", ""},
		{fieldTitle, "", ""},
		{fieldIdentifier, " ", ""},
	} {
		payment := map[string]any{}
		for k, v := range instant {
			payment[k] = v
		}
		if payment[c.field] = c.value; c.value == nil {
			delete(payment, c.field)
		}
		if got := refusal(t, typeInstant, payment); got != c.want {
			t.Errorf("%s = %v: %q, want %q", c.field, c.value, got, c.want)
		}
	}
	if got := refusal(t, typeStatic, map[string]any{fieldTitle: "Shop", fieldAmount: "x", fieldLatitude: "x", fieldDueDate: "x"}); got != "" {
		t.Errorf("a static code has only a title: %q", got)
	}
	if got := refusal(t, typeStatic, map[string]any{fieldIdentifier: "A"}); got != "title cannot be empty or null" {
		t.Errorf("a static code without a title: %q", got)
	}
}

func TestABillIsMadeOfWhatWasAsked(t *testing.T) {
	m := merchant.Merchant{Owner: "m1", Name: "Nokshi Store"}
	now := time.Date(2026, 2, 9, 21, 30, 0, 0, time.UTC)
	made := func(generation string, payment map[string]any) (invoice.Invoice, extra) {
		t.Helper()
		q, err := readPayment(parsed(t, encoded(payment)), generation)
		if err != nil {
			t.Fatal(err)
		}
		b, err := newBill(m, q, "i1", "25", now)
		if err != nil || b.Code != nil {
			t.Fatalf("%+v, %v", b, err)
		}
		x := extraOf(b.Invoice)
		b.Invoice.Extra = ""
		return b.Invoice, x
	}
	inv, x := made(typePSID, payment1(map[string]any{
		fieldTitle: " Mahd ", fieldIdentifier: " FS 1 ", fieldBilledName: "Amaan", fieldBilledAt: "A\nB", fieldBilledPhone: "0300", fieldPeriod: "Aug",
		fieldAbout: "Roll number", fieldDescription: "Fees",
	}))
	want := invoice.Invoice{
		Owner: "m1", ID: "i1", Door: "asaanbill", Number: "25", Kind: invoice.Bill, Payer: "FS 1", Title: "Mahd", Description: "Fees", PayerName: "Amaan",
		Amount: 5000, LateAmount: 5500, LateFrom: time.Date(2924, 3, 28, 19, 0, 0, 0, time.UTC), Currency: money.PKR,
	}
	if d := cmp.Diff(want, inv); d != "" {
		t.Error(d)
	}
	wantExtra := extra{
		Generation: "PSID", Identifier: " FS 1 ", Period: "Aug", IdentifierDescription: "Roll number", BilledToAddress: "A\nB", BilledToContact: "0300",
	}
	if d := cmp.Diff(wantExtra, x); d != "" {
		t.Error(d)
	}

	inv, x = made(typeInstant, map[string]any{fieldAmount: 1, fieldLatitude: "1.5", fieldLongitude: -2})
	want = invoice.Invoice{
		Owner: "m1", ID: "i1", Door: "asaanbill", Number: "25", Kind: invoice.Dynamic, Payer: "i1", Title: "Nokshi Store", Amount: 100, Currency: money.PKR,
		ExpiresAt: now.Add(time.Hour),
	}
	if d := cmp.Diff(want, inv); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(extra{Generation: "DQRC", Identifier: "25", Untitled: true, Longitude: "-2", Latitude: "1.5"}, x); d != "" {
		t.Error(d)
	}

	inv, x = made(typeStatic, map[string]any{fieldTitle: "Shop"})
	want = invoice.Invoice{
		Owner: "m1", ID: "i1", Door: "asaanbill", Number: "25", Kind: invoice.Static, Payer: "i1", Title: "Shop", Currency: money.PKR,
	}
	if d := cmp.Diff(want, inv); d != "" || x.Identifier != "25" {
		t.Error(d, x)
	}
}

// The guide's due days, through the core's instants and back, whatever day it is elsewhere; those too on whose midnight Pakistan's clocks
// were once put forward.
func TestDueDatesArePrintedAsTheyCame(t *testing.T) {
	for _, day := range []string{"2024-03-28", "2025-12-31", "2024-02-29", "2002-04-06", "2008-05-31", "2008-06-01", "2009-04-14", "1970-01-01", "2999-12-31"} {
		q, err := readPayment(parsed(t, encoded(payment1(map[string]any{fieldDueDate: day}))), typePSID)
		if err != nil {
			t.Fatal(err)
		}
		inv := invoice.Invoice{LateFrom: q.due.UTC()}
		if got := dueDate(inv, longDay); got == nil || *got != day {
			t.Errorf("%s is printed %v", day, got)
		}
	}
	if got := dueDate(invoice.Invoice{}, longDay); got != nil {
		t.Errorf("no day is printed %s", *got)
	}
}

func TestAmountsArePrintedExactly(t *testing.T) {
	for minor, want := range map[int64][2]string{
		5000: {"50.0", "50"}, 140050: {"1400.5", "1400.5"}, 1: {"0.01", "0.01"}, maxAmount: {"9999999999.99", "9999999999.99"},
		1_000_000_000: {"10000000.0", "10000000"}, 0: {"null", "null"},
	} {
		got := [2]string{encoded(figure(minor, money.PKR)), strings.Trim(encoded(text(minor, money.PKR)), `"`)}
		if got != want {
			t.Errorf("%d: %q, want %q", minor, got, want)
		}
	}
}

func TestPagesAreCounted(t *testing.T) {
	for _, c := range []struct {
		no, size, total int64
		pages           int64
		first, last     bool
	}{
		{0, 100, 0, 0, true, true},
		{0, 100, 1, 1, true, true},
		{0, 100, 100, 1, true, true},
		{0, 100, 101, 2, true, false},
		{1, 100, 101, 2, false, true},
		{7, 100, 101, 2, false, true},
		{0, 100, 861, 9, true, false},
		{8, 100, 861, 9, false, true},
		{maxPage, maxPerPage, 1, 1, false, true},
	} {
		p := pageOf(c.no, c.size, c.total, nil)
		if p.TotalPages != c.pages || p.IsFirst != c.first || p.IsLast != c.last || p.PageNo != c.no || p.PageSize != c.size || p.TotalElements != c.total {
			t.Errorf("%+v: %+v", c, p)
		}
	}
}

func TestParametersOfQueriesAreHeldToTheirRules(t *testing.T) {
	for _, c := range []struct {
		query    string
		no, size int64
		good     bool
	}{
		{"", 0, 100, true},
		{"pageNo=&pageSize=", 0, 100, true},
		{"pageNo=3&pageSize=1000&other=x", 3, 1000, true},
		{"pageNo=1000000000", maxPage, 100, true},
		{"pageNo=1000000001", 0, 0, false},
		{"pageNo=-1", 0, 0, false},
		{"pageNo=01", 0, 0, false},
		{"pageNo=%2B1", 0, 0, false},
		{"pageNo=1.0", 0, 0, false},
		{"pageNo=x", 0, 0, false},
		{"pageNo=%20", 0, 0, false},
		{"pageNo=99999999999999999999", 0, 0, false},
		{"pageNo[]=1", 0, 0, false},
		{"pageSize=0", 0, 0, false},
		{"pageSize=1001", 0, 0, false},
		{"pageSize=%D9%A1", 0, 0, false},
	} {
		query, err := httpx.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		no, size, err := readPage(query)
		if (err == nil) != c.good || c.good && (no != c.no || size != c.size) {
			t.Errorf("%q: %d, %d, %v", c.query, no, size, err)
		}
		if err != nil {
			if status, text := wording(err); status != 400 || !strings.Contains(text, "page") {
				t.Errorf("%q: %d %s", c.query, status, text)
			}
		}
	}
}

func TestEchoIsWhatWasSentWithAStatus(t *testing.T) {
	for sent, want := range map[string]string{
		`{}`: `{"status":"S"}`,
		` { "amount" : 1400.50 , "title":"\u0041<b>" , "x" : { "a":[1 , 2] }, "n":null } `: `{"amount":1400.50,"title":"\u0041<b>","x":{ "a":[1 , 2] },"n":null,"status":"S"}`,
		`{"amount":1e400,"x":[1,-1e999],"y":0.1e-9}`:                                       `{"amount":"1e400","x":"[1,-1e999]","y":0.1e-9,"status":"S"}`,
		`{"status":"PAID","a\"b\n":1}`:                                                     `{"a\"b\n":1,"status":"S"}`,
	} {
		if got := string(echo(parsed(t, sent), "S")); got != want || !json.Valid([]byte(got)) {
			t.Errorf("%s: %s", sent, got)
		}
	}
}
