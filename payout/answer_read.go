package payout

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a file of answers.
const (
	AnswerBytes  = 64 << 20
	AnswerLines  = 200_000
	answerFaults = 20  // a reader stops at the last of them
	answerText   = 200 // characters of a bank's reference or reason
)

// AnswerOptions say how a file of answers is to be read. The zero value reads our own sheet, with the last columns filled in.
//
// A column is named as the header has it, where case, spaces, dashes and underscores do not matter, or by its number, from 1.
type AnswerOptions struct {
	ID        string // our id of the payout, the name of its row on the sheet, or its printed number: by default "payout" or "row"
	Result    string // what became of it: by default "result"
	Amount    string // in the major unit: by default "amount"
	Currency  string // by default "currency", where the file has that; without one the amount is of the payout's
	Reference string // the bank's own: by default "bank_reference", where the file has that
	Reason    string // why it was rejected: by default "reason", where the file has that

	Completed, Rejected []string // what the result says then, in any case; none for CompletedWords and RejectedWords

	Comma    rune // what stands between the columns; 0 for a comma, semicolon or tab, whichever the first line has
	NoHeader bool // the first line is an answer: columns are named by number
	Skip     int  // lines in front that are neither

	Sheet    int64 // when set, only payouts of the sheet with this number are decided
	DryRun   bool  // change nothing, and tell what would be
	Progress func(done, of int)
}

// What a result says when its column is not ours: nothing that could mean less than it says is among them.
var (
	CompletedWords = []string{"completed", "complete", "paid", "success", "successful", "done"}
	RejectedWords  = []string{"rejected", "failed", "failure", "declined", "returned"}
	openWords      = []string{"", "-", "pending", "processing", "in process", "in progress"}
)

// AnswerRow is a line of a file, as it stands there.
type AnswerRow struct {
	Line      int64  // where it begins in the file, from 1
	ID        string // what names the payout
	Result    string
	Outcome   Status // Completed or Rejected; "" when it says nothing yet
	Amount    string
	Currency  string // "" where the file does not say
	Reference string
	Reason    string
	Problem   string // why it cannot be read, in words; "" when it can
}

// AnswerFault is why a file cannot be read at all.
type AnswerFault struct {
	Line    int // from 1; 0 for the whole file
	Problem string
}

// AnswerFaults are why a file cannot be read, and so nothing of it was used.
type AnswerFaults []AnswerFault

// Error says each in a line.
func (f AnswerFaults) Error() string {
	lines := make([]string, len(f))
	for n, one := range f {
		lines[n] = one.Problem
		if one.Line > 0 {
			lines[n] = fmt.Sprintf("line %d: %s", one.Line, one.Problem)
		}
	}
	return strings.Join(lines, "\n")
}

// ReadAnswers reads a file of answers. A line that cannot be read is a row with a Problem; a file that is no CSV, or lacks a column, is
// AnswerFaults. Other errors are the reader's.
func ReadAnswers(r io.Reader, o AnswerOptions) ([]AnswerRow, error) {
	text, err := io.ReadAll(io.LimitReader(r, AnswerBytes+1))
	if err != nil {
		return nil, err
	}
	a := answerReader{options: o, line: o.Skip}
	if !a.open(text) {
		return nil, a.faults
	}
	for a.next() {
		switch {
		case !slices.ContainsFunc(a.record, func(s string) bool { return strings.TrimSpace(s) != "" }):
		case a.columns == nil:
			if a.header(); len(a.faults) > 0 {
				return nil, a.faults
			}
			if o.NoHeader {
				a.row()
			}
		case len(a.rows) == AnswerLines:
			a.wrong("there are more than %d lines", AnswerLines)
			return nil, a.faults
		default:
			a.row()
		}
	}
	if a.columns == nil && len(a.faults) == 0 {
		a.faults = append(a.faults, AnswerFault{Problem: "the file is empty"})
	}
	if len(a.faults) > 0 {
		return nil, a.faults
	}
	return a.rows, nil
}

// answerReader is one file on its way.
type answerReader struct {
	options             AnswerOptions
	csv                 *csv.Reader
	line                int            // how many were skipped
	columns             map[string]int // where ours are, by our names
	completed, rejected []string
	record              []string
	rows                []AnswerRow
	faults              AnswerFaults
}

// wrong notes a fault of the record that was read last.
func (a *answerReader) wrong(format string, args ...any) {
	line := 0
	if len(a.record) > 0 {
		line, _ = a.csv.FieldPos(0)
		line += a.line
	}
	a.faults = append(a.faults, AnswerFault{Line: line, Problem: fmt.Sprintf(format, args...)})
}

// open gets ready to read lines.
func (a *answerReader) open(text []byte) bool {
	fail := func(line int, problem string) bool {
		a.faults = append(a.faults, AnswerFault{Line: line, Problem: problem})
		return false
	}
	o := a.options
	a.completed, a.rejected = words(o.Completed, CompletedWords), words(o.Rejected, RejectedWords)
	for _, w := range a.completed {
		if slices.Contains(a.rejected, w) {
			return fail(0, fmt.Sprintf("%q cannot mean both completed and rejected", w))
		}
	}
	switch {
	case len(text) > AnswerBytes:
		return fail(0, fmt.Sprintf("the file is larger than %d MiB", AnswerBytes>>20))
	case bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")):
		return fail(0, "the file is in UTF-16: save it as CSV in UTF-8")
	case bytes.HasPrefix(text, []byte("PK\x03\x04")) || bytes.HasPrefix(text, []byte("\xd0\xcf\x11\xe0")):
		return fail(0, "the file is a spreadsheet: save it as CSV in UTF-8")
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	line := 1
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRune(text[i:])
		switch {
		case c == utf8.RuneError && size == 1, c < ' ' && c != '\n' && c != '\r' && c != '\t':
			return fail(line, "here is no text in UTF-8")
		case c == '\n':
			line++
		}
		i += size
	}
	for range o.Skip {
		_, rest, more := bytes.Cut(text, []byte("\n"))
		if !more {
			return fail(0, fmt.Sprintf("the file has no more than the %d lines that are to be skipped", o.Skip))
		}
		text = rest
	}
	a.csv = csv.NewReader(bytes.NewReader(text))
	a.csv.FieldsPerRecord, a.csv.ReuseRecord = -1, true
	a.csv.Comma = o.Comma
	if o.Comma == 0 {
		a.csv.Comma = commaOf(text)
	}
	return true
}

// words are those that were chosen, or the usual ones, as results are compared.
func words(chosen, usual []string) []string {
	if len(chosen) == 0 {
		chosen = usual
	}
	list := make([]string, len(chosen))
	for n, w := range chosen {
		list[n] = plainWord(w)
	}
	return list
}

func plainWord(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// commaOf is what stands between the columns of the first line that has any.
func commaOf(text []byte) rune {
	for line := range bytes.Lines(text) {
		best, most := ',', 0
		for _, c := range []byte{',', ';', '\t', '|'} {
			if n := bytes.Count(line, []byte{c}); n > most {
				best, most = rune(c), n
			}
		}
		if most > 0 {
			return best
		}
	}
	return ','
}

// next reads a record; false at the end, and at one that is no CSV, which is a fault.
func (a *answerReader) next() bool {
	record, err := a.csv.Read()
	var wrong *csv.ParseError
	switch {
	case errors.Is(err, io.EOF) || len(a.faults) >= answerFaults:
		return false
	case errors.As(err, &wrong):
		a.faults = append(a.faults, AnswerFault{Line: a.line + wrong.Line, Problem: wrong.Err.Error()})
		return false
	case err != nil:
		a.faults = append(a.faults, AnswerFault{Problem: err.Error()})
		return false
	}
	a.record = record
	return true
}

// The columns by our names, in the order in which a header that lacks them is told.
const (
	saidID, saidResult, saidAmount          = "id", "result", "amount"
	saidCurrency, saidReference, saidReason = "currency", "reference", "reason"
)

// header learns where the columns are, by the first line or without one.
func (a *answerReader) header() {
	o := a.options
	a.columns = map[string]int{}
	at := map[string][]int{}
	if !o.NoHeader {
		for n, c := range a.record {
			name := headerName(c)
			at[name] = append(at[name], n)
		}
	}
	for _, c := range []struct {
		ours, chosen string
		usual        []string
		needed       bool
	}{
		{saidID, o.ID, []string{"payout", "row"}, true},
		{saidResult, o.Result, []string{"result"}, true},
		{saidAmount, o.Amount, []string{"amount"}, true},
		{saidCurrency, o.Currency, []string{"currency"}, false},
		{saidReference, o.Reference, []string{"bank_reference"}, false},
		{saidReason, o.Reason, []string{"reason"}, false},
	} {
		names := c.usual
		if c.chosen != "" {
			names = []string{c.chosen}
		}
		found := false
		for _, name := range names {
			places := at[headerName(name)]
			if len(places) > 1 {
				a.wrong("the column %q is there %d times: name it by its number", name, len(places))
			}
			if len(places) > 0 {
				a.columns[c.ours], found = places[0], true
				break
			}
		}
		if found {
			continue
		}
		if n, err := strconv.Atoi(c.chosen); err == nil && n >= 1 && n <= len(a.record) {
			a.columns[c.ours] = n - 1
			continue
		}
		switch {
		case c.chosen != "":
			a.wrong("there is no column %.60q among the %d", c.chosen, len(a.record))
		case c.needed:
			a.wrong("no column %s: say which one is the %s", strings.Join(c.usual, " or "), c.ours)
		}
	}
}

// headerName is a column's name as names are compared.
func headerName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' || unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// row reads an answer.
func (a *answerReader) row() {
	line, _ := a.csv.FieldPos(0)
	cell := func(name string) string {
		n, ok := a.columns[name]
		if !ok || n >= len(a.record) {
			return ""
		}
		return strings.TrimSpace(a.record[n])
	}
	r := AnswerRow{
		Line: int64(line + a.line), ID: cell(saidID), Result: cell(saidResult), Amount: cell(saidAmount), Currency: strings.ToUpper(cell(saidCurrency)),
		Reference: cell(saidReference), Reason: cell(saidReason),
	}
	word := plainWord(r.Result)
	switch {
	case slices.Contains(a.completed, word):
		r.Outcome = Completed
	case slices.Contains(a.rejected, word):
		r.Outcome = Rejected
	case !slices.Contains(openWords, word):
		r.Problem = fmt.Sprintf("the result %.40q is none of those that mean completed or rejected", r.Result)
	}
	for _, c := range []struct{ name, text string }{{"reference", r.Reference}, {"reason", r.Reason}} {
		if utf8.RuneCountInString(c.text) > answerText || strings.ContainsFunc(c.text, unicode.IsControl) {
			r.Problem = fmt.Sprintf("the %s is longer than %d characters, or has control characters", c.name, answerText)
		}
	}
	if r.ID == "" && r.Outcome != "" {
		r.Problem = "it does not say which payout it is of"
	}
	a.rows = append(a.rows, r)
}
