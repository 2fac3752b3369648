package api

import (
	"net/http"
	"strings"

	"sarraf/fault"
	"sarraf/merchant"
	"sarraf/store"
	"sarraf/wallet"
)

// access is what an operation asks of its caller.
type access int

const (
	reads    access = iota + 1 // any credential of a merchant
	plays                      // one that may write, of a sandbox merchant
	asks                       // one that may write, of a merchant
	looks                      // any credential, an operator's too
	acts                       // one that may write, or an operator's
	decides                    // one that may decide about what another has asked for, or an operator's
	operates                   // an operator's alone
)

// reading reports whether no credential that may write is asked for.
func (a access) reading() bool { return a == reads || a == looks }

// operators reports whether operators are let in: never to what is a merchant's alone.
func (a access) operators() bool { return a >= looks }

// grants reports whether a merchant's credential of that role may do it.
func (a access) grants(r merchant.Role) bool {
	switch a {
	case reads, looks:
		return true
	case decides:
		return r.Approves()
	case operates:
		return false
	}
	return r == merchant.Admin
}

// accessKey is where an operation's metadata has its access.
const accessKey = "access"

// caller is whose request it is: a merchant's, or an operator's, who has no merchant.
type caller struct {
	merchant.Merchant
	credential merchant.Credential
	address    string // it comes from, for the audit log
}

// operator reports whether it is an operator.
func (c caller) operator() bool { return c.credential.Role == merchant.Operator }

// owns reports whether the wallet is the caller's to use.
func (c caller) owns(w wallet.Wallet) bool {
	return c.operator() || w.Merchant != "" && w.Merchant == c.Owner
}

// name is the caller's key as audit log and books name it.
func (c caller) name() string {
	if c.operator() {
		return "operator key " + c.credential.ID
	}
	return "merchant key " + c.credential.ID
}

// actor is the caller for the audit log.
func (c caller) actor() merchant.Actor {
	return merchant.Actor{Name: c.name(), Source: "native API from " + c.address}
}

// right is by whose right the caller moves money.
func (c caller) right() wallet.Right {
	if c.operator() {
		return wallet.Operator
	}
	return wallet.MerchantKey
}

// keys is whose the caller's Idempotency-Keys are.
func (c caller) keys() string {
	if c.operator() {
		return merchant.House
	}
	return c.Owner
}

// personal is an Idempotency-Key of the caller's credential alone: what one person was told about a decision is not for another who
// happens to use the same key.
func (c caller) personal(k *store.Key) *store.Key {
	if k == nil {
		return nil
	}
	own := *k
	own.Door += " " + c.credential.ID
	return &own
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
	m, credential, err := a.Merchants.AuthenticateAny(r.Context(), Name, "", key)
	if err != nil {
		return caller{}, err
	}
	c := caller{Merchant: m, credential: credential}
	if !need.reading() {
		c.address = a.Address(r)
	}
	switch {
	case c.operator():
		if !need.operators() {
			return caller{}, fault.New(fault.PermissionMissing)
		}
	case !need.grants(credential.Role):
		return caller{}, fault.New(fault.PermissionMissing)
	case need == plays && m.Mode != merchant.Sandbox:
		return caller{}, fault.New(fault.SandboxOnly)
	}
	return c, nil
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
