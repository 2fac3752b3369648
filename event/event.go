// Package event keeps the facts: each is written in the transaction that makes it true, and numbered for its owner.
//
// An event's data is the full snapshot of the business rows that the fact is about, as JSON, so that whoever tells it to the
// outside needs nothing else, and an audit can hold every column of those rows against it.
package event

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"sarraf/internal/clock"
	"sarraf/store"
)

// Type says what happened, as noun.participle.
type Type string

// Event is one fact.
type Event struct {
	Owner   string
	Seq     int64  // gapless for the owner, from 1, in the order of the commits
	Type    Type   //
	Kind    string // what sort of thing it is about: invoice, payment, balance
	Subject string // the id of that thing
	Door    string // the front door the thing came in by, "" for none
	Data    json.RawMessage
	At      time.Time
}

// New is a fact to be written. WebhookURL is where the thing's own maker wants to be told, "" for nowhere; it is for the sinks and is
// not kept with the event.
type New struct {
	Owner, Kind, Subject, Door string
	Type                       Type
	Data                       json.RawMessage
	At                         time.Time
	WebhookURL                 string
	// Moved are others than Owner on whose accounts the fact left entries: their books have something new to seal. Not kept with the event.
	Moved []string
}

// Written is an event as a sink gets it, in the transaction that wrote it.
type Written struct {
	Event
	WebhookURL string
	Moved      []string
}

// Unix, in the value of a message's header, stands for the time of the sending in Unix seconds: a message is worded from the event
// alone, and the time is of the attempt.
const Unix = "{unix}"

// Message is what one sending of an event says: made by a front door, sent by webhook. Header holds name and value pairs, each name
// spelt as it is to be sent.
type Message struct {
	Header [][2]string
	Body   []byte
}

// Sink is told of events in the transaction that writes them, and may write rows of its own there.
type Sink interface {
	Accept(ctx context.Context, tx *store.Tx, events []Written) error
}

// Log writes and reads events.
type Log struct {
	db    *store.DB
	sinks []Sink
}

// NewLog is the log kept in db, which tells each of sinks.
func NewLog(db *store.DB, sinks ...Sink) *Log { return &Log{db: db, sinks: sinks} }

// Append writes the events, numbered for each owner in the order given, and tells the sinks. It locks the owner's counter until the
// transaction ends, so that numbers follow the order of commits; call it last.
func (l *Log) Append(ctx context.Context, tx *store.Tx, list []New) ([]Event, error) {
	if len(list) == 0 {
		return nil, nil
	}
	counts := map[string]int64{}
	for _, n := range list {
		counts[n.Owner]++
	}
	owners := make([]string, 0, len(counts))
	for o := range counts {
		owners = append(owners, o)
	}
	slices.Sort(owners) // every writer locks the counters in this order
	args := make([]any, 0, 2*len(owners))
	for _, o := range owners {
		args = append(args, o, counts[o])
	}
	next := make(map[string]int64, len(owners))
	err := tx.QueryRows(ctx, bulkCounter, args, func(r store.Row) error {
		var owner string
		var last int64
		if err := r.Scan(&owner, &last); err != nil {
			return err
		}
		next[owner] = last - counts[owner] + 1
		return nil
	})
	if err != nil {
		return nil, err
	}
	events := make([]Event, len(list))
	written := make([]Written, len(list))
	args = make([]any, 0, 8*len(list))
	for i, n := range list {
		e := Event{
			Owner: n.Owner, Seq: next[n.Owner], Type: n.Type, Kind: n.Kind, Subject: n.Subject, Door: n.Door, Data: n.Data, At: n.At,
		}
		next[n.Owner]++
		events[i], written[i] = e, Written{Event: e, WebhookURL: n.WebhookURL, Moved: n.Moved}
		args = append(args, e.Owner, e.Seq, string(e.Type), e.Kind, e.Subject, e.Door, string(e.Data), clock.Micros(e.At))
	}
	tx.LaterRows(bulkInsert, args, nil)
	for _, s := range l.sinks {
		if err := s.Accept(ctx, tx, written); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// Page says which part of a list is wanted: at most Limit events, after or before the numbers given (0 for no bound).
type Page struct {
	After, Before int64
	Limit         int
}

// List answers the owner's events in the order of their numbers; with Before and without After, the last ones before it.
func (l *Log) List(ctx context.Context, owner string, p Page) ([]Event, error) {
	sql, args := sqlAfter, []any{owner, p.After, int64(p.Limit)}
	switch {
	case p.Before > 0 && p.After > 0:
		sql, args = sqlBetween, []any{owner, p.After, p.Before, int64(p.Limit)}
	case p.Before > 0:
		sql, args = sqlBefore, []any{owner, p.Before, int64(p.Limit)}
	}
	var list []Event
	err := l.db.Query(ctx, sql, args, func(r store.Row) error {
		e, err := scan(r)
		list = append(list, e)
		return err
	})
	if p.Before > 0 && p.After == 0 {
		slices.Reverse(list)
	}
	return list, err
}

// Get answers one event of the owner; false when there is none with that number.
func (l *Log) Get(ctx context.Context, owner string, seq int64) (e Event, ok bool, err error) {
	err = l.db.Query(ctx, sqlGet, []any{owner, seq}, func(r store.Row) error {
		ok = true
		e, err = scan(r)
		return err
	})
	return e, ok, err
}

// GetAll answers the events with the given keys (owner and number), by key, for a worker that has taken several deliveries.
func (l *Log) GetAll(ctx context.Context, keys []Key) (map[Key]Event, error) {
	args := make([]any, 0, 2*len(keys))
	for _, k := range keys {
		args = append(args, k.Owner, k.Seq)
	}
	found := make(map[Key]Event, len(keys))
	err := l.db.QueryRows(ctx, bulkGet, args, func(r store.Row) error {
		e, err := scan(r)
		found[Key{e.Owner, e.Seq}] = e
		return err
	})
	return found, err
}

// Key names an event.
type Key struct {
	Owner string
	Seq   int64
}

// Count answers how many events there are, of all owners, and when the last one was; the zero time without any.
func Count(ctx context.Context, tx *store.Tx) (events int64, last time.Time, err error) {
	var at int64
	err = tx.Query(ctx, sqlCount, nil, func(r store.Row) error { return r.Scan(&events, &at) })
	return events, clock.FromMicros(at), err
}

// Stream walks all events about one kind of thing, ordered by owner, subject and number: the order in which an audit walks the rows
// they are about.
func Stream(ctx context.Context, tx *store.Tx, kind string) *store.Stream[Event] {
	return store.NewStream(ctx, tx, sqlStream, []any{kind}, scan)
}

// StreamSubjects is Stream ordered by subject, whoever's event it is, then by owner and number: for things whose events are not their owner's.
func StreamSubjects(ctx context.Context, tx *store.Tx, kind string) *store.Stream[Event] {
	return store.NewStream(ctx, tx, sqlSubjects, []any{kind}, scan)
}

func scan(r store.Row) (e Event, err error) {
	var typ, data string
	var at int64
	err = r.Scan(&e.Owner, &e.Seq, &typ, &e.Kind, &e.Subject, &e.Door, &data, &at)
	e.Type, e.Data, e.At = Type(typ), json.RawMessage(data), clock.FromMicros(at)
	return e, err
}
