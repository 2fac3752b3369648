package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/pressly/goose/v3"

	"sarraf/internal/pgtest"
)

// shelf is a database at path whose last commit is still in its log, as a killed process leaves it, and a backup of another one.
type shelf struct {
	path, file string
}

// say writes a word into a database, by which it is known.
func say(t *testing.T, dsn, word string) {
	t.Helper()
	db, err := Open(t.Context(), dsn, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Migrate(t.Context(), false)
	if err == nil {
		err = db.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
			return tx.Exec(ctx, `INSERT INTO alias (value, kind, owner, id) VALUES ($1, 'word', 'o', 'i')`, word)
		})
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// words are those of a file, as it stands.
func words(t *testing.T, file string) string {
	t.Helper()
	db, err := Open(t.Context(), "sqlite:"+file, Options{ReadOnly: true})
	if err != nil {
		return "unreadable"
	}
	defer db.Close()
	var list []string
	err = db.Query(t.Context(), `SELECT value FROM alias WHERE kind = 'word' ORDER BY value`, nil, func(r Row) error {
		var w string
		err := r.Scan(&w)
		list = append(list, w)
		return err
	})
	if err != nil {
		return "unreadable"
	}
	return strings.Join(list, " ")
}

func newShelf(t *testing.T) shelf {
	t.Helper()
	s := shelf{path: filepath.Join(t.TempDir(), "shop.db"), file: filepath.Join(t.TempDir(), "backup")}
	other := filepath.Join(t.TempDir(), "other.db")
	say(t, "sqlite:"+other, "new")
	if err := Backup(t.Context(), "sqlite:"+other, s.file, BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	say(t, "sqlite:"+s.path, "old")
	// The log is taken in by whoever closes a database last: a copy made before that has it still.
	live, err := Open(t.Context(), "sqlite:"+s.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = live.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
		return tx.Exec(ctx, `INSERT INTO alias (value, kind, owner, id) VALUES ('old-in-the-log', 'word', 'o', 'i')`)
	})
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string][]byte{}
	for _, suffix := range []string{"", "-wal"} {
		if kept[suffix], err = os.ReadFile(s.path + suffix); err != nil {
			t.Fatal(err)
		}
	}
	if err := live.Close(); err != nil {
		t.Fatal(err)
	}
	for suffix, text := range kept {
		if err := os.WriteFile(s.path+suffix, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s shelf) restore(t *testing.T) (Restored, error) {
	t.Helper()
	return Restore(t.Context(), "sqlite:"+s.path, s.file, RestoreOptions{Replace: true, Prove: func(context.Context, *Tx) error { return nil }})
}

// damage makes the file unreadable for SQLite.
func (s shelf) damage(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile(s.path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte("no longer a file of SQLite"), 0)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestTheOldDatabaseIsKeptWithWhatWasInItsLog(t *testing.T) {
	s := newShelf(t)
	r, err := s.restore(t)
	if err != nil || r.Kept == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := words(t, r.Kept); got != "old old-in-the-log" {
		t.Errorf("the old one says %q", got)
	}
	if got := words(t, s.path); got != "new" {
		t.Errorf("the new one says %q", got)
	}
	have, err := filepath.Glob(s.path + "*")
	if want := []string{s.path, r.Kept}; err != nil || !slices.Equal(have, want) {
		t.Errorf("there is %v, want %v", have, want)
	}
}

func TestADamagedOldDatabaseIsKeptWithItsLog(t *testing.T) {
	s := newShelf(t)
	s.damage(t)
	log, err := os.ReadFile(s.path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.restore(t)
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile(r.Kept + "-wal"); err != nil || string(kept) != string(log) {
		t.Errorf("the log of the old one: %d bytes, %v", len(kept), err)
	}
	if got := words(t, s.path); got != "new" || exists(s.path+"-wal") {
		t.Errorf("the new one says %q, a log beside it: %t", got, exists(s.path+"-wal"))
	}
}

// Stopped after any step of the exchange, there is one whole database, and a second run comes to its end.
func TestAKilledExchangeLeavesAWholeDatabaseAndCanBeRunAgain(t *testing.T) {
	stop := errors.New("killed")
	for _, c := range []struct {
		step    string
		damaged bool
		at      string // what is then to be had at the old place; "" for no file
		kept    bool   // whether the old one is under its new name by then
	}{
		{"settled", false, "old old-in-the-log", false},
		{"kept", false, "old old-in-the-log", true},
		{"renamed", false, "new", true},
		{"logs kept", false, "old old-in-the-log", false},
		{"logs kept", true, "unreadable", false},
		{"put aside", true, "", true},
		{"cleared", true, "", true},
	} {
		t.Run(fmt.Sprint(c.step, " damaged ", c.damaged), func(t *testing.T) {
			s := newShelf(t)
			if c.damaged {
				s.damage(t)
			}
			fresh := s.path + ".restoring"
			text, err := os.ReadFile(s.file)
			if err := errors.Join(err, os.WriteFile(fresh, text, 0o600)); err != nil {
				t.Fatal(err)
			}
			oldFile, err1 := os.ReadFile(s.path)
			oldLog, err2 := os.ReadFile(s.path + "-wal")
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			reached := false
			x := swap{fresh: fresh, path: s.path, kept: s.path + ".before_1", log: slog.New(slog.DiscardHandler), step: func(step string) error {
				if step == c.step {
					reached = true
					return stop
				}
				return nil
			}}
			if err := x.run(t.Context()); !errors.Is(err, stop) || !reached {
				t.Fatalf("%v, reached %t", err, reached)
			}
			switch {
			case c.at == "" && exists(s.path):
				t.Error("there is a file at the old place")
			case c.at != "":
				if got := words(t, s.path); got != c.at {
					t.Errorf("at the old place it says %q, want %q", got, c.at)
				}
			}
			if c.kept && c.damaged {
				// SQLite may have taken the log into the file before it gave up.
				file, err1 := os.ReadFile(x.kept)
				log, err2 := os.ReadFile(x.kept + "-wal")
				if err := errors.Join(err1, err2); err != nil || len(file) != len(oldFile) || !bytes.Equal(log, oldLog) {
					t.Errorf("the old one is not whole under its new name: %d bytes, its log %d, %v", len(file), len(log), err)
				}
			} else if c.kept {
				if got := words(t, x.kept); got != "old old-in-the-log" {
					t.Errorf("the old one says %q", got)
				}
			}
			if _, err := s.restore(t); err != nil {
				t.Fatalf("run again: %v", err)
			}
			if got := words(t, s.path); got != "new" || exists(s.path+"-wal") || exists(fresh) {
				t.Errorf("run again, it says %q", got)
			}
		})
	}
}

func TestAnOpenDatabaseIsNotReplaced(t *testing.T) {
	s := newShelf(t)
	// Any other command that has it open, without the lock of serve.
	db, err := Open(t.Context(), "sqlite:"+s.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.restore(t); !errors.Is(err, ErrInUse) {
		t.Errorf("%v", err)
	}
	if err := db.Write(t.Context(), func(ctx context.Context, tx *Tx) error { return tx.Exec(ctx, sqlWritable) }); err != nil {
		t.Errorf("whoever had it open: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if got := words(t, s.path); got != "old old-in-the-log" || exists(s.path+".restoring") {
		t.Errorf("it says %q", got)
	}
}

func TestALinkedDatabaseIsReplacedWhereItIs(t *testing.T) {
	s := newShelf(t)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(s.path, link); err != nil {
		t.Fatal(err)
	}
	real := s.path
	s.path = link
	if _, err := s.restore(t); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 || words(t, real) != "new" {
		t.Errorf("%v, %v, the file says %q", info, err, words(t, real))
	}
}

func TestADatabaseInUseIsNoBackup(t *testing.T) {
	s := newShelf(t)
	to := filepath.Join(t.TempDir(), "to.db")
	_, err := Restore(t.Context(), "sqlite:"+to, s.path, RestoreOptions{Prove: func(context.Context, *Tx) error { return nil }})
	if err == nil || !strings.Contains(err.Error(), "has a log beside it") || exists(to) {
		t.Fatalf("%v", err)
	}
	_, err = Restore(t.Context(), "sqlite:"+s.path, s.path, RestoreOptions{Replace: true, Prove: func(context.Context, *Tx) error { return nil }})
	if err == nil || !strings.Contains(err.Error(), "belongs to the database") {
		t.Fatalf("%v", err)
	}
	// Its backup is complete with the log.
	file := filepath.Join(t.TempDir(), "backup")
	if err := Backup(t.Context(), "sqlite:"+s.path, file, BackupOptions{}); err != nil || words(t, file) != "old old-in-the-log" {
		t.Fatalf("%v, %q", err, words(t, file))
	}
}

func TestABackupWithAnOlderSchemaIsBroughtUpBeforeItIsProved(t *testing.T) {
	for _, engine := range []Engine{SQLite, Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			url := func() (dsn, driver, address string) {
				if engine == Postgres {
					dsn = pgtest.Database(t)
					return dsn, "pgx", dsn
				}
				p := filepath.Join(t.TempDir(), "x.db")
				return "sqlite:" + p, "sqlite", p
			}
			dsn, driver, address := url()
			pool, err := sql.Open(driver, address)
			if err != nil {
				t.Fatal(err)
			}
			files, err := fs.Sub(migrations, path.Join("migrations", string(engine)))
			if err != nil {
				t.Fatal(err)
			}
			dialect := map[Engine]goose.Dialect{SQLite: goose.DialectSQLite3, Postgres: goose.DialectPostgres}[engine]
			p, err := goose.NewProvider(dialect, pool, files, goose.WithDisableGlobalRegistry(true))
			if err == nil {
				_, err = p.UpTo(t.Context(), 1)
			}
			if err := errors.Join(err, pool.Close()); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "backup")
			proved := 0
			prove := func(context.Context, *Tx) error { proved++; return nil }
			if err := Backup(t.Context(), dsn, file, BackupOptions{Prove: prove}); !errors.Is(err, ErrSchemaOlder) {
				t.Errorf("a proved backup: %v", err)
			}
			if err := Backup(t.Context(), dsn, file, BackupOptions{}); err != nil {
				t.Fatal(err)
			}
			to, _, _ := url()
			r, err := Restore(t.Context(), to, file, RestoreOptions{Prove: prove})
			if err != nil || len(r.Applied) == 0 || proved != 1 || !strings.HasPrefix(r.Applied[0], "00002_") {
				t.Fatalf("%+v, proved %d times, %v", r, proved, err)
			}
			db, err := Open(t.Context(), to, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := db.CheckSchema(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
