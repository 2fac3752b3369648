package hostile

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Below is true when the HTTP library of the server answered, before any handler of ours saw the request. All of ours carry a
	// Request-Id.
	Below bool
	// Cut is true when the connection ended while a large request was still being sent. Whoever refuses one by its head need not hear
	// the rest, and the answer may be lost with it; then Status is 0.
	Cut bool
	// Gone is true when the sending half was closed, to tell where the request ends. A server may take that for a caller who has gone away,
	// and give up with a 503.
	Gone bool
}

// How many bytes of a request a server reads before it may refuse: what it has not read makes its system cut the connection, and an end
// without a word is no answer to less than a long body.
const (
	unread = 4 << 10
	long   = 128 << 10
)

// patience is how long an exchange may take before it counts as hanging.
const patience = 30 * time.Second

// most is the largest answer that is read, in bytes.
const most = 16 << 20

// Send writes the request's bytes to the address on a connection of its own and reads one answer. A server that answers before it has
// read everything is right to do so. The error is about a connection that ended without an answer.
func Send(ctx context.Context, address string, r Request) (Answer, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return Answer{}, err
	}
	raw := r.Bytes()
	gone := r.cut > 0 || r.framing == untold
	var writing sync.WaitGroup
	writing.Go(func() {
		_, err := conn.Write(raw)
		// A body that ends too early is only seen to end when the connection's sending half does.
		if tcp, ok := conn.(*net.TCPConn); ok && err == nil && gone {
			_ = tcp.CloseWrite()
		}
	})
	a, err := read(conn, r.Method)
	_ = conn.Close() // ends a write that the server does not read any more
	writing.Wait()
	if errors.Is(err, syscall.ECONNRESET) && len(raw) > unread || errors.Is(err, io.EOF) && len(raw) > long {
		return Answer{Below: true, Cut: true}, nil
	}
	a.Gone = gone
	return a, err
}

func read(conn io.Reader, method string) (Answer, error) {
	buffered := bufio.NewReader(conn)
	for {
		resp, err := http.ReadResponse(buffered, &http.Request{Method: method})
		if err != nil {
			return Answer{}, fmt.Errorf("no answer: %w", err)
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, most))
		_ = resp.Body.Close()
		a := Answer{Status: resp.StatusCode, Header: resp.Header, Body: body, Below: resp.Header.Get("Request-Id") == ""}
		if a.Below && a.Status >= 400 && errors.Is(err, syscall.ECONNRESET) {
			return a, nil // it has said what it had to say
		}
		if err != nil {
			return Answer{}, fmt.Errorf("half an answer with status %d: %w", resp.StatusCode, err)
		}
		if resp.StatusCode/100 == 1 && resp.StatusCode != http.StatusSwitchingProtocols {
			continue // "go on sending"
		}
		return a, nil
	}
}
