package seal

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"time"

	"sarraf/internal/audit"
	"sarraf/store"
)

// Grace is how old a row may be that is not yet sealed: the sealer looks every few seconds, also after a start.
const Grace = 2 * time.Minute

// Verify proves in a snapshot that the rows of every chain are those that were sealed: each seal's signature, hash and place in its
// chain, rows that should have been sealed by now and are not, and seals of rows that are not there. keys are the public keys
// that may have signed; without any, those that the database names are taken, which protects against everybody but one who
// can write to the database and make keys.
func Verify(ctx context.Context, tx *store.Tx, keys []ed25519.PublicKey, now time.Time, report audit.Report, sources ...Source) error {
	if len(keys) == 0 {
		var err error
		if keys, err = named(ctx, tx); err != nil {
			return err
		}
	}
	for _, src := range sources {
		v := verifier{keys: keys, now: now, report: report, src: src}
		if err := v.run(ctx, tx); err != nil {
			return err
		}
	}
	return strays(ctx, tx, report, sources)
}

// named are the keys that the database names.
func named(ctx context.Context, tx *store.Tx) ([]ed25519.PublicKey, error) {
	var keys []ed25519.PublicKey
	err := tx.Query(ctx, sqlKeys, nil, func(r store.Row) error {
		var text string
		if err := r.Scan(&text); err != nil {
			return err
		}
		if key, err := base64.StdEncoding.DecodeString(text); err == nil && len(key) == ed25519.PublicKeySize {
			keys = append(keys, key)
		}
		return nil
	})
	return keys, err
}

// strays reports seals of chains that no source has.
func strays(ctx context.Context, tx *store.Tx, report audit.Report, sources []Source) error {
	return tx.Query(ctx, sqlStrays, nil, func(r store.Row) error {
		var owner, chain string
		var seq int64
		if err := r.Scan(&owner, &chain, &seq); err != nil {
			return err
		}
		for _, s := range sources {
			if belongs(chain, s.Prefix()) {
				return nil
			}
		}
		report(audit.Finding{Table: "seal", Owner: owner, Row: fmt.Sprintf("%s/%d", chain, seq), Problem: "there is no such chain"})
		return nil
	})
}

func belongs(chain, prefix string) bool { return chain >= prefix && chain < after(prefix) }

// after is the first text that does not begin with prefix and comes after those that do.
func after(prefix string) string { return prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1) }

// verifier walks the seals and the rows of one source side by side.
type verifier struct {
	keys   []ed25519.PublicKey
	now    time.Time
	report audit.Report
	src    Source
	seals  *store.Stream[sealed]
	rows   *store.Stream[Row]
}

func (v *verifier) run(ctx context.Context, tx *store.Tx) error {
	v.rows = v.src.Stream(ctx, tx)
	v.seals = store.NewStream(ctx, tx, sqlAll, []any{v.src.Prefix(), after(v.src.Prefix())}, scan)
	for {
		s, ok1 := v.seals.Peek(ctx)
		r, ok2 := v.rows.Peek(ctx)
		if !ok1 && !ok2 {
			break
		}
		owner, chain := s.owner, s.chain
		if !ok1 || ok2 && (r.Owner < owner || r.Owner == owner && r.Chain < chain) {
			owner, chain = r.Owner, r.Chain
		}
		v.chain(ctx, owner, chain)
	}
	if err := v.rows.Err(); err != nil {
		return err
	}
	return v.seals.Err()
}

// chain walks one chain to its end.
func (v *verifier) chain(ctx context.Context, owner, chain string) {
	last := sealed{}
	say := func(table string, seq int64, format string, args ...any) {
		v.report(audit.Finding{Table: table, Owner: owner, Row: fmt.Sprintf("%s/%d", chain, seq), Problem: fmt.Sprintf(format, args...)})
	}
	for {
		s, ok := v.seals.Peek(ctx)
		if !ok || s.owner != owner || s.chain != chain {
			break
		}
		v.seals.Next(ctx)
		h, got := begin(last.hash), last.seq
		for {
			r, ok := v.rows.Peek(ctx)
			if !ok || r.Owner != owner || r.Chain != chain || r.Seq > s.seq {
				break
			}
			v.rows.Next(ctx)
			h.row(r)
			got = r.Seq
		}
		switch {
		case !s.signedBy(v.keys):
			say("seal", s.seq, "its signature is not by a known key")
		case s.prev != last.seq:
			say("seal", s.seq, "it follows seal %d, and the one before it is %d", s.prev, last.seq)
		case got != s.seq:
			say(v.src.Table(), s.seq, "it was sealed, and the rows end at %d", got)
		case h.hex() != s.hash:
			say(v.src.Table(), s.seq, "the rows %d to %d are not those that were sealed", s.prev+1, s.seq)
		}
		last = s
	}
	v.rest(ctx, owner, chain, last.seq, say)
}

// rest walks the rows that are not sealed and reports them when they should be.
func (v *verifier) rest(ctx context.Context, owner, chain string, sealed int64, say func(string, int64, string, ...any)) {
	said := false
	for {
		r, ok := v.rows.Peek(ctx)
		if !ok || r.Owner != owner || r.Chain != chain {
			return
		}
		v.rows.Next(ctx)
		if !said && v.now.Sub(r.At) > Grace {
			said = true
			say("seal", r.Seq, "the rows since %d are not sealed, the first of them is of %s", sealed+1, r.At.Format(time.RFC3339))
		}
	}
}
