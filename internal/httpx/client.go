package httpx

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ClientIP is the address a request came from. X-Forwarded-For is believed only as far as trusted proxies wrote it: read from
// the right, the first address that is not trusted is the client. An entry that is no address ends the reading at the proxy that
// reported it. An IPv4 address in an IPv6 one is given plain, without a zone. The zero Addr means that the connection has no
// address (a local socket).
func ClientIP(r *http.Request, trusted []netip.Prefix) netip.Addr {
	client, ok := parseAddr(r.RemoteAddr)
	if !ok || !isTrusted(client, trusted) {
		return client
	}
	headers := r.Header["X-Forwarded-For"]
	for _, list := range slices.Backward(headers) {
		for list != "" {
			var last string
			if i := strings.LastIndexByte(list, ','); i >= 0 {
				list, last = list[:i], list[i+1:]
			} else {
				list, last = "", list
			}
			hop, ok := parseAddr(strings.TrimSpace(last))
			if !ok {
				return client
			}
			if client = hop; !isTrusted(hop, trusted) {
				return client
			}
		}
	}
	return client
}

// parseAddr reads an address with a port or without.
func parseAddr(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		p, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		a = p.Addr()
	}
	return a.Unmap().WithZone(""), true
}

func isTrusted(a netip.Addr, trusted []netip.Prefix) bool {
	for _, p := range trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
