package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
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

// An address that floods without a key is refused and counted; on the machine itself the demo holds nobody back.
func TestWhoFloodsWithoutAKeyIsRefusedAndCounted(t *testing.T) {
	for listen, free := range map[string]bool{
		"127.0.0.1:0": true, "[::1]:8080": true, "localhost:8080": true, "0.0.0.0:8080": false, ":8080": false, "10.0.0.1:80": false, "x": false,
	} {
		want := anonymous{byAddress: 100, byMerchant: 1000}
		if free {
			want = anonymous{}
		}
		if got := demoBounds(listen); got.byAddress != want.byAddress || got.byMerchant != want.byMerchant {
			t.Errorf("a demo on %s: %+v", listen, got)
		}
	}
	limited, counted := 0, -1.0
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	flood := func(a *app) {
		defer stop()
		for range 20 {
			w := httptest.NewRecorder()
			a.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/payment/all-inquiry/x?transactionId=1", nil))
			if w.Code == http.StatusTooManyRequests {
				limited++
			} else if w.Code != http.StatusNotFound {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
		all, err := a.metrics.registry.Gather()
		if err != nil {
			t.Error(err)
		}
		for _, family := range all {
			for _, m := range family.GetMetric() {
				if l := m.GetLabel(); family.GetName() == "sarraf_http_limited_total" && l[0].GetValue() == "address" && l[1].GetValue() == "assanpay" {
					counted = m.GetCounter().GetValue()
				}
			}
		}
	}
	var logs safeBuffer
	dsn := storetest.URL(t, store.SQLite)
	args := []string{"serve", "--dev", "--listen", "127.0.0.1:0", "--anonymous-per-address", "1", "--database", dsn}
	if code := run(ctx, args, streams{out: &logs, err: &logs, started: flood}); code != 0 {
		t.Fatalf("status %d\n%s", code, &logs)
	}
	if limited == 0 || counted != float64(limited) {
		t.Errorf("%d refusals of 20 are counted as %v", limited, counted)
	}
}
