package httpx

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestJSONAnswerIsExactlyTheValue(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{map[string]any{"url": "https://a.example/?x=1&y=<2>"}, `{"url":"https://a.example/?x=1&y=<2>"}`},
		{struct {
			Paid *string `json:"paid_at"`
		}{}, `{"paid_at":null}`},
		{[]string{}, `[]`},
		{"৳10.00\u2028", `"৳10.00\u2028"`},
		{strings.Repeat("x", 3*maxKeptBuffer), `"` + strings.Repeat("x", 3*maxKeptBuffer) + `"`},
	} {
		w := httptest.NewRecorder()
		WriteJSON(w, 201, c.v)
		if w.Code != 201 || w.Body.String() != c.want || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%d %v %.200s; want %.200s", w.Code, w.Header(), w.Body, c.want)
		}
		if n := w.Result().ContentLength; n != int64(len(c.want)) {
			t.Errorf("Content-Length %d; want %d", n, len(c.want))
		}
	}
}

func TestHandlersContentTypeStays(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/problem+json")
	WriteJSON(w, 400, 1)
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Error(got)
	}
}

func TestValueThatCannotBeEncodedIsTheDoors500(t *testing.T) {
	m := newMux(t, Options{}, Door{Name: "a", Error: shaped("a"), Routes: []Route{
		get("/x", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			WriteJSON(w, 200, map[string]any{"a": 1, "f": func() {}})
		})),
		get("/y", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { WriteJSON(w, 200, "fine") })),
	}})
	if w := ask(t, m, "GET", "/x"); w.Code != 500 || w.Body.String() != "a: internal" ||
		w.Header().Get("Content-Type") != "text/plain" {
		t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
	}
	if w := ask(t, m, "GET", "/y"); w.Body.String() != `"fine"` {
		t.Errorf("the next answer is %q", w.Body)
	}
}

func TestRawAnswerIsSentAsItIs(t *testing.T) {
	w := httptest.NewRecorder()
	WriteRaw(w, 202, "image/svg+xml", []byte("<svg/>"))
	if w.Code != 202 || w.Body.String() != "<svg/>" || w.Header().Get("Content-Type") != "image/svg+xml" ||
		w.Header().Get("Content-Length") != "6" {
		t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
	}
}
