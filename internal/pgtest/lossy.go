package pgtest

import (
	"bytes"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// socketName is what PostgreSQL calls its socket in the folder that a URL names as host.
const socketName = ".s.PGSQL.5432"

// committed is the server's answer to COMMIT: CommandComplete with its length and its tag.
var committed = []byte("C\x00\x00\x00\x0bCOMMIT\x00")

// Lossy is a way to a database on which answers get lost: URL leads there through it. After each call of lose, the connection on
// which the next COMMIT is answered breaks before the answer is through, so that whoever sent it cannot know what became of it.
func Lossy(t testing.TB, to string) (through string, lose func()) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	server := filepath.Join(query.Get("host"), socketName)
	dir, err := os.MkdirTemp("", "sarraf-lossy-") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(dir, socketName))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{server: server}
	p.done.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.done.Go(func() { p.carry(client) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		p.closeAll()
		p.done.Wait()
		_ = os.RemoveAll(dir)
	})
	query.Set("host", dir)
	u.RawQuery = query.Encode()
	return u.String(), func() { p.losses.Add(1) }
}

type proxy struct {
	server string
	losses atomic.Int64
	done   sync.WaitGroup

	mu     sync.Mutex
	conns  []net.Conn
	closed bool
}

// carry takes bytes both ways until one side is closed.
func (p *proxy) carry(client net.Conn) {
	server, err := net.Dial("unix", p.server)
	if err != nil {
		_ = client.Close()
		return
	}
	p.mu.Lock()
	p.conns = append(p.conns, client, server)
	closed := p.closed
	p.mu.Unlock()
	if closed {
		p.closeAll()
	}
	p.done.Go(func() { pass(client, server, func([]byte) bool { return false }) })
	pass(server, client, func(answer []byte) bool {
		return bytes.Contains(answer, committed) && p.losses.Load() > 0 && p.losses.Add(-1) >= 0
	})
}

// pass takes bytes one way, until lost says that what came is not to get through.
func pass(from, to net.Conn, lost func([]byte) bool) {
	defer func() { _, _ = from.Close(), to.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if lost(buf[:n]) {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.conns {
		_ = c.Close()
	}
}
