package keyring

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func sealed(t testing.TB, k *Keyring, purpose, plain, row string) []byte {
	t.Helper()
	b, err := k.Seal(purpose, []byte(plain), []byte(row))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatIsSealedIsTheSameEachTimeAndComesBack(t *testing.T) {
	k := parse(t, key('b')+","+key('a'))
	rapid.Check(t, func(t *rapid.T) {
		purpose, row := rapid.String().Draw(t, "purpose"), []byte(rapid.String().Draw(t, "row"))
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		b, err := k.Seal(purpose, plain, row)
		if err != nil || len(b) != len(plain)+28 {
			t.Fatalf("%d bytes of %d, %v", len(b), len(plain), err)
		}
		if again, err := k.Seal(purpose, plain, row); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("sealed again %x, %v, want %x", again, err, b)
		}
		if got, err := k.Open(purpose, b, row); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("opened %q, %v", got, err)
		}
	})
}

func TestNoChangedBytesOpen(t *testing.T) {
	k := parse(t, key('a'))
	b := sealed(t, k, "p", "secret", "row")
	refused := func(purpose string, b []byte, row string) {
		t.Helper()
		if got, err := k.Open(purpose, b, []byte(row)); got != nil || !errors.Is(err, ErrDecrypt) {
			t.Errorf("%s %x %s: %q, %v", purpose, b, row, got, err)
		}
	}
	for i := range b {
		refused("p", b[:i], "row")
		for bit := range 8 {
			changed := bytes.Clone(b)
			changed[i] ^= 1 << bit
			refused("p", changed, "row")
		}
	}
	refused("p", append(bytes.Clone(b), 0), "row")
	refused("q", b, "row")
	refused("p", b, "")
	// What Encrypt made for this purpose is not what Seal makes, and the other way about.
	text, err := k.Encrypt("p", []byte("secret"), []byte("row"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.Decrypt("p", text, []byte("row")); err != nil || string(got) != "secret" {
		t.Fatalf("%q, %v", got, err)
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimPrefix(text, version))
	if err != nil {
		t.Fatal(err)
	}
	refused("p", raw, "row")
}

func TestDifferentThingsAreSealedUnderDifferentNonces(t *testing.T) {
	k, other := parse(t, key('a')), parse(t, key('b'))
	seen := map[string]string{}
	for name, b := range map[string][]byte{
		"one": sealed(t, k, "p", "one", ""), "another": sealed(t, k, "p", "another", ""), "none": sealed(t, k, "p", "", ""),
		"row": sealed(t, k, "p", "one", "row"), "moved": sealed(t, k, "p", "e", "on"), "purpose": sealed(t, k, "q", "one", ""),
		"key": sealed(t, other, "p", "one", ""),
	} {
		if was := seen[string(b[:12])]; was != "" {
			t.Errorf("%s and %s have one nonce", name, was)
		}
		seen[string(b[:12])] = name
	}
}

func TestSealedBytesOutliveANewKeyAndNotTheLossOfTheirs(t *testing.T) {
	old, both, fresh := parse(t, key('a')), parse(t, key('b')+","+key('a')), parse(t, key('b'))
	was, now := sealed(t, old, "p", "x", ""), sealed(t, both, "p", "x", "")
	if bytes.Equal(was, now) || !bytes.Equal(now, sealed(t, fresh, "p", "x", "")) {
		t.Error("it is not sealed under the newest key")
	}
	if got, err := both.Open("p", was, nil); err != nil || string(got) != "x" {
		t.Errorf("the old one with both keys: %q, %v", got, err)
	}
	if got, err := fresh.Open("p", now, nil); err != nil || string(got) != "x" {
		t.Errorf("the new one with the new key: %q, %v", got, err)
	}
	if _, err := fresh.Open("p", was, nil); !errors.Is(err, ErrDecrypt) {
		t.Errorf("the old one with the new key alone: %v", err)
	}
}
