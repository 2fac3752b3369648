package checkout

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/payment"
	"sarraf/rail"
)

// Deps is what the hosted pages stand on.
type Deps struct {
	Invoices  *invoice.Service
	Payments  *payment.Service
	Merchants *merchant.Service
	Doors     []invoice.Door
	Rails     []rail.Collector
	PublicURL string // scheme and host of ours, without a trailing slash
	// AttemptKey, 32 bytes, is what attempts are marked with in forms that payers type into.
	AttemptKey []byte
	// Guesses bounds how often an address may send such a form; nil does not. Address is what it counts by; nil: the peer's.
	Guesses *httpx.Limiter
	Address func(*http.Request) string
	// Receipt is the path of the payer's receipt for a payment, "" where there is none; nil: there are none at all.
	Receipt func(payment.Payment) string
	Clock   clock.Clock
	Log     *slog.Logger
}

// host serves the pages.
type host struct {
	Deps
	origin *http.CrossOriginProtection
}

func newHost(d Deps) *host {
	h := &host{Deps: d, origin: http.NewCrossOriginProtection()}
	if h.Address == nil {
		h.Address = httpx.RemoteAddress
	}
	// A proxy in front may put its own name into Host, and browsers that do not send Sec-Fetch-Site are judged by that.
	if err := h.origin.AddTrustedOrigin(d.PublicURL); err != nil {
		d.Log.Warn("payers' forms are judged by the Host header alone", "error", err)
	}
	return h
}

// New is the front door of payers: the hosted page of every door, and the assets.
func New(d Deps) httpx.Door {
	h := newHost(d)
	door := httpx.Door{
		Name: "checkout", Prefixes: []string{"/_sarraf"}, Error: h.trouble,
		Routes: []httpx.Route{
			{Method: http.MethodGet, Pattern: AssetPattern, Handler: Assets(), Name: "asset"},
			{Method: http.MethodGet, Pattern: logoPrefix + "{file}", Handler: http.HandlerFunc(logo), Name: "logo"},
		},
	}
	for _, own := range d.Doors {
		for _, page := range own.Hosted() {
			prefix, _, _ := strings.Cut(strings.TrimPrefix(page.Pattern, "/"), "/")
			if !slices.Contains(door.Prefixes, "/"+prefix) && !strings.Contains(prefix, "{") {
				door.Prefixes = append(door.Prefixes, "/"+prefix)
			}
			door.Routes = append(door.Routes, httpx.Route{
				Method: http.MethodGet, Pattern: page.Pattern, Handler: h.with(own.Name(), page.Landing, h.show), Name: own.Name() + ".page",
			})
			if !page.Landing {
				door.Routes = append(door.Routes, httpx.Route{
					Method: http.MethodPost, Pattern: page.Pattern, Handler: h.with(own.Name(), false, h.act), Name: own.Name() + ".act", MaxBody: 4096,
				})
			}
		}
	}
	door.Routes = append(door.Routes,
		httpx.Route{Method: http.MethodGet, Pattern: livePath + "{token}", Handler: h.with("", false, h.live), Name: "live"},
		httpx.Route{Method: http.MethodGet, Pattern: liveLandingPath + "{token}", Handler: h.with("", true, h.live), Name: "live.landing"},
	)
	return door
}

// The paths of the fragments that pages poll. They stand apart from the pages, whose patterns may be as wide as "/{token}".
const (
	livePath        = "/_sarraf/live/"
	liveLandingPath = "/_sarraf/landing/"
)

// visit is one request for an invoice's page.
type visit struct {
	door    invoice.Door
	inv     invoice.Invoice
	shop    merchant.Merchant
	landing bool // the page tells what is asked for, and leads on to the one where it is paid
}

// with finds the invoice of the page, expired if its time has run out, and hands it on. An invoice of another door than the one named is
// not found; "" is any door.
func (h *host) with(door string, landing bool, next func(http.ResponseWriter, *http.Request, visit) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := visit{landing: landing}
		err := h.find(r.Context(), r.PathValue("token"), &v)
		if err == nil && (v.door == nil || door != "" && v.door.Name() != door) {
			err = fault.New(fault.InvoiceMissing)
		}
		if err == nil && v.inv.Status == invoice.Open && !v.inv.ExpiresAt.IsZero() && !v.inv.ExpiresAt.After(h.Clock.Now()) {
			v.inv, err = h.end(r.Context(), v.inv, invoice.Ending{To: invoice.Expired, Reason: "time ran out", Due: true})
		}
		if err == nil {
			err = next(w, r, v)
		}
		if err != nil {
			httpx.Fail(w, r, err)
		}
	})
}

// find reads the invoice with the token, its door, nil for one that is switched off, and its merchant.
func (h *host) find(ctx context.Context, token string, v *visit) (err error) {
	if !plausible(token) {
		return fault.New(fault.InvoiceMissing)
	}
	if v.inv, err = h.Invoices.ByToken(ctx, token); err != nil {
		return err
	}
	for _, d := range h.Doors {
		if d.Name() == v.inv.Door {
			v.door = d
		}
	}
	v.shop, err = h.Merchants.Get(ctx, v.inv.Owner)
	return err
}

// plausible reports whether the text may be a token: what a scanner asks of the root is not worth a look into the database.
func plausible(token string) bool {
	for i := range len(token) {
		c := token[i]
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return len(token) >= 12 && len(token) <= 64
}

// end closes the invoice, and answers it as it is when something else has closed it meanwhile.
func (h *host) end(ctx context.Context, inv invoice.Invoice, e invoice.Ending) (invoice.Invoice, error) {
	e.Owner, e.ID = inv.Owner, inv.ID
	ended, err := h.Invoices.End(ctx, e, nil)
	if fault.Has(err, fault.InvoiceClosed) {
		return h.Invoices.Get(ctx, inv.Owner, inv.ID)
	}
	return ended, err
}

func (h *host) show(w http.ResponseWriter, r *http.Request, v visit) error {
	p, err := h.page(r.Context(), v)
	if err != nil {
		return err
	}
	f, err := h.opened(r, v)
	if err != nil {
		return err
	}
	openForm(&p, f)
	if p.QR, err = h.qr(v); err != nil {
		return err
	}
	return draw(w, r, http.StatusOK, Hosted(p))
}

// live answers the fragment that the page polls. A page that has a way back is loaded anew when it is finished, and then leads back.
func (h *host) live(w http.ResponseWriter, r *http.Request, v visit) error {
	p, err := h.page(r.Context(), v)
	if err != nil {
		return err
	}
	f, err := h.opened(r, v)
	if err != nil {
		return err
	}
	openForm(&p, f)
	seen := r.URL.Query().Get("seen")
	switch finished := p.Finished() && p.returnURL() != ""; {
	case finished && r.URL.Query().Has(wayQuery): // it may be the answer to a form, and would be sent again
		w.Header().Set("HX-Redirect", v.door.PayPath(v.inv))
	case finished:
		w.Header().Set("HX-Refresh", "true")
	}
	if seen != p.Version() {
		if p.QR, err = h.qr(v); err != nil {
			return err
		}
	}
	return draw(w, r, http.StatusOK, Live(p, seen))
}

// The actions a page's buttons post.
const (
	actionCancel = "cancel"
	actionPay    = "pay:" // and the key of a method
)

// act does what the payer chose and sends the browser on: back to the merchant when the invoice is finished, else to the page.
func (h *host) act(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := h.origin.Check(r); err != nil {
		return fault.New(fault.PermissionMissing).Wrap(err)
	}
	body, err := httpx.ReadBody(r, 4096)
	if err != nil {
		return err
	}
	fields, err := httpx.ParseFields(r.Header.Get("Content-Type"), body)
	if err != nil {
		return err
	}
	action, _, wrong := fields.String("action")
	if wrong != nil {
		return wrong
	}
	inv, answered := v.inv, false
	switch method, pays := strings.CutPrefix(action, actionPay); {
	case inv.Status != invoice.Open: // done elsewhere: the page says how it ended
	case action == actionCancel:
		inv, err = h.cancel(r.Context(), inv)
	case pays:
		by, known := h.way(v, method)
		switch {
		case !known:
			err = fault.New(fault.RailUnknown).On("action")
		case len(by.method.Fields) > 0:
			inv, answered, err = h.payTyped(w, r, v, by, fields)
		default:
			inv, err = h.payAtOnce(r.Context(), v, by)
		}
	default:
		err = fault.New(fault.FieldNotOneOf).On("action")
	}
	if err != nil || answered {
		return err
	}
	to, err := h.next(r.Context(), v, inv)
	if err != nil {
		return err
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// next is where the payer goes after an action: back to the merchant when the invoice is finished and there is a way back, else to the
// page. Who has a receipt sees the page first, which has it, and is led back from there.
func (h *host) next(ctx context.Context, v visit, inv invoice.Invoice) (string, error) {
	to := v.door.PayPath(inv)
	if inv.Status == invoice.Open {
		return to, nil
	}
	receipt, err := h.receipt(ctx, inv)
	if err != nil || receipt != "" {
		return to, err
	}
	back, err := v.door.Return(ctx, inv)
	return cmp.Or(back, to), err
}

// receipt is the path of the receipt of the payment that completed the invoice, "" where there is none.
func (h *host) receipt(ctx context.Context, inv invoice.Invoice) (string, error) {
	if h.Receipt == nil || inv.Status != invoice.Paid {
		return "", nil
	}
	list, err := h.Payments.Of(ctx, inv.Owner, inv.ID)
	for _, p := range slices.Backward(list) {
		if p.Applied > 0 {
			return h.Receipt(p), err
		}
	}
	return "", err
}

// cancel gives the invoice up. After a declined attempt that makes it failed: the payer tried and could not.
func (h *host) cancel(ctx context.Context, inv invoice.Invoice) (invoice.Invoice, error) {
	tried, err := h.declined(ctx, inv)
	if err != nil {
		return inv, err
	}
	if tried {
		return h.end(ctx, inv, invoice.Ending{To: invoice.Failed, Reason: "the payer gave up after a declined attempt"})
	}
	return h.end(ctx, inv, invoice.Ending{To: invoice.Cancelled, Reason: "cancelled by the payer"})
}

// declined reports whether the last attempt to pay was declined.
func (h *host) declined(ctx context.Context, inv invoice.Invoice) (bool, error) {
	if inv.Status != invoice.Open {
		return false, nil
	}
	list, err := h.Payments.Of(ctx, inv.Owner, inv.ID)
	return len(list) > 0 && list[len(list)-1].Status == payment.Failed, err
}

// payAtOnce makes an attempt over a way to pay that needs nothing to be typed.
func (h *host) payAtOnce(ctx context.Context, v visit, by way) (invoice.Invoice, error) {
	a := attempt{id: id.New(h.Clock), due: v.inv.Due()}
	inv, err := h.pay(ctx, v, by, a, nil)
	if fault.Has(err, fault.AmountMismatch) {
		return h.Invoices.Get(ctx, v.inv.Owner, v.inv.ID) // money from elsewhere came first
	}
	return inv, err
}

// pay makes an attempt over the rail that has the method and records what the rail says, unless the rail has recorded it itself.
func (h *host) pay(ctx context.Context, v visit, by way, a attempt, typed map[string]string) (invoice.Invoice, error) {
	answer, err := by.rail.Charge(ctx, rail.Charge{
		ID: a.id, Owner: v.inv.Owner, Invoice: v.inv.ID, Amount: a.due, MethodKey: by.method.Key, Fee: a.fee.Minor, Fields: typed,
	})
	var settled payment.Settled
	_, recorded := by.rail.(rail.InHouse)
	if !recorded && err == nil {
		settled, err = h.Payments.Settle(ctx, payment.Receipt{
			ID: a.id, Owner: v.inv.Owner, Invoice: v.inv.ID, Rail: by.rail.Name(), RailReference: cmp.Or(answer.Reference, a.id), Amount: a.due,
			Outcome: answer.Outcome, Reason: answer.Reason, Refuse: by.rail.CanRefuse(),
		}, nil)
	}
	if recorded && err == nil || fault.Has(err, fault.InvoiceClosed) { // by a second click, or by money from elsewhere that came first
		return h.Invoices.Get(ctx, v.inv.Owner, v.inv.ID)
	}
	return settled.Invoice, err
}

// rails are the rails that the merchant's payers may use.
func (h *host) rails(m merchant.Merchant) []rail.Collector {
	var list []rail.Collector
	for _, r := range h.Rails {
		if m.MayUse(r.Name()) {
			list = append(list, r)
		}
	}
	return list
}

// trouble is the error page for whatever went wrong.
func (h *host) trouble(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.First(err)
	p := Problem{Kind: Broken, RequestID: httpx.RequestID(r.Context())}
	status := httpx.Status(f)
	switch f.Kind() {
	case fault.Missing:
		p.Kind = NotFound
	case fault.Unavailable, fault.Limited:
		p.Kind = Busy
		w.Header().Set("Retry-After", "5")
		if r.Method == http.MethodGet {
			p.RetryURL = (&url.URL{Path: r.URL.Path}).EscapedPath()
		}
	case fault.Internal:
	default:
		p.Kind = NotFound // a request that no button of ours makes
	}
	if err := draw(w, r, status, Trouble(p)); err != nil {
		h.Log.Error("the error page cannot be drawn", "error", err)
		httpx.Neutral(w, r, f)
	}
}

// draw sends a page. It is drawn whole first, also for a payer who has gone away meanwhile: a page that cannot be drawn is an error and
// leaves the answer unsent.
func draw(w http.ResponseWriter, r *http.Request, status int, c templ.Component) error {
	var page bytes.Buffer
	if err := c.Render(context.WithoutCancel(r.Context()), &page); err != nil {
		return err
	}
	SetHeaders(w.Header())
	httpx.WriteRaw(w, status, "text/html; charset=utf-8", page.Bytes())
	return nil
}

// returnAfter is how long a finished page stays before it leads back by itself.
const returnAfter = 3 * time.Second

// returnWithReceipt is the same for one that leads to a receipt: its payer may want to open it.
const returnWithReceipt = 10 * time.Second
