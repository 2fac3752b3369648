package api

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/merchant"
)

// settled is an invoice of BDT 1,234.50 that was paid in the sandbox, with its payment's id.
func (h *house) settled(m tenant) (invoice.Invoice, string) {
	h.t.Helper()
	inv := h.demand(m, nil)
	a := h.pay(m, inv.ID, "paid")
	if a.status != 200 {
		h.t.Fatalf("%d %s", a.status, a.body)
	}
	return inv, a.at(h.t, "payment.id")
}

func back(pairs ...any) string { return body(append(pairs, "currency", "BDT")...) }

func TestMoneyIsGivenBackInParts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.tenant(merchant.Sandbox), h.tenant(merchant.Sandbox)
		inv, paid := h.settled(m)
		made := h.must("POST", "/v1/refunds", m.key, back("payment", paid, "amount", "234.50", "reason", "Sold out"))
		rid := made.at(t, "id")
		want := fmt.Sprintf(`{"id":%q,"kind":"refund","merchant":%q,"door":"native","payment":%q,"rail":"sandbox","amount":"234.50","fee":"0.00","total":"234.50",`+
			`"currency":"BDT","recipient_name":"Rahima","description":"Sold out","status":"pending","asked_by":%q,"created_at":"2026-07-01T12:00:00.123456Z",`+
			`"updated_at":"2026-07-01T12:00:00.123456Z","invoice":%q,"of":"settled"}`, rid, m.Owner, paid, made.at(t, "asked_by"), inv.ID)
		if diff := cmp.Diff(want, made.body); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		h.stands(m, "1234.50", "234.50")
		if a := h.must("GET", "/v1/refunds/"+rid, m.key, ""); a.body != made.body {
			t.Errorf("GET: %s", cmp.Diff(made.body, a.body))
		}
		if a := h.call("GET", "/v1/refunds/"+rid, other.key, ""); a.status != 404 || a.at(t, "code") != "refund_missing" {
			t.Errorf("another's: %d %s", a.status, a.body)
		}
		h.play(m, rid, "completed")
		if a := h.must("GET", "/v1/invoices/"+inv.ID, m.key, ""); a.at(t, "status") != "paid" || a.at(t, "amount_refunded") != "234.50" {
			t.Errorf("the invoice: %s", a.body)
		}
		for _, c := range []struct {
			text, code, params string
			status             int
		}{
			{back("payment", paid, "amount", "1000.01"), "refund_too_much", `{"refundable":"1000.00"}`, 422},
			{back("payment", paid, "amount", "0"), "amount_not_positive", "", 422},
			{back("payment", paid), "field_required", "", 422},
			{body("payment", paid, "amount", "1"), "field_required", "", 422},
			{body("payment", paid, "amount", "1", "currency", "PKR"), "currency_unknown", "", 422},
			{body("payment", paid, "of", "unapplied"), "refund_too_much", "", 422},
			{body("payment", paid, "of", "all"), "field_not_one_of", `{"allowed":"settled,unapplied"}`, 422},
			{body(), "field_required", "", 422},
			{body("payment", paid, "invoice", inv.ID), "field_malformed", "", 422},
			{body("payment", id.New(h.clock)), "payment_missing", "", 404},
			{body("payment", inv.ID), "payment_missing", "", 404},
			{body("invoice", id.New(h.clock)), "invoice_missing", "", 404},
			{body("invoice", inv.ID, "reason", "a\nb"), "field_control", "", 422},
		} {
			a := h.call("POST", "/v1/refunds", m.key, c.text)
			if a.status != c.status || a.at(t, "code") != c.code || a.at(t, "params") != c.params {
				t.Errorf("%s: %d %s", c.text, a.status, a.body)
			}
		}
		if a := h.call("POST", "/v1/refunds", other.key, body("payment", paid)); a.status != 404 || a.at(t, "code") != "payment_missing" {
			t.Errorf("another's payment: %d %s", a.status, a.body)
		}
		rest := h.must("POST", "/v1/refunds", m.key, body("invoice", inv.ID))
		if rest.at(t, "amount") != "1000.00" {
			t.Errorf("the rest: %s", rest.body)
		}
		h.must("POST", "/v1/payouts/"+rest.at(t, "id")+"/cancel", m.key, "{}")
		rest = h.must("POST", "/v1/refunds", m.key, body("invoice", inv.ID))
		last := h.lastEvent(m)
		h.play(m, rest.at(t, "id"), "completed")
		if a := h.must("GET", "/v1/invoices/"+inv.ID, m.key, ""); a.at(t, "status") != "refunded" || a.at(t, "amount_refunded") != "1234.50" {
			t.Errorf("the invoice: %s", a.body)
		}
		h.stands(m, "0.00", "0.00")
		if a := h.call("POST", "/v1/refunds", m.key, body("invoice", inv.ID)); a.at(t, "code") != "refund_too_much" || a.at(t, "params") != "" {
			t.Errorf("once more: %d %s", a.status, a.body)
		}
		events := h.must("GET", fmt.Sprintf("/v1/events?after=%d", last), m.key, "")
		found := false
		for i := range 3 {
			at := fmt.Sprintf("data.%d.", i)
			if events.at(t, at+"type") == "payment.refunded" {
				found = events.at(t, at+"data.refund.id") == rest.at(t, "id") && events.at(t, at+"data.invoice.status") == "refunded"
			}
		}
		if !found {
			t.Errorf("its events: %s", events.body)
		}
	})
}

func TestRefundsAreListed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		first, _ := h.settled(m)
		second, _ := h.settled(m)
		var ids []string
		for _, inv := range []invoice.Invoice{first, second, first, first} {
			ids = append(ids, h.must("POST", "/v1/refunds", m.key, back("invoice", inv.ID, "amount", "10")).at(t, "id"))
		}
		for query, want := range map[string][]string{
			"":                             {ids[3], ids[2], ids[1], ids[0]},
			"?limit=2":                     {ids[3], ids[2]},
			"?limit=2&before=" + ids[2]:    {ids[1], ids[0]},
			"?limit=2&after=" + ids[0]:     {ids[2], ids[1]},
			"?invoice=" + first.ID:         {ids[3], ids[2], ids[0]},
			"?limit=2&invoice=" + first.ID: {ids[3], ids[2]},
			"?invoice=" + first.ID + "&before=" + ids[3]:        {ids[2], ids[0]},
			"?limit=1&invoice=" + first.ID + "&after=" + ids[0]: {ids[2]},
			"?invoice=" + id.New(h.clock):                       nil,
		} {
			a := h.must("GET", "/v1/refunds"+query, m.key, "")
			var got []string
			for _, x := range a.json(t)["data"].([]any) {
				got = append(got, x.(map[string]any)["id"].(string))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", query, diff)
			}
		}
		if a := h.must("GET", "/v1/payouts?kind=refund&limit=1", m.key, ""); a.at(t, "data.0.id") != ids[3] || a.at(t, "has_more") != "true" {
			t.Errorf("among the payouts: %s", a.body)
		}
		for _, query := range []string{"?after=x", "?before=x", "?invoice=x", "?limit=0"} {
			if a := h.call("GET", "/v1/refunds"+query, m.key, ""); a.status != 422 {
				t.Errorf("%s: %d %s", query, a.status, a.body)
			}
		}
	})
}

func TestWhichPaymentIsGivenBackMustBeSaidWhereThereAreSeveral(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		inv := h.demand(m, nil)
		h.partPay(inv, 100)
		if a := h.call("POST", "/v1/refunds", m.key, body("invoice", inv.ID)); a.status != 409 || a.at(t, "code") != "invoice_open" {
			t.Errorf("of an open invoice: %d %s", a.status, a.body)
		}
		paid := h.pay(m, inv.ID, "paid").at(t, "payment.id")
		ask := func() answer {
			return h.call("POST", "/v1/refunds", m.key, body("invoice", inv.ID), "Idempotency-Key", "k", "Request-Id", "same")
		}
		a := ask()
		if a.status != 409 || a.at(t, "code") != "target_ambiguous" || a.at(t, "candidates.1.id") != paid || a.at(t, "candidates.0.reference") != inv.Reference ||
			a.at(t, "field") != "invoice" {
			t.Errorf("%d %s", a.status, a.body)
		}
		h.must("POST", "/v1/refunds", m.key, body("payment", paid))
		if again := ask(); again.body != a.body || again.status != a.status {
			t.Errorf("again: %s", cmp.Diff(a.body, again.body))
		}
	})
}

func TestARepeatedRefundGetsTheSameBytes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		inv, paid := h.settled(m)
		ask := func(text, key string) answer {
			return h.call("POST", "/v1/refunds", m.key, text, "Idempotency-Key", key, "Request-Id", "same")
		}
		first, tooMuch := ask(back("payment", paid, "amount", "1000"), "one"), ask(back("payment", paid, "amount", "1000"), "two")
		h.play(m, first.at(t, "id"), "rejected")
		last := h.lastEvent(m)
		for _, c := range []struct {
			first, again answer
			status       int
		}{
			{first, ask(back("payment", paid, "amount", "1000"), "one"), 200}, {tooMuch, ask(back("payment", paid, "amount", "1000"), "two"), 422},
		} {
			if c.first.status != c.status || c.again.status != c.status || c.again.body != c.first.body {
				t.Errorf("%d, then %d (-first +again):\n%s", c.first.status, c.again.status, cmp.Diff(c.first.body, c.again.body))
			}
		}
		if a := ask(body("invoice", inv.ID), "one"); a.status != 422 || a.at(t, "code") != "idempotency_reused" {
			t.Errorf("another refund with the same key: %d %s", a.status, a.body)
		}
		if written := h.eventTypes(m, last); len(written) > 0 {
			t.Errorf("wrote %v", written)
		}
	})
}
