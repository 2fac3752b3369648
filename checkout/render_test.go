package checkout

import (
	"context"
	"html"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
)

func render(t testing.TB, c templ.Component) string {
	t.Helper()
	var b strings.Builder
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	tags   = regexp.MustCompile(`(?s)<(script|style)\b.*?</(script|style)>|<[^>]*>`)
	spaces = regexp.MustCompile(`\s+`)
)

// words is what a document says: its text without tags.
func words(doc string) string {
	return strings.TrimSpace(spaces.ReplaceAllString(html.UnescapeString(tags.ReplaceAllString(doc, " ")), " "))
}

// has and lacks check a document, both its markup and its words.
func has(t *testing.T, doc string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(doc, w) && !strings.Contains(words(doc), w) {
			t.Errorf("the page lacks %q", w)
		}
	}
}

func lacks(t *testing.T, doc string, unwanted ...string) {
	t.Helper()
	for _, w := range unwanted {
		if strings.Contains(doc, w) || strings.Contains(words(doc), w) {
			t.Errorf("the page has %q", w)
		}
	}
}

func TestOpenPageShowsWhatIsPaidAndHow(t *testing.T) {
	doc := render(t, Hosted(sandboxPage(t)))
	has(t, doc,
		`<html lang="en" dir="ltr">`, "<title>৳1,234.50 · Shapla Books</title>",
		"Pay to Shapla Books", "Amount due", "৳1,234.50", "1,234.50 Bangladeshi taka", "Order 4711 · 3 books",
		"Billed to Rahim Uddin", "Invoice ATINV17038392001234", "Reference TRX123456", "Help Call 16123",
		`datetime="2026-11-21T09:42:30Z"`, "12 min 30 s left",
		"<svg xmlns=", "Scan with any Bangla QR app",
		"Test mode: no real money moves",
	)
	lacks(t, doc, "Return to", "Left to pay", "received of")
}

func TestOpenPageWorksByFormAlone(t *testing.T) {
	doc := render(t, Hosted(sandboxPage(t)))
	has(t, doc,
		`<form method="post" action="/methods/tok"`,
		`<noscript><meta http-equiv="refresh" content="5"></noscript>`,
		"Cancel and return to Shapla Books",
	)
	for _, value := range []string{"pay:approve", "pay:decline", "pay:fail", "cancel"} {
		if n := len(regexp.MustCompile(`<button type="submit"[^>]* name="action" value="`+value+`"`).FindAllString(doc, -1)); n != 1 {
			t.Errorf("%d buttons post action=%s, want 1", n, value)
		}
	}
}

func TestOpenPagePollsItsFragment(t *testing.T) {
	p := sandboxPage(t)
	doc := render(t, Hosted(p))
	has(t, doc,
		`hx-get="/methods/tok/live?seen=`+p.Version()+`"`, `hx-trigger="every 2s"`,
		`<script src="/_sarraf/htmx.min.`, `&#34;allowEval&#34;:false`, `&#34;includeIndicatorStyles&#34;:false`,
	)
	p.LiveURL = ""
	lacks(t, render(t, Hosted(p)), "<script", "hx-get", "http-equiv")
	p.LiveURL = "/live?token=tok"
	has(t, render(t, Hosted(p)), "/live?token=tok&amp;seen="+p.Version())
}

func TestLandingPageTellsWhatIsAskedForAndLeadsOn(t *testing.T) {
	doc := render(t, Hosted(screens(t)["landing"]))
	has(t, doc, `href="/checkout/tok"`, "Continue to payment", "৳1,234.50", "Shapla Books", "3 books")
	has(t, doc, "Shapla Books asks you for this payment", "Two books and a map.\nDelivered on Friday.")
	lacks(t, doc, "<form", "<button", "pay:approve", "Cancel and return", "<dt>For")
	bare := render(t, Hosted(screens(t)["landing-bare"]))
	has(t, bare, "Shapla Books asks you for this payment", "Continue to payment")
	lacks(t, bare, `class="asked"`, "left")
	// A link that is opened again after its end says how it ended, and leads nowhere on.
	done := render(t, Hosted(screens(t)["landing-paid"]))
	has(t, done, "Payment received", "For Order 4711 · 3 books – Two books and a map.")
	lacks(t, done, "Continue to payment", "asks you for", "/checkout/tok")
}

func TestNoticeSpeaksOfTheLastAttempt(t *testing.T) {
	p := sandboxPage(t)
	lacks(t, render(t, Hosted(p)), "notice")
	p.Notice = Declined
	has(t, render(t, Hosted(p)), "Your payment was declined", "You can try again", "pay:approve")
	p.Notice = Checking
	has(t, render(t, Hosted(p)), "do not pay a second time")
	p.Notice = "of a newer release"
	lacks(t, render(t, Hosted(p)), "notice")
}

func TestPartPaidPageAsksForTheRest(t *testing.T) {
	doc := render(t, Hosted(screens(t)["open-part"]))
	has(t, doc, "Left to pay ৳734.50 734.50 Bangladeshi taka", "৳500.00 received of ৳1,234.50", `value="40"`)
	for share, want := range map[int]string{-1: "0", 0: "0", 99: "99", 100: "100", 250: "100"} {
		if got := percent(share); got != want {
			t.Errorf("percent(%d) = %s, want %s", share, got, want)
		}
	}
}

func TestEachResultSaysWhatBecameOfThePayment(t *testing.T) {
	for status, wanted := range map[Status][]string{
		Paid:       {"<title>Paid · Shapla Books</title>", "Payment received", "icon-tick", "Paid on 21 Nov 2026, 3:31 pm", `datetime="2026-11-21T09:31:02Z"`},
		Failed:     {"<title>Not paid · Shapla Books</title>", "Payment failed", "icon-cross", "Nothing was paid"},
		Expired:    {"<title>Expired · Shapla Books</title>", "This payment has expired", "icon-clock", "Nothing was paid"},
		Cancelled:  {"<title>Cancelled · Shapla Books</title>", "Payment cancelled", "Nothing was paid"},
		Superseded: {"<title>Replaced · Shapla Books</title>", "Replaced by a newer request", "latest link from Shapla Books"},
		Refunded:   {"<title>Refunded · Shapla Books</title>", "Payment refunded", "has sent the money back"},
		"unheard":  {"<title>Closed · Shapla Books</title>", "This payment is closed"},
	} {
		t.Run(string(status), func(t *testing.T) {
			p := finished(livePage(t), status)
			doc := render(t, Hosted(p))
			has(t, doc, append(wanted, "৳1,234.50", "Shapla Books", "For Order 4711 · 3 books", "Invoice ATINV17038392001234",
				`<meta http-equiv="refresh" content="3;url=https://shop.example/thanks?order=4711&amp;status=success">`,
				`href="https://shop.example/thanks?order=4711&amp;status=success"`,
				"Return to Shapla Books", "You will be taken back in 3 seconds.")...)
			lacks(t, doc, "<form", "<button", "<noscript", "<script", "hx-get", "Scan with", "Test mode")
		})
	}
}

func TestWhatWasGivenBackInPartIsTold(t *testing.T) {
	has(t, render(t, Hosted(screens(t)["refunded-part"])), "<title>Partly refunded · Shapla Books</title>", "icon-back", "Sent back ৳500.00",
		"Shapla Books has sent ৳500.00 of your payment back", "Paid on 21 Nov 2026, 3:31 pm")
	doc := render(t, Hosted(screens(t)["expired-back"]))
	has(t, doc, "<title>Expired · Shapla Books</title>", "৳500.00 had been received, and Shapla Books has sent ৳500.00 of it back", "Sent back ৳500.00")
	lacks(t, doc, "Nothing was paid", "Please ask")
	whole := with(finished(livePage(t), Refunded), func(p *Page) { p.Returned = Money{Text: "৳1,234.50"} })
	lacks(t, render(t, Hosted(whole)), "Partly", "Sent back")
}

func TestFinishedPageStaysWhenThereIsNowhereToGo(t *testing.T) {
	for name, url := range map[string]string{
		"none": "", "script": "javascript:alert(1)", "data": "data:text/html,x", "no host": "https:///x", "relative": "/x",
		"other scheme": "ftp://shop.example/", "line break": "https://shop.example/\n", "protocol-relative": "//shop.example/",
	} {
		t.Run(name, func(t *testing.T) {
			p := finished(sandboxPage(t), Paid)
			p.ReturnURL = url
			lacks(t, render(t, Hosted(p)), "http-equiv", "Return to", "<a ", "javascript:")
			has(t, render(t, Hosted(p)), "Payment received")
			p.Status = Open
			has(t, render(t, Hosted(p)), "Cancel this payment")
		})
	}
}

func TestReturnWaitsForTheLinkWhenNoSecondsAreGiven(t *testing.T) {
	p := finished(sandboxPage(t), Paid)
	p.ReturnAfter = 0
	doc := render(t, Hosted(p))
	has(t, doc, "Return to Shapla Books")
	lacks(t, doc, "http-equiv", "taken back")
}

func TestPartMoneyOnAClosedInvoiceIsNeverCalledNothing(t *testing.T) {
	for _, status := range []Status{Failed, Expired, Cancelled, Superseded, "unheard"} {
		p := finished(livePage(t), status)
		p.Received = Money{Text: "৳500.00"}
		doc := render(t, Hosted(p))
		has(t, doc, "৳500.00 had already been received. Please ask Shapla Books")
		lacks(t, doc, "Nothing was paid")
	}
}

func TestHostileTextsStayText(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`
	p := sandboxPage(t)
	p.Store, p.Title, p.Description, p.Customer, p.Invoice, p.Reference = evil, evil, evil, evil, evil, evil
	p.Support, p.QRLabel, p.ActionURL, p.LiveURL = evil, evil, "/x"+evil, "/x"+evil
	p.Amount = Money{evil, evil}
	p.Received, p.Remaining, p.Notice, p.Status, p.Lang = p.Amount, p.Amount, Notice(evil), Open, evil
	p.Methods = []Method{{evil, evil, evil, evil, false, ""}, {evil, evil, evil, evil, true, "/x" + evil}}
	p.ReceiptURL = "/x" + evil
	open := with(p, func(p *Page) {
		openForm(p, &Form{
			Key: evil, Label: evil, Icon: evil, Attempt: evil, BackURL: "/x" + evil, Amount: p.Amount, Fee: p.Amount, Total: p.Amount, Refusal: Locked,
			Values: map[string]string{"minutes": evil}, Fields: []Field{{evil, evil, evil, false, evil, evil, true}, {evil, evil, evil, true, evil, evil, true}},
		})
	})
	for _, status := range []Status{Open, Paid, Expired, Status(evil)} {
		p.Status = status
		p.ReturnURL = "https://shop.example/" + evil
		for _, doc := range []string{render(t, Hosted(p)), render(t, Live(p, "")), render(t, Hosted(open)), render(t, Trouble(Problem{Kind: ProblemKind(evil), RequestID: evil, RetryURL: evil}))} {
			doc = regexp.MustCompile(`<script src="/_sarraf/htmx\.min\.[0-9a-f]{12}\.js" defer></script>`).ReplaceAllString(doc, "")
			lacksMarkup(t, doc, "<script", "<img src=x", `"">`)
		}
	}
}

func lacksMarkup(t *testing.T, doc string, unwanted ...string) {
	t.Helper()
	for _, w := range unwanted {
		if i := strings.Index(doc, w); i >= 0 {
			t.Errorf("markup has %q: …%s", w, doc[i:min(i+120, len(doc))])
		}
	}
}

func TestNothingIsInline(t *testing.T) {
	docs := map[string]string{}
	for name, p := range screens(t) {
		docs[name] = render(t, Hosted(p))
		docs[name+" live"] = render(t, Live(p, ""))
	}
	for name, p := range troubles {
		docs[name] = render(t, Trouble(p))
	}
	inline := regexp.MustCompile(`<style|<[^>]*\s(style|on[a-z]+)=|javascript:|<script(>|\s[^>]*>[^<])`)
	remote := regexp.MustCompile(`(src|href)="(https?:)?//`)
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		if found := inline.FindString(docs[name]); found != "" {
			t.Errorf("%s: %s", name, found)
		}
		for _, found := range remote.FindAllString(docs[name], -1) {
			if found != `href="https://` { // the way back to the shop
				t.Errorf("%s loads from elsewhere: %s", name, found)
			}
		}
	}
}

func TestEmptyTextsLeaveNoEmptyLines(t *testing.T) {
	doc := render(t, Hosted(screens(t)["open-bare"]))
	lacks(t, doc, "<dt>", "<dl", "<time", `class="qr"`, `class="what"`, "Test mode", "way-hint")
	has(t, doc, "Cancel this payment")
	has(t, render(t, Hosted(screens(t)["open-nothing"])), "cannot be made right now")
}

func TestLiveSendsOnlyTheTimeWhileNothingChanged(t *testing.T) {
	p := sandboxPage(t)
	seen := p.Version()
	p.Left -= 2 * time.Second
	doc := render(t, Live(p, seen))
	has(t, doc, `id="live"`, `id="clock"`, `hx-swap-oob="true"`, "12 min 28 s left", "seen="+seen)
	lacks(t, doc, `id="sheet"`, `id="said"`, "<html")

	p.Ends = time.Time{}
	lacks(t, render(t, Live(p, p.Version())), `id="clock"`)
}

func TestLiveSendsTheSlipWhenSomethingChanged(t *testing.T) {
	p := sandboxPage(t)
	seen := p.Version()
	p.Notice = Declined
	doc := render(t, Live(p, seen))
	has(t, doc, `<main id="sheet"`, "Your payment was declined", `<p id="said" class="unseen" role="status" hx-swap-oob="true">Your payment was declined.`,
		"seen="+p.Version())

	p = finished(p, Paid)
	doc = render(t, Live(p, seen))
	has(t, doc, `<main id="sheet"`, "Payment received", `<div id="live" hidden></div>`)
	lacks(t, doc, "hx-get", "<form")

	part := screens(t)["open-part"]
	has(t, render(t, Live(part, seen)), "Left to pay: 734.50 Bangladeshi taka</p>")
}

func TestVersionChangesWithWhatIsShownAndNotWithTime(t *testing.T) {
	p := sandboxPage(t)
	later := with(p, func(p *Page) { p.Left, p.QR = time.Second, "" })
	if p.Version() != later.Version() {
		t.Error("the running time or the drawing of the code changed the version")
	}
	seen := map[string]string{p.Version(): "the page itself"}
	for name, change := range map[string]func(*Page){
		"status": func(p *Page) { p.Status = Expired }, "notice": func(p *Page) { p.Notice = Declined },
		"received": func(p *Page) { p.Received.Text = "৳1.00" }, "end": func(p *Page) { p.Ends = p.Ends.Add(time.Hour) },
		"methods": func(p *Page) { p.Methods = p.Methods[:1] },
	} {
		v := with(p, change).Version()
		if other, ok := seen[v]; ok {
			t.Errorf("%s has the version of %s", name, other)
		}
		seen[v] = name
	}
}

func TestErrorPagesSayWhatToDo(t *testing.T) {
	for name, wanted := range map[string][]string{
		"not-found": {"There is nothing here", "Request id 01936b2e-7c1a-7d9e-b0a4-5f2f6f1f0c11"},
		"gone":      {"This link is no longer valid", "start the payment again"},
		"broken":    {"Something went wrong", "Request id 01936b2e-7c1a-7d9e-b0a4-5f2f6f1f0c11"},
		"busy":      {"Please try again shortly", `href="/methods/tok"`, "Try again"},
	} {
		doc := render(t, Trouble(troubles[name]))
		has(t, doc, append(wanted, `<html lang="en" dir="ltr">`)...)
		lacks(t, doc, "<form", "<script", "http-equiv")
	}
	lacks(t, render(t, Trouble(Problem{Kind: Gone})), "Request id", "Try again")
	for kind, want := range map[ProblemKind]int{NotFound: 404, Gone: 410, Broken: 500, Busy: 503, "": 500} {
		if got := (Problem{Kind: kind}).Code(); got != want {
			t.Errorf("%s has status %d, want %d", kind, got, want)
		}
	}
}

func TestHeadersForbidWhatThePageDoesNotNeed(t *testing.T) {
	h := http.Header{}
	SetHeaders(h)
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "same-origin",
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "X-Robots-Tag": "noindex, nofollow",
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
			"connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestEveryDrawingNamedIsDrawn(t *testing.T) {
	coin := render(t, icon("no such drawing"))
	for _, name := range drawings {
		if doc := render(t, icon(name)); strings.ReplaceAll(doc, "icon-"+name, "icon-coin") == coin {
			t.Errorf("%s is drawn as a coin", name)
		}
	}
	has(t, coin, "icon-coin")
}
