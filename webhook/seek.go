package webhook

import (
	"context"
	"slices"
	"strings"
	"time"

	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/store"
)

// What an operator reads, over all merchants, in a snapshot.

// OfID are the deliveries with the id that any of the owners has.
func OfID(ctx context.Context, tx *store.Tx, owners []string, id string) ([]Delivery, error) {
	args := make([]any, 0, 2*len(owners))
	for _, o := range owners {
		args = append(args, o, id)
	}
	var list []Delivery
	err := tx.QueryRows(ctx, bulkByID, args, func(r store.Row) error {
		d, err := scanDelivery(r)
		list = append(list, d)
		return err
	})
	slices.SortFunc(list, func(a, b Delivery) int { return strings.Compare(a.Owner, b.Owner) })
	return list, err
}

// About are the owner's deliveries about one object that were made from the one time to the other, oldest first. It reads all
// deliveries of the owner made then.
func About(ctx context.Context, tx *store.Tx, owner, object string, from, to time.Time) ([]Delivery, error) {
	var list []Delivery
	err := tx.Query(ctx, sqlOfObjectBetween, []any{owner, id.Least(from), id.Least(to), object}, func(r store.Row) error {
		d, err := scanDelivery(r)
		list = append(list, d)
		return err
	})
	return list, err
}

// Attempts are the attempts at a delivery, in their order.
func Attempts(ctx context.Context, tx *store.Tx, owner, delivery string) ([]Attempt, error) {
	var list []Attempt
	err := tx.Query(ctx, sqlAttempts, []any{owner, delivery}, func(r store.Row) error {
		a, err := scanAttempt(r)
		list = append(list, a)
		return err
	})
	return list, err
}

// Waiting is since when the first delivery that nobody has taken has been due; the zero time when none is due by now.
func Waiting(ctx context.Context, tx *store.Tx, now time.Time) (first time.Time, err error) {
	err = tx.Query(ctx, sqlLanes, nil, func(r store.Row) error {
		var lane string
		var due int64
		err := r.Scan(&lane, &due)
		if at := clock.FromMicros(due); !at.After(now) && (first.IsZero() || at.Before(first)) {
			first = at
		}
		return err
	})
	return first, err
}

// Endpoint is where a merchant's pending deliveries have failed.
type Endpoint struct {
	Owner      string
	Address    string // host:port
	Deliveries int64
	Failures   int64 // of the one that failed most
}

// failingMost is among how many pending deliveries the failing ones are looked for.
const failingMost = 100_000

// Failing are the endpoints with pending deliveries that have failed, the worst first. Among more than 100,000 pending deliveries not all
// are looked at.
func Failing(ctx context.Context, tx *store.Tx) ([]Endpoint, error) {
	var list []Endpoint
	err := tx.Query(ctx, sqlFailing, []any{int64(failingMost)}, func(r store.Row) error {
		var e Endpoint
		var lane string
		err := r.Scan(&lane, &e.Deliveries, &e.Failures)
		e.Owner, e.Address, _ = strings.Cut(lane, " ")
		list = append(list, e)
		return err
	})
	return list, err
}
