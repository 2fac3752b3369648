package store

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"sarraf/fault"
)

// ErrAgain, returned by the function of a transaction, rolls it back and runs it again: what it read has been overtaken by
// another node, for instance a row that it was to create exists by now.
var ErrAgain = errors.New("overtaken, run again")

// errCommitUnknown marks a COMMIT whose answer was lost: it may or may not have taken effect.
var errCommitUnknown = errors.New("the answer to COMMIT was lost")

// retryable tells the errors after which the same transaction may simply be run again.
func retryable(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, ErrAgain) || errors.Is(err, errCommitUnknown) || lost(err) {
		return true
	}
	if code, ok := pgCode(err); ok {
		switch code {
		case "40001", "40P01", "55P03", "23505": // serialization, deadlock, lock timeout, a race for a unique key
			return true
		}
		return strings.HasPrefix(code, "57P") // the server is stopping or starting
	}
	if code, ok := sqliteCode(err); ok {
		switch code & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return true
		}
	}
	return false
}

// outage tells the errors that say the database is gone, full or read-only.
func outage(err error) bool {
	if errors.Is(err, errCommitUnknown) || lost(err) {
		return true
	}
	if code, ok := pgCode(err); ok {
		// connection, resources, operator intervention, system error, read-only standby, too busy to get a lock
		for _, class := range []string{"08", "53", "57P", "58", "25006", "55P03", "XX001", "XX002"} {
			if strings.HasPrefix(code, class) {
				return true
			}
		}
	}
	if code, ok := sqliteCode(err); ok {
		switch code & 0xff {
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY,
			sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL:
			return true
		}
	}
	return false
}

// lost tells the errors of a connection that broke or could not be made.
func lost(err error) bool {
	var connect *pgconn.ConnectError
	var op net.Error
	return errors.As(err, &connect) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.As(err, &op) || strings.Contains(err.Error(), "conn closed")
}

// outward is err as callers see it: a fault.Outage when the database is to blame, else as it is.
func outward(err error) error {
	var f *fault.Error
	switch {
	case err == nil, errors.As(err, &f), errors.Is(err, context.Canceled):
		return err
	case outage(err):
		return fault.New(fault.Outage).Wrap(err)
	}
	return err
}

// IsUnique reports whether err says that a row with the same unique key exists.
func IsUnique(err error) bool {
	if code, ok := pgCode(err); ok {
		return code == "23505"
	}
	code, ok := sqliteCode(err)
	return ok && (code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

func pgCode(err error) (string, bool) {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code, true
	}
	return "", false
}

func sqliteCode(err error) (int, bool) {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code(), true
	}
	return 0, false
}
