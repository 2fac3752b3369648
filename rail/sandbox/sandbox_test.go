package sandbox

import (
	"context"
	"testing"

	"sarraf/rail"
	"sarraf/rail/railtest"
)

func TestEachMethodHasItsEnd(t *testing.T) {
	want := map[string]rail.Outcome{Approve: rail.Accepted, Decline: rail.Declined, Fail: rail.Over, "made up": rail.Declined}
	for _, m := range (Rail{}).Methods("BDT") {
		if _, ok := want[m.Key]; !ok || !m.Test {
			t.Errorf("method %q has no known end or is not marked as a test", m.Key)
		}
	}
	for key, outcome := range want {
		a, err := Rail{}.Charge(context.Background(), rail.Charge{ID: "attempt", MethodKey: key})
		if err != nil || a.Outcome != outcome {
			t.Errorf("%s: %v, %v, want %s", key, a.Outcome, err, outcome)
		}
		if accepted := outcome == rail.Accepted; accepted != (a.Reference == "attempt") || accepted != (a.Reason == "") {
			t.Errorf("%s: reference %q, reason %q", key, a.Reference, a.Reason)
		}
	}
}

func TestRefundsOfTheSandboxPassTheSuite(t *testing.T) {
	railtest.Suite(t, func(*testing.T) railtest.Subject { return railtest.Subject{Sender: Rail{}} })
	a, err := Rail{}.Send(t.Context(), rail.Order{ID: "refund", Kind: rail.OrderRefund})
	if err != nil || a != (rail.Answer{Outcome: rail.Accepted, Reference: "refund"}) {
		t.Errorf("%v, %v", a, err)
	}
	for _, k := range []rail.OrderKind{rail.OrderPayout, rail.OrderWithdrawal} {
		if a, err := (Rail{}).Send(t.Context(), rail.Order{ID: "one", Kind: k}); err != nil || a.Outcome != rail.Declined {
			t.Errorf("%s: %v, %v: it moves only when it is told", k, a, err)
		}
	}
}
