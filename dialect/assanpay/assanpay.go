// Package assanpay speaks AssanPay's API (Pakistan, PKR): merchants ask for a payment by link or QR code, and for its status.
// README.md is its contract.
//
// A handler finds the merchant that the address names, checks the key where there is one, decodes, makes one call into the core and
// encodes what it answers. What the guide calls a transaction is an invoice.Invoice whose Number is the transactionId.
package assanpay

import (
	"context"
	"net/http"
	"strings"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
)

// Name is the door's name.
const Name = "assanpay"

// Numbers gives running numbers, each once for ever: store.Numbers.
type Numbers interface {
	Next(ctx context.Context) (int64, error)
}

// Deps is what the dialect works with.
type Deps struct {
	Merchants *merchant.Service
	Invoices  *invoice.Service
	Payments  *payment.Service
	Numbers   Numbers       // behind the transaction ids; no other use may draw from it
	Digits    *id.Scrambler // of SuffixDigits; always the same one for a database
	Clock     clock.Clock
	PublicURL string // scheme and host of the pages, without a slash at the end
	// ByAddress and ByMerchant bound how often those ask who show no key; nil for no bound.
	ByAddress, ByMerchant *httpx.Limiter
	// Address is whose request it is, as ByAddress counts; httpx.RemoteAddress when nil.
	Address func(*http.Request) string
}

// Dialect is the front door.
type Dialect struct {
	Deps
}

// New is the dialect over the core.
func New(d Deps) *Dialect {
	d.PublicURL = strings.TrimRight(d.PublicURL, "/")
	if d.Address == nil {
		d.Address = httpx.RemoteAddress
	}
	return &Dialect{d}
}

// HTTP is the dialect's routes, and how it words what goes wrong under their paths. The payer's pages are not among them.
func (d *Dialect) HTTP() httpx.Door {
	return httpx.Door{
		Name:     Name,
		Prefixes: []string{"/payment-request", "/payment"},
		Error:    refuse,
		Routes: []httpx.Route{
			httpx.Handle(http.MethodPost, "/payment-request/qr/{merchant}", d.create),
			httpx.Handle(http.MethodGet, "/payment/all-inquiry/{merchant}", d.inquire),
		},
	}
}

// create makes an invoice.
func (d *Dialect) create(w http.ResponseWriter, r *http.Request) error {
	m, err := d.authenticate(r, merchant.Admin)
	if err != nil {
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
	if !m.Has(money.PKR) {
		return fault.New(fault.CurrencyUnknown).On(fieldAmount)
	}
	inv, err := d.newInvoice(m, q)
	if err != nil {
		return err
	}
	made, err := d.Invoices.Make(r.Context(), inv, merchant.IdempotencyKey(Name, key, http.MethodPost, r.URL.Path, string(body)), d.number)
	if err != nil {
		return err
	}
	if !made.Fresh {
		httpx.WriteJSON(w, http.StatusOK, taken)
		return nil
	}
	httpx.WriteJSON(w, http.StatusOK, d.createdOf(made.Invoice))
	return nil
}

// newInvoice is the invoice that the merchant asks for, but for its number. Its id is its page's token as well: the guide's clients know
// one id, and make both addresses of it.
func (d *Dialect) newInvoice(m merchant.Merchant, q request) (invoice.Invoice, error) {
	extra, err := q.extra()
	if err != nil {
		return invoice.Invoice{}, err
	}
	own := id.New(d.Clock)
	return invoice.Invoice{
		Owner: m.Owner, ID: own, Door: Name, Token: own, Reference: q.order, Title: "Order " + q.order, Description: q.description,
		StoreName: q.store, PayerEmail: q.email, Amount: q.amount.Minor, Currency: q.amount.Currency, ReturnURL: q.link, Extra: extra,
		ExpiresAt: d.Clock.Now().Add(m.InvoiceLife()),
	}, nil
}

// number gives the invoice a transaction id.
func (d *Dialect) number(ctx context.Context, inv *invoice.Invoice) error {
	n, err := d.Numbers.Next(ctx)
	if err != nil {
		return err
	}
	inv.Number, err = transactionID(d.Clock.Now(), n, d.Digits)
	return err
}

// inquire tells where one invoice stands.
func (d *Dialect) inquire(w http.ResponseWriter, r *http.Request) error {
	m, err := d.authenticate(r, merchant.Viewer)
	if fault.Has(err, fault.MerchantMissing) {
		return fault.New(fault.InvoiceMissing) // nobody's payment is not found either
	}
	if err != nil {
		return err
	}
	asked, err := readInquiry(r.URL.RawQuery)
	if err != nil {
		return err
	}
	inv, err := d.find(r.Context(), m.Owner, asked)
	if err != nil {
		return err
	}
	mode := modeUnknown
	if inv.Paid > 0 {
		if mode, err = d.mode(r.Context(), inv); err != nil {
			return err
		}
	}
	httpx.WriteJSON(w, http.StatusOK, standingOf(inv, mode))
	return nil
}

// find answers the merchant's invoice with the transaction id or, where there is none, the order id.
func (d *Dialect) find(ctx context.Context, owner, text string) (invoice.Invoice, error) {
	if isTransactionID(text) {
		inv, err := d.Invoices.ByNumber(ctx, owner, Name, text)
		if err == nil || !fault.Has(err, fault.InvoiceMissing) {
			return inv, err
		}
	}
	return d.Invoices.ByReference(ctx, owner, Name, text)
}

// mode is how the guide calls the rail that brought the money.
func (d *Dialect) mode(ctx context.Context, inv invoice.Invoice) (string, error) {
	list, err := d.Payments.Of(ctx, inv.Owner, inv.ID)
	mode := modeUnknown
	for _, p := range list {
		if m := modes[p.Rail]; p.Applied > 0 && m != "" {
			mode = m
		}
	}
	return mode, err
}
