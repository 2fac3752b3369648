package merchant_test

import (
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
