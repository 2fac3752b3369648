package payout_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/payout"
	"sarraf/store"
)

// Two operators who make methods of one merchant at the same time, on two nodes, make two methods.
func TestMethodsThatAreMadeAtOnceGetNumbersOfTheirOwn(t *testing.T) {
	each(t, func(h *house) {
		const makers = 16
		owner := h.shop(merchant.Sandbox, 0).Owner
		nodes := []*house{h, h.second()}
		made := make([]payout.Method, makers)
		var all sync.WaitGroup
		for i := range makers {
			all.Go(func() {
				m, err := nodes[i%2].SetMethod(ctx, alice, payout.Method{Owner: owner, Kind: "bkash", Name: fmt.Sprint("Method ", i), Rail: "sandbox"})
				if err != nil {
					t.Error(err)
				}
				made[i] = m
			})
		}
		all.Wait()
		for i, m := range made {
			if now, err := h.Method(ctx, owner, m.Number); err != nil || now != m || now.Name != fmt.Sprint("Method ", i) {
				t.Errorf("%+v, %v, want %+v", now, err, m)
			}
		}
	})
}

// Slices of two nodes that touch the same payouts in opposite orders, again and again: each payout takes each step once, and nobody waits for ever.
func TestSlicesThatCrossOnTwoNodesMoveEachPayoutOnce(t *testing.T) {
	each(t, func(h *house) {
		const payouts, shops = 120, 3
		nodes := []*house{h, h.second()}
		var made []payout.Payout
		var owners []string
		for range shops {
			m := h.shop(merchant.Sandbox, 1_000_00)
			owners = append(owners, m.Owner)
			method := h.method(m, 1_00, "sandbox")
			for range payouts / shops {
				made = append(made, h.ask(method, 10_00))
			}
		}
		steps := []payout.Action{payout.Process, payout.Doubt, payout.Complete}
		won := make([][2]int, len(steps))
		for n, a := range steps {
			var both sync.WaitGroup
			for side, node := range nodes {
				both.Go(func() {
					var list []payout.Move
					for i := range made {
						p := made[i]
						if side == 1 {
							p = made[len(made)-1-i]
						}
						list = append(list, payout.Move{
							ID: id.New(h.clock), Merchant: p.Merchant, Payout: p.ID, Action: a, Right: payout.OfRail, Reason: "why", At: h.clock.Now(),
						})
					}
					for part := range slices.Chunk(list, 50) {
						err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
							out, err := node.MoveIn(ctx, tx, part)
							if err != nil {
								return err
							}
							tx.AfterCommit(func() {
								for _, o := range out {
									if o.Err == nil {
										won[n][side]++
									} else if !fault.Has(o.Err, fault.PayoutClosed) {
										t.Errorf("%s: %v", a, o.Err)
									}
								}
							})
							return nil
						})
						if err != nil {
							t.Errorf("%s: %v", a, err)
						}
					}
				})
			}
			both.Wait()
			if won[n][0]+won[n][1] != payouts {
				t.Errorf("%s was done %d and %d times, want %d", a, won[n][0], won[n][1], payouts)
			}
		}
		for _, o := range owners {
			h.stands(o, 1_000_00-payouts/shops*11_00, 1_000_00-payouts/shops*11_00, payouts/shops*1_00, payouts/shops*10_00)
		}
		for _, p := range made {
			if have := h.events(p); have != "payout.requested payout.processing payout.unknown payout.completed" {
				t.Fatal(have)
			}
		}
	})
}

// Two nodes ask for payouts of the same merchants in opposite orders, with the same references: each reference is taken once.
func TestSlicesOfRequestsThatCrossTakeEachReferenceOnce(t *testing.T) {
	each(t, func(h *house) {
		const each, shops = 40, 3
		nodes := []*house{h, h.second()}
		var methods []payout.Method
		for range shops {
			methods = append(methods, h.method(h.shop(merchant.Sandbox, each*10_00), 0, "sandbox"))
		}
		var both sync.WaitGroup
		taken := [2]int{}
		for side, node := range nodes {
			both.Go(func() {
				var list []payout.New
				for i := range shops * each {
					n := node.asking(methods[i%shops], 10_00)
					n.Reference, n.At = fmt.Sprint(i/shops), h.clock.Now()
					list = append(list, n)
				}
				if side == 1 {
					slices.Reverse(list)
				}
				for part := range slices.Chunk(list, 30) {
					err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
						out, err := node.RequestIn(ctx, tx, part)
						if err != nil {
							return err
						}
						tx.AfterCommit(func() {
							for _, o := range out {
								if o.Err == nil {
									taken[side]++
								} else if !fault.Has(o.Err, fault.ReferenceTaken) {
									t.Error(o.Err)
								}
							}
						})
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		both.Wait()
		if taken[0]+taken[1] != shops*each {
			t.Errorf("%d and %d were asked for, want %d", taken[0], taken[1], shops*each)
		}
		for _, m := range methods {
			h.stands(m.Owner, each*10_00, 0, 0, 0)
		}
	})
}

// The clock of one node is hours behind the other's, and jumps: what happened later is never told as earlier.
func TestTimesOfAPayoutNeverGoBack(t *testing.T) {
	each(t, func(h *house) {
		method := h.method(h.shop(merchant.Sandbox, 1000_00, limited(0)), 1_00, "sandbox")
		p := h.ask(method, 10_00)
		last := p.UpdatedAt
		for _, step := range []struct {
			payout.Action
			hours time.Duration
		}{{payout.Approve, -5}, {payout.Process, 9}, {payout.Doubt, -9}, {payout.Process, -20}, {payout.Complete, 30}} {
			h.clock.Advance(step.hours * time.Hour)
			var err error
			p, err = h.Move(ctx, payout.Move{Merchant: p.Merchant, Payout: p.ID, Action: step.Action, Right: payout.OfRail, By: bob}, nil)
			if err != nil || p.UpdatedAt.Before(last) || p.UpdatedAt.Before(h.clock.Now()) || p.UpdatedAt.Before(p.CreatedAt) {
				t.Fatalf("%s: %+v, %v", step.Action, p, err)
			}
			last = p.UpdatedAt
		}
		if p.SentAt.Before(p.CreatedAt) || p.ProcessedAt.Before(p.SentAt) || p.ProcessedAt != p.UpdatedAt {
			t.Errorf("%+v", p)
		}
		back := h.ask(method, 20_00)
		h.clock.Advance(-1000 * time.Hour) // and it was approved and called off before it was asked for, by that clock
		for _, a := range []payout.Action{payout.Approve, payout.Cancel} {
			if p, err := h.Move(ctx, payout.Move{Merchant: back.Merchant, Payout: back.ID, Action: a, By: bob}, nil); err != nil || p.UpdatedAt != back.UpdatedAt {
				t.Errorf("%s: %+v, %v", a, p, err)
			}
		}
		h.clock.Advance(2000 * time.Hour)
		h.stands(p.Merchant, 989_00, 989_00, 1_00, 10_00)
	})
}

// Whoever goes away does not call off what was begun, and may ask again for the answer.
func TestACallerWhoGoesAwayFindsWhatWasDone(t *testing.T) {
	each(t, func(h *house) {
		const callers = 40
		m := h.shop(merchant.Sandbox, callers*10_00)
		method := h.method(m, 0, "sandbox")
		nodes := []*house{h, h.second()}
		var all sync.WaitGroup
		for i := range callers {
			n := h.asking(method, 10_00)
			move := payout.Move{ID: id.New(h.clock), Merchant: n.Owner, Payout: n.ID, Action: payout.Complete, Right: payout.OfRail}
			all.Go(func() {
				gone, leave := context.WithCancel(ctx)
				leave()
				// One who has gone may hear the answer or not; the one who comes again, to either node, does.
				if _, err := nodes[i%2].Request(gone, n, nil); err != nil && !fault.Has(err, fault.Outage) {
					t.Error(err)
				}
				p, err := nodes[(i+1)%2].Request(ctx, n, nil)
				if err != nil || p.ID != n.ID {
					t.Error(p, err)
				}
				if _, err := nodes[i%2].Move(gone, move, nil); err != nil && !fault.Has(err, fault.Outage) {
					t.Error(err)
				}
				if p, err = nodes[(i+1)%2].Move(ctx, move, nil); err != nil || p.Status != payout.Completed || p.Changes != 2 {
					t.Error(p, err)
				}
			})
		}
		all.Wait()
		for _, node := range nodes {
			node.Close() // what was taken is finished
		}
		h.stands(m.Owner, 0, 0, 0, callers*10_00)
	})
}

// A merchant that is shut asks for nothing more; what it had asked for comes to its end, and its money back to it.
func TestPayoutsOfAMerchantThatIsShutComeToTheirEnd(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 100_00)
		method := h.method(m, 0, "sandbox")
		out, back, waits := h.ask(method, 10_00), h.ask(method, 20_00), h.asking(method, 5_00)
		shut := func(yes bool) {
			m.Settings.Disabled = yes
			if err := h.merchants.Change(ctx, alice, m); err != nil {
				t.Fatal(err)
			}
		}
		shut(true)
		_, err := h.Request(ctx, waits, nil)
		wants(t, err, fault.PermissionMissing)
		h.does(out, payout.Complete)
		h.does(back, payout.Reject)
		h.stands(m.Owner, 90_00, 90_00, 0, 10_00)
		shut(false)
		if _, err := h.Request(ctx, waits, nil); err != nil {
			t.Error(err)
		}
		shut(true)
		if again, err := h.Request(ctx, waits, nil); err != nil || again.ID != waits.ID { // it had been made
			t.Error(again, err)
		}
		h.stands(m.Owner, 90_00, 85_00, 0, 10_00)
	})
}
