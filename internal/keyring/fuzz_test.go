package keyring

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAKeyIsReadInEverySpelling(t *testing.T) {
	var raw [32]byte
	for i := range raw {
		raw[i] = 0xd0 + byte(i) // its base64 has characters that the alphabets differ in
	}
	std := base64.StdEncoding.EncodeToString(raw[:])
	want := parse(t, std).Derive("x")
	for _, text := range []string{
		hex.EncodeToString(raw[:]), strings.ToUpper(hex.EncodeToString(raw[:])), base64.RawStdEncoding.EncodeToString(raw[:]),
		base64.URLEncoding.EncodeToString(raw[:]), base64.RawURLEncoding.EncodeToString(raw[:]), " " + std + "\n",
		key('a') + " , " + std,
	} {
		if got := parse(t, text).Derive("x"); !bytes.Equal(got, want) {
			t.Errorf("%q is another key", text)
		}
	}
	for name, text := range map[string]string{
		"a long one": std + std, "a break in it": std[:20] + "\n" + std[20:], "almost hex": strings.Repeat("0", 63) + "g",
		"bits left over": std[:42] + "/=", "another separator": std + ";" + std, "not text": strings.Repeat("\xff", 44),
	} {
		if k, err := Parse(text); k != nil || err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestNoChangedTextDecrypts(t *testing.T) {
	k, row := parse(t, key('a')), []byte("row")
	text, err := k.Encrypt("p", []byte("secret"), row) // 34 bytes under base64: its last character has bits to spare
	if err != nil {
		t.Fatal(err)
	}
	refused := func(changed string) {
		t.Helper()
		if got, err := k.Decrypt("p", changed, row); got != nil || !errors.Is(err, ErrDecrypt) {
			t.Errorf("%q: %q, %v", changed, got, err)
		}
	}
	for i := range text {
		refused(text[:i])
		refused(text[:i] + "\n" + text[i:])
		for c := byte('+'); c <= 'z'; c++ {
			if c != text[i] {
				refused(text[:i] + string(c) + text[i+1:])
			}
		}
	}
	refused(text + "=")
	refused(text + "A")
	refused(" " + text)
}

func TestEveryTextComesBack(t *testing.T) {
	k := parse(t, key('b')+","+key('a'))
	rapid.Check(t, func(t *rapid.T) {
		purpose, row := rapid.String().Draw(t, "purpose"), []byte(rapid.String().Draw(t, "row"))
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		text, err := k.Encrypt(purpose, plain, row)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := k.Decrypt(purpose, text, row); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%q, %v", got, err)
		}
		if again, err := k.Encrypt(purpose, plain, row); err != nil || again == text {
			t.Fatalf("twice %q, %v", again, err)
		}
	})
}

func TestSecretsAreHashedAndCompared(t *testing.T) {
	// The example of FIPS 180-4.
	if got := HashSecret("abc"); got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("%s", got)
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{{"", "", true}, {"abc", "abc", true}, {"abc", "abd", false}, {"abc", "ab", false}, {"", "a", false}} {
		if got := Equal(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %t", c.a, c.b, got)
		}
	}
}

func TestWhatIsDerivedNeverChanges(t *testing.T) {
	// Printed numbers depend on it.
	if got := hex.EncodeToString(parse(t, key('a')).Derive("numbers")[:8]); got != "eebe1c5156a2455c" {
		t.Errorf("derived %s", got)
	}
}

func FuzzDecrypt(f *testing.F) {
	k := parse(f, key('a'))
	other, err := k.Encrypt("other", []byte("x"), nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", "v1:", "v1:AAAA", "v1:" + strings.Repeat("A", 40), "v2:AAAA", other} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := k.Decrypt("p", text, []byte("row")); got != nil || !errors.Is(err, ErrDecrypt) {
			t.Fatalf("%q decrypts to %q, %v", text, got, err)
		}
	})
}

// complaint is all that Parse may say: nothing of a key.
var complaint = regexp.MustCompile(`^key \d+: want 32 bytes in base64 or hex$`)

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", ",", key('a'), key('b') + "," + key('a'), strings.Repeat("0", 64), strings.Repeat("0", 63)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := Parse(text)
		if err != nil {
			if k != nil || !complaint.MatchString(err.Error()) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		sealed, err := k.Encrypt("p", []byte("x"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := k.Decrypt("p", sealed, nil); err != nil || string(got) != "x" {
			t.Fatalf("%q: %q, %v", text, got, err)
		}
	})
}
