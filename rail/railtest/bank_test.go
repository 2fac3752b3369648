package railtest

import (
	"errors"
	"testing"
	"time"

	"sarraf/rail"
)

func TestABankPassesTheSuite(t *testing.T) {
	Suite(t, func(*testing.T) Subject {
		b := NewBank("bank", time.Second)
		return Subject{Sender: b, Moved: b.Moved}
	})
}

func TestABankMovesMoneyEachTimeItIsTold(t *testing.T) {
	b, o := NewBank("bank", time.Second), NewOrder(rail.OrderPayout)
	for range 3 {
		if a, err := b.Send(t.Context(), o); err != nil || a.Outcome != rail.Accepted {
			t.Fatal(a, err)
		}
	}
	if b.Moved(o.ID) != 3 || b.Arrivals(o.ID) != 3 {
		t.Errorf("moved %d times, arrived %d times, want 3", b.Moved(o.ID), b.Arrivals(o.ID))
	}
}

func TestABankMisbehavesAsItsScriptSays(t *testing.T) {
	late := make(chan struct{})
	close(late)
	for name, c := range map[string]struct {
		act     Act
		moved   int
		outcome rail.Outcome // "" for an error
		then    rail.Outcome // when it is asked
	}{
		"silence before": {Act{Lost: true}, 0, "", rail.Absent},
		"silence after":  {Act{Silent: true}, 1, "", rail.Accepted},
		"late":           {Act{Hold: late}, 1, rail.Accepted, rail.Accepted},
		"declined":       {Act{Outcome: rail.Declined}, 0, rail.Declined, rail.Declined},
		"taken":          {Act{Outcome: rail.Taken}, 0, rail.Taken, rail.Taken},
		"not now":        {Act{Outcome: rail.Retryable}, 0, rail.Retryable, rail.Absent},
		"says otherwise": {Act{Say: &rail.Answer{Outcome: rail.Declined, Reason: "no"}}, 1, rail.Declined, rail.Accepted},
	} {
		t.Run(name, func(t *testing.T) {
			b, o := NewBank("bank", time.Second), NewOrder(rail.OrderPayout)
			b.OnSend = func(rail.Order, int) Act { return c.act }
			a, err := b.Send(t.Context(), o)
			if a.Outcome != c.outcome || errors.Is(err, ErrSilence) != (c.outcome == "") {
				t.Errorf("%v, %v", a, err)
			}
			if b.Moved(o.ID) != c.moved {
				t.Errorf("moved %d times, want %d", b.Moved(o.ID), c.moved)
			}
			if a, err := b.Inquire(t.Context(), o); err != nil || a.Outcome != c.then {
				t.Errorf("asked: %v, %v, want %s", a, err, c.then)
			}
		})
	}
}
