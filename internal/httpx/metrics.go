package httpx

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Label values of requests that no route took, so that no caller can make a new one.
const (
	unmatched = "unmatched"
	anyMethod = "any"
)

// buckets are seconds. The targets are tens of milliseconds.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// meters are the collectors of one mux; nil when nobody collects.
type meters struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

// newMeters registers the collectors with reg; nil and no error when reg is nil.
func newMeters(reg prometheus.Registerer, inFlight *atomic.Int64) (*meters, error) {
	if reg == nil {
		return nil, nil
	}
	m := &meters{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sarraf_http_requests_total",
			Help: "Requests answered, by front door, route, method and class of the status.",
		}, []string{"door", "route", "method", "class"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "sarraf_http_request_seconds",
			Help:    "Time from the headers of a request to the end of its handler.",
			Buckets: buckets,
		}, []string{"door", "route", "method"}),
	}
	gauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sarraf_http_in_flight",
		Help: "Requests being worked on.",
	}, func() float64 { return float64(inFlight.Load()) })
	for _, c := range []prometheus.Collector{m.requests, m.seconds, gauge} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// NewRefusals registers with reg the counter of what limiters turn away. Its labels are the front door, and what the limiter's keys are:
// address, merchant.
func NewRefusals(reg prometheus.Registerer) (*prometheus.CounterVec, error) {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sarraf_http_limited_total",
		Help: "Requests refused because there were too many, by front door and by whose bound it was.",
	}, []string{"door", "bound"})
	return c, reg.Register(c)
}

// meter is the collectors of one endpoint, looked up beforehand. Its zero value counts nothing.
type meter struct {
	requests [6]prometheus.Counter // by the first digit of the status; [0] is never used
	seconds  prometheus.Observer
}

func (m *meters) of(e *endpoint, method string) meter {
	var t meter
	if m == nil {
		return t
	}
	t.seconds = m.seconds.WithLabelValues(e.door, e.route, method)
	for i, class := range [...]string{"", "1xx", "2xx", "3xx", "4xx", "5xx"} {
		if i > 0 {
			t.requests[i] = m.requests.WithLabelValues(e.door, e.route, method, class)
		}
	}
	return t
}

func (t *meter) observe(status int, took time.Duration) {
	if t.seconds == nil {
		return
	}
	t.requests[min(max(status/100, 1), 5)].Inc()
	t.seconds.Observe(took.Seconds())
}

// knownMethod is the method where it is one that HTTP defines; a caller may send any word.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return m
	}
	return "other"
}
