package settlement

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/payment"
	"sarraf/rail"
	"sarraf/store"
)

// sliceMost is how many lines are settled in one transaction: on SQLite, payments wait meanwhile.
const sliceMost = 500

// receiptDigits are those of our receipt numbers.
const receiptDigits = 12

// Request asks for the import of a file.
type Request struct {
	By   merchant.Actor
	Rail rail.Settler
	Name string // what the file is called, for people
	Hash string // SHA-256 of its content, in hex: what it is known by
	File rail.Settlement
	// Covers are days and channels that the file is complete for, beside those of its lines.
	Covers []rail.SettlementPart
	DryRun bool // change nothing, and tell what would be
	// Progress, when set, is told after each transaction how many lines are done.
	Progress func(done, of int)
}

// Import settles what a file and our books agree about, and answers what they do not.
//
// The lines go in slices, in their order, a transaction each: their rows, the transfers, the file's sums and the events. A line is judged
// in this order: an earlier line of the file has one of its references (Repeated); no receipt has one (Missing), or several have
// (Ambiguous); it did not bring money (Missing); it is settled by another file (Elsewhere); its amount or currency is another (Differs).
// The rest is settled. At the end, what the file lacks is counted.
//
// When ctx ends, Import stops between two slices with its error; what was settled is settled, and the same file imported again goes on.
// Other errors: AmountOverflow when sums leave 64 bits, those of store.DB.Write.
func (s *Service) Import(ctx context.Context, r Request) (Report, error) {
	run := &run{Service: s, Request: r, first: make(map[string]int64, len(r.File.Lines))}
	file, err := s.newFile(r)
	if err != nil {
		return Report{}, err
	}
	if err := run.begin(ctx, file); err != nil {
		return run.report, err
	}
	done := 0
	for slice := range slices.Chunk(r.File.Lines, sliceMost) {
		if err := ctx.Err(); err != nil {
			return run.report, err
		}
		if err := run.slice(ctx, slice); err != nil {
			return run.report, err
		}
		if done += len(slice); r.Progress != nil {
			r.Progress(done, len(r.File.Lines))
		}
	}
	if err := run.lacking(ctx); err != nil {
		return run.report, err
	}
	return run.report, run.end(ctx)
}

// run is one import on its way.
type run struct {
	*Service
	Request
	report Report
	first  map[string]int64 // the line that each reference stood in first
	play   map[string]bool  // merchants, and whether their money is only played with
}

// newFile is the row of a file that nobody has imported.
func (s *Service) newFile(r Request) (File, error) {
	f := File{
		Owner: merchant.House, ID: id.New(s.clock), Rail: r.Rail.Name(), Name: r.Name, Hash: r.Hash, Currency: r.Rail.Currency(),
		Lines: int64(len(r.File.Lines)), Status: Begun, Actor: r.By.Name, Source: r.By.Source, CreatedAt: s.clock.Now(),
	}
	f.UpdatedAt = f.CreatedAt
	if f.Actor == "" || f.Source == "" || f.Hash == "" {
		return f, errors.New("settlement: an import needs an actor, a source and a hash")
	}
	for _, l := range r.File.Lines {
		if !add(&f.Amount, l.Amount) || !add(&f.Charges, l.Charges) {
			return f, fault.New(fault.AmountOverflow)
		}
	}
	return f, nil
}

// add adds to a sum; false when it would leave 64 bits.
func add(sum *int64, n int64) bool {
	if n > 0 && *sum > math.MaxInt64-n || n < 0 && *sum < math.MinInt64-n {
		return false
	}
	*sum += n
	return true
}

// begin finds the file's row, or makes it.
func (i *run) begin(ctx context.Context, f File) error {
	look := func(ctx context.Context, tx *store.Tx) error {
		return tx.Query(ctx, sqlFileByHash, []any{f.Hash, f.Rail, f.Owner}, func(r store.Row) (err error) {
			i.report.File, err = scanFile(r)
			i.report.Again = i.report.File.ID != f.ID
			return err
		})
	}
	i.report.File = f
	if i.DryRun {
		return i.db.Snapshot(ctx, look)
	}
	return i.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		i.report.File, i.report.Again = f, false
		fresh := false
		err := tx.Query(ctx, sqlInsertFile, []any{
			f.Owner, f.ID, f.Rail, f.Name, f.Hash, string(f.Currency), f.Lines, f.Amount, f.Charges, string(f.Status), f.Actor, f.Source,
			clock.Micros(f.CreatedAt),
		}, func(r store.Row) error {
			fresh = true
			return r.Scan(new(string))
		})
		switch {
		case err != nil:
			return err
		case !fresh: // another import has made it, or this one, whose COMMIT was not answered
			return look(ctx, tx)
		}
		return i.tell(ctx, tx, EventBegun, f, nil)
	})
}

// tell writes the events: those of the lines, and the file's.
func (i *run) tell(ctx context.Context, tx *store.Tx, t event.Type, f File, lines []Line) error {
	facts := make([]event.New, 0, len(lines)+1)
	for _, l := range lines {
		data, err := json.Marshal(LineFact{l})
		if err != nil {
			return err
		}
		facts = append(facts, event.New{Owner: l.Owner, Type: EventPaid, Kind: LineKind, Subject: l.Payment, Data: data, At: l.At})
	}
	data, err := json.Marshal(FileFact{File: f, Actor: i.By.Name, Source: i.By.Source})
	if err != nil {
		return err
	}
	facts = append(facts, event.New{Owner: f.Owner, Type: t, Kind: FileKind, Subject: f.ID, Data: data, At: f.UpdatedAt})
	_, err = i.log.Append(ctx, tx, facts)
	return err
}

// lockFile reads the file as it stands, and holds it until the transaction ends.
func (i *run) lockFile(ctx context.Context, tx *store.Tx) (f File, err error) {
	found := false
	err = tx.Query(ctx, sqlLockFile, []any{merchant.House, i.report.File.ID}, func(r store.Row) (err error) {
		found = true
		f, err = scanFile(r)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("settlement %s is gone", i.report.File.ID)
	}
	return f, err
}

// touch dates a change of the file, never before the one that was there: two nodes' clocks differ.
func (f *File) touch(now time.Time) {
	if now.After(f.UpdatedAt) {
		f.UpdatedAt = now
	}
}

// verdict is what a line comes to.
type verdict struct {
	line  *rail.SettlementLine
	cause Cause // "" when it is right
	paid  *payment.Payment
	by    *Line // what has settled the receipt
	other int64 // the earlier line, of one that is repeated
}

// slice settles the lines of a slice, or tells what it would settle.
func (i *run) slice(ctx context.Context, lines []rail.SettlementLine) error {
	verdicts, transfers := make([]verdict, len(lines)), make([]string, len(lines))
	for n := range lines {
		l := &lines[n]
		verdicts[n] = i.placed(l)
		if !i.DryRun {
			transfers[n] = id.New(i.clock) // before the transaction, which may run again: its own work is known by them
		}
	}
	var settled []Line
	var file File
	act := func(ctx context.Context, tx *store.Tx) (err error) {
		if file = i.report.File; !i.DryRun {
			if file, err = i.lockFile(ctx, tx); err != nil {
				return err
			}
		}
		if err := i.judge(ctx, tx, verdicts); err != nil {
			return err
		}
		settled = settled[:0]
		now := i.clock.Now()
		for n, v := range verdicts {
			if v.cause == "" && v.by == nil {
				settled = append(settled, Line{
					Owner: v.paid.Owner, Payment: v.paid.ID, File: file.ID, Number: v.line.Line, Amount: v.paid.Amount, Charges: v.line.Charges,
					Currency: v.paid.Currency, SettledOn: v.line.SettledOn, Transfer: transfers[n], At: now,
				})
			}
		}
		if i.DryRun || len(settled) == 0 {
			return nil
		}
		file, err = i.post(ctx, tx, file, settled)
		return err
	}
	var err error
	if i.DryRun {
		err = i.db.Snapshot(ctx, act)
	} else {
		err = i.db.Write(ctx, act)
	}
	if err != nil {
		return err
	}
	i.report.File = file
	return i.note(ctx, verdicts, transfers)
}

// placed is the verdict about a line that nothing but the file decides.
func (i *run) placed(l *rail.SettlementLine) verdict {
	v := verdict{line: l}
	for _, r := range l.References {
		if earlier, ok := i.first[r]; ok && v.cause == "" {
			v.cause, v.other = Repeated, earlier
		}
	}
	for _, r := range l.References {
		if _, ok := i.first[r]; !ok {
			i.first[r] = l.Line
		}
	}
	return v
}

// judge decides about the lines by what is in the books.
func (i *run) judge(ctx context.Context, tx *store.Tx, verdicts []verdict) error {
	var references []string
	for _, v := range verdicts {
		if v.cause != Repeated {
			references = append(references, v.line.References...)
		}
	}
	found := make(map[string][]*payment.Payment, len(references))
	payment.OfRailLater(tx, i.Rail.Name(), references, func(p payment.Payment) {
		found[p.RailReference] = append(found[p.RailReference], &p)
	})
	if err := tx.Flush(ctx); err != nil {
		return err
	}
	var keys []key
	for n := range verdicts {
		v := &verdicts[n]
		if v.cause == Repeated {
			continue
		}
		v.cause, v.paid, v.by = "", nil, nil // the transaction may run again
		var all []*payment.Payment
		for _, r := range v.line.References {
			all = append(all, found[r]...)
		}
		switch {
		case len(all) == 0:
			v.cause = Missing
		case len(all) > 1:
			v.cause = Ambiguous
		default:
			v.paid = all[0]
			keys = append(keys, key{v.paid.Owner, v.paid.ID})
		}
	}
	lines, err := linesOf(ctx, tx, keys)
	if err != nil {
		return err
	}
	for n := range verdicts {
		v := &verdicts[n]
		if v.paid == nil {
			continue
		}
		if by, ok := lines[key{v.paid.Owner, v.paid.ID}]; ok {
			v.by = &by
		}
		switch {
		case v.paid.Status != payment.Received:
			v.cause = Missing
		case v.by != nil && v.by.File != i.report.File.ID:
			v.cause = Elsewhere
		case v.paid.Amount != v.line.Amount || v.paid.Currency != i.Rail.Currency():
			v.cause = Differs
		}
	}
	return nil
}

// post writes what settles receipts, and answers the file as it then stands.
func (i *run) post(ctx context.Context, tx *store.Tx, file File, lines []Line) (File, error) {
	if err := i.learn(ctx, tx, lines); err != nil {
		return file, err
	}
	ordered := slices.Clone(lines)
	slices.SortFunc(ordered, func(a, b Line) int { // every import locks in this order
		if c := strings.Compare(a.Owner, b.Owner); c != 0 {
			return c
		}
		return strings.Compare(a.Payment, b.Payment)
	})
	written, err := insertLines(ctx, tx, ordered)
	if err != nil {
		return file, err
	}
	if len(written) < len(lines) {
		return file, store.ErrAgain // another file settled one of them since they were looked up
	}
	commands := make([]ledger.Command, len(lines))
	for n, l := range lines {
		commands[n] = ledger.Command{At: l.At, Ops: i.transfers(l)}
		if !add(&file.SettledAmount, l.Amount) || !add(&file.SettledCharges, l.Charges) {
			return file, fault.New(fault.AmountOverflow)
		}
	}
	results, err := ledger.Apply(ctx, tx, commands)
	if err != nil {
		return file, err
	}
	for _, r := range results {
		if r.Err != nil {
			return file, r.Err
		}
	}
	file.Settled += int64(len(lines))
	file.Status = Begun
	file.touch(lines[0].At)
	saveLater(tx, file)
	return file, i.tell(ctx, tx, EventPosted, file, lines)
}

// learn finds out which of the merchants only play.
func (i *run) learn(ctx context.Context, tx *store.Tx, lines []Line) (err error) {
	for _, l := range lines {
		if _, ok := i.play[l.Owner]; !ok {
			i.play, err = modes(ctx, tx)
			return err
		}
	}
	return nil
}

// transfers are the moves of money that settle a receipt: all of it comes to the bank account, and from there the charges go.
func (i *run) transfers(l Line) []ledger.Op {
	own := bank(i.Rail.Name(), l.Currency, i.play[l.Owner])
	ops := []ledger.Op{ledger.Transfer{
		ID: l.Transfer, From: own, To: clearing(i.Rail.Name(), l.Owner, l.Currency), Amount: l.Amount, Kind: TransferClearing, Subject: l.Payment,
	}}
	if l.Charges > 0 {
		ops = append(ops, ledger.Transfer{
			ID: id.New(i.clock), From: costs(i.Rail.Name(), l.Currency, i.play[l.Owner]), To: own, Amount: l.Charges, Kind: TransferCharges,
			Subject: l.Payment,
		})
	}
	return ops
}

// note adds what came of a slice to the report.
func (i *run) note(ctx context.Context, verdicts []verdict, transfers []string) error {
	from := len(i.report.Problems)
	for n, v := range verdicts {
		switch {
		case v.cause == "" && v.by != nil && v.by.Transfer != transfers[n]:
			i.report.Before++
		case v.cause == "": // by.Transfer is this run's: its COMMIT was not answered, and it found its own work
			i.report.Settled++
			i.report.SettledAmount += v.line.Amount
			i.report.SettledCharges += v.line.Charges
		default:
			p := Problem{Cause: v.cause, Line: v.line, Booked: v.paid, OtherLine: v.other}
			if v.cause == Elsewhere {
				p.Other, p.OtherLine = &File{ID: v.by.File}, v.by.Number
			}
			i.report.Problems = append(i.report.Problems, p)
		}
	}
	if len(i.report.Problems) == from {
		return nil
	}
	return i.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error { return i.help(ctx, tx, i.report.Problems[from:]) })
}

// help adds to problems what makes them easier to find out about: the other files, and our receipts that lines name by number.
func (i *run) help(ctx context.Context, tx *store.Tx, problems []Problem) error {
	var others []string
	for n := range problems {
		p := &problems[n]
		if p.Other != nil {
			others = append(others, p.Other.ID)
		}
		if p.Cause != Missing || p.Booked != nil || p.Line.Receipt == "" {
			continue
		}
		// A spreadsheet takes the zeros in front away.
		number := strings.Repeat("0", max(receiptDigits-len(p.Line.Receipt), 0)) + p.Line.Receipt
		list, err := payment.OfNumber(ctx, tx, number)
		if err != nil {
			return err
		}
		p.Named = list
	}
	files, err := filesOf(ctx, tx, others)
	for _, p := range problems {
		if p.Other != nil {
			*p.Other = files[p.Other.ID]
		}
	}
	return err
}

// end notes that the file was gone through.
func (i *run) end(ctx context.Context) error {
	if i.DryRun {
		return nil
	}
	return i.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		f, err := i.lockFile(ctx, tx)
		if err != nil {
			return err
		}
		lacking := i.report.Count(Lacking)
		if f.Status != Done || f.Lacking != lacking {
			f.Status, f.Lacking = Done, lacking
			f.touch(i.clock.Now())
			saveLater(tx, f)
			err = i.tell(ctx, tx, EventEnded, f, nil)
		}
		i.report.File = f
		return err
	})
}
