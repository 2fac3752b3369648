package payout

import "slices"

// Status is where a payout stands. docs/states.md draws the moves.
type Status string

// The states.
const (
	Pending    Status = "pending"    // its money is set aside; nothing has been sent
	Processing Status = "processing" // its rail has it, or is being told
	Unknown    Status = "unknown"    // its rail fell silent: the money may have moved. It is asked about, and never sent again
	Completed  Status = "completed"  // the recipient has the money
	Rejected   Status = "rejected"   // the money did not move, and is the owner's again
	Cancelled  Status = "cancelled"  // called off before it was sent
)

var moves = map[Status][]Status{
	Pending:    {Processing, Rejected, Cancelled},
	Processing: {Completed, Rejected, Unknown},
	Unknown:    {Completed, Rejected, Processing},
}

// Statuses lists every status.
func Statuses() []Status {
	return []Status{Pending, Processing, Unknown, Completed, Rejected, Cancelled}
}

// Moves lists the statuses that may follow s directly.
func (s Status) Moves() []Status { return moves[s] }

// May reports whether next may follow s directly.
func (s Status) May(next Status) bool { return slices.Contains(moves[s], next) }

// Valid reports whether s is one of the statuses.
func (s Status) Valid() bool { return slices.Contains(Statuses(), s) }

// Final reports whether nothing follows s.
func (s Status) Final() bool { return s.Valid() && len(moves[s]) == 0 }
