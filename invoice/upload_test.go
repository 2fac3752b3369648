package invoice_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/audit"
	"sarraf/internal/audittest"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/money"
	"sarraf/qr"
	"sarraf/store"
)

// eachUploads is each, with what bills need set up.
func eachUploads(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	each(t, func(t *testing.T, h *house) {
		h.prefix(t)
		fn(t, h)
	})
}

func (h *house) prefix(t *testing.T) {
	t.Helper()
	if err := h.SetPSIDPrefix("1001391"); err != nil {
		t.Fatal(err)
	}
}

// numbered draws the numbers that bills and uploads print, over all tests of a database.
func (h *house) numbered(t testing.TB, many int) int64 {
	t.Helper()
	first, err := h.db.Numbers("door").Take(ctx, int64(many))
	if err != nil {
		t.Fatal(err)
	}
	return first
}

// sheet is so many bills, as a front door hands them over.
func (h *house) sheet(t testing.TB, payer func(line int) string, many int) []invoice.NewBill {
	t.Helper()
	first := h.numbered(t, many)
	bills := make([]invoice.NewBill, many)
	for n := range bills {
		bills[n] = invoice.NewBill{Invoice: invoice.Invoice{
			Number: fmt.Sprint(first + int64(n)), Kind: invoice.Bill, Payer: payer(n + 1), Title: "فیس <&>", Amount: 100_00 + int64(n), LateAmount: 110_00 + int64(n),
			LateFrom: start.Add(240 * time.Hour), Currency: money.PKR, Extra: `{"dueDate":"2026-03-10"}`,
		}}
	}
	return bills
}

// students are payers that differ.
func students(line int) string { return fmt.Sprintf("FS-%04d", line) }

// upload keeps an upload of the bills.
func (h *house) upload(t testing.TB, owner string, bills []invoice.NewBill) invoice.Upload {
	t.Helper()
	u := invoice.Upload{Owner: owner, Door: "asaanbill", Number: fmt.Sprint(h.numbered(t, 1)), ContentType: "CSV", FileName: "march.csv"}
	kept, err := h.Upload(ctx, u, bills, nil)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// step works at one upload, whichever is due, and answers whether one was. Time goes by.
func (h *house) step(t testing.TB) bool {
	t.Helper()
	h.clock.Advance(time.Millisecond)
	more, err := h.WorkUploads(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return more
}

// drain works until nothing is due.
func (h *house) drain(t testing.TB) {
	t.Helper()
	for h.step(t) {
	}
}

// read is the upload as it stands.
func (h *house) read(t testing.TB, u invoice.Upload) invoice.Upload {
	t.Helper()
	now, err := h.UploadByNumber(ctx, u.Owner, u.Door, u.Number)
	if err != nil {
		t.Fatal(err)
	}
	return now
}

func (h *house) lines(t testing.TB, u invoice.Upload) []invoice.UploadLine {
	t.Helper()
	list, err := h.UploadLines(ctx, u.Owner, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(list)) != u.Lines {
		t.Fatalf("%d lines of %d", len(list), u.Lines)
	}
	for n, l := range list {
		if l.Invoice.Line != int64(n)+1 || l.Invoice.Upload != u.ID || l.Invoice.Owner != u.Owner || l.Invoice.Door != u.Door {
			t.Fatalf("line %d: %+v", n+1, l)
		}
	}
	return list
}

// states counts lines by state.
func states(list []invoice.UploadLine) map[invoice.LineState]int {
	count := map[invoice.LineState]int{}
	for _, l := range list {
		count[l.State]++
	}
	return count
}

// told are the events about an upload, by type.
func (h *house) told(t *testing.T, u invoice.Upload) (list []event.Type, last invoice.UploadFact) {
	t.Helper()
	for _, e := range h.events(t, u.Owner) {
		if e.Kind != invoice.UploadEventKind || e.Subject != u.ID {
			continue
		}
		last = invoice.UploadFact{}
		if err := json.Unmarshal(e.Data, &last); err != nil || e.Door != u.Door {
			t.Fatal(e, err)
		}
		list = append(list, e.Type)
	}
	return list, last
}

// poison has every transaction fail that makes a bill with the title "poison".
func (h *house) poison(t *testing.T) {
	t.Helper()
	h.trap.set(func(list []event.Written) error {
		for _, e := range list {
			if e.Type == invoice.EventCreated && strings.Contains(string(e.Data), `"title":"poison"`) {
				return errors.New("poisoned")
			}
		}
		return nil
	})
}

// persist works until every upload is done, however often that fails, and answers how often it did.
func (h *house) persist(t *testing.T) (failures int) {
	t.Helper()
	for range 1000 {
		h.clock.Advance(10 * time.Minute)
		if _, err := h.WorkUploads(ctx); err != nil {
			failures++
		}
		if n, _, err := h.UploadsUndone(ctx); err != nil || n == 0 {
			if err != nil {
				t.Fatal(err)
			}
			return failures
		}
	}
	t.Fatal("there are uploads that are never done")
	return failures
}

var approved = []event.Type{invoice.EventUploadCreated, invoice.EventUploadApproved}

func TestUploadIsKeptAtOnceAndItsBillsAreMadeInTheBackground(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		bills := h.sheet(t, students, 1203)
		u := h.upload(t, "school", bills)
		want := invoice.Upload{
			Owner: "school", ID: u.ID, Door: "asaanbill", Number: u.Number, ContentType: "CSV", FileName: "march.csv", Lines: 1203,
			Status: invoice.UploadWaiting, CreatedAt: start, UpdatedAt: start,
		}
		if d := cmp.Diff(want, u); d != "" {
			t.Fatal(d)
		}
		if d := cmp.Diff(want, h.read(t, u)); d != "" {
			t.Fatal(d)
		}
		list := h.lines(t, u)
		if d := cmp.Diff(map[invoice.LineState]int{invoice.LineDraft: 1203}, states(list)); d != "" {
			t.Fatal(d)
		}
		if got := list[700].Invoice; got.PSID != "" || got.Amount != 100_00+700 || got.Payer != "FS-0701" || got.Number != bills[700].Invoice.Number || !got.CreatedAt.Equal(start) {
			t.Fatalf("%+v", got)
		}
		h.clean(t)
		h.step(t)
		half := h.read(t, u)
		if half.Status != invoice.UploadWorking || half.Done != 500 {
			t.Fatalf("%+v", half)
		}
		if d := cmp.Diff(map[invoice.LineState]int{invoice.LineMade: 500, invoice.LineInProcess: 703}, states(h.lines(t, u))); d != "" {
			t.Fatal(d)
		}
		h.clean(t)
		h.drain(t)
		want.Done, want.Status, want.UpdatedAt = 1203, invoice.UploadDone, start.Add(3*time.Millisecond)
		if d := cmp.Diff(want, h.read(t, u)); d != "" {
			t.Fatal(d)
		}
		psids := map[string]bool{}
		for n, l := range h.lines(t, u) {
			read, err := h.ByNumber(ctx, "school", "asaanbill", bills[n].Invoice.Number)
			if d := cmp.Diff(l.Invoice, read); err != nil || d != "" || l.State != invoice.LineMade {
				t.Fatal(l.State, err, d)
			}
			if !invoice.ValidPSID(read.PSID) || psids[read.PSID] || read.Status != invoice.Open {
				t.Fatalf("line %d: %s with PSID %s", n+1, read.Status, read.PSID)
			}
			psids[read.PSID] = true
		}
		types, fact := h.told(t, u)
		if d := cmp.Diff(approved, types); d != "" {
			t.Fatal(d)
		}
		if d := cmp.Diff(want, fact.Upload); d != "" || len(fact.Problems) != 0 {
			t.Fatal(d, fact.Problems)
		}
		h.clean(t)
	})
}

func TestUploadsAreListedNewestFirstAndFoundByTheirOwnNumberAlone(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		var all []invoice.Upload
		for n := range 5 {
			h.clock.Advance(time.Minute)
			u := invoice.Upload{Owner: "school", Door: "asaanbill", Number: fmt.Sprint(h.numbered(t, 1)), ContentType: []string{"JSON", "CSV"}[n%2]}
			kept, err := h.Upload(ctx, u, h.sheet(t, students, 1), nil)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, kept)
		}
		slices.Reverse(all)
		list := func(contentType string, p invoice.Offset) []invoice.Upload {
			t.Helper()
			some, total, err := h.Uploads(ctx, "school", "asaanbill", contentType, p)
			if want := map[string]int64{"": 5, "JSON": 3, "CSV": 2, "XML": 0}[contentType]; err != nil || total != want {
				t.Fatalf("%d of %s, %v", total, contentType, err)
			}
			return some
		}
		if d := cmp.Diff(all, list("", invoice.Offset{Limit: 100})); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(all[1:3], list("", invoice.Offset{Skip: 1, Limit: 2})); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff([]invoice.Upload{all[1], all[3]}, list("CSV", invoice.Offset{Limit: 100})); d != "" {
			t.Error(d)
		}
		if some := list("XML", invoice.Offset{Limit: 100}); len(some) != 0 {
			t.Error(some)
		}
		for _, wrong := range [][2]string{{"other", "asaanbill"}, {"school", "native"}} {
			if _, err := h.UploadByNumber(ctx, wrong[0], wrong[1], all[0].Number); !fault.Has(err, fault.UploadMissing) {
				t.Errorf("%v: %v", wrong, err)
			}
			if some, total, err := h.Uploads(ctx, wrong[0], wrong[1], "", invoice.Offset{Limit: 100}); err != nil || total != 0 || len(some) != 0 {
				t.Errorf("%v: %v, %d, %v", wrong, some, total, err)
			}
		}
		if _, err := h.UploadLines(ctx, "other", all[0].ID); !fault.Has(err, fault.UploadMissing) {
			t.Error(err)
		}
		if _, err := h.WorkUpload(ctx, "other", all[0].ID); !fault.Has(err, fault.UploadMissing) {
			t.Error(err)
		}
		h.clean(t)
	})
}

func TestLineIsFoundByItsNumberBeforeAndAfterItIsMade(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		bills := h.sheet(t, students, 600)
		bills[3].Invoice.Number = "A-3" // a door may print what it likes
		bills[4].Invoice.Title = "poison"
		h.poison(t)
		u := h.upload(t, "school", bills)
		find := func(owner, door string, line int, want invoice.LineState) {
			t.Helper()
			got, err := h.DraftByNumber(ctx, owner, door, bills[line-1].Invoice.Number)
			switch {
			case want == "":
				if !fault.Has(err, fault.InvoiceMissing) {
					t.Errorf("line %d: %+v, %v", line, got, err)
				}
			case err != nil || got.State != want || got.Invoice.Line != int64(line) || got.Invoice.Upload != u.ID:
				t.Errorf("line %d: %+v, %v", line, got, err)
			}
		}
		for _, line := range []int{1, 4, 600} {
			find("school", "asaanbill", line, invoice.LineDraft)
			find("school", "native", line, "")
			find("other", "asaanbill", line, "")
		}
		h.persist(t)
		for _, line := range []int{1, 4, 600} {
			find("school", "asaanbill", line, invoice.LineMade)
			find("other", "asaanbill", line, "")
		}
		find("school", "asaanbill", 5, invoice.LineErrored)
		if _, err := h.DraftByNumber(ctx, "school", "asaanbill", "no number"); !fault.Has(err, fault.InvoiceMissing) {
			t.Error(err)
		}
		h.clean(t)
	})
}

func TestUploadThatIsTooLongOrEmptyOrCannotBeMadeIsRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := invoice.Upload{Owner: "school", Door: "asaanbill", Number: "1", ContentType: "JSON"}
		if _, err := h.Upload(ctx, u, h.sheet(t, students, 1), nil); !fault.Has(err, fault.SettingMissing) {
			t.Errorf("without a prefix: %v", err)
		}
		h.prefix(t)
		for _, n := range []int{0, invoice.UploadMost + 1} {
			if _, err := h.Upload(ctx, u, h.sheet(t, students, max(n, 1))[:n], nil); err == nil {
				t.Errorf("%d bills were taken", n)
			}
		}
		if h.upload(t, "school", h.sheet(t, students, 1)); len(h.events(t, "school")) != 1 {
			t.Error("a refused one left something")
		}
		h.clean(t)
	})
}

func TestSameKeyKeepsOneUpload(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		nodes := []*house{h, h.second(t)}
		nodes[1].prefix(t)
		bills := h.sheet(t, students, 700)
		var mu sync.Mutex
		var answers []invoice.Upload
		var wg sync.WaitGroup
		for n := range 50 {
			wg.Go(func() {
				u := invoice.Upload{Owner: "school", Door: "asaanbill", Number: fmt.Sprint(900_000 + n), ContentType: "JSON"}
				kept, err := nodes[n%2].Upload(ctx, u, bills, &store.Key{Door: "asaanbill", Key: "k", Hash: "h"})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				answers = append(answers, kept)
				mu.Unlock()
			})
		}
		wg.Wait()
		for _, a := range answers {
			if d := cmp.Diff(answers[0], a); d != "" {
				t.Fatal(d)
			}
		}
		h.drain(t)
		if _, total, err := h.Uploads(ctx, "school", "asaanbill", "", invoice.Offset{}); err != nil || total != 1 {
			t.Fatalf("%d uploads, %v", total, err)
		}
		if got := states(h.lines(t, answers[0])); got[invoice.LineMade] != 700 {
			t.Fatal(got)
		}
		h.clean(t)
	})
}

func TestNumberOfAnotherUploadIsRefusedAndHarmsNobody(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		had := h.upload(t, "school", h.sheet(t, students, 1))
		u := invoice.Upload{Owner: "other", Door: "asaanbill", Number: had.Number, ContentType: "JSON"}
		if _, err := h.Upload(ctx, u, h.sheet(t, students, 1), nil); !store.IsUnique(err) {
			t.Fatal(err)
		}
		if n := len(h.events(t, "other")); n != 0 {
			t.Fatalf("%d events of nothing", n)
		}
		h.drain(t)
		h.clean(t)
	})
}

func TestCodesOfAnUploadAreThoseThatWereHandedIn(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		code := func(name string) *invoice.Code {
			return &invoice.Code{
				Account: qr.PakistanAccount{Operator: "D15600000000", BIC: "HABBPKKA", IBAN: "PK36SCBL0000001123456702"},
				Payee:   qr.Payee{Name: name, City: "Lahore", Category: "8299"},
			}
		}
		bills := h.sheet(t, students, 4)
		bills[0].Code, bills[1].Code, bills[3].Code = code("School"), code("Hostel"), code("School")
		u := h.upload(t, "school", bills)
		h.drain(t)
		for n, want := range []string{"6006Lahore", "Hostel", "", "School"} {
			inv := h.lines(t, u)[n].Invoice
			if (inv.QR == "") != (want == "") || !strings.Contains(inv.QR, want) || !strings.Contains(inv.QR, inv.PSID[:len(inv.PSID)*min(len(want), 1)]) {
				t.Errorf("line %d: %q", n+1, inv.QR)
			}
		}
		h.clean(t)
	})
}

func TestAuditNamesEveryEditOfAnUpload(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		h.poison(t)
		bills := h.sheet(t, students, 3)
		bills[1].Invoice.Title = "poison"
		h.upload(t, "school", bills)
		h.persist(t)
		h.upload(t, "school", h.sheet(t, students, 2))
		h.drain(t)
		// Where a worker stands is its own affair; what is done and what is left is not.
		waiting, half := h.upload(t, "office", h.sheet(t, students, 2)), h.upload(t, "office", h.sheet(t, students, 501))
		h.clock.Advance(time.Second)
		if _, err := h.WorkUpload(ctx, half.Owner, half.ID); err != nil {
			t.Fatal(err)
		}
		audittest.Walk(t, h.db, invoice.Audit,
			audittest.Table{Name: "upload", Key: []string{"owner", "id"}, Where: "status = 'done'"},
			audittest.Table{Name: "upload_part", Key: []string{"owner", "upload", "part"}},
			audittest.Table{Name: "alias", Key: []string{"kind", "value"}, Where: "kind LIKE '%.upload'"},
		)
		for _, u := range []invoice.Upload{waiting, half} {
			for _, set := range []string{
				"door = 'x'", "number = 'x'", "content_type = 'x'", "file_name = 'x'", "lines = lines + 1", "done = done + 1", "errored = 1",
				"status = 'done'", "created_at = created_at + 1", "failures = -1", "due_at = 0", "id = 'x'", "owner = 'x'",
			} {
				h.edited(t, "UPDATE upload SET "+set+" WHERE id = '"+u.ID+"'", "upload")
			}
			h.edited(t, "DELETE FROM upload WHERE id = '"+u.ID+"'", "upload")
		}
		h.edited(t, "DELETE FROM event WHERE kind = 'upload' AND type = 'upload.approved'", "upload")
		h.edited(t, "DELETE FROM event WHERE kind = 'upload' AND type = 'upload.created'", "upload")
	})
}

// edited fails unless the audit names the table after the edit, which is then taken back.
func (h *house) edited(t *testing.T, edit, table string) {
	t.Helper()
	undo := fmt.Errorf("undo")
	err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.Exec(ctx, edit); err != nil {
			return err
		}
		named := false
		if err := invoice.Audit(ctx, tx, func(f audit.Finding) { named = named || f.Table == table }); err != nil {
			return err
		}
		if !named {
			t.Errorf("the audit does not name %s after %s", table, edit)
		}
		return undo
	})
	if err != undo {
		t.Fatal(edit, err)
	}
}

// Five thousand in one, through every step; BenchmarkUploadOf5000 has the figures.
func TestFiveThousandInOneUpload(t *testing.T) {
	eachUploads(t, func(t *testing.T, h *house) {
		u := h.upload(t, "school", h.sheet(t, students, invoice.UploadMost))
		h.drain(t)
		if now := h.read(t, u); now.Status != invoice.UploadDone || now.Done != invoice.UploadMost || now.Errored != 0 {
			t.Fatalf("%+v", now)
		}
		if got := states(h.lines(t, u)); got[invoice.LineMade] != invoice.UploadMost {
			t.Fatal(got)
		}
		h.clean(t)
	})
}

func BenchmarkUploadOf5000(b *testing.B) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			db := storetest.Open(b, storetest.URL(b, engine), nil)
			s := invoice.NewService(db, event.NewLog(db))
			b.Cleanup(s.Close)
			if err := s.SetPSIDPrefix("1001391"); err != nil {
				b.Fatal(err)
			}
			h := &house{db: db, Service: s}
			var keeping, making time.Duration
			for n := 0; b.Loop(); n++ {
				bills := h.sheet(b, func(line int) string { return fmt.Sprint(n%2, "-", line) }, invoice.UploadMost) // every second one supersedes
				began := time.Now()
				h.upload(b, "school", bills)
				keeping += time.Since(began)
				began = time.Now()
				for more := true; more; {
					var err error
					if more, err = s.WorkUploads(ctx); err != nil {
						b.Fatal(err)
					}
				}
				making += time.Since(began)
			}
			b.ReportMetric(float64(keeping.Milliseconds())/float64(b.N), "ms/kept")
			b.ReportMetric(float64(making.Milliseconds())/float64(b.N), "ms/made")
		})
	}
}
