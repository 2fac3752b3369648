package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Bulk is a statement over a list of rows, such as a many-row INSERT or an UPDATE ... FROM a list. It is made once, as a package
// variable, with NewBulk.
//
// A list of any length is sent as few statements of few texts, so that each engine prepares a handful once and for all: on PostgreSQL
// as one array a column, on SQLite as lists whose row counts are powers of two. Rows keep their order, so a list that is sorted by key
// is locked in the order of its keys.
type Bulk struct {
	types []string
	sql   string
	once  sync.Once

	before, after string // SQLite: around the list
	texts         [maxBits + 1]bulkText
	arrays        string // PostgreSQL: the whole text
}

// bulkText is a text that is made once.
type bulkText struct {
	once sync.Once
	sql  string
}

// Bounds of one statement. SQLite: 2^maxBits rows, and never more than maxParams parameters. PostgreSQL: maxArray rows.
const (
	maxBits   = 9
	maxParams = 32000
	maxArray  = 4096
)

// valuesRows is where the list of rows stands in the text of a bulk statement.
const valuesRows = "VALUES {rows}"

// NewBulk makes a Bulk of sql, in which VALUES {rows} stands for the list of rows. types gives each column its SQL type (BIGINT or TEXT).
// It panics when sql has no VALUES {rows}: that is a mistake in the program.
func NewBulk(sql string, types ...string) *Bulk {
	if strings.Count(sql, valuesRows) != 1 || len(types) == 0 {
		panic("store: a bulk statement needs VALUES {rows} once, and column types: " + sql)
	}
	return &Bulk{sql: sql, types: types}
}

// prepare makes both engines' texts.
func (b *Bulk) prepare() {
	b.before, b.after, _ = strings.Cut(dialect(SQLite, b.sql), "{rows}")
	var arrays strings.Builder
	for i, typ := range b.types {
		if i > 0 {
			arrays.WriteString(", ")
		}
		arrays.WriteString("$" + strconv.Itoa(i+1) + "::" + typ + "[]")
	}
	b.arrays = strings.Replace(dialect(Postgres, b.sql), valuesRows, sqlArrays+"("+arrays.String()+")", 1)
}

// text is SQLite's statement for 2^bits rows. It takes $n for a name, and its driver looks each name up in a list of them all:
// parameters that stand in their order anyway need none.
func (b *Bulk) text(bits int) *bulkText {
	t := &b.texts[bits]
	t.once.Do(func() {
		var s strings.Builder
		s.WriteString(b.before)
		for row := range 1 << bits {
			if row > 0 {
				s.WriteString(", ")
			}
			s.WriteByte('(')
			for col, typ := range b.types {
				if col > 0 {
					s.WriteString(", ")
				}
				param := "?"
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
	return t
}

// LaterRows queues the bulk statement for all rows. args holds the rows one after another, each as many values as the bulk has
// columns; scan is called for each row of the answers and may be nil. No rows, no statement.
func (tx *Tx) LaterRows(bulk *Bulk, args []any, scan func(Row) error) {
	cols := len(bulk.types)
	if len(args)%cols != 0 {
		panic(fmt.Sprintf("store: %d values do not fill rows of %d columns", len(args), cols))
	}
	bulk.once.Do(bulk.prepare)
	if tx.db.engine == Postgres {
		for part := range slices.Chunk(args, maxArray*cols) {
			tx.queue = append(tx.queue, statement{sql: bulk.arrays, args: columnsOf(part, cols), scan: scan})
		}
		return
	}
	for rows := len(args) / cols; rows > 0; rows = len(args) / cols {
		bits := maxBits
		for 1<<bits > rows || (cols<<bits) > maxParams {
			bits--
		}
		n := cols << bits
		t := bulk.text(bits)
		tx.queue = append(tx.queue, statement{sql: t.sql, kept: t, args: args[:n:n], scan: scan})
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
