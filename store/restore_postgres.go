package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sarraf/fault"
)

// pgRestore is a restore under way on a server.
type pgRestore struct {
	RestoreOptions
	dsn    string
	conn   *pgx.Conn // to another database than those it is about, since nobody can rename the one he is in
	target string    // the database that dsn names
	fresh  string    // the copy
	kept   string    // what target is called afterwards
}

// restorePostgres restores an archive into a database beside the one that dsn names, and has the two change names.
func restorePostgres(ctx context.Context, dsn, file string, o RestoreOptions) (r Restored, err error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return r, fmt.Errorf("database: cannot read %s", redact(dsn))
	}
	at := stamp(o.Clock)
	p := pgRestore{RestoreOptions: o, dsn: dsn, target: cfg.ConnConfig.Database}
	p.fresh, p.kept = beside(p.target, "_restore_"+at), beside(p.target, "_before_"+at)
	if err := p.connect(ctx, cfg.ConnConfig); err != nil {
		return r, err
	}
	defer func() { _ = p.conn.Close(context.WithoutCancel(ctx)) }()
	was, err := p.look(ctx, cfg.ConnConfig)
	if err != nil {
		return r, err
	}
	if r.Left, err = p.left(ctx, strings.TrimSuffix(p.fresh, at)); err != nil {
		return r, err
	}
	program, err := p.program(ctx, file)
	if err != nil {
		return r, err
	}
	if err := p.create(ctx, was); err != nil {
		return r, fmt.Errorf("make a database beside %s: %w", p.target, err)
	}
	taken := false
	defer func() {
		if !taken {
			err = errors.Join(err, p.drop(context.WithoutCancel(ctx), p.fresh))
		}
	}()
	if err := p.load(ctx, program, file); err != nil {
		return r, err
	}
	if r.Applied, err = p.prepare(ctx); err != nil {
		return r, err
	}
	if err := p.swap(ctx, was); err != nil {
		return r, err
	}
	taken = true
	switch {
	case was.there && was.tables == 0:
		if p.drop(ctx, p.kept) != nil {
			r.Left = append(r.Left, p.kept)
		}
	case was.there:
		r.Kept = p.kept
	}
	return r, nil
}

// beside is a name made of another one, cut to what PostgreSQL takes: 63 bytes.
func beside(name, suffix string) string {
	return strings.ToValidUTF8(name[:min(len(name), 63-len(suffix))], "") + suffix
}

// connect connects to one of the databases that every server has.
func (p *pgRestore) connect(ctx context.Context, cfg *pgx.ConnConfig) error {
	var errs []error
	for _, name := range []string{"postgres", "template1"} {
		if name == p.target {
			continue
		}
		c := cfg.Copy()
		c.Database, c.ConnectTimeout = name, 5*time.Second
		conn, err := pgx.ConnectConfig(ctx, c)
		if err == nil {
			p.conn = conn
			return nil
		}
		errs = append(errs, err)
	}
	return fault.New(fault.Outage).Wrap(errors.Join(errs...))
}

// former is what is there before a restore.
type former struct {
	there                    bool
	tables                   int64
	encoding, collate, ctype string
}

// look finds out what the target is, and refuses what must not be replaced.
func (p *pgRestore) look(ctx context.Context, cfg *pgx.ConnConfig) (was former, err error) {
	find := func(name string) error {
		return p.conn.QueryRow(ctx, sqlDatabase, name).Scan(&was.encoding, &was.collate, &was.ctype)
	}
	if err = find(p.target); errors.Is(err, pgx.ErrNoRows) {
		return was, find("template1") // how the server makes databases
	} else if err != nil {
		return was, err
	}
	was.there = true
	if err := p.unused(ctx); err != nil {
		return was, err
	}
	c := cfg.Copy()
	c.ConnectTimeout = 5 * time.Second
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return was, fault.New(fault.Outage).Wrap(err)
	}
	var ours int64
	err = conn.QueryRow(ctx, sqlTables).Scan(&was.tables, &ours)
	if err := errors.Join(err, conn.Close(ctx)); err != nil {
		return was, err
	}
	switch {
	case was.tables > 0 && ours == 0:
		return was, fmt.Errorf("database %s has tables, but %w", p.target, ErrForeign)
	case was.tables > 0 && !p.Replace:
		return was, fmt.Errorf("database %s: %w", p.target, ErrThere)
	}
	return was, nil
}

// unused answers ErrInUse, with who it is, when the target has sessions. One whose client is gone may take a moment to end: it is given 2 s.
func (p *pgRestore) unused(ctx context.Context) error {
	for try := 0; ; try++ {
		list, err := p.sessions(ctx)
		switch {
		case err != nil || len(list) == 0:
			return err
		case try == 20:
			return fmt.Errorf("%w: %s has %d sessions, which must end first: %s", ErrInUse, p.target, len(list), strings.Join(list, ", "))
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sessions says who is connected to the target.
func (p *pgRestore) sessions(ctx context.Context) ([]string, error) {
	rows, err := p.conn.Query(ctx, sqlSessions, p.target)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var pid int64
		var user, program, from string
		err := row.Scan(&pid, &user, &program, &from)
		return fmt.Sprintf("%q of %s from %s (process %d)", program, user, from, pid), err
	})
}

// left lists what killed restores left. Another one that is under way now is among them.
func (p *pgRestore) left(ctx context.Context, prefix string) (list []string, err error) {
	rows, err := p.conn.Query(ctx, sqlLeftOver, prefix)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// program finds a pg_restore that suits the server and can read the archive to its end.
func (p *pgRestore) program(ctx context.Context, file string) (pgProgram, error) {
	var text string
	if err := p.conn.QueryRow(ctx, sqlServerVersion).Scan(&text); err != nil {
		return pgProgram{}, err
	}
	major, err := majorOf(text)
	if err != nil {
		return pgProgram{}, err
	}
	return readArchive(ctx, file, p.Programs, major)
}

func (p *pgRestore) create(ctx context.Context, was former) error {
	literal := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	_, err := p.conn.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE template0 ENCODING %s LC_COLLATE %s LC_CTYPE %s",
		pgx.Identifier{p.fresh}.Sanitize(), literal(was.encoding), literal(was.collate), literal(was.ctype)))
	return err
}

// drop removes a database that this restore made or found empty.
func (p *pgRestore) drop(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if _, err := p.conn.Exec(ctx, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("database %s was left and can be dropped: %w", name, err)
	}
	return nil
}

// load fills the copy. Whose the tables were is not asked: they are the user's that restores, which is the one that serves.
func (p *pgRestore) load(ctx context.Context, program pgProgram, file string) error {
	address, password, err := libpq(p.dsn, p.fresh)
	if err != nil {
		return err
	}
	_, err = program.run(ctx, password, "--exit-on-error", "--no-owner", "--no-privileges", "--no-password", "--dbname="+address, file)
	return err
}

// prepare makes the copy fit for use and proves it.
func (p *pgRestore) prepare(ctx context.Context) (applied []string, err error) {
	db, err := open(ctx, p.dsn, p.fresh, Options{Logger: p.Logger, Clock: p.Clock, Readers: 2, Writers: 1})
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	if applied, err = bring(ctx, db, p.RestoreOptions); err != nil {
		return nil, err
	}
	// Nothing is known of freshly filled tables, and plans that are made of nothing are kept.
	if err := db.Write(ctx, func(ctx context.Context, tx *Tx) error { return tx.Exec(ctx, "ANALYZE") }); err != nil {
		return nil, err
	}
	return applied, db.provedBy(ctx, p.Prove)
}

// swap renames the target away and the copy into its place, in one transaction.
func (p *pgRestore) swap(ctx context.Context, was former) error {
	if was.there {
		if err := p.unused(ctx); err != nil {
			return err
		}
	}
	err := pgx.BeginFunc(ctx, p.conn, func(tx pgx.Tx) error {
		rename := func(from, to string) error {
			_, err := tx.Exec(ctx, "ALTER DATABASE "+pgx.Identifier{from}.Sanitize()+" RENAME TO "+pgx.Identifier{to}.Sanitize())
			return err
		}
		if was.there {
			if err := rename(p.target, p.kept); err != nil {
				return err
			}
		}
		return rename(p.fresh, p.target)
	})
	if code, ok := pgCode(err); ok && code == "55006" { // somebody came in between
		err = fmt.Errorf("%w: %w", ErrInUse, err)
	}
	return err
}
