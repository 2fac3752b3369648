package main

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/bench/load"
)

func TestFlagsAreRead(t *testing.T) {
	o, err := parse(strings.Fields("--engine sqlite --clients 8,16 --scenarios create,pay --seconds 0.5 --rounds 2"))
	if err != nil {
		t.Fatal(err)
	}
	want := options{
		engines: []string{"sqlite"}, seconds: 0.5, clients: []int{8, 16}, scenarios: []string{"create", "pay"}, rounds: 2, batch: 256, audit: true, most: 1_000_000,
	}
	if d := cmp.Diff(want, o, cmp.AllowUnexported(options{})); d != "" {
		t.Error(d)
	}
	if o.window() != 500*time.Millisecond || !o.wants("pay") || o.wants("status") {
		t.Errorf("window %v, pay %v, status %v", o.window(), o.wants("pay"), o.wants("status"))
	}
}

func TestFlagsOutOfBoundsAreRefused(t *testing.T) {
	for _, args := range []string{
		"--engine mysql", "--engine sqlite,", "--clients 0", "--clients x", "--clients 5000", "--scenarios buy", "--seconds 0", "--seconds 601",
		"--seconds NaN", "--rounds 0", "--rounds 101", "--batch 0", "--bills 9", "extra",
	} {
		if _, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%s is accepted", args)
		}
	}
}

// timed is a result of so many requests a second, each of which took d.
func timed(rate int, d time.Duration) *load.Result {
	r := &load.Result{Requests: rate, Sent: rate, Took: time.Second}
	r.Add(d)
	return r
}

func TestTheTableHasMediansAndIsHeldToTheTargets(t *testing.T) {
	tab := newTable()
	tab.others = []float64{0.1, 0.5, 0.2}
	for _, rate := range []int{6000, 9000, 7500} {
		tab.ours("pay", "postgres", 256, timed(rate, 80*time.Millisecond), 200)
		tab.ours("pay", "sqlite", 64, timed(rate, 20*time.Millisecond), 100)
	}
	tab.raw("settle", "sqlite", 30000, 50)
	tab.webhooks("sqlite", 256, 1500, 0)
	tab.process("sqlite", 250*time.Millisecond, 40<<20, 200<<20)
	want := [][]string{
		{"settled payments (sandbox call)", "sqlite", "64", "7,500 (6,000-9,000)", "20.0", "30,000", "0.25", "100 : 50", "5,000, p99 40 ms", "150 %"},
		{"settled payments (sandbox call)", "postgres", "256", "7,500 (6,000-9,000)", "80.0", "-", "-", "200", "7,500, p99 65 ms", "100 %, p99 over"},
		{"webhooks delivered to a local sink", "sqlite", "256", "1,500 (1,500-1,500)", "-", "-", "-", "-", "3,000", "50 %"},
	}
	if d := cmp.Diff(want, tab.cells()); d != "" {
		t.Error(d)
	}
	var plain, markdown bytes.Buffer
	tab.print(&plain, false)
	tab.print(&markdown, true)
	for _, part := range []string{"ready 0.25 s", "40 MB idle", "200 MB under load", "20 % of the machine before a round (at most 50 %)", "20 % off"} {
		if !strings.Contains(plain.String(), part) {
			t.Errorf("%q is not in\n%s", part, plain.String())
		}
	}
	if n := strings.Count(markdown.String(), "\n| "); n != len(want) {
		t.Errorf("%d rows, want %d, in\n%s", n, len(want), markdown.String())
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		list []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{4, 1}, 2.5}, {[]float64{9, 1, 5}, 5}} {
		if got := median(c.list); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.list, got, c.want)
		}
	}
}

func TestCountSetsThousandsApart(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 999.4: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := count(v); got != want {
			t.Errorf("%v prints %s, want %s", v, got, want)
		}
	}
}

func TestFieldsAreFoundInAnswers(t *testing.T) {
	body := []byte(`{"status":"success","invoice_id":"ATINV1","rest":"`)
	for key, want := range map[string]string{`"invoice_id":"`: "ATINV1", `"status":"`: "success", `"rest":"`: "", `"none":"`: ""} {
		got, ok := field(body, key)
		if got != want || ok != (want != "") {
			t.Errorf("%s is %q %v, want %q", key, got, ok, want)
		}
	}
}

func TestTheSinkCountsEachWebhookOnce(t *testing.T) {
	s, err := listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	post := func(id, body string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if id != "" {
			req.Header.Set("webhook-id", id)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return closed(t, res)
	}
	s.expect(2)
	for _, c := range []struct {
		id, body string
		want     int
	}{{"a", "{}", 204}, {"", "{}", 400}, {"b", "", 400}, {"a", "{}", 204}} {
		if got := post(c.id, c.body); got != c.want {
			t.Errorf("webhook %q with %q: %d, want %d", c.id, c.body, got, c.want)
		}
	}
	select {
	case <-s.full:
		t.Fatal("full after one of two")
	default:
	}
	post("b", "{}")
	<-s.full
	if s.arrived() != 2 || s.twice() != 1 {
		t.Errorf("%d arrived, %d twice; want 2 and 1", s.arrived(), s.twice())
	}
}

// closed closes an answer and tells its status.
func closed(t *testing.T, res *http.Response) int {
	t.Helper()
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

func TestThisProcessIsMeasured(t *testing.T) {
	now, most, err := memory(os.Getpid())
	if err != nil || now <= 0 || most < now {
		t.Errorf("memory %d, at most %d, %v", now, most, err)
	}
	parent, _ := stat(os.Getpid())
	if parent != os.Getppid() {
		t.Errorf("the parent is %d, want %d", parent, os.Getppid())
	}
	for cpuOf(os.Getpid()) == 0 { // until it has worked for one tick
	}
	if used := cpuOf(0); used != 0 {
		t.Errorf("no process used %v", used)
	}
	if _, _, err := memory(0); err == nil {
		t.Error("process 0 has memory")
	}
}
