package asaanbill

import (
	"net/http"
	"slices"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/merchant"
)

// The headers that prove who asks.
const (
	tokenHeader    = "x-auth-ph-key"
	channelHeader  = "channel-id"
	usernameHeader = "username"
)

// maxHeader is the longest of their values that is looked up, in bytes.
const maxHeader = 1024

// Roles that may read, and that may add.
var (
	readers = []merchant.Role{merchant.Viewer, merchant.Admin}
	makers  = []merchant.Role{merchant.Maker, merchant.Admin}
)

// authenticate answers whose token the request shows. Faults: FieldRequired on each header that is missing; CredentialsInvalid where the
// token, the channel and the user do not belong together, or one of them comes twice, since what stands before us may have gone by the
// other one; PermissionMissing for a login whose role is none of roles.
func (d *Dialect) authenticate(r *http.Request, roles []merchant.Role) (merchant.Merchant, error) {
	var missing []*fault.Error
	whole := true
	read := func(name string) string {
		values := r.Header.Values(name)
		if len(values) == 0 || len(values) == 1 && httpx.Blank(values[0]) {
			missing = append(missing, fault.New(fault.FieldRequired).On(name))
			return ""
		}
		whole = whole && len(values) == 1 && len(values[0]) <= maxHeader
		return values[0]
	}
	token, channel, username := read(tokenHeader), read(channelHeader), read(usernameHeader)
	if missing != nil {
		return merchant.Merchant{}, fault.Join(missing...)
	}
	if !whole || !httpx.Visible(token) {
		return merchant.Merchant{}, fault.New(fault.CredentialsInvalid)
	}
	m, login, err := d.Merchants.AuthenticateToken(r.Context(), Name, token)
	switch {
	case err != nil:
		return merchant.Merchant{}, err
	case login.Username != username || channel == "" || m.Settings.PublicIDs[Name] != channel:
		return merchant.Merchant{}, fault.New(fault.CredentialsInvalid)
	case !slices.Contains(roles, login.Role):
		return merchant.Merchant{}, fault.New(fault.PermissionMissing)
	}
	return m, nil
}
