package payout

import (
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/money"
)

// The events of a file of answers, of the house, with the kind AnswerKind and an AnswerFact.
const (
	EventAnswerBegun  event.Type = "payout_answer.begun"  // a file was taken; nothing of it is done yet
	EventAnswerPosted event.Type = "payout_answer.posted" // some of its lines decided payouts
	EventAnswerEnded  event.Type = "payout_answer.ended"  // it was gone through to its end

	AnswerKind = "payout_answer"
)

// AnswerStatus is where the import of a file stands.
type AnswerStatus string

// The states. A file can be imported again in either: it is begun anew when that decides more.
const (
	AnswerBegun AnswerStatus = "begun"
	AnswerDone  AnswerStatus = "done"
)

// Answer is a file in which somebody else, a bank as a rule, says what became of payouts. It is known by its content.
type Answer struct {
	Owner string `json:"owner"` // the house
	ID    string `json:"id"`
	Name  string `json:"name"` // as it was called when it was first imported
	Hash  string `json:"hash"` // SHA-256 of its content, in hex
	Lines int64  `json:"lines"`
	// What its lines have decided, by all its imports.
	Completed int64        `json:"completed"`
	Rejected  int64        `json:"rejected"`
	Status    AnswerStatus `json:"status"`
	Actor     string       `json:"actor"` // who imported it first, and from where
	Source    string       `json:"source"`
	CreatedAt time.Time    `json:"created_at"`
	UpdatedAt time.Time    `json:"updated_at"`
}

// AnswerLine is a payout that a file decided, and by which line of it.
type AnswerLine struct {
	Owner     string         `json:"owner"`
	Payout    string         `json:"payout"`
	File      string         `json:"file"`
	Line      int64          `json:"line"`
	Outcome   Status         `json:"outcome"` // Completed or Rejected
	Amount    int64          `json:"amount"`  // minor units: the payout's, and the file's
	Currency  money.Currency `json:"currency"`
	Reference string         `json:"reference"` // the bank's own, "" where the file has none
	At        time.Time      `json:"at"`
}

// AnswerFact is the data of an event about a file.
type AnswerFact struct {
	Answer Answer       `json:"answer"`
	Lines  []AnswerLine `json:"lines,omitempty"` // of EventAnswerPosted: what was decided then
	Actor  string       `json:"actor"`           // who imports it now
	Source string       `json:"source"`
}

// AnswerCause says why a line of a file changed nothing and somebody has to look at it.
type AnswerCause string

// The causes, in the order in which a line is tried.
const (
	AnswerUnreadable   AnswerCause = "unreadable"     // its result, amount or currency cannot be read
	AnswerUnknown      AnswerCause = "not_found"      // we know no payout by its id
	AnswerAmbiguous    AnswerCause = "ambiguous"      // several payouts can be meant
	AnswerDisagrees    AnswerCause = "disagrees"      // two lines of the file say different things of one payout: none of them counts
	AnswerRepeated     AnswerCause = "repeated"       // an earlier line of the file says the same
	AnswerOtherRail    AnswerCause = "other_rail"     // the payout is not one that people carry out
	AnswerOtherSheet   AnswerCause = "other_sheet"    // it is not on the sheet that was named
	AnswerDiffers      AnswerCause = "amount_differs" // the payout is of another amount, or currency
	AnswerNotSent      AnswerCause = "not_sent"       // it is on no sheet yet: nobody was asked to pay it
	AnswerBefore       AnswerCause = "decided_before" // it was decided already, and so: by another file, or by hand
	AnswerContradicted AnswerCause = "contradicts"    // it was decided already, and otherwise: money may have gone twice, or not at all
	AnswerRefused      AnswerCause = "refused"        // the payout did not take it
)

// AnswerProblem is a line that somebody has to look at.
type AnswerProblem struct {
	Cause  AnswerCause
	Row    AnswerRow
	Payout *Payout // nil where none, or several, were found
	// Of one that was decided before, the file that did it and its line; nil when it was done by hand.
	Other     *Answer
	OtherLine int64 // of one that is repeated or disagrees, the other line of this file
	Fault     *fault.Error
}

// AnswerReport is what came of an import.
type AnswerReport struct {
	File Answer // as it stands after the import; as it would begin, after a dry run of one that was never imported
	// Again says that the file was imported before.
	Again bool
	// What was decided now; after a dry run, what would be.
	Completed, Rejected int64
	// Sums are of the same, by currency: minor units.
	CompletedSums, RejectedSums map[money.Currency]int64
	// Before is how many lines this same file had decided earlier.
	Before int64
	// Open is how many lines say nothing yet: their result is empty, or that the payout is under way.
	Open int64
	// Problems are the lines to look at, in their order.
	Problems []AnswerProblem
}

// Clean reports whether there is nothing to look at.
func (r AnswerReport) Clean() bool { return len(r.Problems) == 0 }
