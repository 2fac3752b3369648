package aspay

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sarraf/event"
	"sarraf/invoice"
	"sarraf/payout"
)

// eventNames are what the guide calls the events it knows.
var eventNames = map[event.Type]string{
	invoice.EventPaid:      "payment.completed",
	payout.EventProcessing: "payout.processing",
	payout.EventCompleted:  "payout.completed",
	payout.EventRejected:   "payout.rejected",
	payout.EventCancelled:  "payout.cancelled",
}

// Webhook says payment.completed of an event invoice.paid, and of a payout's event what the guide calls it. Its timestamp is the event's;
// X-Webhook-Timestamp is when it is sent.
func (Door) Webhook(e event.Event) (event.Message, error) {
	name := eventNames[e.Type]
	if name == "" {
		return event.Message{}, fmt.Errorf("aspay: no webhook tells of %s", e.Type)
	}
	say := payoutTold
	if e.Type == invoice.EventPaid {
		say = invoiceTold
	}
	data, err := say(e)
	if err != nil {
		return event.Message{}, fmt.Errorf("aspay: the data of event %d: %w", e.Seq, err)
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	err = enc.Encode(told{Event: name, Timestamp: millis(e.At), Data: data})
	return event.Message{
		Header: [][2]string{
			{"Content-Type", "application/json"},
			{"X-Webhook-Event", name},
			{"X-Webhook-Timestamp", event.Unix},
		},
		Body: bytes.TrimSuffix(body.Bytes(), []byte("\n")),
	}, err
}

// invoiceTold is what is said of a paid invoice.
func invoiceTold(e event.Event) (any, error) {
	var f invoice.Fact
	if err := json.Unmarshal(e.Data, &f); err != nil {
		return nil, err
	}
	inv := f.Invoice
	return completedData{
		InvoiceID: inv.Number, TransactionReference: inv.Reference, Status: "completed", Amount: inv.Total().JSONFixed(),
		AmountPaid: inv.AmountPaid().JSONFixed(), Currency: string(inv.Currency), CustomerName: inv.PayerName,
		PaidAt: millis(inv.PaidAt),
	}, nil
}

// payoutTold is what is said of a payout.
func payoutTold(e event.Event) (any, error) {
	var f payout.Fact
	if err := json.Unmarshal(e.Data, &f); err != nil {
		return nil, err
	}
	p := f.Payout
	data := payoutData{
		PayoutID: p.Number, TransactionReference: p.Reference, Status: payoutWords[p.Status], Amount: p.Money().JSONFixed(),
		Fee: p.FeeMoney().JSONFixed(), RecipientName: p.RecipientName, RecipientAccount: p.Account,
	}
	if !p.ProcessedAt.IsZero() {
		at := millis(p.ProcessedAt)
		data.ProcessedAt = &at
	}
	return data, nil
}
