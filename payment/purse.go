package payment

import (
	"context"
	"strconv"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/rail"
	"sarraf/store"
	"sarraf/wallet"
)

// Purses pays invoices from wallets: the core as the rail sees it whose payers have money here.
type Purses struct {
	payments  *Service
	wallets   *wallet.Service
	merchants *merchant.Service
}

var _ rail.Wallets = (*Purses)(nil)

// NewPurses is over the services, of which p pays from w.
func NewPurses(p *Service, w *wallet.Service, m *merchant.Service) *Purses {
	return &Purses{payments: p, wallets: w, merchants: m}
}

// WalletFee is what the house's schedule adds to a payment. The merchant makes no difference so far.
func (b *Purses) WalletFee(ctx context.Context, _ string, a money.Amount) (money.Amount, error) {
	rule, _, err := b.wallets.Rule(ctx, "", a.Currency, wallet.Payment)
	if err != nil {
		return money.Amount{}, err
	}
	return rule.Fee.Fee(a)
}

// purseDoor is where payers come in: the front door of the transfers, and of the keys under which outcomes are kept.
const purseDoor = "checkout"

// PayFromWallet pays the invoice; the rules are those of rail.Wallets, in that order. Of a number that no wallet has, a payment is tried from
// a wallet that there is not: whoever asks sees no difference, in the answer or in what it takes.
func (b *Purses) PayFromWallet(ctx context.Context, p rail.WalletPayment) (rail.WalletReceipt, error) {
	m, err := b.merchants.Get(ctx, p.Owner)
	if err != nil {
		return rail.WalletReceipt{}, err
	}
	w, err := b.wallets.ByNumber(ctx, p.Number)
	if err != nil && !fault.Has(err, fault.WalletMissing) {
		return rail.WalletReceipt{}, err
	}
	unknown := ""
	if err != nil || w.Sandbox != m.Sandbox() {
		w, unknown = wallet.Wallet{Owner: id.New(b.payments.clock)}, p.Number
	}
	number, err := b.wallets.NextNumber(ctx)
	if err != nil {
		return rail.WalletReceipt{}, err
	}
	r := Receipt{
		ID: p.ID, Owner: p.Owner, Invoice: p.Invoice, Amount: p.Amount, Rail: wallet.Rail, Outcome: rail.Accepted, Refuse: true,
		Spend: &wallet.Spend{
			Number: number, Door: purseDoor, Sender: w.Owner, PIN: &p.PIN, Payee: &m, Stranger: true, Unknown: unknown, MostFee: &p.Fee,
		},
	}
	if !m.MayUse(wallet.Rail) {
		r.Blocked = fault.New(fault.PermissionMissing)
	}
	settled, err := b.payments.Settle(ctx, r, b.key(p))
	return rail.WalletReceipt{Number: settled.Payment.RailReference}, err
}

// key is what the very same payment has again: a form that is sent twice counts a wrong PIN once. With another number or PIN it is another
// attempt at the same payment.
func (b *Purses) key(p rail.WalletPayment) *store.Key {
	hash := store.BodyHash(
		p.ID, p.Invoice, p.Number, b.wallets.BlindPIN(p.PIN), string(p.Amount.Currency), strconv.FormatInt(p.Amount.Minor, 10), strconv.FormatInt(p.Fee, 10),
	)
	return &store.Key{Door: purseDoor, Key: p.ID + "/" + hash[:32], Hash: hash}
}
