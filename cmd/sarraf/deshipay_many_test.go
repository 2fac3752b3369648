package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"sarraf/dialect/dialecttest"
	"sarraf/internal/hostile"
	"sarraf/wallet"
)

// An execution that arrives 500 times at once, by every path that there is and in turn at each node, moves money once, and each is given the one
// receipt.
func TestFiveHundredOfAnExecutionAtOnceMoveMoneyOnce(t *testing.T) {
	onNodes(t, func(t *testing.T, w *world, nodes []string) {
		balance := func(of wallet.Wallet) int64 {
			t.Helper()
			a, err := w.app.wallets.Balance(t.Context(), of.Owner, "BDT")
			w.must(err)
			return a.Minor
		}
		const move = "deshipay POST /api/v1/private/transaction"
		for _, paths := range [][]string{
			{move + "/manual-payment/execute", move + "/request-money/execute"},
			{move + "/qr-payment/execute", move + "/qr-payment/confirmation"},
		} {
			had, has := balance(w.payer), balance(w.shop)
			first := deshipayBook()[paths[0]].good(w)
			list := make([]hostile.Request, 500)
			for i := range list {
				list[i] = first.Clone()
				list[i].Pattern = strings.TrimPrefix(paths[i%len(paths)], "deshipay POST ")
			}
			receipts := map[string]int{}
			for _, a := range w.atOnce(nodes, list) {
				if a.Status != http.StatusOK {
					t.Fatalf("%d %s", a.Status, a.Body)
				}
				_, after, _ := bytes.Cut(a.Body, []byte(`"invoice_id":"`))
				receipts[string(after[:min(10, len(after))])]++
			}
			if len(receipts) != 1 {
				t.Errorf("%s: receipts %v", paths[0], receipts)
			}
			if paid, came := had-balance(w.payer), balance(w.shop)-has; paid != 10_50 || came != 10_50 {
				t.Errorf("%s: %d left the one, and %d came to the other", paths[0], paid, came)
			}
		}
	})
}

// 100 connections that guess a PIN, at signing in and at paying, get five tries together, whichever node they ask; the right PIN is no use then.
func TestAHundredConnectionsThatGuessAPINAreLockedAfterFive(t *testing.T) {
	onNodes(t, func(t *testing.T, w *world, nodes []string) {
		target := w.wealthy("Target")
		token := w.signed(target)["key"]
		sign := func(pin string) hostile.Request {
			return hostile.Request{Method: http.MethodPost, Pattern: "/api/v1/auth/signin", Fields: []hostile.Field{
				{Name: "mobile_number", JSON: `"` + target.Number + `"`}, {Name: "pin", JSON: `"` + pin + `"`},
			}}
		}
		pay := func(pin string) hostile.Request {
			r := deshipayBook()["deshipay POST /api/v1/private/transaction/manual-payment/execute"].good(w)
			r.Header[0].Value = "Bearer " + token
			for i := range r.Fields {
				if r.Fields[i].Name == "pin" {
					r.Fields[i].JSON = `"` + pin + `"`
				}
			}
			return r
		}
		var list []hostile.Request
		for i := range 100 {
			if i%2 == 0 {
				list = append(list, sign(dialecttest.WrongPIN))
			} else {
				list = append(list, pay(dialecttest.WrongPIN))
			}
		}
		locked := []byte("PIN is locked")
		wrong := 0
		for _, a := range w.atOnce(nodes, list) {
			if a.Status != http.StatusUnprocessableEntity {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			if !bytes.Contains(a.Body, locked) {
				wrong++
			}
		}
		if wrong != 5 {
			t.Errorf("%d of 100 guesses were looked at", wrong)
		}
		for _, a := range w.atOnce(nodes, []hostile.Request{sign(dialecttest.PIN), pay(dialecttest.PIN), sign(dialecttest.PIN), pay(dialecttest.PIN)}) {
			if a.Status != http.StatusUnprocessableEntity || !bytes.Contains(a.Body, locked) {
				t.Errorf("the right PIN of a locked wallet: %d %s", a.Status, a.Body)
			}
		}
	})
}
