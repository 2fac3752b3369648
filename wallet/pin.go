package wallet

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"hash"
	"strconv"
	"sync"
	"time"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/keyring"
	"sarraf/store"
)

// A PIN that is wrong mostFailures times in a row is locked for lockSpan: the rule of the DeshiPay guide's clients, for every front door.
const (
	pinDigits    = 4
	mostFailures = 5
	lockSpan     = 30 * time.Minute
)

// errNoKey says that the service was made without the master key, which this needs.
var errNoKey = errors.New("wallet: the master key is not set")

// pins hashes PINs. There are only 10,000 of them, so that no slow hash would protect one: the key does, which lies outside the database,
// and the lock does.
type pins struct {
	key, blind []byte
	macs       *sync.Pool // of hash.Hash under key, which are dear to make
}

func newPINs(keys *keyring.Keyring) pins {
	if keys == nil {
		return pins{}
	}
	key := keys.Derive("wallet PINs")
	return pins{key: key, blind: keys.Derive("wallet PINs in fingerprints"), macs: &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// hash is HMAC-SHA-256 over the wallet, a salt of its own and the PIN: the row of one wallet is worth nothing in another.
func (p pins) hash(owner, salt, pin string) string {
	mac := p.macs.Get().(hash.Hash)
	defer p.macs.Put(mac)
	mac.Reset()
	text := append(append(append(append(append(make([]byte, 0, 96), owner...), 0), salt...), 0), pin...)
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(text[:0]))
}

// fresh is a PIN as it is kept: a new salt, and the hash.
func (p pins) fresh(owner, pin string) (salt, hash string, err error) {
	if p.key == nil {
		return "", "", errNoKey
	}
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails
	salt = hex.EncodeToString(raw)
	return salt, p.hash(owner, salt, pin), nil
}

// fits reports whether the PIN is the wallet's. A wallet without one is as much work.
func (p pins) fits(w *kept, pin string) bool {
	shown := p.hash(w.Owner, w.pinSalt, pin)
	return subtle.ConstantTimeCompare([]byte(shown), []byte(w.pinHash)) == 1 && w.pinHash != ""
}

// BlindPIN is what stands for a PIN in the fingerprint of a request that is kept, such as an Idempotency-Key's: of a plain hash, whoever
// reads the database would find the PIN in 10,000 tries.
func (s *Service) BlindPIN(pin string) string {
	mac := hmac.New(sha256.New, s.pins.blind)
	mac.Write([]byte(pin))
	return hex.EncodeToString(mac.Sum(nil))
}

// ValidPIN reports whether the text can be a PIN: four ASCII digits.
func ValidPIN(text string) bool {
	if len(text) != pinDigits {
		return false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// show judges a PIN that was shown for a wallet whose state is locked, and counts it there. Faults: PINMalformed, which counts as nothing;
// PINLocked (retry_after: seconds), whatever PIN it is; PINWrong.
func (s *Service) show(w *kept, st *state, pin string, at time.Time) error {
	if s.pins.key == nil {
		return errNoKey
	}
	if !ValidPIN(pin) {
		return fault.New(fault.PINMalformed).On("pin")
	}
	now := clock.Micros(at)
	if now < st.lockedUntil {
		left := (st.lockedUntil - now + 999_999) / 1_000_000
		return fault.New(fault.PINLocked).On("pin").With("retry_after", strconv.FormatInt(left, 10))
	}
	if s.pins.fits(w, pin) {
		if st.failures != 0 || st.lockedUntil != 0 {
			st.failures, st.lockedUntil, st.changed = 0, 0, true
		}
		return nil
	}
	if st.lockedUntil != 0 { // that is over: the count begins anew
		st.failures, st.lockedUntil = 0, 0
	}
	st.failures++
	st.changed = true
	if st.failures >= mostFailures {
		st.lockedUntil = now + lockSpan.Microseconds()
	}
	return fault.New(fault.PINWrong).On("pin")
}

// check is a PIN that is shown for nothing but itself.
type check struct {
	owner, pin string
	at         time.Time
}

// CheckPIN judges a PIN and counts it, on however many nodes guesses come at once: five wrong ones in a row lock it for 30 minutes. Faults:
// WalletMissing, PINMalformed, PINLocked (retry_after), PINWrong; those of store.Batcher.Do.
func (s *Service) CheckPIN(ctx context.Context, owner, pin string) error {
	_, err := s.checks.Do(ctx, owner, nil, check{owner: owner, pin: pin, at: s.clock.Now()})
	return err
}

func (s *Service) checkSlice(ctx context.Context, tx *store.Tx, list []check) ([]store.Outcome[struct{}], error) {
	owners := make([]string, len(list))
	for i, c := range list {
		owners[i] = c.owner
	}
	have := newHouse()
	have.lockLater(tx, owners)
	have.walletsLater(tx, owners)
	if err := tx.Flush(ctx); err != nil {
		return nil, err
	}
	out := make([]store.Outcome[struct{}], len(list))
	for i, c := range list {
		w, st := have.wallets[c.owner], have.states[c.owner]
		if w == nil || st == nil {
			out[i].Err = fault.New(fault.WalletMissing)
			continue
		}
		err := s.show(w, st, c.pin, c.at)
		if errors.Is(err, errNoKey) {
			return nil, err
		}
		out[i].Err = err
	}
	have.recordStates(tx)
	return out, nil
}
