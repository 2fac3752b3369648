package load

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPercentileIsTheNearestRank(t *testing.T) {
	var l Latencies
	if got := l.Percentile(99); got != 0 {
		t.Errorf("of no requests: %v, want 0", got)
	}
	for _, i := range rand.Perm(100) {
		l.Add(time.Duration(i+1) * time.Millisecond)
	}
	for _, c := range []struct {
		p    float64
		want time.Duration
	}{
		{-1, 1}, {0, 1}, {0.5, 1}, {1, 1}, {1.01, 2}, {50, 50}, {95, 95}, {99, 99}, {99.1, 100}, {100, 100}, {101, 100},
	} {
		if got := l.Percentile(c.p); got != c.want*time.Millisecond {
			t.Errorf("percentile %v is %v, want %v ms", c.p, got, int64(c.want))
		}
	}
}

func TestPercentileSeesWhatWasAddedAfterTheLastLook(t *testing.T) {
	var l, other Latencies
	l.Add(2)
	other.Add(3)
	if got := l.Percentile(100); got != 2 {
		t.Fatalf("the longest is %v, want 2", got)
	}
	l.Add(1)
	l.Merge(&other)
	if got, n := l.Percentile(100), l.Len(); got != 3 || n != 3 {
		t.Errorf("the longest of %d is %v, want 3 of 3", n, got)
	}
	if got := l.Percentile(0); got != 1 {
		t.Errorf("the shortest is %v, want 1", got)
	}
}

// At least p percent are within the percentile, and fewer are within anything shorter.
func TestPercentileOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Int64Range(0, 50), 1, 200).Draw(t, "latencies")
		p := rapid.IntRange(1, 100).Draw(t, "percent")
		var l Latencies
		for _, d := range all {
			l.Add(time.Duration(d))
		}
		got := int64(l.Percentile(float64(p)))
		within := func(limit int64) (n int) {
			for _, d := range all {
				if d <= limit {
					n++
				}
			}
			return 100 * n
		}
		if !slices.Contains(all, got) || within(got) < p*len(all) || within(got-1) >= p*len(all) {
			t.Fatalf("percentile %d of %v is %d", p, all, got)
		}
	})
}
