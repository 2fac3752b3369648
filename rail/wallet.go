package rail

import (
	"context"

	"sarraf/money"
)

// Wallets is the core as a rail sees it that takes money out of the wallets that are kept here.
type Wallets interface {
	// WalletFee is what the holder of a wallet is charged on top of a payment to the merchant, by the house's schedule: a wallet may have
	// one of its own.
	WalletFee(ctx context.Context, owner string, a money.Amount) (money.Amount, error)
	// PayFromWallet pays an invoice from a wallet: PIN and its count, limits, balance, the wallet's debit and the invoice's settlement are
	// decided and recorded in one transaction. Its rules, in this order:
	//   - an ID that was recorded before: the first receipt again, and nothing moves;
	//   - the merchant is shut out, or wallets may not pay it: PermissionMissing;
	//   - there is no such invoice: InvoiceMissing; it takes no money any more: InvoiceClosed with status; something else than Amount is
	//     due: AmountMismatch on amount with due;
	//   - the number has no wallet, or one of the other mode, or the PIN is wrong: PINWrong, never told apart. PINMalformed and PINLocked
	//     (retry_after: seconds) are those of the wallet. Whoever does not know the PIN learns nothing of what follows;
	//   - the wallet is not approved: SenderNotApproved; it has not the currency: CurrencyUnknown; limits: AmountBelowLimit and its kin;
	//     money: BalanceInsufficient;
	//   - it would cost more than Amount and Fee: AmountMismatch on fee with due.
	// A refusal leaves the invoice as it was. The very same payment again, refused or not, is answered as before, and counts no second
	// wrong PIN.
	PayFromWallet(ctx context.Context, p WalletPayment) (WalletReceipt, error)
}

// WalletPayment is what the holder of a wallet asks for.
type WalletPayment struct {
	ID      string // of the payment it makes, a UUIDv7
	Owner   string // of the invoice
	Invoice string
	Amount  money.Amount // what is to be paid of the invoice: all that is due
	Fee     int64        // what the payer has been told to come on top, minor units
	Number  string       // of the wallet, E.164
	PIN     string
}

// WalletReceipt is the answer to a payment that was made.
type WalletReceipt struct {
	Number string // that the receipt prints and is found by
}
