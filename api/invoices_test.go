package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/payment"
)

func TestAnInvoiceIsShownWholeAndNothingElseIs(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		inv := h.demand(m, nil)
		want := map[string]any{
			"id": inv.ID, "number": inv.Number, "door": "shop", "reference": inv.Reference, "title": "Tea", "payer_name": "Rahima",
			"amount": "1234.50", "currency": "BDT", "amount_paid": "0.00", "status": "open",
			"created_at": "2026-07-01T12:00:00.123456Z", "updated_at": "2026-07-01T12:00:00.123456Z",
			"expires_at": "2026-07-01T13:00:00.123456Z", "hosted_url": "https://pay.example/methods/" + inv.Token, "payments": []any{},
		}
		a := h.call("GET", "/v1/invoices/"+inv.ID, m.key, "")
		if diff := cmp.Diff(want, a.json(t)); diff != "" || a.status != 200 {
			t.Errorf("%d (-want +got):\n%s", a.status, diff)
		}
		if a.header.Get("Content-Type") != "application/json" || a.header.Get("Request-Id") == "" {
			t.Errorf("header %v", a.header)
		}
		bare := h.demand(m, func(i *invoice.Invoice) {
			*i = invoice.Invoice{Owner: i.Owner, ID: i.ID, Token: i.Token, Door: "unknown", Amount: 700, Currency: "JPY"}
		})
		want = map[string]any{
			"id": bare.ID, "door": "unknown", "amount": "700", "currency": "JPY", "amount_paid": "0", "status": "open",
			"created_at": "2026-07-01T12:00:00.123456Z", "updated_at": "2026-07-01T12:00:00.123456Z", "payments": []any{},
		}
		if diff := cmp.Diff(want, h.call("GET", "/v1/invoices/"+bare.ID, m.key, "").json(t)); diff != "" {
			t.Errorf("the least there can be (-want +got):\n%s", diff)
		}
	})
}

func TestAnInvoiceIsFoundByWhatNamesIt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, stranger := h.tenant(merchant.Sandbox), h.tenant(merchant.Sandbox)
		inv := h.demand(m, func(i *invoice.Invoice) { i.Reference = "অর্ডার 1/2" })
		same := h.demand(m, func(i *invoice.Invoice) { i.Reference, i.Door = "SAME", shop.name })
		h.demand(m, func(i *invoice.Invoice) { i.Reference, i.Door = "SAME", bill.name })
		cunning := h.demand(m, func(i *invoice.Invoice) { i.Reference = inv.ID })
		for _, name := range []string{inv.ID, inv.Number, inv.Reference, inv.Token} {
			path := "/v1/invoices/" + url.PathEscape(name)
			if a := h.call("GET", path, m.key, ""); a.status != 200 || a.at(t, "id") != inv.ID {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
			if a := h.call("GET", path, stranger.key, ""); a.status != 404 || a.at(t, "code") != "invoice_missing" ||
				strings.Contains(a.body, inv.ID) {
				t.Errorf("%s, to another merchant: %d %s", name, a.status, a.body)
			}
		}
		if a := h.call("GET", "/v1/invoices/"+cunning.Number, m.key, ""); a.at(t, "id") != cunning.ID {
			t.Errorf("one whose reference is another's id: %s", a.body)
		}
		a := h.call("GET", "/v1/invoices/SAME", m.key, "")
		if a.status != 409 || a.at(t, "code") != "target_ambiguous" || a.at(t, "candidates.0.id") != same.ID || a.at(t, "candidates.1.door") != "bill" {
			t.Errorf("a reference at two doors: %d %s", a.status, a.body)
		}
		for _, name := range []string{"nothing", id.New(h.clock), "%00", "..%2f", strings.Repeat("a", 256)} {
			if a := h.call("GET", "/v1/invoices/"+name, m.key, ""); a.status != 404 && a.status != 422 {
				t.Errorf("%.20s: %d %s", name, a.status, a.body)
			}
		}
	})
}

func TestInvoicesAreListedInPages(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, stranger := h.tenant(merchant.Sandbox), h.tenant(merchant.Sandbox)
		if a := h.call("GET", "/v1/invoices", m.key, ""); a.status != 200 || a.body != `{"data":[],"has_more":false}` {
			t.Errorf("none: %d %s", a.status, a.body)
		}
		var made []string // newest first
		for range 7 {
			made = append([]string{h.demand(m, nil).ID}, made...)
			h.demand(stranger, nil)
		}
		page := func(query string) (ids []string, more bool) {
			t.Helper()
			a := h.call("GET", "/v1/invoices?"+query, m.key, "")
			if a.status != 200 {
				t.Fatalf("%s: %d %s", query, a.status, a.body)
			}
			for _, inv := range a.json(t)["data"].([]any) {
				ids = append(ids, inv.(map[string]any)["id"].(string))
			}
			return ids, a.at(t, "has_more") == "true"
		}
		for query, want := range map[string]struct {
			ids  []string
			more bool
		}{
			"":                          {made, false},
			"limit=7":                   {made, false},
			"limit=6":                   {made[:6], true},
			"limit=3&before=" + made[2]: {made[3:6], true},
			"limit=4&before=" + made[2]: {made[3:7], false},
			"before=" + made[6]:         {nil, false},
			"limit=2&after=" + made[4]:  {made[2:4], true},
			"limit=4&after=" + made[4]:  {made[:4], false},
			"after=" + made[0]:          {nil, false},
			"after=" + made[5] + "&before=" + made[1]:         {made[2:5], false},
			"limit=2&after=" + made[5] + "&before=" + made[1]: {made[3:5], true},
			"limit=3&after=" + made[5] + "&before=" + made[1]: {made[2:5], false},
			"after=" + made[1] + "&before=" + made[5]:         {nil, false},
		} {
			ids, more := page(query)
			if diff := cmp.Diff(want.ids, ids); diff != "" || more != want.more {
				t.Errorf("%s: more %t (-want +got):\n%s", query, more, diff)
			}
		}
		for size := 1; size <= 3; size++ { // walking by the last id of each page sees each once
			var seen []string
			for before, more := "", true; more; {
				var ids []string
				ids, more = page(fmt.Sprintf("limit=%d&before=%s", size, before))
				seen = append(seen, ids...)
				before = ids[len(ids)-1]
			}
			if !slices.Equal(seen, made) {
				t.Errorf("by %d: %v", size, seen)
			}
		}
	})
}

func TestListsCheckTheirParameters(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		for _, c := range []struct{ path, code, field string }{
			{"/v1/invoices?limit=0", "field_not_integer", "limit"},
			{"/v1/invoices?limit=101", "field_not_integer", "limit"},
			{"/v1/invoices?limit=-1", "field_not_integer", "limit"},
			{"/v1/invoices?limit=s3cret", "field_not_integer", "limit"},
			{"/v1/invoices?limit=99999999999999999999", "field_not_integer", "limit"},
			{"/v1/invoices?after=s3cret", "field_malformed", "after"},
			{"/v1/invoices?before=s3cret", "field_malformed", "before"},
			{"/v1/invoices?before=" + strings.ToUpper(id.New(h.clock)), "field_malformed", "before"},
			{"/v1/events?after=-1", "field_not_integer", "after"},
			{"/v1/events?after=s3cret", "field_not_integer", "after"},
			{"/v1/events?before=0", "field_not_integer", "before"},
			{"/v1/events/0", "field_not_integer", "number"},
			{"/v1/events/s3cret", "field_not_integer", "number"},
			{"/v1/invoices/" + strings.Repeat("s3cret", 50), "field_too_long", "id"},
		} {
			a := h.call("GET", c.path, m.key, "")
			if a.status != 422 || a.at(t, "code") != c.code || a.at(t, "field") != c.field {
				t.Errorf("%.40s: %d %s", c.path, a.status, a.body)
			}
			if strings.Contains(a.body, "s3cret") || strings.Contains(h.log.String(), "s3cret") {
				t.Errorf("%.40s: the value is repeated: %s", c.path, a.body)
			}
		}
		for path, field := range map[string]string{
			"/v1/invoices?limit=%2B5": "limit", "/v1/invoices?limit=05": "limit", "/v1/events?after=-0": "after", "/v1/events?after=00": "after",
			"/v1/events/+1": "number", "/v1/events/01": "number", "/v1/events/%31%30%20": "number",
		} {
			if a := h.call("GET", path, m.key, ""); a.status != 422 || a.at(t, "code") != "field_not_integer" || a.at(t, "field") != field {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
		if a := h.call("GET", "/v1/invoices?limit[]=5", m.key, ""); a.status != 422 || a.at(t, "code") != "field_not_string" {
			t.Errorf("a list: %d %s", a.status, a.body)
		}
		both := h.call("GET", "/v1/invoices?limit=0&after=x", m.key, "")
		if both.at(t, "errors.0.field") != "limit" || both.at(t, "errors.1.field") != "after" {
			t.Errorf("two things wrong: %s", both.body)
		}
		if a := h.call("GET", "/v1/invoices?limit=&colour=red", m.key, ""); a.status != 200 {
			t.Errorf("an empty and an unknown parameter: %d %s", a.status, a.body)
		}
	})
}

func TestAQueryThatCanBeTakenInTwoWaysIsRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		h.demand(m, nil)
		for _, path := range []string{
			"/v1/invoices?after=%zz", "/v1/invoices?%zz", "/v1/invoices?colour=%ff", "/v1/invoices?limit=1&limit=2", "/v1/invoices?limit=1&l%69mit=1",
			"/v1/invoices?limit=1;after=x", "/v1/events?after=0&after=1", "/v1/balances?a=1&a=1", "/v1/events/1?%e",
		} {
			if a := h.call("GET", path, m.key, ""); a.status != 400 || a.at(t, "code") != "body_malformed" {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
		if a := h.call("GET", "/v1/invoices?after=%zz", "sk_nobody", ""); a.status != 401 {
			t.Errorf("a stranger learns what is wrong with the query: %d %s", a.status, a.body)
		}
	})
}

func TestABillIsPaidByItsPSIDAndAStaticCodeShowsItsNewestReceipts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		if err := h.invoices.SetPSIDPrefix("999900"); err != nil {
			t.Fatal(err)
		}
		issue := func(kind invoice.Kind, amount int64) invoice.Invoice {
			key := id.New(h.clock)
			made, err := h.invoices.CreateBill(t.Context(), invoice.NewBill{Invoice: invoice.Invoice{
				Owner: m.Owner, ID: key, Door: shop.name, Number: key[:23], Kind: kind, Payer: "P" + string(kind), Title: "Fee", Amount: amount, Currency: "BDT",
			}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			return made.Invoice
		}
		bill, code := issue(invoice.Bill, 5000), issue(invoice.Static, 0)
		if a := h.pay(m, bill.PSID, "paid"); a.status != 200 || a.at(t, "status") != "paid" || a.at(t, "kind") != "bill" || a.at(t, "psid") != bill.PSID {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := h.pay(m, bill.PSID, "paid"); a.status != 409 {
			t.Errorf("again: %d %s", a.status, a.body)
		}
		for range payment.OfManyMost + 1 {
			if a := h.pay(m, code.PSID, "paid"); a.status != 200 || a.at(t, "status") != "open" {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
		a := h.call("GET", "/v1/invoices/"+code.ID, m.key, "").json(t)
		if list, _ := a["payments"].([]any); len(list) != payment.OfManyMost || a["amount_paid"] != "10100.00" {
			t.Errorf("%d payments, %v paid", len(list), a["amount_paid"])
		}
	})
}
