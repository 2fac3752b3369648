package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sarraf/merchant"
)

// asked is a route with a good request, and the status that each sort of key gets.
type asked struct {
	route, path, body            string
	own, viewer, other, operator int
}

// TestEveryRouteAnswersWhoMayAskAndNobodyElse asks each route with each sort of key: the status of the right one, of one that may only read, of
// another merchant's, and of an operator's. A key that is revoked, and none, are a 401 everywhere.
func TestEveryRouteAnswersWhoMayAskAndNobodyElse(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.payer(merchant.Sandbox, 100000), h.payer(merchant.Sandbox, 100000)
		viewer, op := h.key(m.Merchant, merchant.Viewer), h.revocable(merchant.House, merchant.Operator, false)
		revoked := []string{h.revocable(m.Owner, merchant.Admin, true), h.revocable(merchant.House, merchant.Operator, true), ""}
		a, till := h.person(m, "+8801712345678", "1000"), h.till(m, "1000")
		inv := h.demand(m, nil)
		done := h.must("POST", "/v1/transfers", m.key, send(till, a, "1", "")).at(t, "id")
		h.approvals(m, 1000)
		colleague := tenant{m.Merchant, h.key(m.Merchant, merchant.Admin)} // who asks for what the others decide about
		approved, rejected := h.payout(colleague, "2000", "").at(t, "id"), h.payout(colleague, "2000", "").at(t, "id")
		cancelled, played := h.payout(m, "2000", "").at(t, "id"), h.payout(m, "100", "").at(t, "id")
		batch := h.batched(colleague, "R", 2, "2000")
		paid := h.demand(m, nil)
		h.pay(m, paid.ID, "paid")
		refund := h.must("POST", "/v1/refunds", m.key, body("invoice", paid.ID, "amount", "1", "currency", "BDT")).at(t, "id")
		table := []asked{
			{"GET /v1/invoices", "/v1/invoices", "", 200, 200, 200, 403},
			{"GET /v1/invoices/{id}", "/v1/invoices/" + inv.ID, "", 200, 200, 404, 403},
			{"GET /v1/events", "/v1/events", "", 200, 200, 200, 403},
			{"GET /v1/events/{number}", fmt.Sprintf("/v1/events/%d", h.lastEvent(m)), "", 200, 200, 404, 403},
			{"GET /v1/balances", "/v1/balances", "", 200, 200, 200, 403},
			{"POST /v1/sandbox/pay", "/v1/sandbox/pay", `{"target":"` + inv.ID + `"}`, 200, 403, 404, 403},
			{"POST /v1/wallets", "/v1/wallets", body("kind", "consumer", "name", "A", "currencies", []string{"BDT"}), 200, 403, 200, 200},
			{"GET /v1/wallets", "/v1/wallets", "", 200, 200, 200, 200},
			{"GET /v1/wallets/{id}", "/v1/wallets/" + a, "", 200, 200, 404, 200},
			{"GET /v1/wallets/{id}/limits", "/v1/wallets/" + a + "/limits", "", 200, 200, 404, 200},
			{"GET /v1/wallets/{id}/statement", "/v1/wallets/" + a + "/statement", "", 200, 200, 404, 200},
			{"POST /v1/wallets/{id}/top-ups", "/v1/wallets/" + a + "/top-ups", body("amount", "1", "currency", "BDT", "reference", "R"), 200, 403, 404, 200},
			{"POST /v1/wallets/{id}/status", "/v1/wallets/" + a + "/status", `{"status":"approved"}`, 403, 403, 403, 200},
			{"POST /v1/quotes", "/v1/quotes", send(till, a, "1", ""), 200, 403, 404, 200},
			{"POST /v1/transfers", "/v1/transfers", send(till, a, "1", ""), 200, 403, 404, 200},
			{"POST /v1/transfers/bulk", "/v1/transfers/bulk", `{"transfers":[` + send(till, a, "1", "") + `]}`, 200, 403, 200, 200},
			{"GET /v1/payout_methods", "/v1/payout_methods?merchant=" + m.Owner, "", 200, 200, 403, 200},
			{"POST /v1/payouts", "/v1/payouts", owed("100", ""), 200, 403, 200, 403},
			{"GET /v1/payouts", "/v1/payouts", "", 200, 200, 200, 200},
			{"GET /v1/payouts/{id}", "/v1/payouts/" + played + "?merchant=" + m.Owner, "", 200, 200, 403, 200},
			{"POST /v1/payouts/{id}/approve", "/v1/payouts/" + approved + "/approve", body("merchant", m.Owner), 409, 403, 403, 200}, // the operator has done it before
			{"POST /v1/payouts/{id}/reject", "/v1/payouts/" + rejected + "/reject", body("merchant", m.Owner, "reason", "no"), 409, 403, 403, 200},
			{"POST /v1/payouts/{id}/cancel", "/v1/payouts/" + cancelled + "/cancel", "{}", 200, 403, 404, 403},
			{"POST /v1/sandbox/payout", "/v1/sandbox/payout", `{"target":"` + played + `"}`, 200, 403, 404, 403},
			{"POST /v1/payouts/batches", "/v1/payouts/batches", `{"payouts":[` + owed("100", "") + `]}`, 200, 403, 200, 403},
			{"GET /v1/payouts/batches", "/v1/payouts/batches?merchant=" + m.Owner, "", 200, 200, 403, 200},
			{"GET /v1/payouts/batches/{id}", "/v1/payouts/batches/" + batch + "?merchant=" + m.Owner, "", 200, 200, 403, 200},
			{"GET /v1/payouts/batches/{id}/lines", "/v1/payouts/batches/" + batch + "/lines?merchant=" + m.Owner, "", 200, 200, 403, 200},
			{"POST /v1/payouts/batches/{id}/approve", "/v1/payouts/batches/" + batch + "/approve", body("merchant", m.Owner), 200, 403, 403, 200},
			{"POST /v1/payouts/batches/{id}/reject", "/v1/payouts/batches/" + batch + "/reject", body("merchant", m.Owner, "reason", "no"), 200, 403, 403, 200},
			{"POST /v1/refunds", "/v1/refunds", body("invoice", paid.ID, "amount", "1", "currency", "BDT"), 200, 403, 404, 403},
			{"GET /v1/refunds", "/v1/refunds", "", 200, 200, 200, 403},
			{"GET /v1/refunds/{id}", "/v1/refunds/" + refund, "", 200, 200, 404, 403},
			{"GET /v1/transfers/{id}", "/v1/transfers/" + done + "?wallet=" + till, "", 200, 200, 404, 200},
		}
		door, err := New(h.deps(h.clock))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range door.Routes {
			public := strings.HasPrefix(r.Pattern, docsPath) || r.Pattern == "/v1/openapi.json"
			if !public && !slices.ContainsFunc(table, func(c asked) bool { return c.route == r.Method+" "+r.Pattern }) {
				t.Errorf("%s %s: nobody says who may ask it", r.Method, r.Pattern)
			}
		}
		before := h.lastEvent(m)
		for _, c := range table {
			method, _, _ := strings.Cut(c.route, " ")
			for _, key := range revoked {
				if a := h.call(method, c.path, key, c.body); a.status != http.StatusUnauthorized || a.at(t, "code") != "credentials_invalid" {
					t.Errorf("%s with a bad key: %d %s", c.route, a.status, a.body)
				}
			}
			for _, who := range []struct {
				name, key string
				want      int
			}{{"one that may only read", viewer, c.viewer}, {"another's", other.key, c.other}} {
				a := h.call(method, c.path, who.key, c.body)
				if a.status != who.want || a.status == 403 && a.at(t, "code") != "permission_missing" {
					t.Errorf("%s by %s: %d %s", c.route, who.name, a.status, a.body)
				}
				if who.key == other.key && (strings.Contains(a.body, "Rahima") || strings.Contains(a.body, "8801712345678") || strings.Contains(a.body, inv.ID) || strings.Contains(a.body, played)) {
					t.Errorf("%s tells another what is ours: %s", c.route, a.body)
				}
			}
		}
		if n := h.lastEvent(m); n != before {
			t.Errorf("%d events came of what was refused", n-before)
		}
		h.has(m, a, "1001.00")
		for _, c := range table {
			method, _, _ := strings.Cut(c.route, " ")
			if a := h.call(method, c.path, op, c.body); a.status != c.operator || a.status == 403 && a.at(t, "code") != "permission_missing" {
				t.Errorf("%s by an operator: %d %s", c.route, a.status, a.body)
			}
			if a := h.call(method, c.path, m.key, c.body); a.status != c.own {
				t.Errorf("%s by the right key: %d %s", c.route, a.status, a.body)
			}
		}
	})
}

// revocable is a key, revoked if it is to be.
func (h *house) revocable(owner string, role merchant.Role, revoke bool) string {
	h.t.Helper()
	c, key, err := h.merchants.Issue(context.Background(), tester, merchant.Credential{Owner: owner, Door: Name, Role: role}, "", "k_", false)
	if err == nil && revoke {
		err = h.merchants.Revoke(context.Background(), tester, owner, c.ID)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return key
}
