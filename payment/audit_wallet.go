package payment

import (
	"context"
	"errors"
	"fmt"

	"sarraf/internal/audit"
	"sarraf/store"
	"sarraf/wallet"
)

// auditWallets walks the payments from wallets and the wallets' transfers for invoices side by side: each has the other, and they say the
// same. That the money moved as they say is proved by the audits of both.
func auditWallets(ctx context.Context, tx *store.Tx, report audit.Report) error {
	payments, transfers := Stream(ctx, tx), wallet.StreamOfInvoices(ctx, tx)
	say := func(table, owner, row, format string, args ...any) {
		report(audit.Finding{Table: table, Owner: owner, Row: row, Problem: fmt.Sprintf(format, args...)})
	}
	for {
		p, ok1 := payments.Peek(ctx)
		t, ok2 := transfers.Peek(ctx)
		if !ok1 && !ok2 {
			break
		}
		var s story
		s.least(ok1, p.Owner, p.ID)
		s.least(ok2, t.Receiver, t.ID)
		here, there := ok1 && s.is(p.Owner, p.ID), ok2 && s.is(t.Receiver, t.ID)
		if here {
			payments.Next(ctx)
			here = p.Rail == wallet.Rail && p.Status == Received
		}
		if there {
			transfers.Next(ctx)
		}
		switch {
		case here && !there:
			say("payment", s.owner, s.id, "no wallet paid it")
		case there && !here:
			say("wallet_transfer", t.Owner, t.ID, "it paid invoice %s of %s, and there is no such payment", t.Invoice, t.Receiver)
		case here && (t.Invoice != p.Invoice || t.Amount != p.Amount || t.Currency != p.Currency || !t.At.Equal(p.At) ||
			t.Number != p.RailReference && (t.Number != "" || p.RailReference != p.ID)):
			say("payment", s.owner, s.id, "%d %s of %s for invoice %s by number %s, and its wallet paid %d %s at %s for invoice %s by number %s",
				p.Amount, p.Currency, p.At, p.Invoice, p.RailReference, t.Amount, t.Currency, t.At, t.Invoice, t.Number)
		}
	}
	return errors.Join(payments.Err(), transfers.Err())
}
