package seal_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/audit"
	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/seal"
	"sarraf/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var began = time.Date(2026, 2, 9, 21, 30, 0, 0, time.UTC)

// house is a database with events, which is all that a sealer needs.
type house struct {
	db    *store.DB
	clock *clock.Fake
	log   *event.Log
	key   ed25519.PrivateKey
	said  bytes.Buffer
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			c := clock.NewFake(began)
			db := storetest.Open(t, storetest.URL(t, engine), c)
			_, key, err := ed25519.GenerateKey(nil)
			if err != nil {
				t.Fatal(err)
			}
			fn(t, &house{db: db, clock: c, log: event.NewLog(db), key: key})
		})
	}
}

func (h *house) sealer() *seal.Sealer {
	return seal.New(h.db, h.key, time.Hour, slog.New(slog.NewTextHandler(&h.said, nil)), event.Sealed{})
}

// write adds n events of each owner; with a sealer, it is told.
func (h *house) write(t *testing.T, s *seal.Sealer, n int, owners ...string) {
	t.Helper()
	err := h.db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		var list []event.New
		for _, o := range owners {
			for i := range n {
				list = append(list, event.New{
					Owner: o, Type: "thing.done", Kind: "thing", Subject: fmt.Sprint(i), Data: []byte(`{}`), At: h.clock.Now(),
				})
			}
			if s != nil {
				s.Touch(tx, o)
			}
		}
		_, err := h.log.Append(ctx, tx, list)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) round(t *testing.T, s *seal.Sealer, sweep bool) {
	t.Helper()
	if err := s.Round(t.Context(), sweep); err != nil {
		t.Fatal(err)
	}
}

// verify answers the findings.
func (h *house) verify(t *testing.T, keys ...ed25519.PublicKey) []audit.Finding {
	t.Helper()
	var found []audit.Finding
	err := h.db.Snapshot(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return seal.Verify(ctx, tx, keys, func(f audit.Finding) { found = append(found, f) }, event.Sealed{})
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (h *house) count(t *testing.T, sql string) (n int64) {
	t.Helper()
	if err := h.db.Query(t.Context(), sql, nil, func(r store.Row) error { return r.Scan(&n) }); err != nil {
		t.Fatal(err)
	}
	return n
}

func (h *house) exec(t *testing.T, sql string) {
	t.Helper()
	if err := h.db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.Exec(ctx, sql) }); err != nil {
		t.Fatal(err)
	}
}

const (
	countSeals = `SELECT COUNT(*) FROM seal`
	countHeads = `SELECT COUNT(*) FROM seal_head`
)

func TestTouchedOwnersAreSealedAndOthersByTheSweep(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := h.sealer()
		h.write(t, s, 3, "a", "b")
		h.write(t, nil, 2, "c") // by a node that died before it could say so
		h.round(t, s, false)
		if n := h.count(t, countSeals); n != 2 {
			t.Fatalf("%d seals of two touched owners", n)
		}
		h.round(t, s, false)
		if n := h.count(t, countSeals); n != 2 {
			t.Fatalf("%d seals after a round with nothing new", n)
		}
		h.round(t, s, true)
		if n, m := h.count(t, countSeals), h.count(t, countHeads); n != 3 || m != 3 {
			t.Fatalf("%d seals and %d heads of three owners after the sweep", n, m)
		}
		if found := h.verify(t, h.key.Public().(ed25519.PublicKey)); len(found) != 0 {
			t.Fatal(found)
		}
		if !strings.Contains(h.said.String(), "owner=c") {
			t.Error("the head of c is not in the log")
		}
	})
}

func TestSealsFollowSealsOverManyRounds(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := h.sealer()
		for range 10 {
			h.write(t, s, 7, "a")
			h.round(t, s, false)
			h.clock.Advance(time.Hour)
		}
		if n := h.count(t, countSeals); n != 10 {
			t.Fatalf("%d seals of ten rounds", n)
		}
		if found := h.verify(t); len(found) != 0 {
			t.Fatal(found)
		}
	})
}

func TestNodesThatSealAtOnceNeverForkAChain(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owners := []string{"a", "b", "c", "d", "e"}
		nodes := []*seal.Sealer{h.sealer(), h.sealer(), h.sealer()}
		var wg sync.WaitGroup
		for range 10 {
			for _, s := range nodes {
				h.write(t, s, 2, owners...)
			}
			for _, s := range nodes {
				wg.Go(func() {
					if err := s.Round(t.Context(), true); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		if found := h.verify(t); len(found) != 0 {
			t.Fatal(found)
		}
	})
}

func TestWhatIsForgottenIsNamedAndWhatIsNewIsNot(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := h.sealer()
		h.write(t, s, 1, "a")
		h.round(t, s, false)
		h.write(t, nil, 1, "a", "b")
		if found := h.verify(t); len(found) != 0 {
			t.Fatalf("just written: %v", found)
		}
		h.clock.Advance(seal.Grace + time.Second)
		if found := h.verify(t); len(found) != 0 {
			t.Fatalf("a backup that is looked at later: %v", found)
		}
		h.write(t, nil, 1, "c")
		if found := h.verify(t); len(found) != 2 || found[0].Table != "seal" || found[0].Owner != "a" || found[1].Owner != "b" {
			t.Fatalf("forgotten for longer than the grace: %v", found)
		}
	})
}

func TestAnotherKeysSealsAreNotTaken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := h.sealer()
		h.write(t, s, 1, "a")
		h.round(t, s, false)
		other, _, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		if found := h.verify(t, other); len(found) != 2 {
			t.Fatalf("with another key pinned: %v", found)
		}
		if found := h.verify(t, other, h.key.Public().(ed25519.PublicKey)); len(found) != 0 {
			t.Fatalf("with both keys: %v", found)
		}
	})
}

func TestTheNewestSealCannotBeTakenAwayAlone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := h.sealer()
		for range 2 {
			h.write(t, s, 2, "a")
			h.round(t, s, false)
		}
		h.exec(t, `DELETE FROM seal WHERE owner = 'a' AND seq = 4`)
		if found := h.verify(t); len(found) != 1 || found[0].Table != "seal" {
			t.Fatalf("%v", found)
		}
	})
}

func TestTheSealerCoversNothingUp(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := h.sealer()
		h.write(t, s, 5, "a")
		h.exec(t, `DELETE FROM event WHERE owner = 'a' AND seq = 5`)
		h.round(t, s, false)
		if n := h.count(t, countSeals); n != 0 {
			t.Fatalf("%d seals over rows of which one is missing", n)
		}
	})
}

func TestRunSealsWhatIsLeftWhenItStops(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := h.sealer()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		h.round(t, s, true)
		go func() { s.Run(ctx); close(done) }()
		h.write(t, s, 3, "a")
		stop()
		<-done
		if n := h.count(t, countSeals); n < 1 {
			t.Fatal("what was written before the stop is not sealed")
		}
		if found := h.verify(t); len(found) != 0 {
			t.Fatal(found)
		}
	})
}
