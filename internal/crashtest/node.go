package crashtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Node is one process of the program, which may be started, killed and started again on the same address.
type Node struct {
	Address string // host and port
	Printed string // the first line on its standard output after the last start, for a demo

	args   []string
	env    []string
	demo   bool
	cmd    *exec.Cmd
	exited chan end
	line   chan string // the first line on standard output
	logs   logs
	up     atomic.Bool
}

// Demo is a node that runs `sarraf demo` on the database, which keeps its credentials in the folder config.
func Demo(t testing.TB, dsn, config string) *Node {
	n := newNode(t, Address(t))
	n.demo = true
	n.args = []string{"demo", "--json", "--listen", n.Address, "--database", dsn}
	n.env = []string{"XDG_CONFIG_HOME=" + config}
	return n
}

// Serve is a node that runs `sarraf serve` on the database, with secrets by environment ("NAME=value") and the flags besides.
func Serve(t testing.TB, dsn string, secrets []string, flags ...string) *Node {
	n := newNode(t, Address(t))
	n.args = append([]string{"serve", "--log-level", "warn", "--listen", n.Address, "--database", dsn}, flags...)
	n.env = secrets
	return n
}

// end is how a process ended.
type end struct{ err error }

func newNode(t testing.TB, address string) *Node {
	n := &Node{Address: address}
	t.Cleanup(n.Kill)
	return n
}

// Address is a free address on loopback that stays the same over restarts. Its port is below those that a system gives out by itself,
// so that nobody else gets it while the node is down.
func Address(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(20_000+rand.IntN(12_000)))
		ln, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		_ = ln.Close()
		return address
	}
	t.Fatal("no free port was found")
	return ""
}

// URL is where the node serves.
func (n *Node) URL() string { return "http://" + n.Address }

// Up reports whether the node was started and not ended since.
func (n *Node) Up() bool { return n.up.Load() }

// Logs is what the node has written on its standard error, over all its starts.
func (n *Node) Logs() string { return n.logs.String() }

// Start starts the process and waits until it is ready.
func (n *Node) Start(t testing.TB) {
	t.Helper()
	n.Launch(t)
	n.Ready(t)
}

// Launch starts the process and does not wait for it.
func (n *Node) Launch(t testing.TB) {
	t.Helper()
	n.cmd = exec.Command(Binary(t), n.args...)
	n.cmd.Env = environment(n.env)
	n.cmd.Stderr = &n.logs
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, exited := make(chan string, 1), make(chan end, 1)
	go func(cmd *exec.Cmd) {
		r := bufio.NewReader(out)
		text, _ := r.ReadString('\n')
		line <- text
		_, _ = io.Copy(io.Discard, r)
		exited <- end{cmd.Wait()}
	}(n.cmd)
	n.line, n.exited, n.Printed = line, exited, ""
}

// Ready waits until the node answers that it can do its work.
func (n *Node) Ready(t testing.TB) {
	t.Helper()
	deadline := time.Now().Add(patience)
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		resp, err := client.Get(n.URL() + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				break
			}
			err = fmt.Errorf("status %d", resp.StatusCode)
		}
		select {
		case e := <-n.exited:
			n.exited <- e
			t.Fatalf("%s ended: %v\n%s", n.args[0], e.err, n.Logs())
		case <-time.After(glance):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not ready: %v\n%s", n.args[0], err, n.Logs())
		}
	}
	if n.demo && n.Printed == "" {
		select {
		case n.Printed = <-n.line:
		case <-time.After(patience):
			t.Fatalf("%s does not print its line\n%s", n.args[0], n.Logs())
		}
	}
	n.up.Store(true)
}

// Kill ends the process with SIGKILL, as a power cut would as far as a process can, and waits until it is gone. It does nothing when
// there is none.
func (n *Node) Kill() {
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Kill()
	n.up.Store(false)
	<-n.exited
	n.cmd = nil
}

// Stop ends the process with SIGTERM, which it must obey with exit status 0.
func (n *Node) Stop(t testing.TB) {
	t.Helper()
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case e := <-n.exited:
		n.exited <- e
		if e.err != nil {
			t.Fatalf("%s ended with %v\n%s", n.args[0], e.err, n.Logs())
		}
	case <-time.After(patience):
		t.Fatalf("%s does not end\n%s", n.args[0], n.Logs())
	}
	n.up.Store(false)
	n.cmd = nil
}

// Run runs one command of the program to its end and answers what it printed; another status than 0 is an error.
func Run(t testing.TB, env []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(Binary(t), args...)
	cmd.Env = environment(env)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		err = errors.Join(fmt.Errorf("%s: %w", strings.Join(args, " "), err), errors.New(errs.String()))
	}
	return out.String(), err
}

// environment is that of this process, less what would configure the program, and what is given.
func environment(more []string) []string {
	list := slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "SARRAF_") })
	return append(list, more...)
}

// Audit proves the books of a database, live or dead.
func Audit(t testing.TB, dsn string) {
	t.Helper()
	if out, err := Run(t, nil, "audit", "--json", "--database", dsn); err != nil {
		t.Errorf("audit: %v\n%s", err, out)
	}
}

// logs keeps what a process writes while the test reads.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
