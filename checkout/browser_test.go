package checkout

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a-h/templ"

	"sarraf/internal/browsertest"
)

// serve answers /NAME with the page of that name, under the page's own headers, and the assets.
func serve(t testing.TB, pages map[string]templ.Component, codes map[string]int) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET "+AssetPattern, Assets())
	mux.HandleFunc("GET /page/{name}", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		page, ok := pages[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		SetHeaders(w.Header())
		if code := codes[name]; code != 0 {
			w.WriteHeader(code)
		}
		if err := page.Render(r.Context(), w); err != nil {
			t.Errorf("rendering %s: %v", name, err)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/page/"
}

func TestEveryScreenFitsAPhoneAndADeskInLightAndDark(t *testing.T) {
	pages, codes := map[string]templ.Component{}, map[string]int{}
	for name, p := range screens(t) {
		p.ReturnAfter = 0 // stay: the shop is not there
		p.LiveURL = ""
		pages[name] = Hosted(p)
	}
	for name, p := range troubles {
		pages[name], codes[name] = Trouble(p), p.Code()
	}
	base := serve(t, pages, codes)
	browser := browsertest.Start(t)
	for _, view := range []struct {
		name string
		browsertest.View
		dark bool
	}{
		{"phone-light", browsertest.Phone, false},
		{"phone-dark", browsertest.Phone, true},
		{"desk-light", browsertest.Desk, false},
		{"desk-dark", browsertest.Desk, true},
	} {
		t.Run(view.name, func(t *testing.T) {
			view.Dark = view.dark
			tab := browser.Tab(t, view.View)
			for _, name := range slices.Sorted(maps.Keys(pages)) {
				want := max(codes[name], http.StatusOK)
				if got := tab.Open(base + name); got != want {
					t.Errorf("%s: status %d, want %d", name, got, want)
				}
				for _, flaw := range browsertest.Eval[[]string](tab, browsertest.Flaws) {
					t.Errorf("%s: %s", name, flaw)
				}
				tab.ShotWhole(name + "-" + view.name)
			}
		})
	}
}

func TestRightToLeftLanguageMirrorsThePage(t *testing.T) {
	urdu := english
	urdu.Tag, urdu.Dir, urdu.AmountDue, urdu.Ways = "ur", "rtl", "واجب الادا رقم", "آپ کیسے ادائیگی کرنا چاہیں گے؟"
	p := livePage(t)
	p.LiveURL = ""
	base := serve(t, map[string]templ.Component{
		"open": hosted(urdu, p),
		"paid": hosted(urdu, with(finished(p, Paid), func(p *Page) { p.ReturnAfter = 0 })),
	}, nil)
	browser := browsertest.Start(t)
	for name, view := range map[string]browsertest.View{"phone": browsertest.Phone, "desk": browsertest.Desk} {
		tab := browser.Tab(t, view)
		for _, page := range []string{"open", "paid"} {
			tab.Open(base + page)
			for _, flaw := range browsertest.Eval[[]string](tab, browsertest.Flaws) {
				t.Errorf("%s %s: %s", page, name, flaw)
			}
			tab.ShotWhole("rtl-" + page + "-" + name)
		}
		tab.Open(base + "open")
		const side = `(a, b) => document.querySelector(a).getBoundingClientRect().left > document.querySelector(b).getBoundingClientRect().left`
		if !browsertest.Eval[bool](tab, "("+side+")('.way-icon', '.way-text')") {
			t.Errorf("%s: the drawing of a way to pay stands left of its text", name)
		}
	}
}

// shop plays the handler of the page and the shop behind it, with the state that a test sets.
type shop struct {
	mu    sync.Mutex
	page  Page
	acts  []string
	shown int
	fresh bool // a finished fragment asks for a reload
}

func (s *shop) set(change func(*Page)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.page)
}

func (s *shop) serve(t *testing.T) (base string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET "+AssetPattern, Assets())
	answer := func(w http.ResponseWriter, r *http.Request, draw func(Page) templ.Component) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.shown++
		s.page.Left -= 2 * time.Second
		SetHeaders(w.Header())
		if s.fresh && s.page.Finished() && r.Header.Get("HX-Request") != "" {
			w.Header().Set("HX-Refresh", "true")
		}
		if err := draw(s.page).Render(r.Context(), w); err != nil {
			t.Errorf("rendering: %v", err)
		}
	}
	mux.HandleFunc("GET /methods/tok", func(w http.ResponseWriter, r *http.Request) { answer(w, r, Hosted) })
	mux.HandleFunc("GET /methods/tok/live", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, func(p Page) templ.Component { return Live(p, r.URL.Query().Get("seen")) })
	})
	mux.HandleFunc("POST /methods/tok", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.acts = append(s.acts, r.PostFormValue("action"))
		s.mu.Unlock()
		http.Redirect(w, r, "/methods/tok", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /thanks", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!DOCTYPE html><title>Thanks</title><link rel=icon href=data:,><p id=thanks>Thank you")
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.set(func(p *Page) { p.ReturnURL = server.URL + "/thanks?status=success&order=4711" })
	return server.URL
}

func TestPageWithoutScriptLearnsThatItWasPaidAndReturns(t *testing.T) {
	s := &shop{page: sandboxPage(t)}
	s.page.ReturnAfter = 1
	base := s.serve(t)
	tab := browsertest.Start(t).Tab(t, browsertest.View{Width: 360, Height: 740, Phone: true, NoScript: true})
	tab.Open(base + "/methods/tok")
	for _, id := range []string{"approve", "decline", "fail", "cancel"} {
		tab.Follow("#do-" + id)
	}
	s.set(func(p *Page) { *p = finished(*p, Paid) })
	tab.Wait(`location.pathname === "/thanks"`)
	if got, want := tab.URL(), base+"/thanks?status=success&order=4711"; got != want {
		t.Errorf("the payer is at %s, want %s", got, want)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if want := []string{"pay:approve", "pay:decline", "pay:fail", "cancel"}; !slices.Equal(s.acts, want) {
		t.Errorf("the buttons posted %q, want %q", s.acts, want)
	}
}

func TestPageWithScriptChangesInPlace(t *testing.T) {
	s := &shop{page: sandboxPage(t)}
	s.page.ReturnAfter = 0
	base := s.serve(t)
	tab := browsertest.Start(t).Tab(t, browsertest.Phone)
	tab.Open(base + "/methods/tok")

	first := tab.Text("#clock")
	tab.Wait(`(document.querySelector("#do-approve").mark = true, document.querySelector("#do-decline").focus(), true)`)
	tab.Wait(`document.querySelector("#clock").textContent !== "` + first + `"`)
	if !browsertest.Eval[bool](tab, `document.querySelector("#do-approve").mark === true`) {
		t.Error("a button was replaced although nothing but the time had changed")
	}

	s.set(func(p *Page) { p.Notice = Declined })
	tab.Wait(`document.querySelector(".notice")`)
	if got := browsertest.Eval[string](tab, `document.querySelector("#said").textContent`); !strings.Contains(got, "Your payment was declined") {
		t.Errorf("assistive technology heard %q", got)
	}
	if got := browsertest.Eval[string](tab, `document.activeElement.id`); got != "do-decline" {
		t.Errorf("the focus went from do-decline to %q", got)
	}
	tab.Follow("#do-decline")

	s.set(func(p *Page) { *p = finished(*p, Paid) })
	tab.Wait(`document.querySelector(".outcome")`)
	if got := tab.Text(".outcome"); got != "Payment received" {
		t.Errorf("the page says %q", got)
	}
	if browsertest.Eval[bool](tab, `document.querySelector("[hx-get]") !== null`) {
		t.Error("a finished page still polls")
	}
	tab.Follow(".go")
	if got, want := tab.URL(), base+"/thanks?status=success&order=4711"; got != want {
		t.Errorf("the payer is at %s, want %s", got, want)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if want := []string{"pay:decline"}; !slices.Equal(s.acts, want) {
		t.Errorf("the buttons posted %q, want %q", s.acts, want)
	}
}

func TestPageWithScriptReturnsByItself(t *testing.T) {
	s := &shop{page: sandboxPage(t), fresh: true}
	s.page.ReturnAfter = 1
	base := s.serve(t)
	tab := browsertest.Start(t).Tab(t, browsertest.Phone)
	tab.Open(base + "/methods/tok")
	s.set(func(p *Page) { *p = finished(*p, Paid) })
	tab.Wait(`location.pathname === "/thanks"`)
	if got, want := tab.URL(), base+"/thanks?status=success&order=4711"; got != want {
		t.Errorf("the payer is at %s, want %s", got, want)
	}
}
