package aspay

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sarraf/event"
	"sarraf/invoice"
)

// eventCompleted is what the guide calls the event of a paid invoice.
const eventCompleted = "payment.completed"

// Webhook says payment.completed of an event invoice.paid. Its timestamp is the event's; X-Webhook-Timestamp is when it is sent.
func (Door) Webhook(e event.Event) (event.Message, error) {
	if e.Type != invoice.EventPaid {
		return event.Message{}, fmt.Errorf("aspay: no webhook tells of %s", e.Type)
	}
	var f invoice.Fact
	if err := json.Unmarshal(e.Data, &f); err != nil {
		return event.Message{}, fmt.Errorf("aspay: the data of event %d: %w", e.Seq, err)
	}
	inv := f.Invoice
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	err := enc.Encode(completed{
		Event:     eventCompleted,
		Timestamp: millis(e.At),
		Data: completedData{
			InvoiceID: inv.Number, TransactionReference: inv.Reference, Status: "completed", Amount: inv.Total().JSONFixed(),
			AmountPaid: inv.AmountPaid().JSONFixed(), Currency: string(inv.Currency), CustomerName: inv.PayerName,
			PaidAt: millis(inv.PaidAt),
		},
	})
	return event.Message{
		Header: [][2]string{
			{"Content-Type", "application/json"},
			{"X-Webhook-Event", eventCompleted},
			{"X-Webhook-Timestamp", event.Unix},
		},
		Body: bytes.TrimSuffix(body.Bytes(), []byte("\n")),
	}, err
}
