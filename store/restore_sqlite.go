package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	sqlite3 "modernc.org/sqlite/lib"
)

// restoreSQLite restores a file. The caller holds the lock that keeps other restores and servers away.
func restoreSQLite(ctx context.Context, path, file string, o RestoreOptions) (r Restored, err error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // what a link leads to is replaced, not the link
	}
	there := exists(path)
	if there && !o.Replace {
		return r, fmt.Errorf("%s: %w", path, ErrThere)
	}
	if err := notOfTheDatabase(file, path); err != nil {
		return r, err
	}
	if info, err := os.Stat(file + "-wal"); err == nil && info.Size() > 0 {
		return r, fmt.Errorf("%s has a log beside it: it is a database in use, or was copied as one; give a file that sarraf backup made", file)
	}
	fresh := path + ".restoring"
	removeDatabase(fresh) // of a restore that was killed: the lock says that there is no other
	defer func() {
		if err != nil {
			removeDatabase(fresh)
		}
	}()
	if err := copyFile(ctx, file, fresh); err != nil {
		return r, fmt.Errorf("copy the backup: %w", err)
	}
	if r.Applied, err = prepareSQLite(ctx, fresh, o); err != nil {
		return r, err
	}
	if err := syncPath(fresh); err != nil {
		return r, err
	}
	s := swap{fresh: fresh, path: path, kept: path + ".before_" + stamp(o.Clock), log: o.Logger}
	if err := s.run(ctx); err != nil {
		return r, err
	}
	if there {
		r.Kept = s.kept
	}
	return r, nil
}

// prepareSQLite makes the copy fit for use and proves it. It stands in one file at the end.
func prepareSQLite(ctx context.Context, fresh string, o RestoreOptions) ([]string, error) {
	opts := Options{Logger: o.Logger, Clock: o.Clock}
	sound, err := openSound(ctx, fresh, opts)
	if err != nil {
		return nil, err
	}
	if err := sound.Close(); err != nil {
		return nil, err
	}
	db, err := open(ctx, "sqlite:"+fresh, "", opts)
	if err != nil {
		return nil, err
	}
	applied, err := bring(ctx, db, o)
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	if err := oneFile(ctx, fresh); err != nil {
		return nil, err
	}
	opts.ReadOnly = true
	if db, err = open(ctx, "sqlite:"+fresh, "", opts); err != nil {
		return nil, err
	}
	return applied, errors.Join(db.provedBy(ctx, o.Prove), db.Close())
}

// copyFile copies into a new file that only its owner can read, and syncs it.
func copyFile(ctx context.Context, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for err == nil {
		if err = ctx.Err(); err == nil {
			_, err = io.CopyN(out, in, 64<<20)
		}
	}
	if errors.Is(err, io.EOF) {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

// swap puts a fresh database, which stands in one file, in the place of another one.
type swap struct {
	fresh, path, kept string
	log               interface{ Warn(string, ...any) }
	step              func(string) error // tests stop it after a step; nil outside of them
}

func (s swap) did(step string) error {
	if s.step == nil {
		return nil
	}
	return s.step(step)
}

// run does it. At every moment either the old database is whole, at path or at kept, or the new one is at path. Beside a new file there is
// never the log of an old one, which SQLite would take for the new one's.
func (s swap) run(ctx context.Context) error {
	if !exists(s.path) {
		return s.intoEmpty()
	}
	// SQLite throws away the log of a file that it cannot read: until it is clear that it can, the log has a second name.
	if err := errors.Join(s.keepLogs(ctx), s.did("logs kept")); err != nil {
		return err
	}
	release, err := settle(ctx, s.path)
	if err != nil && !errors.Is(err, ErrInUse) && ctx.Err() == nil {
		s.log.Warn("the old database cannot be read, and is put aside as it is", "database", s.path, "error", err)
		return s.damagedAside()
	}
	s.forgetLogs()
	if err != nil {
		return err
	}
	defer release()
	if err := s.did("settled"); err != nil {
		return err
	}
	for _, suffix := range []string{"-wal", "-journal"} {
		if exists(s.path + suffix) {
			return fmt.Errorf("%w: its log %s%s came back", ErrInUse, s.path, suffix)
		}
	}
	if err := keep(s.path, s.kept); err != nil {
		return err
	}
	if err := errors.Join(syncPath(filepath.Dir(s.path)), s.did("kept")); err != nil {
		return err
	}
	if err := os.Rename(s.fresh, s.path); err != nil {
		return err
	}
	return errors.Join(s.did("renamed"), syncPath(filepath.Dir(s.path)))
}

// intoEmpty puts the new file where there is none. A log without its file is one that an interrupted run left: it is kept.
func (s swap) intoEmpty() error {
	for _, suffix := range []string{"-wal", "-journal"} {
		if !exists(s.path + suffix) {
			continue
		}
		move := func() error { return os.Rename(s.path+suffix, s.kept+suffix) }
		if exists(s.kept + suffix) { // its second name: to rename it to that would do nothing at all
			move = func() error { return os.Remove(s.path + suffix) }
		}
		if err := move(); err != nil {
			return err
		}
	}
	if err := removed(s.path + "-shm"); err != nil {
		return err
	}
	if err := errors.Join(syncPath(filepath.Dir(s.path)), s.did("cleared")); err != nil {
		return err
	}
	return errors.Join(moveNew(s.fresh, s.path), syncPath(filepath.Dir(s.path)))
}

// keepLogs gives the logs of the old database a second name, beside the new name of the file that they belong to.
func (s swap) keepLogs(ctx context.Context) error {
	for _, suffix := range []string{"-wal", "-journal"} {
		if !exists(s.path + suffix) {
			continue
		}
		if os.Link(s.path+suffix, s.kept+suffix) == nil {
			continue
		}
		if err := copyFile(ctx, s.path+suffix, s.kept+suffix); err != nil {
			return err
		}
	}
	return syncPath(filepath.Dir(s.path))
}

func (s swap) forgetLogs() {
	_, _ = os.Remove(s.kept+"-wal"), os.Remove(s.kept+"-journal")
}

// damagedAside puts an old database aside that SQLite cannot read. Its logs are beside its new name already.
func (s swap) damagedAside() error {
	if err := os.Rename(s.path, s.kept); err != nil {
		return err
	}
	if err := s.did("put aside"); err != nil {
		return err
	}
	return s.intoEmpty()
}

// keep gives a file a second name, or, where the file system has none, another one.
func keep(path, kept string) error {
	if exists(kept) {
		return fmt.Errorf("%s: %w", kept, ErrTaken)
	}
	if os.Link(path, kept) == nil {
		return nil
	}
	return os.Rename(path, kept)
}

func removed(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// settle takes what is in an old database's log into its file and keeps everybody out of it until release is called. It answers ErrInUse
// when somebody has it open.
func settle(ctx context.Context, path string) (release func(), err error) {
	db, err := sql.Open("sqlite", sqliteURI(path)+"?mode=rw&_pragma=busy_timeout(2000)")
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	release = func() { _, _ = conn.Close(), db.Close() }
	defer func() {
		if err != nil {
			release()
		}
	}()
	var mode string
	err = conn.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode)
	if err == nil && mode != "delete" {
		err = fmt.Errorf("%w: its journal mode stays %s", ErrInUse, mode)
	}
	if err == nil {
		// Of the transaction only the lock is wanted.
		_, err = conn.ExecContext(ctx, "BEGIN EXCLUSIVE")
	}
	if code, ok := sqliteCode(err); ok && (code&0xff == sqlite3.SQLITE_BUSY || code&0xff == sqlite3.SQLITE_LOCKED) {
		err = fmt.Errorf("%w: another process has %s open; stop it first", ErrInUse, path)
	}
	return release, err
}
