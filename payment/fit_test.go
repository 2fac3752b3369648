package payment_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/invoice"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
)

// act is one receipt of a story about an invoice over 100.
type act func(r *payment.Receipt)

func pays(minor int64, more ...act) act {
	return func(r *payment.Receipt) {
		r.Amount.Minor = minor
		for _, m := range more {
			m(r)
		}
	}
}

func inUSD(r *payment.Receipt)     { r.Amount.Currency = money.USD }
func refuses(r *payment.Receipt)   { r.Refuse = true }
func whole(r *payment.Receipt)     { r.Whole = true }
func overCards(r *payment.Receipt) { r.Rail = "cards" }

func declined(r *payment.Receipt) { r.Outcome, r.Reason = rail.Declined, "no funds" }
func over(r *payment.Receipt)     { r.Outcome, r.Reason = rail.Over, "account closed" }

// Each row is a story: the status the invoice is brought to, receipts one after another with what is said to each, the events they
// write, and the books afterwards.
var stories = []struct {
	name   string
	from   invoice.Status
	acts   []act
	says   []string
	events []event.Type
	books  map[string]int64
}{
	{
		"exact money pays it", invoice.Open,
		[]act{pays(100)},
		[]string{"received 100+0 -> paid 100/100"},
		[]event.Type{invoice.EventPaid},
		map[string]int64{"BDT/balance": 100, "BDT/clearing/bank": -100},
	}, {
		"part money leaves it open and the rest pays it", invoice.Open,
		[]act{pays(40), pays(59), pays(1)},
		[]string{"received 40+0 -> open 40/100", "received 59+0 -> open 99/100", "received 1+0 -> paid 100/100"},
		[]event.Type{invoice.EventPartPaid, invoice.EventPartPaid, invoice.EventPaid},
		map[string]int64{"BDT/balance": 100, "BDT/clearing/bank": -100},
	}, {
		"excess is set aside", invoice.Open,
		[]act{pays(30), pays(75)},
		[]string{"received 30+0 -> open 30/100", "received 70+5 (more than was due) -> paid 100/100"},
		[]event.Type{invoice.EventPartPaid, invoice.EventPaid},
		map[string]int64{"BDT/balance": 100, "BDT/unapplied": 5, "BDT/clearing/bank": -105},
	}, {
		"a second rail's money on a paid one is set aside", invoice.Paid,
		[]act{pays(100, overCards), pays(1)},
		[]string{"received 0+100 (the invoice was paid) -> paid 100/100", "received 0+1 (the invoice was paid) -> paid 100/100"},
		[]event.Type{payment.EventUnapplied, payment.EventUnapplied},
		map[string]int64{"BDT/balance": 100, "BDT/unapplied": 101, "BDT/clearing/bank": -101, "BDT/clearing/cards": -100},
	}, {
		"late money pays a failed one", invoice.Failed,
		[]act{pays(100)},
		[]string{"received 100+0 late -> paid 100/100"},
		[]event.Type{invoice.EventPaid},
		map[string]int64{"BDT/balance": 100, "BDT/clearing/bank": -100},
	}, {
		"late money pays an expired one, part after part", invoice.Expired,
		[]act{pays(40), pays(61)},
		[]string{"received 40+0 late -> expired 40/100", "received 60+1 late (more than was due) -> paid 100/100"},
		[]event.Type{invoice.EventPartPaid, invoice.EventPaid},
		map[string]int64{"BDT/balance": 100, "BDT/unapplied": 1, "BDT/clearing/bank": -101},
	}, {
		"late money pays a cancelled one, and then no more", invoice.Cancelled,
		[]act{pays(100), pays(100)},
		[]string{"received 100+0 late -> paid 100/100", "received 0+100 (the invoice was paid) -> paid 100/100"},
		[]event.Type{invoice.EventPaid, payment.EventUnapplied},
		map[string]int64{"BDT/balance": 100, "BDT/unapplied": 100, "BDT/clearing/bank": -200},
	}, {
		"money for a superseded one is set aside", invoice.Superseded,
		[]act{pays(100)},
		[]string{"received 0+100 (the invoice was superseded) -> superseded 0/100"},
		[]event.Type{payment.EventUnapplied},
		map[string]int64{"BDT/unapplied": 100, "BDT/clearing/bank": -100},
	}, {
		"money for a refunded one is set aside", invoice.Refunded,
		[]act{pays(7)},
		[]string{"received 0+7 (the invoice was refunded) -> refunded 0/100"},
		[]event.Type{payment.EventUnapplied},
		map[string]int64{"BDT/unapplied": 7, "BDT/clearing/bank": -7},
	}, {
		"another currency is set aside in its own books", invoice.Open,
		[]act{pays(100, inUSD), pays(100)},
		[]string{"received 0+100 (another currency) -> open 0/100", "received 100+0 -> paid 100/100"},
		[]event.Type{payment.EventUnapplied, invoice.EventPaid},
		map[string]int64{"USD/unapplied": 100, "USD/clearing/bank": -100, "BDT/balance": 100, "BDT/clearing/bank": -100},
	}, {
		"a declined attempt leaves it open", invoice.Open,
		[]act{pays(100, declined), pays(100)},
		[]string{"failed 0+0 (no funds) -> open 0/100", "received 100+0 -> paid 100/100"},
		[]event.Type{payment.EventFailed, invoice.EventPaid},
		map[string]int64{"BDT/balance": 100, "BDT/clearing/bank": -100},
	}, {
		"a rail that says it is over fails it, and late money pays it", invoice.Open,
		[]act{pays(60), pays(40, over), pays(40)},
		[]string{"received 60+0 -> open 60/100", "failed 0+0 (account closed) -> failed 60/100", "received 40+0 late -> paid 100/100"},
		[]event.Type{invoice.EventPartPaid, invoice.EventFailed, invoice.EventPaid},
		map[string]int64{"BDT/balance": 100, "BDT/clearing/bank": -100},
	}, {
		"an attempt at a paid one is refused", invoice.Paid,
		[]act{pays(100, declined), pays(100, over)},
		[]string{"invoice_closed paid", "invoice_closed paid"},
		nil,
		map[string]int64{"BDT/balance": 100, "BDT/clearing/bank": -100},
	}, {
		"an attempt at an expired one is refused", invoice.Expired,
		[]act{pays(100, declined), pays(100, over)},
		[]string{"invoice_closed expired", "invoice_closed expired"},
		nil,
		map[string]int64{},
	}, {
		"a rail that can refuse brings what is due and nothing else", invoice.Open,
		[]act{pays(99, refuses), pays(101, refuses), pays(100, refuses, inUSD), pays(100, refuses), pays(100, refuses)},
		[]string{"amount_mismatch 100", "amount_mismatch 100", "amount_mismatch 100", "received 100+0 -> paid 100/100", "invoice_closed paid"},
		[]event.Type{invoice.EventPaid},
		map[string]int64{"BDT/balance": 100, "BDT/clearing/bank": -100},
	}, {
		"a rail that can refuse brings the rest of part money", invoice.Open,
		[]act{pays(30), pays(100, refuses), pays(70, refuses)},
		[]string{"received 30+0 -> open 30/100", "amount_mismatch 70", "received 70+0 -> paid 100/100"},
		[]event.Type{invoice.EventPartPaid, invoice.EventPaid},
		map[string]int64{"BDT/balance": 100, "BDT/clearing/bank": -100},
	}, {
		"a rail that can refuse refuses a cancelled one", invoice.Cancelled,
		[]act{pays(100, refuses)},
		[]string{"invoice_closed cancelled"},
		nil,
		map[string]int64{},
	}, {
		"a rail that can refuse refuses a superseded one", invoice.Superseded,
		[]act{pays(100, refuses)},
		[]string{"invoice_closed superseded"},
		nil,
		map[string]int64{},
	}, {
		"the whole of it is what is due", invoice.Open,
		[]act{pays(30), pays(0, whole), pays(0, whole)},
		[]string{"received 30+0 -> open 30/100", "received 70+0 -> paid 100/100", "invoice_closed paid"},
		[]event.Type{invoice.EventPartPaid, invoice.EventPaid},
		map[string]int64{"BDT/balance": 100, "BDT/clearing/bank": -100},
	}, {
		"the whole of it pays an expired one late", invoice.Expired,
		[]act{pays(0, whole, over), pays(0, whole)},
		[]string{"invoice_closed expired", "received 100+0 late -> paid 100/100"},
		[]event.Type{invoice.EventPaid},
		map[string]int64{"BDT/balance": 100, "BDT/clearing/bank": -100},
	}, {
		"the whole of it in another currency is no amount", invoice.Open,
		[]act{pays(0, whole, inUSD)},
		[]string{"amount_mismatch 100"},
		nil,
		map[string]int64{},
	}, {
		"the whole of a superseded one is refused", invoice.Superseded,
		[]act{pays(0, whole)},
		[]string{"invoice_closed superseded"},
		nil,
		map[string]int64{},
	}, {
		"no amount is no money", invoice.Open,
		[]act{pays(0), pays(-1), pays(0, declined), pays(-5, inUSD)},
		[]string{"amount_not_positive", "amount_not_positive", "amount_not_positive", "amount_not_positive"},
		nil,
		map[string]int64{},
	}, {
		"an answer that is none is not recorded", invoice.Open,
		[]act{pays(100, func(r *payment.Receipt) { r.Outcome = rail.Unknown }), pays(100, func(r *payment.Receipt) { r.Outcome = rail.Retryable })},
		[]string{"field_not_one_of", "field_not_one_of"},
		nil,
		map[string]int64{},
	},
}

func TestMoneyThatFitsAndMoneyThatDoesNot(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var forced []string
		for _, slices := range []bool{false, true} { // each receipt by itself, and all in one slice
			for _, s := range stories {
				owner := h.shop(t)
				inv := h.bill(t, owner, 100)
				h.to(t, inv, s.from)
				before := len(h.events(t, owner, 0))
				var receipts []payment.Receipt
				for _, a := range s.acts {
					r := h.receipt(inv, 0)
					a(&r)
					receipts = append(receipts, r)
				}
				var said []string
				if slices {
					for _, o := range h.slice(t, receipts...) {
						said = append(said, say(o.Value, o.Err))
					}
				} else {
					for _, r := range receipts {
						h.clock.Advance(time.Second)
						said = append(said, say(h.Settle(ctx, r, nil)))
					}
				}
				var events []event.Type
				for _, e := range h.events(t, owner, before) {
					events = append(events, e.Type)
				}
				if d := cmp.Diff(s.says, said); d != "" {
					t.Errorf("%s (slice %v): %s", s.name, slices, d)
				}
				if d := cmp.Diff(s.events, events); d != "" {
					t.Errorf("%s (slice %v): %s", s.name, slices, d)
				}
				if d := cmp.Diff(s.books, h.balances(t, owner)); d != "" {
					t.Errorf("%s (slice %v): %s", s.name, slices, d)
				}
				if s.from == invoice.Superseded || s.from == invoice.Refunded {
					forced = append(forced, owner) // no event told of that
				}
			}
		}
		h.clean(t, forced...)
	})
}

func TestReceiptForAnInvoiceThatIsNotThere(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		inv := h.bill(t, h.shop(t), 100)
		another := h.receipt(inv, 100)
		another.Owner = h.shop(t)
		none := h.receipt(inv, 100)
		none.Invoice = "none"
		refused := h.receipt(inv, 100)
		refused.Refused = fault.New(fault.TargetAmbiguous).On("target")
		for want, r := range map[fault.Code]payment.Receipt{
			fault.TargetAmbiguous: refused, fault.InvoiceMissing: another,
		} {
			if _, err := h.Settle(ctx, r, nil); !fault.Has(err, want) {
				t.Errorf("want %s: %v", want, err)
			}
		}
		if _, err := h.Settle(ctx, none, nil); !fault.Has(err, fault.InvoiceMissing) {
			t.Errorf("no invoice: %v", err)
		}
		if b := h.balances(t, another.Owner); len(b) != 0 {
			t.Errorf("another's books: %v", b)
		}
		h.clean(t)
	})
}
