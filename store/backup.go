package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// BackupOptions are the choices of Backup. The zero value makes a copy that nobody has proved.
type BackupOptions struct {
	Overwrite bool         // a file of that name is replaced, once the new one is whole
	Programs  string       // the folder of pg_dump and pg_restore; "" for the PATH, then Debian's place
	Logger    *slog.Logger // slog.Default() when nil
	// Prove is called with a read-only transaction over exactly what was copied. When it answers an error there is no backup.
	Prove func(ctx context.Context, tx *Tx) error
}

// Backup copies the database that dsn names, as it stands at one moment, into a file that only its owner can read (mode 0600), while other
// processes go on writing. The file is synced, and appears under its name whole or not at all. An SQLite database becomes one SQLite
// file, a PostgreSQL database an archive of pg_dump. Backup answers ErrTaken when the file is there and Overwrite is not set.
//
// With Prove set, the schema must be the one this program knows (ErrSchemaOlder, ErrSchemaNewer), and an SQLite file must pass SQLite's
// own integrity check. A PostgreSQL archive is read to its end in any case.
func Backup(ctx context.Context, dsn, file string, o BackupOptions) (err error) {
	engine, path, err := engineOf(dsn)
	if err != nil {
		return err
	}
	if engine == SQLite {
		if err := notOfTheDatabase(file, path); err != nil {
			return err
		}
	}
	if _, err := os.Lstat(file); err == nil && !o.Overwrite {
		return fmt.Errorf("%s: %w", file, ErrTaken)
	}
	part, err := emptyPart(file)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			removeDatabase(part)
		}
	}()
	if engine == SQLite {
		err = backupSQLite(ctx, path, part, o)
	} else {
		err = backupPostgres(ctx, dsn, part, o)
	}
	if err != nil {
		return err
	}
	return publish(part, file, o.Overwrite)
}

// provedBy calls prove over one state of a database that must have this program's schema.
func (db *DB) provedBy(ctx context.Context, prove func(ctx context.Context, tx *Tx) error) error {
	if err := db.CheckSchema(ctx); err != nil {
		return err
	}
	return db.Snapshot(ctx, prove)
}

// ErrTaken says that something is there already under the name that was given.
var ErrTaken = errors.New("it is there already, and nothing was written over it")

// FileEngine tells which engine's backup a file is, by how it begins. That it begins rightly does not make it whole.
func FileEngine(file string) (Engine, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	begin := make([]byte, len(magicSQLite))
	n, err := io.ReadFull(f, begin)
	switch {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return "", err
	case string(begin) == magicSQLite:
		return SQLite, nil
	case n >= len(magicDump) && string(begin[:len(magicDump)]) == magicDump:
		return Postgres, nil
	}
	return "", fmt.Errorf("%s is no backup: it is neither an SQLite database nor an archive of pg_dump", file)
}

// How files of each kind begin: https://sqlite.org/fileformat2.html#the_database_header, and PostgreSQL's custom dump format.
const (
	magicSQLite = "SQLite format 3\x00"
	magicDump   = "PGDMP"
)

// notOfTheDatabase refuses to write a backup over the database it is of, or over a file that belongs to it.
func notOfTheDatabase(file, database string) error {
	have, err := os.Stat(file)
	if err != nil {
		return nil // nothing is there to be written over; what else is wrong shows when it is written
	}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal", ".lock"} {
		if of, err := os.Stat(database + suffix); err == nil && os.SameFile(have, of) {
			return fmt.Errorf("%s belongs to the database itself: give the backup another name", file)
		}
	}
	return nil
}

// emptyPart makes an empty file beside file, for its content until it is whole. A process that is killed leaves it.
func emptyPart(file string) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".part-*") // with mode 0600
	if err != nil {
		return "", fmt.Errorf("the backup cannot be written: %w", err)
	}
	return f.Name(), f.Close()
}

// publish syncs a whole file and gives it its name.
func publish(part, file string, overwrite bool) error {
	if err := syncPath(part); err != nil {
		return err
	}
	if overwrite {
		if err := os.Rename(part, file); err != nil {
			return err
		}
	} else if err := moveNew(part, file); err != nil {
		return err
	}
	return syncPath(filepath.Dir(file))
}

// moveNew renames a file to a name that must be free. It answers ErrTaken when it is not.
func moveNew(from, to string) error {
	err := os.Link(from, to) // fails where rename would replace
	switch {
	case err == nil:
		return os.Remove(from)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s: %w", to, ErrTaken)
	}
	// The file system has no second names.
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s: %w", to, ErrTaken)
	}
	return os.Rename(from, to)
}

// syncPath makes a file, or the names in a folder, survive a power cut.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// removeDatabase removes a copy and what SQLite may have left beside it.
func removeDatabase(path string) {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		_ = os.Remove(path + suffix)
	}
}
