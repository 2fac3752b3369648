package keyring

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func key(b byte) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(b), 32)))
}

func parse(t testing.TB, text string) *Keyring {
	t.Helper()
	k, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestWhatIsEncryptedComesBackForItsPurposeAndRowOnly(t *testing.T) {
	k := parse(t, key('a'))
	text, err := k.Encrypt("secret", []byte("whsec"), []byte("row"))
	if err != nil || strings.Contains(text, "whsec") {
		t.Fatalf("%q, %v", text, err)
	}
	if plain, err := k.Decrypt("secret", text, []byte("row")); err != nil || string(plain) != "whsec" {
		t.Fatalf("%q, %v", plain, err)
	}
	altered := text[:len(text)-1] + string(text[len(text)-1]^1)
	for name, try := range map[string][3]string{
		"purpose": {"other", text, "row"}, "row": {"secret", text, "other"}, "altered": {"secret", altered, "row"},
		"version": {"secret", "v2:" + text[3:], "row"}, "short": {"secret", "v1:AAAA", "row"}, "no base64": {"secret", "v1:*", "row"},
	} {
		if plain, err := k.Decrypt(try[0], try[1], []byte(try[2])); !errors.Is(err, ErrDecrypt) {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
}

func TestKeysAreRotated(t *testing.T) {
	old, both, fresh := parse(t, key('a')), parse(t, key('b')+","+key('a')), parse(t, key('b'))
	was, err := old.Encrypt("p", []byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	now, err := both.Encrypt("p", []byte("y"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := both.Decrypt("p", was, nil); err != nil || string(plain) != "x" {
		t.Errorf("the old text with both keys: %q, %v", plain, err)
	}
	if plain, err := fresh.Decrypt("p", now, nil); err != nil || string(plain) != "y" {
		t.Errorf("the new text with the new key: %q, %v", plain, err)
	}
	if _, err := fresh.Decrypt("p", was, nil); !errors.Is(err, ErrDecrypt) {
		t.Errorf("the old text with the new key alone: %v", err)
	}
	if string(old.Derive("n")) != string(both.Derive("n")) || string(old.Derive("n")) == string(old.Derive("m")) {
		t.Error("a derived key must outlive a rotation, and differ by label")
	}
}

func TestKeysAreNeverPrinted(t *testing.T) {
	k := parse(t, key('a'))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if text := fmt.Sprintf(verb, k); text != "keyring" {
			t.Errorf("%s prints %s", verb, text)
		}
	}
	for _, bad := range []string{"", "short", key('a') + ",", key('a')[:20]} {
		if _, err := Parse(bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("Parse(%q): %v", bad, err)
		}
	}
}
