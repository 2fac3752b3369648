package payment

import (
	"context"
	"errors"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/store"
	"sarraf/wallet"
)

// RefundOf says which part of a payment is given back.
type RefundOf string

// The parts.
const (
	OfSettled   RefundOf = "settled"   // what settled the invoice: it leaves the merchant's balance
	OfUnapplied RefundOf = "unapplied" // what had been set aside: it leaves unapplied
)

// source is the kind of the account that a refund of the part leaves.
func (o RefundOf) source() string {
	if o == OfUnapplied {
		return ledger.Unapplied
	}
	return ledger.Balance
}

// Refund is money of a payment that is given back, or is to be: a payout with what it is a refund of.
type Refund struct {
	payout.Payout
	Invoice string   `json:"invoice"`
	Payment string   `json:"payment"`
	Of      RefundOf `json:"of"`
	Wallet  string   `json:"wallet,omitempty"`  // whose it goes back to, where a wallet had paid
	Receipt string   `json:"receipt,omitempty"` // the number of that wallet's receipt
}

// RefundFact is the data of invoice.EventRefunded: both as they then stood.
type RefundFact struct {
	Invoice invoice.Invoice `json:"invoice"`
	Refund  Refund          `json:"refund"`
}

// NewRefund asks that money be given back.
type NewRefund struct {
	ID      string // of the refund, UUIDv7; "" = made here. The same one asked for twice is answered as it stands
	Owner   string
	Payment string        // the id of the payment; "" = the only one of Invoice of which something is left
	Invoice string        // the id of the invoice; "" = the payment's
	Amount  *money.Amount // nil: all that is left
	Of      RefundOf      // "" is OfSettled
	Reason  string        // why, at most 255 characters; whoever gets the money may be told
	Door    string        // the front door it was asked for at
	AskedBy merchant.Actor
	At      time.Time // zero: now

	receipt string // a number for the receipt of a wallet, should one have paid
	shop    merchant.Merchant
}

// mostReason is the most characters of a reason.
const mostReason = 255

// SetPayouts lets payments be refunded. It is called once, after SetWallets and before the first payment.
func (s *Service) SetPayouts(p *payout.Service, m *merchant.Service) {
	s.payouts, s.merchants = p, m
	s.refunds = store.NewBatcher(s.db, "payment.refund", s.refundSlice)
	p.Follow(payout.KindRefund, s)
}

// errNoPayouts says that the program was put together without payouts.
var errNoPayouts = errors.New("payment: nothing is given back here")

// Refund gives money of a payment back, over the rail that took it: it is set aside at once, and goes out as a payout of kind refund does. What
// came from a wallet is back in it when Refund answers, in the one transaction, whatever the wallet's status is; what came over a rail that
// sends nothing by itself, an operator carries out (payout.Manual). The merchant's fee stays taken. Nobody has to approve a refund: it
// goes where the money came from, and is never more than that.
//
// Rules, in the order in which they are checked: an ID that was asked for before is answered as it stands (IdempotencyReused on id when it
// asked for something else); FieldNotOneOf on of; FieldTooLong and FieldControl on reason; the merchant must be there (MerchantMissing), though it may be
// shut out: its payers get their money all the same; the payment (PaymentMissing on payment) and the invoice (InvoiceMissing on invoice) must be
// there and belong together (PaymentMissing); of several payments of the invoice with something left, one must be named
// (TargetAmbiguous on invoice with candidates); the amount must be of the payment's currency (CurrencyUnknown on currency) and more than
// nothing (AmountNotPositive on amount); what settled an invoice that is still open is not given back before that is closed, unless it is a static code
// (InvoiceOpen); all refunds of the payment's part, without those that were rejected or cancelled, come to no more than it (RefundTooMuch on
// amount with refundable, minor units); and the merchant must have it (BalanceInsufficient on amount with available). That is decided under the lock
// of the invoice. Other errors are those of store.Batcher.Do.
func (s *Service) Refund(ctx context.Context, n NewRefund, key *store.Key) (Refund, error) {
	var err error
	if s.payouts == nil {
		return Refund{}, errNoPayouts
	}
	if n.ID == "" {
		n.ID = id.New(s.clock)
	}
	if n.At.IsZero() {
		n.At = s.clock.Now()
	}
	if n.Of == "" {
		n.Of = OfSettled
	}
	if n.shop, err = s.merchants.Get(ctx, n.Owner); err != nil && !fault.Has(err, fault.MerchantMissing) {
		return Refund{}, err
	}
	if s.wallets != nil {
		if n.receipt, err = s.wallets.NextNumber(ctx); err != nil {
			return Refund{}, err
		}
	}
	return s.refunds.Do(ctx, n.Owner, key, n)
}

// Follow goes along with refunds: when one is completed, what its invoice counts as given back grows, and what a wallet had paid is in it again.
func (s *Service) Follow(ctx context.Context, tx *store.Tx, list []payout.Payout) ([]payout.Consequence, error) {
	out := make([]payout.Consequence, len(list))
	var done []int
	var keys []payout.Key
	for i, p := range list {
		if p.Status == payout.Completed {
			done, keys = append(done, i), append(keys, p.Key())
		}
	}
	if len(done) == 0 {
		return out, nil
	}
	rows, err := refundRows(ctx, tx, keys)
	if err != nil {
		return nil, err
	}
	var invoices []invoice.Key
	var back []*wallet.RefundNew
	for _, i := range done {
		r := rows[list[i].Key()]
		if r == nil {
			return nil, errLost(list[i].Key())
		}
		r.Payout = list[i]
		if r.Of == OfSettled {
			invoices = append(invoices, invoice.Key{Owner: r.Owner, ID: r.Invoice})
		}
		if r.Wallet != "" {
			w, err := s.toWallet(ctx, r)
			if err != nil {
				return nil, err
			}
			back = append(back, w)
			out[i] = consequence(tx, w)
		}
	}
	have, err := invoice.Lock(ctx, tx, invoices)
	if err != nil {
		return nil, err
	}
	if err := wallet.Refunds(ctx, tx, back); err != nil {
		return nil, err
	}
	var changed []*invoice.Invoice
	for _, i := range done {
		r := rows[list[i].Key()]
		if r.Of != OfSettled {
			continue
		}
		inv := have[invoice.Key{Owner: r.Owner, ID: r.Invoice}]
		if inv == nil || r.Amount > inv.Paid-inv.Refunded {
			return nil, errLost(r.Key())
		}
		inv.GiveBack(r.Amount, r.UpdatedAt)
		changed = append(changed, inv)
		told, err := r.fact(inv)
		if err != nil {
			return nil, err
		}
		out[i] = withFact(out[i], told)
	}
	invoice.Save(tx, changed)
	return out, nil
}

// consequence is that of a refund which goes back into a wallet.
func consequence(tx *store.Tx, w *wallet.RefundNew) payout.Consequence {
	return payout.Consequence{
		Ops:  []ledger.Op{w.Op()},
		Done: func(after []ledger.After) ([]event.New, error) { return w.Record(tx, after[0]) },
	}
}

// withFact is the consequence with one more event, before its own.
func withFact(c payout.Consequence, told event.New) payout.Consequence {
	rest := c.Done
	c.Done = func(after []ledger.After) ([]event.New, error) {
		list := []event.New{told}
		if rest == nil {
			return list, nil
		}
		more, err := rest(after)
		return append(list, more...), err
	}
	return c
}

// toWallet is what the refund means for the wallet that it goes back to.
func (s *Service) toWallet(ctx context.Context, r *Refund) (*wallet.RefundNew, error) {
	shop, err := s.merchants.Get(ctx, r.Owner)
	return &wallet.RefundNew{
		ID: r.ID, Number: r.Receipt, Door: r.Door, Payee: &shop, Wallet: r.Wallet, Invoice: r.Invoice, Amount: r.Money(), Note: r.Description,
		By: wallet.MerchantKey, Actor: r.AskedBy, At: r.UpdatedAt,
	}, err
}
