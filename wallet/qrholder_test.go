package wallet_test

import (
	"testing"

	"sarraf/fault"
	"sarraf/wallet"
)

func TestAQRTextLeadsToItsWalletUntilItIsRevoked(t *testing.T) {
	each(t, func(h *house) {
		codes := wallet.NewCodes(h.Service, h.keys)
		text := func(w wallet.Wallet) string {
			text, err := codes.Text(w)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		john, shop := h.made(wallet.Consumer), h.made(wallet.Merchant)
		if text(john) == text(shop) {
			t.Fatal("two wallets have one text")
		}
		for _, w := range []wallet.Wallet{john, shop} {
			got, err := codes.Read(t.Context(), text(w))
			if err != nil || got.Owner != w.Owner || got.Kind != w.Kind {
				t.Errorf("%+v, %v", got, err)
			}
		}
		printed := text(john)
		renewed, err := h.RevokeQR(t.Context(), by, john.Owner)
		if err != nil {
			t.Fatal(err)
		}
		_, err = codes.Read(t.Context(), printed)
		h.says(err, fault.QRInvalid)
		if got, err := codes.Read(t.Context(), text(renewed)); err != nil || got.Owner != john.Owner {
			t.Errorf("the text after it: %+v, %v", got, err)
		}
		if got, err := codes.Read(t.Context(), text(shop)); err != nil || got.Owner != shop.Owner {
			t.Errorf("another's: %+v, %v", got, err)
		}
	})
}
