package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/clock"
	"sarraf/internal/crashtest"
	"sarraf/internal/id"
	"sarraf/internal/storetest"
	"sarraf/money"
	"sarraf/store"
	"sarraf/wallet"
)

// till is a shop whose payers have wallets, at a program that is killed.
type till struct {
	node    *crashtest.Node
	keys    demoKeyPair
	wallets []wallet.Wallet
	service *wallet.Service

	mu    sync.Mutex
	forms []*slip
	acked int64
	down  bool
}

// slip is a form that was sent at least once.
type slip struct {
	reference, page string
	payer           int
	fields          url.Values
	acked           bool // the payer was told that it is paid
}

const (
	tillPrice  = 10_00
	tillPurse  = 100_000_00
	tillPayers = 8
	tillLeast  = 40 // payments before a kill
)

func newTill(t *testing.T, engine store.Engine) (*till, string) {
	t.Helper()
	s, dsn := fresh(), storetest.URL(t, engine)
	secrets := []string{"SARRAF_KEY=" + s.Key, "SARRAF_SEAL_KEY=" + s.SealKey}
	do := func(args ...string) string {
		out, err := crashtest.Run(t, secrets, append(args, "--database", dsn)...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	do("migrate")
	x := &till{}
	for line := range strings.Lines(do("merchant", "key", do("merchant", "create", "Padma Books", "--currencies", "BDT"), "aspay")) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ": "); name {
		case "api_key":
			x.keys.APIKey = value
		case "api_secret":
			x.keys.APISecret = value
		}
	}
	keys, _, err := s.keys()
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x.service = wallet.NewService(db, event.NewLog(db), keys)
	t.Cleanup(func() { x.service.Close(); _ = db.Close() })
	for i := range tillPayers {
		w, err := x.service.Create(t.Context(), purseActor, wallet.New{PIN: "8371", Wallet: wallet.Wallet{
			Kind: wallet.Consumer, Name: "Rahim", Number: fmt.Sprintf("+880171234567%d", i), Status: wallet.Approved, Sandbox: true, Zone: "Asia/Dhaka",
			Currencies: []money.Currency{"BDT"},
		}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = x.service.TopUp(t.Context(), wallet.TopUpNew{
			ID: id.New(clock.System{}), Door: "command", Wallet: w.Owner, Amount: money.Of(tillPurse, "BDT"), Rail: wallet.OperatorRail, Reference: "start",
			By: wallet.Operator,
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		x.wallets = append(x.wallets, w)
	}
	x.node = crashtest.Serve(t, dsn, secrets, "--anonymous-per-address", "0")
	return x, dsn
}

// ask is one call of a client; an error is a program that is gone.
func (x *till) ask(method, path, kind, body string) (status int, text string, err error) {
	req, err := http.NewRequest(method, x.node.URL()+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("X-Api-Key", x.keys.APIKey)
	req.Header.Set("X-Api-Secret", x.keys.APISecret)
	client := http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// send posts a slip's form and notes whether its payer was told that it is paid.
func (x *till) send(s *slip, pin string) (status int, err error) {
	fields := maps.Clone(s.fields)
	fields.Set("pin", pin)
	status, _, err = x.ask(http.MethodPost, s.page, "application/x-www-form-urlencoded", fields.Encode())
	if err == nil && status == http.StatusSeeOther {
		x.mu.Lock()
		defer x.mu.Unlock()
		if !s.acked {
			s.acked = true
			x.acked++
		}
	}
	return status, err
}

// payer is one payer at the shop, until the program is gone. Now and then they mistype their PIN, or click twice.
func (x *till) payer(t *testing.T, n int, random *rand.Rand) {
	for {
		reference := fmt.Sprintf("T%d-%s", n, id.Token(9))
		status, text, err := x.ask(http.MethodPost, "/api/payment/create", "application/json", fmt.Sprintf(
			`{"amount":"10.00","customer_name":"Rahim","transaction_reference":%q,"callback_url":"https://shop.example/back"}`, reference))
		if x.gone(t, status, err, http.StatusOK) {
			return
		}
		var made struct {
			Page string `json:"payment_url"`
		}
		if err := json.Unmarshal([]byte(text), &made); err != nil {
			t.Errorf("%s: %v", text, err)
			return
		}
		u, err := url.Parse(made.Page)
		if err != nil {
			t.Error(err)
			return
		}
		status, text, err = x.ask(http.MethodGet, u.Path+"?way=wallet", "", "")
		if x.gone(t, status, err, http.StatusOK) {
			return
		}
		s := &slip{reference: reference, page: u.Path, payer: n, fields: url.Values{
			"action": {"pay:wallet"}, "attempt": {attemptOn(t, reply{status: status, text: text})}, "mobile_number": {x.wallets[n].Number},
		}}
		x.mu.Lock()
		x.forms = append(x.forms, s)
		x.mu.Unlock()
		if random.IntN(4) == 0 {
			if status, err := x.send(s, "0000"); x.gone(t, status, err, http.StatusUnprocessableEntity) {
				return
			}
		}
		var clicks sync.WaitGroup
		for range 1 + random.IntN(2) {
			clicks.Go(func() {
				status, err := x.send(s, "8371")
				x.gone(t, status, err, http.StatusSeeOther)
			})
		}
		clicks.Wait()
	}
}

// gone reports whether the program did not answer, which it may only once it was killed; any answer but the one that is wanted is a mistake.
func (x *till) gone(t *testing.T, status int, err error, want int) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case err != nil && !x.down:
		t.Errorf("before anything was killed: %v", err)
	case err == nil && status != want && !x.down:
		t.Errorf("status %d, want %d", status, want)
	}
	return err != nil || status != want
}

// check sends forms once more, twice at a time: what was told stays so, what was not told is paid now, and all of it once. The wallets have
// paid for every form that there is.
func (x *till) check(t *testing.T, forms []*slip) {
	t.Helper()
	x.down = false
	for _, s := range forms {
		var twice sync.WaitGroup
		for range 2 {
			twice.Go(func() {
				if status, err := x.send(s, "8371"); err != nil || status != http.StatusSeeOther {
					t.Errorf("%s again: %d, %v", s.reference, status, err)
				}
			})
		}
		twice.Wait()
		if status, text, err := x.ask(http.MethodGet, "/api/payment/"+s.reference, "", ""); err != nil || status != http.StatusOK || !strings.Contains(text, `"paid"`) {
			t.Errorf("%s: %d %s %v", s.reference, status, text, err)
		}
	}
	paid := make([]int64, tillPayers)
	for _, s := range x.forms {
		paid[s.payer]++
	}
	for i, w := range x.wallets {
		if has, err := x.service.Balance(t.Context(), w.Owner, "BDT"); err != nil || has.Minor != tillPurse-paid[i]*tillPrice {
			t.Errorf("payer %d has %v after %d payments, %v", i, has, paid[i], err)
		}
	}
}

func TestAKilledProgramTakesNoWalletsMoneyTwiceOrInVain(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			p := crashtest.NewPlan(t)
			x, dsn := newTill(t, engine)
			cut := 0
			p.Each(t, func(cycle int) {
				random := p.Random(cycle)
				x.node.Start(t)
				x.down = false
				before, first := x.acked, len(x.forms)
				var payers sync.WaitGroup
				for n := range tillPayers {
					by := p.Random(1000*(cycle+1) + n)
					payers.Go(func() { x.payer(t, n, by) })
				}
				waitFor(t, "payments", func() bool {
					x.mu.Lock()
					defer x.mu.Unlock()
					return x.acked >= before+tillLeast || t.Failed()
				})
				<-time.After(time.Duration(random.Int64N(int64(20 * time.Millisecond)))) // anywhere in what is going on
				x.mu.Lock()
				x.down = true
				x.mu.Unlock()
				x.node.Kill()
				payers.Wait()
				for _, s := range x.forms[first:] {
					if !s.acked {
						cut++
					}
				}
				crashtest.Audit(t, dsn) // the dead one, before anybody could mend it
				x.node.Start(t)
				x.check(t, x.forms[first:])
				x.node.Kill()
			})
			if cut == 0 {
				t.Error("no payment was under way when the program was killed")
			}
			x.node.Start(t)
			x.check(t, x.forms)
			x.node.Stop(t)
			crashtest.Audit(t, dsn)
		})
	}
}
