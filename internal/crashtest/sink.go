package crashtest

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sarraf/internal/clock"
	"sarraf/webhook"
)

// Limits of the sink.
const (
	holdMost    = 4  // calls that are held at once; a lane makes 16
	holdOneIn   = 5  // chance of a delivery to be held, the first time it comes
	refuseOneIn = 25 // and to be refused, the first time it comes
)

// Sink is the merchant's side of webhooks, on loopback; it outlives every crash. It notes each call, refuses some the first time, and
// while it holds, it keeps some calls waiting for their answer until whoever made them is dead.
type Sink struct {
	server *httptest.Server
	secret webhook.Secret
	random *rand.Rand // under mu

	mu      sync.Mutex
	told    []Told
	known   map[string]bool // ids that came before
	holding chan struct{}   // closed to let go what is held; nil while nothing is to be held
	held    map[string]bool // ids that are held now
	cut     map[string]bool // ids that were held and got no answer
	refused int
	rung    chan struct{}
}

// Told is one call that came.
type Told struct {
	Reference string // of the invoice that the address was given for
	ID        string // the delivery's
	Sequence  int64  // the event's number
	Attempt   int64
	Wrong     error // the signature's fault, nil for none
	Taken     bool  // it was answered with an acknowledgement
}

// NewSink opens a sink whose calls are signed with the secret.
func NewSink(t testing.TB, secret string, random *rand.Rand) *Sink {
	t.Helper()
	parsed, err := webhook.ParseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	s := &Sink{
		secret: parsed, random: random, known: map[string]bool{}, held: map[string]bool{}, cut: map[string]bool{}, rung: make(chan struct{}, 1),
	}
	s.server = httptest.NewServer(http.HandlerFunc(s.take))
	t.Cleanup(func() {
		s.Release(false)
		s.server.Close()
	})
	return s
}

const hookPath = "/hook/"

// Hook is the address for the webhooks of one invoice.
func (s *Sink) Hook(reference string) string { return s.server.URL + hookPath + reference }

func (s *Sink) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // its caller died in the middle
	}
	told := Told{Reference: strings.TrimPrefix(r.URL.Path, hookPath), ID: r.Header.Get(webhook.HeaderID)}
	told.Sequence, _ = strconv.ParseInt(r.Header.Get("webhook-sequence"), 10, 64)
	told.Attempt, _ = strconv.ParseInt(r.Header.Get("webhook-attempt"), 10, 64)
	told.Wrong = webhook.Verify(r.Header, body, webhook.Tolerance, clock.System{}, s.secret)

	s.mu.Lock()
	first := !s.known[told.ID]
	s.known[told.ID] = true
	refuse := first && s.random.IntN(refuseOneIn) == 0
	hold := s.holding
	if !first || refuse || len(s.held) >= holdMost || s.random.IntN(holdOneIn) != 0 {
		hold = nil
	}
	if hold != nil {
		s.held[told.ID] = true
	}
	s.mu.Unlock()
	s.ring()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	}
	s.mu.Lock()
	cut := hold != nil && (s.cut[told.ID] || r.Context().Err() != nil)
	if cut {
		s.cut[told.ID] = true
	}
	delete(s.held, told.ID)
	told.Taken = !refuse && !cut
	s.told = append(s.told, told)
	if refuse {
		s.refused++
	}
	s.mu.Unlock()
	s.ring()
	switch {
	case cut:
		panic(http.ErrAbortHandler) // whoever calls and still lives gets no answer
	case refuse:
		w.WriteHeader(http.StatusInternalServerError)
	}
}

func (s *Sink) ring() {
	select {
	case s.rung <- struct{}{}:
	default:
	}
}

// Hold begins to keep some calls waiting.
func (s *Sink) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holding == nil {
		s.holding = make(chan struct{})
	}
}

// Release ends the holding: what is held is answered now, or with cut set, its connections break without an answer.
func (s *Sink) Release(cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cut {
		for id := range s.held {
			s.cut[id] = true
		}
	}
	if s.holding != nil {
		close(s.holding)
		s.holding = nil
	}
}

// await waits until the condition holds, which is asked under the lock whenever a call has come or ended.
func (s *Sink) await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		ok := condition()
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-s.rung:
		case <-deadline:
			t.Errorf("webhooks: %s: it did not come to that", what)
			return
		}
	}
}

// AwaitHeld waits until a call is held.
func (s *Sink) AwaitHeld(t testing.TB) {
	t.Helper()
	s.await(t, "one is under way", func() bool { return len(s.held) > 0 })
}

// Cut is how many calls were under way when their caller died.
func (s *Sink) Cut() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.cut)
}

// AwaitCut waits until every delivery that was under way when its caller died has come again and was taken.
func (s *Sink) AwaitCut(t testing.TB) {
	t.Helper()
	s.await(t, "those of a dead process come again", func() bool {
		again := map[string]bool{}
		for _, c := range s.told {
			again[c.ID] = again[c.ID] || c.Taken && c.Attempt > 1
		}
		for id := range s.cut {
			if !again[id] {
				return false
			}
		}
		return true
	})
}

// AwaitAll waits until each of the invoices, by reference, was told and taken.
func (s *Sink) AwaitAll(t testing.TB, want map[string]bool) {
	t.Helper()
	s.await(t, "each end that a door tells of is told", func() bool {
		taken := map[string]bool{}
		for _, c := range s.told {
			if c.Taken {
				taken[c.Reference] = true
			}
		}
		for ref := range want {
			if !taken[ref] {
				return false
			}
		}
		return true
	})
}

// check holds every call that came against what may be told: each of an end that its door tells of, genuine, with the number of that one
// event, and with one id however often it comes, each attempt with a number of its own.
func (s *Sink) check(t testing.TB, sequence map[string]int64) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	ids, owners := map[string]string{}, map[string]string{}
	type attempt struct {
		id string
		n  int64
	}
	seen := map[attempt]bool{}
	for _, c := range s.told {
		switch at := (attempt{c.ID, c.Attempt}); {
		case c.Wrong != nil:
			t.Errorf("webhook %s of %s: %v", c.ID, c.Reference, c.Wrong)
		case sequence[c.Reference] == 0:
			t.Errorf("webhook %s tells of %s, of which nothing is to be told", c.ID, c.Reference)
		case c.Sequence != sequence[c.Reference]:
			t.Errorf("webhook %s of %s has sequence %d, and the event is number %d", c.ID, c.Reference, c.Sequence, sequence[c.Reference])
		case ids[c.Reference] != "" && ids[c.Reference] != c.ID:
			t.Errorf("%s is told as %s and as %s", c.Reference, ids[c.Reference], c.ID)
		case owners[c.ID] != "" && owners[c.ID] != c.Reference:
			t.Errorf("webhook %s tells of %s and of %s", c.ID, owners[c.ID], c.Reference)
		case seen[at]:
			t.Errorf("attempt %d of webhook %s was made twice", c.Attempt, c.ID)
		default:
			ids[c.Reference], owners[c.ID], seen[at] = c.ID, c.Reference, true
		}
	}
}

// Figures tells how many calls came, of how many deliveries.
func (s *Sink) Figures() (calls, deliveries int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.told), len(s.known)
}

// Refused is how many deliveries were refused, the first time they came.
func (s *Sink) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}
