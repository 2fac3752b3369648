package seal

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"log/slog"
	"sync"
	"time"

	"sarraf/store"
)

// Limits of the sealer.
const (
	ownersMost = 2000   // owners whose chains are looked at in one round
	chainsMost = 500    // chains that are hashed at once
	rowsMost   = 20_000 // rows of one chain under one seal
	sweepEvery = 12     // rounds between two looks at every chain
)

// Sealer seals what has been written. Any number of them may run over one database.
type Sealer struct {
	db       *store.DB
	key      ed25519.PrivateKey
	sources  []Source
	interval time.Duration
	log      *slog.Logger

	mu      sync.Mutex
	touched map[string]bool // owners with rows that may not be sealed
}

// New is a sealer over the sources that signs with key and looks every interval, or every 5 s when that is 0.
func New(db *store.DB, key ed25519.PrivateKey, interval time.Duration, log *slog.Logger, sources ...Source) *Sealer {
	if interval <= 0 {
		interval = 5 * time.Second
	}
	return &Sealer{db: db, key: key, sources: sources, interval: interval, log: log, touched: map[string]bool{}}
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
	tick := time.NewTicker(s.interval)
	defer tick.Stop()
	for round := 0; ; round++ {
		if err := s.Round(context.WithoutCancel(ctx), round%sweepEvery == 0); err != nil {
			s.log.Warn("the books could not be sealed; trying again", "error", err)
		}
		if ctx.Err() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done(): // one more round seals what was written since
		}
	}
}

// Round seals the chains of the owners that were touched, and with sweep every chain that has rows above its last seal.
func (s *Sealer) Round(ctx context.Context, sweep bool) error {
	err := s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.Exec(ctx, sqlKeyInsert, s.PublicKey())
	})
	if err != nil {
		return err
	}
	owners := s.take()
	for len(owners) > 0 {
		for _, src := range s.sources {
			heads, err := src.HeadsOf(ctx, s.db, owners)
			if err == nil {
				err = s.seal(ctx, src, heads)
			}
			if err != nil {
				s.giveBack(owners)
				return err
			}
		}
		owners = s.take()
	}
	if !sweep {
		return nil
	}
	for _, src := range s.sources {
		if err := s.sweep(ctx, src); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sealer) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for o := range s.touched {
		if len(list) == ownersMost {
			break
		}
		list = append(list, o)
		delete(s.touched, o)
	}
	return list
}

func (s *Sealer) giveBack(owners []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range owners {
		s.touched[o] = true
	}
}

// sweep looks at every chain of a source. The heads are read in a snapshot of their own, which is not held while sealing.
func (s *Sealer) sweep(ctx context.Context, src Source) error {
	var behind []Head
	err := s.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		heads := src.Heads(ctx, tx)
		var piece []Head
		for {
			h, ok := heads.Next(ctx)
			if ok {
				piece = append(piece, h)
			}
			if len(piece) == chainsMost || !ok && len(piece) > 0 {
				last, err := s.last(ctx, piece)
				if err != nil {
					return err
				}
				for _, h := range piece {
					if last[Head{Owner: h.Owner, Chain: h.Chain}].seq < h.Seq {
						behind = append(behind, h)
					}
				}
				piece = piece[:0]
			}
			if !ok {
				return heads.Err()
			}
		}
	})
	if err != nil {
		return err
	}
	return s.seal(ctx, src, behind)
}

// last answers the last seals of the chains, by owner and chain.
func (s *Sealer) last(ctx context.Context, heads []Head) (map[Head]sealed, error) {
	args := make([]any, 0, 2*len(heads))
	for _, h := range heads {
		args = append(args, h.Owner, h.Chain)
	}
	found := make(map[Head]sealed, len(heads))
	err := s.db.QueryRows(ctx, bulkLast, args, func(r store.Row) error {
		var l sealed
		err := r.Scan(&l.owner, &l.chain, &l.seq, &l.hash)
		found[Head{Owner: l.owner, Chain: l.chain}] = l
		return err
	})
	return found, err
}

// seal brings the chains up to their heads, some at a time.
func (s *Sealer) seal(ctx context.Context, src Source, heads []Head) error {
	for len(heads) > 0 {
		piece := heads[:min(len(heads), chainsMost)]
		more, err := s.piece(ctx, src, piece)
		if err != nil {
			return err
		}
		heads = append(more, heads[len(piece):]...)
	}
	return nil
}

// piece makes one seal for each of some chains, and answers those that have more rows than one seal takes.
func (s *Sealer) piece(ctx context.Context, src Source, heads []Head) (more []Head, err error) {
	last, err := s.last(ctx, heads)
	if err != nil {
		return nil, err
	}
	var spans []Span
	made := map[Head]*sealed{}
	hashes := map[Head]*chainHash{}
	for _, h := range heads {
		k := Head{Owner: h.Owner, Chain: h.Chain}
		l := last[k]
		if h.Seq <= l.seq {
			continue
		}
		if h.Seq-l.seq > rowsMost {
			more = append(more, h)
			h.Seq = l.seq + rowsMost
		}
		spans = append(spans, Span{Owner: h.Owner, Chain: h.Chain, After: l.seq, UpTo: h.Seq})
		made[k], hashes[k] = &sealed{owner: h.Owner, chain: h.Chain, prev: l.seq, seq: l.seq}, begin(l.hash)
	}
	if len(spans) == 0 {
		return nil, nil
	}
	err = src.Rows(ctx, s.db, spans, func(r Row) error {
		k := Head{Owner: r.Owner, Chain: r.Chain}
		hashes[k].row(r)
		made[k].seq = r.Seq
		return nil
	})
	if err != nil {
		return nil, err
	}
	var args []any
	for _, sp := range spans {
		k := Head{Owner: sp.Owner, Chain: sp.Chain}
		m := made[k]
		if m.seq != sp.UpTo {
			continue // rows are missing: the audit says so, and the sealer does not cover it up
		}
		m.hash = hashes[k].hex()
		m.sign(s.key)
		args = append(args, m.owner, m.chain, m.seq, m.prev, m.hash, m.signature)
		s.log.Debug("sealed", "owner", m.owner, "chain", m.chain, "seq", m.seq, "hash", m.hash)
	}
	if len(args) == 0 {
		return nil, nil
	}
	return more, s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.QueryRows(ctx, bulkInsert, args, nil)
	})
}
