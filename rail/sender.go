package rail

import (
	"context"
	"time"

	"sarraf/money"
)

// OrderKind is what money goes out for.
type OrderKind string

// The kinds of order.
const (
	OrderPayout     OrderKind = "payout"     // from a merchant's balance to somebody
	OrderRefund     OrderKind = "refund"     // of a payment, to whoever made it
	OrderWithdrawal OrderKind = "withdrawal" // from a wallet to its holder's account elsewhere
)

// Order asks a rail to send money out. The same order is the same in every field whenever it is handed over or asked about.
type Order struct {
	ID, Owner   string // ID is unique over all owners; a rail that keeps apart what it has done keeps it apart by the ID
	Kind        OrderKind
	Amount      money.Amount
	Method      string // what the destination is, as the catalog of payout methods names it: "bkash"; "" for a refund
	Destination string // an E.164 number, an IBAN without spaces, or ROUTING/ACCOUNT; "" for a refund
	Name        string // the recipient's
	Reference   string // the merchant's own id of it, "" for none
	Note        string
	// PaymentReference is the rail's own id of the payment that is given back, for a refund.
	PaymentReference string
}

// Sender is a rail that sends money out by itself. It is handed each order once; what it does not answer is asked about with Inquire, and
// never handed over again, unless it has said Retryable.
type Sender interface {
	// Name is the rail's name.
	Name() string
	// Sends reports whether it takes orders of the kind. Those that it does not take, a person carries out.
	Sends(k OrderKind) bool
	// Limit is how long one call may take.
	Limit() time.Duration
	// Send hands an order over. Its outcomes are Accepted, Declined, Over, Taken, Retryable - the order has certainly not been and will not be
	// carried out - and Unknown. An error is as good as Unknown.
	Send(ctx context.Context, o Order) (Answer, error)
	// Inquire asks what became of an order that was handed over. It never moves money. Its outcomes are Accepted, Declined, Over, Taken, Absent
	// and Unknown. An error is as good as Unknown.
	Inquire(ctx context.Context, o Order) (Answer, error)
}
