package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/payment"
)

func (a *api) registerRefunds(h huma.API) {
	registerWrite[NewRefund, Refund](h, asks, huma.Operation{
		OperationID: "create-refund", Method: http.MethodPost, Path: "/v1/refunds", Tags: []string{"Refunds"},
		Summary: "Give money back",
		Description: "Whole or in parts, never more than was paid, through the rail that took the money. What came from a wallet is back in it at once. A refund " +
			"is a payout of kind refund: it is listed among the payouts, and while it is pending it can be cancelled there. Money of an invoice that is open " +
			"is not given back: cancel it first.",
		Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, a.createRefund)
	register(h, reads, huma.Operation{
		OperationID: "list-refunds", Method: http.MethodGet, Path: "/v1/refunds", Tags: []string{"Refunds"},
		Summary: "List refunds",
		Description: "Newest first. `before` an id: the next older ones. `after` an id: the ones made next after it, also newest first. With `invoice`: all " +
			"of that invoice.",
		Errors: []int{http.StatusNotFound, http.StatusUnprocessableEntity},
	}, a.listRefunds)
	register(h, reads, huma.Operation{
		OperationID: "get-refund", Method: http.MethodGet, Path: "/v1/refunds/{id}", Tags: []string{"Refunds"},
		Summary: "Get a refund",
		Errors:  []int{http.StatusNotFound},
	}, a.getRefund)
}

// NewRefund is the body of POST /v1/refunds.
type NewRefund struct {
	Payment  string `json:"payment,omitempty" format:"uuid" doc:"The id of the payment. This or the invoice."`
	Invoice  string `json:"invoice,omitempty" format:"uuid" doc:"The id of an invoice; of several payments that could be meant, the payment must be said."`
	Amount   string `json:"amount,omitempty" doc:"In the major unit, with the currency beside it. By default all that is left." example:"120.00"`
	Currency string `json:"currency,omitempty" doc:"ISO 4217; the payment's. Must be given with an amount." example:"BDT"`
	Of       string `json:"of,omitempty" enum:"settled,unapplied" default:"settled" doc:"What settled the invoice, or what came and settled nothing."`
	Reason   string `json:"reason,omitempty" maxLength:"255" doc:"Why, in a line." example:"Sold out"`
}

// createRefund decides in one core command, which also keeps the answer for the Idempotency-Key. What cannot be read is told first: faults on
// payment, invoice, amount, currency, of and reason. Then those of payment.Service.Refund.
func (a *api) createRefund(ctx context.Context, c caller, in *command) (Refund, error) {
	f := in.fields
	var r intake
	n := payment.NewRefund{
		ID: id.New(a.Clock), Owner: c.Owner, Door: Name, AskedBy: c.actor(),
		Payment: r.text(f, "payment", mostParty, false), Invoice: r.text(f, "invoice", mostParty, false),
		Of:     payment.RefundOf(r.word(f, "of", string(payment.OfSettled), string(payment.OfSettled), string(payment.OfUnapplied))),
		Reason: r.text(f, "reason", mostReason, false),
	}
	switch {
	case n.Payment == "" && n.Invoice == "":
		r.wrong(fault.New(fault.FieldRequired).On("payment"))
	case n.Payment != "" && n.Invoice != "":
		r.wrong(fault.New(fault.FieldMalformed).On("invoice")) // two may say two things
	}
	if f.Has("amount") || f.Has("currency") {
		amount := r.amount(f)
		n.Amount = &amount
	}
	if err := r.err(); err != nil {
		return Refund{}, err
	}
	made, err := a.Payments.Refund(ctx, n, in.key)
	if err != nil {
		return Refund{}, a.refundRefused(ctx, n, err)
	}
	return refundOf(made), nil
}

// refundRefused is why a refund was refused as this door tells it: what is left in the major unit, or nothing about it where the currency was not
// said and nothing is left; and which payments could be meant.
func (a *api) refundRefused(ctx context.Context, n payment.NewRefund, err error) error {
	list := fault.All(err)
	for i, f := range list {
		if f.Code != fault.RefundTooMuch {
			continue
		}
		list[i] = fault.New(f.Code).On(f.Field)
		if minor, wrong := strconv.ParseInt(f.Params["refundable"], 10, 64); wrong == nil && n.Amount != nil {
			list[i] = list[i].With("refundable", major(minor, n.Amount.Currency))
		}
	}
	return explained(fault.Join(list...), func(id string) (Candidate, error) {
		inv, err := a.Invoices.Get(ctx, n.Owner, n.Invoice)
		return Candidate{ID: id, Door: inv.Door, Reference: inv.Reference}, err
	})
}

type refundPage struct {
	Limit   int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"How many, at most."`
	After   string `query:"after" format:"uuid" doc:"A refund's id: only younger ones."`
	Before  string `query:"before" format:"uuid" doc:"A refund's id: only older ones."`
	Invoice string `query:"invoice" format:"uuid" doc:"An invoice's id: only refunds of that, whatever their number."`
}

func (a *api) listRefunds(ctx context.Context, c caller, in *refundPage) (Page[Refund], error) {
	page := Page[Refund]{Data: []Refund{}}
	for name, text := range map[string]string{"after": in.After, "before": in.Before, "invoice": in.Invoice} {
		if text != "" && !id.Valid(text) {
			return page, fault.New(fault.FieldMalformed).On(name)
		}
	}
	var list []payment.Refund
	var err error
	if in.Invoice != "" {
		list, err = a.Payments.RefundsOf(ctx, c.Owner, in.Invoice)
		list = in.of(list)
	} else {
		list, err = a.Payments.Refunds(ctx, c.Owner, invoice.Page{After: in.After, Before: in.Before, Limit: in.Limit + 1})
	}
	if err != nil {
		return page, err
	}
	if page.HasMore = len(list) > in.Limit; page.HasMore && in.After != "" {
		list = list[1:] // the newest is the one too many
	} else if page.HasMore {
		list = list[:in.Limit]
	}
	for _, x := range list {
		page.Data = append(page.Data, refundOf(x))
	}
	return page, nil
}

// of is what is asked for, and one more, of all refunds of an invoice, oldest first: the newest first.
func (in *refundPage) of(list []payment.Refund) []payment.Refund {
	list = slices.DeleteFunc(list, func(x payment.Refund) bool { return x.ID <= in.After || in.Before != "" && x.ID >= in.Before })
	if most := in.Limit + 1; len(list) > most && in.After != "" {
		list = list[:most]
	} else if len(list) > most {
		list = list[len(list)-most:]
	}
	slices.Reverse(list)
	return list
}

type refundID struct {
	ID string `path:"id" maxLength:"64" doc:"A refund's id."`
}

func (a *api) getRefund(ctx context.Context, c caller, in *refundID) (Refund, error) {
	x, err := a.Payments.GetRefund(ctx, c.Owner, in.ID)
	return refundOf(x), err
}

// Refund is money that is given back to a payer.
type Refund struct {
	Payout
	Invoice string `json:"invoice" format:"uuid" doc:"The id of the invoice that was paid."`
	Of      string `json:"of" enum:"settled,unapplied" doc:"What settled the invoice, or what came and settled nothing."`
	Receipt string `json:"receipt,omitempty" doc:"The number of the wallet's receipt, where one had paid."`
}

func refundOf(x payment.Refund) Refund {
	out := Refund{Payout: payoutOf(x.Payout), Invoice: x.Invoice, Of: string(x.Of), Receipt: x.Receipt}
	out.Payment, out.Wallet = x.Payment, x.Wallet
	return out
}
