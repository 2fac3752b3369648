package webhook

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Ways to write addresses of our own network, as browsers and resolvers read them.
var privateTargets = []string{
	"https://127.0.0.1/", "https://127.0.0.1:8443/x?y=z", "https://127.0.0.1./", "https://127.1/", "https://127.0.1/", "https://0/",
	"https://2130706433/", "https://017700000001/", "https://0x7f000001/", "https://0X7F.1/", "https://0x7f.0x0.0x0.0x1/",
	"https://0177.0.0.01/", "https://0x/", "https://0.0.0.0/", "https://0.1.2.3/", "https://10.0.0.1/", "https://10.1/",
	"https://012.1.2.3/", "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1/", "https://3232235777/",
	"https://100.64.0.1/", "https://100.100.100.200/", "https://169.254.169.254/latest/meta-data/", "https://0xa9fea9fe/",
	"https://168.63.129.16/", "https://192.0.0.192/", "https://198.18.0.1/", "https://192.88.99.1/", "https://224.0.0.1/",
	"https://240.0.0.1/", "https://255.255.255.255/", "https://192.0.2.1/", "https://127。0。0。1/", "https://１２７.0.0.1/",
	"https://user:pass@127.0.0.1/", "https://good.example@127.0.0.1/",
	"https://[::1]/", "https://[::]/", "https://[0:0:0:0:0:0:0:1]:8443/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/",
	"https://[::1%25lo]/", "https://[2606:4700::1%25eth0]/", "https://[fc00::1]/", "https://[fd00:ec2::254]/", "https://[fec0::1]/",
	"https://[ff02::1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::ffff:8.8.8.8]/", "https://[::127.0.0.1]/",
	"https://[64:ff9b::7f00:1]/", "https://[64:ff9b::8.8.8.8]/", "https://[64:ff9b:1::1]/", "https://[2002:7f00:1::]/",
	"https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/", "https://[2001:db8::1]/", "https://[3fff::1]/", "https://[100::1]/",
	"https://[5f00::1]/",
	"https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://localhost:8443/", "https://a.b.localhost/",
	"https://ｌｏｃａｌｈｏｓｔ/", "https://local\u00adhost/", "https://ip6-localhost/", "https://localhost.localdomain/",
}

func TestPrivateTargetsAreBlockedInEverySpelling(t *testing.T) {
	strict, open := Policy{}, Policy{AllowPrivate: true}
	for _, raw := range privateTargets {
		if err := strict.CheckTarget(raw); !errors.Is(err, ErrBlocked) || ClassOf(err) != Blocked {
			t.Errorf("CheckTarget(%q) = %v, want it blocked", raw, err)
		}
		if err := open.CheckTarget(raw); err != nil {
			t.Errorf("CheckTarget(%q) where private addresses are allowed = %v", raw, err)
		}
	}
}

var publicTargets = []string{
	"https://merchant.example/hook", "https://merchant.example:8443/hook?a=b#part", "HTTPS://Merchant.Example./", "https://8.8.8.8/",
	"https://134744072/", "https://[2606:4700:4700::1111]/", "https://xn--bcher-kva.example/", "https://bücher.example/",
	"https://1.2.3.4.example/", "https://10.0.0.1.nip.example/", "https://localhost.example/", "https://my_shop.example/",
	"https://user:pass@merchant.example/", "https://172.32.0.1/", "https://100.128.0.1/", "https://intranet/",
}

func TestPublicTargetsPass(t *testing.T) {
	for _, raw := range publicTargets {
		if err := (Policy{}).CheckTarget(raw); err != nil {
			t.Errorf("CheckTarget(%q) = %v", raw, err)
		}
	}
}

func TestTextsThatAreNoTargetAreMalformed(t *testing.T) {
	for _, raw := range []string{
		"", " ", "merchant.example", "/hook", "//merchant.example/", "https:", "https://", "https:///hook", "https:merchant.example",
		"ftp://merchant.example/", "javascript:alert(1)", "file:///etc/passwd", "gopher://127.0.0.1/", "https://merchant.example:0/",
		"https://merchant.example:65536/", "https://merchant.example:http/", "https://merchant .example/", "https://mer\nchant.example/",
		"https://merchant.example/\x00", " https://merchant.example/", "https://a..b/", "https://.example/", "https://merchant.example../",
		"https://256.256.256.256/", "https://1.2.3.4.5/", "https://08.1.1.1/", "https://4294967296/", "https://1.16777216/",
		"https://0xffffffffffffffffff/", "https://99999999999999999999999/", "https://example.0x/", "https://[::1/", "https://::1/",
		"https://[127.0.0.1]/", "https://[::1%25a%2fb]/", "https://[fe80::1%25]/", "https://good.example\\@127.0.0.1/",
		"https://a*b.example/", "https://a,b.example/", "https://%31%32%37.0.0.1/", "https://\xff.example/", "https://" + strings.Repeat("a", 64) + ".example/",
		"https://" + strings.Repeat("a.", 127) + "a/", "https://merchant.example/" + strings.Repeat("a", MaxURL),
	} {
		err := (Policy{AllowHTTP: true, AllowPrivate: true}).CheckTarget(raw)
		if ClassOf(err) != Malformed || errors.Is(err, ErrBlocked) {
			t.Errorf("CheckTarget(%.60q) = %v, want it malformed", raw, err)
		}
	}
}

func TestErrorsDoNotTellThePasswordOfAURL(t *testing.T) {
	for _, raw := range []string{
		"https://u:sesame@127.0.0.1/", "https://u:sesame@a..b/", "https://u:sesame@merchant.example:x/", "http://u:sesame@merchant.example/",
		"ftp://u:sesame@merchant.example/", "https://u:sesame@merchant.example/\x00",
	} {
		err := (Policy{}).CheckTarget(raw)
		if err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("CheckTarget(%q) = %v", raw, err)
		}
	}
}

func TestPlainHTTPIsBlockedUnlessAllowed(t *testing.T) {
	const raw = "http://merchant.example/hook"
	if err := (Policy{}).CheckTarget(raw); !errors.Is(err, ErrBlocked) {
		t.Errorf("strict: %v, want it blocked", err)
	}
	if err := (Policy{AllowHTTP: true}).CheckTarget(raw); err != nil {
		t.Errorf("allowed: %v", err)
	}
	if err := (Policy{AllowHTTP: true}).CheckTarget("http://127.0.0.1/"); !errors.Is(err, ErrBlocked) {
		t.Errorf("allowed, loopback: %v, want it blocked", err)
	}
}

func TestDemoPolicyAllowsLoopbackAndNothingElseThatIsPrivate(t *testing.T) {
	demo := Policy{AllowHTTP: true, Allowed: Loopback()}
	for _, raw := range []string{
		"http://127.0.0.1:9000/", "http://localhost:9000/", "http://[::1]:9000/", "http://2130706433/", "http://shop.localhost/",
		"https://merchant.example/",
	} {
		if err := demo.CheckTarget(raw); err != nil {
			t.Errorf("CheckTarget(%q) = %v", raw, err)
		}
	}
	for _, raw := range []string{
		"http://10.0.0.1/", "http://169.254.169.254/", "http://192.168.0.1/", "http://0.0.0.0/", "http://[::ffff:127.0.0.1]/",
		"http://[fe80::1]/", "http://[::1%25lo]/", "http://[64:ff9b::7f00:1]/",
	} {
		if err := demo.CheckTarget(raw); !errors.Is(err, ErrBlocked) {
			t.Errorf("CheckTarget(%q) = %v, want it blocked", raw, err)
		}
	}
}

func TestLocalhostPassesWhereEitherLoopbackAddressDoes(t *testing.T) {
	for _, prefix := range Loopback() {
		p := Policy{Allowed: []netip.Prefix{prefix}}
		if err := p.CheckTarget("https://localhost/"); err != nil {
			t.Errorf("%v allowed: %v", prefix, err)
		}
	}
}

func TestDeniedPrefixesWinOverEverything(t *testing.T) {
	denied := []netip.Prefix{netip.MustParsePrefix("8.8.8.0/24"), netip.MustParsePrefix("2a00:64::/96")}
	for name, p := range map[string]Policy{
		"public":  {Denied: denied},
		"allowed": {Denied: denied, Allowed: denied},
		"private": {Denied: denied, AllowPrivate: true},
	} {
		for _, text := range []string{"8.8.8.8", "::ffff:8.8.8.8", "2a00:64::7f00:1", "2a00:64::1%eth0"} {
			if err := p.CheckAddr(netip.MustParseAddr(text)); !errors.Is(err, ErrBlocked) {
				t.Errorf("%s: CheckAddr(%s) = %v, want it blocked", name, text, err)
			}
		}
		if err := p.CheckAddr(netip.MustParseAddr("9.9.9.9")); err != nil {
			t.Errorf("%s: CheckAddr(9.9.9.9) = %v", name, err)
		}
	}
}

func TestNoAddressIsBlocked(t *testing.T) {
	if err := (Policy{AllowPrivate: true}).CheckAddr(netip.Addr{}); !errors.Is(err, ErrBlocked) {
		t.Errorf("CheckAddr = %v, want it blocked", err)
	}
}

func TestTheCalledURLIsCanonical(t *testing.T) {
	for raw, want := range map[string]string{
		"HTTPS://BÜCHER.Example.:443/a?b=c#d":         "https://xn--bcher-kva.example/a?b=c",
		"http://merchant.example:80":                  "http://merchant.example",
		"http://merchant.example:443/":                "http://merchant.example:443/",
		"https://merchant.example:/":                  "https://merchant.example/",
		"https://0x7f.1:8443/":                        "https://127.0.0.1:8443/",
		"https://[0:0::1]:443/":                       "https://[::1]/",
		"https://[FE80::1%25eth0]:1/":                 "https://[fe80::1%25eth0]:1/",
		"https://m.example/a b/é?q=a b&r=é\"<>&s=%20": "https://m.example/a%20b/%C3%A9?q=a%20b&r=%C3%A9%22%3C%3E&s=%20",
		"https://m.example//a/../b%2Fc":               "https://m.example//a/../b%2Fc",
		"https://m.example?status=a":                  "https://m.example?status=a",
	} {
		got, err := parseTarget(raw)
		if err != nil {
			t.Errorf("parseTarget(%q): %v", raw, err)
			continue
		}
		if diff := cmp.Diff(want, got.url.String()); diff != "" {
			t.Errorf("%q: %s", raw, diff)
		}
	}
}

func FuzzCheckTarget(f *testing.F) {
	for _, list := range [][]string{privateTargets, publicTargets} {
		for _, raw := range list {
			f.Add(raw)
		}
	}
	strict := newGuard(Policy{AllowHTTP: true})
	f.Fuzz(func(t *testing.T, raw string) {
		to, err := strict.target(raw)
		if err != nil {
			if class := ClassOf(err); class != Blocked && class != Malformed {
				t.Fatalf("%q: class %q", raw, class)
			}
			return
		}
		if to.addr.IsValid() && (to.addr.IsPrivate() || to.addr.IsLoopback() || to.addr.IsLinkLocalUnicast() || to.addr.IsUnspecified() ||
			to.addr.IsMulticast() || to.addr.Is4In6() || to.addr.Zone() != "") {
			t.Fatalf("%q passed as %v", raw, to.addr)
		}
		if _, err := netip.ParseAddr(to.host); err == nil && !to.addr.IsValid() {
			t.Fatalf("%q passed as a name, %q", raw, to.host)
		}
		called := to.url.String()
		if len(called) > MaxURL {
			return // escaping makes it longer
		}
		again, err := parseTarget(called)
		if err != nil || again.host != to.host || again.port != to.port || again.url.String() != called {
			t.Fatalf("%q is called as %q, which reads as %v, %v", raw, called, again, err)
		}
		for i := range len(again.url.RequestURI()) {
			if c := again.url.RequestURI()[i]; c <= ' ' || c >= 0x7f {
				t.Fatalf("%q puts %q into the request line", raw, c)
			}
		}
	})
}
