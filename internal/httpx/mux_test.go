package httpx

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
)

// says is a handler that answers with a word, the request's path and the wildcards named.
func says(word string, wildcards ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range wildcards {
			word := r.PathValue(name)
			defer func() { _, _ = io.WriteString(w, " "+name+"="+word) }()
		}
		_, _ = io.WriteString(w, word)
	})
}

// shaped is a door's Error that shows the door and the code.
func shaped(door string) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, _ *http.Request, err error) {
		f := fault.First(err)
		WriteRaw(w, Status(f), "text/plain", []byte(door+": "+string(f.Code)))
	}
}

func get(pattern string, h http.Handler) Route {
	return Route{Method: "GET", Pattern: pattern, Handler: h}
}

func post(pattern string, h http.Handler) Route {
	return Route{Method: "POST", Pattern: pattern, Handler: h}
}

// house is doors as they stand beside each other in the real one.
func house() []Door {
	return []Door{
		{Name: "aspay", Prefixes: []string{"/api/payment", "/api/payout/", "/api"}, Error: shaped("aspay"), Routes: []Route{
			post("/api/payment/create", says("create")),
			get("/api/payment/{id}", says("status", "id")),
			post("/api/payment/batch/status", says("batch")),
			get("/methods/{token}", says("page", "token")),
			post("/methods/{token}", says("act", "token")),
		}},
		{Name: "payrequest", Prefixes: []string{"/api", "/api/create", "/api/get"}, Error: shaped("payrequest"), Routes: []Route{
			post("/api/create/", says("link")),
			post("/api/get/", says("get")),
			get("/{slug}", says("slug", "slug")),
		}},
		{Name: "assets", Routes: []Route{get("/_sarraf/{path...}", says("asset", "path")), get("/", says("root"))}},
	}
}

func newMux(t testing.TB, o Options, doors ...Door) *Mux {
	t.Helper()
	m, err := NewMux(o, doors...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// ask sends one request straight to the handler; the target is used as the URL of the request line.
func ask(t testing.TB, h http.Handler, method, target string) *httptest.ResponseRecorder {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, "/", nil)
	r.URL, r.RequestURI = u, target
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRequestsReachTheDoorThatOwnsThePath(t *testing.T) {
	m := newMux(t, Options{}, house()...)
	for _, c := range []struct {
		method, target string
		status         int
		body           string
	}{
		{"POST", "/api/payment/create", 200, "create"},
		{"POST", "/api/payment/create/", 200, "create"},
		{"POST", "//api///payment//create//", 200, "create"},
		{"POST", "/%61pi/payment/create", 200, "create"},
		{"POST", "http://elsewhere.example/api/payment/create", 200, "create"},
		{"GET", "/api/payment/create", 200, "status id=create"},
		{"GET", "/api/payment/ATINV1?x=//", 200, "status id=ATINV1"},
		{"GET", "/api/payment/ATINV1/", 200, "status id=ATINV1"},
		{"GET", "/api/payment/A%2FB", 200, "status id=A/B"},
		{"GET", "//api/payment/A%2FB%20C/", 200, "status id=A/B C"},
		{"GET", "/api/payment/%E0%A6%AA", 200, "status id=প"},
		{"HEAD", "/api/payment/ATINV1", 200, "status id=ATINV1"},
		{"GET", "/", 200, "root"},
		{"GET", "//", 200, "root"},
		{"GET", "http://elsewhere.example", 200, "root"},
		{"POST", "/api/create/", 200, "link"},
		{"POST", "/api/create", 200, "link"},
		{"GET", "/abc123", 200, "slug slug=abc123"},
		{"GET", "/_sarraf", 200, "asset path="},
		{"GET", "/_sarraf/", 200, "asset path="},
		{"GET", "/_sarraf//css//a.css", 200, "asset path=css/a.css"},

		{"GET", "/api/payment", 404, "aspay: route_unknown"},
		{"GET", "/api/payment/", 404, "aspay: route_unknown"},
		{"POST", "/api/payment/x/y/z", 404, "aspay: route_unknown"},
		{"POST", "/api/payout/request", 404, "aspay: route_unknown"},
		{"GET", "/api/other", 404, "aspay: route_unknown"},
		{"GET", "/api", 404, "aspay: route_unknown"}, // a prefix of another door
		{"POST", "/api/create/x", 404, "payrequest: route_unknown"},
		{"POST", "/api/creates", 404, "aspay: route_unknown"},
		{"OPTIONS", "/api/payment/x/y", 404, "aspay: route_unknown"},
		{"GET", "/api/payment/../payment/x", 404, "aspay: route_unknown"},
		{"GET", "/api/%2e%2e/api/payment/x", 404, "aspay: route_unknown"},
		{"GET", "/api/payment/a%00b", 404, "aspay: route_unknown"},
		{"GET", "/api/payment/%ff", 404, "aspay: route_unknown"},
		{"GET", "/api/create/.", 404, "payrequest: route_unknown"},
		{"GET", "/apix/payment", 404, "Not Found (route_unknown, request fixed)\n"},
		{"GET", "/_sarraf/../api/payment/x", 404, "Not Found (route_unknown, request fixed)\n"},
		{"GET", "/..", 404, "Not Found (route_unknown, request fixed)\n"},

		{"DELETE", "/api/payment/ATINV1", 405, "aspay: method_not_allowed"},
		{"GET", "/api/create/", 405, "payrequest: method_not_allowed"},
		{"PUT", "/methods/abc", 405, "aspay: method_not_allowed"},
		{"get", "/methods/abc", 405, "aspay: method_not_allowed"},
		{"CONNECT", "/methods/abc", 405, "aspay: method_not_allowed"},
		{"CONNECT", "/_sarraf", 405, "Method Not Allowed (method_not_allowed, request fixed)\n"},
		{"TRACE", "/abc123", 405, "payrequest: method_not_allowed"},
		{"OPTIONS", "/methods/abc", 204, ""},
	} {
		r := httptest.NewRequest(c.method, "/", nil)
		u, err := url.ParseRequestURI(c.target)
		if err != nil {
			t.Fatal(err)
		}
		r.URL, r.RequestURI = u, c.target
		r.Header.Set("Request-Id", "fixed")
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		if w.Code != c.status || w.Body.String() != c.body {
			t.Errorf("%s %s: %d %q; want %d %q", c.method, c.target, w.Code, w.Body, c.status, c.body)
		}
	}
}

func TestAllowListsWhatThePathTakes(t *testing.T) {
	m := newMux(t, Options{}, house()...)
	for _, c := range []struct{ method, target, allow string }{
		{"PUT", "/methods/abc", "GET, HEAD, POST, OPTIONS"},
		{"OPTIONS", "/methods/abc/", "GET, HEAD, POST, OPTIONS"},
		{"GET", "/api/payment/batch/status", "POST, OPTIONS"},
		{"OPTIONS", "/api/payment/create", "GET, HEAD, POST, OPTIONS"},
		{"PATCH", "/_sarraf", "GET, HEAD, OPTIONS"},
		{"GET", "/methods/abc", ""},
		{"GET", "/nobody/knows/this", ""},
	} {
		if got := ask(t, m, c.method, c.target).Header().Get("Allow"); got != c.allow {
			t.Errorf("%s %s: Allow %q; want %q", c.method, c.target, got, c.allow)
		}
	}
	var seen error
	doors := []Door{{
		Name: "a", Routes: []Route{post("/x", says("x"))},
		Error: func(_ http.ResponseWriter, _ *http.Request, err error) { seen = err },
	}}
	ask(t, newMux(t, Options{}, doors...), "GET", "/x")
	if diff := cmp.Diff(map[string]string{"allow": "POST, OPTIONS"}, fault.First(seen).Params); diff != "" {
		t.Error(diff)
	}
}

func TestRouteMayTakeOptionsItself(t *testing.T) {
	m := newMux(t, Options{}, Door{Name: "a", Routes: []Route{{Method: "OPTIONS", Pattern: "/x", Handler: says("mine")}}})
	if w := ask(t, m, "OPTIONS", "/x"); w.Body.String() != "mine" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestUnknownPathOfNobodyIsAProblemToWhoSpeaksJSON(t *testing.T) {
	m := newMux(t, Options{}, house()...)
	for _, header := range []string{"Accept", "Content-Type"} {
		r := httptest.NewRequest("GET", "/no/such/path", nil)
		r.Header.Set(header, "application/JSON; charset=utf-8")
		r.Header.Set("X-Request-Id", "abc")
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		want := `{"title":"Not Found","status":404,"code":"route_unknown","request_id":"abc"}`
		if w.Body.String() != want || w.Header().Get("Content-Type") != "application/problem+json" || w.Code != 404 {
			t.Errorf("%s: %d %s %s", header, w.Code, w.Header(), w.Body)
		}
	}
}

func TestHandlerSeesTheNormalisedPathAndTheQuery(t *testing.T) {
	var seen *url.URL
	m := newMux(t, Options{}, Door{Name: "a", Routes: []Route{get("/a/{b}/c", http.HandlerFunc(
		func(_ http.ResponseWriter, r *http.Request) { seen = r.URL }))}})
	r := httptest.NewRequest("GET", "/", nil)
	r.URL = &url.URL{Path: "//a/x/y//c/", RawPath: "//a/x%2Fy//c/", RawQuery: "q=//"}
	before := *r.URL
	m.ServeHTTP(httptest.NewRecorder(), r)
	if seen == nil || seen.Path != "/a/x/y/c" || seen.EscapedPath() != "/a/x%2Fy/c" || seen.RawQuery != "q=//" {
		t.Errorf("%#v", seen)
	}
	if *r.URL != before {
		t.Errorf("the caller's request was changed to %v", r.URL)
	}
}

func TestBadRouteTablesAreErrors(t *testing.T) {
	ok := says("ok")
	for name, doors := range map[string][]Door{
		"a door without a name":   {{}},
		"two doors of one name":   {{Name: "a"}, {Name: "a"}},
		"the neutral door's name": {{Name: "none"}},
		"no handler":              {{Name: "a", Routes: []Route{{Method: "GET", Pattern: "/a"}}}},
		"no method":               {{Name: "a", Routes: []Route{{Pattern: "/a", Handler: ok}}}},
		"a method in small":       {{Name: "a", Routes: []Route{{Method: "get", Pattern: "/a", Handler: ok}}}},
		"a method of two words":   {{Name: "a", Routes: []Route{{Method: "GET IT", Pattern: "/a", Handler: ok}}}},
		"HEAD":                    {{Name: "a", Routes: []Route{{Method: "HEAD", Pattern: "/a", Handler: ok}}}},
		"a negative limit":        {{Name: "a", Routes: []Route{{Method: "GET", Pattern: "/a", Handler: ok, MaxBody: -1}}}},
		"a pattern with a host":   {{Name: "a", Routes: []Route{get("host/a", ok)}}},
		"a dot segment":           {{Name: "a", Routes: []Route{get("/a/../b", ok)}}},
		"a broken wildcard":       {{Name: "a", Routes: []Route{get("/a/{b", ok)}}},
		"a wildcard named twice":  {{Name: "a", Routes: []Route{get("/{b}/{b}", ok)}}},
		"a relative prefix":       {{Name: "a", Prefixes: []string{"api"}}},
		"a prefix with wildcards": {{Name: "a", Prefixes: []string{"/{api}"}}},
		"the same route twice":    {{Name: "a", Routes: []Route{get("/a", ok)}}, {Name: "b", Routes: []Route{get("/a/", ok)}}},
		"the same with other wildcards": {
			{Name: "a", Routes: []Route{get("/a/{x}", ok)}}, {Name: "b", Routes: []Route{get("/a/{y}", ok)}},
		},
		"neither more specific": {{Name: "a", Routes: []Route{get("/a/{x}", ok), get("/{y}/b", ok)}}},
	} {
		if m, err := NewMux(Options{}, doors...); err == nil || m != nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestBarePathOfASubtreeMayHaveItsOwnRoute(t *testing.T) {
	m := newMux(t, Options{}, Door{Name: "a", Routes: []Route{
		get("/docs/{path...}", says("page", "path")), get("/docs", says("index")), post("/docs/{rest...}", says("upload")),
	}})
	for target, want := range map[string]string{"/docs": "index", "/docs/": "index", "/docs/a": "page path=a"} {
		if got := ask(t, m, "GET", target).Body.String(); got != want {
			t.Errorf("%s: %q; want %q", target, got, want)
		}
	}
	if got := ask(t, m, "POST", "/docs").Body.String(); got != "upload" {
		t.Errorf("POST /docs: %q", got)
	}
}

func TestRequestBodyOverTheRoutesLimitIsRefusedInTheDoorsShape(t *testing.T) {
	reads := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := ReadBody(r, 100); err != nil {
			Fail(w, r, err)
			return
		}
		WriteRaw(w, 200, "text/plain", []byte("read"))
	})
	m := newMux(t, Options{}, Door{Name: "a", Error: shaped("a"), Routes: []Route{
		{Method: "POST", Pattern: "/x", Handler: reads, MaxBody: 8},
	}})
	for _, c := range []struct {
		body   io.Reader
		status int
		want   string
	}{
		{strings.NewReader("12345678"), 200, "read"},
		{strings.NewReader("123456789"), 413, "a: body_too_large"},
		{io.MultiReader(strings.NewReader("1234"), strings.NewReader("5678")), 200, "read"},
		{io.MultiReader(strings.NewReader("1234"), strings.NewReader("56789")), 413, "a: body_too_large"},
		{errReader{}, 400, "a: body_malformed"},
	} {
		w := httptest.NewRecorder()
		m.ServeHTTP(w, httptest.NewRequest("POST", "/x", c.body))
		if w.Code != c.status || w.Body.String() != c.want {
			t.Errorf("%d %q; want %d %q", w.Code, w.Body, c.status, c.want)
		}
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("connection lost") }

func TestFullServerRefusesAtOnceAndStillAnswersVitalRoutes(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
	})
	m := newMux(t, Options{MaxInFlight: 1}, Door{Name: "a", Error: shaped("a"), Routes: []Route{
		get("/slow", slow), get("/x", says("x")),
		{Method: "GET", Pattern: "/healthz", Handler: says("alive"), Vital: true},
	}})
	done := make(chan int, 1)
	go func() {
		w := httptest.NewRecorder()
		m.ServeHTTP(w, httptest.NewRequest("GET", "/slow", nil))
		done <- w.Code
	}()
	<-entered
	if w := ask(t, m, "GET", "/x"); w.Code != 503 || w.Body.String() != "a: overloaded" || w.Header().Get("Retry-After") == "" {
		t.Errorf("while full: %d %q %v", w.Code, w.Body, w.Header())
	}
	if w := ask(t, m, "GET", "/healthz"); w.Code != 200 || w.Body.String() != "alive" {
		t.Errorf("a vital route while full: %d %q", w.Code, w.Body)
	}
	close(leave)
	if status := <-done; status != 200 {
		t.Errorf("the slow one: %d", status)
	}
	if w := ask(t, m, "GET", "/x"); w.Code != 200 {
		t.Errorf("afterwards: %d", w.Code)
	}
}

func TestStatusIsAnErrorForEveryCode(t *testing.T) {
	for _, code := range fault.Codes() {
		if s := Status(fault.New(code)); s < 400 || s > 599 || http.StatusText(s) == "" {
			t.Errorf("%s: %d", code, s)
		}
	}
}

func TestNeutralAnswerTellsNothingOfTheCause(t *testing.T) {
	for _, accept := range []string{"", "application/json"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		Neutral(w, r, errors.New("password=hunter2"))
		if w.Code != 500 || strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if accept != "" && !json.Valid(w.Body.Bytes()) {
			t.Errorf("not JSON: %s", w.Body)
		}
	}
}

func FuzzMuxNeverRedirectsNorLosesADoor(f *testing.F) {
	for _, s := range []string{"/api/payment/create/", "//api", "/_sarraf", "/_sarraf/", "/a/..", "/%2e", "/api/%2f", "/\xff"} {
		f.Add("GET", s, "")
		f.Add("CONNECT", s, s)
	}
	m := newMux(f, Options{}, house()...)
	f.Fuzz(func(t *testing.T, method, path, raw string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Method, r.URL = method, &url.URL{Path: path, RawPath: raw}
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		if w.Code/100 == 3 || w.Header().Get("Location") != "" || w.Code >= 500 {
			t.Fatalf("%s %q %q: %d", method, path, raw, w.Code)
		}
		if w.Header().Get("Request-Id") == "" {
			t.Fatal("no request id")
		}
	})
}

func TestAPatternThatBeginsWithAWildcardTakesNothingUnderAnothersPrefix(t *testing.T) {
	m := newMux(t, Options{}, append(house(), Door{
		Name: "native", Prefixes: []string{"/v1"}, Error: shaped("native"), Routes: []Route{get("/v1/events", says("events"))},
	})...)
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/0054j74sai0z", 200, "slug slug=0054j74sai0z"},
		{"GET", "/v1", 404, "native: route_unknown"},
		{"POST", "/v1", 404, "native: route_unknown"},
		{"GET", "/v1/events", 200, "events"},
		{"GET", "/api", 404, "aspay: route_unknown"}, // the first door with this prefix
		{"POST", "/0054j74sai0z", 405, "payrequest: method_not_allowed"},
	} {
		if w := ask(t, m, c.method, c.path); w.Code != c.status || w.Body.String() != c.body {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, w.Code, w.Body, c.status, c.body)
		}
	}
}
