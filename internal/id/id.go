// Package id makes identifiers: ids that sort by the time of their making, texts that nobody can guess, and printed digits that
// neither collide nor tell how many there are.
package id

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"time"

	"sarraf/internal/clock"
)

// state is the last id made in this process: ids never go back, also when the clock does.
var state struct {
	sync.Mutex
	last   uint64 // milliseconds since 1970 in the upper 48 bits, a counter of 12 bits below, as in the id
	random [16 * 64]byte
	at     int
}

// New is a UUID version 7 (RFC 9562) as text: the milliseconds of c, a counter of 12 bits, and 62 random bits. Within a process each is
// greater than the one before it, whatever the clock does; when more than 4,096 are made in a millisecond, they run ahead of it.
func New(c clock.Clock) string {
	now := uint64(c.Now().UnixMilli()) << 12
	var b [16]byte
	state.Lock()
	state.last = max(state.last+1, now)
	stamp := state.last
	if state.at == 0 {
		_, _ = rand.Read(state.random[:]) // never fails
	}
	copy(b[8:], state.random[state.at:state.at+8])
	state.at = (state.at + 8) % len(state.random)
	state.Unlock()
	binary.BigEndian.PutUint64(b[:8], stamp>>12<<16|7<<12|stamp&0xfff)
	b[8] = b[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// Least is the least text that an id made at t can have: whatever New made before t is less. An id may be younger than the time in it by
// as long as New ran ahead of its clock, and never older.
func Least(t time.Time) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(max(t.UnixMilli(), 0))<<16)
	text := hex.EncodeToString(b[:6])
	return text[:8] + "-" + text[8:] + "-7000-8000-000000000000"
}

// Valid reports whether s has the form of an id that New makes.
func Valid(s string) bool {
	if len(s) != 36 || s[14] != '7' || s[19] != '8' && s[19] != '9' && s[19] != 'a' && s[19] != 'b' {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		c := s[i]
		if dash != (c == '-') || !dash && !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}

// Token is a text with so many random bytes in it, of [A-Za-z0-9_-]. 16 bytes are beyond guessing.
func Token(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// Slug is n random characters of [0-9a-z], each as likely.
func Slug(n int) string {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	text := make([]byte, 0, n)
	var b [32]byte
	for len(text) < n {
		_, _ = rand.Read(b[:]) // never fails
		for _, c := range b {
			if c < 252 && len(text) < n { // 252 is seven times 36: no character is more likely
				text = append(text, alphabet[c%36])
			}
		}
	}
	return string(text)
}
