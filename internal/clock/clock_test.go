package clock

import (
	"testing"
	"time"
)

func TestTimesComeBackFromTheDatabaseAsTheyWent(t *testing.T) {
	for _, c := range []Clock{System{}, NewFake(time.Date(2026, 2, 9, 21, 30, 0, 123456789, time.Local))} {
		now := c.Now()
		if back := FromMicros(Micros(now)); !back.Equal(now) || back.Location() != time.UTC || now.Location() != time.UTC {
			t.Errorf("%s came back as %s", now, back)
		}
	}
	if Micros(time.Time{}) != 0 || !FromMicros(0).IsZero() {
		t.Error("no time is no time")
	}
}

func TestAFakeClockMovesOnlyWhenTold(t *testing.T) {
	at := time.Date(2026, 2, 9, 21, 30, 0, 0, time.UTC)
	c := NewFake(at)
	if c.Advance(-time.Hour); !c.Now().Equal(at.Add(-time.Hour)) {
		t.Error("clocks jump back too")
	}
	if c.Set(at.Add(time.Hour)); !c.Now().Equal(at.Add(time.Hour)) {
		t.Error("set")
	}
}

func TestZonesAreBuiltIn(t *testing.T) {
	at := time.Date(2026, 2, 9, 21, 30, 0, 0, time.UTC)
	for zone, want := range map[string]string{"Asia/Dhaka": "03:30", "Asia/Karachi": "02:30", "": "21:30", "No/Where": "21:30"} {
		if got := In(at, zone).Format("15:04"); got != want {
			t.Errorf("%q: %s, want %s", zone, got, want)
		}
	}
}

func TestAStopwatchRuns(t *testing.T) {
	watch := Start()
	first := watch()
	if second := watch(); first < 0 || second < first {
		t.Errorf("%s, then %s", first, second)
	}
}
