package invoice

import (
	"context"
	"time"

	"sarraf/event"
)

// Door is what the rest of the house must know of a front door whose invoices have a hosted page and webhooks. Each dialect hands
// one over, and cmd/sarraf wires them; nothing else knows what a dialect is.
type Door interface {
	// Name is the door's name, as Invoice.Door has it.
	Name() string
	// Hosted are the pages the door owns.
	Hosted() []Hosted
	// HostedPath is the path of the page that the merchant is given for this invoice, "" when it has none.
	HostedPath(inv Invoice) string
	// PayPath is the path of the page where this invoice is paid: HostedPath, but where that is a landing page.
	PayPath(inv Invoice) string
	// Return is the URL to which the payer's browser is sent in the invoice's present status; "" when there is nowhere to go, or
	// no outcome yet. Its error is a fault.
	Return(ctx context.Context, inv Invoice) (string, error)
	// Wants reports whether the door tells merchants of events of this type.
	Wants(t event.Type) bool
	// Webhook says what a sending of the event holds. It is a function of the event alone, so that every try says the same.
	Webhook(e event.Event) (event.Message, error)
	// Acknowledged reports whether a merchant's answer counts as having got the message.
	Acknowledged(status int, body []byte) bool
	// Timeout is how long a merchant may take to answer.
	Timeout() time.Duration
}

// Hosted is a page of a door, on which its invoices are shown to their payers.
type Hosted struct {
	// Pattern is the routing pattern, with the one wildcard {token}.
	Pattern string
	// Landing is a page that says what is asked for and leads on to the one where it is paid.
	Landing bool
}
