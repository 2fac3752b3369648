package payout_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/rail/railtest"
	"sarraf/store"
)

// running runs the worker of each desk until the answer is called.
func running(list ...*desk) (stop func()) {
	stopped, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, d := range list {
		all.Go(func() { d.RunSender(stopped, 10*time.Millisecond, d.failed) })
	}
	return func() { cancel(); all.Wait() }
}

// batch asks for n payouts of the method in one transaction.
func (d *desk) batch(way payout.Method, n int) []payout.Payout {
	d.t.Helper()
	list := make([]payout.New, n)
	for i := range list {
		list[i] = d.asking(way, 1_00)
		list[i].At = d.clock.Now()
	}
	made := make([]payout.Payout, n)
	err := d.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		out, err := d.RequestIn(ctx, tx, list)
		for i, o := range out {
			if o.Err != nil {
				return o.Err
			}
			made[i] = o.Value
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return made
}

// all reports whether every payout has the status.
func (d *desk) all(list []payout.Payout, want payout.Status) bool {
	for _, p := range list {
		if now, err := d.Get(ctx, p.Merchant, p.ID); err != nil || now.Status != want {
			return false
		}
	}
	return true
}

func TestTwoNodesHandEachPayoutOverOnce(t *testing.T) {
	banks(t, func(d *desk) {
		other := d.node()
		list := d.batch(d.way, 200)
		defer running(d, other)()
		d.eventually("all are completed", func() bool { return d.all(list, payout.Completed) })
		for _, p := range list {
			d.is(p, payout.Completed, 1, 1)
		}
		if _, most := d.bank.Under(); most > 16 {
			t.Errorf("the bank had %d orders at once of two nodes", most)
		}
		if len(d.said)+len(other.said) > 0 {
			t.Error(d.said, other.said)
		}
	})
}

func TestARailGetsEightOrdersAtOnce(t *testing.T) {
	banks(t, func(d *desk) {
		hold := make(chan struct{})
		d.bank.OnSend = func(rail.Order, int) railtest.Act { return railtest.Act{Hold: hold} }
		list := d.batch(d.way, 30)
		stop := running(d)
		d.eventually("eight orders are under way", func() bool { now, _ := d.bank.Under(); return now == 8 })
		close(hold)
		d.eventually("all are completed", func() bool { return d.all(list, payout.Completed) })
		stop()
		if _, most := d.bank.Under(); most != 8 {
			t.Errorf("%d orders were under way at once", most)
		}
	})
}

func TestASilentRailDelaysNoOther(t *testing.T) {
	c := clock.NewFake(start)
	storetest.Each(t, c, func(t *testing.T, db *store.DB) {
		c.Set(start)
		hold, slow := make(chan struct{}), railtest.NewBank("slow", time.Minute)
		slow.OnSend = func(rail.Order, int) railtest.Act { return railtest.Act{Hold: hold} }
		d := newDesk(t, db, c, railtest.NewBank("fastpay", callLimit), slow)
		slowly := d.batch(d.method(d.shop, 0, "slow"), 20)
		stop := running(d)
		d.eventually("the slow rail is busy", func() bool { now, _ := slow.Under(); return now == 8 })
		quickly := d.batch(d.way, 20)
		d.eventually("the other rail's are completed", func() bool { return d.all(quickly, payout.Completed) })
		close(hold)
		d.eventually("the slow rail's are completed", func() bool { return d.all(slowly, payout.Completed) })
		stop()
		d.proved()
	})
}

func TestMerchantsTakeTurns(t *testing.T) {
	banks(t, func(d *desk) {
		var order []string
		var mu sync.Mutex
		d.bank.OnSend = func(o rail.Order, _ int) railtest.Act {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, o.Owner)
			return railtest.Act{}
		}
		d.batch(d.way, 1200) // more than are looked at from either end
		var small []merchant.Merchant
		for range 3 {
			m := d.house.shop(merchant.Live, 1000_00)
			small = append(small, m)
			d.clock.Advance(time.Millisecond)
			d.batch(d.method(m, 0, "fastpay"), 2)
		}
		d.work()
		first := map[string]int{}
		for _, owner := range order {
			first[owner]++
		}
		for _, m := range small {
			if first[m.Owner] != 2 {
				t.Errorf("of eight orders %d were of a merchant with two among 1206: %v", first[m.Owner], first)
			}
		}
		if first[d.shop.Owner] != 2 {
			t.Errorf("of eight orders %d were of the merchant with 1200", first[d.shop.Owner])
		}
	})
}

func TestAnOutageLeavesMostPayoutsPending(t *testing.T) {
	for name, act := range map[string]railtest.Act{"silent": {Lost: true}, "not reached": {Outcome: rail.Retryable}} {
		t.Run(name, func(t *testing.T) {
			banks(t, func(d *desk) {
				var down atomic.Bool
				down.Store(true)
				d.bank.OnSend = func(rail.Order, int) railtest.Act {
					if down.Load() {
						return act
					}
					return railtest.Act{}
				}
				d.bank.OnInquire = func(rail.Order, int) railtest.Act { return railtest.Act{Lost: down.Load()} }
				list := d.batch(d.way, 60)
				tried := func() (n int) {
					for _, p := range list {
						n += d.bank.Sent(p.ID)
					}
					return n
				}
				for range 5 {
					d.work()
				}
				if n := tried(); n != 8 {
					t.Errorf("%d orders were handed over at first, want 8", n)
				}
				for range 6 { // a minute goes by
					d.after(10 * time.Second)
				}
				if n := tried(); n < 9 || n > 14 {
					t.Errorf("%d orders were handed over within a minute", n)
				}
				down.Store(false)
				for range 60 {
					d.after(5 * time.Minute)
				}
				for _, p := range list {
					now, err := d.Get(ctx, p.Merchant, p.ID)
					if err != nil || now.Status != payout.Completed && (now.Status != payout.Unknown || !act.Lost) || d.bank.Moved(p.ID) > 1 {
						t.Errorf("it is %s and was moved %d times: %v", now.Status, d.bank.Moved(p.ID), err)
					}
				}
			})
		})
	}
}

// A clock that jumps while an order is under way: the lease ends for everybody else, who may only ask.
func TestAClockThatJumpsMovesNoMoneyTwice(t *testing.T) {
	for name, jump := range map[string]time.Duration{"a day ahead": 24 * time.Hour, "a day back": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			banks(t, func(d *desk) {
				other := d.node()
				list := d.batch(d.way, 20)
				var jumped sync.Once
				d.bank.OnSend = func(rail.Order, int) railtest.Act {
					jumped.Do(func() {
						d.clock.Advance(jump)
						other.work()
					})
					return railtest.Act{}
				}
				d.work()
				if jump < 0 {
					d.clock.Advance(-jump)
				}
				for range 20 {
					d.after(time.Minute)
					other.after(time.Minute)
				}
				completed := 0
				for _, p := range list {
					now, err := d.Get(ctx, p.Merchant, p.ID)
					moved, sent := d.bank.Moved(p.ID), d.bank.Sent(p.ID)
					switch {
					case err != nil || sent > 1 || moved != sent:
						t.Errorf("it was sent %d times and moved %d times: %v", sent, moved, err)
					case now.Status == payout.Completed && moved == 1:
						completed++
					case now.Status == payout.Unknown && moved == 0: // another node asked before it left
					default:
						t.Errorf("it is %s and was moved %d times", now.Status, moved)
					}
				}
				if completed < 12 {
					t.Errorf("%d of 20 payouts were completed", completed)
				}
			})
		})
	}
}

// On SQLite there is one process at a time: what an earlier one left is taken up at once.
func TestLeasesOfAnEarlierStartAreVoidOnSQLite(t *testing.T) {
	banks(t, func(d *desk) {
		dead := d.node()
		dead.Follow(payout.KindPayout, &breaking{fail: func(_ int, list []payout.Payout) error {
			if list[0].Status != payout.Processing {
				return errBroken
			}
			return nil
		}})
		p := dead.ask(dead.way, 100_00)
		if _, err := dead.WorkOnce(ctx); err == nil {
			t.Fatal("the answer was recorded")
		}
		stop := running(d)
		if d.db.Engine() == store.Postgres {
			d.clock.Advance(callLimit + 5*time.Second)
		}
		d.eventually("it is completed", func() bool { return d.all([]payout.Payout{p}, payout.Completed) })
		stop()
		d.is(p, payout.Completed, 1, 1)
		if d.bank.Asked(p.ID) != 1 {
			t.Errorf("the bank was asked %d times", d.bank.Asked(p.ID))
		}
	})
}

// A commit whose answer is lost, of the claim or of the record: the order is handed over once, and nothing is left in doubt that need not be.
func TestPayoutsWhoseCommitIsNotAnsweredAreHandedOverOnce(t *testing.T) {
	url := pgtest.Database(t)
	through, lose := pgtest.Lossy(t, url)
	storetest.Open(t, url, nil)
	c := clock.NewFake(start)
	db := storetest.Open(t, through, c)
	d := newDesk(t, db, c, railtest.NewBank("fastpay", 10*time.Second))
	for range 10 {
		p := d.ask(d.way, 100_00)
		lose() // of the claim
		d.bank.OnSend = func(rail.Order, int) railtest.Act {
			lose() // of the record
			return railtest.Act{}
		}
		d.work()
		d.is(p, payout.Completed, 1, 1)
		if got := d.attempts(p); got != "send accepted" {
			t.Error(got)
		}
	}
	d.proved()
}

// Over connections that break anywhere, on two nodes: nothing moves twice, and all is what the bank says in the end.
func TestPayoutsOverBrokenConnectionsAreHandedOverOnce(t *testing.T) {
	url := pgtest.Database(t)
	through, lose := pgtest.Lossy(t, url)
	c := clock.NewFake(start)
	plain := storetest.Open(t, url, c)
	d := newDesk(t, storetest.Open(t, through, c), c, railtest.NewBank("fastpay", callLimit))
	sound := &desk{house: open(t, plain, c, d.bank), bank: d.bank, shop: d.shop, way: d.way, counts: map[string]int{}}
	list := sound.batch(d.way, 150)
	var n atomic.Int64
	d.bank.OnSend = func(rail.Order, int) railtest.Act {
		if n.Add(1)%5 == 0 {
			lose()
		}
		return railtest.Act{Silent: n.Load()%7 == 0}
	}
	stop := running(d, sound)
	sound.eventually("all are what the bank says", func() bool {
		c.Advance(20 * time.Millisecond) // a few times as fast as time goes
		return sound.all(list, payout.Completed)
	})
	stop()
	for _, p := range list {
		sound.is(p, payout.Completed, 1, 1)
	}
	sound.proved()
	for _, err := range sound.said {
		if !strings.Contains(err.Error(), "nothing was changed") {
			continue
		}
		t.Error(err)
	}
}
