package deshipay

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
	for a, s := range own {
		w := render(t, fault.New(a.code).On(a.field))
		if s.status != sentences[a.code].status || w.Code != s.status || !strings.Contains(w.Body.String(), s.text) {
			t.Errorf("%s on %s: %d %s", a.code, a.field, w.Code, w.Body)
		}
	}
}

func TestRefusalsAreWordedAsTheGuidePrintsThem(t *testing.T) {
	refused := func(code fault.Code) error { return fault.New(code) }
	required := func(field string) *fault.Error { return fault.New(fault.FieldRequired).On(field) }
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{
		{refused(fault.CredentialsInvalid), 401, `{"code":401,"messages":["Unauthenticated."],"data":null}`},
		{
			refused(fault.SenderNotApproved), 422,
			`{"code":422,"messages":["Sorry! Sender account is not approved"],"data":null,"error_title":null}`,
		},
		{refused(fault.BalanceInsufficient), 422, `{"code":422,"messages":["Sorry! Insufficient balance."],"data":null}`},
		{
			refused(fault.AmountBelowLimit), 422,
			`{"code":422,"messages":["Transaction amount is below than minimum transaction amount limit."],"data":null}`,
		},
		{refused(fault.QRInvalid), 422, `{"code":422,"messages":["Invalid QR Code. Please try again"],"data":null}`},
		{
			refused(fault.PINMalformed), 422,
			`{"code":422,"messages":["The pin must be 4 digits.","Sorry! PIN does not match."],"data":null,"error_title":"E_PIN_ERROR"}`,
		},
		{refused(fault.PINWrong), 422, `{"code":422,"messages":["Sorry! PIN does not match."],"data":null,"error_title":"E_PIN_ERROR"}`},
		{
			refused(fault.PINLocked), 422,
			`{"code":422,"messages":["Sorry! PIN is locked. Try again later."],"data":null,"error_title":"E_PIN_ERROR"}`,
		},
		// Every fault is told once, in its order.
		{
			fault.Join(required("qr_text"), required("amount"), required("qr_text")), 422,
			`{"code":422,"messages":["The qr text field is required.","The amount field is required."],"data":null}`,
		},
		// What the first fault's status is not of is not told beside it.
		{fault.Join(fault.New(fault.CredentialsInvalid), required("amount")), 401, `{"code":401,"messages":["Unauthenticated."],"data":null}`},
		{
			fault.Join(required("amount"), fault.New(fault.Bug).Wrap(errors.New("secret"))), 422,
			`{"code":422,"messages":["The amount field is required."],"data":null}`,
		},
	} {
		if w := render(t, c.err); w.Code != c.status || w.Body.String() != c.want {
			t.Errorf("%v: %d %s", c.err, w.Code, w.Body)
		}
	}
}

func TestErrorTitleStandsWhereTheGuidePrintsIt(t *testing.T) {
	titles := map[fault.Code]string{
		fault.SenderNotApproved: `,"error_title":null}`, fault.PINMalformed: `,"error_title":"E_PIN_ERROR"}`,
		fault.PINWrong: `,"error_title":"E_PIN_ERROR"}`, fault.PINLocked: `,"error_title":"E_PIN_ERROR"}`,
	}
	for _, code := range fault.Codes() {
		body := render(t, fault.New(code)).Body.String()
		if want, ok := titles[code]; ok != strings.Contains(body, "error_title") || ok && !strings.HasSuffix(body, want) {
			t.Errorf("%s: %s", code, body)
		}
	}
}

func TestOurMistakeTellsOnlyTheRequestID(t *testing.T) {
	w := render(t, errors.New("pq: relation does not exist"))
	want := `{"code":500,"messages":["Something went wrong. Please try again later."],"data":null,"request_id":"req-7"}`
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
		{fault.New(fault.CodeTooMany).With("retry_after", "421"), 429, "421"},
		{fault.New(fault.Overloaded), 503, "1"},
		{fault.New(fault.Outage).Wrap(errors.New("disk full")), 503, "5"},
		{fault.New(fault.QRInvalid), 422, ""},
	} {
		w := render(t, c.err)
		if w.Code != c.status || w.Header().Get("Retry-After") != c.after || !strings.Contains(w.Body.String(), `"data":null}`) {
			t.Errorf("%v: %d, Retry-After %q, %s", c.err, w.Code, w.Header().Get("Retry-After"), w.Body)
		}
	}
}
