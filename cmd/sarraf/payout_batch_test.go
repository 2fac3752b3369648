package main

import (
	"encoding/json"
	"strings"
	"testing"

	"sarraf/payout"
)

func TestABatchOfPayoutsIsHandedInAtTheCommandLine(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		owner := d.liveShop(dsn)
		const head = "method,amount,recipient_name,recipient_account,reference\n"
		file := writeFile(t, "july.csv", head, "bkash,100.50,Rahim,01712345678,J1\n1,200,Karima,01812345678,J2\nbkash,300,Nobody,12345,J3\n")
		code, out, errs := command(t, "payout", "batch", file, "--merchant", owner, "--reference", "JULY", "--json", "--database", dsn)
		var b payout.Batch
		if err := json.Unmarshal([]byte(out), &b); err != nil || code != exitFailed || b.Made != 2 || b.Errored != 1 || b.Status != payout.BatchDone ||
			!strings.Contains(errs, "payout 3 (Nobody, 300.00 BDT): refused: recipient_account: field_malformed") {
			t.Fatalf("%d %v %s%s", code, err, out, errs)
		}
		if a := stands(t, dsn, "J1"); a.Batch != b.ID || a.Amount != "100.50" || a.Line != 1 || a.AskedBy != actor().Name {
			t.Errorf("%+v", a)
		}
		code, out, errs = command(t, "payout", "batch", file, "--merchant", owner, "--reference", "JULY", "--database", dsn)
		if code != exitFailed || out != b.ID+": 2 of 3 payouts made\n" || !strings.Contains(errs, "was taken before") {
			t.Errorf("again: %d %s%s", code, out, errs)
		}
		if list := mustRun(t, "payout", "list", "--batch", b.ID, "--database", dsn); strings.Count(list, b.Owner) != 2 {
			t.Errorf("%s", list)
		}
		if code, _, errs := command(t, "payout", "batch", "--approve", b.ID, "--merchant", owner, "--database", dsn); code != exitFailed || !strings.Contains(errs, "somebody else must") {
			t.Errorf("one's own: %d %s", code, errs)
		}
		faulty := writeFile(t, "bad.csv", head, "cash,x,,01712345678,\n")
		for _, args := range [][]string{{faulty}, {}, {file, "--approve", b.ID}, {"--reject", b.ID}, {t.TempDir() + "/none.csv"}} {
			code, out, errs := command(t, append([]string{"payout", "batch", "--merchant", owner, "--database", dsn}, args...)...)
			if code != exitUsage || out != "" || errs == "" {
				t.Errorf("%v: %d %s%s", args, code, out, errs)
			}
		}
		if code := d.stop(); code != 0 {
			t.Errorf("status %d", code)
		}
		proveClean(t, dsn)
	})
}
