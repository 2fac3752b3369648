package webhook

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/clock"
	"sarraf/internal/storetest"
	"sarraf/store"
)

func TestZZScratch(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ctx := context.Background()
		w := h.worker()
		timed := func(what string, n int, f func()) {
			watch := clock.Start()
			for range n {
				f()
			}
			fmt.Println(db.Engine(), what, watch()/time.Duration(n))
		}
		look := func() {
			if err := db.Query(ctx, sqlLanes, nil, func(r store.Row) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		// cached generic plans on an empty table first
		for range 10 {
			look()
		}
		w.claim(ctx, []portion{{"x", 10}}, h.clock.Now())
		for i := range 4 {
			var l []event.New
			for n := range 5000 {
				o := fmt.Sprintf("o%d/%d", i, n)
				l = append(l, h.fact("m1", "http://127.0.0.1:9/", o, "t"), h.fact("m1", "http://127.0.0.1:9/", o, "t"))
			}
			h.append(t, l)
			h.append(t, []event.New{h.fact("m2", "http://127.0.0.1:9/", "x", "t")})
		}
		timed("look", 50, look)
		lane := "m1 127.0.0.1:9"
		timed("claim 16", 20, func() {
			c, m, err := w.claim(ctx, []portion{{lane, 16}}, h.clock.Now())
			if err != nil || len(c) != 16 {
				t.Fatal(err, len(c), m)
			}
		})
		timed("claim 128", 20, func() {
			c, m, err := w.claim(ctx, []portion{{lane, 128}}, h.clock.Now())
			if err != nil || len(c) < 1 {
				t.Fatal(err, len(c), m)
			}
		})
		plan := func(sql string, args ...any) {
			ex := "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "
			if db.Engine() == store.SQLite {
				ex = "EXPLAIN QUERY PLAN "
			}
			fmt.Println("-----", sql[:60])
			err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				return tx.Query(ctx, ex+sql, args, func(r store.Row) error {
					var a, b, c int64
					var s string
					if db.Engine() == store.SQLite {
						r.Scan(&a, &b, &c, &s)
					} else {
						r.Scan(&s)
					}
					fmt.Println("   ", a, b, s)
					return nil
				})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		now := clock.Micros(h.clock.Now())
		if false {
			plan(sqlLanes)
		}
		if false {
			plan(sqlClaim, now+1, "n", now, lane, int64(16))
		}
		if false {
			plan(sqlBehind, lane, now, now+250000)
		}
		// all firsts fail: every first waits an hour, seconds are blocked
		err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return tx.Exec(ctx, "UPDATE delivery SET due_at = due_at + 3600000000, lease_by = '', failures = 1 WHERE event_seq % 2 = 1 AND lane = $1", lane)
		})
		if err != nil {
			t.Fatal(err)
		}
		moved := 0
		timed("claim of blocked", 60, func() {
			_, m, err := w.claim(ctx, []portion{{lane, 16}}, h.clock.Now())
			moved += m
			if err != nil {
				t.Fatal(err)
			}
		})
		fmt.Println("moved", moved)
		timed("look", 50, look)
		// many lanes
		for _, n := range []int{1000} {
			var l []event.New
			for i := range n {
				l = append(l, h.fact(fmt.Sprintf("m-%d-%d", n, i), "http://127.0.0.1:9/", "x", "t"))
			}
			h.append(t, l)
			timed(fmt.Sprint("look at more lanes ", n), 10, look)
		}
		var want []portion
		for i := range 256 {
			want = append(want, portion{fmt.Sprintf("m-1000-%d 127.0.0.1:9", i), 16})
		}
		timed("claim of 256 lanes", 1, func() {
			c, _, err := w.claim(ctx, want, h.clock.Now())
			if err != nil || len(c) != 256 {
				t.Fatal(err, len(c))
			}
		})
		_ = os.Args
	})
}
