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

// authenticate answers whose credentials the request shows. Every failure is the same fault CredentialsInvalid. A header that comes
// twice is no credential: what stands before us may have gone by the other one.
func (d *Dialect) authenticate(r *http.Request) (merchant.Merchant, merchant.Credential, error) {
	key, secret := single(r.Header[keyHeader]), single(r.Header[secretHeader])
	if len(key) > maxKey || !httpx.Visible(key) {
		key = noKey
	}
	return d.merchants.Authenticate(r.Context(), Name, key, secret)
}

// single is the value of a header that came once, else "".
func single(values []string) string {
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

// mayWrite is a fault PermissionMissing for a credential that may only read.
func mayWrite(c merchant.Credential) error {
	if c.Role != merchant.Admin {
		return fault.New(fault.PermissionMissing)
	}
	return nil
}
