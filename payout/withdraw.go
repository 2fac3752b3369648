package payout

import (
	"context"
	"errors"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/ledger"
	"sarraf/store"
	"sarraf/wallet"
)

// Withdrawal asks that money leave a wallet by a payout.
type Withdrawal struct {
	New // Owner is the wallet; it has no Batch and no Line
	// Spend says by whose right, and with which PIN: its By, Merchant, Actor, PIN and MostFee count. All else follows from New.
	Spend wallet.Spend
	// Through is the merchant by whose methods the money of a wallet goes out that is no merchant's, by right of an operator; the payout is on that
	// one's list. It says nothing of a wallet that has a merchant.
	Through string
}

// FieldDescription is what faults about the description of a withdrawal are on: the wallet's holder reads it, at most 255 characters of one line.
const FieldDescription = "description"

// errNoWallets says that the program was put together without wallets.
var errNoWallets = errors.New("payout: nothing is withdrawn from wallets here")

// SetWallets has money withdrawn from the wallets. It is called before the first payout.
func (s *Service) SetWallets(w *wallet.Service) {
	s.wallets = w
	s.withdraw = store.NewBatcher(s.db, "payout.withdraw", s.withdrawSlice)
	s.Follow(KindWithdrawal, returns{w})
}

// entered is the withdrawal with all that follows from what was asked for.
func (s *Service) entered(w Withdrawal) Withdrawal {
	if w.ID == "" {
		w.ID = id.New(s.clock)
	}
	if w.At.IsZero() {
		w.At = s.clock.Now()
	}
	w.Batch, w.Line = "", 0
	sp := wallet.Spend{
		ID: id.New(s.clock), Door: w.Door, Sender: w.Owner, Amount: w.Amount, Note: w.Description, PIN: w.Spend.PIN, By: w.Spend.By,
		Merchant: w.Spend.Merchant, Actor: w.Spend.Actor, MostFee: w.Spend.MostFee, Out: &wallet.Out{Payout: w.ID, Name: w.RecipientName},
	}
	sp.Enter(w.At)
	w.Spend = sp
	return w
}

// Withdraw takes money out of a wallet and asks for the payout that brings it to an account elsewhere, in one transaction. The methods, the amount
// above which a second person approves and the events are those of the wallet's merchant, or of the one it goes Through; the fee is that of
// the wallet's rule for wallet.Withdrawal, and no other. When the payout is rejected or cancelled, all of it is the wallet's again at that moment.
//
// Rules, in the order in which they are checked: WalletMissing, also for one that is not of the key's merchant; a wallet that has no merchant
// has no methods (PayoutMethodMissing on payout_method); those of Request up to the reference, where a method whose rail is not for the wallet's mode
// is as good as none; those of wallet.Service.Spend, but for the receiver's (on description what is wrong with the note): limits, balance, PIN, of which a wrong one is counted, in the
// same transaction. Other errors are those of store.Batcher.Do. The key is whose wallet.Spend.Keys says.
func (s *Service) Withdraw(ctx context.Context, w Withdrawal, key *store.Key) (Payout, error) {
	if s.wallets == nil {
		return Payout{}, errNoWallets
	}
	w = s.entered(w)
	return s.withdraw.Do(ctx, w.Spend.Keys(), key, w)
}

// QuoteWithdrawal judges a withdrawal as it would be judged now, up to the balance, and moves nothing; it asks for no PIN. Faults: those of Withdraw
// about the wallet, the method, the amount and the account, which may be left out here; then those of wallet.Service.Quote, of which the ones about
// limits and the balance come with the figures all the same.
func (s *Service) QuoteWithdrawal(ctx context.Context, w Withdrawal) (wallet.Quote, error) {
	if s.wallets == nil {
		return wallet.Quote{}, errNoWallets
	}
	w = s.entered(w)
	purse, err := s.wallets.Get(ctx, w.Owner)
	if err == nil {
		err = w.Spend.MayUse(purse)
	}
	if err != nil {
		return wallet.Quote{}, err
	}
	n := w.of(purse)
	var have *known
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		have, err = s.read(ctx, tx, []New{n})
		return err
	})
	if err != nil {
		return wallet.Quote{}, err
	}
	if _, _, err := have.withdrawal(s, n, purse); err != nil {
		faults := fault.All(err)
		if w.Account == "" {
			faults = without(faults, fault.New(fault.FieldRequired).On(FieldAccount))
		}
		if len(faults) > 0 {
			return wallet.Quote{}, fault.Join(faults...)
		}
	}
	q, err := s.wallets.Quote(ctx, w.Spend)
	if err != nil {
		err = described(err)
	}
	return q, err
}

// without are the faults but for one.
func without(list []*fault.Error, not *fault.Error) (rest []*fault.Error) {
	for _, f := range list {
		if !errors.Is(f, not) {
			rest = append(rest, f)
		}
	}
	return rest
}

// of is what is asked of the merchant by whose methods the money goes out; Owner is "" where there is none.
func (w Withdrawal) of(purse wallet.Wallet) New {
	n := w.New
	if n.Owner = purse.Merchant; n.Owner == "" && w.Spend.By == wallet.Operator {
		n.Owner = w.Through
	}
	return n
}

// withdrawal is the payout of a withdrawal that the wallet has still to allow; exists when it was made before.
func (h *known) withdrawal(s *Service, n New, purse wallet.Wallet) (p Payout, exists bool, err error) {
	if n.Owner == "" {
		return p, false, fault.New(fault.PayoutMethodMissing).On(FieldMethod)
	}
	p, exists, err = h.judge(s, n)
	switch {
	case err != nil:
		return p, false, err
	case exists && (p.Kind != KindWithdrawal || p.Owner != purse.Owner):
		return p, false, fault.New(fault.IdempotencyReused).On("id")
	case exists:
		return p, true, nil
	case purse.Sandbox != (p.Rail == Sandbox):
		return p, false, fault.New(fault.PayoutMethodMissing).On(FieldMethod)
	}
	if p.Rail != Sandbox && s.Sender(p.Rail, KindWithdrawal) == nil {
		p.Rail = Manual // what its rail does not take, a person carries out
	}
	p.Owner, p.Kind, p.Source = purse.Owner, KindWithdrawal, ledger.Withdrawals
	return p, false, nil
}

// withdrawSlice is Withdraw for a slice. Locked are the wallets, then the accounts.
func (s *Service) withdrawSlice(ctx context.Context, tx *store.Tx, list []Withdrawal) ([]store.Outcome[Payout], error) {
	spends := make([]wallet.Spend, len(list))
	for i, w := range list {
		spends[i] = w.Spend
	}
	purses, err := s.wallets.Load(ctx, tx, spends)
	if err != nil {
		return nil, err
	}
	out := make([]store.Outcome[Payout], len(list))
	owners, asked := make([]wallet.Wallet, len(list)), make([]New, 0, len(list))
	var accounts []ledger.Account
	for i, w := range list {
		if owners[i], out[i].Err = purses.Purse(&spends[i]); out[i].Err != nil {
			continue
		}
		if asked = append(asked, w.of(owners[i])); !w.Amount.Currency.Known() {
			continue // it will be refused
		}
		accounts = append(accounts, purses.Accounts(&spends[i])...)
		for _, kind := range []string{ledger.Payouts, ledger.Fees} {
			accounts = append(accounts, ledger.Account{Owner: w.Owner, Currency: w.Amount.Currency, Kind: kind})
		}
	}
	have, err := s.read(ctx, tx, asked) // after the locks: who asked for the same on another node has done so by now, or waits
	if err != nil {
		return nil, err
	}
	books, err := ledger.Open(ctx, tx, accounts)
	if err != nil {
		return nil, err
	}
	var rows []*Payout
	for i, w := range list {
		if out[i].Err != nil {
			continue
		}
		n := w.of(owners[i])
		p, exists, err := have.withdrawal(s, n, owners[i])
		if err == nil && !exists {
			spends[i].Out.Account = p.Destination
			if err = p.take(purses, books, &spends[i]); err == nil {
				rows = append(rows, &p)
				have.byID[p.Key()], have.byReference[n.referenceKey()] = &p, &p
			}
		}
		if err != nil && !fault.IsDecision(err) {
			return nil, err
		}
		if err != nil {
			p = Payout{}
		}
		out[i] = store.Outcome[Payout]{Value: p, Err: err}
	}
	facts, err := purses.Record(tx)
	if err != nil {
		return nil, err
	}
	if err := books.Record(ctx, tx); err != nil {
		return nil, err
	}
	errs, told, err := s.StartIn(ctx, tx, rows)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, fault.New(fault.Bug).Wrap(err) // what has just been taken out of a wallet can be set aside
	}
	_, err = s.log.Append(ctx, tx, append(facts, told...))
	return out, err
}

// take has the wallet give the money for the payout.
func (p *Payout) take(purses *wallet.Slice, books *ledger.Books, sp *wallet.Spend) error {
	sent, err := purses.Judge(books, sp, nil)
	if err != nil {
		return described(err)
	}
	t := sent.Transfer
	p.Fee, p.Subject, p.CreatedAt, p.UpdatedAt = t.Fee, t.ID, t.At, t.At // the wallet may date it in the day that it counts to
	return nil
}

// described is the wallet's refusal with the request's own name for what a wallet calls the note.
func described(err error) error {
	if !fault.IsDecision(err) {
		return err
	}
	all := fault.All(err)
	for i, f := range all {
		if f.Field == "note" {
			all[i] = f.On(FieldDescription)
		}
	}
	return fault.Join(all...)
}

// returns brings back the money of withdrawals that are rejected or cancelled.
type returns struct{ wallets *wallet.Service }

// Follow is of Follower.
func (f returns) Follow(ctx context.Context, tx *store.Tx, list []Payout) ([]Consequence, error) {
	out := make([]Consequence, len(list))
	var backs []wallet.Back
	var places []int
	for i, p := range list {
		if p.Status == Rejected || p.Status == Cancelled {
			backs = append(backs, wallet.Back{Wallet: p.Owner, Withdrawal: p.Subject, At: p.ProcessedAt})
			places = append(places, i)
		}
	}
	if len(backs) == 0 {
		return out, nil
	}
	r, err := f.wallets.LoadReturns(ctx, tx, backs)
	if err != nil {
		return nil, err
	}
	for k, i := range places {
		out[i] = Consequence{
			Ops:  []ledger.Op{r.Op(k)},
			Done: func(after []ledger.After) ([]event.New, error) { return r.Done(k, after[0]) },
		}
	}
	return out, nil
}
