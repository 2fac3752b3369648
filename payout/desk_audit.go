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
	"sarraf/merchant"
	"sarraf/store"
)

// auditDesk proves the sheets and the files of answers: each is, in every column, what its last event says, by legal steps; a sheet's figures
// are those of the payouts on it, which are all of its currency, method and mode; what people are carrying out is on a sheet; each line of a
// file is what the file's events say, and the payout that it decided came to that end.
func auditDesk(ctx context.Context, tx *store.Tx, report audit.Report) error {
	a := &deskAuditor{report: report, sheets: map[string]*sheetSums{}}
	for _, part := range []func(context.Context, *store.Tx) error{a.walkSheets, a.walkOnSheets, a.walkAnswers, a.rows} {
		if err := part(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

type deskAuditor struct {
	report audit.Report
	sheets map[string]*sheetSums
}

// sheetSums is a sheet, and what the payouts on it come to.
type sheetSums struct {
	Sheet
	lines, amount int64
}

func (a *deskAuditor) say(table, owner, row, format string, args ...any) {
	a.report(audit.Finding{Table: table, Owner: owner, Row: row, Problem: fmt.Sprintf(format, args...)})
}

// stories walks the rows of a table and the events about them side by side, all of them the house's, and hands over each row with its last
// fact. follow checks a step: was is nil at the first.
func stories[R, F any](ctx context.Context, tx *store.Tx, a *deskAuditor, table, kind, sql string, scan func(store.Row) (R, error), id func(R) string,
	follow func(e event.Event, was *F) *F, each func(row R, last *F) error,
) error {
	rows, events := store.NewStream(ctx, tx, sql, nil, scan), event.Stream(ctx, tx, kind)
	for {
		row, haveRow := rows.Peek(ctx)
		e, haveEvent := events.Peek(ctx)
		if !haveRow && !haveEvent {
			break
		}
		key := id(row)
		if !haveRow || haveEvent && (e.Owner != merchant.House || e.Subject < key) {
			key, haveRow = e.Subject, false
		}
		var last *F
		for ; haveEvent && e.Subject == key; e, haveEvent = events.Peek(ctx) {
			events.Next(ctx)
			last = follow(e, last)
		}
		if !haveRow {
			a.say(table, merchant.House, key, "there are events about it, and no row")
			continue
		}
		rows.Next(ctx)
		if last == nil {
			a.say(table, merchant.House, key, "no event tells of it")
		}
		if err := each(row, last); err != nil {
			return err
		}
	}
	return errors.Join(rows.Err(), events.Err())
}

func (a *deskAuditor) walkSheets(ctx context.Context, tx *store.Tx) error {
	return stories(ctx, tx, a, "payout_sheet", SheetKind, sqlAllSheets, scanSheet, func(s Sheet) string { return s.ID }, a.sheetStep,
		func(row Sheet, last *Sheet) error {
			a.sheets[row.ID] = &sheetSums{Sheet: row}
			if last != nil {
				for _, d := range audit.Diff(row, *last) {
					a.say("payout_sheet", row.Owner, row.ID, "%s by its last event", d)
				}
			}
			return nil
		})
}

// sheetStep checks one step of a sheet's story, and answers the sheet as it then stood.
func (a *deskAuditor) sheetStep(e event.Event, was *Sheet) *Sheet {
	say := func(format string, args ...any) { a.say("event", e.Owner, fmt.Sprint(e.Seq), format, args...) }
	var fact SheetFact
	if err := json.Unmarshal(e.Data, &fact); err != nil {
		say("it cannot be read: %v", err)
		return was
	}
	now := fact.Sheet
	if now.Owner != e.Owner || now.ID != e.Subject || now.Owner != merchant.House {
		say("it tells of sheet %s of %s", now.ID, now.Owner)
	}
	before := now
	if was == nil {
		before.Lines, before.Amount, before.Status = 0, 0, SheetOpen
	} else {
		before = *was
		same := now // everything else is as it was made
		same.Lines, same.Amount, same.Status, same.UpdatedAt = was.Lines, was.Amount, was.Status, was.UpdatedAt
		for _, d := range audit.Diff(same, *was) {
			say("%s", d)
		}
	}
	filled := now.Lines > before.Lines && now.Amount > before.Amount && now.Status == SheetOpen
	closed := now.Lines == before.Lines && now.Amount == before.Amount && now.Status == SheetClosed && was != nil
	if before.Status != SheetOpen || filled != (e.Type == EventFilled) || closed != (e.Type == EventClosed) {
		say("it is %s, with %d payouts of %d, %s, after %d of %d, %s", e.Type, now.Lines, now.Amount, now.Status, before.Lines, before.Amount, before.Status)
	}
	return &now
}

// walkOnSheets adds up what is on the sheets.
func (a *deskAuditor) walkOnSheets(ctx context.Context, tx *store.Tx) error {
	modes := map[string][]merchant.Mode{} // of the sheets that a merchant's payouts are on
	rows := store.NewStream(ctx, tx, sqlAllOnSheets, nil, scan)
	for {
		p, ok := rows.Next(ctx)
		if !ok {
			break
		}
		s := a.sheets[p.Sheet]
		if s == nil {
			a.say("payout", p.Merchant, p.ID, "it is on sheet %s, which is not there", p.Sheet)
			continue
		}
		s.lines++
		s.amount += p.Amount
		if p.Rail != Manual || p.Currency != s.Currency || s.Method != "" && p.MethodKind != s.Method {
			a.say("payout", p.Merchant, p.ID, "it is in %s by %q over %s, on sheet %d, which is in %s by %q", p.Currency, p.MethodKind, p.Rail, s.Number,
				s.Currency, s.Method)
		}
		if !slices.Contains(modes[p.Merchant], s.Mode) {
			modes[p.Merchant] = append(modes[p.Merchant], s.Mode)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, s := range a.sheets {
		if s.lines != s.Lines || s.amount != s.Amount {
			a.say("payout_sheet", s.Owner, s.ID, "it counts %d payouts of %d, and %d of %d are on it", s.Lines, s.Amount, s.lines, s.amount)
		}
	}
	owners := make([]string, 0, len(modes))
	for owner := range modes {
		owners = append(owners, owner)
	}
	holders, err := modesOf(ctx, tx, owners)
	for owner, list := range modes {
		for _, m := range list {
			if h := holders[owner]; !h.known || h.sandbox != (m == merchant.Sandbox) {
				a.say("payout_sheet", merchant.House, owner, "payouts of theirs are on a sheet that is %s", m)
			}
		}
	}
	return err
}

// answerStory is a file as its events tell it, with all lines that they tell of.
type answerStory struct {
	Answer
	lines []AnswerLine
}

func (a *deskAuditor) walkAnswers(ctx context.Context, tx *store.Tx) error {
	lines := store.NewStream(ctx, tx, sqlAllAnswerLines, nil, scanAnswerLine)
	stray := func(l AnswerLine) {
		a.say("payout_answer_line", l.Owner, l.Payout, "it is line %d of the file %s, which is not there", l.Line, l.File)
	}
	err := stories(ctx, tx, a, "payout_answer", AnswerKind, sqlAllAnswers, scanAnswer, func(f Answer) string { return f.ID }, a.answerStep,
		func(row Answer, last *answerStory) error {
			var told []AnswerLine
			if last != nil {
				told = last.lines
				for _, d := range audit.Diff(row, last.Answer) {
					a.say("payout_answer", row.Owner, row.ID, "%s by its last event", d)
				}
			}
			var have []AnswerLine
			for {
				l, ok := lines.Peek(ctx)
				if !ok || l.File > row.ID {
					break
				}
				if lines.Next(ctx); l.File < row.ID {
					stray(l)
				} else {
					have = append(have, l)
				}
			}
			a.answerLines(row, have, told)
			return nil
		})
	for {
		l, ok := lines.Next(ctx)
		if !ok {
			break
		}
		stray(l)
	}
	return errors.Join(err, lines.Err())
}

// answerStep checks one step of a file's story, and answers the file as it then stood.
func (a *deskAuditor) answerStep(e event.Event, was *answerStory) *answerStory {
	say := func(format string, args ...any) { a.say("event", e.Owner, fmt.Sprint(e.Seq), format, args...) }
	var fact AnswerFact
	if err := json.Unmarshal(e.Data, &fact); err != nil {
		say("it cannot be read: %v", err)
		return was
	}
	now := fact.Answer
	if now.Owner != e.Owner || now.ID != e.Subject || now.Owner != merchant.House {
		say("it tells of the file %s of %s", now.ID, now.Owner)
	}
	if was == nil {
		if e.Type != EventAnswerBegun || now.Completed+now.Rejected != 0 || now.Status != AnswerBegun || len(fact.Lines) > 0 {
			say("it is the first about the file %s: %s, with %d decided", now.ID, e.Type, now.Completed+now.Rejected)
		}
		return &answerStory{Answer: now}
	}
	completed, rejected := was.Completed, was.Rejected
	for _, l := range fact.Lines {
		if l.Outcome == Completed {
			completed++
		} else {
			rejected++
		}
	}
	switch {
	case now.Completed != completed || now.Rejected != rejected:
		say("it counts %d completed and %d rejected after %d and %d, and tells of %d lines", now.Completed, now.Rejected, was.Completed, was.Rejected,
			len(fact.Lines))
	case (e.Type == EventAnswerPosted) != (len(fact.Lines) > 0), (e.Type == EventAnswerEnded) != (now.Status == AnswerDone), e.Type == EventAnswerBegun,
		e.Type == EventAnswerEnded && was.Status == AnswerDone:
		say("it is %s, of %d lines, and the file is %s", e.Type, len(fact.Lines), now.Status)
	}
	same := now // everything else is as it was made
	same.Completed, same.Rejected, same.Status, same.UpdatedAt = was.Completed, was.Rejected, was.Status, was.UpdatedAt
	for _, d := range audit.Diff(same, was.Answer) {
		say("%s", d)
	}
	return &answerStory{Answer: now, lines: append(was.lines, fact.Lines...)}
}

// answerLines holds the lines of a file against what its events tell of them.
func (a *deskAuditor) answerLines(f Answer, have, told []AnswerLine) {
	order := func(x, y AnswerLine) int {
		return cmp.Or(cmp.Compare(x.Line, y.Line), strings.Compare(x.Owner, y.Owner), strings.Compare(x.Payout, y.Payout))
	}
	slices.SortFunc(have, order)
	slices.SortFunc(told, order)
	for len(have) > 0 || len(told) > 0 {
		switch {
		case len(told) == 0 || len(have) > 0 && order(have[0], told[0]) < 0:
			a.say("payout_answer_line", have[0].Owner, have[0].Payout, "no event of the file %s tells of it as line %d", f.ID, have[0].Line)
			have = have[1:]
		case len(have) == 0 || order(have[0], told[0]) > 0:
			a.say("payout_answer_line", told[0].Owner, told[0].Payout, "an event tells of it as line %d of the file %s, and there is no such row", told[0].Line, f.ID)
			told = told[1:]
		default:
			for _, d := range audit.Diff(have[0], told[0]) {
				a.say("payout_answer_line", have[0].Owner, have[0].Payout, "%s by its event", d)
			}
			have, told = have[1:], told[1:]
		}
	}
}

// rows finds what no event can tell.
func (a *deskAuditor) rows(ctx context.Context, tx *store.Tx) error {
	say := func(table, problem string) func(r store.Row) error {
		return func(r store.Row) error {
			var owner, id string
			err := r.Scan(&owner, &id)
			a.say(table, owner, id, "%s", problem)
			return err
		}
	}
	tx.Later(sqlNoSheet, nil, say("payout", "somebody is to carry it out, and it is on no sheet"))
	return tx.Query(ctx, sqlWrongAnswers, nil, say("payout_answer_line", "the payout is not what the line says that it came to"))
}
