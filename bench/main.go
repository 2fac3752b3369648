// Command bench measures Sarraf beside the raw limit of each engine, in one run: it starts the real program on a fresh database, puts
// a closed loop of HTTP requests on it, and takes turns with bench/raw, which writes the same rows as plainly as can be. It prints
// one table, and leaves no process and no file behind.
//
//	go run ./bench --engine sqlite --seconds 3
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sarraf/internal/pgtest"
)

// options are what the flags say.
type options struct {
	engines   []string
	seconds   float64
	clients   []int
	scenarios []string
	rounds    int
	batch     int
	markdown  bool
	audit     bool
	most      int // bills, for pages
}

// The engines and scenarios, in the order in which they are run: paying needs invoices.
var (
	engines   = []string{"sqlite", "postgres"}
	scenarios = []string{"create", "pay", "status", "webhook", "bulk", "billpay", "wallets", "walletpay"}
	// pages takes minutes to fill a merchant with bills, and is measured when it is asked for.
	long = []string{"pages"}
)

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	engine := f.String("engine", "both", "sqlite, postgres or both")
	f.Float64Var(&o.seconds, "seconds", 3, "length of each measured window, 0.1 to 600")
	clients := f.String("clients", "64,256", "how many requests are under way at a time")
	list := f.String("scenarios", strings.Join(scenarios, ","), "what is measured; "+strings.Join(long, ", ")+" too when named")
	f.IntVar(&o.rounds, "rounds", 3, "how often everything is measured, 1 to 100; the table has the medians")
	f.IntVar(&o.batch, "batch", 256, "commands in a transaction of the raw program")
	f.IntVar(&o.most, "bills", 1_000_000, "how many bills one merchant has in the scenario pages, 10,000 to 10,000,000")
	f.BoolVar(&o.markdown, "markdown", false, "print the table for docs/performance.md")
	f.BoolVar(&o.audit, "audit", true, "prove the books after the last round")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.engines = strings.Split(*engine, ",")
	if *engine == "both" {
		o.engines = engines
	}
	o.scenarios = strings.Split(*list, ",")
	for _, c := range strings.Split(*clients, ",") {
		n, err := strconv.Atoi(c)
		if err != nil || n < 1 || n > 4096 {
			return o, fmt.Errorf("--clients %q: want numbers from 1 to 4096", *clients)
		}
		o.clients = append(o.clients, n)
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("what is %q?", f.Arg(0))
	case !subset(o.engines, engines):
		return o, fmt.Errorf("--engine %q: want sqlite, postgres or both", *engine)
	case !subset(o.scenarios, slices.Concat(scenarios, long)):
		return o, fmt.Errorf("--scenarios %q: want some of %s", *list, strings.Join(slices.Concat(scenarios, long), ","))
	case o.most < 10_000 || o.most > 10_000_000:
		return o, errors.New("--bills: want 10,000 to 10,000,000")
	case !(o.seconds >= 0.1 && o.seconds <= 600) || o.rounds < 1 || o.rounds > 100 || o.batch < 1 || o.batch > 4096:
		return o, errors.New("--seconds, --rounds or --batch is out of bounds: see --help")
	}
	return o, nil
}

func subset(list, of []string) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !slices.Contains(of, s) })
}

func (o options) wants(scenario string) bool { return slices.Contains(o.scenarios, scenario) }

func (o options) window() time.Duration { return time.Duration(o.seconds * float64(time.Second)) }

// bench is one run.
type bench struct {
	options
	dir     string // everything that is written is in it
	program string
	raw     string
	pg      *pgtest.Server // nil when it is not measured
	table   *table
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "sarraf-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{options: o, dir: dir, table: newTable()}
	progress("building")
	bin := filepath.Join(dir, "bin") // not beside what the programs keep, which may have their names
	if b.program, err = build(ctx, bin, "sarraf/cmd/sarraf"); err != nil {
		return err
	}
	if b.raw, err = build(ctx, bin, "sarraf/bench/raw"); err != nil {
		return err
	}
	if slices.Contains(o.engines, "postgres") {
		if b.pg, err = pgtest.Launch(true); err != nil {
			return err
		}
		defer b.pg.Remove()
	}
	for round := range o.rounds {
		if err := b.round(ctx, round); err != nil {
			return err
		}
	}
	b.table.print(os.Stdout, o.markdown)
	return nil
}

// round measures everything once.
func (b *bench) round(ctx context.Context, round int) error {
	others, err := busy(ctx)
	if err != nil {
		return err
	}
	b.table.others = append(b.table.others, others)
	if err := b.ceiling(ctx); err != nil {
		return err
	}
	// The engines take turns in being first.
	order := slices.Clone(b.engines)
	if round%2 == 1 {
		slices.Reverse(order)
	}
	for _, engine := range order {
		progress("round %d of %d: %s, raw", round+1, b.rounds, engine)
		if err := b.limits(ctx, engine, round); err != nil {
			return fmt.Errorf("the raw limit of %s: %w", engine, err)
		}
		if err := b.ours(ctx, engine, round); err != nil {
			return fmt.Errorf("sarraf on %s: %w", engine, err)
		}
	}
	return nil
}

// database names a fresh empty database.
func (b *bench) database(ctx context.Context, engine, name string) (string, error) {
	if engine == "postgres" {
		return b.pg.Create(ctx)
	}
	dir := filepath.Join(b.dir, name)
	return "sqlite:" + filepath.Join(dir, "bench.db"), os.MkdirAll(dir, 0o700)
}

func progress(format string, a ...any) { fmt.Fprintf(os.Stderr, "# "+format+"\n", a...) }
