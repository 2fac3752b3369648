package assanpay

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"sarraf/dialect/dialecttest"
	"sarraf/event"
	"sarraf/fault"
	"sarraf/invoice"
)

func TestEveryFaultIsWorded(t *testing.T) {
	dialecttest.FaultCodes(t, dialecttest.Faults{
		Words: func(c fault.Code) bool { return sentences[c].text != "" },
		Render: func(err error) dialecttest.Answer {
			w := render(t, err)
			return dialecttest.Answer{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
		},
		Statuses: map[fault.Kind][]int{fault.Missing: {http.StatusNotFound, http.StatusBadRequest}}, // an unknown merchant is 400
	})
}

// render is the answer to err as the mux gives it, through a route that fails with it.
func render(t *testing.T, err error) *httptest.ResponseRecorder {
	t.Helper()
	return dialecttest.Render(t, New(Deps{}).HTTP(), err)
}

func TestOurMistakeIsToldAsTheGuideSays(t *testing.T) {
	w := render(t, errors.New("pq: relation does not exist"))
	if want := `{"status":"error","message":"Something went wrong","request_id":"req-7"}`; w.Code != 500 || w.Body.String() != want {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = render(t, fault.New(fault.Outage))
	if w.Code != 503 || w.Header().Get("Retry-After") != "5" || w.Body.String() != `{"status":"error","message":"The service is unavailable. Please try again."}` {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestPayerIsSentBackWithWhatTheLinkDoesNotCarry(t *testing.T) {
	inv := invoice.Invoice{Reference: "a b&1", Number: "T20251218115110a0kr4", Status: invoice.Paid}
	for link, want := range map[string]string{
		"https://a.example":                                    "https://a.example?order_id=a+b%261&transactionId=T20251218115110a0kr4&status=success",
		"https://a.example/?x[]=%20#f":                         "https://a.example/?x[]=%20&order_id=a+b%261&transactionId=T20251218115110a0kr4&status=success#f",
		"https://a.example/?order_id=9":                        "https://a.example/?order_id=9&transactionId=T20251218115110a0kr4&status=success",
		"https://a.example/?order%5Fid=9&transactionId":        "https://a.example/?order%5Fid=9&transactionId&status=success",
		"https://a.example/?order_id=1&transactionId=2&status": "https://a.example/?order_id=1&transactionId=2&status",
		"": "",
	} {
		inv.ReturnURL = link
		if got, err := (Door{}).Return(t.Context(), inv); err != nil || got != want {
			t.Errorf("%s: %s, %v", link, got, err)
		}
	}
}

func TestEveryStatusHasItsWords(t *testing.T) {
	want := map[invoice.Status][2]string{
		invoice.Open: {"Pending", ""}, invoice.Paid: {"Completed", "success"}, invoice.Failed: {"Failed", "failed"},
		invoice.Expired: {"Expired", "failed"}, invoice.Cancelled: {"Cancelled", "cancelled"}, invoice.Superseded: {"Cancelled", "cancelled"},
		invoice.Refunded: {"Refunded", "success"},
	}
	for _, s := range invoice.Statuses() {
		if got := [2]string{statusWords[s], returnWords[s]}; got != want[s] || got[0] == "" {
			t.Errorf("%s: %q, want %q", s, got, want[s])
		}
		if s == invoice.Open {
			if to, err := (Door{}).Return(t.Context(), invoice.Invoice{Status: s, ReturnURL: "https://a.example"}); to != "" || err != nil {
				t.Errorf("the payer of an open invoice is sent to %s, %v", to, err)
			}
		}
	}
}

func TestPagesAreWhereTheGuideSaysAndNoWebhookIsSent(t *testing.T) {
	d, inv := Door{}, invoice.Invoice{Token: "ddc6b617"}
	pages := d.Hosted()
	if len(pages) != 2 || pages[0].Pattern != "/aik-qr/{token}" || pages[1].Pattern != "/pay/{token}" || pages[0].Landing || pages[1].Landing ||
		d.HostedPath(inv) != "/aik-qr/ddc6b617" || d.PayPath(inv) != "/aik-qr/ddc6b617" {
		t.Errorf("%+v %s %s", pages, d.HostedPath(inv), d.PayPath(inv))
	}
	if _, err := d.Webhook(event.Event{Type: invoice.EventPaid}); err == nil || d.Wants(invoice.EventPaid) {
		t.Error("a webhook that the guide does not know")
	}
	if !d.Acknowledged(204, nil) || d.Acknowledged(302, nil) || d.Timeout() != 10*time.Second {
		t.Error("acknowledgement or timeout")
	}
}
