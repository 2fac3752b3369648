package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"sarraf/internal/clock"
	"sarraf/internal/keyring"
	"sarraf/store"
	"sarraf/webhook"
)

type doctorCmd struct {
	databaseFlag
	accessFlags
	railFlags
	PublicURL string   `help:"Where payers and merchants reach this server, as serve has it: asked whether it leads here."`
	Only      []string `help:"Only these checks: configuration, clock, database, reachability, webhooks, sealing, expiring, merchants, wallets, payouts, rails, limits."`
	JSON      bool     `name:"json" help:"Print one JSON object."`

	PSIDPrefix   string   `name:"psid-prefix" env:"SARRAF_PSID_PREFIX" help:"As serve has it: whether bills can be made."`
	AllowHTTP    bool     `name:"allow-http-webhooks" help:"As serve has it: whether callbacks to plain http addresses can work."`
	AllowPrivate []string `name:"allow-webhook-range" help:"As serve has it: address ranges that callbacks can be sent to although they are not public."`
}

// state is what a check comes to.
type state string

const (
	good state = "ok"
	warn state = "warn" // look at it by day
	fail state = "FAIL" // mend it now
)

// check is one line of what doctor says. Nothing in it is a secret.
type check struct {
	Group string `json:"group"`
	Name  string `json:"name"`
	State state  `json:"state"`
	Said  string `json:"said"`           // what was found
	Mend  string `json:"mend,omitempty"` // what to do
}

// diagnosis is what `sarraf doctor --json` prints.
type diagnosis struct {
	Healthy bool    `json:"healthy"` // no check failed
	Checks  []check `json:"checks"`
}

// groups are the checks by name, in the order in which they are made.
var groups = []struct {
	name  string
	rows  bool // it reads rows, and so needs a database that can be read
	check func(*checkup, context.Context)
}{
	{"configuration", false, (*checkup).configuration},
	{"database", false, (*checkup).database},
	{"clock", false, (*checkup).time},
	{"reachability", false, (*checkup).reachability},
	{"webhooks", true, (*checkup).webhooks},
	{"sealing", true, (*checkup).sealing},
	{"expiring", true, (*checkup).expiring},
	{"merchants", true, (*checkup).merchants},
	{"wallets", true, (*checkup).wallets},
	{"rails", false, (*checkup).rails},
	{"payouts", true, (*checkup).payouts},
	{"limits", false, (*checkup).limits},
}

// checkup is one run of doctor.
type checkup struct {
	doctorCmd
	machine machine
	log     *slog.Logger
	policy  webhook.Policy // serve's

	group     string
	checks    []check
	secrets   secrets
	dev       bool             // they are those that serve --dev has made
	ring      *keyring.Keyring // nil when it cannot be read
	db        *store.DB        // nil when it cannot be opened
	broken    string           // why; "" when it can be read and has the right schema
	secretErr error            // why the secrets cannot be read
	facts     store.Condition  // of the database's server
	factErr   error            // why they cannot be told
	serving   bool             // some process serves this database
	wal       int64            // bytes in SQLite's log, before it was opened
	watch     func() time.Duration
	began     time.Time
}

func (c doctorCmd) Run(ctx context.Context, io streams) error {
	return c.examine(ctx, io, thisMachine())
}

// examine makes every check on a machine.
func (c doctorCmd) examine(ctx context.Context, io streams, m machine) error {
	if c.PublicURL != "" {
		public, err := publicURL(c.PublicURL, "")
		if err != nil {
			return err
		}
		c.PublicURL = public
	}
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.name
	}
	for _, name := range c.Only {
		if !slices.Contains(names, name) {
			return usage("--only %.40q: there are %s", name, strings.Join(names, ", "))
		}
	}
	allowed, err := ranges("allow-webhook-range", c.AllowPrivate)
	if err != nil {
		return err
	}
	u := &checkup{policy: webhook.Policy{AllowHTTP: c.AllowHTTP, Allowed: allowed}, doctorCmd: c, machine: m, log: slog.New(slog.DiscardHandler)}
	u.watch, u.began = clock.Start(), m.clock.Now()
	u.readSecrets()
	u.open(ctx)
	if u.db != nil {
		defer func() { _ = u.db.Close() }()
	}
	for _, g := range groups {
		if len(c.Only) > 0 && !slices.Contains(c.Only, g.name) {
			continue
		}
		u.group = g.name
		if g.rows && u.broken != "" {
			u.say(warn, g.name, "mend the database first", "not looked at: %s", u.broken)
			continue
		}
		g.check(u, ctx)
	}
	d := diagnosis{Healthy: !slices.ContainsFunc(u.checks, func(c check) bool { return c.State == fail }), Checks: u.checks}
	if err := d.print(io.out, c.JSON); err != nil {
		return err
	}
	if !d.Healthy {
		return errFound
	}
	return nil
}

func (d diagnosis) print(to io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(to).Encode(d)
	}
	var b strings.Builder
	for _, c := range d.Checks {
		fmt.Fprintf(&b, "%-4s  %-12s  %s", c.State, c.Name, c.Said)
		if c.Mend != "" {
			b.WriteString(". Mend: " + c.Mend)
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(to, b.String())
	return err
}

// say notes one check. mend is "" for a good one.
func (u *checkup) say(s state, name, mend, format string, args ...any) {
	u.checks = append(u.checks, check{Group: u.group, Name: name, State: s, Said: fmt.Sprintf(format, args...), Mend: mend})
}

// grade is how bad a figure is: good up to soft, fail above hard.
func grade[T int64 | float64 | time.Duration](v, soft, hard T) state {
	switch {
	case v > hard:
		return fail
	case v > soft:
		return warn
	}
	return good
}

// mendIf is what to do, unless all is good.
func mendIf(s state, mend string) string {
	if s == good {
		return ""
	}
	return mend
}

// readSecrets reads the secrets of the environment, or those that serve --dev has made.
func (u *checkup) readSecrets() {
	if u.secrets, u.secretErr = environment(); u.secretErr != nil {
		return
	}
	if kept, err := devSecrets(u.Database); err == nil && kept.Key != "" && u.secrets == (secrets{}) {
		u.secrets, u.dev = kept, true
	}
	if ring, err := keyring.Parse(u.secrets.Key); err == nil {
		u.ring = ring
	}
}

// open opens the database as serve would, but for the migrations, and looks whether somebody serves it.
func (u *checkup) open(ctx context.Context) {
	path, embedded := strings.CutPrefix(u.Database, "sqlite:")
	if embedded {
		u.serving = beingServed(path)
		if info, err := os.Stat(path + "-wal"); err == nil {
			u.wal = info.Size()
		}
	}
	db, err := u.openMade(ctx, store.Options{Logger: u.log, Clock: u.machine.clock})
	if err != nil {
		u.broken = err.Error()
		return
	}
	u.db = db
	if u.facts, u.factErr = db.Condition(ctx); u.factErr == nil && !embedded {
		u.serving = u.facts.Writers > 1 // one is our own
	}
	if err := db.CheckSchema(ctx); err != nil {
		u.broken = err.Error()
	}
}

// snapshot reads rows; what goes wrong is the failure of the named check.
func (u *checkup) snapshot(ctx context.Context, name string, read func(ctx context.Context, tx *store.Tx) error) bool {
	if err := u.db.Snapshot(ctx, read); err != nil {
		u.say(fail, name, "look at the database's own log", "cannot be read: %v", err)
		return false
	}
	return true
}

// short is a time span for people.
func short(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return d.Round(time.Millisecond).String()
	case d < 48*time.Hour:
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// size is a number of bytes for people.
func size(n uint64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	i, whole := 0, n
	for whole >= 10<<10 && i < len(units)-1 {
		whole >>= 10
		i++
	}
	return fmt.Sprintf("%d %s", whole, units[i])
}
