package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"sarraf/api"
	"sarraf/dialect/asaanbill"
	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/internal/sms"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/wallet"
	"sarraf/webhook"
)

type demoCmd struct {
	// Not SARRAF_DATABASE: whoever has the shop's own database in the environment must not get a demo merchant into it.
	Database string `env:"SARRAF_DEMO_DATABASE" help:"Keep the demo in this database; by default it is thrown away at the end."`
	Listen   string `default:"127.0.0.1:8080" help:"Address to listen on, and the public URL."`
	JSON     bool   `name:"json" help:"Print one line of JSON when ready, and logs to standard error."`
	LogLevel string `default:"warn" enum:"debug,info,warn,error" help:"How much is logged."`
}

// demoLine is what `sarraf demo --json` prints, for scripts. It is kept, with the secrets, beside a kept database.
type demoLine struct {
	URL        string         `json:"url"`
	Native     demoNative     `json:"native"`
	AssanPay   demoAssanPay   `json:"assanpay"`
	Aspay      demoKeyPair    `json:"aspay"`
	AsaanBill  demoLogin      `json:"asaanbill"`
	PayRequest demoPayRequest `json:"payrequest"`
	DeshiPay   demoDeshiPay   `json:"deshipay"`
	BillPay    demoBillPay    `json:"billpay"`
}

type demoNative struct {
	APIKey        string `json:"api_key"`
	WebhookSecret string `json:"webhook_secret"`
}

type demoAssanPay struct {
	MerchantID string `json:"merchant_id"`
	APIKey     string `json:"api_key"`
}

type demoLogin struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

type demoPayRequest struct {
	Token string `json:"token"`
}

type demoBillPay struct {
	Channel  string `json:"channel"`
	Username string `json:"username"`
	Password string `json:"password"`
}

type demoKeyPair struct {
	APIKey    string `json:"api_key"`
	APISecret string `json:"api_secret"`
}

// demoFile is what is kept beside the database.
type demoFile struct {
	Secrets secrets  `json:"secrets"`
	Line    demoLine `json:"line"`
}

func (c demoCmd) Run(ctx context.Context, io streams) error {
	log, err := logger(io, c.LogLevel)
	if err != nil {
		return err
	}
	dsn, keep := c.Database, c.Database != ""
	if !keep {
		dir, err := os.MkdirTemp("", "sarraf-demo-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		dsn = "sqlite:" + filepath.Join(dir, "demo.db")
	}
	path, err := besideDatabase(dsn, "demo")
	if err != nil {
		return err
	}
	kept := demoFile{Secrets: fresh()}
	found, err := readJSON(path, &kept)
	if err != nil {
		return err
	}
	srv := server{
		database: dsn, listen: c.Listen, migrate: true, log: log, secrets: kept.Secrets,
		settings: settings{
			publicURL: "http://" + c.Listen, psid: demoPrefix, anonymous: demoBounds(c.Listen), schedule: webhook.Demo(nil),
			access: demoAccess(c.Listen, log),
			policy: webhook.Policy{AllowHTTP: true, Allowed: webhook.Loopback()},
		},
	}
	return srv.run(ctx, func(a *app, address string) error {
		if found {
			if found, err = known(ctx, a, kept.Line); err != nil {
				return err
			}
		}
		if found && kept.Line.DeshiPay.Merchant.PIN == "" { // it was kept before there were wallets
			if kept.Line, err = addWallets(ctx, a, kept.Line); err != nil {
				return fmt.Errorf("add wallets to the demo: %w", err)
			}
			if err := writeJSON(path, kept); err != nil {
				return err
			}
		}
		if !found {
			// The secrets first: what settle writes can be read with them alone, also when this process dies before its end.
			if err := writeJSON(path, kept); err != nil {
				return err
			}
			if kept.Line, err = settle(ctx, a); err != nil {
				return fmt.Errorf("set up the demo: %w", err)
			}
			if err := writeJSON(path, kept); err != nil {
				return err
			}
		}
		if err := settleMethods(ctx, a, kept.Line.Native.APIKey); err != nil {
			return fmt.Errorf("add ways to pay out to the demo: %w", err)
		}
		kept.Line.URL = "http://" + reachable(address)
		if io.started != nil {
			io.started(a)
		}
		return c.announce(io, kept.Line)
	})
}

// demoPrefix begins the PSIDs of a demo; no bank knows it.
const demoPrefix = "999900"

// demoBounds are the bounds of those who show no key: none on the machine itself, elsewhere those of serve.
func demoBounds(listen string) anonymous {
	host, _, err := net.SplitHostPort(listen)
	if err == nil {
		if at, err := netip.ParseAddr(host); host == "localhost" || err == nil && at.IsLoopback() {
			return anonymous{}
		}
	}
	return anonymous{byAddress: 100, byMerchant: 1000}
}

// demoAccess lets everybody in who has read the log: the codes stand there.
func demoAccess(listen string, log *slog.Logger) access {
	a := access{sender: sms.Log{To: log}, signUp: wallet.Approved, sandbox: true}
	if demoBounds(listen).byAddress > 0 {
		a.codesPerAddress, a.tries = wallet.DefaultCodesPerAddress, defaultTries
	}
	return a
}

// known reports whether the kept credentials are of this database: it may have been removed since, and its file left.
func known(ctx context.Context, a *app, l demoLine) (bool, error) {
	_, _, err := a.merchants.Authenticate(ctx, "native", "", l.Native.APIKey)
	if fault.Has(err, fault.CredentialsInvalid) {
		return false, nil
	}
	return err == nil, err
}

// demoActor is who makes what a demo has.
var demoActor = merchant.Actor{Name: "sarraf demo", Source: "command line"}

// settle makes the demo's one merchant with its credentials and balances.
func settle(ctx context.Context, a *app) (demoLine, error) {
	by := demoActor
	var line demoLine
	m, err := a.merchants.Create(ctx, by, merchant.Merchant{
		Name: "Nokshi Store", Mode: merchant.Sandbox, Currencies: []money.Currency{"PKR", "BDT", "EUR"},
		Settings: merchant.Settings{PakistanQR: &demoAccount},
	})
	if err != nil {
		return line, err
	}
	if line.Native.WebhookSecret, err = a.merchants.SigningSecret(ctx, m.Owner); err != nil {
		return line, err
	}
	if line.AssanPay.MerchantID, err = publicID(ctx, a.merchants, by, m, "assanpay", ""); err != nil {
		return line, err
	}
	for _, form := range keyForms {
		made, secret, err := form.issue(ctx, a.merchants, by, merchant.Credential{Owner: m.Owner, Role: merchant.Admin, Label: "demo"}, true)
		if err != nil {
			return line, err
		}
		switch form.door {
		case "native":
			line.Native.APIKey = secret
		case "assanpay":
			line.AssanPay.APIKey = secret
		case "aspay":
			line.Aspay = demoKeyPair{APIKey: made.Handle, APISecret: secret}
		case "payrequest":
			line.PayRequest.Token = secret
		}
	}
	line.BillPay = demoBillPay{Channel: "demo-bank", Username: "demo-bank"}
	line.BillPay.Password, err = a.merchants.AddChannel(ctx, by, rail.Channel{
		ID: line.BillPay.Channel, Name: "Demo bank", Sandbox: true, Username: line.BillPay.Username, Prefixes: []string{demoPrefix},
	}, "")
	if fault.Has(err, fault.ReferenceTaken) { // a first start that did not come to its end has made it
		line.BillPay.Password, err = a.merchants.SetChannelPassword(ctx, by, line.BillPay.Channel, "")
	}
	if err != nil {
		return line, err
	}
	if line.AsaanBill, err = settleBills(ctx, a, by, m); err != nil {
		return line, err
	}
	if line.DeshiPay, err = settleWallets(ctx, a, by, m.Owner); err != nil {
		return line, err
	}
	for _, minor := range []money.Amount{money.Of(100_000_000, "BDT"), money.Of(100_000_000, "PKR"), money.Of(1_000_000, "EUR")} {
		if err := a.merchants.Fund(ctx, by, m.Owner, "demo-"+string(minor.Currency), minor); err != nil {
			return line, err
		}
	}
	return line, nil
}

// settleMethods gives the demo's merchant every way to pay out, in the sandbox. One that was kept before there were any gets them too; those that
// somebody has changed since stay as they are.
func settleMethods(ctx context.Context, a *app, key string) error {
	m, _, err := a.merchants.Authenticate(ctx, api.Name, "", key)
	if err != nil {
		return err
	}
	have, err := a.payouts.Methods(ctx, m.Owner)
	if err != nil {
		return err
	}
	for _, k := range payout.Catalog() {
		if !m.Has(k.Currency) || slices.ContainsFunc(have, func(m payout.Method) bool { return m.Kind == k.Kind }) {
			continue
		}
		if _, err := a.payouts.SetMethod(ctx, demoActor, payout.Method{Owner: m.Owner, Kind: k.Kind, Min: k.Min, Rail: payout.Sandbox}); err != nil {
			return err
		}
	}
	return nil
}

// demoAccount is where the codes of the demo's bills lead: to no bank that there is.
var demoAccount = merchant.PakistanQR{
	OperatorID: "DEMO00000000", BIC: "DEMOPKKA", IBAN: "PK64DEMO0000000000000001", Name: "Nokshi Store", City: "Karachi", Category: "5943",
}

// settleBills gives the demo's merchant a user at AsaanBill's door, and its channel an id.
func settleBills(ctx context.Context, a *app, by merchant.Actor, m merchant.Merchant) (demoLogin, error) {
	if _, err := a.merchants.PublicNumber(ctx, by, m.Owner, asaanbill.Name); err != nil {
		return demoLogin{}, err
	}
	l := demoLogin{Username: "nokshi-" + id.Token(6), Password: id.Token(userPasswordBytes)}
	_, err := a.merchants.AddLogin(ctx, by, merchant.Login{
		Owner: m.Owner, Door: asaanbill.Name, Username: l.Username, FirstName: "Sheikh Amaan", LastName: "Asghar", Role: merchant.Admin,
	}, l.Password)
	return l, err
}

// announce says where to click and what to use.
func (c demoCmd) announce(io streams, l demoLine) error {
	if c.JSON {
		text, err := json.Marshal(l)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(io.out, "%s\n", text)
		return err
	}
	_, err := fmt.Fprintf(io.out, `Sarraf is running in sandbox mode at %[1]s

Create an invoice as an Aspay merchant would:

  curl -X POST %[1]s/api/payment/create \
    -H "x-api-key: %[2]s" \
    -H "x-api-secret: %[3]s" \
    -H "Content-Type: application/json" \
    -d '{"amount": 100, "customer_name": "John Doe", "transaction_reference": "TRX123456", "callback_url": "%[1]s/healthz"}'

Open the payment_url it answers in a browser and pay there, or pay by command:

  curl -X POST %[1]s/v1/sandbox/pay \
    -H "Authorization: Bearer %[4]s" \
    -H "Content-Type: application/json" \
    -d '{"target": "TRX123456"}'

Pay somebody out of its balance, and have the sandbox carry that out:

  curl -X POST %[1]s/api/payout/request \
    -H "x-api-key: %[2]s" \
    -H "x-api-secret: %[3]s" \
    -H "Content-Type: application/json" \
    -d '{"payout_method_id": 1, "amount": 500, "recipient_name": "John Doe", "recipient_account": "01712345678", "transaction_reference": "WD123456"}'

  curl -X POST %[1]s/v1/sandbox/payout \
    -H "Authorization: Bearer %[4]s" \
    -H "Content-Type: application/json" \
    -d '{"target": "WD123456", "outcome": "completed"}'

Sign in to a wallet at %[1]s/api/v1/auth/signin with mobile_number %[5]s and pin %[6]s,
and pay the shop's wallet, %[7]s, as dialect/deshipay/README.md shows.

API documentation: %[1]s/docs
Stop with Ctrl-C.
`, l.URL, l.Aspay.APIKey, l.Aspay.APISecret, l.Native.APIKey, l.DeshiPay.Consumers[0].MobileNumber, l.DeshiPay.Consumers[0].PIN, l.DeshiPay.Merchant.MobileNumber)
	return err
}
