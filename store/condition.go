package store

import (
	"context"
	"time"

	"sarraf/internal/clock"
)

// Condition is what an operator should know about the database's server, beside its rows. Fields of the other engine are zero.
type Condition struct {
	Version string // as the engine tells it

	// PostgreSQL.
	VersionNumber     int64         // such as 150004
	Fsync             string        // "on", or acknowledged commits are lost with the power
	FullPageWrites    string        // "on", or a torn page is not mended
	SynchronousCommit string        // as the reading connections have it
	Connections       int64         // what the server allows those who are no superusers
	DatabaseLimit     int64         // what the database allows, -1 for no limit
	RoleLimit         int64         // what our role is allowed, -1 for no limit
	Used              int64         // connections in use, our own too
	Writers           int64         // connections of Sarraf for writing to this database, our own too
	OldestTransaction time.Duration // of this database, as far as our role may see
	ClockAhead        time.Duration // by how much the server's clock is ahead of ours, negative for behind
	ClockWithin       time.Duration // how exactly that is known: half of the time the question took

	// SQLite.
	Journal     string // "wal", or readers and the writer wait for each other
	Synchronous int64  // 2 or more, or acknowledged commits are lost with the power; as the reading connections have it
}

// Condition asks the server.
func (db *DB) Condition(ctx context.Context) (c Condition, err error) {
	if db.engine == SQLite {
		for _, q := range []struct {
			sql  string
			into any
		}{{sqlVersionSQLite, &c.Version}, {sqlJournalSQLite, &c.Journal}, {sqlWritesOfSQLite, &c.Synchronous}} {
			if err := db.Query(ctx, q.sql, nil, func(r Row) error { return r.Scan(q.into) }); err != nil {
				return c, err
			}
		}
		return c, nil
	}
	var oldest, now int64
	err = db.Query(ctx, sqlSettingsPostgres, nil, func(r Row) error {
		return r.Scan(&c.Version, &c.VersionNumber, &c.Fsync, &c.FullPageWrites, &c.SynchronousCommit, &c.Connections, &c.DatabaseLimit,
			&c.RoleLimit, &c.Used, &c.Writers, &oldest)
	})
	if err != nil {
		return c, err
	}
	c.OldestTransaction = time.Duration(oldest) * time.Microsecond
	// Asked twice: the first time the statement is prepared, which takes longer than to answer it.
	for range 2 {
		before, watch := db.clock.Now(), clock.Start()
		if err := db.Query(ctx, sqlClockPostgres, nil, func(r Row) error { return r.Scan(&now) }); err != nil {
			return c, err
		}
		c.ClockWithin = watch() / 2
		c.ClockAhead = clock.FromMicros(now).Sub(before.Add(c.ClockWithin))
	}
	return c, nil
}
