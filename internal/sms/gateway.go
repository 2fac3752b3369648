// Package sms hands text messages to whoever sends them: a gateway over HTTP, or for a demo the log.
package sms

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"sarraf/webhook"
)

// Content types that a gateway's body can have.
const (
	JSON = "application/json"
	Form = "application/x-www-form-urlencoded"
)

// DefaultBody is what is posted where nothing else is said.
const DefaultBody = `{"to":"{number}","text":"{text}"}`

// Options say how a gateway is called. In URL and Body, {number} stands for the receiver in E.164 ("+8801712345678"), {digits} for the
// same without its plus sign, {text} for the message and {secret} for Secret; each is escaped for where it stands. In the values of headers
// only {secret} may stand.
type Options struct {
	URL     string   // https, or http to this machine itself
	Body    string   // "" for DefaultBody, or for none with URLs that say everything: see New
	Type    string   // JSON or Form; "" for JSON
	Headers []string // as "Authorization: Bearer {secret}"
	Secret  string   // "" where the gateway asks for none
	Success string   // text that the body of a good answer has; "" where the status says enough

	RootCAs *x509.CertPool // who vouches for the gateway; nil for the machine's own list
}

// Limits of a call. A connection that cannot be made is tried again, since nothing was sent over it; whatever may have arrived is not.
const (
	timeLimit   = 10 * time.Second // of all tries of a message together
	triesMost   = 3
	mostText    = 1000 // characters of a message: seven parts of one
	excerptMost = 200  // bytes of an answer in an error
)

// Gateway sends text messages by a POST to an address. It may be used by several goroutines.
type Gateway struct {
	o       Options
	headers http.Header
	client  *webhook.Client
	pause   func(ctx context.Context, try int) error
}

// New makes a gateway, or says what is wrong with the options, without repeating a secret. The number and the text must each stand somewhere,
// a secret that is given too; without a body of its own, a URL that has the text has no body. Close it.
func New(o Options) (*Gateway, error) {
	if o.Type == "" {
		o.Type = JSON
	}
	if o.Body == "" && !strings.Contains(o.URL, "{text}") {
		o.Body = DefaultBody
	}
	g := &Gateway{o: o, headers: http.Header{}, pause: pause}
	for _, check := range []func() error{g.checkPlaces, g.checkBody, g.readHeaders} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	policy, err := g.checkURL()
	if err != nil {
		return nil, err
	}
	g.client = webhook.NewClient(webhook.Options{Policy: policy, RootCAs: o.RootCAs, UserAgent: "Sarraf/1"})
	return g, nil
}

// Close closes the idle connections.
func (g *Gateway) Close() { g.client.Close() }

// place is what stands for something that differs from message to message.
var place = regexp.MustCompile(`\{([a-z_]+)\}`)

func (g *Gateway) checkPlaces() error {
	all := g.o.URL + g.o.Body + strings.Join(g.o.Headers, "")
	for _, found := range place.FindAllStringSubmatch(all, -1) {
		if !slices.Contains([]string{"number", "digits", "text", "secret"}, found[1]) {
			return fmt.Errorf("%s means nothing: there are {number}, {digits}, {text} and {secret}", found[0])
		}
	}
	switch said := g.o.URL + g.o.Body; {
	case !strings.Contains(said, "{number}") && !strings.Contains(said, "{digits}"):
		return errors.New("neither the address nor the body has {number} or {digits}: the gateway would not learn whom to write to")
	case !strings.Contains(said, "{text}"):
		return errors.New("neither the address nor the body has {text}: the gateway would not learn what to write")
	case strings.Contains(all, "{secret}") && g.o.Secret == "":
		return errors.New("{secret} is used, and there is none")
	case !strings.Contains(all, "{secret}") && g.o.Secret != "":
		return errors.New("there is a secret, and {secret} stands nowhere: say in a header, the body or the address where it goes")
	}
	return nil
}

// sample is a message that is as awkward as messages get.
var sample = message{number: "+8801712345678", text: "\"123456\" & <\\> হ\n%"}

// checkBody refuses a body that would not be what its type says.
func (g *Gateway) checkBody() error {
	switch body := g.body(sample); {
	case g.o.Type != JSON && g.o.Type != Form:
		return fmt.Errorf("the type of the body is %s or %s", JSON, Form)
	case g.o.Type == JSON && g.o.Body != "" && !json.Valid([]byte(body)):
		return errors.New("the body is not JSON: each {place} stands within a string, in quotes")
	case g.o.Type == Form && g.o.Body != "":
		if _, err := url.ParseQuery(body); err != nil {
			return errors.New("the body is no form: want name={number}&message={text}")
		}
	}
	return nil
}

// readHeaders reads the headers, and puts the secret in.
func (g *Gateway) readHeaders() error {
	for _, line := range g.o.Headers {
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		for _, found := range place.FindAllString(value, -1) {
			if found != "{secret}" {
				return errors.New("in a header only {secret} may stand")
			}
		}
		value = strings.ReplaceAll(value, "{secret}", g.o.Secret)
		if !ok || !token.MatchString(name) || !visible(value) {
			return errors.New("a header is a name, a colon and a value of visible characters, as Authorization: Bearer {secret}")
		}
		switch http.CanonicalHeaderKey(name) {
		case "Content-Type", "Content-Length", "Host", "Transfer-Encoding", "Connection", "User-Agent":
			return fmt.Errorf("the header %s is not for the gateway's settings to say", name)
		}
		g.headers.Add(name, value)
	}
	g.headers.Set("Accept", "application/json, */*")
	if g.o.Body != "" {
		g.headers.Set("Content-Type", g.o.Type)
	}
	return nil
}

// token is the name of a header (RFC 9110, section 5.6.2).
var token = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

func visible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// checkURL refuses addresses that cannot be called, and those that would show codes to whoever listens on the way.
func (g *Gateway) checkURL() (webhook.Policy, error) {
	// The operator chooses the gateway, who may have one inside.
	policy := webhook.Policy{AllowPrivate: true}
	u, err := url.Parse(g.url(sample))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return policy, errors.New("the address is not one that can be called: want https://host/path")
	}
	if u.User != nil {
		return policy, errors.New("the address has a user in it: say who calls in a header, as Authorization: Basic {secret}")
	}
	fixed, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(g.o.URL, "https://"), "http://"), "/")
	if fixed, _, _ = strings.Cut(fixed, "?"); place.MatchString(fixed) {
		return policy, errors.New("the host of the address is always the same: {places} stand after it")
	}
	address, err := netip.ParseAddr(u.Hostname())
	policy.AllowHTTP = u.Hostname() == "localhost" || err == nil && address.IsLoopback()
	if u.Scheme == "http" && !policy.AllowHTTP {
		return policy, errors.New("codes do not travel in the clear: want https, unless the gateway is on this machine")
	}
	if policy.CheckTarget(g.url(sample)) != nil {
		return policy, errors.New("the address is not one that can be called: want https://host/path")
	}
	return policy, nil
}

// message is one text message.
type message struct{ number, text string }

// fill puts a message and the secret in their places, each escaped for where it stands.
func (g *Gateway) fill(template string, m message, escape func(string) string) string {
	return strings.NewReplacer(
		"{number}", escape(m.number), "{digits}", escape(strings.TrimPrefix(m.number, "+")), "{text}", escape(m.text), "{secret}", escape(g.o.Secret),
	).Replace(template)
}

func (g *Gateway) url(m message) string { return g.fill(g.o.URL, m, escapeURL) }

func (g *Gateway) body(m message) string {
	if g.o.Type == Form {
		return g.fill(g.o.Body, m, url.QueryEscape)
	}
	return g.fill(g.o.Body, m, escapeJSON)
}

// escapeURL is right in a path and in a query, where a plus sign means two things.
func escapeURL(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// escapeJSON is a text as it stands between the quotes of a JSON string.
func escapeJSON(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil { // no string fails
		return ""
	}
	return string(quoted[1 : len(quoted)-1])
}

// Send hands a message to the gateway: number in E.164, text of at most 1,000 characters. It takes 10 seconds at most. Its errors hold
// neither the number nor the text nor the secret: whatever digits the gateway answered with are left out. After an error the message may
// have been sent all the same, unless the connection could not be made.
func (g *Gateway) Send(ctx context.Context, number, text string) error {
	if len([]rune(text)) > mostText {
		return fmt.Errorf("sms: a message of more than %d characters", mostText)
	}
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	m := message{number: number, text: text}
	var err error
	for try := range triesMost {
		if try > 0 && g.pause(ctx, try) != nil {
			break // the first failure says more than that time is over
		}
		var answer webhook.Answer
		answer, err = g.client.Call(ctx, webhook.Request{URL: g.url(m), Header: g.headers, Body: []byte(g.body(m)), Timeout: timeLimit})
		if err == nil {
			return g.judge(answer)
		}
		if !unsent(err) || webhook.ClassOf(err) == webhook.TLS { // a certificate does not mend itself
			break
		}
	}
	return unanswered(err)
}

// unsent reports whether the gateway cannot have got the message: the connection was not made.
func unsent(err error) bool {
	var e *webhook.Error
	if !errors.As(err, &e) || e.Class == webhook.Stopped || e.Class == webhook.Blocked {
		return false
	}
	return e.During == "resolve" || e.During == "connect" || e.During == "handshake"
}

// unanswered is a failed call as it may be logged: why a connection was not made is our network's matter, but what went over one is not told.
func unanswered(err error) error {
	var e *webhook.Error
	switch {
	case errors.As(err, &e) && unsent(err):
		return fmt.Errorf("sms: the gateway cannot be reached: %w", e)
	case e != nil:
		return fmt.Errorf("sms: the gateway gave no answer: %s during %s", e.Class, e.During)
	}
	return errors.New("sms: the gateway cannot be called")
}

func (g *Gateway) judge(a webhook.Answer) error {
	var why string
	switch {
	case a.Status < 200 || a.Status > 299:
		why = fmt.Sprintf("status %d", a.Status)
	case g.o.Success != "" && !strings.Contains(string(a.Body), g.o.Success):
		why = fmt.Sprintf("status %d without the text of success", a.Status)
	default:
		return nil
	}
	if said := g.excerpt(a); said != "" {
		why += ", " + said
	}
	return fmt.Errorf("sms: the gateway refused: %s", why)
}

// excerpt is the beginning of an answer without what it may repeat of the message: no digit of it is left, so that neither code nor number is.
func (g *Gateway) excerpt(a webhook.Answer) string {
	text := strings.TrimSpace(a.Excerpt())
	if g.o.Secret != "" {
		text = strings.ReplaceAll(text, g.o.Secret, "***")
	}
	text = digit.ReplaceAllString(text, "#")
	if len(text) > excerptMost {
		text = strings.ToValidUTF8(text[:excerptMost], "") + "..."
	}
	if text == "" {
		return ""
	}
	return fmt.Sprintf("%q", text)
}

// digit is a digit of any script.
var digit = regexp.MustCompile(`\p{Nd}`)

// pause waits before a further try, longer each time.
func pause(ctx context.Context, try int) error {
	timer := time.NewTimer(time.Duration(try*try) * 300 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
