package main

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"sarraf/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// Every job writes what it says, in both engines: run counts the rows itself and fails when they are not there.
func TestEveryJobWritesItsRows(t *testing.T) {
	perCommand := map[string]float64{"create": 4, "settle": 6, "settle-fee": 8, "status": 0, "transfer": 4, "transfer-spread": 6, "create-single": 5, "settle-single": 9}
	for engine, dsn := range map[string]string{
		"sqlite":   "sqlite:" + filepath.Join(t.TempDir(), "raw.db"),
		"postgres": pgtest.Start(t, true).Database(t),
	} {
		t.Run(engine, func(t *testing.T) {
			var out bytes.Buffer
			if err := run(t.Context(), options{database: dsn, seconds: 0.3, batch: 7, conns: 4, works: works}, &out); err != nil {
				t.Fatal(err)
			}
			dec := json.NewDecoder(&out)
			for _, w := range works {
				var l Line
				if err := dec.Decode(&l); err != nil {
					t.Fatalf("%s: %v", w, err)
				}
				if l.Work != w || l.Engine != engine || l.Commands < 1 || l.Rate <= 0 || float64(l.Rows) < perCommand[w]*float64(l.Commands) {
					t.Errorf("%s: %+v", w, l)
				}
			}
		})
	}
}

func TestADatabaseThatIsNotDurableIsRefused(t *testing.T) {
	_, err := openEngine(context.Background(), pgtest.Database(t), 1)
	if err == nil || !strings.Contains(err.Error(), "not fully durable") {
		t.Errorf("%v, want a refusal", err)
	}
}

func TestStatementsAreWrittenForAnyNumberOfRows(t *testing.T) {
	b := newBulk("x", "ti", "INSERT INTO x (a, b) VALUES {rows}")
	for rows, want := range map[int]string{
		1: "INSERT INTO x (a, b) VALUES (CAST($1 AS TEXT),CAST($2 AS BIGINT))",
		2: "INSERT INTO x (a, b) VALUES (CAST($1 AS TEXT),CAST($2 AS BIGINT)),($3,$4)",
	} {
		if got := b.text(rows, false); got != want {
			t.Errorf("%d rows: %s, want %s", rows, got, want)
		}
	}
	if got, want := newBulk("x", "t", "VALUES {rows}").text(2, true), "VALUES (CAST(? AS TEXT)),(?)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
