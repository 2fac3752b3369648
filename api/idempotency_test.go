package api

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
)

// partPay brings some money over another rail.
func (h *house) partPay(inv invoice.Invoice, minor int64) {
	h.t.Helper()
	_, err := h.payments.Settle(context.Background(), payment.Receipt{
		ID: id.New(h.clock), Owner: inv.Owner, Invoice: inv.ID, Rail: "bank", RailReference: id.New(h.clock),
		Amount: money.Of(minor, inv.Currency), Outcome: rail.Accepted,
	}, nil)
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestARepeatedKeyGetsTheSameBytesWhateverHappenedSince(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		for _, outcome := range []string{"paid", "failed", "cancelled", "expired"} {
			inv := h.demand(m, nil)
			first := h.pay(m, inv.Reference, outcome, "Idempotency-Key", "k-"+outcome)
			if first.status != 200 {
				t.Fatalf("%s: %d %s", outcome, first.status, first.body)
			}
			// The invoice changes, and its reference comes to fit another one too.
			h.partPay(inv, 100)
			h.demand(m, func(i *invoice.Invoice) { i.Reference, i.Door = inv.Reference, bill.name })
			last := h.lastEvent(m)
			again := h.pay(m, inv.Reference, outcome, "Idempotency-Key", "k-"+outcome)
			if again.status != first.status || again.body != first.body {
				t.Errorf("%s (-first +again):\n%s", outcome, cmp.Diff(first.body, again.body))
			}
			if written := h.eventTypes(m, last); len(written) > 0 {
				t.Errorf("%s: wrote %v", outcome, written)
			}
		}
	})
}

func TestARefusalIsKeptWithItsKey(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for name, c := range map[string]struct {
			outcome string
			status  int
			before  func(m tenant) // what makes it a refusal
			after   func(m tenant) // what would make it another answer
		}{
			"paid already":        {"paid", 409, func(m tenant) { h.pay(m, h.named(m, "R", shop).ID, "paid") }, func(tenant) {}},
			"cannot be cancelled": {"cancelled", 409, func(m tenant) { h.pay(m, h.named(m, "R", shop).ID, "paid") }, func(tenant) {}},
			"missing, to be paid": {"paid", 404, func(tenant) {}, func(m tenant) { h.named(m, "R", shop) }},
			"missing, to expire":  {"expired", 404, func(tenant) {}, func(m tenant) { h.named(m, "R", shop) }},
			"ambiguous, to fail":  {"failed", 409, func(m tenant) { h.named(m, "R", shop); h.named(m, "R", bill) }, func(tenant) {}},
			"ambiguous, to be cancelled": {
				"cancelled", 409, func(m tenant) { h.named(m, "R", shop); h.named(m, "R", bill) }, func(tenant) {},
			},
		} {
			t.Run(name, func(t *testing.T) {
				m := h.tenant(merchant.Sandbox)
				c.before(m)
				first := h.pay(m, "R", c.outcome, "Idempotency-Key", "k", "Request-Id", "same")
				c.after(m)
				last := h.lastEvent(m)
				again := h.pay(m, "R", c.outcome, "Idempotency-Key", "k", "Request-Id", "same")
				if first.status != c.status || again.status != c.status || first.body != again.body {
					t.Errorf("%d, then %d (-first +again):\n%s", first.status, again.status, cmp.Diff(first.body, again.body))
				}
				if written := h.eventTypes(m, last); len(written) > 0 {
					t.Errorf("wrote %v", written)
				}
			})
		}
	})
}

// named is an open invoice with a reference at a door.
func (h *house) named(m tenant, reference string, at fakeDoor) invoice.Invoice {
	h.t.Helper()
	return h.demand(m, func(i *invoice.Invoice) { i.Reference, i.Door = reference, at.name })
}

func TestAKeyIsRefusedForAnotherRequest(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.tenant(merchant.Sandbox), h.tenant(merchant.Sandbox)
		one, two := h.demand(m, nil), h.demand(m, nil)
		if a := h.pay(m, one.ID, "paid", "Idempotency-Key", "k"); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		last := h.lastEvent(m)
		for _, c := range [][2]string{{two.ID, "paid"}, {one.ID, "cancelled"}, {two.ID, "expired"}, {"nothing", "paid"}, {"nothing", "expired"}} {
			if a := h.pay(m, c[0], c[1], "Idempotency-Key", "k"); a.status != 422 || a.at(t, "code") != "idempotency_reused" {
				t.Errorf("%v: %d %s", c, a.status, a.body)
			}
		}
		if written := h.eventTypes(m, last); len(written) > 0 {
			t.Errorf("wrote %v", written)
		}
		mine := h.demand(other, nil)
		if a := h.pay(other, mine.ID, "paid", "Idempotency-Key", "k"); a.status != 200 {
			t.Errorf("another merchant's key of the same text: %d %s", a.status, a.body)
		}
	})
}

func TestARequestThatCannotBeReadLeavesItsKeyFree(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		inv := h.demand(m, nil)
		if a := h.call("POST", "/v1/sandbox/pay", m.key, `{"target":`, "Idempotency-Key", "k"); a.status != 400 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if a := h.pay(m, inv.ID, "nonsense", "Idempotency-Key", "k"); a.status != 422 || a.at(t, "code") != "field_not_one_of" {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if a := h.pay(m, inv.ID, "paid", "Idempotency-Key", "k"); a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

func TestKeysMustBeVisibleASCII(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		for name, c := range map[string]struct {
			header []string
			status int
		}{
			"empty":         {[]string{"Idempotency-Key", ""}, 422},
			"a space":       {[]string{"Idempotency-Key", "a b"}, 422},
			"beyond ASCII":  {[]string{"Idempotency-Key", "ক"}, 422},
			"a tab":         {[]string{"Idempotency-Key", "a\tb"}, 422},
			"two":           {[]string{"Idempotency-Key", "a", "Idempotency-Key", "b"}, 422},
			"256 long":      {[]string{"Idempotency-Key", strings.Repeat("k", 256)}, 422},
			"255 long":      {[]string{"Idempotency-Key", strings.Repeat("k", 255)}, 200},
			"every letter":  {[]string{"Idempotency-Key", `!"#$%&'()*+,-./09:;<=>?@AZ[\]^_` + "`az{|}~"}, 200},
			"other letters": {[]string{"idempotency-key", "lower"}, 200},
		} {
			inv := h.demand(m, nil)
			a := h.pay(m, inv.ID, "paid", c.header...)
			if a.status != c.status {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
			if a.status != 200 && (a.at(t, "field") != "Idempotency-Key" || strings.Contains(a.body, "kkk")) {
				t.Errorf("%s: %s", name, a.body)
			}
		}
	})
}
