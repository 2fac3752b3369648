package assanpay

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/money"
)

// The fields of requests, in the order in which they are checked.
const (
	fieldAmount      = "amount"
	fieldOrder       = "order_id"
	fieldStore       = "store_name"
	fieldLink        = "link"
	fieldEmail       = "email"
	fieldDescription = "description"
	fieldAsked       = "transactionId"
)

// Limits of the fields, those of texts in characters.
const (
	maxAmount      = 999_999_999_99 // paisa
	maxOrder       = 64
	maxStore       = 255
	maxEmail       = 254
	maxDescription = 1000
)

// request is what POST /payment-request/qr/{merchantId} asks for.
type request struct {
	amount                                 money.Amount
	order, store, link, email, description string
	sentLink                               string // link as it was sent
}

// readRequest reads and checks every field; the error joins what is wrong with each, in their order.
func readRequest(f httpx.Fields) (request, error) {
	var q request
	var wrong [6]*fault.Error
	q.amount, wrong[0] = f.Amount(fieldAmount, money.PKR, maxAmount)
	q.order, wrong[1] = readText(f, fieldOrder, maxOrder, true)
	q.store, wrong[2] = readText(f, fieldStore, maxStore, true)
	q.sentLink, q.link, wrong[3] = readLink(f)
	q.email, wrong[4] = readText(f, fieldEmail, maxEmail, false)
	q.description, wrong[5] = readDescription(f)
	return q, fault.Join(wrong[:]...)
}

// sentAs is the name under which a field was sent: PDF readers show an underscore as a space, and clients were written from that.
func sentAs(f httpx.Fields, name string) string {
	if spaced := strings.ReplaceAll(name, "_", " "); !f.Has(name) && f.Has(spaced) {
		return spaced
	}
	return name
}

// readText reads one line of text, a number as its digits. White space around it does not count.
func readText(f httpx.Fields, name string, limit int, required bool) (string, *fault.Error) {
	text, _, wrong := f.Text(sentAs(f, name))
	if wrong == nil {
		text, wrong = httpx.CleanText(name, text, limit)
	}
	if wrong == nil && text == "" && required {
		wrong = fault.New(fault.FieldRequired)
	}
	if wrong != nil {
		return "", wrong.On(name)
	}
	return text, nil
}

func readDescription(f httpx.Fields) (string, *fault.Error) {
	text, _, wrong := f.Text(fieldDescription)
	if wrong != nil {
		return "", wrong
	}
	return httpx.CleanLines(fieldDescription, text, maxDescription)
}

// readLink reads the address to which the payer returns: as it was sent, and as a URL. A bare host, with a path or without, means https.
func readLink(f httpx.Fields) (sent, link string, wrong *fault.Error) {
	sent, _, wrong = f.String(fieldLink)
	if sent = strings.TrimSpace(sent); wrong != nil || sent == "" {
		return "", "", wrong
	}
	link = sent
	if !hasScheme(link) {
		link = "https://" + strings.TrimPrefix(link, "//")
	}
	_, wrong = httpx.CheckURL(fieldLink, link)
	return sent, link, wrong
}

// hasScheme reports whether text begins as scheme://, by the letters that RFC 3986 section 3.1 has for one. A query behind a bare host may
// have an address in it too.
func hasScheme(text string) bool {
	scheme, _, found := strings.Cut(text, "://")
	return found && !strings.ContainsAny(scheme, "/?#")
}

// extra keeps what was sent for answers that repeat it.
type extra struct {
	Link string `json:"link,omitempty"` // where it was not a URL as it stands
}

func (q request) extra() (string, error) {
	if q.sentLink == q.link {
		return "", nil
	}
	text, err := json.Marshal(extra{Link: q.sentLink})
	return string(text), err
}

// readInquiry reads the query of an inquiry.
func readInquiry(raw string) (string, error) {
	query, err := url.ParseQuery(strings.ReplaceAll(raw, ";", "%3B")) // which an order id may have in it
	if err != nil {
		return "", fault.New(fault.FieldMalformed).On(fieldAsked)
	}
	list := query[fieldAsked]
	if len(list) > 1 {
		return "", fault.New(fault.FieldMalformed).On(fieldAsked)
	}
	if len(list) == 0 || strings.TrimSpace(list[0]) == "" {
		return "", fault.New(fault.FieldRequired).On(fieldAsked)
	}
	text, wrong := httpx.CleanText(fieldAsked, list[0], maxOrder)
	if wrong != nil {
		return "", fault.New(fault.InvoiceMissing) // no order can have such an id
	}
	return text, nil
}

// zone is where the gateway prints its times.
const zone = "Asia/Karachi"

// The form of a transaction id: a letter, the local time, and characters of a running number that nobody can tell it from.
const (
	timeLayout   = "20060102150405"
	suffixLength = 5
	suffixes     = 36 * 36 * 36 * 36 * 36 // how many texts of 5 of [0-9a-z] there are
	// SuffixDigits is how many digits the scrambler has: the fewest that every suffix's number fits.
	SuffixDigits = 8
)

// transactionID is the id of the n-th transaction, made at the given time. Two of one second differ unless 36^5, sixty million, lie between
// them: the scrambler's permutation is walked until it comes to a number that is a suffix, which permutes the suffixes.
func transactionID(at time.Time, n int64, digits *id.Scrambler) (string, error) {
	suffix := uint64(n) % suffixes
	for walked := false; !walked || suffix >= suffixes; walked = true {
		text, err := digits.Encode(suffix)
		if err != nil {
			return "", fmt.Errorf("assanpay: number %d: %w", n, err)
		}
		if suffix, err = strconv.ParseUint(text, 10, 64); err != nil {
			return "", err
		}
	}
	tail := strconv.FormatUint(suffix, 36)
	return "T" + clock.In(at, zone).Format(timeLayout) + strings.Repeat("0", suffixLength-len(tail)) + tail, nil
}

// isTransactionID reports whether text has the form of a transaction id.
func isTransactionID(text string) bool {
	return len(text) == 1+len(timeLayout)+suffixLength && text[0] == 'T' && strings.Trim(text[1:15], "0123456789") == "" &&
		strings.Trim(text[15:], "0123456789abcdefghijklmnopqrstuvwxyz") == ""
}

// userID is digits that stand for the merchant, always the same. They mean nothing: clients of the guide expect some.
func userID(owner string) string {
	sum := sha256.Sum256([]byte("assanpay user " + owner))
	return strconv.FormatUint(100_000+binary.BigEndian.Uint64(sum[:])%899_900_000, 10)
}

// statusWords are what an invoice's status is called here. No invoice of this dialect is ever superseded.
var statusWords = map[invoice.Status]string{
	invoice.Open:       "Pending",
	invoice.Paid:       "Completed",
	invoice.Failed:     "Failed",
	invoice.Expired:    "Expired",
	invoice.Cancelled:  "Cancelled",
	invoice.Superseded: "Cancelled",
	invoice.Refunded:   "Refunded",
}

// returnWords are what the payer's return says of a status; an open invoice has no return.
var returnWords = map[invoice.Status]string{
	invoice.Paid:       "success",
	invoice.Refunded:   "success",
	invoice.Failed:     "failed",
	invoice.Expired:    "failed",
	invoice.Cancelled:  "cancelled",
	invoice.Superseded: "cancelled",
}

// modes are what the guide calls a rail, modeUnknown while none has brought money: a mobile account.
var modes = map[string]string{"sandbox": modeUnknown, "wallet": modeUnknown, "billpay": "BANK", "qr": "QR"}

const modeUnknown = "MA"

// millis is a time as answers print it.
func millis(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// optional is nil for an empty text.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// createdOf answers a creation purely from what was created, so that a repeat of the request gets the same bytes. No rail has taken the
// payment then.
func (d *Dialect) createdOf(inv invoice.Invoice) created {
	link := inv.ReturnURL
	var e extra
	if inv.Extra != "" && json.Unmarshal([]byte(inv.Extra), &e) == nil && e.Link != "" {
		link = e.Link
	}
	return created{
		Status: "true", Message: "Payment request created successfully",
		Data: createdData{
			ID: inv.ID, TransactionID: inv.Number, Amount: inv.Total().Short(), Description: optional(inv.Description), Status: "pending",
			Link: payPath + inv.Token, Metadata: metadata{ReturnURL: optional(link)}, UserID: userID(inv.Owner),
			CreatedAt: millis(inv.CreatedAt), UpdatedAt: millis(inv.CreatedAt), MerchantTransactionID: inv.Reference,
			CompleteLink: d.PublicURL + Door{}.HostedPath(inv), OrderID: inv.Reference,
		},
	}
}

// taken answers an order id that exists.
var taken = repeated{Success: "true", Message: "Order Id already exists", StatusCode: "200"}

func standingOf(inv invoice.Invoice, mode string) standing {
	at := inv.CreatedAt
	if !inv.PaidAt.IsZero() {
		at = inv.PaidAt
	}
	s := standing{
		Status: "true", Message: "Payment status retrieved successfully",
		Data: standingData{
			OrderID: inv.Reference, TransactionStaus: statusWords[inv.Status], TransactionStatus: statusWords[inv.Status],
			TransactionAmount: inv.Total().Short(), TransactionDateTime: millis(at), ResponseMode: mode,
		},
	}
	if returnWords[inv.Status] != "success" {
		s.Data.ResponseDesc = optional(inv.Reason)
	}
	return s
}
