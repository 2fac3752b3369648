package payout_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"sarraf/event"
	"sarraf/merchant"
	"sarraf/payout"
	"sarraf/store"
)

// failing has the nth writing of events fail, and the transaction with it: what stands before is not committed, as when the process dies there.
type failing struct{ left int }

var errDied = errors.New("died here")

func (f *failing) Accept(context.Context, *store.Tx, []event.Written) error {
	if f.left--; f.left == 0 {
		return errDied
	}
	return nil
}

// dying is a node whose nth writing of events fails.
func (h *house) dying(n int) *payout.Service {
	log := event.NewLog(h.db, &failing{left: n})
	s := payout.NewService(payout.Deps{DB: h.db, Log: log, Merchants: merchant.NewService(h.db, log, nil)})
	h.t.Cleanup(s.Close)
	return s
}

func TestAtWhateverStepAnExportOrAnImportDiesNothingIsLostOrDoneTwice(t *testing.T) {
	const all = 1600
	each(t, func(h *house) {
		h.many(all)
		step := 1
		for ; ; step++ {
			_, err := h.dying(step).Export(ctx, nadia, payout.ExportOptions{Currency: "BDT", Most: all})
			if err == nil {
				break
			}
			if !errors.Is(err, errDied) {
				t.Fatal(err)
			}
			h.proved()
		}
		sheets, err := h.Sheets(ctx, 100)
		if err != nil || step < 6 || len(sheets) < 3 {
			t.Fatalf("%d steps, %d sheets, %v", step, len(sheets), err)
		}
		on := map[string]bool{}
		var file strings.Builder
		file.WriteString(answerHead)
		for _, s := range sheets {
			if s.Status != payout.SheetOpen {
				t.Errorf("sheet %d is %s: each export died", s.Number, s.Status)
			}
			if s, err = h.CloseSheet(ctx, nadia, s.Number); err != nil {
				t.Fatal(err)
			}
			for n, p := range h.deskRows(s) {
				if on[p.ID] || p.Status != payout.Processing {
					t.Errorf("%s is on two sheets, or %s", p.ID, p.Status)
				}
				on[p.ID] = true
				fmt.Fprintf(&file, "%s,paid,1,B%d,\n", s.RowName(int64(n)+1), len(on))
			}
		}
		if len(on) != all {
			t.Fatalf("%d payouts are on sheets, want %d", len(on), all)
		}
		for step = 1; ; step++ {
			report, err := h.dying(step).ImportAnswers(ctx, nadia, "a.csv", strings.NewReader(file.String()), payout.AnswerOptions{})
			if err == nil {
				if report.File.Completed != all || !report.Clean() || report.Completed+report.Before != all {
					t.Errorf("%s: %+v", answerWords(report), report.File)
				}
				break
			}
			if !errors.Is(err, errDied) {
				t.Fatal(err)
			}
			h.proved()
		}
		if step < 6 || h.paidOut() != all*100 {
			t.Errorf("%d steps, %d went out", step, h.paidOut())
		}
	})
}
