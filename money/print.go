package money

import (
	"encoding/json"
	"strconv"
	"strings"
)

// parts is the amount as text: its sign ("-" or ""), the digits of the units and as many decimals as the currency has.
func (a Amount) parts() (sign, whole, decimals string) {
	magnitude := uint64(a.Minor)
	if a.Minor < 0 {
		sign, magnitude = "-", -magnitude
	}
	exponent, scale := a.Currency.Exponent(), a.Currency.scale()
	whole = strconv.FormatUint(magnitude/scale, 10)
	if exponent > 0 {
		decimals = strconv.FormatUint(scale+magnitude%scale, 10)[1:]
	}
	return sign, whole, decimals
}

// Decimal is the amount in units with a point and always the currency's decimals: "100.00", "-0.50", "100" of JPY.
func (a Amount) Decimal() string {
	sign, whole, decimals := a.parts()
	if decimals == "" {
		return sign + whole
	}
	return sign + whole + "." + decimals
}

// Short is Decimal, without decimals when they are all zero: "100", "100.50".
func (a Amount) Short() string {
	sign, whole, decimals := a.parts()
	if strings.Trim(decimals, "0") == "" {
		return sign + whole
	}
	return sign + whole + "." + decimals
}

// JSONNumber is the shortest exact number for JSON: 100, 100.5, 100.25.
func (a Amount) JSONNumber() json.Number {
	sign, whole, decimals := a.parts()
	if decimals = strings.TrimRight(decimals, "0"); decimals != "" {
		decimals = "." + decimals
	}
	return json.Number(sign + whole + decimals)
}

// JSONFixed is the number for JSON with always the currency's decimals: 100.00.
func (a Amount) JSONFixed() json.Number { return json.Number(a.Decimal()) }

// JSONPoint is the shortest exact number for JSON that has a decimal point, as languages with typed fractions print theirs:
// 50.0, 50.5, 50.25.
func (a Amount) JSONPoint() json.Number {
	n := a.JSONNumber()
	if !strings.Contains(string(n), ".") {
		n += ".0"
	}
	return n
}

// String is for logs and test failures: "100.00 BDT".
func (a Amount) String() string { return a.Decimal() + " " + string(a.Currency) }
