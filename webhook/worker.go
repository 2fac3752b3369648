package webhook

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"sarraf/event"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/store"
)

// Limits of the worker.
const (
	laneMost  = 16   // calls at once to one endpoint of one owner
	lotLeast  = 16   // deliveries that a lane claims at once to begin with
	lotMost   = 256  // and when its endpoint is quick
	claimMost = 2048 // claimed at once over all lanes; beyond it a lane that has none still gets one
	laneBatch = 256  // lanes in one claim
	quick     = 100 * time.Millisecond
	leaseMore = 5 * time.Second // a lease outlives the call's own limit by so much
	poll      = 500 * time.Millisecond
	perLane   = 50 * time.Microsecond  // of rest between two looks for each lane seen: a look takes a few microseconds a lane
	behind    = 250 * time.Millisecond // how soon a delivery looks again whether the earlier one that is being tried has ended
	doorless  = time.Hour              // and whether its door is there again

	blockedMost = 3 // attempts that found a name's addresses blocked, before its delivery is closed as blocked
)

// Signer knows the secret that signs a merchant's messages, as text ("whsec_" and base64).
type Signer interface {
	SigningSecret(ctx context.Context, owner string) (string, error)
}

// Observer is told of the worker's doings, for metrics.
type Observer interface {
	// Attempted is called after each attempt with its outcome, a word of a short list, and how long the call took; 0 when none was made.
	Attempted(outcome string, took time.Duration)
	// Closed is called after a delivery has ended, with what it came to: Delivered, Exhausted or Refused.
	Closed(s State)
	// Oldest is called after each look at the queue with the age of the longest due delivery that nobody has taken; 0 for none.
	Oldest(age time.Duration)
}

// Worker sends what is due. Any number of them may run over one database.
type Worker struct {
	db       *store.DB
	events   *event.Log
	outbox   *Outbox
	client   *Client
	signer   Signer
	schedule Schedule
	obs      Observer
	log      *slog.Logger
	clock    clock.Clock
	node     string // names this process start

	record *store.Batcher[ending, struct{}]
	calls  sync.WaitGroup
	freed  chan struct{} // rung when a lane has room again

	mu    sync.Mutex
	lanes map[string]*lane
	held  int // claimed and not yet recorded, over all lanes

	rest time.Duration // between two looks at the queue; of Run alone
}

// lane is what this process has under way on one lane.
type lane struct {
	lot     int // how many it may hold
	held    int
	running int
	queue   []task
}

// task is a claimed delivery with what it says.
type task struct {
	Delivery
	event event.Event
	taken time.Time // when it was claimed
	lease time.Time // when the claim ends
}

// ending is what became of an attempt.
type ending struct {
	Delivery
	attempt Attempt
	node    string
	state   State
	failed  int64
	due     time.Time
	first   time.Time // when it was first tried, zero for not yet
}

// Deps is what a worker stands on. Observer may be nil.
type Deps struct {
	DB       *store.DB
	Events   *event.Log
	Outbox   *Outbox
	Client   *Client
	Signer   Signer
	Schedule Schedule
	Observer Observer
	Log      *slog.Logger
}

// NewWorker makes a worker; Run starts it.
func NewWorker(d Deps) *Worker {
	w := &Worker{
		db: d.DB, events: d.Events, outbox: d.Outbox, client: d.Client, signer: d.Signer, schedule: d.Schedule, obs: d.Observer,
		log: d.Log, clock: d.DB.Clock(), node: id.New(d.DB.Clock()), freed: make(chan struct{}, 1), lanes: map[string]*lane{},
	}
	if w.obs == nil {
		w.obs = nobody{}
	}
	return w
}

type nobody struct{}

func (nobody) Attempted(string, time.Duration) {}
func (nobody) Closed(State)                    {}
func (nobody) Oldest(time.Duration)            {}

// Run sends what is due until ctx ends; then it lets the calls that are under way finish, records them, and gives back what it had
// taken and not begun. It is called once.
func (w *Worker) Run(ctx context.Context) {
	w.record = store.NewBatcher(w.db, "delivery.record", w.recordSlice)
	defer w.record.Close()
	defer w.calls.Wait()
	if w.db.Engine() == store.SQLite {
		// There is one process on an SQLite database at a time: whatever an earlier one was trying, it tries no more.
		err := w.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return tx.Exec(ctx, sqlVoidLeases, clock.Micros(w.clock.Now()))
		})
		if err != nil {
			w.log.Warn("leases of an earlier start were not voided; they end by themselves", "error", err)
		}
	}
	for ctx.Err() == nil {
		wait, err := w.round(ctx)
		if err != nil && ctx.Err() == nil {
			w.log.Warn("webhook deliveries could not be claimed; trying again", "error", err)
			wait = poll
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-w.outbox.wake:
		case <-w.freed:
		case <-timer.C:
		}
		timer.Stop()
		if w.rest >= time.Millisecond {
			select {
			case <-ctx.Done():
			case <-time.After(w.rest):
			}
		}
	}
}

// round claims what is due and hands it to the lanes. It answers how long nothing more can be due.
func (w *Worker) round(ctx context.Context) (time.Duration, error) {
	now := w.clock.Now()
	wait := poll
	lanes := 0
	var due []dueLane
	err := w.db.Query(ctx, sqlLanes, nil, func(r store.Row) error {
		lanes++
		var name string
		var at int64
		err := r.Scan(&name, &at)
		if d := (dueLane{name, clock.FromMicros(at)}); d.at.After(now) {
			wait = min(wait, d.at.Sub(now))
		} else {
			due = append(due, d)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	w.rest = min(time.Duration(lanes)*perLane, poll)
	oldest := now
	for _, d := range due {
		if d.at.Before(oldest) {
			oldest = d.at
		}
	}
	w.obs.Oldest(now.Sub(oldest))
	want := w.room(due)
	if len(want) == 0 {
		return max(wait, time.Millisecond), nil
	}
	claimed, moved, err := w.claim(ctx, want, now)
	switch {
	case err != nil:
		return 0, err
	case len(claimed) > 0:
		return 0, w.hand(ctx, claimed)
	case moved > 0:
		return 0, nil
	}
	return poll / 10, nil // another node was quicker
}

// dueLane is a lane with something due since a time.
type dueLane struct {
	name string
	at   time.Time
}

// portion is how many deliveries of a lane to claim.
type portion struct {
	lane string
	n    int
}

// room says how much each of the lanes may take on now: nothing before half of its lot is done, so that claims come in lots. The
// lanes that have waited longest come first; the answer is in the order of their names, in which every node locks them.
func (w *Worker) room(due []dueLane) []portion {
	slices.SortFunc(due, func(a, b dueLane) int { return a.at.Compare(b.at) })
	w.mu.Lock()
	defer w.mu.Unlock()
	left := claimMost - w.held
	var want []portion
	for _, d := range due {
		lot, held := lotLeast, 0
		if l := w.lanes[d.name]; l != nil {
			lot, held = l.lot, l.held
		}
		n := min(lot-held, left)
		if held > lot/2 {
			n = 0
		} else if held == 0 {
			n = max(n, 1) // whatever the other lanes hold: they may be slow for long
		}
		if n > 0 {
			want = append(want, portion{d.name, n})
			left -= n
		}
		if len(want) == laneBatch {
			break
		}
	}
	slices.SortFunc(want, func(a, b portion) int { return strings.Compare(a.lane, b.lane) })
	return want
}

// claim takes leases on due deliveries and records the numbered attempts, in one transaction. It answers as well how many others
// were moved behind earlier ones of their object.
func (w *Worker) claim(ctx context.Context, want []portion, now time.Time) (claimed []task, moved int, err error) {
	longest := time.Duration(0)
	for _, d := range w.outbox.doors {
		longest = max(longest, limit(d))
	}
	lease := now.Add(longest + leaseMore)
	err = w.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		claimed, moved = claimed[:0], 0
		got := make(map[string]int, len(want))
		for _, p := range want {
			args := []any{clock.Micros(lease), w.node, clock.Micros(now), p.lane, int64(p.n)}
			tx.Later(sqlClaim, args, func(r store.Row) error {
				d, err := scanDelivery(r)
				claimed = append(claimed, task{Delivery: d, taken: now, lease: lease})
				got[d.Lane]++
				return err
			})
		}
		if err := tx.Flush(ctx); err != nil {
			return err
		}
		for _, p := range want {
			if got[p.lane] < p.n {
				args := []any{p.lane, clock.Micros(now), clock.Micros(now.Add(behind))}
				tx.Later(sqlBehind, args, func(store.Row) error { moved++; return nil })
			}
		}
		var rows []any
		for _, t := range claimed {
			rows = append(rows, t.Owner, t.ID, t.Attempts, w.node, clock.Micros(now), nil, int64(0), "", "")
		}
		tx.LaterRows(bulkAttempt, rows, nil)
		return nil
	})
	// RETURNING comes in any order; what was made first goes first.
	slices.SortFunc(claimed, func(a, b task) int { return strings.Compare(a.ID, b.ID) })
	return claimed, moved, err
}

// limit is how long a call for the door may take.
func limit(d Door) time.Duration { return timeoutOf(Request{Timeout: d.Timeout()}) }

// hand gives the claimed deliveries to their lanes.
func (w *Worker) hand(ctx context.Context, claimed []task) error {
	keys := make([]event.Key, len(claimed))
	for i, t := range claimed {
		keys[i] = event.Key{Owner: t.Owner, Seq: t.EventSeq}
	}
	// A stop does not come in between: what is claimed is given back by its lane.
	events, err := w.events.GetAll(context.WithoutCancel(ctx), keys)
	if err != nil {
		return err // the leases end by themselves
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, t := range claimed {
		t.event = events[keys[i]]
		l := w.lanes[t.Lane]
		if l == nil {
			l = &lane{lot: lotLeast}
			w.lanes[t.Lane] = l
		}
		l.held++
		w.held++
		l.queue = append(l.queue, t)
		if l.running < laneMost {
			l.running++
			w.calls.Go(func() { w.work(ctx, t.Lane, l) })
		}
	}
	return nil
}

// work makes the calls of a lane one after another until none is left; up to laneMost of it run for a lane at once.
func (w *Worker) work(ctx context.Context, name string, l *lane) {
	for {
		w.mu.Lock()
		if len(l.queue) == 0 {
			l.running--
			w.forget(name, l)
			w.mu.Unlock()
			return
		}
		t := l.queue[0]
		l.queue = l.queue[1:]
		w.mu.Unlock()
		e, took := w.attempt(ctx, t)
		w.mu.Lock()
		switch {
		case took == 0: // no call was made
		case took < quick:
			l.lot = min(l.lot+4, lotMost)
		default:
			l.lot = max(l.lot/2, lotLeast)
		}
		w.mu.Unlock()
		// The next call does not wait until this one is recorded: so many are recorded in one transaction.
		w.calls.Go(func() {
			w.keep(e)
			w.recorded(name, l)
		})
	}
}

// keep records what became of an attempt.
func (w *Worker) keep(e ending) {
	if _, err := w.record.Do(context.Background(), e.Owner, nil, e); err != nil {
		// The lease ends by itself and the delivery is made again: at least once.
		w.log.Warn("a webhook attempt could not be recorded", "delivery", e.ID, "error", err)
	} else if e.state != Pending {
		w.obs.Closed(e.state)
	}
}

// recorded takes note that the lane holds one delivery less, and wakes Run when it has room for more.
func (w *Worker) recorded(name string, l *lane) {
	w.mu.Lock()
	l.held--
	w.held--
	w.forget(name, l)
	room := l.held <= l.lot/2
	w.mu.Unlock()
	if room {
		select {
		case w.freed <- struct{}{}:
		default:
		}
	}
}

// forget drops a lane that has nothing under way.
func (w *Worker) forget(name string, l *lane) {
	if l.running == 0 && l.held == 0 && w.lanes[name] == l {
		delete(w.lanes, name)
	}
}

// attempt makes one call. It answers what came of it, and how long the call took, 0 when none was made.
func (w *Worker) attempt(ctx context.Context, t task) (ending, time.Duration) {
	now := w.clock.Now()
	door := w.outbox.doors[t.Door]
	e := ending{Delivery: t.Delivery, node: w.node, state: Pending, attempt: Attempt{N: t.Attempts, Outcome: unsent}, due: now, first: t.FirstAt}
	var took time.Duration
	switch {
	case door == nil:
		// The door was switched off after the delivery was made: it waits for a process that has it.
		e.due = now.Add(doorless)
	case ctx.Err() != nil || t.lease.Sub(now) < limit(door):
		// The lease would end before the call: give it back at once.
	default:
		took = w.call(&e, t, door, now)
	}
	if e.attempt.Outcome == unsent && t.FirstAt.Equal(t.taken) {
		e.first = time.Time{} // the three days begin with the first call
	}
	w.obs.Attempted(e.attempt.Outcome, took)
	return e, took
}

// call words the event, signs it, sends it, and judges the answer.
func (w *Worker) call(e *ending, t task, door Door, now time.Time) (took time.Duration) {
	defer func() {
		// One delivery that a door stumbles over must not stop the process, and stop it again after each start.
		if p := recover(); p != nil {
			w.log.Error("a door failed", "door", t.Door, "delivery", t.ID, "panic", p, "stack", string(debug.Stack()))
			e.attempt.Outcome, e.state = unworded, Pending
			w.fail(e)
		}
	}()
	// The call has a limit of its own and is not cut off by a stop.
	ctx := context.Background()
	request, err := w.request(ctx, t, door, now)
	if err != nil {
		w.log.Error("a webhook could not be worded", "delivery", t.ID, "event", t.EventSeq, "error", err)
		e.attempt.Outcome = unworded
		w.fail(e)
		return 0
	}
	watch := clock.Start()
	answer, err := w.client.Call(ctx, request)
	took = watch()
	e.attempt.Status, e.attempt.Answer = int64(answer.Status), answer.Excerpt()
	switch {
	case err != nil:
		e.attempt.Outcome = string(ClassOf(err))
		if w.refused(ctx, t, err) {
			e.state = Refused
		} else {
			w.fail(e)
		}
	case door.Acknowledged(answer.Status, answer.Body):
		e.attempt.Outcome, e.state = acknowledged, Delivered
	default:
		e.attempt.Outcome = refused
		w.fail(e)
	}
	return took
}

// refused tells whether a call that failed is to be made no more, since its address may not be called. A literal address stays what
// it is; a name may lead to the wrong one for a moment, and is asked again on the schedule before it is given up.
func (w *Worker) refused(ctx context.Context, t task, err error) bool {
	if w.client.CheckTarget(t.URL) != nil {
		return true
	}
	if !errors.Is(err, ErrBlocked) {
		return false
	}
	var before int64
	err = w.db.Query(ctx, sqlBlocked, []any{t.Owner, t.ID, t.Attempts}, func(r store.Row) error { return r.Scan(&before) })
	return err == nil && before+1 >= blockedMost
}

// request is the call as it is made now.
func (w *Worker) request(ctx context.Context, t task, door Door, now time.Time) (Request, error) {
	message, err := door.Webhook(t.event)
	if err != nil {
		return Request{}, err
	}
	text, err := w.signer.SigningSecret(ctx, t.Owner)
	if err != nil {
		return Request{}, err
	}
	secret, err := ParseSecret(text)
	if err != nil {
		return Request{}, err
	}
	header := http.Header{}
	for _, h := range message.Header {
		header[h[0]] = append(header[h[0]], strings.ReplaceAll(h[1], event.Unix, strconv.FormatInt(now.Unix(), 10)))
	}
	// The number orders what is told of one owner, for a receiver that gets two of an object out of turn.
	header.Set("webhook-sequence", strconv.FormatInt(t.EventSeq, 10))
	header.Set("webhook-attempt", strconv.FormatInt(t.Attempts, 10))
	if err := SignHeader(header, t.ID, now, message.Body, secret); err != nil {
		return Request{}, err
	}
	return Request{URL: t.URL, Header: header, Body: message.Body, Timeout: limit(door)}, nil
}

// fail counts a failure and says when to try again.
func (w *Worker) fail(e *ending) {
	e.failed = 1
	now := w.clock.Now()
	due, giveUp := w.schedule.Next(int(e.Failures)+1, e.FirstAt, now)
	if giveUp {
		e.state, e.due = Exhausted, now
		return
	}
	e.due = due
}

// recordSlice writes what became of attempts.
func (w *Worker) recordSlice(_ context.Context, tx *store.Tx, list []ending) ([]store.Outcome[struct{}], error) {
	var outcomes, attempts []any
	now := clock.Micros(w.clock.Now())
	for _, e := range list {
		first, closed := any(clock.Micros(e.first)), any(now)
		if e.first.IsZero() {
			first = nil
		}
		if e.state == Pending {
			closed = nil
		}
		outcomes = append(outcomes, e.Owner, e.ID, e.attempt.N, e.node, string(e.state), e.failed, clock.Micros(e.due), first, closed)
		attempts = append(attempts, e.Owner, e.ID, e.attempt.N, now, e.attempt.Status, e.attempt.Outcome, e.attempt.Answer)
	}
	tx.LaterRows(bulkOutcome, outcomes, nil)
	tx.LaterRows(bulkAttemptEnd, attempts, nil)
	return make([]store.Outcome[struct{}], len(list)), nil
}
