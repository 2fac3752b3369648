package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/crashtest"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

// Requests for payouts that are cut off set their money aside once or not at all, and whoever asks again is told which.
func TestAKilledProgramSetsAsideWhatIsPaidOutOnce(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			p, dsn := crashtest.NewPlan(t), storetest.URL(t, engine)
			node := crashtest.Demo(t, dsn, t.TempDir())
			node.Start(t)
			enrich(t, dsn)
			payouts := crashtest.NewPayouts(t, lineOf(t, node.Printed), p, node)
			var cut int64
			p.Each(t, func(cycle int) {
				random := p.Random(100 + cycle)
				load := payouts.Start(t, fmt.Sprint(cycle), random)
				load.Await(writesLeast + random.Int64N(writesLeast))
				<-time.After(time.Duration(random.Int64N(int64(20 * time.Millisecond)))) // anywhere in what is going on
				load.Kill(node.Kill)
				load.End()
				cut += load.Cut()
				crashtest.Audit(t, dsn) // the dead one, before anybody could mend it
				node.Start(t)
				payouts.Check(t)
				crashtest.Audit(t, dsn)
			})
			if cut == 0 {
				t.Error("no request was under way when the program was killed")
			}
			node.Stop(t)
		})
	}
}

// enrich gives the merchant of a running demo more taka than any load pays out.
func enrich(t *testing.T, dsn string) {
	t.Helper()
	db, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	merchants := merchant.NewService(db, event.NewLog(db), nil)
	list, err := merchants.List(t.Context())
	if err == nil {
		err = merchants.Fund(t.Context(), worldActor, list[0].Owner, "rich", money.Of(1_000_000_000_00, money.BDT))
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}
