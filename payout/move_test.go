package payout_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/payout"
	"sarraf/store"
)

// Every move from every status: the legal ones are made, the others refused, and change nothing.
func TestOnlyLegalMovesAreMade(t *testing.T) {
	ways := map[payout.Status][]payout.Action{
		payout.Pending: {}, payout.Processing: {payout.Process}, payout.Unknown: {payout.Process, payout.Doubt},
		payout.Completed: {payout.Complete}, payout.Rejected: {payout.Reject}, payout.Cancelled: {payout.Cancel},
	}
	ends := map[payout.Action]payout.Status{
		payout.Process: payout.Processing, payout.Doubt: payout.Unknown, payout.Complete: payout.Completed, payout.Reject: payout.Rejected, payout.Cancel: payout.Cancelled,
	}
	each(t, func(h *house) {
		method := h.method(h.shop(merchant.Sandbox, 100_000_00), 1_00, "sandbox")
		for from, way := range ways {
			for action, to := range ends {
				p := h.ask(method, 10_00)
				for _, a := range way {
					p = h.does(p, a)
				}
				if p.Status != from {
					t.Fatalf("it came to %s by %v, want %s", p.Status, way, from)
				}
				legal := from.May(to) || from == payout.Pending && action == payout.Complete
				moved, err := h.Move(ctx, payout.Move{Merchant: p.Merchant, Payout: p.ID, Action: action, Right: payout.OfRail}, nil)
				switch {
				case legal && (err != nil || moved.Status != to):
					t.Errorf("%s from %s: %s, %v", action, from, moved.Status, err)
				case !legal:
					wants(t, err, fault.PayoutClosed)
					if f := fault.First(err); f.Params["status"] != string(from) {
						t.Errorf("%s from %s: %v", action, from, f)
					}
					if now, err := h.Get(ctx, p.Merchant, p.ID); err != nil || now != p {
						t.Errorf("%s from %s left %+v, %v", action, from, now, err)
					}
				}
			}
		}
		_, err := h.Move(ctx, payout.Move{Merchant: method.Owner, Payout: id.New(h.clock), Action: payout.Cancel}, nil)
		wants(t, err, fault.PayoutMissing)
	})
}

func TestASecondPersonApprovesAndNeverTheOneWhoAsked(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 1000_00, limited(50_00))
		method := h.method(m, 0, "sandbox")
		if p := h.ask(method, 50_00); p.Approval != payout.NoApproval {
			t.Errorf("at the limit: %q", p.Approval)
		}
		p := h.ask(method, 50_01)
		if p.Approval != payout.Wanted {
			t.Fatalf("above the limit: %q", p.Approval)
		}
		move := func(a payout.Action, by merchant.Actor, r payout.Right) error {
			_, err := h.Move(ctx, payout.Move{Merchant: m.Owner, Payout: p.ID, Action: a, By: by, Right: r, Reason: "r"}, nil)
			return err
		}
		for _, a := range []payout.Action{payout.Process, payout.Complete} {
			wants(t, move(a, merchant.Actor{}, payout.OfRail), fault.ApprovalWanted)
			wants(t, move(a, bob, payout.OfMerchant), fault.PermissionMissing)
		}
		for _, r := range []payout.Right{payout.OfMerchant, payout.OfOperator, payout.OfRail} {
			wants(t, move(payout.Approve, merchant.Actor{}, r), fault.PermissionMissing) // somebody has to
		}
		for _, r := range []payout.Right{payout.OfMerchant, payout.OfOperator} {
			wants(t, move(payout.Approve, alice, r), fault.ApprovalOwn)
			wants(t, move(payout.Reject, alice, r), fault.ApprovalOwn)
		}
		if err := move(payout.Approve, bob, payout.OfMerchant); err != nil {
			t.Fatal(err)
		}
		wants(t, move(payout.Approve, bob, payout.OfMerchant), fault.PayoutClosed)
		wants(t, move(payout.Reject, bob, payout.OfMerchant), fault.PayoutClosed)
		now, err := h.Get(ctx, m.Owner, p.ID)
		if err != nil || now.Approval != payout.Given || now.DecidedBy != "bob" || now.Status != payout.Pending {
			t.Errorf("%+v, %v", now, err)
		}
		h.does(p, payout.Complete)
		if have := h.events(p); have != "payout.requested payout.approved payout.processing payout.completed" {
			t.Errorf("events %s", have)
		}
		err = h.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
			notes, err := merchant.Notes(ctx, tx, m.Owner, p.ID)
			if len(notes) != 1 || notes[0].Actor != "bob" || notes[0].Action != "payout.approve" || notes[0].Before != "pending, approval wanted" {
				t.Errorf("audit log: %+v", notes)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		own := h.ask(method, 60_00) // who asked may call it off
		if _, err := h.Move(ctx, payout.Move{Merchant: m.Owner, Payout: own.ID, Action: payout.Cancel, By: alice}, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestAnOperatorSaysWhatBecameOfMoneyOnlyWhereNoRailDoes(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Live, 1000_00)
		byHand := h.ask(h.method(m, 0, payout.Manual), 10_00)
		move := func(p payout.Payout, a payout.Action, reason string) error {
			_, err := h.Move(ctx, payout.Move{Merchant: m.Owner, Payout: p.ID, Action: a, By: bob, Right: payout.OfOperator, Reason: reason}, nil)
			return err
		}
		wants(t, move(byHand, payout.Doubt, ""), fault.PermissionMissing)
		if err := move(byHand, payout.Complete, ""); err != nil {
			t.Error(err)
		}
		sandbox := h.shop(merchant.Sandbox, 1000_00)
		m = sandbox
		p := h.does(h.ask(h.method(sandbox, 0, "sandbox"), 10_00), payout.Process)
		wants(t, move(p, payout.Complete, "seen"), fault.PermissionMissing)
		p = h.does(p, payout.Doubt)
		wants(t, move(p, payout.Complete, " "), fault.FieldRequired)
		wants(t, move(p, payout.Process, "they have it"), fault.PermissionMissing) // nobody would ask about it again, or could end it
		if err := move(p, payout.Complete, "the bank's statement of 1 March"); err != nil {
			t.Error(err)
		}
		now, err := h.Get(ctx, m.Owner, p.ID)
		if err != nil || now.Reason != "the bank's statement of 1 March" || now.DecidedBy != "bob" {
			t.Errorf("%+v, %v", now, err)
		}
	})
}

// Each payout approved, rejected and called off at the same instant on two nodes: one of them wins, once.
func TestOfThoseWhoDecideAtOnceOneWins(t *testing.T) {
	const payouts = 500
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, payouts*10_00, limited(0))
		method := h.method(m, 1_00, "sandbox")
		method.Fee.Flat = 0
		method, err := h.SetMethod(ctx, alice, method)
		if err != nil {
			t.Fatal(err)
		}
		nodes := []*house{h, h.second()}
		var all sync.WaitGroup
		slots := make(chan struct{}, 64)
		for range payouts {
			p := h.ask(method, 10_00)
			slots <- struct{}{}
			all.Go(func() {
				defer func() { <-slots }()
				var both sync.WaitGroup
				errs := make([]error, 2)
				for i, a := range []payout.Action{payout.Approve, payout.Reject} {
					both.Go(func() {
						_, errs[i] = nodes[i].Move(ctx, payout.Move{Merchant: m.Owner, Payout: p.ID, Action: a, By: bob}, nil)
					})
				}
				both.Wait()
				now, err := h.Get(ctx, m.Owner, p.ID)
				won := 0
				if errs[1] == nil {
					won = 1
				}
				switch {
				case err != nil || (errs[0] == nil) == (errs[1] == nil) || !fault.Has(errs[1-won], fault.PayoutClosed):
					t.Errorf("approved: %v, rejected: %v, %v", errs[0], errs[1], err)
				case won == 0 && now.Approval != payout.Given, won == 1 && now.Status != payout.Rejected:
					t.Errorf("winner %d, and it is %s, approval %q", won, now.Status, now.Approval)
				}
			})
		}
		all.Wait()
		list, err := h.List(ctx, payout.Query{Merchant: m.Owner, Approval: payout.Given, Limit: payouts + 1})
		if err != nil {
			t.Fatal(err)
		}
		h.stands(m.Owner, payouts*10_00, (payouts-int64(len(list)))*10_00, 0, 0)
	})
}

func TestAMoveThatComesAgainIsAnsweredAsItWas(t *testing.T) {
	each(t, func(h *house) {
		p := h.ask(h.method(h.shop(merchant.Sandbox, 100_00), 0, "sandbox"), 10_00)
		m := payout.Move{ID: id.New(h.clock), Merchant: p.Merchant, Payout: p.ID, Action: payout.Process, Right: payout.OfRail}
		first, err := h.Move(ctx, m, nil)
		if err != nil {
			t.Fatal(err)
		}
		h.does(p, payout.Complete)
		if again, err := h.Move(ctx, m, nil); err != nil || again.Status != payout.Completed || again.Changes != first.Changes+1 {
			t.Errorf("%+v, %v", again, err)
		}
		if have := h.events(p); have != "payout.requested payout.processing payout.completed" {
			t.Errorf("events %s", have)
		}
	})
}

// A command without an id would look like one that was carried out, of a payout that nothing has moved yet.
func TestACommandWithoutAnIDIsNotTakenForOneThatWasCarriedOut(t *testing.T) {
	each(t, func(h *house) {
		p := h.ask(h.method(h.shop(merchant.Sandbox, 100_00), 0, "sandbox"), 10_00)
		move := payout.Move{ID: id.New(h.clock), Merchant: p.Merchant, Payout: p.ID, Action: payout.Process, Right: payout.OfRail, At: h.clock.Now()}
		nameless, timeless := move, move
		nameless.ID, timeless.At = "", time.Time{}
		for _, m := range []payout.Move{nameless, timeless} {
			err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				_, err := h.MoveIn(ctx, tx, []payout.Move{move, m})
				return err
			})
			wants(t, err, fault.Bug)
		}
		asked := payout.New{Owner: p.Owner, ID: p.ID, Method: 1}
		err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			_, err := h.RequestIn(ctx, tx, []payout.New{asked})
			return err
		})
		wants(t, err, fault.Bug)
		if now, err := h.Get(ctx, p.Merchant, p.ID); err != nil || now != p {
			t.Errorf("%+v, %v", now, err)
		}
	})
}

func TestPayoutsAreFoundByWhateverNamesThem(t *testing.T) {
	each(t, func(h *house) {
		method := h.method(h.shop(merchant.Sandbox, 1000_00), 0, "sandbox")
		n := h.asking(method, 10_00)
		n.Number, n.Reference = "ATPAY1", "WD1"
		p, err := h.Request(ctx, n, nil)
		if err != nil {
			t.Fatal(err)
		}
		other := h.ask(method, 10_00)
		found, err := h.Find(ctx, p.Merchant, "aspay", []string{"WD1", "ATPAY1", "none"})
		if err != nil || len(found) != 2 || found["WD1"] != p || found["ATPAY1"] != p {
			t.Errorf("%v, %v", found, err)
		}
		for _, text := range []string{p.ID, "WD1", "ATPAY1"} {
			if list, err := h.Meanings(ctx, p.Merchant, text, []string{"aspay", "native"}); err != nil || len(list) != 1 || list[0] != p {
				t.Errorf("%s: %v, %v", text, list, err)
			}
		}
		if _, err := h.ByNumber(ctx, "another", "aspay", "ATPAY1"); !fault.Has(err, fault.PayoutMissing) {
			t.Error(err)
		}
		if q, err := h.ByReference(ctx, p.Merchant, "aspay", "WD1"); err != nil || q != p {
			t.Error(q, err)
		}
		list, err := h.List(ctx, payout.Query{Merchant: p.Merchant, Status: payout.Pending, Limit: 10})
		if err != nil || len(list) != 2 || list[0] != other || list[1] != p {
			t.Errorf("%v, %v", list, err)
		}
		if list, err = h.List(ctx, payout.Query{Merchant: p.Merchant, After: p.ID, Limit: 10}); err != nil || len(list) != 1 || list[0] != other {
			t.Errorf("%v, %v", list, err)
		}
	})
}

// Who asks for something that cannot be told gets the same answer for good, whatever the text has come to mean since.
func TestAMoveOfWhatCannotBeToldIsRefusedAndThatIsKept(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 1000_00)
		p := h.ask(h.method(m, 0, "sandbox"), 10_00)
		key := &store.Key{Door: "native", Key: "k", Hash: "h"}
		refused := fault.New(fault.TargetAmbiguous).On("target").With("candidates", "1,2")
		_, err := h.Move(ctx, payout.Move{Merchant: m.Owner, Action: payout.Process, Right: payout.OfRail, Refused: refused}, key)
		wants(t, err, fault.TargetAmbiguous)
		_, err = h.Move(ctx, payout.Move{Merchant: m.Owner, Payout: p.ID, Action: payout.Process, Right: payout.OfRail}, key)
		wants(t, err, fault.TargetAmbiguous)
		if f := fault.First(err); f.Field != "target" || f.Params["candidates"] != "1,2" {
			t.Errorf("kept as %v", f)
		}
		_, err = h.Move(ctx, payout.Move{Merchant: m.Owner, Payout: p.ID, Action: payout.Process, Right: payout.OfRail, Refused: refused}, nil)
		wants(t, err, fault.TargetAmbiguous)
		if now, err := h.Get(ctx, m.Owner, p.ID); err != nil || now != p {
			t.Errorf("it is %+v, %v", now, err)
		}
		h.proved()
	})
}
