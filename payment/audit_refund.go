package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"sarraf/event"
	"sarraf/internal/audit"
	"sarraf/invoice"
	"sarraf/ledger"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/store"
	"sarraf/wallet"
)

// auditRefunds proves what was given back: each refund is a payout of its payment's money, and each such payout a refund; they never come to more than
// the payment's part; the invoice counts those that were completed, and each has its event; and what goes back into a wallet is there.
func auditRefunds(ctx context.Context, tx *store.Tx, report audit.Report) error {
	if err := auditGiven(ctx, tx, report); err != nil {
		return err
	}
	if err := auditCounted(ctx, tx, report); err != nil {
		return err
	}
	return auditReturned(ctx, tx, report)
}

// auditGiven walks payments, the payouts that refund them and the refunds side by side.
func auditGiven(ctx context.Context, tx *store.Tx, report audit.Report) error {
	payments, payouts := Stream(ctx, tx), payout.StreamRefunds(ctx, tx)
	refunds := store.NewStream(ctx, tx, sqlRefundsByPayment, nil, scanRefund)
	for {
		p, ok1 := payments.Peek(ctx)
		o, ok2 := payouts.Peek(ctx)
		f, ok3 := refunds.Peek(ctx)
		if !ok1 && !ok2 && !ok3 {
			break
		}
		s := story{report: report}
		s.least(ok1, p.Owner, p.ID)
		s.least(ok2, o.Owner, o.Subject)
		s.least(ok3, f.owner, f.payment)
		if ok1 && s.is(p.Owner, p.ID) {
			payments.Next(ctx)
		} else {
			p = Payment{}
		}
		rows := map[string]refundRow{}
		for ok3 && s.is(f.owner, f.payment) {
			rows[f.id] = f
			refunds.Next(ctx)
			f, ok3 = refunds.Peek(ctx)
		}
		left := map[RefundOf]int64{OfSettled: p.Applied, OfUnapplied: p.Unapplied}
		for ok2 && s.is(o.Owner, o.Subject) {
			row, have := rows[o.ID]
			delete(rows, o.ID)
			s.given(p, o, row, have, left)
			payouts.Next(ctx)
			o, ok2 = payouts.Peek(ctx)
		}
		for _, r := range rows {
			s.say("refund", r.id, "no payout gives %d of payment %s back", r.amount, r.payment)
		}
		for of, minor := range left {
			if minor < 0 {
				s.say("payment", s.id, "%d more than its %s money is given back", -minor, of)
			}
		}
	}
	return errors.Join(payments.Err(), payouts.Err(), refunds.Err())
}

// given holds a payout that gives money back against its payment and its refund.
func (s *story) given(p Payment, o payout.Payout, row refundRow, have bool, left map[RefundOf]int64) {
	if !have {
		s.say("refund", o.ID, "a payout gives %d of payment %s back, and there is no such refund", o.Amount, o.Subject)
		return
	}
	if p.ID == "" {
		s.say("payment", o.Subject, "refund %s is of it, and there is no such payment", o.ID)
		return
	}
	if row.invoice != p.Invoice || row.amount != o.Amount || row.taken.source() != o.Source || row.taken != OfSettled && row.taken != OfUnapplied ||
		(row.wallet != "") != (o.Rail == wallet.Rail) || (row.receipt != "") && row.receipt != o.RailReference || row.receipt == "" && row.wallet != "" {
		s.say("refund", o.ID, "it is of %d %s of invoice %s, to wallet %q by receipt %q; its payout is of %d from %s of a payment of invoice %s, over %s as %q",
			row.amount, row.taken, row.invoice, row.wallet, row.receipt, o.Amount, o.Source, p.Invoice, o.Rail, o.RailReference)
	}
	target := ledger.Payouts
	if o.Rail != payout.Manual {
		target = ledger.Clearing(o.Rail)
	}
	if o.Currency != p.Currency || o.PaymentReference != p.RailReference || o.Fee != 0 || o.Merchant != o.Owner || o.Target != target || (o.Rail == wallet.Rail) != (p.Rail == wallet.Rail) {
		s.say("payout", o.ID, "it is of %d %s and %d over %s to %s for payment %s of %s over %s", o.Amount, o.Currency, o.Fee, o.Rail, o.Target,
			p.RailReference, money.Of(p.Amount, p.Currency), p.Rail)
	}
	if o.Status != payout.Rejected && o.Status != payout.Cancelled {
		left[row.taken] -= o.Amount
	}
}

// auditCounted walks invoices, the events that something of them was given back, and the refunds side by side.
func auditCounted(ctx context.Context, tx *store.Tx, report audit.Report) error {
	invoices, events := invoice.Stream(ctx, tx), event.Stream(ctx, tx, invoice.EventKind)
	refunds := store.NewStream(ctx, tx, sqlRefundsByInvoice, nil, scanRefund)
	for {
		i, ok1 := invoices.Peek(ctx)
		e, ok2 := events.Peek(ctx)
		f, ok3 := refunds.Peek(ctx)
		if !ok1 && !ok2 && !ok3 {
			break
		}
		s := story{report: report}
		s.least(ok1, i.Owner, i.ID)
		s.least(ok2, e.Owner, e.Subject)
		s.least(ok3, f.owner, f.invoice)
		counted := int64(0)
		if ok1 && s.is(i.Owner, i.ID) {
			invoices.Next(ctx)
			counted = i.Refunded
		}
		told := map[string]Refund{}
		for ok2 && s.is(e.Owner, e.Subject) {
			if e.Type == invoice.EventRefunded {
				s.toldOf(e, told)
			}
			events.Next(ctx)
			e, ok2 = events.Peek(ctx)
		}
		rows := map[string]refundRow{}
		var keys []payout.Key
		for ok3 && s.is(f.owner, f.invoice) {
			if f.taken == OfSettled {
				rows[f.id], keys = f, append(keys, payout.Key{Merchant: f.owner, ID: f.id})
			}
			refunds.Next(ctx)
			f, ok3 = refunds.Peek(ctx)
		}
		if len(keys) > 0 {
			list, err := payout.OfKeys(ctx, tx, keys)
			if err != nil {
				return err
			}
			for _, p := range list {
				s.counts(p, rows[p.ID], told, &counted)
			}
		}
		for id := range told {
			s.say("refund", id, "an event tells that it was given back, and it is not there, or not completed")
		}
		if counted != 0 {
			s.say("invoice", s.id, "it counts %d too much as given back", counted)
		}
	}
	return errors.Join(invoices.Err(), events.Err(), refunds.Err())
}

// toldOf takes an event that a refund was given back.
func (s *story) toldOf(e event.Event, told map[string]Refund) {
	var f RefundFact
	if err := json.Unmarshal(e.Data, &f); err != nil {
		s.say("event", fmt.Sprint(e.Seq), "it cannot be read: %v", err)
		return
	}
	if _, twice := told[f.Refund.ID]; twice {
		s.say("event", fmt.Sprint(e.Seq), "it tells of refund %s, which an earlier event told of", f.Refund.ID)
	}
	told[f.Refund.ID] = f.Refund
}

// counts holds a refund of settled money against the event that tells of it, and takes it from what its invoice counts.
func (s *story) counts(p payout.Payout, row refundRow, told map[string]Refund, counted *int64) {
	if p.Status != payout.Completed {
		return
	}
	*counted -= row.amount
	want, ok := told[p.ID]
	if !ok {
		s.say("refund", p.ID, "it was completed, and no event about its invoice tells of it")
		return
	}
	delete(told, p.ID)
	have := Refund{Payout: p, Invoice: row.invoice, Payment: row.payment, Of: row.taken, Wallet: row.wallet, Receipt: row.receipt}
	for _, d := range audit.Diff(p, want.Payout) {
		s.say("payout", p.ID, "%s by the event about its invoice", d)
	}
	have.Payout, want.Payout = payout.Payout{}, payout.Payout{}
	for _, d := range audit.Diff(have, want) {
		s.say("refund", p.ID, "%s by the event about its invoice", d)
	}
}

// auditReturned walks the refunds into wallets and the wallets' transfers side by side.
func auditReturned(ctx context.Context, tx *store.Tx, report audit.Report) error {
	refunds, transfers := store.NewStream(ctx, tx, sqlRefundsToWallets, nil, scanRefund), wallet.StreamOfRefunds(ctx, tx)
	for {
		f, ok1 := refunds.Peek(ctx)
		t, ok2 := transfers.Peek(ctx)
		if !ok1 && !ok2 {
			break
		}
		s := story{report: report}
		s.least(ok1, f.owner, f.id)
		s.least(ok2, t.Owner, t.ID)
		here, there := ok1 && s.is(f.owner, f.id), ok2 && s.is(t.Owner, t.ID)
		if here {
			refunds.Next(ctx)
		}
		if there {
			transfers.Next(ctx)
		}
		switch {
		case !there:
			s.say("refund", f.id, "wallet %s did not get it", f.wallet)
		case !here:
			s.say("wallet_transfer", t.ID, "it gave wallet %s money of invoice %s back, and there is no such refund", t.Receiver, t.Invoice)
		case t.Receiver != f.wallet || t.Number != f.receipt || t.Invoice != f.invoice || t.Amount != f.amount:
			s.say("refund", f.id, "%d of invoice %s to wallet %s by receipt %s, and the wallet got %d of invoice %s as %s by receipt %s", f.amount, f.invoice, f.wallet,
				f.receipt, t.Amount, t.Invoice, t.Receiver, t.Number)
		}
	}
	return errors.Join(refunds.Err(), transfers.Err())
}
