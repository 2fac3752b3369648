package merchant_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/qr"
)

// codes are settings that make codes in PKR.
func codes() *merchant.PakistanQR {
	return &merchant.PakistanQR{
		OperatorID: "D15600000000", BIC: "DEMOPKKA", IBAN: "PK81DEMO0000001123456702", Name: "SANA BOOKS", City: "KARACHI", Category: "5942",
	}
}

func TestSettingsOfCodesAreTriedBeforeTheyAreKept(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		for name, bad := range map[string]struct {
			field  string
			code   fault.Code
			change func(p *merchant.PakistanQR)
		}{
			"no operator":   {"pakistan_qr.operator_id", fault.FieldRequired, func(p *merchant.PakistanQR) { p.OperatorID = "" }},
			"a wrong BIC":   {"pakistan_qr.bic", fault.FieldMalformed, func(p *merchant.PakistanQR) { p.BIC = "DEMOPKK" }},
			"a wrong IBAN":  {"pakistan_qr.iban", fault.FieldMalformed, func(p *merchant.PakistanQR) { p.IBAN = "PK82DEMO0000001123456702" }},
			"a long name":   {"pakistan_qr.name", fault.FieldTooLong, func(p *merchant.PakistanQR) { p.Name = strings.Repeat("N", 26) }},
			"no city":       {"pakistan_qr.city", fault.FieldRequired, func(p *merchant.PakistanQR) { p.City = "" }},
			"a category":    {"pakistan_qr.category", fault.FieldMalformed, func(p *merchant.PakistanQR) { p.Category = "59" }},
			"a long postal": {"pakistan_qr.postal", fault.FieldTooLong, func(p *merchant.PakistanQR) { p.Postal = strings.Repeat("1", 11) }},
		} {
			one := m
			one.Settings.PakistanQR = codes()
			bad.change(one.Settings.PakistanQR)
			_, err := h.Create(ctx, by, one)
			for _, err := range []error{err, h.Change(ctx, by, one)} {
				if list := fault.All(err); len(list) != 1 || list[0].Code != bad.code || list[0].Field != bad.field {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		m.Settings.PakistanQR = codes()
		if err := h.Change(ctx, by, m); err != nil {
			t.Fatal(err)
		}
		got, err := h.Get(ctx, m.Owner)
		if d := cmp.Diff(m, got); err != nil || d != "" {
			t.Fatal(err, d)
		}
		payee := got.Settings.PakistanQR.Payee()
		payee.Amount = money.Of(5000, money.PKR)
		payload, err := qr.Pakistan(got.Settings.PakistanQR.Account(), payee)
		if err != nil || !strings.Contains(payload, "PK81DEMO0000001123456702") || !strings.Contains(payload, "SANA BOOKS") {
			t.Fatal(payload, err)
		}
		got.Settings.PakistanQR.Name = "X" // the caller's own affair
		if again, err := h.Get(ctx, m.Owner); err != nil || again.Settings.PakistanQR.Name != "SANA BOOKS" {
			t.Fatal(again, err)
		}
	})
}

func TestCallbacksAreSetForADoor(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		callbacks := func(want map[string]string) {
			t.Helper()
			got, err := h.Get(ctx, m.Owner)
			if d := cmp.Diff(want, got.Settings.Callbacks); err != nil || d != "" {
				t.Fatal(err, d)
			}
		}
		set := func(door, address string) {
			t.Helper()
			if err := h.SetCallback(ctx, by, m.Owner, door, address); err != nil {
				t.Fatal(err)
			}
		}
		set("asaanbill", "https://shop.example/callbacks//")
		callbacks(map[string]string{"asaanbill": "https://shop.example/callbacks"})
		set("other", "http://127.0.0.1:8080")
		m.Settings.InvoiceMinutes, m.Settings.Callbacks = 7, nil // as an administrator had read it before
		if err := h.Change(ctx, by, m); err != nil {
			t.Fatal(err)
		}
		callbacks(map[string]string{"asaanbill": "https://shop.example/callbacks", "other": "http://127.0.0.1:8080"})
		set("asaanbill", "")
		set("asaanbill", "")
		callbacks(map[string]string{"other": "http://127.0.0.1:8080"})
		set("other", "https://[2001:db8::1]:444/a/b")
		set("other", "")
		callbacks(nil)
		for address, want := range map[string]fault.Code{
			"shop.example/cb": fault.FieldNotURL, "ftp://shop.example": fault.FieldNotURL, "https://": fault.FieldNotURL, "https:shop": fault.FieldNotURL,
			"https://u:p@shop.example": fault.FieldNotURL, "https://shop.example/?a=b": fault.FieldNotURL, "https://shop.example/#x": fault.FieldNotURL,
			"https://shop.example/a b": fault.FieldNotURL, "https://shop.example/\n": fault.FieldNotURL, "https://shop.example/?": fault.FieldNotURL,
			"https://shop.example/ü": fault.FieldNotURL, "https://shop.example/%zz": fault.FieldNotURL, "https://:443": fault.FieldNotURL,
			"https://shop.example/" + strings.Repeat("x", 1900): fault.FieldTooLong,
		} {
			m.Settings.Callbacks = map[string]string{"asaanbill": address}
			_, err := h.Create(ctx, by, m)
			for _, err := range []error{err, h.SetCallback(ctx, by, m.Owner, "asaanbill", address)} {
				if list := fault.All(err); len(list) != 1 || list[0].Code != want || list[0].Field != "callback" || strings.Contains(err.Error(), "shop") {
					t.Errorf("%.40q: %v", address, err)
				}
			}
		}
		if err := h.SetCallback(ctx, by, m.Owner, "", "https://shop.example"); !fault.Has(err, fault.FieldRequired) {
			t.Error(err)
		}
		if err := h.SetCallback(ctx, by, "nobody", "asaanbill", "https://shop.example"); !fault.Has(err, fault.MerchantMissing) {
			t.Error(err)
		}
		lines := h.logged(t, m.Owner)
		changes := slices.DeleteFunc(lines, func(line string) bool { return !strings.HasPrefix(line, "merchant.callback|"+m.Owner+"|{") })
		if len(changes) != 5 {
			t.Fatal(lines)
		}
	})
}
