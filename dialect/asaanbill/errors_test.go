package asaanbill

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

func TestWhatACodeMeansOnOneFieldHasTheCodesStatus(t *testing.T) {
	for a, text := range own {
		w := render(t, fault.New(a.code).On(a.field).With("max", "7"))
		if w.Code != sentences[a.code].status || !strings.Contains(w.Body.String(), a.field) || strings.Contains(w.Body.String(), ":") == (text == "") {
			t.Errorf("%s on %s: %d %s", a.code, a.field, w.Code, w.Body)
		}
	}
}

func TestEachFaultIsToldOnceInItsOrder(t *testing.T) {
	required := func(field string) *fault.Error { return fault.New(fault.FieldRequired).On(field) }
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{
		{required("amount"), 400, "amount cannot be empty or null"},
		{fault.Join(required("title"), required("amount"), required("title")), 400, "title cannot be empty or null; amount cannot be empty or null"},
		// What the first fault's status is not of is not told beside it.
		{fault.Join(fault.New(fault.CredentialsInvalid), required("amount")), 401, "No valid authentication token provided. Re-authenticate by logging in"},
		{fault.Join(required("amount"), fault.New(fault.Bug).Wrap(errors.New("secret"))), 400, "amount cannot be empty or null"},
	} {
		want := `{"responseCode":` + map[int]string{400: "400", 401: "401"}[c.status] + `,"responseMessage":"` + c.want + `","data":null}`
		if w := render(t, c.err); w.Code != c.status || w.Body.String() != want {
			t.Errorf("%v: %d %s", c.err, w.Code, w.Body)
		}
	}
}

func TestOurMistakeTellsOnlyTheRequestID(t *testing.T) {
	w := render(t, errors.New("pq: relation does not exist"))
	want := `{"responseCode":500,"responseMessage":"Something went wrong, please contact our team","data":null,"requestId":"req-7"}`
	if w.Code != 500 || w.Body.String() != want {
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
		{fault.New(fault.Overloaded), 503, "1"},
		{fault.New(fault.Outage).Wrap(errors.New("disk full")), 503, "5"},
		{fault.New(fault.SettingMissing).With("setting", "psid_prefix"), 503, ""},
		{fault.New(fault.InvoiceMissing), 404, ""},
	} {
		w := render(t, c.err)
		if w.Code != c.status || w.Header().Get("Retry-After") != c.after || !strings.Contains(w.Body.String(), `"data":null}`) {
			t.Errorf("%v: %d, Retry-After %q, %s", c.err, w.Code, w.Header().Get("Retry-After"), w.Body)
		}
	}
}
