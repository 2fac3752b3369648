// Package load puts a closed loop of HTTP requests on a server of this machine and measures what it answers: each client sends its
// next request when the last one is answered, for a bounded time and a bounded number of requests.
package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"sarraf/internal/clock"
)

// Plan is a measurement.
type Plan struct {
	Address string        // host and port; the host must be a literal loopback address
	Clients int           // how many requests are under way at a time; 1 to 4096
	Warm    time.Duration // what is answered in it first is not counted, but for failures
	Window  time.Duration // the measured time after it
	Most    int           // requests in all, at most; 0 for ten million
	// Next appends a client's next request, whole with its headers, to buf; false when there is nothing left to ask.
	Next func(client int, buf []byte) ([]byte, bool)
	// Check is given each 2xx body, which it must not keep; its error makes the request a failed one. It may be nil. It is called
	// by all clients at once.
	Check func(client int, body []byte) error
}

// Limits of a plan.
const (
	maxClients = 4096
	mostAtAll  = 10_000_000
	// patience is how long after the end of the window an answer is waited for.
	patience = 30 * time.Second
	// failedMost ends a measurement that has gone wrong.
	failedMost = 100
)

// Result is what was measured.
type Result struct {
	Requests int           // answered with 2xx in the window
	Sent     int           // all, those of the warm-up included
	Took     time.Duration // the window; shorter when requests ran out
	Latencies
	Failed int   // answers that were not 2xx, and broken connections, in the warm-up too
	Err    error // the first of them
}

// Rate is requests per second.
func (r *Result) Rate() float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(r.Requests) / r.Took.Seconds()
}

// Run carries out a plan. Its error is not nil when a single request failed: a rate with failures in it says nothing. The result then
// tells how many did.
func Run(ctx context.Context, p Plan) (*Result, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if p.Most <= 0 || p.Most > mostAtAll {
		p.Most = mostAtAll
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &runner{Plan: p, deadline: clock.System{}.Now().Add(p.Warm + p.Window + patience)}
	clients := make([]*client, p.Clients)
	for i := range clients {
		clients[i] = &client{runner: r, n: i}
		if err := clients[i].dial(ctx); err != nil {
			for _, c := range clients[:i] {
				c.close()
			}
			return nil, err
		}
	}
	r.watch = clock.Start()
	stop := context.AfterFunc(ctx, func() {
		r.over.Store(true)
		for _, c := range clients {
			c.interrupt()
		}
	})
	defer stop()
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(c.run)
	}
	wg.Wait()
	return r.result(ctx, clients)
}

func (p *Plan) check() error {
	host, err := netip.ParseAddrPort(p.Address)
	switch {
	case err != nil || !host.Addr().IsLoopback():
		return fmt.Errorf("load: %q is no loopback address and port: only this machine is measured", p.Address)
	case p.Clients < 1 || p.Clients > maxClients:
		return fmt.Errorf("load: clients must be 1 to %d", maxClients)
	case p.Window <= 0 || p.Warm < 0 || p.Next == nil:
		return errors.New("load: a window and requests are needed")
	}
	return nil
}

// runner is a plan under way.
type runner struct {
	Plan
	watch    func() time.Duration
	deadline time.Time
	taken    atomic.Int64 // requests of all clients
	over     atomic.Bool  // no new requests
	failed   atomic.Int64
	first    sync.Once
	err      error
}

func (r *runner) fail(err error) {
	r.first.Do(func() { r.err = err })
	if r.failed.Add(1) >= failedMost {
		r.over.Store(true)
	}
}

// result puts together what the clients counted.
func (r *runner) result(ctx context.Context, clients []*client) (*Result, error) {
	res := &Result{Failed: int(r.failed.Load()), Err: r.err}
	last := time.Duration(0)
	for _, c := range clients {
		res.Merge(&c.took)
		res.Sent += c.sent
		last = max(last, c.last)
	}
	res.Requests = res.Len()
	res.Took = min(r.Window, max(0, last-r.Warm))
	if ctx.Err() != nil {
		return res, ctx.Err()
	}
	if res.Failed > 0 {
		return res, fmt.Errorf("load: %d requests failed; the first: %w", res.Failed, r.err)
	}
	if res.Requests == 0 {
		return res, errors.New("load: nothing was answered in the window")
	}
	return res, nil
}

// client is one loop of requests.
type client struct {
	*runner
	n    int
	mu   sync.Mutex // guards conn against interrupt
	conn *conn
	sent int
	took Latencies
	last time.Duration // when the last counted answer came
}

func (c *client) dial(ctx context.Context) error {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", c.Address)
	if err != nil {
		return err
	}
	if err := nc.SetDeadline(c.deadline); err != nil {
		return errors.Join(err, nc.Close())
	}
	c.mu.Lock()
	c.conn = newConn(nc)
	c.mu.Unlock()
	return nil
}

func (c *client) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		_ = c.conn.net.Close()
	}
}

func (c *client) close() {
	c.interrupt()
	c.mu.Lock()
	c.conn = nil
	c.mu.Unlock()
}

// run asks until the time is up. A broken connection ends the client: what was on it may or may not have been done.
func (c *client) run() {
	defer c.close()
	var buf []byte
	end := c.Warm + c.Window
	for began := c.watch(); began < end && !c.over.Load() && c.taken.Add(1) <= int64(c.Most); {
		var ok bool
		if buf, ok = c.Next(c.n, buf[:0]); !ok {
			return
		}
		c.sent++
		a, err := c.conn.do(buf)
		if err != nil {
			if !c.over.Load() {
				c.fail(err)
			}
			return
		}
		now := c.watch()
		if err := c.judge(a); err != nil {
			c.fail(err)
		} else if now >= c.Warm && now <= end {
			c.took.Add(now - began)
			c.last = now
		}
		if a.closes {
			c.close()
			if err := c.dial(context.Background()); err != nil {
				c.fail(err)
				return
			}
		}
		began = c.watch()
	}
}

func (c *client) judge(a answer) error {
	if a.status < 200 || a.status > 299 {
		return fmt.Errorf("status %d: %.300s", a.status, a.body)
	}
	if c.Check == nil {
		return nil
	}
	return c.Check(c.n, a.body)
}
