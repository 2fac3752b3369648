package asaanbill

import (
	"bytes"
	"encoding/json"
	"time"

	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
)

// karachi is the zone in which every day of this dialect begins and every time is printed.
var karachi = clock.In(time.Time{}, "Asia/Karachi").Location()

// The ways in which times are printed. Which answer has which is the guide's.
const (
	spacedTime = "03:04 PM 02-Jan-2006" // in the answer to add
	closeTime  = "03:04PM 02-Jan-2006"  // in lists
	shortDay   = "02-01-2006"           // in the answer to add, and in the detail of a bulk request
	longDay    = time.DateOnly          // in lists and call-backs
)

// notPaid stands for the time of a payment that is not paid.
const notPaid = "N/A"

// statusWords are what an invoice's status is called here.
var statusWords = map[invoice.Status]string{
	invoice.Open:       "APPROVED",
	invoice.Paid:       "PROCESSED",
	invoice.Failed:     "APPROVED",
	invoice.Expired:    "DISCARD",
	invoice.Cancelled:  "DISCARD",
	invoice.Superseded: "DISCARD",
	invoice.Refunded:   "PROCESSED",
}

// lineWords are what a line of an upload is called that is no payment yet.
var lineWords = map[invoice.LineState]string{
	invoice.LineDraft: "DRAFT", invoice.LineInProcess: "IN_PROCESS", invoice.LineErrored: "ERRORED",
}

// uploadWords are what an upload is called as a whole.
var uploadWords = map[invoice.UploadStatus]string{
	invoice.UploadWaiting: "DRAFT", invoice.UploadWorking: "IN_PROCESS", invoice.UploadDone: "PROCESSED",
}

// kinds are what the generation types are to the core.
var kinds = map[string]invoice.Kind{
	typePSID: invoice.Bill, typeBillQR: invoice.Bill, typeStatic: invoice.Static, typeInstant: invoice.Dynamic,
}

// instantLife is how long a DQRC can be paid.
const instantLife = time.Hour

// newBill is the bill that is asked for, with its ids.
func newBill(m merchant.Merchant, q request, id, number string, now time.Time) (invoice.NewBill, error) {
	x := extra{
		Generation: q.generation, Identifier: q.identifier, Untitled: q.title == "", Period: q.period, IdentifierDescription: q.about,
		BilledToAddress: q.billedAt, BilledToContact: q.billedContact, Longitude: q.longitude, Latitude: q.latitude,
	}
	inv := invoice.Invoice{
		Owner: m.Owner, ID: id, Door: Name, Number: number, Kind: kinds[q.generation], Payer: q.payer, Title: q.title,
		Description: q.description, PayerName: q.billedName, Amount: q.amount.Minor, LateAmount: q.amountAfter.Minor, LateFrom: q.due,
		Currency: money.PKR,
	}
	if x.Untitled {
		inv.Title = m.Name
	}
	if q.payer == "" {
		// Nobody else is that payer: not even a merchant's own identifier that is the same number.
		x.Identifier, inv.Payer = number, id
	}
	if inv.Kind == invoice.Dynamic {
		inv.ExpiresAt = now.Add(instantLife)
	}
	text, err := json.Marshal(x)
	inv.Extra = string(text)
	return invoice.NewBill{Invoice: inv, Code: codeOf(m)}, err
}

// codeOf is what the QR payloads of the merchant's bills say of it; nil while it has none set up.
func codeOf(m merchant.Merchant) *invoice.Code {
	s := m.Settings.PakistanQR
	if s == nil {
		return nil
	}
	return &invoice.Code{Account: s.Account(), Payee: s.Payee()}
}

// extraOf is what the dialect keeps with the invoice. Of what cannot be read only what the core knows is left.
func extraOf(inv invoice.Invoice) extra {
	var x extra
	if json.Unmarshal([]byte(inv.Extra), &x) != nil || x.Identifier == "" {
		x.Identifier = inv.Payer
	}
	return x
}

// optional is a text, null where it is empty.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// titleOf is the title that was sent, null where none was.
func titleOf(inv invoice.Invoice, x extra) *string {
	if x.Untitled {
		return nil
	}
	return optional(inv.Title)
}

// dueDate is the last day on which the bill's first amount is asked for, null where it has none.
func dueDate(inv invoice.Invoice, layout string) *string {
	if inv.LateFrom.IsZero() {
		return nil
	}
	return optional(inv.LateFrom.Add(-1).In(karachi).Format(layout))
}

// at prints a time.
func at(t time.Time, layout string) string { return t.In(karachi).Format(layout) }

// figure is an amount as a number with a decimal point, null where the payer chooses it, or there is none.
func figure(minor int64, c money.Currency) *json.Number {
	if minor == 0 {
		return nil
	}
	n := money.Of(minor, c).JSONPoint()
	return &n
}

// text is an amount as text: 1400, 1400.5, null where figure is.
func text(minor int64, c money.Currency) *string {
	if minor == 0 {
		return nil
	}
	return optional(string(money.Of(minor, c).JSONNumber()))
}

// addedOf answers add purely from what was made, so that a repeat of the request gets the same bytes.
func addedOf(inv invoice.Invoice) added {
	x := extraOf(inv)
	return added{
		ID: json.Number(inv.Number), Amount: figure(inv.Amount, inv.Currency), AmountAfterDueDate: figure(inv.LateAmount, inv.Currency),
		Identifier: x.Identifier, Title: titleOf(inv, x), DueDate: dueDate(inv, shortDay), Period: optional(x.Period),
		IdentifierDescription: optional(x.IdentifierDescription), BilledToName: optional(inv.PayerName),
		BilledToAddress: optional(x.BilledToAddress), BilledToContact: optional(x.BilledToContact), PSID: optional(inv.PSID),
		QRString: optional(inv.QR), Status: statusWords[inv.Status], CreatedAt: at(inv.CreatedAt, spacedTime),
		UpdatedAt: at(inv.UpdatedAt, spacedTime), PaymentDetails: []receipt{},
	}
}

// listedOf shows a payment with its receipts.
func listedOf(inv invoice.Invoice, status string, receipts []payment.Payment) listed {
	x := extraOf(inv)
	l := listed{
		ID: json.Number(inv.Number), Title: titleOf(inv, x), Identifier: x.Identifier, Amount: text(inv.Amount, inv.Currency),
		DueDate: dueDate(inv, longDay), AmountAfterDueDate: text(inv.LateAmount, inv.Currency), BilledToName: optional(inv.PayerName),
		BilledToAddress: optional(x.BilledToAddress), BilledToContact: optional(x.BilledToContact), PSID: optional(inv.PSID),
		QRString: optional(inv.QR), Status: status, CreatedAt: at(inv.CreatedAt, closeTime), PaidAt: notPaid, PaymentDetails: []receipt{},
	}
	if !inv.PaidAt.IsZero() && inv.Kind != invoice.Static {
		l.PaidAt = at(inv.PaidAt, closeTime)
	}
	for _, p := range receipts {
		if p.Status == payment.Received {
			l.PaymentDetails = append(l.PaymentDetails, receipt{
				Amount: string(p.Total().JSONNumber()), PaidAt: at(p.At, closeTime), Rail: p.Rail, Reference: p.RailReference,
			})
		}
	}
	return l
}

// pageOf is a page of a list of so many.
func pageOf(no, size, total int64, content any) page {
	pages := (total + size - 1) / size
	return page{
		PageNo: no, PageSize: size, TotalElements: total, TotalPages: pages, IsFirst: no == 0, IsLast: no+1 >= pages, Content: content,
	}
}

// uploadWord is what an upload is called: one whose every line failed is not processed.
func uploadWord(u invoice.Upload) string {
	if u.Status == invoice.UploadDone && u.Errored > 0 && u.Done == u.Errored {
		return lineWords[invoice.LineErrored]
	}
	return uploadWords[u.Status]
}

// requestOf shows an upload in the list of them.
func requestOf(u invoice.Upload) bulkRequest {
	return bulkRequest{
		ID: json.Number(u.Number), CreatedAt: at(u.CreatedAt, closeTime), UpdatedAt: at(u.UpdatedAt, closeTime),
		FileName: optional(u.FileName), ContentType: u.ContentType, VouchersCount: u.Lines, Status: uploadWord(u),
		Message: optional(u.Message),
	}
}

// wholePage is the page size that the detail of an upload prints: all of it is one page.
const wholePage = 1<<31 - 1

// detailOf shows an upload with its lines.
func detailOf(u invoice.Upload, lines []invoice.UploadLine) bulkDetail {
	d := bulkDetail{
		BulkPaymentRequestID: json.Number(u.Number), UploadedAt: at(u.CreatedAt, shortDay), UpdatedAt: at(u.UpdatedAt, closeTime),
		Status: uploadWord(u), Payments: bulkPage{
			PageSize: wholePage, TotalNoOfElements: int64(len(lines)), TotalPages: 1, IsLast: true, Content: make([]bulkPayment, len(lines)),
		},
	}
	for i, l := range lines {
		inv, x := l.Invoice, extraOf(l.Invoice)
		d.Payments.Content[i] = bulkPayment{
			ID: json.Number(inv.Number), Amount: figure(inv.Amount, inv.Currency), AmountAfterDueDate: figure(inv.LateAmount, inv.Currency),
			Identifier: x.Identifier, DueDate: dueDate(inv, shortDay), Period: optional(x.Period),
			IdentifierDescription: optional(x.IdentifierDescription), PSID: optional(inv.PSID), Status: lineWord(l),
			CreatedAt: at(inv.CreatedAt, closeTime), UpdatedAt: at(inv.UpdatedAt, closeTime), Message: l.Problem,
		}
	}
	return d
}

// lineWord is what a line of an upload is called: by its payment once that is made.
func lineWord(l invoice.UploadLine) string {
	if word := lineWords[l.State]; word != "" {
		return word
	}
	return statusWords[l.Invoice.Status]
}

// taken is the status of a payment of a bulk request that is taken.
const taken = "PROCESSED"

// echo is a payment of a bulk request as it was sent, with a status in place of one that it brought itself. A number that clients cannot
// read, such as 1e400, comes back as text.
func echo(f httpx.Fields, status string) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	put := func(s string) { _ = enc.Encode(s); b.Truncate(b.Len() - 1) } // text is always encoded; its line end goes
	b.WriteByte('{')
	for _, name := range f.Names() {
		if name == fieldStatus {
			continue
		}
		put(name)
		b.WriteByte(':')
		raw, _ := f.Raw(name)
		if isReadable(f.Kind(name), raw) {
			b.WriteString(raw)
		} else {
			put(raw)
		}
		b.WriteByte(',')
	}
	put(fieldStatus)
	b.WriteByte(':')
	put(status)
	b.WriteByte('}')
	return b.Bytes()
}

// isReadable reports whether whoever reads numbers as most programs do can read the value.
func isReadable(kind httpx.Kind, raw string) bool {
	if kind != httpx.Number && kind != httpx.List && kind != httpx.Object {
		return true
	}
	var v any
	return json.Unmarshal([]byte(raw), &v) == nil
}
