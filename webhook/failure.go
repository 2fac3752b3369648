package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// Class is the coarse reason why a call got no answer, or why an answer's body is incomplete. It is what the delivery log
// keeps and what a merchant may be shown.
type Class string

// The classes, a closed list.
const (
	Blocked   Class = "blocked"   // the target may not be called: its address, or its scheme
	DNS       Class = "dns"       // the name was not resolved
	Connect   Class = "connect"   // no connection: refused, unreachable
	TLS       Class = "tls"       // no trusted connection: certificate, protocol
	Timeout   Class = "timeout"   // the time allowed was over
	Reset     Class = "reset"     // the connection ended before the answer did
	TooLarge  Class = "too_large" // more headers, or a larger body, than is read
	Malformed Class = "malformed" // the URL or a header cannot be sent, or the answer is not HTTP
	Stopped   Class = "stopped"   // the caller gave up; the endpoint is not to blame
)

// ErrBlocked is what errors.Is finds in every error of class Blocked, and in no other.
var ErrBlocked = errors.New("webhook: target blocked")

// Error is a call that got no answer, or a URL that may not be called. Its text is for our own log: it may name addresses
// that a name led to, which a merchant is not told. Show Class instead.
type Error struct {
	Class  Class
	During string // how far the call came: "start", "resolve", "connect", "handshake", "send", "wait", "read"; "" for a check
	cause  error
}

// Error is for our own log.
func (e *Error) Error() string {
	text := "webhook: " + string(e.Class)
	if e.During != "" {
		text += " during " + e.During
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap is the cause, nil when there is none.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is ErrBlocked and the class is Blocked.
func (e *Error) Is(target error) bool { return target == ErrBlocked && e.Class == Blocked }

// ClassOf is the class of an error of this package; "" for nil and for any other error.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return ""
}

func blocked(format string, args ...any) *Error {
	return &Error{Class: Blocked, cause: fmt.Errorf(format, args...)}
}

func malformed(format string, args ...any) *Error {
	return &Error{Class: Malformed, cause: fmt.Errorf(format, args...)}
}

// classify says what kind of failure err is. The caller's own context tells whether it gave up; step is how far the call
// came and decides where the error itself tells nothing.
func classify(caller context.Context, err error, step step) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return &Error{Class: e.Class, During: step.String(), cause: e.cause}
	}
	return &Error{Class: classOf(caller, err, step), During: step.String(), cause: err}
}

func classOf(caller context.Context, err error, step step) Class {
	op, isOp := errors.AsType[*net.OpError](err)
	switch {
	case errors.Is(caller.Err(), context.Canceled):
		return Stopped
	case timedOut(err):
		return Timeout
	case is[*net.DNSError](err):
		return DNS
	case tooLarge(err):
		return TooLarge
	case isTLS(err):
		return TLS
	case isOp && op.Op == "dial":
		return Connect
	case isReset(err):
		return Reset
	case step == stepResolve || step == stepConnect:
		return Connect
	case step == stepHandshake:
		return TLS
	}
	return Malformed // the URL or a header before anything was sent, the answer after
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func timedOut(err error) bool {
	netErr, ok := errors.AsType[net.Error](err)
	return ok && netErr.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// tooLarge knows net/http's two errors about headers by their text, since neither has a name; the tests hold them to it.
func tooLarge(err error) bool {
	text := err.Error()
	return strings.Contains(text, "response headers exceeded") || strings.Contains(text, "response header list larger")
}

func isTLS(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "remote error" || op.Op == "local error") {
		return true // crypto/tls marks the alerts so that it received and sent
	}
	return is[*tls.CertificateVerificationError](err) || is[tls.RecordHeaderError](err) || is[x509.HostnameError](err) ||
		is[x509.UnknownAuthorityError](err) || is[x509.CertificateInvalidError](err)
}

// isReset knows the ways in which net/http says that the other side hung up; those of HTTP/2 and of an idle connection
// have no name either.
func isReset(err error) bool {
	for _, end := range []error{syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, end) {
			return true
		}
	}
	text := err.Error()
	return strings.Contains(text, "server closed idle connection") || strings.Contains(text, "GOAWAY") ||
		strings.Contains(text, "stream error:") || strings.Contains(text, "client connection lost")
}
