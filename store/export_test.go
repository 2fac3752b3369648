package store

import "runtime"

// AwaitWaiting returns once so many look-ups wait.
func AwaitWaiting[K, R any](f *Finder[K, R], n int) {
	for {
		f.mu.Lock()
		waiting := len(f.waiting)
		f.mu.Unlock()
		if waiting == n {
			return
		}
		runtime.Gosched()
	}
}
