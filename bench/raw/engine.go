package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// engine is a database as plainly as its driver gives it.
type engine interface {
	// write carries out one durable transaction.
	write(ctx context.Context, p pieces) error
	// status reads what a status answer holds; false when the number is unknown.
	status(ctx context.Context, owner, number string) (bool, error)
	// count answers the one number that a statement gives.
	count(ctx context.Context, text string) (int64, error)
	close() error
}

// openEngine opens the database behind a DSN as the program's store takes it, with the settings that the program has.
func openEngine(ctx context.Context, dsn string, conns int) (engine, error) {
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		return openSQLite(ctx, path)
	}
	return openPostgres(ctx, dsn, conns)
}

// Statements of up to these many rows measured best.
const (
	chunkSQLite   = 128
	chunkPostgres = 512
)

// each calls do for every statement that p is sent as; marks writes parameters as ? and not as $1, $2, ...
func (p pieces) each(chunk int, marks bool, do func(text string, args []any) error) error {
	for _, x := range p {
		cols := len(x.to.types)
		for args := x.args; len(args) > 0; {
			n := min(chunk, len(args)/cols, 32000/cols)
			if err := do(x.to.text(n, marks), args[:n*cols:n*cols]); err != nil {
				return fmt.Errorf("%s: %w", x.to.name, err)
			}
			args = args[n*cols:]
		}
	}
	return nil
}

type sqliteEngine struct {
	db       *sql.DB
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
	readers  *sql.DB
	read     *sql.Stmt
}

func openSQLite(ctx context.Context, path string) (*sqliteEngine, error) {
	dsn := "file:" + path + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)" +
		"&_pragma=cache_size(-32768)&_pragma=temp_store(MEMORY)&_pragma=wal_autocheckpoint(4000)"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var mode string
	if err := conn.QueryRowContext(ctx, sqlPragmas).Scan(&mode); err != nil {
		return nil, err
	}
	if mode != "wal 2" {
		return nil, fmt.Errorf("SQLite is not fully durable: journal and synchronous are %s", mode)
	}
	readers, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	readers.SetMaxIdleConns(8)
	read, err := readers.PrepareContext(ctx, sqlStatus)
	return &sqliteEngine{db: db, conn: conn, prepared: map[string]*sql.Stmt{}, readers: readers, read: read}, err
}

func (e *sqliteEngine) exec(ctx context.Context, text string, args []any) error {
	st, ok := e.prepared[text]
	if !ok {
		var err error
		if st, err = e.conn.PrepareContext(ctx, text); err != nil {
			return err
		}
		e.prepared[text] = st
	}
	_, err := st.ExecContext(ctx, args...)
	return err
}

func (e *sqliteEngine) write(ctx context.Context, p pieces) error {
	if err := e.exec(ctx, "BEGIN IMMEDIATE", nil); err != nil {
		return err
	}
	err := p.each(chunkSQLite, true, func(text string, args []any) error { return e.exec(ctx, text, args) })
	if err != nil {
		return err
	}
	return e.exec(ctx, "COMMIT", nil)
}

func (e *sqliteEngine) status(ctx context.Context, owner, number string) (bool, error) {
	var n, status string
	var paid int64
	var at *int64
	err := e.read.QueryRowContext(ctx, number, "aspay.invoice", owner).Scan(&n, &status, &paid, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (e *sqliteEngine) count(ctx context.Context, text string) (n int64, err error) {
	err = e.conn.QueryRowContext(ctx, text).Scan(&n)
	return n, err
}

func (e *sqliteEngine) close() error {
	return errors.Join(e.read.Close(), e.readers.Close(), e.conn.Close(), e.db.Close())
}

type postgresEngine struct{ pool *pgxpool.Pool }

func openPostgres(ctx context.Context, dsn string, conns int) (*postgresEngine, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = int32(conns)
	params := cfg.ConnConfig.RuntimeParams
	params["synchronous_commit"] = "on"
	// A fresh table has no statistics, and a prepared plan would keep its sequential scan.
	params["enable_seqscan"] = "off"
	params["enable_hashjoin"] = "off"
	params["enable_mergejoin"] = "off"
	params["plan_cache_mode"] = "force_generic_plan"
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	var mode string
	if err := pool.QueryRow(ctx, sqlFsync).Scan(&mode); err != nil {
		return nil, err
	}
	if mode != "on on" {
		return nil, fmt.Errorf("PostgreSQL is not fully durable: fsync and synchronous_commit are %s", mode)
	}
	return &postgresEngine{pool: pool}, nil
}

// write sends BEGIN, the statements and COMMIT in one round trip.
func (e *postgresEngine) write(ctx context.Context, p pieces) error {
	var b pgx.Batch
	b.Queue("BEGIN")
	_ = p.each(chunkPostgres, false, func(text string, args []any) error {
		b.Queue(text, args...)
		return nil
	})
	b.Queue("COMMIT")
	return e.send(ctx, &b)
}

func (e *postgresEngine) send(ctx context.Context, b *pgx.Batch) error {
	return e.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		if err := c.SendBatch(ctx, b).Close(); err != nil {
			_, _ = c.Exec(ctx, "ROLLBACK")
			return err
		}
		return nil
	})
}

func (e *postgresEngine) status(ctx context.Context, owner, number string) (bool, error) {
	var n, status string
	var paid int64
	var at *int64
	err := e.pool.QueryRow(ctx, sqlStatus, number, "aspay.invoice", owner).Scan(&n, &status, &paid, &at)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (e *postgresEngine) count(ctx context.Context, text string) (n int64, err error) {
	err = e.pool.QueryRow(ctx, text).Scan(&n)
	return n, err
}

func (e *postgresEngine) close() error { e.pool.Close(); return nil }
