package payment_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
	"sarraf/store"
	"sarraf/webhook"
)

// payers is how many wait for their payments at a time.
const payers = 256

// tellingDoor has a delivery made of each paid invoice.
type tellingDoor struct{}

func (tellingDoor) Name() string            { return "aspay" }
func (tellingDoor) Wants(t event.Type) bool { return t == invoice.EventPaid }
func (tellingDoor) Webhook(event.Event) (event.Message, error) {
	return event.Message{}, errors.New("nothing is sent here")
}
func (tellingDoor) Acknowledged(int, []byte) bool { return false }
func (tellingDoor) Timeout() time.Duration        { return time.Second }

// BenchmarkSettledPayments measures whole payments of one merchant, durable and in process: an invoice made, then paid, with its
// fee (4 entries), both events and a delivery row.
func BenchmarkSettledPayments(b *testing.B) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			url := storetest.URL(b, store.SQLite)
			if engine == store.Postgres {
				url = pgtest.Start(b, true).Database(b)
			}
			benchmarkSettled(b, storetest.Open(b, url, nil))
		})
	}
}

func benchmarkSettled(b *testing.B, db *store.DB) {
	outbox := webhook.NewOutbox(db.Clock(), webhook.Policy{})
	outbox.Add(tellingDoor{})
	log := event.NewLog(db, outbox)
	keys, err := keyring.Parse("0707070707070707070707070707070707070707070707070707070707070707")
	if err != nil {
		b.Fatal(err)
	}
	merchants, invoices, payments := merchant.NewService(db, log, keys), invoice.NewService(db, log), payment.NewService(db, log)
	defer invoices.Close()
	defer payments.Close()
	m, err := merchants.Create(ctx, by, merchant.Merchant{Name: "Shop", Mode: merchant.Sandbox, Currencies: []money.Currency{money.BDT}})
	if err != nil {
		b.Fatal(err)
	}
	k := merchant.FeeKey{Owner: m.Owner, Rail: "sandbox", Currency: money.BDT}
	if err := merchants.SetFee(ctx, by, k, money.Schedule{Flat: 10, PPM: 18500}); err != nil {
		b.Fatal(err)
	}
	var next atomic.Int64
	c := clock.System{}
	b.ResetTimer()
	began := time.Now()
	var wg sync.WaitGroup
	for range payers {
		wg.Go(func() {
			for next.Add(1) <= int64(b.N) {
				key := id.New(c)
				_, err := invoices.Create(ctx, invoice.Invoice{
					Owner: m.Owner, ID: key, Door: "aspay", Number: "ATINV" + key, Token: id.Token(24), Reference: key[:20], PayerName: "John Doe",
					Amount: 100000, Currency: money.BDT, ReturnURL: "https://shop.example/callback", WebhookURL: "https://shop.example/callback",
					ExpiresAt: c.Now().Add(time.Hour),
				}, nil)
				if err == nil {
					_, err = payments.Settle(ctx, payment.Receipt{
						ID: id.New(c), Owner: m.Owner, Invoice: key, Rail: "sandbox", RailReference: id.New(c), Amount: money.Of(100000, money.BDT),
						Outcome: rail.Accepted,
					}, nil)
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "payments/s")
}
