//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// lockDatabase makes sure that one process at a time serves an SQLite file: a second one would take the first one's deliveries under way
// for those of a dead process, and make them again. The lock is the system's own and goes with the process. A server needs none.
func lockDatabase(dsn string) (unlock func(), err error) {
	path, ok := strings.CutPrefix(dsn, "sqlite:")
	if !ok {
		return func() {}, nil
	}
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the database: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s %w; several nodes need PostgreSQL", path, errServed)
		}
		return nil, fmt.Errorf("cannot lock the database: %w", err)
	}
	return func() { _ = f.Close() }, nil
}

// beingServed reports whether a process serves the SQLite file, which the lock that it holds tells.
func beingServed(path string) bool {
	f, err := os.Open(path + ".lock")
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}
