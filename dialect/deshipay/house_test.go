package deshipay

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"sarraf/dialect/dialecttest"
	"sarraf/internal/httpx"
	"sarraf/internal/pgtest"
	"sarraf/money"
	"sarraf/wallet"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// house is the core with wallets, and the dialect before it.
type house struct {
	*dialecttest.House
	dialecttest.Wallets
	access *wallet.Access
	codes  *wallet.Codes
	post   *post
	door   *Dialect
}

// post takes the messages that would go to telephones.
type post struct {
	mu   sync.Mutex
	last map[string]string // the newest text, by number
	sent int
}

func (p *post) Send(_ context.Context, number, text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last[number] = text
	p.sent++
	return nil
}

var sixDigits = regexp.MustCompile(`\b[0-9]{6}\b`)

// code is the newest code that was sent to a number.
func (p *post) code(number string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return sixDigits.FindString(p.last[number])
}

// faces are the pictures of the tests: as those of the house they depend on owner and name.
type faces struct{}

func (faces) AvatarURL(w wallet.Wallet) string {
	return dialecttest.PublicURL + "/avatar/" + w.Owner + "/" + strings.ReplaceAll(w.Name, " ", "-")
}

// eachEngine runs fn against the whole house on both engines.
func eachEngine(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	var h *house
	dialecttest.EachHouse(t, func(core *dialecttest.House) httpx.Door {
		h = &house{House: core, post: &post{last: map[string]string{}}}
		h.Wallets = dialecttest.NewWallets(wallet.NewService(core.DB, core.Events, core.Keys), core.Clock)
		t.Cleanup(h.Service.Close)
		h.access = wallet.NewAccess(core.DB, h.Service, core.Keys, h.post, core.Clock)
		h.codes = wallet.NewCodes(h.Service, core.Keys)
		h.door = New(Deps{
			Wallets: h.Service, Access: h.access, Codes: h.codes, Pictures: faces{}, Clock: core.Clock, Status: wallet.Approved, Sandbox: true,
		})
		return h.door.HTTP()
	}, func(t *testing.T, _ *dialecttest.House) { fn(t, h) })
}

// target is a cast of its own for a golden story or a page of documentation.
func (h *house) target(t *testing.T) dialecttest.Target {
	vars := h.Cast(t, h.Merchant(t, money.BDT).Owner)
	vars["run"], vars["TOKEN"] = "123456", h.signIn(t, vars["sender"]).token
	actions := h.Actions()
	actions["code"] = func(_ context.Context, args []string, _ string) (dialecttest.Answer, error) {
		return dialecttest.Answer{Status: http.StatusOK, Body: fmt.Appendf(nil, `{"code":%q}`, h.post.code(args[0]))}, nil
	}
	return dialecttest.Target{Handler: h.Mux, Vars: vars, Actions: actions}
}

// app is somebody who has signed in.
type app struct {
	house *house
	wallet.Wallet
	token string
}

// signIn signs the holder of a number in.
func (h *house) signIn(t testing.TB, number string) app {
	t.Helper()
	w := h.send(http.MethodPost, "/auth/signin", fmt.Sprintf(`{"mobile_number":%q,"pin":%q}`, number, dialecttest.PIN), "")
	in := into[signedIn](t, w)
	who, err := h.Service.ByNumber(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	return app{h, who, in.Token}
}

// holder makes a wallet with so many paisa and signs its holder in.
func (h *house) holder(t testing.TB, minor int64) app {
	t.Helper()
	w := h.Make(t, wallet.Wallet{Name: "Rahim Uddin"})
	if minor > 0 {
		h.Fill(t, w, minor)
	}
	return h.signIn(t, w.Number)
}

// shop makes a merchant's wallet.
func (h *house) shop(t testing.TB) wallet.Wallet {
	t.Helper()
	return h.Make(t, wallet.Wallet{Name: "SHARE & TRIP", Kind: wallet.Merchant, Merchant: h.Merchant(t, money.BDT).Owner})
}

// send sends a request with a JSON body.
func (h *house) send(method, path, body, token string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, base+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.Mux.ServeHTTP(w, r)
	return w
}

// ask asks as who has signed in.
func (a app) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	return a.house.send(method, path, body, a.token, headers...)
}

// The paths of what moves money.
const (
	manualSummary = "/private/transaction/manual-payment/summary"
	manualExecute = "/private/transaction/manual-payment/execute"
	guideExecute  = "/private/transaction/request-money/execute"
	confirmation  = "/private/transaction/qr-payment/confirmation"
	qrExecute     = "/private/transaction/qr-payment/execute"
	qrSummary     = "/private/transaction/qr-payment/summary"
)

// pay is the body of an execution by number.
func pay(number, amount, pin string) string {
	return fmt.Sprintf(`{"receiver_mobile_number":%q,"amount":%s,"pin":%q}`, number, amount, pin)
}

// scan is the body of an execution by QR code.
func (h *house) scan(t testing.TB, to wallet.Wallet, amount, pin string) string {
	t.Helper()
	return fmt.Sprintf(`{"qr_text":%q,"amount":%s,"pin":%q}`, h.text(t, to), amount, pin)
}

// text is the text of a wallet's QR code.
func (h *house) text(t testing.TB, w wallet.Wallet) string {
	t.Helper()
	text, err := h.codes.Text(w)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// balance is what a wallet has, in paisa.
func (h *house) balance(t testing.TB, owner string) int64 {
	t.Helper()
	has, err := h.Service.Balance(t.Context(), owner, money.BDT)
	if err != nil {
		t.Fatal(err)
	}
	return has.Minor
}

// into reads the data of an answer that must be good.
func into[T any](t testing.TB, w *httptest.ResponseRecorder) T {
	t.Helper()
	var a struct{ Data T }
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return a.Data
}

// receipt reads the invoice_id of an answer that must be a receipt.
func receipt(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	got := into[struct{ Summary manualReceipt }](t, w).Summary
	if got.InvoiceID == "" {
		t.Fatalf("no receipt: %s", w.Body)
	}
	return got.InvoiceID
}

// refused fails the test unless an answer says so.
func refused(t testing.TB, w *httptest.ResponseRecorder, want string) {
	t.Helper()
	if w.Code != validation || w.Body.String() != want {
		t.Errorf("%d %s, want %s", w.Code, w.Body, want)
	}
}

// says is the body of a refusal with one sentence.
func says(sentence string) string { return `{"code":422,"messages":["` + sentence + `"],"data":null}` }
