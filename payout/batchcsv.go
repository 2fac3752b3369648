package payout

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"sarraf/fault"
	"sarraf/money"
)

// BatchBytes is how long a CSV of payouts may be.
const BatchBytes = 8 << 20

// The columns of a CSV of payouts, and the fields that faults about it are about. The first four must be there.
const (
	columnMethod      = "method"
	columnAmount      = "amount"
	columnName        = "recipient_name"
	columnAccount     = "recipient_account"
	columnReference   = "reference"
	columnDescription = "description"

	fieldPayouts = "payouts" // the list as a whole
)

var (
	csvColumns = []string{columnMethod, columnAmount, columnName, columnAccount, columnReference, columnDescription}
	csvNeeded  = csvColumns[:4]
)

// BatchColumns are the headers that a CSV of payouts may have.
func BatchColumns() []string { return slices.Clone(csvColumns) }

// batchFaults is after how many faulty lines a CSV is read no further.
const batchFaults = 100

// ReadBatchCSV reads payouts from a CSV, which it never holds as a whole. The first row names the columns, in any order and in small or
// capital letters: method, amount, recipient_name and recipient_account must be there, reference and description may be. A method is the
// number of one of the methods, or its kind when one of them alone is of that kind; it says the currency of the amount, which is read
// exactly, by the rules of money.PointOrComma. Each line becomes a payout to be asked for, in the order of the file; whether it can be
// made is not judged here.
//
// Spreadsheets have their ways: a byte order mark, "sep=;", semicolons or tabs for commas, empty rows and columns, and spaces around a cell
// count for nothing. A cell that looks like a formula is a text like any other. An account that was rounded (1.23E+15) is refused, because
// its digits are lost.
//
// One fault keeps the whole file from being taken. Each has the line of the file (line, from 1) and, where it is about a cell, its column
// in the row (column, from 1), and is on the name of its column:
// FieldRequired, FieldTooLong (max), FieldControl; PayoutMethodMissing and TargetAmbiguous (candidates) on method; FieldNotNumber,
// AmountDecimals (decimals), AmountTooLarge (max) and AmountNotPositive on amount; FieldMalformed (rule: rounded) on recipient_account;
// FieldRequired on a column that is missing, FieldMalformed (rule: twice) on one that is there twice, FieldNotOneOf (allowed) on header;
// FieldTooMany (max: columns) on header for a cell under no header; BodyMalformed for quotation marks that do not fit. Those about the file
// as a whole are FieldRequired and FieldTooMany (max) on payouts, BodyTooLarge (limit), and BodyUnsupported for a spreadsheet and for
// another encoding than UTF-8. After a hundred faulty lines it reads no further. Other errors are the reader's.
func ReadBatchCSV(r io.Reader, methods []Method) ([]New, error) {
	in, comma, skipped, err := openCSV(r)
	if err != nil {
		return nil, err
	}
	b := batchReader{csv: csv.NewReader(in), skipped: skipped, methods: methods}
	b.csv.Comma, b.csv.FieldsPerRecord, b.csv.ReuseRecord = comma, -1, true
	if err := b.header(); err != nil {
		return nil, err
	}
	faulty := 0
	for faulty < batchFaults {
		row, err := b.csv.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var broken *csv.ParseError
		switch {
		case errors.As(err, &broken):
			b.add(b.place(fault.New(fault.BodyMalformed), broken.StartLine, 0))
			faulty++
			continue
		case err != nil:
			return nil, err
		case blankRow(row):
			continue
		}
		if b.rows++; b.rows > BatchMost {
			return nil, fault.New(fault.FieldTooMany).On(fieldPayouts).With("max", strconv.Itoa(BatchMost))
		}
		before := len(b.faults)
		b.row(row)
		if len(b.faults) > before {
			faulty++
		}
	}
	if b.rows == 0 && len(b.faults) == 0 {
		return nil, fault.New(fault.FieldRequired).On(fieldPayouts)
	}
	if len(b.faults) > 0 {
		return nil, fault.Join(b.faults...)
	}
	return b.list, nil
}

// openCSV looks at how a file begins: in is what stands after that, comma what its columns are separated by, and skipped how many lines
// were passed.
func openCSV(r io.Reader) (in *bufio.Reader, comma rune, skipped int, err error) {
	in = bufio.NewReader(&boundedReader{r: r, left: BatchBytes})
	begin, err := in.Peek(1024)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, 0, err
	}
	for _, other := range []string{"PK\x03\x04", "\xd0\xcf\x11\xe0", "\xff\xfe", "\xfe\xff"} { // workbooks, and UTF-16
		if bytes.HasPrefix(begin, []byte(other)) {
			return nil, 0, 0, fault.New(fault.BodyUnsupported)
		}
	}
	if rest, ok := bytes.CutPrefix(begin, []byte("\ufeff")); ok {
		_, _ = in.Discard(len(begin) - len(rest))
		begin = rest
	}
	first, _, _ := bytes.Cut(begin, []byte("\n"))
	if said := strings.TrimRight(string(first), "\r\n"); len(said) == 5 && strings.EqualFold(said[:4], "sep=") && strings.IndexByte(",;\t|", said[4]) >= 0 {
		_, _ = in.Discard(min(len(first)+1, len(begin)))
		return in, rune(said[4]), 1, nil
	}
	comma = ','
	if at := bytes.IndexAny(first, ",;\t"); at >= 0 {
		comma = rune(first[at])
	}
	return in, comma, 0, nil
}

// boundedReader is a reader that refuses what is too long.
type boundedReader struct {
	r    io.Reader
	left int
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, fault.New(fault.BodyTooLarge).With("limit", strconv.Itoa(BatchBytes))
	}
	return n, err
}

// batchReader reads one CSV.
type batchReader struct {
	csv     *csv.Reader
	skipped int // lines in front of those that csv has seen
	methods []Method
	columns []string // what each column is, "" for one without a name
	rows    int
	list    []New
	faults  []*fault.Error
}

func (b *batchReader) add(f *fault.Error) { b.faults = append(b.faults, f) }

// place is a fault at a line that csv counted and, unless it is 0, in a column.
func (b *batchReader) place(f *fault.Error, line, column int) *fault.Error {
	f = f.With("line", strconv.Itoa(line+b.skipped))
	if column > 0 {
		f = f.With("column", strconv.Itoa(column))
	}
	return f
}

// header reads the names of the columns.
func (b *batchReader) header() error {
	row, err := b.csv.Read()
	var broken *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return fault.New(fault.FieldRequired).On(fieldPayouts)
	case errors.As(err, &broken):
		return b.place(fault.New(fault.BodyMalformed), broken.StartLine, 0)
	case err != nil:
		return err
	}
	line, _ := b.csv.FieldPos(0)
	for n, cell := range row {
		name := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(cell)), " ", "_")
		switch {
		case name != "" && !slices.Contains(csvColumns, name):
			b.add(b.place(fault.New(fault.FieldNotOneOf).On("header").With("allowed", strings.Join(csvColumns, ",")), line, n+1))
		case name != "" && slices.Contains(b.columns, name):
			b.add(b.place(fault.New(fault.FieldMalformed).On(name).With("rule", "twice"), line, n+1))
		}
		b.columns = append(b.columns, name)
	}
	for _, name := range csvNeeded {
		if !slices.Contains(b.columns, name) {
			b.add(b.place(fault.New(fault.FieldRequired).On(name), line, 0))
		}
	}
	return fault.Join(b.faults...)
}

func blankRow(row []string) bool {
	return !slices.ContainsFunc(row, func(cell string) bool { return strings.TrimSpace(cell) != "" })
}

// longestCell is how many characters a cell may have.
var longestCell = map[string]int{
	columnMethod: 50, columnAmount: money.MaxText, columnName: 100, columnAccount: 64, columnReference: 64, columnDescription: 255,
}

// roundedNumber is how a spreadsheet shows a number that is longer than its columns are wide, or than it can count.
var roundedNumber = regexp.MustCompile(`^[0-9]+([.,][0-9]+)?[Ee]\+?[0-9]+$`)

// row reads one line.
func (b *batchReader) row(row []string) {
	cells, at := map[string]string{}, map[string]int{}
	line, _ := b.csv.FieldPos(0)
	say := func(f *fault.Error, name string) {
		where := line
		if column := at[name]; column > 0 {
			where, _ = b.csv.FieldPos(column - 1)
		}
		b.add(b.place(f.On(name), where, at[name]))
	}
	before := len(b.faults)
	for n, cell := range row {
		cell = strings.TrimSpace(cell)
		if cell == "" {
			continue
		}
		if n >= len(b.columns) || b.columns[n] == "" {
			where, _ := b.csv.FieldPos(n)
			b.add(b.place(fault.New(fault.FieldTooMany).On("header").With("max", strconv.Itoa(len(b.columns))), where, n+1))
			continue
		}
		name := b.columns[n]
		cells[name], at[name] = strings.Clone(cell), n+1
		switch most := longestCell[name]; {
		case !utf8.ValidString(cell) || strings.ContainsFunc(cell, unicode.IsControl):
			say(fault.New(fault.FieldControl), name)
		case utf8.RuneCountInString(cell) > most:
			say(fault.New(fault.FieldTooLong).With("max", strconv.Itoa(most)), name)
		}
	}
	for _, name := range csvNeeded {
		if cells[name] == "" {
			at[name] = slices.Index(b.columns, name) + 1
			if at[name] > len(row) {
				at[name] = 0 // the row ends before it
			}
			say(fault.New(fault.FieldRequired), name)
		}
	}
	if roundedNumber.MatchString(cells[columnAccount]) {
		say(fault.New(fault.FieldMalformed).With("rule", "rounded"), columnAccount)
	}
	if len(b.faults) > before {
		return
	}
	m, f := methodNamed(b.methods, cells[columnMethod])
	if f != nil {
		say(f, columnMethod)
		return
	}
	amount, err := money.Parse(cells[columnAmount], m.Currency, money.PointOrComma)
	switch {
	case err != nil:
		say(fault.First(err), columnAmount)
	case amount.Sign() <= 0:
		say(fault.New(fault.AmountNotPositive), columnAmount)
	default:
		b.list = append(b.list, New{
			Method: m.Number, Amount: amount, RecipientName: cells[columnName], Account: cells[columnAccount], Reference: cells[columnReference],
			Description: cells[columnDescription],
		})
	}
}

// methodNamed finds a method by its number or, when it is the only one that can be used, by its kind.
func methodNamed(methods []Method, text string) (Method, *fault.Error) {
	var found []Method
	var numbers []string
	for _, m := range methods {
		number := strconv.FormatInt(m.Number, 10)
		if number == text {
			return m, nil
		}
		if strings.EqualFold(m.Kind, text) && !m.Disabled {
			found, numbers = append(found, m), append(numbers, number)
		}
	}
	switch len(found) {
	case 0:
		return Method{}, fault.New(fault.PayoutMethodMissing)
	case 1:
		return found[0], nil
	}
	return Method{}, fault.New(fault.TargetAmbiguous).With("candidates", strings.Join(numbers, ","))
}
