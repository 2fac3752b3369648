package dialecttest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/phone"
	"sarraf/wallet"
)

// PIN is that of every wallet that Wallets makes, and WrongPIN is that of none.
const (
	PIN      = "1235"
	WrongPIN = "9999"
)

// Opening is what the sender of a story begins with, in paisa: the balance that DeshiPay's guide begins with.
const Opening = 122_115_14

// Wallets makes wallets for stories, with numbers that no other has.
type Wallets struct {
	Service *wallet.Service
	clock   clock.Clock
}

// NewWallets makes wallets of the service; c is the clock of its database.
func NewWallets(s *wallet.Service, c clock.Clock) Wallets { return Wallets{s, c} }

// numbers number the telephones of the tests.
var numbers atomic.Int64

// NextMobile is the number of a telephone in Bangladesh that nobody has had in this process.
func NextMobile() string { return fmt.Sprintf("+88019%08d", numbers.Add(1)) }

// Make makes a sandbox wallet in taka for Dhaka, with PIN; what the caller has set of it stays.
func (s Wallets) Make(t testing.TB, w wallet.Wallet) wallet.Wallet {
	t.Helper()
	w.Sandbox, w.Currencies, w.Zone = true, []money.Currency{money.BDT}, "Asia/Dhaka"
	if w.Status == "" {
		w.Status = wallet.Approved
	}
	if w.Kind == "" {
		w.Kind = wallet.Consumer
	}
	if w.Number == "" {
		w.Number = NextMobile()
	}
	made, err := s.Service.Create(t.Context(), By, wallet.New{Wallet: w, PIN: PIN}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Fill puts paisa into a wallet, as an operator does.
func (s Wallets) Fill(t testing.TB, w wallet.Wallet, minor int64) {
	t.Helper()
	transfer := id.New(s.clock)
	_, err := s.Service.TopUp(t.Context(), wallet.TopUpNew{
		ID: transfer, Door: "command", Wallet: w.Owner, Amount: money.Of(minor, money.BDT), Rail: wallet.OperatorRail, Reference: transfer,
		By: wallet.Operator, Actor: "test",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// Cast makes those who take part in a story: a sender with Opening, a friend without money, a shop of the merchant with the owner. Their
// numbers are the story's values sender, friend and merchant, with sender_masked and friend_masked; new and nobody are nobody's numbers,
// new_spelled is new as it is dialled.
func (s Wallets) Cast(t testing.TB, owner string) map[string]string {
	t.Helper()
	sender := s.Make(t, wallet.Wallet{Name: "Rahim Uddin"})
	s.Fill(t, sender, Opening)
	friend := s.Make(t, wallet.Wallet{Name: "John Smith", Email: "john@example.com", Address: "Home / Holding: 115/24, Dhaka"})
	shop := s.Make(t, wallet.Wallet{Name: "SHARE & TRIP", Kind: wallet.Merchant, Merchant: owner})
	fresh := NextMobile()
	return map[string]string{
		"sender": sender.Number, "friend": friend.Number, "merchant": shop.Number, "pin": PIN, "wrong_pin": WrongPIN, "email": friend.Email,
		"sender_masked": phone.Number(sender.Number).Mask(), "friend_masked": phone.Number(friend.Number).Mask(),
		"new": fresh, "new_spelled": "0" + strings.TrimPrefix(fresh, "+880"), "nobody": NextMobile(),
		"MOBILE": sender.Number, "PIN": PIN, "MERCHANT": shop.Number, "FRIEND": friend.Number,
	}
}

// Actions are what an operator does in a story: pend has the wallet with a number wait for approval, revoke ends its QR codes.
func (s Wallets) Actions() map[string]Action {
	act := func(do func(ctx context.Context, by merchant.Actor, owner string) error) Action {
		return func(ctx context.Context, args []string, _ string) (Answer, error) {
			w, err := s.Service.ByNumber(ctx, args[0])
			if err != nil {
				return Answer{}, err
			}
			return Answer{Status: http.StatusOK}, do(ctx, By, w.Owner)
		}
	}
	return map[string]Action{
		"pend": act(func(ctx context.Context, by merchant.Actor, owner string) error {
			_, err := s.Service.SetStatus(ctx, by, owner, wallet.Pending)
			return err
		}),
		"revoke": act(func(ctx context.Context, by merchant.Actor, owner string) error {
			_, err := s.Service.RevokeQR(ctx, by, owner)
			return err
		}),
	}
}
