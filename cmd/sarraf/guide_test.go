package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sarraf/dialect/aspay"
	"sarraf/dialect/dialecttest"
	"sarraf/event"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/store"
)

// Every documented request and answer of the guide, and every example of the dialect's page, against the whole program over HTTP.
func TestTheGuidesHoldAgainstTheProgram(t *testing.T) {
	d := startDemo(t, storetest.URL(t, store.SQLite))
	var stories atomic.Int64
	open := func(t *testing.T) dialecttest.Target {
		return dialecttest.Target{
			URL: d.line.URL,
			Vars: map[string]string{
				"api_key": d.line.Aspay.APIKey, "api_secret": d.line.Aspay.APISecret, "url": d.line.URL,
				"run": fmt.Sprintf("%06d", stories.Add(1)), "KEY": d.line.Aspay.APIKey, "SECRET": d.line.Aspay.APISecret,
				"API_KEY": d.line.Native.APIKey,
			},
			Actions: map[string]dialecttest.Action{
				"pay": d.press("pay:approve"), "fail": d.press("pay:fail"), "cancel": d.press("cancel"), "webhook": d.worded,
			},
		}
	}
	t.Run("aspay", func(t *testing.T) { dialecttest.Run(t, "../../dialect/aspay/testdata", open) })
	t.Run("page", func(t *testing.T) { dialecttest.Page(t, "../../dialect/aspay/README.md", open) })
}

// press is the payer's press on a button of the invoice's page.
func (d *demo) press(action string) dialecttest.Action {
	return func(ctx context.Context, args []string, _ string) (dialecttest.Answer, error) {
		inv, err := d.invoice(ctx, args[0])
		if err != nil {
			return dialecttest.Answer{}, err
		}
		body := strings.NewReader(url.Values{"action": {action}}.Encode())
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.line.URL+aspay.Door{}.HostedPath(inv), body)
		if err != nil {
			return dialecttest.Answer{}, err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		client := http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		resp, err := client.Do(req)
		if err != nil {
			return dialecttest.Answer{}, err
		}
		defer resp.Body.Close()
		return dialecttest.Answer{Status: resp.StatusCode, Header: resp.Header}, nil
	}
}

func (d *demo) invoice(ctx context.Context, number string) (invoice.Invoice, error) {
	merchants, err := d.app.merchants.List(ctx)
	if err != nil {
		return invoice.Invoice{}, err
	}
	return d.app.invoices.ByNumber(ctx, merchants[0].Owner, aspay.Name, number)
}

// worded is the webhook of a paid invoice as it is worded. The guide's callback is a made-up host, so it cannot be caught there; what
// arrives, with its signature, is tested with a shop of our own.
func (d *demo) worded(ctx context.Context, args []string, _ string) (dialecttest.Answer, error) {
	inv, err := d.invoice(ctx, args[0])
	if err != nil {
		return dialecttest.Answer{}, err
	}
	events, err := event.NewLog(d.app.db).List(ctx, inv.Owner, event.Page{Limit: 10_000})
	if err != nil {
		return dialecttest.Answer{}, err
	}
	for _, e := range events {
		if e.Subject != inv.ID || !(aspay.Door{}).Wants(e.Type) {
			continue
		}
		m, err := aspay.Door{}.Webhook(e)
		a := dialecttest.Answer{Header: http.Header{}, Body: m.Body}
		for _, h := range m.Header {
			a.Header.Add(h[0], strings.ReplaceAll(h[1], event.Unix, fmt.Sprint(time.Now().Unix())))
		}
		return a, err
	}
	return dialecttest.Answer{}, errors.New("no event of it is told")
}
