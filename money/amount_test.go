package money

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"sarraf/fault"
)

// exact is the sum or difference in whole numbers without a limit; ok when it fits.
func exact(op func(z, x, y *big.Int) *big.Int, x, y int64) (int64, bool) {
	z := op(new(big.Int), big.NewInt(x), big.NewInt(y))
	return z.Int64(), z.IsInt64()
}

func TestSumsAreExactOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := Of(rapid.Int64().Draw(t, "x"), BDT), Of(rapid.Int64().Draw(t, "y"), BDT)
		check := func(name string, got Amount, err error, want int64, fits bool) {
			if fits && (err != nil || got != Of(want, BDT)) || !fits && !fault.Has(err, fault.AmountOverflow) {
				t.Fatalf("%s of %d and %d: %v, %v", name, x.Minor, y.Minor, got, err)
			}
		}
		sum, err := x.Add(y)
		want, fits := exact((*big.Int).Add, x.Minor, y.Minor)
		check("sum", sum, err, want, fits)
		rest, err := x.Sub(y)
		want, fits = exact((*big.Int).Sub, x.Minor, y.Minor)
		check("difference", rest, err, want, fits)
		neg, err := x.Neg()
		want, fits = exact((*big.Int).Sub, 0, x.Minor)
		check("opposite", neg, err, want, fits)
	})
}

func TestSumsAtTheEdgeOf64Bits(t *testing.T) {
	most, least, one, none := Of(math.MaxInt64, PKR), Of(math.MinInt64, PKR), Of(1, PKR), Of(0, PKR)
	for name, c := range map[string]struct {
		do   func() (Amount, error)
		want Amount
		over bool
	}{
		"most + 0":      {func() (Amount, error) { return most.Add(none) }, most, false},
		"most + 1":      {func() (Amount, error) { return most.Add(one) }, Amount{}, true},
		"least + most":  {func() (Amount, error) { return least.Add(most) }, Of(-1, PKR), false},
		"least + least": {func() (Amount, error) { return least.Add(least) }, Amount{}, true},
		"least - 1":     {func() (Amount, error) { return least.Sub(one) }, Amount{}, true},
		"least - least": {func() (Amount, error) { return least.Sub(least) }, none, false},
		"0 - least":     {func() (Amount, error) { return none.Sub(least) }, Amount{}, true},
		"-least":        {least.Neg, Amount{}, true},
		"-most":         {most.Neg, Of(-math.MaxInt64, PKR), false},
	} {
		got, err := c.do()
		if got != c.want || fault.Has(err, fault.AmountOverflow) != c.over || (err != nil) != c.over {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestCurrenciesDoNotMix(t *testing.T) {
	taka, rupee := Of(1, BDT), Of(1, PKR)
	_, add := taka.Add(rupee)
	_, sub := taka.Sub(rupee)
	_, cmp := taka.Cmp(rupee)
	for i, err := range []error{add, sub, cmp} {
		if !fault.Has(err, fault.Bug) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestAmountsCompare(t *testing.T) {
	for _, c := range []struct {
		a, b       int64
		cmp, sign  int
		nothing    bool
		difference string
	}{
		{-1, 1, -1, -1, false, "less"}, {0, 0, 0, 0, true, "equal"}, {math.MaxInt64, math.MinInt64, 1, 1, false, "more"},
	} {
		a := Of(c.a, EUR)
		got, err := a.Cmp(Of(c.b, EUR))
		if err != nil || got != c.cmp || a.Sign() != c.sign || a.IsZero() != c.nothing {
			t.Errorf("%s: %d, %v; sign %d, zero %t", c.difference, got, err, a.Sign(), a.IsZero())
		}
	}
}
