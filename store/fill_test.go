package store

import (
	"context"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// sizes is told of batches.
type sizes struct {
	mu   sync.Mutex
	list []int
}

func (s *sizes) Batch(_ string, size int, _ time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, size)
}
func (*sizes) Queue(string, func() int) {}

func TestCommandsThatQueueWhileAnotherHasTheWriterGoTogether(t *testing.T) {
	ctx := context.Background()
	told := &sizes{}
	db, err := Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "t.db"), Options{Observer: told})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Migrate(ctx, false); err != nil {
		t.Fatal(err)
	}
	b := NewBatcher(db, "echo", func(_ context.Context, _ *Tx, list []int) ([]Outcome[int], error) {
		out := make([]Outcome[int], len(list))
		for i, n := range list {
			out[i].Value = n
		}
		return out, nil
	})
	const n = 100
	var wg sync.WaitGroup
	err = db.Write(ctx, func(context.Context, *Tx) error {
		for i := range n {
			wg.Go(func() {
				if got, err := b.Do(ctx, "o", nil, i); got != i || err != nil {
					t.Errorf("%d answers %d, %v", i, got, err)
				}
			})
		}
		// The batcher has taken the first by now or will, and waits for the writer; the others are in its queue.
		for deadline := time.Now().Add(time.Minute); len(b.queue) < n-1; {
			if time.Now().After(deadline) {
				t.Fatalf("%d commands are in the queue", len(b.queue))
			}
			runtime.Gosched()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	b.Close()
	if slices.Max(told.list) < n-1 {
		t.Fatalf("batches of %v", told.list)
	}
}
