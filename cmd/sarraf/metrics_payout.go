package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sarraf/payout"
	"sarraf/store"
)

// deskTime is how long a look at what waits may take, when somebody asks for the metrics.
const deskTime = 5 * time.Second

// deskMetrics are the payouts that wait for somebody, looked at when somebody asks: what rails, approvers and the desk leave undone shows on
// every node alike. Where they cannot be read they are absent.
type deskMetrics struct {
	db             *store.DB
	log            *slog.Logger
	waiting, since *prometheus.Desc
}

func newDeskMetrics(db *store.DB, log *slog.Logger) deskMetrics {
	return deskMetrics{
		db: db, log: log,
		waiting: prometheus.NewDesc("sarraf_payouts_waiting", "Payouts, of all nodes, by what they wait for.", []string{"for"}, nil),
		since:   prometheus.NewDesc("sarraf_payout_oldest_seconds", "Age of the oldest of them, by what they wait for.", []string{"for"}, nil),
	}
}

// Describe is for prometheus.Collector.
func (m deskMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- m.waiting
	to <- m.since
}

// Collect is for prometheus.Collector.
func (m deskMetrics) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), deskTime)
	defer cancel()
	var d payout.DeskState
	err := m.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		d, err = payout.Desk(ctx, tx)
		return err
	})
	if err != nil {
		m.log.Warn("the payouts that wait could not be counted for the metrics", "error", err)
		return
	}
	now := m.db.Clock().Now()
	for _, w := range []struct {
		what  string
		n     int64
		since time.Time
	}{
		{"rail", d.Unknown, d.UnknownSince}, {"approval", d.Wanted, d.WantedSince}, {"sheet", d.Manual, d.ManualSince}, {"bank", d.Handed, d.HandedSince},
	} {
		age := time.Duration(0)
		if w.n > 0 {
			age = max(now.Sub(w.since), 0)
		}
		to <- prometheus.MustNewConstMetric(m.waiting, prometheus.GaugeValue, float64(w.n), w.what)
		to <- prometheus.MustNewConstMetric(m.since, prometheus.GaugeValue, age.Seconds(), w.what)
	}
}
