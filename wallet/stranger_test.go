package wallet_test

import (
	"testing"
	"time"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/wallet"
)

// Where nobody has signed in, whoever does not know the PIN learns nothing by trying: not what the wallet may, has or is, nor whether it is there.
func TestAStrangerIsToldOfThePINAlone(t *testing.T) {
	each(t, func(h *house) {
		to := h.made(wallet.Merchant)
		rich, poor := h.rich(wallet.Consumer, 100_00), h.made(wallet.Consumer)
		off := h.made(wallet.Consumer, func(n *wallet.New) { n.Status = wallet.Suspended })
		live := h.made(wallet.Consumer, func(n *wallet.New) { n.Sandbox = false })
		nobody := wallet.Wallet{Owner: id.New(h.clock)}
		shop := &merchant.Merchant{Owner: id.New(h.clock), Name: "Shop", Mode: merchant.Sandbox}
		for _, c := range []struct {
			from  wallet.Wallet
			minor int64
			pin   string
			want  fault.Code
		}{
			{rich, 0, "0000", fault.AmountNotPositive}, // that is about the request
			{rich, 10_00, "0000", fault.PINWrong},
			{rich, 1_000_00, "0000", fault.PINWrong},
			{rich, 1_000_000_00, "0000", fault.PINWrong},
			{poor, 10_00, "0000", fault.PINWrong},
			{off, 10_00, "0000", fault.PINWrong},
			{nobody, 10_00, "0000", fault.PINWrong},
			{nobody, 10_00, "000", fault.PINMalformed},
			{rich, 10_00, "000", fault.PINMalformed},
			{rich, 1_000_00, "1234", fault.BalanceInsufficient},
			{rich, 1_000_000_00, "1234", fault.AmountAboveLimit},
			{off, 10_00, "1234", fault.SenderNotApproved},
			{rich, 10_00, "1234", ""},
		} {
			sp := h.spending(c.from, to, c.minor)
			sp.PIN, sp.Stranger = &c.pin, true
			h.spend(sp, c.want)
		}
		h.holds(rich, 90_00)
		// Of money for the other mode, nobody is told that it is there: whatever the PIN.
		sp := h.spending(live, to, 10_00)
		sp.Stranger, sp.Payee, sp.Receiver, sp.Invoice = true, shop, shop.Owner, "i"
		h.spend(sp, fault.PINWrong)
		sp.PIN = nil
		h.spend(sp, fault.FieldRequired)
		// What was refused after a right PIN has ended the count.
		for range 2 {
			for range 4 {
				wrong := "0000"
				sp := h.spending(rich, to, 10_00)
				sp.PIN, sp.Stranger = &wrong, true
				h.spend(sp, fault.PINWrong)
			}
			right := h.spending(rich, to, 500_00)
			right.Stranger = true
			h.spend(right, fault.BalanceInsufficient)
		}
	})
}

func TestAFeeAboveWhatWasSeenIsNotTaken(t *testing.T) {
	each(t, func(h *house) {
		from, to := h.rich(wallet.Consumer, 100_00), h.made(wallet.Merchant)
		rule := wallet.Rule{Fee: money.Schedule{Flat: 2_00}}
		if err := h.SetRule(t.Context(), by, from.Owner, "BDT", wallet.Payment, &rule); err != nil {
			t.Fatal(err)
		}
		for seen, want := range map[int64]fault.Code{0: fault.AmountMismatch, 1_99: fault.AmountMismatch, 2_00: "", 5_00: ""} {
			sp := h.spending(from, to, 10_00)
			sp.MostFee = &seen
			sent := h.spend(sp, want)
			if want == "" && sent.Transfer.Fee != 2_00 {
				t.Errorf("seen %d: %+v", seen, sent.Transfer)
			}
			wrong := "0000"
			sp.ID, sp.PIN = id.New(h.clock), &wrong
			h.spend(sp, fault.PINWrong) // before the fee is told
			h.clock.Advance(time.Second)
		}
		h.holds(from, 76_00)
	})
}
