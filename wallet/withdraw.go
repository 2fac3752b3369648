package wallet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/ledger"
	"sarraf/money"
	"sarraf/store"
)

// Out is where the money of a withdrawal goes: with it set, a Spend takes amount and fee out of the wallet into the holder's withdrawals
// account, from where the payout that it is for moves them on. Who judges such a Spend makes the payout in the same transaction.
type Out struct {
	Payout  string // the payout's id, unique: a wallet is debited for it once
	Name    string // of who gets the money, as the statement calls them
	Account string // theirs, as the payout's method has it: a telephone number, an IBAN, a bank's number and an account's
}

// The rails of what goes out to a payout and comes back from it. The reference of both is the payout's id, so that the database has
// one of each for a payout at most.
const (
	PayoutRail = "payout"
	ReturnRail = "return"
)

// errOnlyWithPayout says that a withdrawal was asked for without its payout, which is a mistake of the program.
var errOnlyWithPayout = errors.New("wallet: a withdrawal is made with its payout, in one transaction")

// Withdrawals is what a wallet's holder has taken out and has not got outside yet. All that is on it is held by payouts.
func Withdrawals(owner string, c money.Currency) ledger.Account {
	return ledger.Account{Owner: owner, Currency: c, Kind: ledger.Withdrawals}
}

// over is the rail of what comes from outside or goes there, and that one's name for it; "" for what stays in the house.
func (sp *Spend) over() (rail, reference string) {
	if sp.Out != nil {
		return PayoutRail, sp.Out.Payout
	}
	return sp.rail, sp.reference
}

// Purse is the wallet that the Spend would take money from, as it stands under its lock, or a fault WalletMissing: there is none, or whose key asks
// is not its merchant.
func (l *Slice) Purse(sp *Spend) (Wallet, error) {
	w := l.house.wallets[sp.Sender]
	if w == nil {
		return Wallet{}, fault.New(fault.WalletMissing)
	}
	return w.Wallet, sp.MayUse(w.Wallet)
}

// MayUse answers a fault WalletMissing where a merchant's key asks for a wallet that is not that merchant's.
func (sp *Spend) MayUse(w Wallet) error {
	if sp.By == MerchantKey && (sp.Merchant == "" || w.Merchant != sp.Merchant) {
		return fault.New(fault.WalletMissing)
	}
	return nil
}

// Back asks that a withdrawal come back, with its fee, since its payout was rejected or cancelled.
type Back struct {
	Wallet, Withdrawal string // the wallet, and the id of the withdrawal's transfer
	At                 time.Time
}

// Returns are withdrawals on their way back within one transaction: read together, then carried out with their payouts' own moves of money,
// each alone.
type Returns struct {
	tx    *store.Tx
	house *house
	list  []Back
	was   []Transfer // the withdrawals
	made  []Transfer
}

// LoadReturns locks the wallets' states, in the order of their keys, and reads the withdrawals. It comes after the locks of payouts and before those
// of accounts. A withdrawal that there is not is an error, and no fault: payouts know theirs.
func (s *Service) LoadReturns(ctx context.Context, tx *store.Tx, list []Back) (*Returns, error) {
	r := &Returns{tx: tx, house: newHouse(), list: list, was: make([]Transfer, len(list)), made: make([]Transfer, len(list))}
	owners, keys := make([]string, len(list)), make([]any, 0, 2*len(list))
	for i, b := range list {
		owners[i], keys = b.Wallet, append(keys, b.Wallet, b.Withdrawal)
	}
	r.house.lockLater(tx, owners)
	r.house.walletsLater(tx, owners)
	found := map[[2]string]*Transfer{}
	err := tx.QueryRows(ctx, bulkTransfers, keys, func(row store.Row) error {
		t, _, err := scanTransfer(row)
		found[[2]string{t.Owner, t.ID}] = &t
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, b := range list {
		t := found[[2]string{b.Wallet, b.Withdrawal}]
		if t == nil || t.Kind != Withdrawal || r.house.states[b.Wallet] == nil || r.house.wallets[b.Wallet] == nil {
			return nil, fmt.Errorf("wallet: there is no withdrawal %s of wallet %q that could come back", b.Withdrawal, b.Wallet)
		}
		r.was[i] = *t
		r.made[i] = t.back(id.New(s.clock), b)
	}
	return r, nil
}

// back is the row of a withdrawal's return: what left the wallet comes back whole, whatever the wallet's status is now, and is told to whom the
// withdrawal was told.
func (t *Transfer) back(id string, b Back) Transfer {
	return Transfer{
		Owner: t.Owner, ID: id, Door: t.Door, Kind: Return, Merchant: t.Merchant, Receiver: t.Owner, ReceiverMerchant: t.Merchant, Amount: t.Total(),
		Currency: t.Currency, Rail: ReturnRail, RailReference: t.RailReference, SenderName: t.ReceiverName, SenderNumber: t.ReceiverNumber,
		ReceiverName: t.SenderName, ReceiverNumber: t.SenderNumber, At: b.At.UTC().Truncate(time.Microsecond),
	}
}

// Op is the move of money that the i-th return makes. It goes after what frees the money on the withdrawals account, in one command with it.
func (r *Returns) Op(i int) ledger.Op {
	t := &r.made[i]
	return ledger.Transfer{
		ID: t.ID, From: Withdrawals(t.Owner, t.Currency), To: account(t.Owner, t.Currency), Amount: t.Amount, Kind: moveReturn, Subject: t.ID,
	}
}

// Done writes down the i-th return, whose Op left so much, and answers the events that tell of it. What was counted of the limits when the money
// was withdrawn is given back, unless that day or month is over.
func (r *Returns) Done(i int, after ledger.After) ([]event.New, error) {
	t, was := &r.made[i], &r.was[i]
	t.BalanceAfter = after.To
	r.tx.LaterRows(bulkInsertTransfers, t.args(""), nil)
	st := r.house.states[t.Owner]
	if st.used.giveBack(was, r.house.wallets[t.Owner].Zone) {
		st.changed = true
		r.house.recordStates(r.tx)
		st.changed = false
	}
	return t.events()
}

// giveBack takes a withdrawal that came to nothing out of what is counted, and reports whether it was.
func (u used) giveBack(t *Transfer, zone string) bool {
	have := u[string(t.Currency)+"/"+string(t.Kind)]
	if have == nil {
		return false
	}
	day, month := dayOf(t.At, zone)
	if have.Day == day {
		have.DaySum -= min(t.Amount, have.DaySum)
	}
	if have.Month == month {
		have.MonthSum -= min(t.Amount, have.MonthSum)
	}
	return have.Month == month
}
