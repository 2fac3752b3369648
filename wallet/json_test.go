package wallet

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sarraf/money"
)

func TestAFactIsWrittenAsEncodingJSONWritesIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string) string {
			return rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[ -~]{0,12}`), rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string {
				return string(b)
			}), rapid.SampledFrom([]string{"রহিম", "a\u2028b", "<&>", "\x7f", `"\`, "\x00\b\f\n\r\t"})).Draw(t, name)
		}
		f := Fact{Transfer{
			Owner: text("owner"), ID: text("id"), Number: text("number"), Door: text("door"), Kind: Movement(text("kind")), Merchant: text("merchant"),
			Receiver: text("receiver"), ReceiverMerchant: text("receiver's merchant"), Invoice: text("invoice"), Amount: rapid.Int64().Draw(t, "amount"),
			Fee: rapid.Int64().Draw(t, "fee"), Currency: money.Currency(text("currency")), Note: text("note"), Rail: text("rail"),
			RailReference: text("reference"), SenderName: text("sender"), SenderNumber: text("number"), ReceiverName: text("receiver"),
			ReceiverNumber: text("number"), ReceiverKind: Kind(text("kind")), BalanceAfter: rapid.Int64().Draw(t, "balance"), By: Right(text("by")),
			Actor: text("actor"), At: time.UnixMicro(rapid.Int64Range(-1<<57, 1<<58).Draw(t, "at")).UTC(),
		}}
		want, err1 := json.Marshal(f)
		got, err2 := f.Transfer.fact()
		if string(got) != string(want) || (err1 == nil) != (err2 == nil) {
			t.Fatalf("%s, %v\nwant %s, %v", got, err2, want, err1)
		}
	})
}

func TestEveryFieldOfAFactIsWritten(t *testing.T) {
	f := Fact{Transfer{
		"owner", "id", "number", "door", "kind", "merchant", "receiver", "receiver merchant", "invoice", 1, 2, "BDT", "note", "rail", "reference", "sender",
		"+1", "receiver", "+2", "consumer", 3, "operator", "actor", time.Date(2026, 2, 19, 0, 0, 0, 0, time.UTC),
	}}
	want, err := json.Marshal(f)
	got, err2 := f.Transfer.fact()
	if string(got) != string(want) || err != nil || err2 != nil {
		t.Errorf("%s, %v\nwant %s, %v", got, err2, want, err)
	}
}

func TestWhatIsUsedIsWrittenAsEncodingJSONWritesIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64()
		u := used(rapid.MapOf(rapid.OneOf(rapid.SampledFrom([]string{"BDT/send", "BDT/payment", "PKR/topup"}), rapid.String()), rapid.Custom(func(t *rapid.T) *spent {
			return &spent{n.Draw(t, "day"), n.Draw(t, "sum"), n.Draw(t, "month"), n.Draw(t, "sum")}
		})).Draw(t, "used"))
		want, err := json.Marshal(u)
		if err != nil || u.text() != string(want) {
			t.Fatalf("%s, want %s: %v", u.text(), want, err)
		}
		var plain used
		if err := json.Unmarshal(want, &plain); err != nil {
			t.Fatal(err)
		}
		back, err := parseUsed(u.text())
		if diff := cmp.Diff(plain, back); diff != "" || err != nil {
			t.Fatalf("%v: %s", err, diff)
		}
	})
	for _, text := range []string{"", "{", `{"a":{"d":1}`, `{"a":{"d":x,"a":1,"m":1,"b":1}}`, `{"a":{"d":1,"a":1,"m":1,"b":1}},`, "[]", `{"a":1}`} {
		if u, err := parseUsed(text); err == nil {
			t.Errorf("%s is read as %v", text, u)
		}
	}
	if u, err := parseUsed(` { "BDT/send" : {"a":2, "d":1} } `); err != nil || u["BDT/send"] == nil || *u["BDT/send"] != (spent{Day: 1, DaySum: 2}) {
		t.Errorf("%v, %v", u, err)
	}
}
