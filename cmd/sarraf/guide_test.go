package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sarraf/api"
	"sarraf/dialect/asaanbill"
	"sarraf/dialect/aspay"
	"sarraf/dialect/dialecttest"
	"sarraf/event"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/store"
)

// Every documented request and answer of every guide, and every example of each dialect's page, against the whole program over HTTP.
func TestTheGuidesHoldAgainstTheProgram(t *testing.T) {
	d := startDemo(t, storetest.URL(t, store.SQLite))
	user := d.login()
	vars := map[string]map[string]string{
		"asaanbill": {
			"username": d.line.AsaanBill.Username, "password": d.line.AsaanBill.Password, "channel": user.channel, "token": user.token,
			"USERNAME": d.line.AsaanBill.Username, "PASSWORD": d.line.AsaanBill.Password, "CHANNEL": user.channel,
		},
		"assanpay": {"merchant_id": d.line.AssanPay.MerchantID, "api_key": d.line.AssanPay.APIKey},
		"aspay":    {"api_key": d.line.Aspay.APIKey, "api_secret": d.line.Aspay.APISecret},
		"payrequest": {
			"token": d.line.PayRequest.Token, "signing_secret": d.line.Native.WebhookSecret,
		},
	}
	var stories atomic.Int64
	for _, door := range d.app.hosted {
		own, ok := vars[door.Name()]
		if !ok {
			t.Errorf("the demo has no credentials for %s, whose guide is therefore not tried", door.Name())
		}
		open := func(t *testing.T) dialecttest.Target {
			target := dialecttest.Target{
				URL: d.line.URL,
				Vars: map[string]string{
					"url": d.line.URL, "run": fmt.Sprintf("%06d", stories.Add(1)), "API_KEY": d.line.Native.APIKey,
				},
				Actions: d.actions(door),
			}
			for name, value := range own {
				target.Vars[name] = value
			}
			// What the pages call them, in the shell's manner.
			target.Vars["KEY"], target.Vars["SECRET"] = own["api_key"], own["api_secret"]
			target.Vars["MERCHANT"], target.Vars["TOKEN"] = own["merchant_id"], own["token"]
			return target
		}
		t.Run(door.Name(), func(t *testing.T) {
			dialecttest.Run(t, "../../dialect/"+door.Name()+"/testdata", open)
			t.Run("page", func(t *testing.T) { dialecttest.Page(t, "../../dialect/"+door.Name()+"/README.md", open) })
		})
	}
}

// Every example of the native API's page that is printed with its answer.
func TestTheNativePageHoldsAgainstTheProgram(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		_, operator, err := d.app.merchants.Issue(t.Context(), worldActor,
			merchant.Credential{Owner: merchant.House, Door: api.Name, Role: merchant.Operator}, "", operatorPrefix, false)
		if err != nil {
			t.Fatal(err)
		}
		approver := d.approving()
		dialecttest.Page(t, "../../docs/native-api.md", func(*testing.T) dialecttest.Target {
			return dialecttest.Target{URL: d.line.URL, Vars: map[string]string{
				"KEY": d.line.Native.APIKey, "OPERATOR": operator, "APPROVER": approver,
				"ASPAY_KEY": d.line.Aspay.APIKey, "ASPAY_SECRET": d.line.Aspay.APISecret,
			}}
		})
	})
}

// approving has a second person approve what the demo's merchant pays out above BDT 10,000, as the page says, and answers that person's key.
func (d *demo) approving() string {
	d.t.Helper()
	m, _, err := d.app.merchants.Authenticate(d.t.Context(), api.Name, "", d.line.Native.APIKey)
	m.Settings.PayoutApproval = map[money.Currency]int64{money.BDT: 10_000_00}
	if err == nil {
		err = d.app.merchants.Change(d.t.Context(), worldActor, m)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	_, key, err := d.app.merchants.Issue(d.t.Context(), worldActor, merchant.Credential{Owner: m.Owner, Door: api.Name, Role: merchant.Approver}, "", "sk_", false)
	if err != nil {
		d.t.Fatal(err)
	}
	return key
}

// actions are what the stories of the door do beside requests.
func (d *demo) actions(door invoice.Door) map[string]dialecttest.Action {
	list := d.ends(door)
	switch door.Name() {
	case asaanbill.Name:
		list["pay"], list["assigned"], list["approved"] = d.payBill, d.assigned, d.approved
	case aspay.Name:
		maps.Copy(list, dialecttest.PayoutActions(d.app.payouts, event.NewLog(d.app.db), door, time.Now, d.findPayout))
	}
	return list
}

// ends are the ways an invoice of the door can end, as the payer brings them about, and what the merchant is told. The callbacks of a guide
// are made-up hosts, so the webhook is taken as it is worded; what arrives, with its signature, is tested with a shop of our own.
func (d *demo) ends(door invoice.Door) map[string]dialecttest.Action {
	return map[string]dialecttest.Action{
		"pay": d.press(door, "pay:approve"), "fail": d.press(door, "pay:fail"), "cancel": d.press(door, "cancel"),
		"expire": func(_ context.Context, args []string, _ string) (dialecttest.Answer, error) {
			r := d.native("/v1/sandbox/pay", fmt.Sprintf(`{"target":%q,"outcome":"expired"}`, args[0]))
			if r.status != http.StatusOK {
				return dialecttest.Answer{}, fmt.Errorf("%d %s", r.status, r.text)
			}
			return dialecttest.Answer{Status: http.StatusSeeOther, Header: http.Header{"Location": {r.str("return_url")}}}, nil
		},
		"webhook": func(ctx context.Context, args []string, _ string) (dialecttest.Answer, error) {
			inv, err := d.find(ctx, door, args[0])
			if err != nil {
				return dialecttest.Answer{}, err
			}
			return dialecttest.Told(ctx, event.NewLog(d.app.db), door, inv, time.Now())
		},
	}
}

// press is the payer's press on a button of the page where the invoice is paid.
func (d *demo) press(door invoice.Door, action string) dialecttest.Action {
	return func(ctx context.Context, args []string, _ string) (dialecttest.Answer, error) {
		inv, err := d.find(ctx, door, args[0])
		if err != nil {
			return dialecttest.Answer{}, err
		}
		body := strings.NewReader(url.Values{"action": {action}}.Encode())
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.line.URL+door.PayPath(inv), body)
		if err != nil {
			return dialecttest.Answer{}, err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r := d.send(req)
		return dialecttest.Answer{Status: r.status, Header: r.header}, nil
	}
}

// find is the door's invoice that a text names: a printed number, a reference, an id, or the address of its page.
func (d *demo) find(ctx context.Context, door invoice.Door, text string) (invoice.Invoice, error) {
	merchants, err := d.app.merchants.List(ctx)
	if err != nil {
		return invoice.Invoice{}, err
	}
	list, err := d.app.invoices.Meanings(ctx, merchants[0].Owner, text, []string{door.Name()})
	if err != nil {
		return invoice.Invoice{}, err
	}
	if len(list) == 1 {
		return d.app.invoices.Get(ctx, merchants[0].Owner, list[0].ID)
	}
	return d.app.invoices.ByToken(ctx, path.Base(text))
}

// findPayout is the payout of the demo's merchant that Aspay's door prints so.
func (d *demo) findPayout(ctx context.Context, number string) (payout.Payout, error) {
	merchants, err := d.app.merchants.List(ctx)
	if err != nil {
		return payout.Payout{}, err
	}
	return d.app.payouts.ByNumber(ctx, merchants[0].Owner, aspay.Name, number)
}
