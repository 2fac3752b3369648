package wallet

import (
	"context"

	"sarraf/fault"
	"sarraf/ledger"
	"sarraf/money"
	"sarraf/store"
)

// Balance is what the wallet can dispose of in the currency; nothing for a wallet that there is not.
func (s *Service) Balance(ctx context.Context, owner string, c money.Currency) (money.Amount, error) {
	f, err := ledger.Read(ctx, s.db, account(owner, c))
	return money.Of(f.Available(), c), err
}

// Transfer answers the transfer with the id that the wallet sent, or a fault TransferMissing.
func (s *Service) Transfer(ctx context.Context, owner, id string) (Transfer, error) {
	found, err := s.transfers(ctx, []any{owner, id})
	if err != nil {
		return Transfer{}, err
	}
	if t := found[[2]string{owner, id}]; t != nil {
		return *t, nil
	}
	return Transfer{}, fault.New(fault.TransferMissing)
}

// OfNumber answers the transfer whose receipt has the number, or a fault TransferMissing.
func (s *Service) OfNumber(ctx context.Context, number string) (Transfer, error) {
	owner, id, err := s.db.ResolveAlias(ctx, ReceiptAlias, number)
	switch {
	case err != nil:
		return Transfer{}, err
	case owner == "":
		return Transfer{}, fault.New(fault.TransferMissing)
	}
	return s.Transfer(ctx, owner, id)
}

// Line is one line of a wallet's statement.
type Line struct {
	Transfer Transfer
	In       bool  // it came into the wallet
	Moved    int64 // by how much the wallet changed, minor units: amount and fee when it went out
	Balance  int64 // what was left
	Seq      int64 // its number in the books, for Page
}

// Page says which part of a statement is wanted: at most Limit lines, those numbered above After and below Before; 0 is no bound.
type Page struct {
	After, Before int64
	Limit         int
}

// Statement answers what came and went in the currency, the newest first; with After and without Before, the first ones above it. A fee is
// told with what it was for.
func (s *Service) Statement(ctx context.Context, owner string, c money.Currency, p Page) ([]Line, error) {
	entries, err := ledger.Newest(ctx, s.db, account(owner, c), ledger.Span{After: p.After, Before: p.Before, Limit: p.Limit, Skip: moveFee})
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	keys := make([]any, 0, 2*len(entries))
	for _, e := range entries {
		keys = append(keys, holder(e), e.Subject)
	}
	found, err := s.transfers(ctx, keys)
	if err != nil {
		return nil, err
	}
	list := make([]Line, 0, len(entries))
	for _, e := range entries {
		t := found[[2]string{holder(e), e.Subject}]
		if t == nil {
			continue // the audit says so
		}
		l := Line{Transfer: *t, In: e.Side == ledger.Credit, Moved: e.Amount, Balance: e.BalanceAfter, Seq: e.Seq}
		if !l.In {
			l.Moved, l.Balance = t.Total(), t.BalanceAfter
		}
		list = append(list, l)
	}
	return list, nil
}

// holder is with whom the transfer of an entry in a wallet lies: its sender.
func holder(e ledger.Entry) string {
	if e.Side == ledger.Debit {
		return e.Owner
	}
	return e.CounterOwner
}

// transfers reads those with the keys: owner and id, one after another.
func (s *Service) transfers(ctx context.Context, keys []any) (map[[2]string]*Transfer, error) {
	found := map[[2]string]*Transfer{}
	err := s.db.QueryRows(ctx, bulkTransfers, keys, func(r store.Row) error {
		t, _, err := scanTransfer(r)
		found[[2]string{t.Owner, t.ID}] = &t
		return err
	})
	return found, err
}
