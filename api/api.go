// Package api is the native HTTP API: the routes under /v1, their OpenAPI document, and the pages at /docs that show it.
//
// huma binds the parameters, writes the answers and makes the document out of the same Go types; around it stands an adapter that
// authenticates first, and that lets one function word whatever goes wrong (problem.go). Bodies are read by httpx, which is
// stricter than encoding/json. A handler makes one call to the core and encodes what it answers: an answer to a write is a
// function of that call's result alone, so that a repeated Idempotency-Key gets the same bytes. docs/native-api.md is the page
// for its users.
package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"sarraf/event"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/payment"
	"sarraf/payout"
	"sarraf/wallet"
)

// Name is the front door's name: of its credentials, of its idempotency keys, and of what comes in by it.
const Name = "native"

// Deps is what the API works with. All of it is needed, save Balances and Address.
type Deps struct {
	Merchants *merchant.Service
	Invoices  *invoice.Service
	Payments  *payment.Service
	Events    *event.Log
	Wallets   *wallet.Service
	Payouts   *payout.Service
	// Balances answers what stands on the owner's accounts. Without it there is no such route.
	Balances func(ctx context.Context, owner string) ([]Standing, error)
	// Doors are the front doors whose invoices can be seen here.
	Doors []invoice.Door
	Clock clock.Clock
	// PublicURL is the origin under which payers reach the hosted pages, such as "https://pay.example.com".
	PublicURL string
	// Address tells where a request comes from, for the audit log; httpx.RemoteAddress when nil.
	Address func(*http.Request) string
	// Version is the program's, for the document.
	Version string
}

// api is the front door at work.
type api struct {
	Deps
	doors  map[string]invoice.Door
	names  []string // of the doors whose references count
	hosted []hostedPattern
}

// New is the native API as a front door. The error is about deps that cannot work.
func New(d Deps) (httpx.Door, error) {
	a := &api{Deps: d, doors: map[string]invoice.Door{}, names: []string{Name}}
	a.PublicURL = strings.TrimRight(d.PublicURL, "/")
	if a.Address == nil {
		a.Address = httpx.RemoteAddress
	}
	for _, door := range d.Doors {
		a.doors[door.Name()] = door
		a.names = append(a.names, door.Name())
		for _, page := range door.Hosted() {
			h, ok := newHostedPattern(page.Pattern)
			if !ok {
				return httpx.Door{}, fmt.Errorf("api: door %s: %q is not a path with {token}", door.Name(), page.Pattern)
			}
			a.hosted = append(a.hosted, h)
		}
	}
	routes, document, err := a.operations()
	if err != nil {
		return httpx.Door{}, err
	}
	routes = append(routes, httpx.Route{
		Method: http.MethodGet, Pattern: "/v1/openapi.json",
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			httpx.WriteRaw(w, http.StatusOK, "application/json", document)
		}),
	})
	pages, err := docRoutes()
	if err != nil {
		return httpx.Door{}, err
	}
	return httpx.Door{
		Name: Name, Prefixes: []string{"/v1", docsPath}, Routes: append(routes, pages...), Error: refuse,
	}, nil
}

// operations registers every operation and answers their routes and the document.
func (a *api) operations() ([]httpx.Route, []byte, error) {
	useOwnErrors()
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Sarraf", Version: a.Version, Description: description,
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Servers: []*huma.Server{{URL: a.PublicURL}},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"key": {Type: "http", Scheme: "bearer", Description: "The secret key of a merchant, `sk_...`, or of an operator, `op_...`."},
				},
			},
			Security: []map[string][]string{{"key": {}}},
			Tags: []*huma.Tag{
				{Name: "Invoices", Description: "Demands to be paid, whichever front door they came in by."},
				{Name: "Wallets", Description: "People and shops with money here. A merchant's key reaches those that it made or is linked to, an operator's all."},
				{Name: "Transfers", Description: "Money between wallets."},
				{Name: "Payouts", Description: "Money that goes out. Above a limit of the merchant's a second person approves it."},
				{Name: "Refunds", Description: "Money that is given back to payers."},
				{Name: "Events", Description: "What happened, numbered without gaps."},
				{Name: "Balances", Description: "What the books say."},
				{Name: "Sandbox", Description: "Plays the payer's part, and the rail's. Only for sandbox merchants."},
			},
		},
		Formats:       formats,
		DefaultFormat: "application/json",
	}
	config.AllowAdditionalPropertiesByDefault = true // answers may grow
	routes := &adapter{api: a}
	h := huma.NewAPI(config, routes)
	a.registerInvoices(h)
	a.registerEvents(h)
	a.registerBalances(h)
	a.registerWallets(h)
	a.registerTransfers(h)
	a.registerPayouts(h)
	a.registerBatches(h)
	a.registerRefunds(h)
	a.registerSandbox(h)
	for _, s := range h.OpenAPI().Components.Schemas.Map() {
		s.AdditionalProperties = nil // that they are allowed goes without saying
	}
	document, err := json.Marshal(h.OpenAPI())
	return routes.list, document, err
}

const description = `One key sees all of a merchant's invoices, payouts, events, balances and wallets, whichever front door they came in by.

Amounts are strings of the major unit, such as "1234.50", with the currency beside them. Times are RFC 3339 in UTC. Lists are read
in pages with ` + "`limit`, `after` and `before`" + `. A write may carry an ` + "`Idempotency-Key`" + `: the same key with the same
body gets the same answer, byte for byte. Errors are problem documents with a stable ` + "`code`" + `.`

// output is what huma encodes.
type output[T any] struct{ Body T }

// register adds one operation that reads: to the routes, and to the document.
func register[I, O any](h huma.API, need access, op huma.Operation, do func(context.Context, caller, *I) (O, error)) {
	if op.Metadata == nil {
		op.Metadata = map[string]any{}
	}
	op.Metadata[accessKey] = need
	op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable)
	if !need.reading() {
		op.Errors = append(op.Errors, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
	}
	huma.Register(h, op, func(ctx context.Context, in *I) (*output[O], error) {
		x := ctx.Value(exchangeKey{}).(*exchange)
		out, err := do(ctx, x.caller, in)
		if err != nil {
			x.fail(err)
			return nil, nil
		}
		return &output[O]{Body: out}, nil
	})
}

// registerWrite adds one operation that writes. B is what the document says of its body; the body itself is in the command.
func registerWrite[B, O any](h huma.API, need access, op huma.Operation, do func(context.Context, caller, *command) (O, error)) {
	op.Parameters = append(op.Parameters, keyParam)
	registerBody[B](h, need, op, do)
}

// registerBody adds one operation with a body, that has nothing to repeat.
func registerBody[B, O any](h huma.API, need access, op huma.Operation, do func(context.Context, caller, *command) (O, error)) {
	if strings.Contains(op.Path, "{id}") {
		op.Parameters = append(op.Parameters, idParam(op.Path))
	}
	register(h, need, op, do)
	doc := h.OpenAPI()
	// Set afterwards, and so for the document alone: huma would read the body a second time, and less strictly.
	schema := doc.Components.Schemas.Schema(reflect.TypeFor[B](), true, "")
	must := len(doc.Components.Schemas.SchemaFromRef(schema.Ref).Required) > 0
	doc.Paths[op.Path].Post.RequestBody = &huma.RequestBody{Required: must, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
}
