package checkout

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rsc.io/qr"
)

// qrOf draws a code the plain way, one path for all dark modules.
func qrOf(t testing.TB, text string) string {
	t.Helper()
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	var path strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+2, y+2)
			}
		}
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %[1]d" shape-rendering="crispEdges"><path d="%s"/></svg>`,
		code.Size+4, path.String())
}

// sandboxPage is the page of the demo: an open invoice of an Aspay merchant in test mode.
func sandboxPage(t testing.TB) Page {
	t.Helper()
	return Page{
		Store:     "Shapla Books",
		Title:     "Order 4711 · 3 books",
		Customer:  "Rahim Uddin",
		Invoice:   "ATINV17038392001234",
		Reference: "TRX123456",
		Status:    Open,
		Amount:    Money{"৳1,234.50", "1,234.50 Bangladeshi taka"},
		Ends:      time.Date(2026, 11, 21, 9, 42, 30, 0, time.UTC),
		Left:      12*time.Minute + 30*time.Second,
		QR: qrOf(t, "00020101021226430014com.example.bd0113ATINV170383920520459425303050540"+
			"71234.505802BD5912SHAPLA BOOKS6005DHAKA62130109TRX1234566304A1B2"),
		QRLabel: "Scan with any Bangla QR app",
		Methods: []Method{
			{"approve", "Approve the payment", "The bank takes the money", "approve", true, ""},
			{"decline", "Decline this attempt", "You may try again", "decline", true, ""},
			{"fail", "Refuse for good", "The bank ends the payment", "fail", true, ""},
		},
		Sandbox:     true,
		ActionURL:   "/methods/tok",
		LiveURL:     "/methods/tok/live",
		ReturnURL:   "https://shop.example/thanks?order=4711&status=success",
		ReturnAfter: 3,
		Support:     "Call 16123, or write to help@shaplabooks.example",
	}
}

// livePage is an open invoice with real ways to pay.
func livePage(t testing.TB) Page {
	t.Helper()
	p := sandboxPage(t)
	p.Sandbox = false
	p.Methods = []Method{
		{"wallet", "Mobile wallet", "bKash, Nagad, Rocket, Upay", "wallet", false, ""},
		{"card", "Card", "Visa, Mastercard, Amex", "card", false, ""},
		{"bank", "Internet banking", "", "bank", false, ""},
		{"cash", "Cash at an agent", "Within two days", "cash", false, ""},
	}
	return p
}

func with(p Page, change func(*Page)) Page {
	change(&p)
	return p
}

func finished(p Page, s Status) Page {
	return with(p, func(p *Page) {
		p.Status = s
		p.Ends, p.Left = time.Time{}, 0
		if s == Paid || s == Refunded {
			p.PaidAt = time.Date(2026, 11, 21, 15, 31, 2, 0, time.FixedZone("Asia/Dhaka", 6*3600))
		}
	})
}

// asking is a page with the form of a wallet open.
func asking(p Page, change func(*Form)) Page {
	f := &Form{
		Key: "wallet", Label: "Pay from your wallet", Icon: "wallet", Attempt: "01936b2e-7c1a-7d9e-b0a4-5f2f6f1f0c11.123450.0.mark",
		BackURL: "/methods/tok", Amount: p.Amount,
		Fields: []Field{
			{Key: "mobile_number", Label: "Mobile number", Autocomplete: "tel"},
			{Key: "pin", Label: "PIN", Hint: "The 4 digits of your wallet", Secret: true},
		},
	}
	if change != nil {
		change(f)
	}
	return with(p, func(p *Page) { openForm(p, f) })
}

// refuse is what a handler does to a form that was not good.
func (f *Form) refuse(why Refusal) {
	f.Refusal, f.Fields[0].Value = why, "01712-345678"
	for i := range f.Fields {
		f.Fields[i].Wrong = why.concerns(f.Fields[i].Secret)
	}
}

// screens has every state that a payer can meet, by name.
func screens(t testing.TB) map[string]Page {
	t.Helper()
	sandbox, live := sandboxPage(t), livePage(t)
	return map[string]Page{
		"open-sandbox":  sandbox,
		"open-live":     live,
		"open-declined": with(sandbox, func(p *Page) { p.Notice = Declined }),
		"open-checking": with(live, func(p *Page) { p.Notice = Checking }),
		"open-part": with(live, func(p *Page) {
			p.Received, p.Remaining, p.Share = Money{"৳500.00", ""}, Money{"৳734.50", "734.50 Bangladeshi taka"}, 40
		}),
		"landing": with(sandbox, func(p *Page) {
			p.ContinueURL, p.Description = "/checkout/tok", "Two books and a map.\nDelivered on Friday."
		}),
		"landing-bare": with(sandbox, func(p *Page) { p.ContinueURL, p.Ends = "/checkout/tok", time.Time{} }),
		"landing-paid": with(finished(sandbox, Paid), func(p *Page) { p.ContinueURL, p.Description = "/checkout/tok", "Two books and a map." }),
		"open-bare": {
			Store: "K", Status: Open, Amount: Money{Text: "৳100.00"}, ActionURL: "/methods/tok",
			Methods: []Method{{"wallet", "Pay with a mobile wallet", "", "phone", false, ""}},
		},
		"open-nothing": {Store: "Shapla Books", Status: Open, Amount: Money{Text: "৳100.00"}, ActionURL: "/methods/tok"},
		"open-long": with(live, func(p *Page) {
			p.Store = "Messrs. Mohammad Abdur Rahman & Sons Wholesale, Retail and Import-Export Company (Chattogram) Limited"
			p.Title = strings.Repeat("Donaudampfschifffahrtsgesellschaft", 3)
			p.Description = strings.Repeat("Payment for goods as per delivery note. ", 6)
			p.Amount = Money{"৳123,456,789,012.50", "123,456,789,012.50 Bangladeshi taka"}
			p.Left = 51*time.Hour + time.Minute
			p.Sandbox = true
		}),
		"open-scripts": with(live, func(p *Page) {
			p.Store, p.Title, p.Customer = "শাপলা বই ঘর", "آرڈر نمبر ۴۷۱۱ کی ادائیگی", "رحیم الدین"
			p.Amount = Money{"Rs 1,234.50", "1,234.50 Pakistani rupees"}
		}),
		"typing": asking(sandbox, nil),
		"typing-fee": asking(live, func(f *Form) {
			f.Fee, f.Total = Money{"৳5.00", ""}, Money{"৳1,239.50", "1,239.50 Bangladeshi taka"}
		}),
		"typing-wrong":  asking(live, func(f *Form) { f.refuse(WrongPIN) }),
		"typing-number": asking(sandbox, func(f *Form) { f.refuse(BadNumber); f.Fields[0].Value = "01712 34" }),
		"typing-locked": asking(live, func(f *Form) { f.refuse(Locked); f.Values = map[string]string{"minutes": "30"} }),
		"typing-too-much": asking(live, func(f *Form) {
			f.refuse(FeeIsMore)
			f.Fee, f.Total = Money{"৳123,456,789,012.50", ""}, Money{"৳123,456,790,247.00", ""}
		}),
		"paid-receipt":   with(finished(live, Paid), func(p *Page) { p.ReceiptURL = "/receipt/8G5TJQ2WNA" }),
		"paid":           finished(sandbox, Paid),
		"paid-live":      finished(live, Paid),
		"paid-no-return": with(finished(live, Paid), func(p *Page) { p.ReturnURL = "" }),
		"failed":         finished(live, Failed),
		"expired":        finished(live, Expired),
		"expired-part":   with(finished(live, Expired), func(p *Page) { p.Received = Money{"৳500.00", ""} }),
		"cancelled":      finished(sandbox, Cancelled),
		"superseded":     with(finished(live, Superseded), func(p *Page) { p.ReturnURL = "" }),
		"refunded":       finished(live, Refunded),
		"refunded-part":  with(finished(live, Paid), func(p *Page) { p.Returned = Money{"৳500.00", ""} }),
		"expired-back": with(finished(live, Expired), func(p *Page) {
			p.Received, p.Returned = Money{"৳500.00", ""}, Money{"৳500.00", ""}
		}),
	}
}

// troubles has every error page, by name.
var troubles = map[string]Problem{
	"not-found": {Kind: NotFound, RequestID: "01936b2e-7c1a-7d9e-b0a4-5f2f6f1f0c11"},
	"gone":      {Kind: Gone},
	"broken":    {Kind: Broken, RequestID: "01936b2e-7c1a-7d9e-b0a4-5f2f6f1f0c11"},
	"busy":      {Kind: Busy, RequestID: "01936b2e-7c1a-7d9e-b0a4-5f2f6f1f0c11", RetryURL: "/methods/tok"},
}
