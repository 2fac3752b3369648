package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"sarraf/fault"
	"sarraf/internal/clock"
)

// Key is an Idempotency-Key that came with a command.
type Key struct {
	Door string // the front door it came through: a key is the owner's own at each door
	Key  string // as sent
	Hash string // BodyHash of what was sent with it
}

// BodyHash is the fingerprint of a request: its parts, such as method, path and body, each counted with its length.
func BodyHash(parts ...string) string {
	h := sha256.New()
	var size [8]byte
	for _, p := range parts {
		for i, n := 0, len(p); i < 8; i++ {
			size[i] = byte(n >> (8 * i))
		}
		h.Write(size[:])
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// snapshot is a command's outcome as it is kept with its key: the result, or the faults it was refused with.
type snapshot struct {
	Result json.RawMessage `json:"result,omitempty"`
	Faults []*fault.Error  `json:"faults,omitempty"`
}

// kept is one row of idempotency.
type kept struct {
	hash string
	body string
}

// slot is where a key lives.
type slot struct{ owner, door, key string }

func (s slot) compare(other slot) int {
	return cmp.Or(cmp.Compare(s.owner, other.owner), cmp.Compare(s.door, other.door), cmp.Compare(s.key, other.key))
}

// readKeys looks up which of the slots have an answer already.
func (tx *Tx) readKeys(ctx context.Context, slots []slot) (map[slot]kept, error) {
	found := map[slot]kept{}
	args := make([]any, 0, 3*len(slots))
	for _, s := range slots {
		args = append(args, s.owner, s.door, s.key)
	}
	err := tx.QueryRows(ctx, bulkIdempotencyFind, args, func(r Row) error {
		var s slot
		var k kept
		if err := r.Scan(&s.owner, &s.door, &s.key, &k.hash, &k.body); err != nil {
			return err
		}
		found[s] = k
		return nil
	})
	return found, err
}

// Answer is the outcome that was kept for an Idempotency-Key: a result, or the faults the command was refused with.
type Answer struct {
	Owner  string          `json:"-"`
	Door   string          `json:"door"`
	Key    string          `json:"key"`
	At     time.Time       `json:"at"`
	Result json.RawMessage `json:"result,omitempty"`
	Faults []*fault.Error  `json:"faults,omitempty"`
}

// Answers are those that are kept for the key with any of the owners at any of the doors. It looks each pair up.
func (tx *Tx) Answers(ctx context.Context, owners, doors []string, key string) ([]Answer, error) {
	args := make([]any, 0, 3*len(owners)*len(doors))
	for _, o := range owners {
		for _, d := range doors {
			args = append(args, o, d, key)
		}
	}
	var list []Answer
	err := tx.QueryRows(ctx, bulkIdempotencyKept, args, func(r Row) error {
		var a Answer
		var body string
		var at int64
		if err := r.Scan(&a.Owner, &a.Door, &a.Key, &body, &at); err != nil {
			return err
		}
		var s snapshot
		if err := json.Unmarshal([]byte(body), &s); err != nil {
			return fmt.Errorf("the answer kept for a key of %s cannot be read: %w", a.Owner, err)
		}
		a.At, a.Result, a.Faults = clock.FromMicros(at), s.Result, s.Faults
		list = append(list, a)
		return nil
	})
	slices.SortFunc(list, func(a, b Answer) int { return slot{a.Owner, a.Door, a.Key}.compare(slot{b.Owner, b.Door, b.Key}) })
	return list, err
}

// PruneKeys forgets answers kept for longer than keep. Callers promise their merchants at least 24 hours.
func (db *DB) PruneKeys(ctx context.Context, keep time.Duration) error {
	before := clock.Micros(db.clock.Now().Add(-keep))
	return db.Write(ctx, func(ctx context.Context, tx *Tx) error { return tx.Exec(ctx, sqlIdempotencyPrune, before) })
}
