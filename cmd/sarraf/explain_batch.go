package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sarraf/fault"
	"sarraf/payout"
)

// aBatch is the kind of a batch of payouts. Its payouts are told by their own ids.
const aBatch = "payout_batch"

// refusedMost is how many refused lines of a batch are told.
const refusedMost = 20

// batchFacts are what is told of a batch of payouts.
type batchFacts struct {
	Door      string        `json:"door"`
	Reference string        `json:"reference,omitempty"`
	Name      string        `json:"name,omitempty"`
	Status    string        `json:"status"`
	Lines     int64         `json:"lines"`
	Made      int64         `json:"made"`
	Errored   int64         `json:"errored"`
	Amounts   []string      `json:"amounts"` // what was asked for in all, by currency
	Message   string        `json:"message,omitempty"`
	AskedBy   string        `json:"asked_by"`
	Refused   []refusedLine `json:"refused"` // the first of them
	CreatedAt time.Time     `json:"created_at"`
	UpdatedAt time.Time     `json:"updated_at"`
}

// refusedLine is a line of a batch that has no payout.
type refusedLine struct {
	Line   int64          `json:"line"`
	Faults []*fault.Error `json:"faults"`
}

// byBatch finds batches of payouts by their ids, and by the merchants' own references.
func (s *search) byBatch(ctx context.Context, text string) error {
	list, err := payout.BatchesNamed(ctx, s.tx, s.owners, text)
	for _, b := range list {
		as := "the id of the batch"
		if b.Reference == text {
			as = "the merchant's reference at " + b.Door
		}
		s.note(aBatch, b.Owner, b.ID, as)
	}
	return err
}

// fillBatch adds what belongs to a batch.
func (s *search) fillBatch(ctx context.Context, r root, to *subject) error {
	b, ok, err := payout.BatchOf(ctx, s.tx, r.owner, r.id)
	if err != nil {
		return err
	}
	if !ok {
		to.Missing = append(to.Missing, "the batch itself")
		return nil
	}
	f := &batchFacts{
		Door: b.Door, Reference: b.Reference, Name: b.Name, Status: string(b.Status), Lines: b.Lines, Made: b.Made, Errored: b.Errored, Amounts: []string{},
		Message: b.Message, AskedBy: b.AskedBy, Refused: []refusedLine{}, CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt,
	}
	for _, a := range b.Amounts {
		f.Amounts = append(f.Amounts, a.Decimal()+" "+string(a.Currency))
	}
	refused, err := payout.LinesOf(ctx, s.tx, b, payout.LinePage{State: payout.LineErrored, Limit: refusedMost})
	if err != nil {
		return err
	}
	for _, l := range refused {
		f.Refused = append(f.Refused, refusedLine{l.Line, l.Faults})
	}
	to.Batch = f
	to.Events, err = s.events(ctx, r.owner, r.id, b.CreatedAt, b.UpdatedAt)
	return err
}

func (b batchFacts) facts(fact func(name, value string)) {
	fact("batch", fmt.Sprintf("%d payouts of %s through %s, asked for by %s", b.Lines, strings.Join(b.Amounts, " and "), b.Door, plain(b.AskedBy)))
	fact("reference", plain(b.Reference))
	fact("name", plain(b.Name))
	fact("status", b.Status)
	fact("lines", fmt.Sprintf("%d made, %d refused, %d waiting", b.Made, b.Errored, b.Lines-b.Made-b.Errored))
	if b.Message != "" {
		fact("held up", plain(b.Message))
	}
	for _, l := range b.Refused {
		var why []string
		for _, f := range l.Faults {
			why = append(why, f.Error())
		}
		fact("refused", fmt.Sprintf("line %d: %s", l.Line, strings.Join(why, "; ")))
	}
}
