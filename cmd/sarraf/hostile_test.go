package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sarraf/internal/hostile"
	"sarraf/internal/httpx"
	"sarraf/store"
)

// target is one route under attack.
type target struct {
	world *world
	door  httpx.Door
	route httpx.Route
	recipe
}

func (x target) String() string { return x.door.Name + " " + x.route.Method + " " + x.route.Pattern }

// targets are all routes of all doors. One without a recipe fails the test: whoever adds a route says here how it is asked well.
func (w *world) targets() []target {
	w.t.Helper()
	var list []target
	for _, d := range w.app.doors {
		if shapes[d.Name] == nil {
			w.t.Errorf("door %s has no shape that its answers are held against", d.Name)
			continue
		}
		for _, r := range d.Routes {
			found, ok := recipeOf(d, r)
			if !ok || found.good == nil {
				w.t.Errorf("%s %s %s has no recipe: add one to the book, or nobody tests how it takes hostile requests", d.Name, r.Method, r.Pattern)
				continue
			}
			if (r.Method != http.MethodGet) != (len(found.repeats) > 0) {
				w.t.Errorf("%s %s %s: what it does when it is asked 50 times at once is not said, or said of a GET", d.Name, r.Method, r.Pattern)
			}
			list = append(list, target{w, d, r, found})
		}
	}
	return list
}

func TestEveryRouteWithstandsHostileRequests(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		targets := w.targets()
		sent := 0
		for _, x := range targets {
			sent += x.withstand()
		}
		t.Logf("%d requests to %d routes", sent, len(targets))
		if !t.Failed() {
			w.mix(targets)
		}
		for _, x := range targets {
			x.stillGood()
		}
		w.proveUnharmed(dsn)
	})
}

// stillGood fails the test unless the route takes a good request.
func (x target) stillGood() {
	x.world.t.Helper()
	x.world.used()
	r := x.good(x.world)
	if a, err := hostile.Send(x.world.t.Context(), x.world.address(), r); err != nil || !x.takes(a) {
		x.world.t.Errorf("%s: a good request is not taken: %v %d %.300s\n%s", x, err, a.Status, a.Body, r.Bytes())
	}
	x.world.used()
}

// withstand sends the whole corpus to the route and answers how much that was.
func (x target) withstand() int {
	w := x.world
	x.stillGood()
	base := x.good(w)
	foreign := w.foreign
	if x.anybodys {
		foreign = nil
	}
	if x.door.Name == "checkout" || x.door.Name == "billpay" { // whoever knows a page, or a PSID, may pay
		foreign = w.strangers()
	}
	// What is somebody else's is said by one who keeps it: in the answers to the others it must not be seen again.
	parroted := w.parroted(x)
	before := w.counts()
	list := hostile.Mutations(base, foreign)
	if x.again {
		first := rand.IntN(8)
		list = slices.DeleteFunc(list, func(hostile.Mutation) bool { first++; return first%8 != 0 })
	}
	list = w.share(list)
	failed, since := 0, 0
	for _, m := range list {
		r := base.Clone()
		if m.Foreign {
			r = parroted.Clone()
		}
		m.Apply(&r)
		taken, wrong := x.judge(r, m.Refuse, m.Stray)
		if since++; x.writes() && (taken || since == 20) {
			now := w.counts()
			for _, text := range x.effect(before, now, taken) {
				wrong = append(wrong, fmt.Sprintf("%s (or one of the %d before it)", text, since-1))
			}
			before, since = now, 0
		}
		if taken && x.writes() { // what it asked for is done: the next one is about something else
			w.used()
			base, parroted = x.good(w), w.parroted(x)
			if x.invoices == 0 { // then that has made an invoice
				before = w.counts()
			}
		}
		for _, text := range wrong {
			failed++
			w.t.Errorf("%s, %s: %s", x, m.Name, text)
		}
		if failed > 20 {
			w.t.Fatalf("%s: that is enough", x)
		}
	}
	if changed := x.effect(before, w.counts(), false); changed != nil {
		w.t.Errorf("%s: requests that were refused, or only read, changed %s", x, strings.Join(changed, "; "))
	}
	return len(list)
}

// wholeVariable names the environment variable that has each engine get the whole corpus.
const wholeVariable = "SARRAF_HOSTILE_ALL"

// share is what the engine gets of a corpus: every fourth request, SQLite from the first on and PostgreSQL from the third, so that together they get
// half of it. What a request is refused for is decided before a database is asked; the whole of it on both takes four times as long, and is `make hostile`.
func (w *world) share(list []hostile.Mutation) []hostile.Mutation {
	if os.Getenv(wholeVariable) != "" {
		return list
	}
	next := 0
	if w.app.db.Engine() == store.Postgres {
		next = 2
	}
	var own []hostile.Mutation
	for ; next < len(list); next += 4 {
		own = append(own, list[next])
	}
	return own
}

// writes reports whether a request that is taken may change something.
func (x target) writes() bool { return x.route.Method != http.MethodGet }

// parroted is a good request by the merchant who says what he hears.
func (w *world) parroted(x target) hostile.Request {
	if x.invoices == 0 && !x.keeps {
		return x.good(w)
	}
	c := *w
	c.mine = w.parrot
	return x.good(&c)
}

// judge sends one request and says what is wrong with its answer.
func (x target) judge(r hostile.Request, mustRefuse, stray bool) (taken bool, wrong []string) {
	a, err := hostile.Send(x.world.t.Context(), x.world.address(), r)
	if err != nil {
		return false, []string{err.Error()}
	}
	wrong = hostile.Check(r, a, x.world.canaries)
	if a.Below {
		return false, wrong
	}
	taken = x.takes(a)
	switch {
	case taken && mustRefuse:
		wrong = append(wrong, fmt.Sprintf("it was taken: %d %.300s", a.Status, a.Body))
	case a.Status/100 == 3 && !(taken && a.Status == http.StatusSeeOther):
		wrong = append(wrong, "a redirect to "+a.Header.Get("Location"))
	case a.Gone && a.Status == http.StatusServiceUnavailable:
	case a.Status == http.StatusNoContent && r.Method == http.MethodOptions, r.Method == http.MethodHead:
	case stray:
		wrong = append(wrong, x.strayShape(a, taken)...)
	default:
		wrong = append(wrong, shapes[x.door.Name](a, taken)...)
	}
	if taken && x.invoices > 0 && bytes.Contains(r.Bytes(), []byte(hostile.Mark)) {
		wrong = append(wrong, x.pageOf(a)...)
	}
	return taken, wrong
}

// strayShape holds an answer against the route's own shape, nobody's, and those of the other doors.
func (x target) strayShape(a hostile.Answer, taken bool) []string {
	wrong := shapes[x.door.Name](a, taken)
	if wrong == nil || neutralShape(a, false) == nil {
		return nil
	}
	for _, d := range x.world.app.doors {
		if shapes[d.Name](a, false) == nil || a.Status == http.StatusOK && shapes[d.Name](a, true) == nil {
			return nil
		}
	}
	return wrong
}

// pageOf looks at the page of an invoice that was made of a hostile request.
func (x target) pageOf(a hostile.Answer) []string {
	o := object(a)
	data, _ := o["data"].(map[string]any)
	for _, page := range []any{o["payment_url"], o["url"], data["completeLink"]} {
		text, ok := page.(string)
		if !ok {
			continue
		}
		r := hostile.Request{Method: http.MethodGet, Pattern: pageOf(x.world.t, text)}
		shown, err := hostile.Send(x.world.t.Context(), x.world.address(), r)
		if err != nil || shown.Status != http.StatusOK {
			return []string{fmt.Sprintf("its page: %v %d", err, shown.Status)}
		}
		var wrong []string
		for _, w := range append(hostile.Check(r, shown, nil), pageShape(shown, true)...) {
			if !strings.Contains(w, "from the inside") && !strings.Contains(w, "names a host") { // the page shows what it was given
				wrong = append(wrong, "its page: "+w)
			}
		}
		return wrong
	}
	return nil
}

// effect says what a request changed that it should not have.
func (x target) effect(before, now counts, taken bool) []string {
	if !taken {
		if x.noted {
			before["lines of the audit log"] = now["lines of the audit log"]
		}
		if changed := before.changed(now); changed != nil {
			return []string{"it was refused, and changed " + strings.Join(changed, "; ")}
		}
		return nil
	}
	if made := now["invoices"] - before["invoices"]; made > x.invoices {
		return []string{fmt.Sprintf("it made %d invoices", made)}
	}
	if made := now["payouts"] - before["payouts"]; made > 1 {
		return []string{fmt.Sprintf("it made %d payouts", made)}
	}
	if paid := now["payments"] - before["payments"]; paid > 1 {
		return []string{fmt.Sprintf("it made %d payments", paid)}
	}
	return nil
}

// seedVariable names the environment variable that makes a mixture of a seed that a failure has printed.
const seedVariable = "SARRAF_HOSTILE_SEED"

// mixed is how many mixtures are sent.
const mixed = 300

// mix applies several mutations at once, by chance. A failure prints the seed of its mixture.
func (w *world) mix(targets []target) {
	seed := rand.Uint64()
	if text := os.Getenv(seedVariable); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		w.must(err)
		seed = given
	}
	corpora := map[string][]hostile.Mutation{}
	for _, x := range targets {
		foreign := w.strangers()
		if x.invoices > 0 || x.keeps || x.anybodys {
			foreign = nil // it would be kept, and be seen in what others read; or there is nothing foreign
		}
		corpora[x.String()] = hostile.Mutations(x.good(w), foreign)
	}
	by := rand.New(rand.NewPCG(seed, 0))
	for range mixed {
		x := targets[by.IntN(len(targets))]
		corpus := corpora[x.String()]
		r := x.good(w).Clone()
		var names []string
		for range 2 + by.IntN(3) {
			m := corpus[by.IntN(len(corpus))]
			m.Apply(&r)
			names = append(names, m.Name)
		}
		before := w.counts()
		taken, wrong := x.judge(r, false, true)
		if taken {
			w.used()
		} else {
			wrong = append(wrong, x.effect(before, w.counts(), false)...)
		}
		for _, text := range wrong {
			w.t.Errorf("%s, %s: %s (%s=%d finds it again)", x, strings.Join(names, " + "), text, seedVariable, seed)
		}
	}
}

// proveUnharmed looks at what an attack leaves behind: the log, the books, and the victim's own things.
func (w *world) proveUnharmed(dsn string) {
	w.t.Helper()
	for line := range strings.Lines(w.logs.String()) {
		if strings.Contains(line, "level=ERROR") || strings.Contains(line, "panic") || strings.Contains(line, canary) {
			w.t.Errorf("in the log: %.600s", line)
		}
	}
	for _, door := range w.doorsThatMake() {
		for state, want := range map[string]string{"paid": "paid", "open": "open"} {
			r := w.askAs(w.victim, "/v1/invoices/"+w.victims[door+" "+state], "")
			if r.json["status"] != want {
				w.t.Errorf("the victim's %s invoice of %s is %v", state, door, r.json["status"])
			}
		}
	}
	if code := w.stop(); code != 0 {
		w.t.Errorf("it ended with status %d", code)
	}
	proveClean(w.t, dsn)
}
