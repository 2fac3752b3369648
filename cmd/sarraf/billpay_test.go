package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
	"sarraf/rail/billpay"
	"sarraf/rail/billpay/bank"
	"sarraf/store"
)

// billHouse is one merchant who sends bills, and nodes over one database whose doors banks pay them at.
type billHouse struct {
	t     *testing.T
	dsn   string
	owner string
	nodes []*billNode
	banks []*bank.Bank // one at each node
}

// billNode is one process's worth of the program, with the door for banks.
type billNode struct {
	*app
	server *httptest.Server
}

// oneBank is a channel that every bank of these tests comes by.
type oneBank struct{}

func (oneBank) AuthenticateChannel(_ context.Context, channel, username, password string) (rail.Channel, error) {
	if channel != "switch" || username != "switch" || password != "password" {
		return rail.Channel{}, fault.New(fault.CredentialsInvalid)
	}
	return rail.Channel{ID: channel, Sandbox: true, Username: username, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, nil
}

// newBillHouse migrates the database and starts nodes over it, each with a bank of its own, by the clock.
func newBillHouse(t *testing.T, dsn string, nodes int, c clock.Clock) *billHouse {
	t.Helper()
	h := &billHouse{t: t, dsn: dsn}
	mustRun(t, "migrate", "--database", dsn)
	keys, seal, err := fresh().keys()
	h.must(err)
	for i := range nodes {
		m := newMetrics()
		db, err := store.Open(t.Context(), dsn, store.Options{Observer: m, Clock: c})
		h.must(err)
		a, err := newApp(db, keys, m, slog.New(slog.DiscardHandler), settings{publicURL: "http://127.0.0.1", psid: demoPrefix, seal: seal})
		h.must(err)
		x, err := billpay.New(billpay.Deps{Biller: payment.NewBiller(a.payments, a.invoices, a.merchants), Channels: oneBank{}, Clock: db.Clock()})
		h.must(err)
		mux, err := httpx.NewMux(httpx.Options{Clock: db.Clock()}, x.HTTP())
		h.must(err)
		n := &billNode{app: a, server: httptest.NewServer(mux)}
		h.nodes = append(h.nodes, n)
		transport := &http.Transport{MaxIdleConnsPerHost: 64}
		h.banks = append(h.banks, &bank.Bank{
			URL: n.server.URL + "/billpay/switch", Username: "switch", Password: "password", Mnemonic: fmt.Sprintf("BANK%d", i+1),
			Client: &http.Client{Transport: transport, Timeout: time.Minute},
		})
		t.Cleanup(transport.CloseIdleConnections)
	}
	t.Cleanup(h.close)
	made, err := h.nodes[0].merchants.Create(t.Context(), merchant.Actor{Name: "test", Source: "test"}, merchant.Merchant{
		Name: "Allied Schools", Mode: merchant.Sandbox, Currencies: []money.Currency{money.PKR},
	})
	h.must(err)
	h.owner = made.Owner
	return h
}

func (h *billHouse) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// close ends the nodes, once.
func (h *billHouse) close() {
	for _, n := range h.nodes {
		n.server.Close()
		h.must(n.app.close())
	}
	h.nodes = nil
}

// proveClean seals the books, ends the nodes and audits what they leave.
func (h *billHouse) proveClean() {
	h.t.Helper()
	h.must(h.nodes[0].sealer.Round(h.t.Context(), true))
	h.close()
	proveClean(h.t, h.dsn)
}

// demand is a bill of so much for a payer, which is due for a week and asks for 100 rupees more after that.
func (h *billHouse) demand(payer string, minor int64) invoice.NewBill {
	c := h.nodes[0].db.Clock()
	own := id.New(c)
	return invoice.NewBill{Invoice: invoice.Invoice{
		Owner: h.owner, ID: own, Door: "asaanbill", Number: own, Kind: invoice.Bill, Payer: payer, Title: "School fee", Currency: money.PKR,
		Amount: minor, LateAmount: minor + 100_00, LateFrom: c.Now().Add(7 * 24 * time.Hour),
	}}
}

// inParallel does n things, so many at a time, and fails the test at the first error.
func (h *billHouse) inParallel(n, width int, do func(i int) error) {
	h.t.Helper()
	var all sync.WaitGroup
	errs := make([]error, n)
	tokens := make(chan struct{}, width)
	for i := range n {
		tokens <- struct{}{}
		all.Go(func() {
			errs[i] = do(i)
			<-tokens
		})
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			h.t.Fatalf("%d: %v", i, err)
		}
	}
}

// status is where an invoice stands, as another node than made it sees it.
func (h *billHouse) status(inv invoice.Invoice) (invoice.Status, error) {
	got, err := h.nodes[len(h.nodes)-1].invoices.Get(h.t.Context(), inv.Owner, inv.ID)
	return got.Status, err
}

// races is how many times what must never happen is given the chance to.
const races = 1000

// Two banks at two nodes pay one bill in the same instant: one of them has paid it, and the other is told so, however often they ask.
func TestOneOfTwoBanksPaysABill(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		h := newBillHouse(t, dsn, 2, nil)
		h.inParallel(races, 16, func(i int) error { return h.race(h.issued(i, 2500_00)) })
		h.proveClean()
	})
}

// issued is a bill of a payer who has none yet.
func (h *billHouse) issued(i int, minor int64) invoice.Invoice {
	made, err := h.nodes[i%len(h.nodes)].invoices.CreateBill(h.t.Context(), h.demand(fmt.Sprint("payer-", i), minor), nil)
	if err != nil {
		h.t.Errorf("%d: %v", i, err)
	}
	return made.Invoice
}

// race has both banks pay a bill together, and looks at what they, and whoever asks again, are told.
func (h *billHouse) race(inv invoice.Invoice) error {
	ctx, now := h.t.Context(), time.Now()
	attempts := make([]bank.Attempt, len(h.banks))
	for i, b := range h.banks {
		attempts[i] = bank.Attempt{Bank: b, Payment: b.NewPayment(inv.PSID, 2500_00, now)}
	}
	bank.Together(ctx, attempts)
	won := slices.IndexFunc(attempts, func(a bank.Attempt) bool { return a.Receipt.Code == "00" })
	if won < 0 {
		return fmt.Errorf("nobody paid: %+v", attempts)
	}
	for i, a := range attempts {
		want := "06"
		if i == won {
			want = "00"
		}
		if a.Err != nil || a.Receipt.Code != want {
			return fmt.Errorf("bank %d of which %d won was told %s, %w", i, won, a.Receipt.Code, a.Err)
		}
		for _, b := range h.banks { // the same payment again, at every node
			again := bank.Bank{URL: b.URL, Username: b.Username, Password: b.Password, Client: b.Client, Mnemonic: a.Bank.Mnemonic}
			r, err := again.Pay(ctx, a.Payment)
			if want == "00" && (r.Code != "03" || r.Parameter != a.Receipt.Parameter) || want == "06" && r.Code != "06" || err != nil {
				return fmt.Errorf("bank %d of which %d won, told %+v, was told again %+v, %w", i, won, a.Receipt, r, err)
			}
		}
	}
	list, err := h.nodes[0].payments.Of(ctx, h.owner, inv.ID)
	if err != nil || len(list) != 1 || list[0].Number != attempts[won].Receipt.Parameter {
		return fmt.Errorf("%d payments, receipt %s: %+v, %w", len(list), attempts[won].Receipt.Parameter, list, err)
	}
	if status, err := h.status(inv); status != invoice.Paid || err != nil {
		return fmt.Errorf("it is %s, %w", status, err)
	}
	return nil
}

// A bill is paid at one node in the instant in which another takes its place at the other: one of the two is paid, or none where the new
// one asks for another amount.
func TestBillIsPaidOrSupersededNeverBoth(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		h := newBillHouse(t, dsn, 2, nil)
		var seen sync.Map
		h.inParallel(races, 16, func(i int) error {
			story, err := h.supersede(h.issued(i, 2500_00), i)
			seen.Store(story, true)
			return err
		})
		// If the payment always came first, or never did, this test would have proved nothing.
		for _, story := range []string{"the old one was paid", "the new one was paid", "none was paid"} {
			if _, ok := seen.Load(story); !ok {
				t.Errorf("it never happened that %s", story)
			}
		}
		h.proveClean()
	})
}

// supersede makes a newer bill of the payer while the old one is paid, and says what came of it.
func (h *billHouse) supersede(old invoice.Invoice, i int) (story string, err error) {
	ctx := h.t.Context()
	newer := h.demand(old.Payer, old.Amount+int64(i%2)) // every other one asks for another amount
	var made invoice.Created
	var receipt bank.Receipt
	var errs [2]error
	b := h.banks[i/2%2]
	p := b.NewPayment(old.PSID, old.Amount, time.Now())
	var both sync.WaitGroup
	start := make(chan struct{})
	both.Go(func() {
		<-start
		made, errs[0] = h.nodes[1-i/2%2].invoices.CreateBill(ctx, newer, nil)
	})
	both.Go(func() {
		<-start
		receipt, errs[1] = b.Pay(ctx, p)
	})
	close(start)
	both.Wait()
	oldStatus, err := h.status(old)
	if err := errors.Join(err, errs[0], errs[1]); err != nil {
		return "", err
	}
	newStatus, err := h.status(made.Invoice)
	if err != nil {
		return "", err
	}
	if made.Invoice.PSID != old.PSID {
		return "", fmt.Errorf("the payer's PSID changed from %s to %s", old.PSID, made.Invoice.PSID)
	}
	switch {
	case oldStatus == invoice.Paid && newStatus == invoice.Open && receipt.Code == "00":
		story = "the old one was paid"
	case oldStatus == invoice.Superseded && newStatus == invoice.Paid && receipt.Code == "00" && i%2 == 0:
		story = "the new one was paid"
	case oldStatus == invoice.Superseded && newStatus == invoice.Open && receipt.Code == "02" && i%2 == 1:
		story = "none was paid"
	default:
		return "", fmt.Errorf("old %s, new %s, the bank was told %s", oldStatus, newStatus, receipt.Code)
	}
	again, err := h.banks[1-i/2%2].Pay(ctx, bank.Payment{}) // a bank with nothing to say does not change that
	if err != nil || again.Code != "04" {
		return story, fmt.Errorf("an empty payment: %+v, %w", again, err)
	}
	return story, nil
}

// Answers that never arrive are asked for again, at another node: the payment is made once.
func TestLostAnswerIsHadByAskingAgain(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		h := newBillHouse(t, dsn, 2, nil)
		h.inParallel(200, 16, func(i int) error {
			ctx, inv, loss := t.Context(), h.issued(i, 2500_00), bank.Loss(i%2)
			b, other := h.banks[0], h.banks[1]
			p := b.NewPayment(inv.PSID, 2500_00, time.Now())
			if err := b.PayUnheard(ctx, p, loss); !errors.Is(err, bank.ErrLost) {
				return err
			}
			elsewhere := bank.Bank{URL: other.URL, Username: b.Username, Password: b.Password, Client: b.Client, Mnemonic: b.Mnemonic}
			first, err := elsewhere.Insist(ctx, p, 10)
			if err != nil || first.Code != "03" && (first.Code != "00" || loss == bank.Unheard) {
				return fmt.Errorf("loss %d: %+v, %w", loss, first, err)
			}
			second, err := b.Pay(ctx, p)
			if err != nil || second.Code != "03" || second.Parameter != first.Parameter {
				return fmt.Errorf("once more: %+v after %+v, %w", second, first, err)
			}
			late, err := other.Pay(ctx, other.NewPayment(inv.PSID, 2500_00, time.Now()))
			if err != nil || late.Code != "06" {
				return fmt.Errorf("another bank: %+v, %w", late, err)
			}
			list, err := h.nodes[0].payments.Of(ctx, h.owner, inv.ID)
			if err != nil || len(list) != 1 {
				return fmt.Errorf("%d payments, %w", len(list), err)
			}
			return nil
		})
		h.proveClean()
	})
}

// What a bank showed its customer at 23:59 on the last day is right at 00:00; what it claims to have been paid then an hour later is not.
func TestPaymentOfTheLastMinuteIsTakenAfterMidnight(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx, midnight := t.Context(), time.Date(2026, 2, 10, 19, 0, 0, 0, time.UTC) // in Karachi
		c := clock.NewFake(midnight.Add(-time.Minute))
		h := newBillHouse(t, dsn, 1, c)
		b := h.banks[0]
		bill := func(payer string) string {
			d := h.demand(payer, 2500_00)
			d.Invoice.LateFrom = midnight
			made, err := h.nodes[0].invoices.CreateBill(ctx, d, nil)
			h.must(err)
			return made.Invoice.PSID
		}
		first, second := bill("one"), bill("two")
		shown, err := b.Inquire(ctx, first)
		h.must(err)
		if shown.Within != 2500_00 || shown.After != 2600_00 || shown.DueDate != "20260210" || shown.Asked(c.Now()) != 2500_00 {
			t.Errorf("shown at 23:59: %+v", shown)
		}
		p, late := b.NewPayment(first, shown.Asked(c.Now()), c.Now()), b.NewPayment(second, 2500_00, c.Now())
		c.Set(midnight)
		r, err := b.Pay(ctx, p)
		if err != nil || r.Code != "00" {
			t.Errorf("at 00:00: %+v, %v", r, err)
		}
		c.Set(midnight.Add(time.Hour))
		if r, err := b.Pay(ctx, late); err != nil || r.Code != "02" {
			t.Errorf("the old amount an hour later: %+v, %v", r, err)
		}
		if again, err := b.Pay(ctx, p); err != nil || again.Code != "03" || again.Parameter != r.Parameter {
			t.Errorf("the first one again: %+v, %v", again, err)
		}
		late.Amount = 2600_00
		if r, err := b.Pay(ctx, late); err != nil || r.Code != "00" {
			t.Errorf("the late amount: %+v, %v", r, err)
		}
		paid, err := b.Inquire(ctx, second)
		h.must(err)
		if paid.Status != "P" || paid.DatePaid != "20260211" || paid.AmountPaid != "000000260000" || paid.AuthID != late.AuthID {
			t.Errorf("asked afterwards: %+v", paid)
		}
		h.proveClean()
	})
}
