package main

import (
	"time"

	"sarraf/money"
	"sarraf/payout"
)

// payoutAnswer is a payout, a refund or a withdrawal as commands print it with --json. Amounts are in the major unit.
type payoutAnswer struct {
	ID               string    `json:"id"`
	Kind             string    `json:"kind"`
	Owner            string    `json:"owner"`              // whose money: the merchant's, or a wallet's
	Merchant         string    `json:"merchant,omitempty"` // on whose list it is
	Door             string    `json:"door,omitempty"`
	Number           string    `json:"number,omitempty"`
	Reference        string    `json:"reference,omitempty"`
	Batch            string    `json:"batch,omitempty"`
	Line             int64     `json:"line,omitempty"` // of the batch
	Method           string    `json:"method,omitempty"`
	MethodNumber     int64     `json:"method_number,omitempty"`
	Rail             string    `json:"rail"`
	Amount           string    `json:"amount"`
	Fee              string    `json:"fee"`
	Currency         string    `json:"currency"`
	RecipientName    string    `json:"recipient_name,omitempty"`
	Account          string    `json:"account,omitempty"` // as it was asked for
	Destination      string    `json:"destination,omitempty"`
	Description      string    `json:"description,omitempty"`
	Source           string    `json:"source"` // the account that it is taken from
	Target           string    `json:"target"` // and where it goes
	Subject          string    `json:"subject,omitempty"`
	PaymentReference string    `json:"payment_reference,omitempty"`
	Status           string    `json:"status"`
	Approval         string    `json:"approval,omitempty"`
	Reason           string    `json:"reason,omitempty"`
	AskedBy          string    `json:"asked_by"`
	DecidedBy        string    `json:"decided_by,omitempty"`
	RailReference    string    `json:"rail_reference,omitempty"`
	Sheet            string    `json:"sheet,omitempty"` // its id
	WebhookURL       string    `json:"webhook_url,omitempty"`
	Changes          int64     `json:"changes"`
	CreatedAt        time.Time `json:"created_at"`
	UpdatedAt        time.Time `json:"updated_at"`
	SentAt           time.Time `json:"sent_at,omitzero"`
	ProcessedAt      time.Time `json:"processed_at,omitzero"`
}

func payoutFacts(p payout.Payout) payoutAnswer {
	text := func(minor int64) string { return money.Of(minor, p.Currency).Decimal() }
	return payoutAnswer{
		ID: p.ID, Kind: string(p.Kind), Owner: p.Owner, Merchant: p.Merchant, Door: p.Door, Number: p.Number, Reference: p.Reference, Batch: p.Batch,
		Line: p.Line, Method: p.MethodKind, MethodNumber: p.Method, Rail: p.Rail, Amount: text(p.Amount), Fee: text(p.Fee),
		Currency: string(p.Currency), RecipientName: p.RecipientName, Account: p.Account, Destination: p.Destination, Description: p.Description,
		Source: p.Source, Target: p.Target, Subject: p.Subject, PaymentReference: p.PaymentReference, Status: string(p.Status),
		Approval: string(p.Approval), Reason: p.Reason, AskedBy: p.AskedBy, DecidedBy: p.DecidedBy, RailReference: p.RailReference, Sheet: p.Sheet,
		WebhookURL: p.WebhookURL, Changes: p.Changes, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, SentAt: p.SentAt, ProcessedAt: p.ProcessedAt,
	}
}

// facts are what people read of it.
func (a payoutAnswer) facts(fact func(name, value string), zone *time.Location) {
	fact(a.Kind, a.ID)
	status := a.Status
	if a.Approval == string(payout.Wanted) && a.Status == string(payout.Pending) {
		status += ", waits for a second person's approval"
	}
	if a.Reason != "" {
		status += " (" + plain(a.Reason) + ")"
	}
	fact("status", status)
	fact("amount", a.Amount+" "+a.Currency+", fee "+a.Fee)
	to := a.Method
	if a.RecipientName != "" {
		to += " " + plain(a.RecipientName)
	}
	fact("to", join(to, a.Destination))
	fact("rail", join(a.Rail, a.RailReference))
	for _, f := range []struct{ name, value string }{
		{"number", a.Number}, {"reference", a.Reference}, {"for", a.Description}, {"payment", a.PaymentReference}, {"of", a.Subject},
	} {
		if f.value != "" {
			fact(f.name, plain(f.value))
		}
	}
	fact("batch", a.Batch)
	fact("sheet", a.Sheet)
	fact("from", a.Source+" of "+a.Owner+" to "+a.Target)
	asked := plain(a.AskedBy) + ", " + clockText(a.CreatedAt, zone)
	if a.Door != "" {
		asked += ", through " + a.Door
	}
	fact("asked by", asked)
	if a.DecidedBy != "" {
		fact("decided by", plain(a.DecidedBy))
	}
	for _, f := range []struct {
		name string
		at   time.Time
	}{{"sent", a.SentAt}, {"ended", a.ProcessedAt}} {
		if !f.at.IsZero() {
			fact(f.name, clockText(f.at, zone))
		}
	}
	if a.WebhookURL != "" {
		fact("webhook", plain(a.WebhookURL))
	}
}

// join puts texts that come from outside behind one of ours.
func join(text, more string) string {
	if more == "" {
		return text
	}
	return text + ", " + plain(more)
}
