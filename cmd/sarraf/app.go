package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sarraf/api"
	"sarraf/checkout"
	"sarraf/dialect/asaanbill"
	"sarraf/dialect/aspay"
	"sarraf/dialect/assanpay"
	"sarraf/dialect/deshipay"
	"sarraf/dialect/payrequest"
	"sarraf/event"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
	"sarraf/invoice"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/rail/billpay"
	"sarraf/rail/sandbox"
	walletrail "sarraf/rail/wallet"
	"sarraf/receipt"
	"sarraf/seal"
	"sarraf/store"
	"sarraf/wallet"
	"sarraf/webhook"
)

// app is the whole program over one database: the only place that names the concrete dialects, rails and engines.
type app struct {
	db        *store.DB
	keys      *keyring.Keyring
	merchants *merchant.Service
	invoices  *invoice.Service
	payments  *payment.Service
	payouts   *payout.Service
	wallets   *wallet.Service
	access    *wallet.Access // how people come in to their wallets
	receipts  *receipt.Pages
	deliverer *webhook.Worker
	sealer    *seal.Sealer
	client    *webhook.Client
	doors     []httpx.Door    // every front door with its routes, as the handler has them
	segments  map[string]bool // what the paths of the doors begin with
	hosted    []invoice.Door
	handler   http.Handler
	address   string // where it listens, once it serves
	admin     string // where metrics are, "" for nowhere
	health    *health
	metrics   *metrics
	log       *slog.Logger

	senders     []rail.Sender // the operator's own rails that send money out
	closeSender func()        // of text messages
}

// settings are what serve and demo choose differently.
type settings struct {
	publicURL string
	off       []string // doors that are switched off
	psid      string   // what PSIDs begin with, "" when none are given
	anonymous anonymous
	access    access
	senders   []rail.Sender // rails that send money out, beside the sandbox
	policy    webhook.Policy
	schedule  webhook.Schedule
	seal      ed25519.PrivateKey
}

// guesses is how many PINs a second an address may try on payers' pages, unless it is bounded more, or not at all. Many people come from one
// address of a mobile network.
const guesses = 10

// anonymous bounds those who show no key at doors that can do without: so many a second, 0 for no bound.
type anonymous struct {
	byAddress, byMerchant int
	proxies               []netip.Prefix // believed about whose request it is
}

// newApp puts the house together over an open, migrated database.
func newApp(db *store.DB, keys *keyring.Keyring, m *metrics, log *slog.Logger, s settings) (*app, error) {
	a := &app{db: db, keys: keys, log: log, metrics: m, senders: s.senders, closeSender: s.access.close}
	outbox := webhook.NewOutbox(db.Clock(), s.policy)
	outbox.Observe(m)
	a.sealer = newSealer(db, s.seal, log)
	events := event.NewLog(db, outbox, toucher{a.sealer}, m)
	a.merchants = merchant.NewService(db, events, keys)
	a.invoices = invoice.NewService(db, events)
	a.invoices.ObserveUploads(m.uploads)
	a.payments = payment.NewService(db, events)
	a.payouts = payout.NewService(payout.Deps{DB: db, Log: events, Merchants: a.merchants})
	a.payouts.ObserveBatches(m.payoutBatches)
	a.payouts.SetSenders(append([]rail.Sender{sandbox.Rail{}}, s.senders...)...)
	a.payouts.ObserveSending(m)
	for _, r := range s.senders {
		m.contrary.WithLabelValues(r.Name())
	}
	a.wallets = wallet.NewService(db, events, keys)
	a.payouts.SetWallets(a.wallets)
	a.access = wallet.NewAccess(db, a.wallets, keys, s.access.sender, db.Clock())
	a.access.Observe(m)
	if err := s.access.apply(a.access); err != nil {
		return nil, err
	}
	a.payments.SetWallets(a.wallets)
	a.payments.SetPayouts(a.payouts, a.merchants)
	if s.psid != "" {
		if err := a.invoices.SetPSIDPrefix(s.psid); err != nil {
			return nil, err
		}
	}
	rails := []rail.Collector{walletrail.New(payment.NewPurses(a.payments, a.wallets, a.merchants)), sandbox.Rail{}}

	digits, err := id.NewScrambler(keys.Derive("aspay invoice numbers"), 14)
	if err != nil {
		return nil, err
	}
	payoutDigits, err := id.NewScrambler(keys.Derive("aspay payout numbers"), 14)
	if err != nil {
		return nil, err
	}
	asp := aspay.New(aspay.Deps{
		Merchants: a.merchants, Invoices: a.invoices, Numbers: db.Numbers("aspay.invoice"), Digits: digits, PublicURL: s.publicURL,
		Clock: db.Clock(), Payouts: a.payouts, PayoutNumbers: db.Numbers("aspay.payout"), PayoutDigits: payoutDigits, Logo: checkout.LogoPath,
		Address: httpx.AddressBehind(s.anonymous.proxies),
	})
	var doors []httpx.Door
	if !off(s.off, aspay.Name) {
		doors, a.hosted = append(doors, asp.HTTP()), append(a.hosted, aspay.Door{})
	}
	suffixes, err := id.NewScrambler(keys.Derive("assanpay transaction ids"), assanpay.SuffixDigits)
	if err != nil {
		return nil, err
	}
	refused, err := httpx.NewRefusals(m.registry)
	if err != nil {
		return nil, err
	}
	a.receipts = receipt.New(receipt.Deps{
		Wallets: a.wallets, Keys: keys, PublicURL: s.publicURL, Log: log, Address: httpx.AddressBehind(s.anonymous.proxies),
		ByAddress: httpx.NewLimiter(s.anonymous.byAddress, db.Clock(), refused.WithLabelValues(receipt.Name, "address")),
	})
	ask := assanpay.New(assanpay.Deps{
		Merchants: a.merchants, Invoices: a.invoices, Payments: a.payments, Numbers: db.Numbers("assanpay.invoice"), Digits: suffixes,
		PublicURL: s.publicURL, Clock: db.Clock(), Address: httpx.AddressBehind(s.anonymous.proxies),
		ByAddress:  httpx.NewLimiter(s.anonymous.byAddress, db.Clock(), refused.WithLabelValues(assanpay.Name, "address")),
		ByMerchant: httpx.NewLimiter(s.anonymous.byMerchant, db.Clock(), refused.WithLabelValues(assanpay.Name, "merchant")),
	})
	if !off(s.off, assanpay.Name) {
		doors, a.hosted = append(doors, ask.HTTP()), append(a.hosted, assanpay.Door{})
	}
	bills := newAsaanBill(db, asaanbill.Deps{
		Merchants: a.merchants, Invoices: a.invoices, Payments: a.payments, Address: httpx.AddressBehind(s.anonymous.proxies),
	})
	if !off(s.off, asaanbill.Name) {
		doors, a.hosted = append(doors, bills.HTTP()), append(a.hosted, asaanbill.NewDoor(a.merchants))
	}
	pr := payrequest.New(payrequest.Deps{
		Merchants: a.merchants, Invoices: a.invoices, Rails: rails, Reserved: a.reserved, PublicURL: s.publicURL, Clock: db.Clock(),
	})
	if !off(s.off, payrequest.Name) {
		doors, a.hosted = append(doors, pr.HTTP()), append(a.hosted, payrequest.NewDoor(a.merchants))
	}
	banks, err := billpay.New(billpay.Deps{
		Biller: payment.NewBiller(a.payments, a.invoices, a.merchants), Channels: a.merchants, Clock: db.Clock(), Registry: m.registry,
		Address: func(r *http.Request) netip.Addr { return httpx.ClientIP(r, s.anonymous.proxies) },
	})
	if err != nil {
		return nil, err
	}
	doors = append(doors, banks.HTTP())
	for _, d := range a.hosted {
		outbox.Add(d)
	}
	native, err := api.New(api.Deps{
		Merchants: a.merchants, Invoices: a.invoices, Payments: a.payments, Events: events, Wallets: a.wallets, Payouts: a.payouts, Balances: a.standings,
		Doors: a.hosted, PublicURL: s.publicURL, Clock: db.Clock(), Address: httpx.AddressBehind(s.anonymous.proxies), Version: versionText(),
	})
	if err != nil {
		return nil, err
	}
	doors = append(doors, native, checkout.New(checkout.Deps{
		Invoices: a.invoices, Payments: a.payments, Merchants: a.merchants, Doors: a.hosted, Rails: rails, PublicURL: s.publicURL,
		AttemptKey: keys.Derive("checkout attempts"), Address: httpx.AddressBehind(s.anonymous.proxies),
		Guesses: httpx.NewLimiter(min(s.anonymous.byAddress, guesses), db.Clock(), refused.WithLabelValues("checkout", "address")),
		Receipt: a.receiptPath, Clock: db.Clock(), Log: log,
	}))
	if !off(s.off, deshipay.Name) {
		doors = append(doors, a.newDeshiPay(s, refused).HTTP())
	}
	a.health = &health{db: db, keys: keys}
	doors = append(doors, a.receipts.HTTP(), a.health.door())
	a.doors, a.segments = doors, segments(doors)
	if a.handler, err = httpx.NewMux(httpx.Options{Log: log, Registry: m.registry, Clock: db.Clock()}, doors...); err != nil {
		return nil, err
	}
	m.watch(db, a.sealer)
	m.registry.MustRegister(newDeskMetrics(db, log))
	a.client = webhook.NewClient(webhook.Options{Policy: s.policy})
	a.deliverer = webhook.NewWorker(webhook.Deps{
		DB: db, Events: events, Outbox: outbox, Client: a.client, Signer: a.merchants, Schedule: s.schedule, Observer: m, Log: log,
	})
	return a, nil
}

// standings are the owner's accounts for the native API.
func (a *app) standings(ctx context.Context, owner string) ([]api.Standing, error) {
	accounts, err := ledger.ReadAll(ctx, a.db, owner)
	list := make([]api.Standing, len(accounts))
	for i, f := range accounts {
		list[i] = api.Standing{
			Kind: f.Kind, Balance: money.Of(f.Balance(), f.Currency), Held: money.Of(f.Held, f.Currency),
			Available: money.Of(f.Available(), f.Currency),
		}
	}
	return list, err
}

// receiptPath is where a payer finds the receipt of a payment from a wallet; "" for a payment that has none.
func (a *app) receiptPath(p payment.Payment) string {
	if p.Rail != wallet.Rail || !receipt.PlausibleNumber(p.RailReference) {
		return ""
	}
	return receipt.Path(p.RailReference)
}

// segments are the first segments of the doors' paths, those that are not wildcards.
func segments(doors []httpx.Door) map[string]bool {
	all := map[string]bool{}
	for _, d := range doors {
		paths := slices.Clone(d.Prefixes)
		for _, r := range d.Routes {
			paths = append(paths, r.Pattern)
		}
		for _, p := range paths {
			first, _, _ := strings.Cut(strings.TrimLeft(p, "/"), "/")
			if first != "" && !strings.HasPrefix(first, "{") {
				all[first] = true
			}
		}
	}
	return all
}

// reserved reports whether a path of ours begins with the segment, so that a link at the root could not be reached under it.
func (a *app) reserved(segment string) bool { return a.segments[segment] }

// switchable are the front doors that --off takes.
var switchable = []string{asaanbill.Name, assanpay.Name, aspay.Name, deshipay.Name, payrequest.Name}

func off(list []string, name string) bool {
	for _, n := range list {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// work runs the workers until ctx ends, and returns when they have finished what they took. Webhooks are sent, and payouts handed to
// their rails, until sending ends, before.
func (a *app) work(ctx, sending context.Context) {
	var all sync.WaitGroup
	all.Go(func() {
		a.invoices.Expire(ctx, time.Second, func(err error) { a.log.Warn("invoices could not be expired; trying again", "error", err) })
	})
	all.Go(func() {
		a.invoices.RunUploads(ctx, time.Second, func(err error) { a.log.Warn("bills of an upload could not be made; trying again", "error", err) })
	})
	all.Go(func() {
		a.payouts.RunBatches(ctx, time.Second, func(err error) { a.log.Warn("payouts of a batch could not be made; trying again", "error", err) })
	})
	all.Go(func() {
		a.payouts.RunSender(sending, time.Second, func(err error) { a.log.Error("a payout and its rail", "error", err) })
	})
	all.Go(func() { a.deliverer.Run(sending) })
	all.Go(func() { a.sealer.Run(ctx) })
	all.Go(func() { a.prune(ctx) })
	all.Wait()
}

// keptKeys is how long the answers to idempotency keys are kept; 24 hours are promised.
const keptKeys = 48 * time.Hour

func (a *app) prune(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if err := a.db.PruneKeys(ctx, keptKeys); err != nil && ctx.Err() == nil {
			a.log.Warn("old idempotency keys could not be removed; trying again in an hour", "error", err)
		}
		if err := a.merchants.PruneFailures(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("old failures of signing in could not be removed; trying again in an hour", "error", err)
		}
		if err := a.access.Prune(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("old codes and tokens of wallets could not be removed; trying again in an hour", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// close finishes what the batchers took. The server and the workers have ended before.
func (a *app) close() error {
	a.invoices.Close()
	a.payments.Close()
	a.payouts.Close()
	a.wallets.Close()
	a.client.Close()
	closeRails(a.senders)
	a.closeSender()
	return a.db.Close()
}

// health answers whether the process is alive and whether it can do its work.
type health struct {
	db       *store.DB
	keys     *keyring.Keyring
	stopping atomic.Bool
}

// leaving has each answer close its connection once the process is stopping, so that no client sends its next request into a connection
// that is about to go.
func (h *health) leaving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.stopping.Load() {
			w.Header()["Connection"] = closeIt
		}
		next.ServeHTTP(w, r)
	})
}

var closeIt = []string{"close"}

func (h *health) door() httpx.Door {
	return httpx.Door{Name: "health", Routes: []httpx.Route{
		{Method: http.MethodGet, Pattern: "/healthz", Name: "healthz", Vital: true, Handler: http.HandlerFunc(h.alive)},
		{Method: http.MethodGet, Pattern: "/readyz", Name: "readyz", Vital: true, Handler: http.HandlerFunc(h.ready)},
	}}
}

// alive answers as long as the process lives, and proves to sarraf doctor which installation this is.
func (h *health) alive(w http.ResponseWriter, r *http.Request) {
	if answer := proveInstallation(h.keys, r.Header.Get(challengeHeader)); answer != "" {
		w.Header().Set(answerHeader, answer)
	}
	httpx.WriteRaw(w, http.StatusOK, "text/plain; charset=utf-8", []byte("alive\n"))
}

// ready is 200 when the schema is right and the database takes a write, and the process is not stopping.
func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	if h.stopping.Load() {
		httpx.WriteRaw(w, http.StatusServiceUnavailable, "text/plain; charset=utf-8", []byte("not ready: stopping\n"))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	if err := errors.Join(h.db.CheckSchema(ctx), h.db.Writable(ctx)); err != nil {
		httpx.WriteRaw(w, http.StatusServiceUnavailable, "text/plain; charset=utf-8", []byte("not ready: the database cannot be written\n"))
		return
	}
	httpx.WriteRaw(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ready\n"))
}
