package main

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"sarraf/internal/hostile"
	"sarraf/internal/httpx"
	"sarraf/merchant"
)

// recipe is how a route is asked well, and what is to be known of it when it is asked badly.
type recipe struct {
	// good is a request that the route takes, each time it is made anew.
	good func(w *world) hostile.Request
	// takes reports whether an answer means that the request was taken.
	takes func(hostile.Answer) bool
	// invoices is how many invoices one request makes that is taken.
	invoices int64
	// again is set where another route reads its requests by the same code and takes the whole corpus: of this one, every eighth is tried.
	again bool
	// keeps is set where what a request says is shown again later, though it makes no invoice.
	keeps bool
	// anybodys is set where the asker may reach what is anybody's.
	anybodys bool
	// noted is set where a refusal may be a line in the merchant's audit log.
	noted bool
	// repeats are what is asked of the route when the same request comes many times at once. Every route that is not a GET has some.
	repeats []repeat
}

// recipeOf is the recipe of a route: by method and pattern, or of a payer's page by whose it is, since each dialect has its own.
func recipeOf(d httpx.Door, r httpx.Route) (recipe, bool) {
	pattern := r.Pattern
	if len(pattern) > 1 {
		pattern = strings.TrimSuffix(pattern, "/")
	}
	key := func(s string) string { return wildcard.ReplaceAllString(s, "{}") } // whatever it is called
	if d.Name == "checkout" {
		switch owner, what, _ := strings.Cut(r.Name, "."); what {
		case "page":
			return pageRecipe(owner, r.Method, pattern), true
		case "act":
			return actRecipe(owner, pattern), true
		}
	}
	for k, found := range book() {
		if key(k) == key(d.Name+" "+r.Method+" "+pattern) {
			return found, true
		}
	}
	return recipe{}, false
}

var wildcard = regexp.MustCompile(`\{[^}]*\}`)

// reference is a merchant's own id that was not used before.
func (w *world) reference() string { return fmt.Sprintf("REF-%d", w.next()) }

// ok is an answer with status 200.
func ok(a hostile.Answer) bool { return a.Status == http.StatusOK }

// book has every route but the payers' pages, by door, method and pattern.
func book() map[string]recipe {
	list := map[string]recipe{}
	for _, part := range []map[string]recipe{
		aspayBook(), assanpayBook(), asaanbillBook(), payrequestBook(), nativeBook(), walletBook(), payoutBook(), refundBook(), batchBook(), billpayBook(), receiptBook(), deshipayBook(), restBook(),
	} {
		for k, r := range part {
			list[k] = r
		}
	}
	return list
}

// creating is a good request for an invoice at a door.
func creating(door string, k keys, reference string) hostile.Request {
	text := func(name, value string) hostile.Field {
		return hostile.Field{Name: name, JSON: fmt.Sprintf("%q", value), Sort: hostile.Text}
	}
	need := func(f hostile.Field) hostile.Field { f.Required = true; return f }
	of := func(f hostile.Field, s hostile.Sort) hostile.Field { f.Sort = s; return f }
	back := "https://shop.example/back?r=" + reference
	r := hostile.Request{Method: http.MethodPost, Forms: true, Keyed: true}
	switch door {
	case "aspay":
		r.Pattern = "/api/payment/create"
		r.Fields = []hostile.Field{
			need(hostile.Field{Name: "amount", JSON: "100.5", Sort: hostile.Amount}), need(text("customer_name", "Payer "+reference)),
			need(text("transaction_reference", reference)), need(of(text("callback_url", back), hostile.URL)),
		}
	case "assanpay":
		r.Pattern = "/payment-request/qr/{merchantId}"
		r.Path = []hostile.Pair{{Name: "merchantId", Value: k[door]["id"]}}
		r.Open = true
		r.Fields = []hostile.Field{
			need(of(text("amount", "10.50"), hostile.Amount)), need(text("order_id", reference)), need(text("store_name", "Store "+reference)),
			of(text("link", back), hostile.Link), text("email", "payer@shop.example"), of(text("description", "About "+reference), hostile.Lines),
		}
	case "payrequest":
		r.Pattern = "/api/create"
		loose := text("type", "link")
		loose.Loose = true
		token := text("token", k[door]["key"])
		token.Secret = true
		r.Fields = []hostile.Field{
			token, text("id", reference), need(text("title", "Title "+reference)), need(of(text("amount", "12,25"), hostile.Amount)),
			text("name", "Payer "+reference), text("email", "payer@shop.example"), of(text("description", "About "+reference), hostile.Lines), loose,
			of(text("response", back), hostile.URL),
		}
	case "asaanbill":
		r.Pattern, r.Within, r.Forms = "/integration/add", "payment", false
		r.Fields = []hostile.Field{
			need(text("title", "Title "+reference)), need(text("identifier", reference)), need(of(text("amount", "10.50"), hostile.Amount)),
			need(of(text("dueDate", "2925-08-31"), hostile.Word)), need(of(text("amountAfterDueDate", "9999999999.99"), hostile.Amount)),
			of(text("description", "About "+reference), hostile.Lines), text("billedToName", "Payer "+reference),
			of(text("billedToAddress", "Street "+reference), hostile.Lines), text("period", "Aug-2025"),
		}
	}
	return shown(r, door, k)
}

// shown is the request with the credentials of the door.
func shown(r hostile.Request, door string, k keys) hostile.Request {
	for name, value := range credentials(door, k) {
		if name != "token" {
			r = r.With(name, value)
			r.Secrets = append(r.Secrets, name)
		}
	}
	slices.Sort(r.Secrets)
	return r
}

// credentials are what proves at a door who asks, by header or field.
func credentials(door string, k keys) map[string]string {
	own := k[door]
	switch door {
	case "aspay":
		return map[string]string{"X-Api-Key": own["handle"], "X-Api-Secret": own["key"]}
	case "native", "assanpay", "deshipay":
		return map[string]string{"Authorization": "Bearer " + own["key"]}
	case "payrequest":
		return map[string]string{"token": own["key"]}
	case "asaanbill":
		return map[string]string{"X-Auth-Ph-Key": own["key"], "Channel-Id": own["id"], "Username": own["handle"]}
	}
	return nil
}

// guarded is the request as the world's merchant, with every set of credentials that is not good for it.
func (w *world) guarded(r hostile.Request, door string, writes bool) hostile.Request {
	if r.Secrets == nil {
		r = shown(r, door, w.mine)
	}
	add := func(why string, set map[string]string) {
		set[""] = why
		r.Wrong = append(r.Wrong, set)
	}
	for _, why := range []string{"revoked", "shut out"} {
		add(why, credentials(door, w.bad[why]))
	}
	if writes {
		add("one that may only read", credentials(door, w.viewer))
	}
	for _, other := range []string{"native", "aspay", "assanpay", "payrequest", "asaanbill", "deshipay"} {
		if other == door {
			continue
		}
		k := keys{door: {"handle": w.mine[other]["handle"], "key": w.mine[other]["key"]}}
		add("those of "+other, credentials(door, k))
	}
	add("the secret that signs webhooks", credentials(door, keys{door: {"handle": w.mine[door]["handle"], "key": w.line.Native.WebhookSecret}}))
	switch door {
	case "aspay":
		mine, other := w.mine[door], w.victim[door]
		add("our key with another's secret", credentials(door, keys{door: {"handle": mine["handle"], "key": other["key"]}}))
		add("another's key with our secret", credentials(door, keys{door: {"handle": other["handle"], "key": mine["key"]}}))
		add("key and secret changed about", credentials(door, keys{door: {"handle": mine["key"], "key": mine["handle"]}}))
	case "asaanbill":
		mine, other := w.mine[door], w.victim[door]
		for part, why := range map[string]string{"key": "another's token", "id": "another's channel", "handle": "another's name"} {
			mixed := maps.Clone(mine)
			mixed[part] = other[part]
			add(why, credentials(door, keys{door: mixed}))
		}
	case "assanpay":
		add("another's key", credentials(door, w.victim))
		set := credentials(door, w.mine)
		set["{merchantId}"] = w.victim[door]["id"]
		add("our key for another's id", set)
		add("an id that nobody has", map[string]string{"{merchantId}": "00000000-0000-4000-8000-000000000000"})
		add("the id of one that is shut out", map[string]string{"{merchantId}": w.bad["shut out"][door]["id"]})
	}
	return r
}

// reading is a recipe for a GET.
func reading(door, pattern string, takes func(hostile.Answer) bool, parts func(w *world, r *hostile.Request)) recipe {
	return recipe{takes: takes, good: func(w *world) hostile.Request {
		r := hostile.Request{Method: http.MethodGet, Pattern: pattern}
		if parts != nil {
			parts(w, &r)
		}
		if door == "" {
			return r
		}
		return w.guarded(r, door, false)
	}}
}

// wild gives a wildcard its value.
func wild(name string, value func(w *world) string) func(*world, *hostile.Request) {
	return func(w *world, r *hostile.Request) { r.Path = []hostile.Pair{{Name: name, Value: value(w)}} }
}

func fixed(s string) func(*world) string { return func(*world) string { return s } }

// making is the recipe of a door's route that makes invoices.
func making(door string, takes func(hostile.Answer) bool, repeats ...repeat) recipe {
	return recipe{
		takes: takes, invoices: 1, repeats: repeats,
		good: func(w *world) hostile.Request { return w.guarded(creating(door, w.mine, w.reference()), door, true) },
	}
}

func assanpayBook() map[string]recipe {
	takes := func(a hostile.Answer) bool { return a.Status == http.StatusOK && object(a)["status"] == "true" }
	return map[string]recipe{
		"assanpay POST /payment-request/qr/{merchantId}": making("assanpay", takes, repeat{
			keyed: true, invoices: 1, judge: once(http.StatusOK, "Order Id already exists"),
		}),
		"assanpay GET /payment/all-inquiry/{merchantId}": reading("assanpay", "/payment/all-inquiry/{merchantId}", takes,
			func(w *world, r *hostile.Request) {
				w.open("assanpay")
				r.Open = true
				r.Path = []hostile.Pair{{Name: "merchantId", Value: w.mine["assanpay"]["id"]}}
				r.Query = []hostile.Pair{{Name: "transactionId", Value: w.opened["assanpay"].reference}}
			}),
	}
}

func asaanbillBook() map[string]recipe {
	const door = "asaanbill"
	list := map[string]recipe{}
	for i, base := range []string{"/payment-hub/integration", "/integration", "/payment-hub/integration/integration"} {
		again := i > 0
		read := func(path string, parts func(*world, *hostile.Request)) {
			r := reading(door, base+path, ok, parts)
			r.again = again
			good := r.good
			r.good = func(w *world) hostile.Request {
				made := good(w)
				made.StrictQuery = made.Query != nil
				return made
			}
			list[door+" GET "+base+path] = r
		}
		pages := []hostile.Pair{{Name: "pageNo", Value: "0"}, {Name: "pageSize", Value: "2"}}
		open := func(w *world) string { return w.open(door) }
		list[door+" POST "+base+"/login"] = recipe{takes: ok, noted: true, again: again, repeats: []repeat{{judge: alike}}, good: func(w *world) hostile.Request {
			return w.loggingIn(base + "/login")
		}}
		add := making(door, ok, repeat{keyed: true, invoices: 1, each: true, judge: allTaken})
		list[door+" POST "+base+"/add"] = recipe{takes: add.takes, invoices: 1, again: again, repeats: add.repeats, good: func(w *world) hostile.Request {
			r := add.good(w)
			r.Pattern = base + "/add"
			return r
		}}
		bulk := repeat{keyed: true, invoices: 1, each: true, judge: allTaken}
		list[door+" POST "+base+"/add-bulk"] = recipe{takes: ok, invoices: 1, again: true, repeats: []repeat{bulk}, good: func(w *world) hostile.Request {
			r := creating(door, w.mine, w.reference())
			r.Pattern, r.Within, r.MaxBody = base+"/add-bulk", "payments[]", 8<<20
			return w.guarded(r, door, true)
		}}
		// Whatever the query makes of the page, it shows no hostile text that was taken before.
		read("/payment", func(_ *world, r *hostile.Request) { r.Query = pages })
		mine := list[door+" GET "+base+"/payment"]
		calm := mine.good
		mine.good = func(w *world) hostile.Request {
			c := *w
			c.mine = w.calm
			return calm(&c)
		}
		list[door+" GET "+base+"/payment"] = mine
		read("/bulk-payment-request", func(_ *world, r *hostile.Request) {
			r.Query = append(pages, hostile.Pair{Name: "contentType", Value: "JSON"})
		})
		read("/payment/{paymentId}", wild("paymentId", open))
		read("/search/{psid}", func(w *world, r *hostile.Request) {
			wild("psid", open)(w, r)
			r.Query = pages
		})
		read("/bulk-payment-request/{bulkPaymentRequestId}", wild("bulkPaymentRequestId", func(w *world) string { return w.uploaded() }))
	}
	return list
}

// allTaken is for requests each of which is one of its own.
func allTaken(list []hostile.Answer, takes func(hostile.Answer) bool) error {
	for _, a := range list {
		if !takes(a) {
			return fmt.Errorf("%d %s", a.Status, a.Body)
		}
	}
	return nil
}

// loggingIn is a user's login; whoever was guessed at too often has to wait, and another is taken.
func (w *world) loggingIn(pattern string) hostile.Request {
	w.t.Helper()
	u, password := w.guessed, "password-of-a-user"
	if _, err := w.app.merchants.SignIn(w.t.Context(), "asaanbill", u, password, "test"); u == "" || err != nil {
		u = fmt.Sprintf("guessed-%d", w.next())
		_, err := w.app.merchants.AddLogin(w.t.Context(), worldActor, merchant.Login{Owner: w.owner, Door: "asaanbill", Username: u, Role: merchant.Viewer}, password)
		w.must(err)
		w.guessed = u
	}
	return hostile.Request{
		Method: http.MethodPost, Pattern: pattern, Header: []hostile.Pair{{Name: "Username", Value: u}}, Secrets: []string{"Username"},
		Fields: []hostile.Field{{Name: "password", JSON: fmt.Sprintf("%q", password), Sort: hostile.Text, Secret: true}},
	}
}

// uploaded is the number of a bulk request of the world's merchant; the same one each time.
func (w *world) uploaded() string {
	w.t.Helper()
	if w.bulk == "" {
		r := creating("asaanbill", w.mine, w.reference())
		r.Pattern, r.Within = "/integration/add-bulk", "payments[]"
		a, err := hostile.Send(w.t.Context(), w.address(), r)
		w.must(err)
		data, _ := object(a)["data"].(map[string]any)
		if w.bulk = fmt.Sprint(data["bulkPaymentRequestId"]); a.Status != http.StatusOK {
			w.t.Fatalf("%d %s", a.Status, a.Body)
		}
		_, err = w.demo.assigned(w.t.Context(), []string{w.bulk}, "") // what is made in the background must not be counted as somebody's doing
		w.must(err)
	}
	return w.bulk
}

func payrequestBook() map[string]recipe {
	status := func(words ...any) func(hostile.Answer) bool {
		return func(a hostile.Answer) bool {
			return a.Status == http.StatusOK && slices.Contains(words, object(a)["status"])
		}
	}
	return map[string]recipe{
		"payrequest POST /api/create": making("payrequest", status("success"), repeat{
			keyed: true, invoices: 1, judge: once(http.StatusOK, "id already exists"),
		}),
		"payrequest POST /api/get": {takes: status("paid", "failed", "pending"), repeats: []repeat{{judge: alike}}, good: func(w *world) hostile.Request {
			w.open("payrequest")
			return w.guarded(hostile.Request{Method: http.MethodPost, Pattern: "/api/get", Forms: true, Fields: []hostile.Field{
				{Name: "token", JSON: fmt.Sprintf("%q", w.mine["payrequest"]["key"]), Sort: hostile.Text, Secret: true, Required: true},
				{Name: "id", JSON: fmt.Sprintf("%q", w.opened["payrequest"].reference), Sort: hostile.Text, Required: true},
			}}, "payrequest", false)
		}},
	}
}

func nativeBook() map[string]recipe {
	list := func(pattern string, cursors ...string) recipe {
		return reading("native", pattern, ok, func(_ *world, r *hostile.Request) {
			r.Query = []hostile.Pair{{Name: "limit", Value: "2"}}
			for i := 0; i+1 < len(cursors); i += 2 {
				r.Query = append(r.Query, hostile.Pair{Name: cursors[i], Value: cursors[i+1]})
			}
			r.StrictQuery = true
		})
	}
	const early, late = "00000000-0000-7000-8000-000000000000", "ffffffff-ffff-7fff-bfff-ffffffffffff"
	strict := func(parts func(*world, *hostile.Request)) func(*world, *hostile.Request) {
		return func(w *world, r *hostile.Request) { parts(w, r); r.StrictQuery = true }
	}
	return map[string]recipe{
		"native GET /v1/invoices": list("/v1/invoices", "after", early, "before", late),
		"native GET /v1/invoices/{id}": reading("native", "/v1/invoices/{id}", ok, strict(wild("id", func(w *world) string {
			w.open(w.doorsThatMake()[0])
			return w.opened[w.doorsThatMake()[0]].reference
		}))),
		"native GET /v1/events":          list("/v1/events", "after", "0", "before", "1000000"),
		"native GET /v1/events/{number}": reading("native", "/v1/events/{number}", ok, strict(wild("number", fixed("1")))),
		"native GET /v1/balances": reading("native", "/v1/balances", ok, func(_ *world, r *hostile.Request) {
			r.StrictQuery = true
		}),
		"native GET /v1/openapi.json": reading("", "/v1/openapi.json", ok, nil),
		"native GET /docs":            reading("", "/docs", ok, nil),
		"native GET /docs/scalar-1.46.4.js": reading("", "/docs/scalar-1.46.4.js", ok, func(_ *world, r *hostile.Request) {
			r.Header = []hostile.Pair{{Name: "Accept-Encoding", Value: "gzip"}} // a quarter of its bytes
		}),
		"native POST /v1/sandbox/pay": {
			takes: ok, good: func(w *world) hostile.Request { return w.guarded(playing(w, "paid"), "native", true) },
			repeats: []repeat{
				{name: "paid", keyed: true, payments: 1, judge: once(http.StatusConflict, "invoice_closed")},
				{name: "failed", keyed: true, payments: 1, judge: once(http.StatusConflict, "invoice_closed"), good: played("failed")},
				{name: "cancelled", keyed: true, judge: alike, good: played("cancelled")},
				{name: "expired", keyed: true, judge: alike, good: played("expired")},
			},
		},
	}
}

// playing plays the payer of an open invoice.
func playing(w *world, outcome string) hostile.Request {
	return hostile.Request{Method: http.MethodPost, Pattern: "/v1/sandbox/pay", Keyed: true, StrictQuery: true, Fields: []hostile.Field{
		{Name: "target", JSON: fmt.Sprintf("%q", w.open(w.doorsThatMake()[0])), Sort: hostile.Text, Required: true},
		{Name: "outcome", JSON: fmt.Sprintf("%q", outcome), Sort: hostile.Word},
	}}
}

func played(outcome string) func(*world) hostile.Request {
	return func(w *world) hostile.Request { return w.guarded(playing(w, outcome), "native", true) }
}

// restBook has the routes without a merchant.
func restBook() map[string]recipe {
	first := func(w *world) string { return w.open(w.doorsThatMake()[0]) }
	return map[string]recipe{
		"health GET /healthz": reading("", "/healthz", ok, nil),
		"health GET /readyz":  reading("", "/readyz", ok, nil),
		"checkout GET /_sarraf/{file}": reading("", "/_sarraf/{file}", ok, wild("file", func(w *world) string {
			return strings.TrimPrefix(w.style, "/_sarraf/")
		})),
		"checkout GET /_sarraf/payout/{file}":   reading("", "/_sarraf/payout/{file}", ok, wild("file", fixed("bkash.svg"))),
		"checkout GET /_sarraf/live/{token}":    reading("", "/_sarraf/live/{token}", ok, wild("token", first)),
		"checkout GET /_sarraf/landing/{token}": reading("", "/_sarraf/landing/{token}", ok, wild("token", first)),
	}
}

// pageRecipe is the recipe of a page of a dialect's.
func pageRecipe(door, method, pattern string) recipe {
	if method != http.MethodGet {
		return recipe{}
	}
	return reading("", pattern, ok, wild("token", func(w *world) string { return w.open(door) }))
}

// actRecipe is the recipe of the buttons on a page of a dialect's; of PayRequest's, that of the form of a wallet.
func actRecipe(door, pattern string) recipe {
	act := func(action string) func(w *world) hostile.Request {
		return func(w *world) hostile.Request {
			return hostile.Request{
				Method: http.MethodPost, Pattern: pattern, Path: []hostile.Pair{{Name: "token", Value: w.open(door)}}, Form: true,
				Fields: []hostile.Field{{Name: "action", JSON: fmt.Sprintf("%q", action), Sort: hostile.Word, Required: true}},
			}
		}
	}
	fromWallet := func(w *world) hostile.Request {
		r := act("pay:wallet")(w)
		p := w.purse(fmt.Sprintf("+8801712%06d", w.next()), "8371", 100_000_00, nil)
		sheet := w.sheet(strings.Replace(pattern, "{token}", w.open(door), 1))
		for _, f := range [][2]string{{"attempt", sheet.fields.Get("attempt")}, {"mobile_number", p.Number}, {"pin", p.pin}} {
			r.Fields = append(r.Fields, hostile.Field{Name: f[0], JSON: fmt.Sprintf("%q", f[1]), Sort: hostile.Word, Required: true})
		}
		return r
	}
	good := act("pay:approve")
	if door == "payrequest" {
		good = fromWallet
	}
	return recipe{
		takes: func(a hostile.Answer) bool { return a.Status == http.StatusSeeOther }, good: good,
		repeats: []repeat{
			{name: "approve", payments: 1, judge: samePlace, good: act("pay:approve")},
			{name: "fail", payments: 1, judge: samePlace, good: act("pay:fail")},
			{name: "cancel", judge: samePlace, good: act("cancel")},
			{name: "from a wallet", payments: 1, transfers: 1, judge: samePlace, good: fromWallet},
		},
	}
}
