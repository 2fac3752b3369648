package aspay

import (
	"encoding/json"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/invoice"
	"sarraf/money"
)

var john = invoice.Invoice{
	Owner: "o", ID: "i", Door: Name, Number: "ATINV17038392001234", Token: "tok", Reference: "TRX123456", PayerName: "John Doe", Amount: 10000,
	Currency: money.BDT, Paid: 10000, Status: invoice.Paid, ReturnURL: "https://yoursite.com/callback",
	PaidAt: time.Date(2026, 2, 10, 3, 30, 0, 0, time.FixedZone("Dhaka", 6*3600)),
}

func TestPayerIsSentBackWithTheOutcome(t *testing.T) {
	const ours = "invoice_id=ATINV17038392001234&transaction_reference=TRX123456"
	for to, want := range map[string]string{
		"https://yoursite.com/callback":          "https://yoursite.com/callback?status=success&" + ours,
		"https://yoursite.com":                   "https://yoursite.com?status=success&" + ours,
		"https://yoursite.com/?":                 "https://yoursite.com/?status=success&" + ours,
		"https://yoursite.com/cb?a=1":            "https://yoursite.com/cb?a=1&status=success&" + ours,
		"https://yoursite.com/cb?a=1&":           "https://yoursite.com/cb?a=1&status=success&" + ours,
		"https://yoursite.com/cb?a[]=%20#x?y":    "https://yoursite.com/cb?a[]=%20&status=success&" + ours + "#x?y",
		"https://yoursite.com/#/spa/route":       "https://yoursite.com/?status=success&" + ours + "#/spa/route",
		"https://yoursite.com/cb?status=pending": "https://yoursite.com/cb?status=pending&status=success&" + ours,
		"":                                       "",
	} {
		inv := john
		inv.ReturnURL = to
		if got := sent(t, inv); got != want {
			t.Errorf("%s: %s", to, got)
		}
	}
	inv := john
	inv.Reference = "a b&c=ü#?"
	if got, want := sent(t, inv), "https://yoursite.com/callback?status=success&invoice_id=ATINV17038392001234&transaction_reference=a+b%26c%3D%C3%BC%23%3F"; got != want {
		t.Errorf("%s", got)
	}
}

func TestEveryStatusHasItsWords(t *testing.T) {
	want := map[invoice.Status][2]string{
		invoice.Open: {"pending", ""}, invoice.Paid: {"paid", "success"}, invoice.Failed: {"failed", "cancel"}, invoice.Expired: {"expired", "cancel"},
		invoice.Cancelled: {"cancelled", "cancel"}, invoice.Superseded: {"cancelled", "cancel"}, invoice.Refunded: {"refunded", "success"},
	}
	for _, s := range invoice.Statuses() {
		if got := [2]string{statusWords[s], returnWords[s]}; got != want[s] || got[0] == "" {
			t.Errorf("%s: %q, want %q", s, got, want[s])
		}
	}
	open := john
	open.Status = invoice.Open
	if to := sent(t, open); to != "" {
		t.Errorf("the payer of an open invoice is sent to %s", to)
	}
}

// eventOf is an event about the invoice, at the time of the guide's example.
func eventOf(t *testing.T, typ event.Type, inv invoice.Invoice) event.Event {
	t.Helper()
	data, err := json.Marshal(invoice.Fact{Invoice: inv})
	if err != nil {
		t.Fatal(err)
	}
	return event.Event{Owner: "o", Seq: 3, Type: typ, Data: data, At: time.Date(2026, 2, 9, 21, 30, 0, 0, time.UTC)}
}

func TestWebhookIsTheGuidesExampleToTheByte(t *testing.T) {
	m, err := Door{}.Webhook(eventOf(t, invoice.EventPaid, john))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"event":"payment.completed","timestamp":"2026-02-09T21:30:00.000Z","data":{"invoice_id":"ATINV17038392001234",` +
		`"transaction_reference":"TRX123456","status":"completed","amount":100.00,"amount_paid":100.00,"currency":"BDT",` +
		`"customer_name":"John Doe","paid_at":"2026-02-09T21:30:00.000Z"}}`
	if string(m.Body) != want {
		t.Errorf("%s", m.Body)
	}
	headers := [][2]string{{"Content-Type", "application/json"}, {"X-Webhook-Event", "payment.completed"}, {"X-Webhook-Timestamp", "{unix}"}}
	if len(m.Header) != len(headers) {
		t.Fatalf("%q", m.Header)
	}
	for i, h := range headers {
		if m.Header[i] != h {
			t.Errorf("%q, want %q", m.Header[i], h)
		}
	}
}

func TestWebhookTellsNamesAndFractionsAsTheyAre(t *testing.T) {
	inv := john
	inv.PayerName, inv.Amount, inv.Paid = `<ড> & "Sons" \ `, 5, 5
	inv.PaidAt = inv.PaidAt.Add(123456 * time.Microsecond)
	m, err := Door{}.Webhook(eventOf(t, invoice.EventPaid, inv))
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Data completedData }
	if err := json.Unmarshal(m.Body, &got); err != nil {
		t.Fatal(err)
	}
	if d := got.Data; d.CustomerName != inv.PayerName || d.Amount != "0.05" || d.AmountPaid != "0.05" || d.PaidAt != "2026-02-09T21:30:00.123Z" {
		t.Errorf("%s", m.Body)
	}
}

func TestOfInvoicesTheMerchantIsToldOfPaymentsAlone(t *testing.T) {
	for typ, want := range map[event.Type]bool{
		invoice.EventPaid: true, invoice.EventCreated: false, invoice.EventPartPaid: false, invoice.EventFailed: false, invoice.EventExpired: false,
		invoice.EventCancelled: false, "payment.unapplied": false, "payment.refunded": false,
	} {
		if got := (Door{}).Wants(typ); got != want {
			t.Errorf("%s: %v", typ, got)
		}
		if _, err := (Door{}).Webhook(eventOf(t, typ, john)); (err == nil) != want {
			t.Errorf("%s: %v", typ, err)
		}
	}
	if _, err := (Door{}).Webhook(event.Event{Type: invoice.EventPaid, Data: json.RawMessage("{")}); err == nil {
		t.Error("an event that cannot be read is told")
	}
}

func TestAnyTwoHundredAcknowledges(t *testing.T) {
	for status, want := range map[int]bool{200: true, 201: true, 204: true, 299: true, 199: false, 300: false, 302: false, 410: false, 500: false, 0: false} {
		if got := (Door{}).Acknowledged(status, nil); got != want {
			t.Errorf("%d: %v", status, got)
		}
	}
	if d := (Door{}).Timeout(); d != 10*time.Second {
		t.Errorf("a merchant has %s", d)
	}
}

func TestPageIsWhereTheGuideSays(t *testing.T) {
	d := Door{}
	if d.Name() != "aspay" || d.HostedPath(john) != "/methods/tok" || len(d.Hosted()) != 1 || d.Hosted()[0].Pattern != "/methods/{token}" {
		t.Errorf("%s %s %v", d.Name(), d.HostedPath(john), d.Hosted())
	}
}
