package payout

import (
	"context"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/store"
)

// BatchDecision is what came of approving or rejecting a batch.
type BatchDecision struct {
	Decided int64 `json:"decided"` // payouts of the batch that this person has so approved, or rejected: by this call or an earlier one
	Left    int64 `json:"left"`    // those that still wait for somebody
}

// batchVerdict asks to decide about a batch.
type batchVerdict struct{ owner, id, by string }

// verdictMost is how many payouts are decided in one transaction.
const verdictMost = 250

// ApproveBatch approves, or else rejects for the reason, those payouts of the merchant's batch that wait for approval: each by itself, with its
// event and its line in the audit log, as Move does it. The others are left alone. When two people decide at once, each payout is decided
// by one of them.
//
// It may be asked for again: what is decided stays so, and what an attempt that was cut short has left is decided then. So a repeated key does
// no harm, and is answered with how the batch then stands.
//
// Faults, in this order: BatchMissing; BatchUnfinished while its payouts are still being made; ApprovalOwn for who asked for the batch; those of
// store.Batcher.Do.
func (s *Service) ApproveBatch(ctx context.Context, owner, batch string, by merchant.Actor, approve bool, reason string, key *store.Key) (BatchDecision, error) {
	if by.Name == "" || by.Source == "" {
		return BatchDecision{}, errNoActor
	}
	if _, err := s.batches.begin.Do(ctx, owner, key, batchVerdict{owner, batch, by.Name}); err != nil {
		return BatchDecision{}, err
	}
	ctx = context.WithoutCancel(ctx) // a caller that goes away does not leave half of it
	m := Move{Merchant: owner, Action: Approve, By: by, Reason: reason}
	if !approve {
		m.Action = Reject
	}
	for line, more := int64(0), true; more; {
		var err error
		if line, more, err = s.decideAfter(ctx, batch, m, line); err != nil {
			return BatchDecision{}, err
		}
	}
	var d BatchDecision
	err := s.db.Query(ctx, sqlDecidedOfBatch, []any{owner, batch, by.Name}, func(r store.Row) error {
		var approved, rejected int64
		err := r.Scan(&d.Left, &approved, &rejected)
		if d.Decided = rejected; approve {
			d.Decided = approved
		}
		return err
	})
	return d, err
}

// decideAfter makes the move on the next payouts after the line that wait for approval, and answers the last of their lines.
func (s *Service) decideAfter(ctx context.Context, batch string, m Move, after int64) (last int64, more bool, err error) {
	var list []Move
	m.At = s.clock.Now()
	err = s.db.Query(ctx, sqlWantedOfBatch, []any{m.Merchant, batch, after, int64(verdictMost)}, func(r store.Row) error {
		m.ID = id.New(s.clock)
		err := r.Scan(&m.Payout, &last)
		list = append(list, m)
		return err
	})
	if err != nil || len(list) == 0 {
		return last, false, err
	}
	return last, true, s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		out, err := s.MoveIn(ctx, tx, list)
		if err != nil {
			return err
		}
		for _, o := range out {
			if o.Err != nil && !fault.Has(o.Err, fault.PayoutClosed) { // closed: somebody else was faster
				return o.Err
			}
		}
		return nil
	})
}

// beginVerdicts judges who decides about which batch.
func (s *Service) beginVerdicts(ctx context.Context, tx *store.Tx, list []batchVerdict) ([]store.Outcome[Batch], error) {
	out := make([]store.Outcome[Batch], len(list))
	for n, v := range list {
		b, found, err := BatchOf(ctx, tx, v.owner, v.id)
		if err != nil {
			return nil, err
		}
		out[n].Value = b
		switch {
		case !found:
			out[n].Err = fault.New(fault.BatchMissing)
		case b.Status != BatchDone:
			out[n].Err = fault.New(fault.BatchUnfinished)
		case b.AskedBy == v.by:
			out[n].Err = fault.New(fault.ApprovalOwn)
		}
	}
	return out, nil
}
