// Package payment keeps the money that comes in for invoices: what arrived over which rail, what of it settled the invoice, and
// what fitted nowhere.
package payment

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/store"
	"sarraf/wallet"
)

// Status is where a payment stands. docs/states.md draws the moves.
type Status string

// The states. Both are final: what a rail has said stays said, and money given back is a refund of its own.
const (
	Received Status = "received" // the money came
	Failed   Status = "failed"   // the attempt was declined
)

// Moves lists the statuses that may follow s: none.
func (s Status) Moves() []Status { return nil }

// Payment is money received for an invoice over one rail, or an attempt at it that failed.
type Payment struct {
	Owner         string         `json:"owner"`
	ID            string         `json:"id"` // UUIDv7, made where the command entered
	Invoice       string         `json:"invoice"`
	Rail          string         `json:"rail"`
	RailReference string         `json:"rail_reference"` // the rail's own id of it, unique per owner and rail
	Amount        int64          `json:"amount"`         // minor units of Currency
	Currency      money.Currency `json:"currency"`
	Applied       int64          `json:"applied"`   // what of it settled the invoice
	Unapplied     int64          `json:"unapplied"` // what was set aside; Applied + Unapplied is Amount when it was received, else both are 0
	Fee           int64          `json:"fee"`       // what the house took of it from the merchant
	Status        Status         `json:"status"`
	Reason        string         `json:"reason,omitempty"` // why it failed, or was set aside
	Late          bool           `json:"late,omitempty"`   // it settled an invoice that had failed, expired or been cancelled
	Number        string         `json:"number,omitempty"` // of the receipt that the payer is shown, at most 20 digits; "" when the rail shows none
	At            time.Time      `json:"at"`
}

// Total is the amount that moved, or was to move.
func (p Payment) Total() money.Amount { return money.Amount{Minor: p.Amount, Currency: p.Currency} }

// The events about payments that change no invoice. Like the invoice's own events that a payment causes, they are about the
// invoice, and their data is a Fact.
const (
	EventUnapplied event.Type = "payment.unapplied" // money came that could settle nothing
	EventFailed    event.Type = "payment.failed"    // an attempt failed; the invoice stays open
)

// Fact is the data of an event that a payment caused: both as they then stood.
type Fact struct {
	Invoice invoice.Invoice `json:"invoice"`
	Payment *Payment        `json:"payment,omitempty"`
}

// Receipt is a rail's word about money for an invoice.
type Receipt struct {
	ID            string // of the payment it makes
	Owner         string
	Invoice       string
	PSID          string // instead of Invoice: the newest bill of the PSID, whichever that is when the receipt is decided
	Rail          string
	RailReference string // "" when the rail has none: then ID serves
	Amount        money.Amount
	Outcome       rail.Outcome // Accepted, Declined or Over
	Reason        string       // for a declined one
	// Refuse says that the rail can still refuse the money: what does not settle the invoice exactly is then a fault and not set aside.
	Refuse bool
	// Whole says that the amount is whatever is due when the receipt is decided, under the invoice's lock: Amount has only the
	// currency, or, for a static code, by which nothing is due, what its payer chose (sandboxChoice when that is nothing). Of two such receipts at once, the second finds the invoice paid, and is refused with InvoiceClosed.
	Whole bool
	// Refused, when set, is the answer: the caller could not tell which invoice is meant. It is kept with the key like every other.
	Refused *fault.Error
	// Moment is when the payer paid, by which what was due is judged; zero: At.
	Moment time.Time
	// Blocked, when set, is the answer unless the receipt was recorded before: its merchant takes no money any more.
	Blocked *fault.Error
	Number  string // of the receipt, see Payment
	// Spend, when set, is the payer's wallet, which pays in the same transaction; the rail is wallet.Rail, and Refuse is a matter of course.
	// Its PIN, its Right, MostFee and Stranger are the caller's; what is moved, and for what, is the receipt's. Its Number is the
	// receipt's rail reference.
	Spend *wallet.Spend
	At    time.Time
}

// moment is the time by which what is due is judged.
func (r Receipt) moment() time.Time {
	if r.Moment.IsZero() {
		return r.At
	}
	return r.Moment
}

// Settled is what Settle answers.
type Settled struct {
	Invoice invoice.Invoice `json:"invoice"`
	Payment Payment         `json:"payment"`
	// Replay says that an earlier command with another id brought the same money; nothing changed. Invoice is as it stands now.
	Replay bool `json:"replay,omitempty"`
}

// Service records payments.
type Service struct {
	db     *store.DB
	log    *event.Log
	clock  clock.Clock
	settle *store.Batcher[Receipt, Settled]

	wallets     *wallet.Service // nil where invoices are not paid from wallets
	fromWallets *store.Batcher[Receipt, Settled]

	payouts   *payout.Service // nil where nothing is given back
	merchants *merchant.Service
	refunds   *store.Batcher[NewRefund, Refund]
}

// NewService works on db and writes its facts to log. Close ends it.
func NewService(db *store.DB, log *event.Log) *Service {
	s := &Service{db: db, log: log, clock: db.Clock()}
	s.settle = store.NewBatcher(db, "payment.settle", s.settleSlice)
	return s
}

// SetWallets lets invoices be paid from wallets. It is called once, before the first payment.
func (s *Service) SetWallets(w *wallet.Service) {
	s.wallets, s.fromWallets = w, store.NewBatcher(s.db, "payment.wallet", s.walletSlice)
}

// Close finishes what was taken and refuses the rest. Wallets are closed after it.
func (s *Service) Close() {
	s.settle.Close()
	if s.fromWallets != nil {
		s.fromWallets.Close()
	}
	if s.refunds != nil {
		s.refunds.Close()
	}
}

// Settle records what a rail said: the payment, what it does to the invoice, the entries, and the event, at once.
//
// Rules, in the order in which they are checked: a receipt with an id, or with a rail reference, that was recorded before changes
// nothing when it says the same (invoice, amount, and whether the money came; of one by PSID, nothing else is compared), else fault
// ReferenceTaken on rail_reference; then Blocked is the answer, if it is set; the invoice must exist (InvoiceMissing). With Whole, it must take money (InvoiceClosed), of the receipt's currency (AmountMismatch).
// The amount must be more than nothing (AmountNotPositive). A declined receipt needs an open invoice (InvoiceClosed). Accepted money
// settles an open, failed, expired or cancelled invoice (the latter three: Late) up to what is due at the receipt's Moment, and goes to a
// static code as it is; the excess, money in another
// currency, and money for an invoice that takes none is set aside as unapplied - or, with Refuse, refused with InvoiceClosed or
// AmountMismatch. The merchant's fee is taken of what was applied, never more than that. Other errors are those of store.Batcher.Do,
// and AmountOverflow when the books cannot hold the sum. With Spend, the wallet is judged last, by the rules of wallet.Service.Spend: its
// refusal is the answer, and leaves the invoice as it was, while a wrong PIN is counted.
func (s *Service) Settle(ctx context.Context, r Receipt, key *store.Key) (Settled, error) {
	r.At = s.clock.Now()
	if r.RailReference == "" {
		r.RailReference = r.ID
	}
	if r.Spend != nil {
		return s.settleFromWallet(ctx, r, key)
	}
	return s.settle.Do(ctx, r.Owner, key, r)
}

// Of answers the payments of an invoice, oldest first.
func (s *Service) Of(ctx context.Context, owner, inv string) ([]Payment, error) {
	var list []Payment
	err := s.db.Query(ctx, sqlOfInvoice, []any{owner, inv}, func(r store.Row) error {
		p, err := scan(r)
		list = append(list, p)
		return err
	})
	return list, err
}

// OfManyMost is how many payments of one invoice OfMany answers: a static code may have any number of them.
const OfManyMost = 100

// OfMany answers the payments of the owner's invoices with the given ids, of each the newest OfManyMost, oldest first, by invoice. An
// invoice without one is absent.
func (s *Service) OfMany(ctx context.Context, owner string, invoices []string) (map[string][]Payment, error) {
	return ofMany(ctx, s.db, owner, invoices)
}

// reader reads rows: a database, or a transaction.
type reader interface {
	QueryRows(ctx context.Context, bulk *store.Bulk, args []any, scan func(store.Row) error) error
}

func ofMany(ctx context.Context, db reader, owner string, invoices []string) (map[string][]Payment, error) {
	args := make([]any, 0, 2*len(invoices))
	for _, id := range invoices {
		args = append(args, owner, id)
	}
	found := map[string][]Payment{}
	err := db.QueryRows(ctx, bulkOfInvoice, args, func(r store.Row) error {
		p, err := scan(r)
		found[p.Invoice] = append(found[p.Invoice], p)
		return err
	})
	for _, list := range found {
		slices.SortFunc(list, func(a, b Payment) int { return strings.Compare(a.ID, b.ID) })
	}
	return found, err
}

// fact is the event of a payment, with the invoice as it stands after it.
func fact(t event.Type, inv *invoice.Invoice, p *Payment) (event.New, error) {
	data, err := json.Marshal(Fact{Invoice: *inv, Payment: p})
	if err != nil {
		return event.New{}, err
	}
	return inv.Event(t, data, p.At), nil
}

// fees answers the fee schedules that the receipts need, read at the next flush.
func fees(tx *store.Tx, list []Receipt) map[merchant.FeeKey]money.Schedule {
	have := map[merchant.FeeKey]money.Schedule{}
	var keys []merchant.FeeKey
	seen := map[merchant.FeeKey]bool{}
	for _, r := range list {
		k := merchant.FeeKey{Owner: r.Owner, Rail: r.Rail, Currency: r.Amount.Currency}
		if r.Outcome == rail.Accepted && !seen[k] {
			seen[k] = true
			keys = append(keys, k)
		}
	}
	merchant.FeesLater(tx, keys, have)
	return have
}
