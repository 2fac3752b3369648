// Package money keeps amounts exactly: whole minor units of a named currency, read and printed without ever passing through a
// binary fraction.
//
// An amount that leaves 64 bits is an error, never a wrap. Reading takes its rules about separators from the caller, because a
// comma is a decimal point at one front door and a mistake at another. The only rounding there is happens in a fee Schedule,
// half to even, in one function.
package money

import (
	"cmp"
	"fmt"
	"math"

	"sarraf/fault"
)

// Amount is so many minor units (paisa, cents) of a currency. The zero value is nothing of no currency.
type Amount struct {
	Minor    int64    `json:"minor"`
	Currency Currency `json:"currency"`
}

// Of is an amount of minor units.
func Of(minor int64, c Currency) Amount { return Amount{Minor: minor, Currency: c} }

// same is a fault of our own making when two amounts of different currencies meet: no caller may let a request get that far.
func (a Amount) same(b Amount) error {
	if a.Currency != b.Currency {
		return fault.New(fault.Bug).Wrap(fmt.Errorf("money: %q meets %q", a.Currency, b.Currency))
	}
	return nil
}

// Add is a + b. Errors: AmountOverflow when the sum leaves 64 bits, Bug when the currencies differ.
func (a Amount) Add(b Amount) (Amount, error) {
	if err := a.same(b); err != nil {
		return Amount{}, err
	}
	sum := a.Minor + b.Minor
	if (sum > a.Minor) != (b.Minor > 0) {
		return Amount{}, fault.New(fault.AmountOverflow)
	}
	return Amount{sum, a.Currency}, nil
}

// Sub is a - b. Errors: AmountOverflow when the difference leaves 64 bits, Bug when the currencies differ.
func (a Amount) Sub(b Amount) (Amount, error) {
	if err := a.same(b); err != nil {
		return Amount{}, err
	}
	rest := a.Minor - b.Minor
	if (rest < a.Minor) != (b.Minor > 0) {
		return Amount{}, fault.New(fault.AmountOverflow)
	}
	return Amount{rest, a.Currency}, nil
}

// Neg is -a. Error: AmountOverflow for the one amount that has no opposite in 64 bits.
func (a Amount) Neg() (Amount, error) {
	if a.Minor == math.MinInt64 {
		return Amount{}, fault.New(fault.AmountOverflow)
	}
	return Amount{-a.Minor, a.Currency}, nil
}

// Cmp is -1, 0 or 1 as a is less than, equal to or more than b. Error: Bug when the currencies differ.
func (a Amount) Cmp(b Amount) (int, error) {
	if err := a.same(b); err != nil {
		return 0, err
	}
	return cmp.Compare(a.Minor, b.Minor), nil
}

// IsZero reports whether it is nothing, in whatever currency.
func (a Amount) IsZero() bool { return a.Minor == 0 }

// Sign is -1, 0 or 1.
func (a Amount) Sign() int { return cmp.Compare(a.Minor, 0) }
