package aspay

import (
	"net/http"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/merchant"
)

// The headers of the credentials.
const (
	keyHeader    = "X-Api-Key"
	secretHeader = "X-Api-Secret"
)

// noKey is looked up where there is no key, or one that no credential can have: the same work is done, and nothing is found.
const noKey = " "

// maxKey is the longest key that is looked up, in bytes. The keys that are issued have less than half.
const maxKey = 128

// authenticate answers whose credentials the request shows. Every failure is the same fault CredentialsInvalid.
func (d *Dialect) authenticate(r *http.Request) (merchant.Merchant, merchant.Credential, error) {
	key := r.Header.Get(keyHeader)
	if len(key) > maxKey || !httpx.Visible(key) {
		key = noKey
	}
	return d.merchants.Authenticate(r.Context(), Name, key, r.Header.Get(secretHeader))
}

// mayWrite is a fault PermissionMissing for a credential that may only read.
func mayWrite(c merchant.Credential) error {
	if c.Role != merchant.Admin {
		return fault.New(fault.PermissionMissing)
	}
	return nil
}
