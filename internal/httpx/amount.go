package httpx

import (
	"strings"

	"sarraf/fault"
	"sarraf/money"
)

// Amount reads an amount of money that must be there and above zero: a JSON number, or a text of digits with at most as many decimals as
// the currency has after a point. Beyond those, zeros may stand: a shop's database gives its DECIMAL(10,4) as "100.0000", and that is exact.
// The faults, on name, in the order in which they are looked for: FieldNotNumber, FieldRequired, AmountDecimals, AmountNotPositive,
// AmountTooLarge (max: most, in the major unit).
func (f Fields) Amount(name string, c money.Currency, most int64) (money.Amount, *fault.Error) {
	text, _, wrong := f.Text(name)
	if wrong != nil {
		return money.Amount{}, fault.New(fault.FieldNotNumber).On(name)
	}
	if text = strings.TrimSpace(text); text == "" {
		return money.Amount{}, fault.New(fault.FieldRequired).On(name)
	}
	limit := money.Of(most, c)
	tooLarge := fault.New(fault.AmountTooLarge).On(name).With("max", limit.Decimal())
	if point, decimals := strings.IndexByte(text, '.'), c.Exponent(); point >= 0 && decimals > 0 && len(text) > point+1+decimals {
		text = text[:point+1+decimals] + strings.TrimRight(text[point+1+decimals:], "0")
	}
	amount, err := money.Parse(text, c, money.Plain)
	switch {
	case fault.Has(err, fault.AmountTooLarge) && strings.HasPrefix(text, "-"):
		return amount, fault.New(fault.AmountNotPositive).On(name)
	case fault.Has(err, fault.AmountTooLarge):
		return amount, tooLarge
	case err != nil:
		return amount, fault.First(err).On(name)
	case amount.Minor <= 0:
		return amount, fault.New(fault.AmountNotPositive).On(name)
	case amount.Minor > limit.Minor:
		return amount, tooLarge
	}
	return amount, nil
}
