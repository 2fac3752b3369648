package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"sarraf/internal/clock"
)

// Limits of a call.
const (
	DefaultTimeout = 10 * time.Second // of a whole call, where the request names none
	MaxTimeout     = 60 * time.Second // of a whole call, whatever the request names
	MaxBody        = 64 << 10         // bytes of an answer's body that are read
	MaxExcerpt     = 1 << 10          // bytes of Answer.Excerpt
	maxHeader      = 32 << 10         // bytes of an answer's status line and headers, interim answers included
)

// The connections kept. Idle ones are closed before the servers in common use close theirs (5 s), since a call that meets
// such a moment fails and is never repeated within the same attempt.
const (
	idleConns        = 512
	idleConnsPerHost = 16
	connsPerHost     = 256 // of all owners together; their lanes are much narrower
	idleTimeout      = 4 * time.Second
)

const userAgent = "Sarraf-Webhook/1" // unless Options say otherwise

// Options are a client's. The zero value is the strict client of serve.
type Options struct {
	Policy   Policy
	RootCAs  *x509.CertPool // who vouches for the servers; nil for the machine's own list
	Resolver *net.Resolver  // nil for the machine's own
	Clock    clock.Clock    // measures Answer.Duration; nil for the machine's clock. Timeouts run on the machine's in any case

	UserAgent string // "" for that of webhooks

	passed func(network, address string) error // tests: after the guard let an address pass, before it is connected
}

// Client calls addresses that users give. It may be used by several goroutines. It goes through no proxy, follows no
// redirect, keeps no cookie, decodes no content coding, and bounds the time and the size of everything it receives.
type Client struct {
	guard     *guard
	transport *http.Transport
	clock     clock.Clock
	userAgent string
}

// Request is one call, always a POST.
type Request struct {
	URL     string      // as the merchant gave it; a user and password in it become basic authentication
	Header  http.Header // not changed; User-Agent is always the client's own
	Body    []byte
	Timeout time.Duration // for everything from the name's resolution to the body's last byte; 0 for DefaultTimeout
}

// Answer is what came back. A Status other than 0 means that the status line and all headers came within the time.
type Answer struct {
	Status   int
	Body     []byte        // as it came, at most MaxBody bytes
	Cut      Class         // why Body is not the whole body: Timeout, Reset, TooLarge, Malformed, Stopped; "" when it is
	Duration time.Duration // of the whole call; set beside an error too
}

// NewClient makes a client. Close it to give its idle connections back.
func NewClient(o Options) *Client {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.UserAgent == "" {
		o.UserAgent = userAgent
	}
	g := newGuard(o.Policy)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &Client{guard: g, clock: o.Clock, userAgent: o.UserAgent, transport: &http.Transport{
		Proxy:                  nil,
		DialContext:            newDialer(g, o.Resolver, o.passed).dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
		TLSHandshakeTimeout:    DefaultTimeout, // a handshake outlives the call that wanted it
		DisableCompression:     true,
		Protocols:              protocols,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
		MaxIdleConns:           idleConns,
		MaxIdleConnsPerHost:    idleConnsPerHost,
		MaxConnsPerHost:        connsPerHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeader,
	}}
}

// Close closes the idle connections. Calls under way end by themselves.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// CheckTarget is Policy.CheckTarget with the client's policy.
func (c *Client) CheckTarget(rawURL string) error {
	_, err := c.guard.target(rawURL)
	return err
}

// Call makes one call and reads its answer. Any status is an answer, redirects among them, and the error is nil exactly when
// there is one; otherwise it is an *Error, whose Class says why. A body that is too long or does not end in time leaves the
// answer an answer, and Cut says so. Nothing is repeated, unless the server is known not to have taken the request. The
// target is judged anew at each call, and its address at each connection.
func (c *Client) Call(ctx context.Context, r Request) (Answer, error) {
	began := c.clock.Now()
	answer, err := c.call(ctx, r)
	answer.Duration = max(c.clock.Now().Sub(began), 0) // clocks do jump
	return answer, err
}

func (c *Client) call(ctx context.Context, r Request) (Answer, error) {
	to, err := c.guard.target(r.URL)
	if err != nil {
		return Answer{}, err
	}
	timed, cancel := context.WithTimeout(ctx, timeoutOf(r))
	defer cancel()
	deadline, _ := timed.Deadline()
	timed = context.WithValue(timed, deadlineKey{}, deadline)
	var reached progress
	request, err := outgoing(httptrace.WithClientTrace(timed, reached.trace()), to, r, c.userAgent)
	if err != nil {
		return Answer{}, classify(ctx, err, stepStart)
	}
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return Answer{}, classify(ctx, err, reached.step())
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusSwitchingProtocols {
		// From here on net/http leaves the connection to its caller and no longer ends it with the context.
		return Answer{}, classify(ctx, errors.New("the answer changes the protocol"), stepWait)
	}
	answer := Answer{Status: response.StatusCode}
	answer.Body, err = io.ReadAll(io.LimitReader(response.Body, MaxBody+1))
	if len(answer.Body) > MaxBody {
		answer.Body, answer.Cut = answer.Body[:MaxBody], TooLarge
	} else if err != nil {
		answer.Cut = classify(ctx, err, stepRead).Class
	}
	return answer, nil
}

func timeoutOf(r Request) time.Duration {
	if r.Timeout <= 0 {
		return DefaultTimeout
	}
	return min(r.Timeout, MaxTimeout)
}

// outgoing is the request as it is sent: to the canonical host, with the user of the URL in a header instead.
func outgoing(ctx context.Context, to target, r Request, agent string) (*http.Request, error) {
	user := to.url.User
	to.url.User = nil
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.url.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, errors.New("not a URL")
	}
	if r.Header != nil {
		request.Header = r.Header.Clone()
	}
	request.Header.Set("User-Agent", agent)
	if user != nil && request.Header.Get("Authorization") == "" {
		password, _ := user.Password()
		request.SetBasicAuth(user.Username(), password)
	}
	return request, nil
}

// Excerpt is the beginning of the body for a log: at most MaxExcerpt bytes of valid UTF-8, in which whatever is not text,
// control characters but tab and line ends among it, is U+FFFD.
func (a Answer) Excerpt() string {
	var b strings.Builder
	for rest := a.Body; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		rest = rest[size:]
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r < 0xa0 {
			r = utf8.RuneError
		}
		if b.Len()+utf8.RuneLen(r) > MaxExcerpt {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// step is how far a call came.
type step int32

const (
	stepStart step = iota
	stepResolve
	stepConnect
	stepHandshake
	stepSend
	stepWait
	stepRead
)

var stepNames = [...]string{"start", "resolve", "connect", "handshake", "send", "wait", "read"}

func (s step) String() string { return stepNames[s] }

// progress follows a call. net/http reports from goroutines of its own, also after the call has ended.
type progress struct{ reached atomic.Int32 }

func (p *progress) step() step { return step(p.reached.Load()) }

// to moves on, never back: a name with two addresses connects twice.
func (p *progress) to(s step) {
	for {
		now := p.reached.Load()
		if now >= int32(s) || p.reached.CompareAndSwap(now, int32(s)) {
			return
		}
	}
}

func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { p.to(stepResolve) },
		ConnectStart:      func(string, string) { p.to(stepConnect) },
		TLSHandshakeStart: func() { p.to(stepHandshake) },
		GotConn:           func(httptrace.GotConnInfo) { p.to(stepSend) },
		WroteRequest:      func(httptrace.WroteRequestInfo) { p.to(stepWait) },
	}
}
