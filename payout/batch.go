package payout

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

// Batch is a list of payouts that were asked for together. It is answered as soon as it is kept; its payouts are made in the background, in the
// order of its lines, each judged alone, by whichever node comes to it.
type Batch struct {
	Owner     string         `json:"owner"` // the merchant
	ID        string         `json:"id"`    // UUIDv7, made where the command entered
	Door      string         `json:"door"`
	Reference string         `json:"reference,omitempty"` // the merchant's own, unique at the door; "" for none
	Name      string         `json:"name,omitempty"`
	Status    BatchStatus    `json:"status"`
	Lines     int64          `json:"lines"`             // payouts in it
	Made      int64          `json:"made"`              // lines of which there is a payout, whatever became of that
	Errored   int64          `json:"errored"`           // lines that were refused
	Amounts   []money.Amount `json:"amounts"`           // what was asked for in all, without fees; by currency
	Message   string         `json:"message,omitempty"` // the code of what the last attempt at the next lines failed with, "" when it did not
	AskedBy   string         `json:"asked_by"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
}

// BatchStatus is where a batch stands. docs/states.md draws the moves.
type BatchStatus string

// The states.
const (
	BatchWaiting BatchStatus = "waiting" // none of its lines is decided
	BatchWorking BatchStatus = "working" // some are
	BatchDone    BatchStatus = "done"    // all are
)

// What a batch can hold.
const (
	BatchMost     = 10_000 // payouts
	batchPartMost = 250    // of them in one row, and made in one transaction
)

// The events about a batch. Their data is a BatchFact. What becomes of its payouts is told of each.
const (
	EventBatchCreated event.Type = "payout_batch.created" // it is kept, with a digest of each part
	EventBatchDone    event.Type = "payout_batch.done"    // all its lines are decided
)

// BatchEventKind is the kind of the events above.
const BatchEventKind = "payout_batch"

// BatchFact is the data of an event: the batch as it then stood.
type BatchFact struct {
	Batch  Batch    `json:"batch"`
	Parts  []string `json:"parts,omitempty"`  // EventBatchCreated: SHA-256 of each part's lines, as they are kept
	Faults []string `json:"faults,omitempty"` // EventBatchDone: SHA-256 of why lines of each part were refused, "" where none was
}

// NewBatch is a batch that is asked for.
type NewBatch struct {
	ID        string // "" for a new one
	Door      string
	Reference string // "" for none
	Name      string // for people, "" for none
	Lines     []New  // their Owner, Door, Batch, Line, AskedBy and At are the batch's
}

// batchCommand is a batch to be kept.
type batchCommand struct {
	Batch
	parts []batchPart
}

// batchPart is some consecutive lines of a batch, as a row.
type batchPart struct {
	owner, batch        string
	part                int64 // from 1
	firstLine, lastLine int64
	items               string // batchItems as JSON
	faults              string // why lines were refused, as JSON by line; "" when none was
}

// batchItems are the lines of a part. What is the batch's own is not repeated in each.
type batchItems struct {
	From  string      `json:"from"` // merchant.Actor.Source of who asked
	Items []batchItem `json:"items"`
}

// batchItem is one line.
type batchItem struct {
	ID            string         `json:"id"` // of the payout that there is to be
	Number        string         `json:"number,omitempty"`
	Reference     string         `json:"reference,omitempty"`
	Method        int64          `json:"method"`
	Amount        int64          `json:"amount"`
	Currency      money.Currency `json:"currency"`
	RecipientName string         `json:"recipient_name"`
	Account       string         `json:"account"`
	Description   string         `json:"description,omitempty"`
	WebhookURL    string         `json:"webhook_url,omitempty"`
	Again         bool           `json:"again,omitempty"` // an earlier line of the batch has its reference
}

// batchesAtOnce is how many batches are taken down at a time: each is a transaction of a megabyte or two, and others wait for it.
const batchesAtOnce = 4

// CreateBatch keeps payouts that are asked for together, 1 to 10,000 of them, to be made in the background, and answers once that is durable.
// Nothing is held yet, and no line is judged: a line that is refused in its turn is errored and says why, and the others go on.
//
// Faults, in this order: FieldRequired and FieldTooMany (max) on payouts; AmountOverflow on payouts when their sum leaves 64 bits;
// ReferenceTaken on reference, of the batch; those of store.Batcher.Do. A batch with the same ID is answered as it was kept.
func (s *Service) CreateBatch(ctx context.Context, owner string, by merchant.Actor, n NewBatch, key *store.Key) (Batch, error) {
	switch {
	case len(n.Lines) == 0:
		return Batch{}, fault.New(fault.FieldRequired).On(fieldPayouts)
	case len(n.Lines) > BatchMost:
		return Batch{}, fault.New(fault.FieldTooMany).On(fieldPayouts).With("max", strconv.Itoa(BatchMost))
	}
	amounts, err := sumsOf(n.Lines)
	if err != nil {
		return Batch{}, err
	}
	b := Batch{
		Owner: owner, ID: n.ID, Door: n.Door, Reference: n.Reference, Name: n.Name, Status: BatchWaiting, Lines: int64(len(n.Lines)),
		Amounts: amounts, AskedBy: by.Name, CreatedAt: s.clock.Now(),
	}
	if b.ID == "" {
		b.ID = id.New(s.clock)
	}
	b.UpdatedAt = b.CreatedAt
	select {
	case s.batches.taking <- struct{}{}:
		defer func() { <-s.batches.taking }()
	case <-ctx.Done():
		return Batch{}, fault.New(fault.Outage).Wrap(ctx.Err())
	}
	parts, err := s.splitBatch(b, by, n.Lines)
	if err != nil {
		return Batch{}, err
	}
	return s.batches.create.Do(ctx, owner, key, batchCommand{b, parts})
}

// sumsOf adds up what lines ask for, by currency. What is less than nothing will be refused, and counts for nothing.
func sumsOf(lines []New) ([]money.Amount, error) {
	total := map[money.Currency]money.Amount{}
	for _, n := range lines {
		c := n.Amount.Currency
		sum, err := money.Of(total[c].Minor, c).Add(money.Of(max(n.Amount.Minor, 0), c))
		if err != nil {
			return nil, fault.New(fault.AmountOverflow).On(fieldPayouts)
		}
		total[c] = sum
	}
	list := make([]money.Amount, 0, len(total))
	for _, sum := range total {
		list = append(list, sum)
	}
	slices.SortFunc(list, func(a, b money.Amount) int { return cmp.Compare(a.Currency, b.Currency) })
	return list, nil
}

// splitBatch is a batch's lines as rows.
func (s *Service) splitBatch(b Batch, by merchant.Actor, lines []New) ([]batchPart, error) {
	var parts []batchPart
	references := map[string]bool{"": false}
	for some := range slices.Chunk(lines, batchPartMost) {
		items := batchItems{From: by.Source}
		for _, n := range some {
			if n.ID == "" {
				n.ID = id.New(s.clock)
			}
			items.Items = append(items.Items, batchItem{
				ID: n.ID, Number: n.Number, Reference: n.Reference, Method: n.Method, Amount: n.Amount.Minor, Currency: n.Amount.Currency,
				RecipientName: n.RecipientName, Account: n.Account, Description: n.Description, WebhookURL: n.WebhookURL,
				Again: references[n.Reference],
			})
			references[n.Reference] = n.Reference != ""
		}
		text, err := json.Marshal(items)
		if err != nil {
			return nil, err
		}
		first := int64(len(parts))*batchPartMost + 1
		parts = append(parts, batchPart{
			owner: b.Owner, batch: b.ID, part: int64(len(parts)) + 1, firstLine: first, lastLine: first + int64(len(some)) - 1, items: string(text),
		})
	}
	return parts, nil
}

// read answers the part's lines as they were handed in, and which of them repeat the reference of an earlier line of the batch.
func (p *batchPart) read(b Batch) (list []New, again map[int64]bool, err error) {
	var items batchItems
	if err := json.Unmarshal([]byte(p.items), &items); err != nil {
		return nil, nil, fmt.Errorf("part %d of batch %s cannot be read: %w", p.part, p.batch, err)
	}
	if have, want := int64(len(items.Items)), p.lastLine-p.firstLine+1; have != want {
		return nil, nil, fmt.Errorf("part %d of batch %s has %d lines and not %d", p.part, p.batch, have, want)
	}
	list, again = make([]New, len(items.Items)), map[int64]bool{}
	for n, i := range items.Items {
		line := p.firstLine + int64(n)
		list[n] = New{
			Owner: p.owner, ID: i.ID, Door: b.Door, Number: i.Number, Reference: i.Reference, Batch: p.batch, Line: line, Method: i.Method,
			Amount: money.Of(i.Amount, i.Currency), RecipientName: i.RecipientName, Account: i.Account, Description: i.Description,
			WebhookURL: i.WebhookURL, AskedBy: merchant.Actor{Name: b.AskedBy, Source: items.From},
		}
		if i.Again {
			again[line] = true
		}
	}
	return list, again, nil
}

// faultsByLine reads why lines of the part were refused.
func (p *batchPart) faultsByLine() (map[int64][]*fault.Error, error) {
	list := map[int64][]*fault.Error{}
	if p.faults == "" {
		return list, nil
	}
	if err := json.Unmarshal([]byte(p.faults), &list); err != nil {
		return nil, fmt.Errorf("why lines of part %d of batch %s were refused cannot be read: %w", p.part, p.batch, err)
	}
	return list, nil
}

// textDigest is what an event tells of a text that is kept elsewhere; "" of none.
func textDigest(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// keepBatches is CreateBatch for a slice.
func (s *Service) keepBatches(ctx context.Context, tx *store.Tx, list []batchCommand) ([]store.Outcome[Batch], error) {
	out := make([]store.Outcome[Batch], len(list))
	have, err := batchesThere(ctx, tx, list)
	if err != nil {
		return nil, err
	}
	var facts []event.New
	for n, c := range list {
		out[n].Value = c.Batch
		switch there, taken := have.ids[Key{c.Owner, c.ID}], have.references[c.slot()]; {
		case there: // an earlier run of the same command, whose commit was not answered
			continue
		case c.Reference != "" && taken:
			out[n] = store.Outcome[Batch]{Err: fault.New(fault.ReferenceTaken).On(columnReference)}
			continue
		}
		have.ids[Key{c.Owner, c.ID}], have.references[c.slot()] = true, true
		if err := putBatch(tx, c.Batch, c.parts); err != nil {
			return nil, err
		}
		fact := BatchFact{Batch: c.Batch}
		for _, p := range c.parts {
			fact.Parts = append(fact.Parts, textDigest(p.items))
		}
		told, err := c.told(EventBatchCreated, fact)
		if err != nil {
			return nil, err
		}
		facts = append(facts, told)
	}
	tx.AfterCommit(s.batches.worker.Wake)
	_, err = s.log.Append(ctx, tx, facts)
	return out, err
}

// batchSlot is where a batch's reference is unique.
type batchSlot struct{ owner, door, reference string }

func (b Batch) slot() batchSlot { return batchSlot{b.Owner, b.Door, b.Reference} }

// told is an event about the batch.
func (b Batch) told(t event.Type, fact BatchFact) (event.New, error) {
	data, err := json.Marshal(fact)
	return event.New{
		Owner: b.Owner, Type: t, Kind: BatchEventKind, Subject: b.ID, Door: b.Door, Data: data, At: b.UpdatedAt,
	}, err
}
