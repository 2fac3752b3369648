package api

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

func TestEventsTellWhatHappenedInMajorUnits(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		inv := h.demand(m, nil)
		paid := h.pay(m, inv.ID, "paid")
		facts := map[string]any{
			"id": inv.ID, "number": inv.Number, "door": "shop", "reference": inv.Reference, "title": "Tea", "payer_name": "Rahima",
			"amount": "1234.50", "currency": "BDT", "amount_paid": "0.00", "status": "open",
			"created_at": "2026-07-01T12:00:00.123456Z", "updated_at": "2026-07-01T12:00:00.123456Z",
			"expires_at": "2026-07-01T13:00:00.123456Z",
		}
		want := map[string]any{
			"number": 1.0, "type": "invoice.created", "at": "2026-07-01T12:00:00.123456Z", "kind": "invoice", "subject": inv.ID,
			"door": "shop", "data": map[string]any{"invoice": facts},
		}
		if diff := cmp.Diff(want, h.call("GET", "/v1/events/1", m.key, "").json(t)); diff != "" {
			t.Errorf("created (-want +got):\n%s", diff)
		}
		facts["status"], facts["amount_paid"], facts["paid_at"] = "paid", "1234.50", "2026-07-01T12:00:00.123456Z"
		want["number"], want["type"] = 2.0, "invoice.paid"
		want["data"] = map[string]any{"invoice": facts, "payment": paid.json(t)["payment"]}
		second := h.call("GET", "/v1/events/2", m.key, "")
		if diff := cmp.Diff(want, second.json(t)); diff != "" {
			t.Errorf("paid (-want +got):\n%s", diff)
		}
		err := h.merchants.Fund(context.Background(), tester, m.Owner, "F-1", money.Of(500000, "PKR"))
		if err != nil {
			t.Fatal(err)
		}
		third := h.call("GET", "/v1/events/3", m.key, "")
		if diff := cmp.Diff(map[string]any{
			"number": 3.0, "type": "balance.funded", "at": "2026-07-01T12:00:00.123456Z", "kind": "balance", "subject": "F-1",
			"data": map[string]any{"funding": map[string]any{"id": "F-1", "amount": "5000.00", "currency": "PKR"}},
		}, third.json(t)); diff != "" {
			t.Errorf("funded (-want +got):\n%s", diff)
		}
		list := h.call("GET", "/v1/events", m.key, "")
		if diff := cmp.Diff(second.json(t), list.json(t)["data"].([]any)[1]); diff != "" {
			t.Errorf("in the list it is another (-single +list):\n%s", diff)
		}
		for _, secret := range []string{inv.Token, "of the dialect", "123450", m.Owner, m.key, inv.WebhookURL} {
			if strings.Contains(list.body, secret) {
				t.Errorf("%q is told", secret)
			}
		}
	})
}

func TestEventsAreListedInPages(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, stranger := h.tenant(merchant.Sandbox), h.tenant(merchant.Sandbox)
		for range 7 {
			h.demand(m, nil)
			h.demand(stranger, nil)
		}
		for query, want := range map[string]struct {
			numbers []float64
			more    bool
		}{
			"":                          {[]float64{1, 2, 3, 4, 5, 6, 7}, false},
			"limit=7":                   {[]float64{1, 2, 3, 4, 5, 6, 7}, false},
			"limit=2":                   {[]float64{1, 2}, true},
			"limit=2&after=2":           {[]float64{3, 4}, true},
			"limit=2&after=5":           {[]float64{6, 7}, false},
			"after=7":                   {nil, false},
			"after=9223372036854775807": {nil, false},
			"limit=2&before=8":          {[]float64{6, 7}, true},
			"limit=2&before=3":          {[]float64{1, 2}, false},
			"before=1":                  {nil, false},
			"after=2&before=5":          {[]float64{3, 4}, false},
			"limit=1&after=2&before=5":  {[]float64{3}, true},
			"limit=2&after=2&before=5":  {[]float64{3, 4}, false},
		} {
			a := h.call("GET", "/v1/events?"+query, m.key, "")
			if a.status != 200 {
				t.Fatalf("%s: %d %s", query, a.status, a.body)
			}
			var numbers []float64
			for _, e := range a.json(t)["data"].([]any) {
				numbers = append(numbers, e.(map[string]any)["number"].(float64))
			}
			if diff := cmp.Diff(want.numbers, numbers); diff != "" || (a.at(t, "has_more") == "true") != want.more {
				t.Errorf("%s: more %s (-want +got):\n%s", query, a.at(t, "has_more"), diff)
			}
		}
		if a := h.call("GET", "/v1/events/8", m.key, ""); a.status != 404 || a.at(t, "code") != "event_missing" {
			t.Errorf("one that has not happened: %d %s", a.status, a.body)
		}
		h.demand(m, func(i *invoice.Invoice) { i.Door = "gone" })
		if a := h.call("GET", "/v1/events/8", m.key, ""); a.status != 200 || a.at(t, "door") != "gone" {
			t.Errorf("of a door that is not there any more: %d %s", a.status, a.body)
		}
		if a := h.call("GET", "/v1/events/8", stranger.key, ""); a.status != 404 {
			t.Errorf("another merchant's: %d %s", a.status, a.body)
		}
	})
}

func TestAnInternalFaultTellsNothingButTheRequestID(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		inv := h.demand(m, nil)
		err := h.db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
			return tx.Exec(ctx, `UPDATE event SET data = '{"s3cret' WHERE owner = $1`, m.Owner)
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/v1/events/1", "/v1/events"} {
			a := h.call("GET", path, m.key, "", "Request-Id", "req-1")
			want := `{"title":"Internal Server Error","status":500,"code":"internal",` +
				`"detail":"Something went wrong here. The request id names it in our log.","request_id":"req-1"}`
			if a.status != 500 || a.body != want {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
		if log := h.log.String(); !strings.Contains(log, "request_id=req-1") || !strings.Contains(log, "unexpected end of JSON input") {
			t.Errorf("the log does not have the cause: %s", log)
		}
		if a := h.call("GET", "/v1/invoices/"+inv.ID, m.key, ""); a.status != 200 {
			t.Errorf("the invoice itself: %d %s", a.status, a.body)
		}
	})
}
