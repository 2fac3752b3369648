// Package checkout draws the hosted payment page: what a payer sees between the shop's "pay" button and the way back.
//
// Rendering is pure. A Page holds everything that is to be seen, already displayed as text in the payer's terms; Hosted, Live
// and Trouble turn it into HTML and know nothing of requests, the core or the time. The page is whole without JavaScript (forms
// with buttons, meta refresh); with JavaScript it polls a fragment and changes in place. Nothing in it is inline: the Content-
// Security-Policy that SetHeaders gives allows own scripts and styles only.
package checkout

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Status is what became of the invoice, in the core's words.
type Status string

// The statuses. Only an open invoice can be paid; any other shows a result, and an unknown one shows that it is closed.
const (
	Open       Status = "open"
	Paid       Status = "paid"
	Failed     Status = "failed"
	Expired    Status = "expired"
	Cancelled  Status = "cancelled"
	Superseded Status = "superseded"
	Refunded   Status = "refunded"
)

// Notice is what the payer must know about the last attempt while the invoice is still open.
type Notice string

// The notices. Declined and Unavailable invite another attempt; Checking warns against one.
const (
	NoNotice    Notice = ""
	Declined    Notice = "declined"    // the rail refused this attempt
	Unavailable Notice = "unavailable" // the rail could not be reached, nothing was taken
	Checking    Notice = "checking"    // the attempt's outcome is not known yet
)

// Money is an amount as people read it.
type Money struct {
	Text   string // as displayed: "৳1,234.50"
	Spoken string // for assistive technology, no symbols: "1,234.50 Bangladeshi taka"; Text is used where it is empty
}

// Method is one way to pay, drawn as one button that posts action=pay:Key.
type Method struct {
	Key   string // chosen by the rail; opaque here
	Label string // "Mobile wallet"
	Hint  string // one short line below the label, may be empty
	Icon  string // name of a drawing: wallet, phone, bank, card, cash, qr, approve, decline, fail; else a coin
	Test  bool   // an outcome of the sandbox, not a way to pay
	// FormURL is where the payer types what this way needs; "" when choosing it is all. It is drawn as a link there.
	FormURL string
}

// Form is the step of the page on which the payer types what a way to pay needs. It is one form that posts action=pay:Key, the fields and
// attempt=Attempt.
type Form struct {
	Key     string // of the method
	Label   string // "Pay from your wallet"
	Icon    string // as in Method
	Fields  []Field
	Attempt string // names this attempt and what it costs; opaque here
	BackURL string // the page without the form, where the other ways are

	Amount     Money // what is paid of the invoice
	Fee, Total Money // what comes on top of it, and both together; zero when nothing does

	Refusal Refusal           // why the last attempt was not good; NoRefusal at first
	Values  map[string]string // of the refusal's sentence, by the name in its braces
}

// Field is something that the payer types.
type Field struct {
	Key, Label, Hint string
	Secret           bool   // four digits that are never shown: a PIN; else it is a telephone number
	Value            string // what was typed before; never drawn for a secret
	Autocomplete     string // what the browser may fill in, by HTML's names; "" is nothing
	Wrong            bool   // it is what the refusal is about
}

// Refusal is why an attempt on a form was not good, and nothing was taken.
type Refusal string

// The refusals. All of them invite another attempt, now or later.
const (
	NoRefusal   Refusal = ""
	Again       Refusal = "again"        // the form was too old
	BadNumber   Refusal = "bad_number"   // no telephone number
	BadPIN      Refusal = "bad_pin"      // not four digits
	WrongPIN    Refusal = "wrong_pin"    // or nobody's number: that is never told apart
	Locked      Refusal = "locked"       // minutes
	NotApproved Refusal = "not_approved" // the wallet may not pay
	NoCurrency  Refusal = "no_currency"  // currency
	NotEnough   Refusal = "not_enough"   // money
	TooLittle   Refusal = "too_little"   // limit
	TooMuch     Refusal = "too_much"     // limit
	DayFull     Refusal = "day_full"     // limit
	MonthFull   Refusal = "month_full"   // limit
	FeeIsMore   Refusal = "fee_is_more"  // fee, total
	Changed     Refusal = "changed"      // what is due
)

// concerns reports whether the refusal is about a secret field, or about one that is none.
func (r Refusal) concerns(secret bool) bool {
	switch r {
	case Again, BadPIN, Locked:
		return secret
	case BadNumber:
		return !secret
	}
	return r == WrongPIN
}

// Page is everything the payment page shows. Texts are plain text and escaped when drawn; empty ones are left out. Only QR is
// markup.
type Page struct {
	Lang string // language tag; a language without words of its own is shown in English

	Store       string // the merchant's name, the way the payer knows it
	Title       string // what is being paid for
	Description string
	Customer    string // whom the invoice names as payer
	Invoice     string // the invoice number the merchant's support asks for
	Reference   string // the merchant's own reference

	Status Status
	Notice Notice

	Amount    Money     // the whole amount of the invoice
	Received  Money     // what has been paid so far when that is a part; otherwise zero
	Remaining Money     // what is left to pay then
	Returned  Money     // what has been given back when that is not all that was paid; otherwise zero
	Share     int       // percent of the amount that has been paid, 0 to 100, for the bar only
	PaidAt    time.Time // when it was paid, shown in its own location; zero when it was not

	Ends time.Time     // when an open invoice expires; zero when it does not
	Left time.Duration // the time until then

	QR      string // an <svg> element; trusted, drawn as it is. It may not carry style attributes: the policy refuses them
	QRLabel string // what to scan it with

	Methods []Method
	Form    *Form // the form of one of them is open; nil: they are to be chosen from
	Sandbox bool  // no real money moves, and the page says so

	ActionURL   string // where the buttons post to: the path of the page where the invoice is paid
	ContinueURL string // that path on a landing page, which leads there and has no buttons itself; "" on every other
	LiveURL     string // the fragment's path; without it the page does not poll
	ReturnURL   string // the shop's page for this outcome; anything but an absolute http or https URL counts as none
	ReturnAfter int    // seconds until a finished page goes there by itself; 0: it does not
	ReceiptURL  string // the payer's receipt of a paid invoice, a path of ours; "" for none

	Support string // one line: whom to ask, and how
}

// Finished reports whether nothing more can happen on this page by itself. A handler of the live fragment answers HX-Refresh
// for a finished page with a return URL, so that the browser loads the result, which then leads the payer back.
func (p Page) Finished() bool { return p.Status != Open }

// Version names the state that the page shows: two pages of one version look the same but for the running time. The code is
// left out too, since it changes only with the amount to pay, so that a fragment in which nothing changed needs no drawing of
// it; and of a form, what its payer has typed or been told, so that it is not taken from under their fingers. The live fragment's query
// parameter "seen" carries the version.
func (p Page) Version() string {
	p.Left, p.QR = 0, ""
	if p.Form != nil {
		p.Form = &Form{Key: p.Form.Key, Amount: p.Form.Amount, Fee: p.Form.Fee, Total: p.Form.Total}
	}
	b, err := json.Marshal(p)
	if err != nil { // a time outside the years that JSON can hold
		b = []byte(p.Status)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// typing reports whether the page is the step on which the payer types.
func (p Page) typing() bool { return !p.Finished() && p.ContinueURL == "" && p.Form != nil }

// leadsOn reports whether the page only says what is asked for, and leads on to the one where it is paid.
func (p Page) leadsOn() bool { return !p.Finished() && p.ContinueURL != "" }

// polls reports whether the page asks for its live fragment.
func (p Page) polls() bool { return !p.Finished() && p.LiveURL != "" }

// partial reports whether a part of the amount has come.
func (p Page) partial() bool { return p.Received.Text != "" }

// partlyBack reports whether something of what had come was given back, and not all of a payment that was whole.
func (p Page) partlyBack() bool { return p.Finished() && p.Status != Refunded && p.Returned.Text != "" }

// due is the amount that the page shows large.
func (p Page) due() Money {
	if p.partial() && !p.Finished() && p.Remaining.Text != "" {
		return p.Remaining
	}
	return p.Amount
}

// returnURL is where the payer goes afterwards, "" for nowhere.
func (p Page) returnURL() string {
	u, err := url.Parse(p.ReturnURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return ""
	}
	return p.ReturnURL
}

// returnsAlone reports whether the finished page leaves by itself.
func (p Page) returnsAlone() bool { return p.Finished() && p.returnURL() != "" && p.ReturnAfter > 0 }

// liveURL is the fragment's address with the version that is on screen.
func (p Page) liveURL() string {
	sep := "?"
	if strings.Contains(p.LiveURL, "?") {
		sep = "&"
	}
	return p.LiveURL + sep + "seen=" + p.Version()
}

// split parts the methods into ways to pay and outcomes of the sandbox, each in the order given.
func (p Page) split() (ways, tests []Method) {
	for _, m := range p.Methods {
		if m.Test {
			tests = append(tests, m)
		} else {
			ways = append(ways, m)
		}
	}
	return ways, tests
}

// cost is all that the payer will pay.
func (f *Form) cost() Money {
	if f.Total.Text != "" {
		return f.Total
	}
	return f.Amount
}

// spoken is the amount for assistive technology.
func (m Money) spoken() string {
	if m.Spoken != "" {
		return m.Spoken
	}
	return m.Text
}

// initial is the first letter or digit of a name, for the store's round sign.
func initial(name string) string {
	for _, r := range name {
		if isWordRune(r) {
			return strings.ToUpper(string(r))
		}
	}
	return "·"
}

// ContentSecurityPolicy is what the page needs and nothing else. It names no form-action, because browsers apply that to the
// redirect that answers a form as well, and the payer's own action is answered with a redirect to the shop.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"

// SetHeaders sets what every answer of the page, the fragment and the error pages carries: type, policy, no caching, and no
// referrer to other sites, since the page's address is its key.
func SetHeaders(h http.Header) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", ContentSecurityPolicy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex, nofollow")
}
