package deshipay

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"sarraf/dialect/dialecttest"
	"sarraf/internal/httpx"
	"sarraf/money"
	"sarraf/wallet"
)

const unauthenticated = `{"code":401,"messages":["Unauthenticated."],"data":null}`

func TestWhoShowsNoGoodTokenIsAnsweredAlike(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop := h.holder(t, 100_00), h.shop(t)
		out, revoked, suspended := h.signIn(t, a.Number), h.holder(t, 0), h.holder(t, 0)
		if w := out.ask("POST", "/auth/logout", ""); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if err := h.access.RevokeAll(t.Context(), dialecttest.By, revoked.Owner); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Service.SetStatus(t.Context(), dialecttest.By, suspended.Owner, wallet.Suspended); err != nil {
			t.Fatal(err)
		}
		for name, headers := range map[string][]string{
			"none": {}, "empty": {""}, "no scheme": {a.token}, "another scheme": {"Basic " + a.token}, "no token": {"Bearer "}, "another": {"Bearer x" + a.token},
			"cut": {"Bearer " + a.token[:40]}, "twice": {"Bearer " + a.token, "Bearer " + a.token}, "a space": {"Bearer " + a.token + " x"},
			"long": {"Bearer " + strings.Repeat("x", 5000)}, "no text": {"Bearer \xff\xfe"}, "signed out": {"Bearer " + out.token},
			"revoked": {"Bearer " + revoked.token}, "suspended": {"Bearer " + suspended.token},
		} {
			for _, route := range h.door.HTTP().Routes {
				if !strings.Contains(route.Pattern, "/private/") && !strings.HasSuffix(route.Pattern, "/logout") {
					continue
				}
				r := httptest.NewRequest(route.Method, route.Pattern, strings.NewReader(h.scan(t, shop, "10", "1235")))
				r.Header["Authorization"] = headers
				w := httptest.NewRecorder()
				h.Mux.ServeHTTP(w, r)
				if w.Code != http.StatusUnauthorized || w.Body.String() != unauthenticated {
					t.Errorf("%s, %s %s: %d %s", name, route.Method, route.Pattern, w.Code, w.Body)
				}
			}
		}
		if h.balance(t, a.Owner) != 100_00 {
			t.Error("money was moved")
		}
		r := httptest.NewRequest("GET", base+"/private/user/profile", nil)
		r.Header.Set("Authorization", "bearer  "+a.token)
		w := httptest.NewRecorder()
		if h.Mux.ServeHTTP(w, r); w.Code != 200 {
			t.Errorf("the scheme in small letters: %d %s", w.Code, w.Body)
		}
	})
}

func TestATokenThatIsNotUsedEnds(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a := h.holder(t, 0)
		for range 3 {
			h.Clock.Advance(29 * time.Minute)
			if w := a.ask("GET", "/private/user/profile", ""); w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		h.Clock.Advance(31 * time.Minute)
		if w := a.ask("GET", "/private/user/profile", ""); w.Body.String() != unauthenticated {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestNobodyLearnsWhoHasAWallet(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		signIn := func(number, pin string) *httptest.ResponseRecorder {
			return h.send("POST", "/auth/signin", fmt.Sprintf(`{"mobile_number":%q,"pin":%q}`, number, pin), "")
		}
		for _, number := range []string{h.holder(t, 0).Number, dialecttest.NextMobile()} {
			for range 5 {
				refused(t, signIn(number, "99"),
					`{"code":422,"messages":["The pin must be 4 digits.","Sorry! PIN does not match."],"data":null,"error_title":"E_PIN_ERROR"}`)
				refused(t, signIn(number, "9999"),
					`{"code":422,"messages":["Sorry! Mobile number or PIN does not match."],"data":null,"error_title":"E_PIN_ERROR"}`)
			}
			refused(t, signIn(number, "1235"),
				`{"code":422,"messages":["Sorry! PIN is locked. Try again later."],"data":null,"error_title":"E_PIN_ERROR"}`)
			w := h.send("POST", "/auth/signup", fmt.Sprintf(`{"mobile_number":%q,"name":"A","pin":"1235"}`, number), "")
			if want := `{"code":200,"messages":["OTP has been sent to ` + number + `."],"data":{"otp_required":true,"mobile_number":"` + number + `","expires_in":300}}`; w.Body.String() != want {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
	})
}

func TestWhoSignsUpWaitsForApprovalWhereThatIsSaid(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		h.door.Status, h.door.Sandbox = wallet.Pending, false
		number := dialecttest.NextMobile()
		h.send("POST", "/auth/signup", fmt.Sprintf(`{"mobile_number":%q,"name":"Karima Begum","pin":"2580"}`, number), "")
		w := h.send("POST", "/auth/signup", fmt.Sprintf(`{"mobile_number":%q,"name":"Karima Begum","pin":"2580","otp":%q,"email":"k@example.com"}`, number, h.post.code(number)), "")
		if made := into[signedUp](t, w).User; made.Status != "pending" || made.Email != "k@example.com" {
			t.Errorf("%+v", made)
		}
		kept, err := h.Service.ByNumber(t.Context(), number)
		if err != nil || kept.Sandbox || kept.Kind != wallet.Consumer || kept.Zone != "Asia/Dhaka" || !kept.Has(money.BDT) || kept.Merchant != "" {
			t.Errorf("%+v, %v", kept, err)
		}
		in := into[signedIn](t, h.send("POST", "/auth/signin", fmt.Sprintf(`{"mobile_number":%q,"pin":"2580"}`, number), ""))
		w = h.send("POST", manualSummary, fmt.Sprintf(`{"receiver_mobile_number":%q,"amount":10}`, dialecttest.NextMobile()), in.Token)
		refused(t, w, `{"code":422,"messages":["Sorry! Sender account is not approved"],"data":null,"error_title":null}`)
	})
}

func TestWhoIsSuspendedIsToldSoWithThePIN(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a := h.holder(t, 0)
		if _, err := h.Service.SetStatus(t.Context(), dialecttest.By, a.Owner, wallet.Suspended); err != nil {
			t.Fatal(err)
		}
		w := h.send("POST", "/auth/signin", fmt.Sprintf(`{"mobile_number":%q,"pin":"1235"}`, a.Number), "")
		if w.Code != http.StatusForbidden || w.Body.String() != `{"code":403,"messages":["Sorry! This account is suspended."],"data":null}` {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		refused(t, h.send("POST", "/auth/signin", fmt.Sprintf(`{"mobile_number":%q,"pin":"1236"}`, a.Number), ""),
			`{"code":422,"messages":["Sorry! Mobile number or PIN does not match."],"data":null,"error_title":"E_PIN_ERROR"}`)
	})
}

func TestCodesAreFewAndGuessesAtOneAreFewer(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		number := dialecttest.NextMobile()
		ask := fmt.Sprintf(`{"mobile_number":%q,"name":"A","pin":"2580"}`, number)
		for n := range 4 {
			w := h.send("POST", "/auth/signup", ask, "")
			if (w.Code == 200) != (n < 3) {
				t.Errorf("%d: %d %s", n, w.Code, w.Body)
			}
			if seconds, _ := strconv.Atoi(w.Header().Get("Retry-After")); n == 3 && (w.Code != 429 || seconds != 600 ||
				w.Body.String() != `{"code":429,"messages":["Too many OTP requests. Please try again later."],"data":null}`) {
				t.Errorf("%d, %d s: %s", w.Code, seconds, w.Body)
			}
		}
		code := h.post.code(number)
		wrong := "000000"
		if code == wrong {
			wrong = "000001"
		}
		show := func(code string) *httptest.ResponseRecorder {
			return h.send("POST", "/auth/signup", fmt.Sprintf(`{"mobile_number":%q,"name":"A","pin":"2580","otp":%q}`, number, code), "")
		}
		for range 5 {
			refused(t, show(wrong), says("Sorry! OTP does not match or has expired."))
		}
		refused(t, show(code), says("Sorry! OTP does not match or has expired."))
		if h.post.sent != 3 {
			t.Errorf("%d messages", h.post.sent)
		}
	})
}

func TestAddressesAreBounded(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		h.door.ByAddress = httpx.NewLimiter(2, h.Clock, nil)
		for n := range 4 {
			w := h.send("POST", []string{"/auth/signin", "/auth/signup"}[n%2], `{}`, "")
			if (w.Code == http.StatusTooManyRequests) != (n >= 2) {
				t.Errorf("%d: %d %s", n, w.Code, w.Body)
			}
		}
		h.Clock.Advance(time.Second)
		if w := h.send("POST", "/auth/signin", `{}`, ""); w.Code != validation {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestHistoriesArePagedWithoutGapOrRepeat(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a, shop, friend := h.holder(t, 1000_00), h.shop(t), h.holder(t, 100_00)
		var want []string
		for n := range 7 {
			to := []string{shop.Number, friend.Number}[n%2]
			want = append([]string{receipt(t, a.ask("POST", manualExecute, pay(to, fmt.Sprint(10+n), "1235")))}, want...)
		}
		var got []string
		cursor := ""
		for page := 0; ; page++ {
			p := into[history](t, a.ask("GET", "/private/user/transaction/history?per_page=3"+cursor, ""))
			for _, line := range p.Transactions {
				if line.Type == "top_up" {
					continue
				}
				got = append(got, *line.InvoiceID)
				if masked := strings.Contains(line.Counterpart.MobileNumber, "*"); masked != (line.Counterpart.Type == "consumer") {
					t.Errorf("%+v", line.Counterpart)
				}
			}
			if p.NextCursor == nil {
				break
			}
			if len(p.Transactions) != 3 || page > 3 {
				t.Fatalf("page %d: %+v", page, p)
			}
			cursor = "&cursor=" + *p.NextCursor
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%v, want %v", got, want)
		}
		// What a shop sends back is told with its number.
		h.Fill(t, shop, 100_00)
		s := h.signIn(t, shop.Number)
		receipt(t, s.ask("POST", manualExecute, pay(friend.Number, "20", "1235")))
		line := into[history](t, friend.ask("GET", "/private/user/transaction/history?per_page=1", "")).Transactions[0]
		if line.Direction != "in" || line.Type != "send_money" || line.Counterpart.MobileNumber != shop.Number || line.Counterpart.Type != "merchant" ||
			line.Total != "৳20.00" || line.Fee != "৳0.00" {
			t.Errorf("%+v %+v", line, line.Counterpart)
		}
	})
}

func TestProfilesShowTheHolderEverything(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		a := h.holder(t, 122_115_14)
		got := into[profile](t, a.ask("GET", "/private/user/profile", ""))
		if got.MobileNumber != a.Number || got.MSISDN != a.Number || got.Balance != "৳122,115.14" || got.Status != "approved" || !strings.HasPrefix(got.Avatar, "https://") {
			t.Errorf("%+v", got)
		}
		own := into[holderQR](t, a.ask("GET", "/private/user/profile-qr", ""))
		if read, err := h.codes.Read(t.Context(), own.QRCodeText); err != nil || read.Owner != a.Owner {
			t.Errorf("%+v, %v", read, err)
		}
	})
}
