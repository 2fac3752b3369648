package invoice_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/audit"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/money"
	"sarraf/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var (
	ctx   = context.Background()
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// house is a database with a service over it, as one node has it.
type house struct {
	db    *store.DB
	log   *event.Log
	clock *clock.Fake
	trap  *trap
	*invoice.Service
}

// trap fails transactions of a node as it is told: what it is told of as a sink is what it judges.
type trap struct {
	mu   sync.Mutex
	fail func([]event.Written) error
}

// set has fail decide from now on; nil for none.
func (t *trap) set(fail func([]event.Written) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fail = fail
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

// each runs fn on both engines, with a clock that stands at start.
func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	fake := clock.NewFake(start)
	storetest.Each(t, fake, func(t *testing.T, db *store.DB) {
		fake.Set(start)
		fn(t, open(t, db, fake))
	})
}

func open(t *testing.T, db *store.DB, c *clock.Fake) *house {
	h := &house{db: db, clock: c, trap: &trap{}}
	h.log = event.NewLog(db, h.trap)
	h.Service = invoice.NewService(db, h.log)
	t.Cleanup(h.Close)
	return h
}

// second is another node on the same database.
func (h *house) second(t *testing.T) *house { return open(t, h.db, h.clock) }

// draft is an invoice as a front door hands it over, with every field set that a door may set.
func (h *house) draft(owner, door, reference string) invoice.Invoice {
	key := id.New(h.clock)
	return invoice.Invoice{
		Owner: owner, ID: key, Door: door, Number: "N" + key, Token: "tok-" + key, Reference: reference, Title: "Tea <&> \"সিলেট\"",
		PayerName: "Zoë", Amount: 12345, Currency: money.BDT, ReturnURL: "https://shop.example/back?a=1&b=2",
		WebhookURL: "https://shop.example/hook", Extra: `{"k":"v"}`, ExpiresAt: h.clock.Now().Add(time.Hour),
	}
}

// make creates an invoice, which must be new.
func (h *house) make(t testing.TB, inv invoice.Invoice) invoice.Invoice {
	t.Helper()
	made, err := h.Create(ctx, inv, nil)
	if err != nil || !made.Fresh {
		t.Fatalf("create: fresh %v, %v", made.Fresh, err)
	}
	return made.Invoice
}

// createSlice carries out a slice in one transaction.
func (h *house) createSlice(t *testing.T, list ...invoice.Invoice) []invoice.Created {
	t.Helper()
	made := make([]invoice.Created, len(list))
	err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		out, err := h.CreateSlice(ctx, tx, append([]invoice.Invoice(nil), list...))
		for i, o := range out {
			if o.Err != nil {
				return fmt.Errorf("command %d: %w", i, o.Err)
			}
			made[i] = o.Value
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// bills makes a slice of bills in one transaction.
func (h *house) bills(t *testing.T, list []invoice.NewBill) []invoice.Created {
	t.Helper()
	made := make([]invoice.Created, len(list))
	psids, err := h.DrawPSIDs(ctx, len(list))
	if err != nil {
		t.Fatal(err)
	}
	err = h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		out, err := h.BillSlice(ctx, tx, list, psids)
		for i, o := range out {
			if o.Err != nil {
				return fmt.Errorf("bill %d: %w", i, o.Err)
			}
			made[i] = o.Value
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// force puts an invoice into a status by hand, where no command leads in one step.
func (h *house) force(t *testing.T, inv invoice.Invoice, to invoice.Status) {
	t.Helper()
	err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		have, err := invoice.Lock(ctx, tx, []invoice.Key{inv.Key()})
		if err != nil {
			return err
		}
		have[inv.Key()].Status = to
		invoice.Save(tx, []*invoice.Invoice{have[inv.Key()]})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// events are all events of the owner, in their order.
func (h *house) events(t *testing.T, owner string) []event.Event {
	t.Helper()
	var all []event.Event
	for {
		after := int64(len(all))
		list, err := h.log.List(ctx, owner, event.Page{After: after, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			return all
		}
		all = append(all, list...)
	}
}

// types are the events' types.
func types(list []event.Event) []event.Type {
	var out []event.Type
	for _, e := range list {
		out = append(out, e.Type)
	}
	return out
}

// findings is what the audit says.
func (h *house) findings(t *testing.T) []audit.Finding {
	t.Helper()
	var list []audit.Finding
	err := h.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		return invoice.Audit(ctx, tx, func(f audit.Finding) { list = append(list, f) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// clean fails the test when the audit finds anything.
func (h *house) clean(t *testing.T) {
	t.Helper()
	for _, f := range h.findings(t) {
		t.Errorf("audit: %s", f)
	}
}
