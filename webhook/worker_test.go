package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/event"
	"sarraf/internal/clock"
)

func TestAnAcknowledgedDeliveryIsSignedNumberedAndLogged(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, c *clock.Fake) {
		s := newSink(t)
		h.start(t)
		h.tell(t, "m1", s.URL+"/hook?a=b", "o1")
		d, attempts := h.rests(t, "m1", "o1", 1)
		if d.State != Delivered || d.Failures != 0 || !d.ClosedAt.Equal(epoch) || !d.FirstAt.Equal(epoch) {
			t.Errorf("the delivery is %+v", d)
		}
		want := []Attempt{{N: 1, StartedAt: epoch, EndedAt: epoch, Status: 200, Outcome: "acknowledged", Answer: "OK"}}
		if len(attempts) == 1 {
			want[0].Node = attempts[0].Node
		}
		if diff := cmp.Diff(want, attempts); diff != "" || want[0].Node == "" {
			t.Errorf("the log differs (-want +got):\n%s", diff)
		}
		got := s.hits()
		if len(got) != 1 {
			t.Fatalf("%d calls, want one", len(got))
		}
		if err := Verify(got[0].header, got[0].body, Tolerance, c, h.secret); err != nil {
			t.Errorf("the signature: %v", err)
		}
		if string(got[0].body) != `{"of":"o1"}` {
			t.Errorf("the body is %s", got[0].body)
		}
		unix := strconv.FormatInt(epoch.Unix(), 10)
		for name, value := range map[string]string{
			HeaderID: d.ID, HeaderTimestamp: unix, "X-Webhook-Timestamp": unix, "X-Webhook-Event": "thing.happened",
			"Content-Type": "application/json", "webhook-sequence": "1", "webhook-attempt": "1",
		} {
			if have := got[0].header.Get(name); have != value {
				t.Errorf("%s is %q, want %q", name, have, value)
			}
		}
	})
}

// badEndpoints answer each in its own way, and what the log is to say of it.
func badEndpoints(t *testing.T, release <-chan struct{}) map[string]struct {
	url, outcome string
	status       int64
} {
	t.Helper()
	raw := func(talk func(net.Conn)) string { return "http://" + listen(t, "127.0.0.1", talk).String() }
	status := func(code int) string {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(code)
		}).URL
	}
	return map[string]struct {
		url, outcome string
		status       int64
	}{
		"hangs": {raw(func(net.Conn) { <-release }), "timeout", 0},
		"resets": {raw(func(c net.Conn) {
			_ = c.(*net.TCPConn).SetLinger(0)
			_, _ = c.Read(make([]byte, 1))
		}), "reset", 0},
		"drips": {raw(func(c net.Conn) {
			for range 1000 {
				if _, err := c.Write([]byte("H")); err != nil {
					return
				}
				select {
				case <-release:
				case <-time.After(short / 20):
				}
			}
		}), "timeout", 0},
		"redirects":    {status(http.StatusFound), "refused", 302},
		"is gone":      {status(http.StatusGone), "refused", 410},
		"fails":        {status(http.StatusInternalServerError), "refused", 500},
		"is not there": {"http://" + closedPort(t), "connect", 0},
	}
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestABadEndpointIsTriedAgainOnTheSchedule(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, c *clock.Fake) {
		h.door.timeout = short
		release := make(chan struct{})
		defer close(release)
		bad := badEndpoints(t, release)
		for name, b := range bad {
			h.tell(t, "m1", b.url, name)
		}
		h.start(t)
		at, steps := epoch, []time.Duration{5 * time.Second, 30 * time.Second, 5 * time.Minute}
		for n, step := range steps {
			for name, b := range bad {
				d, attempts := h.rests(t, "m1", name, int64(n+1))
				if d.State != Pending || d.Failures != int64(n+1) || !d.DueAt.Equal(at.Add(step)) || !d.FirstAt.Equal(epoch) {
					t.Errorf("an endpoint that %s, attempt %d: the delivery is %+v, want it due at %s", name, n+1, d, at.Add(step))
				}
				if len(attempts) != n+1 {
					t.Fatalf("an endpoint that %s: the log holds %d attempts, want %d", name, len(attempts), n+1)
				}
				a := attempts[n]
				if a.N != int64(n+1) || a.Outcome != b.outcome || a.Status != b.status || !a.StartedAt.Equal(at) || a.EndedAt.IsZero() {
					t.Errorf("an endpoint that %s: the log says %+v, want %q with status %d", name, a, b.outcome, b.status)
				}
			}
			at = at.Add(step)
			h.forward(c, at)
		}
	})
}

func TestAnEndpointThatHangsDelaysNobodyElse(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, _ *clock.Fake) {
		release := make(chan struct{})
		var here sync.WaitGroup
		here.Add(laneMost)
		slow := serve(t, func(http.ResponseWriter, *http.Request) { here.Done(); <-release })
		fast := newSink(t)
		h.start(t)
		h.tell(t, "m1", slow.URL, many(laneMost)...)
		here.Wait()
		// While all calls of the slow lane hang: another endpoint, another merchant, a later delivery of the first.
		h.tell(t, "m1", fast.URL, "another endpoint")
		h.tell(t, "m2", fast.URL, "another merchant")
		for owner, object := range map[string]string{"m1": "another endpoint", "m2": "another merchant"} {
			if d, _ := h.rests(t, owner, object, 1); d.State != Delivered {
				t.Errorf("%s: the delivery is %+v", object, d)
			}
		}
		if d := h.only(t, "m1", "o1"); d.State != Pending || d.LeaseBy == "" {
			t.Errorf("the slow one is %+v, want it under way", d)
		}
		close(release)
		h.rests(t, "m1", "o1", 1)
	})
}

// many names n objects, o0 and on.
func many(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("o%d", i)
	}
	return list
}

func TestAtMostSixteenCallsOfALaneRunAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, _ *clock.Fake) {
		var mu sync.Mutex
		now, most := 0, 0
		release := make(chan struct{})
		slow := serve(t, func(http.ResponseWriter, *http.Request) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			<-release
			mu.Lock()
			now--
			mu.Unlock()
		})
		fast := newSink(t)
		w := h.worker()
		h.tell(t, "m1", slow.URL, many(200)...)
		w.lanes[h.only(t, "m1", "o0").Lane] = &lane{lot: lotMost} // as after a while with a quick endpoint
		run(t, w)
		until(t, "sixteen calls run", func() bool { mu.Lock(); defer mu.Unlock(); return now == laneMost })
		h.tell(t, "m1", fast.URL, "x") // the worker goes on meanwhile
		h.rests(t, "m1", "x", 1)
		close(release)
		until(t, "all are delivered", func() bool { return h.unclosed(t, "m1") == 0 })
		if most != laneMost {
			t.Errorf("%d calls ran at once, want %d", most, laneMost)
		}
	})
}

// TestALaneThatIsUsedAgainAndAgainStaysOne is about a lane that is used again while the last of its calls return: it must stay one.
func TestALaneThatIsUsedAgainAndAgainStaysOne(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, _ *clock.Fake) {
		var mu sync.Mutex
		now, most := 0, 0
		s := serve(t, func(http.ResponseWriter, *http.Request) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			mu.Lock()
			now--
			mu.Unlock()
		})
		w := h.worker()
		run(t, w)
		for round := range 30 {
			for _, o := range many(20) {
				h.tell(t, "m1", s.URL, fmt.Sprint(o, " of ", round))
			}
			if round%3 == 2 {
				until(t, "all are delivered", func() bool { return h.unclosed(t, "m1") == 0 })
			}
		}
		until(t, "nothing is held", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.held == 0 && len(w.lanes) == 0 })
		if most > laneMost {
			t.Errorf("%d calls ran at once, want at most %d", most, laneMost)
		}
	})
}

// unclosed counts the owner's deliveries that are not closed.
func (h *house) unclosed(t testing.TB, owner string) int {
	t.Helper()
	list, err := h.log.List(t.Context(), owner, Page{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, d := range list {
		if d.State == Pending {
			n++
		}
	}
	return n
}

func TestADeliveryIsGivenUpAfterThreeDays(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, c *clock.Fake) {
		s := newSink(t)
		s.answer(http.StatusInternalServerError)
		h.tell(t, "m1", s.URL, "o1")
		h.start(t)
		d, _ := h.rests(t, "m1", "o1", 1)
		for n := int64(2); d.State == Pending; n++ {
			h.forward(c, d.DueAt)
			d, _ = h.rests(t, "m1", "o1", n)
		}
		_, attempts := h.get(t, "m1", d.ID)
		// 5 s, 30 s, 5 min, 30 min, 2 h, 5 h, 10 h, and four times 12 h are within the three days; a fifth is not.
		if d.State != Exhausted || d.Failures != 12 || len(attempts) != 12 || len(s.hits()) != 12 {
			t.Errorf("after %d attempts and %d calls the delivery is %+v; want it given up after 12", len(attempts), len(s.hits()), d)
		}
		if last := attempts[len(attempts)-1].StartedAt; last.Sub(epoch) > Window || last.Sub(epoch) < Window-everyAfter {
			t.Errorf("the last attempt was after %s", last.Sub(epoch))
		}
	})
}

func TestDeliveriesOfOneObjectGoInOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, c *clock.Fake) {
		s := newSink(t)
		s.answer(http.StatusInternalServerError)
		h.tell(t, "m1", s.URL, "o1", "o1", "o2")
		h.start(t)
		told := func(want ...string) {
			t.Helper()
			until(t, fmt.Sprintf("%v are told", want), func() bool { return len(s.hits()) >= len(want) })
			h.settled(t, "m1")
			if diff := cmp.Diff(want, sorted(s.sequences())); diff != "" {
				t.Fatalf("the events told differ (-want +got):\n%s", diff)
			}
		}
		told("1", "3")
		s.answer(http.StatusOK)
		h.forward(c, epoch.Add(5*time.Second))
		told("1", "1", "3", "3")
		h.forward(c, epoch.Add(5*time.Second+behind))
		told("1", "1", "2", "3", "3")
		if n := h.unclosed(t, "m1"); n != 0 {
			t.Errorf("%d deliveries are not closed", n)
		}
	})
}

func TestTheNextGoesAfterTheThirdFailureOfTheOneBefore(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, c *clock.Fake) {
		s := newSink(t)
		s.answer(http.StatusInternalServerError)
		h.tell(t, "m1", s.URL, "o1", "o1")
		h.start(t)
		for i, after := range []time.Duration{0, 5 * time.Second, 35 * time.Second} {
			h.forward(c, epoch.Add(after))
			until(t, "the first is told again", func() bool { return len(s.hits()) > i })
			h.settled(t, "m1")
			if got := s.sequences()[i]; got != "1" {
				t.Fatalf("event %s is told as number %d, want the first", got, i+1)
			}
		}
		// The second was put off until the third attempt at the first, or a little more.
		h.forward(c, epoch.Add(35*time.Second+behind))
		until(t, "the second is told", func() bool { return len(s.hits()) == 4 })
		last := s.hits()[3].header
		if last.Get("webhook-sequence") != "2" || last.Get("webhook-attempt") != "1" {
			t.Errorf("event %s was told at attempt %s, want the second at its first", last.Get("webhook-sequence"), last.Get("webhook-attempt"))
		}
		h.settled(t, "m1")
		list, err := h.log.Of(t.Context(), "m1", "o1")
		if err != nil || len(list) != 2 || list[0].Failures != 3 || list[0].State != Pending || list[1].Failures != 1 {
			t.Errorf("the deliveries are %+v, error %v", list, err)
		}
	})
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// settled waits until none of the owner's deliveries is being tried.
func (h *house) settled(t testing.TB, owner string) {
	t.Helper()
	until(t, "nothing is under way", func() bool {
		list, err := h.log.List(t.Context(), owner, Page{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			if d.LeaseBy != "" {
				return false
			}
		}
		return true
	})
}

func TestANameThatLeadsToAPrivateAddressIsNeverCalledAndClosedAsBlocked(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, c *clock.Fake) {
		names := serveNames(t, "127.0.0.2")
		h.restrict(t, onlyFirst, names.resolver)
		addr, check := untouched(t, "127.0.0.2", 0)
		h.tell(t, "m1", fmt.Sprintf("http://shop.example:%d/hook", addr.Port), "o1")
		h.start(t)
		for n, after := range []time.Duration{0, 5 * time.Second, 35 * time.Second} {
			h.forward(c, epoch.Add(after))
			d, attempts := h.rests(t, "m1", "o1", int64(n+1))
			if a := attempts[n]; a.Outcome != "blocked" || a.Status != 0 {
				t.Errorf("attempt %d: the log says %+v", n+1, a)
			}
			want := Pending
			if n+1 == blockedMost {
				want = Refused
			}
			if d.State != want {
				t.Errorf("after attempt %d the delivery is %+v, want it %s", n+1, d, want)
			}
		}
		check()
	})
}

func TestANameThatLedToAPrivateAddressForAMomentIsDelivered(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, c *clock.Fake) {
		names := serveNames(t, "127.0.0.2")
		h.restrict(t, onlyFirst, names.resolver)
		s := newSink(t)
		h.tell(t, "m1", strings.Replace(s.URL, "127.0.0.1", "shop.example", 1), "o1")
		h.start(t)
		h.rests(t, "m1", "o1", 1)
		names.set("127.0.0.1")
		h.forward(c, epoch.Add(5*time.Second))
		d, attempts := h.rests(t, "m1", "o1", 2)
		if d.State != Delivered || attempts[0].Outcome != "blocked" || attempts[1].Outcome != "acknowledged" {
			t.Errorf("the delivery is %+v, the log says %+v", d, attempts)
		}
	})
}

func TestAClosedDeliveryIsSentAgainOnDemand(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, c *clock.Fake) {
		s := newSink(t)
		h.tell(t, "m1", s.URL, "o1")
		h.start(t)
		first, _ := h.rests(t, "m1", "o1", 1)
		c.Advance(100 * time.Hour)
		if err := h.log.Again(t.Context(), "m1", first.ID, c.Now()); err != nil {
			t.Fatal(err)
		}
		h.outbox.ring()
		d, attempts := h.rests(t, "m1", "o1", 2)
		if d.State != Delivered || len(attempts) != 2 || !d.FirstAt.Equal(c.Now()) {
			t.Errorf("the delivery is %+v, the log says %+v", d, attempts)
		}
		got := s.hits()
		if len(got) != 2 || got[1].header.Get(HeaderID) != first.ID || got[1].header.Get("webhook-attempt") != "2" {
			t.Fatalf("the calls were %+v", got)
		}
		if err := Verify(got[1].header, got[1].body, Tolerance, c, h.secret); err != nil {
			t.Errorf("the signature of the second: %v", err)
		}
	})
}

func TestADeliveryThatIsPendingIsNotReplayed(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, c *clock.Fake) {
		s := newSink(t)
		s.answer(http.StatusInternalServerError)
		h.tell(t, "m1", s.URL, "o1")
		stop := h.start(t)
		before, _ := h.rests(t, "m1", "o1", 1)
		stop()
		if err := h.log.Again(t.Context(), "m1", before.ID, c.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, h.only(t, "m1", "o1")); diff != "" {
			t.Errorf("it was changed (-before +after):\n%s", diff)
		}
	})
}

func TestAnEventThatTheDoorCannotWordIsLoggedAndTriedAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, c *clock.Fake) {
		h.door.words = func(e event.Event) (event.Message, error) {
			if e.Subject == "panics" {
				panic("a mistake")
			}
			return event.Message{}, errors.New("no words")
		}
		h.tell(t, "m1", "http://127.0.0.1:9/", "panics", "fails")
		h.start(t)
		for _, object := range []string{"panics", "fails"} {
			d, attempts := h.rests(t, "m1", object, 1)
			if d.State != Pending || d.Failures != 1 || !d.DueAt.Equal(epoch.Add(5*time.Second)) || attempts[0].Outcome != unworded {
				t.Errorf("%s: the delivery is %+v, the log says %+v", object, d, attempts)
			}
		}
	})
}
