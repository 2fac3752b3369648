package deshipay

import (
	"testing"

	"sarraf/wallet"
)

type plainPictures struct{ Pictures }

func (plainPictures) AvatarURL(wallet.Wallet) string { return "" }

func TestTheHistoryTellsWithdrawalsAndTheirReturns(t *testing.T) {
	d := &Dialect{Deps: Deps{Pictures: plainPictures{}}}
	for account, want := range map[string]string{"+8801712345678": "+88017*****678", "123456789/0012345678": ""} {
		out := d.transactionOf(wallet.Line{Moved: 107_00, Balance: 893_00, Transfer: wallet.Transfer{
			Kind: wallet.Withdrawal, Amount: 100_00, Fee: 7_00, Currency: "BDT", ReceiverName: "Salma", ReceiverNumber: account,
		}}, "")
		if out.Type != "withdrawal" || out.Direction != outgoing || out.Total != taka(107_00) || out.Fee != taka(7_00) || out.Counterpart == nil ||
			out.Counterpart.Name != "Salma" || out.Counterpart.MobileNumber != want || out.InvoiceID != nil {
			t.Errorf("%s: %+v, %+v", account, out, out.Counterpart)
		}
	}
	back := d.transactionOf(wallet.Line{In: true, Moved: 107_00, Balance: 1000_00, Transfer: wallet.Transfer{
		Owner: "w", Receiver: "w", Kind: wallet.Return, Amount: 107_00, Currency: "BDT", SenderName: "Salma",
	}}, "")
	if back.Type != "return" || back.Direction != incoming || back.Amount != taka(107_00) || back.Fee != taka(0) || back.Counterpart != nil {
		t.Errorf("%+v", back)
	}
}
