// Package clock is the only place that asks what time it is.
//
// Everything that needs the time takes a Clock, so that a test, or a sandbox merchant's own clock, can move it. Times are in
// UTC and cut to microseconds, which is what both engines keep.
package clock

import (
	"regexp"
	"sync"
	"time"
	_ "time/tzdata" // a machine without zone files must print a payer's time right too
)

// Clock tells the present time, in UTC, cut to microseconds.
type Clock interface {
	Now() time.Time
}

// System is the machine's clock.
type System struct{}

// Now is the present time of the machine, without a monotonic reading.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Fake is a clock that moves only when told. It may be used by several goroutines.
type Fake struct {
	mu  sync.Mutex
	now time.Time
}

// NewFake is a clock that stands at t.
func NewFake(t time.Time) *Fake { return &Fake{now: t.UTC().Truncate(time.Microsecond)} }

// Now is where the clock stands.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// Advance moves the clock by d, which may be negative: clocks do jump.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d).Truncate(time.Microsecond)
}

// Set puts the clock at t.
func (f *Fake) Set(t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = t.UTC().Truncate(time.Microsecond)
}

// Micros is t as the databases keep it: whole microseconds since 1970, 0 for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FromMicros is the time kept as us, in UTC; the zero time for 0.
func FromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// Start starts a stopwatch: what it answers tells how long ago that was, by a clock that does not jump.
func Start() func() time.Duration {
	began := time.Now()
	return func() time.Duration { return time.Since(began) }
}

// In is t in the named zone, such as "Asia/Dhaka"; in UTC for "" and for a zone that does not exist. The zones are built in.
func In(t time.Time, zone string) time.Time {
	if loc, ok := zones.Load(zone); ok {
		return t.In(loc.(*time.Location))
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return t.UTC() // and nothing is kept, of which there is no end
	}
	if zone == "" || Zone(zone) {
		zones.Store(zone, loc)
	}
	return t.In(loc)
}

var zones sync.Map

// Zone reports whether there is a zone of that name, and it is the same on every machine: one of the IANA's own names in its own spelling.
// "localtime" is whatever a machine is set to, and "Asia//Dhaka" a path to a file that another machine may not have.
func Zone(name string) bool {
	if name == "Local" || !zoneName.MatchString(name) {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}

var zoneName = regexp.MustCompile(`^[A-Z][A-Za-z0-9_+-]*(/[A-Z][A-Za-z0-9_+-]*)*$`)
