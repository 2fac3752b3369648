package payout_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sarraf/internal/clock"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/rail/railtest"
	"sarraf/store"
)

// callLimit is how long one call of the tests' banks may take. The tests that wait for it wait that long, and a second.
const callLimit = 50 * time.Millisecond

// desk is a house with a bank that sends, and what was said about the worker.
type desk struct {
	*house
	bank *railtest.Bank
	shop merchant.Merchant
	way  payout.Method

	mu     sync.Mutex
	said   []error
	counts map[string]int
}

// banks runs fn on both engines with a bank, a live merchant who has 1,000,000 taka, and a method over that bank, and proves the books.
func banks(t *testing.T, fn func(d *desk)) {
	t.Helper()
	c := clock.NewFake(start)
	storetest.Each(t, c, func(t *testing.T, db *store.DB) {
		c.Set(start)
		d := newDesk(t, db, c, railtest.NewBank("fastpay", callLimit))
		fn(d)
		d.proved()
	})
}

func newDesk(t *testing.T, db *store.DB, c *clock.Fake, bank *railtest.Bank, more ...rail.Sender) *desk {
	t.Helper()
	d := &desk{house: open(t, db, c, append(more, bank)...), bank: bank, counts: map[string]int{}}
	d.shop = d.house.shop(merchant.Live, 1_000_000_00)
	d.way = d.method(d.shop, 5_00, bank.Name())
	d.ObserveSending(d)
	return d
}

// node is another process on the same database, with the same bank, merchant and method.
func (d *desk) node() *desk {
	d.t.Helper()
	n := &desk{house: open(d.t, d.db, d.clock, d.bank), bank: d.bank, shop: d.shop, way: d.way, counts: map[string]int{}}
	n.ObserveSending(n)
	return n
}

// Sent is for payout.SendObserver.
func (d *desk) Sent(_, kind string, outcome rail.Outcome, _ time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts[kind+" "+string(outcome)]++
}

// Contradicted is for payout.SendObserver.
func (d *desk) Contradicted(string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts["contradicted"]++
}

func (d *desk) counted(what string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.counts[what]
}

// failed takes note of what goes wrong.
func (d *desk) failed(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said = append(d.said, err)
}

func (d *desk) heard(what string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.said, func(err error) bool { return strings.Contains(err.Error(), what) })
}

// work takes up what is due, once.
func (d *desk) work() {
	d.t.Helper()
	if _, err := d.WorkOnce(ctx); err != nil {
		d.t.Fatal(err)
	}
}

// after takes up what is due after a time.
func (d *desk) after(wait time.Duration) {
	d.t.Helper()
	d.clock.Advance(wait)
	d.work()
}

// is fails unless the payout has the status, and its bank has moved and been told that often.
func (d *desk) is(p payout.Payout, want payout.Status, moved, sent int) payout.Payout {
	d.t.Helper()
	now, err := d.Get(ctx, p.Merchant, p.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	if now.Status != want || d.bank.Moved(p.ID) != moved || d.bank.Sent(p.ID) != sent {
		d.t.Fatalf("it is %s (%s), was moved %d times and sent %d times, want %s, %d and %d", now.Status, now.Reason, d.bank.Moved(p.ID), d.bank.Sent(p.ID),
			want, moved, sent)
	}
	return now
}

// attempts are the payout's attempts, as "send accepted".
func (d *desk) attempts(p payout.Payout) string {
	d.t.Helper()
	var list []payout.Attempt
	err := d.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		list, err = payout.Attempts(ctx, tx, p.Owner, p.ID)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = a.Kind + " " + a.Outcome
		if a.N != int64(i+1) || a.Node == "" || a.StartedAt.IsZero() || a.EndedAt.IsZero() != (a.Outcome == "") {
			d.t.Errorf("attempt %+v", a)
		}
	}
	return strings.Join(texts, ", ")
}

func TestAPayoutIsHandedToItsRailAndPosted(t *testing.T) {
	banks(t, func(d *desk) {
		p := d.ask(d.way, 100_00)
		d.stands(p.Owner, 1_000_000_00, 999_895_00, 0, 0)
		d.work()
		now := d.is(p, payout.Completed, 1, 1)
		if now.RailReference != "B-"+p.ID || now.Reason != "" || now.ProcessedAt.IsZero() {
			t.Errorf("%+v", now)
		}
		if got := d.bank.Order(p.ID); got != p.Order() {
			t.Errorf("the bank got %+v, want %+v", got, p.Order())
		}
		if got := d.events(p); got != "payout.requested payout.processing payout.completed" {
			t.Error(got)
		}
		if got := d.attempts(p); got != "send accepted" || d.counted("send accepted") != 1 {
			t.Errorf("%s, %d counted", got, d.counted("send accepted"))
		}
		d.stands(p.Owner, 999_895_00, 999_895_00, 5_00, 100_00)
		if more, err := d.WorkOnce(ctx); more || err != nil {
			t.Errorf("there is more to do: %v", err)
		}
	})
}

func TestWhatRailsAnswerDecidesWhatComesNext(t *testing.T) {
	for name, c := range map[string]struct {
		act      railtest.Act
		first    payout.Status // after the first call
		moved    int           // then
		then     payout.Status // after what is due 10 seconds later
		sent     int           // then
		attempts string
		events   string
	}{
		"declined": {
			railtest.Act{Outcome: rail.Declined, Reason: "No such account."},
			payout.Rejected, 0, payout.Rejected, 1, "send declined",
			"requested processing rejected",
		},
		"over":  {railtest.Act{Outcome: rail.Over}, payout.Rejected, 0, payout.Rejected, 1, "send over", "requested processing rejected"},
		"taken": {railtest.Act{Outcome: rail.Taken}, payout.Processing, 0, payout.Processing, 1, "send taken, inquire taken", "requested processing"},
		"not now": {
			railtest.Act{Outcome: rail.Retryable},
			payout.Processing, 0, payout.Completed, 2, "send retryable, send accepted",
			"requested processing completed",
		},
		"silence before the money moved": {
			railtest.Act{Lost: true}, payout.Unknown, 0, payout.Unknown, 1, "send unknown, inquire absent", "requested processing unknown",
		},
		"silence after the money moved": {
			railtest.Act{Silent: true},
			payout.Unknown, 1, payout.Completed, 1, "send unknown, inquire accepted",
			"requested processing unknown completed",
		},
		"declined in silence": {
			railtest.Act{Outcome: rail.Declined, Silent: true},
			payout.Unknown, 0, payout.Rejected, 1, "send unknown, inquire declined",
			"requested processing unknown rejected",
		},
		"taken in silence": {
			railtest.Act{Outcome: rail.Taken, Silent: true},
			payout.Unknown, 0, payout.Processing, 1, "send unknown, inquire taken",
			"requested processing unknown resumed",
		},
		"a rail that stumbles": {
			railtest.Act{Panic: "nil pointer"},
			payout.Unknown, 1, payout.Completed, 1, "send unknown, inquire accepted",
			"requested processing unknown completed",
		},
		"an outcome that is none": {
			railtest.Act{Say: &rail.Answer{Outcome: "fine"}},
			payout.Unknown, 1, payout.Completed, 1, "send unknown, inquire accepted",
			"requested processing unknown completed",
		},
		"no outcome": {
			railtest.Act{Say: &rail.Answer{}},
			payout.Unknown, 1, payout.Completed, 1, "send unknown, inquire accepted",
			"requested processing unknown completed",
		},
		"accepted without a reference": {
			railtest.Act{Say: &rail.Answer{Outcome: rail.Accepted}},
			payout.Unknown, 1, payout.Completed, 1, "send unknown, inquire accepted",
			"requested processing unknown completed",
		},
		"absent, to an order": {
			railtest.Act{Say: &rail.Answer{Outcome: rail.Absent}},
			payout.Unknown, 1, payout.Completed, 1, "send unknown, inquire accepted",
			"requested processing unknown completed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			banks(t, func(d *desk) {
				d.bank.OnSend = func(_ rail.Order, n int) railtest.Act {
					if n == 1 {
						return c.act
					}
					return railtest.Act{}
				}
				p := d.ask(d.way, 100_00)
				d.work()
				now := d.is(p, c.first, c.moved, 1)
				if c.first == payout.Rejected && now.Reason != orDefault(c.act.Reason) {
					t.Errorf("rejected for %q", now.Reason)
				}
				d.after(9 * time.Second)
				d.is(p, c.first, c.moved, 1) // it is too early
				d.after(time.Second)
				moved := c.moved
				if c.then == payout.Completed {
					moved = 1
				}
				d.is(p, c.then, moved, c.sent)
				if got := d.attempts(p); got != c.attempts {
					t.Errorf("attempts: %s, want %s", got, c.attempts)
				}
				if got := strings.ReplaceAll(d.events(p), "payout.", ""); got != c.events {
					t.Errorf("events: %s, want %s", got, c.events)
				}
			})
		})
	}
}

func orDefault(reason string) string {
	if reason == "" {
		return "The account is closed."
	}
	return reason
}

// Whatever a rail answers to an inquiry, an order is not handed over again.
func TestASilentRailIsAskedForEverAndNeverToldAgain(t *testing.T) {
	banks(t, func(d *desk) {
		answers := []railtest.Act{
			{Lost: true}, {Say: &rail.Answer{Outcome: rail.Absent}}, {Say: &rail.Answer{Outcome: rail.Retryable}}, {Panic: "oh"}, {Say: &rail.Answer{Outcome: rail.Unknown}},
		}
		d.bank.OnSend = func(rail.Order, int) railtest.Act { return railtest.Act{Lost: true} }
		d.bank.OnInquire = func(_ rail.Order, n int) railtest.Act { return answers[n%len(answers)] }
		p := d.ask(d.way, 100_00)
		d.work()
		wait := 10 * time.Second
		for n := range 15 {
			d.after(wait - time.Microsecond)
			if d.bank.Asked(p.ID) != n {
				t.Fatalf("asked %d times before %v were over, want %d", d.bank.Asked(p.ID), wait, n)
			}
			d.after(time.Microsecond)
			if d.bank.Asked(p.ID) != n+1 {
				t.Fatalf("asked %d times after %v, want %d", d.bank.Asked(p.ID), wait, n+1)
			}
			d.is(p, payout.Unknown, 0, 1)
			if n > 0 { // the first inquiry comes 10 seconds after the silence, and so does the second after the first
				wait = min(2*wait, time.Hour)
			}
		}
		if wait != time.Hour {
			t.Errorf("the pause grew to %v", wait)
		}
		d.bank.OnInquire = func(rail.Order, int) railtest.Act {
			return railtest.Act{Say: &rail.Answer{Outcome: rail.Accepted, Reference: "X"}}
		}
		d.after(time.Hour)
		if now := d.is(p, payout.Completed, 0, 1); now.RailReference != "X" {
			t.Errorf("%+v", now)
		}
	})
}

func TestWhatARailHasTakenIsAskedAboutUntilItHasEnded(t *testing.T) {
	for _, end := range []rail.Outcome{rail.Accepted, rail.Declined} {
		t.Run(string(end), func(t *testing.T) {
			banks(t, func(d *desk) {
				d.bank.OnSend = func(rail.Order, int) railtest.Act { return railtest.Act{Outcome: rail.Taken} }
				d.bank.OnInquire = func(_ rail.Order, n int) railtest.Act { return railtest.Act{Lost: n == 2} }
				p := d.ask(d.way, 100_00)
				d.work()
				d.after(10 * time.Second)
				d.after(10 * time.Second) // there is no answer, but the rail has said that it has it
				d.is(p, payout.Processing, 0, 1)
				d.bank.Settle(p.ID, end)
				d.after(20 * time.Second)
				if end == rail.Accepted {
					d.is(p, payout.Completed, 1, 1)
					d.stands(p.Owner, 999_895_00, 999_895_00, 5_00, 100_00)
				} else {
					d.is(p, payout.Rejected, 0, 1)
					d.stands(p.Owner, 1_000_000_00, 1_000_000_00, 0, 0)
				}
			})
		})
	}
}

func TestWhatWaitsForApprovalIsNotHandedOver(t *testing.T) {
	banks(t, func(d *desk) {
		m := d.house.shop(merchant.Live, 1000_00, limited(50_00))
		way := d.method(m, 0, "fastpay")
		p, refused := d.ask(way, 60_00), d.ask(way, 70_00)
		d.work()
		d.after(time.Hour)
		d.is(p, payout.Pending, 0, 0)
		for _, m := range []payout.Move{
			{Merchant: p.Merchant, Payout: p.ID, Action: payout.Approve, By: bob},
			{Merchant: p.Merchant, Payout: refused.ID, Action: payout.Reject, By: bob},
		} {
			if _, err := d.Move(ctx, m, nil); err != nil {
				t.Fatal(err)
			}
		}
		d.work()
		d.is(p, payout.Completed, 1, 1)
		d.is(refused, payout.Rejected, 0, 0)
	})
}

func TestWhatIsCancelledFirstIsNotHandedOver(t *testing.T) {
	banks(t, func(d *desk) {
		p := d.ask(d.way, 60_00)
		if _, err := d.Move(ctx, payout.Move{Merchant: p.Merchant, Payout: p.ID, Action: payout.Cancel, By: alice}, nil); err != nil {
			t.Fatal(err)
		}
		d.work()
		d.is(p, payout.Cancelled, 0, 0)
	})
}

func TestAPayoutLeavesAtOnceAndAStopFinishesWhatItTook(t *testing.T) {
	banks(t, func(d *desk) {
		hold, begun := make(chan struct{}), make(chan string, 10)
		d.bank.OnSend = func(o rail.Order, _ int) railtest.Act {
			begun <- o.ID
			if o.Amount.Minor == 2_00 {
				return railtest.Act{Hold: hold}
			}
			return railtest.Act{}
		}
		stop, cancel := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			d.RunSender(stop, time.Hour, d.failed) // the next look would be in an hour
		}()
		p := d.ask(d.way, 1_00)
		if <-begun != p.ID {
			t.Error("another order")
		}
		d.eventually("it is completed", func() bool {
			now, err := d.Get(ctx, p.Merchant, p.ID)
			return err == nil && now.Status == payout.Completed
		})
		q := d.ask(d.way, 2_00)
		<-begun
		cancel()
		late := d.ask(d.way, 3_00)
		close(hold)
		<-ended
		d.is(q, payout.Completed, 1, 1)
		d.is(late, payout.Pending, 0, 0)
		if len(d.said) > 0 {
			t.Error(d.said)
		}
	})
}

// eventually waits for a condition.
func (d *desk) eventually(what string, holds func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.t.Fatalf("waited a minute until %s", what)
		}
	}
}

func TestALateAnswerIsStillTaken(t *testing.T) {
	banks(t, func(d *desk) {
		late := make(chan struct{})
		d.bank.OnSend = func(rail.Order, int) railtest.Act { return railtest.Act{Hold: late} }
		d.bank.OnInquire = func(rail.Order, int) railtest.Act { return railtest.Act{Lost: true} }
		p := d.ask(d.way, 100_00)
		d.work()
		d.is(p, payout.Unknown, 1, 1)
		d.after(10 * time.Second)
		d.is(p, payout.Unknown, 1, 1)
		close(late)
		d.eventually("the answer is recorded", func() bool {
			now, err := d.Get(ctx, p.Merchant, p.ID)
			return err == nil && now.Status == payout.Completed
		})
		if got := d.attempts(p); got != "send accepted, inquire unknown" {
			t.Error(got)
		}
		if d.counted("contradicted") != 0 {
			t.Error("it contradicts nothing")
		}
		d.stands(p.Owner, 999_895_00, 999_895_00, 5_00, 100_00)
	})
}

func TestALateAnswerThatContradictsChangesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		inquiry, late rail.Answer
		end           payout.Status
	}{
		"declined after completed":  {rail.Answer{Outcome: rail.Accepted, Reference: "A"}, rail.Answer{Outcome: rail.Declined, Reason: "no"}, payout.Completed},
		"not moved after completed": {rail.Answer{Outcome: rail.Accepted, Reference: "A"}, rail.Answer{Outcome: rail.Retryable}, payout.Completed},
		"accepted after rejected":   {rail.Answer{Outcome: rail.Declined, Reason: "no"}, rail.Answer{Outcome: rail.Accepted, Reference: "B"}, payout.Rejected},
	} {
		t.Run(name, func(t *testing.T) {
			banks(t, func(d *desk) {
				late := make(chan struct{})
				d.bank.OnSend = func(rail.Order, int) railtest.Act { return railtest.Act{Hold: late, Say: &c.late} }
				d.bank.OnInquire = func(rail.Order, int) railtest.Act { return railtest.Act{Say: &c.inquiry} }
				p := d.ask(d.way, 100_00)
				stop, cancel := context.WithCancel(ctx)
				ended := make(chan struct{})
				go func() { defer close(ended); d.RunSender(stop, 20*time.Millisecond, d.failed) }()
				d.eventually("it is unknown", func() bool {
					now, err := d.Get(ctx, p.Merchant, p.ID)
					return err == nil && now.Status == payout.Unknown
				})
				d.clock.Advance(10 * time.Second)
				d.eventually("it has ended", func() bool { now, err := d.Get(ctx, p.Merchant, p.ID); return err == nil && now.Status == c.end })
				before, err := d.Get(ctx, p.Merchant, p.ID)
				if err != nil {
					t.Fatal(err)
				}
				close(late)
				d.eventually("the contradiction is counted", func() bool { return d.counted("contradicted") == 1 })
				d.eventually("it is told", func() bool { return d.heard("nothing was changed") })
				cancel()
				<-ended
				if now := d.is(p, c.end, 1, 1); now != before {
					t.Errorf("it has changed: %+v", now)
				}
			})
		})
	}
}
