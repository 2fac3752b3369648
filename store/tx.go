package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// Tx is a transaction. Statements may be queued with Later and are then sent together, in one round trip where the engine can,
// with the next Query, with Flush, or before the commit. A Tx must not be used after its function has returned, nor by two
// goroutines at once.
type Tx struct {
	db    *DB
	sess  session
	queue []statement
	after []func()
}

// attempts is how often a transaction is tried before its error is given to the caller.
const attempts = 8

// Write runs fn in a read-write transaction and commits it. fn may run several times: after a serialization failure or a
// deadlock, after a lost race for a unique key, after a lost connection, and also after a COMMIT whose answer was lost. So fn
// must recognise its own earlier work by the ids it was given, and must have no effect but through tx.
//
// When fn answers an error, everything is rolled back and the error is returned as it is. When the database is gone, full or
// read-only, the error is a fault.Outage; whether the last COMMIT took effect may then be unknown.
func (db *DB) Write(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	// A caller that goes away does not cancel what has been started: the outcome would be unknown for nothing.
	ctx = context.WithoutCancel(ctx)
	var err error
	races := 0
	for try := range attempts {
		if try > 0 {
			pause(try)
		}
		err = db.writeOnce(ctx, fn)
		if IsUnique(err) {
			// A lost race is over once the other's row can be read; a key that is still taken is no race.
			if races++; races > 2 {
				break
			}
		}
		if !retryable(err) {
			break
		}
	}
	return outward(err)
}

// writeOnce is one try of Write.
func (db *DB) writeOnce(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	sess, err := db.be.begin(ctx, true)
	if err != nil {
		return err
	}
	tx := &Tx{db: db, sess: sess}
	if err := guarded(ctx, tx, fn); err != nil {
		sess.rollback(ctx)
		return err
	}
	if err := sess.commit(ctx); err != nil {
		return err
	}
	for _, f := range tx.after {
		f()
	}
	return nil
}

// AfterCommit has f called once the transaction is committed, to wake a worker for instance. It is called by the committing
// goroutine and must be quick; a crash in between loses it, so nothing may depend on it.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

// guarded runs fn and the statements it left queued; a panic in it is an error, so that the connection is given back clean.
func guarded(ctx context.Context, tx *Tx, fn func(ctx context.Context, tx *Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", p, debug.Stack())
		}
	}()
	if err := fn(ctx, tx); err != nil {
		return err
	}
	return tx.Flush(ctx)
}

// Snapshot runs fn in a read-only transaction in which every statement sees the same state of the database.
func (db *DB) Snapshot(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	sess, err := db.be.begin(ctx, false)
	if err != nil {
		return outward(err)
	}
	defer sess.rollback(context.WithoutCancel(ctx))
	return outward(guarded(ctx, &Tx{db: db, sess: sess}, fn))
}

// Query runs one reading statement outside any transaction and calls scan for each row of the answer, in its order.
func (db *DB) Query(ctx context.Context, sql string, args []any, scan func(Row) error) error {
	return db.read(ctx, statement{sql: db.text(sql), args: args, scan: scan})
}

// read runs a reading statement, and once more when its connection was lost before the first row: a row is never scanned twice.
func (db *DB) read(ctx context.Context, st statement) error {
	scanned := false
	if scan := st.scan; scan != nil {
		st.scan = func(r Row) error {
			scanned = true
			return scan(r)
		}
	}
	err := db.be.read(ctx, st)
	if retryable(err) && !scanned && ctx.Err() == nil {
		err = db.be.read(ctx, st)
	}
	return outward(err)
}

// Engine tells which engine the transaction runs on.
func (tx *Tx) Engine() Engine { return tx.db.engine }

// Later queues a statement. scan is called for each row when it is sent; it may be nil.
func (tx *Tx) Later(sql string, args []any, scan func(Row) error) {
	tx.queue = append(tx.queue, statement{sql: tx.db.text(sql), args: args, scan: scan})
}

// Flush sends what is queued, in order.
func (tx *Tx) Flush(ctx context.Context) error {
	if len(tx.queue) == 0 {
		return nil
	}
	list := tx.queue
	tx.queue = nil
	return tx.sess.run(ctx, list)
}

// Query sends what is queued and then this statement, and calls scan for each row of its answer.
func (tx *Tx) Query(ctx context.Context, sql string, args []any, scan func(Row) error) error {
	tx.Later(sql, args, scan)
	return tx.Flush(ctx)
}

// Exec is Query for a statement without an answer.
func (tx *Tx) Exec(ctx context.Context, sql string, args ...any) error {
	return tx.Query(ctx, sql, args, nil)
}

// pause waits a little before the given try, longer each time, with some chance in it so that two nodes fall out of step.
func pause(try int) {
	d := time.Duration(1<<min(try, 6)) * time.Millisecond
	time.Sleep(d/2 + rand.N(d))
}

// QueryRows runs a reading bulk statement outside any transaction.
func (db *DB) QueryRows(ctx context.Context, bulk *Bulk, args []any, scan func(Row) error) error {
	var tx Tx
	tx.db = db
	tx.LaterRows(bulk, args, scan)
	for _, st := range tx.queue {
		if err := db.read(ctx, st); err != nil {
			return err
		}
	}
	return nil
}
