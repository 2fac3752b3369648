package webhook

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Window is how long a delivery is tried, counted from its first attempt.
const Window = 72 * time.Hour

// everyAfter is the delay once the steps of a schedule are used up.
const everyAfter = 12 * time.Hour

// jitterPart is the largest share of a delay that chance adds or takes: a tenth.
const jitterPart = 10

// Random gives a number from 0 to n-1, each as likely; n is above 0. rand.Int64N is one.
type Random func(n int64) int64

// Schedule says when a failed delivery is tried again. It holds no state and may be used by several goroutines if its
// Random may.
type Schedule struct {
	steps  []time.Duration // after the first failure, the second and so on; then everyAfter
	random Random
}

// Standard is the schedule of serve: 5 s, 30 s, 5 min, 30 min, 2 h, 5 h, 10 h, then every 12 h, each up to a tenth more or
// less by chance, within Window. With a nil random it takes the process's own.
func Standard(random Random) Schedule {
	return newSchedule(random, 5*time.Second, 30*time.Second)
}

// Demo is the schedule of demo: the first two retries come after 1 s and 3 s, the others as in Standard.
func Demo(random Random) Schedule {
	return newSchedule(random, time.Second, 3*time.Second)
}

func newSchedule(random Random, first, second time.Duration) Schedule {
	if random == nil {
		random = rand.Int64N
	}
	return Schedule{random: random, steps: slices.Clip([]time.Duration{
		first, second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour,
	})}
}

// Next says when to try again after the given number of failed attempts, the last of which ended now, and whether to give
// up instead, which is when the next attempt would begin more than Window after the first; due is then the zero time.
// Without a failure the delivery is due now. Times come back in UTC, cut to microseconds.
func (s Schedule) Next(failures int, first, now time.Time) (due time.Time, giveUp bool) {
	if failures < 1 {
		return now.UTC().Truncate(time.Microsecond), false
	}
	delay := everyAfter
	if failures <= len(s.steps) {
		delay = s.steps[failures-1]
	}
	spread := int64(delay / jitterPart)
	delay += time.Duration(s.random(2*spread+1) - spread)
	due = now.Add(delay).UTC().Truncate(time.Microsecond)
	if due.After(first.Add(Window)) {
		return time.Time{}, true
	}
	return due, false
}
