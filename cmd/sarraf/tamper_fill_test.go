package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/wallet"
)

// fillWallets adds wallets that sent each other money, paid a merchant's, and were topped up.
func (b *books) fillWallets(t *testing.T, log *event.Log, keys *keyring.Keyring, owner string) {
	t.Helper()
	ctx, by := t.Context(), merchant.Actor{Name: "test", Source: "test"}
	wallets := wallet.NewService(b.db, log, keys)
	t.Cleanup(wallets.Close)
	var list []wallet.Wallet
	for i, kind := range []wallet.Kind{wallet.Consumer, wallet.Consumer, wallet.Merchant} {
		n := wallet.New{PIN: "1234", Wallet: wallet.Wallet{
			Kind: kind, Name: "W", Number: fmt.Sprint("+880171234567", i), Status: wallet.Approved, Sandbox: true, Currencies: []money.Currency{"BDT"}, Zone: "Asia/Dhaka",
		}}
		if kind == wallet.Merchant {
			n.Merchant = owner
		}
		w, err := wallets.Create(ctx, by, n, nil)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, w)
	}
	number := func() string {
		n, err := wallets.NextNumber(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for i := range 2 {
		_, err := wallets.TopUp(ctx, wallet.TopUpNew{
			ID: id.New(b.clock), Number: number(), Door: "command", Wallet: list[0].Owner, Amount: money.Of(1000_00, "BDT"), Rail: wallet.OperatorRail,
			Reference: fmt.Sprint("t", i), By: wallet.Operator, Actor: "test",
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		pin := "1234"
		for _, to := range list[1:] {
			b.clock.Advance(time.Second)
			_, err := wallets.Spend(ctx, wallet.Spend{
				ID: id.New(b.clock), Number: number(), Door: "deshipay", Sender: list[0].Owner, Receiver: to.Owner, Amount: money.Of(10_00, "BDT"), Note: fmt.Sprint("n", i),
				PIN: &pin, Once: true,
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// fillPayouts adds payouts in every status.
func (b *books) fillPayouts(t *testing.T, log *event.Log, merchants *merchant.Service, owner string) {
	t.Helper()
	ctx, by := t.Context(), merchant.Actor{Name: "test", Source: "test"}
	payouts := payout.NewService(payout.Deps{DB: b.db, Log: log, Merchants: merchants})
	t.Cleanup(payouts.Close)
	method, err := payouts.SetMethod(ctx, by, payout.Method{Owner: owner, Kind: "bkash", Min: 1, Fee: money.Schedule{Flat: 1}, Rail: payout.Sandbox})
	if err != nil {
		t.Fatal(err)
	}
	for i, way := range [][]payout.Action{
		{}, {payout.Complete}, {payout.Process}, {payout.Process, payout.Doubt}, {payout.Reject}, {payout.Cancel}, {payout.Process, payout.Doubt, payout.Complete},
	} {
		b.clock.Advance(time.Second)
		p, err := payouts.Request(ctx, payout.New{
			Owner: owner, ID: id.New(b.clock), Door: "aspay", Number: fmt.Sprintf("ATPAY%014d", i), Reference: fmt.Sprint("W", i),
			Method: method.Number, Amount: money.Of(10, "BDT"), RecipientName: "P", Account: "01712345678", Description: "D", WebhookURL: "https://w", AskedBy: by,
		}, nil)
		for _, a := range way {
			b.clock.Advance(time.Second)
			if err == nil {
				p, err = payouts.Move(ctx, payout.Move{
					Merchant: owner, Payout: p.ID, Action: a, Right: payout.OfRail, Reason: "r", RailReference: "t",
				}, nil)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b.fillBatches(t, payouts, method)
}

// fillBatches adds batches of payouts: one with a line that is refused, one that waits, and one that is done.
func (b *books) fillBatches(t *testing.T, s *payout.Service, m payout.Method) {
	t.Helper()
	for n, work := range []bool{true, false, true} {
		b.clock.Advance(time.Second)
		lines := make([]payout.New, 2)
		for i := range lines {
			lines[i] = payout.New{
				Method: m.Number, Amount: money.Of(10, "BDT"), RecipientName: "P", Account: "01712345678", Reference: fmt.Sprint("B", n, i), Description: "D",
			}
		}
		if n == 0 {
			lines[1].Method = 99
		}
		list, err := s.CreateBatch(t.Context(), m.Owner, merchant.Actor{Name: "test", Source: "test"}, payout.NewBatch{
			Door: "native", Reference: fmt.Sprint("B", n), Name: "N", Lines: lines,
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(time.Second)
		if !work {
			continue
		}
		if done, err := s.WorkBatch(t.Context(), m.Owner, list.ID); err != nil || !done {
			t.Fatal(done, err)
		}
	}
}

// fillWithdrawals adds withdrawals from a wallet: one that is under way, one that went out, and two that came back.
func (b *books) fillWithdrawals(t *testing.T, log *event.Log, keys *keyring.Keyring, merchants *merchant.Service, owner string) {
	t.Helper()
	ctx, by := t.Context(), merchant.Actor{Name: "test", Source: "test"}
	wallets := wallet.NewService(b.db, log, keys)
	payouts := payout.NewService(payout.Deps{DB: b.db, Log: log, Merchants: merchants})
	payouts.SetWallets(wallets)
	t.Cleanup(func() {
		payouts.Close()
		wallets.Close()
	})
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w, err := wallets.Create(ctx, by, wallet.New{Wallet: wallet.Wallet{
		Kind: wallet.Merchant, Merchant: owner, Name: "S", Status: wallet.Approved, Sandbox: true, Currencies: []money.Currency{"BDT"}, Zone: "Asia/Dhaka",
	}}, nil)
	ok(err)
	ok(wallets.SetRule(ctx, by, w.Owner, "BDT", wallet.Withdrawal, &wallet.Rule{Fee: money.Schedule{Flat: 3}}))
	_, err = wallets.TopUp(ctx, wallet.TopUpNew{
		ID: id.New(b.clock), Door: "command", Wallet: w.Owner, Amount: money.Of(1000, "BDT"), Rail: wallet.OperatorRail, Reference: "s", By: wallet.Operator, Actor: "test",
	}, nil)
	ok(err)
	methods, err := payouts.Methods(ctx, owner)
	ok(err)
	for i, way := range [][]payout.Action{{}, {payout.Complete}, {payout.Reject}, {payout.Process, payout.Doubt, payout.Reject}} {
		b.clock.Advance(time.Second)
		p, err := payouts.Withdraw(ctx, payout.Withdrawal{
			New: payout.New{
				Owner: w.Owner, Door: "native", Reference: fmt.Sprint("X", i), Method: methods[0].Number, Amount: money.Of(10, "BDT"), RecipientName: "P",
				Account: "01712345678", Description: "D", AskedBy: by,
			},
			Spend: wallet.Spend{By: wallet.MerchantKey, Merchant: owner, Actor: "key"},
		}, nil)
		ok(err)
		for _, a := range way {
			b.clock.Advance(time.Second)
			_, err = payouts.Move(ctx, payout.Move{Merchant: owner, Payout: p.ID, Action: a, Right: payout.OfRail, Reason: "r"}, nil)
			ok(err)
		}
	}
}

// fillDesk adds payouts of a live merchant that people carry out, two sheets with them, and the banks' answers about them.
func (b *books) fillDesk(t *testing.T, log *event.Log, merchants *merchant.Service) {
	t.Helper()
	ctx, by := t.Context(), merchant.Actor{Name: "test", Source: "test"}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	m, err := merchants.Create(ctx, by, merchant.Merchant{Name: "L", Mode: merchant.Live, Currencies: []money.Currency{"BDT"}})
	ok(err)
	ok(merchants.Fund(ctx, by, m.Owner, "f1", money.Of(5000, "BDT")))
	payouts := payout.NewService(payout.Deps{DB: b.db, Log: log, Merchants: merchants})
	t.Cleanup(payouts.Close)
	method, err := payouts.SetMethod(ctx, by, payout.Method{Owner: m.Owner, Kind: "nagad", Min: 1, Rail: payout.Manual})
	ok(err)
	for i := range 2 {
		for range 4 {
			b.clock.Advance(time.Second)
			_, err := payouts.Request(ctx, payout.New{
				Owner: m.Owner, ID: id.New(b.clock), Method: method.Number, Amount: money.Of(10, "BDT"), RecipientName: "P", Account: "01712345678", AskedBy: by,
			}, nil)
			ok(err)
		}
		sheet, err := payouts.Export(ctx, by, payout.ExportOptions{Currency: "BDT", Most: 3})
		ok(err)
		b.clock.Advance(time.Second)
		file := fmt.Sprintf("row,result,amount,bank_reference\n%s,paid,0.10,B1\n%s,failed,0.10,\n", sheet.RowName(1), sheet.RowName(2))
		_, err = payouts.ImportAnswers(ctx, by, fmt.Sprint("f", i), strings.NewReader(file), payout.AnswerOptions{})
		ok(err)
	}
}
