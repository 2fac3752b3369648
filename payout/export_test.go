package payout

import (
	"context"

	"sarraf/store"
)

// ListIn is List in a transaction: tests count what it reads.
func ListIn(ctx context.Context, tx *store.Tx, q Query) (list []Payout, err error) {
	sql, args := q.statement()
	err = tx.Query(ctx, sql, args, keepIn(&list))
	return list, err
}

// Statement is the text of a list, for those who ask an engine how it goes about it.
func (q Query) Statement() (string, []any) { return q.statement() }

// OfBatch runs the statements by which a batch is decided: tests count what they read.
func OfBatch(ctx context.Context, tx *store.Tx, owner, batch, by string) (rows int, err error) {
	count := func(store.Row) error {
		rows++
		return nil
	}
	tx.Later(sqlDecidedOfBatch, []any{owner, batch, by}, count)
	err = tx.Query(ctx, sqlWantedOfBatch, []any{owner, batch, int64(0), int64(100)}, count)
	return rows, err
}
