// Package ledger keeps the books: accounts, transfers between them as two entries each, and holds.
//
// Everything goes through Apply, which takes a slice of commands, judges them one after another against locked balances, and
// writes the outcome in a handful of statements. DESIGN.md beside this file tells how, and why it is safe with several nodes.
package ledger

import (
	"strings"

	"sarraf/money"
)

// Account names an account: so much of one currency, of one kind, of one owner. Its row comes into being with its first accepted
// operation; before that it stands at nothing.
type Account struct {
	Owner    string
	Currency money.Currency
	Kind     string // of the chart below
}

// The chart of accounts. An account's balance is its credits less its debits, for every kind: what a merchant can dispose of is
// positive, what a rail owes for receipts is negative.
const (
	Balance   = "balance"   // what a merchant can dispose of; floor 0
	Unapplied = "unapplied" // money that came for a merchant and may not settle anything; floor 0
	Wallet    = "wallet"    // what a wallet holder can dispose of; floor 0
	Fees      = "fees"      // what the house earned from this owner; floor 0
	Payouts   = "payouts"   // what went out to this owner; no floor
	// Withdrawals is what a wallet holder has taken out of the wallet and has not got outside yet; floor 0.
	Withdrawals = "withdrawals"
)

// Correction is the kind of a transfer that makes good another one; its subject is the id of the transfer it corrects. Entries
// themselves are never changed.
const Correction = "correction"

const (
	clearingPrefix = "clearing/"
	housePrefix    = "house/"
)

// Clearing is the kind of the account of what a rail owes for an owner's receipts; no floor.
func Clearing(rail string) string { return clearingPrefix + rail }

// House is the kind of an account of the house's own, such as its capital; no floor.
func House(name string) string { return housePrefix + name }

// ID is the account's id within its owner: the currency and the kind, as "BDT/balance".
func (a Account) ID() string { return string(a.Currency) + "/" + a.Kind }

// Floor is what the available money of an account of this kind never falls below, in minor units; false when it has no floor.
func Floor(kind string) (int64, bool) {
	switch kind {
	case Balance, Unapplied, Wallet, Fees, Withdrawals:
		return 0, true
	}
	return 0, false
}

// known reports whether the chart has the account: a typing mistake must not open one without a floor.
func (a Account) known() bool {
	if a.Owner == "" || !a.Currency.Known() {
		return false
	}
	switch a.Kind {
	case Balance, Unapplied, Wallet, Fees, Payouts, Withdrawals:
		return true
	}
	name, ok := strings.CutPrefix(a.Kind, clearingPrefix)
	if !ok {
		name, ok = strings.CutPrefix(a.Kind, housePrefix)
	}
	return ok && name != ""
}

// parse is the account with that id; false when no account can have it.
func parse(owner, id string) (Account, bool) {
	currency, kind, _ := strings.Cut(id, "/")
	a := Account{Owner: owner, Currency: money.Currency(currency), Kind: kind}
	return a, a.known()
}
