package asaanbill

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/store"
)

// columns are the headers of a CSV of bills, those first without which no bill can be made.
var (
	neededColumns = []string{fieldTitle, fieldIdentifier, fieldAmount, fieldDueDate, fieldAmountAfter}
	columns       = append(neededColumns[:len(neededColumns):len(neededColumns)],
		fieldDescription, fieldBilledName, fieldBilledAt, fieldBilledPhone, fieldPeriod, fieldAbout)
)

// Columns are the headers that a CSV of bills may have.
func Columns() []string { return append([]string(nil), columns...) }

// Sheet is a CSV of bills as it was read.
type Sheet struct {
	Rows   int          // rows with anything in them, without the header
	Faults []SheetFault // what is wrong with them, in the order of the file

	good []request
	text []byte // all of the file
}

// SheetFault is one thing that is wrong with a row.
type SheetFault struct {
	Line    int    // of the file, from 1, where the field begins
	Column  int    // of the row, from 1; 0 when it is the row as a whole
	Header  string // of the column, "" when it is the row
	Problem string // in the words that add-bulk has for it, beginning with the header
}

// Good is how many rows have nothing wrong with them.
func (s Sheet) Good() int { return len(s.good) }

// Text is the file as it was read.
func (s Sheet) Text() []byte { return s.text }

// ReadCSV reads the bills of a CSV (RFC 4180): UTF-8, with or without a byte order mark; the first row is the header, whose names are those of
// add-bulk's fields, in any order and in small or capital letters; rows and fields that are all blank count for nothing. What is wrong with a
// row is among the sheet's Faults, and the other rows are good. The error says, for a person, why the file as a whole cannot be taken: it is
// not UTF-8, larger than 8 MiB, empty, has a header that is missing, unknown or there twice, or more than 5,000 rows.
func ReadCSV(from io.Reader) (Sheet, error) {
	text, err := io.ReadAll(io.LimitReader(from, bulkBody+1))
	if err != nil {
		return Sheet{}, err
	}
	s := Sheet{text: text}
	if len(text) > bulkBody {
		return s, fmt.Errorf("it is larger than %d MiB: split it", bulkBody>>20)
	}
	if err := checkText(text); err != nil {
		return s, err
	}
	r := csv.NewReader(bufio.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff")))))
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	names, err := readHeader(r)
	if err != nil {
		return s, err
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var broken *csv.ParseError
		if err != nil && !errors.As(err, &broken) {
			return s, err
		}
		if broken == nil && blank(row) {
			continue
		}
		if s.Rows++; s.Rows > maxBulk {
			return s, fmt.Errorf("it has more than %d rows: split it", maxBulk)
		}
		if broken != nil {
			s.Faults = append(s.Faults, SheetFault{Line: broken.Line, Problem: quotation(broken)})
			continue
		}
		s.row(r, names, row)
	}
	if s.Rows == 0 {
		return s, errors.New("it has a header and no rows")
	}
	return s, nil
}

// checkText finds what cannot be read as text at all.
func checkText(text []byte) error {
	switch {
	case len(bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))) == 0:
		return errors.New("it is empty")
	case bytes.HasPrefix(text, []byte("PK\x03\x04")) || bytes.HasPrefix(text, []byte("\xd0\xcf\x11\xe0")):
		return errors.New("it is a spreadsheet and not a CSV: save it as CSV (UTF-8)")
	case utf8.Valid(text):
		return nil
	}
	line := 1
	for len(text) > 0 {
		c, size := utf8.DecodeRune(text)
		if c == utf8.RuneError && size == 1 {
			break
		}
		if c == '\n' {
			line++
		}
		text = text[size:]
	}
	return fmt.Errorf("it is not UTF-8, as line %d shows: save it as CSV (UTF-8)", line)
}

// readHeader reads the names of the columns; "" for one that has no name and must be blank in every row.
func readHeader(r *csv.Reader) ([]string, error) {
	row, err := r.Read()
	var broken *csv.ParseError
	switch {
	case errors.As(err, &broken):
		return nil, fmt.Errorf("its header cannot be read: %s", quotation(broken))
	case err != nil:
		return nil, err
	case len(row) == 1 && strings.ContainsAny(row[0], ";\t|"):
		return nil, errors.New("its header has one name: the columns are to be separated by commas")
	}
	names := make([]string, len(row))
	seen := map[string]bool{}
	for n, field := range row {
		field = strings.TrimSpace(field)
		if field == "" {
			continue
		}
		for _, c := range columns {
			if strings.EqualFold(c, field) {
				names[n] = c
			}
		}
		switch {
		case names[n] == "":
			return nil, fmt.Errorf("its column %d is called %q, which means nothing: there are %s", n+1, field, strings.Join(columns, ", "))
		case seen[names[n]]:
			return nil, fmt.Errorf("it has the column %s twice", names[n])
		}
		seen[names[n]] = true
	}
	var missing []string
	for _, c := range neededColumns {
		if !seen[c] {
			missing = append(missing, c)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("its header lacks %s", strings.Join(missing, ", "))
	}
	return names, nil
}

// quotation words what encoding/csv could not read.
func quotation(e *csv.ParseError) string {
	switch {
	case errors.Is(e.Err, csv.ErrBareQuote):
		return fmt.Sprintf("a field with a quotation mark in it must stand in quotation marks, and the mark twice (at byte %d)", e.Column)
	case e.StartLine != e.Line:
		return fmt.Sprintf("a quotation mark is not closed in the row that begins with line %d", e.StartLine)
	}
	return fmt.Sprintf("a quotation mark is not closed, or something else than a comma follows it (at byte %d)", e.Column)
}

func blank(row []string) bool {
	for _, field := range row {
		if strings.TrimSpace(field) != "" {
			return false
		}
	}
	return true
}

// row reads one row.
func (s *Sheet) row(r *csv.Reader, names, row []string) {
	line, _ := r.FieldPos(0)
	whole := func(format string, args ...any) {
		s.Faults = append(s.Faults, SheetFault{Line: line, Problem: fmt.Sprintf(format, args...)})
	}
	if len(row) < len(names) {
		for _, left := range names[len(row):] {
			if left != "" {
				whole("it has %d fields, and the header %d", len(row), len(names))
				return
			}
		}
	}
	fields := make(map[string]string, len(names))
	for n, field := range row {
		switch {
		case n < len(names) && names[n] != "":
			fields[names[n]] = field
		case strings.TrimSpace(field) != "":
			whole("its field %d is under no header", n+1)
			return
		}
	}
	body, err := json.Marshal(fields)
	if err != nil {
		whole("%v", err)
		return
	}
	read, err := httpx.ParseFields("application/json", body)
	if err == nil {
		var q request
		if q, err = readPayment(read, typePSID); err == nil {
			s.good = append(s.good, q)
			return
		}
	}
	for _, f := range fault.All(err) {
		_, said := wording(f)
		found := SheetFault{Line: line, Header: f.Field, Problem: said}
		for n, name := range names[:min(len(row), len(names))] {
			if name != "" && name == f.Field {
				found.Line, _ = r.FieldPos(n)
				found.Column = n + 1
			}
		}
		s.Faults = append(s.Faults, found)
	}
}

// UploadCSV hands the sheet's good rows to the core, as add-bulk does, under the file's name. Faults are those of invoice.Service.Upload, and
// those of a merchant that can take no bills.
func (d *Dialect) UploadCSV(ctx context.Context, m merchant.Merchant, s Sheet, fileName string, key *store.Key) (invoice.Upload, error) {
	if err := payable(m, false); err != nil {
		return invoice.Upload{}, err
	}
	return d.upload(ctx, m, s.good, invoice.Upload{ContentType: contentCSV, FileName: fileName}, key)
}
