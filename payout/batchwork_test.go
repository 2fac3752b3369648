package payout_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/store"
)

// trap fails transactions of a node as it is told: what it is told of as a sink is what it judges.
type trap struct {
	mu   sync.Mutex
	fail func([]event.Written) error
}

// Accept is for event.Sink.
func (t *trap) Accept(_ context.Context, _ *store.Tx, events []event.Written) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fail == nil {
		return nil
	}
	return t.fail(events)
}

// set has fail decide from now on; nil for none.
func (t *trap) set(fail func([]event.Written) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fail = fail
}

// trapped is another node on the same database, whose transactions a trap can fail.
func (h *house) trapped() (*house, *trap) {
	h.t.Helper()
	n, t := *h, &trap{}
	n.log = event.NewLog(h.db, t)
	n.Service = payout.NewService(payout.Deps{DB: h.db, Log: n.log, Merchants: h.merchants})
	h.t.Cleanup(n.Close)
	return &n, t
}

// poisoned fails transactions that make a payout for somebody called Poison.
func poisoned(list []event.Written) error {
	for _, e := range list {
		if e.Type == payout.EventRequested && strings.Contains(string(e.Data), `"Poison"`) {
			return errors.New("poisoned")
		}
	}
	return nil
}

// persist works until every batch is done, however often that fails, and answers how often it did.
func (h *house) persist() (failures int) {
	h.t.Helper()
	for range 500 {
		h.clock.Advance(10 * time.Minute)
		if _, err := h.WorkBatches(ctx); err != nil {
			failures++
		}
		n, _, err := h.BatchesUndone(ctx)
		if err != nil {
			h.t.Fatal(err)
		}
		if n == 0 {
			return failures
		}
	}
	h.t.Fatal("there are batches that are never done")
	return failures
}

func TestTwoNodesMakeEachPayoutOfABatchOnce(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 100_000_00)
		method := h.method(m, 1_00, "sandbox")
		b := h.hand(method, "", h.sheet(method, "S-", 1100))
		var wg sync.WaitGroup
		for _, n := range []*house{h, h.second(), h.second()} {
			wg.Go(func() {
				for range 12 {
					if _, err := n.WorkBatch(ctx, b.Owner, b.ID); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if have := h.counted(b); have != "0 draft, 1100 made, 0 errored" {
			t.Error(have)
		}
		if types, _ := h.told(b); !slices.Equal(types, whole) {
			t.Error(types)
		}
		h.stands(m.Owner, 100_000_00, 100_000_00-1100*11_00, 0, 0)
	})
}

// The node dies in the middle of a transaction, or at its very end, when all is written and nothing is committed.
func TestABatchGoesOnWhereADeadNodeLeftIt(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 100_000_00)
		method := h.method(m, 1_00, "sandbox")
		dead, trap := h.trapped()
		fails := func(typ event.Type) func([]event.Written) error {
			return func(list []event.Written) error {
				if slices.ContainsFunc(list, func(e event.Written) bool { return e.Type == typ }) {
					return context.Canceled
				}
				return nil
			}
		}
		trap.set(fails(payout.EventBatchCreated))
		if _, err := dead.CreateBatch(ctx, m.Owner, alice, payout.NewBatch{Door: "native", Reference: "R", Lines: h.sheet(method, "S-", 600)}, nil); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if list, err := h.Batches(ctx, m.Owner, payout.BatchPage{Limit: 1}); err != nil || len(list) != 0 {
			t.Fatal(list, err)
		}
		b := h.hand(method, "R", h.sheet(method, "S-", 600))
		for part := range 3 {
			for _, typ := range []event.Type{payout.EventRequested, payout.EventBatchDone} {
				if typ == payout.EventBatchDone && part < 2 {
					continue
				}
				trap.set(fails(typ))
				if done, err := dead.WorkBatch(ctx, b.Owner, b.ID); done || !errors.Is(err, context.Canceled) {
					t.Fatal(done, err)
				}
				if now := h.now(b); now.Made != int64(250*part) || now.Errored != 0 || now.Message != "internal" {
					t.Fatalf("%+v", now)
				}
				h.stands(m.Owner, 100_000_00, 100_000_00-int64(250*part)*11_00, 0, 0)
				h.proved()
				h.clock.Advance(time.Minute)
			}
			if !h.step() {
				t.Fatal("it is not due")
			}
		}
		if have := h.counted(b); have != "0 draft, 600 made, 0 errored" || h.step() {
			t.Error(have)
		}
	})
}

func TestALineThatFailsUnexpectedlyIsErroredAndTheOthersAreMade(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 100_000_00)
		method := h.method(m, 0, "sandbox")
		node, trap := h.trapped()
		trap.set(poisoned)
		bad := []int{1, 2, 250, 300}
		sheet := h.sheet(method, "S-", 310)
		for _, line := range bad {
			sheet[line-1].RecipientName = "Poison"
		}
		b := h.hand(method, "", sheet)
		h.clock.Advance(time.Millisecond)
		if _, err := node.WorkBatches(ctx); err == nil {
			t.Error("a failure is not told")
		}
		if now := h.now(b); now.Message != "internal" || now.Errored != 0 || node.step() {
			t.Errorf("at once: %+v", now)
		}
		if failures := node.persist(); failures > 8 {
			t.Errorf("done after %d more failures", failures)
		}
		if now := h.now(b); now.Made != 306 || now.Errored != 4 || now.Message != "" {
			t.Errorf("%+v", now)
		}
		for n, l := range h.lines(b, payout.LineErrored) {
			if int(l.Line) != bad[n] || len(l.Faults) != 1 || l.Faults[0].Code != fault.Bug {
				t.Errorf("%+v", l)
			}
		}
		h.stands(m.Owner, 100_000_00, 100_000_00-306*10_00, 0, 0)
	})
}

func TestAnOutageIsNoLinesFault(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 100_000_00)
		method := h.method(m, 0, "sandbox")
		b := h.hand(method, "", h.sheet(method, "S-", 2))
		node, trap := h.trapped()
		trap.set(func([]event.Written) error { return fault.New(fault.Outage) })
		for range 20 {
			h.clock.Advance(10 * time.Minute)
			if more, err := node.WorkBatches(ctx); more || !fault.Has(err, fault.Outage) {
				t.Fatal(more, err)
			}
		}
		if now := h.now(b); now.Made+now.Errored != 0 || now.Status != payout.BatchWaiting || now.Message != "outage" {
			t.Errorf("%+v", now)
		}
		trap.set(nil)
		h.clock.Advance(time.Minute)
		h.drain()
		if have := h.counted(b); have != "0 draft, 2 made, 0 errored" {
			t.Error(have)
		}
	})
}

// watcher closes done once so many lines are decided and nothing is left.
type watcher struct {
	want          int
	made, errored int
	once          sync.Once
	done          chan struct{}
}

func (w *watcher) Decided(made, errored int) { w.made, w.errored = w.made+made, w.errored+errored }

func (w *watcher) Undone(n int64, oldest time.Duration) {
	if n == 0 && w.made+w.errored == w.want && oldest == 0 {
		w.once.Do(func() { close(w.done) })
	}
}

func TestBatchesAreWorkedAtByThemselves(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 100_000_00)
		method := h.method(m, 0, "sandbox")
		seen := &watcher{want: 300, done: make(chan struct{})}
		h.ObserveBatches(seen)
		sheet := h.sheet(method, "S-", 300)
		sheet[8].Method = 9
		running, stop := context.WithCancel(ctx)
		var wg sync.WaitGroup
		wg.Go(func() { h.RunBatches(running, time.Hour, func(err error) { t.Error(err) }) }) // it does not wait for its hour
		b := h.hand(method, "", sheet)
		<-seen.done
		stop()
		wg.Wait()
		if now := h.now(b); now.Status != payout.BatchDone || seen.made != 299 || seen.errored != 1 {
			t.Errorf("%+v, %d made and %d errored were told", now, seen.made, seen.errored)
		}
	})
}

func TestASmallBatchDoesNotWaitForAHugeOneOfAnother(t *testing.T) {
	each(t, func(h *house) {
		university, school := h.shop(merchant.Sandbox, 100_000_00), h.shop(merchant.Sandbox, 100_00)
		huge := h.method(university, 0, "sandbox")
		b := h.hand(huge, "", h.sheet(huge, "S-", 1500))
		h.step()
		small := h.method(school, 0, "sandbox")
		first := h.hand(small, "", h.sheet(small, "S-", 3))
		if n, since, err := h.BatchesUndone(ctx); err != nil || n != 2 || !since.Equal(b.CreatedAt) {
			t.Errorf("%d since %s, %v", n, since, err)
		}
		for range 2 {
			h.step()
		}
		if now := h.now(first); now.Status != payout.BatchDone {
			t.Errorf("%+v", now)
		}
		if now := h.now(b); now.Made > 500 {
			t.Errorf("%+v", now)
		}
		h.drain()
	})
}

// verdicts are the actions on payouts in the merchant's audit log, by who did them.
func (h *house) verdicts(owner string) map[string]int {
	h.t.Helper()
	list := map[string]int{}
	err := h.db.Query(ctx, `SELECT actor, action, COUNT(DISTINCT subject), COUNT(*) FROM audit_log WHERE owner = $1 AND action IN ('payout.approve', 'payout.reject')
		GROUP BY actor, action`, []any{owner}, func(r store.Row) error {
		var actor, action string
		var subjects, lines int64
		err := r.Scan(&actor, &action, &subjects, &lines)
		if list[actor+" "+action] = int(lines); subjects != lines {
			h.t.Errorf("%s did %s to %d payouts in %d lines", actor, action, subjects, lines)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

// mixed is a batch of which every second payout of 600 waits for approval.
func (h *house) mixed() (merchant.Merchant, payout.Batch) {
	h.t.Helper()
	m := h.shop(merchant.Sandbox, 100_000_00, limited(10_00))
	method := h.method(m, 0, "sandbox")
	sheet := h.sheet(method, "S-", 600)
	for n := range sheet {
		if n%2 == 1 {
			sheet[n].Amount = money.Of(10_01, "BDT")
		}
	}
	return m, h.hand(method, "", sheet)
}

func TestABatchIsApprovedAtOnceByASecondPerson(t *testing.T) {
	each(t, func(h *house) {
		m, b := h.mixed()
		decide := func(by merchant.Actor, approve bool, want payout.BatchDecision, code fault.Code) {
			t.Helper()
			d, err := h.ApproveBatch(ctx, m.Owner, b.ID, by, approve, "payroll", nil)
			if code != "" {
				wants(t, err, code)
			} else if err != nil {
				t.Error(err)
			}
			if d != want {
				t.Errorf("%+v, want %+v", d, want)
			}
		}
		decide(bob, true, payout.BatchDecision{}, fault.BatchUnfinished)
		h.drain()
		decide(alice, true, payout.BatchDecision{}, fault.ApprovalOwn)
		decide(alice, false, payout.BatchDecision{}, fault.ApprovalOwn)
		_, err := h.ApproveBatch(ctx, h.shop(merchant.Sandbox, 0).Owner, b.ID, bob, true, "", nil)
		wants(t, err, fault.BatchMissing)
		if len(h.verdicts(m.Owner)) != 0 {
			t.Error(h.verdicts(m.Owner))
		}
		one := h.lines(b, payout.LineMade)[1].Payout // decided by itself, before
		carol := merchant.Actor{Name: "carol", Source: "test"}
		if _, err := h.Move(ctx, payout.Move{Merchant: m.Owner, Payout: one, Action: payout.Reject, By: carol, Reason: "no"}, nil); err != nil {
			t.Fatal(err)
		}
		decide(bob, true, payout.BatchDecision{Decided: 299}, "")
		decide(bob, true, payout.BatchDecision{Decided: 299}, "") // again
		decide(bob, false, payout.BatchDecision{}, "")
		decide(carol, false, payout.BatchDecision{Decided: 1}, "")
		if have := h.verdicts(m.Owner); have["bob payout.approve"] != 299 || have["carol payout.reject"] != 1 || len(have) != 2 {
			t.Error(have)
		}
		for _, l := range h.lines(b, payout.LineMade) {
			p, err := h.Get(ctx, m.Owner, l.Payout)
			want := payout.Given
			if l.Line%2 == 1 {
				want = payout.NoApproval
			}
			if p.ID != one && (err != nil || p.Approval != want || p.Status != payout.Pending || want == payout.Given && p.DecidedBy != "bob") {
				t.Fatalf("%+v, %v", p, err)
			}
		}
		h.stands(m.Owner, 100_000_00, 100_000_00-300*10_00-299*10_01, 0, 0)
	})
}

func TestABatchIsRejectedAtOnceAndItsMoneyGivenBack(t *testing.T) {
	each(t, func(h *house) {
		m, b := h.mixed()
		h.drain()
		key := &store.Key{Door: "native", Key: "k", Hash: "h"}
		for range 2 {
			d, err := h.ApproveBatch(ctx, m.Owner, b.ID, bob, false, "twice on the list", key)
			if err != nil || d != (payout.BatchDecision{Decided: 300}) {
				t.Error(d, err)
			}
		}
		_, err := h.ApproveBatch(ctx, m.Owner, b.ID, bob, true, "", &store.Key{Door: "native", Key: "k", Hash: "another"})
		wants(t, err, fault.IdempotencyReused)
		h.stands(m.Owner, 100_000_00, 100_000_00-300*10_00, 0, 0)
		p, err := h.Get(ctx, m.Owner, h.lines(b, payout.LineMade)[1].Payout)
		if err != nil || p.Status != payout.Rejected || p.Reason != "twice on the list" || p.DecidedBy != "bob" {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

func TestAnApprovalThatIsCutShortIsGoneOnWith(t *testing.T) {
	each(t, func(h *house) {
		m, b := h.mixed()
		h.drain()
		dead, trap := h.trapped()
		slices := 0
		trap.set(func([]event.Written) error {
			if slices++; slices > 1 {
				return context.Canceled
			}
			return nil
		})
		key := &store.Key{Door: "native", Key: "k", Hash: "h"}
		if _, err := dead.ApproveBatch(ctx, m.Owner, b.ID, bob, true, "", key); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if have := h.verdicts(m.Owner); have["bob payout.approve"] != 250 {
			t.Error(have)
		}
		if d, err := h.ApproveBatch(ctx, m.Owner, b.ID, bob, true, "", key); err != nil || d != (payout.BatchDecision{Decided: 300}) {
			t.Error(d, err)
		}
		if have := h.verdicts(m.Owner); have["bob payout.approve"] != 300 {
			t.Error(have)
		}
	})
}

func TestTwoPeopleWhoDecideAtOnceDecideEachPayoutOnce(t *testing.T) {
	each(t, func(h *house) {
		m, b := h.mixed()
		h.drain()
		carol := merchant.Actor{Name: "carol", Source: "test"}
		var approved, rejected payout.BatchDecision
		var wg sync.WaitGroup
		for _, c := range []struct {
			node    *house
			by      merchant.Actor
			approve bool
			into    *payout.BatchDecision
		}{{h, bob, true, &approved}, {h.second(), carol, false, &rejected}} {
			wg.Go(func() {
				d, err := c.node.ApproveBatch(ctx, m.Owner, b.ID, c.by, c.approve, "at once", nil)
				if *c.into = d; err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if approved.Decided+rejected.Decided != 300 || approved.Left+rejected.Left != 0 {
			t.Errorf("%+v, %+v", approved, rejected)
		}
		have := h.verdicts(m.Owner)
		if have["bob payout.approve"] != int(approved.Decided) || have["carol payout.reject"] != int(rejected.Decided) {
			t.Error(have, approved, rejected)
		}
		h.stands(m.Owner, 100_000_00, 100_000_00-300*10_00-approved.Decided*10_01, 0, 0)
	})
}
