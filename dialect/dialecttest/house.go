package dialecttest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/store"
)

// Began is when the clock of a house stands at first: the next day already in Karachi and in Dhaka.
var Began = time.Date(2026, 2, 9, 21, 30, 0, 123456000, time.UTC)

// PublicURL is where the pages of a house are said to be.
const PublicURL = "https://pay.example"

// By is who makes merchants and keys in a house.
var By = merchant.Actor{Name: "test", Source: "test"}

// House is the core with one dialect before it, on a database of its own.
type House struct {
	DB        *store.DB
	Clock     *clock.Fake
	Keys      *keyring.Keyring
	Events    *event.Log
	Merchants *merchant.Service
	Invoices  *invoice.Service
	Payments  *payment.Service
	Payouts   *payout.Service
	Mux       *httpx.Mux
	receipts  atomic.Int64
}

// NewHouse puts a house together over an open, migrated database; door makes the dialect's front door once the rest stands.
func NewHouse(t testing.TB, db *store.DB, c *clock.Fake, door func(*House) httpx.Door) *House {
	t.Helper()
	keys, err := keyring.Parse(strings.Repeat("5a", 32))
	if err != nil {
		t.Fatal(err)
	}
	h := &House{DB: db, Clock: c, Keys: keys, Events: event.NewLog(db)}
	h.Merchants = merchant.NewService(db, h.Events, keys)
	h.Invoices, h.Payments = invoice.NewService(db, h.Events), payment.NewService(db, h.Events)
	h.Payouts = payout.NewService(payout.Deps{DB: db, Log: h.Events, Merchants: h.Merchants})
	t.Cleanup(func() { h.Payouts.Close(); h.Payments.Close(); h.Invoices.Close() })
	if h.Mux, err = httpx.NewMux(httpx.Options{Clock: c}, door(h)); err != nil {
		t.Fatal(err)
	}
	return h
}

// EachHouse runs fn against a house on each engine, with a clock that stands at Began.
func EachHouse(t *testing.T, door func(*House) httpx.Door, fn func(t *testing.T, h *House)) {
	t.Helper()
	c := clock.NewFake(Began)
	storetest.Each(t, c, func(t *testing.T, db *store.DB) {
		c.Set(Began)
		fn(t, NewHouse(t, db, c, door))
	})
}

// Digits are a scrambler for printed numbers of so many digits.
func (h *House) Digits(t testing.TB, purpose string, digits int) *id.Scrambler {
	t.Helper()
	s, err := id.NewScrambler(h.Keys.Derive(purpose), digits)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Merchant makes a sandbox merchant.
func (h *House) Merchant(t testing.TB, currencies ...money.Currency) merchant.Merchant {
	t.Helper()
	m, err := h.Merchants.Create(t.Context(), By, merchant.Merchant{Name: "Shop", Mode: merchant.Sandbox, Currencies: currencies})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Count is how many invoices the merchant has.
func (h *House) Count(t testing.TB, owner string) int {
	t.Helper()
	list, err := h.Invoices.List(t.Context(), owner, invoice.Page{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// Settle brings money for an invoice, or word that none will come. An amount of 0 is the whole.
func (h *House) Settle(ctx context.Context, inv invoice.Invoice, minor int64, outcome rail.Outcome) (invoice.Invoice, error) {
	if minor == 0 {
		minor = inv.Amount
	}
	reason := ""
	if outcome != rail.Accepted {
		reason = "The bank refused the payment."
	}
	settled, err := h.Payments.Settle(ctx, payment.Receipt{
		Reason: reason, ID: id.New(h.Clock), Owner: inv.Owner, Invoice: inv.ID, Rail: "sandbox", Amount: money.Of(minor, inv.Currency),
		RailReference: "r" + strconv.FormatInt(h.receipts.Add(1), 10), Outcome: outcome,
	}, nil)
	return settled.Invoice, err
}

// Ends are the ways an invoice can end, as actions of a story: their argument is what find takes, and their answer is that of the hosted
// page, which sends the payer back.
func (h *House) Ends(door invoice.Door, find func(ctx context.Context, text string) (invoice.Invoice, error)) map[string]Action {
	act := func(do func(context.Context, invoice.Invoice) (invoice.Invoice, error)) Action {
		return func(ctx context.Context, args []string, _ string) (Answer, error) {
			inv, err := find(ctx, args[0])
			if err == nil {
				inv, err = do(ctx, inv)
			}
			if err != nil {
				return Answer{}, err
			}
			to, err := door.Return(ctx, inv)
			return Answer{Status: http.StatusSeeOther, Header: http.Header{"Location": {to}}}, err
		}
	}
	over := func(outcome rail.Outcome) Action {
		return act(func(ctx context.Context, inv invoice.Invoice) (invoice.Invoice, error) {
			return h.Settle(ctx, inv, 0, outcome)
		})
	}
	end := func(to invoice.Status, reason string) Action {
		return act(func(ctx context.Context, inv invoice.Invoice) (invoice.Invoice, error) {
			return h.Invoices.End(ctx, invoice.Ending{Owner: inv.Owner, ID: inv.ID, To: to, Reason: reason}, nil)
		})
	}
	return map[string]Action{
		"pay": over(rail.Accepted), "fail": over(rail.Over), "cancel": end(invoice.Cancelled, "cancelled by the payer"),
		"expire": end(invoice.Expired, "time ran out"),
		"webhook": func(ctx context.Context, args []string, _ string) (Answer, error) {
			inv, err := find(ctx, args[0])
			if err != nil {
				return Answer{}, err
			}
			return Told(ctx, h.Events, door, inv, h.Clock.Now())
		},
	}
}

// Told is what the merchant is told of the invoice, as a delivery sends it at the given time.
func Told(ctx context.Context, log *event.Log, door invoice.Door, inv invoice.Invoice, at time.Time) (Answer, error) {
	return told(ctx, log, door, inv.Owner, inv.ID, "", at)
}

// told is the message of the first event about the subject that the door tells of: of the given type, or of any where that is "".
func told(ctx context.Context, log *event.Log, door invoice.Door, owner, subject string, typ event.Type, at time.Time) (Answer, error) {
	events, err := log.List(ctx, owner, event.Page{Limit: 10_000})
	if err != nil {
		return Answer{}, err
	}
	for _, e := range events {
		if e.Subject != subject || !door.Wants(e.Type) || typ != "" && e.Type != typ {
			continue
		}
		m, err := door.Webhook(e)
		a := Answer{Header: http.Header{}, Body: m.Body}
		for _, h := range m.Header {
			a.Header.Add(h[0], strings.ReplaceAll(h[1], event.Unix, strconv.FormatInt(at.Unix(), 10)))
		}
		return a, err
	}
	return Answer{}, fmt.Errorf("the merchant is told nothing of %s", subject)
}

// Together does the same thing many times at the same instant and answers what came of each.
func Together[T any](times int, do func(n int) T) []T {
	answers := make([]T, times)
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for n := range answers {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			answers[n] = do(n)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return answers
}

// Render is the answer to err as the mux gives it: a request, with the id "req-7", to the door's first route, which fails with err.
func Render(t testing.TB, door httpx.Door, err error) *httptest.ResponseRecorder {
	t.Helper()
	first := door.Routes[0]
	door.Routes = []httpx.Route{httpx.Handle(first.Method, first.Pattern, func(http.ResponseWriter, *http.Request) error { return err })}
	mux, wrong := httpx.NewMux(httpx.Options{}, door)
	if wrong != nil {
		t.Fatal(wrong)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(first.Method, strings.NewReplacer("{", "", "}", "").Replace(first.Pattern), nil)
	r.Header.Set("X-Request-Id", "req-7")
	mux.ServeHTTP(w, r)
	return w
}
