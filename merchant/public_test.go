package merchant_test

import (
	"strings"
	"testing"

	"sarraf/fault"
	"sarraf/merchant"
)

func TestPublicIDNamesOneMerchantAtOneDoor(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.shop(t), h.shop(t)
		if err := h.SetPublicID(ctx, by, m.Owner, "assanpay", "ddc6b617"); err != nil {
			t.Fatal(err)
		}
		for _, node := range []*house{h, h.second(t)} {
			if got, err := node.ByPublicID(ctx, "assanpay", "ddc6b617"); err != nil || got.Owner != m.Owner {
				t.Fatal(got, err)
			}
			for door, id := range map[string]string{"assanpay": "ddc6b618", "aspay": "ddc6b617", "": m.Owner} {
				if got, err := node.ByPublicID(ctx, door, id); !fault.Has(err, fault.MerchantMissing) {
					t.Errorf("%s at %q: %v, %v", id, door, got, err)
				}
			}
		}
		if err := h.SetPublicID(ctx, by, other.Owner, "assanpay", "ddc6b617"); !fault.Has(err, fault.ReferenceTaken) {
			t.Fatal(err)
		}
		// A new one takes the place of the old, which stays its own for ever.
		if err := h.SetPublicID(ctx, by, m.Owner, "assanpay", "second"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.ByPublicID(ctx, "assanpay", "ddc6b617"); !fault.Has(err, fault.MerchantMissing) {
			t.Fatal(err)
		}
		if err := h.SetPublicID(ctx, by, other.Owner, "assanpay", "ddc6b617"); !fault.Has(err, fault.ReferenceTaken) {
			t.Fatal(err)
		}
		if err := h.SetPublicID(ctx, by, m.Owner, "assanpay", "ddc6b617"); err != nil {
			t.Fatal(err)
		}
		// A change of settings, as an administrator makes it from what it read before, leaves the ids alone.
		m.Settings.InvoiceMinutes = 7
		if err := h.Change(ctx, by, m); err != nil {
			t.Fatal(err)
		}
		if got, err := h.ByPublicID(ctx, "assanpay", "ddc6b617"); err != nil || got.Settings.InvoiceMinutes != 7 {
			t.Fatal(got, err)
		}
		if lines := h.logged(t, m.Owner); len(lines) != 5 || !strings.HasPrefix(lines[1], "merchant.public_id|"+m.Owner+"|{") {
			t.Fatal(lines)
		}
	})
}

func TestPublicIDThatIsNoneIsRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		for id, want := range map[string]fault.Code{
			"": fault.FieldRequired, strings.Repeat("x", 65): fault.FieldTooLong, "a b": fault.FieldMalformed, "a\nb": fault.FieldMalformed, "ü": fault.FieldMalformed,
		} {
			if err := h.SetPublicID(ctx, by, m.Owner, "assanpay", id); !fault.Has(err, want) {
				t.Errorf("%q: %v", id, err)
			}
			if _, err := h.ByPublicID(ctx, "assanpay", id); !fault.Has(err, fault.MerchantMissing) {
				t.Errorf("%q: %v", id, err)
			}
		}
		if err := h.SetPublicID(ctx, by, "nobody", "assanpay", "x"); !fault.Has(err, fault.MerchantMissing) {
			t.Fatal(err)
		}
	})
}

func TestPublicNumberIsGivenOnceAndToNobodyElse(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a, b, c := h.shop(t), h.shop(t), h.shop(t)
		// The first number is one that a merchant has brought along.
		if err := h.SetPublicID(ctx, by, c.Owner, "bills", "1"); err != nil {
			t.Fatal(err)
		}
		number := func(m merchant.Merchant) string {
			t.Helper()
			id, err := h.PublicNumber(ctx, by, m.Owner, "bills")
			if err != nil {
				t.Fatal(err)
			}
			if found, err := h.ByPublicID(ctx, "bills", id); err != nil || found.Owner != m.Owner {
				t.Errorf("%s is %q of %v, error %v", id, found.Owner, m.Owner, err)
			}
			return id
		}
		first, second, third := number(a), number(b), number(c)
		if first == second || third != "1" || first == "1" || second == "1" || strings.Trim(first+second, "0123456789") != "" {
			t.Errorf("%s, %s, %s", first, second, third)
		}
		if again := number(a); again != first {
			t.Errorf("%s, and then %s", first, again)
		}
		if other, err := h.PublicNumber(ctx, by, a.Owner, "others"); err != nil || other != "1" {
			t.Errorf("at another door: %s, %v", other, err)
		}
		if _, err := h.PublicNumber(ctx, by, "nobody", "bills"); !fault.Has(err, fault.MerchantMissing) {
			t.Errorf("of nobody: %v", err)
		}
	})
}

func TestDisabledMerchantIsShutOut(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		c, secret := h.issue(t, m.Owner, merchant.Admin)
		if err := h.SetPublicID(ctx, by, m.Owner, "assanpay", "shop"); err != nil {
			t.Fatal(err)
		}
		set := func(disabled bool) {
			m.Settings.Disabled = disabled
			if err := h.Change(ctx, by, m); err != nil {
				t.Fatal(err)
			}
		}
		for _, disabled := range []bool{false, true, false} {
			set(disabled)
			_, _, authentic := h.Authenticate(ctx, "aspay", c.Handle, secret)
			_, public := h.ByPublicID(ctx, "assanpay", "shop")
			now, err := h.Get(ctx, m.Owner)
			if err != nil || now.MayUse("sandbox") == disabled || fault.Has(authentic, fault.CredentialsInvalid) != disabled ||
				fault.Has(public, fault.MerchantMissing) != disabled || (authentic == nil) == disabled {
				t.Errorf("disabled %v: %v, %v, %v", disabled, authentic, public, err)
			}
		}
	})
}
