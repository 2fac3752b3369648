package money

import "strings"

// Locale is a language tag, such as "en-BD", that says how people read amounts. One that has no style of its own takes that of
// its language ("de-AT": "de"), or else that of English.
type Locale string

// style is how a locale writes an amount.
type style struct {
	group, point string
	lakh         bool // groups of two after the first group of three: 1,22,115
	after        bool // the symbol stands behind the number, after a space
	bengali      bool // digits of the Bengali script
	names        map[Currency]string
}

// styles is the whole table. Pakistani Urdu writes amounts as English does.
var styles = map[Locale]style{
	"en": {group: ",", point: ".", names: english},
	"ur": {group: ",", point: "."},
	"bn": {group: ",", point: ".", lakh: true, bengali: true},
	"de": {group: ".", point: ",", after: true},
	"nl": {group: ".", point: ","},
}

// symbols stand before the number as they are, a space included where there is one. A currency that is not here shows its code
// and a space.
var symbols = map[Currency]string{
	"BDT": "৳", "EUR": "€", "GBP": "£", "INR": "₹", "JPY": "¥", "PKR": "Rs ", "USD": "$",
}

// english is what a screen reader says in English. A currency that is not here is spelled by its code.
var english = map[Currency]string{
	"BDT": "Bangladeshi taka", "EUR": "euros", "GBP": "pounds sterling", "INR": "Indian rupees", "JPY": "Japanese yen",
	"KWD": "Kuwaiti dinars", "PKR": "Pakistani rupees", "USD": "US dollars",
}

// style is the table's entry for the locale, its language or English.
func (l Locale) style() style {
	if s, ok := styles[l]; ok {
		return s
	}
	language, _, _ := strings.Cut(string(l), "-")
	if s, ok := styles[Locale(language)]; ok {
		return s
	}
	return styles["en"]
}

// Display is the amount as people read it, with symbol, groups and the currency's decimals: "৳122,115.14" and "Rs 1,234.50" in
// English, "৳১,২২,১১৫.১৪" in Bengali, "1.234,50 €" in German.
func (a Amount) Display(l Locale) string { return a.display(l.style(), false) }

// DisplayShort is Display, without decimals when they are all zero: "৳10", "৳10.50".
func (a Amount) DisplayShort(l Locale) string { return a.display(l.style(), true) }

// Spoken is the amount for a screen reader, without symbols: "1,234.50 Bangladeshi taka" in English, and with the currency's code
// in a language that has no names of currencies here.
func (a Amount) Spoken(l Locale) string {
	s := l.style()
	sign, number := a.number(s, false)
	name, ok := s.names[a.Currency]
	if !ok {
		name = string(a.Currency)
	}
	return sign + number + " " + name
}

func (a Amount) display(s style, short bool) string {
	sign, number := a.number(s, short)
	symbol, ok := symbols[a.Currency]
	if !ok {
		symbol = string(a.Currency) + " "
	}
	if s.after {
		return sign + number + " " + strings.TrimSpace(symbol)
	}
	return sign + symbol + number
}

// number is the amount's sign, and its figures in the style's digits, groups and decimals.
func (a Amount) number(s style, short bool) (sign, figures string) {
	sign, whole, decimals := a.parts()
	var b strings.Builder
	for i := range len(whole) {
		if i > 0 && s.breaks(len(whole)-i) {
			b.WriteString(s.group)
		}
		b.WriteByte(whole[i])
	}
	if zeros := strings.Trim(decimals, "0") == ""; decimals != "" && !(short && zeros) {
		b.WriteString(s.point + decimals)
	}
	if s.bengali {
		return sign, strings.Map(toBengali, b.String())
	}
	return sign, b.String()
}

// breaks reports whether a group begins where so many digits are left.
func (s style) breaks(left int) bool {
	if s.lakh && left > 3 {
		return left%2 == 1
	}
	return left%3 == 0
}

func toBengali(r rune) rune {
	if r >= '0' && r <= '9' {
		return '০' + r - '0'
	}
	return r
}
