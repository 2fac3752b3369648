package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"modernc.org/sqlite"
)

// sqliteURI is the beginning of a driver's address of a file; "?" and its parameters follow.
func sqliteURI(path string) string { return "file:" + (&url.URL{Path: path}).EscapedPath() }

// backupSQLite copies the database at path into the empty file at to.
func backupSQLite(ctx context.Context, path, to string, o BackupOptions) error {
	if err := copySQLite(ctx, path, to); err != nil {
		return fmt.Errorf("copy %s: %w", path, err)
	}
	if o.Prove == nil {
		return nil
	}
	db, err := openSound(ctx, to, Options{Logger: o.Logger})
	if err != nil {
		return err
	}
	return errors.Join(db.provedBy(ctx, o.Prove), db.Close())
}

// copyPages is how many pages are copied between two looks at whether to go on: 4 MiB.
const copyPages = 1024

// copySQLite copies page by page through SQLite's online backup, inside one read transaction: the copy is of the moment the transaction
// began, with what is in the log by then. A writer in WAL mode does not wait for a reader; all that it notices is that the log cannot be
// taken over into the file beyond that moment until the copy is made. VACUUM INTO would do as well, and leave out free pages; it takes
// about a quarter longer, for which the log grows, and is one statement that says nothing until its end.
func copySQLite(ctx context.Context, path, to string) error {
	from, err := sql.Open("sqlite", sqliteURI(path)+"?mode=rw&_pragma=busy_timeout(5000)&_pragma=query_only(1)")
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	conn, err := from.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	var tables int64
	if err := conn.QueryRowContext(ctx, sqlTablesSQLite).Scan(&tables); err != nil { // the transaction sees its moment from here on
		return err
	}
	err = conn.Raw(func(c any) error {
		maker, ok := c.(interface {
			NewBackup(to string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("the driver has no online backup")
		}
		// Until it is whole the copy is nobody's, and it is synced as a whole: its own journal and syncs would be for nothing.
		b, err := maker.NewBackup(sqliteURI(to) + "?_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)")
		if err != nil {
			return err
		}
		for more := true; more && err == nil; {
			if err = ctx.Err(); err == nil {
				more, err = b.Step(copyPages)
			}
		}
		return errors.Join(err, b.Finish())
	})
	if err != nil {
		return err
	}
	return oneFile(ctx, to)
}

// oneFile has a database that nobody else uses stand in one file, its log taken in, to be read by any SQLite from any disk.
func oneFile(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", sqliteURI(path)+"?mode=rw&_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode); err != nil {
		return err
	}
	if mode != "delete" {
		return fmt.Errorf("%s keeps its log: its journal mode is %s", path, mode)
	}
	return nil
}

// errDamaged says that a file is not what SQLite wrote.
var errDamaged = errors.New("the file is damaged")

// openSound opens a file for reading that passes SQLite's own checks, of its pages and of its foreign keys.
func openSound(ctx context.Context, path string, opts Options) (*DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	opts.ReadOnly = true
	db, err := open(ctx, "sqlite:"+path, "", opts)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	var wrong []string
	err = db.Query(ctx, "PRAGMA integrity_check(5)", nil, func(r Row) error {
		var line string
		err := r.Scan(&line)
		if line != "ok" {
			wrong = append(wrong, line)
		}
		return err
	})
	if err == nil {
		err = db.Query(ctx, sqlForeignKeys, nil, func(r Row) error {
			var line string
			err := r.Scan(&line)
			wrong = append(wrong, "foreign key: "+line)
			return err
		})
	}
	if len(wrong) > 0 {
		err = errors.Join(errors.New(strings.Join(wrong, "; ")), err)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", errDamaged, err), db.Close())
	}
	return db, nil
}
