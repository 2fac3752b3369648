package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"sarraf/fault"
)

// postgresDB is a PostgreSQL server: a pool for writing, so that a burst of reads never keeps a payment waiting, one for keyed reads,
// and one for snapshots, in which whole tables are walked.
type postgresDB struct {
	dsn     string
	writers *pgxpool.Pool
	readers *pgxpool.Pool
	walkers *pgxpool.Pool
}

// The names that the server's list of connections shows.
const (
	applicationName = "sarraf "
	writeName       = applicationName + "write"
)

func openPostgres(ctx context.Context, dsn, database string, opts Options) (*postgresDB, error) {
	open := func(conns int, name string) (*pgxpool.Pool, error) {
		cfg, err := pgxpool.ParseConfig(dsn)
		if err != nil {
			return nil, fmt.Errorf("database: cannot read %s", redact(dsn))
		}
		if database != "" {
			cfg.ConnConfig.Database = database
		}
		cfg.MaxConns = int32(conns)
		cfg.ConnConfig.ConnectTimeout = 5 * time.Second
		cfg.ConnConfig.StatementCacheCapacity = 1024
		params := cfg.ConnConfig.RuntimeParams
		params["application_name"] = applicationName + name
		params["synchronous_commit"] = "on"
		params["timezone"] = "UTC"
		params["lock_timeout"] = "10s"
		params["idle_in_transaction_session_timeout"] = "60s"
		// The settings below make plans look dear, and compiling a statement takes longer than running it.
		params["jit"] = "off"
		// Every statement is keyed. On a freshly made table the planner does not know that yet and would keep a sequential scan
		// in a prepared plan; with these it takes the key's index from the first row on. Were pages not free, ten look-ups in an empty
		// table would seem dearer than reading all of it for each: its pages are counted before there are any.
		if name != "walk" {
			params["enable_seqscan"] = "off"
			params["enable_hashjoin"] = "off"
			params["enable_mergejoin"] = "off"
			params["plan_cache_mode"] = "force_generic_plan"
			params["random_page_cost"] = "0"
			params["seq_page_cost"] = "0"
		}
		cfg.PrepareConn = replan
		pool, err := pgxpool.NewWithConfig(ctx, cfg)
		if err != nil {
			return nil, err
		}
		if err := pool.Ping(ctx); err != nil {
			pool.Close()
			return nil, fault.New(fault.Outage).Wrap(err)
		}
		return pool, nil
	}
	writers, err := open(opts.Writers, "write")
	if err != nil {
		return nil, err
	}
	readers, err := open(opts.Readers, "read")
	if err != nil {
		writers.Close()
		return nil, err
	}
	walkers, err := open(opts.Readers, "walk")
	if err != nil {
		writers.Close()
		readers.Close()
		return nil, err
	}
	return &postgresDB{dsn: dsn, writers: writers, readers: readers, walkers: walkers}, nil
}

// replan has a connection forget its plans when it is taken for the 2nd, 4th, 8th ... 4,096th time, and every 4,096th from then on.
// A plan that was made while a table was all but empty may walk over all rows of an owner, since one key was as good as another
// then; nothing but the statistics of a later ANALYZE would replace it, and a new database takes thousands of payments before that.
func replan(ctx context.Context, conn *pgx.Conn) (bool, error) {
	const taken, most = "sarraf taken", 4096
	data := conn.PgConn().CustomData()
	n, _ := data[taken].(int)
	n++
	data[taken] = n
	if n > 1 && n < most && n&(n-1) == 0 || n%most == 0 {
		if _, err := conn.Exec(ctx, "DISCARD PLANS", pgx.QueryExecModeSimpleProtocol); err != nil {
			return false, nil // it is broken: another one is taken
		}
	}
	return true, nil
}

func (d *postgresDB) pools() []Pool {
	of := func(name string, p *pgxpool.Pool) Pool {
		return Pool{
			Name: name, Max: int(p.Config().MaxConns), InUse: func() int { return int(p.Stat().AcquiredConns()) },
			Waits: func() int64 { return p.Stat().EmptyAcquireCount() },
		}
	}
	return []Pool{of("read", d.readers), of("write", d.writers)}
}

func (d *postgresDB) close() error {
	d.writers.Close()
	d.readers.Close()
	d.walkers.Close()
	return nil
}

func (d *postgresDB) begin(ctx context.Context, write bool) (session, error) {
	pool, opts := d.walkers, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	if write {
		pool, opts = d.writers, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}
	}
	tx, err := pool.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &postgresTx{tx: tx}, nil
}

func (d *postgresDB) read(ctx context.Context, st statement) error {
	rows, err := d.readers.Query(ctx, st.sql, st.args...)
	return eachPG(rows, err, st.scan)
}

func eachPG(rows pgx.Rows, err error, scan func(Row) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if scan != nil {
			if err := scan(rows); err != nil {
				return err
			}
		}
	}
	return rows.Err()
}

type postgresTx struct {
	tx      pgx.Tx
	cursors int // streams opened in it, for their names
}

// run sends all statements in one round trip.
func (s *postgresTx) run(ctx context.Context, list []statement) error {
	if len(list) == 1 {
		rows, err := s.tx.Query(ctx, list[0].sql, list[0].args...)
		return eachPG(rows, err, list[0].scan)
	}
	var b pgx.Batch
	for _, st := range list {
		b.Queue(st.sql, st.args...)
	}
	answers := s.tx.SendBatch(ctx, &b)
	for _, st := range list {
		rows, err := answers.Query()
		if err := eachPG(rows, err, st.scan); err != nil {
			_ = answers.Close()
			return err
		}
	}
	return answers.Close()
}

// commit ends the transaction. An answer from the server is certain, whatever it says; no answer leaves the outcome unknown.
func (s *postgresTx) commit(ctx context.Context) error {
	err := s.tx.Commit(ctx)
	if err == nil {
		return nil
	}
	if _, answered := pgCode(err); answered && !outage(err) || errors.Is(err, pgx.ErrTxCommitRollback) {
		return err
	}
	return fmt.Errorf("%w: %w", errCommitUnknown, err)
}

func (s *postgresTx) rollback(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_ = s.tx.Rollback(ctx)
}

// column is one column of a list of rows, as an array.
type column struct {
	rows     []any // one row after another
	at, wide int
}

var _ pgtype.ArrayGetter = column{}

// columnsOf are the columns of rows that are so wide.
func columnsOf(rows []any, wide int) []any {
	list := make([]any, wide)
	for i := range list {
		list[i] = column{rows, i, wide}
	}
	return list
}

// Dimensions tells pgx how long the array is.
func (c column) Dimensions() []pgtype.ArrayDimension {
	return []pgtype.ArrayDimension{{Length: int32(len(c.rows) / c.wide), LowerBound: 1}}
}

// Index is one element, nil for NULL.
func (c column) Index(i int) any { return c.rows[i*c.wide+c.at] }

// IndexType is of no use: each element tells its type.
func (c column) IndexType() any { return nil }
