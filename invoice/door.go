package invoice

import (
	"time"

	"sarraf/event"
)

// Door is what the rest of the house must know of a front door whose invoices have a hosted page and webhooks. Each dialect hands
// one over, and cmd/sarraf wires them; nothing else knows what a dialect is.
type Door interface {
	// Name is the door's name, as Invoice.Door has it.
	Name() string
	// HostedPaths are the routing patterns of the pages the door owns, each with one wildcard {token}.
	HostedPaths() []string
	// HostedPath is the path of this invoice's page.
	HostedPath(inv Invoice) string
	// Return is the URL to which the payer's browser is sent in the invoice's present status; "" when there is nowhere to go, or
	// no outcome yet.
	Return(inv Invoice) string
	// Wants reports whether the door tells merchants of events of this type.
	Wants(t event.Type) bool
	// Webhook says what a sending of the event holds. It is a function of the event alone, so that every try says the same.
	Webhook(e event.Event) (event.Message, error)
	// Acknowledged reports whether a merchant's answer counts as having got the message.
	Acknowledged(status int, body []byte) bool
	// Timeout is how long a merchant may take to answer.
	Timeout() time.Duration
}
