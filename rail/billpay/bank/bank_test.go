package bank

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// biller answers as it is told, and keeps what it was asked.
type biller struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string // path, user name, password, body
	answer func(path string, n int) string
	came   chan struct{}
}

func newBiller(t *testing.T, answer func(path string, n int) string) (*biller, *Bank) {
	b := &biller{answer: answer, came: make(chan struct{}, 100)}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		b.asked = append(b.asked, strings.Join([]string{r.URL.Path, r.Header.Get("username"), r.Header.Get("password"), string(body)}, " "))
		n := len(b.asked)
		b.mu.Unlock()
		b.came <- struct{}{}
		fmt.Fprint(w, b.answer(r.URL.Path, n))
	}))
	t.Cleanup(b.Close)
	return b, &Bank{
		URL: b.URL + "/billpay/hbl", Username: "bank", Password: "pw", Mnemonic: "HBL", Client: b.Client(),
	}
}

const unpaid = `{"response_Code":"00","consumer_Detail":"Fee, February                 ","bill_status":"U","due_date":"20260210",` +
	`"amount_within_dueDate":"+0000000250000","amount_after_dueDate":"+0000000275000","billing_month":"2602","date_paid":"        ",` +
	`"amount_paid":"            ","tran_auth_Id":"      ","reserved":""}`

func TestInquiryIsReadAsTheProtocolHasIt(t *testing.T) {
	for what, c := range map[string]struct {
		body string
		want Bill
	}{
		"unpaid": {unpaid, Bill{Code: "00", Detail: "Fee, February", Status: "U", DueDate: "20260210", Within: 250000, After: 275000, Month: "2602"}},
		"paid, as another member spells it": {
			strings.NewReplacer(`"U"`, `"P"`, `consumer_D`, `consumer_d`, `"date_paid":"        "`, `"date_paid":"20260209"`, `"+0`, `"00`,
				`"amount_paid":"            "`, `"amount_paid":"000000250000"`, `"tran_auth_Id":"      "`, `"tran_auth_Id":"123456"`).Replace(unpaid),
			Bill{
				Code: "00", Detail: "Fee, February", Status: "P", DueDate: "20260210", Within: 250000, After: 275000, Month: "2602",
				DatePaid: "20260209", AmountPaid: "000000250000", AuthID: "123456",
			},
		},
	} {
		b, bank := newBiller(t, func(string, int) string { return c.body })
		got, err := bank.Inquire(t.Context(), "123")
		c.want.Body = c.body
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", what, err, diff)
		}
		want := `/billpay/hbl/api/1.0/Payments/BillInquiry bank pw {"bank_mnemonic":"HBL","consumer_number":"123","reserved":""}`
		if b.asked[0] != want {
			t.Errorf("%s: it asked %s", what, b.asked[0])
		}
	}
}

func TestAnswerThatBreaksTheProtocolIsAnError(t *testing.T) {
	for _, change := range [][2]string{
		{`"response_Code":"00",`, ``},
		{`"00"`, `"0"`},
		{`"U"`, `"B"`},
		{`"U"`, `"P"`},
		{`February  `, `February `},
		{`"due_date":"20260210"`, `"due_date":"        "`},
		{`"due_date":"20260210"`, `"due_date":"2026-2-1"`},
		{`+0000000250000`, `+000000250000`},
		{`+0000000250000`, `+00000002500.0`},
		{`"reserved":""`, `"reserved":0`},
		{`"date_paid":"        "`, `"date_paid":"20260209"`},
		{`{`, `<`},
	} {
		_, bank := newBiller(t, func(string, int) string { return strings.Replace(unpaid, change[0], change[1], 1) })
		if b, err := bank.Inquire(t.Context(), "123"); err == nil {
			t.Errorf("%v: %+v", change, b)
		}
	}
	for _, body := range []string{
		`{"response_Code":"00","identification_parameter":"","reserved":""}`, `{"response_Code":"06","identification_parameter":"1","reserved":""}`,
		`{"response_Code":"00","identification_parameter":"123456789012345678901","reserved":""}`, `{"response_Code":"00","reserved":""}`,
		`{"response_Code":"06","identification_parameter":""}`,
	} {
		_, bank := newBiller(t, func(string, int) string { return body })
		if r, err := bank.Pay(t.Context(), Payment{}); err == nil {
			t.Errorf("%s: %+v", body, r)
		}
	}
}

func taken(string, int) string {
	return `{"response_Code":"00","identification_parameter":"77","reserved":""}`
}

func TestPaymentSaysWhatWasPaidAndWhen(t *testing.T) {
	b, bank := newBiller(t, taken)
	at := time.Date(2026, 2, 9, 20, 30, 5, 0, time.UTC)
	p := bank.NewPayment("123", 250000, at)
	other := bank.NewPayment("123", 250000, at)
	if len(p.AuthID) != 6 || p.AuthID == other.AuthID {
		t.Errorf("ids %s and %s", p.AuthID, other.AuthID)
	}
	r, err := bank.Pay(t.Context(), p)
	if err != nil || r.Code != "00" || r.Parameter != "77" || r.Meaning() != "done" {
		t.Fatalf("%+v, %v", r, err)
	}
	bank.Signed, bank.Base = true, "/api/v1"
	if _, err := bank.Pay(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ path, amount string }{{"/billpay/hbl/api/1.0/Payments", "000000250000"}, {"/billpay/hbl/api/v1", "+0000000250000"}} {
		said, err := json.Marshal(map[string]string{
			"consumer_number": "123", "tran_auth_id": p.AuthID, "transaction_amount": want.amount, "tran_date": "20260210", "tran_time": "013005",
			"bank_mnemonic": "HBL", "reserved": "",
		})
		if err != nil {
			t.Fatal(err)
		}
		if text := want.path + "/BillPayment bank pw " + string(said); b.asked[i] != text {
			t.Errorf("it said %s, want %s", b.asked[i], text)
		}
	}
}

func TestLostAnswerIsAskedForAgain(t *testing.T) {
	for _, loss := range []Loss{HangUp, Unheard} {
		b, bank := newBiller(t, taken)
		p := bank.NewPayment("123", 1, time.Now())
		if err := bank.PayUnheard(t.Context(), p, loss); !errors.Is(err, ErrLost) {
			t.Errorf("%d: %v", loss, err)
		}
		<-b.came // the payment came all the same
		if r, err := bank.Pay(t.Context(), p); err != nil || r.Parameter != "77" {
			t.Errorf("%d: %+v, %v", loss, r, err)
		}
		if b.asked[0] != b.asked[1] {
			t.Errorf("%d: the second time it said %s, the first %s", loss, b.asked[1], b.asked[0])
		}
	}
	_, bank := newBiller(t, taken)
	bank.URL = "http://127.0.0.1:1"
	if err := bank.PayUnheard(t.Context(), Payment{}, HangUp); err == nil || errors.Is(err, ErrLost) {
		t.Errorf("a payment that was never sent: %v", err)
	}
}

func TestBankInsistsUntilAnAnswerArrives(t *testing.T) {
	b, bank := newBiller(t, func(path string, n int) string {
		if n < 3 {
			return "<html>Bad gateway"
		}
		return taken(path, n)
	})
	if r, err := bank.Insist(t.Context(), Payment{}, 2); err == nil {
		t.Errorf("%+v after two", r)
	}
	if r, err := bank.Insist(t.Context(), Payment{}, 2); err != nil || r.Code != "00" || len(b.asked) != 3 {
		t.Errorf("%+v, %v after %d", r, err, len(b.asked))
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := bank.Insist(ended, Payment{}, 1000); err == nil {
		t.Error("it asked when nobody waited")
	}
}

func TestBanksPayTogether(t *testing.T) {
	_, bank := newBiller(t, func(_ string, n int) string {
		if n == 1 {
			return taken("", n)
		}
		return `{"response_Code":"06","identification_parameter":"","reserved":""}`
	})
	attempts := []Attempt{{Bank: bank}, {Bank: bank}, {Bank: bank}}
	Together(t.Context(), attempts)
	codes := map[string]int{}
	for _, a := range attempts {
		codes[a.Receipt.Code]++
		if a.Err != nil {
			t.Error(a.Err)
		}
	}
	if codes["00"] != 1 || codes["06"] != 2 {
		t.Error(codes)
	}
}

func TestAmountChangesAfterTheDueDateInKarachi(t *testing.T) {
	b := Bill{DueDate: "20260210", Within: 1, After: 2}
	midnight := time.Date(2026, 2, 10, 19, 0, 0, 0, time.UTC)
	if b.Asked(midnight.Add(-time.Second)) != 1 || b.Asked(midnight) != 2 {
		t.Errorf("%d, then %d", b.Asked(midnight.Add(-time.Second)), b.Asked(midnight))
	}
}

func TestEveryCodeHasItsWords(t *testing.T) {
	for _, code := range []string{"00", "01", "02", "03", "04", "05", "06", "99"} {
		r, b := Receipt{Code: code}.Meaning(), Bill{Code: code}.Meaning()
		if r == "" || b == "" || (r == b) != (code != "03") {
			t.Errorf("%s: %q, %q", code, r, b)
		}
	}
}
