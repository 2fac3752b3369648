package asaanbill

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sarraf/event"
	"sarraf/invoice"
	"sarraf/money"
	"sarraf/payment"
)

// Webhook says what the guide's call-backs say. Of a static code's receipt the amount is what came, since none was asked for.
func (Door) Webhook(e event.Event) (event.Message, error) {
	var what any
	var err error
	switch e.Type {
	case invoice.EventPaid, invoice.EventReceived:
		what, err = processedOf(e)
	case invoice.EventUploadApproved:
		what, err = approvedOf(e)
	default:
		return event.Message{}, fmt.Errorf("asaanbill: no call-back tells of %s", e.Type)
	}
	if err != nil {
		return event.Message{}, fmt.Errorf("asaanbill: the data of event %d: %w", e.Seq, err)
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	err = enc.Encode(what)
	return event.Message{
		Header: [][2]string{{"Content-Type", "application/json"}},
		Body:   bytes.TrimSuffix(body.Bytes(), []byte("\n")),
	}, err
}

func processedOf(e event.Event) (processed, error) {
	var f payment.Fact
	if err := json.Unmarshal(e.Data, &f); err != nil {
		return processed{}, err
	}
	inv, x := f.Invoice, extraOf(f.Invoice)
	amount := inv.Total()
	if e.Type == invoice.EventReceived {
		if f.Payment == nil {
			return processed{}, fmt.Errorf("a receipt without a payment")
		}
		amount = f.Payment.Total()
	}
	return processed{
		Title: titleOf(inv, x), Identifier: x.Identifier, DueDate: dueDate(inv, longDay), Amount: plain(amount),
		AmountAfterDueDate: text(inv.LateAmount, inv.Currency), PSID: inv.PSID,
	}, nil
}

// plain is an amount as text: 1400, 1400.5.
func plain(a money.Amount) string { return string(a.JSONNumber()) }

func approvedOf(e event.Event) (bulkApproved, error) {
	var f invoice.UploadFact
	err := json.Unmarshal(e.Data, &f)
	return bulkApproved{BulkPaymentRequestID: json.Number(f.Upload.Number)}, err
}
