package invoice

// Status is where an invoice stands. docs/states.md draws the moves.
type Status string

// The states.
const (
	Open       Status = "open"       // it waits for money, perhaps for the rest of it
	Paid       Status = "paid"       // the whole amount has come
	Failed     Status = "failed"     // the payer gave up after a decline, or the rail says that it is over
	Expired    Status = "expired"    // its time ran out
	Cancelled  Status = "cancelled"  // the payer or the merchant called it off
	Superseded Status = "superseded" // a newer one of the same payer identifier took its place
	Refunded   Status = "refunded"   // all that was paid has been given back
)

var moves = map[Status][]Status{
	Open: {Paid, Failed, Expired, Cancelled, Superseded},
	// Money that arrives late settles an invoice that had ended without it.
	Failed:    {Paid},
	Expired:   {Paid},
	Cancelled: {Paid},
	Paid:      {Refunded},
}

// Statuses lists every status.
func Statuses() []Status {
	return []Status{Open, Paid, Failed, Expired, Cancelled, Superseded, Refunded}
}

// Moves lists the statuses that may follow s directly.
func (s Status) Moves() []Status { return moves[s] }

// May reports whether next may follow s directly.
func (s Status) May(next Status) bool {
	for _, m := range moves[s] {
		if m == next {
			return true
		}
	}
	return false
}

// Valid reports whether s is one of the statuses.
func (s Status) Valid() bool {
	for _, v := range Statuses() {
		if s == v {
			return true
		}
	}
	return false
}

// TakesMoney reports whether money that arrives for an invoice in this status settles it, rather than being set aside.
func (s Status) TakesMoney() bool { return s == Open || s.May(Paid) }
