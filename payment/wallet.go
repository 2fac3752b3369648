package payment

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"sarraf/ledger"
	"sarraf/rail"
	"sarraf/store"
	"sarraf/wallet"
)

// errNoWallets says that the program was put together without wallets.
var errNoWallets = errors.New("payment: invoices are not paid from wallets here")

// settleFromWallet is Settle of a receipt whose money is in a wallet here.
func (s *Service) settleFromWallet(ctx context.Context, r Receipt, key *store.Key) (Settled, error) {
	if s.wallets == nil {
		return Settled{}, errNoWallets
	}
	r, err := fromWallet(r)
	if err != nil {
		return Settled{}, err
	}
	return s.fromWallets.Do(ctx, r.Owner, key, r)
}

// fromWallet is the receipt with all that follows from its having a Spend.
func fromWallet(r Receipt) (Receipt, error) {
	if r.Spend.Payee == nil || r.Outcome != rail.Accepted {
		return r, errors.New("payment: a wallet pays a merchant, or does not")
	}
	sp := *r.Spend
	sp.ID, sp.Receiver, sp.Invoice, sp.Amount = r.ID, r.Owner, r.Invoice, r.Amount
	sp.Enter(r.At)
	r.Spend, r.Rail, r.Refuse, r.RailReference = &sp, wallet.Rail, true, cmp.Or(sp.Number, r.ID)
	return r, nil
}

// walletSlice settles receipts whose payers pay from wallets: what the invoice takes, what the wallet may give, its debit and the
// settlement. Locked are the invoices, then the wallets, then the accounts.
func (s *Service) walletSlice(ctx context.Context, tx *store.Tx, list []Receipt) ([]store.Outcome[Settled], error) {
	have, err := read(ctx, tx, list)
	if err != nil {
		return nil, err
	}
	spends := make([]wallet.Spend, len(list))
	for i, r := range list {
		spends[i] = *r.Spend
	}
	purses, err := s.wallets.Load(ctx, tx, spends)
	if err != nil {
		return nil, err
	}
	accounts := make([]ledger.Account, 0, 5*len(list))
	for i, r := range list {
		accounts = append(accounts, purses.Accounts(&spends[i])...)
		for _, kind := range []string{ledger.Clearing(r.Rail), ledger.Balance, ledger.Fees} {
			accounts = append(accounts, ledger.Account{Owner: r.Owner, Currency: r.Amount.Currency, Kind: kind})
		}
	}
	books, err := ledger.Open(ctx, tx, accounts)
	if err != nil {
		return nil, err
	}
	out, done, err := have.decide(list, func(place int, j judged) error {
		sent, err := purses.Judge(books, &spends[place], s.transfers(j.payment))
		if err == nil && sent.Replay {
			return fmt.Errorf("payment: transfer %s of wallet %s is there, and its payment is not", sent.Transfer.ID, sent.Transfer.Owner)
		}
		if err == nil {
			j.payment.At = sent.Transfer.At // the wallet may date it in the day that it counts to
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := books.Record(ctx, tx); err != nil {
		return nil, err
	}
	others, err := purses.Record(tx)
	if err != nil {
		return nil, err
	}
	return out, s.write(ctx, tx, done, others)
}
