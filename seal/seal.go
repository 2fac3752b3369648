// Package seal signs history: hash chains over rows that are only ever inserted, so that whoever holds the public key sees when one was
// edited, inserted or taken away.
//
// A chain is a run of rows that are numbered without a gap, such as the entries of one account. A seal covers the rows since the seal
// before it: its hash is taken over the earlier hash and every column of those rows, and signed with a key that is kept outside the
// database. What the last seals of an owner come to is signed as its head, so that the newest seal of a chain cannot be taken away alone;
// and each head is logged, a witness outside the database for the day when somebody puts the whole of it back to an earlier state.
// Sealing happens within seconds, off the hot path.
package seal

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"
	"strings"
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

// Long reports whether the span is worth a statement of its own, which walks the rows in their order and sorts nothing.
func (s Span) Long() bool { return s.UpTo-s.After > 64 }

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
	HeadsOf(ctx context.Context, tx *store.Tx, owners []string) ([]Head, error)
	// Heads walks all chains by owner and chain.
	Heads(ctx context.Context, tx *store.Tx) *store.Stream[Head]
	// Rows calls fn for the rows of the spans, those of each chain in the order of their numbers.
	Rows(ctx context.Context, tx *store.Tx, spans []Span, fn func(Row) error) error
	// Newest answers when the newest row was made; the zero time when there is none.
	Newest(ctx context.Context, tx *store.Tx) (time.Time, error)
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

// head is a row of seal_head: what the last seals of an owner's chains come to.
type head struct {
	owner     string
	chains    int64
	hash      string // hex
	signature string // base64
}

// headOf is the head, unsigned, of an owner whose chains have these last seals.
func headOf(owner string, last []sealed) head {
	slices.SortFunc(last, func(a, b sealed) int { return strings.Compare(a.chain, b.chain) })
	h := begin("")
	for _, l := range last {
		h.row(Row{Columns: []any{l.chain, l.seq, l.hash}})
	}
	return head{owner: owner, chains: int64(len(last)), hash: h.hex()}
}

// message is what a head's signature is over.
func (h head) message() []byte {
	m := []byte("sarraf seal head 1")
	for _, t := range []string{h.owner, h.hash} {
		m = binary.BigEndian.AppendUint64(m, uint64(len(t)))
		m = append(m, t...)
	}
	return binary.BigEndian.AppendUint64(m, uint64(h.chains))
}

// signedBy reports whether one of the keys has signed the message.
func signedBy(keys []ed25519.PublicKey, message []byte, text string) bool {
	signature, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return false
	}
	for _, k := range keys {
		if ed25519.Verify(k, message, signature) {
			return true
		}
	}
	return false
}
