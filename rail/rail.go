// Package rail says what a way to move money is to the core: what it can be asked and what its answers mean.
//
// A rail never decides about books. It says what became of an attempt, and the nouns record it. The rails themselves are in the
// folders below; only cmd/sarraf names them.
package rail

import (
	"context"

	"sarraf/money"
)

// Outcome is what a rail says of an attempt.
type Outcome string

// The outcomes. Unknown is never tried again, only asked about: the money may have moved.
const (
	Accepted  Outcome = "accepted"  // the money moved
	Declined  Outcome = "declined"  // it did not, and this attempt is over; the payer may try again
	Over      Outcome = "over"      // it did not, and the rail says that no attempt can succeed any more
	Retryable Outcome = "retryable" // it did not, and the same attempt may be made again
	Unknown   Outcome = "unknown"   // there was no answer
)

// Method is one way to pay that a rail offers to a payer.
type Method struct {
	Key   string // what the payer's choice is called in a request, unique within the rail
	Label string // for the payer
	Hint  string // one more line for the payer, or ""
	Icon  string // names a drawing that the hosted page has: wallet, phone, bank, card, cash, qr, approve, decline, fail
	Test  bool   // an outcome of the sandbox, not a way to pay
}

// Charge asks a rail to take money from a payer for an invoice.
type Charge struct {
	ID        string // of the attempt: the same attempt asked twice has the same id
	Owner     string
	Invoice   string
	Amount    money.Amount
	MethodKey string // one of the rail's methods
}

// Answer is what a rail says to a charge.
type Answer struct {
	Outcome   Outcome
	Reference string // the rail's own id of the money movement; required when it is accepted
	Reason    string // why not, for the payer, in a sentence; "" when it is accepted
}

// Collector is a rail that takes money in on a payer's demand.
type Collector interface {
	// Name is the rail's name, which is also the name of the clearing account.
	Name() string
	// Methods are the ways to pay in the currency; none when the rail does not do it.
	Methods(c money.Currency) []Method
	// CanRefuse reports whether money can still be refused after the rail has accepted it, so that what does not fit an invoice
	// is turned away and not set aside.
	CanRefuse() bool
	// Charge makes an attempt. An error is as good as Unknown.
	Charge(ctx context.Context, c Charge) (Answer, error)
}
