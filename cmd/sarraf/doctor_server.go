package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sarraf/event"
	"sarraf/internal/keyring"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/seal"
	"sarraf/store"
	"sarraf/webhook"
)

// configuration checks the secrets: that they are there, can be read by us alone, and are this database's.
func (u *checkup) configuration(ctx context.Context) {
	for _, name := range []string{"SARRAF_KEY", "SARRAF_SEAL_KEY", smsSecret} {
		u.secretFile(name)
	}
	if u.secretErr != nil {
		u.say(fail, "secrets", "let the file be there and readable for the user that serves", "%v", u.secretErr)
		return
	}
	u.masterKey(ctx)
	u.sealKey(ctx)
}

// secretFile checks who can read the file that a secret comes from.
func (u *checkup) secretFile(name string) {
	path := os.Getenv(name + "_FILE")
	if path == "" || os.Getenv(name) != "" {
		return
	}
	info, err := os.Stat(path)
	switch {
	case err != nil: // the secret itself will say so
	case info.Mode().Perm()&0o027 != 0:
		u.say(fail, "secret file", "chmod 400 "+path, "%s_FILE: %s can be read or changed by others (%s)", name, path, info.Mode().Perm())
	default:
		u.say(good, "secret file", "", "%s_FILE: %s is readable for few (%s)", name, path, info.Mode().Perm())
	}
}

const giveKey = "give serve's own, by environment or as a file that the name with _FILE names"

func (u *checkup) masterKey(ctx context.Context) {
	if u.secrets.Key == "" {
		u.say(fail, "key", giveKey, "SARRAF_KEY is not set: serve would not start")
		return
	}
	if _, err := keyring.Parse(u.secrets.Key); err != nil {
		u.say(fail, "key", "make one with `openssl rand -base64 32`, if this database has none yet", "SARRAF_KEY: %v", err)
		return
	}
	switch {
	case u.broken != "":
		u.say(warn, "key", "mend the database first", "SARRAF_KEY can be read; whether it is this database's was not looked at")
		return
	case u.dev:
		u.say(warn, "key", "give keys of your own for real money", "made by --dev and kept beside the database")
		return
	}
	switch err := merchant.NewService(u.db, event.NewLog(u.db), u.ring).CheckKey(ctx); {
	case errors.Is(err, keyring.ErrDecrypt):
		u.ring = nil
		u.say(fail, "key", giveKey+", after a newer one and a comma if need be", "SARRAF_KEY is not the key that this database was made with")
	case err != nil:
		u.say(fail, "key", "look at the database's own log", "whether SARRAF_KEY is this database's cannot be told: %v", err)
	default:
		u.say(good, "key", "", "SARRAF_KEY opens this database's secrets, if it has any yet")
	}
}

func (u *checkup) sealKey(ctx context.Context) {
	if u.secrets.SealKey == "" {
		u.say(fail, "seal key", giveKey, "SARRAF_SEAL_KEY is not set: serve would not start")
		return
	}
	key, err := parseSealKey(u.secrets.SealKey)
	if err != nil {
		u.say(fail, "seal key", "make one with `openssl rand -base64 32`, if this database has none yet", "%v", err)
		return
	}
	if u.broken != "" {
		u.say(warn, "seal key", "mend the database first", "SARRAF_SEAL_KEY can be read; whether it is this database's was not looked at")
		return
	}
	var known, any bool
	if !u.snapshot(ctx, "seal key", func(ctx context.Context, tx *store.Tx) (err error) {
		known, any, err = seal.Known(ctx, tx, key.Public().(ed25519.PublicKey))
		return err
	}) {
		return
	}
	if any && !known {
		u.say(warn, "seal key", "give the earlier key, unless it was changed on purpose", "no seal of this database was made with SARRAF_SEAL_KEY")
		return
	}
	u.say(good, "seal key", "", "SARRAF_SEAL_KEY signs this database's books")
}

// Bounds of the checks: good up to the first, a failure above the second.
const (
	waitSoft, waitHard        = 30 * time.Second, 5 * time.Minute  // a delivery that nobody takes
	sealSoft, sealHard        = time.Minute, 10 * time.Minute      // a row that is not sealed
	overdueSoft, overdueHard  = 30 * time.Second, 10 * time.Minute // an invoice that is still open
	transactionSoft           = 10 * time.Minute
	transactionHard           = 6 * time.Hour
	walSoft, walHard          = int64(256 << 20), int64(4 << 30)
	aheadSoft, aheadHard      = time.Second, 30 * time.Second // of the database's clock, and of rows
	freeSoft, freeHard        = uint64(2 << 30), uint64(200 << 20)
	filesSoft, filesHard      = uint64(8192), uint64(1024)
	certificateSoft           = 21 * 24 * time.Hour
	certificateHard           = 3 * 24 * time.Hour
	failuresThatAreNoAccident = 3
	leastPostgres             = 150000
	stepOfAClock              = 100 * time.Millisecond
)

// database checks that it is there, as it should be, and takes writes that last.
func (u *checkup) database(ctx context.Context) {
	if u.db == nil {
		u.say(fail, "database", "start the database server, or give its address with --database", "%s", u.broken)
		return
	}
	if u.factErr != nil {
		u.say(fail, "database", "look at the database's own log", "it does not answer: %v", u.factErr)
		return
	}
	u.version(u.facts)
	if u.broken != "" {
		u.say(fail, "schema", "run sarraf migrate with the program that is to serve", "%s", u.broken)
	} else {
		u.say(good, "schema", "", "it is the one that this program knows")
	}
	if err := u.db.Writable(ctx); err != nil {
		u.say(fail, "writing", "look for a full disk, a read-only standby or a missing permission", "a write fails: %v", err)
	} else {
		u.say(good, "writing", "", "a write is taken")
	}
	u.durability(u.facts)
	if u.db.Engine() == store.Postgres {
		u.connections(u.facts)
		u.transactions(u.facts)
		return
	}
	u.files()
}

func (u *checkup) transactions(c store.Condition) {
	s := grade(c.OldestTransaction, transactionSoft, transactionHard)
	u.say(s, "transactions", mendIf(s, "find it in pg_stat_activity and end it: it keeps old rows from being cleaned up"),
		"the oldest one runs for %s", short(c.OldestTransaction))
}

func (u *checkup) version(c store.Condition) {
	who := ", which nobody serves now"
	if u.serving {
		who = ", which is being served"
	}
	if u.db.Engine() == store.Postgres && c.VersionNumber < leastPostgres {
		u.say(fail, "database", "move to PostgreSQL 15 or later", "PostgreSQL %s is too old", c.Version)
		return
	}
	u.say(good, "database", "", "%s %s%s", u.db.Engine(), c.Version, who)
}

// durability checks that what was acknowledged outlives a power cut.
func (u *checkup) durability(c store.Condition) {
	if u.db.Engine() == store.SQLite {
		if c.Journal != "wal" || c.Synchronous < 2 {
			u.say(fail, "durability", "keep the database on a local disk: this one does not allow for a write-ahead log",
				"journal_mode is %s, synchronous %d", c.Journal, c.Synchronous)
			return
		}
		u.say(good, "durability", "", "write-ahead log, synced at each commit")
		return
	}
	var off []string
	for _, s := range []struct{ name, value string }{
		{"fsync", c.Fsync}, {"full_page_writes", c.FullPageWrites}, {"synchronous_commit", c.SynchronousCommit},
	} {
		if s.value == "off" || s.name == "synchronous_commit" && s.value == "local" {
			off = append(off, s.name+" = "+s.value)
		}
	}
	if len(off) > 0 {
		u.say(fail, "durability", "set each to on in postgresql.conf and reload: what was acknowledged is lost with the power", "%s", strings.Join(off, ", "))
		return
	}
	u.say(good, "durability", "", "fsync, full_page_writes and synchronous_commit are on")
}

func (u *checkup) connections(c store.Condition) {
	most := c.Connections
	for _, limit := range []int64{c.DatabaseLimit, c.RoleLimit} {
		if limit >= 0 {
			most = min(most, limit)
		}
	}
	s := good
	switch free := most - c.Used; {
	case most < store.Connections:
		s = fail
	case free < store.Connections:
		s = warn
	}
	u.say(s, "connections", mendIf(s, "raise max_connections, or the limit of the database or the role"),
		"%d are allowed and %d in use; a process of Sarraf takes up to %d", most, c.Used, store.Connections)
}

// files checks the disk below an SQLite database.
func (u *checkup) files() {
	path, _ := strings.CutPrefix(u.Database, "sqlite:")
	free, err := u.machine.free(filepath.Dir(path))
	switch {
	case err != nil:
		u.say(warn, "disk", "look with df", "how much is free cannot be told: %v", err)
	default:
		s := good
		if free < freeHard {
			s = fail
		} else if free < freeSoft {
			s = warn
		}
		u.say(s, "disk", mendIf(s, "make room: with a full disk nothing is taken"), "%s are free beside %s", size(free), path)
	}
	s := grade(u.wal, walSoft, walHard)
	u.say(s, "log", mendIf(s, "find what reads the database for long (a backup, an audit, a forgotten sqlite3) and end it"),
		"the write-ahead log holds %s", size(uint64(u.wal)))
}

// time checks the clock: against the database's server, against rows, and against itself.
func (u *checkup) time(ctx context.Context) {
	const set = "let the clock be set by NTP (timedatectl set-ntp true), here and on the database's server"
	switch synced, err := u.machine.synchronised(); {
	case err != nil:
		u.say(warn, "clock", set, "whether it is being set cannot be told: %v", err)
	case !synced:
		u.say(warn, "clock", set, "the kernel says that nobody sets it")
	default:
		u.say(good, "clock", "", "it is being set")
	}
	if step := (u.machine.clock.Now().Sub(u.began) - u.watch()).Abs(); step > stepOfAClock {
		u.say(fail, "clock steps", set, "it jumped by %s while doctor looked", short(step))
	} else {
		u.say(good, "clock steps", "", "it did not jump while doctor looked")
	}
	if u.broken != "" || u.factErr != nil {
		return // said with the database
	}
	if u.db.Engine() == store.Postgres {
		s := grade(max(u.facts.ClockAhead.Abs()-u.facts.ClockWithin, 0), aheadSoft, aheadHard)
		u.say(s, "clock offset", mendIf(s, set), "the database's server is ahead by %s", short(u.facts.ClockAhead))
	}
	var latest time.Time
	if u.snapshot(ctx, "newest row", func(ctx context.Context, tx *store.Tx) (err error) {
		latest, err = event.Latest(ctx, tx)
		return err
	}) {
		ahead := max(latest.Sub(u.machine.clock.Now()), 0)
		s := grade(ahead, aheadSoft, aheadHard)
		u.say(s, "newest row", mendIf(s, set), "the newest event is %s in the future", short(ahead))
	}
}

// webhooks checks that deliveries are taken, and where they fail.
func (u *checkup) webhooks(ctx context.Context) {
	var first time.Time
	var endpoints []webhook.Endpoint
	now := u.machine.clock.Now()
	if !u.snapshot(ctx, "webhooks", func(ctx context.Context, tx *store.Tx) (err error) {
		if first, err = webhook.Waiting(ctx, tx, now); err != nil {
			return err
		}
		endpoints, err = webhook.Failing(ctx, tx)
		return err
	}) {
		return
	}
	waiting := time.Duration(0)
	if !first.IsZero() {
		waiting = now.Sub(first)
	}
	s := grade(waiting, waitSoft, waitHard)
	u.say(s, "webhooks", mendIf(s, "start serve, or another one: those that run do not keep up"), "the first due delivery waits for %s", short(waiting))
	var deliveries, bad int64
	for _, e := range endpoints {
		deliveries += e.Deliveries
		if e.Failures >= failuresThatAreNoAccident {
			bad++
		}
	}
	if bad == 0 {
		u.say(good, "endpoints", "", "%d pending deliveries have failed, none of them %d times", deliveries, failuresThatAreNoAccident)
		return
	}
	e := endpoints[0]
	u.say(warn, "endpoints", "tell its merchant; sarraf explain shows what it answers",
		"%d endpoints keep failing, %d deliveries in all; the worst is %s of merchant %s, %d failures", bad, deliveries, e.Address, e.Owner, e.Failures)
}

// sealing checks that the sealer keeps up.
func (u *checkup) sealing(ctx context.Context) {
	var rows int64
	var since time.Time
	if !u.snapshot(ctx, "sealing", func(ctx context.Context, tx *store.Tx) (err error) {
		rows, since, err = seal.Behind(ctx, tx, sealSources()...)
		return err
	}) {
		return
	}
	behind := time.Duration(0)
	if rows > 0 && !since.IsZero() {
		behind = max(u.machine.clock.Now().Sub(since), 0)
	}
	s := grade(behind, sealSoft, sealHard)
	u.say(s, "sealing", mendIf(s, "start serve; where it runs, look in its log for what keeps it from sealing, and run sarraf audit"),
		"%d rows are not sealed, the first of them for %s", rows, short(behind))
}

// expiring checks that invoices are closed when their time runs out.
func (u *checkup) expiring(ctx context.Context) {
	var n int64
	var first time.Time
	now := u.machine.clock.Now()
	if !u.snapshot(ctx, "expiring", func(ctx context.Context, tx *store.Tx) (err error) {
		n, first, err = invoice.Overdue(ctx, tx, now)
		return err
	}) {
		return
	}
	late := time.Duration(0)
	if n > 0 {
		late = now.Sub(first)
	}
	s := grade(late, overdueSoft, overdueHard)
	u.say(s, "expiring", mendIf(s, "start serve; where it runs, look in its log for \"could not be expired\""),
		"%d open invoices are past their time, the first for %s", n, short(late))
}

// limits checks what the system allows a process.
func (u *checkup) limits(context.Context) {
	most, err := u.machine.openFiles()
	if err != nil {
		u.say(warn, "open files", "look with ulimit -n", "the limit cannot be told: %v", err)
		return
	}
	s := good
	if most < filesHard {
		s = fail
	} else if most < filesSoft {
		s = warn
	}
	u.say(s, "open files", mendIf(s, "raise LimitNOFILE in the systemd unit, or ulimit -n"), "a process may have %d; each connection takes one", most)
}
