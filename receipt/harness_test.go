package receipt

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/internal/keyring"
	"sarraf/wallet"
)

// house is the pages over wallets that a test has laid out.
type house struct {
	*Pages
	http.Handler
	wallets   map[string]wallet.Wallet
	transfers map[string]wallet.Transfer
	down      error // what the wallets answer to everything
	asked     int   // how often they were asked for a transfer
}

func (h *house) Get(_ context.Context, owner string) (wallet.Wallet, error) {
	w, ok := h.wallets[owner]
	if !ok {
		return w, fault.New(fault.WalletMissing)
	}
	return w, nil
}

func (h *house) OfNumber(_ context.Context, number string) (wallet.Transfer, error) {
	h.asked++
	if h.down != nil {
		return wallet.Transfer{}, h.down
	}
	t, ok := h.transfers[number]
	if !ok {
		return t, fault.New(fault.TransferMissing)
	}
	return t, nil
}

func ring(t testing.TB, letters string) *keyring.Keyring {
	t.Helper()
	var list []string
	for _, c := range letters {
		list = append(list, base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(c), 32))))
	}
	k, err := keyring.Parse(strings.Join(list, ","))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const publicURL = "https://pay.example.com"

// newHouse is a house with the master keys, and the receipts of stories.
func newHouse(t testing.TB, letters string, change ...func(*Deps)) *house {
	t.Helper()
	h := &house{wallets: map[string]wallet.Wallet{}, transfers: map[string]wallet.Transfer{}}
	d := Deps{Wallets: h, Keys: ring(t, letters), PublicURL: publicURL + "/", Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&d)
	}
	h.Pages = New(d)
	mux, err := httpx.NewMux(httpx.Options{}, h.HTTP())
	if err != nil {
		t.Fatal(err)
	}
	h.Handler = mux
	for _, s := range stories() {
		h.wallets[s.holder.Owner] = s.holder
		h.transfers[s.Number] = s.Transfer
	}
	return h
}

// story is a transfer, and the wallet that it lies with.
type story struct {
	wallet.Transfer
	holder wallet.Wallet
	name   string
}

// stories are receipts of every kind: the guide's own, the long, the scripts.
func stories() []story {
	at := time.Date(2025, 2, 19, 5, 33, 5, 123456000, time.UTC)
	dhaka := wallet.Wallet{Owner: "01952b6c-6a80-7f00-8a00-00000000000a", Kind: wallet.Consumer, Name: "John Smith", Zone: "Asia/Dhaka"}
	test := dhaka
	test.Owner, test.Sandbox = "01952b6c-6a80-7f00-8a00-00000000000b", true
	shop := wallet.Wallet{Owner: "01952b6c-6a80-7f00-8a00-00000000000c", Kind: wallet.Merchant, Name: "SHARE & TRIP", Zone: "Asia/Karachi"}
	base := wallet.Transfer{
		Owner: dhaka.Owner, ID: "01952b6c-6a80-7f00-8a00-000000000001", Number: "AZCTL8S942", Kind: wallet.Payment, Amount: 1000, Currency: "BDT",
		SenderName: "John Smith", SenderNumber: "+8801712345678", ReceiverName: "SHARE & TRIP", ReceiverNumber: "+8801812345678",
		ReceiverKind: wallet.Merchant, BalanceAfter: 12210514, At: at,
	}
	with := func(name, number string, holder wallet.Wallet, change func(*wallet.Transfer)) story {
		t := base
		t.Number, t.Owner = number, holder.Owner
		if change != nil {
			change(&t)
		}
		return story{t, holder, name}
	}
	return []story{
		with("payment", "AZCTL8S942", dhaka, nil),
		with("send", "BZCTN2X942", dhaka, func(t *wallet.Transfer) {
			t.Kind, t.Fee, t.Note, t.ReceiverKind, t.ReceiverName = wallet.Send, 500, "Test execute", wallet.Consumer, "Jane Doe"
		}),
		with("test", "T000000001", test, nil),
		with("topup", "TOPUP00001", test, func(t *wallet.Transfer) {
			t.Kind, t.Rail, t.RailReference, t.Receiver, t.ReceiverKind = wallet.TopUp, "sandbox", "R-1", test.Owner, wallet.Consumer
			t.ReceiverName, t.ReceiverNumber = "John Smith", "+8801712345678"
		}),
		with("bengali", "BENGALI001", dhaka, func(t *wallet.Transfer) {
			t.Kind, t.ReceiverKind = wallet.Send, wallet.Consumer
			t.SenderName, t.ReceiverName, t.Note = "রহিম উদ্দিন চৌধুরী", "মোহাম্মদ আব্দুর রহমান", "ঈদের উপহার, ভালো থেকো"
		}),
		with("urdu", "URDU000001", shop, func(t *wallet.Transfer) {
			t.SenderName, t.SenderNumber, t.ReceiverName, t.ReceiverNumber = "شیئر اینڈ ٹرپ", "+923001234567", "محمد علی کتب خانہ", "+923007654321"
			t.Currency, t.Amount, t.Note = "PKR", 123456789, "کتابیں \u202eاور\u202c قلم"
		}),
		with("long", "LONG000001", dhaka, func(t *wallet.Transfer) {
			t.SenderName = strings.Repeat("Wolfeschlegelsteinhausenbergerdorff ", 4)
			t.ReceiverName = strings.Repeat("আন্তর্জাতিকপ্রতিষ্ঠান", 5)
			t.Note = strings.Repeat("A note that goes on and on <b>&amp;</b> ", 8) + "\nand has a second line"
			t.Amount, t.Fee = 1<<62, 1<<61
		}),
		with("yen", "YEN0000001", shop, func(t *wallet.Transfer) { t.Currency, t.Amount, t.Fee = "JPY", 1500, 3 }),
		with("refund", "REFUND0001", dhaka, func(t *wallet.Transfer) {
			t.Kind, t.Owner, t.Receiver, t.ReceiverKind = wallet.Refund, "01952b6c-6a80-7f00-8a00-00000000000d", dhaka.Owner, wallet.Consumer
			t.SenderName, t.SenderNumber, t.ReceiverName, t.ReceiverNumber = "SHARE & TRIP", "", "John Smith", "+8801712345678"
			t.Note = "One ticket less"
		}),
	}
}

func (h *house) get(path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// text is the signed text of a story.
func (h *house) text(t testing.TB, s story) string {
	t.Helper()
	text, err := h.signer.Sign(fieldsOf(s.Transfer, s.holder))
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	return text
}
