package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"sarraf/dialect/dialecttest"
	"sarraf/internal/hostile"
	"sarraf/money"
	"sarraf/wallet"
)

// holders are those at DeshiPay's door in a world.
type holders struct {
	hands dialecttest.Wallets
	payer wallet.Wallet // with more money than any test can spend, and no limits
	guest wallet.Wallet // who signs in and out all the time
	shop  wallet.Wallet
	qr    string // the shop's
}

// makeHolders makes them, with a token for each of the world's merchants' people.
func (w *world) makeHolders() {
	w.t.Helper()
	w.hands = dialecttest.NewWallets(w.app.wallets, w.app.db.Clock())
	w.payer, w.guest = w.wealthy("Payer"), w.wealthy("Guest")
	w.shop = w.hands.Make(w.t, wallet.Wallet{Name: "Shop", Kind: wallet.Merchant}) // nobody's: no merchant reads of what it was paid
	var err error
	w.qr, err = wallet.NewCodes(w.app.wallets, w.app.keys).Text(w.shop)
	w.must(err)
	w.mine["deshipay"] = w.signed(w.payer)
	victim := w.wealthy("Somebody")
	w.victim["deshipay"] = w.signed(victim)
	w.bad["revoked"]["deshipay"] = w.signed(w.payer)
	w.must(w.app.access.SignOut(w.t.Context(), w.bad["revoked"]["deshipay"]["key"]))
	out := w.wealthy("Shut Out")
	w.bad["shut out"]["deshipay"] = w.signed(out)
	_, err = w.app.wallets.SetStatus(w.t.Context(), worldActor, out.Owner, wallet.Suspended)
	w.must(err)
	for _, p := range []hostile.Pair{{Name: "wallet", Value: victim.Owner}, {Name: "wallet token", Value: w.victim["deshipay"]["key"]}} {
		w.foreign, w.canaries = append(w.foreign, p), append(w.canaries, p.Value)
	}
}

// wealthy is a consumer's wallet with plenty.
func (w *world) wealthy(name string) wallet.Wallet {
	w.t.Helper()
	made := w.hands.Make(w.t, wallet.Wallet{Name: name})
	for _, m := range []wallet.Movement{wallet.Send, wallet.Payment} {
		w.must(w.app.wallets.SetRule(w.t.Context(), worldActor, made.Owner, money.BDT, m, &wallet.Rule{Min: 100}))
	}
	w.hands.Fill(w.t, made, 1_000_000_000_000_00)
	return made
}

// signed is a token of a wallet, as a key.
func (w *world) signed(of wallet.Wallet) map[string]string {
	w.t.Helper()
	token, _, err := w.app.access.SignIn(w.t.Context(), of.Number, dialecttest.PIN, "deshipay", "test")
	w.must(err)
	return map[string]string{"key": token}
}

func deshipayBook() map[string]recipe {
	const door, base = "deshipay", "/api/v1"
	const user, move = base + "/private/user", base + "/private/transaction"
	text := func(name, value string, s hostile.Sort) hostile.Field {
		return hostile.Field{Name: name, JSON: fmt.Sprintf("%q", value), Sort: s, Required: s != hostile.Lines}
	}
	amount := hostile.Field{Name: "amount", JSON: "10.5", Sort: hostile.Amount, Required: true}
	pin := hostile.Field{Name: "pin", JSON: `"` + dialecttest.PIN + `"`, Sort: hostile.Word, Required: true, Secret: true}
	number := func(w *world) hostile.Field {
		f := text("receiver_mobile_number", w.shop.Number, hostile.Text)
		f.Sort = hostile.Word // whatever is no number is refused
		return f
	}
	code := func(w *world) hostile.Field { return text("qr_text", w.qr, hostile.Word) }
	note := func(w *world) hostile.Field { return text("note", w.reference(), hostile.Lines) }
	fields := func(parts ...func(*world) hostile.Field) func(*world) []hostile.Field {
		return func(w *world) []hostile.Field {
			list := make([]hostile.Field, len(parts))
			for i, p := range parts {
				list[i] = p(w)
			}
			return list
		}
	}
	is := func(f hostile.Field) func(*world) hostile.Field { return func(*world) hostile.Field { return f } }
	good := func(method, pattern string, list func(*world) []hostile.Field) func(*world) hostile.Request {
		return func(w *world) hostile.Request {
			r := hostile.Request{Method: method, Pattern: pattern, Forms: true, Fields: list(w)}
			return w.guarded(r, door, false)
		}
	}
	asks := func(pattern string, list func(*world) []hostile.Field) recipe {
		return recipe{takes: ok, good: good(http.MethodPost, pattern, list), repeats: []repeat{{judge: alike}}}
	}
	moves := func(pattern string, list func(*world) []hostile.Field) recipe {
		return recipe{takes: ok, repeats: []repeat{{keyed: true, transfers: 1, judge: alike}}, good: func(w *world) hostile.Request {
			r := good(http.MethodPost, pattern, list)(w)
			r.Keyed = true
			r.Wrong = append(r.Wrong, map[string]string{"": "a PIN that is another's", "Authorization": r.Header[0].Value, "pin": dialecttest.WrongPIN})
			return r
		}}
	}
	byNumber, byCode := fields(number, is(amount), is(pin), note), fields(code, is(amount), is(pin), note)
	quote := recipe{takes: ok, good: good(http.MethodGet, move+"/qr-payment/confirmation", fields(code, is(amount), note))}
	again := moves(move+"/request-money/execute", byNumber)
	again.again = true
	read := func(path string, query ...hostile.Pair) recipe {
		return reading(door, user+path, ok, func(_ *world, r *hostile.Request) { r.Query, r.StrictQuery = query, query != nil })
	}
	out := recipe{takes: ok, repeats: []repeat{{judge: someTaken(http.StatusUnauthorized)}}, good: func(w *world) hostile.Request {
		r := w.guarded(hostile.Request{Method: http.MethodPost, Pattern: base + "/auth/logout"}, door, false)
		r.Header[0].Value = "Bearer " + w.signed(w.guest)["key"] // which is of no use afterwards
		return r
	}}
	in := recipe{takes: ok, noted: true, repeats: []repeat{{judge: allTaken}}, good: func(w *world) hostile.Request {
		list := []hostile.Field{text("mobile_number", w.guest.Number, hostile.Word), pin}
		return hostile.Request{Method: http.MethodPost, Pattern: base + "/auth/signin", Forms: true, Fields: list}
	}}
	up := recipe{takes: ok, repeats: []repeat{{judge: someTaken(http.StatusTooManyRequests)}}, good: func(w *world) hostile.Request {
		list := []hostile.Field{
			text("mobile_number", dialecttest.NextMobile(), hostile.Word), text("name", "Name "+w.reference(), hostile.Text),
			text("pin", dialecttest.PIN, hostile.Word), text("address", "House 7", hostile.Text),
		}
		list[3].Required = false
		return hostile.Request{Method: http.MethodPost, Pattern: base + "/auth/signup", Forms: true, Fields: list}
	}}
	return map[string]recipe{
		"deshipay POST " + base + "/auth/signup":                  up,
		"deshipay POST " + base + "/auth/signin":                  in,
		"deshipay POST " + base + "/auth/logout":                  out,
		"deshipay GET " + user + "/profile":                       read("/profile"),
		"deshipay GET " + user + "/profile-qr":                    read("/profile-qr"),
		"deshipay GET " + user + "/transaction/history":           read("/transaction/history", hostile.Pair{Name: "per_page", Value: "2"}, hostile.Pair{Name: "cursor", Value: "9"}),
		"deshipay GET " + user + "/transactional-limits":          read("/transactional-limits"),
		"deshipay POST " + move + "/manual-payment/merchant-info": asks(move+"/manual-payment/merchant-info", fields(number)),
		"deshipay POST " + move + "/manual-payment/summary":       asks(move+"/manual-payment/summary", fields(number, is(amount), note)),
		"deshipay POST " + move + "/manual-payment/execute":       moves(move+"/manual-payment/execute", byNumber),
		"deshipay POST " + move + "/request-money/execute":        again,
		"deshipay POST " + move + "/qr-payment/summary":           asks(move+"/qr-payment/summary", fields(code)),
		"deshipay GET " + move + "/qr-payment/confirmation":       quote,
		"deshipay POST " + move + "/qr-payment/confirmation":      asks(move+"/qr-payment/confirmation", fields(code, is(amount), note)),
		"deshipay POST " + move + "/qr-payment/execute":           moves(move+"/qr-payment/execute", byCode),
	}
}

// someTaken is for what some of them can have: they are taken, and the others are told with a status that it is too late.
func someTaken(late int) func([]hostile.Answer, func(hostile.Answer) bool) error {
	return func(list []hostile.Answer, takes func(hostile.Answer) bool) error {
		n := 0
		for _, a := range list {
			switch {
			case takes(a):
				n++
			case a.Status != late:
				return fmt.Errorf("%d %s", a.Status, a.Body)
			}
		}
		if n == 0 {
			return fmt.Errorf("none was taken: %d %s", list[0].Status, list[0].Body)
		}
		return nil
	}
}

// deshipayShape is the envelope, whatever is in it.
func deshipayShape(a hostile.Answer, taken bool) []string {
	o, wrong := jsonShape(a)
	if wrong != nil {
		return wrong
	}
	if code, _ := o["code"].(float64); int(code) != a.Status || taken != (a.Status == http.StatusOK) {
		wrong = append(wrong, fmt.Sprintf("code %v with status %d", o["code"], a.Status))
	}
	messages, list := o["messages"].([]any)
	if !list || len(messages) == 0 && !taken {
		wrong = append(wrong, fmt.Sprintf("messages %v", o["messages"]))
	}
	for _, m := range messages {
		if said, _ := m.(string); said == "" || strings.Contains(said, ":attribute") || strings.Contains(said, ":max") {
			wrong = append(wrong, fmt.Sprintf("message %v", m))
		}
	}
	if data, has := o["data"]; !has || !taken && data != nil {
		wrong = append(wrong, fmt.Sprintf("data %v with status %d", data, a.Status))
	}
	about := func(text string) bool {
		return slices.ContainsFunc(messages, func(m any) bool { said, _ := m.(string); return strings.Contains(said, text) })
	}
	switch title, has := o["error_title"]; {
	case !has:
	case title == nil && !about("not approved"), title != nil && (title != "E_PIN_ERROR" || !about("PIN") && !about("pin")):
		wrong = append(wrong, fmt.Sprintf("error_title %v beside %v", title, messages))
	}
	return append(wrong, surplus(o, "code", "messages", "data", "error_title")...)
}
