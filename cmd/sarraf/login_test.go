package main

import (
	"regexp"
	"strings"
	"testing"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/keyring"
	"sarraf/internal/storetest"
	"sarraf/merchant"
)

// shell runs commands on one database with the master key that it was made with.
type shell struct {
	t    *testing.T
	dsn  string
	keys *keyring.Keyring
}

// newShell migrates a database for commands.
func newShell(t *testing.T, dsn string) *shell {
	t.Helper()
	s := fresh()
	t.Setenv("SARRAF_KEY", s.Key)
	keys, err := keyring.Parse(s.Key)
	if err != nil {
		t.Fatal(err)
	}
	sh := &shell{t: t, dsn: dsn, keys: keys}
	sh.ok("", "migrate")
	return sh
}

// do runs a command with what stands on its standard input.
func (s *shell) do(input string, args ...string) (code int, out, errs string) {
	s.t.Helper()
	var o, e safeBuffer
	code = run(s.t.Context(), append(args, "--database", s.dsn), streams{in: strings.NewReader(input), out: &o, err: &e})
	return code, o.String(), e.String()
}

// ok is do for what must succeed.
func (s *shell) ok(input string, args ...string) string {
	s.t.Helper()
	code, out, errs := s.do(input, args...)
	if code != 0 {
		s.t.Fatalf("%v: %d %s", args, code, errs)
	}
	return out
}

// refused fails unless the command ends with the status, and says all of the words.
func (s *shell) refused(want int, words string, args ...string) {
	s.t.Helper()
	code, out, errs := s.do("", args...)
	if code != want || out != "" || !strings.Contains(errs, words) {
		s.t.Errorf("%v: %d %q %q, want %d %q", args, code, out, errs, want, words)
	}
}

// merchants is the service on the database, as serve has it.
func (s *shell) merchants() *merchant.Service {
	db := storetest.Open(s.t, s.dsn, nil)
	return merchant.NewService(db, event.NewLog(db), s.keys)
}

// printed is what stands after a name in a command's answer.
func printed(t *testing.T, out, name string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + `: (\S+)$`).FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("no %s in %q", name, out)
	}
	return found[1]
}

func TestUsersAreManagedByCommand(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		sh := newShell(t, dsn)
		id := strings.TrimSpace(sh.ok("", "merchant", "create", "Sana Books", "--currencies", "PKR"))
		made := sh.ok("", "merchant", "user", "add", id, "asaanbill", "sana", "--first-name", "Sana", "--last-name", "Iqbal", "--role", "maker")
		first := printed(t, made, "password")
		if printed(t, made, "username") != "sana" || len(first) != 24 {
			t.Fatal(made)
		}
		const theirs = " a passphrase with spaces "
		if out := sh.ok(theirs+"\r\n", "merchant", "user", "add", id, "asaanbill", "omar", "--import"); !regexp.MustCompile(`^channel_id: [1-9][0-9]*\nusername: omar\n$`).MatchString(out) {
			t.Errorf("%q", out)
		}
		signIn := func(username, password string) merchant.Signed {
			t.Helper()
			s, err := sh.merchants().SignIn(t.Context(), "asaanbill", username, password, "")
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		sana := signIn("sana", first)
		if sana.Login.Role != merchant.Maker || sana.Login.FirstName != "Sana" || sana.Merchant.Owner != id || signIn("omar", theirs).Login.Role != merchant.Admin {
			t.Fatal(sana.Login)
		}
		second := printed(t, sh.ok("", "merchant", "user", "password", id, "sana"), "password")
		again := signIn("sana", second)
		sh.ok("", "merchant", "user", "revoke", id, "sana", "--token")
		if last := signIn("sana", second); second == first || sana.Token == again.Token || last.Token == again.Token {
			t.Error("a token has outlived its end")
		}
		if out := sh.ok("a third passphrase\n", "merchant", "user", "password", id, again.Login.ID, "--import"); out != "" {
			t.Errorf("%q", out)
		}
		signIn("sana", "a third passphrase")
		sh.ok("", "merchant", "user", "revoke", id, "omar")
		if _, err := sh.merchants().SignIn(t.Context(), "asaanbill", "omar", theirs, ""); !fault.Has(err, fault.CredentialsInvalid) {
			t.Error(err)
		}
		list := sh.ok("", "merchant", "user", "list", id)
		for _, want := range []string{`asaanbill +sana +maker +Sana Iqbal .*-$`, `asaanbill +omar +admin .*\d\d:\d\d:\d\d$`} {
			if !regexp.MustCompile(`(?m)` + want).MatchString(list) {
				t.Errorf("no %s in %s", want, list)
			}
		}
		if strings.Contains(list, "argon2") || strings.Contains(list, "v1:") {
			t.Error(list)
		}
		for _, bad := range []struct {
			status int
			words  string
			args   []string
		}{
			{exitUsage, "there is asaanbill", []string{"add", id, "aspay", "sana"}},
			{exitUsage, "role", []string{"add", id, "asaanbill", "x", "--role", "root"}},
			{exitFailed, "choose another", []string{"add", id, "asaanbill", "omar"}},
			{exitFailed, "3 to 64", []string{"add", id, "asaanbill", "no"}},
			{exitFailed, "no such merchant", []string{"add", "nobody", "asaanbill", "nadia"}},
			{exitFailed, "standard input", []string{"add", id, "asaanbill", "nadia", "--import"}},
			{exitFailed, "user list", []string{"password", id, "nadia"}},
			{exitFailed, "user list", []string{"password", id, "omar"}},
			{exitFailed, "no such merchant", []string{"password", "nobody", "sana"}},
			{exitFailed, "user list", []string{"revoke", id, "nadia"}},
			{exitFailed, "no such merchant", []string{"list", "nobody"}},
		} {
			sh.refused(bad.status, bad.words, append([]string{"merchant", "user"}, bad.args...)...)
		}
		if code, _, errs := sh.do("short\n", "merchant", "user", "password", id, "sana", "--import"); code != exitFailed || !strings.Contains(errs, "8 to 128") {
			t.Errorf("%d %s", code, errs)
		}
		for text, want := range map[string]string{"sana": "a username at the front door asaanbill", sana.Token: "has or had", again.Login.ID: "the id of the user"} {
			if out := sh.ok("", "explain", text); !strings.Contains(out, want) || !strings.Contains(out, "login.add") || strings.Contains(out, "omar") {
				t.Errorf("explain %.20s: %s", text, out)
			}
		}
		proveClean(t, dsn)
	})
}

func TestChannelsAreManagedByCommand(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		sh := newShell(t, dsn)
		made := sh.ok("", "channel", "add", "bank-1", "--sandbox")
		secret := printed(t, made, "password")
		if printed(t, made, "username") != "bank-1" {
			t.Error(made)
		}
		const theirs = "Their-0ld-password!"
		if out := sh.ok(theirs+"\n", "channel", "add", "link", "--import", "--name", "The Switch", "--username", "switch", "--network", "192.0.2.0/24,2001:db8::/32",
			"--prefix", "1001,02", "--profile", `{"contacts":true}`); out != "username: switch\n" {
			t.Errorf("%q", out)
		}
		knows := func(id, username, password string) error {
			_, err := sh.merchants().AuthenticateChannel(t.Context(), id, username, password)
			return err
		}
		if err := knows("bank-1", "bank-1", secret); err != nil {
			t.Error(err)
		}
		if err := knows("link", "switch", theirs); err != nil {
			t.Error(err)
		}
		list := sh.ok("", "channel", "list")
		for _, want := range []string{
			`bank-1 +bank-1 +sandbox +on +bank-1 +any +none +{}$`,
			`link +The Switch +live +on +switch +192\.0\.2\.0/24 2001:db8::/32 +1001 02 +{"contacts":true}$`,
		} {
			if !regexp.MustCompile(`(?m)^` + want).MatchString(list) {
				t.Errorf("no %s in %s", want, list)
			}
		}
		sh.ok("", "channel", "off", "link")
		if err := knows("link", "switch", theirs); !fault.Has(err, fault.CredentialsInvalid) {
			t.Error(err)
		}
		sh.ok("", "channel", "set", "link", "--no-off", "--name", "Switch", "--network", "any", "--prefix", "none", "--profile", "{}")
		if err := knows("link", "switch", theirs); err != nil {
			t.Error(err)
		}
		if list := sh.ok("", "channel", "list"); !regexp.MustCompile(`(?m)^link +Switch +live +on +switch +any +none +{}$`).MatchString(list) {
			t.Error(list)
		}
		second := printed(t, sh.ok("", "channel", "password", "bank-1"), "password")
		if err, err2 := knows("bank-1", "bank-1", second), knows("bank-1", "bank-1", secret); err != nil || !fault.Has(err2, fault.CredentialsInvalid) {
			t.Error(err, err2)
		}
		for _, bad := range []struct {
			status int
			words  string
			args   []string
		}{
			{exitFailed, "with this id", []string{"add", "link"}},
			{exitFailed, "a-z, 0-9", []string{"add", "Bank"}},
			{exitFailed, "standard input", []string{"add", "other", "--import"}},
			{exitUsage, "--network", []string{"add", "other", "--network", "192.0.2.7"}},
			{exitUsage, "--profile", []string{"add", "other", "--profile", `{"nothing":true}`}},
			{exitFailed, "prefixes", []string{"add", "other", "--prefix", "x"}},
			{exitFailed, "channel list", []string{"set", "other", "--name", "X"}},
			{exitFailed, "channel list", []string{"off", "other"}},
			{exitFailed, "channel list", []string{"password", "other"}},
		} {
			sh.refused(bad.status, bad.words, append([]string{"channel"}, bad.args...)...)
		}
		if code, _, errs := sh.do("Their-0ld\n", "channel", "password", "link", "--import"); code != exitFailed || !strings.Contains(errs, "16 to 128") {
			t.Errorf("%d %s", code, errs)
		}
		proveClean(t, dsn)
	})
}

func TestCallbacksAndCodesAreSetByCommandAndDoctorLooksAtThem(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		sh := newShell(t, dsn)
		id := strings.TrimSpace(sh.ok("", "merchant", "create", "Sana Books", "--currencies", "BDT"))
		const codes = `{"operator_id":"D15600000000","bic":"DEMOPKKA","iban":"PK81DEMO0000001123456702","name":"SANA BOOKS","city":"KARACHI","category":"5942"}`
		looks := func(name string, want state, flags ...string) {
			t.Helper()
			c := doctorCmd{databaseFlag: databaseFlag{dsn}, Only: []string{"merchants"}}
			if len(flags) > 0 {
				c.AllowHTTP, c.AllowPrivate = true, flags
			}
			expect(t, doctor(t, soundMachine(), c), name, want)
		}
		looks("merchants", good)
		sh.ok("", "merchant", "callback", id, "asaanbill", "https://shop.example/callbacks/")
		sh.ok("", "merchant", "set", id, "--pakistan-qr", codes)
		show := sh.ok("", "merchant", "show", id)
		if !strings.Contains(show, `"callbacks":{"asaanbill":"https://shop.example/callbacks"}`) || !strings.Contains(show, `"iban":"PK81DEMO0000001123456702"`) {
			t.Error(show)
		}
		looks("codes", warn) // it is not paid in PKR
		sh.ok("", "merchant", "set", id, "--currencies", "BDT,PKR")
		looks("merchants", good)
		sh.ok("", "merchant", "callback", id, "asaanbill", "http://127.0.0.1:8099")
		looks("callbacks", warn)
		looks("merchants", good, "127.0.0.0/8")
		sh.ok("", "merchant", "set", id, "--disabled")
		looks("merchants", good)
		for _, bad := range [][]string{
			{"callback", id, "aspay", "https://shop.example"},
			{"callback", id, "asaanbill", "shop.example"},
			{"callback", id, "asaanbill", "ftp://shop.example"},
			{"callback", id, "asaanbill", "https://u:p@shop.example"},
			{"callback", id, "asaanbill", "https://shop.example/?a=b"},
			{"callback", id, "asaanbill", "https://shop..example/"},
			{"callback", id, "asaanbill", "https://shop.example:99999"},
			{"set", id, "--pakistan-qr", "x"},
			{"set", id, "--pakistan-qr", "{}"},
			{"set", id, "--pakistan-qr", strings.Replace(codes, "PK81", "PK82", 1)},
			{"set", id, "--pakistan-qr", strings.Replace(codes, "bic", "swift", 1)},
		} {
			sh.refused(exitUsage, "", append([]string{"merchant"}, bad...)...)
		}
		sh.refused(exitFailed, "no such merchant", "merchant", "callback", "nobody", "asaanbill", "https://shop.example")
		sh.ok("", "merchant", "callback", id, "asaanbill", "none")
		sh.ok("", "merchant", "set", id, "--pakistan-qr", "none", "--no-disabled")
		if show := sh.ok("", "merchant", "show", id); strings.Contains(show, "callbacks") || strings.Contains(show, "pakistan_qr") {
			t.Error(show)
		}
		proveClean(t, dsn)
	})
}
