package checkout

import (
	"cmp"
	"context"
	"net/url"
	"time"

	"sarraf/internal/clock"
	"sarraf/invoice"
	"sarraf/money"
	"sarraf/qr"
)

// zones are where people who pay in a currency live; times on the page are theirs. Most of those who pay in EUR have Amsterdam's.
var zones = map[money.Currency]string{"BDT": "Asia/Dhaka", "PKR": "Asia/Karachi", "EUR": "Europe/Amsterdam"}

// locales are how amounts are written for them.
var locales = map[money.Currency]money.Locale{"BDT": "en-BD", "PKR": "en-PK"}

// page is what the payer is to see of the invoice, all but the QR image.
func (h *host) page(ctx context.Context, v visit) (Page, error) {
	inv := v.inv
	declined, err := h.declined(ctx, inv)
	if err != nil {
		return Page{}, err
	}
	back, err := v.door.Return(ctx, inv)
	if err != nil {
		return Page{}, err
	}
	path := v.door.PayPath(inv)
	p := Page{
		Lang: "en", Store: cmp.Or(inv.StoreName, v.shop.Name), Title: inv.Title, Description: inv.Description, Customer: inv.PayerName, Invoice: inv.Number, Reference: inv.Reference,
		Status: Status(inv.Status), Amount: shown(inv.Total()), Sandbox: v.shop.Sandbox(), ActionURL: path, LiveURL: livePath + inv.Token,
		ReturnURL: back, ReturnAfter: int(returnAfter / time.Second), QRLabel: "Scan with your phone to pay there",
	}
	if v.landing {
		p.ContinueURL, p.LiveURL = path, liveLandingPath+inv.Token
	}
	if declined {
		p.Notice = Declined
	}
	if inv.Paid > 0 && inv.Paid < inv.Amount {
		p.Received, p.Remaining, p.Share = shown(inv.AmountPaid()), shown(inv.Due()), share(inv)
	}
	if inv.Refunded > 0 && inv.Status != invoice.Refunded {
		p.Returned = shown(inv.AmountRefunded())
	}
	if !inv.PaidAt.IsZero() {
		p.PaidAt = local(inv.PaidAt, inv.Currency)
	}
	if !inv.ExpiresAt.IsZero() && inv.Status == invoice.Open {
		p.Ends, p.Left = inv.ExpiresAt, inv.ExpiresAt.Sub(h.Clock.Now())
	}
	if payload, _ := banglaQR(v); payload != "" {
		p.QRLabel = "Scan with a Bangla QR app"
	}
	for _, r := range h.rails(v.shop) {
		for _, m := range r.Methods(inv.Currency) {
			shown := Method{Key: m.Key, Label: m.Label, Hint: m.Hint, Icon: m.Icon, Test: m.Test}
			if len(m.Fields) > 0 {
				shown.FormURL = path + "?" + wayQuery + "=" + url.QueryEscape(m.Key)
			}
			p.Methods = append(p.Methods, shown)
		}
	}
	if p.ReceiptURL, err = h.receipt(ctx, inv); p.ReceiptURL != "" {
		p.ReturnAfter = int(returnWithReceipt / time.Second)
	}
	return p, err
}

// shown is an amount as its currency's people write it.
func shown(a money.Amount) Money {
	l := locales[a.Currency]
	return Money{Text: a.Display(l), Spoken: a.Spoken(l)}
}

// share is how much has been paid, in percent, without going through a product that could overflow.
func share(inv invoice.Invoice) int {
	if inv.Amount < 100 {
		return int(inv.Paid * 100 / inv.Amount)
	}
	return int(min(inv.Paid/(inv.Amount/100), 100))
}

// local is a time where the payer lives.
func local(t time.Time, c money.Currency) time.Time { return clock.In(t, zones[c]) }

// qr is the image on an open invoice's page: a Bangla QR payload when the merchant has been assigned one, else the page's own address.
func (h *host) qr(v visit) (string, error) {
	if v.inv.Status != invoice.Open {
		return "", nil
	}
	payload, err := banglaQR(v)
	if err != nil { // what the acquirer assigned is not right; the payer can pay all the same
		h.Log.Warn("the merchant's settings make no Bangla QR code", "owner", v.inv.Owner, "error", err)
	}
	if payload != "" {
		return qr.SVG(payload, qr.Options{Title: "Bangla QR code for this payment"})
	}
	return qr.SVG(h.PublicURL+v.door.PayPath(v.inv), qr.Options{Title: "QR code of this page"})
}

// banglaQR is the payload of a payment of what is due, by what the acquirer assigned to the merchant; "" when it assigned nothing.
func banglaQR(v visit) (string, error) {
	b := v.shop.Settings.BanglaQR
	if b == nil || v.inv.Currency != "BDT" || v.inv.Status != invoice.Open {
		return "", nil
	}
	return qr.Bangladesh(qr.BangladeshAccount{
		Acquirer: b.AcquirerDomain, InstitutionType: b.InstitutionType, Institution: b.InstitutionID, PAN: b.PAN,
	}, qr.Payee{
		Name: b.Name, City: b.City, Category: b.Category, Dynamic: true, Amount: v.inv.Due(),
		Bill: cmp.Or(v.inv.Number, v.inv.Token), // where the door prints no number, the page is what there is
	})
}
