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

	// Of orders that are sent out:

	Taken  Outcome = "taken"  // the rail has the order, and will say later what became of it
	Absent Outcome = "absent" // the rail says that it knows no such order, which decides nothing: it may still be on its way
)

// Method is one way to pay that a rail offers to a payer.
type Method struct {
	Key   string // what the payer's choice is called in a request, unique within the rail
	Label string // for the payer
	Hint  string // one more line for the payer, or ""
	Icon  string // names a drawing that the hosted page has: wallet, phone, bank, card, cash, qr, approve, decline, fail
	Test  bool   // an outcome of the sandbox, not a way to pay
	// Fields are what the payer types for it, on a step of its own, in this order; none: choosing it is all there is to it.
	Fields []Field
}

// Field is something that a payer types.
type Field struct {
	Key          string // what it is called in a request and in Charge.Fields, unique within the method; never "action" or "attempt"
	Label, Hint  string // for the payer; no hint is ""
	Kind         FieldKind
	Autocomplete string // what a browser may fill in, by HTML's names; "" is nothing
}

// FieldKind says what is typed, and with it how it is treated.
type FieldKind string

// The kinds of field.
const (
	FieldPhone FieldKind = "phone" // a mobile number in any usual spelling; shown again after a refusal
	FieldPIN   FieldKind = "pin"   // four digits and a secret: never shown again, logged, or part of an address
)

// Charge asks a rail to take money from a payer for an invoice.
type Charge struct {
	ID        string // of the attempt: the same attempt asked twice has the same id
	Owner     string
	Invoice   string
	Amount    money.Amount
	MethodKey string // one of the rail's methods
	// Fee is what the payer was told to come on top of Amount, in minor units of its currency. A rail takes no more than both.
	Fee int64
	// Fields are what the payer typed for the method, by Field.Key, as it was typed. They hold secrets.
	Fields map[string]string
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

// InHouse is a Collector whose money lies in our own books. Its Charge moves the money and settles the invoice in one transaction of the
// core, under the charge's id, so that neither can be there without the other: whoever asks it records nothing more. A fault that Charge
// answers is a refusal: nothing has moved, and the payer may be told why. The same charge again is answered as before.
type InHouse interface {
	Collector
	// Fee is what comes on top of an amount for most payers of the owner's invoices. A charge that would cost its payer more than
	// Charge.Fee is refused with fault AmountMismatch on fee, which has what is due.
	Fee(ctx context.Context, owner string, a money.Amount) (money.Amount, error)
}
