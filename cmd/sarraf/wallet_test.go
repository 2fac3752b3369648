package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/id"
	"sarraf/wallet"
)

// newWallets migrates a database and answers a function that runs `sarraf wallet ...` on it.
func newWallets(t *testing.T, dsn string) func(args ...string) string {
	t.Helper()
	newSecrets(t)
	mustRun(t, "migrate", "--database", dsn)
	return func(args ...string) string {
		t.Helper()
		return mustRun(t, append(append([]string{"wallet"}, args...), "--database", dsn)...)
	}
}

// walletShown is what `sarraf wallet show --json` answers.
func walletShown(t *testing.T, run func(...string) string, name ...string) walletAnswer {
	t.Helper()
	var a walletAnswer
	if err := json.Unmarshal([]byte(run(append([]string{"show", "--json"}, name...)...)), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAWalletIsManagedByCommand(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		run := newWallets(t, dsn)
		made := strings.Fields(run("create", "Rahim Uddin", "--number", "01712-345678"))
		if len(made) != 3 || !id.Valid(made[0]) || made[1] != "pin:" || !wallet.ValidPIN(made[2]) {
			t.Fatalf("%v", made)
		}
		owner := made[0]
		for _, name := range []string{owner, strings.ToUpper(owner), "+8801712345678", "01712345678", "০১৭১২৩৪৫৬৭৮", "(017) 123-45678"} {
			if a := walletShown(t, run, name); a.ID != owner {
				t.Errorf("%s is %+v", name, a)
			}
		}
		if a := walletShown(t, run, "--region=PK", "+880 1712 345678"); a.ID != owner {
			t.Errorf("%+v", a)
		}
		if out := run("top-up", owner, "5000.00", "--reference", "CASH-1", "--note", "at the desk"); !strings.Contains(out, "balance: 5000.00 BDT") {
			t.Error(out)
		}
		if out := run("top-up", owner, "5000", "--reference", "CASH-1"); !strings.Contains(out, "It was there before") {
			t.Error(out)
		}
		a := walletShown(t, run, owner)
		if a.Status != "approved" || a.Mode != "sandbox" || !a.PIN.Set || len(a.Balances) != 1 || a.Balances[0] != (balanceAnswer{"BDT", "5000.00"}) {
			t.Errorf("%+v", a)
		}
		want := movementAnswer{
			Movement: "send", Currency: "BDT", Fee: "5.00", Min: "1.00", Max: "50000.00", Daily: "200000.00", Monthly: "1000000.00", Today: "0.00",
			ThisMonth: "0.00",
		}
		if d := cmp.Diff(want, a.Movements[0]); d != "" {
			t.Error(d)
		}

		run("suspend", owner)
		if got := walletShown(t, run, owner).Status; got != "suspended" {
			t.Error(got)
		}
		code, _, errs := command(t, "wallet", "top-up", owner, "1", "--reference", "X", "--database", dsn)
		if code != exitFailed || !strings.Contains(errs, "the wallet is suspended") {
			t.Errorf("%d %s", code, errs)
		}
		run("approve", owner)
		run("qr-revoke", owner)
		if a := walletShown(t, run, owner); a.Status != "approved" || a.QRSerial != 1 {
			t.Errorf("%+v", a)
		}
		if out := run("pin", owner); !regexp.MustCompile(`^pin: \d{4}$`).MatchString(out) {
			t.Error(out)
		}
		run("sign-out", owner)
		run("unlock", owner)
		text := run("show", owner)
		for _, part := range []string{"status     approved", "balance    5000.00 BDT", "PIN        set", "everybody's"} {
			if !strings.Contains(text, part) {
				t.Errorf("no %q in\n%s", part, text)
			}
		}
		proveClean(t, dsn)
	})
}

func TestRulesAreShownSetAndTakenBackByCommand(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		run := newWallets(t, dsn)
		owner := strings.Fields(run("create", "Rahim", "--number", "01712345678"))[0]
		last := func(out string) string {
			lines := strings.Split(out, "\n")
			return strings.Join(strings.Fields(lines[len(lines)-1]), " ")
		}
		for _, step := range []struct {
			args []string
			want string
		}{
			{[]string{"everybody", "BDT", "send"}, "send BDT built in 5.00 1.00 50000.00 200000.00 1000000.00"},
			{[]string{"everybody", "bdt", "send", "--flat", "2.50"}, "send BDT everybody's 2.50 1.00 50000.00 200000.00 1000000.00"},
			{[]string{owner, "BDT", "send"}, "send BDT everybody's 2.50 1.00 50000.00 200000.00 1000000.00"},
			{[]string{"01712345678", "BDT", "send", "--ppm", "15000", "--fee-min", "1", "--fee-max", "20", "--daily", "100.50", "--max", "0"}, "send BDT its own 2.50 + 1.5% (1.00 to 20.00) 1.00 - 100.50 1000000.00"},
			{[]string{"everybody", "BDT", "send", "--remove"}, "send BDT built in 5.00 1.00 50000.00 200000.00 1000000.00"},
			{[]string{owner, "BDT", "send"}, "send BDT its own 2.50 + 1.5% (1.00 to 20.00) 1.00 - 100.50 1000000.00"},
			{[]string{owner, "BDT", "send", "--remove"}, "send BDT built in 5.00 1.00 50000.00 200000.00 1000000.00"},
			{[]string{owner, "BDT", "topup", "--max", "10"}, "topup BDT its own 0.00 - 10.00 - -"},
			{[]string{owner, "BDT", "withdrawal", "--flat", "15", "--min", "500"}, "withdrawal BDT its own 15.00 500.00 50000.00 200000.00 1000000.00"},
		} {
			if got := last(run(append([]string{"rule"}, step.args...)...)); got != step.want {
				t.Errorf("%v:\n got %s\nwant %s", step.args, got, step.want)
			}
		}
		if a := walletShown(t, run, owner); !a.Movements[2].Own || a.Movements[2].Max != "10.00" {
			t.Errorf("%+v", a.Movements)
		}
	})
}

func TestAMerchantsWalletIsLinkedToAMerchantOfItsMode(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		run := newWallets(t, dsn)
		shop := mustRun(t, "merchant", "create", "Nokshi Store", "--database", dsn)
		live := mustRun(t, "merchant", "create", "Live", "--mode", "live", "--database", dsn)
		owner := run("create", "Nokshi Store", "--kind", "merchant", "--number", "01811223344", "--no-pin")
		run("link", "01811223344", shop)
		if a := walletShown(t, run, owner); a.Merchant != shop || a.PIN.Set {
			t.Errorf("%+v", a)
		}
		if text := run("list", "--merchant", shop); !strings.Contains(text, owner) || strings.Count(text, "\n") != 1 {
			t.Error(text)
		}
		person := strings.Fields(run("create", "Rahim"))[0]
		for _, args := range [][]string{{owner, live}, {person, shop}, {owner, "0195f7a0-0000-7000-8000-000000000000"}} {
			if code, _, errs := command(t, append([]string{"wallet", "link", "--database", dsn}, args...)...); code != exitFailed || errs == "" {
				t.Errorf("%v: %d %s", args, code, errs)
			}
		}
		run("link", owner, "none")
		if a := walletShown(t, run, owner); a.Merchant != "" {
			t.Errorf("%+v", a)
		}
		run("create", "Its own", "--merchant", shop, "--reference", "R-1", "--no-pin")
		code, _, errs := command(t, "wallet", "create", "Again", "--merchant", shop, "--reference", "R-1", "--no-pin", "--database", dsn)
		if code != exitFailed || !strings.Contains(errs, "reference") {
			t.Errorf("%d %s", code, errs)
		}
	})
}

func TestWalletsAreListedByPages(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		run := newWallets(t, dsn)
		var ids []string
		for i := range 5 {
			status := "approved"
			if i == 3 {
				status = "pending"
			}
			ids = append(ids, run("create", fmt.Sprint("W", i), "--no-pin", "--status", status))
		}
		listed := func(args ...string) []string {
			code, out, _ := command(t, append([]string{"wallet", "list", "--database", dsn}, args...)...)
			if code != 0 {
				t.Fatal(code)
			}
			var list []string
			for _, line := range strings.Split(strings.TrimSpace(out), "\n")[1:] {
				list = append(list, strings.Fields(line)[0])
			}
			return list
		}
		for _, step := range []struct {
			args, want []string
		}{
			{nil, ids},
			{[]string{"--limit", "2"}, ids[:2]},
			{[]string{"--limit", "2", "--after", ids[1]}, ids[2:4]},
			{[]string{"--status", "pending"}, ids[3:4]},
			{[]string{"--status", "suspended"}, nil},
		} {
			if d := cmp.Diff(step.want, listed(step.args...)); d != "" {
				t.Errorf("%v: %s", step.args, d)
			}
		}
	})
}

func TestWrongWalletCommandsSayWhatIsWrong(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		run := newWallets(t, dsn)
		run("create", "Rahim", "--number", "01712345678")
		for _, c := range []struct {
			args   string
			status int
			want   string
		}{
			{"show nobody", exitUsage, "neither a wallet's id nor a mobile number"},
			{"show 01912345678", exitFailed, "there is no such wallet"},
			{"show 0195f7a0-0000-7000-8000-000000000000", exitFailed, "there is no such wallet"},
			{"create Karim --number 12", exitUsage, "no mobile number of BD"},
			{"create Karim --number +8801712345678", exitFailed, "another wallet has this number"},
			{"create Karim --zone Dhaka", exitFailed, "time zone"},
			{"create Karim --currencies TAKA", exitUsage, "ISO 4217"},
			{"create Karim --import --no-pin", exitUsage, "the one or the other"},
			{"create Karim --reference R", exitUsage, "--merchant"},
			{"create Karim --merchant 0195f7a0-0000-7000-8000-000000000000", exitFailed, "there is no such merchant"},
			{"top-up 01712345678 five --reference R", exitUsage, "as 500.00"},
			{"top-up 01712345678 0 --reference R", exitUsage, "more than nothing"},
			{"top-up 01712345678 -- -5", exitUsage, "--reference"},
			{"top-up 01712345678 5.001 --reference R", exitUsage, "as 500.00"},
			{"top-up 01712345678 5 --reference R --currency EUR", exitFailed, "no such currency"},
			{"rule everybody XXY send", exitUsage, "ISO 4217"},
			{"rule everybody BDT gift", exitUsage, "send"},
			{"rule everybody BDT send --min 10 --max 5", exitUsage, "least amount"},
			{"rule everybody BDT send --flat -1", exitUsage, ""},
			{"rule everybody BDT send --flat 1 --remove", exitUsage, "stands alone"},
			{"list --limit 0", exitUsage, "1 to 10000"},
		} {
			words := strings.Fields(c.args)
			code, _, errs := command(t, append([]string{"wallet", words[0], "--database", dsn}, words[1:]...)...)
			if code != c.status || errs == "" || !strings.Contains(errs, c.want) {
				t.Errorf("%s: %d %q", c.args, code, errs)
			}
		}
		t.Setenv("SARRAF_KEY", "")
		if code, _, errs := command(t, "wallet", "create", "Karim", "--database", dsn); code != exitFailed || !strings.Contains(errs, "SARRAF_KEY is not set") {
			t.Errorf("%d %s", code, errs)
		}
		if code, _, errs := command(t, "wallet", "show", "01712345678", "--database", dsn); code != 0 {
			t.Errorf("%d %s", code, errs)
		}
	})
}
