package payout_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sarraf/fault"
	"sarraf/merchant"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/wallet"
)

// far is a rail as a process knows it that has no more of it than its name.
type far struct{}

func (far) Name() string              { return "far" }
func (far) Sends(rail.OrderKind) bool { return true }
func (far) Limit() time.Duration      { return time.Second }
func (far) Send(context.Context, rail.Order) (rail.Answer, error) {
	return rail.Answer{Outcome: rail.Retryable}, nil
}

func (far) Inquire(context.Context, rail.Order) (rail.Answer, error) {
	return rail.Answer{Outcome: rail.Unknown}, nil
}

// A process that was not told of the rail approves: the payout is due all the same for one that was.
func TestAnApprovalWhereTheRailIsNotKnownIsNotForgotten(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Live, 1000_00, limited(0))
		p := open(t, h.db, h.clock, far{}).ask(open(t, h.db, h.clock, far{}).method(m, 0, "far"), 100_00)
		if n := h.number(`SELECT COUNT(*) FROM payout_work`); n != 0 {
			t.Errorf("before it is approved: %d", n)
		}
		if _, err := h.Move(ctx, payout.Move{Merchant: m.Owner, Payout: p.ID, Action: payout.Approve, By: bob}, nil); err != nil {
			t.Fatal(err)
		}
		if n := h.number(`SELECT COUNT(*) FROM payout_work WHERE rail = 'far' AND due_at > 0`); n != 1 {
			t.Errorf("approved: %d are due", n)
		}
	})
}

// What a rail has and never ends can be taken from it: it is unknown then, never handed over again, and decided with evidence.
func TestAnOperatorDoubtsWhatARailNeverEnds(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Live, 1000_00)
		node := open(t, h.db, h.clock, far{})
		p := node.does(node.ask(node.method(m, 0, "far"), 100_00), payout.Process)
		move := func(a payout.Action, reason string) error {
			_, err := h.Move(ctx, payout.Move{Merchant: m.Owner, Payout: p.ID, Action: a, By: bob, Right: payout.OfOperator, Reason: reason}, nil)
			return err
		}
		wants(t, move(payout.Reject, "it is gone"), fault.PermissionMissing)
		wants(t, move(payout.Doubt, " "), fault.FieldRequired)
		if err := move(payout.Doubt, "the rail was shut down"); err != nil {
			t.Fatal(err)
		}
		if n := h.number(`SELECT COUNT(*) FROM payout_work WHERE due_at > 0`); n != 1 {
			t.Errorf("%d are asked about", n)
		}
		h.proved()
		if err := move(payout.Reject, "their letter of 9 March"); err != nil {
			t.Error(err)
		}
		h.stands(m.Owner, 1000_00, 1000_00, 0, 0)
	})
}

func TestWhoApprovedStaysKnownWhoeverMarksIt(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Live, 1000_00, limited(0))
		p := h.ask(h.method(m, 0, payout.Manual), 100_00)
		if _, err := h.Move(ctx, payout.Move{Merchant: m.Owner, Payout: p.ID, Action: payout.Approve, By: bob}, nil); err != nil {
			t.Fatal(err)
		}
		done, err := h.Move(ctx, payout.Move{Merchant: m.Owner, Payout: p.ID, Action: payout.Complete, By: alice, Right: payout.OfOperator}, nil)
		if err != nil || done.DecidedBy != "bob" {
			t.Errorf("decided by %q, %v", done.DecidedBy, err)
		}
	})
}

func TestASuspendedWalletsWithdrawalIsHeldBackFromSheets(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Live, 0)
		method := h.method(m, 0, payout.Manual)
		w := h.purse(m.Owner, 500_00, func(n *wallet.New) { n.Sandbox = false })
		p := h.withdraws(h.withdrawing(w, method, 100_00))
		if _, err := h.wallets.SetStatus(ctx, alice, w.Owner, wallet.Suspended); err != nil {
			t.Fatal(err)
		}
		sheet, err := h.Export(ctx, alice, payout.ExportOptions{Currency: "BDT"})
		if now := h.get(p); now.Status != payout.Pending || sheet.Lines != 0 {
			t.Errorf("%s, a sheet of %d, %v", now.Status, sheet.Lines, err)
		}
		if _, err := h.wallets.SetStatus(ctx, alice, w.Owner, wallet.Approved); err != nil {
			t.Fatal(err)
		}
		if sheet, err = h.Export(ctx, alice, payout.ExportOptions{Currency: "BDT"}); err != nil || sheet.Lines != 1 || !strings.HasPrefix(h.get(p).Sheet, sheet.ID) {
			t.Errorf("a sheet of %d, %v", sheet.Lines, err)
		}
	})
}
