package wallet_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/money"
	"sarraf/store"
	"sarraf/wallet"
)

// benchCallers is how many wait for their transfers at a time.
const benchCallers = 256

// BenchmarkTransfers measures durable transfers between wallets through group commit: all between two of them, spread over 10,000, with a PIN
// each, and in bulks of 100.
func BenchmarkTransfers(b *testing.B) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			url, server := storetest.URL(b, store.SQLite), func() time.Duration { return 0 }
			if engine == store.Postgres {
				s := pgtest.Start(b, true)
				url, server = s.Database(b), func() time.Duration { return serverTime(s.PID()) }
			}
			db := storetest.Open(b, url, clock.System{})
			keys, err := keyring.Parse(strings.Repeat("ab", 32))
			if err != nil {
				b.Fatal(err)
			}
			s := wallet.NewService(db, event.NewLog(db), keys)
			b.Cleanup(s.Close)
			all := benchWallets(b, s, 10_000)
			for _, work := range []struct {
				name    string
				wallets []string
				bulk    int
				pin     bool
			}{{"hot", all[:2], 1, false}, {"spread", all, 1, false}, {"pin", all, 1, true}, {"bulk", all, 100, false}} {
				b.Run(work.name, func(b *testing.B) {
					benchmarkTransfers(b, s, server, work.wallets, work.bulk, work.pin)
				})
			}
		})
	}
}

// benchWallets are wallets of one merchant, with money.
func benchWallets(b *testing.B, s *wallet.Service, n int) []string {
	b.Helper()
	owners := make([]string, n)
	var wg sync.WaitGroup
	for g := range benchCallers {
		wg.Go(func() {
			for i := g; i < n; i += benchCallers {
				w, err := s.Create(b.Context(), by, wallet.New{PIN: "1234", Wallet: wallet.Wallet{
					Merchant: "m1", Kind: wallet.Merchant, Name: "Rahim Store", Number: fmt.Sprintf("+88017%08d", i), Status: wallet.Approved, Sandbox: true,
					Currencies: []money.Currency{"BDT"}, Zone: "Asia/Dhaka",
				}}, nil)
				if err == nil {
					_, err = s.TopUp(b.Context(), wallet.TopUpNew{
						ID: id.New(clock.System{}), Wallet: w.Owner, Amount: money.Of(1<<40, "BDT"), Rail: "sandbox", Reference: "1", By: wallet.Operator,
					}, nil)
				}
				if owners[i] = w.Owner; err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	r := &wallet.Rule{}
	if err := s.SetRule(b.Context(), by, "", "BDT", wallet.Payment, r); err != nil {
		b.Fatal(err)
	}
	return owners
}

func benchmarkTransfers(b *testing.B, s *wallet.Service, server func() time.Duration, wallets []string, bulk int, pin bool) {
	right := "1234"
	spend := func() wallet.Spend {
		i := rand.IntN(len(wallets))
		sp := wallet.Spend{
			ID: id.New(clock.System{}), Door: "native", Sender: wallets[i], Receiver: wallets[(i+1+rand.IntN(len(wallets)-1))%len(wallets)],
			Amount: money.Of(1, "BDT"), By: wallet.MerchantKey, Merchant: "m1",
		}
		if pin {
			sp.By, sp.PIN, sp.Once = wallet.Holder, &right, true
			sp.Note = sp.ID
			sp.Number, _ = s.NextNumber(b.Context())
		}
		return sp
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	mine, theirs := processorTime(), server()
	b.ResetTimer()
	var wg sync.WaitGroup
	callers := benchCallers
	if bulk > 1 {
		callers = 32
	}
	for range callers {
		wg.Go(func() {
			for left.Add(-int64(bulk)) > -int64(bulk) {
				if bulk == 1 {
					if _, err := s.Spend(b.Context(), spend(), nil); err != nil {
						b.Error(err)
						return
					}
					continue
				}
				list := make([]wallet.Spend, bulk)
				for i := range list {
					list[i] = spend()
				}
				out, err := s.SpendMany(b.Context(), "m1", list, nil)
				if err != nil || out[0].Sent == nil {
					b.Error(err, out)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	n := float64(b.N)
	b.ReportMetric(n/b.Elapsed().Seconds(), "transfers/s")
	b.ReportMetric(float64((processorTime()-mine).Microseconds())/n, "cpu-µs/op")
	b.ReportMetric(float64((server()-theirs).Microseconds())/n, "server-µs/op")
}

// processorTime is what this process has used so far: on a machine that others use too it tells more than the time on the wall.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// serverTime is what a database server's processes have used so far, as Linux counts it, in hundredths of a second.
func serverTime(pid int) time.Duration {
	ticks := int64(0)
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // it is gone
		}
		id, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if parent, _ := strconv.Atoi(fields[1]); parent != pid && id != pid {
			continue
		}
		for _, f := range fields[11:15] { // user, system, and both of ended children
			n, _ := strconv.ParseInt(f, 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
