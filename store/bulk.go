package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Bulk is a statement over a list of rows, such as a many-row INSERT or an UPDATE ... FROM a list. It is made once, as a package
// variable, with NewBulk.
//
// A list of any length is sent as a few statements whose row counts are powers of two, so that each engine prepares a handful
// of texts once and for all; rows keep their order, so a list that is sorted by key is locked in the order of its keys.
type Bulk struct {
	before, after string
	plain         bool // parameters are ? and not $n
	types         []string
	texts         [maxBits + 1]struct {
		once sync.Once
		sql  string
	}
	engine [2]*Bulk
	sql    string
	once   sync.Once
}

// maxBits bounds one statement: 2^maxBits rows, and never more than maxParams parameters.
const (
	maxBits   = 9
	maxParams = 32000
)

// NewBulk makes a Bulk of sql, in which {rows} stands for the list "($1, $2), ($3, $4), ...". types gives each column its SQL type
// (BIGINT or TEXT); they are cast in the first row of the list, since PostgreSQL must be told what a parameter in VALUES is.
// It panics when sql has no {rows}: that is a mistake in the program.
func NewBulk(sql string, types ...string) *Bulk {
	if strings.Count(sql, "{rows}") != 1 || len(types) == 0 {
		panic("store: a bulk statement needs {rows} once, and column types: " + sql)
	}
	return &Bulk{sql: sql, types: types}
}

// on is the bulk with the engine's own words in it.
func (b *Bulk) on(db *DB) *Bulk {
	b.once.Do(func() {
		for i, e := range []Engine{SQLite, Postgres} {
			before, after, _ := strings.Cut(dialect(e, b.sql), "{rows}")
			// SQLite takes $n for a name, and its driver looks each name up in a list of them all: parameters that stand in their
			// order anyway need none.
			b.engine[i] = &Bulk{before: before, after: after, plain: e == SQLite, types: b.types}
		}
	})
	if db.engine == SQLite {
		return b.engine[0]
	}
	return b.engine[1]
}

// text is the statement for 2^bits rows.
func (b *Bulk) text(bits int) string {
	t := &b.texts[bits]
	t.once.Do(func() {
		var s strings.Builder
		s.WriteString(b.before)
		n := 0
		for row := range 1 << bits {
			if row > 0 {
				s.WriteString(", ")
			}
			s.WriteByte('(')
			for col, typ := range b.types {
				if col > 0 {
					s.WriteString(", ")
				}
				n++
				param := "?"
				if !b.plain {
					param = "$" + strconv.Itoa(n)
				}
				if row == 0 {
					param = "CAST(" + param + " AS " + typ + ")"
				}
				s.WriteString(param)
			}
			s.WriteByte(')')
		}
		s.WriteString(b.after)
		t.sql = s.String()
	})
	return t.sql
}

// LaterRows queues the bulk statement for all rows. args holds the rows one after another, each as many values as the bulk has
// columns; scan is called for each row of the answers and may be nil. No rows, no statement.
func (tx *Tx) LaterRows(bulk *Bulk, args []any, scan func(Row) error) {
	b := bulk.on(tx.db)
	cols := len(b.types)
	if len(args)%cols != 0 {
		panic(fmt.Sprintf("store: %d values do not fill rows of %d columns", len(args), cols))
	}
	for rows := len(args) / cols; rows > 0; rows = len(args) / cols {
		bits := maxBits
		for 1<<bits > rows || (cols<<bits) > maxParams {
			bits--
		}
		n := cols << bits
		tx.queue = append(tx.queue, statement{sql: b.text(bits), args: args[:n:n], scan: scan})
		args = args[n:]
	}
}

// QueryRows is LaterRows, then Flush.
func (tx *Tx) QueryRows(ctx context.Context, bulk *Bulk, args []any, scan func(Row) error) error {
	tx.LaterRows(bulk, args, scan)
	return tx.Flush(ctx)
}

// text is sql with the engine's own words: {lock:a} locks the rows of table alias a until the end of the transaction, where the
// engine does not lock the whole database anyway.
func (db *DB) text(sql string) string {
	if !strings.Contains(sql, "{lock") {
		return sql
	}
	return dialect(db.engine, sql)
}

func dialect(e Engine, sql string) string {
	before, rest, ok := strings.Cut(sql, "{lock:")
	if !ok {
		return sql
	}
	table, after, _ := strings.Cut(rest, "}")
	if e == SQLite {
		return before + after
	}
	return before + "FOR UPDATE OF " + table + after
}
