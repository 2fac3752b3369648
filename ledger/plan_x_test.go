package ledger

import (
	"context"
	"testing"
	"fmt"
	"strings"

	"sarraf/internal/storetest"
	"sarraf/store"
)

func TestPlanX(t *testing.T) {
	db := storetest.Open(t, storetest.URL(t, store.SQLite), nil)
	for _, q := range []string{
		`WITH k (owner, id) AS (VALUES (CAST($1 AS TEXT),CAST($2 AS TEXT)),($3,$4)) SELECT a.id FROM k JOIN account a ON a.owner = k.owner AND a.id = k.id
		ORDER BY a.owner, a.id`,
		`WITH k (owner, id) AS (VALUES ($1,$2),($3,$4)) SELECT e.seq FROM k JOIN entry e ON e.owner = k.owner AND e.transfer = k.id`,
		`WITH k (owner, id) AS (VALUES ($1,$2),($3,$4)) SELECT e.seq FROM k CROSS JOIN entry e ON e.owner = k.owner AND e.transfer = k.id`,
		`WITH k (owner, id, x, y) AS (VALUES ($1,$2,$3,$4),($1,$2,$3,$4)) UPDATE account SET debits=k.x FROM k WHERE account.owner = k.owner AND account.id = k.id`,
		sqlUnmatched, sqlStepsByHold, sqlAllEntries, sqlHeadsAfter,
	} {
		fmt.Println(strings.Join(strings.Fields(q), " "))
		var args []any
		for i := 1; strings.Contains(q, fmt.Sprintf("$%d", i)); i++ { args = append(args, "x") }
		err := db.Query(context.Background(), "EXPLAIN QUERY PLAN "+q, args, func(r store.Row) error {
			var a, b, c any
			var s string
			err := r.Scan(&a, &b, &c, &s)
			fmt.Println("   ", s)
			return err
		})
		if err != nil { t.Log(err) }
	}
}
