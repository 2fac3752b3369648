package id

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// ErrRange says that a number has more digits than the scrambler has, or that a text is not of its form.
var ErrRange = errors.New("id: out of range")

// Scrambler turns running numbers into digits and back: under its key, each number has one text and each text one number, and
// nobody without the key can tell from some texts how others look.
//
// It is a balanced Feistel network of ten rounds over AES on the smallest even number of bits that holds all numbers, walked in
// cycles until the result has no more digits than allowed (J. Black, P. Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA
// 2002, methods 2 and 3).
type Scrambler struct {
	block  cipher.Block
	digits int
	limit  uint64 // 10^digits
	half   uint   // bits of each half
}

// scramblerRounds is what NIST SP 800-38G uses for its Feistel mode FF1.
const scramblerRounds = 10

// NewScrambler is the permutation of the numbers of so many digits, 1 to 18, under the key, which may be of any length but empty.
func NewScrambler(key []byte, digits int) (*Scrambler, error) {
	if digits < 1 || digits > 18 {
		return nil, fmt.Errorf("id: %d digits: want 1 to 18", digits)
	}
	if len(key) == 0 {
		return nil, errors.New("id: a scrambler needs a key")
	}
	sum := sha256.Sum256(key)
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return nil, err
	}
	s := &Scrambler{block: block, digits: digits, limit: 1}
	for range digits {
		s.limit *= 10
	}
	s.half = uint(bits.Len64(s.limit-1)+1) / 2
	return s, nil
}

// Encode is the text of n: exactly the scrambler's digits. ErrRange for a number that has more.
func (s *Scrambler) Encode(n uint64) (string, error) {
	if n >= s.limit {
		return "", ErrRange
	}
	for {
		if n = s.permute(n, false); n < s.limit {
			break
		}
	}
	text := strconv.FormatUint(n, 10)
	return strings.Repeat("0", s.digits-len(text)) + text, nil
}

// Decode is the number of a text that Encode made. ErrRange for a text of another form.
func (s *Scrambler) Decode(text string) (uint64, error) {
	if len(text) != s.digits || strings.Trim(text, "0123456789") != "" {
		return 0, ErrRange
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, ErrRange
	}
	for {
		if n = s.permute(n, true); n < s.limit {
			return n, nil
		}
	}
}

// permute is the Feistel network, or its inverse.
func (s *Scrambler) permute(n uint64, back bool) uint64 {
	mask := uint64(1)<<s.half - 1
	left, right := n>>s.half, n&mask
	var in, out [aes.BlockSize]byte
	in[8] = byte(s.digits)
	for i := range scramblerRounds {
		if back {
			in[9] = byte(scramblerRounds - 1 - i)
			binary.BigEndian.PutUint64(in[:8], left)
			s.block.Encrypt(out[:], in[:])
			left, right = right^binary.BigEndian.Uint64(out[:8])&mask, left
			continue
		}
		in[9] = byte(i)
		binary.BigEndian.PutUint64(in[:8], right)
		s.block.Encrypt(out[:], in[:])
		left, right = right, left^binary.BigEndian.Uint64(out[:8])&mask
	}
	return left<<s.half | right
}
