package payout_test

import (
	"context"
	"errors"
	"fmt"
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
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/store"
	"sarraf/wallet"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var (
	ctx   = context.Background()
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	alice = merchant.Actor{Name: "alice", Source: "test"}
	bob   = merchant.Actor{Name: "bob", Source: "test"}
)

// house is a database with payouts on it, as one node has them.
type house struct {
	t         testing.TB
	db        *store.DB
	clock     *clock.Fake
	log       *event.Log
	merchants *merchant.Service
	wallets   *wallet.Service
	*payout.Service
}

// each runs fn on both engines, with a clock that stands at start, and proves the books afterwards.
func each(t *testing.T, fn func(h *house)) {
	t.Helper()
	c := clock.NewFake(start)
	storetest.Each(t, c, func(t *testing.T, db *store.DB) {
		c.Set(start)
		h := open(t, db, c)
		fn(h)
		h.proved()
	})
}

func open(t testing.TB, db *store.DB, c *clock.Fake, senders ...rail.Sender) *house {
	t.Helper()
	keys, err := keyring.Parse(strings.Repeat("07", 32))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, db: db, clock: c, log: event.NewLog(db)}
	h.merchants = merchant.NewService(db, h.log, keys)
	h.Service = payout.NewService(payout.Deps{DB: db, Log: h.log, Merchants: h.merchants})
	h.SetSenders(senders...)
	h.wallets = wallet.NewService(db, h.log, keys)
	h.SetWallets(h.wallets)
	t.Cleanup(func() {
		h.Close()
		h.wallets.Close()
	})
	return h
}

// second is another node on the same database.
func (h *house) second() *house { return open(h.t, h.db, h.clock) }

// proved audits the books.
func (h *house) proved() {
	h.t.Helper()
	for _, f := range h.findings() {
		h.t.Errorf("audit: %s", f)
	}
}

func (h *house) findings() (list []audit.Finding) {
	h.t.Helper()
	err := h.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		note := func(f audit.Finding) { list = append(list, f) }
		return errors.Join(ledger.Audit(ctx, tx, h.clock.Now(), note), event.Audit(ctx, tx, note), payout.Audit(ctx, tx, note), merchant.Audit(ctx, tx, note),
			wallet.Audit(ctx, tx, note))
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

// shop is a merchant with so much on its balance in taka.
func (h *house) shop(mode merchant.Mode, minor int64, change ...func(*merchant.Merchant)) merchant.Merchant {
	h.t.Helper()
	m := merchant.Merchant{Name: "Shop", Mode: mode, Currencies: []money.Currency{"BDT", "PKR"}}
	for _, c := range change {
		c(&m)
	}
	m, err := h.merchants.Create(ctx, alice, m)
	if err != nil {
		h.t.Fatal(err)
	}
	if minor > 0 {
		if err := h.merchants.Fund(ctx, alice, m.Owner, "opening", money.Of(minor, "BDT")); err != nil {
			h.t.Fatal(err)
		}
	}
	return m
}

// limited has a second person approve what is above so much taka.
func limited(minor int64) func(*merchant.Merchant) {
	return func(m *merchant.Merchant) { m.Settings.PayoutApproval = map[money.Currency]int64{"BDT": minor} }
}

// method is a bKash method of the merchant's with a flat fee.
func (h *house) method(m merchant.Merchant, fee int64, railName string) payout.Method {
	h.t.Helper()
	made, err := h.SetMethod(ctx, alice, payout.Method{Owner: m.Owner, Kind: "bkash", Min: 1_00, Fee: money.Schedule{Flat: fee}, Rail: railName})
	if err != nil {
		h.t.Fatal(err)
	}
	return made
}

// asking is a payout of so much, asked for by alice.
func (h *house) asking(method payout.Method, minor int64) payout.New {
	return payout.New{
		Owner: method.Owner, ID: id.New(h.clock), Door: "aspay", Method: method.Number, Amount: money.Of(minor, "BDT"), RecipientName: "John Doe",
		Account: "01712345678", WebhookURL: "https://shop.example/hook", AskedBy: alice,
	}
}

func (h *house) ask(method payout.Method, minor int64) payout.Payout {
	h.t.Helper()
	p, err := h.Request(ctx, h.asking(method, minor), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// does moves a payout by the rail's right.
func (h *house) does(p payout.Payout, a payout.Action) payout.Payout {
	h.t.Helper()
	p, err := h.Move(ctx, payout.Move{Merchant: p.Merchant, Payout: p.ID, Action: a, Right: payout.OfRail, RailReference: "TRX1"}, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// stands fails unless the merchant's taka stand as given: balance, what of it is available, fees, and what went out.
func (h *house) stands(owner string, balance, available, fees, out int64) {
	h.t.Helper()
	if have, want := h.figures(owner), fmt.Sprint(balance, " ", available, " ", fees, " ", out); have != want {
		h.t.Errorf("balance, available, fees, paid out: %s, want %s", have, want)
	}
}

// figures are those that stands compares.
func (h *house) figures(owner string) string {
	h.t.Helper()
	var have []string
	for _, kind := range []string{ledger.Balance, ledger.Fees, ledger.Payouts} {
		f, err := ledger.Read(ctx, h.db, ledger.Account{Owner: owner, Currency: "BDT", Kind: kind})
		if err != nil {
			h.t.Fatal(err)
		}
		have = append(have, fmt.Sprint(f.Balance()))
		if kind == ledger.Balance {
			have = append(have, fmt.Sprint(f.Available()))
		}
	}
	return strings.Join(have, " ")
}

// events are the types of the events about a payout, in their order.
func (h *house) events(p payout.Payout) string {
	h.t.Helper()
	list, err := h.log.List(ctx, p.Merchant, event.Page{Limit: 1000})
	if err != nil {
		h.t.Fatal(err)
	}
	var types []string
	for _, e := range list {
		if e.Subject == p.ID {
			types = append(types, string(e.Type))
		}
	}
	return strings.Join(types, " ")
}

func wants(t testing.TB, err error, codes ...fault.Code) {
	t.Helper()
	all := fault.All(err)
	if len(all) != len(codes) {
		t.Errorf("%v, want %v", err, codes)
		return
	}
	for i, c := range codes {
		if all[i].Code != c {
			t.Errorf("%v, want %v", err, codes)
		}
	}
}
