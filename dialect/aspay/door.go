package aspay

import (
	"context"
	"time"

	"sarraf/event"
	"sarraf/internal/httpx"
	"sarraf/invoice"
)

// Door is what the rest of the house knows of this dialect.
type Door struct{}

var _ invoice.Door = Door{}

// Name is "aspay".
func (Door) Name() string { return Name }

// hostedPath is where the payer's pages are.
const hostedPath = "/methods/"

// Hosted is the one page where an invoice is shown and paid.
func (Door) Hosted() []invoice.Hosted { return []invoice.Hosted{{Pattern: hostedPath + "{token}"}} }

// HostedPath is the path of the invoice's page.
func (Door) HostedPath(inv invoice.Invoice) string { return hostedPath + inv.Token }

// PayPath is the same.
func (d Door) PayPath(inv invoice.Invoice) string { return d.HostedPath(inv) }

// Return is the callback URL with status, invoice_id and transaction_reference after its own query and before its fragment; "" while
// the invoice is open. Parameters of those names that the URL has itself stay before ours: PHP reads the last.
func (Door) Return(_ context.Context, inv invoice.Invoice) (string, error) {
	word := returnWords[inv.Status]
	if word == "" || inv.ReturnURL == "" {
		return "", nil
	}
	return httpx.AddQuery(inv.ReturnURL, "status", word, "invoice_id", inv.Number, "transaction_reference", inv.Reference), nil
}

// Wants is true of invoice.paid, the guide knows no other event of an invoice, and of a payout's moves. That it is unknown what became of a
// payout is no move that the guide has: it is still processing.
func (Door) Wants(t event.Type) bool { return eventNames[t] != "" }

// Acknowledged is true of any 2xx.
func (Door) Acknowledged(status int, _ []byte) bool { return status >= 200 && status <= 299 }

// Timeout is 10 seconds.
func (Door) Timeout() time.Duration { return 10 * time.Second }
