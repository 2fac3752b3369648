package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/store"
	"sarraf/webhook"
)

func TestAnInvoiceIsPaidToldAndProved(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		site := newShop(t, nil)
		made := d.create("TRX-1", site.URL+"/callback?basket=7")
		page, err := url.Parse(made.str("payment_url"))
		if err != nil {
			t.Fatal(err)
		}
		if r := d.aspay("/api/payment/"+made.str("invoice_id"), ""); r.str("status") != "pending" || r.json["paid_at"] != nil {
			t.Fatalf("before: %s", r.text)
		}
		req, err := http.NewRequest(http.MethodPost, d.line.URL+page.Path, strings.NewReader("action=pay%3Aapprove"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		back := d.send(req)
		want := site.URL + "/callback?basket=7&status=success&invoice_id=" + made.str("invoice_id") + "&transaction_reference=TRX-1"
		if got := back.header.Get("Location"); back.status != http.StatusSeeOther || got != want {
			t.Fatalf("the payer was sent to %q with %d, want %q", got, back.status, want)
		}
		if r := d.aspay("/api/payment/TRX-1", ""); r.str("status") != "paid" || r.json["amount_paid"] != 1234.5 {
			t.Fatalf("after: %s", r.text)
		}
		told(t, d, site.wait(t, 1)[0], made.str("invoice_id"))
		proveClean(t, dsn) // while it serves
		if code := d.stop(); code != 0 {
			t.Fatalf("it ended with status %d\n%s", code, d.logs)
		}
		proveClean(t, dsn)
		if n := len(site.webhooks()); n != 1 {
			t.Fatalf("%d webhooks for one payment", n)
		}
	})
}

// told checks the webhook of a paid invoice, with its signature.
func told(t *testing.T, d *demo, c call, invoiceID string) {
	t.Helper()
	secret, err := webhook.ParseSecret(d.line.Native.WebhookSecret)
	if err != nil {
		t.Fatal(err)
	}
	if err := webhook.Verify(c.header, []byte(c.body), webhook.Tolerance, clock.System{}, secret); err != nil {
		t.Errorf("signature: %v", err)
	}
	var body struct {
		Event string
		Data  map[string]any
	}
	if err := json.Unmarshal([]byte(c.body), &body); err != nil {
		t.Fatal(err)
	}
	if body.Event != "payment.completed" || c.header.Get("X-Webhook-Event") != body.Event || body.Data["invoice_id"] != invoiceID ||
		!strings.Contains(c.body, `"amount":1234.50,"amount_paid":1234.50,"currency":"BDT"`) {
		t.Errorf("webhook %s", c.body)
	}
}

func TestTheDemoIsKeptAndPrintsTheSameLineAgain(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		first := startDemo(t, dsn)
		first.create("KEPT", "https://shop.example/cb")
		line := first.line
		if code := first.stop(); code != 0 {
			t.Fatalf("status %d\n%s", code, first.logs)
		}
		again := startDemo(t, dsn)
		line.URL = again.line.URL // the port was chosen by the system
		if again.line != line {
			t.Fatalf("%+v, then %+v", line, again.line)
		}
		if r := again.aspay("/api/payment/KEPT", ""); r.str("status") != "pending" {
			t.Fatalf("after the restart: %s", r.text)
		}
		balances := again.native("/v1/balances", "").text
		for _, want := range []string{`"BDT"`, `"PKR"`, `"EUR"`, `"1000000.00"`, `"10000.00"`} {
			if !strings.Contains(balances, want) {
				t.Errorf("balances lack %s: %s", want, balances)
			}
		}
	})
}

func TestADemoWhoseDatabaseWasRemovedPrintsCredentialsThatWork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "demo.db")
	first := startDemo(t, "sqlite:"+path)
	old := first.line
	first.stop()
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	again := startDemo(t, "sqlite:"+path)
	if again.line.Native == old.Native {
		t.Fatal("the credentials of a database that is gone")
	}
	again.create("ANEW", "https://shop.example/cb")
	if r := again.native("/v1/invoices/ANEW", ""); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.text)
	}
	line := again.line
	again.stop()
	third := startDemo(t, "sqlite:"+path)
	if line.URL = third.line.URL; third.line != line {
		t.Fatalf("%+v, then %+v", line, third.line)
	}
}

func TestTheDemoLeavesTheShopsOwnDatabaseAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.db")
	t.Setenv("SARRAF_DATABASE", "sqlite:"+path)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var out, errs safeBuffer
	code := run(ctx, []string{"demo", "--json", "--listen", "127.0.0.1:0"}, streams{out: &out, err: &errs, started: func(*app) { cancel() }})
	if _, err := os.Stat(path); code != 0 || !os.IsNotExist(err) {
		t.Fatalf("status %d, %v\n%s", code, err, errs.String())
	}
}

func TestEndpointsThatMisbehaveAreTriedAgainAndDelayNobody(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		hang := make(chan struct{})
		t.Cleanup(func() { close(hang) })
		count := map[string]int{}
		var mu sync.Mutex
		bad := newShop(t, func(w http.ResponseWriter, r *http.Request) {
			kind := r.URL.Query().Get("kind")
			mu.Lock()
			count[kind]++
			n := count[kind]
			mu.Unlock()
			if n > 1 && kind != "hang" {
				return // the second time it behaves
			}
			switch kind {
			case "hang":
				select {
				case <-hang:
				case <-r.Context().Done():
				}
			case "reset":
				panic(http.ErrAbortHandler)
			case "redirect":
				http.Redirect(w, r, "/callback?kind=elsewhere", http.StatusFound)
			case "410":
				w.WriteHeader(http.StatusGone)
			case "500":
				w.WriteHeader(http.StatusInternalServerError)
			}
		})
		good := newShop(t, nil)
		pay := func(ref, callback string) {
			d.create(ref, callback)
			if r := d.native("/v1/sandbox/pay", fmt.Sprintf(`{"target":%q}`, ref)); r.status != http.StatusOK {
				t.Fatalf("pay: %d %s", r.status, r.text)
			}
		}
		for _, kind := range []string{"hang", "reset", "redirect", "410", "500"} {
			pay("BAD-"+kind, bad.URL+"/callback?kind="+kind)
		}
		pay("BLOCKED", "http://192.168.7.7/callback")
		pay("GOOD", good.URL+"/callback")
		good.wait(t, 1)
		// Four that failed once come again, and the one that hangs is still hanging.
		bad.wait(t, 9)
		mu.Lock()
		defer mu.Unlock()
		for _, kind := range []string{"reset", "redirect", "410", "500"} {
			if count[kind] != 2 {
				t.Errorf("%s was called %d times, want 2", kind, count[kind])
			}
		}
		if count["elsewhere"] != 0 {
			t.Error("a redirect was followed")
		}
	})
}

func TestAFullDiskIsA503AndMendsItself(t *testing.T) {
	dsn := storetest.URL(t, store.SQLite)
	d := startDemo(t, dsn)
	d.create("BEFORE", "https://shop.example/cb")
	limit := func(pages string) {
		t.Helper()
		if err := d.app.db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return tx.Query(ctx, "PRAGMA max_page_count = "+pages, nil, func(store.Row) error { return nil })
		}); err != nil {
			t.Fatal(err)
		}
	}
	limit("1") // SQLite takes the present size as the least: not a page more
	refused, body := 0, `{"amount":1,"customer_name":"%s","transaction_reference":"FULL-%d","callback_url":"https://shop.example/cb"}`
	for i := range 200 {
		r := d.aspay("/api/payment/create", fmt.Sprintf(body, strings.Repeat("x", 250), i))
		if r.status == http.StatusServiceUnavailable {
			refused++
			if r.str("status") != "error" || r.str("message") == "" || r.header.Get("Retry-After") == "" {
				t.Fatalf("503: %v %s", r.header, r.text)
			}
			if q := d.aspay(fmt.Sprintf("/api/payment/FULL-%d", i), ""); q.status != http.StatusNotFound {
				t.Fatalf("refused, and yet there: %d %s", q.status, q.text)
			}
		} else if r.status != http.StatusOK {
			t.Fatalf("%d %s", r.status, r.text)
		}
	}
	if refused == 0 {
		t.Fatal("the disk was never full")
	}
	if r := d.ask("/healthz", ""); r.status != http.StatusOK {
		t.Errorf("healthz: %d", r.status)
	}
	limit("1000000")
	d.create("AFTER", "https://shop.example/cb")
	if code := d.stop(); code != 0 {
		t.Fatalf("status %d\n%s", code, d.logs)
	}
	proveClean(t, dsn)
}

func TestADatabaseThatIsGoneIsA503AndMendsItself(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	server := pgtest.Start(t, true)
	dsn := server.Database(t)
	d := startDemo(t, dsn)
	site := newShop(t, nil)
	d.create("BEFORE", site.URL+"/callback")
	server.Kill()
	for name, r := range map[string]reply{
		"create": d.aspay("/api/payment/create", `{"amount":1,"customer_name":"x","transaction_reference":"GONE","callback_url":"https://shop.example/cb"}`),
		"status": d.aspay("/api/payment/BEFORE", ""),
		"pay":    d.native("/v1/sandbox/pay", `{"target":"BEFORE"}`),
		"ready":  d.ask("/readyz", ""),
	} {
		if r.status != http.StatusServiceUnavailable {
			t.Errorf("%s with the database gone: %d %s", name, r.status, r.text)
		}
	}
	if err := server.Run(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for d.ask("/readyz", "").status != http.StatusOK {
		if time.Now().After(deadline) {
			t.Fatalf("it did not recover\n%s", d.logs)
		}
	}
	if r := d.native("/v1/sandbox/pay", `{"target":"BEFORE"}`); r.status != http.StatusOK {
		t.Fatalf("pay: %d %s", r.status, r.text)
	}
	site.wait(t, 1)
	if code := d.stop(); code != 0 {
		t.Fatalf("status %d\n%s", code, d.logs)
	}
	proveClean(t, dsn)
}
