package webhook

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// MaxURL is the longest URL that is called, in bytes.
const MaxURL = 2048

// target is a URL read once, in one way: the check at creation, the lane and the call all go by it, so that no two of them
// can see different hosts in one text.
type target struct {
	url  *url.URL   // what is called: canonical host, no default port, no fragment, nothing in it that needs escaping
	host string     // lower-case ASCII name without a final dot, or an address as netip prints it
	addr netip.Addr // the address, where the host is literal; else the zero Addr
	port uint16     // never 0
}

// parseTarget reads an absolute http or https URL of at most MaxURL bytes. Its errors are of class Malformed and never quote
// the URL, which may hold a password.
func parseTarget(raw string) (target, error) {
	if len(raw) > MaxURL {
		return target{}, malformed("a URL of more than %d bytes", MaxURL)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return target{}, malformed("not a URL")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return target{}, malformed("the scheme is not http or https")
	}
	if u.Opaque != "" || u.Host == "" {
		return target{}, malformed("no host")
	}
	t := target{url: u}
	if t.host, t.addr, err = canonicalHost(u.Hostname(), u.Host[0] == '['); err != nil {
		return target{}, &Error{Class: Malformed, cause: err}
	}
	if t.port, err = portOf(u); err != nil {
		return target{}, &Error{Class: Malformed, cause: err}
	}
	u.Host = t.host
	if t.addr.Is6() {
		u.Host = "[" + t.host + "]"
	}
	if t.port != defaultPort(u.Scheme) {
		u.Host += ":" + strconv.Itoa(int(t.port))
	}
	u.Fragment, u.RawFragment = "", ""
	u.RawQuery = escapeQuery(u.RawQuery)
	return t, nil
}

func defaultPort(scheme string) uint16 {
	if scheme == "http" {
		return 80
	}
	return 443
}

func portOf(u *url.URL) (uint16, error) {
	if u.Port() == "" {
		return defaultPort(u.Scheme), nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return 0, errors.New("the port is not 1 to 65535")
	}
	return uint16(port), nil
}

// canonicalHost is the one spelling of a host: IDNA as net/http applies it (only where there is more than ASCII), lower
// case, without one final dot, and an IPv4 address in any of its spellings (parseIPv4) as four decimal numbers.
func canonicalHost(host string, bracketed bool) (string, netip.Addr, error) {
	if bracketed {
		addr, err := netip.ParseAddr(host)
		if err != nil || !addr.Is6() || !validZone(addr.Zone()) {
			return "", netip.Addr{}, errors.New("not an IPv6 address in the brackets")
		}
		return addr.String(), addr, nil
	}
	if !isASCII(host) {
		if !utf8.ValidString(host) {
			return "", netip.Addr{}, errors.New("the host is not UTF-8")
		}
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil {
			return "", netip.Addr{}, errors.New("the host is not a name")
		}
		host = ascii
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if !validName(host) {
		return "", netip.Addr{}, errors.New("the host is not a name")
	}
	if endsInNumber(host) {
		addr, ok := parseIPv4(host)
		if !ok {
			return "", netip.Addr{}, errors.New("the host is a number and no address")
		}
		return addr.String(), addr, nil
	}
	return host, netip.Addr{}, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// validName holds a lower-case name to the lengths of DNS and to letters, digits, hyphen and underscore, which is in use.
func validName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// validZone takes the names that interfaces have; "" is no zone.
func validZone(zone string) bool {
	if len(zone) > 15 {
		return false
	}
	for i := range len(zone) {
		c := zone[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// endsInNumber is the URL Standard's test of whether a host is meant as an IPv4 address: its last part is a number, be it
// decimal, octal or hexadecimal, and even if no address could hold it.
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if digits, hex := strings.CutPrefix(last, "0x"); hex {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// parseIPv4 reads an address as browsers and inet_aton do: one to four numbers, the last of which fills what is left, so
// that 127.1, 0x7f000001, 017700000001 and 2130706433 are all 127.0.0.1.
func parseIPv4(host string) (netip.Addr, bool) {
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var whole uint64
	for i, part := range parts {
		n, ok := parseNumber(part)
		if !ok {
			return netip.Addr{}, false
		}
		if i < len(parts)-1 {
			if n > 255 {
				return netip.Addr{}, false
			}
			whole |= n << (8 * (3 - i))
			continue
		}
		if n >= 1<<(8*(4-i)) {
			return netip.Addr{}, false
		}
		whole |= n
	}
	return netip.AddrFrom4([4]byte{byte(whole >> 24), byte(whole >> 16), byte(whole >> 8), byte(whole)}), true
}

// parseNumber reads one part of an IPv4 address: 0x begins a hexadecimal number (alone it is 0), 0 an octal one.
func parseNumber(part string) (uint64, bool) {
	base := 10
	if digits, hex := strings.CutPrefix(part, "0x"); hex {
		if digits == "" {
			return 0, true
		}
		part, base = digits, 16
	} else if len(part) > 1 && part[0] == '0' {
		part, base = part[1:], 8
	}
	n, err := strconv.ParseUint(part, base, 64)
	return n, err == nil
}

// escapeQuery makes a query fit for a request line: whatever is not printable ASCII, and the few marks that a query may
// not hold, are percent-encoded. The rest stays as the merchant wrote it.
func escapeQuery(query string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(query) {
		c := query[i]
		if c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>' || c == '#' {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
