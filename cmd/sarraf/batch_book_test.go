package main

import (
	"fmt"
	"slices"
	"strings"

	"sarraf/internal/hostile"
	"sarraf/store"
)

// batchOf is the id of a new batch of one payout that wants approval, once it is made, of the merchant with the keys.
func (w *world) batchOf(k keys) string {
	w.t.Helper()
	bid := w.askAs(k, "/v1/payouts/batches", fmt.Sprintf(
		`{"payouts":[{"payout_method":%d,"amount":"5000","currency":"BDT","recipient_name":"Rahim","recipient_account":"01712345678"}]}`, w.treasuryOf(k).method)).str("id")
	w.settled()
	return bid
}

// settled waits until workers have moved what they move: of batches that are made, and of payouts that a rail is asked about.
func (w *world) settled() {
	w.t.Helper()
	waitFor(w.t, "payouts that workers make and move", func() bool {
		n := int64(-1)
		w.must(w.app.db.Query(w.t.Context(), `SELECT (SELECT count(*) FROM payout_work) + (SELECT count(*) FROM batch WHERE status <> 'done')`, nil,
			func(r store.Row) error { return r.Scan(&n) }))
		return n == 0
	})
}

// shownBatch is the id of a batch of the merchant with the keys; the same one each time.
func (w *world) shownBatch(k keys) string {
	w.t.Helper()
	key := "batch " + k["native"]["key"]
	if w.kept[key] == "" {
		w.kept[key] = w.batchOf(k)
	}
	return w.kept[key]
}

func batchBook() map[string]recipe {
	const early, late = "00000000-0000-7000-8000-000000000000", "ffffffff-ffff-7fff-bfff-ffffffffffff"
	named := func(w *world, r *hostile.Request) {
		r.Path = []hostile.Pair{{Name: "id", Value: w.shownBatch(w.mine)}}
	}
	decision := func(word string) recipe {
		return recipe{takes: ok, keeps: true, repeats: []repeat{{keyed: true, judge: alike}}, good: func(w *world) hostile.Request {
			r := deciding(word)(w)
			r.Pattern = strings.Replace(r.Pattern, "/payouts/", "/payouts/batches/", 1)
			r.Path = []hostile.Pair{{Name: "id", Value: w.batchOf(w.mine)}}
			return r
		}}
	}
	return map[string]recipe{
		"native POST /v1/payouts/batches": {
			takes: ok, keeps: true, repeats: []repeat{{keyed: true, payouts: 1, each: true, judge: allTaken}}, good: func(w *world) hostile.Request {
				r := paying(w)
				r.Pattern, r.Within, r.MaxBody = "/v1/payouts/batches", "payouts[]", 12<<20
				// One reference for all of them would be the first one's. The account is judged later, as all that needs the method.
				r.Fields = slices.DeleteFunc(r.Fields, func(f hostile.Field) bool { return f.Name == "reference" })
				for i := range r.Fields {
					if r.Fields[i].Name == "recipient_account" {
						r.Fields[i].Sort = hostile.Text
					}
				}
				return w.guarded(r, "native", true)
			},
		},
		"native GET /v1/payouts/batches": outward("/v1/payouts/batches", func(w *world, r *hostile.Request) {
			w.shownBatch(w.mine)
			r.Query = []hostile.Pair{{Name: "limit", Value: "2"}, {Name: "after", Value: early}, {Name: "before", Value: late}}
		}),
		"native GET /v1/payouts/batches/{id}": outward("/v1/payouts/batches/{id}", named),
		"native GET /v1/payouts/batches/{id}/lines": outward("/v1/payouts/batches/{id}/lines", func(w *world, r *hostile.Request) {
			named(w, r)
			r.Query = []hostile.Pair{{Name: "limit", Value: "2"}, {Name: "after", Value: "0"}, {Name: "state", Value: "made"}}
		}),
		"native POST /v1/payouts/batches/{id}/approve": decision("approve"),
		"native POST /v1/payouts/batches/{id}/reject":  decision("reject"),
	}
}
