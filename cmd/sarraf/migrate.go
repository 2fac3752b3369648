package main

import (
	"context"
	"fmt"
	"log/slog"

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
