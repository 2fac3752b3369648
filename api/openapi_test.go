package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/store"
)

// document is the API's own description, as it is served to a stranger.
func document(t *testing.T, h *house) *openapi3.T {
	t.Helper()
	a := h.call("GET", "/v1/openapi.json", "", "")
	if a.status != 200 || a.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v", a.status, a.header)
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(a.body))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func lightHouse(t testing.TB) *house {
	t.Helper()
	c := clock.NewFake(noon)
	return newHouse(t, storetest.Open(t, storetest.URL(t, store.SQLite), c), c)
}

func TestTheDocumentIsValidOpenAPI(t *testing.T) {
	doc := document(t, lightHouse(t))
	if err := doc.Validate(context.Background()); err != nil {
		t.Error(err)
	}
	if doc.OpenAPI != "3.1.0" || doc.Info.Version != "test" || doc.Servers[0].URL != publicURL {
		t.Errorf("%s %s %s", doc.OpenAPI, doc.Info.Version, doc.Servers[0].URL)
	}
}

func TestTheDocumentHasEveryRouteAndNoOther(t *testing.T) {
	h := lightHouse(t)
	door, err := New(h.deps(h.clock))
	if err != nil {
		t.Fatal(err)
	}
	var routes, described []string
	for _, r := range door.Routes {
		if strings.HasPrefix(r.Pattern, docsPath) || r.Pattern == "/v1/openapi.json" {
			continue
		}
		routes = append(routes, r.Method+" "+r.Pattern)
	}
	ids := map[string]bool{}
	for path, item := range document(t, h).Paths.Map() {
		for method, op := range item.Operations() {
			described = append(described, method+" "+path)
			if op.OperationID == "" || ids[op.OperationID] || op.Summary == "" || len(op.Tags) != 1 {
				t.Errorf("%s %s: it must have an id of its own, a summary and a tag", method, path)
			}
			ids[op.OperationID] = true
			writes := method != http.MethodGet && path != "/v1/quotes"
			if keyed := op.Parameters.GetByInAndName("header", httpx.IdempotencyHeader) != nil; keyed != writes {
				t.Errorf("%s %s: %s is described: %t", method, path, httpx.IdempotencyHeader, keyed)
			}
			for status, response := range op.Responses.Map() {
				n, err := strconv.Atoi(status)
				if err != nil || n >= 400 && response.Value.Content.Get(problemType) == nil || n < 400 && response.Value.Content.Get("application/json") == nil {
					t.Errorf("%s %s: %s has %v", method, path, status, response.Value.Content)
				}
			}
			for _, status := range []int{401, 503} {
				if op.Responses.Status(status) == nil {
					t.Errorf("%s %s: no %d", method, path, status)
				}
			}
		}
	}
	slices.Sort(routes)
	slices.Sort(described)
	if !slices.Equal(routes, described) {
		t.Errorf("routes %v\ndescribed %v", routes, described)
	}
}

// TestAnswersAreAsTheDocumentDescribesThem compares real answers, members and types, with their schemas.
func TestAnswersAreAsTheDocumentDescribesThem(t *testing.T) {
	h := lightHouse(t)
	doc := document(t, h)
	m := h.payer(merchant.Sandbox, 50000)
	h.approvals(m, 1000)
	h.twin(m, "TWIN")
	batch := h.batched(m, "A", 2, "1")
	settled := h.demand(m, nil)
	h.pay(m, settled.ID, "paid")
	paid, wanting := h.payout(m, "100", "").at(t, "id"), h.payout(m, "2000", "").at(t, "id")
	a, till := h.person(m, "+8801712345678", "100"), h.till(m, "100")
	done := h.must("POST", "/v1/transfers", m.key, send(till, a, "1", "")).at(t, "id")
	inv := h.demand(m, nil)
	h.partPay(inv, 100)
	h.demand(m, func(i *invoice.Invoice) { i.Reference = "SAME" })
	h.demand(m, func(i *invoice.Invoice) { i.Reference, i.Door = "SAME", bill.name })
	for _, c := range []struct {
		method, path, route, body string
		status                    int
	}{
		{"POST", "/v1/sandbox/pay", "/v1/sandbox/pay", `{"target":"` + inv.ID + `"}`, 200},
		{"POST", "/v1/sandbox/pay", "/v1/sandbox/pay", `{"target":"` + inv.ID + `"}`, 409},
		{"POST", "/v1/sandbox/pay", "/v1/sandbox/pay", `{"target":"SAME"}`, 409},
		{"POST", "/v1/sandbox/pay", "/v1/sandbox/pay", `{"outcome":"x"}`, 422},
		{"POST", "/v1/sandbox/pay", "/v1/sandbox/pay", `{`, 400},
		{"GET", "/v1/invoices/" + inv.ID, "/v1/invoices/{id}", "", 200},
		{"GET", "/v1/invoices/nothing", "/v1/invoices/{id}", "", 404},
		{"GET", "/v1/invoices", "/v1/invoices", "", 200},
		{"GET", "/v1/invoices?limit=x", "/v1/invoices", "", 422},
		{"GET", "/v1/events", "/v1/events", "", 200},
		{"GET", "/v1/events/5", "/v1/events/{number}", "", 200},
		{"GET", "/v1/balances", "/v1/balances", "", 200},
		{"POST", "/v1/wallets", "/v1/wallets", body("kind", "consumer", "name", "B", "reference", "R"), 200},
		{"POST", "/v1/wallets", "/v1/wallets", body("kind", "consumer", "name", "B", "reference", "R"), 409},
		{"POST", "/v1/wallets", "/v1/wallets", `{}`, 422},
		{"GET", "/v1/wallets", "/v1/wallets", "", 200},
		{"GET", "/v1/wallets/" + a, "/v1/wallets/{id}", "", 200},
		{"GET", "/v1/wallets/x", "/v1/wallets/{id}", "", 404},
		{"GET", "/v1/wallets/" + a + "/limits", "/v1/wallets/{id}/limits", "", 200},
		{"GET", "/v1/wallets/" + a + "/statement", "/v1/wallets/{id}/statement", "", 200},
		{"POST", "/v1/wallets/" + a + "/top-ups", "/v1/wallets/{id}/top-ups", body("amount", "5", "currency", "BDT"), 200},
		{"POST", "/v1/wallets/x/top-ups", "/v1/wallets/{id}/top-ups", body("amount", "5", "currency", "BDT"), 404},
		{"POST", "/v1/wallets/" + a + "/status", "/v1/wallets/{id}/status", `{"status":"approved"}`, 403},
		{"POST", "/v1/quotes", "/v1/quotes", send(till, a, "5", ""), 200},
		{"POST", "/v1/quotes", "/v1/quotes", send(till, a, "50000", ""), 200},
		{"POST", "/v1/transfers", "/v1/transfers", send(till, a, "5", ""), 200},
		{"POST", "/v1/transfers", "/v1/transfers", send(a, till, "5", "0000"), 422},
		{"POST", "/v1/transfers", "/v1/transfers", `{`, 400},
		{"POST", "/v1/transfers/bulk", "/v1/transfers/bulk", `{"transfers":[` + send(till, a, "5", "") + "," + send(a, till, "5", "") + `]}`, 200},
		{"GET", "/v1/transfers/" + done + "?wallet=" + till, "/v1/transfers/{id}", "", 200},
		{"GET", "/v1/transfers/x", "/v1/transfers/{id}", "", 404},
		{"GET", "/v1/events/1", "/v1/events/{number}", "", 200},
		{"GET", "/v1/payout_methods", "/v1/payout_methods", "", 200},
		{"GET", "/v1/payout_methods?merchant=x", "/v1/payout_methods", "", 422},
		{"POST", "/v1/payouts", "/v1/payouts", owed("100", "R"), 200},
		{"POST", "/v1/payouts", "/v1/payouts", owed("100", "R"), 409},
		{"POST", "/v1/payouts", "/v1/payouts", owed("1", ""), 422},
		{"POST", "/v1/payouts", "/v1/payouts", withdrawn(a, "100", pin), 200},
		{"GET", "/v1/payouts", "/v1/payouts", "", 200},
		{"GET", "/v1/payouts?status=x", "/v1/payouts", "", 422},
		{"GET", "/v1/payouts/" + paid, "/v1/payouts/{id}", "", 200},
		{"GET", "/v1/payouts/x", "/v1/payouts/{id}", "", 404},
		{"GET", "/v1/payouts/TWIN", "/v1/payouts/{id}", "", 409},
		{"POST", "/v1/payouts/" + wanting + "/approve", "/v1/payouts/{id}/approve", "", 403},
		{"POST", "/v1/payouts/" + wanting + "/reject", "/v1/payouts/{id}/reject", "{}", 422},
		{"POST", "/v1/sandbox/payout", "/v1/sandbox/payout", `{"target":"` + wanting + `"}`, 409},
		{"POST", "/v1/payouts/" + wanting + "/cancel", "/v1/payouts/{id}/cancel", `{"reason":"no"}`, 200},
		{"POST", "/v1/payouts/x/cancel", "/v1/payouts/{id}/cancel", "", 404},
		{"POST", "/v1/sandbox/payout", "/v1/sandbox/payout", `{"target":"` + paid + `"}`, 200},
		{"POST", "/v1/sandbox/payout", "/v1/sandbox/payout", `{"target":"TWIN"}`, 409},
		{"POST", "/v1/payouts/" + paid + "/cancel", "/v1/payouts/{id}/cancel", "", 409},
		{"POST", "/v1/payouts/batches", "/v1/payouts/batches", `{"reference":"B","payouts":[` + owed("100", "") + `]}`, 200},
		{"POST", "/v1/payouts/batches", "/v1/payouts/batches", `{"reference":"B","payouts":[` + owed("100", "") + `]}`, 409},
		{"POST", "/v1/payouts/batches", "/v1/payouts/batches", `{}`, 422},
		{"GET", "/v1/payouts/batches", "/v1/payouts/batches", "", 200},
		{"GET", "/v1/payouts/batches?limit=x", "/v1/payouts/batches", "", 422},
		{"GET", "/v1/payouts/batches/" + batch, "/v1/payouts/batches/{id}", "", 200},
		{"GET", "/v1/payouts/batches/x", "/v1/payouts/batches/{id}", "", 404},
		{"GET", "/v1/payouts/batches/" + batch + "/lines", "/v1/payouts/batches/{id}/lines", "", 200},
		{"GET", "/v1/payouts/batches/x/lines", "/v1/payouts/batches/{id}/lines", "", 404},
		{"POST", "/v1/payouts/batches/" + batch + "/approve", "/v1/payouts/batches/{id}/approve", "", 403},
		{"POST", "/v1/payouts/batches/x/reject", "/v1/payouts/batches/{id}/reject", `{"reason":"no"}`, 404},
		{"POST", "/v1/refunds", "/v1/refunds", body("invoice", settled.ID, "amount", "1", "currency", "BDT", "reason", "R"), 200},
		{"POST", "/v1/refunds", "/v1/refunds", body("invoice", settled.ID, "amount", "5000", "currency", "BDT"), 422},
		{"POST", "/v1/refunds", "/v1/refunds", body("invoice", "x"), 404},
		{"POST", "/v1/refunds", "/v1/refunds", body("payment", "x"), 404},
		{"POST", "/v1/refunds", "/v1/refunds", body("invoice", h.demand(m, nil).ID), 422},
		{"GET", "/v1/refunds", "/v1/refunds", "", 200},
		{"GET", "/v1/refunds?invoice=" + settled.ID, "/v1/refunds", "", 200},
		{"GET", "/v1/refunds?invoice=x", "/v1/refunds", "", 422},
		{"GET", "/v1/refunds/x", "/v1/refunds/{id}", "", 404},
		{"GET", "/v1/events?limit=100", "/v1/events", "", 200},
	} {
		a := h.call(c.method, c.path, m.key, c.body)
		if a.status != c.status {
			t.Errorf("%s %s: %d %s", c.method, c.path, a.status, a.body)
			continue
		}
		kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
		response := doc.Paths.Find(c.route).GetOperation(c.method).Responses.Status(c.status)
		if response == nil || response.Value.Content.Get(kind) == nil {
			t.Errorf("%s %s: %d %s is not described", c.method, c.path, c.status, kind)
			continue
		}
		schema := response.Value.Content.Get(kind).Schema.Value
		if err := schema.VisitJSON(any(a.json(t)), openapi3.EnableJSONSchema2020()); err != nil {
			t.Errorf("%s %s: %v", c.method, c.path, err)
		}
		undescribed(t, c.method+" "+c.path, schema, a.json(t))
	}
}

// undescribed fails on members that the schema does not name: the document allows them, since answers may grow, and this test does
// not, since they should be described.
func undescribed(t *testing.T, where string, schema *openapi3.Schema, v any) {
	t.Helper()
	switch x := v.(type) {
	case map[string]any:
		for name, member := range x {
			p := schema.Properties[name]
			if p == nil && schema.AdditionalProperties.Schema != nil {
				p = schema.AdditionalProperties.Schema
			}
			if p == nil {
				t.Errorf("%s: %s is not described", where, name)
				continue
			}
			undescribed(t, where+" "+name, p.Value, member)
		}
	case []any:
		for _, item := range x {
			undescribed(t, where, schema.Items.Value, item)
		}
	}
}

func TestTheDocumentDescribesTheBodyThatIsRead(t *testing.T) {
	doc := document(t, lightHouse(t))
	body := doc.Paths.Find("/v1/sandbox/pay").Post.RequestBody.Value
	if !body.Required || len(body.Content) != 1 {
		t.Errorf("required %t, %v", body.Required, body.Content)
	}
	schema := body.Content.Get("application/json").Schema.Value
	var words []string
	for _, w := range schema.Properties["outcome"].Value.Enum {
		words = append(words, w.(string))
	}
	slices.Sort(words)
	if !slices.Equal(words, []string{"cancelled", "expired", "failed", "paid"}) || !reflect.DeepEqual(schema.Required, []string{"target"}) {
		t.Errorf("outcomes %v, required %v", words, schema.Required)
	}
}

func TestDepsThatCannotWorkAreRefused(t *testing.T) {
	for name, doors := range map[string][]invoice.Door{
		"no wildcard":  {fakeDoor{name: "x", pages: "/methods"}},
		"no path":      {fakeDoor{name: "x", pages: "methods/{token}"}},
		"half a token": {fakeDoor{name: "x", pages: "/methods-{token}"}},
	} {
		if _, err := New(Deps{Doors: doors}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
