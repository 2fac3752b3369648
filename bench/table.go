package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"sarraf/bench/load"
)

// target is what docs/performance.md promises: at least rate, within p99 where it is not 0.
type target struct {
	rate float64
	p99  time.Duration
}

// targets by work; with a number of clients where it matters.
var targets = map[string]target{
	"create":      {5000, 0},
	"billpay 64":  {5000, 40 * time.Millisecond},
	"billpay 256": {7500, 65 * time.Millisecond},
	"pay 64":      {5000, 40 * time.Millisecond},
	"pay 256":     {7500, 65 * time.Millisecond},
	"status":      {12000, 0},
	"webhook":     {3000, 0},

	"transfer-hot 256":    {16_000, 0},
	"transfer-spread 256": {14_000, 0},
	"transfer-bulk":       {30_000, 0},
	"walletpay 256":       {5000, 0},
}

const (
	targetReady = 300 * time.Millisecond
	targetIdle  = 60 << 20
	targetLoad  = 300 << 20
)

// works are the rows of the table: their names in it, and the raw job that writes the same rows.
var works = []struct{ key, name, raw string }{
	{"no-op", "a handler that does nothing", ""},
	{"create", "invoices created (Aspay)", "create"},
	{"pay", "settled payments (sandbox call)", "settle"},
	{"billpay", "bills paid by banks (BillPayment)", "settle"},
	{"status", "status reads (Aspay)", "status"},
	{"transfer-hot", "transfers between two wallets (native API)", "transfer"},
	{"transfer-spread", "transfers among 10,000 wallets (native API)", "transfer-spread"},
	{"transfer-bulk", "the same in bulks of 100", "transfer-spread"},
	{"walletpay", "wallet payments with a PIN (DeshiPay)", "transfer-spread"},
	{"webhook", "webhooks delivered to a local sink", ""},
}

type rowKey struct {
	work, engine string
	clients      int
}

// samples are the rounds of one row.
type samples struct {
	rate []float64
	p99  []float64 // seconds
	cpu  []float64 // microseconds a command, of the program and the engine
}

// table is what was measured.
type table struct {
	rows      map[rowKey]*samples
	processes map[string]*[3][]float64 // by engine: seconds to ready, bytes idle, bytes under load
	others    []float64
	times     map[timeKey][]float64 // seconds
}

// timeKey is something that is measured as it is, and not as a rate.
type timeKey struct{ engine, what string }

// What is measured as it is, and within which time it should be done.
const (
	bulkAnswered = "a bulk of 5,000 bills answered"
	bulkAssigned = "all PSIDs of it assigned"
	pageRead     = "one of the first 100 pages of a merchant's bills read"
)

var within = []struct {
	what string
	most time.Duration
}{{bulkAnswered, time.Second}, {bulkAssigned, 3 * time.Second}, {pageRead, 100 * time.Millisecond}}

// took notes how long something took.
func (t *table) took(engine, what string, d time.Duration) {
	k := timeKey{engine, what}
	t.times[k] = append(t.times[k], d.Seconds())
}

func newTable() *table {
	return &table{rows: map[rowKey]*samples{}, processes: map[string]*[3][]float64{}, times: map[timeKey][]float64{}}
}

func (t *table) at(work, engine string, clients int) *samples {
	k := rowKey{work, engine, clients}
	if t.rows[k] == nil {
		t.rows[k] = &samples{}
	}
	return t.rows[k]
}

func (t *table) ours(work, engine string, clients int, r *load.Result, cpu float64) {
	t.many(work, engine, clients, r, cpu, 1)
}

// many is ours for requests that each carry so many.
func (t *table) many(work, engine string, clients int, r *load.Result, cpu float64, many int) {
	s := t.at(work, engine, clients)
	s.rate, s.p99, s.cpu = append(s.rate, r.Rate()*float64(many)), append(s.p99, r.Percentile(99).Seconds()), append(s.cpu, cpu)
}

func (t *table) webhooks(engine string, clients int, rate, cpu float64) {
	s := t.at("webhook", engine, clients)
	s.rate, s.cpu = append(s.rate, rate), append(s.cpu, cpu)
}

// raw notes a raw job, under its own name with "raw " before it.
func (t *table) raw(work, engine string, rate, cpu float64) {
	s := t.at("raw "+work, engine, 0)
	s.rate, s.cpu = append(s.rate, rate), append(s.cpu, cpu)
}

func (t *table) process(engine string, ready time.Duration, idle, most int64) {
	p := t.processes[engine]
	if p == nil {
		p = &[3][]float64{}
		t.processes[engine] = p
	}
	for i, v := range []float64{ready.Seconds(), float64(idle), float64(most)} {
		p[i] = append(p[i], v)
	}
}

var head = []string{"work", "engine", "clients", "ours/s, median (min-max)", "p99 ms", "raw/s", "ours/raw", "CPU µs, ours : raw", "target/s", "of target"}

// cells are the lines of the table, without its head.
func (t *table) cells() [][]string {
	var list [][]string
	for _, w := range works {
		var keys []rowKey
		for k := range t.rows {
			if k.work == w.key {
				keys = append(keys, k)
			}
		}
		slices.SortFunc(keys, func(a, b rowKey) int {
			return 10000*(slices.Index(engines, a.engine)-slices.Index(engines, b.engine)) + a.clients - b.clients
		})
		for _, k := range keys {
			list = append(list, t.line(k, w.name, w.raw))
		}
	}
	return list
}

func (t *table) line(k rowKey, name, raw string) []string {
	s := t.rows[k]
	rate := median(s.rate)
	cells := []string{
		name, k.engine, fmt.Sprint(k.clients), fmt.Sprintf("%s (%s-%s)", count(rate), count(slices.Min(s.rate)), count(slices.Max(s.rate))),
		"-", "-", "-", "-", "-", "-",
	}
	if len(s.p99) > 0 {
		cells[4] = fmt.Sprintf("%.1f", 1000*median(s.p99))
	}
	if cpu := median(s.cpu); cpu > 0 {
		cells[7] = fmt.Sprintf("%.0f", cpu)
	}
	if r := t.rows[rowKey{"raw " + raw, k.engine, 0}]; r != nil {
		limit := median(r.rate)
		cells[5], cells[6] = count(limit), fmt.Sprintf("%.2f", rate/limit)
		cells[7] += fmt.Sprintf(" : %.0f", median(r.cpu))
	}
	want, ok := targets[k.work]
	if !ok {
		want, ok = targets[fmt.Sprintf("%s %d", k.work, k.clients)]
	}
	if ok {
		cells[8], cells[9] = count(want.rate), fmt.Sprintf("%.0f %%", 100*rate/want.rate)
		if want.p99 > 0 {
			cells[8] += fmt.Sprintf(", p99 %d ms", want.p99.Milliseconds())
			if median(s.p99) > want.p99.Seconds() {
				cells[9] += ", p99 over"
			}
		}
	}
	return cells
}

// print writes the table, and what must be known to read it.
func (t *table) print(w io.Writer, markdown bool) {
	cells := t.cells()
	if markdown {
		fmt.Fprintf(w, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
		for _, c := range cells {
			fmt.Fprintf(w, "| %s |\n", strings.Join(c, " | "))
		}
	} else {
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, c := range append([][]string{head}, cells...) {
			fmt.Fprintln(tw, strings.Join(c, "\t"))
		}
		_ = tw.Flush()
	}
	fmt.Fprintln(w)
	for _, line := range t.notes() {
		if markdown {
			line = "- " + line
		}
		fmt.Fprintln(w, line)
	}
}

func (t *table) notes() []string {
	var list []string
	for _, e := range engines {
		p := t.processes[e]
		if p == nil {
			continue
		}
		ready, idle, most := median(p[0]), median(p[1]), median(p[2])
		list = append(list, fmt.Sprintf("%s: ready %.2f s after its start on an empty database (target %.1f), %.0f MB idle (target %d), %.0f MB "+
			"under load (target %d)", e, ready, targetReady.Seconds(), idle/(1<<20), targetIdle>>20, most/(1<<20), targetLoad>>20))
		for _, w := range within {
			if took := t.times[timeKey{e, w.what}]; len(took) > 0 {
				list = append(list, fmt.Sprintf("%s: %s in %.0f ms (median of %d; at most %.0f; target %d)", e, w.what, 1000*median(took), len(took),
					1000*slices.Max(took), w.most.Milliseconds()))
			}
		}
		if r := t.rows[rowKey{"raw settle-fee", e, 0}]; r != nil {
			list = append(list, fmt.Sprintf("%s: raw limit of a settled payment with a fee, which has 4 entries: %s/s", e, count(median(r.rate))))
		}
	}
	list = append(list, "machine: "+machine()+"; load generator, program and database share it")
	return append(list, t.noise())
}

// noise says how far the figures can be trusted: what others used of the machine before each round, and how far apart rounds were.
func (t *table) noise() string {
	apart := 0.0
	n := 0
	for _, s := range t.rows {
		n = max(n, len(s.rate))
		if m := median(s.rate); m > 0 {
			apart = max(apart, slices.Max(s.rate)/m-1, 1-slices.Min(s.rate)/m)
		}
	}
	return fmt.Sprintf("noise: others used %.0f %% of the machine before a round (at most %.0f %%); of %d rounds, the furthest from its "+
		"row's median was %.0f %% off", 100*median(t.others), 100*slices.Max(t.others), n, 100*apart)
}

// median of no values is 0.
func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(list))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// count prints a rate with thousands set apart.
func count(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
