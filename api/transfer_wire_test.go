package api

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sarraf/money"
	"sarraf/wallet"
)

// plainJSON is v as the door's other answers are encoded.
func plainJSON(t interface{ Fatal(...any) }, v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestATransferThatIsAppendedIsTheTransferThatIsEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string) string {
			return rapid.OneOf(rapid.Just(""), rapid.String(), rapid.StringMatching(`[ -~]{0,20}`)).Draw(t, name)
		}
		minor := func(name string) int64 { return rapid.Int64Range(-1<<60, 1<<60).Draw(t, name) }
		tr := wallet.Transfer{
			Owner: text("owner"), ID: text("id"), Number: text("number"), Door: text("door"),
			Kind:     rapid.SampledFrom([]wallet.Movement{wallet.Send, wallet.Payment, wallet.TopUp}).Draw(t, "kind"),
			Receiver: text("receiver"), Invoice: text("invoice"), Amount: minor("amount"), Fee: minor("fee"),
			Currency: rapid.SampledFrom([]money.Currency{"BDT", "JPY", "KWD"}).Draw(t, "currency"), Note: text("note"), Rail: text("rail"),
			RailReference: text("rail reference"), SenderName: text("sender"), SenderNumber: text("sender's number"),
			ReceiverName: text("receiver's name"), ReceiverNumber: text("receiver's number"),
			ReceiverKind: rapid.SampledFrom([]wallet.Kind{"", wallet.Consumer, wallet.Merchant}).Draw(t, "receiver's kind"),
			BalanceAfter: minor("balance"), By: rapid.SampledFrom([]wallet.Right{wallet.Holder, wallet.MerchantKey, wallet.Operator}).Draw(t, "by"),
			At: time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "at")).UTC(),
		}
		balance := rapid.Bool().Draw(t, "with its balance")
		if got, want := string(appendTransfer(nil, &tr, balance)), plainJSON(t, transferOf(tr, balance)); got != want {
			t.Fatalf("appended\n%s\nencoded\n%s", got, want)
		}
	})
}
