package receipt

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sarraf/fault"
	"sarraf/money"
	"sarraf/phone"
	"sarraf/wallet"
)

// Fields are what a receipt says, as its signed text holds them.
type Fields struct {
	Number   string          // 10 characters of [0-9A-Z]
	Kind     wallet.Movement // one of kinds
	Test     bool            // the money is only played with
	At       time.Time       // to the second; of its zone the text keeps the distance from UTC, in whole minutes
	Currency money.Currency  // three capitals
	Decimals int             // how many the currency has, 0 to 4
	Amount   int64           // minor units, above zero
	Fee      int64           // minor units that the sender paid beyond the amount
	From, To Party
	Note     string
}

// Party is a side of a receipt. The number is masked, save a merchant's. A top-up comes from nobody.
type Party struct{ Name, Number string }

// The most that a text says of each, in bytes of UTF-8. What is longer is cut, and ends in an ellipsis.
const (
	maxName   = 96
	maxNumber = 24
	maxNote   = 120
	ellipsis  = "…"
)

// fieldsOf are the fields of the receipt of a transfer, in the time and with the sandbox flag of its holder's wallet.
func fieldsOf(t wallet.Transfer, holder wallet.Wallet) Fields {
	zone, err := time.LoadLocation(holder.Zone)
	if err != nil || holder.Zone == "Local" {
		zone = time.UTC
	}
	at := t.At.In(zone).Truncate(time.Second)
	_, seconds := at.Zone()
	f := Fields{
		Number: t.Number, Kind: t.Kind, Test: holder.Sandbox, At: at.In(fixed(seconds / 60)), Currency: t.Currency, Decimals: t.Currency.Exponent(),
		Amount: t.Amount, Fee: t.Fee, To: party(t.ReceiverName, t.ReceiverNumber, t.ReceiverKind), Note: cut(t.Note, maxNote),
	}
	if t.Kind != wallet.TopUp {
		sender := holder.Kind
		if t.Kind == wallet.Refund {
			sender = wallet.Merchant
		}
		f.From = party(t.SenderName, t.SenderNumber, sender)
	}
	return f
}

func party(name, number string, kind wallet.Kind) Party {
	if kind != wallet.Merchant {
		number = phone.Number(number).Mask()
	}
	return Party{cut(name, maxName), cut(number, maxNumber)}
}

// fixed is the zone so many minutes east of UTC.
func fixed(minutes int) *time.Location {
	if minutes == 0 {
		return time.UTC
	}
	return time.FixedZone("", minutes*60)
}

// cut is the text in one line, with nothing in it that a text may not hold, in at most so many bytes.
func cut(text string, limit int) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unprintable(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))), " ")
	if len(text) <= limit {
		return text
	}
	end := limit - len(ellipsis)
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.TrimRight(text[:end], " ") + ellipsis
}

// unprintable reports whether a character could make a line look like another: controls, line ends, and what turns the direction of the
// words around it. The marks that letters are joined or kept apart with stay.
func unprintable(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// Total is what the sender paid, in minor units.
func (f Fields) Total() int64 { return f.Amount + f.Fee }

// decimal is an amount of the receipt in units, with its decimals: "10.00 BDT". The receipt's own decimals count, so that it reads the
// same when the currency is no longer one.
func (f Fields) decimal(minor int64) string {
	digits := strconv.FormatInt(minor, 10)
	if f.Decimals == 0 {
		return digits + " " + string(f.Currency)
	}
	if short := f.Decimals + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	point := len(digits) - f.Decimals
	return digits[:point] + "." + digits[point:] + " " + string(f.Currency)
}

// kinds are the movements in the order of their numbers in a text, from 1, and how a receipt names them.
var kinds = []struct {
	movement     wallet.Movement
	name, headed string
}{
	{wallet.Send, "Send money", "Money sent"},
	{wallet.Payment, "Payment", "Payment successful"},
	{wallet.TopUp, "Top-up", "Money added"},
	{wallet.Refund, "Refund", "Money returned"},
}

func (f Fields) kindName() string {
	for _, k := range kinds {
		if k.movement == f.Kind {
			return k.name
		}
	}
	return string(f.Kind)
}

// date is the day and the time as they are printed: "19 February 2025, 11:33:05 AM".
func (f Fields) date() string { return f.At.Format("2 January 2006, 3:04:05 PM") }

// zone is the time's distance from UTC: "UTC+06:00".
func (f Fields) zone() string { return "UTC" + f.At.Format("-07:00") }

// Row is a line of a receipt.
type Row struct{ Name, Value string }

// Rows are the lines of the receipt as a checker prints them.
func (f Fields) Rows() []Row {
	var rows []Row
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, Row{name, value})
		}
	}
	if f.Test {
		add("Mode", "test: no real money moved")
	}
	add("Receipt", f.Number)
	add("Kind", f.kindName())
	add("Date", fmt.Sprintf("%s (%s)", f.date(), f.zone()))
	add("From", f.From.line())
	add("To", f.To.line())
	add("Amount", f.decimal(f.Amount))
	add("Fee", f.decimal(f.Fee))
	add("Total", f.decimal(f.Total()))
	add("Note", f.Note)
	return rows
}

// line is a party in one line.
func (p Party) line() string {
	if p.Name != "" && p.Number != "" {
		return p.Name + ", " + p.Number
	}
	return p.Name + p.Number
}

// PlausibleNumber reports whether the text may be a receipt's number.
func PlausibleNumber(text string) bool {
	if len(text) != numberLength {
		return false
	}
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

const numberLength = 10

// wrong is a mistake of ours: a transfer that no receipt can say.
func wrong(what string) error { return fault.New(fault.Bug).Wrap(fmt.Errorf("receipt: %s", what)) }
