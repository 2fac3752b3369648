package assanpay

import (
	"net/http"
	"strings"

	"sarraf/fault"
	"sarraf/merchant"
)

// maxKey is the longest key that is looked up, in bytes. The keys that are issued have less than half.
const maxKey = 128

// authenticate answers the merchant that the address names. A key that the request shows must be that merchant's, and may do what role
// may; without one, how often is bounded. Faults, in the order in which they are looked for: RateLimited without a key; MerchantMissing,
// whatever the key, also for a merchant who is shut out; CredentialsInvalid for a key of another, and for none where the merchant demands
// one; PermissionMissing.
func (d *Dialect) authenticate(r *http.Request, role merchant.Role) (merchant.Merchant, error) {
	public := r.PathValue("merchant")
	headers := r.Header["Authorization"]
	if len(headers) == 0 {
		return d.anonymous(r, public)
	}
	m, err := d.Merchants.ByPublicID(r.Context(), Name, public)
	if err != nil {
		return m, err
	}
	key, ok := bearer(headers[0])
	if len(headers) > 1 || !ok {
		key = noKey
	}
	holder, credential, err := d.Merchants.Authenticate(r.Context(), Name, "", key)
	switch {
	case err != nil:
		return m, err
	case holder.Owner != m.Owner:
		return m, fault.New(fault.CredentialsInvalid)
	case role == merchant.Admin && credential.Role != merchant.Admin:
		return m, fault.New(fault.PermissionMissing)
	}
	return m, nil
}

// noKey is looked up where there is a header without a key: the same work is done, and nothing is found.
const noKey = " "

// bearer is the key of an Authorization header. The scheme's name is read in any case, as RFC 9110 section 11.1 has it.
func bearer(header string) (string, bool) {
	scheme, key, found := strings.Cut(header, " ")
	key = strings.TrimSpace(key)
	return key, found && strings.EqualFold(scheme, "Bearer") && key != "" && len(key) <= maxKey
}

// anonymous answers the merchant to whom shows no key.
func (d *Dialect) anonymous(r *http.Request, public string) (merchant.Merchant, error) {
	if err := d.ByAddress.Take(d.Address(r)); err != nil {
		return merchant.Merchant{}, err
	}
	m, err := d.Merchants.ByPublicID(r.Context(), Name, public)
	if err != nil {
		return m, err
	}
	if m.Settings.KeyRequired {
		return m, fault.New(fault.CredentialsInvalid)
	}
	return m, d.ByMerchant.Take(m.Owner)
}
