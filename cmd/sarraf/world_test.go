package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"sarraf/internal/hostile"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
	"sarraf/wallet"
)

// world is a running demo with more merchants around its own: one whose every text, number and key is a canary, one that is shut out,
// and one that takes real money.
type world struct {
	*demo
	owner    string
	mine     keys
	victim   keys
	parrot   keys            // of a merchant whose own things nobody looks at
	calm     keys            // of a merchant of whom nobody asks anything bad
	bad      map[string]keys // credentials that are not good, by why
	viewer   keys
	foreign  []hostile.Pair // what another merchant's things are called
	canaries []string
	seq      *atomic.Int64
	opened   map[string]made     // an open invoice, by door
	victims  map[string]string   // what the native API finds the victim's invoices by, by door and status
	style    string              // the path of an asset
	guessed  string              // a user whose password is guessed at
	bulk     string              // a bulk request
	operator keys                // of the house's own
	purses   map[string]purses   // wallets, by the native key of their merchant
	kept     map[string]string   // the id of a thing, by its sort and the native key of its merchant
	coffers  map[string]treasury // what money goes out by, by the native key of its merchant
	paper    wallet.Transfer     // one with a receipt
	holders
}

// keys are a merchant's credentials at every door, by the door's name and the name of the part.
type keys map[string]map[string]string

// newWorld starts a demo and peoples it.
func newWorld(t *testing.T, dsn string) *world {
	t.Helper()
	w := &world{demo: startDemo(t, dsn), seq: &atomic.Int64{}, bad: map[string]keys{}, opened: map[string]made{}, victims: map[string]string{}, purses: map[string]purses{}, coffers: map[string]treasury{}, kept: map[string]string{}}
	m, _, err := w.app.merchants.Authenticate(t.Context(), "native", "", w.line.Native.APIKey)
	w.must(err)
	w.owner = m.Owner
	w.mine = keys{
		"native":     {"key": w.line.Native.APIKey},
		"aspay":      {"handle": w.line.Aspay.APIKey, "key": w.line.Aspay.APISecret},
		"assanpay":   {"id": w.line.AssanPay.MerchantID, "key": w.line.AssanPay.APIKey},
		"payrequest": {"key": w.line.PayRequest.Token},
		"asaanbill":  w.demo.login().keys(),
	}
	w.viewer, _ = w.issue(m, merchant.Viewer)
	_, key, err := w.app.merchants.Issue(t.Context(), worldActor, merchant.Credential{Owner: merchant.House, Door: "native", Role: merchant.Operator}, "", operatorPrefix, false)
	w.must(err)
	w.operator = keys{"native": {"key": key}}
	w.bad["revoked"], _ = w.revoked(m)
	_, w.bad["shut out"] = w.merchant("Shut Out Ltd", merchant.Sandbox, true)
	_, w.parrot = w.merchant("Parrot", merchant.Sandbox, false)
	_, w.calm = w.merchant("Calm", merchant.Sandbox, false)
	for _, reference := range []string{"CALM-1", "CALM-2", "CALM-3"} {
		w.make("asaanbill", w.calm, reference)
	}
	w.makeVictim()
	if w.has("deshipay") {
		w.makeHolders()
	}
	w.style = regexp.MustCompile(`/_sarraf/pay\.[0-9a-f]+\.css`).FindString(w.ask(pageOf(t, w.make(w.doorsThatMake()[0], w.mine, "STYLE").page), "").text)
	if w.style == "" {
		t.Fatal("a page without a style sheet")
	}
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

var worldActor = merchant.Actor{Name: "test", Source: "test"}

// merchant makes one; the keys of one that is shut out are issued before it is.
func (w *world) merchant(name string, mode merchant.Mode, disabled bool) (merchant.Merchant, keys) {
	w.t.Helper()
	m, err := w.app.merchants.Create(w.t.Context(), worldActor, merchant.Merchant{
		Name: name, Mode: mode, Currencies: []money.Currency{"BDT", "PKR", "EUR"},
	})
	w.must(err)
	k, _ := w.issue(m, merchant.Admin)
	if disabled {
		m.Settings.Disabled = true
		w.must(w.app.merchants.Change(w.t.Context(), worldActor, m))
	}
	return m, k
}

// issue makes credentials of every form, and answers their ids too.
func (w *world) issue(m merchant.Merchant, role merchant.Role) (keys, []string) {
	w.t.Helper()
	k := keys{"asaanbill": w.user(m, role)}
	var ids []string
	for _, form := range keyForms {
		c, secret, err := form.issue(w.t.Context(), w.app.merchants, worldActor, merchant.Credential{Owner: m.Owner, Role: role}, m.Sandbox())
		w.must(err)
		k[form.door] = map[string]string{"key": secret, "handle": c.Handle}
		ids = append(ids, c.ID)
		if form.merchantID {
			current, err := w.app.merchants.Get(w.t.Context(), m.Owner)
			w.must(err)
			k[form.door]["id"], err = publicID(w.t.Context(), w.app.merchants, worldActor, current, form.door, "")
			w.must(err)
		}
	}
	return k, ids
}

func (w *world) revoked(m merchant.Merchant) (keys, []string) {
	w.t.Helper()
	k, ids := w.issue(m, merchant.Admin)
	for _, id := range ids {
		w.must(w.app.merchants.Revoke(w.t.Context(), worldActor, m.Owner, id))
	}
	logins, err := w.app.merchants.Logins(w.t.Context(), m.Owner)
	w.must(err)
	for _, l := range logins {
		if l.Username == k["asaanbill"]["handle"] {
			w.must(w.app.merchants.RevokeLogin(w.t.Context(), worldActor, m.Owner, l.ID))
		}
	}
	return k, ids
}

// user makes one of the merchant's at AsaanBill's door, and logs it in.
func (w *world) user(m merchant.Merchant, role merchant.Role) map[string]string {
	w.t.Helper()
	_, err := w.app.merchants.PublicNumber(w.t.Context(), worldActor, m.Owner, "asaanbill")
	w.must(err)
	l := demoLogin{fmt.Sprintf("%s-%d", strings.ReplaceAll(m.Name, " ", "-"), w.next()), "password-" + id.Token(9)}
	_, err = w.app.merchants.AddLogin(w.t.Context(), worldActor, merchant.Login{
		Owner: m.Owner, Door: "asaanbill", Username: l.Username, Role: role,
	}, l.Password)
	w.must(err)
	as := *w.demo
	as.line.AsaanBill = l
	return as.login().keys()
}

// address is where the demo listens.
func (w *world) address() string { return strings.TrimPrefix(w.line.URL, "http://") }

// next is a number that was not used before.
func (w *world) next() int64 { return w.seq.Add(1) }

// has reports whether a door is open.
func (w *world) has(door string) bool {
	return slices.ContainsFunc(w.app.doors, func(d httpx.Door) bool { return d.Name == door })
}

// doorsThatMake are the open doors at which invoices are made.
func (w *world) doorsThatMake() []string {
	var list []string
	for _, name := range []string{"aspay", "assanpay", "payrequest", "asaanbill"} {
		if w.has(name) {
			list = append(list, name)
		}
	}
	return list
}

// made is an invoice as its door answered.
type made struct {
	reference string
	answer    map[string]any
	page      string // its address; where it has none, the PSID that it is paid by
}

func (m made) token() string { return m.page[strings.LastIndexByte(m.page, '/')+1:] }

// name is what the native API finds it by.
func (m made) name(door string) string {
	if door == "asaanbill" {
		return m.page
	}
	return m.reference
}

// make makes an invoice at a door as the merchant with the keys.
func (w *world) make(door string, k keys, reference string) made {
	w.t.Helper()
	r := creating(door, k, reference)
	a, err := hostile.Send(context.Background(), w.address(), r)
	w.must(err)
	m := made{reference: reference}
	w.must(json.Unmarshal(a.Body, &m.answer))
	data, _ := m.answer["data"].(map[string]any)
	for _, page := range []any{m.answer["payment_url"], m.answer["url"], data["completeLink"], data["psid"]} {
		if text, ok := page.(string); ok {
			m.page = text
		}
	}
	if m.page == "" {
		w.t.Fatalf("%s: an invoice was not made: %d %s", door, a.Status, a.Body)
	}
	return m
}

// open is the token of an open invoice's page at the door; the same one until used is called.
func (w *world) open(door string) string {
	w.t.Helper()
	if w.opened[door].page == "" {
		w.opened[door] = w.make(door, w.mine, fmt.Sprintf("OPEN-%d", w.next()))
	}
	return w.opened[door].token()
}

// used says that the open invoices may be open no longer.
func (w *world) used() { clear(w.opened) }

// canary is the text that everything of the victim's begins with.
const canary = "CANARY7Q"

// makeVictim makes the merchant whose data nobody else may see, with an invoice at every door, paid and open.
func (w *world) makeVictim() {
	w.t.Helper()
	m, k := w.merchant(canary+"-name", merchant.Sandbox, false)
	w.victim = k
	add := func(name, value string) { w.foreign = append(w.foreign, hostile.Pair{Name: name, Value: value}) }
	add("owner", m.Owner)
	for _, form := range keyForms {
		for part, value := range k[form.door] {
			if value != "" && !(part == "handle" && form.handle == "") { // what a key is found by, where it is a hash
				add(form.door+" "+part, value)
			}
		}
	}
	for part, value := range k["asaanbill"] {
		add("asaanbill "+part, value)
	}
	slices.SortFunc(w.foreign, func(a, b hostile.Pair) int { return strings.Compare(a.Name, b.Name) })
	if w.has("aspay") {
		reference := canary + "-wd"
		add("aspay payout reference", reference)
		add("aspay payout", w.withdrawn(k, reference))
	}
	for _, door := range w.doorsThatMake() {
		for _, state := range []string{"paid", "open"} {
			ref := canary + "-" + door[:3] + state
			inv := w.make(door, k, ref)
			w.victims[door+" "+state] = inv.name(door)
			add(state+" reference", ref)
			add(state+" page", inv.page)
			add(state+" token", inv.token())
			if state == "paid" {
				w.askAs(k, "/v1/sandbox/pay", fmt.Sprintf(`{"target":%q}`, inv.token()))
			}
		}
	}
	w.makeVictimsWallets(k, add)
	w.makeVictimsPayouts(k, add)
	add("batch", w.shownBatch(k))
	add("refund", w.refunded(k))
	list := w.askAs(k, "/v1/invoices", "")
	for _, item := range list.json["data"].([]any) {
		inv := item.(map[string]any)
		for _, name := range []string{"id", "number"} {
			if value, _ := inv[name].(string); value != "" {
				add(name, value)
			}
		}
		detail := w.askAs(k, "/v1/invoices/"+inv["id"].(string), "")
		for _, p := range detail.json["payments"].([]any) {
			add("payment", p.(map[string]any)["id"].(string))
		}
	}
	for _, e := range w.askAs(k, "/v1/events", "").json["data"].([]any) {
		if eventID, _ := e.(map[string]any)["id"].(string); eventID != "" {
			add("event", eventID)
		}
	}
	w.canaries = append(w.canaries, canary)
	for _, f := range w.foreign {
		if len(f.Value) >= 12 && f.Name != "assanpay id" { // that one is public
			w.canaries = append(w.canaries, f.Value)
		}
	}
}

// askAs asks the native API with other keys, and must be answered.
func (w *world) askAs(k keys, path, body string) reply {
	w.t.Helper()
	r := w.ask(path, body, "Authorization", "Bearer "+k["native"]["key"])
	if r.status != http.StatusOK {
		w.t.Fatalf("%s: %d %s", path, r.status, r.text)
	}
	return r
}

// strangers are the foreign names that a payer's page may not be asked for: all but the page's own, which is for whoever knows it,
// also where a door makes it of another name of the invoice.
func (w *world) strangers() []hostile.Pair {
	var pages []string
	for _, p := range w.foreign {
		if strings.HasSuffix(p.Name, "token") || strings.HasSuffix(p.Name, "page") {
			pages = append(pages, p.Value)
		}
	}
	return slices.DeleteFunc(slices.Clone(w.foreign), func(p hostile.Pair) bool { return slices.Contains(pages, p.Value) })
}

// counts is how much there is of everything that a request can change.
type counts map[string]int64

// countedSQL counts what a request can make or move, workers' own rows left aside.
const countedSQL = `SELECT (SELECT count(*) FROM invoice), (SELECT CAST(coalesce(sum(changes), 0) AS BIGINT) FROM invoice),
	(SELECT count(*) FROM payment), (SELECT count(*) FROM event), (SELECT count(*) FROM entry),
	(SELECT CAST(coalesce(sum(debits + held), 0) AS BIGINT) FROM account), (SELECT count(*) FROM hold), (SELECT count(*) FROM credential),
	(SELECT count(*) FROM merchant), (SELECT count(*) FROM audit_log), (SELECT count(*) FROM alias), (SELECT count(*) FROM wallet),
	(SELECT count(*) FROM wallet_transfer), (SELECT count(*) FROM payout), (SELECT CAST(coalesce(sum(changes), 0) AS BIGINT) FROM payout)`

var countedNames = []string{
	"invoices", "changes of invoices", "payments", "events", "entries", "money moved", "holds", "credentials", "merchants", "lines of the audit log",
	"aliases", "wallets", "transfers", "payouts", "changes of payouts",
}

func (w *world) counts() counts {
	w.t.Helper()
	figures := make([]int64, len(countedNames))
	into := make([]any, len(figures))
	for i := range figures {
		into[i] = &figures[i]
	}
	waitFor(w.t, "what is made in the background", func() bool {
		n, _, err := w.app.invoices.UploadsUndone(context.Background())
		w.must(err)
		return n == 0
	})
	w.settled()
	w.must(w.app.db.Query(context.Background(), countedSQL, nil, func(r store.Row) error { return r.Scan(into...) }))
	c := counts{}
	for i, name := range countedNames {
		c[name] = figures[i]
	}
	return c
}

// changed lists what differs.
func (c counts) changed(now counts) []string {
	var list []string
	for _, name := range countedNames {
		if c[name] != now[name] {
			list = append(list, fmt.Sprintf("%s: %d, before %d", name, now[name], c[name]))
		}
	}
	return list
}

// pageOf is the address of a page as a path.
func pageOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.EscapedPath()
}
