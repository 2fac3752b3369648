package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/store"
	"sarraf/wallet"
)

// operator makes an operator's key, and answers it with its id.
func (h *house) operator() (key, keyID string) {
	h.t.Helper()
	c, key, err := h.merchants.Issue(context.Background(), tester,
		merchant.Credential{Owner: merchant.House, Door: Name, Role: merchant.Operator, Label: "test"}, "", "op_", false)
	if err != nil {
		h.t.Fatal(err)
	}
	return key, c.ID
}

// body is a JSON object of names and values in turn; a value that is "" is left out.
func body(pairs ...any) string {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if m[pairs[i].(string)] = pairs[i+1]; pairs[i+1] == "" {
			delete(m, pairs[i].(string))
		}
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// must is a call that has to be answered with 200.
func (h *house) must(method, path, key, body string, header ...string) answer {
	h.t.Helper()
	a := h.call(method, path, key, body, header...)
	if a.status != 200 {
		h.t.Fatalf("%s %s %s: %d %s", method, path, body, a.status, a.body)
	}
	return a
}

const pin = "9052"

// person is a consumer's wallet of the merchant's, with a PIN, and so much BDT in it.
func (h *house) person(m tenant, number, amount string) string {
	h.t.Helper()
	key, fields := m.key, []any{"kind", "consumer", "name", "Rahima", "mobile_number", number, "pin", pin}
	if m.Mode == merchant.Live { // where only an operator gives a number
		key, _ = h.operator()
		fields = append(fields, "merchant", m.Owner)
	}
	wid := h.must("POST", "/v1/wallets", key, body(fields...)).at(h.t, "id")
	h.fill(wid, amount)
	return wid
}

// till is the merchant's own wallet.
func (h *house) till(m tenant, amount string) string {
	h.t.Helper()
	wid := h.must("POST", "/v1/wallets", m.key, body("kind", "merchant", "name", "Shapla's till")).at(h.t, "id")
	h.fill(wid, amount)
	return wid
}

// fill puts BDT into a wallet, as an operator.
func (h *house) fill(wid, amount string) {
	h.t.Helper()
	if amount != "" {
		key, _ := h.operator()
		h.must("POST", "/v1/wallets/"+wid+"/top-ups", key, body("amount", amount, "currency", "BDT", "reference", id.Token(9)))
	}
}

// has fails the test unless the wallet has so much BDT.
func (h *house) has(m tenant, wid, want string) {
	h.t.Helper()
	if got := h.must("GET", "/v1/wallets/"+wid, m.key, "").at(h.t, "balances.0.available"); got != want {
		h.t.Errorf("wallet has %s, want %s", got, want)
	}
}

func send(sender, receiver, amount, pin string) string {
	return body("sender", sender, "receiver", receiver, "amount", amount, "currency", "BDT", "pin", pin)
}

func TestAWalletIsMadeAndFound(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.tenant(merchant.Sandbox), h.tenant(merchant.Sandbox)
		made := h.must("POST", "/v1/wallets", m.key,
			body("kind", "consumer", "name", " Rahima Khatun ", "mobile_number", "+880 1712-345678", "reference", "USER-77", "pin", pin))
		wid := made.at(t, "id")
		want := fmt.Sprintf(`{"id":%q,"merchant":%q,"kind":"consumer","mode":"sandbox","name":"Rahima Khatun","mobile_number":"+8801712345678",`+
			`"reference":"USER-77","status":"approved","currencies":["BDT","PKR","JPY"],"time_zone":"Asia/Dhaka","has_pin":true,`+
			`"created_at":"2026-07-01T12:00:00.123456Z"}`, wid, m.Owner)
		if made.body != want {
			t.Errorf("%s", cmp.Diff(want, made.body))
		}
		detail := h.must("GET", "/v1/wallets/"+wid, m.key, "")
		if got := detail.at(t, "balances"); got != `[{"available":"0.00","currency":"BDT"},{"available":"0.00","currency":"PKR"},{"available":"0","currency":"JPY"}]` {
			t.Errorf("balances %s", got)
		}
		if strings.Contains(detail.body, pin) {
			t.Errorf("it tells the PIN: %s", detail.body)
		}
		shop := h.must("POST", "/v1/wallets", m.key, body("kind", "merchant", "name", "Till", "currencies", []string{"JPY"}, "time_zone", "Asia/Tokyo")).at(t, "id")
		op, _ := h.operator()
		for path, want := range map[string][]string{
			"":                                {wid, shop},
			"?limit=1":                        {wid},
			"?after=" + wid:                   {shop},
			"?before=" + shop:                 {wid},
			"?before=" + shop + "&limit=1":    {wid},
			"?status=approved":                {wid, shop},
			"?status=suspended":               {},
			"?mobile_number=%2B8801712345678": {wid},
			"?mobile_number=%2B8801712345679": {},
			"?reference=USER-77":              {wid},
			"?reference=USER-77&after=" + wid: {},
			"?reference=USER-78":              {},
			"?merchant=" + m.Owner:            {wid, shop},
		} {
			h.lists(m.key, path, want)
		}
		h.lists(other.key, "", []string{})
		h.lists(other.key, "?mobile_number=%2B8801712345678", []string{})
		h.lists(other.key, "?reference=USER-77", []string{})
		h.lists(op, "?merchant="+m.Owner, []string{wid, shop})
		h.lists(op, "?merchant="+m.Owner+"&reference=USER-77", []string{wid})
		h.lists(op, "?mobile_number=%2B8801712345678", []string{wid})
		if a := h.call("GET", "/v1/wallets?merchant="+m.Owner, other.key, ""); a.status != 403 || a.at(t, "field") != "merchant" {
			t.Errorf("another's list: %d %s", a.status, a.body)
		}
		for _, text := range []string{"%00", "a%0Ab"} {
			if a := h.call("GET", "/v1/wallets?reference="+text, m.key, ""); a.status != 422 || a.at(t, "field") != "reference" {
				t.Errorf("reference %s: %d %s", text, a.status, a.body)
			}
		}
		if a := h.must("GET", "/v1/wallets?limit=1", m.key, ""); a.at(t, "has_more") != "true" {
			t.Errorf("has_more: %s", a.body)
		}
	})
}

// lists fails the test unless the list has these wallets.
func (h *house) lists(key, query string, want []string) {
	h.t.Helper()
	var page struct{ Data []struct{ ID string } }
	a := h.must("GET", "/v1/wallets"+query, key, "")
	if err := json.Unmarshal([]byte(a.body), &page); err != nil {
		h.t.Fatal(err)
	}
	got := []string{}
	for _, w := range page.Data {
		got = append(got, w.ID)
	}
	if d := cmp.Diff(want, got); d != "" {
		h.t.Errorf("%s: %s", query, d)
	}
}

// refusal is a body that must be refused: with what, on which field.
type refusal struct {
	body   string
	status int
	code   string
	field  string
}

func (h *house) refuses(method, path, key string, list []refusal) {
	h.t.Helper()
	for _, r := range list {
		a := h.call(method, path, key, r.body)
		if a.status != r.status || a.at(h.t, "code") != r.code || a.at(h.t, "field") != r.field {
			h.t.Errorf("%s: %d %s, want %d %s on %q", r.body, a.status, a.body, r.status, r.code, r.field)
		}
		if strings.Contains(a.body, "s3cret") {
			h.t.Errorf("%s: it repeats the value: %s", r.body, a.body)
		}
	}
}

func TestAWalletThatCannotBeMadeIsRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		h.must("POST", "/v1/wallets", m.key, body("kind", "consumer", "name", "A", "mobile_number", "+8801712345678", "reference", "R"))
		h.refuses("POST", "/v1/wallets", m.key, []refusal{
			{`{`, 400, "body_malformed", ""},
			{`{"name":"A"}`, 422, "field_required", "kind"},
			{body("kind", "s3cret", "name", "A"), 422, "field_not_one_of", "kind"},
			{body("kind", 1, "name", "A"), 422, "field_not_string", "kind"},
			{`{"kind":"consumer"}`, 422, "field_required", "name"},
			{`{"kind":"consumer","name":" \u200b "}`, 422, "field_required", "name"},
			{body("kind", "consumer", "name", strings.Repeat("a", 101)), 422, "field_too_long", "name"},
			{body("kind", "consumer", "name", "a\nb"), 422, "field_control", "name"},
			{body("kind", "consumer", "name", "A", "mobile_number", "s3cret"), 422, "field_malformed", "mobile_number"},
			{body("kind", "consumer", "name", "A", "mobile_number", "01712345678"), 422, "field_malformed", "mobile_number"},
			{body("kind", "consumer", "name", "A", "mobile_number", 8801712345678), 422, "field_not_string", "mobile_number"},
			{body("kind", "consumer", "name", "A", "mobile_number", "+8801712345678"), 409, "reference_taken", "mobile_number"},
			{body("kind", "consumer", "name", "A", "reference", "R"), 409, "reference_taken", "reference"},
			{body("kind", "consumer", "name", "A", "reference", strings.Repeat("r", 65)), 422, "field_too_long", "reference"},
			{body("kind", "consumer", "name", "A", "currencies", "BDT"), 422, "field_not_list", "currencies"},
			{body("kind", "consumer", "name", "A", "currencies", []string{}), 422, "field_required", "currencies"},
			{body("kind", "consumer", "name", "A", "currencies", []string{"BDT", "EUR"}), 422, "currency_unknown", "currencies.1"},
			{body("kind", "consumer", "name", "A", "currencies", []string{"BDT", "BDT"}), 422, "currency_unknown", "currencies.1"},
			{body("kind", "consumer", "name", "A", "time_zone", "s3cret"), 422, "field_malformed", "time_zone"},
			{body("kind", "consumer", "name", "A", "time_zone", "Local"), 422, "field_malformed", "time_zone"},
			{body("kind", "consumer", "name", "A", "pin", "12345"), 422, "pin_malformed", "pin"},
			{`{"kind":"consumer","name":"A","pin":""}`, 422, "pin_malformed", "pin"},
			{body("kind", "consumer", "name", "A", "pin", 1234), 422, "field_not_string", "pin"},
			{body("kind", "consumer", "name", "A", "merchant", m.Owner), 403, "permission_missing", "merchant"},
			{body("kind", "consumer", "name", "A", "mode", "live"), 403, "permission_missing", "mode"},
		})
		// A number of real money is whose code says so, or an operator: else a shop would get what is sent to anybody.
		live := h.tenant(merchant.Live)
		h.refuses("POST", "/v1/wallets", live.key, []refusal{
			{body("kind", "consumer", "name", "A", "mobile_number", "+8801712345699", "pin", "1234"), 403, "permission_missing", "mobile_number"},
		})
		h.must("POST", "/v1/wallets", live.key, body("kind", "consumer", "name", "A", "pin", "1234"))
		if all := h.call("POST", "/v1/wallets", m.key, `{"kind":"x","pin":"x"}`); all.at(t, "errors.2.field") != "pin" {
			t.Errorf("not all that is wrong: %s", all.body)
		}
		h.lists(m.key, "?reference=R&status=pending", []string{})
		if a := h.must("GET", "/v1/wallets", m.key, ""); strings.Count(a.body, `"id"`) != 1 {
			t.Errorf("a refused wallet was made: %s", a.body)
		}
	})
}

func TestAnOperatorMakesAnybodysWallet(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		op, opID := h.operator()
		made := h.must("POST", "/v1/wallets", op, body("kind", "consumer", "name", "A", "merchant", m.Owner))
		if made.at(t, "mode") != "sandbox" || made.at(t, "merchant") != m.Owner || made.at(t, "currencies") != `["BDT","PKR","JPY"]` {
			t.Errorf("a merchant's: %s", made.body)
		}
		nobodys := h.must("POST", "/v1/wallets", op, body("kind", "consumer", "name", "B", "currencies", []string{"EUR"}))
		if nobodys.at(t, "mode") != "live" || nobodys.at(t, "merchant") != "" || nobodys.at(t, "time_zone") != "UTC" {
			t.Errorf("nobody's: %s", nobodys.body)
		}
		if a := h.must("POST", "/v1/wallets", op, body("kind", "consumer", "name", "C", "currencies", []string{"PKR"}, "mode", "sandbox")); a.at(t, "mode") != "sandbox" || a.at(t, "time_zone") != "Asia/Karachi" {
			t.Errorf("a sandbox one: %s", a.body)
		}
		h.lists(m.key, "", []string{made.at(t, "id")})
		h.refuses("POST", "/v1/wallets", op, []refusal{
			{body("kind", "consumer", "name", "A"), 422, "field_required", "currencies"},
			{body("kind", "consumer", "name", "A", "currencies", []string{"QQQ"}), 422, "currency_unknown", "currencies.0"},
			{body("kind", "consumer", "name", "A", "currencies", []string{"BDT"}, "mode", "play"), 422, "field_not_one_of", "mode"},
			{body("kind", "consumer", "name", "A", "merchant", id.New(h.clock)), 404, "merchant_missing", "merchant"},
			{body("kind", "consumer", "name", "A", "merchant", m.Owner, "mode", "live"), 422, "field_malformed", "mode"},
		})
		for _, want := range []string{"wallet.create|operator key " + opID + "|native API from 192.0.2.1"} {
			if got := h.noted(made.at(t, "id")); !cmp.Equal(got, []string{want}) {
				t.Errorf("the audit log has %q, want %q", got, want)
			}
		}
	})
}

// noted are the lines of the audit log about a wallet: action, actor and source.
func (h *house) noted(wid string) (list []string) {
	h.t.Helper()
	err := h.db.Query(context.Background(), `SELECT action, actor, source FROM audit_log WHERE owner = $1 ORDER BY id`, []any{wid}, func(r store.Row) error {
		var action, actor, source string
		err := r.Scan(&action, &actor, &source)
		list = append(list, action+"|"+actor+"|"+source)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func TestTopUpsPutPlayMoneyIntoSandboxWallets(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, live := h.tenant(merchant.Sandbox), h.tenant(merchant.Live)
		wid, real := h.person(m, "+8801712345678", ""), h.person(live, "+8801712345679", "")
		path := "/v1/wallets/" + wid + "/top-ups"
		made := h.must("POST", path, m.key, body("amount", "250.50", "currency", "BDT", "reference", "D-1", "note", "Hello"))
		want := fmt.Sprintf(`{"id":%q,"kind":"topup","door":"native","receiver":{"wallet":%q,"kind":"consumer","name":"Rahima","mobile_number":"+8801712345678"},`+
			`"amount":"250.50","fee":"0.00","total":"250.50","currency":"BDT","note":"Hello","rail":"sandbox","rail_reference":"D-1","balance_after":"250.50",`+
			`"by":"merchant","at":"2026-07-01T12:00:00.123456Z"}`, made.at(t, "id"), wid)
		if made.body != want {
			t.Error(cmp.Diff(want, made.body))
		}
		if again := h.must("POST", path, m.key, body("amount", "250.50", "currency", "BDT", "reference", "D-1", "note", "Hello")); again.body != made.body {
			t.Errorf("the same reference again: %s", again.body)
		}
		h.must("POST", path, m.key, body("amount", "1", "currency", "BDT"))
		h.must("POST", path, m.key, body("amount", "1", "currency", "BDT")) // without a reference each is one of its own
		h.has(m, wid, "252.50")
		h.refuses("POST", path, m.key, []refusal{
			{body("amount", "9", "currency", "BDT", "reference", "D-1"), 409, "reference_taken", "reference"},
			{body("currency", "BDT"), 422, "field_required", "amount"},
			{body("amount", "0", "currency", "BDT"), 422, "amount_not_positive", "amount"},
			{body("amount", "-1", "currency", "BDT"), 422, "amount_not_positive", "amount"},
			{body("amount", "1.001", "currency", "BDT"), 422, "amount_decimals", "amount"},
			{body("amount", "1e3", "currency", "BDT"), 422, "field_not_number", "amount"},
			{body("amount", "999999999999999999999", "currency", "BDT"), 422, "amount_too_large", "amount"},
			{body("amount", "1"), 422, "field_required", "currency"},
			{body("amount", "1", "currency", "bdt"), 422, "currency_unknown", "currency"},
			{body("amount", "1", "currency", "EUR"), 422, "currency_unknown", "currency"},
			{body("amount", "1", "currency", 50), 422, "field_not_string", "currency"},
			{body("amount", "1", "currency", "BDT", "reference", "a\nb"), 422, "field_control", "reference"},
			{body("amount", "1", "currency", "BDT", "note", strings.Repeat("n", 256)), 422, "field_too_long", "note"},
		})
		h.refuses("POST", "/v1/wallets/"+real+"/top-ups", live.key, []refusal{{body("amount", "1", "currency", "BDT"), 403, "sandbox_only", ""}})
		h.refuses("POST", "/v1/wallets/"+id.New(h.clock)+"/top-ups", m.key, []refusal{{body("amount", "1", "currency", "BDT"), 404, "wallet_missing", "id"}})
		h.refuses("POST", "/v1/wallets/nonsense/top-ups", m.key, []refusal{{body("amount", "1", "currency", "BDT"), 404, "wallet_missing", "id"}})
		op, _ := h.operator()
		h.refuses("POST", "/v1/wallets/"+real+"/top-ups", op, []refusal{{body("amount", "1", "currency", "BDT"), 422, "field_required", "reference"}})
		deposit := h.must("POST", "/v1/wallets/"+real+"/top-ups", op, body("amount", "5000", "currency", "BDT", "reference", "BANK-1"))
		if deposit.at(t, "rail") != wallet.OperatorRail || deposit.at(t, "by") != "operator" {
			t.Errorf("an operator's: %s", deposit.body)
		}
		h.has(live, real, "5000.00")
		h.has(m, wid, "252.50")
	})
}

func TestAnOperatorSuspendsAWallet(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		wid, till := h.person(m, "+8801712345678", "100"), h.till(m, "")
		op, opID := h.operator()
		path := "/v1/wallets/" + wid + "/status"
		first := h.must("POST", path, op, `{"status":"suspended"}`, "Idempotency-Key", "k")
		if first.at(t, "status") != "suspended" || h.must("GET", "/v1/wallets/"+wid, m.key, "").at(t, "status") != "suspended" {
			t.Errorf("%s", first.body)
		}
		h.refuses("POST", "/v1/transfers", m.key, []refusal{
			{send(wid, till, "10", pin), 422, "sender_not_approved", "sender"},
			{send(till, wid, "10", ""), 422, "receiver_missing", "receiver"},
		})
		h.refuses("POST", "/v1/wallets/"+wid+"/top-ups", m.key, []refusal{{body("amount", "1", "currency", "BDT"), 422, "sender_not_approved", "id"}})
		h.must("POST", path, op, `{"status":"approved"}`, "Idempotency-Key", "k2")
		if again := h.must("POST", path, op, `{"status":"suspended"}`, "Idempotency-Key", "k"); again.body != first.body {
			t.Errorf("the same key again: %s", again.body)
		}
		if h.must("GET", "/v1/wallets/"+wid, m.key, "").at(t, "status") != "approved" {
			t.Error("a repeated key suspended it again")
		}
		h.refuses("POST", path, op, []refusal{
			{`{}`, 422, "field_required", "status"},
			{`{"status":"gone"}`, 422, "field_not_one_of", "status"},
			{`{"status":1}`, 422, "field_not_string", "status"},
		})
		h.refuses("POST", "/v1/wallets/"+id.New(h.clock)+"/status", op, []refusal{{`{"status":"approved"}`, 404, "wallet_missing", "id"}})
		h.refuses("POST", path, m.key, []refusal{{`{"status":"suspended"}`, 403, "permission_missing", ""}})
		actor := "|operator key " + opID + "|native API from 192.0.2.1"
		if got := h.noted(wid)[1:]; !cmp.Equal(got, []string{"wallet.suspended" + actor, "wallet.approved" + actor}) {
			t.Errorf("the audit log has %q", got)
		}
	})
}

func TestLimitsTellWhatIsUsed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.tenant(merchant.Sandbox)
		wid, till := h.person(m, "+8801712345678", "1000"), h.till(m, "")
		rule := wallet.Rule{Min: 100, Max: 50_000, Daily: 60_000}
		if err := h.wallets.SetRule(context.Background(), tester, wid, "BDT", wallet.Payment, &rule); err != nil {
			t.Fatal(err)
		}
		h.must("POST", "/v1/transfers", m.key, send(wid, till, "123.45", pin))
		var got Limits
		a := h.must("GET", "/v1/wallets/"+wid+"/limits", m.key, "")
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Data) != 12 {
			t.Fatalf("%d limits: %s", len(got.Data), a.body)
		}
		for _, l := range got.Data {
			switch l.Currency + " " + l.Kind {
			case "BDT payment":
				want := Limit{Currency: "BDT", Kind: "payment", Least: "1.00", Most: "500.00", Daily: "600.00", UsedToday: "123.45", UsedThisMonth: "123.45", Own: true}
				if d := cmp.Diff(want, l); d != "" {
					t.Error(d)
				}
			case "BDT topup":
				if l.UsedToday != "1000.00" || l.Own || l.Daily != "" {
					t.Errorf("%+v", l)
				}
			case "PKR withdrawal":
				if l.Least != "1.00" || l.Own || l.UsedToday != "0.00" {
					t.Errorf("%+v", l)
				}
			case "JPY send":
				if l.Least != "1" || l.Own || l.UsedToday != "0" {
					t.Errorf("%+v", l)
				}
			}
		}
		h.refuses("POST", "/v1/transfers", m.key, []refusal{
			{send(wid, till, "500.01", pin), 422, "amount_above_limit", "amount"},
			{send(wid, till, "0.99", pin), 422, "amount_below_limit", "amount"},
			{send(wid, till, "476.56", pin), 422, "daily_limit_exceeded", "amount"},
		})
		daily := h.call("POST", "/v1/transfers", m.key, send(wid, till, "476.56", pin))
		if daily.at(t, "params.limit") != "600.00" || daily.at(t, "params.used") != "123.45" || !strings.Contains(daily.at(t, "detail"), "600.00") {
			t.Errorf("%s", daily.body)
		}
	})
}
