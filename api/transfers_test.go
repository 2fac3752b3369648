package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
	"sarraf/wallet"
)

func TestAPersonsMoneyMovesWithItsPIN(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		a, b := h.person(m, "+8801712345678", "1000"), h.person(m, "+8801712345679", "")
		last := h.lastEvent(m)
		sent := h.must("POST", "/v1/transfers", m.key,
			body("sender", a, "receiver", "+880 1712-345679", "amount", "120.5", "currency", "BDT", "note", "For tea", "pin", pin))
		want := fmt.Sprintf(`{"id":%q,"kind":"send","door":"native","sender":{"wallet":%q,"name":"Rahima","mobile_number":"+8801712345678"},`+
			`"receiver":{"wallet":%q,"kind":"consumer","name":"Rahima","mobile_number":"+8801712345679"},"amount":"120.50","fee":"5.00","total":"125.50",`+
			`"currency":"BDT","note":"For tea","balance_after":"874.50","by":"merchant","at":"2026-07-01T12:00:00.123456Z"}`, sent.at(t, "id"), a, b)
		if sent.body != want {
			t.Error(cmp.Diff(want, sent.body))
		}
		if sent.header.Get("Content-Type") != "application/json" || sent.header.Get("Request-Id") == "" {
			t.Errorf("%v", sent.header)
		}
		h.has(m, a, "874.50")
		h.has(m, b, "120.50")
		if got := h.eventTypes(m, last); !cmp.Equal(got, []string{"wallet.sent"}) {
			t.Errorf("events %v", got)
		}
		found := h.must("GET", "/v1/transfers/"+sent.at(t, "id")+"?wallet="+a, m.key, "")
		if found.body != sent.body {
			t.Error(cmp.Diff(sent.body, found.body))
		}
	})
}

func TestAShopsOwnMoneyMovesByItsKey(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.tenant(merchant.Sandbox), h.tenant(merchant.Sandbox)
		till := h.till(m, "1000")
		theirs, shop := h.person(other, "+8801712345678", ""), h.till(other, "")
		paid := h.must("POST", "/v1/transfers", m.key, send(till, "+8801712345678", "100", ""))
		if paid.at(t, "kind") != "send" || paid.at(t, "receiver.wallet") != theirs {
			t.Errorf("%s", paid.body)
		}
		h.has(other, theirs, "100.00")
		h.has(m, till, "895.00")
		// Of a wallet of another's, the id is worth nothing: neither to spend from, nor to send to.
		h.refuses("POST", "/v1/transfers", m.key, []refusal{
			{send(till, shop, "1", ""), 422, "receiver_missing", "receiver"},
			{send(till, theirs, "1", ""), 422, "receiver_missing", "receiver"},
			{send(till, id.New(h.clock), "1", ""), 422, "receiver_missing", "receiver"},
			{send(shop, till, "1", ""), 404, "wallet_missing", "sender"},
			{send(theirs, till, "1", pin), 404, "wallet_missing", "sender"},
			{send(id.New(h.clock), till, "1", ""), 404, "wallet_missing", "sender"},
		})
		missing := h.call("POST", "/v1/transfers", m.key, send(id.New(h.clock), till, "1", ""), "Request-Id", "r")
		if anothers := h.call("POST", "/v1/transfers", m.key, send(shop, till, "1", ""), "Request-Id", "r"); anothers.body != missing.body {
			t.Errorf("another's is told from none: %s, %s", anothers.body, missing.body)
		}
	})
}

func TestATransferThatCannotBeMadeIsRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, live := h.tenant(merchant.Sandbox), h.tenant(merchant.Live)
		a, b, till := h.person(m, "+8801712345678", "1000"), h.person(m, "+8801712345679", ""), h.till(m, "100")
		yen := h.must("POST", "/v1/wallets", m.key, body("kind", "merchant", "name", "Yen", "currencies", []string{"JPY"})).at(t, "id")
		h.person(live, "+8801712345670", "")
		bdt := func(more ...any) string {
			return body(append([]any{"sender", a, "receiver", b, "amount", "10", "currency", "BDT", "pin", pin}, more...)...)
		}
		h.refuses("POST", "/v1/transfers", m.key, []refusal{
			{``, 422, "field_required", "sender"},
			{`[]`, 400, "body_malformed", ""},
			{`{"sender":"` + a + `","sender":"` + a + `"}`, 400, "body_malformed", "sender"},
			{`{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, 400, "body_malformed", ""},
			{bdt("sender", ""), 422, "field_required", "sender"},
			{bdt("sender", "s3cret"), 422, "field_malformed", "sender"},
			{bdt("sender", "+8801712345678"), 422, "field_malformed", "sender"},
			{bdt("sender", 1), 422, "field_not_string", "sender"},
			{bdt("receiver", ""), 422, "field_required", "receiver"},
			{bdt("receiver", "s3cret"), 422, "field_malformed", "receiver"},
			{bdt("receiver", "01712345679"), 422, "field_malformed", "receiver"},
			{bdt("receiver", strings.Repeat("+", 65)), 422, "field_too_long", "receiver"},
			{bdt("receiver", []string{b}), 422, "field_not_string", "receiver"},
			{bdt("receiver", "+8801712345671"), 422, "receiver_missing", "receiver"},
			{bdt("receiver", "+8801712345670"), 422, "receiver_missing", "receiver"}, // a live one
			{bdt("receiver", a), 422, "receiver_self", "receiver"},
			{bdt("receiver", "+8801712345678"), 422, "receiver_self", "receiver"},
			{bdt("receiver", yen), 422, "receiver_missing", "receiver"},
			{bdt("amount", ""), 422, "field_required", "amount"},
			{bdt("amount", "s3cret"), 422, "field_not_number", "amount"},
			{bdt("amount", true), 422, "field_not_number", "amount"},
			{bdt("amount", "0"), 422, "amount_not_positive", "amount"},
			{bdt("amount", "-5"), 422, "amount_not_positive", "amount"},
			{bdt("amount", "1.234"), 422, "amount_decimals", "amount"},
			{bdt("amount", "1000000000000.01"), 422, "amount_too_large", "amount"},
			{bdt("amount", "0.5"), 422, "amount_below_limit", "amount"},
			{bdt("amount", "50001"), 422, "amount_above_limit", "amount"},
			{bdt("amount", "996"), 422, "balance_insufficient", "amount"},
			{bdt("currency", ""), 422, "field_required", "currency"},
			{bdt("currency", "s3cret"), 422, "currency_unknown", "currency"},
			{bdt("currency", "EUR"), 422, "currency_unknown", "currency"},
			{bdt("note", "a\u0000b"), 422, "field_control", "note"},
			{bdt("note", strings.Repeat("ক", 256)), 422, "field_too_long", "note"},
			{bdt("note", 1), 422, "field_not_string", "note"},
			{bdt("pin", ""), 422, "field_required", "pin"},
			{bdt("pin", "s3cret"), 422, "pin_malformed", "pin"},
			{bdt("pin", "12345"), 422, "pin_malformed", "pin"},
			{strings.Replace(bdt("pin", "x"), `"x"`, `""`, 1), 422, "pin_malformed", "pin"},
			{bdt("pin", 1234), 422, "field_not_string", "pin"},
			{bdt("pin", "0000"), 422, "pin_wrong", "pin"},
			{send(till, b, "1", "0000"), 422, "pin_wrong", "pin"}, // whoever shows one must show the right one
		})
		many := h.call("POST", "/v1/transfers", m.key, `{"amount":"x","currency":"BDT","pin":1}`)
		if many.status != 422 || many.at(t, "errors.3.field") != "pin" {
			t.Errorf("not all that is wrong: %s", many.body)
		}
		short := h.call("POST", "/v1/transfers", m.key, bdt("amount", "996"))
		if short.at(t, "params.available") != "1000.00" || strings.Contains(short.body, "wallet/") {
			t.Errorf("%s", short.body)
		}
		h.has(m, a, "1000.00")
		h.has(m, b, "0.00")
	})
}

func TestAPINIsLockedAfterFiveWrongOnes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		a, till := h.person(m, "+8801712345678", "1000"), h.till(m, "")
		for range 5 {
			h.refuses("POST", "/v1/transfers", m.key, []refusal{{send(a, till, "1", "0000"), 422, "pin_wrong", "pin"}})
		}
		locked := h.call("POST", "/v1/transfers", m.key, send(a, till, "1", pin))
		if locked.status != 422 || locked.at(t, "code") != "pin_locked" || locked.at(t, "params.retry_after") != "1800" || !strings.Contains(locked.at(t, "detail"), "1800") {
			t.Errorf("%d %s", locked.status, locked.body)
		}
		op, opID := h.operator()
		moved := h.must("POST", "/v1/transfers", op, send(a, till, "1", ""))
		if moved.at(t, "by") != "operator" {
			t.Errorf("an operator needs none: %s", moved.body)
		}
		kept, err := h.wallets.Transfer(context.Background(), a, moved.at(t, "id"))
		if err != nil || kept.Actor != "operator key "+opID {
			t.Errorf("the books do not say which key it was: %+v, %v", kept, err)
		}
		h.has(m, till, "1.00")
	})
}

func TestTransfersInBulkAreDecidedEachAlone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.tenant(merchant.Sandbox), h.tenant(merchant.Sandbox)
		a, till, theirs := h.person(m, "+8801712345678", "1000"), h.till(m, "100"), h.till(other, "")
		op, _ := h.operator()
		lines := []string{
			send(till, a, "60", ""), send(till, a, "60", ""), send(a, till, "500", pin), send(till, a, "60", ""),
			send(a, till, "1", "0000"), send(a, till, "1", ""), send(theirs, till, "1", ""), send(till, theirs, "1", ""), send(till, "+8801712345678", "1.50", ""),
			send(till, a, "60000", ""),
		}
		want := []string{"done", "balance_insufficient", "done", "done", "pin_wrong", "field_required", "wallet_missing", "receiver_missing", "done", "amount_above_limit"}
		all := `{"transfers":[` + strings.Join(lines, ",") + `]}`
		last := h.lastEvent(m)
		bulk := h.must("POST", "/v1/transfers/bulk", m.key, all, "Idempotency-Key", "k")
		var got BulkAnswer
		if err := json.Unmarshal([]byte(bulk.body), &got); err != nil {
			t.Fatal(err)
		}
		if plainJSON(t, got) != bulk.body {
			t.Errorf("as it is appended, and as it is encoded: %s", cmp.Diff(plainJSON(t, got), bulk.body))
		}
		var became []string
		for i, l := range got.Data {
			if l.Index != i || (l.Transfer == nil) == (l.Problem == nil) || (l.Status == "done") != (l.Transfer != nil) {
				t.Errorf("line %d: %+v", i, l)
			}
			if l.Problem != nil {
				became = append(became, l.Problem.Code)
			} else {
				became = append(became, l.Status)
			}
		}
		if d := cmp.Diff(want, became); d != "" {
			t.Error(d)
		}
		if p := got.Data[9].Problem; p.Params["limit"] != "50000.00" || p.Field != "amount" {
			t.Errorf("%+v", p)
		}
		if n := len(h.eventTypes(m, last)); n != 4 {
			t.Errorf("%d events", n)
		}
		if again := h.must("POST", "/v1/transfers/bulk", m.key, all, "Idempotency-Key", "k"); again.body != bulk.body {
			t.Error(cmp.Diff(bulk.body, again.body))
		}
		h.has(m, till, "463.50") // 100, less 60 and 5, and 500 more, less 60 and 5, less 1.50 and 5
		if a := h.must("POST", "/v1/transfers/bulk", op, `{"transfers":[`+send(a, theirs, "2", "")+`]}`); a.at(t, "data.0.transfer.by") != "operator" {
			t.Errorf("an operator's: %s", a.body)
		}
	})
}

func TestABulkByNumbersReachesEachHolder(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		till := h.till(m, "100000")
		var people, lines []string
		for i := range 9 {
			people = append(people, h.person(m, fmt.Sprintf("+88017123456%02d", i), ""))
		}
		for i := range 90 { // each of nine gets its own amount ten times, among numbers that nobody has
			lines = append(lines, send(till, fmt.Sprintf("+88017123456%02d", i%9), fmt.Sprintf("%d", 1+i%9), ""), send(till, fmt.Sprintf("+88018123456%02d", i), "1", ""))
		}
		a := h.must("POST", "/v1/transfers/bulk", m.key, `{"transfers":[`+strings.Join(lines, ",")+`]}`)
		if n := strings.Count(a.body, `"receiver_missing"`); n != 90 {
			t.Errorf("%d went to nobody", n)
		}
		for i, p := range people {
			h.has(m, p, fmt.Sprintf("%d.00", 10*(i+1)))
		}
	})
}

func TestAMalformedLineRefusesTheWholeCall(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		till, a := h.till(m, "100"), h.person(m, "+8801712345678", "")
		good := send(till, a, "1", "")
		list := func(lines ...string) string { return `{"transfers":[` + strings.Join(lines, ",") + `]}` }
		thousand := make([]string, 1001)
		for i := range thousand {
			thousand[i] = good
		}
		h.refuses("POST", "/v1/transfers/bulk", m.key, []refusal{
			{`{}`, 422, "field_required", "transfers"},
			{list(), 422, "field_required", "transfers"},
			{`{"transfers":{}}`, 422, "field_not_list", "transfers"},
			{`{"transfers":null}`, 422, "field_required", "transfers"},
			{list(good, `1`), 422, "field_malformed", "transfers.1"},
			{list(thousand...), 422, "field_too_many", "transfers"},
			{list(good, good, send(till, a, "x", "")), 422, "field_not_number", "transfers.2.amount"},
			{list(good, send(till, a, "1", "12345")), 422, "pin_malformed", "transfers.1.pin"},
			{list(good, send("", a, "1", "")), 422, "field_required", "transfers.1.sender"},
			{list(good, send(till, "nobody", "1", "")), 422, "field_malformed", "transfers.1.receiver"},
			{list(good, `{"sender":"a","sender":"b"}`), 400, "body_malformed", "sender"},
			{`{"transfers":[` + good, 400, "body_malformed", ""},
		})
		h.has(m, till, "100.00")
		// Its key stays free, and a call of a thousand is taken.
		if a := h.call("POST", "/v1/transfers/bulk", m.key, list(good, `1`), "Idempotency-Key", "k"); a.status != 422 {
			t.Errorf("%d %s", a.status, a.body)
		}
		cheap := send(till, a, "0.01", "")
		for i := range thousand {
			thousand[i] = cheap
		}
		full := h.must("POST", "/v1/transfers/bulk", m.key, list(thousand[:1000]...), "Idempotency-Key", "k")
		if full.at(t, "data.999.problem.code") != "amount_below_limit" {
			t.Errorf("%.300s", full.body)
		}
		if a := h.call("POST", "/v1/transfers/bulk", m.key, list(good)+strings.Repeat(" ", bulkBody)); a.status != 413 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

func TestARepeatedTransferMovesMoneyOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		a, till := h.person(m, "+8801712345678", "1000"), h.till(m, "")
		first := h.must("POST", "/v1/transfers", m.key, send(a, till, "10", pin), "Idempotency-Key", "k")
		bodies := make([]string, 20)
		var all sync.WaitGroup
		for i := range bodies {
			all.Go(func() {
				bodies[i] = h.call("POST", "/v1/transfers", m.key, send(a, till, "10", pin), "Idempotency-Key", "k").body
			})
		}
		all.Wait()
		for _, b := range bodies {
			if b != first.body {
				t.Error(cmp.Diff(first.body, b))
			}
		}
		h.has(m, till, "10.00")
		for name, other := range map[string]string{
			"another amount": send(a, till, "11", pin), "another PIN": send(a, till, "10", "0000"), "a PIN less": send(a, till, "10", ""),
		} {
			if a := h.call("POST", "/v1/transfers", m.key, other, "Idempotency-Key", "k"); a.status != 422 || a.at(t, "code") != "idempotency_reused" {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		// A refusal is kept as well, whatever has come since.
		poor := h.call("POST", "/v1/transfers", m.key, send(till, "+8801712345678", "500", ""), "Idempotency-Key", "k2", "Request-Id", "r")
		late := h.call("POST", "/v1/transfers", m.key, send(till, "+8801712345670", "1", ""), "Idempotency-Key", "k3", "Request-Id", "r")
		h.fill(till, "5000")
		h.person(m, "+8801712345670", "")
		for key, c := range map[string][2]answer{
			"k2": {poor, h.call("POST", "/v1/transfers", m.key, send(till, "+8801712345678", "500", ""), "Idempotency-Key", "k2", "Request-Id", "r")},
			"k3": {late, h.call("POST", "/v1/transfers", m.key, send(till, "+8801712345670", "1", ""), "Idempotency-Key", "k3", "Request-Id", "r")},
		} {
			if c[0].status != 422 || c[0].body != c[1].body {
				t.Errorf("%s: %s, then %s", key, c[0].body, c[1].body)
			}
		}
		// Wallets and top-ups alike.
		for path, text := range map[string]string{
			"/v1/wallets": body("kind", "consumer", "name", "A", "mobile_number", "+8801712345671", "pin", pin), "/v1/wallets/" + till + "/top-ups": body("amount", "7", "currency", "BDT"),
		} {
			first := h.must("POST", path, m.key, text, "Idempotency-Key", "same "[:4]+path[len(path)-3:])
			if again := h.must("POST", path, m.key, text, "Idempotency-Key", "same "[:4]+path[len(path)-3:]); again.body != first.body {
				t.Errorf("%s: %s", path, cmp.Diff(first.body, again.body))
			}
		}
		h.has(m, till, "5017.00")
	})
}

func TestOperatorsKeysAreOfOneSpace(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		a, till := h.person(m, "+8801712345678", "1000"), h.till(m, "")
		op, _ := h.operator()
		first := h.must("POST", "/v1/transfers", op, send(a, till, "10", ""), "Idempotency-Key", "k")
		if again := h.must("POST", "/v1/transfers", op, send(a, till, "10", ""), "Idempotency-Key", "k"); again.body != first.body {
			t.Errorf("%s", again.body)
		}
		for path, text := range map[string]string{
			"/v1/transfers": send(till, a, "1", ""), "/v1/wallets": body("kind", "consumer", "name", "A", "currencies", []string{"BDT"}),
			"/v1/wallets/" + a + "/top-ups": body("amount", "7", "currency", "BDT", "reference", "R"), "/v1/wallets/" + a + "/status": `{"status":"suspended"}`,
		} {
			if a := h.call("POST", path, op, text, "Idempotency-Key", "k"); a.status != 422 || a.at(t, "code") != "idempotency_reused" {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
		h.must("POST", "/v1/transfers", m.key, send(till, a, "1", ""), "Idempotency-Key", "k") // the merchant's own keys are others
	})
}

func TestWhatIsKeptOfARequestDoesNotGivePINsAway(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		a, till := h.person(m, "+8801712345678", "1000"), h.till(m, "")
		for path, text := range map[string]string{
			"/v1/transfers": send(a, till, "10", pin), "/v1/transfers/bulk": `{"transfers":[` + send(a, till, "10", pin) + `]}`,
			"/v1/wallets": body("kind", "consumer", "name", "A", "pin", pin),
		} {
			key := "k-" + path[4:]
			h.must("POST", path, m.key, text, "Idempotency-Key", strings.ReplaceAll(key, "/", "-"))
			plain := store.BodyHash("POST", path, text)
			n := 0
			err := h.db.Query(context.Background(), `SELECT body_hash, snapshot FROM idempotency WHERE owner = $1`, []any{m.Owner}, func(r store.Row) error {
				var hash, kept string
				err := r.Scan(&hash, &kept)
				if n++; hash == plain || strings.Contains(kept, `"pin"`) {
					t.Errorf("%s: %s %s", path, hash, kept)
				}
				return err
			})
			if err != nil || n == 0 {
				t.Fatal(n, err)
			}
		}
	})
}

func TestAQuoteHasTheFiguresOfTheTransfer(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		a, b, till := h.person(m, "+8801712345678", "1000"), h.person(m, "+8801712345679", ""), h.till(m, "")
		quote := func(sender, receiver, amount string) answer {
			return h.must("POST", "/v1/quotes", m.key, send(sender, receiver, amount, ""))
		}
		want := fmt.Sprintf(`{"kind":"send","sender":{"wallet":%q,"name":"Rahima","mobile_number":"+8801712345678"},"receiver":{"wallet":%q,"kind":"consumer",`+
			`"name":"Rahima","mobile_number":"+8801712345679"},"amount":"100.00","fee":"5.00","total":"105.00","currency":"BDT","goes":true}`, a, b)
		if got := quote(a, "+8801712345679", "100"); got.body != want {
			t.Error(cmp.Diff(want, got.body))
		}
		if got := quote(a, till, "100"); got.at(t, "kind") != "payment" || got.at(t, "fee") != "0.00" || got.at(t, "goes") != "true" {
			t.Errorf("%s", got.body)
		}
		for amount, code := range map[string]string{"996": "balance_insufficient", "0.5": "amount_below_limit", "50001": "amount_above_limit"} {
			got := quote(a, b, amount)
			if got.at(t, "goes") != "false" || got.at(t, "problem.code") != code || got.at(t, "fee") != "5.00" {
				t.Errorf("%s: %s", amount, got.body)
			}
		}
		h.refuses("POST", "/v1/quotes", m.key, []refusal{
			{`{}`, 422, "field_required", "sender"},
			{send(a, a, "1", ""), 422, "receiver_self", "receiver"},
			{send(a, "+8801712345670", "1", ""), 422, "receiver_missing", "receiver"},
			{send(id.New(h.clock), a, "1", ""), 404, "wallet_missing", "sender"},
			{send(a, b, "0", ""), 422, "amount_not_positive", "amount"},
		})
		h.has(m, a, "1000.00")
	})
}

func TestAStatementSaysWhatTheBooksSay(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		a, b := h.person(m, "+8801712345678", ""), h.person(m, "+8801712345679", "")
		top := h.must("POST", "/v1/wallets/"+a+"/top-ups", m.key, body("amount", "1000", "currency", "BDT")).at(t, "id")
		out := h.must("POST", "/v1/transfers", m.key, body("sender", a, "receiver", b, "amount", "100", "currency", "BDT", "pin", pin, "note", "Tea")).at(t, "id")
		back := h.must("POST", "/v1/transfers", m.key, send(b, a, "20", pin)).at(t, "id")
		const at = `"currency":"BDT","at":"2026-07-01T12:00:00.123456Z"}`
		other := fmt.Sprintf(`{"wallet":%q,"name":"Rahima","mobile_number":"+8801712345679"}`, b)
		want := `{"data":[` + strings.Join([]string{
			fmt.Sprintf(`{"number":4,"transfer":%q,"kind":"send","direction":"in","counterparty":%s,"amount":"20.00","fee":"0.00","balance":"915.00",%s`, back, other, at),
			fmt.Sprintf(`{"number":2,"transfer":%q,"kind":"send","direction":"out","counterparty":%s,"amount":"100.00","fee":"5.00","balance":"895.00","currency":"BDT","note":"Tea","at":"2026-07-01T12:00:00.123456Z"}`,
				out, strings.Replace(other, `"name"`, `"kind":"consumer","name"`, 1)),
			fmt.Sprintf(`{"number":1,"transfer":%q,"kind":"topup","direction":"in","amount":"1000.00","fee":"0.00","balance":"1000.00",%s`, top, at),
		}, ",") + `],"has_more":false}`
		if got := h.must("GET", "/v1/wallets/"+a+"/statement", m.key, ""); got.body != want {
			t.Error(cmp.Diff(want, got.body))
		}
		for query, want := range map[string][]string{
			"?limit=1": {back, "true"}, "?limit=2": {back, out, "true"}, "?before=4": {out, top, "false"}, "?before=4&limit=1": {out, "true"},
			"?after=1": {back, out, "false"}, "?after=1&limit=1": {out, "true"}, "?after=1&before=4": {out, "false"}, "?currency=JPY": {"false"},
			"?currency=BDT&before=1": {"false"},
		} {
			var page Page[StatementLine]
			a := h.must("GET", "/v1/wallets/"+a+"/statement"+query, m.key, "")
			if err := json.Unmarshal([]byte(a.body), &page); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range page.Data {
				got = append(got, l.Transfer)
			}
			if got = append(got, fmt.Sprint(page.HasMore)); !cmp.Equal(got, want) {
				t.Errorf("%s: %s", query, cmp.Diff(want, got))
			}
		}
		for query, field := range map[string]string{"?currency=EUR": "currency", "?currency=x": "currency", "?before=x": "before", "?limit=101": "limit", "?after=0": "after"} {
			if a := h.call("GET", "/v1/wallets/"+a+"/statement"+query, m.key, ""); a.status != 422 || a.at(t, "field") != field {
				t.Errorf("%s: %d %s", query, a.status, a.body)
			}
		}
	})
}

func TestATransferIsSeenByItsSidesAlone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other, third := h.tenant(merchant.Sandbox), h.tenant(merchant.Sandbox), h.tenant(merchant.Sandbox)
		till, theirs := h.till(m, "1000"), h.person(other, "+8801712345678", "")
		sent := h.must("POST", "/v1/transfers", m.key, send(till, "+8801712345678", "10", ""))
		path := "/v1/transfers/" + sent.at(t, "id") + "?wallet=" + till
		seen := h.must("GET", path, other.key, "")
		if seen.at(t, "receiver.wallet") != theirs || seen.at(t, "balance_after") != "" {
			t.Errorf("the receiver's merchant sees the sender's balance: %s", seen.body)
		}
		line := h.must("GET", "/v1/wallets/"+theirs+"/statement", other.key, "")
		if line.at(t, "data.0.counterparty.wallet") != till {
			t.Errorf("%s", line.body)
		}
		op, _ := h.operator()
		for key, want := range map[string]string{m.key: "+8801712345678", other.key: "+8801712345678", op: "+8801712345678"} { // m's key sent to it
			if a := h.must("GET", path, key, ""); a.at(t, "receiver.mobile_number") != want {
				t.Errorf("%s", a.body)
			}
		}
		if a := h.must("GET", path, op, ""); a.body != sent.body {
			t.Errorf("an operator: %s", a.body)
		}
		for key, path := range map[string]string{
			third.key: path, m.key: "/v1/transfers/" + sent.at(t, "id"), other.key: "/v1/transfers/" + id.New(h.clock) + "?wallet=" + till,
		} {
			if a := h.call("GET", path, key, ""); a.status != 404 || a.at(t, "code") != "transfer_missing" {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
		if a := h.call("GET", "/v1/transfers/x?wallet=x", m.key, ""); a.status != 422 || a.at(t, "field") != "wallet" {
			t.Errorf("%d %s", a.status, a.body)
		}
		number, err := h.wallets.NextNumber(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.wallets.Spend(context.Background(), wallet.Spend{
			ID: id.New(h.clock), Number: number, Door: "deshipay", Sender: till, Receiver: theirs, Amount: amountOf("5"), By: wallet.MerchantKey, Merchant: m.Owner,
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a := h.must("GET", "/v1/transfers/"+number, m.key, ""); a.at(t, "number") != number || a.at(t, "door") != "deshipay" {
			t.Errorf("by its receipt: %s", a.body)
		}
	})
}

func TestNumbersOfOthersAreMasked(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		m, other := h.tenant(merchant.Sandbox), h.tenant(merchant.Sandbox)
		a, b, till := h.person(m, "+8801712345678", "1000"), h.person(other, "+8801712345679", ""), h.till(other, "")
		holders := pin
		spend := func(receiver string) string { // by the holder, at another front door, who may have read no more than a QR code
			sent, err := h.wallets.Spend(ctx, wallet.Spend{
				ID: id.New(h.clock), Door: "deshipay", Sender: a, Receiver: receiver, Amount: amountOf("5"), PIN: &holders,
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			return "/v1/transfers/" + sent.Transfer.ID + "?wallet=" + a
		}
		last := func(key string) string {
			list := h.must("GET", "/v1/events?limit=1&before=1000000", key, "")
			return "/v1/events/" + list.at(t, "data.0.number")
		}
		const wholeA, wholeB, maskedA, maskedB = "+8801712345678", "+8801712345679", "+88017*****678", "+88017*****679"
		op, _ := h.operator()
		for _, c := range []struct{ path, key, place, sender, receiver string }{
			{spend(b), m.key, "", wholeA, maskedB},
			{spend(b), other.key, "", maskedA, wholeB},
			{spend(b), op, "", wholeA, wholeB},
			{last(m.key), m.key, "data.transfer.", wholeA, maskedB},
			{spend(till), other.key, "", maskedA, ""},
			{last(other.key), other.key, "data.transfer.", maskedA, ""},
		} {
			got := h.must("GET", c.path, c.key, "")
			if s, r := got.at(t, c.place+"sender.mobile_number"), got.at(t, c.place+"receiver.mobile_number"); s != c.sender || r != c.receiver {
				t.Errorf("%s: from %q, want %q; to %q, want %q", got.body, s, c.sender, r, c.receiver)
			}
		}
		for _, c := range []struct{ wallet, key, number string }{{a, m.key, ""}, {b, other.key, maskedA}, {till, other.key, maskedA}, {b, op, wholeA}} {
			got := h.must("GET", "/v1/wallets/"+c.wallet+"/statement?limit=1", c.key, "")
			if n := got.at(t, "data.0.counterparty.mobile_number"); n != c.number {
				t.Errorf("%s: %q, want %q", got.body, n, c.number)
			}
		}
		h.must("POST", "/v1/transfers", m.key, send(a, wholeB, "5", pin))
		got := h.must("GET", "/v1/wallets/"+a+"/statement?limit=2", m.key, "")
		if n := got.at(t, "data.0.counterparty.mobile_number"); n != wholeB {
			t.Errorf("of one that the key named: %q", n)
		}
	})
}

func amountOf(text string) money.Amount {
	a, err := money.Parse(text, money.BDT, money.Plain)
	if err != nil {
		panic(err)
	}
	return a
}

func TestEventsTellBothMerchantsOfATransfer(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.tenant(merchant.Sandbox), h.tenant(merchant.Sandbox)
		a, till := h.person(m, "+8801712345678", "1000"), h.must("POST", "/v1/wallets", other.key,
			body("kind", "merchant", "name", "Their till", "mobile_number", "+8801712345679")).at(t, "id")
		sent := h.must("POST", "/v1/transfers", m.key, send(a, "+8801712345679", "100", pin))
		paid := h.must("GET", "/v1/events/2", m.key, "")
		if paid.at(t, "type") != "wallet.paid" || paid.at(t, "kind") != "wallet" || paid.at(t, "subject") != sent.at(t, "id") || paid.at(t, "door") != Name {
			t.Errorf("%s", paid.body)
		}
		if !strings.HasSuffix(paid.body, `"data":{"transfer":`+sent.body+`}}`) {
			t.Errorf("the sender's: %s", cmp.Diff(sent.body, paid.body))
		}
		got := h.must("GET", "/v1/events/1", other.key, "")
		if got.at(t, "type") != "wallet.received" || got.at(t, "kind") != "wallet_receipt" || got.at(t, "data.transfer.receiver.wallet") != till ||
			got.at(t, "data.transfer.balance_after") != "" || strings.Contains(got.body, "900.00") {
			t.Errorf("the receiver's: %s", got.body)
		}
		if first := h.must("GET", "/v1/events?limit=1", m.key, ""); first.at(t, "data.0.type") != "wallet.topped_up" || first.at(t, "data.0.data.transfer.kind") != "topup" {
			t.Errorf("%s", first.body)
		}
	})
}
