package payout

import (
	"context"
	"strings"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/store"
)

// batchRow is the owner's batch with the id, or a fault BatchMissing.
func (s *Service) batchRow(ctx context.Context, owner, id string) (b batchRow, err error) {
	found := false
	err = s.db.Query(ctx, sqlBatch, []any{owner, id}, func(r store.Row) (err error) {
		found = true
		b, err = scanBatch(r)
		return err
	})
	if err == nil && !found {
		err = fault.New(fault.BatchMissing)
	}
	return b, err
}

// Batch answers the merchant's batch with the id, or a fault BatchMissing.
func (s *Service) Batch(ctx context.Context, owner, id string) (Batch, error) {
	b, err := s.batchRow(ctx, owner, id)
	return b.Batch, err
}

// BatchByReference answers the merchant's batch with its own reference at the door, or a fault BatchMissing.
func (s *Service) BatchByReference(ctx context.Context, owner, door, reference string) (b Batch, err error) {
	err = fault.New(fault.BatchMissing)
	asked := s.db.Query(ctx, sqlBatchByReference, []any{owner, door, reference}, func(r store.Row) error {
		row, failed := scanBatch(r)
		b, err = row.Batch, nil
		return failed
	})
	if asked != nil {
		return b, asked
	}
	return b, err
}

// BatchPage says which batches are wanted: Limit of them at most, newest first, those older than the id Before unless it is ""; with After the
// oldest that are newer than that, newest first as well.
type BatchPage struct {
	After, Before string
	Limit         int
}

// Batches lists the merchant's batches.
func (s *Service) Batches(ctx context.Context, owner string, p BatchPage) ([]Batch, error) {
	sql, args := sqlBatches, []any{owner, p.Limit}
	switch {
	case p.After != "":
		sql, args = sqlBatchesAfter, []any{owner, p.After, p.Limit}
	case p.Before != "":
		sql, args = sqlBatchesBefore, []any{owner, p.Before, p.Limit}
	}
	var list []Batch
	err := s.db.Query(ctx, sql, args, func(r store.Row) error {
		b, err := scanBatch(r)
		list = append(list, b.Batch)
		return err
	})
	return list, err
}

// LineState is where a line of a batch stands.
type LineState string

// The states.
const (
	LineDraft   LineState = "draft"   // it waits for its turn
	LineMade    LineState = "made"    // there is a payout, whatever became of that
	LineErrored LineState = "errored" // it was refused: there will be none
)

// LineStates lists every state.
func LineStates() []LineState { return []LineState{LineDraft, LineMade, LineErrored} }

// BatchLine is a line of a batch.
type BatchLine struct {
	New    // what was handed in; its Line is counted from 1, its ID is that of the payout that there is, or was to be
	State  LineState
	Payout string         // the id of its payout when it is made, else ""
	Faults []*fault.Error // why it was refused, as Request says it
}

// LinePage says which lines are wanted: those after the line After, in one state unless that is "", Limit of them at most.
type LinePage struct {
	After int64
	State LineState
	Limit int
}

// BatchLines lists lines of the merchant's batch in their order, as they are at one moment. Fault: BatchMissing.
func (s *Service) BatchLines(ctx context.Context, owner, id string, p LinePage) (list []BatchLine, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		b, found, err := BatchOf(ctx, tx, owner, id)
		switch {
		case err != nil:
			return err
		case !found:
			return fault.New(fault.BatchMissing)
		}
		list, err = LinesOf(ctx, tx, b, p)
		return err
	})
	return list, err
}

// LinesOf is BatchLines in a snapshot that the batch was read in.
func LinesOf(ctx context.Context, tx *store.Tx, b Batch, page LinePage) (list []BatchLine, err error) {
	after := page.After
	if page.State == LineDraft {
		after = max(after, b.decided())
	}
	for len(list) < page.Limit {
		part, found, err := partAfter(ctx, tx, b, after, page.State)
		if err != nil || !found {
			return list, err
		}
		lines, err := b.linesOf(part)
		if err != nil {
			return list, err
		}
		for _, l := range lines {
			if l.Line > after && (page.State == "" || l.State == page.State) && len(list) < page.Limit {
				list = append(list, l)
			}
		}
		after = part.lastLine
	}
	return list, nil
}

// partAfter is the first part of the batch that has a line after the given one and may have one in the state.
func partAfter(ctx context.Context, tx *store.Tx, b Batch, after int64, state LineState) (p batchPart, found bool, err error) {
	sql := sqlBatchPartAfter
	if state == LineErrored {
		sql = sqlFaultyPartAfter
	}
	err = tx.Query(ctx, sql, []any{b.Owner, b.ID, after}, func(r store.Row) (err error) {
		found = true
		p, err = scanBatchPart(r)
		return err
	})
	if state == LineMade && p.firstLine > b.decided() {
		found = false // nothing is made from here on
	}
	return p, found, err
}

// linesOf are the lines of one of the batch's parts.
func (b Batch) linesOf(p batchPart) ([]BatchLine, error) {
	lines, _, err := p.read(b)
	if err != nil {
		return nil, err
	}
	faults, err := p.faultsByLine()
	if err != nil {
		return nil, err
	}
	list := make([]BatchLine, len(lines))
	for n, l := range lines {
		l.At = b.CreatedAt
		list[n] = BatchLine{New: l, State: LineDraft, Faults: faults[l.Line]}
		switch {
		case len(faults[l.Line]) > 0:
			list[n].State = LineErrored
		case l.Line <= b.decided():
			list[n].State, list[n].Payout = LineMade, l.ID
		}
	}
	return list, nil
}

// decided is how many lines, from the first, are made or refused.
func (b Batch) decided() int64 { return b.Made + b.Errored }

// BatchOf is the owner's batch with the id, as an operator reads it in a snapshot; false when there is none.
func BatchOf(ctx context.Context, tx *store.Tx, owner, id string) (b Batch, ok bool, err error) {
	err = tx.Query(ctx, sqlBatch, []any{owner, id}, func(r store.Row) error {
		row, err := scanBatch(r)
		b, ok = row.Batch, true
		return err
	})
	return b, ok, err
}

// BatchesNamed are the owners' batches with the id, and those of any merchant that gave them this reference, as an operator reads them in a snapshot.
func BatchesNamed(ctx context.Context, tx *store.Tx, owners []string, text string) (list []Batch, err error) {
	args := make([]any, 0, 2*len(owners))
	for _, o := range owners {
		args = append(args, o, strings.ToLower(text))
	}
	keep := func(r store.Row) error {
		b, err := scanBatch(r)
		list = append(list, b.Batch)
		return err
	}
	if id.Valid(strings.ToLower(text)) {
		tx.LaterRows(bulkBatchByID, args, keep)
	}
	err = tx.Query(ctx, sqlAnyBatchReference, []any{text}, keep)
	return list, err
}
