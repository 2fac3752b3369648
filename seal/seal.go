// Package seal signs history: hash chains over rows that are only ever inserted, so that whoever holds the public key sees when one was
// edited, inserted or taken away.
//
// A chain is a run of rows that are numbered without a gap, such as the entries of one account. A seal covers the rows since the seal
// before it: its hash is taken over the earlier hash and every column of those rows, and signed with a key that is kept outside the
// database. Sealing happens within seconds, off the hot path; each head is also logged, so that the newest seals cannot be cut off
// together with their rows.
package seal

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"time"

	"sarraf/store"
)

// Head says how far the rows of a chain go.
type Head struct {
	Owner, Chain string
	Seq          int64
}

// Span is a part of a chain: the rows above After, up to UpTo.
type Span struct {
	Owner, Chain string
	After, UpTo  int64
}

// Row is one row of a chain. Columns holds every column in the order of the schema: string, int64, or nil.
type Row struct {
	Owner, Chain string
	Seq          int64
	At           time.Time
	Columns      []any
}

// Source is a table whose rows are sealed.
type Source interface {
	// Table is the table's name, for findings.
	Table() string
	// Prefix begins the names of the table's chains.
	Prefix() string
	// HeadsOf answers how far the chains of the owners go.
	HeadsOf(ctx context.Context, db *store.DB, owners []string) ([]Head, error)
	// Heads walks all chains by owner and chain.
	Heads(ctx context.Context, tx *store.Tx) *store.Stream[Head]
	// Rows calls fn for the rows of the spans, by owner, chain and number.
	Rows(ctx context.Context, db *store.DB, spans []Span, fn func(Row) error) error
	// Stream walks all rows by owner, chain and number.
	Stream(ctx context.Context, tx *store.Tx) *store.Stream[Row]
}

// sealed is a row of seal.
type sealed struct {
	owner, chain string
	seq, prev    int64
	hash         string // hex
	signature    string // base64
}

// chainHash is a hash that takes rows.
type chainHash struct {
	hash.Hash
	buf []byte
}

// begin is a hash over the hash of the seal before, "" for the first.
func begin(before string) *chainHash {
	h := &chainHash{Hash: sha256.New()}
	h.text(before)
	return h
}

// text adds a text with its length, so that no two lists of texts look the same.
func (h *chainHash) text(s string) {
	h.buf = binary.BigEndian.AppendUint64(append(h.buf[:0], 's'), uint64(len(s)))
	h.buf = append(h.buf, s...)
	h.Write(h.buf)
}

// row adds every column of a row.
func (h *chainHash) row(r Row) {
	h.buf = binary.BigEndian.AppendUint64(h.buf[:0], uint64(len(r.Columns)))
	for _, c := range r.Columns {
		switch v := c.(type) {
		case string:
			h.buf = binary.BigEndian.AppendUint64(append(h.buf, 's'), uint64(len(v)))
			h.buf = append(h.buf, v...)
		case int64:
			h.buf = binary.BigEndian.AppendUint64(append(h.buf, 'i'), uint64(v))
		default:
			h.buf = append(h.buf, 'n')
		}
	}
	h.Write(h.buf)
}

func (h *chainHash) hex() string { return hex.EncodeToString(h.Sum(nil)) }

// message is what a seal's signature is over.
func (s sealed) message() []byte {
	m := []byte("sarraf seal 1")
	for _, t := range []string{s.owner, s.chain, s.hash} {
		m = binary.BigEndian.AppendUint64(m, uint64(len(t)))
		m = append(m, t...)
	}
	m = binary.BigEndian.AppendUint64(m, uint64(s.seq))
	return binary.BigEndian.AppendUint64(m, uint64(s.prev))
}

func (s *sealed) sign(key ed25519.PrivateKey) {
	s.signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, s.message()))
}

// signedBy reports whether one of the keys has signed it.
func (s sealed) signedBy(keys []ed25519.PublicKey) bool {
	signature, err := base64.StdEncoding.DecodeString(s.signature)
	if err != nil {
		return false
	}
	for _, k := range keys {
		if ed25519.Verify(k, s.message(), signature) {
			return true
		}
	}
	return false
}
