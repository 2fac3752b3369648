// Package storetest runs a test on both engines, always.
package storetest

import (
	"context"
	"path/filepath"
	"testing"

	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/store"
)

// Each runs fn once on a fresh migrated SQLite database and once on a fresh migrated PostgreSQL database, as subtests. c may be
// nil for the system's clock. The package's TestMain must call pgtest.Main.
func Each(t *testing.T, c clock.Clock, fn func(t *testing.T, db *store.DB)) {
	t.Helper()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) { fn(t, Open(t, URL(t, engine), c)) })
	}
}

// URL names a fresh empty database of the engine.
func URL(t testing.TB, engine store.Engine) string {
	t.Helper()
	if engine == store.SQLite {
		return "sqlite:" + filepath.Join(t.TempDir(), "sarraf.db")
	}
	return pgtest.Database(t)
}

// Open opens the database, migrates it, and closes it with the test.
func Open(t testing.TB, url string, c clock.Clock) *store.DB {
	t.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, url, store.Options{Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(ctx, false); err != nil {
		t.Fatal(err)
	}
	return db
}
