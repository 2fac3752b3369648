package httpx

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"sarraf/fault"
)

// IdempotencyHeader is the header that makes a repeat of a request safe.
const IdempotencyHeader = "Idempotency-Key"

// MaxIdempotencyKey is the longest Idempotency-Key, in characters.
const MaxIdempotencyKey = 255

// IdempotencyKey is the request's Idempotency-Key, "" when it has none. Faults on the header's name: FieldMalformed for an empty one, for
// two, and for anything but visible ASCII; FieldTooLong with max.
func IdempotencyKey(h http.Header) (string, error) {
	values := h[IdempotencyHeader]
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1 || !Visible(values[0]):
		return "", fault.New(fault.FieldMalformed).On(IdempotencyHeader)
	case len(values[0]) > MaxIdempotencyKey:
		return "", fault.New(fault.FieldTooLong).On(IdempotencyHeader).With("max", strconv.Itoa(MaxIdempotencyKey))
	}
	return values[0], nil
}

// Visible reports whether s is one or more visible ASCII characters; a space is none.
func Visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// Handle is a route whose handler answers a failure as an error, which the door then words.
func Handle(method, pattern string, h func(http.ResponseWriter, *http.Request) error) Route {
	return Route{Method: method, Pattern: pattern, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			Fail(w, r, err)
		}
	})}
}

// AddQuery is the URL with parameters, given as name and value by turns, after its own query and before its fragment. What it has itself
// stays as it is, to the byte: a merchant may have signed it. A parameter that it has under the same name stays before ours, and PHP reads
// the last.
func AddQuery(to string, pairs ...string) string {
	to, fragment, hasFragment := strings.Cut(to, "#")
	switch {
	case !strings.Contains(to, "?"):
		to += "?"
	case !strings.HasSuffix(to, "?") && !strings.HasSuffix(to, "&"):
		to += "&"
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if i > 0 {
			to += "&"
		}
		to += url.QueryEscape(pairs[i]) + "=" + url.QueryEscape(pairs[i+1])
	}
	if hasFragment {
		to += "#" + fragment
	}
	return to
}
