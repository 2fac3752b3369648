package webhook

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// readRequest reads one request to its end; nil when there is none.
func readRequest(r *bufio.Reader) *http.Request {
	request, err := http.ReadRequest(r)
	if err != nil {
		return nil
	}
	io.Copy(io.Discard, request.Body)
	return request
}

// answerOnce reads a request, writes the text and hangs up.
func answerOnce(text string) func(net.Conn) {
	return func(conn net.Conn) {
		if readRequest(bufio.NewReader(conn)) != nil {
			io.WriteString(conn, text)
		}
	}
}

// drip reads a request, writes the beginning, then the piece again and again until the client is gone.
func drip(beginning, piece string, every time.Duration) func(net.Conn) {
	return func(conn net.Conn) {
		if readRequest(bufio.NewReader(conn)) == nil {
			return
		}
		io.WriteString(conn, beginning)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for range tick.C {
			if _, err := io.WriteString(conn, piece); err != nil {
				return
			}
		}
	}
}

// flood is drip without a pause.
func flood(beginning, piece string) func(net.Conn) {
	return func(conn net.Conn) {
		if readRequest(bufio.NewReader(conn)) == nil {
			return
		}
		io.WriteString(conn, beginning)
		for {
			if _, err := io.WriteString(conn, piece); err != nil {
				return
			}
		}
	}
}

// silent says nothing until the other side is gone.
func silent(conn net.Conn) { io.Copy(io.Discard, conn) }

// reset ends the connection without the usual farewell.
func reset(conn net.Conn) {
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

func TestHostileServersAreBoundedAndNamed(t *testing.T) {
	const okHead = "HTTP/1.1 200 OK\r\n"
	for name, tc := range map[string]struct {
		talk    func(net.Conn)
		timeout time.Duration
		class   Class
		during  string
	}{
		"accepts and says nothing":     {silent, short, Timeout, "wait"},
		"drips its status line":        {drip("HTTP/1.1 2", "0", 20*time.Millisecond), short, Timeout, "wait"},
		"drips its headers":            {drip(okHead, "X-A: b\r\n", 20*time.Millisecond), short, Timeout, "wait"},
		"drips interim answers":        {drip("", "HTTP/1.1 102 Processing\r\n\r\n", 20*time.Millisecond), short, Timeout, "wait"},
		"sends headers without end":    {flood(okHead, "X-A: "+strings.Repeat("b", 1000)+"\r\n"), long, TooLarge, "wait"},
		"sends one header without end": {flood(okHead+"X-A: ", strings.Repeat("b", 1000)), long, TooLarge, "wait"},
		"sends a status without end":   {flood("HTTP/1.1 200 ", strings.Repeat("O", 1000)), long, TooLarge, "wait"},
		"sends interim without end":    {flood("", "HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n"), long, TooLarge, "wait"},
		"resets within the request":    {func(c net.Conn) { c.Read(make([]byte, 1)); reset(c) }, long, Reset, ""},
		"resets after the request":     {func(c net.Conn) { readRequest(bufio.NewReader(c)); reset(c) }, long, Reset, "wait"},
		"hangs up after the request":   {answerOnce(""), long, Reset, "wait"},
		"hangs up between headers":     {answerOnce(okHead + "Content-Length: 2\r\n"), long, Reset, "wait"},
		"hangs up within a header":     {answerOnce(okHead + "Content-Le"), long, Malformed, "wait"},
		"does not speak HTTP":          {answerOnce("220 mail.example ESMTP\r\n"), long, Malformed, "wait"},
		"breaks its headers":           {answerOnce(okHead + "no colon here\r\n\r\n"), long, Malformed, "wait"},
		"gives two lengths":            {answerOnce(okHead + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), long, Malformed, "wait"},
		"gives a negative length":      {answerOnce(okHead + "Content-Length: -1\r\n\r\n"), long, Malformed, "wait"},
		"gives an unknown coding":      {answerOnce(okHead + "Transfer-Encoding: magic\r\n\r\n"), long, Malformed, "wait"},
		"changes the protocol and stays": {func(c net.Conn) {
			answerOnce("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")(c)
			silent(c)
		}, long, Malformed, "wait"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := listen(t, "127.0.0.1", tc.talk)
			c := newTestClient(t, Options{Policy: local})
			answer, err := c.Call(t.Context(), Request{URL: "http://" + at.String() + "/", Body: []byte("{}"), Timeout: tc.timeout})
			var e *Error
			if !errors.As(err, &e) || e.Class != tc.class || tc.during != "" && e.During != tc.during {
				t.Errorf("error %v, want class %s during %q", err, tc.class, tc.during)
			}
			if answer.Status != 0 || answer.Body != nil {
				t.Errorf("an answer beside the error: %v", answer)
			}
		})
	}
}

func TestAnAnswerWithABadBodyIsStillAnAnswer(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, tc := range map[string]struct {
		talk    func(net.Conn)
		timeout time.Duration
		cut     Class
	}{
		"drips":                    {drip("HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\nok", "o", 20*time.Millisecond), 2 * time.Second, Timeout},
		"stops":                    {func(c net.Conn) { answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")(c); silent(c) }, 2 * time.Second, Timeout},
		"has no end":               {flood("HTTP/1.1 200 OK\r\n\r\nok", strings.Repeat("o", 1000)), long, TooLarge},
		"has no end, in chunks":    {flood(chunked, "2\r\nok\r\n"), long, TooLarge},
		"hangs up early":           {answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), long, Reset},
		"hangs up between chunks":  {answerOnce(chunked + "2\r\nok\r\n"), long, Reset},
		"breaks its chunks":        {answerOnce(chunked + "2\r\nok\r\nzz\r\n"), long, Malformed},
		"resets":                   {func(c net.Conn) { answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")(c); reset(c) }, long, Reset},
		"extends a chunk for ever": {flood(chunked+"2\r\nok\r\n1;", strings.Repeat("x", 1000)), long, Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := listen(t, "127.0.0.1", tc.talk)
			c := newTestClient(t, Options{Policy: local})
			answer, err := c.Call(t.Context(), Request{URL: "http://" + at.String() + "/", Timeout: tc.timeout})
			if err != nil || answer.Status != http.StatusOK || answer.Cut != tc.cut {
				t.Fatalf("status %d, cut %q, error %v; want 200, %q, none", answer.Status, answer.Cut, err, tc.cut)
			}
			if !strings.HasPrefix(string(answer.Body), "ok") || len(answer.Body) > MaxBody {
				t.Errorf("%d bytes of body, beginning %.10q", len(answer.Body), answer.Body)
			}
		})
	}
}

func TestAHandshakeThatHangsTimesOut(t *testing.T) {
	at := listen(t, "127.0.0.1", silent)
	c := newTestClient(t, Options{Policy: local})
	_, err := c.Call(t.Context(), Request{URL: "https://" + at.String() + "/", Timeout: short})
	var e *Error
	if !errors.As(err, &e) || e.Class != Timeout || e.During != "handshake" {
		t.Errorf("%v, want a timeout during the handshake", err)
	}
}

func TestBadCertificatesAndProtocolsAreOfClassTLS(t *testing.T) {
	s, roots := serveTLS(t, func(http.ResponseWriter, *http.Request) {})
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	names := serveNames(t, "127.0.0.1")
	for name, tc := range map[string]struct {
		url   string
		roots *x509.CertPool
	}{
		"unknown authority": {s.URL, x509.NewCertPool()},
		"another's name":    {"https://other.test:" + port, roots},
		"plain HTTP":        {"https://" + plain.Listener.Addr().String(), roots},
	} {
		c := newTestClient(t, Options{Policy: local, RootCAs: tc.roots, Resolver: names.resolver})
		if _, err := c.Call(t.Context(), Request{URL: tc.url, Timeout: long}); ClassOf(err) != TLS {
			t.Errorf("%s: %v, want class %s", name, err, TLS)
		}
	}
	c := newTestClient(t, Options{Policy: local, RootCAs: roots, Resolver: names.resolver})
	if answer := post(t, c, "https://example.com:"+port); answer.Status != http.StatusOK {
		t.Errorf("the name in the certificate: status %d", answer.Status)
	}
}

func TestHTTP2ServersAreBoundedAndNamed(t *testing.T) {
	s, roots := serveTLS(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/headers", "/flood":
			n := 40
			if r.URL.Path == "/flood" {
				n = 400 // so many that net/http gives up in the middle of them and blames the protocol
			}
			for i := range n {
				w.Header().Set(fmt.Sprint("X-A-", i), strings.Repeat("b", maxHeader/32))
			}
		case "/body":
			for {
				if _, err := io.WriteString(w, strings.Repeat("o", 1000)); err != nil {
					return
				}
			}
		case "/silent":
			<-r.Context().Done()
		case "/abort":
			panic(http.ErrAbortHandler)
		}
	})
	c := newTestClient(t, Options{Policy: local, RootCAs: roots})
	for path, want := range map[string]Class{"/headers": TooLarge, "/flood": Malformed, "/silent": Timeout, "/abort": Reset} {
		timeout := long
		if want == Timeout {
			timeout = short
		}
		if _, err := c.Call(t.Context(), Request{URL: s.URL + path, Timeout: timeout}); ClassOf(err) != want {
			t.Errorf("%s: %v, want class %s", path, err, want)
		}
	}
	if answer := post(t, c, s.URL+"/body"); answer.Status != 200 || answer.Cut != TooLarge || len(answer.Body) != MaxBody {
		t.Errorf("/body: status %d, cut %q, %d bytes", answer.Status, answer.Cut, len(answer.Body))
	}
}

func TestAConnectionThatIsRefusedIsOfClassConnect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	c := newTestClient(t, Options{Policy: local})
	_, err = c.Call(t.Context(), Request{URL: "http://" + l.Addr().String(), Timeout: long})
	var e *Error
	if !errors.As(err, &e) || e.Class != Connect || e.During != "connect" || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v, want class %s", err, Connect)
	}
}

// A listener whose queue is full lets further connections hang before they are made.
func TestAConnectionThatIsNeverAcceptedTimesOut(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for full := false; !full; {
		conn, err := net.DialTimeout("tcp", address, short)
		if full = err != nil; !full {
			t.Cleanup(func() { conn.Close() })
		}
	}
	c := newTestClient(t, Options{Policy: local})
	_, err = c.Call(t.Context(), Request{URL: "http://" + address, Timeout: short})
	var e *Error
	if !errors.As(err, &e) || e.Class != Timeout || e.During != "connect" {
		t.Errorf("%v, want a timeout during connect", err)
	}
}

func TestANameThatDoesNotResolveIsOfClassDNS(t *testing.T) {
	c := newTestClient(t, Options{Policy: local, Resolver: serveNames(t).resolver})
	_, err := c.Call(t.Context(), Request{URL: "http://gone.test/", Timeout: long})
	var e *Error
	if !errors.As(err, &e) || e.Class != DNS || e.During != "resolve" {
		t.Errorf("%v, want class %s during resolve", err, DNS)
	}
}

func TestANameServerThatHangsTimesOut(t *testing.T) {
	mute, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mute.Close() })
	// The package net goes on asking after nobody waits any more, for some 10 s; the end of the test ends it.
	over, end := context.WithCancel(context.Background())
	t.Cleanup(end)
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(over, "udp", mute.LocalAddr().String())
		if err == nil {
			context.AfterFunc(over, func() { conn.Close() })
		}
		return conn, err
	}}
	c := newTestClient(t, Options{Policy: local, Resolver: resolver})
	_, err = c.Call(t.Context(), Request{URL: "http://slow.test/", Timeout: short})
	var e *Error
	if !errors.As(err, &e) || e.Class != Timeout || e.During != "resolve" {
		t.Errorf("%v, want a timeout during resolve", err)
	}
}

// One attempt in the log is one request: a server that takes the second request on a kept connection and then hangs up
// must not get it a third time within the same call.
func TestARequestThatWasTakenIsNotRepeated(t *testing.T) {
	var requests, conns atomic.Int32
	at := listen(t, "127.0.0.1", func(conn net.Conn) {
		conns.Add(1)
		for r := bufio.NewReader(conn); readRequest(r) != nil; {
			if requests.Add(1) == 2 {
				return
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	c := newTestClient(t, Options{Policy: local})
	post(t, c, "http://"+at.String())
	_, err := c.Call(t.Context(), Request{URL: "http://" + at.String(), Body: []byte("{}"), Timeout: long})
	if ClassOf(err) != Reset || conns.Load() != 1 || requests.Load() != 2 {
		t.Errorf("%v after %d requests on %d connections, want a reset after 2 on 1", err, requests.Load(), conns.Load())
	}
}
