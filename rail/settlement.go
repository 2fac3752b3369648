package rail

import (
	"fmt"
	"io"
	"strings"
	"time"

	"sarraf/money"
)

// Settler is a rail whose other side says in a file, the next day as a rule, which receipts it settles.
type Settler interface {
	// Name is the rail's name.
	Name() string
	// Currency is that of all its receipts.
	Currency() money.Currency
	// ReadSettlement reads a whole file. What cannot be read in it is a SettlementFaults, and then nothing of it may be used; another
	// error is of the reader.
	ReadSettlement(r io.Reader, o SettlementOptions) (Settlement, error)
	// Part is where a receipt belongs, by its reference; false when the rail never made that reference.
	Part(reference string) (SettlementPart, bool)
	// Since is when the first receipt of a day can have been recorded: when the day begins, less what clocks may differ by.
	Since(day Day) time.Time
}

// SettlementOptions say what a file may leave out.
type SettlementOptions struct {
	Channel  string    // of the lines that name none, "" when each must
	Channels []Channel // those that there are, for what else differs between them
}

// Settlement is what a file says.
type Settlement struct {
	Lines []SettlementLine // in the order of the file
}

// SettlementLine is one receipt that the other side settles.
type SettlementLine struct {
	Line int64 // where it stands in the file, from 1
	// References are what the receipt's rail reference can be: one, or several where the file leaves it open, of which one is in our books.
	References []string
	Part       SettlementPart
	Amount     int64  // minor units of the rail's currency, as the other side says; it may be anything, and settles only what it equals
	Charges    int64  // what the other side keeps of it, 0 or more
	Receipt    string // our receipt number as the other side repeats it, "" when it does not
	SettledOn  Day    // the day on which the money moves, "" when the file does not say
}

// SettlementPart names the receipts that are settled together: a channel's of one day.
type SettlementPart struct {
	Channel string
	Day     Day
}

// Day is a day as yyyymmdd, in the rail's own zone.
type Day string

// String is the day as 2026-02-09; as it is, when it is none.
func (d Day) String() string {
	if len(d) != 8 {
		return string(d)
	}
	return string(d[:4] + "-" + d[4:6] + "-" + d[6:])
}

// ParseDay reads a day as yyyymmdd or 2026-02-09.
func ParseDay(text string) (Day, bool) {
	for _, layout := range []string{"20060102", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1000 {
			return Day(t.Format("20060102")), true
		}
	}
	return "", false
}

// SettlementFault is something in a settlement file that cannot be read.
type SettlementFault struct {
	Line, Column int    // from 1; the column is of characters' bytes, as editors count plain text
	Problem      string // in words
}

// Error is the fault in a line.
func (f SettlementFault) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", f.Line, f.Column, f.Problem)
}

// SettlementFaults are the faults of one file, in its order; a reader stops after a number of them.
type SettlementFaults []SettlementFault

// Error is all of them, a line each.
func (f SettlementFaults) Error() string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}
