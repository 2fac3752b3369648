package payout_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/store"
	"sarraf/wallet"
)

// crowd runs fn in so many goroutines at once and waits for them.
func crowd(n int, fn func(g int)) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for g := range n {
		wg.Go(func() {
			<-begin
			fn(g)
		})
	}
	close(begin)
	wg.Wait()
}

// 200 at once, on two nodes, withdraw and spend from one wallet that has enough for some of them: exactly what was there goes out.
func TestWithdrawingAndSpendingAtOnceTakesWhatIsThere(t *testing.T) {
	each(t, func(h *house) {
		h.withdrawalFee(1_00)
		free := wallet.Rule{Fee: money.Schedule{Flat: 1_00}}
		if err := h.wallets.SetRule(ctx, alice, "", "BDT", wallet.Send, &free); err != nil {
			t.Fatal(err)
		}
		m := h.shop(merchant.Sandbox, 0)
		method := h.method(m, 0, payout.Sandbox)
		nodes := []*house{h, h.second()}
		const each, fit = 11_00, 150 // so that of either half some are not too late
		w, friend := h.purse(m.Owner, fit*each+10_99), h.purse(m.Owner, 0)
		var withdrawn, sent, refused atomic.Int64
		crowd(200, func(g int) {
			node := nodes[g%2]
			var err error
			count := &withdrawn
			if g%4 < 2 {
				_, err = node.Withdraw(ctx, node.withdrawing(w, method, 10_00), nil)
			} else {
				count = &sent
				pin := "1234"
				_, err = node.wallets.Spend(ctx, wallet.Spend{
					ID: id.New(h.clock), Door: "native", Sender: w.Owner, Receiver: friend.Owner, Amount: money.Of(10_00, "BDT"), PIN: &pin,
				}, nil)
			}
			switch {
			case err == nil:
				count.Add(1)
			case fault.Has(err, fault.BalanceInsufficient):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
		if withdrawn.Load()+sent.Load() != fit || refused.Load() != 200-fit || withdrawn.Load() == 0 || sent.Load() == 0 {
			t.Errorf("%d withdrew, %d sent, %d were refused", withdrawn.Load(), sent.Load(), refused.Load())
		}
		h.has(w, 10_99, withdrawn.Load()*each, sent.Load()*1_00, 0)
		h.has(friend, sent.Load()*10_00, 0, 0, 0)
	})
}

// Each withdrawal is completed and rejected at the same instant on two nodes, while others of the wallet are asked for: one wins, and the money
// is where that one says.
func TestAWithdrawalThatIsCompletedAndRejectedAtOnceEndsOnce(t *testing.T) {
	each(t, func(h *house) {
		h.withdrawalFee(1_00)
		m := h.shop(merchant.Sandbox, 0)
		method := h.method(m, 0, payout.Sandbox)
		nodes := []*house{h, h.second()}
		const rounds = 100
		w := h.purse(m.Owner, 2*rounds*11_00)
		var completed, back atomic.Int64
		slots := make(chan struct{}, 16)
		crowd(rounds, func(g int) {
			slots <- struct{}{}
			defer func() { <-slots }()
			p, err := nodes[g%2].Withdraw(ctx, h.withdrawing(w, method, 10_00), nil)
			if err != nil {
				t.Error(err)
				return
			}
			actions := []payout.Action{payout.Complete, []payout.Action{payout.Reject, payout.Cancel}[g%2]}
			errs := make([]error, 3)
			crowd(3, func(k int) {
				if k == 2 {
					_, errs[k] = nodes[(g+1)%2].Withdraw(ctx, h.withdrawing(w, method, 10_00), nil)
					return
				}
				_, errs[k] = nodes[(g+k)%2].Move(ctx, payout.Move{Merchant: m.Owner, Payout: p.ID, Action: actions[k], Right: payout.OfRail}, nil)
			})
			switch {
			case errs[2] != nil, (errs[0] == nil) == (errs[1] == nil):
				t.Errorf("%v", errs)
			case errs[0] == nil:
				wants(t, errs[1], fault.PayoutClosed)
				completed.Add(1)
			default:
				wants(t, errs[0], fault.PayoutClosed)
				back.Add(1)
			}
		})
		if completed.Load()+back.Load() != rounds {
			t.Errorf("%d were completed, %d came back", completed.Load(), back.Load())
		}
		h.has(w, (rounds-completed.Load())*11_00, rounds*11_00, completed.Load()*1_00, completed.Load()*10_00)
	})
}

func TestAWithdrawalSentManyTimesAtOnceIsMadeOnce(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Sandbox, 0)
		method := h.method(m, 0, payout.Sandbox)
		nodes := []*house{h, h.second()}
		for round := range 5 {
			w := h.purse(m.Owner, 1000_00)
			a, key := h.withdrawing(w, method, 10_00), (*store.Key)(nil)
			if round%2 == 1 {
				key = &store.Key{Door: "native", Key: fmt.Sprint("k", round), Hash: "h"}
			}
			var first atomic.Pointer[payout.Payout]
			crowd(40, func(g int) {
				p, err := nodes[g%2].Withdraw(ctx, a, key)
				if err != nil {
					t.Error(err)
				}
				if !first.CompareAndSwap(nil, &p) && *first.Load() != p {
					t.Errorf("%+v and %+v", *first.Load(), p)
				}
			})
			h.has(w, 990_00, 10_00, 0, 0)
		}
	})
}

// Every table that a withdrawal, its end or its return writes refuses once: nothing of it is done then, and all of it when it comes again.
func TestAWithdrawalThatIsAbortedAtAnyStepIsNotThere(t *testing.T) {
	each(t, func(h *house) {
		h.withdrawalFee(1_00)
		m := h.shop(merchant.Sandbox, 0)
		method := h.method(m, 0, payout.Sandbox)
		w := h.purse(m.Owner, 1000_00)
		tables := []string{"wallet_transfer", "wallet_state", "payout", "hold", "hold_step", "entry", "account", "event"}
		for i, table := range tables {
			a := h.withdrawing(w, method, 10_00)
			before := h.rows(w)
			whole := h.breaks(table)
			if p, err := h.Withdraw(ctx, a, nil); err == nil || fault.IsDecision(err) {
				t.Errorf("%s: %+v, %v", table, p, err)
			}
			if now := h.rows(w); now != before {
				t.Errorf("%s: left %s, and there was %s", table, now, before)
			}
			whole()
			p := h.withdraws(a)
			before = h.rows(w)
			move := payout.Move{ID: id.New(h.clock), Merchant: m.Owner, Payout: p.ID, Action: payout.Reject, Right: payout.OfRail}
			if i%3 == 0 {
				move.Action = payout.Complete
			}
			if move.Action == payout.Complete && (table == "wallet_transfer" || table == "wallet_state") {
				move.Action = payout.Cancel // the other does not touch them
			}
			whole = h.breaks(table)
			if _, err := h.Move(ctx, move, nil); err == nil || fault.IsDecision(err) {
				t.Errorf("%s: %s, %v", table, move.Action, err)
			}
			if now := h.rows(w); now != before {
				t.Errorf("%s: %s left %s, and there was %s", table, move.Action, now, before)
			}
			whole()
			if p, err := h.Move(ctx, move, nil); err != nil || !p.Status.Final() {
				t.Errorf("%s: %+v, %v", table, p, err)
			}
			h.proved()
		}
	})
}

// rows are how many rows there are of what a withdrawal writes, and the wallet's money and limits.
func (h *house) rows(w wallet.Wallet) (text string) {
	h.t.Helper()
	for _, table := range []string{"wallet_transfer", "payout", "hold", "hold_step", "entry", "event"} {
		err := h.db.Query(ctx, "SELECT COUNT(*) FROM "+table, nil, func(r store.Row) error {
			var n int64
			err := r.Scan(&n)
			text += fmt.Sprint(table, " ", n, ", ")
			return err
		})
		if err != nil {
			h.t.Fatal(err)
		}
	}
	list, err := ledger.ReadAll(ctx, h.db, w.Owner)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range list {
		text += fmt.Sprint(f.Kind, " ", f.Balance(), "/", f.Available(), ", ")
	}
	used, err := h.wallets.Used(ctx, w.Owner, "BDT")
	if err != nil {
		h.t.Fatal(err)
	}
	return text + fmt.Sprint(used[wallet.Withdrawal])
}

// breaks has the table take no rows until what it answers is called.
func (h *house) breaks(table string) (whole func()) {
	h.t.Helper()
	run := func(statements ...string) {
		for _, sql := range statements {
			err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.Exec(ctx, sql) })
			if err != nil {
				h.t.Fatal(err)
			}
		}
	}
	if h.db.Engine() == store.Postgres {
		run("ALTER TABLE " + table + " ADD CONSTRAINT broken CHECK (false) NOT VALID")
		return func() { run("ALTER TABLE " + table + " DROP CONSTRAINT broken") }
	}
	for _, what := range []string{"INSERT", "UPDATE"} {
		run("CREATE TRIGGER broken_" + what + " BEFORE " + what + " ON " + table + " BEGIN SELECT RAISE(ABORT, 'broken'); END")
	}
	return func() { run("DROP TRIGGER broken_INSERT", "DROP TRIGGER broken_UPDATE") }
}

func TestAWithdrawalWhoseCommitIsNotAnsweredIsMadeOnce(t *testing.T) {
	url, lose := pgtest.Lossy(t, storetest.URL(t, store.Postgres))
	c := clock.NewFake(start)
	h := open(t, storetest.Open(t, url, c), c)
	h.withdrawalFee(1_00)
	m := h.shop(merchant.Sandbox, 0)
	method := h.method(m, 0, payout.Sandbox)
	w := h.purse(m.Owner, 1000_00)
	for i, key := range []*store.Key{nil, {Door: "native", Key: "k", Hash: "h"}} {
		a := h.withdrawing(w, method, 10_00)
		lose()
		p, err := h.Withdraw(ctx, a, key)
		if err != nil {
			t.Fatal(err)
		}
		lose()
		action := []payout.Action{payout.Reject, payout.Complete}[i]
		if _, err := h.Move(ctx, payout.Move{Merchant: m.Owner, Payout: p.ID, Action: action, Right: payout.OfRail}, nil); err != nil {
			t.Fatal(err)
		}
	}
	h.has(w, 989_00, 0, 1_00, 10_00)
	h.proved()
}
