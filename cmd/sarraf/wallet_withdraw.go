package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/wallet"
)

type walletWithdraw struct {
	oneWallet
	Amount    string `required:"" help:"How much the recipient gets, in the major unit, as 500.00; the wallet's fee comes on top."`
	Method    int64  `required:"" help:"The number of the merchant's payout method that it goes out by."`
	Account   string `required:"" help:"The recipient's account, as the method has it: a mobile number, an IBAN, a routing number and an account number."`
	Name      string `help:"The recipient's name; the wallet's own where it is left out."`
	Reference string `help:"Your own name of it: a second one for the same merchant is refused."`
	Merchant  string `help:"For a wallet that is no merchant's: by whose methods its money goes out, and on whose list it is, by the merchant's id."`
	Currency  string `help:"The currency, where the wallet has several."`
	Note      string `help:"What it is for."`
}

func (c walletWithdraw) Run(ctx context.Context, s streams) error {
	return c.with(ctx, s, false, func(svc wallets, w wallet.Wallet) error {
		currency, err := currencyOf(w, c.Currency)
		if err != nil {
			return err
		}
		amount, err := majorUnits("--amount", c.Amount, currency)
		if err != nil {
			return err
		}
		if w.Merchant != "" && c.Merchant != "" && c.Merchant != w.Merchant {
			return usage("--merchant %.40q: the wallet is %s's, and goes by that one's methods", c.Merchant, w.Merchant)
		}
		name := c.Name
		if name == "" {
			name = w.Name
		}
		p, err := svc.payouts.Withdraw(ctx, payout.Withdrawal{
			New: payout.New{
				Owner: w.Owner, ID: id.New(svc.clock), Door: "command", Reference: c.Reference, Method: c.Method, Amount: amount, RecipientName: name,
				Account: c.Account, Description: c.Note, AskedBy: svc.by,
			},
			Spend:   wallet.Spend{By: wallet.Operator, Actor: svc.by.Name},
			Through: c.Merchant,
		}, nil)
		if err != nil {
			return c.words(w, currency, err)
		}
		left, err := svc.Balance(ctx, w.Owner, currency)
		if err != nil {
			return err
		}
		status := string(p.Status)
		if p.Approval == payout.Wanted {
			status += ", waits for a second person's approval"
		}
		_, err = fmt.Fprintf(s.out, "payout: %s\nstatus: %s\nfee: %s\nbalance: %s\n", p.ID, status, p.FeeMoney(), left)
		return err
	})
}

// words says what a withdrawal was refused for.
func (c walletWithdraw) words(w wallet.Wallet, currency money.Currency, err error) error {
	f := fault.First(err)
	bound := func() string {
		minor, wrong := strconv.ParseInt(f.Params["limit"], 10, 64)
		if wrong != nil {
			return f.Params["limit"]
		}
		return money.Of(minor, currency).String()
	}
	switch f.Code {
	case fault.PayoutMethodMissing:
		if w.Merchant == "" && c.Merchant == "" {
			return errors.New("the wallet is no merchant's: say with --merchant by whose methods its money goes out")
		}
		return fmt.Errorf("the merchant has no method %d that is switched on and for this wallet's mode; one whose rail sends by itself is asked for "+
			"over the API, where that rail is known", c.Method)
	case fault.FieldRequired, fault.FieldTooLong, fault.FieldMalformed:
		if f.Field == payout.FieldAccount {
			return usage("--account %.40q is none of the method's (%s)", c.Account, orDash(f.Params["rule"]))
		}
	case fault.AmountNotPositive:
		return usage("--amount %s: want more than nothing", c.Amount)
	case fault.AmountBelowLimit:
		return fmt.Errorf("the least is %s", bound())
	case fault.AmountAboveLimit:
		return fmt.Errorf("the most at once is %s", bound())
	case fault.DailyLimitExceeded:
		return fmt.Errorf("the most of a day is %s: `sarraf wallet show` tells what of it is used", bound())
	case fault.MonthlyLimitExceeded:
		return fmt.Errorf("the most of a month is %s: `sarraf wallet show` tells what of it is used", bound())
	case fault.BalanceInsufficient:
		return fmt.Errorf("the wallet has %s %s, which does not cover amount and fee", f.Params["available"], currency)
	case fault.SenderNotApproved:
		return fmt.Errorf("the wallet is %s: money leaves only an approved one", w.Status)
	case fault.ReferenceTaken:
		return errors.New("the merchant has a payout with this reference: `sarraf explain` tells what became of it")
	case fault.PermissionMissing:
		return errors.New("the merchant is closed")
	case fault.CurrencyUnknown:
		return fmt.Errorf("the method or the merchant has no %s", currency)
	}
	return err
}
