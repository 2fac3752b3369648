package payrequest

import (
	"context"
	"strings"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/merchant"
)

// authenticate answers whose token the body holds, and the token, exactly as it was sent. Faults: FieldRequired on token where there is
// none; for every other reason the same CredentialsInvalid.
func (d *Dialect) authenticate(ctx context.Context, f httpx.Fields) (merchant.Merchant, merchant.Credential, string, error) {
	token, _, wrong := f.String(fieldToken)
	switch {
	case wrong != nil:
		return merchant.Merchant{}, merchant.Credential{}, "", fault.New(fault.CredentialsInvalid)
	case strings.TrimSpace(token) == "":
		return merchant.Merchant{}, merchant.Credential{}, "", fault.New(fault.FieldRequired).On(fieldToken)
	}
	m, credential, err := d.merchants.Authenticate(ctx, Name, "", token)
	return m, credential, token, err
}

// mayWrite is a fault PermissionMissing for a token that may only read.
func mayWrite(c merchant.Credential) error {
	if c.Role != merchant.Admin {
		return fault.New(fault.PermissionMissing)
	}
	return nil
}
