package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"sarraf/api"
	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/merchant"
)

// operatorCmd manages what the house's own people use.
type operatorCmd struct {
	Key operatorKey `cmd:"" help:"Manage the operators' keys: each reaches the wallets of everybody over the native API."`
}

type operatorKey struct {
	Issue  operatorIssue  `cmd:"" help:"Make a key; it is printed once."`
	List   operatorList   `cmd:"" help:"List the keys."`
	Revoke operatorRevoke `cmd:"" help:"Revoke a key, on every node within a second."`
}

// operatorPrefix begins operators' keys, so that one is never taken for a merchant's.
const operatorPrefix = "op_"

// maxLabel is the longest name of an operator's key, in characters.
const maxLabel = 100

type operatorIssue struct {
	databaseFlag
	Label string `arg:"" help:"Whose it is, or what for."`
}

func (c operatorIssue) Run(ctx context.Context, s streams) error {
	label, wrong := httpx.CleanText("label", c.Label, maxLabel)
	if wrong != nil || label == "" {
		return usage("a key needs a label of 1 to %d characters, which says whose it is", maxLabel)
	}
	return withMerchants(ctx, c.databaseFlag, s, false, func(svc *merchant.Service, by merchant.Actor) error {
		cred := merchant.Credential{Owner: merchant.House, Door: api.Name, Role: merchant.Operator, Label: label}
		made, key, err := svc.Issue(ctx, by, cred, "", operatorPrefix, false)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "id: %s\napi_key: %s\n", made.ID, key)
		return err
	})
}

type operatorList struct{ databaseFlag }

func (c operatorList) Run(ctx context.Context, s streams) error {
	return withMerchants(ctx, c.databaseFlag, s, false, func(svc *merchant.Service, _ merchant.Actor) error {
		list, err := svc.Credentials(ctx, merchant.House)
		if err != nil {
			return err
		}
		return table(s.out, "KEY\tLABEL\tCREATED\tREVOKED", func(w io.Writer) {
			for _, k := range list {
				revoked := "-"
				if !k.RevokedAt.IsZero() {
					revoked = k.RevokedAt.Format(time.DateTime)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.ID, k.Label, k.CreatedAt.Format(time.DateTime), revoked)
			}
		})
	})
}

type operatorRevoke struct {
	databaseFlag
	Key string `arg:"" help:"The key's id, as list prints it."`
}

func (c operatorRevoke) Run(ctx context.Context, s streams) error {
	if strings.HasPrefix(c.Key, operatorPrefix) {
		return usage("a key is named by its id, which sarraf operator key list prints; never by the key itself")
	}
	return withMerchants(ctx, c.databaseFlag, s, false, func(svc *merchant.Service, by merchant.Actor) error {
		err := svc.Revoke(ctx, by, merchant.House, c.Key)
		if fault.Has(err, fault.CredentialsInvalid) {
			return fmt.Errorf("there is no operator's key %s: `sarraf operator key list` shows them", c.Key)
		}
		return err
	})
}
