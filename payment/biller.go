package payment

import (
	"context"
	"fmt"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/rail"
	"sarraf/store"
)

// Biller answers banks that ask for bills and report them paid: the core as the rails see it that bills are paid over.
type Biller struct {
	payments  *Service
	invoices  *invoice.Service
	merchants *merchant.Service
	receipts  *store.Numbers
}

var _ rail.Biller = (*Biller)(nil)

// NewBiller is a biller over the services.
func NewBiller(p *Service, i *invoice.Service, m *merchant.Service) *Biller {
	return &Biller{payments: p, invoices: i, merchants: m, receipts: p.db.Numbers("receipt")}
}

// Bill answers the newest bill of the PSID. Fault: InvoiceMissing when nobody has it.
func (b *Biller) Bill(ctx context.Context, psid string) (rail.Bill, error) {
	inv, err := b.invoices.OfPSID(ctx, psid)
	if err != nil {
		return rail.Bill{}, err
	}
	m, err := b.merchants.Get(ctx, inv.Owner)
	if err != nil {
		return rail.Bill{}, err
	}
	out := rail.Bill{
		PSID: psid, Title: inv.Title, Sandbox: m.Sandbox(), State: rail.BillClosed, AnyAmount: inv.Kind == invoice.Static,
		Amount: inv.Total(), LateAmount: inv.Total(), LateFrom: inv.LateFrom, ExpiresAt: inv.ExpiresAt,
	}
	if !inv.LateFrom.IsZero() {
		out.LateAmount.Minor = inv.LateAmount
	}
	now := b.payments.clock.Now()
	switch {
	case inv.Status == invoice.Paid:
		out.State, out.PaidAt, out.PaidAmount = rail.BillPaid, inv.PaidAt, inv.AmountPaid()
		if out.PaidReference, err = b.paidBy(ctx, inv); err != nil {
			return rail.Bill{}, err
		}
	case m.Settings.Disabled:
		out.State = rail.BillBlocked
	case inv.Status == invoice.Open && (inv.ExpiresAt.IsZero() || inv.ExpiresAt.After(now)):
		out.State = rail.BillOpen
	}
	return out, nil
}

// paidBy is the reference of the last receipt of the invoice that came over a rail of bills, "" when none did.
func (b *Biller) paidBy(ctx context.Context, inv invoice.Invoice) (string, error) {
	list, err := b.payments.Of(ctx, inv.Owner, inv.ID)
	reference := ""
	for _, p := range list {
		if p.Status == Received && p.Number != "" {
			reference = p.RailReference
		}
	}
	return reference, err
}

// PayBill records that a bank paid the newest bill of the PSID, or answers why it may not. The rules are those of rail.Biller, in that order:
// a reference that was recorded answers its receipt again; then the payer must be known, its merchant open for business, and the amount
// what is due.
func (b *Biller) PayBill(ctx context.Context, p rail.BillPayment) (rail.BillReceipt, error) {
	inv, err := b.invoices.OfPSID(ctx, p.PSID)
	if err != nil {
		return rail.BillReceipt{}, err
	}
	m, err := b.merchants.Get(ctx, inv.Owner)
	if err != nil {
		return rail.BillReceipt{}, err
	}
	if m.Sandbox() != p.Sandbox {
		return rail.BillReceipt{}, fault.New(fault.InvoiceMissing)
	}
	number, err := b.receipts.Next(ctx)
	if err != nil {
		return rail.BillReceipt{}, err
	}
	r := Receipt{
		ID: id.New(b.payments.clock), Owner: inv.Owner, PSID: p.PSID, Rail: p.Rail, RailReference: p.Reference, Amount: p.Amount,
		Outcome: rail.Accepted, Refuse: true, Moment: p.At, Number: fmt.Sprintf("%012d", number),
	}
	if m.Settings.Disabled {
		r.Blocked = fault.New(fault.PermissionMissing)
	}
	settled, err := b.payments.Settle(ctx, r, nil)
	return rail.BillReceipt{Number: settled.Payment.Number, Replay: settled.Replay}, err
}
