package payment_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/audit"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/store"
	"sarraf/wallet"
)

func TestMain(m *testing.M) {
	_ = flag.Set("rapid.checks", "20") // each is a story of its own in a real database; the command line has the last word
	pgtest.Main(m)
}

var (
	ctx   = context.Background()
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	by    = merchant.Actor{Name: "test", Source: "test"}
)

// house is a database with the services over it, as one node has them.
type house struct {
	db        *store.DB
	log       *event.Log
	clock     *clock.Fake
	merchants *merchant.Service
	invoices  *invoice.Service
	wallets   *wallet.Service
	payouts   *payout.Service
	*payment.Service
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

func open(t testing.TB, db *store.DB, c *clock.Fake, sinks ...event.Sink) *house {
	keys, err := keyring.Parse(strings.Repeat("07", 32))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{db: db, log: event.NewLog(db, sinks...), clock: c}
	h.merchants = merchant.NewService(db, h.log, keys)
	h.invoices = invoice.NewService(db, h.log)
	h.Service, h.wallets = payment.NewService(db, h.log), wallet.NewService(db, h.log, keys)
	h.SetWallets(h.wallets)
	h.payouts = payout.NewService(payout.Deps{DB: db, Log: h.log, Merchants: h.merchants})
	h.payouts.SetSenders(sending("cards"), sending("sandbox"))
	h.SetPayouts(h.payouts, h.merchants)
	t.Cleanup(func() {
		h.Close()
		h.payouts.Close()
		h.wallets.Close()
		h.invoices.Close()
	})
	return h
}

// second is another node on the same database.
func (h *house) second(t *testing.T) *house { return open(t, h.db, h.clock) }

// shop makes a merchant and answers its owner.
func (h *house) shop(t testing.TB) string {
	t.Helper()
	m, err := h.merchants.Create(ctx, by, merchant.Merchant{
		Name: "Shop", Mode: merchant.Sandbox, Currencies: []money.Currency{money.BDT, money.USD},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m.Owner
}

// bill makes an open invoice of the owner over so many minor units of BDT.
func (h *house) bill(t testing.TB, owner string, amount int64) invoice.Invoice {
	t.Helper()
	key := id.New(h.clock)
	made, err := h.invoices.Create(ctx, invoice.Invoice{
		Owner: owner, ID: key, Door: "aspay", Number: "N" + key, Token: "t" + key, Amount: amount, Currency: money.BDT,
		PayerName: "Zoë", WebhookURL: "https://shop.example/hook", ExpiresAt: h.clock.Now().Add(time.Hour),
	}, nil)
	if err != nil || !made.Fresh {
		t.Fatal(made.Fresh, err)
	}
	return made.Invoice
}

// receipt is accepted money for the invoice over the rail "bank", in BDT.
func (h *house) receipt(inv invoice.Invoice, minor int64) payment.Receipt {
	key := id.New(h.clock)
	return payment.Receipt{
		ID: key, Owner: inv.Owner, Invoice: inv.ID, Rail: "bank", RailReference: "B-" + key, Amount: money.Of(minor, money.BDT),
		Outcome: rail.Accepted, At: h.clock.Now(),
	}
}

// slice settles a slice in one transaction.
func (h *house) slice(t testing.TB, list ...payment.Receipt) []store.Outcome[payment.Settled] {
	t.Helper()
	var out []store.Outcome[payment.Settled]
	err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		out, err = h.SettleSlice(ctx, tx, list)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// to brings an open invoice into a status.
func (h *house) to(t *testing.T, inv invoice.Invoice, s invoice.Status) {
	t.Helper()
	var err error
	switch s {
	case invoice.Open:
	case invoice.Paid:
		_, err = h.Settle(ctx, h.receipt(inv, inv.Amount), nil)
	case invoice.Failed, invoice.Expired, invoice.Cancelled:
		_, err = h.invoices.End(ctx, invoice.Ending{Owner: inv.Owner, ID: inv.ID, To: s, Reason: "test"}, nil)
	default: // no command leads there yet
		err = h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			have, err := invoice.Lock(ctx, tx, []invoice.Key{inv.Key()})
			if err != nil {
				return err
			}
			have[inv.Key()].Status = s
			invoice.Save(tx, []*invoice.Invoice{have[inv.Key()]})
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// say words an outcome in a line.
func say(s payment.Settled, err error) string {
	if f := fault.First(err); f != nil {
		return strings.TrimSpace(fmt.Sprintf("%s %s%s", f.Code, f.Params["status"], f.Params["due"]))
	}
	p := s.Payment
	line := fmt.Sprintf("%s %d+%d", p.Status, p.Applied, p.Unapplied)
	if p.Fee > 0 {
		line += fmt.Sprintf(" fee %d", p.Fee)
	}
	if p.Late {
		line += " late"
	}
	if p.Reason != "" {
		line += " (" + p.Reason + ")"
	}
	if s.Replay {
		line += " replay"
	}
	return line + fmt.Sprintf(" -> %s %d/%d", s.Invoice.Status, s.Invoice.Paid, s.Invoice.Amount)
}

// balances are the owner's accounts that are not at zero.
func (h *house) balances(t testing.TB, owner string) map[string]int64 {
	t.Helper()
	list, err := ledger.ReadAll(ctx, h.db, owner)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int64{}
	for _, f := range list {
		if f.Balance() != 0 {
			out[f.ID()] = f.Balance()
		}
	}
	return out
}

// events are the owner's events after the given number.
func (h *house) events(t testing.TB, owner string, after int) []event.Event {
	t.Helper()
	var all []event.Event
	for {
		list, err := h.log.List(ctx, owner, event.Page{After: int64(after + len(all)), Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			return all
		}
		all = append(all, list...)
	}
}

// auditBooks is the ledger's audit, at a time after everything here.
func auditBooks(ctx context.Context, tx *store.Tx, report audit.Report) error {
	return ledger.Audit(ctx, tx, start.Add(10_000*time.Hour), report)
}

// findings is what the audits say, of the nouns and of what they stand on.
func (h *house) findings(t testing.TB) []audit.Finding {
	t.Helper()
	var list []audit.Finding
	report := func(f audit.Finding) { list = append(list, f) }
	err := h.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, check := range []func(context.Context, *store.Tx, audit.Report) error{
			event.Audit, auditBooks, merchant.Audit, invoice.Audit, payment.Audit, wallet.Audit, payout.Audit,
		} {
			if err := check(ctx, tx, report); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// clean fails the test when an audit finds anything, about other owners than those named.
func (h *house) clean(t testing.TB, except ...string) {
	t.Helper()
	for _, f := range h.findings(t) {
		if !slices.Contains(except, f.Owner) {
			t.Errorf("audit: %s", f)
		}
	}
}
