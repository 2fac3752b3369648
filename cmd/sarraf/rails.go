package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"sarraf/payout"
	"sarraf/rail"
	"sarraf/rail/adapter"
	"sarraf/rail/billpay"
	"sarraf/rail/sandbox"
	"sarraf/wallet"
)

// railFlags say which rails send money out by themselves.
type railFlags struct {
	PayoutRails     []string      `name:"payout-rail" env:"SARRAF_PAYOUT_RAIL" placeholder:"NAME=URL" help:"A rail behind a service of your own, https, to which payouts are handed (docs/rails.md); once for each. Its token comes by SARRAF_RAIL_NAME_TOKEN, and what signs its calls by SARRAF_RAIL_NAME_SECRET, or the files that these names with _FILE name."`
	AllowHTTPRails  bool          `name:"allow-http-payout-rails" help:"Call such services over plain http too; to this machine itself it is always allowed."`
	PayoutRailLimit time.Duration `name:"payout-rail-limit" default:"15s" help:"How long one call of such a service may take: 1s to 20s."`
}

// builtIn are the names that no rail of an operator's can have.
var builtIn = []string{sandbox.Name, billpay.Name, wallet.Rail, wallet.OperatorRail, payout.Manual, "demo", "operator", "api"}

// railSecret is the variable that a rail's secret comes by: "TOKEN" or "SECRET".
func railSecret(name, what string) string {
	return "SARRAF_RAIL_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_" + what
}

// adapters are the rails that the flags describe.
func (f railFlags) adapters() ([]*adapter.Rail, error) {
	var list []*adapter.Rail
	taken := map[string]bool{}
	for _, text := range f.PayoutRails {
		if strings.TrimSpace(text) == "" {
			continue // an empty variable
		}
		name, to, ok := strings.Cut(text, "=")
		name, to = strings.TrimSpace(name), strings.TrimSpace(to)
		switch {
		case !ok || !adapter.PlausibleName(name):
			return nil, usage("--payout-rail: want NAME=URL, the name 2 to 32 of a-z, 0-9 and -, beginning with a letter")
		case slices.Contains(builtIn, name):
			return nil, usage("--payout-rail %s: that rail is built in, or is no rail; choose another name", name)
		case taken[railSecret(name, "")]:
			return nil, usage("--payout-rail %s: it is there twice, or its secrets would be another's", name)
		}
		taken[railSecret(name, "")] = true
		token, err := secretFrom(railSecret(name, "TOKEN"))
		if err != nil {
			return nil, err
		}
		secret, err := secretFrom(railSecret(name, "SECRET"))
		if err != nil {
			return nil, err
		}
		r, err := adapter.New(adapter.Options{Name: name, URL: to, Token: token, Secret: secret, Limit: f.PayoutRailLimit, AllowHTTP: f.AllowHTTPRails})
		if err != nil {
			return nil, usage("--payout-rail %s, with %s and %s: %v", name, railSecret(name, "TOKEN"), railSecret(name, "SECRET"), err)
		}
		list = append(list, r)
	}
	return list, nil
}

// senders are the rails of the flags as the core takes them.
func (f railFlags) senders() ([]rail.Sender, error) {
	adapters, err := f.adapters()
	list := make([]rail.Sender, len(adapters))
	for i, r := range adapters {
		list[i] = r
	}
	return list, err
}

// closeRails closes those rails that keep something open.
func closeRails(list []rail.Sender) {
	for _, r := range list {
		if c, ok := r.(interface{ Close() }); ok {
			c.Close()
		}
	}
}

// rails checks that the services behind the rails can be called, and speak the protocol.
func (u *checkup) rails(ctx context.Context) {
	list, err := u.adapters()
	if err != nil {
		u.say(fail, "payout rails", "mend --payout-rail and what goes with it: docs/rails.md", "%v", err)
		return
	}
	if len(list) == 0 {
		u.say(good, "payout rails", "", "none is given: payouts of live merchants are carried out by people")
		return
	}
	for _, r := range list {
		defer r.Close()
		for _, what := range []string{"TOKEN", "SECRET"} {
			u.secretFile(railSecret(r.Name(), what))
		}
		if err := r.Check(ctx); err != nil {
			u.say(fail, "payout rail", "look at the service, its address and its token: docs/rails.md", "%s: %v", r.Name(), err)
			continue
		}
		if !r.Signed() {
			u.say(warn, "payout rail", "give "+railSecret(r.Name(), "SECRET")+" here and to the service", "%s answers at %s; its calls are not signed", r.Name(), r.Address())
			continue
		}
		u.say(good, "payout rail", "", "%s answers at %s, which takes the token and the signature", r.Name(), r.Address())
	}
}
