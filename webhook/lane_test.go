package webhook

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSpellingsOfOneEndpointShareALane(t *testing.T) {
	for want, spellings := range map[string][]string{
		"merchant.example:443": {
			"https://merchant.example", "https://MERCHANT.example:443/other?x#y", "https://merchant.example./", "http://merchant.example:443/",
			"https://user:pass@merchant.example/", "https://ｍerchant.example/", "https://merchant。example/",
		},
		"merchant.example:80":        {"http://merchant.example/", "http://merchant.example:80/", "https://merchant.example:80/"},
		"xn--bcher-kva.example:8443": {"https://bücher.example:8443/", "https://BÜCHER.example:08443/", "https://XN--BCHER-KVA.example:8443/"},
		"127.0.0.1:9000":             {"http://127.0.0.1:9000/", "http://127.1:9000/", "http://0x7f000001:9000/", "http://127.0.0.1.:9000/"},
		"[::1]:443":                  {"https://[::1]/", "https://[0:0:0:0:0:0:0:1]:443/"},
	} {
		for _, raw := range spellings {
			got, err := LaneOf("m1", raw)
			if err != nil {
				t.Errorf("LaneOf(%q): %v", raw, err)
				continue
			}
			if diff := cmp.Diff("m1 "+want, got.String()); diff != "" {
				t.Errorf("%q: %s", raw, diff)
			}
			if got.Endpoint() != want {
				t.Errorf("%q: endpoint %q, want %q", raw, got.Endpoint(), want)
			}
		}
	}
}

func TestOwnersHostsAndPortsHaveLanesOfTheirOwn(t *testing.T) {
	seen := map[Lane]bool{}
	for _, owner := range []string{"m1", "m2"} {
		for _, raw := range []string{"https://a.example/", "https://b.example/", "https://a.example:8443/", "https://a.b.example/"} {
			lane, err := LaneOf(owner, raw)
			if err != nil {
				t.Fatal(err)
			}
			seen[lane] = true
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d lanes, want 8: %v", len(seen), seen)
	}
}

func TestNoLaneForWhatCannotBeCalled(t *testing.T) {
	for _, raw := range []string{"", "https://", "ftp://a.example/", "https://a..b/"} {
		if lane, err := LaneOf("m1", raw); ClassOf(err) != Malformed || lane != (Lane{}) {
			t.Errorf("LaneOf(%q) = %v, %v", raw, lane, err)
		}
	}
}

func FuzzLane(f *testing.F) {
	for _, list := range [][]string{privateTargets, publicTargets} {
		for _, raw := range list {
			f.Add("m1", raw)
		}
	}
	f.Fuzz(func(t *testing.T, owner, raw string) {
		lane, err := LaneOf(owner, raw)
		if err != nil {
			return
		}
		endpoint := lane.Endpoint()
		host, port, err := net.SplitHostPort(endpoint)
		if err != nil || host != lane.Host || port != strconv.Itoa(int(lane.Port)) || lane.Port == 0 {
			t.Fatalf("%q has the endpoint %q: %v", raw, endpoint, err)
		}
		if strings.ContainsAny(endpoint, " \t\r\n/@?#") || host == "" || !isASCII(endpoint) {
			t.Fatalf("%q has the endpoint %q", raw, endpoint)
		}
		if addr, err := netip.ParseAddr(host); err != nil && strings.ToLower(host) != host || err == nil && addr.String() != host {
			t.Fatalf("%q has the host %q", raw, host)
		}
		again, err := LaneOf(owner, "https://"+strings.Replace(endpoint, "%", "%25", 1)+"/")
		if err != nil || again != lane {
			t.Fatalf("%q is in lane %q, whose own URL is in %q: %v", raw, lane, again, err)
		}
	})
}
