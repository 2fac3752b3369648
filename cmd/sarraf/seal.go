package main

import (
	"context"
	"crypto/ed25519"
	"log/slog"

	"sarraf/event"
	"sarraf/ledger"
	"sarraf/seal"
	"sarraf/store"
)

// sealSources are the tables whose rows are sealed.
func sealSources() []seal.Source {
	return []seal.Source{ledger.SealedEntries, ledger.SealedSteps, event.Sealed{}}
}

func newSealer(db *store.DB, key ed25519.PrivateKey, log *slog.Logger) *seal.Sealer {
	return seal.New(db, key, 0, log, sealSources()...)
}

// toucher tells the sealer whose books have new rows: every movement of money has an event.
type toucher struct{ sealer *seal.Sealer }

// Accept is for event.Sink.
func (t toucher) Accept(_ context.Context, tx *store.Tx, events []event.Written) error {
	last := ""
	for _, e := range events {
		if e.Owner != last {
			last = e.Owner
			t.sealer.Touch(tx, e.Owner)
		}
		for _, owner := range e.Moved {
			t.sealer.Touch(tx, owner)
		}
	}
	return nil
}
