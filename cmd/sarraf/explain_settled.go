package main

import (
	"context"
	"slices"

	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/settlement"
)

// settled adds to the payments of an invoice, which to has in the same order, by what the rail's other side has settled them: the line of
// the file, the transfers, the event.
func (s *search) settled(ctx context.Context, payments []payment.Payment, to *subject) error {
	for n, p := range payments {
		told, ok, err := settlement.OfPayment(ctx, s.tx, p.Owner, p.ID)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		l := told.Line
		facts := settledFacts{
			File: l.File, Name: told.File.Name, Line: l.Number, Charges: money.Of(l.Charges, l.Currency).Decimal(), Transfer: l.Transfer, At: l.At,
		}
		if l.SettledOn != "" {
			facts.SettledOn = l.SettledOn.String()
		}
		to.Payments[n].Settled = &facts
		entries, err := ledger.OfTransfer(ctx, s.tx, l.Transfer)
		if err != nil {
			return err
		}
		if l.Charges > 0 {
			house, err := ledger.OfSubject(ctx, s.tx, merchant.House, p.ID, l.At.Add(-explainSlack), l.At.Add(explainAfter))
			if err != nil {
				return err
			}
			entries = append(entries, slices.DeleteFunc(house, func(e ledger.Entry) bool { return e.Kind != settlement.TransferCharges })...)
		}
		to.Transfers = append(to.Transfers, transfersOf(entries)...)
		if len(entries) == 0 {
			to.Missing = append(to.Missing, "the transfer that settled payment "+p.ID)
		}
		events, err := s.events(ctx, p.Owner, p.ID, l.At, l.At)
		if err != nil {
			return err
		}
		to.Events = append(to.Events, events...)
	}
	return nil
}
