package httpx

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestClientAddressIsBelievedOnlyFromTrustedProxies(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		remote  string
		headers []string
		want    string
	}{
		{"203.0.113.9:1234", nil, "203.0.113.9"},
		{"203.0.113.9:1234", []string{"198.51.100.1"}, "203.0.113.9"},
		{"10.0.0.1:1", nil, "10.0.0.1"},
		{"10.0.0.1:1", []string{""}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"127.0.0.1, 198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"6.6.6.6, 198.51.100.1 , 10.0.0.7"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"6.6.6.6", "198.51.100.1", "10.0.0.7"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"10.0.0.8, 10.0.0.7"}, "10.0.0.8"},
		{"10.0.0.1:1", []string{"6.6.6.6, unknown, 10.0.0.7"}, "10.0.0.7"},
		{"10.0.0.1:1", []string{"6.6.6.6,"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		{"10.0.0.1:1", []string{"2001:db8::1"}, "2001:db8::1"},
		{"10.0.0.1:1", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"[fd00::1]:1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"[::ffff:10.0.0.1]:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"[fe80::1%eth0]:1", nil, "fe80::1"},
		{"@", []string{"198.51.100.1"}, "invalid IP"},
		{"", nil, "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = c.remote, c.headers
		if got := ClientIP(r, trusted).String(); got != c.want {
			t.Errorf("%s %q: %s; want %s", c.remote, c.headers, got, c.want)
		}
		if got := ClientIP(r, nil).String(); len(c.headers) > 0 && !strings.Contains(c.remote, got) && got != "invalid IP" &&
			!strings.Contains(c.remote, "::ffff:"+got) {
			t.Errorf("%s %q: %s though nobody is trusted", c.remote, c.headers, got)
		}
	}
}
