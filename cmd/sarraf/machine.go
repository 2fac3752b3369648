package main

import (
	"crypto/x509"

	"sarraf/internal/clock"
)

// machine is what doctor asks the system it runs on. Tests give their own.
type machine struct {
	clock        clock.Clock
	synchronised func() (bool, error)              // whether somebody sets the clock
	free         func(path string) (uint64, error) // bytes that we may still write there
	openFiles    func() (uint64, error)            // files and connections that a process may have open
	roots        *x509.CertPool                    // whom to trust about certificates; the system's own when nil
}

func thisMachine() machine {
	return machine{clock: clock.System{}, synchronised: clockIsSet, free: freeBytes, openFiles: openFilesMost}
}
