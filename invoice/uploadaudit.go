package invoice

import (
	"context"
	"encoding/json"
	"fmt"

	"sarraf/event"
	"sarraf/internal/audit"
	"sarraf/store"
)

// uploadStory is what an audit reads of one upload.
type uploadStory struct {
	key      Key
	row      *uploadRow
	parts    []uploadPart
	created  *UploadFact
	approved *UploadFact
	made     madeLines
	report   audit.Report
}

// madeLines are figures of an upload's bills.
type madeLines struct {
	key                             Key
	count, distinct, low, high, sum int64
}

// auditUploads proves the uploads in a snapshot: each is told once when it is kept, and once when it is done, and is what its events say; its
// lines that are not decided are kept as they were handed in; each of the others has one bill, or a reason why there is none; and each
// printed id leads to its upload and to no other.
func auditUploads(ctx context.Context, tx *store.Tx, report audit.Report) error {
	rows := store.NewStream(ctx, tx, sqlAllUploads, nil, scanUpload)
	parts := store.NewStream(ctx, tx, sqlAllParts, nil, scanPart)
	events := event.Stream(ctx, tx, UploadEventKind)
	made := store.NewStream(ctx, tx, sqlMadeOfAll, nil, func(r store.Row) (m madeLines, err error) {
		return m, r.Scan(&m.key.Owner, &m.key.ID, &m.count, &m.distinct, &m.low, &m.high, &m.sum)
	})
	for {
		row, haveRow := rows.Peek(ctx)
		part, havePart := parts.Peek(ctx)
		told, haveTold := events.Peek(ctx)
		lines, haveLines := made.Peek(ctx)
		var k Key
		found := false
		least := func(have bool, owner, id string) {
			if have && (!found || less(owner, id, k.Owner, k.ID)) {
				k, found = Key{owner, id}, true
			}
		}
		least(haveRow, row.Owner, row.ID)
		least(havePart, part.owner, part.upload)
		least(haveTold, told.Owner, told.Subject)
		least(haveLines, lines.key.Owner, lines.key.ID)
		if !found {
			break
		}
		story := uploadStory{key: k, report: report}
		if haveRow && (Key{row.Owner, row.ID}) == k {
			story.row = &row
			rows.Next(ctx)
		}
		for havePart && (Key{part.owner, part.upload}) == k {
			story.parts = append(story.parts, part)
			parts.Next(ctx)
			part, havePart = parts.Peek(ctx)
		}
		for haveTold && (Key{told.Owner, told.Subject}) == k {
			story.hear(told)
			events.Next(ctx)
			told, haveTold = events.Peek(ctx)
		}
		if haveLines && lines.key == k {
			story.made = lines
			made.Next(ctx)
		}
		story.prove()
	}
	if err := errorOf(rows.Err(), parts.Err(), events.Err(), made.Err()); err != nil {
		return err
	}
	tx.Later(sqlNoUploadNumber, nil, func(r store.Row) error {
		var owner, id string
		err := r.Scan(&owner, &id)
		report(audit.Finding{Table: "alias", Owner: owner, Row: id, Problem: "the upload cannot be found by its printed number"})
		return err
	})
	return tx.Query(ctx, sqlStrayUploadAlias, nil, func(r store.Row) error {
		var owner, value, kind string
		err := r.Scan(&owner, &value, &kind)
		report(audit.Finding{Table: "alias", Owner: owner, Row: kind + "/" + value, Problem: "it leads to no upload that has it"})
		return err
	})
}

func (s *uploadStory) say(table, row, format string, args ...any) {
	s.report(audit.Finding{Table: table, Owner: s.key.Owner, Row: s.key.ID + row, Problem: fmt.Sprintf(format, args...)})
}

// hear takes one of the upload's events.
func (s *uploadStory) hear(e event.Event) {
	var f UploadFact
	if err := json.Unmarshal(e.Data, &f); err != nil {
		s.say("event", "", "event %d cannot be read: %v", e.Seq, err)
		return
	}
	u := f.Upload
	if u.Owner != s.key.Owner || u.ID != s.key.ID || u.Door != e.Door {
		s.say("event", "", "event %d tells of upload %s of %s at %q", e.Seq, u.ID, u.Owner, u.Door)
	}
	switch {
	case e.Type == EventUploadCreated && s.created == nil && s.approved == nil:
		s.created = &f
		if u.Status != UploadWaiting || u.Done != 0 || u.Errored != 0 || u.Lines < 1 || len(f.Parts) < 1 {
			s.say("event", "", "event %d, the first, has it %s with %d of %d lines decided", e.Seq, u.Status, u.Done, u.Lines)
		}
	case e.Type == EventUploadApproved && s.created != nil && s.approved == nil:
		s.approved = &f
		if u.Status != UploadDone || u.Done != u.Lines || u.Errored != int64(len(f.Problems)) {
			s.say("event", "", "event %d has it %s with %d of %d lines decided, %d of them errored for %d reasons", e.Seq, u.Status, u.Done,
				u.Lines, u.Errored, len(f.Problems))
		}
		for _, d := range audit.Diff(u.asCreated(s.created.Upload), s.created.Upload) {
			s.say("event", "", "event %d: %s", e.Seq, d)
		}
	default:
		s.say("event", "", "event %d is %s, out of its place", e.Seq, e.Type)
	}
}

// asCreated is u with what changes put back to what it was in was.
func (u Upload) asCreated(was Upload) Upload {
	u.Done, u.Errored, u.Status, u.Message, u.UpdatedAt = was.Done, was.Errored, was.Status, was.Message, was.UpdatedAt
	return u
}

// prove holds what there is of the upload against each other.
func (s *uploadStory) prove() {
	switch {
	case s.row == nil:
		s.say("upload", "", "there are events, lines or bills of it, and no row")
		for _, p := range s.parts {
			s.say("upload_part", fmt.Sprint("/", p.part), "its upload is not there")
		}
		return
	case s.created == nil:
		s.say("upload", "", "no event tells of it")
		return
	}
	u := s.row
	if s.approved != nil {
		for _, d := range audit.Diff(u.Upload, s.approved.Upload) {
			s.say("upload", "", "%s by its last event", d)
		}
	} else {
		for _, d := range audit.Diff(u.asCreated(s.created.Upload), s.created.Upload) {
			s.say("upload", "", "%s by its first event", d)
		}
	}
	want := UploadWorking
	switch u.Done {
	case 0:
		want = UploadWaiting
	case u.Lines:
		want = UploadDone
	}
	if u.Done < 0 || u.Done > u.Lines || u.Status != want {
		s.say("upload", "", "it is %s with %d of %d lines decided", u.Status, u.Done, u.Lines)
	}
	if over := u.Done == u.Lines; over != (s.approved != nil) || over && (u.failures != 0 || u.due != 0) || !over && u.due <= 0 || u.failures < 0 {
		s.say("upload", "", "it is %s, told %v, due at %d after %d failures", u.Status, s.approved != nil, u.due, u.failures)
	}
	reasons := s.proveParts()
	s.proveBills(reasons)
}

// proveParts holds the parts against their digests and the upload's progress, and answers why lines could not be made.
func (s *uploadStory) proveParts() map[int64]string {
	u := s.row
	reasons := map[int64]string{}
	next := u.Done + 1
	for _, p := range s.parts {
		say := func(format string, args ...any) { s.say("upload_part", fmt.Sprint("/", p.part), format, args...) }
		if p.part < 1 || p.part > int64(len(s.created.Parts)) || digest(p.items) != s.created.Parts[p.part-1] {
			say("its lines are not those that were handed in")
		}
		bills, err := p.bills(u.Door)
		if err != nil {
			say("%v", err)
		}
		var items []partItem
		for _, b := range bills {
			items = append(items, partItem{Invoice: b.Invoice})
		}
		if low, high := span(items); err == nil && (low != p.firstNumber || high != p.lastNumber) {
			say("its numbers are %d to %d, and not %d to %d", low, high, p.firstNumber, p.lastNumber)
		}
		problems, err := p.problemsByLine()
		if err != nil || p.problems != "" && len(problems) == 0 {
			say("its problems cannot be read: %v", err)
		}
		for line, why := range problems {
			if line < p.firstLine || line > p.lastLine || line > u.Done || why == "" {
				say("it has a problem with line %d: %q", line, why)
			}
			reasons[line] = why
		}
		switch {
		case p.lastLine <= u.Done && len(problems) == 0:
			say("its lines are decided, and it is there")
		case p.lastLine > u.Done && (p.firstLine > next || next != u.Done+1 && p.firstLine != next):
			say("it begins with line %d, and %d is the next", p.firstLine, next)
		}
		next = max(next, p.lastLine+1)
	}
	if next != u.Lines+1 && u.Done < u.Lines {
		s.say("upload_part", "", "lines from %d to %d are lost", next, u.Lines)
	}
	if s.approved != nil && !equalReasons(reasons, s.approved.Problems) {
		s.say("upload_part", "", "the reasons why lines could not be made are not those that were told")
	}
	if int64(len(reasons)) != u.Errored {
		s.say("upload", "", "%d lines could not be made, and there are %d reasons", u.Errored, len(reasons))
		s.say("upload_part", "", "%d lines could not be made, and there are %d reasons", u.Errored, len(reasons))
	}
	return reasons
}

func equalReasons(a, b map[int64]string) bool {
	for line, why := range a {
		if b[line] != why {
			return false
		}
	}
	return len(a) == len(b)
}

// proveBills holds the lines that have bills against those that are decided.
func (s *uploadStory) proveBills(reasons map[int64]string) {
	u, m := s.row, s.made
	want, sum := u.Done-int64(len(reasons)), u.Done*(u.Done+1)/2
	for line := range reasons {
		sum -= line
	}
	if m.count != want || m.distinct != want || m.sum != sum || want > 0 && (m.low < 1 || m.high > u.Done) {
		s.say("upload", "", "%d lines are decided, %d of them errored, and there are %d bills of %d lines from %d to %d", u.Done, len(reasons),
			m.count, m.distinct, m.low, m.high)
	}
}
