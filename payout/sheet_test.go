package payout_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sarraf/merchant"
	"sarraf/payout"
)

// printed is a sheet with a payout of every sort on it.
func printed() (payout.Sheet, []payout.Payout) {
	sheet := payout.Sheet{Owner: merchant.House, ID: "s", Number: 17, Mode: merchant.Live, Currency: "BDT", Status: payout.SheetClosed}
	rows := []payout.Payout{
		{
			Owner: "m-1", ID: "018f0000-0000-7000-8000-000000000001", Kind: payout.KindPayout, Merchant: "m-1", Number: "41000000000017", Reference: "salary-7",
			MethodKind: "bkash", RecipientName: "Rahim Uddin", Destination: "+8801712345678", Amount: 150050, Currency: "BDT", Description: "March",
		},
		{
			Owner: "m-1", ID: "018f0000-0000-7000-8000-000000000002", Kind: payout.KindPayout, Merchant: "m-1", MethodKind: "bank_bd",
			RecipientName: `=HYPERLINK("http://evil.example","রহিম")`, Destination: "123456789/0012345678901", Amount: 5, Currency: "BDT",
			Reference: "@SUM(1)", Description: "-1, \"quoted\"\r\nand a second line",
		},
		{
			Owner: "w-1", ID: "018f0000-0000-7000-8000-000000000003", Kind: payout.KindWithdrawal, Merchant: "m-2", MethodKind: "nagad",
			RecipientName: "+cmd|' /C calc'!A0", Destination: "+8801812345678", Amount: 100_000_000_000, Currency: "BDT", Description: "  =1+1",
		},
		{
			Owner: "m-1", ID: "018f0000-0000-7000-8000-000000000004", Kind: payout.KindRefund, Merchant: "m-1", RecipientName: "-Zoë", Amount: 100, Currency: "BDT",
			PaymentReference: "\t=bank/1", Description: "\uff1d1",
		},
	}
	return sheet, rows
}

func TestASheetIsPrintedAsBanksAndSpreadsheetsReadIt(t *testing.T) {
	var out bytes.Buffer
	sheet, rows := printed()
	if err := payout.WriteSheetCSV(&out, sheet, rows); err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/sheet.csv")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(golden), out.String()); d != "" {
		t.Errorf("the sheet differs from testdata/sheet.csv:\n%s", d)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("the pipe is gone") }

func TestASheetThatCannotBePrintedSaysSo(t *testing.T) {
	sheet, rows := printed()
	if err := payout.WriteSheetCSV(broken{}, sheet, rows); err == nil {
		t.Error("it was printed into nothing")
	}
}

func TestNoTextOfPeoplesIsAFormulaOnASheet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string) string {
			return rapid.OneOf(rapid.String(), rapid.StringMatching(`[\t\r\n ]*[=+\-@]{1,2}[ -~]{0,10}`)).Draw(t, name)
		}
		sheet, _ := printed()
		row := payout.Payout{
			ID: "018f0000-0000-7000-8000-000000000001", Kind: payout.KindPayout, RecipientName: text("name"), Reference: text("reference"),
			Description: text("note"), PaymentReference: text("payment"), Destination: "+8801712345678", Amount: 1, Currency: "BDT",
		}
		var out bytes.Buffer
		if err := payout.WriteSheetCSV(&out, sheet, []payout.Payout{row}); err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(&out).ReadAll()
		if err != nil || len(records) != 2 || len(records[1]) != len(payout.SheetColumns) {
			t.Fatalf("%v %q", err, records)
		}
		for n, c := range records[1] {
			if payout.SheetColumns[n] == "destination" {
				continue // it is ours: an E.164 number, an IBAN or two numbers
			}
			if c = strings.TrimSpace(c); c != "" && strings.ContainsRune("=+-@\uff1d\uff0b\uff0d\uff20\t\r\n", []rune(c)[0]) {
				t.Errorf("%s is %q", payout.SheetColumns[n], c)
			}
		}
	})
}

func TestRowsOfSheetsHaveNames(t *testing.T) {
	sheet, _ := printed()
	for text, want := range map[string][2]int64{sheet.RowName(42): {17, 42}, "s1-1": {1, 1}} {
		if number, row, ok := payout.ParseRowName(text); !ok || [2]int64{number, row} != want {
			t.Errorf("%s: %d %d %v", text, number, row, ok)
		}
	}
	for _, text := range []string{"", "S", "S-", "S1", "S1-", "S-1", "S0-1", "S1-0", "S01-1", "17-42", "S1-1-1", "S1-x", "S99999999999999999999-1", "S1-99999999999999999999"} {
		if number, row, ok := payout.ParseRowName(text); ok {
			t.Errorf("%q is %d %d", text, number, row)
		}
	}
}

func read(t *testing.T, text string, o payout.AnswerOptions) []payout.AnswerRow {
	t.Helper()
	rows, err := payout.ReadAnswers(strings.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestOurOwnSheetIsReadWithItsLastColumnsFilledIn(t *testing.T) {
	var out bytes.Buffer
	sheet, rows := printed()
	if err := payout.WriteSheetCSV(&out, sheet, rows); err != nil {
		t.Fatal(err)
	}
	filled := []string{"Completed,TX 1,", "failed,,no such account", ",,", "Processing,,"}
	lines := strings.SplitAfter(out.String(), "\r\n")
	for n, f := range filled {
		at := n + 1
		lines[at] = strings.TrimSuffix(lines[at], ",,\r\n") + f + "\r\n"
	}
	got := read(t, "\ufeff"+strings.Join(lines, ""), payout.AnswerOptions{})
	want := []payout.AnswerRow{
		{Line: 2, ID: rows[0].ID, Result: "Completed", Outcome: payout.Completed, Amount: "1500.50", Currency: "BDT", Reference: "TX 1"},
		{Line: 3, ID: rows[1].ID, Result: "failed", Outcome: payout.Rejected, Amount: "0.05", Currency: "BDT", Reason: "no such account"},
		{Line: 4, ID: rows[2].ID, Amount: "1000000000.00", Currency: "BDT"},
		{Line: 5, ID: rows[3].ID, Result: "Processing", Amount: "1.00", Currency: "BDT"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestABanksOwnFileIsReadByTheColumnsThatAreNamed(t *testing.T) {
	text := "Bank One;;;\nStatement of 9 February\n\nTXN No;Customer Ref;Amt (BDT);Txn-Status\n" +
		"B1;S17-1; 1,500.50 ;PAID  OUT\n;;;\n\"B\n2\";S17-2;5;Bounced\nB3;S17-3;7;who knows\nB4;;8;paid out\nB5;S17-5\nTotal;;1520.50;\n"
	o := payout.AnswerOptions{
		ID: "customer_ref", Result: "txn status", Amount: "3", Reference: "TXN NO", Completed: []string{"Paid out"}, Rejected: []string{"bounced", "closed"}, Skip: 2,
	}
	got := read(t, text, o)
	want := []payout.AnswerRow{
		{Line: 5, ID: "S17-1", Result: "PAID  OUT", Outcome: payout.Completed, Amount: "1,500.50", Reference: "B1"},
		{Line: 7, ID: "S17-2", Result: "Bounced", Outcome: payout.Rejected, Amount: "5", Reference: "B\n2", Problem: "the reference is longer than 200 characters, or has control characters"},
		{Line: 9, ID: "S17-3", Result: "who knows", Amount: "7", Reference: "B3", Problem: `the result "who knows" is none of those that mean completed or rejected`},
		{Line: 10, Result: "paid out", Outcome: payout.Completed, Amount: "8", Reference: "B4", Problem: "it does not say which payout it is of"},
		{Line: 11, ID: "S17-5", Reference: "B5"},
		{Line: 12, Amount: "1520.50", Reference: "Total"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	// Without a header, and with another separator.
	got = read(t, "S17-1|paid|10\n", payout.AnswerOptions{ID: "1", Result: "2", Amount: "3", NoHeader: true})
	if want := []payout.AnswerRow{{Line: 1, ID: "S17-1", Result: "paid", Outcome: payout.Completed, Amount: "10"}}; !cmp.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	got = read(t, "row,result,amount\nS17-1,paid,10\n", payout.AnswerOptions{Comma: ','})
	if want := []payout.AnswerRow{{Line: 2, ID: "S17-1", Result: "paid", Outcome: payout.Completed, Amount: "10"}}; !cmp.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestAFileOfAnswersThatCannotBeReadIsRefusedWhole(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		o    payout.AnswerOptions
		want string
	}{
		"empty":             {"", payout.AnswerOptions{}, "the file is empty"},
		"blank":             {"\n\n , \n", payout.AnswerOptions{}, "the file is empty"},
		"UTF-16":            {"\xff\xfep\x00", payout.AnswerOptions{}, "UTF-16"},
		"a spreadsheet":     {"PK\x03\x04", payout.AnswerOptions{}, "spreadsheet"},
		"binary":            {"payout\nx\x00", payout.AnswerOptions{}, "line 2: here is no text in UTF-8"},
		"latin 1":           {"payout\nZo\xeb", payout.AnswerOptions{}, "line 2: here is no text in UTF-8"},
		"no columns":        {"a,b\n", payout.AnswerOptions{}, "no column payout or row: say which one is the id\nline 1: no column result: say which one is the result"},
		"no such column":    {"payout,result,amount\n", payout.AnswerOptions{Reference: "UTR"}, `line 1: there is no column "UTR" among the 3`},
		"beyond":            {"payout,result,amount\n", payout.AnswerOptions{Amount: "4"}, `there is no column "4" among the 3`},
		"twice":             {"payout,result,Result,amount\n", payout.AnswerOptions{}, `the column "result" is there 2 times`},
		"quotes":            {"payout,result,amount\n\"a,b\n", payout.AnswerOptions{}, "line 2"},
		"skipped":           {"a\nb", payout.AnswerOptions{Skip: 2}, "no more than the 2 lines"},
		"one word for both": {"payout,result,amount\n", payout.AnswerOptions{Completed: []string{"OK"}, Rejected: []string{"ok"}}, "cannot mean both"},
	} {
		rows, err := payout.ReadAnswers(strings.NewReader(c.text), c.o)
		var faults payout.AnswerFaults
		if !errors.As(err, &faults) || !strings.Contains(err.Error(), c.want) || len(rows) > 0 {
			t.Errorf("%s: %v, %v; want %q", name, rows, err, c.want)
		}
	}
}

func FuzzReadAnswers(f *testing.F) {
	f.Add("payout,result,amount\nx,paid,1\n", 0, false)
	f.Add("a;b\n1;\"2\n", 1, true)
	f.Fuzz(func(t *testing.T, text string, skip int, bare bool) {
		o := payout.AnswerOptions{Skip: max(skip%4, 0), NoHeader: bare}
		if bare {
			o.ID, o.Result, o.Amount = "1", "2", "3"
		}
		rows, err := payout.ReadAnswers(strings.NewReader(text), o)
		if err != nil && len(rows) > 0 {
			t.Errorf("%d rows and %v", len(rows), err)
		}
		last := int64(0)
		for _, r := range rows {
			if r.Line <= last {
				t.Errorf("line %d after %d", r.Line, last)
			}
			last = r.Line
		}
	})
}
