package api

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/payout"
)

// playAs tells what becomes of a payout.
func (h *house) playAs(m tenant, target, outcome string, header ...string) answer {
	h.t.Helper()
	return h.call("POST", "/v1/sandbox/payout", m.key, body("target", target, "outcome", outcome), header...)
}

// play is playAs that has to be answered with 200.
func (h *house) play(m tenant, target, outcome string) answer {
	h.t.Helper()
	a := h.playAs(m, target, outcome)
	if a.status != 200 {
		h.t.Fatalf("%s of %s: %d %s", outcome, target, a.status, a.body)
	}
	return a
}

func TestSandboxPayoutMovesAPayout(t *testing.T) {
	const requested, processing, completed, rejected, cancelled = "payout.requested", "payout.processing", "payout.completed", "payout.rejected", "payout.cancelled"
	each(t, func(t *testing.T, h *house) {
		m := h.payer(merchant.Sandbox, 1000)
		for _, c := range []struct {
			before  []string
			outcome string
			status  int
			after   string
			events  []string
		}{
			{nil, "processing", 200, "processing", []string{processing}},
			{nil, "completed", 200, "completed", []string{processing, completed}},
			{nil, "", 200, "completed", []string{processing, completed}},
			{nil, "rejected", 200, "rejected", []string{rejected}},
			{nil, "cancelled", 200, "cancelled", []string{cancelled}},
			{[]string{"processing"}, "completed", 200, "completed", []string{completed}},
			{[]string{"processing"}, "rejected", 200, "rejected", []string{rejected}},
			{[]string{"processing"}, "cancelled", 409, "processing", nil},
			{[]string{"processing"}, "processing", 409, "processing", nil},
			{[]string{"completed"}, "processing", 409, "completed", nil},
			{[]string{"completed"}, "rejected", 409, "completed", nil},
			{[]string{"completed"}, "cancelled", 409, "completed", nil},
			{[]string{"rejected"}, "processing", 409, "rejected", nil},
			{[]string{"rejected"}, "completed", 409, "rejected", nil},
			{[]string{"cancelled"}, "completed", 409, "cancelled", nil},
			{[]string{"cancelled"}, "rejected", 409, "cancelled", nil},
		} {
			t.Run(fmt.Sprint(c.before, c.outcome), func(t *testing.T) {
				pid := h.payout(m, "50", "").at(t, "id")
				for _, o := range c.before {
					h.play(m, pid, o)
				}
				last := h.lastEvent(m)
				a := h.playAs(m, pid, c.outcome)
				if a.status != c.status || c.status == 409 && (a.at(t, "code") != "payout_closed" || a.at(t, "params.status") != c.after) {
					t.Errorf("%d %s", a.status, a.body)
				}
				now := h.must("GET", "/v1/payouts/"+pid, m.key, "")
				if now.at(t, "status") != c.after || a.status == 200 && now.body != a.body {
					t.Errorf("it is %s\n%s", now.at(t, "status"), cmp.Diff(now.body, a.body))
				}
				if final := c.after != "processing"; (now.at(t, "processed_at") != "") != final {
					t.Errorf("processed at %q", now.at(t, "processed_at"))
				}
				if diff := cmp.Diff(append([]string{}, c.events...), h.eventTypes(m, last)); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
				if c.after == "processing" {
					h.play(m, pid, "rejected")
				}
			})
		}
		h.stands(m, "670.00", "0.00") // six have gone, of 50.00 and 5.00 each
	})
}

func TestSandboxPayoutTakesAnyNameOfAPayout(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.payer(merchant.Sandbox, 1000), h.payer(merchant.Sandbox, 1000)
		pid := h.payout(m, "50", "SALARY-1").at(t, "id")
		foreign := h.payout(other, "50", "THEIRS").at(t, "id")
		inv := h.demand(m, nil)
		h.play(m, "SALARY-1", "processing")
		h.play(m, pid, "completed")
		for name, target := range map[string]string{
			"nothing": "nothing", "another's id": foreign, "another's reference": "THEIRS", "an invoice": inv.ID, "an invoice's reference": inv.Reference,
		} {
			if a := h.playAs(m, target, "completed"); a.status != 404 || a.at(t, "code") != "target_missing" || a.at(t, "field") != "target" {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		h.twin(m, "SALARY-2")
		a := h.playAs(m, "SALARY-2", "completed", "Idempotency-Key", "k", "Request-Id", "same")
		if a.status != 409 || a.at(t, "code") != "target_ambiguous" || a.at(t, "candidates.0.id") == "" || a.at(t, "candidates.1.id") == "" ||
			a.at(t, "candidates.0.door")+a.at(t, "candidates.1.door") == "nativenative" || a.at(t, "candidates.0.reference") != "SALARY-2" {
			t.Errorf("two of that name: %d %s", a.status, a.body)
		}
		if again := h.playAs(m, "SALARY-2", "completed", "Idempotency-Key", "k", "Request-Id", "same"); again.body != a.body {
			t.Errorf("again: %s", cmp.Diff(a.body, again.body))
		}
		if a := h.call("GET", "/v1/payouts/SALARY-2", m.key, ""); a.status != 409 || a.at(t, "code") != "target_ambiguous" {
			t.Errorf("two of that name are asked for: %d %s", a.status, a.body)
		}
		h.play(m, a.at(t, "candidates.0.id"), "completed")
	})
}

// twin makes a payout at the native door and one at another, of the same reference.
func (h *house) twin(m tenant, reference string) {
	h.t.Helper()
	pid := h.payout(m, "50", reference).at(h.t, "id")
	p, err := h.payouts.Get(h.t.Context(), m.Owner, pid)
	if err == nil {
		_, err = h.payouts.Request(h.t.Context(), payout.New{
			Owner: m.Owner, ID: id.New(h.clock), Door: shop.name, Reference: reference, Method: p.Method, Amount: p.Money(), RecipientName: p.RecipientName,
			Account: p.Account, AskedBy: tester, At: p.CreatedAt,
		}, nil)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestSandboxPayoutIsForSandboxMerchants(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.payer(merchant.Live, 1000)
		pid := h.payout(m, "50", "").at(t, "id")
		if a := h.playAs(m, pid, "completed"); a.status != 403 || a.at(t, "code") != "sandbox_only" {
			t.Errorf("%d %s", a.status, a.body)
		}
		s := h.payer(merchant.Sandbox, 1000)
		for name, c := range map[string]struct{ text, code, field string }{
			"no target":         {`{"outcome":"completed"}`, "field_required", "target"},
			"an empty target":   {`{"target":""}`, "field_required", "target"},
			"another outcome":   {`{"target":"x","outcome":"paid"}`, "field_not_one_of", "outcome"},
			"no outcome's type": {`{"target":"x","outcome":1}`, "field_not_string", "outcome"},
		} {
			if a := h.call("POST", "/v1/sandbox/payout", s.key, c.text); a.status != 422 || a.at(t, "code") != c.code || a.at(t, "field") != c.field {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
	})
}

func TestARepeatedSandboxPayoutGetsTheSameBytes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.payer(merchant.Sandbox, 1000)
		pid := h.payout(m, "50", "A").at(t, "id")
		play := func(target, outcome, key string) answer {
			return h.playAs(m, target, outcome, "Idempotency-Key", key, "Request-Id", "same")
		}
		processing := play("A", "processing", "one")
		completed := play("A", "completed", "two")
		missing := play("B", "completed", "three")
		illegal := play("A", "cancelled", "four")
		h.twin(m, "B")
		last := h.lastEvent(m)
		for _, c := range []struct {
			first, again answer
			status       int
		}{
			{processing, play("A", "processing", "one"), 200},
			{completed, play("A", "completed", "two"), 200},
			{missing, play("B", "completed", "three"), 404},
			{illegal, play("A", "cancelled", "four"), 409},
		} {
			if c.first.status != c.status || c.again.status != c.status || c.again.body != c.first.body {
				t.Errorf("%d, then %d (-first +again):\n%s", c.first.status, c.again.status, cmp.Diff(c.first.body, c.again.body))
			}
		}
		// A key that is used already moves nothing else.
		for _, outcome := range []string{"processing", "completed", "rejected", "cancelled"} {
			if a := play(h.payout(m, "50", "").at(t, "id"), outcome, "one"); a.status != 422 || a.at(t, "code") != "idempotency_reused" {
				t.Errorf("%s: %d %s", outcome, a.status, a.body)
			}
		}
		if diff := cmp.Diff([]string{"payout.requested", "payout.requested", "payout.requested", "payout.requested"}, h.eventTypes(m, last)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if now := h.must("GET", "/v1/payouts/"+pid, m.key, ""); now.at(t, "status") != "completed" {
			t.Errorf("it is %s", now.body)
		}
	})
}
