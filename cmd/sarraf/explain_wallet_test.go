package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/wallet"
)

func TestWhatIsDoneToAWalletIsInTheAuditLogWithWhoDidIt(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		run := newWallets(t, dsn)
		owner := strings.Fields(run("create", "Rahim", "--number", "01712345678"))[0]
		run("suspend", owner)
		run("approve", owner)
		run("pin", owner)
		run("sign-out", owner)
		run("qr-revoke", owner)
		run("rule", owner, "BDT", "send", "--flat", "1")
		_, e := explained(t, dsn, owner)
		var got []string
		for _, a := range e.Found[0].Audit {
			if !strings.HasPrefix(a.Source, "command line on ") || a.Actor == "" {
				t.Errorf("%+v", a)
			}
			got = append(got, a.Action)
		}
		want := []string{"wallet.create", "wallet.suspended", "wallet.approved", "wallet.pin", "wallet.sign_out", "wallet.qr_revoke", "wallet.rule"}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

// paid makes two wallets of which the first pays the second, which is a merchant's, and answers the transfer.
func (d *demo) paid(t *testing.T, owner string) (from, to wallet.Wallet, sent wallet.Transfer) {
	t.Helper()
	by := merchant.Actor{Name: "test", Source: "test"}
	list := make([]wallet.Wallet, 2)
	for i, kind := range []wallet.Kind{wallet.Consumer, wallet.Merchant} {
		n := wallet.New{PIN: "1234", Wallet: wallet.Wallet{
			Kind: kind, Name: fmt.Sprint("Holder ", i), Number: fmt.Sprint("+880191234567", i), Status: wallet.Approved, Sandbox: true,
			Currencies: []money.Currency{"BDT"}, Zone: "Asia/Dhaka",
		}}
		if kind == wallet.Merchant {
			n.Merchant = owner
		}
		var err error
		if list[i], err = d.app.wallets.Create(t.Context(), by, n, nil); err != nil {
			t.Fatal(err)
		}
	}
	rule := wallet.Rule{Fee: money.Schedule{Flat: 150}}
	if err := d.app.wallets.SetRule(t.Context(), by, list[0].Owner, "BDT", wallet.Payment, &rule); err != nil {
		t.Fatal(err)
	}
	_, err := d.app.wallets.TopUp(t.Context(), wallet.TopUpNew{
		ID: id.New(d.app.db.Clock()), Door: "command", Wallet: list[0].Owner, Amount: money.Of(100_000, "BDT"), Rail: wallet.OperatorRail,
		Reference: "CASH", By: wallet.Operator, Actor: "test",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	number, err := d.app.wallets.NextNumber(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pin := "1234"
	out, err := d.app.wallets.Spend(t.Context(), wallet.Spend{
		ID: id.New(d.app.db.Clock()), Number: number, Door: "deshipay", Sender: list[0].Owner, Receiver: list[1].Owner, Amount: money.Of(2500, "BDT"),
		Note: "tea", PIN: &pin,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return list[0], list[1], out.Transfer
}

func TestAWalletsPaymentIsExplainedByAnyOfItsIDs(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		t.Setenv("SARRAF_KEY", "")
		d := startDemo(t, dsn)
		shop, _ := d.newMerchant("Tea Stall")
		from, to, sent := d.paid(t, shop)
		_, e := explained(t, dsn, sent.Number)
		s := e.Found[0]
		texts := []string{sent.Number, strings.ToLower(sent.Number), sent.ID, strings.ToUpper(sent.ID), d.line.URL + "/receipt/" + sent.Number}
		for _, tr := range s.Transfers {
			texts = append(texts, tr.ID)
		}
		for _, ev := range s.Events {
			if ev.Type == "wallet.received" {
				texts = append(texts, fmt.Sprintf("%s/%d", shop, ev.Number))
			}
		}
		if len(texts) != 8 {
			t.Errorf("%d ids: %+v", len(texts), s)
		}
		for _, text := range texts {
			code, e := explained(t, dsn, text)
			if code != 0 || len(e.Found) != 1 {
				t.Errorf("%q: %d %+v", text, code, e)
				continue
			}
			got := e.Found[0]
			want := &spendingFacts{
				ID: sent.ID, Receipt: sent.Number, Kind: "payment", Door: "deshipay", From: partyFact{from.Owner, "Holder 0", "+8801912345670"},
				To: partyFact{to.Owner, "Holder 1", "+8801912345671"}, Amount: "25.00", Fee: "1.50", Currency: "BDT", BalanceAfter: "973.50", Note: "tea",
				By: "holder", At: sent.At,
			}
			if d := cmp.Diff(want, got.Spending); d != "" {
				t.Errorf("%q: %s", text, d)
			}
			if len(got.Transfers) != 2 || got.Transfers[0].From.Entry != 2 || got.Transfers[0].To.Entry != 1 || got.Transfers[1].To.Account != "BDT/fees" {
				t.Errorf("%q: %+v", text, got.Transfers)
			}
			if len(got.Events) != 2 || got.Events[0].Type != "wallet.paid" || got.Events[1].Type != "wallet.received" || len(got.Missing) != 0 {
				t.Errorf("%q: %+v %v", text, got.Events, got.Missing)
			}
		}

		for _, text := range []string{from.Owner, from.Number, "01912345670", "০১৯১২-৩৪৫৬৭০"} {
			_, e := explained(t, dsn, text)
			if len(e.Found) != 1 || e.Found[0].Kind != "wallet" || e.Found[0].Wallet.ID != from.Owner || len(e.Found[0].Transfers) != 3 ||
				len(e.Found[0].Events) != 3 || len(e.Found[0].Missing) != 0 || e.Found[0].Wallet.Balances[0].Available != "973.50" {
				t.Errorf("%q: %+v", text, e.Found)
			}
		}
		if _, e := explained(t, dsn, "--merchant", shop, to.Number); len(e.Found) != 1 || e.Found[0].Merchant.ID != shop {
			t.Errorf("%+v", e.Found)
		}
		if code, e := explained(t, dsn, "--merchant", shop, from.Number); code != exitFailed || len(e.Found) != 0 {
			t.Errorf("another's wallet: %+v", e.Found)
		}
		story := mustRun(t, "explain", sent.Number, "--zone", "Asia/Dhaka", "--database", dsn)
		for _, part := range []string{
			sent.Number + " is the number of the receipt", "kind       payment through deshipay, by right of the holder", `"Holder 0", +8801912345670`,
			"amount     25.00 BDT, and a fee of 1.50", "left       973.50 BDT", "note       tea", "wallet.payment, 25.00 BDT", "wallet.fee, 1.50 BDT",
			"event 1, wallet.received",
		} {
			if !strings.Contains(story, part) {
				t.Errorf("no %q in\n%s", part, story)
			}
		}
		told := mustRun(t, "explain", from.Number, "--database", dsn)
		for _, part := range []string{"status     approved", "PIN        set", "balance    973.50 BDT", "from BDT/wallet, entry 2"} {
			if !strings.Contains(told, part) {
				t.Errorf("no %q in\n%s", part, told)
			}
		}

		token, _, err := d.app.access.SignIn(t.Context(), from.Number, "1234", "test", "")
		if err != nil {
			t.Fatal(err)
		}
		if out := mustRun(t, "explain", "--database", dsn, "--", token); !strings.Contains(out, "What was given is a token that names the wallet") || strings.Contains(out, token) {
			t.Error(out)
		}
	})
}
