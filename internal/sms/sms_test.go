package sms

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	number = "+8801712345678"
	text   = "493817 is your \"code\" & হিসাব\\n 100%"
	secret = "s3cr3t/+=&\"x"
)

// asked is what a gateway got.
type asked struct {
	method, path, query, kind, body, auth, agent string
}

// gateway is a server that keeps what it gets and answers as told.
func gateway(t *testing.T, answer func(http.ResponseWriter)) (*httptest.Server, chan asked) {
	t.Helper()
	got := make(chan asked, 10)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- asked{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("Content-Type"), string(body), r.Header.Get("Authorization"), r.UserAgent()}
		answer(w)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(s.Close)
	return s, got
}

func trusted(s *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

func open(t *testing.T, o Options) *Gateway {
	t.Helper()
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

func fine(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"status":"queued","id":77}`) }

func TestAMessageIsPutWhereTheOperatorSays(t *testing.T) {
	s, got := gateway(t, fine)
	send := func(o Options) asked {
		t.Helper()
		o.RootCAs = trusted(s)
		if err := open(t, o).Send(t.Context(), number, text); err != nil {
			t.Fatal(err)
		}
		a := <-got
		if a.method != http.MethodPost || a.agent != "Sarraf/1" {
			t.Errorf("%+v", a)
		}
		return a
	}

	a := send(Options{URL: s.URL + "/send?key={secret}", Secret: secret})
	var body map[string]string
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || a.kind != JSON {
		t.Fatalf("%+v: %v", a, err)
	}
	if d := cmp.Diff(map[string]string{"to": number, "text": text}, body); d != "" {
		t.Error(d)
	}
	if q, err := url.ParseQuery(a.query); err != nil || q.Get("key") != secret {
		t.Errorf("%s %v", a.query, err)
	}

	a = send(Options{
		URL: s.URL + "/v1/{digits}/send", Type: Form, Body: "message={text}&msisdn={number}&k={secret}", Secret: secret, Success: `"queued"`,
	})
	form, err := url.ParseQuery(a.body)
	if err != nil || a.kind != Form || a.path != "/v1/8801712345678/send" {
		t.Errorf("%+v: %v", a, err)
	}
	if d := cmp.Diff(url.Values{"message": {text}, "msisdn": {number}, "k": {secret}}, form); d != "" {
		t.Error(d)
	}

	a = send(Options{URL: s.URL + "/api?to={number}&text={text}", Headers: []string{"Authorization: Bearer {secret}", "X-Sender:Sarraf"}, Secret: "abc"})
	if q, err := url.ParseQuery(a.query); err != nil || a.body != "" || a.kind != "" || q.Get("to") != number || q.Get("text") != text || a.auth != "Bearer abc" {
		t.Errorf("%+v: %v", a, err)
	}
}

func TestSettingsThatCannotWorkAreRefusedWithoutTellingTheSecret(t *testing.T) {
	const at = "https://sms.example/send"
	for name, o := range map[string]Options{
		"no address":                  {},
		"no host":                     {URL: "https:///send"},
		"another scheme":              {URL: "ftp://sms.example/send"},
		"in the clear":                {URL: "http://sms.example/send"},
		"in the clear, inside":        {URL: "http://10.0.0.1/send"},
		"a host that differs":         {URL: "https://{digits}.sms.example/send"},
		"a user in the address":       {URL: "https://me:pass@sms.example/send"},
		"a host of the secret":        {URL: "https://{secret}/send", Secret: secret},
		"nobody to write to":          {URL: at, Body: `{"text":"{text}"}`},
		"nothing to write":            {URL: at, Body: `{"to":"{number}"}`},
		"an unknown place":            {URL: at, Body: `{"to":"{phone}","text":"{text}"}`},
		"no JSON":                     {URL: at, Body: `{"to":{number},"text":{text}}`},
		"no form":                     {URL: at, Type: Form, Body: "to={number}&text={text}&x=%zz"},
		"an unknown type":             {URL: at, Type: "text/plain", Body: "{number} {text}"},
		"a secret that goes nowhere":  {URL: at, Secret: secret},
		"a place without its secret":  {URL: at + "?key={secret}"},
		"a header that is none":       {URL: at, Headers: []string{"Bearer {secret}"}, Secret: secret},
		"a header of two lines":       {URL: at, Headers: []string{"X-Key: {secret}"}, Secret: secret + "\r\nX: y"},
		"the text in a header":        {URL: at, Headers: []string{"X-Text: {text}"}},
		"a header that is ours":       {URL: at, Headers: []string{"content-length: 7"}},
		"a header without a name":     {URL: at, Headers: []string{": 7"}},
		"an address that is too long": {URL: at + "/" + strings.Repeat("x", 3000)},
	} {
		g, err := New(o)
		if err == nil {
			g.Close()
			t.Errorf("%s: taken", name)
			continue
		}
		if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, o := range []Options{{URL: at}, {URL: "http://localhost:9/x"}, {URL: "http://127.0.0.1:9/x"}, {URL: "http://[::1]:9/x"}, {URL: "https://10.0.0.1/x"}} {
		if g, err := New(o); err != nil {
			t.Errorf("%s: %v", o.URL, err)
		} else {
			g.Close()
		}
	}
}

// telltale fails when a text tells what no log may have.
func telltale(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, no := range []string{"493817", "1712345678", "01712", secret, "493", "817"} {
		if strings.Contains(err.Error(), no) {
			t.Errorf("%v: tells %s", err, no)
		}
	}
}

func TestAnAnswerThatIsNoneOrSaysNoIsAnErrorThatTellsNothing(t *testing.T) {
	for name, answer := range map[string]struct {
		say  func(http.ResponseWriter)
		want string
	}{
		"refused": {func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, "%s: no credit for %s %s, ৪৯৩", secret, number, text)
		}, "status 403"},
		"a redirect": {func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://elsewhere.example/"+number)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, "status 307"},
		"no success": {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "ERROR 493817 "+strings.Repeat("long", 1000)) }, "status 200 without the text"},
		"cut off":    {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "no answer: reset"},
	} {
		s, got := gateway(t, answer.say)
		g := open(t, Options{URL: s.URL + "/?key={secret}", Secret: secret, Success: "queued", RootCAs: trusted(s)})
		err := g.Send(t.Context(), number, text)
		telltale(t, err)
		if !strings.Contains(err.Error(), answer.want) || len(err.Error()) > 500 {
			t.Errorf("%s: %v", name, err)
		}
		if len(got) != 1 {
			t.Errorf("%s: asked %d times: a message that may have arrived is not sent again", name, len(got))
		}
	}
}

func TestOnlyAConnectionThatWasNotMadeIsTriedAgain(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	_ = ln.Close()
	g := open(t, Options{URL: "http://" + address + "/{digits}?{text}"})
	pauses := 0
	g.pause = func(context.Context, int) error { pauses++; return nil }
	err = g.Send(t.Context(), number, text)
	telltale(t, err)
	if pauses != triesMost-1 || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("%d pauses: %v", pauses, err)
	}

	var served atomic.Int64
	g.pause = func(context.Context, int) error { // the gateway is there by the second time
		again, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		s := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) })}
		t.Cleanup(func() { _ = s.Close() })
		go func() { _ = s.Serve(again) }()
		return nil
	}
	if err := g.Send(t.Context(), number, text); err != nil || served.Load() != 1 {
		t.Errorf("%v, served %d", err, served.Load())
	}

	s, got := gateway(t, fine)
	g = open(t, Options{URL: s.URL}) // its certificate is nobody's
	pauses = 0
	g.pause = func(context.Context, int) error { pauses++; return nil }
	err = g.Send(t.Context(), number, text)
	telltale(t, err)
	if pauses != 0 || len(got) != 0 {
		t.Errorf("%d pauses, %d asked: %v", pauses, len(got), err)
	}

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	telltale(t, g.Send(gone, number, text))
	telltale(t, g.Send(t.Context(), number, strings.Repeat("x", mostText+1)))
}

func TestADemoSaysThatItsMessagesAreNotSent(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if err := (Log{log}).Send(t.Context(), number, "493817 is your code"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"level=WARN", "DEMO", "not sent", "+8801712345678", "493817"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %s", want, out.String())
		}
	}
}
