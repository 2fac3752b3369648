package webhook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/clock"
)

var discard = log.New(io.Discard, "", 0)

func TestCallPostsHeadersAndBody(t *testing.T) {
	type received struct {
		Method, URI, Host, Body, Agent, Event, Auth, Encoding, Cookie string
		Length                                                        int64
	}
	var got received
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = received{
			r.Method, r.RequestURI, r.Host, string(body), r.UserAgent(), r.Header.Get("X-Webhook-Event"), r.Header.Get("Authorization"),
			r.Header.Get("Accept-Encoding"), r.Header.Get("Cookie"), r.ContentLength,
		}
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, "thanks")
	})
	at := clock.NewFake(time.Unix(1_700_000_000, 0))
	c := newTestClient(t, Options{Policy: local, Clock: at})
	h := http.Header{"X-Webhook-Event": {"payment.completed"}, "User-Agent": {"Mozilla"}}
	answer, err := c.Call(t.Context(), Request{URL: s.URL + "/hook?a=b c", Header: h, Body: []byte(`{"n":1}`), Timeout: long})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Answer{Status: 202, Body: []byte("thanks")}, answer); diff != "" {
		t.Error(diff)
	}
	want := received{
		Method: "POST", URI: "/hook?a=b%20c", Host: s.Listener.Addr().String(), Body: `{"n":1}`, Agent: "Sarraf-Webhook/1",
		Event: "payment.completed", Length: 7,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(http.Header{"X-Webhook-Event": {"payment.completed"}, "User-Agent": {"Mozilla"}}, h); diff != "" {
		t.Errorf("the caller's headers were changed: %s", diff)
	}
}

func TestTheUserOfAURLBecomesBasicAuthentication(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Authorization")) })
	c := newTestClient(t, Options{Policy: local})
	url := strings.Replace(s.URL, "http://", "http://ali:open%20sesame@", 1)
	if got, want := string(post(t, c, url).Body), "Basic YWxpOm9wZW4gc2VzYW1l"; got != want {
		t.Errorf("authorization %q, want %q", got, want)
	}
	answer, err := c.Call(t.Context(), Request{URL: url, Header: http.Header{"Authorization": {"Bearer x"}}, Timeout: long})
	if err != nil || string(answer.Body) != "Bearer x" {
		t.Errorf("with a header of its own: %q, %v", answer.Body, err)
	}
}

func TestDurationIsMeasuredOnTheClock(t *testing.T) {
	at := clock.NewFake(time.Unix(1_700_000_000, 0))
	jump := 1500 * time.Millisecond
	s := serve(t, func(http.ResponseWriter, *http.Request) { at.Advance(jump) })
	c := newTestClient(t, Options{Policy: local, Clock: at})
	if got := post(t, c, s.URL).Duration; got != jump {
		t.Errorf("duration %v, want %v", got, jump)
	}
	jump = -time.Hour
	if got := post(t, c, s.URL).Duration; got != 0 {
		t.Errorf("duration %v when the clock jumped back, want 0", got)
	}
}

func TestEveryStatusIsAnAnswer(t *testing.T) {
	for _, status := range []int{200, 204, 299, 400, 401, 404, 410, 429, 500, 503, 599, 999} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if got := post(t, newTestClient(t, Options{Policy: local}), s.URL).Status; got != status {
			t.Errorf("status %d, want %d", got, status)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var followed atomic.Int32
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { followed.Add(1) })
	c := newTestClient(t, Options{Policy: local})
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{elsewhere.URL, "/again", "http://169.254.169.254/", "http://[broken", ""} {
			var calls atomic.Int32
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				w.Header()["Location"] = []string{location}
				w.WriteHeader(status)
			})
			if answer := post(t, c, s.URL); answer.Status != status || calls.Load() != 1 || followed.Load() != 0 {
				t.Errorf("%d to %q: status %d after %d calls, %d elsewhere", status, location, answer.Status, calls.Load(), followed.Load())
			}
		}
	}
}

func TestCookiesAreNotKept(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
		io.WriteString(w, r.Header.Get("Cookie"))
	})
	c := newTestClient(t, Options{Policy: local})
	for range 2 {
		if got := string(post(t, c, s.URL).Body); got != "" {
			t.Errorf("sent the cookie %q", got)
		}
	}
}

func TestNoProxyIsUsed(t *testing.T) {
	proxy, check := untouched(t, "127.0.0.1", 0)
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://"+proxy.String())
	}
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	c := newTestClient(t, Options{Policy: local, Resolver: serveNames(t, "127.0.0.1").resolver})
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	if answer := post(t, c, "http://merchant.test:"+port); answer.Status != http.StatusOK {
		t.Errorf("status %d", answer.Status)
	}
	if c.transport.Proxy != nil {
		t.Error("the client has a proxy")
	}
	check()
}

func TestHTTP2IsSpokenWhereTheServerDoes(t *testing.T) {
	s, roots := serveTLS(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto+" "+r.UserAgent()) })
	c := newTestClient(t, Options{Policy: Policy{Allowed: Loopback()}, RootCAs: roots})
	if got, want := string(post(t, c, s.URL).Body), "HTTP/2.0 Sarraf-Webhook/1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	old := httptest.NewUnstartedServer(s.Config.Handler)
	old.StartTLS()
	t.Cleanup(old.Close)
	roots.AddCert(old.Certificate())
	if got, want := string(post(t, c, old.URL).Body), "HTTP/1.1 Sarraf-Webhook/1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestContentCodingsAreNotUndone(t *testing.T) {
	coded := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(coded)
	})
	if got := post(t, newTestClient(t, Options{Policy: local}), s.URL).Body; !bytes.Equal(got, coded) {
		t.Errorf("body %x, want %x", got, coded)
	}
}

func TestTheBodyIsReadUpToItsLimit(t *testing.T) {
	for size, want := range map[int]Class{0: "", MaxBody - 1: "", MaxBody: "", MaxBody + 1: TooLarge, 4 * MaxBody: TooLarge} {
		body := bytes.Repeat([]byte("x"), size)
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })
		answer := post(t, newTestClient(t, Options{Policy: local}), s.URL)
		if answer.Status != 200 || answer.Cut != want || !bytes.Equal(answer.Body, body[:min(size, MaxBody)]) {
			t.Errorf("%d bytes: status %d, %d bytes, cut %q; want cut %q", size, answer.Status, len(answer.Body), answer.Cut, want)
		}
	}
}

func TestExcerptIsShortValidText(t *testing.T) {
	for body, want := range map[string]string{
		"":                          "",
		"ok\r\n\tyes":               "ok\r\n\tyes",
		"a\x00b\x1bc\x7fd\u0085e":   "a\ufffdb\ufffdc\ufffdd\ufffde",
		"\xff\xfeü\xc3":             "\ufffd\ufffdü\ufffd",
		strings.Repeat("x", 2000):   strings.Repeat("x", 1024),
		strings.Repeat("৳", 2000):   strings.Repeat("৳", 341),
		strings.Repeat("\x00", 9e3): strings.Repeat("\ufffd", 341),
	} {
		got := Answer{Body: []byte(body)}.Excerpt()
		if got != want || len(got) > MaxExcerpt || !utf8.ValidString(got) {
			t.Errorf("the excerpt of %.20q is %.40q, want %.40q", body, got, want)
		}
	}
}

func FuzzExcerpt(f *testing.F) {
	f.Add([]byte("ok\x00\xff"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got := Answer{Body: body}.Excerpt()
		if len(got) > MaxExcerpt || !utf8.ValidString(got) || strings.ContainsRune(got, 0) {
			t.Errorf("the excerpt of %q is %q", body, got)
		}
	})
}

func TestTimeoutsAreBounded(t *testing.T) {
	for given, want := range map[time.Duration]time.Duration{
		0: DefaultTimeout, -1: DefaultTimeout, time.Second: time.Second, time.Hour: MaxTimeout,
	} {
		if got := timeoutOf(Request{Timeout: given}); got != want {
			t.Errorf("%v becomes %v, want %v", given, got, want)
		}
	}
}

func TestACallerThatGivesUpIsNotTheEndpointsFault(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := newTestClient(t, Options{Policy: local}).Call(ctx, Request{URL: s.URL, Timeout: long})
	if ClassOf(err) != Stopped || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want class %s", err, Stopped)
	}
}

func TestHeadersThatCannotBeSentAreMalformed(t *testing.T) {
	to, check := untouched(t, "127.0.0.1", 0)
	c := newTestClient(t, Options{Policy: local})
	for _, h := range []http.Header{{"X-Event": {"a\r\nb"}}, {"bad name": {"x"}}} {
		_, err := c.Call(t.Context(), Request{URL: "http://" + to.String(), Header: h, Timeout: long})
		if ClassOf(err) != Malformed {
			t.Errorf("%v: %v, want class %s", h, err, Malformed)
		}
	}
	check()
}

func TestClassOfKnowsOnlyOurErrors(t *testing.T) {
	if got := ClassOf(nil); got != "" {
		t.Errorf("nil has class %q", got)
	}
	if got := ClassOf(io.EOF); got != "" {
		t.Errorf("EOF has class %q", got)
	}
}
