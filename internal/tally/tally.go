// Package tally bounds how often something may happen to a name within a span of time, by a list of the latest times that a row keeps.
//
// Each happening is counted under the lock of the name's row before anything is done about it, so that on however many nodes they come at
// once, no more are let through.
package tally

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"sarraf/internal/clock"
)

// List is what happened to a name lately, oldest first.
type List []Entry

// Entry is one happening. Its id lets a transaction that runs again recognise its own.
type Entry struct {
	ID string `json:"id"`
	At int64  `json:"at"` // microseconds since 1970
}

// Bound is how often something may happen within a span.
type Bound struct {
	Most int
	Span time.Duration
}

// Read is the list that a row keeps as text.
func Read(text string) (l List, err error) {
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return nil, fmt.Errorf("tally: what is counted of a name cannot be read: %w", err)
	}
	return l, nil
}

// Text is the list as a row keeps it.
func (l List) Text() string {
	text, err := json.Marshal(l)
	if err != nil || l == nil {
		return "[]" // numbers and texts can always be written
	}
	return string(text)
}

// Recent is without what is older than span, or as far ahead: that was noted by a clock that was wrong, and would count until then.
func (l List) Recent(now time.Time, span time.Duration) List {
	var list List
	for _, one := range l {
		if ago := now.Sub(clock.FromMicros(one.At)); ago < span && ago > -span {
			list = append(list, one)
		}
	}
	return list
}

// Wait is how long nothing more may happen; 0 when something may.
func (l List) Wait(now time.Time, b Bound) time.Duration {
	l = l.Recent(now, b.Span)
	if len(l) < b.Most {
		return 0
	}
	return clock.FromMicros(l[len(l)-b.Most].At).Add(b.Span).Sub(now)
}

// Has reports whether the happening with the id is counted.
func (l List) Has(id string) bool {
	return slices.ContainsFunc(l, func(e Entry) bool { return e.ID == id })
}

// With is the list with one more at its end.
func (l List) With(id string, now time.Time) List {
	return append(slices.Clone(l), Entry{ID: id, At: clock.Micros(now)})
}

// Seconds is a wait in whole seconds, at least 1, as a fault tells it.
func Seconds(wait time.Duration) int64 { return max(int64((wait+time.Second-1)/time.Second), 1) }
