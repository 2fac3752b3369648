package payrequest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"sarraf/dialect/dialecttest"
	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/internal/pgtest"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/rail"
	"sarraf/rail/sandbox"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const publicURL = dialecttest.PublicURL

// house is the core with the dialect before it.
type house struct {
	*dialecttest.House
	dialect *Dialect
	door    Door
}

// taka is a rail that takes BDT alone.
type taka struct{ sandbox.Rail }

func (taka) Name() string { return "taka" }

func (taka) Methods(c money.Currency) []rail.Method {
	if c != money.BDT {
		return nil
	}
	return []rail.Method{{Key: "taka", Label: "Taka"}}
}

// eachEngine runs fn against the whole house on both engines.
func eachEngine(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	var d *Dialect
	dialecttest.EachHouse(t, func(h *dialecttest.House) httpx.Door {
		d = New(Deps{
			Merchants: h.Merchants, Invoices: h.Invoices, Rails: []rail.Collector{sandbox.Rail{}, taka{}}, Clock: h.Clock,
			Reserved: func(segment string) bool { return segment == "checkout" }, PublicURL: publicURL + "/",
		})
		return d.HTTP()
	}, func(t *testing.T, h *dialecttest.House) { fn(t, &house{h, d, NewDoor(h.Merchants)}) })
}

// shop is a merchant with its token.
type shop struct {
	house        *house
	owner, token string
}

func (h *house) shop(t testing.TB, role merchant.Role, currencies ...money.Currency) shop {
	t.Helper()
	if currencies == nil {
		currencies = []money.Currency{money.BDT, money.EUR}
	}
	return h.employ(t, h.Merchant(t, currencies...), role)
}

// employ gives a merchant a token.
func (h *house) employ(t testing.TB, m merchant.Merchant, role merchant.Role) shop {
	t.Helper()
	c := merchant.Credential{Owner: m.Owner, Door: Name, Role: role}
	_, token, err := h.Merchants.Issue(t.Context(), dialecttest.By, c, "", "", false)
	if err != nil {
		t.Fatal(err)
	}
	return shop{h, m.Owner, token}
}

// post sends a body of any type.
func (s shop) post(path, contentType, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.house.Mux.ServeHTTP(w, r)
	return w
}

// body is the JSON of a good creation with some fields changed; a nil leaves the field out.
func (s shop) body(changed map[string]any) string {
	fields := map[string]any{
		fieldToken: s.token, fieldID: "PR-000012457", fieldTitle: "Invoice #15123-14", fieldAmount: "12,25", fieldType: typeDirect,
		fieldResponse: "https://payrequest.io/responsehandler",
	}
	for k, v := range changed {
		fields[k] = v
		if v == nil {
			delete(fields, k)
		}
	}
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// ask sends the JSON of a creation.
func (s shop) ask(changed map[string]any, headers ...string) *httptest.ResponseRecorder {
	return s.post("/api/create/", "application/json", s.body(changed), headers...)
}

// create makes a link over HTTP and answers its slug.
func (s shop) create(t testing.TB, changed map[string]any) string {
	t.Helper()
	w := s.ask(changed)
	var made created
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != 200 || made.Status != "success" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return path.Base(made.URL)
}

// get asks for a link and answers the body.
func (s shop) get(id any) string {
	text, err := json.Marshal(map[string]any{fieldToken: s.token, fieldID: id})
	if err != nil {
		panic(err)
	}
	w := s.post("/api/get/", "application/json", string(text))
	if w.Code != http.StatusOK {
		return w.Result().Status + w.Body.String()
	}
	return w.Body.String()
}

// refused is the body of an answer that has one of the documented errors, or unknown with what realerror says.
func refused(code, real string) string {
	text := `{"status":"error","error":"` + code + `"`
	if real != "" {
		text += `,"realerror":"` + real + `"`
	}
	return text + "}"
}

// count is how many links the shop has.
func (s shop) count(t testing.TB) int { return s.house.Count(t, s.owner) }

// find is the shop's link with the id, or with the slug.
func (s shop) find(ctx context.Context, text string) (invoice.Invoice, error) {
	inv, err := s.house.Invoices.ByReference(ctx, s.owner, Name, text)
	if fault.Has(err, fault.InvoiceMissing) {
		return s.house.Invoices.ByToken(ctx, text)
	}
	return inv, err
}

// found is find for a test that has made it.
func (s shop) found(t testing.TB, text string) invoice.Invoice {
	t.Helper()
	inv, err := s.find(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// target is a shop of its own for a golden story or a page of documentation.
func (h *house) target(t *testing.T) dialecttest.Target {
	s := h.shop(t, merchant.Admin)
	return dialecttest.Target{
		Handler: h.Mux,
		Vars:    map[string]string{"token": s.token, "url": publicURL, "run": "123456", "TOKEN": s.token},
		Actions: h.Ends(h.door, s.find),
	}
}
