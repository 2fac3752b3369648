package main

import (
	"fmt"
	"net/http"

	"sarraf/api"
	"sarraf/internal/hostile"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
)

// treasury is what a merchant pays out with.
type treasury struct {
	owner  string
	method int64
	second keys
	shown  string // the id of a payout
}

// treasuryOf is that of the merchant with the keys, with more money than any test can pay out; the same one each time.
func (w *world) treasuryOf(k keys) treasury {
	w.t.Helper()
	key := k["native"]["key"]
	if have, ok := w.coffers[key]; ok {
		return have
	}
	m, _, err := w.app.merchants.Authenticate(w.t.Context(), "native", "", key)
	w.must(err)
	out := treasury{owner: m.Owner}
	way, err := w.app.payouts.SetMethod(w.t.Context(), worldActor, payout.Method{Owner: m.Owner, Kind: "bkash", Name: "Test", Rail: "sandbox"})
	w.must(err)
	out.method = way.Number
	w.must(w.app.merchants.Fund(w.t.Context(), worldActor, m.Owner, fmt.Sprintf("FUND-%d", w.next()), money.Of(1_000_000_000_000_00, money.BDT)))
	m.Settings.PayoutApproval = map[money.Currency]int64{money.BDT: 1000_00}
	w.must(w.app.merchants.Change(w.t.Context(), worldActor, m))
	_, second, err := w.app.merchants.Issue(w.t.Context(), worldActor, merchant.Credential{Owner: m.Owner, Door: api.Name, Role: merchant.Approver}, "", "sk_", false)
	w.must(err)
	out.second = keys{"native": {"key": second}}
	w.coffers[key] = out
	out.shown = w.payable(k, "10")
	w.coffers[key] = out
	return out
}

// payable is the id of a new payout of the merchant with the keys; above BDT 1,000 it wants approval.
func (w *world) payable(k keys, amount string) string {
	w.t.Helper()
	return w.askAs(k, "/v1/payouts", fmt.Sprintf(`{"payout_method":%d,"amount":%q,"currency":"BDT","recipient_name":"Rahim","recipient_account":"01712345678","reference":"PAY-%d"}`,
		w.treasuryOf(k).method, amount, w.next())).str("id")
}

// makeVictimsPayouts makes payouts that nobody else may see.
func (w *world) makeVictimsPayouts(k keys, add func(name, value string)) {
	w.t.Helper()
	tr := w.treasuryOf(k)
	add("payout", tr.shown)
	add("payout that wants approval", w.payable(k, "5000"))
	add("approver's key", tr.second["native"]["key"])
	w.askAs(k, "/v1/payouts", fmt.Sprintf(`{"payout_method":%d,"amount":"5000","currency":"BDT","recipient_name":"%s","recipient_account":"01712345678","reference":"%s-pay"}`,
		tr.method, canary, canary))
	add("payout reference", canary+"-pay")
}

// paying is a good request for a payout.
func paying(w *world) hostile.Request {
	text := func(name, value string, sort hostile.Sort, must bool) hostile.Field {
		return hostile.Field{Name: name, JSON: fmt.Sprintf("%q", value), Sort: sort, Required: must}
	}
	return hostile.Request{Method: http.MethodPost, Pattern: "/v1/payouts", Keyed: true, StrictQuery: true, Fields: []hostile.Field{
		{Name: "payout_method", JSON: fmt.Sprint(w.treasuryOf(w.mine).method), Sort: hostile.Amount, Required: true},
		text("amount", "1.50", hostile.Amount, true), text("currency", "BDT", hostile.Word, true),
		text("recipient_name", fmt.Sprintf("Name %d", w.next()), hostile.Text, true), text("recipient_account", "01712345678", hostile.Word, true),
		text("reference", fmt.Sprintf("OUT-%d", w.next()), hostile.Text, false), text("description", "About it", hostile.Text, false),
	}}
}

// withdrawing is a good request for a payout out of a wallet.
func withdrawing(w *world) hostile.Request {
	r := paying(w)
	person := w.pursesOf(w.mine).person
	w.must(w.unlimited(person, "withdrawal"))
	r.Fields = append(r.Fields, hostile.Field{Name: "wallet", JSON: fmt.Sprintf("%q", person), Sort: hostile.Word},
		hostile.Field{Name: "pin", JSON: `"` + pursePIN + `"`, Sort: hostile.Word})
	return w.guarded(r, "native", true)
}

// deciding is a good request for a decision about a payout of the merchant's, by the one who may make it.
func deciding(word string) func(w *world) hostile.Request {
	return func(w *world) hostile.Request {
		tr := w.treasuryOf(w.mine)
		r := hostile.Request{
			Method: http.MethodPost, Pattern: "/v1/payouts/{id}/" + word, Keyed: true, StrictQuery: true,
			Path: []hostile.Pair{{Name: "id", Value: w.payable(w.mine, "5000")}},
			Fields: []hostile.Field{
				{Name: "reason", JSON: fmt.Sprintf(`"Reason %d"`, w.next()), Sort: hostile.Text, Required: word == "reject"},
			},
		}
		if word == "cancel" {
			return w.guarded(r, "native", true)
		}
		r = w.guarded(shown(r, "native", tr.second), "native", true)
		own := credentials("native", w.mine)
		own[""] = "whoever asked for it"
		r.Wrong = append(r.Wrong, own)
		return r
	}
}

// playingRail is a good request about what becomes of a payout.
func playingRail(outcome string) func(w *world) hostile.Request {
	return func(w *world) hostile.Request {
		return w.guarded(hostile.Request{Method: http.MethodPost, Pattern: "/v1/sandbox/payout", Keyed: true, StrictQuery: true, Fields: []hostile.Field{
			{Name: "target", JSON: fmt.Sprintf("%q", w.payable(w.mine, "10")), Sort: hostile.Text, Required: true},
			{Name: "outcome", JSON: fmt.Sprintf("%q", outcome), Sort: hostile.Word},
		}}, "native", true)
	}
}

// outward is a recipe for a GET about money that goes out. Whatever the query makes of the page, it shows no hostile text that was taken before: it is
// asked by a merchant of whom nobody asks anything bad.
func outward(pattern string, parts func(w *world, r *hostile.Request)) recipe {
	r := reading("native", pattern, ok, func(w *world, r *hostile.Request) {
		r.StrictQuery = true
		parts(w, r)
	})
	good := r.good
	r.good = func(w *world) hostile.Request {
		c := *w
		c.mine = w.calm
		return good(&c)
	}
	return r
}

func payoutBook() map[string]recipe {
	const early, late = "00000000-0000-7000-8000-000000000000", "ffffffff-ffff-7fff-bfff-ffffffffffff"
	closed := once(http.StatusConflict, "payout_closed")
	decision := func(word string) recipe {
		return recipe{takes: ok, keeps: true, good: deciding(word), repeats: []repeat{{keyed: true, judge: closed}}}
	}
	return map[string]recipe{
		"native GET /v1/payout_methods": outward("/v1/payout_methods", func(w *world, r *hostile.Request) {
			r.Query = []hostile.Pair{{Name: "merchant", Value: w.treasuryOf(w.mine).owner}}
		}),
		"native POST /v1/payouts": {
			takes: ok, keeps: true, good: func(w *world) hostile.Request { return w.guarded(paying(w), "native", true) },
			repeats: []repeat{
				{keyed: true, payouts: 1, judge: once(http.StatusConflict, "reference_taken")},
				{name: "from a wallet", keyed: true, payouts: 1, transfers: 1, judge: once(http.StatusConflict, "reference_taken"), good: withdrawing},
			},
		},
		"native GET /v1/payouts": outward("/v1/payouts", func(w *world, r *hostile.Request) {
			w.treasuryOf(w.mine)
			r.Query = []hostile.Pair{
				{Name: "limit", Value: "2"}, {Name: "after", Value: early}, {Name: "before", Value: late}, {Name: "status", Value: "pending"},
				{Name: "kind", Value: "payout"}, {Name: "rail", Value: "sandbox"},
			}
		}),
		"native GET /v1/payouts/{id}": outward("/v1/payouts/{id}", func(w *world, r *hostile.Request) {
			r.Path = []hostile.Pair{{Name: "id", Value: w.treasuryOf(w.mine).shown}}
		}),
		"native POST /v1/payouts/{id}/approve": decision("approve"),
		"native POST /v1/payouts/{id}/reject":  decision("reject"),
		"native POST /v1/payouts/{id}/cancel":  decision("cancel"),
		"native POST /v1/sandbox/payout": {
			takes: ok, good: playingRail("completed"), repeats: []repeat{
				{name: "processing", keyed: true, judge: closed, good: playingRail("processing")},
				{name: "completed", keyed: true, judge: closed},
				{name: "rejected", keyed: true, judge: closed, good: playingRail("rejected")},
				{name: "cancelled", keyed: true, judge: closed, good: playingRail("cancelled")},
			},
		},
	}
}
