package billpay

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sarraf/fault"
	"sarraf/money"
	"sarraf/rail"
)

func TestOpenBillIsPresentedWordForWord(t *testing.T) {
	h := newHouse(t, rail.Profile{})
	h.has(bill())
	h.says("open", h.inquire(psid), `{"response_Code":"00","consumer_Detail":"Fee, February                 ","bill_status":"U",`+
		`"due_date":"20260210","amount_within_dueDate":"+0000000250000","amount_after_dueDate":"+0000000275000","billing_month":"2602",`+
		`"date_paid":"        ","amount_paid":"            ","tran_auth_Id":"      ","reserved":""}`)
}

func TestPaidBillTellsWhenHowMuchAndByWhom(t *testing.T) {
	h := newHouse(t, rail.Profile{})
	h.has(bill())
	h.says("payment", h.pay(), said("00", "00000000000000000001"))
	const want = `{"response_Code":"00","consumer_Detail":"Fee, February                 ","bill_status":"P",` +
		`"due_date":"20260210","amount_within_dueDate":"+0000000250000","amount_after_dueDate":"+0000000275000","billing_month":"2602",` +
		`"date_paid":"20260209","amount_paid":"000000250000","tran_auth_Id":"%s","reserved":""}`
	h.says("paid", h.inquire(psid), fmt.Sprintf(want, "123456"))
	b := h.core.bills[psid]
	b.PaidReference = "" // it was paid on another way
	h.has(b)
	h.says("paid elsewhere", h.inquire(psid), fmt.Sprintf(want, "      "))
}

func TestDueDateOfWhatHasNone(t *testing.T) {
	h := newHouse(t, rail.Profile{})
	for what, c := range map[string]struct {
		bill rail.Bill
		want string // from due_date to billing_month
	}{
		"a dynamic code is due on the day it expires": {
			rail.Bill{Amount: rupees(10), LateAmount: rupees(10), ExpiresAt: evening.Add(3 * time.Hour)},
			`"due_date":"20260210","amount_within_dueDate":"+0000000001000","amount_after_dueDate":"+0000000001000","billing_month":"2602"`,
		},
		"one that expires at midnight is due on the day before": {
			rail.Bill{Amount: rupees(10), LateAmount: rupees(10), ExpiresAt: time.Date(2026, 2, 9, 19, 0, 0, 0, time.UTC)},
			`"due_date":"20260209","amount_within_dueDate":"+0000000001000","amount_after_dueDate":"+0000000001000","billing_month":"2602"`,
		},
		"a static code is due today, and asks for nothing": {
			rail.Bill{AnyAmount: true},
			`"due_date":"20260209","amount_within_dueDate":"+0000000000000","amount_after_dueDate":"+0000000000000","billing_month":"2602"`,
		},
	} {
		c.bill.PSID, c.bill.Title, c.bill.State = psid, "Stall", rail.BillOpen
		h.has(c.bill)
		h.says(what, h.inquire(psid), `{"response_Code":"00","consumer_Detail":"Stall                         ","bill_status":"U",`+c.want+
			`,"date_paid":"        ","amount_paid":"            ","tran_auth_Id":"      ","reserved":""}`)
	}
}

func TestWhatCannotBePaidIsNotPresented(t *testing.T) {
	h := newHouse(t, rail.Profile{})
	for what, change := range map[string]func(*rail.Bill){
		"closed":            func(b *rail.Bill) { b.State = rail.BillClosed },
		"of no known state": func(b *rail.Bill) { b.State = "odd" },
		"its time is over":  func(b *rail.Bill) { b.ExpiresAt = evening },
		"of the sandbox":    func(b *rail.Bill) { b.Sandbox = true },
		"in taka":           func(b *rail.Bill) { b.Amount, b.LateAmount = money.Of(1, "BDT"), money.Of(1, "BDT") },
		"of nothing":        func(b *rail.Bill) { b.Amount.Minor = 0 },
		"of too much":       func(b *rail.Bill) { b.LateAmount.Minor = mostPresented + 1 },
	} {
		b := bill()
		change(&b)
		h.has(b)
		h.says(what, h.inquire(psid), nothing("01"))
	}
	h.says("nobody's", h.inquire(nobody), nothing("01"))
	b := bill()
	b.State = rail.BillBlocked
	h.has(b)
	h.says("blocked", h.inquire(psid), strings.Replace(nothing("02"), strings.Repeat(" ", 30), "Fee, February                 ", 1))
	h.says("a payment of it", h.pay(), said("02", ""))
}

func TestTitleFillsItsWidthInCharacters(t *testing.T) {
	for title, want := range map[string]string{
		"":                      strings.Repeat(" ", 30),
		strings.Repeat("x", 31): strings.Repeat("x", 30),
		strings.Repeat("é", 40): strings.Repeat("é", 30),
		"بجلی کا بل":            "بجلی کا بل" + strings.Repeat(" ", 20),
		`a "b" \ c` + "\t<d>":   `a \"b\" \\ c\u0009<d>` + strings.Repeat(" ", 17),
		"half \xff":             "half \ufffd" + strings.Repeat(" ", 24),
	} {
		if got := string(appendFilled(nil, title, detailWidth)); got != want {
			t.Errorf("%q: %q, want %q", title, got, want)
		}
	}
}

func TestProfileDecidesWhatDiffersBetweenMembers(t *testing.T) {
	h := newHouse(t, rail.Profile{DetailLower: true, Contacts: true, UnsignedAmounts: true, ParameterUpper: true, EchoReserved: true})
	h.has(bill())
	body := `{"consumer_number":"` + psid + `","bank_mnemonic":"HBL","reserved":" <\"ü\"> "}`
	h.says("inquiry", h.post(inquiryPath, body), `{"response_Code":"00","consumer_detail":"Fee, February                 ","bill_status":"U",`+
		`"due_date":"20260210","amount_within_dueDate":"00000000250000","amount_after_dueDate":"00000000275000",`+
		`"email_address":"                              ","contact_number":"               ","billing_month":"2602",`+
		`"date_paid":"        ","amount_paid":"            ","tran_auth_Id":"      ","reserved":" <\"ü\"> "}`)
	h.says("payment", h.pay(), `{"response_Code":"00","Identification_parameter":"00000000000000000001","reserved":""}`)
	h.says("refusal", h.pay("tran_auth_id", `"654321"`, "reserved", `"r"`), `{"response_Code":"06","Identification_parameter":"","reserved":"r"}`)
}

func TestEverySpellingOfThePathIsOneDoor(t *testing.T) {
	h := newHouse(t, rail.Profile{})
	h.has(bill())
	for _, base := range []string{"/api/1.0/Payments", "/api/v1/Payments", "/api/v1", "//api/1.0/Payments/"} {
		if w := h.post(base+"/BillInquiry", `{"consumer_number":"`+psid+`"}`); !strings.HasPrefix(w.Body.String(), `{"response_Code":"00","consumer_D`) {
			t.Errorf("%s: %d %s", base, w.Code, w.Body)
		}
		if w := h.post(base+"/BillPayment", paying("transaction_amount", `"000000000001"`)); w.Body.String() != said("02", "") {
			t.Errorf("%s: %d %s", base, w.Code, w.Body)
		}
	}
	for path, status := range map[string]int{"/api/2.0/Payments/BillInquiry": 404, "/api/v1/BillReversal": 404, "": 404} {
		if w := h.post(path, paying()); w.Code != status || w.Body.String() != nothing("04") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	w := h.post(paymentPath, "", func(r *http.Request) { r.Method = http.MethodGet })
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" || w.Body.String() != said("04", "") {
		t.Errorf("GET: %d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestOnlyTheChannelItselfIsHeard(t *testing.T) {
	from := func(address string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = address } }
	header := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = values }
	}
	for what, c := range map[string]struct {
		channel string
		change  func(*http.Request)
		heard   bool
	}{
		"its own":                    {"hbl", func(*http.Request) {}, true},
		"no user name":               {"hbl", header("Username"), false},
		"no password":                {"hbl", header("Password"), false},
		"wrong user name":            {"hbl", header("Username", "Bank"), false},
		"wrong password":             {"hbl", header("Password", password+" "), false},
		"two user names":             {"hbl", header("Username", "bank", "bank"), false},
		"a password without end":     {"hbl", header("Password", strings.Repeat("x", 5000)), false},
		"a channel that is nobody's": {"abl", func(*http.Request) {}, false},
		"a channel that is off":      {"off", func(*http.Request) {}, false},
		"an address of the list":     {"ubl", from("203.0.113.9:4711"), true},
		"the same one in IPv6":       {"ubl", from("[::ffff:203.0.113.9]:4711"), true},
		"an address of nobody's":     {"ubl", from("198.51.100.1:4711"), false},
		"no address":                 {"ubl", from("@"), false},
	} {
		h := newHouse(t, rail.Profile{})
		h.has(bill())
		h.channel = c.channel
		inquired, paid := nothing("04"), said("04", "")
		if c.heard {
			paid = said("00", "00000000000000000001")
		}
		if w := h.post(inquiryPath, `{"consumer_number":"`+psid+`"}`, c.change); w.Code != http.StatusOK || (w.Body.String() == inquired) == c.heard {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
		h.says(what, h.post(paymentPath, paying(), c.change), paid)
		if !c.heard && len(h.core.seen) != 0 {
			t.Errorf("%s: it reached the core", what)
		}
	}
}

func TestAllowListSeesThroughTrustedProxies(t *testing.T) {
	h := newHouse(t, rail.Profile{})
	h.has(bill())
	h.channel = "ubl"
	behind := func(r *http.Request) {
		r.RemoteAddr = "10.0.0.1:1"
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
	}
	h.says("a proxy that nobody trusts", h.post(paymentPath, paying(), behind), said("04", ""))
	h.proxies(netip.MustParsePrefix("10.0.0.0/8"))
	h.says("a trusted one", h.post(paymentPath, paying(), behind), said("00", "00000000000000000001"))
}

func TestSandboxAndLiveDoNotMeet(t *testing.T) {
	h := newHouse(t, rail.Profile{})
	h.has(bill())
	h.channel = "test"
	h.says("a live bill over a sandbox channel", h.inquire(psid), nothing("01"))
	h.says("its payment", h.pay(), said("01", ""))
	b := bill()
	b.Sandbox = true
	h.has(b)
	h.says("a sandbox bill", h.pay(), said("00", "00000000000000000001"))
}

func TestConsumerNumberMayLackTheAggregatorsPrefix(t *testing.T) {
	h := newHouse(t, rail.Profile{})
	h.has(bill())
	short := strings.TrimPrefix(psid, "100119")
	for consumer, code := range map[string]string{psid: "00", short: "00", " " + short + "      ": "00", short[1:]: "01", "1": "01", "200219" + short: "01"} {
		if w := h.inquire(consumer); !strings.HasPrefix(w.Body.String(), `{"response_Code":"`+code+`"`) {
			t.Errorf("%q: %s; want %s", consumer, w.Body, code)
		}
	}
	h.says("a payment without it", h.pay("consumer_number", `"`+short+`"`), said("00", "00000000000000000001"))
	h.says("the same one with it", h.pay(), said("03", "00000000000000000001"))
}

func TestNumberThatMeansTwoBillsIsRefused(t *testing.T) {
	h := newHouse(t, rail.Profile{})
	h.channel = "two"
	short := strings.TrimPrefix(psid, "100119")
	h.says("nobody's", h.inquire(short), nothing("01"))
	b := bill()
	b.PSID = "200219" + short
	h.has(b)
	h.says("one", h.pay("consumer_number", `"`+short+`"`), said("00", "00000000000000000001"))
	if paid := h.core.seen[0].PSID; paid != b.PSID {
		t.Errorf("%s was paid", paid)
	}
	h.has(bill())
	h.says("two, asked", h.inquire(short), nothing("04"))
	h.says("two, paid", h.pay("consumer_number", `"`+short+`"`, "tran_auth_id", `"222222"`), said("04", ""))
	h.says("the whole number", h.pay("tran_auth_id", `"222222"`), said("00", "00000000000000000002"))
	other := bill()
	other.PSID, other.Sandbox = "300319"+short, true
	h.core.bills = map[string]rail.Bill{b.PSID: h.core.bills[b.PSID], other.PSID: other}
	h.says("one of the other mode is none", h.pay("consumer_number", `"`+short+`"`), said("03", "00000000000000000001"))
	h.core.down = errOutage
	h.says("when it cannot be told", h.pay("consumer_number", `"`+short+`"`), said("05", ""))
}

func TestOutcomeOfAPaymentIsItsCode(t *testing.T) {
	h := newHouse(t, rail.Profile{})
	h.says("nobody's", h.pay("consumer_number", `"`+nobody+`"`), said("01", ""))
	h.has(bill())
	h.says("too little", h.pay("transaction_amount", `"000000249999"`), said("02", ""))
	h.says("too much", h.pay("transaction_amount", `"000000250001"`), said("02", ""))
	h.says("the late amount before it is due", h.pay("transaction_amount", `"000000275000"`), said("02", ""))
	h.says("nothing", h.pay("transaction_amount", `"000000000000"`), said("02", ""))
	h.says("less than nothing", h.pay("transaction_amount", `"-0000000250000"`), said("02", ""))
	h.says("paid, the amount with its sign", h.pay("transaction_amount", `"+0000000250000"`), said("00", "00000000000000000001"))
	h.says("again", h.pay(), said("03", "00000000000000000001"))
	for _, other := range [][]string{
		{"tran_auth_id", `"123457"`}, {"tran_date", `"20260208"`}, {"tran_time", `"213001"`}, {"bank_mnemonic", `"UBL"`},
	} {
		h.says(other[0], h.pay(other...), said("06", ""))
	}
	for status, code := range map[string]string{"expired": "01", "cancelled": "01", "superseded": "01", "refunded": "06"} {
		b := bill()
		b.State = rail.BillClosed
		h.has(b)
		h.core.closed[psid] = status
		h.says(status, h.pay("tran_auth_id", `"999999"`), said(code, ""))
	}
	h.says("the first one, for ever", h.pay(), said("03", "00000000000000000001"))
}

func TestRefusedPaymentIsJudgedAfreshWhenItComesAgain(t *testing.T) {
	h := newHouse(t, rail.Profile{})
	h.says("nobody's yet", h.pay(), said("01", ""))
	b := bill()
	b.Amount = rupees(2600)
	h.has(b)
	h.says("another amount", h.pay(), said("02", ""))
	h.has(bill())
	h.says("right at last", h.pay(), said("00", "00000000000000000001"))
}

func TestOutageIsToldInTheBody(t *testing.T) {
	for _, down := range []error{errOutage, errBug, fault.New(fault.Overloaded), fault.New(fault.RateLimited)} {
		h := newHouse(t, rail.Profile{})
		h.has(bill())
		h.core.down = down
		h.says("inquiry", h.inquire(psid), nothing("03"))
		h.says("payment", h.pay(), said("05", ""))
		h.core.down, h.channels.down = nil, down
		h.says("inquiry without channels", h.inquire(psid), nothing("03"))
		h.says("payment without channels", h.pay(), said("05", ""))
	}
}

func TestAnswersAreCounted(t *testing.T) {
	h := newHouse(t, rail.Profile{})
	h.has(bill())
	h.pay()
	h.pay()
	h.inquire(psid)
	h.inquire(psid)
	h.channel = "made-up"
	h.inquire(psid)
	want := map[string]float64{"hbl payment 00": 1, "hbl payment 03": 1, "hbl inquiry 00": 2, "none inquiry 04": 1}
	got := h.counted()
	for k, n := range want {
		if got[k] != n {
			t.Errorf("%s: %v, want %v", k, got[k], n)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
}
