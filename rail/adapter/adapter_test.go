package adapter

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/clock"
	"sarraf/rail"
	"sarraf/rail/railtest"
)

const (
	token  = "a-token-of-the-tests"
	secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

// open is a rail to the URL.
func open(t *testing.T, o Options) *Rail {
	t.Helper()
	if o.Name == "" {
		o.Name = "fastpay"
	}
	if o.Token == "" {
		o.Token = token
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// service answers each call with a handler, and counts the calls.
type service struct {
	*httptest.Server
	mu    sync.Mutex
	calls []*http.Request // with their bodies
}

func newService(t *testing.T, answer http.HandlerFunc) *service {
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		s.mu.Lock()
		s.calls = append(s.calls, r)
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

func TestARailBehindAServicePassesTheSuite(t *testing.T) {
	railtest.Suite(t, func(t *testing.T) railtest.Subject {
		bank := railtest.NewBank("bank", time.Second)
		s := httptest.NewServer(railtest.Service{Bank: bank, Token: token})
		t.Cleanup(s.Close)
		return railtest.Subject{Sender: open(t, Options{URL: s.URL}), Moved: bank.Moved}
	})
}

func TestAnOrderArrivesWhole(t *testing.T) {
	bank := railtest.NewBank("bank", time.Second)
	s := httptest.NewServer(railtest.Service{Bank: bank, Token: token})
	defer s.Close()
	o := railtest.NewOrder(rail.OrderWithdrawal)
	o.Owner, o.Name = "18f0", "রহিম <উদ্দিন>"
	if _, err := open(t, Options{URL: s.URL + "/"}).Send(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(o, bank.Order(o.ID)); diff != "" {
		t.Error(diff)
	}
}

func TestAnOrderIsWordedAsThePageSays(t *testing.T) {
	s := newService(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"id":"one","status":"processing"}`) })
	at := time.Date(2026, 2, 9, 21, 30, 0, 0, time.UTC)
	r := open(t, Options{URL: s.URL + "/sarraf/", Secret: secret, Clock: clock.NewFake(at)})
	o := railtest.NewOrder(rail.OrderPayout)
	o.ID = "one"
	if a, err := r.Send(t.Context(), o); err != nil || a.Outcome != rail.Taken {
		t.Fatal(a, err)
	}
	if a, err := r.Inquire(t.Context(), o); err != nil || a.Outcome != rail.Taken {
		t.Fatal(a, err)
	}
	want := []string{
		`{"id":"one","kind":"payout","owner":"shop","amount":"1234.50","currency":"BDT","method":"bkash","destination":"+8801712345678",` +
			`"name":"Rahim Uddin","note":"March, \"first\" half","reference":"S-1"}`, "",
	}
	for i, c := range s.calls {
		body, _ := io.ReadAll(c.Body)
		if string(body) != want[i] {
			t.Errorf("body %s", body)
		}
		method, path := []string{"POST", "GET"}[i], []string{"/sarraf/orders", "/sarraf/orders/one"}[i]
		if c.Method != method || c.URL.String() != path || c.Header.Get("Authorization") != "Bearer "+token {
			t.Errorf("%s %s %q", c.Method, c.URL, c.Header.Get("Authorization"))
		}
		if (c.Header.Get("Content-Type") == "application/json") != (i == 0) {
			t.Errorf("content type %q", c.Header.Get("Content-Type"))
		}
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "one.%d.%s", at.Unix(), body)
		if c.Header.Get("webhook-id") != "one" || c.Header.Get("webhook-timestamp") != strconv.FormatInt(at.Unix(), 10) ||
			c.Header.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
			t.Errorf("signed with %v", c.Header)
		}
	}
	if s.count() != 2 {
		t.Errorf("%d calls", s.count())
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	long := strings.Repeat("x", 201)
	for _, c := range []struct {
		status      int
		body        string
		sent, asked rail.Answer // no outcome: unknown
	}{
		{200, `{"id":"one","status":"completed","reference":"R 1"}`, rail.Answer{Outcome: rail.Accepted, Reference: "R 1"}, rail.Answer{Outcome: rail.Accepted, Reference: "R 1"}},
		{200, ` {"id":"one","status":"completed","reference":"R1","reason":"ok","more":{"a":[1]}} `, rail.Answer{Outcome: rail.Accepted, Reference: "R1"}, rail.Answer{Outcome: rail.Accepted, Reference: "R1"}},
		{200, `{"id":"one","status":"rejected","reason":"no such\nnumber"}`, rail.Answer{Outcome: rail.Declined, Reason: "no such number"}, rail.Answer{Outcome: rail.Declined, Reason: "no such number"}},
		{200, `{"id":"one","status":"rejected"}`, rail.Answer{Outcome: rail.Declined, Reason: "The rail refused it."}, rail.Answer{Outcome: rail.Declined, Reason: "The rail refused it."}},
		{200, `{"id":"one","status":"rejected","reason":"` + long + `"}`, rail.Answer{Outcome: rail.Declined, Reason: long[1:]}, rail.Answer{Outcome: rail.Declined, Reason: long[1:]}},
		{200, `{"id":"one","status":"processing","reference":"R1"}`, rail.Answer{Outcome: rail.Taken, Reference: "R1"}, rail.Answer{Outcome: rail.Taken, Reference: "R1"}},
		{200, `{"id":"one","status":"retry","reason":"closed on Fridays"}`, rail.Answer{Outcome: rail.Retryable, Reason: "closed on Fridays"}, rail.Answer{}},
		{200, `{"id":"one","status":"absent"}`, rail.Answer{}, rail.Answer{Outcome: rail.Absent}},
		// A token that is not known decides about sending alone.
		{401, ``, rail.Answer{Outcome: rail.Retryable, Reason: "The service does not know the token."}, rail.Answer{}},
		// All that follows is not clear, and so it is not known.
		{200, ``, rail.Answer{}, rail.Answer{}},
		{200, `OK`, rail.Answer{}, rail.Answer{}},
		{200, `id=one&status=completed&reference=R1`, rail.Answer{}, rail.Answer{}},
		{200, `{}`, rail.Answer{}, rail.Answer{}},
		{200, `[{"id":"one","status":"rejected"}]`, rail.Answer{}, rail.Answer{}},
		{200, `{"id":"one","status":"rejected"`, rail.Answer{}, rail.Answer{}},
		{200, `{"id":"one","status":"rejected"}{"id":"one","status":"completed"}`, rail.Answer{}, rail.Answer{}},
		{200, `{"id":"one","status":"rejected","status":"completed"}`, rail.Answer{}, rail.Answer{}},
		{200, `{"id":"one","status":"REJECTED"}`, rail.Answer{}, rail.Answer{}},
		{200, `{"id":"one","status":"failed"}`, rail.Answer{}, rail.Answer{}},
		{200, `{"id":"one","status":true}`, rail.Answer{}, rail.Answer{}},
		{200, `{"id":"one"}`, rail.Answer{}, rail.Answer{}},
		{200, `{"status":"rejected"}`, rail.Answer{}, rail.Answer{}},
		{200, `{"id":"two","status":"rejected"}`, rail.Answer{}, rail.Answer{}},
		{200, `{"id":"one","status":"completed"}`, rail.Answer{}, rail.Answer{}},
		{200, `{"id":"one","status":"completed","reference":7}`, rail.Answer{}, rail.Answer{}},
		{200, `{"id":"one","status":"completed","reference":"a\nb"}`, rail.Answer{}, rail.Answer{}},
		{200, `{"id":"one","status":"completed","reference":"` + long + `"}`, rail.Answer{}, rail.Answer{}},
		{200, `{"id":"one","status":"rejected","x":"` + strings.Repeat("x", 64<<10) + `"}`, rail.Answer{}, rail.Answer{}},
		{201, `{"id":"one","status":"completed","reference":"R1"}`, rail.Answer{}, rail.Answer{}},
		{204, ``, rail.Answer{}, rail.Answer{}},
		{302, `{"id":"one","status":"rejected"}`, rail.Answer{}, rail.Answer{}},
		{400, `{"id":"one","status":"rejected"}`, rail.Answer{}, rail.Answer{}},
		{403, `{"id":"one","status":"rejected"}`, rail.Answer{}, rail.Answer{}},
		{404, `{"id":"one","status":"absent"}`, rail.Answer{}, rail.Answer{}},
		{429, ``, rail.Answer{}, rail.Answer{}},
		{500, `{"id":"one","status":"retry"}`, rail.Answer{}, rail.Answer{}},
		{502, ``, rail.Answer{}, rail.Answer{}},
		{503, ``, rail.Answer{}, rail.Answer{}},
	} {
		t.Run(fmt.Sprintf("%d %.60s", c.status, c.body), func(t *testing.T) {
			s := newService(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			})
			r, o := open(t, Options{URL: s.URL}), rail.Order{ID: "one", Kind: rail.OrderPayout}
			a, err := r.Send(t.Context(), o)
			if a != c.sent || (err == nil) != (c.sent.Outcome != "") {
				t.Errorf("sent: %v, %v, want %v", a, err, c.sent)
			}
			a, err = r.Inquire(t.Context(), o)
			if a != c.asked || (err == nil) != (c.asked.Outcome != "") {
				t.Errorf("asked: %v, %v, want %v", a, err, c.asked)
			}
			if s.count() != 2 {
				t.Errorf("%d calls: each is made once, and none is led elsewhere", s.count())
			}
		})
	}
}

// refusing is an address that nobody listens at.
func refusing(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return "http://" + ln.Addr().String()
}

func TestWhatWasNeverSentIsSentAgain(t *testing.T) {
	untrusted := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a call came through") }))
	untrusted.Config.ErrorLog = nil
	defer untrusted.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx context.Context
		url string
	}{
		"refused":        {t.Context(), refusing(t)},
		"not trusted":    {t.Context(), untrusted.URL},
		"no such name":   {t.Context(), "https://no-such-name.invalid"},
		"already called": {ended, refusing(t)},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, Options{URL: c.url, Limit: 5 * time.Second})
			if a, err := r.Send(c.ctx, rail.Order{ID: "one"}); err != nil || a.Outcome != rail.Retryable || a.Reason == "" {
				t.Errorf("%v, %v", a, err)
			}
			if a, err := r.Inquire(c.ctx, rail.Order{ID: "one"}); err == nil {
				t.Errorf("an inquiry that was not made says %v", a)
			}
		})
	}
}

func TestAServiceOfATrustedCertificateIsCalled(t *testing.T) {
	bank := railtest.NewBank("bank", time.Second)
	s := httptest.NewTLSServer(railtest.Service{Bank: bank, Token: token})
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	if a, err := open(t, Options{URL: s.URL, RootCAs: pool}).Send(t.Context(), railtest.NewOrder(rail.OrderPayout)); err != nil || a.Outcome != rail.Accepted {
		t.Errorf("%v, %v", a, err)
	}
}

// What may have arrived is not known, whatever the connection does then, and nothing is sent a second time by itself.
func TestWhatMayHaveArrivedIsNotKnown(t *testing.T) {
	hijack := func(w http.ResponseWriter, say string) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, say)
		conn.Close()
	}
	for name, answer := range map[string]http.HandlerFunc{
		"the connection ends": func(w http.ResponseWriter, _ *http.Request) { hijack(w, "") },
		"not HTTP":            func(w http.ResponseWriter, _ *http.Request) { hijack(w, "hello\r\n\r\n") },
		"half an answer": func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"id\":\"one\",\"status\":\"rejected\"}")
		},
		"another protocol": func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		},
		"silence": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"an endless answer": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		},
		"an endless header": func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, answer)
			r := open(t, Options{URL: s.URL, Limit: time.Second})
			if a, err := r.Send(t.Context(), rail.Order{ID: "one"}); err == nil {
				t.Errorf("it is taken for %v", a)
			}
			if s.count() != 1 {
				t.Errorf("it arrived %d times", s.count())
			}
		})
	}
}

func TestNoProxyIsUsed(t *testing.T) {
	proxy := newService(t, func(http.ResponseWriter, *http.Request) {})
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	r := open(t, Options{URL: "http://no-such-name.invalid", AllowHTTP: true})
	if _, err := r.Send(t.Context(), rail.Order{ID: "one"}); err != nil || proxy.count() != 0 {
		t.Errorf("%v, the proxy got %d calls", err, proxy.count())
	}
	if p := r.transport.Proxy; p != nil {
		t.Error("the transport has a proxy")
	}
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	good := Options{Name: "fastpay", URL: "https://rail.example.com/sarraf", Token: token, Secret: secret}
	for name, change := range map[string]func(*Options){
		"no name":                 func(o *Options) { o.Name = "" },
		"a name in capitals":      func(o *Options) { o.Name = "FastPay" },
		"a long name":             func(o *Options) { o.Name = strings.Repeat("a", 33) },
		"no address":              func(o *Options) { o.URL = "" },
		"no host":                 func(o *Options) { o.URL = "https:///orders" },
		"in the clear":            func(o *Options) { o.URL = "http://rail.example.com" },
		"in the clear, inside":    func(o *Options) { o.URL = "http://10.0.0.1" },
		"a name that looks local": func(o *Options) { o.URL = "http://localhost.example.com" },
		"another scheme":          func(o *Options) { o.URL = "ftp://rail.example.com" },
		"a user":                  func(o *Options) { o.URL = "https://user:hidden-password@rail.example.com" },
		"a query":                 func(o *Options) { o.URL = "https://rail.example.com?key=hidden-password" },
		"a fragment":              func(o *Options) { o.URL = "https://rail.example.com#x" },
		"no token":                func(o *Options) { o.Token = "" },
		"a short token":           func(o *Options) { o.Token = "hidden-password" },
		"a token with a line":     func(o *Options) { o.Token = "hidden-password\r\nX: y" },
		"a secret that is none":   func(o *Options) { o.Secret = "hidden-password" },
		"a short secret":          func(o *Options) { o.Secret = "whsec_aGlkZGVuLXBhc3N3b3Jk" },
		"no time":                 func(o *Options) { o.Limit = time.Millisecond },
		"too much time":           func(o *Options) { o.Limit = time.Minute },
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			change(&o)
			_, err := New(o)
			if err == nil {
				t.Fatal("it is taken")
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("a secret is told: %v", err)
			}
		})
	}
	for _, to := range []string{"https://10.0.0.1:8443", "http://127.0.0.1:9000/x", "http://[::1]:9000", "http://localhost:9000/"} {
		o := good
		o.URL = to
		if r, err := New(o); err != nil || strings.HasSuffix(r.Address(), "/") || !r.Signed() || r.Limit() != DefaultLimit {
			t.Errorf("%s: %v", to, err)
		}
	}
	o := good
	o.URL, o.AllowHTTP = "http://rail.internal", true
	if _, err := New(o); err != nil {
		t.Error(err)
	}
}

func TestErrorsTellNoSecret(t *testing.T) {
	r := open(t, Options{URL: refusing(t), Secret: secret})
	_, err := r.Inquire(t.Context(), rail.Order{ID: "one"})
	if err == nil || strings.Contains(err.Error(), token) || strings.Contains(err.Error(), secret) {
		t.Errorf("%v", err)
	}
}

func TestAServiceIsCheckedWithoutAnOrder(t *testing.T) {
	bank := railtest.NewBank("bank", time.Second)
	s := httptest.NewServer(railtest.Service{Bank: bank, Token: token})
	defer s.Close()
	if err := open(t, Options{URL: s.URL}).Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := open(t, Options{URL: s.URL, Token: "another-token-than-that"}).Check(t.Context()); err == nil {
		t.Error("another token passes")
	}
	knows := newService(t, func(w http.ResponseWriter, r *http.Request) {
		id, _ := url.PathUnescape(strings.TrimPrefix(r.URL.Path, "/orders/"))
		_ = json.NewEncoder(w).Encode(map[string]string{"id": id, "status": "completed", "reference": "R1"})
	})
	if err := open(t, Options{URL: knows.URL}).Check(t.Context()); err == nil {
		t.Error("a service passes that completed an order that never was")
	}
}
