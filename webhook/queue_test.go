package webhook

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/clock"
	"sarraf/internal/storetest"
	"sarraf/store"
)

func TestDeliveriesThatHaveToWaitAreMovedOutOfTheWay(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, c *clock.Fake) {
		url := "http://127.0.0.1:9/"
		h.tell(t, "m1", url, "o1", "o1", "o2", "o2")
		dead, claimed := h.die(t)
		if len(claimed) != 2 || claimed[0].EventSeq != 1 || claimed[1].EventSeq != 3 {
			t.Fatalf("claimed were %+v, want the first of each object", claimed)
		}
		retry := epoch.Add(time.Minute)
		failed := ending{
			Delivery: claimed[0].Delivery, node: dead.node, state: Pending, failed: 1, due: retry, first: epoch,
			attempt: Attempt{N: 1, Outcome: refused},
		}
		if err := h.db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := dead.recordSlice(ctx, tx, []ending{failed})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		c.Advance(behind)
		again, moved, err := h.worker().claim(t.Context(), []portion{{claimed[0].Lane, 16}}, c.Now())
		if err != nil || len(again) != 0 || moved != 2 {
			t.Fatalf("%d claimed, %d moved, error %v; want none and two", len(again), moved, err)
		}
		// The follower of the one that failed waits for its retry; that of the one under way looks again soon.
		for object, due := range map[string]time.Time{"o1": retry, "o2": c.Now().Add(behind)} {
			list, err := h.log.Of(t.Context(), "m1", object)
			if err != nil || len(list) != 2 || !list[1].DueAt.Equal(due) || list[1].Attempts != 0 {
				t.Errorf("%s: the deliveries are %+v, error %v; want the second due at %s", object, list, err, due)
			}
		}
	})
}

// TestTheQueueIsReadByItsKeysFromTheFirstRowOn plans the statements of the worker as a new installation does: before there is a row
// and a statistic. A plan that does not go by keys would be kept while the table grows.
func TestTheQueueIsReadByItsKeysFromTheFirstRowOn(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		claim := []any{int64(2), "node", int64(1), "lane", int64(16)}
		for _, q := range []struct {
			sql  string
			args []any
		}{{sqlLanes, nil}, {sqlClaim, claim}, {sqlBehind, []any{"lane", int64(1), int64(2)}}} {
			var plan []string
			explain := "EXPLAIN (COSTS OFF) "
			if db.Engine() == store.SQLite {
				explain = "EXPLAIN QUERY PLAN "
			}
			err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				return tx.Query(ctx, explain+q.sql, q.args, func(r store.Row) error {
					var line string
					var a, b, c int64
					into := []any{&line}
					if db.Engine() == store.SQLite {
						into = []any{&a, &b, &c, &line}
					}
					err := r.Scan(into...)
					plan = append(plan, line)
					return err
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			for i, line := range plan {
				free := strings.Contains(line, "Index Scan using") && !strings.Contains(plan[i+1], "Index Cond")
				if strings.Contains(line, "Seq Scan") || strings.Contains(line, "SCAN delivery") || free {
					t.Errorf("not by a key: %s\n%s", line, strings.Join(plan, "\n"))
				}
			}
		}
	})
}

func TestLanesThatHoldAllThereIsToHoldLeaveOneForEachOther(t *testing.T) {
	w := &Worker{lanes: map[string]*lane{"slow": {lot: lotLeast, held: lotLeast}, "half": {lot: 40, held: 20}}, held: claimMost}
	got := w.room([]dueLane{{"slow", epoch}, {"new", epoch.Add(time.Second)}, {"half", epoch}, {"another", epoch}})
	want := []portion{{"another", 1}, {"new", 1}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("when everything is taken there is room for %v, want %v", got, want)
	}
	w.held = claimMost - 30
	got = w.room([]dueLane{{"slow", epoch}, {"new", epoch.Add(time.Second)}, {"half", epoch}})
	want = []portion{{"half", 20}, {"new", 10}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("when 30 are left there is room for %v, want %v", got, want)
	}
}

func TestTheLanesThatWaitedLongestAreClaimedFirst(t *testing.T) {
	w := &Worker{lanes: map[string]*lane{}}
	var due []dueLane
	for i := range 2 * laneBatch {
		due = append(due, dueLane{fmt.Sprintf("lane %04d", i), epoch.Add(-time.Duration(i) * time.Second)})
	}
	got := w.room(due)
	if len(got) == 0 || len(got) > laneBatch {
		t.Fatalf("%d lanes in one claim, want at most %d", len(got), laneBatch)
	}
	whole := 0
	for i, p := range got {
		if p.lane < "lane 0256" {
			t.Errorf("%s comes before lanes that waited longer", p.lane)
		}
		if i > 0 && got[i-1].lane >= p.lane {
			t.Errorf("%s comes after %s, and every node locks in the order of names", p.lane, got[i-1].lane)
		}
		whole += p.n
	}
	if whole > claimMost+laneBatch {
		t.Errorf("%d deliveries in one claim", whole)
	}
}

// counter is an endpoint that counts its calls by delivery. done is closed when so many deliveries have come.
func counter(t testing.TB, want int) (url string, done <-chan struct{}, times func() map[string]int) {
	var mu sync.Mutex
	all, got := make(chan struct{}), map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id := r.Header.Get(HeaderID)
		if got[id]++; got[id] == 1 && len(got) == want {
			close(all)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, all, func() map[string]int { mu.Lock(); defer mu.Unlock(); return got }
}

// pile makes deliveries to one url, each about an object of its own.
func (h *house) pile(t testing.TB, url string, total int) {
	t.Helper()
	for made := 0; made < total; {
		var list []event.New
		for range min(500, total-made) {
			list = append(list, h.fact("m1", url, fmt.Sprint("o", made), "thing.happened"))
			made++
		}
		h.append(t, list)
	}
}

func TestThousandsOfDeliveriesDrainAndEachComesOnce(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		const total = 5000
		url, done, times := counter(t, total)
		h.pile(t, url, total)
		watch := clock.Start()
		stop := h.start(t)
		<-done
		took := watch()
		stop()
		t.Logf("%d deliveries in %s: %.0f a second", total, took.Round(time.Millisecond), total/took.Seconds())
		for id, n := range times() {
			if n != 1 {
				t.Errorf("%s came %d times", id, n)
			}
		}
		if n := h.unclosed(t, "m1"); n != 0 {
			t.Errorf("%d deliveries are not closed", n)
		}
	})
}

// BenchmarkDeliver is the whole of a delivery but its making: claimed, worded, signed, sent to a local sink and recorded, over one
// lane.
func BenchmarkDeliver(b *testing.B) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			h := newHouse(b, storetest.Open(b, storetest.URL(b, engine), nil))
			url, done, _ := counter(b, b.N)
			h.pile(b, url, b.N)
			b.ResetTimer()
			stop := h.start(b)
			<-done
			stop()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
			if n := h.unclosed(b, "m1"); n != 0 {
				b.Errorf("%d deliveries are not closed", n)
			}
		})
	}
}
