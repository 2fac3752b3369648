package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sarraf/event"
	"sarraf/merchant"
	"sarraf/rail"
	"sarraf/rail/billpay"
	"sarraf/settlement"
	"sarraf/store"
)

// settlers are the rails whose other side settles by file.
var settlers = map[string]rail.Settler{billpay.Name: billpay.Settlements{}}

// Limits of settle.
const (
	settleProgress = 5000 // lines between two words about how far it is
	settleName     = 200  // characters of a file's name that are kept
)

type settleCmd struct {
	databaseFlag
	File        string        `arg:"" optional:"" help:"The settlement file, CSV, as docs/settlement.md has it. The same one again changes nothing."`
	Rail        string        `default:"billpay" help:"The rail whose other side settles."`
	Channel     string        `help:"The channel of lines that name none, and of --day."`
	Day         []string      `help:"A day, as 2026-02-09, that the file is complete for although it may have no line of it; several, comma-separated. Needs --channel."`
	DryRun      bool          `help:"Change nothing, and tell what would be settled."`
	List        bool          `help:"List the files that were imported, the last one first."`
	Outstanding bool          `help:"List the receipts that no file has settled. Exit status 1 when there are any."`
	Older       time.Duration `default:"48h" help:"With --outstanding: those that are older than this; 0s for all."`
	Sandbox     bool          `help:"With --outstanding: those of sandbox merchants, instead of live ones."`
	Limit       int           `default:"100" help:"How many files or receipts are listed at most."`
	JSON        bool          `name:"json" help:"Print one JSON object."`
}

func (c settleCmd) Run(ctx context.Context, io streams) error {
	over, ok := settlers[c.Rail]
	if err := c.check(ok); err != nil {
		return err
	}
	db, err := c.openMade(ctx, store.Options{Logger: slog.New(slog.NewTextHandler(io.err, nil)), ReadOnly: c.DryRun || c.File == ""})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.CheckSchema(ctx); err != nil {
		return err
	}
	svc := settlement.NewService(db, event.NewLog(db))
	switch {
	case c.List:
		return c.list(ctx, io, svc)
	case c.Outstanding:
		return c.outstanding(ctx, io, svc, over, db.Clock().Now().Add(-c.Older))
	}
	channels, err := merchant.NewService(db, event.NewLog(db), nil).Channels(ctx)
	if err != nil {
		return err
	}
	request, err := c.read(over, channels)
	if err != nil {
		return err
	}
	request.Progress = c.progress(io.err)
	report, err := svc.Import(ctx, request)
	if err != nil {
		return fmt.Errorf("%d lines were settled before it stopped, and the same file again goes on from there: %w", report.Settled, err)
	}
	if err := c.tell(io, report, over); err != nil {
		return err
	}
	if !report.Clean() {
		return errFound
	}
	return nil
}

// read reads the file. Whatever is wrong with it is a mistake in the arguments: nothing was done, and there is nothing to look at in the books.
func (c settleCmd) read(over rail.Settler, channels []rail.Channel) (settlement.Request, error) {
	if c.Channel != "" && !slices.ContainsFunc(channels, func(k rail.Channel) bool { return k.ID == c.Channel }) {
		return settlement.Request{}, usage("--channel %.40q: there is no such channel: `sarraf channel list` shows them", c.Channel)
	}
	content, err := os.ReadFile(c.File)
	if err != nil {
		return settlement.Request{}, usage("%v", err)
	}
	hash := sha256.Sum256(content)
	r := settlement.Request{By: actor(), Rail: over, Name: nameOf(c.File), Hash: hex.EncodeToString(hash[:]), DryRun: c.DryRun}
	if r.Covers, err = c.covers(); err != nil {
		return r, err
	}
	r.File, err = over.ReadSettlement(bytes.NewReader(content), rail.SettlementOptions{Channel: c.Channel, Channels: channels})
	var faults rail.SettlementFaults
	if errors.As(err, &faults) {
		err = usage("%s cannot be read, and nothing of it was settled:\n%v", plain(r.Name), err)
	}
	return r, err
}

// check refuses arguments that do not go together.
func (c settleCmd) check(known bool) error {
	asked := 0
	for _, is := range []bool{c.File != "", c.List, c.Outstanding} {
		if is {
			asked++
		}
	}
	switch {
	case asked != 1:
		return usage("give one of a file to import, --list and --outstanding")
	case !known:
		return usage("rail %.40q does not settle by file; there are %s", c.Rail, strings.Join(slices.Sorted(maps.Keys(settlers)), ", "))
	case c.Limit < 1 || c.Limit > 1_000_000:
		return usage("--limit %d: want 1 to 1000000", c.Limit)
	case c.Older < 0:
		return usage("--older %s: want 0s or more", c.Older)
	case c.File == "" && (c.DryRun || c.Channel != "" || len(c.Day) > 0):
		return usage("--dry-run, --channel and --day go with a file")
	case len(c.Day) > 0 && c.Channel == "":
		return usage("--day needs --channel")
	}
	return nil
}

// covers are the days that the file is said to be complete for.
func (c settleCmd) covers() (list []rail.SettlementPart, err error) {
	for _, text := range c.Day {
		day, ok := rail.ParseDay(strings.TrimSpace(text))
		if !ok {
			return nil, usage("--day %.40q: want a day, as 2026-02-09", text)
		}
		list = append(list, rail.SettlementPart{Channel: c.Channel, Day: day})
	}
	return list, nil
}

// nameOf is what a file is called, without where it was.
func nameOf(path string) string {
	name := strings.ToValidUTF8(filepath.Base(path), "?")
	if utf8.RuneCountInString(name) > settleName {
		name = string([]rune(name)[:settleName])
	}
	return strings.ReplaceAll(name, "\x00", "?")
}

// progress says how far a long import is.
func (c settleCmd) progress(to io.Writer) func(done, of int) {
	return func(done, of int) {
		if done%settleProgress == 0 && done < of {
			fmt.Fprintf(to, "%d of %d lines\n", done, of)
		}
	}
}

func (c settleCmd) list(ctx context.Context, io streams, svc *settlement.Service) error {
	files, err := svc.Files(ctx, c.Rail, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		list := make([]settledFile, len(files))
		for n, f := range files {
			list[n] = fileFacts(f)
		}
		return printJSON(io, map[string]any{"files": list})
	}
	return table(io.out, "ID\tFILE\tIMPORTED\tBY\tLINES\tAMOUNT\tSETTLED\tAMOUNT\tCHARGES\tOPEN\tLACKING\tSTATUS", tableOfFiles(files))
}

func (c settleCmd) outstanding(ctx context.Context, io streams, svc *settlement.Service, over rail.Settler, before time.Time) error {
	mode := merchant.Live
	if c.Sandbox {
		mode = merchant.Sandbox
	}
	o, err := svc.Outstanding(ctx, over, mode, before, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(io, outstandingFacts(o, over))
	} else {
		err = c.tellOutstanding(io.out, o, over)
	}
	if err == nil && o.Count > 0 {
		err = errFound
	}
	return err
}
