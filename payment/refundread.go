package payment

import (
	"context"
	"encoding/json"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/invoice"
	"sarraf/payout"
	"sarraf/store"
)

// fact is the event that the refund was given back, about its invoice as it stands after it.
func (r *Refund) fact(inv *invoice.Invoice) (event.New, error) {
	data, err := json.Marshal(RefundFact{Invoice: *inv, Refund: *r})
	return inv.Event(invoice.EventRefunded, data, r.UpdatedAt), err
}

// refundRows reads what the payouts are refunds of: all but the payouts.
func refundRows(ctx context.Context, tx *store.Tx, keys []payout.Key) (map[payout.Key]*Refund, error) {
	args := make([]any, 0, 2*len(keys))
	for _, k := range keys {
		args = append(args, k.Merchant, k.ID)
	}
	found := make(map[payout.Key]*Refund, len(keys))
	return found, tx.QueryRows(ctx, bulkRefunds, args, func(row store.Row) error {
		r, err := scanRefund(row)
		found[payout.Key{Merchant: r.owner, ID: r.id}] = &Refund{Invoice: r.invoice, Payment: r.payment, Of: r.taken, Wallet: r.wallet, Receipt: r.receipt}
		return err
	})
}

// refundsIn reads refunds; one that there is not is absent.
func refundsIn(ctx context.Context, tx *store.Tx, keys []payout.Key) (map[payout.Key]*Refund, error) {
	found, err := refundRows(ctx, tx, keys)
	if err != nil || len(found) == 0 {
		return found, err
	}
	have := make([]payout.Key, 0, len(found))
	for k := range found {
		have = append(have, k)
	}
	list, err := payout.OfKeys(ctx, tx, have)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		found[p.Key()].Payout = p
	}
	for k, r := range found {
		if r.ID == "" {
			return nil, errLost(k)
		}
	}
	return found, nil
}

// GetRefund answers the merchant's refund with the id, or a fault RefundMissing.
func (s *Service) GetRefund(ctx context.Context, owner, id string) (Refund, error) {
	list, err := s.refundsOf(ctx, []payout.Key{{Merchant: owner, ID: id}})
	if err == nil && len(list) == 0 {
		err = fault.New(fault.RefundMissing)
	}
	if err != nil {
		return Refund{}, err
	}
	return list[0], nil
}

// Refunds answers the merchant's refunds, newest first; with After, the Limit oldest of those that are newer, newest first, too.
func (s *Service) Refunds(ctx context.Context, owner string, p invoice.Page) ([]Refund, error) {
	list, err := s.payouts.List(ctx, payout.Query{Merchant: owner, Kind: payout.KindRefund, Before: p.Before, After: p.After, Limit: p.Limit})
	if err != nil {
		return nil, err
	}
	keys := make([]payout.Key, len(list))
	for i, p := range list {
		keys[i] = p.Key()
	}
	return s.refundsOf(ctx, keys)
}

// RefundsOf answers the refunds of an invoice's payments, oldest first.
func (s *Service) RefundsOf(ctx context.Context, owner, inv string) (list []Refund, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		list, err = RefundsOfInvoice(ctx, tx, owner, inv)
		return err
	})
	return list, err
}

// RefundsOfInvoice is RefundsOf in a transaction.
func RefundsOfInvoice(ctx context.Context, tx *store.Tx, owner, inv string) ([]Refund, error) {
	var keys []payout.Key
	err := tx.Query(ctx, sqlRefundsOfInvoice, []any{inv, owner}, func(row store.Row) error {
		r, err := scanRefund(row)
		keys = append(keys, payout.Key{Merchant: r.owner, ID: r.id})
		return err
	})
	if err != nil {
		return nil, err
	}
	return RefundsOfKeys(ctx, tx, keys)
}

// RefundsOfKeys are those of the refunds with the given keys that exist, in that order.
func RefundsOfKeys(ctx context.Context, tx *store.Tx, keys []payout.Key) ([]Refund, error) {
	found, err := refundsIn(ctx, tx, keys)
	if err != nil {
		return nil, err
	}
	var list []Refund
	for _, k := range keys {
		if r := found[k]; r != nil {
			list = append(list, *r)
		}
	}
	return list, nil
}

func (s *Service) refundsOf(ctx context.Context, keys []payout.Key) (list []Refund, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		list, err = RefundsOfKeys(ctx, tx, keys)
		return err
	})
	return list, err
}

// givesBack tells of which of the invoices something that settled them was given back, or is to be.
func givesBack(ctx context.Context, tx *store.Tx, list []*invoice.Invoice) (map[invoice.Key]bool, error) {
	back := map[invoice.Key]bool{}
	for _, inv := range list {
		if back[inv.Key()] = inv.Refunded > 0; back[inv.Key()] {
			continue
		}
		refunds, err := RefundsOfInvoice(ctx, tx, inv.Owner, inv.ID)
		if err != nil {
			return nil, err
		}
		for _, r := range refunds {
			if r.Of == OfSettled && r.Status != payout.Rejected && r.Status != payout.Cancelled {
				back[inv.Key()] = true
			}
		}
	}
	return back, nil
}
