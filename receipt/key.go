package receipt

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
)

// ParseKey reads a public key: 32 bytes in standard base64.
func ParseKey(text string) (ed25519.PublicKey, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != ed25519.PublicKeySize || strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("a public key is 32 bytes in base64, 44 characters: `sarraf receipt public-key` and /receipt/public-key print it")
	}
	return raw, nil
}

// ParseKeys reads keys as KeyLine prints them, one a line: an id and a key, or a key alone. Blank lines and lines that begin with # are
// passed over. An id must be its key's.
func ParseKeys(text string) ([]ed25519.PublicKey, error) {
	var keys []ed25519.PublicKey
	n := 0
	for line := range strings.Lines(text) {
		n++
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		key, err := ParseKey(words[len(words)-1])
		switch {
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", n, err)
		case len(words) > 2 || len(words) == 2 && words[0] != IDOf(key).String():
			return nil, fmt.Errorf("line %d: want a key's id and the key, and the id of this key is %s", n, IDOf(key))
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// KeyLine is a public key as it is handed out: its id, a space, the key in base64.
func KeyLine(public ed25519.PublicKey) string {
	return IDOf(public).String() + " " + base64.StdEncoding.EncodeToString(public)
}
