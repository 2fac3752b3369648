package aspay

import (
	"encoding/json"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/money"
	"sarraf/payout"
)

// withdrawal is the payout of the guide's example.
var withdrawal = payout.Payout{
	Owner: "o", ID: "p", Kind: payout.KindPayout, Door: Name, Number: "ATPAY17038392001234", Reference: "WD123456", Amount: 50000, Currency: money.BDT,
	RecipientName: "John Doe", Account: "01712345678", Destination: "+8801712345678", Status: payout.Completed,
	CreatedAt:   time.Date(2026, 2, 9, 21, 0, 0, 0, time.UTC),
	ProcessedAt: time.Date(2026, 2, 10, 3, 30, 0, 0, time.FixedZone("Dhaka", 6*3600)),
}

// payoutEvent is an event about the payout, at the time of the guide's example.
func payoutEvent(t *testing.T, typ event.Type, p payout.Payout) event.Event {
	t.Helper()
	data, err := json.Marshal(payout.Fact{Payout: p})
	if err != nil {
		t.Fatal(err)
	}
	return event.Event{Owner: "o", Seq: 3, Type: typ, Data: data, At: time.Date(2026, 2, 9, 21, 30, 0, 0, time.UTC)}
}

func TestPayoutsWebhookIsTheGuidesExampleToTheByte(t *testing.T) {
	m, err := Door{}.Webhook(payoutEvent(t, payout.EventCompleted, withdrawal))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"event":"payout.completed","timestamp":"2026-02-09T21:30:00.000Z","data":{"payout_id":"ATPAY17038392001234",` +
		`"transaction_reference":"WD123456","status":"completed","amount":500.00,"fee":0.00,"recipient_name":"John Doe",` +
		`"recipient_account":"01712345678","processed_at":"2026-02-09T21:30:00.000Z"}}`
	if string(m.Body) != want {
		t.Errorf("%s", m.Body)
	}
	headers := [][2]string{{"Content-Type", "application/json"}, {"X-Webhook-Event", "payout.completed"}, {"X-Webhook-Timestamp", "{unix}"}}
	if len(m.Header) != len(headers) {
		t.Fatalf("%q", m.Header)
	}
	for i, h := range headers {
		if m.Header[i] != h {
			t.Errorf("%q, want %q", m.Header[i], h)
		}
	}
}

func TestEachMoveOfAPayoutHasItsWebhookAndDoubtHasNone(t *testing.T) {
	for typ, want := range map[event.Type]struct {
		status payout.Status
		word   string
	}{
		payout.EventProcessing: {payout.Processing, "processing"}, payout.EventCompleted: {payout.Completed, "completed"},
		payout.EventRejected: {payout.Rejected, "rejected"}, payout.EventCancelled: {payout.Cancelled, "cancelled"},
		payout.EventRequested: {payout.Pending, ""}, payout.EventApproved: {payout.Pending, ""}, payout.EventUnknown: {payout.Unknown, ""},
	} {
		p := withdrawal
		p.Status = want.status
		if !want.status.Final() {
			p.ProcessedAt = time.Time{}
		}
		if got := (Door{}).Wants(typ); got != (want.word != "") {
			t.Errorf("%s: %v", typ, got)
		}
		m, err := Door{}.Webhook(payoutEvent(t, typ, p))
		if want.word == "" {
			if err == nil {
				t.Errorf("%s is told: %s", typ, m.Body)
			}
			continue
		}
		var got struct {
			Event string
			Data  payoutData
		}
		if err != nil || json.Unmarshal(m.Body, &got) != nil {
			t.Fatalf("%v %s", err, m.Body)
		}
		if got.Event != "payout."+want.word || got.Data.Status != want.word || (got.Data.ProcessedAt != nil) != want.status.Final() {
			t.Errorf("%s: %s", typ, m.Body)
		}
	}
	if _, err := (Door{}).Webhook(event.Event{Type: payout.EventCompleted, Data: json.RawMessage("{")}); err == nil {
		t.Error("an event that cannot be read is told")
	}
}

func TestPayoutsWebhookTellsNamesAndFractionsAsTheyAre(t *testing.T) {
	p := withdrawal
	p.RecipientName, p.Account, p.Amount, p.Fee = `<ড> & "Sons" \ `, "+880 1712-345678", 5, 1050
	p.ProcessedAt = p.ProcessedAt.Add(123456 * time.Microsecond)
	m, err := Door{}.Webhook(payoutEvent(t, payout.EventRejected, p))
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Data payoutData }
	if err := json.Unmarshal(m.Body, &got); err != nil {
		t.Fatal(err)
	}
	d := got.Data
	if d.RecipientName != p.RecipientName || d.RecipientAccount != p.Account || d.Amount != "0.05" || d.Fee != "10.50" || *d.ProcessedAt != "2026-02-09T21:30:00.123Z" {
		t.Errorf("%s", m.Body)
	}
}

func TestEveryStatusOfAPayoutHasItsWord(t *testing.T) {
	want := map[payout.Status]string{
		payout.Pending: "pending", payout.Processing: "processing", payout.Unknown: "processing", payout.Completed: "completed",
		payout.Rejected: "rejected", payout.Cancelled: "cancelled",
	}
	for _, s := range payout.Statuses() {
		if got := payoutWords[s]; got != want[s] || got == "" {
			t.Errorf("%s: %q, want %q", s, got, want[s])
		}
	}
}
