package id

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"sarraf/internal/clock"
)

func TestOnlyCanonicalIDsAreValid(t *testing.T) {
	good := New(clock.System{})
	for name, bad := range map[string]string{
		"capitals":        "01952B6C-6A80-7F00-8A00-ABCDEFABCDEF",
		"another version": "01952b6c-6a80-4f00-8a00-abcdefabcdef",
		"another variant": "01952b6c-6a80-7f00-ca00-abcdefabcdef",
		"a moved hyphen":  "01952b6c6-a80-7f00-8a00-abcdefabcdef",
		"no hyphens":      strings.ReplaceAll(good, "-", ""),
		"braces":          "{" + good + "}",
		"a URN":           "urn:uuid:" + good,
		"a space":         good[:35] + " ",
	} {
		if Valid(bad) {
			t.Errorf("%s: %q is taken", name, bad)
		}
	}
}

func FuzzValid(f *testing.F) {
	for _, s := range []string{
		"", "01952b6c-6a80-7f00-8a00-abcdefabcdef", "01952B6C-6A80-7F00-8A00-ABCDEFABCDEF", "urn:uuid:01952b6c-6a80-7f00-8a00-abc",
		"01952b6c-6a80-7f00-ca00-abcdefabcdef",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := uuid.Parse(s)
		want := err == nil && u.String() == s && u.Version() == 7 && u.Variant() == uuid.RFC4122
		if Valid(s) != want {
			t.Fatalf("%q is valid: %t", s, !want)
		}
	})
}

func TestSlugsUseTheirAlphabetEvenly(t *testing.T) {
	// Of 36,000 draws each character is expected 1,000 times with a deviation of 31, the first four together 4,000 times with one
	// of 60. Bytes modulo 36 would make those four come 4,500 times.
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	counts, first := map[rune]int{}, 0
	for _, r := range Slug(36_000) {
		counts[r]++
	}
	for i, r := range alphabet {
		if counts[r] < 750 || counts[r] > 1250 {
			t.Errorf("%q came %d times", r, counts[r])
		}
		if i < 4 {
			first += counts[r]
		}
	}
	if len(counts) != len(alphabet) || first > 4400 {
		t.Errorf("%d characters, the first four %d times", len(counts), first)
	}
}

func scrambler(t testing.TB, key string, digits int) *Scrambler {
	t.Helper()
	s, err := NewScrambler([]byte(key), digits)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryNumberComesBackFromItsDigits(t *testing.T) {
	for _, digits := range []int{14, 17, 18} {
		s := scrambler(t, "key", digits)
		check := func(t interface{ Fatalf(string, ...any) }, n uint64) {
			text, err := s.Encode(n)
			if err != nil || len(text) != digits {
				t.Fatalf("%d is %q, %v", n, text, err)
			}
			if back, err := s.Decode(text); err != nil || back != n {
				t.Fatalf("%d is %s, back %d, %v", n, text, back, err)
			}
		}
		check(t, 0)
		check(t, s.limit-1)
		rapid.Check(t, func(t *rapid.T) { check(t, rapid.Uint64Range(0, s.limit-1).Draw(t, "n")) })
	}
}

func TestNeighboursDoNotLookAlike(t *testing.T) {
	s := scrambler(t, "key", 14)
	var stays [14]int // how often a digit stays when the number grows by one: a tenth of the time by chance
	before := strings.Repeat("x", 14)
	for n := range uint64(2000) {
		text, err := s.Encode(n)
		if err != nil {
			t.Fatal(err)
		}
		for i := range stays {
			if text[i] == before[i] {
				stays[i]++
			}
		}
		before = text
	}
	for i, n := range stays {
		if n < 120 || n > 280 { // expected 200, deviation 13
			t.Errorf("digit %d stays %d times of 2000", i, n)
		}
	}
}

func TestAKeyScramblesEachLengthInItsOwnWay(t *testing.T) {
	short, long := scrambler(t, "key", 13), scrambler(t, "key", 14)
	for n := range uint64(1000) {
		a, errA := short.Encode(n)
		b, errB := long.Encode(n)
		if errA != nil || errB != nil || strings.HasSuffix(b, a) {
			t.Fatalf("%d is %s and %s: %v, %v", n, a, b, errA, errB)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "00000000000000", "99999999999999", "1234567890123", "1234567890123x", "১২৩৪", "-1234567890123"} {
		f.Add(s)
	}
	s := scrambler(f, "key", 14)
	f.Fuzz(func(t *testing.T, text string) {
		n, err := s.Decode(text)
		if err != nil {
			if len(text) == 14 && strings.Trim(text, "0123456789") == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if again, err := s.Encode(n); err != nil || again != text {
			t.Fatalf("%q is %d, again %q, %v", text, n, again, err)
		}
	})
}
