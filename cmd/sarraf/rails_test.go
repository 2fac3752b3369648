package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sarraf/internal/storetest"
	"sarraf/rail/railtest"
	"sarraf/store"
)

const (
	railToken       = "a-token-of-the-tests"
	railSigning     = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	railAwayFromUs  = "https://rail.example.com/fastpay"
	railPasswordish = "hidden-password"
)

func TestRailsAreReadFromFlagsAndTheirSecretsFromTheEnvironment(t *testing.T) {
	t.Setenv("SARRAF_RAIL_FAST_PAY_TOKEN", railToken)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(railToken+"\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SARRAF_RAIL_SLOW_TOKEN_FILE", file)
	t.Setenv("SARRAF_RAIL_SLOW_SECRET", railSigning)
	f := railFlags{PayoutRails: []string{"fast-pay=" + railAwayFromUs, "slow=http://127.0.0.1:9000/", ""}, PayoutRailLimit: 3 * time.Second}
	list, err := f.adapters()
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	fast, slow := list[0], list[1]
	if fast.Name() != "fast-pay" || fast.Address() != railAwayFromUs || fast.Signed() || fast.Limit() != 3*time.Second {
		t.Errorf("fast: %s %s %v %v", fast.Name(), fast.Address(), fast.Signed(), fast.Limit())
	}
	if slow.Name() != "slow" || slow.Address() != "http://127.0.0.1:9000" || !slow.Signed() {
		t.Errorf("slow: %s %s %v", slow.Name(), slow.Address(), slow.Signed())
	}
}

func TestRailsThatCannotWorkAreRefusedAtTheStart(t *testing.T) {
	newSecrets(t)
	t.Setenv("SARRAF_RAIL_FASTPAY_TOKEN", railToken)
	t.Setenv("SARRAF_RAIL_SHORT_TOKEN", railPasswordish)
	for _, flags := range [][]string{
		{"--payout-rail", "fastpay"},
		{"--payout-rail", railAwayFromUs},
		{"--payout-rail", "FastPay=" + railAwayFromUs},
		{"--payout-rail", "sandbox=" + railAwayFromUs},
		{"--payout-rail", "billpay=" + railAwayFromUs},
		{"--payout-rail", "wallet=" + railAwayFromUs},
		{"--payout-rail", "manual=" + railAwayFromUs},
		{"--payout-rail", "fastpay=" + railAwayFromUs, "--payout-rail", "fastpay=" + railAwayFromUs},
		{"--payout-rail", "fastpay=http://rail.example.com"},
		{"--payout-rail", "fastpay=" + railAwayFromUs, "--payout-rail-limit", "1m"},
		{"--payout-rail", "tokenless=" + railAwayFromUs},
		{"--payout-rail", "short=" + railAwayFromUs},
	} {
		code, _, errs := command(t, append([]string{"serve", "--database", "sqlite:" + filepath.Join(t.TempDir(), "s.db")}, flags...)...)
		if code != exitUsage || !strings.Contains(errs, "--payout-rail") {
			t.Errorf("%v: status %d\n%s", flags, code, errs)
		}
		if strings.Contains(errs, railPasswordish) || strings.Contains(errs, railToken) {
			t.Errorf("%v: a secret is told: %s", flags, errs)
		}
	}
}

func TestDoctorAsksTheServicesBehindTheRails(t *testing.T) {
	newSecrets(t)
	dsn := storetest.URL(t, store.SQLite)
	mustRun(t, "migrate", "--database", dsn)
	s := httptest.NewServer(railtest.Service{Bank: railtest.NewBank("bank", time.Second), Token: railToken})
	defer s.Close()
	look := func(rails ...string) diagnosis {
		return doctor(t, soundMachine(), doctorCmd{databaseFlag: databaseFlag{dsn}, Only: []string{"rails"}, railFlags: railFlags{PayoutRails: rails}})
	}
	expect(t, look(), "payout rails", good)
	expect(t, look("fastpay=http://rail.example.com"), "payout rails", fail)
	t.Setenv("SARRAF_RAIL_FASTPAY_TOKEN", railToken)
	expect(t, look("fastpay="+s.URL), "payout rail", warn) // not signed
	t.Setenv("SARRAF_RAIL_FASTPAY_SECRET", railSigning)
	expect(t, look("fastpay="+s.URL), "payout rail", good)
	expect(t, look("fastpay="+s.URL+"/elsewhere"), "payout rail", fail)
	t.Setenv("SARRAF_RAIL_FASTPAY_TOKEN", "another-token-than-that")
	d := look("fastpay=" + s.URL)
	expect(t, d, "payout rail", fail)
	if c := d.the(t, "payout rail"); strings.Contains(c.Said+c.Mend, "another-token") {
		t.Errorf("a secret is told: %+v", c)
	}
	t.Setenv("SARRAF_RAIL_FASTPAY_TOKEN", "")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(railToken), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SARRAF_RAIL_FASTPAY_TOKEN_FILE", file)
	expect(t, look("fastpay="+s.URL), "secret file", fail)
}
