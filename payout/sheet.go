package payout

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"sarraf/event"
	"sarraf/merchant"
	"sarraf/money"
)

// The events of a sheet, of the house, with the kind SheetKind and a SheetFact.
const (
	EventFilled event.Type = "payout_sheet.filled" // payouts were put on it; the first one made it
	EventClosed event.Type = "payout_sheet.closed" // it gets no more

	SheetKind = "payout_sheet"
)

// SheetStatus is where a sheet stands.
type SheetStatus string

// The states. A sheet is printed only once it is closed, so that it is the same each time.
const (
	SheetOpen   SheetStatus = "open"   // being filled, or left by a process that died
	SheetClosed SheetStatus = "closed" // final
)

// Sheet is a list of payouts that was handed to an operator: of one currency, and either all live or all sandbox.
type Sheet struct {
	Owner     string         `json:"owner"` // the house
	ID        string         `json:"id"`
	Number    int64          `json:"number"` // for people, from 1
	Mode      merchant.Mode  `json:"mode"`
	Currency  money.Currency `json:"currency"`
	Method    string         `json:"method"` // the only kind of method on it, "" for any
	Lines     int64          `json:"lines"`
	Amount    int64          `json:"amount"` // minor units to be paid out, without fees
	Status    SheetStatus    `json:"status"`
	Actor     string         `json:"actor"` // who asked for it, and from where
	Source    string         `json:"source"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
}

// SheetFact is the data of an event about a sheet.
type SheetFact struct {
	Sheet  Sheet  `json:"sheet"`
	Actor  string `json:"actor"` // who did this
	Source string `json:"source"`
}

// Money is what is to be paid out by the sheet.
func (s Sheet) Money() money.Amount { return money.Of(s.Amount, s.Currency) }

// RowName is what the nth payout of a sheet is called, from 1: "S17-42", short enough for a bank's own reference.
func (s Sheet) RowName(n int64) string { return fmt.Sprintf("S%d-%d", s.Number, n) }

// ParseRowName reads the name of a sheet's row; false for any other text.
func ParseRowName(text string) (number, row int64, ok bool) {
	rest, ok := strings.CutPrefix(strings.ToUpper(text), "S")
	first, second, dash := strings.Cut(rest, "-")
	if !ok || !dash || !plainNumber(first) || !plainNumber(second) {
		return 0, 0, false
	}
	number, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	row, err = strconv.ParseInt(second, 10, 64)
	return number, row, err == nil
}

// plainNumber reports whether a text is a whole number above 0 as we print it.
func plainNumber(s string) bool {
	return s != "" && s[0] != '0' && strings.Trim(s, "0123456789") == ""
}

// SheetColumns are the columns of a sheet's CSV. Whoever carries it out fills in the last three, and ImportAnswers reads them by these names.
var SheetColumns = []string{
	"row", "payout", "number", "kind", "merchant", "method", "recipient_name", "destination", "amount", "currency", "reference", "note",
	"payment_reference", "result", "bank_reference", "reason",
}

// WriteSheetCSV prints a sheet: a header, and a line for each payout in the order of rows, which SheetRows has. It is the same text each time.
//
// It is RFC 4180: UTF-8 without a byte order mark, lines ended by CR and LF. Amounts are in the major unit with the currency's decimals, a
// point and no groups. Texts of people's are without control characters, and one that a spreadsheet would take for a formula has an
// apostrophe in front; destinations stand as they are, since whoever pays by them needs them so.
func WriteSheetCSV(w io.Writer, s Sheet, rows []Payout) error {
	buffered := bufio.NewWriter(w)
	out := csv.NewWriter(buffered)
	out.UseCRLF = true
	if err := out.Write(SheetColumns); err != nil {
		return err
	}
	for n, p := range rows {
		err := out.Write([]string{
			s.RowName(int64(n) + 1), p.ID, cell(p.Number), string(p.Kind), p.Merchant, cell(p.MethodKind), cell(p.RecipientName), p.Destination,
			money.Of(p.Amount, p.Currency).Decimal(), string(p.Currency), cell(p.Reference), cell(p.Description), cell(p.PaymentReference), "", "", "",
		})
		if err != nil {
			return err
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return err
	}
	return buffered.Flush()
}

// cell makes a text harmless in a spreadsheet: on one line, and never a formula.
func cell(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
	// The wide forms are those of East Asian keyboards, which spreadsheets take for the narrow ones.
	if lead := strings.TrimLeftFunc(text, unicode.IsSpace); lead != "" && strings.ContainsRune("=+-@\uff1d\uff0b\uff0d\uff20", []rune(lead)[0]) {
		return "'" + text
	}
	return text
}
