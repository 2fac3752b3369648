// Command raw writes the rows of Sarraf's main jobs straight into a database, as the plainest tuned program would: one loop of
// multi-row statements, a batch a transaction, fully durable, no HTTP, no decoding, no checks. What it reaches is what the engine
// can take on this machine, and the measure that the program itself is held to.
//
// It takes an empty database of one's own making, migrates it as the program does, and prints one line of JSON for each job:
//
//	go run ./bench/raw --database sqlite:/tmp/raw.db
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"sarraf/internal/clock"
	"sarraf/store"
)

// Line is what is printed of one job.
type Line struct {
	Work     string  `json:"work"`
	Engine   string  `json:"engine"`
	Batch    int     `json:"batch"`
	Commands int     `json:"commands"`
	Rows     int     `json:"rows"` // inserted or updated; 0 for reads
	Seconds  float64 `json:"seconds"`
	Rate     float64 `json:"commands_per_second"`
	RowRate  float64 `json:"rows_per_second"`
	// CPU is what this process spent on a command, in microseconds. Where others use the machine too, it tells more than the rate.
	// On PostgreSQL the server's own work is not in it.
	CPU float64 `json:"cpu_us_per_command"`
}

type options struct {
	database string
	seconds  float64
	batch    int
	conns    int
	works    []string
}

// The jobs, in the order in which they run: settling needs invoices.
var works = []string{"create", "settle", "settle-fee", "status", "transfer", "transfer-spread", "create-single", "settle-single"}

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "raw:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, o, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "raw:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("raw", flag.ContinueOnError)
	f.StringVar(&o.database, "database", "", "an empty database, sqlite:PATH or postgres://...")
	f.Float64Var(&o.seconds, "seconds", 3, "for each job")
	f.IntVar(&o.batch, "batch", 256, "commands in one transaction")
	f.IntVar(&o.conns, "conns", 32, "connections of the jobs with one transaction a command (PostgreSQL only)")
	list := f.String("work", "create,settle,settle-fee,status", "which of "+strings.Join(works, ","))
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.works = strings.Split(*list, ",")
	for _, w := range o.works {
		if !slices.Contains(works, w) {
			return o, fmt.Errorf("there is no job %q: want some of %s", w, strings.Join(works, ","))
		}
	}
	if o.database == "" || o.batch < 1 || o.conns < 1 || !(o.seconds > 0) {
		return o, errors.New("--database is needed, and --batch, --conns and --seconds above 0")
	}
	return o, nil
}

func run(ctx context.Context, o options, w io.Writer) error {
	engineName, err := migrate(ctx, o.database)
	if err != nil {
		return err
	}
	e, err := openEngine(ctx, o.database, o.conns)
	if err != nil {
		return err
	}
	j := &job{options: o, engine: e, name: engineName, books: newBooks()}
	out := json.NewEncoder(w)
	for _, w := range works {
		wanted := slices.Contains(o.works, w)
		if !wanted && w != "create" {
			continue
		}
		line, err := j.do(ctx, w)
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", w, err), e.close())
		}
		if wanted && line.Commands > 0 {
			if err := out.Encode(line); err != nil {
				return err
			}
		}
	}
	return errors.Join(j.check(ctx), e.close())
}

// migrate makes the schema with the program's own migrations.
func migrate(ctx context.Context, dsn string) (string, error) {
	db, err := store.Open(ctx, dsn, store.Options{})
	if err != nil {
		return "", err
	}
	_, err = db.Migrate(ctx, false)
	return string(db.Engine()), errors.Join(err, db.Close())
}

// job runs the works one after another on one database.
type job struct {
	options
	engine engine
	name   string
	books  *books
	open   []made // invoices that are not settled yet
	all    []made
	events int64
	sides  int64 // entries written
}

func (j *job) do(ctx context.Context, work string) (Line, error) {
	line := Line{Work: work, Engine: j.name, Batch: j.batch}
	var err error
	watch, before := clock.Start(), cpuTime()
	switch work {
	case "create":
		line.Commands, line.Rows, err = j.write(ctx, func() (pieces, int) {
			p, list := j.books.create(j.batch)
			j.all = append(j.all, list...)
			j.open = append(j.open, list...)
			return p, len(list)
		})
	case "settle", "settle-fee":
		withFee, left := work == "settle-fee", 0
		if !withFee && slices.Contains(j.works, "settle-fee") {
			left = len(j.open) / 2
		}
		line.Commands, line.Rows, err = j.write(ctx, func() (pieces, int) {
			n := min(j.batch, len(j.open)-left)
			if n == 0 {
				return nil, 0
			}
			list := j.open[:n]
			j.open = j.open[n:]
			p := j.books.settle(list, withFee)
			j.sides += int64(len(p[2].args) / len(p[2].to.types))
			return p, n
		})
	case "transfer", "transfer-spread":
		wallets := 2
		if work == "transfer-spread" {
			wallets = 10_000
		}
		p := newPurses(wallets, j.books.st)
		line.Commands, line.Rows, err = j.write(ctx, func() (pieces, int) {
			j.sides += 2 * int64(j.batch)
			return p.transfers(j.batch), j.batch
		})
	case "status":
		line.Batch = 1
		line.Commands, err = j.spread(ctx, min(j.conns, 8), func(i int) error {
			found, err := j.engine.status(ctx, j.books.owner, j.all[i*7919%len(j.all)].number)
			if err == nil && !found {
				err = errors.New("an invoice that was written is not found")
			}
			return err
		})
	default:
		line.Batch = 1
		line.Commands, line.Rows, err = j.single(ctx, work)
	}
	line.Seconds = watch().Seconds()
	line.Rate, line.RowRate = float64(line.Commands)/line.Seconds, float64(line.Rows)/line.Seconds
	if line.Commands > 0 {
		line.CPU = float64((cpuTime() - before).Microseconds()) / float64(line.Commands)
	}
	return line, err
}

// cpuTime is what this process has used so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// write makes one transaction after another of what next gives, until the time is up or nothing is left. The next rows are made
// while the engine is at work on the last ones.
func (j *job) write(ctx context.Context, next func() (pieces, int)) (commands, rows int, err error) {
	type transaction struct {
		pieces pieces
		n      int
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ready := make(chan transaction)
	go func() {
		defer close(ready)
		watch := clock.Start()
		for watch().Seconds() < j.seconds && ctx.Err() == nil {
			p, n := next()
			if n == 0 {
				return
			}
			select {
			case ready <- transaction{p, n}:
			case <-ctx.Done():
			}
		}
	}()
	for t := range ready {
		if err == nil {
			if err = j.engine.write(ctx, t.pieces); err != nil {
				cancel()
				continue
			}
			commands, rows = commands+t.n, rows+t.pieces.rows()
			j.events += int64(t.n)
		}
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	return commands, rows, err
}

// single runs one transaction a command: in one loop on SQLite, which has one writer, and on many connections on PostgreSQL.
func (j *job) single(ctx context.Context, work string) (commands, rows int, err error) {
	create := work == "create-single"
	pg, many := j.engine.(*postgresEngine)
	if !many {
		batch := j.batch
		j.batch = 1
		defer func() { j.batch = batch }()
		return j.write(ctx, func() (pieces, int) {
			if create {
				p, list := j.books.create(1)
				j.open = append(j.open, list...)
				return p, 1
			}
			if len(j.open) == 0 {
				return nil, 0
			}
			m := j.open[0]
			j.open = j.open[1:]
			j.sides += 2
			return j.books.settle([]made{m}, false), 1
		})
	}
	var mu sync.Mutex
	var list []made
	commands, err = j.spread(ctx, j.conns, func(i int) error {
		if create {
			mu.Lock()
			m := j.books.invoice()
			list = append(list, m)
			mu.Unlock()
			return pg.createOne(ctx, j.books, m)
		}
		if i >= len(j.open) {
			return errSpent
		}
		return pg.settleOne(ctx, j.books, j.open[i])
	})
	j.events += int64(commands)
	if create {
		j.open = append(j.open, list...)
		return commands, commands * 5, err
	}
	j.open = j.open[min(commands, len(j.open)):]
	j.sides += 2 * int64(commands)
	return commands, commands * 9, err
}

// errSpent ends a job early: there is nothing left to do.
var errSpent = errors.New("nothing left")

// spread calls do with running numbers from n goroutines until the time is up, and answers how many succeeded.
func (j *job) spread(ctx context.Context, n int, do func(i int) error) (int, error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	next, done := 0, 0
	watch := clock.Start()
	limit := time.Duration(j.seconds * float64(time.Second))
	for range n {
		wg.Go(func() {
			for {
				mu.Lock()
				i, over := next, failed != nil || watch() >= limit || ctx.Err() != nil
				next++
				mu.Unlock()
				if over {
					return
				}
				err := do(i)
				mu.Lock()
				if err == nil {
					done++
				} else if failed == nil {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if failed == nil {
		failed = ctx.Err()
	}
	if errors.Is(failed, errSpent) {
		failed = nil
	}
	return done, failed
}

// check makes sure that what was counted was written.
func (j *job) check(ctx context.Context) error {
	for text, want := range map[string]int64{sqlCountEvents: j.events, sqlCountEntries: j.sides} {
		have, err := j.engine.count(ctx, text)
		if err != nil {
			return err
		}
		if have != want {
			return fmt.Errorf("%s: there are %d rows, but %d were counted", text, have, want)
		}
	}
	return nil
}
