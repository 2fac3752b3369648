package payout_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/store"
)

// express is a rail that a worker would hand payouts to.
type express struct{}

func (express) Name() string              { return "express" }
func (express) Sends(rail.OrderKind) bool { return true }
func (express) Limit() time.Duration      { return time.Second }

func (express) Send(context.Context, rail.Order) (rail.Answer, error) {
	return rail.Answer{}, fault.New(fault.Outage)
}

func (express) Inquire(context.Context, rail.Order) (rail.Answer, error) {
	return rail.Answer{}, fault.New(fault.Outage)
}

// What a trap in a table does to the transaction that writes there.
const (
	fails       = "fails"        // the statement fails
	failsAtEnd  = "fails at end" // its COMMIT does
	breaks      = "breaks"       // the connection breaks, once
	isOvertaken = "is overtaken" // another transaction was faster, once
)

// trap has transactions that write so ("INSERT payout") end badly, until what it answers is called.
func (h *house) trap(how, where string) (free func()) {
	h.t.Helper()
	what, table, _ := strings.Cut(where, " ")
	do := map[string][2]string{ // on SQLite, and on PostgreSQL
		fails:       {`SELECT RAISE(ABORT, 'trapped')`, `RAISE EXCEPTION 'trapped'`},
		failsAtEnd:  {`INSERT INTO trapped (id) VALUES (1)`, `INSERT INTO trapped (id) VALUES (1)`},
		breaks:      {``, `IF nextval('traps') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF`},
		isOvertaken: {``, `IF nextval('traps') = 1 THEN RAISE EXCEPTION 'overtaken' USING ERRCODE = '40001'; END IF`},
	}[how]
	set := []string{
		`CREATE TABLE trapper (id BIGINT PRIMARY KEY)`,
		`CREATE TABLE trapped (id BIGINT NOT NULL, FOREIGN KEY (id) REFERENCES trapper (id) DEFERRABLE INITIALLY DEFERRED)`,
	}
	clear := []string{`DROP TABLE trapped`, `DROP TABLE trapper`}
	if h.db.Engine() == store.SQLite {
		set = append(set, fmt.Sprintf(`CREATE TRIGGER trap AFTER %s ON %s BEGIN %s; END`, what, table, do[0]))
		clear = append([]string{`DROP TRIGGER trap`}, clear...)
	} else {
		set = append(set, `CREATE SEQUENCE traps`, fmt.Sprintf(`CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN %s; RETURN NULL; END'`,
			strings.ReplaceAll(do[1], "'", "''")), fmt.Sprintf(`CREATE TRIGGER trap AFTER %s ON %s FOR EACH ROW EXECUTE FUNCTION trap()`, what, table))
		clear = append([]string{`DROP FUNCTION trap CASCADE`, `DROP SEQUENCE traps`}, clear...)
	}
	run := func(list []string) {
		h.t.Helper()
		err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			for _, sql := range list {
				if err := tx.Exec(ctx, sql); err != nil {
					return fmt.Errorf("%s: %w", sql, err)
				}
			}
			return nil
		})
		if err != nil {
			h.t.Fatal(err)
		}
	}
	run(set)
	return func() { run(clear) }
}

// everything is all that a merchant has that a payout can change, for comparing.
func (h *house) everything(owner string, numbers ...string) string {
	h.t.Helper()
	list, err := h.List(ctx, payout.Query{Merchant: owner, Limit: 1000})
	if err != nil {
		h.t.Fatal(err)
	}
	text := h.figures(owner)
	for _, p := range list {
		text += fmt.Sprintf("\n%+v: %s", p, h.events(p))
	}
	for _, n := range numbers {
		p, err := h.ByNumber(ctx, owner, "aspay", n)
		text += fmt.Sprintf("\n%s: %s %v", n, p.ID, err)
	}
	err = h.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		notes, err := merchant.Notes(ctx, tx, owner, "")
		if err != nil {
			return err
		}
		text += fmt.Sprintf("\n%d lines, work:", len(notes))
		return tx.Query(ctx, `SELECT payout, due_at FROM payout_work ORDER BY payout`, nil, func(r store.Row) error {
			var id string
			var due int64
			err := r.Scan(&id, &due)
			text += fmt.Sprint(" ", id, "@", due)
			return err
		})
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

// deed is a request or a move that a test has fail at each of the places it writes to.
type deed struct {
	name   string
	writes []string
	do     func() (payout.Payout, error)
	want   string // events afterwards
}

// deeds are a request and moves of payouts that are ready for them.
func (h *house) deeds(owner string, method payout.Method) []deed {
	small, large := h.ask(method, 10_00), h.ask(method, 60_00)
	move := func(p payout.Payout, a payout.Action, r payout.Right) func() (payout.Payout, error) {
		return func() (payout.Payout, error) {
			return h.Move(ctx, payout.Move{Merchant: owner, Payout: p.ID, Action: a, Right: r, By: bob, Reason: "why"}, nil)
		}
	}
	n := h.asking(method, 20_00)
	n.Number, n.Reference = "AT"+n.ID, n.ID
	money := []string{"INSERT hold_step", "UPDATE account", "INSERT event", "UPDATE event_counter"}
	ends := append([]string{"UPDATE hold", "UPDATE payout", "DELETE payout_work", "INSERT audit_log"}, money...)
	return []deed{
		{
			"request", append([]string{"INSERT hold", "INSERT payout", "INSERT payout_work", "INSERT alias"}, money...),
			func() (payout.Payout, error) { return h.Request(ctx, n, nil) }, "payout.requested",
		},
		{
			"approve",
			[]string{"UPDATE payout", "INSERT payout_work", "INSERT audit_log", "INSERT event", "UPDATE event_counter"},
			move(large, payout.Approve, payout.OfMerchant), "payout.requested payout.approved",
		},
		{"reject", ends, move(h.ask(method, 10_00), payout.Reject, payout.OfRail), "payout.requested payout.rejected"},
		{"cancel", ends, move(h.ask(method, 10_00), payout.Cancel, payout.OfMerchant), "payout.requested payout.cancelled"},
		{
			"complete", append([]string{"INSERT entry"}, ends...), move(small, payout.Complete, payout.OfRail),
			"payout.requested payout.processing payout.completed",
		},
	}
}

// live is a merchant whose payouts a worker hands to a rail, all of its accounts being there.
func (h *house) live() (string, payout.Method) {
	h.t.Helper()
	m := h.shop(merchant.Live, 10_000_00, limited(50_00))
	method := h.method(m, 1_00, express{}.Name())
	h.does(h.ask(method, 10_00), payout.Complete)
	return m.Owner, method
}

func TestWhatFailsHalfwayHasNotBegun(t *testing.T) {
	each(t, func(h *house) {
		h.SetSenders(express{})
		owner, method := h.live()
		for _, d := range h.deeds(owner, method) {
			for n, where := range append([]string{d.writes[0]}, d.writes...) {
				how, code := fails, fault.Bug
				if n == 0 { // COMMIT is one place; SQLite's may have been written when it fails
					how = failsAtEnd
					if h.db.Engine() == store.SQLite {
						code = fault.Outage
					}
				}
				before := h.everything(owner)
				free := h.trap(how, where)
				_, err := d.do()
				free()
				if f := fault.First(err); f == nil || f.Code != code || !strings.Contains(err.Error(), "trapped") && how == fails {
					t.Errorf("%s that %s at %s: %v, want %s", d.name, how, where, err, code)
				}
				if after := h.everything(owner); after != before {
					t.Errorf("%s that %s at %s left\n%s, before it was\n%s", d.name, how, where, after, before)
				}
			}
			p, err := d.do()
			if err != nil || h.events(p) != d.want {
				t.Errorf("%s: %s, %v", d.name, h.events(p), err)
			}
		}
	})
}

// On a server, transactions are overtaken and connections break: whoever asked hears nothing of it.
func TestWhatIsInterruptedIsDoneOnceAllTheSame(t *testing.T) {
	fake := clock.NewFake(start)
	h := open(t, storetest.Open(t, storetest.URL(t, store.Postgres), fake), fake, express{})
	owner, method := h.live()
	for _, how := range []string{breaks, isOvertaken} {
		for n, first := range h.deeds(owner, method) {
			for _, where := range first.writes {
				d := h.deeds(owner, method)[n]
				free := h.trap(how, where)
				p, err := d.do()
				if err != nil || h.events(p) != d.want {
					t.Errorf("%s that %s at %s: %s, %v", d.name, how, where, h.events(p), err)
				}
				if trapped := h.number(`SELECT last_value FROM traps`); trapped < 2 {
					t.Errorf("%s did not come to %s again", d.name, where)
				}
				free()
			}
		}
	}
	h.proved()
}

// number is what a query for one number answers.
func (h *house) number(sql string, args ...any) (n int64) {
	h.t.Helper()
	if err := h.db.Query(ctx, sql, args, func(r store.Row) error { return r.Scan(&n) }); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// A command that cannot be carried out fails alone: those that it was taken together with are.
func TestOnePoisonousRequestHarmsNoOther(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 1000_00)
		method := h.method(m, 0, "sandbox")
		free := h.trap(fails, "INSERT alias") // only one prints a number
		var all sync.WaitGroup
		for i := range 40 {
			n := h.asking(method, 1_00)
			if i == 20 {
				n.Number = "AT1"
			}
			all.Go(func() {
				if _, err := h.Request(ctx, n, nil); (err == nil) == (n.Number != "") {
					t.Errorf("with number %q: %v", n.Number, err)
				}
			})
		}
		all.Wait()
		free()
		h.stands(m.Owner, 1000_00, 961_00, 0, 0)
	})
}
