package ledger_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/audit"
	"sarraf/internal/storetest"
	"sarraf/ledger"
	"sarraf/money"
	"sarraf/store"
)

// What the random test does at least.
const (
	operationsLeast = 10_000
	sliceMost       = 200
)

// TestRandomSlicesAgreeWithTheModel carries out thousands of random operations in slices, on both engines, and holds each result
// against the model's, and the books against six invariants after each slice. -rapid.seed repeats a run.
func TestRandomSlicesAgreeWithTheModel(t *testing.T) {
	setFlag(t, "rapid.checks", "1")
	if flag.Lookup("rapid.seed").Value.String() == "0" {
		setFlag(t, "rapid.seed", strconv.FormatUint(rand.Uint64(), 10))
	}
	t.Logf("-rapid.seed=%s", flag.Lookup("rapid.seed").Value)
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		run := 0
		rapid.Check(t, func(rt *rapid.T) {
			run++ // each try has owners of its own, so that a failure can be made smaller over the same database
			newDriver(db, fmt.Sprintf("%03d", run)).drive(rt)
		})
	})
}

func setFlag(t *testing.T, name, value string) {
	t.Helper()
	f := flag.Lookup(name)
	before := f.Value.String()
	if err := f.Value.Set(value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(before) })
}

// driver makes random commands and keeps the model beside the books.
type driver struct {
	db       *store.DB
	log      *event.Log
	model    *model
	accounts []ledger.Account
	owners   []string
	now      time.Time

	ids        int
	operations int
	refused    int
	past       []ledger.Command // some that were sent before
	holds      [][2]string      // ids that were sent
	events     int64            // accepted commands

	seen map[ledger.Account]int64 // entries that were checked
	last map[ledger.Account]int64 // the balance after the last of them
}

func newDriver(db *store.DB, run string) *driver {
	d := &driver{
		db: db, log: event.NewLog(db), model: newModel(), now: began, seen: map[ledger.Account]int64{}, last: map[ledger.Account]int64{},
	}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		owner := run + name
		d.owners = append(d.owners, owner)
		for _, kind := range []string{ledger.Balance, ledger.Wallet, ledger.Fees, ledger.Payouts, ledger.Clearing("sandbox")} {
			d.accounts = append(d.accounts, ledger.Account{Owner: owner, Currency: money.BDT, Kind: kind})
		}
		d.accounts = append(d.accounts, ledger.Account{Owner: owner, Currency: money.PKR, Kind: ledger.Balance},
			ledger.Account{Owner: owner, Currency: money.PKR, Kind: ledger.House("capital")})
	}
	return d
}

func (d *driver) drive(t *rapid.T) {
	for d.operations < operationsLeast {
		size := rapid.IntRange(1, sliceMost).Draw(t, "slice")
		var slice []ledger.Command
		for n := 0; n < size; {
			c := d.command(t)
			slice = append(slice, c)
			n += len(c.Ops)
		}
		d.send(t, slice)
		d.check(t)
	}
	if d.refused*5 < d.operations {
		t.Fatalf("only %d of %d operations were refused", d.refused, d.operations)
	}
	used := 0
	for _, a := range d.accounts {
		if d.model.entries[a] > 0 {
			used++
		}
	}
	if used < 20 {
		t.Fatalf("only %d accounts were used", used)
	}
	err := d.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		return ledger.Audit(ctx, tx, d.now, func(f audit.Finding) { t.Error(f) })
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (d *driver) id() string {
	d.ids++
	return fmt.Sprintf("%06d", d.ids)
}

func chance(t *rapid.T, percent int) bool {
	return rapid.IntRange(1, 100).Draw(t, "chance") > 100-percent
}

func (d *driver) command(t *rapid.T) ledger.Command {
	d.now = d.now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
	if len(d.past) > 0 && chance(t, 5) {
		c := rapid.SampledFrom(d.past).Draw(t, "again")
		return ledger.Command{At: d.now, Ops: c.Ops}
	}
	c := ledger.Command{At: d.now}
	ops := 1
	if chance(t, 25) {
		ops = rapid.IntRange(2, 4).Draw(t, "ops")
	}
	for range ops {
		c.Ops = append(c.Ops, d.operation(t))
	}
	if chance(t, 30) {
		d.past = append(d.past, c)
	}
	return c
}

func (d *driver) operation(t *rapid.T) ledger.Op {
	from := rapid.SampledFrom(d.accounts).Draw(t, "from")
	to := rapid.SampledFrom(d.accounts).Draw(t, "to")
	if to.Currency != from.Currency && !chance(t, 2) {
		to.Currency, to.Kind = from.Currency, ledger.Balance
	}
	amount := int64(rapid.IntRange(1, 1000).Draw(t, "amount"))
	if chance(t, 2) {
		amount = rapid.SampledFrom([]int64{0, -1, 1 << 62, 1<<63 - 1}).Draw(t, "odd")
	}
	id := d.id()
	if chance(t, 2) {
		id = fmt.Sprintf("%06d", rapid.IntRange(1, d.ids).Draw(t, "taken"))
	}
	what := rapid.IntRange(1, 100).Draw(t, "what")
	switch {
	case what <= 60 || len(d.holds) == 0 && what > 75:
		return ledger.Transfer{ID: id, From: from, To: to, Amount: amount, Kind: "test", Subject: id}
	case what <= 75:
		h := ledger.Hold{ID: id, From: from, To: to, Amount: amount, Kind: "payout", Subject: id}
		if chance(t, 70) {
			h.ExpiresAt = d.now.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "lasts")) * time.Second)
		}
		d.holds = append(d.holds, [2]string{from.Owner, id})
		return h
	}
	// Of late holds rather than of old ones, which have ended.
	near := d.holds[max(0, len(d.holds)-40):]
	h := rapid.SampledFrom(near).Draw(t, "hold")
	switch {
	case what <= 84:
		return ledger.Post{Owner: h[0], Hold: h[1], Transfer: id}
	case what <= 91:
		return ledger.Void{Owner: h[0], Hold: h[1]}
	}
	return ledger.Expire{Owner: h[0], Hold: h[1]}
}

// send carries out a slice, with one event for each accepted command, and holds the results against the model's.
func (d *driver) send(t *rapid.T, slice []ledger.Command) {
	var results []ledger.Result
	err := d.db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if results, err = ledger.Apply(ctx, tx, slice); err != nil {
			return err
		}
		var facts []event.New
		for i, r := range results {
			if r.Err == nil && !r.Exists {
				facts = append(facts, event.New{
					Owner: d.owners[0], Type: "command.accepted", Kind: "command", Subject: fmt.Sprint(d.events + int64(len(facts)) + 1),
					Data: json.RawMessage(fmt.Sprintf(`{"operations":%d}`, len(slice[i].Ops))), At: slice[i].At,
				})
			}
		}
		_, err = d.log.Append(ctx, tx, facts)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range slice {
		want, got := d.model.apply(c), "ok"
		switch r := results[i]; {
		case r.Err != nil:
			got = string(fault.First(r.Err).Code)
		case r.Exists:
			got = "exists"
		}
		if got != want {
			t.Fatalf("%+v: %s, the model says %s", c, got, want)
		}
		d.operations += len(c.Ops)
		switch got {
		case "ok":
			d.events++
		case "exists":
		default:
			d.refused += len(c.Ops)
		}
	}
}

// check holds the books against the six invariants.
func (d *driver) check(t *rapid.T) {
	sums := map[money.Currency]int64{}
	heldBy := d.holdsOfBooks(t)
	for _, owner := range d.owners {
		figures, err := ledger.ReadAll(ctx, d.db, owner)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range figures {
			want := d.model.accounts[f.Account]
			if got := (standing{f.Debits, f.Credits, f.Held}); got != want || f.Entries != d.model.entries[f.Account] {
				t.Fatalf("%v stands at %+v, %d entries, want %+v", f.Account, got, f.Entries, want)
			}
			sums[f.Currency] += f.Balance() // conservation, below
			if floored(f.Account) && f.Available() < 0 {
				t.Fatalf("%v has %d available", f.Account, f.Available()) // floors
			}
			if f.Held != heldBy[f.Account] {
				t.Fatalf("%v has %d held, and its pending holds are %d", f.Account, f.Held, heldBy[f.Account]) // holds
			}
			d.entriesOf(t, f) // gapless seq, balance_after
		}
	}
	for c, sum := range sums {
		if sum != 0 {
			t.Fatalf("the balances in %s add up to %d", c, sum)
		}
	}
	d.eventsOfBooks(t)
}

// entriesOf walks the entries of an account that are new.
func (d *driver) entriesOf(t *rapid.T, f ledger.Figures) {
	for d.seen[f.Account] < f.Entries {
		list, err := ledger.Entries(ctx, d.db, f.Account, d.seen[f.Account], 100)
		if err != nil || len(list) == 0 {
			t.Fatalf("%v: entry %d of %d is missing: %v", f.Account, d.seen[f.Account]+1, f.Entries, err)
		}
		for _, e := range list {
			d.seen[f.Account]++
			amount := e.Amount
			if e.Side == ledger.Debit {
				amount = -amount
			}
			d.last[f.Account] += amount
			if e.Seq != d.seen[f.Account] || e.BalanceAfter != d.last[f.Account] {
				t.Fatalf("%v: entry %d leaves %d, want entry %d and %d", f.Account, e.Seq, e.BalanceAfter, d.seen[f.Account], d.last[f.Account])
			}
		}
	}
	if d.last[f.Account] != f.Balance() {
		t.Fatalf("%v: the balance is %d, and the last entry leaves %d", f.Account, f.Balance(), d.last[f.Account])
	}
}

// holdsOfBooks holds every hold against the model's and answers what is pending on each account.
func (d *driver) holdsOfBooks(t *rapid.T) map[ledger.Account]int64 {
	pending := map[ledger.Account]int64{}
	rows := 0
	for _, owner := range d.owners {
		err := d.db.Query(ctx, `SELECT id, account, amount, state FROM hold WHERE owner = $1`, []any{owner}, func(r store.Row) error {
			rows++
			var id, account, state string
			var amount int64
			err := r.Scan(&id, &account, &amount, &state)
			want := d.model.holds[[2]string{owner, id}]
			if string(want.state) != state || want.Amount != amount || want.From.ID() != account {
				return fmt.Errorf("hold %s of %s is %s of %d on %s, want %+v", id, owner, state, amount, account, want)
			}
			if want.state == ledger.Pending {
				pending[want.From] += amount
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if rows != len(d.model.holds) {
		t.Fatalf("there are %d holds, want %d", rows, len(d.model.holds))
	}
	return pending
}

// eventsOfBooks counts one event for each accepted command, numbered without a gap.
func (d *driver) eventsOfBooks(t *rapid.T) {
	var n, last, subjects int64
	const count = `SELECT COUNT(*), COALESCE(MAX(seq), 0), COUNT(DISTINCT subject) FROM event WHERE owner = $1`
	err := d.db.Query(ctx, count, []any{d.owners[0]}, func(r store.Row) error { return r.Scan(&n, &last, &subjects) })
	if err != nil || n != d.events || last != n || subjects != n {
		t.Fatalf("%d events up to number %d about %d commands, want %d: %v", n, last, subjects, d.events, err)
	}
}
