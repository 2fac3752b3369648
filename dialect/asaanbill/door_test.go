package asaanbill

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/payment"
	"sarraf/webhook"
)

var _ webhook.Addressed = Door{}

// chosen are merchants by owner.
type chosen map[string]merchant.Merchant

func (c chosen) Get(_ context.Context, owner string) (merchant.Merchant, error) {
	m, ok := c[owner]
	if !ok {
		return m, fault.New(fault.Outage)
	}
	return m, nil
}

func TestCallBacksGoWhereTheMerchantSaid(t *testing.T) {
	at := func(address string) merchant.Merchant {
		return merchant.Merchant{Settings: merchant.Settings{Callbacks: map[string]string{Name: address, "other": "https://no.example"}}}
	}
	d := NewDoor(chosen{"a": at("https://shop.example/hooks"), "b": at("https://shop.example/"), "c": at(""), "d": {}})
	for _, c := range []struct {
		owner string
		of    event.Type
		want  string
	}{
		{"a", invoice.EventPaid, "https://shop.example/hooks/processed"},
		{"a", invoice.EventReceived, "https://shop.example/hooks/processed"},
		{"b", invoice.EventUploadApproved, "https://shop.example/bulk-payment-request-approved"},
		{"c", invoice.EventPaid, ""},
		{"d", invoice.EventPaid, ""},
	} {
		got, err := d.Address(t.Context(), event.Written{Event: event.Event{Owner: c.owner, Type: c.of}})
		if err != nil || got != c.want {
			t.Errorf("%s of %s: %q, %v; want %q", c.of, c.owner, got, err, c.want)
		}
	}
	if _, err := d.Address(t.Context(), event.Written{Event: event.Event{Owner: "e", Type: invoice.EventPaid}}); !fault.Has(err, fault.Outage) {
		t.Errorf("the error is %v", err)
	}
}

func TestAcknowledgementIs2xxAndTheNumber200(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   bool
	}{
		{200, `{"responseCode":200,"responseMessage":"Request processed successfully"}`, true},
		{202, " {\"responseMessage\": null, \"responseCode\" : 200}\n", true},
		{299, `{"responseCode":200}`, true},
		{200, ``, false},
		{200, `OK`, false},
		{200, `{}`, false},
		{200, `{"responseCode":"200"}`, false},
		{200, `{"responseCode":2000}`, false},
		{200, `{"responseCode":400}`, false},
		{200, `{"responsecode":200}`, false},
		{200, `{"data":{"responseCode":200}}`, false},
		{200, `[{"responseCode":200}]`, false},
		{200, `{"responseCode":200`, false},
		{204, ``, false},
		{301, `{"responseCode":200}`, false},
		{500, `{"responseCode":200}`, false},
	} {
		if got := (Door{}).Acknowledged(c.status, []byte(c.body)); got != c.want {
			t.Errorf("%d %s: %v", c.status, c.body, got)
		}
	}
	if (Door{}).Timeout() != 5*time.Second {
		t.Errorf("it may take %v", Door{}.Timeout())
	}
}

// fact is an event about an invoice, and a payment where there is one.
func fact(t *testing.T, of event.Type, data any) event.Event {
	t.Helper()
	text, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return event.Event{Owner: "m", Seq: 7, Type: of, Data: text}
}

func TestCallBacksSayWhatTheGuideSays(t *testing.T) {
	bill := invoice.Invoice{
		Title: "Sheikh Amaan", PSID: "100139100100144754584584", Payer: "amaanx5a", Amount: 500000, LateAmount: 550050, Paid: 500000, Currency: "PKR",
		Kind: invoice.Bill, LateFrom: time.Date(2025, 6, 13, 19, 0, 0, 0, time.UTC), Extra: `{"identifier":" amaanx5a"}`, Status: invoice.Paid,
	}
	static := invoice.Invoice{
		Title: "Shop", PSID: "100139100100144754584584", Payer: "x", Currency: "PKR", Kind: invoice.Static, Extra: `{"identifier":"25","untitled":true}`,
	}
	paid := &payment.Payment{Amount: 12050, Currency: "PKR", Status: payment.Received}
	for _, c := range []struct {
		e    event.Event
		want string
	}{
		{
			fact(t, invoice.EventPaid, payment.Fact{Invoice: bill, Payment: paid}),
			`{"title":"Sheikh Amaan","identifier":" amaanx5a","dueDate":"2025-06-13","amount":"5000","amountAfterDueDate":"5500.5","psid":"100139100100144754584584"}`,
		},
		{
			fact(t, invoice.EventReceived, payment.Fact{Invoice: static, Payment: paid}),
			`{"title":null,"identifier":"25","dueDate":null,"amount":"120.5","amountAfterDueDate":null,"psid":"100139100100144754584584"}`,
		},
		{fact(t, invoice.EventUploadApproved, invoice.UploadFact{Upload: invoice.Upload{Number: "29"}}), `{"bulkPaymentRequestId":29}`},
	} {
		if !(Door{}).Wants(c.e.Type) {
			t.Errorf("nobody is told of %s", c.e.Type)
		}
		m, err := Door{}.Webhook(c.e)
		if err != nil || string(m.Body) != c.want || len(m.Header) != 1 || m.Header[0] != [2]string{"Content-Type", "application/json"} {
			t.Errorf("%s: %s %v, %v", c.e.Type, m.Body, m.Header, err)
		}
	}
}

func TestWhatIsNotInTheGuideIsNotTold(t *testing.T) {
	for _, of := range []event.Type{
		invoice.EventCreated, invoice.EventPartPaid, invoice.EventFailed, invoice.EventExpired, invoice.EventCancelled, invoice.EventSuperseded,
		payment.EventUnapplied, payment.EventFailed, "upload.created", "",
	} {
		if (Door{}).Wants(of) {
			t.Errorf("%q is told", of)
		}
		if m, err := (Door{}).Webhook(fact(t, of, nil)); err == nil {
			t.Errorf("%q is worded %s", of, m.Body)
		}
	}
	for _, e := range []event.Event{
		{Type: invoice.EventPaid, Data: []byte(`{"invoice":7}`)},
		{Type: invoice.EventUploadApproved, Data: []byte(`[]`)},
		{Type: invoice.EventReceived, Data: []byte(`{"invoice":{}}`)},
	} {
		if m, err := (Door{}).Webhook(e); err == nil {
			t.Errorf("%s is worded %s", e.Data, m.Body)
		}
	}
}

func TestBillsHaveNoPage(t *testing.T) {
	d, inv := Door{}, invoice.Invoice{Number: "25", Token: "x", Status: invoice.Paid, ReturnURL: "https://shop.example"}
	to, err := d.Return(t.Context(), inv)
	if d.Hosted() != nil || d.HostedPath(inv) != "" || d.PayPath(inv) != "" || to != "" || err != nil || d.Name() != "asaanbill" {
		t.Errorf("%v %q %q %q %v", d.Hosted(), d.HostedPath(inv), d.PayPath(inv), to, err)
	}
}

func TestEveryStatusHasItsWord(t *testing.T) {
	for _, s := range invoice.Statuses() {
		if statusWords[s] == "" {
			t.Errorf("%s has no word", s)
		}
	}
	for _, s := range []invoice.UploadStatus{invoice.UploadWaiting, invoice.UploadWorking, invoice.UploadDone} {
		if uploadWord(invoice.Upload{Status: s, Lines: 2, Done: 2, Errored: 1}) == "" {
			t.Errorf("%s has no word", s)
		}
	}
	if got := uploadWord(invoice.Upload{Status: invoice.UploadDone, Lines: 2, Done: 2, Errored: 2}); got != "ERRORED" {
		t.Errorf("an upload of nothing but errors is %s", got)
	}
	for state, want := range map[invoice.LineState]string{
		invoice.LineDraft: "DRAFT", invoice.LineInProcess: "IN_PROCESS", invoice.LineErrored: "ERRORED", invoice.LineMade: "DISCARD",
	} {
		if got := lineWord(invoice.UploadLine{State: state, Invoice: invoice.Invoice{Status: invoice.Expired}}); got != want {
			t.Errorf("%s is %s", state, got)
		}
	}
}
