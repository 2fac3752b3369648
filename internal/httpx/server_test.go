package httpx

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// slowly serves a handler that reports when it is entered and answers when it is let go.
func slowly(t *testing.T) (h http.Handler, entered, leave chan struct{}) {
	entered, leave = make(chan struct{}), make(chan struct{})
	return newMux(t, Options{}, Door{Name: "a", Routes: []Route{get("/x", http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) {
			close(entered)
			<-leave
			_, _ = io.WriteString(w, "finished")
		}))}}), entered, leave
}

func TestServerHasLimits(t *testing.T) {
	s := Server(http.NotFoundHandler(), Limits{IdleTimeout: time.Second}, nil)
	if s.ReadHeaderTimeout != 5*time.Second || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("%+v", s)
	}
	if s.IdleTimeout != time.Second {
		t.Errorf("the limit that was given is %s", s.IdleTimeout)
	}
}

func TestServerFinishesWhatItTookBeforeItStops(t *testing.T) {
	h, entered, leave := slowly(t)
	ln := listen(t)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan error, 1)
	s := Server(h, Limits{}, nil)
	shuttingDown := make(chan struct{})
	s.RegisterOnShutdown(func() { close(shuttingDown) })
	go func() { served <- Serve(ctx, s, ln, time.Minute) }()

	answer := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + ln.Addr().String() + "/x")
		if err != nil {
			answer <- err.Error()
			return
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		answer <- fmt.Sprint(string(body), err)
	}()
	<-entered
	stop()
	<-shuttingDown
	close(leave)
	if got := <-answer; got != "finished<nil>" {
		t.Errorf("the request in progress: %s", got)
	}
	if err := <-served; err != nil {
		t.Errorf("a clean stop: %v", err)
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("it still listens")
	}
}

func TestServerCutsOffWhatOutlivesTheGrace(t *testing.T) {
	h, entered, leave := slowly(t)
	defer close(leave)
	ln := listen(t)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, Server(h, Limits{}, nil), ln, time.Millisecond) }()
	answer := make(chan error, 1)
	go func() {
		response, err := http.Get("http://" + ln.Addr().String() + "/x")
		if err == nil {
			_ = response.Body.Close()
		}
		answer <- err
	}()
	<-entered
	stop()
	if err := <-served; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if err := <-answer; err == nil {
		t.Error("the request was answered")
	}
}

func TestServeReportsAListenerThatFails(t *testing.T) {
	ln := listen(t)
	_ = ln.Close()
	if err := Serve(context.Background(), Server(http.NotFoundHandler(), Limits{}, nil), ln, time.Minute); err == nil {
		t.Error("no error")
	}
}

func TestClientThatExpectsIsRefusedBeforeItSends(t *testing.T) {
	m := newMux(t, Options{}, Door{Name: "a", Error: shaped("a"), Routes: []Route{
		{Method: "POST", Pattern: "/x", MaxBody: 8, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := ReadBody(r, 0)
			if err != nil {
				Fail(w, r, err)
				return
			}
			WriteRaw(w, 200, "text/plain", body)
		})},
	}})
	ln := listen(t)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, Server(m, Limits{}, nil), ln, time.Minute) }()
	for _, c := range []struct {
		length int
		first  string
	}{{9, "HTTP/1.1 413 "}, {8, "HTTP/1.1 100 "}} {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(conn, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", c.length)
		in := bufio.NewReader(conn)
		line, err := in.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, c.first) {
			t.Errorf("%d bytes expected to be welcome: %q, %v", c.length, line, err)
		}
		_ = conn.Close()
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestConnectionWithHeadersWithoutEndIsRefused(t *testing.T) {
	ln := listen(t)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, Server(http.NotFoundHandler(), Limits{}, nil), ln, time.Minute) }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", strings.Repeat("x", 64<<10))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 431 ") {
		t.Errorf("%q, %v", line, err)
	}
	_ = conn.Close()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestServerHandsEveryRequestToItsHandler(t *testing.T) {
	ln := listen(t)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, Server(newMux(t, Options{}), Limits{}, nil), ln, time.Minute) }()
	for _, method := range []string{"OPTIONS", "CONNECT", "GET"} {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%s * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", method)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		_ = conn.Close()
		if err != nil || response.StatusCode != http.StatusNotFound || response.Header.Get("Request-Id") == "" || !strings.Contains(string(body), "route_unknown") {
			t.Errorf("%s *: %d %v %q %v", method, response.StatusCode, response.Header, body, err)
		}
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
