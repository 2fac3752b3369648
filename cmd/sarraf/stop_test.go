package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sarraf/internal/crashtest"
	"sarraf/store"
)

// node is a real serving process.
type node struct {
	*demo
	cmd     *exec.Cmd
	logs    *safeBuffer
	address string
	ended   chan struct{}
}

var servingAt = regexp.MustCompile(`msg=serving address=(\S+)`)

// startNode starts the binary's serve on a database with a merchant.
func startNode(t *testing.T, dsn string, args ...string) *node {
	t.Helper()
	newSecrets(t)
	mustRun(t, "migrate", "--database", dsn)
	n := &node{logs: &safeBuffer{}, ended: make(chan struct{})}
	n.cmd = exec.Command(crashtest.Binary(t), append([]string{"serve", "--database", dsn, "--listen", "127.0.0.1:0"}, args...)...)
	n.cmd.Stderr = n.logs
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = n.cmd.Wait(); close(n.ended) }()
	t.Cleanup(func() { _ = n.cmd.Process.Kill(); <-n.ended })
	waitFor(t, "the process to serve", func() bool {
		m := servingAt.FindStringSubmatch(n.logs.String())
		if m != nil {
			n.address = m[1]
		}
		return m != nil
	})
	n.demo = shopOf(t, dsn, n.address)
	return n
}

// end waits until the process has ended, and answers its status.
func (n *node) end(t *testing.T) *os.ProcessState {
	t.Helper()
	select {
	case <-n.ended:
	case <-time.After(grace + 10*time.Second):
		t.Fatalf("it does not stop\n%s", n.logs)
	}
	return n.cmd.ProcessState
}

func (n *node) signal(t *testing.T) {
	t.Helper()
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// slow is a request whose body the client has not sent to its end.
type slow struct {
	conn net.Conn
	rest string
}

// begin sends the first half of a request that creates an invoice, and waits until the process is at work on it.
func (n *node) begin(t *testing.T, reference string) *slow {
	t.Helper()
	conn, err := net.Dial("tcp", n.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	body := fmt.Sprintf(`{"amount":5,"customer_name":"Slow","transaction_reference":%q,"callback_url":"https://shop.example/cb"}`, reference)
	// The server asks for the body once the handler reads it: then the request is under way.
	fmt.Fprintf(conn, "POST /api/payment/create HTTP/1.1\r\nHost: x\r\nX-Api-Key: %s\r\nX-Api-Secret: %s\r\nContent-Type: application/json\r\n"+
		"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n", n.line.Aspay.APIKey, n.line.Aspay.APISecret, len(body))
	line, err := bufio.NewReader(io.LimitReader(conn, 25)).ReadString('\n')
	if err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q %v", line, err)
	}
	if _, err := io.WriteString(conn, body[:20]); err != nil {
		t.Fatal(err)
	}
	return &slow{conn: conn, rest: body[20:]}
}

// finish sends the rest and answers the status and the body.
func (s *slow) finish(t *testing.T) (int, string) {
	t.Helper()
	if _, err := io.WriteString(s.conn, s.rest); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(s.conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func refused(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err == nil {
		_ = conn.Close()
	}
	return err != nil
}

func TestAStopUnderLoadLosesNoRequest(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		site := newShop(t, nil)
		n := startNode(t, dsn, "--drain", "2s", "--allow-http-webhooks", "--allow-webhook-range", "127.0.0.0/8")
		var away atomic.Bool // what a balancer knows: it sends nothing more
		var mu sync.Mutex
		made := map[string]bool{}
		var load sync.WaitGroup
		for w := range 8 {
			load.Go(func() {
				client := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute} // each with a connection that is kept
				defer client.CloseIdleConnections()
				for i := 0; !away.Load(); i++ {
					reference := fmt.Sprintf("L%d-%d", w, i)
					if status, err := n.post(client, reference, site.URL+"/callback"); err != nil || status != http.StatusOK {
						t.Errorf("%s: %d %v", reference, status, err)
						return
					}
					mu.Lock()
					made[reference] = true
					mu.Unlock()
				}
			})
		}
		waitFor(t, "some load", func() bool { mu.Lock(); defer mu.Unlock(); return len(made) > 50 })
		for _, reference := range []string{"L0-0", "L1-0", "L2-0"} {
			n.pay(reference)
		}
		late := n.begin(t, "LATE")
		n.signal(t)
		waitFor(t, "/readyz to say that it stops", func() bool { return n.ask("/readyz", "").status == http.StatusServiceUnavailable })
		n.create("DRAIN", "https://shop.example/cb")
		if resp, err := http.Get("http://" + n.address + "/healthz"); err != nil || resp.StatusCode != http.StatusOK || !resp.Close {
			t.Errorf("while it drains: %v %v", resp, err)
		} else {
			_ = resp.Body.Close()
		}
		away.Store(true)
		load.Wait()
		waitFor(t, "new connections to be refused", func() bool { return refused(n.address) })
		if status, text := late.finish(t); status != http.StatusOK || !strings.Contains(text, "payment_url") {
			t.Errorf("the request that was under way: %d %s", status, text)
		}
		if end := n.end(t); end.ExitCode() != 0 {
			t.Fatalf("%v\n%s", end, n.logs)
		}
		made["LATE"], made["DRAIN"] = true, true
		missing, leased := leftIn(t, dsn, made)
		if len(missing) > 0 || leased > 0 {
			t.Errorf("acknowledged and not there: %v; deliveries still leased: %d", missing, leased)
		}
		proveClean(t, dsn)
		t.Logf("%d invoices", len(made))
	})
}

// post creates an invoice over a client of its own.
func (n *node) post(client *http.Client, reference, callback string) (int, error) {
	body := fmt.Sprintf(`{"amount":5,"customer_name":"Load","transaction_reference":%q,"callback_url":%q}`, reference, callback)
	req, err := http.NewRequest(http.MethodPost, "http://"+n.address+"/api/payment/create", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.GetBody = nil // nothing is sent again behind our back
	req.Header.Set("X-Api-Key", n.line.Aspay.APIKey)
	req.Header.Set("X-Api-Secret", n.line.Aspay.APISecret)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// leftIn answers which of the references are not in the database, and how many deliveries somebody holds.
func leftIn(t *testing.T, dsn string, want map[string]bool) (missing []string, leased int64) {
	t.Helper()
	db, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	have := map[string]bool{}
	err = db.Snapshot(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		err := tx.Query(ctx, "SELECT reference FROM invoice", nil, func(r store.Row) error {
			var reference string
			err := r.Scan(&reference)
			have[reference] = true
			return err
		})
		if err != nil {
			return err
		}
		return tx.Query(ctx, "SELECT COUNT(*) FROM delivery WHERE lease_by <> ''", nil, func(r store.Row) error { return r.Scan(&leased) })
	})
	if err != nil {
		t.Fatal(err)
	}
	for reference := range want {
		if !have[reference] {
			missing = append(missing, reference)
		}
	}
	return missing, leased
}

func TestASecondSignalEndsAtOnceAndHarmsNothing(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		n := startNode(t, dsn, "--drain", "0s")
		n.create("KEPT", "https://shop.example/cb")
		n.begin(t, "NEVER") // it would hold up the stop
		n.signal(t)
		waitFor(t, "new connections to be refused", func() bool { return refused(n.address) })
		// The signal is let through a moment after the listener is closed: until then a further one is as good as none.
		waitFor(t, "a further signal to end it", func() bool {
			if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
			select {
			case <-n.ended:
				return true
			default:
				return false
			}
		})
		end := n.end(t)
		if status, ok := end.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGTERM {
			t.Fatalf("%v\n%s", end, n.logs)
		}
		if missing, _ := leftIn(t, dsn, map[string]bool{"KEPT": true}); len(missing) > 0 {
			t.Errorf("missing %v", missing)
		}
		proveClean(t, dsn)
	})
}

func TestWithoutLoadAStopIsClean(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		n := startNode(t, dsn, "--drain", "0s")
		n.signal(t)
		if end := n.end(t); end.ExitCode() != 0 || !strings.Contains(n.logs.String(), "msg=stopped") {
			t.Fatalf("%v\n%s", end, n.logs)
		}
	})
}
