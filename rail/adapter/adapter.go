// Package adapter is a live rail behind a service of the operator's own: Sarraf hands it orders over HTTP, and the service talks to bKash, a
// bank or whoever moves the money. docs/rails.md has the protocol, as whoever writes such a service needs it.
package adapter

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"sarraf/internal/clock"
	"sarraf/rail"
)

// Limits of a call.
const (
	DefaultLimit = 15 * time.Second // of a whole call, from the name's resolution to the last byte of the answer
	LongestLimit = 20 * time.Second // more would not end within the time that a stop has
	bodyMost     = 64 << 10         // bytes of an answer that are read
	headerMost   = 32 << 10         // bytes of its status line and headers
	probe        = "00000000-0000-7000-8000-000000000000"
)

// Options say where a service is and how it knows us.
type Options struct {
	Name      string         // of the rail: 2 to 32 of a-z, 0-9 and "-", beginning with a letter
	URL       string         // https, or http to this machine itself: orders are at URL/orders
	Token     string         // the bearer token of each call, 16 to 1000 visible characters of ASCII
	Secret    string         // what calls are signed with, "whsec_" and base64 of 24 to 64 bytes; "" signs none
	Limit     time.Duration  // of a call; 0 for DefaultLimit, from a second to LongestLimit otherwise
	AllowHTTP bool           // http to any machine
	RootCAs   *x509.CertPool // who vouches for the service; nil for the machine's own list
	Clock     clock.Clock    // of the timestamps that are signed; nil for the machine's
}

// Rail is one such service. It may be used by several goroutines.
type Rail struct {
	o         Options
	base      string // of the address, without a slash at its end
	key       []byte // nil: calls are not signed
	transport *http.Transport
}

var _ rail.Sender = (*Rail)(nil)

var (
	names  = regexp.MustCompile(`^[a-z][a-z0-9-]{1,31}$`)
	tokens = regexp.MustCompile(`^[!-~]{16,1000}$`)
)

// PlausibleName reports whether a rail can have the name.
func PlausibleName(name string) bool { return names.MatchString(name) }

// New makes a rail, or says what is wrong with the options, without repeating a secret. Nothing is called.
func New(o Options) (*Rail, error) {
	if !PlausibleName(o.Name) {
		return nil, errors.New("its name is not 2 to 32 of a-z, 0-9 and -, beginning with a letter")
	}
	if !tokens.MatchString(o.Token) {
		return nil, errors.New("its token is missing, or not 16 to 1000 visible characters of ASCII")
	}
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	if o.Limit < time.Second || o.Limit > LongestLimit {
		return nil, fmt.Errorf("a call takes from 1s to %s", LongestLimit)
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	base, err := address(o.URL, o.AllowHTTP)
	if err != nil {
		return nil, err
	}
	r := &Rail{o: o, base: base}
	if o.Secret != "" {
		if r.key, err = parseSecret(o.Secret); err != nil {
			return nil, err
		}
	}
	// Each call has a connection of its own: one that was kept may be closed by the other side at the moment it is used, and then nobody
	// could tell whether the order arrived. HTTP/1.1, for the same reason: nothing is ever sent again by the transport itself.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	r.transport = &http.Transport{
		Proxy:                  nil,
		DialContext:            (&net.Dialer{Timeout: o.Limit}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
		TLSHandshakeTimeout:    o.Limit,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		Protocols:              protocols,
		MaxResponseHeaderBytes: headerMost,
	}
	return r, nil
}

// address is where a service is, without a slash at its end.
func address(text string, allowHTTP bool) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("its address is not one that can be called: want https://host/path")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("its address has a user, a query or a fragment: want https://host/path")
	}
	at, err := netip.ParseAddr(u.Hostname())
	inside := u.Hostname() == "localhost" || err == nil && at.IsLoopback()
	if u.Scheme == "http" && !inside && !allowHTTP {
		return "", errors.New("orders and tokens do not travel in the clear: want https, unless the service is on this machine")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// Name is the name that the operator gave it.
func (r *Rail) Name() string { return r.o.Name }

// Sends is true of payouts and withdrawals. A refund goes back by the rail that took the money, and this one takes none.
func (r *Rail) Sends(k rail.OrderKind) bool {
	return k == rail.OrderPayout || k == rail.OrderWithdrawal
}

// Limit is how long a call may take.
func (r *Rail) Limit() time.Duration { return r.o.Limit }

// Address is where the service is, for people.
func (r *Rail) Address() string { return r.base }

// Signed reports whether calls are signed.
func (r *Rail) Signed() bool { return r.key != nil }

// order is the body of an order.
type order struct {
	ID          string `json:"id"`
	Kind        string `json:"kind"`
	Owner       string `json:"owner"`
	Amount      string `json:"amount"` // of the major unit, "1234.50"
	Currency    string `json:"currency"`
	Method      string `json:"method"`
	Destination string `json:"destination"`
	Name        string `json:"name"`
	Note        string `json:"note"`
	Reference   string `json:"reference"`
}

// Send posts the order, once, over a connection of its own. It is Retryable only when no connection could be made, when the service says that
// it did nothing and would take the order again, and when it does not know the token (401).
func (r *Rail) Send(ctx context.Context, o rail.Order) (rail.Answer, error) {
	body, err := json.Marshal(order{
		ID: o.ID, Kind: string(o.Kind), Owner: o.Owner, Amount: o.Amount.Decimal(), Currency: string(o.Amount.Currency), Method: o.Method,
		Destination: o.Destination, Name: o.Name, Note: o.Note, Reference: o.Reference,
	})
	if err != nil {
		return rail.Answer{}, err // a struct of texts does not fail
	}
	got, err := r.call(ctx, http.MethodPost, r.base+"/orders", o.ID, body)
	switch {
	case err != nil && !got.connected:
		return rail.Answer{Outcome: rail.Retryable, Reason: "The service could not be reached."}, nil
	case err != nil:
		return rail.Answer{}, err
	case got.status == http.StatusUnauthorized:
		return rail.Answer{Outcome: rail.Retryable, Reason: "The service does not know the token."}, nil
	}
	return judge(got, o.ID, sent)
}

// Inquire asks for the order by its id.
func (r *Rail) Inquire(ctx context.Context, o rail.Order) (rail.Answer, error) {
	got, err := r.call(ctx, http.MethodGet, r.base+"/orders/"+url.PathEscape(o.ID), o.ID, nil)
	if err != nil {
		return rail.Answer{}, err
	}
	return judge(got, o.ID, asked)
}

// Check asks the service about an order that never was. It answers nil when the service speaks the protocol and knows the token.
func (r *Rail) Check(ctx context.Context) error {
	a, err := r.Inquire(ctx, rail.Order{ID: probe})
	if err != nil {
		return err
	}
	if a.Outcome != rail.Absent {
		return fmt.Errorf("of an order that never was it says that it is %s", a.Outcome)
	}
	return nil
}

// received is what came back of a call.
type received struct {
	status    int
	body      []byte
	connected bool // there was a connection: from here on something may have arrived
}

// call makes one call. Nothing is repeated and no redirect is followed. With an error, connected says whether anything can have been sent.
func (r *Rail) call(ctx context.Context, method, to, id string, body []byte) (got received, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.Limit)
	defer cancel()
	// The hook is called by this goroutine, before the first byte of the request is written.
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { got.connected = true }})
	var content io.Reader
	if body != nil {
		content = io.NopCloser(bytes.NewReader(body)) // which the transport cannot wind back
	}
	request, err := http.NewRequestWithContext(ctx, method, to, content)
	if err != nil {
		return got, errors.New("adapter: the address cannot be called")
	}
	request.ContentLength = int64(len(body))
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Authorization", "Bearer "+r.o.Token)
	request.Header.Set("User-Agent", "Sarraf-Rail/1")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	r.sign(request.Header, id, body)
	answer, err := r.transport.RoundTrip(request)
	if err != nil {
		return got, fmt.Errorf("adapter: %w", err)
	}
	defer answer.Body.Close()
	got.status = answer.StatusCode
	if answer.StatusCode == http.StatusSwitchingProtocols {
		return got, errors.New("adapter: the answer changes the protocol")
	}
	got.body, err = io.ReadAll(io.LimitReader(answer.Body, bodyMost+1))
	switch {
	case err != nil:
		return got, fmt.Errorf("adapter: the answer broke off: %w", err)
	case len(got.body) > bodyMost:
		return got, fmt.Errorf("adapter: an answer of more than %d bytes", bodyMost)
	}
	return got, nil
}

// Close closes what connections there are. Calls under way end by themselves.
func (r *Rail) Close() { r.transport.CloseIdleConnections() }
