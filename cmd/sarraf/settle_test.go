package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sarraf/internal/clock"
	"sarraf/internal/crashtest"
	"sarraf/internal/id"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
	"sarraf/store"
)

const settleHead = "channel,bank_mnemonic,consumer_number,tran_auth_id,tran_date,tran_time,transaction_amount,charges,identification_parameter\n"

// banked is a bill that was paid over channel "hbl", as the bank's file has it.
type banked struct {
	reference, number string
	cells             []string
}

func (b banked) line(change ...string) string {
	cells := slices.Clone(b.cells)
	for i := 0; i < len(change); i += 2 {
		cells[slices.Index(strings.Split(strings.TrimSpace(settleHead), ","), change[i])] = change[i+1]
	}
	return strings.Join(cells, ",") + "\n"
}

// bank pays a bill of the merchant of so many paisas; its transaction has the number and is of today.
func (d *demo) bank(owner string, number int, minor int64) banked {
	d.t.Helper()
	made, err := d.app.invoices.CreateBill(d.t.Context(), invoice.NewBill{Invoice: invoice.Invoice{
		Owner: owner, ID: id.New(clock.System{}), Door: "asaanbill", Number: fmt.Sprint(owner, number), Kind: invoice.Bill, Payer: fmt.Sprint("P", number),
		Title: "Fee", Amount: minor, Currency: money.PKR, Extra: "{}",
	}}, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	psid, auth, day := made.Invoice.PSID, fmt.Sprintf("%06d", number), settleDay(0)
	b := banked{reference: "hbl/HBL/" + psid + "/" + auth + "/" + day + "/101500"}
	receipt, err := payment.NewBiller(d.app.payments, d.app.invoices, d.app.merchants).PayBill(d.t.Context(), rail.BillPayment{
		Rail: "billpay", Reference: b.reference, PSID: psid, Amount: money.Of(minor, money.PKR), At: time.Now(), Sandbox: true,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	b.number = receipt.Number
	b.cells = []string{"hbl", "HBL", psid, auth, day, "101500", fmt.Sprintf("%012d", minor), "", receipt.Number}
	return b
}

// settleDay is a day in Karachi, so many days from today.
func settleDay(days int) string {
	return clock.In(time.Now().AddDate(0, 0, days), "Asia/Karachi").Format("20060102")
}

// owner is the demo's merchant.
func (d *demo) owner() string {
	d.t.Helper()
	m, _, err := d.app.merchants.Authenticate(d.t.Context(), "native", "", d.line.Native.APIKey)
	if err != nil {
		d.t.Fatal(err)
	}
	return m.Owner
}

func writeFile(t *testing.T, name string, parts ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(strings.Join(parts, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// settled runs settle on a file with --json and answers its status and what it printed.
func settled(t *testing.T, dsn string, args ...string) (int, settleAnswer) {
	t.Helper()
	code, out, errs := command(t, append([]string{"settle", "--rail", "billpay", "--json", "--database", dsn}, args...)...)
	var a settleAnswer
	if err := json.Unmarshal([]byte(out), &a); err != nil {
		t.Fatalf("settle %v: %d %v\n%s%s", args, code, err, out, errs)
	}
	return code, a
}

func (a settleAnswer) causes() string {
	var list []string
	for _, p := range a.Problem {
		list = append(list, fmt.Sprintf("%s %d", p.Cause, p.Line))
	}
	return strings.Join(list, ", ")
}

func TestABanksFileIsSettledWhileServing(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		owner := d.owner()
		a, b := d.bank(owner, 1, 250_000), d.bank(owner, 2, 99_950)
		file := writeFile(t, "feb 09.csv", "\ufeff", settleHead, a.line("charges", "15.00"), b.line(), "trailer,2,3499.50,1500\n")
		code, out, errs := command(t, "settle", "--database", dsn, "--dry-run", file)
		if code != 0 || !strings.Contains(out, "Nothing was changed. Would be settled: 2 of 3499.50, charges 15.00, to the bank account 3484.50.") {
			t.Errorf("dry run: %d %s%s", code, out, errs)
		}
		code, first := settled(t, dsn, file)
		now := settledSums{Lines: 2, Amount: "3499.50", Charges: "15.00", Bank: "3484.50"}
		if code != 0 || !first.Clean || first.Again || first.Now != now || first.File.Settled != now || first.File.Says != now || first.File.Name != "feb 09.csv" {
			t.Errorf("%d %+v", code, first)
		}
		code, out, errs = command(t, "settle", "--database", dsn, file)
		want := "'feb 09.csv', billpay: 2 lines of 3499.50 PKR, charges 15.00. It was imported before.\n" +
			"Settled now: 0 of 0.00, charges 0.00, to the bank account 0.00. By this file before: 2.\n" +
			"All of it agrees with the books, and it lacks nothing of the days it covers.\n"
		if code != 0 || out != want || errs != "" {
			t.Errorf("again: %d %q %s", code, out, errs)
		}
		list := mustRun(t, "settle", "--list", "--database", dsn)
		if !strings.Contains(list, first.File.ID) || !strings.Contains(list, "'feb 09.csv'") || !strings.Contains(list, "done") {
			t.Errorf("list: %s", list)
		}
		var files struct{ Files []settledFile }
		if err := json.Unmarshal([]byte(mustRun(t, "settle", "--list", "--json", "--database", dsn)), &files); err != nil || len(files.Files) != 1 ||
			files.Files[0] != first.File {
			t.Errorf("list: %v, %+v", err, files)
		}
		if code := d.stop(); code != 0 {
			t.Errorf("status %d", code)
		}
		proveClean(t, dsn)
		settlementIsExplained(t, dsn, owner, a, first.File)
	})
}

// settlementIsExplained asks for a payment that was settled, by everything that leads to it.
func settlementIsExplained(t *testing.T, dsn, owner string, b banked, f settledFile) {
	t.Helper()
	code, e := explained(t, dsn, b.reference)
	if code != 0 || len(e.Found) != 1 || len(e.Found[0].Payments) != 1 || e.Found[0].Payments[0].Settled == nil || len(e.Found[0].Missing) > 0 {
		t.Fatalf("%d %+v", code, e)
	}
	found := e.Found[0]
	by := found.Payments[0].Settled
	if by.File != f.ID || by.Name != f.Name || by.Line != 2 || by.Charges != "15.00" {
		t.Errorf("settled: %+v", by)
	}
	kinds, whole := map[string]int{}, true
	charges, number := "", int64(0)
	for _, tr := range found.Transfers {
		kinds[tr.Kind]++
		whole = whole && tr.From.Entry > 0 && tr.To.Entry > 0
		if tr.Kind == "clearing_charges" {
			charges = tr.ID
		}
	}
	if kinds["settlement"] != 1 || kinds["clearing_settlement"] != 1 || kinds["clearing_charges"] != 1 || len(found.Transfers) != 3 || !whole {
		t.Errorf("transfers: %+v", found.Transfers)
	}
	for _, ev := range found.Events {
		if ev.Type == "payment.settled" {
			number = ev.Number
		}
	}
	if number == 0 {
		t.Errorf("events: %+v", found.Events)
	}
	for _, text := range []string{by.Transfer, charges, fmt.Sprintf("%s/%d", owner, number)} {
		if code, e := explained(t, dsn, text); code != 0 || len(e.Found) != 1 || e.Found[0].ID != found.ID {
			t.Errorf("%s: %d %+v", text, code, e)
		}
	}
	story := mustRun(t, "explain", "--database", dsn, b.reference)
	for _, want := range []string{"settled by line 2 of 'feb", "charges 15.00 PKR", "house/sandbox/bank/billpay of house", "payment.settled"} {
		if !strings.Contains(story, want) {
			t.Errorf("the story lacks %q: %s", want, story)
		}
	}
}

func TestWhatABanksFileAndTheBooksDisagreeAboutIsToldByStatusOne(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		owner := d.owner()
		a, b, c, gone := d.bank(owner, 1, 100_000), d.bank(owner, 2, 200_000), d.bank(owner, 3, 300_000), d.bank(owner, 4, 400_000)
		if code, _ := settled(t, dsn, writeFile(t, "first.csv", settleHead, a.line(), b.line(), c.line(), gone.line())); code != 0 {
			t.Fatalf("status %d", code)
		}
		e, f, g := d.bank(owner, 5, 500_000), d.bank(owner, 6, 600_000), d.bank(owner, 7, 700_000)
		second := writeFile(t, "second.csv", settleHead, a.line(), e.line("transaction_amount", "4999.99"), e.line(),
			f.line("tran_auth_id", "999999"), "hbl,HBL,1,1,"+settleDay(0)+",101500,1.00,,\n")
		code, answer := settled(t, dsn, second)
		if want := "settled_before 2, amount_differs 3, repeated 4, not_in_our_books 5, not_in_our_books 6, not_in_the_file 0, not_in_the_file 0"; code != exitFailed ||
			answer.Clean || answer.causes() != want {
			t.Fatalf("%d %s", code, answer.causes())
		}
		p := answer.Problem
		if p[0].OtherFile != "first.csv" || p[0].OtherLine != 2 || p[1].Amount != "4999.99" || p[1].Booked != "5000.00" || p[2].OtherLine != 3 ||
			len(p[3].Named) != 1 || p[3].Receipt != f.number || p[5].References[0] != f.reference || p[6].References[0] != g.reference || p[6].Merchant != owner {
			t.Errorf("%+v", p)
		}
		code, out, _ := command(t, "settle", "--database", dsn, second)
		for _, want := range []string{
			"To look at, and not posted: 7.", "line 2 of first.csv", "as line 3", "receipt " + f.number + " is of payment " + p[3].Named[0], "not_in_the_file",
		} {
			if code != exitFailed || !strings.Contains(out, want) {
				t.Errorf("%d, no %q in %s", code, want, out)
			}
		}
		third := writeFile(t, "third.csv", settleHead, e.line(), f.line(), g.line())
		if code, answer := settled(t, dsn, third); code != 0 || answer.Now.Lines != 3 {
			t.Errorf("a later file: %d %+v", code, answer)
		}
		if code := d.stop(); code != 0 {
			t.Errorf("status %d", code)
		}
		proveClean(t, dsn)
	})
}

func TestWhatIsOutstandingIsListedByStatusOne(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		a, b := d.bank(d.owner(), 1, 100_000), d.bank(d.owner(), 2, 200_000)
		ask := func(args ...string) (int, string) {
			code, out, _ := command(t, append([]string{"settle", "--outstanding", "--database", dsn}, args...)...)
			return code, out
		}
		if code, out := ask("--sandbox"); code != 0 || !strings.Contains(out, "3000.00 PKR is owed for all receipts; 0 of them, 0.00, are older than 48h0m0s") {
			t.Errorf("young ones: %d %s", code, out)
		}
		if code, out := ask("--older", "0s"); code != 0 || !strings.Contains(out, "0.00 PKR is owed") {
			t.Errorf("live ones: %d %s", code, out)
		}
		code, out := ask("--sandbox", "--older", "0s", "--limit", "1")
		if code != exitFailed || !strings.Contains(out, "2 of them, 3000.00") || !strings.Contains(out, b.reference) || strings.Contains(out, a.reference) ||
			!strings.Contains(out, "and 1 more") {
			t.Errorf("%d %s", code, out)
		}
		if code, _ := settled(t, dsn, writeFile(t, "a.csv", settleHead, b.line())); code != exitFailed {
			t.Errorf("status %d", code)
		}
		code, out = ask("--sandbox", "--older", "0s", "--json")
		var answer outstandingAnswer
		if err := json.Unmarshal([]byte(out), &answer); err != nil || code != exitFailed || answer.Count != 1 || answer.All != "1000.00" ||
			len(answer.Receipts) != 1 || answer.Receipts[0].Reference != a.reference || answer.Receipts[0].Channel != "hbl" {
			t.Errorf("%d %v %s", code, err, out)
		}
		if _, err := d.app.merchants.AddChannel(t.Context(), actor(), rail.Channel{ID: "hbl", Name: "HBL", Username: "hbl", Prefixes: []string{"9999"}}, ""); err != nil {
			t.Fatal(err)
		}
		empty := writeFile(t, "empty.csv", settleHead)
		if code, answer := settled(t, dsn, empty); code != 0 || !answer.Clean {
			t.Errorf("an empty file: %d %+v", code, answer)
		}
		if code, answer := settled(t, dsn, empty, "--channel", "hbl", "--day", settleDay(0)+","+settleDay(-1)); code != exitFailed ||
			answer.causes() != "not_in_the_file 0" {
			t.Errorf("an empty file for the day: %d %+v", code, answer)
		}
	})
}

func TestAFileMayLackTheChannelAndTheAggregatorsPrefix(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		c := rail.Channel{ID: "hbl", Name: "HBL", Username: "hbl", Prefixes: []string{demoPrefix}}
		if _, err := d.app.merchants.AddChannel(t.Context(), actor(), c, ""); err != nil {
			t.Fatal(err)
		}
		b := d.bank(d.owner(), 1, 100_000)
		line := b.line("consumer_number", strings.TrimPrefix(b.cells[2], demoPrefix))
		_, head, _ := strings.Cut(settleHead, ",")
		_, line, _ = strings.Cut(line, ",")
		file := writeFile(t, "a.csv", head, line)
		if code, _, errs := command(t, "settle", "--database", dsn, file); code != exitUsage || !strings.Contains(errs, "there is no column channel") {
			t.Errorf("without a channel: %d %s", code, errs)
		}
		if code, answer := settled(t, dsn, "--channel", "hbl", file); code != 0 || answer.Now.Lines != 1 {
			t.Errorf("%d %+v", code, answer)
		}
	})
}

func TestSettleRefusesWhatItCannotRead(t *testing.T) {
	dsn := storetest.URL(t, store.SQLite)
	t.Setenv("SARRAF_KEY", random32())
	mustRun(t, "migrate", "--database", dsn)
	mustRun(t, "channel", "add", "hbl", "--name", "HBL", "--username", "hbl", "--database", dsn)
	good := writeFile(t, "good.csv", settleHead)
	for _, args := range [][]string{
		{},
		{good, "--list"},
		{"--list", "--outstanding"},
		{"--list", "--dry-run"},
		{"--outstanding", "--channel", "hbl"},
		{"--outstanding", "--older", "-1h"},
		{"--list", "--limit", "0"},
		{good, "--rail", "sandbox"},
		{good, "--day", "2026-02-09"},
		{good, "--channel", "hbl", "--day", "soon"},
		{good, "--channel", "nobody"},
		{good, "--channel", "nobody", "--day", "2026-02-09"},
		{filepath.Join(t.TempDir(), "none.csv")},
		{t.TempDir()},
	} {
		code, out, errs := command(t, append([]string{"settle", "--database", dsn}, args...)...)
		if code != exitUsage || errs == "" || out != "" {
			t.Errorf("%v: status %d, out %q, err %q", args, code, out, errs)
		}
	}
	code, out, errs := command(t, "settle", "--database", dsn, writeFile(t, "bad.csv", settleHead, "hbl,HBL,x,1,20260209,101500,1,,\nhbl,HBL,1,1,soon,101500,1,,\n"))
	for _, want := range []string{"bad.csv cannot be read, and nothing of it was settled", "line 2, column 9: want a consumer number", "line 3, column 13: want a day"} {
		if code != exitUsage || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%d, no %q in %s%s", code, want, out, errs)
		}
	}
}

func TestOneFileSettledByTwoOperatorsAtOnceIsSettledOnce(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		owner := d.owner()
		parts := []string{settleHead}
		for n := range 60 {
			parts = append(parts, d.bank(owner, n, 1000).line())
		}
		file := writeFile(t, "a.csv", parts...)
		answers, codes := make([]settleAnswer, 2), make([]int, 2)
		var both sync.WaitGroup
		for n := range 2 {
			both.Go(func() { codes[n], answers[n] = settled(t, dsn, file) })
		}
		both.Wait()
		if codes[0] != 0 || codes[1] != 0 || answers[0].Now.Lines+answers[1].Now.Lines != 60 || answers[0].File.ID != answers[1].File.ID {
			t.Errorf("%v %+v", codes, answers)
		}
		if code := d.stop(); code != 0 {
			t.Errorf("status %d", code)
		}
		proveClean(t, dsn)
	})
}

// The real binary, killed in the middle of a long file.
func TestAnImportThatWasKilledGoesOn(t *testing.T) {
	bin := crashtest.Binary(t)
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		owner := d.owner()
		const all, every = 11_000, 250
		parts := []string{settleHead}
		day := settleDay(0)
		for n := range all {
			if n%every == 0 {
				parts = append(parts, d.bank(owner, n, 1000).line())
				continue
			}
			parts = append(parts, fmt.Sprintf("hbl,HBL,%d,%d,%s,101500,1000,,\n", n, n, day))
		}
		file := writeFile(t, "long.csv", parts...)
		cmd := exec.Command(bin, "settle", "--database", dsn, file)
		said, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(said).ReadString('\n'); line != "5000 of 11000 lines\n" {
			t.Errorf("it says %q, %v", line, err)
		}
		_ = cmd.Process.Kill() // it may have ended by itself: then the file is done
		_ = cmd.Wait()
		code, answer := settled(t, dsn, file)
		if code != exitFailed || answer.Before < 20 || answer.Now.Lines+answer.Before != all/every || answer.File.Settled.Lines != all/every || !answer.Again {
			t.Errorf("%d: %d now, %d before: %+v", code, answer.Now.Lines, answer.Before, answer.File)
		}
		if code := d.stop(); code != 0 {
			t.Errorf("status %d", code)
		}
		proveClean(t, dsn)
	})
}
