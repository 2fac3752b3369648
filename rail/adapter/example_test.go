package adapter

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sarraf/rail"
	"sarraf/rail/railtest"
)

// example is docs/examples/rail_service.py while it runs.
type example struct {
	url string

	mu    sync.Mutex
	moved map[string]int
}

// startExample runs the example with its journal in the folder, and answers what ends it.
func startExample(t *testing.T, folder string) (*example, func()) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatalf("%v: install Debian's package python3, or run make setup", err)
	}
	cmd := exec.Command(python, "../../docs/examples/rail_service.py", "127.0.0.1:0", filepath.Join(folder, "orders.db"))
	cmd.Env = append(os.Environ(), "RAIL_TOKEN="+token, "RAIL_SECRET="+secret)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	x, listening, ended := &example{moved: map[string]int{}}, make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if address, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
				listening <- address
			} else if id, ok := strings.CutPrefix(lines.Text(), "moved "); ok {
				x.mu.Lock()
				x.moved[id]++
				x.mu.Unlock()
			}
		}
	}()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			_ = cmd.Process.Kill()
			<-ended
			_ = cmd.Wait()
		})
	}
	t.Cleanup(stop)
	select {
	case address := <-listening:
		x.url = "http://" + address
	case <-ended:
		t.Fatal("the example ended before it listened")
	}
	return x, stop
}

func TestTheExampleOfAServicePassesTheSuite(t *testing.T) {
	x, stop := startExample(t, t.TempDir())
	defer stop()
	railtest.Suite(t, func(t *testing.T) railtest.Subject {
		return railtest.Subject{Sender: open(t, Options{URL: x.url, Secret: secret})} // how often it moved is counted below
	})
	if err := open(t, Options{URL: x.url, Secret: secret}).Check(t.Context()); err != nil {
		t.Error(err)
	}
	stop() // its output is read to the end
	for id, n := range x.moved {
		if n != 1 {
			t.Errorf("%s was moved %d times", id, n)
		}
	}
	if len(x.moved) < 64 {
		t.Errorf("%d orders were moved", len(x.moved))
	}
}

func TestTheExampleOfAServiceDoesNothingTwice(t *testing.T) {
	folder := t.TempDir()
	x, stop := startExample(t, folder)
	r, o := open(t, Options{URL: x.url, Secret: secret}), railtest.NewOrder(rail.OrderPayout)
	closed := railtest.NewOrder(rail.OrderPayout)
	closed.Destination = "+8801712340000"
	for range 3 {
		if a, err := r.Send(t.Context(), o); err != nil || a.Outcome != rail.Accepted || a.Reference != "BANK-"+o.ID {
			t.Errorf("%v, %v", a, err)
		}
		if a, err := r.Send(t.Context(), closed); err != nil || a.Outcome != rail.Declined || a.Reason != "The account is closed." {
			t.Errorf("%v, %v", a, err)
		}
	}
	for name, other := range map[string]Options{
		"another token":  {URL: x.url, Secret: secret, Token: "another-token-than-that"},
		"another secret": {URL: x.url, Secret: "whsec_" + strings.Repeat("QUJD", 11)},
		"no signature":   {URL: x.url},
	} {
		if a, err := open(t, other).Send(t.Context(), railtest.NewOrder(rail.OrderPayout)); err != nil || a.Outcome != rail.Retryable {
			t.Errorf("%s: %v, %v", name, a, err)
		}
	}
	stop()
	if len(x.moved) != 1 || x.moved[o.ID] != 1 {
		t.Errorf("moved: %v", x.moved)
	}
	again, stop := startExample(t, folder)
	defer stop()
	if a, err := open(t, Options{URL: again.url, Secret: secret}).Inquire(t.Context(), o); err != nil || a.Outcome != rail.Accepted {
		t.Errorf("after a restart: %v, %v", a, err)
	}
}
