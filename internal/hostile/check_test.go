package hostile

import (
	"net/http"
	"strings"
	"testing"
)

func TestCheckFindsWhatNoAnswerMayDo(t *testing.T) {
	answer := func(status int, kind, body string, more ...string) Answer {
		h := http.Header{"Request-Id": {"abc"}, "X-Content-Type-Options": {"nosniff"}}
		if kind != "" {
			h.Set("Content-Type", kind)
		}
		for i := 0; i+1 < len(more); i += 2 {
			h.Set(more[i], more[i+1])
		}
		return Answer{Status: status, Header: h, Body: []byte(body)}
	}
	gone := func(a Answer) Answer { a.Gone = true; return a }
	const policy = "Content-Security-Policy"
	get := Request{Method: "GET", Pattern: "/a"}
	asked := Request{Method: "GET", Pattern: "/a/{id}", Path: []Pair{{"id", "CANARY%2D1"}}}
	away := get.With("X-Forwarded-Host", Away)
	for _, c := range []struct {
		name string
		r    Request
		a    Answer
		want string // part of the one complaint; "" for none
	}{
		{"a good answer", get, answer(200, "application/json", `{"a":1}`), ""},
		{"a good page", get, answer(200, "text/html", "<p>&lt;"+Mark+"&gt;", policy, "a"), ""},
		{"no body", get, answer(204, "", ""), ""},
		{"another's data", get, answer(200, "application/json", `{"a":"CANARY-1"}`), "another's"},
		{"another's data in a header", get, answer(200, "", "", "X-Name", "CANARY-1"), "another's"},
		{"what was asked for is said again", asked, answer(404, "application/json", `{"a":"CANARY-1"}`), ""},
		{"a stack", get, answer(404, "text/plain", "goroutine 7 [running]"), "inside"},
		{"a source line", get, answer(404, "text/plain", "at mux.go:17"), "inside"},
		{"a statement", get, answer(400, "text/plain", "near SELECT id"), "inside"},
		{"a failure", get, answer(500, "application/json", `{}`), "status 500"},
		{"a failure to answer", get, answer(503, "application/json", `{}`), "status 503"},
		{"a caller taken for gone", get, gone(answer(503, "application/json", `{}`)), ""},
		{"a failure before one", get, gone(answer(500, "application/json", `{}`)), "status 500"},
		{"an injected header", get, answer(200, "", "", "X-Injected", "1"), "header of the caller's making"},
		{"a type is missing", get, answer(200, "", "a"), "without a Content-Type"},
		{"no JSON", get, answer(200, "application/problem+json", `{"a":`), "not JSON"},
		{"not UTF-8", get, answer(200, "application/json", "{\"a\":\"\xff\"}"), "not JSON"},
		{"markup", get, answer(404, "text/html; charset=utf-8", "<"+strings.ToUpper(Mark)+">", policy, "a"), "markup"},
		{"no policy", get, answer(200, "text/html", "a"), policy},
		{"405 without Allow", get, answer(405, "", ""), "Allow"},
		{"a host that was put into a header", away, answer(200, "application/json", `{"url":"https://`+Away+`/a"}`), "host"},
		{"a request id that was not checked", get, answer(200, "", "", "Request-Id", "<a>"), "Request-Id"},
		{"sniffing", get, answer(200, "", "", "X-Content-Type-Options", ""), "nosniff"},
		{"below", get, Answer{Status: 400, Below: true, Header: http.Header{}}, ""},
		{"below, and taken", get, Answer{Status: 200, Below: true, Header: http.Header{}}, "without a Request-Id"},
		{"below, and failed", get, Answer{Status: 500, Below: true, Header: http.Header{}}, "without a Request-Id"},
		{"cut", get, Answer{Below: true, Cut: true}, ""},
	} {
		wrong := Check(c.r, c.a, []string{"CANARY-1"})
		if c.want == "" && len(wrong) > 0 || c.want != "" && (len(wrong) != 1 || !strings.Contains(wrong[0], c.want)) {
			t.Errorf("%s: %q", c.name, wrong)
		}
	}
}

// What was sent is kept and shown again, perhaps in the answer to another request: no value may look like a text from the inside.
func TestNoValueLooksLikeALeak(t *testing.T) {
	for _, v := range values() {
		if l := leak(v.json); l != "" {
			t.Errorf("%s holds %q", v.name, l)
		}
	}
}
