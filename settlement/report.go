package settlement

import (
	"sarraf/payment"
	"sarraf/rail"
)

// Cause says why somebody has to look at a line or at a receipt.
type Cause string

// The causes. Nothing is posted for any of them.
const (
	Missing   Cause = "not_in_our_books" // the line is of no receipt of ours; with a payment: of an attempt that failed
	Differs   Cause = "amount_differs"   // the receipt is of another amount
	Elsewhere Cause = "settled_before"   // another file has settled the receipt
	Repeated  Cause = "repeated"         // an earlier line of the file is of the same receipt
	Ambiguous Cause = "ambiguous"        // several receipts of ours can be meant
	Lacking   Cause = "not_in_the_file"  // a receipt of a day and channel that the file covers, which neither it nor an earlier one has
)

// Problem is a line or a receipt that somebody has to look at.
type Problem struct {
	Cause  Cause
	Line   *rail.SettlementLine // nil for one that is Lacking
	Booked *payment.Payment     // our receipt; nil when there is none, or more than one
	// Named are our receipts whose number the line repeats, of one that is Missing: not its own, but where to look.
	Named []payment.Payment
	// Of one settled before, the file that did it and its line; of one repeated, the earlier line.
	Other     *File
	OtherLine int64
}

// Report is what came of an import.
type Report struct {
	File File // as it stands after the import; as it would begin, after a dry run of one that was never imported
	// Again says that the file was imported before.
	Again bool
	// What was settled now; after a dry run, what would be.
	Settled, SettledAmount, SettledCharges int64
	// Before is how many lines this same file had settled earlier.
	Before int64
	// Problems are the lines to look at, in their order, and then the receipts that are lacking, by merchant.
	Problems []Problem
}

// Clean reports whether there is nothing to look at.
func (r Report) Clean() bool { return len(r.Problems) == 0 }

// Count is how many problems have the cause.
func (r Report) Count(c Cause) int64 {
	n := int64(0)
	for _, p := range r.Problems {
		if p.Cause == c {
			n++
		}
	}
	return n
}
