package store

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// cursor is an open answer that is read piece by piece, several side by side in one snapshot.
type cursor interface {
	// fetch scans up to n more rows and answers how many there were.
	fetch(ctx context.Context, n int, scan func(Row) error) (int, error)
	close(ctx context.Context)
}

// streamPiece is how many rows a stream holds at a time.
const streamPiece = 500

// Stream is an answer of any length, read in pieces, so that several that are sorted by the same key can be walked side by side
// without holding a table in memory.
type Stream[T any] struct {
	cur  cursor
	scan func(Row) (T, error)
	buf  []T
	at   int
	done bool
	err  error
}

// NewStream opens a stream over a query, in a Snapshot as a rule. Rows are made into values by scan. The stream ends with the
// transaction.
func NewStream[T any](ctx context.Context, tx *Tx, sql string, args []any, scan func(Row) (T, error)) *Stream[T] {
	s := &Stream[T]{scan: scan}
	if s.err = tx.Flush(ctx); s.err != nil {
		return s
	}
	s.cur, s.err = tx.sess.open(ctx, tx.db.text(sql), args)
	return s
}

// Peek answers the next value without passing it; false at the end or after an error, which Err then has.
func (s *Stream[T]) Peek(ctx context.Context) (v T, ok bool) {
	if s.at == len(s.buf) && !s.done && s.err == nil {
		s.buf, s.at = s.buf[:0], 0
		n, err := s.cur.fetch(ctx, streamPiece, func(r Row) error {
			v, err := s.scan(r)
			s.buf = append(s.buf, v)
			return err
		})
		s.err, s.done = err, n < streamPiece
		if s.done || err != nil {
			s.cur.close(ctx)
		}
	}
	if s.err != nil || s.at == len(s.buf) {
		return v, false
	}
	return s.buf[s.at], true
}

// Next answers the next value and passes it.
func (s *Stream[T]) Next(ctx context.Context) (v T, ok bool) {
	if v, ok = s.Peek(ctx); ok {
		s.at++
	}
	return v, ok
}

// Err is what went wrong, nil after a stream that was read to its end.
func (s *Stream[T]) Err() error { return outward(s.err) }

func (s *sqliteRead) open(ctx context.Context, text string, args []any) (cursor, error) {
	rows, err := s.conn.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	s.opened = append(s.opened, rows)
	return &sqliteCursor{rows: rows}, nil
}

func (s *sqliteWrite) open(ctx context.Context, text string, args []any) (cursor, error) {
	rows, err := s.db.conn.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	s.opened = append(s.opened, rows)
	return &sqliteCursor{rows: rows}, nil
}

type sqliteCursor struct {
	rows interface {
		Row
		Next() bool
		Err() error
		Close() error
	}
}

func (c *sqliteCursor) fetch(_ context.Context, n int, scan func(Row) error) (int, error) {
	for i := range n {
		if !c.rows.Next() {
			return i, c.rows.Err()
		}
		if err := scan(c.rows); err != nil {
			return i, err
		}
	}
	return n, nil
}

func (c *sqliteCursor) close(context.Context) { _ = c.rows.Close() }

func (s *postgresTx) open(ctx context.Context, text string, args []any) (cursor, error) {
	s.cursors++
	name := "stream" + strconv.Itoa(s.cursors)
	_, err := s.tx.Exec(ctx, "DECLARE "+name+" NO SCROLL CURSOR FOR "+text, args...)
	return &postgresCursor{tx: s, name: name}, err
}

type postgresCursor struct {
	tx   *postgresTx
	name string
}

func (c *postgresCursor) fetch(ctx context.Context, n int, scan func(Row) error) (int, error) {
	got := 0
	// Not as a kept statement: the same words fetch other columns in another transaction.
	rows, err := c.tx.tx.Query(ctx, "FETCH "+strconv.Itoa(n)+" FROM "+c.name, pgx.QueryExecModeDescribeExec)
	err = eachPG(rows, err, func(r Row) error {
		got++
		return scan(r)
	})
	return got, err
}

func (c *postgresCursor) close(ctx context.Context) { _, _ = c.tx.tx.Exec(ctx, "CLOSE "+c.name) }
