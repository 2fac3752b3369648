package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"sarraf/internal/clock"
)

// RestoreOptions are the choices of Restore.
type RestoreOptions struct {
	Replace  bool         // a database that is there is put aside, under a new name
	Programs string       // the folder of pg_restore; "" for the PATH, then Debian's place
	Logger   *slog.Logger // slog.Default() when nil
	Clock    clock.Clock  // clock.System when nil; for new names
	// SkipNumbers is how much further every run of numbers goes on, so that none of those that were given out after the backup was made
	// is given out again.
	SkipNumbers int64
	// Prove is called with a read-only transaction over the restored copy as it is to be used. When it answers an error, nothing is
	// replaced and the copy is removed.
	Prove func(ctx context.Context, tx *Tx) error
}

// Restored is what Restore did.
type Restored struct {
	Kept    string   // where the database is that was there before: a file, or a database of the server; "" when there was none
	Applied []string // migrations that the backup lacked
	Left    []string // copies of restores that were killed, which may be removed; never this one's
}

// Reasons for which Restore does nothing.
var (
	ErrThere   = errors.New("there is a database already: with --replace it is kept under another name, and the backup takes its place")
	ErrInUse   = errors.New("the database is in use")
	ErrForeign = errors.New("it holds no database of this program")
)

// Restore puts a backup that Backup made in the place of the database that dsn names. The backup is copied beside it, checked, brought up
// to this program's schema, and proved; then the copy takes the place in one step. If the process dies at any point, the old database or
// the new one is whole, and Restore can be called again. Nobody may be using the database: ErrInUse says who does, as far as the
// engine knows.
func Restore(ctx context.Context, dsn, file string, o RestoreOptions) (Restored, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	engine, path, err := engineOf(dsn)
	if err != nil {
		return Restored{}, err
	}
	have, err := FileEngine(file)
	if err != nil {
		return Restored{}, err
	}
	if have != engine {
		return Restored{}, fmt.Errorf("%s is a backup of %s, and the database is one of %s", file, have, engine)
	}
	if engine == SQLite {
		return restoreSQLite(ctx, path, file, o)
	}
	return restorePostgres(ctx, dsn, file, o)
}

// bring makes an open copy fit for use: this program's schema, and numbers that were never given out. It answers the migrations.
func bring(ctx context.Context, db *DB, o RestoreOptions) ([]string, error) {
	have, err := db.be.version(ctx)
	if err != nil {
		return nil, err
	}
	if have == 0 { // migrating would make an empty database of it, whose books are clean
		return nil, ErrForeign
	}
	applied, err := db.Migrate(ctx, false)
	if err != nil {
		return nil, err
	}
	return applied, db.Write(ctx, func(ctx context.Context, tx *Tx) error { return tx.skipNumbers(ctx, o.SkipNumbers) })
}

// stamp is a time as a part of a name.
func stamp(c clock.Clock) string {
	at := c.Now()
	return fmt.Sprintf("%s_%03d", at.Format("20060102_150405"), at.Nanosecond()/int(time.Millisecond))
}

// exists reports whether there is a file of that name.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
