package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"sarraf/fault"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var ctx = context.Background()

func TestMigratingTwiceChangesNothing(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		again, err := db.Migrate(ctx, false)
		if err != nil || len(again) != 0 {
			t.Fatalf("second migration: %v, %v", again, err)
		}
		if err := db.CheckSchema(ctx); err != nil {
			t.Fatal(err)
		}
	})
}

func TestNumbersAreNeverGivenTwice(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		nodes := []*store.Numbers{db.Numbers("n"), db.Numbers("n")}
		var mu sync.Mutex
		seen := map[int64]bool{}
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for range 600 {
					n, err := nodes[g%2].Next(ctx)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if seen[n] || n < 1 {
						t.Errorf("%d was given twice", n)
					}
					seen[n] = true
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(seen) != 4800 {
			t.Fatalf("%d numbers, want 4800", len(seen))
		}
	})
}

func TestNumbersTakenTogetherFollowEachOtherAndAreNeverGivenTwice(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		nodes := []*store.Numbers{db.Numbers("n"), db.Numbers("n")}
		var mu sync.Mutex
		seen, want := map[int64]bool{}, 0
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 60 {
					// Ones that fit into a block, that do not fit into what is left of it, and that are greater than any.
					many := int64([]int{1, 7, 400, 1, 2500, 999}[i%6])
					first, err := nodes[g%2].Take(ctx, many)
					if err != nil || first < 1 {
						t.Errorf("%d numbers from %d: %v", many, first, err)
						return
					}
					mu.Lock()
					want += int(many)
					for n := first; n < first+many; n++ {
						if seen[n] {
							t.Errorf("%d was given twice", n)
						}
						seen[n] = true
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(seen) != want {
			t.Fatalf("%d numbers, want %d", len(seen), want)
		}
	})
}

func TestTakingManyNumbersLeavesABlockAsItIs(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		run := db.Numbers("n")
		var got []int64
		for _, many := range []int64{3, 1, 5, 5000, 1, 994, 1, 2} {
			first, err := run.Take(ctx, many)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, first)
		}
		// A lease of three; a block of 1,000 from 4; a lease of 5,000 beside it, after which the block goes on to its end; the next one.
		if want := []int64{1, 4, 5, 1004, 10, 6004, 11, 12}; !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
		for _, many := range []int64{0, -1} {
			if first, err := run.Take(ctx, many); err == nil {
				t.Errorf("%d numbers are %d", many, first)
			}
		}
	})
}

func TestNumbersDrawnInTransactionsHaveNoGaps(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		stop := errors.New("stop")
		var mu sync.Mutex
		seen := map[int64]bool{}
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 15 {
					var n int64
					err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
						if n, err = tx.Number(ctx, "n"); err == nil && (g+i)%3 == 0 {
							err = stop
						}
						return err
					})
					if (err != nil) != ((g+i)%3 == 0) || err != nil && !errors.Is(err, stop) {
						t.Errorf("%d: %v", n, err)
					}
					if err == nil {
						mu.Lock()
						if seen[n] {
							t.Errorf("%d was drawn twice", n)
						}
						seen[n] = true
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		for n := range int64(40) {
			if !seen[n+1] {
				t.Fatalf("%d was not drawn, of %d that were", n+1, len(seen))
			}
		}
		if len(seen) != 40 {
			t.Errorf("%d were drawn, want 40", len(seen))
		}
	})
}

func TestAliasIsFoundByItsOwnerOnly(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		list := make([]store.Alias, 700)
		for i := range list {
			list[i] = store.Alias{Value: fmt.Sprintf("v%d", i), Kind: "k", Owner: "a", ID: fmt.Sprint(i)}
		}
		put := func(list []store.Alias) error {
			return db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { tx.PutAliases(list); return nil })
		}
		if err := put(list); err != nil {
			t.Fatal(err)
		}
		if id, err := db.FindAlias(ctx, "a", "k", "v699"); err != nil || id != "699" {
			t.Fatalf("own alias: %q, %v", id, err)
		}
		if id, err := db.FindAlias(ctx, "b", "k", "v699"); err != nil || id != "" {
			t.Fatalf("another's alias: %q, %v", id, err)
		}
		if err := put(list[:1]); !store.IsUnique(err) {
			t.Fatalf("the same alias again: %v", err)
		}
	})
}

// adder is a batcher over one counter row: it answers the total after each addition, refuses negative ones, and chokes on 666.
func adder(db *store.DB) *store.Batcher[int64, int64] {
	const upsert = `INSERT INTO counter (name, next) VALUES ('sum', $1) ON CONFLICT (name) DO UPDATE SET next = counter.next + excluded.next RETURNING next`
	return store.NewBatcher(db, "add", func(ctx context.Context, tx *store.Tx, list []int64) ([]store.Outcome[int64], error) {
		out := make([]store.Outcome[int64], len(list))
		for i, n := range list {
			switch {
			case n == 666:
				return nil, errors.New("poison")
			case n < 0:
				out[i].Err = fault.New(fault.AmountNotPositive).On("n")
				continue
			}
			err := tx.Query(ctx, upsert, []any{n}, func(r store.Row) error { return r.Scan(&out[i].Value) })
			if err != nil {
				return nil, err
			}
		}
		return out, nil
	})
}

func total(t *testing.T, db *store.DB) (n int64) {
	t.Helper()
	err := db.Query(ctx, `SELECT next FROM counter WHERE name = 'sum'`, nil, func(r store.Row) error { return r.Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestBatcherGivesEachCallerItsOwnOutcome(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		b := adder(db)
		defer b.Close()
		var wg sync.WaitGroup
		for i := range int64(300) {
			wg.Go(func() {
				switch {
				case i%50 == 7:
					if _, err := b.Do(ctx, "o", nil, 666); err == nil || fault.First(err).Code != fault.Bug {
						t.Errorf("poison: %v", err)
					}
				case i%10 == 3:
					if _, err := b.Do(ctx, "o", nil, -1); !fault.Has(err, fault.AmountNotPositive) {
						t.Errorf("refused: %v", err)
					}
				default:
					if n, err := b.Do(ctx, "o", nil, 1); err != nil || n < 1 {
						t.Errorf("added: %d, %v", n, err)
					}
				}
			})
		}
		wg.Wait()
		if got := total(t, db); got != 300-6-30 {
			t.Fatalf("the sum is %d, want %d", got, 300-6-30)
		}
	})
}

func TestAWeighedBatcherTakesNoMoreThanItCanCarry(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		var sizes []int
		block := make(chan struct{})
		b := store.NewWeighed(db, "weighed", func(_ context.Context, _ *store.Tx, list []int) ([]store.Outcome[int], error) {
			sizes = append(sizes, len(list))
			<-block
			return make([]store.Outcome[int], len(list)), nil
		}, func(n int) int { return n })
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				if _, err := b.Do(ctx, "o", nil, 256); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Go(func() { // heavier than a whole batch
			if _, err := b.Do(ctx, "o", nil, 1000); err != nil {
				t.Error(err)
			}
		})
		close(block)
		wg.Wait()
		b.Close()
		total := 0
		for _, n := range sizes {
			total += n
			if n > 2 {
				t.Errorf("batches of %v", sizes)
			}
		}
		if total != 13 {
			t.Errorf("%d commands in batches of %v", total, sizes)
		}
	})
}

func TestSameKeyHasOneEffectAndEqualAnswers(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		nodes := []*store.Batcher[int64, int64]{adder(db), adder(db)}
		defer nodes[0].Close()
		defer nodes[1].Close()
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				key := &store.Key{Door: "d", Key: "once", Hash: "h"}
				if n, err := nodes[i%2].Do(ctx, "o", key, 5); err != nil || n != 5 {
					t.Errorf("answer %d, %v", n, err)
				}
				refused := &store.Key{Door: "d", Key: "refused", Hash: "h"}
				_, err := nodes[i%2].Do(ctx, "o", refused, -1)
				if f := fault.First(err); f == nil || f.Code != fault.AmountNotPositive || f.Field != "n" {
					t.Errorf("refusal: %v", err)
				}
			})
		}
		wg.Wait()
		if got := total(t, db); got != 5 {
			t.Fatalf("the sum is %d after one addition of 5", got)
		}
		if _, err := nodes[0].Do(ctx, "o", &store.Key{Door: "d", Key: "once", Hash: "other"}, 5); !fault.Has(err, fault.IdempotencyReused) {
			t.Fatalf("same key, other body: %v", err)
		}
		if n, err := nodes[0].Do(ctx, "another", &store.Key{Door: "d", Key: "once", Hash: "other"}, 5); err != nil || n != 10 {
			t.Fatalf("another owner's key: %d, %v", n, err)
		}
	})
}

func TestClosedBatcherRefuses(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		b := adder(db)
		b.Close()
		if _, err := b.Do(ctx, "o", nil, 1); !fault.Has(err, fault.Overloaded) {
			t.Fatalf("after close: %v", err)
		}
	})
}

func TestPostgresGoneIsAnOutageAndMendsItself(t *testing.T) {
	server := pgtest.Start(t, true)
	db := storetest.Open(t, server.Database(t), nil)
	b := adder(db)
	defer b.Close()
	if _, err := b.Do(ctx, "o", nil, 1); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	if _, err := b.Do(ctx, "o", nil, 1); !fault.Has(err, fault.Outage) {
		t.Fatalf("with the server gone: %v", err)
	}
	if err := server.Run(); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Do(ctx, "o", nil, 1); err != nil || n != 2 {
		t.Fatalf("with the server back: %d, %v", n, err)
	}
}

func TestStreamsAreWalkedSideBySideInOneSnapshot(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		const n = 1234
		list := make([]store.Alias, n)
		for i := range list {
			list[i] = store.Alias{Value: fmt.Sprintf("v%05d", i), Kind: "k", Owner: "a", ID: fmt.Sprint(i)}
		}
		put := func(list []store.Alias) {
			if err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { tx.PutAliases(list); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		put(list)
		text := func(r store.Row) (s string, err error) { return s, r.Scan(&s) }
		err := db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
			a := store.NewStream(ctx, tx, `SELECT value FROM alias WHERE owner = $1 ORDER BY value`, []any{"a"}, text)
			b := store.NewStream(ctx, tx, `SELECT id FROM alias ORDER BY value`, nil, text)
			for i := range n {
				if i == 600 {
					put([]store.Alias{{Value: "w", Kind: "k", Owner: "a", ID: "late"}})
				}
				v, ok1 := a.Next(ctx)
				w, ok2 := b.Next(ctx)
				if !ok1 || !ok2 || v != list[i].Value || w != list[i].ID {
					t.Fatalf("row %d: %q %q %v %v", i, v, w, a.Err(), b.Err())
				}
			}
			if v, ok := a.Next(ctx); ok || a.Err() != nil {
				t.Fatalf("after the end: %q, %v", v, a.Err())
			}
			if _, ok := b.Peek(ctx); ok {
				t.Fatal("the snapshot saw what was written after it began")
			}
			return b.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestLostAnswerToCommitIsFoundOutByTheKey(t *testing.T) {
	url, lose := pgtest.Lossy(t, storetest.URL(t, store.Postgres))
	db := storetest.Open(t, url, nil)
	b := adder(db)
	defer b.Close()
	for i := range int64(5) {
		lose()
		key := &store.Key{Door: "d", Key: fmt.Sprint(i), Hash: "h"}
		if n, err := b.Do(ctx, "o", key, 1); err != nil || n != i+1 {
			t.Fatalf("addition %d answers %d, %v", i, n, err)
		}
	}
	if got := total(t, db); got != 5 {
		t.Fatalf("the sum is %d after five additions of 1", got)
	}
	// A command that does not know itself again is carried out twice: so the answers were lost indeed.
	lose()
	if n, err := b.Do(ctx, "o", nil, 1); err != nil || n != 7 {
		t.Fatalf("without a key: %d, %v", n, err)
	}
}

func TestMistakeOfOursIsNoAnswerThatAKeyKeeps(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		broken := true
		b := store.NewBatcher(db, "flaky", func(_ context.Context, _ *store.Tx, list []string) ([]store.Outcome[string], error) {
			out := make([]store.Outcome[string], len(list))
			for i, c := range list {
				if out[i].Value = c; c == "bad" && broken {
					out[i].Err = errors.New("no fault of the command")
				}
			}
			return out, nil
		})
		defer b.Close()
		key := &store.Key{Door: "d", Key: "k", Hash: "h"}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if got, err := b.Do(ctx, "o", nil, "good"); got != "good" || err != nil {
					t.Errorf("beside it: %q, %v", got, err)
				}
			})
		}
		if _, err := b.Do(ctx, "o", key, "bad"); fault.First(err) == nil || fault.First(err).Code != fault.Bug {
			t.Fatalf("broken: %v", err)
		}
		wg.Wait()
		broken = false
		if got, err := b.Do(ctx, "o", key, "bad"); got != "bad" || err != nil {
			t.Fatalf("mended: %q, %v", got, err)
		}
	})
}

func TestOneKeyOverAndOverInOneBatchIsCarriedOutOnce(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		b := adder(db)
		defer b.Close()
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				key := &store.Key{Door: "d", Key: fmt.Sprint("k", i%7), Hash: fmt.Sprint("h", i%7)}
				if i%40 == 39 {
					key.Hash = "other"
				}
				_, err := b.Do(ctx, "o", key, 1)
				if err != nil && !fault.Has(err, fault.IdempotencyReused) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := total(t, db); got != 7 {
			t.Fatalf("the sum is %d after 7 keys", got)
		}
	})
}

var bulkEcho = store.NewBulk(`WITH k (n, word, number) AS (VALUES {rows}) SELECT k.n, k.word, k.number FROM k`, "BIGINT", "TEXT", "BIGINT")

func TestListOfAnyLengthArrivesWhole(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		for _, rows := range []int{1, 2, 3, 511, 513, 9000} {
			args := make([]any, 0, 3*rows)
			for n := range rows {
				word, number := any(fmt.Sprint("{ }\",NULL'", n)), any(int64(-n))
				switch n % 5 {
				case 1:
					word = nil
				case 2:
					number = nil
				case 3:
					word = ""
				}
				args = append(args, int64(n), word, number)
			}
			came := 0
			err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				came = 0
				return tx.QueryRows(ctx, bulkEcho, args, func(r store.Row) error {
					var n int64
					var word *string
					var number *int64
					if err := r.Scan(&n, &word, &number); err != nil {
						return err
					}
					want := args[3*n : 3*n+3]
					if (want[1] == nil) != (word == nil) || word != nil && *word != want[1] ||
						(want[2] == nil) != (number == nil) || number != nil && *number != want[2] || int(n) != came {
						t.Errorf("row %d of %d, as number %d: %v, want %v", n, rows, came, []any{word, number}, want)
					}
					came++
					return nil
				})
			})
			if err != nil || came != rows {
				t.Errorf("%d of %d rows, %v", came, rows, err)
			}
		}
	})
}
