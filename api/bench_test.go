package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sarraf/internal/clock"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/store"
)

// clients is how many callers a benchmark has at once.
const clients = 64

// eachEngine runs a benchmark on both engines.
func eachEngine(b *testing.B, fn func(b *testing.B, h *house, m tenant)) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			c := clock.NewFake(noon)
			h := newHouse(b, storetest.Open(b, storetest.URL(b, engine), c), c)
			fn(b, h, h.tenant(merchant.Sandbox))
		})
	}
}

// discard is an answer of which only the status counts.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// BenchmarkSandboxPay is a whole settled payment without the network: find, decide, commit, answer.
func BenchmarkSandboxPay(b *testing.B) {
	eachEngine(b, func(b *testing.B, h *house, m tenant) {
		targets := make([]string, b.N)
		var next atomic.Int64
		var all sync.WaitGroup
		for range clients {
			all.Go(func() {
				for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
					targets[i] = h.demand(m, nil).Number
				}
			})
		}
		all.Wait()
		next.Store(0)
		b.ReportAllocs()
		b.SetParallelism(clients / 2)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				r := httptest.NewRequest("POST", "/v1/sandbox/pay", strings.NewReader(`{"target":"`+targets[next.Add(1)-1]+`"}`))
				r.Header.Set("Authorization", "Bearer "+m.key)
				d := &discard{header: http.Header{}}
				if h.handler.ServeHTTP(d, r); d.status != http.StatusOK {
					b.Error(d.status)
					return
				}
			}
		})
	})
}

// BenchmarkGetInvoice reads the status of one invoice.
func BenchmarkGetInvoice(b *testing.B) {
	eachEngine(b, func(b *testing.B, h *house, m tenant) {
		inv := h.demand(m, nil)
		b.ReportAllocs()
		b.SetParallelism(clients / 2)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				r := httptest.NewRequest("GET", "/v1/invoices/"+inv.ID, nil)
				r.Header.Set("Authorization", "Bearer "+m.key)
				d := &discard{header: http.Header{}}
				if h.handler.ServeHTTP(d, r); d.status != http.StatusOK {
					b.Error(d.status)
					return
				}
			}
		})
	})
}

// BenchmarkBinding is what huma and the adapter cost on the way to a handler and back, with nothing in it: what a refused request
// costs more than a lean handler that does the same.
func BenchmarkBinding(b *testing.B) {
	h := lightHouse(b)
	m := h.tenant(merchant.Sandbox)
	body := `{"target":"ORDER-1001","outcome":"none of them"}`
	request := func() *http.Request {
		r := httptest.NewRequest("POST", "/v1/sandbox/pay", io.NopCloser(strings.NewReader(body)))
		r.Header.Set("Authorization", "Bearer "+m.key)
		return r
	}
	b.Run("huma", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d := &discard{header: http.Header{}}
			if h.handler.ServeHTTP(d, request()); d.status != http.StatusUnprocessableEntity {
				b.Fatal(d.status)
			}
		}
	})
	b.Run("lean", func(b *testing.B) {
		a := &api{Deps: Deps{Merchants: h.merchants}, doors: map[string]invoice.Door{}}
		b.ReportAllocs()
		for b.Loop() {
			d, r := &discard{header: http.Header{}}, request()
			var c command
			_, err := a.authenticate(r, plays)
			if err == nil {
				err = c.read(r, nil)
			}
			if err == nil {
				_, _, err = sandboxFields(c.fields)
			}
			if refuse(d, r, err); d.status != http.StatusUnprocessableEntity {
				b.Fatal(d.status)
			}
		}
	})
}
