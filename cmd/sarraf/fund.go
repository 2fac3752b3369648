package main

import (
	"context"
	"fmt"
	"strings"

	"sarraf/fault"
	"sarraf/merchant"
	"sarraf/money"
)

// merchantFund books money that the operator has received for a merchant, such as what the merchant sends in to pay out from.
type merchantFund struct {
	databaseFlag
	ID        string `arg:"" help:"The merchant's id."`
	Amount    string `arg:"" help:"How much, in the major unit, as 50000.00."`
	Currency  string `arg:"" help:"The currency; one of the merchant's."`
	Reference string `required:"" help:"What the money is known by where it came in, such as the bank's own id of it. The same one again books nothing."`
}

// mostFunding is the longest reference of a funding, in bytes.
const mostFunding = 100

func (c merchantFund) Run(ctx context.Context, io streams) error {
	currency, err := money.ParseCurrency(strings.ToUpper(c.Currency))
	if err != nil {
		return usage("currency %.20q is not known", c.Currency)
	}
	amount, err := majorUnits("the amount", c.Amount, currency)
	if err != nil {
		return err
	}
	reference := strings.TrimSpace(c.Reference)
	if len(reference) > mostFunding || strings.ContainsFunc(reference, func(r rune) bool { return r < ' ' || r > '~' }) {
		return usage("--reference: want at most %d characters of plain ASCII", mostFunding)
	}
	return withMerchants(ctx, c.databaseFlag, io, false, func(s *merchant.Service, by merchant.Actor) error {
		err := s.Fund(ctx, by, c.ID, reference, amount)
		switch f := fault.First(err); {
		case err == nil:
			_, err = fmt.Fprintf(io.out, "%s %s is on the merchant's balance as %s\n", amount.Decimal(), currency, reference)
			return err
		case f.Code == fault.ReferenceTaken:
			return fmt.Errorf("%s was booked before, with another amount", reference)
		case f.Code == fault.CurrencyUnknown:
			return fmt.Errorf("the merchant does not have %s: `sarraf merchant set --currencies` adds it", currency)
		case f.Code == fault.AmountNotPositive, f.Code == fault.FieldRequired:
			return usage("the amount must be more than nothing, and --reference something")
		}
		return err
	})
}
