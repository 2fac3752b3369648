package seal

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"time"

	"sarraf/store"
)

// spansMost is of how many chains that are behind the first unsealed row is looked at.
const spansMost = 1000

// Behind is how many rows of the sources no seal covers yet, and when the first of them was made; the zero time when there is none. It
// looks at the head of every chain.
func Behind(ctx context.Context, tx *store.Tx, sources ...Source) (rows int64, since time.Time, err error) {
	for _, src := range sources {
		var spans []Span
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
				return 0, since, err
			}
			for _, h := range piece {
				l := last[h.key()].seq
				rows += max(h.Seq-l, 0)
				if h.Seq > l && len(spans) < spansMost {
					spans = append(spans, Span{Owner: h.Owner, Chain: h.Chain, After: l, UpTo: l + 1})
				}
			}
		}
		if err := heads.Err(); err != nil {
			return 0, since, err
		}
		err := src.Rows(ctx, tx, spans, func(r Row) error {
			if since.IsZero() || r.At.Before(since) {
				since = r.At
			}
			return nil
		})
		if err != nil {
			return 0, since, err
		}
	}
	return rows, since, nil
}

// Known reports whether the database's seals were ever signed with the key's other half, and whether they were signed at all.
func Known(ctx context.Context, tx *store.Tx, key ed25519.PublicKey) (known, any bool, err error) {
	err = tx.Query(ctx, sqlKeys, nil, func(r store.Row) error {
		var text string
		err := r.Scan(&text)
		any = true
		known = known || text == base64.StdEncoding.EncodeToString(key)
		return err
	})
	return known, any, err
}
