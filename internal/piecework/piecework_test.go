package piecework_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/piecework"
)

// list is a list in memory of which some lines cannot be made.
type list struct {
	lines, at int64
	bad       map[int64]error // by line, from 1
	all       error           // what every line fails with

	failures int64
	made     []int64
	givenUp  []int64
	delays   []time.Duration
}

func (l *list) Failures() int64 { return l.failures }
func (l *list) Done() bool      { return l.at == l.lines }

func (l *list) fails(line int64) error {
	if l.all != nil {
		return l.all
	}
	return l.bad[line]
}

func (l *list) Decide(_ context.Context, n int64, reason *fault.Error) error {
	n = min(n, l.lines-l.at)
	for line := l.at + 1; line <= l.at+n && reason == nil; line++ {
		if err := l.fails(line); err != nil {
			return err
		}
	}
	for range n {
		l.at++
		if reason != nil {
			l.givenUp = append(l.givenUp, l.at)
		} else {
			l.made = append(l.made, l.at)
		}
	}
	if l.Done() {
		l.failures = 0
	}
	return nil
}

func (l *list) Try(_ context.Context, n int64) (made, tried bool, err error) {
	if l.at+n > l.lines {
		return n == 2 && len(l.made) > 0, false, nil
	}
	err = l.fails(l.at + n)
	return err == nil, true, err
}

func (l *list) Postpone(_ context.Context, cause error, failures int64, delay time.Duration) error {
	l.failures = failures
	l.delays = append(l.delays, delay)
	return cause
}

// persist works until the list is done, and answers how often that failed.
func persist(t *testing.T, l *list) int {
	t.Helper()
	for failures := range 100 {
		for range 100 {
			if err := piecework.Work(t.Context(), l, 8); err != nil {
				break
			}
			if l.Done() {
				return failures
			}
		}
	}
	t.Fatalf("it is never done: %+v", l)
	return 0
}

func TestALineThatFailsAloneIsGivenUpAndTheOthersAreMade(t *testing.T) {
	poison := errors.New("poison")
	for _, bad := range [][]int64{{1}, {20}, {3, 4, 5}, {1, 8, 9, 20}} {
		l := &list{lines: 20, bad: map[int64]error{}}
		for _, line := range bad {
			l.bad[line] = poison
		}
		if failures := persist(t, l); failures > 3*len(bad) {
			t.Errorf("%v: %d failures", bad, failures)
		}
		if d := cmp.Diff(bad, l.givenUp); d != "" || len(l.made) != 20-len(bad) || !slices.IsSorted(l.made) {
			t.Errorf("%v: %s, %v", bad, d, l.made)
		}
	}
}

func TestWhatFailsEveryLineIsNotGivenUpForLong(t *testing.T) {
	l := &list{lines: 3, all: errors.New("a bug of the day")}
	if failures := persist(t, l); failures < 12 || len(l.made) != 0 {
		t.Errorf("%d failures, %v made", failures, l.made)
	}
	if l.delays[0] != time.Second || l.delays[1] != 2*time.Second || slices.Max(l.delays) != 10*time.Minute {
		t.Error(l.delays)
	}
}

func TestAnOutageIsNoLinesErrorHoweverLong(t *testing.T) {
	l := &list{lines: 3, all: fault.New(fault.Outage), failures: 20}
	for range 100 {
		if err := piecework.Work(t.Context(), l, 8); !piecework.Unavailable(err) {
			t.Fatal(err)
		}
	}
	if l.at != 0 || l.failures != 20 || l.delays[0] != 5*time.Second {
		t.Errorf("%+v", l)
	}
}

func TestOwnersHaveTheirTurns(t *testing.T) {
	w := piecework.NewWorker(clock.System{})
	due := map[string]int64{"a": 1, "b": 2, "c": 3}
	var got []string
	for n := range 7 {
		if n == 4 {
			due["d"] = 9 // it was never served, and so is next
		}
		owner, ok, err := w.Turn(func(take func(string, int64)) error {
			for o, since := range due {
				take(o, since)
			}
			return nil
		})
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		got = append(got, owner)
	}
	if d := cmp.Diff([]string{"a", "b", "c", "a", "d", "b", "c"}, got); d != "" {
		t.Error(d)
	}
	gone := errors.New("gone")
	if _, ok, err := w.Turn(func(func(string, int64)) error { return gone }); ok || !errors.Is(err, gone) {
		t.Error(ok, err)
	}
	if _, ok, err := w.Turn(func(func(string, int64)) error { return nil }); ok || err != nil {
		t.Error(ok, err)
	}
}

// seen is what an observer was told last.
type seen struct {
	n      int64
	oldest time.Duration
	told   chan struct{}
}

func (s *seen) Decided(int, int) {}
func (s *seen) Undone(n int64, oldest time.Duration) {
	s.n, s.oldest = n, oldest
	s.told <- struct{}{}
}

func TestAWakeIsWorkedAtOnceAndTheAgeOfTheOldestIsTold(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	w, s := piecework.NewWorker(c), &seen{told: make(chan struct{})}
	w.Observe(s)
	ctx, stop := context.WithCancel(t.Context())
	worked, ended := 0, make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(ctx, time.Hour, piecework.Rounds{
			Work: func(context.Context) (bool, error) { worked++; return false, errors.New("told") },
			Undone: func(context.Context) (int64, time.Time, error) {
				return int64(worked), c.Now().Add(-time.Minute), nil
			},
			Failed: func(err error) {
				if err.Error() != "told" {
					t.Error(err)
				}
			},
		})
	}()
	<-s.told // once at the start
	w.Wake()
	<-s.told
	stop()
	<-ended
	if worked != 2 || s.n != 2 || s.oldest != time.Minute {
		t.Errorf("worked %d times, told %d of %s", worked, s.n, s.oldest)
	}
}
