package asaanbill

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sarraf/dialect/dialecttest"
	"sarraf/event"
	"sarraf/fault"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/payment"
	"sarraf/rail"
)

func TestFiftyPaymentsOfOnePayerAtOnceLeaveOneToBePaid(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		ids, psids := map[string]bool{}, map[string]bool{}
		for _, w := range dialecttest.Together(50, func(n int) *httptest.ResponseRecorder {
			generation := []string{typePSID, typeBillQR, typeInstant}[n%3]
			return s.ask("POST", "/add?generationTypes="+generation, asked(payment1(map[string]any{fieldLatitude: 1, fieldLongitude: 1})))
		}) {
			made := into[added](t, w)
			if ids[made.ID.String()] || made.Status != "APPROVED" {
				t.Errorf("%+v", made)
			}
			ids[made.ID.String()], psids[*made.PSID] = true, true
		}
		if n := s.count(t); len(psids) != 1 || n["APPROVED"] != 1 || n["DISCARD"] != 49 {
			t.Errorf("%d PSIDs, %v", len(psids), n)
		}
	})
}

// rounds is how often two things are tried at the same instant.
const rounds = 60

// A newer payment and a bank's money that come at the same instant: what the bank pays settles the one or the other, or is refused; never
// both, and never is the money taken for neither.
func TestPayingAndReplacingAtOnceIsDecidedOneWay(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		chance := rand.New(rand.NewPCG(1, 2))
		came := map[string]int{}
		for n := range rounds {
			same := n%2 == 0 // the newer one asks for as much
			payer := fmt.Sprintf("P-%d", n)
			old := s.add(t, typePSID, payment1(map[string]any{fieldIdentifier: payer}))
			amount := map[bool]string{true: "50", false: "51"}[same]
			var err error
			var newer added
			var both sync.WaitGroup
			late := chance.IntN(2)
			for _, who := range []int{late, 1 - late} {
				both.Go(func() {
					if who == 0 {
						_, err = h.pay(t.Context(), *old.PSID, "50")
						return
					}
					newer = s.add(t, typePSID, payment1(map[string]any{fieldIdentifier: payer, fieldAmount: amount}))
				})
			}
			both.Wait()
			a, b := s.get(t, old.ID.String()).Status, s.get(t, newer.ID.String()).Status
			got := fmt.Sprintf("%s %s, taken %v", a, b, err == nil)
			allowed := []string{"PROCESSED APPROVED, taken true", "DISCARD PROCESSED, taken true"}
			if !same {
				allowed = []string{"PROCESSED APPROVED, taken true", "DISCARD APPROVED, taken false"}
			}
			if !slices.Contains(allowed, got) || err != nil && !fault.Has(err, fault.AmountMismatch) {
				t.Errorf("round %d, same amount %v: %s (%v)", n, same, got, err)
			}
			came[got]++
			if *newer.PSID != *old.PSID {
				t.Errorf("the PSIDs %s and %s", *old.PSID, *newer.PSID)
			}
		}
		t.Log(came)
	})
}

func TestTwentyBanksAtOncePayABillOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		for _, generation := range []string{typePSID, typeInstant} {
			made := s.add(t, generation, payment1(map[string]any{fieldIdentifier: generation, fieldLatitude: 1, fieldLongitude: 1}))
			taken := 0
			for _, err := range dialecttest.Together(20, func(int) error { _, err := h.pay(t.Context(), *made.PSID, "50"); return err }) {
				switch {
				case err == nil:
					taken++
				case !fault.Has(err, fault.InvoiceClosed):
					t.Error(err)
				}
			}
			l := s.get(t, *made.PSID)
			if taken != 1 || l.Status != "PROCESSED" || len(l.PaymentDetails) != 1 || l.PaymentDetails[0].Amount != "50" || l.PaidAt == notPaid {
				t.Errorf("%s: taken %d times: %+v", generation, taken, l)
			}
			if told := h.told(t, s.owner, made.ID.String()); len(told) != 1 {
				t.Errorf("%s: told %q", generation, told)
			}
		}
	})
}

// told is what a merchant is told of the payment with the id.
func (h *house) told(t testing.TB, owner, number string) []string {
	t.Helper()
	inv, err := h.Invoices.ByNumber(t.Context(), owner, Name, number)
	if err != nil {
		t.Fatal(err)
	}
	events, err := h.Events.List(t.Context(), owner, event.Page{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range events {
		if e.Subject != inv.ID || !(Door{}).Wants(e.Type) {
			continue
		}
		m, err := Door{}.Webhook(e)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(m.Body))
	}
	return list
}

func TestAfterItsDueDateABillAsksForMore(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		// It is 02:30 on the 10th in Karachi, and still the 9th in UTC.
		made := s.add(t, typePSID, payment1(map[string]any{fieldDueDate: "2026-02-10"}))
		midnight := time.Date(2026, 2, 10, 19, 0, 0, 0, time.UTC)
		try := func(at time.Time, amount string) error {
			h.Clock.Set(at)
			_, err := h.pay(t.Context(), *made.PSID, amount)
			return err
		}
		if err := try(midnight.Add(-time.Second), "55"); !fault.Has(err, fault.AmountMismatch) {
			t.Errorf("55 on the due date: %v", err)
		}
		if err := try(midnight, "50"); !fault.Has(err, fault.AmountMismatch) {
			t.Errorf("50 after it: %v", err)
		}
		if err := try(midnight, "55"); err != nil {
			t.Errorf("55 after it: %v", err)
		}
		l := s.get(t, *made.PSID)
		if l.Status != "PROCESSED" || *l.Amount != "50" || *l.DueDate != "2026-02-10" || l.PaymentDetails[0].Amount != "55" || l.PaidAt != "12:00AM 11-Feb-2026" {
			t.Errorf("%+v", l)
		}
		within := s.add(t, typePSID, payment1(map[string]any{fieldDueDate: "2026-02-11"}))
		if err := try(midnight.Add(24*time.Hour-time.Second), "50"); err != nil {
			t.Errorf("50 on the due date: %v", err)
		}
		if l := s.get(t, within.ID.String()); l.Status != "PROCESSED" || l.PaidAt != "11:59PM 11-Feb-2026" {
			t.Errorf("%+v", l)
		}
	})
}

func TestCodeForOnePaymentIsGoodForAnHour(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		instant := map[string]any{fieldAmount: 10, fieldLatitude: 1, fieldLongitude: 1}
		first, second := s.add(t, typeInstant, instant), s.add(t, typeInstant, instant)
		if *first.PSID == *second.PSID || first.Identifier != first.ID.String() {
			t.Errorf("%+v, %+v", first, second)
		}
		h.Clock.Advance(time.Hour - time.Second)
		if _, err := h.pay(t.Context(), *first.PSID, ""); err != nil {
			t.Error(err)
		}
		h.Clock.Advance(time.Second)
		if _, err := h.pay(t.Context(), *second.PSID, ""); !fault.Has(err, fault.InvoiceClosed) {
			t.Errorf("after the hour: %v", err)
		}
		if _, err := h.Invoices.ExpireDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a, b := s.get(t, *first.PSID), s.get(t, *second.PSID); a.Status != "PROCESSED" || b.Status != "DISCARD" || b.PaidAt != notPaid {
			t.Errorf("%+v, %+v", a, b)
		}
	})
}

func TestStaticCodeIsPaidByAllAtOnceAndToldOfEach(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		made := s.add(t, typeStatic, map[string]any{fieldTitle: "Ali Tuck Shop", fieldIdentifier: "ali"})
		for i, err := range dialecttest.Together(120, func(n int) error {
			_, err := h.pay(t.Context(), *made.PSID, fmt.Sprint(n+1))
			return err
		}) {
			if err != nil {
				t.Errorf("payment %d: %v", i, err)
			}
		}
		told := h.told(t, s.owner, made.ID.String())
		amounts := map[string]bool{}
		for _, text := range told {
			var p processed
			if err := json.Unmarshal([]byte(text), &p); err != nil || p.Identifier != "ali" || p.PSID != *made.PSID || p.AmountAfterDueDate != nil || p.DueDate != nil {
				t.Fatalf("%s: %v", text, err)
			}
			amounts[p.Amount] = true
		}
		if len(told) != 120 || len(amounts) != 120 {
			t.Errorf("told %d times of %d amounts", len(told), len(amounts))
		}
		l := s.get(t, *made.PSID)
		if l.Status != "APPROVED" || l.PaidAt != notPaid || l.Amount != nil || len(l.PaymentDetails) != payment.OfManyMost {
			t.Errorf("%d receipts: %+v", len(l.PaymentDetails), l)
		}
		shown := map[string]bool{}
		for _, r := range l.PaymentDetails {
			shown[r.Reference] = true
		}
		if len(shown) != payment.OfManyMost {
			t.Errorf("%d receipts are shown", len(shown))
		}
		// The newest is among them, as the last.
		h.Clock.Advance(time.Minute)
		if _, err := h.pay(t.Context(), *made.PSID, "999.50"); err != nil {
			t.Fatal(err)
		}
		_, list := s.list(t, "/search/"+*made.PSID)
		if r := list[0].PaymentDetails; len(r) != payment.OfManyMost || r[len(r)-1].Amount != "999.5" {
			t.Errorf("%+v", r)
		}
	})
}

func TestStaticCodeIsReplacedByItsOwnKindAlone(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		shop := map[string]any{fieldTitle: "Shop", fieldIdentifier: " ali "}
		first := s.add(t, typeStatic, shop)
		bill := s.add(t, typePSID, payment1(map[string]any{fieldIdentifier: "ali"}))
		instant := s.add(t, typeInstant, map[string]any{fieldAmount: 5, fieldIdentifier: "ali", fieldLatitude: 1, fieldLongitude: 1})
		standing := func(a added) string { return s.get(t, a.ID.String()).Status }
		if a, b, c := standing(first), standing(bill), standing(instant); a != "APPROVED" || b != "DISCARD" || c != "APPROVED" {
			t.Errorf("%s, %s, %s", a, b, c)
		}
		second := s.add(t, typeStatic, shop)
		if a, b, c := standing(first), standing(second), standing(instant); a != "DISCARD" || b != "APPROVED" || c != "APPROVED" {
			t.Errorf("%s, %s, %s", a, b, c)
		}
		if *first.PSID != *second.PSID || *bill.PSID != *instant.PSID || *bill.PSID == *first.PSID || first.Identifier != " ali " {
			t.Errorf("PSIDs %s, %s, %s, %s", *first.PSID, *second.PSID, *bill.PSID, *instant.PSID)
		}
		// A static code that was paid is replaced too: nothing of it is owed.
		if _, err := h.pay(t.Context(), *second.PSID, "5"); err != nil {
			t.Fatal(err)
		}
		third := s.add(t, typeStatic, shop)
		if a, b := s.get(t, second.ID.String()), s.get(t, third.ID.String()); a.Status != "DISCARD" || len(a.PaymentDetails) != 1 || len(b.PaymentDetails) != 0 {
			t.Errorf("%+v, %+v", a, b)
		}
	})
}

func TestNumberOfOursIsNobodysIdentifier(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		instant := map[string]any{fieldAmount: 5, fieldLatitude: 1, fieldLongitude: 1}
		first := s.add(t, typeInstant, instant)
		named := s.add(t, typePSID, payment1(map[string]any{fieldIdentifier: first.Identifier}))
		if *named.PSID == *first.PSID || s.get(t, first.ID.String()).Status != "APPROVED" {
			t.Errorf("%+v, %+v", first, named)
		}
	})
}

func TestPaymentsOfABulkRequestAreSeenFromTheBeginning(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		old := s.add(t, typePSID, payment1(map[string]any{fieldIdentifier: "A"}))
		bulk := into[bulkAdded](t, s.ask("POST", "/add-bulk?contentType=JSON", encoded(map[string]any{fieldPayments: []any{
			payment1(map[string]any{fieldIdentifier: " A "}), payment1(map[string]any{fieldIdentifier: "B"}), payment1(map[string]any{fieldIdentifier: "A"}),
			map[string]any{fieldTitle: "x"},
		}})))
		path := "/bulk-payment-request/" + bulk.BulkPaymentRequestID.String()
		before := into[bulkDetail](t, s.ask("GET", path, ""))
		if before.Status != "DRAFT" || len(before.Payments.Content) != 3 || before.Payments.TotalNoOfElements != 3 {
			t.Fatalf("%+v", before)
		}
		for i, p := range before.Payments.Content {
			if p.Status != "DRAFT" || p.PSID != nil || p.Identifier != []string{" A ", "B", "A"}[i] || p.Amount.String() != "50.0" {
				t.Errorf("%+v", p)
			}
			if l := s.get(t, p.ID.String()); l.Status != "DRAFT" || l.PSID != nil || l.QRString != nil || l.PaidAt != notPaid || l.Identifier != p.Identifier {
				t.Errorf("%+v", l)
			}
		}
		if p, _ := s.list(t, "/payment"); p.TotalElements != 1 {
			t.Errorf("%+v", p)
		}
		if err := h.work(t.Context()); err != nil {
			t.Fatal(err)
		}
		after := into[bulkDetail](t, s.ask("GET", path, ""))
		if after.Status != "PROCESSED" {
			t.Errorf("%+v", after)
		}
		for i, p := range after.Payments.Content {
			if p.ID != before.Payments.Content[i].ID || p.Status != []string{"DISCARD", "APPROVED", "APPROVED"}[i] || (*p.PSID == *old.PSID) != (i != 1) {
				t.Errorf("%+v", p)
			}
			if l := s.get(t, p.ID.String()); l.Status != p.Status || *l.PSID != *p.PSID {
				t.Errorf("%+v", l)
			}
		}
		if l := s.get(t, old.ID.String()); l.Status != "DISCARD" {
			t.Errorf("%+v", l)
		}
	})
}

func TestFiveThousandAreTakenAndNoMore(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		list := make([]string, maxBulk)
		for i := range list {
			list[i] = encoded(payment1(map[string]any{fieldIdentifier: fmt.Sprint("S-", i)}))
		}
		body := func(extra ...string) string {
			return `{"payments":[` + strings.Join(append(slices.Clone(list), extra...), ",") + `]}`
		}
		w := s.ask("POST", "/add-bulk", body(list[0]))
		if w.Code != 400 || w.Body.String() != said(400, "payments cannot have more than 5000 items") {
			t.Errorf("%d %.200s", w.Code, w.Body)
		}
		made := into[bulkAdded](t, s.ask("POST", "/add-bulk", body()))
		if len(made.Payments) != maxBulk {
			t.Fatalf("%d echoes", len(made.Payments))
		}
		if err := h.work(t.Context()); err != nil {
			t.Fatal(err)
		}
		p, _ := s.list(t, "/payment?pageSize=1")
		d := into[bulkDetail](t, s.ask("GET", "/bulk-payment-request/"+made.BulkPaymentRequestID.String(), ""))
		ids, psids := map[string]bool{}, map[string]bool{}
		for i, c := range d.Payments.Content {
			if c.Status != "APPROVED" || c.Identifier != fmt.Sprint("S-", i) {
				t.Fatalf("%+v", c)
			}
			ids[c.ID.String()], psids[*c.PSID] = true, true
		}
		if p.TotalElements != maxBulk || len(ids) != maxBulk || len(psids) != maxBulk || p.TotalPages != maxBulk {
			t.Errorf("%d payments, %d ids, %d PSIDs", p.TotalElements, len(ids), len(psids))
		}
	})
}

func TestAnAmountThatABankReportsIsShownWithItsRail(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		made := s.add(t, typeBillQR, payment1(nil))
		receipt, err := h.pay(t.Context(), *made.PSID, "")
		if err != nil || receipt.Replay {
			t.Fatal(receipt, err)
		}
		inv, err := h.Invoices.ByPSID(t.Context(), s.owner, *made.PSID)
		if err != nil || inv.Status != invoice.Paid {
			t.Fatal(inv, err)
		}
		if r := s.get(t, *made.PSID).PaymentDetails; len(r) != 1 || r[0].Rail != "billpay" || !strings.HasPrefix(r[0].Reference, "bank-") || r[0].PaidAt != "02:30AM 10-Feb-2026" {
			t.Errorf("%+v", r)
		}
		// The same report again moves nothing.
		again, err := h.bank.PayBill(context.Background(), rail.BillPayment{
			Rail: "billpay", Reference: s.get(t, *made.PSID).PaymentDetails[0].Reference, PSID: *made.PSID, Amount: inv.AmountPaid(), At: h.Clock.Now(), Sandbox: true,
		})
		if err != nil || !again.Replay || again.Number != receipt.Number || len(h.told(t, s.owner, made.ID.String())) != 1 {
			t.Errorf("%+v, %v", again, err)
		}
	})
}
