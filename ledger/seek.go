package ledger

import (
	"context"
	"math"
	"time"

	"sarraf/internal/id"
	"sarraf/store"
)

// What an operator reads, over all owners, in a snapshot.

// OfTransfer are the entries of the transfers with the id: two each, the debit first. Only ids that people choose, such as a funding's,
// can be those of several owners.
func OfTransfer(ctx context.Context, tx *store.Tx, transfer string) ([]Entry, error) {
	return query(ctx, tx, sqlTransfer, transfer)
}

// OfSubject are the owner's entries that were made for the subject from the one time to the other, by transfer, each debit first. It reads
// all entries of that time, of every owner: an index by subject would cost every payment, and this is asked rarely.
func OfSubject(ctx context.Context, tx *store.Tx, owner, subject string, from, to time.Time) ([]Entry, error) {
	return query(ctx, tx, sqlOfSubject, id.Least(from), id.Least(to), owner, subject)
}

// OfSubjectEver is OfSubject whenever it was: it reads all entries of the owner.
func OfSubjectEver(ctx context.Context, tx *store.Tx, owner, subject string) ([]Entry, error) {
	return query(ctx, tx, sqlOfSubjectEver, owner, subject)
}

// HoldOf is the owner's hold with the id, as it stands; false when there is none.
func HoldOf(ctx context.Context, tx *store.Tx, owner, id string) (h Held, found bool, err error) {
	err = tx.Query(ctx, sqlHold, []any{owner, id}, func(r store.Row) (err error) {
		found = true
		h, err = scanHeld(r)
		return err
	})
	return h, found, err
}

func query(ctx context.Context, tx *store.Tx, sql string, args ...any) ([]Entry, error) {
	var list []Entry
	err := tx.Query(ctx, sql, args, func(r store.Row) error {
		e, err := scanPublic(r)
		list = append(list, e)
		return err
	})
	return list, err
}

// Latest are the last entries of an account, at most limit of them, the newest first.
func Latest(ctx context.Context, tx *store.Tx, a Account, limit int) ([]Entry, error) {
	return query(ctx, tx, sqlNewest, a.Owner, a.ID(), int64(0), int64(math.MaxInt64), "", int64(limit))
}
