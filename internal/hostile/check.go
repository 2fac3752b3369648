package hostile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// below are the statuses with which an HTTP library refuses what is no request at all.
var below = []int{
	http.StatusBadRequest, http.StatusExpectationFailed, http.StatusRequestHeaderFieldsTooLarge, http.StatusNotImplemented, http.StatusHTTPVersionNotSupported,
	http.StatusRequestTimeout,
}

// leaks are texts that only the inside of a program has.
var leaks = regexp.MustCompile(`goroutine \d|\.go:\d|runtime error|\bpanic\b|SQLSTATE|jackc/pgx|modernc\.org|sqlite3?[_: ]|SELECT \w|INSERT INTO|` +
	`secret_hash|stack trace|/usr/|/home/|/tmp/`)

// suspects begin what leaks matches; looking for them is quicker.
var suspects = []string{
	"goroutine ", ".go:", "runtime error", "panic", "SQLSTATE", "jackc/pgx", "modernc.org", "sqlite", "SELECT ", "INSERT INTO", "secret_hash", "stack trace",
	"/usr/", "/home/", "/tmp/",
}

// leak is a text in s that only the inside of a program has; "" for none.
func leak(s string) string {
	for _, w := range suspects {
		if strings.Contains(s, w) {
			return leaks.FindString(s)
		}
	}
	return ""
}

// Check is what is wrong with an answer, whatever door gave it. Canaries are texts of somebody else, none of which an answer to this
// request may hold unless the request itself brought it. An answer with a redirect is judged by the caller.
func Check(r Request, a Answer, canaries []string) []string {
	if a.Cut {
		return nil
	}
	var wrong []string
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	sent := sentTexts(r)
	text := headText(a.Header)
	if a.Header.Get("Content-Encoding") == "" { // what is packed beforehand is the same for everybody
		text += string(a.Body)
	}
	for _, c := range canaries {
		if strings.Contains(text, c) && !containsAny(sent, c) {
			bad("it holds %q, which is another's", c)
		}
	}
	if l := leak(text); l != "" && !containsAny(sent, l) {
		bad("it holds %q, which is from the inside", l)
	}
	if a.Header.Get("X-Injected") != "" {
		bad("a header of the caller's making")
	}
	if a.Below {
		if !slices.Contains(below, a.Status) {
			bad("status %d without a Request-Id", a.Status)
		}
		return wrong
	}
	if a.Status >= 500 && !(a.Gone && a.Status == http.StatusServiceUnavailable) {
		bad("status %d", a.Status)
	}
	if id := a.Header.Get("Request-Id"); len(id) > 64 || strings.ContainsAny(id, "<> ") {
		bad("Request-Id %q", id)
	}
	if a.Header.Get("X-Content-Type-Options") != "nosniff" {
		bad("without nosniff")
	}
	kind := a.Header.Get("Content-Type")
	if len(a.Body) > 0 && kind == "" {
		bad("a body without a Content-Type")
	}
	switch media, _, _ := strings.Cut(kind, ";"); {
	case len(a.Body) == 0:
	case media == "application/json" || strings.HasSuffix(media, "+json"):
		if !json.Valid(a.Body) || !utf8.Valid(a.Body) {
			bad("a body that is not JSON")
		}
	case media == "text/html":
		if bytes.Contains(bytes.ToLower(a.Body), []byte("<"+Mark)) {
			bad("markup of the caller's is markup of ours")
		}
		if a.Header.Get("Content-Security-Policy") == "" {
			bad("a page without a Content-Security-Policy")
		}
	}
	if a.Status == http.StatusMethodNotAllowed && a.Header.Get("Allow") == "" {
		bad("405 without Allow")
	}
	if hostTaken(r, text) {
		bad("it names a host that the caller put into a header")
	}
	return wrong
}

// hostTaken reports whether the answer repeats the foreign host although no value of the request held it.
func hostTaken(r Request, text string) bool {
	return strings.Contains(text, Away) && !strings.Contains(r.Body(), Away) && !strings.Contains(r.Target(), Away)
}

// sentTexts are the request as sent, and what it says once it is decoded.
func sentTexts(r Request) []string {
	raw := string(r.Bytes())
	list := []string{raw}
	if plain, err := url.PathUnescape(r.Target()); err == nil {
		list = append(list, plain)
	}
	if plain, err := url.QueryUnescape(r.Target() + " " + r.Body()); err == nil {
		list = append(list, plain)
	}
	for _, f := range r.Fields {
		list = append(list, unquote(f.JSON))
	}
	return list
}

func containsAny(list []string, text string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, text) })
}

// headText is the headers as text, in no order.
func headText(h http.Header) string {
	var b strings.Builder
	for name, values := range h {
		fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(values, ", "))
	}
	return b.String()
}
