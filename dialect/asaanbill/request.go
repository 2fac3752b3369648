package asaanbill

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/money"
)

// The fields of requests.
const (
	fieldPassword    = "password"
	fieldPayment     = "payment"
	fieldPayments    = "payments"
	fieldTitle       = "title"
	fieldIdentifier  = "identifier"
	fieldAmount      = "amount"
	fieldDueDate     = "dueDate"
	fieldAmountAfter = "amountAfterDueDate"
	fieldDescription = "description"
	fieldLongitude   = "longitude"
	fieldLatitude    = "latitude"
	fieldPeriod      = "period"
	fieldAbout       = "identifierDescription"
	fieldBilledName  = "billedToName"
	fieldBilledAt    = "billedToAddress"
	fieldBilledPhone = "billedToContact"
	fieldStatus      = "status" // of an answer, in the echo of a bulk request
)

// The parameters of queries.
const (
	paramTypes    = "generationTypes"
	paramContent  = "contentType"
	paramPageNo   = "pageNo"
	paramPageSize = "pageSize"
)

// Limits of the fields, those of texts in characters.
const (
	maxAmount  = 9_999_999_999_99 // paisa: the twelve digits that banks report a payment with
	maxInstant = 999_999_99       // of a DQRC, in paisa: less than 1,000,000
	maxText    = 255
	maxLines   = 2000 // of a description and an address
	maxBulk    = 5000 // payments in one request
	maxPage    = 1_000_000_000
	maxPerPage = 1000
	perPage    = 100
	mostYear   = 2999
	leastYear  = 1970
)

// The generation types.
const (
	typePSID    = "PSID"
	typeBillQR  = "SQRC_WITH_AMOUNT"
	typeStatic  = "SQRC_WITHOUT_AMOUNT"
	typeInstant = "DQRC"
)

// generationTypes lists them.
var generationTypes = []string{typePSID, typeBillQR, typeStatic, typeInstant}

// request is a payment that is asked for. Texts that were not sent are "".
type request struct {
	generation                                         string
	title, description                                 string
	identifier, payer                                  string // as it was sent, and what it means: its trimmed text
	amount, amountAfter                                money.Amount
	due                                                time.Time // the first instant after the due date
	period, about, billedName, billedAt, billedContact string
	longitude, latitude                                string
}

// reader reads fields and gathers what is wrong with them, in the order in which they are read.
type reader struct {
	httpx.Fields
	wrong []*fault.Error
}

// note gathers a fault, if it is one.
func (r *reader) note(wrong *fault.Error) {
	if wrong != nil {
		r.wrong = append(r.wrong, wrong)
	}
}

// readPayment reads a payment of the generation type. The error joins what is wrong with each of its fields.
func readPayment(f httpx.Fields, generation string) (request, error) {
	r := &reader{Fields: f}
	q := request{generation: generation}
	isBill := generation == typePSID || generation == typeBillQR
	q.title = r.line(fieldTitle, generation != typeInstant)
	q.identifier, q.payer = r.identifier(isBill)
	switch {
	case isBill:
		q.amount = r.amount(fieldAmount, maxAmount)
		q.due = r.dueDate()
		q.amountAfter = r.amount(fieldAmountAfter, maxAmount)
		if q.amountAfter.Minor > 0 && q.amountAfter.Minor < q.amount.Minor {
			r.note(fault.New(fault.FieldMalformed).On(fieldAmountAfter))
		}
	case generation == typeInstant:
		q.amount = r.amount(fieldAmount, maxInstant)
		q.longitude, q.latitude = r.degrees(fieldLongitude, 180), r.degrees(fieldLatitude, 90)
	}
	q.description = r.lines(fieldDescription)
	q.period, q.about = r.line(fieldPeriod, false), r.line(fieldAbout, false)
	q.billedName, q.billedAt, q.billedContact = r.line(fieldBilledName, false), r.lines(fieldBilledAt), r.line(fieldBilledPhone, false)
	return q, fault.Join(r.wrong...)
}

// line reads one line of text or a number, without the white space around it.
func (r *reader) line(name string, required bool) string {
	text, _, wrong := r.Text(name)
	if wrong == nil {
		text, wrong = httpx.CleanText(name, text, maxText)
	}
	if wrong == nil && text == "" && required {
		wrong = fault.New(fault.FieldRequired).On(name)
	}
	r.note(wrong)
	return text
}

// lines reads text of several lines.
func (r *reader) lines(name string) string {
	text, _, wrong := r.Text(name)
	if wrong == nil {
		text, wrong = httpx.CleanLines(name, text, maxLines)
	}
	r.note(wrong)
	return text
}

// identifier reads the merchant's own name of the payer: exactly as it was sent, and without the white space around it, by which the payer
// is known. A blank one is none.
func (r *reader) identifier(required bool) (sent, payer string) {
	sent, _, wrong := r.Text(fieldIdentifier)
	if wrong == nil {
		// The marks keep the white space at the ends from being passed over: it is kept, and is bounded like the rest.
		_, wrong = httpx.CleanText(fieldIdentifier, "|"+sent+"|", maxText+2)
	}
	if wrong != nil {
		r.note(wrong.With("max", strconv.Itoa(maxText)))
		return "", ""
	}
	if payer, wrong = httpx.CleanText(fieldIdentifier, sent, maxText); wrong == nil && payer == "" {
		if sent = ""; required {
			wrong = fault.New(fault.FieldRequired).On(fieldIdentifier)
		}
	}
	r.note(wrong)
	return sent, payer
}

// amount reads an amount of money, in rupees. An empty one is told as the guide does.
func (r *reader) amount(name string, most int64) money.Amount {
	amount, wrong := r.Amount(name, money.PKR, most)
	r.note(wrong)
	return amount
}

// dueDate reads the last day on which amount is asked for, and answers the first instant of the day after it, in Pakistan.
func (r *reader) dueDate() time.Time {
	text, _, wrong := r.Text(fieldDueDate)
	if text = strings.TrimSpace(text); wrong == nil && text == "" {
		wrong = fault.New(fault.FieldRequired).On(fieldDueDate)
	}
	if wrong != nil {
		r.note(wrong)
		return time.Time{}
	}
	day, err := time.ParseInLocation(time.DateOnly, text, karachi)
	if err != nil || day.Year() < leastYear || day.Year() > mostYear {
		r.note(fault.New(fault.FieldMalformed).On(fieldDueDate))
		return time.Time{}
	}
	return time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, karachi).UTC()
}

// degrees reads a latitude or a longitude, which must be there: digits with at most 15 decimals, whose magnitude is at most most.
func (r *reader) degrees(name string, most int) string {
	text, _, wrong := r.Text(name)
	switch text = strings.TrimSpace(text); {
	case wrong != nil:
	case text == "":
		wrong = fault.New(fault.FieldRequired).On(name)
	case !isDegrees(text, most):
		wrong = fault.New(fault.FieldMalformed).On(name)
	}
	r.note(wrong)
	return text
}

func isDegrees(text string, most int) bool {
	if text != "" && (text[0] == '-' || text[0] == '+') {
		text = text[1:]
	}
	whole, decimals, point := strings.Cut(text, ".")
	if !isDigits(whole) || len(whole) > 3 || point && (!isDigits(decimals) || len(decimals) > 15) {
		return false
	}
	n, err := strconv.Atoi(whole)
	return err == nil && (n < most || n == most && strings.Trim(decimals, "0") == "")
}

// isDigits reports whether text is one or more ASCII digits.
func isDigits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// readWord reads a parameter that is one of a few words, usual where it is left out or empty.
func readWord(query httpx.Fields, name, usual string, words ...string) (string, error) {
	text, _, wrong := query.String(name)
	if wrong != nil {
		return "", wrong
	}
	if text == "" {
		return usual, nil
	}
	for _, w := range words {
		if text == w {
			return w, nil
		}
	}
	return "", fault.New(fault.FieldNotOneOf).On(name).With("allowed", strings.Join(words, ", "))
}

// readPage reads which page of a list is wanted: the first 100 where the query does not say.
func readPage(query httpx.Fields) (no, size int64, err error) {
	no, first := readNumber(query, paramPageNo, 0, 0, maxPage)
	size, second := readNumber(query, paramPageSize, perPage, 1, maxPerPage)
	return no, size, fault.Join(first, second)
}

// readNumber reads a parameter that is a whole number, usual where it is left out or empty.
func readNumber(query httpx.Fields, name string, usual, least, most int64) (int64, *fault.Error) {
	text, _, wrong := query.String(name)
	if wrong != nil || text == "" {
		return usual, wrong
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most || strconv.FormatInt(n, 10) != text {
		return 0, fault.New(fault.FieldMalformed).On(name).With("max", strconv.FormatInt(most, 10))
	}
	return n, nil
}

// isNumber reports whether text looks like an id that this dialect prints.
func isNumber(text string) bool { return isDigits(text) && len(text) <= 19 }

// readAdd reads a request for one payment, but for the payment itself.
func readAdd(r *http.Request) (generation string, c call, err error) {
	query, err := httpx.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", call{}, err
	}
	if generation, err = readWord(query, paramTypes, typePSID, generationTypes...); err != nil {
		return "", call{}, err
	}
	c, err = readCall(r, 0)
	return generation, c, err
}

// call is a write as it came.
type call struct {
	body   []byte
	key    string // its Idempotency-Key
	fields httpx.Fields
}

// readCall reads a write whose body has at most so many bytes.
func readCall(r *http.Request, limit int64) (c call, err error) {
	if c.body, err = httpx.ReadBody(r, limit); err != nil {
		return c, err
	}
	if c.key, err = httpx.IdempotencyKey(r.Header); err != nil {
		return c, err
	}
	c.fields, err = httpx.ParseFields(r.Header.Get("Content-Type"), c.body)
	return c, err
}

// readUsername reads the header that says who logs in.
func readUsername(r *http.Request) (string, error) {
	switch values := r.Header.Values(usernameHeader); {
	case len(values) == 0 || len(values) == 1 && httpx.Blank(values[0]):
		return "", fault.New(fault.FieldRequired).On(usernameHeader)
	case len(values) > 1 || len(values[0]) > maxHeader:
		return "", fault.New(fault.FieldMalformed).On(usernameHeader)
	default:
		return values[0], nil
	}
}
