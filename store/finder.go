package store

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"sarraf/fault"
)

// Find answers a slice of keyed look-ups: one answer for each key, in their order. What is not there is an answer too.
type Find[K, R any] func(ctx context.Context, keys []K) ([]R, error)

// Limits of a finder.
const (
	findMost  = 256              // look-ups in one statement
	findAtOne = 2                // statements at once
	findLimit = 30 * time.Second // of a statement that answers several callers, none of whom may cancel it
)

// Finder is to reads what Batcher is to writes: look-ups of one kind that come while others are under way are taken together into one
// statement. One that finds nothing under way is made at once, alone. Each sees what was committed before it was asked. It is safe for
// concurrent use and needs no end.
type Finder[K, R any] struct {
	find Find[K, R]

	mu      sync.Mutex
	running int
	waiting []*lookup[K, R]
}

type lookup[K, R any] struct {
	key  K
	out  chan struct{}
	have R
	err  error
}

// NewFinder makes a finder of what find answers.
func NewFinder[K, R any](find Find[K, R]) *Finder[K, R] { return &Finder[K, R]{find: find} }

// Find answers what one key means. Errors are those of the reading, and fault.Outage when ctx ends first.
func (f *Finder[K, R]) Find(ctx context.Context, key K) (r R, err error) {
	f.mu.Lock()
	if f.running < findAtOne {
		f.running++
		f.mu.Unlock()
		defer f.next()
		list, err := f.ask(ctx, []K{key})
		if err != nil {
			return r, err
		}
		return list[0], nil
	}
	l := &lookup[K, R]{key: key, out: make(chan struct{})}
	f.waiting = append(f.waiting, l)
	f.mu.Unlock()
	select {
	case <-l.out:
		return l.have, l.err
	case <-ctx.Done():
		return r, fault.New(fault.Outage).Wrap(ctx.Err())
	}
}

// next ends a statement's turn, or gives it to those who wait.
func (f *Finder[K, R]) next() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiting) == 0 {
		f.running--
		return
	}
	go f.together()
}

// together answers those who wait until there are none.
func (f *Finder[K, R]) together() {
	for {
		runtime.Gosched() // who is about to ask, asks now
		f.mu.Lock()
		n := min(len(f.waiting), findMost)
		if n == 0 {
			f.running--
			f.mu.Unlock()
			return
		}
		list := f.waiting[:n:n]
		f.waiting = append([]*lookup[K, R](nil), f.waiting[n:]...)
		f.mu.Unlock()
		f.answer(list)
	}
}

// answer asks for all of list. When that fails for another reason than that the database is gone, each is asked for singly, so that one
// that cannot be asked for fails alone.
func (f *Finder[K, R]) answer(list []*lookup[K, R]) {
	ctx, cancel := context.WithTimeout(context.Background(), findLimit)
	defer cancel()
	keys := make([]K, len(list))
	for i, l := range list {
		keys[i] = l.key
	}
	found, err := f.ask(ctx, keys)
	if err != nil && len(list) > 1 && !fault.Has(err, fault.Outage) {
		for i := range list {
			f.answer(list[i : i+1])
		}
		return
	}
	for i, l := range list {
		if l.err = err; err == nil {
			l.have = found[i]
		}
		close(l.out)
	}
}

// ask is find, held to its promise; a panic in it is an error, since it may be in nobody's request.
func (f *Finder[K, R]) ask(ctx context.Context, keys []K) (list []R, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a look-up: %v", p)
		}
	}()
	list, err = f.find(ctx, keys)
	if err == nil && len(list) != len(keys) {
		err = fmt.Errorf("%d answers for %d look-ups", len(list), len(keys))
	}
	return list, err
}
