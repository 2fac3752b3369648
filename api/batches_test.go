package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/payout"
)

// many is a batch of n lines of the amount.
func many(reference string, n int, amount string) string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = owed(amount, fmt.Sprintf("%s-%d", reference, i))
	}
	return fmt.Sprintf(`{"reference":%q,"name":"Salaries","payouts":[%s]}`, reference, strings.Join(lines, ","))
}

// batched is the id of a batch that is done.
func (h *house) batched(m tenant, reference string, n int, amount string) string {
	h.t.Helper()
	bid := h.must("POST", "/v1/payouts/batches", m.key, many(reference, n, amount)).at(h.t, "id")
	h.work()
	return bid
}

// work makes the payouts of all batches.
func (h *house) work() {
	h.t.Helper()
	for more := true; more; {
		var err error
		if more, err = h.payouts.WorkBatches(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
	}
}

func TestABatchIsTakenAndEachOfItsLinesJudgedAlone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.payer(merchant.Sandbox, 5000), h.payer(merchant.Sandbox, 5000)
		h.approvals(m, 1000)
		text := fmt.Sprintf(`{"reference":"SALARIES","name":"Salaries of July","payouts":[%s,%s,%s,%s]}`, owed("100", "A"), owed("2000", "B"), owed("100", "A"), owed("9000", "C"))
		made := h.must("POST", "/v1/payouts/batches", m.key, text)
		bid := made.at(t, "id")
		want := fmt.Sprintf(`{"id":%q,"merchant":%q,"door":"native","reference":"SALARIES","name":"Salaries of July","status":"waiting","lines":4,"made":0,"errored":0,`+
			`"amounts":[{"currency":"BDT","amount":"11200.00"}],"asked_by":%q,"created_at":"2026-07-01T12:00:00.123456Z","updated_at":"2026-07-01T12:00:00.123456Z"}`,
			bid, m.Owner, made.at(t, "asked_by"))
		if diff := cmp.Diff(want, made.body); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if a := h.call("POST", "/v1/payouts/batches/"+bid+"/approve", h.key(m.Merchant, merchant.Approver), ""); a.status != 409 || a.at(t, "code") != "batch_unfinished" {
			t.Errorf("approved before it is done: %d %s", a.status, a.body)
		}
		h.work()
		now := h.must("GET", "/v1/payouts/batches/"+bid, m.key, "")
		if now.at(t, "status")+now.at(t, "made")+now.at(t, "errored") != "done22" {
			t.Errorf("%s", now.body)
		}
		lines := h.must("GET", "/v1/payouts/batches/"+bid+"/lines", m.key, "")
		var got []string
		for i := range 4 {
			at := fmt.Sprintf("data.%d.", i)
			got = append(got, lines.at(t, at+"line")+" "+lines.at(t, at+"state")+" "+lines.at(t, at+"problems.0.code")+" "+lines.at(t, at+"problems.0.field"))
		}
		if diff := cmp.Diff([]string{"1 made  ", "2 made  ", "3 errored reference_taken reference", "4 errored balance_insufficient amount"}, got); diff != "" {
			t.Errorf("lines (-want +got):\n%s\n%s", diff, lines.body)
		}
		second := h.must("GET", "/v1/payouts/"+lines.at(t, "data.1.payout"), m.key, "")
		if second.at(t, "batch") != bid || second.at(t, "line") != "2" || second.at(t, "approval") != "wanted" || second.at(t, "reference") != "B" {
			t.Errorf("the second: %s", second.body)
		}
		for query, n := range map[string]int{"?state=made": 2, "?state=errored": 2, "?state=draft": 0, "?after=3": 1, "?limit=3": 3} {
			if a := h.must("GET", "/v1/payouts/batches/"+bid+"/lines"+query, m.key, ""); len(a.json(t)["data"].([]any)) != n || a.at(t, "has_more") != fmt.Sprint(query == "?limit=3") {
				t.Errorf("%s: %s", query, a.body)
			}
		}
		if a := h.must("GET", "/v1/payouts?batch="+bid, m.key, ""); len(a.json(t)["data"].([]any)) != 2 {
			t.Errorf("its payouts: %s", a.body)
		}
		for _, path := range []string{"", "/lines"} {
			if a := h.call("GET", "/v1/payouts/batches/"+bid+path, other.key, ""); a.status != 404 || a.at(t, "code") != "batch_missing" {
				t.Errorf("another's: %d %s", a.status, a.body)
			}
		}
		found := 0
		for _, e := range h.eventTypes(m, 0) {
			if strings.HasPrefix(e, "payout_batch.") {
				found++
			}
		}
		if a := h.must("GET", "/v1/events?limit=100", m.key, ""); found != 2 || !strings.Contains(a.body, `"batch":{"id":"`+bid+`"`) {
			t.Errorf("%d events about it: %s", found, a.body)
		}
	})
}

func TestABatchIsDecidedAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.payer(merchant.Sandbox, 100000)
		h.approvals(m, 1000)
		second := h.key(m.Merchant, merchant.Approver)
		op, _ := h.operator()
		for name, c := range map[string]struct {
			key, word, text string
			status          int
			want            string // the fault, or decided and left
			approval        string
		}{
			"approved":                       {second, "approve", "", 200, "3 0", "given"},
			"rejected":                       {second, "reject", `{"reason":"no"}`, 200, "3 0", "wanted"},
			"approved by an operator":        {op, "approve", body("merchant", m.Owner), 200, "3 0", "given"},
			"by an operator for nobody":      {op, "approve", "{}", 422, "field_required", "wanted"},
			"approved by whoever asked":      {m.key, "approve", "", 403, "approval_own", "wanted"},
			"rejected without a reason":      {second, "reject", "", 422, "field_required", "wanted"},
			"approved by one who only reads": {h.key(m.Merchant, merchant.Viewer), "approve", "", 403, "permission_missing", "wanted"},
		} {
			t.Run(name, func(t *testing.T) {
				bid := h.batched(m, "B-"+id.Token(6), 3, "2000")
				decide := func() answer {
					return h.call("POST", "/v1/payouts/batches/"+bid+"/"+c.word, c.key, c.text, "Idempotency-Key", bid, "Request-Id", "same")
				}
				a := decide()
				got := a.at(t, "code")
				if a.status == 200 {
					got = a.at(t, "decided") + " " + a.at(t, "left")
				}
				if a.status != c.status || got != c.want {
					t.Errorf("%d %s", a.status, a.body)
				}
				if again := decide(); again.body != a.body || again.status != a.status {
					t.Errorf("again: %s", cmp.Diff(a.body, again.body))
				}
				for i := range 3 {
					p := h.must("GET", fmt.Sprintf("/v1/payouts?batch=%s", bid), m.key, "")
					if got := p.at(t, fmt.Sprintf("data.%d.approval", i)); got != c.approval {
						t.Errorf("payout %d: %s", i, p.body)
					}
				}
				if c.want == "approval_own" { // what was refused to one key is not another's answer
					a := h.call("POST", "/v1/payouts/batches/"+bid+"/approve", second, "", "Idempotency-Key", bid)
					if a.status != 200 || a.at(t, "decided") != "3" {
						t.Errorf("the approver, with the same Idempotency-Key: %d %s", a.status, a.body)
					}
				}
				for _, p := range h.must("GET", "/v1/payouts?status=pending&batch="+bid, m.key, "").json(t)["data"].([]any) {
					h.must("POST", "/v1/payouts/"+p.(map[string]any)["id"].(string)+"/cancel", m.key, "")
				}
			})
		}
	})
}

func TestABatchCanBeATable(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.payer(merchant.Sandbox, 5000)
		table := "method,amount,recipient_name,recipient_account,reference,description\nbkash,100.50,Karim,01812345678,A,July\n1,200,Rahim,01712345678,B,\n"
		send := func(query, text, key string) answer {
			return h.call("POST", "/v1/payouts/batches"+query, m.key, text, "Content-Type", "text/csv; charset=utf-8", "Idempotency-Key", key, "Request-Id", "same")
		}
		made := send("?reference=JULY&name=Salaries", table, "k")
		if made.status != 200 || made.at(t, "reference") != "JULY" || made.at(t, "name") != "Salaries" || made.at(t, "lines") != "2" || made.at(t, "amounts.0.amount") != "300.50" {
			t.Fatalf("%d %s", made.status, made.body)
		}
		h.work()
		if again := send("?reference=JULY&name=Salaries", table, "k"); again.body != made.body {
			t.Errorf("again: %s", cmp.Diff(made.body, again.body))
		}
		if a := send("?reference=AUGUST", table, "k"); a.status != 422 || a.at(t, "code") != "idempotency_reused" {
			t.Errorf("another with the same key: %d %s", a.status, a.body)
		}
		lines := h.must("GET", "/v1/payouts/batches/"+made.at(t, "id")+"/lines?state=made", m.key, "")
		if lines.at(t, "data.0.description") != "July" || lines.at(t, "data.1.payout_method") != "1" || lines.at(t, "data.1.amount") != "200.00" {
			t.Errorf("%s", lines.body)
		}
		for name, c := range map[string]struct{ query, text, code, field string }{
			"a wrong amount":     {"", strings.Replace(table, "100.50", "x", 1), "field_not_number", "amount"},
			"a missing column":   {"", strings.Replace(table, "recipient_account", "account", 1), "field_not_one_of", "header"},
			"nothing":            {"", "", "field_required", "payouts"},
			"a long reference":   {"?reference=" + strings.Repeat("a", 65), table, "field_too_long", "reference"},
			"a reference, taken": {"?reference=JULY", table, "reference_taken", "reference"},
		} {
			a := send(c.query, c.text, id.Token(6))
			if a.status < 400 || a.at(t, "code") != c.code || a.at(t, "field") != c.field {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
	})
}

func TestABatchThatCannotBeReadIsRefusedWhole(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.payer(merchant.Sandbox, 5000)
		last := h.lastEvent(m)
		line := owed("100", "")
		for name, c := range map[string]struct{ text, code, field string }{
			"no payouts":            {`{}`, "field_required", "payouts"},
			"an empty list":         {`{"payouts":[]}`, "field_required", "payouts"},
			"no list":               {`{"payouts":{}}`, "field_not_list", "payouts"},
			"a line that is none":   {`{"payouts":[` + line + `,1]}`, "field_malformed", "payouts.1"},
			"a line without fields": {`{"payouts":[` + line + `,{}]}`, "field_required", "payouts.1.payout_method"},
			"a wrong amount":        {`{"payouts":[` + line + `,` + owed("x", "") + `]}`, "field_not_number", "payouts.1.amount"},
			"a withdrawal":          {`{"payouts":[` + strings.Replace(line, "{", `{"wallet":"x",`, 1) + `]}`, "field_malformed", "payouts.0.wallet"},
			"too many":              {many("R", payout.BatchMost+1, "100"), "field_too_many", "payouts"},
			"a name of two lines":   {`{"name":"a\nb","payouts":[` + line + `]}`, "field_control", "name"},
			"no JSON":               {`[]`, "body_malformed", ""},
		} {
			if a := h.call("POST", "/v1/payouts/batches", m.key, c.text); a.status < 400 || a.at(t, "code") != c.code || a.at(t, "field") != c.field {
				t.Errorf("%s: %d %.500s", name, a.status, a.body)
			}
		}
		if n := h.lastEvent(m); n != last {
			t.Errorf("%d events of what was refused", n-last)
		}
		if a := h.must("POST", "/v1/payouts/batches", m.key, many("R", payout.BatchMost, "100")); a.at(t, "lines") != "10000" {
			t.Errorf("10,000: %s", a.body)
		}
	})
}

func TestBatchesAreListed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.payer(merchant.Sandbox, 5000)
		var ids []string
		for i := range 3 {
			ids = append(ids, h.must("POST", "/v1/payouts/batches", m.key, many(fmt.Sprint("R", i), 1, "100")).at(t, "id"))
		}
		for query, want := range map[string][]string{
			"": {ids[2], ids[1], ids[0]}, "?limit=2": {ids[2], ids[1]}, "?before=" + ids[2]: {ids[1], ids[0]}, "?limit=1&after=" + ids[0]: {ids[1]},
		} {
			var got []string
			for _, b := range h.must("GET", "/v1/payouts/batches"+query, m.key, "").json(t)["data"].([]any) {
				got = append(got, b.(map[string]any)["id"].(string))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", query, diff)
			}
		}
	})
}
