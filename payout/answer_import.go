package payout

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

// ImportAnswers takes what a file says became of payouts that people carry out: each line that agrees with a payout that is on a sheet
// completes or rejects it, and every other one is reported and changes nothing. The file is known by its content; name is what it is called.
//
// Lines go in slices, in their order, a transaction each: the payouts' moves with their entries and events, the lines' own rows, the
// file's figures. A line is tried in the order of the causes. A payout is decided once: the row in payout_answer_line says by which line of
// which file. So the same file may be imported again, after a crash in the middle or by two operators at once, and another file that
// repeats its lines changes nothing.
//
// When ctx ends, ImportAnswers stops between two slices with its error; the same file imported again goes on. Errors: AnswerFaults when the
// file cannot be read, and then nothing was done; FieldMalformed on sheet when the options name one that is not there; those of
// store.DB.Write.
func (s *Service) ImportAnswers(ctx context.Context, by merchant.Actor, name string, r io.Reader, o AnswerOptions) (AnswerReport, error) {
	if by.Name == "" || by.Source == "" {
		return AnswerReport{}, errNoActor
	}
	content, err := io.ReadAll(io.LimitReader(r, AnswerBytes+1))
	if err != nil {
		return AnswerReport{}, err
	}
	rows, err := ReadAnswers(bytes.NewReader(content), o)
	if err != nil {
		return AnswerReport{}, err
	}
	hash, now := sha256.Sum256(content), s.clock.Now()
	i := &answerRun{Service: s, by: by, options: o, report: AnswerReport{
		File: Answer{
			Owner: merchant.House, ID: id.New(s.clock), Name: name, Hash: hex.EncodeToString(hash[:]), Lines: int64(len(rows)), Status: AnswerBegun,
			Actor: by.Name, Source: by.Source, CreatedAt: now, UpdatedAt: now,
		},
		CompletedSums: map[money.Currency]int64{}, RejectedSums: map[money.Currency]int64{},
	}}
	if o.Sheet != 0 {
		sheet, err := s.Sheet(ctx, o.Sheet)
		if err != nil {
			return AnswerReport{}, err
		}
		i.sheet = sheet.ID
	}
	verdicts, err := i.match(ctx, rows)
	if err != nil {
		return i.report, err
	}
	if err := i.begin(ctx); err != nil {
		return i.report, err
	}
	done := 0
	for slice := range slices.Chunk(verdicts, deskSlice) {
		if err := ctx.Err(); err != nil {
			return i.report, err
		}
		if err := i.slice(ctx, slice); err != nil {
			return i.report, err
		}
		if done += len(slice); o.Progress != nil {
			o.Progress(done, len(verdicts))
		}
	}
	return i.report, i.end(ctx)
}

// answerRun is one import on its way.
type answerRun struct {
	*Service
	by      merchant.Actor
	options AnswerOptions
	sheet   string // the only sheet whose payouts are decided; "" for any
	report  AnswerReport
}

// answerVerdict is what a line comes to.
type answerVerdict struct {
	row    AnswerRow
	cause  AnswerCause // "" when it decides, or has decided, a payout
	fixed  bool        // the cause is the file's own: the books do not change it
	key    Key         // of the payout that it is of
	paid   *Payout
	by     *AnswerLine // what has decided the payout, of all imports
	other  int64
	fault  *fault.Error
	mine   bool      // this run decided it
	at     time.Time // when this run decided it, or tried to: a COMMIT may not be answered
	amount int64
}

// match finds the payouts that the lines are of, and what the file itself is wrong about.
func (i *answerRun) match(ctx context.Context, rows []AnswerRow) ([]*answerVerdict, error) {
	list := make([]*answerVerdict, 0, len(rows))
	for _, row := range rows {
		v := &answerVerdict{row: row}
		switch {
		case row.Problem != "":
			v.cause, v.fixed = AnswerUnreadable, true
		case row.Outcome == "":
			i.report.Open++
			continue
		}
		list = append(list, v)
	}
	for slice := range slices.Chunk(list, deskSlice) {
		err := i.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error { return i.find(ctx, tx, slice) })
		if err != nil {
			return nil, err
		}
	}
	first := make(map[Key]*answerVerdict, len(list))
	for _, v := range list {
		if v.cause != "" {
			continue
		}
		earlier := first[v.key]
		switch {
		case earlier == nil:
			first[v.key] = v
		case earlier.cause == AnswerDisagrees || !v.agrees(earlier):
			v.cause, v.other = AnswerDisagrees, earlier.row.Line
			if earlier.cause == "" {
				earlier.cause, earlier.other, earlier.fixed = AnswerDisagrees, v.row.Line, true
			}
		default:
			v.cause, v.other = AnswerRepeated, earlier.row.Line
		}
		v.fixed = v.cause != ""
	}
	return list, nil
}

// agrees reports whether two lines say the same of a payout.
func (v *answerVerdict) agrees(w *answerVerdict) bool {
	return v.row.Outcome == w.row.Outcome && v.amount == w.amount && v.row.Currency == w.row.Currency && v.row.Reference == w.row.Reference
}

// find looks for the payouts of some lines, by everything that can name one.
func (i *answerRun) find(ctx context.Context, tx *store.Tx, list []*answerVerdict) error {
	f := finder{rows: map[int64][]Payout{}, found: map[string][]Payout{}}
	texts := make([]string, 0, len(list))
	for _, v := range list {
		if v.cause == "" {
			texts = append(texts, v.row.ID)
		}
	}
	if err := f.look(ctx, tx, texts); err != nil {
		return err
	}
	for _, v := range list {
		if v.cause != "" {
			continue
		}
		switch all := f.found[v.row.ID]; len(all) {
		case 0:
			v.cause, v.fixed = AnswerUnknown, true
		case 1:
			p := all[0]
			v.key, v.paid = p.Key(), &p
			var err error
			if v.amount, err = answerAmount(v.row.Amount, p.Currency); err != nil {
				v.cause, v.fixed, v.row.Problem = AnswerUnreadable, true, fmt.Sprintf("the amount %.40q is none in %s", v.row.Amount, p.Currency)
			}
		default:
			v.cause, v.fixed = AnswerAmbiguous, true
		}
	}
	return nil
}

// answerAmount reads an amount in the major unit: commas between groups, of whatever size, are passed over.
func answerAmount(text string, c money.Currency) (int64, error) {
	whole, decimals, point := strings.Cut(text, ".")
	text = strings.ReplaceAll(whole, ",", "")
	if point {
		text += "." + decimals
	}
	a, err := money.Parse(text, c, money.Plain)
	return a.Minor, err
}

// finder finds payouts by what people and banks call them.
type finder struct {
	rows  map[int64][]Payout // of sheets, by number
	found map[string][]Payout
}

// look finds what the texts name: our id, the name of a sheet's row, or a printed number, in this order.
func (f *finder) look(ctx context.Context, tx *store.Tx, texts []string) error {
	var ids []string
	for _, text := range texts {
		if own := strings.ToLower(text); id.Valid(own) {
			ids = append(ids, own)
		}
	}
	list, err := OfIDs(ctx, tx, ids)
	if err != nil {
		return err
	}
	byID := make(map[string][]Payout, len(list))
	for _, p := range list {
		byID[p.ID] = append(byID[p.ID], p)
	}
	for _, text := range texts {
		if _, done := f.found[text]; done {
			continue
		}
		own := byID[strings.ToLower(text)]
		if number, row, ok := ParseRowName(text); ok && len(own) == 0 {
			rows, err := f.sheet(ctx, tx, number)
			if err != nil {
				return err
			}
			if row <= int64(len(rows)) {
				own = rows[row-1 : row]
			}
		}
		if len(own) == 0 && text != "" {
			if own, err = OfNumber(ctx, tx, text); err != nil {
				return err
			}
		}
		f.found[text] = own
	}
	return nil
}

// sheet is the rows of a sheet, which is read once; none of one that is open, whose rows have no names yet.
func (f *finder) sheet(ctx context.Context, tx *store.Tx, number int64) ([]Payout, error) {
	if rows, ok := f.rows[number]; ok {
		return rows, nil
	}
	sheet, found, err := SheetOf(ctx, tx, "", number)
	if err != nil {
		return nil, err
	}
	var rows []Payout
	if found && sheet.Status == SheetClosed {
		rows, err = RowsOf(ctx, tx, sheet.ID)
	}
	f.rows[number] = rows
	return rows, err
}

// begin finds the file's row, or makes it.
func (i *answerRun) begin(ctx context.Context) error {
	f := i.report.File
	look := func(ctx context.Context, tx *store.Tx) error {
		found, ok, err := answerByHash(ctx, tx, f.Hash)
		if ok {
			i.report.File, i.report.Again = found, found.ID != f.ID
		}
		return err
	}
	if i.options.DryRun {
		return i.db.Snapshot(ctx, look)
	}
	return i.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		i.report.File, i.report.Again = f, false
		fresh, err := insertAnswer(ctx, tx, f)
		switch {
		case err != nil:
			return err
		case !fresh: // another import has made it, or this one, whose COMMIT was not answered
			return look(ctx, tx)
		}
		return i.tell(ctx, tx, EventAnswerBegun, f, nil)
	})
}

func (i *answerRun) tell(ctx context.Context, tx *store.Tx, t event.Type, f Answer, lines []AnswerLine) error {
	data, err := json.Marshal(AnswerFact{Answer: f, Lines: lines, Actor: i.by.Name, Source: i.by.Source})
	if err != nil {
		return err
	}
	_, err = i.log.Append(ctx, tx, []event.New{{Owner: f.Owner, Type: t, Kind: AnswerKind, Subject: f.ID, Data: data, At: f.UpdatedAt}})
	return err
}

func (f *Answer) touch(now time.Time) {
	if now.After(f.UpdatedAt) {
		f.UpdatedAt = now
	}
}

// lock reads the file as it stands, and holds it until the transaction ends.
func (i *answerRun) lock(ctx context.Context, tx *store.Tx) (Answer, error) {
	f, ok, err := lockAnswer(ctx, tx, i.report.File.ID)
	if err == nil && !ok {
		err = fmt.Errorf("payout: the file %s is gone", i.report.File.ID)
	}
	return f, err
}

// slice decides the payouts of some lines, or tells what it would decide.
func (i *answerRun) slice(ctx context.Context, list []*answerVerdict) error {
	file := i.report.File
	act := func(ctx context.Context, tx *store.Tx) (err error) {
		if file = i.report.File; !i.options.DryRun {
			if file, err = i.lock(ctx, tx); err != nil {
				return err
			}
		}
		if err := i.judge(ctx, tx, list); err != nil || i.options.DryRun {
			return err
		}
		file, err = i.post(ctx, tx, file, list)
		return err
	}
	var err error
	if i.options.DryRun {
		err = i.db.Snapshot(ctx, act)
	} else {
		err = i.db.Write(ctx, act)
	}
	if err != nil {
		return err
	}
	i.report.File = file
	return i.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error { return i.note(ctx, tx, list) })
}

// judge decides about the lines by what is in the books. The payouts are locked, unless nothing is to be changed.
func (i *answerRun) judge(ctx context.Context, tx *store.Tx, list []*answerVerdict) error {
	var keys []Key
	for _, v := range list {
		if !v.fixed {
			keys = append(keys, v.key)
		}
	}
	payouts, err := payoutsOf(ctx, tx, keys, !i.options.DryRun)
	if err != nil {
		return err
	}
	lines, err := answerLinesOf(ctx, tx, slices.Collect(maps.Values(payouts)))
	if err != nil {
		return err
	}
	for _, v := range list {
		if v.fixed {
			continue
		}
		v.cause, v.by, v.fault, v.mine = "", nil, nil, false // the transaction may run again
		p := payouts[v.key]
		v.paid = &p
		if l, ok := lines[v.key]; ok {
			v.by, v.mine = &l, l.File == i.report.File.ID && l.At.Equal(v.at)
		}
		v.cause = i.cause(v, p)
	}
	return nil
}

// cause is why a line decides nothing; "" when it does, or did.
func (i *answerRun) cause(v *answerVerdict, p Payout) AnswerCause {
	switch {
	case p.Rail != Manual:
		return AnswerOtherRail
	case i.sheet != "" && p.Sheet != i.sheet:
		return AnswerOtherSheet
	case v.amount != p.Amount || v.row.Currency != "" && v.row.Currency != string(p.Currency):
		return AnswerDiffers
	case v.by != nil && v.by.File == i.report.File.ID && v.by.Outcome == v.row.Outcome:
		return "" // by this file, before
	case p.Status == v.row.Outcome:
		return AnswerBefore
	case p.Status.Final():
		return AnswerContradicted
	case p.Sheet == "":
		return AnswerNotSent
	}
	return ""
}

// post decides the payouts of the lines that are right, and answers the file as it then stands.
func (i *answerRun) post(ctx context.Context, tx *store.Tx, file Answer, list []*answerVerdict) (Answer, error) {
	var moves []Move
	var moved []*answerVerdict
	now := i.clock.Now()
	for _, v := range list {
		if v.cause != "" || v.by != nil {
			continue
		}
		m := Move{
			ID: id.New(i.clock), Merchant: v.key.Merchant, Payout: v.key.ID, Action: Complete, Right: OfOperator, By: i.by, At: now,
			Reason: fmt.Sprintf("line %d of %s", v.row.Line, file.Name), RailReference: v.row.Reference,
		}
		if v.row.Outcome == Rejected {
			m.Action, m.Reason = Reject, cmp.Or(v.row.Reason, "rejected by the bank")
		}
		moves, moved = append(moves, m), append(moved, v)
	}
	if len(moves) == 0 {
		return file, nil
	}
	outcomes, err := i.MoveIn(ctx, tx, moves)
	if err != nil {
		return file, err
	}
	var lines []AnswerLine
	for n, o := range outcomes {
		v := moved[n]
		if o.Err != nil {
			if v.fault = fault.First(o.Err); v.fault == nil {
				return file, o.Err
			}
			v.cause = AnswerRefused
			continue
		}
		p := o.Value
		v.mine, v.at, v.paid = true, now, &p
		lines = append(lines, AnswerLine{
			Owner: p.Owner, Payout: p.ID, File: file.ID, Line: v.row.Line, Outcome: v.row.Outcome, Amount: p.Amount, Currency: p.Currency,
			Reference: v.row.Reference, At: now,
		})
		if v.row.Outcome == Completed {
			file.Completed++
		} else {
			file.Rejected++
		}
	}
	if len(lines) == 0 {
		return file, nil
	}
	insertAnswerLinesLater(tx, lines)
	file.Status = AnswerBegun
	file.touch(now)
	saveAnswerLater(tx, file)
	return file, i.tell(ctx, tx, EventAnswerPosted, file, lines)
}

// note adds what came of a slice to the report.
func (i *answerRun) note(ctx context.Context, tx *store.Tx, list []*answerVerdict) error {
	for _, v := range list {
		switch {
		case v.cause == "" && v.by != nil && !v.mine:
			i.report.Before++
		case v.cause == "":
			count, sums := &i.report.Completed, i.report.CompletedSums
			if v.row.Outcome == Rejected {
				count, sums = &i.report.Rejected, i.report.RejectedSums
			}
			*count++
			sum, err := money.Of(sums[v.paid.Currency], v.paid.Currency).Add(v.paid.Money())
			if err != nil {
				return err
			}
			sums[v.paid.Currency] = sum.Minor
		default:
			p := AnswerProblem{Cause: v.cause, Row: v.row, Payout: v.paid, OtherLine: v.other, Fault: v.fault}
			if v.by != nil {
				files, err := answersOf(ctx, tx, []string{v.by.File})
				if err != nil {
					return err
				}
				f := files[v.by.File]
				p.Other, p.OtherLine = &f, v.by.Line
			}
			i.report.Problems = append(i.report.Problems, p)
		}
	}
	return nil
}

// end notes that the file was gone through.
func (i *answerRun) end(ctx context.Context) error {
	if i.options.DryRun {
		return nil
	}
	return i.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		f, err := i.lock(ctx, tx)
		if err != nil {
			return err
		}
		if f.Status != AnswerDone {
			f.Status = AnswerDone
			f.touch(i.clock.Now())
			saveAnswerLater(tx, f)
			err = i.tell(ctx, tx, EventAnswerEnded, f, nil)
		}
		i.report.File = f
		return err
	})
}

// Answers are at most limit of the files that were imported, the last one first.
func (s *Service) Answers(ctx context.Context, limit int) ([]Answer, error) {
	var list []Answer
	err := s.db.Query(ctx, sqlAnswers, []any{merchant.House, int64(limit)}, func(r store.Row) error {
		f, err := scanAnswer(r)
		list = append(list, f)
		return err
	})
	return list, err
}
