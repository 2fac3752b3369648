package invoice

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

// UploadObserver is told what the workers of a process do, for metrics: Decided of bills, Undone of uploads.
type UploadObserver = piecework.Observer

// ObserveUploads has o told. Call it before the first upload is worked at.
func (s *Service) ObserveUploads(o UploadObserver) { s.worker.Observe(o) }

// RunUploads makes the bills of uploads until ctx ends: when one is kept by this process, and every interval for what others have left. An
// error is given to failed; what it was about is tried again later. The lines that are being made when ctx ends are finished.
func (s *Service) RunUploads(ctx context.Context, interval time.Duration, failed func(error)) {
	s.worker.Run(ctx, interval, piecework.Rounds{Work: s.WorkUploads, Undone: s.UploadsUndone, Failed: failed})
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
	return !piecework.Unavailable(err), err
}

// dueUpload picks the upload that waits longest of the merchant that was served longest ago.
func (s *Service) dueUpload(ctx context.Context) (k Key, due bool, err error) {
	now := clock.Micros(s.clock.Now())
	k.Owner, due, err = s.worker.Turn(func(take func(string, int64)) error {
		return s.db.Query(ctx, sqlDueOwners, []any{now}, func(r store.Row) error {
			var owner string
			var at int64
			err := r.Scan(&owner, &at)
			take(owner, at)
			return err
		})
	})
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
	work := uploadWork{s, u}
	err = piecework.Work(ctx, &work, partMost)
	return err == nil && work.Done(), err
}

// uploadWork is an upload that is being worked at.
type uploadWork struct {
	s *Service
	u uploadRow // as it was read last
}

// Failures is for piecework.List.
func (w *uploadWork) Failures() int64 { return w.u.failures }

// Done is for piecework.List.
func (w *uploadWork) Done() bool { return w.u.Status == UploadDone }

// Postpone is for piecework.List.
func (w *uploadWork) Postpone(ctx context.Context, cause error, failures int64, delay time.Duration) error {
	s, u := w.s, w.u
	due := clock.Micros(s.clock.Now().Add(delay))
	err := s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.Exec(ctx, sqlPostpone, u.Owner, u.ID, u.Done, u.failures, string(fault.First(cause).Code), failures, due)
	})
	return errors.Join(fmt.Errorf("upload %s of %s, after line %d of %d: %w", u.Number, u.Owner, u.Done, u.Lines, cause), err)
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

// Decide is for piecework.List: n lines are at most those of one part.
func (w *uploadWork) Decide(ctx context.Context, n int64, reason *fault.Error) error {
	s, u := w.s, w.u
	n = min(n, u.Lines-u.Done)
	psids, err := s.drawPSIDs(ctx, int(n))
	if err != nil {
		return err
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
		bad, err := s.makeLines(ctx, tx, &sl, now, psids, reason)
		if err != nil {
			return err
		}
		for line, why := range bad {
			problems[line] = why
		}
		after.Done += int64(len(sl.lines))
		after.Errored += int64(len(bad))
		tx.AfterCommit(func() { s.worker.Decided(len(sl.lines)-len(bad), len(bad)) })
		return s.saveProgress(ctx, tx, &after, sl.part, problems, now)
	})
	if err == nil {
		w.u = after
	}
	return err
}

// makeLines makes the bills of the slice and answers which of them could not be, and why.
func (s *Service) makeLines(ctx context.Context, tx *store.Tx, sl *slice, now time.Time, psids []string, reason *fault.Error) (map[int64]string, error) {
	bad := map[int64]string{}
	if reason != nil {
		for _, b := range sl.lines {
			bad[b.Invoice.Line] = string(reason.Code)
		}
		return bad, nil
	}
	out, err := s.createBills(ctx, tx, sl.commands(now, psids))
	if err != nil {
		return nil, err
	}
	for n, o := range out {
		switch {
		case piecework.Unavailable(o.Err):
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

// Try is for piecework.List.
func (w *uploadWork) Try(ctx context.Context, n int64) (made, tried bool, err error) {
	s, u := w.s, w.u
	psids, err := s.drawPSIDs(ctx, 1)
	if err != nil {
		return false, false, err
	}
	err = s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		made, tried = false, false
		sl, ok, err := s.next(ctx, tx, u, n)
		if err != nil || !ok {
			return errors.Join(errTried, err)
		}
		if int64(len(sl.lines)) < n {
			problems, err := sl.part.problemsByLine()
			made = n == 2 && u.Done-sl.part.firstLine+1 > int64(len(problems))
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
		made = true
		return errTried
	})
	return made, tried, err
}
