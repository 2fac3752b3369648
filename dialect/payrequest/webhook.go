package payrequest

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sarraf/event"
	"sarraf/invoice"
)

// eventWords are what the events are called that a merchant is told of. The guide knows none: these are ours.
var eventWords = map[event.Type]string{
	invoice.EventPaid:      "paid",
	invoice.EventFailed:    "failed",
	invoice.EventCancelled: "cancelled",
	invoice.EventExpired:   "expired",
}

// Webhook tells of an event in the words of the API: status is what get answered at that moment.
func (Door) Webhook(e event.Event) (event.Message, error) {
	word := eventWords[e.Type]
	if word == "" {
		return event.Message{}, fmt.Errorf("payrequest: no webhook tells of %s", e.Type)
	}
	var f invoice.Fact
	if err := json.Unmarshal(e.Data, &f); err != nil {
		return event.Message{}, fmt.Errorf("payrequest: the data of event %d: %w", e.Seq, err)
	}
	inv := f.Invoice
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	err := enc.Encode(notice{
		Event: word, Status: statusWords[inv.Status], ID: idOf(inv), Title: inv.Title, Amount: inv.Total().Decimal(),
		Currency: string(inv.Currency), At: e.At.UTC().Format("2006-01-02T15:04:05Z"),
	})
	return event.Message{
		Header: [][2]string{{"Content-Type", "application/json"}},
		Body:   bytes.TrimSuffix(body.Bytes(), []byte("\n")),
	}, err
}
