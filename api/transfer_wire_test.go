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
			Kind:     rapid.SampledFrom([]wallet.Movement{wallet.Send, wallet.Payment, wallet.TopUp, wallet.Withdrawal, wallet.Return}).Draw(t, "kind"),
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

func TestAWithdrawalAndItsReturnAreToldWithoutAnotherWallet(t *testing.T) {
	out := wallet.Transfer{
		Owner: "w", ID: "t", Door: "native", Kind: wallet.Withdrawal, Amount: 100_00, Fee: 7_00, Currency: "BDT", Rail: wallet.PayoutRail, RailReference: "p",
		SenderName: "John", SenderNumber: "+8801712345678", ReceiverName: "Salma", ReceiverNumber: "123456789/0012345678", BalanceAfter: 893_00, By: wallet.MerchantKey,
		At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
	want := `{"id":"t","kind":"withdrawal","door":"native","sender":{"wallet":"w","name":"John","mobile_number":"+8801712345678"},"receiver":{"name":"Salma"},` +
		`"amount":"100.00","fee":"7.00","total":"107.00","currency":"BDT","rail":"payout","rail_reference":"p","balance_after":"893.00","by":"merchant",` +
		`"at":"2026-03-01T12:00:00Z"}`
	if got := string(appendTransfer(nil, &out, true)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	back := out
	back.Kind, back.Receiver, back.Amount, back.Fee, back.Rail, back.By = wallet.Return, "w", 107_00, 0, wallet.ReturnRail, wallet.Holder
	back.SenderName, back.SenderNumber, back.ReceiverName, back.ReceiverNumber = out.ReceiverName, out.ReceiverNumber, out.SenderName, out.SenderNumber
	want = `{"number":3,"transfer":"t","kind":"return","direction":"in","amount":"107.00","fee":"0.00","balance":"1000.00","currency":"BDT",` +
		`"at":"2026-03-01T12:00:00Z"}`
	if got := plainJSON(t, lineOf(wallet.Line{Transfer: back, In: true, Moved: 107_00, Balance: 1000_00, Seq: 3})); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
