package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/store"
)

// asked is a find function that notes its slices and lets the first ones wait.
type asked struct {
	mu     sync.Mutex
	slices [][]string
	began  chan struct{} // told of each slice
	open   chan struct{} // closed when slices may be answered
}

func newAsked() *asked {
	return &asked{began: make(chan struct{}, 1000), open: make(chan struct{})}
}

func (a *asked) find(_ context.Context, keys []string) ([]string, error) {
	a.mu.Lock()
	a.slices = append(a.slices, keys)
	a.mu.Unlock()
	a.began <- struct{}{}
	<-a.open
	if slices.Contains(keys, "poison") {
		return nil, errors.New("poisoned")
	}
	if slices.Contains(keys, "panic") {
		panic("at the disco")
	}
	if slices.Contains(keys, "gone") {
		return nil, fault.New(fault.Outage)
	}
	if slices.Contains(keys, "short") {
		return nil, nil
	}
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = "<" + k + ">"
	}
	return out, nil
}

// busy makes two look-ups that wait, so that all that follow are taken together.
func (a *asked) busy(t *testing.T, f *store.Finder[string, string], wg *sync.WaitGroup) {
	t.Helper()
	for i := range 2 {
		wg.Go(func() {
			if got, err := f.Find(context.Background(), fmt.Sprint("first", i)); err != nil || got != fmt.Sprint("<first", i, ">") {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	<-a.began
	<-a.began
}

func TestLookupsThatComeWhileOthersAreUnderWayAreTakenTogether(t *testing.T) {
	a := newAsked()
	f := store.NewFinder(a.find)
	var wg sync.WaitGroup
	a.busy(t, f, &wg)
	for i := range 600 {
		wg.Go(func() {
			key := fmt.Sprint("k", i)
			if got, err := f.Find(context.Background(), key); err != nil || got != "<"+key+">" {
				t.Errorf("%s: %q, %v", key, got, err)
			}
		})
	}
	store.AwaitWaiting(f, 600)
	close(a.open)
	wg.Wait()
	var sizes []int
	for _, s := range a.slices {
		sizes = append(sizes, len(s))
	}
	slices.Sort(sizes)
	if d := cmp.Diff([]int{1, 1, 88, 256, 256}, sizes); d != "" {
		t.Error(d)
	}
}

func TestLookupThatCannotBeMadeFailsAlone(t *testing.T) {
	for bad, is := range map[string]func(error) bool{
		"poison": func(err error) bool { return err != nil && err.Error() == "poisoned" },
		"panic":  func(err error) bool { return err != nil && !fault.Has(err, fault.Outage) },
		"short":  func(err error) bool { return err != nil && !fault.Has(err, fault.Outage) },
	} {
		a := newAsked()
		f := store.NewFinder(a.find)
		var wg sync.WaitGroup
		a.busy(t, f, &wg)
		for _, key := range []string{"x", bad, "y"} {
			wg.Go(func() {
				got, err := f.Find(context.Background(), key)
				if key == bad && !is(err) || key != bad && (err != nil || got != "<"+key+">") {
					t.Errorf("%s beside %s: %q, %v", key, bad, got, err)
				}
			})
		}
		store.AwaitWaiting(f, 3)
		close(a.open)
		wg.Wait()
		if got, err := f.Find(context.Background(), "after"); err != nil || got != "<after>" {
			t.Errorf("after %s: %q, %v", bad, got, err)
		}
	}
}

func TestLookupsFailAlikeWhenTheDatabaseIsGone(t *testing.T) {
	a := newAsked()
	f := store.NewFinder(a.find)
	var wg sync.WaitGroup
	a.busy(t, f, &wg)
	for _, key := range []string{"x", "gone"} {
		wg.Go(func() {
			if _, err := f.Find(context.Background(), key); !fault.Has(err, fault.Outage) {
				t.Errorf("%s: %v", key, err)
			}
		})
	}
	store.AwaitWaiting(f, 2)
	close(a.open)
	wg.Wait()
	if len(a.slices) != 3 {
		t.Errorf("asked %v: a database that is gone is not asked again for each", a.slices)
	}
}

func TestCallerThatGoesAwayStopsNobodysLookup(t *testing.T) {
	a := newAsked()
	f := store.NewFinder(a.find)
	var wg sync.WaitGroup
	a.busy(t, f, &wg)
	ctx, leave := context.WithCancel(context.Background())
	wg.Go(func() {
		if got, err := f.Find(context.Background(), "stays"); err != nil || got != "<stays>" {
			t.Errorf("%q, %v", got, err)
		}
	})
	left := make(chan error, 1)
	go func() {
		_, err := f.Find(ctx, "leaves")
		left <- err
	}()
	store.AwaitWaiting(f, 2)
	leave()
	if err := <-left; !fault.Has(err, fault.Outage) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(a.open)
	wg.Wait()
}
