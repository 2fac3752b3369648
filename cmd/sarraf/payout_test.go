package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sarraf/event"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/store"
)

// liveShop makes a live merchant in a running demo with 1,000,000.00 taka and a manual way to pay out, by bKash for 5.00.
func (d *demo) liveShop(dsn string, args ...string) string {
	d.t.Helper()
	m, err := d.app.merchants.Create(d.t.Context(), actor(), merchant.Merchant{Name: "Live Shop", Mode: merchant.Live, Currencies: []money.Currency{"BDT"}})
	if err != nil {
		d.t.Fatal(err)
	}
	owner := m.Owner
	if err := d.app.merchants.Fund(d.t.Context(), actor(), owner, "opening", money.Of(1_000_000_00, "BDT")); err != nil {
		d.t.Fatal(err)
	}
	mustRun(d.t, append([]string{"method", "add", owner, "bkash", "--flat", "5.00", "--min", "1", "--database", dsn}, args...)...)
	return owner
}

// asks asks for a payout in somebody's name, as a front door does.
func (d *demo) asks(owner, by, reference string, minor int64) payout.Payout {
	d.t.Helper()
	p, err := d.app.payouts.Request(d.t.Context(), payout.New{
		Owner: owner, ID: id.New(clock.System{}), Door: "native", Reference: reference, Method: 1, Amount: money.Of(minor, "BDT"), RecipientName: "=Rahim",
		Account: "01712345678", AskedBy: merchant.Actor{Name: by, Source: "test"},
	}, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

// stands is a payout as show prints it.
func stands(t *testing.T, dsn, text string) (a payoutAnswer) {
	t.Helper()
	if err := json.Unmarshal([]byte(mustRun(t, "payout", "show", text, "--json", "--database", dsn)), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTheDeskCarriesPayoutsOutByHand(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		owner := d.liveShop(dsn)
		var list []payout.Payout
		for n := range 4 {
			list = append(list, d.asks(owner, "merchant key 1", fmt.Sprint("R", n), int64(n+1)*10_000))
		}
		out := mustRun(t, "payout", "list", "--status", "pending", "--rail", "manual", "--database", dsn)
		if strings.Count(out, "+8801712345678") != 4 || !strings.Contains(out, "=Rahim") {
			t.Errorf("list: %s", out)
		}
		code, sheet, errs := command(t, "payout", "export", "--database", dsn, "--limit", "3")
		if code != 0 || !strings.HasPrefix(sheet, strings.Join(payout.SheetColumns, ",")) || strings.Count(sheet, "\r\n") != 4 ||
			!strings.Contains(sheet, "'=Rahim,+8801712345678,100.00,BDT,R0,") || !strings.Contains(errs, "Sheet 1: 3 payouts, 600.00 BDT, live") ||
			!strings.Contains(errs, "Not on the sheet: 1, live BDT bkash, ready for the next sheet") {
			t.Fatalf("export: %d %q %s", code, sheet, errs)
		}
		if again := must(t, "payout", "sheet", "1", "--database", dsn); again != sheet {
			t.Errorf("printed again: %q", again)
		}
		if bom := must(t, "payout", "sheet", "1", "--bom", "--database", dsn); bom != "\ufeff"+sheet {
			t.Errorf("with a byte order mark: %q", bom)
		}
		if sheets := mustRun(t, "payout", "sheet", "--database", dsn); !strings.Contains(sheets, "600.00 BDT") || !strings.Contains(sheets, "closed") {
			t.Errorf("sheets: %s", sheets)
		}
		// The operator fills in the last columns of our own sheet, and Excel has made semicolons of the commas.
		lines := strings.Split(strings.TrimSuffix(sheet, "\r\n"), "\r\n")
		lines[1] = strings.TrimSuffix(lines[1], ",,,") + ",paid,TX-1,"
		lines[2] = strings.TrimSuffix(lines[2], ",,,") + ",rejected,,no such account"
		file := writeFile(t, "answers 1.csv", strings.ReplaceAll(strings.Join(lines, "\n"), ",", ";"))
		code, out, errs = command(t, "payout", "import", file, "--dry-run", "--database", dsn)
		if want := "'answers 1.csv': 3 lines.\nNothing was changed. Would be completed: 1 of 100.00 BDT. Rejected: 1 of 200.00 BDT. Not answered yet: 1.\n" +
			"All of it agrees with the books.\n"; code != 0 || out != want {
			t.Errorf("dry run: %d %q %s", code, out, errs)
		}
		mustRun(t, "payout", "import", file, "--database", dsn)
		code, out, _ = command(t, "payout", "import", file, "--database", dsn)
		if code != 0 || !strings.Contains(out, "It was imported before.\nCompleted now: 0. Rejected: 0. By this file before: 2. Not answered yet: 1.") {
			t.Errorf("again: %d %s", code, out)
		}
		if a, b := stands(t, dsn, "S1-1"), stands(t, dsn, list[1].ID); a.Status != "completed" || a.RailReference != "TX-1" || b.Status != "rejected" ||
			b.Reason != "no such account" || a.DecidedBy != actor().Name {
			t.Errorf("%+v %+v", a, b)
		}
		// By hand, and what the bank then says otherwise.
		mustRun(t, "payout", "complete", "S1-3", "--bank-reference", "TX-3", "--database", dsn)
		wrong := writeFile(t, "late.csv", "Ref,State,Taka\nS1-3,bounced,300.00\nS1-1,bounced,100\nS9-9,bounced,1\n")
		args := []string{"payout", "import", wrong, "--id", "ref", "--result", "2", "--amount", "TAKA", "--rejected", "Bounced", "--database", dsn}
		code, out, _ = command(t, append(args, "--json")...)
		var report importAnswer
		if err := json.Unmarshal([]byte(out), &report); err != nil || code != exitFailed || report.Clean || len(report.Problems) != 3 {
			t.Fatalf("%d %v %s", code, err, out)
		}
		var causes []string
		for _, p := range report.Problems {
			causes = append(causes, fmt.Sprint(p.Cause, " ", p.Line, " ", p.OtherFile, " ", p.OtherLine))
		}
		if want := []string{"contradicts 2  0", "contradicts 3 answers 1.csv 2", "not_found 4  0"}; !slices.Equal(causes, want) {
			t.Errorf("%q, want %q", causes, want)
		}
		code, out, _ = command(t, args...)
		if code != exitFailed || !strings.Contains(out, "To look at, and changed nothing: 3.") || !strings.Contains(out, "line 2 of 'answers 1.csv'") ||
			!strings.Contains(out, "by hand: sarraf explain "+list[2].ID) {
			t.Errorf("%d %s", code, out)
		}
		if files := mustRun(t, "payout", "import", "--list", "--database", dsn); strings.Count(files, "done") != 2 {
			t.Errorf("files: %s", files)
		}
		for _, again := range [][]string{{"complete", list[1].ID, "--bank-reference", "x"}, {"reject", list[0].ID, "--reason", "x"}, {"cancel", list[0].ID}, {"approve", list[3].ID}} {
			if code, _, errs := command(t, slices.Concat([]string{"payout"}, again, []string{"--database", dsn})...); code != exitUsage && code != exitFailed {
				t.Errorf("%v: %d %s", again, code, errs)
			}
		}
		if out := mustRun(t, "payout", "cancel", list[3].ID, "--reason", "asked twice", "--database", dsn); out != list[3].ID+" cancelled" {
			t.Errorf("cancel: %s", out)
		}
		code, out, errs = command(t, "payout", "export", "--database", dsn)
		if code != 0 || out != "" || !strings.Contains(errs, "Nothing is ready for a sheet, and none was made.") {
			t.Errorf("%d %q %s", code, out, errs)
		}
		if code := d.stop(); code != 0 {
			t.Errorf("status %d", code)
		}
		proveClean(t, dsn)
		theDeskIsExplained(t, dsn, owner, list)
	})
}

// must is mustRun with all that was printed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := command(t, args...)
	if code != 0 {
		t.Fatalf("%v: %d %s%s", args, code, out, errs)
	}
	return out
}

// theDeskIsExplained asks for payouts by everything that leads to them.
func theDeskIsExplained(t *testing.T, dsn, owner string, list []payout.Payout) {
	t.Helper()
	for _, text := range []string{list[0].ID, strings.ToUpper(list[0].ID), list[0].ID + ".fee", "R0", "S1-1", "s1-1"} {
		code, e := explained(t, dsn, text)
		if code != 0 || len(e.Found) != 1 || e.Found[0].ID != list[0].ID || len(e.Found[0].Missing) > 0 {
			t.Errorf("%s: %d %+v", text, code, e)
			continue
		}
		s := e.Found[0]
		p := s.Payout
		if p == nil || p.Status != "completed" || p.Row != "S1-1" || len(p.Holds) != 2 || p.Holds[0].State != "posted" || p.Answered == nil ||
			p.Answered.Name != "answers 1.csv" || p.Answered.Line != 2 || len(s.Transfers) != 2 || len(s.Events) != 3 || len(s.Audit) != 2 ||
			s.Merchant.ID != owner {
			t.Errorf("%s: %+v", text, s)
		}
	}
	_, e := explained(t, dsn, "R0")
	if code, by := explained(t, dsn, fmt.Sprintf("%s/%d", owner, e.Found[0].Events[0].Number)); code != 0 || by.Found[0].ID != list[0].ID {
		t.Errorf("by an event: %d %+v", code, by)
	}
	code, e := explained(t, dsn, "S1")
	if code != 0 || len(e.Found) != 1 || e.Found[0].Sheet == nil || len(e.Found[0].Sheet.Payouts) != 3 || len(e.Found[0].Events) != 2 {
		t.Errorf("%d %+v", code, e)
	}
	story := mustRun(t, "explain", "--database", dsn, "S1-1")
	for _, want := range []string{
		"S1-1 is the row of it on a sheet", "completed", "asked by", "'merchant key 1'", "hold", "BDT/balance", "line 2 of 'answers 1.csv' says so",
		"payout.process of " + list[0].ID, "payout.completed", "payout_fee",
	} {
		if !strings.Contains(story, want) {
			t.Errorf("the story lacks %q: %s", want, story)
		}
	}
	if story := mustRun(t, "explain", "--database", dsn, "S1"); !strings.Contains(story, "600.00 BDT, 3 payouts, live") || !strings.Contains(story, "payout_sheet.closed") {
		t.Errorf("the sheet's story: %s", story)
	}
}

func TestASecondPersonApprovesAtTheCommandLine(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		owner := d.liveShop(dsn)
		mustRun(t, "merchant", "set", owner, "--payout-approval", "BDT=500,PKR=0", "--database", dsn)
		if shown := mustRun(t, "merchant", "show", owner, "--database", dsn); !strings.Contains(shown, `"payout_approval":{"BDT":50000,"PKR":0}`) {
			t.Errorf("%s", shown)
		}
		mustRun(t, "merchant", "set", owner, "--payout-approval", "pkr=none", "--database", dsn)
		if shown := mustRun(t, "merchant", "show", owner, "--database", dsn); !strings.Contains(shown, `"payout_approval":{"BDT":50000}`) {
			t.Errorf("%s", shown)
		}
		mustRun(t, "merchant", "key", owner, "native", "--role", "approver", "--database", dsn)
		waitFor(t, "the server to know the limit", func() bool {
			m, err := d.app.merchants.Get(t.Context(), owner)
			return err == nil && m.Settings.PayoutApproval["BDT"] == 500_00
		})
		own, other := d.asks(owner, actor().Name, "MINE", 500_01), d.asks(owner, "somebody", "THEIRS", 500_01)
		small := d.asks(owner, "somebody", "SMALL", 500_00)
		list := mustRun(t, "payout", "list", "--approval", "wanted", "--merchant", owner, "--database", dsn)
		if !strings.Contains(list, own.ID) || !strings.Contains(list, other.ID) || strings.Contains(list, small.ID) {
			t.Errorf("%s", list)
		}
		if code, _, errs := command(t, "payout", "approve", own.ID, "--database", dsn); code != exitFailed || !strings.Contains(errs, "somebody else must") {
			t.Errorf("one's own: %d %s", code, errs)
		}
		if code, _, errs := command(t, "payout", "complete", other.ID, "--bank-reference", "x", "--database", dsn); code != exitFailed || !strings.Contains(errs, "approval") {
			t.Errorf("without approval: %d %s", code, errs)
		}
		if out := mustRun(t, "payout", "approve", other.ID, "--database", dsn); out != other.ID+" pending" {
			t.Errorf("%s", out)
		}
		if a := stands(t, dsn, other.ID); a.Approval != "given" || a.DecidedBy != actor().Name {
			t.Errorf("%+v", a)
		}
		story := mustRun(t, "explain", "MINE", "--database", dsn)
		if !strings.Contains(story, "waits for a second person's approval") || !strings.Contains(story, "approves or rejects it") {
			t.Errorf("%s", story)
		}
		if code := d.stop(); code != 0 {
			t.Errorf("status %d", code)
		}
		proveClean(t, dsn)
	})
}

// silentRail is a rail that takes orders, and of which nothing is heard.
type silentRail struct{ farRail }

func (silentRail) Limit() time.Duration { return time.Second }

func TestAnUnknownPayoutIsDecidedWithEvidenceOnly(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		t.Setenv("SARRAF_PAYOUT_RAIL", "slowbank=https://rail.example,other = https://other.example")
		owner := d.liveShop(dsn, "--rail", "slowbank")
		db, err := store.Open(t.Context(), dsn, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		far := payout.NewService(payout.Deps{DB: db, Log: event.NewLog(db), Merchants: merchant.NewService(db, event.NewLog(db), nil)})
		t.Cleanup(func() { far.Close(); _ = db.Close() })
		far.SetSenders(silentRail{"slowbank"})
		var list []payout.Payout
		for n := range 3 {
			p, err := far.Request(t.Context(), payout.New{
				Owner: owner, Method: 1, Reference: fmt.Sprint("U", n), Amount: money.Of(100_00, "BDT"), RecipientName: "R", Account: "01712345678",
				AskedBy: merchant.Actor{Name: "key", Source: "test"},
			}, nil)
			for _, a := range []payout.Action{payout.Process, payout.Doubt} {
				if err == nil {
					p, err = far.Move(t.Context(), payout.Move{Merchant: owner, Payout: p.ID, Action: a, Right: payout.OfRail}, nil)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, p)
		}
		if code, _, errs := command(t, "payout", "complete", list[0].ID, "--bank-reference", "B1", "--database", dsn); code != exitUsage || !strings.Contains(errs, "--evidence") {
			t.Errorf("without evidence: %d %s", code, errs)
		}
		code, out, _ := command(t, "doctor", "--only", "payouts", "--database", dsn)
		if !strings.Contains(out, "3 payouts are unknown") || !strings.Contains(out, "send none of them again") || code != 0 {
			t.Errorf("doctor: %d %s", code, out)
		}
		theMetricsTell(t, db, map[string]float64{"rail": 3, "approval": 0, "sheet": 0, "bank": 0})
		mustRun(t, "payout", "complete", list[0].ID, "--bank-reference", "B1", "--evidence", "statement of 9 March, page 2", "--database", dsn)
		mustRun(t, "payout", "reject", list[1].ID, "--reason", "not sent", "--evidence", "call with the bank", "--database", dsn)
		a, b := stands(t, dsn, "U0"), stands(t, dsn, list[1].ID)
		if a.Status != "completed" || a.RailReference != "B1" || b.Status != "rejected" || b.Reason != "not sent; call with the bank" {
			t.Errorf("%+v %+v", a, b)
		}
		if story := mustRun(t, "explain", "U0", "--database", dsn); !strings.Contains(story, "statement of 9 March, page 2") {
			t.Errorf("%s", story)
		}
		if list := mustRun(t, "payout", "list", "--status", "unknown", "--database", dsn); !strings.Contains(list, "slowbank") {
			t.Errorf("%s", list)
		}
		if story := mustRun(t, "explain", "U2", "--database", dsn); !strings.Contains(story, "never send it again") {
			t.Errorf("%s", story)
		}
		if code := d.stop(); code != 0 {
			t.Errorf("status %d", code)
		}
		proveClean(t, dsn)
	})
}

// theMetricsTell fails unless so many payouts wait for each, and those that do for some time.
func theMetricsTell(t *testing.T, db *store.DB, want map[string]float64) {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(newDeskMetrics(db, slog.New(slog.DiscardHandler)))
	list, err := registry.Gather()
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	for _, f := range list {
		for _, m := range f.GetMetric() {
			what, v := m.GetLabel()[0].GetValue(), m.GetGauge().GetValue()
			if n, ok := want[what]; !ok || f.GetName() == "sarraf_payouts_waiting" && v != n || f.GetName() == "sarraf_payout_oldest_seconds" && (v > 0) != (n > 0) {
				t.Errorf("%s for %s is %v, want %v", f.GetName(), what, v, want)
			}
		}
	}
}

func TestMethodsAreManagedAtTheCommandLine(t *testing.T) {
	dsn := storetest.URL(t, store.SQLite)
	t.Setenv("SARRAF_KEY", random32())
	mustRun(t, "migrate", "--database", dsn)
	owner := mustRun(t, "merchant", "create", "Live", "--mode", "live", "--currencies", "BDT", "--database", dsn)
	play := mustRun(t, "merchant", "create", "Play", "--database", dsn)
	if kinds := mustRun(t, "method", "kinds"); !strings.Contains(kinds, "bkash") || !strings.Contains(kinds, "ROUTING/ACCOUNT") {
		t.Errorf("%s", kinds)
	}
	mustRun(t, "method", "add", owner, "bkash", "--database", dsn, "--flat", "5", "--ppm", "10000", "--fee-max", "50", "--max", "9000.50")
	mustRun(t, "method", "add", owner, "bank_bd", "--database", dsn, "--name", "Our bank")
	mustRun(t, "method", "set", owner, "1", "--database", dsn, "--min", "20")
	mustRun(t, "method", "disable", owner, "2", "--database", dsn)
	var got struct{ Methods []methodAnswer }
	if err := json.Unmarshal([]byte(mustRun(t, "method", "list", owner, "--json", "--database", dsn)), &got); err != nil {
		t.Fatal(err)
	}
	want := []methodAnswer{
		{
			Number: 1, Kind: "bkash", Name: "bKash", Type: "mobile_banking", AccountType: "Personal", Currency: "BDT", Min: "20.00", Max: "9000.50",
			Fee: "5.00 + 1% (at most 50.00)", Rail: "manual",
		},
		{
			Number: 2, Kind: "bank_bd", Name: "Our bank", Type: "bank", AccountType: "Current or savings", Currency: "BDT", Min: "100.00", Max: "1000000.00",
			Fee: "0.00", Rail: "manual", Disabled: true,
		},
	}
	if !slices.Equal(got.Methods, want) {
		t.Errorf("%+v", got.Methods)
	}
	mustRun(t, "method", "set", owner, "2", "--no-disabled", "--database", dsn)
	if list := mustRun(t, "method", "list", owner, "--database", dsn); strings.Contains(list, "off") || !strings.Contains(list, "'Our bank'") {
		t.Errorf("%s", list)
	}
	if out := mustRun(t, "method", "add", play, "nagad", "--database", dsn); !strings.Contains(out, "sandbox") {
		t.Errorf("%s", out)
	}
	if notes := mustRun(t, "explain", owner, "--database", dsn); strings.Count(notes, "payout_method.set") != 5 {
		t.Errorf("the audit log: %s", notes)
	}
	for _, args := range [][]string{
		{"add", owner, "cash"},
		{"add", owner, "easypaisa"},
		{"add", owner, "bkash", "--rail", "sandbox"},
		{"add", play, "bkash", "--rail", "manual"},
		{"add", owner, "bkash", "--rail", "nowhere"},
		{"add", owner, "bkash", "--min", "x"},
		{"add", owner, "bkash", "--min", "9", "--max", "8"},
		{"add", owner, "bkash", "--ppm", "2000000"},
		{"set", owner, "9"},
		{"disable", owner, "9"},
		{"add", id.New(clock.System{}), "bkash"},
		{"list", id.New(clock.System{})},
		{"add", owner, "bkash", "--name", strings.Repeat("x", 101)},
	} {
		if code, out, errs := command(t, slices.Concat([]string{"method"}, args, []string{"--database", dsn})...); code == 0 || out != "" || errs == "" {
			t.Errorf("%v: %d %q %q", args, code, out, errs)
		}
	}
	code, out, _ := command(t, "doctor", "--only", "payouts", "--database", dsn)
	if code != 0 || !strings.Contains(out, "3 methods are on, and their rails are there") {
		t.Errorf("%d %s", code, out)
	}
	edit(t, dsn, `UPDATE payout_method SET rail = 'gone' WHERE number = 2`)
	if code, out, _ = command(t, "doctor", "--only", "payouts", "--database", dsn); code != 0 || !strings.Contains(out, `goes over the rail "gone", which is not there`) {
		t.Errorf("%d %s", code, out)
	}
}

func TestTheDeskRefusesWhatItCannotRead(t *testing.T) {
	dsn := storetest.URL(t, store.SQLite)
	t.Setenv("SARRAF_KEY", random32())
	mustRun(t, "migrate", "--database", dsn)
	owner := mustRun(t, "merchant", "create", "Live", "--mode", "live", "--database", dsn)
	good := writeFile(t, "good.csv", "row,result,amount\n")
	for _, args := range [][]string{
		{"list", "--limit", "0"},
		{"list", "--status", "soon"},
		{"show", "\x01"},
		{"approve"},
		{"reject", "x"},
		{"reject", "x", "--reason", " "},
		{"complete", "x"},
		{"complete", "x", "--bank-reference", "a\nb"},
		{"complete", "x", "--bank-reference", "b", "--evidence", strings.Repeat("x", 201)},
		{"export", "--limit", "0"},
		{"export", "--limit", "10001"},
		{"export", "--currency", "QQQ"},
		{"sheet", "--close"},
		{"sheet", "-1"},
		{"import"},
		{"import", good, "--list"},
		{"import", good, "--delimiter", "::"},
		{"import", good, "--skip", "-1"},
		{"import", good, "--sheet", "9"},
		{"import", good, "--id", "nothing"},
		{"import", filepath.Join(t.TempDir(), "none.csv")},
		{"import", "--list", "--limit", "0"},
		{"list", "--allow-webhook-range", "x"},
	} {
		if code, out, errs := command(t, slices.Concat([]string{"payout"}, args, []string{"--database", dsn})...); code != exitUsage || out != "" || errs == "" {
			t.Errorf("%v: status %d, out %q, err %q", args, code, out, errs)
		}
	}
	for _, args := range [][]string{
		{"show", "x"}, {"approve", id.New(clock.System{})}, {"sheet", "1"}, {"list", "--merchant", id.New(clock.System{})}, {"export", "--method", "cash", "--currency", "BDT"},
	} {
		if code, out, errs := command(t, slices.Concat([]string{"payout"}, args, []string{"--database", dsn})...); code != exitFailed || out != "" || !strings.Contains(errs, "there is no such") {
			t.Errorf("%v: status %d, out %q, err %q", args, code, out, errs)
		}
	}
	for _, given := range []string{"BDT", "QQQ=1", "BDT=x", "BDT=-1"} {
		if code, _, errs := command(t, "merchant", "set", owner, "--payout-approval", given, "--database", dsn); code != exitUsage || !strings.Contains(errs, "--payout-approval") {
			t.Errorf("%s: %d %s", given, code, errs)
		}
	}
	code, out, errs := command(t, "payout", "import", writeFile(t, "bad.csv", "a,b\n"), "--database", dsn)
	if code != exitUsage || out != "" || !strings.Contains(errs, "bad.csv cannot be read, and nothing of it was done:\nline 1: no column payout or row") {
		t.Errorf("%d %s%s", code, out, errs)
	}
	code, out, _ = command(t, "payout", "import", good, "--delimiter", "tab", "--no-header", "--id", "1", "--result", "1", "--amount", "1", "--dry-run", "--database", dsn)
	if code != exitFailed || !strings.Contains(out, "unreadable") {
		t.Errorf("%d %s", code, out)
	}
	if _, err := os.Stat(good); err != nil {
		t.Error(err)
	}
}

func TestASheetThatAnExportHasLeftIsClosedByHand(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		owner := d.liveShop(dsn)
		d.asks(owner, "key", "A", 1_00)
		sheet := must(t, "payout", "export", "--database", dsn)
		if code := d.stop(); code != 0 {
			t.Errorf("status %d", code)
		}
		// As a process leaves it that died before it closed the sheet.
		edit(t, dsn, `UPDATE payout_sheet SET status = 'open'`)
		if code, out, errs := command(t, "payout", "sheet", "1", "--database", dsn); code != exitFailed || out != "" || !strings.Contains(errs, "--close") {
			t.Errorf("%d %s %s", code, out, errs)
		}
		if _, _, errs := command(t, "payout", "export", "--database", dsn); !strings.Contains(errs, "Sheet 1 of ") || !strings.Contains(errs, "is open") {
			t.Errorf("%s", errs)
		}
		if got := must(t, "payout", "sheet", "1", "--close", "--database", dsn); got != sheet {
			t.Errorf("%q, want %q", got, sheet)
		}
	})
}

var _ rail.Sender = farRail("")

func TestAMerchantIsToldOfWhatTheDeskDoes(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		site := newShop(t, nil)
		owner := d.liveShop(dsn)
		p, err := d.app.payouts.Request(t.Context(), payout.New{
			Owner: owner, ID: id.New(clock.System{}), Door: "aspay", Number: "ATPAYTEST1", Reference: "W1", Method: 1, Amount: money.Of(100_00, "BDT"),
			RecipientName: "R", Account: "01712345678", WebhookURL: site.URL + "/callback", AskedBy: merchant.Actor{Name: "key", Source: "test"},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		flags := []string{"--database", dsn, "--allow-http-webhooks", "--allow-webhook-range", "127.0.0.0/8"}
		must(t, append([]string{"payout", "export"}, flags...)...)
		must(t, append([]string{"payout", "complete", "ATPAYTEST1", "--bank-reference", "TX9"}, flags...)...)
		waitFor(t, "the merchant to be told that it is completed", func() bool {
			_, e := explained(t, dsn, p.ID)
			return slices.ContainsFunc(e.Found[0].Deliveries, func(d deliveryFacts) bool { return d.Type == "payout.completed" && d.State == "delivered" })
		})
	})
}
