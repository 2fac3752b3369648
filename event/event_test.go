package event_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/audit"
	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// witness is a sink that counts, and refuses when it is told to.
type witness struct {
	mu   sync.Mutex
	seen []event.Written
	err  error
}

func (w *witness) Accept(_ context.Context, _ *store.Tx, list []event.Written) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, list...)
	return w.err
}

func fact(db *store.DB, owner, subject string) event.New {
	return event.New{
		Owner: owner, Type: "thing.done", Kind: "thing", Subject: subject, Door: "d", Data: []byte(`{"n":1}`), At: db.Clock().Now(),
		WebhookURL: "https://shop.example/hook",
	}
}

func write(ctx context.Context, db *store.DB, l *event.Log, list ...event.New) error {
	return db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := l.Append(ctx, tx, list)
		return err
	})
}

func TestNumbersAreGaplessWithManyWritersOnTwoNodes(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		nodes := []*event.Log{event.NewLog(db), event.NewLog(db)}
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 20 {
					// Two owners in opposite orders: whoever locked them as they come would wait for ever.
					a, b := fact(db, "a", fmt.Sprint(i)), fact(db, "b", fmt.Sprint(i))
					if g%2 == 1 {
						a, b = b, a
					}
					if err := write(t.Context(), db, nodes[g%2], a, b, a); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for _, owner := range []string{"a", "b"} {
			list, err := nodes[0].List(t.Context(), owner, event.Page{Limit: 1000})
			if err != nil || len(list) != 8*20+4*20 {
				t.Fatalf("%d events of %s, %v", len(list), owner, err)
			}
			for i, e := range list {
				if e.Seq != int64(i)+1 {
					t.Fatalf("event %d of %s has number %d", i+1, owner, e.Seq)
				}
			}
		}
		err := db.Snapshot(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return event.Audit(ctx, tx, func(f audit.Finding) { t.Error(f) })
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestASinkIsPartOfTheTransaction(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		w := &witness{}
		l := event.NewLog(db, w)
		if err := write(t.Context(), db, l, fact(db, "a", "1")); err != nil {
			t.Fatal(err)
		}
		if len(w.seen) != 1 || w.seen[0].Seq != 1 || w.seen[0].WebhookURL == "" {
			t.Fatalf("the sink saw %+v", w.seen)
		}
		w.err = errors.New("no")
		if err := write(t.Context(), db, l, fact(db, "a", "2")); !errors.Is(err, w.err) {
			t.Fatalf("a sink that refuses: %v", err)
		}
		w.err = nil
		if err := write(t.Context(), db, l, fact(db, "a", "3")); err != nil {
			t.Fatal(err)
		}
		list, err := l.List(t.Context(), "a", event.Page{Limit: 10})
		if err != nil || len(list) != 2 || list[1].Subject != "3" || list[1].Seq != 2 {
			t.Fatalf("%+v, %v", list, err)
		}
	})
}

func TestListsArePagedByNumber(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		l := event.NewLog(db)
		for i := range 10 {
			if err := write(t.Context(), db, l, fact(db, "a", fmt.Sprint(i+1)), fact(db, "other", "x")); err != nil {
				t.Fatal(err)
			}
		}
		for name, c := range map[string]struct {
			page event.Page
			want string
		}{
			"first": {event.Page{Limit: 3}, "[1 2 3]"}, "after": {event.Page{After: 3, Limit: 3}, "[4 5 6]"},
			"end": {event.Page{After: 9, Limit: 3}, "[10]"}, "before": {event.Page{Before: 5, Limit: 2}, "[3 4]"},
			"between": {event.Page{After: 2, Before: 5, Limit: 9}, "[3 4]"}, "nothing": {event.Page{After: 10, Limit: 3}, "[]"},
		} {
			list, err := l.List(t.Context(), "a", c.page)
			got := []string{}
			for _, e := range list {
				got = append(got, e.Subject)
			}
			if err != nil || fmt.Sprint(got) != c.want {
				t.Errorf("%s: %v, %v, want %s", name, got, err, c.want)
			}
		}
		if _, ok, err := l.Get(t.Context(), "a", 11); ok || err != nil {
			t.Errorf("an event that is not there: %v, %v", ok, err)
		}
		found, err := l.GetAll(t.Context(), []event.Key{{Owner: "a", Seq: 2}, {Owner: "other", Seq: 1}, {Owner: "nobody", Seq: 1}})
		if err != nil || len(found) != 2 || found[event.Key{Owner: "a", Seq: 2}].Subject != "2" {
			t.Errorf("%v, %v", found, err)
		}
	})
}

func TestWhatIsAboutASubjectIsFoundByTime(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	storetest.Each(t, c, func(t *testing.T, db *store.DB) {
		l := event.NewLog(db)
		start := c.Now()
		for i := range 50 {
			if err := write(t.Context(), db, l, fact(db, "a", fmt.Sprint(i%10)), fact(db, "b", "3")); err != nil {
				t.Fatal(err)
			}
			c.Advance(time.Minute)
		}
		for _, tc := range []struct {
			from, to time.Duration
			want     string
		}{
			{0, 50 * time.Minute, "[4 14 24 34 44]"},
			{4 * time.Minute, 14 * time.Minute, "[14]"},
			{3 * time.Minute, 14 * time.Minute, "[4 14]"},
			{100 * time.Minute, 200 * time.Minute, "[]"},
			{-2 * time.Hour, -time.Hour, "[]"},
		} {
			got := about(t, db, start.Add(tc.from), start.Add(tc.to))
			if fmt.Sprint(got) != tc.want {
				t.Errorf("from %v to %v: %v, want %s", tc.from, tc.to, got, tc.want)
			}
		}
		if got := about(t, db, time.Time{}, time.Time{}); len(got) != 5 {
			t.Errorf("ever: %v", got)
		}
	})
}

// about are the numbers of the events of owner a about subject 3.
func about(t *testing.T, db *store.DB, from, to time.Time) []int64 {
	t.Helper()
	var got []int64
	err := db.Snapshot(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		list, err := event.About(ctx, tx, "a", "3", from, to)
		for _, e := range list {
			got = append(got, e.Seq)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}
