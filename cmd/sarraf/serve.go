package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sarraf/internal/httpx"
	"sarraf/internal/keyring"
	"sarraf/store"
	"sarraf/webhook"
)

// grace is how long serve takes at most to finish what it took, drainMost what of it may be spent on going on as before.
const (
	grace     = 30 * time.Second
	drainMost = 20 * time.Second
)

type serveCmd struct {
	databaseFlag
	accessFlags
	railFlags
	Listen       string        `default:"127.0.0.1:8080" help:"Address to listen on."`
	PublicURL    string        `help:"Where payers and merchants reach this server, as https://pay.example.com; by default http:// and the address it listens on."`
	AdminListen  string        `help:"Address for metrics and profiles, as 127.0.0.1:9090; none by default."`
	PerAddress   int           `name:"anonymous-per-address" default:"100" help:"How many requests a second an address may make without a key, at front doors that can do without (AssanPay, receipts); 0 for no bound."`
	PerMerchant  int           `name:"anonymous-per-merchant" default:"1000" help:"The same for each merchant."`
	Proxies      []string      `name:"trusted-proxy" help:"Address ranges of the proxies in front, as 10.0.0.0/8, whose X-Forwarded-For is believed."`
	PSIDPrefix   string        `name:"psid-prefix" env:"SARRAF_PSID_PREFIX" help:"What the bill-payment network has assigned to the PSIDs of this installation, 1 to 12 digits; without it no bills are made."`
	Off          []string      `help:"Front doors that are switched off, by name."`
	AllowHTTP    bool          `name:"allow-http-webhooks" help:"Send webhooks to plain http addresses too."`
	AllowPrivate []string      `name:"allow-webhook-range" help:"Address ranges, as 10.1.0.0/16, that webhooks may be sent to although they are not public."`
	Drain        time.Duration `default:"5s" help:"How long requests are still taken after the signal to stop, while /readyz says 503, so that a balancer can turn away; 20s at most."`
	Dev          bool          `help:"Make the secrets that are not given, keep them beside the database, and migrate it. Not for real money."`
	LogLevel     string        `default:"info" enum:"debug,info,warn,error" help:"How much is logged."`
}

func (c serveCmd) Run(ctx context.Context, io streams) error {
	log, err := logger(io, c.LogLevel)
	if err != nil {
		return err
	}
	sec, err := c.secrets()
	if err != nil {
		return err
	}
	policy, err := c.policy()
	if err != nil {
		return err
	}
	if c.Drain < 0 || c.Drain > drainMost {
		return usage("--drain %s: want 0s to %s", c.Drain, drainMost)
	}
	for _, name := range c.Off {
		if !off(switchable, name) {
			return usage("--off %s: there is no such front door; there are %s", name, strings.Join(switchable, ", "))
		}
	}
	if len(c.PSIDPrefix) > 12 || strings.Trim(c.PSIDPrefix, "0123456789") != "" {
		return usage("--psid-prefix %s: want 1 to 12 digits", c.PSIDPrefix)
	}
	proxies, err := ranges("trusted-proxy", c.Proxies)
	if err != nil {
		return err
	}
	public, err := publicURL(c.PublicURL, c.Listen)
	if err != nil {
		return err
	}
	comeIn, err := c.access()
	if err != nil {
		return err
	}
	senders, err := c.senders()
	if err != nil {
		return err
	}
	if comeIn.sender == nil {
		log.Info("text messages are not sent: nobody can sign up for a wallet without --sms-url")
	}
	srv := server{
		database: c.Database, listen: c.Listen, admin: c.AdminListen, migrate: c.Dev, log: log, secrets: sec, drain: c.Drain,
		settings: settings{
			publicURL: public, off: c.Off, psid: c.PSIDPrefix, policy: policy, schedule: webhook.Standard(nil),
			anonymous: anonymous{c.PerAddress, c.PerMerchant, proxies}, access: comeIn,
			senders: senders,
		},
	}
	return srv.run(ctx, func(a *app, _ string) error {
		if io.started != nil {
			io.started(a)
		}
		return nil
	})
}

// secrets are those of the environment; with --dev, missing ones are made and kept.
func (c serveCmd) secrets() (secrets, error) {
	s, err := environment()
	if err != nil {
		return s, err
	}
	if !c.Dev {
		return s, s.complete()
	}
	path, err := besideDatabase(c.Database, "secrets")
	if err != nil {
		return s, err
	}
	kept := fresh()
	found, err := readJSON(path, &kept)
	if err != nil {
		return s, err
	}
	if s.Key != "" {
		kept.Key = s.Key
	}
	if s.SealKey != "" {
		kept.SealKey = s.SealKey
	}
	if !found {
		err = writeJSON(path, kept)
	}
	return kept, err
}

func (c serveCmd) policy() (webhook.Policy, error) {
	allowed, err := ranges("allow-webhook-range", c.AllowPrivate)
	return webhook.Policy{AllowHTTP: c.AllowHTTP, Allowed: allowed}, err
}

// ranges reads the address ranges of a flag.
func ranges(flag string, texts []string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range texts {
		r, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, usage("--%s %s: want an address range, as 10.1.0.0/16", flag, text)
		}
		list = append(list, r)
	}
	return list, nil
}

// publicURL is the address that is printed in links: given, or made of where the server listens.
func publicURL(given, listen string) (string, error) {
	if given == "" {
		return "http://" + listen, nil
	}
	u, err := url.Parse(given)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return "", usage("--public-url %s: want a scheme and a host alone, as https://pay.example.com", given)
	}
	return u.Scheme + "://" + u.Host, nil
}

// reachable is the address that a link can name where the server listens on all addresses of the machine, which no link can.
func reachable(address string) string {
	if at, err := netip.ParseAddrPort(address); err == nil && at.Addr().IsUnspecified() {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port()).String()
	}
	return address
}

func logger(io streams, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usage("--log-level %s: want debug, info, warn or error", level)
	}
	return slog.New(slog.NewTextHandler(io.err, &slog.HandlerOptions{Level: l})), nil
}

// errServed says that another process serves an SQLite file, or restores it.
var errServed = errors.New("is being served by another process")

// server is what serve and demo share: a database, a listener, the house, and an orderly end.
type server struct {
	database string
	listen   string
	admin    string
	drain    time.Duration
	migrate  bool
	log      *slog.Logger
	secrets  secrets
	settings settings
}

// run serves until ctx ends. ready is called once everything listens, with the address.
func (s server) run(ctx context.Context, ready func(*app, string) error) error {
	keys, sealKey, err := s.secrets.keys()
	if err != nil {
		return err
	}
	s.settings.seal = sealKey
	m := newMetrics()
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	unlock, err := lockDatabase(s.database)
	if err != nil {
		return err
	}
	defer unlock()
	open := databaseFlag{s.database}.openMade
	if s.migrate {
		open = databaseFlag{s.database}.open
	}
	db, err := open(ctx, store.Options{Logger: s.log, Observer: m})
	if err != nil {
		return err
	}
	if s.migrate {
		_, err = db.Migrate(ctx, false)
	} else {
		err = db.CheckSchema(ctx)
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	// Listen before the house is put together: the port may be chosen by the system, and is part of every link.
	ln, err := net.Listen("tcp", s.listen)
	if err != nil {
		return errors.Join(fmt.Errorf("cannot listen: %w", err), db.Close())
	}
	if s.settings.publicURL == "http://"+s.listen {
		address := ln.Addr().String()
		s.settings.publicURL = "http://" + reachable(address)
		if reachable(address) != address {
			s.log.Warn("links lead to this machine alone: give --public-url", "public_url", s.settings.publicURL)
		}
	}
	a, err := newApp(db, keys, m, s.log, s.settings)
	if err != nil {
		return errors.Join(err, ln.Close(), db.Close())
	}
	if err := a.merchants.CheckKey(ctx); err != nil {
		if errors.Is(err, keyring.ErrDecrypt) {
			err = errors.New("SARRAF_KEY is not the key that this database was made with: give that one, after a newer one and a comma if need be")
		}
		return errors.Join(err, ln.Close(), a.close())
	}
	return s.serve(ctx, a, ln, ready)
}

// serve runs everything until ctx ends, and then stops in order: /readyz says so at once, and requests are still taken for as long as a
// balancer needs to see it; then no new ones, while those under way and the webhooks being sent finish; then the other workers, the last of
// which seals what was written; then what the batchers hold. All of it takes grace at most, but for a commit that hangs.
func (s server) serve(ctx context.Context, a *app, ln net.Listener, ready func(*app, string) error) error {
	a.address = ln.Addr().String()
	always := context.WithoutCancel(ctx)
	taking, stopTaking := context.WithCancel(always)
	working, stopWorking := context.WithCancel(always)
	telling, stopTelling := context.WithCancel(always)
	defer stopTaking()
	defer stopWorking()
	defer stopTelling()
	var fronts, behind, admin sync.WaitGroup
	behind.Go(func() { a.work(working, taking) })
	ended := make(chan error, 3)
	fronts.Go(func() {
		ended <- httpx.Serve(taking, httpx.Server(a.health.leaving(a.handler), httpx.Limits{}, s.log), ln, grace-s.drain)
	})
	if s.admin != "" {
		adminLn, err := net.Listen("tcp", s.admin)
		if err == nil {
			a.admin = adminLn.Addr().String()
			limits := httpx.Limits{WriteTimeout: 2 * time.Minute} // a profile takes its time
			admin.Go(func() {
				ended <- httpx.Serve(telling, httpx.Server(adminHandler(a.metrics), limits, s.log), adminLn, time.Second)
			})
		} else {
			ended <- fmt.Errorf("cannot listen for administration: %w", err)
		}
	}
	s.log.Info("serving", "address", a.address, "public_url", s.settings.publicURL, "engine", string(a.db.Engine()), "version", versionText())
	err := ready(a, a.address)
	if err == nil {
		select {
		case <-ctx.Done():
			a.health.stopping.Store(true)
			s.log.Info("stopping: finishing what was taken", "drain", s.drain)
			err = s.linger(ended)
		case err = <-ended:
		}
	}
	stopTaking()
	fronts.Wait()
	stopWorking()
	behind.Wait()
	stopTelling()
	admin.Wait()
	for len(ended) > 0 {
		err = errors.Join(err, <-ended) // requests that were cut off, for instance
	}
	err = errors.Join(err, a.close())
	if err == nil {
		s.log.Info("stopped")
	}
	return err
}

// linger goes on serving for the time of the drain, unless the server ends by itself.
func (s server) linger(ended chan error) error {
	if s.drain == 0 {
		return nil
	}
	timer := time.NewTimer(s.drain)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case err := <-ended:
		return err
	}
}

// adminHandler serves metrics and profiles, on a listener of its own.
func adminHandler(m *metrics) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	return mux
}
