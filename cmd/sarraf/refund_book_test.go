package main

import (
	"fmt"
	"net/http"

	"sarraf/internal/hostile"
)

// paidFor is the id of a new payment of BDT 100.50 to the merchant with the keys.
func (w *world) paidFor(k keys) string {
	w.t.Helper()
	reference := fmt.Sprintf("PAID-%d", w.next())
	w.make("aspay", k, reference)
	paid := w.askAs(k, "/v1/sandbox/pay", fmt.Sprintf(`{"target":%q}`, reference))
	payment, _ := paid.json["payment"].(map[string]any)
	return fmt.Sprint(payment["id"])
}

// refunded is the id of a refund of the merchant with the keys; the same one each time.
func (w *world) refunded(k keys) string {
	w.t.Helper()
	key := "refund " + k["native"]["key"]
	if w.kept[key] == "" {
		w.kept[key] = w.askAs(k, "/v1/refunds", fmt.Sprintf(`{"payment":%q,"amount":"1","currency":"BDT"}`, w.paidFor(k))).str("id")
	}
	return w.kept[key]
}

func refundBook() map[string]recipe {
	const early, late = "00000000-0000-7000-8000-000000000000", "ffffffff-ffff-7fff-bfff-ffffffffffff"
	good := func(w *world) hostile.Request {
		text := func(name, value string, sort hostile.Sort, must bool) hostile.Field {
			return hostile.Field{Name: name, JSON: fmt.Sprintf("%q", value), Sort: sort, Required: must}
		}
		return w.guarded(hostile.Request{Method: http.MethodPost, Pattern: "/v1/refunds", Keyed: true, StrictQuery: true, Fields: []hostile.Field{
			text("payment", w.paidFor(w.mine), hostile.Word, true), text("amount", "100.50", hostile.Amount, true), text("currency", "BDT", hostile.Word, true),
			text("of", "settled", hostile.Word, false), text("reason", fmt.Sprintf("Reason %d", w.next()), hostile.Text, false),
		}}, "native", true)
	}
	return map[string]recipe{
		"native POST /v1/refunds": {
			takes: ok, keeps: true, good: good,
			repeats: []repeat{{keyed: true, payouts: 1, judge: once(http.StatusUnprocessableEntity, "refund_too_much")}},
		},
		"native GET /v1/refunds": outward("/v1/refunds", func(w *world, r *hostile.Request) {
			w.refunded(w.mine)
			r.Query = []hostile.Pair{{Name: "limit", Value: "2"}, {Name: "after", Value: early}, {Name: "before", Value: late}}
		}),
		"native GET /v1/refunds/{id}": outward("/v1/refunds/{id}", func(w *world, r *hostile.Request) {
			r.Path = []hostile.Pair{{Name: "id", Value: w.refunded(w.mine)}}
		}),
	}
}
