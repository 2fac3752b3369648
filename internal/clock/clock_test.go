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

func TestAZoneIsTheSameOnEveryMachine(t *testing.T) {
	for _, name := range []string{
		"Asia/Dhaka", "UTC", "Etc/GMT+12", "America/Argentina/Buenos_Aires", "America/Port_of_Spain", "EST5EDT", "NZ-CHAT", "Africa/Porto-Novo",
	} {
		if !Zone(name) {
			t.Errorf("%q is no zone", name)
		}
	}
	for _, name := range []string{
		"", "Local", "localtime", "posixrules", "asia/dhaka", "Asia//Dhaka", "./Asia/Dhaka", "Asia/./Dhaka", "Asia/Dhaka/", "/Asia/Dhaka", "../Asia/Dhaka",
		"right/Asia/Dhaka", "posix/Asia/Dhaka", "Asia/Nowhere", "Asia/Dhaka\n",
	} {
		if Zone(name) {
			t.Errorf("%q is a zone", name)
		}
	}
}

func TestOnlyZonesThatThereAreAreKept(t *testing.T) {
	at := time.Date(2026, 2, 9, 21, 30, 0, 0, time.UTC)
	for _, name := range []string{"No/Where", "Asia//Dhaka", "localtime"} {
		In(at, name)
		if _, ok := zones.Load(name); ok {
			t.Errorf("%q is kept", name)
		}
	}
	In(at, "Asia/Dhaka")
	if _, ok := zones.Load("Asia/Dhaka"); !ok {
		t.Error("Asia/Dhaka is not")
	}
}

func TestAStopwatchRuns(t *testing.T) {
	watch := Start()
	first := watch()
	if second := watch(); first < 0 || second < first {
		t.Errorf("%s, then %s", first, second)
	}
}
