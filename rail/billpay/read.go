package billpay

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/money"
)

// The fields of requests.
const (
	fieldConsumer = "consumer_number"
	fieldMnemonic = "bank_mnemonic"
	fieldReserved = "reserved"
	fieldAuth     = "tran_auth_id"
	fieldAmount   = "transaction_amount"
	fieldDate     = "tran_date"
	fieldTime     = "tran_time"
)

// Widths, in characters.
const (
	psidDigits  = 24
	maxMnemonic = 8
	maxReserved = 400
	authDigits  = 6
	dateDigits  = 8
	timeDigits  = 6
	plainAmount = 12 // digits
	signAmount  = 14 // a sign and 13 digits
)

// inquiryRequest is what an inquiry asks.
type inquiryRequest struct {
	consumer string
}

// paymentRequest is what a payment says.
type paymentRequest struct {
	consumer, mnemonic, auth, date, time string
	amount                               money.Amount
	at                                   time.Time // date and time, in the zone
}

// readInquiry reads an inquiry. Its bank_mnemonic decides nothing: it may be absent, and must be one where it is there.
func readInquiry(f httpx.Fields) (q inquiryRequest, err error) {
	if q.consumer, err = readConsumer(f); err != nil {
		return q, err
	}
	_, err = readMnemonic(f, false)
	return q, err
}

// readPayment reads a payment, every field of which must be there.
func readPayment(f httpx.Fields) (p paymentRequest, err error) {
	if p.consumer, err = readConsumer(f); err != nil {
		return p, err
	}
	if p.auth, err = readDigits(f, fieldAuth, authDigits); err != nil {
		return p, err
	}
	if p.amount, err = readAmount(f); err != nil {
		return p, err
	}
	if p.date, err = readDigits(f, fieldDate, dateDigits); err != nil {
		return p, err
	}
	if p.time, err = readDigits(f, fieldTime, timeDigits); err != nil {
		return p, err
	}
	if p.at, err = moment(p.date, p.time); err != nil {
		return p, err
	}
	p.mnemonic, err = readMnemonic(f, true)
	return p, err
}

// text is the text of a field that must be a JSON string, without the spaces that fill it up. Faults: FieldNotString; FieldRequired for
// one that is absent or blank.
func text(f httpx.Fields, name string) (string, error) {
	s, _, wrong := f.String(name)
	if wrong != nil {
		return "", wrong
	}
	if s = strings.Trim(s, " "); s == "" {
		return "", fault.New(fault.FieldRequired).On(name)
	}
	return s, nil
}

// readConsumer is the consumer number: 1 to 24 digits.
func readConsumer(f httpx.Fields) (string, error) {
	s, err := text(f, fieldConsumer)
	switch {
	case err != nil:
		return "", err
	case len(s) > psidDigits:
		return "", fault.New(fault.FieldTooLong).On(fieldConsumer).With("max", strconv.Itoa(psidDigits))
	case !isDigits(s):
		return "", fault.New(fault.FieldMalformed).On(fieldConsumer)
	}
	return s, nil
}

// readDigits is a field of exactly so many digits.
func readDigits(f httpx.Fields, name string, width int) (string, error) {
	s, err := text(f, name)
	if err == nil && (len(s) != width || !isDigits(s)) {
		err = fault.New(fault.FieldMalformed).On(name)
	}
	return s, err
}

// readMnemonic is the short name of the payer's bank: 1 to 8 visible ASCII characters.
func readMnemonic(f httpx.Fields, required bool) (string, error) {
	s, err := text(f, fieldMnemonic)
	switch {
	case !required && fault.Has(err, fault.FieldRequired):
		return "", nil
	case err != nil:
		return "", err
	case len(s) > maxMnemonic:
		return "", fault.New(fault.FieldTooLong).On(fieldMnemonic).With("max", strconv.Itoa(maxMnemonic))
	case !httpx.Visible(s):
		return "", fault.New(fault.FieldMalformed).On(fieldMnemonic)
	}
	return s, nil
}

// readReserved is the field that members use among themselves: at most 400 characters in one line, as sent; "" when it is absent.
func readReserved(f httpx.Fields) (string, error) {
	s, _, wrong := f.String(fieldReserved)
	if wrong != nil {
		return "", wrong
	}
	if utf8.RuneCountInString(s) > maxReserved {
		return "", fault.New(fault.FieldTooLong).On(fieldReserved).With("max", strconv.Itoa(maxReserved))
	}
	if _, wrong := httpx.CleanText(fieldReserved, s, maxReserved); wrong != nil {
		return "", wrong
	}
	return s, nil
}

// readAmount is an amount in minor units: 12 digits, or a sign and 13. Any other width is not understood: nobody may guess whether "2500"
// is rupees or paisas. Whether it is above zero is judged with the bill.
func readAmount(f httpx.Fields) (money.Amount, error) {
	s, err := text(f, fieldAmount)
	if err != nil {
		return money.Amount{}, err
	}
	digits := s
	if len(s) == signAmount && (s[0] == '+' || s[0] == '-') {
		digits = s[1:]
	} else if len(s) != plainAmount {
		digits = ""
	}
	if digits == "" || !isDigits(digits) {
		return money.Amount{}, fault.New(fault.FieldMalformed).On(fieldAmount)
	}
	minor, err := strconv.ParseInt(digits, 10, 64)
	if err != nil { // 13 digits always fit
		return money.Amount{}, fault.New(fault.FieldMalformed).On(fieldAmount).Wrap(err)
	}
	if s[0] == '-' {
		minor = -minor
	}
	return money.Of(minor, money.PKR), nil
}

// isDigits reports whether s is ASCII digits alone.
func isDigits(s string) bool {
	for i := range len(s) {
		if s[i]-'0' > 9 {
			return false
		}
	}
	return true
}

// moment is the instant of a date (yyyyMMdd) and a time (HHmmss), both of digits, in Karachi. Fault FieldMalformed: there is none.
func moment(date, clockTime string) (time.Time, error) {
	n := func(s string) int { return int(s[0]-'0')*10 + int(s[1]-'0') }
	year, month, day := n(date)*100+n(date[2:]), n(date[4:]), n(date[6:])
	hour, minute, second := n(clockTime), n(clockTime[2:]), n(clockTime[4:])
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, karachi())
	if y, m, d := t.Date(); y != year || int(m) != month || d != day {
		return time.Time{}, fault.New(fault.FieldMalformed).On(fieldDate)
	}
	if hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, fault.New(fault.FieldMalformed).On(fieldTime)
	}
	return t, nil
}

func karachi() *time.Location { return clock.In(time.Time{}, zone).Location() }

// lag is how far a bank's word about when it was paid may lie behind our clock.
const lag = 15 * time.Minute

// judgedAt is the moment by which the amount of a payment is judged: the bank's, where that is at most 15 minutes before now, so that what
// was asked at 23:59 is not refused at 00:00; else ours, so that nobody dates a late payment back.
func judgedAt(bank, now time.Time) time.Time {
	if ago := now.Sub(bank); ago >= 0 && ago <= lag {
		return bank.UTC()
	}
	return now
}
