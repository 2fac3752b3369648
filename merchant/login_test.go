package merchant_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/argon2"

	"sarraf/fault"
	"sarraf/internal/keyring"
	"sarraf/merchant"
	"sarraf/store"
)

const right = "correct horse battery"

// user makes a user of the merchant at asaanbill.
func (h *house) user(t *testing.T, owner, username string) merchant.Login {
	t.Helper()
	l, err := h.AddLogin(ctx, by, merchant.Login{
		Owner: owner, Door: "asaanbill", Username: username, FirstName: "Sana", LastName: "Iqbal", Role: merchant.Maker,
	}, right)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// signIn signs in with the right password.
func (h *house) signIn(t *testing.T, username string) merchant.Signed {
	t.Helper()
	s, err := h.SignIn(ctx, "asaanbill", username, right, "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// same fails unless err is the fault CredentialsInvalid and nothing else.
func same(t *testing.T, what string, err error) {
	t.Helper()
	if d := cmp.Diff([]*fault.Error{fault.New(fault.CredentialsInvalid)}, fault.All(err), cmp.AllowUnexported(fault.Error{})); d != "" {
		t.Errorf("%s: %s", what, d)
	}
}

func TestUserSignsInAndHasTheSameTokenEachTime(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		l := h.user(t, m.Owner, "sana")
		first := h.signIn(t, "sana")
		if d := cmp.Diff(merchant.Signed{Merchant: m, Login: l, Token: first.Token}, first); d != "" {
			t.Fatal(d)
		}
		if raw, err := base64.StdEncoding.DecodeString(first.Token); err != nil || len(raw) != 256 || len(first.Token) != 344 {
			t.Fatalf("a token of %d characters: %v", len(first.Token), err)
		}
		other := h.second(t)
		for _, again := range []merchant.Signed{h.signIn(t, "sana"), other.signIn(t, "sana")} {
			if d := cmp.Diff(first, again); d != "" {
				t.Fatal(d)
			}
		}
		for range 2 { // read, and from the cache
			for _, node := range []*house{h, other} {
				got, login, err := node.AuthenticateToken(ctx, "asaanbill", first.Token)
				if d := cmp.Diff(m, got); err != nil || d != "" {
					t.Fatal(err, d)
				}
				if d := cmp.Diff(l, login); d != "" {
					t.Fatal(d)
				}
				for name, try := range map[string][2]string{
					"another door": {"console", first.Token}, "no token": {"asaanbill", ""}, "the hash": {"asaanbill", keyring.HashSecret(first.Token)},
					"the username": {"asaanbill", "sana"}, "one more": {"asaanbill", first.Token + "A"}, "one less": {"asaanbill", first.Token[1:]},
				} {
					_, _, err := node.AuthenticateToken(ctx, try[0], try[1])
					same(t, name, err)
				}
			}
		}
		if list, err := h.Logins(ctx, m.Owner); err != nil || cmp.Diff([]merchant.Login{l}, list) != "" {
			t.Fatal(list, err)
		}
	})
}

func TestTokenEndsOnEveryNodeWithinASecond(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		l := h.user(t, m.Owner, "sana")
		other := h.second(t)
		const changed = "another passphrase"
		for _, end := range []struct {
			name     string
			do       func() error
			password string // that is right afterwards, "" for none
		}{
			{"revoked token", func() error { return h.RevokeToken(ctx, by, m.Owner, l.ID) }, right},
			{"changed password", func() error { return h.SetPassword(ctx, by, m.Owner, l.ID, changed) }, changed},
			{"changed back", func() error { return h.SetPassword(ctx, by, m.Owner, l.ID, right) }, right},
			{"revoked login", func() error { return h.RevokeLogin(ctx, by, m.Owner, l.ID) }, ""},
		} {
			password := right
			if end.name == "changed back" {
				password = changed
			}
			before, err := h.SignIn(ctx, "asaanbill", "sana", password, "")
			if err != nil {
				t.Fatal(end.name, err)
			}
			if _, _, err := other.AuthenticateToken(ctx, "asaanbill", before.Token); err != nil {
				t.Fatal(end.name, err)
			}
			if err := end.do(); err != nil {
				t.Fatal(end.name, err)
			}
			ended := time.Now()
			_, _, err = h.AuthenticateToken(ctx, "asaanbill", before.Token)
			same(t, end.name+": at once where it ended", err)
			for { // a loaded machine gets more time than the second
				began := time.Now()
				_, _, err := other.AuthenticateToken(ctx, "asaanbill", before.Token)
				if fault.Has(err, fault.CredentialsInvalid) {
					break
				}
				if err != nil || began.Sub(ended) > time.Second {
					t.Fatalf("%s: asked %v afterwards: %v", end.name, began.Sub(ended), err)
				}
			}
			after, err := other.SignIn(ctx, "asaanbill", "sana", end.password, "")
			if end.password == "" {
				same(t, end.name, err)
				continue
			}
			if err != nil || after.Token == before.Token {
				t.Fatalf("%s: the token is still the same: %v, %v", end.name, after.Token == before.Token, err)
			}
		}
		who := "asaanbill sana"
		want := []string{
			"login.add|" + l.ID + "||" + who + " maker", "login.token|" + l.ID + "||" + who, "login.password|" + l.ID + "||" + who,
			"login.password|" + l.ID + "||" + who, "login.revoke|" + l.ID + "|" + who + "|",
		}
		if d := cmp.Diff(want, h.logged(t, m.Owner)[1:]); d != "" {
			t.Fatal(d)
		}
	})
}

func TestUsernameIsGivenOnceAtADoorForEver(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.shop(t), h.shop(t)
		l := h.user(t, m.Owner, "sana")
		again := merchant.Login{Owner: other.Owner, Door: "asaanbill", Username: "sana", Role: merchant.Admin}
		for _, revoked := range []bool{false, true} {
			if revoked {
				if err := h.RevokeLogin(ctx, by, m.Owner, l.ID); err != nil {
					t.Fatal(err)
				}
			}
			for _, owner := range []string{m.Owner, other.Owner} {
				again.Owner = owner
				if _, err := h.AddLogin(ctx, by, again, right); !fault.Has(err, fault.ReferenceTaken) || fault.First(err).Field != "username" {
					t.Fatal(err)
				}
			}
		}
		again.Owner = other.Owner
		for _, change := range []func(l *merchant.Login){
			func(l *merchant.Login) { l.Username = "Sana" }, // another one: names are compared exactly
			func(l *merchant.Login) { l.Door = "console" },  // another door's names are its own
		} {
			one := again
			change(&one)
			if _, err := h.AddLogin(ctx, by, one, right); err != nil {
				t.Fatal(err)
			}
		}
		if s, err := h.SignIn(ctx, "asaanbill", "Sana", right, ""); err != nil || s.Merchant.Owner != other.Owner {
			t.Fatal(s.Merchant.Owner, err)
		}
		_, err := h.SignIn(ctx, "asaanbill", "SANA", right, "")
		same(t, "another spelling", err)
	})
}

func TestUserThatIsNoneIsRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		good := merchant.Login{Owner: m.Owner, Door: "asaanbill", Username: "sana", Role: merchant.Viewer}
		type change = func(l *merchant.Login, password *string)
		for name, bad := range map[string]struct {
			field  string
			code   fault.Code
			change change
		}{
			"no door":            {"door", fault.FieldRequired, func(l *merchant.Login, _ *string) { l.Door = "" }},
			"no username":        {"username", fault.FieldRequired, func(l *merchant.Login, _ *string) { l.Username = "" }},
			"two letters":        {"username", fault.FieldMalformed, func(l *merchant.Login, _ *string) { l.Username = "ab" }},
			"65 letters":         {"username", fault.FieldTooLong, func(l *merchant.Login, _ *string) { l.Username = strings.Repeat("a", 65) }},
			"a space":            {"username", fault.FieldMalformed, func(l *merchant.Login, _ *string) { l.Username = "sa na" }},
			"not ASCII":          {"username", fault.FieldMalformed, func(l *merchant.Login, _ *string) { l.Username = "sanä" }},
			"a line break":       {"username", fault.FieldMalformed, func(l *merchant.Login, _ *string) { l.Username = "sana\n" }},
			"a long first name":  {"first_name", fault.FieldTooLong, func(l *merchant.Login, _ *string) { l.FirstName = strings.Repeat("ñ", 101) }},
			"a tab in a name":    {"last_name", fault.FieldControl, func(l *merchant.Login, _ *string) { l.LastName = "a\tb" }},
			"no role":            {"role", fault.FieldNotOneOf, func(l *merchant.Login, _ *string) { l.Role = "" }},
			"another role":       {"role", fault.FieldNotOneOf, func(l *merchant.Login, _ *string) { l.Role = "root" }},
			"no merchant":        {"", fault.MerchantMissing, func(l *merchant.Login, _ *string) { l.Owner = "nobody" }},
			"no password":        {"password", fault.FieldRequired, func(_ *merchant.Login, p *string) { *p = "" }},
			"7 bytes":            {"password", fault.FieldMalformed, func(_ *merchant.Login, p *string) { *p = "1234567" }},
			"129 bytes":          {"password", fault.FieldTooLong, func(_ *merchant.Login, p *string) { *p = strings.Repeat("x", 129) }},
			"a control":          {"password", fault.FieldControl, func(_ *merchant.Login, p *string) { *p = "12345678\x00" }},
			"not UTF-8":          {"password", fault.FieldControl, func(_ *merchant.Login, p *string) { *p = "12345678\xff" }},
			"the name as a word": {"password", fault.FieldMalformed, func(l *merchant.Login, p *string) { l.Username, *p = "sana.iqbal", "SANA.IQBAL" }},
		} {
			l, password := good, right
			bad.change(&l, &password)
			_, err := h.AddLogin(ctx, by, l, password)
			if list := fault.All(err); len(list) != 1 || list[0].Code != bad.code || list[0].Field != bad.field {
				t.Errorf("%s: %v", name, err)
			}
		}
		if list, err := h.Logins(ctx, m.Owner); err != nil || len(list) != 0 || len(h.logged(t, m.Owner)) != 1 {
			t.Fatal(list, err)
		}
		// The least and the most that a user can have.
		for username, password := range map[string]string{"abc": "12345678", strings.Repeat("~", 64): strings.Repeat("é", 64)} {
			l := good
			l.Username = username
			if _, err := h.AddLogin(ctx, by, l, password); err != nil {
				t.Errorf("%s: %v", username, err)
			}
			if _, err := h.SignIn(ctx, "asaanbill", username, password, ""); err != nil {
				t.Errorf("%s: %v", username, err)
			}
		}
	})
}

func TestNobodyChangesAUserThatIsNotTheirs(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.shop(t), h.shop(t)
		l := h.user(t, m.Owner, "sana")
		for name, do := range map[string]func(owner, login string) error{
			"password": func(owner, login string) error { return h.SetPassword(ctx, by, owner, login, "another passphrase") },
			"token":    func(owner, login string) error { return h.RevokeToken(ctx, by, owner, login) },
			"revoke":   func(owner, login string) error { return h.RevokeLogin(ctx, by, owner, login) },
		} {
			same(t, name+" of another's", do(other.Owner, l.ID))
			same(t, name+" of nobody's", do(m.Owner, "none"))
		}
		for password, want := range map[string]fault.Code{"": fault.FieldRequired, "short": fault.FieldMalformed} {
			if err := h.SetPassword(ctx, by, m.Owner, l.ID, password); !fault.Has(err, want) {
				t.Errorf("%q: %v", password, err)
			}
		}
		token := h.signIn(t, "sana").Token
		if _, _, err := h.AuthenticateToken(ctx, "asaanbill", token); err != nil || len(h.logged(t, other.Owner)) != 1 {
			t.Fatal(err, h.logged(t, other.Owner))
		}
		// What is revoked stays so, and a second time leaves no line.
		for range 2 {
			if err := h.RevokeLogin(ctx, by, m.Owner, l.ID); err != nil {
				t.Fatal(err)
			}
		}
		same(t, "a revoked one's password", h.SetPassword(ctx, by, m.Owner, l.ID, "another passphrase"))
		same(t, "a revoked one's token", h.RevokeToken(ctx, by, m.Owner, l.ID))
		if n := len(h.logged(t, m.Owner)); n != 3 {
			t.Fatal(h.logged(t, m.Owner))
		}
	})
}

func TestKeysAreNeverMakers(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := merchant.Credential{Owner: h.shop(t).Owner, Door: "native", Role: merchant.Maker}
		if _, _, err := h.Issue(ctx, by, c, "", "sk_", false); !fault.Has(err, fault.FieldNotOneOf) {
			t.Fatal(err)
		}
	})
	for role, may := range map[merchant.Role][2]bool{
		merchant.Admin: {true, true}, merchant.Maker: {false, true}, merchant.Viewer: {true, false}, "": {}, "root": {},
	} {
		if role.Reads() != may[0] || role.Adds() != may[1] {
			t.Errorf("%q reads %v, adds %v", role, role.Reads(), role.Adds())
		}
	}
}

func TestPasswordsAndTokensAreNowhereInClear(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		h.user(t, m.Owner, "sana")
		token := h.signIn(t, "sana").Token
		const typed = "my password by mistake"
		_, err := h.SignIn(ctx, "asaanbill", typed, "sana", "")
		same(t, "a password for a name", err)
		_, err = h.SignIn(ctx, "asaanbill", "sana", typed, "")
		same(t, "wrong", err)
		channel, err := h.AddChannel(ctx, by, bank(), "")
		if err != nil {
			t.Fatal(err)
		}
		raw, err := base64.StdEncoding.DecodeString(token)
		if err != nil {
			t.Fatal(err)
		}
		var forbidden []string
		for _, s := range []string{token, right, typed, channel, string(raw)} {
			for _, b := range [][]byte{[]byte(s), []byte(keyring.HashSecret(s))} {
				forbidden = append(forbidden, string(b), hex.EncodeToString(b), base64.RawStdEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b))
			}
		}
		allowed := keyring.HashSecret(token) // what it is looked up by
		cells := all(t, h.db)
		for column, list := range cells {
			for _, cell := range list {
				if i := slices.IndexFunc(forbidden, func(f string) bool { return strings.Contains(cell, f) }); i >= 0 && cell != allowed {
					t.Errorf("%s has a secret in it (%d)", column, i)
				}
			}
		}
		if len(cells["login.token"]) != 1 || !strings.HasPrefix(cells["login.token"][0], "v1:") || len(cells["sign_in_failure.name"]) != 2 {
			t.Fatal(cells["login.token"], cells["sign_in_failure.name"])
		}
		for _, cell := range cells["login.password"] {
			if !strings.HasPrefix(cell, "$argon2id$v=19$m=19456,t=2,p=1$") {
				t.Errorf("a password is kept as %.40s", cell)
			}
			if readable, fresh := merchant.ReadHash(cell); !readable || !fresh {
				t.Errorf("%.40s cannot be read", cell)
			}
			for _, broken := range []string{
				"", cell + "A", cell[:len(cell)-1], cell[1:], strings.Replace(cell, "argon2id", "argon2i", 1), strings.Replace(cell, "v=19", "v=16", 1),
				strings.Replace(cell, "m=19456", "m=4194304", 1), strings.Replace(cell, "t=2", "t=0", 1), strings.Replace(cell, "t=2", "t=1000000", 1),
				strings.Replace(cell, "p=1$", "p=1 $", 1), strings.Replace(cell, "p=1", "p=0", 1), strings.Replace(cell, "m=19456", "m=-1", 1),
			} {
				if readable, _ := merchant.ReadHash(broken); readable {
					t.Errorf("%.60s is read", broken)
				}
			}
		}
	})
}

func TestPasswordIsKeptAsArgon2idOfItselfWithASaltOfItsOwn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		keys, err := keyring.Parse(masterKey)
		if err != nil {
			t.Fatal(err)
		}
		h.Service = merchant.NewService(h.db, h.log, keys) // as it is made, with all its work
		h.user(t, m.Owner, "sana")
		h.user(t, m.Owner, "omar")
		rows := text(t, h.db, 1, `SELECT password FROM login`)
		if len(rows) != 2 || rows[0] == rows[1] {
			t.Fatal(rows)
		}
		for _, row := range rows {
			parts := strings.Split(row, "$")
			salt, err := base64.RawStdEncoding.DecodeString(parts[4])
			if err != nil || len(salt) != 16 {
				t.Fatal(row, err)
			}
			if want := base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(right), salt, 2, 19*1024, 1, 32)); parts[5] != want {
				t.Errorf("%s, want %s", row, want)
			}
		}
		h.signIn(t, "omar")
		same(t, "wrong", h.guess("sana"))
	})
}

func TestTokenThatWasMovedToAnotherRowIsNotGivenOut(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.shop(t), h.shop(t)
		h.user(t, m.Owner, "sana")
		h.user(t, other.Owner, "omar")
		err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return tx.Exec(ctx, `UPDATE login SET token = (SELECT token FROM login WHERE username = 'sana') WHERE username = 'omar'`)
		})
		if err != nil {
			t.Fatal(err)
		}
		if s, err := h.SignIn(ctx, "asaanbill", "omar", right, ""); err == nil || s.Token != "" {
			t.Fatal("it was given out")
		}
	})
}
