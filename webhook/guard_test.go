package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

// A name passes the check at creation with a public address; by the time of the call it leads to this machine.
func TestRebindingIsRefusedAtDialTime(t *testing.T) {
	for name, after := range map[string]string{
		"loopback": "127.0.0.1", "any address": "0.0.0.0", "loopback in IPv6": "::1", "any address in IPv6": "::",
		"mapped": "::ffff:127.0.0.1", "NAT64": "64:ff9b::7f00:1", "6to4": "2002:7f00:1::", "Teredo": "2001::1",
		"private": "10.0.0.1", "unique local": "fd00:ec2::254", "metadata": "169.254.169.254", "host agent": "168.63.129.16",
		"CGNAT": "100.64.0.1", "multicast": "224.0.0.1", "link-local": "fe80::1",
	} {
		t.Run(name, func(t *testing.T) {
			secret, check := untouched(t, "127.0.0.1", 0)
			names := serveNames(t, "93.184.216.34")
			var (
				mu     sync.Mutex
				passed []string
			)
			noNetwork := errors.New("this test does not leave the machine")
			c := newTestClient(t, Options{Policy: Policy{AllowHTTP: true}, Resolver: names.resolver, passed: func(_, address string) error {
				mu.Lock()
				defer mu.Unlock()
				passed = append(passed, address)
				return noNetwork
			}})
			url := fmt.Sprintf("http://rebinding.test:%d/hook", secret.Port)
			if err := c.CheckTarget(url); err != nil {
				t.Fatalf("CheckTarget: %v", err)
			}

			_, err := c.Call(t.Context(), Request{URL: url, Timeout: long})
			if !errors.Is(err, noNetwork) || ClassOf(err) != Connect || errors.Is(err, ErrBlocked) {
				t.Fatalf("first call: %v, want it let pass to the public address", err)
			}
			if want := []string{fmt.Sprintf("93.184.216.34:%d", secret.Port)}; !slices.Equal(passed, want) {
				t.Fatalf("the guard let %v pass, want %v", passed, want)
			}

			names.set(after)
			asked := names.questions()
			_, err = c.Call(t.Context(), Request{URL: url, Timeout: long})
			if !errors.Is(err, ErrBlocked) || ClassOf(err) != Blocked {
				t.Errorf("second call: %v, want it blocked", err)
			}
			if names.questions() == asked {
				t.Error("the second call did not ask for the address")
			}
			if len(passed) != 1 {
				t.Errorf("the guard let %v pass", passed)
			}
			check()
		})
	}
}

// The same without any stand-in: the first address is really called, and the second has a listener that nobody reaches.
func TestRebindingAfterARealCallIsRefused(t *testing.T) {
	public := listen(t, "127.0.0.2", answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"))
	_, check := untouched(t, "127.0.0.1", public.Port)
	names := serveNames(t, "127.0.0.2")
	c := newTestClient(t, Options{
		Policy:   Policy{AllowHTTP: true, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}},
		Resolver: names.resolver,
	})
	url := fmt.Sprintf("http://rebinding.test:%d/hook", public.Port)
	if answer := post(t, c, url); answer.Status != http.StatusOK {
		t.Fatalf("first call: status %d", answer.Status)
	}
	names.set("127.0.0.1")
	if _, err := c.Call(t.Context(), Request{URL: url, Timeout: long}); !errors.Is(err, ErrBlocked) {
		t.Errorf("second call: %v, want it blocked", err)
	}
	check()
}

func TestOfSeveralAddressesOnlyTheAllowedIsCalled(t *testing.T) {
	public := listen(t, "127.0.0.2", answerOnce("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"))
	_, check := untouched(t, "127.0.0.1", public.Port)
	names := serveNames(t, "127.0.0.1", "127.0.0.2", "10.0.0.1")
	c := newTestClient(t, Options{
		Policy:   Policy{AllowHTTP: true, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}},
		Resolver: names.resolver,
	})
	if answer := post(t, c, fmt.Sprintf("http://two.test:%d/", public.Port)); answer.Status != http.StatusNoContent {
		t.Errorf("status %d", answer.Status)
	}
	check()
}

// Where one address was let pass and is down, the endpoint is down: it is tried again, and not logged as blocked.
func TestANameIsBlockedOnlyWhenNoneOfItsAddressesPasses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	_, check := untouched(t, "127.0.0.1", port)
	for _, order := range [][]string{{"127.0.0.1", "127.0.0.2"}, {"127.0.0.2", "127.0.0.1"}} {
		c := newTestClient(t, Options{
			Policy:   Policy{AllowHTTP: true, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}},
			Resolver: serveNames(t, order...).resolver,
		})
		_, err := c.Call(t.Context(), Request{URL: fmt.Sprintf("http://two.test:%d/", port), Timeout: long})
		if ClassOf(err) != Connect || errors.Is(err, ErrBlocked) {
			t.Errorf("%v: %v, want class %s", order, err, Connect)
		}
	}
	check()
}

func TestALiteralAddressIsRefusedWithoutAskingAnyone(t *testing.T) {
	secret, check := untouched(t, "127.0.0.1", 0)
	names := serveNames(t, "127.0.0.1")
	c := newTestClient(t, Options{Policy: Policy{AllowHTTP: true}, Resolver: names.resolver})
	for _, host := range []string{"127.0.0.1", "2130706433", "0x7f.1", "localhost", "[::ffff:127.0.0.1]", "0"} {
		url := fmt.Sprintf("http://%s:%d/", host, secret.Port)
		if _, err := c.Call(t.Context(), Request{URL: url}); !errors.Is(err, ErrBlocked) {
			t.Errorf("Call(%s) = %v, want it blocked", url, err)
		}
	}
	if names.questions() != 0 {
		t.Errorf("%d questions", names.questions())
	}
	check()
}

// An IPv4 address in an unusual spelling is called as the address that was judged, not as a name that DNS could give.
func TestWhatIsJudgedIsWhatIsCalled(t *testing.T) {
	names := serveNames(t, "127.0.0.1")
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) })
	c := newTestClient(t, Options{Policy: local, Resolver: names.resolver})
	port := s.Listener.Addr().(*net.TCPAddr).Port
	answer := post(t, c, fmt.Sprintf("http://0x7f.1:%d/", port))
	if got, want := string(answer.Body), fmt.Sprintf("127.0.0.1:%d", port); got != want || names.questions() != 0 {
		t.Errorf("called %q after %d questions, want %q and none", got, names.questions(), want)
	}
}

// net/http cuts a dial from the call it was begun for; without its deadline it would hold its place for a minute.
func TestADialEndsWithItsCall(t *testing.T) {
	to, check := untouched(t, "127.0.0.1", 0)
	ctx := context.WithValue(t.Context(), deadlineKey{}, time.Unix(1, 0))
	conn, err := newDialer(newGuard(local), nil, nil).dial(ctx, "tcp", to.String())
	if conn != nil || !timedOut(err) {
		t.Errorf("a dial past its deadline: %v, %v", conn, err)
	}
	check()
}

func TestThePolicyIsCopied(t *testing.T) {
	p := Policy{AllowHTTP: true, Allowed: Loopback()}
	c := newTestClient(t, Options{Policy: p})
	p.Allowed[0] = netip.MustParsePrefix("10.0.0.0/8")
	if err := c.CheckTarget("http://10.0.0.1/"); !errors.Is(err, ErrBlocked) {
		t.Errorf("10.0.0.1: %v, want it blocked", err)
	}
	if err := c.CheckTarget("http://127.0.0.1/"); err != nil {
		t.Errorf("127.0.0.1: %v", err)
	}
}
