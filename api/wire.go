package api

import (
	"context"
	"encoding/json"
	"time"

	"sarraf/event"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/payout"
	"sarraf/wallet"
)

// InvoiceFacts is what an invoice says of itself.
type InvoiceFacts struct {
	ID          string     `json:"id" doc:"Its own id. Ids sort by time." example:"019f1d9a-5c1e-7d3a-9d0b-1b2c3d4e5f60"`
	Number      string     `json:"number,omitempty" doc:"The id that its front door prints." example:"ATINV00000000000417"`
	Door        string     `json:"door" doc:"The front door it came in by." example:"aspay"`
	Reference   string     `json:"reference,omitempty" doc:"The merchant's own id of it, unique at that door." example:"ORDER-1001"`
	Title       string     `json:"title,omitempty"`
	Description string     `json:"description,omitempty" doc:"What it is for, in more words than the title."`
	StoreName   string     `json:"store_name,omitempty" doc:"The name that payers see in place of the merchant's own."`
	PayerName   string     `json:"payer_name,omitempty"`
	PayerEmail  string     `json:"payer_email,omitempty"`
	Amount      string     `json:"amount" doc:"What is asked for, in the major unit." example:"1234.50"`
	Currency    string     `json:"currency" doc:"ISO 4217." example:"BDT"`
	AmountPaid  string     `json:"amount_paid" doc:"What of it has come, in the major unit." example:"0.00"`
	Refunded    string     `json:"amount_refunded,omitempty" doc:"What of that was given back, in the major unit; absent when nothing was." example:"100.00"`
	Status      string     `json:"status" enum:"open,paid,failed,expired,cancelled,superseded,refunded"`
	Reason      string     `json:"reason,omitempty" doc:"Why it failed or was cancelled."`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty" doc:"When its time runs out; absent when it has no end."`
	PaidAt      *time.Time `json:"paid_at,omitempty" doc:"When it was paid whole."`
	Kind        string     `json:"kind,omitempty" enum:"bill,dynamic,static" doc:"Of what sort it is, if it is paid by a PSID: a bill with a due date, a code for one payment, or a code that any payer uses for any amount. Absent for a page or a link."`
	PSID        string     `json:"psid,omitempty" doc:"The number by which a payer's bank asks for it." example:"100139000000000000000018"`
	Payer       string     `json:"payer,omitempty" doc:"The merchant's own identifier of who is to pay."`
	LateAmount  string     `json:"late_amount,omitempty" doc:"What is asked for from late_from on, in the major unit." example:"1250.00"`
	LateFrom    *time.Time `json:"late_from,omitempty" doc:"When the day after the due date begins."`
	QR          string     `json:"qr,omitempty" doc:"The payload of its QR code."`
}

// Invoice is an invoice with the addresses that belong to it.
type Invoice struct {
	InvoiceFacts
	HostedURL string `json:"hosted_url,omitempty" doc:"The page where the payer pays."`
	ReturnURL string `json:"return_url,omitempty" doc:"Where the payer's browser would be sent now; absent while there is no outcome."`
}

// InvoiceDetail is an invoice with its payments.
type InvoiceDetail struct {
	Invoice
	Payments []Payment `json:"payments" nullable:"false" doc:"What came in for it, oldest first, attempts that failed among them; of a static code the newest 100."`
}

// Payment is money that came in for an invoice, or an attempt at it.
type Payment struct {
	ID            string    `json:"id"`
	Rail          string    `json:"rail" doc:"The way the money came." example:"sandbox"`
	RailReference string    `json:"rail_reference" doc:"The rail's own id of it."`
	Amount        string    `json:"amount" example:"1234.50"`
	Currency      string    `json:"currency" example:"BDT"`
	Applied       string    `json:"applied" doc:"What of it settled the invoice."`
	Unapplied     string    `json:"unapplied" doc:"What was set aside, since it settled nothing."`
	Fee           string    `json:"fee" doc:"What the house took of it."`
	Status        string    `json:"status" enum:"received,failed"`
	Reason        string    `json:"reason,omitempty" doc:"Why it failed, or was set aside."`
	Number        string    `json:"number,omitempty" doc:"The number of the receipt that the payer was shown."`
	Late          bool      `json:"late" doc:"It settled an invoice that had failed, expired or been cancelled."`
	At            time.Time `json:"at"`
}

// Event is one fact.
type Event struct {
	Number  int64     `json:"number" doc:"Gapless for the merchant, from 1, in the order in which things became true."`
	Type    string    `json:"type" example:"invoice.paid"`
	At      time.Time `json:"at"`
	Kind    string    `json:"kind" doc:"What sort of thing it is about." example:"invoice"`
	Subject string    `json:"subject" doc:"The id of that thing."`
	Door    string    `json:"door,omitempty" doc:"The front door that thing came in by."`
	Data    EventData `json:"data"`
}

// EventData is what the things that an event is about then looked like.
type EventData struct {
	Invoice  *InvoiceFacts `json:"invoice,omitempty"`
	Payment  *Payment      `json:"payment,omitempty"`
	Funding  *Funding      `json:"funding,omitempty"`
	Transfer *Transfer     `json:"transfer,omitempty"`
	Payout   *Payout       `json:"payout,omitempty"`
	Batch    *PayoutBatch  `json:"batch,omitempty"`
	Refund   *Refund       `json:"refund,omitempty"`
}

// Funding is money that the operator put on the merchant's balance.
type Funding struct {
	ID       string `json:"id"`
	Amount   string `json:"amount" example:"1000.00"`
	Currency string `json:"currency" example:"BDT"`
}

// Balance is what stands on one account.
type Balance struct {
	Currency  string `json:"currency" example:"BDT"`
	Kind      string `json:"kind" doc:"What the account is for: balance is the merchant's money, clearing/RAIL what that rail owes." example:"balance"`
	Balance   string `json:"balance" doc:"Credits less debits, in the major unit." example:"1234.50"`
	Held      string `json:"held" doc:"What of it is set aside." example:"0.00"`
	Available string `json:"available" doc:"What of it can be used." example:"1234.50"`
}

// Page is one page of a list.
type Page[T any] struct {
	Data    []T  `json:"data" nullable:"false"`
	HasMore bool `json:"has_more" doc:"There is more in the direction that was asked for."`
}

func major(minor int64, c money.Currency) string { return money.Of(minor, c).Decimal() }

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// lateAmount is what an invoice asks for after its due date, "" when it has none.
func lateAmount(i invoice.Invoice) string {
	if i.LateFrom.IsZero() {
		return ""
	}
	return major(i.LateAmount, i.Currency)
}

func factsOf(i invoice.Invoice) InvoiceFacts {
	return InvoiceFacts{
		ID: i.ID, Number: i.Number, Door: i.Door, Reference: i.Reference, Title: i.Title, Description: i.Description,
		StoreName: i.StoreName, PayerName: i.PayerName, PayerEmail: i.PayerEmail, Amount: major(i.Amount, i.Currency), Currency: string(i.Currency), AmountPaid: major(i.Paid, i.Currency),
		Refunded: bound(i.Refunded, i.Currency),
		Status:   string(i.Status), Reason: i.Reason, CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt,
		ExpiresAt: moment(i.ExpiresAt), PaidAt: moment(i.PaidAt),
		Kind: string(i.Kind), PSID: i.PSID, Payer: i.Payer, LateAmount: lateAmount(i), LateFrom: moment(i.LateFrom), QR: i.QR,
	}
}

// invoiceOf is a function of the invoice and the configuration, and of the merchant's signing secret where its door signs returns.
func (a *api) invoiceOf(ctx context.Context, i invoice.Invoice) (Invoice, error) {
	out := Invoice{InvoiceFacts: factsOf(i)}
	door, ok := a.doors[i.Door]
	if !ok {
		return out, nil
	}
	var err error
	if path := door.HostedPath(i); path != "" {
		out.HostedURL = a.PublicURL + path
	}
	out.ReturnURL, err = door.Return(ctx, i)
	return out, err
}

func paymentOf(p payment.Payment) Payment {
	return Payment{
		ID: p.ID, Rail: p.Rail, RailReference: p.RailReference, Amount: major(p.Amount, p.Currency), Currency: string(p.Currency),
		Applied: major(p.Applied, p.Currency), Unapplied: major(p.Unapplied, p.Currency), Fee: major(p.Fee, p.Currency),
		Status: string(p.Status), Reason: p.Reason, Late: p.Late, At: p.At, Number: p.Number,
	}
}

// eventOf tells an event without what is nobody's business outside: page tokens, minor units, a dialect's own notes. Of a kind it
// does not know it tells that it happened, without data.
func eventOf(e event.Event) (Event, error) {
	out := Event{
		Number: e.Seq, Type: string(e.Type), At: e.At, Kind: e.Kind, Subject: e.Subject, Door: e.Door,
	}
	switch e.Kind {
	case invoice.EventKind:
		var fact payment.Fact
		if err := json.Unmarshal(e.Data, &fact); err != nil {
			return out, err
		}
		facts := factsOf(fact.Invoice)
		out.Data.Invoice = &facts
		if fact.Payment != nil {
			p := paymentOf(*fact.Payment)
			out.Data.Payment = &p
		}
		if e.Type == invoice.EventRefunded {
			var back payment.RefundFact
			if err := json.Unmarshal(e.Data, &back); err != nil {
				return out, err
			}
			x := refundOf(back.Refund)
			out.Data.Refund = &x
		}
	case wallet.EventKind, wallet.ReceiptKind:
		var fact wallet.Fact
		if err := json.Unmarshal(e.Data, &fact); err != nil {
			return out, err
		}
		// What the sender had left is not the receiver's to know.
		own, near := e.Kind == wallet.EventKind, fact.Transfer.ReceiverMerchant == e.Owner
		t := transferOf(shownTo(fact.Transfer, own, near), own)
		out.Data.Transfer = &t
	case payout.EventKind:
		var fact payout.Fact
		if err := json.Unmarshal(e.Data, &fact); err != nil {
			return out, err
		}
		p := payoutOf(fact.Payout)
		out.Data.Payout = &p
	case payout.BatchEventKind:
		var fact payout.BatchFact
		if err := json.Unmarshal(e.Data, &fact); err != nil {
			return out, err
		}
		b := batchOf(fact.Batch)
		out.Data.Batch = &b
	case merchant.EventKind:
		var f merchant.Funding
		if err := json.Unmarshal(e.Data, &f); err != nil {
			return out, err
		}
		out.Data.Funding = &Funding{ID: f.ID, Amount: major(f.Amount, f.Currency), Currency: string(f.Currency)}
	}
	return out, nil
}
