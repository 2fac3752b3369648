package payout_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/audit"
	"sarraf/internal/audittest"
	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/store"
)

// sheet is so many payouts of 10 taka each, as a front door hands them over, with references that begin with prefix.
func (h *house) sheet(m payout.Method, prefix string, lines int) []payout.New {
	list := make([]payout.New, lines)
	for n := range list {
		list[n] = payout.New{
			Method: m.Number, Amount: money.Of(10_00, "BDT"), RecipientName: "Rahima <&> খাতুন", Account: " 01712345678 ", Description: "Salary",
			Reference: fmt.Sprint(prefix, n+1),
		}
	}
	return list
}

// hand keeps a batch that alice asks for.
func (h *house) hand(m payout.Method, reference string, lines []payout.New) payout.Batch {
	h.t.Helper()
	b, err := h.CreateBatch(ctx, m.Owner, alice, payout.NewBatch{Door: "native", Reference: reference, Name: "March", Lines: lines}, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

// step works at one batch, whichever is due, and answers whether one was. Time goes by.
func (h *house) step() bool {
	h.t.Helper()
	h.clock.Advance(time.Millisecond)
	more, err := h.WorkBatches(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	return more
}

// drain works until nothing is due.
func (h *house) drain() {
	h.t.Helper()
	for h.step() {
	}
}

// now is the batch as it stands.
func (h *house) now(b payout.Batch) payout.Batch {
	h.t.Helper()
	b, err := h.Batch(ctx, b.Owner, b.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

// lines are all lines of the batch in a state, or with "" of any, read some at a time.
func (h *house) lines(b payout.Batch, state payout.LineState) (all []payout.BatchLine) {
	h.t.Helper()
	for page := (payout.LinePage{State: state, Limit: 300}); ; {
		list, err := h.BatchLines(ctx, b.Owner, b.ID, page)
		if err != nil {
			h.t.Fatal(err)
		}
		if all = append(all, list...); len(list) < page.Limit {
			return all
		}
		page.After = list[len(list)-1].Line
	}
}

// counted are how many lines there are of each state.
func (h *house) counted(b payout.Batch) string {
	h.t.Helper()
	count := map[payout.LineState]int{}
	for n, l := range h.lines(b, "") {
		if l.Line != int64(n)+1 {
			h.t.Fatalf("line %d is the %d. of the batch", l.Line, n+1)
		}
		count[l.State]++
	}
	for state, n := range count {
		if list := h.lines(b, state); len(list) != n || slices.ContainsFunc(list, func(l payout.BatchLine) bool { return l.State != state }) {
			h.t.Errorf("%d lines that are %s, of %d", len(list), state, n)
		}
	}
	return fmt.Sprintf("%d draft, %d made, %d errored", count[payout.LineDraft], count[payout.LineMade], count[payout.LineErrored])
}

// told are the events about the batch, by type.
func (h *house) told(b payout.Batch) (types []event.Type, last payout.BatchFact) {
	h.t.Helper()
	for after, more := int64(0), true; more; {
		list, err := h.log.List(ctx, b.Owner, event.Page{After: after, Limit: 1000})
		if err != nil {
			h.t.Fatal(err)
		}
		for _, e := range list {
			if after = e.Seq; e.Kind != payout.BatchEventKind || e.Subject != b.ID {
				continue
			}
			last = payout.BatchFact{}
			if err := json.Unmarshal(e.Data, &last); err != nil || e.Door != b.Door {
				h.t.Fatal(e, err)
			}
			types = append(types, e.Type)
		}
		more = len(list) > 0
	}
	return types, last
}

var whole = []event.Type{payout.EventBatchCreated, payout.EventBatchDone}

func TestABatchIsKeptAtOnceAndItsPayoutsAreMadeInTheBackground(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 100_000_00)
		method := h.method(m, 1_00, "sandbox")
		sheet := h.sheet(method, "S-", 603)
		b := h.hand(method, "MARCH", sheet)
		want := payout.Batch{
			Owner: m.Owner, ID: b.ID, Door: "native", Reference: "MARCH", Name: "March", Status: payout.BatchWaiting, Lines: 603,
			Amounts: []money.Amount{money.Of(6030_00, "BDT")}, AskedBy: "alice", CreatedAt: start, UpdatedAt: start,
		}
		for _, have := range []payout.Batch{b, h.now(b)} {
			if d := cmp.Diff(want, have); d != "" {
				t.Fatal(d)
			}
		}
		if found, err := h.BatchByReference(ctx, m.Owner, "native", "MARCH"); err != nil || found.ID != b.ID {
			t.Errorf("%+v, %v", found, err)
		}
		if have := h.counted(b); have != "603 draft, 0 made, 0 errored" {
			t.Error(have)
		}
		h.stands(m.Owner, 100_000_00, 100_000_00, 0, 0)
		h.proved()
		h.step()
		if half := h.now(b); half.Status != payout.BatchWorking || half.Made != 250 || half.Errored != 0 {
			t.Fatalf("%+v", half)
		}
		if have := h.counted(b); have != "353 draft, 250 made, 0 errored" {
			t.Error(have)
		}
		h.proved()
		h.drain()
		want.Made, want.Status, want.UpdatedAt = 603, payout.BatchDone, start.Add(3*time.Millisecond)
		if d := cmp.Diff(want, h.now(b)); d != "" {
			t.Fatal(d)
		}
		h.stands(m.Owner, 100_000_00, 100_000_00-603*11_00, 0, 0)
		for n, l := range h.lines(b, payout.LineMade) {
			p, err := h.Get(ctx, m.Owner, l.Payout)
			if err != nil || p.Line != l.Line || p.Batch != b.ID || p.Reference != sheet[n].Reference || p.Status != payout.Pending || p.AskedBy != "alice" ||
				p.Amount != 10_00 || p.Fee != 1_00 || p.Account != "01712345678" || p.Door != "native" || p.RecipientName != sheet[n].RecipientName {
				t.Fatalf("line %d: %+v, %v", l.Line, p, err)
			}
		}
		types, fact := h.told(b)
		if d := cmp.Diff(whole, types); d != "" || !cmp.Equal(want, fact.Batch) {
			t.Error(d, fact)
		}
	})
}

func TestALineThatIsRefusedSaysWhyAndTheOthersGoOn(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 100_000_00)
		method := h.method(m, 0, "sandbox")
		if _, err := h.Request(ctx, payout.New{
			Owner: m.Owner, Door: "native", Method: method.Number, Amount: money.Of(5_00, "BDT"), Account: "01712345678", Reference: "S-4", AskedBy: alice,
		}, nil); err != nil {
			t.Fatal(err)
		}
		sheet := h.sheet(method, "S-", 600)
		sheet[1].Method = 99
		sheet[2].Amount, sheet[2].Account = money.Of(10_000_000_00, "BDT"), "029876543"
		sheet[4].Amount = money.Of(-1, "BDT")
		sheet[599].Reference = "S-1"                            // in another slice
		sheet[6].Reference = "S-6"                              // beside the first
		sheet[9].Reference, sheet[300].Reference = "S-2", "S-2" // the first of which is refused
		b := h.hand(method, "", sheet)
		h.drain()
		if have := h.counted(b); have != "0 draft, 592 made, 8 errored" {
			t.Error(have)
		}
		want := map[int64][]fault.Code{
			2: {fault.PayoutMethodMissing}, 3: {fault.AmountAboveLimit, fault.FieldMalformed}, 4: {fault.ReferenceTaken}, 5: {fault.AmountNotPositive},
			7: {fault.ReferenceTaken}, 600: {fault.ReferenceTaken},
			10: {fault.ReferenceTaken}, 301: {fault.ReferenceTaken},
		}
		have := map[int64][]fault.Code{}
		for _, l := range h.lines(b, payout.LineErrored) {
			for _, f := range l.Faults {
				have[l.Line] = append(have[l.Line], f.Code)
			}
			if l.Payout != "" {
				t.Errorf("line %d has payout %s", l.Line, l.Payout)
			}
		}
		if d := cmp.Diff(want, have); d != "" {
			t.Error(d)
		}
		if l := h.lines(b, payout.LineErrored)[1]; l.Faults[0].Field != payout.FieldAmount || l.Faults[0].Params["limit"] != strconv.FormatInt(method.Max, 10) {
			t.Errorf("%+v", l.Faults[0])
		}
		if now := h.now(b); now.Made != 592 || now.Errored != 8 || now.Status != payout.BatchDone {
			t.Errorf("%+v", now)
		}
		h.stands(m.Owner, 100_000_00, 100_000_00-5_00-592*10_00, 0, 0)
	})
}

func TestABalanceThatRunsOutRefusesTheRestLineByLine(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 300*11_00+5_00)
		method := h.method(m, 1_00, "sandbox")
		sheet := h.sheet(method, "S-", 520)
		sheet[510].Amount = money.Of(4_00, "BDT") // it fits into what is left
		b := h.hand(method, "", sheet)
		h.drain()
		if have := h.counted(b); have != "0 draft, 301 made, 219 errored" {
			t.Error(have)
		}
		for _, l := range h.lines(b, payout.LineErrored) {
			wants(t, fault.Join(l.Faults...), fault.BalanceInsufficient)
		}
		h.stands(m.Owner, 300*11_00+5_00, 0, 0, 0)
	})
}

func TestTwoBatchesThatDrawOnOneBalanceGetWhatIsThereAndNoMore(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 700*10_00)
		method := h.method(m, 0, "sandbox")
		a, b := h.hand(method, "A", h.sheet(method, "A-", 600)), h.hand(method, "B", h.sheet(method, "B-", 600))
		var wg sync.WaitGroup
		for _, node := range []*house{h, h.second()} {
			wg.Go(func() {
				for range 20 {
					for _, each := range []payout.Batch{a, b} {
						if _, err := node.WorkBatch(ctx, each.Owner, each.ID); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
		a, b = h.now(a), h.now(b)
		if a.Status != payout.BatchDone || b.Status != payout.BatchDone || a.Made+b.Made != 700 || a.Errored+b.Errored != 500 {
			t.Errorf("%+v\n%+v", a, b)
		}
		h.stands(m.Owner, 700*10_00, 0, 0, 0)
	})
}

func TestBatchesAreListedNewestFirst(t *testing.T) {
	each(t, func(h *house) {
		method := h.method(h.shop(merchant.Sandbox, 0), 0, "sandbox")
		var all []string
		for range 5 {
			all = append(all, h.hand(method, "", h.sheet(method, "", 1)).ID)
			h.clock.Advance(time.Second)
		}
		slices.Reverse(all)
		for _, c := range []struct {
			page payout.BatchPage
			want []string
		}{
			{payout.BatchPage{Limit: 10}, all},
			{payout.BatchPage{Limit: 2}, all[:2]},
			{payout.BatchPage{Limit: 2, Before: all[1]}, all[2:4]},
			{payout.BatchPage{Limit: 2, After: all[4]}, all[2:4]},
			{payout.BatchPage{Limit: 2, Before: all[4]}, nil},
		} {
			list, err := h.Batches(ctx, method.Owner, c.page)
			var have []string
			for _, b := range list {
				have = append(have, b.ID)
			}
			if d := cmp.Diff(c.want, have); d != "" || err != nil {
				t.Errorf("%+v: %s, %v", c.page, d, err)
			}
		}
		other := h.shop(merchant.Sandbox, 0)
		if list, err := h.Batches(ctx, other.Owner, payout.BatchPage{Limit: 10}); err != nil || len(list) != 0 {
			t.Error(list, err)
		}
		_, err := h.Batch(ctx, other.Owner, all[0])
		wants(t, err, fault.BatchMissing)
		_, err = h.BatchLines(ctx, other.Owner, all[0], payout.LinePage{Limit: 1})
		wants(t, err, fault.BatchMissing)
		_, err = h.BatchByReference(ctx, method.Owner, "native", "NO")
		wants(t, err, fault.BatchMissing)
		_, err = h.WorkBatch(ctx, other.Owner, all[0])
		wants(t, err, fault.BatchMissing)
	})
}

func TestABatchThatCannotBeIsRefusedAndLeavesNothing(t *testing.T) {
	each(t, func(h *house) {
		method := h.method(h.shop(merchant.Sandbox, 0), 0, "sandbox")
		had := h.hand(method, "MARCH", h.sheet(method, "", 1))
		huge := h.sheet(method, "", 2)
		huge[0].Amount.Minor, huge[1].Amount.Minor = 1<<62, 1<<62
		for name, c := range map[string]struct {
			batch payout.NewBatch
			code  fault.Code
			field string
		}{
			"nothing":     {payout.NewBatch{Door: "native"}, fault.FieldRequired, "payouts"},
			"too many":    {payout.NewBatch{Door: "native", Lines: h.sheet(method, "", payout.BatchMost+1)}, fault.FieldTooMany, "payouts"},
			"64 bits":     {payout.NewBatch{Door: "native", Lines: huge}, fault.AmountOverflow, "payouts"},
			"a reference": {payout.NewBatch{Door: "native", Reference: "MARCH", Lines: h.sheet(method, "", 1)}, fault.ReferenceTaken, "reference"},
		} {
			_, err := h.CreateBatch(ctx, method.Owner, alice, c.batch, nil)
			if f := fault.First(err); f == nil || f.Code != c.code || f.Field != c.field {
				t.Errorf("%s: %v", name, err)
			}
		}
		if list, err := h.Batches(ctx, method.Owner, payout.BatchPage{Limit: 10}); err != nil || len(list) != 1 || list[0].ID != had.ID {
			t.Error(list, err)
		}
		// The same reference at another door is another; the same id is the same.
		if b, err := h.CreateBatch(ctx, method.Owner, alice, payout.NewBatch{Door: "aspay", Reference: "MARCH", Lines: h.sheet(method, "", 1)}, nil); err != nil || b.ID == had.ID {
			t.Error(b, err)
		}
		if b, err := h.CreateBatch(ctx, method.Owner, alice, payout.NewBatch{ID: had.ID, Door: "native", Reference: "MARCH", Lines: h.sheet(method, "", 1)}, nil); err != nil || b.ID != had.ID {
			t.Error(b, err)
		}
	})
}

func TestTheSameKeyKeepsOneBatch(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 100_000_00)
		method := h.method(m, 0, "sandbox")
		nodes := []*house{h, h.second()}
		var mu sync.Mutex
		ids := map[string]bool{}
		var wg sync.WaitGroup
		for n := range 20 {
			wg.Go(func() {
				b, err := nodes[n%2].CreateBatch(ctx, m.Owner, alice, payout.NewBatch{Door: "native", Lines: h.sheet(method, "S-", 300)}, &store.Key{Door: "native", Key: "k", Hash: "h"})
				mu.Lock()
				defer mu.Unlock()
				if ids[b.ID] = true; err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		h.drain()
		if list, err := h.Batches(ctx, m.Owner, payout.BatchPage{Limit: 10}); err != nil || len(list) != 1 || len(ids) != 1 || list[0].Made != 300 {
			t.Error(list, ids, err)
		}
	})
}

func TestTenThousandInOneBatch(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 9_999*10_00)
		method := h.method(m, 0, "sandbox")
		b := h.hand(method, "", h.sheet(method, "S-", payout.BatchMost))
		h.drain()
		if now := h.now(b); now.Status != payout.BatchDone || now.Made != payout.BatchMost-1 || now.Errored != 1 {
			t.Errorf("%+v", now)
		}
		if have := h.counted(b); have != "0 draft, 9999 made, 1 errored" {
			t.Error(have)
		}
		h.stands(m.Owner, 9_999*10_00, 0, 0, 0)
	})
}

func TestABatchWhoseCommitWasNotAnsweredIsKeptAndMadeOnce(t *testing.T) {
	url, lose := pgtest.Lossy(t, storetest.URL(t, store.Postgres))
	c := clock.NewFake(start)
	h := open(t, storetest.Open(t, url, c), c)
	m := h.shop(merchant.Sandbox, 100_000_00)
	method := h.method(m, 0, "sandbox")
	lose()
	b := h.hand(method, "MARCH", h.sheet(method, "S-", 600))
	for range 4 {
		lose()
		h.step()
	}
	h.drain()
	if have := h.counted(b); have != "0 draft, 600 made, 0 errored" {
		t.Error(have)
	}
	if types, _ := h.told(b); !slices.Equal(types, whole) {
		t.Error(types)
	}
	if list, err := h.Batches(ctx, m.Owner, payout.BatchPage{Limit: 10}); err != nil || len(list) != 1 {
		t.Error(list, err)
	}
	h.proved()
}

func TestAnAuditNamesEveryEditOfABatch(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 1000_00)
		method := h.method(m, 0, "sandbox")
		sheet := h.sheet(method, "S-", 3)
		sheet[1].Method = 99
		h.hand(method, "MARCH", sheet)
		h.drain()
		h.hand(method, "", h.sheet(method, "T-", 2))
		h.drain()
		waiting := h.hand(method, "", h.sheet(method, "U-", 2))
		h.clock.Advance(time.Second)
		half := h.hand(method, "", h.sheet(method, "V-", 252))
		if _, err := h.WorkBatch(ctx, half.Owner, half.ID); err != nil {
			t.Fatal(err)
		}
		audittest.Walk(h.t.(*testing.T), h.db, payout.Audit,
			audittest.Table{Name: "batch", Key: []string{"owner", "id"}, Fresh: []string{"reference"}, Where: "status = 'done'"},
			audittest.Table{Name: "batch_part", Key: []string{"owner", "batch", "part"}},
		)
		// Where a worker stands is its own affair; what is done and what is left is not.
		for _, b := range []payout.Batch{waiting, half} {
			for _, set := range []string{
				"door = 'x'", "reference = 'x'", "name = 'x'", "lines = lines + 1", "made = made + 1", "errored = errored + 1", "amounts = '[]'", "asked_by = 'x'",
				"status = 'done'", "created_at = created_at + 1", "failures = -1", "due_at = 0", "id = 'x'", "owner = 'x'",
			} {
				h.edited("UPDATE batch SET "+set+" WHERE id = '"+b.ID+"'", "batch")
			}
			h.edited("DELETE FROM batch WHERE id = '"+b.ID+"'", "batch")
		}
		for _, typ := range whole {
			h.edited("DELETE FROM event WHERE type = '"+string(typ)+"'", "batch")
		}
		one := h.lines(half, payout.LineMade)[0].Payout
		for _, set := range []string{"line = 252", "line = 2", "line = 0", "batch = '" + waiting.ID + "'", "batch = 'x'", "batch = ''"} {
			h.edited("UPDATE payout SET "+set+" WHERE id = '"+one+"'", "batch")
		}
		for _, set := range []string{"amount = 1", "account = 'x'", "recipient_name = 'x'", "reference = 'x'", "method = 2", "asked_by = 'x'"} {
			h.edited("UPDATE payout SET "+set+" WHERE id = '"+one+"'", "payout")
		}
	})
}

// edited fails unless the audit names the table after the edit, which is then taken back.
func (h *house) edited(edit, table string) {
	h.t.Helper()
	undo := errors.New("undo")
	err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if tx.Engine() == store.Postgres { // whoever edits by hand is not stopped by foreign keys
			if err := tx.Exec(ctx, "SET LOCAL session_replication_role = 'replica'"); err != nil {
				return err
			}
		} else if err := tx.Exec(ctx, "PRAGMA defer_foreign_keys = ON"); err != nil {
			return err
		}
		if err := tx.Exec(ctx, edit); err != nil {
			return err
		}
		named := false
		if err := payout.Audit(ctx, tx, func(f audit.Finding) { named = named || f.Table == table }); err != nil {
			return err
		}
		if !named {
			h.t.Errorf("the audit does not name %s after %s", table, edit)
		}
		return undo
	})
	if !errors.Is(err, undo) {
		h.t.Fatal(edit, err)
	}
}
