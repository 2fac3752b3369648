package main

import (
	"strings"
	"testing"

	"sarraf/fault"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
)

func TestABatchIsFoundByItsIDAndItsReference(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		ctx := t.Context()
		m, _, err := d.app.merchants.Authenticate(ctx, "native", "", d.line.Native.APIKey)
		if err != nil {
			t.Fatal(err)
		}
		by := merchant.Actor{Name: "maker", Source: "test"}
		method, err := d.app.payouts.SetMethod(ctx, by, payout.Method{Owner: m.Owner, Kind: "bkash", Min: 1, Rail: payout.Sandbox})
		if err != nil {
			t.Fatal(err)
		}
		lines := make([]payout.New, 3)
		for n := range lines {
			lines[n] = payout.New{Method: method.Number, Amount: money.Of(1_00, money.BDT), RecipientName: "A", Account: "01712345678"}
		}
		lines[1].Method = 9_999
		b, err := d.app.payouts.CreateBatch(ctx, m.Owner, by, payout.NewBatch{Door: "native", Reference: "JULY-2026", Name: "July", Lines: lines}, nil)
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the batch to be done", func() bool {
			now, err := d.app.payouts.Batch(ctx, b.Owner, b.ID)
			return err == nil && now.Status == payout.BatchDone
		})
		for text, as := range map[string]string{b.ID: "the id of the batch", "JULY-2026": "the merchant's reference at native"} {
			code, e := explained(t, dsn, text)
			if code != 0 || len(e.Found) != 1 || e.Found[0].Kind != aBatch || e.Found[0].As[0] != as || len(e.Found[0].Events) != 2 || len(e.Found[0].Missing) > 0 {
				t.Fatalf("%q: %d %+v", text, code, e.Found)
			}
			f := e.Found[0].Batch
			if f.Lines != 3 || f.Made != 2 || f.Errored != 1 || len(f.Refused) != 1 || f.Refused[0].Line != 2 || f.Amounts[0] != "3.00 BDT" || f.AskedBy != "maker" {
				t.Errorf("%+v", f)
			}
			if at := f.Refused[0].Faults[0].Code; at != fault.PayoutMethodMissing {
				t.Errorf("%+v", f.Refused)
			}
		}
		_, out, _ := command(t, "explain", "--database", dsn, "JULY-2026")
		if !strings.Contains(out, "3 payouts of 3.00 BDT through native, asked for by maker") || !strings.Contains(out, "payout_batch.done") ||
			!strings.Contains(out, "line 2: payout_method_missing on payout_method") {
			t.Error(out)
		}
	})
}
