package merchant_test

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/internal/keyring"
	"sarraf/merchant"
)

func TestRightCredentialTellsWhoseItIs(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		public, secret := h.issue(t, m.Owner, merchant.Viewer)
		if !strings.HasPrefix(public.Handle, "pk_") || !strings.HasPrefix(secret, "sk_") || public.Handle == secret {
			t.Fatalf("%q %q", public.Handle, secret)
		}
		got, cred, err := h.Authenticate(ctx, "aspay", public.Handle, secret)
		if d := cmp.Diff(m, got); err != nil || d != "" {
			t.Fatal(err, d)
		}
		if d := cmp.Diff(public, cred); d != "" || cred.Role != merchant.Viewer {
			t.Fatal(cred.Role, d)
		}
		// One that is a single secret text.
		single, key, err := h.Issue(ctx, by, merchant.Credential{Owner: m.Owner, Door: "native", Role: merchant.Admin}, "", "key_", false)
		if err != nil {
			t.Fatal(err)
		}
		if single.Handle == key || !strings.HasPrefix(key, "key_") {
			t.Fatalf("%q %q", single.Handle, key)
		}
		if got, cred, err = h.second(t).Authenticate(ctx, "native", "", key); err != nil || got.Owner != m.Owner || cred.ID != single.ID {
			t.Fatal(got, cred, err)
		}
	})
}

func TestWrongCredentialsAreAllTheSameFault(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a, b := h.shop(t), h.shop(t)
		one, secretOne := h.issue(t, a.Owner, merchant.Admin)
		two, secretTwo := h.issue(t, b.Owner, merchant.Admin)
		single, key, err := h.Issue(ctx, by, merchant.Credential{Owner: a.Owner, Door: "native", Role: merchant.Admin}, "", "key_", false)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // before and after anything is cached
			for name, try := range map[string][3]string{
				"wrong secret":             {"aspay", one.Handle, secretOne + "x"},
				"no secret":                {"aspay", one.Handle, ""},
				"another's secret":         {"aspay", one.Handle, secretTwo},
				"another's handle":         {"aspay", two.Handle, secretOne},
				"unknown handle":           {"aspay", "pk_none", secretOne},
				"no handle":                {"aspay", "", secretOne},
				"nothing":                  {"aspay", "", ""},
				"other door":               {"native", one.Handle, secretOne},
				"no door":                  {"", one.Handle, secretOne},
				"handle and secret as one": {"aspay " + one.Handle, "", secretOne},
				"hash for a secret":        {"aspay", one.Handle, keyring.HashSecret(secretOne)},
				"hash for a key":           {"native", single.Handle, single.Handle},
				"key at another door":      {"aspay", "", key},
				"all zeros":                {"aspay", "pk_none", strings.Repeat("0", 64)},
			} {
				m, c, err := h.Authenticate(ctx, try[0], try[1], try[2])
				if d := cmp.Diff([]*fault.Error{fault.New(fault.CredentialsInvalid)}, fault.All(err), cmp.AllowUnexported(fault.Error{})); d != "" {
					t.Errorf("%s: %s", name, d)
				}
				if m.Owner != "" || c.Owner != "" {
					t.Errorf("%s tells of %q %q", name, m.Owner, c.Owner)
				}
			}
			if _, _, err := h.Authenticate(ctx, "aspay", one.Handle, secretOne); err != nil {
				t.Errorf("the right one: %v", err)
			}
		}
	})
}

func TestRevocationIsTakenOnEveryNodeWithinASecond(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		c, secret := h.issue(t, m.Owner, merchant.Admin)
		kept, keptSecret := h.issue(t, m.Owner, merchant.Admin)
		other := h.second(t)
		for _, node := range []*house{h, other} {
			if _, _, err := node.Authenticate(ctx, "aspay", c.Handle, secret); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.Revoke(ctx, by, m.Owner, c.ID); err != nil {
			t.Fatal(err)
		}
		revoked := time.Now()
		if _, _, err := h.Authenticate(ctx, "aspay", c.Handle, secret); !fault.Has(err, fault.CredentialsInvalid) {
			t.Fatalf("at once where it was revoked: %v", err)
		}
		// The other node may be as old as its cache is, which is less than a second; a loaded machine gets more time here.
		for {
			began := time.Now()
			_, _, err := other.Authenticate(ctx, "aspay", c.Handle, secret)
			if fault.Has(err, fault.CredentialsInvalid) {
				break
			}
			if err != nil || began.Sub(revoked) > time.Second {
				t.Fatalf("asked %v after the revocation: %v", began.Sub(revoked), err)
			}
		}
		// It stays so, and the others stay good.
		if err := h.Revoke(ctx, by, m.Owner, c.ID); err != nil {
			t.Fatal(err)
		}
		if _, _, err := other.Authenticate(ctx, "aspay", c.Handle, secret); !fault.Has(err, fault.CredentialsInvalid) {
			t.Fatal(err)
		}
		if _, _, err := other.Authenticate(ctx, "aspay", kept.Handle, keptSecret); err != nil {
			t.Fatal(err)
		}
		list, err := h.Credentials(ctx, m.Owner)
		if err != nil || len(list) != 2 || list[0].ID != c.ID || !list[0].RevokedAt.Equal(start) || !list[1].RevokedAt.IsZero() {
			t.Fatalf("%+v, %v", list, err)
		}
		want := []string{"credential.issue|" + c.ID + "||aspay admin", "credential.issue|" + kept.ID + "||aspay admin", "credential.revoke|" + c.ID + "||"}
		if d := cmp.Diff(want, h.logged(t, m.Owner)[1:]); d != "" {
			t.Fatal(d)
		}
	})
}

func TestNobodyRevokesWhatIsNotTheirs(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.shop(t), h.shop(t)
		c, secret := h.issue(t, m.Owner, merchant.Admin)
		if err := h.Revoke(ctx, by, other.Owner, c.ID); !fault.Has(err, fault.CredentialsInvalid) {
			t.Fatal(err)
		}
		if _, _, err := h.Authenticate(ctx, "aspay", c.Handle, secret); err != nil {
			t.Fatal(err)
		}
		if n := len(h.logged(t, other.Owner)); n != 1 {
			t.Fatalf("%d lines about the other: %v", n, h.logged(t, other.Owner))
		}
	})
}

func TestImportTakesOverAHandleOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.shop(t), h.shop(t)
		const handle, secret = "theirs_0001", "a secret they have had for years"
		cred := merchant.Credential{Owner: m.Owner, Door: "aspay", Handle: handle, Role: merchant.Admin}
		if _, err := h.Import(ctx, by, cred, secret); err != nil {
			t.Fatal(err)
		}
		if got, _, err := h.Authenticate(ctx, "aspay", handle, secret); err != nil || got.Owner != m.Owner {
			t.Fatal(got.Owner, err)
		}
		again := cred
		again.Owner = other.Owner
		if _, err := h.Import(ctx, by, again, secret+"2"); !fault.Has(err, fault.ReferenceTaken) {
			t.Fatalf("a handle twice: %v", err)
		}
		if list, err := h.Credentials(ctx, other.Owner); err != nil || len(list) != 0 {
			t.Fatalf("%v, %v", list, err)
		}
		again.Door = "native" // another door's handles are its own
		if _, err := h.Import(ctx, by, again, secret); err != nil {
			t.Fatal(err)
		}
		for want, c := range map[fault.Code]merchant.Credential{
			fault.FieldMalformed:  {Owner: m.Owner, Door: "aspay", Role: merchant.Admin},
			fault.FieldNotOneOf:   {Owner: m.Owner, Door: "aspay", Role: "root"},
			fault.MerchantMissing: {Owner: "none", Door: "aspay", Role: merchant.Admin},
		} {
			text := "long enough for a secret"
			if want == fault.FieldMalformed {
				text = "short"
			}
			if _, err := h.Import(ctx, by, c, text); !fault.Has(err, want) {
				t.Errorf("want %s: %v", want, err)
			}
		}
	})
}

func TestSecretsAreNowhereInClear(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		_, secret := h.issue(t, m.Owner, merchant.Admin)
		_, key, err := h.Issue(ctx, by, merchant.Credential{Owner: m.Owner, Door: "native", Role: merchant.Admin}, "", "key_", false)
		if err != nil {
			t.Fatal(err)
		}
		const imported = "an imported secret of theirs"
		if _, err := h.Import(ctx, by, merchant.Credential{Owner: m.Owner, Door: "aspay", Handle: "h", Role: merchant.Admin}, imported); err != nil {
			t.Fatal(err)
		}
		signing, err := h.SigningSecret(ctx, m.Owner)
		if err != nil || !strings.HasPrefix(signing, "whsec_") {
			t.Fatal(signing, err)
		}
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signing, "whsec_"))
		if err != nil || len(raw) != 24 {
			t.Fatal(len(raw), err)
		}
		var forbidden []string
		for _, s := range []string{secret, key, imported, signing, string(raw), masterKey} {
			bytes := []byte(s)
			forbidden = append(forbidden, s, hex.EncodeToString(bytes), base64.RawStdEncoding.EncodeToString(bytes), base64.RawURLEncoding.EncodeToString(bytes))
		}
		forbidden = append(forbidden, strings.TrimPrefix(secret, "sk_"), strings.TrimPrefix(key, "key_"), strings.TrimPrefix(signing, "whsec_"))
		seen := 0
		for column, cells := range all(t, h.db) {
			for _, cell := range cells {
				seen++
				if i := slices.IndexFunc(forbidden, func(f string) bool { return strings.Contains(cell, f) }); i >= 0 {
					t.Errorf("%s has a secret in it (%d)", column, i)
				}
			}
		}
		if seen < 50 {
			t.Fatalf("only %d cells were seen", seen)
		}
		// Each merchant has its own, and it does not change.
		other, err := h.SigningSecret(ctx, h.shop(t).Owner)
		again, err2 := h.second(t).SigningSecret(ctx, m.Owner)
		if err != nil || err2 != nil || other == signing || again != signing {
			t.Fatal(err, err2)
		}
		if _, err := h.SigningSecret(ctx, "none"); !fault.Has(err, fault.MerchantMissing) {
			t.Fatal(err)
		}
	})
}

func TestManyAtOnceAreAuthenticatedFromACacheThatIsFilledOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		c, secret := h.issue(t, m.Owner, merchant.Admin)
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				for range 50 {
					given := secret
					if i%2 == 1 {
						given += "x"
					}
					got, _, err := h.Authenticate(ctx, "aspay", c.Handle, given)
					if i%2 == 1 {
						if !fault.Has(err, fault.CredentialsInvalid) {
							t.Errorf("wrong: %v", err)
						}
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					// Whatever a caller does to its copy stays its own affair.
					got.Currencies[0], got.Settings.Rails[0], got.Settings.BanglaQR.Name = "QQQ", "x", "x"
				}
			})
		}
		wg.Wait()
		got, err := h.Get(ctx, m.Owner)
		if d := cmp.Diff(m, got); err != nil || d != "" {
			t.Fatal(err, d)
		}
	})
}
