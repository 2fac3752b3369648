package main

import (
	"fmt"
	"net/http"

	"sarraf/internal/hostile"
	"sarraf/money"
	"sarraf/payout"
)

func aspayBook() map[string]recipe {
	reference := func(w *world) string {
		w.open("aspay")
		return w.opened["aspay"].reference
	}
	const taken = "The transaction reference has already been taken."
	several := func(pattern string, one func(w *world) string) recipe {
		return recipe{takes: ok, repeats: []repeat{{judge: alike}}, good: func(w *world) hostile.Request {
			r := hostile.Request{Method: http.MethodPost, Pattern: pattern, Forms: true}
			r.Fields = []hostile.Field{{Name: "ids", JSON: fmt.Sprintf(`[%q,"UNKNOWN"]`, one(w)), Sort: hostile.List, Required: true}}
			return w.guarded(r, "aspay", false)
		}}
	}
	shown := func(w *world) string { return w.withdrawn(w.mine, "SHOWN") }
	return map[string]recipe{
		"aspay POST /api/payment/create":       making("aspay", ok, repeat{keyed: true, invoices: 1, judge: once(http.StatusUnprocessableEntity, taken)}),
		"aspay GET /api/payment/{id}":          reading("aspay", "/api/payment/{id}", ok, wild("id", reference)),
		"aspay POST /api/payment/batch/status": several("/api/payment/batch/status", reference),
		"aspay GET /api/payout/methods":        reading("aspay", "/api/payout/methods", ok, nil),
		"aspay POST /api/payout/request": {
			takes: created, keeps: true, repeats: []repeat{{keyed: true, payouts: 1, judge: once(http.StatusUnprocessableEntity, taken)}},
			good: func(w *world) hostile.Request { return w.guarded(w.withdrawing(w.mine, w.reference()), "aspay", true) },
		},
		"aspay GET /api/payout/{id}":          reading("aspay", "/api/payout/{id}", ok, wild("id", shown)),
		"aspay POST /api/payout/batch/status": several("/api/payout/batch/status", shown),
	}
}

// created is an answer with status 201.
func created(a hostile.Answer) bool { return a.Status == http.StatusCreated }

// withdrawing is a good request for a payout at Aspay's door, of a merchant who can pay more than any test asks for.
func (w *world) withdrawing(k keys, reference string) hostile.Request {
	w.t.Helper()
	text := func(name, value string, sort hostile.Sort, must bool) hostile.Field {
		return hostile.Field{Name: name, JSON: fmt.Sprintf("%q", value), Sort: sort, Required: must}
	}
	return shown(hostile.Request{Method: http.MethodPost, Pattern: "/api/payout/request", Forms: true, Keyed: true, Fields: []hostile.Field{
		{Name: "payout_method_id", JSON: fmt.Sprint(w.bkash(k)), Sort: hostile.Amount, Required: true},
		{Name: "amount", JSON: "100.5", Sort: hostile.Amount, Required: true},
		text("recipient_name", "Recipient "+reference, hostile.Text, true), text("recipient_account", "01712345678", hostile.Word, true),
		text("transaction_reference", reference, hostile.Text, true), text("description", "About "+reference, hostile.Lines, false),
		text("callback_url", "https://shop.example/hook?r="+reference, hostile.URL, false),
	}}, "aspay", k)
}

// bkash is the number of a method of the merchant's, made with money behind it where there is none.
func (w *world) bkash(k keys) int64 {
	w.t.Helper()
	own := k["aspay"]
	m, _, err := w.app.merchants.Authenticate(w.t.Context(), "aspay", own["handle"], own["key"])
	w.must(err)
	list, err := w.app.payouts.Methods(w.t.Context(), m.Owner)
	w.must(err)
	for _, method := range list {
		if method.Kind == "bkash" && method.Name == "Ours" {
			return method.Number
		}
	}
	made, err := w.app.payouts.SetMethod(w.t.Context(), worldActor, payout.Method{Owner: m.Owner, Kind: "bkash", Name: "Ours", Max: 1_000_000_000_000_00, Rail: "sandbox"})
	w.must(err)
	w.must(w.app.merchants.Fund(w.t.Context(), worldActor, m.Owner, "aspay-payouts", money.Of(1_000_000_000_000_00, money.BDT)))
	return made.Number
}

// withdrawn is the printed id of the merchant's payout with the reference, asked for where it is not there.
func (w *world) withdrawn(k keys, reference string) string {
	w.t.Helper()
	list := []hostile.Request{
		shown(hostile.Request{Method: http.MethodGet, Pattern: "/api/payout/{id}", Path: []hostile.Pair{{Name: "id", Value: reference}}}, "aspay", k),
		w.withdrawing(k, reference),
	}
	for _, r := range list {
		a, err := hostile.Send(w.t.Context(), w.address(), r)
		w.must(err)
		if id, _ := object(a)["payout_id"].(string); id != "" {
			return id
		}
	}
	w.t.Fatalf("%s was not paid out", reference)
	return ""
}
