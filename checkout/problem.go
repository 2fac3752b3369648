package checkout

import "net/http"

// ProblemKind is which error page is shown.
type ProblemKind string

// The error pages.
const (
	NotFound ProblemKind = "not_found" // no such page or link
	Gone     ProblemKind = "gone"      // the link was good once
	Broken   ProblemKind = "broken"    // our mistake
	Busy     ProblemKind = "busy"      // not now
)

// Problem is an error page. It never says why: that is in the log under the request id.
type Problem struct {
	Lang      string
	Kind      ProblemKind // an unknown kind is shown as Broken
	RequestID string      // shown so that the payer can quote it; left out when empty
	RetryURL  string      // where "Try again" leads: a path of ours, left out when empty
}

// Code is the HTTP status that goes with the page: 404, 410, 500 or 503.
func (p Problem) Code() int {
	switch p.Kind {
	case NotFound:
		return http.StatusNotFound
	case Gone:
		return http.StatusGone
	case Busy:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// words is the page's headline and text.
func (p Problem) words() sentence {
	l := speak(p.Lang)
	if s, ok := l.Problems[p.Kind]; ok {
		return s
	}
	return l.Problems[Broken]
}
