package invoice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/store"
)

// How an upload whose bills cannot be made is tried again.
const (
	// patience is how often a slice of lines is tried as a whole, before its halves are, and theirs, down to single lines.
	patience = 3
	// stubborn is how often a line is tried, when no other can be made either, before it is given up.
	stubborn    = 12
	delayFirst  = time.Second // after the first failure; doubled by each
	delayMost   = 10 * time.Minute
	delayOutage = 5 * time.Second // what no bill is to blame for
	// triesMost is how many halves are tried before others have their turn.
	triesMost = 50
)

// UploadObserver is told what the workers of a process do, for metrics. Its methods must be quick and safe for concurrent use.
type UploadObserver interface {
	// Decided is called after lines were decided: how many bills were made, and how many lines could not be.
	Decided(made, errored int)
	// Undone is called from time to time: how many uploads are not done, of all nodes, and the age of the oldest of them.
	Undone(n int64, oldest time.Duration)
}

// ObserveUploads has o told. Call it before the first upload is worked at.
func (s *Service) ObserveUploads(o UploadObserver) { s.worker.observer = o }

// uploadWorker is what the workers of one process share.
type uploadWorker struct {
	observer UploadObserver
	wake     chan struct{} // has something in it when an upload was kept since a worker last looked

	mu     sync.Mutex
	turn   int64
	served map[string]int64 // by owner, the turn in which it was served last; only those that have something due
}

func (w *uploadWorker) init() { w.wake, w.served = make(chan struct{}, 1), map[string]int64{} }

func (s *Service) wakeUploads() {
	select {
	case s.worker.wake <- struct{}{}:
	default:
	}
}

// RunUploads makes the bills of uploads until ctx ends: when one is kept by this process, and every interval for what others have left. An
// error is given to failed; what it was about is tried again later. The lines that are being made when ctx ends are finished.
func (s *Service) RunUploads(ctx context.Context, interval time.Duration, failed func(error)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = s.WorkUploads(ctx); err != nil && ctx.Err() == nil {
				failed(err)
			}
			s.observe(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.worker.wake:
		}
	}
}

// observe tells the observer how much there is to do. What cannot be read is told the next time.
func (s *Service) observe(ctx context.Context) {
	if s.worker.observer == nil {
		return
	}
	n, since, err := s.UploadsUndone(ctx)
	if err != nil {
		return
	}
	oldest := time.Duration(0)
	if n > 0 {
		oldest = max(s.clock.Now().Sub(since), 0)
	}
	s.worker.observer.Undone(n, oldest)
}

// WorkUploads makes some of the bills of one upload, 500 at most, in one transaction with the upload's progress, and answers whether there may
// be more to do at once. Merchants have their turns, and the uploads of one merchant theirs. Any number of nodes may do it at once. An
// error is that of one upload, which is due again later, unless more is false.
func (s *Service) WorkUploads(ctx context.Context) (more bool, err error) {
	k, due, err := s.dueUpload(ctx)
	if err != nil || !due {
		return false, err
	}
	_, err = s.WorkUpload(ctx, k.Owner, k.ID)
	return !unavailable(err), err
}

// dueUpload picks the upload that waits longest of the merchant that was served longest ago.
func (s *Service) dueUpload(ctx context.Context) (k Key, due bool, err error) {
	now := clock.Micros(s.clock.Now())
	w := &s.worker
	w.mu.Lock()
	served, first := map[string]int64{}, [2]int64{math.MaxInt64, 0}
	err = s.db.Query(ctx, sqlDueOwners, []any{now}, func(r store.Row) error {
		var owner string
		var at int64
		err := r.Scan(&owner, &at)
		served[owner] = w.served[owner]
		if turn := [2]int64{served[owner], at}; !due || turn[0] < first[0] || turn[0] == first[0] && turn[1] < first[1] {
			k.Owner, first, due = owner, turn, true
		}
		return err
	})
	if err == nil && due {
		w.turn++
		served[k.Owner] = w.turn
		w.served = served
	}
	w.mu.Unlock()
	if err != nil || !due {
		return k, false, err
	}
	due = false
	err = s.db.Query(ctx, sqlDueUpload, []any{k.Owner, now}, func(r store.Row) error {
		due = true
		return r.Scan(&k.ID)
	})
	return k, due, err
}

// WorkUpload is WorkUploads for one upload; done is whether all its lines are decided. Nothing is done before it is due. Fault: UploadMissing.
func (s *Service) WorkUpload(ctx context.Context, owner, id string) (done bool, err error) {
	u, err := s.uploadByID(ctx, owner, id)
	if err != nil || u.Status == UploadDone {
		return err == nil, err
	}
	if u.due > clock.Micros(s.clock.Now()) {
		return false, nil
	}
	n := int64(partMost)
	if u.failures >= patience {
		n /= 2
	}
	for range triesMost {
		next, err := s.decide(ctx, u, n, "")
		switch {
		case err == nil:
			n = min(2*n, partMost/2)
		case n > 1 && u.failures >= patience && !unavailable(err):
			n /= 2
			continue
		default:
			if next, err = s.failed(ctx, u, n, err); err != nil {
				return false, err
			}
		}
		if u = next; u.failures < patience || u.Status == UploadDone || ctx.Err() != nil {
			break
		}
	}
	return u.Status == UploadDone, nil
}

// failed is what becomes of an upload whose next n lines could not be made: they are tried again later; but one line that fails while
// another of its part can be made is to blame itself, and is given up.
func (s *Service) failed(ctx context.Context, u uploadRow, n int64, cause error) (uploadRow, error) {
	if n == 1 && !unavailable(cause) {
		other, err := s.otherCan(ctx, u)
		if err == nil && (other || u.failures >= stubborn) {
			next, err := s.decide(ctx, u, 1, string(fault.First(cause).Code))
			return next, err
		}
	}
	message, failures, delay := string(fault.First(cause).Code), u.failures, delayOutage
	if !unavailable(cause) {
		delay = min(delayFirst<<min(failures, 20), delayMost)
		failures++
	}
	due := clock.Micros(s.clock.Now().Add(delay))
	err := s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.Exec(ctx, sqlPostpone, u.Owner, u.ID, u.Done, u.failures, message, failures, due)
	})
	return u, errors.Join(fmt.Errorf("upload %s of %s, after line %d of %d: %w", u.Number, u.Owner, u.Done, u.Lines, cause), err)
}

// unavailable tells the errors that no bill is to blame for.
func unavailable(err error) bool {
	for _, f := range fault.All(err) {
		if f.Kind() == fault.Unavailable {
			return true
		}
	}
	return false
}

// slice is some lines of an upload that are next, read in a transaction that has locked it.
type slice struct {
	uploadRow
	part  uploadPart
	lines []NewBill
}

// next locks an upload and reads its next n lines; false when another node has gone on with it since u was read.
func (s *Service) next(ctx context.Context, tx *store.Tx, u uploadRow, n int64) (sl slice, ok bool, err error) {
	tx.Later(sqlLockUpload, []any{u.Owner, u.ID}, func(r store.Row) (err error) {
		sl.uploadRow, err = scanUpload(r)
		return err
	})
	found := false
	err = tx.Query(ctx, sqlNextPart, []any{u.Owner, u.ID}, func(r store.Row) (err error) {
		found = true
		sl.part, err = scanPart(r)
		return err
	})
	if err != nil || sl.Done != u.Done || sl.failures != u.failures || sl.Status == UploadDone {
		return sl, false, err
	}
	if !found {
		return sl, false, fmt.Errorf("lines %d to %d of upload %s of %s are lost", u.Done+1, u.Lines, u.ID, u.Owner)
	}
	bills, err := sl.part.bills(u.Door)
	if err != nil {
		return sl, false, err
	}
	from := u.Done + 1 - sl.part.firstLine
	if from < 0 || from >= int64(len(bills)) {
		return sl, false, fmt.Errorf("line %d of upload %s of %s is lost", u.Done+1, u.ID, u.Owner)
	}
	sl.lines = bills[from:min(from+n, int64(len(bills)))]
	return sl, true, nil
}

// commands are the lines as bills to be made now, with the PSIDs that were drawn for them.
func (sl *slice) commands(now time.Time, psids []string) []billCommand {
	list := make([]billCommand, len(sl.lines))
	for n, b := range sl.lines {
		b.Invoice.CreatedAt = now
		list[n] = billCommand{b, psids[n]}
	}
	return list
}

// decide makes the upload's next n lines, at most those of one part, and answers how it stands then. With a problem, they are given up for it
// instead. When another node has gone on with the upload, nothing is done.
func (s *Service) decide(ctx context.Context, u uploadRow, n int64, problem string) (uploadRow, error) {
	n = min(n, u.Lines-u.Done)
	psids, err := s.drawPSIDs(ctx, int(n))
	if err != nil {
		return u, err
	}
	var after uploadRow
	err = s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		sl, ok, err := s.next(ctx, tx, u, n)
		if after = sl.uploadRow; err != nil || !ok {
			return err
		}
		now := s.clock.Now()
		problems, err := sl.part.problemsByLine()
		if err != nil {
			return err
		}
		bad, err := s.makeLines(ctx, tx, &sl, now, psids, problem)
		if err != nil {
			return err
		}
		for line, why := range bad {
			problems[line] = why
		}
		after.Done += int64(len(sl.lines))
		after.Errored += int64(len(bad))
		if o := s.worker.observer; o != nil {
			tx.AfterCommit(func() { o.Decided(len(sl.lines)-len(bad), len(bad)) })
		}
		return s.saveProgress(ctx, tx, &after, sl.part, problems, now)
	})
	return after, err
}

// makeLines makes the bills of the slice and answers which of them could not be, and why.
func (s *Service) makeLines(ctx context.Context, tx *store.Tx, sl *slice, now time.Time, psids []string, problem string) (map[int64]string, error) {
	bad := map[int64]string{}
	if problem != "" {
		for _, b := range sl.lines {
			bad[b.Invoice.Line] = problem
		}
		return bad, nil
	}
	out, err := s.createBills(ctx, tx, sl.commands(now, psids))
	if err != nil {
		return nil, err
	}
	for n, o := range out {
		switch {
		case unavailable(o.Err):
			return nil, o.Err
		case o.Err != nil:
			bad[sl.lines[n].Invoice.Line] = problemOf(o.Err)
		}
	}
	return bad, nil
}

// problemOf is why a bill could not be made, as it is kept: codes and fields, and no words.
func problemOf(err error) string {
	text := ""
	for _, f := range fault.All(err) {
		if text != "" {
			text += "; "
		}
		text += string(f.Code)
		if f.Field != "" {
			text += " on " + f.Field
		}
	}
	return text
}

// saveProgress queues what the upload and its part have come to; an upload that is done is told.
func (s *Service) saveProgress(ctx context.Context, tx *store.Tx, u *uploadRow, p uploadPart, problems map[int64]string, now time.Time) error {
	switch {
	case u.Done == p.lastLine && len(problems) == 0:
		tx.Later(sqlDropPart, []any{p.owner, p.upload, p.part}, nil)
	case len(problems) > 0:
		text, err := json.Marshal(problems)
		if err != nil {
			return err
		}
		tx.Later(sqlSavePart, []any{p.owner, p.upload, p.part, string(text)}, nil)
	}
	u.Status, u.Message, u.due = UploadWorking, "", clock.Micros(now)
	if now.After(u.UpdatedAt) {
		u.UpdatedAt = now
	}
	if u.Done == p.lastLine {
		u.failures = 0 // the next part may be good
	}
	if u.Done == u.Lines {
		u.Status, u.failures, u.due = UploadDone, 0, 0
	}
	tx.Later(sqlSaveUpload, []any{
		u.Owner, u.ID, u.Done, u.Errored, string(u.Status), u.Message, u.failures, clock.Micros(u.UpdatedAt), u.due,
	}, nil)
	if u.Status != UploadDone {
		return nil
	}
	fact := UploadFact{Upload: u.Upload, Problems: map[int64]string{}}
	if u.Errored > 0 {
		err := tx.Query(ctx, sqlParts, []any{u.Owner, u.ID}, func(r store.Row) error {
			p, err := scanPart(r)
			if err != nil {
				return err
			}
			list, err := p.problemsByLine()
			for line, why := range list {
				fact.Problems[line] = why
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	told, err := u.told(EventUploadApproved, fact)
	if err != nil {
		return err
	}
	_, err = s.log.Append(ctx, tx, []event.New{told})
	return err
}

// errTried takes a trial back.
var errTried = errors.New("tried")

// otherCan reports whether another line of the part that is next can be made, which says that the one before it is to blame itself. Those after
// it are tried, each alone, and nothing is left of the trials; when there is none, one that was made before says as much.
func (s *Service) otherCan(ctx context.Context, u uploadRow) (can bool, err error) {
	for n := int64(2); n <= partMost; n++ {
		psids, err := s.drawPSIDs(ctx, 1)
		if err != nil {
			return false, err
		}
		tried := false
		err = s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			can, tried = false, false
			sl, ok, err := s.next(ctx, tx, u, n)
			if err != nil || !ok {
				return errors.Join(errTried, err)
			}
			if int64(len(sl.lines)) < n {
				problems, err := sl.part.problemsByLine()
				can = n == 2 && u.Done-sl.part.firstLine+1 > int64(len(problems))
				return errors.Join(errTried, err)
			}
			tried = true
			sl.lines = sl.lines[n-1:]
			if _, err := s.createBills(ctx, tx, sl.commands(s.clock.Now(), psids)); err != nil {
				return err
			}
			if err := tx.Flush(ctx); err != nil {
				return err
			}
			can = true
			return errTried
		})
		if can || !tried || unavailable(err) {
			return can, nil
		}
	}
	return false, nil
}
