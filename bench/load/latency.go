package load

import (
	"math"
	"slices"
	"time"
)

// Latencies are how long requests took, each one of them, so that what is read from them is exact and not the edge of a bucket.
type Latencies struct {
	all    []time.Duration
	sorted bool
}

// Add counts one request.
func (l *Latencies) Add(d time.Duration) {
	l.all = append(l.all, d)
	l.sorted = false
}

// Merge counts all requests of other too.
func (l *Latencies) Merge(other *Latencies) {
	l.all = append(l.all, other.all...)
	l.sorted = false
}

// Len is the number of requests.
func (l *Latencies) Len() int { return len(l.all) }

// Percentile answers the shortest time within which at least p percent of the requests were answered (the nearest rank), 0 when
// there were none. 100 is the longest of all; p below 0 counts as 0, the shortest of all, and above 100 as 100.
func (l *Latencies) Percentile(p float64) time.Duration {
	if len(l.all) == 0 {
		return 0
	}
	if !l.sorted {
		slices.Sort(l.all)
		l.sorted = true
	}
	rank := int(math.Ceil(p / 100 * float64(len(l.all))))
	return l.all[min(max(rank, 1), len(l.all))-1]
}
