package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"sarraf/bench/load"
	"sarraf/internal/clock"
)

// warm is how long a scenario runs before it is measured.
const warm = 500 * time.Millisecond

// blocked is an address that is never called: a payment that would be told to it costs what settling costs, without the sending,
// which has a scenario of its own.
const blocked = "http://192.0.2.1/callback"

// ceiling measures a handler that does nothing: what HTTP itself leaves of this machine, load generator included.
func (b *bench) ceiling(ctx context.Context) error {
	l, err := loopback(ctx)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })}
	go func() { _ = srv.Serve(l) }()
	defer func() { _ = srv.Close() }()
	for _, c := range b.clients {
		r, err := load.Run(ctx, load.Plan{
			Address: l.Addr().String(), Clients: c, Warm: warm, Window: b.window(),
			Next: func(_ int, buf []byte) ([]byte, bool) {
				return append(buf, "GET / HTTP/1.1\r\nHost: ceiling\r\n\r\n"...), true
			},
		})
		if err != nil {
			return fmt.Errorf("a handler that does nothing: %w", err)
		}
		b.table.ours("no-op", "-", c, r, 0)
		progress("a handler that does nothing, %d clients: %.0f/s", c, r.Rate())
	}
	return nil
}

// loopback listens on a free port that only this machine reaches.
func loopback(ctx context.Context) (net.Listener, error) {
	var c net.ListenConfig
	return c.Listen(ctx, "tcp", "127.0.0.1:0")
}

// ours measures the program on an engine.
func (b *bench) ours(ctx context.Context, engine string, round int) (err error) {
	dsn, err := b.database(ctx, engine, fmt.Sprintf("ours%d", round))
	if err != nil {
		return err
	}
	srv, err := b.start(ctx, dsn)
	if err != nil {
		return err
	}
	stopped := false
	defer func() {
		if !stopped {
			err = errors.Join(err, srv.stop())
		}
	}()
	idle, _, err := memory(srv.cmd.Process.Pid)
	if err != nil {
		return err
	}
	s := &session{bench: b, server: srv, engine: engine, engineCPU: b.serverCPU(engine)}
	for _, c := range b.clients {
		if err := s.measure(ctx, c); err != nil {
			return fmt.Errorf("%d clients: %w", c, err)
		}
	}
	if b.wants("webhook") {
		if err := s.webhook(ctx, slices.Max(b.clients)); err != nil {
			return fmt.Errorf("webhook: %w", err)
		}
	}
	if b.wants("bulk") {
		if err := s.bulk(ctx); err != nil {
			return fmt.Errorf("bulk: %w", err)
		}
	}
	if b.wants("pages") {
		if err := s.pages(ctx); err != nil {
			return fmt.Errorf("pages: %w", err)
		}
	}
	_, most, err := memory(srv.cmd.Process.Pid)
	if err != nil {
		return err
	}
	b.table.process(engine, srv.ready, idle, most)
	progress("  ready in %v, %d MB idle, %d MB under load", srv.ready.Round(time.Millisecond), idle>>20, most>>20)
	stopped = true
	if err := srv.stop(); err != nil {
		return err
	}
	if b.audit && round == b.rounds-1 {
		return b.proves(ctx, dsn)
	}
	return nil
}

// session is the scenarios on one server.
type session struct {
	*bench
	server    *server
	engine    string
	engineCPU func() time.Duration
	refs      atomic.Int64
	invoices  []string // printed ids that are not paid yet
	paid      []string
	rate      float64 // of the last payments measured
	settled   *people // once there are wallets
}

// measure runs the scenarios that are wanted with so many clients.
func (s *session) measure(ctx context.Context, clients int) error {
	if s.wants("create") {
		cpu := s.cpu()
		r, err := s.create(ctx, clients, s.window(), 0, blocked)
		if err != nil {
			return fmt.Errorf("create: %w", err)
		}
		s.note("create", clients, r, cpu())
	}
	if s.wants("pay") {
		// As many as are likely to be paid in the time; should they run out, the window is the shorter.
		want := int(max(8000, 1.3*s.rate) * (s.seconds + warm.Seconds()))
		if err := s.topUp(ctx, want); err != nil {
			return fmt.Errorf("pay: %w", err)
		}
		cpu := s.cpu()
		r, err := s.pay(ctx, clients, warm, s.window())
		if err != nil {
			return fmt.Errorf("pay: %w", err)
		}
		s.rate = r.Rate()
		s.note("pay", clients, r, cpu())
	}
	if s.wants("billpay") {
		if err := s.billpay(ctx, clients); err != nil {
			return fmt.Errorf("billpay: %w", err)
		}
	}
	if s.wants("wallets") || s.wants("walletpay") {
		if err := s.people(ctx, clients); err != nil {
			return fmt.Errorf("wallets: %w", err)
		}
	}
	if s.wants("status") {
		if err := s.topUp(ctx, 1000); err != nil {
			return fmt.Errorf("status: %w", err)
		}
		cpu := s.cpu()
		r, err := s.status(ctx, clients)
		if err != nil {
			return fmt.Errorf("status: %w", err)
		}
		s.note("status", clients, r, cpu())
	}
	return nil
}

// cpu watches what the program and the engine use, until what it answers is called.
func (s *session) cpu() func() time.Duration {
	_ = s.engineCPU()
	before := cpuOf(s.server.cmd.Process.Pid)
	return func() time.Duration { return cpuOf(s.server.cmd.Process.Pid) - before + s.engineCPU() }
}

func (s *session) note(work string, clients int, r *load.Result, used time.Duration) {
	s.noteMany(work, clients, r, used, 1)
}

// noteMany is note for requests that each carry so many.
func (s *session) noteMany(work string, clients int, r *load.Result, used time.Duration, many int) {
	each := float64(used.Microseconds()) / float64(r.Sent*many)
	s.table.many(work, s.engine, clients, r, each, many)
	progress("  %-15s %4d clients %8.0f/s  p50 %-9v p95 %-9v p99 %-9v max %-9v %6.1f µs of CPU each", work, clients, r.Rate()*float64(many),
		round(r.Percentile(50)), round(r.Percentile(95)), round(r.Percentile(99)), round(r.Percentile(100)), each)
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// topUp makes invoices until there are want of them, unmeasured.
func (s *session) topUp(ctx context.Context, want int) error {
	missing := want - len(s.invoices)
	if missing <= 0 {
		return nil
	}
	_, err := s.create(ctx, slices.Max(s.clients), 10*time.Minute, missing, blocked)
	return err
}

// create makes invoices with references that were never used, and keeps their printed ids.
func (s *session) create(ctx context.Context, clients int, window time.Duration, most int, callback string) (*load.Result, error) {
	head := "POST /api/payment/create HTTP/1.1\r\nHost: " + s.server.address + "\r\nContent-Type: application/json\r\n" + s.keys() + "Content-Length: "
	const before = `{"amount": 125.50, "customer_name": "John Doe", "transaction_reference": "`
	after := `", "callback_url": "` + callback + `"}`
	made := make([][]string, clients)
	p := load.Plan{
		Address: s.server.address, Clients: clients, Window: window, Most: most,
		Next: func(_ int, buf []byte) ([]byte, bool) {
			ref := strconv.AppendInt(make([]byte, 0, 20), 1e12+s.refs.Add(1), 10)
			buf = append(buf, head...)
			buf = strconv.AppendInt(buf, int64(len(before)+len(ref)+len(after)), 10)
			buf = append(buf, "\r\n\r\n"+before...)
			buf = append(buf, ref...)
			return append(buf, after...), true
		},
		Check: func(client int, body []byte) error {
			id, ok := field(body, `"invoice_id":"`)
			if !ok {
				return fmt.Errorf("no invoice_id in %.200s", body)
			}
			made[client] = append(made[client], id)
			return nil
		},
	}
	if most == 0 {
		p.Warm = warm
	}
	r, err := load.Run(ctx, p)
	for _, list := range made {
		s.invoices = append(s.invoices, list...)
	}
	return r, err
}

// pay settles invoices until the time is up or all are paid.
func (s *session) pay(ctx context.Context, clients int, warm, window time.Duration) (*load.Result, error) {
	head := "POST /v1/sandbox/pay HTTP/1.1\r\nHost: " + s.server.address + "\r\nContent-Type: application/json\r\nAuthorization: Bearer " +
		s.server.line.Native.APIKey + "\r\nContent-Length: "
	var next atomic.Int64
	r, err := load.Run(ctx, load.Plan{
		Address: s.server.address, Clients: clients, Warm: warm, Window: window,
		Next: func(_ int, buf []byte) ([]byte, bool) {
			i := int(next.Add(1)) - 1
			if i >= len(s.invoices) {
				return buf, false
			}
			target := s.invoices[i]
			buf = append(buf, head...)
			buf = strconv.AppendInt(buf, int64(len(`{"target":""}`)+len(target)), 10)
			buf = append(buf, "\r\n\r\n{\"target\":\""...)
			buf = append(buf, target...)
			return append(buf, `"}`...), true
		},
		Check: func(_ int, body []byte) error {
			if status, _ := field(body, `"status":"`); status != "paid" {
				return fmt.Errorf("not paid: %.300s", body)
			}
			return nil
		},
	})
	used := min(int(next.Load()), len(s.invoices))
	s.paid = append(s.paid, s.invoices[:used]...)
	s.invoices = s.invoices[used:]
	return r, err
}

// status asks for one invoice after another, paid and unpaid.
func (s *session) status(ctx context.Context, clients int) (*load.Result, error) {
	list := slices.Concat(s.paid, s.invoices)
	rest := " HTTP/1.1\r\nHost: " + s.server.address + "\r\n" + s.keys() + "\r\n"
	var next atomic.Int64
	return load.Run(ctx, load.Plan{
		Address: s.server.address, Clients: clients, Warm: warm, Window: s.window(),
		Next: func(_ int, buf []byte) ([]byte, bool) {
			buf = append(buf, "GET /api/payment/"...)
			buf = append(buf, list[int(next.Add(1))*7919%len(list)]...) // a prime, so that the order is not that of their making
			return append(buf, rest...), true
		},
		Check: func(_ int, body []byte) error {
			if status, _ := field(body, `"status":"`); status != "paid" && status != "pending" {
				return fmt.Errorf("no status: %.300s", body)
			}
			return nil
		},
	})
}

// hooksEach is how many webhooks are waited for, for each second of the window.
const hooksEach = 2000

// hooksMost is how long they may take at most.
const hooksMost = 2 * time.Minute

// webhook pays invoices whose merchant listens, and counts what is told until all of it has arrived.
func (s *session) webhook(ctx context.Context, clients int) error {
	sink, err := listen(ctx)
	if err != nil {
		return err
	}
	defer sink.close()
	s.invoices = nil
	count := max(100, int(s.seconds*hooksEach))
	if _, err := s.create(ctx, clients, 10*time.Minute, count, sink.url); err != nil {
		return err
	}
	cpu := s.cpu()
	watch := clock.Start()
	sink.expect(count)
	paid, err := s.pay(ctx, clients, 0, 10*time.Minute)
	if err != nil {
		return err
	}
	select {
	case <-sink.full:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(hooksMost):
		return fmt.Errorf("%d of %d webhooks have arrived after %v", sink.arrived(), count, hooksMost)
	}
	took := watch()
	s.table.webhooks(s.engine, clients, float64(count)/took.Seconds(), float64(cpu().Microseconds())/float64(count))
	progress("  webhook  %4d clients %8.0f/s of %d, %d came twice; meanwhile %.0f payments/s", clients, float64(count)/took.Seconds(), count,
		sink.twice(), paid.Rate())
	return nil
}

func (s *session) keys() string {
	return "x-api-key: " + s.server.line.Aspay.APIKey + "\r\nx-api-secret: " + s.server.line.Aspay.APISecret + "\r\n"
}

// field is the text after a key, up to the next quotation mark. What is looked for has none in it.
func field(body []byte, key string) (string, bool) {
	_, rest, ok := bytes.Cut(body, []byte(key))
	if !ok {
		return "", false
	}
	value, _, ok := bytes.Cut(rest, []byte{'"'})
	return string(value), ok
}
