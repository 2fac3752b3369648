package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"sarraf/store"
)

// databaseFlag is the database a command works on.
type databaseFlag struct {
	Database string `default:"sqlite:sarraf.db" help:"Database: sqlite:PATH or postgres://user@host/name."`
}

// open opens it with the program's own clock.
func (f databaseFlag) open(ctx context.Context, opts store.Options) (*store.DB, error) {
	db, err := store.Open(ctx, f.Database, opts)
	if err != nil {
		return nil, fmt.Errorf("cannot open the database: %w", err)
	}
	return db, nil
}

// openMade opens a database that must be there already. Opening makes an SQLite file that is not, and an empty one in place of a
// mistyped name would be taken for the books.
func (f databaseFlag) openMade(ctx context.Context, opts store.Options) (*store.DB, error) {
	if err := f.mustBeMade(); err != nil {
		return nil, err
	}
	return f.open(ctx, opts)
}

func (f databaseFlag) mustBeMade() error {
	if path, ok := strings.CutPrefix(f.Database, "sqlite:"); ok {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no database %s: give its name with --database, or make it with sarraf migrate", path)
		}
	}
	return nil
}

type migrateCmd struct {
	databaseFlag
	DryRun bool `help:"Only show what would be done."`
}

func (c migrateCmd) Run(ctx context.Context, io streams) error {
	db, err := c.open(ctx, store.Options{Logger: slog.New(slog.NewTextHandler(io.err, nil))})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	names, err := db.Migrate(ctx, c.DryRun)
	for _, n := range names {
		verb := "applied"
		if c.DryRun {
			verb = "would apply"
		}
		fmt.Fprintln(io.out, verb, n)
	}
	if err == nil && len(names) == 0 {
		fmt.Fprintln(io.out, "The schema is up to date.")
	}
	return err
}
