package ledger

import (
	"context"

	"sarraf/store"
)

// record queues what the accepted commands come to. Only accounts that are new cost a round trip of their own: when one of them
// turns out to exist by now, what was judged is worth nothing.
func (b *batch) record(ctx context.Context, tx *store.Tx) error {
	if err := b.recordAccounts(ctx, tx); err != nil {
		return err
	}
	b.recordEntries(tx)
	b.recordHolds(tx)
	return nil
}

func (b *batch) recordAccounts(ctx context.Context, tx *store.Tx) error {
	var fresh, changed []any
	for _, a := range b.sorted {
		switch {
		case a.now == a.was:
		case a.stored:
			changed = append(changed, a.owner, a.as, a.now.debits, a.now.credits, a.now.held, a.now.seq, a.now.holdSeq)
		default:
			fresh = append(fresh, a.owner, a.as, string(a.Currency), a.Kind, a.now.debits, a.now.credits, a.now.held, a.floor.arg(),
				a.now.seq, a.now.holdSeq)
		}
	}
	tx.LaterRows(bulkAccountUpdate, changed, nil)
	if len(fresh) == 0 {
		return nil
	}
	const columns = 10
	came := 0
	err := tx.QueryRows(ctx, bulkAccountInsert, fresh, func(r store.Row) error {
		came++
		var id string
		return r.Scan(&id)
	})
	if err == nil && came < len(fresh)/columns {
		err = store.ErrAgain
	}
	return err
}

func (b *batch) recordEntries(tx *store.Tx) {
	const columns = 13
	args := make([]any, 0, columns*len(b.made))
	for i := range b.made {
		m := &b.made[i]
		from, to := m.debited, m.credited
		args = append(args, m.id, m.amount, m.kind, m.subject, m.at,
			from.owner, from.as, m.fromSeq, m.fromAfter, to.owner, to.as, m.toSeq, m.toAfter)
	}
	tx.LaterRows(bulkEntryInsert, args, nil)
}

func (b *batch) recordHolds(tx *store.Tx) {
	var args []any
	for _, h := range b.placed {
		args = append(args, h.owner, h.id, h.from.ID(), h.to.Owner, h.to.ID(), h.amount, string(h.state), h.kind, h.subject,
			some(h.transfer).arg(), some(h.expiresAt).arg(), h.createdAt, some(h.closedAt).arg())
	}
	tx.LaterRows(bulkHoldInsert, args, nil)
	args = nil
	for _, h := range b.closed {
		args = append(args, h.owner, h.id, string(h.state), some(h.transfer).arg(), h.closedAt)
	}
	tx.LaterRows(bulkHoldUpdate, args, nil)
	args = nil
	for i := range b.steps {
		s := &b.steps[i]
		h := s.hold
		args = append(args, s.account.owner, s.account.as, s.n, h.id, s.step, h.amount, h.to.Owner, h.to.ID(), h.kind, h.subject,
			some(s.transfer).arg(), some(h.expiresAt).arg(), s.held, s.entrySeq, s.at)
	}
	tx.LaterRows(bulkStepInsert, args, nil)
}
