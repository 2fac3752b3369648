// Package pgtest starts real PostgreSQL servers for tests, from the binaries that are installed.
//
// A server lives in a temporary folder, listens on a socket in it and on nothing else, and runs as an unprivileged user also
// when the tests run as root. Nothing is skipped: without PostgreSQL a test fails and says how to get it.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is one PostgreSQL server.
type Server struct {
	dir     string // holds data/ and the socket
	bin     string
	cred    *syscall.Credential
	durable bool
	cmd     *exec.Cmd
	log     bytes.Buffer
	exited  chan struct{}
}

var (
	shared     *Server
	sharedErr  error
	sharedOnce sync.Once
	databases  atomic.Int64
)

// Main runs a package's tests and stops the shared server after them: func TestMain(m *testing.M) { pgtest.Main(m) }.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main for a TestMain with more to look after: it answers the exit status.
func Run(m *testing.M) int {
	code := m.Run()
	if shared != nil {
		shared.remove()
	}
	return code
}

// Database makes an empty database on the server that the tests of a package share, and answers its URL. The package's
// TestMain must call Main.
func Database(t testing.TB) string {
	t.Helper()
	sharedOnce.Do(func() { shared, sharedErr = start(false) })
	if sharedErr != nil {
		t.Fatal(sharedErr)
	}
	return shared.Database(t)
}

// Start starts a server of the test's own, which it may kill. With durable set, commits are synced to the disk as in production.
func Start(t testing.TB, durable bool) *Server {
	t.Helper()
	s, err := start(durable)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.remove)
	return s
}

// Database makes an empty database and answers its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	url, err := s.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// URL names a database of the server.
func (s *Server) URL(database string) string {
	return "postgres://postgres@/" + database + "?host=" + url.QueryEscape(s.dir)
}

// start makes a server and waits until it answers.
func start(durable bool) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sarraf-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, bin: bin, durable: durable}
	if os.Geteuid() == 0 {
		if s.cred, err = unprivileged(); err != nil {
			return nil, err
		}
		if err := os.Chown(dir, int(s.cred.Uid), int(s.cred.Gid)); err != nil {
			return nil, err
		}
	}
	initdb := s.command("initdb", "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		s.remove()
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if err := s.Run(); err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

// Run starts the server's process, after Kill or Stop too, and waits until it answers.
func (s *Server) Run() error {
	args := []string{"-D", filepath.Join(s.dir, "data"), "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=200", "-c", "shared_buffers=256MB"}
	if !s.durable {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off")
	}
	s.cmd = s.command("postgres", args...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.exited = exited
	go func() { _ = s.cmd.Wait(); close(exited) }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-exited:
			return errors.New("PostgreSQL ended at once:\n" + s.log.String())
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, s.log.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Kill ends the server as a power cut would, as far as a process can.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// KillWorker ends one of the server's processes that serve the connections of an application with SIGKILL. The server then breaks all
// connections and recovers by itself. The error says that there is no such process.
func (s *Server) KillWorker(application string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var pid int
	if err := conn.QueryRow(ctx, "SELECT pid FROM pg_stat_activity WHERE application_name = $1 ORDER BY state LIMIT 1", application).Scan(&pid); err != nil {
		return err
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}

// Stop ends the server's connections and shuts it down.
func (s *Server) Stop() { s.end(syscall.SIGINT) }

func (s *Server) end(sig syscall.Signal) {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	if sig == syscall.SIGKILL {
		_ = syscall.Kill(-s.cmd.Process.Pid, sig) // the server and its workers are one process group
	} else {
		_ = s.cmd.Process.Signal(sig)
	}
	<-s.exited
}

func (s *Server) remove() {
	s.end(syscall.SIGKILL)
	_ = os.RemoveAll(s.dir)
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME="+s.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.cred}
	return cmd
}

// binaries finds the folder that holds initdb: SARRAF_PG_BIN, the PATH, or Debian's place for the newest version.
func binaries() (string, error) {
	dirs := []string{os.Getenv("SARRAF_PG_BIN")}
	if p, err := exec.LookPath("initdb"); err == nil {
		dirs = append(dirs, filepath.Dir(p))
	}
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(debian, func(a, b string) int { return version(b) - version(a) })
	for _, d := range append(dirs, debian...) {
		if _, err := os.Stat(filepath.Join(d, "initdb")); d != "" && err == nil {
			return d, nil
		}
	}
	return "", errors.New("PostgreSQL's server programs are needed for the tests: run make setup (Debian package postgresql), or set SARRAF_PG_BIN")
}

func version(dir string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	return n
}

// unprivileged is the user that a server started by root runs as, since PostgreSQL refuses to run as root.
func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it as")
}
