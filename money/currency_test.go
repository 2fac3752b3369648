package money

import (
	"testing"

	"sarraf/fault"
)

func TestCurrenciesHaveTheirIsoFigures(t *testing.T) {
	for c, want := range map[Currency]iso{
		PKR: {"586", 2}, BDT: {"050", 2}, EUR: {"978", 2}, USD: {"840", 2}, JPY: {"392", 0}, KWD: {"414", 3},
		"ALL": {"008", 2}, "UGX": {"800", 0}, "TND": {"788", 3}, "": {"", 0}, "XDR": {"", 0},
	} {
		if got := (iso{c.Numeric(), uint8(c.Exponent())}); got != want {
			t.Errorf("%q: %v, want %v", c, got, want)
		}
	}
}

func TestTheCurrencyTableIsWellFormed(t *testing.T) {
	seen := map[string]Currency{}
	for c, i := range table {
		if len(c) != 3 || len(i.numeric) != 3 || i.exponent == 1 || i.exponent > 3 {
			t.Errorf("%q: %v", c, i)
		}
		for _, r := range string(c) {
			if r < 'A' || r > 'Z' {
				t.Errorf("%q is not capitals", c)
			}
		}
		for _, r := range i.numeric {
			if r < '0' || r > '9' {
				t.Errorf("%q: %q is not digits", c, i.numeric)
			}
		}
		if other, ok := seen[i.numeric]; ok {
			t.Errorf("%q and %q share %q", c, other, i.numeric)
		}
		seen[i.numeric] = c
	}
	if len(table) < 150 {
		t.Errorf("only %d currencies", len(table))
	}
}

func TestParseCurrencyTakesIsoCodesAlone(t *testing.T) {
	for c := range table {
		if got, err := ParseCurrency(string(c)); err != nil || got != c {
			t.Errorf("%q: %q, %v", c, got, err)
		}
	}
	for _, bad := range []string{"", "bdt", "BD", "BDTT", " BDT", "৳", "XAU", "XTS", "XDR", "BGN", "586"} {
		if got, err := ParseCurrency(bad); !fault.Has(err, fault.CurrencyUnknown) || got != "" {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}
