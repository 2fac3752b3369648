package load

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
)

// fakeNet is a connection that answers what it was given, whatever it is asked.
type fakeNet struct {
	net.Conn
	io.Reader
}

func (f fakeNet) Read(b []byte) (int, error)  { return f.Reader.Read(b) }
func (f fakeNet) Write(b []byte) (int, error) { return len(b), nil }

func connOf(answers string) *conn {
	// One byte at a time: nothing may depend on how an answer is cut into packets.
	return newConn(fakeNet{Reader: iotest.OneByteReader(strings.NewReader(answers))})
}

func TestAnswersAreRead(t *testing.T) {
	for _, c := range []struct {
		name, raw, body string
		status          int
		closes          bool
	}{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", 200, false},
		{"no reason", "HTTP/1.1 200\r\ncontent-length:2\r\n\r\nok", "ok", 200, false},
		{"bare newlines", "HTTP/1.1 404 Not Found\nCONTENT-LENGTH: 0\n\n", "", 404, false},
		{"length twice alike", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", "ok", 200, false},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nA;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\n", "ab0123456789", 200, false},
		{"nothing", "HTTP/1.1 204 No Content\r\n\r\n", "", 204, false},
		{"after an early hint", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", 200, false},
		{"closing", "HTTP/1.1 500 Oops\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", "", 500, true},
		{"old", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "", 200, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			// The second answer shows that the first was read to its end and no further.
			conn := connOf(c.raw + "HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nnext")
			a, err := conn.do(nil)
			if err != nil || a.status != c.status || string(a.body) != c.body || a.closes != c.closes {
				t.Errorf("%d %q closes=%v %v, want %d %q closes=%v", a.status, a.body, a.closes, err, c.status, c.body, c.closes)
			}
			if a, err = conn.do(nil); err != nil || a.status != 201 || string(a.body) != "next" {
				t.Errorf("the next answer is %d %q %v", a.status, a.body, err)
			}
			if _, err = conn.do(nil); !errors.Is(err, io.EOF) {
				t.Errorf("after the last answer: %v, want EOF", err)
			}
		})
	}
}

func TestHostileAnswersAreRefused(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, raw := range map[string]string{
		"not HTTP":              "SSH-2.0-OpenSSH\r\n\r\n",
		"HTTP/2":                "HTTP/2 200 OK\r\n\r\n",
		"no status":             "HTTP/1.1 \r\n\r\n",
		"a status of letters":   "HTTP/1.1 2OO OK\r\n\r\n",
		"a status of 4 digits":  "HTTP/1.1 2000 OK\r\n\r\n",
		"a status of 099":       "HTTP/1.1 099 OK\r\n\r\n",
		"switching protocols":   "HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"no length":             ok + "\r\nbody",
		"a negative length":     ok + "Content-Length: -1\r\n\r\n",
		"a signed length":       ok + "Content-Length: +1\r\n\r\nx",
		"an empty length":       ok + "Content-Length:\r\n\r\n",
		"a huge length":         ok + "Content-Length: 99999999999999999999\r\n\r\n",
		"too long a body":       ok + "Content-Length: 4194305\r\n\r\n",
		"two lengths":           ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
		"length and chunks":     ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"gzip":                  ok + "Transfer-Encoding: gzip, chunked\r\n\r\n",
		"a header without name": ok + ": x\r\n\r\n",
		"a header with a space": ok + "Content-Length : 1\r\n\r\nx",
		"a folded header":       ok + "X: a\r\n b\r\n\r\n",
		"a long line":           ok + "X: " + strings.Repeat("a", maxLine) + "\r\n\r\n",
		"many headers":          ok + strings.Repeat("X: a\r\n", maxHeaders+1) + "\r\n",
		"a chunk size of words": ok + "Transfer-Encoding: chunked\r\n\r\nten\r\n",
		"a signed chunk size":   ok + "Transfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n",
		"a huge chunk size":     ok + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
		"a chunk that runs on":  ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n",
		"chunks without end":    ok + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("40000\r\n"+strings.Repeat("a", 0x40000)+"\r\n", 17),
		"trailers without end":  ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X: a\r\n", maxHeaders+1) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := newConn(fakeNet{Reader: strings.NewReader(raw)})
			if a, err := c.do(nil); !errors.Is(err, errMalformed) {
				t.Errorf("%d %.20q %v, want a malformed answer", a.status, a.body, err)
			}
		})
	}
}

func TestAnAnswerThatIsCutOffIsAnError(t *testing.T) {
	for _, whole := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	} {
		for n := range len(whole) {
			a, err := connOf(whole[:n]).do(nil)
			want := io.ErrUnexpectedEOF
			if n == 0 {
				want = io.EOF // a connection that was closed between two answers
			}
			if !errors.Is(err, want) {
				t.Errorf("%q: %d %q %v, want %v", whole[:n], a.status, a.body, err, want)
			}
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	f.Add("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")
	f.Add("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := newConn(fakeNet{Reader: strings.NewReader(raw)}).do(nil)
		if err == nil && (a.status < 200 || a.status > 599 || len(a.body) > len(raw)) {
			t.Errorf("%q was read as %d with %d bytes", raw, a.status, len(a.body))
		}
	})
}
