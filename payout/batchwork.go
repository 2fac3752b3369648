package payout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/piecework"
	"sarraf/store"
)

// BatchObserver is told what the workers of a process do, for metrics: Decided of payouts, Undone of batches.
type BatchObserver = piecework.Observer

// ObserveBatches has o told. Call it before the first batch is worked at.
func (s *Service) ObserveBatches(o BatchObserver) { s.batches.worker.Observe(o) }

// batches is what the service has for them.
type batches struct {
	create *store.Batcher[batchCommand, Batch]
	begin  *store.Batcher[batchVerdict, Batch]
	taking chan struct{} // a place for each batch that is being taken down
	worker *piecework.Worker
}

func newBatches(s *Service) batches {
	return batches{
		create: store.NewBatcher(s.db, "payout.batch", s.keepBatches), begin: store.NewBatcher(s.db, "payout.batch_verdict", s.beginVerdicts),
		taking: make(chan struct{}, batchesAtOnce), worker: piecework.NewWorker(s.clock),
	}
}

func (b batches) close() {
	b.create.Close()
	b.begin.Close()
}

// RunBatches makes the payouts of batches until ctx ends: when one is kept by this process, and every interval for what others have left. An
// error is given to failed; what it was about is tried again later. The lines that are being made when ctx ends are finished.
func (s *Service) RunBatches(ctx context.Context, interval time.Duration, failed func(error)) {
	s.batches.worker.Run(ctx, interval, piecework.Rounds{Work: s.WorkBatches, Undone: s.BatchesUndone, Failed: failed})
}

// WorkBatches makes some of the payouts of one batch, 250 at most, in one transaction with the batch's progress, and answers whether there may
// be more to do at once. Merchants have their turns, and the batches of one merchant theirs. Any number of nodes may do it at once. An error
// is that of one batch, which is due again later, unless more is false.
func (s *Service) WorkBatches(ctx context.Context) (more bool, err error) {
	k, due, err := s.dueBatch(ctx)
	if err != nil || !due {
		return false, err
	}
	_, err = s.WorkBatch(ctx, k.Merchant, k.ID)
	return !piecework.Unavailable(err), err
}

// dueBatch picks the batch that waits longest of the merchant that was served longest ago.
func (s *Service) dueBatch(ctx context.Context) (k Key, due bool, err error) {
	now := clock.Micros(s.clock.Now())
	k.Merchant, due, err = s.batches.worker.Turn(func(take func(string, int64)) error {
		return s.db.Query(ctx, sqlDueBatchOwners, []any{now}, func(r store.Row) error {
			var owner string
			var since int64
			err := r.Scan(&owner, &since)
			take(owner, since)
			return err
		})
	})
	if err != nil || !due {
		return k, false, err
	}
	due = false
	err = s.db.Query(ctx, sqlDueBatch, []any{k.Merchant, now}, func(r store.Row) error {
		due = true
		return r.Scan(&k.ID)
	})
	return k, due, err
}

// WorkBatch is WorkBatches for one batch; done is whether all its lines are decided. Nothing is done before it is due. Fault: BatchMissing.
func (s *Service) WorkBatch(ctx context.Context, owner, id string) (done bool, err error) {
	b, err := s.batchRow(ctx, owner, id)
	if err != nil || b.Status == BatchDone {
		return err == nil, err
	}
	if b.due > clock.Micros(s.clock.Now()) {
		return false, nil
	}
	work := batchWork{s, b}
	err = piecework.Work(ctx, &work, batchPartMost)
	return err == nil && work.Done(), err
}

// batchWork is a batch that is being worked at.
type batchWork struct {
	s *Service
	b batchRow // as it was read last
}

// Failures is for piecework.List.
func (w *batchWork) Failures() int64 { return w.b.failures }

// Done is for piecework.List.
func (w *batchWork) Done() bool { return w.b.Status == BatchDone }

// Postpone is for piecework.List.
func (w *batchWork) Postpone(ctx context.Context, cause error, failures int64, delay time.Duration) error {
	b := w.b
	due := clock.Micros(w.s.clock.Now().Add(delay))
	err := w.s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.Exec(ctx, sqlPostponeBatch, b.Owner, b.ID, b.decided(), b.failures, string(fault.First(cause).Code), failures, due)
	})
	return errors.Join(fmt.Errorf("batch %s of %s, after line %d of %d: %w", b.ID, b.Owner, b.decided(), b.Lines, cause), err)
}

// batchSlice is some lines of a batch that are next, read in a transaction that has locked it.
type batchSlice struct {
	batchRow
	part   batchPart
	faults map[int64][]*fault.Error // of the part, by line
	lines  []New
	again  map[int64]bool // lines that repeat the reference of an earlier one
}

// next locks the batch and reads its next n lines; false when another node has gone on with it.
func (w *batchWork) next(ctx context.Context, tx *store.Tx, n int64) (sl batchSlice, ok bool, err error) {
	was := w.b
	tx.Later(sqlLockBatch, []any{was.Owner, was.ID}, func(r store.Row) (err error) {
		sl.batchRow, err = scanBatch(r)
		return err
	})
	found := false
	err = tx.Query(ctx, sqlNextBatchPart, []any{was.Owner, was.ID}, func(r store.Row) (err error) {
		found = true
		sl.part, err = scanBatchPart(r)
		return err
	})
	if err != nil || sl.decided() != was.decided() || sl.failures != was.failures || sl.Status == BatchDone {
		return sl, false, err
	}
	if !found {
		return sl, false, fmt.Errorf("lines %d to %d of batch %s of %s are lost", was.decided()+1, was.Lines, was.ID, was.Owner)
	}
	if sl.faults, err = sl.part.faultsByLine(); err != nil {
		return sl, false, err
	}
	lines, again, err := sl.part.read(sl.Batch)
	if err != nil {
		return sl, false, err
	}
	from := was.decided() + 1 - sl.part.firstLine
	if from < 0 || from >= int64(len(lines)) {
		return sl, false, fmt.Errorf("line %d of batch %s of %s is lost", was.decided()+1, was.ID, was.Owner)
	}
	sl.lines = lines[from:min(from+n, int64(len(lines)))]
	sl.again = again
	now := w.s.clock.Now()
	for n := range sl.lines {
		sl.lines[n].At = now
	}
	return sl, true, nil
}

// Decide is for piecework.List: n lines are at most those of one part. Each is judged by itself, as if it had been asked for alone.
func (w *batchWork) Decide(ctx context.Context, n int64, reason *fault.Error) error {
	s := w.s
	var after batchRow
	err := s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		sl, ok, err := w.next(ctx, tx, n)
		if after = sl.batchRow; err != nil || !ok {
			return err
		}
		made, err := s.makeLines(ctx, tx, &sl, reason)
		if err != nil {
			return err
		}
		errored := int64(len(sl.lines)) - made
		after.Made, after.Errored = after.Made+made, after.Errored+errored
		tx.AfterCommit(func() { s.batches.worker.Decided(int(made), int(errored)) })
		return s.saveBatch(ctx, tx, &after, &sl)
	})
	if err == nil {
		w.b = after
	}
	return err
}

// makeLines makes the payouts of the slice, and answers how many; why the others were refused is then among its faults.
func (s *Service) makeLines(ctx context.Context, tx *store.Tx, sl *batchSlice, reason *fault.Error) (made int64, err error) {
	if reason != nil {
		for _, n := range sl.lines {
			sl.faults[n.Line] = []*fault.Error{reason}
		}
		return 0, nil
	}
	asked := make([]New, 0, len(sl.lines))
	for _, n := range sl.lines {
		if sl.again[n.Line] { // whatever became of the first: the list is wrong, and which line was meant is not ours to guess
			sl.faults[n.Line] = []*fault.Error{fault.New(fault.ReferenceTaken).On(FieldReference)}
			continue
		}
		asked = append(asked, n)
	}
	if len(asked) == 0 {
		return 0, nil
	}
	out, err := s.RequestIn(ctx, tx, asked)
	if err != nil {
		return 0, err
	}
	for n, o := range out {
		switch {
		case piecework.Unavailable(o.Err) || fault.Has(o.Err, fault.Bug): // that is no decision
			return 0, o.Err
		case o.Err != nil:
			sl.faults[asked[n].Line] = fault.All(o.Err)
		default:
			made++
		}
	}
	return made, nil
}

// saveBatch queues what the batch and its part have come to; a batch that is done is told.
func (s *Service) saveBatch(ctx context.Context, tx *store.Tx, b *batchRow, sl *batchSlice) error {
	if len(sl.faults) > 0 {
		text, err := json.Marshal(sl.faults)
		if err != nil {
			return err
		}
		tx.Later(sqlSaveBatchFaults, []any{b.Owner, b.ID, sl.part.part, string(text)}, nil)
	}
	now := s.clock.Now()
	if now.After(b.UpdatedAt) {
		b.UpdatedAt = now
	}
	b.Status, b.Message, b.due = BatchWorking, "", clock.Micros(now)
	if b.decided() == sl.part.lastLine {
		b.failures = 0 // the next part may be good
	}
	if b.decided() == b.Lines {
		b.Status, b.failures, b.due = BatchDone, 0, 0
	}
	tx.Later(sqlSaveBatch, []any{
		b.Owner, b.ID, b.Made, b.Errored, string(b.Status), b.Message, b.failures, clock.Micros(b.UpdatedAt), b.due,
	}, nil)
	if b.Status != BatchDone {
		return nil
	}
	fact := BatchFact{Batch: b.Batch}
	err := tx.Query(ctx, sqlBatchFaults, []any{b.Owner, b.ID}, func(r store.Row) error {
		var faults string
		err := r.Scan(&faults)
		fact.Faults = append(fact.Faults, textDigest(faults))
		return err
	})
	if err != nil {
		return err
	}
	told, err := b.told(EventBatchDone, fact)
	if err != nil {
		return err
	}
	_, err = s.log.Append(ctx, tx, []event.New{told})
	return err
}

// errBatchTried takes a trial back.
var errBatchTried = errors.New("tried")

// Try is for piecework.List.
func (w *batchWork) Try(ctx context.Context, n int64) (made, tried bool, err error) {
	err = w.s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		made, tried = false, false
		sl, ok, err := w.next(ctx, tx, n)
		if err != nil || !ok {
			return errors.Join(errBatchTried, err)
		}
		if int64(len(sl.lines)) < n {
			made = n == 2 && sl.decided()-sl.part.firstLine+1 > int64(len(sl.faults))
			return errBatchTried
		}
		tried = true
		sl.lines = sl.lines[n-1:]
		if _, err := w.s.makeLines(ctx, tx, &sl, nil); err != nil {
			return err
		}
		if err := tx.Flush(ctx); err != nil {
			return err
		}
		made = true
		return errBatchTried
	})
	return made, tried, err
}

// BatchesUndone is how many batches there are, of all owners, that are not done, and since when the first of them.
func (s *Service) BatchesUndone(ctx context.Context) (n int64, since time.Time, err error) {
	err = s.db.Query(ctx, sqlBatchesUndone, nil, func(r store.Row) error {
		var at int64
		err := r.Scan(&n, &at)
		since = clock.FromMicros(at)
		return err
	})
	return n, since, err
}
