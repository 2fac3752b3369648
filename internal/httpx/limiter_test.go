package httpx

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sarraf/fault"
	"sarraf/internal/clock"
)

func TestLimitHoldsForEachKeyAndPassesWithTime(t *testing.T) {
	c := clock.NewFake(time.Unix(1_800_000_000, 0))
	reg := prometheus.NewRegistry()
	refused, err := NewRefusals(reg)
	if err != nil {
		t.Fatal(err)
	}
	l := NewLimiter(10, c, refused.WithLabelValues("assanpay", "address"))
	take := func(key string) (let int) {
		for range 50 {
			if err := l.Take(key); err == nil {
				let++
			} else if f := fault.First(err); f.Code != fault.RateLimited || f.Params["retry_after"] != "1" {
				t.Fatal(err)
			}
		}
		return let
	}
	if a, b := take("a"), take("b"); a != 10 || b != 10 {
		t.Fatalf("%d and %d of 10", a, b)
	}
	c.Advance(500 * time.Millisecond)
	if n := take("a"); n != 5 {
		t.Fatalf("%d of 5 after half a second", n)
	}
	c.Advance(-time.Hour)
	if n := take("a"); n != 10 {
		t.Fatalf("%d of 10 by a clock that went back", n)
	}
	all, err := reg.Gather()
	if err != nil || len(all) != 1 || all[0].GetMetric()[0].GetCounter().GetValue() != 165 { // 40 twice, 45, 40
		t.Fatalf("165 refusals are counted as %v, %v", all, err)
	}
	for range 100 { // nil has no bound
		if err := NewLimiter(0, c, nil).Take("a"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLimiterForgetsWhoIsIdle(t *testing.T) {
	c := clock.NewFake(time.Unix(1_800_000_000, 0))
	l := NewLimiter(10, c, nil)
	for i := range 1000 {
		if err := l.Take(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	c.Advance(idle)
	if err := l.Take("one"); err != nil || len(l.keys) != 1 {
		t.Fatalf("%d keys, %v", len(l.keys), err)
	}
	for i := range mostIDs + 10 {
		if err := l.Take(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.keys) > mostIDs {
		t.Fatalf("%d keys", len(l.keys))
	}
}

func TestAddressIsThePeersUnlessATrustedProxySaysAnother(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct{ remote, forwarded, plain, behind string }{
		{"203.0.113.7:4711", "", "203.0.113.7", "203.0.113.7"},
		{"203.0.113.7:4711", "198.51.100.1", "203.0.113.7", "203.0.113.7"}, // anybody can write that
		{"10.0.0.1:80", "198.51.100.1", "10.0.0.1", "198.51.100.1"},
		{"10.0.0.1:80", "6.6.6.6, 198.51.100.1, 10.9.9.9", "10.0.0.1", "198.51.100.1"},
		{"10.0.0.1:80", "6.6.6.6, nonsense", "10.0.0.1", "10.0.0.1"},
		{"10.0.0.1:80", "", "10.0.0.1", "10.0.0.1"},
		{"[2001:db8:1:2:3::4]:80", "", "2001:db8:1:2::/64", "2001:db8:1:2::/64"},
		{"[fd00::1]:80", "2001:db8::9", "fd00::/64", "2001:db8::/64"},
		{"[::ffff:10.0.0.1]:80", "::ffff:198.51.100.1", "10.0.0.1", "198.51.100.1"},
		{"@", "198.51.100.1", "invalid IP", "invalid IP"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{}}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := RemoteAddress(r); got != c.plain {
			t.Errorf("%s: %s", c.remote, got)
		}
		if got := AddressBehind(proxies)(r); got != c.behind {
			t.Errorf("%s forwarding %s: %s", c.remote, c.forwarded, got)
		}
	}
}
