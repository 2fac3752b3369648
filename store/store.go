// Package store opens a database and runs transactions on it, alike on SQLite and PostgreSQL.
//
// One SQL text serves both engines ($n parameters, whole numbers, ON CONFLICT ... RETURNING, VALUES lists); what an engine needs
// beyond that is in this package: row locks, retry rules, error names, migrations. On top of transactions stands Batcher, the
// group commit that carries every hot write: see DESIGN.md beside this file.
package store

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"sarraf/internal/clock"
)

// Engine names what kind of database is open.
type Engine string

// The engines. Citus runs on the PostgreSQL code.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Observer is told what the batchers do, for metrics. Its methods must be quick and safe for concurrent use.
type Observer interface {
	// Batch is called after a batch of one kind of command has ended: how many commands, and how long it took with its commit.
	Batch(kind string, size int, took time.Duration)
	// Queue is called when a batcher is made, once for each kind: depth tells how many commands wait at the moment.
	Queue(kind string, depth func() int)
}

// Connections that are opened when Options do not say otherwise.
const (
	defaultReaders = 4
	defaultWriters = 6
)

// Connections is how many connections to a PostgreSQL server a process takes at most when Options do not say otherwise.
const Connections = defaultReaders + defaultWriters

// Options are the choices an opener has. The zero value is good.
type Options struct {
	Clock    clock.Clock  // clock.System when nil
	Logger   *slog.Logger // slog.Default() when nil
	Observer Observer     // nobody when nil
	Readers  int          // connections for reading; 4 when 0
	Writers  int          // PostgreSQL connections for writing; 6 when 0. SQLite has one writer whatever this says
	ReadOnly bool         // only Query and Snapshot work, and nothing of the database is touched: for an audit of a backup
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	engine Engine
	be     backend
	clock  clock.Clock
	log    *slog.Logger
	obs    Observer
}

// backend is what an engine gives.
type backend interface {
	// begin starts a transaction: read-write, or a read-only snapshot.
	begin(ctx context.Context, write bool) (session, error)
	// read runs one statement outside any transaction.
	read(ctx context.Context, st statement) error
	migrate(ctx context.Context, db *DB, dryRun bool) ([]string, error)
	version(ctx context.Context) (int64, error)
	pools() []Pool
	close() error
}

// session is one transaction of an engine.
type session interface {
	run(ctx context.Context, list []statement) error
	open(ctx context.Context, sql string, args []any) (cursor, error)
	commit(ctx context.Context) error
	rollback(ctx context.Context)
}

// Row is one row of an answer. Scan copies its columns into dest: *int64, *string, *[]byte, or pointers to pointers for NULL.
type Row interface {
	Scan(dest ...any) error
}

type statement struct {
	sql  string
	kept *bulkText // where sql is kept for good, nil when it is not: the text of a long list is long to look up by
	args []any
	scan func(Row) error
}

// Open connects to the database that dsn names: "sqlite:PATH", "sqlite::memory:" is not supported because two connections
// would see two databases, or "postgres://...". It does not migrate. Errors are fault.Outage when the database cannot be
// reached, and plain errors for a dsn that cannot be read.
func Open(ctx context.Context, dsn string, opts Options) (*DB, error) {
	return open(ctx, dsn, "", opts)
}

// open is Open for another database of the same server than the one that dsn names, unless database is "".
func open(ctx context.Context, dsn, database string, opts Options) (*DB, error) {
	opts = opts.filled()
	db := &DB{clock: opts.Clock, log: opts.Logger, obs: opts.Observer}
	engine, path, err := engineOf(dsn)
	if err != nil {
		return nil, err
	}
	db.engine = engine
	if engine == SQLite {
		db.be, err = openSQLite(ctx, path, opts)
	} else {
		db.be, err = openPostgres(ctx, dsn, database, opts)
	}
	if err != nil {
		return nil, err
	}
	return db, nil
}

// engineOf tells a dsn's engine, and what stands after the colon.
func engineOf(dsn string) (Engine, string, error) {
	switch scheme, rest, _ := strings.Cut(dsn, ":"); scheme {
	case "sqlite":
		return SQLite, rest, nil
	case "postgres", "postgresql":
		return Postgres, rest, nil
	}
	return "", "", errors.New("database: want sqlite:PATH or postgres://user@host/name, not " + redact(dsn))
}

// filled is the options with what was left open chosen.
func (opts Options) filled() Options {
	if opts.Clock == nil {
		opts.Clock = clock.System{}
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Observer == nil {
		opts.Observer = unobserved{}
	}
	if opts.Readers <= 0 {
		opts.Readers = defaultReaders
	}
	if opts.Writers <= 0 {
		opts.Writers = defaultWriters
	}
	return opts
}

// Engine tells which engine is open.
func (db *DB) Engine() Engine { return db.engine }

// Clock is the clock the database was opened with.
func (db *DB) Clock() clock.Clock { return db.clock }

// Pool is a set of connections, for metrics. Its functions are quick and safe for concurrent use.
type Pool struct {
	Name  string // "read" or "write"
	Max   int
	InUse func() int
	Waits func() int64 // how often somebody had to wait until one was free
}

// Pools are the sets of connections that the database is used through.
func (db *DB) Pools() []Pool { return db.be.pools() }

// Close gives back every connection. Batchers over the database must be closed before.
func (db *DB) Close() error { return db.be.close() }

// redact is a dsn without its password, for messages.
func redact(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return "what was given"
	}
	return u.Redacted()
}

type unobserved struct{}

func (unobserved) Batch(string, int, time.Duration) {}
func (unobserved) Queue(string, func() int)         {}
