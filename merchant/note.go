package merchant

import (
	"time"

	"sarraf/internal/clock"
	"sarraf/store"
)

// Line is a line of the audit log: a change that a person or a command made.
type Line struct {
	Owner           string // whose thing was changed
	ID              string // by which a transaction that runs again recognises the line; ids grow with time
	Actor, Source   string // who, and from where
	Action, Subject string // as "wallet.approve", and the id of what it was done to
	Before, After   string // how that stood; never a secret
	At              time.Time
}

// NoteLater queues a line of another noun's in its transaction. A line with the same id is written once.
func NoteLater(tx *store.Tx, l Line) {
	tx.Later(sqlNote, []any{l.Owner, l.ID, l.Actor, l.Action, l.Subject, l.Before, l.After, l.Source, clock.Micros(l.At)}, nil)
}
