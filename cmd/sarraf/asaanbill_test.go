package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sarraf/dialect/asaanbill"
	"sarraf/dialect/dialecttest"
	"sarraf/event"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
	"sarraf/store"
)

// billUser is who has logged in at AsaanBill's door.
type billUser struct{ name, token, channel string }

// login logs the demo's user in.
func (d *demo) login() billUser {
	d.t.Helper()
	l := d.line.AsaanBill
	r := d.ask("/integration/login", fmt.Sprintf(`{"password":%q}`, l.Password), "username", l.Username)
	data, _ := r.json["data"].(map[string]any)
	channel, _ := data["channel"].(map[string]any)
	token, _ := data["token"].(string)
	if r.status != http.StatusOK || token == "" {
		d.t.Fatalf("login: %d %s", r.status, r.text)
	}
	return billUser{l.Username, token, fmt.Sprint(channel["id"])}
}

// keys are what the user shows, by part.
func (u billUser) keys() map[string]string {
	return map[string]string{"handle": u.name, "key": u.token, "id": u.channel}
}

// bill asks AsaanBill's door as the user; a body is posted.
func (d *demo) bill(u billUser, path, body string) reply {
	d.t.Helper()
	return d.ask("/integration"+path, body, "x-auth-ph-key", u.token, "channel-id", u.channel, "username", u.name)
}

// bankReferences number what is paid by the banks of the tests.
var bankReferences atomic.Int64

// payBill has a bank pay what the bill of a PSID asks for now, or another amount.
func (d *demo) payBill(ctx context.Context, args []string, _ string) (dialecttest.Answer, error) {
	bank := payment.NewBiller(d.app.payments, d.app.invoices, d.app.merchants)
	b, err := bank.Bill(ctx, args[0])
	if err != nil {
		return dialecttest.Answer{}, err
	}
	now, amount := time.Now(), b.Amount
	if !b.LateFrom.IsZero() && !now.Before(b.LateFrom) {
		amount = b.LateAmount
	}
	if len(args) > 1 {
		if amount, err = money.Parse(args[1], money.PKR, money.Plain); err != nil {
			return dialecttest.Answer{}, err
		}
	}
	_, err = bank.PayBill(ctx, rail.BillPayment{
		Rail: "billpay", Reference: fmt.Sprint("bank-", bankReferences.Add(1)), PSID: args[0], Amount: amount, At: now, Sandbox: true,
	})
	return dialecttest.Answer{Status: http.StatusOK}, err
}

// upload is the demo merchant's bulk request with the number.
func (d *demo) upload(ctx context.Context, number string) (invoice.Upload, error) {
	m, _, err := d.app.merchants.Authenticate(ctx, "native", "", d.line.Native.APIKey)
	if err != nil {
		return invoice.Upload{}, err
	}
	return d.app.invoices.UploadByNumber(ctx, m.Owner, asaanbill.Name, number)
}

// assigned waits until the PSIDs of a bulk request are.
func (d *demo) assigned(ctx context.Context, args []string, _ string) (dialecttest.Answer, error) {
	var wrong error
	waitFor(d.t, "the PSIDs of bulk request "+args[0], func() bool {
		u, err := d.upload(ctx, args[0])
		wrong = err
		return err != nil || u.Status == invoice.UploadDone
	})
	return dialecttest.Answer{Status: http.StatusOK}, wrong
}

// approved is what the merchant is told of a bulk request.
func (d *demo) approved(ctx context.Context, args []string, _ string) (dialecttest.Answer, error) {
	u, err := d.upload(ctx, args[0])
	if err != nil {
		return dialecttest.Answer{}, err
	}
	return dialecttest.Told(ctx, event.NewLog(d.app.db), asaanbill.Door{}, invoice.Invoice{Owner: u.Owner, ID: u.ID}, time.Now())
}

// callbacks is an integrator's server, which gets call-backs at /callback and below.
func (d *demo) callbacks(answer func(path string) (int, string)) *shop {
	d.t.Helper()
	s := newShop(d.t, nil)
	s.answer = func(w http.ResponseWriter, r *http.Request) {
		status, body := answer(r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
	merchants, err := d.app.merchants.List(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	by := merchant.Actor{Name: "test", Source: "test"}
	if err := d.app.merchants.SetCallback(d.t.Context(), by, merchants[0].Owner, asaanbill.Name, s.URL+"/callback"); err != nil {
		d.t.Fatal(err)
	}
	return s
}

const acknowledgement = `{"responseCode": 200, "responseMessage": "Request processed successfully"}`

// Paid bills and each receipt of a static code are told once each, under one id however often they are sent; what is not acknowledged in the
// guide's words is sent again.
func TestCallBacksOfBillsComeUntilTheyAreAcknowledged(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		u := d.login()
		times := map[string]int{}
		var told atomic.Int64
		s := d.callbacks(func(string) (int, string) {
			// What other gateways take for an acknowledgement is none here.
			switch n := told.Add(1); {
			case n == 1:
				return http.StatusOK, "OK"
			case n == 2:
				return http.StatusOK, `{"responseCode": "200"}`
			case n == 3:
				return http.StatusBadRequest, acknowledgement
			}
			return http.StatusOK, acknowledgement
		})
		psid := func(generation, payment string) string {
			t.Helper()
			r := d.bill(u, "/add?generationTypes="+generation, `{"payment": `+payment+`}`)
			data, _ := r.json["data"].(map[string]any)
			text, _ := data["psid"].(string)
			if r.status != http.StatusOK || text == "" {
				t.Fatalf("add: %d %s", r.status, r.text)
			}
			return text
		}
		bill := psid("PSID", `{"title": "Fees", "identifier": "A", "dueDate": "2925-06-13", "amount": "5000", "amountAfterDueDate": "5500"}`)
		static := psid("SQRC_WITHOUT_AMOUNT", `{"title": "Shop", "identifier": "till"}`)
		want := map[string]string{
			fmt.Sprintf(`{"title":"Fees","identifier":"A","dueDate":"2925-06-13","amount":"5000","amountAfterDueDate":"5500","psid":%q}`, bill): "",
		}
		if _, err := d.payBill(t.Context(), []string{bill}, ""); err != nil {
			t.Fatal(err)
		}
		for n := range 10 {
			amount := fmt.Sprint(n + 1)
			if _, err := d.payBill(t.Context(), []string{static, amount}, ""); err != nil {
				t.Fatal(err)
			}
			want[fmt.Sprintf(`{"title":"Shop","identifier":"till","dueDate":null,"amount":%q,"amountAfterDueDate":null,"psid":%q}`, amount, static)] = ""
		}
		ids := map[string]string{}
		for _, c := range s.wait(t, len(want)+3) {
			if _, ok := want[c.body]; !ok {
				t.Fatalf("told %s", c.body)
			}
			id := c.header.Get("webhook-id")
			if was := want[c.body]; id == "" || was != "" && was != id {
				t.Errorf("%s is told as %s and as %s", c.body, was, id)
			}
			if was := ids[id]; was != "" && was != c.body {
				t.Errorf("%s tells of %s and of %s", id, was, c.body)
			}
			want[c.body], ids[id] = id, c.body
			times[c.body]++
		}
		again := 0
		for body, id := range want {
			if again += times[body] - 1; id == "" {
				t.Errorf("nobody was told %s", body)
			}
		}
		if again != 3 {
			t.Errorf("%d calls were made again, want 3", again)
		}
		d.stop()
		proveClean(t, dsn)
	})
}

func TestTheCallBackOfABulkRequestComesWhenItsPSIDsAreAssigned(t *testing.T) {
	d := startDemo(t, storetest.URL(t, store.SQLite))
	u := d.login()
	s := d.callbacks(func(path string) (int, string) { return http.StatusOK, acknowledgement })
	r := d.bill(u, "/add-bulk?contentType=JSON", `{"payments": [{"title": "A", "identifier": "A", "dueDate": "2925-06-13", "amount": "1", "amountAfterDueDate": "1"}]}`)
	data, _ := r.json["data"].(map[string]any)
	if r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.text)
	}
	calls := s.wait(t, 1)
	if want := fmt.Sprintf(`{"bulkPaymentRequestId":%v}`, data["bulkPaymentRequestId"]); calls[0].body != want {
		t.Errorf("told %s, want %s", calls[0].body, want)
	}
	if text := d.bill(u, "/bulk-payment-request/"+fmt.Sprint(data["bulkPaymentRequestId"]), "").text; !strings.Contains(text, `"status":"APPROVED"`) {
		t.Errorf("it was told before: %s", text)
	}
}

// The command gives a merchant's user what it needs to log in, and takes over a channel's number.
func TestUsersAreMadeByCommandWithTheirChannel(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		newSecrets(t)
		mustRun(t, "migrate", "--database", dsn)
		owner := mustRun(t, "merchant", "create", "Padma Books", "--currencies", "PKR", "--database", dsn)
		lines := func(text string) map[string]string {
			list := map[string]string{}
			for line := range strings.Lines(text) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
				list[name] = value
			}
			return list
		}
		first := lines(mustRun(t, "merchant", "user", "add", owner, "asaanbill", "padma", "--database", dsn))
		second := lines(mustRun(t, "merchant", "user", "add", owner, "asaanbill", "padma-2", "--role", "viewer", "--channel-id", "230023", "--database", dsn))
		if first["channel_id"] == "" || second["channel_id"] != "230023" {
			t.Errorf("%v, %v", first, second)
		}
		for _, bad := range []string{"023", "0", "x", "-1", "1234567890123456"} {
			if code, _, errs := command(t, "merchant", "user", "add", owner, "asaanbill", "padma-3", "--channel-id="+bad, "--database", dsn); code != 2 {
				t.Errorf("%s: status %d %s", bad, code, errs)
			}
		}
		other := mustRun(t, "merchant", "create", "Meghna Books", "--currencies", "PKR", "--database", dsn)
		if code, _, errs := command(t, "merchant", "user", "add", other, "asaanbill", "meghna", "--channel-id", "230023", "--database", dsn); code != 1 ||
			!strings.Contains(errs, "another merchant's") {
			t.Errorf("status %d %s", code, errs)
		}
		looks := doctorCmd{databaseFlag: databaseFlag{dsn}, Only: []string{"merchants"}}
		expect(t, doctor(t, soundMachine(), looks), "bills", warn) // no prefix, no PSIDs
		looks.PSIDPrefix = "100139"
		expect(t, doctor(t, soundMachine(), looks), "merchants", good)
		s := startServe(t, dsn, "--psid-prefix", "100139")
		d := &demo{t: t, app: s.app, logs: s.logs, line: demoLine{URL: "http://" + s.app.address, AsaanBill: demoLogin{first["username"], first["password"]}}}
		u := d.login()
		if u.channel != "230023" {
			t.Errorf("the channel is %s", u.channel)
		}
		r := d.bill(u, "/add", `{"payment": {"title": "A", "identifier": "A", "dueDate": "2925-06-13", "amount": "1", "amountAfterDueDate": "1"}}`)
		data, _ := r.json["data"].(map[string]any)
		if text, _ := data["psid"].(string); r.status != http.StatusOK || !strings.HasPrefix(text, "100139") || data["qrString"] != nil {
			t.Errorf("%d %s", r.status, r.text)
		}
	})
}
