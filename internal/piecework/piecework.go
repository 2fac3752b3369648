// Package piecework works at long lists in slices: each slice in one transaction with the list's progress, by any number of nodes.
//
// Here is what such lists have in common: whose turn it is, and how much patience there is with lines that cannot be made. The rows, and
// what making a line means, are the noun's.
package piecework

import (
	"context"
	"math"
	"sync"
	"time"

	"sarraf/fault"
	"sarraf/internal/clock"
)

// How a list whose lines cannot be made is tried again.
const (
	// patience is how often a slice of lines is tried as a whole, before its halves are, and theirs, down to single lines.
	patience = 3
	// stubborn is how often a line is tried, when no other can be made either, before it is given up.
	stubborn    = 12
	delayFirst  = time.Second // after the first failure; doubled by each
	delayMost   = 10 * time.Minute
	delayOutage = 5 * time.Second // what no line is to blame for
	// triesMost is how many halves are tried before others have their turn.
	triesMost = 50
)

// Observer is told what the workers of a process do, for metrics. Its methods must be quick and safe for concurrent use.
type Observer interface {
	// Decided is called after lines were decided: how many were made, and how many could not be.
	Decided(made, errored int)
	// Undone is called from time to time: how many lists are not done, of all nodes, and the age of the oldest of them.
	Undone(n int64, oldest time.Duration)
}

// List is one list that is being worked at. It knows how it stood when it was read last, which each of its methods does.
type List interface {
	// Failures is how often in a row its next lines could not be made.
	Failures() int64
	// Done is whether all its lines are decided.
	Done() bool
	// Decide makes the next lines, n at most, and counts them in the same transaction. With a reason they are given up for it instead.
	// Nothing is done when another node has gone on with the list.
	Decide(ctx context.Context, n int64, reason *fault.Error) error
	// Try makes the nth of the next lines alone and takes that back; made is whether it could be. tried is false when there is no such
	// line to try; made is then whether another line of its part has been made before.
	Try(ctx context.Context, n int64) (made, tried bool, err error)
	// Postpone has the list due after the delay, with so many failures, and answers the cause with the place where it failed.
	Postpone(ctx context.Context, cause error, failures int64, delay time.Duration) error
}

// Unavailable tells the errors that no line is to blame for.
func Unavailable(err error) bool {
	for _, f := range fault.All(err) {
		if f.Kind() == fault.Unavailable {
			return true
		}
	}
	return false
}

// Work has the list's next lines decided, most of them at a time. A slice that fails is tried again later, and then in halves, until the line
// that fails is alone: that line is given up, when another one can be made. An error says what failed; the list is due again later.
func Work(ctx context.Context, l List, most int64) error {
	n := most
	if l.Failures() >= patience {
		n /= 2
	}
	for range triesMost {
		err := l.Decide(ctx, n, nil)
		switch {
		case err == nil:
			n = min(2*n, most/2)
		case n > 1 && l.Failures() >= patience && !Unavailable(err):
			n /= 2
			continue
		default:
			if err := failed(ctx, l, n, most, err); err != nil {
				return err
			}
		}
		if l.Failures() < patience || l.Done() || ctx.Err() != nil {
			break
		}
	}
	return nil
}

// failed is what becomes of a list whose next n lines could not be made: they are tried again later; but one line that fails while another of
// its part can be made is to blame itself, and is given up.
func failed(ctx context.Context, l List, n, most int64, cause error) error {
	if n == 1 && !Unavailable(cause) && (l.Failures() >= stubborn || otherCan(ctx, l, most)) {
		return l.Decide(ctx, 1, fault.New(fault.First(cause).Code))
	}
	if Unavailable(cause) {
		return l.Postpone(ctx, cause, l.Failures(), delayOutage)
	}
	return l.Postpone(ctx, cause, l.Failures()+1, min(delayFirst<<min(l.Failures(), 20), delayMost))
}

// otherCan reports whether another line of the part that is next can be made, which says that the one before it is to blame itself.
func otherCan(ctx context.Context, l List, most int64) bool {
	for n := int64(2); n <= most; n++ {
		if made, tried, err := l.Try(ctx, n); made || !tried || Unavailable(err) {
			return made
		}
	}
	return false
}

// Worker is what the workers of one process share about one kind of list.
type Worker struct {
	clock    clock.Clock
	observer Observer
	wake     chan struct{} // has something in it when a list was kept since a worker last looked

	mu     sync.Mutex
	turn   int64
	served map[string]int64 // by owner, the turn in which it was served last; only those that have something due
}

// NewWorker is one that nobody observes.
func NewWorker(c clock.Clock) *Worker {
	return &Worker{clock: c, wake: make(chan struct{}, 1), served: map[string]int64{}}
}

// Observe has o told. Call it before the first list is worked at.
func (w *Worker) Observe(o Observer) { w.observer = o }

// Decided tells the observer what became of lines.
func (w *Worker) Decided(made, errored int) {
	if w.observer != nil {
		w.observer.Decided(made, errored)
	}
}

// Wake has Run look for lists at once: one was kept.
func (w *Worker) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Rounds is what Run does again and again.
type Rounds struct {
	Work   func(context.Context) (more bool, err error)                // some lines of one list
	Undone func(context.Context) (n int64, since time.Time, err error) // how many lists are not done, and when the first of them was kept
	Failed func(error)                                                 // told what Work failed with
}

// Run works until ctx ends: when a list is kept by this process, and every interval for what others have left. What is being made when ctx
// ends is finished.
func (w *Worker) Run(ctx context.Context, interval time.Duration, r Rounds) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = r.Work(ctx); err != nil && ctx.Err() == nil {
				r.Failed(err)
			}
			w.observe(ctx, r)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-w.wake:
		}
	}
}

// observe tells the observer how much there is to do. What cannot be read is told the next time.
func (w *Worker) observe(ctx context.Context, r Rounds) {
	if w.observer == nil {
		return
	}
	n, since, err := r.Undone(ctx)
	if err != nil {
		return
	}
	oldest := time.Duration(0)
	if n > 0 {
		oldest = max(w.clock.Now().Sub(since), 0)
	}
	w.observer.Undone(n, oldest)
}

// Turn picks whose list is next: of the owners that due names, each with the time from which it has waited, the one that was served longest
// ago, and of several such the one that waits longest. It is false when due names none.
func (w *Worker) Turn(due func(take func(owner string, since int64)) error) (owner string, ok bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	served, first := map[string]int64{}, [2]int64{math.MaxInt64, 0}
	err = due(func(o string, since int64) {
		served[o] = w.served[o]
		if turn := [2]int64{served[o], since}; !ok || turn[0] < first[0] || turn[0] == first[0] && turn[1] < first[1] {
			owner, first, ok = o, turn, true
		}
	})
	if err != nil || !ok {
		return "", false, err
	}
	w.turn++
	served[owner] = w.turn
	w.served = served
	return owner, true, nil
}
