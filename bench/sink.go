package main

import (
	"context"
	"io"
	"net/http"
	"sync"
)

// sink is a merchant's endpoint that acknowledges everything and counts it by its stable id.
type sink struct {
	url  string
	srv  *http.Server
	full chan struct{} // closed when all that is expected has arrived

	mu    sync.Mutex
	seen  map[string]int
	again int
	want  int
}

func listen(ctx context.Context) (*sink, error) {
	l, err := loopback(ctx)
	if err != nil {
		return nil, err
	}
	s := &sink{url: "http://" + l.Addr().String() + "/callback", full: make(chan struct{}), seen: map[string]int{}}
	s.srv = &http.Server{Handler: s}
	go func() { _ = s.srv.Serve(l) }()
	return s, nil
}

func (s *sink) close() { _ = s.srv.Close() }

// expect says how many there will be, once.
func (s *sink) expect(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.want = n
	s.check()
}

func (s *sink) check() {
	if s.want > 0 && len(s.seen) == s.want {
		s.want = 0
		close(s.full)
	}
}

// ServeHTTP takes a webhook. One without an id, or whose body does not arrive, is refused and comes again.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("webhook-id")
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil || id == "" || n == 0 {
		http.Error(w, "what is this?", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	if s.seen[id]++; s.seen[id] > 1 {
		s.again++
	} else {
		s.check()
	}
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (s *sink) arrived() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

func (s *sink) twice() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.again
}
