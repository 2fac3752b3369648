package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"sarraf/internal/browsertest"
	"sarraf/internal/storetest"
	"sarraf/store"
)

// payer is somebody with a browser before an invoice's page, in a demo with a shop to come back to.
type payer struct {
	*demo
	site *shop
	tab  *browsertest.Tab
	made reply
}

func newPayer(t *testing.T, d *demo, site *shop, b *browsertest.Browser, v browsertest.View, reference string) *payer {
	t.Helper()
	p := &payer{demo: d, site: site, tab: b.Tab(t, v), made: d.create(reference, site.URL+"/callback?basket=7")}
	if code := p.tab.Open(p.made.str("payment_url")); code != 200 {
		t.Fatalf("the page answers %d", code)
	}
	return p
}

// landed checks that the payer is at the shop as the guide says.
func (p *payer) landed(t *testing.T, status, reference string) {
	t.Helper()
	u, err := url.Parse(p.tab.URL())
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("basket=7&status=%s&invoice_id=%s&transaction_reference=%s", status, p.made.str("invoice_id"), reference)
	if "http://"+u.Host != p.site.URL || u.Path != "/callback" || u.RawQuery != want {
		t.Errorf("the payer is at %s, want %s/callback?%s", u, p.site.URL, want)
	}
}

func (p *payer) is(t *testing.T, status string) {
	t.Helper()
	if r := p.aspay("/api/payment/"+p.made.str("invoice_id"), ""); r.str("status") != status {
		t.Errorf("the invoice is %s, want %s", r.text, status)
	}
}

func TestPayersInABrowser(t *testing.T) {
	d := startDemo(t, storetest.URL(t, store.SQLite))
	site := newShop(t, nil)
	b := browsertest.Start(t)
	plain := browsertest.Phone
	plain.NoScript = true
	for _, v := range []struct {
		name string
		view browsertest.View
	}{{"phone", browsertest.Phone}, {"desk", browsertest.Desk}, {"without JavaScript", plain}} {
		ref := func(what string) string { return strings.ToUpper(what[:2] + strings.ReplaceAll(v.name, " ", "")[:4]) }
		t.Run(v.name+" pays", func(t *testing.T) {
			p := newPayer(t, d, site, b, v.view, ref("pay"))
			text := p.tab.Text("body")
			for _, want := range []string{"Nokshi Store", "1,234.50", "Rahim Uddin", "left", p.made.str("invoice_id")} {
				if !strings.Contains(text, want) {
					t.Errorf("the page does not show %q", want)
				}
			}
			p.tab.Shot("story-" + strings.ReplaceAll(v.name, " ", "-"))
			p.tab.Follow(`button[value="pay:approve"]`)
			p.landed(t, "success", ref("pay"))
			p.is(t, "paid")
		})
		t.Run(v.name+" is declined, tries again and pays", func(t *testing.T) {
			p := newPayer(t, d, site, b, v.view, ref("dec"))
			p.tab.Follow(`button[value="pay:decline"]`)
			if text := p.tab.Text("body"); !strings.Contains(text, "declined") {
				t.Errorf("after a declined attempt the page says: %s", text)
			}
			p.is(t, "pending")
			p.tab.Follow(`button[value="pay:approve"]`)
			p.landed(t, "success", ref("dec"))
		})
		t.Run(v.name+" is declined and gives up", func(t *testing.T) {
			p := newPayer(t, d, site, b, v.view, ref("giv"))
			p.tab.Follow(`button[value="pay:decline"]`)
			p.tab.Follow(`button[value="cancel"]`)
			p.landed(t, "cancel", ref("giv"))
			p.is(t, "failed")
		})
		t.Run(v.name+" fails for good", func(t *testing.T) {
			p := newPayer(t, d, site, b, v.view, ref("fai"))
			p.tab.Follow(`button[value="pay:fail"]`)
			p.landed(t, "cancel", ref("fai"))
			p.is(t, "failed")
		})
		t.Run(v.name+" cancels", func(t *testing.T) {
			p := newPayer(t, d, site, b, v.view, ref("can"))
			p.tab.Follow(`button[value="cancel"]`)
			p.landed(t, "cancel", ref("can"))
			p.is(t, "cancelled")
		})
	}
}

// What happens elsewhere, the open page learns by itself, and leads the payer back.
func TestAnOpenPageLearnsWhatHappenedElsewhere(t *testing.T) {
	d := startDemo(t, storetest.URL(t, store.SQLite))
	site := newShop(t, nil)
	b := browsertest.Start(t)
	plain := browsertest.Phone
	plain.NoScript = true
	for i, c := range []struct {
		outcome, status, lands string
		view                   browsertest.View
	}{
		{"paid", "paid", "success", browsertest.Phone},
		{"expired", "expired", "cancel", browsertest.Desk},
		{"failed", "failed", "cancel", browsertest.Phone},
		{"cancelled", "cancelled", "cancel", browsertest.Phone},
		{"paid", "paid", "success", plain},
	} {
		t.Run(fmt.Sprintf("%s %d", c.outcome, i), func(t *testing.T) {
			ref := fmt.Sprintf("ELSE-%d", i)
			p := newPayer(t, d, site, b, c.view, ref)
			r := d.native("/v1/sandbox/pay", fmt.Sprintf(`{"target":%q,"outcome":%q}`, p.made.str("payment_url"), c.outcome))
			if r.status != 200 {
				t.Fatalf("%d %s", r.status, r.text)
			}
			p.tab.Wait(`location.pathname === "/callback"`)
			p.landed(t, c.lands, ref)
			if want := p.tab.URL(); r.str("return_url") != want {
				t.Errorf("the sandbox call says %q, the payer is at %q", r.str("return_url"), want)
			}
			p.is(t, c.status)
		})
	}
}
