package money

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"sarraf/fault"
)

// Separators says which marks may stand between the digits of an amount.
type Separators uint8

const (
	// Plain is "1234.50": a point before the decimals and nothing else.
	Plain Separators = iota

	// PointOrComma is "1234.50", "1234,50", "1,234.50" and "1.234,50": either mark before the decimals, the other between
	// groups of three. A mark that stands twice or more can only group, as in "1.234.567". What can be read in two ways is
	// refused: "1.234" is either one and a bit or a thousand and some, whatever the currency. "0.123" and "1234.567" cannot
	// be groups, so those are decimals.
	PointOrComma
)

// MaxText is the longest text of an amount, in bytes. Nothing in 64 bits needs half of it.
const MaxText = 64

// Parse reads an amount of units of cur ("12.50" is 1250 minor units of BDT), exactly. The text is ASCII digits, a leading minus
// if it is negative (whether that is allowed is the caller's affair), and the marks that sep allows, each with digits on both
// sides. Zeros in front do not matter. Zeros at the end count as decimals: "10.500" has three, which is too many for BDT,
// because it claims an exactness that the currency has not.
//
// The faults, in this order: FieldNotNumber for any other text, among them empty text, white space, a plus sign, an exponent,
// digits of other scripts, and what sep finds ambiguous; AmountDecimals (decimals) for more decimals than the currency has;
// AmountTooLarge (max: major units) for what leaves 64 bits of minor units or is longer than MaxText.
func Parse(text string, cur Currency, sep Separators) (Amount, error) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, decimals, ok := split(digits, sep)
	if !ok {
		return Amount{}, fault.New(fault.FieldNotNumber)
	}
	exponent := cur.Exponent()
	if len(decimals) > exponent {
		return Amount{}, fault.New(fault.AmountDecimals).With("decimals", strconv.Itoa(exponent))
	}
	limit := uint64(math.MaxInt64)
	if negative {
		limit++
	}
	n := number{limit: limit, over: len(text) > MaxText}
	n.read(whole)
	n.read(decimals)
	for range exponent - len(decimals) {
		n.digit(0)
	}
	if n.over {
		most := Amount{math.MaxInt64, cur}
		return Amount{}, fault.New(fault.AmountTooLarge).With("max", most.Decimal())
	}
	if negative {
		return Amount{int64(-n.value), cur}, nil
	}
	return Amount{int64(n.value), cur}, nil
}

// FromJSON reads an amount from the JSON text of a value: a number exactly as it stands there, always with a point, or a string
// by the rules of sep. The faults are those of Parse, and FieldRequired for nothing at all, null, or a blank string. A number
// with an exponent is FieldNotNumber, as is any other kind of value.
func FromJSON[T ~string | ~[]byte](raw T, cur Currency, sep Separators) (Amount, error) {
	text := strings.Trim(string(raw), " \t\r\n")
	switch {
	case text == "" || text == "null":
		return Amount{}, fault.New(fault.FieldRequired)
	case text[0] != '"':
		return Parse(text, cur, Plain)
	}
	var s string
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return Amount{}, fault.New(fault.FieldNotNumber)
	}
	if strings.TrimSpace(s) == "" {
		return Amount{}, fault.New(fault.FieldRequired)
	}
	return Parse(s, cur, sep)
}

// number gathers digits into a value up to limit, and notes when it goes over.
type number struct {
	value, limit uint64
	over         bool
}

// digit appends one digit.
func (n *number) digit(d byte) {
	if n.over || n.value > (n.limit-uint64(d))/10 {
		n.over = true
		return
	}
	n.value = n.value*10 + uint64(d)
}

// read appends the digits of s and passes over its marks.
func (n *number) read(s string) {
	for i := range len(s) {
		if isDigit(s[i]) {
			n.digit(s[i] - '0')
		}
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// split cuts unsigned text into what stands before the decimal mark, marks between groups included, and the decimals. It is not
// ok when the text breaks the rules of sep.
func split(text string, sep Separators) (whole, decimals string, ok bool) {
	points, commas := 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '.':
			points++
		case c == ',':
			commas++
		case !isDigit(c):
			return "", "", false
		}
	}
	switch {
	case sep == Plain && commas > 0, sep > PointOrComma:
		return "", "", false
	case points+commas == 0:
		return text, "", text != ""
	}
	last := strings.LastIndexAny(text, ".,")
	mark := text[last]
	once, others := points == 1, commas
	if mark == ',' {
		once, others = commas == 1, points
	}
	if !once { // it groups, unless the other mark is there too
		return text, "", others == 0 && sep == PointOrComma && grouped(text, mark)
	}
	whole, decimals = text[:last], text[last+1:]
	switch {
	case whole == "" || decimals == "":
		return "", "", false
	case others > 0:
		return whole, decimals, grouped(whole, '.'+','-mark)
	case sep == PointOrComma && grouped(text, mark): // "1.234"
		return "", "", false
	}
	return whole, decimals, true
}

// grouped reports whether text is digits with mark between groups of three, the first of one to three that do not begin with a
// zero.
func grouped(text string, mark byte) bool {
	first := strings.IndexByte(text, mark)
	if first < 1 || first > 3 || text[0] == '0' || (len(text)-first)%4 != 0 {
		return false
	}
	for i := range len(text) {
		if (i >= first && (i-first)%4 == 0) != (text[i] == mark) {
			return false
		}
	}
	return true
}
