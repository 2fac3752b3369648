// Package asaanbill speaks AsaanBill's API (Pakistan, PKR): merchants ask for bills that are paid by their PSID in any banking app, and for
// QR codes, one by one or thousands at once. README.md is its contract.
//
// A handler authenticates, decodes, makes one call into the core, or two where a page shows receipts, and encodes what they answer. What
// the guide calls a payment is an invoice.Invoice whose Number is the id, and what it calls a bulkPaymentRequest is an invoice.Upload.
package asaanbill

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

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
const Name = "asaanbill"

// Numbers gives running numbers, each once for ever: store.Numbers.
type Numbers interface {
	Next(ctx context.Context) (int64, error)
	// Take is n consecutive numbers, of which it answers the first.
	Take(ctx context.Context, n int64) (int64, error)
}

// Deps is what the dialect works with.
type Deps struct {
	Merchants *merchant.Service
	Invoices  *invoice.Service
	Payments  *payment.Service
	Numbers   Numbers // of the payments' ids, and
	Uploads   Numbers // of the bulk requests'; no other use may draw from them
	Clock     clock.Clock
	// Address is whose request a login is, for the record of failed ones; httpx.RemoteAddress when nil.
	Address func(*http.Request) string
}

// Dialect is the front door.
type Dialect struct{ Deps }

// New is the dialect over the core.
func New(d Deps) *Dialect {
	if d.Address == nil {
		d.Address = httpx.RemoteAddress
	}
	return &Dialect{d}
}

// bases are the paths under which everything is served: that of the base URL, that of the endpoints as they are printed, and the one of
// who puts the one behind the other.
var bases = []string{"/payment-hub/integration", "/integration", "/payment-hub/integration/integration"}

// bulkBody is the largest body of a bulk request, in bytes.
const bulkBody = 8 << 20

// HTTP is the dialect's routes, and how it words what goes wrong under their paths.
func (d *Dialect) HTTP() httpx.Door {
	door := httpx.Door{Name: Name, Prefixes: []string{"/payment-hub", "/integration"}, Error: refuse}
	for _, base := range bases {
		bulk := httpx.Handle(http.MethodPost, base+"/add-bulk", d.addBulk)
		bulk.MaxBody = bulkBody
		door.Routes = append(
			door.Routes,
			httpx.Handle(http.MethodPost, base+"/login", d.login),
			httpx.Handle(http.MethodPost, base+"/add", d.add),
			bulk,
			httpx.Handle(http.MethodGet, base+"/bulk-payment-request", d.bulkRequests),
			httpx.Handle(http.MethodGet, base+"/bulk-payment-request/{bulkPaymentRequestId}", d.bulkRequest),
			httpx.Handle(http.MethodGet, base+"/payment", d.payments),
			httpx.Handle(http.MethodGet, base+"/payment/{paymentId}", d.payment),
			httpx.Handle(http.MethodGet, base+"/search/{psid}", d.search),
		)
	}
	return door
}

// done is what every answer says that is no refusal.
const done = "Request processed successfully"

// answer answers with data.
func answer(w http.ResponseWriter, data any) error {
	httpx.WriteJSON(w, http.StatusOK, envelope{ResponseCode: http.StatusOK, ResponseMessage: done, Data: data})
	return nil
}

// login gives a user the token. Whoever has no such user, or not its password, is told the same.
func (d *Dialect) login(w http.ResponseWriter, r *http.Request) error {
	username, err := readUsername(r)
	if err != nil {
		return err
	}
	body, err := httpx.ReadBody(r, 0)
	if err != nil {
		return err
	}
	fields, err := httpx.ParseFields(r.Header.Get("Content-Type"), body)
	if err != nil {
		return err
	}
	password, _, wrong := fields.String(fieldPassword)
	if wrong == nil && password == "" {
		wrong = fault.New(fault.FieldRequired).On(fieldPassword)
	}
	if wrong != nil {
		return wrong
	}
	signed, err := d.Merchants.SignIn(r.Context(), Name, username, password, d.Address(r))
	if fault.Has(err, fault.CredentialsInvalid) {
		return fault.New(fault.MerchantMissing).Wrap(err)
	}
	if err != nil {
		return err
	}
	channelID := signed.Merchant.Settings.PublicIDs[Name]
	if !isNumber(channelID) {
		return fault.New(fault.SettingMissing).With("setting", "channel id")
	}
	return answer(w, signedIn{
		Token: signed.Token, User: user{FirstName: signed.Login.FirstName, LastName: signed.Login.LastName},
		Channel: channel{ID: json.Number(channelID), Name: signed.Merchant.Name},
	})
}

// add makes one payment.
func (d *Dialect) add(w http.ResponseWriter, r *http.Request) error {
	m, err := d.authenticate(r, makers)
	if err != nil {
		return err
	}
	generation, c, err := readAdd(r)
	if err != nil {
		return err
	}
	inner, present, wrong := c.fields.Object(fieldPayment)
	if wrong == nil && !present {
		wrong = fault.New(fault.FieldRequired).On(fieldPayment)
	}
	if wrong != nil {
		return wrong
	}
	q, err := readPayment(inner, generation)
	if err != nil {
		return err
	}
	if err := payable(m, generation != typePSID); err != nil {
		return err
	}
	n, err := d.Numbers.Next(r.Context())
	if err != nil {
		return err
	}
	bill, err := newBill(m, q, id.New(d.Clock), strconv.FormatInt(n, 10), d.Clock.Now())
	if err != nil {
		return err
	}
	key := merchant.IdempotencyKey(Name, c.key, http.MethodPost, "/add", generation, string(c.body))
	made, err := d.Invoices.CreateBill(r.Context(), bill, key)
	if err != nil {
		return err
	}
	return answer(w, addedOf(made.Invoice))
}

// payable is a fault where the merchant cannot be paid in rupees, or by QR codes where one is asked for.
func payable(m merchant.Merchant, code bool) error {
	switch {
	case !m.Has(money.PKR):
		return fault.New(fault.CurrencyUnknown)
	case code && m.Settings.PakistanQR == nil:
		return fault.New(fault.SettingMissing).With("setting", "pakistan_qr")
	}
	return nil
}

// payments lists the merchant's payments.
func (d *Dialect) payments(w http.ResponseWriter, r *http.Request) error {
	return d.list(w, r, func(m merchant.Merchant, p invoice.Offset) ([]invoice.Invoice, int64, error) {
		return d.Invoices.Bills(r.Context(), m.Owner, Name, p)
	})
}

// search lists the payments of one PSID.
func (d *Dialect) search(w http.ResponseWriter, r *http.Request) error {
	psid := r.PathValue("psid")
	return d.list(w, r, func(m merchant.Merchant, p invoice.Offset) ([]invoice.Invoice, int64, error) {
		if !invoice.ValidPSID(psid) {
			return nil, 0, nil
		}
		return d.Invoices.BillsOfPSID(r.Context(), m.Owner, Name, psid, p)
	})
}

// list answers with a page of payments.
func (d *Dialect) list(w http.ResponseWriter, r *http.Request, find func(merchant.Merchant, invoice.Offset) ([]invoice.Invoice, int64, error)) error {
	m, err := d.authenticate(r, readers)
	if err != nil {
		return err
	}
	query, err := httpx.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	no, size, err := readPage(query)
	if err != nil {
		return err
	}
	list, total, err := find(m, invoice.Offset{Skip: no * size, Limit: size})
	if err != nil {
		return err
	}
	receipts, err := d.receipts(r.Context(), m.Owner, list...)
	if err != nil {
		return err
	}
	content := make([]listed, len(list))
	for i, inv := range list {
		content[i] = listedOf(inv, statusWords[inv.Status], receipts[inv.ID])
	}
	return answer(w, pageOf(no, size, total, content))
}

// receipts are the payments of those invoices that may have some, of each the newest payment.OfManyMost.
func (d *Dialect) receipts(ctx context.Context, owner string, list ...invoice.Invoice) (map[string][]payment.Payment, error) {
	var ids []string
	for _, inv := range list {
		if inv.Paid > 0 || inv.Kind == invoice.Static {
			ids = append(ids, inv.ID)
		}
	}
	if ids == nil {
		return nil, nil
	}
	return d.Payments.OfMany(ctx, owner, ids)
}

// payment answers one payment: by its id, or by its PSID, of which the newest is meant.
func (d *Dialect) payment(w http.ResponseWriter, r *http.Request) error {
	m, err := d.authenticate(r, readers)
	if err != nil {
		return err
	}
	line, err := d.find(r.Context(), m.Owner, r.PathValue("paymentId"))
	if err != nil {
		return err
	}
	receipts, err := d.receipts(r.Context(), m.Owner, line.Invoice)
	if err != nil {
		return err
	}
	return answer(w, listedOf(line.Invoice, lineWord(line), receipts[line.Invoice.ID]))
}

// find answers the payment that the text is the id or the PSID of, as a line of an upload where that is all it is yet.
func (d *Dialect) find(ctx context.Context, owner, text string) (invoice.UploadLine, error) {
	switch {
	case invoice.ValidPSID(text):
		inv, err := d.Invoices.ByPSID(ctx, owner, text)
		return invoice.UploadLine{Invoice: inv, State: invoice.LineMade}, err
	case isNumber(text):
		inv, err := d.Invoices.ByNumber(ctx, owner, Name, text)
		if fault.Has(err, fault.InvoiceMissing) {
			return d.Invoices.DraftByNumber(ctx, owner, Name, text)
		}
		return invoice.UploadLine{Invoice: inv, State: invoice.LineMade}, err
	}
	return invoice.UploadLine{}, fault.New(fault.InvoiceMissing)
}
