package billpay

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sarraf/internal/httpx"
	"sarraf/money"
	"sarraf/rail"
)

// Limits of a settlement file.
const (
	maxSettlementBytes  = 256 << 20
	maxSettlementLines  = 1_000_000
	maxSettlementFaults = 20 // a reader stops at the last of them
	maxChannel          = 32
	maxIdentification   = 20
)

// The columns of a settlement file beside those that a payment has too.
const (
	columnChannel        = "channel"
	columnFee            = "fee"
	columnCharges        = "charges"
	columnIdentification = "identification_parameter"
	columnSettlement     = "settlement_date"
)

// trailers are what the first cell of a trailer says.
var trailers = []string{"trailer", "total", "totals"}

// Settlements reads the settlement files of the banks. docs/settlement.md has their form.
type Settlements struct{}

var _ rail.Settler = Settlements{}

// Name is "billpay".
func (Settlements) Name() string { return Name }

// Currency is PKR.
func (Settlements) Currency() money.Currency { return money.PKR }

// Part is the channel and the bank's date in a reference that the rail made.
func (Settlements) Part(reference string) (rail.SettlementPart, bool) {
	parts := strings.Split(reference, "/")
	if len(parts) != 6 || authOf(reference) == "" || len(parts[4]) != dateDigits || !isDigits(parts[4]) {
		return rail.SettlementPart{}, false
	}
	return rail.SettlementPart{Channel: parts[0], Day: rail.Day(parts[4])}, true
}

// Since is a day before the day begins in Karachi: the date is the bank's, whose clock is its own.
func (Settlements) Since(day rail.Day) time.Time {
	t, err := time.ParseInLocation("20060102", string(day), karachi())
	if err != nil {
		return time.Time{}
	}
	return t.AddDate(0, 0, -1).UTC()
}

// ReadSettlement reads a CSV file: a header that names the columns, a line for each payment, and a trailer with the totals or none. Amounts
// with a decimal point are rupees, those without are paisas. Errors: rail.SettlementFaults, at most 20 of them; those of the reader.
func (Settlements) ReadSettlement(r io.Reader, o rail.SettlementOptions) (rail.Settlement, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSettlementBytes+1))
	if err != nil {
		return rail.Settlement{}, err
	}
	s := settlementReader{options: o, kept: map[string]string{}}
	s.read(text)
	if len(s.faults) > 0 {
		return rail.Settlement{}, s.faults
	}
	return s.got, nil
}

// settlementReader is one file on its way.
type settlementReader struct {
	options rail.SettlementOptions
	csv     *csv.Reader
	columns map[string]int
	width   int // of the header
	record  []string
	got     rail.Settlement
	amount  int64
	charges int64
	kept    map[string]string // texts that many lines have
	faults  rail.SettlementFaults
}

// wrong notes a fault of a column of the record; of its beginning for one that the record has not.
func (s *settlementReader) wrong(column int, format string, args ...any) {
	line, col := s.csv.FieldPos(min(max(column, 0), len(s.record)-1))
	s.faults = append(s.faults, rail.SettlementFault{Line: line, Column: col, Problem: fmt.Sprintf(format, args...)})
}

func (s *settlementReader) fail(line, column int, problem string) {
	s.faults = append(s.faults, rail.SettlementFault{Line: line, Column: column, Problem: problem})
}

func (s *settlementReader) read(text []byte) {
	if c := s.options.Channel; c != "" && !isChannel(c) {
		s.fail(1, 1, fmt.Sprintf("--channel %.40q is no id of a channel", c))
		return
	}
	if len(text) > maxSettlementBytes {
		s.fail(1, 1, fmt.Sprintf("the file is larger than %d MiB", maxSettlementBytes>>20))
		return
	}
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		s.fail(1, 1, "the file is in UTF-16: save it as UTF-8")
		return
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if line, column, ok := notText(text); ok {
		s.fail(line, column, "here is no text in UTF-8")
		return
	}
	s.csv = csv.NewReader(bytes.NewReader(text))
	s.csv.FieldsPerRecord, s.csv.ReuseRecord = -1, true
	s.csv.Comma = separator(text)
	if !s.next() || !s.header() {
		return
	}
	ended := false
	for s.next() && len(s.faults) < maxSettlementFaults {
		switch {
		case blank(s.record):
		case ended:
			s.wrong(0, "there is a line after the trailer")
			return
		case slices.Contains(trailers, strings.ToLower(strings.TrimSpace(s.record[0]))):
			ended = true
			s.trailer()
		case len(s.got.Lines) == maxSettlementLines:
			s.wrong(0, "there are more than %d lines", maxSettlementLines)
			return
		default:
			s.line()
		}
	}
}

// notText finds what is not UTF-8, or a character that no text has.
func notText(text []byte) (line, column int, found bool) {
	line, column = 1, 1
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRune(text[i:])
		switch {
		case c == utf8.RuneError && size == 1, c < ' ' && c != '\n' && c != '\r' && c != '\t':
			return line, column, true
		case c == '\n':
			line, column = line+1, 1
		default:
			column += size
		}
		i += size
	}
	return 0, 0, false
}

// separator is what stands between the columns: a comma, or what a spreadsheet writes where a comma is the decimal point.
func separator(text []byte) rune {
	header, _, _ := bytes.Cut(text, []byte("\n"))
	for _, c := range []byte{',', ';', '\t'} {
		if bytes.IndexByte(header, c) >= 0 {
			return rune(c)
		}
	}
	return ','
}

// next reads a record; false at the end, and at one that is no CSV, which is a fault.
func (s *settlementReader) next() bool {
	record, err := s.csv.Read()
	var wrong *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		if s.columns == nil {
			s.fail(1, 1, "the file is empty")
		}
		return false
	case errors.As(err, &wrong):
		s.fail(wrong.Line, wrong.Column, wrong.Err.Error())
		return false
	case err != nil:
		s.fail(1, 1, err.Error())
		return false
	}
	s.record = record
	return true
}

func blank(record []string) bool {
	return !slices.ContainsFunc(record, func(s string) bool { return strings.TrimSpace(s) != "" })
}

// header learns where the columns are.
func (s *settlementReader) header() bool {
	s.columns, s.width = map[string]int{}, len(s.record)
	for n, cell := range s.record {
		name := strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(cell)))
		if _, twice := s.columns[name]; twice && name != "" {
			s.wrong(n, "the column %q is there twice", name)
		}
		s.columns[name] = n
	}
	if _, ok := s.columns[columnFee]; ok {
		if _, both := s.columns[columnCharges]; both {
			s.wrong(s.columns[columnCharges], "there are the columns fee and charges, which mean the same")
		}
		s.columns[columnCharges] = s.columns[columnFee]
	}
	needed := []string{fieldMnemonic, fieldConsumer, fieldAuth, fieldDate, fieldTime, fieldAmount}
	if s.options.Channel == "" {
		needed = append(needed, columnChannel)
	}
	for _, name := range needed {
		if _, ok := s.columns[name]; !ok {
			hint := ""
			if name == columnChannel {
				hint = ", and --channel does not say which it is"
			}
			s.wrong(0, "there is no column %s%s", name, hint)
		}
	}
	return len(s.faults) == 0
}

// cell is the text of a column, "" when the file has no such column, and where it stands.
func (s *settlementReader) cell(name string) (string, int) {
	n, ok := s.columns[name]
	if !ok || n >= len(s.record) {
		return "", -1
	}
	return strings.TrimSpace(s.record[n]), n
}

// line reads the line of a payment.
func (s *settlementReader) line() {
	if n := len(s.record); n < s.width || n > s.width && !blank(s.record[s.width:]) {
		s.wrong(0, "it has %d columns, and the header has %d", n, s.width)
		return
	}
	before := len(s.faults)
	number, _ := s.csv.FieldPos(0)
	l := rail.SettlementLine{Line: int64(number)}
	channel := s.channel()
	p := paymentRequest{mnemonic: s.mnemonic(), auth: s.auth(), date: s.day(fieldDate), time: s.time()}
	consumer := s.consumer()
	l.Part = rail.SettlementPart{Channel: s.keep(channel), Day: rail.Day(s.keep(p.date))}
	text, at := s.cell(fieldAmount)
	l.Amount, l.Charges = s.money(text, at), s.chargesOf(text)
	if c, at := s.cell(columnCharges); l.Charges < 0 || l.Charges > l.Amount && l.Amount > 0 {
		s.wrong(at, "charges of %s, of an amount of %s", c, money.Of(l.Amount, money.PKR).Decimal())
	}
	if text, at := s.cell(columnIdentification); len(text) > maxIdentification || text != "" && !httpx.Visible(text) {
		s.wrong(at, "want at most %d characters", maxIdentification)
	} else {
		l.Receipt = strings.Clone(text)
	}
	if text, _ := s.cell(columnSettlement); text != "" {
		l.SettledOn = rail.Day(s.keep(s.day(columnSettlement)))
	}
	if len(s.faults) > before {
		return
	}
	for _, psid := range s.psids(channel, consumer) {
		l.References = append(l.References, p.reference(channel, psid))
	}
	amount, ok1 := sum(s.amount, l.Amount)
	charges, ok2 := sum(s.charges, l.Charges)
	if !ok1 || !ok2 {
		s.wrong(at, "the amounts come to more than there is")
		return
	}
	s.amount, s.charges = amount, charges
	s.got.Lines = append(s.got.Lines, l)
}

// sum is a sum; false when it leaves 64 bits.
func sum(a, b int64) (int64, bool) {
	total, err := money.Of(a, money.PKR).Add(money.Of(b, money.PKR))
	return total.Minor, err == nil
}

// keep is one copy of a text that many lines have.
func (s *settlementReader) keep(text string) string {
	if have, ok := s.kept[text]; ok {
		return have
	}
	text = strings.Clone(text) // of the record
	s.kept[text] = text
	return text
}

func (s *settlementReader) channel() string {
	text, at := s.cell(columnChannel)
	if text == "" {
		text = s.options.Channel
	}
	if text == "" {
		s.wrong(at, "it names no channel, and neither does --channel")
	} else if !isChannel(text) {
		s.wrong(at, "want the id of a channel, not %.40q", text)
	}
	return text
}

// isChannel reports whether a text can be the id of a channel.
func isChannel(s string) bool {
	if s == "" || len(s) > maxChannel {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c-'0' > 9 && c-'a' > 25 && c != '-' {
			return false
		}
	}
	return true
}

func (s *settlementReader) mnemonic() string {
	text, at := s.cell(fieldMnemonic)
	if text == "" || len(text) > maxMnemonic || !httpx.Visible(text) {
		s.wrong(at, "want the mnemonic of a bank, of at most %d characters, not %.40q", maxMnemonic, text)
	}
	return text
}

func (s *settlementReader) consumer() string {
	text, at := s.cell(fieldConsumer)
	text = strings.TrimPrefix(text, "'") // as a spreadsheet marks a number that is a text
	switch {
	case text != "" && len(text) <= psidDigits && isDigits(text):
	case strings.ContainsAny(text, "eE") && strings.ContainsAny(text, "0123456789"):
		s.wrong(at, "%.40q was a consumer number before a spreadsheet rounded it: take the file as the bank sent it", text)
	default:
		s.wrong(at, "want a consumer number of at most %d digits, not %.40q", psidDigits, text)
	}
	return text
}

// auth is the bank's id of the payment, with the zeros in front that a spreadsheet takes away.
func (s *settlementReader) auth() string {
	text, at := s.cell(fieldAuth)
	if text == "" || len(text) > authDigits || !isDigits(text) {
		s.wrong(at, "want %d digits, not %.40q", authDigits, text)
		return text
	}
	return strings.Repeat("0", authDigits-len(text)) + text
}

func (s *settlementReader) day(column string) string {
	text, at := s.cell(column)
	day, ok := rail.ParseDay(text)
	if !ok {
		s.wrong(at, "want a day, as 20260209, not %.40q", text)
	}
	return string(day)
}

// time is HHmmss or HH:mm:ss; of the digits, those in front that are zero may be missing.
func (s *settlementReader) time() string {
	text, at := s.cell(fieldTime)
	digits := text
	if strings.Count(text, ":") == 2 && len(text) == timeDigits+2 && text[2] == ':' && text[5] == ':' {
		digits = strings.ReplaceAll(text, ":", "")
	}
	if digits != "" && len(digits) <= timeDigits && isDigits(digits) {
		digits = strings.Repeat("0", timeDigits-len(digits)) + digits
		if _, err := moment("20260101", digits); err == nil {
			return digits
		}
	}
	s.wrong(at, "want a time, as 094501, not %.40q", text)
	return text
}

// money is an amount in paisas. With a decimal point it is written in rupees, as 2,500.00; without one in paisas, as in the protocol:
// 000000250000 and +0000000250000. A minus is read: it settles nothing, and somebody looks at it.
func (s *settlementReader) money(text string, at int) int64 {
	digits, plus := strings.CutPrefix(text, "+")
	if strings.Contains(digits, ".") && !(plus && strings.HasPrefix(digits, "-")) {
		a, err := money.Parse(digits, money.PKR, money.PointOrComma)
		if err == nil {
			return a.Minor
		}
	} else if unsigned := strings.TrimPrefix(text, "-"); plus && isDigits(digits) && digits != "" || isDigits(unsigned) && unsigned != "" {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	}
	s.wrong(at, "want an amount, as 000000250000 (paisas) or 2500.00 (rupees), not %.40q", text)
	return 0
}

// chargesOf is what the other side keeps of an amount, in paisas. What the amount is, our books say too; of the charges nobody else tells. So
// those that have lost the point that their amount has, as a spreadsheet takes .00 away, are not taken for paisas.
func (s *settlementReader) chargesOf(amount string) int64 {
	text, at := s.cell(columnCharges)
	if text == "" {
		return 0
	}
	charges := s.money(text, at)
	if charges != 0 && strings.Contains(amount, ".") && !strings.Contains(text, ".") {
		s.wrong(at, "charges of %.40q without a decimal point, of an amount that has one: rupees or paisas?", text)
	}
	return charges
}

// psids are the PSIDs that a consumer number can mean: itself, or what the channel's prefixes make of it. One that means none is kept as
// it is: no receipt has it.
func (s *settlementReader) psids(channel, consumer string) []string {
	var list []string
	if len(consumer) < psidDigits {
		for _, c := range s.options.Channels {
			for _, prefix := range c.Prefixes {
				if psid := prefix + consumer; c.ID == channel && len(psid) == psidDigits && !slices.Contains(list, psid) {
					list = append(list, psid)
				}
			}
		}
	}
	if len(list) == 0 {
		list = append(list, consumer)
	}
	return list
}

// trailer holds the totals against the lines: how many there are, what they come to, and their charges where it has them.
func (s *settlementReader) trailer() {
	if len(s.record) < 3 {
		s.wrong(0, "want %s, the number of lines, the amount, and the charges or nothing", trailers[0])
		return
	}
	count, err := strconv.ParseInt(strings.TrimSpace(s.record[1]), 10, 64)
	if err != nil || count != int64(len(s.got.Lines)) && len(s.faults) == 0 {
		s.wrong(1, "it counts %.40q lines, and there are %d", s.record[1], len(s.got.Lines))
	}
	check := func(n int, what string, have int64) {
		text := strings.TrimSpace(s.record[n])
		if said := s.money(text, n); len(s.faults) == 0 && said != have {
			s.wrong(n, "it says %s come to %s, and they come to %s", what, money.Of(said, money.PKR).Decimal(), money.Of(have, money.PKR).Decimal())
		}
	}
	check(2, "the amounts", s.amount)
	if len(s.record) > 3 && strings.TrimSpace(s.record[3]) != "" {
		check(3, "the charges", s.charges)
	}
}
