// Package audittest proves audits: it edits one value of a database at a time, deletes a row, inserts one, and holds against it what
// the audit then says. Every edit is taken back.
package audittest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sarraf/internal/audit"
	"sarraf/store"
)

// Table is one table that an audit answers for.
type Table struct {
	Name  string
	Key   []string // the columns of its primary key
	Fresh []string // other columns in which a copy of a row must differ, because they are unique
	Where string   // a condition that the audit's rows fulfil; "" for all
}

// Audit is what is proved.
type Audit func(ctx context.Context, tx *store.Tx, report audit.Report) error

// errUndo takes an edit back.
var errUndo = errors.New("undo")

// Walk runs the audit, which must find nothing, and then after each edit: every column of every row of the tables, as the schema names
// them, gets another value, NULL where it may be, and where it is, the empty value that may be taken for NULL; every row is deleted; every row is copied under another key. Each time the audit
// must name the table.
func Walk(t *testing.T, db *store.DB, check Audit, tables ...Table) {
	t.Helper()
	if found := edited(t, db, check, ""); len(found) > 0 {
		t.Fatalf("before any edit: %v", found)
	}
	for _, table := range tables {
		columns := columnsOf(t, db, table.Name)
		for _, row := range rowsOf(t, db, table) {
			var edits []string
			for _, c := range columns {
				edits = append(edits, fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s", table.Name, c.name, c.changed(), row))
				if c.nullable {
					edits = append(edits, fmt.Sprintf("UPDATE %s SET %s = NULL WHERE %s AND %[2]s IS NOT NULL", table.Name, c.name, row),
						fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s AND %[2]s IS NULL", table.Name, c.name, c.empty(), row))
				}
			}
			edits = append(edits, fmt.Sprintf("DELETE FROM %s WHERE %s", table.Name, row), table.copyOf(row, columns))
			for _, edit := range edits {
				found := edited(t, db, check, edit)
				if found == nil {
					continue // it changed nothing
				}
				if !slices.ContainsFunc(found, func(f audit.Finding) bool { return f.Table == table.Name }) {
					t.Errorf("the audit does not name %s after %s: %v", table.Name, edit, found)
				}
			}
		}
	}
}

// copyOf is the statement that copies a row under another key.
func (tb Table) copyOf(row string, columns []column) string {
	var names, values []string
	for _, c := range columns {
		names = append(names, c.name)
		switch {
		case c.name == tb.Key[len(tb.Key)-1] || slices.Contains(tb.Fresh, c.name):
			values = append(values, c.changed())
		default:
			values = append(values, c.name)
		}
	}
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %[1]s WHERE %[4]s", tb.Name, strings.Join(names, ", "), strings.Join(values, ", "), row)
}

// edited is what the audit finds after an edit: nil when the edit touched no row, and never nil otherwise.
func edited(t *testing.T, db *store.DB, check Audit, edit string) (found []audit.Finding) {
	t.Helper()
	// Whoever edits a database by hand is not stopped by foreign keys.
	unguard := "PRAGMA defer_foreign_keys = ON"
	if db.Engine() == store.Postgres {
		unguard = "SET LOCAL session_replication_role = 'replica'"
	}
	err := db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		found = nil
		if edit != "" {
			if err := tx.Exec(ctx, unguard); err != nil {
				return err
			}
			err := tx.Query(ctx, edit+" RETURNING 1", nil, func(r store.Row) error {
				found = []audit.Finding{}
				return r.Scan(new(int64))
			})
			if err != nil {
				return err
			}
			if found == nil {
				return errUndo
			}
		}
		if err := check(ctx, tx, func(f audit.Finding) { found = append(found, f) }); err != nil {
			return err
		}
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		t.Fatalf("%s: %v", edit, err)
	}
	return found
}

type column struct {
	name     string
	number   bool
	nullable bool
}

// changed is another value for the column, where there is one and where there is none.
func (c column) changed() string {
	if c.number {
		return "COALESCE(" + c.name + ", 0) + 1000003" // the numbers next to it may be taken
	}
	return "COALESCE(" + c.name + ", '') || 'x'"
}

// empty is what might be mistaken for NULL.
func (c column) empty() string {
	if c.number {
		return "0"
	}
	return "''"
}

func columnsOf(t *testing.T, db *store.DB, table string) (list []column) {
	t.Helper()
	q := `SELECT name, type, CASE WHEN "notnull" = 0 AND pk = 0 THEN 'YES' ELSE 'NO' END FROM pragma_table_info($1) ORDER BY cid`
	if db.Engine() == store.Postgres {
		q = `SELECT column_name::text, data_type::text, is_nullable::text FROM information_schema.columns
			WHERE table_name = $1 AND table_schema = current_schema() ORDER BY ordinal_position`
	}
	err := db.Query(context.Background(), q, []any{table}, func(r store.Row) error {
		var name, typ, nullable string
		err := r.Scan(&name, &typ, &nullable)
		list = append(list, column{name: name, number: strings.EqualFold(typ, "bigint"), nullable: nullable == "YES"})
		return err
	})
	if err != nil || len(list) == 0 {
		t.Fatalf("columns of %s: %v, %v", table, list, err)
	}
	return list
}

// rowsOf is a condition for each row of a table.
func rowsOf(t *testing.T, db *store.DB, table Table) (list []string) {
	t.Helper()
	var parts []string
	for _, k := range table.Key {
		parts = append(parts, "'"+k+" = ''' || "+k+" || ''''")
	}
	q := "SELECT " + strings.Join(parts, " || ' AND ' || ") + " FROM " + table.Name
	if table.Where != "" {
		q += " WHERE " + table.Where
	}
	err := db.Query(context.Background(), q, nil, func(r store.Row) error {
		var row string
		err := r.Scan(&row)
		list = append(list, row)
		return err
	})
	if err != nil || len(list) == 0 {
		t.Fatalf("rows of %s: %v, %v", table.Name, list, err)
	}
	return list
}
