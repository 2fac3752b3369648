package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"sarraf/fault"
	"sarraf/internal/clock"
)

// Outcome is what became of one command: its result, or the fault it was refused with. A refusal is as final as a result.
type Outcome[R any] struct {
	Value R
	Err   error
}

// Apply decides and records a slice of commands in the transaction and answers one outcome for each, in their order. It must
// recognise a command that it has carried out already, by the id the command carries, and answer as it did then. The error is
// for what no command is to blame for; then the transaction is rolled back.
type Apply[C, R any] func(ctx context.Context, tx *Tx, commands []C) ([]Outcome[R], error)

// Limits of a batcher.
const (
	batchMost = 512  // commands in one transaction, or what they weigh
	queueMost = 8192 // commands that wait; one more is refused at once
)

// Batcher is group commit: concurrent commands of one kind are taken together into one transaction, and each caller gets its own
// outcome once that is committed. It does not wait for a batch to fill: it takes what queued while the last commit ran.
type Batcher[C, R any] struct {
	db    *DB
	kind  string
	apply Apply[C, R]
	weigh func(C) int // nil: each counts as one

	mu     sync.RWMutex // guards closed against sends
	closed bool
	queue  chan *call[C, R]
	done   chan struct{}
}

type call[C, R any] struct {
	owner   string
	key     *Key
	command C
	out     chan Outcome[R] // one place, so that nobody waits for a caller that went away
}

// NewBatcher starts a batcher for commands of one kind, which names them in metrics. Close ends it.
func NewBatcher[C, R any](db *DB, kind string, apply Apply[C, R]) *Batcher[C, R] {
	return NewWeighed(db, kind, apply, nil)
}

// NewWeighed is NewBatcher for commands of very different sizes: weigh tells how many ordinary ones a command is worth, and a batch takes no
// more once it weighs 512. One that is heavier goes alone.
func NewWeighed[C, R any](db *DB, kind string, apply Apply[C, R], weigh func(C) int) *Batcher[C, R] {
	b := &Batcher[C, R]{db: db, kind: kind, apply: apply, weigh: weigh, queue: make(chan *call[C, R], queueMost), done: make(chan struct{})}
	db.obs.Queue(kind, func() int { return len(b.queue) })
	go b.loop()
	return b
}

// Do carries out one command of the owner and waits until it is durable. With a key, the outcome is kept beside what it changed: a
// second command with the same key and the same body hash gets the same outcome, one with another body is refused with
// fault.IdempotencyReused; a second one that comes while the first is on its way waits for it.
//
// Other errors: fault.Overloaded when the queue is full or the batcher is closed (nothing was done), fault.Outage when the
// database cannot be reached, or ctx's error when the caller gives up first: the command is carried out all the same.
func (b *Batcher[C, R]) Do(ctx context.Context, owner string, key *Key, command C) (R, error) {
	c := &call[C, R]{owner: owner, key: key, command: command, out: make(chan Outcome[R], 1)}
	var none R
	b.mu.RLock()
	full := b.closed
	if !full {
		select {
		case b.queue <- c:
		default:
			full = true
		}
	}
	b.mu.RUnlock()
	if full {
		return none, fault.New(fault.Overloaded)
	}
	select {
	case o := <-c.out:
		return o.Value, o.Err
	case <-ctx.Done():
		return none, fault.New(fault.Outage).Wrap(ctx.Err())
	}
}

// Close refuses new commands, carries out those that wait, and returns when the last is answered.
func (b *Batcher[C, R]) Close() {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.queue)
	}
	b.mu.Unlock()
	<-b.done
}

func (b *Batcher[C, R]) loop() {
	defer close(b.done)
	for first := range b.queue {
		watch := clock.Start()
		size := b.run(first)
		b.db.obs.Batch(b.kind, size, watch())
	}
}

// fill adds to a batch what waits in the queue.
func (b *Batcher[C, R]) fill(batch []*call[C, R]) []*call[C, R] {
	weight := 0
	for _, c := range batch {
		weight += b.weight(c)
	}
	for weight < batchMost {
		select {
		case c, ok := <-b.queue:
			if !ok {
				return batch
			}
			batch = append(batch, c)
			weight += b.weight(c)
			continue
		default:
		}
		break
	}
	return batch
}

func (b *Batcher[C, R]) weight(c *call[C, R]) int {
	if b.weigh == nil {
		return 1
	}
	return b.weigh(c.command)
}

// run carries out a batch: the first command, and those that are there when the transaction has begun - on SQLite that may be a while,
// since another batcher has the writer. When an unexpected error fails it as a whole, its commands are run one by one, so that a
// poisonous one fails alone. When the database is gone, all fail alike: trying each would only take longer. It answers how many there were.
func (b *Batcher[C, R]) run(first *call[C, R]) int {
	batch := append(make([]*call[C, R], 0, batchMost), first)
	err := b.together(func() []*call[C, R] {
		batch = b.fill(batch)
		return batch
	})
	switch {
	case err == nil:
	case fault.Has(err, fault.Outage):
		batch = b.fill(batch)
		b.fail(batch, err)
	case len(batch) == 1:
		b.fail(batch, err)
	default:
		b.db.log.Warn("a batch failed and is run singly", "kind", b.kind, "size", len(batch), "error", err)
		b.singly(batch)
	}
	return len(batch)
}

func (b *Batcher[C, R]) singly(batch []*call[C, R]) {
	for i := range batch {
		one := batch[i : i+1]
		err := b.together(func() []*call[C, R] { return one })
		if fault.Has(err, fault.Outage) {
			b.fail(batch[i:], err)
			return
		}
		if err != nil {
			b.fail(one, err)
		}
	}
}

// fail answers calls that nothing was done for.
func (b *Batcher[C, R]) fail(batch []*call[C, R], err error) {
	b.db.log.Error("commands failed", "kind", b.kind, "size", len(batch), "error", err)
	for _, c := range batch {
		c.out <- Outcome[R]{Err: err}
	}
}

// together carries out a batch in one transaction and answers its callers after the commit. The batch is asked for in the transaction,
// each time that runs.
func (b *Batcher[C, R]) together(take func() []*call[C, R]) error {
	var batch []*call[C, R]
	var outcomes []Outcome[R]
	err := b.db.Write(context.Background(), func(ctx context.Context, tx *Tx) error {
		var err error
		batch = take()
		outcomes, err = b.decide(ctx, tx, batch)
		return err
	})
	if err != nil {
		return err
	}
	for i, c := range batch {
		c.out <- outcomes[i]
	}
	return nil
}

// decide answers each call from the answer kept for its key, from an earlier call of this batch with the same key, or by Apply.
func (b *Batcher[C, R]) decide(ctx context.Context, tx *Tx, batch []*call[C, R]) ([]Outcome[R], error) {
	outcomes := make([]Outcome[R], len(batch))
	first := map[slot]int{} // the call of this batch that settles the slot
	var slots []slot
	for i, c := range batch {
		if c.key == nil {
			continue
		}
		s := slot{c.owner, c.key.Door, c.key.Key}
		if _, dup := first[s]; !dup {
			first[s] = i
			slots = append(slots, s)
		}
	}
	var have map[slot]kept
	if len(slots) > 0 {
		var err error
		if have, err = tx.readKeys(ctx, slots); err != nil {
			return nil, err
		}
	}
	var commands []C
	var at []int // where in batch each command came from
	for i, c := range batch {
		if c.key != nil {
			s := slot{c.owner, c.key.Door, c.key.Key}
			if k, ok := have[s]; ok {
				outcomes[i] = replay[R](k, c.key.Hash)
				continue
			}
			if first[s] != i {
				continue // answered below, from the first
			}
		}
		commands = append(commands, c.command)
		at = append(at, i)
	}
	if len(commands) > 0 {
		results, err := b.apply(ctx, tx, commands)
		if err != nil {
			return nil, err
		}
		if len(results) != len(commands) {
			return nil, fmt.Errorf("%s: %d outcomes for %d commands", b.kind, len(results), len(commands))
		}
		for n, i := range at {
			if fault.Has(results[n].Err, fault.Bug) {
				return nil, results[n].Err // that is no decision: it fails its command alone, and no key keeps it
			}
			outcomes[i] = results[n]
		}
	}
	return outcomes, b.keep(tx, batch, outcomes, have, first)
}

// keep queues the insertion of the new keys' outcomes and answers the calls that came second in the batch.
func (b *Batcher[C, R]) keep(tx *Tx, batch []*call[C, R], outcomes []Outcome[R], have map[slot]kept, first map[slot]int) error {
	if len(first) == 0 {
		return nil
	}
	fresh := map[slot]kept{}
	var slots []slot
	now := clock.Micros(b.db.clock.Now())
	for i, c := range batch {
		if c.key == nil {
			continue
		}
		s := slot{c.owner, c.key.Door, c.key.Key}
		if _, old := have[s]; old {
			continue
		}
		if first[s] != i {
			outcomes[i] = replay[R](fresh[s], c.key.Hash)
			continue
		}
		body, err := freeze(outcomes[i])
		if err != nil {
			return err
		}
		fresh[s] = kept{hash: c.key.Hash, body: body}
		slots = append(slots, s)
	}
	slices.SortFunc(slots, slot.compare) // every writer inserts in this order, so that two that wait for each other's keys do not lock up
	args := make([]any, 0, 6*len(slots))
	for _, s := range slots {
		args = append(args, s.owner, s.door, s.key, fresh[s].hash, fresh[s].body, now)
	}
	// Another node that settled the same key in the meantime makes this fail on the primary key; the batch is then run again
	// and finds that node's answer.
	tx.LaterRows(bulkIdempotencyInsert, args, nil)
	return nil
}

// freeze is an outcome as text.
func freeze[R any](o Outcome[R]) (string, error) {
	var s snapshot
	if o.Err != nil {
		s.Faults = fault.All(o.Err)
	} else {
		body, err := json.Marshal(o.Value)
		if err != nil {
			return "", err
		}
		s.Result = body
	}
	text, err := json.Marshal(s)
	return string(text), err
}

// replay is the outcome that was kept, for a request that hashes to hash.
func replay[R any](k kept, hash string) (o Outcome[R]) {
	if k.hash != hash {
		o.Err = fault.New(fault.IdempotencyReused)
		return o
	}
	var s snapshot
	if err := json.Unmarshal([]byte(k.body), &s); err != nil {
		o.Err = err
		return o
	}
	if len(s.Faults) > 0 {
		o.Err = fault.Join(s.Faults...)
		return o
	}
	if err := json.Unmarshal(s.Result, &o.Value); err != nil {
		o.Err = errors.Join(errors.New("a kept answer cannot be read"), err)
	}
	return o
}
