package api

import (
	"net/http"
	"strings"

	"sarraf/fault"
	"sarraf/merchant"
)

// access is what an operation asks of its caller.
type access int

const (
	reads access = iota + 1 // any credential
	plays                   // one that may write, of a sandbox merchant
)

// accessKey is where an operation's metadata has its access.
const accessKey = "access"

// caller is whose request it is.
type caller struct {
	merchant.Merchant
	credential merchant.Credential
}

// maxKey bounds what is hashed for a stranger, in bytes.
const maxKey = 256

// authenticate answers the caller of r when its key is good and may do what is needed. Faults, in this order: CredentialsInvalid,
// PermissionMissing, SandboxOnly; Outage when it cannot be told.
func (a *api) authenticate(r *http.Request, need access) (caller, error) {
	key, ok := bearer(r.Header)
	if !ok {
		return caller{}, fault.New(fault.CredentialsInvalid)
	}
	m, credential, err := a.Merchants.Authenticate(r.Context(), Name, "", key)
	switch {
	case err != nil:
		return caller{}, err
	case need != reads && credential.Role != merchant.Admin:
		return caller{}, fault.New(fault.PermissionMissing)
	case need == plays && m.Mode != merchant.Sandbox:
		return caller{}, fault.New(fault.SandboxOnly)
	}
	return caller{m, credential}, nil
}

// bearer is the key in the Authorization header, where there is exactly one.
func bearer(h http.Header) (key string, ok bool) {
	values := h["Authorization"]
	if len(values) != 1 {
		return "", false
	}
	scheme, key, ok := strings.Cut(values[0], " ")
	key = strings.TrimSpace(key)
	return key, ok && strings.EqualFold(scheme, "Bearer") && key != "" && len(key) <= maxKey
}
