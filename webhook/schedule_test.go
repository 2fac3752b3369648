package webhook

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var begin = time.Date(2026, 2, 9, 21, 30, 0, 0, time.UTC)

// The three pinned sources: no jitter, the least and the most.
func middle(n int64) int64 { return n / 2 }
func least(int64) int64    { return 0 }
func most(n int64) int64   { return n - 1 }

// delays lists the delay before each retry of an endpoint that always fails at once, until it is given up.
func delays(s Schedule) []time.Duration {
	var list []time.Duration
	now := begin
	for failures := 1; ; failures++ {
		due, giveUp := s.Next(failures, begin, now)
		if giveUp {
			return list
		}
		list = append(list, due.Sub(now))
		now = due
	}
}

func TestStandardRetriesForThreeDays(t *testing.T) {
	want := []time.Duration{
		5 * time.Second, 30 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour,
		12 * time.Hour, 12 * time.Hour, 12 * time.Hour, 12 * time.Hour,
	}
	if diff := cmp.Diff(want, delays(Standard(middle))); diff != "" {
		t.Error(diff)
	}
}

func TestDemoRetriesSoonerTwiceAndThenAsStandard(t *testing.T) {
	standard := delays(Standard(middle))
	want := append([]time.Duration{time.Second, 3 * time.Second}, standard[2:]...)
	if diff := cmp.Diff(want, delays(Demo(middle))); diff != "" {
		t.Error(diff)
	}
}

func TestJitterIsATenthEitherWay(t *testing.T) {
	for failures, plain := range map[int]time.Duration{1: 5 * time.Second, 3: 5 * time.Minute, 8: 12 * time.Hour, 9999: 12 * time.Hour} {
		low, _ := Standard(least).Next(failures, begin, begin)
		high, _ := Standard(most).Next(failures, begin, begin)
		if got, want := low.Sub(begin), plain-plain/10; got != want {
			t.Errorf("failure %d: least %v, want %v", failures, got, want)
		}
		if got, want := high.Sub(begin), plain+plain/10; got != want {
			t.Errorf("failure %d: most %v, want %v", failures, got, want)
		}
	}
}

func TestNextGivesUpOnlyBeyondTheWindow(t *testing.T) {
	s := Standard(middle)
	last := begin.Add(Window - 12*time.Hour)
	if due, giveUp := s.Next(20, begin, last); giveUp || !due.Equal(begin.Add(Window)) {
		t.Errorf("an attempt on the last instant: %v, %v", due, giveUp)
	}
	if due, giveUp := s.Next(20, begin, last.Add(time.Microsecond)); !giveUp || !due.IsZero() {
		t.Errorf("an attempt after the window: %v, %v", due, giveUp)
	}
	if _, giveUp := s.Next(1, begin, begin.Add(30*24*time.Hour)); !giveUp {
		t.Error("a delivery that slept for a month is tried again")
	}
}

func TestNextIsDueNowBeforeAnyFailure(t *testing.T) {
	for _, failures := range []int{0, -1} {
		if due, giveUp := Standard(nil).Next(failures, begin, begin); giveUp || !due.Equal(begin) {
			t.Errorf("Next(%d) = %v, %v", failures, due, giveUp)
		}
	}
}

func TestNextStaysInBoundsWithRealChance(t *testing.T) {
	s := Standard(nil)
	rapid.Check(t, func(t *rapid.T) {
		failures := rapid.IntRange(1, 1<<40).Draw(t, "failures")
		now := begin.Add(time.Duration(rapid.Int64Range(-int64(Window), 2*int64(Window)).Draw(t, "now")))
		due, giveUp := s.Next(failures, begin, now)
		delay := everyAfter
		if failures <= len(s.steps) {
			delay = s.steps[failures-1]
		}
		switch {
		case giveUp && !now.Add(delay+delay/10).After(begin.Add(Window)):
			t.Fatalf("gave up %v before the end", begin.Add(Window).Sub(now))
		case !giveUp && due.After(begin.Add(Window)):
			t.Fatalf("due %v is past the window", due)
		case !giveUp && (due.Sub(now) < delay-delay/10-time.Microsecond || due.Sub(now) > delay+delay/10):
			t.Fatalf("due after %v, want %v and a tenth", due.Sub(now), delay)
		case !giveUp && (due.Location() != time.UTC || due.Nanosecond()%1000 != 0):
			t.Fatalf("due %v is not in UTC and microseconds", due)
		}
	})
}
