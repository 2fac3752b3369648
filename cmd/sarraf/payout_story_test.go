package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sarraf/internal/clock"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/payout"
	"sarraf/store"
	"sarraf/webhook"
)

// withdraw asks for a payout of BDT 500 at Aspay's door and answers its printed id.
func (d *demo) withdraw(reference, callback string) string {
	d.t.Helper()
	r := d.aspay("/api/payout/request", fmt.Sprintf(`{"payout_method_id":1,"amount":500,"recipient_name":"John Doe","recipient_account":"01712345678",`+
		`"transaction_reference":%q,"callback_url":%q}`, reference, callback))
	if r.status != http.StatusCreated || r.str("status") != "pending" || r.json["success"] != true {
		d.t.Fatalf("request: %d %s", r.status, r.text)
	}
	return r.str("payout_id")
}

// movePayout has the rail of the sandbox move a payout.
func (d *demo) movePayout(number string, a payout.Action) payout.Payout {
	d.t.Helper()
	p, err := d.findPayout(d.t.Context(), number)
	if err == nil {
		p, err = d.app.payouts.Move(d.t.Context(), payout.Move{
			Merchant: p.Merchant, Payout: p.ID, Action: a, Right: payout.OfRail, By: merchant.Actor{Name: "test", Source: "test"}, Reason: "test",
		}, nil)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

func TestAPayoutIsMadeToldAndProved(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		site := newShop(t, nil)
		id := d.withdraw("WD-1", site.URL+"/callback?shop=7")
		d.movePayout(id, payout.Process)
		if r := d.aspay("/api/payout/WD-1", ""); r.str("status") != "processing" || r.json["processed_at"] != nil {
			t.Fatalf("under way: %s", r.text)
		}
		d.movePayout(id, payout.Doubt) // of which nobody is told
		if r := d.aspay("/api/payout/WD-1", ""); r.str("status") != "processing" || r.json["processed_at"] != nil {
			t.Fatalf("in doubt: %s", r.text)
		}
		d.movePayout(id, payout.Complete)
		if r := d.aspay("/api/payout/"+id, ""); r.str("status") != "completed" || r.str("processed_at") == "" {
			t.Fatalf("after: %s", r.text)
		}
		secret, err := webhook.ParseSecret(d.line.Native.WebhookSecret)
		if err != nil {
			t.Fatal(err)
		}
		var events []string
		for _, c := range site.wait(t, 2) {
			if err := webhook.Verify(c.header, []byte(c.body), webhook.Tolerance, clock.System{}, secret); err != nil {
				t.Errorf("signature: %v", err)
			}
			var body struct {
				Event, Timestamp string
				Data             struct {
					PayoutID string `json:"payout_id"`
					Status   string
				}
			}
			if err := json.Unmarshal([]byte(c.body), &body); err != nil || body.Data.PayoutID != id || c.header.Get("X-Webhook-Event") != body.Event ||
				"payout."+body.Data.Status != body.Event || c.query != "shop=7" || !strings.Contains(c.body, `"amount":500.00,"fee":0.00,`) {
				t.Errorf("webhook %s to ?%s (%v)", c.body, c.query, err)
			}
			events = append(events, body.Event)
		}
		if want := []string{"payout.processing", "payout.completed"}; !slices.Equal(events, want) {
			t.Errorf("the merchant was told %q, want %q", events, want)
		}
		proveClean(t, dsn) // while it serves
		if code := d.stop(); code != 0 {
			t.Fatalf("it ended with status %d\n%s", code, d.logs)
		}
		proveClean(t, dsn)
		if n := len(site.webhooks()); n != 2 {
			t.Fatalf("%d webhooks for one payout", n)
		}
	})
}

func TestAPayoutWhoseCallbackMayNotBeCalledIsMadeAndItsWebhooksAreLogged(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		p := d.movePayout(d.withdraw("WD-BLOCKED", "http://192.168.7.7/callback"), payout.Cancel)
		if r := d.aspay("/api/payout/WD-BLOCKED", ""); r.str("status") != "cancelled" {
			t.Fatalf("%s", r.text)
		}
		list, err := webhook.NewLog(d.app.db).List(t.Context(), p.Merchant, webhook.Page{Limit: 10})
		if err != nil || len(list) != 1 || list[0].State != webhook.Refused || list[0].Type != string(payout.EventCancelled) || list[0].Object != p.ID {
			t.Fatalf("%+v, %v", list, err)
		}
		proveClean(t, dsn)
	})
}

func TestTheDemoPaysOutInEveryWay(t *testing.T) {
	dsn := storetest.URL(t, store.SQLite)
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	first := startDemo(t, dsn)
	methods := func(d *demo) []payout.Method {
		t.Helper()
		m, _, err := d.app.merchants.Authenticate(t.Context(), "native", "", d.line.Native.APIKey)
		if err != nil {
			t.Fatal(err)
		}
		list, err := d.app.payouts.Methods(t.Context(), m.Owner)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	list := methods(first)
	for i, k := range payout.Catalog() {
		if i >= len(list) || list[i].Kind != k.Kind || list[i].Number != int64(i+1) || list[i].Min != k.Min || list[i].Max != k.Max || list[i].Rail != payout.Sandbox {
			t.Errorf("%s is not among %+v", k.Kind, list)
		}
	}
	// What somebody has changed stays as it is in a demo that is kept.
	nagad := list[1]
	nagad.Name, nagad.Disabled = "Changed", true
	if _, err := first.app.payouts.SetMethod(t.Context(), demoActor, nagad); err != nil {
		t.Fatal(err)
	}
	first.stop()
	again := methods(startDemo(t, dsn))
	if len(again) != len(list) || again[1] != nagad {
		t.Errorf("%+v, and was %+v", again, list)
	}
}
