package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/merchant"
)

// keyForm is what a credential looks like at a front door, and how it is called there.
type keyForm struct {
	door           string
	handle, secret string // names of the public key, "" where there is none, and of the secret
	handlePrefix   string
	secretPrefix   string
	merchantID     bool // the door's addresses name the merchant by a public id
}

// keyForms are the front doors that credentials are for. In prefixes, MODE is live or test.
var keyForms = []keyForm{
	{door: "native", secret: "api_key", secretPrefix: "sk_MODE_"},
	{door: "assanpay", secret: "api_key", secretPrefix: "ak_MODE_", merchantID: true},
	{door: "aspay", handle: "api_key", secret: "api_secret", handlePrefix: "pk_MODE_", secretPrefix: "sec_MODE_"},
	{door: "payrequest", secret: "token"},
}

// formOf is the form of a door's credentials.
func formOf(door string) (keyForm, error) {
	var names []string
	for _, f := range keyForms {
		if f.door == door {
			return f, nil
		}
		names = append(names, f.door)
	}
	return keyForm{}, usage("there is no front door %q; there are %s", door, strings.Join(names, ", "))
}

// issue makes a credential in the form of its door.
func (f keyForm) issue(ctx context.Context, s *merchant.Service, by merchant.Actor, c merchant.Credential, sandbox bool) (merchant.Credential, string, error) {
	mode := "live"
	if sandbox {
		mode = "test"
	}
	c.Door = f.door
	return s.Issue(ctx, by, c, strings.ReplaceAll(f.handlePrefix, "MODE", mode), strings.ReplaceAll(f.secretPrefix, "MODE", mode), f.handle != "")
}

// merchantKey makes a credential.
type merchantKey struct {
	databaseFlag
	ID         string `arg:"" help:"The merchant's id."`
	Door       string `arg:"" help:"The front door: native, assanpay, aspay, payrequest."`
	Role       string `default:"admin" enum:"admin,viewer,approver" help:"admin; viewer, which only reads; approver, which reads and decides about payouts that others have asked for."`
	Label      string `help:"A note for people."`
	Import     bool   `help:"Take over a secret that exists already; it is read from standard input."`
	Handle     string `name:"import-key" help:"Take over this public key; its secret is read from standard input."`
	MerchantID string `name:"merchant-id" help:"AssanPay: the merchant's public id, such as the one it had before; by default it keeps the one it has, or gets a new one."`
}

func (c merchantKey) Run(ctx context.Context, s streams) error {
	form, err := formOf(c.Door)
	imports := c.Import || c.Handle != ""
	switch {
	case err != nil:
		return err
	case imports && (c.Handle != "") != (form.handle != ""):
		return usage("a credential of %s is %s", form.door, form)
	case c.MerchantID != "" && !form.merchantID:
		return usage("no address of %s has a merchant's id", form.door)
	}
	return withMerchants(ctx, c.databaseFlag, s, false, func(svc *merchant.Service, by merchant.Actor) error {
		m, err := svc.Get(ctx, c.ID)
		if err != nil {
			return err
		}
		if form.merchantID {
			public, err := publicID(ctx, svc, by, m, form.door, c.MerchantID)
			if err != nil {
				return err
			}
			fmt.Fprintf(s.out, "merchant_id: %s\n", public)
		}
		cred := merchant.Credential{Owner: c.ID, Door: c.Door, Role: merchant.Role(c.Role), Label: c.Label, Handle: c.Handle}
		if imports {
			text, err := io.ReadAll(io.LimitReader(s.in, 4096))
			if err != nil {
				return err
			}
			_, err = svc.Import(ctx, by, cred, strings.TrimSpace(string(text)))
			return err
		}
		cred, secret, err := form.issue(ctx, svc, by, cred, m.Sandbox())
		if err != nil {
			return err
		}
		if form.handle != "" {
			fmt.Fprintf(s.out, "%s: %s\n", form.handle, cred.Handle)
		}
		_, err = fmt.Fprintf(s.out, "%s: %s\n", form.secret, secret)
		return err
	})
}

// String says what a credential of the door is made of.
func (f keyForm) String() string {
	if f.handle != "" {
		return fmt.Sprintf("an %s and an %s: use --import-key", f.handle, f.secret)
	}
	return fmt.Sprintf("one %s: use --import", f.secret)
}

// publicID is the id by which the door's addresses name the merchant: the wanted one, else the one it has, else a new one.
func publicID(ctx context.Context, s *merchant.Service, by merchant.Actor, m merchant.Merchant, door, wanted string) (string, error) {
	had := m.Settings.PublicIDs[door]
	switch {
	case wanted == "" && had != "":
		return had, nil
	case wanted == "":
		wanted = id.New(clock.System{})
	}
	err := s.SetPublicID(ctx, by, m.Owner, door, wanted)
	if fault.Has(err, fault.ReferenceTaken) {
		err = errors.New("this merchant id is, or was, another merchant's")
	}
	return wanted, err
}
