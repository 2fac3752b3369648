package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/phone"
	"sarraf/store"
	"sarraf/wallet"
)

// walletCmd manages wallets without the console.
type walletCmd struct {
	Create  walletCreate  `cmd:"" help:"Make a wallet; unless --import or --no-pin is given, its PIN is made and printed once."`
	List    walletList    `cmd:"" help:"List wallets, the oldest first."`
	Show    walletShow    `cmd:"" help:"Show a wallet: its money, its PIN's standing, what it may still spend, and where it is signed in."`
	Approve walletApprove `cmd:"" help:"Let a wallet spend and receive."`
	Suspend walletSuspend `cmd:"" help:"Shut a wallet out: it neither spends nor receives, and is signed out everywhere. Its money stays."`
	Unlock  walletUnlock  `cmd:"" help:"End the lock of a wallet's PIN."`
	PIN     walletPIN     `cmd:"" name:"pin" help:"Give a wallet another PIN, which ends its lock and signs it out everywhere."`
	SignOut walletSignOut `cmd:"" help:"Sign a wallet out everywhere."`

	TopUp    walletTopUp    `cmd:"" help:"Put money into a wallet that you have received for it."`
	Withdraw walletWithdraw `cmd:"" help:"Pay money out of a wallet to an account elsewhere, by a payout of its merchant's."`
	QRRevoke walletQRRevoke `cmd:"" name:"qr-revoke" help:"Make all QR codes of a wallet that there are worthless; it gets new ones."`
	Link     walletLink     `cmd:"" help:"Say which merchant a merchant's wallet is of: that one's keys may spend from it."`
	Rule     walletRule     `cmd:"" help:"Show or set what a movement of money costs and how much of it may be, for one wallet or for everybody."`
}

// wallets is what the commands work with.
type wallets struct {
	*wallet.Service
	access    *wallet.Access
	merchants *merchant.Service
	payouts   *payout.Service
	by        merchant.Actor
	clock     clock.Clock
}

// withWallets opens the database and hands over the services. Commands about PINs and receipts need SARRAF_KEY.
func withWallets(ctx context.Context, f databaseFlag, s streams, needKey bool, do func(wallets) error) error {
	err := withDatabase(ctx, f, s, needKey, func(db *store.DB, ring *keyring.Keyring) error {
		log := event.NewLog(db)
		svc := wallet.NewService(db, log, ring)
		defer svc.Close()
		merchants := merchant.NewService(db, log, ring)
		payouts := payout.NewService(payout.Deps{DB: db, Log: log, Merchants: merchants})
		payouts.SetWallets(svc)
		defer payouts.Close()
		return do(wallets{
			Service: svc, access: wallet.NewAccess(db, svc, ring, nil, db.Clock()), merchants: merchants, payouts: payouts, by: actor(), clock: db.Clock(),
		})
	})
	switch {
	case fault.Has(err, fault.WalletMissing):
		return errors.New("there is no such wallet: `sarraf wallet list` shows them")
	case fault.Has(err, fault.MerchantMissing):
		return errors.New("there is no such merchant: `sarraf merchant list` shows them")
	case fault.Has(err, fault.CurrencyUnknown):
		return errors.New("the wallet has no such currency: `sarraf wallet show` names those that it has")
	}
	return err
}

// oneWallet names a wallet.
type oneWallet struct {
	databaseFlag
	Wallet string `arg:"" help:"The wallet's id, or its mobile number in any usual spelling."`
	Region string `default:"BD" help:"Where a number without a country's code is dialled, as BD or PK."`
}

// find answers the wallet that is meant.
func (o oneWallet) find(ctx context.Context, w wallets) (wallet.Wallet, error) {
	text := strings.TrimSpace(o.Wallet)
	if own := strings.ToLower(text); id.Valid(own) {
		return w.Get(ctx, own)
	}
	number, err := phone.Parse(text, strings.ToUpper(o.Region))
	if err != nil {
		return wallet.Wallet{}, usage("%.40q is neither a wallet's id nor a mobile number of %s", o.Wallet, strings.ToUpper(o.Region))
	}
	return w.ByNumber(ctx, string(number))
}

// with opens the database and hands over the wallet that is meant.
func (o oneWallet) with(ctx context.Context, s streams, needKey bool, do func(wallets, wallet.Wallet) error) error {
	return withWallets(ctx, o.databaseFlag, s, needKey, func(svc wallets) error {
		w, err := o.find(ctx, svc)
		if err != nil {
			return err
		}
		return do(svc, w)
	})
}

// newPIN is the PIN on standard input with --import, else one that is made: four random digits, each PIN as likely.
func (i imports) newPIN(s streams) (string, error) {
	if i.Import {
		pin, err := i.password(s, 0)
		if err != nil {
			return "", errors.New("there is no PIN on standard input")
		}
		return pin, nil
	}
	const pins = 10_000
	for {
		var b [2]byte
		_, _ = rand.Read(b[:]) // never fails
		if n := binary.BigEndian.Uint16(b[:]); n < 1<<16/pins*pins {
			return fmt.Sprintf("%04d", n%pins), nil
		}
	}
}

// showPIN prints a PIN that was made.
func (i imports) showPIN(s streams, pin string) error {
	if i.Import || pin == "" {
		return nil
	}
	_, err := fmt.Fprintf(s.out, "pin: %s\n", pin)
	return err
}

// walletError says what is wrong with a wallet in words.
func walletError(err error) error {
	f := fault.First(err)
	if f == nil {
		return err
	}
	switch {
	case f.Code == fault.PINMalformed:
		return errors.New("a PIN is four digits")
	case f.Code == fault.ReferenceTaken && f.Field == "mobile_number":
		return errors.New("another wallet has this number")
	case f.Code == fault.ReferenceTaken && f.Field == "reference":
		return errors.New("the merchant has given this reference to another wallet")
	case f.Code == fault.ReferenceTaken && f.Field == "merchant":
		return errors.New("the wallet has a reference of its merchant's, and stays with it")
	case f.Field == "zone":
		return errors.New("--zone: want the name of a time zone, as Asia/Dhaka")
	}
	return err
}

type walletCreate struct {
	databaseFlag
	imports
	Name       string   `arg:"" help:"Name, as whoever pays it or is paid by it sees it."`
	Number     string   `help:"Mobile number, in any usual spelling; its holder signs in with it."`
	Region     string   `default:"BD" help:"Where a number without a country's code is dialled, as BD or PK."`
	Kind       string   `default:"consumer" enum:"consumer,merchant" help:"consumer (a person) or merchant (a shop)."`
	Merchant   string   `help:"The merchant that it is of, by id: that one's keys may spend from it, for a consumer with the PIN."`
	Reference  string   `help:"That merchant's own id of it."`
	Email      string   `help:"Email address."`
	Address    string   `help:"Postal address."`
	Currencies []string `default:"BDT" help:"Currencies of its money, comma-separated."`
	Zone       string   `default:"Asia/Dhaka" help:"Time zone, in whose days and months its limits are counted."`
	Status     string   `default:"approved" enum:"pending,approved,suspended" help:"pending, approved or suspended."`
	Mode       string   `default:"sandbox" enum:"sandbox,live" help:"sandbox or live; it cannot be changed later. The two never meet."`
	NoPIN      bool     `name:"no-pin" help:"Give it no PIN: nobody signs in to it, and nobody but you and its merchant's keys spend from it."`
}

func (c walletCreate) Run(ctx context.Context, s streams) error {
	n := wallet.New{Wallet: wallet.Wallet{
		Merchant: c.Merchant, Kind: wallet.Kind(c.Kind), Name: c.Name, Reference: c.Reference, Email: c.Email, Address: c.Address,
		Status: wallet.Status(c.Status), Sandbox: c.Mode == "sandbox", Currencies: currencies(c.Currencies), Zone: c.Zone,
	}}
	switch {
	case c.NoPIN && c.Import:
		return usage("--no-pin and --import: it is the one or the other")
	case c.Reference != "" && c.Merchant == "":
		return usage("--reference is a merchant's: give --merchant too")
	case c.Number != "":
		number, err := phone.Parse(c.Number, strings.ToUpper(c.Region))
		if err != nil {
			return usage("--number %.40q is no mobile number of %s", c.Number, strings.ToUpper(c.Region))
		}
		n.Number = string(number)
	}
	return withWallets(ctx, c.databaseFlag, s, !c.NoPIN, func(svc wallets) (err error) {
		if c.Merchant != "" {
			if err := svc.fits(ctx, n.Wallet, c.Merchant); err != nil {
				return err
			}
		}
		if !c.NoPIN {
			if n.PIN, err = c.newPIN(s); err != nil {
				return err
			}
		}
		w, err := svc.Create(ctx, svc.by, n, nil)
		if fault.Has(err, fault.CurrencyUnknown) {
			return usage("--currencies: want ISO 4217 codes, each once, as BDT,EUR")
		}
		if err != nil {
			return walletError(err)
		}
		fmt.Fprintln(s.out, w.Owner)
		return c.showPIN(s, n.PIN)
	})
}

// fits refuses a merchant whose money is of the other mode than the wallet's.
func (w wallets) fits(ctx context.Context, of wallet.Wallet, owner string) error {
	m, err := w.merchants.Get(ctx, owner)
	if err == nil && m.Sandbox() != of.Sandbox {
		err = fmt.Errorf("the merchant is a %s one, and the wallet is not: their money never meets", m.Mode)
	}
	return err
}

type walletList struct {
	databaseFlag
	Merchant string `help:"Only wallets of the merchant, by id."`
	Status   string `default:"any" enum:"any,pending,approved,suspended" help:"Only those that are pending, approved or suspended."`
	After    string `help:"Only those made after the wallet with this id: the last one of a list that was cut off."`
	Limit    int    `default:"100" help:"At most so many; 1 to 10000."`
}

func (c walletList) Run(ctx context.Context, s streams) error {
	if c.Limit < 1 || c.Limit > 10_000 {
		return usage("--limit %d: want 1 to 10000", c.Limit)
	}
	q := wallet.Query{Merchant: c.Merchant, After: strings.ToLower(c.After), Limit: c.Limit + 1}
	if c.Status != "any" {
		q.Status = wallet.Status(c.Status)
	}
	return withWallets(ctx, c.databaseFlag, s, false, func(svc wallets) error {
		list, err := svc.List(ctx, q)
		if err != nil {
			return err
		}
		more := len(list) > c.Limit
		list = list[:min(len(list), c.Limit)]
		err = table(s.out, "ID\tNUMBER\tKIND\tSTATUS\tMODE\tCURRENCIES\tCREATED\tNAME", func(to io.Writer) {
			for _, w := range list {
				fmt.Fprintf(to, "%s\t%s\t%s\t%s\t%s\t%v\t%s\t%s\n", w.Owner, orDash(w.Number), w.Kind, w.Status, modeOf(w), w.Currencies,
					w.CreatedAt.Format(time.DateTime), plain(w.Name))
			}
		})
		if err == nil && more {
			_, err = fmt.Fprintf(s.err, "There are more: --after %s\n", list[len(list)-1].Owner)
		}
		return err
	})
}

func modeOf(w wallet.Wallet) merchant.Mode {
	if w.Sandbox {
		return merchant.Sandbox
	}
	return merchant.Live
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

type walletApprove struct{ oneWallet }

func (c walletApprove) Run(ctx context.Context, s streams) error {
	return c.with(ctx, s, false, setStatus(ctx, wallet.Approved))
}

type walletSuspend struct{ oneWallet }

func (c walletSuspend) Run(ctx context.Context, s streams) error {
	return c.with(ctx, s, false, setStatus(ctx, wallet.Suspended))
}

func setStatus(ctx context.Context, st wallet.Status) func(wallets, wallet.Wallet) error {
	return func(svc wallets, w wallet.Wallet) error {
		_, err := svc.SetStatus(ctx, svc.by, w.Owner, st)
		return err
	}
}

type walletUnlock struct{ oneWallet }

func (c walletUnlock) Run(ctx context.Context, s streams) error {
	return c.with(ctx, s, false, func(svc wallets, w wallet.Wallet) error { return svc.Unlock(ctx, svc.by, w.Owner) })
}

type walletPIN struct {
	oneWallet
	imports
}

func (c walletPIN) Run(ctx context.Context, s streams) error {
	return c.with(ctx, s, true, func(svc wallets, w wallet.Wallet) error {
		pin, err := c.newPIN(s)
		if err != nil {
			return err
		}
		if err := svc.SetPIN(ctx, svc.by, w.Owner, pin); err != nil {
			return walletError(err)
		}
		return c.showPIN(s, pin)
	})
}

type walletSignOut struct{ oneWallet }

func (c walletSignOut) Run(ctx context.Context, s streams) error {
	return c.with(ctx, s, false, func(svc wallets, w wallet.Wallet) error { return svc.access.RevokeAll(ctx, svc.by, w.Owner) })
}

type walletQRRevoke struct{ oneWallet }

func (c walletQRRevoke) Run(ctx context.Context, s streams) error {
	return c.with(ctx, s, false, func(svc wallets, w wallet.Wallet) error {
		_, err := svc.RevokeQR(ctx, svc.by, w.Owner)
		return err
	})
}

type walletLink struct {
	oneWallet
	Merchant string `arg:"" help:"The merchant's id; none takes it away."`
}

func (c walletLink) Run(ctx context.Context, s streams) error {
	return c.with(ctx, s, false, func(svc wallets, w wallet.Wallet) error {
		if w.Kind != wallet.Merchant {
			return errors.New("the wallet is a consumer's: only a merchant's wallet is linked to a merchant")
		}
		if w.Merchant = c.Merchant; c.Merchant == "none" {
			w.Merchant = ""
		} else if err := svc.fits(ctx, w, c.Merchant); err != nil {
			return err
		}
		_, err := svc.Change(ctx, svc.by, w)
		return walletError(err)
	})
}

// currencyOf is the currency that is meant, which without one is the wallet's only one.
func currencyOf(w wallet.Wallet, text string) (money.Currency, error) {
	if text == "" {
		if len(w.Currencies) > 1 {
			return "", usage("the wallet has %v: say which with --currency", w.Currencies)
		}
		return w.Currencies[0], nil
	}
	c := money.Currency(strings.ToUpper(text))
	if !slices.Contains(w.Currencies, c) {
		return "", fault.New(fault.CurrencyUnknown)
	}
	return c, nil
}
