package crashtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// Holder is somebody with a wallet, who has signed in at DeshiPay's door.
type Holder struct {
	MobileNumber string `json:"mobile_number"`
	PIN          string `json:"pin"`

	token, qr string
	opening   int64 // what was in the wallet at first, in paisa
}

// Holders are the consumers of the line.
func (l Line) Holders() []*Holder {
	if l.DeshiPay == nil {
		return nil
	}
	return l.DeshiPay.Consumers
}

// Move is money that a client asked to be moved out of a wallet. Its note is its own among all.
type Move struct {
	Holder *Holder
	Note   string
	Call   Call
	keyed  bool
	at     time.Time // when it was sent first
}

// Purses are the wallets of a demo under load: each client pays the shop or sends money, by number and by QR code, with a key and without.
type Purses struct {
	house   *House
	holders []*Holder
	shop    *Holder
	random  *rand.Rand

	mu    sync.Mutex
	moves []*Move
}

// patienceOfTheMinute is how old an execution without a key may be when it is sent again: the same within a minute is the same.
const patienceOfTheMinute = 45 * time.Second

// NewPurses signs the line's holders in at the node.
func NewPurses(t testing.TB, line Line, p *Plan, node *Node) *Purses {
	t.Helper()
	b := &Purses{house: &House{Line: line, Nodes: []*Node{node}, client: newClient(t)}, holders: line.Holders(), shop: line.DeshiPay.Merchant, random: p.Random(1)}
	for _, who := range append([]*Holder{b.shop}, b.holders...) {
		a := b.must(t, post(deshi+"/auth/signin", nil, map[string]string{"mobile_number": who.MobileNumber, "pin": who.PIN}))
		who.token = text(a, "data", "token")
		who.qr = text(b.must(t, who.get("/private/user/profile-qr")), "data", "qr_code_text")
		who.opening = b.balance(t, who)
	}
	return b
}

// deshi is where DeshiPay's door is.
const deshi = "/api/v1"

func (w *Holder) header() []string { return []string{"Authorization", "Bearer " + w.token} }

func (w *Holder) get(path string) Request { return get(deshi+path, w.header()) }

// must asks a node and must be answered.
func (b *Purses) must(t testing.TB, r Request) Answer {
	t.Helper()
	a, err := b.house.send(b.house.next(), r)
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("%v: %d %s %v", r, a.Status, a.Body, err)
	}
	return a
}

// balance is what a wallet has now, in paisa.
func (b *Purses) balance(t testing.TB, who *Holder) int64 {
	t.Helper()
	return paisa(text(b.must(t, who.get("/private/user/profile")), "data", "balance"))
}

// paisa is an amount as the door prints it, in paisa.
func paisa(text string) int64 {
	text = strings.ReplaceAll(strings.TrimPrefix(text, "৳"), ",", "")
	if !strings.Contains(text, ".") {
		text += ".00"
	}
	return minor(text)
}

// Start sets the clients to work.
func (b *Purses) Start(t testing.TB, name string, random *rand.Rand) *Load {
	return b.house.start(t, name, random, b.move)
}

// move is one execution, perhaps sent once more.
func (b *Purses) move(l *Load, random *rand.Rand, note string) {
	n := random.IntN(len(b.holders))
	m := &Move{Holder: b.holders[n], Note: note, keyed: random.IntN(2) == 0, at: time.Now()}
	to := b.shop
	if random.IntN(2) == 0 {
		to = b.holders[(n+1)%len(b.holders)]
	}
	body := map[string]any{"amount": json.Number(fmt.Sprintf("%d.%02d", 1+random.IntN(9), random.IntN(100))), "pin": m.Holder.PIN, "note": note}
	path := "/manual-payment/execute"
	switch random.IntN(4) {
	case 0:
		path = "/request-money/execute"
		fallthrough
	case 1:
		body["receiver_mobile_number"] = to.MobileNumber
	case 2:
		path = "/qr-payment/confirmation"
		fallthrough
	default:
		if body["qr_text"] = to.qr; path == "/manual-payment/execute" {
			path = "/qr-payment/execute"
		}
	}
	m.Call.Request = post(deshi+"/private/transaction"+path, m.Holder.header(), body)
	if m.keyed {
		m.Call.Request = m.Call.Request.with("key-" + note)
	}
	b.mu.Lock()
	b.moves = append(b.moves, m)
	b.mu.Unlock()
	if l.do(b.house.Nodes[0], &m.Call, moved) && random.IntN(8) == 0 {
		l.again(b.house.Nodes[0], &m.Call)
	}
}

// moved reports whether an answer is a receipt.
func moved(a Answer) bool {
	return a.Status == http.StatusOK && len(text(a, "data", "summary", "invoice_id")) == 10 && paisa(text(a, "data", "summary", "new_balance")) > 0
}

// Check repeats each execution whose outcome is unknown, and some of the others. Then it holds the histories and the balances against what
// was acknowledged: each execution that was is there once, with its figures, and no other.
func (b *Purses) Check(t testing.TB) {
	t.Helper()
	doubtful, there := 0, 0
	had := b.histories(t)
	for _, m := range b.moves {
		again := b.random.IntN(10) == 0
		if !m.Call.Acked {
			doubtful++
			if again = true; had[m.Note] != nil {
				there++
			}
		}
		if again && (m.keyed || time.Since(m.at) < patienceOfTheMinute) {
			b.house.repeat(t, &m.Call, moved)
		}
	}
	t.Logf("%d of %d executions in doubt, of which %d had been carried out", doubtful, len(b.moves), there)
	got := b.histories(t)
	left := map[*Holder]int64{b.shop: b.shop.opening}
	for _, who := range b.holders {
		left[who] = who.opening
	}
	for _, m := range b.moves {
		line := got[m.Note]
		if m.Call.Acked && (line == nil || line.InvoiceID != text(m.Call.Answer, "data", "summary", "invoice_id") ||
			line.NewBalance != text(m.Call.Answer, "data", "summary", "new_balance")) {
			t.Errorf("%s was acknowledged with %s, and the history has %+v", m.Note, m.Call.Answer.Body, line)
		}
		if line != nil {
			left[m.Holder] -= paisa(line.Total)
			left[b.whoHas(m)] += paisa(line.Amount)
		}
		delete(got, m.Note)
	}
	if len(got) > 0 {
		t.Errorf("%d transactions that nobody asked for", len(got))
	}
	for who, want := range left {
		if has := b.balance(t, who); has != want {
			t.Errorf("%s has %d, want %d", who.MobileNumber, has, want)
		}
	}
}

// whoHas is who got the money.
func (b *Purses) whoHas(m *Move) *Holder {
	for _, who := range append([]*Holder{b.shop}, b.holders...) {
		if strings.Contains(string(m.Call.Request.Body), who.MobileNumber) || strings.Contains(string(m.Call.Request.Body), who.qr) {
			return who
		}
	}
	return nil
}

// past is a transaction of a history, as far as it is checked.
type past struct {
	InvoiceID  string `json:"invoice_id"`
	Direction  string
	Type       string
	Amount     string
	Total      string
	NewBalance string `json:"new_balance"`
	Remarks    string
}

// histories are what went out of the holders' wallets, by note; one that is there twice fails the test.
func (b *Purses) histories(t testing.TB) map[string]*past {
	t.Helper()
	all := map[string]*past{}
	for _, who := range b.holders {
		for cursor := ""; ; {
			var page struct {
				Data struct {
					Transactions []*past
					NextCursor   *string `json:"next_cursor"`
				}
			}
			a := b.must(t, who.get("/private/user/transaction/history?per_page=100"+cursor))
			if err := json.Unmarshal(a.Body, &page); err != nil {
				t.Fatal(err)
			}
			for _, line := range page.Data.Transactions {
				if line.Direction != "out" {
					continue
				}
				if all[line.Remarks] != nil {
					t.Errorf("%s moved money twice", line.Remarks)
				}
				all[line.Remarks] = line
			}
			if page.Data.NextCursor == nil {
				break
			}
			cursor = "&cursor=" + url.QueryEscape(*page.Data.NextCursor)
		}
	}
	return all
}
