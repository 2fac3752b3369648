package main

import (
	"fmt"
	"testing"

	"sarraf/event"
	"sarraf/internal/crashtest"
	"sarraf/internal/storetest"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/store"
)

// payroll is what a test knows of a house whose batches of payouts are made by a program that is killed: it hands them in past the program, and
// reads them.
type payroll struct {
	db      *store.DB
	log     *event.Log
	payouts *payout.Service
	method  payout.Method
	list    []payout.Batch
}

// payrollLines is how many lines a batch has: more than a few slices. Each hundredth is of no method, and is refused.
const payrollLines = 1300

// payrollFunds are in the merchant's balance at first: enough for some batches, and not for all of them.
const payrollFunds = 8 * payrollLines * 10_00

func newPayroll(t *testing.T, dsn string, s secrets) *payroll {
	t.Helper()
	db, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	keys, _, err := s.keys()
	if err != nil {
		t.Fatal(err)
	}
	p := &payroll{db: db, log: event.NewLog(db)}
	merchants, by := merchant.NewService(db, p.log, keys), merchant.Actor{Name: "test", Source: "test"}
	p.payouts = payout.NewService(payout.Deps{DB: db, Log: p.log, Merchants: merchants})
	t.Cleanup(func() { p.payouts.Close(); _ = db.Close() })
	m, err := merchants.Create(t.Context(), by, merchant.Merchant{Name: "Mill", Mode: merchant.Sandbox, Currencies: []money.Currency{money.BDT}})
	if err == nil {
		err = merchants.Fund(t.Context(), by, m.Owner, "opening", money.Of(payrollFunds, money.BDT))
	}
	if err == nil {
		p.method, err = p.payouts.SetMethod(t.Context(), by, payout.Method{Owner: m.Owner, Kind: "bkash", Min: 1, Rail: payout.Sandbox})
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *payroll) undone(t *testing.T) (batches, decided int64) {
	t.Helper()
	for n, b := range p.list {
		if b.Status != payout.BatchDone {
			now, err := p.payouts.Batch(t.Context(), b.Owner, b.ID)
			if err != nil {
				t.Fatal(err)
			}
			if p.list[n] = now; now.Status != payout.BatchDone {
				batches++
			}
		}
		decided += p.list[n].Made + p.list[n].Errored
	}
	return batches, decided
}

func (p *payroll) fill(t *testing.T) {
	t.Helper()
	have, _ := p.undone(t)
	for range underWay - have {
		lines := make([]payout.New, payrollLines)
		for n := range lines {
			lines[n] = payout.New{
				Method: p.method.Number, Amount: money.Of(10_00, money.BDT), RecipientName: fmt.Sprint("Worker ", n), Account: "01712345678",
				Reference: fmt.Sprintf("%d/%d", len(p.list), n+1),
			}
			if n%100 == 99 {
				lines[n].Method = 99
			}
		}
		b, err := p.payouts.CreateBatch(t.Context(), p.method.Owner, merchant.Actor{Name: "maker", Source: "test"}, payout.NewBatch{Door: "native", Lines: lines}, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.list = append(p.list, b)
	}
}

func (p *payroll) check(t *testing.T) {
	t.Helper()
	told := map[string]string{}
	for after, more := int64(0), true; more; {
		list, err := p.log.List(t.Context(), p.method.Owner, event.Page{After: after, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if after = e.Seq; e.Kind == payout.BatchEventKind {
				told[e.Subject] += string(e.Type) + " "
			}
		}
		more = len(list) > 0
	}
	made := int64(0)
	for _, b := range p.list {
		if made += b.Made; b.Made+b.Errored != payrollLines || b.Errored < payrollLines/100 {
			t.Errorf("%d lines made and %d errored", b.Made, b.Errored)
		}
		if told[b.ID] != "payout_batch.created payout_batch.done " {
			t.Errorf("a batch is told as %s", told[b.ID])
		}
	}
	f, err := ledger.Read(t.Context(), p.db, ledger.Account{Owner: p.method.Owner, Currency: money.BDT, Kind: ledger.Balance})
	if err != nil || made != payrollFunds/10_00 || f.Available() != 0 || f.Balance() != payrollFunds {
		t.Errorf("%d payouts were made, and %d of %d are left, %v", made, f.Available(), f.Balance(), err)
	}
}

func TestAKilledProgramLosesAndDoublesNoPayoutOfABatch(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			s, dsn := fresh(), storetest.URL(t, engine)
			secrets := []string{"SARRAF_KEY=" + s.Key, "SARRAF_SEAL_KEY=" + s.SealKey}
			if _, err := crashtest.Run(t, secrets, "migrate", "--database", dsn); err != nil {
				t.Fatal(err)
			}
			killedAt(t, dsn, newPayroll(t, dsn, s), crashtest.Serve(t, dsn, secrets))
		})
	}
}
