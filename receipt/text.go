package receipt

import (
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"sarraf/internal/keyring"
	"sarraf/money"
)

// The form of a signed text; docs/receipts.md tells all of it. The letters are those of the QR alphabet that takes least room.
const (
	prefix = "SR1:"
	domain = "sarraf receipt 1\x00" // stands before what is signed, so that the signature is good for nothing else
	// MaxText is the longest text that Verify looks at, in bytes, line breaks and spaces included.
	MaxText = 4096

	testFlag   = 0x80
	maxSeconds = 253402300799 // the end of the year 9999
	maxOffset  = 18 * 60      // minutes
)

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// KeyID is what a text calls the key that signed it: the first four bytes of the public key's SHA-512.
type KeyID [4]byte

// IDOf is the id of a public key.
func IDOf(public ed25519.PublicKey) KeyID {
	sum := sha512.Sum512(public)
	return KeyID(sum[:4])
}

// String is the id in hex.
func (k KeyID) String() string { return hex.EncodeToString(k[:]) }

// Signer signs receipts.
type Signer struct{ key ed25519.PrivateKey }

// NewSigner signs with the key that is made of the master keys. It stays the same until the oldest of them is taken away.
func NewSigner(keys *keyring.Keyring) *Signer {
	return &Signer{ed25519.NewKeyFromSeed(keys.Derive("receipt signatures"))}
}

// Public is the key that the signatures are checked with.
func (s *Signer) Public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// Sign is the signed text of a receipt: upper-case letters, digits and a colon. The same receipt has the same text each time. Fields that
// no text can hold are a mistake of ours (fault.Bug).
func (s *Signer) Sign(f Fields) (string, error) {
	id := IDOf(s.Public())
	body, err := f.body(id)
	if err != nil {
		return "", err
	}
	// What is signed must be what a checker reads.
	if back, _, err := parse(body); err != nil || !same(back, f) {
		return "", wrong(fmt.Sprintf("its text would say something else (%v)", err))
	}
	body = append(body, ed25519.Sign(s.key, append([]byte(domain), body...))...)
	return prefix + encoding.EncodeToString(body), nil
}

func same(a, b Fields) bool {
	_, was := a.At.Zone()
	_, is := b.At.Zone()
	sameTime := a.At.Equal(b.At) && was == is
	a.At, b.At = time.Time{}, time.Time{}
	return sameTime && a == b
}

// body is what is signed, the key's id with it.
func (f Fields) body(key KeyID) ([]byte, error) {
	_, offset := f.At.Zone()
	kind := 0
	for i, k := range kinds {
		if k.movement == f.Kind {
			kind = i + 1
		}
	}
	if kind == 0 || !PlausibleNumber(f.Number) || len(f.Currency) != 3 || offset%60 != 0 || f.At.Unix() < 0 || f.Amount < 0 || f.Fee < 0 {
		return nil, wrong("a kind, number, currency, time or amount that none has")
	}
	flags := byte(kind)
	if f.Test {
		flags |= testFlag
	}
	b := append(make([]byte, 0, 512), flags)
	b = append(b, key[:]...)
	b = append(b, f.Number...)
	b = append(b, f.Currency...)
	b = append(b, byte(f.Decimals))
	b = binary.AppendUvarint(b, uint64(f.At.Unix()))
	b = binary.AppendUvarint(b, uint64(offset/60+maxOffset))
	b = binary.AppendUvarint(b, uint64(f.Amount))
	b = binary.AppendUvarint(b, uint64(f.Fee))
	for _, text := range []string{f.From.Name, f.From.Number, f.To.Name, f.To.Number, f.Note} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return b, nil
}

// Why a text is not valid. Verify wraps none of them in anything that the text says.
var (
	ErrForm      = errors.New("this is no receipt's text, or not the whole of it, or it was damaged")
	ErrSignature = errors.New("the signature does not fit: the receipt was altered, or somebody else made it")
)

// KeyError says that the key which a text names is not among those that it was checked with.
type KeyError struct{ Key KeyID }

func (e KeyError) Error() string {
	return fmt.Sprintf("it names the key %s, which is not among those given: it is from elsewhere, or the house has changed its key", e.Key)
}

// Verify is what a text says, if one of the keys signed it. Spaces and line breaks in the text are passed over, and small letters are as
// good as capitals; every other change makes it invalid. The errors are ErrForm, KeyError and ErrSignature; the fields are zero then.
func Verify(text string, keys []ed25519.PublicKey) (Fields, error) {
	raw, ok := decode(text)
	if !ok {
		return Fields{}, ErrForm
	}
	body, signature := raw[:len(raw)-ed25519.SignatureSize], raw[len(raw)-ed25519.SignatureSize:]
	f, id, err := parse(body)
	if err != nil {
		return Fields{}, err
	}
	message, known := append([]byte(domain), body...), false
	for _, k := range keys {
		if len(k) != ed25519.PublicKeySize || IDOf(k) != id {
			continue
		}
		known = true
		if ed25519.Verify(k, message, signature) {
			return f, nil
		}
	}
	if !known {
		return Fields{}, KeyError{id}
	}
	return Fields{}, ErrSignature
}

// decode is the bytes of a text: more than a signature's.
func decode(text string) ([]byte, bool) {
	if len(text) > MaxText {
		return nil, false
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r >= '\t' && r <= '\r':
			return -1
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, text)
	letters, ok := strings.CutPrefix(text, prefix)
	if !ok {
		return nil, false
	}
	raw, err := encoding.DecodeString(letters)
	// A last letter may have bits to spare, which must be zero.
	if err != nil || len(raw) <= ed25519.SignatureSize || encoding.EncodeToString(raw) != letters {
		return nil, false
	}
	return raw, true
}

// parse reads what is signed. There is one form for each receipt, and whatever else can be said is ErrForm.
func parse(body []byte) (f Fields, id KeyID, err error) {
	r := reader{rest: body}
	flags := r.bytes(1)
	copy(id[:], r.bytes(4))
	f.Number, f.Currency = string(r.bytes(numberLength)), money.Currency(r.bytes(3))
	decimals := r.bytes(1)
	seconds, offset := r.uvarint(maxSeconds), r.uvarint(2*maxOffset)-maxOffset
	f.Amount = r.uvarint(math.MaxInt64)
	f.Fee = r.uvarint(math.MaxInt64 - f.Amount)
	for _, t := range []struct {
		into *string
		max  int64
	}{{&f.From.Name, maxName}, {&f.From.Number, maxNumber}, {&f.To.Name, maxName}, {&f.To.Number, maxNumber}, {&f.Note, maxNote}} {
		*t.into = r.text(t.max)
	}
	if r.bad || len(r.rest) > 0 || !PlausibleNumber(f.Number) || !capitals(string(f.Currency)) || decimals[0] > 4 || f.Amount == 0 {
		return Fields{}, id, ErrForm
	}
	kind := int(flags[0] &^ testFlag)
	if kind < 1 || kind > len(kinds) {
		return Fields{}, id, ErrForm
	}
	f.Kind, f.Test, f.Decimals = kinds[kind-1].movement, flags[0]&testFlag != 0, int(decimals[0])
	f.At = time.Unix(seconds, 0).In(fixed(int(offset)))
	return f, id, nil
}

func capitals(text string) bool {
	for i := range len(text) {
		if text[i] < 'A' || text[i] > 'Z' {
			return false
		}
	}
	return true
}

// reader takes values off the front of bytes, and turns bad at the first that is not there or not in its one form.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) bytes(n int64) []byte {
	if n < 0 || int64(len(r.rest)) < n {
		r.bad = true
		return make([]byte, max(n, 0))
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uvarint(most int64) int64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || n > 1 && r.rest[n-1] == 0 || most < 0 || v > uint64(most) {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return int64(v)
}

func (r *reader) text(most int64) string {
	t := string(r.bytes(r.uvarint(most)))
	if !utf8.ValidString(t) || strings.ContainsFunc(t, unprintable) {
		r.bad = true
	}
	return t
}
