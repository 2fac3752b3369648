package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/wallet"
)

// walletAnswer is what `sarraf wallet show --json` prints. Amounts are in the major unit.
type walletAnswer struct {
	ID        string            `json:"id"`
	Number    string            `json:"mobile_number,omitempty"`
	Kind      string            `json:"kind"`
	Name      string            `json:"name"`
	Status    string            `json:"status"`
	Mode      string            `json:"mode"`
	Merchant  string            `json:"merchant,omitempty"`
	Reference string            `json:"reference,omitempty"`
	Email     string            `json:"email,omitempty"`
	Address   string            `json:"address,omitempty"`
	Zone      string            `json:"zone"`
	PIN       pinAnswer         `json:"pin"`
	QRSerial  int64             `json:"qr_serial"`
	CreatedAt time.Time         `json:"created_at"`
	UpdatedAt time.Time         `json:"updated_at"`
	Balances  []balanceAnswer   `json:"balances"`
	Movements []movementAnswer  `json:"movements"`
	Sessions  []sessionAnswer   `json:"sessions"`
	merchant  merchant.Merchant // zero where there is none
}

type pinAnswer struct {
	Set         bool      `json:"set"`
	Failures    int64     `json:"failures"`
	LockedUntil time.Time `json:"locked_until,omitzero"` // absent when it is not locked
}

type balanceAnswer struct {
	Currency  string `json:"currency"`
	Available string `json:"available"`
}

type movementAnswer struct {
	Movement  string `json:"movement"`
	Currency  string `json:"currency"`
	Own       bool   `json:"own_rule"`
	Fee       string `json:"fee"`
	Min       string `json:"min,omitempty"`
	Max       string `json:"max,omitempty"`
	Daily     string `json:"daily,omitempty"`
	Monthly   string `json:"monthly,omitempty"`
	Today     string `json:"today"`
	ThisMonth string `json:"this_month"`
}

type sessionAnswer struct {
	Door    string    `json:"door"`
	Address string    `json:"address,omitempty"`
	Since   time.Time `json:"since"`
	UsedAt  time.Time `json:"used_at"`
}

type walletShow struct {
	oneWallet
	JSON bool `name:"json" help:"Print one JSON object."`
}

func (c walletShow) Run(ctx context.Context, s streams) error {
	return c.with(ctx, s, false, func(svc wallets, w wallet.Wallet) error {
		a, err := svc.answer(ctx, w)
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(s.out).Encode(a)
		}
		return a.print(s.out)
	})
}

// answer is everything that is told of a wallet.
func (w wallets) answer(ctx context.Context, of wallet.Wallet) (a walletAnswer, err error) {
	a = walletAnswer{
		ID: of.Owner, Number: of.Number, Kind: string(of.Kind), Name: of.Name, Status: string(of.Status), Mode: string(modeOf(of)),
		Merchant: of.Merchant, Reference: of.Reference, Email: of.Email, Address: of.Address, Zone: of.Zone, QRSerial: of.QRSerial,
		CreatedAt: of.CreatedAt, UpdatedAt: of.UpdatedAt, Balances: []balanceAnswer{}, Movements: []movementAnswer{}, Sessions: []sessionAnswer{},
	}
	standing, err := w.Service.PIN(ctx, of.Owner)
	if err != nil {
		return a, err
	}
	a.PIN = pinAnswer{Set: of.HasPIN, Failures: standing.Failures}
	if standing.LockedUntil.After(w.clock.Now()) {
		a.PIN.LockedUntil = standing.LockedUntil
	}
	if of.Merchant != "" {
		if a.merchant, err = w.merchants.Get(ctx, of.Merchant); err != nil {
			return a, err
		}
	}
	for _, currency := range of.Currencies {
		have, err := w.Balance(ctx, of.Owner, currency)
		if err != nil {
			return a, err
		}
		a.Balances = append(a.Balances, balanceAnswer{Currency: string(currency), Available: have.Decimal()})
		used, err := w.Used(ctx, of.Owner, currency)
		if err != nil {
			return a, err
		}
		for _, m := range wallet.Movements() {
			r, own, err := w.Service.Rule(ctx, of.Owner, currency, m)
			if err != nil {
				return a, err
			}
			a.Movements = append(a.Movements, movementOf(currency, m, r, own, used[m]))
		}
	}
	sessions, err := w.access.Sessions(ctx, of.Owner)
	for _, open := range sessions {
		a.Sessions = append(a.Sessions, sessionAnswer{Door: open.Door, Address: open.Address, Since: open.CreatedAt, UsedAt: open.UsedAt})
	}
	return a, err
}

func movementOf(c money.Currency, m wallet.Movement, r wallet.Rule, own bool, used wallet.Usage) movementAnswer {
	text := func(minor int64) string { return money.Of(minor, c).Decimal() }
	limit := func(minor int64) string {
		if minor == 0 {
			return ""
		}
		return text(minor)
	}
	return movementAnswer{
		Movement: string(m), Currency: string(c), Own: own, Fee: feeWords(c, r.Fee), Min: limit(r.Min), Max: limit(r.Max), Daily: limit(r.Daily),
		Monthly: limit(r.Monthly), Today: text(used.Today), ThisMonth: text(used.ThisMonth),
	}
}

// feeWords is a schedule as people read it: "5.00 + 1.5% (1.00 to 20.00)".
func feeWords(c money.Currency, f money.Schedule) string {
	text := money.Of(f.Flat, c).Decimal()
	if f.PPM > 0 {
		text += " + " + strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%04d", f.PPM/10_000, f.PPM%10_000), "0"), ".") + "%"
	}
	switch {
	case f.Min > 0 && f.Max > 0:
		text += " (" + money.Of(f.Min, c).Decimal() + " to " + money.Of(f.Max, c).Decimal() + ")"
	case f.Min > 0:
		text += " (at least " + money.Of(f.Min, c).Decimal() + ")"
	case f.Max > 0:
		text += " (at most " + money.Of(f.Max, c).Decimal() + ")"
	}
	return text
}

func (a walletAnswer) print(to io.Writer) error {
	fact := func(name, value string) {
		if value != "" {
			fmt.Fprintf(to, "%-10s %s\n", name, value)
		}
	}
	fact("wallet", a.ID)
	fact("name", plain(a.Name))
	fact("number", a.Number)
	fact("holder", a.Kind+", "+a.Mode)
	fact("status", a.Status)
	if a.Merchant != "" {
		fact("merchant", a.Merchant+"  "+strconv.Quote(a.merchant.Name))
	}
	for _, f := range []struct{ name, value string }{{"reference", a.Reference}, {"email", a.Email}, {"address", a.Address}} {
		if f.value != "" {
			fact(f.name, plain(f.value))
		}
	}
	fact("zone", a.Zone)
	fact("PIN", a.PIN.words())
	fact("QR serial", strconv.FormatInt(a.QRSerial, 10))
	fact("created", a.CreatedAt.Format(time.DateTime))
	for _, b := range a.Balances {
		fact("balance", b.Available+" "+b.Currency)
	}
	fmt.Fprintln(to)
	err := table(to, "MOVEMENT\tCURRENCY\tRULE\tFEE\tMIN\tMAX\tTODAY\tOF DAILY\tTHIS MONTH\tOF MONTHLY", func(w io.Writer) {
		for _, m := range a.Movements {
			rule := "everybody's"
			if m.Own {
				rule = "its own"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Movement, m.Currency, rule, m.Fee, orDash(m.Min), orDash(m.Max), m.Today,
				orDash(m.Daily), m.ThisMonth, orDash(m.Monthly))
		}
	})
	if err != nil || len(a.Sessions) == 0 {
		return err
	}
	fmt.Fprintln(to)
	return table(to, "SIGNED IN AT\tFROM\tSINCE\tLAST USE", func(w io.Writer) {
		for _, s := range a.Sessions {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Door, orDash(s.Address), s.Since.Format(time.DateTime), s.UsedAt.Format(time.DateTime))
		}
	})
}

func (p pinAnswer) words() string {
	switch {
	case !p.Set:
		return "none"
	case !p.LockedUntil.IsZero():
		return "locked until " + p.LockedUntil.Format(time.DateTime)
	case p.Failures > 0:
		return fmt.Sprintf("set, wrong %d times in a row", p.Failures)
	}
	return "set"
}

type walletTopUp struct {
	oneWallet
	Amount    string `arg:"" help:"How much, in the major unit, as 500.00."`
	Reference string `required:"" help:"Your own name of the money, as a bank statement has it: the same one again for the same wallet changes nothing."`
	Currency  string `help:"The currency, where the wallet has several."`
	Note      string `help:"What its holder reads about it."`
}

func (c walletTopUp) Run(ctx context.Context, s streams) error {
	return c.with(ctx, s, true, func(svc wallets, w wallet.Wallet) error {
		currency, err := currencyOf(w, c.Currency)
		if err != nil {
			return err
		}
		amount, err := majorUnits("AMOUNT", c.Amount, currency)
		if err != nil {
			return err
		}
		number, err := svc.NextNumber(ctx)
		if err != nil {
			return err
		}
		sent, err := svc.TopUp(ctx, wallet.TopUpNew{
			ID: id.New(svc.clock), Number: number, Door: "command", Wallet: w.Owner, Amount: amount, Rail: wallet.OperatorRail,
			Reference: c.Reference, Note: c.Note, By: wallet.Operator, Actor: svc.by.Name,
		}, nil)
		switch {
		case fault.Has(err, fault.AmountNotPositive):
			return usage("AMOUNT %s: want more than nothing", c.Amount)
		case fault.Has(err, fault.SenderNotApproved):
			return fmt.Errorf("the wallet is %s: only an approved one is topped up", w.Status)
		case fault.Has(err, fault.ReferenceTaken):
			return errors.New("this reference was used for another amount of this wallet: give the money a name of its own")
		case err != nil:
			return err
		}
		if sent.Replay {
			fmt.Fprintln(s.out, "It was there before: nothing is changed.")
		}
		t := sent.Transfer
		_, err = fmt.Fprintf(s.out, "transfer: %s\nreceipt: %s\nbalance: %s\n", t.ID, orDash(t.Number), money.Of(t.BalanceAfter, t.Currency))
		return err
	})
}

// majorUnits reads an amount as people write it on a command line.
func majorUnits(name, text string, c money.Currency) (money.Amount, error) {
	amount, err := money.Parse(text, c, money.Plain)
	if err != nil || amount.Minor < 0 {
		return amount, usage("%s %.40q: want an amount of %s in the major unit, as 500.00", name, text, c)
	}
	return amount, nil
}

type walletRule struct {
	databaseFlag
	Wallet   string  `arg:"" help:"The wallet's id or mobile number; everybody for all that have no rule of their own."`
	Currency string  `arg:"" help:"The currency."`
	Movement string  `arg:"" enum:"send,payment,topup,withdrawal" help:"send (to a consumer), payment (to a merchant), topup or withdrawal."`
	Region   string  `default:"BD" help:"Where a number without a country's code is dialled, as BD or PK."`
	Flat     *string `help:"Fee of each, in the major unit, as 5.00."`
	PPM      *int64  `name:"ppm" help:"Fee in parts per million of the amount; 15000 is 1.5 percent."`
	FeeMin   *string `name:"fee-min" help:"The fee is at least so much."`
	FeeMax   *string `name:"fee-max" help:"The fee is at most so much; 0 for no bound."`
	Min      *string `help:"The least amount of one, without its fee."`
	Max      *string `help:"The greatest; 0 for no bound."`
	Daily    *string `help:"The most of a day where the holder is; 0 for no bound."`
	Monthly  *string `help:"The most of a calendar month there; 0 for no bound."`
	Remove   bool    `help:"Take the rule away: what holds for everybody holds again, and for everybody the built-in one."`
}

func (c walletRule) Run(ctx context.Context, s streams) error {
	return withWallets(ctx, c.databaseFlag, s, false, func(svc wallets) error {
		owner := ""
		if c.Wallet != "everybody" {
			w, err := oneWallet{Wallet: c.Wallet, Region: c.Region}.find(ctx, svc)
			if err != nil {
				return err
			}
			owner = w.Owner
		}
		currency, m := money.Currency(strings.ToUpper(c.Currency)), wallet.Movement(c.Movement)
		if !currency.Known() {
			return usage("%.20q is no currency: want an ISO 4217 code, as BDT", c.Currency)
		}
		r, _, err := svc.Service.Rule(ctx, owner, currency, m)
		if err != nil {
			return err
		}
		changed, err := c.change(&r, currency)
		switch {
		case err != nil:
			return err
		case changed && c.Remove:
			return usage("--remove stands alone")
		case c.Remove:
			err = svc.SetRule(ctx, svc.by, owner, currency, m, nil)
		case changed:
			err = svc.SetRule(ctx, svc.by, owner, currency, m, &r)
		}
		if f := fault.First(err); f != nil && f.Code == fault.FieldMalformed {
			return usage("the %s of the rule cannot be so: a least amount is not above the greatest, nor below nothing", f.Field)
		}
		if err != nil {
			return err
		}
		return svc.showRule(ctx, s.out, owner, currency, m)
	})
}

// change puts what the flags say into the rule and reports whether there was anything.
func (c walletRule) change(r *wallet.Rule, currency money.Currency) (changed bool, err error) {
	for _, f := range []struct {
		name string
		text *string
		into *int64
	}{
		{"--flat", c.Flat, &r.Fee.Flat},
		{"--fee-min", c.FeeMin, &r.Fee.Min},
		{"--fee-max", c.FeeMax, &r.Fee.Max},
		{"--min", c.Min, &r.Min},
		{"--max", c.Max, &r.Max},
		{"--daily", c.Daily, &r.Daily},
		{"--monthly", c.Monthly, &r.Monthly},
	} {
		if f.text == nil {
			continue
		}
		amount, err := majorUnits(f.name, *f.text, currency)
		if err != nil {
			return changed, err
		}
		*f.into, changed = amount.Minor, true
	}
	if c.PPM != nil {
		r.Fee.PPM, changed = *c.PPM, true
	}
	return changed, nil
}

// showRule prints the rule that now holds.
func (w wallets) showRule(ctx context.Context, to io.Writer, owner string, c money.Currency, m wallet.Movement) error {
	r, own, err := w.Service.Rule(ctx, owner, c, m)
	if err != nil {
		return err
	}
	whose := "built in"
	switch {
	case own:
		whose = "its own"
	case r != wallet.DefaultRule(c, m):
		whose = "everybody's"
	}
	a := movementOf(c, m, r, own, wallet.Usage{})
	return table(to, "MOVEMENT\tCURRENCY\tRULE\tFEE\tMIN\tMAX\tDAILY\tMONTHLY", func(out io.Writer) {
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", a.Movement, a.Currency, whose, a.Fee, orDash(a.Min), orDash(a.Max), orDash(a.Daily), orDash(a.Monthly))
	})
}
