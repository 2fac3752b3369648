package merchant

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"sarraf/fault"
	"sarraf/internal/clock"
)

// Lengths of a password, in bytes. A passphrase fits; more than that is no password, and would only be work.
const (
	leastPassword = 8
	mostPassword  = 128
)

// checkPassword says what is wrong with a new password, on field "password": FieldRequired for none, FieldMalformed (min) for less than 8
// bytes and for one that is the name itself, FieldTooLong (max) for more than 128, FieldControl for control characters and for what is
// not UTF-8. There are no rules of kinds of characters: they make passwords worse (NIST SP 800-63B, section 3.1.1.2).
func checkPassword(username, password string) error {
	wrong := fault.New(fault.FieldMalformed).On("password")
	switch {
	case password == "":
		return fault.New(fault.FieldRequired).On("password")
	case !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl):
		return fault.New(fault.FieldControl).On("password")
	case len(password) < leastPassword:
		return wrong.With("min", strconv.Itoa(leastPassword))
	case len(password) > mostPassword:
		return fault.New(fault.FieldTooLong).On("password").With("max", strconv.Itoa(mostPassword))
	case strings.EqualFold(username, password):
		return wrong
	}
	return nil
}

// cost is what one hash of a password takes.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// present is the cost of new hashes: OWASP's first choice for argon2id with 19 MiB. About 20 ms of one processor.
var present = cost{memory: 19 << 10, passes: 2, threads: 1}

const (
	saltBytes = 16
	hashBytes = 32
)

// Bounds of the costs that a kept hash may ask for: who can write to the database should not be able to stop the program by it.
const (
	mostMemory = 256 << 10 // KiB
	mostPasses = 16
)

// hasher makes and checks hashes of passwords, a few at a time: each takes memory and a processor.
type hasher struct {
	slots  chan struct{}
	derive func(password, salt []byte, c cost) []byte // argon2id; tests look on
	dummy  string                                     // a hash that no password fits
	memo   memo
}

func newHasher() *hasher {
	h := &hasher{
		// Half of the processors, so that a flood of guesses leaves the rest to payments.
		slots: make(chan struct{}, max(1, min(runtime.GOMAXPROCS(0)/2, 8))),
		derive: func(password, salt []byte, c cost) []byte {
			return argon2.IDKey(password, salt, c.passes, c.memory, c.threads, hashBytes)
		},
		memo: newMemo(),
	}
	h.dummy = phc(present, make([]byte, saltBytes), make([]byte, hashBytes))
	return h
}

// slot waits until one more hash may be made; leave must be called afterwards. It is a fault Overloaded when ctx ends first.
func (h *hasher) slot(ctx context.Context) (leave func(), err error) {
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, fault.New(fault.Overloaded).Wrap(ctx.Err())
	}
}

// hash is the password as it is kept: a PHC string of argon2id with a salt of its own. Fault: Overloaded.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	leave, err := h.slot(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails
	return phc(present, salt, h.derive([]byte(password), salt, present)), nil
}

// fits reports whether a kept hash is the password's. The caller has a slot. Its error is for a text that is no such hash.
func (h *hasher) fits(kept, password string) (bool, error) {
	c, salt, want, err := parsePHC(kept)
	if err != nil {
		return false, err
	}
	right := subtle.ConstantTimeCompare(h.derive([]byte(password), salt, c), want) == 1
	if right {
		h.memo.add(kept, password)
	}
	return right, nil
}

var phcBase = base64.RawStdEncoding.Strict()

// phc is a hash in the PHC string format.
func phc(c cost, salt, hash []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.passes, c.threads,
		phcBase.EncodeToString(salt), phcBase.EncodeToString(hash))
}

var errHash = errors.New("merchant: the hash of a password cannot be read")

// parsePHC reads what phc made, of any cost within the bounds. Its errors do not repeat the text.
func parsePHC(text string) (c cost, salt, hash []byte, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.passes, &c.threads); err != nil {
		return c, nil, nil, errHash
	}
	salt, err1 := phcBase.DecodeString(parts[4])
	hash, err2 := phcBase.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(salt) < 8 || len(hash) != hashBytes || c.threads == 0 || c.passes == 0 ||
		c.memory < 8*uint32(c.threads) || c.memory > mostMemory || c.passes > mostPasses || phc(c, salt, hash) != text {
		return c, nil, nil, errHash
	}
	return c, salt, hash, nil
}

// memo remembers for a little while which passwords fitted which hashes, so that a program that signs in before each call does not pay
// for a hash each time. What is remembered is true for ever: a changed password has another hash, and whether a login is still good is
// looked up each time. Only that a password was right is remembered, under a key that never leaves this process.
type memo struct {
	key []byte
	mu  *sync.Mutex
	m   map[[sha256.Size]byte]func() time.Duration // how long ago
}

const (
	memoAge  = time.Minute
	memoMost = 10_000
)

func newMemo() memo {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return memo{key: key, mu: &sync.Mutex{}, m: map[[sha256.Size]byte]func() time.Duration{}}
}

func (m memo) of(kept, password string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, m.key)
	mac.Write([]byte(kept + "\x00" + password))
	mac.Sum(sum[:0])
	return sum
}

func (m memo) add(kept, password string) {
	sum := m.of(kept, password)
	m.mu.Lock()
	defer m.mu.Unlock()
	for old, age := range m.m {
		if age() >= memoAge || len(m.m) >= memoMost {
			delete(m.m, old)
		}
	}
	m.m[sum] = clock.Start()
}

func (m memo) has(kept, password string) bool {
	sum := m.of(kept, password)
	m.mu.Lock()
	defer m.mu.Unlock()
	age := m.m[sum]
	if age == nil {
		return false
	}
	if age() >= memoAge {
		delete(m.m, sum)
		return false
	}
	return true
}

// gates lets one caller at a time through for each name.
type gates struct {
	mu sync.Mutex
	m  map[string]*gate
}

type gate struct {
	turn  chan struct{}
	users int
}

func newGates() *gates { return &gates{m: map[string]*gate{}} }

// enter waits for the turn; leave must be called afterwards. It is a fault Overloaded when ctx ends first.
func (g *gates) enter(ctx context.Context, name string) (leave func(), err error) {
	g.mu.Lock()
	one := g.m[name]
	if one == nil {
		one = &gate{turn: make(chan struct{}, 1)}
		g.m[name] = one
	}
	one.users++
	g.mu.Unlock()
	gone := func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if one.users--; one.users == 0 {
			delete(g.m, name)
		}
	}
	select {
	case one.turn <- struct{}{}:
		return func() { <-one.turn; gone() }, nil
	case <-ctx.Done():
		gone()
		return nil, fault.New(fault.Overloaded).Wrap(ctx.Err())
	}
}
