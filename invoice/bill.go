package invoice

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"sarraf/event"
	"sarraf/money"
	"sarraf/qr"
	"sarraf/store"
)

// Kind says what sort of demand an invoice is.
type Kind string

// The kinds. All but a Link are bills: they have a PSID, by which banks ask for them and pay them.
const (
	Link    Kind = ""        // a page or a link
	Bill    Kind = "bill"    // has a due date; paid once, whole, by whoever knows the PSID
	Dynamic Kind = "dynamic" // a code made for one payment, which expires
	Static  Kind = "static"  // a code to be used again and again: any payer, any amount; it stays open
)

// AmountAt is what is asked for at the time t, minor units: after the due date it may be more. What a static code asks for is 0.
func (i Invoice) AmountAt(t time.Time) int64 {
	if !i.LateFrom.IsZero() && !t.Before(i.LateFrom) {
		return i.LateAmount
	}
	return i.Amount
}

// DueAt is what is still to come at the time t. Of a static code it is nothing.
func (i Invoice) DueAt(t time.Time) money.Amount {
	due := money.Amount{Currency: i.Currency}
	if i.Kind != Static {
		due.Minor = max(i.AmountAt(t)-i.Paid, 0)
	}
	return due
}

// most is the most that can ever be applied to the invoice.
func (i Invoice) most() int64 {
	if i.Kind == Static {
		return math.MaxInt64
	}
	return max(i.Amount, i.LateAmount)
}

// whole reports whether paid is the whole of what the invoice asked for at some time.
func (i Invoice) whole() bool {
	return i.Kind != Static && (i.Paid == i.Amount || !i.LateFrom.IsZero() && i.Paid == i.LateAmount)
}

// NewBill asks for a bill.
type NewBill struct {
	// Invoice has, set by the caller: Owner, ID, Door, Number, Kind (not Link), Payer (not empty), Amount and Currency, and what else it
	// wants said. Token and Reference are empty; the PSID and the QR payload are set here.
	Invoice Invoice `json:"invoice"`
	Code    *Code   `json:"code,omitempty"` // nil: it has no QR payload
}

// Code is what the QR payload of a bill says beside its amount, its PSID (bill number) and its printed number (reference).
type Code struct {
	Account qr.PakistanAccount `json:"account"`
	Payee   qr.Payee           `json:"payee"` // name, city, category and postal code; the rest is filled in
}

// payload is the text of the bill's code.
func (b NewBill) payload() (string, error) {
	if b.Code == nil {
		return "", nil
	}
	to := b.Code.Payee
	// A bill's code is printed once and shown as often as it takes; only one that is made for the moment is dynamic.
	to.Dynamic, to.Bill, to.Reference = b.Invoice.Kind == Dynamic, b.Invoice.PSID, b.Invoice.Number
	if b.Invoice.Kind != Static {
		to.Amount = b.Invoice.DueAt(b.Invoice.CreatedAt) // a bill made after its due date asks for the late amount
	}
	return qr.Pakistan(b.Code.Account, to)
}

// billCommand is a bill to be made, with the PSID that its payer gets if it has none.
type billCommand struct {
	NewBill
	psid string
}

// CreateBill makes a bill, the newest of its payer. An identifier keeps its PSID for ever: there is one for all that is paid once (Bill,
// Dynamic), and one for static codes. The bill of that PSID that is still open becomes Superseded in the same transaction; one that is
// paid stays so. Fresh is always true. Faults: SettingMissing (psid_prefix); those of qr.Pakistan; those of store.Batcher.Do. A Number that
// exists already is an error of which store.IsUnique is true.
func (s *Service) CreateBill(ctx context.Context, b NewBill, key *store.Key) (Created, error) {
	var made Created
	b.Invoice.CreatedAt = s.clock.Now()
	for range numberTries { // a PSID is taken only when somebody has edited the counter
		list, err := s.drawPSIDs(ctx, 1)
		if err != nil {
			return Created{}, err
		}
		made, err = s.bills.Do(ctx, b.Invoice.Owner, key, billCommand{b, list[0]})
		if !errors.Is(err, errPSIDTaken) {
			return made, err
		}
	}
	return made, errPSIDTaken
}

// errPSIDTaken says that a payer has the PSID that was to be another's.
var errPSIDTaken = errors.New("invoice: the PSID is another payer's")

// payerKey is what a PSID is given to.
type payerKey struct {
	owner     string
	reusable  int64
	reference string
}

func (i *Invoice) payerKey() payerKey {
	k := payerKey{owner: i.Owner, reference: i.Payer}
	if i.Kind == Static {
		k.reusable = 1
	}
	return k
}

func (k payerKey) compare(o payerKey) int {
	return cmp.Or(cmp.Compare(k.owner, o.owner), cmp.Compare(k.reference, o.reference), cmp.Compare(k.reusable, o.reusable))
}

// payers is what a slice of new bills is judged against.
type payers struct {
	psid   map[payerKey]string
	fresh  map[payerKey]bool
	open   map[payerKey]*Invoice // the newest bill of a payer, while it is open
	newest map[payerKey]string   // the id of the newest bill of a payer, whatever became of it
	mine   map[Key]*Invoice      // bills that an earlier run of the same commands made
}

// reasonSuperseded is why a superseded bill is closed.
const reasonSuperseded = "a newer bill of its payer"

// createBills makes a slice of bills, in its order: of two for one payer, the later supersedes the earlier. A line of an upload is later than
// what was asked for before the upload was, and not than what was asked for since, whenever it is made: its id is of the time when it was
// handed in, and with a newer bill there it is superseded from the start.
func (s *Service) createBills(ctx context.Context, tx *store.Tx, list []billCommand) ([]store.Outcome[Created], error) {
	out := make([]store.Outcome[Created], len(list))
	good := make([]billCommand, 0, len(list))
	for n, c := range list {
		// Judged before anything is written; that another PSID takes its place below changes nothing about it.
		if c.Invoice.PSID = c.psid; c.Code != nil {
			if _, err := c.payload(); err != nil {
				out[n].Err = err
				continue
			}
		}
		good = append(good, c)
	}
	have, err := lockPayers(ctx, tx, good)
	if err != nil {
		return nil, err
	}
	var made, ended []*Invoice
	var facts []event.New
	newest := map[payerKey]*Invoice{}
	done := map[Key]int{}
	tell := func(t event.Type, inv *Invoice, at time.Time) error {
		f, err := inv.fact(t, at)
		facts = append(facts, f)
		return err
	}
	for n, c := range list {
		if out[n].Err != nil {
			continue
		}
		inv := c.Invoice
		if first, twice := done[inv.Key()]; twice {
			out[n] = out[first]
			continue
		}
		done[inv.Key()] = n
		if old := have.mine[inv.Key()]; old != nil {
			out[n].Value = Created{Invoice: *old, Fresh: true}
			continue
		}
		k := inv.payerKey()
		inv.Status, inv.Reason, inv.Paid, inv.Refunded, inv.Changes, inv.UpdatedAt, inv.PaidAt = Open, "", 0, 0, 0, inv.CreatedAt, time.Time{}
		inv.ExpiresAt, inv.LateFrom = inv.ExpiresAt.UTC().Truncate(time.Microsecond), inv.LateFrom.UTC().Truncate(time.Microsecond)
		inv.PSID = have.psid[k]
		c.Invoice = inv
		if inv.QR, err = c.payload(); err != nil {
			return nil, err
		}
		if inv.Upload != "" && have.newest[k] > inv.ID {
			row, at := inv, inv.CreatedAt
			if err := tell(EventCreated, &row, at); err != nil {
				return nil, err
			}
			row.Status, row.Reason = Superseded, reasonSuperseded
			row.Touch(at)
			if err := tell(EventSuperseded, &row, at); err != nil {
				return nil, err
			}
			out[n].Value = Created{Invoice: row, Fresh: true}
			made = append(made, &row)
			continue
		}
		if old := have.open[k]; old != nil {
			old.Status, old.Reason = Superseded, reasonSuperseded
			old.Touch(inv.CreatedAt)
			if err := tell(EventSuperseded, old, inv.CreatedAt); err != nil {
				return nil, err
			}
			if newest[k] == nil { // not one of this slice
				ended = append(ended, old)
			}
		}
		out[n].Value = Created{Invoice: inv, Fresh: true}
		row := inv
		have.open[k], newest[k], have.newest[k] = &row, &row, row.ID
		made = append(made, &row)
		if err := tell(EventCreated, &row, inv.CreatedAt); err != nil {
			return nil, err
		}
	}
	Save(tx, ended)
	writeBills(tx, made, newest, have)
	_, err = s.log.Append(ctx, tx, facts)
	return out, err
}

// lockPayers gives each payer of the slice its PSID, and locks the payers and their newest bills.
func lockPayers(ctx context.Context, tx *store.Tx, list []billCommand) (*payers, error) {
	have := &payers{
		psid: map[payerKey]string{}, fresh: map[payerKey]bool{}, open: map[payerKey]*Invoice{}, newest: map[payerKey]string{},
		mine: map[Key]*Invoice{},
	}
	wanted := make(map[payerKey]billCommand, len(list))
	keys := make([]payerKey, 0, len(list))
	ids := make([]any, 0, 2*len(list))
	for _, c := range list {
		k := c.Invoice.payerKey()
		if _, again := wanted[k]; !again {
			wanted[k] = c
			keys = append(keys, k)
		}
		ids = append(ids, c.Invoice.Owner, c.Invoice.ID)
	}
	slices.SortFunc(keys, payerKey.compare) // everybody who locks payers does it in this order
	put, lock := make([]any, 0, 5*len(keys)), make([]any, 0, 3*len(keys))
	for _, k := range keys {
		c := wanted[k]
		put = append(put, k.owner, c.psid, k.reusable, k.reference, c.Invoice.ID)
		lock = append(lock, k.owner, k.reusable, k.reference)
	}
	scanKey := func(r store.Row) (k payerKey, psid string, err error) {
		err = r.Scan(&k.owner, &k.reusable, &k.reference, &psid)
		return k, psid, err
	}
	tx.LaterRows(bulkPutPayer, put, func(r store.Row) error {
		k, _, err := scanKey(r)
		have.fresh[k] = true
		return err
	})
	tx.LaterRows(bulkLockPayer, lock, func(r store.Row) error {
		k, psid, err := scanKey(r)
		have.psid[k] = psid
		return err
	})
	// Statements of their own, after the locks are had: what another node did to the payer until then is seen.
	tx.LaterRows(bulkByID, ids, func(r store.Row) error {
		inv, err := scan(r)
		have.mine[inv.Key()] = &inv
		return err
	})
	tx.LaterRows(bulkLockNewestOfPayer, lock, func(r store.Row) error {
		inv, err := scan(r)
		have.newest[inv.payerKey()] = inv.ID
		if inv.Status == Open {
			have.open[inv.payerKey()] = &inv
		}
		return err
	})
	err := tx.Flush(ctx)
	if store.IsUnique(err) {
		err = errPSIDTaken
	}
	return have, err
}

// writeBills queues the rows of new bills, and what leads to them.
func writeBills(tx *store.Tx, made []*Invoice, newest map[payerKey]*Invoice, have *payers) {
	var aliases []store.Alias
	type count struct{ owner, door string }
	totals := map[count]int64{}
	var counts []count
	for _, inv := range made {
		aliases = append(aliases, store.Alias{Value: inv.Number, Kind: AliasKind(inv.Door), Owner: inv.Owner, ID: inv.ID})
		c := count{inv.Owner, inv.Door}
		if totals[c] == 0 {
			counts = append(counts, c)
		}
		totals[c]++
	}
	keys := make([]payerKey, 0, len(newest))
	for k := range newest {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, payerKey.compare)
	point := make([]any, 0, 3*len(keys))
	for _, k := range keys {
		if have.fresh[k] {
			aliases = append(aliases, store.Alias{Value: have.psid[k], Kind: PSIDAlias, Owner: k.owner, ID: have.psid[k]})
		}
		point = append(point, k.owner, have.psid[k], newest[k].ID)
	}
	slices.SortFunc(counts, func(a, b count) int { return cmp.Or(cmp.Compare(a.owner, b.owner), cmp.Compare(a.door, b.door)) })
	sums := make([]any, 0, 3*len(counts))
	for _, c := range counts {
		sums = append(sums, c.owner, c.door, totals[c])
	}
	insertBillsLater(tx, made)
	tx.LaterRows(bulkPointPayer, point, nil)
	tx.PutAliases(aliases)
	tx.LaterRows(bulkAddTotal, sums, nil)
}

// LockNewestLater is LockLater for bills that are named by owner and PSID: the newest of each. It locks their payers first, so that who is
// making a newer bill at that moment is waited for.
func LockNewestLater(tx *store.Tx, list []PSIDKey, have map[PSIDKey]*Invoice) {
	args := make([]any, 0, 2*len(list))
	seen := make(map[PSIDKey]bool, len(list))
	for _, k := range list {
		if !seen[k] {
			seen[k] = true
			args = append(args, k.Owner, k.PSID)
		}
	}
	tx.LaterRows(bulkLockPSID, args, nil)
	tx.LaterRows(bulkLockNewest, args, func(r store.Row) error {
		inv, err := scan(r)
		have[PSIDKey{inv.Owner, inv.PSID}] = &inv
		return err
	})
}

// PSIDKey names a payer's newest bill.
type PSIDKey struct{ Owner, PSID string }
