package payment_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/audittest"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
)

// biller is a house whose banks pay bills.
type biller struct {
	*house
	*payment.Biller
	references int
}

func billing(t testing.TB, h *house) *biller {
	t.Helper()
	if err := h.invoices.SetPSIDPrefix("999900"); err != nil {
		t.Fatal(err)
	}
	return &biller{house: h, Biller: payment.NewBiller(h.Service, h.invoices, h.merchants)}
}

// school makes a merchant that is paid in PKR.
func (b *biller) school(t testing.TB) merchant.Merchant {
	t.Helper()
	m, err := b.merchants.Create(ctx, by, merchant.Merchant{Name: "School", Mode: merchant.Sandbox, Currencies: []money.Currency{money.PKR}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// issue makes a bill over 50.00, or 55.00 from an hour on; a dynamic one expires then.
func (b *biller) issue(t testing.TB, owner, payer string, kind invoice.Kind) invoice.Invoice {
	t.Helper()
	key := id.New(b.clock)
	inv := invoice.Invoice{
		Owner: owner, ID: key, Door: "asaanbill", Number: strings.ReplaceAll(key, "-", "")[:20], Kind: kind, Payer: payer, Title: "Zoë",
		Amount: 5000, Currency: money.PKR,
	}
	switch kind {
	case invoice.Bill:
		inv.LateAmount, inv.LateFrom = 5500, b.clock.Now().Add(time.Hour)
	case invoice.Dynamic:
		inv.ExpiresAt = b.clock.Now().Add(time.Hour)
	case invoice.Static:
		inv.Amount = 0
	}
	made, err := b.invoices.CreateBill(ctx, invoice.NewBill{Invoice: inv}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return made.Invoice
}

// pays is a bank's payment of the bill, by now, under a reference of its own.
func (b *biller) pays(inv invoice.Invoice, minor int64) rail.BillPayment {
	b.references++
	return rail.BillPayment{
		Rail: "billpay", Reference: fmt.Sprint("bank/", b.references), PSID: inv.PSID, Amount: money.Of(minor, money.PKR),
		At: b.clock.Now(), Sandbox: true,
	}
}

func (b *biller) mustPay(t testing.TB, p rail.BillPayment) rail.BillReceipt {
	t.Helper()
	r, err := b.PayBill(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func refused(t testing.TB, err error, code fault.Code, status invoice.Status) {
	t.Helper()
	f := fault.First(err)
	if f == nil || f.Code != code || status != "" && f.Params["status"] != string(status) {
		t.Helper()
		t.Errorf("%v, want %s %s", err, code, status)
	}
}

func TestBankPaysABillOnceAndAsksAgain(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := billing(t, h)
		owner := b.school(t).Owner
		bill := b.issue(t, owner, "FS-1", invoice.Bill)
		shown, err := b.Bill(ctx, bill.PSID)
		want := rail.Bill{
			PSID: bill.PSID, Title: "Zoë", Sandbox: true, State: rail.BillOpen, Amount: money.Of(5000, money.PKR),
			LateAmount: money.Of(5500, money.PKR), LateFrom: bill.LateFrom,
		}
		if d := cmp.Diff(want, shown); err != nil || d != "" {
			t.Fatal(err, d)
		}
		p := b.pays(bill, 5000)
		first := b.mustPay(t, p)
		if len(first.Number) != 12 || first.Replay {
			t.Fatalf("%+v", first)
		}
		again := b.mustPay(t, p)
		if again.Number != first.Number || !again.Replay {
			t.Fatalf("again: %+v after %+v", again, first)
		}
		_, err = b.PayBill(ctx, b.pays(bill, 5000))
		refused(t, err, fault.InvoiceClosed, invoice.Paid)
		_, err = b.PayBill(ctx, b.pays(bill, 0))
		refused(t, err, fault.InvoiceClosed, invoice.Paid)
		shown, err = b.Bill(ctx, bill.PSID)
		if err != nil || shown.State != rail.BillPaid || shown.PaidAmount.Minor != 5000 || shown.PaidReference != p.Reference {
			t.Fatalf("%+v, %v", shown, err)
		}
		// The payer's next bill has the PSID by now: the old payment is still the old payment.
		next := b.issue(t, owner, "FS-1", invoice.Bill)
		if again = b.mustPay(t, p); again.Number != first.Number || !again.Replay || next.PSID != bill.PSID {
			t.Fatalf("after a newer bill: %+v", again)
		}
		if shown, err = b.Bill(ctx, bill.PSID); err != nil || shown.State != rail.BillOpen {
			t.Fatalf("%+v, %v", shown, err)
		}
		if d := cmp.Diff(map[string]int64{"PKR/balance": 5000, "PKR/clearing/billpay": -5000}, b.balances(t, owner)); d != "" {
			t.Fatal(d)
		}
		b.clean(t)
	})
}

func TestBankIsToldWhyABillCannotBePaid(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := billing(t, h)
		m := b.school(t)
		bill, code := b.issue(t, m.Owner, "FS-1", invoice.Bill), b.issue(t, m.Owner, "FS-2", invoice.Dynamic)
		attempt := func(p rail.BillPayment, want fault.Code, status invoice.Status) {
			t.Helper()
			_, err := b.PayBill(ctx, p)
			refused(t, err, want, status)
		}
		for _, minor := range []int64{4999, 5001, 5500} {
			attempt(b.pays(bill, minor), fault.AmountMismatch, "")
		}
		attempt(b.pays(bill, 0), fault.AmountNotPositive, "")
		live := b.pays(bill, 5000)
		live.Sandbox = false
		attempt(live, fault.InvoiceMissing, "")
		nobodys := b.pays(bill, 5000)
		nobodys.PSID = "999900000000000000009999"
		attempt(nobodys, fault.InvoiceMissing, "")
		if _, err := b.Bill(ctx, nobodys.PSID); !fault.Has(err, fault.InvoiceMissing) {
			t.Errorf("of nobody: %v", err)
		}
		// A refused payment leaves no trace: the same reference may be judged afresh.
		p := b.pays(bill, 5500)
		attempt(p, fault.AmountMismatch, "")
		b.clock.Advance(time.Hour)
		p.At = b.clock.Now()
		if r := b.mustPay(t, p); r.Replay {
			t.Error("a refused payment was recorded")
		}
		attempt(b.pays(code, 5000), fault.InvoiceClosed, invoice.Expired) // nobody has come by to expire it
		if shown, err := b.Bill(ctx, code.PSID); err != nil || shown.State != rail.BillClosed {
			t.Errorf("%+v, %v", shown, err)
		}
		if _, err := b.invoices.ExpireDue(ctx); err != nil {
			t.Fatal(err)
		}
		attempt(b.pays(code, 5000), fault.InvoiceClosed, invoice.Expired)
		// Whose merchant is shut out.
		last := b.issue(t, m.Owner, "FS-3", invoice.Bill)
		m.Settings.Disabled = true
		if err := b.merchants.Change(ctx, by, m); err != nil {
			t.Fatal(err)
		}
		attempt(b.pays(last, 5000), fault.PermissionMissing, "")
		if shown, err := b.Bill(ctx, last.PSID); err != nil || shown.State != rail.BillBlocked {
			t.Errorf("%+v, %v", shown, err)
		}
		if r := b.mustPay(t, p); !r.Replay {
			t.Error("what was paid before was judged anew")
		}
		b.clean(t)
	})
}

func TestAmountIsJudgedByTheMomentOfThePayment(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := billing(t, h)
		owner := b.school(t).Owner
		early, late := b.issue(t, owner, "FS-1", invoice.Bill), b.issue(t, owner, "FS-2", invoice.Bill)
		b.clock.Advance(time.Hour + time.Minute)
		p := b.pays(early, 5000)
		p.At = early.LateFrom.Add(-time.Microsecond)
		b.mustPay(t, p)
		p = b.pays(late, 5000)
		p.At = late.LateFrom
		_, err := b.PayBill(ctx, p)
		refused(t, err, fault.AmountMismatch, "")
		p.Amount.Minor = 5500
		b.mustPay(t, p)
		if got, err := b.invoices.Get(ctx, owner, late.ID); err != nil || got.Status != invoice.Paid || got.Paid != 5500 {
			t.Fatalf("%+v, %v", got, err)
		}
		b.clean(t)
	})
}

func TestStaticCodeIsPaidAgainAndAgain(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := billing(t, h)
		owner := b.school(t).Owner
		code := b.issue(t, owner, "tuck-shop", invoice.Static)
		shown, err := b.Bill(ctx, code.PSID)
		if err != nil || !shown.AnyAmount || shown.State != rail.BillOpen || !shown.Amount.IsZero() {
			t.Fatalf("%+v, %v", shown, err)
		}
		var sum int64
		for i := range int64(5) {
			sum += i + 1
			b.mustPay(t, b.pays(code, i+1))
		}
		_, err = b.PayBill(ctx, b.pays(code, 0))
		refused(t, err, fault.AmountNotPositive, "")
		whole, err := b.Settle(ctx, payment.Receipt{
			ID: id.New(b.clock), Owner: owner, Invoice: code.ID, Rail: "sandbox", Amount: money.Of(0, money.PKR), Whole: true, Outcome: rail.Accepted,
		}, nil)
		if err != nil || whole.Payment.Amount <= 0 || whole.Invoice.Status != invoice.Open {
			t.Fatalf("%+v, %v", whole, err)
		}
		got, err := b.invoices.Get(ctx, owner, code.ID)
		if err != nil || got.Status != invoice.Open || got.Paid != sum+whole.Payment.Amount || got.Changes != 6 {
			t.Fatalf("%+v, %v", got, err)
		}
		list, err := b.OfMany(ctx, owner, []string{code.ID, "none"})
		if err != nil || len(list) != 1 || len(list[code.ID]) != 6 || list[code.ID][0].Amount != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		received := 0
		for _, e := range b.events(t, owner, 0) {
			if e.Type == invoice.EventReceived {
				received++
			}
		}
		if received != 6 {
			t.Fatalf("told of %d receipts", received)
		}
		b.clean(t)
	})
}

func TestFailedAttemptLeavesABillOpen(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := billing(t, h)
		bill := b.issue(t, b.school(t).Owner, "FS-1", invoice.Bill)
		got, err := b.Settle(ctx, payment.Receipt{
			ID: id.New(b.clock), Owner: bill.Owner, Invoice: bill.ID, Rail: "sandbox", Amount: money.Of(0, money.PKR), Whole: true, Outcome: rail.Over,
			Reason: "no",
		}, nil)
		if err != nil || got.Payment.Status != payment.Failed || got.Invoice.Status != invoice.Open {
			t.Fatalf("%+v, %v", got, err)
		}
		b.mustPay(t, b.pays(bill, 5000))
		b.clean(t)
	})
}

func TestTwoBanksAtTheSameInstantPayABillOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		nodes := []*biller{billing(t, h), billing(t, h.second(t))}
		owner := nodes[0].school(t).Owner
		for round := range rounds {
			bill := nodes[round%2].issue(t, owner, fmt.Sprint("P", round), invoice.Bill)
			var got [4]rail.BillReceipt
			var errs [4]error
			ask := func(n int, reference string) func() {
				p := nodes[0].pays(bill, 5000)
				p.Reference = fmt.Sprint(reference, "/", round)
				return func() { got[n], errs[n] = nodes[n%2].PayBill(ctx, p) }
			}
			together(ask(0, "a"), ask(1, "a"), ask(2, "b"), ask(3, "b")) // each bank twice, over both nodes
			for one, other := range map[int]int{0: 2, 2: 0} {
				if errs[one] != nil {
					continue
				}
				if errs[one+1] != nil || got[one].Number != got[one+1].Number || got[one].Replay == got[one+1].Replay {
					t.Fatalf("the winner: %+v %v, %+v %v", got[one], errs[one], got[one+1], errs[one+1])
				}
				refused(t, errs[other], fault.InvoiceClosed, invoice.Paid)
				refused(t, errs[other+1], fault.InvoiceClosed, invoice.Paid)
			}
			if (errs[0] == nil) == (errs[2] == nil) {
				t.Fatalf("round %d: %v", round, errs)
			}
		}
		if d := cmp.Diff(map[string]int64{"PKR/balance": rounds * 5000, "PKR/clearing/billpay": -rounds * 5000}, nodes[0].balances(t, owner)); d != "" {
			t.Fatal(d)
		}
		nodes[0].clean(t)
	})
}

func TestPayingAndSupersedingAtTheSameInstantIsNeverBothAndNeverNeither(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		nodes := []*biller{billing(t, h), billing(t, h.second(t))}
		owner := nodes[0].school(t).Owner
		for round := range rounds {
			payer := fmt.Sprint("P", round)
			old := nodes[0].issue(t, owner, payer, invoice.Bill)
			var next invoice.Invoice
			var err error
			p := nodes[0].pays(old, 5000)
			together(
				func() { next = nodes[round%2].issue(t, owner, payer, invoice.Bill) },
				func() { _, err = nodes[(round+1)%2].PayBill(ctx, p) },
			)
			if err != nil {
				t.Fatalf("neither: %v", err) // the amounts are equal: whichever is open is paid
			}
			was, e1 := h.invoices.Get(ctx, owner, old.ID)
			is, e2 := h.invoices.Get(ctx, owner, next.ID)
			first := was.Status == invoice.Paid && is.Status == invoice.Open
			second := was.Status == invoice.Superseded && is.Status == invoice.Paid
			if e1 != nil || e2 != nil || first == second {
				t.Fatalf("%s and %s, %v, %v", was.Status, is.Status, e1, e2)
			}
		}
		nodes[0].clean(t)
	})
}

func TestMoneyForASupersededBillIsSetAside(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := billing(t, h)
		owner := b.school(t).Owner
		old := b.issue(t, owner, "P", invoice.Bill)
		b.issue(t, owner, "P", invoice.Bill)
		got, err := b.Settle(ctx, payment.Receipt{
			ID: id.New(b.clock), Owner: owner, Invoice: old.ID, Rail: "raast", Amount: money.Of(5000, money.PKR), Outcome: rail.Accepted,
		}, nil)
		if err != nil || got.Payment.Unapplied != 5000 || got.Payment.Reason != "the invoice was superseded" || got.Invoice.Status != invoice.Superseded {
			t.Fatalf("%+v, %v", got, err)
		}
		want := []event.Type{invoice.EventCreated, invoice.EventSuperseded, invoice.EventCreated, payment.EventUnapplied}
		var types []event.Type
		for _, e := range b.events(t, owner, 0) {
			types = append(types, e.Type)
		}
		if d := cmp.Diff(want, types); d != "" {
			t.Fatal(d)
		}
		b.clean(t)
	})
}

func TestAuditNamesEveryEditOfAReceipt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := billing(t, h)
		owner := b.school(t).Owner
		for _, kind := range []invoice.Kind{invoice.Bill, invoice.Static} {
			b.mustPay(t, b.pays(b.issue(t, owner, "P"+string(kind), kind), 5000))
		}
		audittest.Walk(t, b.db, payment.Audit, audittest.Table{Name: "payment", Key: []string{"owner", "id"}, Fresh: []string{"rail_reference"}})
	})
}
