package billpay

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/money"
	"sarraf/rail"
)

// core is a rail.Biller that keeps the rules of its interface in memory.
type core struct {
	mu       sync.Mutex
	clock    clock.Clock
	bills    map[string]rail.Bill
	closed   map[string]string // the status that a closed bill says
	receipts map[string]string // by reference
	seen     []rail.BillPayment
	down     error // what every call fails with
}

func (c *core) Bill(_ context.Context, psid string) (rail.Bill, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := c.bills[psid]
	switch {
	case c.down != nil:
		return b, c.down
	case !ok:
		return b, fault.New(fault.InvoiceMissing)
	}
	return b, nil
}

func (c *core) PayBill(_ context.Context, p rail.BillPayment) (rail.BillReceipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down != nil {
		return rail.BillReceipt{}, c.down
	}
	c.seen = append(c.seen, p)
	if number := c.receipts[p.Reference]; number != "" {
		return rail.BillReceipt{Number: number, Replay: true}, nil
	}
	b, ok := c.bills[p.PSID]
	if err := c.judge(b, ok, p); err != nil {
		return rail.BillReceipt{}, err
	}
	number := fmt.Sprintf("%020d", len(c.receipts)+1)
	c.receipts[p.Reference] = number
	if !b.AnyAmount {
		b.State, b.PaidAt, b.PaidAmount, b.PaidReference = rail.BillPaid, c.clock.Now(), p.Amount, p.Reference
		c.bills[p.PSID] = b
	}
	return rail.BillReceipt{Number: number}, nil
}

func (c *core) judge(b rail.Bill, ok bool, p rail.BillPayment) error {
	due := b.Amount
	if !b.LateFrom.IsZero() && !p.At.Before(b.LateFrom) {
		due = b.LateAmount
	}
	switch {
	case !ok || b.Sandbox != p.Sandbox:
		return fault.New(fault.InvoiceMissing)
	case b.State == rail.BillBlocked:
		return fault.New(fault.PermissionMissing)
	case b.State == rail.BillPaid:
		return fault.New(fault.InvoiceClosed).With("status", "paid")
	case b.State == rail.BillClosed:
		return fault.New(fault.InvoiceClosed).With("status", c.closed[p.PSID])
	case !b.ExpiresAt.IsZero() && !c.clock.Now().Before(b.ExpiresAt):
		return fault.New(fault.InvoiceClosed).With("status", "expired")
	case p.Amount.Minor <= 0:
		return fault.New(fault.AmountNotPositive)
	case !b.AnyAmount && p.Amount != due:
		return fault.New(fault.AmountMismatch)
	}
	return nil
}

// switchboard is a rail.Channels over a list.
type switchboard struct {
	list []rail.Channel
	down error
}

const password = "s3cret"

func (s *switchboard) AuthenticateChannel(_ context.Context, id, username, pass string) (rail.Channel, error) {
	if s.down != nil {
		return rail.Channel{}, s.down
	}
	for _, c := range s.list {
		if c.ID != id {
			continue
		}
		if username != c.Username || subtle.ConstantTimeCompare([]byte(pass), []byte(password)) == 0 {
			return rail.Channel{}, fault.New(fault.CredentialsInvalid)
		}
		return c, nil
	}
	return rail.Channel{}, fault.New(fault.PayoutMissing) // of kind Missing, as a channel that nobody has
}

// house is the rail over a core in memory, at half past nine in the evening in Karachi.
type house struct {
	t        *testing.T
	core     *core
	channels *switchboard
	clock    *clock.Fake
	registry *prometheus.Registry
	mux      http.Handler
	channel  string
}

var evening = time.Date(2026, 2, 9, 16, 30, 0, 0, time.UTC)

func newHouse(t *testing.T, p rail.Profile) *house {
	t.Helper()
	c := clock.NewFake(evening)
	h := &house{t: t, clock: c, registry: prometheus.NewRegistry(), channel: "hbl"}
	h.core = &core{clock: c, bills: map[string]rail.Bill{}, closed: map[string]string{}, receipts: map[string]string{}}
	h.channels = &switchboard{list: []rail.Channel{
		{ID: "hbl", Name: "Habib Bank", Username: "bank", Prefixes: []string{"100119"}, Profile: p},
		{ID: "ubl", Name: "United Bank", Username: "bank", Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}},
		{ID: "off", Name: "Gone", Username: "bank", Disabled: true},
		{ID: "test", Name: "For trying out", Username: "bank", Sandbox: true},
		{ID: "two", Name: "With two prefixes", Username: "bank", Prefixes: []string{"100119", "200219", "300319", "4004"}},
	}}
	x, err := New(Deps{Biller: h.core, Channels: h.channels, Clock: c, Registry: h.registry})
	if err != nil {
		t.Fatal(err)
	}
	if h.mux, err = httpx.NewMux(httpx.Options{Clock: c}, x.HTTP()); err != nil {
		t.Fatal(err)
	}
	return h
}

// The PSIDs of the house's bills.
const (
	psid   = "100119000000000000000017"
	nobody = "100119000000000000000025"
)

func rupees(n int64) money.Amount { return money.Of(100*n, money.PKR) }

// bill is an open bill of 2,500 rupees until the end of the 10th, and 2,750 after it.
func bill() rail.Bill {
	return rail.Bill{
		PSID: psid, Title: "Fee, February", State: rail.BillOpen, Amount: rupees(2500), LateAmount: rupees(2750),
		LateFrom: time.Date(2026, 2, 10, 19, 0, 0, 0, time.UTC),
	}
}

func (h *house) has(b rail.Bill) { h.core.bills[b.PSID] = b }

// post asks the door as the bank.
func (h *house) post(path, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/billpay/"+h.channel+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("username", "bank")
	r.Header.Set("password", password)
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	h.mux.ServeHTTP(w, r)
	return w
}

const (
	inquiryPath = "/api/1.0/Payments/BillInquiry"
	paymentPath = "/api/1.0/Payments/BillPayment"
)

func (h *house) inquire(consumer string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.post(inquiryPath, fmt.Sprintf(`{"consumer_number":%q,"bank_mnemonic":"HBL","reserved":""}`, consumer))
}

// paying is the body of a payment of 2,500.00 at half past nine, with fields put in others' place by name and JSON text.
func paying(other ...string) string {
	fields := []string{
		"consumer_number", `"` + psid + `"`, "tran_auth_id", `"123456"`, "transaction_amount", `"000000250000"`, "tran_date", `"20260209"`,
		"tran_time", `"213000"`, "bank_mnemonic", `"HBL"`, "reserved", `""`,
	}
	var parts []string
	for i := 0; i < len(fields); i += 2 {
		value := fields[i+1]
		for j := 0; j+1 < len(other); j += 2 {
			if other[j] == fields[i] {
				value = other[j+1]
			}
		}
		if value != "" {
			parts = append(parts, `"`+fields[i]+`":`+value)
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (h *house) pay(other ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.post(paymentPath, paying(other...))
}

// says fails the test unless the answer is 200 with exactly this body.
func (h *house) says(what string, w *httptest.ResponseRecorder, want string) {
	h.t.Helper()
	if w.Code != http.StatusOK || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" {
		h.t.Errorf("%s: %d %s\n%s; want\n%s", what, w.Code, w.Header().Get("Content-Type"), w.Body, want)
	}
}

// said is a payment's answer.
func said(code, parameter string) string {
	return fmt.Sprintf(`{"response_Code":%q,"identification_parameter":%q,"reserved":""}`, code, parameter)
}

// nothing is an inquiry's answer that tells of no bill.
func nothing(code string) string {
	return `{"response_Code":"` + code + `","consumer_Detail":"                              ","bill_status":"B","due_date":"        ",` +
		`"amount_within_dueDate":"+0000000000000","amount_after_dueDate":"+0000000000000","billing_month":"    ","date_paid":"        ",` +
		`"amount_paid":"            ","tran_auth_Id":"      ","reserved":""}`
}

var (
	errOutage = fault.New(fault.Outage).Wrap(errors.New("the disk is full"))
	errBug    = errors.New("a relation does not exist")
)

// proxies makes the door anew behind proxies that are trusted.
func (h *house) proxies(trusted ...netip.Prefix) {
	h.t.Helper()
	x, err := New(Deps{Biller: h.core, Channels: h.channels, Clock: h.clock, Address: func(r *http.Request) netip.Addr {
		return httpx.ClientIP(r, trusted)
	}})
	if err != nil {
		h.t.Fatal(err)
	}
	if h.mux, err = httpx.NewMux(httpx.Options{Clock: h.clock}, x.HTTP()); err != nil {
		h.t.Fatal(err)
	}
}

// counted is the answers so far, by "channel operation code".
func (h *house) counted() map[string]float64 {
	h.t.Helper()
	families, err := h.registry.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	found := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "sarraf_billpay_answers_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			found[labels["channel"]+" "+labels["operation"]+" "+labels["code"]] = m.GetCounter().GetValue()
		}
	}
	return found
}
