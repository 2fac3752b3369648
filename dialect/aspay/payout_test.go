package aspay

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/dialect/dialecttest"
	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
)

// payer is a shop with every payout method and so many paisa in its balance.
func (h *house) payer(t testing.TB, minor int64) shop {
	t.Helper()
	s := h.shop(t, merchant.Admin, money.BDT, money.PKR)
	h.SetMethods(t, s.owner)
	if minor > 0 {
		h.Fund(t, s.owner, money.Of(minor, money.BDT))
	}
	return s
}

// findPayout is the payout that is printed as number.
func (s shop) findPayout(ctx context.Context, number string) (payout.Payout, error) {
	return s.house.Payouts.ByNumber(ctx, s.owner, Name, number)
}

// wanted is the JSON of a good request for a payout with some fields changed; a nil leaves the field out.
func wanted(changed map[string]any) string {
	fields := map[string]any{
		fieldMethod: 1, fieldAmount: 500, fieldRecipient: "John Doe", fieldAccount: "01712345678", fieldReference: "WD123456",
	}
	for k, v := range changed {
		fields[k] = v
		if v == nil {
			delete(fields, k)
		}
	}
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// withdraw asks for a payout over HTTP and answers its id.
func (s shop) withdraw(t testing.TB, changed map[string]any) string {
	t.Helper()
	w := s.ask("POST", requestPath, wanted(changed))
	var made requested
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return made.PayoutID
}

// move has the rail move a payout.
func (s shop) move(t testing.TB, number string, a payout.Action) {
	t.Helper()
	p, err := s.findPayout(t.Context(), number)
	if err == nil {
		_, err = s.house.Payouts.Move(t.Context(), payout.Move{
			Merchant: p.Merchant, Payout: p.ID, Action: a, By: dialecttest.By, Right: payout.OfRail, Reason: "test",
		}, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// payouts is how many payouts the shop has.
func (s shop) payouts(t testing.TB) int {
	t.Helper()
	list, err := s.house.Payouts.List(t.Context(), payout.Query{Merchant: s.owner, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// available is what the shop can still spend, in paisa, and held is what is set aside.
func (s shop) available(t testing.TB) (available, held int64) {
	t.Helper()
	list, err := ledger.ReadAll(t.Context(), s.house.DB, s.owner)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		if a.Kind == ledger.Balance && a.Currency == money.BDT {
			return a.Available(), a.Held
		}
	}
	return 0, 0
}

// withdrawTogether sends the same request for a payout 50 times at once.
func withdrawTogether(s shop, body string, headers ...string) []*httptest.ResponseRecorder {
	return dialecttest.Together(50, func(int) *httptest.ResponseRecorder { return s.ask("POST", requestPath, body, headers...) })
}

func TestFiftyRequestsWithAnIdempotencyKeyAreOnePayout(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.payer(t, 1_000_00)
		answers := withdrawTogether(s, wanted(nil), "Idempotency-Key", "wd-7")
		for _, w := range answers {
			if w.Code != 201 || w.Body.String() != answers[0].Body.String() {
				t.Fatalf("%d %s; the first is %d %s", w.Code, w.Body, answers[0].Code, answers[0].Body)
			}
		}
		if n := s.payouts(t); n != 1 {
			t.Fatalf("%d payouts", n)
		}
		if available, held := s.available(t); available != 500_00 || held != 500_00 {
			t.Errorf("%d available, %d held", available, held)
		}
		// The answer stays the same when the payout has long moved on.
		var made requested
		if err := json.Unmarshal(answers[0].Body.Bytes(), &made); err != nil {
			t.Fatal(err)
		}
		s.move(t, made.PayoutID, payout.Cancel)
		if w := s.ask("POST", requestPath, wanted(nil), "Idempotency-Key", "wd-7"); w.Code != 201 || w.Body.String() != answers[0].Body.String() {
			t.Errorf("a later repeat gets %d %s", w.Code, w.Body)
		}
		if w := s.ask("POST", requestPath, wanted(map[string]any{fieldAmount: 501}), "Idempotency-Key", "wd-7"); w.Code != 422 || !strings.Contains(w.Body.String(), "another request") {
			t.Errorf("another body with the key gets %d %s", w.Code, w.Body)
		}
		if n := s.payouts(t); n != 1 {
			t.Errorf("%d payouts", n)
		}
	})
}

func TestFiftyRequestsWithOneReferenceAreOnePayout(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.payer(t, 1_000_000_00)
		good, taken := 0, 0
		for _, w := range withdrawTogether(s, wanted(nil)) {
			switch {
			case w.Code == 201:
				good++
			case w.Code == 422 && strings.Contains(w.Body.String(), `"message":"The transaction reference has already been taken."`):
				taken++
			default:
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
		if good != 1 || taken != 49 || s.payouts(t) != 1 {
			t.Errorf("%d made, %d taken, %d payouts", good, taken, s.payouts(t))
		}
		if _, held := s.available(t); held != 500_00 {
			t.Errorf("%d held", held)
		}
	})
}

func TestNoMoreGoesOutThanThereIs(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.payer(t, 1_234_50)
		answers := dialecttest.Together(50, func(n int) *httptest.ResponseRecorder {
			return s.ask("POST", requestPath, wanted(map[string]any{fieldAmount: 100, fieldReference: n}))
		})
		want := `{"status":"error","message":"The amount and its fee must not be greater than the available balance.",` +
			`"errors":{"amount":["The amount and its fee must not be greater than the available balance."]}}`
		made := 0
		for _, w := range answers {
			if w.Code == 201 {
				made++
			} else if w.Code != 422 || w.Body.String() != want {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
		if available, held := s.available(t); made != 12 || available != 34_50 || held != 1_200_00 || s.payouts(t) != 12 {
			t.Errorf("%d made, %d payouts, %d available, %d held", made, s.payouts(t), available, held)
		}
	})
}

func TestRefusedPayoutLeavesNothingAndItsReferenceIsFree(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.payer(t, 400_00)
		first := s.ask("POST", requestPath, wanted(nil), "Idempotency-Key", "k")
		second := s.ask("POST", requestPath, wanted(nil), "Idempotency-Key", "k")
		if first.Code != 422 || second.Code != 422 || first.Body.String() != second.Body.String() {
			t.Errorf("%d %s, then %d %s", first.Code, first.Body, second.Code, second.Body)
		}
		if available, held := s.available(t); available != 400_00 || held != 0 || s.payouts(t) != 0 {
			t.Errorf("%d available, %d held, %d payouts", available, held, s.payouts(t))
		}
		if w := s.ask("GET", "/api/payout/WD123456", ""); w.Code != 404 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		s.withdraw(t, map[string]any{fieldAmount: 400})
	})
}

func TestFeeIsSetAsideWithTheAmountAndComesBackWithIt(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.payer(t, 1_000_00)
		list, err := h.Payouts.Methods(t.Context(), s.owner)
		if err != nil {
			t.Fatal(err)
		}
		bkash := list[0]
		bkash.Fee = money.Schedule{Flat: 10_50}
		if _, err := h.Payouts.SetMethod(t.Context(), dialecttest.By, bkash); err != nil {
			t.Fatal(err)
		}
		w := s.ask("POST", requestPath, wanted(map[string]any{fieldAmount: 500.25}))
		var made requested
		if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != 201 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		want := requested{
			Success: true, Message: "Payout request created successfully", PayoutID: made.PayoutID, TransactionReference: "WD123456", Amount: "500.25",
			Fee: "10.5", TotalAmount: "510.75", Status: "pending",
		}
		if d := cmp.Diff(want, made); d != "" {
			t.Error(d)
		}
		if available, held := s.available(t); available != 489_25 || held != 510_75 {
			t.Errorf("%d available, %d held", available, held)
		}
		// 489.25 is there, and the fee comes on top.
		if w := s.ask("POST", requestPath, wanted(map[string]any{fieldAmount: 480, fieldReference: "B"})); w.Code != 422 || !strings.Contains(w.Body.String(), "available balance") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		s.withdraw(t, map[string]any{fieldAmount: 478.75, fieldReference: "C"})
		s.move(t, made.PayoutID, payout.Reject)
		if available, held := s.available(t); available != 510_75 || held != 489_25 {
			t.Errorf("after the rejection %d available, %d held", available, held)
		}
		w = s.ask("GET", "/api/payout/WD123456", "")
		if !strings.Contains(w.Body.String(), `"status":"rejected","amount":500.25,"fee":10.5,"total_amount":510.75,`) {
			t.Errorf("%s", w.Body)
		}
	})
}

func TestAnotherStoresPayoutIsNotFound(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		mine, other := h.payer(t, 10_000_00), h.payer(t, 10_000_00)
		number := other.withdraw(t, nil)
		for _, id := range []string{number, "WD123456"} {
			if w := mine.ask("GET", "/api/payout/"+id, ""); w.Code != 404 || w.Body.String() != `{"status":"error","message":"Payout not found"}` {
				t.Errorf("%s: %d %s", id, w.Code, w.Body)
			}
		}
		w := mine.ask("POST", "/api/payout/batch/status", `{"ids":["`+number+`","WD123456"]}`)
		want := `{"status":"success","total_requested":2,"total_found":0,"payouts":[],"not_found_ids":["` + number + `","WD123456"]}`
		if w.Body.String() != want {
			t.Errorf("batch: %s", w.Body)
		}
		// The same reference is each store's own, with and without the same Idempotency-Key.
		if again := mine.withdraw(t, nil); again == number {
			t.Errorf("both have %s", number)
		}
		key := []string{"Idempotency-Key", "k"}
		a := mine.ask("POST", requestPath, wanted(map[string]any{fieldReference: "K"}), key...)
		b := other.ask("POST", requestPath, wanted(map[string]any{fieldReference: "K"}), key...)
		if a.Code != 201 || b.Code != 201 || a.Body.String() == b.Body.String() {
			t.Errorf("%s and %s", a.Body, b.Body)
		}
	})
}

func TestInvoicesAndPayoutsMayHaveTheSameReference(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.payer(t, 10_000_00)
		invoiced, paid := s.create(t, map[string]any{fieldReference: "SAME"}), s.withdraw(t, map[string]any{fieldReference: "SAME"})
		if st := s.standing(t, "SAME"); st.InvoiceID != invoiced {
			t.Errorf("the invoice is %s", st.InvoiceID)
		}
		if w := s.ask("GET", "/api/payout/SAME", ""); !strings.Contains(w.Body.String(), `"payout_id":"`+paid+`"`) {
			t.Errorf("%s", w.Body)
		}
		for path, want := range map[string]string{"/api/payment/" + paid: "Invoice not found", "/api/payout/" + invoiced: "Payout not found"} {
			if w := s.ask("GET", path, ""); w.Code != 404 || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	})
}

func TestPayoutIsMadeOfWhatWasAsked(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.payer(t, 10_000_00)
		n := s.withdraw(t, map[string]any{
			fieldMethod: "2", fieldRecipient: "  জন ডো ", fieldAccount: " +880 1712-345678 ", fieldReference: " A/7 ", fieldDescription: " Two\r\nlines ",
			fieldCallback: " http://10.0.0.1/cb?x=%20y#z ",
		})
		p, err := s.findPayout(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		got := []any{
			p.Owner, p.Merchant, p.Kind, p.Door, p.Number, p.Reference, p.Method, p.MethodKind, p.Rail, p.Money(), p.Fee, p.RecipientName, p.Account,
			p.Destination, p.Description, p.WebhookURL, p.Status, p.CreatedAt,
		}
		want := []any{
			s.owner, s.owner, payout.KindPayout, "aspay", n, "A/7", int64(2), "nagad", "sandbox", money.Of(500_00, money.BDT), int64(0), "জন ডো", "+880 1712-345678",
			"+8801712345678", "Two\nlines", "http://10.0.0.1/cb?x=%20y#z", payout.Pending, began,
		}
		if d := cmp.Diff(want, got, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); d != "" {
			t.Error(d)
		}
		if len(n) != len("ATPAY")+14 || !strings.HasPrefix(p.AskedBy, "merchant key ") {
			t.Errorf("number %s, asked by %s", n, p.AskedBy)
		}
	})
}

func TestReferenceOfAPayoutIsFoundAgainWhateverItsForm(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.payer(t, 1_000_000_00)
		for _, ref := range []string{
			"request", "batch", "status", "A/B", "a b", "100%", "x?y=1&z", "#1", "atpay123", "ATPAY", "ATPAY12X", "ATINVA", "Methods", "..5", "é", "A+B", `a\b`,
			"ATPAY\u0664", strings.Repeat("০", 50),
		} {
			n := s.withdraw(t, map[string]any{fieldReference: ref})
			var st payoutStanding
			w := s.ask("GET", "/api/payout/"+url.PathEscape(ref), "")
			if err := json.Unmarshal(w.Body.Bytes(), &st); err != nil || st.PayoutID != n {
				t.Errorf("%q is %d %s, and not %s", ref, w.Code, w.Body, n)
			}
		}
	})
}

func TestMethodsAreTheStoresOwnInTakaAsTheyAreSet(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s, bare := h.payer(t, 0), h.shop(t, merchant.Viewer)
		if w := bare.ask("GET", "/api/payout/methods", ""); w.Code != 200 || w.Body.String() != `{"status":"success","data":[]}` {
			t.Errorf("a store without methods: %d %s", w.Code, w.Body)
		}
		list, err := h.Payouts.Methods(t.Context(), s.owner)
		if err != nil {
			t.Fatal(err)
		}
		nagad, rocket := list[1], list[2]
		nagad.Disabled = true
		rocket.Name, rocket.Min, rocket.Max = "Rocket & more", 1050, 2_000_025
		for _, m := range []payout.Method{nagad, rocket} {
			if _, err := h.Payouts.SetMethod(t.Context(), dialecttest.By, m); err != nil {
				t.Fatal(err)
			}
		}
		var got payoutMethods
		w := s.ask("GET", "/api/payout/methods", "")
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		var shown []string
		for _, m := range got.Data {
			shown = append(shown, fmt.Sprint(m.ID, " ", m.Name, " ", m.Currency, " ", m.Logo))
		}
		want := []string{
			"1 bKash BDT https://pay.example/_sarraf/payout/bkash.svg", "3 Rocket & more BDT https://pay.example/_sarraf/payout/rocket.svg",
			"4 Bank transfer BDT https://pay.example/_sarraf/payout/bank_bd.svg",
		}
		if d := cmp.Diff(want, shown); d != "" {
			t.Error(d)
		}
		if got.Data[1].MinAmount != "10.5" || got.Data[1].MaxAmount != "20000.25" {
			t.Errorf("%+v", got.Data[1])
		}
		for method, says := range map[any]string{
			2: "The selected payout method id is invalid.", 3: "The amount field must not be greater than 20000.25.", 5: "The selected payout method id is invalid.",
		} {
			w := s.ask("POST", requestPath, wanted(map[string]any{fieldMethod: method, fieldAmount: 20_000.5}))
			if w.Code != 422 || !strings.Contains(w.Body.String(), says) {
				t.Errorf("method %v: %d %s", method, w.Code, w.Body)
			}
		}
	})
}

func TestCredentialThatDoesNotAskPaysNothingOut(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		for _, role := range []merchant.Role{merchant.Viewer, merchant.Approver} {
			s := h.shop(t, role)
			h.SetMethods(t, s.owner)
			h.Fund(t, s.owner, money.Of(1_000_00, money.BDT))
			w := s.ask("POST", requestPath, wanted(nil))
			if w.Code != 403 || w.Body.String() != `{"status":"error","message":"This API key may only read."}` || s.payouts(t) != 0 {
				t.Errorf("%s: %d %s, %d payouts", role, w.Code, w.Body, s.payouts(t))
			}
			if w := s.ask("GET", "/api/payout/methods", ""); w.Code != 200 {
				t.Errorf("%s: %d %s", role, w.Code, w.Body)
			}
			if w := s.ask("GET", "/api/payout/X", ""); w.Code != 404 {
				t.Errorf("%s: %d %s", role, w.Code, w.Body)
			}
			if w := s.ask("POST", "/api/payout/batch/status", `{"ids":["X"]}`); w.Code != 200 {
				t.Errorf("%s: %d %s", role, w.Code, w.Body)
			}
		}
	})
}

func TestPayoutThatWantsApprovalIsPending(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.payer(t, 10_000_00)
		m, err := h.Merchants.Get(t.Context(), s.owner)
		if err != nil {
			t.Fatal(err)
		}
		m.Settings.PayoutApproval = map[money.Currency]int64{money.BDT: 400_00}
		if err := h.Merchants.Change(t.Context(), dialecttest.By, m); err != nil {
			t.Fatal(err)
		}
		n := s.withdraw(t, nil)
		p, err := s.findPayout(t.Context(), n)
		if err != nil || p.Approval != payout.Wanted {
			t.Fatalf("%+v, %v", p, err)
		}
		if w := s.ask("GET", "/api/payout/"+n, ""); !strings.Contains(w.Body.String(), `"status":"pending"`) || !strings.Contains(w.Body.String(), `"processed_at":null`) {
			t.Errorf("%s", w.Body)
		}
	})
}

func TestBatchOfPayoutsTakesFiveHundredAndNoMore(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.payer(t, 10_000_00)
		n := s.withdraw(t, nil)
		ids := make([]string, 500)
		for i := range ids {
			ids[i] = fmt.Sprintf("%q", fmt.Sprint("R", i))
		}
		ids[0], ids[499] = `"WD123456"`, `"`+n+`"`
		var got payoutStandings
		w := s.ask("POST", "/api/payout/batch/status", `{"ids":[`+strings.Join(ids, ",")+`]}`)
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.TotalRequested != 500 || got.TotalFound != 1 || len(got.NotFoundIDs) != 498 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		w = s.ask("POST", "/api/payout/batch/status", `{"ids":[`+strings.Join(append(ids, `"X"`), ",")+`]}`)
		want := `{"status":"error","message":"The ids field must not have more than 500 items.","errors":{"ids":["The ids field must not have more than 500 items."]}}`
		if w.Code != 422 || w.Body.String() != want {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestClosedPayoutsAreBusyAndNothingIsSetAside(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.payer(t, 1_000_00)
		h.Payouts.Close()
		w := s.ask("POST", requestPath, wanted(nil))
		if w.Code != 503 || w.Header().Get("Retry-After") != "1" || w.Body.String() != `{"status":"error","message":"The service is busy. Please try again."}` {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		if _, held := s.available(t); held != 0 || s.payouts(t) != 0 {
			t.Errorf("%d held, %d payouts", held, s.payouts(t))
		}
	})
}

func TestPayoutsOfADatabaseThatIsGoneAreSaidAndComeBack(t *testing.T) {
	server := pgtest.Start(t, false)
	c := clock.NewFake(began)
	h := newHouse(t, storetest.Open(t, server.Database(t), c), c)
	s := h.payer(t, 1_000_00)
	n := s.withdraw(t, nil)
	server.Kill()
	const want = `{"status":"error","message":"The service is unavailable. Please try again."}`
	for _, w := range []*httptest.ResponseRecorder{
		s.ask("GET", "/api/payout/methods", ""),
		s.ask("POST", requestPath, wanted(map[string]any{fieldReference: "B"})),
		s.ask("GET", "/api/payout/"+n, ""),
		s.ask("POST", "/api/payout/batch/status", `{"ids":["B"]}`),
	} {
		if w.Code != 503 || w.Header().Get("Retry-After") != "5" || w.Body.String() != want {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	}
	if err := server.Run(); err != nil {
		t.Fatal(err)
	}
	if w := s.ask("GET", "/api/payout/"+n, ""); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	s.withdraw(t, map[string]any{fieldReference: "B"})
	if available, held := s.available(t); available != 0 || held != 1_000_00 || s.payouts(t) != 2 {
		t.Errorf("%d available, %d held, %d payouts", available, held, s.payouts(t))
	}
}
