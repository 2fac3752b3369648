package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"sarraf/fault"
	"sarraf/money"
	"sarraf/payout"
)

// methodCmd manages the ways in which merchants pay out.
type methodCmd struct {
	Kinds   methodKinds   `cmd:"" help:"List the kinds of method that there are."`
	List    methodList    `cmd:"" help:"List a merchant's methods."`
	Add     methodAdd     `cmd:"" help:"Give a merchant a method; its number is printed."`
	Set     methodSet     `cmd:"" help:"Change a method; what is not given stays as it is. Payouts that were asked for stay as they were."`
	Disable methodDisable `cmd:"" help:"Switch a method off: no payout can be asked for by it. set --no-disabled switches it on again."`
}

type methodKinds struct{}

func (c methodKinds) Run(s streams) error {
	return table(s.out, "KIND\tNAME\tTYPE\tCURRENCY\tACCOUNT\tMIN\tMAX", func(w io.Writer) {
		for _, k := range payout.Catalog() {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.Kind, k.Name, k.Type, k.Currency, accountRules[k.Rule], money.Of(k.Min, k.Currency).Decimal(),
				money.Of(k.Max, k.Currency).Decimal())
		}
	})
}

// accountRules are what accounts look like, by the rule they are judged by.
var accountRules = map[string]string{
	payout.RulePhoneBD: "mobile number of Bangladesh", payout.RulePhonePK: "mobile number of Pakistan", payout.RuleIBAN: "IBAN of Pakistan",
	payout.RuleRouting: "ROUTING/ACCOUNT",
}

// methodAnswer is a method as commands print it with --json. Amounts are in the major unit.
type methodAnswer struct {
	Number      int64  `json:"number"`
	Kind        string `json:"kind"`
	Name        string `json:"name"`
	Type        string `json:"type"`
	AccountType string `json:"account_type"`
	Currency    string `json:"currency"`
	Min         string `json:"min"`
	Max         string `json:"max"`
	Fee         string `json:"fee"`
	Rail        string `json:"rail"`
	Disabled    bool   `json:"disabled"`
}

func methodFacts(m payout.Method) methodAnswer {
	return methodAnswer{
		Number: m.Number, Kind: m.Kind, Name: m.Name, Type: m.Type, AccountType: m.AccountType, Currency: string(m.Currency),
		Min: money.Of(m.Min, m.Currency).Decimal(), Max: money.Of(m.Max, m.Currency).Decimal(), Fee: feeWords(m.Currency, m.Fee), Rail: m.Rail,
		Disabled: m.Disabled,
	}
}

func printMethods(s streams, list []payout.Method) error {
	return table(s.out, "NUMBER\tKIND\tNAME\tCURRENCY\tMIN\tMAX\tFEE\tRAIL\tSTATUS", func(w io.Writer) {
		for _, m := range list {
			a, status := methodFacts(m), "on"
			if m.Disabled {
				status = "off"
			}
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", a.Number, a.Kind, plain(a.Name), a.Currency, a.Min, a.Max, a.Fee, a.Rail, status)
		}
	})
}

type methodList struct {
	payoutFlags
	Merchant string `arg:"" help:"The merchant's id."`
	JSON     bool   `name:"json" help:"Print one JSON object."`
}

func (c methodList) Run(ctx context.Context, s streams) error {
	return withPayouts(ctx, c.payoutFlags, s, true, func(svc payouts) error {
		if _, err := svc.merchants.Get(ctx, c.Merchant); err != nil {
			return err
		}
		list, err := svc.Methods(ctx, c.Merchant)
		if err != nil {
			return err
		}
		if !c.JSON {
			return printMethods(s, list)
		}
		answers := make([]methodAnswer, len(list))
		for n, m := range list {
			answers[n] = methodFacts(m)
		}
		return printJSON(s, map[string]any{"methods": answers})
	})
}

// methodFlags are what can be chosen of a method.
type methodFlags struct {
	Name        string  `help:"What it is called, as the merchant sees it."`
	AccountType string  `help:"What sort of account the recipient has, as the merchant sees it."`
	Rail        string  `help:"The rail: manual (the desk carries it out), a rail that sends by itself, or for sandbox merchants sandbox."`
	Min         *string `help:"The least amount of one payout, without its fee, in the major unit."`
	Max         *string `help:"The greatest."`
	Flat        *string `help:"Fee of each, in the major unit, as 5.00. It is paid on top."`
	PPM         *int64  `name:"ppm" help:"Fee in parts per million of the amount; 15000 is 1.5 percent."`
	FeeMin      *string `name:"fee-min" help:"The fee is at least so much."`
	FeeMax      *string `name:"fee-max" help:"The fee is at most so much; 0 for no bound."`
}

// apply puts what the flags say into the method.
func (f methodFlags) apply(m *payout.Method) error {
	if f.Name != "" {
		m.Name = f.Name
	}
	if f.AccountType != "" {
		m.AccountType = f.AccountType
	}
	if f.Rail != "" {
		m.Rail = f.Rail
	}
	if f.PPM != nil {
		m.Fee.PPM = *f.PPM
	}
	for _, a := range []struct {
		name string
		text *string
		into *int64
	}{
		{"--min", f.Min, &m.Min}, {"--max", f.Max, &m.Max}, {"--flat", f.Flat, &m.Fee.Flat}, {"--fee-min", f.FeeMin, &m.Fee.Min}, {"--fee-max", f.FeeMax, &m.Fee.Max},
	} {
		if a.text == nil {
			continue
		}
		amount, err := majorUnits(a.name, *a.text, m.Currency)
		if err != nil {
			return err
		}
		*a.into = amount.Minor
	}
	return nil
}

// set makes or changes a method and prints it.
func (p payouts) setMethod(ctx context.Context, s streams, m payout.Method) error {
	m, err := p.SetMethod(ctx, p.by, m)
	f := fault.First(err)
	switch {
	case f == nil && err != nil:
		return err
	case f == nil:
		return printMethods(s, []payout.Method{m})
	case f.Code == fault.CurrencyUnknown:
		return usage("the merchant has no %s: `sarraf merchant set --currencies` gives it to it", m.Currency)
	case f.Code == fault.RailUnknown:
		return usage("--rail %.40q: a sandbox merchant's payouts go over sandbox, and those of a live one over manual or a rail that sends by itself", m.Rail)
	case f.Field == "min" || f.Field == "max":
		return usage("the limits cannot be so: the least is not above the greatest, nor below nothing")
	case f.Field == "fee":
		return usage("the fee cannot be so: parts per million up to 1000000, and the least not above the most")
	case f.Field == "name" || f.Field == "account_type":
		return usage("want at most 100 characters on one line for --name and --account-type")
	}
	return err
}

type methodAdd struct {
	payoutFlags
	methodFlags
	Merchant string `arg:"" help:"The merchant's id."`
	Kind     string `arg:"" help:"The kind, as sarraf method kinds lists them."`
}

func (c methodAdd) Run(ctx context.Context, s streams) error {
	k, ok := payout.KindOf(strings.ToLower(c.Kind))
	if !ok {
		return usage("%.40q is no kind of method: `sarraf method kinds` lists them", c.Kind)
	}
	return withPayouts(ctx, c.payoutFlags, s, false, func(svc payouts) error {
		owner, err := svc.merchants.Get(ctx, c.Merchant)
		if err != nil {
			return err
		}
		m := payout.Method{Owner: c.Merchant, Kind: k.Kind, Currency: k.Currency, Min: k.Min, Max: k.Max, Rail: payout.Manual}
		if owner.Sandbox() {
			m.Rail = payout.Sandbox
		}
		if err := c.apply(&m); err != nil {
			return err
		}
		return svc.setMethod(ctx, s, m)
	})
}

type methodSet struct {
	payoutFlags
	methodFlags
	Merchant string `arg:"" help:"The merchant's id."`
	Number   int64  `arg:"" help:"The method's number."`
	Disabled *bool  `negatable:"" help:"Switch it off."`
}

func (c methodSet) Run(ctx context.Context, s streams) error {
	return withPayouts(ctx, c.payoutFlags, s, false, func(svc payouts) error {
		m, err := svc.Method(ctx, c.Merchant, c.Number)
		if err != nil {
			return err
		}
		if err := c.apply(&m); err != nil {
			return err
		}
		if c.Disabled != nil {
			m.Disabled = *c.Disabled
		}
		return svc.setMethod(ctx, s, m)
	})
}

type methodDisable struct {
	payoutFlags
	Merchant string `arg:"" help:"The merchant's id."`
	Number   int64  `arg:"" help:"The method's number."`
}

func (c methodDisable) Run(ctx context.Context, s streams) error {
	off := true
	return methodSet{payoutFlags: c.payoutFlags, Merchant: c.Merchant, Number: c.Number, Disabled: &off}.Run(ctx, s)
}
