package payout

import (
	"context"
	"errors"
	"time"

	"sarraf/internal/audit"
	"sarraf/money"
	"sarraf/store"
	"sarraf/wallet"
)

// auditWithdrawals walks the payouts and what wallets say of withdrawals side by side: each withdrawal has the one transfer that took its money out of
// the wallet, and, if it was rejected or cancelled, and only then, the one that brought it back. That the money moved as they say is proved by the
// audits of wallets and of the books.
func auditWithdrawals(ctx context.Context, tx *store.Tx, report audit.Report) error {
	rows, transfers := store.NewStream(ctx, tx, sqlAllByOwner, nil, scan), wallet.StreamOfPayouts(ctx, tx)
	for {
		p, ok1 := rows.Peek(ctx)
		t, ok2 := transfers.Peek(ctx)
		if !ok1 && !ok2 {
			break
		}
		if !ok1 || ok2 && less(t.Owner, t.RailReference, p.Owner, p.ID) {
			story{t.Owner, t.RailReference, report}.say("payout", "%s %s moves %d for it, and there is no such payout", t.Kind, t.ID, t.Amount)
			transfers.Next(ctx)
			continue
		}
		rows.Next(ctx)
		have := map[wallet.Movement][]wallet.Transfer{}
		for ok2 && t.Owner == p.Owner && t.RailReference == p.ID {
			have[t.Kind] = append(have[t.Kind], t)
			transfers.Next(ctx)
			t, ok2 = transfers.Peek(ctx)
		}
		story{p.Merchant, p.ID, report}.withdrawn(p, have)
	}
	return errors.Join(rows.Err(), transfers.Err())
}

// withdrawn compares a payout with the transfers of its wallet.
func (s story) withdrawn(p Payout, have map[wallet.Movement][]wallet.Transfer) {
	outs, backs := have[wallet.Withdrawal], have[wallet.Return]
	wantOuts, wantBacks := 0, 0
	if p.Kind == KindWithdrawal {
		if wantOuts = 1; p.Status == Rejected || p.Status == Cancelled {
			wantBacks = 1
		}
	}
	if len(outs) != wantOuts || len(backs) != wantBacks {
		s.say("payout", "it is a %s and %s, and %d transfers have taken its money out of a wallet and %d brought it back, not %d and %d", p.Kind, p.Status,
			len(outs), len(backs), wantOuts, wantBacks)
		return
	}
	for _, t := range outs {
		teller := t.Merchant
		if teller == "" {
			teller = p.Merchant // a wallet of no merchant's, whose money goes out by an operator's word
		}
		have := side{t.ID, t.Door, teller, t.Amount, t.Fee, t.Currency, t.ReceiverName, t.ReceiverNumber, t.Note, t.At}
		want := side{p.Subject, p.Door, p.Merchant, p.Amount, p.Fee, p.Currency, p.RecipientName, p.Destination, p.Description, p.CreatedAt}
		for _, d := range audit.Diff(have, want) {
			s.say("payout", "of withdrawal %s from its wallet, %s", t.ID, d)
		}
	}
	for _, t := range backs {
		if t.Amount != p.Amount+p.Fee || t.Currency != p.Currency || !t.At.Equal(p.ProcessedAt) {
			s.say("payout", "return %s brought %d %s back at %s, and it was %s at %s", t.ID, t.Amount, t.Currency, t.At, p.Status, p.ProcessedAt)
		}
	}
}

// side is what a withdrawal's payout and its transfer both say.
type side struct {
	ID, Door, Merchant string
	Amount, Fee        int64
	Currency           money.Currency
	Name, Account      string
	Note               string
	At                 time.Time
}
