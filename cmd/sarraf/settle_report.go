package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"sarraf/money"
	"sarraf/rail"
	"sarraf/settlement"
)

// settleAnswer is what `sarraf settle FILE --json` prints. Amounts are in the major unit.
type settleAnswer struct {
	Clean   bool            `json:"clean"`
	DryRun  bool            `json:"dry_run"`
	Again   bool            `json:"again"` // the file was imported before
	File    settledFile     `json:"file"`
	Now     settledSums     `json:"now"`    // what was settled now; of a dry run, what would be
	Before  int64           `json:"before"` // lines that this file had settled earlier
	Problem []settleProblem `json:"problems"`
}

type settledSums struct {
	Lines   int64  `json:"lines"`
	Amount  string `json:"amount"`
	Charges string `json:"charges"`
	Bank    string `json:"bank"` // the amount less the charges: what came to the bank account
}

type settledFile struct {
	ID        string      `json:"id"`
	Name      string      `json:"name"`
	Hash      string      `json:"hash"`
	Rail      string      `json:"rail"`
	Currency  string      `json:"currency"`
	Says      settledSums `json:"says"`
	Settled   settledSums `json:"settled"` // by all its imports
	Lacking   int64       `json:"lacking"`
	Status    string      `json:"status"`
	Actor     string      `json:"actor"`
	Source    string      `json:"source"`
	CreatedAt time.Time   `json:"created_at"`
	UpdatedAt time.Time   `json:"updated_at"`
}

type settleProblem struct {
	Cause      string   `json:"cause"`
	Line       int64    `json:"line,omitempty"`
	References []string `json:"references"`
	Amount     string   `json:"amount,omitempty"` // as the file says
	Receipt    string   `json:"receipt,omitempty"`
	Booked     string   `json:"booked,omitempty"` // the amount of our receipt
	Merchant   string   `json:"merchant,omitempty"`
	Payment    string   `json:"payment,omitempty"`
	Status     string   `json:"status,omitempty"` // of our receipt
	OtherFile  string   `json:"other_file,omitempty"`
	OtherLine  int64    `json:"other_line,omitempty"`
	Named      []string `json:"named,omitempty"` // payments of ours whose receipt number the line repeats
}

func sumsOf(lines, amount, charges int64, c money.Currency) settledSums {
	net := money.Of(amount, c)
	if n, err := net.Sub(money.Of(charges, c)); err == nil {
		net = n
	}
	return settledSums{Lines: lines, Amount: money.Of(amount, c).Decimal(), Charges: money.Of(charges, c).Decimal(), Bank: net.Decimal()}
}

func fileFacts(f settlement.File) settledFile {
	return settledFile{
		ID: f.ID, Name: f.Name, Hash: f.Hash, Rail: f.Rail, Currency: string(f.Currency), Says: sumsOf(f.Lines, f.Amount, f.Charges, f.Currency),
		Settled: sumsOf(f.Settled, f.SettledAmount, f.SettledCharges, f.Currency), Lacking: f.Lacking, Status: string(f.Status), Actor: f.Actor,
		Source: f.Source, CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt,
	}
}

func problemFacts(p settlement.Problem, c money.Currency) settleProblem {
	out := settleProblem{Cause: string(p.Cause), References: []string{}, OtherLine: p.OtherLine}
	if p.Line != nil {
		out.Line, out.References, out.Receipt = p.Line.Line, p.Line.References, p.Line.Receipt
		out.Amount = money.Of(p.Line.Amount, c).Decimal()
	}
	if b := p.Booked; b != nil {
		out.Booked, out.Merchant, out.Payment, out.Status = b.Total().Decimal(), b.Owner, b.ID, string(b.Status)
		if b.Currency != c {
			out.Booked += " " + string(b.Currency)
		}
		if p.Line == nil {
			out.References = []string{b.RailReference}
		}
	}
	if p.Other != nil {
		out.OtherFile = p.Other.Name
	}
	for _, n := range p.Named {
		out.Named = append(out.Named, n.ID)
	}
	return out
}

// tell prints what came of an import.
func (c settleCmd) tell(io streams, r settlement.Report, over rail.Settler) error {
	currency := over.Currency()
	a := settleAnswer{
		Clean: r.Clean(), DryRun: c.DryRun, Again: r.Again, File: fileFacts(r.File), Now: sumsOf(r.Settled, r.SettledAmount, r.SettledCharges, currency),
		Before: r.Before, Problem: []settleProblem{},
	}
	for _, p := range r.Problems {
		a.Problem = append(a.Problem, problemFacts(p, currency))
	}
	if c.JSON {
		return printJSON(io, a)
	}
	return a.tell(io.out)
}

func (a settleAnswer) tell(to io.Writer) error {
	f := a.File
	again := ""
	if a.Again {
		again = " It was imported before."
	}
	fmt.Fprintf(to, "%s, %s: %d lines of %s %s, charges %s.%s\n", plain(f.Name), f.Rail, f.Says.Lines, f.Says.Amount, f.Currency, f.Says.Charges, again)
	verb := "Settled now"
	if a.DryRun {
		verb = "Nothing was changed. Would be settled"
	}
	fmt.Fprintf(to, "%s: %d of %s, charges %s, to the bank account %s.", verb, a.Now.Lines, a.Now.Amount, a.Now.Charges, a.Now.Bank)
	if a.Before > 0 {
		fmt.Fprintf(to, " By this file before: %d.", a.Before)
	}
	if a.Clean {
		_, err := fmt.Fprintln(to, "\nAll of it agrees with the books, and it lacks nothing of the days it covers.")
		return err
	}
	fmt.Fprintf(to, "\nTo look at, and not posted: %d.\n\n", len(a.Problem))
	return table(to, "CAUSE\tLINE\tAMOUNT\tOURS\tREFERENCE\tPAYMENT\tMERCHANT\tNOTE", func(w io.Writer) {
		for _, p := range a.Problem {
			references := make([]string, len(p.References))
			for n, r := range p.References {
				references[n] = plain(r)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Cause, dash(number(p.Line)), dash(p.Amount), dash(p.Booked),
				strings.Join(references, " or "), dash(p.Payment), dash(p.Merchant), p.note())
		}
	})
}

// note says what else helps to find out.
func (p settleProblem) note() string {
	var list []string
	switch {
	case p.OtherFile != "":
		list = append(list, fmt.Sprintf("line %d of %s", p.OtherLine, plain(p.OtherFile)))
	case p.OtherLine > 0:
		list = append(list, fmt.Sprintf("as line %d", p.OtherLine))
	}
	if p.Status != "" && p.Status != "received" {
		list = append(list, "our attempt "+p.Status)
	}
	switch {
	case len(p.Named) > 0:
		list = append(list, "receipt "+plain(p.Receipt)+" is of payment "+strings.Join(p.Named, ", "))
	case p.Receipt != "":
		list = append(list, "receipt "+plain(p.Receipt))
	}
	return strings.Join(list, ", ")
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// dash stands where there is nothing.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func tableOfFiles(files []settlement.File) func(io.Writer) {
	return func(w io.Writer) {
		for _, f := range files {
			a := fileFacts(f)
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%d\t%s\t%s\t%d\t%d\t%s\n", a.ID, plain(a.Name), f.CreatedAt.Format(time.DateTime), plain(a.Actor),
				f.Lines, a.Says.Amount, f.Settled, a.Settled.Amount, a.Settled.Charges, f.Lines-f.Settled, f.Lacking, f.Status)
		}
	}
}

// outstandingAnswer is what `sarraf settle --outstanding --json` prints.
type outstandingAnswer struct {
	Rail     string        `json:"rail"`
	Currency string        `json:"currency"`
	Count    int64         `json:"count"`
	Amount   string        `json:"amount"`
	All      string        `json:"all"` // what is owed for every receipt, the youngest too
	Receipts []owedReceipt `json:"receipts"`
}

type owedReceipt struct {
	Merchant  string    `json:"merchant"`
	Name      string    `json:"name"`
	Payment   string    `json:"payment"`
	Reference string    `json:"reference"`
	Channel   string    `json:"channel,omitempty"`
	Day       string    `json:"day,omitempty"`
	Amount    string    `json:"amount"`
	At        time.Time `json:"at"`
}

func outstandingFacts(o settlement.Outstanding, over rail.Settler) outstandingAnswer {
	c := over.Currency()
	a := outstandingAnswer{
		Rail: over.Name(), Currency: string(c), Count: o.Count, Amount: money.Of(o.Amount, c).Decimal(), All: money.Of(o.All, c).Decimal(),
		Receipts: []owedReceipt{},
	}
	for _, r := range o.Receipts {
		a.Receipts = append(a.Receipts, owedReceipt{
			Merchant: r.Merchant.Owner, Name: r.Merchant.Name, Payment: r.Payment.ID, Reference: r.Payment.RailReference, Channel: r.Part.Channel,
			Day: r.Part.Day.String(), Amount: r.Payment.Total().Decimal(), At: r.Payment.At,
		})
	}
	return a
}

func (c settleCmd) tellOutstanding(to io.Writer, o settlement.Outstanding, over rail.Settler) error {
	a := outstandingFacts(o, over)
	fmt.Fprintf(to, "Over %s %s %s is owed for all receipts; %d of them, %s, are older than %s and no file has settled them.\n", a.Rail, a.All,
		a.Currency, a.Count, a.Amount, c.Older)
	if a.Count == 0 {
		return nil
	}
	fmt.Fprintln(to)
	err := table(to, "AT\tDAY\tCHANNEL\tAMOUNT\tREFERENCE\tPAYMENT\tMERCHANT", func(w io.Writer) {
		for _, r := range a.Receipts {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s %s\n", r.At.Format(time.DateTime), dash(r.Day), dash(plainOr(r.Channel)), r.Amount, plain(r.Reference),
				r.Payment, r.Merchant, plain(r.Name))
		}
	})
	if left := a.Count - int64(len(a.Receipts)); err == nil && left > 0 {
		_, err = fmt.Fprintf(to, "and %d more: --limit lists them\n", left)
	}
	return err
}

// plainOr is plain, and "" for nothing.
func plainOr(s string) string {
	if s == "" {
		return ""
	}
	return plain(s)
}
