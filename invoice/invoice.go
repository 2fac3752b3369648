// Package invoice keeps demands to be paid: from their creation through a front door to the moment they are paid, given up or
// run out of time.
package invoice

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/piecework"
	"sarraf/money"
	"sarraf/store"
)

// Invoice is a demand to be paid.
type Invoice struct {
	Owner       string         `json:"owner"`
	ID          string         `json:"id"`                  // UUIDv7, made where the command entered
	Door        string         `json:"door"`                // the front door it came in by
	Number      string         `json:"number"`              // the id that door prints, unique for ever; "" when it prints none
	Token       string         `json:"token"`               // what the hosted page is found by; nobody can guess it
	Reference   string         `json:"reference,omitempty"` // the merchant's own id, unique per merchant and door; "" for none
	Title       string         `json:"title,omitempty"`
	Description string         `json:"description,omitempty"` // what it is for, in a few sentences for the payer
	StoreName   string         `json:"store_name,omitempty"`  // under which name the merchant asks for it; "" for the merchant's own
	PayerName   string         `json:"payer_name,omitempty"`
	PayerEmail  string         `json:"payer_email,omitempty"`
	Amount      int64          `json:"amount"` // minor units of Currency
	Currency    money.Currency `json:"currency"`
	Paid        int64          `json:"paid"`               // what has been applied to it, minor units; never above Amount
	Refunded    int64          `json:"refunded,omitempty"` // what of Paid has been given back, minor units
	Status      Status         `json:"status"`
	Reason      string         `json:"reason,omitempty"`      // why it failed or was cancelled, in a word or two
	ReturnURL   string         `json:"return_url,omitempty"`  // where the payer's browser goes afterwards
	WebhookURL  string         `json:"webhook_url,omitempty"` // where its events are told
	Extra       string         `json:"extra,omitempty"`       // what only the door's dialect understands, JSON or ""
	Changes     int64          `json:"changes"`               // how often it has changed; 0 when just made
	CreatedAt   time.Time      `json:"created_at"`
	UpdatedAt   time.Time      `json:"updated_at"`
	ExpiresAt   time.Time      `json:"expires_at,omitzero"` // zero: never
	PaidAt      time.Time      `json:"paid_at,omitzero"`    // when it was paid whole

	// Of bills; a Link has none of it.
	Kind       Kind      `json:"kind,omitempty"`
	PSID       string    `json:"psid,omitempty"`        // what banks ask for it by
	Payer      string    `json:"payer,omitempty"`       // the merchant's own identifier of who is to pay
	LateAmount int64     `json:"late_amount,omitempty"` // what is asked for from LateFrom on, minor units
	LateFrom   time.Time `json:"late_from,omitzero"`    // when the day after the due date begins; zero: there is no due date
	QR         string    `json:"qr,omitempty"`          // the payload of its code, "" for none
	Upload     string    `json:"upload,omitempty"`      // the id of the upload it came in by
	Line       int64     `json:"line,omitempty"`        // its place there, from 1
}

// Total is the amount asked for.
func (i Invoice) Total() money.Amount { return money.Amount{Minor: i.Amount, Currency: i.Currency} }

// AmountPaid is what has been applied to it so far.
func (i Invoice) AmountPaid() money.Amount { return money.Amount{Minor: i.Paid, Currency: i.Currency} }

// AmountRefunded is what of it has been given back.
func (i Invoice) AmountRefunded() money.Amount {
	return money.Amount{Minor: i.Refunded, Currency: i.Currency}
}

// GiveBack counts money that was given back of what was paid, at the given time: what was paid whole and is given back whole is Refunded.
// The amount is at most what is left of Paid.
func (i *Invoice) GiveBack(minor int64, at time.Time) {
	i.Refunded += minor
	if i.Status == Paid && i.Refunded == i.Paid {
		i.Status = Refunded
	}
	i.Touch(at)
}

// Due is what is still to come.
func (i Invoice) Due() money.Amount {
	return money.Amount{Minor: i.Amount - i.Paid, Currency: i.Currency}
}

// The events about an invoice. Their data is a Fact.
const (
	EventCreated   event.Type = "invoice.created"
	EventPaid      event.Type = "invoice.paid"      // with the payment that completed it
	EventPartPaid  event.Type = "invoice.part_paid" // with the payment; the invoice stays open
	EventFailed    event.Type = "invoice.failed"
	EventExpired   event.Type = "invoice.expired"
	EventCancelled event.Type = "invoice.cancelled"

	EventSuperseded event.Type = "invoice.superseded" // a newer bill of its payer took its place
	EventReceived   event.Type = "invoice.received"   // with the payment; a static code got money, and stays open

	// EventRefunded says that some of what was paid was given back; with the refund. It is the last one of an invoice of which all was.
	EventRefunded event.Type = "payment.refunded"
)

// EventKind is the kind of the events above.
const EventKind = "invoice"

// Fact is the data of an event: the invoice as it then stood.
type Fact struct {
	Invoice Invoice `json:"invoice"`
}

// ended names the event of each status that closes an invoice without money.
var ended = map[Status]event.Type{Failed: EventFailed, Expired: EventExpired, Cancelled: EventCancelled}

// Key names an invoice.
type Key struct{ Owner, ID string }

// Key is the invoice's key.
func (i Invoice) Key() Key { return Key{i.Owner, i.ID} }

// AliasKind is the kind under which a door's printed invoice ids are kept as aliases.
func AliasKind(door string) string { return door + ".invoice" }

// TokenAlias is the kind under which page tokens are kept as aliases.
const TokenAlias = "checkout"

// Service makes, moves and finds invoices.
type Service struct {
	db     *store.DB
	log    *event.Log
	clock  clock.Clock
	create *store.Batcher[Invoice, Created]
	end    *store.Batcher[Ending, Invoice]
	bills  *store.Batcher[billCommand, Created]
	psids  *psids

	uploads *store.Batcher[uploadCommand, Upload]
	taking  chan struct{} // a place for each upload that is being taken down
	worker  *piecework.Worker

	payees   *store.Finder[string, *Invoice]
	numbers  *store.Finder[numberKey, *Invoice]
	meanings *store.Finder[question, []Meaning]
	texts    sync.Map // of sqlMeanings, by number of doors
}

// NewService works on db and writes its facts to log. Close ends it.
func NewService(db *store.DB, log *event.Log) *Service {
	s := &Service{db: db, log: log, clock: db.Clock()}
	s.create = store.NewBatcher(db, "invoice.create", s.createSlice)
	s.end = store.NewBatcher(db, "invoice.end", s.endSlice)
	s.bills, s.payees = store.NewBatcher(db, "invoice.bill", s.createBills), store.NewFinder(s.byPSIDs)
	s.uploads, s.taking = store.NewBatcher(db, "invoice.upload", s.keepUploads), make(chan struct{}, uploadsAtOnce)
	s.worker = piecework.NewWorker(s.clock)
	s.numbers, s.meanings = store.NewFinder(s.byNumbers), store.NewFinder(s.meaningsOf)
	return s
}

// Close finishes what was taken and refuses the rest.
func (s *Service) Close() {
	s.create.Close()
	s.end.Close()
	s.bills.Close()
	s.uploads.Close()
}

// Created is what Create answers.
type Created struct {
	Invoice Invoice `json:"invoice"`
	// Fresh is false when the reference was taken: then Invoice is the one that has it, and nothing was made.
	Fresh bool `json:"fresh"`
}

// Create makes an invoice. The caller has checked every field and made the ids (ID, Number, Token); Status, Reason, Paid, Refunded, Changes
// and the times of change are set here, and ExpiresAt is cut to microseconds. A reference that the owner has used at the same door is a
// result, not a fault: see Created. Errors are those of store.Batcher.Do.
func (s *Service) Create(ctx context.Context, inv Invoice, key *store.Key) (Created, error) {
	inv.CreatedAt = s.clock.Now()
	return s.create.Do(ctx, inv.Owner, key, inv)
}

// numberTries is how often Make asks for other ids.
const numberTries = 3

// Make is Create for ids that are unique by chance, or by a counter that somebody may have edited: ids sets Number, Token or both, and is
// asked again, three times at most, when another invoice has them. Errors are also those of ids.
func (s *Service) Make(ctx context.Context, inv Invoice, key *store.Key, ids func(context.Context, *Invoice) error) (Created, error) {
	var made Created
	var err error
	for range numberTries {
		if err = ids(ctx, &inv); err != nil {
			return Created{}, err
		}
		if made, err = s.Create(ctx, inv, key); !store.IsUnique(err) {
			return made, err
		}
	}
	return made, err
}

// createSlice is Create for a slice.
func (s *Service) createSlice(ctx context.Context, tx *store.Tx, list []Invoice) ([]store.Outcome[Created], error) {
	first := make(map[Key]int, len(list)) // a command that stands twice in the slice is carried out once
	order := make([]int, 0, len(list))
	for i := range list {
		inv := &list[i]
		inv.Status, inv.Reason, inv.Paid, inv.Refunded, inv.Changes, inv.UpdatedAt, inv.PaidAt = Open, "", 0, 0, 0, inv.CreatedAt, time.Time{}
		inv.ExpiresAt = inv.ExpiresAt.UTC().Truncate(time.Microsecond)
		if _, twice := first[inv.Key()]; !twice {
			first[inv.Key()] = i
			order = append(order, i)
		}
	}
	// Two nodes that insert the same references in one order wait for each other and never lock up. Of those with the same
	// reference, the first of the slice gets it.
	slices.SortStableFunc(order, func(a, b int) int { return list[a].refKey().compare(list[b].refKey()) })
	fresh := make([]bool, len(list))
	err := tx.QueryRows(ctx, bulkInsert, insertArgs(list, order), func(r store.Row) error {
		var k Key
		err := r.Scan(&k.Owner, &k.ID)
		fresh[first[k]] = true
		return err
	})
	if err != nil {
		return nil, err
	}
	// What was not inserted is either our own earlier work, found by its id, or another's reference.
	var old []Invoice
	for i, inv := range list {
		if !fresh[first[inv.Key()]] && first[inv.Key()] == i {
			old = append(old, inv)
		}
	}
	mine, taken, err := existing(ctx, tx, old)
	if err != nil {
		return nil, err
	}
	out := make([]store.Outcome[Created], len(list))
	aliases := make([]store.Alias, 0, 2*len(list))
	facts := make([]event.New, 0, len(list))
	for i, inv := range list {
		k := inv.Key()
		switch {
		case first[k] != i:
			out[i] = out[first[k]]
		case fresh[i]:
			out[i].Value = Created{Invoice: inv, Fresh: true}
			aliases = append(aliases, store.Alias{Value: inv.Token, Kind: TokenAlias, Owner: inv.Owner, ID: inv.ID})
			if inv.Number != "" {
				aliases = append(aliases, store.Alias{Value: inv.Number, Kind: AliasKind(inv.Door), Owner: inv.Owner, ID: inv.ID})
			}
			fact, err := inv.fact(EventCreated, inv.CreatedAt)
			if err != nil {
				return nil, err
			}
			facts = append(facts, fact)
		case mine[k] != nil:
			out[i].Value = Created{Invoice: *mine[k], Fresh: true}
		default:
			other := taken[inv.refKey()]
			if other == nil {
				return nil, store.ErrAgain // it was there and is not: another node is at it
			}
			out[i].Value = Created{Invoice: *other}
		}
	}
	tx.PutAliases(aliases)
	_, err = s.log.Append(ctx, tx, facts)
	return out, err
}

// refKey is what a merchant's own reference is unique by.
type refKey struct{ owner, door, reference string }

func (i *Invoice) refKey() refKey { return refKey{i.Owner, i.Door, i.Reference} }

func (k refKey) compare(other refKey) int {
	return cmp.Or(cmp.Compare(k.owner, other.owner), cmp.Compare(k.door, other.door), cmp.Compare(k.reference, other.reference))
}

// existing reads the invoices that stand in the way of list: by id, and by reference.
func existing(ctx context.Context, tx *store.Tx, list []Invoice) (map[Key]*Invoice, map[refKey]*Invoice, error) {
	mine, taken := map[Key]*Invoice{}, map[refKey]*Invoice{}
	if len(list) == 0 {
		return mine, taken, nil
	}
	var ids, refs []any
	for _, inv := range list {
		ids = append(ids, inv.Owner, inv.ID)
		refs = append(refs, inv.Owner, inv.Door, inv.Reference)
	}
	tx.LaterRows(bulkByID, ids, func(r store.Row) error {
		inv, err := scan(r)
		mine[inv.Key()] = &inv
		return err
	})
	err := tx.QueryRows(ctx, bulkByReference, refs, func(r store.Row) error {
		inv, err := scan(r)
		taken[inv.refKey()] = &inv
		return err
	})
	return mine, taken, err
}

// fact is the event that tells of the invoice as it stands.
func (i Invoice) fact(t event.Type, at time.Time) (event.New, error) {
	data, err := json.Marshal(Fact{Invoice: i})
	return i.Event(t, data, at), err
}

// Event is a new event about the invoice, with data that holds a Fact.
func (i Invoice) Event(t event.Type, data json.RawMessage, at time.Time) event.New {
	return event.New{
		Owner: i.Owner, Type: t, Kind: EventKind, Subject: i.ID, Door: i.Door, Data: data, At: at, WebhookURL: i.WebhookURL,
	}
}

// Ending asks that an invoice be closed without money.
type Ending struct {
	Owner, ID string
	To        Status // Failed, Expired or Cancelled
	Reason    string // a word or two, kept with the invoice
	// Due makes an expiry conditional: it is refused unless the invoice's time has run out by At.
	Due bool
	// Refused, when set, is the answer: the caller could not tell which invoice is meant. It is kept with the key like every other.
	Refused *fault.Error
	At      time.Time
}

// End closes an invoice without money. One that has the wanted status already is answered as it is. Faults: InvoiceMissing,
// InvoiceClosed with the status it has; else those of store.Batcher.Do.
func (s *Service) End(ctx context.Context, e Ending, key *store.Key) (Invoice, error) {
	e.At = s.clock.Now()
	return s.end.Do(ctx, e.Owner, key, e)
}

func (s *Service) endSlice(ctx context.Context, tx *store.Tx, list []Ending) ([]store.Outcome[Invoice], error) {
	keys := make([]Key, len(list))
	for i, e := range list {
		keys[i] = Key{e.Owner, e.ID}
	}
	have, err := Lock(ctx, tx, keys)
	if err != nil {
		return nil, err
	}
	out := make([]store.Outcome[Invoice], len(list))
	var changed []*Invoice
	var facts []event.New
	for n, e := range list {
		inv := have[keys[n]]
		switch {
		case e.Refused != nil:
			out[n].Err = e.Refused
			continue
		case inv == nil:
			out[n].Err = fault.New(fault.InvoiceMissing)
			continue
		case ended[e.To] != "" && inv.Status == e.To: // done before
		case ended[e.To] == "", !inv.Status.May(e.To), e.Due && (inv.ExpiresAt.IsZero() || inv.ExpiresAt.After(e.At)):
			out[n].Err = fault.New(fault.InvoiceClosed).With("status", string(inv.Status))
			continue
		default:
			inv.Status, inv.Reason = e.To, e.Reason
			inv.Touch(e.At)
			fact, err := inv.fact(ended[e.To], e.At)
			if err != nil {
				return nil, err
			}
			facts = append(facts, fact)
			changed = append(changed, inv)
		}
		out[n].Value = *inv
	}
	Save(tx, changed)
	_, err = s.log.Append(ctx, tx, facts)
	return out, err
}

// Touch counts a change made at the given time. UpdatedAt never goes back, whatever the clock does.
func (i *Invoice) Touch(at time.Time) {
	i.Changes++
	if at.After(i.UpdatedAt) {
		i.UpdatedAt = at
	}
}
