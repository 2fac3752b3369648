// Package phone reads telephone numbers in any usual spelling and keeps them in one: E.164, such as +8801712345678.
package phone

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"

	"sarraf/fault"
)

// Number is a valid telephone number in E.164: a plus sign, the country's calling code and the national number, ASCII digits
// alone. Parse makes it. As text it can be stored and compared.
type Number string

// MaxText is the longest spelling that Parse looks at, in characters.
const MaxText = 32

// Parse reads a number as people write it: with the country's calling code after a plus sign or the region's international prefix
// (00), or without one as it is dialled within region (two capitals, ISO 3166-1: "BD", "PK"); in ASCII, Bengali, Arabic or Urdu digits;
// with spaces and the marks - . / ( ) between them. The number must be one that can be in use by its country's numbering plan.
//
// The faults are FieldRequired for blank text, FieldTooLong (max: characters), and FieldMalformed for all else, among it
// extensions, letters and short codes.
func Parse(text, region string) (Number, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", fault.New(fault.FieldRequired)
	case utf8.RuneCountInString(text) > MaxText:
		return "", fault.New(fault.FieldTooLong).With("max", strconv.Itoa(MaxText))
	}
	plain, ok := plainly(text)
	if !ok {
		return "", fault.New(fault.FieldMalformed)
	}
	n, err := phonenumbers.Parse(plain, region)
	if err != nil {
		return "", fault.New(fault.FieldMalformed).Wrap(err)
	}
	if !phonenumbers.IsValidNumber(n) {
		return "", fault.New(fault.FieldMalformed)
	}
	return Number(phonenumbers.Format(n, phonenumbers.E164)), nil
}

// zeros are the zeros of the scripts whose digits are read: Arabic, Urdu, Bengali. Nine more follow each.
var zeros = [...]rune{'\u0660', '\u06f0', '\u09e6'}

// plainly is text in ASCII digits. It is not ok when there is anything in it that a number is not written with, or a plus sign
// other than in front.
func plainly(text string) (plain string, ok bool) {
	ok = true
	plain = strings.Map(func(r rune) rune {
		for _, zero := range zeros {
			if r >= zero && r <= zero+9 {
				return '0' + r - zero
			}
		}
		switch r {
		case '\u00a0', '\u2009', '\u202f': // spaces that do not break, or narrow ones
			return ' '
		case '\u2010', '\u2011': // hyphens
			return '-'
		}
		ok = ok && strings.ContainsRune("0123456789 -./()+", r)
		return r
	}, text)
	return plain, ok && strings.LastIndexByte(plain, '+') <= 0
}

// National is the number as people of its country write it: "01712-345678", "0300 1234567". A number that Parse did not make is
// answered as it is.
func (n Number) National() string {
	parsed, err := phonenumbers.Parse(string(n), "")
	if err != nil {
		return string(n)
	}
	return phonenumbers.Format(parsed, phonenumbers.NATIONAL)
}

// Mask is the number for eyes other than its holder's: the first six characters at most and the last three stay, at least four
// between them are hidden, each by an asterisk: "+88017*****678".
func (n Number) Mask() string {
	const first, last, hidden = 6, 3, 4
	tail := min(last, max(len(n)-hidden, 0))
	head := min(first, max(len(n)-tail-hidden, 0))
	return string(n[:head]) + strings.Repeat("*", len(n)-head-tail) + string(n[len(n)-tail:])
}
