package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"sarraf/internal/crashtest"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/store"
)

func TestMain(m *testing.M) {
	code := pgtest.Run(m)
	crashtest.Remove()
	os.Exit(code)
}

// each runs a test on both engines, each with a fresh database.
func each(t *testing.T, fn func(t *testing.T, dsn string)) {
	t.Helper()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Setenv("XDG_CONFIG_HOME", t.TempDir()) // where a demo on a server keeps its credentials
			fn(t, storetest.URL(t, engine))
		})
	}
}

// demo is a running `sarraf demo --json`.
type demo struct {
	t    *testing.T
	line demoLine
	stop func() int // ends it and answers its exit status
	logs *safeBuffer
	app  *app
}

// startDemo runs the command in this process and waits for its line.
func startDemo(t *testing.T, dsn string) *demo {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	d := &demo{t: t, logs: &safeBuffer{}}
	exited := make(chan int, 1)
	started := func(a *app) { d.app = a } // before the line is printed
	go func() {
		code := run(ctx, []string{"demo", "--json", "--listen", "127.0.0.1:0", "--database", dsn},
			streams{out: in, err: d.logs, started: started})
		_ = in.CloseWithError(fmt.Errorf("sarraf demo ended with status %d", code))
		exited <- code
	}()
	text, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		cancel()
		t.Fatalf("no line: %v\n%s", err, d.logs)
	}
	if err := json.Unmarshal([]byte(text), &d.line); err != nil {
		cancel()
		t.Fatalf("%q: %v", text, err)
	}
	var once sync.Once
	code := -1
	d.stop = func() int {
		once.Do(func() { cancel(); code = <-exited })
		return code
	}
	t.Cleanup(func() { d.stop() })
	return d
}

// safeBuffer is a buffer that a server writes while a test reads.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// reply is an answer with its JSON.
type reply struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

func (r reply) str(name string) string {
	s, _ := r.json[name].(string)
	return s
}

// aspay asks as the demo merchant at Aspay's door; a body is posted.
func (d *demo) aspay(path, body string) reply {
	return d.ask(path, body, "X-Api-Key", d.line.Aspay.APIKey, "X-Api-Secret", d.line.Aspay.APISecret)
}

// native asks with the native key.
func (d *demo) native(path, body string) reply {
	return d.ask(path, body, "Authorization", "Bearer "+d.line.Native.APIKey)
}

func (d *demo) ask(path, body string, headers ...string) reply {
	d.t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequest(method, d.line.URL+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return d.send(req)
}

func (d *demo) send(req *http.Request) reply {
	d.t.Helper()
	client := http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	r := reply{status: resp.StatusCode, header: resp.Header, text: string(text)}
	_ = json.Unmarshal(text, &r.json) // nil for a page
	return r
}

// create makes an invoice over Aspay's door.
func (d *demo) create(reference, callback string) reply {
	d.t.Helper()
	r := d.aspay("/api/payment/create", fmt.Sprintf(
		`{"amount":1234.5,"customer_name":"Rahim Uddin","transaction_reference":%q,"callback_url":%q}`, reference, callback))
	if r.status != http.StatusOK || r.str("payment_url") == "" {
		d.t.Fatalf("create: %d %s", r.status, r.text)
	}
	return r
}

// call is one request that a merchant's endpoint got.
type call struct {
	header http.Header
	body   string
	query  string
	method string
}

// shop is a merchant's web site on loopback: what it gets, it keeps.
type shop struct {
	*httptest.Server
	mu    sync.Mutex
	calls []call
	rung  chan struct{}
	// answer decides about a webhook; 200 when nil.
	answer func(http.ResponseWriter, *http.Request)
}

func newShop(t *testing.T, answer func(http.ResponseWriter, *http.Request)) *shop {
	s := &shop{rung: make(chan struct{}, 1000), answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.HasPrefix(r.URL.Path, "/callback") {
			s.mu.Lock()
			s.calls = append(s.calls, call{header: r.Header, body: string(body), query: r.URL.RawQuery, method: r.Method})
			s.mu.Unlock()
			s.rung <- struct{}{}
		}
		if s.answer != nil && r.Method == http.MethodPost {
			s.answer(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>Shop</title><link rel=icon href='data:,'><h1>Thank you</h1>")
	}))
	t.Cleanup(s.Close)
	return s
}

// webhooks are the webhooks that came so far.
func (s *shop) webhooks() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []call
	for _, c := range s.calls {
		if c.method == http.MethodPost {
			list = append(list, c)
		}
	}
	return list
}

// wait waits until there are at least n webhooks.
func (s *shop) wait(t *testing.T, n int) []call {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		if list := s.webhooks(); len(list) >= n {
			return list
		}
		select {
		case <-s.rung:
		case <-deadline:
			t.Fatalf("%d webhooks came, want %d", len(s.webhooks()), n)
		}
	}
}

// command runs one command line and answers its status and what it printed.
func command(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e safeBuffer
	code = run(t.Context(), args, streams{out: &o, err: &e})
	return code, o.String(), e.String()
}

// proveClean runs the audit on a database and fails on any finding.
func proveClean(t *testing.T, dsn string) {
	t.Helper()
	code, out, errs := command(t, "audit", "--json", "--database", dsn)
	var a auditAnswer
	if err := json.Unmarshal([]byte(out), &a); err != nil {
		t.Fatal(errors.Join(err, errors.New(out+errs)))
	}
	if code != 0 || !a.Clean {
		t.Fatalf("audit: status %d, %s %s", code, out, errs)
	}
}

// waitFor waits until a condition holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// served is a running `sarraf serve`.
type served struct {
	app  *app
	logs *safeBuffer
	stop func() int
}

// startServe runs serve in this process on a migrated database, with the secrets of the environment, and waits until it serves.
func startServe(t *testing.T, dsn string, args ...string) *served {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &served{logs: &safeBuffer{}}
	started, exited := make(chan *app, 1), make(chan int, 1)
	go func() {
		exited <- run(ctx, append([]string{"serve", "--database", dsn, "--listen", "127.0.0.1:0", "--drain", "0s"}, args...),
			streams{out: s.logs, err: s.logs, started: func(a *app) { started <- a }})
	}()
	select {
	case s.app = <-started:
	case code := <-exited:
		cancel()
		t.Fatalf("serve ended with status %d\n%s", code, s.logs)
	}
	var once sync.Once
	code := -1
	s.stop = func() int {
		once.Do(func() { cancel(); code = <-exited })
		return code
	}
	t.Cleanup(func() { s.stop() })
	return s
}

// newSecrets puts fresh secrets into the environment.
func newSecrets(t *testing.T) secrets {
	t.Helper()
	s := fresh()
	t.Setenv("SARRAF_KEY", s.Key)
	t.Setenv("SARRAF_SEAL_KEY", s.SealKey)
	return s
}

// mustRun runs a command line that must do its work.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := command(t, args...)
	if code != 0 {
		t.Fatalf("%v: status %d\n%s%s", args, code, out, errs)
	}
	return strings.TrimSpace(out)
}
