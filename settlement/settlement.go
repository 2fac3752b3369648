// Package settlement matches what the other side of a rail says it settles, in a file, with the receipts in our books: what agrees is
// posted, so that the rail's clearing accounts go back to nothing, and what does not is listed.
//
// A receipt is settled once, by one line of one file: the row in settlement_line says by which, and its key is the receipt. A file is
// known by its content. So the same file may be imported again, after a crash in the middle or by two operators at once, and a later
// file may bring what an earlier one lacked.
package settlement

import (
	"context"
	"time"

	"sarraf/event"
	"sarraf/internal/clock"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/rail"
	"sarraf/store"
)

// The kinds of transfer that settle a receipt. Their subject is the payment.
const (
	TransferClearing = "clearing_settlement" // the house's bank account of the rail -> the merchant's clearing of the rail; the whole receipt
	TransferCharges  = "clearing_charges"    // the house's costs of the rail -> its bank account; what the other side kept
)

// The events. The house's are about a file, with the kind FileKind and a FileFact; the merchant's is about a payment, with the kind
// LineKind and a LineFact.
const (
	EventBegun  event.Type = "settlement.begun"  // a file was taken; nothing of it is settled yet
	EventPosted event.Type = "settlement.posted" // a slice of its lines was settled
	EventEnded  event.Type = "settlement.ended"  // it was gone through to its end
	EventPaid   event.Type = "payment.settled"   // the rail settled a receipt

	FileKind = "settlement"
	LineKind = "payment"
)

// Status is where the import of a file stands.
type Status string

// The states. A file that is begun can be imported again, and so can one that is done: it is begun anew when that settles more.
const (
	Begun Status = "begun" // not gone through to its end
	Done  Status = "done"  // gone through: what of it is not settled was looked at
)

// File is a settlement file: what it says, and what of it was settled. Amounts are minor units.
type File struct {
	Owner    string         `json:"owner"` // the house
	ID       string         `json:"id"`
	Rail     string         `json:"rail"`
	Name     string         `json:"name"` // as it was called when it was first imported
	Hash     string         `json:"hash"` // SHA-256 of its content, in hex
	Currency money.Currency `json:"currency"`
	// What it says: all its lines, those that cannot be settled too.
	Lines   int64 `json:"lines"`
	Amount  int64 `json:"amount"`
	Charges int64 `json:"charges"`
	// What of it was settled, by all its imports.
	Settled        int64 `json:"settled"`
	SettledAmount  int64 `json:"settled_amount"`
	SettledCharges int64 `json:"settled_charges"`
	Lacking        int64 `json:"lacking"` // receipts of the days and channels it covers that no file had brought when it was last gone through

	Status    Status    `json:"status"`
	Actor     string    `json:"actor"` // who imported it first, and from where
	Source    string    `json:"source"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Line is a receipt that was settled, and by which line of which file. Amounts are minor units.
type Line struct {
	Owner     string         `json:"owner"`
	Payment   string         `json:"payment"`
	File      string         `json:"file"`
	Number    int64          `json:"line"`
	Amount    int64          `json:"amount"`  // all of the receipt
	Charges   int64          `json:"charges"` // what the other side kept of it; the house bears it
	Currency  money.Currency `json:"currency"`
	SettledOn rail.Day       `json:"settled_on,omitempty"` // the day on which the money moves, where the file says it
	Transfer  string         `json:"transfer"`
	At        time.Time      `json:"at"`
}

// FileFact is the data of an event about a file.
type FileFact struct {
	File   File   `json:"file"`
	Actor  string `json:"actor"` // who imports it now
	Source string `json:"source"`
}

// LineFact is the data of EventPaid.
type LineFact struct {
	Line Line `json:"line"`
}

// bank is the house's account of what the rail's other side has paid to it: minus what came.
func bank(railName string, c money.Currency, sandbox bool) ledger.Account {
	return house("bank/"+railName, c, sandbox)
}

// costs is the house's account of what the rail's other side has kept.
func costs(railName string, c money.Currency, sandbox bool) ledger.Account {
	return house("costs/"+railName, c, sandbox)
}

// house keeps play money apart: what sandbox merchants were paid never comes to a bank.
func house(name string, c money.Currency, sandbox bool) ledger.Account {
	if sandbox {
		name = "sandbox/" + name
	}
	return ledger.Account{Owner: merchant.House, Currency: c, Kind: ledger.House(name)}
}

func clearing(railName, owner string, c money.Currency) ledger.Account {
	return ledger.Account{Owner: owner, Currency: c, Kind: ledger.Clearing(railName)}
}

// Service imports settlement files and tells what is outstanding.
type Service struct {
	db    *store.DB
	log   *event.Log
	clock clock.Clock
}

// NewService works on db and writes its facts to log.
func NewService(db *store.DB, log *event.Log) *Service {
	return &Service{db: db, log: log, clock: db.Clock()}
}

// Files are at most limit of the files that were imported, the last one first; of one rail, or of all for "".
func (s *Service) Files(ctx context.Context, railName string, limit int) ([]File, error) {
	var list []File
	err := s.db.Query(ctx, sqlFiles, []any{merchant.House, railName, int64(limit)}, func(r store.Row) error {
		f, err := scanFile(r)
		list = append(list, f)
		return err
	})
	return list, err
}

// Told is a line with its file, for whoever explains a payment.
type Told struct {
	Line Line
	File File
}

// OfPayment tells by which line of which file a payment was settled; false when it was not.
func OfPayment(ctx context.Context, tx *store.Tx, owner, payment string) (t Told, ok bool, err error) {
	lines, err := linesOf(ctx, tx, []key{{owner, payment}})
	if err != nil || len(lines) == 0 {
		return t, false, err
	}
	t.Line = lines[key{owner, payment}]
	files, err := filesOf(ctx, tx, []string{t.Line.File})
	t.File = files[t.Line.File]
	return t, true, err
}

// modes tells which merchants' money is only played with. A merchant's mode never changes.
func modes(ctx context.Context, tx *store.Tx) (map[string]bool, error) {
	list, err := merchant.All(ctx, tx)
	sandbox := make(map[string]bool, len(list))
	for _, m := range list {
		sandbox[m.Owner] = m.Sandbox()
	}
	return sandbox, err
}
