package settlement_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"sarraf/event"
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
	"sarraf/rail"
	"sarraf/settlement"
	"sarraf/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var (
	ctx   = context.Background()
	start = time.Date(2026, 2, 9, 12, 0, 0, 0, time.UTC)
	by    = merchant.Actor{Name: "nadia", Source: "test"}
)

const today, tomorrow = rail.Day("20260209"), rail.Day("20260210")

// bank is a rail whose references are CHANNEL/DAY/NUMBER.
type bank struct{}

func (bank) Name() string             { return "bank" }
func (bank) Currency() money.Currency { return money.PKR }
func (bank) ReadSettlement(io.Reader, rail.SettlementOptions) (rail.Settlement, error) {
	return rail.Settlement{}, nil
}

func (bank) Part(reference string) (rail.SettlementPart, bool) {
	parts := strings.Split(reference, "/")
	if len(parts) != 3 {
		return rail.SettlementPart{}, false
	}
	return rail.SettlementPart{Channel: parts[0], Day: rail.Day(parts[1])}, true
}

func (bank) Since(day rail.Day) time.Time {
	t, err := time.Parse("20060102", string(day))
	if err != nil {
		return time.Time{}
	}
	return t
}

// house is a database with the services over it, as one node has them.
type house struct {
	db        *store.DB
	log       *event.Log
	clock     *clock.Fake
	merchants *merchant.Service
	invoices  *invoice.Service
	payments  *payment.Service
	*settlement.Service
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	fake := clock.NewFake(start)
	storetest.Each(t, fake, func(t *testing.T, db *store.DB) {
		fake.Set(start)
		fn(t, open(t, db, fake))
	})
}

func open(t testing.TB, db *store.DB, c *clock.Fake) *house {
	keys, err := keyring.Parse(strings.Repeat("07", 32))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{db: db, log: event.NewLog(db), clock: c}
	h.merchants, h.invoices, h.payments = merchant.NewService(db, h.log, keys), invoice.NewService(db, h.log), payment.NewService(db, h.log)
	h.Service = settlement.NewService(db, h.log)
	t.Cleanup(func() {
		h.payments.Close()
		h.invoices.Close()
	})
	return h
}

func (h *house) shop(t testing.TB, mode merchant.Mode) string {
	t.Helper()
	m, err := h.merchants.Create(ctx, by, merchant.Merchant{Name: "Shop", Mode: mode, Currencies: []money.Currency{money.PKR, money.BDT}})
	if err != nil {
		t.Fatal(err)
	}
	return m.Owner
}

// ref is the reference of the numbered receipt of the day over channel "hbl".
func ref(day rail.Day, n int) string { return "hbl/" + string(day) + "/" + strconv.Itoa(n) }

// paid makes an invoice and a receipt that pays it, over the rail "bank", and answers the payment.
func (h *house) paid(t testing.TB, owner, reference string, minor int64) payment.Payment {
	t.Helper()
	return h.receipt(t, owner, reference, money.Of(minor, money.PKR), rail.Accepted)
}

func (h *house) receipt(t testing.TB, owner, reference string, a money.Amount, o rail.Outcome) payment.Payment {
	t.Helper()
	key := id.New(h.clock)
	made, err := h.invoices.Create(ctx, invoice.Invoice{
		Owner: owner, ID: key, Door: "aspay", Number: "N" + key, Token: "t" + key, Amount: a.Minor, Currency: a.Currency, PayerName: "Zoë",
		ExpiresAt: h.clock.Now().Add(time.Hour),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.payments.Settle(ctx, payment.Receipt{
		ID: id.New(h.clock), Owner: owner, Invoice: made.Invoice.ID, Rail: "bank", RailReference: reference, Amount: a, Outcome: o, Reason: "r",
		Number: number(reference),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return got.Payment
}

// number is the number of the receipt with the reference: that of its day and its own.
func number(reference string) string {
	digits := strings.NewReplacer("hbl/", "", "/", "").Replace(reference)
	if len(digits) > 12 || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return strings.Repeat("0", 12-len(digits)) + digits
}

// line is a line of a file about the receipt; its day is that of the reference.
func line(n int64, reference string, minor int64) rail.SettlementLine {
	part, _ := bank{}.Part(reference)
	return rail.SettlementLine{Line: n, References: []string{reference}, Part: part, Amount: minor}
}

// file is the request for a file's import, whose content is its lines.
func file(name string, lines ...rail.SettlementLine) settlement.Request {
	sum := sha256.Sum256(fmt.Append(nil, lines))
	return settlement.Request{By: by, Rail: bank{}, Name: name, Hash: hex.EncodeToString(sum[:]), File: rail.Settlement{Lines: lines}}
}

// imported imports a file that can be.
func (h *house) imported(t testing.TB, r settlement.Request) settlement.Report {
	t.Helper()
	report, err := h.Import(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// words is a report in a line: what it settled now and before, and each problem.
func words(r settlement.Report) string {
	text := fmt.Sprintf("%d settled", r.Settled)
	if r.Before > 0 {
		text += fmt.Sprintf(", %d before", r.Before)
	}
	for _, p := range r.Problems {
		text += ", " + string(p.Cause)
		if p.Line != nil {
			text += fmt.Sprintf(" line %d", p.Line.Line)
		} else {
			text += " " + p.Booked.RailReference
		}
		for _, n := range p.Named {
			text += " names " + n.RailReference
		}
		if p.Other != nil {
			text += " in " + p.Other.Name
		}
		if p.OtherLine > 0 {
			text += fmt.Sprintf(" line %d", p.OtherLine)
		}
	}
	return text
}

func (h *house) says(t testing.TB, r settlement.Report, want string) {
	t.Helper()
	if got := words(r); got != want {
		t.Errorf("the report says %q, want %q", got, want)
	}
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

// types are the types of the owner's events about the kind, in their order.
func (h *house) types(t testing.TB, owner, kind string) string {
	t.Helper()
	list, err := h.log.List(ctx, owner, event.Page{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		if e.Kind == kind {
			out = append(out, string(e.Type))
		}
	}
	return strings.Join(out, " ")
}

// clean fails the test when an audit finds anything.
func (h *house) clean(t testing.TB) {
	t.Helper()
	report := func(f audit.Finding) { t.Errorf("audit: %s", f) }
	err := h.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, check := range []func(context.Context, *store.Tx, audit.Report) error{
			func(ctx context.Context, tx *store.Tx, report audit.Report) error {
				return ledger.Audit(ctx, tx, start.Add(10_000*time.Hour), report)
			},
			event.Audit, merchant.Audit, invoice.Audit, payment.Audit, settlement.Audit,
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
}
