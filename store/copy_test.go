package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/store"
)

func nothing(context.Context, *store.Tx) error { return nil }

// numbers draws n numbers of each name, from a node that has just started.
func numbers(t *testing.T, db *store.DB, name string, n int) (list []int64) {
	t.Helper()
	run := db.Numbers(name)
	for range n {
		v, err := run.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

// backedUp makes a database of the engine in which a run of numbers has begun, and a backup of it, and answers both.
func backedUp(t *testing.T, engine store.Engine) (dsn, file string) {
	t.Helper()
	dsn = storetest.URL(t, engine)
	db := storetest.Open(t, dsn, nil)
	numbers(t, db, "known", 1)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "backup")
	if err := store.Backup(t.Context(), dsn, file, store.BackupOptions{Prove: nothing}); err != nil {
		t.Fatal(err)
	}
	return dsn, file
}

func eachEngine(t *testing.T, fn func(t *testing.T, engine store.Engine)) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) { fn(t, engine) })
	}
}

func TestRestoredNumbersBeginBeyondThoseThatWereGivenOut(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine store.Engine) {
		_, file := backedUp(t, engine)
		to := storetest.URL(t, engine)
		restore := func() *store.DB {
			t.Helper()
			if _, err := store.Restore(t.Context(), to, file, store.RestoreOptions{SkipNumbers: 50_000, Prove: nothing, Replace: true}); err != nil {
				t.Fatal(err)
			}
			db, err := store.Open(t.Context(), to, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return db
		}
		db := restore()
		// One that had been drawn from, and one whose first number was given out after the backup.
		if known, fresh := numbers(t, db, "known", 2), numbers(t, db, "fresh", 2); known[0] != 51_001 || known[1] != 51_002 || fresh[0] != 50_001 {
			t.Errorf("they go on with %v and %v", known, fresh)
		}
		// A second restore of a backup of the restored one goes further still.
		if err := store.Backup(t.Context(), to, file, store.BackupOptions{Overwrite: true}); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = restore()
		defer db.Close()
		if known, fresh, newest := numbers(t, db, "known", 1), numbers(t, db, "fresh", 1), numbers(t, db, "newest", 1); known[0] != 102_001 ||
			fresh[0] != 101_001 || newest[0] != 100_001 {
			t.Errorf("after the second they go on with %v, %v and %v", known, fresh, newest)
		}
	})
}

func TestARestoreThatIsNotProvedLeavesNothing(t *testing.T) {
	refused := errors.New("refused")
	eachEngine(t, func(t *testing.T, engine store.Engine) {
		dsn, file := backedUp(t, engine)
		before := things(t, dsn)
		_, err := store.Restore(t.Context(), dsn, file, store.RestoreOptions{
			Replace: true, Prove: func(context.Context, *store.Tx) error { return refused },
		})
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		if after := things(t, dsn); after != before {
			t.Errorf("before %s, after %s", before, after)
		}
		// Nor does a backup.
		other := filepath.Join(t.TempDir(), "other")
		err = store.Backup(t.Context(), dsn, other, store.BackupOptions{Prove: func(context.Context, *store.Tx) error { return refused }})
		if list, _ := os.ReadDir(filepath.Dir(other)); !errors.Is(err, refused) || len(list) != 0 {
			t.Errorf("%v, and there is %v", err, list)
		}
	})
}

// things are the names beside a database: files, or databases of the server.
func things(t *testing.T, dsn string) string {
	t.Helper()
	var names []string
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		list, err := os.ReadDir(filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			names = append(names, e.Name())
		}
		return strings.Join(names, " ")
	}
	db, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Query(t.Context(), `SELECT datname::text FROM pg_database ORDER BY datname`, nil, func(r store.Row) error {
		var n string
		err := r.Scan(&n)
		names = append(names, n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// atVersion is an unproved backup of a fresh database with its schema's version edited.
func atVersion(t *testing.T, engine store.Engine, edit string) (file string) {
	t.Helper()
	dsn := storetest.URL(t, engine)
	db := storetest.Open(t, dsn, nil)
	err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.Exec(ctx, edit) })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "backup")
	if err := store.Backup(t.Context(), dsn, file, store.BackupOptions{Prove: nothing}); err == nil {
		t.Error("a backup of another schema was proved")
	}
	if err := store.Backup(t.Context(), dsn, file, store.BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestABackupOfANewerProgramIsRefused(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine store.Engine) {
		file := atVersion(t, engine, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)
		to := storetest.URL(t, engine)
		if _, err := store.Restore(t.Context(), to, file, store.RestoreOptions{Prove: nothing}); !errors.Is(err, store.ErrSchemaNewer) {
			t.Fatal(err)
		}
	})
}

func TestABackupWithoutASchemaIsRefusedAndNotMadeIntoAnEmptyDatabase(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine store.Engine) {
		dsn := storetest.URL(t, engine)
		db, err := store.Open(t.Context(), dsn, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.Exec(ctx, `CREATE TABLE other (id BIGINT)`) })
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "backup")
		if err := store.Backup(t.Context(), dsn, file, store.BackupOptions{}); err != nil {
			t.Fatal(err)
		}
		to := storetest.URL(t, engine)
		if _, err := store.Restore(t.Context(), to, file, store.RestoreOptions{Prove: nothing}); !errors.Is(err, store.ErrForeign) {
			t.Fatal(err)
		}
	})
}

func TestAPostgresTargetThatIsNotThereIsMade(t *testing.T) {
	_, file := backedUp(t, store.Postgres)
	to := pgtest.Start(t, false).URL("It's%20not%20there%20yet")
	if _, err := store.Restore(t.Context(), to, file, store.RestoreOptions{Prove: nothing}); err != nil {
		t.Fatal(err)
	}
	if have := things(t, to); have != "It's not there yet postgres template0 template1" {
		t.Errorf("the server has %s", have)
	}
	db, err := store.Open(t.Context(), to, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.CheckSchema(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAPostgresTargetOfOthersIsRefused(t *testing.T) {
	_, file := backedUp(t, store.Postgres)
	to := storetest.URL(t, store.Postgres)
	db, err := store.Open(t.Context(), to, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.Exec(ctx, `CREATE TABLE theirs (id BIGINT)`) })
	if err != nil {
		t.Fatal(err)
	}
	restore := func() error {
		_, err := store.Restore(t.Context(), to, file, store.RestoreOptions{Prove: nothing, Replace: true})
		return err
	}
	if err := restore(); !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), `"sarraf write" of postgres from this machine`) {
		t.Errorf("with sessions: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := restore(); !errors.Is(err, store.ErrForeign) {
		t.Errorf("with another's tables: %v", err)
	}
}

func TestAnOrdinaryUserBacksUpAndRestores(t *testing.T) {
	server := pgtest.Start(t, false)
	admin, err := store.Open(t.Context(), server.URL("postgres"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	for _, sql := range []string{`CREATE ROLE shop LOGIN CREATEDB`, `CREATE DATABASE shop OWNER shop`} {
		if err := admin.Query(t.Context(), sql, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	dsn := strings.Replace(server.URL("shop"), "postgres@", "shop@", 1)
	db := storetest.Open(t, dsn, nil)
	first := numbers(t, db, "known", 1)[0]
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "backup")
	if err := store.Backup(t.Context(), dsn, file, store.BackupOptions{Prove: nothing}); err != nil {
		t.Fatal(err)
	}
	others, err := store.Open(t.Context(), server.URL("shop"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := store.RestoreOptions{Prove: nothing, Replace: true, SkipNumbers: 5000}
	if _, err := store.Restore(t.Context(), dsn, file, o); !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), "of postgres") {
		t.Errorf("while another user has a session: %v", err)
	}
	if err := others.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Restore(t.Context(), dsn, file, o); err != nil {
		t.Fatal(err)
	}
	if next := numbers(t, storetest.Open(t, dsn, nil), "known", 1)[0]; next != first+6000 {
		t.Errorf("after %d comes %d", first, next)
	}
}

func TestASessionThatComesDuringARestoreStopsIt(t *testing.T) {
	dsn, file := backedUp(t, store.Postgres)
	before := things(t, dsn)
	var late *store.DB
	_, err := store.Restore(t.Context(), dsn, file, store.RestoreOptions{Replace: true, Prove: func(ctx context.Context, _ *store.Tx) (err error) {
		late, err = store.Open(ctx, dsn, store.Options{})
		return err
	}})
	if late == nil || !errors.Is(err, store.ErrInUse) {
		t.Fatal(err)
	}
	if err := late.Close(); err != nil {
		t.Fatal(err)
	}
	if after := things(t, dsn); after != before {
		t.Errorf("before %s, after %s", before, after)
	}
}

func TestACopyThatAKilledRestoreLeftIsNamedAndInNobodysWay(t *testing.T) {
	_, file := backedUp(t, store.Postgres)
	server := pgtest.Start(t, false)
	to := server.URL("shop")
	db, err := store.Open(t.Context(), server.URL("postgres"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Query(t.Context(), `CREATE DATABASE shop_restore_20260101_000000_000`, nil, nil); err != nil {
		t.Fatal(err)
	}
	done, err := store.Restore(t.Context(), to, file, store.RestoreOptions{Prove: nothing})
	if err != nil || len(done.Left) != 1 || done.Left[0] != "shop_restore_20260101_000000_000" {
		t.Fatalf("%+v, %v", done, err)
	}
}

// script puts a program of that name into a new folder.
func script(t *testing.T, programs map[string]string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestThePasswordIsNoArgumentOfAnyProgram(t *testing.T) {
	t.Setenv("SARRAF_KEY", "a secret of ours")
	dsn, _ := backedUp(t, store.Postgres)
	said := filepath.Join(t.TempDir(), "said")
	spy := func(program string) string {
		return `echo "$@" >> ` + said + `; echo "env $PGPASSWORD $SARRAF_KEY" >> ` + said + `; exec ` + program + ` "$@"`
	}
	folder := script(t, map[string]string{"pg_dump": spy("pg_dump"), "pg_restore": spy("pg_restore")})
	dsn = strings.Replace(dsn, "postgres@", "postgres:pass%27w%40rd@", 1) + "&pool_max_conns=3"
	file := filepath.Join(t.TempDir(), "backup")
	if err := store.Backup(t.Context(), dsn, file, store.BackupOptions{Prove: nothing, Programs: folder}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Restore(t.Context(), dsn, file, store.RestoreOptions{Prove: nothing, Programs: folder, Replace: true}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(said)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "--format=custom") || strings.Count(string(text), "env pass'w@rd \n") != 2 ||
		strings.Count(string(text), "pass'") != 2 || strings.Contains(string(text), "a secret of ours") {
		t.Errorf("%s", text)
	}
}

func TestWithoutASuitingPgDumpItSaysHowToGetOne(t *testing.T) {
	dsn, _ := backedUp(t, store.Postgres)
	file := filepath.Join(t.TempDir(), "backup")
	for name, folder := range map[string]string{
		"none":    t.TempDir(),
		"too old": script(t, map[string]string{"pg_dump": `echo "pg_dump (PostgreSQL) 9.6.24"`}),
		"other":   script(t, map[string]string{"pg_dump": `exit 3`}),
	} {
		err := store.Backup(t.Context(), dsn, file, store.BackupOptions{Programs: folder})
		if err == nil || !strings.Contains(err.Error(), "install Debian's package postgresql-client-") || !strings.Contains(err.Error(), "--pg-bin") ||
			name == "too old" && !strings.Contains(err.Error(), "is of version 9") {
			t.Errorf("%s: %v", name, err)
		}
	}
	fails := script(t, map[string]string{"pg_dump": `case "$1" in --version) echo "pg_dump (PostgreSQL) 99.1";; *) echo "the disk is full" >&2; exit 1;; esac`})
	if err := store.Backup(t.Context(), dsn, file, store.BackupOptions{Programs: fails}); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("%v", err)
	}
	if list, err := os.ReadDir(filepath.Dir(file)); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestAnInterruptedBackupLeavesNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine store.Engine) {
		dsn, file := backedUp(t, engine)
		ctx, cancel := context.WithCancel(t.Context())
		other := filepath.Join(t.TempDir(), "other")
		err := store.Backup(ctx, dsn, other, store.BackupOptions{Prove: func(ctx context.Context, _ *store.Tx) error {
			cancel()
			return ctx.Err()
		}})
		if list, _ := os.ReadDir(filepath.Dir(other)); !errors.Is(err, context.Canceled) || len(list) != 0 {
			t.Errorf("%v, and there is %v", err, list)
		}
		before := things(t, dsn)
		if _, err := store.Restore(ctx, dsn, file, store.RestoreOptions{Prove: nothing, Replace: true}); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if after := things(t, dsn); after != before {
			t.Errorf("before %s, after %s", before, after)
		}
	})
}
