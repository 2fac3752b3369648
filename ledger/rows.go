package ledger

import (
	"fmt"

	"sarraf/internal/clock"
	"sarraf/store"
)

// The rows as the tables hold them, times in microseconds; audit and seals are about each of their columns.

// null is a column that may be NULL.
type null[T comparable] struct {
	value T
	set   bool
}

// String is the value, or NULL.
func (n null[T]) String() string {
	if !n.set {
		return "NULL"
	}
	return fmt.Sprint(n.value)
}

// arg is the value as an argument of a statement.
func (n null[T]) arg() any {
	if !n.set {
		return nil
	}
	return n.value
}

// some is a value that is set, unless it is the zero value, which stands for none.
func some[T comparable](v T) null[T] {
	var zero T
	return null[T]{v, v != zero}
}

func fromPointer[T comparable](p *T) null[T] {
	if p == nil {
		return null[T]{}
	}
	return null[T]{*p, true}
}

func floorOf(kind string) null[int64] {
	v, ok := Floor(kind)
	return null[int64]{v, ok}
}

type accountRow struct {
	Owner, ID, Currency, Kind string
	Debits, Credits, Held     int64
	Floor                     null[int64]
	Seq, HoldSeq              int64
}

func scanAccount(r store.Row) (a accountRow, err error) {
	var floor *int64
	err = r.Scan(&a.Owner, &a.ID, &a.Currency, &a.Kind, &a.Debits, &a.Credits, &a.Held, &floor, &a.Seq, &a.HoldSeq)
	a.Floor = fromPointer(floor)
	return a, err
}

type entryRow struct {
	Owner, Account               string
	Seq                          int64
	Transfer                     string
	Side                         Side
	Amount                       int64
	CounterOwner, CounterAccount string
	Kind, Subject                string
	BalanceAfter, At             int64
}

func (e *entryRow) into() []any {
	return []any{
		&e.Owner, &e.Account, &e.Seq, &e.Transfer, (*string)(&e.Side), &e.Amount, &e.CounterOwner, &e.CounterAccount, &e.Kind, &e.Subject,
		&e.BalanceAfter, &e.At,
	}
}

func scanEntry(r store.Row) (e entryRow, err error) {
	err = r.Scan(e.into()...)
	return e, err
}

// public is the row as readers get it.
func (e entryRow) public() Entry {
	return Entry{
		Owner: e.Owner, Account: e.Account, Seq: e.Seq, Transfer: e.Transfer, Side: e.Side, Amount: e.Amount,
		CounterOwner: e.CounterOwner, CounterAccount: e.CounterAccount, Kind: e.Kind, Subject: e.Subject, BalanceAfter: e.BalanceAfter,
		At: clock.FromMicros(e.At),
	}
}

func scanPublic(r store.Row) (Entry, error) {
	e, err := scanEntry(r)
	return e.public(), err
}

type holdRow struct {
	Owner, ID, Account           string
	CounterOwner, CounterAccount string
	Amount                       int64
	State                        string
	Kind, Subject                string
	Transfer                     null[string]
	ExpiresAt                    null[int64]
	CreatedAt                    int64
	ClosedAt                     null[int64]
}

func scanHold(r store.Row) (h holdRow, err error) {
	var transfer *string
	var expires, closed *int64
	err = r.Scan(&h.Owner, &h.ID, &h.Account, &h.CounterOwner, &h.CounterAccount, &h.Amount, &h.State, &h.Kind, &h.Subject, &transfer,
		&expires, &h.CreatedAt, &closed)
	h.Transfer, h.ExpiresAt, h.ClosedAt = fromPointer(transfer), fromPointer(expires), fromPointer(closed)
	return h, err
}

type stepRow struct {
	Owner, Account               string
	N                            int64
	Hold, Step                   string
	Amount                       int64
	CounterOwner, CounterAccount string
	Kind, Subject                string
	Transfer                     null[string]
	ExpiresAt                    null[int64]
	HeldAfter, EntrySeq, At      int64
}

func scanStep(r store.Row) (s stepRow, err error) {
	var transfer *string
	var expires *int64
	err = r.Scan(&s.Owner, &s.Account, &s.N, &s.Hold, &s.Step, &s.Amount, &s.CounterOwner, &s.CounterAccount, &s.Kind, &s.Subject,
		&transfer, &expires, &s.HeldAfter, &s.EntrySeq, &s.At)
	s.Transfer, s.ExpiresAt = fromPointer(transfer), fromPointer(expires)
	return s, err
}
