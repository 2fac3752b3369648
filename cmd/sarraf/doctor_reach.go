package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"sarraf/internal/keyring"
)

// Doctor proves that an address leads to this installation: it sends a challenge, and whoever holds the same SARRAF_KEY can answer it.
const (
	challengeHeader = "Sarraf-Challenge"
	answerHeader    = "Sarraf-Answer"
	challengeLength = 32 // hex digits
)

// proveInstallation is the answer to a challenge; "" to one that is none.
func proveInstallation(keys *keyring.Keyring, challenge string) string {
	if raw, err := hex.DecodeString(challenge); err != nil || len(challenge) != challengeLength || len(raw) == 0 {
		return ""
	}
	mac := hmac.New(sha256.New, keys.Derive("installation"))
	mac.Write([]byte(challenge))
	return hex.EncodeToString(mac.Sum(nil))
}

// reachability asks the public URL, from here, whether it leads to this installation.
func (u *checkup) reachability(ctx context.Context) {
	if u.PublicURL == "" {
		u.say(warn, "public URL", "give --public-url, or SARRAF_PUBLIC_URL, as serve has it",
			"none is given: links would lead to the address that serve listens on")
		return
	}
	to, err := url.Parse(u.PublicURL)
	if err != nil {
		u.say(fail, "public URL", "give a scheme and a host alone, as https://pay.example.com", "it cannot be read")
		return
	}
	host := to.Hostname()
	literal, err := netip.ParseAddr(host)
	isName := err != nil
	if isName {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		addresses, err := net.DefaultResolver.LookupHost(ctx, host)
		cancel()
		if err != nil {
			u.say(fail, "name", "make its A or AAAA record, or mend /etc/resolv.conf", "%s is not found: %v", host, err)
			return
		}
		u.say(good, "name", "", "%s is %s", host, strings.Join(addresses, ", "))
	}
	inside := isName && host == "localhost" || !isName && literal.IsLoopback()
	if to.Scheme == "http" && !inside {
		u.say(warn, "TLS", "put a proxy with TLS in front, and give its https:// address", "%s is plain http: payers' pages and keys travel open", u.PublicURL)
	}
	u.ask(ctx, to)
}

// ask asks /healthz and /readyz at the public URL.
func (u *checkup) ask(ctx context.Context, to *url.URL) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: u.machine.roots, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport: transport, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var raw [challengeLength / 2]byte
	_, _ = rand.Read(raw[:]) // never fails
	challenge := hex.EncodeToString(raw[:])
	healthz, err := get(ctx, client, to.JoinPath("healthz").String(), challenge)
	if err != nil {
		var untrusted *tls.CertificateVerificationError
		switch {
		case errors.As(err, &untrusted):
			u.say(fail, "TLS", "renew the certificate, with the names it is for and the whole chain", "%s: %v", to.Host, untrusted.Err)
		case u.serving:
			u.say(fail, "public URL", "look at the proxy, the firewall and --listen", "this database is being served, and %s does not answer: %v", to, err)
		default:
			u.say(warn, "public URL", "start serve", "nobody serves this database, and %s does not answer: %v", to, err)
		}
		return
	}
	if healthz.tls != nil {
		u.certificate(healthz.tls, to.Host)
	}
	answer := healthz.header.Get(answerHeader)
	const elsewhere = "look at DNS and at what the proxy passes on; paths and the headers Sarraf-* must get through"
	switch {
	case healthz.status != http.StatusOK || healthz.body != "alive":
		u.say(fail, "public URL", elsewhere, "%s/healthz answers %d, and not as Sarraf does", to, healthz.status)
		return
	case u.ring == nil:
		u.say(warn, "public URL", "give SARRAF_KEY to doctor", "%s leads to a Sarraf; without the key it cannot be told whether to this one", to)
	case answer == "":
		u.say(fail, "public URL", elsewhere, "%s leads to a Sarraf that does not prove to be this one", to)
		return
	case !keyring.Equal(answer, proveInstallation(u.ring, challenge)):
		u.say(fail, "public URL", elsewhere, "%s leads to another Sarraf, with another SARRAF_KEY", to)
		return
	default:
		u.say(good, "public URL", "", "%s leads to this installation", to)
	}
	switch readyz, err := get(ctx, client, to.JoinPath("readyz").String(), ""); {
	case err != nil:
		u.say(fail, "ready", "look at the log of serve", "%s/readyz does not answer: %v", to, err)
		return
	case readyz.status != http.StatusOK:
		u.say(fail, "ready", "look at the log of serve", "%s/readyz: %d %s", to, readyz.status, cut(plain(readyz.body), 100))
		return
	}
	u.say(good, "ready", "", "it takes requests")
}

// certificate checks until when the shown certificates are good.
func (u *checkup) certificate(state *tls.ConnectionState, host string) {
	until := state.PeerCertificates[0].NotAfter
	for _, c := range state.PeerCertificates[1:] {
		if c.NotAfter.Before(until) {
			until = c.NotAfter
		}
	}
	left := until.Sub(u.machine.clock.Now())
	s := good
	if left < certificateHard {
		s = fail
	} else if left < certificateSoft {
		s = warn
	}
	u.say(s, "TLS", mendIf(s, "renew the certificate, and find out why that did not happen by itself"),
		"the certificate of %s is good for another %s", host, short(left))
}

// page is what an address answered.
type page struct {
	status int
	body   string // the beginning of it
	header http.Header
	tls    *tls.ConnectionState // nil over plain http
}

// get asks one URL and reads a little of its answer.
func get(ctx context.Context, client *http.Client, to, challenge string) (page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, http.NoBody)
	if err != nil {
		return page{}, err
	}
	if challenge != "" {
		req.Header.Set(challengeHeader, challenge)
	}
	resp, err := client.Do(req)
	if err != nil {
		return page{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	return page{status: resp.StatusCode, body: strings.TrimSpace(string(text)), header: resp.Header, tls: resp.TLS}, err
}

// healthCmd is doctor's smallest sister.
type healthCmd struct {
	Listen string `default:"127.0.0.1:8080" help:"The address that serve listens on."`
	Ready  bool   `help:"Ask whether it takes requests, and not only whether it is alive."`
}

func (c healthCmd) Run(ctx context.Context, to streams) error {
	address := c.Listen
	if strings.HasPrefix(address, ":") {
		address = "0.0.0.0" + address
	}
	path := "/healthz"
	if c.Ready {
		path = "/readyz"
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	answer, err := get(ctx, client, "http://"+reachable(address)+path, "")
	if err != nil {
		return err
	}
	if answer.status != http.StatusOK {
		return fmt.Errorf("%d: %s", answer.status, cut(plain(answer.body), 200))
	}
	_, err = fmt.Fprintln(to.out, answer.body)
	return err
}
