package checkout

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/money"
	"sarraf/rail"
)

// wayQuery is the parameter of a page's address that opens the form of a way to pay, so that it needs no JavaScript.
const wayQuery = "way"

// attemptField is the hidden field of such a form: which attempt it is, and what its payer was shown.
const attemptField = "attempt"

// way is a method and the rail that has it.
type way struct {
	rail   rail.Collector
	method rail.Method
}

// way finds the method among those that the merchant's payers have.
func (h *host) way(v visit, key string) (way, bool) {
	for _, r := range h.rails(v.shop) {
		for _, m := range r.Methods(v.inv.Currency) {
			if m.Key == key {
				return way{r, m}, true
			}
		}
	}
	return way{}, false
}

// attempt is one try to pay, and what it will cost whoever makes it.
type attempt struct {
	id       string // of the payment it makes, a UUIDv7
	due, fee money.Amount
}

// attempt is a new one, for what is due now.
func (h *host) attempt(ctx context.Context, v visit, w way) (attempt, error) {
	a := attempt{id: id.New(h.Clock), due: v.inv.Due(), fee: money.Of(0, v.inv.Currency)}
	if own, ok := w.rail.(rail.InHouse); ok {
		var err error
		if a.fee, err = own.Fee(ctx, v.inv.Owner, a.due); err != nil {
			return attempt{}, err
		}
	}
	return a, nil
}

// sealed is the attempt as a form carries it: a repeated request is the same attempt, and nobody makes one up, takes one to another
// invoice, or changes what it costs.
func (h *host) sealed(v visit, w way, a attempt) string {
	text := strings.Join([]string{a.id, strconv.FormatInt(a.due.Minor, 10), strconv.FormatInt(a.fee.Minor, 10)}, ".")
	return text + "." + h.mark(v, w, text)
}

// mark is what only we can put under an attempt of the invoice.
func (h *host) mark(v visit, w way, text string) string {
	m := hmac.New(sha256.New, h.AttemptKey)
	m.Write([]byte(strings.Join([]string{v.inv.Owner, v.inv.ID, w.rail.Name(), w.method.Key, text}, "\n")))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:16])
}

// unsealed is the attempt that a form carried; not ok when it is none of ours.
func (h *host) unsealed(v visit, w way, sealed string) (attempt, bool) {
	cut := strings.LastIndexByte(sealed, '.')
	if cut < 0 || !hmac.Equal([]byte(sealed[cut+1:]), []byte(h.mark(v, w, sealed[:cut]))) {
		return attempt{}, false
	}
	parts := strings.Split(sealed[:cut], ".")
	if len(parts) != 3 || !id.Valid(parts[0]) {
		return attempt{}, false
	}
	due, err1 := strconv.ParseInt(parts[1], 10, 64)
	fee, err2 := strconv.ParseInt(parts[2], 10, 64)
	c := v.inv.Currency
	return attempt{parts[0], money.Of(due, c), money.Of(fee, c)}, err1 == nil && err2 == nil
}

// form is the step of the page in which a payer types what the way to pay needs, for the attempt.
func (h *host) form(v visit, w way, a attempt) (*Form, error) {
	f := &Form{
		Key: w.method.Key, Label: w.method.Label, Icon: w.method.Icon, Attempt: h.sealed(v, w, a), BackURL: v.door.PayPath(v.inv), Amount: shown(a.due),
	}
	if a.fee.Minor > 0 {
		total, err := a.due.Add(a.fee)
		if err != nil {
			return nil, err
		}
		f.Fee, f.Total = shown(a.fee), shown(total)
	}
	for _, field := range w.method.Fields {
		f.Fields = append(f.Fields, Field{
			Key: field.Key, Label: field.Label, Hint: field.Hint, Secret: field.Kind == rail.FieldPIN, Autocomplete: field.Autocomplete,
		})
	}
	return f, nil
}

// opened is the form that the request's address asks for; nil for none, and where it can be of no use.
func (h *host) opened(r *http.Request, v visit) (*Form, error) {
	key := r.URL.Query().Get(wayQuery)
	if key == "" || v.landing || v.inv.Status != invoice.Open {
		return nil, nil
	}
	w, ok := h.way(v, key)
	if !ok || len(w.method.Fields) == 0 {
		return nil, nil
	}
	a, err := h.attempt(r.Context(), v, w)
	if err != nil {
		return nil, err
	}
	return h.form(v, w, a)
}

// openForm puts a form on the page, which then is its step: it tells of the last attempt no more, and polls as what it is.
func openForm(p *Page, f *Form) {
	if f != nil {
		p.Form, p.Notice = f, NoNotice
		p.LiveURL += "?" + wayQuery + "=" + url.QueryEscape(f.Key)
	}
}

// typed are the method's fields as they came. One that did not come is "".
func typed(w way, fields httpx.Fields) (map[string]string, error) {
	values := make(map[string]string, len(w.method.Fields))
	for _, f := range w.method.Fields {
		text, _, wrong := fields.Text(f.Key)
		if wrong != nil {
			return nil, wrong
		}
		values[f.Key] = text
	}
	return values, nil
}

// refused is an attempt that was not good.
type refused struct {
	why  Refusal
	said map[string]string // values of the sentence
	// fee is what the wallet that was meant pays on top, minor units; 0: as most do.
	fee int64
}

// refuse shows the form again, for a new attempt: with what was typed, but for secrets, and why it was not good. It is the answer to the
// form, so that a browser that sends it again sends the same attempt.
func (h *host) refuse(w http.ResponseWriter, r *http.Request, v visit, by way, values map[string]string, no refused) error {
	p, err := h.page(r.Context(), v)
	if err != nil {
		return err
	}
	a, err := h.attempt(r.Context(), v, by)
	if err != nil {
		return err
	}
	a.fee.Minor = max(a.fee.Minor, no.fee)
	f, err := h.form(v, by, a)
	if err != nil {
		return err
	}
	f.Refusal, f.Values = no.why, no.said
	for i := range f.Fields {
		own := &f.Fields[i]
		own.Wrong = no.why.concerns(own.Secret)
		if !own.Secret {
			own.Value = values[own.Key]
		}
	}
	openForm(&p, f)
	if p.QR, err = h.qr(v); err != nil {
		return err
	}
	return draw(w, r, http.StatusUnprocessableEntity, Hosted(p))
}

// refusals are the faults that a payer can do something about, or is to know of.
var refusals = map[fault.Code]Refusal{
	fault.PINWrong: WrongPIN, fault.PINMalformed: BadPIN, fault.PINLocked: Locked, fault.BalanceInsufficient: NotEnough,
	fault.AmountBelowLimit: TooLittle, fault.AmountAboveLimit: TooMuch, fault.DailyLimitExceeded: DayFull, fault.MonthlyLimitExceeded: MonthFull,
	fault.SenderNotApproved: NotApproved, fault.CurrencyUnknown: NoCurrency, fault.FieldMalformed: BadNumber, fault.AmountMismatch: Changed,
}

// refusal is what the payer is told of a fault of a rail; not ok when the page cannot say more than that something went wrong.
func refusal(f *fault.Error, by way, c money.Currency) (no refused, ok bool) {
	no.why, ok = refusals[f.Code]
	switch {
	case f.Code == fault.FieldRequired:
		no.why, ok = BadNumber, true
		if slices.ContainsFunc(by.method.Fields, func(own rail.Field) bool { return own.Key == f.Field && own.Kind == rail.FieldPIN }) {
			no.why = BadPIN
		}
	case f.Code == fault.AmountMismatch && f.Field == "fee":
		fee, err := strconv.ParseInt(f.Params["due"], 10, 64)
		no.why, no.fee, ok = FeeIsMore, fee, err == nil
	}
	no.said = map[string]string{"currency": string(c)}
	if minor, err := strconv.ParseInt(f.Params["limit"], 10, 64); err == nil {
		no.said["limit"] = shown(money.Of(minor, c)).Text
	}
	if seconds, err := strconv.ParseInt(f.Params["retry_after"], 10, 32); err == nil {
		no.said["minutes"] = strconv.FormatInt(max((seconds+59)/60, 1), 10)
	}
	return no, ok
}

// payTyped makes the attempt of a form. answered says that the form was shown again, with what is to be mended.
func (h *host) payTyped(w http.ResponseWriter, r *http.Request, v visit, by way, fields httpx.Fields) (inv invoice.Invoice, answered bool, err error) {
	if err := h.Guesses.Take(h.Address(r)); err != nil {
		return v.inv, false, err
	}
	values, err := typed(by, fields)
	if err != nil {
		return v.inv, false, err
	}
	sealed, _, wrong := fields.String(attemptField)
	if wrong != nil {
		return v.inv, false, wrong
	}
	a, ok := h.unsealed(v, by, sealed)
	if !ok { // of a key that is no more, or of nobody's form
		return v.inv, true, h.refuse(w, r, v, by, values, refused{why: Again})
	}
	inv, err = h.pay(r.Context(), v, by, a, values)
	if err == nil {
		return inv, false, nil
	}
	no, ok := refusal(fault.First(err), by, v.inv.Currency)
	if !ok {
		return v.inv, false, err
	}
	if no.why == Changed { // the page is to show what is due now
		if v.inv, err = h.Invoices.Get(r.Context(), v.inv.Owner, v.inv.ID); err != nil {
			return v.inv, false, err
		}
	}
	return v.inv, true, h.refuse(w, r, v, by, values, no)
}
