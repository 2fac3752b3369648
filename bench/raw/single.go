package main

import (
	"context"

	"github.com/jackc/pgx/v5"

	"sarraf/internal/clock"
)

// createOne is one invoice in a transaction of its own, in one round trip.
func (e *postgresEngine) createOne(ctx context.Context, b *books, m made) error {
	now := clock.Micros(clock.System{}.Now())
	var q pgx.Batch
	q.Queue("BEGIN")
	q.Queue(sqlOneCreateInvoice, b.invoiceRow(m, now)...)
	q.Queue(sqlOneAliases, m.token, "checkout", b.owner, m.id, m.number, "aspay.invoice", b.owner, m.id)
	q.Queue(sqlOneEvent, b.owner, "invoice.created", "invoice", m.id, "aspay", `{"invoice":`+b.snapshot(m, now, false)+`}`, now)
	q.Queue("COMMIT")
	return e.send(ctx, &q)
}

// settleOne is one payment in a transaction of its own, in one round trip. The hot rows are taken as late as can be, always in the
// same order.
func (e *postgresEngine) settleOne(ctx context.Context, b *books, m made) error {
	now := clock.Micros(clock.System{}.Now())
	payment, transfer := newID(), newID()
	var q pgx.Batch
	q.Queue("BEGIN")
	q.Queue(sqlOnePaid, b.owner, m.id, int64(price), "paid", "", int64(1), now, now)
	q.Queue(sqlOnePayment, b.owner, payment, m.id, "sandbox", payment, int64(price), "BDT", int64(price), int64(0), int64(0), "received", "",
		int64(0), now)
	entry := func(account, counter, side string, debit, credit int64) {
		q.Queue(sqlOneEntry, b.owner, account, "BDT", account[4:], debit, credit, transfer, side, int64(price), b.owner, counter,
			"settlement", payment, now)
	}
	entry(balance, clearing, "credit", 0, price)
	entry(clearing, balance, "debit", price, 0)
	q.Queue(sqlOneEventDelivery, b.owner, "invoice.paid", "invoice", m.id, "aspay",
		`{"invoice":`+b.snapshot(m, now, true)+`,"payment":`+b.paymentJSON(m, payment, now)+`}`, now, newID(), hook, b.owner+" 127.0.0.1:9")
	q.Queue("COMMIT")
	return e.send(ctx, &q)
}
