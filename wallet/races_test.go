package wallet_test

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"sarraf/fault"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/store"
	"sarraf/wallet"
)

// reopened ends everything and opens it again: what a restart of both nodes leaves is what the database holds.
func (w *town) reopened() {
	w.t.Helper()
	apart := w.nodes[0].db != w.nodes[1].db
	now := w.nodes[0].clock.Now()
	for _, n := range w.nodes {
		n.Close()
	}
	for _, n := range w.nodes {
		if err := n.db.Close(); err != nil && apart {
			w.t.Fatal(err)
		}
	}
	other := newTown(w.t, w.url, apart)
	for _, n := range other.nodes {
		n.clock.Set(now)
	}
	w.nodes = other.nodes
}

// guess shows a PIN in one of the ways there are.
func guess(h *house, from, to wallet.Wallet, way int, pin string) error {
	switch way % 4 {
	case 0:
		return h.CheckPIN(h.t.Context(), from.Owner, pin)
	case 1:
		return h.ChangePIN(h.t.Context(), from.Owner, pin, "1234")
	case 2:
		sp := h.spending(from, to, 1_00)
		sp.PIN = &pin
		out, err := h.SpendMany(h.t.Context(), from.Owner, []wallet.Spend{sp}, nil)
		if err == nil {
			err = fault.Join(out[0].Faults...)
		}
		return err
	}
	sp := h.spending(from, to, 1_00)
	sp.PIN, sp.Once = &pin, true
	_, err := h.Spend(h.t.Context(), sp, nil)
	return err
}

func TestAHundredWhoGuessHaveFiveTries(t *testing.T) {
	eachTown(t, func(w *town) {
		for round := range 3 {
			list := w.people(2, 1000_00)
			a, b := list[0], list[1]
			var wrong, locked atomic.Int64
			w.crowd(100, func(g int) {
				for n := range 12 {
					node := w.nodes[(g+n)%2]
					switch err := guess(node, a, b, g+n, fmt.Sprintf("%04d", 5000+12*g+n)); code(err) {
					case fault.PINWrong:
						wrong.Add(1)
					case fault.PINLocked:
						locked.Add(1)
					default:
						t.Errorf("%v", err)
					}
				}
			})
			if wrong.Load() != 5 || locked.Load() != 1195 {
				t.Fatalf("%d were told that a PIN is wrong, %d that it is locked", wrong.Load(), locked.Load())
			}
			w.reopened()
			for way := range 8 {
				w.nodes[way%2].says(guess(w.nodes[way%2], a, b, way, "1234"), fault.PINLocked)
			}
			w.nodes[0].holds(a, 1000_00)
			for _, n := range w.nodes {
				n.clock.Set(start.Add(time.Duration(round+1) * 30 * time.Minute))
			}
			w.nodes[0].says(guess(w.nodes[0], a, b, 3, "1234"), "")
		}
	})
}

// A COMMIT that is not answered may count a guess twice, and never less than once.
func TestGuessesWhoseCommitIsNotAnsweredAreCounted(t *testing.T) {
	url := pgtest.Database(t)
	through, lose := pgtest.Lossy(t, url)
	w := newTown(t, through, true)
	for round := range 8 {
		list := w.people(2, 1000_00)
		var wrong atomic.Int64
		lose()
		w.crowd(40, func(g int) {
			node := w.nodes[g%2]
			if g%10 == 3 {
				lose()
			}
			switch err := guess(node, list[0], list[1], g, fmt.Sprintf("%04d", 5000+g)); code(err) {
			case fault.PINWrong:
				wrong.Add(1)
			case fault.PINLocked:
			default:
				t.Errorf("%v", err)
			}
		})
		if wrong.Load() > 5 {
			t.Fatalf("round %d: %d guesses were compared", round, wrong.Load())
		}
		w.nodes[0].says(w.nodes[1].CheckPIN(t.Context(), list[0].Owner, "1234"), fault.PINLocked)
	}
	w.nodes[0].proved()
}

// What changes a wallet and is not answered is done once, and answered as it was done.
func TestChangesWhoseCommitIsNotAnsweredAreMadeOnce(t *testing.T) {
	through, lose := pgtest.Lossy(t, storetest.URL(t, store.Postgres))
	h := newTown(t, through, true).nodes[0]
	a := h.made(wallet.Consumer)
	lose()
	h.says(h.ChangePIN(t.Context(), a.Owner, "1234", "4321"), "")
	for range 4 { // none of them was counted above
		h.says(h.CheckPIN(t.Context(), a.Owner, "1234"), fault.PINWrong)
	}
	h.says(h.CheckPIN(t.Context(), a.Owner, "4321"), "")
	lose()
	h.says(h.SetPIN(t.Context(), by, a.Owner, "1111"), "")
	h.says(h.CheckPIN(t.Context(), a.Owner, "1111"), "")
	lose()
	if w, err := h.SetStatus(t.Context(), by, a.Owner, wallet.Suspended); err != nil || w.Status != wallet.Suspended {
		t.Errorf("%+v, %v", w, err)
	}
	lose()
	if w, err := h.RevokeQR(t.Context(), by, a.Owner); err != nil || w.QRSerial == 0 {
		t.Errorf("%+v, %v", w, err)
	}
	to := a
	to.Number, to.Status = "+8801712345678", ""
	lose()
	if w, err := h.Change(t.Context(), by, to); err != nil || w.Number != to.Number {
		t.Errorf("%+v, %v", w, err)
	}
	lose()
	if err := h.SetRule(t.Context(), by, a.Owner, "BDT", wallet.Send, &wallet.Rule{Max: 7}); err != nil {
		t.Error(err)
	}
	lose()
	if w := h.made(wallet.Merchant); w.Owner == "" {
		t.Error("no wallet")
	}
	h.proved()
}

// Connections break before and after the commit, on both nodes, while money moves: each transfer happens once, whoever repeats it.
func TestTransfersOverBrokenConnectionsHappenOnce(t *testing.T) {
	url := pgtest.Database(t)
	w := &town{t: t, url: url}
	var lose [2]func()
	for i := range w.nodes {
		through, l := pgtest.Lossy(t, url)
		lose[i] = l
		one := newTown(t, through, true)
		w.nodes[i] = one.nodes[0]
	}
	plain := storetest.Open(t, url, nil)
	const people, each = 12, 10_000_00
	list := w.people(people, each)
	var sent, broken atomic.Int64
	w.crowd(16, func(g int) {
		chance := rand.New(rand.NewPCG(3, uint64(g)))
		for n := range 40 {
			from := chance.IntN(people)
			to := (from + 1 + chance.IntN(people-1)) % people
			node := w.nodes[n%2]
			sp := node.spending(list[from], list[to], 1+chance.Int64N(20_00)+1_00)
			switch chance.IntN(12) {
			case 0, 1:
				lose[chance.IntN(2)]()
			case 2: // a server process that serves one of the nodes is ended, wherever it is
				broken.Add(1)
				err := plain.Query(t.Context(), `SELECT CAST(pg_terminate_backend(pid) AS TEXT) FROM pg_stat_activity
					WHERE application_name = 'sarraf write' AND datname = current_database() AND state <> 'idle' LIMIT 1`, nil, func(r store.Row) error {
					return r.Scan(new(string))
				})
				if err != nil {
					t.Error(err)
				}
			}
			for try := 0; ; try++ {
				out, err := w.nodes[(n+try)%2].Spend(t.Context(), sp, nil)
				if err == nil {
					sent.Add(1)
					if out.Transfer.ID != sp.ID {
						t.Errorf("%+v for %s", out, sp.ID)
					}
					break
				}
				if code(err) != fault.Outage || try > 20 {
					t.Error(err)
					return
				}
			}
		}
	})
	rows := 0
	for _, of := range w.nodes[0].outgoing() {
		rows += len(of)
	}
	if rows != 16*40 || sent.Load() != 16*40 || broken.Load() == 0 {
		t.Errorf("%d transfers, %d answered, %d connections ended", rows, sent.Load(), broken.Load())
	}
	if n := w.walked(list); n != people*each {
		t.Errorf("there are %d of %d paisa", n, people*each)
	}
	w.nodes[0].proved()
}

func TestWhatIsSuspendedSpendsNoMore(t *testing.T) {
	eachTown(t, func(w *town) {
		for round := range 6 {
			list := w.people(2, 1000_000_00)
			a, b := list[0], list[1]
			var sent atomic.Int64
			enough := make(chan struct{})
			var after int64
			w.crowd(21, func(g int) {
				node := w.nodes[g%2]
				if g == 20 {
					<-enough
					if _, err := node.SetStatus(t.Context(), by, a.Owner, wallet.Suspended); err != nil {
						t.Error(err)
					}
					after = node.entries(a)
					return
				}
				for {
					_, err := node.Spend(t.Context(), node.spending(a, b, 1_00), nil)
					switch {
					case err == nil && sent.Add(1) == 60:
						close(enough)
					case code(err) == fault.SenderNotApproved:
						return
					case err != nil:
						t.Error(err)
						return
					}
				}
			})
			if last := w.nodes[round%2].entries(a); last != after || last != 1+2*sent.Load() {
				t.Fatalf("%d entries when it was suspended, %d in the end, and %d transfers were answered", after, last, sent.Load())
			}
		}
	})
}

func TestAnOldPINSpendsNoMore(t *testing.T) {
	change := map[string]func(h *house, w wallet.Wallet) error{
		"by an operator": func(h *house, w wallet.Wallet) error { return h.SetPIN(h.t.Context(), by, w.Owner, "9876") },
		"by its holder":  func(h *house, w wallet.Wallet) error { return h.ChangePIN(h.t.Context(), w.Owner, "1234", "9876") },
	}
	for name, change := range change {
		t.Run(name, func(t *testing.T) {
			eachTown(t, func(w *town) {
				for range 4 {
					list := w.people(2, 1000_000_00)
					a, b := list[0], list[1]
					var sent atomic.Int64
					enough := make(chan struct{})
					var after int64
					w.crowd(21, func(g int) {
						node := w.nodes[g%2]
						if g == 20 {
							<-enough
							if err := change(node, a); err != nil {
								t.Error(err)
							}
							after = node.entries(a)
							return
						}
						for {
							_, err := node.Spend(t.Context(), node.spending(a, b, 1_00), nil)
							switch {
							case err == nil && sent.Add(1) == 60:
								close(enough)
							case code(err) == fault.PINWrong, code(err) == fault.PINLocked:
								return
							case err != nil:
								t.Error(err)
								return
							}
						}
					})
					if last := w.nodes[0].entries(a); last != after || last != 1+2*sent.Load() {
						t.Fatalf("%d entries when the PIN was another, %d in the end, and %d transfers were answered", after, last, sent.Load())
					}
				}
			})
		})
	}
}
