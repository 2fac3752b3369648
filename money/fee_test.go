package money

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"sarraf/fault"
)

func TestFeesAreWorkedOut(t *testing.T) {
	for name, c := range map[string]struct {
		s        Schedule
		amount   int64
		fee      int64
		overflow bool
	}{
		"no schedule takes nothing":        {Schedule{}, 12345, 0, false},
		"flat":                             {Schedule{Flat: 500}, 100000, 500, false},
		"flat above the amount":            {Schedule{Flat: 500}, 100, 500, false},
		"percent":                          {Schedule{PPM: 18_500}, 100000, 1850, false},
		"half goes to the even one below":  {Schedule{PPM: 5_000}, 100, 0, false}, // 0.5
		"half goes to the even one above":  {Schedule{PPM: 15_000}, 100, 2, false},
		"half again":                       {Schedule{PPM: 25_000}, 100, 2, false},
		"just above half":                  {Schedule{PPM: 5_001}, 100, 1, false},
		"just below half":                  {Schedule{PPM: 14_999}, 100, 1, false},
		"flat and percent":                 {Schedule{Flat: 300, PPM: 29_000}, 10000, 590, false},
		"at least":                         {Schedule{PPM: 10_000, Min: 1000}, 5000, 1000, false},
		"at most":                          {Schedule{PPM: 10_000, Max: 1000}, 5_000_000, 1000, false},
		"nothing costs nothing":            {Schedule{Flat: 500, Min: 700}, 0, 0, false},
		"the whole":                        {Schedule{PPM: million}, math.MaxInt64, math.MaxInt64, false},
		"above 64 bits":                    {Schedule{Flat: 1, PPM: million}, math.MaxInt64, 0, true},
		"above 64 bits with a most":        {Schedule{Flat: math.MaxInt64, PPM: million, Max: 7}, math.MaxInt64, 7, false},
		"a product above 64 bits is exact": {Schedule{PPM: 999_999}, math.MaxInt64, 9223362813482738952, false},
	} {
		got, err := c.s.Fee(Of(c.amount, BDT))
		if c.overflow && !fault.Has(err, fault.AmountOverflow) || !c.overflow && (err != nil || got != Of(c.fee, BDT)) {
			t.Errorf("%s: %v, %v; want %d", name, got, err, c.fee)
		}
	}
}

func TestNegativeAmountsHaveNoFee(t *testing.T) {
	if _, err := (Schedule{Flat: 1}).Fee(Of(-1, BDT)); !fault.Has(err, fault.AmountNotPositive) {
		t.Error(err)
	}
}

func TestWrongSchedulesAreRefused(t *testing.T) {
	for _, s := range []Schedule{{Flat: -1}, {PPM: -1}, {Min: -1}, {Max: -1}, {PPM: million + 1}, {Min: 2, Max: 1}} {
		if s.Check() == nil {
			t.Errorf("%+v passes", s)
		}
		if _, err := s.Fee(Of(1, BDT)); !fault.Has(err, fault.Bug) {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if err := (Schedule{Flat: 1, PPM: million, Min: 2, Max: 2}).Check(); err != nil {
		t.Error(err)
	}
}

// half rounds n*ppm/million half to even, in whole numbers without a limit.
func half(n, ppm int64) *big.Int {
	product := new(big.Int).Mul(big.NewInt(n), big.NewInt(ppm))
	q, r := new(big.Int).QuoRem(product, big.NewInt(million), new(big.Int))
	twice := new(big.Int).Lsh(r, 1).Cmp(big.NewInt(million))
	if twice > 0 || twice == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return q
}

func TestFeesAgreeWithUnlimitedArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.Int64Min(0)
		s := Schedule{Flat: part.Draw(t, "flat"), PPM: rapid.Int64Range(0, million).Draw(t, "ppm"), Min: part.Draw(t, "min")}
		if rapid.Bool().Draw(t, "has a most") {
			s.Max = rapid.Int64Range(max(s.Min, 1), math.MaxInt64).Draw(t, "max")
		}
		n := rapid.Int64Range(1, math.MaxInt64).Draw(t, "amount")
		want := half(n, s.PPM)
		want.Add(want, big.NewInt(s.Flat))
		if least := big.NewInt(s.Min); want.Cmp(least) < 0 {
			want = least
		}
		if most := big.NewInt(s.Max); s.Max > 0 && want.Cmp(most) > 0 {
			want = most
		}
		got, err := s.Fee(Of(n, BDT))
		if !want.IsInt64() {
			if !fault.Has(err, fault.AmountOverflow) {
				t.Fatalf("%v, %v; want an overflow", got, err)
			}
			return
		}
		if err != nil || got != Of(want.Int64(), BDT) {
			t.Fatalf("%v, %v; want %v", got, err, want)
		}
	})
}

func TestAPercentageNeverFallsAsTheAmountGrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ppm := rapid.Uint64Range(0, million).Draw(t, "ppm")
		n := rapid.Uint64Range(0, math.MaxInt64-1).Draw(t, "amount")
		if a, b := partsPerMillion(n, ppm), partsPerMillion(n+1, ppm); a > b || b > n+1 {
			t.Fatalf("%d of %d, then %d", a, n, b)
		}
	})
}
