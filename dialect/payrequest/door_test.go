package payrequest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/invoice"
	"sarraf/money"
)

// secret is a signing secret that everybody knows.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// known tells the same secret for every merchant.
type known struct{ err error }

func (k known) SigningSecret(context.Context, string) (string, error) { return secret, k.err }

var door = NewDoor(known{})

// guide is the guide's example, paid, with the hashes that anybody can work out from it.
var guide = invoice.Invoice{
	Owner: "o", ID: "i", Door: Name, Token: "k3v9x0a72mbd", Reference: "PR-000012457", Title: "Invoice #15123-14", Amount: 1225, Paid: 1225,
	Currency: money.EUR, Status: invoice.Paid, ReturnURL: "https://payrequest.io/responsehandler",
	Extra: `{"type":"direct","return_id":"9aa9a8cafe5f78494b8fbea3807d559d"}`,
}

const (
	success = "response=4dc28dc5ea70ecea7aca23ec1e0c40d1&return_id=9aa9a8cafe5f78494b8fbea3807d559d&signature=7f186fed46c7c72c29921c561123b6fefea0d1cd1e89c1654060fb40add327e1"
	failed  = "response=8870ce35c588c22c5fe8c7dd9c6e5462&return_id=9aa9a8cafe5f78494b8fbea3807d559d&signature=139c57b07d37e3a6d5a631947cdcc6dc97bd65a5ea64a98890894b7b2e262fcc"
)

// sent is where the payer of the link is sent.
func sent(t testing.TB, inv invoice.Invoice) string {
	t.Helper()
	to, err := door.Return(t.Context(), inv)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func TestPayerIsSentBackWithTheHashesOfTheGuide(t *testing.T) {
	if got := md5Hex("spJA4nChfSPDRSkD-Znb6iw-2WGkDR37GyxZ-GZomUo" + "PR-000012457"); got != extraOf(guide).ReturnID {
		t.Fatalf("the example's return_id is %s", got)
	}
	for to, want := range map[string]string{
		"https://payrequest.io/responsehandler":               "https://payrequest.io/responsehandler?" + success,
		"https://payrequest.io":                               "https://payrequest.io?" + success,
		"https://payrequest.io/?a=1":                          "https://payrequest.io/?a=1&" + success,
		"https://payrequest.io/?a[]=%20&#x?y":                 "https://payrequest.io/?a[]=%20&" + success + "#x?y",
		"https://payrequest.io/?response=mine#/route":         "https://payrequest.io/?response=mine&" + success + "#/route",
		"http://127.0.0.1:8000/index.php?route=payment/cb&x=": "http://127.0.0.1:8000/index.php?route=payment/cb&x=&" + success,
		"": "",
	} {
		inv := guide
		inv.ReturnURL = to
		if got := sent(t, inv); got != want {
			t.Errorf("%s: %s", to, got)
		}
	}
}

func TestEveryStatusHasItsWords(t *testing.T) {
	type words struct{ get, back string }
	want := map[invoice.Status]words{
		invoice.Open: {"pending", ""}, invoice.Paid: {"paid", success}, invoice.Refunded: {"paid", success}, invoice.Failed: {"failed", failed},
		invoice.Expired: {"failed", failed}, invoice.Cancelled: {"failed", failed}, invoice.Superseded: {"failed", failed},
	}
	for _, s := range invoice.Statuses() {
		inv := guide
		inv.Status = s
		got := words{statusWords[s], strings.TrimPrefix(sent(t, inv), guide.ReturnURL+"?")}
		if got != want[s] {
			t.Errorf("%s: %q, want %q", s, got, want[s])
		}
	}
}

func TestReturnOfALinkWithoutAnIDIsOfItsSlug(t *testing.T) {
	inv := guide
	inv.Reference, inv.Number, inv.Currency = "", inv.Token, "JPY"
	want := guide.ReturnURL + "?response=" + md5Hex("success"+inv.Token) + "&return_id=" + extraOf(guide).ReturnID + "&signature=" + sign(secret, "success", inv)
	if got := sent(t, inv); got != want {
		t.Error(got)
	}
	// A currency without decimals has none in what is signed.
	if got := sign(secret, "success", inv); got != "d94c09730e57b51c4670e31c4c5ee17b9d353e2a59efef69124f88e9b3aa3e3b" {
		t.Error(got)
	}
}

func TestReturnWithoutASecretIsAFault(t *testing.T) {
	gone := errors.New("gone")
	if to, err := NewDoor(known{gone}).Return(t.Context(), guide); to != "" || !errors.Is(err, gone) {
		t.Errorf("%q, %v", to, err)
	}
	open := guide
	open.Status = invoice.Open
	if to, err := NewDoor(known{gone}).Return(t.Context(), open); to != "" || err != nil {
		t.Errorf("an open link needs no secret: %q, %v", to, err)
	}
}

// The page prints an example that merchants can check their own code with.
func TestPagePrintsTheHashesOfItsExample(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range append(strings.Split(success, "&"), secret, "success.PR-000012457.12.25", "spJA4nChfSPDRSkD-Znb6iw-2WGkDR37GyxZ-GZomUo") {
		_, value, ok := strings.Cut(want, "=")
		if !ok {
			value = want
		}
		if !strings.Contains(string(text), value) {
			t.Errorf("the page lacks %s", value)
		}
	}
}

// eventOf is an event about the invoice.
func eventOf(t *testing.T, typ event.Type, inv invoice.Invoice) event.Event {
	t.Helper()
	data, err := json.Marshal(invoice.Fact{Invoice: inv})
	if err != nil {
		t.Fatal(err)
	}
	return event.Event{Owner: "o", Seq: 3, Type: typ, Data: data, At: time.Date(2026, 2, 10, 3, 30, 0, 987654321, time.FixedZone("Dhaka", 6*3600))}
}

func TestWebhookTellsEveryEnd(t *testing.T) {
	for _, c := range []struct {
		typ         event.Type
		status      invoice.Status
		event, word string
	}{
		{invoice.EventPaid, invoice.Paid, "paid", "paid"},
		{invoice.EventFailed, invoice.Failed, "failed", "failed"},
		{invoice.EventCancelled, invoice.Cancelled, "cancelled", "failed"},
		{invoice.EventExpired, invoice.Expired, "expired", "failed"},
	} {
		inv := guide
		inv.Status = c.status
		m, err := door.Webhook(eventOf(t, c.typ, inv))
		if err != nil || !door.Wants(c.typ) {
			t.Fatalf("%s: %v", c.typ, err)
		}
		want := `{"event":"` + c.event + `","status":"` + c.word + `","id":"PR-000012457","title":"Invoice #15123-14","amount":"12.25","currency":"EUR","at":"2026-02-09T21:30:00Z"}`
		if string(m.Body) != want || len(m.Header) != 1 || m.Header[0] != [2]string{"Content-Type", "application/json"} {
			t.Errorf("%q %s", m.Header, m.Body)
		}
	}
	for _, typ := range []event.Type{invoice.EventCreated, invoice.EventPartPaid, "payment.unapplied"} {
		if _, err := door.Webhook(eventOf(t, typ, guide)); err == nil || door.Wants(typ) {
			t.Errorf("%s is told", typ)
		}
	}
	if _, err := door.Webhook(event.Event{Type: invoice.EventPaid, Data: json.RawMessage("{")}); err == nil {
		t.Error("an event that cannot be read is told")
	}
}

func TestWebhookTellsTextAsItIs(t *testing.T) {
	inv := guide
	inv.Reference, inv.Title = "", `<b> & "Söhne" \`
	m, err := door.Webhook(eventOf(t, invoice.EventPaid, inv))
	if err != nil {
		t.Fatal(err)
	}
	var got notice
	if err := json.Unmarshal(m.Body, &got); err != nil || got.ID != inv.Token || got.Title != inv.Title || !strings.Contains(string(m.Body), "<b> &") {
		t.Errorf("%s, %v", m.Body, err)
	}
}

func TestAnyTwoHundredAcknowledges(t *testing.T) {
	for status, want := range map[int]bool{200: true, 204: true, 299: true, 199: false, 300: false, 302: false, 410: false, 500: false, 0: false} {
		if got := door.Acknowledged(status, nil); got != want {
			t.Errorf("%d: %v", status, got)
		}
	}
	if d := door.Timeout(); d != 10*time.Second {
		t.Errorf("a merchant has %s", d)
	}
}

func TestPagesAreWhereTheGuideSays(t *testing.T) {
	link := guide
	link.Extra = `{"type":"link","return_id":""}`
	damaged := guide
	damaged.Extra = "{"
	for name, c := range map[string]struct {
		inv  invoice.Invoice
		want string
	}{"direct": {guide, "/checkout/k3v9x0a72mbd"}, "link": {link, "/k3v9x0a72mbd"}, "damaged": {damaged, "/k3v9x0a72mbd"}} {
		if got := door.HostedPath(c.inv); got != c.want || door.PayPath(c.inv) != "/checkout/k3v9x0a72mbd" {
			t.Errorf("%s: %s, %s", name, got, door.PayPath(c.inv))
		}
	}
	// Both patterns are ones that a mux takes beside the API's own routes.
	mux := http.NewServeMux()
	for _, p := range append(door.Hosted(), invoice.Hosted{Pattern: "/api/create"}) {
		mux.HandleFunc("GET "+p.Pattern, http.NotFound)
	}
	if h := door.Hosted(); door.Name() != "payrequest" || len(h) != 2 || !h[0].Landing || h[1].Landing {
		t.Errorf("%s %v", door.Name(), h)
	}
}
