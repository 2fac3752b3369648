package aspay

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"

	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

// discard is an answer that nobody reads.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

func benchmark(b *testing.B, fn func(b *testing.B, s shop)) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			c := clock.NewFake(began)
			h := newHouse(b, storetest.Open(b, storetest.URL(b, engine), c), c)
			fn(b, h.shop(b, merchant.Admin))
		})
	}
}

// serve answers a request and fails when it is not 200.
func (s shop) serve(b *testing.B, d *discard, r *http.Request) {
	clear(d.header)
	r.Header["X-Api-Key"], r.Header["X-Api-Secret"] = []string{s.key}, []string{s.secret}
	if s.house.Mux.ServeHTTP(d, r); d.status != http.StatusOK {
		b.Fatal(d.status)
	}
}

func BenchmarkStatus(b *testing.B) {
	benchmark(b, func(b *testing.B, s shop) {
		asked := httptest.NewRequest(http.MethodGet, "/api/payment/"+s.create(b, nil), nil)
		b.ReportAllocs()
		b.SetParallelism(64)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			d := &discard{header: http.Header{}}
			for pb.Next() {
				r := *asked
				r.Header = http.Header{}
				s.serve(b, d, &r)
			}
		})
	})
}

func BenchmarkCreate(b *testing.B) {
	benchmark(b, func(b *testing.B, s shop) {
		var n atomic.Int64
		b.ReportAllocs()
		b.SetParallelism(64)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if w := s.ask("POST", "/api/payment/create", body(map[string]any{fieldReference: strconv.FormatInt(n.Add(1), 10)})); w.Code != http.StatusOK {
					b.Error(w.Code, w.Body)
					return
				}
			}
		})
	})
}

// What of a status is not the core's: the encoding of the answer.
func BenchmarkStatusEncoding(b *testing.B) {
	inv := invoice.Invoice{Number: "ATINV17038392001234", Status: invoice.Paid, Paid: 10050, Currency: money.BDT, PaidAt: began}
	d := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(d.header)
		httpx.WriteJSON(d, http.StatusOK, standingOf(inv))
	}
}
