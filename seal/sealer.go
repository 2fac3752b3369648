package seal

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"sarraf/internal/clock"
	"sarraf/store"
)

// Limits of the sealer.
const (
	ownersMost = 200    // owners whose chains are sealed in one transaction
	rowsMost   = 20_000 // rows of one chain under one seal
	sweepEvery = 12     // rounds between two looks at every chain
	sweepPiece = 500    // chains that are looked at together
)

// Sealer seals what has been written. Any number of them may run over one database.
type Sealer struct {
	db       *store.DB
	key      ed25519.PrivateKey
	sources  []Source
	interval time.Duration
	log      *slog.Logger

	mu      sync.Mutex
	touched map[string]bool      // owners with rows that may not be sealed
	fresh   func() time.Duration // since the last round began that left nothing unsealed
}

// New is a sealer over the sources that signs with key and looks every interval, or every 5 s when that is 0.
func New(db *store.DB, key ed25519.PrivateKey, interval time.Duration, log *slog.Logger, sources ...Source) *Sealer {
	if interval <= 0 {
		interval = 5 * time.Second
	}
	return &Sealer{db: db, key: key, sources: sources, interval: interval, log: log, touched: map[string]bool{}, fresh: clock.Start()}
}

// Behind is how long ago the last round began that sealed all that was told by then, or since when there has been a sealer.
func (s *Sealer) Behind() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fresh()
}

// PublicKey is the text of the key that the seals can be checked with.
func (s *Sealer) PublicKey() string {
	return base64.StdEncoding.EncodeToString(s.key.Public().(ed25519.PublicKey))
}

// Touch tells that rows of the owner are written once tx is committed. What is not told is found by the sweep.
func (s *Sealer) Touch(tx *store.Tx, owner string) {
	tx.AfterCommit(func() {
		s.mu.Lock()
		s.touched[owner] = true
		s.mu.Unlock()
	})
}

// Run seals until ctx ends, and then what is left.
func (s *Sealer) Run(ctx context.Context) {
	s.log.Info("sealing the books", "public_key", s.PublicKey())
	for round := 0; ; round++ {
		watch := clock.Start()
		if err := s.Round(context.WithoutCancel(ctx), round%sweepEvery == 0); err != nil {
			s.log.Warn("the books could not be sealed; trying again", "error", err)
		}
		if ctx.Err() != nil {
			return
		}
		next := time.NewTimer(pause(s.interval, watch()))
		select {
		case <-next.C:
		case <-ctx.Done(): // one more round seals what was written since
			next.Stop()
		}
	}
}

// pause is how long to wait after a round that took so long: until the interval is over, and where thousands of owners are written to, twice
// as long as the round took. So sealing never takes more than a third of a core from those who write.
func pause(interval, took time.Duration) time.Duration { return max(interval-took, 2*took) }

// Round seals the chains of the owners that were touched, and with sweep of every owner who has rows above a last seal.
func (s *Sealer) Round(ctx context.Context, sweep bool) error {
	began := clock.Start()
	err := s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.Exec(ctx, sqlKeyInsert, s.PublicKey())
	})
	if err != nil {
		return err
	}
	if sweep {
		if err := s.sweep(ctx); err != nil {
			return err
		}
	}
	// What is told from now on waits for the next round: under load, a chain that has many writers would else be sealed over and over.
	for owners := s.take(); len(owners) > 0; {
		n := min(len(owners), ownersMost)
		switch err := s.seal(ctx, owners[:n]); {
		case errors.Is(err, errOvertaken):
			s.giveBack(owners[n:])
			return nil // at the next round the other node is done
		case err != nil:
			s.giveBack(owners)
			return err
		}
		owners = owners[n:]
	}
	s.mu.Lock()
	s.fresh = began
	s.mu.Unlock()
	return nil
}

// take is all who were told of since it was asked last, in the order of their keys.
func (s *Sealer) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]string, 0, len(s.touched))
	for o := range s.touched {
		list = append(list, o)
	}
	clear(s.touched)
	slices.Sort(list)
	return list
}

func (s *Sealer) giveBack(owners []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range owners {
		s.touched[o] = true
	}
}

// sweep finds the owners of whom a node that is gone has left something unsealed.
func (s *Sealer) sweep(ctx context.Context) error {
	return s.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, src := range s.sources {
			heads := src.Heads(ctx, tx)
			for {
				piece := make([]Head, 0, sweepPiece)
				for h, ok := heads.Next(ctx); ok; h, ok = heads.Next(ctx) {
					if piece = append(piece, h); len(piece) == sweepPiece {
						break
					}
				}
				if len(piece) == 0 {
					break
				}
				last := map[chainKey]sealed{}
				lastLater(tx, piece, last)
				if err := tx.Flush(ctx); err != nil {
					return err
				}
				for _, h := range piece {
					if last[h.key()].seq < h.Seq {
						s.giveBack([]string{h.Owner})
					}
				}
			}
			if err := heads.Err(); err != nil {
				return err
			}
		}
		return nil
	})
}

// chainKey names a chain.
type chainKey struct{ owner, chain string }

func (h Head) key() chainKey { return chainKey{h.Owner, h.Chain} }

// lastLater fills found with the last seals of the chains at the next flush.
func lastLater(tx *store.Tx, heads []Head, found map[chainKey]sealed) {
	args := make([]any, 0, 2*len(heads))
	for _, h := range heads {
		args = append(args, h.Owner, h.Chain)
	}
	tx.LaterRows(bulkLast, args, func(r store.Row) error {
		var l sealed
		err := r.Scan(&l.owner, &l.chain, &l.seq, &l.hash)
		found[chainKey{l.owner, l.chain}] = l
		return err
	})
}

// work is what a round makes for some owners, from a snapshot.
type work struct {
	owners []string
	heads  []Head              // every chain of the owners
	before map[chainKey]sealed // its last seal in the snapshot
	made   []sealed            // the seals to write
	more   []string            // owners with more new rows than one seal takes
}

// seal brings all chains of the owners up to date. The rows are read and hashed in a snapshot, which holds nobody up; then the seals are
// written, unless another node has sealed a chain of the same owner meanwhile: then all of it is made anew in the next round.
func (s *Sealer) seal(ctx context.Context, owners []string) error {
	w := work{owners: owners, before: map[chainKey]sealed{}}
	err := s.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error { return s.prepare(ctx, tx, &w) })
	if err != nil {
		return err
	}
	overtaken := false
	err = s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		var rows []any
		for _, o := range owners {
			rows = append(rows, o, int64(0), "", "")
		}
		// The heads' rows are locked first: another node's seals are either there by then or wait.
		tx.LaterRows(bulkHeadLock, rows, nil)
		last := make(map[chainKey]sealed, len(w.heads))
		lastLater(tx, w.heads, last)
		if err := tx.Flush(ctx); err != nil {
			return err
		}
		overtaken = false
		for _, h := range w.heads {
			overtaken = overtaken || last[h.key()].seq != w.before[h.key()].seq
		}
		if overtaken {
			return errOvertaken
		}
		var args []any
		for _, m := range w.made {
			last[chainKey{m.owner, m.chain}] = m
			args = append(args, m.owner, m.chain, m.seq, m.prev, m.hash, m.signature)
		}
		tx.LaterRows(bulkInsert, args, nil)
		s.heads(tx, owners, w.heads, last)
		return nil
	})
	if errors.Is(err, errOvertaken) {
		s.giveBack(owners)
		return errOvertaken
	}
	s.giveBack(w.more)
	return err
}

// errOvertaken says that another node sealed the same chains first.
var errOvertaken = errors.New("another node seals the same chains")

// prepare makes the seals of the owners' chains.
func (s *Sealer) prepare(ctx context.Context, tx *store.Tx, w *work) error {
	bySource := make([][]Head, len(s.sources))
	for i, src := range s.sources {
		var err error
		if bySource[i], err = src.HeadsOf(ctx, tx, w.owners); err != nil {
			return err
		}
		w.heads = append(w.heads, bySource[i]...)
	}
	lastLater(tx, w.heads, w.before)
	if err := tx.Flush(ctx); err != nil {
		return err
	}
	for i, src := range s.sources {
		if err := s.chains(ctx, tx, src, bySource[i], w); err != nil {
			return err
		}
	}
	return nil
}

// chains makes a seal for each chain of a source that has new rows.
func (s *Sealer) chains(ctx context.Context, tx *store.Tx, src Source, heads []Head, w *work) error {
	var spans []Span
	made := map[chainKey]*sealed{}
	hashes := map[chainKey]*chainHash{}
	for _, h := range heads {
		l := w.before[h.key()]
		if h.Seq <= l.seq {
			continue
		}
		if h.Seq-l.seq > rowsMost {
			h.Seq = l.seq + rowsMost
			w.more = append(w.more, h.Owner)
		}
		spans = append(spans, Span{Owner: h.Owner, Chain: h.Chain, After: l.seq, UpTo: h.Seq})
		made[h.key()] = &sealed{owner: h.Owner, chain: h.Chain, prev: l.seq, seq: l.seq}
		hashes[h.key()] = begin(l.hash)
	}
	err := src.Rows(ctx, tx, spans, func(r Row) error {
		k := chainKey{r.Owner, r.Chain}
		hashes[k].row(r)
		made[k].seq = r.Seq
		return nil
	})
	if err != nil {
		return err
	}
	for _, sp := range spans {
		k := chainKey{sp.Owner, sp.Chain}
		m := made[k]
		if m.seq != sp.UpTo {
			continue // rows are missing: the audit says so, and the sealer does not cover it up
		}
		m.hash = hashes[k].hex()
		m.signature = s.sign(m.message())
		w.made = append(w.made, *m)
	}
	return nil
}

// heads queues the owners' new heads, and logs them: the log is a witness outside the database.
func (s *Sealer) heads(tx *store.Tx, owners []string, chains []Head, last map[chainKey]sealed) {
	byOwner := map[string][]sealed{}
	for _, h := range chains {
		if l, ok := last[h.key()]; ok {
			byOwner[h.Owner] = append(byOwner[h.Owner], l)
		}
	}
	var args []any
	for _, o := range owners {
		h := headOf(o, byOwner[o])
		h.signature = s.sign(h.message())
		args = append(args, h.owner, h.chains, h.hash, h.signature)
		tx.AfterCommit(func() { s.log.Info("sealed", "owner", h.owner, "chains", h.chains, "hash", h.hash) })
	}
	tx.LaterRows(bulkHeadUpdate, args, nil)
}

func (s *Sealer) sign(message []byte) string {
	return base64.StdEncoding.EncodeToString(ed25519.Sign(s.key, message))
}
