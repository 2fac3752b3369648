package payout_test

import (
	"testing"

	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/payout"
	"sarraf/store"
)

// Each answer to COMMIT is lost on the way: what was asked for is done once, and told as it was done.
func TestWhatWasCommittedWithoutAnAnswerIsDoneOnce(t *testing.T) {
	url, lose := pgtest.Lossy(t, storetest.URL(t, store.Postgres))
	fake := clock.NewFake(start)
	h := open(t, storetest.Open(t, url, fake), fake)
	m := h.shop(merchant.Live, 1000_00, limited(50_00))
	lose()
	method := h.method(m, 5_00, payout.Manual)
	if list, err := h.Methods(ctx, m.Owner); err != nil || len(list) != 1 || list[0] != method {
		t.Fatal(list, err)
	}
	for _, key := range []*store.Key{nil, {Door: "aspay", Key: "k", Hash: "h"}} {
		n := h.asking(method, 100_00)
		n.Number, n.Reference, n.Account = "AT"+n.ID, n.ID, " 01712345678"
		lose()
		p, err := h.Request(ctx, n, key)
		if err != nil || p.Status != payout.Pending || p.Approval != payout.Wanted {
			t.Fatal(p, err)
		}
		for _, step := range []struct {
			payout.Action
			payout.Status
			changes int64 // one each, but for who is completed by way of processing
		}{{payout.Approve, payout.Pending, 1}, {payout.Complete, payout.Completed, 2}} {
			lose()
			changes := p.Changes
			p, err = h.Move(ctx, payout.Move{Merchant: m.Owner, Payout: p.ID, Action: step.Action, Right: payout.OfOperator, By: bob}, nil)
			if err != nil || p.Status != step.Status || p.Changes != changes+step.changes {
				t.Fatal(step, p, err)
			}
		}
		if have := h.events(p); have != "payout.requested payout.approved payout.processing payout.completed" {
			t.Error(have)
		}
	}
	h.stands(m.Owner, 790_00, 790_00, 10_00, 200_00)
	h.proved()
}
