// Package receipt is the front door of receipts: the page of each, a picture to print, the signed text that anybody can check without us,
// the page that checks it, and the faces (avatars) of wallets' holders.
//
// A receipt is for whoever knows its number, which nobody can guess. It shows what both sides know, and no balance. Its text is signed with
// Ed25519; fields.go says what it holds, text.go in which bytes, docs/receipts.md both. No page needs JavaScript but the one that checks,
// which needs nothing else: no network, no server, no database.
package receipt

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/internal/keyring"
	"sarraf/qr"
	"sarraf/wallet"
)

// Name is the door's name.
const Name = "receipt"

// The paths.
const (
	pagePath   = "/receipt/"
	keyPath    = "/receipt/public-key"
	verifyPath = "/receipt/verify"
)

// Wallets is what receipts are read from: wallet.Service.
type Wallets interface {
	Get(ctx context.Context, owner string) (wallet.Wallet, error)
	OfNumber(ctx context.Context, number string) (wallet.Transfer, error)
}

// Deps is what the pages stand on.
type Deps struct {
	Wallets   Wallets
	Keys      *keyring.Keyring
	PublicURL string // scheme and host of ours, without a slash at the end
	Log       *slog.Logger
	// ByAddress bounds how often an address may ask for receipts, so that nobody tries numbers; nil for no bound.
	ByAddress *httpx.Limiter
	// Address is whose request it is, as ByAddress counts; httpx.RemoteAddress when nil.
	Address func(*http.Request) string
}

// Pages are the receipts' pages, and where others find them.
type Pages struct {
	Deps
	signer *Signer
	public string
}

// New is the pages over the wallets.
func New(d Deps) *Pages {
	if d.Address == nil {
		d.Address = httpx.RemoteAddress
	}
	return &Pages{Deps: d, signer: NewSigner(d.Keys), public: strings.TrimRight(d.PublicURL, "/")}
}

// Path is the path of a receipt's page.
func Path(number string) string { return pagePath + number }

// URL is the address of a receipt's page; "" for a transfer without a number.
func (p *Pages) URL(number string) string {
	if number == "" {
		return ""
	}
	return p.public + Path(number)
}

// HTTP is the routes.
func (p *Pages) HTTP() httpx.Door {
	route := func(pattern, name string, handler func(http.ResponseWriter, *http.Request) error) httpx.Route {
		r := httpx.Handle(http.MethodGet, pattern, handler)
		r.Name = name
		return r
	}
	return httpx.Door{
		Name: Name, Prefixes: []string{"/receipt", avatarPrefix}, Error: p.trouble,
		Routes: []httpx.Route{
			route(pagePath+"{file}", "receipt", p.show),
			route(keyPath, "key", p.key),
			route(verifyPath, "verify", p.verify),
			route(avatarPath+"{file}", "avatar", p.avatar),
		},
	}
}

// show answers the page of a receipt, its picture (.svg) or its code alone (.png).
func (p *Pages) show(w http.ResponseWriter, r *http.Request) error {
	number, form, _ := strings.Cut(r.PathValue("file"), ".")
	number = strings.ToUpper(number) // as people type it off paper
	if !PlausibleNumber(number) {
		return fault.New(fault.TransferMissing)
	}
	if err := p.ByAddress.Take(p.Address(r)); err != nil {
		return err
	}
	t, err := p.Wallets.OfNumber(r.Context(), number)
	if err != nil {
		return err
	}
	holder, err := p.Wallets.Get(r.Context(), t.Holder())
	if err != nil {
		return err
	}
	f := fieldsOf(t, holder)
	text, err := p.signer.Sign(f)
	if err != nil {
		return err
	}
	switch {
	case form == "png":
		code, err := qr.PNG(text, 6)
		if err != nil {
			return err
		}
		offer(w, "image/png", number+".png", code)
		return nil
	case form != "" && form != "svg" || strings.HasSuffix(r.PathValue("file"), "."):
		return fault.New(fault.RouteUnknown)
	}
	v, err := viewOf(t, f, text)
	if err != nil {
		return err
	}
	if form == "" {
		return draw(w, r, http.StatusOK, pagePolicy(), receiptPage(v))
	}
	lines := v.lines()
	var image bytes.Buffer
	if err := picture(v, lines, placed(v.QR, len(lines))).Render(context.WithoutCancel(r.Context()), &image); err != nil {
		return err
	}
	offer(w, "image/svg+xml", number+".svg", image.Bytes())
	return nil
}

// placed is the code where the picture has it.
func placed(code string, lines int) string {
	at := `<svg x="` + number((pictureWidth-codeSide)/2) + `" y="` + number(pictureTop+lines*lineHeight+8) +
		`" width="` + number(codeSide) + `" height="` + number(codeSide) + `" `
	return strings.Replace(code, "<svg ", at, 1)
}

// offer answers an image, which a browser shows and saves under the name.
func offer(w http.ResponseWriter, kind, name string, image []byte) {
	h := w.Header()
	secure(h, "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "private, no-store")
	h.Set("Content-Disposition", `inline; filename="receipt-`+name+`"`)
	httpx.WriteRaw(w, http.StatusOK, kind, image)
}

// key answers the public key: a line of its id and the key, or JSON to who asks for it.
func (p *Pages) key(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Add("Vary", "Accept")
	public := p.signer.Public()
	if strings.Contains(strings.ToLower(r.Header.Get("Accept")), "json") {
		httpx.WriteJSON(w, http.StatusOK, map[string]any{"keys": []map[string]string{{
			"id": IDOf(public).String(), "algorithm": "Ed25519", "public_key": base64.StdEncoding.EncodeToString(public),
		}}})
		return nil
	}
	httpx.WriteRaw(w, http.StatusOK, "text/plain; charset=utf-8", []byte(KeyLine(public)+"\n"))
	return nil
}

// verify answers the page that checks receipts.
func (p *Pages) verify(w http.ResponseWriter, r *http.Request) error {
	return draw(w, r, http.StatusOK, verifyPolicy()+"; frame-ancestors 'none'", verifyPage(KeyLine(p.signer.Public())))
}

// draw sends a page. It is drawn whole first, also for a reader who has gone away meanwhile: a page that cannot be drawn is an error and
// leaves the answer unsent.
func draw(w http.ResponseWriter, r *http.Request, status int, policy string, c templ.Component) error {
	var page bytes.Buffer
	if err := c.Render(context.WithoutCancel(r.Context()), &page); err != nil {
		return err
	}
	secure(w.Header(), policy)
	w.Header().Set("Cache-Control", "no-store")
	httpx.WriteRaw(w, status, "text/html; charset=utf-8", page.Bytes())
	return nil
}

// secure sets what every answer that a browser shows carries. A receipt's address is its key: it is told to nobody else.
func secure(h http.Header, policy string) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex, nofollow")
}
