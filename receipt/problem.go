package receipt

import (
	"net/http"
	"net/url"

	"sarraf/fault"
	"sarraf/internal/httpx"
)

// problem is an error page.
type problem struct {
	Sign, Head, Body    string
	RequestID, RetryURL string
}

// trouble is the error page for whatever went wrong.
func (p *Pages) trouble(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.First(err)
	shown := problem{
		Sign: "search", Head: "There is nothing here", Body: "Check the address, or the number of the receipt: ten letters and digits.",
		RequestID: httpx.RequestID(r.Context()),
	}
	switch f.Kind() {
	case fault.Unavailable, fault.Limited:
		shown.Sign, shown.Head = "clock", "Please try again shortly"
		shown.Body = "The receipt cannot be shown at this moment. What was paid stays as it is."
		after := f.Params["retry_after"]
		if after == "" {
			after = "5"
		}
		w.Header().Set("Retry-After", after)
		if r.Method == http.MethodGet {
			shown.RetryURL = (&url.URL{Path: r.URL.Path}).EscapedPath()
		}
	case fault.Internal:
		shown.Sign, shown.Head = "alert", "Something went wrong"
		shown.Body = "The mistake is ours, not yours. What was paid stays as it is; only the receipt cannot be shown."
	}
	if err := draw(w, r, httpx.Status(f), pagePolicy(), problemPage(shown)); err != nil {
		p.Log.Error("the error page cannot be drawn", "error", err)
		httpx.Neutral(w, r, f)
	}
}
