package settlement_test

import (
	"sync"
	"testing"

	"sarraf/merchant"
	"sarraf/rail"
	"sarraf/settlement"
)

// atOnce imports the files at the same moment, each on a node of its own, and answers how many receipts were settled in all.
func (h *house) atOnce(t *testing.T, requests ...settlement.Request) (total int64, reports []settlement.Report) {
	t.Helper()
	reports = make([]settlement.Report, len(requests))
	var all sync.WaitGroup
	for n, r := range requests {
		node := settlement.NewService(h.db, h.log)
		all.Go(func() {
			var err error
			if reports[n], err = node.Import(ctx, r); err != nil {
				t.Errorf("%s: %v", r.Name, err)
			}
		})
	}
	all.Wait()
	for _, r := range reports {
		total += r.Settled
	}
	return total, reports
}

const many = 1100 // more than two slices

func (h *house) manyReceipts(t *testing.T) (lines []rail.SettlementLine) {
	t.Helper()
	shops := []string{h.shop(t, merchant.Live), h.shop(t, merchant.Live), h.shop(t, merchant.Sandbox)}
	for n := range many {
		lines = append(lines, line(int64(n)+2, ref(today, n), 10))
	}
	var all sync.WaitGroup
	for part := range 8 {
		all.Go(func() {
			for n := part; n < many; n += 8 {
				h.paid(t, shops[n%3], ref(today, n), 10)
			}
		})
	}
	all.Wait()
	return lines
}

func (h *house) bankHas(t *testing.T, want int64) {
	t.Helper()
	b := h.balances(t, merchant.House)
	if got := -b["PKR/house/bank/bank"] - b["PKR/house/sandbox/bank/bank"]; got != want {
		t.Errorf("%d came to the bank, want %d", got, want)
	}
}

func TestOneFileImportedByManyAtOnceSettlesEachReceiptOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		r := file("a.csv", h.manyReceipts(t)...)
		total, reports := h.atOnce(t, r, r, r)
		if total != many {
			t.Errorf("%d receipts were settled, want %d", total, many)
		}
		for _, r := range reports {
			if r.Settled+r.Before != many || len(r.Problems) > 0 {
				t.Errorf("%s", words(r))
			}
		}
		if list, err := h.Files(ctx, "", 10); err != nil || len(list) != 1 || list[0].Settled != many || list[0].Status != settlement.Done {
			t.Errorf("files: %+v, %v", list, err)
		}
		h.bankHas(t, 10*many)
		h.clean(t)
	})
}

func TestTwoFilesWithTheSameReceiptsAtOnceSettleEachOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		lines := h.manyReceipts(t)
		backwards := make([]rail.SettlementLine, len(lines))
		for n, l := range lines {
			l.Line = int64(many-n) + 2
			backwards[many-1-n] = l
		}
		total, reports := h.atOnce(t, file("a.csv", lines...), file("b.csv", backwards...), file("c.csv", lines[300:900]...))
		if total != many {
			t.Errorf("%d receipts were settled, want %d", total, many)
		}
		for _, r := range reports {
			if r.Settled+r.Count(settlement.Elsewhere) != r.File.Lines || r.Settled != r.File.Settled {
				t.Errorf("%s: %d settled and %d before, of %d", r.File.Name, r.Settled, r.Count(settlement.Elsewhere), r.File.Lines)
			}
		}
		h.bankHas(t, 10*many)
		h.clean(t)
	})
}

func TestReceiptsThatComeDuringAnImportAreSettledOrListed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		shop := h.shop(t, merchant.Live)
		var lines []rail.SettlementLine
		for n := range 200 {
			lines = append(lines, line(int64(n)+2, ref(today, n), 10))
		}
		var coming sync.WaitGroup
		coming.Go(func() {
			for n := range 200 {
				h.paid(t, shop, ref(today, n), 10)
			}
		})
		r := h.imported(t, file("a.csv", lines...))
		if r.Settled+r.Count(settlement.Missing) != 200 {
			t.Errorf("%s", words(r))
		}
		coming.Wait()
		again := h.imported(t, file("a.csv", lines...))
		if again.Settled+again.Before != 200 || !again.Clean() {
			t.Errorf("%s", words(again))
		}
		h.bankHas(t, 2000)
		h.clean(t)
	})
}
