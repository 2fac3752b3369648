package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"sarraf/internal/clock"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/store"
	"sarraf/wallet"
)

// BenchmarkTransfers is bare transfers between shops' wallets without the network, 256 at once: all from one wallet, between a thousand,
// and in bulks of a hundred. An operation is a call.
func BenchmarkTransfers(b *testing.B) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		c := clock.System{}
		h := newHouse(b, storetest.Open(b, storetest.URL(b, engine), c), c)
		m := h.tenant(merchant.Sandbox)
		free := wallet.Rule{}
		if err := h.wallets.SetRule(b.Context(), tester, "", "BDT", wallet.Payment, &free); err != nil {
			b.Fatal(err)
		}
		wallets := make([]string, 1000)
		for i := range wallets {
			wallets[i] = h.till(m, "")
			if i < 2 || i%10 == 0 {
				h.fill(wallets[i], "1000000000")
			}
		}
		hot := func(int64) string { return send(wallets[0], wallets[1], "0.01", "") }
		spread := func(i int64) string {
			from := i * 10 % 1000
			return send(wallets[from], wallets[(from+1+i/100*7)%1000], "0.01", "")
		}
		bulk := func(i int64) string {
			lines := make([]string, 100)
			for n := range lines {
				lines[n] = spread(i*100 + int64(n))
			}
			return `{"transfers":[` + strings.Join(lines, ",") + `]}`
		}
		for name, v := range map[string]struct {
			path string
			size int
			body func(int64) string
		}{"hot": {"/v1/transfers", 1, hot}, "spread": {"/v1/transfers", 1, spread}, "bulks": {"/v1/transfers/bulk", 100, bulk}} {
			b.Run(fmt.Sprintf("%s/%s", engine, name), func(b *testing.B) {
				bodies := make([]string, 1000)
				for i := range bodies {
					bodies[i] = v.body(int64(i))
				}
				var next atomic.Int64
				b.ReportAllocs()
				b.SetParallelism(128)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						r := httptest.NewRequest(http.MethodPost, v.path, strings.NewReader(bodies[next.Add(1)%1000]))
						r.Header.Set("Authorization", "Bearer "+m.key)
						d := &discard{header: http.Header{}}
						if h.handler.ServeHTTP(d, r); d.status != http.StatusOK {
							b.Error(d.status)
							return
						}
					}
				})
				b.ReportMetric(float64(b.N*v.size)/b.Elapsed().Seconds(), "transfers/s")
			})
		}
	}
}
