package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sarraf/dialect/asaanbill"
	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/store"
	"sarraf/webhook"
)

// bulkCmd hands in a CSV of bills.
type bulkCmd struct {
	databaseFlag
	File         string   `arg:"" help:"A CSV in UTF-8 with the columns title, identifier, amount, dueDate and amountAfterDueDate, and up to 5,000 rows; - for standard input."`
	Merchant     string   `required:"" help:"The merchant's id."`
	SkipFaulty   bool     `help:"Take the good rows although others are faulty; without it one faulty row keeps the file from being taken."`
	Again        bool     `help:"Take the file although the same was taken in the last 48 hours; without it that one is gone on with."`
	Wait         bool     `default:"true" negatable:"" help:"Show how the bills are made until all are, and make them where no server does."`
	PSIDPrefix   string   `name:"psid-prefix" env:"SARRAF_PSID_PREFIX" help:"As serve has it."`
	AllowHTTP    bool     `name:"allow-http-webhooks" help:"As serve has it."`
	AllowPrivate []string `name:"allow-webhook-range" help:"As serve has it."`
}

func (c bulkCmd) Run(ctx context.Context, s streams) error {
	sheet, name, err := c.read(s)
	if err != nil {
		return err
	}
	policy, err := serveCmd{AllowHTTP: c.AllowHTTP, AllowPrivate: c.AllowPrivate}.policy()
	if err != nil {
		return err
	}
	db, err := c.openMade(ctx, store.Options{Logger: slog.New(slog.NewTextHandler(s.err, nil))})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.CheckSchema(ctx); err != nil {
		return err
	}
	h := newBulkHouse(db, policy)
	defer h.bills.Close()
	if c.PSIDPrefix == "" {
		return errors.New("--psid-prefix (SARRAF_PSID_PREFIX) is needed: the one that serve runs with")
	}
	if err := h.bills.SetPSIDPrefix(c.PSIDPrefix); err != nil {
		return usage("--psid-prefix %s: want 1 to 12 digits", c.PSIDPrefix)
	}
	u, err := c.record(ctx, s, h, sheet, name)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(s.out, u.Number); err != nil || !c.Wait {
		return err
	}
	return c.follow(ctx, s, h, u)
}

// read reads the file, and complains of each of its faults.
func (c bulkCmd) read(s streams) (sheet asaanbill.Sheet, name string, err error) {
	from, name := s.in, "standard input"
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return sheet, "", err
		}
		defer func() { _ = f.Close() }()
		from, name = f, filepath.Base(c.File)
	}
	if sheet, err = asaanbill.ReadCSV(from); err != nil {
		return sheet, name, fmt.Errorf("%s: %w", name, err)
	}
	for _, f := range sheet.Faults {
		where := ""
		if f.Column > 0 {
			where = fmt.Sprintf("column %d: ", f.Column)
		}
		fmt.Fprintf(s.err, "%s:%d: %s%s\n", name, f.Line, where, f.Problem)
	}
	switch faulty := sheet.Rows - sheet.Good(); {
	case faulty > 0 && (!c.SkipFaulty || sheet.Good() == 0):
		err = fmt.Errorf("%d of %d rows are faulty, and nothing was taken: mend them", faulty, sheet.Rows)
		if sheet.Good() > 0 {
			err = fmt.Errorf("%w, or leave them out with --skip-faulty", err)
		}
	case faulty > 0:
		fmt.Fprintf(s.err, "%d of %d rows are faulty and left out\n", faulty, sheet.Rows)
	}
	return sheet, name, err
}

// bulkHouse is what the command needs of the house.
type bulkHouse struct {
	db        *store.DB
	merchants *merchant.Service
	bills     *invoice.Service
	door      *asaanbill.Dialect
}

// newBulkHouse puts it together. What it makes is told by the server, under the same policy.
func newBulkHouse(db *store.DB, policy webhook.Policy) *bulkHouse {
	outbox := webhook.NewOutbox(db.Clock(), policy)
	log := event.NewLog(db, outbox)
	h := &bulkHouse{db: db, merchants: merchant.NewService(db, log, nil), bills: invoice.NewService(db, log)}
	outbox.Add(asaanbill.NewDoor(h.merchants))
	h.door = newAsaanBill(db, asaanbill.Deps{Merchants: h.merchants, Invoices: h.bills})
	return h
}

// newAsaanBill is the front door, with the numbers that it prints.
func newAsaanBill(db *store.DB, d asaanbill.Deps) *asaanbill.Dialect {
	d.Numbers, d.Uploads, d.Clock = db.Numbers("asaanbill.payment"), db.Numbers("asaanbill.upload"), db.Clock()
	return asaanbill.New(d)
}

// record hands the sheet in. The same file is the same upload, so that a command that was stopped can be given again.
func (c bulkCmd) record(ctx context.Context, s streams, h *bulkHouse, sheet asaanbill.Sheet, name string) (invoice.Upload, error) {
	m, err := h.merchants.Get(ctx, c.Merchant)
	if fault.Has(err, fault.MerchantMissing) {
		return invoice.Upload{}, errors.New("there is no such merchant: `sarraf merchant list` shows them")
	}
	if err != nil {
		return invoice.Upload{}, err
	}
	hash := store.BodyHash(string(sheet.Text()))
	key := store.Key{Door: "sarraf bulk", Key: hash, Hash: hash}
	if c.Again {
		key.Key += " " + id.New(h.db.Clock())
	}
	began := h.db.Clock().Now()
	u, err := h.door.UploadCSV(ctx, m, sheet, name, &key)
	switch {
	case fault.Has(err, fault.CurrencyUnknown):
		return u, errors.New("the merchant is not paid in PKR: `sarraf merchant set` changes that")
	case err == nil && u.CreatedAt.Before(began):
		fmt.Fprintf(s.err, "this file was taken before, at %s: it is gone on with (--again takes it once more)\n", u.CreatedAt.Format(time.DateTime))
	}
	return u, err
}

// How an upload is followed.
const (
	followEvery = 200 * time.Millisecond
	// followIdle is how long nothing may happen to an upload before the command takes it that no server is at it.
	followIdle = 3 * time.Second
)

// follow shows how the upload comes on until it is done. It works at it itself when nobody serves the database, as far as can be known: a lock
// tells that of an SQLite file; on PostgreSQL, nothing happens for a while. Working where a server does too would be no harm.
func (c bulkCmd) follow(ctx context.Context, s streams, h *bulkHouse, u invoice.Upload) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	show := progress{out: s.err, terminal: isTerminal(s.err)}
	idle, self := clock.Start(), false
	for {
		now, err := h.bills.UploadByNumber(ctx, u.Owner, u.Door, u.Number)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if err == nil {
			if now.Done != u.Done {
				idle = clock.Start()
			}
			u = now
			show.tell(u)
		}
		switch {
		case u.Status == invoice.UploadDone:
			show.end()
			return c.done(ctx, s, h, u)
		case ctx.Err() != nil:
			show.end()
			return fmt.Errorf("stopped watching: upload %s is kept, and %d of its %d lines are decided; a server goes on with it, or the same command",
				u.Number, u.Done, u.Lines)
		}
		if path, file := strings.CutPrefix(c.Database, "sqlite:"); !self && (file && !beingServed(path) || !file && idle() > followIdle) {
			self = true
			show.say("no server is at it: it is worked at here")
		}
		if self {
			// Not cancelled: a slice takes a moment, and what it began is finished. Until it is due, nothing happens.
			_, err := h.bills.WorkUpload(context.WithoutCancel(ctx), u.Owner, u.ID)
			if err == nil && u.Message == "" {
				continue
			}
			if err != nil {
				show.say(err.Error() + "; trying again")
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// done says what the upload came to.
func (c bulkCmd) done(ctx context.Context, s streams, h *bulkHouse, u invoice.Upload) error {
	if u.Errored == 0 {
		return nil
	}
	lines, err := h.bills.UploadLines(ctx, u.Owner, u.ID)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if l.State == invoice.LineErrored {
			fmt.Fprintf(s.err, "%s (%s): no bill: %s\n", l.Invoice.Payer, l.Invoice.Title, l.Problem)
		}
	}
	return fmt.Errorf("%d of %d lines could not become bills", u.Errored, u.Lines)
}

// progress shows how far an upload has come: on a terminal in one line that changes, elsewhere in a line a change.
type progress struct {
	out      io.Writer
	terminal bool
	last     string
}

func (p *progress) tell(u invoice.Upload) {
	text := fmt.Sprintf("%d of %d bills made", u.Done-u.Errored, u.Lines)
	if u.Errored > 0 {
		text += fmt.Sprintf(", %d could not be", u.Errored)
	}
	if u.Message != "" {
		text += " (" + u.Message + "; trying again)"
	}
	if text == p.last {
		return
	}
	p.last = text
	if p.terminal {
		fmt.Fprintf(p.out, "\r\x1b[K%s", text)
		return
	}
	fmt.Fprintln(p.out, text)
}

// say writes a line of its own.
func (p *progress) say(text string) {
	p.end()
	fmt.Fprintln(p.out, text)
}

// end leaves the line that changes.
func (p *progress) end() {
	if p.terminal && p.last != "" {
		fmt.Fprintln(p.out)
		p.last = ""
	}
}

// isTerminal reports whether somebody looks at what is written.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
