package invoice_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/audittest"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/money"
	"sarraf/qr"
	"sarraf/store"
)

// code is a QR account that is nobody's.
var code = &invoice.Code{
	Account: qr.PakistanAccount{Operator: "D15600000000", BIC: "DEMOPKKA", IBAN: "PK81DEMO0000001123456702"},
	Payee:   qr.Payee{Name: "DEMO MERCHANT", City: "Karachi", Category: "5411"},
}

// demand is a bill as a front door asks for it.
func (h *house) demand(owner, payer string, kind invoice.Kind) invoice.NewBill {
	key := id.New(h.clock)
	b := invoice.NewBill{Code: code, Invoice: invoice.Invoice{
		Owner: owner, ID: key, Door: "asaanbill", Number: strings.ReplaceAll(key, "-", "")[:20], Kind: kind, Payer: payer, Title: "Zoë", Amount: 5000,
		Currency: money.PKR, Extra: `{"k":"v"}`,
	}}
	switch kind {
	case invoice.Bill:
		b.Invoice.LateAmount, b.Invoice.LateFrom = 5500, start.Add(24*time.Hour)
	case invoice.Dynamic:
		b.Invoice.ExpiresAt = h.clock.Now().Add(time.Hour)
	case invoice.Static:
		b.Invoice.Amount = 0
	}
	return b
}

// issue makes a bill.
func (h *house) issue(t testing.TB, b invoice.NewBill) invoice.Invoice {
	t.Helper()
	made, err := h.CreateBill(ctx, b, nil)
	if err != nil || !made.Fresh {
		t.Fatalf("fresh %v, %v", made.Fresh, err)
	}
	return made.Invoice
}

// billing gives the house a prefix.
func (h *house) billing(t testing.TB) *house {
	t.Helper()
	if err := h.SetPSIDPrefix("999900"); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) status(t testing.TB, inv invoice.Invoice) invoice.Status {
	t.Helper()
	got, err := h.Get(ctx, inv.Owner, inv.ID)
	if err != nil {
		t.Fatal(err)
	}
	return got.Status
}

func TestBillHasAPSIDAndACodeThatNameIt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.billing(t)
		inv := h.issue(t, h.demand("shop", "FS-1", invoice.Bill))
		if !invoice.ValidPSID(inv.PSID) || !strings.HasPrefix(inv.PSID, "999900") {
			t.Fatalf("PSID %q", inv.PSID)
		}
		p, err := qr.Decode(inv.QR)
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]string{"01": inv.PSID, "05": inv.Number} {
			if got, _ := p.Find(qr.IDMore, path); got != want {
				t.Errorf("62-%s is %q, want %q", path, got, want)
			}
		}
		if got, _ := p.Find(qr.IDAmount); got != "50.00" {
			t.Errorf("amount %q", got)
		}
		for kind, want := range map[invoice.Kind]string{invoice.Bill: qr.Static, invoice.Static: qr.Static, invoice.Dynamic: qr.Dynamic} {
			p, err := qr.Decode(h.issue(t, h.demand("shop", "M-"+string(kind), kind)).QR)
			if got, _ := p.Find(qr.IDMethod); err != nil || got != want {
				t.Errorf("a %s code is %q, %v", kind, got, err)
			}
		}
		read, err := h.ByPSID(ctx, "shop", inv.PSID)
		if d := cmp.Diff(inv, read); err != nil || d != "" {
			t.Fatal(err, d)
		}
		if list, err := h.Meanings(ctx, "shop", inv.PSID, []string{"asaanbill"}); err != nil || len(list) != 1 || list[0].ID != inv.ID {
			t.Fatalf("the PSID means %v, %v", list, err)
		}
		if _, err := h.ByPSID(ctx, "other", inv.PSID); !fault.Has(err, fault.InvoiceMissing) {
			t.Fatalf("another owner: %v", err)
		}
		h.clean(t)
	})
}

func TestCodeOfABillThatIsLateFromTheStartAsksForTheLateAmount(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.billing(t)
		late := h.demand("shop", "FS-1", invoice.Bill)
		late.Invoice.LateFrom = start.Add(-24 * time.Hour)
		p, err := qr.Decode(h.issue(t, late).QR)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := p.Find(qr.IDAmount); got != "55.00" {
			t.Fatalf("amount %q", got)
		}
	})
}

func TestPayerKeepsThePSIDAndTheOpenBillIsSuperseded(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.billing(t)
		first := h.issue(t, h.demand("shop", "FS-1", invoice.Bill))
		second := h.issue(t, h.demand("shop", "FS-1", invoice.Bill))
		code := h.issue(t, h.demand("shop", "FS-1", invoice.Dynamic))
		if first.PSID != second.PSID || second.PSID != code.PSID {
			t.Fatalf("PSIDs %s, %s, %s", first.PSID, second.PSID, code.PSID)
		}
		if a, b, c := h.status(t, first), h.status(t, second), h.status(t, code); a != invoice.Superseded || b != invoice.Superseded || c != invoice.Open {
			t.Fatalf("%s, %s, %s", a, b, c)
		}
		if other := h.issue(t, h.demand("other", "FS-1", invoice.Bill)); other.PSID == first.PSID {
			t.Fatal("two merchants share a PSID")
		}
		want := []event.Type{invoice.EventCreated, invoice.EventSuperseded, invoice.EventCreated, invoice.EventSuperseded, invoice.EventCreated}
		if d := cmp.Diff(want, types(h.events(t, "shop"))); d != "" {
			t.Fatal(d)
		}
		h.clean(t)
	})
}

func TestStaticCodeAndBillsOfOneIdentifierLeaveEachOtherAlone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.billing(t)
		static := h.issue(t, h.demand("shop", "FS-1", invoice.Static))
		bill := h.issue(t, h.demand("shop", "FS-1", invoice.Bill))
		if static.PSID == bill.PSID || h.status(t, static) != invoice.Open || h.status(t, bill) != invoice.Open {
			t.Fatalf("%s %s, %s %s", static.PSID, h.status(t, static), bill.PSID, h.status(t, bill))
		}
		again := h.issue(t, h.demand("shop", "FS-1", invoice.Static))
		if again.PSID != static.PSID || h.status(t, static) != invoice.Superseded || h.status(t, bill) != invoice.Open {
			t.Fatalf("%s, %s, %s", again.PSID, h.status(t, static), h.status(t, bill))
		}
		h.clean(t)
	})
}

func TestBillThatHasEndedIsNotSuperseded(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.billing(t)
		for _, to := range []invoice.Status{invoice.Cancelled, invoice.Expired, invoice.Failed} {
			old := h.issue(t, h.demand("shop", "FS-1", invoice.Dynamic))
			if _, err := h.End(ctx, invoice.Ending{Owner: "shop", ID: old.ID, To: to}, nil); err != nil {
				t.Fatal(err)
			}
			h.issue(t, h.demand("shop", "FS-1", invoice.Bill))
			if got := h.status(t, old); got != to {
				t.Errorf("%s became %s", to, got)
			}
		}
		h.clean(t)
	})
}

func TestSliceOfBillsIsMadeInItsOrderAndOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.billing(t)
		var list []invoice.NewBill
		for i := range 700 { // more than one statement's worth, each payer several times
			list = append(list, h.demand("shop", fmt.Sprintf("P-%d", i*7919%300), invoice.Bill))
		}
		made := h.bills(t, list)
		if d := cmp.Diff(made, h.second(t).billing(t).bills(t, list), cmp.Comparer(func(a, b invoice.Created) bool {
			return a.Invoice.ID == b.Invoice.ID && a.Invoice.PSID == b.Invoice.PSID
		})); d != "" {
			t.Fatal("again:", d)
		}
		last := map[string]string{}
		for _, b := range list {
			last[b.Invoice.Payer] = b.Invoice.ID
		}
		open := 0
		for _, m := range made {
			want := invoice.Superseded
			if last[m.Invoice.Payer] == m.Invoice.ID {
				want, open = invoice.Open, open+1
			}
			if got := h.status(t, m.Invoice); got != want {
				t.Fatalf("%s of %s is %s", m.Invoice.ID, m.Invoice.Payer, got)
			}
		}
		if _, total, err := h.Bills(ctx, "shop", "asaanbill", invoice.Offset{Limit: 1}); err != nil || total != 700 || open != 300 {
			t.Fatalf("%d in all, %d open, %v", total, open, err)
		}
		h.clean(t)
	})
}

func TestManyAtOnceOnTwoNodesLeaveOneBillOpenAPayer(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		nodes := []*house{h.billing(t), h.second(t).billing(t)}
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				if _, err := nodes[i%2].CreateBill(ctx, nodes[i%2].demand("shop", fmt.Sprint("P", i/2%10), invoice.Bill), nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		list, total, err := h.Bills(ctx, "shop", "asaanbill", invoice.Offset{Limit: 1000})
		if err != nil || total != 200 || len(list) != 200 {
			t.Fatalf("%d of %d, %v", len(list), total, err)
		}
		open, psid := map[string]int{}, map[string]string{}
		for _, inv := range list {
			if inv.Status == invoice.Open {
				open[inv.Payer]++
			}
			if had := psid[inv.Payer]; had != "" && had != inv.PSID {
				t.Fatalf("%s has %s and %s", inv.Payer, had, inv.PSID)
			}
			psid[inv.Payer] = inv.PSID
		}
		for p, n := range open {
			if n != 1 {
				t.Errorf("%s: %d open", p, n)
			}
		}
		if len(open) != 10 {
			t.Errorf("%d payers", len(open))
		}
		h.clean(t)
	})
}

func TestBillsAreListedTheLastChangedFirst(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.billing(t)
		var want []string
		for i := range 25 {
			h.clock.Advance(time.Second)
			want = append([]string{h.issue(t, h.demand("shop", fmt.Sprint("P", i), invoice.Dynamic)).ID}, want...)
			h.make(t, h.draft("shop", "aspay", fmt.Sprint("R", i)))
		}
		h.clock.Advance(time.Second)
		if _, err := h.End(ctx, invoice.Ending{Owner: "shop", ID: want[20], To: invoice.Cancelled}, nil); err != nil {
			t.Fatal(err)
		}
		want = append([]string{want[20]}, append(append([]string{}, want[:20]...), want[21:]...)...)
		var got []string
		for skip := int64(0); ; skip += 10 {
			list, total, err := h.Bills(ctx, "shop", "asaanbill", invoice.Offset{Skip: skip, Limit: 10})
			if err != nil || total != 25 {
				t.Fatal(total, err)
			}
			if len(list) == 0 {
				break
			}
			got = append(got, ids(list)...)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
		list, total, err := h.BillsOfPSID(ctx, "shop", "asaanbill", "999900000000000000000000", invoice.Offset{Limit: 10})
		if err != nil || total != 0 || len(list) != 0 {
			t.Fatalf("of a PSID that nobody has: %v, %d, %v", list, total, err)
		}
	})
}

func TestBillThatCannotBeCodedMakesNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		if _, err := h.CreateBill(ctx, h.demand("shop", "P", invoice.Bill), nil); !fault.Has(err, fault.SettingMissing) {
			t.Fatalf("without a prefix: %v", err)
		}
		h.billing(t)
		bad := h.demand("shop", "P", invoice.Bill)
		bad.Code = &invoice.Code{Account: code.Account, Payee: qr.Payee{Name: "DEMO"}}
		if _, err := h.CreateBill(ctx, bad, nil); !fault.Has(err, fault.FieldRequired) {
			t.Fatalf("without a city: %v", err)
		}
		if list, total, err := h.Bills(ctx, "shop", "asaanbill", invoice.Offset{Limit: 9}); err != nil || total != 0 || len(list) != 0 {
			t.Fatalf("%v, %d, %v", list, total, err)
		}
		h.clean(t) // no payer either
	})
}

func TestPSIDThatAPayerHasIsDrawnAnew(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.billing(t)
		first := h.issue(t, h.demand("shop", "P1", invoice.Bill))
		if err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return tx.Exec(ctx, `UPDATE counter SET next = 0 WHERE name = 'psid'`)
		}); err != nil {
			t.Fatal(err)
		}
		other := h.second(t).billing(t) // whose first number is the one that was given out
		second := other.issue(t, other.demand("shop", "P2", invoice.Bill))
		if first.PSID == second.PSID {
			t.Fatal("one PSID for two payers")
		}
		h.clean(t)
	})
}

func TestPSIDsHaveADigitThatShowsMistakes(t *testing.T) {
	// The formula's own example, in the last digits: 7992739871 has the check digit 3.
	if !invoice.ValidPSID("000000000000079927398713") || invoice.ValidPSID("000000000000079927398714") {
		t.Fatal("the check digit is not Luhn's")
	}
	rapid.Check(t, func(r *rapid.T) {
		body := fmt.Sprintf("%023d", rapid.Int64Range(0, 1<<62).Draw(r, "body"))
		var valid []string
		for d := range 10 {
			if text := body + fmt.Sprint(d); invoice.ValidPSID(text) {
				valid = append(valid, text)
			}
		}
		if len(valid) != 1 {
			r.Fatalf("%s has %d check digits", body, len(valid))
		}
		at, by := rapid.IntRange(0, 23).Draw(r, "at"), rapid.IntRange(1, 9).Draw(r, "by")
		wrong := []byte(valid[0])
		wrong[at] = '0' + (wrong[at]-'0'+byte(by))%10
		if invoice.ValidPSID(string(wrong)) {
			r.Fatalf("%s passes for %s", wrong, valid[0])
		}
	})
	for _, text := range []string{"", "0", "00000000000000000000000", "0000000000000000000000000", "00000000000000000000000a", "٠00000000000000000000000"} {
		if invoice.ValidPSID(text) {
			t.Errorf("%q is a PSID", text)
		}
	}
}

func TestWhatIsDueDependsOnTheDay(t *testing.T) {
	late := start.Add(time.Hour)
	bill := invoice.Invoice{Kind: invoice.Bill, Amount: 50, LateAmount: 55, LateFrom: late, Currency: money.PKR}
	static := invoice.Invoice{Kind: invoice.Static, Paid: 70, Currency: money.PKR}
	for _, try := range []struct {
		inv  invoice.Invoice
		at   time.Time
		want int64
	}{
		{bill, late.Add(-time.Microsecond), 50},
		{bill, late, 55},
		{bill, late.Add(time.Hour), 55},
		{static, late, 0},
		{invoice.Invoice{Amount: 9, Paid: 2, Currency: money.PKR}, late, 7},
	} {
		if got := try.inv.DueAt(try.at); got != money.Of(try.want, money.PKR) {
			t.Errorf("%+v at %s: %v", try.inv, try.at, got)
		}
	}
}

func TestAuditNamesEveryEditOfABillItsPayerAndItsTotal(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.billing(t)
		for _, k := range []invoice.Kind{invoice.Bill, invoice.Dynamic, invoice.Static} {
			h.issue(t, h.demand("shop", string(k), k))
			h.issue(t, h.demand("shop", string(k), k))
		}
		audittest.Walk(t, h.db, invoice.Audit,
			audittest.Table{Name: "invoice", Key: []string{"owner", "id"}, Fresh: []string{"reference", "psid"}},
			audittest.Table{Name: "payer", Key: []string{"owner", "psid"}, Fresh: []string{"reference"}},
			audittest.Table{Name: "bill_total", Key: []string{"owner", "door"}},
			audittest.Table{Name: "alias", Key: []string{"kind", "value"}, Where: "kind IN ('psid', 'asaanbill.invoice')"},
		)
	})
}
