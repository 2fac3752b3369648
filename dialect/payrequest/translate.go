package payrequest

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
)

// The fields of requests.
const (
	fieldToken       = "token"
	fieldID          = "id"
	fieldTitle       = "title"
	fieldAmount      = "amount"
	fieldCurrency    = "currency"
	fieldName        = "name"
	fieldEmail       = "email"
	fieldDescription = "description"
	fieldType        = "type"
	fieldResponse    = "response"
	fieldWebhook     = "webhook"
)

// Limits of the fields, those of texts in characters.
const (
	maxWhole       = 999_999_999 // of the amount, in units of its currency; the decimals come on top
	maxText        = 255         // of an id, a title and a name
	maxEmail       = 254
	maxDescription = 2000
)

// The values of type. Any other is a link.
const (
	typeLink   = "link"
	typeDirect = "direct"
)

// request is what POST /api/create/ asks for. Texts that were not sent are "".
type request struct {
	id, title, name, email, description, kind, response, webhook string
	amount                                                       money.Amount
}

// read reads and checks every field, the documented errors first, in the guide's order: the error is the first of them.
func (d *Dialect) read(f httpx.Fields, m merchant.Merchant) (q request, err error) {
	if isBlank(f, fieldTitle) {
		return q, fault.New(fault.FieldRequired).On(fieldTitle)
	}
	asked, currency := readCurrency(f, m)
	amount, wrong := readAmount(f, currency)
	if wrong != nil {
		return q, wrong
	}
	if err := d.payable(m, asked); err != nil {
		return q, err
	}
	q.amount = amount
	for _, field := range []struct {
		into *string
		name string
		read func(f httpx.Fields, name string) (string, *fault.Error)
	}{
		{&q.id, fieldID, readID},
		{&q.title, fieldTitle, readLine},
		{&q.name, fieldName, readLine},
		{&q.email, fieldEmail, readEmail},
		{&q.description, fieldDescription, readLines},
		{&q.kind, fieldType, readType},
		{&q.response, fieldResponse, readURL},
		{&q.webhook, fieldWebhook, readURL},
	} {
		if *field.into, wrong = field.read(f, field.name); wrong != nil {
			return q, wrong
		}
	}
	return q, nil
}

// isBlank reports whether a field was not sent, is null, or is text that shows nothing.
func isBlank(f httpx.Fields, name string) bool {
	text, _, wrong := f.Text(name)
	if wrong != nil {
		return false
	}
	text, wrong = httpx.CleanText(name, text, maxText)
	return wrong == nil && text == ""
}

// readCurrency is the currency that is asked for, and the one whose decimals the amount has: the same, unless it is none. Without one it is
// EUR for a merchant who has that, else the merchant's first.
func readCurrency(f httpx.Fields, m merchant.Merchant) (asked, decimals money.Currency) {
	usual := m.Currencies[0]
	if m.Has(money.EUR) {
		usual = money.EUR
	}
	text, present, wrong := f.String(fieldCurrency)
	text = strings.ToUpper(strings.TrimSpace(text))
	switch c, err := money.ParseCurrency(text); {
	case wrong == nil && (!present || text == ""):
		return usual, usual
	case wrong == nil && err == nil:
		return c, c
	}
	return "", usual
}

// readAmount reads an amount: a JSON number, or a text with a point or a comma before the decimals and the other between groups of three.
func readAmount(f httpx.Fields, c money.Currency) (money.Amount, *fault.Error) {
	if isBlank(f, fieldAmount) {
		return money.Amount{}, fault.New(fault.FieldRequired).On(fieldAmount)
	}
	text, _, wrong := f.Text(fieldAmount)
	if wrong != nil {
		return money.Amount{}, fault.New(fault.FieldNotNumber).On(fieldAmount)
	}
	separators := money.PointOrComma
	if f.Kind(fieldAmount) == httpx.Number {
		separators = money.Plain
	}
	amount, err := money.Parse(strings.TrimSpace(text), c, separators)
	most := mostOf(c)
	switch {
	case err != nil:
		return amount, fault.First(err).On(fieldAmount)
	case amount.Minor <= 0:
		return amount, fault.New(fault.AmountNotPositive).On(fieldAmount)
	case amount.Minor > most.Minor:
		return amount, fault.New(fault.AmountTooLarge).On(fieldAmount).With("max", most.Decimal())
	}
	return amount, nil
}

// mostOf is the greatest amount that a link may ask for.
func mostOf(c money.Currency) money.Amount {
	minor := int64(maxWhole)
	for range c.Exponent() {
		minor = minor*10 + 9
	}
	return money.Of(minor, c)
}

// payable is a fault RailUnknown when the merchant has no way to be paid, CurrencyUnknown when none in this currency.
func (d *Dialect) payable(m merchant.Merchant, c money.Currency) error {
	integrated := false
	for _, r := range d.rails {
		if !m.MayUse(r.Name()) {
			continue
		}
		integrated = true
		if m.Has(c) && len(r.Methods(c)) > 0 {
			return nil
		}
	}
	if !integrated {
		return fault.New(fault.RailUnknown)
	}
	return fault.New(fault.CurrencyUnknown).On(fieldCurrency)
}

// readID reads the merchant's own id exactly as it was sent, white space included: it goes into hashes that the merchant makes too. A blank
// one is none.
func readID(f httpx.Fields, name string) (string, *fault.Error) {
	text, _, wrong := f.Text(name)
	if wrong != nil || isBlank(f, name) {
		return "", wrong
	}
	// The marks keep the white space at the ends from being passed over.
	if _, wrong = httpx.CleanText(name, "|"+text+"|", maxText+2); wrong != nil {
		return "", wrong.With("max", strconv.Itoa(maxText))
	}
	return text, nil
}

// readWanted reads the id of the link that is asked about. One that no link can have is a fault InvoiceMissing.
func readWanted(f httpx.Fields) (string, error) {
	if isBlank(f, fieldID) {
		return "", fault.New(fault.FieldRequired).On(fieldID)
	}
	text, wrong := readID(f, fieldID)
	if wrong != nil {
		return "", fault.New(fault.InvoiceMissing)
	}
	return text, nil
}

// readLine reads one line of text or a number.
func readLine(f httpx.Fields, name string) (string, *fault.Error) {
	text, _, wrong := f.Text(name)
	if wrong != nil {
		return "", wrong
	}
	return httpx.CleanText(name, text, maxText)
}

// readLines reads text of several lines.
func readLines(f httpx.Fields, name string) (string, *fault.Error) {
	text, _, wrong := f.Text(name)
	if wrong != nil {
		return "", wrong
	}
	return httpx.CleanLines(name, text, maxDescription)
}

// readEmail reads an address of mail. Whether somebody has it, only a mail could tell.
func readEmail(f httpx.Fields, name string) (string, *fault.Error) {
	text, _, wrong := f.String(name)
	if wrong != nil {
		return "", wrong
	}
	if text, wrong = httpx.CleanText(name, text, maxEmail); wrong != nil || text == "" {
		return "", wrong
	}
	at := strings.LastIndexByte(text, '@')
	if at < 1 || at == len(text)-1 || strings.ContainsAny(text, " \t\u00a0<>,;") {
		return "", fault.New(fault.FieldMalformed).On(name)
	}
	return text, nil
}

// readType reads the type: whatever is not direct is a link.
func readType(f httpx.Fields, name string) (string, *fault.Error) {
	if text, _, wrong := f.String(name); wrong == nil && strings.TrimSpace(text) == typeDirect {
		return typeDirect, nil
	}
	return typeLink, nil
}

// readURL reads a URL as it was sent, white space around it aside: what the merchant has signed or counts on stays as it is.
func readURL(f httpx.Fields, name string) (string, *fault.Error) {
	text, _, wrong := f.String(name)
	if text = strings.TrimSpace(text); wrong != nil || text == "" {
		return "", wrong
	}
	_, wrong = httpx.CheckURL(name, text)
	return text, wrong
}

// slugLength is how many characters of [0-9a-z] a slug has.
const slugLength = 12

// isSlug reports whether text looks like the slug of a link.
func isSlug(text string) bool {
	return len(text) == slugLength && strings.Trim(text, "0123456789abcdefghijklmnopqrstuvwxyz") == ""
}

// idOf is what the link is called in hashes, answers and webhooks: the merchant's own id, or the slug where it gave none.
func idOf(inv invoice.Invoice) string { return cmp.Or(inv.Reference, inv.Token) }

// extraOf is what the dialect keeps with the invoice. What cannot be read is a link without a return_id.
func extraOf(inv invoice.Invoice) extra {
	var x extra
	if json.Unmarshal([]byte(inv.Extra), &x) != nil {
		return extra{Type: typeLink}
	}
	return x
}

// md5Hex is what the guide calls an encryption with MD5.
func md5Hex(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// statusWords are what an invoice's status is called here. No invoice of this dialect is ever superseded.
var statusWords = map[invoice.Status]string{
	invoice.Open:       "pending",
	invoice.Paid:       "paid",
	invoice.Failed:     "failed",
	invoice.Expired:    "failed",
	invoice.Cancelled:  "failed",
	invoice.Superseded: "failed",
	invoice.Refunded:   "paid",
}

// returnWords are what the payer's return says of a status; an open invoice has no return.
var returnWords = map[invoice.Status]string{
	invoice.Paid:       "success",
	invoice.Refunded:   "success",
	invoice.Failed:     "failed",
	invoice.Expired:    "failed",
	invoice.Cancelled:  "failed",
	invoice.Superseded: "failed",
}

// createdOf answers a creation purely from what was created, so that a repeat of the request gets the same bytes.
func (d *Dialect) createdOf(inv invoice.Invoice) created {
	return created{Status: "success", URL: d.public + Door{}.HostedPath(inv)}
}
