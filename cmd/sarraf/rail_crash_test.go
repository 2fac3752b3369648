package main

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/clock"
	"sarraf/internal/crashtest"
	"sarraf/internal/id"
	"sarraf/internal/storetest"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/rail/railtest"
	"sarraf/store"
)

// vault is a live merchant whose money goes out over a service that outlives the program. The bank behind it dedupes nothing: what arrives twice
// moves twice, and is counted.
type vault struct {
	t      *testing.T
	db     *store.DB
	bank   *railtest.Bank
	node   *crashtest.Node
	pays   *payout.Service
	method payout.Method
	asked  []payout.Payout

	mu      sync.Mutex
	random  *rand.Rand
	honest  bool           // the bank answers everything, and at once
	refused map[string]int // how often it said that it did nothing
}

const (
	vaultOpening = 100_000_000_00
	vaultBatch   = 40 // payouts that are asked for before each start
	vaultLeast   = 8  // orders that arrive before a kill
	vaultAmount  = 100_00
	vaultFee     = 5_00

	// vaultPatience is how long the last payouts may take. An inquiry that is lost is made again after twice the time.
	vaultPatience = 10 * time.Minute
)

var vaultActor = merchant.Actor{Name: "test", Source: "test"}

func newVault(t *testing.T, engine store.Engine, p *crashtest.Plan) (*vault, string) {
	t.Helper()
	s, dsn := fresh(), storetest.URL(t, engine)
	environment := []string{"SARRAF_KEY=" + s.Key, "SARRAF_SEAL_KEY=" + s.SealKey, "SARRAF_RAIL_FASTPAY_TOKEN=" + railToken, "SARRAF_RAIL_FASTPAY_SECRET=" + railSigning}
	if out, err := crashtest.Run(t, environment, "migrate", "--database", dsn); err != nil {
		t.Fatal(out, err)
	}
	v := &vault{t: t, bank: railtest.NewBank("fastpay", time.Minute), random: p.Random(7), refused: map[string]int{}}
	v.bank.OnSend, v.bank.OnInquire = v.act, func(rail.Order, int) railtest.Act { return v.askedAbout() }
	service := httptest.NewServer(railtest.Service{Bank: v.bank, Token: railToken})
	service.Config.ErrorLog = nil
	t.Cleanup(service.Close)
	keys, _, err := s.keys()
	if err != nil {
		t.Fatal(err)
	}
	if v.db, err = store.Open(t.Context(), dsn, store.Options{}); err != nil {
		t.Fatal(err)
	}
	log := event.NewLog(v.db)
	merchants := merchant.NewService(v.db, log, keys)
	v.pays = payout.NewService(payout.Deps{DB: v.db, Log: log, Merchants: merchants})
	v.pays.SetSenders(v.bank) // by name; it is the program that sends
	t.Cleanup(func() { v.pays.Close(); _ = v.db.Close() })
	m, err := merchants.Create(t.Context(), vaultActor, merchant.Merchant{Name: "Padma Books", Mode: merchant.Live, Currencies: []money.Currency{"BDT"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := merchants.Fund(t.Context(), vaultActor, m.Owner, "opening", money.Of(vaultOpening, "BDT")); err != nil {
		t.Fatal(err)
	}
	v.method, err = v.pays.SetMethod(t.Context(), vaultActor, payout.Method{Owner: m.Owner, Kind: "bkash", Fee: money.Schedule{Flat: vaultFee}, Rail: "fastpay"})
	if err != nil {
		t.Fatal(err)
	}
	v.node = crashtest.Serve(t, dsn, environment, "--payout-rail", "fastpay="+service.URL, "--payout-rail-limit", "1s")
	return v, dsn
}

// act is what the bank does with an order: as a rule it moves the money, a little later.
func (v *vault) act(o rail.Order, _ int) railtest.Act {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.honest {
		return railtest.Act{}
	}
	later := make(chan struct{})
	time.AfterFunc(time.Duration(v.random.Int64N(int64(30*time.Millisecond))), func() { close(later) })
	act := railtest.Act{Hold: later}
	switch v.random.IntN(20) {
	case 0:
		act.Silent = true
	case 1:
		act.Lost = true
	case 2, 3:
		act.Outcome = rail.Declined
	case 4:
		act.Outcome = rail.Taken
		time.AfterFunc(time.Second, func() { v.bank.Settle(o.ID, rail.Accepted) })
	case 5:
		act.Outcome = rail.Retryable
		v.refused[o.ID]++
	}
	return act
}

func (v *vault) askedAbout() railtest.Act {
	v.mu.Lock()
	defer v.mu.Unlock()
	return railtest.Act{Lost: !v.honest && v.random.IntN(4) == 0}
}

// ask asks for a batch of payouts.
func (v *vault) ask() {
	v.t.Helper()
	for range vaultBatch {
		p, err := v.pays.Request(v.t.Context(), payout.New{
			Owner: v.method.Owner, ID: id.New(clock.System{}), Door: "native", Method: v.method.Number, Amount: money.Of(vaultAmount, "BDT"), RecipientName: "Rahim",
			Account: "01712345678", AskedBy: vaultActor,
		}, nil)
		if err != nil {
			v.t.Fatal(err)
		}
		v.asked = append(v.asked, p)
	}
}

// arrived is how many orders have arrived, and how many were moved more than once.
func (v *vault) arrived() (n, twice int) {
	for _, p := range v.asked {
		if v.bank.Arrivals(p.ID) > 0 {
			n++
		}
		if v.bank.Moved(p.ID) > 1 {
			twice++
		}
	}
	return n, twice
}

// now is the payout as it stands.
func (v *vault) now(p payout.Payout) payout.Payout {
	v.t.Helper()
	p, err := v.pays.Get(v.t.Context(), p.Merchant, p.ID)
	if err != nil {
		v.t.Fatal(err)
	}
	return p
}

// settled reports whether the payout is what its bank says. An order that the bank never got is unknown for good once the bank has said so.
func (v *vault) settled(p payout.Payout) bool {
	switch v.bank.State(p.ID) {
	case rail.Accepted:
		return v.now(p).Status == payout.Completed
	case rail.Declined:
		return v.now(p).Status == payout.Rejected
	case "":
		return v.now(p).Status == payout.Unknown && v.bank.Asked(p.ID) > 0
	}
	return false
}

// finish has the bank answer everything, waits until each payout is what the bank says, and holds the books against it.
func (v *vault) finish() (unknown int) {
	v.t.Helper()
	v.mu.Lock()
	v.honest = true
	v.mu.Unlock()
	open, deadline := v.asked, time.Now().Add(vaultPatience)
	for {
		var rest []payout.Payout
		for _, p := range open {
			if !v.settled(p) {
				rest = append(rest, p)
			}
		}
		if open = rest; len(open) == 0 {
			break
		}
		if time.Now().After(deadline) {
			v.t.Fatalf("after %v %d payouts are not what their bank says, the first is %+v, and the bank says %q", vaultPatience, len(open), v.now(open[0]),
				v.bank.State(open[0].ID))
		}
		<-time.After(200 * time.Millisecond) // rails are asked 10 seconds after a silence at the earliest
	}
	completed := int64(0)
	for _, p := range v.asked {
		now, moved := v.now(p), v.bank.Moved(p.ID)
		switch {
		case now.Status == payout.Completed && moved == 1:
			completed++
		case now.Status == payout.Rejected && moved == 0:
		case now.Status == payout.Unknown && moved == 0:
			unknown++
		default:
			v.t.Errorf("payout %s is %s, and was moved %d times", p.ID, now.Status, moved)
		}
		if n := v.bank.Arrivals(p.ID) - v.refused[p.ID]; n > 1 {
			v.t.Errorf("payout %s arrived %d times, but for those that the bank turned away", p.ID, n)
		}
	}
	total := int64(vaultAmount + vaultFee)
	for kind, want := range map[string]int64{
		ledger.Balance: vaultOpening - completed*total, ledger.Payouts: completed * vaultAmount, ledger.Fees: completed * vaultFee,
	} {
		f, err := ledger.Read(v.t.Context(), v.db, ledger.Account{Owner: v.method.Owner, Currency: "BDT", Kind: kind})
		if err != nil || f.Balance() != want || kind == ledger.Balance && f.Held != int64(unknown)*total {
			v.t.Errorf("%s is %d with %d held, want %d, after %d payouts that were completed and %d that are not known: %v", kind, f.Balance(), f.Held, want,
				completed, unknown, err)
		}
	}
	return unknown
}

func TestAKilledProgramPaysNobodyTwiceAndForgetsNobody(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			p := crashtest.NewPlan(t)
			v, dsn := newVault(t, engine, p)
			cut := 0
			p.Each(t, func(cycle int) {
				random := p.Random(100 + cycle)
				v.ask()
				before, _ := v.arrived()
				v.node.Start(t)
				waitFor(t, "orders", func() bool {
					n, _ := v.arrived()
					return n >= before+vaultLeast || t.Failed()
				})
				<-time.After(time.Duration(random.Int64N(int64(40 * time.Millisecond)))) // anywhere in what is going on
				under, _ := v.bank.Under()
				v.node.Kill()
				if under > 0 {
					cut++
				}
				if _, twice := v.arrived(); twice > 0 {
					t.Errorf("%d payouts were moved more than once", twice)
				}
				crashtest.Audit(t, dsn) // the dead one, before anybody could mend it
			})
			if cut == 0 {
				t.Error("no order was under way when the program was killed")
			}
			v.node.Start(t)
			unknown := v.finish()
			v.node.Stop(t)
			crashtest.Audit(t, dsn)
			t.Logf("%d payouts, %d of them unknown for good; orders were under way in %d kills", len(v.asked), unknown, cut)
			if t.Failed() {
				t.Log(fmt.Sprint("the program said: ", lastLines(v.node.Logs(), 20)))
			}
		})
	}
}

// lastLines are the last lines of a log.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
