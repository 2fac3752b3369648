package billpay

import (
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/money"
	"sarraf/rail"
)

// Widths of the answers' texts, in characters. The page of the protocol leaves those of the contacts open.
const (
	detailWidth    = 30
	dateWidth      = 8
	monthWidth     = 4
	paidWidth      = 12
	amountWidth    = 14 // the sign among them
	emailWidth     = 30
	contactWidth   = 15
	parameterWidth = 20 // at most; it is not filled up
)

// What a bank is told of a bill. Blocked is also what an answer says that tells of no bill: whatever is refused is not to be paid.
const (
	statusUnpaid  = 'U'
	statusPaid    = 'P'
	statusBlocked = 'B'
)

// answer is what is said to a bank, before it is laid out. The zero values are blanks.
type answer struct {
	code string

	// Of an inquiry:
	detail string
	status byte
	due    string // yyyyMMdd
	within int64  // minor units
	after  int64
	month  string // yyMM
	paidOn string // yyyyMMdd
	paid   int64
	authID string

	// Of a payment:
	parameter string
}

// mostPresented is the largest amount that 12 digits can say, in minor units. A payment says no more.
const mostPresented = 999_999_999_999

// presented is the answer to an inquiry about a bill. Fault InvoiceMissing: there is nothing to pay under its number.
func presented(b rail.Bill, now time.Time) (answer, error) {
	missing := fault.New(fault.InvoiceMissing)
	switch {
	case b.State == rail.BillBlocked:
		return answer{code: codeBlocked, detail: b.Title, status: statusBlocked}, nil
	case b.State == rail.BillClosed, b.State != rail.BillOpen && b.State != rail.BillPaid:
		return answer{}, missing
	case b.State == rail.BillOpen && !b.ExpiresAt.IsZero() && !now.Before(b.ExpiresAt):
		return answer{}, missing
	case !payable(b.Amount) || !payable(b.LateAmount), b.State == rail.BillOpen && !b.AnyAmount && b.Amount.Minor == 0:
		return answer{}, missing
	}
	due := lastDay(b, now)
	a := answer{
		code: codeDone, detail: b.Title, status: statusUnpaid, due: day(due), month: clock.In(due, zone).Format("0601"),
		within: b.Amount.Minor, after: b.LateAmount.Minor,
	}
	if b.State == rail.BillPaid {
		a.status, a.paidOn, a.paid, a.authID = statusPaid, day(b.PaidAt), b.PaidAmount.Minor, authOf(b.PaidReference)
	}
	return a, nil
}

// payable reports whether a bank can pay the amount: rupees that fit into a payment's 12 digits.
func payable(a money.Amount) bool {
	return a.Minor >= 0 && a.Minor <= mostPresented && (a.Currency == money.PKR || a.Minor == 0 && a.Currency == "")
}

// lastDay is an instant of the last day on which the bill's first amount is right. Of a demand without a due date that is the day on which
// it expires, and today where it never does.
func lastDay(b rail.Bill, now time.Time) time.Time {
	switch {
	case !b.LateFrom.IsZero():
		return b.LateFrom.Add(-time.Microsecond)
	case !b.ExpiresAt.IsZero():
		return b.ExpiresAt.Add(-time.Microsecond)
	}
	return now
}

// day is the day in Karachi as the protocol prints it.
func day(t time.Time) string { return clock.In(t, zone).Format("20060102") }

// write lays the answer out, sends it and counts it.
func (x *Rail) write(w http.ResponseWriter, status int, c *call, a answer) {
	if x.answers != nil {
		channel := c.channel.ID
		if channel == "" {
			channel = "none"
		}
		x.answers.WithLabelValues(channel, string(c.operation), a.code).Inc()
	}
	b := make([]byte, 0, 512)
	b = append(b, `{"response_Code":"`...)
	b = append(b, a.code...)
	if c.operation == payment {
		b = a.payment(b, c.channel.Profile)
	} else {
		b = a.inquiry(b, c.channel.Profile)
	}
	b = append(b, `","reserved":"`...)
	if c.channel.Profile.EchoReserved {
		b = appendText(b, c.reserved)
	}
	b = append(b, `"}`...)
	httpx.WriteRaw(w, status, "application/json", b)
}

// payment appends what only a payment's answer has, up to the value of its last text.
func (a answer) payment(b []byte, p rail.Profile) []byte {
	if p.ParameterUpper {
		b = append(b, `","Identification_parameter":"`...)
	} else {
		b = append(b, `","identification_parameter":"`...)
	}
	return append(b, a.parameter[:min(len(a.parameter), parameterWidth)]...)
}

// inquiry appends what only an inquiry's answer has, up to the value of its last text.
func (a answer) inquiry(b []byte, p rail.Profile) []byte {
	if p.DetailLower {
		b = append(b, `","consumer_detail":"`...)
	} else {
		b = append(b, `","consumer_Detail":"`...)
	}
	b = appendFilled(b, a.detail, detailWidth)
	b = append(b, `","bill_status":"`...)
	if a.status == 0 {
		a.status = statusBlocked
	}
	b = append(b, a.status)
	b = append(b, `","due_date":"`...)
	b = appendFilled(b, a.due, dateWidth)
	b = append(b, `","amount_within_dueDate":"`...)
	b = appendAmount(b, a.within, p.UnsignedAmounts)
	b = append(b, `","amount_after_dueDate":"`...)
	b = appendAmount(b, a.after, p.UnsignedAmounts)
	if p.Contacts {
		b = append(b, `","email_address":"`...)
		b = appendFilled(b, "", emailWidth)
		b = append(b, `","contact_number":"`...)
		b = appendFilled(b, "", contactWidth)
	}
	b = append(b, `","billing_month":"`...)
	b = appendFilled(b, a.month, monthWidth)
	b = append(b, `","date_paid":"`...)
	b = appendFilled(b, a.paidOn, dateWidth)
	b = append(b, `","amount_paid":"`...)
	if a.paidOn != "" && a.paid >= 0 && a.paid <= mostPresented {
		b = appendDigits(b, a.paid, paidWidth)
	} else {
		b = appendFilled(b, "", paidWidth)
	}
	b = append(b, `","tran_auth_Id":"`...)
	return appendFilled(b, a.authID, authDigits)
}

// appendAmount appends minor units in 14 characters: a sign and 13 digits, or 14 digits.
func appendAmount(b []byte, minor int64, unsigned bool) []byte {
	if unsigned {
		return appendDigits(b, minor, amountWidth)
	}
	return appendDigits(append(b, '+'), minor, amountWidth-1)
}

// appendDigits appends a number that is not negative, with zeros before it. It has no more digits than width.
func appendDigits(b []byte, n int64, width int) []byte {
	var text [20]byte
	digits := strconv.AppendInt(text[:0], n, 10)
	for range width - len(digits) {
		b = append(b, '0')
	}
	return append(b, digits...)
}

// appendFilled appends text within a JSON string, cut to width characters or filled up with spaces.
func appendFilled(b []byte, text string, width int) []byte {
	n := 0
	for i := range text {
		if n == width {
			text = text[:i]
			break
		}
		n++
	}
	b = appendText(b, text)
	for ; n < width; n++ {
		b = append(b, ' ')
	}
	return b
}

// appendText appends text within a JSON string.
func appendText(b []byte, text string) []byte {
	const hex = "0123456789abcdef"
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r) // what is not UTF-8 comes as U+FFFD
		}
	}
	return b
}
