package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/internal/keyring"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/qr"
	"sarraf/rail/sandbox"
	walletrail "sarraf/rail/wallet"
	"sarraf/store"
	"sarraf/webhook"
)

// merchantCmd manages merchants without the console.
type merchantCmd struct {
	Create merchantCreate `cmd:"" help:"Make a merchant."`
	List   merchantList   `cmd:"" help:"List the merchants."`
	Show   merchantShow   `cmd:"" help:"Show a merchant and its credentials."`
	Set    merchantSet    `cmd:"" help:"Change a merchant's name, currencies or settings."`
	Key    merchantKey    `cmd:"" help:"Make a credential for a front door; its secret is printed once."`
	Revoke merchantRevoke `cmd:"" help:"Revoke a credential."`
	Fee    merchantFee    `cmd:"" help:"Set what the house takes of the merchant's receipts over a rail."`
	Fund   merchantFund   `cmd:"" help:"Book money that the merchant has sent in, to pay out from."`
	Secret merchantSecret `cmd:"" help:"Print the secret that signs the merchant's webhooks."`
	User   merchantUser   `cmd:"" help:"Manage who signs in for the merchant with a name and a password."`

	Callback merchantCallback `cmd:"" help:"Say where a front door sends the merchant's callbacks."`
}

// withMerchants opens the database and hands over the service. Only commands that touch encrypted secrets need SARRAF_KEY.
func withMerchants(ctx context.Context, f databaseFlag, s streams, needKey bool, do func(*merchant.Service, merchant.Actor) error) error {
	err := withDatabase(ctx, f, s, needKey, func(db *store.DB, ring *keyring.Keyring) error {
		return do(merchant.NewService(db, event.NewLog(db), ring), actor())
	})
	if fault.Has(err, fault.MerchantMissing) {
		return errors.New("there is no such merchant: `sarraf merchant list` shows them")
	}
	return err
}

// withDatabase opens a database that is there and has the right schema, with the master key; without needKey that may be nil.
func withDatabase(ctx context.Context, f databaseFlag, s streams, needKey bool, do func(*store.DB, *keyring.Keyring) error) error {
	sec, err := environment()
	if err != nil {
		return err
	}
	if sec.Key == "" {
		kept, err := devSecrets(f.Database)
		if err != nil {
			return err
		}
		sec.Key = kept.Key
	}
	if sec.Key == "" && needKey {
		return errors.New("SARRAF_KEY is not set: this command needs the key that serve runs with")
	}
	var ring *keyring.Keyring
	if sec.Key != "" {
		if ring, err = keyring.Parse(sec.Key); err != nil {
			return fmt.Errorf("SARRAF_KEY: %w", err)
		}
	}
	db, err := f.openMade(ctx, store.Options{Logger: slog.New(slog.NewTextHandler(s.err, nil))})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.CheckSchema(ctx); err != nil {
		return err
	}
	return do(db, ring)
}

// devSecrets are the secrets that serve --dev made and kept, if it did.
func devSecrets(dsn string) (kept secrets, err error) {
	path, err := besideDatabase(dsn, "secrets")
	if err != nil {
		return kept, err
	}
	_, err = readJSON(path, &kept)
	return kept, err
}

// actor is who runs the command, for the audit log.
func actor() merchant.Actor {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	return merchant.Actor{Name: name, Source: "command line on " + host}
}

type merchantCreate struct {
	databaseFlag
	Name       string   `arg:"" help:"Name, as payers see it."`
	Mode       string   `default:"sandbox" enum:"sandbox,live" help:"sandbox or live; it cannot be changed later."`
	Currencies []string `default:"BDT" help:"Currencies it may be paid in, comma-separated."`
}

func (c merchantCreate) Run(ctx context.Context, s streams) error {
	return withMerchants(ctx, c.databaseFlag, s, true, func(svc *merchant.Service, by merchant.Actor) error {
		m, err := svc.Create(ctx, by, merchant.Merchant{Name: c.Name, Mode: merchant.Mode(c.Mode), Currencies: currencies(c.Currencies)})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(s.out, m.Owner)
		return err
	})
}

func currencies(list []string) []money.Currency {
	var out []money.Currency
	for _, c := range list {
		out = append(out, money.Currency(strings.ToUpper(strings.TrimSpace(c))))
	}
	return out
}

type merchantList struct{ databaseFlag }

func (c merchantList) Run(ctx context.Context, s streams) error {
	return withMerchants(ctx, c.databaseFlag, s, false, func(svc *merchant.Service, _ merchant.Actor) error {
		list, err := svc.List(ctx)
		if err != nil {
			return err
		}
		return table(s.out, "ID\tNAME\tMODE\tCURRENCIES\tCREATED", func(w io.Writer) {
			for _, m := range list {
				fmt.Fprintf(w, "%s\t%s\t%s\t%v\t%s\n", m.Owner, m.Name, m.Mode, m.Currencies, m.CreatedAt.Format(time.DateTime))
			}
		})
	})
}

func table(out io.Writer, head string, rows func(io.Writer)) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	rows(w)
	return w.Flush()
}

type merchantShow struct {
	databaseFlag
	ID string `arg:"" help:"The merchant's id."`
}

func (c merchantShow) Run(ctx context.Context, s streams) error {
	return withMerchants(ctx, c.databaseFlag, s, false, func(svc *merchant.Service, _ merchant.Actor) error {
		m, err := svc.Get(ctx, c.ID)
		if err != nil {
			return err
		}
		settings, err := json.Marshal(m.Settings)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s  %s  %s  %v\nsettings %s\n\n", m.Owner, m.Name, m.Mode, m.Currencies, settings)
		list, err := svc.Credentials(ctx, c.ID)
		if err != nil {
			return err
		}
		return table(s.out, "CREDENTIAL\tDOOR\tKEY\tROLE\tLABEL\tCREATED\tREVOKED", func(w io.Writer) {
			for _, k := range list {
				revoked := "-"
				if !k.RevokedAt.IsZero() {
					revoked = k.RevokedAt.Format(time.DateTime)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Door, k.Handle, k.Role, k.Label, k.CreatedAt.Format(time.DateTime), revoked)
			}
		})
	})
}

type merchantSet struct {
	databaseFlag
	ID             string   `arg:"" help:"The merchant's id."`
	Name           string   `help:"New name."`
	Currencies     []string `help:"All currencies it may be paid in from now on; none can be taken away."`
	Disabled       *bool    `negatable:"" help:"Shut the merchant out: its credentials are refused and its pages offer no way to pay."`
	KeyRequired    *bool    `negatable:"" help:"Demand a key at front doors that can do without (AssanPay)."`
	InvoiceMinutes int      `help:"How long an invoice can be paid, in minutes."`
	Rails          []string `help:"The rails that its payers may use on its pages: wallet, and in sandbox mode sandbox, which are both there by default."`
	PakistanQR     string   `name:"pakistan-qr" help:"What the scheme's operator and the bank assigned, as JSON: operator_id, bic, iban, name, city, category, postal; none takes it away."`
	PayoutApproval []string `placeholder:"CURRENCY=AMOUNT" help:"Above which amount a second person approves a payout, in the major unit, as BDT=50000; 0 for every payout, none for never. Several, comma-separated; other currencies stay as they are."`
	BanglaQR       string   `name:"bangla-qr" help:"What the acquirer assigned, as JSON: acquirer_domain, institution_type, institution_id, pan, category, name, city."`
}

func (c merchantSet) Run(ctx context.Context, s streams) error {
	return withMerchants(ctx, c.databaseFlag, s, false, func(svc *merchant.Service, by merchant.Actor) error {
		m, err := svc.Get(ctx, c.ID)
		if err != nil {
			return err
		}
		if c.Name != "" {
			m.Name = c.Name
		}
		if len(c.Currencies) > 0 {
			m.Currencies = currencies(c.Currencies)
		}
		if c.InvoiceMinutes != 0 {
			m.Settings.InvoiceMinutes = c.InvoiceMinutes
		}
		if c.Disabled != nil {
			m.Settings.Disabled = *c.Disabled
		}
		if c.KeyRequired != nil {
			m.Settings.KeyRequired = *c.KeyRequired
		}
		if len(c.Rails) > 0 {
			for _, name := range c.Rails {
				if err := knownRail(name); err != nil {
					return err
				}
			}
			m.Settings.Rails = c.Rails
		}
		if m.Settings.PayoutApproval, err = approvalLimits(m.Settings.PayoutApproval, c.PayoutApproval); err != nil {
			return err
		}
		if c.BanglaQR != "" {
			if m.Settings.BanglaQR, err = readBanglaQR(c.BanglaQR); err != nil {
				return err
			}
		}
		if c.PakistanQR != "" {
			if m.Settings.PakistanQR, err = readPakistanQR(c.PakistanQR); err != nil {
				return err
			}
		}
		return svc.Change(ctx, by, m)
	})
}

// approvalLimits are the amounts above which payouts want approval, with what was given on the command line.
func approvalLimits(limits map[money.Currency]int64, given []string) (map[money.Currency]int64, error) {
	for _, text := range given {
		currency, amount, ok := strings.Cut(text, "=")
		c := money.Currency(strings.ToUpper(strings.TrimSpace(currency)))
		switch {
		case !ok || !c.Known():
			return nil, usage("--payout-approval %.40q: want a currency and an amount, as BDT=50000", text)
		case strings.TrimSpace(amount) == "none":
			delete(limits, c)
			continue
		}
		most, err := majorUnits("--payout-approval", strings.TrimSpace(amount), c)
		if err != nil {
			return nil, err
		}
		if limits == nil {
			limits = map[money.Currency]int64{}
		}
		limits[c] = most.Minor
	}
	return limits, nil
}

// readBanglaQR reads what an acquirer assigned, and tries it: a code that cannot be drawn later would help no payer.
func readBanglaQR(text string) (*merchant.BanglaQR, error) {
	var b merchant.BanglaQR
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil {
		return nil, usage("--bangla-qr: %v", err)
	}
	_, err := qr.Bangladesh(qr.BangladeshAccount{
		Acquirer: b.AcquirerDomain, InstitutionType: b.InstitutionType, Institution: b.InstitutionID, PAN: b.PAN,
	}, qr.Payee{Name: b.Name, City: b.City, Category: b.Category, Dynamic: true, Amount: money.Of(100, money.BDT)})
	if err != nil {
		return nil, usage("--bangla-qr makes no code: %v", err)
	}
	return &b, nil
}

// readPakistanQR is the same for codes in PKR; nil for none.
func readPakistanQR(text string) (*merchant.PakistanQR, error) {
	if text == "none" {
		return nil, nil
	}
	var p merchant.PakistanQR
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return nil, usage("--pakistan-qr: %v", err)
	}
	if err := p.Check(); err != nil {
		return nil, usage("--pakistan-qr makes no code: %v", err)
	}
	return &p, nil
}

// rails are those that a merchant's settings and fees can name.
var rails = []string{sandbox.Name, walletrail.Name}

func knownRail(name string) error {
	if !slices.Contains(rails, name) {
		return usage("there is no rail %q; there are %s", name, strings.Join(rails, ", "))
	}
	return nil
}

// callbackDoors are the front doors that have one address for all of a merchant's callbacks.
var callbackDoors = []string{"asaanbill"}

type merchantCallback struct {
	databaseFlag
	ID   string `arg:"" help:"The merchant's id."`
	Door string `arg:"" help:"The front door: asaanbill."`
	URL  string `arg:"" name:"url" help:"The address, to which the door appends its own paths; none takes it away."`
}

func (c merchantCallback) Run(ctx context.Context, s streams) error {
	address := c.URL
	switch {
	case !slices.Contains(callbackDoors, c.Door):
		return usage("%q has no address for callbacks; there is %s", c.Door, strings.Join(callbackDoors, ", "))
	case address == "none":
		address = ""
	default:
		// Whether it may be called is serve's to say, each time: any address that could be called is taken.
		err := webhook.Policy{AllowHTTP: true, AllowPrivate: true}.CheckTarget(address)
		if _, wrong := httpx.CheckURL("callback", address); wrong != nil || err != nil || merchant.CheckCallback(address) != nil {
			return usage("the address must be http or https, with a host, and without user, query and fragment, as https://shop.example/callbacks")
		}
	}
	return withMerchants(ctx, c.databaseFlag, s, false, func(svc *merchant.Service, by merchant.Actor) error {
		return svc.SetCallback(ctx, by, c.ID, c.Door, address)
	})
}

type merchantRevoke struct {
	databaseFlag
	ID         string `arg:"" help:"The merchant's id."`
	Credential string `arg:"" help:"The credential's id, as show prints it."`
}

func (c merchantRevoke) Run(ctx context.Context, s streams) error {
	return withMerchants(ctx, c.databaseFlag, s, false, func(svc *merchant.Service, by merchant.Actor) error {
		err := svc.Revoke(ctx, by, c.ID, c.Credential)
		if fault.Has(err, fault.CredentialsInvalid) {
			return fmt.Errorf("there is no credential %s: `sarraf merchant show %s` lists them", c.Credential, c.ID)
		}
		return err
	})
}

type merchantFee struct {
	databaseFlag
	ID       string `arg:"" help:"The merchant's id."`
	Rail     string `arg:"" help:"The rail."`
	Currency string `arg:"" help:"The currency."`
	Flat     int64  `help:"Minor units taken of each payment."`
	PPM      int64  `name:"ppm" help:"Parts per million of the amount; 15000 is 1.5 percent."`
	Min      int64  `help:"At least so many minor units."`
	Max      int64  `help:"At most so many minor units; 0 for no bound."`
}

func (c merchantFee) Run(ctx context.Context, s streams) error {
	if err := knownRail(c.Rail); err != nil {
		return err
	}
	return withMerchants(ctx, c.databaseFlag, s, false, func(svc *merchant.Service, by merchant.Actor) error {
		k := merchant.FeeKey{Owner: c.ID, Rail: c.Rail, Currency: money.Currency(strings.ToUpper(c.Currency))}
		return svc.SetFee(ctx, by, k, money.Schedule{Flat: c.Flat, PPM: c.PPM, Min: c.Min, Max: c.Max})
	})
}

type merchantSecret struct {
	databaseFlag
	ID string `arg:"" help:"The merchant's id."`
}

func (c merchantSecret) Run(ctx context.Context, s streams) error {
	return withMerchants(ctx, c.databaseFlag, s, true, func(svc *merchant.Service, _ merchant.Actor) error {
		secret, err := svc.SigningSecret(ctx, c.ID)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(s.out, secret)
		return err
	})
}
