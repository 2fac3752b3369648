package main

import (
	"context"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sarraf/event"
	"sarraf/internal/piecework"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/seal"
	"sarraf/store"
	"sarraf/wallet"
	"sarraf/webhook"
)

// metrics are what the workers, the batchers and the log of facts count; the mux counts requests. docs/operations.md lists them all.
type metrics struct {
	registry      *prometheus.Registry
	batches       *prometheus.HistogramVec
	took          *prometheus.HistogramVec
	attempts      *prometheus.CounterVec
	calls         prometheus.Histogram
	deliveries    *prometheus.CounterVec
	oldest        prometheus.Gauge
	events        *prometheus.CounterVec
	uploads       lineMetrics
	payoutBatches lineMetrics
	codes         *prometheus.CounterVec
	signIns       *prometheus.CounterVec
	sent          *prometheus.CounterVec
	sending       *prometheus.HistogramVec
	contrary      *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		batches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sarraf_batch_commands", Help: "Commands in one transaction of group commit.", Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}, []string{"kind"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sarraf_batch_seconds", Help: "How long a transaction of group commit took, with its commit.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}, []string{"kind"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sarraf_webhook_attempts_total", Help: "Attempts to deliver a webhook, by outcome.",
		}, []string{"outcome"}),
		calls: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sarraf_webhook_call_seconds", Help: "How long a call of a merchant's endpoint took, whatever came of it.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
		}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sarraf_webhook_deliveries_total", Help: "Deliveries that were closed, by what they came to.",
		}, []string{"state"}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sarraf_webhook_oldest_due_seconds", Help: "Age of the longest due delivery that nobody has taken.",
		}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sarraf_events_total", Help: "Facts that were written, by type: what became of invoices and payments.",
		}, []string{"type"}),
		uploads:       newLineMetrics("upload", "uploads", "bulk uploads"),
		payoutBatches: newLineMetrics("payout_batch", "payout_batches", "batches of payouts"),
		codes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sarraf_wallet_codes_total", Help: "One-time codes that were asked for or shown, by what came of it.",
		}, []string{"outcome"}),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sarraf_wallet_sign_ins_total", Help: "Attempts to sign in to a wallet, by what came of them.",
		}, []string{"outcome"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sarraf_payout_attempts_total", Help: "Calls of rails about money that goes out, by rail, kind (send, inquire) and outcome.",
		}, []string{"rail", "kind", "outcome"}),
		sending: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sarraf_payout_call_seconds", Help: "How long a call of a rail about money that goes out took, whatever came of it.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
		}, []string{"rail"}),
		contrary: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sarraf_payout_contradictions_total", Help: "How often a rail said something else of a payout than what it had ended as.",
		}, []string{"rail"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sarraf_build_info", Help: "Always 1: what is running.", ConstLabels: prometheus.Labels{"version": versionText(), "go": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.batches, m.took, m.attempts, m.calls, m.deliveries, m.oldest, m.events, m.codes, m.signIns, m.sent, m.sending, m.contrary,
		build)
	m.uploads.register(m.registry)
	m.payoutBatches.register(m.registry)
	for _, s := range []webhook.State{webhook.Delivered, webhook.Exhausted, webhook.Refused} {
		m.deliveries.WithLabelValues(string(s)) // a rate of what never happened is 0, and not absent
	}
	for _, outcome := range wallet.CodeOutcomes {
		m.codes.WithLabelValues(outcome)
	}
	for _, outcome := range wallet.SignInOutcomes {
		m.signIns.WithLabelValues(outcome)
	}
	return m
}

// watch adds what is looked at when somebody asks: the pools of the database, and how far behind the sealer is.
func (m *metrics) watch(db *store.DB, sealer *seal.Sealer) {
	for _, p := range db.Pools() {
		labels := prometheus.Labels{"pool": p.Name}
		m.registry.MustRegister(
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "sarraf_db_connections_in_use", Help: "Connections to the database that are in use.", ConstLabels: labels,
			}, func() float64 { return float64(p.InUse()) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "sarraf_db_connections_max", Help: "Connections to the database that there may be.", ConstLabels: labels,
			}, func() float64 { return float64(p.Max) }),
			prometheus.NewCounterFunc(prometheus.CounterOpts{
				Name: "sarraf_db_waits_total", Help: "How often somebody had to wait for a connection to the database.", ConstLabels: labels,
			}, func() float64 { return float64(p.Waits()) }),
		)
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sarraf_seal_behind_seconds", Help: "How long ago the last round of sealing began that left nothing of this process unsealed.",
	}, func() float64 { return sealer.Behind().Seconds() }))
}

// Batch is for store.Observer.
func (m *metrics) Batch(kind string, size int, took time.Duration) {
	m.batches.WithLabelValues(kind).Observe(float64(size))
	m.took.WithLabelValues(kind).Observe(took.Seconds())
}

// Queue is for store.Observer.
func (m *metrics) Queue(kind string, depth func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sarraf_batch_queue", Help: "Commands that wait for a transaction of group commit.", ConstLabels: prometheus.Labels{"kind": kind},
	}, func() float64 { return float64(depth()) }))
}

// Attempted is for webhook.Observer.
func (m *metrics) Attempted(outcome string, took time.Duration) {
	m.attempts.WithLabelValues(outcome).Inc()
	if took > 0 {
		m.calls.Observe(took.Seconds())
	}
}

// Closed is for webhook.Observer.
func (m *metrics) Closed(s webhook.State) { m.deliveries.WithLabelValues(string(s)).Inc() }

// Oldest is for webhook.Observer.
func (m *metrics) Oldest(age time.Duration) { m.oldest.Set(age.Seconds()) }

// lineMetrics are of long lists that are worked at in slices: a piecework.Observer.
type lineMetrics struct {
	lines          *prometheus.CounterVec
	undone, oldest prometheus.Gauge
}

// newLineMetrics are of one kind of list: how the names of its metrics begin, with one and with many, and how people call many of them.
func newLineMetrics(one, many, words string) lineMetrics {
	return lineMetrics{
		lines: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sarraf_" + one + "_lines_total", Help: "Lines of " + words + " that were decided, by what became of them.",
		}, []string{"outcome"}),
		undone: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sarraf_" + many + "_undone", Help: "How many " + words + ", of all nodes, have lines that are not decided.",
		}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sarraf_" + one + "_oldest_seconds", Help: "Age of the oldest of the " + words + " that have lines that are not decided.",
		}),
	}
}

func (m lineMetrics) register(r prometheus.Registerer) {
	r.MustRegister(m.lines, m.undone, m.oldest)
	m.Decided(0, 0)
}

// Decided is for piecework.Observer.
func (m lineMetrics) Decided(made, errored int) {
	m.lines.WithLabelValues("made").Add(float64(made))
	m.lines.WithLabelValues("errored").Add(float64(errored))
}

// Undone is for piecework.Observer.
func (m lineMetrics) Undone(n int64, oldest time.Duration) {
	m.undone.Set(float64(n))
	m.oldest.Set(oldest.Seconds())
}

// Sent is for payout.SendObserver.
func (m *metrics) Sent(name, kind string, outcome rail.Outcome, took time.Duration) {
	m.sent.WithLabelValues(name, kind, string(outcome)).Inc()
	if took > 0 {
		m.sending.WithLabelValues(name).Observe(took.Seconds())
	}
}

// Contradicted is for payout.SendObserver.
func (m *metrics) Contradicted(name string) { m.contrary.WithLabelValues(name).Inc() }

// Code is for wallet.AccessObserver.
func (m *metrics) Code(outcome string) { m.codes.WithLabelValues(outcome).Inc() }

// SignIn is for wallet.AccessObserver.
func (m *metrics) SignIn(outcome string) { m.signIns.WithLabelValues(outcome).Inc() }

// Accept is for event.Sink: what is committed is counted.
func (m *metrics) Accept(_ context.Context, tx *store.Tx, events []event.Written) error {
	counts := make(map[event.Type]int, 4)
	for _, e := range events {
		counts[e.Type]++
	}
	tx.AfterCommit(func() {
		for t, n := range counts {
			m.events.WithLabelValues(string(t)).Add(float64(n))
		}
	})
	return nil
}

var (
	_ store.Observer   = (*metrics)(nil)
	_ webhook.Observer = (*metrics)(nil)
	_ event.Sink       = (*metrics)(nil)

	_ piecework.Observer    = lineMetrics{}
	_ wallet.AccessObserver = (*metrics)(nil)
	_ payout.SendObserver   = (*metrics)(nil)
)
