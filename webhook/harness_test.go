package webhook

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"sarraf/internal/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(suite{m}) }

// suite stops the tests' database server before goleak looks.
type suite struct{ m *testing.M }

func (s suite) Run() int { return pgtest.Run(s.m) }

// local is the policy of the tests' listeners: loopback, plain http.
var local = Policy{AllowHTTP: true, Allowed: Loopback()}

// long is a timeout that no passing test waits for; short is one that a test waits out.
const (
	long  = 30 * time.Second
	short = time.Second
)

func newTestClient(t *testing.T, o Options) *Client {
	t.Helper()
	c := NewClient(o)
	t.Cleanup(c.Close)
	return c
}

// post calls with a body and a generous timeout and wants an answer.
func post(t *testing.T, c *Client, url string) Answer {
	t.Helper()
	answer, err := c.Call(t.Context(), Request{URL: url, Body: []byte("{}"), Timeout: long})
	if err != nil {
		t.Fatalf("Call(%s): %v", url, err)
	}
	return answer
}

// serve answers with a handler on a loopback address, over plain HTTP.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// serveTLS is serve over TLS and HTTP/2, with the pool that trusts it.
func serveTLS(t *testing.T, h http.HandlerFunc) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = discard
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s, roots
}

// listen runs talk on every connection to a new loopback listener and returns the listener's port. All connections are
// closed when the test ends, and their talks have ended then.
func listen(t *testing.T, ip string, talk func(net.Conn)) *net.TCPAddr {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu    sync.Mutex
		conns []net.Conn
		all   sync.WaitGroup
	)
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			all.Go(func() { defer conn.Close(); talk(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, conn := range conns {
			conn.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return l.Addr().(*net.TCPAddr)
}

// untouched is a loopback listener on the given address and port (0 for any), and a check that nobody has connected to it
// so far: the check connects itself, and must be the first to be accepted.
func untouched(t *testing.T, ip string, port int) (*net.TCPAddr, func()) {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP(ip), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr), func() {
		t.Helper()
		mine, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer mine.Close()
		first, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		if got, want := first.RemoteAddr().String(), mine.LocalAddr().String(); got != want {
			t.Errorf("%s was connected to by %s", l.Addr(), got)
		}
	}
}

// nameServer is a real DNS server on loopback. Its answers can be changed while it runs.
type nameServer struct {
	resolver *net.Resolver
	mu       sync.Mutex
	addrs    []netip.Addr
	asked    int
}

// serveNames answers every question for an address with the addresses set, of the family asked for, in their order; with
// none set at all, that there is no such name.
func serveNames(t *testing.T, addrs ...string) *nameServer {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{}
	s.set(addrs...)
	s.resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
	var done sync.WaitGroup
	done.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := socket.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply := s.reply(buf[:n]); reply != nil {
				socket.WriteTo(reply, from)
			}
		}
	})
	t.Cleanup(func() { socket.Close(); done.Wait() })
	return s
}

// set changes what the name leads to from the next question on.
func (s *nameServer) set(addrs ...string) {
	list := make([]netip.Addr, len(addrs))
	for i, text := range addrs {
		list[i] = netip.MustParseAddr(text)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addrs = list
}

// questions counts what was asked so far.
func (s *nameServer) questions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *nameServer) reply(query []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.Authoritative, m.RecursionAvailable, m.Additionals = true, true, true, nil
	head := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 0}
	if len(s.addrs) == 0 {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, addr := range s.addrs {
		switch {
		case addr.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: addr.As4()}})
		case addr.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
		}
	}
	packed, err := m.Pack()
	if err != nil {
		return nil
	}
	return packed
}
