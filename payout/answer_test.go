package payout_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/payout"
	"sarraf/store"
)

const answerHead = "row,result,amount,bank_reference,reason\n"

func (h *house) imports(name, text string, o payout.AnswerOptions) payout.AnswerReport {
	h.t.Helper()
	r, err := h.ImportAnswers(ctx, nadia, name, strings.NewReader(text), o)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// answerWords is a report in a line.
func answerWords(r payout.AnswerReport) string {
	text := fmt.Sprintf("%d completed, %d rejected", r.Completed, r.Rejected)
	if r.Before > 0 {
		text += fmt.Sprintf(", %d before", r.Before)
	}
	if r.Open > 0 {
		text += fmt.Sprintf(", %d open", r.Open)
	}
	for _, p := range r.Problems {
		text += fmt.Sprintf("; line %d %s", p.Row.Line, p.Cause)
		if p.Other != nil {
			text += " in " + p.Other.Name
		}
		if p.OtherLine > 0 {
			text += fmt.Sprintf(" line %d", p.OtherLine)
		}
	}
	return text
}

func (h *house) reports(r payout.AnswerReport, want string) {
	h.t.Helper()
	if got := answerWords(r); got != want {
		h.t.Errorf("the report says %q, want %q", got, want)
	}
}

// standings are the statuses of the payouts.
func (h *house) standings(list []payout.Payout) string {
	h.t.Helper()
	words := make([]string, len(list))
	for n, p := range list {
		words[n] = string(h.get(p).Status)
	}
	return strings.Join(words, " ")
}

func TestABanksAnswersDecidePayoutsOnce(t *testing.T) {
	each(t, func(h *house) {
		list := h.waiting(4)
		h.export(taka)
		h.clock.Advance(time.Hour)
		file := answerHead + "S1-1,Paid,1.00,B1,\n" + list[1].ID + ",FAILED,2,,no such account\ns1-3,,3,,\nS1-4,success,4.00,B4,\n"
		h.reports(h.imports("dry.csv", file, payout.AnswerOptions{DryRun: true}), "2 completed, 1 rejected, 1 open")
		if got := h.standings(list); got != "processing processing processing processing" {
			t.Errorf("a dry run: %s", got)
		}
		if files, err := h.Answers(ctx, 10); err != nil || len(files) != 0 || h.deskTold(payout.AnswerKind) != "" {
			t.Errorf("a dry run: %+v, %v", files, err)
		}
		r := h.imports("feb.csv", file, payout.AnswerOptions{})
		h.reports(r, "2 completed, 1 rejected, 1 open")
		if r.Again || r.CompletedSums["BDT"] != 5_00 || r.RejectedSums["BDT"] != 2_00 || r.File.Lines != 4 || r.File.Completed != 2 || r.File.Rejected != 1 ||
			r.File.Status != payout.AnswerDone || r.File.Name != "feb.csv" || r.File.Actor != "nadia" {
			t.Errorf("%+v", r)
		}
		if got := h.standings(list); got != "completed rejected processing completed" {
			t.Error(got)
		}
		a, b := h.get(list[0]), h.get(list[1])
		if a.RailReference != "B1" || a.DecidedBy != "nadia" || !a.ProcessedAt.Equal(h.clock.Now()) || b.Reason != "no such account" || b.RailReference != "" {
			t.Errorf("%+v %+v", a, b)
		}
		h.stands(list[0].Merchant, 1_000_000_00-5_00-2_00, 1_000_000_00-5_00-2_00-4_00, 2_00, 5_00)
		if got, want := h.deskTold(payout.AnswerKind), "payout_answer.begun payout_answer.posted payout_answer.ended"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		h.tells(a, "feb.csv", 2)

		// The same file changes nothing, whatever it is called; nor does another that repeats its lines.
		h.clock.Advance(time.Hour)
		again := h.imports("copy.csv", file, payout.AnswerOptions{})
		h.reports(again, "0 completed, 0 rejected, 3 before, 1 open")
		if !again.Again || again.File != r.File {
			t.Errorf("%+v", again)
		}
		h.reports(h.imports("other.csv", file+"\n", payout.AnswerOptions{}),
			"0 completed, 0 rejected, 1 open; line 2 decided_before in feb.csv line 2; line 3 decided_before in feb.csv line 3; line 5 decided_before in feb.csv line 5")
		h.reports(h.imports("rest.csv", answerHead+"S1-3,done,3,B3,\nS1-1,rejected,1,,\n", payout.AnswerOptions{}),
			"1 completed, 0 rejected; line 3 contradicts in feb.csv line 2")
		if got := h.standings(list); got != "completed rejected completed completed" {
			t.Error(got)
		}
		if files, err := h.Answers(ctx, 10); err != nil || len(files) != 3 || files[0].Name != "rest.csv" {
			t.Errorf("%+v, %v", files, err)
		}
	})
}

// tells fails unless the payout was decided by the line of the file.
func (h *house) tells(p payout.Payout, name string, line int64) {
	h.t.Helper()
	err := h.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		l, f, ok, err := payout.Answered(ctx, tx, p)
		if !ok || f.Name != name || l.Line != line || l.Reference != p.RailReference {
			h.t.Errorf("%+v of %+v, %v", l, f, ok)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestWhatAFileAndTheBooksDisagreeAboutChangesNothing(t *testing.T) {
	each(t, func(h *house) {
		list := h.waiting(9)
		h.export(payout.ExportOptions{Currency: "BDT", Most: 8})
		unsent := list[8]
		for n, a := range map[int]payout.Action{6: payout.Complete, 7: payout.Reject} {
			if _, err := h.Move(ctx, payout.Move{
				Merchant: list[n].Merchant, Payout: list[n].ID, Action: a, Right: payout.OfOperator, By: bob, RailReference: "B", Reason: "r",
			}, nil); err != nil {
				t.Fatal(err)
			}
		}
		play := h.ask(h.method(h.shop(merchant.Sandbox, 1000_00), 0, payout.Sandbox), 9_00)
		h.does(play, payout.Process)
		file := "ID,result,amount,currency,bank_reference,reason\n" +
			"S1-1,paid,1.01,BDT,B1,\n" + // another amount
			"S1-2,paid,2.00,PKR,B1,\n" + // another currency
			"S1-3,paid,three,BDT,B1,\n" +
			"S1-4,paid,4.00,BDT,B1,\n" + // and then the bank says otherwise
			"S1-5,paid,5.00,BDT,B5,\n" + // and then says it again
			"S1-9,paid,9.00,BDT,B1,\n" + // it has 8 rows
			"nobody,paid,9.00,BDT,B1,\n" +
			unsent.ID + ",paid,9.00,BDT,B1,\n" +
			play.ID + ",paid,9.00,BDT,B1,\n" +
			"S1-7,paid,7.00,BDT,B,\n" + // by hand
			"S1-8,paid,8.00,BDT,B,\n" + // by hand, and otherwise
			list[3].ID + ",failed,4.00,BDT,B1,\n" +
			list[4].ID + ",paid,5,BDT,B5,\n" +
			"S1-6,bounced,6.00,BDT,B1,\n" +
			",paid,6.00,BDT,B1,\n"
		before := h.standings(list)
		want := "1 completed, 0 rejected; line 2 amount_differs; line 3 amount_differs; line 4 unreadable; line 5 disagrees line 13; line 7 not_found; " +
			"line 8 not_found; line 9 not_sent; line 10 other_rail; line 11 decided_before; line 12 contradicts; line 13 disagrees line 5; " +
			"line 14 repeated line 6; line 15 unreadable; line 16 unreadable"
		o := payout.AnswerOptions{ID: "id"}
		h.reports(h.imports("a.csv", file, payout.AnswerOptions{ID: "id", DryRun: true}), want)
		r := h.imports("a.csv", file, o)
		h.reports(r, want)
		for _, p := range r.Problems {
			if p.Row.Line == 2 && (p.Payout == nil || p.Payout.Amount != 1_00) || p.Row.Line == 4 && !strings.Contains(p.Row.Problem, `"three"`) {
				t.Errorf("%+v", p)
			}
		}
		if got, want := h.standings(list), strings.Replace(before, "processing processing processing processing processing", "processing processing processing processing completed", 1); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		h.reports(h.imports("a.csv", file, o), strings.Replace(want, "1 completed, 0 rejected", "0 completed, 0 rejected, 1 before", 1))
		// Of several sheets, one is meant.
		h.export(taka)
		one := answerHead + unsent.ID + ",paid,9,B9,\n"
		h.reports(h.imports("one.csv", one, payout.AnswerOptions{Sheet: 1, ID: "row"}), "0 completed, 0 rejected; line 2 other_sheet")
		h.reports(h.imports("two.csv", one, payout.AnswerOptions{Sheet: 2, ID: "row"}), "1 completed, 0 rejected")
		_, err := h.ImportAnswers(ctx, nadia, "three.csv", strings.NewReader(one), payout.AnswerOptions{Sheet: 3})
		wants(t, err, fault.FieldMalformed)
		var faults payout.AnswerFaults
		if _, err := h.ImportAnswers(ctx, nadia, "x.csv", strings.NewReader("a,b\n"), o); !errors.As(err, &faults) {
			t.Error(err)
		}
		if _, err := h.ImportAnswers(ctx, merchant.Actor{}, "x.csv", strings.NewReader(one), o); err == nil {
			t.Error("nobody imported a file")
		}
	})
}

// answers is a file that completes the first rows of sheet 1, each of 1.00.
func answers(rows int) string {
	var b strings.Builder
	b.WriteString(answerHead)
	for n := range rows {
		fmt.Fprintf(&b, "S1-%d,paid,1.00,B%d,\n", n+1, n+1)
	}
	return b.String()
}

// paidOut is what the merchants have paid out in all.
func (h *house) paidOut() (sum int64) {
	h.t.Helper()
	list, err := h.merchants.List(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, m := range list {
		f, err := ledger.Read(ctx, h.db, ledger.Account{Owner: m.Owner, Currency: "BDT", Kind: ledger.Payouts})
		if err != nil {
			h.t.Fatal(err)
		}
		sum += f.Balance()
	}
	return sum
}

func TestFilesImportedAtOnceDecideEachPayoutOnce(t *testing.T) {
	const all = 1100 // more than two slices
	each(t, func(h *house) {
		h.many(all)
		h.export(payout.ExportOptions{Currency: "BDT", Most: all})
		files := []string{answers(all), answers(all), answers(all) + "\n", answers(700)}
		reports := make([]payout.AnswerReport, len(files))
		var at sync.WaitGroup
		for n, text := range files {
			node := h.second()
			at.Go(func() {
				var err error
				if reports[n], err = node.ImportAnswers(ctx, nadia, fmt.Sprint(n), strings.NewReader(text), payout.AnswerOptions{}); err != nil {
					t.Error(err)
				}
			})
		}
		at.Wait()
		total := int64(0)
		for n, r := range reports {
			total += r.Completed
			for _, p := range r.Problems {
				if p.Cause != payout.AnswerBefore {
					t.Errorf("%d: %+v", n, p)
				}
			}
		}
		if total != all || h.paidOut() != all*100 {
			t.Errorf("%d were completed and %d went out, want %d", total, h.paidOut(), all)
		}
	})
}

func TestAnImportThatStoppedInTheMiddleGoesOn(t *testing.T) {
	const all = 1100
	each(t, func(h *house) {
		h.many(all)
		h.export(payout.ExportOptions{Currency: "BDT", Most: all})
		_, err := h.ImportAnswers(&stopping{Context: ctx, left: 1}, nadia, "a.csv", strings.NewReader(answers(all)), payout.AnswerOptions{})
		if err == nil || err.Error() != "stopped" {
			t.Fatal(err)
		}
		h.proved()
		if got := h.paidOut(); got == 0 || got >= all*100 {
			t.Fatalf("%d went out", got)
		}
		done := h.paidOut() / 100
		r := h.imports("a.csv", answers(all), payout.AnswerOptions{})
		if !r.Again || r.Before != done || r.Completed != all-done || !r.Clean() || r.File.Completed != all || r.File.Status != payout.AnswerDone {
			t.Errorf("%s after %d", answerWords(r), done)
		}
		if h.paidOut() != all*100 {
			t.Errorf("%d went out", h.paidOut())
		}
	})
}

func TestWhatWasDoneWhenACommitWasNotAnsweredIsDoneOnce(t *testing.T) {
	url, lose := pgtest.Lossy(t, storetest.URL(t, store.Postgres))
	fake := clock.NewFake(start)
	h := open(t, storetest.Open(t, url, fake), fake)
	const all = 600
	h.many(all)
	lose()
	sheet := h.export(payout.ExportOptions{Currency: "BDT", Most: all})
	if sheet.Lines != all || sheet.Number != 1 || sheet.Status != payout.SheetClosed || len(h.deskRows(sheet)) != all {
		t.Errorf("%+v", sheet)
	}
	o := payout.AnswerOptions{Progress: func(int, int) { lose() }}
	lose()
	r := h.imports("a.csv", answers(all), o)
	if r.Again || r.Completed != all || r.Before != 0 || !r.Clean() || r.CompletedSums["BDT"] != all*100 || r.File.Completed != all {
		t.Errorf("%s: %+v", answerWords(r), r.File)
	}
	if d := cmp.Diff("payout_answer.begun payout_answer.posted payout_answer.posted payout_answer.ended", h.deskTold(payout.AnswerKind)); d != "" {
		t.Error(d)
	}
	if h.paidOut() != all*100 {
		t.Errorf("%d went out", h.paidOut())
	}
	h.proved()
}
