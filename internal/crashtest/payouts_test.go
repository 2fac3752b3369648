package crashtest

import "testing"

func TestPayoutsAreTold(t *testing.T) {
	const made = `{"success":true,"payout_id":"ATPAY17038392001234","amount":500,"status":"pending"}`
	const taken = `{"status":"error","message":"The transaction reference has already been taken."}`
	for _, c := range []struct {
		status        int
		body          string
		paid, settled bool
	}{
		{201, made, true, true},
		{422, taken, false, true},
		{200, made, false, false},
		{503, made, false, false},
		{422, `{"status":"error","message":"The amount and its fee must not be greater than the available balance."}`, false, false},
		{201, `{"success":true}`, false, false},
		{201, "not JSON", false, false},
	} {
		a := Answer{Status: c.status, Body: []byte(c.body)}
		if paidOut(a) != c.paid || settled(a) != c.settled {
			t.Errorf("%d %s: %v, %v", c.status, c.body, paidOut(a), settled(a))
		}
	}
	for number, want := range map[string]int64{"100": 10000, "100.5": 10050, "100.05": 10005, "0.01": 1} {
		if got := minor(fixed(number)); got != want {
			t.Errorf("%s is %d", number, got)
		}
	}
}
