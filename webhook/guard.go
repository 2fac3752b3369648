package webhook

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// Policy says which addresses that users give may be called. The zero Policy is the strict one: https to public addresses.
//
// Not public are, in either family: loopback, private and link-local ranges with the metadata services in them, the shared
// range of carriers (CGNAT), 0.0.0.0/8, multicast, reserved and documentation ranges, and the IPv6 ranges that hold an
// IPv4 address within (IPv4-mapped, NAT64, 6to4, Teredo), whatever the address within. The list is IANA's of special
// purposes, by way of code.dny.dev/ssrf, and in front of it the one public address that a cloud keeps for its host.
type Policy struct {
	AllowHTTP    bool           // plain http as well
	AllowPrivate bool           // any address at all, but those in Denied
	Allowed      []netip.Prefix // allowed though not public; Loopback() for demo
	Denied       []netip.Prefix // refused in any case: the operator's own public addresses, its network's NAT64 prefix
}

// hostAgents are public addresses that, inside a cloud, lead to the machine's host: Azure's WireServer.
var hostAgents = []netip.Prefix{netip.MustParsePrefix("168.63.129.16/32")}

// loopbackNames are names that hosts files give to the loopback address, beside localhost and all that ends in it.
var loopbackNames = []string{
	"localhost", "localhost.localdomain", "localhost4", "localhost6", "localhost6.localdomain6", "ip6-localhost", "ip6-loopback",
}

// Loopback is this machine itself, in both families, for Policy.Allowed.
func Loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// CheckTarget says whether a URL may be called, as far as can be told without asking for addresses: by its scheme, and by
// its host where that is an address in any spelling, or localhost. A name passes; it is judged by its address whenever it is
// called. A target that may not be called is ErrBlocked; a text that is no http or https URL of at most MaxURL bytes is an
// Error of class Malformed.
func (p Policy) CheckTarget(rawURL string) error {
	_, err := newGuard(p).target(rawURL)
	return err
}

// CheckAddr says whether an address may be called; ErrBlocked where not.
func (p Policy) CheckAddr(addr netip.Addr) error { return newGuard(p).addr(addr) }

// guard is a Policy ready for use. Nothing in it changes.
type guard struct {
	policy  Policy
	special *ssrf.Guardian
}

func newGuard(p Policy) *guard {
	p.Allowed, p.Denied = slices.Clone(p.Allowed), slices.Clone(p.Denied)
	var v4, v6 []netip.Prefix
	for _, prefix := range p.Allowed {
		if prefix.Addr().Is4() {
			v4 = append(v4, prefix)
		} else {
			v6 = append(v6, prefix)
		}
	}
	return &guard{policy: p, special: ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...),
		ssrf.WithAllowedV6Prefixes(v6...), ssrf.WithDeniedV4Prefixes(slices.Clone(hostAgents)...))}
}

// target reads a URL and judges its scheme and its literal host, in this order.
func (g *guard) target(rawURL string) (target, error) {
	t, err := parseTarget(rawURL)
	if err != nil {
		return target{}, err
	}
	if t.url.Scheme == "http" && !g.policy.AllowHTTP {
		return target{}, blocked("plain http is not allowed here")
	}
	if t.addr.IsValid() {
		return t, g.addr(t.addr)
	}
	if slices.Contains(loopbackNames, t.host) || strings.HasSuffix(t.host, ".localhost") {
		err4 := g.addr(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
		if err4 != nil && g.addr(netip.IPv6Loopback()) != nil {
			return target{}, err4
		}
	}
	return t, nil
}

// addr judges one address. It returns an error, not an *Error, so that no nil pointer becomes an error.
func (g *guard) addr(addr netip.Addr) error {
	if !addr.IsValid() {
		return blocked("no address")
	}
	for _, prefix := range g.policy.Denied {
		if prefix.Contains(addr.WithZone("")) || prefix.Contains(addr.Unmap()) {
			return blocked("%s is denied by the policy", addr)
		}
	}
	if g.policy.AllowPrivate {
		return nil
	}
	if err := g.special.SafeAddr(addr); err != nil {
		return &Error{Class: Blocked, cause: err}
	}
	return nil
}

// dialer connects only to addresses that a guard lets pass. The guard is asked between the resolution of a name and the
// connection, with the very address that is about to be used, so that a name cannot change its address in between.
type dialer struct {
	guard *guard
	net   net.Dialer
}

// A dial's context carries, as values, since net/http cuts it from the call that wants it: when the call's time is over, and
// whether the guard let an address pass in this dial, which may try several addresses of a name, two at once among them.
type (
	deadlineKey struct{} // time.Time
	passedKey   struct{} // *atomic.Bool
)

func newDialer(g *guard, resolver *net.Resolver, passed func(network, address string) error) *dialer {
	d := &dialer{guard: g, net: net.Dialer{Timeout: MaxTimeout, Resolver: resolver}}
	d.net.ControlContext = func(ctx context.Context, network, address string, _ syscall.RawConn) error {
		if network != "tcp4" && network != "tcp6" {
			return blocked("%s is not TCP", network)
		}
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return blocked("no address")
		}
		if err := g.addr(to.Addr()); err != nil {
			return err
		}
		if seen, ok := ctx.Value(passedKey{}).(*atomic.Bool); ok {
			seen.Store(true)
		}
		if passed != nil {
			return passed(network, address)
		}
		return nil
	}
	return d
}

// dial is for http.Transport. It ends with the call it was begun for. Its error is ErrBlocked only when the guard let none
// of the name's addresses pass; when one passed and could not be reached, that is the failure, whichever came first.
func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if deadline, ok := ctx.Value(deadlineKey{}).(time.Time); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	var passed atomic.Bool
	conn, err := d.net.DialContext(context.WithValue(ctx, passedKey{}, &passed), network, address)
	if passed.Load() && errors.Is(err, ErrBlocked) {
		return nil, &Error{Class: Connect, cause: errors.New(err.Error())}
	}
	return conn, err
}
