package crashtest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

const everyDoor = `{"native":{"api_key":"N","webhook_secret":"W"},"aspay":{"api_key":"K","api_secret":"S"},
	"assanpay":{"merchant_id":"M","api_key":"A"},"payrequest":{"token":"T"},
	"asaanbill":{"username":"U","password":"P"}}`

// The answers are those that each door's guide prints.
func TestDriversReadTheAnswersOfTheirDoors(t *testing.T) {
	var line Line
	if err := json.Unmarshal([]byte(everyDoor), &line); err != nil {
		t.Fatal(err)
	}
	type answers struct {
		made, page, taken                string
		open, paid, missing              Answer
		create, ask, askBody, createBody string
	}
	ok := func(body string) Answer { return Answer{Status: 200, Body: []byte(body)} }
	doors := map[string]answers{
		"aspay": {
			made: `{"status":"success","invoice_id":"ATINV1","payment_url":"http://h/methods/x"}`, page: "/methods/x",
			taken: `{"status":"error","message":"m"}`,
			open:  ok(`{"invoice_id":"ATINV1","status":"pending","amount_paid":0,"paid_at":null}`),
			paid:  ok(`{"invoice_id":"ATINV1","status":"paid","amount_paid":1,"paid_at":"x"}`), missing: Answer{Status: 404},
			create: "POST /api/payment/create", ask: "GET /api/payment/R-1", createBody: `"transaction_reference":"R-1"`,
		},
		"assanpay": {
			made: `{"status":"true","message":"m","data":{"id":"i","completeLink":"http://h/aik-qr/x"}}`, page: "/aik-qr/x",
			taken:   `{"success":"true","message":"Order Id already exists","data":{},"statusCode":"200"}`,
			open:    ok(`{"status":"true","data":{"orderId":"R-1","transactionStaus":"Pending","transactionStatus":"Pending"}}`),
			paid:    ok(`{"status":"true","data":{"orderId":"R-1","transactionStaus":"Completed","transactionStatus":"Completed"}}`),
			missing: Answer{Status: 404}, create: "POST /payment-request/qr/M", ask: "GET /payment/all-inquiry/M", createBody: `"order_id":"R-1"`,
		},
		"payrequest": {
			made: `{"status":"success","url":"http://h/abc"}`, page: "/abc",
			taken: `{"status":"error","error":"unknown","realerror":"id already exists"}`,
			open:  ok(`{"status":"pending"}`), paid: ok(`{"status":"paid"}`), missing: ok(`{"status":"error","error":"nosuchlink"}`),
			create: "POST /api/create/", ask: "POST /api/get/", askBody: `"id":"R-1"`, createBody: `"token":"T"`,
		},
	}
	doors["asaanbill"] = answers{
		made:  `{"responseCode":200,"data":{"id":25,"psid":"100139100100154854584585","status":"APPROVED"}}`,
		taken: `{"responseCode":409,"responseMessage":"m","data":null}`,
		open:  ok(`{"responseCode":200,"data":{"id":25,"status":"APPROVED"}}`), paid: ok(`{"responseCode":200,"data":{"id":25,"status":"PROCESSED"}}`),
		missing: Answer{Status: 404}, create: "POST /payment-hub/integration/add", ask: "GET /integration/payment/R-1", createBody: `"identifier":"R-1"`,
	}
	if in := line.login(); in.String() != "POST /integration/login" || !strings.Contains(string(in.Body), `"P"`) || line.loggedIn(ok(`{}`)) ||
		!line.loggedIn(ok(`{"data":{"token":"K","channel":{"id":23}}}`)) {
		t.Errorf("AsaanBill's user logs in by %v", in)
	}
	drivers := line.Drivers([]string{"aspay", "assanpay", "payrequest", "asaanbill", "nobody"})
	if len(drivers) != len(doors) {
		t.Fatalf("%d drivers, want %d", len(drivers), len(doors))
	}
	for _, d := range drivers {
		want := doors[d.Door]
		create, ask := d.Create(Order{Reference: "R-1", Amount: "1.50", Hook: "http://s/R-1"}), d.Ask("R-1")
		if create.String() != want.create || ask.String() != want.ask {
			t.Errorf("%s: %v, %v", d.Door, create, ask)
		}
		if !strings.Contains(string(create.Body), want.createBody) || !strings.Contains(string(create.Body), "1.50") ||
			!strings.Contains(string(ask.Body), want.askBody) || d.Door != "asaanbill" && !strings.Contains(string(create.Body), "http://s/R-1") {
			t.Errorf("%s: %s, %s", d.Door, create.Body, ask.Body)
		}
		page, made := d.Made(ok(want.made))
		if page != "" {
			page = pathOf(page)
		}
		if !made || page != want.page || d.Named != nil && d.Named(ok(want.made)) != "25" {
			t.Errorf("%s: made %v, page %q", d.Door, made, page)
		}
		if d.Named != nil && !slices.Contains(ask.Header, "K") {
			t.Errorf("%s: asked without the token", d.Door)
		}
		for _, no := range []Answer{ok(want.taken), ok(`not JSON`), {Status: 503, Body: []byte(want.made)}} {
			if _, made := d.Made(no); made {
				t.Errorf("%s: %d %s is taken for an acknowledgement", d.Door, no.Status, no.Body)
			}
		}
		for word, a := range map[string]Answer{d.Open: want.open, d.Paid: want.paid, "": want.missing} {
			if got, told := d.Standing(a); !told || got != word {
				t.Errorf("%s: %s is read as %q, %v, want %q", d.Door, a.Body, got, told, word)
			}
		}
		for _, no := range []Answer{ok(`not JSON`), {Status: 503, Body: want.open.Body}} {
			if word, told := d.Standing(no); told {
				t.Errorf("%s: %d %s is read as %q", d.Door, no.Status, no.Body, word)
			}
		}
	}
}
