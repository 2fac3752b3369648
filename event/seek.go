package event

import (
	"context"
	"sort"
	"time"

	"sarraf/internal/clock"
	"sarraf/store"
)

// What an operator reads, in a snapshot.

// Find answers the owner's event with the number; false when there is none.
func Find(ctx context.Context, tx *store.Tx, owner string, seq int64) (e Event, ok bool, err error) {
	err = tx.Query(ctx, sqlGet, []any{owner, seq}, func(r store.Row) error {
		ok = true
		e, err = scan(r)
		return err
	})
	return e, ok, err
}

// About are the owner's events about a subject, by number. There is no index by subject, which would cost every payment: the events
// made from the one time to the other are read, whose numbers are found by halving. Events are numbered in the order of their commits,
// so that their times may be out of order by as much as two nodes' clocks differ or a command waited: the caller adds that to both ends.
// With zero times all events of the owner are read.
func About(ctx context.Context, tx *store.Tx, owner, subject string, from, to time.Time) ([]Event, error) {
	var last int64
	err := tx.Query(ctx, sqlLast, []any{owner}, func(r store.Row) error { return r.Scan(&last) })
	if err != nil {
		return nil, err
	}
	low, high := int64(1), last
	if !from.IsZero() {
		if low, err = firstAt(ctx, tx, owner, last, from); err != nil {
			return nil, err
		}
	}
	if !to.IsZero() {
		if high, err = firstAt(ctx, tx, owner, last, to); err != nil {
			return nil, err
		}
	}
	var list []Event
	err = tx.Query(ctx, sqlAbout, []any{owner, low, high, subject}, func(r store.Row) error {
		e, err := scan(r)
		list = append(list, e)
		return err
	})
	return list, err
}

// firstAt is the number of the owner's first event that was made at t or later; the one after the last when there is none.
func firstAt(ctx context.Context, tx *store.Tx, owner string, last int64, t time.Time) (int64, error) {
	var failed error
	n := sort.Search(int(last), func(i int) bool {
		at := int64(0)
		if failed == nil {
			failed = tx.Query(ctx, sqlAt, []any{owner, int64(i) + 1}, func(r store.Row) error { return r.Scan(&at) })
		}
		return at >= clock.Micros(t)
	})
	return int64(n) + 1, failed
}

// Latest is when the latest of all owners' last events was made; the zero time when there is none. It looks at one event an owner.
func Latest(ctx context.Context, tx *store.Tx) (time.Time, error) {
	var at int64
	err := tx.Query(ctx, sqlLatest, nil, func(r store.Row) error { return r.Scan(&at) })
	return clock.FromMicros(at), err
}
