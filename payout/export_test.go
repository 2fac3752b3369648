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
