package httpx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"sarraf/fault"
	"sarraf/internal/clock"
)

func TestRequestIDIsTakenOverOnlyWhenShortAndPlain(t *testing.T) {
	var inside string
	m := newMux(t, Options{}, Door{Name: "a", Routes: []Route{get("/x", http.HandlerFunc(
		func(_ http.ResponseWriter, r *http.Request) { inside = RequestID(r.Context()) }))}})
	long := strings.Repeat("a", maxRequestID)
	for _, c := range []struct {
		header, value string
		taken         bool
	}{
		{"Request-Id", "abc-DEF_1.2", true},
		{"X-Request-Id", "abc", true},
		{"Request-Id", long, true},
		{"Request-Id", long + "a", false},
		{"Request-Id", "", false},
		{"Request-Id", "a b", false},
		{"Request-Id", "a\nb", false},
		{"Request-Id", "<b>", false},
		{"Request-Id", "é", false},
		{"Request-Id", "[", false},
		{"Request-Id", "@", false},
		{"Other", "abc", false},
	} {
		r := httptest.NewRequest("GET", "/x", nil)
		r.Header[c.header] = []string{c.value}
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		got := w.Header().Get("Request-Id")
		if got != inside || (got == c.value) != c.taken || !isPlainID(got) {
			t.Errorf("%s: %q answered %q, inside %q", c.header, c.value, got, inside)
		}
	}
	r := httptest.NewRequest("GET", "/x", nil)
	r.Header["Request-Id"] = []string{"one", "two"}
	w := httptest.NewRecorder()
	m.ServeHTTP(w, r)
	if id := w.Header().Get("Request-Id"); id == "one" || id == "two" {
		t.Errorf("one of two ids was taken: %q", id)
	}
}

func TestRequestIDsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		seen[requestID(nil)] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d ids of 1000", len(seen))
	}
	if id := RequestID(context.Background()); id != "" {
		t.Errorf("outside of a request: %q", id)
	}
}

func TestEveryAnswerHasTheSecureHeaders(t *testing.T) {
	m := newMux(t, Options{}, house()...)
	for _, c := range [][2]string{{"GET", "/"}, {"GET", "/no/thing"}, {"PUT", "/"}, {"OPTIONS", "/"}, {"GET", "/a/.."}} {
		h := ask(t, m, c[0], c[1]).Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" ||
			h.Get("Cache-Control") != "no-store" || h.Get("Request-Id") == "" {
			t.Errorf("%v: %v", c, h)
		}
	}
}

func TestHandlersCannotSpoilTheSharedHeaderValues(t *testing.T) {
	m := newMux(t, Options{}, Door{Name: "a", Routes: []Route{
		get("/adds", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Cache-Control", "private")
			w.Header().Add("Content-Type", "x/y")
			WriteJSON(w, 200, nil)
		})),
		get("/plain", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { WriteJSON(w, 200, nil) })),
	}})
	ask(t, m, "GET", "/adds")
	h := ask(t, m, "GET", "/plain").Header()
	if diff := cmp.Diff([]string{"no-store"}, h["Cache-Control"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"application/json"}, h["Content-Type"]); diff != "" {
		t.Error(diff)
	}
}

func panics(value any, before func(http.ResponseWriter)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		before(w)
		panic(value)
	})
}

func TestPanicIsAnsweredInTheDoorsShapeAndLoggedWithItsStack(t *testing.T) {
	var log bytes.Buffer
	m := newMux(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))},
		Door{Name: "a", Error: shaped("a"), Routes: []Route{
			get("/x/{token}", panics("secret cause", func(w http.ResponseWriter) {
				w.Header().Set("Content-Length", "3")
				w.Header().Set("Set-Cookie", "a=b")
			})),
		}})
	w := ask(t, m, "GET", "/x/sesame")
	if w.Code != 500 || w.Body.String() != "a: internal" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	if w.Header().Get("Set-Cookie") != "" || w.Header().Get("Content-Length") != "11" {
		t.Errorf("headers of the failed answer are left: %v", w.Header())
	}
	id := w.Header().Get("Request-Id")
	for _, want := range []string{"secret cause", "exchange_test.go", "request_id=" + id, "door=a", "route=/x/{token}"} {
		if id == "" || !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, log.String())
		}
	}
	if strings.Contains(log.String(), "sesame") {
		t.Error("the log holds the path")
	}
}

func TestPanicAfterTheAnswerBeganCutsTheConnection(t *testing.T) {
	server := httptest.NewServer(newMux(t, Options{}, Door{Name: "a", Error: shaped("a"), Routes: []Route{
		get("/begun", panics("late", func(w http.ResponseWriter) { _, _ = io.WriteString(w, "half") })),
		get("/sent", panics("later", func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
		})),
		get("/abort", panics(http.ErrAbortHandler, func(http.ResponseWriter) {})),
	}}))
	defer server.Close()
	for _, path := range []string{"/begun", "/sent", "/abort"} {
		response, err := http.Get(server.URL + path)
		if err != nil {
			continue
		}
		_, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err == nil {
			t.Errorf("%s: a whole answer, %d", path, response.StatusCode)
		}
	}
}

func TestDoorThatPanicsOnAnErrorIsAnsweredNeutrally(t *testing.T) {
	m := newMux(t, Options{}, Door{
		Name: "a", Routes: []Route{get("/x", panics("one", func(http.ResponseWriter) {}))}, Prefixes: []string{"/"},
		Error: func(http.ResponseWriter, *http.Request, error) { panic("two") },
	})
	for _, path := range []string{"/x", "/unknown"} {
		if w := ask(t, m, "GET", path); w.Code != 500 || !strings.Contains(w.Body.String(), "internal") {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
}

func TestFailLogsWhatIsOurMistakeAndWordsItByTheDoor(t *testing.T) {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		err   error
		ctx   context.Context
		want  string
		level string
	}{
		{fault.New(fault.InvoiceMissing), context.Background(), "a: invoice_missing", ""},
		{errors.New("disk on fire"), context.Background(), "a: internal", "level=ERROR"},
		{fault.New(fault.Outage).Wrap(errors.New("no route")), context.Background(), "a: outage", "level=WARN"},
		{fmt.Errorf("query: %w", context.Canceled), gone, "a: outage", ""},
		{fmt.Errorf("query: %w", context.Canceled), context.Background(), "a: internal", "level=ERROR"},
	} {
		var log bytes.Buffer
		m := newMux(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, Door{
			Name: "a", Error: shaped("a"),
			Routes: []Route{get("/x", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { Fail(w, r, c.err) }))},
		})
		w := httptest.NewRecorder()
		m.ServeHTTP(w, httptest.NewRequest("GET", "/x", nil).WithContext(c.ctx))
		if w.Body.String() != c.want {
			t.Errorf("%v: %q", c.err, w.Body)
		}
		if (c.level == "") != (log.Len() == 0) || !strings.Contains(log.String(), c.level) {
			t.Errorf("%v: logged %q; want %s", c.err, log.String(), c.level)
		}
		if c.level != "" && (!strings.Contains(log.String(), c.err.Error()) ||
			!strings.Contains(log.String(), w.Header().Get("Request-Id"))) {
			t.Errorf("%v: logged %q without its cause or request id", c.err, log.String())
		}
	}
}

func TestFailAddsNothingToAnAnswerThatHasBegun(t *testing.T) {
	m := newMux(t, Options{}, Door{Name: "a", Routes: []Route{get("/x", http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "done")
			Fail(w, r, errors.New("too late"))
		}))}})
	if w := ask(t, m, "GET", "/x"); w.Code != 200 || w.Body.String() != "done" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestFailOutsideOfAMuxAnswersNeutrally(t *testing.T) {
	w := httptest.NewRecorder()
	Fail(w, httptest.NewRequest("GET", "/", nil), fault.New(fault.RateLimited))
	if w.Code != 429 || w.Body.String() != "Too Many Requests (rate_limited)\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestAccessLogIsAtDebugLevelAndHoldsNoPath(t *testing.T) {
	for level, lines := range map[slog.Level]int{slog.LevelDebug: 1, slog.LevelInfo: 0} {
		var log bytes.Buffer
		m := newMux(t, Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))}, house()...)
		ask(t, m, "GET", "/methods/sesame?key=hidden")
		text := log.String()
		if strings.Count(text, "\n") != lines {
			t.Errorf("%s: %q", level, text)
		}
		if lines == 1 && !strings.Contains(text, "door=aspay route=/methods/{token} method=GET status=200 bytes=17") {
			t.Errorf("%q", text)
		}
		if strings.Contains(text, "sesame") || strings.Contains(text, "hidden") {
			t.Errorf("the log holds the path or the query: %q", text)
		}
	}
}

func TestMetricsHaveBoundedLabels(t *testing.T) {
	reg := prometheus.NewRegistry()
	now := clock.NewFake(time.Unix(1, 0))
	doors := append(house(), Door{Name: "slow", Error: shaped("slow"), Routes: []Route{
		{Method: "GET", Pattern: "/slow/{x}", Name: "slow", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			now.Advance(2 * time.Second)
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusAccepted)
		})},
		{Method: "GET", Pattern: "/back/{x}", Name: "back", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			now.Advance(-time.Hour)
			panic("clock")
		})},
	}})
	m := newMux(t, Options{Registry: reg, Clock: now}, doors...)
	before := series(t, reg)
	for i, c := range [][2]string{
		{"GET", "/api/payment/1"},
		{"HEAD", "/api/payment/2"},
		{"GET", "/api/nothing"},
		{"BREW", "/api/payment/3"},
		{"OPTIONS", "/api/payment/4"},
		{"GET", "/no/thing"},
		{"GET", "/a/../b"},
		{"GET", "/slow/1"},
		{"GET", "/back/1"},
	} {
		ask(t, m, c[0], c[1]+strings.Repeat("?", i%2))
	}
	if after := series(t, reg); after != before {
		t.Errorf("%d series before, %d after", before, after)
	}
	count := func(want float64, labels ...string) {
		t.Helper()
		counter := gather(t, reg, "sarraf_http_requests_total", labels)
		if counter != want {
			t.Errorf("%v: %v; want %v", labels, counter, want)
		}
	}
	count(2, "aspay", "/api/payment/{id}", "GET", "2xx")
	count(2, "aspay", "unmatched", "any", "4xx")
	count(1, "aspay", "unmatched", "any", "2xx")
	count(2, "none", "unmatched", "any", "4xx")
	count(1, "slow", "slow", "GET", "2xx")
	count(1, "slow", "back", "GET", "5xx")
	if s := gather(t, reg, "sarraf_http_request_seconds", []string{"slow", "slow", "GET"}); s != 2 {
		t.Errorf("the slow route took %v s; want 2", s)
	}
	if s := gather(t, reg, "sarraf_http_request_seconds", []string{"slow", "back", "GET"}); s != 0 {
		t.Errorf("a clock set back made a request take %v s", s)
	}
	if _, err := NewMux(Options{Registry: reg}); err == nil {
		t.Error("two muxes share one registry")
	}
}

// series is how many there are.
func series(t *testing.T, reg *prometheus.Registry) int {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range families {
		n += len(f.GetMetric())
	}
	return n
}

// gather is the counter's value, or the histogram's sum, of the series with these labels (door, route, method, class).
func gather(t *testing.T, reg *prometheus.Registry, name string, labels []string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for i, v := range labels {
		want[[]string{"door", "route", "method", "class"}[i]] = v
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got := map[string]string{}
			for _, l := range m.GetLabel() {
				got[l.GetName()] = l.GetValue()
			}
			if f.GetName() == name && cmp.Equal(got, want) {
				return m.GetCounter().GetValue() + m.GetHistogram().GetSampleSum()
			}
		}
	}
	t.Errorf("%s has no series %v", name, want)
	return -1
}

func TestResponseControllerReachesTheConnection(t *testing.T) {
	var wrong error
	server := httptest.NewServer(newMux(t, Options{}, Door{Name: "a", Routes: []Route{get("/x", http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) {
			wrong = http.NewResponseController(w).SetWriteDeadline(clock.System{}.Now().Add(time.Minute))
		}))}}))
	defer server.Close()
	response, err := http.Get(server.URL + "/x")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if wrong != nil || response.StatusCode != 200 {
		t.Errorf("%v, %d", wrong, response.StatusCode)
	}
}
