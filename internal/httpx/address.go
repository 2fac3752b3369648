package httpx

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// RemoteAddress is the address that r comes from, as a limit counts it: an IPv6 address by its /64, which one household has to itself.
func RemoteAddress(r *http.Request) string { return counted(remote(r)) }

// AddressBehind is RemoteAddress behind proxies: of one that is trusted, the last address in X-Forwarded-For that is no trusted proxy's
// is taken; what others write into that header is not read.
func AddressBehind(trusted []netip.Prefix) func(*http.Request) string {
	isProxy := func(a netip.Addr) bool {
		return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	return func(r *http.Request) string {
		from := remote(r)
		hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
		for i := len(hops) - 1; i >= 0 && isProxy(from); i-- {
			hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
			if err != nil {
				break
			}
			from = hop.Unmap()
		}
		return counted(from)
	}
}

// remote is the peer's address; the zero Addr for what is none.
func remote(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

func counted(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
