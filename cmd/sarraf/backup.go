package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"sarraf/event"
	"sarraf/internal/audit"
	"sarraf/internal/clock"
	"sarraf/invoice"
	"sarraf/ledger"
	"sarraf/store"
)

type backupCmd struct {
	databaseFlag
	sealKeysFlag
	programsFlag
	File     string `arg:"" help:"The file that the backup becomes."`
	Force    bool   `help:"Replace FILE when it is there, once the new backup is whole and proved."`
	NoVerify bool   `name:"no-verify" help:"Copy the database as it is and prove nothing: of one with discrepancies, or with another schema than this program's."`
	JSON     bool   `name:"json" help:"Print one JSON object."`
}

// programsFlag says where PostgreSQL's own programs are.
type programsFlag struct {
	PGBin string `name:"pg-bin" help:"The folder of pg_dump and pg_restore; by default they are looked for on the PATH and where Debian has them."`
}

// holdings is what a database holds, in figures.
type holdings struct {
	Accounts  int64      `json:"accounts"`
	Transfers int64      `json:"transfers"`
	Invoices  int64      `json:"invoices"`
	Events    int64      `json:"events"`
	LastEvent *time.Time `json:"last_event"` // null when there is none
}

func (h holdings) String() string {
	until := ""
	if h.LastEvent != nil {
		until = ", the last of " + h.LastEvent.Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%d accounts, %d transfers, %d invoices, %d events%s", h.Accounts, h.Transfers, h.Invoices, h.Events, until)
}

func holdingsOf(ctx context.Context, tx *store.Tx) (h holdings, err error) {
	if h.Accounts, h.Transfers, err = ledger.Count(ctx, tx); err != nil {
		return h, err
	}
	if h.Invoices, err = invoice.Count(ctx, tx); err != nil {
		return h, err
	}
	var last time.Time
	if h.Events, last, err = event.Count(ctx, tx); !last.IsZero() {
		h.LastEvent = &last
	}
	return h, err
}

// proof is what looking through a copy came to.
type proof struct {
	Holds    *holdings       `json:"holds"`    // null when it was not looked at
	Findings []audit.Finding `json:"findings"` // empty when the books are clean
}

// of is the function that proves a copy: it notes what it finds, and answers errFound when that is anything.
func (p *proof) of(now clock.Clock, pinned []ed25519.PublicKey) func(context.Context, *store.Tx) error {
	return func(ctx context.Context, tx *store.Tx) error {
		h, err := holdingsOf(ctx, tx)
		if err != nil {
			return err
		}
		p.Holds = &h
		if err := proveIn(ctx, tx, now.Now(), pinned, func(f audit.Finding) { p.Findings = append(p.Findings, f) }); err != nil {
			return fmt.Errorf("the audit did not come to its end: %w", err)
		}
		if len(p.Findings) > 0 {
			return errFound
		}
		return nil
	}
}

// backupAnswer is what `sarraf backup --json` prints.
type backupAnswer struct {
	File     string `json:"file"` // "" when none was made, because of the findings
	Engine   string `json:"engine"`
	Bytes    int64  `json:"bytes"`
	Verified bool   `json:"verified"`
	proof
	Took string `json:"took"`
}

func (c backupCmd) Run(ctx context.Context, io streams) error {
	pinned, err := c.keys()
	if err != nil {
		return err
	}
	if err := c.mustBeMade(); err != nil {
		return err
	}
	now := clock.System{}
	began := now.Now()
	a := backupAnswer{proof: proof{Findings: []audit.Finding{}}}
	opts := store.BackupOptions{Overwrite: c.Force, Programs: c.PGBin, Logger: slog.New(slog.NewTextHandler(io.err, nil))}
	if !c.NoVerify {
		opts.Prove = a.of(now, pinned)
	}
	err = store.Backup(ctx, c.Database, c.File, opts)
	a.Took = now.Now().Sub(began).Round(time.Millisecond).String()
	switch {
	case errors.Is(err, errFound):
		return c.refuse(io, a)
	case errors.Is(err, store.ErrTaken):
		return fmt.Errorf("%w: give another name, or --force", err)
	case errors.Is(err, store.ErrSchemaOlder), errors.Is(err, store.ErrSchemaNewer):
		return fmt.Errorf("no backup was made, because it could not be proved: %w; or make it with the program that serves the database, or with --no-verify", err)
	case err != nil:
		return fmt.Errorf("no backup was made: %w", err)
	}
	info, err := os.Stat(c.File)
	if err != nil {
		return err
	}
	engine, err := store.FileEngine(c.File)
	if err != nil {
		return err
	}
	a.File, a.Engine, a.Bytes, a.Verified = c.File, string(engine), info.Size(), !c.NoVerify
	return c.say(io, a)
}

func (c backupCmd) say(io streams, a backupAnswer) error {
	if c.JSON {
		return printJSON(io, a)
	}
	fmt.Fprintf(io.out, "Backed up to %s: %d bytes, in %s.\n", a.File, a.Bytes, a.Took)
	if a.Verified {
		fmt.Fprintf(io.out, "It holds %s.\nIts books are proved: no discrepancy.\n", a.Holds)
	} else {
		fmt.Fprintln(io.out, "Its books were not proved.")
	}
	_, err := fmt.Fprintln(io.out, "It holds no secrets: keep SARRAF_KEY and SARRAF_SEAL_KEY (with --dev and demo: the .json file beside the database) in another "+
		"place. Without SARRAF_KEY it cannot be served.")
	return err
}

// refuse says why there is no backup: one with discrepancies would be refused when it is needed.
func (c backupCmd) refuse(io streams, a backupAnswer) error {
	if c.JSON {
		return errors.Join(printJSON(io, a), errFound)
	}
	printFindings(io, a.Findings)
	fmt.Fprintf(io.err, "sarraf: no backup was made, since the database has %d discrepancies and its backup would not be restored. Keep the last "+
		"good one, and see what sarraf audit says; --no-verify copies the database as it is.\n", len(a.Findings))
	return errFound
}

func printFindings(io streams, list []audit.Finding) {
	for _, f := range list {
		fmt.Fprintln(io.out, f)
	}
}

func printJSON(io streams, v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = fmt.Fprintf(io.out, "%s\n", text)
	}
	return err
}
