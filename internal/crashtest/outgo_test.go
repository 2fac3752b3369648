package crashtest

import (
	"slices"
	"testing"
)

func TestPayoutsThatWereAskedForAreTold(t *testing.T) {
	for body, want := range map[string]bool{
		`{"id":"i","status":"pending","total":"105.00"}`:   true,
		`{"id":"i","status":"completed","total":"105.00"}`: false,
		`{"status":"pending"}`:                             false,
		`not JSON`:                                         false,
	} {
		if outgoAsked(Answer{Status: 200, Body: []byte(body)}) != want {
			t.Errorf("%s", body)
		}
	}
	if outgoAsked(Answer{Status: 503, Body: []byte(`{"id":"i","status":"pending"}`)}) {
		t.Error("a refusal is taken for a payout")
	}
	x := &Outgo{To: "rejected"}
	if !x.ended(Answer{Status: 200, Body: []byte(`{"status":"rejected"}`)}) || x.ended(Answer{Status: 200, Body: []byte(`{"status":"completed"}`)}) {
		t.Error("the end of a payout is not told")
	}
}

func TestPayoutsThatAreCompletedWereOnTheirWay(t *testing.T) {
	for status, want := range map[string][]string{
		"pending": {"payout.requested"}, "processing": {"payout.requested", "payout.processing"},
		"completed": {"payout.requested", "payout.processing", "payout.completed"}, "cancelled": {"payout.requested", "payout.cancelled"},
	} {
		if got := outgoEvents(status); !slices.Equal(got, want) {
			t.Errorf("%s: %v", status, got)
		}
	}
}
