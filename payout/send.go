package payout

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/rail"
	"sarraf/store"
)

// Limits of the worker that hands payouts to their rails, each for one rail in one process.
const (
	sendsMost = 8               // orders that are handed over at once
	asksMost  = 4               // inquiries at once
	lookMost  = 512             // due payouts that are looked at, from either end of the queue
	leaseMore = 5 * time.Second // a lease outlives the call's own limit by so much
	lateMore  = time.Second     // and a call its own limit, before nobody waits for it any more

	firstAsk, lastAsk     = 10 * time.Second, time.Hour       // how long after an answer that ended nothing a rail is asked, and at the most
	firstRetry, lastRetry = 10 * time.Second, 5 * time.Minute // how long after an order that was certainly not carried out it is handed over again
	silentMost            = 3                                 // orders in a row that came to nothing, before a rail gets one at a time
	firstRest, lastRest   = 10 * time.Second, 5 * time.Minute // and the pauses in between
	senderless            = time.Hour                         // how soon a payout is looked at again that its rail does not send
)

// SendObserver is told of the worker's doings, for metrics.
type SendObserver interface {
	// Sent is called after each call of a rail with what came of it, and how long it took; 0 when none was made.
	Sent(rail string, kind string, outcome rail.Outcome, took time.Duration)
	// Contradicted is called when a rail says something else of a payout than what it has ended as.
	Contradicted(rail string)
}

// ObserveSending has o told of what RunSender does. It is called once, before.
func (s *Service) ObserveSending(o SendObserver) { s.sending.obs = o }

// sending is what a service has of the worker.
type sending struct {
	once  sync.Once
	node  string // names this process start
	lanes []*lane
	obs   SendObserver
}

// lane is the worker of one rail: none waits for another.
type lane struct {
	s     *Service
	rail  rail.Sender
	node  string
	wake  chan struct{} // rung when something is due, or there is room again
	calls sync.WaitGroup

	mu          sync.Mutex
	sends, asks int                  // under way
	under       map[string]int       // under way, by merchant
	served      map[string]time.Time // when a merchant had its last turn, of those that wait
	waits       bool                 // more inquiries are due than there was room for
	silent      int                  // orders in a row that came to nothing
	rests       int                  // pauses that this has led to
	until       time.Time            // no order is handed over before
}

// lanesOf are the lanes of the service, one for each rail that sends.
func (s *Service) lanesOf() []*lane {
	s.sending.once.Do(func() {
		s.sending.node = id.New(s.clock)
		if s.sending.obs == nil {
			s.sending.obs = nobody{}
		}
		for _, r := range s.senders {
			s.sending.lanes = append(s.sending.lanes, &lane{
				s: s, rail: r, node: s.sending.node, wake: make(chan struct{}, 1), under: map[string]int{}, served: map[string]time.Time{},
			})
		}
		slices.SortFunc(s.sending.lanes, func(a, b *lane) int { return strings.Compare(a.rail.Name(), b.rail.Name()) })
	})
	return s.sending.lanes
}

type nobody struct{}

func (nobody) Sent(string, string, rail.Outcome, time.Duration) {}
func (nobody) Contradicted(string)                              {}

// RunSender hands payouts to those rails that send by themselves, and asks about those whose rail has not said what became of them, until ctx
// ends; then it lets the calls that are under way finish, and records them. It looks each interval, and at once when a payout of this process
// is due. Whatever goes wrong that the next look may mend, and whatever a rail says against what it said before, is told to failed. It is
// called once.
func (s *Service) RunSender(ctx context.Context, interval time.Duration, failed func(error)) {
	if err := s.voidLeases(ctx); err != nil {
		failed(err) // they end by themselves
	}
	lanes := s.lanesOf()
	var all sync.WaitGroup
	for _, l := range lanes {
		all.Go(func() { l.run(ctx, interval, failed) })
	}
	for {
		select {
		case <-ctx.Done():
			all.Wait()
			return
		case <-s.wake:
			for _, l := range lanes {
				l.ring()
			}
		}
	}
}

// voidLeases ends the leases of earlier starts: there is one process on an SQLite database at a time, and whatever an earlier one was doing, it
// does no more.
func (s *Service) voidLeases(ctx context.Context) error {
	if s.db.Engine() != store.SQLite {
		return nil
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.Exec(ctx, sqlVoidLeases, clock.Micros(s.clock.Now()))
	})
}

// WorkOnce takes up what is due now, waits until the rails have answered and it is recorded, and reports whether there was anything. It is
// RunSender's round, for whoever does not run that. A call that its rail does not end in time is recorded as one without an answer.
func (s *Service) WorkOnce(ctx context.Context) (more bool, err error) {
	var mu sync.Mutex
	var all []error
	for _, l := range s.lanesOf() {
		n, err := l.round(ctx, true, false, func(err error) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, err)
		})
		l.calls.Wait()
		more = more || n > 0
		mu.Lock()
		all = append(all, err)
		mu.Unlock()
	}
	mu.Lock()
	defer mu.Unlock()
	return more, errors.Join(all...)
}

func (l *lane) ring() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run takes up what is due on the rail until ctx ends.
func (l *lane) run(ctx context.Context, interval time.Duration, failed func(error)) {
	defer l.calls.Wait()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	inquire := true
	for ctx.Err() == nil {
		if _, err := l.round(ctx, inquire, true, failed); err != nil && ctx.Err() == nil {
			failed(err)
		}
		inquire = false
		select {
		case <-ctx.Done():
		case <-l.wake:
		case <-tick.C:
			inquire = true // nobody is in a hurry, and many may wait that are not to be asked about
		}
	}
}

// round claims as much of what is due as there is room for, and sets out on it; with inquire, also of what may only be asked about. An answer that
// cannot be recorded is recorded later where it is patient. It answers how much was claimed.
func (l *lane) round(ctx context.Context, inquire, patient bool, failed func(error)) (int, error) {
	sends, asks := l.room()
	look, err := l.look(ctx, sends, asks, inquire || l.waits)
	if err != nil || len(look) == 0 {
		return 0, err
	}
	watch := clock.Start()
	tasks, err := l.claim(ctx, look)
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	for _, t := range tasks {
		l.count(t, 1)
	}
	l.mu.Unlock()
	for _, t := range tasks {
		l.calls.Go(func() {
			l.carryOut(ctx, t, watch, patient, failed)
			l.mu.Lock()
			l.count(t, -1)
			l.mu.Unlock()
			l.ring() // there is room again
		})
	}
	return len(tasks), nil
}

// count takes note that a task is under way, or no more.
func (l *lane) count(t task, by int) {
	if t.kind == Inquiry {
		l.asks += by
	} else {
		l.sends += by
	}
	if l.under[t.Merchant] += by; l.under[t.Merchant] == 0 {
		delete(l.under, t.Merchant)
	}
}

// room says how many orders may be handed over now, and how many inquiries made. A rail that fell silent gets one order at a time, after a
// pause, so that most of what waits for it stays pending.
func (l *lane) room() (sends, asks int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.s.clock.Now()
	sends, asks = sendsMost-l.sends, asksMost-l.asks
	switch {
	case l.silent < silentMost:
	case l.resting(now):
		sends = 0
	default:
		sends = min(sends, 1-min(l.sends, 1))
	}
	return sends, asks
}

// resting reports whether a pause is on. A clock that jumped back ends it.
func (l *lane) resting(now time.Time) bool {
	return now.Before(l.until) && l.until.Sub(now) <= lastRest
}

// heard takes note of whether a rail does its work.
func (l *lane) heard(kind string, o rail.Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch o {
	case rail.Accepted, rail.Declined, rail.Over, rail.Taken, rail.Absent:
		l.silent, l.rests, l.until = 0, 0, time.Time{}
	default:
		if kind != Sending {
			return
		}
		now := l.s.clock.Now()
		if l.silent++; l.silent >= silentMost && !l.resting(now) { // those that were under way together lead to one pause
			l.until = now.Add(growing(l.rests, firstRest, lastRest))
			l.rests++
		}
	}
}

// growing is how long to wait the nth time, from 0: first, twice that, and so on, at most last.
func growing(n int, first, last time.Duration) time.Duration {
	d := first
	for ; n > 0 && d < last; n-- {
		d *= 2
	}
	return min(d, last)
}
