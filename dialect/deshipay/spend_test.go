package deshipay

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sarraf/dialect/dialecttest"
	"sarraf/wallet"
)

// together sends the same request 50 times at once.
func together(do func(n int) *httptest.ResponseRecorder) []*httptest.ResponseRecorder {
	return dialecttest.Together(50, do)
}

func TestFiftyAtOnceMoveTheMoneyOnceAndGetOneReceipt(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop, friend := h.holder(t, 1_000_00), h.shop(t), h.Make(t, wallet.Wallet{Name: "John Smith"})
		for _, c := range []struct {
			name, method, path, body string
			headers                  []string
			costs                    int64
		}{
			{"manual", "POST", manualExecute, pay(shop.Number, "10", "1235"), nil, 10_00},
			{"manual, with a key", "POST", guideExecute, pay(shop.Number, "10", "1235"), []string{"Idempotency-Key", "k1"}, 10_00},
			{"by QR", "POST", qrExecute, h.scan(t, friend, "10", "1235"), nil, 15_00},
			{"by QR, with a key", "GET", confirmation, h.scan(t, friend, "10", "1235"), []string{"Idempotency-Key", "k2"}, 15_00},
		} {
			before := h.balance(t, a.Owner)
			answers := together(func(int) *httptest.ResponseRecorder { return a.ask(c.method, c.path, c.body, c.headers...) })
			for _, w := range answers {
				if w.Code != 200 || w.Body.String() != answers[0].Body.String() {
					t.Fatalf("%s: %d %s; the first is %d %s", c.name, w.Code, w.Body, answers[0].Code, answers[0].Body)
				}
			}
			if cost := before - h.balance(t, a.Owner); cost != c.costs {
				t.Errorf("%s: it cost %d", c.name, cost)
			}
		}
	})
}

func TestTheSameWithinAMinuteIsTheSameAndLaterIsAnother(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop := h.holder(t, 100_00), h.shop(t)
		body := pay(shop.Number, "10", "1235")
		first := a.ask("POST", manualExecute, body)
		h.Clock.Advance(59 * time.Second)
		for _, path := range []string{manualExecute, guideExecute} {
			if w := a.ask("POST", path, body); w.Body.String() != first.Body.String() {
				t.Errorf("%s: %s, and first %s", path, w.Body, first.Body)
			}
		}
		// By another way of naming the same, too: the payment is the same, and prints as it is asked for.
		if w := a.ask("POST", qrExecute, h.scan(t, shop, `"10.00"`, "1235")); receipt(t, w) != receipt(t, first) {
			t.Errorf("%s", w.Body)
		}
		h.Clock.Advance(2 * time.Second)
		if w := a.ask("POST", manualExecute, body); receipt(t, w) == receipt(t, first) {
			t.Error("after a minute it is still the same")
		}
		if left := h.balance(t, a.Owner); left != 80_00 {
			t.Errorf("%d are left", left)
		}
		// What differs in anything is another.
		other := fmt.Sprintf(`{"receiver_mobile_number":%q,"amount":10,"pin":"1235","note":"again"}`, shop.Number)
		if w := a.ask("POST", manualExecute, other); receipt(t, w) == receipt(t, first) || h.balance(t, a.Owner) != 70_00 {
			t.Errorf("%s", w.Body)
		}
	})
}

func TestAKeyDecidesInsteadOfTheMinute(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop := h.holder(t, 100_00), h.shop(t)
		body := pay(shop.Number, "10", "1235")
		first := a.ask("POST", manualExecute, body, "Idempotency-Key", "one")
		second := a.ask("POST", manualExecute, body, "Idempotency-Key", "two")
		if receipt(t, first) == receipt(t, second) || h.balance(t, a.Owner) != 80_00 {
			t.Errorf("%s, %s", first.Body, second.Body)
		}
		h.Clock.Advance(23 * time.Hour)
		a = h.signIn(t, a.Number)
		if w := a.ask("POST", guideExecute, body, "Idempotency-Key", "one"); w.Body.String() != first.Body.String() {
			t.Errorf("%s", w.Body)
		}
		for _, other := range []string{pay(shop.Number, "10", "1236"), pay(shop.Number, "11", "1235")} {
			refused(t, a.ask("POST", manualExecute, other, "Idempotency-Key", "one"), says("The Idempotency-Key has already been used with another request."))
		}
		// Another holder's key of that name is another key.
		b := h.holder(t, 100_00)
		if w := b.ask("POST", manualExecute, body, "Idempotency-Key", "one"); receipt(t, w) == receipt(t, first) {
			t.Errorf("%s", w.Body)
		}
	})
}

func TestAKeptAnswerIsTheSameWhateverHasBecomeOfThoseInIt(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a, friend := h.holder(t, 100_00), h.Make(t, wallet.Wallet{Name: "John Smith"})
		type asked struct{ method, path, body string }
		requests := map[string]asked{
			"by-number": {"POST", manualExecute, pay(friend.Number, "10", "1235")},
			"by-QR":     {"GET", confirmation, h.scan(t, friend, "10", "1235")},
			"no-money":  {"POST", manualExecute, pay(friend.Number, "100", "1235")},
		}
		first := map[string]*httptest.ResponseRecorder{}
		for key, r := range requests {
			first[key] = a.ask(r.method, r.path, r.body, "Idempotency-Key", key)
		}
		refused(t, first["no-money"], says("Sorry! Insufficient balance."))
		friend.Name, friend.Number = "Johan Smit", dialecttest.NextMobile()
		if _, err := h.Service.Change(t.Context(), dialecttest.By, friend); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Service.RevokeQR(t.Context(), dialecttest.By, friend.Owner); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Service.SetStatus(t.Context(), dialecttest.By, friend.Owner, wallet.Suspended); err != nil {
			t.Fatal(err)
		}
		h.Fill(t, a.Wallet, 1000_00)
		h.Clock.Advance(time.Second)
		for key, r := range requests {
			w := a.ask(r.method, r.path, r.body, "Idempotency-Key", key)
			if w.Code != first[key].Code || w.Body.String() != first[key].Body.String() {
				t.Errorf("%s: %d %s, and first %d %s", key, w.Code, w.Body, first[key].Code, first[key].Body)
			}
		}
	})
}

func TestRulesAreCheckedInTheirOrder(t *testing.T) {
	const (
		notApproved = `{"code":422,"messages":["Sorry! Sender account is not approved"],"data":null,"error_title":null}`
		tooShort    = `{"code":422,"messages":["The pin must be 4 digits.","Sorry! PIN does not match."],"data":null,"error_title":"E_PIN_ERROR"}`
		wrongPIN    = `{"code":422,"messages":["Sorry! PIN does not match."],"data":null,"error_title":"E_PIN_ERROR"}`
	)
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop, pending := h.holder(t, 20_00), h.shop(t), h.holder(t, 20_00)
		hidden := h.Make(t, wallet.Wallet{Name: "Nobody Yet", Status: wallet.Pending})
		if _, err := h.Service.SetStatus(t.Context(), dialecttest.By, pending.Owner, wallet.Pending); err != nil {
			t.Fatal(err)
		}
		nobody := dialecttest.NextMobile()
		// Each is wrong in everything that is checked later.
		for _, c := range []struct {
			who                 app
			number, amount, pin string
			want                string
		}{
			{pending, nobody, "0.5", "1", notApproved},
			{pending, pending.Number, "0.5", "1", notApproved},
			{a, nobody, "0.5", "1", says("Sorry! Receiver not found.")},
			{a, hidden.Number, "0.5", "1", says("Sorry! Receiver not found.")},
			{a, a.Number, "0.5", "1", says("Sorry! You can not send money to your own account.")},
			{a, shop.Number, "0.5", "1", says(tooLittle)},
			{a, shop.Number, "50000.01", "1", says(tooMuch)},
			{a, shop.Number, "20.01", "1", says("Sorry! Insufficient balance.")},
			{a, shop.Number, "20", "1", tooShort},
			{a, shop.Number, "20", "1236", wrongPIN},
		} {
			refused(t, c.who.ask("POST", manualExecute, pay(c.number, c.amount, c.pin)), c.want)
			if !strings.Contains(c.want, "PIN") {
				body := fmt.Sprintf(`{"receiver_mobile_number":%q,"amount":%s}`, c.number, c.amount)
				refused(t, c.who.ask("POST", manualSummary, body), c.want)
			}
		}
		refused(t, pending.ask("POST", qrExecute, `{"qr_text":"none","amount":0.5,"pin":1}`), notApproved)
		refused(t, a.ask("POST", qrExecute, `{"qr_text":"none","amount":0.5,"pin":1}`), says("Invalid QR Code. Please try again"))
		refused(t, a.ask("POST", qrExecute, h.scan(t, hidden, "0.5", "1")), says("Sorry! Receiver not found."))
		if h.balance(t, a.Owner) != 20_00 || h.balance(t, pending.Owner) != 20_00 {
			t.Error("money was moved")
		}
	})
}

func TestLimitsOfDaysAndMonthsAreTold(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop := h.holder(t, 1000_00), h.shop(t)
		rule := wallet.DefaultRule("BDT", wallet.Payment)
		rule.Daily, rule.Monthly = 30_00, 50_00
		if err := h.Service.SetRule(t.Context(), dialecttest.By, a.Owner, "BDT", wallet.Payment, &rule); err != nil {
			t.Fatal(err)
		}
		receipt(t, a.ask("POST", manualExecute, pay(shop.Number, "30", "1235")))
		refused(t, a.ask("POST", manualExecute, pay(shop.Number, "1", "1235")), says("Transaction amount is above than daily transaction amount limit."))
		h.Clock.Advance(24 * time.Hour)
		a = h.signIn(t, a.Number)
		receipt(t, a.ask("POST", manualExecute, pay(shop.Number, "20", "1235")))
		refused(t, a.ask("POST", manualExecute, pay(shop.Number, "1", "1235")), says("Transaction amount is above than monthly transaction amount limit."))
		left := into[limits](t, a.ask("GET", "/private/user/transactional-limits", "")).Limits[0]
		if left.Type != "payment" || left.DailyUsed != "৳20.00" || *left.DailyRemaining != "৳10.00" || left.MonthlyUsed != "৳50.00" || *left.MonthlyRemaining != "৳0.00" {
			t.Errorf("%+v", left)
		}
	})
}

func TestFiveWrongPINsLock(t *testing.T) {
	const locked = `{"code":422,"messages":["Sorry! PIN is locked. Try again later."],"data":null,"error_title":"E_PIN_ERROR"}`
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop := h.holder(t, 100_00), h.shop(t)
		for n := range 9 { // those that are none do not count
			pin := []string{"1236", "123"}[n%2]
			if w := a.ask("POST", manualExecute, pay(shop.Number, "10", pin)); w.Code != validation || strings.Contains(w.Body.String(), "locked") {
				t.Errorf("%d: %s", n, w.Body)
			}
		}
		refused(t, a.ask("POST", manualExecute, pay(shop.Number, "10", "1235")), locked)
		refused(t, a.ask("GET", confirmation, h.scan(t, shop, "10", "1235")), locked)
		refused(t, h.send("POST", "/auth/signin", fmt.Sprintf(`{"mobile_number":%q,"pin":"1235"}`, a.Number), ""), locked)
		h.Clock.Advance(29 * time.Minute)
		refused(t, a.ask("POST", manualExecute, pay(shop.Number, "10", "1235")), locked)
		h.Clock.Advance(61 * time.Second)
		receipt(t, a.ask("POST", manualExecute, pay(shop.Number, "10", "1235")))
	})
}

func TestWhoGuessesAtAReceiptCountsAsAnyGuess(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop := h.holder(t, 100_00), h.shop(t)
		first := a.ask("POST", manualExecute, pay(shop.Number, "10", "1235"))
		refused(t, a.ask("POST", manualExecute, pay(shop.Number, "10", "1236")),
			`{"code":422,"messages":["Sorry! PIN does not match."],"data":null,"error_title":"E_PIN_ERROR"}`)
		if w := a.ask("POST", manualExecute, pay(shop.Number, "10", "1235")); w.Body.String() != first.Body.String() {
			t.Errorf("%s", w.Body)
		}
	})
}

// Whatever the key pin holds, the request is an execution: a client must never read a quote as a receipt.
func TestAConfirmationWithAPINIsAnExecution(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop := h.holder(t, 100_00), h.shop(t)
		text := h.text(t, shop)
		for _, method := range []string{"GET", "POST"} {
			for _, pin := range []string{`""`, `null`, `"abcd"`, `"12345"`, `true`, `[]`, `{}`, `12`, `"১২৩৫"`, `" 1235"`} {
				w := a.ask(method, confirmation, fmt.Sprintf(`{"qr_text":%q,"amount":10,"note":"x","pin":%s}`, text, pin))
				refused(t, w, `{"code":422,"messages":["The pin must be 4 digits.","Sorry! PIN does not match."],"data":null,"error_title":"E_PIN_ERROR"}`)
			}
			w := a.ask(method, confirmation+"?pin=1235", fmt.Sprintf(`{"qr_text":%q,"amount":10}`, text))
			refused(t, w, `{"code":422,"messages":["The pin must be 4 digits.","Sorry! PIN does not match."],"data":null,"error_title":"E_PIN_ERROR"}`)
			quote := into[struct{ Summary quoted }](t, a.ask(method, confirmation, fmt.Sprintf(`{"qr_text":%q,"amount":10}`, text))).Summary
			if quote.TotalPayable != "৳10" || h.balance(t, a.Owner) != 100_00 {
				t.Errorf("%s: %+v", method, quote)
			}
		}
		w := a.ask("HEAD", confirmation, h.scan(t, shop, "10", "1235"))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" || h.balance(t, a.Owner) != 100_00 {
			t.Errorf("HEAD: %d, Allow %q", w.Code, w.Header().Get("Allow"))
		}
		// An execution without the key at all fails on the PIN as well.
		for _, path := range []string{manualExecute, guideExecute, qrExecute} {
			w := a.ask("POST", path, fmt.Sprintf(`{"qr_text":%q,"amount":10}`, text))
			refused(t, w, `{"code":422,"messages":["The pin must be 4 digits.","Sorry! PIN does not match."],"data":null,"error_title":"E_PIN_ERROR"}`)
		}
	})
}

func TestReceiversAreOneOrNobody(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop, other := h.holder(t, 100_00), h.shop(t), h.shop(t)
		both := func(number string, w wallet.Wallet) string {
			return fmt.Sprintf(`{"receiver_mobile_number":%q,"qr_text":%q,"amount":10,"pin":"1235"}`, number, h.text(t, w))
		}
		refused(t, a.ask("POST", manualExecute, both(other.Number, shop)), says("Sorry! Receiver not found."))
		if h.balance(t, a.Owner) != 100_00 {
			t.Error("money was moved")
		}
		receipt(t, a.ask("POST", manualExecute, both(shop.Number, shop)))
		// An app that has a form for both sends the one that is not used empty.
		empty := fmt.Sprintf(`{"receiver_mobile_number":"","qr_text":%q,"amount":11,"pin":"1235"}`, h.text(t, shop))
		receipt(t, a.ask("POST", guideExecute, empty))
		empty = fmt.Sprintf(`{"receiver_mobile_number":%q,"qr_text":null,"amount":12,"pin":"1235"}`, shop.Number)
		receipt(t, a.ask("POST", guideExecute, empty))
		// By QR code a number means nothing.
		receipt(t, a.ask("POST", qrExecute, fmt.Sprintf(`{"receiver_mobile_number":%q,"qr_text":%q,"amount":13,"pin":1235}`, other.Number, h.text(t, shop))))
		if h.balance(t, shop.Owner) != 46_00 || h.balance(t, other.Owner) != 0 {
			t.Errorf("%d and %d", h.balance(t, shop.Owner), h.balance(t, other.Owner))
		}
	})
}

func TestForeignCodesAreRefused(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop := h.holder(t, 100_00), h.shop(t)
		good := h.text(t, shop)
		turned := []byte(good)
		turned[20] ^= 1
		old := h.text(t, shop)
		if _, err := h.Service.RevokeQR(t.Context(), dialecttest.By, shop.Owner); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"altered": string(turned), "cut": good[:len(good)-4], "longer": good + good, "revoked": old, "no base64": "https://evil.example/?x=1",
			"a number": shop.Number, "huge": strings.Repeat("A", 100_000), "the guide's": "MFY4ak83eTZFVE5IVkNQVnx8RHNUbFZJa1diVC9rMFI3UGYxWjRLVFl0d3A2RVpFQw==",
		} {
			quoted, err := json.Marshal(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, request := range [][2]string{
				{"POST", qrSummary}, {"GET", confirmation}, {"POST", confirmation}, {"POST", qrExecute}, {"POST", guideExecute}, {"POST", manualSummary},
			} {
				w := a.ask(request[0], request[1], fmt.Sprintf(`{"qr_text":%s,"amount":10,"pin":"1235"}`, quoted))
				if w.Code != validation || w.Body.String() != says("Invalid QR Code. Please try again") {
					t.Errorf("%s, %s: %d %s", name, request[1], w.Code, w.Body)
				}
			}
		}
		if h.balance(t, a.Owner) != 100_00 {
			t.Error("money was moved")
		}
	})
}

func TestFormsAreReadAsJSONIs(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop := h.holder(t, 100_00), h.shop(t)
		w := a.ask("POST", guideExecute, "receiver_mobile_number="+shop.Number+"&amount=10.50&pin=1235", "Content-Type", "application/x-www-form-urlencoded")
		if got := into[struct{ Summary manualReceipt }](t, w).Summary; got.Amount != "৳10.50" || got.Recipient.MobileNumber != shop.Number {
			t.Errorf("%s", w.Body)
		}
	})
}

func TestNotesAreKeptAsOneLine(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a, friend := h.holder(t, 100_00), h.Make(t, wallet.Wallet{Name: "John Smith"})
		w := a.ask("POST", qrExecute, fmt.Sprintf(`{"qr_text":%q,"amount":10,"pin":"1235","note":" ধন্যবাদ\r\nRahim\t<b> "}`, h.text(t, friend)))
		if got := into[struct{ Summary qrReceipt }](t, w).Summary; got.Remarks != "ধন্যবাদ Rahim <b>" {
			t.Errorf("%q", got.Remarks)
		}
		// A manual receipt has no remarks, the history has.
		receipt(t, a.ask("POST", manualExecute, fmt.Sprintf(`{"receiver_mobile_number":%q,"amount":10,"pin":"1235","note":"Rent"}`, friend.Number)))
		lines := into[history](t, a.ask("GET", "/private/user/transaction/history", "")).Transactions
		if len(lines) != 3 || lines[0].Remarks != "Rent" || lines[1].Remarks != "ধন্যবাদ Rahim <b>" || lines[2].Type != "top_up" || lines[2].Counterpart != nil {
			t.Errorf("%+v", lines)
		}
	})
}
