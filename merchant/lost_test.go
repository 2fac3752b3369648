package merchant_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

func TestChangeWhoseCommitWasNotAnsweredIsMadeAndLoggedOnce(t *testing.T) {
	url, lose := pgtest.Lossy(t, storetest.URL(t, store.Postgres))
	fake := clock.NewFake(start)
	h := open(t, storetest.Open(t, url, fake), fake)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	lose()
	m := h.shop(t)
	lose()
	m.Name = "Other"
	must(h.Change(ctx, by, m))
	lose()
	c, secret := h.issue(t, m.Owner, merchant.Admin)
	if _, _, err := h.Authenticate(ctx, "aspay", c.Handle, secret); err != nil {
		t.Fatal(err)
	}
	lose()
	imported, err := h.Import(ctx, by, merchant.Credential{Owner: m.Owner, Door: "aspay", Handle: "theirs", Role: merchant.Viewer}, "a secret of theirs")
	must(err)
	lose()
	must(h.SetFee(ctx, by, merchant.FeeKey{Owner: m.Owner, Rail: "bank", Currency: money.BDT}, money.Schedule{Flat: 1}))
	lose()
	must(h.Fund(ctx, by, m.Owner, "F-1", money.Of(500, money.BDT)))
	lose()
	must(h.Revoke(ctx, by, m.Owner, c.ID))
	want := []string{
		"merchant.create|" + m.Owner, "merchant.change|" + m.Owner, "credential.issue|" + c.ID, "credential.issue|" + imported.ID,
		"fee.set|bank/BDT", "balance.fund|F-1", "credential.revoke|" + c.ID,
	}
	if d := cmp.Diff(want, text(t, h.db, 1, `SELECT action || '|' || subject FROM audit_log WHERE owner = $1 ORDER BY id`, m.Owner)); d != "" {
		t.Fatal(d)
	}
	h.clean(t)
}

func TestLoginWhoseCommitWasNotAnsweredIsMadeCountedAndLoggedOnce(t *testing.T) {
	url, lose := pgtest.Lossy(t, storetest.URL(t, store.Postgres))
	fake := clock.NewFake(start)
	h := open(t, storetest.Open(t, url, fake), fake)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	m := h.shop(t)
	lose()
	l := h.user(t, m.Owner, "sana")
	for n := range 10 {
		lose()
		same(t, "wrong", h.guess("sana"))
		tries := text(t, h.db, 1, `SELECT tries FROM sign_in_failure`)
		if len(tries) != 1 || strings.Count(tries[0], `"id"`) != n+1 {
			t.Fatalf("after %d: %v", n+1, tries)
		}
	}
	lose()
	must(h.SetPassword(ctx, by, m.Owner, l.ID, right+"2"))
	lose()
	must(h.RevokeToken(ctx, by, m.Owner, l.ID))
	s, err := h.SignIn(ctx, "asaanbill", "sana", right+"2", "")
	must(err)
	if _, _, err := h.AuthenticateToken(ctx, "asaanbill", s.Token); err != nil {
		t.Fatal(err)
	}
	lose()
	must(h.RevokeLogin(ctx, by, m.Owner, l.ID))
	lose()
	must(h.SetCallback(ctx, by, m.Owner, "asaanbill", "https://shop.example"))
	lose()
	_, err = h.AddChannel(ctx, by, bank(), "")
	must(err)
	lose()
	changed := bank()
	changed.Name = "Another Bank"
	must(h.SetChannel(ctx, by, changed))
	lose()
	secret, err := h.SetChannelPassword(ctx, by, "bank-1", "")
	must(err)
	if _, err := h.AuthenticateChannel(ctx, "bank-1", "them", secret); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"merchant.create|" + m.Owner, "login.add|" + l.ID, "login.locked|" + l.ID, "login.password|" + l.ID, "login.token|" + l.ID,
		"login.revoke|" + l.ID, "merchant.callback|" + m.Owner, "channel.add|bank-1", "channel.change|bank-1", "channel.password|bank-1",
	}
	if d := cmp.Diff(want, text(t, h.db, 1, `SELECT action || '|' || subject FROM audit_log ORDER BY id`)); d != "" {
		t.Fatal(d)
	}
}
