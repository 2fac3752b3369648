package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// figures are what /metrics says, by name and labels as they are printed.
type figures map[string]float64

func scrape(t *testing.T, admin string) figures {
	t.Helper()
	resp, err := http.Get("http://" + admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	f := figures{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), "} ")
		if ok {
			name += "}"
		} else if name, value, ok = strings.Cut(lines.Text(), " "); !ok || name == "#" {
			continue
		}
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			f[name] = v
		}
	}
	if len(f) < 20 {
		t.Fatalf("only %d figures", len(f))
	}
	return f
}

// shopOf makes a merchant over the command line and a demo that asks a serving process as that merchant does.
func shopOf(t *testing.T, dsn, address string) *demo {
	t.Helper()
	owner := mustRun(t, "merchant", "create", "Shop", "--database", dsn)
	d := &demo{t: t, line: demoLine{URL: "http://" + address}}
	keys := strings.Fields(mustRun(t, "merchant", "key", owner, "aspay", "--database", dsn))
	d.line.Aspay = demoKeyPair{APIKey: keys[1], APISecret: keys[3]}
	d.line.Native.APIKey = strings.Fields(mustRun(t, "merchant", "key", owner, "native", "--database", dsn))[1]
	return d
}

func TestMetricsTellWhatHappened(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		newSecrets(t)
		mustRun(t, "migrate", "--database", dsn)
		srv := startServe(t, dsn, "--admin-listen", "127.0.0.1:0", "--allow-http-webhooks", "--allow-webhook-range", "127.0.0.0/8")
		d := shopOf(t, dsn, srv.app.address)
		glad := newShop(t, nil)
		sour := newShop(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
		for reference, to := range map[string]string{
			"GLAD": glad.URL + "/callback", "SOUR": sour.URL + "/callback", "INSIDE": "http://10.0.0.1/callback", "OPEN": glad.URL + "/callback",
		} {
			d.create(reference, to)
		}
		for _, reference := range []string{"GLAD", "SOUR", "INSIDE"} {
			d.pay(reference)
		}
		d.ask("/api/payment/GLAD", "", "X-Api-Key", "nobody", "X-Api-Secret", "nothing")
		glad.wait(t, 1)
		sour.wait(t, 1)
		edit(t, dsn, `UPDATE invoice SET expires_at = $1 WHERE status = 'open'`, time.Now().Add(-time.Second).UnixMicro())
		want := figures{
			`sarraf_http_requests_total{class="2xx",door="aspay",method="POST",route="/api/payment/create"}`: 4,
			`sarraf_events_total{type="invoice.created"}`:                                                    4,
			`sarraf_events_total{type="invoice.paid"}`:                                                       3,
			`sarraf_events_total{type="invoice.expired"}`:                                                    1,
			`sarraf_batch_commands_sum{kind="invoice.create"}`:                                               4,
			`sarraf_batch_commands_sum{kind="payment.settle"}`:                                               3,
			`sarraf_batch_queue{kind="payment.settle"}`:                                                      0,
			`sarraf_batch_queue{kind="delivery.record"}`:                                                     0,
			`sarraf_webhook_attempts_total{outcome="acknowledged"}`:                                          1,
			`sarraf_webhook_attempts_total{outcome="refused"}`:                                               1,
			`sarraf_webhook_deliveries_total{state="delivered"}`:                                             1,
			`sarraf_webhook_deliveries_total{state="blocked"}`:                                               1,
			`sarraf_webhook_deliveries_total{state="failed"}`:                                                0,
			`sarraf_webhook_call_seconds_count`:                                                              2,
			`sarraf_webhook_oldest_due_seconds`:                                                              0,
			`sarraf_db_connections_in_use{pool="write"}`:                                                     0,
			`sarraf_db_connections_max{pool="read"}`:                                                         4,
		}
		// Counters follow the answers, and somebody may be using a connection just now.
		var got figures
		wrong := ""
		t.Cleanup(func() {
			if t.Failed() {
				t.Log(wrong)
			}
		})
		waitFor(t, "every figure to be as it should", func() bool {
			got = scrape(t, srv.app.admin)
			for name, v := range want {
				if have, ok := got[name]; !ok || have != v {
					if sour := name == `sarraf_webhook_attempts_total{outcome="refused"}` || name == "sarraf_webhook_call_seconds_count"; sour && have > v {
						continue // it was tried again meanwhile
					}
					wrong = fmt.Sprintf("%s is %v, want %v", name, have, v)
					return false
				}
			}
			return got["sarraf_seal_behind_seconds"] < 60
		})
		build := 0
		for name := range got {
			if strings.HasPrefix(name, "sarraf_build_info{") && strings.Contains(name, `version="`+versionText()+`"`) {
				build++
			}
		}
		if build != 1 {
			t.Errorf("%d builds", build)
		}
		everyMetricIsDocumented(t, got)
	})
}

// everyMetricIsDocumented fails on a metric of ours that the operator's page does not name.
func everyMetricIsDocumented(t *testing.T, f figures) {
	t.Helper()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range f {
		name, _, _ = strings.Cut(name, "{")
		for _, suffix := range []string{"_sum", "_count", "_bucket"} {
			name = strings.TrimSuffix(name, suffix)
		}
		if strings.HasPrefix(name, "sarraf_") && !strings.Contains(string(page), "`"+name) {
			t.Errorf("docs/operations.md does not name %s", name)
		}
	}
}

func TestAnAttemptThatWasNotMadeIsNoQuickCall(t *testing.T) {
	m := newMetrics()
	m.Attempted("unsent", 0)
	m.Attempted("unworded", 0)
	m.Attempted("acknowledged", 20*time.Millisecond)
	list, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, f := range list {
		for _, one := range f.GetMetric() {
			switch f.GetName() {
			case "sarraf_webhook_call_seconds":
				seen["calls"] = fmt.Sprint(one.GetHistogram().GetSampleCount(), " in ", one.GetHistogram().GetSampleSum())
			case "sarraf_webhook_attempts_total":
				seen[one.GetLabel()[0].GetValue()] = fmt.Sprint(one.GetCounter().GetValue())
			}
		}
	}
	if fmt.Sprint(seen) != "map[acknowledged:1 calls:1 in 0.02 unsent:1 unworded:1]" {
		t.Error(seen)
	}
}
