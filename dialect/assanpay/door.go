package assanpay

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"sarraf/event"
	"sarraf/internal/httpx"
	"sarraf/invoice"
)

// Door is what the rest of the house knows of this dialect.
type Door struct{}

var _ invoice.Door = Door{}

// Name is "assanpay".
func (Door) Name() string { return Name }

// Where the payer's pages are.
const (
	hostedPath = "/aik-qr/"
	payPath    = "/pay/"
)

// Hosted are the two addresses of the one page: completeLink, and link.
func (Door) Hosted() []invoice.Hosted {
	return []invoice.Hosted{{Pattern: hostedPath + "{token}"}, {Pattern: payPath + "{token}"}}
}

// HostedPath is the path of completeLink.
func (Door) HostedPath(inv invoice.Invoice) string { return hostedPath + inv.Token }

// PayPath is the same.
func (d Door) PayPath(inv invoice.Invoice) string { return d.HostedPath(inv) }

// Return is the merchant's link with order_id, transactionId and status, each where the link does not carry one of that name; "" while the
// invoice is open, and without a link.
func (Door) Return(_ context.Context, inv invoice.Invoice) (string, error) {
	word := returnWords[inv.Status]
	if word == "" || inv.ReturnURL == "" {
		return "", nil
	}
	pairs := []string{"order_id", inv.Reference, "transactionId", inv.Number, "status", word}
	own := parameters(inv.ReturnURL)
	for i := len(pairs) - 2; i >= 0; i -= 2 {
		if own[pairs[i]] {
			pairs = append(pairs[:i], pairs[i+2:]...)
		}
	}
	if len(pairs) == 0 {
		return inv.ReturnURL, nil
	}
	return httpx.AddQuery(inv.ReturnURL, pairs...), nil
}

// parameters are the names in the query of a URL, as a shop's program reads them.
func parameters(to string) map[string]bool {
	to, _, _ = strings.Cut(to, "#")
	_, query, _ := strings.Cut(to, "?")
	names := map[string]bool{}
	for _, pair := range strings.Split(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			names[plain] = true
		}
	}
	return names
}

// Wants is false: the guide knows no webhook, and its merchants ask.
func (Door) Wants(event.Type) bool { return false }

// Webhook is an error for every event, since none is wanted.
func (Door) Webhook(e event.Event) (event.Message, error) {
	return event.Message{}, fmt.Errorf("assanpay: no webhook tells of %s", e.Type)
}

// Acknowledged is true of any 2xx.
func (Door) Acknowledged(status int, _ []byte) bool { return status >= 200 && status <= 299 }

// Timeout is 10 seconds.
func (Door) Timeout() time.Duration { return 10 * time.Second }
