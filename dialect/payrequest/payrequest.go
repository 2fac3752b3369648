// Package payrequest speaks version 1 of PayRequest's API (EUR and others): merchants create payment links and ask whether they were paid.
// README.md is its contract.
//
// A handler authenticates, decodes, makes one call into the core and encodes what it answers. What the guide calls a link is an
// invoice.Invoice whose Token is the slug in the link's address.
package payrequest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/rail"
)

// Name is the door's name.
const Name = "payrequest"

// Deps is what the dialect works with.
type Deps struct {
	Merchants *merchant.Service
	Invoices  *invoice.Service
	Rails     []rail.Collector // every way to be paid that there is; the merchant's settings choose among them
	// Reserved reports whether a path of ours begins with this segment: no link may.
	Reserved  func(segment string) bool
	Clock     clock.Clock
	PublicURL string // scheme and host of the links, without a slash at the end
}

// Dialect is the front door.
type Dialect struct {
	merchants *merchant.Service
	invoices  *invoice.Service
	rails     []rail.Collector
	reserved  func(string) bool
	clock     clock.Clock
	public    string
	random    func() string // a slug that may be taken or reserved
}

// New is the dialect over the core.
func New(d Deps) *Dialect {
	return &Dialect{
		merchants: d.Merchants, invoices: d.Invoices, rails: d.Rails, reserved: d.Reserved, clock: d.Clock,
		public: strings.TrimRight(d.PublicURL, "/"), random: func() string { return id.Slug(slugLength) },
	}
}

// The paths of the API.
const (
	createPath = "/api/create"
	getPath    = "/api/get"
)

// HTTP is the dialect's routes, and how it words what goes wrong under their paths. The payer's pages are not among them.
func (d *Dialect) HTTP() httpx.Door {
	return httpx.Door{
		Name:     Name,
		Prefixes: []string{createPath, getPath},
		Error:    refuse,
		Routes: []httpx.Route{
			httpx.Handle(http.MethodPost, createPath, d.create),
			httpx.Handle(http.MethodPost, getPath, d.get),
		},
	}
}

// create makes a link.
func (d *Dialect) create(w http.ResponseWriter, r *http.Request) error {
	body, err := httpx.ReadBody(r, 0)
	if err != nil {
		return err
	}
	fields, err := httpx.ParseFields(r.Header.Get("Content-Type"), body)
	if err != nil {
		return err
	}
	m, credential, token, err := d.authenticate(r.Context(), fields)
	if err != nil {
		return err
	}
	if err := mayWrite(credential); err != nil {
		return err
	}
	q, err := d.read(fields, m)
	if err != nil {
		return err
	}
	key, err := httpx.IdempotencyKey(r.Header)
	if err != nil {
		return err
	}
	if err := d.freeOfSlugs(r.Context(), m.Owner, q.id); err != nil {
		return err
	}
	once := merchant.IdempotencyKey(Name, key, http.MethodPost, createPath, string(body))
	made, err := d.invoices.Make(r.Context(), d.newInvoice(m, q), once, func(_ context.Context, inv *invoice.Invoice) error {
		return d.name(inv, q.kind, token)
	})
	if err != nil {
		return err
	}
	if !made.Fresh {
		return fault.New(fault.ReferenceTaken).On(fieldID)
	}
	httpx.WriteJSON(w, http.StatusOK, d.createdOf(made.Invoice))
	return nil
}

// newInvoice is the link that the merchant asks for, all but its slug and what follows from that.
func (d *Dialect) newInvoice(m merchant.Merchant, q request) invoice.Invoice {
	return invoice.Invoice{
		Owner: m.Owner, ID: id.New(d.clock), Door: Name, Reference: q.id, Title: q.title, Description: q.description, PayerName: q.name,
		PayerEmail: q.email, Amount: q.amount.Minor, Currency: q.amount.Currency, ReturnURL: q.response, WebhookURL: q.webhook,
		ExpiresAt: d.clock.Now().Add(m.InvoiceLife()),
	}
}

// name gives the link a slug, and the hash that goes with it where it has no id of the merchant's.
func (d *Dialect) name(inv *invoice.Invoice, kind, token string) error {
	inv.Token = d.slug()
	if inv.Reference == "" {
		inv.Number = inv.Token
	}
	text, err := json.Marshal(extra{Type: kind, ReturnID: md5Hex(token + idOf(*inv))})
	inv.Extra = string(text)
	return err
}

// slug is a random one that no path of ours begins with.
func (d *Dialect) slug() string {
	for {
		if s := d.random(); !d.reserved(s) {
			return s
		}
	}
}

// freeOfSlugs is a fault ReferenceTaken when the id is the slug of a link of the merchant's that has no id: there the slug is the id.
func (d *Dialect) freeOfSlugs(ctx context.Context, owner, id string) error {
	if !isSlug(id) {
		return nil
	}
	_, err := d.invoices.ByNumber(ctx, owner, Name, id)
	switch {
	case err == nil:
		return fault.New(fault.ReferenceTaken).On(fieldID)
	case fault.Has(err, fault.InvoiceMissing):
		return nil
	}
	return err
}

// get tells where one link stands.
func (d *Dialect) get(w http.ResponseWriter, r *http.Request) error {
	body, err := httpx.ReadBody(r, 0)
	if err != nil {
		return err
	}
	fields, err := httpx.ParseFields(r.Header.Get("Content-Type"), body)
	if err != nil {
		return err
	}
	m, _, _, err := d.authenticate(r.Context(), fields)
	if err != nil {
		return err
	}
	text, err := readWanted(fields)
	if err != nil {
		return err
	}
	inv, err := d.find(r.Context(), m.Owner, text)
	if err != nil {
		return err
	}
	httpx.WriteJSON(w, http.StatusOK, standing{Status: statusWords[inv.Status]})
	return nil
}

// find answers the merchant's link with the id, or the one without an id that has the slug.
func (d *Dialect) find(ctx context.Context, owner, text string) (invoice.Invoice, error) {
	inv, err := d.invoices.ByReference(ctx, owner, Name, text)
	if fault.Has(err, fault.InvoiceMissing) && isSlug(text) {
		return d.invoices.ByNumber(ctx, owner, Name, text)
	}
	return inv, err
}
