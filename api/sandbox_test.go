package api

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/qr"
)

// scenario is one call of sandbox/pay on an invoice that is in a status, with everything that must and must not come of it.
type scenario struct {
	name    string
	before  []string // outcomes that it has been through
	outcome string
	status  int
	answer  map[string]string // paths into the body
	events  []string          // written by the call, all of them
}

func TestSandboxPayMovesAnInvoice(t *testing.T) {
	scenarios := []scenario{
		{
			name: "an open one is paid", outcome: "paid", status: 200,
			answer: map[string]string{
				"status": "paid", "amount": "1234.50", "amount_paid": "1234.50", "currency": "BDT", "door": "shop",
				"return_url": "https://shop.example/back?status=paid", "payment.amount": "1234.50", "payment.rail": "sandbox",
				"payment.applied": "1234.50", "payment.unapplied": "0.00", "payment.fee": "0.00", "payment.status": "received",
				"payment.late": "false", "title": "Tea", "payer_name": "Rahima", "reason": "", "paid_at": "2026-07-01T12:00:00.123456Z",
			},
			events: []string{"invoice.paid"},
		},
		{
			name: "an open one fails", outcome: "failed", status: 200,
			answer: map[string]string{
				"status": "failed", "amount_paid": "0.00", "payment.status": "failed", "payment.amount": "1234.50",
				"payment.applied": "0.00", "reason": "The bank refused the payment.", "paid_at": "",
				"return_url": "https://shop.example/back?status=failed",
			},
			events: []string{"invoice.failed"},
		},
		{
			name: "an open one is cancelled", outcome: "cancelled", status: 200,
			answer: map[string]string{"status": "cancelled", "payment": "", "return_url": "https://shop.example/back?status=cancelled"},
			events: []string{"invoice.cancelled"},
		},
		{
			name: "an open one expires before its time", outcome: "expired", status: 200,
			answer: map[string]string{"status": "expired", "payment": ""},
			events: []string{"invoice.expired"},
		},
		{
			name: "a paid one is not paid again", before: []string{"paid"}, outcome: "paid", status: 409,
			answer: map[string]string{"code": "invoice_closed", "params.status": "paid"},
		},
		{
			name: "a paid one cannot fail", before: []string{"paid"}, outcome: "failed", status: 409,
			answer: map[string]string{"code": "invoice_closed", "params.status": "paid"},
		},
		{
			name: "a paid one cannot be cancelled", before: []string{"paid"}, outcome: "cancelled", status: 409,
			answer: map[string]string{"code": "invoice_closed", "params.status": "paid"},
		},
		{
			name: "a paid one cannot expire", before: []string{"paid"}, outcome: "expired", status: 409,
			answer: map[string]string{"code": "invoice_closed", "params.status": "paid"},
		},
		{
			name: "money settles a failed one late", before: []string{"failed"}, outcome: "paid", status: 200,
			answer: map[string]string{"status": "paid", "payment.late": "true", "reason": ""},
			events: []string{"invoice.paid"},
		},
		{
			name: "money settles an expired one late", before: []string{"expired"}, outcome: "paid", status: 200,
			answer: map[string]string{"status": "paid", "payment.late": "true"},
			events: []string{"invoice.paid"},
		},
		{
			name: "money settles a cancelled one late, once", before: []string{"cancelled", "paid"}, outcome: "paid", status: 409,
			answer: map[string]string{"code": "invoice_closed", "params.status": "paid"},
		},
		{
			name: "a failed one does not fail again", before: []string{"failed"}, outcome: "failed", status: 409,
			answer: map[string]string{"code": "invoice_closed", "params.status": "failed"},
		},
		{
			name: "a cancelled one is cancelled already", before: []string{"cancelled"}, outcome: "cancelled", status: 200,
			answer: map[string]string{"status": "cancelled"},
		},
		{
			name: "a cancelled one cannot expire", before: []string{"cancelled"}, outcome: "expired", status: 409,
			answer: map[string]string{"code": "invoice_closed", "params.status": "cancelled"},
		},
	}
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		for _, s := range scenarios {
			t.Run(s.name, func(t *testing.T) {
				inv := h.demand(m, nil)
				for _, o := range s.before {
					if a := h.pay(m, inv.ID, o); a.status != 200 {
						t.Fatalf("%s first: %d %s", o, a.status, a.body)
					}
				}
				last := h.lastEvent(m)
				a := h.pay(m, inv.ID, s.outcome)
				if a.status != s.status {
					t.Fatalf("answered %d %s", a.status, a.body)
				}
				for path, want := range s.answer {
					if got := a.at(t, path); got != want {
						t.Errorf("%s is %q, want %q", path, got, want)
					}
				}
				if diff := cmp.Diff(append([]string{}, s.events...), h.eventTypes(m, last)); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
				if a.status == 200 {
					sameAsGet(t, a, h.call("GET", "/v1/invoices/"+inv.ID, m.key, ""))
				}
			})
		}
	})
}

// sameAsGet compares everything but what each of the two adds.
func sameAsGet(t *testing.T, paid, got answer) {
	t.Helper()
	a, b := paid.json(t), got.json(t)
	delete(a, "payment")
	delete(b, "payments")
	if diff := cmp.Diff(b, a); diff != "" {
		t.Errorf("GET shows another invoice (-get +pay):\n%s", diff)
	}
}

func TestSandboxPayTakesWhatIsLeftToPay(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		inv := h.demand(m, nil)
		h.partPay(inv, 100000)
		a := h.pay(m, inv.ID, "paid")
		if a.status != 200 || a.at(t, "payment.amount") != "234.50" || a.at(t, "amount_paid") != "1234.50" {
			t.Errorf("%d %s", a.status, a.body)
		}
		got := h.call("GET", "/v1/invoices/"+inv.ID, m.key, "")
		if got.at(t, "payments.0.amount") != "1000.00" || got.at(t, "payments.1.amount") != "234.50" || got.at(t, "payments.2") != "" {
			t.Errorf("payments: %s", got.body)
		}
	})
}

func TestSandboxPayFindsItsTarget(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, stranger := h.tenant(merchant.Sandbox), h.tenant(merchant.Sandbox)
		code := func(number string) string {
			text, err := qr.Encode(qr.Payload{
				{ID: "00", Value: "01"},
				{ID: "58", Value: "BD"},
				{ID: "62", Objects: []qr.Object{{ID: "01", Value: number}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		short := func(inv *invoice.Invoice) { inv.Number = "BILL" + inv.ID[24:] }
		for name, c := range map[string]struct {
			change func(*invoice.Invoice)
			target func(invoice.Invoice) string
		}{
			"own id":         {nil, func(i invoice.Invoice) string { return i.ID }},
			"printed number": {nil, func(i invoice.Invoice) string { return i.Number }},
			"reference":      {nil, func(i invoice.Invoice) string { return i.Reference }},
			"page token":     {nil, func(i invoice.Invoice) string { return i.Token }},
			"white space":    {nil, func(i invoice.Invoice) string { return "  " + i.Number + "\n" }},
			"hosted URL":     {nil, func(i invoice.Invoice) string { return publicURL + "/methods/" + i.Token }},
			"hosted URL by another name": {nil, func(i invoice.Invoice) string {
				return "http://127.0.0.1:8080//methods/" + i.Token + "/?lang=bn#pay"
			}},
			"hosted path": {nil, func(i invoice.Invoice) string { return "/methods/" + i.Token }},
			"hosted URL of another door": {
				func(i *invoice.Invoice) { i.Door = bill.name },
				func(i invoice.Invoice) string { return publicURL + "/bill/" + i.Token + "/pay" },
			},
			"QR code": {short, func(i invoice.Invoice) string { return code(i.Number) }},
			"a reference that is a URL": {
				func(i *invoice.Invoice) { i.Reference = "https://shop.example/methods/" + i.ID },
				func(i invoice.Invoice) string { return i.Reference },
			},
			"a reference beyond ASCII": {
				func(i *invoice.Invoice) { i.Reference = "অর্ডার/" + i.ID[24:] },
				func(i invoice.Invoice) string { return i.Reference },
			},
		} {
			t.Run(name, func(t *testing.T) {
				inv := h.demand(m, c.change)
				target := c.target(inv)
				if a := h.pay(stranger, target, "paid"); a.status != 404 || a.at(t, "code") != "target_missing" {
					t.Errorf("to another merchant: %d %s", a.status, a.body)
				}
				if a := h.pay(m, target, ""); a.status != 422 {
					t.Errorf("no outcome at all: %d %s", a.status, a.body)
				}
				if a := h.pay(m, target, "paid"); a.status != 200 || a.at(t, "id") != inv.ID {
					t.Errorf("%d %s", a.status, a.body)
				}
			})
		}
	})
}

func TestSandboxPayRefusesTargetsThatFitNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		inv := h.demand(m, nil)
		for _, target := range []string{
			"nothing", id.New(h.clock), publicURL + "/methods/nothing", publicURL + "/other/" + inv.Token,
			publicURL + "/methods/" + inv.Token + "/live", publicURL + "/bill/" + inv.Token, "00020101021163041234",
			strings.ToLower(inv.Number), inv.Reference + "%", "://", "/", "http://[", inv.Token[:10],
		} {
			last := h.lastEvent(m)
			if a := h.pay(m, target, "paid"); a.status != 404 || a.at(t, "code") != "target_missing" || a.at(t, "field") != "target" {
				t.Errorf("%q: %d %s", target, a.status, a.body)
			}
			if written := h.eventTypes(m, last); len(written) > 0 {
				t.Errorf("%q: wrote %v", target, written)
			}
		}
	})
}

func TestSandboxPayListsTheCandidatesOfAnAmbiguousTarget(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		one := h.demand(m, func(i *invoice.Invoice) { i.Reference = "SAME" })
		two := h.demand(m, func(i *invoice.Invoice) { i.Reference, i.Door = "SAME", bill.name })
		last := h.lastEvent(m)
		a := h.pay(m, "SAME", "paid")
		want := map[string]any{
			"title": "Conflict", "status": 409.0, "code": "target_ambiguous", "field": "target",
			"detail":     "It fits several things; use the id of one of the candidates.",
			"request_id": a.header.Get("Request-Id"),
			"candidates": []any{
				map[string]any{"id": one.ID, "door": "shop", "reference": "SAME"},
				map[string]any{"id": two.ID, "door": "bill", "reference": "SAME"},
			},
		}
		if diff := cmp.Diff(want, a.json(t)); diff != "" || a.status != 409 {
			t.Errorf("%d (-want +got):\n%s", a.status, diff)
		}
		if written := h.eventTypes(m, last); len(written) > 0 {
			t.Errorf("wrote %v", written)
		}
		// A text that means one invoice in two ways is not ambiguous.
		same := h.demand(m, func(i *invoice.Invoice) { i.Reference = i.Number })
		if a := h.pay(m, same.Number, "paid"); a.status != 200 || a.at(t, "id") != same.ID {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

func TestSandboxPayChecksItsBody(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		inv := h.demand(m, func(i *invoice.Invoice) { i.Number = "20260000417" })
		for name, c := range map[string]struct {
			body   string
			status int
			code   string
			field  string
		}{
			"no target":                {`{}`, 422, "field_required", "target"},
			"nothing at all":           {``, 422, "field_required", "target"},
			"a null":                   {`{"target":null}`, 422, "field_required", "target"},
			"blank":                    {`{"target":" \t "}`, 422, "field_required", "target"},
			"a list":                   {`{"target":["` + inv.ID + `"]}`, 422, "field_not_string", "target"},
			"control characters":       {`{"target":"a\u0000b"}`, 422, "field_control", "target"},
			"too long":                 {`{"target":"` + strings.Repeat("a", 2049) + `"}`, 422, "field_too_long", "target"},
			"another outcome":          {`{"target":"` + inv.ID + `","outcome":"refunded"}`, 422, "field_not_one_of", "outcome"},
			"an outcome in capitals":   {`{"target":"` + inv.ID + `","outcome":"PAID"}`, 422, "field_not_one_of", "outcome"},
			"an outcome that is none":  {`{"target":"` + inv.ID + `","outcome":1}`, 422, "field_not_string", "outcome"},
			"duplicate keys":           {`{"target":"` + inv.ID + `","target":"x"}`, 400, "body_malformed", "target"},
			"duplicate keys deep down": {`{"target":"` + inv.ID + `","x":{"pin":"1234","pin":"5678"}}`, 400, "body_malformed", "pin"},
			"half an object":           {`{"target":"` + inv.ID + `"`, 400, "body_malformed", ""},
			"a list of things":         {`["` + inv.ID + `"]`, 400, "body_malformed", ""},
			"two objects":              {`{"target":"x"}{"target":"y"}`, 400, "body_malformed", ""},
			"a form":                   {`target=` + url.QueryEscape(inv.ID), 400, "body_malformed", ""},
			"not UTF-8":                {"{\"target\":\"a\xff\"}", 400, "body_malformed", ""},
			"too large":                {`{"target":"` + strings.Repeat("a", 1<<20) + `"}`, 413, "body_too_large", ""},
		} {
			t.Run(name, func(t *testing.T) {
				last := h.lastEvent(m)
				a := h.call("POST", "/v1/sandbox/pay", m.key, c.body)
				if a.status != c.status || a.at(t, "code") != c.code || a.at(t, "field") != c.field {
					t.Errorf("%d %s", a.status, a.body)
				}
				if a.header.Get("Content-Type") != "application/problem+json" {
					t.Errorf("content type %q", a.header.Get("Content-Type"))
				}
				if written := h.eventTypes(m, last); len(written) > 0 {
					t.Errorf("wrote %v", written)
				}
			})
		}
		for name, body := range map[string]string{
			"paid is the default": `{"target":"` + inv.ID + `"}`,
			"a null outcome":      `{"target":"` + h.demand(m, nil).ID + `","outcome":null}`,
			"unknown fields":      `{"target":"` + h.demand(m, nil).ID + `","more":[1,{"a":2}]}`,
			"a byte order mark":   "\ufeff" + `{"target":"` + h.demand(m, nil).ID + `"}`,
			"digits as a number":  `{"target":` + h.demand(m, func(i *invoice.Invoice) { i.Number = "20260000418" }).Number + `}`,
		} {
			if a := h.call("POST", "/v1/sandbox/pay", m.key, body); a.status != 200 || a.at(t, "status") != "paid" {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		for body, status := range map[string]int{
			`{"target":"` + strings.Repeat("a", 1<<20) + `"}`:                          413,
			`{"target":"` + h.demand(m, nil).ID + `"}` + strings.Repeat(" ", 1<<20-60): 200,
		} {
			r := httptest.NewRequest("POST", "/v1/sandbox/pay", io.MultiReader(strings.NewReader(body))) // of unknown length
			r.Header.Set("Authorization", "Bearer "+m.key)
			w := httptest.NewRecorder()
			if h.handler.ServeHTTP(w, r); w.Code != status {
				t.Errorf("%d bytes: %d %s", len(body), w.Code, w.Body)
			}
		}
		packed := h.call("POST", "/v1/sandbox/pay", m.key, "x", "Content-Encoding", "gzip")
		if packed.status != 415 || packed.at(t, "code") != "body_unsupported" {
			t.Errorf("a packed body: %d %s", packed.status, packed.body)
		}
		several := h.call("POST", "/v1/sandbox/pay", m.key, `{"outcome":"no"}`)
		if several.status != 422 || several.at(t, "errors.0.field") != "target" || several.at(t, "errors.1.code") != "field_not_one_of" ||
			several.at(t, "errors.1.params.allowed") != "paid,failed,cancelled,expired" || several.at(t, "code") != "field_required" {
			t.Errorf("two things wrong: %d %s", several.status, several.body)
		}
	})
}

func TestFiftyAtOnceWithoutAKeyPayOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		inv := h.demand(m, nil)
		last := h.lastEvent(m)
		answers := atOnce(50, func() answer { return h.pay(m, inv.Reference, "paid") })
		paid := 0
		for _, a := range answers {
			switch {
			case a.status == 200:
				paid++
			case a.status != 409 || a.at(t, "code") != "invoice_closed" || a.at(t, "params.status") != "paid":
				t.Errorf("%d %s", a.status, a.body)
			}
		}
		if paid != 1 {
			t.Errorf("%d of 50 paid it", paid)
		}
		h.paidOnce(t, m, inv, last)
	})
}

func TestFiftyAtOnceWithAKeyPayOnceAndAnswerAlike(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		inv := h.demand(m, nil)
		last := h.lastEvent(m)
		answers := atOnce(50, func() answer { return h.pay(m, inv.Reference, "paid", "Idempotency-Key", "fifty") })
		for _, a := range answers {
			if a.status != 200 || a.body != answers[0].body {
				t.Errorf("%d %s, the first %s", a.status, a.body, answers[0].body)
			}
		}
		h.paidOnce(t, m, inv, last)
	})
}

// paidOnce fails unless exactly one payment was booked since the event.
func (h *house) paidOnce(t *testing.T, m tenant, inv invoice.Invoice, last int64) {
	t.Helper()
	payments, err := h.payments.Of(context.Background(), m.Owner, inv.ID)
	if err != nil || len(payments) != 1 || payments[0].Amount != inv.Amount {
		t.Errorf("payments: %v, %v", payments, err)
	}
	if diff := cmp.Diff([]string{"invoice.paid"}, h.eventTypes(m, last)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// atOnce makes n calls at the same moment.
func atOnce(n int, call func() answer) []answer {
	answers := make([]answer, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			answers[i] = call()
		})
	}
	close(start)
	all.Wait()
	return answers
}

func TestLiveMerchantsAndViewersMayNotPlay(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, live := h.tenant(merchant.Sandbox), h.tenant(merchant.Live)
		inv, real := h.demand(m, nil), h.demand(live, nil)
		last := h.lastEvent(live)
		if a := h.pay(live, real.ID, "paid"); a.status != http.StatusForbidden || a.at(t, "code") != "sandbox_only" {
			t.Errorf("live: %d %s", a.status, a.body)
		}
		if a := h.call("POST", "/v1/sandbox/pay", live.key, "{"); a.status != http.StatusForbidden {
			t.Errorf("live, whatever the body: %d %s", a.status, a.body)
		}
		if a := h.call("GET", "/v1/invoices/"+real.ID, live.key, ""); a.status != 200 || a.at(t, "status") != "open" {
			t.Errorf("live, reading: %d %s", a.status, a.body)
		}
		if written := h.eventTypes(live, last); len(written) > 0 {
			t.Errorf("wrote %v", written)
		}
		m.key = h.key(m.Merchant, merchant.Viewer)
		if a := h.pay(m, inv.ID, "paid"); a.status != http.StatusForbidden || a.at(t, "code") != "permission_missing" {
			t.Errorf("viewer: %d %s", a.status, a.body)
		}
		if a := h.call("GET", "/v1/invoices/"+inv.ID, m.key, ""); a.status != 200 || a.at(t, "status") != "open" {
			t.Errorf("viewer, reading: %d %s", a.status, a.body)
		}
	})
}
