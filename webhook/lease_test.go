package webhook

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"sarraf/internal/clock"
	"sarraf/internal/storetest"
	"sarraf/store"
)

// die claims what is due as a process would that dies in the middle of its calls: nothing is ever recorded.
func (h *house) die(t *testing.T) (*Worker, []task) {
	t.Helper()
	w := h.worker()
	due := []dueLane{}
	list, err := h.log.List(t.Context(), "m1", Page{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		if len(due) == 0 || due[0].name != d.Lane {
			due = append(due, dueLane{d.Lane, d.DueAt})
		}
	}
	claimed, _, err := w.claim(t.Context(), w.room(due), h.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return w, claimed
}

// late records an outcome as a process would that was thought dead.
func (h *house) late(t *testing.T, w *Worker, task task, s State) {
	t.Helper()
	e := ending{
		Delivery: task.Delivery, node: w.node, state: s, attempt: Attempt{N: task.Attempts, Outcome: acknowledged, Status: 200}, first: task.FirstAt,
	}
	err := h.db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := w.recordSlice(ctx, tx, []ending{e})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnotherTakesOverWhenTheLeaseOfADeadOneEnds(t *testing.T) {
	c := clock.NewFake(epoch)
	h := newHouse(t, storetest.Open(t, storetest.URL(t, store.Postgres), c))
	h.door.timeout = 10 * time.Second
	s := newSink(t)
	h.tell(t, "m1", s.URL, "o1")
	dead, claimed := h.die(t)
	if len(claimed) != 1 {
		t.Fatalf("%d deliveries claimed, want one", len(claimed))
	}
	d, attempts := h.get(t, "m1", claimed[0].ID)
	end := epoch.Add(15 * time.Second) // the call's limit and five seconds
	if d.LeaseBy != dead.node || !d.DueAt.Equal(end) || d.Attempts != 1 || len(attempts) != 1 || attempts[0].N != 1 || attempts[0].Node != dead.node {
		t.Fatalf("the delivery is %+v, the log says %+v; want the attempt recorded before it is made", d, attempts)
	}
	h.start(t)
	h.forward(c, end.Add(-time.Microsecond))
	h.tell(t, "m1", s.URL, "o2")
	h.rests(t, "m1", "o2", 1)
	if d := h.only(t, "m1", "o1"); d.Attempts != 1 {
		t.Fatalf("it was taken over before the lease ended: %+v", d)
	}
	h.forward(c, end)
	d, attempts = h.rests(t, "m1", "o1", 2)
	if d.State != Delivered || len(attempts) != 2 || !attempts[0].EndedAt.IsZero() || attempts[1].Outcome != acknowledged || d.Failures != 0 {
		t.Errorf("the delivery is %+v, the log says %+v", d, attempts)
	}
	h.late(t, dead, claimed[0], Pending)
	if again := h.only(t, "m1", "o1"); again.State != Delivered || !again.DueAt.Equal(d.DueAt) {
		t.Errorf("one that had lost its lease made it %+v", again)
	}
}

func TestALeaseThatEndedCountsUntilAnotherTookIt(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, c *clock.Fake) {
		h.tell(t, "m1", "http://127.0.0.1:9/", "o1")
		slow, claimed := h.die(t)
		c.Advance(time.Hour)
		h.late(t, slow, claimed[0], Delivered)
		if d := h.only(t, "m1", "o1"); d.State != Delivered || d.LeaseBy != "" {
			t.Errorf("the delivery is %+v", d)
		}
	})
}

func TestOnSQLiteLeasesOfEarlierStartsAreVoid(t *testing.T) {
	c := clock.NewFake(epoch)
	h := newHouse(t, storetest.Open(t, storetest.URL(t, store.SQLite), c))
	s := newSink(t)
	h.tell(t, "m1", s.URL, "o1")
	if _, claimed := h.die(t); len(claimed) != 1 {
		t.Fatalf("%d deliveries claimed, want one", len(claimed))
	}
	h.start(t) // the clock stands still: no lease ends by itself
	if d, attempts := h.rests(t, "m1", "o1", 2); d.State != Delivered || !attempts[0].EndedAt.IsZero() || attempts[1].Outcome != acknowledged {
		t.Errorf("the delivery is %+v, the log says %+v", d, attempts)
	}
}

func TestTwoWorkersOverOneDatabaseTellEachEventOnce(t *testing.T) {
	url := storetest.URL(t, store.Postgres)
	one := newHouse(t, storetest.Open(t, url, nil))
	two := newHouse(t, storetest.Open(t, url, nil))
	var mu sync.Mutex
	times := map[string]int{}
	var urls []string
	for range 3 {
		urls = append(urls, serve(t, func(_ http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			times[r.Header.Get(HeaderID)]++
		}).URL)
	}
	workers := []*Worker{one.worker(), two.worker()}
	for _, w := range workers {
		run(t, w)
	}
	const each = 200
	for i, url := range urls {
		for n := range each {
			one.tell(t, "m1", url, fmt.Sprintf("%d/%d", i, n))
			two.outbox.ring()
		}
	}
	until(t, "all are delivered", func() bool { return one.unclosed(t, "m1") == 0 })
	mu.Lock()
	defer mu.Unlock()
	if len(times) != each*len(urls) {
		t.Errorf("%d deliveries came, want %d", len(times), each*len(urls))
	}
	for id, n := range times {
		if n != 1 {
			t.Errorf("delivery %s came %d times", id, n)
		}
	}
	list, err := one.log.List(t.Context(), "m1", Page{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]int{}
	for _, d := range list {
		if d.Attempts != 1 || d.State != Delivered {
			t.Errorf("the delivery is %+v", d)
		}
		_, attempts := one.get(t, "m1", d.ID)
		by[attempts[0].Node]++
	}
	t.Logf("the two made %d and %d of the calls", by[workers[0].node], by[workers[1].node])
}

func TestClaimsOfTwoNodesAtOnceNeverMeet(t *testing.T) {
	c := clock.NewFake(epoch)
	url := storetest.URL(t, store.Postgres)
	h, other := newHouse(t, storetest.Open(t, url, c)), newHouse(t, storetest.Open(t, url, c))
	h.tell(t, "m1", "http://127.0.0.1:9/", many(600)...)
	lane := h.only(t, "m1", "o0").Lane
	var mu sync.Mutex
	holders := map[string]int{}
	var all sync.WaitGroup
	for i := range 8 {
		w := []*house{h, other}[i%2].worker()
		all.Go(func() {
			for {
				claimed, _, err := w.claim(context.Background(), []portion{{lane, 10}}, epoch)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, task := range claimed {
					holders[task.ID]++
				}
				done := len(holders) == 600
				mu.Unlock()
				if done {
					return
				}
			}
		})
	}
	all.Wait()
	if len(holders) != 600 {
		t.Errorf("%d of 600 were claimed", len(holders))
	}
	for id, n := range holders {
		if n != 1 {
			t.Errorf("%s was claimed %d times", id, n)
		}
	}
}

func TestAStopFinishesTheCallsUnderWayAndGivesBackTheRest(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, _ *clock.Fake) {
		var here sync.WaitGroup
		here.Add(laneMost)
		release := make(chan struct{})
		s := serve(t, func(http.ResponseWriter, *http.Request) { here.Done(); <-release })
		const total = 40
		h.tell(t, "m1", s.URL, many(total)...)
		w := h.worker()
		w.lanes[h.only(t, "m1", "o0").Lane] = &lane{lot: lotMost}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); w.Run(ctx) }()
		here.Wait()
		cancel()
		close(release)
		<-done
		list, err := h.log.List(t.Context(), "m1", Page{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		delivered, back := 0, 0
		for _, d := range list {
			_, attempts := h.get(t, "m1", d.ID)
			switch {
			case d.LeaseBy != "":
				t.Errorf("a lease is left: %+v", d)
			case d.State == Delivered:
				delivered++
			case d.State == Pending && d.DueAt.Equal(epoch) && d.Failures == 0 && d.FirstAt.IsZero() && attempts[0].Outcome == unsent:
				back++
			default:
				t.Errorf("the delivery is %+v, the log says %+v", d, attempts)
			}
		}
		if delivered != laneMost || back != total-laneMost {
			t.Errorf("%d were delivered and %d given back, want %d and %d", delivered, back, laneMost, total-laneMost)
		}
	})
}

func TestADeliveryWaitsForADoorThatIsSwitchedOff(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, c *clock.Fake) {
		s := newSink(t)
		h.tell(t, "m1", s.URL, "o1")
		on := h.outbox
		h.outbox = NewOutbox(h.clock, h.policy)
		stop := h.start(t)
		d, attempts := h.rests(t, "m1", "o1", 1)
		if d.State != Pending || d.Failures != 0 || !d.FirstAt.IsZero() || !d.DueAt.Equal(epoch.Add(doorless)) || attempts[0].Outcome != unsent {
			t.Errorf("the delivery is %+v, the log says %+v", d, attempts)
		}
		stop()
		h.outbox = on
		c.Advance(2 * Window)
		h.start(t)
		if d, _ := h.rests(t, "m1", "o1", 2); d.State != Delivered || !d.FirstAt.Equal(c.Now()) {
			t.Errorf("the delivery is %+v", d)
		}
	})
}

func TestAClockThatJumpsBackStopsNothingThatComesAfter(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, c *clock.Fake) {
		s := newSink(t)
		s.answer(http.StatusInternalServerError)
		h.start(t)
		h.tell(t, "m1", s.URL, "o1", "o1") // the second waits, on the same lane
		h.firstRests(t, "o1", 1)
		s.answer(http.StatusOK)
		h.forward(c, epoch.Add(-24*time.Hour))
		h.tell(t, "m1", s.URL, "o2")
		if d, _ := h.rests(t, "m1", "o2", 1); d.State != Delivered {
			t.Errorf("the delivery is %+v", d)
		}
	})
}

// firstRests waits until the first delivery about the object was tried so often.
func (h *house) firstRests(t *testing.T, object string, attempts int64) {
	t.Helper()
	until(t, "the first was tried", func() bool {
		list, err := h.log.Of(t.Context(), "m1", object)
		return err == nil && list[0].Attempts == attempts && list[0].LeaseBy == ""
	})
}
