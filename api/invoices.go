package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/payment"
)

func (a *api) registerInvoices(h huma.API) {
	register(h, reads, huma.Operation{
		OperationID: "list-invoices", Method: http.MethodGet, Path: "/v1/invoices", Tags: []string{"Invoices"},
		Summary: "List invoices",
		Description: "Newest first. `before` an id: the next older ones. `after` an id: the ones made next after it, " +
			"also newest first.",
		Errors: []int{http.StatusUnprocessableEntity},
	}, a.listInvoices)
	register(h, reads, huma.Operation{
		OperationID: "get-invoice", Method: http.MethodGet, Path: "/v1/invoices/{id}", Tags: []string{"Invoices"},
		Summary: "Get an invoice with its payments",
		Description: "By its own id, the number that its front door prints, or its reference. A reference that was used at " +
			"several front doors is a 409 with the candidates.",
		Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, a.getInvoice)
}

type invoicePage struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"How many, at most."`
	After  string `query:"after" format:"uuid" doc:"An invoice's id: only newer ones."`
	Before string `query:"before" format:"uuid" doc:"An invoice's id: only older ones."`
}

func (a *api) listInvoices(ctx context.Context, c caller, in *invoicePage) (Page[Invoice], error) {
	for name, cursor := range map[string]string{"after": in.After, "before": in.Before} {
		if cursor != "" && !id.Valid(cursor) {
			return Page[Invoice]{}, fault.New(fault.FieldMalformed).On(name)
		}
	}
	// One more than is wanted tells whether there is more.
	list, err := a.Invoices.List(ctx, c.Owner, invoice.Page{After: in.After, Before: in.Before, Limit: in.Limit + 1})
	if err != nil {
		return Page[Invoice]{}, err
	}
	if in.After != "" && in.Before != "" { // what lies between: the core gives what comes after, newest first
		for len(list) > 0 && list[0].ID >= in.Before {
			list = list[1:]
		}
	}
	page := Page[Invoice]{Data: make([]Invoice, 0, len(list)), HasMore: len(list) > in.Limit}
	if page.HasMore && in.After != "" {
		list = list[1:] // the newest is the one too many
	} else if page.HasMore {
		list = list[:in.Limit]
	}
	for _, inv := range list {
		shown, err := a.invoiceOf(ctx, inv)
		if err != nil {
			return Page[Invoice]{}, err
		}
		page.Data = append(page.Data, shown)
	}
	return page, nil
}

type invoiceID struct {
	ID string `path:"id" maxLength:"255" doc:"An id, a printed number or a reference." example:"ORDER-1001"`
}

func (a *api) getInvoice(ctx context.Context, c caller, in *invoiceID) (InvoiceDetail, error) {
	inv, err := a.named(ctx, c.Owner, in.ID)
	if err != nil {
		return InvoiceDetail{}, err
	}
	payments, err := a.paymentsOf(ctx, inv)
	if err != nil {
		return InvoiceDetail{}, err
	}
	shown, err := a.invoiceOf(ctx, inv)
	if err != nil {
		return InvoiceDetail{}, err
	}
	out := InvoiceDetail{Invoice: shown, Payments: make([]Payment, len(payments))}
	for i, p := range payments {
		out.Payments[i] = paymentOf(p)
	}
	return out, nil
}

// paymentsOf are the payments of an invoice; of a static code, which may have any number, the newest.
func (a *api) paymentsOf(ctx context.Context, inv invoice.Invoice) ([]payment.Payment, error) {
	if inv.Kind != invoice.Static {
		return a.Payments.Of(ctx, inv.Owner, inv.ID)
	}
	many, err := a.Payments.OfMany(ctx, inv.Owner, []string{inv.ID})
	return many[inv.ID], err
}

// named is the invoice that text names. An own id always means itself, whatever references there are. Faults: InvoiceMissing,
// TargetAmbiguous.
func (a *api) named(ctx context.Context, owner, text string) (invoice.Invoice, error) {
	if id.Valid(text) {
		inv, err := a.Invoices.Get(ctx, owner, text)
		if err == nil || !fault.Has(err, fault.InvoiceMissing) {
			return inv, err
		}
	}
	list, err := a.Invoices.Meanings(ctx, owner, text, a.names)
	if err != nil {
		return invoice.Invoice{}, err
	}
	m, err := only(list, meaningID, fault.InvoiceMissing, "id")
	if err != nil {
		return invoice.Invoice{}, a.explained(ctx, owner, err)
	}
	return a.Invoices.Get(ctx, owner, m.ID)
}
