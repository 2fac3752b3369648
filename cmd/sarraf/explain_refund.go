package main

import (
	"context"
	"encoding/json"
	"time"

	"sarraf/invoice"
	"sarraf/ledger"
	"sarraf/payment"
	"sarraf/payout"
	"sarraf/wallet"
)

// refundFacts are what is told of a refund. Amounts are in the major unit.
type refundFacts struct {
	ID            string    `json:"id"`
	Payment       string    `json:"payment"`
	Of            string    `json:"of"`
	Amount        string    `json:"amount"`
	Currency      string    `json:"currency"`
	Rail          string    `json:"rail"`
	RailReference string    `json:"rail_reference,omitempty"`
	Status        string    `json:"status"`
	Reason        string    `json:"reason,omitempty"`      // why it came to nothing, or on what evidence it ended
	Description   string    `json:"description,omitempty"` // why the money is given back
	Door          string    `json:"door"`
	AskedBy       string    `json:"asked_by"`
	Wallet        string    `json:"wallet,omitempty"`
	Receipt       string    `json:"receipt,omitempty"`
	CreatedAt     time.Time `json:"created_at"`
	SentAt        time.Time `json:"sent_at,omitzero"`
	ProcessedAt   time.Time `json:"processed_at,omitzero"`
}

// noteRefunds notes the invoices of the refunds that one of the owners has with the id, and reports whether there is one.
func (s *search) noteRefunds(ctx context.Context, refund, as string, owners ...string) (bool, error) {
	var keys []payout.Key
	for _, o := range owners {
		keys = append(keys, payout.Key{Merchant: o, ID: refund})
	}
	list, err := payment.RefundsOfKeys(ctx, s.tx, keys)
	for _, r := range list {
		s.note(anInvoice, r.Owner, r.Invoice, as)
	}
	return len(list) > 0, err
}

// refunds adds what of the invoice's payments was given back, or is to be, with the transfers and the events of each.
func (s *search) refunds(ctx context.Context, owner, inv string, to *subject) error {
	list, err := payment.RefundsOfInvoice(ctx, s.tx, owner, inv)
	if err != nil {
		return err
	}
	for _, r := range list {
		to.Refunds = append(to.Refunds, refundFacts{
			ID: r.ID, Payment: r.Payment, Of: string(r.Of), Amount: r.Money().Decimal(), Currency: string(r.Currency), Rail: r.Rail, RailReference: r.RailReference,
			Status: string(r.Status), Reason: r.Reason, Description: r.Description, Door: r.Door, AskedBy: r.AskedBy, Wallet: r.Wallet, Receipt: r.Receipt,
			CreatedAt: r.CreatedAt, SentAt: r.SentAt, ProcessedAt: r.ProcessedAt,
		})
		entries, err := ledger.OfTransfer(ctx, s.tx, r.ID)
		if err != nil {
			return err
		}
		into, err := ledger.OfTransfer(ctx, s.tx, wallet.RefundMove(r.ID))
		if err != nil {
			return err
		}
		to.Transfers = append(to.Transfers, transfersOf(append(entries, into...))...)
		if r.Status == payout.Completed && len(entries) == 0 || r.Status == payout.Completed && r.Wallet != "" && len(into) == 0 {
			to.Missing = append(to.Missing, "the transfer of refund "+r.ID)
		}
		events, err := s.events(ctx, owner, r.ID, r.CreatedAt, r.UpdatedAt)
		if err != nil {
			return err
		}
		to.Events = append(to.Events, events...)
		if err := s.audit(ctx, owner, r.ID, to); err != nil {
			return err
		}
	}
	return nil
}

func (r refundFacts) words() []string {
	text := r.Amount + " " + r.Currency + " of what was " + r.Of + " of payment " + r.Payment + ", over " + r.Rail
	if r.RailReference != "" {
		text += ", its reference " + plain(r.RailReference)
	}
	more := r.Status + ", asked for through " + r.Door + " by " + plain(r.AskedBy)
	if r.Reason != "" {
		more += " (" + plain(r.Reason) + ")"
	}
	list := []string{text, more}
	if r.Description != "" {
		list = append(list, "because of "+plain(r.Description))
	}
	if r.Wallet != "" {
		list = append(list, "to wallet "+r.Wallet+", receipt "+r.Receipt)
	}
	return list
}

// wholeStory reports whether the events tell of the invoice's making and of each of its changes.
func wholeStory(inv invoice.Invoice, events []eventFacts) bool {
	changes := map[int64]bool{}
	for _, e := range events {
		var f invoice.Fact
		if json.Unmarshal(e.Data, &f) == nil {
			changes[f.Invoice.Changes] = true
		}
	}
	for n := range inv.Changes + 1 {
		if !changes[n] {
			return false
		}
	}
	return true
}
