package wallet

import (
	"context"
	"slices"
	"strings"

	"sarraf/fault"
	"sarraf/merchant"
	"sarraf/store"
)

// SetStatus approves a wallet, suspends it, which ends its tokens, or puts it back to pending. Faults: WalletMissing, FieldNotOneOf on status.
func (s *Service) SetStatus(ctx context.Context, by merchant.Actor, owner string, st Status) (Wallet, error) {
	return s.SetStatusOnce(ctx, by, owner, st, "", nil)
}

// SetStatusOnce is SetStatus with an Idempotency-Key, and whose that is.
func (s *Service) SetStatusOnce(ctx context.Context, by merchant.Actor, owner string, st Status, keys string, key *store.Key) (Wallet, error) {
	if !st.valid() {
		return Wallet{}, fault.New(fault.FieldNotOneOf).On("status").With("allowed", "pending,approved,suspended")
	}
	line, err := s.lineOf(by, owner, "wallet."+string(st))
	if err != nil {
		return Wallet{}, err
	}
	return s.status.Do(ctx, keys, key, statusChange{line: line, to: st})
}

// statusChange is a wallet's new status; the line says whose.
type statusChange struct {
	line merchant.Line
	to   Status
}

// statusSlice is SetStatus for a slice, in the order of the wallets, which is that of their locks.
func (s *Service) statusSlice(ctx context.Context, tx *store.Tx, list []statusChange) ([]store.Outcome[Wallet], error) {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(list[a].line.Owner, list[b].line.Owner) })
	out := make([]store.Outcome[Wallet], len(list))
	for _, i := range order {
		now, err := changeIn(ctx, tx, list[i].line, func(_ context.Context, tx *store.Tx, w *kept, _ *state) error {
			if w.Status = list[i].to; w.Status == Suspended {
				endTokens(tx, w.Owner)
			}
			return nil
		})
		if err != nil && !fault.IsDecision(err) {
			return nil, err
		}
		out[i] = store.Outcome[Wallet]{Value: now, Err: err}
	}
	return out, nil
}
