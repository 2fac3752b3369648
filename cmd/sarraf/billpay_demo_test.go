package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sarraf/dialect/dialecttest"
	"sarraf/internal/storetest"
	"sarraf/store"
)

// billed makes a bill of the demo's merchant for 2,500 rupees, 2,750 after a week, and answers its PSID.
func (d *demo) billed(payer string) string {
	d.t.Helper()
	h := &billHouse{t: d.t, nodes: []*billNode{{app: d.app}}}
	m, _, err := d.app.merchants.Authenticate(d.t.Context(), "native", "", d.line.Native.APIKey)
	h.must(err)
	h.owner = m.Owner
	demand := h.demand(payer, 2500_00)
	demand.Invoice.LateAmount = 2750_00
	made, err := d.app.invoices.CreateBill(d.t.Context(), demand, nil)
	h.must(err)
	return made.Invoice.PSID
}

// The examples of the page, as they stand there, against the whole program.
func TestBillpaysPageHoldsAgainstTheProgram(t *testing.T) {
	d := startDemo(t, storetest.URL(t, store.SQLite))
	psid := d.billed("payer")
	dialecttest.Page(t, "../../docs/billpay.md", func(*testing.T) dialecttest.Target {
		own := d.line.BillPay
		return dialecttest.Target{URL: d.line.URL, Vars: map[string]string{
			"CHANNEL": own.Channel, "USERNAME": own.Username, "PASSWORD": own.Password, "PSID": psid,
		}}
	})
	if r := d.native("/v1/invoices/"+psid, ""); r.json["status"] != "paid" {
		t.Errorf("after the page's payment the bill is %s", r.text)
	}
}

func TestBankCommandReadsTheDemosLine(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		file := filepath.Join(t.TempDir(), "demo.json")
		text, err := json.Marshal(d.line)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		whole := d.billed("whole")
		short := strings.TrimPrefix(d.billed("short"), demoPrefix) // as an aggregator hands it on
		for _, psid := range []string{whole, short} {
			if exit, out, errs := command(t, "bank", "pay", "--demo", file, psid, "--repeat", "1"); exit != 0 ||
				!strings.Contains(out, ": 00, done, receipt ") || !strings.Contains(out, ": 03, duplicate") {
				t.Errorf("%s: status %d\n%s%s", psid, exit, out, errs)
			}
		}
		if r := d.native("/v1/invoices/"+whole, ""); r.json["status"] != "paid" {
			t.Errorf("the bill is %s", r.text)
		}
		d.stop()
		proveClean(t, dsn)
	})
}
