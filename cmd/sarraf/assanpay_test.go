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

// The payer of an AssanPay request, at both addresses of the page, in sizes and colours.
func TestPayersOfAnAssanPayRequest(t *testing.T) {
	d := startDemo(t, storetest.URL(t, store.SQLite))
	site := newShop(t, nil)
	b := browsertest.Start(t)
	dark, plain := browsertest.Desk, browsertest.Phone
	dark.Dark, plain.NoScript = true, true
	for _, c := range []struct {
		name, page, press, status string
		view                      browsertest.View
	}{
		{"phone pays", "completeLink", "pay:approve", "success", browsertest.Phone},
		{"desk in the dark pays", "link", "pay:approve", "success", dark},
		{"no JavaScript cancels", "completeLink", "cancel", "cancelled", plain},
		{"phone fails", "link", "pay:fail", "failed", browsertest.Phone},
	} {
		t.Run(c.name, func(t *testing.T) {
			order := "AP-" + strings.ReplaceAll(c.name, " ", "-")
			r := d.ask("/payment-request/qr/"+d.line.AssanPay.MerchantID, fmt.Sprintf(
				`{"amount":"1234.50","order_id":%q,"store_name":"چائے خانہ Tea House","link":%q,"description":"Two teas and a biscuit"}`,
				order, site.URL+"/callback?basket=7"))
			data, ok := r.json["data"].(map[string]any)
			if r.status != 200 || !ok {
				t.Fatalf("%d %s", r.status, r.text)
			}
			page := data[c.page].(string)
			if strings.HasPrefix(page, "/") {
				page = d.line.URL + page
			}
			tab := b.Tab(t, c.view)
			if code := tab.Open(page); code != 200 {
				t.Fatalf("the page answers %d", code)
			}
			text := tab.Text("body")
			for _, want := range []string{"چائے خانہ Tea House", "1,234.50", "Two teas and a biscuit", order, data["transactionId"].(string)} {
				if !strings.Contains(text, want) {
					t.Errorf("the page does not show %q: %s", want, text)
				}
			}
			tab.Shot("assanpay-" + strings.ReplaceAll(c.name, " ", "-"))
			tab.Follow(`button[value="` + c.press + `"]`)
			want := site.URL + "/callback?basket=7&order_id=" + url.QueryEscape(order) + "&transactionId=" + data["transactionId"].(string) + "&status=" + c.status
			if got := tab.URL(); got != want {
				t.Errorf("the payer is at %s, want %s", got, want)
			}
		})
	}
}
