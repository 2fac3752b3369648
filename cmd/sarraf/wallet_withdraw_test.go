package main

import (
	"regexp"
	"strings"
	"testing"

	"sarraf/merchant"
	"sarraf/payout"
	"sarraf/wallet"
)

// withdrawn runs `sarraf wallet withdraw` and answers the payout's id.
func withdrawn(t *testing.T, dsn string, args ...string) string {
	t.Helper()
	out := mustRun(t, append(append([]string{"wallet", "withdraw"}, args...), "--database", dsn)...)
	found := regexp.MustCompile(`^payout: (\S+)\nstatus: pending`).FindStringSubmatch(out)
	if found == nil {
		t.Fatal(out)
	}
	return found[1]
}

func TestMoneyIsWithdrawnByCommandAndExplained(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		newSecrets(t)
		by := merchant.Actor{Name: "test", Source: "test"}
		shop, _ := d.newMerchant("Tea Stall")
		_, err := d.app.payouts.SetMethod(t.Context(), by, payout.Method{Owner: shop, Kind: "bkash", Min: 100_00, Rail: payout.Sandbox})
		if err != nil {
			t.Fatal(err)
		}
		run := func(args ...string) string {
			t.Helper()
			return mustRun(t, append(append([]string{"wallet"}, args...), "--database", dsn)...)
		}
		number, free := "01755000111", "01755000222"
		run("create", "Rahim Uddin", "--number", number, "--merchant", shop)
		run("create", "Karim", "--number", free)
		for _, n := range []string{number, free} {
			run("top-up", n, "1000.00", "--reference", "CASH")
		}
		run("rule", "everybody", "BDT", "withdrawal", "--flat", "7.50")
		to := []string{"--account", "01812-345678", "--method", "1"}

		out := run(append([]string{"withdraw", number, "--amount", "200", "--reference", "W1", "--note", "rent"}, to...)...)
		if !strings.Contains(out, "status: pending\nfee: 7.50 BDT\nbalance: 792.50 BDT") {
			t.Error(out)
		}
		rejected := withdrawn(t, dsn, append([]string{number, "--amount", "300", "--name", "Salma"}, to...)...)
		through := withdrawn(t, dsn, append([]string{free, "--amount", "100", "--merchant", shop}, to...)...)

		for _, c := range []struct {
			args []string
			want string
		}{
			{append([]string{number, "--amount", "200", "--reference", "W1"}, to...), "a payout with this reference"},
			{append([]string{number, "--amount", "0"}, to...), "want more than nothing"},
			{append([]string{number, "--amount", "1"}, to...), "the least is 100.00 BDT"},
			{append([]string{number, "--amount", "50000.01"}, to...), "the most at once is 50000.00 BDT"},
			{append([]string{number, "--amount", "480"}, to...), "the wallet has 485.00 BDT"},
			{append([]string{number, "--amount", "100", "--merchant", "other"}, to...), "goes by that one's methods"},
			{[]string{number, "--amount", "100", "--account", "017", "--method", "1"}, "is none of the method's (phone_bd)"},
			{[]string{number, "--amount", "100", "--account", "01812345678", "--method", "9"}, "no method 9"},
			{append([]string{free, "--amount", "100"}, to...), "say with --merchant"},
			{append([]string{free, "--amount", "100", "--merchant", "nobody"}, to...), "there is no such merchant"},
		} {
			code, _, errs := command(t, append(append([]string{"wallet", "withdraw"}, c.args...), "--database", dsn)...)
			if code == 0 || !strings.Contains(errs, c.want) {
				t.Errorf("%v: %d %s, want %q", c.args, code, errs, c.want)
			}
		}
		run("suspend", free)
		code, _, errs := command(t, append([]string{"wallet", "withdraw", free, "--amount", "100", "--merchant", shop, "--database", dsn}, to...)...)
		if code == 0 || !strings.Contains(errs, "the wallet is suspended") {
			t.Errorf("%d %s", code, errs)
		}

		for id, action := range map[string]payout.Action{rejected: payout.Reject, through: payout.Complete} {
			m := payout.Move{Merchant: shop, Payout: id, Action: action, Right: payout.OfRail, Reason: "closed", By: by}
			if _, err := d.app.payouts.Move(t.Context(), m, nil); err != nil {
				t.Fatal(err)
			}
		}
		a := walletShown(t, run, number)
		if a.Balances[0].Available != "792.50" {
			t.Errorf("%+v", a.Balances)
		}
		for _, m := range a.Movements {
			if m.Movement == string(wallet.Withdrawal) && m.Today != "200.00" {
				t.Errorf("%+v", m)
			}
		}

		w, err := d.app.wallets.ByNumber(t.Context(), "+8801755000111")
		if err != nil {
			t.Fatal(err)
		}
		lines, err := d.app.wallets.Statement(t.Context(), w.Owner, "BDT", wallet.Page{Limit: 10})
		if err != nil || len(lines) != 4 {
			t.Fatalf("%+v, %v", lines, err)
		}
		back, out2 := lines[0].Transfer, lines[1].Transfer
		for _, c := range []struct {
			transfer wallet.Transfer
			parts    []string
		}{
			{out2, []string{"kind withdrawal through command, by right of the operator", "payout " + rejected + ", rejected", `to "Salma", +8801812345678`, "wallet.withdrawal, 307.50 BDT", "wallet.withdrawn"}},
			{back, []string{"kind return through command, by right of the house", "payout " + rejected + ", rejected", "wallet.return, 307.50 BDT", "wallet.returned"}},
		} {
			story := strings.Join(strings.Fields(mustRun(t, "explain", c.transfer.ID, "--database", dsn)), " ") // in one line
			for _, part := range c.parts {
				if !strings.Contains(story, part) {
					t.Errorf("no %q in\n%s", part, story)
				}
			}
			_, e := explained(t, dsn, c.transfer.ID)
			if len(e.Found) != 1 || len(e.Found[0].Missing) != 0 || e.Found[0].Spending.Payout != rejected || e.Found[0].Spending.PayoutStatus != "rejected" {
				t.Errorf("%+v", e.Found)
			}
		}
		if _, e := explained(t, dsn, number); len(e.Found) != 1 || len(e.Found[0].Missing) != 0 || len(e.Found[0].Transfers) != 4 {
			t.Errorf("%+v", e.Found)
		}
		proveClean(t, dsn)
	})
}
