package merchant_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/merchant"
)

// operator makes an operator's key at the native door.
func (h *house) operator(t *testing.T) (merchant.Credential, string) {
	t.Helper()
	c, key, err := h.Issue(ctx, by, merchant.Credential{Owner: merchant.House, Door: "native", Role: merchant.Operator, Label: "night shift"}, "", "op_", false)
	if err != nil {
		t.Fatal(err)
	}
	return c, key
}

func TestAnOperatorsKeyIsNoMerchants(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		made, key := h.operator(t)
		for range 2 { // before and after it is cached
			m, c, err := h.AuthenticateAny(ctx, "native", "", key)
			if d := cmp.Diff(made, c); err != nil || d != "" || m.Owner != "" {
				t.Fatal(m, err, d)
			}
			if m, c, err := h.Authenticate(ctx, "native", "", key); !fault.Has(err, fault.CredentialsInvalid) || m.Owner != "" || c.Owner != "" {
				t.Errorf("as a merchant's: %v %v %v", m, c, err)
			}
			if _, _, err := h.AuthenticateAny(ctx, "aspay", "", key); !fault.Has(err, fault.CredentialsInvalid) {
				t.Errorf("at another door: %v", err)
			}
		}
		if err := h.Revoke(ctx, by, merchant.House, made.ID); err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.AuthenticateAny(ctx, "native", "", key); !fault.Has(err, fault.CredentialsInvalid) {
			t.Errorf("when it is revoked: %v", err)
		}
		want := []string{"credential.issue|" + made.ID + "||native operator", "credential.revoke|" + made.ID + "||"}
		if d := cmp.Diff(want, h.logged(t, merchant.House)); d != "" {
			t.Error(d)
		}
		h.clean(t)
	})
}

func TestOnlyTheHouseHasOperators(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		for _, c := range []merchant.Credential{
			{Owner: m.Owner, Door: "native", Role: merchant.Operator},
			{Owner: merchant.House, Door: "native", Role: merchant.Admin},
			{Owner: merchant.House, Door: "native", Role: merchant.Viewer},
			{Owner: merchant.House, Door: "native"},
		} {
			if _, _, err := h.Issue(ctx, by, c, "", "k_", false); !fault.Has(err, fault.FieldNotOneOf) {
				t.Errorf("%s for %s: %v", c.Role, c.Owner, err)
			}
			if _, err := h.Import(ctx, by, c, "a secret that is long enough"); !fault.Has(err, fault.FieldNotOneOf) {
				t.Errorf("an imported %s for %s: %v", c.Role, c.Owner, err)
			}
		}
		if list, err := h.Credentials(ctx, merchant.House); err != nil || len(list) != 0 {
			t.Errorf("%v %v", list, err)
		}
	})
}
