package billpay

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/rail"
)

const settlementHead = "channel,bank_mnemonic,consumer_number,tran_auth_id,tran_date,tran_time,transaction_amount\n"

const psid1, psid2 = "100000000000000000000018", "100000000000000000000026"

// readSettled reads a file that can be read.
func readSettled(t *testing.T, text string, o rail.SettlementOptions) []rail.SettlementLine {
	t.Helper()
	got, err := Settlements{}.ReadSettlement(strings.NewReader(text), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return got.Lines
}

func TestASettlementFileIsReadLineByLine(t *testing.T) {
	got := readSettled(t, "\ufeff"+`"Channel",Bank_Mnemonic,consumer number,tran_auth_id,tran-date,tran_time,transaction_amount,fee,identification_parameter,settlement_date,remarks`+"\r\n"+
		`hbl,HBL,`+psid1+`,123456,20260209,094501,000000250000,000000001500,42,20260210,"a ""quoted"" remark, with a comma"`+"\r\n"+
		"\r\n"+
		`hbl, HB-L ,'`+psid2+`,77,2026-02-09,09:45:02,"2,500.50",12.5,,,`+"\r\n"+
		`,,,,,,,,,,`+"\r\n"+
		`ubl,UBL,99,000001,20260210,1,+0000000250000,,,,x,,`+"\r\n"+
		`ubl,UBL,99,000002,20260210,235959,-0000000250000,,,,x`+"\r\n"+
		`Trailer,4,5000.50,2750`, rail.SettlementOptions{Channel: "other"})
	hbl, ubl := rail.SettlementPart{Channel: "hbl", Day: "20260209"}, rail.SettlementPart{Channel: "ubl", Day: "20260210"}
	want := []rail.SettlementLine{
		{
			Line: 2, References: []string{"hbl/HBL/" + psid1 + "/123456/20260209/094501"}, Part: hbl, Amount: 250_000, Charges: 1500, Receipt: "42",
			SettledOn: "20260210",
		},
		{Line: 4, References: []string{"hbl/HB%2DL/" + psid2 + "/000077/20260209/094502"}, Part: hbl, Amount: 250_050, Charges: 1250},
		{Line: 6, References: []string{"ubl/UBL/99/000001/20260210/000001"}, Part: ubl, Amount: 250_000},
		{Line: 7, References: []string{"ubl/UBL/99/000002/20260210/235959"}, Part: ubl, Amount: -250_000},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestASettlementLineHasTheReferenceOfItsPayment(t *testing.T) {
	p := paymentRequest{mnemonic: "A.B/1", auth: "000012", date: "20260209", time: "000103"}
	got := readSettled(t, settlementHead+"hbl,A.B/1,"+psid1+",12,20260209,103,1", rail.SettlementOptions{})
	if want := p.reference("hbl", psid1); len(got) != 1 || len(got[0].References) != 1 || got[0].References[0] != want {
		t.Errorf("%v, want %s", got, want)
	}
	part, ok := Settlements{}.Part(p.reference("hbl", psid1))
	if !ok || part != (rail.SettlementPart{Channel: "hbl", Day: "20260209"}) {
		t.Errorf("%v %t", part, ok)
	}
	for _, other := range []string{"", "x", "hbl/A/1/12/20260209/000103", "a/b/c/123456/2026020/000103", "a/b/c/123456/2026020x/000103", "a/b/c/123456/20260209/1/2"} {
		if _, ok := (Settlements{}).Part(other); ok {
			t.Errorf("%q has a part", other)
		}
	}
}

func TestSettlementFilesOfSpreadsheets(t *testing.T) {
	for _, sep := range []string{";", "\t"} {
		head := strings.ReplaceAll(strings.TrimPrefix(settlementHead, "channel,"), ",", sep)
		row := strings.Join([]string{"HBL", psid1, "123456", "20260209", "094501", "2500.00"}, sep)
		got := readSettled(t, head+row+"\n", rail.SettlementOptions{Channel: "hbl"})
		if len(got) != 1 || got[0].Amount != 250_000 || got[0].Part.Channel != "hbl" {
			t.Errorf("with %q: %v", sep, got)
		}
	}
	if got := readSettled(t, settlementHead, rail.SettlementOptions{}); len(got) != 0 {
		t.Errorf("an empty day: %v", got)
	}
}

func TestAConsumerNumberWithoutItsPrefixMeansWhatTheChannelMakesOfIt(t *testing.T) {
	short := psid1[4:]
	o := rail.SettlementOptions{Channels: []rail.Channel{
		{ID: "hbl", Prefixes: []string{"1000", "2000", "1000", "10"}}, {ID: "ubl", Prefixes: []string{"3000"}},
	}}
	got := readSettled(t, settlementHead+"hbl,B,"+short+",1,20260209,1,1\nhbl,B,"+psid1+",1,20260209,1,1\nubl,B,1,1,20260209,1,1\n", o)
	var all [][]string
	for _, l := range got {
		all = append(all, l.References)
	}
	const rest = "/000001/20260209/000001"
	want := [][]string{{"hbl/B/1000" + short + rest, "hbl/B/2000" + short + rest}, {"hbl/B/" + psid1 + rest}, {"ubl/B/1" + rest}}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}

func TestChargesThatLostTheirDecimalPointAreNotTakenForAHundredthOfThem(t *testing.T) {
	head := strings.TrimSpace(settlementHead) + ",charges\n"
	cells := "hbl,HBL," + psid1 + ",1,20260209,1,"
	_, err := Settlements{}.ReadSettlement(strings.NewReader(head+cells+"2500.50,25\n"), rail.SettlementOptions{})
	const want = `line 2, column 55: charges of "25" without a decimal point, of an amount that has one: rupees or paisas?`
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	for text, charges := range map[string]int64{
		"2500.50,0": 0, "2500.50,000000000000": 0, "2500.50,25.00": 2500, "2500.50,": 0, "250050,2500": 2500, "250050,25.00": 2500,
	} {
		if got := readSettled(t, head+cells+text+"\n", rail.SettlementOptions{}); len(got) != 1 || got[0].Amount != 250_050 || got[0].Charges != charges {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestFaultsOfASettlementFileAreNamedByLineAndColumn(t *testing.T) {
	row := func(change ...string) string {
		cells := []string{"hbl", "HBL", psid1, "123456", "20260209", "094501", "250000"}
		for i := 0; i < len(change); i += 2 {
			cells[strings.Index("cmnadt$", change[i])] = change[i+1]
		}
		return strings.Join(cells, ",") + "\n"
	}
	for what, c := range map[string]struct{ text, want string }{
		"nothing":          {"", "line 1, column 1: the file is empty"},
		"no columns":       {"a,b\n", "line 1, column 1: there is no column bank_mnemonic"},
		"no channel":       {strings.TrimPrefix(settlementHead, "channel,"), "line 1, column 1: there is no column channel, and --channel does not say which it is"},
		"a column twice":   {"channel," + settlementHead, `line 1, column 9: the column "channel" is there twice`},
		"fee and charges":  {strings.TrimSpace(settlementHead) + ",fee,charges\n", "line 1, column 95: there are the columns fee and charges"},
		"a blank channel":  {settlementHead + row("c", ""), "line 2, column 1: it names no channel"},
		"a channel":        {settlementHead + row("c", "HBL"), `line 2, column 1: want the id of a channel, not "HBL"`},
		"a mnemonic":       {settlementHead + row("m", "TOO LONG!"), "line 2, column 5: want the mnemonic of a bank"},
		"a rounded number": {settlementHead + row("n", "1.00E+23"), `line 2, column 9: "1.00E+23" was a consumer number before a spreadsheet rounded it`},
		"a long number":    {settlementHead + row("n", psid1+"0"), "line 2, column 9: want a consumer number of at most 24 digits"},
		"no number":        {settlementHead + row("n", ""), "line 2, column 9: want a consumer number"},
		"an id":            {settlementHead + row("a", "1234567"), "line 2, column 34: want 6 digits"},
		"a date":           {settlementHead + row("d", "20260230"), "line 2, column 41: want a day, as 20260209"},
		"another date":     {settlementHead + row("d", "09/02/2026"), "line 2, column 41: want a day"},
		"a time":           {settlementHead + row("t", "240000"), "line 2, column 50: want a time, as 094501"},
		"no time":          {settlementHead + row("t", ""), "line 2, column 50: want a time"},
		"an amount":        {settlementHead + row("$", "2500 PKR"), "line 2, column 57: want an amount"},
		"three decimals":   {settlementHead + row("$", "2500.001"), "line 2, column 57: want an amount"},
		"two signs":        {settlementHead + row("$", "+-25"), "line 2, column 57: want an amount"},
		"two signs, major": {settlementHead + row("$", "+-2.50"), "line 2, column 57: want an amount"},
		"64 bits":          {settlementHead + row("$", "99999999999999999999"), "line 2, column 57: want an amount"},
		"a sum of 64 bits": {settlementHead + row("$", "9223372036854775807") + row(), "line 3, column 57: the amounts come to more than there is"},
		"too few columns":  {settlementHead + "hbl,HBL\n", "line 2, column 1: it has 2 columns, and the header has 7"},
		"too many columns": {settlementHead + strings.TrimSpace(row()) + ",more\n", "line 2, column 1: it has 8 columns"},
		"a quote":          {settlementHead + "hbl,\"HBL,x\n", "line 2, column 12: extraneous or missing"},
		"charges":          {strings.TrimSpace(settlementHead) + ",fee\n" + strings.TrimSpace(row()) + ",2501.00\n", "line 2, column 64: charges of 2501.00, of an amount of 2500.00"},
		"negative charges": {strings.TrimSpace(settlementHead) + ",fee\n" + strings.TrimSpace(row()) + ",-1\n", "line 2, column 64: charges of -1"},
		"our number":       {strings.TrimSpace(settlementHead) + ",identification_parameter\n" + strings.TrimSpace(row()) + ",123456789012345678901\n", "line 2, column 64: want at most 20"},
		"a settlement day": {strings.TrimSpace(settlementHead) + ",settlement_date\n" + strings.TrimSpace(row()) + ",soon\n", "line 2, column 64: want a day"},
		"a short count":    {settlementHead + row() + row() + "total,1,500000\n", `line 4, column 7: it counts "1" lines, and there are 2`},
		"no count":         {settlementHead + row() + "total,,250000\n", "line 3, column 7: it counts"},
		"another amount":   {settlementHead + row() + "total,1,250001\n", "line 3, column 9: it says the amounts come to 2500.01, and they come to 2500.00"},
		"no amount":        {settlementHead + row() + "total,1,\n", "line 3, column 9: want an amount"},
		"other charges":    {settlementHead + row() + "total,1,250000,1\n", "line 3, column 16: it says the charges come to 0.01, and they come to 0.00"},
		"a bare trailer":   {settlementHead + row() + "total,1\n", "line 3, column 1: want trailer"},
		"more after it":    {settlementHead + row() + "total,1,250000\n" + row(), "line 4, column 1: there is a line after the trailer"},
		"UTF-16":           {"\xff\xfec\x00", "line 1, column 1: the file is in UTF-16"},
		"no UTF-8":         {settlementHead + row() + "hbl,\xff", "line 3, column 5: here is no text in UTF-8"},
		"a zero byte":      {settlementHead + "h\x00", "line 2, column 2: here is no text"},
	} {
		t.Run(what, func(t *testing.T) {
			got, err := Settlements{}.ReadSettlement(strings.NewReader(c.text), rail.SettlementOptions{})
			var faults rail.SettlementFaults
			if !errors.As(err, &faults) || !strings.HasPrefix(err.Error(), c.want) || len(got.Lines) != 0 {
				t.Errorf("%v, want %s; %d lines", err, c.want, len(got.Lines))
			}
		})
	}
}

func TestAllFaultsOfASettlementFileAreNamedUpToABound(t *testing.T) {
	var b strings.Builder
	b.WriteString(settlementHead)
	for n := range 30 {
		fmt.Fprintf(&b, "hbl,HBL,%s,x,20260209,y,%d\n", psid1, n)
	}
	_, err := Settlements{}.ReadSettlement(strings.NewReader(b.String()), rail.SettlementOptions{})
	var faults rail.SettlementFaults
	if !errors.As(err, &faults) || len(faults) != maxSettlementFaults || faults[1].Line != 2 || faults[2].Line != 3 {
		t.Errorf("%d faults: %v", len(faults), err)
	}
}

func TestAChannelThatCanBeNoneIsAFault(t *testing.T) {
	_, err := Settlements{}.ReadSettlement(strings.NewReader(settlementHead), rail.SettlementOptions{Channel: "HBL"})
	if err == nil || !strings.Contains(err.Error(), `--channel "HBL" is no id of a channel`) {
		t.Error(err)
	}
}

func TestASettlementFileThatCannotBeReadIsNoFaultOfItsText(t *testing.T) {
	broken := errors.New("the disk")
	_, err := Settlements{}.ReadSettlement(failing{broken}, rail.SettlementOptions{})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestReceiptsOfADayAreLookedForFromTheDayBefore(t *testing.T) {
	if got, want := (Settlements{}).Since("20260209"), time.Date(2026, 2, 7, 19, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("%s, want %s", got, want)
	}
	if got := (Settlements{}).Since("soon"); !got.IsZero() {
		t.Error(got)
	}
}

func FuzzASettlementFileIsReadOrRefusedWithALine(f *testing.F) {
	f.Add(settlementHead + "hbl,HBL," + psid1 + ",123456,20260209,094501,250000\ntotal,1,250000\n")
	f.Add("\ufeffchannel;bank_mnemonic\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Settlements{}.ReadSettlement(strings.NewReader(text), rail.SettlementOptions{Channel: "hbl"})
		var faults rail.SettlementFaults
		if err != nil && (!errors.As(err, &faults) || len(faults) == 0 || len(got.Lines) > 0) {
			t.Fatalf("%v with %d lines", err, len(got.Lines))
		}
		for _, fault := range faults {
			if fault.Line < 1 || fault.Column < 1 || fault.Line > strings.Count(text, "\n")+2 {
				t.Fatalf("a fault at %d:%d of %q", fault.Line, fault.Column, text)
			}
		}
		last := int64(0)
		for _, l := range got.Lines {
			if l.Line <= last || len(l.References) == 0 || l.Charges < 0 {
				t.Fatalf("%+v after line %d", l, last)
			}
			last = l.Line
			for _, r := range l.References {
				if part, ok := (Settlements{}).Part(r); !ok || part != l.Part {
					t.Fatalf("%s is of %v, %t, and the line of %v", r, part, ok, l.Part)
				}
			}
		}
	})
}
