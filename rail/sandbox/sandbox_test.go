package sandbox

import (
	"context"
	"testing"

	"sarraf/rail"
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
