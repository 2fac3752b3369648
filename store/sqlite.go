package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"sarraf/fault"
)

// sqliteDB is an embedded database in WAL mode: one writer connection, which every write transaction takes in turn, and a pool
// of readers that never wait for it.
type sqliteDB struct {
	path    string
	writer  *sql.DB
	readers *sql.DB

	turn  chan struct{} // one token: whoever holds it has the writer
	waits atomic.Int64  // for the token
	conn  *sql.Conn     // under turn
	stmts map[string]*sql.Stmt
	bulks map[*bulkText]*sql.Stmt // under turn too

	mu    sync.Mutex
	reads map[string]*sql.Stmt
}

func openSQLite(ctx context.Context, path string, opts Options) (*sqliteDB, error) {
	if path == "" || path == ":memory:" {
		return nil, errors.New("database: sqlite needs a file, as in sqlite:sarraf.db")
	}
	// cache_size is in KiB when negative; synchronous FULL makes an acknowledged commit survive power loss.
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=cache_size(-8192)" +
		"&_pragma=wal_autocheckpoint(4000)&_pragma=journal_size_limit(67108864)" +
		"&_pragma=automatic_index(0)" // else a list of some hundred keys is indexed, and the whole table walked beside it
	if opts.ReadOnly {
		return openReadOnly(ctx, path, opts)
	}
	// Readers sort on disk what does not fit their cache: an audit sorts whole tables.
	writer, err := sql.Open("sqlite", dsn+"&_txlock=immediate&_pragma=temp_store(MEMORY)")
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	if err := writer.PingContext(ctx); err != nil {
		return nil, errors.Join(fault.New(fault.Outage).Wrap(fmt.Errorf("open %s: %w", path, err)), writer.Close())
	}
	readers, err := sql.Open("sqlite", dsn+"&_pragma=query_only(1)&_pragma=cache_size(-8192)")
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	readers.SetMaxOpenConns(opts.Readers)
	readers.SetMaxIdleConns(opts.Readers)
	d := &sqliteDB{path: path, writer: writer, readers: readers, turn: make(chan struct{}, 1), reads: map[string]*sql.Stmt{}}
	d.turn <- struct{}{}
	return d, nil
}

// openReadOnly opens a database that may be a backup on a read-only disk. Without a log beside it the file is all there is, and is read
// as it stands; with one, the log is read too.
func openReadOnly(ctx context.Context, path string, opts Options) (*sqliteDB, error) {
	mode := "mode=ro"
	if _, err := os.Stat(path + "-wal"); errors.Is(err, os.ErrNotExist) {
		mode = "mode=ro&immutable=1"
	}
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + mode + "&_pragma=busy_timeout(5000)&_pragma=query_only(1)"
	readers, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	readers.SetMaxOpenConns(opts.Readers)
	readers.SetMaxIdleConns(opts.Readers)
	if err := readers.PingContext(ctx); err != nil {
		return nil, errors.Join(fault.New(fault.Outage).Wrap(fmt.Errorf("open %s: %w", path, err)), readers.Close())
	}
	return &sqliteDB{path: path, readers: readers, turn: make(chan struct{}, 1), reads: map[string]*sql.Stmt{}}, nil
}

func (d *sqliteDB) pools() []Pool {
	readers := Pool{
		Name: "read", Max: d.readers.Stats().MaxOpenConnections, InUse: func() int { return d.readers.Stats().InUse },
		Waits: func() int64 { return d.readers.Stats().WaitCount },
	}
	if d.writer == nil {
		return []Pool{readers}
	}
	return []Pool{readers, {Name: "write", Max: 1, InUse: func() int { return 1 - len(d.turn) }, Waits: d.waits.Load}}
}

// errReadOnly says that a write was asked of a database that was opened for reading.
var errReadOnly = errors.New("the database is open for reading only")

func (d *sqliteDB) close() error {
	if d.writer == nil {
		return d.readers.Close()
	}
	return errors.Join(d.dropWriter(), d.readers.Close(), d.writer.Close())
}

// dropWriter closes the writer connection and what is prepared on it; the next transaction opens a new one. The connection is not
// just given back to its pool, which would hand out the same one again in whatever state it is.
func (d *sqliteDB) dropWriter() error {
	var errs []error
	for _, st := range d.stmts {
		errs = append(errs, st.Close())
	}
	for _, st := range d.bulks {
		errs = append(errs, st.Close())
	}
	if d.conn != nil {
		err := d.conn.Raw(func(any) error { return driver.ErrBadConn })
		if !errors.Is(err, driver.ErrBadConn) && !errors.Is(err, sql.ErrConnDone) {
			errs = append(errs, err)
		}
	}
	d.conn, d.stmts, d.bulks = nil, nil, nil
	return errors.Join(errs...)
}

func (d *sqliteDB) begin(ctx context.Context, write bool) (session, error) {
	if !write {
		conn, err := d.readers.Conn(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return &sqliteRead{conn: conn}, nil
	}
	if d.writer == nil {
		return nil, errReadOnly
	}
	select {
	case <-d.turn:
	default:
		d.waits.Add(1)
		select {
		case <-d.turn:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if d.conn == nil {
		conn, err := d.writer.Conn(ctx)
		if err != nil {
			d.turn <- struct{}{}
			return nil, err
		}
		d.conn, d.stmts, d.bulks = conn, map[string]*sql.Stmt{}, map[*bulkText]*sql.Stmt{}
	}
	s := &sqliteWrite{db: d}
	if err := s.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		if !retryable(err) {
			_ = d.dropWriter()
		}
		d.turn <- struct{}{}
		return nil, err
	}
	return s, nil
}

// read runs one statement on a reader, prepared once for the pool.
func (d *sqliteDB) read(ctx context.Context, st statement) error {
	d.mu.Lock()
	prepared, ok := d.reads[st.sql]
	d.mu.Unlock()
	if !ok {
		p, err := d.readers.PrepareContext(ctx, st.sql)
		if err != nil {
			return err
		}
		d.mu.Lock()
		if prepared, ok = d.reads[st.sql]; ok {
			_ = p.Close()
		} else {
			d.reads[st.sql], prepared = p, p
		}
		d.mu.Unlock()
	}
	// A context that can end costs a goroutine for each statement in this driver; a local keyed read needs no end but its own.
	rows, err := prepared.QueryContext(context.WithoutCancel(ctx), st.args...)
	return each(rows, err, st.scan)
}

// each scans every row and closes rows.
func each(rows *sql.Rows, err error, scan func(Row) error) error {
	if err != nil {
		return err
	}
	for rows.Next() {
		if scan != nil {
			if err := scan(rows); err != nil {
				return errors.Join(err, rows.Close())
			}
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// sqliteRead is a snapshot on a reader.
type sqliteRead struct {
	conn   *sql.Conn
	opened []*sql.Rows // streams that may not have been read to their end
}

func (s *sqliteRead) run(ctx context.Context, list []statement) error {
	for _, st := range list {
		rows, err := s.conn.QueryContext(ctx, st.sql, st.args...)
		if err := each(rows, err, st.scan); err != nil {
			return err
		}
	}
	return nil
}

func (s *sqliteRead) commit(ctx context.Context) error { s.rollback(ctx); return nil }

func (s *sqliteRead) rollback(ctx context.Context) {
	for _, r := range s.opened {
		_ = r.Close()
	}
	_, _ = s.conn.ExecContext(ctx, "ROLLBACK")
	_ = s.conn.Close()
}

// sqliteWrite is the one write transaction there is at a time.
type sqliteWrite struct {
	db     *sqliteDB
	ended  bool
	opened []*sql.Rows
}

func (s *sqliteWrite) prepared(ctx context.Context, q statement) (*sql.Stmt, error) {
	if q.kept != nil {
		return prepared(ctx, s.db.conn, s.db.bulks, q.kept, q.sql)
	}
	return prepared(ctx, s.db.conn, s.db.stmts, q.sql, q.sql)
}

func prepared[K comparable](ctx context.Context, conn *sql.Conn, have map[K]*sql.Stmt, key K, text string) (*sql.Stmt, error) {
	if st, ok := have[key]; ok {
		return st, nil
	}
	st, err := conn.PrepareContext(ctx, text)
	if err == nil {
		have[key] = st
	}
	return st, err
}

func (s *sqliteWrite) exec(ctx context.Context, text string) error {
	return s.execute(ctx, statement{sql: text})
}

func (s *sqliteWrite) execute(ctx context.Context, q statement) error {
	st, err := s.prepared(ctx, q)
	if err != nil {
		return err
	}
	_, err = st.ExecContext(ctx, q.args...)
	return err
}

func (s *sqliteWrite) run(ctx context.Context, list []statement) error {
	for _, q := range list {
		if q.scan == nil {
			if err := s.execute(ctx, q); err != nil {
				return err
			}
			continue
		}
		st, err := s.prepared(ctx, q)
		if err != nil {
			return err
		}
		rows, err := st.QueryContext(ctx, q.args...)
		if err := each(rows, err, q.scan); err != nil {
			return err
		}
	}
	return nil
}

// commit ends the transaction. An error of COMMIT leaves it open in SQLite, so it is rolled back; an I/O error may have come
// after the log was written, so the caller must look before it says anything.
func (s *sqliteWrite) commit(ctx context.Context) error {
	err := s.exec(ctx, "COMMIT")
	if err != nil {
		_ = s.exec(ctx, "ROLLBACK")
		_ = s.db.dropWriter()
		err = fmt.Errorf("%w: %w", errCommitUnknown, err)
	}
	s.end()
	return err
}

func (s *sqliteWrite) rollback(ctx context.Context) {
	for _, r := range s.opened {
		_ = r.Close()
	}
	// SQLite rolls back by itself on some errors (a full disk); a second ROLLBACK is then an error that says nothing.
	_ = s.exec(ctx, "ROLLBACK")
	s.end()
}

func (s *sqliteWrite) end() {
	for _, r := range s.opened {
		_ = r.Close()
	}
	if !s.ended {
		s.ended = true
		s.db.turn <- struct{}{}
	}
}
