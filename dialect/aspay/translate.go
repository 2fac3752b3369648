package aspay

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/invoice"
	"sarraf/money"
)

// The fields of requests, in the order in which they are checked.
const (
	fieldAmount    = "amount"
	fieldCustomer  = "customer_name"
	fieldReference = "transaction_reference"
	fieldCallback  = "callback_url"
	fieldIDs       = "ids"
)

// Limits of the fields, those of texts in characters.
const (
	maxAmount    = 999_999_999_99 // paisa
	maxCustomer  = 255
	maxReference = 20
	maxIDs       = 500
	maxID        = 255
)

// request is what POST /api/payment/create asks for.
type request struct {
	amount                        money.Amount
	customer, reference, callback string
}

// readRequest reads and checks every field; the error joins what is wrong with each, in their order.
func readRequest(f httpx.Fields) (request, error) {
	var q request
	var wrong [4]*fault.Error
	q.amount, wrong[0] = f.Amount(fieldAmount, money.BDT, maxAmount)
	q.customer, wrong[1] = readText(f, fieldCustomer, maxCustomer, httpx.Fields.String)
	q.reference, wrong[2] = readReference(f, maxReference)
	q.callback, wrong[3] = readCallback(f)
	return q, fault.Join(wrong[:]...)
}

// readText reads one line of text, which must be there. White space around it does not count.
func readText(f httpx.Fields, name string, limit int, read func(httpx.Fields, string) (string, bool, *fault.Error)) (string, *fault.Error) {
	text, _, wrong := read(f, name)
	if wrong != nil {
		return "", wrong
	}
	text, wrong = httpx.CleanText(name, text, limit)
	if wrong == nil && text == "" {
		wrong = fault.New(fault.FieldRequired).On(name)
	}
	return text, wrong
}

// readReference reads the merchant's own id, of at most limit characters. PHP sends one that is all digits as a number.
func readReference(f httpx.Fields, limit int) (string, *fault.Error) {
	ref, wrong := readText(f, fieldReference, limit, httpx.Fields.Text)
	if wrong != nil {
		return "", wrong
	}
	if ref == "methods" || isPrinted(ref, invoicePrefix) || isPrinted(ref, payoutPrefix) {
		return "", fault.New(fault.ReferenceReserved).On(fieldReference)
	}
	if _, ok := httpx.NormalPath("/" + url.PathEscape(ref)); !ok || ref == "/" { // its status could not be asked
		return "", fault.New(fault.FieldMalformed).On(fieldReference)
	}
	return ref, nil
}

// readCallback reads the URL as it was sent, white space around it aside: what the merchant has signed or counts on stays as it is.
func readCallback(f httpx.Fields) (string, *fault.Error) {
	text, _, wrong := f.String(fieldCallback)
	if wrong != nil {
		return "", wrong
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", fault.New(fault.FieldRequired).On(fieldCallback)
	}
	_, wrong = httpx.CheckURL(fieldCallback, text)
	return text, wrong
}

// readIDs reads the ids of a batch: all of them as sent, white space around each aside.
func readIDs(f httpx.Fields) ([]string, error) {
	ids, _, wrong := f.List(fieldIDs, maxIDs)
	if wrong != nil {
		return nil, wrong
	}
	if len(ids) == 0 {
		return nil, fault.New(fault.FieldRequired).On(fieldIDs)
	}
	var faults []*fault.Error
	for i := range ids {
		name := func() string { return fieldIDs + "." + strconv.Itoa(i) }
		text, wrong := httpx.CleanText(fieldIDs, ids[i], maxID)
		switch {
		case wrong != nil:
			faults = append(faults, wrong.On(name()))
		case text == "":
			faults = append(faults, fault.New(fault.FieldRequired).On(name()))
		}
		ids[i] = text
	}
	return ids, fault.Join(faults...)
}

// The beginnings of the ids that this dialect prints. What follows is digits.
const (
	invoicePrefix = "ATINV"
	payoutPrefix  = "ATPAY"
)

// isPrinted reports whether text looks like an id that is printed with the prefix.
func isPrinted(text, prefix string) bool {
	digits, ok := strings.CutPrefix(text, prefix)
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// statusWords are what an invoice's status is called here. No invoice of this dialect is ever superseded.
var statusWords = map[invoice.Status]string{
	invoice.Open:       "pending",
	invoice.Paid:       "paid",
	invoice.Failed:     "failed",
	invoice.Expired:    "expired",
	invoice.Cancelled:  "cancelled",
	invoice.Superseded: "cancelled",
	invoice.Refunded:   "refunded",
}

// returnWords are what the payer's return says of a status; an open invoice has no return.
var returnWords = map[invoice.Status]string{
	invoice.Paid:       "success",
	invoice.Refunded:   "success",
	invoice.Failed:     "cancel",
	invoice.Expired:    "cancel",
	invoice.Cancelled:  "cancel",
	invoice.Superseded: "cancel",
}

// seconds is a time as answers print it, nil for none.
func seconds(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format("2006-01-02T15:04:05Z")
	return &text
}

// millis is a time as webhooks print it.
func millis(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// createdOf answers a creation purely from what was created, so that a repeat of the request gets the same bytes.
func (d *Dialect) createdOf(inv invoice.Invoice) created {
	return created{Status: "success", InvoiceID: inv.Number, PaymentURL: d.public + Door{}.HostedPath(inv)}
}

func standingOf(inv invoice.Invoice) standing {
	return standing{
		InvoiceID: inv.Number, Status: statusWords[inv.Status], AmountPaid: inv.AmountPaid().JSONNumber(), PaidAt: seconds(inv.PaidAt),
	}
}

// standingsOf answers a batch: each invoice once, at the first of the texts that means it, and each text that means none once.
func standingsOf(ids []string, found map[string]invoice.Invoice) standings {
	s := standings{Status: "success", TotalRequested: len(ids), Invoices: []standingEntry{}}
	s.NotFoundIDs = once(ids, func(text string) string { return found[text].ID }, func(text string) {
		inv := found[text]
		s.Invoices = append(s.Invoices, standingEntry{
			InvoiceID: inv.Number, TransactionReference: inv.Reference, Status: statusWords[inv.Status],
			Amount: inv.Total().JSONNumber(), AmountPaid: inv.AmountPaid().JSONNumber(),
		})
	})
	s.TotalFound = len(s.Invoices)
	return s
}

// once hands each object that the texts mean to tell, by the first of the texts that means it, and answers the texts that mean none, each
// once. of is the id of the object that a text means, "" for none.
func once(texts []string, of func(text string) string, tell func(text string)) (missing []string) {
	missing = []string{}
	seen := make(map[string]bool, 2*len(texts))
	for _, text := range texts {
		key, object := "text "+text, of(text)
		if object != "" {
			key = "object " + object
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		if object != "" {
			tell(text)
		} else {
			missing = append(missing, text)
		}
	}
	return missing
}
