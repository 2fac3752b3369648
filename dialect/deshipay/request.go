package deshipay

import (
	"net/mail"
	"strconv"
	"strings"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/phone"
	"sarraf/wallet"
)

// The fields of requests.
const (
	fieldReceiver = "receiver_mobile_number"
	fieldQR       = "qr_text"
	fieldAmount   = "amount"
	fieldNote     = "note"
	fieldPIN      = "pin"

	fieldMobile  = "mobile_number"
	fieldName    = "name"
	fieldEmail   = "email"
	fieldAddress = "address"
	fieldOTP     = "otp"
	fieldCode    = "code" // the same

	paramPerPage = "per_page"
	paramCursor  = "cursor"
)

// Limits of the fields, those of texts in characters.
const (
	maxAmount  = 999_999_999_99 // paisa
	maxNote    = 255
	maxName    = 100
	maxEmail   = 100
	maxAddress = 200
	maxCode    = 16
	maxQR      = 4096
	perPage    = 20
	maxPerPage = 100
)

// region is where numbers without a country's code are dialled.
const region = "BD"

// manner is how a payment is asked for: it decides what is required and how amounts print.
type manner uint8

const (
	manual manner = iota // by number, or by the text of a QR code
	byQR
)

func (m manner) String() string { return [...]string{"manual-payment", "qr-payment"}[m] }

// payment is what a summary, a confirmation or an execution asks for.
type payment struct {
	number string // E.164, "" when a QR code alone names the receiver
	qr     string
	amount money.Amount
	note   string
}

// readPayment reads and checks every field but the PIN, which is judged last of all; the error joins what is wrong with each.
func readPayment(f httpx.Fields, m manner) (payment, error) {
	var q payment
	var wrong [4]*fault.Error
	q.qr, wrong[0] = readQR(f)
	required := fieldQR
	if m == manual {
		if required = fieldReceiver; !blank(f, fieldReceiver) {
			q.number, wrong[1] = readNumber(f, fieldReceiver)
		}
	}
	if q.qr == "" && q.number == "" && wrong[0] == nil && wrong[1] == nil {
		wrong[1] = fault.New(fault.FieldRequired).On(required)
	}
	q.amount, wrong[2] = f.Amount(fieldAmount, money.BDT, maxAmount)
	q.note, wrong[3] = readNote(f)
	return q, fault.Join(wrong[:]...)
}

// lines makes one line of several.
var lines = strings.NewReplacer("\n", " ", "\t", " ")

// readNote reads the note, "" when there is none. It is typed where lines can be broken, and kept as one.
func readNote(f httpx.Fields) (string, *fault.Error) {
	text, _, wrong := f.Text(fieldNote)
	if wrong != nil {
		return "", wrong
	}
	text, wrong = httpx.CleanLines(fieldNote, text, maxNote)
	return lines.Replace(text), wrong
}

// blank reports whether a field is absent, null or shows nothing.
func blank(f httpx.Fields, name string) bool {
	text, _, wrong := f.Text(name)
	return wrong == nil && httpx.Blank(text)
}

// readQR reads the text of a QR code, "" when there is none. What no code of ours can be is QRInvalid as any other.
func readQR(f httpx.Fields) (string, *fault.Error) {
	text, _, wrong := f.String(fieldQR)
	if text = strings.TrimSpace(text); len(text) > maxQR {
		return "", fault.New(fault.QRInvalid)
	}
	return text, wrong
}

// readNumber reads a mobile number in any usual spelling, which must be there.
func readNumber(f httpx.Fields, name string) (string, *fault.Error) {
	text, _, wrong := f.Text(name)
	if wrong != nil {
		return "", wrong
	}
	number, err := phone.Parse(text, region)
	if err != nil {
		return "", fault.First(err).On(name)
	}
	return string(number), nil
}

// readPIN reads the PIN, sent as text or as a number; "" for anything else, which no PIN is.
func readPIN(f httpx.Fields) string {
	text, _, wrong := f.Text(fieldPIN)
	if wrong != nil {
		return ""
	}
	return text
}

// readSignIn reads who wants to sign in. Whether the PIN is one is not looked at here.
func readSignIn(f httpx.Fields) (number, pin string, err error) {
	number, wrong := readNumber(f, fieldMobile)
	pin, missing := readSecret(f)
	return number, pin, fault.Join(wrong, missing)
}

// readSecret reads a PIN that must be there.
func readSecret(f httpx.Fields) (string, *fault.Error) {
	pin, _, wrong := f.Text(fieldPIN)
	if wrong == nil && pin == "" {
		wrong = fault.New(fault.FieldRequired).On(fieldPIN)
	}
	return pin, wrong
}

// readSignUp reads whose wallet is to be made, and the one-time code, "" when there is none yet.
func (d *Dialect) readSignUp(f httpx.Fields) (n wallet.New, code string, err error) {
	var wrong [6]*fault.Error
	n.Wallet = wallet.Wallet{
		Kind: wallet.Consumer, Status: d.Status, Sandbox: d.Sandbox, Currencies: []money.Currency{money.BDT}, Zone: zone,
	}
	n.Number, wrong[0] = readNumber(f, fieldMobile)
	if n.Name, wrong[1] = readLine(f, fieldName, maxName); n.Name == "" && wrong[1] == nil {
		wrong[1] = fault.New(fault.FieldRequired).On(fieldName)
	}
	if n.PIN, wrong[2] = readSecret(f); wrong[2] == nil && !wallet.ValidPIN(n.PIN) {
		wrong[2] = fault.New(fault.FieldMalformed).On(fieldPIN)
	}
	if n.Email, wrong[3] = readLine(f, fieldEmail, maxEmail); wrong[3] == nil && n.Email != "" && !isEmail(n.Email) {
		wrong[3] = fault.New(fault.FieldMalformed).On(fieldEmail)
	}
	n.Address, wrong[4] = readLine(f, fieldAddress, maxAddress)
	name := fieldOTP
	if blank(f, fieldOTP) {
		name = fieldCode
	}
	code, wrong[5] = readLine(f, name, maxCode)
	return n, code, fault.Join(wrong[:]...)
}

// readLine reads one line of text, "" when there is none.
func readLine(f httpx.Fields, name string, limit int) (string, *fault.Error) {
	text, _, wrong := f.Text(name)
	if wrong != nil {
		return "", wrong
	}
	return httpx.CleanText(name, text, limit)
}

// isEmail reports whether text is a bare address.
func isEmail(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text
}

// holderActor is who makes a wallet of his own, in the audit log.
var holderActor = merchant.Actor{Name: "holder", Source: Name}

// readPage reads which part of a history is wanted.
func readPage(query httpx.Fields) (wallet.Page, error) {
	size, first := readWhole(query, paramPerPage, perPage, 1, maxPerPage)
	before, second := readWhole(query, paramCursor, 0, 1, 1<<62)
	return wallet.Page{Before: before, Limit: int(size)}, fault.Join(first, second)
}

// readWhole reads a parameter that is a whole number, usual where it is left out or empty.
func readWhole(query httpx.Fields, name string, usual, least, most int64) (int64, *fault.Error) {
	text, _, wrong := query.String(name)
	if wrong != nil || text == "" {
		return usual, wrong
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most || strconv.FormatInt(n, 10) != text {
		return 0, fault.New(fault.FieldMalformed).On(name)
	}
	return n, nil
}
