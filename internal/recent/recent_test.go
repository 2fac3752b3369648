package recent_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarraf/internal/recent"
)

func TestAValueIsReadOnceUntilItIsTooOld(t *testing.T) {
	m := recent.New[int64]()
	var reads atomic.Int64
	read := func() (int64, error) { return reads.Add(1), nil }
	began := time.Now()
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if _, err := m.Get("a", read, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := reads.Load(); n != 1 && time.Since(began) < recent.Age {
		t.Errorf("%d readings", n)
	}
	first := reads.Load()
	for {
		v, err := m.Get("a", read, nil)
		if err != nil {
			t.Fatal(err)
		}
		if v > first {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatal("it is never read again")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if since := time.Since(began); since < recent.Age {
		t.Errorf("read again after %v", since)
	}
}

func TestWhatIsDroppedNotWorthKeepingOrFailedIsReadAgain(t *testing.T) {
	m := recent.New[int]()
	reads := 0
	read := func() (int, error) { reads++; return reads, nil }
	get := func(want int, keep func(int) bool) {
		t.Helper()
		if v, err := m.Get("a", read, keep); err != nil || v != want {
			t.Errorf("%d %v, want %d", v, err, want)
		}
	}
	get(1, func(int) bool { return false })
	get(2, nil)
	m.Drop("b")
	get(2, nil)
	m.Drop("a")
	get(3, nil)
	m.Clear()
	get(4, nil)
	gone := errors.New("gone")
	if _, err := m.Get("b", func() (int, error) { return 0, gone }, nil); !errors.Is(err, gone) {
		t.Error(err)
	}
	if v, err := m.Get("b", func() (int, error) { return 9, nil }, nil); v != 9 || err != nil {
		t.Errorf("after an error: %d %v", v, err)
	}
}

func TestWhatIsReadWhileItsKeyIsDroppedIsNotKept(t *testing.T) {
	m := recent.New[string]()
	old, err := m.Get("a", func() (string, error) { m.Drop("a"); return "old", nil }, nil)
	if old != "old" || err != nil {
		t.Fatal(old, err)
	}
	if v, err := m.Get("a", func() (string, error) { return "new", nil }, nil); v != "new" || err != nil {
		t.Errorf("%s %v: what was revoked meanwhile is still there", v, err)
	}
}

func TestAMapIsBounded(t *testing.T) {
	m := recent.New[int]()
	reads := 0
	for i := range recent.Most + 1 {
		_, _ = m.Get(fmt.Sprint(i), func() (int, error) { reads++; return i, nil }, nil)
	}
	_, _ = m.Get("0", func() (int, error) { reads++; return 0, nil }, nil)
	if reads != recent.Most+2 {
		t.Errorf("%d readings: the map grows for ever", reads)
	}
}
