package payout_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sarraf/fault"
	"sarraf/money"
	"sarraf/payout"
)

// methods are a merchant's: two of one kind, one of another that is switched off.
var methods = []payout.Method{
	{Number: 1, Kind: "bkash", Currency: money.BDT},
	{Number: 2, Kind: "bank_bd", Currency: money.BDT},
	{Number: 3, Kind: "bank_bd", Currency: money.BDT},
	{Number: 4, Kind: "nagad", Currency: money.BDT, Disabled: true},
}

const csvHeader = "method,amount,recipient_name,recipient_account,reference,description\n"

// faultsOf are the faults as text, without their limits and lists.
func faultsOf(err error) (list []string) {
	for _, f := range fault.All(err) {
		text := string(f.Code)
		if f.Field != "" {
			text += " on " + f.Field
		}
		if f.Params["line"] != "" {
			text += " at " + f.Params["line"] + ":" + f.Params["column"]
		}
		list = append(list, text)
	}
	return list
}

func TestEveryFormInWhichASpreadsheetSavesAListIsRead(t *testing.T) {
	want := []payout.New{
		{Method: 1, Amount: money.Of(1500_50, "BDT"), RecipientName: "Khatun, Rahima", Account: "01712345678", Reference: "S-1", Description: `May "2026"`},
		{Method: 2, Amount: money.Of(20_00, "BDT"), RecipientName: "খাতুন", Account: "070123456/1234567890"},
	}
	comma := csvHeader + `bkash,1500.50,"Khatun, Rahima",01712345678,S-1,"May ""2026"""` + "\n2,20,খাতুন,070123456/1234567890,,\n"
	semicolon := "method;amount;recipient_name;recipient_account;reference;description\n" + `1;1.500,50;Khatun, Rahima;01712345678;S-1;"May ""2026"""` +
		"\n2;20,00;খাতুন;070123456/1234567890\n"
	for name, text := range map[string]string{
		"plain":                     comma,
		"a byte order mark":         "\ufeff" + comma,
		"CRLF":                      strings.ReplaceAll(comma, "\n", "\r\n"),
		"no last line break":        strings.TrimSuffix(comma, "\n"),
		"semicolons":                semicolon,
		"tabs":                      strings.ReplaceAll(semicolon, ";", "\t"),
		"sep=":                      "\ufeffsep=;\r\n" + strings.ReplaceAll(semicolon, "\n", "\r\n"),
		"sep= a tab":                "sep=\t\n" + strings.ReplaceAll(semicolon, ";", "\t"),
		"empty rows and columns":    strings.ReplaceAll(comma, "\n", ",,\n,,,,\n\n"),
		"capital letters, spaces":   strings.Replace(comma, strings.TrimSpace(csvHeader), " Method ,AMOUNT,Recipient Name,Recipient account,Reference,Description", 1),
		"grouped, no-break spaces":  strings.Replace(comma, "1500.50", "\"\u00a01,500.50\u00a0\"", 1),
		"quotation marks around it": strings.Replace(comma, "bkash,1500.50", `"BKASH","1500.50"`, 1),
		"another order": "recipient_account,description,amount,reference,method,recipient_name\n" +
			`01712345678,"May ""2026""",1500.50,S-1,1,"Khatun, Rahima"` + "\n070123456/1234567890,,20.00,,2,খাতুন\n",
	} {
		for kind, r := range map[string]io.Reader{"at once": strings.NewReader(text), "bit by bit": iotest.OneByteReader(strings.NewReader(text))} {
			list, err := payout.ReadBatchCSV(r, methods)
			if d := cmp.Diff(want, list); d != "" || err != nil {
				t.Errorf("%s, %s: %v %s", name, kind, err, d)
			}
		}
	}
}

func TestCellsThatLookLikeFormulasAreTexts(t *testing.T) {
	for _, cell := range []string{"=1+1", "+8801712345678", "-5", "@SUM(A1)", "=HYPERLINK(\"http://x\")", "'01712345678", "%s", "=cmd|' /C calc'!A0"} {
		quoted := `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
		list, err := payout.ReadBatchCSV(strings.NewReader(csvHeader+"1,5,"+quoted+","+quoted+","+quoted+","+quoted), methods)
		want := []payout.New{{Method: 1, Amount: money.Of(5_00, "BDT"), RecipientName: cell, Account: cell, Reference: cell, Description: cell}}
		if d := cmp.Diff(want, list); d != "" || err != nil {
			t.Errorf("%s: %v %s", cell, err, d)
		}
	}
}

func TestEveryFaultOfAListIsToldWithItsLineAndColumn(t *testing.T) {
	good := "1,5,A,01712345678,,\n"
	long := strings.Repeat("ط", 300)
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"nothing":             {"", []string{"field_required on payouts"}},
		"blank":               {"\n\n", []string{"field_required on payouts"}},
		"a header alone":      {csvHeader, []string{"field_required on payouts"}},
		"no header":           {good, []string{"field_not_one_of on header at 1:1", "field_not_one_of on header at 1:2", "field_not_one_of on header at 1:3", "field_not_one_of on header at 1:4", "field_required on method at 1:", "field_required on amount at 1:", "field_required on recipient_name at 1:", "field_required on recipient_account at 1:"}},
		"a column is missing": {"method,amount,recipient_name\n1,5,A\n", []string{"field_required on recipient_account at 1:"}},
		"a misspelt one":      {strings.Replace(csvHeader, "reference", "ref", 1) + good, []string{"field_not_one_of on header at 1:5"}},
		"one twice":           {strings.Replace(csvHeader, "description", "amount", 1) + good, []string{"field_malformed on amount at 1:6"}},
		"another separator":   {strings.ReplaceAll(csvHeader, ",", "|"), []string{"field_not_one_of on header at 1:1", "field_required on method at 1:", "field_required on amount at 1:", "field_required on recipient_name at 1:", "field_required on recipient_account at 1:"}},
		"cells":               {csvHeader + good + "1,,\t,x\n\n,1,A,\n", []string{"field_required on amount at 3:2", "field_required on recipient_name at 3:3", "field_required on method at 5:1", "field_required on recipient_account at 5:4"}},
		"a row that ends":     {csvHeader + "1,5\n", []string{"field_required on recipient_name at 2:", "field_required on recipient_account at 2:"}},
		"under no header":     {csvHeader + strings.TrimSpace(good) + ",x\n", []string{"field_too_many on header at 2:7"}},
		"methods":             {csvHeader + "9,5,A,x\nbank_bd,5,A,x\nnagad,5,A,x\n1.0,5,A,x\n", []string{"payout_method_missing on method at 2:1", "target_ambiguous on method at 3:1", "payout_method_missing on method at 4:1", "payout_method_missing on method at 5:1"}},
		"amounts": {csvHeader + "1,5.0001,A,x\n1,0,A,x\n1,-5,A,x\n1,1e3,A,x\n1,৳5,A,x\n1,\"1,000\",A,x\n1,99999999999999999999,A,x\n", []string{
			"amount_decimals on amount at 2:2", "amount_not_positive on amount at 3:2", "amount_not_positive on amount at 4:2", "field_not_number on amount at 5:2",
			"field_not_number on amount at 6:2", "field_not_number on amount at 7:2", "amount_too_large on amount at 8:2",
		}},
		"rounded":         {csvHeader + "1,5,A,1.71235E+12\n1,5,A,\"1,7E+12\"\n", []string{"field_malformed on recipient_account at 2:4", "field_malformed on recipient_account at 3:4"}},
		"lengths":         {csvHeader + "1,5," + long + ",x," + long + "," + long + "\n", []string{"field_too_long on recipient_name at 2:3", "field_too_long on reference at 2:5", "field_too_long on description at 2:6"}},
		"control":         {csvHeader + "1,5,A\x00B,x\n1,5,\"A\nB\",x\n1,5,\xff,x\n", []string{"field_control on recipient_name at 2:3", "field_control on recipient_name at 3:3", "field_control on recipient_name at 5:3"}},
		"a bare quote":    {csvHeader + "1,5,A\"B,x\n" + good + "9,5,A,x\n", []string{"body_malformed at 2:", "payout_method_missing on method at 4:1"}},
		"an open quote":   {csvHeader + good + "1,5,\"A,x\n" + good, []string{"body_malformed at 3:"}},
		"in the header":   {"method,\"amount\n", []string{"body_malformed at 1:"}},
		"after sep=":      {"sep=;\n" + strings.ReplaceAll(csvHeader+"9,5,A,x\n", ",", ";"), []string{"payout_method_missing on method at 3:1"}},
		"a workbook":      {"PK\x03\x04....", []string{"body_unsupported"}},
		"an old workbook": {"\xd0\xcf\x11\xe0....", []string{"body_unsupported"}},
		"UTF-16":          {utf16le(csvHeader + good), []string{"body_unsupported"}},
		"too many":        {csvHeader + strings.Repeat(good, payout.BatchMost+1), []string{"field_too_many on payouts"}},
		"too long":        {csvHeader + "1,5,\"" + strings.Repeat("x", payout.BatchBytes), []string{"body_too_large"}},
	} {
		list, err := payout.ReadBatchCSV(strings.NewReader(c.text), methods)
		if d := cmp.Diff(c.want, faultsOf(err)); d != "" || list != nil {
			t.Errorf("%s: %d payouts, %s", name, len(list), d)
		}
	}
	if f := fault.First(func() error {
		_, err := payout.ReadBatchCSV(strings.NewReader(csvHeader+"bank_bd,5,A,x\n"), methods)
		return err
	}()); f.Params["candidates"] != "2,3" {
		t.Error(f)
	}
	if list, err := payout.ReadBatchCSV(strings.NewReader(csvHeader+strings.Repeat(good, payout.BatchMost)), methods); err != nil || len(list) != payout.BatchMost {
		t.Error(len(list), err)
	}
	if _, err := payout.ReadBatchCSV(strings.NewReader(csvHeader+strings.Repeat("9,5,A,x\n", 500)), methods); len(fault.All(err)) != 100 {
		t.Errorf("%d faults are told", len(fault.All(err)))
	}
	gone := errors.New("gone")
	if _, err := payout.ReadBatchCSV(io.MultiReader(strings.NewReader(csvHeader+good), iotest.ErrReader(gone)), methods); !errors.Is(err, gone) {
		t.Error(err)
	}
}

// utf16le is how a spreadsheet saves "Unicode text".
func utf16le(text string) string {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

// Whatever stands in the cells: it is read as it was written, or refused.
func TestCellsComeThroughAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		comma := rapid.SampledFrom([]string{",", ";", "\t"}).Draw(rt, "comma")
		end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(rt, "end")
		cell := rapid.StringMatching(`[a-zA-Z0-9আ-হ=+@',;" -]{0,40}[a-z]`)
		minor := rapid.Int64Range(1, 1<<40)
		text := strings.ReplaceAll(strings.TrimSpace(csvHeader), ",", comma) + end
		var want []payout.New
		for range rapid.IntRange(1, 5).Draw(rt, "lines") {
			n := payout.New{Method: 1, Amount: money.Of(minor.Draw(rt, "amount"), "BDT")}
			cells := []*string{&n.RecipientName, &n.Account, &n.Reference, &n.Description}
			row := fmt.Sprintf("1%s%d.%02d", comma, n.Amount.Minor/100, n.Amount.Minor%100)
			for _, c := range cells {
				*c = strings.TrimSpace(cell.Draw(rt, "cell"))
				row += comma + `"` + strings.ReplaceAll(*c, `"`, `""`) + `"`
			}
			want, text = append(want, n), text+row+end
		}
		list, err := payout.ReadBatchCSV(strings.NewReader(text), methods)
		if d := cmp.Diff(want, list); d != "" || err != nil {
			rt.Fatalf("%q: %v %s", text, err, d)
		}
	})
}
