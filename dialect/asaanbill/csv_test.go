package asaanbill

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sarraf/internal/httpx"
	"sarraf/invoice"
	"sarraf/merchant"
)

const header = "title,identifier,amount,dueDate,amountAfterDueDate\n"

// sheetOf reads a CSV that can be taken as a whole.
func sheetOf(t *testing.T, text string) Sheet {
	t.Helper()
	s, err := ReadCSV(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return s
}

func TestRowsAreReadHoweverTheFileWasSaved(t *testing.T) {
	want := sheetOf(t, header+"Muhammad Mahd Sheikh,FS-BSCS-095,1400,2025-08-31,14550\n").good
	if len(want) != 1 || want[0].amount.Minor != 1400_00 || want[0].amountAfter.Minor != 14550_00 || want[0].payer != "FS-BSCS-095" {
		t.Fatalf("%+v", want)
	}
	for name, text := range map[string]string{
		"byte order mark":        "\ufeff" + header + "Muhammad Mahd Sheikh,FS-BSCS-095,1400,2025-08-31,14550\n",
		"CRLF":                   strings.ReplaceAll(header+"Muhammad Mahd Sheikh,FS-BSCS-095,1400,2025-08-31,14550\n", "\n", "\r\n"),
		"no end of the last row": header + "Muhammad Mahd Sheikh,FS-BSCS-095,1400,2025-08-31,14550",
		"quotation marks":        `"title","identifier","amount","dueDate","amountAfterDueDate"` + "\n" + `"Muhammad Mahd Sheikh","FS-BSCS-095","1400","2025-08-31","14550"`,
		"another order":          "amount,amountAfterDueDate,dueDate,title,identifier\n1400,14550,2025-08-31,Muhammad Mahd Sheikh,FS-BSCS-095\n",
		"other letters":          " TITLE ,Identifier,Amount,DueDate,AMOUNTAFTERDUEDATE\nMuhammad Mahd Sheikh,FS-BSCS-095,1400,2025-08-31,14550\n",
		"blank rows":             header + "\n,,,,\n \nMuhammad Mahd Sheikh,FS-BSCS-095,1400,2025-08-31,14550\n,,,,\n\n",
		"blank columns":          "title,identifier,amount,dueDate,amountAfterDueDate,,\nMuhammad Mahd Sheikh,FS-BSCS-095,1400,2025-08-31,14550,, ,\n",
		"optional columns":       "title,identifier,amount,dueDate,amountAfterDueDate,period,billedToName,billedToAddress,billedToContact,description,identifierDescription\nMuhammad Mahd Sheikh,FS-BSCS-095,1400,2025-08-31,14550,,,,,,\n",
		"fewer at the end":       "title,identifier,amount,dueDate,amountAfterDueDate,,\nMuhammad Mahd Sheikh,FS-BSCS-095,1400,2025-08-31,14550\n",
	} {
		s := sheetOf(t, text)
		if s.Rows != 1 || len(s.Faults) != 0 || s.Good() != 1 || s.good[0] != want[0] || string(s.Text()) != text {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestRowIsReadAsAddBulkReadsAPayment(t *testing.T) {
	text := "title,identifier,amount,dueDate,amountAfterDueDate,description,billedToName,billedToAddress,billedToContact,period,identifierDescription\n" +
		`"Sheikh, ""Amaan"""," FS-1 ","1400.5",2025-08-31,1500,"Fee` + "\n" + `of August",Zoë,"Street 1` + "\n" + `Lahore",03005372672,2025-08,Roll number` + "\n"
	got := sheetOf(t, text)
	body := `{"title":"Sheikh, \"Amaan\"","identifier":" FS-1 ","amount":"1400.5","dueDate":"2025-08-31","amountAfterDueDate":"1500",` +
		`"description":"Fee\nof August","billedToName":"Zoë","billedToAddress":"Street 1\nLahore","billedToContact":"03005372672","period":"2025-08","identifierDescription":"Roll number"}`
	fields, err := httpx.ParseFields("application/json", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want, err := readPayment(fields, typePSID)
	if err != nil || len(got.Faults) != 0 || got.Good() != 1 || got.good[0] != want {
		t.Fatalf("%+v\nwant %+v, %v", got, want, err)
	}
}

func TestEachFaultOfARowIsNamedWithItsPlace(t *testing.T) {
	good := "A,1,100,2025-08-31,110\n"
	for _, c := range []struct {
		rows string
		good int
		want []SheetFault
	}{
		{good + "B,2,100,2025-08-31,\n" + good, 2, []SheetFault{{3, 5, "amountAfterDueDate", "amountAfterDueDate cannot be empty or null"}}},
		{",2,x,31-08-2025,110\n" + good, 1, []SheetFault{
			{2, 1, "title", "title cannot be empty or null"},
			{2, 3, "amount", "amount must be a number"},
			{2, 4, "dueDate", "dueDate must be a date in the format yyyy-MM-dd"},
		}},
		{"A,1,100,2025-08-31,99\n", 0, []SheetFault{{2, 5, "amountAfterDueDate", "amountAfterDueDate cannot be less than amount"}}},
		{"\"A\nB\",\"2\n\",0,2025-08-31,1\nC,3,-1,2025-08-31,1\n", 0, []SheetFault{
			{2, 1, "title", "title has characters that are not allowed"},
			{3, 2, "identifier", "identifier has characters that are not allowed"},
			{4, 3, "amount", "amount must be greater than 0"},
			{5, 3, "amount", "amount must be greater than 0"},
		}},
		{"A,1,100\n" + good, 1, []SheetFault{{2, 0, "", "it has 3 fields, and the header 5"}}},
		{"A,1,100,2025-08-31,110,more\n" + good, 1, []SheetFault{{2, 0, "", "its field 6 is under no header"}}},
		{"A \"B\" C,1,100,2025-08-31,110\n" + good, 1, []SheetFault{
			{2, 0, "", "a field with a quotation mark in it must stand in quotation marks, and the mark twice (at byte 3)"},
		}},
		{"\"A\" B,1,100,2025-08-31,110\n" + good, 1, []SheetFault{
			{2, 0, "", "a quotation mark is not closed, or something else than a comma follows it (at byte 3)"},
		}},
		{good + "\"A,1,100,2025-08-31,110\n" + good, 1, []SheetFault{{4, 0, "", "a quotation mark is not closed in the row that begins with line 3"}}},
	} {
		s := sheetOf(t, header+c.rows)
		if d := cmp.Diff(c.want, s.Faults); d != "" || s.Good() != c.good {
			t.Errorf("%q: %d good, %s", c.rows, s.Good(), d)
		}
	}
}

func TestFileThatCannotBeTakenAsAWholeIsRefused(t *testing.T) {
	many := strings.Repeat("A,1,100,2025-08-31,110\n", maxBulk+1)
	for _, c := range []struct{ text, want string }{
		{"", "it is empty"},
		{"\ufeff \r\n", "it is empty"},
		{header, "it has a header and no rows"},
		{header + ",,,,\n\n", "it has a header and no rows"},
		{header + many, "it has more than 5000 rows: split it"},
		{header + strings.Repeat("x", bulkBody), "it is larger than 8 MiB: split it"},
		{header + "A,1,100,2025-08-31,110\nB\xff,2,100,2025-08-31,110\n", "it is not UTF-8, as line 3 shows: save it as CSV (UTF-8)"},
		{"\xff\xfet\x00i\x00", "it is not UTF-8, as line 1 shows: save it as CSV (UTF-8)"},
		{"PK\x03\x04...", "it is a spreadsheet and not a CSV: save it as CSV (UTF-8)"},
		{"title;identifier;amount;dueDate;amountAfterDueDate\n", "its header has one name: the columns are to be separated by commas"},
		{"title,identifier,amount,dueDate\n", "its header lacks amountAfterDueDate"},
		{"name,identifier,amount,dueDate,amountAfterDueDate\n", `its column 1 is called "name", which means nothing: there are ` + strings.Join(Columns(), ", ")},
		{"title,identifier,amount,dueDate,amountAfterDueDate,Amount\n", "it has the column amount twice"},
		{"\"title,identifier\n", "its header cannot be read: a quotation mark is not closed, or something else than a comma follows it (at byte 19)"},
	} {
		if s, err := ReadCSV(strings.NewReader(c.text)); err == nil || err.Error() != c.want {
			t.Errorf("%.40q: %v, want %s (%+v)", c.text, err, c.want, s.Faults)
		}
	}
	if s := sheetOf(t, header+strings.TrimSuffix(many, "A,1,100,2025-08-31,110\n")); s.Good() != maxBulk {
		t.Errorf("%d of 5,000 rows are good", s.Good())
	}
}

// What the standard library writes is what is read, and the lines of faults are where the rows begin.
func TestRowsAreFoundWhereTheyStand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var file bytes.Buffer
		w := csv.NewWriter(&file)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		write := func(row ...string) int {
			line := bytes.Count(file.Bytes(), []byte("\n")) + 1
			if err := w.Write(row); err != nil {
				t.Fatal(err)
			}
			w.Flush()
			return line
		}
		write("title", "identifier", "amount", "dueDate", "amountAfterDueDate", "description")
		var bad []int
		good := 0
		for range rapid.IntRange(1, 20).Draw(t, "rows") {
			amount := "100"
			if rapid.Bool().Draw(t, "bad") {
				amount = rapid.SampledFrom([]string{"", "0", "1,000,0", "1e3", "100.001"}).Draw(t, "amount")
			}
			about := rapid.StringMatching(`[a-z ",\n]{0,12}`).Draw(t, "description")
			line := write("A \"B\", C", "1", amount, "2025-08-31", "110", about)
			if amount == "100" {
				good++
			} else {
				bad = append(bad, line)
			}
		}
		s, err := ReadCSV(&file)
		if err != nil || s.Good() != good {
			t.Fatalf("%d of %d, %v", s.Good(), good, err)
		}
		var got []int
		for _, f := range s.Faults {
			if f.Header != "amount" || f.Column != 3 {
				t.Fatalf("%+v", f)
			}
			got = append(got, f.Line)
		}
		if d := cmp.Diff(bad, got); d != "" {
			t.Fatal(d)
		}
	})
}

func FuzzCSV(f *testing.F) {
	sample, err := os.ReadFile("testdata/bills.csv")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	f.Add([]byte(header + "\"A\n,1,100,2025-08-31,110\n"))
	f.Add([]byte("\ufeff" + header + ",,,,\n\"\"\"\",1,,,"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ReadCSV(bytes.NewReader(text))
		if err != nil {
			return
		}
		rows := map[int]bool{}
		for _, fault := range s.Faults {
			if fault.Line < 2 || fault.Line > bytes.Count(text, []byte("\n"))+1 || fault.Problem == "" || (fault.Header == "") != (fault.Column == 0) {
				t.Errorf("%+v", fault)
			}
			rows[fault.Line] = true
		}
		if s.Good() > s.Rows || s.Good() < s.Rows && len(rows) == 0 {
			t.Errorf("%d of %d rows are good, with %d faults", s.Good(), s.Rows, len(s.Faults))
		}
	})
}

func TestSampleInTheDocsIsGood(t *testing.T) {
	text, err := os.ReadFile("testdata/bills.csv")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/bulk.md")
	if err != nil {
		t.Fatal(err)
	}
	if s := sheetOf(t, string(text)); s.Good() != 2 || len(s.Faults) != 0 {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(string(page), string(text)) {
		t.Error("docs/bulk.md does not show testdata/bills.csv")
	}
}

func TestUploadOfACSVIsListedWithItsName(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) {
		s := h.shop(t, merchant.Admin)
		m, err := h.Merchants.Get(t.Context(), s.owner)
		if err != nil {
			t.Fatal(err)
		}
		d := New(Deps{
			Merchants: h.Merchants, Invoices: h.Invoices, Payments: h.Payments, Numbers: h.DB.Numbers("asaanbill.payment"),
			Uploads: h.DB.Numbers("asaanbill.upload"), Clock: h.Clock,
		})
		u, err := d.UploadCSV(t.Context(), m, sheetOf(t, header+"A,1,100,2025-08-31,110\nB,2,,2025-08-31,110\nC,3,100,2025-08-31,110\n"), "fees.csv", nil)
		if err != nil || u.ContentType != "CSV" || u.FileName != "fees.csv" || u.Lines != 2 {
			t.Fatalf("%+v, %v", u, err)
		}
		if done, err := h.Invoices.WorkUpload(t.Context(), u.Owner, u.ID); err != nil || !done {
			t.Fatal(done, err)
		}
		lines, err := h.Invoices.UploadLines(t.Context(), u.Owner, u.ID)
		if err != nil || len(lines) != 2 || lines[1].State != invoice.LineMade || lines[1].Invoice.Title != "C" {
			t.Fatalf("%+v, %v", lines, err)
		}
		for query, want := range map[string]int{"": 1, "?contentType=CSV": 1, "?contentType=JSON": 0} {
			got := s.ask(http.MethodGet, "/bulk-payment-request"+query, "").Body.String()
			if n := strings.Count(got, fmt.Sprintf(`"id":%s,`, u.Number)); n != want || want > 0 && !strings.Contains(got, `"fileName":"fees.csv","contentType":"CSV","vouchersCount":2,`) {
				t.Errorf("%s: %s", query, got)
			}
		}
	})
}
