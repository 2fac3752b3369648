package aspay

import (
	"context"
	"net/url"
	"strings"
	"time"

	"sarraf/event"
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
	to, fragment, hasFragment := strings.Cut(inv.ReturnURL, "#")
	switch {
	case !strings.Contains(to, "?"):
		to += "?"
	case !strings.HasSuffix(to, "?") && !strings.HasSuffix(to, "&"):
		to += "&"
	}
	to += "status=" + word + "&invoice_id=" + url.QueryEscape(inv.Number) + "&transaction_reference=" + url.QueryEscape(inv.Reference)
	if hasFragment {
		to += "#" + fragment
	}
	return to, nil
}

// Wants is true of invoice.paid alone: the guide knows no other event of an invoice.
func (Door) Wants(t event.Type) bool { return t == invoice.EventPaid }

// Acknowledged is true of any 2xx.
func (Door) Acknowledged(status int, _ []byte) bool { return status >= 200 && status <= 299 }

// Timeout is 10 seconds.
func (Door) Timeout() time.Duration { return 10 * time.Second }
