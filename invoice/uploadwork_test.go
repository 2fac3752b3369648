package invoice_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/invoice"
)

func TestTwoNodesMakeEachBillOfAnUploadOnce(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		nodes := []*house{h, h.second(t), h.second(t)}
		for _, n := range nodes[1:] {
			n.prefix(t)
		}
		var all []invoice.Upload
		for range 3 {
			all = append(all, h.upload(t, "school", h.sheet(t, students, 1100))) // the same payers in each
		}
		var wg sync.WaitGroup
		for _, n := range nodes {
			wg.Go(func() {
				for range 12 {
					for _, u := range all { // all at the same one, at once
						if _, err := n.WorkUpload(ctx, u.Owner, u.ID); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
		for _, u := range all {
			if now := h.read(t, u); now.Status != invoice.UploadDone || now.Errored != 0 {
				t.Errorf("%+v", now)
			}
			if types, _ := h.told(t, u); !slices.Equal(types, approved) {
				t.Error(types)
			}
		}
		open := map[string]int{}
		for _, u := range all {
			for _, l := range h.lines(t, u) {
				if l.Invoice.Status == invoice.Open {
					open[l.Invoice.PSID]++
				}
			}
		}
		if len(open) != 1100 {
			t.Errorf("%d PSIDs of 1,100 payers have an open bill", len(open))
		}
		h.clean(t)
	})
}

func TestUploadGoesOnWhereADeadNodeLeftIt(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		u := h.upload(t, "school", h.sheet(t, students, 1700))
		for part := range 4 {
			// The node dies at the end of its transaction: at the very last, all is written and nothing is committed.
			dead := h.second(t)
			dead.prefix(t)
			dead.trap.set(func([]event.Written) error { return context.Canceled })
			if done, err := dead.WorkUpload(ctx, u.Owner, u.ID); done || !errors.Is(err, context.Canceled) {
				t.Fatal(done, err)
			}
			now := h.read(t, u)
			if want := int64(500 * part); now.Done != want {
				t.Fatalf("%d lines are done, want %d", now.Done, want)
			}
			h.clean(t)
			h.clock.Advance(time.Minute)
			if !h.step(t) {
				t.Fatal("it is not due")
			}
		}
		if got := states(h.lines(t, u)); got[invoice.LineMade] != 1700 || h.step(t) {
			t.Fatal(got)
		}
		h.clean(t)
	})
}

func TestUploadThatIsNotDueIsLeftAlone(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		h.poison(t)
		bills := h.sheet(t, students, 2)
		bills[0].Invoice.Title = "poison"
		u := h.upload(t, "school", bills)
		if _, err := h.WorkUpload(ctx, u.Owner, u.ID); err == nil {
			t.Fatal("a poisonous bill was made")
		}
		h.trap.set(nil)
		// Whoever asks at once, and often, does not use up its patience.
		for range 20 {
			if done, err := h.WorkUpload(ctx, u.Owner, u.ID); done || err != nil {
				t.Fatal(done, err)
			}
		}
		if now := h.read(t, u); now.Done != 0 || now.Message != "internal" {
			t.Fatalf("%+v", now)
		}
		h.clock.Advance(time.Second)
		if done, err := h.WorkUpload(ctx, u.Owner, u.ID); !done || err != nil {
			t.Fatal(done, err)
		}
		if now := h.read(t, u); now.Errored != 0 {
			t.Fatalf("%+v", now)
		}
		h.clean(t)
	})
}

func TestOfOnePayerTheLaterBillSupersedesTheEarlier(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		// Line 1 and 2 in one part, line 700 in another, and the same payer in another upload.
		same := func(line int) string {
			if line == 1 || line == 2 || line == 700 {
				return "FS-SAME"
			}
			return students(line)
		}
		first := h.upload(t, "school", h.sheet(t, same, 700))
		h.drain(t)
		list := h.lines(t, first)
		var got []invoice.Status
		for _, line := range []int{1, 2, 700} {
			got = append(got, list[line-1].Invoice.Status)
		}
		if d := cmp.Diff([]invoice.Status{invoice.Superseded, invoice.Superseded, invoice.Open}, got); d != "" {
			t.Error(d)
		}
		if a, b := list[0].Invoice.PSID, list[699].Invoice.PSID; a != b || a == list[2].Invoice.PSID {
			t.Errorf("PSIDs %s and %s", a, b)
		}
		second := h.upload(t, "school", h.sheet(t, same, 1))
		other := h.upload(t, "other", h.sheet(t, same, 1))
		h.drain(t)
		if now := h.lines(t, second)[0].Invoice; now.Status != invoice.Open || now.PSID != list[0].Invoice.PSID {
			t.Errorf("%+v", now)
		}
		if now := h.lines(t, first)[699].Invoice; now.Status != invoice.Superseded {
			t.Errorf("%+v", now)
		}
		if now := h.lines(t, other)[0].Invoice; now.PSID == list[0].Invoice.PSID {
			t.Error("two merchants' payers have one PSID")
		}
		h.clean(t)
	})
}

func TestBillAskedForSinceAnUploadWasHandedInIsNotSupersededByIt(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		long := h.upload(t, "school", h.sheet(t, students, 700)) // with a mistake in it
		h.clock.Advance(time.Millisecond)
		// Corrections, which come first: by a small upload, one by one, and one that is called off at once.
		short := h.upload(t, "school", h.sheet(t, func(int) string { return students(650) }, 1))
		one := h.demand("school", students(660), invoice.Bill)
		h.issue(t, one)
		off := h.issue(t, h.demand("school", students(670), invoice.Bill))
		if _, err := h.End(ctx, invoice.Ending{Owner: "school", ID: off.ID, To: invoice.Cancelled}, nil); err != nil {
			t.Fatal(err)
		}
		if done, err := h.WorkUpload(ctx, short.Owner, short.ID); !done || err != nil {
			t.Fatal(done, err)
		}
		h.drain(t)
		list := h.lines(t, long)
		for n, l := range list {
			want, changes := invoice.Open, int64(0)
			if slices.Contains([]int{650, 660, 670}, n+1) {
				want, changes = invoice.Superseded, 1
			}
			if l.State != invoice.LineMade || l.Invoice.Status != want || l.Invoice.Changes != changes || !invoice.ValidPSID(l.Invoice.PSID) {
				t.Fatalf("line %d: %+v", n+1, l)
			}
		}
		for payer, psid := range map[string]string{"short": h.lines(t, short)[0].Invoice.PSID, "one": list[659].Invoice.PSID, "off": off.PSID} {
			now, err := h.ByPSID(ctx, "school", psid)
			if want := map[bool]invoice.Status{true: invoice.Cancelled, false: invoice.Open}[payer == "off"]; err != nil || now.Status != want || now.Upload == long.ID {
				t.Errorf("%s: %+v, %v", payer, now, err)
			}
		}
		// What is asked for afterwards supersedes as ever.
		if h.issue(t, h.demand("school", students(1), invoice.Bill)); h.lines(t, long)[0].Invoice.Status != invoice.Superseded {
			t.Error("a later bill does not supersede a line")
		}
		h.clean(t)
	})
}

func TestMerchantsHaveTheirTurnsAndSoHaveTheUploadsOfOne(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		var huge []invoice.Upload
		for range 10 {
			huge = append(huge, h.upload(t, "university", h.sheet(t, students, 1001)))
			h.clock.Advance(time.Millisecond)
		}
		h.step(t)
		small, own := h.upload(t, "school", h.sheet(t, students, 3)), h.upload(t, "university", h.sheet(t, students, 2))
		steps := func(u invoice.Upload) (n int) {
			for h.read(t, u).Status != invoice.UploadDone {
				if n++; !h.step(t) || n > 60 {
					t.Fatalf("%+v", h.read(t, u))
				}
			}
			return n
		}
		if n := steps(small); n > 2 {
			t.Errorf("a merchant's only upload waits for %d slices of another merchant", n)
		}
		if n := steps(own); n > len(huge)+1 {
			t.Errorf("a small upload waits for %d slices of ten huge ones", n)
		}
		for _, u := range huge {
			if now := h.read(t, u); now.Done > 1000 || now.Done < 500 {
				t.Errorf("%d lines of a huge one are done by then", now.Done)
			}
		}
		h.clean(t)
	})
}

func TestPoisonousBillIsErroredAndTheOthersAreMade(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		for _, poisonous := range [][]int{{501}, {1, 2, 3, 250, 500, 620}, {499, 500}} {
			h.poison(t)
			bills := h.sheet(t, students, 620)
			for _, line := range poisonous {
				bills[line-1].Invoice.Title = "poison"
			}
			u := h.upload(t, "school", bills)
			h.clock.Advance(time.Millisecond)
			if _, err := h.WorkUploads(ctx); poisonous[0] <= 500 && err == nil {
				t.Error("a failure is not told")
			} else if now := h.read(t, u); poisonous[0] <= 500 && (now.Message != "internal" || now.Errored != 0 || h.step(t)) {
				t.Errorf("at once: %+v", now)
			}
			most := 8
			if len(poisonous) == 2 { // there is no good one after the first of them
				most = 14
			}
			if failures := h.persist(t); failures > most {
				t.Errorf("%v: given up after %d more failures", poisonous, failures)
			}
			now := h.read(t, u)
			if now.Done != 620 || now.Errored != int64(len(poisonous)) || now.Message != "" {
				t.Errorf("%+v", now)
			}
			for n, l := range h.lines(t, u) {
				bad := slices.Contains(poisonous, n+1)
				if bad != (l.State == invoice.LineErrored) || bad != (l.Problem == "internal") || bad == (l.State == invoice.LineMade) || l.Invoice.Payer != students(n+1) {
					t.Errorf("%v: line %d is %s, %q", poisonous, n+1, l.State, l.Problem)
				}
			}
			types, fact := h.told(t, u)
			if !slices.Equal(types, approved) || len(fact.Problems) != len(poisonous) {
				t.Error(types, fact)
			}
			h.clean(t)
		}
	})
}

func TestBillThatIsRefusedAloneIsErroredAtOnce(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		bills := h.sheet(t, students, 3)
		bills[1].Code = &invoice.Code{}
		u := h.upload(t, "school", bills)
		h.drain(t)
		if now := h.read(t, u); now.Status != invoice.UploadDone || now.Errored != 1 {
			t.Errorf("%+v", now)
		}
		list := h.lines(t, u)
		if l := list[1]; l.State != invoice.LineErrored || !strings.Contains(l.Problem, "field_required on name") || l.Invoice.PSID != "" {
			t.Errorf("%+v", l)
		}
		if list[0].State != invoice.LineMade || list[2].State != invoice.LineMade {
			t.Errorf("%+v", states(list))
		}
		h.clean(t)
	})
}

func TestOutageIsNobodysError(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		u := h.upload(t, "school", h.sheet(t, students, 2))
		h.trap.set(func([]event.Written) error { return fault.New(fault.Outage) })
		for range 40 {
			h.clock.Advance(10 * time.Minute)
			if more, err := h.WorkUploads(ctx); more || !fault.Has(err, fault.Outage) {
				t.Fatal(more, err)
			}
		}
		if now := h.read(t, u); now.Done != 0 || now.Status != invoice.UploadWaiting || now.Message != "outage" {
			t.Errorf("%+v", now)
		}
		h.trap.set(nil)
		h.clock.Advance(time.Minute)
		h.drain(t)
		if got := states(h.lines(t, u)); got[invoice.LineMade] != 2 {
			t.Error(got)
		}
		h.clean(t)
	})
}

func TestFaultThatFailsEveryBillIsNotTheirErrorForLong(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		u := h.upload(t, "school", h.sheet(t, students, 30))
		h.trap.set(func(list []event.Written) error {
			if slices.ContainsFunc(list, func(e event.Written) bool { return e.Type == invoice.EventCreated }) {
				return errors.New("a bug of the day")
			}
			return nil
		})
		began := h.clock.Now()
		for h.clock.Now().Sub(began) < 30*time.Minute {
			h.clock.Advance(time.Second)
			if more, err := h.WorkUploads(ctx); more != (err != nil) {
				t.Fatal(more, err)
			}
		}
		if now := h.read(t, u); now.Done != 0 || now.Message != "internal" {
			t.Errorf("after half an hour: %+v", now)
		}
		h.trap.set(nil)
		h.persist(t)
		if got := states(h.lines(t, u)); got[invoice.LineMade] != 30 {
			t.Error(got)
		}
		// One alone has nobody beside it: it is given up at last.
		h.poison(t)
		bills := h.sheet(t, students, 1)
		bills[0].Invoice.Title = "poison"
		u = h.upload(t, "school", bills)
		if failures := h.persist(t); failures < 10 {
			t.Errorf("given up after %d failures", failures)
		}
		if now := h.read(t, u); now.Status != invoice.UploadDone || now.Errored != 1 {
			t.Errorf("%+v", now)
		}
		h.clean(t)
	})
}

func TestUploadsAreWorkedAtByThemselves(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		seen := &watcher{done: make(chan struct{})}
		h.ObserveUploads(seen)
		bills := h.sheet(t, students, 700)
		bills[8].Code = &invoice.Code{}
		running, stop := context.WithCancel(ctx)
		var wg sync.WaitGroup
		wg.Go(func() {
			h.RunUploads(running, time.Hour, func(err error) { t.Error(err) }) // it does not wait for its hour
		})
		u := h.upload(t, "school", bills)
		<-seen.done
		stop()
		wg.Wait()
		if now := h.read(t, u); now.Status != invoice.UploadDone {
			t.Errorf("%+v", now)
		}
		if seen.made != 699 || seen.errored != 1 {
			t.Errorf("%d made and %d errored were told", seen.made, seen.errored)
		}
		h.clean(t)
	})
}

// watcher closes done once 700 lines are decided and nothing is left.
type watcher struct {
	made, errored int
	once          sync.Once
	done          chan struct{}
}

func (w *watcher) Decided(made, errored int) { w.made, w.errored = w.made+made, w.errored+errored }

func (w *watcher) Undone(n int64, oldest time.Duration) {
	if n == 0 && w.made+w.errored == 700 && oldest == 0 {
		w.once.Do(func() { close(w.done) })
	}
}

func TestWaitingUploadsAreCountedWithTheAgeOfTheOldest(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		check := func(want int64, since time.Time) {
			t.Helper()
			n, first, err := h.UploadsUndone(ctx)
			if err != nil || n != want || !first.Equal(since) {
				t.Errorf("%d since %v, %v", n, first, err)
			}
		}
		check(0, time.Time{})
		h.upload(t, "school", h.sheet(t, students, 1))
		h.clock.Advance(time.Minute)
		h.upload(t, "school", h.sheet(t, students, 1))
		check(2, start)
		h.step(t)
		check(1, start.Add(time.Minute))
		h.drain(t)
		check(0, time.Time{})
	})
}

func TestUploadsOfManyMerchantsAtOnceAreEachDoneOnce(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		nodes := []*house{h, h.second(t)}
		nodes[1].prefix(t)
		running, stop := context.WithCancel(ctx)
		var workers, callers sync.WaitGroup
		for _, n := range nodes {
			workers.Go(func() { n.RunUploads(running, time.Millisecond, func(err error) { t.Error(err) }) })
		}
		var mu sync.Mutex
		var all []invoice.Upload
		for m := range 6 {
			bills := h.sheet(t, students, 150)
			for range 3 {
				callers.Go(func() {
					u := h.upload(t, fmt.Sprint("merchant-", m), append([]invoice.NewBill(nil), renumber(bills, h.numbered(t, len(bills)))...))
					mu.Lock()
					all = append(all, u)
					mu.Unlock()
				})
			}
		}
		callers.Wait()
		for undone := int64(1); undone > 0 && !t.Failed(); {
			h.clock.Advance(time.Millisecond)
			var err error
			if undone, _, err = h.UploadsUndone(ctx); err != nil {
				t.Error(err)
			}
		}
		stop()
		workers.Wait()
		for _, u := range all {
			if got := states(h.lines(t, u)); got[invoice.LineMade] != 150 {
				t.Error(got)
			}
			if types, _ := h.told(t, u); !slices.Equal(types, approved) {
				t.Error(types)
			}
		}
		h.clean(t)
	})
}

// renumber is a copy of bills with other numbers.
func renumber(bills []invoice.NewBill, first int64) []invoice.NewBill {
	list := slices.Clone(bills)
	for n := range list {
		list[n].Invoice.Number = fmt.Sprint(first + int64(n))
	}
	return list
}
