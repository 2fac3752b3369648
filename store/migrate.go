package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Only DDL is written twice. Migrations go forward only, and leave a schema with which the version before still works.
//
//go:embed migrations/sqlite/*.sql migrations/postgres/*.sql
var migrations embed.FS

// ErrSchemaNewer says that the database was migrated by a newer program than this one, which therefore does not touch it.
var ErrSchemaNewer = errors.New("the database has a newer schema than this program knows: use the newer program")

// ErrSchemaOlder says that migrations are pending.
var ErrSchemaOlder = errors.New("the database needs migrating: run sarraf migrate")

// Migrate brings the schema up to date and lists what it applied, or would apply when dryRun is set. Several nodes may start it
// at once. It answers ErrSchemaNewer when the database is ahead of this program.
func (db *DB) Migrate(ctx context.Context, dryRun bool) ([]string, error) {
	return db.be.migrate(ctx, db, dryRun)
}

// CheckSchema answers nil when the schema is exactly the one this program knows, else ErrSchemaNewer or ErrSchemaOlder.
func (db *DB) CheckSchema(ctx context.Context) error {
	have, err := db.be.version(ctx)
	if err != nil {
		return outward(err)
	}
	want, err := newest(db.engine)
	switch {
	case err != nil:
		return err
	case have > want:
		return ErrSchemaNewer
	case have < want:
		return ErrSchemaOlder
	}
	return nil
}

// newest is the highest migration number in this program.
func newest(e Engine) (int64, error) {
	files, err := fs.Glob(migrations, path.Join("migrations", string(e), "*.sql"))
	if err != nil {
		return 0, err
	}
	var highest int64
	for _, f := range files {
		n, err := goose.NumericComponent(f)
		if err != nil {
			return 0, err
		}
		highest = max(highest, n)
	}
	return highest, nil
}

func (d *sqliteDB) migrate(ctx context.Context, _ *DB, dryRun bool) ([]string, error) {
	if d.writer == nil {
		return nil, errReadOnly
	}
	// The turn is taken so that goose's use of the one writer connection meets nobody.
	<-d.turn
	defer func() { d.turn <- struct{}{} }()
	if err := d.dropWriter(); err != nil {
		return nil, err
	}
	done, err := migrate(ctx, SQLite, d.writer, dryRun)
	if err != nil && !errors.Is(err, ErrSchemaNewer) {
		// Another process may have applied the same migration in between: then nothing is pending any more.
		if again, err2 := migrate(ctx, SQLite, d.writer, dryRun); err2 == nil {
			return again, nil
		}
	}
	return done, err
}

func (d *postgresDB) migrate(ctx context.Context, _ *DB, dryRun bool) ([]string, error) {
	pool := stdlib.OpenDBFromPool(d.walkers)
	defer func() { _ = pool.Close() }()
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120))
	if err != nil {
		return nil, err
	}
	return migrate(ctx, Postgres, pool, dryRun, goose.WithSessionLocker(locker))
}

func migrate(ctx context.Context, e Engine, pool *sql.DB, dryRun bool, opts ...goose.ProviderOption) ([]string, error) {
	files, err := fs.Sub(migrations, path.Join("migrations", string(e)))
	if err != nil {
		return nil, err
	}
	d := goose.DialectSQLite3
	if e == Postgres {
		d = goose.DialectPostgres
	}
	p, err := goose.NewProvider(d, pool, files, append(opts, goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return nil, err
	}
	have, want, err := p.GetVersions(ctx)
	switch {
	case err != nil:
		return nil, outward(err)
	case have > want:
		return nil, ErrSchemaNewer
	}
	var names []string
	if dryRun {
		for _, s := range p.ListSources() {
			if s.Version > have {
				names = append(names, path.Base(s.Path))
			}
		}
		return names, nil
	}
	results, err := p.Up(ctx)
	for _, r := range results {
		names = append(names, path.Base(r.Source.Path))
	}
	if err != nil {
		return names, fmt.Errorf("migrate: %w", outward(err))
	}
	return names, nil
}

// The schema version, 0 for a database that was never migrated.
func (d *sqliteDB) version(ctx context.Context) (int64, error) {
	var there int64
	err := d.read(ctx, statement{sql: sqlVersionTableSQLite, scan: func(r Row) error { return r.Scan(&there) }})
	if err != nil || there == 0 {
		return 0, err
	}
	return schemaVersion(ctx, d)
}

func (d *postgresDB) version(ctx context.Context) (int64, error) {
	var there int64
	err := d.read(ctx, statement{sql: sqlVersionTablePostgres, scan: func(r Row) error { return r.Scan(&there) }})
	if err != nil || there == 0 {
		return 0, err
	}
	return schemaVersion(ctx, d)
}

func schemaVersion(ctx context.Context, be backend) (n int64, err error) {
	err = be.read(ctx, statement{sql: sqlVersion, scan: func(r Row) error { return r.Scan(&n) }})
	return n, err
}
