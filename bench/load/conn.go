package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// Limits of an answer. Whatever is above them is an error, so that a server that has gone wrong cannot stop the measurement.
const (
	maxLine    = 8 << 10 // bytes of a status line, a header line or a chunk's size
	maxHeaders = 128
	maxBody    = 4 << 20
)

// errMalformed is an answer that is not HTTP/1.1.
var errMalformed = errors.New("malformed answer")

func malformed(format string, a ...any) error {
	return fmt.Errorf("%w: %s", errMalformed, fmt.Sprintf(format, a...))
}

// answer is what a server said. The body is good until the next answer is read from the same connection.
type answer struct {
	status int
	body   []byte
	closes bool // the server will close the connection
}

// conn is one keep-alive connection. It does what a load generator needs and no more: requests are bytes made beforehand, and of
// an answer only the status and the body are kept. That costs a fifth of what net/http's client does, on cores that the
// measured program needs.
type conn struct {
	net  net.Conn
	r    *bufio.Reader
	body []byte
}

func newConn(c net.Conn) *conn { return &conn{net: c, r: bufio.NewReaderSize(c, maxLine)} }

// do sends a request and reads its answer.
func (c *conn) do(request []byte) (answer, error) {
	if _, err := c.net.Write(request); err != nil {
		return answer{}, err
	}
	return c.read()
}

// read reads one answer that is not informational.
func (c *conn) read() (answer, error) {
	for {
		a, err := c.readOne()
		if err != nil || a.status >= 200 {
			return a, err
		}
		if a.status == 101 {
			return a, malformed("the server switches protocols")
		}
	}
}

func (c *conn) readOne() (answer, error) {
	var a answer
	line, err := c.line()
	if err != nil {
		return a, err
	}
	if a.status, a.closes, err = statusLine(line); err != nil {
		return a, err
	}
	length, chunked := int64(-1), false
	for n := 0; ; n++ {
		if line, err = c.line(); err != nil {
			return a, partial(err)
		}
		if len(line) == 0 {
			break
		}
		if n == maxHeaders {
			return a, malformed("more than %d headers", maxHeaders)
		}
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t") {
			return a, malformed("a header line %.40q", line)
		}
		value = bytes.TrimSpace(value)
		switch {
		case equal(name, "content-length"):
			v, err := contentLength(value)
			if err != nil || length >= 0 && v != length {
				return a, malformed("Content-Length %.40q", value)
			}
			length = v
		case equal(name, "transfer-encoding"):
			if !equal(value, "chunked") || chunked {
				return a, malformed("Transfer-Encoding %.40q", value)
			}
			chunked = true
		case equal(name, "connection"):
			a.closes = a.closes || equal(value, "close")
		}
	}
	c.body = c.body[:0]
	switch {
	case a.status < 200 || a.status == 204 || a.status == 304:
		return a, nil
	case chunked && length >= 0:
		return a, malformed("both Content-Length and Transfer-Encoding")
	case chunked:
		err = c.chunks()
	case length >= 0:
		err = c.take(length)
	default:
		err = malformed("neither Content-Length nor Transfer-Encoding")
	}
	a.body = c.body
	return a, partial(err)
}

// line reads up to the next line's end, which may be a bare newline. What it answers is good until the next read.
func (c *conn) line() ([]byte, error) {
	line, err := c.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, malformed("a line of more than %d bytes", maxLine)
	case err != nil && len(line) > 0:
		return nil, partial(err)
	case err != nil:
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'}), nil
}

// take appends the next n bytes to the body.
func (c *conn) take(n int64) error {
	if n > maxBody-int64(len(c.body)) {
		return malformed("a body of more than %d bytes", maxBody)
	}
	old := len(c.body)
	if need := old + int(n); need <= cap(c.body) {
		c.body = c.body[:need]
	} else {
		c.body = append(c.body, make([]byte, n)...)
	}
	_, err := io.ReadFull(c.r, c.body[old:])
	return err
}

// chunks reads a chunked body.
func (c *conn) chunks() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size, _, _ := bytes.Cut(line, []byte{';'})
		size = bytes.TrimSpace(size)
		n, err := strconv.ParseUint(string(size), 16, 31)
		if err != nil || len(size) > 8 {
			return malformed("a chunk's size %.40q", size)
		}
		if n == 0 {
			return c.trailer()
		}
		if err := c.take(int64(n)); err != nil {
			return err
		}
		if line, err = c.line(); err != nil || len(line) > 0 {
			return errors.Join(err, malformed("a chunk longer than its size"))
		}
	}
}

// trailer reads what follows the last chunk.
func (c *conn) trailer() error {
	for range maxHeaders {
		line, err := c.line()
		if err != nil || len(line) == 0 {
			return err
		}
	}
	return malformed("more than %d trailers", maxHeaders)
}

// statusLine reads "HTTP/1.1 200 OK". An HTTP/1.0 server closes after each answer.
func statusLine(line []byte) (status int, closes bool, err error) {
	rest, ok := bytes.CutPrefix(line, []byte("HTTP/1."))
	if !ok || len(rest) < 5 || rest[0] != '0' && rest[0] != '1' || rest[1] != ' ' || len(rest) > 5 && rest[5] != ' ' {
		return 0, false, malformed("a status line %.40q", line)
	}
	for _, d := range rest[2:5] {
		if d < '0' || d > '9' {
			return 0, false, malformed("a status line %.40q", line)
		}
		status = 10*status + int(d-'0')
	}
	if status < 100 || status > 599 {
		return 0, false, malformed("the status %d", status)
	}
	return status, rest[0] == '0', nil
}

// contentLength reads digits and nothing else.
func contentLength(v []byte) (int64, error) {
	if len(v) == 0 || len(v) > 18 {
		return 0, errMalformed
	}
	n := int64(0)
	for _, d := range v {
		if d < '0' || d > '9' {
			return 0, errMalformed
		}
		n = 10*n + int64(d-'0')
	}
	return n, nil
}

// equal compares without regard to case; want is in lower case.
func equal(b []byte, want string) bool {
	if len(b) != len(want) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}

// partial says of an answer that ended too early that it did.
func partial(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
