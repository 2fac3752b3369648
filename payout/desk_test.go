package payout_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/store"
)

var (
	nadia = merchant.Actor{Name: "nadia", Source: "test"}
	taka  = payout.ExportOptions{Currency: "BDT"}
)

// waiting makes so many manual payouts of 1.00, 2.00 and so on, and answers them.
func (h *house) waiting(n int) (list []payout.Payout) {
	h.t.Helper()
	m := h.shop(merchant.Live, 1_000_000_00)
	method := h.method(m, 1_00, payout.Manual)
	for i := range n {
		list = append(list, h.ask(method, int64(i+1)*100))
	}
	return list
}

// many makes so many manual payouts of 1.00, of three merchants by turns.
func (h *house) many(n int) {
	h.t.Helper()
	var methods []payout.Method
	for range 3 {
		methods = append(methods, h.method(h.shop(merchant.Live, 1_000_000_00), 0, payout.Manual))
	}
	list := make([]payout.New, n)
	for i := range list {
		list[i] = h.asking(methods[i%3], 100)
		list[i].At = h.clock.Now()
	}
	for slice := range slices.Chunk(list, 500) {
		err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			outcomes, err := h.RequestIn(ctx, tx, slice)
			for _, o := range outcomes {
				err = errors.Join(err, o.Err)
			}
			return err
		})
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *house) export(o payout.ExportOptions) payout.Sheet {
	h.t.Helper()
	sheet, err := h.Export(ctx, nadia, o)
	if err != nil {
		h.t.Fatal(err)
	}
	return sheet
}

func (h *house) deskRows(sheet payout.Sheet) []payout.Payout {
	h.t.Helper()
	rows, err := h.SheetRows(ctx, sheet.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return rows
}

func (h *house) csv(sheet payout.Sheet) string {
	h.t.Helper()
	var out bytes.Buffer
	if err := payout.WriteSheetCSV(&out, sheet, h.deskRows(sheet)); err != nil {
		h.t.Fatal(err)
	}
	return out.String()
}

// get is a payout as it stands.
func (h *house) get(p payout.Payout) payout.Payout {
	h.t.Helper()
	p, err := h.Get(ctx, p.Merchant, p.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// deskTold are the types of the house's events of a kind.
func (h *house) deskTold(kind string) string {
	h.t.Helper()
	list, err := h.log.List(ctx, merchant.House, event.Page{Limit: 1000})
	if err != nil {
		h.t.Fatal(err)
	}
	var types []string
	for _, e := range list {
		if e.Kind == kind {
			types = append(types, string(e.Type))
		}
	}
	return strings.Join(types, " ")
}

func TestAnExportTakesWhatIsReadyAndPrintsItTheSameEachTime(t *testing.T) {
	each(t, func(h *house) {
		list := h.waiting(3)
		cancelled := h.waiting(1)[0]
		if _, err := h.Move(ctx, payout.Move{Merchant: cancelled.Merchant, Payout: cancelled.ID, Action: payout.Cancel, By: alice}, nil); err != nil {
			t.Fatal(err)
		}
		limit := h.shop(merchant.Live, 1000_00, limited(5_00))
		small, big := h.method(limit, 0, payout.Manual), h.method(limit, 0, payout.Manual)
		list = append(list, h.ask(small, 5_00))
		wanted := h.ask(big, 5_01)
		shut := h.waiting(1)[0]
		m, err := h.merchants.Get(ctx, shut.Merchant)
		if err != nil {
			t.Fatal(err)
		}
		m.Settings.Disabled = true
		if err := h.merchants.Change(ctx, alice, m); err != nil {
			t.Fatal(err)
		}
		play := h.shop(merchant.Sandbox, 1000_00)
		h.ask(h.method(play, 0, payout.Sandbox), 7_00)

		h.clock.Advance(time.Minute)
		sheet := h.export(taka)
		if sheet.Number != 1 || sheet.Lines != 4 || sheet.Amount != 11_00 || sheet.Status != payout.SheetClosed || sheet.Mode != merchant.Live || sheet.Actor != "nadia" {
			t.Fatalf("%+v", sheet)
		}
		rows := h.deskRows(sheet)
		for n, p := range rows {
			if p.ID != list[n].ID || p.Status != payout.Processing || p.Sheet != sheet.ID || !p.SentAt.Equal(h.clock.Now()) {
				t.Errorf("row %d: %+v", n+1, p)
			}
		}
		if got := h.events(list[0]); got != "payout.requested payout.processing" {
			t.Error(got)
		}
		if got, want := h.deskTold(payout.SheetKind), "payout_sheet.filled payout_sheet.closed"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if h.get(wanted).Status != payout.Pending || h.get(shut).Status != payout.Pending {
			t.Error("what waits for approval, or is of a merchant that is disabled, was put on a sheet")
		}
		first := h.csv(sheet)
		if got := h.export(taka); got.ID != "" {
			t.Errorf("a second sheet: %+v", got)
		}
		backlog, err := h.ManualBacklog(ctx)
		if want := (payout.Backlog{Mode: merchant.Live, Currency: "BDT", Method: "bkash", Wanted: 1, Held: 1}); err != nil || len(backlog) != 1 || backlog[0] != want {
			t.Errorf("%+v, %v", backlog, err)
		}
		if _, err := h.Move(ctx, payout.Move{Merchant: wanted.Merchant, Payout: wanted.ID, Action: payout.Approve, By: bob}, nil); err != nil {
			t.Fatal(err)
		}
		if got := h.export(taka); got.Number != 2 || got.Lines != 1 || h.get(wanted).Sheet != got.ID {
			t.Errorf("%+v", got)
		}
		if _, err := h.Move(ctx, payout.Move{
			Merchant: list[0].Merchant, Payout: list[0].ID, Action: payout.Complete, Right: payout.OfOperator, By: nadia, RailReference: "B1",
		}, nil); err != nil {
			t.Fatal(err)
		}
		if again := h.csv(sheet); again != first {
			t.Errorf("printed again it is\n%s\nafter\n%s", again, first)
		}
		if by, err := h.Sheet(ctx, 1); err != nil || by != sheet {
			t.Errorf("%+v, %v", by, err)
		}
		_, err = h.Sheet(ctx, 3)
		wants(t, err, fault.FieldMalformed)
		if all, err := h.Sheets(ctx, 10); err != nil || len(all) != 2 || all[0].Number != 2 {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

func TestASheetIsOfOneCurrencyAndAsLongAsItMayBe(t *testing.T) {
	each(t, func(h *house) {
		h.waiting(5)
		m := h.shop(merchant.Live, 100_00)
		if err := h.merchants.Fund(ctx, alice, m.Owner, "rupees", money.Of(100_00, "PKR")); err != nil {
			t.Fatal(err)
		}
		bank, err := h.SetMethod(ctx, alice, payout.Method{Owner: m.Owner, Kind: "jazzcash", Min: 1, Rail: payout.Manual})
		if err != nil {
			t.Fatal(err)
		}
		n := h.asking(bank, 1_00)
		n.Amount.Currency, n.Account = "PKR", "03001234567"
		if _, err := h.Request(ctx, n, nil); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			o     payout.ExportOptions
			lines int64
		}{
			{payout.ExportOptions{Currency: "BDT", Most: 2}, 2},
			{payout.ExportOptions{Currency: "BDT", Method: "nagad"}, 0},
			{payout.ExportOptions{Currency: "BDT", Sandbox: true}, 0},
			{payout.ExportOptions{Currency: "EUR"}, 0},
			{payout.ExportOptions{Currency: "BDT", Method: "bkash", Most: 2}, 2},
			{payout.ExportOptions{Currency: "PKR"}, 1},
			{payout.ExportOptions{Currency: "BDT"}, 1},
		} {
			if got := h.export(c.o); got.Lines != c.lines {
				t.Errorf("%+v: %+v", c.o, got)
			}
		}
		for _, c := range []struct {
			o    payout.ExportOptions
			code fault.Code
		}{
			{payout.ExportOptions{}, fault.CurrencyUnknown},
			{payout.ExportOptions{Currency: "QQQ"}, fault.CurrencyUnknown},
			{payout.ExportOptions{Currency: "BDT", Method: "cash"}, fault.PayoutMethodMissing},
			{payout.ExportOptions{Currency: "BDT", Most: -1}, fault.FieldMalformed},
			{payout.ExportOptions{Currency: "BDT", Most: 10_001}, fault.FieldMalformed},
		} {
			_, err := h.Export(ctx, nadia, c.o)
			wants(t, err, c.code)
		}
		if _, err := h.Export(ctx, merchant.Actor{}, taka); err == nil {
			t.Error("nobody made a sheet")
		}
	})
}

func TestOperatorsWhoExportAtOncePutNoPayoutOnTwoSheets(t *testing.T) {
	const all = 1200 // more than two slices
	each(t, func(h *house) {
		h.many(all)
		sheets := make([]payout.Sheet, 3)
		var at sync.WaitGroup
		for n := range sheets {
			node := h.second()
			at.Go(func() {
				var err error
				if sheets[n], err = node.Export(ctx, nadia, payout.ExportOptions{Currency: "BDT", Most: 700}); err != nil {
					t.Error(err)
				}
			})
		}
		at.Wait()
		rest := h.export(taka)
		on, total := map[string]bool{}, int64(0)
		for _, s := range append(sheets, rest) {
			if s.ID == "" {
				continue
			}
			total += s.Lines
			for _, p := range h.deskRows(s) {
				if on[p.ID] {
					t.Errorf("%s is on two sheets", p.ID)
				}
				on[p.ID] = true
			}
		}
		if total != all || len(on) != all || rest.Lines > all-700 {
			t.Errorf("%d payouts on sheets, %d different ones, want %d; %+v", total, len(on), all, sheets)
		}
	})
}

// stopping ends its context after so many transactions have begun.
type stopping struct {
	context.Context
	left int
}

func (s *stopping) Err() error {
	if s.left--; s.left < 0 {
		return errors.New("stopped")
	}
	return nil
}

func TestAnExportThatStoppedInTheMiddleLosesNothing(t *testing.T) {
	each(t, func(h *house) {
		h.many(1200)
		_, err := h.Export(&stopping{Context: ctx, left: 1}, nadia, payout.ExportOptions{Currency: "BDT", Most: 5000})
		if err == nil || err.Error() != "stopped" {
			t.Fatal(err)
		}
		left, err := h.Sheet(ctx, 1)
		if err != nil || left.Status != payout.SheetOpen || left.Lines == 0 || left.Lines >= 1200 || int64(len(h.deskRows(left))) != left.Lines {
			t.Fatalf("%+v, %v", left, err)
		}
		h.proved()
		d := h.desk()
		if d.OpenSheets != 1 || d.Handed != left.Lines || d.Manual != 1200-left.Lines {
			t.Errorf("%+v", d)
		}
		rest := h.export(payout.ExportOptions{Currency: "BDT", Most: 5000})
		if rest.Number != 2 || rest.Lines != 1200-left.Lines {
			t.Errorf("%+v after %+v", rest, left)
		}
		for range 2 {
			closed, err := h.CloseSheet(ctx, bob, 1)
			if err != nil || closed.Status != payout.SheetClosed || closed.Lines != left.Lines || closed.Actor != "nadia" {
				t.Errorf("%+v, %v", closed, err)
			}
		}
		if got, want := h.deskTold(payout.SheetKind), "payout_sheet.filled payout_sheet.filled payout_sheet.filled payout_sheet.closed payout_sheet.closed"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func (h *house) desk() (d payout.DeskState) {
	h.t.Helper()
	err := h.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		d, err = payout.Desk(ctx, tx)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return d
}

func TestASheetThatIsClosedUnderAnExportGetsNoMore(t *testing.T) {
	each(t, func(h *house) {
		h.many(1200)
		closing := &hooked{Context: ctx, at: 2, do: func() {
			if _, err := h.CloseSheet(ctx, bob, 1); err != nil {
				t.Error(err)
			}
		}}
		sheet, err := h.Export(closing, nadia, payout.ExportOptions{Currency: "BDT", Most: 5000})
		if err != nil || sheet.Lines == 0 || sheet.Lines >= 1200 || sheet.Status != payout.SheetClosed || int64(len(h.deskRows(sheet))) != sheet.Lines {
			t.Errorf("%+v, %v", sheet, err)
		}
	})
}

// hooked does something when it is asked for the nth time whether it has ended.
type hooked struct {
	context.Context
	at int
	do func()
}

func (h *hooked) Err() error {
	if h.at--; h.at == 0 {
		h.do()
	}
	return nil
}

func TestWhatAnOperatorMarksByHandIsFinal(t *testing.T) {
	each(t, func(h *house) {
		list := h.waiting(3)
		h.export(taka)
		mark := func(p payout.Payout, a payout.Action) error {
			_, err := h.Move(ctx, payout.Move{
				Merchant: p.Merchant, Payout: p.ID, Action: a, Right: payout.OfOperator, By: nadia, RailReference: "B" + p.ID[30:], Reason: "r",
			}, nil)
			return err
		}
		for n, a := range []payout.Action{payout.Complete, payout.Reject} {
			if err := mark(list[n], a); err != nil {
				t.Fatal(err)
			}
			for _, again := range []payout.Action{payout.Complete, payout.Reject, payout.Cancel} {
				wants(t, mark(list[n], again), fault.PayoutClosed)
			}
		}
		if a, b := h.get(list[0]), h.get(list[1]); a.Status != payout.Completed || a.DecidedBy != "nadia" || b.Status != payout.Rejected || b.Reason != "r" {
			t.Errorf("%+v %+v", a, b)
		}
	})
}

func TestADeskTellsWhatWaitsAndSinceWhen(t *testing.T) {
	each(t, func(h *house) {
		if d := h.desk(); d != (payout.DeskState{}) {
			t.Errorf("%+v", d)
		}
		first := h.waiting(1)[0]
		h.export(taka)
		h.clock.Advance(time.Hour)
		h.waiting(2)
		h.clock.Advance(time.Hour)
		limit := h.shop(merchant.Live, 1000_00, limited(1_00))
		wanted := h.ask(h.method(limit, 0, payout.Manual), 5_01)
		play := h.ask(h.method(h.shop(merchant.Sandbox, 1000_00), 0, payout.Sandbox), 7_00)
		h.does(play, payout.Process)
		h.does(play, payout.Doubt)
		want := payout.DeskState{
			Unknown: 1, UnknownSince: play.CreatedAt, Wanted: 1, WantedSince: wanted.CreatedAt, Manual: 2, ManualSince: start.Add(time.Hour), Handed: 1,
			HandedSince: first.CreatedAt,
		}
		if d := h.desk(); fmt.Sprint(d) != fmt.Sprint(want) {
			t.Errorf("%+v, want %+v", d, want)
		}
	})
}

func TestAPayoutIsNamedByItsIDItsRowOrItsNumber(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Live, 1000_00)
		method := h.method(m, 0, payout.Manual)
		n := h.asking(method, 5_00)
		n.Number, n.Reference = "ATP0001", "order 1"
		p, err := h.Request(ctx, n, nil)
		if err != nil {
			t.Fatal(err)
		}
		sheet := h.export(taka)
		for _, text := range []string{p.ID, strings.ToUpper(p.ID), sheet.RowName(1), "s1-1", "ATP0001", "order 1"} {
			if list, err := h.Named(ctx, text); err != nil || len(list) != 1 || list[0].ID != p.ID {
				t.Errorf("%s: %v %v", text, list, err)
			}
		}
		for _, text := range []string{"", "S1-2", "S2-1", "ATP0002", m.Owner, "x"} {
			if list, err := h.Named(ctx, text); err != nil || len(list) != 0 {
				t.Errorf("%s: %v %v", text, list, err)
			}
		}
	})
}

func TestARefundIsNotMovedByAProgramInWhichNothingGoesAlongWithIt(t *testing.T) {
	each(t, func(h *house) {
		m := h.shop(merchant.Live, 1000_00)
		p := payout.Payout{
			Owner: m.Owner, ID: id.New(h.clock), Kind: payout.KindRefund, Merchant: m.Owner, Rail: payout.Manual, Amount: 10_00, Currency: "BDT",
			Source: ledger.Balance, Target: ledger.Payouts, Subject: "a payment", Status: payout.Pending, AskedBy: "alice", CreatedAt: start, UpdatedAt: start,
		}
		err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			errs, facts, err := h.StartIn(ctx, tx, []*payout.Payout{&p})
			if err == nil {
				_, err = h.log.Append(ctx, tx, facts)
			}
			return errors.Join(err, errs[0])
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.Move(ctx, payout.Move{Merchant: m.Owner, Payout: p.ID, Action: payout.Complete, Right: payout.OfOperator, By: nadia}, nil)
		if err == nil || !strings.Contains(err.Error(), "nothing goes along with it") || h.get(p).Status != payout.Pending {
			t.Errorf("%v: %s", err, h.get(p).Status)
		}
		if _, err := h.Export(ctx, nadia, taka); err == nil || h.get(p).Sheet != "" {
			t.Errorf("%v, on sheet %q", err, h.get(p).Sheet)
		}
	})
}
