package id

import (
	"errors"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"sarraf/internal/clock"
)

func TestIDsRiseWhateverTheClockDoes(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	last := ""
	for i := range 20_000 {
		if i%1000 == 500 {
			c.Advance(time.Duration(i%3-1) * time.Hour)
		}
		n := New(c)
		if n <= last {
			t.Fatalf("%s came after %s", n, last)
		}
		if u, err := uuid.Parse(n); err != nil || u.Version() != 7 || u.Variant() != uuid.RFC4122 || !Valid(n) {
			t.Fatalf("%s is no UUID of version 7: %v", n, err)
		}
		last = n
	}
}

func TestIDsTellTheirTime(t *testing.T) {
	at := time.Now().Add(1000 * time.Hour).Truncate(time.Millisecond)
	u := uuid.MustParse(New(clock.NewFake(at)))
	sec, nsec := u.Time().UnixTime()
	if got := time.Unix(sec, nsec); !got.Equal(at) {
		t.Fatalf("made at %s, tells %s", at, got)
	}
}

func TestIDsOfManyGoroutinesDiffer(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5000 {
				n := New(clock.System{})
				mu.Lock()
				if seen[n] {
					t.Errorf("%s was made twice", n)
				}
				seen[n] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func TestValidTakesNothingElse(t *testing.T) {
	good := New(clock.System{})
	for _, bad := range []string{"", good + "0", good[:35], "g" + good[1:], good[:14] + "4" + good[15:], good[:8] + "0" + good[9:]} {
		if Valid(bad) {
			t.Errorf("%q is valid", bad)
		}
	}
}

func TestTextsHaveTheirAlphabet(t *testing.T) {
	if s := Slug(1000); !regexp.MustCompile(`^[0-9a-z]{1000}$`).MatchString(s) {
		t.Errorf("slug %q", s)
	}
	if s := Token(24); !regexp.MustCompile(`^[A-Za-z0-9_-]{32}$`).MatchString(s) || s == Token(24) {
		t.Errorf("token %q", s)
	}
}

func TestScramblerIsAPermutation(t *testing.T) {
	for digits := 1; digits <= 5; digits++ {
		s, err := NewScrambler([]byte("key"), digits)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for n := range s.limit {
			text, err := s.Encode(n)
			if err != nil || len(text) != digits || seen[text] {
				t.Fatalf("%d -> %q, %v, seen %v", n, text, err, seen[text])
			}
			seen[text] = true
			if back, err := s.Decode(text); err != nil || back != n {
				t.Fatalf("%q -> %d, %v, want %d", text, back, err, n)
			}
		}
	}
}

func TestScramblerOfFourteenDigits(t *testing.T) {
	a, err := NewScrambler([]byte("key"), 14)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewScrambler([]byte("another"), 14)
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(5000) {
		x, errX := a.Encode(n)
		y, errY := b.Encode(n)
		back, errBack := a.Decode(x)
		if errX != nil || errY != nil || errBack != nil || x == y || back != n {
			t.Fatalf("%d -> %q and %q, back %d: %v %v %v", n, x, y, back, errX, errY, errBack)
		}
	}
	if x, err := a.Encode(1); err != nil || x != "33280708312646" {
		t.Fatalf("1 -> %q, %v: ids that are printed must never change", x, err)
	}
}

func TestScramblerRefusesWhatItCannotHold(t *testing.T) {
	s, err := NewScrambler([]byte("key"), 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Encode(1000); !errors.Is(err, ErrRange) {
		t.Errorf("1000 in 3 digits: %v", err)
	}
	for _, text := range []string{"", "12", "1234", "12a", "-12"} {
		if _, err := s.Decode(text); !errors.Is(err, ErrRange) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, digits := range []int{0, 19} {
		if _, err := NewScrambler([]byte("key"), digits); err == nil {
			t.Errorf("%d digits were taken", digits)
		}
	}
	if _, err := NewScrambler(nil, 3); err == nil {
		t.Error("no key was taken")
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		New(clock.System{})
	}
}

func BenchmarkEncode(b *testing.B) {
	s, err := NewScrambler([]byte("key"), 14)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Encode(123456789); err != nil {
			b.Fatal(err)
		}
	}
}

func TestLeastDividesIDsByTheirTime(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	for range 100 {
		before := New(c) // whatever other tests have made: ids never go back
		sec, nsec := uuid.MustParse(before).Time().UnixTime()
		at := time.Unix(sec, nsec).Add(time.Millisecond)
		c.Set(at)
		after := New(c)
		if least := Least(at); !Valid(least) || before >= least || after < least {
			t.Fatalf("%s, least %s, %s", before, least, after)
		}
	}
	if least := Least(time.Time{}); least != "00000000-0000-7000-8000-000000000000" {
		t.Errorf("of no time: %s", least)
	}
}
