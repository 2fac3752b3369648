package store

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// lookups join a list of keys to a table: by its primary key, in an order, by another unique key.
var lookups = []*Bulk{
	bulkAliasFind, bulkIdempotencyFind,
	NewBulk(`WITH k (owner, id) AS (VALUES {rows}) SELECT i.title FROM k JOIN invoice i ON i.owner = k.owner AND i.id = k.id
		ORDER BY i.owner, i.id {lock:i}`, "TEXT", "TEXT"),
	NewBulk(`WITH k (owner, transfer, side) AS (VALUES {rows}) SELECT e.at FROM k
		JOIN entry e ON e.owner = k.owner AND e.transfer = k.transfer AND e.side = k.side`, "TEXT", "TEXT", "TEXT"),
	NewBulk(`WITH d (owner, id, paid) AS (VALUES {rows}) UPDATE invoice SET paid = d.paid FROM d
		WHERE invoice.owner = d.owner AND invoice.id = d.id`, "TEXT", "TEXT", "BIGINT"),
}

func TestKeyedListOfAnyLengthNeverWalksATableOnSQLite(t *testing.T) {
	ctx := context.Background()
	db, err := Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "t.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Migrate(ctx, false); err != nil {
		t.Fatal(err)
	}
	for _, b := range lookups {
		for bits := range maxBits + 1 {
			b.once.Do(b.prepare)
			text := b.text(bits).sql
			args := make([]any, len(b.types)<<bits)
			for i := range args {
				args[i] = "x"
			}
			searched := false
			err := db.Query(ctx, "EXPLAIN QUERY PLAN "+text, args, func(r Row) error {
				var n int64
				var step string
				err := r.Scan(&n, &n, &n, &step)
				searched = searched || strings.HasPrefix(step, "SEARCH ") && !strings.HasPrefix(step, "SEARCH k ") && !strings.HasPrefix(step, "SEARCH d ")
				if strings.HasPrefix(step, "SCAN ") && step != "SCAN k" && step != "SCAN d" && !strings.Contains(step, "CONSTANT ROW") {
					t.Errorf("%d rows: %s in %s", 1<<bits, step, text[len(text)-60:])
				}
				return err
			})
			if err != nil || !searched {
				t.Errorf("%d rows: searched %v, %v: %s", 1<<bits, searched, err, text[len(text)-60:])
			}
		}
	}
}
