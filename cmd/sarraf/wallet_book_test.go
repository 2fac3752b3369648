package main

import (
	"fmt"
	"net/http"

	"sarraf/internal/hostile"
	"sarraf/wallet"
)

// purses are the wallets of a merchant: a person's, whose PIN is pursePIN, and a till, both with money in them, and a transfer between them.
type purses struct{ person, till, transfer string }

const pursePIN = "9052"

// pursesOf are the wallets of the merchant with the keys; the same ones each time.
func (w *world) pursesOf(k keys) purses {
	w.t.Helper()
	key := k["native"]["key"]
	if have, ok := w.purses[key]; ok {
		return have
	}
	var p purses
	p.person = w.askAs(k, "/v1/wallets", fmt.Sprintf(`{"kind":"consumer","name":"Person %d","pin":%q}`, w.next(), pursePIN)).str("id")
	p.till = w.askAs(k, "/v1/wallets", fmt.Sprintf(`{"kind":"merchant","name":"Till %d"}`, w.next())).str("id")
	for _, wid := range []string{p.person, p.till} {
		w.askAs(w.operator, "/v1/wallets/"+wid+"/top-ups", fmt.Sprintf(`{"amount":"100000000","currency":"BDT","reference":"R-%d"}`, w.next()))
		// The corpus must not run into limits.
		for _, kind := range []string{"send", "payment", "topup"} {
			w.must(w.unlimited(wid, kind))
		}
	}
	p.transfer = w.askAs(k, "/v1/transfers", fmt.Sprintf(`{"sender":%q,"receiver":%q,"amount":"1","currency":"BDT"}`, p.till, p.person)).str("id")
	w.purses[key] = p
	return p
}

// makeVictimsWallets makes wallets whose ids and names nobody else may see.
func (w *world) makeVictimsWallets(k keys, add func(name, value string)) {
	w.t.Helper()
	add("wallet", w.askAs(k, "/v1/wallets", `{"kind":"consumer","name":"`+canary+` person","reference":"`+canary+`-wallet"}`).str("id"))
	p := w.pursesOf(k)
	add("till", p.till)
	add("transfer", p.transfer)
	add("wallet reference", canary+"-wallet")
}

// moving is a good request for a transfer.
func (w *world) moving(pattern string) hostile.Request {
	w.t.Helper()
	p := w.pursesOf(w.mine)
	text := func(name, value string, sort hostile.Sort, must bool) hostile.Field {
		return hostile.Field{Name: name, JSON: fmt.Sprintf("%q", value), Sort: sort, Required: must}
	}
	return hostile.Request{Method: http.MethodPost, Pattern: pattern, Keyed: true, StrictQuery: true, Fields: []hostile.Field{
		text("sender", p.person, hostile.Word, true), text("receiver", p.till, hostile.Word, true), text("amount", "1.50", hostile.Amount, true),
		text("currency", "BDT", hostile.Word, true), text("note", fmt.Sprintf("Note %d", w.next()), hostile.Text, false),
		text("pin", pursePIN, hostile.Word, false),
	}}
}

func walletBook() map[string]recipe {
	strict := func(parts func(*world, *hostile.Request)) func(*world, *hostile.Request) {
		return func(w *world, r *hostile.Request) { parts(w, r); r.StrictQuery = true }
	}
	person := func(w *world) string { return w.pursesOf(w.mine).person }
	// Whatever the query makes of the page, it shows no hostile text that was taken before.
	calm := func(r recipe) recipe {
		good := r.good
		r.good = func(w *world) hostile.Request {
			c := *w
			c.mine = w.calm
			return good(&c)
		}
		return r
	}
	const early, late = "00000000-0000-7000-8000-000000000000", "ffffffff-ffff-7fff-bfff-ffffffffffff"
	return map[string]recipe{
		"native POST /v1/wallets": {
			takes: ok, keeps: true, repeats: []repeat{{keyed: true, wallets: 1, judge: once(http.StatusConflict, "reference_taken")}},
			good: func(w *world) hostile.Request {
				n := w.next()
				return w.guarded(hostile.Request{Method: http.MethodPost, Pattern: "/v1/wallets", Keyed: true, StrictQuery: true, Fields: []hostile.Field{
					{Name: "kind", JSON: `"consumer"`, Sort: hostile.Word, Required: true},
					{Name: "name", JSON: fmt.Sprintf(`"Name %d"`, n), Sort: hostile.Text, Required: true},
					{Name: "mobile_number", JSON: fmt.Sprintf(`"+88017%08d"`, n), Sort: hostile.Text},
					{Name: "reference", JSON: fmt.Sprintf(`"USER-%d"`, n), Sort: hostile.Text},
					{Name: "currencies", JSON: `["BDT"]`, Sort: hostile.List},
					{Name: "time_zone", JSON: `"Asia/Dhaka"`, Sort: hostile.Word},
					{Name: "pin", JSON: `"9052"`, Sort: hostile.Word},
				}}, "native", true)
			},
		},
		"native GET /v1/wallets": calm(reading("native", "/v1/wallets", ok, strict(func(w *world, r *hostile.Request) {
			w.pursesOf(w.mine)
			r.Query = []hostile.Pair{{Name: "limit", Value: "2"}, {Name: "after", Value: early}, {Name: "before", Value: late}, {Name: "status", Value: "approved"}}
		}))),
		"native GET /v1/wallets/{id}":        reading("native", "/v1/wallets/{id}", ok, strict(wild("id", person))),
		"native GET /v1/wallets/{id}/limits": reading("native", "/v1/wallets/{id}/limits", ok, strict(wild("id", person))),
		"native GET /v1/wallets/{id}/statement": calm(reading("native", "/v1/wallets/{id}/statement", ok, strict(func(w *world, r *hostile.Request) {
			wild("id", person)(w, r)
			r.Query = []hostile.Pair{{Name: "limit", Value: "2"}, {Name: "after", Value: "1"}, {Name: "before", Value: "1000000"}, {Name: "currency", Value: "BDT"}}
		}))),
		"native POST /v1/wallets/{id}/top-ups": {
			takes: ok, keeps: true, repeats: []repeat{{keyed: true, transfers: 1, judge: alike}},
			good: func(w *world) hostile.Request {
				r := hostile.Request{Method: http.MethodPost, Pattern: "/v1/wallets/{id}/top-ups", Keyed: true, StrictQuery: true, Fields: []hostile.Field{
					{Name: "amount", JSON: `"1.50"`, Sort: hostile.Amount, Required: true},
					{Name: "currency", JSON: `"BDT"`, Sort: hostile.Word, Required: true},
					{Name: "reference", JSON: fmt.Sprintf(`"TOP-%d"`, w.next()), Sort: hostile.Text},
					{Name: "note", JSON: `"Note"`, Sort: hostile.Text},
				}}
				wild("id", person)(w, &r)
				return w.guarded(r, "native", true)
			},
		},
		"native POST /v1/wallets/{id}/status": {
			takes: ok, anybodys: true, repeats: []repeat{{judge: alike, keyed: true}},
			good: func(w *world) hostile.Request {
				r := hostile.Request{Method: http.MethodPost, Pattern: "/v1/wallets/{id}/status", Keyed: true, StrictQuery: true, Fields: []hostile.Field{
					{Name: "status", JSON: `"approved"`, Sort: hostile.Word, Required: true},
					{Name: "unread", JSON: fmt.Sprint(w.next()), Sort: hostile.Text, Loose: true}, // so that another request is another
				}}
				wild("id", person)(w, &r)
				r = w.guarded(shown(r, "native", w.operator), "native", true)
				merchants := credentials("native", w.mine)
				merchants[""] = "a merchant's"
				r.Wrong = append(r.Wrong, merchants)
				return r
			},
		},
		"native POST /v1/quotes": {
			takes: ok, repeats: []repeat{{judge: alike}},
			good: func(w *world) hostile.Request {
				r := w.moving("/v1/quotes")
				r.Keyed = false
				return w.guarded(r, "native", true)
			},
		},
		"native POST /v1/transfers": {
			takes: ok, keeps: true, repeats: []repeat{{keyed: true, transfers: 1, each: true, judge: allTaken}},
			good: func(w *world) hostile.Request {
				r := w.moving("/v1/transfers")
				r.Fields[len(r.Fields)-1].Required = true
				return w.guarded(r, "native", true)
			},
		},
		"native POST /v1/transfers/bulk": {
			takes: ok, keeps: true, repeats: []repeat{{keyed: true, transfers: 1, each: true, judge: allTaken}},
			good: func(w *world) hostile.Request {
				r := w.moving("/v1/transfers/bulk")
				r.Within, r.MaxBody = "transfers[]", 2<<20
				return w.guarded(r, "native", true)
			},
		},
		"native GET /v1/transfers/{id}": reading("native", "/v1/transfers/{id}", ok, strict(func(w *world, r *hostile.Request) {
			p := w.pursesOf(w.mine)
			r.Path = []hostile.Pair{{Name: "id", Value: p.transfer}}
			r.Query = []hostile.Pair{{Name: "wallet", Value: p.till}}
		})),
	}
}

// unlimited takes all limits of a kind of transfer away from a wallet.
func (w *world) unlimited(wid, kind string) error {
	return w.app.wallets.SetRule(w.t.Context(), worldActor, wid, "BDT", wallet.Movement(kind), &wallet.Rule{})
}
