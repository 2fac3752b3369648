// Package crashtest proves a running program under crashes: it starts the real binary, puts it under load at every front door, kills
// it or its database with SIGKILL at a moment that chance chooses, starts it again, and holds what is there against what was
// acknowledged. docs/proof.md says what that proves.
//
// A House is one merchant with the nodes that serve it. Load runs clients against it and notes each answer in a Bill; Check holds the
// bills of a load against the doors' own status calls, the native API and the events; Finish does so for all of them, waits for the
// webhooks and runs the audit. What a front door looks like to a client is one Driver.
package crashtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// patience is how long a condition is waited for before the test fails. Nothing that is right takes as long.
const patience = 2 * time.Minute

// glance is how often a condition is looked at that cannot be waited for: the readiness of another process.
const glance = 5 * time.Millisecond

var (
	binary     string
	binaryErr  error
	binaryOnce sync.Once
)

// Binary builds the program once for all tests of a package and answers its path. The package's TestMain must call Remove at the end.
func Binary(t testing.TB) string {
	t.Helper()
	binaryOnce.Do(func() {
		dir, err := os.MkdirTemp("", "sarraf-bin-")
		if err != nil {
			binaryErr = err
			return
		}
		binary = filepath.Join(dir, "sarraf")
		if out, err := exec.Command("go", "build", "-o", binary, "sarraf/cmd/sarraf").CombinedOutput(); err != nil {
			binaryErr = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if binaryErr != nil {
		t.Fatal(binaryErr)
	}
	return binary
}

// Remove deletes what Binary built.
func Remove() {
	if binary != "" {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
}

// Plan is how long a test goes on, as the environment says.
type Plan struct {
	Cycles int           // CRASH_CYCLES: how often something is killed
	Budget time.Duration // CRASH_BUDGET: no new cycle is begun after so long; 0 for no limit
	Seed   uint64        // CRASH_SEED: of the chances; random when it is not set
	began  time.Time
}

// NewPlan reads the environment, and prints the seed.
func NewPlan(t testing.TB) *Plan {
	t.Helper()
	p := &Plan{Cycles: 10, Seed: rand.Uint64(), began: time.Now()}
	var err error
	read := func(name string, into func(string) error) {
		if text := os.Getenv(name); text != "" && err == nil {
			if err = into(text); err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	read("CRASH_CYCLES", func(s string) (err error) { p.Cycles, err = strconv.Atoi(s); return err })
	read("CRASH_BUDGET", func(s string) (err error) { p.Budget, err = time.ParseDuration(s); return err })
	read("CRASH_SEED", func(s string) (err error) { p.Seed, err = strconv.ParseUint(s, 10, 64); return err })
	if err != nil {
		t.Fatal(err)
	}
	if p.Cycles < 1 {
		t.Fatal("CRASH_CYCLES: nothing would be proved")
	}
	t.Logf("CRASH_SEED=%d", p.Seed)
	return p
}

// Each runs the cycles, until the budget is used up. The first always runs.
func (p *Plan) Each(t testing.TB, cycle func(n int)) {
	t.Helper()
	for n := range p.Cycles {
		if n > 0 && p.Budget > 0 && time.Since(p.began) > p.Budget {
			t.Logf("%d of %d cycles in %v", n, p.Cycles, p.Budget)
			return
		}
		if cycle(n); t.Failed() {
			t.FailNow()
		}
	}
}

// Random is a source of chance for one part of a test.
func (p *Plan) Random(part int) *rand.Rand { return rand.New(rand.NewPCG(p.Seed, uint64(part))) }
