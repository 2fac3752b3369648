package bank

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// reader takes texts out of an answer and remembers the first that breaks the protocol.
type reader struct {
	fields map[string]string
	err    error
}

func (r *reader) fail(name, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s %s", name, fmt.Sprintf(format, args...))
	}
}

// text is a field that must be there, under one of its spellings.
func (r *reader) text(names ...string) string {
	for _, name := range names {
		if s, ok := r.fields[name]; ok {
			return s
		}
	}
	r.fail(names[0], "is missing")
	return ""
}

// wide is a field of so many characters, without the spaces that fill it up.
func (r *reader) wide(width int, names ...string) string {
	s := r.text(names...)
	if n := len([]rune(s)); n != width {
		r.fail(names[0], "has %d characters instead of %d: %q", n, width, s)
	}
	return strings.TrimRight(s, " ")
}

// digits is a field of exactly so many digits, or blank where it may be.
func (r *reader) digits(width int, blank bool, name string) string {
	s := r.wide(width, name)
	if s == "" && blank {
		return ""
	}
	if len(s) != width || strings.Trim(s, "0123456789") != "" {
		r.fail(name, "is not %d digits: %q", width, s)
	}
	return s
}

// amount is minor units: a sign and 13 digits, or 14 digits.
func (r *reader) amount(name string) int64 {
	s := r.wide(14, name)
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strings.Trim(s[1:], "0123456789") != "" {
		r.fail(name, "is no amount: %q", s)
	}
	return n
}

// code is the answer's response_Code.
func (r *reader) code() string { return r.digits(2, false, "response_Code") }

func (r *reader) done(body string) error {
	if r.err != nil {
		return errors.Join(errors.New("the answer breaks the protocol"), r.err, fmt.Errorf("it was %.600s", body))
	}
	return nil
}

func readBill(body string, fields map[string]string) (Bill, error) {
	r := reader{fields: fields}
	b := Bill{Body: body, Code: r.code()}
	done := b.Code == "00"
	b.Detail = r.wide(30, "consumer_Detail", "consumer_detail")
	b.Status = r.wide(1, "bill_status")
	b.DueDate = r.digits(8, !done, "due_date")
	b.Within, b.After = r.amount("amount_within_dueDate"), r.amount("amount_after_dueDate")
	b.Month = r.digits(4, !done, "billing_month")
	unpaid := b.Status != "P"
	b.DatePaid = r.digits(8, unpaid, "date_paid")
	b.AmountPaid = r.digits(12, unpaid, "amount_paid")
	b.AuthID = r.digits(6, true, "tran_auth_Id")
	r.text("reserved")
	if done && b.Status != "U" && b.Status != "P" {
		r.fail("bill_status", "of a bill that was found is %q", b.Status)
	}
	if unpaid && b.DatePaid+b.AmountPaid+b.AuthID != "" {
		r.fail("bill_status", "is %q, and it was paid none the less", b.Status)
	}
	return b, r.done(body)
}

func readReceipt(body string, fields map[string]string) (Receipt, error) {
	r := reader{fields: fields}
	p := Receipt{Body: body, Code: r.code()}
	p.Parameter = r.text("identification_parameter", "Identification_parameter")
	r.text("reserved")
	taken := p.Code == "00" || p.Code == "03"
	if len(p.Parameter) > 20 || (p.Parameter != "") != taken {
		r.fail("identification_parameter", "with code %s is %q", p.Code, p.Parameter)
	}
	return p, r.done(body)
}

// words are what the codes mean; 03 has a meaning for each operation.
var words = map[string]string{
	"00": "done", "01": "not found, expired or not payable", "02": "blocked, or a zero or wrong amount", "04": "invalid data or credentials",
	"05": "processing failed", "06": "already paid",
}

func meaning(code, third string) string {
	if code == "03" {
		return third
	}
	if w := words[code]; w != "" {
		return w
	}
	return "a code that nobody knows"
}

// Meaning says the code in words.
func (b Bill) Meaning() string { return meaning(b.Code, "system fault") }

// Meaning says the code in words.
func (r Receipt) Meaning() string {
	return meaning(r.Code, "duplicate: this payment was recorded before")
}
