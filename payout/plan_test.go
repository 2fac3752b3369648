package payout_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/storetest"
	"sarraf/payout"
	"sarraf/store"
)

// fill writes many payouts of two merchants by turns, without their holds: only plans are looked at. Each hundred of the oldest has something
// of its own: pending and wanting approval, pending, unknown, rejected, a refund, over another rail, approved, of a batch, on a sheet, rejected
// without approval.
func (h *house) fillBooks(owner, other string, payouts int) {
	h.t.Helper()
	of := func(hundreds ...int) string {
		var list []string
		for _, n := range hundreds {
			list = append(list, fmt.Sprint(n))
		}
		return "(n - 1) / 100 IN (" + strings.Join(list, ", ") + ")"
	}
	pick := func(hundreds, then, otherwise string) string {
		return "CASE WHEN " + hundreds + " THEN " + then + " ELSE " + otherwise + " END"
	}
	const name = "CAST(1000000 + n AS TEXT)"
	whose := pick("n % 2 = 0", "'"+owner+"'", "'"+other+"'")
	err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.Exec(ctx, `WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < `+fmt.Sprint(payouts)+`)
			INSERT INTO payout (owner, id, kind, merchant, door, number, reference, batch, line, method, method_kind, method_name, rail, amount, fee,
			currency, recipient_name, account, destination, description, webhook_url, source, target, subject, payment_reference, status, approval,
			reason, asked_by, decided_by, rail_reference, sheet, changes, created_at, updated_at, sent_at, processed_at, moves)
			SELECT `+whose+`, `+name+`, `+pick(of(4), "'refund'", "'payout'")+`, `+whose+`, 'aspay', '', `+name+`,
			`+pick(of(7), "'b'", "''")+`, n, 1, 'bkash', 'bKash', `+pick(of(5), "'manual'", "'sandbox'")+`, 100, 0, 'BDT', '', '', '', '', '', 'balance',
			'payouts', '', '', `+pick(of(0, 1), "'pending'", pick(of(2), "'unknown'", pick(of(3, 9), "'rejected'", "'completed'")))+`,
			`+pick(of(0, 9), "'wanted'", pick(of(6), "'given'", "''"))+`, '', 'alice', '', '', `+pick(of(8), "'s'", "''")+`, 0, 1, 1, NULL,
			`+pick(of(0, 1, 2), "NULL", "1")+`, '' FROM g`)
	})
	if err == nil && h.db.Engine() == store.Postgres { // it knows the figures of tables that have been there for a while
		err = h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.Exec(ctx, "ANALYZE payout") })
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// lists are the queries that are tried, each with and without a merchant, from either end and in the middle, and how many there are to find.
func lists() map[string]payout.Query {
	base := map[string]payout.Query{
		"all":                   {},
		"pending":               {Status: payout.Pending},
		"unknown":               {Status: payout.Unknown},
		"rejected":              {Status: payout.Rejected},
		"completed":             {Status: payout.Completed},
		"wanted":                {Approval: payout.Wanted},
		"pending and wanted":    {Status: payout.Pending, Approval: payout.Wanted},
		"given":                 {Approval: payout.Given},
		"completed and given":   {Status: payout.Completed, Approval: payout.Given},
		"refunds":               {Kind: payout.KindRefund},
		"completed refunds":     {Kind: payout.KindRefund, Status: payout.Completed},
		"payouts":               {Kind: payout.KindPayout},
		"pending payouts":       {Kind: payout.KindPayout, Status: payout.Pending},
		"manual":                {Rail: payout.Manual},
		"manual, completed":     {Rail: payout.Manual, Status: payout.Completed},
		"sandbox, pending":      {Rail: payout.Sandbox, Status: payout.Pending},
		"batch":                 {Batch: "b"},
		"completed of a batch":  {Batch: "b", Status: payout.Completed},
		"sheet":                 {Sheet: "s"},
		"completed of a sheet":  {Sheet: "s", Status: payout.Completed, Kind: payout.KindPayout},
		"everything that fits":  {Status: payout.Completed, Kind: payout.KindRefund, Rail: payout.Sandbox},
		"pending and over hand": {Status: payout.Unknown, Kind: payout.KindPayout, Rail: payout.Sandbox},
	}
	all := map[string]payout.Query{}
	for name, q := range base {
		for _, merchant := range []string{"", "m0"} {
			q.Merchant, q.Limit = merchant, 20
			all[name+" of "+merchant] = q
			q.After = "1000000"
			all[name+" of "+merchant+" after"] = q
			q.After, q.Before = "", "1100000"
			all[name+" of "+merchant+" before"] = q
			q.Before = ""
		}
	}
	return all
}

// Each list finds its page by an index, whatever else there is: none walks what a merchant, or everybody, ever had.
func TestListsReadTheirPageHoweverManyPayoutsThereAre(t *testing.T) {
	fake := clock.NewFake(start)
	storetest.Each(t, fake, func(t *testing.T, db *store.DB) {
		h := open(t, db, fake)
		h.fillBooks("m0", "m1", 100_000)
		for name, q := range lists() {
			list, err := h.List(ctx, q)
			if err != nil || len(list) != q.Limit {
				t.Fatalf("%s: %d, %v", name, len(list), err)
			}
			if !slices.IsSortedFunc(list, func(a, b payout.Payout) int { return strings.Compare(b.ID, a.ID) }) {
				t.Errorf("%s is not in its order", name)
			}
			for _, p := range list {
				if q.Merchant != "" && p.Merchant != q.Merchant || q.Status != "" && p.Status != q.Status || q.Approval != "" && p.Approval != q.Approval ||
					q.Kind != "" && p.Kind != q.Kind || q.Rail != "" && p.Rail != q.Rail || q.Batch != p.Batch && q.Batch != "" || q.Sheet != p.Sheet && q.Sheet != "" ||
					q.Approval == payout.Wanted && p.Status != payout.Pending {
					t.Fatalf("%s: %+v", name, p)
				}
			}
			h.planned(name, q)
		}
	})
}

// planned fails when a list reads more than it has to.
func (h *house) planned(name string, q payout.Query) {
	h.t.Helper()
	short := q.Batch != "" || q.Sheet != "" // they are, and may be sorted for a page
	if h.db.Engine() == store.SQLite {
		sql, args := q.Statement()
		err := h.db.Query(ctx, "EXPLAIN QUERY PLAN "+sql, args, func(r store.Row) error {
			var id, parent, unused int64
			var step string
			err := r.Scan(&id, &parent, &unused, &step)
			whole := strings.HasSuffix(step, "USING INDEX payout_"+string(q.Approval)) && q.Approval != "" // which holds nothing else
			if all := (payout.Query{Limit: q.Limit}); q == all {
				whole = strings.HasSuffix(step, "USING INDEX payout_id")
			}
			if strings.HasPrefix(step, "SCAN") && !whole || strings.Contains(step, "TEMP B-TREE") && !short {
				h.t.Errorf("%s: %s\n%s", name, step, sql)
			}
			return err
		})
		if err != nil {
			h.t.Fatal(err)
		}
		return
	}
	most := int64(3 * q.Limit)
	if short {
		most = 250
	}
	read := h.reads(func(ctx context.Context, tx *store.Tx) error {
		list, err := payout.ListIn(ctx, tx, q)
		if len(list) != q.Limit {
			h.t.Errorf("%s: %d", name, len(list))
		}
		return err
	})
	if n := read["payout"]; n > most || n < int64(q.Limit) {
		sql, _ := q.Statement()
		h.t.Errorf("%s: %d rows were read for %d\n%s", name, n, q.Limit, sql)
	}
}

// reads is how many rows of each table fn reads, on PostgreSQL.
func (h *house) reads(fn func(ctx context.Context, tx *store.Tx) error) map[string]int64 {
	h.t.Helper()
	rows := map[string]int64{}
	count := func(ctx context.Context, tx *store.Tx, sign int64) error {
		const read = `SELECT relname::text, (seq_tup_read + COALESCE(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables`
		return tx.Query(ctx, read, nil, func(r store.Row) error {
			var table string
			var n int64
			err := r.Scan(&table, &n)
			rows[table] += sign * n
			return err
		})
	}
	err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := count(ctx, tx, -1); err != nil { // what this connection has not reported of earlier transactions
			return err
		}
		if err := fn(ctx, tx); err != nil {
			return err
		}
		return count(ctx, tx, 1)
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return rows
}

// A slice of requests, and one of moves, reads its own rows: those that a merchant had before are not looked at.
func TestSlicesReadTheirOwnRowsHoweverManyPayoutsThereAre(t *testing.T) {
	fake := clock.NewFake(start)
	h := open(t, storetest.Open(t, storetest.URL(t, store.Postgres), fake), fake, express{})
	owner, method := h.live()
	h.fillBooks(owner, "another", 20_000)
	const slice, rounds = 64, 10 // a plan that is made anew later on is tried too
	for round := range rounds {
		var list []payout.New
		var processed, completed []payout.Move
		for range slice {
			n := h.asking(method, 1_00)
			n.Reference, n.Number, n.At = n.ID, "AT"+n.ID, h.clock.Now()
			list = append(list, n)
			m := payout.Move{ID: id.New(h.clock), Merchant: owner, Payout: n.ID, Action: payout.Process, Right: payout.OfRail, DueAt: n.At, At: n.At}
			processed = append(processed, m)
			m.ID, m.Action, m.DueAt = id.New(h.clock), payout.Complete, time.Time{}
			completed = append(completed, m)
		}
		good := func(out []store.Outcome[payout.Payout], err error) error {
			for _, o := range out {
				err = errors.Join(err, o.Err)
			}
			return err
		}
		read := h.reads(func(ctx context.Context, tx *store.Tx) error {
			if err := good(h.RequestIn(ctx, tx, list)); err != nil {
				return err
			}
			if err := good(h.MoveIn(ctx, tx, processed)); err != nil {
				return err
			}
			return good(h.MoveIn(ctx, tx, completed))
		})
		// Each row is read to be locked, judged and saved, three times over.
		for table, n := range read {
			if n > 12*slice {
				t.Errorf("round %d: %d rows of %s were read for a slice of %d", round, n, table, slice)
			}
		}
		if read["payout"] < slice {
			t.Fatalf("nothing was counted: %v", read)
		}
	}
}

func TestDecisionsOfABatchReadItAlone(t *testing.T) {
	fake := clock.NewFake(start)
	h := open(t, storetest.Open(t, storetest.URL(t, store.Postgres), fake), fake)
	h.fillBooks("m0", "m1", 20_000)
	read := h.reads(func(ctx context.Context, tx *store.Tx) error {
		rows, err := payout.OfBatch(ctx, tx, "m0", "b", "bob")
		if rows != 1 { // none of it waits
			t.Errorf("%d rows", rows)
		}
		return err
	})
	if n := read["payout"]; n > 200 || n < 50 { // there are 100 of both merchants, looked at twice
		t.Errorf("%d rows were read", n)
	}
}
