package settlement_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/rail"
	"sarraf/settlement"
	"sarraf/store"
)

func TestImportWhoseCommitsWereNotAnsweredSettlesEachReceiptOnce(t *testing.T) {
	url, lose := pgtest.Lossy(t, storetest.URL(t, store.Postgres))
	fake := clock.NewFake(start)
	h := open(t, storetest.Open(t, url, fake), fake)
	shop := h.shop(t, merchant.Live)
	var lines []rail.SettlementLine
	for n := range 600 {
		l := line(int64(n)+2, ref(today, n), 10)
		l.Charges = 1
		lines = append(lines, l)
		if n%2 == 0 {
			h.paid(t, shop, ref(today, n), 10)
		}
	}
	r := file("a.csv", lines...)
	r.Progress = func(int, int) { lose() }
	lose()
	report := h.imported(t, r)
	if report.Again || report.Settled != 300 || report.Before != 0 || report.SettledCharges != 300 || report.Count(settlement.Missing) != 300 ||
		report.File.Settled != 300 || report.File.Status != settlement.Done {
		t.Fatalf("%+v", report.File)
	}
	want := map[string]int64{"PKR/house/bank/bank": -2700, "PKR/house/costs/bank": -300}
	if d := cmp.Diff(want, h.balances(t, merchant.House)); d != "" {
		t.Fatal(d)
	}
	if got, want := h.types(t, merchant.House, settlement.FileKind), "settlement.begun settlement.posted settlement.posted settlement.ended"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	h.clean(t)
}
