package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"sarraf/internal/clock"
)

// build compiles a command of the project into dir.
func build(ctx context.Context, dir, pkg string) (string, error) {
	bin := filepath.Join(dir, path.Base(pkg))
	cmd := exec.CommandContext(ctx, "go", "build", "-o", bin, pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return bin, nil
}

// server is the program under way, on a database of its own.
type server struct {
	cmd     *exec.Cmd
	log     tail
	ended   chan struct{} // closed when the process has ended, with err
	err     error
	ready   time.Duration // from its start to its line
	address string
	line    line
}

// line is what `sarraf demo --json` prints, as far as it is needed.
type line struct {
	URL    string `json:"url"`
	Native struct {
		APIKey string `json:"api_key"`
	} `json:"native"`
	Aspay struct {
		APIKey    string `json:"api_key"`
		APISecret string `json:"api_secret"`
	} `json:"aspay"`
	AsaanBill struct{ Username, Password string }          `json:"asaanbill"`
	Billpay   struct{ Channel, Username, Password string } `json:"billpay"`
	Deshipay  struct {
		Merchant struct {
			Number string `json:"mobile_number"`
		} `json:"merchant"`
	} `json:"deshipay"`
}

const (
	startMost = 60 * time.Second
	stopMost  = 40 * time.Second // the program finishes what it took within 30
)

// start starts the program and waits until it is ready.
func (b *bench) start(ctx context.Context, database string) (*server, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{ended: make(chan struct{})}
	s.cmd = exec.CommandContext(ctx, b.program, "demo", "--json", "--listen", port, "--database", database)
	s.cmd.Dir, s.cmd.Env = b.dir, b.environment()
	s.cmd.Stderr = &s.log
	// When this run is given up, the program is ended as by stop.
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.WaitDelay = stopMost
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	watch := clock.Start()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	lines := make(chan []byte, 1)
	go func() {
		text, _ := bufio.NewReader(out).ReadBytes('\n')
		s.ready = watch()
		lines <- text
		_, _ = io.Copy(io.Discard, out)
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	var text []byte
	select {
	case text = <-lines:
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), s.stop())
	case <-time.After(startMost):
		return nil, errors.Join(fmt.Errorf("not ready after %v", startMost), s.stop())
	}
	if err := json.Unmarshal(text, &s.line); err != nil {
		return nil, errors.Join(fmt.Errorf("its line is %.200q: %w", text, err), s.stop())
	}
	u, err := url.Parse(s.line.URL)
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.address = u.Host
	return s, nil
}

// environment is that of the programs that are started: what they keep is kept in the run's own folder.
func (b *bench) environment() []string {
	return append(os.Environ(), "HOME="+b.dir, "XDG_CONFIG_HOME="+b.dir, "TMPDIR="+b.dir)
}

// stop ends the program as an operator would, and by force when it does not end. The error holds the end of its log.
func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(stopMost):
		_ = s.cmd.Process.Kill()
		<-s.ended
		return fmt.Errorf("the program did not end within %v\n%s", stopMost, s.log.String())
	}
	if s.err != nil {
		return fmt.Errorf("the program ended with %w\n%s", s.err, s.log.String())
	}
	return nil
}

func freePort(ctx context.Context) (string, error) {
	l, err := loopback(ctx)
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// proves runs the audit over a database and fails when the books are not right.
func (b *bench) proves(ctx context.Context, database string) error {
	cmd := exec.CommandContext(ctx, b.program, "audit", "--database", database)
	cmd.Dir, cmd.Env = b.dir, b.environment()
	watch := clock.Start()
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("the books are not right after the load: %w\n%s", err, last(out, 2000))
	}
	progress("  the books are proved, in %v", watch().Round(10*time.Millisecond))
	return nil
}

// rawLine is what bench/raw prints of one job.
type rawLine struct {
	Work string  `json:"work"`
	Rate float64 `json:"commands_per_second"`
	Rows float64 `json:"rows_per_second"`
	CPU  float64 `json:"cpu_us_per_command"`
	Did  int     `json:"commands"`
}

// rawWorks are the jobs of the raw program that something is held to.
func (b *bench) rawWorks() string {
	list := []string{"create", "settle", "settle-fee", "status"}
	if b.wants("wallets") || b.wants("walletpay") {
		list = append(list, "transfer", "transfer-spread")
	}
	return strings.Join(list, ",")
}

// limits measures the raw limit of an engine, on a fresh database.
func (b *bench) limits(ctx context.Context, engine string, round int) error {
	dsn, err := b.database(ctx, engine, fmt.Sprintf("raw%d", round))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, b.raw, "--database", dsn, "--seconds", fmt.Sprint(b.seconds), "--batch", fmt.Sprint(b.batch),
		"--work", b.rawWorks())
	cmd.Dir, cmd.Env = b.dir, b.environment()
	var errs tail
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	server := b.serverCPU(engine)
	if err := cmd.Start(); err != nil {
		return err
	}
	dec := json.NewDecoder(out)
	for {
		var l rawLine
		if err := dec.Decode(&l); err != nil {
			break // the end, or Wait says what happened
		}
		used := server()
		cpu := l.CPU + float64(used.Microseconds())/float64(l.Did)
		b.table.raw(l.Work, engine, l.Rate, cpu)
		progress("  raw %-10s %8.0f/s  %8.0f rows/s  %6.1f µs of CPU each", l.Work, l.Rate, l.Rows, cpu)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, errs.String())
	}
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		return os.RemoveAll(filepath.Dir(path))
	}
	return nil
}

// serverCPU watches what the engine's own processes use: each call of what it answers tells what they used since the last one.
func (b *bench) serverCPU(engine string) func() time.Duration {
	pid := 0
	if engine == "postgres" {
		pid = b.pg.PID()
	}
	before := cpuOf(pid)
	return func() time.Duration {
		now := cpuOf(pid)
		used := now - before
		before = now
		return used
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.buf.Len() > 64<<10 {
		kept := bytes.Clone(last(t.buf.Bytes(), 8<<10))
		t.buf.Reset()
		t.buf.Write(kept)
	}
	return t.buf.Write(p)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(last(t.buf.Bytes(), 4000))
}

func last(b []byte, n int) []byte { return b[max(0, len(b)-n):] }
