package webhook

import (
	"context"
	"slices"
	"strings"
	"time"

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
