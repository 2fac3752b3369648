package wallet

import (
	"context"

	"sarraf/fault"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

// Quote is what a Spend would come to.
type Quote struct {
	Kind               Movement
	Amount, Fee, Total money.Amount
	Sender, Receiver   Wallet // Receiver is zero for an invoice and a withdrawal
}

// Quote judges a Spend as it would be judged now, up to the balance, and moves nothing; it asks for no PIN. Its figures are those of the
// execution as long as no rule changes in between. Faults: those of Spend up to BalanceInsufficient, in the same order; what is refused for a
// limit or the balance has its figures all the same.
func (s *Service) Quote(ctx context.Context, sp Spend) (Quote, error) {
	sp.at = s.clock.Now()
	if err := sp.check(); err != nil {
		return Quote{}, err
	}
	l := &Slice{s: s, house: newHouse(), rules: rules{}}
	var available int64
	err := s.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		owners := []string{sp.Sender}
		if sp.Payee == nil && sp.Out == nil && sp.Receiver != "" && sp.Receiver != sp.Sender {
			owners = append(owners, sp.Receiver)
		}
		l.house.walletsLater(tx, owners)
		tx.LaterRows(bulkRules, []any{sp.Sender, merchant.House}, l.rules.take)
		tx.LaterRows(bulkStates, []any{int64(0), sp.Sender}, l.house.takeState)
		have, err := ledger.ReadIn(ctx, tx, []ledger.Account{account(sp.Sender, sp.Amount.Currency)})
		available = have[account(sp.Sender, sp.Amount.Currency)].Available()
		return err
	})
	if err != nil {
		return Quote{}, err
	}
	q, err := l.weigh(&sp)
	if err != nil {
		return Quote{}, err
	}
	st := l.house.states[sp.Sender]
	if st == nil {
		return Quote{}, fault.New(fault.WalletMissing)
	}
	out := Quote{
		Kind: q.movement, Amount: sp.Amount, Fee: money.Of(q.fee, sp.Amount.Currency), Total: money.Of(sp.Amount.Minor+q.fee, sp.Amount.Currency),
		Sender: q.sender.Wallet,
	}
	if q.receiver != nil {
		out.Receiver = q.receiver.Wallet
	}
	return out, l.afford(q, &sp, st.used.of(sp.Amount.Currency, q.movement, sp.at, q.sender.Zone), available)
}
