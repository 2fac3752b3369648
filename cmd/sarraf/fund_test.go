package main

import (
	"strings"
	"testing"

	"sarraf/internal/storetest"
	"sarraf/ledger"
	"sarraf/store"
)

func TestMoneyThatAMerchantSendsInIsBookedOnce(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			url := storetest.URL(t, engine)
			does := func(want int, says string, args ...string) string {
				t.Helper()
				code, out, errs := command(t, append(args, "--database", url)...)
				if code != want || !strings.Contains(out+errs, says) {
					t.Errorf("%v: status %d, out %q, err %q, want %d and %q", args, code, out, errs, want, says)
				}
				return strings.TrimSpace(out)
			}
			does(0, "", "migrate")
			t.Setenv("SARRAF_KEY", strings.Repeat("07", 32))
			shop := does(0, "", "merchant", "create", "Shop", "--mode", "live", "--currencies", "BDT")
			for range 2 {
				does(0, "50000.00 BDT", "merchant", "fund", shop, "50000.00", "bdt", "--reference", "TT-1")
			}
			does(exitFailed, "with another amount", "merchant", "fund", shop, "50000.01", "BDT", "--reference", "TT-1")
			does(exitFailed, "does not have PKR", "merchant", "fund", shop, "1.00", "PKR", "--reference", "TT-2")
			does(exitFailed, "no such merchant", "merchant", "fund", "01a20079-4244-7000-b3b4-8d4b670d8b8e", "1.00", "BDT", "--reference", "TT-2")
			for _, wrong := range [][2]string{{"0", "TT-3"}, {"-1", "TT-3"}, {"1.001", "TT-3"}, {"x", "TT-3"}, {"1", " "}, {"1", "a\nb"}, {"1", strings.Repeat("a", 101)}} {
				does(exitUsage, "", "merchant", "fund", shop, wrong[0], "BDT", "--reference", wrong[1])
			}
			does(0, "", "audit")
			db := storetest.Open(t, url, nil)
			f, err := ledger.Read(t.Context(), db, ledger.Account{Owner: shop, Currency: "BDT", Kind: ledger.Balance})
			if err != nil || f.Balance() != 50_000_00 || f.Entries != 1 {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
}
