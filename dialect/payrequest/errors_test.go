package payrequest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"sarraf/dialect/dialecttest"
	"sarraf/fault"
)

// render is the answer to err as the mux gives it, through a route that fails with it.
func render(t *testing.T, err error) *httptest.ResponseRecorder {
	t.Helper()
	return dialecttest.Render(t, New(Deps{}).HTTP(), err)
}

func TestEveryFaultIsWorded(t *testing.T) {
	const ok = http.StatusOK
	dialecttest.FaultCodes(t, dialecttest.Faults{
		Words: func(c fault.Code) bool {
			s := sentences[c]
			return s.error != "" && (s.error == unknown) == (s.text != "")
		},
		Render: func(err error) dialecttest.Answer {
			w := render(t, err)
			return dialecttest.Answer{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
		},
		Statuses: map[fault.Kind][]int{
			fault.Invalid: {ok, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge}, fault.Unauthenticated: {ok}, fault.Forbidden: {ok},
			fault.Missing: {ok, http.StatusNotFound}, fault.Conflict: {ok}, fault.Refused: {ok},
		},
	})
}

func TestErrorIsOneOfTheDocumented(t *testing.T) {
	documented := map[string]bool{
		"notoken": true, "noid": true, "novalidtoken": true, "nosuchlink": true, "notitle": true, "noamount": true, "notvalidamount": true,
		"nointegration": true, "pspnotsupported": true, "unknown": true,
	}
	told := map[string]bool{}
	for _, code := range fault.Codes() {
		for _, field := range []string{"", fieldToken, fieldID, fieldTitle, fieldAmount, "note"} {
			_, body := failureOf(fault.New(code).On(field), "req-7")
			told[body.Error] = true
			if body.Status != "error" || !documented[body.Error] || (body.Error == "unknown") != (body.RealError != "") {
				t.Errorf("%s on %q: %+v", code, field, body)
			}
		}
	}
	for code := range documented {
		if !told[code] {
			t.Errorf("nothing is answered with %s", code)
		}
	}
}

func TestOurMistakeTellsOnlyTheRequestID(t *testing.T) {
	w := render(t, errors.New("pq: relation does not exist"))
	if want := refused("unknown", "something went wrong, request req-7"); w.Code != 500 || w.Body.String() != want {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestWhoMayTryAgainIsToldWhen(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		after  string
	}{
		{fault.New(fault.RateLimited).With("retry_after", "7"), 429, "7"},
		{fault.New(fault.RateLimited), 429, "60"},
		{fault.New(fault.Overloaded), 503, "1"},
		{fault.New(fault.Outage).Wrap(errors.New("disk full")), 503, "5"},
		{fault.New(fault.InvoiceMissing), 200, ""},
	} {
		if w := render(t, c.err); w.Code != c.status || w.Header().Get("Retry-After") != c.after {
			t.Errorf("%v: %d, Retry-After %q, %s", c.err, w.Code, w.Header().Get("Retry-After"), w.Body)
		}
	}
}
