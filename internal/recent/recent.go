// Package recent keeps what is read on every request for half a second: the figures that say who asks and what they may.
//
// Whatever is revoked or changed takes effect on every node within Age. A look-up in the database each time would cost more than the
// request's own work.
package recent

import (
	"sync"
	"time"

	"sarraf/internal/clock"
)

// Age is how old a kept value can be, and Most how many a Map keeps; then it starts anew.
const (
	Age  = 500 * time.Millisecond
	Most = 20_000
)

// Map keeps values that are read again when they are older than Age; one reader at a time for each key. It is safe for concurrent use.
type Map[V any] struct {
	mu sync.Mutex
	m  map[string]*slot[V]
}

type slot[V any] struct {
	mu   sync.Mutex
	age  func() time.Duration // nil before the first reading
	v    V
	good bool
}

// New is an empty Map.
func New[V any]() *Map[V] { return &Map[V]{m: map[string]*slot[V]{}} }

// Get answers what is kept for the key, or what read answers, which is kept where keep says so; nil keeps all. What should not be kept is
// that a key is unknown: whoever guesses would fill the map. An error is not kept.
func (k *Map[V]) Get(key string, read func() (V, error), keep func(V) bool) (V, error) {
	k.mu.Lock()
	s := k.m[key]
	if s == nil {
		if len(k.m) >= Most {
			clear(k.m)
		}
		s = &slot[V]{}
		k.m[key] = s
	}
	k.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.good && s.age() < Age {
		return s.v, nil
	}
	age := clock.Start()
	v, err := read()
	if err != nil {
		s.good = false
		return v, err
	}
	s.v, s.age, s.good = v, age, true
	if keep != nil && !keep(v) {
		k.Drop(key)
	}
	return v, nil
}

// Drop forgets one key on this node; other nodes follow within Age.
func (k *Map[V]) Drop(key string) {
	k.mu.Lock()
	delete(k.m, key)
	k.mu.Unlock()
}

// Clear forgets everything on this node.
func (k *Map[V]) Clear() {
	k.mu.Lock()
	clear(k.m)
	k.mu.Unlock()
}
