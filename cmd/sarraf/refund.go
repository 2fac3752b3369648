package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/rail/sandbox"
	"sarraf/store"
	"sarraf/wallet"
)

// refundCmd gives money back by hand of an operator.
type refundCmd struct {
	databaseFlag
	Target    string `arg:"" name:"invoice-or-payment" help:"The invoice, by whatever sarraf explain finds it by, or the id of one of its payments."`
	Amount    string `help:"How much, in the major unit, as 500.00; without it, all that is left."`
	Unapplied bool   `help:"Of what was set aside, and not of what settled the invoice."`
	Reason    string `required:"" help:"Why: the merchant reads it, and so does the holder of a wallet that gets the money."`
	Merchant  string `help:"Only what is this merchant's, by id."`
	ID        string `name:"id" help:"A UUID of your own for the refund: the same one again changes nothing."`
}

func (c refundCmd) Run(ctx context.Context, s streams) error {
	if err := checkID(strings.TrimSpace(c.Target)); err != nil {
		return err
	}
	if c.ID = strings.ToLower(c.ID); c.ID != "" && !id.Valid(c.ID) {
		return usage("--id %.60q: want a UUID", c.ID)
	}
	return withDatabase(ctx, c.databaseFlag, s, true, func(db *store.DB, ring *keyring.Keyring) error {
		log := event.NewLog(db)
		merchants, wallets := merchant.NewService(db, log, ring), wallet.NewService(db, log, ring)
		defer wallets.Close()
		payouts := payout.NewService(payout.Deps{DB: db, Log: log, Merchants: merchants})
		defer payouts.Close()
		payouts.SetSenders(handsOver(sandbox.Name))
		payments := payment.NewService(db, log)
		defer payments.Close()
		payments.SetWallets(wallets)
		payments.SetPayouts(payouts, merchants)
		n, currency, err := c.meant(ctx, db)
		if err != nil {
			return err
		}
		if c.Amount != "" {
			amount, err := majorUnits("--amount", c.Amount, currency)
			if err != nil {
				return err
			}
			n.Amount = &amount
		}
		r, err := payments.Refund(ctx, n, nil)
		if err != nil {
			return refundRegret(err, currency)
		}
		return c.print(s, r)
	})
}

// meant is the refund that is asked for, but for its amount, and the currency of that.
func (c refundCmd) meant(ctx context.Context, db *store.DB) (n payment.NewRefund, currency money.Currency, err error) {
	n = payment.NewRefund{ID: c.ID, Of: payment.OfSettled, Reason: strings.TrimSpace(c.Reason), Door: "command", AskedBy: actor()}
	if c.Unapplied {
		n.Of = payment.OfUnapplied
	}
	text := strings.TrimSpace(c.Target)
	return n, currency, db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		s, err := newSearch(ctx, tx, c.Merchant)
		if err != nil {
			return err
		}
		own, err := payment.OfID(ctx, tx, s.owners, strings.ToLower(text))
		if err != nil {
			return err
		}
		if len(own) == 1 {
			n.Owner, n.Payment, currency = own[0].Owner, own[0].ID, own[0].Currency
			return nil
		}
		for _, reading := range readings(text) {
			if err := s.seek(ctx, reading); err != nil {
				return err
			}
		}
		var invoices []root
		for _, r := range s.order {
			if r.kind == anInvoice {
				invoices = append(invoices, r)
			}
		}
		switch len(invoices) {
		case 0:
			return fmt.Errorf("%.80q is no invoice and no payment: `sarraf explain` tells what it is", text)
		case 1:
		default:
			return fmt.Errorf("%.80q is that of %d invoices: give the id of one, which `sarraf explain` tells, or --merchant", text, len(invoices))
		}
		n.Owner, n.Invoice = invoices[0].owner, invoices[0].id
		list, err := payment.OfInvoice(ctx, tx, n.Owner, n.Invoice)
		if len(list) > 0 {
			currency = list[0].Currency
		}
		return err
	})
}

// refundRegret is a refusal in words.
func refundRegret(err error, c money.Currency) error {
	f := fault.First(err)
	switch f.Code {
	case fault.TargetAmbiguous:
		return fmt.Errorf("several payments of the invoice have something left: give the id of one: %s", strings.ReplaceAll(f.Params["candidates"], ",", ", "))
	case fault.InvoiceOpen:
		return errors.New("the invoice is open: cancel it first, so that nobody pays the rest of it")
	case fault.RefundTooMuch:
		left, _ := strconv.ParseInt(f.Params["refundable"], 10, 64) // of our own making
		if left <= 0 {
			return errors.New("nothing is left of it that could be given back")
		}
		return fmt.Errorf("that is more than is left: %s can be given back", money.Of(left, c))
	case fault.BalanceInsufficient:
		return fmt.Errorf("the merchant has not got it: %s is available", orDash(f.Params["available"]))
	case fault.AmountNotPositive:
		return usage("--amount: want more than nothing")
	case fault.FieldTooLong, fault.FieldControl:
		return usage("--reason: want one line of 255 characters at most")
	case fault.IdempotencyReused:
		return errors.New("this id is that of another refund")
	}
	return err
}

func (c refundCmd) print(s streams, r payment.Refund) error {
	next := ""
	switch {
	case r.Status.Final():
	case r.Rail == payout.Manual:
		next = ": a person has to carry it out"
	default:
		next = ": the rail " + r.Rail + " is told by the server"
	}
	_, err := fmt.Fprintf(s.out, "refund: %s\npayment: %s\namount: %s\nrail: %s\nstatus: %s%s\n", r.ID, r.Payment, r.Money(), r.Rail, r.Status, next)
	if err == nil && r.Receipt != "" {
		_, err = fmt.Fprintf(s.out, "receipt: %s\n", r.Receipt)
	}
	return err
}

// handsOver is a rail as a command knows it: what it asks of it, the server hands over.
type handsOver string

func (h handsOver) Name() string              { return string(h) }
func (handsOver) Sends(k rail.OrderKind) bool { return k == rail.OrderRefund }
func (handsOver) Limit() time.Duration        { return time.Second }
func (handsOver) Send(context.Context, rail.Order) (rail.Answer, error) {
	return rail.Answer{}, errNotHere
}

func (handsOver) Inquire(context.Context, rail.Order) (rail.Answer, error) {
	return rail.Answer{}, errNotHere
}

var errNotHere = errors.New("a command calls no rails")
