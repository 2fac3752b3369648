package main

import (
	"fmt"
	"testing"
	"time"

	"sarraf/internal/crashtest"
	"sarraf/internal/storetest"
	"sarraf/store"
)

func TestAKilledProgramPaysOutNothingTwiceOrInVain(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			p, dsn := crashtest.NewPlan(t), storetest.URL(t, engine)
			node := crashtest.Demo(t, dsn, t.TempDir())
			node.Start(t)
			outgoings := crashtest.NewOutgoings(t, lineOf(t, node.Printed), p, node)
			var cut int64
			p.Each(t, func(cycle int) {
				random := p.Random(100 + cycle)
				load := outgoings.Start(t, fmt.Sprint(cycle), random)
				load.Await(writesLeast + random.Int64N(writesLeast))
				<-time.After(time.Duration(random.Int64N(int64(20 * time.Millisecond)))) // anywhere in what is going on
				load.Kill(node.Kill)
				load.End()
				cut += load.Cut()
				crashtest.Audit(t, dsn) // the dead one, before anybody could mend it
				node.Start(t)
				outgoings.Check(t)
				crashtest.Audit(t, dsn)
			})
			if cut == 0 {
				t.Error("no write was under way when the program was killed")
			}
			node.Stop(t)
		})
	}
}
