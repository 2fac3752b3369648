package main

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sarraf/dialect/aspay"
	"sarraf/dialect/payrequest"
	"sarraf/internal/browsertest"
	"sarraf/internal/clock"
	"sarraf/internal/keyring"
	"sarraf/internal/storetest"
	"sarraf/store"
	"sarraf/webhook"
)

// payrequest asks as the demo merchant at PayRequest's door.
func (d *demo) payrequest(path string, fields map[string]string) reply {
	d.t.Helper()
	body := map[string]string{"token": d.line.PayRequest.Token}
	for name, value := range fields {
		body[name] = value
	}
	text, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.ask(path, string(text))
}

// link makes a link and answers its address.
func (d *demo) link(t *testing.T, fields map[string]string) string {
	t.Helper()
	all := map[string]string{"title": "Invoice #15123-14", "amount": "1.234,50", "name": "Jan de Vries", "description": "Two books and a map"}
	for name, value := range fields {
		all[name] = value
	}
	r := d.payrequest("/api/create/", all)
	if r.status != 200 || r.str("status") != "success" {
		t.Fatalf("%d %s", r.status, r.text)
	}
	return r.str("url")
}

// backAt checks that an address is the shop's response URL with what the guide and its page promise.
func (d *demo) backAt(t *testing.T, site *shop, at, status, id string) {
	t.Helper()
	hash := func(text string) string {
		sum := md5.Sum([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	mac := hmac.New(sha256.New, []byte(d.line.Native.WebhookSecret))
	mac.Write([]byte(status + "." + id + ".1234.50"))
	want := fmt.Sprintf("%s/callback?basket=7&response=%s&return_id=%s&signature=%s",
		site.URL, hash(status+id), hash(d.line.PayRequest.Token+id), hex.EncodeToString(mac.Sum(nil)))
	if at != want {
		t.Errorf("the payer is at %s, want %s", at, want)
	}
}

// stands checks what get says.
func (d *demo) stands(t *testing.T, id, status string) {
	t.Helper()
	if r := d.payrequest("/api/get/", map[string]string{"id": id}); r.str("status") != status {
		t.Errorf("%s is %s, want %s", id, r.text, status)
	}
}

func TestPayersOfLinksInABrowser(t *testing.T) {
	d := startDemo(t, storetest.URL(t, store.SQLite))
	site := newShop(t, nil)
	b := browsertest.Start(t)
	dark := func(v browsertest.View) browsertest.View { v.Dark = true; return v }
	plain := browsertest.Phone
	plain.NoScript = true
	for i, v := range []struct {
		name string
		view browsertest.View
	}{
		{"phone", browsertest.Phone},
		{"phone dark", dark(browsertest.Phone)},
		{"desk", browsertest.Desk},
		{"desk dark", dark(browsertest.Desk)},
		{"without JavaScript", plain},
	} {
		shot := strings.ReplaceAll(v.name, " ", "-")
		// opened is the payer before a link.
		opened := func(t *testing.T, fields map[string]string) *browsertest.Tab {
			t.Helper()
			tab := b.Tab(t, v.view)
			if code := tab.Open(d.link(t, fields)); code != 200 {
				t.Fatalf("the page answers %d", code)
			}
			return tab
		}
		back := site.URL + "/callback?basket=7"
		id := func(what string) string { return fmt.Sprintf("PR-%s-%d", what, i) }
		t.Run(v.name+" opens a link, continues and pays", func(t *testing.T) {
			tab := opened(t, map[string]string{"id": id("pay"), "response": back})
			text := tab.Text("body")
			for _, want := range []string{"Nokshi Store", "1,234.50", "Invoice #15123-14", "Two books and a map", "Jan de Vries", "left", id("pay"), "Continue to payment"} {
				if !strings.Contains(text, want) {
					t.Errorf("the landing page does not show %q: %s", want, text)
				}
			}
			if browsertest.Eval[int](tab, `document.querySelectorAll("button, form").length`) != 0 {
				t.Error("the landing page has a button of its own")
			}
			tab.ShotWhole("link-" + shot)
			tab.Follow("#do-continue")
			if u, err := url.Parse(tab.URL()); err != nil || !strings.HasPrefix(u.Path, "/checkout/") {
				t.Errorf("the payer is at %s", tab.URL())
			}
			tab.ShotWhole("link-checkout-" + shot)
			d.stands(t, id("pay"), "pending")
			tab.Follow(`button[value="pay:approve"]`)
			d.backAt(t, site, tab.URL(), "success", id("pay"))
			d.stands(t, id("pay"), "paid")
		})
		t.Run(v.name+" is declined and gives up", func(t *testing.T) {
			tab := opened(t, map[string]string{"id": id("decline"), "response": back})
			tab.Follow("#do-continue")
			tab.Follow(`button[value="pay:decline"]`)
			d.stands(t, id("decline"), "pending")
			tab.Follow(`button[value="cancel"]`)
			d.backAt(t, site, tab.URL(), "failed", id("decline"))
			d.stands(t, id("decline"), "failed")
		})
		t.Run(v.name+" is sent straight to the checkout and cancels", func(t *testing.T) {
			tab := opened(t, map[string]string{"id": id("direct"), "response": back, "type": "direct"})
			tab.Follow(`button[value="cancel"]`)
			d.backAt(t, site, tab.URL(), "failed", id("direct"))
			d.stands(t, id("direct"), "failed")
		})
		t.Run(v.name+" is told the result where there is no way back", func(t *testing.T) {
			address := d.link(t, nil)
			slug := address[strings.LastIndexByte(address, '/')+1:]
			tab := b.Tab(t, v.view)
			tab.Open(address)
			tab.Follow("#do-continue")
			tab.Follow(`button[value="pay:approve"]`)
			if got := tab.Text(".outcome"); got != "Payment received" || !strings.HasSuffix(tab.URL(), "/checkout/"+slug) {
				t.Errorf("%s says %q", tab.URL(), got)
			}
			d.stands(t, slug, "paid")
			tab.Open(address) // whoever opens the link again sees the same
			if got := tab.Text(".outcome"); got != "Payment received" || browsertest.Eval[int](tab, `document.querySelectorAll(".go, button").length`) != 0 {
				t.Errorf("the link says %q", got)
			}
			tab.ShotWhole("link-paid-" + shot)
		})
	}
}

// The landing page that is open while the payment is made elsewhere, for instance on the payer's phone, leads back too.
func TestAnOpenLandingPageLearnsWhatHappenedElsewhere(t *testing.T) {
	d := startDemo(t, storetest.URL(t, store.SQLite))
	site := newShop(t, nil)
	b := browsertest.Start(t)
	for i, c := range []struct{ outcome, status string }{{"paid", "success"}, {"expired", "failed"}} {
		id := fmt.Sprint("ELSE-", i)
		address := d.link(t, map[string]string{"id": id, "response": site.URL + "/callback?basket=7"})
		tab := b.Tab(t, browsertest.Desk)
		tab.Open(address)
		r := d.native("/v1/sandbox/pay", fmt.Sprintf(`{"target":%q,"outcome":%q}`, address, c.outcome))
		if r.status != 200 {
			t.Fatalf("%d %s", r.status, r.text)
		}
		tab.Wait(`location.pathname === "/callback"`)
		d.backAt(t, site, tab.URL(), c.status, id)
		d.backAt(t, site, r.str("return_url"), c.status, id)
	}
}

func TestALinksWebhookIsSignedAndTellsItsEnd(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		site := newShop(t, nil)
		secret, err := webhook.ParseSecret(d.line.Native.WebhookSecret)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range []struct{ outcome, status string }{{"paid", "paid"}, {"failed", "failed"}, {"cancelled", "failed"}, {"expired", "failed"}} {
			id := "HOOK-" + c.outcome
			d.link(t, map[string]string{"id": id, "webhook": site.URL + "/callback"})
			if r := d.native("/v1/sandbox/pay", fmt.Sprintf(`{"target":%q,"outcome":%q}`, id, c.outcome)); r.status != 200 {
				t.Fatalf("%d %s", r.status, r.text)
			}
			got := site.wait(t, i+1)[i]
			if err := webhook.Verify(got.header, []byte(got.body), webhook.Tolerance, clock.System{}, secret); err != nil {
				t.Errorf("%s: %v", id, err)
			}
			want := fmt.Sprintf(`{"event":%q,"status":%q,"id":%q,"title":"Invoice #15123-14","amount":"1234.50","currency":"EUR","at":"`, c.outcome, c.status, id)
			if !strings.HasPrefix(got.body, want) {
				t.Errorf("%s", got.body)
			}
		}
		if code := d.stop(); code != 0 {
			t.Fatalf("status %d\n%s", code, d.logs)
		}
		proveClean(t, dsn)
	})
}

// A link at the root must never hide, or be hidden by, a path of ours.
func TestNoSlugIsTheBeginningOfAPathOfOurs(t *testing.T) {
	d := startDemo(t, storetest.URL(t, store.SQLite))
	seen := map[string]bool{}
	for _, door := range d.app.doors {
		for _, r := range door.Routes {
			first := strings.SplitN(strings.TrimPrefix(r.Pattern, "/"), "/", 2)[0]
			if strings.HasPrefix(first, "{") || first == "" {
				continue
			}
			seen[first] = true
			if !d.app.reserved(first) {
				t.Errorf("%s could be the slug of a link", first)
			}
		}
	}
	for _, want := range []string{"api", "v1", "checkout", "methods", "healthz", "docs", "_sarraf"} {
		if !seen[want] {
			t.Errorf("the table of routes lacks /%s: what is checked here is not what is served", want)
		}
	}
	if d.app.reserved("k3v9x0a72mbd") {
		t.Error("everything is reserved")
	}
	// Pages of other doors are not found at the root.
	made := d.create("ROOT", "https://shop.example/cb")
	_, token, _ := strings.Cut(made.str("payment_url"), "/methods/")
	if r := d.ask("/"+token, ""); r.status != 404 {
		t.Errorf("an Aspay page at the root: %d", r.status)
	}
	if r := d.ask("/checkout/"+token, ""); r.status != 404 {
		t.Errorf("an Aspay page at PayRequest's checkout: %d", r.status)
	}
}

func TestADoorThatIsSwitchedOffIsNotThere(t *testing.T) {
	db := storetest.Open(t, storetest.URL(t, store.SQLite), clock.System{})
	keys, err := keyring.Parse(strings.Repeat("5a", 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{payrequest.Name: "/api/create", aspay.Name: "/api/payment/create"} {
		for _, off := range []bool{true, false} {
			s := settings{publicURL: "https://pay.example"}
			if off {
				s.off = []string{strings.ToUpper(name)}
			}
			a, err := newApp(db, keys, newMetrics(), slog.New(slog.DiscardHandler), s)
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			a.handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}")))
			a.invoices.Close()
			a.payments.Close()
			a.client.Close()
			if (w.Code == http.StatusNotFound) != off {
				t.Errorf("%s, off: %v: %d %s", path, off, w.Code, w.Body)
			}
		}
	}
}

// The token is shown in every body: it must be nowhere that we keep anything.
func TestATokenIsNeitherLoggedNorKept(t *testing.T) {
	t.Setenv("SARRAF_LOG_LEVEL", "debug")
	path := filepath.Join(t.TempDir(), "x.db")
	d := startDemo(t, "sqlite:"+path)
	token := d.line.PayRequest.Token
	d.link(t, map[string]string{"id": "SECRET"})
	for _, fields := range []map[string]string{{"id": "SECRET"}, {"title": ""}, {"title": "x", "amount": "1.234"}, {"title": "x", "amount": "1", "response": "x"}} {
		if r := d.payrequest("/api/create/", fields); r.str("status") != "error" || strings.Contains(r.text, token) {
			t.Errorf("%s", r.text)
		}
	}
	d.ask("/api/create/", `{"token":"`+token+`","token":"`+token+`"}`)
	d.ask("/api/get/", `{"token":"`+token+`",`)
	d.stands(t, "SECRET", "pending")
	if d.stop(); !strings.Contains(d.logs.String(), "request failed") {
		t.Fatalf("nothing was logged: %s", d.logs)
	}
	if strings.Contains(d.logs.String(), token) {
		t.Error("the log has the token")
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if kept := strings.Contains(string(text), token); kept != strings.HasSuffix(file, ".json") { // the demo keeps its own line
			t.Errorf("%s has the token: %v", file, kept)
		}
	}
}
