package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
)

// explained runs explain with --json and answers its status and what it printed.
func explained(t *testing.T, dsn string, args ...string) (int, explanation) {
	t.Helper()
	code, out, errs := command(t, append([]string{"explain", "--json", "--database", dsn}, dashed(args)...)...)
	var e explanation
	if err := json.Unmarshal([]byte(out), &e); err != nil {
		t.Fatalf("explain %q: %d %v\n%s%s", args, code, err, out, errs)
	}
	return code, e
}

// dashed puts -- before the last argument, which may begin with a dash: tokens do.
func dashed(args []string) []string { return slices.Insert(slices.Clone(args), len(args)-1, "--") }

// pay pays an invoice as the sandbox does.
func (d *demo) pay(target string) {
	d.t.Helper()
	if r := d.native("/v1/sandbox/pay", fmt.Sprintf(`{"target":%q}`, target)); r.status != http.StatusOK {
		d.t.Fatalf("pay: %d %s", r.status, r.text)
	}
}

// newMerchant makes another merchant in a running demo, with a key at Aspay's door.
func (d *demo) newMerchant(name string) (owner string, key demoKeyPair) {
	d.t.Helper()
	by := merchant.Actor{Name: "test", Source: "test"}
	m, err := d.app.merchants.Create(d.t.Context(), by, merchant.Merchant{Name: name, Mode: merchant.Sandbox, Currencies: []money.Currency{"BDT"}})
	if err != nil {
		d.t.Fatal(err)
	}
	form, err := formOf("aspay")
	if err != nil {
		d.t.Fatal(err)
	}
	c, secret, err := form.issue(d.t.Context(), d.app.merchants, by, merchant.Credential{Owner: m.Owner, Role: merchant.Admin, Label: "web shop"}, true)
	if err != nil {
		d.t.Fatal(err)
	}
	return m.Owner, demoKeyPair{APIKey: c.Handle, APISecret: secret}
}

func TestEveryKindOfIDLeadsToTheWholeStory(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		t.Setenv("SARRAF_KEY", "")
		d := startDemo(t, dsn)
		site := newShop(t, nil)
		body := fmt.Sprintf(`{"amount":1234.5,"customer_name":"Rahim Uddin","transaction_reference":"ORDER 77","callback_url":%q}`, site.URL+"/callback")
		made := d.ask("/api/payment/create", body, "X-Api-Key", d.line.Aspay.APIKey, "X-Api-Secret", d.line.Aspay.APISecret, "Idempotency-Key", "once-77")
		if made.status != http.StatusOK {
			t.Fatal(made.text)
		}
		d.pay("ORDER 77")
		hook := site.wait(t, 1)[0]
		waitFor(t, "the webhook's outcome to be recorded", func() bool {
			_, e := explained(t, dsn, "ORDER 77")
			return e.Found[0].Deliveries[0].State == "delivered"
		})
		_, e := explained(t, dsn, "ORDER 77")
		s := e.Found[0]
		url := made.str("payment_url")
		token := url[strings.LastIndex(url, "/")+1:]
		for _, text := range []string{
			"ORDER 77", "  ORDER 77\n", made.str("invoice_id"), url, url + "?utm_source=x", "/methods/" + token, token, s.ID, strings.ToUpper(s.ID), "once-77",
			s.Payments[0].ID, s.Payments[0].RailReference, s.Transfers[0].ID, hook.header.Get("webhook-id"),
			fmt.Sprintf("%s/%d", s.Merchant.ID, s.Events[0].Number), site.URL + "/callback?status=success&invoice_id=" + made.str("invoice_id"),
			d.line.URL + "/v1/invoices/" + s.ID,
		} {
			code, e := explained(t, dsn, text)
			if code != 0 || len(e.Found) != 1 || e.Found[0].ID != s.ID || len(e.Found[0].As) == 0 {
				t.Errorf("%q: status %d, %+v", text, code, e)
				continue
			}
			got := e.Found[0]
			inv, p, tr, dl := got.Invoice, got.Payments, got.Transfers, got.Deliveries
			switch {
			case inv == nil || inv.Status != "paid" || inv.AmountPaid != "1234.50" || inv.Reference != "ORDER 77" || inv.Door != "aspay":
				t.Errorf("%q: invoice %+v", text, inv)
			case len(p) != 1 || p[0].Amount != "1234.50" || p[0].Status != "received":
				t.Errorf("%q: payments %+v", text, p)
			case len(tr) != 1 || tr[0].From.Account != "BDT/clearing/sandbox" || tr[0].From.Entry != 1 || tr[0].To.Account != "BDT/balance" || tr[0].To.Entry != 2:
				t.Errorf("%q: transfers %+v", text, tr)
			case len(got.Events) != 2 || got.Events[0].Type != "invoice.created" || got.Events[1].Type != "invoice.paid":
				t.Errorf("%q: events %+v", text, got.Events)
			case len(dl) != 1 || len(dl[0].Attempts) != 1 || dl[0].Attempts[0].Outcome != "acknowledged" || dl[0].Attempts[0].Status != 200:
				t.Errorf("%q: deliveries %+v", text, dl)
			case len(got.Credentials) != 1 || got.Credentials[0].Handle != d.line.Aspay.APIKey:
				t.Errorf("%q: credentials %+v", text, got.Credentials)
			case len(got.Missing) != 0:
				t.Errorf("%q: missing %v", text, got.Missing)
			case (len(got.Answers) == 1) != (text == "once-77"):
				t.Errorf("%q: answers %+v", text, got.Answers)
			}
		}
		if code, e := explained(t, dsn, "--merchant", s.Merchant.ID, fmt.Sprint(s.Events[1].Number)); code != 0 || e.Found[0].ID != s.ID {
			t.Errorf("an event's bare number with its merchant: %d %+v", code, e)
		}
		code, out, _ := command(t, "explain", "--database", dsn, "--zone", "Asia/Dhaka", "ORDER 77")
		for _, want := range []string{
			"the merchant's reference at aspay", "Nokshi Store", "1234.50 BDT", "paid", "event 5, invoice.paid", "BDT/clearing/sandbox, entry 1",
			"acknowledged, status 200", "the one credential that was good then", "Asia/Dhaka",
		} {
			if code != 0 || !strings.Contains(out, want) {
				t.Errorf("status %d, no %q in\n%s", code, want, out)
			}
		}
		inOrder(t, out, "invoice.created", "payment 0", "transfer 0", "invoice.paid", "delivery 0", "attempt 1")
	})
}

// inOrder fails unless the texts stand in out one after another.
func inOrder(t *testing.T, out string, texts ...string) {
	t.Helper()
	at := 0
	for _, text := range texts {
		n := strings.Index(out[at:], text)
		if n < 0 {
			t.Fatalf("%q does not follow in\n%s", text, out)
		}
		at += n
	}
}

func TestWhatIsNoInvoiceIsExplainedToo(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		_, e := explained(t, dsn, "demo-PKR")
		s := e.Found[0]
		if s.Kind != "transfer" || s.Transfers[0].Amount != "1000000.00" || len(s.Events) != 1 || len(s.Audit) != 1 || s.Audit[0].Actor != "sarraf demo" {
			t.Errorf("a funding: %+v", s)
		}
		if _, e := explained(t, dsn, fmt.Sprintf("%s/%d", s.Merchant.ID, s.Events[0].Number)); e.Found[0].Kind != "event" || len(e.Found[0].Transfers) != 1 {
			t.Errorf("its event: %+v", e)
		}
		_, e = explained(t, dsn, s.Merchant.ID)
		if e.Found[0].Kind != "merchant" || len(e.Found[0].Credentials) < 2 || len(e.Found[0].Audit) < 5 {
			t.Errorf("a merchant: %+v", e)
		}
		by := merchant.Actor{Name: "test", Source: "test"}
		if err := d.app.merchants.SetPublicID(t.Context(), by, s.Merchant.ID, "assanpay", "public-77"); err != nil {
			t.Fatal(err)
		}
		if _, e := explained(t, dsn, "public-77"); e.Found[0].Kind != "merchant" || e.Found[0].ID != s.Merchant.ID {
			t.Errorf("a merchant's id at a door: %+v", e)
		}
		for _, text := range []string{d.line.Aspay.APIKey, d.line.Native.APIKey} {
			if _, e := explained(t, dsn, text); e.Found[0].Kind != "credential" || e.Found[0].Credentials[0].Label != "demo" {
				t.Errorf("a key: %+v", e)
			}
			_, e := explained(t, dsn, text)
			if _, e := explained(t, dsn, e.Found[0].ID); e.Found[0].Kind != "credential" {
				t.Errorf("its id: %+v", e)
			}
		}
		if _, out, _ := command(t, "explain", "--database", dsn, d.line.Native.APIKey); strings.Contains(out, d.line.Native.APIKey) {
			t.Errorf("the secret is printed:\n%s", out)
		}
		d.ask("/v1/sandbox/pay", `{"target":"nothing"}`, "Authorization", "Bearer "+d.line.Native.APIKey, "Idempotency-Key", "refused-1")
		_, e = explained(t, dsn, "refused-1")
		if e.Found[0].Kind != "answer" || len(e.Found[0].Answers[0].Faults) != 1 {
			t.Errorf("a refusal that is kept: %+v", e)
		}
	})
}

func TestAReferenceOfSeveralMerchantsNamesThemAll(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		d.create("one", "https://shop.example/cb")
		first := d.line.Aspay
		owners := []string{}
		for n := range explainMost + 1 {
			owner, key := d.newMerchant(fmt.Sprintf("Shop %02d", n))
			owners = append(owners, owner)
			d.line.Aspay = key
			d.create("one", "https://shop.example/cb")
		}
		d.line.Aspay = first
		code, e := explained(t, dsn, "one")
		if code != 0 || len(e.Found) != explainMost || e.LeftOut != 2 {
			t.Fatalf("status %d, %d found, %d left out", code, len(e.Found), e.LeftOut)
		}
		names := map[string]bool{}
		for _, s := range e.Found {
			names[s.Merchant.Name] = true
		}
		if len(names) != explainMost {
			t.Errorf("merchants %v", names)
		}
		if _, out, _ := command(t, "explain", "--database", dsn, "one"); !strings.Contains(out, "2 more things") || !strings.Contains(out, "--merchant") {
			t.Errorf("what is left out is not told:\n%s", out)
		}
		code, e = explained(t, dsn, "--merchant", owners[3], "one")
		if code != 0 || len(e.Found) != 1 || e.Found[0].Merchant.ID != owners[3] {
			t.Errorf("one merchant's: %d %+v", code, e)
		}
	})
}

func TestAnIDThatMeansNothingSaysWhatIDsThereAre(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		startDemo(t, dsn)
		for _, text := range []string{"nothing", "0190a0a0-0000-7000-8000-000000000000", "https://example.com/methods/x?y=z", "0/1", "%27 OR 1=1 --", "৳"} {
			code, out, errs := command(t, "explain", "--database", dsn, "--", text)
			if code != exitFailed || out != "" || !strings.Contains(errs, "means nothing here") || !strings.Contains(errs, "rail's reference") {
				t.Errorf("%q: %d %q %q", text, code, out, errs)
			}
		}
		if code, e := explained(t, dsn, "nothing"); code != exitFailed || e.Found == nil || len(e.Found) != 0 {
			t.Errorf("as JSON: %d %+v", code, e)
		}
		if code, _, errs := command(t, "explain", "--database", dsn, "--merchant", "nobody", "x"); code != exitFailed || !strings.Contains(errs, "no such merchant") {
			t.Errorf("a merchant that is not there: %d %q", code, errs)
		}
	})
}

func TestWhatNoIDCanBeIsRefusedBeforeTheDatabase(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "none.db")
	for _, args := range [][]string{
		{""}, {" "}, {strings.Repeat("x", 10_000)}, {"a\x1b[2Jb"}, {"a\x00b"}, {"a\nb"}, {"\xff\xfe"}, {"x", "--zone", "Asia/Nowhere"}, {},
	} {
		code, out, errs := command(t, append([]string{"explain", "--database", dsn}, args...)...)
		if code != exitUsage || errs == "" || len(errs) > 2000 || strings.ContainsAny(errs, "\x1b\x00") {
			t.Errorf("%.20q: %d %q %q", args, code, out, errs)
		}
	}
}

func TestAStoryIsNarrowAndHarmless(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "x.db")
	d := startDemo(t, dsn)
	site := newShop(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, "\x1b[2J no\u202e tea "+strings.Repeat("wörd ", 200)+strings.Repeat("x", 300))
	})
	d.create("WIDE-WWWWWWWWWWWWWW", site.URL+"/callback?"+strings.Repeat("long=1&", 60))
	d.pay("WIDE-WWWWWWWWWWWWWW")
	site.wait(t, 1)
	var out string
	waitFor(t, "the refusal to be recorded", func() bool {
		_, out, _ = command(t, "explain", "--database", dsn, "WIDE-WWWWWWWWWWWWWW")
		return strings.Contains(out, "status 418")
	})
	for line := range strings.Lines(out) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > storyWidth {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if strings.ContainsAny(out, "\x1b\u202e") || !strings.Contains(out, "wörd") {
		t.Errorf("what a merchant answered gets to the terminal:\n%s", out)
	}
}

func TestABackupIsExplainedAndNotTouched(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "x.db")
	d := startDemo(t, dsn)
	d.create("KEPT", "https://shop.example/cb")
	if code := d.stop(); code != 0 {
		t.Fatalf("status %d", code)
	}
	text, err := os.ReadFile(strings.TrimPrefix(dsn, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	backup := filepath.Join(dir, "backup.db")
	if err := os.WriteFile(backup, text, 0o400); err != nil {
		t.Fatal(err)
	}
	if code, e := explained(t, "sqlite:"+backup, "KEPT"); code != 0 || len(e.Found) != 1 {
		t.Fatalf("%d %+v", code, e)
	}
	after, err := os.ReadFile(backup)
	files, err2 := os.ReadDir(dir)
	if err := errors.Join(err, err2); err != nil || !slices.Equal(text, after) || len(files) != 1 {
		t.Fatalf("explain left %v: %v", files, err)
	}
}

func TestWhatShouldBeThereAndIsNotIsNamed(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		d.create("LACKS", "https://shop.example/cb")
		d.pay("LACKS")
		if code := d.stop(); code != 0 {
			t.Fatalf("status %d", code)
		}
		// Times that jumped by hours lead past the events at first, and are found all the same.
		edit(t, dsn, `UPDATE event SET at = at - 36000000000 WHERE kind = 'invoice'`)
		edit(t, dsn, `UPDATE payment SET at = at + 36000000000`)
		_, e := explained(t, dsn, "LACKS")
		if s := e.Found[0]; len(s.Missing) != 0 || len(s.Events) != 2 || len(s.Transfers) != 1 {
			t.Fatalf("after a jump of the clock: %+v", s)
		}
		edit(t, dsn, `DELETE FROM entry WHERE kind = 'settlement' AND side = 'credit'`)
		if _, out, _ := command(t, "explain", "--database", dsn, "LACKS"); !strings.Contains(out, "ITS ENTRY IS MISSING") {
			t.Errorf("half a transfer:\n%s", out)
		}
		edit(t, dsn, `DELETE FROM entry WHERE kind = 'settlement'`)
		edit(t, dsn, `DELETE FROM event WHERE type = 'invoice.paid'`)
		_, e = explained(t, dsn, "LACKS")
		if s := e.Found[0]; len(s.Missing) != 2 || !strings.Contains(s.Missing[0], "transfers of payment") || !strings.Contains(s.Missing[1], "event") {
			t.Errorf("missing: %v", s.Missing)
		}
		if _, out, _ := command(t, "explain", "--database", dsn, "LACKS"); !strings.Contains(out, "MISSING") || !strings.Contains(out, "sarraf audit") {
			t.Errorf("it is not said:\n%s", out)
		}
	})
}

func TestAPSIDAndAReceiptNumberLeadToTheirBill(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		m, _, err := d.app.merchants.Authenticate(t.Context(), "native", "", d.line.Native.APIKey)
		if err != nil {
			t.Fatal(err)
		}
		made, err := d.app.invoices.CreateBill(t.Context(), invoice.NewBill{Invoice: invoice.Invoice{
			Owner: m.Owner, ID: id.New(clock.System{}), Door: "asaanbill", Number: "25", Kind: invoice.Bill, Payer: "FS-BSCS-095", Title: "Fee", Amount: 5000,
			LateAmount: 5500, LateFrom: time.Date(2036, 1, 2, 0, 0, 0, 0, time.UTC), Currency: money.PKR,
		}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := payment.NewBiller(d.app.payments, d.app.invoices, d.app.merchants).PayBill(t.Context(), rail.BillPayment{
			Rail: "billpay", Reference: "bank/1", PSID: made.Invoice.PSID, Amount: money.Of(5000, money.PKR), At: time.Now(), Sandbox: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		for text, as := range map[string]string{
			made.Invoice.PSID: "the PSID of its payer", receipt.Number: "the number of a receipt for it", "25": "the number that asaanbill prints",
		} {
			code, e := explained(t, dsn, text)
			if code != 0 || len(e.Found) != 1 || e.Found[0].ID != made.Invoice.ID || !slices.Contains(e.Found[0].As, as) ||
				e.Found[0].Invoice.LateAmount != "55.00" || e.Found[0].Payments[0].Number != receipt.Number {
				t.Errorf("%q: %d %+v", text, code, e.Found)
			}
		}
	})
}

func TestANumberOfAnUploadAndItsKeyLeadToTheUpload(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		u := d.login()
		r := d.ask("/integration/add-bulk", `{"payments":[{"title":"Fee","identifier":"FS-1","dueDate":"2036-03-28","amount":"5","amountAfterDueDate":"5"}]}`,
			"x-auth-ph-key", u.token, "channel-id", u.channel, "username", u.name, "Idempotency-Key", "term-2")
		data, _ := r.json["data"].(map[string]any)
		number := fmt.Sprint(data["bulkPaymentRequestId"])
		waitFor(t, "the upload to be done", func() bool {
			up, err := d.upload(t.Context(), number)
			return err == nil && up.Status == invoice.UploadDone
		})
		for text, as := range map[string]string{
			number: "the number of a bulk upload that asaanbill prints", "term-2": "an Idempotency-Key at asaanbill",
		} {
			code, e := explained(t, dsn, text)
			at := slices.IndexFunc(e.Found, func(s subject) bool { return s.Kind == anUpload })
			if code != 0 || at < 0 || !slices.Contains(e.Found[at].As, as) || e.Found[at].Upload.Lines != 1 || len(e.Found[at].Events) != 2 ||
				len(e.Found[at].Missing) > 0 {
				t.Errorf("%q: %d %+v", text, code, e.Found)
			}
		}
		_, out, _ := command(t, "explain", "--database", dsn, "term-2")
		if !strings.Contains(out, "1, of which 1 are decided and 0 could not become bills") || !strings.Contains(out, "upload.approved") {
			t.Error(out)
		}
	})
}
