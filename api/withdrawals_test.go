package api

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/store"
)

// withdrawn is the body of a withdrawal.
func withdrawn(wid, amount, pin string, more ...any) string {
	return body(append([]any{
		"payout_method", 1, "amount", amount, "currency", "BDT", "recipient_name", "Karim", "recipient_account", "01812345678", "wallet", wid, "pin", pin,
	}, more...)...)
}

func TestMoneyIsWithdrawnFromAWallet(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.payer(merchant.Sandbox, 10), h.payer(merchant.Sandbox, 10)
		a, till := h.person(m, "+8801712345678", "1000"), h.till(m, "1000")
		for name, c := range map[string]struct {
			key, text   string
			status      int
			code, field string
		}{
			"without a PIN":      {m.key, withdrawn(a, "100", ""), 422, "field_required", "pin"},
			"with a wrong PIN":   {m.key, withdrawn(a, "100", "0000"), 422, "pin_wrong", "pin"},
			"with half a PIN":    {m.key, withdrawn(a, "100", "00"), 422, "pin_malformed", "pin"},
			"a PIN and no purse": {m.key, withdrawn("", "100", pin), 422, "field_malformed", "pin"},
			"another's wallet":   {other.key, withdrawn(a, "100", pin), 404, "wallet_missing", "wallet"},
			"no wallet":          {m.key, withdrawn(id.New(h.clock), "100", pin), 404, "wallet_missing", "wallet"},
			"a wallet's number":  {m.key, withdrawn("+8801712345678", "100", pin), 404, "wallet_missing", "wallet"},
			"too much":           {m.key, withdrawn(a, "5000", pin), 422, "balance_insufficient", "amount"},
			"too little":         {m.key, withdrawn(a, "10", pin), 422, "amount_below_limit", "amount"},
		} {
			got := h.call("POST", "/v1/payouts", c.key, c.text)
			if got.status != c.status || got.at(t, "code") != c.code || c.code != "pin_wrong" && got.at(t, "field") != c.field {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		}
		h.has(m, a, "1000.00")
		made := h.must("POST", "/v1/payouts", m.key, withdrawn(a, "100", pin, "reference", "W-1"))
		pid := made.at(t, "id")
		if made.at(t, "kind") != "withdrawal" || made.at(t, "wallet") != a || made.at(t, "status") != "pending" || made.at(t, "merchant") != m.Owner ||
			made.at(t, "transfer") == "" || strings.Contains(made.body, pin+`"`) {
			t.Errorf("%s", made.body)
		}
		h.has(m, a, "900.00")
		h.stands(m, "10.00", "0.00") // the merchant's own money is not touched
		if got := h.must("GET", "/v1/payouts/W-1", m.key, ""); got.body != made.body {
			t.Errorf("GET: %s", cmp.Diff(made.body, got.body))
		}
		if got := h.must("GET", "/v1/transfers/"+made.at(t, "transfer")+"?wallet="+a, m.key, ""); got.at(t, "kind") != "withdrawal" {
			t.Errorf("its transfer: %s", got.body)
		}
		h.must("POST", "/v1/payouts/"+pid+"/cancel", m.key, "")
		h.has(m, a, "1000.00")
		h.play(m, h.must("POST", "/v1/payouts", m.key, withdrawn(till, "200", "")).at(t, "id"), "completed")
		h.has(m, till, "800.00")
		h.approvals(m, 100)
		wants := h.must("POST", "/v1/payouts", m.key, withdrawn(a, "150", pin)).at(t, "id")
		if got := h.playAs(m, wants, "completed"); got.at(t, "code") != "approval_wanted" {
			t.Errorf("unapproved: %s", got.body)
		}
		h.must("POST", "/v1/payouts/"+wants+"/reject", h.key(m.Merchant, merchant.Approver), `{"reason":"whose is that?"}`)
		h.has(m, a, "1000.00")
		if got := h.must("GET", "/v1/payouts?kind=withdrawal", m.key, ""); len(got.json(t)["data"].([]any)) != 3 {
			t.Errorf("%s", got.body)
		}
	})
}

func TestARepeatedWithdrawalIsOneAndNothingKeptTellsItsPIN(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.payer(merchant.Sandbox, 10)
		a := h.person(m, "+8801712345678", "1000")
		ask := func(pin, key string) answer {
			return h.call("POST", "/v1/payouts", m.key, withdrawn(a, "100", pin), "Idempotency-Key", key, "Request-Id", "same")
		}
		first, wrong := ask(pin, "one"), ask("0000", "two")
		h.must("POST", "/v1/payouts/"+first.at(t, "id")+"/cancel", m.key, "")
		for _, c := range []struct {
			first, again answer
			status       int
		}{{first, ask(pin, "one"), 200}, {wrong, ask("0000", "two"), 422}} {
			if c.first.status != c.status || c.again.status != c.status || c.again.body != c.first.body {
				t.Errorf("%d, then %d (-first +again):\n%s", c.first.status, c.again.status, cmp.Diff(c.first.body, c.again.body))
			}
		}
		if got := ask(pin, "two"); got.status != 422 || got.at(t, "code") != "idempotency_reused" {
			t.Errorf("another PIN with the same key: %d %s", got.status, got.body)
		}
		h.has(m, a, "1000.00")
		plain := merchant.IdempotencyKey(Name, "one", "POST", "/v1/payouts", withdrawn(a, "100", pin)).Hash
		n := 0
		err := h.db.Query(context.Background(), `SELECT count(*) FROM idempotency WHERE body_hash = $1`, []any{plain}, func(r store.Row) error { return r.Scan(&n) })
		if err != nil || n != 0 {
			t.Errorf("a plain fingerprint is kept, of which the PIN is guessed in 10,000 tries: %d, %v", n, err)
		}
		if strings.Contains(h.log.String(), fmt.Sprintf("%q", pin)) {
			t.Error("the PIN is in the log")
		}
	})
}
