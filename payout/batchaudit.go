package payout

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sarraf/event"
	"sarraf/internal/audit"
	"sarraf/store"
)

// batchStory is what an audit reads of one batch.
type batchStory struct {
	key     Key
	row     *batchRow
	parts   []batchPart
	payouts []Payout
	created *BatchFact
	done    *BatchFact
	report  audit.Report
}

// auditBatches proves the batches in a snapshot: each is told once when it is kept, and once when it is done, and is what its events say; its
// lines are kept as they were handed in; each line that is decided has its one payout, which is what the line asked for, or the faults for which
// there is none; and no payout is of a line that is not there.
func auditBatches(ctx context.Context, tx *store.Tx, report audit.Report) error {
	rows := store.NewStream(ctx, tx, sqlAllBatches, nil, scanBatch)
	parts := store.NewStream(ctx, tx, sqlAllBatchParts, nil, scanBatchPart)
	events := event.Stream(ctx, tx, BatchEventKind)
	made := store.NewStream(ctx, tx, sqlAllOfBatches, nil, scan)
	for {
		row, haveRow := rows.Peek(ctx)
		part, havePart := parts.Peek(ctx)
		told, haveTold := events.Peek(ctx)
		p, haveMade := made.Peek(ctx)
		var all []Key
		for _, each := range []struct {
			have      bool
			owner, id string
		}{{haveRow, row.Owner, row.ID}, {havePart, part.owner, part.batch}, {haveTold, told.Owner, told.Subject}, {haveMade, p.Merchant, p.Batch}} {
			if each.have {
				all = append(all, Key{each.owner, each.id})
			}
		}
		if len(all) == 0 {
			break
		}
		k := slices.MinFunc(all, compareKeys)
		story := batchStory{key: k, report: report}
		if haveRow && (Key{row.Owner, row.ID}) == k {
			story.row = &row
			rows.Next(ctx)
		}
		for ; havePart && (Key{part.owner, part.batch}) == k; part, havePart = parts.Peek(ctx) {
			story.parts = append(story.parts, part)
			parts.Next(ctx)
		}
		for ; haveTold && (Key{told.Owner, told.Subject}) == k; told, haveTold = events.Peek(ctx) {
			story.hear(told)
			events.Next(ctx)
		}
		for ; haveMade && (Key{p.Merchant, p.Batch}) == k; p, haveMade = made.Peek(ctx) {
			story.payouts = append(story.payouts, p)
			made.Next(ctx)
		}
		story.prove()
	}
	return errors.Join(rows.Err(), parts.Err(), events.Err(), made.Err())
}

func (s *batchStory) say(table, row, format string, args ...any) {
	s.report(audit.Finding{Table: table, Owner: s.key.Merchant, Row: s.key.ID + row, Problem: fmt.Sprintf(format, args...)})
}

// hear takes one of the batch's events.
func (s *batchStory) hear(e event.Event) {
	var f BatchFact
	if err := json.Unmarshal(e.Data, &f); err != nil {
		s.say("event", "", "event %d cannot be read: %v", e.Seq, err)
		return
	}
	b := f.Batch
	if b.Owner != s.key.Merchant || b.ID != s.key.ID || b.Door != e.Door {
		s.say("event", "", "event %d tells of batch %s of %s at %q", e.Seq, b.ID, b.Owner, b.Door)
	}
	switch {
	case e.Type == EventBatchCreated && s.created == nil && s.done == nil:
		s.created = &f
		if b.Status != BatchWaiting || b.decided() != 0 || b.Lines < 1 || len(f.Parts) < 1 {
			s.say("event", "", "event %d, the first, has it %s with %d of %d lines decided", e.Seq, b.Status, b.decided(), b.Lines)
		}
	case e.Type == EventBatchDone && s.created != nil && s.done == nil:
		s.done = &f
		if b.Status != BatchDone || b.decided() != b.Lines || len(f.Faults) != len(s.created.Parts) {
			s.say("event", "", "event %d has it %s with %d of %d lines decided", e.Seq, b.Status, b.decided(), b.Lines)
		}
		for _, d := range audit.Diff(b.asCreated(s.created.Batch), s.created.Batch) {
			s.say("event", "", "event %d: %s", e.Seq, d)
		}
	default:
		s.say("event", "", "event %d is %s, out of its place", e.Seq, e.Type)
	}
}

// asCreated is b with what changes put back to what it was in was.
func (b Batch) asCreated(was Batch) Batch {
	b.Made, b.Errored, b.Status, b.Message, b.UpdatedAt = was.Made, was.Errored, was.Status, was.Message, was.UpdatedAt
	return b
}

// prove holds what there is of the batch against each other.
func (s *batchStory) prove() {
	if s.row == nil {
		s.say("batch", "", "there are events, lines or payouts of it, and no row")
		for _, p := range s.parts {
			s.say("batch_part", fmt.Sprint("/", p.part), "its batch is not there")
		}
		for _, p := range s.payouts {
			s.report(audit.Finding{Table: "payout", Owner: p.Owner, Row: p.ID, Problem: "its batch " + p.Batch + " is not there"})
		}
		return
	}
	if s.created == nil {
		s.say("batch", "", "no event tells of it")
		return
	}
	b, want := s.row, s.created.Batch
	last := "first"
	if s.done != nil {
		want, last = s.done.Batch, "last"
	}
	have := b.Batch
	if s.done == nil {
		have = have.asCreated(want)
	}
	for _, d := range audit.Diff(have, want) {
		s.say("batch", "", "%s by its %s event", d, last)
	}
	if b.empty {
		s.say("batch", "", "its reference is empty, and not absent")
	}
	status := BatchWorking
	switch b.decided() {
	case 0:
		status = BatchWaiting
	case b.Lines:
		status = BatchDone
	}
	if b.Made < 0 || b.Errored < 0 || b.decided() > b.Lines || b.Status != status {
		s.say("batch", "", "it is %s with %d lines made and %d errored of %d", b.Status, b.Made, b.Errored, b.Lines)
	}
	if over := b.Status == BatchDone; over != (s.done != nil) || over && (b.failures != 0 || b.due != 0) || !over && b.due <= 0 || b.failures < 0 {
		s.say("batch", "", "it is %s, told %v, due at %d after %d failures", b.Status, s.done != nil, b.due, b.failures)
	}
	s.provePayouts(s.proveParts())
}

// proveParts holds the parts against their digests, and answers the lines with what became of them.
func (s *batchStory) proveParts() []BatchLine {
	b := s.row
	var list []BatchLine
	errored := int64(0)
	for n, p := range s.parts {
		say := func(format string, args ...any) { s.say("batch_part", fmt.Sprint("/", p.part), format, args...) }
		if p.part != int64(n)+1 || n >= len(s.created.Parts) || textDigest(p.items) != s.created.Parts[n] {
			say("its lines are not those that were handed in")
		}
		if s.done != nil && n < len(s.done.Faults) && textDigest(p.faults) != s.done.Faults[n] {
			say("why its lines were refused is not what was told")
		}
		if p.firstLine != int64(len(list))+1 {
			say("it begins with line %d, and %d is the next", p.firstLine, len(list)+1)
		}
		faults, err := p.faultsByLine()
		if err != nil || p.faults != "" && len(faults) == 0 {
			say("why its lines were refused cannot be read: %v", err)
		}
		for line, why := range faults {
			if line < p.firstLine || line > p.lastLine || line > b.decided() || len(why) == 0 || slices.Contains(why, nil) {
				say("it has faults of line %d: %v", line, why)
			}
		}
		errored += int64(len(faults))
		lines, err := b.linesOf(p)
		if err != nil {
			say("%v", err)
		}
		list = append(list, lines...)
	}
	if len(s.parts) != len(s.created.Parts) || int64(len(list)) != b.Lines {
		s.say("batch_part", "", "there are %d lines in %d parts, and %d in %d were handed in", len(list), len(s.parts), b.Lines, len(s.created.Parts))
	}
	if errored != b.Errored {
		s.say("batch", "", "%d lines were refused, and there are the faults of %d", b.Errored, errored)
		s.say("batch_part", "", "%d lines were refused, and there are the faults of %d", b.Errored, errored)
	}
	return list
}

// provePayouts holds each payout against its line, and the lines against the payouts.
func (s *batchStory) provePayouts(lines []BatchLine) {
	made := map[int64]bool{}
	for _, p := range s.payouts {
		say := func(format string, args ...any) {
			s.report(audit.Finding{Table: "payout", Owner: p.Owner, Row: p.ID, Problem: fmt.Sprintf(format, args...)})
		}
		if p.Line < 1 || p.Line > int64(len(lines)) || made[p.Line] {
			say("it is of line %d of batch %s, which is not there or has another", p.Line, p.Batch)
			continue
		}
		made[p.Line] = true
		l := lines[p.Line-1]
		if l.State != LineMade {
			say("it is of line %d of batch %s, which is %s", p.Line, p.Batch, l.State)
		}
		for _, d := range audit.Diff(p.asked(), l.asked()) {
			say("%s by line %d of batch %s", d, p.Line, p.Batch)
		}
	}
	for _, l := range lines {
		if l.State == LineMade && !made[l.Line] {
			s.say("batch", "", "line %d is made, and there is no payout %s of it", l.Line, l.Payout)
		}
	}
	if int64(len(s.payouts)) != s.row.Made {
		s.say("batch", "", "%d lines are made, and there are %d payouts of it", s.row.Made, len(s.payouts))
	}
}

// handedIn is what a payout and its line have in common.
type handedIn struct {
	ID, Kind, Owner, Door, Number, Reference, Currency, RecipientName, Account, Description, WebhookURL, AskedBy string
	Method, Amount                                                                                               int64
}

func (p Payout) asked() handedIn {
	return handedIn{
		p.ID, string(p.Kind), p.Owner, p.Door, p.Number, p.Reference, string(p.Currency), p.RecipientName, p.Account, p.Description, p.WebhookURL,
		p.AskedBy, p.Method, p.Amount,
	}
}

func (l BatchLine) asked() handedIn {
	return handedIn{
		l.ID, string(KindPayout), l.Owner, l.Door, l.Number, l.Reference, string(l.Amount.Currency), l.RecipientName, strings.TrimSpace(l.Account),
		l.Description, l.WebhookURL, l.AskedBy.Name, l.Method, l.Amount.Minor,
	}
}

func compareKeys(a, b Key) int {
	return cmp.Or(strings.Compare(a.Merchant, b.Merchant), strings.Compare(a.ID, b.ID))
}
