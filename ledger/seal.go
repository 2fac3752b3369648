package ledger

import (
	"context"
	"strings"
	"time"

	"sarraf/internal/clock"
	"sarraf/seal"
	"sarraf/store"
)

// SealedEntries and SealedSteps are the entries and the steps of holds as sources of hash chains: one chain an account each.
var (
	SealedEntries seal.Source = source{
		table: "entry", prefix: "entries/", heads: sqlEntryHeads, all: sqlAllEntries, newest: sqlNewestEntry,
		span: sqlEntrySpan, spans: bulkEntrySpans,
		head: func(r store.Row) (owner, account string, seq int64, err error) {
			var ignored int64
			err = r.Scan(&owner, &account, &seq, &ignored)
			return owner, account, seq, err
		},
		row: func(r store.Row) (seal.Row, error) {
			e, err := scanEntry(r)
			return e.sealed(), err
		},
	}
	SealedSteps seal.Source = source{
		table: "hold_step", prefix: "holds/", heads: sqlStepHeads, all: sqlAllSteps, newest: sqlNewestStep,
		span: sqlStepSpan, spans: bulkStepSpans,
		head: func(r store.Row) (owner, account string, n int64, err error) {
			var ignored int64
			err = r.Scan(&owner, &account, &ignored, &n)
			return owner, account, n, err
		},
		row: func(r store.Row) (seal.Row, error) {
			s, err := scanStep(r)
			return s.sealed(), err
		},
	}
)

// source is a table whose rows are numbered for each account.
type source struct {
	table, prefix string
	heads, all    string
	newest, span  string
	spans         *store.Bulk
	head          func(store.Row) (owner, account string, seq int64, err error) // of a row of bulkHeads
	row           func(store.Row) (seal.Row, error)
}

// Table is the table's name.
func (s source) Table() string { return s.table }

// Prefix begins the names of its chains; the account's id follows.
func (s source) Prefix() string { return s.prefix }

// HeadsOf answers how far the chains of the owners go.
func (s source) HeadsOf(ctx context.Context, tx *store.Tx, owners []string) ([]seal.Head, error) {
	args := make([]any, len(owners))
	for i, o := range owners {
		args[i] = o
	}
	var heads []seal.Head
	err := tx.QueryRows(ctx, bulkHeads, args, func(r store.Row) error {
		owner, account, seq, err := s.head(r)
		if seq > 0 {
			heads = append(heads, seal.Head{Owner: owner, Chain: s.prefix + account, Seq: seq})
		}
		return err
	})
	return heads, err
}

// Heads walks the chains of all accounts that have rows.
func (s source) Heads(ctx context.Context, tx *store.Tx) *store.Stream[seal.Head] {
	return store.NewStream(ctx, tx, s.heads, nil, func(r store.Row) (h seal.Head, err error) {
		err = r.Scan(&h.Owner, &h.Chain, &h.Seq)
		h.Chain = s.prefix + h.Chain
		return h, err
	})
}

// Rows calls fn for the rows of the spans.
func (s source) Rows(ctx context.Context, tx *store.Tx, spans []seal.Span, fn func(seal.Row) error) error {
	each := func(r store.Row) error {
		row, err := s.row(r)
		if err != nil {
			return err
		}
		return fn(row)
	}
	args := make([]any, 0, 4*len(spans))
	for _, sp := range spans {
		account := strings.TrimPrefix(sp.Chain, s.prefix)
		if sp.Long() {
			tx.Later(s.span, []any{sp.Owner, account, sp.After, sp.UpTo}, each)
		} else {
			args = append(args, sp.Owner, account, sp.After, sp.UpTo)
		}
	}
	return tx.QueryRows(ctx, s.spans, args, each)
}

// Newest answers when the newest row was made.
func (s source) Newest(ctx context.Context, tx *store.Tx) (time.Time, error) {
	var at int64
	err := tx.Query(ctx, s.newest, nil, func(r store.Row) error { return r.Scan(&at) })
	return clock.FromMicros(at), err
}

// Stream walks all rows by owner, account and number.
func (s source) Stream(ctx context.Context, tx *store.Tx) *store.Stream[seal.Row] {
	return store.NewStream(ctx, tx, s.all, nil, s.row)
}

// sealed is every column of the row, in the schema's order.
func (e entryRow) sealed() seal.Row {
	return seal.Row{
		Owner: e.Owner, Chain: "entries/" + e.Account, Seq: e.Seq, At: clock.FromMicros(e.At),
		Columns: []any{
			e.Owner, e.Account, e.Seq, e.Transfer, string(e.Side), e.Amount, e.CounterOwner, e.CounterAccount, e.Kind, e.Subject,
			e.BalanceAfter, e.At,
		},
	}
}

func (s stepRow) sealed() seal.Row {
	return seal.Row{
		Owner: s.Owner, Chain: "holds/" + s.Account, Seq: s.N, At: clock.FromMicros(s.At),
		Columns: []any{
			s.Owner, s.Account, s.N, s.Hold, s.Step, s.Amount, s.CounterOwner, s.CounterAccount, s.Kind, s.Subject, s.Transfer.arg(),
			s.ExpiresAt.arg(), s.HeldAfter, s.EntrySeq, s.At,
		},
	}
}
