// Package payout keeps money that goes out: to whom, who approved it, and what the rails said.
//
// A row of payout is all money that leaves: a merchant's payout, the refund of a payment, the withdrawal from a wallet. What is asked for is
// set aside by holds at once, goes out over a rail, and is posted when the rail has done it, or given back. A payout whose rail fell
// silent is unknown until there is evidence; it is asked about, and never sent again. DESIGN.md tells how.
package payout

import (
	"encoding/json"
	"time"

	"sarraf/event"
	"sarraf/money"
	"sarraf/rail"
)

// Kind is what money goes out for.
type Kind = rail.OrderKind

// The kinds.
const (
	KindPayout     = rail.OrderPayout
	KindRefund     = rail.OrderRefund
	KindWithdrawal = rail.OrderWithdrawal
)

// Manual is the name of the rail whose orders a person carries out.
const Manual = "manual"

// Sandbox is the name of the rail that moves no money.
const Sandbox = "sandbox"

// Approval says whether a second person has to approve a payout.
type Approval string

// The approvals.
const (
	NoApproval Approval = ""       // none is needed
	Wanted     Approval = "wanted" // it waits for one
	Given      Approval = "given"  // by Payout.DecidedBy
)

// Payout is money that goes out, or is to.
type Payout struct {
	Owner            string         `json:"owner"` // whose account it leaves: a merchant, or the holder of a wallet
	ID               string         `json:"id"`    // UUIDv7, made where the command entered
	Kind             Kind           `json:"kind"`
	Merchant         string         `json:"merchant"`            // whose list it is on and who is told: the owner, or the merchant of the owner's wallet
	Door             string         `json:"door"`                // the front door it came in by
	Number           string         `json:"number,omitempty"`    // the id that door prints, unique for ever; "" when it prints none
	Reference        string         `json:"reference,omitempty"` // the merchant's own id, unique per merchant and door; "" for none
	Batch            string         `json:"batch,omitempty"`     // the id of the batch it came in by
	Line             int64          `json:"line,omitempty"`      // its place there, from 1
	Method           int64          `json:"method,omitempty"`    // the number of the merchant's method; 0 for a refund
	MethodKind       string         `json:"method_kind,omitempty"`
	MethodName       string         `json:"method_name,omitempty"` // as it was called then
	Rail             string         `json:"rail"`
	Amount           int64          `json:"amount"` // what the recipient gets, minor units of Currency
	Fee              int64          `json:"fee"`    // what the owner pays on top
	Currency         money.Currency `json:"currency"`
	RecipientName    string         `json:"recipient_name,omitempty"`
	Account          string         `json:"account,omitempty"`     // the recipient's, as it was written
	Destination      string         `json:"destination,omitempty"` // the same as rails are told it: E.164, an IBAN without spaces, ROUTING/ACCOUNT
	Description      string         `json:"description,omitempty"`
	WebhookURL       string         `json:"webhook_url,omitempty"`
	Source           string         `json:"source"`                      // the kind of the owner's account that it leaves
	Target           string         `json:"target"`                      // the kind of the owner's account that says where it went
	Subject          string         `json:"subject,omitempty"`           // what it is for: a refund's payment, a withdrawal's transfer
	PaymentReference string         `json:"payment_reference,omitempty"` // a refund's payment, as its rail calls it
	Status           Status         `json:"status"`
	Approval         Approval       `json:"approval,omitempty"`
	Reason           string         `json:"reason,omitempty"`     // why it was rejected or cancelled, or on what evidence a person ended it
	AskedBy          string         `json:"asked_by"`             // who asked for it, as merchant.Actor names them
	DecidedBy        string         `json:"decided_by,omitempty"` // who approved it; where nobody had to, who ended it by hand
	RailReference    string         `json:"rail_reference,omitempty"`
	Sheet            string         `json:"sheet,omitempty"` // the sheet by which a person carries it out
	Changes          int64          `json:"changes"`         // how often it has changed; 0 when just asked for
	Moves            string         `json:"moves,omitempty"` // the ids of the last commands that changed it, the latest first, with commas between
	CreatedAt        time.Time      `json:"created_at"`
	UpdatedAt        time.Time      `json:"updated_at"`
	SentAt           time.Time      `json:"sent_at,omitzero"`      // when it became processing
	ProcessedAt      time.Time      `json:"processed_at,omitzero"` // when it came to its end
}

// Money is what the recipient gets.
func (p Payout) Money() money.Amount { return money.Of(p.Amount, p.Currency) }

// FeeMoney is what the owner pays on top.
func (p Payout) FeeMoney() money.Amount { return money.Of(p.Fee, p.Currency) }

// Total is what leaves the owner's account.
func (p Payout) Total() money.Amount { return money.Of(p.Amount+p.Fee, p.Currency) }

// Key is the payout's key.
func (p Payout) Key() Key { return Key{p.Merchant, p.ID} }

// Order is what its rail is asked to do, the same at every asking.
func (p Payout) Order() rail.Order {
	return rail.Order{
		ID: p.ID, Owner: p.Owner, Kind: p.Kind, Amount: p.Money(), Method: p.MethodKind, Destination: p.Destination, Name: p.RecipientName,
		Reference: p.Reference, Note: p.Description, PaymentReference: p.PaymentReference,
	}
}

// Key names a payout by whose list it is on and its id.
type Key struct{ Merchant, ID string }

// EventKind is the kind of the events about a payout.
const EventKind = "payout"

// The events about a payout or a withdrawal; those about a refund begin with "refund." instead. Their data is a Fact, their owner
// Payout.Merchant.
const (
	EventRequested  event.Type = "payout.requested"
	EventApproved   event.Type = "payout.approved" // a second person has; it is still pending
	EventProcessing event.Type = "payout.processing"
	EventCompleted  event.Type = "payout.completed"
	EventRejected   event.Type = "payout.rejected"
	EventCancelled  event.Type = "payout.cancelled"
	EventUnknown    event.Type = "payout.unknown" // its rail fell silent
	EventResumed    event.Type = "payout.resumed" // its rail, asked again, has it after all: it is processing once more
)

// Fact is the data of an event: the payout as it then stood.
type Fact struct {
	Payout Payout `json:"payout"`
}

// eventTypes are the events of the statuses that a payout can come to.
var eventTypes = map[Status]event.Type{
	Pending: EventRequested, Processing: EventProcessing, Completed: EventCompleted, Rejected: EventRejected, Cancelled: EventCancelled,
	Unknown: EventUnknown,
}

// typeBetween is the event of a payout that has gone from the one status to the other.
func typeBetween(was, now Status) event.Type {
	if was == Unknown && now == Processing {
		return EventResumed // who was told of processing hears it once
	}
	return eventTypes[now]
}

// typeOf is the event's type for a payout of the kind.
func typeOf(k Kind, t event.Type) event.Type {
	if k == KindRefund {
		return "refund" + t[len("payout"):]
	}
	return t
}

// fact is an event about the payout as it stands. moved tells that accounts of an owner other than the event's have new entries or holds.
func (p Payout) fact(t event.Type) (event.New, error) {
	data, err := json.Marshal(Fact{p})
	if err != nil {
		return event.New{}, err
	}
	e := event.New{
		Owner: p.Merchant, Kind: EventKind, Subject: p.ID, Door: p.Door, Type: typeOf(p.Kind, t), Data: data, At: p.UpdatedAt, WebhookURL: p.WebhookURL,
	}
	if p.Owner != p.Merchant {
		e.Moved = []string{p.Owner}
	}
	return e, nil
}

// AliasKind is the kind under which a door's printed payout ids are kept as aliases.
func AliasKind(door string) string { return door + ".payout" }

// feeHold is the id of the hold, and of the transfer, of the payout's fee.
func (p Payout) feeHold() string { return p.ID + ".fee" }

// The kinds of the transfers that payouts make; their subject is the payout.
const (
	TransferPayout = "payout"     // of a payout or a withdrawal: Source -> Target
	TransferRefund = "refund"     // of a refund: Source -> Target
	TransferFee    = "payout_fee" // Source -> fees
)

// transferKind is the kind of the transfer of its amount.
func (p Payout) transferKind() string {
	if p.Kind == KindRefund {
		return TransferRefund
	}
	return TransferPayout
}
