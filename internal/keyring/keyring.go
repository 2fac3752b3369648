// Package keyring keeps the master keys, which live outside the database, and what is made of them: derived keys, encrypted
// secrets, hashes.
package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ErrDecrypt says that a text was not encrypted under any of the keys for this purpose and row, or was altered.
var ErrDecrypt = errors.New("keyring: a secret cannot be decrypted with the keys that are set")

// version marks the form of encrypted texts.
const version = "v1:"

// Keyring is one or more master keys, the newest first: it encrypts, all decrypt. Nothing of it is ever printed.
type Keyring struct{ keys [][]byte }

// Parse reads master keys of 32 bytes each, in base64 or hex, separated by commas, the newest first.
func Parse(text string) (*Keyring, error) {
	var k Keyring
	for i, part := range strings.Split(text, ",") {
		key, ok := parseKey(strings.TrimSpace(part))
		if !ok {
			return nil, fmt.Errorf("key %d: want 32 bytes in base64 or hex", i+1)
		}
		k.keys = append(k.keys, key)
	}
	return &k, nil
}

// lineBreaks are what package base64 passes over, wherever they stand.
const lineBreaks = "\r\n"

func parseKey(text string) ([]byte, bool) {
	if b, err := hex.DecodeString(text); err == nil && len(b) == 32 {
		return b, true
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if b, err := enc.Strict().DecodeString(text); err == nil && len(b) == 32 && !strings.ContainsAny(text, lineBreaks) {
			return b, true
		}
	}
	return nil, false
}

// String hides the keys from whoever prints a keyring.
func (k *Keyring) String() string { return "keyring" }

// Format hides the keys from every verb.
func (k *Keyring) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("keyring")) }

// Derive is a key of 32 bytes for one use, which the label names. It is made of the oldest master key, so that adding a newer one
// does not change it.
func (k *Keyring) Derive(label string) []byte { return derive(k.keys[len(k.keys)-1], "derive "+label) }

func derive(key []byte, info string) []byte {
	out, err := hkdf.Key(sha256.New, key, nil, "sarraf "+info, 32)
	if err != nil {
		panic(err) // 32 bytes are always to be had
	}
	return out
}

// Encrypt is plaintext under the newest key with AES-256-GCM, as text. purpose says what it is, and row whose: both must be the same at
// decryption, so that one row's secret cannot be put into another's.
func (k *Keyring) Encrypt(purpose string, plaintext, row []byte) (string, error) {
	aead, err := cipherFor(k.keys[0], purpose)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plaintext)+aead.Overhead())
	_, _ = rand.Read(nonce) // never fails
	return version + base64.RawStdEncoding.EncodeToString(aead.Seal(nonce, nonce, plaintext, row)), nil
}

// Decrypt is what Encrypt was given, or ErrDecrypt.
func (k *Keyring) Decrypt(purpose, text string, row []byte) ([]byte, error) {
	body, ok := strings.CutPrefix(text, version)
	if !ok || strings.ContainsAny(body, lineBreaks) {
		return nil, ErrDecrypt
	}
	raw, err := base64.RawStdEncoding.Strict().DecodeString(body)
	if err != nil {
		return nil, ErrDecrypt
	}
	return k.open(purpose, raw, row)
}

// Seal is Encrypt in bytes, 28 more than the plaintext has, and the same bytes each time while the newest key stays: what was printed is
// what is shown again. The nonce is made of what is sealed (HMAC-SHA-256 under a key of its own, cut to 96 bits), so that however often
// something is sealed, only different plaintexts can meet in one, by chance: among 2^32 of them with a probability of 2^-33.
func (k *Keyring) Seal(purpose string, plaintext, row []byte) ([]byte, error) {
	aead, err := cipherFor(k.keys[0], "sealed "+purpose)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, derive(k.keys[0], "nonce "+purpose))
	_, _ = mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(row)))) // a hash takes everything
	_, _ = mac.Write(row)
	_, _ = mac.Write(plaintext)
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plaintext)+aead.Overhead())
	copy(nonce, mac.Sum(nil))
	return aead.Seal(nonce, nonce, plaintext, row), nil
}

// Open is what Seal was given, or ErrDecrypt.
func (k *Keyring) Open(purpose string, sealed, row []byte) ([]byte, error) {
	return k.open("sealed "+purpose, sealed, row)
}

// open tries the keys in their order, the newest first.
func (k *Keyring) open(purpose string, raw, row []byte) ([]byte, error) {
	for _, key := range k.keys {
		aead, err := cipherFor(key, purpose)
		if err != nil {
			return nil, err
		}
		if n := aead.NonceSize(); len(raw) >= n {
			if plain, err := aead.Open(nil, raw[:n], raw[n:], row); err == nil {
				return plain, nil
			}
		}
	}
	return nil, ErrDecrypt
}

func cipherFor(key []byte, purpose string) (cipher.AEAD, error) {
	block, err := aes.NewCipher(derive(key, "encrypt "+purpose))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// HashSecret is how a secret of 256 random bits is kept: SHA-256 in hex. It is not for passwords or PINs, which can be guessed.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Equal compares two texts in a time that does not depend on where they differ.
func Equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
