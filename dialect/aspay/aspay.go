// Package aspay speaks Aspay's API (Bangladesh, BDT): merchants create invoices and ask for payouts, ask where they stand, and are told
// what becomes of them. README.md is its contract.
//
// A handler authenticates, decodes, makes one call into the core and encodes what it answers. What the guide calls an invoice is an
// invoice.Invoice, and what it calls a payout a payout.Payout, whose Number is the printed id.
package aspay

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
)

// Name is the door's name.
const Name = "aspay"

// Numbers gives running numbers, each once for ever: store.Numbers.
type Numbers interface {
	Next(ctx context.Context) (int64, error)
}

// Deps is what the dialect works with.
type Deps struct {
	Merchants *merchant.Service
	Invoices  *invoice.Service
	Numbers   Numbers       // of the invoices' printed ids; no other use may draw from it
	Digits    *id.Scrambler // makes 14 digits of a running number; always the same one for a database
	Clock     clock.Clock
	PublicURL string // scheme and host of the pages, without a slash at the end

	Payouts       *payout.Service
	PayoutNumbers Numbers                  // of the payouts' printed ids; no other use may draw from it
	PayoutDigits  *id.Scrambler            // makes 14 digits of a running number; always the same one for a database
	Logo          func(kind string) string // the path of the drawing of a kind of payout method
	// Address is whose request it is, for the audit log; httpx.RemoteAddress when nil.
	Address func(*http.Request) string
}

// Dialect is the front door.
type Dialect struct {
	merchants *merchant.Service
	invoices  *invoice.Service
	numbers   Numbers
	digits    *id.Scrambler
	clock     clock.Clock
	public    string

	payouts       *payout.Service
	payoutNumbers Numbers
	payoutDigits  *id.Scrambler
	logo          func(kind string) string
	address       func(*http.Request) string
}

// New is the dialect over the core.
func New(d Deps) *Dialect {
	if d.Address == nil {
		d.Address = httpx.RemoteAddress
	}
	return &Dialect{
		merchants: d.Merchants, invoices: d.Invoices, numbers: d.Numbers, digits: d.Digits, clock: d.Clock,
		public: strings.TrimRight(d.PublicURL, "/"), payouts: d.Payouts, payoutNumbers: d.PayoutNumbers, payoutDigits: d.PayoutDigits,
		logo: d.Logo, address: d.Address,
	}
}

// The paths that are more than a pattern.
const (
	createPath  = "/api/payment/create"
	requestPath = "/api/payout/request"
)

// HTTP is the dialect's routes, and how it words what goes wrong under their paths. The payer's pages are not among them.
func (d *Dialect) HTTP() httpx.Door {
	return httpx.Door{
		Name:     Name,
		Prefixes: []string{"/api/payment", "/api/payout"},
		Error:    refuse,
		Routes: []httpx.Route{
			httpx.Handle(http.MethodPost, createPath, d.create),
			httpx.Handle(http.MethodGet, "/api/payment/{id}", d.status),
			httpx.Handle(http.MethodPost, "/api/payment/batch/status", d.batch),
			httpx.Handle(http.MethodGet, "/api/payout/methods", d.methods),
			httpx.Handle(http.MethodPost, requestPath, d.request),
			httpx.Handle(http.MethodGet, "/api/payout/{id}", d.payoutStatus),
			httpx.Handle(http.MethodPost, "/api/payout/batch/status", d.payoutBatch),
		},
	}
}

// create makes an invoice.
func (d *Dialect) create(w http.ResponseWriter, r *http.Request) error {
	m, credential, err := d.authenticate(r)
	if err != nil {
		return err
	}
	if err := mayWrite(credential); err != nil {
		return err
	}
	body, err := httpx.ReadBody(r, 0)
	if err != nil {
		return err
	}
	key, err := httpx.IdempotencyKey(r.Header)
	if err != nil {
		return err
	}
	fields, err := httpx.ParseFields(r.Header.Get("Content-Type"), body)
	if err != nil {
		return err
	}
	q, err := readRequest(fields)
	if err != nil {
		return err
	}
	inv, err := d.newInvoice(r.Context(), m, q)
	if err != nil {
		return err
	}
	made, err := d.invoices.Create(r.Context(), inv, merchant.IdempotencyKey(Name, key, http.MethodPost, createPath, string(body)))
	if err != nil {
		return err
	}
	if !made.Fresh {
		return fault.New(fault.ReferenceTaken).On(fieldReference)
	}
	httpx.WriteJSON(w, http.StatusOK, d.createdOf(made.Invoice))
	return nil
}

// newInvoice is the invoice that the merchant asks for, with its ids.
func (d *Dialect) newInvoice(ctx context.Context, m merchant.Merchant, q request) (invoice.Invoice, error) {
	if !m.Has(money.BDT) {
		return invoice.Invoice{}, fault.New(fault.CurrencyUnknown).On(fieldAmount)
	}
	n, err := d.numbers.Next(ctx)
	if err != nil {
		return invoice.Invoice{}, err
	}
	digits, err := d.digits.Encode(uint64(n))
	if err != nil {
		return invoice.Invoice{}, fmt.Errorf("aspay: number %d: %w", n, err)
	}
	number := invoicePrefix + digits
	return invoice.Invoice{
		Owner: m.Owner, ID: id.New(d.clock), Door: Name, Number: number, Token: id.Token(24), Reference: q.reference,
		Title: "Invoice " + number, PayerName: q.customer, Amount: q.amount.Minor, Currency: q.amount.Currency,
		ReturnURL: q.callback, WebhookURL: q.callback, ExpiresAt: d.clock.Now().Add(m.InvoiceLife()),
	}, nil
}

// status tells where one invoice stands.
func (d *Dialect) status(w http.ResponseWriter, r *http.Request) error {
	m, _, err := d.authenticate(r)
	if err != nil {
		return err
	}
	inv, err := d.find(r.Context(), m.Owner, r.PathValue("id"))
	if err != nil {
		return err
	}
	httpx.WriteJSON(w, http.StatusOK, standingOf(inv))
	return nil
}

// find answers the merchant's invoice with the printed id or the reference.
func (d *Dialect) find(ctx context.Context, owner, text string) (invoice.Invoice, error) {
	if isPrinted(text, invoicePrefix) {
		return d.invoices.ByNumber(ctx, owner, Name, text)
	}
	if _, wrong := httpx.CleanText("id", text, maxReference); wrong != nil {
		return invoice.Invoice{}, fault.New(fault.InvoiceMissing)
	}
	return d.invoices.ByReference(ctx, owner, Name, text)
}

// batch tells where several invoices stand.
func (d *Dialect) batch(w http.ResponseWriter, r *http.Request) error {
	owner, ids, err := d.readBatch(r)
	if err != nil {
		return err
	}
	found, err := d.invoices.Find(r.Context(), owner, Name, ids)
	if err != nil {
		return err
	}
	httpx.WriteJSON(w, http.StatusOK, standingsOf(ids, found))
	return nil
}

// readBatch answers who asks for several objects, and for which.
func (d *Dialect) readBatch(r *http.Request) (owner string, ids []string, err error) {
	m, _, err := d.authenticate(r)
	if err != nil {
		return "", nil, err
	}
	body, err := httpx.ReadBody(r, 0)
	if err != nil {
		return "", nil, err
	}
	fields, err := httpx.ParseFields(r.Header.Get("Content-Type"), body)
	if err != nil {
		return "", nil, err
	}
	ids, err = readIDs(fields)
	return m.Owner, ids, err
}
