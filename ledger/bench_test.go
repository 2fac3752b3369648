package ledger_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/ledger"
	"sarraf/money"
	"sarraf/store"
)

// clients is how many callers wait for their transfers at a time.
const clients = 256

// BenchmarkTransfers measures durable transfers through group commit: all on one account, and spread over 10,000 accounts.
func BenchmarkTransfers(b *testing.B) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			url := storetest.URL(b, store.SQLite)
			if engine == store.Postgres {
				url = pgtest.Start(b, true).Database(b)
			}
			db := storetest.Open(b, url, nil)
			for _, accounts := range []int{1, 10000} {
				b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) { benchmarkTransfers(b, db, accounts) })
			}
		})
	}
}

func benchmarkTransfers(b *testing.B, db *store.DB, accounts int) {
	source := ledger.Account{Owner: "house", Currency: money.BDT, Kind: ledger.House("capital")}
	list := make([]ledger.Account, accounts)
	var opening []ledger.Command
	for i := range list {
		list[i] = ledger.Account{Owner: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, i)).String(), Currency: money.BDT, Kind: ledger.Balance}
		opening = append(opening, ledger.Command{At: time.Now(), Ops: []ledger.Op{ledger.Transfer{
			ID: newID(), From: source, To: list[i], Amount: 1 << 40, Kind: "opening", Subject: "s",
		}}})
	}
	for _, r := range apply(b, db, opening...) {
		if r.Err != nil {
			b.Fatal(r.Err)
		}
	}
	pick := func() (from, to ledger.Account) {
		if accounts == 1 {
			return ledger.Account{Owner: list[0].Owner, Currency: money.BDT, Kind: ledger.Clearing("sandbox")}, list[0]
		}
		i := rand.IntN(accounts)
		return list[i], list[(i+1+rand.IntN(accounts-1))%accounts]
	}
	batcher := newBatcher(db)
	defer batcher.Close()
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	busy := processorTime()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				from, to := pick()
				r, err := batcher.Do(ctx, from.Owner, nil, ledger.Command{At: time.Now(), Ops: []ledger.Op{ledger.Transfer{
					ID: newID(), From: from, To: to, Amount: 1, Kind: "settlement", Subject: "0197f0c4-7a5e-7cc0-8000-000000000000",
				}}})
				if err != nil || r.Err != nil {
					b.Error(err, r.Err)
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "transfers/s")
	b.ReportMetric(float64((processorTime()-busy).Microseconds())/float64(b.N), "cpu-µs/op")
}

// processorTime is what this process has used so far. Unlike the time on the wall it says something on a machine that others use too;
// a server's share is not in it.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		panic(err)
	}
	return id.String()
}

// newBatcher is group commit of ledger commands, as a node has it.
func newBatcher(db *store.DB) *store.Batcher[ledger.Command, ledger.Result] {
	return store.NewBatcher(db, "ledger", func(ctx context.Context, tx *store.Tx, list []ledger.Command) ([]store.Outcome[ledger.Result], error) {
		results, err := ledger.Apply(ctx, tx, list)
		out := make([]store.Outcome[ledger.Result], len(results))
		for i, r := range results {
			out[i].Value = r
		}
		return out, err
	})
}
