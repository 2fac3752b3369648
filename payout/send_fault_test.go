package payout_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sarraf/internal/audit"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/rail/railtest"
	"sarraf/store"
)

// errBroken is what a node's transactions end with.
var errBroken = errors.New("broken on purpose")

// breaking goes along with payouts, and fails as it is told.
type breaking struct {
	mu    sync.Mutex
	calls int
	fail  func(call int, list []payout.Payout) error
}

// Follow is for payout.Follower.
func (b *breaking) Follow(_ context.Context, _ *store.Tx, list []payout.Payout) ([]payout.Consequence, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	return make([]payout.Consequence, len(list)), b.fail(b.calls, list)
}

// Each transaction between the hold and the posting is broken off once, by an error and by a panic, while a bank answers in every way: the money
// moves once or not at all, the order is handed over once, and the books say what the bank says.
func TestAFaultAtAnyStepMovesNoMoneyTwice(t *testing.T) {
	acts := map[string]railtest.Act{
		"answered": {}, "silent": {Silent: true}, "lost": {Lost: true}, "declined": {Outcome: rail.Declined}, "taken": {Outcome: rail.Taken},
	}
	for name, act := range acts {
		t.Run(name, func(t *testing.T) {
			banks(t, func(d *desk) {
				d.bank.OnSend = func(rail.Order, int) railtest.Act { return act }
				for step := 1; ; step++ {
					reached := true
					for _, panics := range []bool{false, true} {
						n := d.node()
						b := &breaking{fail: func(call int, _ []payout.Payout) error {
							switch {
							case call != step:
								return nil
							case panics:
								panic(errBroken)
							}
							return errBroken
						}}
						n.Follow(payout.KindPayout, b)
						p := n.ask(n.way, 100_00)
						for range 4 { // the claim, an inquiry when its lease has ended, and another
							_, err := n.WorkOnce(ctx)
							if err != nil && !strings.Contains(err.Error(), errBroken.Error()) {
								t.Fatal(err)
							}
							n.bank.Settle(p.ID, rail.Accepted)
							n.clock.Advance(40 * time.Second)
						}
						n.ended(p)
						reached = reached && b.calls >= step
					}
					if !reached {
						if step < 3 {
							t.Errorf("only %d transactions were broken off", step-1)
						}
						return
					}
				}
			})
		})
	}
}

// ended fails unless the payout was handed over once at the most, and is what its bank says.
func (d *desk) ended(p payout.Payout) {
	d.t.Helper()
	now, err := d.Get(ctx, p.Merchant, p.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	want := map[rail.Outcome]payout.Status{rail.Accepted: payout.Completed, rail.Declined: payout.Rejected, "": payout.Unknown}[d.bank.State(p.ID)]
	if now.Status != want || d.bank.Sent(p.ID) != 1 || d.bank.Moved(p.ID) > 1 {
		d.t.Errorf("it is %s, and its bank says %q after %d orders that moved money %d times (%s)", now.Status, d.bank.State(p.ID), d.bank.Sent(p.ID),
			d.bank.Moved(p.ID), d.attempts(p))
	}
}

// A process that dies after its order was handed over, or before: whoever comes next may only ask.
func TestWhoeverTakesOverFromADeadProcessMayOnlyAsk(t *testing.T) {
	for _, act := range []railtest.Act{{}, {Lost: true}, {Outcome: rail.Declined}} {
		t.Run(fmt.Sprint(act.Lost, act.Outcome), func(t *testing.T) {
			banks(t, func(d *desk) {
				d.bank.OnSend = func(rail.Order, int) railtest.Act { return act }
				dead := d.node()
				dead.Follow(payout.KindPayout, &breaking{fail: func(_ int, list []payout.Payout) error {
					if list[0].Status != payout.Processing {
						return errBroken // it records nothing of what it heard
					}
					return nil
				}})
				p := dead.ask(dead.way, 100_00)
				if _, err := dead.WorkOnce(ctx); err == nil {
					t.Fatal("the answer was recorded")
				}
				d.work()
				d.after(callLimit + 5*time.Second - time.Microsecond)
				d.is(p, payout.Processing, d.bank.Moved(p.ID), 1)
				if d.bank.Asked(p.ID) != 0 {
					t.Error("its lease has not ended, and the bank was asked")
				}
				d.after(time.Microsecond)
				if d.bank.Asked(p.ID) != 1 {
					t.Errorf("the bank was asked %d times", d.bank.Asked(p.ID))
				}
				d.ended(p)
				if got := d.events(p); !strings.HasPrefix(got, "payout.requested payout.processing payout.unknown") {
					t.Error(got)
				}
				if got := d.attempts(p); !strings.HasPrefix(got, "send , inquire ") {
					t.Error(got)
				}
			})
		})
	}
}

func TestAnOrderThatWasHandedOverAgainIsFound(t *testing.T) {
	banks(t, func(d *desk) {
		d.bank.OnSend = func(_ rail.Order, n int) railtest.Act {
			if n < 3 {
				return railtest.Act{Outcome: rail.Retryable}
			}
			return railtest.Act{}
		}
		p := d.ask(d.way, 100_00)
		for range 3 {
			d.after(time.Minute)
		}
		d.is(p, payout.Completed, 1, 3)
		d.proved() // its rail had said each time that nothing was done
		for _, edit := range []string{
			`UPDATE payout_attempt SET outcome = 'unknown' WHERE n = 2`, `UPDATE payout_attempt SET outcome = '' WHERE n = 1`,
			`UPDATE payout_attempt SET kind = 'inquire' WHERE n = 1`,
		} {
			err := d.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				if err := tx.Exec(ctx, edit); err != nil {
					return err
				}
				found := false
				err := payout.Audit(ctx, tx, func(f audit.Finding) { found = found || f.Table == "payout_attempt" && f.Row == p.ID })
				if !found {
					t.Errorf("the audit finds nothing after %s", edit)
				}
				return errors.Join(err, errBroken)
			})
			if err == nil || err.Error() != errBroken.Error() {
				t.Fatal(err)
			}
		}
	})
}
