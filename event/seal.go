package event

import (
	"context"
	"time"

	"sarraf/internal/clock"
	"sarraf/seal"
	"sarraf/store"
)

// chain is the name of the hash chain of an owner's events.
const chain = "events"

// Sealed is the events as a source of hash chains: one chain an owner.
type Sealed struct{}

var _ seal.Source = Sealed{}

// Table is "event".
func (Sealed) Table() string { return "event" }

// Prefix is "events".
func (Sealed) Prefix() string { return chain }

// HeadsOf answers how far the owners' events go.
func (Sealed) HeadsOf(ctx context.Context, tx *store.Tx, owners []string) ([]seal.Head, error) {
	args := make([]any, len(owners))
	for i, o := range owners {
		args[i] = o
	}
	var heads []seal.Head
	err := tx.QueryRows(ctx, bulkHeads, args, func(r store.Row) error {
		h, err := scanHead(r)
		heads = append(heads, h)
		return err
	})
	return heads, err
}

// Heads walks all owners.
func (Sealed) Heads(ctx context.Context, tx *store.Tx) *store.Stream[seal.Head] {
	return store.NewStream(ctx, tx, sqlHeads, nil, scanHead)
}

// Rows calls fn for the events of the spans.
func (Sealed) Rows(ctx context.Context, tx *store.Tx, spans []seal.Span, fn func(seal.Row) error) error {
	each := func(r store.Row) error {
		row, err := scanRow(r)
		if err != nil {
			return err
		}
		return fn(row)
	}
	args := make([]any, 0, 3*len(spans))
	for _, s := range spans {
		if s.Long() {
			tx.Later(sqlSpan, []any{s.Owner, s.After, s.UpTo}, each)
		} else {
			args = append(args, s.Owner, s.After, s.UpTo)
		}
	}
	return tx.QueryRows(ctx, bulkSpans, args, each)
}

// Newest answers when the newest event was made.
func (Sealed) Newest(ctx context.Context, tx *store.Tx) (time.Time, error) {
	var at int64
	err := tx.Query(ctx, sqlNewest, nil, func(r store.Row) error { return r.Scan(&at) })
	return clock.FromMicros(at), err
}

// Stream walks all events by owner and number.
func (Sealed) Stream(ctx context.Context, tx *store.Tx) *store.Stream[seal.Row] {
	return store.NewStream(ctx, tx, sqlAll, nil, scanRow)
}

func scanHead(r store.Row) (h seal.Head, err error) {
	h.Chain = chain
	err = r.Scan(&h.Owner, &h.Seq)
	return h, err
}

func scanRow(r store.Row) (seal.Row, error) {
	var owner, typ, kind, subject, door, data string
	var seq, at int64
	err := r.Scan(&owner, &seq, &typ, &kind, &subject, &door, &data, &at)
	return seal.Row{
		Owner: owner, Chain: chain, Seq: seq, At: clock.FromMicros(at), Columns: []any{owner, seq, typ, kind, subject, door, data, at},
	}, err
}
