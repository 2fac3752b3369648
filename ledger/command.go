package ledger

import (
	"time"

	"sarraf/fault"
)

// Command is a list of operations that are carried out all together or not at all, at least one.
type Command struct {
	At  time.Time // when it entered; it dates what the command writes, and holds expire by it
	Ops []Op
}

// Op is one operation: a Transfer, Hold, Post, Void or Expire.
type Op interface {
	// check tells what is wrong with the operation whatever the books say.
	check(at time.Time) *fault.Error
}

// Transfer moves an amount from one account to another of the same currency. It is written as two entries with its id: a debit of
// From and a credit of To. A correction is a Transfer of kind Correction whose subject is the transfer that it corrects.
type Transfer struct {
	ID            string  // unique in both owners; one that grows, as UUIDv7 does, is kept fastest
	From, To      Account // debited, credited
	Amount        int64   // minor units, more than 0
	Kind, Subject string  // why the money moves, and the id of what it moves for
}

// Hold sets money of the account From aside for a later transfer to To: it is still in the balance, and no longer available.
type Hold struct {
	ID            string // unique in the owner of From
	From, To      Account
	Amount        int64     // minor units, more than 0
	ExpiresAt     time.Time // from then on it can no longer be posted; zero for never
	Kind, Subject string    // as in Transfer; the transfer that Post makes has them
}

// Post turns a hold into the transfer it was for, of the whole amount.
type Post struct {
	Owner    string // of the hold
	Hold     string
	Transfer string // the id of the transfer it makes
}

// Void gives back what is held.
type Void struct {
	Owner, Hold string
}

// Expire gives back what is held after the hold's time.
type Expire struct {
	Owner, Hold string
}

// State is where a hold stands. Only a pending hold moves, once, to one of the other three.
type State string

// The states of a hold.
const (
	Pending State = "pending"
	Posted  State = "posted"
	Voided  State = "voided"
	Expired State = "expired"
)

// placed is the step with which a hold begins; those with which it ends are named as the state they lead to.
const placed = "placed"

// After tells what an operation left behind.
type After struct {
	From, To int64 // after a Transfer and a Post: the balances of the debited and the credited account; else 0
	Held     int64 // after a Hold, Post, Void and Expire: all that is held on the account; else 0
}

// Result is what became of a command.
type Result struct {
	Err    error   // the fault it was refused with, nil when it was carried out; then nothing of it was
	Exists bool    // it was carried out before, with this same content: nothing changed, and After is as it was then
	After  []After // for each operation; nil when it was refused
}

func checkMove(id string, from, to Account, amount int64) *fault.Error {
	switch {
	case id == "":
		return fault.New(fault.TransferInvalid).On("id")
	case !from.known():
		return fault.New(fault.TransferInvalid).On("from")
	case !to.known() || from == to || from.Currency != to.Currency:
		return fault.New(fault.TransferInvalid).On("to")
	case amount <= 0:
		return fault.New(fault.TransferInvalid).On("amount")
	}
	return nil
}

func (t Transfer) check(time.Time) *fault.Error { return checkMove(t.ID, t.From, t.To, t.Amount) }

func (h Hold) check(at time.Time) *fault.Error {
	if f := checkMove(h.ID, h.From, h.To, h.Amount); f != nil {
		return f
	}
	if !h.ExpiresAt.IsZero() && !h.ExpiresAt.After(at) {
		return fault.New(fault.TransferInvalid).On("expires_at")
	}
	return nil
}

func (p Post) check(time.Time) *fault.Error {
	if p.Transfer == "" {
		return fault.New(fault.TransferInvalid).On("transfer")
	}
	return nil
}

func (Void) check(time.Time) *fault.Error { return nil }

func (Expire) check(time.Time) *fault.Error { return nil }
