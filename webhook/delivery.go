package webhook

import (
	"context"
	"slices"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/store"
)

// State is where a delivery stands. docs/states.md draws the moves.
type State string

// The states.
const (
	Pending   State = "pending"   // it is due, or being tried, or waits for its next try
	Delivered State = "delivered" // the endpoint has acknowledged it
	Exhausted State = "failed"    // it was tried for three days
	Refused   State = "blocked"   // its address may not be called; it never was
)

// Delivery is the sending of one event to one endpoint.
type Delivery struct {
	Owner     string
	ID        string // the stable id that every attempt carries
	EventSeq  int64
	Type      string // of the event
	Door      string // whose words it is told in
	Object    string // what the event is about: deliveries of one object go in order
	URL       string
	Lane      string
	State     State
	Attempts  int64 // how many were begun; the last one's number
	Failures  int64 // how many are known to have failed
	DueAt     time.Time
	LeaseBy   string // the process start that is trying it now, "" for none
	CreatedAt time.Time
	FirstAt   time.Time // when it was first tried
	ClosedAt  time.Time
}

// Attempt is one try at a delivery, as the log keeps it.
type Attempt struct {
	N         int64
	Node      string
	StartedAt time.Time
	EndedAt   time.Time // zero while it runs, and for good when its process died
	Status    int64     // the HTTP status that came, 0 for none
	Outcome   string    // "acknowledged", "refused", or a Class
	Answer    string    // the beginning of the answer
}

// The outcomes of an attempt beside the classes of failure.
const (
	acknowledged = "acknowledged"
	refused      = "refused"  // an answer came, and it is no acknowledgement
	unsent       = "unsent"   // the lease was too short for it by the time it was its turn
	unworded     = "unworded" // the door could not put the event into words; an operator must look
)

// Door is what the package must know of the front door that an event's object came in by. invoice.Door has it all.
type Door interface {
	Name() string
	Wants(t event.Type) bool
	Webhook(e event.Event) (event.Message, error)
	Acknowledged(status int, body []byte) bool
	Timeout() time.Duration
}

// Addressed is a Door whose merchants give one address for everything that they are told, and not one with each object.
type Addressed interface {
	Door
	// Address is where the event is told as the merchant wants it at this moment, "" for nowhere. It is asked in the transaction that
	// writes the event, only for what the door Wants, and must not write. An error fails that transaction: better that than a fact that
	// its merchant is never told.
	Address(ctx context.Context, e event.Written) (string, error)
}

// Outbox makes deliveries of events, in the transaction that writes the events.
type Outbox struct {
	clock  clock.Clock
	policy Policy
	doors  map[string]Door
	wake   chan struct{}
	obs    Observer
}

var _ event.Sink = (*Outbox)(nil)

// NewOutbox makes deliveries to addresses that the policy allows. Doors are added with Add before the first event.
func NewOutbox(c clock.Clock, p Policy) *Outbox {
	return &Outbox{clock: c, policy: p, doors: map[string]Door{}, wake: make(chan struct{}, 1), obs: nobody{}}
}

// Observe has o told of deliveries that are closed from the start, before the first event.
func (o *Outbox) Observe(obs Observer) { o.obs = obs }

// Add makes a door known.
func (o *Outbox) Add(d Door) { o.doors[d.Name()] = d }

// Accept writes a delivery for each event that has an address, its own or its door's, and whose door tells of it. An address that may not
// be called gets a delivery that is closed as blocked, with its reason in the log. Its error is that of Addressed.
func (o *Outbox) Accept(ctx context.Context, tx *store.Tx, events []event.Written) error {
	var rows, attempts []any
	now := o.clock.Now()
	at := clock.Micros(now)
	due := false
	known := map[address]reading{} // most events of a batch are told to few addresses
	for _, e := range events {
		url, err := o.address(ctx, e)
		if err != nil {
			return err
		}
		if url == "" {
			continue
		}
		key := id.New(o.clock)
		a := address{e.Owner, url}
		to, seen := known[a]
		if !seen {
			to = o.read(a)
			known[a] = to
		}
		lane, state, closed, tried := to.lane, Pending, any(nil), int64(0)
		if err := to.blocked; err != nil {
			state, closed, tried = Refused, at, 1
			tx.AfterCommit(func() { o.obs.Closed(Refused) })
			attempts = append(attempts, e.Owner, key, int64(1), "", at, at, int64(0), string(ClassOf(err)), "")
		}
		due = due || state == Pending
		rows = append(rows, e.Owner, key, e.Seq, string(e.Type), e.Door, e.Subject, url, lane, string(state), tried, int64(0),
			at, int64(0), "", at, closed)
	}
	tx.LaterRows(bulkInsert, rows, nil)
	tx.LaterRows(bulkAttempt, attempts, nil)
	if due {
		tx.AfterCommit(o.ring)
	}
	return nil
}

// address is where the event is told, "" for nowhere. An address that came with the event's object goes before the door's own.
func (o *Outbox) address(ctx context.Context, e event.Written) (string, error) {
	door := o.doors[e.Door]
	if door == nil || !door.Wants(e.Type) {
		return "", nil
	}
	if a, ok := door.(Addressed); ok && e.WebhookURL == "" {
		return a.Address(ctx, e)
	}
	return e.WebhookURL, nil
}

// address is where an owner's events are told, reading is what comes of it.
type (
	address struct{ owner, url string }
	reading struct {
		lane    string // "" for one that leads nowhere
		blocked error  // why it may not be called
	}
)

func (o *Outbox) read(a address) (r reading) {
	if l, err := LaneOf(a.owner, a.url); err == nil {
		r.lane = l.String()
	}
	r.blocked = o.policy.CheckTarget(a.url)
	return r
}

// ring wakes the worker of this process; others look by themselves.
func (o *Outbox) ring() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Log reads the deliveries.
type Log struct{ db *store.DB }

// NewLog reads the deliveries kept in db.
func NewLog(db *store.DB) *Log { return &Log{db: db} }

// Page says which part of a list is wanted: at most Limit, older than Before or newer than After (ids; "" for no bound).
type Page struct {
	After, Before string
	Limit         int
}

// List answers the owner's deliveries, newest first; with After, the Limit oldest of those that are newer.
func (l *Log) List(ctx context.Context, owner string, p Page) ([]Delivery, error) {
	sql, args := sqlBefore, []any{owner, p.Before, int64(p.Limit)}
	switch {
	case p.After != "":
		sql, args = sqlAfter, []any{owner, p.After, int64(p.Limit)}
	case p.Before == "":
		args[1] = "\U0010ffff" // after every id
	}
	list, err := l.query(ctx, sql, args)
	if p.After != "" {
		slices.Reverse(list)
	}
	return list, err
}

// Of answers the deliveries about one object, oldest first.
func (l *Log) Of(ctx context.Context, owner, object string) ([]Delivery, error) {
	return l.query(ctx, sqlOfObject, []any{owner, object})
}

func (l *Log) query(ctx context.Context, sql string, args []any) ([]Delivery, error) {
	var list []Delivery
	err := l.db.Query(ctx, sql, args, func(r store.Row) error {
		d, err := scanDelivery(r)
		list = append(list, d)
		return err
	})
	return list, err
}

// Get answers one delivery with its attempts, or a fault EventMissing.
func (l *Log) Get(ctx context.Context, owner, id string) (Delivery, []Attempt, error) {
	list, err := l.query(ctx, sqlGet, []any{owner, id})
	if err == nil && len(list) == 0 {
		err = fault.New(fault.EventMissing)
	}
	if err != nil {
		return Delivery{}, nil, err
	}
	var attempts []Attempt
	err = l.db.Query(ctx, sqlAttempts, []any{owner, id}, func(r store.Row) error {
		a, err := scanAttempt(r)
		attempts = append(attempts, a)
		return err
	})
	return list[0], attempts, err
}

// Again makes a closed delivery due once more, from the beginning of its schedule. One that is pending stays as it is. Fault:
// EventMissing.
func (l *Log) Again(ctx context.Context, owner, id string, now time.Time) error {
	if _, _, err := l.Get(ctx, owner, id); err != nil {
		return err
	}
	return l.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.Exec(ctx, sqlAgain, owner, id, clock.Micros(now))
	})
}
