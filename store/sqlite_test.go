package store

import (
	"context"
	"path/filepath"
	"testing"
)

func TestWriterLeftInATransactionIsReplaced(t *testing.T) {
	ctx := context.Background()
	db, err := Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "t.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Migrate(ctx, false); err != nil {
		t.Fatal(err)
	}
	if err := db.Writable(ctx); err != nil {
		t.Fatal(err)
	}
	// As after an I/O error whose rollback failed too.
	if _, err := db.be.(*sqliteDB).conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if err := db.Writable(ctx); err == nil {
		t.Fatal("a transaction began within another")
	}
	if err := db.Writable(ctx); err != nil {
		t.Fatalf("the writer did not mend itself: %v", err)
	}
}
