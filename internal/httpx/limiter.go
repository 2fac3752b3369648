package httpx

import (
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"sarraf/fault"
	"sarraf/internal/clock"
)

// Limiter bounds how often something may be done for each key, such as an address: a bucket that holds a second's worth. It is this
// process's alone: two nodes together let through twice as much. A nil Limiter has no bound.
type Limiter struct {
	perSecond int
	clock     clock.Clock
	refused   prometheus.Counter
	mu        sync.Mutex
	keys      map[string]*bucket
	swept     time.Time
}

type bucket struct {
	*rate.Limiter
	used time.Time
}

// A key that has not been used for idle has a full bucket, and is forgotten. When most are in use none the less, all are: whoever has so
// many addresses is not held by a limit for each.
const (
	idle    = 10 * time.Second
	mostIDs = 100_000
)

// NewLimiter lets through so many a second for each key; nil, which has no bound, when perSecond is 0 or less. What it turns away is
// counted in refused, where that is not nil.
func NewLimiter(perSecond int, c clock.Clock, refused prometheus.Counter) *Limiter {
	if perSecond <= 0 {
		return nil
	}
	return &Limiter{perSecond: perSecond, clock: c, refused: refused, keys: map[string]*bucket{}, swept: c.Now()}
}

// Take counts one for the key. It is a fault RateLimited, with retry_after in seconds, when there have been too many.
func (l *Limiter) Take(key string) error {
	if l == nil {
		return nil
	}
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(now)
	b := l.keys[key]
	if b == nil {
		b = &bucket{Limiter: rate.NewLimiter(rate.Limit(l.perSecond), l.perSecond)}
		l.keys[key] = b
	}
	if now.Before(b.used) { // a clock that went back must lock nobody out
		b.Limiter = rate.NewLimiter(rate.Limit(l.perSecond), l.perSecond)
	}
	b.used = now
	if b.AllowN(now, 1) {
		return nil
	}
	if l.refused != nil {
		l.refused.Inc()
	}
	wait := math.Ceil((1 - b.TokensAt(now)) / float64(l.perSecond))
	return fault.New(fault.RateLimited).With("retry_after", strconv.Itoa(max(int(wait), 1)))
}

// sweep forgets keys that are not used, once in a while and when there are too many.
func (l *Limiter) sweep(now time.Time) {
	full := len(l.keys) >= mostIDs
	if since := now.Sub(l.swept); !full && since >= 0 && since < idle {
		return
	}
	l.swept = now
	for key, b := range l.keys {
		if since := now.Sub(b.used); since >= idle || since < 0 {
			delete(l.keys, key)
		}
	}
	if len(l.keys) >= mostIDs {
		clear(l.keys)
	}
}
