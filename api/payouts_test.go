package api

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
)

// payer is a merchant with money to pay out, and a way to do so.
func (h *house) payer(mode merchant.Mode, taka int64) tenant {
	h.t.Helper()
	m := h.tenant(mode)
	h.fund(m, taka)
	h.method(m, payout.Method{Kind: "bkash", Rail: "sandbox", Fee: money.Schedule{Flat: 500}, Min: 5000, Max: 2500000})
	return m
}

// fund puts BDT on a merchant's balance.
func (h *house) fund(m tenant, taka int64) {
	h.t.Helper()
	if err := h.merchants.Fund(context.Background(), tester, m.Owner, id.New(h.clock), money.Of(taka*100, money.BDT)); err != nil {
		h.t.Fatal(err)
	}
}

// method gives the merchant a way to pay out, and answers its number.
func (h *house) method(m tenant, way payout.Method) int64 {
	h.t.Helper()
	way.Owner = m.Owner
	if m.Mode == merchant.Live {
		way.Rail = "manual"
	}
	made, err := h.payouts.SetMethod(context.Background(), tester, way)
	if err != nil {
		h.t.Fatal(err)
	}
	return made.Number
}

// approvals sets above which amount of BDT a second person approves.
func (h *house) approvals(m tenant, taka int64) {
	h.t.Helper()
	now, err := h.merchants.Get(context.Background(), m.Owner)
	if err == nil {
		now.Settings.PayoutApproval = map[money.Currency]int64{money.BDT: taka * 100}
		err = h.merchants.Change(context.Background(), tester, now)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// owed is the body of a payout by the first method.
func owed(amount, reference string) string {
	return body("payout_method", 1, "amount", amount, "currency", "BDT", "recipient_name", "Karim", "recipient_account", "01812-345678",
		"reference", reference)
}

// asked is a payout of the merchant's; the answer to asking for it.
func (h *house) payout(m tenant, amount, reference string) answer {
	h.t.Helper()
	return h.must("POST", "/v1/payouts", m.key, owed(amount, reference))
}

// stands fails the test unless so much BDT is on the merchant's balance, and so much of that is held.
func (h *house) stands(m tenant, balance, held string) {
	h.t.Helper()
	a := h.must("GET", "/v1/balances", m.key, "")
	for _, line := range a.json(h.t)["data"].([]any) {
		if b := line.(map[string]any); b["currency"] == "BDT" && b["kind"] == "balance" {
			if b["balance"] != balance || b["held"] != held {
				h.t.Errorf("balance %v, held %v; want %s, %s", b["balance"], b["held"], balance, held)
			}
			return
		}
	}
	h.t.Errorf("no balance in %s", a.body)
}

func TestAPayoutIsAskedForAndFound(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.payer(merchant.Sandbox, 5000), h.payer(merchant.Sandbox, 5000)
		made := h.must("POST", "/v1/payouts", m.key, body("payout_method", 1, "amount", "1234.50", "currency", "BDT", "recipient_name", " Rahima Khatun ",
			"recipient_account", "01712-345678", "reference", "SALARY-77", "description", "July"))
		pid := made.at(t, "id")
		want := fmt.Sprintf(`{"id":%q,"kind":"payout","merchant":%q,"door":"native","reference":"SALARY-77","payout_method":1,"method":"bkash",`+
			`"method_name":"bKash","rail":"sandbox","amount":"1234.50","fee":"5.00","total":"1239.50","currency":"BDT","recipient_name":"Rahima Khatun",`+
			`"recipient_account":"01712-345678","destination":"+8801712345678","description":"July","status":"pending","asked_by":%q,`+
			`"created_at":"2026-07-01T12:00:00.123456Z","updated_at":"2026-07-01T12:00:00.123456Z"}`, pid, m.Owner, made.at(t, "asked_by"))
		if made.body != want {
			t.Errorf("%s", cmp.Diff(want, made.body))
		}
		if by := made.at(t, "asked_by"); !strings.HasPrefix(by, "merchant key ") || len(by) != len("merchant key ")+36 {
			t.Errorf("asked by %q", by)
		}
		h.stands(m, "5000.00", "1239.50")
		for _, name := range []string{pid, "SALARY-77"} {
			if a := h.must("GET", "/v1/payouts/"+name, m.key, ""); a.body != made.body {
				t.Errorf("%s: %s", name, cmp.Diff(made.body, a.body))
			}
			if a := h.call("GET", "/v1/payouts/"+name, other.key, ""); a.status != 404 || a.at(t, "code") != "payout_missing" {
				t.Errorf("another's: %d %s", a.status, a.body)
			}
		}
		if a := h.call("GET", "/v1/payouts/nothing", m.key, ""); a.status != 404 || a.at(t, "field") != "id" {
			t.Errorf("nothing: %d %s", a.status, a.body)
		}
		last := h.lastEvent(m)
		if a := h.must("GET", fmt.Sprintf("/v1/events/%d", last), m.key, ""); a.at(t, "type") != "payout.requested" || a.at(t, "subject") != pid ||
			a.at(t, "data.payout.id") != pid || a.at(t, "data.payout.status") != "pending" || a.at(t, "data.payout.total") != "1239.50" {
			t.Errorf("its event: %s", a.body)
		}
	})
}

func TestPayoutsAreListed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.payer(merchant.Sandbox, 50000), h.payer(merchant.Sandbox, 5000)
		h.approvals(m, 1000)
		var ids []string
		for i, amount := range []string{"100", "2000", "300", "4000"} {
			ids = append(ids, h.payout(m, amount, fmt.Sprintf("R-%d", i)).at(t, "id"))
		}
		theirs := h.payout(other, "100", "R-0").at(t, "id")
		h.play(m, ids[0], "completed")
		h.must("POST", "/v1/payouts/"+ids[3]+"/approve", h.key(m.Merchant, merchant.Approver), "{}")
		op, _ := h.operator()
		for _, c := range []struct {
			key, query, more string
			want             []string
		}{
			{m.key, "", "false", []string{ids[3], ids[2], ids[1], ids[0]}},
			{m.key, "?limit=2", "true", []string{ids[3], ids[2]}},
			{m.key, "?limit=2&before=" + ids[2], "false", []string{ids[1], ids[0]}},
			{m.key, "?limit=2&after=" + ids[0], "true", []string{ids[2], ids[1]}},
			{m.key, "?after=" + ids[0] + "&before=" + ids[3], "false", []string{ids[2], ids[1]}},
			{m.key, "?limit=1&after=" + ids[0] + "&before=" + ids[3], "true", []string{ids[1]}},
			{m.key, "?status=completed", "false", []string{ids[0]}},
			{m.key, "?status=unknown", "false", nil},
			{m.key, "?approval=wanted", "false", []string{ids[1]}},
			{m.key, "?approval=given", "false", []string{ids[3]}},
			{m.key, "?status=pending&approval=given", "false", []string{ids[3]}},
			{m.key, "?kind=payout&rail=sandbox", "false", []string{ids[3], ids[2], ids[1], ids[0]}},
			{m.key, "?kind=refund", "false", nil},
			{m.key, "?rail=manual", "false", nil},
			{m.key, "?merchant=" + m.Owner + "&limit=1", "true", []string{ids[3]}},
			{op, "?limit=2", "true", []string{theirs, ids[3]}},
			{op, "?merchant=" + other.Owner, "false", []string{theirs}},
			{op, "?approval=wanted", "false", []string{ids[1]}},
		} {
			a := h.must("GET", "/v1/payouts"+c.query, c.key, "")
			var got []string
			for _, p := range a.json(t)["data"].([]any) {
				got = append(got, p.(map[string]any)["id"].(string))
			}
			if diff := cmp.Diff(c.want, got); diff != "" || a.at(t, "has_more") != c.more {
				t.Errorf("%s has_more %s (-want +got):\n%s", c.query, a.at(t, "has_more"), diff)
			}
		}
		for query, status := range map[string]int{
			"?merchant=" + other.Owner: 403, "?status=paid": 422, "?approval=no": 422, "?kind=x": 422, "?limit=0": 422, "?limit=101": 422, "?after=x": 422,
			"?batch=x": 422, "?limit=01": 422, "?rail=%00": 422,
		} {
			if a := h.call("GET", "/v1/payouts"+query, m.key, ""); a.status != status {
				t.Errorf("%s: %d %s", query, a.status, a.body)
			}
		}
	})
}

func TestPayoutMethodsAreListed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.payer(merchant.Sandbox, 0+1)
		h.method(m, payout.Method{Kind: "iban_pk", Name: "Bank", Rail: "sandbox", Fee: money.Schedule{PPM: 18500, Min: 100, Max: 50000}, Disabled: true})
		want := fmt.Sprintf(`{"data":[{"number":1,"merchant":%q,"kind":"bkash","name":"bKash","type":"mobile_banking","account_type":"Personal","currency":"BDT",`+
			`"min_amount":"50.00","max_amount":"25000.00","fee":{"flat":"5.00","percent":"0"},"rail":"sandbox","disabled":false},`+
			`{"number":2,"merchant":%q,"kind":"iban_pk","name":"Bank","type":"bank","account_type":"Current or savings","currency":"PKR",`+
			`"max_amount":"1000000.00","fee":{"flat":"0.00","percent":"1.85","min":"1.00","max":"500.00"},"rail":"sandbox","disabled":true}]}`, m.Owner, m.Owner)
		op, _ := h.operator()
		for _, a := range []answer{
			h.must("GET", "/v1/payout_methods", m.key, ""), h.must("GET", "/v1/payout_methods?merchant="+m.Owner, m.key, ""),
			h.must("GET", "/v1/payout_methods?merchant="+m.Owner, op, ""),
		} {
			if diff := cmp.Diff(want, a.body); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		other := h.tenant(merchant.Sandbox)
		if a := h.must("GET", "/v1/payout_methods", other.key, ""); a.body != `{"data":[]}` {
			t.Errorf("of one that has none: %s", a.body)
		}
		for _, c := range []struct {
			key, query, code string
		}{
			{other.key, "?merchant=" + m.Owner, "permission_missing"}, {op, "", "field_required"}, {op, "?merchant=x", "field_malformed"},
		} {
			if a := h.call("GET", "/v1/payout_methods"+c.query, c.key, ""); a.at(t, "code") != c.code || a.at(t, "field") != "merchant" {
				t.Errorf("%s: %d %s", c.query, a.status, a.body)
			}
		}
	})
}

func TestPercentIsWrittenPlainly(t *testing.T) {
	for ppm, want := range map[int64]string{0: "0", 1: "0.0001", 100: "0.01", 18_500: "1.85", 10_000: "1", 1_000_000: "100", 25_050: "2.505"} {
		if got := percent(ppm); got != want {
			t.Errorf("%d is %q, want %q", ppm, got, want)
		}
	}
}

func TestAPayoutThatCannotBeIsRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.payer(merchant.Sandbox, 1000)
		h.method(m, payout.Method{Kind: "iban_pk", Rail: "sandbox"})
		h.method(m, payout.Method{Kind: "nagad", Rail: "sandbox", Disabled: true})
		h.payout(m, "50", "TAKEN")
		last := h.lastEvent(m)
		good := map[string]any{
			"payout_method": 1, "amount": "100", "currency": "BDT", "recipient_name": "Rahima", "recipient_account": "01712345678",
		}
		for name, c := range map[string]struct {
			change map[string]any
			status int
			errors string // codes and fields
		}{
			"nothing": {
				map[string]any{"payout_method": nil, "amount": nil, "currency": nil, "recipient_name": nil, "recipient_account": nil},
				422,
				"field_required payout_method, field_required currency, field_required recipient_name, field_required recipient_account",
			},
			"no method of that number":  {map[string]any{"payout_method": 9}, 422, "payout_method_missing payout_method"},
			"a method that is disabled": {map[string]any{"payout_method": 3}, 422, "payout_method_missing payout_method"},
			"a method that is no number": {
				map[string]any{"payout_method": "bkash"}, 422, "field_not_integer payout_method",
			},
			"half a method":                {map[string]any{"payout_method": 1.5}, 422, "field_not_integer payout_method"},
			"a method of 0":                {map[string]any{"payout_method": 0}, 422, "field_not_integer payout_method"},
			"a method as a list":           {map[string]any{"payout_method": []int{1}}, 422, "field_not_integer payout_method"},
			"no amount":                    {map[string]any{"amount": "0"}, 422, "amount_not_positive amount"},
			"below nothing":                {map[string]any{"amount": "-1"}, 422, "amount_not_positive amount"},
			"three decimals":               {map[string]any{"amount": "100.001"}, 422, "amount_decimals amount"},
			"below the least":              {map[string]any{"amount": "49.99"}, 422, "amount_below_limit amount 50.00"},
			"above the most":               {map[string]any{"amount": "25000.01"}, 422, "amount_above_limit amount 25000.00"},
			"more than there is":           {map[string]any{"amount": "945"}, 422, "balance_insufficient amount"},
			"another currency":             {map[string]any{"currency": "PKR"}, 422, "currency_unknown currency"},
			"no currency":                  {map[string]any{"currency": "QQQ"}, 422, "currency_unknown currency"},
			"no number":                    {map[string]any{"recipient_account": "12345"}, 422, "field_malformed recipient_account"},
			"another country's":            {map[string]any{"recipient_account": "+923001234567"}, 422, "field_malformed recipient_account"},
			"a wrong IBAN":                 {map[string]any{"payout_method": 2, "currency": "PKR", "recipient_account": "PK36SCBL0000001123456703"}, 422, "field_malformed recipient_account"},
			"a name of two lines":          {map[string]any{"recipient_name": "a\nb"}, 422, "field_control recipient_name"},
			"a name that is too long":      {map[string]any{"recipient_name": strings.Repeat("a", 101)}, 422, "field_too_long recipient_name"},
			"a reference that is used":     {map[string]any{"reference": "TAKEN"}, 409, "reference_taken reference"},
			"a reference that is too long": {map[string]any{"reference": strings.Repeat("a", 65)}, 422, "field_too_long reference"},
		} {
			fields := map[string]any{}
			for k, v := range good {
				fields[k] = v
			}
			var pairs []any
			for k, v := range c.change {
				fields[k] = v
			}
			for k, v := range fields {
				if v != nil {
					pairs = append(pairs, k, v)
				}
			}
			a := h.call("POST", "/v1/payouts", m.key, body(pairs...))
			if got := told3(t, a); got != c.errors || a.status != c.status {
				t.Errorf("%s: %d %s, want %s\n%s", name, a.status, got, c.errors, a.body)
			}
		}
		if n := h.lastEvent(m); n != last {
			t.Errorf("%d events of what was refused", n-last)
		}
		h.stands(m, "1000.00", "55.00")
		h.payout(m, "940", "THE REST")
		h.stands(m, "1000.00", "1000.00")
	})
}

// told3 is everything that an answer says is wrong: code, field and limit of each.
func told3(t *testing.T, a answer) string {
	t.Helper()
	var list []string
	one := func(path string) {
		list = append(list, strings.TrimSpace(a.at(t, path+"code")+" "+a.at(t, path+"field")+" "+a.at(t, path+"params.limit")))
	}
	for i := 0; a.at(t, fmt.Sprintf("errors.%d.code", i)) != ""; i++ {
		one(fmt.Sprintf("errors.%d.", i))
	}
	if list == nil {
		one("")
	}
	return strings.Join(list, ", ")
}

func TestASecondPersonDecides(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.payer(merchant.Sandbox, 50000)
		h.approvals(m, 1000)
		second, third := h.key(m.Merchant, merchant.Approver), h.key(m.Merchant, merchant.Admin)
		op, opID := h.operator()
		decide := func(key, pid, word, text string) answer {
			return h.call("POST", "/v1/payouts/"+pid+"/"+word, key, text)
		}
		small := h.payout(m, "1000", "SMALL")
		if small.at(t, "approval") != "" {
			t.Errorf("at the limit it wants approval: %s", small.body)
		}
		for name, c := range map[string]struct {
			key, word, text string
			status          int
			code            string
			after           [3]string // status, approval, reason
		}{
			"by whoever asked":                {m.key, "approve", "{}", 403, "approval_own", [3]string{"pending", "wanted"}},
			"rejected by whoever asked":       {m.key, "reject", `{"reason":"no"}`, 403, "approval_own", [3]string{"pending", "wanted"}},
			"cancelled by whoever asked":      {m.key, "cancel", `{"reason":"a mistake"}`, 200, "", [3]string{"cancelled", "wanted", "a mistake"}},
			"by one who may only read":        {h.key(m.Merchant, merchant.Viewer), "approve", "{}", 403, "permission_missing", [3]string{"pending", "wanted"}},
			"by an approver":                  {second, "approve", "{}", 200, "", [3]string{"pending", "given"}},
			"without a body":                  {second, "approve", "", 200, "", [3]string{"pending", "given"}},
			"by another key that may write":   {third, "approve", "{}", 200, "", [3]string{"pending", "given"}},
			"rejected by an approver":         {second, "reject", `{"reason":"whose is that?"}`, 200, "", [3]string{"rejected", "wanted", "whose is that?"}},
			"rejected without a reason":       {second, "reject", "{}", 422, "field_required", [3]string{"pending", "wanted"}},
			"cancelled by an approver":        {second, "cancel", "{}", 403, "permission_missing", [3]string{"pending", "wanted"}},
			"by an operator":                  {op, "approve", body("merchant", m.Owner), 200, "", [3]string{"pending", "given"}},
			"rejected by an operator":         {op, "reject", body("merchant", m.Owner, "reason", "held back"), 200, "", [3]string{"rejected", "wanted", "held back"}},
			"by an operator for nobody":       {op, "approve", "{}", 422, "field_required", [3]string{"pending", "wanted"}},
			"by an operator for another":      {op, "approve", body("merchant", id.New(h.clock)), 404, "payout_missing", [3]string{"pending", "wanted"}},
			"by a merchant for another":       {second, "approve", body("merchant", id.New(h.clock)), 403, "permission_missing", [3]string{"pending", "wanted"}},
			"by another merchant":             {h.tenant(merchant.Sandbox).key, "approve", "{}", 404, "payout_missing", [3]string{"pending", "wanted"}},
			"for a reason of two lines":       {second, "reject", `{"reason":"a\nb"}`, 422, "field_control", [3]string{"pending", "wanted"}},
			"for a reason that is no text":    {second, "reject", `{"reason":1}`, 422, "field_not_string", [3]string{"pending", "wanted"}},
			"cancelled by an operator's key":  {op, "cancel", body("merchant", m.Owner), 403, "permission_missing", [3]string{"pending", "wanted"}},
			"for a reason longer than a line": {second, "reject", `{"reason":"` + strings.Repeat("a", 256) + `"}`, 422, "field_too_long", [3]string{"pending", "wanted"}},
		} {
			t.Run(name, func(t *testing.T) {
				pid := h.payout(m, "1000.01", "").at(t, "id")
				a := decide(c.key, pid, c.word, c.text)
				if a.status != c.status || a.status != 200 && a.at(t, "code") != c.code {
					t.Errorf("%d %s", a.status, a.body)
				}
				now := h.must("GET", "/v1/payouts/"+pid, m.key, "")
				if got := [3]string{now.at(t, "status"), now.at(t, "approval"), now.at(t, "reason")}; got != c.after {
					t.Errorf("it is %q, want %q", got, c.after)
				}
				if a.status == 200 && a.body != now.body {
					t.Errorf("GET shows another: %s", cmp.Diff(a.body, now.body))
				}
				if by := now.at(t, "decided_by"); a.status == 200 && c.key == op && by != "operator key "+opID {
					t.Errorf("decided by %q", by)
				}
				if now.at(t, "approval") == "given" { // it no longer waits: nobody takes it back here, an operator neither
					for key, text := range map[string]string{second: `{"reason":"r"}`, op: body("merchant", m.Owner, "reason", "r")} {
						if a := decide(key, pid, "reject", text); a.status != 409 || a.at(t, "code") != "payout_closed" {
							t.Errorf("rejected after its approval: %d %s", a.status, a.body)
						}
					}
				}
				if a := h.call("POST", "/v1/payouts/"+pid+"/cancel", m.key, "{}"); now.at(t, "status") == "pending" && a.status != 200 {
					t.Errorf("it cannot be cancelled: %d %s", a.status, a.body)
				}
			})
		}
		h.stands(m, "50000.00", "1005.00")
	})
}

func TestADecisionIsMadeOnceAndInTime(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.payer(merchant.Sandbox, 50000)
		h.approvals(m, 1000)
		second := h.key(m.Merchant, merchant.Approver)
		pid := h.payout(m, "2000", "").at(t, "id")
		if a := h.playAs(m, pid, "processing"); a.status != 409 || a.at(t, "code") != "approval_wanted" {
			t.Errorf("unapproved, it goes out: %d %s", a.status, a.body)
		}
		h.must("POST", "/v1/payouts/"+pid+"/approve", second, "{}")
		for word, text := range map[string]string{"approve": "{}", "reject": `{"reason":"on second thoughts"}`} {
			if a := h.call("POST", "/v1/payouts/"+pid+"/"+word, second, text); a.status != 409 || a.at(t, "code") != "payout_closed" {
				t.Errorf("%s, when it is approved: %d %s", word, a.status, a.body)
			}
		}
		h.play(m, pid, "processing")
		for word, key := range map[string]string{"reject": second, "cancel": m.key} {
			if a := h.call("POST", "/v1/payouts/"+pid+"/"+word, key, `{"reason":"late"}`); a.status != 409 || a.at(t, "code") != "payout_closed" ||
				a.at(t, "params.status") != "processing" {
				t.Errorf("%s, when it is on its way: %d %s", word, a.status, a.body)
			}
		}
		h.play(m, pid, "completed")
		h.stands(m, "47995.00", "0.00")
		if diff := cmp.Diff([]string{"payout.requested", "payout.approved", "payout.processing", "payout.completed"}, h.eventTypes(m, 1)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if a := h.call("POST", "/v1/payouts/nothing/approve", second, "{}"); a.status != 404 || a.at(t, "code") != "payout_missing" {
			t.Errorf("nothing: %d %s", a.status, a.body)
		}
	})
}

func TestARepeatedPayoutOrDecisionGetsTheSameBytes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.payer(merchant.Sandbox, 50000)
		h.approvals(m, 1000)
		second := h.key(m.Merchant, merchant.Approver)
		op, _ := h.operator()
		same := func(name string, first, again answer, status int) {
			t.Helper()
			if first.status != status || again.status != first.status || again.body != first.body {
				t.Errorf("%s: %d, then %d (-first +again):\n%s", name, first.status, again.status, cmp.Diff(first.body, again.body))
			}
		}
		ask := func(text string) answer {
			return h.call("POST", "/v1/payouts", m.key, text, "Idempotency-Key", "ask", "Request-Id", "same")
		}
		first := ask(owed("2000", "ONE"))
		pid := first.at(t, "id")
		decide := func(key, id, word, text, idem string) answer {
			return h.call("POST", "/v1/payouts/"+id+"/"+word, key, text, "Idempotency-Key", idem, "Request-Id", "same")
		}
		own := decide(m.key, pid, "approve", "{}", "own")
		approved := decide(second, pid, "approve", "{}", "approve")
		h.play(m, pid, "completed")
		late := decide(m.key, pid, "cancel", "{}", "late")
		missing := decide(second, "nothing", "approve", "{}", "missing")
		last := h.lastEvent(m)
		same("the payout", first, ask(owed("2000", "ONE")), 200)
		same("a refused approval", own, decide(m.key, pid, "approve", "{}", "own"), 403)
		same("an approval", approved, decide(second, pid, "approve", "{}", "approve"), 200)
		same("a cancellation that came late", late, decide(m.key, pid, "cancel", "{}", "late"), 409)
		same("nothing", missing, decide(second, "nothing", "approve", "{}", "missing"), 404)
		for name, a := range map[string]answer{
			"another payout":   ask(owed("2000", "TWO")),
			"another decision": decide(second, pid, "reject", `{"reason":"no"}`, "approve"),
			"another body":     decide(second, pid, "approve", `{"reason":"yes"}`, "approve"),
		} {
			if a.status != 422 || a.at(t, "code") != "idempotency_reused" {
				t.Errorf("%s with the same key: %d %s", name, a.status, a.body)
			}
		}
		if written := h.eventTypes(m, last); len(written) > 0 {
			t.Errorf("wrote %v", written)
		}
		// An operator's keys are not the merchant's.
		two := h.payout(m, "2000", "TWO").at(t, "id")
		if a := decide(op, two, "approve", body("merchant", m.Owner), "approve"); a.status != 200 || a.at(t, "approval") != "given" {
			t.Errorf("an operator's key of the same text: %d %s", a.status, a.body)
		}
	})
}
