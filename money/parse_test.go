package money

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sarraf/fault"
)

func TestParseReadsExactly(t *testing.T) {
	for _, c := range []struct {
		text  string
		cur   Currency
		sep   Separators
		minor int64
	}{
		{"100", BDT, Plain, 10000},
		{"100.5", BDT, Plain, 10050},
		{"100.05", BDT, Plain, 10005},
		{"0", BDT, Plain, 0},
		{"0.01", BDT, Plain, 1},
		{"-0", BDT, Plain, 0},
		{"-12.34", BDT, Plain, -1234},
		{"007.50", BDT, Plain, 750},
		{"100", JPY, Plain, 100},
		{"1.234", KWD, Plain, 1234},
		{"1.2", KWD, Plain, 1200},
		{"0.29", USD, Plain, 29}, // what a binary fraction makes 28
		{"1.15", USD, Plain, 115},
		{"92233720368547758.07", PKR, Plain, math.MaxInt64},
		{"-92233720368547758.08", PKR, Plain, math.MinInt64},
		{"12,25", EUR, PointOrComma, 1225},
		{"12.25", EUR, PointOrComma, 1225},
		{"12,5", EUR, PointOrComma, 1250},
		{"12", EUR, PointOrComma, 1200},
		{"1.234,50", EUR, PointOrComma, 123450},
		{"1,234.50", EUR, PointOrComma, 123450},
		{"1234,50", EUR, PointOrComma, 123450},
		{"1234.50", EUR, PointOrComma, 123450},
		{"12.345.678,9", EUR, PointOrComma, 1234567890},
		{"12,345,678.9", EUR, PointOrComma, 1234567890},
		{"1.234.567", EUR, PointOrComma, 123456700},
		{"1,234,567", EUR, PointOrComma, 123456700},
		{"-1.234,50", EUR, PointOrComma, -123450},
		{"0,123", KWD, PointOrComma, 123},
		{"1234.567", KWD, PointOrComma, 1234567},
		{"1,234.567", KWD, PointOrComma, 1234567},
		{"1.234.567", JPY, PointOrComma, 1234567},
	} {
		if got, err := Parse(c.text, c.cur, c.sep); err != nil || got != Of(c.minor, c.cur) {
			t.Errorf("%q in %s: %v, %v; want %d", c.text, c.cur, got, err, c.minor)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		text string
		cur  Currency
		sep  Separators
		code fault.Code
	}{
		{"", BDT, Plain, fault.FieldNotNumber},
		{"-", BDT, Plain, fault.FieldNotNumber},
		{"--1", BDT, Plain, fault.FieldNotNumber},
		{"+1", BDT, Plain, fault.FieldNotNumber},
		{"1-", BDT, Plain, fault.FieldNotNumber},
		{" 1", BDT, Plain, fault.FieldNotNumber},
		{"1 ", BDT, Plain, fault.FieldNotNumber},
		{"1 000", BDT, Plain, fault.FieldNotNumber},
		{"1e3", BDT, Plain, fault.FieldNotNumber},
		{"1E3", BDT, Plain, fault.FieldNotNumber},
		{"0x10", BDT, Plain, fault.FieldNotNumber},
		{"1_000", BDT, Plain, fault.FieldNotNumber},
		{"NaN", BDT, Plain, fault.FieldNotNumber},
		{"Inf", BDT, Plain, fault.FieldNotNumber},
		{"১২", BDT, Plain, fault.FieldNotNumber},
		{"１２", BDT, Plain, fault.FieldNotNumber},
		{"1\x00", BDT, Plain, fault.FieldNotNumber},
		{"\xff", BDT, Plain, fault.FieldNotNumber},
		{".5", BDT, Plain, fault.FieldNotNumber},
		{"5.", BDT, Plain, fault.FieldNotNumber},
		{".", BDT, Plain, fault.FieldNotNumber},
		{"1.2.3", BDT, Plain, fault.FieldNotNumber},
		{"1,5", BDT, Plain, fault.FieldNotNumber},
		{"1,234.50", BDT, Plain, fault.FieldNotNumber},
		{"1.234.567", BDT, Plain, fault.FieldNotNumber},
		{"1.50", BDT, PointOrComma + 1, fault.FieldNotNumber},
		{"10.500", BDT, Plain, fault.AmountDecimals},
		{"10.001", BDT, Plain, fault.AmountDecimals},
		{"10.0", JPY, Plain, fault.AmountDecimals},
		{"1.2345", KWD, Plain, fault.AmountDecimals},
		{"92233720368547758.08", PKR, Plain, fault.AmountTooLarge},
		{"-92233720368547758.09", PKR, Plain, fault.AmountTooLarge},
		{"92233720368547759", PKR, Plain, fault.AmountTooLarge},
		{strings.Repeat("9", 60), PKR, Plain, fault.AmountTooLarge},
		{strings.Repeat("0", MaxText) + "1", PKR, Plain, fault.AmountTooLarge},
		{"1.234", EUR, PointOrComma, fault.FieldNotNumber},
		{"1,234", EUR, PointOrComma, fault.FieldNotNumber},
		{"1,234", KWD, PointOrComma, fault.FieldNotNumber},
		{"123,456", JPY, PointOrComma, fault.FieldNotNumber},
		{"-1,234", EUR, PointOrComma, fault.FieldNotNumber},
		{"1.234.50", EUR, PointOrComma, fault.FieldNotNumber},
		{"1.23,50", EUR, PointOrComma, fault.FieldNotNumber},
		{"1234,567.50", EUR, PointOrComma, fault.FieldNotNumber},
		{"0.123,50", EUR, PointOrComma, fault.FieldNotNumber},
		{"0.123.456", EUR, PointOrComma, fault.FieldNotNumber},
		{"1,22,115.14", EUR, PointOrComma, fault.FieldNotNumber},
		{"1.234,567.89", EUR, PointOrComma, fault.FieldNotNumber},
		{"1,234.567,89", EUR, PointOrComma, fault.FieldNotNumber},
		{"1..5", EUR, PointOrComma, fault.FieldNotNumber},
		{"1.,5", EUR, PointOrComma, fault.FieldNotNumber},
		{",50", EUR, PointOrComma, fault.FieldNotNumber},
		{"50,", EUR, PointOrComma, fault.FieldNotNumber},
		{"1,234.", EUR, PointOrComma, fault.FieldNotNumber},
		{"12,250", EUR, PointOrComma, fault.FieldNotNumber},
		{"0,123", EUR, PointOrComma, fault.AmountDecimals},
		{"1234,567", EUR, PointOrComma, fault.AmountDecimals},
		{"1,234.567", EUR, PointOrComma, fault.AmountDecimals},
		{"1,234.5", JPY, PointOrComma, fault.AmountDecimals},
	} {
		got, err := Parse(c.text, c.cur, c.sep)
		if f := fault.First(err); f == nil || f.Code != c.code || got != (Amount{}) {
			t.Errorf("%q in %s: %v, %v; want %s", c.text, c.cur, got, err, c.code)
		}
	}
}

func TestParseTellsTheFiguresOfAFault(t *testing.T) {
	_, err := Parse("1.2345", KWD, Plain)
	if f := fault.First(err); f.Params["decimals"] != "3" {
		t.Errorf("decimals: %v", err)
	}
	_, err = Parse("1"+strings.Repeat("0", 30), BDT, Plain)
	if f := fault.First(err); f.Params["max"] != "92233720368547758.07" {
		t.Errorf("max: %v", err)
	}
}

func TestJSONValuesAreReadExactly(t *testing.T) {
	for _, c := range []struct {
		raw   string
		sep   Separators
		minor int64
		code  fault.Code
	}{
		{`100`, Plain, 10000, ""},
		{`12.25`, PointOrComma, 1225, ""},
		{` 12.5 `, Plain, 1250, ""},
		{`-1`, Plain, -100, ""},
		{`"100.00"`, Plain, 10000, ""},
		{`"12,25"`, PointOrComma, 1225, ""},
		{`"1.234,50"`, PointOrComma, 123450, ""},
		{`"\u0031"`, Plain, 100, ""},
		{`0.29`, Plain, 29, ""},
		{``, Plain, 0, fault.FieldRequired},
		{`null`, Plain, 0, fault.FieldRequired},
		{`""`, Plain, 0, fault.FieldRequired},
		{`"  "`, Plain, 0, fault.FieldRequired},
		{`true`, Plain, 0, fault.FieldNotNumber},
		{`{}`, Plain, 0, fault.FieldNotNumber},
		{`[1]`, Plain, 0, fault.FieldNotNumber},
		{`"abc"`, Plain, 0, fault.FieldNotNumber},
		{`"1`, Plain, 0, fault.FieldNotNumber},
		{`1e3`, Plain, 0, fault.FieldNotNumber},
		{`1E+2`, PointOrComma, 0, fault.FieldNotNumber},
		{`1,5`, PointOrComma, 0, fault.FieldNotNumber},
		{`1.234`, PointOrComma, 0, fault.AmountDecimals},
		{`"1.234"`, PointOrComma, 0, fault.FieldNotNumber},
		{`12.1000000000000005`, Plain, 0, fault.AmountDecimals},
		{`123456789012345678901234567890`, Plain, 0, fault.AmountTooLarge},
	} {
		for name, read := range map[string]func() (Amount, error){
			"text":  func() (Amount, error) { return FromJSON(c.raw, EUR, c.sep) },
			"bytes": func() (Amount, error) { return FromJSON(json.RawMessage(c.raw), EUR, c.sep) },
		} {
			got, err := read()
			if c.code == "" && (err != nil || got != Of(c.minor, EUR)) || c.code != "" && !fault.Has(err, c.code) {
				t.Errorf("%s of %s: %v, %v", c.raw, name, got, err)
			}
		}
	}
}

func TestEveryAmountSurvivesPrintingAndReading(t *testing.T) {
	currencies := rapid.SampledFrom([]Currency{BDT, JPY, KWD, EUR})
	rapid.Check(t, func(t *rapid.T) {
		a := Of(rapid.Int64().Draw(t, "minor"), currencies.Draw(t, "currency"))
		for _, text := range []string{a.Decimal(), a.Short(), string(a.JSONNumber()), string(a.JSONFixed())} {
			if got, err := Parse(text, a.Currency, Plain); err != nil || got != a {
				t.Fatalf("%v printed %q, read %v, %v", a, text, got, err)
			}
		}
	})
}

func TestWhatPeopleReadIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Of(rapid.Int64().Draw(t, "minor"), EUR)
		for _, l := range []Locale{"en", "nl"} {
			sign, figures := a.number(l.style(), false)
			if got, err := Parse(sign+figures, EUR, PointOrComma); err != nil || got != a {
				t.Fatalf("%v shown as %q, read %v, %v", a, sign+figures, got, err)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "0", "100", "12,25", "12.25", "1.234,50", "1,234.50", "1.234", "1.234.567", "-0.01", "1e3", "+1", " 1", "0x1", "১",
		"92233720368547758.07", "-92233720368547758.08", "92233720368547758.08", "10.500", ".5", "5.", "1,22,115.14",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, cur := range []Currency{BDT, JPY, KWD} {
			plain, plainErr := Parse(s, cur, Plain)
			if plainErr == nil {
				want, ok := new(big.Rat).SetString(s)
				got, _ := new(big.Rat).SetString(plain.Decimal())
				if !ok || got == nil || want.Cmp(got) != 0 || strings.ContainsAny(s, "eE_/+xX ") {
					t.Fatalf("%q read as %v", s, plain)
				}
			}
			either, err := Parse(s, cur, PointOrComma)
			if err == nil && plainErr == nil && either != plain {
				t.Fatalf("%q is %v or %v", s, plain, either)
			}
			if err == nil {
				again, err := Parse(either.Decimal(), cur, Plain)
				if err != nil || again != either {
					t.Fatalf("%q read as %v, again as %v, %v", s, either, again, err)
				}
			}
		}
	})
}

func FuzzFromJSON(f *testing.F) {
	for _, s := range []string{`1`, `"1"`, `null`, `""`, `"1,5"`, `1e3`, `{}`, `"\ud800"`, `"`, `-0.5`, ` "2" `} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := FromJSON(raw, BDT, PointOrComma)
		if err != nil {
			if got != (Amount{}) {
				t.Fatalf("%q: %v beside %v", raw, got, err)
			}
			return
		}
		again, err := FromJSON([]byte(got.JSONNumber()), BDT, Plain)
		if err != nil || again != got {
			t.Fatalf("%q read as %v, again as %v, %v", raw, got, again, err)
		}
	})
}
