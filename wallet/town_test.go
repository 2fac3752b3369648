package wallet_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/storetest"
	"sarraf/ledger"
	"sarraf/money"
	"sarraf/store"
	"sarraf/wallet"
)

// town is one database and two nodes on it. On PostgreSQL each has connections and a clock of its own; on SQLite, which one process has, they
// are two services over one store, unless they are to be apart: then the file is opened twice.
type town struct {
	t     *testing.T
	url   string
	nodes [2]*house
}

func eachTown(t *testing.T, fn func(w *town)) {
	t.Helper()
	eachTownOf(t, false, fn)
}

func eachTownOf(t *testing.T, apart bool, fn func(w *town)) {
	t.Helper()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			w := newTown(t, storetest.URL(t, engine), engine == store.Postgres || apart)
			fn(w)
			w.nodes[0].clock.Set(start.AddDate(20, 0, 0)) // nothing is in the future by then
			w.nodes[0].proved()
		})
	}
}

func newTown(t *testing.T, url string, apart bool) *town {
	w := &town{t: t, url: url}
	for i := range w.nodes {
		c := clock.NewFake(start)
		if i > 0 && !apart {
			w.nodes[i] = newNode(t, w.nodes[0].db, w.nodes[0].clock)
			continue
		}
		w.nodes[i] = newNode(t, storetest.Open(t, url, c), c)
	}
	return w
}

// people are n approved consumers, each with so much, made at once.
func (w *town) people(n int, minor int64) []wallet.Wallet {
	w.t.Helper()
	list := make([]wallet.Wallet, n)
	w.crowd(64, func(g int) {
		for i := g; i < n; i += 64 {
			list[i] = w.nodes[i%2].rich(wallet.Consumer, minor, func(n *wallet.New) { n.Name = fmt.Sprint("P", i) })
		}
	})
	return list
}

// crowd runs fn in so many goroutines at once and waits for them.
func (w *town) crowd(n int, fn func(g int)) {
	w.t.Helper()
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for g := range n {
		wg.Go(func() {
			<-begin
			fn(g)
		})
	}
	close(begin)
	wg.Wait()
	if w.t.Failed() {
		w.t.FailNow()
	}
}

// code is the fault's code, "" for none.
func code(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.First(err).Code
}

// rule sets what everybody's sending costs and may be.
func (w *town) rule(r wallet.Rule) {
	w.t.Helper()
	if err := w.nodes[0].SetRule(w.t.Context(), by, "", "BDT", wallet.Send, &r); err != nil {
		w.t.Fatal(err)
	}
}

// walked walks every entry of the people's wallets and fees: each leaves what those before it come to, and never less than nothing. It
// answers what all of it comes to.
func (w *town) walked(people []wallet.Wallet) (sum int64) {
	w.t.Helper()
	for _, p := range people {
		for _, kind := range []string{ledger.Wallet, ledger.Fees} {
			balance, seq := int64(0), int64(0)
			for {
				list, err := ledger.Entries(w.t.Context(), w.nodes[0].db, ledger.Account{Owner: p.Owner, Currency: "BDT", Kind: kind}, seq, 1000)
				if err != nil {
					w.t.Fatal(err)
				}
				for _, e := range list {
					if seq++; e.Side == ledger.Debit {
						balance -= e.Amount
					} else {
						balance += e.Amount
					}
					if e.Seq != seq || e.BalanceAfter != balance || balance < 0 {
						w.t.Fatalf("%s of %s: entry %d, the %dth, leaves %d, and it comes to %d", kind, p.Name, e.Seq, seq, e.BalanceAfter, balance)
					}
				}
				if len(list) == 0 {
					break
				}
			}
			sum += balance
		}
	}
	return sum
}

// entries is how often the wallet has moved so far.
func (h *house) entries(w wallet.Wallet) int64 {
	h.t.Helper()
	f, err := ledger.Read(h.t.Context(), h.db, w.Account("BDT"))
	if err != nil {
		h.t.Fatal(err)
	}
	return f.Entries
}

// outgoing are the rows of what was sent or paid, by the sender.
func (h *house) outgoing() map[string][]wallet.Transfer {
	h.t.Helper()
	list := map[string][]wallet.Transfer{}
	sql := `SELECT owner, id, receiver, amount, fee, at FROM wallet_transfer WHERE kind <> 'topup'`
	err := h.db.Query(context.Background(), sql, nil, func(r store.Row) error {
		var t wallet.Transfer
		var at int64
		err := r.Scan(&t.Owner, &t.ID, &t.Receiver, &t.Amount, &t.Fee, &at)
		t.At = clock.FromMicros(at)
		list[t.Owner] = append(list[t.Owner], t)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

// within holds what was sent in each day and month in Dhaka against the limits, and answers how many days of somebody's came to the daily one.
func (w *town) within(r wallet.Rule) (full int) {
	w.t.Helper()
	for owner, list := range w.nodes[0].outgoing() {
		days, months := map[string]int64{}, map[string]int64{}
		for _, t := range list {
			at := clock.In(t.At, "Asia/Dhaka")
			days[at.Format("2006-01-02")] += t.Amount
			months[at.Format("2006-01")] += t.Amount
		}
		for day, sum := range days {
			if sum > r.Daily {
				w.t.Errorf("%s sent %d on %s", owner, sum, day)
			}
			if sum == r.Daily {
				full++
			}
		}
		for month, sum := range months {
			if sum > r.Monthly {
				w.t.Errorf("%s sent %d in %s", owner, sum, month)
			}
		}
	}
	return full
}

// howLong is how long a test of chances goes on: WALLET_SECONDS, else 2 s.
func howLong(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("WALLET_SECONDS")
	if text == "" {
		return 2 * time.Second
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n <= 0 {
		t.Fatalf("WALLET_SECONDS=%q: want a number above 0", text)
	}
	return time.Duration(n * float64(time.Second))
}

func TestManyAtOnceOnTwoNodesKeepEveryPaisa(t *testing.T) {
	const people, goroutines, each = 1000, 64, 300_00
	eachTown(t, func(w *town) {
		list := w.people(people, each)
		r := wallet.Rule{Fee: money.Schedule{Flat: 1_00, PPM: 12_345, Max: 7_00}, Min: 1, Max: 300_00, Daily: 350_00, Monthly: 1 << 40}
		w.rule(r)
		var sent, feesOf, seconds atomic.Int64
		var refused sync.Map
		stop := clock.Start()
		limit := howLong(t)
		w.crowd(goroutines, func(g int) {
			chance := rand.New(rand.NewPCG(rand.Uint64(), uint64(g)))
			for stop() < limit {
				from, to := list[chance.IntN(people)], list[chance.IntN(people)]
				if chance.IntN(2) == 0 {
					from = list[chance.IntN(40)] // who come to their limits
				}
				node := w.nodes[chance.IntN(2)]
				sp := node.spending(from, to, 1+chance.Int64N(300_00))
				if wrong := "0000"; chance.IntN(200) == 0 {
					sp.PIN = &wrong
				}
				out, err := node.Spend(t.Context(), sp, nil)
				switch code(err) {
				case "":
					sent.Add(1)
					feesOf.Add(out.Transfer.Fee)
				case fault.BalanceInsufficient, fault.DailyLimitExceeded, fault.PINWrong, fault.PINLocked, fault.ReceiverSelf:
					refused.Store(code(err), true)
				default:
					t.Error(err)
					return
				}
				if chance.IntN(500) == 0 { // the nodes' clocks fall apart by hours, and days go by
					if other := w.nodes[1]; other.clock.Now().Before(w.nodes[0].clock.Now()) {
						node = other
					} else {
						node = w.nodes[0]
					}
					node.clock.Advance(time.Duration(chance.IntN(7200)) * time.Second)
					seconds.Add(1)
				}
			}
		})
		if n := w.walked(list); n != people*each {
			t.Errorf("there are %d of %d paisa", n, people*each)
		}
		rows, fees := int64(0), int64(0)
		for _, of := range w.nodes[0].outgoing() {
			rows += int64(len(of))
			for _, one := range of {
				fees += one.Fee
			}
		}
		if rows != sent.Load() || fees != feesOf.Load() {
			t.Errorf("%d transfers with fees of %d, and the callers know of %d with %d", rows, fees, sent.Load(), feesOf.Load())
		}
		w.within(r)
		for _, c := range []fault.Code{fault.BalanceInsufficient, fault.DailyLimitExceeded, fault.PINWrong} {
			if _, ok := refused.Load(c); !ok && limit >= 2*time.Second {
				t.Errorf("nobody was refused with %s: the test shows little", c)
			}
		}
		t.Logf("%d transfers", rows)
	})
}

func TestTheSameFiveHundredTimesAtOnceMovesMoneyOnce(t *testing.T) {
	const callers = 500
	for name, change := range map[string]func(sp *wallet.Spend) *store.Key{
		"identical": func(sp *wallet.Spend) *store.Key { sp.Once = true; return nil },
		"one key":   func(*wallet.Spend) *store.Key { return &store.Key{Door: "deshipay", Key: "k", Hash: "h"} },
		"both": func(sp *wallet.Spend) *store.Key {
			sp.Once = true
			return &store.Key{Door: "deshipay", Key: "k", Hash: "h"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachTown(t, func(w *town) {
				list := w.people(2, 1000_00)
				got := make([]wallet.Sent, callers)
				w.crowd(callers, func(g int) {
					node := w.nodes[g%2]
					sp := node.spending(list[0], list[1], 10_00)
					key := change(&sp)
					number, err := node.NextNumber(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					sp.Number = number
					if got[g], err = node.Spend(t.Context(), sp, key); err != nil {
						t.Error(err)
					}
				})
				for _, s := range got {
					if s.Transfer != got[0].Transfer {
						t.Fatalf("%+v and %+v", s.Transfer, got[0].Transfer)
					}
				}
				w.nodes[0].holds(list[0], 1000_00-10_00-5_00)
				w.nodes[1].holds(list[1], 1010_00)
				if found, err := w.nodes[1].OfNumber(t.Context(), got[0].Transfer.Number); err != nil || found != got[0].Transfer {
					t.Errorf("%+v, %v", found, err)
				}
				w.walked(list)
			})
		})
	}
}

// An identical one at each turn of the minute, on nodes whose clocks differ, is still the same.
func TestTheSameIsTheSameOverTheMinutesEdgeOnTwoClocks(t *testing.T) {
	eachTownOf(t, true, func(w *town) {
		list := w.people(2, 1000_00)
		for i, ahead := range []time.Duration{-50 * time.Second, -5 * time.Second, 5 * time.Second, 50 * time.Second} {
			for _, at := range []time.Duration{0, 29 * time.Second, 59_999_999 * time.Microsecond} {
				now := start.Add(time.Duration(1+i)*time.Hour + at)
				w.nodes[0].clock.Set(now)
				w.nodes[1].clock.Set(now.Add(ahead))
				var first wallet.Transfer
				for k := range 4 {
					sp := w.nodes[k%2].spending(list[0], list[1], 1_00)
					sp.Once, sp.Note = true, text(ahead, at)
					sent := w.nodes[k%2].spend(sp, "")
					if k == 0 {
						first = sent.Transfer
					}
					if sent.Transfer != first || sent.Replay != (k > 0) {
						t.Fatalf("%v ahead, at %v, time %d: %+v after %+v", ahead, at, k, sent, first)
					}
				}
			}
		}
	})
}

// At the end of a day and a month in Dhaka, on nodes whose clocks differ and jump, nobody sends more than a day's or a month's limit: by the
// dates that stand on the transfers.
func TestLimitsHoldAtTheDaysEdgeOnTwoClocks(t *testing.T) {
	eachTownOf(t, true, func(w *town) {
		list := w.people(6, 1_000_000_00)
		r := wallet.Rule{Daily: 100_00, Monthly: 150_00}
		w.rule(r)
		edge := time.Date(2026, 2, 28, 18, 0, 0, 0, time.UTC) // it is March in Dhaka
		w.nodes[0].clock.Set(edge.Add(-4 * time.Second))
		w.nodes[1].clock.Set(edge.Add(-9 * time.Second))
		refused := map[fault.Code]*atomic.Int64{fault.DailyLimitExceeded: {}, fault.MonthlyLimitExceeded: {}}
		w.crowd(32, func(g int) {
			chance := rand.New(rand.NewPCG(7, uint64(g)))
			for range 60 {
				node := w.nodes[chance.IntN(2)]
				node.clock.Advance(time.Duration(chance.IntN(100)-45) * time.Millisecond * 10)
				from := chance.IntN(len(list))
				_, err := node.Spend(t.Context(), node.spending(list[from], list[(from+1)%len(list)], 1_00+chance.Int64N(9_00)), nil)
				if n := refused[code(err)]; n != nil {
					n.Add(1)
				} else if err != nil {
					t.Error(err)
					return
				}
			}
		})
		// Each of them fills the new day, whatever it is by the clock that they ask; a clock that is put back by hours opens nothing.
		for i, back := range []time.Duration{time.Minute, 0, -time.Minute, -30 * time.Hour, -40 * 24 * time.Hour} {
			for _, node := range w.nodes {
				node.clock.Set(edge.Add(back))
				for k, from := range list {
					for {
						_, err := node.Spend(t.Context(), node.spending(from, list[(k+1)%len(list)], 1_00), nil)
						if code(err) == fault.DailyLimitExceeded {
							refused[fault.DailyLimitExceeded].Add(1)
							break
						}
						if err != nil || i > 0 && k == 0 && back < 0 && node == w.nodes[1] {
							t.Fatalf("%s at %v: %v", from.Name, back, err)
						}
					}
				}
			}
		}
		w.within(r)
		days := map[string]bool{}
		for _, of := range w.nodes[0].outgoing() {
			for _, one := range of {
				days[clock.In(one.At, "Asia/Dhaka").Format("2006-01-02")] = true
			}
		}
		if len(days) != 2 || refused[fault.DailyLimitExceeded].Load() == 0 {
			t.Errorf("days %v, %d refused: the test shows little", days, refused[fault.DailyLimitExceeded].Load())
		}
	})
}
