package main

import (
	"fmt"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/crashtest"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/money"
	"sarraf/store"
)

// bulk is what a test knows of a house whose uploads are made by a program that is killed: it hands them in past the program, and reads them.
type bulk struct {
	dsn     string
	db      *store.DB
	log     *event.Log
	bills   *invoice.Service
	numbers *store.Numbers
	owners  []string
	list    []invoice.Upload
}

// underWay is how many uploads there are at a time, and bulkLines how many lines each has: more than a few slices.
const (
	underWay  = 10
	bulkLines = 1300
)

func newBulk(t *testing.T, dsn string, secrets []string) *bulk {
	t.Helper()
	b := &bulk{dsn: dsn}
	for range 2 {
		out, err := crashtest.Run(t, secrets, "merchant", "create", "City School", "--currencies", "PKR", "--database", dsn)
		if err != nil {
			t.Fatal(err)
		}
		b.owners = append(b.owners, out[:len(out)-1])
	}
	db, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b.db, b.log = db, event.NewLog(db)
	b.bills, b.numbers = invoice.NewService(db, b.log), db.Numbers("bulk")
	t.Cleanup(func() { b.bills.Close(); _ = db.Close() })
	if err := b.bills.SetPSIDPrefix(demoPrefix); err != nil {
		t.Fatal(err)
	}
	return b
}

// undone counts the uploads that are not done, and the lines that are.
func (b *bulk) undone(t *testing.T) (uploads, lines int64) {
	t.Helper()
	for _, u := range b.list {
		now, err := b.bills.UploadByNumber(t.Context(), u.Owner, u.Door, u.Number)
		if err != nil {
			t.Fatal(err)
		}
		lines += now.Done
		if now.Status != invoice.UploadDone {
			uploads++
		}
	}
	return uploads, lines
}

// fill hands in uploads until ten are under way. Every merchant's have the same payers.
func (b *bulk) fill(t *testing.T) {
	t.Helper()
	have, _ := b.undone(t)
	for range underWay - have {
		first, err := b.numbers.Take(t.Context(), bulkLines+1)
		if err != nil {
			t.Fatal(err)
		}
		var bills []invoice.NewBill
		for line := range int64(bulkLines) {
			bills = append(bills, invoice.NewBill{Invoice: invoice.Invoice{
				Number: fmt.Sprint(first + 1 + line), Kind: invoice.Bill, Payer: fmt.Sprint("student ", line), Title: "Fee", Amount: 1000 + line,
				LateAmount: 1100 + line, LateFrom: time.Now().Add(time.Hour), Currency: money.PKR, Extra: "{}",
			}})
		}
		u := invoice.Upload{Owner: b.owners[len(b.list)%len(b.owners)], Door: "asaanbill", Number: fmt.Sprint(first), ContentType: "JSON"}
		if u, err = b.bills.Upload(t.Context(), u, bills, nil); err != nil {
			t.Fatal(err)
		}
		b.list = append(b.list, u)
	}
}

// check holds everything that was handed in against what is there, once all of it is done.
func (b *bulk) check(t *testing.T) {
	t.Helper()
	approved := map[string]int{}
	for _, owner := range b.owners {
		for after, more := int64(0), true; more; {
			list, err := b.log.List(t.Context(), owner, event.Page{After: after, Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range list {
				if after = e.Seq; e.Type == invoice.EventUploadApproved {
					approved[e.Subject]++
				}
			}
			more = len(list) > 0
		}
	}
	open, want := map[string]int{}, map[string]int64{}
	for _, u := range b.list {
		want[u.Owner] += u.Lines
		if approved[u.ID] != 1 {
			t.Errorf("upload %s is told approved %d times", u.Number, approved[u.ID])
		}
		lines, err := b.bills.UploadLines(t.Context(), u.Owner, u.ID)
		if err != nil || len(lines) != bulkLines {
			t.Fatalf("upload %s: %d lines, %v", u.Number, len(lines), err)
		}
		for n, l := range lines {
			if l.State != invoice.LineMade || l.Invoice.Payer != fmt.Sprint("student ", n) || !invoice.ValidPSID(l.Invoice.PSID) {
				t.Fatalf("upload %s, line %d: %+v", u.Number, n+1, l)
			}
			if l.Invoice.Status == invoice.Open {
				open[l.Invoice.PSID]++
			}
		}
	}
	for psid, n := range open {
		if n != 1 {
			t.Errorf("PSID %s has %d open bills", psid, n)
		}
	}
	if payers := bulkLines * len(b.owners); len(open) != payers {
		t.Errorf("%d PSIDs have an open bill, of %d payers", len(open), payers)
	}
	for owner, n := range want {
		if _, total, err := b.bills.Bills(t.Context(), owner, "asaanbill", invoice.Offset{}); err != nil || total != n {
			t.Errorf("%d bills of %d lines, %v", total, n, err)
		}
	}
}

// listWork is long lists that a program is killed at.
type listWork interface {
	fill(t *testing.T)                          // hands in lists until enough are under way
	undone(t *testing.T) (lists, decided int64) // lists that are not done, and lines of all that are decided
	check(t *testing.T)                         // holds what was handed in against what is there, once all of it is done
}

// killedAt kills the program in the middle of lists, as often as the plan says, and has it finish them.
func killedAt(t *testing.T, dsn string, w listWork, node *crashtest.Node) {
	t.Helper()
	p := crashtest.NewPlan(t)
	p.Each(t, func(cycle int) {
		random := p.Random(cycle)
		w.fill(t)
		_, before := w.undone(t)
		node.Start(t)
		waitFor(t, "lines to be decided", func() bool {
			_, now := w.undone(t)
			return now > before
		})
		<-time.After(time.Duration(random.Int64N(int64(50 * time.Millisecond)))) // anywhere in a slice
		node.Kill()
		if lists, _ := w.undone(t); lists == 0 {
			t.Error("nothing was under way when the program was killed")
		}
		if random.IntN(3) == 0 {
			crashtest.Audit(t, dsn) // the dead one, before anybody could mend it
		}
	})
	node.Start(t)
	waitFor(t, "every list to be done", func() bool {
		lists, _ := w.undone(t)
		return lists == 0
	})
	node.Stop(t)
	w.check(t)
	crashtest.Audit(t, dsn)
}

func TestAKilledProgramLosesAndDoublesNoLineOfAnUpload(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			s, dsn := fresh(), storetest.URL(t, engine)
			secrets := []string{"SARRAF_KEY=" + s.Key, "SARRAF_SEAL_KEY=" + s.SealKey}
			if _, err := crashtest.Run(t, secrets, "migrate", "--database", dsn); err != nil {
				t.Fatal(err)
			}
			b := newBulk(t, dsn, secrets)
			killedAt(t, dsn, b, crashtest.Serve(t, dsn, secrets, "--psid-prefix", demoPrefix))
		})
	}
}
