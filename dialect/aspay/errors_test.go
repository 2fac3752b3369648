package aspay

import (
	"errors"
	"net/http/httptest"
	"strings"
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
	dialecttest.FaultCodes(t, dialecttest.Faults{
		Words: func(c fault.Code) bool { return sentences[c].text != "" },
		Render: func(err error) dialecttest.Answer {
			w := render(t, err)
			return dialecttest.Answer{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
		},
	})
}

func TestEverySentenceOfValidationHasAField(t *testing.T) {
	for code, s := range sentences {
		if (s.status == validation) != (s.field != "") {
			t.Errorf("%s: status %d, field %q", code, s.status, s.field)
		}
	}
}

func TestSeveralFaultsAreCountedAndListed(t *testing.T) {
	required := func(field string) *fault.Error { return fault.New(fault.FieldRequired).On(field) }
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{
		{required("amount"), 422, `{"status":"error","message":"The amount field is required.","errors":{"amount":["The amount field is required."]}}`},
		{
			fault.Join(required("customer_name"), required("amount")), 422,
			`{"status":"error","message":"The customer name field is required. (and 1 more error)",` +
				`"errors":{"customer_name":["The customer name field is required."],"amount":["The amount field is required."]}}`,
		},
		{
			fault.Join(required("ids.0"), fault.New(fault.FieldNotString).On("ids.0"), required("ids.3")), 422,
			`{"status":"error","message":"The ids.0 field is required. (and 2 more errors)",` +
				`"errors":{"ids.0":["The ids.0 field is required.","The ids.0 field must be a string."],"ids.3":["The ids.3 field is required."]}}`,
		},
		// Limits of amounts are told in taka.
		{
			fault.New(fault.AmountBelowLimit).On("amount").With("limit", "10000"), 422,
			`{"status":"error","message":"The amount field must be at least 100.","errors":{"amount":["The amount field must be at least 100."]}}`,
		},
		{
			fault.New(fault.AmountAboveLimit).With("limit", "2500050"), 422,
			`{"status":"error","message":"The amount field must not be greater than 25000.5.",` +
				`"errors":{"amount":["The amount field must not be greater than 25000.5."]}}`,
		},
		// What no field is about is told alone, and is not told among fields.
		{fault.Join(fault.New(fault.CredentialsInvalid), required("amount")), 401, `{"status":"error","message":"Invalid API credentials"}`},
		{
			fault.Join(required("amount"), fault.New(fault.Bug).Wrap(errors.New("secret"))), 422,
			`{"status":"error","message":"The amount field is required.","errors":{"amount":["The amount field is required."]}}`,
		},
	} {
		if w := render(t, c.err); w.Code != c.status || w.Body.String() != c.want {
			t.Errorf("%v: %d %s", c.err, w.Code, w.Body)
		}
	}
}

func TestOurMistakeTellsOnlyTheRequestID(t *testing.T) {
	w := render(t, errors.New("pq: relation does not exist"))
	if want := `{"status":"error","message":"Server Error","request_id":"req-7"}`; w.Code != 500 || w.Body.String() != want {
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
		{fault.New(fault.InvoiceMissing), 404, ""},
	} {
		w := render(t, c.err)
		if w.Code != c.status || w.Header().Get("Retry-After") != c.after || !strings.HasPrefix(w.Body.String(), `{"status":"error","message":"`) {
			t.Errorf("%v: %d, Retry-After %q, %s", c.err, w.Code, w.Header().Get("Retry-After"), w.Body)
		}
	}
}
