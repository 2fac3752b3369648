package asaanbill

import (
	"context"
	"strings"
	"time"

	"sarraf/event"
	"sarraf/internal/httpx"
	"sarraf/invoice"
	"sarraf/merchant"
)

// Merchants tells what a merchant has chosen: merchant.Service.
type Merchants interface {
	Get(ctx context.Context, owner string) (merchant.Merchant, error)
}

// Door is what the rest of the house knows of this dialect.
type Door struct{ merchants Merchants }

var _ invoice.Door = Door{}

// NewDoor is the dialect's door, which tells merchants at the addresses that they have chosen.
func NewDoor(m Merchants) Door { return Door{merchants: m} }

// Name is "asaanbill".
func (Door) Name() string { return Name }

// Hosted is empty: bills are paid in the payers' banking apps.
func (Door) Hosted() []invoice.Hosted { return nil }

// HostedPath is "".
func (Door) HostedPath(invoice.Invoice) string { return "" }

// PayPath is "".
func (Door) PayPath(invoice.Invoice) string { return "" }

// Return is "": nobody was sent from anywhere.
func (Door) Return(context.Context, invoice.Invoice) (string, error) { return "", nil }

// callbacks are the ends of the addresses at which merchants are told, by event.
var callbacks = map[event.Type]string{
	invoice.EventPaid: "/processed", invoice.EventReceived: "/processed", invoice.EventUploadApproved: "/bulk-payment-request-approved",
}

// Wants is true of a payment that was paid, of each receipt of a static code, and of an upload whose PSIDs are assigned.
func (Door) Wants(t event.Type) bool { return callbacks[t] != "" }

// Address makes it a webhook.Addressed: the merchant's own address at the time of the event, with the end that the guide prints; "" where it has chosen none.
func (d Door) Address(ctx context.Context, e event.Written) (string, error) {
	m, err := d.merchants.Get(ctx, e.Owner)
	base := m.Settings.Callbacks[Name]
	if err != nil || base == "" {
		return "", err
	}
	return strings.TrimRight(base, "/") + callbacks[e.Type], nil
}

// Acknowledged is true of a 2xx whose body is JSON with the number 200 as responseCode.
func (Door) Acknowledged(status int, body []byte) bool {
	if status < 200 || status > 299 {
		return false
	}
	fields, err := httpx.ParseFields("application/json", body)
	code, _ := fields.Raw("responseCode")
	return err == nil && code == "200"
}

// Timeout is 5 seconds.
func (Door) Timeout() time.Duration { return 5 * time.Second }
