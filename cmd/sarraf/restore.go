package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"sarraf/internal/audit"
	"sarraf/internal/clock"
	"sarraf/store"
)

type restoreCmd struct {
	databaseFlag
	sealKeysFlag
	programsFlag
	File    string `arg:"" help:"A file that sarraf backup made."`
	Replace bool   `help:"Take the place of a database that is there, which is kept under another name."`
	Skip    int64  `name:"skip-numbers" default:"1000000" help:"How much further running numbers (in printed invoice ids) go on: more than were given out since the backup was made."`
	JSON    bool   `name:"json" help:"Print one JSON object."`
}

// mostSkipped bounds what can be skipped at once: printed ids have 14 digits.
const mostSkipped = 1_000_000_000_000

// restoreAnswer is what `sarraf restore --json` prints.
type restoreAnswer struct {
	Restored bool     `json:"restored"`
	File     string   `json:"file"`
	Kept     string   `json:"kept"`     // what the database is called that was there before; "" when there was none
	Migrated []string `json:"migrated"` // migrations that the backup lacked
	Left     []string `json:"left"`     // databases that restores left which were killed
	Skipped  int64    `json:"skipped_numbers"`
	proof
	Took string `json:"took"`
}

func (c restoreCmd) Run(ctx context.Context, io streams) error {
	pinned, err := c.keys()
	if err != nil {
		return err
	}
	if c.Skip < 0 || c.Skip > mostSkipped {
		return usage("--skip-numbers %d: want 0 to %d", c.Skip, int64(mostSkipped))
	}
	unlock, err := lockDatabase(c.Database)
	if errors.Is(err, errServed) {
		return fmt.Errorf("nothing was restored: %s is being served; stop sarraf serve first", strings.TrimPrefix(c.Database, "sqlite:"))
	} else if err != nil {
		return err
	}
	defer unlock()
	now := clock.System{}
	began := now.Now()
	a := restoreAnswer{File: c.File, proof: proof{Findings: []audit.Finding{}}, Skipped: c.Skip, Migrated: []string{}, Left: []string{}}
	done, err := store.Restore(ctx, c.Database, c.File, store.RestoreOptions{
		Replace: c.Replace, Programs: c.PGBin, Logger: slog.New(slog.NewTextHandler(io.err, nil)), SkipNumbers: c.Skip, Prove: a.of(now, pinned),
	})
	a.Took = now.Now().Sub(began).Round(time.Millisecond).String()
	switch {
	case errors.Is(err, errFound):
		return c.refuse(io, a)
	case err != nil:
		return fmt.Errorf("nothing was restored: %w", err)
	}
	a.Restored, a.Kept = true, done.Kept
	a.Migrated, a.Left = append(a.Migrated, done.Applied...), append(a.Left, done.Left...)
	return c.say(io, a)
}

func (c restoreCmd) say(io streams, a restoreAnswer) error {
	if c.JSON {
		return printJSON(io, a)
	}
	for _, m := range a.Migrated {
		fmt.Fprintln(io.out, "applied", m)
	}
	fmt.Fprintf(io.out, "Restored %s in %s. Its books are proved: no discrepancy.\nIt holds %s.\n", c.File, a.Took, a.Holds)
	if a.Kept != "" {
		fmt.Fprintf(io.out, "What was there before is kept as %s.\n", a.Kept)
	}
	for _, name := range a.Left {
		fmt.Fprintf(io.out, "A restore that did not end left %s, which may be dropped.\n", name)
	}
	_, err := fmt.Fprintf(io.out, "Running numbers go on %d further. What happened after that last event is not in it: see docs/operations.md, Backup and restore.\n", a.Skipped)
	return err
}

func (c restoreCmd) refuse(io streams, a restoreAnswer) error {
	if c.JSON {
		return errors.Join(printJSON(io, a), errFound)
	}
	printFindings(io, a.Findings)
	fmt.Fprintf(io.err, "sarraf: nothing was restored, since the backup has %d discrepancies. Take an earlier one.\n", len(a.Findings))
	return errFound
}
