package wallet_test

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
	"sarraf/store"
	"sarraf/wallet"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var (
	start = time.Date(2026, 2, 19, 5, 33, 0, 0, time.UTC) // 11:33 in Dhaka
	by    = merchant.Actor{Name: "test", Source: "test"}
)

// house is a database with wallets on it, as one node has them.
type house struct {
	t     *testing.T
	db    *store.DB
	clock *clock.Fake
	keys  *keyring.Keyring
	*wallet.Service
}

func each(t *testing.T, fn func(h *house)) {
	t.Helper()
	c := clock.NewFake(start)
	storetest.Each(t, c, func(t *testing.T, db *store.DB) {
		c.Set(start)
		h := newNode(t, db, c)
		fn(h)
		h.proved()
	})
}

func newNode(t *testing.T, db *store.DB, c *clock.Fake) *house {
	t.Helper()
	keys, err := keyring.Parse(strings.Repeat("ab", 32))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, db: db, clock: c, keys: keys, Service: wallet.NewService(db, event.NewLog(db), keys)}
	t.Cleanup(h.Close)
	return h
}

// proved audits the books.
func (h *house) proved() {
	h.t.Helper()
	for _, f := range h.findings() {
		h.t.Errorf("audit: %s", f)
	}
}

func (h *house) findings() (list []audit.Finding) {
	h.t.Helper()
	err := h.db.Snapshot(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		note := func(f audit.Finding) { list = append(list, f) }
		return errors.Join(ledger.Audit(ctx, tx, h.clock.Now(), note), event.Audit(ctx, tx, note), wallet.Audit(ctx, tx, note))
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

// made is an approved sandbox wallet for taka with PIN 1234.
func (h *house) made(kind wallet.Kind, change ...func(*wallet.New)) wallet.Wallet {
	h.t.Helper()
	n := wallet.New{PIN: "1234", Wallet: wallet.Wallet{
		Owner: id.New(h.clock), Kind: kind, Name: "John Smith", Status: wallet.Approved, Sandbox: true, Currencies: []money.Currency{"BDT"}, Zone: "Asia/Dhaka",
	}}
	for _, c := range change {
		c(&n)
	}
	w, err := h.Create(h.t.Context(), by, n, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

// rich is a wallet with so much on it.
func (h *house) rich(kind wallet.Kind, minor int64, change ...func(*wallet.New)) wallet.Wallet {
	h.t.Helper()
	w := h.made(kind, change...)
	h.topUp(w, minor)
	return w
}

func (h *house) topUp(w wallet.Wallet, minor int64) {
	h.t.Helper()
	_, err := h.TopUp(h.t.Context(), wallet.TopUpNew{
		ID: id.New(h.clock), Door: "command", Wallet: w.Owner, Amount: money.Of(minor, w.Currencies[0]), Rail: wallet.OperatorRail,
		Reference: id.New(h.clock), By: wallet.Operator, Actor: "test",
	}, nil)
	if err != nil {
		h.t.Fatal(err)
	}
}

// spending is a payment of so much with the right PIN.
func (h *house) spending(from, to wallet.Wallet, minor int64) wallet.Spend {
	pin := "1234"
	return wallet.Spend{ID: id.New(h.clock), Door: "deshipay", Sender: from.Owner, Receiver: to.Owner, Amount: money.Of(minor, "BDT"), PIN: &pin}
}

// spend carries it out, and holds against want what becomes of it: a fault's code, or "" for a transfer.
func (h *house) spend(sp wallet.Spend, want fault.Code) wallet.Sent {
	h.t.Helper()
	sent, err := h.Spend(h.t.Context(), sp, nil)
	h.says(err, want)
	return sent
}

func (h *house) says(err error, want fault.Code) {
	h.t.Helper()
	if want == "" && err != nil || want != "" && !fault.Has(err, want) {
		h.t.Fatalf("%v, want %q", err, want)
	}
}

// holds holds the wallet's balance against want.
func (h *house) holds(w wallet.Wallet, want int64) {
	h.t.Helper()
	got, err := h.Balance(h.t.Context(), w.Owner, "BDT")
	if err != nil || got.Minor != want {
		h.t.Fatalf("%s has %v, want %d: %v", w.Name, got, want, err)
	}
}

func text(parts ...any) string { return fmt.Sprint(parts...) }
