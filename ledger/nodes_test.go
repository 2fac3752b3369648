package ledger_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarraf/fault"
	"sarraf/internal/audit"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/ledger"
	"sarraf/money"
	"sarraf/store"
)

// Two nodes move money between the same few accounts in every direction at once, some of them new when it begins: nothing is lost,
// nobody falls below a floor, and nobody gets stuck.
func TestTwoNodesMoveTheSameMoney(t *testing.T) {
	url := pgtest.Database(t)
	dbs := []*store.DB{storetest.Open(t, url, nil), storetest.Open(t, url, nil)}
	nodes := []*store.Batcher[ledger.Command, ledger.Result]{newBatcher(dbs[0]), newBatcher(dbs[1])}
	var accounts []ledger.Account
	for _, owner := range []string{"a", "b", "c"} {
		for _, kind := range []string{ledger.Balance, ledger.Wallet} {
			accounts = append(accounts, ledger.Account{Owner: owner, Currency: money.BDT, Kind: kind})
		}
	}
	const callers, each = 32, 60
	var accepted, refused, entries atomic.Int64
	var wg sync.WaitGroup
	for g := range callers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(g)))
			for n := range each {
				c, moves := nodesCommand(r, accounts, fmt.Sprintf("%d-%d", g, n))
				result, err := nodes[(g+n)%2].Do(ctx, "", nil, c)
				switch {
				case err != nil:
					t.Errorf("%+v: %v", c, err)
				case result.Err == nil:
					accepted.Add(1)
					entries.Add(2 * moves)
				case fault.Has(result.Err, fault.BalanceInsufficient):
					refused.Add(1)
				default:
					t.Errorf("%+v: %v", c, result.Err)
				}
			}
		})
	}
	wg.Wait()
	for _, n := range nodes {
		n.Close()
	}
	if accepted.Load() == 0 || refused.Load() == 0 {
		t.Fatalf("%d commands were accepted and %d refused: the test shows nothing", accepted.Load(), refused.Load())
	}
	var sum, count int64
	for _, owner := range []string{"a", "b", "c", "house"} {
		figures, err := ledger.ReadAll(ctx, dbs[0], owner)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range figures {
			sum += f.Balance()
			count += f.Entries
			if f.Owner != "house" && f.Available() < 0 {
				t.Errorf("%v has %d available", f.Account, f.Available())
			}
		}
	}
	if sum != 0 || count != entries.Load() {
		t.Errorf("the balances add up to %d, and there are %d entries, want %d", sum, count, entries.Load())
	}
	err := dbs[0].Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		return ledger.Audit(ctx, tx, time.Now(), func(f audit.Finding) { t.Error(f) })
	})
	if err != nil {
		t.Fatal(err)
	}
}

// nodesCommand is a random command and how many transfers it makes.
func nodesCommand(r *rand.Rand, accounts []ledger.Account, id string) (ledger.Command, int64) {
	i := r.IntN(len(accounts))
	from, to := accounts[i], accounts[(i+1+r.IntN(len(accounts)-1))%len(accounts)]
	amount := 1 + r.Int64N(100)
	c := ledger.Command{At: time.Now()}
	switch what := r.IntN(10); {
	case what < 2:
		house := ledger.Account{Owner: "house", Currency: money.BDT, Kind: ledger.House(fmt.Sprint(r.IntN(20)))}
		c.Ops = []ledger.Op{ledger.Transfer{ID: id, From: house, To: from, Amount: amount, Kind: "top_up", Subject: id}}
		return c, 1
	case what < 6:
		c.Ops = []ledger.Op{ledger.Transfer{ID: id, From: from, To: to, Amount: amount, Kind: "test", Subject: id}}
		return c, 1
	case what < 8: // there and back
		c.Ops = []ledger.Op{
			ledger.Transfer{ID: id, From: from, To: to, Amount: amount, Kind: "test", Subject: id},
			ledger.Transfer{ID: id + "b", From: to, To: from, Amount: 1, Kind: "test", Subject: id},
		}
		return c, 2
	default:
		c.Ops = []ledger.Op{
			ledger.Hold{ID: id, From: from, To: to, Amount: amount, Kind: "test", Subject: id},
			ledger.Post{Owner: from.Owner, Hold: id, Transfer: id + "p"},
		}
		return c, 1
	}
}

// The same commands sent to two nodes at once are carried out once, and both callers get the same answer.
func TestSameCommandOnTwoNodesIsCarriedOutOnce(t *testing.T) {
	url := pgtest.Database(t)
	dbs := []*store.DB{storetest.Open(t, url, nil), storetest.Open(t, url, nil)}
	house := ledger.Account{Owner: "house", Currency: money.BDT, Kind: ledger.House("capital")}
	wallet := ledger.Account{Owner: "w", Currency: money.BDT, Kind: ledger.Wallet}
	for n := range int64(20) {
		c := ledger.Command{At: began, Ops: []ledger.Op{ledger.Transfer{
			ID: fmt.Sprint(n), From: house, To: wallet, Amount: 7, Kind: "top_up", Subject: "s",
		}}}
		var results [2]ledger.Result
		var wg sync.WaitGroup
		for i, db := range dbs {
			wg.Go(func() { results[i] = apply(t, db, c)[0] })
		}
		wg.Wait()
		if results[0].Err != nil || results[1].Err != nil || results[0].Exists == results[1].Exists {
			t.Fatalf("transfer %d: %+v", n, results)
		}
		for _, r := range results {
			if want := (ledger.After{From: -7 * (n + 1), To: 7 * (n + 1)}); r.After[0] != want {
				t.Fatalf("transfer %d left %+v, want %+v", n, r.After[0], want)
			}
		}
	}
}
