package payment_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/payment"
	"sarraf/payout"
	"sarraf/store"
	"sarraf/wallet"
)

// times is how often a refund is sent twice at once.
const times = 500

func TestEachRefundSentTwiceAtOnceIsMadeOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		nodes := []*house{h, h.second(t)}
		w := h.purse(t, rahim, 1_000_000)
		want, back := int64(0), int64(0)
		for n := range times {
			inv := h.bill(t, owner, 100)
			var p payment.Payment
			if n%5 == 4 {
				s, err := h.Settle(ctx, h.from(t, w, inv, "4711"), nil)
				h.must(t, err)
				p = s.Payment
				back += 60
			} else {
				p = h.pay(t, inv, 100)
				want += 60
			}
			one, two := h.refund(p, 60), h.refund(p, 60)
			var key *store.Key
			if n%2 == 0 { // by its id
				two = one
			} else { // by its key
				key = &store.Key{Door: "native", Key: fmt.Sprint("k", n), Hash: "h"}
			}
			var got [2]payment.Refund
			var errs [2]error
			together(
				func() { got[0], errs[0] = nodes[0].Refund(ctx, one, key) },
				func() { got[1], errs[1] = nodes[n/2%2].Refund(ctx, two, key) },
			)
			if errs[0] != nil || errs[1] != nil || got[0].ID != got[1].ID || got[0].Receipt != got[1].Receipt {
				t.Fatalf("round %d: %+v %+v %v", n, got[0], got[1], errs)
			}
			if n%3 == 0 && p.Rail != wallet.Rail { // and its end is told twice
				m := payout.Move{Merchant: owner, Payout: got[0].ID, Action: payout.Complete, Right: payout.OfRail}
				together(
					func() { _, errs[0] = nodes[0].payouts.Move(ctx, m, nil) },
					func() { _, errs[1] = nodes[1].payouts.Move(ctx, m, nil) },
				)
				if (errs[0] == nil) == (errs[1] == nil) || !fault.Has(errors.Join(errs[0], errs[1]), fault.PayoutClosed) {
					t.Fatalf("round %d: %v", n, errs)
				}
			}
			if list, err := h.RefundsOf(ctx, owner, inv.ID); err != nil || len(list) != 1 {
				t.Fatalf("round %d: %d refunds, %v", n, len(list), err)
			}
		}
		out, err := h.payouts.List(ctx, payout.Query{Merchant: owner, Limit: 2 * times})
		if err != nil || len(out) != times {
			t.Fatalf("%d payouts, %v", len(out), err)
		}
		if left := h.holds(t, w); left != 1_000_000-100*times/5+back {
			t.Errorf("the wallet has %d", left)
		}
		gone := h.balances(t, owner)["BDT/clearing/sandbox"]
		if gone != 60*134 { // every third, but for those from the wallet
			t.Errorf("%d went out", gone)
		}
		h.clean(t)
	})
}

func TestRefundsInPartsNeverComeToMoreThanWasPaid(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		nodes := []*house{h, h.second(t)}
		for round := range 40 {
			inv := h.bill(t, owner, 100)
			p := h.pay(t, inv, 130)
			var mu sync.Mutex
			given := map[payment.RefundOf]int64{}
			var acts []func()
			for i := range 16 {
				n := h.refund(p, int64(10+rand.IntN(30)))
				if i%4 == 3 {
					n.Of = payment.OfUnapplied
				}
				acts = append(acts, func() {
					node := nodes[i%2]
					r, err := node.Refund(ctx, n, nil)
					if fault.Has(err, fault.RefundTooMuch) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					how := []payout.Action{payout.Complete, payout.Reject, payout.Process, ""}[i/4]
					if how == "" {
						how = payout.Complete
					}
					if _, err = node.payouts.Move(ctx, payout.Move{Merchant: owner, Payout: r.ID, Action: how, Right: payout.OfRail}, nil); err != nil {
						t.Error(err)
					}
					if how != payout.Reject {
						mu.Lock()
						given[r.Of] += r.Amount
						mu.Unlock()
					}
				})
			}
			together(acts...)
			if given[payment.OfSettled] > 100 || given[payment.OfUnapplied] > 30 || given[payment.OfSettled] == 0 {
				t.Fatalf("round %d: %v of 100 and 30", round, given)
			}
		}
		h.clean(t)
	})
}

func TestARefundAndLateMoneyAtTheSameInstant(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		owner := h.shop(t)
		nodes := []*house{h, h.second(t)}
		seen := map[string]int{}
		for round := range rounds {
			inv := h.bill(t, owner, 100)
			p := h.pay(t, inv, 40)
			h.to(t, inv, invoice.Cancelled)
			late := h.receipt(inv, 60)
			var r payment.Refund
			var paid payment.Settled
			var err1, err2 error
			together(
				func() { r, err1 = nodes[0].Refund(ctx, h.refund(p, 0), nil) },
				func() { paid, err2 = nodes[round%2].Settle(ctx, late, nil) },
			)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			h.end(t, r, payout.Complete)
			now := h.stands(t, inv)
			story := fmt.Sprintf("%s, then %s %d-%d", say(paid, nil), now.Status, now.Paid, now.Refunded)
			seen[story]++
			switch story {
			case "received 60+0 late -> paid 100/100, then paid 100-40":
			case "received 0+60 (the invoice's money is given back) -> cancelled 40/100, then cancelled 40-40":
			default:
				t.Errorf("round %d: %s", round, story)
			}
		}
		t.Log(seen)
		h.clean(t)
	})
}

// breaker is a sink that fails the transaction which tells of one type of event.
type breaker struct {
	mu   sync.Mutex
	stop event.Type
}

var errBroken = errors.New("broken on purpose")

func (b *breaker) set(t event.Type) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stop = t
}

func (b *breaker) Accept(_ context.Context, _ *store.Tx, list []event.Written) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range list {
		if e.Type == b.stop {
			return errBroken
		}
	}
	return nil
}

func TestARefundThatBreaksOffAtAnyStepIsWholeOrNotThere(t *testing.T) {
	fake := clock.NewFake(start)
	storetest.Each(t, fake, func(t *testing.T, db *store.DB) {
		b := &breaker{}
		h := open(t, db, fake, b)
		owner := h.shop(t)
		w := h.purse(t, rahim, 1000)
		for _, step := range []event.Type{"refund.requested", "refund.processing", "refund.completed", "payment.refunded", "wallet.refunded"} {
			inv := h.bill(t, owner, 100)
			s, err := h.Settle(ctx, h.from(t, w, inv, "4711"), nil)
			h.must(t, err)
			other := h.bill(t, owner, 100)
			plain := h.give(t, h.refund(h.pay(t, other, 100), 0), "")
			before, events := h.balances(t, owner), len(h.events(t, owner, 0))
			n := h.refund(s.Payment, 0)
			end := payout.Move{Merchant: owner, Payout: plain.ID, Action: payout.Complete, Right: payout.OfRail, At: h.clock.Now()}
			b.set(step)
			if _, err := h.Refund(ctx, n, nil); !errors.Is(err, errBroken) {
				t.Fatalf("%s: %v", step, err)
			}
			breaks := step != "refund.requested" && step != "wallet.refunded"
			if _, err := h.payouts.Move(ctx, end, nil); errors.Is(err, errBroken) != breaks || !breaks && err != nil {
				t.Fatalf("%s: %v", step, err)
			}
			b.set("")
			if breaks {
				if d := cmp.Diff(before, h.balances(t, owner)); d != "" || len(h.events(t, owner, 0)) != events {
					t.Errorf("%s left something: %s", step, d)
				}
			}
			if _, err := h.GetRefund(ctx, owner, n.ID); !fault.Has(err, fault.RefundMissing) {
				t.Errorf("%s left a refund: %v", step, err)
			}
			h.give(t, n, "")
			h.give(t, n, "")
			if breaks {
				h.end(t, plain, payout.Complete)
			}
			if now, then := h.stands(t, inv), h.stands(t, other); now.Refunded != 100 || then.Status != invoice.Refunded {
				t.Errorf("%s: %+v %+v", step, now, then)
			}
			if left := h.holds(t, w); left != 1000 {
				t.Errorf("%s: the wallet has %d", step, left)
			}
		}
		h.clean(t)
	})
}

func TestARefundWhoseCommitWasNotAnsweredIsMadeOnce(t *testing.T) {
	url, lose := pgtest.Lossy(t, storetest.URL(t, store.Postgres))
	fake := clock.NewFake(start)
	h := open(t, storetest.Open(t, url, fake), fake)
	owner := h.shop(t)
	w := h.purse(t, rahim, 1000)
	for _, key := range []*store.Key{nil, {Door: "native", Key: "k", Hash: "h"}} {
		p := h.pay(t, h.bill(t, owner, 100), 100)
		s, err := h.Settle(ctx, h.from(t, w, h.bill(t, owner, 100), "4711"), nil)
		h.must(t, err)
		lose()
		r, err := h.Refund(ctx, h.refund(p, 70), key)
		h.must(t, err)
		lose()
		h.end(t, r, payout.Complete)
		lose()
		if key != nil {
			key = &store.Key{Door: "native", Key: "w", Hash: "h"}
		}
		back, err := h.Refund(ctx, h.refund(s.Payment, 0), key)
		if err != nil || back.Status != payout.Completed {
			t.Fatalf("%+v, %v", back, err)
		}
	}
	if left := h.holds(t, w); left != 1000 {
		t.Errorf("the wallet has %d", left)
	}
	if d := cmp.Diff(map[string]int64{"BDT/balance": 60, "BDT/clearing/bank": -200, "BDT/clearing/sandbox": 140}, h.balances(t, owner)); d != "" {
		t.Error(d)
	}
	h.clean(t)
}
