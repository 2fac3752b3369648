package checkout

import (
	"log/slog"
	"strings"
	"testing"

	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
)

// door is as much of a front door as a code needs.
type door struct{ invoice.Door }

func (door) PayPath(invoice.Invoice) string { return "/methods/tok" }

func TestSettingsThatMakeNoBanglaQRLeaveThePageItsOwnCode(t *testing.T) {
	h := newHost(Deps{PublicURL: "https://pay.example.com", Log: slog.New(slog.DiscardHandler)})
	right := &merchant.BanglaQR{
		AcquirerDomain: "com.example.bd", InstitutionType: "01", InstitutionID: "1234", PAN: "123456", Category: "5942",
		Name: "PADMA BOOKS", City: "DHAKA",
	}
	for _, c := range []struct {
		settings *merchant.BanglaQR
		currency money.Currency
		title    string
	}{
		{right, "BDT", "Bangla QR code for this payment"},
		{right, "PKR", "QR code of this page"},
		{nil, "BDT", "QR code of this page"},
		{&merchant.BanglaQR{}, "BDT", "QR code of this page"},
		{&merchant.BanglaQR{Name: strings.Repeat("x", 99)}, "BDT", "QR code of this page"},
	} {
		v := visit{door: door{}}
		v.inv.Status, v.inv.Currency, v.inv.Amount, v.inv.Number = invoice.Open, c.currency, 10000, "ATINV17038392001234"
		v.shop.Settings.BanglaQR = c.settings
		svg, err := h.qr(v)
		if err != nil || !strings.Contains(svg, c.title) {
			t.Errorf("%+v in %s: %v, no %q in %.200s", c.settings, c.currency, err, c.title, svg)
		}
	}
}
