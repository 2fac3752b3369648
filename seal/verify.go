package seal

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"sarraf/internal/audit"
	"sarraf/store"
)

// Grace is how old a row may be that is not yet sealed: the sealer looks every few seconds, also after a start.
const Grace = 2 * time.Minute

// Verify proves in a snapshot that the rows of every chain are those that were sealed: each seal's signature, hash and place in its
// chain, the head of each owner, rows that should have been sealed by now and are not, and seals of rows that are not there.
//
// keys are the public keys that may have signed; without any, those that the database names are taken, which protects against
// everybody but one who can write to the database and make keys. What was written last before a backup or a crash cannot have been
// sealed, so a row counts as forgotten only when it is older than the newest row by more than Grace.
func Verify(ctx context.Context, tx *store.Tx, keys []ed25519.PublicKey, report audit.Report, sources ...Source) error {
	if len(keys) == 0 {
		var err error
		if keys, err = named(ctx, tx); err != nil {
			return err
		}
	}
	var newest time.Time
	for _, src := range sources {
		at, err := src.Newest(ctx, tx)
		if err != nil {
			return err
		}
		if at.After(newest) {
			newest = at
		}
	}
	for _, src := range sources {
		v := verifier{keys: keys, newest: newest, report: report, src: src}
		if err := v.run(ctx, tx); err != nil {
			return err
		}
	}
	return verifyHeads(ctx, tx, keys, report, sources)
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

// verifyHeads holds the head of each owner against its last seals, and reports seals of chains that no source has.
func verifyHeads(ctx context.Context, tx *store.Tx, keys []ed25519.PublicKey, report audit.Report, sources []Source) error {
	heads := store.NewStream(ctx, tx, sqlHeads, nil, scanHead)
	seals := store.NewStream(ctx, tx, sqlAll, nil, scan)
	for {
		h, ok1 := heads.Peek(ctx)
		s, ok2 := seals.Peek(ctx)
		if !ok1 && !ok2 {
			break
		}
		owner := h.owner
		if !ok1 || ok2 && s.owner < owner {
			owner = s.owner
		}
		say := func(table, row, problem string) {
			report(audit.Finding{Table: table, Owner: owner, Row: row, Problem: problem})
		}
		var last []sealed
		for ok2 && s.owner == owner {
			if n := len(last); n > 0 && last[n-1].chain == s.chain {
				last = last[:n-1]
			} else if !slices.ContainsFunc(sources, func(src Source) bool { return belongs(s.chain, src.Prefix()) }) {
				say("seal", fmt.Sprintf("%s/%d", s.chain, s.seq), "there is no such chain")
			}
			last = append(last, s)
			seals.Next(ctx)
			s, ok2 = seals.Peek(ctx)
		}
		want := headOf(owner, last)
		switch {
		case !ok1 || h.owner != owner:
			say("seal_head", owner, "it has seals, and no head")
			continue
		case !signedBy(keys, h.message(), h.signature):
			say("seal_head", owner, "its signature is not by a known key")
		case h.hash != want.hash || h.chains != want.chains:
			say("seal", owner, "the last seals of its chains are not those that its head was made of")
		}
		heads.Next(ctx)
	}
	return errors.Join(heads.Err(), seals.Err())
}

func belongs(chain, prefix string) bool { return chain >= prefix && chain < after(prefix) }

// after is the first text that does not begin with prefix and comes after those that do.
func after(prefix string) string { return prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1) }

// verifier walks the seals and the rows of one source side by side.
type verifier struct {
	keys   []ed25519.PublicKey
	newest time.Time
	report audit.Report
	src    Source
	seals  *store.Stream[sealed]
	rows   *store.Stream[Row]
}

func (v *verifier) run(ctx context.Context, tx *store.Tx) error {
	v.rows = v.src.Stream(ctx, tx)
	v.seals = store.NewStream(ctx, tx, sqlOfSource, []any{v.src.Prefix(), after(v.src.Prefix())}, scan)
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
		case !signedBy(v.keys, s.message(), s.signature):
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
		if !said && v.newest.Sub(r.At) > Grace {
			said = true
			say("seal", r.Seq, "the rows since %d are not sealed, the first of them is of %s", sealed+1, r.At.Format(time.RFC3339))
		}
	}
}
