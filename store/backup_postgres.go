package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// backupPostgres has pg_dump copy the database into the empty file at to. What Prove sees is the very snapshot that pg_dump copies.
func backupPostgres(ctx context.Context, dsn, to string, o BackupOptions) error {
	db, err := Open(ctx, dsn, Options{Logger: o.Logger, Readers: 1, Writers: 1})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	major, err := db.serverMajor(ctx)
	if err != nil {
		return err
	}
	dumps, err := pgPrograms(ctx, "pg_dump", o.Programs, major)
	if err != nil {
		return err
	}
	address, password, err := libpq(dsn, "")
	if err != nil {
		return err
	}
	dump := func(ctx context.Context, more ...string) error {
		// A migration that waits for pg_dump would have everybody else wait for it: pg_dump does not wait long either.
		args := append([]string{"--format=custom", "--no-password", "--lock-wait-timeout=60000", "--file=" + to, "--dbname=" + address}, more...)
		_, err := dumps[0].run(ctx, password, args...)
		return err
	}
	if o.Prove == nil {
		err = dump(ctx)
	} else {
		err = db.provedBy(ctx, func(ctx context.Context, tx *Tx) error { return dumpAndProve(ctx, tx, dump, o.Prove) })
	}
	if err != nil {
		return err
	}
	_, err = readArchive(ctx, to, o.Programs, dumps[0].major)
	return err
}

// dumpAndProve copies what tx sees while prove looks at the same.
func dumpAndProve(ctx context.Context, tx *Tx, dump func(context.Context, ...string) error, prove func(context.Context, *Tx) error) error {
	var ignored, snapshot string
	tx.Later(sqlMayIdle, nil, func(r Row) error { return r.Scan(&ignored) })
	if err := tx.Query(ctx, sqlExportSnapshot, nil, func(r Row) error { return r.Scan(&snapshot) }); err != nil {
		return err
	}
	dumping, stop := context.WithCancel(ctx)
	defer stop()
	copied := make(chan error, 1)
	go func() { copied <- dump(dumping, "--snapshot="+snapshot) }()
	err := prove(ctx, tx)
	if err != nil {
		stop() // nobody wants the copy
	}
	if failed := <-copied; err == nil {
		err = failed
	}
	return err
}

// serverMajor is the server's major version.
func (db *DB) serverMajor(ctx context.Context) (major int, err error) {
	var text string
	if err = db.Query(ctx, sqlServerVersion, nil, func(r Row) error { return r.Scan(&text) }); err != nil {
		return 0, err
	}
	return majorOf(text)
}

// majorOf is the major version in what a server says of itself: 150018 is 15.18.
func majorOf(text string) (int, error) {
	n, err := strconv.Atoi(text)
	return n / 10_000, err
}

// readArchive reads an archive of pg_dump to its end, and answers the first pg_restore that can: one of the major version, or later.
func readArchive(ctx context.Context, file, folder string, major int) (pgProgram, error) {
	list, err := pgPrograms(ctx, "pg_restore", folder, major)
	if err != nil {
		return pgProgram{}, err
	}
	for _, p := range list {
		_, err = p.run(ctx, "", "--file="+os.DevNull, file)
		if err == nil {
			return p, nil
		}
		if !strings.Contains(err.Error(), "unsupported version") { // of the archive: a later program may know it
			break
		}
	}
	if ctx.Err() != nil {
		return pgProgram{}, ctx.Err()
	}
	return pgProgram{}, errors.Join(fmt.Errorf("%w: the archive cannot be read to its end", errDamaged), err)
}
