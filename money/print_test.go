package money

import (
	"encoding/json"
	"math"
	"testing"
)

func TestAmountsPrint(t *testing.T) {
	for _, c := range []struct {
		a                                           Amount
		decimal, short, number, fixed, point, plain string
	}{
		{Of(10000, BDT), "100.00", "100", "100", "100.00", "100.0", "100.00 BDT"},
		{Of(10050, BDT), "100.50", "100.50", "100.5", "100.50", "100.5", "100.50 BDT"},
		{Of(10025, PKR), "100.25", "100.25", "100.25", "100.25", "100.25", "100.25 PKR"},
		{Of(5, PKR), "0.05", "0.05", "0.05", "0.05", "0.05", "0.05 PKR"},
		{Of(-5, PKR), "-0.05", "-0.05", "-0.05", "-0.05", "-0.05", "-0.05 PKR"},
		{Of(0, EUR), "0.00", "0", "0", "0.00", "0.0", "0.00 EUR"},
		{Of(100, JPY), "100", "100", "100", "100", "100.0", "100 JPY"},
		{Of(1500, KWD), "1.500", "1.500", "1.5", "1.500", "1.5", "1.500 KWD"},
		{
			Of(math.MaxInt64, PKR), "92233720368547758.07", "92233720368547758.07", "92233720368547758.07", "92233720368547758.07",
			"92233720368547758.07", "92233720368547758.07 PKR",
		},
		{
			Of(math.MinInt64, JPY), "-9223372036854775808", "-9223372036854775808", "-9223372036854775808", "-9223372036854775808",
			"-9223372036854775808.0", "-9223372036854775808 JPY",
		},
		{Amount{}, "0", "0", "0", "0", "0.0", "0 "},
	} {
		got := []string{c.a.Decimal(), c.a.Short(), string(c.a.JSONNumber()), string(c.a.JSONFixed()), string(c.a.JSONPoint()), c.a.String()}
		for i, want := range []string{c.decimal, c.short, c.number, c.fixed, c.point, c.plain} {
			if got[i] != want {
				t.Errorf("%v, print %d: %q, want %q", c.a, i, got[i], want)
			}
		}
	}
}

func TestJSONNumbersKeepTheirDigitsInADocument(t *testing.T) {
	a := Of(10000, BDT)
	got, err := json.Marshal([]any{a.JSONNumber(), a.JSONFixed(), a.JSONPoint()})
	if err != nil || string(got) != `[100,100.00,100.0]` {
		t.Errorf("%s, %v", got, err)
	}
}

func TestAmountsDisplay(t *testing.T) {
	for _, c := range []struct {
		a                   Amount
		l                   Locale
		long, short, spoken string
	}{
		{Of(12209014, BDT), "en-BD", "৳122,090.14", "৳122,090.14", "122,090.14 Bangladeshi taka"},
		{Of(1000, BDT), "en", "৳10.00", "৳10", "10.00 Bangladeshi taka"},
		{Of(-1000, BDT), "en", "-৳10.00", "-৳10", "-10.00 Bangladeshi taka"},
		{Of(12211514, BDT), "bn-BD", "৳১,২২,১১৫.১৪", "৳১,২২,১১৫.১৪", "১,২২,১১৫.১৪ BDT"},
		{Of(123456789012, BDT), "bn", "৳১,২৩,৪৫,৬৭,৮৯০.১২", "৳১,২৩,৪৫,৬৭,৮৯০.১২", "১,২৩,৪৫,৬৭,৮৯০.১২ BDT"},
		{Of(100000, BDT), "bn", "৳১,০০০.০০", "৳১,০০০", "১,০০০.০০ BDT"},
		{Of(123450, PKR), "en-PK", "Rs 1,234.50", "Rs 1,234.50", "1,234.50 Pakistani rupees"},
		{Of(123450, PKR), "ur-PK", "Rs 1,234.50", "Rs 1,234.50", "1,234.50 PKR"},
		{Of(123450, EUR), "de-AT", "1.234,50 €", "1.234,50 €", "1.234,50 EUR"},
		{Of(123450, PKR), "de", "1.234,50 Rs", "1.234,50 Rs", "1.234,50 PKR"},
		{Of(100000000, EUR), "nl", "€1.000.000,00", "€1.000.000", "1.000.000,00 EUR"},
		{Of(123450, USD), "xx", "$1,234.50", "$1,234.50", "1,234.50 US dollars"},
		{Of(1234567, KWD), "en", "KWD 1,234.567", "KWD 1,234.567", "1,234.567 Kuwaiti dinars"},
		{Of(123, JPY), "en", "¥123", "¥123", "123 Japanese yen"},
		{Of(99900, "CHF"), "", "CHF 999.00", "CHF 999", "999.00 CHF"},
		{
			Of(math.MinInt64, BDT), "en", "-৳92,233,720,368,547,758.08", "-৳92,233,720,368,547,758.08",
			"-92,233,720,368,547,758.08 Bangladeshi taka",
		},
	} {
		if got := c.a.Display(c.l); got != c.long {
			t.Errorf("%v in %q: %q, want %q", c.a, c.l, got, c.long)
		}
		if got := c.a.DisplayShort(c.l); got != c.short {
			t.Errorf("%v short in %q: %q, want %q", c.a, c.l, got, c.short)
		}
		if got := c.a.Spoken(c.l); got != c.spoken {
			t.Errorf("%v spoken in %q: %q, want %q", c.a, c.l, got, c.spoken)
		}
	}
}
