package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/wallet"
)

func TestAPINIsTakenFromStandardInputAndNeverPrinted(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		run := newWallets(t, dsn)
		give := func(pin string, args ...string) (int, string, string) {
			var out, errs safeBuffer
			code := runCommand(t, strings.NewReader(pin), &out, &errs, append(args, "--database", dsn)...)
			return code, out.String(), errs.String()
		}
		code, out, errs := give("7391\n", "wallet", "create", "Karim", "--number", "01812345678", "--import")
		owner := strings.TrimSpace(out)
		if code != 0 || !id.Valid(owner) || strings.Contains(out+errs, "7391") {
			t.Fatalf("%d %q %q", code, out, errs)
		}
		for _, bad := range []string{"", "739\n", "12345", "abcd", "७३९१"} {
			if code, _, errs := give(bad, "wallet", "pin", owner, "--import"); code != exitFailed || !strings.Contains(errs, "PIN") {
				t.Errorf("%q: %d %s", bad, code, errs)
			}
		}
		if code, out, errs := give("1357", "wallet", "pin", owner, "--import"); code != 0 || out+errs != "" {
			t.Errorf("%d %q %q", code, out, errs)
		}
		srv := startServe(t, dsn)
		if _, _, err := srv.app.access.SignIn(t.Context(), "+8801812345678", "1357", "test", ""); err != nil {
			t.Error(err)
		}
		for range 5 {
			_, _, err := srv.app.access.SignIn(t.Context(), "+8801812345678", "7391", "test", "")
			if !fault.Has(err, fault.CredentialsInvalid) {
				t.Error(err)
			}
		}
		if a := walletShown(t, run, owner); a.PIN.LockedUntil.IsZero() || a.PIN.Failures != 5 || len(a.Sessions) != 1 {
			t.Errorf("%+v", a)
		}
		if text := run("show", owner); !strings.Contains(text, "PIN        locked until ") || !strings.Contains(text, "SIGNED IN AT") {
			t.Error(text)
		}
		run("unlock", owner)
		if _, _, err := srv.app.access.SignIn(t.Context(), "+8801812345678", "1357", "test", ""); err != nil {
			t.Error(err)
		}
	})
}

// runCommand runs one command line with standard input.
func runCommand(t *testing.T, in io.Reader, out, errs io.Writer, args ...string) int {
	t.Helper()
	return run(t.Context(), args, streams{in: in, out: out, err: errs})
}

func TestTheDemoSendsItsCodesToTheLogAndApprovesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		t.Setenv("SARRAF_KEY", "")
		d := startDemo(t, dsn)
		const number = "+8801612345678"
		if err := d.app.access.AskCode(t.Context(), number, wallet.SignUpCode, "127.0.0.1"); err != nil {
			t.Fatal(err)
		}
		logs := d.logs.String()
		found := regexp.MustCompile(`level=WARN.*DEMO.*text="(\d{6}) is your code`).FindStringSubmatch(logs)
		if len(found) != 2 || !strings.Contains(logs, number) {
			t.Fatal(logs)
		}
		w, err := d.app.access.SignUp(t.Context(), merchant.Actor{Name: "holder", Source: "test"}, wallet.New{PIN: "1234", Wallet: wallet.Wallet{
			Kind: wallet.Consumer, Name: "Rahim", Number: number, Status: demoAccess("127.0.0.1:8080", nil).signUp, Sandbox: true,
			Currencies: []money.Currency{"BDT"}, Zone: "Asia/Dhaka",
		}}, found[1])
		if err != nil || w.Status != wallet.Approved {
			t.Fatal(w, err)
		}
		proveClean(t, dsn)
	})
}

func TestServeSendsCodesThroughAGateway(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		newSecrets(t)
		t.Setenv("SARRAF_SMS_SECRET", "k3y")
		mustRun(t, "migrate", "--database", dsn)
		var got safeBuffer
		gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(&got, "%s %s %s\n", r.URL, r.Header.Get("Authorization"), body)
			if strings.Contains(string(body), "8801700000000") {
				w.WriteHeader(http.StatusPaymentRequired)
				_, _ = w.Write(body)
			}
		}))
		defer gateway.Close()
		srv := startServe(t, dsn, "--sms-url", gateway.URL+"/sms", "--sms-type", "form", "--sms-body", "msisdn={digits}&message={text}",
			"--sms-header", "Authorization: Bearer {secret}", "--sms-text", "Sarraf: {code}", "--admin-listen", "127.0.0.1:0")
		if err := srv.app.access.AskCode(t.Context(), "+8801712345678", wallet.SignUpCode, "203.0.113.9"); err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^/sms Bearer k3y msisdn=8801712345678&message=Sarraf%3A\+\d{6}\n$`).MatchString(got.String()) {
			t.Errorf("%q", got.String())
		}
		err := srv.app.access.AskCode(t.Context(), "+8801700000000", wallet.SignUpCode, "203.0.113.9")
		if !fault.Has(err, fault.Outage) || regexp.MustCompile(`\d{4}`).MatchString(strings.ReplaceAll(err.Error(), "402", "")) {
			t.Errorf("%v", err)
		}
		_, _, err = srv.app.access.SignIn(t.Context(), "+8801700000000", "1234", "test", "")
		if !fault.Has(err, fault.CredentialsInvalid) {
			t.Error(err)
		}
		f := scrape(t, srv.app.admin)
		for name, want := range map[string]float64{
			`sarraf_wallet_codes_total{outcome="sent"}`: 1, `sarraf_wallet_codes_total{outcome="unsent"}`: 1, `sarraf_wallet_codes_total{outcome="wrong"}`: 0,
			`sarraf_wallet_sign_ins_total{outcome="wrong"}`: 1, `sarraf_wallet_sign_ins_total{outcome="signed_in"}`: 0,
		} {
			if v, ok := f[name]; !ok || v != want {
				t.Errorf("%s is %v %v, want %v", name, v, ok, want)
			}
		}
		if logs := srv.logs.String(); strings.Contains(logs, "k3y") || strings.Contains(logs, "8801712345678") {
			t.Error(logs)
		}
	})
}

func TestServeWithoutAGatewayStartsAndRefusesSignUp(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		newSecrets(t)
		mustRun(t, "migrate", "--database", dsn)
		srv := startServe(t, dsn)
		err := srv.app.access.AskCode(t.Context(), "+8801712345678", wallet.SignUpCode, "")
		f := fault.First(err)
		if f == nil || f.Code != fault.SettingMissing || f.Params["setting"] != "sms-url" {
			t.Errorf("%v", err)
		}
		if !strings.Contains(srv.logs.String(), "nobody can sign up for a wallet without --sms-url") {
			t.Error(srv.logs.String())
		}
	})
}

func TestGatewaySettingsThatCannotWorkKeepServeFromStarting(t *testing.T) {
	t.Setenv("SARRAF_SMS_SECRET", "k3y")
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "x.db")
	for _, args := range [][]string{
		{"--sms-url", "http://sms.example/send?key={secret}"},
		{"--sms-url", "https://sms.example/send"},
		{"--sms-body", "{}"},
		{"--sms-url", "https://sms.example/send?key={secret}", "--sms-body", "{number}"},
		{"--sms-type", "xml"},
		{"--sms-text", "no place for it"},
		{"--sms-numbers", "880"},
		{"--wallet-idle", "1s"},
		{"--wallet-idle", "1000h"},
		{"--wallet-approval", "never"},
		{"--codes-per-address", "-1"},
	} {
		code, _, errs := command(t, append([]string{"serve", "--dev", "--database", dsn}, args...)...)
		if code != exitUsage || errs == "" || strings.Contains(errs, "k3y") {
			t.Errorf("%v: %d %q", args, code, errs)
		}
	}
}

func TestDoctorTellsAboutWallets(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		run := newWallets(t, dsn)
		cmd := doctorCmd{databaseFlag: databaseFlag{dsn}, Only: []string{"wallets", "configuration"}}
		cmd.WalletIdle = wallet.DefaultIdle
		d := doctor(t, soundMachine(), cmd)
		expect(t, d, "messages", good)
		expect(t, d, "approval", good)

		run("create", "Rahim", "--status", "pending", "--no-pin")
		d = doctor(t, soundMachine(), cmd)
		expect(t, d, "messages", warn)
		expect(t, d, "approval", good)
		edit(t, dsn, `UPDATE wallet SET updated_at = updated_at - $1`, int64(25*3600*1_000_000))
		expect(t, doctor(t, soundMachine(), cmd), "approval", warn)

		secret := filepath.Join(t.TempDir(), "sms")
		if err := os.WriteFile(secret, []byte("k3y\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Setenv("SARRAF_SMS_SECRET_FILE", secret)
		cmd.SMSURL = "https://sms.example/send?key={secret}"
		d = doctor(t, soundMachine(), cmd)
		expect(t, d, "messages", good)
		if c := d.the(t, "secret file"); c.State != fail || !strings.Contains(c.Said, "SARRAF_SMS_SECRET_FILE") {
			t.Errorf("%+v", c)
		}
		cmd.SMSURL = "http://sms.example/send?key={secret}"
		d = doctor(t, soundMachine(), cmd)
		expect(t, d, "messages", fail)
		for _, c := range d.Checks {
			if strings.Contains(c.Said+c.Mend, "k3y") {
				t.Errorf("%+v", c)
			}
		}
	})
}
