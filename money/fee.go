package money

import (
	"errors"
	"math"
	"math/bits"

	"sarraf/fault"
)

// million is how many parts Schedule.PPM counts in: 10,000 is one percent, 100 is one basis point.
const million = 1_000_000

// Schedule is how a fee is worked out. Flat, Min and Max are minor units of the amount's currency. The zero value takes nothing.
type Schedule struct {
	Flat int64 `json:"flat"` // taken whatever the amount
	PPM  int64 `json:"ppm"`  // and so many parts per million of the amount, 0 to 1,000,000
	Min  int64 `json:"min"`  // the fee is at least this
	Max  int64 `json:"max"`  // and at most this; 0: there is no most
}

// Check tells what is wrong with a schedule, nil when nothing is: no part may be negative, PPM at most 1,000,000, and Min not
// above Max where there is one.
func (s Schedule) Check() error {
	switch {
	case s.Flat < 0 || s.PPM < 0 || s.Min < 0 || s.Max < 0:
		return errors.New("money: a part of the fee schedule is negative")
	case s.PPM > million:
		return errors.New("money: the fee schedule takes more than the whole")
	case s.Max > 0 && s.Min > s.Max:
		return errors.New("money: the fee schedule's least is above its most")
	}
	return nil
}

// Fee is what the schedule takes of a: Flat plus the parts of a, rounded to the nearest minor unit and half to even, kept between
// Min and Max. Of nothing it takes nothing, not even Min. It may be more than a (Flat or Min can be): whether it is taken out of
// a, and then how much of it, or paid on top, is the caller's affair.
//
// Errors: AmountNotPositive for a negative amount, AmountOverflow when the fee leaves 64 bits, Bug for a schedule that Check
// refuses.
func (s Schedule) Fee(a Amount) (Amount, error) {
	if err := s.Check(); err != nil {
		return Amount{}, fault.New(fault.Bug).Wrap(err)
	}
	switch a.Sign() {
	case -1:
		return Amount{}, fault.New(fault.AmountNotPositive)
	case 0:
		return a, nil
	}
	// A share is at most the amount, so the sum of two int64 stays within 64 unsigned bits.
	fee := max(uint64(s.Flat)+partsPerMillion(uint64(a.Minor), uint64(s.PPM)), uint64(s.Min))
	if s.Max > 0 {
		fee = min(fee, uint64(s.Max))
	}
	if fee > math.MaxInt64 {
		return Amount{}, fault.New(fault.AmountOverflow)
	}
	return Amount{int64(fee), a.Currency}, nil
}

// partsPerMillion is n * ppm / 1,000,000, rounded half to even. It is the one place where money is rounded. ppm is at most
// 1,000,000: the product has up to 84 bits, and the quotient is at most n.
func partsPerMillion(n, ppm uint64) uint64 {
	high, low := bits.Mul64(n, ppm)
	q, r := bits.Div64(high, low, million)
	if r > million/2 || r == million/2 && q%2 == 1 {
		q++
	}
	return q
}
