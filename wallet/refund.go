package wallet

import (
	"context"
	"fmt"
	"time"

	"sarraf/event"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

// Refund is the movement of money that a merchant gives back to a wallet that paid its invoice. It is no spending of a wallet's: it has no
// rule, no fee and no limits, and counts to none. Its transfer lies with the merchant, who sends it; Invoice is what had been paid.
const Refund Movement = "refund"

const (
	moveRefund               = "wallet.refund"   // what the rail wallet owes a merchant -> wallet
	EventRefunded event.Type = "wallet.refunded" // tells of a Refund, to the merchant that gave it
)

// RefundNew is money that goes back into a wallet.
type RefundNew struct {
	ID       string             // of the refund, and of the transfer that it makes
	Number   string             // of its receipt, from NextNumber; "" for none
	Door     string             // the front door it was asked for at
	Payee    *merchant.Merchant // whose invoice it was
	Wallet   string             // that paid
	Invoice  string
	Amount   money.Amount
	Note     string // why
	By       Right
	Actor    string // who asked
	At       time.Time
	transfer *Transfer
}

// Refunds reads what the refunds need. In a transaction of another noun's, it comes after the locks of invoices and before those of accounts. A
// wallet gets back what it paid whatever its status is: it is the holder's money, and nobody can spend it from a wallet that is not approved.
func Refunds(ctx context.Context, tx *store.Tx, list []*RefundNew) error {
	have := newHouse()
	owners := make([]string, len(list))
	for i, r := range list {
		owners[i] = r.Wallet
	}
	have.walletsLater(tx, owners)
	if err := tx.Flush(ctx); err != nil {
		return err
	}
	for _, r := range list {
		w := have.wallets[r.Wallet]
		if w == nil {
			return fmt.Errorf("wallet: %q, which is to get refund %s, is not there", r.Wallet, r.ID)
		}
		r.transfer = &Transfer{
			Owner: r.Payee.Owner, ID: r.ID, Number: r.Number, Door: r.Door, Kind: Refund, Merchant: r.Payee.Owner, Receiver: w.Owner,
			ReceiverMerchant: w.Merchant, Invoice: r.Invoice, Amount: r.Amount.Minor, Currency: r.Amount.Currency, Note: r.Note,
			SenderName: r.Payee.Name, ReceiverName: w.Name, ReceiverNumber: w.Number, ReceiverKind: w.Kind, By: r.By, Actor: r.Actor,
			At: r.At.UTC().Truncate(time.Microsecond),
		}
	}
	return nil
}

// RefundMove is the id of the ledger's transfer into the wallet: that of the refund itself is the merchant's.
func RefundMove(id string) string { return id + ".wallet" }

// Op is the move of money into the wallet, out of what the rail wallet owes the merchant.
func (r *RefundNew) Op() ledger.Op {
	return ledger.Transfer{
		ID: RefundMove(r.ID), From: Clearing(r.Payee.Owner, r.Amount.Currency), To: account(r.Wallet, r.Amount.Currency), Amount: r.Amount.Minor,
		Kind: moveRefund, Subject: r.ID,
	}
}

// Record queues the row of what Op has moved, and answers the events that tell of it, which are to be written last.
func (r *RefundNew) Record(tx *store.Tx, after ledger.After) ([]event.New, error) {
	t := r.transfer
	t.BalanceAfter = after.To
	tx.LaterRows(bulkInsertTransfers, t.args(""), nil)
	if t.Number != "" {
		tx.PutAliases([]store.Alias{{Value: t.Number, Kind: ReceiptAlias, Owner: t.Owner, ID: t.ID}})
	}
	return t.events()
}

// PayersOf answers which wallets made the payments of the merchant's invoices, by the payment's id; one that no wallet made is absent.
func PayersOf(ctx context.Context, tx *store.Tx, owner string, payments []string) (map[string]string, error) {
	args := make([]any, 0, 2*len(payments))
	for _, id := range payments {
		args = append(args, id, owner)
	}
	found := map[string]string{}
	err := tx.QueryRows(ctx, bulkPayers, args, func(r store.Row) error {
		var id, payer string
		err := r.Scan(&id, &payer)
		found[id] = payer
		return err
	})
	return found, err
}

// StreamOfRefunds walks the transfers that gave money back, by owner and id: each has a refund with its id.
func StreamOfRefunds(ctx context.Context, tx *store.Tx) *store.Stream[Transfer] {
	return store.NewStream(ctx, tx, sqlOfRefunds, nil, func(r store.Row) (Transfer, error) {
		t, err := scanRow(r)
		return t.Transfer, err
	})
}

// Holder is with whose wallet the transfer is shown, in its zone and mode: the wallet that sent it, or got it from elsewhere.
func (t Transfer) Holder() string {
	if t.Kind == Refund {
		return t.Receiver
	}
	return t.Owner
}
