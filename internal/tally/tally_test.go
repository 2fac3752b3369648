package tally_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/tally"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestOneMoreMayHappenOnceTheFirstIsOldEnough(t *testing.T) {
	bound := tally.Bound{Most: 3, Span: 10 * time.Minute}
	var l tally.List
	for i, id := range []string{"a", "b", "c"} {
		now := start.Add(time.Duration(i) * time.Minute)
		if wait := l.Wait(now, bound); wait != 0 {
			t.Errorf("%s waits for %v", id, wait)
		}
		l = l.With(id, now)
	}
	for after, want := range map[time.Duration]time.Duration{
		2 * time.Minute: 8 * time.Minute, 10*time.Minute - time.Microsecond: time.Microsecond, 10 * time.Minute: 0, time.Hour: 0,
		-5 * time.Minute:  15 * time.Minute, // a clock that went back a little
		-12 * time.Minute: 0,                // what a wrong clock noted shuts nobody out for long
	} {
		if got := l.Wait(start.Add(after), bound); got != want {
			t.Errorf("after %v: %v, want %v", after, got, want)
		}
	}
	if !l.Has("b") || l.Has("d") {
		t.Error("its own are not recognised")
	}
	if r := l.Recent(start.Add(11*time.Minute), bound.Span); len(r) != 1 || r[0].ID != "c" {
		t.Errorf("recent: %v", r)
	}
}

func TestAListIsReadAsItWasWritten(t *testing.T) {
	l := tally.List{}.With("a", start).With("b", start.Add(time.Second))
	got, err := tally.Read(l.Text())
	if d := cmp.Diff(l, got); d != "" || err != nil {
		t.Error(d, err)
	}
	if none := tally.List(nil).Text(); none != "[]" {
		t.Error(none)
	}
	if _, err := tally.Read("{"); err == nil {
		t.Error("half a list is read")
	}
}

func TestSecondsAreRoundedUp(t *testing.T) {
	for wait, want := range map[time.Duration]int64{0: 1, time.Microsecond: 1, time.Second: 1, time.Second + 1: 2, 15 * time.Minute: 900} {
		if got := tally.Seconds(wait); got != want {
			t.Errorf("%v: %d, want %d", wait, got, want)
		}
	}
}
