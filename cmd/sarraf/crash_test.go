package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sarraf/dialect/deshipay"
	"sarraf/internal/crashtest"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/store"
)

// writesLeast is how many writes are acknowledged, at the least, before something is killed.
const writesLeast = 200

// invoicing are the switchable front doors at which invoices are made.
var invoicing = slices.DeleteFunc(slices.Clone(switchable), func(door string) bool { return door == deshipay.Name })

// demoHouse is a demo on the database, ready, as a client knows it.
func demoHouse(t *testing.T, dsn string, p *crashtest.Plan) (*crashtest.House, *crashtest.Node) {
	t.Helper()
	node := crashtest.Demo(t, dsn, t.TempDir())
	node.Start(t)
	return crashtest.NewHouse(t, lineOf(t, node.Printed), invoicing, p, node), node
}

func lineOf(t *testing.T, text string) (line crashtest.Line) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return line
}

// underLoad runs a load until a moment that chance chooses, when enough is acknowledged and a webhook is under way, and kills then.
func underLoad(t *testing.T, h *crashtest.House, cycle int, random *rand.Rand, kill func()) (*crashtest.Load, int64) {
	t.Helper()
	h.Sink.Hold()
	load := h.Start(t, fmt.Sprint(cycle), random)
	load.Await(writesLeast + random.Int64N(writesLeast))
	h.Sink.AwaitHeld(t)
	<-time.After(time.Duration(random.Int64N(int64(20 * time.Millisecond)))) // anywhere in what is going on
	acks := load.Acks()
	inFlight := load.Kill(kill)
	if acks < writesLeast {
		t.Errorf("only %d writes were acknowledged before the kill", acks)
	}
	return load, inFlight
}

func TestAKilledProgramLosesAndDoublesNothing(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			p, dsn := crashtest.NewPlan(t), storetest.URL(t, engine)
			h, node := demoHouse(t, dsn, p)
			line := node.Printed
			p.Each(t, func(cycle int) {
				load, _ := underLoad(t, h, cycle, p.Random(100+cycle), node.Kill)
				load.End()
				if load.Cut() == 0 {
					t.Error("no write was in flight when the program was killed")
				}
				crashtest.Audit(t, dsn) // the dead one, before anybody could mend it
				if node.Start(t); node.Printed != line {
					t.Fatalf("after the restart the demo is another: %s", node.Printed)
				}
				h.Check(t, load.Bills())
				crashtest.Audit(t, dsn)
			})
			h.Sink.Release(false)
			h.Finish(t)
			if h.Sink.Cut() == 0 {
				t.Error("no webhook was under way when the program was killed")
			}
			node.Stop(t)
			crashtest.Audit(t, dsn)
		})
	}
}

func TestAProgramOutlivesItsDatabaseBeingKilled(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, true)
	p, dsn := crashtest.NewPlan(t), server.Database(t)
	h, node := demoHouse(t, dsn, p)
	p.Each(t, func(cycle int) {
		random := p.Random(100 + cycle)
		kill, mend := server.Kill, server.Run
		var killed error
		if random.IntN(3) == 0 { // one of its processes: the others break every connection, and it mends itself
			kill = func() { killed = server.KillWorker("sarraf write") }
			mend = func() error { return killed }
		}
		load, inFlight := underLoad(t, h, cycle, random, kill)
		if inFlight == 0 {
			t.Error("no write was in flight when the database was killed")
		}
		h.Sink.Release(true)
		// Some find a database that is gone, some one that comes back under them.
		early := random.IntN(2) == 0
		if !early {
			load.End()
		}
		if err := mend(); err != nil {
			t.Fatal(err)
		}
		if early {
			load.End()
		}
		node.Ready(t)
		h.Check(t, load.Bills())
		crashtest.Audit(t, dsn)
	})
	h.Finish(t)
	if h.Sink.Cut() == 0 {
		t.Error("no webhook was under way when the database was killed")
	}
	node.Stop(t)
	crashtest.Audit(t, dsn)
}

// A demo that is killed at any moment of its first start - migrating, making its merchant, writing its file - starts the next time.
func TestAFirstStartThatIsKilledDoesNotSpoilTheDatabase(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			p := crashtest.NewPlan(t)
			random := p.Random(0)
			crashtest.Binary(t) // not part of what is timed
			whole := crashtest.Demo(t, storetest.URL(t, engine), t.TempDir())
			began := time.Now()
			whole.Start(t)
			took := time.Since(began)
			whole.Kill()
			p.Each(t, func(int) {
				dsn := storetest.URL(t, engine)
				node := crashtest.Demo(t, dsn, t.TempDir())
				for range 3 {
					node.Launch(t)
					<-time.After(time.Duration(random.Int64N(int64(took))))
					node.Kill()
				}
				node.Start(t)
				if line := lineOf(t, node.Printed); len(line.Drivers(invoicing)) != len(invoicing) || len(line.Holders()) != 3 {
					t.Fatalf("a front door has no credentials: %s", node.Printed)
				}
				node.Stop(t)
				crashtest.Audit(t, dsn)
			})
		})
	}
}

// A front door without a driver would be left out of all of this.
func TestEveryDoorHasADriver(t *testing.T) {
	d := startDemo(t, storetest.URL(t, store.SQLite))
	text, err := json.Marshal(d.line)
	if err != nil {
		t.Fatal(err)
	}
	driven := map[string]bool{}
	for _, driver := range lineOf(t, string(text)).Drivers(invoicing) {
		driven[driver.Door] = true
	}
	for _, door := range d.app.doors {
		switch door.Name {
		case "checkout", "health", "native", "billpay", // pages, no invoices; the payer and the reader of every load; how banks pay, and no maker
			deshipay.Name, "receipt": // wallets, with a driver of their own; what they sent, on paper
			continue
		}
		if !driven[door.Name] {
			t.Errorf("%s has no driver in internal/crashtest, no credentials in the demo's line, or is not among the switchable", door.Name)
		}
	}
}
