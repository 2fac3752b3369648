package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sarraf/fault"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
)

// sheetFlags say how a sheet's CSV is printed.
type sheetFlags struct {
	BOM  bool `name:"bom" help:"Begin the CSV with a byte order mark, by which Excel knows that it is UTF-8."`
	JSON bool `name:"json" help:"Print one JSON object instead of the CSV."`
}

type payoutExport struct {
	payoutFlags
	sheetFlags
	Currency string `help:"The currency of the sheet; it may be left out when payouts of one currency wait."`
	Method   string `help:"Only payouts by this kind of method, as bkash."`
	Sandbox  bool   `help:"Those of sandbox merchants and wallets, instead of live ones."`
	Limit    int    `default:"1000" help:"At most so many payouts; 1 to 10000. The oldest go first."`
}

func (c payoutExport) Run(ctx context.Context, s streams) error {
	if c.Limit < 1 || c.Limit > payout.SheetMost {
		return usage("--limit %d: want 1 to %d", c.Limit, payout.SheetMost)
	}
	o := payout.ExportOptions{Currency: money.Currency(strings.ToUpper(c.Currency)), Sandbox: c.Sandbox, Method: strings.ToLower(c.Method), Most: c.Limit}
	return withPayouts(ctx, c.payoutFlags, s, false, func(svc payouts) error {
		if err := svc.openSheets(ctx, s.err); err != nil {
			return err
		}
		if o.Currency == "" {
			var err error
			if o.Currency, err = svc.onlyCurrency(ctx, o); err != nil {
				return err
			}
		}
		sheet, err := payout.Sheet{}, error(nil)
		if o.Currency != "" {
			if sheet, err = svc.Export(ctx, svc.by, o); fault.Has(err, fault.CurrencyUnknown) {
				return usage("--currency %.10q: want an ISO 4217 code, as BDT", c.Currency)
			}
		}
		if err != nil {
			if sheet.Number > 0 {
				err = fmt.Errorf("sheet %d is left open with %d payouts on it: `sarraf payout sheet %d --close` prints it: %w", sheet.Number, sheet.Lines,
					sheet.Number, err)
			}
			return err
		}
		if sheet.ID == "" {
			fmt.Fprintln(s.err, "Nothing is ready for a sheet, and none was made.")
		} else if err := svc.print(ctx, s, c.sheetFlags, sheet); err != nil {
			return fmt.Errorf("sheet %d is made, and was not printed: `sarraf payout sheet %d` prints it: %w", sheet.Number, sheet.Number, err)
		}
		return svc.left(ctx, s.err)
	})
}

// openSheets warns of sheets that an export has left behind.
func (p payouts) openSheets(ctx context.Context, to io.Writer) error {
	list, err := p.Sheets(ctx, 100)
	for _, sheet := range list {
		if sheet.Status == payout.SheetOpen {
			fmt.Fprintf(to, "Sheet %d of %s is open: another export is filling it, or has died. In the latter case `sarraf payout sheet %d --close` prints it.\n",
				sheet.Number, sheet.CreatedAt.Format(time.DateTime), sheet.Number)
		}
	}
	return err
}

// onlyCurrency is the currency of the payouts that are ready; "" when none is.
func (p payouts) onlyCurrency(ctx context.Context, o payout.ExportOptions) (only money.Currency, err error) {
	list, err := p.ManualBacklog(ctx)
	var all []string
	for _, b := range list {
		if b.Ready > 0 && (b.Mode == merchant.Sandbox) == o.Sandbox && (o.Method == "" || b.Method == o.Method) && only != b.Currency {
			only = b.Currency
			all = append(all, string(b.Currency))
		}
	}
	if len(all) > 1 {
		err = usage("payouts in %s wait: say which with --currency", strings.Join(all, ", "))
	}
	return only, err
}

// left says what is still there after an export.
func (p payouts) left(ctx context.Context, to io.Writer) error {
	list, err := p.ManualBacklog(ctx)
	for _, b := range list {
		for _, w := range []struct {
			n    int64
			what string
		}{{b.Ready, "ready for the next sheet"}, {b.Wanted, "waiting for approval"}, {b.Held, "held back: their merchant is disabled, or their wallet suspended"}} {
			if w.n > 0 {
				fmt.Fprintf(to, "Not on the sheet: %d, %s %s %s, %s\n", w.n, b.Mode, b.Currency, orDash(b.Method), w.what)
			}
		}
	}
	return err
}

// sheetAnswer is a sheet as commands print it with --json.
type sheetAnswer struct {
	ID        string         `json:"id"`
	Number    int64          `json:"number"`
	Mode      string         `json:"mode"`
	Currency  string         `json:"currency"`
	Method    string         `json:"method,omitempty"`
	Lines     int64          `json:"lines"`
	Amount    string         `json:"amount"`
	Status    string         `json:"status"`
	Actor     string         `json:"actor"`
	Source    string         `json:"source"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
	Payouts   []payoutAnswer `json:"payouts,omitempty"`
}

func sheetFacts(sheet payout.Sheet, rows []payout.Payout) sheetAnswer {
	a := sheetAnswer{
		ID: sheet.ID, Number: sheet.Number, Mode: string(sheet.Mode), Currency: string(sheet.Currency), Method: sheet.Method, Lines: sheet.Lines,
		Amount: sheet.Money().Decimal(), Status: string(sheet.Status), Actor: sheet.Actor, Source: sheet.Source, CreatedAt: sheet.CreatedAt,
		UpdatedAt: sheet.UpdatedAt,
	}
	for _, p := range rows {
		a.Payouts = append(a.Payouts, payoutFacts(p))
	}
	return a
}

// print prints a sheet that is closed, and its totals on standard error.
func (p payouts) print(ctx context.Context, s streams, f sheetFlags, sheet payout.Sheet) error {
	rows, err := p.SheetRows(ctx, sheet.ID)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "Sheet %d: %d payouts, %s, %s\n", sheet.Number, sheet.Lines, sheet.Money(), sheet.Mode)
	if f.JSON {
		return printJSON(s, sheetFacts(sheet, rows))
	}
	if f.BOM {
		if _, err := io.WriteString(s.out, "\ufeff"); err != nil {
			return err
		}
	}
	return payout.WriteSheetCSV(s.out, sheet, rows)
}

type payoutSheet struct {
	payoutFlags
	sheetFlags
	Number int64 `arg:"" optional:"" help:"The sheet's number; without it the sheets are listed, the last one first."`
	Close  bool  `help:"Make a sheet final that an export has left open when it died. An export that still lives stops there."`
	Limit  int   `default:"100" help:"Without a number: how many sheets are listed at most."`
}

func (c payoutSheet) Run(ctx context.Context, s streams) error {
	if c.Number < 0 || c.Limit < 1 || c.Limit > 10_000 || c.Close && c.Number == 0 {
		return usage("want the number of a sheet, --close only with one, and --limit of 1 to 10000")
	}
	return withPayouts(ctx, c.payoutFlags, s, !c.Close, func(svc payouts) error {
		if c.Number == 0 {
			return svc.listSheets(ctx, s, c.JSON, c.Limit)
		}
		sheet, err := svc.Sheet(ctx, c.Number)
		if err == nil && c.Close {
			sheet, err = svc.CloseSheet(ctx, svc.by, c.Number)
		}
		switch {
		case fault.Has(err, fault.FieldMalformed):
			return errors.New("there is no such sheet: `sarraf payout sheet` lists them")
		case err != nil:
			return err
		case sheet.Status != payout.SheetClosed:
			return fmt.Errorf("sheet %d is open: an export is filling it, or has died; in the latter case add --close", sheet.Number)
		}
		return svc.print(ctx, s, c.sheetFlags, sheet)
	})
}

func (p payouts) listSheets(ctx context.Context, s streams, asJSON bool, limit int) error {
	list, err := p.Sheets(ctx, limit)
	if err != nil {
		return err
	}
	if asJSON {
		answers := make([]sheetAnswer, len(list))
		for n, sheet := range list {
			answers[n] = sheetFacts(sheet, nil)
		}
		return printJSON(s, map[string]any{"sheets": answers})
	}
	return table(s.out, "NUMBER\tMADE\tBY\tMODE\tMETHOD\tPAYOUTS\tAMOUNT\tSTATUS", func(w io.Writer) {
		for _, sheet := range list {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", sheet.Number, sheet.CreatedAt.Format(time.DateTime), plain(sheet.Actor), sheet.Mode,
				orDash(sheet.Method), sheet.Lines, sheet.Money(), sheet.Status)
		}
	})
}

type payoutImport struct {
	payoutFlags
	File      string   `arg:"" optional:"" help:"The file, CSV in UTF-8: our own sheet with result and bank_reference filled in, or a bank's. The same one again changes nothing. - for standard input."`
	ID        string   `name:"id" placeholder:"COLUMN" help:"The column with our id, the row as S17-42, or the printed number: its name or its number, from 1. By default payout, or row."`
	Result    string   `placeholder:"COLUMN" help:"The column that says what became of it; by default result."`
	Amount    string   `placeholder:"COLUMN" help:"The column with the amount in the major unit; by default amount."`
	Currency  string   `placeholder:"COLUMN" help:"The column with the currency; by default currency, if there is one."`
	Reference string   `placeholder:"COLUMN" help:"The column with the bank's own number; by default bank_reference, if there is one."`
	Reason    string   `placeholder:"COLUMN" help:"The column that says why one was rejected; by default reason, if there is one."`
	Completed []string `help:"What the result says of those that were paid, in any case, comma-separated. By default completed, complete, paid, success, successful, done."`
	Rejected  []string `help:"And of those that were not, and will not be. By default rejected, failed, failure, declined, returned."`
	Delimiter string   `help:"What stands between the columns: one character, or tab. By default it is found out."`
	Header    bool     `default:"true" negatable:"" help:"The first line names the columns."`
	Skip      int      `help:"How many lines in front are passed over."`
	Sheet     int64    `help:"Take only answers about payouts of the sheet with this number."`
	DryRun    bool     `help:"Change nothing, and tell what would be."`
	List      bool     `help:"List the files that were imported, the last one first."`
	Limit     int      `default:"100" help:"With --list: how many at most."`
	JSON      bool     `name:"json" help:"Print one JSON object."`
}

// check refuses arguments that do not go together.
func (c payoutImport) check() (o payout.AnswerOptions, err error) {
	o = payout.AnswerOptions{
		ID: c.ID, Result: c.Result, Amount: c.Amount, Currency: c.Currency, Reference: c.Reference, Reason: c.Reason, Completed: c.Completed,
		Rejected: c.Rejected, NoHeader: !c.Header, Skip: c.Skip, Sheet: c.Sheet, DryRun: c.DryRun,
	}
	switch {
	case (c.File != "") == c.List:
		return o, usage("give one of a file to import and --list")
	case c.Limit < 1 || c.Limit > 10_000 || c.Skip < 0 || c.Sheet < 0:
		return o, usage("want --limit of 1 to 10000, and --skip and --sheet of 0 or more")
	case c.Delimiter == "tab" || c.Delimiter == `\t`:
		o.Comma = '\t'
	case c.Delimiter != "":
		if utf8.RuneCountInString(c.Delimiter) != 1 || strings.ContainsAny(c.Delimiter, "\"\r\n\ufffd") {
			return o, usage("--delimiter %.10q: want one character, or tab", c.Delimiter)
		}
		o.Comma, _ = utf8.DecodeRuneInString(c.Delimiter)
	}
	return o, nil
}

func (c payoutImport) Run(ctx context.Context, s streams) error {
	o, err := c.check()
	if err != nil {
		return err
	}
	o.Progress = settleCmd{}.progress(s.err)
	return withPayouts(ctx, c.payoutFlags, s, c.List || c.DryRun, func(svc payouts) error {
		if c.List {
			return svc.listAnswers(ctx, s, c.JSON, c.Limit)
		}
		from, name := s.in, "standard input"
		if c.File != "-" {
			f, err := os.Open(c.File)
			if err != nil {
				return usage("%v", err)
			}
			defer func() { _ = f.Close() }()
			from, name = f, nameOf(c.File)
		}
		report, err := svc.ImportAnswers(ctx, svc.by, name, from, o)
		var faults payout.AnswerFaults
		switch {
		case errors.As(err, &faults):
			return usage("%s cannot be read, and nothing of it was done:\n%v", plain(name), err)
		case fault.Has(err, fault.FieldMalformed):
			return usage("--sheet %d: there is no such sheet: `sarraf payout sheet` lists them", c.Sheet)
		case err != nil:
			return fmt.Errorf("%d payouts were decided before it stopped, and the same file again goes on from there: %w", report.Completed+report.Rejected, err)
		}
		a := importFacts(report, c.DryRun)
		if c.JSON {
			err = printJSON(s, a)
		} else {
			err = a.tell(s.out)
		}
		if err == nil && !report.Clean() {
			err = errFound
		}
		return err
	})
}

// importAnswer is what `sarraf payout import --json` prints. Amounts are in the major unit.
type importAnswer struct {
	Clean     bool            `json:"clean"`
	DryRun    bool            `json:"dry_run"`
	Again     bool            `json:"again"` // the file was imported before
	File      answerFile      `json:"file"`
	Completed importSums      `json:"completed"` // now; of a dry run, what would be
	Rejected  importSums      `json:"rejected"`
	Before    int64           `json:"before"` // lines that this file had decided earlier
	Open      int64           `json:"open"`   // lines that say nothing yet
	Problems  []importProblem `json:"problems"`
}

type importSums struct {
	Lines   int64             `json:"lines"`
	Amounts map[string]string `json:"amounts"` // by currency
}

type answerFile struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Hash      string    `json:"hash"`
	Lines     int64     `json:"lines"`
	Completed int64     `json:"completed"` // by all its imports
	Rejected  int64     `json:"rejected"`
	Status    string    `json:"status"`
	Actor     string    `json:"actor"`
	Source    string    `json:"source"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

type importProblem struct {
	Cause     string `json:"cause"`
	Line      int64  `json:"line"`
	ID        string `json:"id"` // as the file has it
	Result    string `json:"result"`
	Amount    string `json:"amount"`
	Reference string `json:"reference,omitempty"`
	Problem   string `json:"problem,omitempty"` // of one that cannot be read
	Payout    string `json:"payout,omitempty"`
	Booked    string `json:"booked,omitempty"` // the payout's amount
	Status    string `json:"status,omitempty"` // and its status
	OtherFile string `json:"other_file,omitempty"`
	OtherLine int64  `json:"other_line,omitempty"`
	Fault     string `json:"fault,omitempty"`
}

func answerFileFacts(f payout.Answer) answerFile {
	return answerFile{
		ID: f.ID, Name: f.Name, Hash: f.Hash, Lines: f.Lines, Completed: f.Completed, Rejected: f.Rejected, Status: string(f.Status), Actor: f.Actor,
		Source: f.Source, CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt,
	}
}

func importFacts(r payout.AnswerReport, dry bool) importAnswer {
	sums := func(lines int64, by map[money.Currency]int64) importSums {
		out := importSums{Lines: lines, Amounts: map[string]string{}}
		for c, minor := range by {
			out.Amounts[string(c)] = money.Of(minor, c).Decimal()
		}
		return out
	}
	a := importAnswer{
		Clean: r.Clean(), DryRun: dry, Again: r.Again, File: answerFileFacts(r.File), Completed: sums(r.Completed, r.CompletedSums),
		Rejected: sums(r.Rejected, r.RejectedSums), Before: r.Before, Open: r.Open, Problems: []importProblem{},
	}
	for _, p := range r.Problems {
		out := importProblem{
			Cause: string(p.Cause), Line: p.Row.Line, ID: p.Row.ID, Result: p.Row.Result, Amount: p.Row.Amount, Reference: p.Row.Reference,
			Problem: p.Row.Problem, OtherLine: p.OtherLine,
		}
		if p.Payout != nil {
			out.Payout, out.Booked, out.Status = p.Payout.ID, p.Payout.Money().String(), string(p.Payout.Status)
		}
		if p.Other != nil {
			out.OtherFile = p.Other.Name
		}
		if p.Fault != nil {
			out.Fault = string(p.Fault.Code)
		}
		a.Problems = append(a.Problems, out)
	}
	return a
}

// words are the sums by currency.
func (s importSums) words() string {
	var list []string
	for c, amount := range s.Amounts {
		list = append(list, amount+" "+c)
	}
	slices.Sort(list)
	if len(list) == 0 {
		return fmt.Sprint(s.Lines)
	}
	return fmt.Sprintf("%d of %s", s.Lines, strings.Join(list, " and "))
}

func (a importAnswer) tell(to io.Writer) error {
	again, verb := "", "Completed now"
	if a.Again {
		again = " It was imported before."
	}
	if a.DryRun {
		verb = "Nothing was changed. Would be completed"
	}
	fmt.Fprintf(to, "%s: %d lines.%s\n%s: %s. Rejected: %s.", plain(a.File.Name), a.File.Lines, again, verb, a.Completed.words(), a.Rejected.words())
	if a.Before > 0 {
		fmt.Fprintf(to, " By this file before: %d.", a.Before)
	}
	if a.Open > 0 {
		fmt.Fprintf(to, " Not answered yet: %d.", a.Open)
	}
	if a.Clean {
		_, err := fmt.Fprintln(to, "\nAll of it agrees with the books.")
		return err
	}
	fmt.Fprintf(to, "\nTo look at, and changed nothing: %d.\n\n", len(a.Problems))
	return table(to, "CAUSE\tLINE\tID\tRESULT\tAMOUNT\tOURS\tSTATUS\tNOTE", func(w io.Writer) {
		for _, p := range a.Problems {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Cause, p.Line, plain(cut(p.ID, 60)), plain(cut(p.Result, 40)), plain(cut(p.Amount, 40)),
				orDash(p.Booked), orDash(p.Status), p.note())
		}
	})
}

// note says what else helps to find out.
func (p importProblem) note() string {
	switch {
	case p.OtherFile != "":
		return fmt.Sprintf("line %d of %s", p.OtherLine, plain(p.OtherFile))
	case p.OtherLine > 0:
		return fmt.Sprintf("see line %d", p.OtherLine)
	case p.Problem != "":
		return p.Problem
	case p.Fault != "":
		return p.Fault
	case p.Cause == string(payout.AnswerBefore) || p.Cause == string(payout.AnswerContradicted):
		return "by hand: sarraf explain " + p.Payout
	}
	return ""
}

func (p payouts) listAnswers(ctx context.Context, s streams, asJSON bool, limit int) error {
	list, err := p.Answers(ctx, limit)
	if err != nil {
		return err
	}
	if asJSON {
		answers := make([]answerFile, len(list))
		for n, f := range list {
			answers[n] = answerFileFacts(f)
		}
		return printJSON(s, map[string]any{"files": answers})
	}
	return table(s.out, "ID\tFILE\tIMPORTED\tBY\tLINES\tCOMPLETED\tREJECTED\tSTATUS", func(w io.Writer) {
		for _, f := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", f.ID, plain(f.Name), f.CreatedAt.Format(time.DateTime), plain(f.Actor), f.Lines,
				f.Completed, f.Rejected, f.Status)
		}
	})
}
