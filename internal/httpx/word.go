package httpx

import (
	"net/http"
	"strings"

	"sarraf/fault"
)

// Word fills a door's sentence about a fault: :attribute stands for the name of the field that it is about, field where the fault names
// none, and :max, :limit and the like for its figures.
func Word(text, field string, f *fault.Error) string {
	if !strings.Contains(text, ":") {
		return text
	}
	if f.Field != "" {
		field = f.Field
	}
	pairs := make([]string, 0, 2+2*len(f.Params))
	pairs = append(pairs, ":attribute", field)
	for name, value := range f.Params {
		pairs = append(pairs, ":"+name, value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// retryAfter is what Retry-After says, in seconds, where the fault does not.
var retryAfter = map[fault.Code]string{fault.RateLimited: "60", fault.Overloaded: "1", fault.Outage: "5"}

// RetryAfter sets the header Retry-After for a fault that passes with time, where it is not set yet.
func RetryAfter(h http.Header, f *fault.Error) {
	seconds := retryAfter[f.Code]
	if seconds == "" || h.Get("Retry-After") != "" {
		return
	}
	if own := f.Params["retry_after"]; own != "" {
		seconds = own
	}
	h.Set("Retry-After", seconds)
}
