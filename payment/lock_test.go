package payment_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"sarraf/invoice"
	"sarraf/payment"
	"sarraf/store"
)

// waiters is how many transactions of the database wait for another one's rows, on PostgreSQL.
func (h *house) waiters(t testing.TB) (n int64) {
	t.Helper()
	err := h.db.Query(ctx, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`, nil,
		func(r store.Row) error { return r.Scan(&n) })
	if err != nil {
		t.Error(err)
	}
	return n
}

func TestReceiptForABillByItsIDDoesNotLockUpWithWhoMakesBills(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := billing(t, h)
		owner := b.school(t).Owner
		one, two := b.issue(t, owner, "P1", invoice.Bill), b.issue(t, owner, "P2", invoice.Bill)
		byID, byPSID := h.receipt(one, 5000), h.receipt(two, 5000)
		byID.Amount, byPSID.Amount, byPSID.Invoice, byPSID.PSID = one.Total(), two.Total(), "", two.PSID

		makers, slices := 0, 0
		done := make(chan error, 1)
		err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			makers++
			lock := func(inv invoice.Invoice) error { // as who makes bills does: the payer, then its newest bill
				invoice.LockNewestLater(tx, []invoice.PSIDKey{{Owner: owner, PSID: inv.PSID}}, map[invoice.PSIDKey]*invoice.Invoice{})
				return tx.Flush(ctx)
			}
			if err := lock(two); err != nil || makers > 1 {
				return err
			}
			go func() {
				done <- h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
					slices++
					out, err := h.SettleSlice(ctx, tx, []payment.Receipt{byID, byPSID})
					if err == nil {
						err = errors.Join(out[0].Err, out[1].Err)
					}
					return err
				})
			}()
			if tx.Engine() == store.Postgres { // on SQLite the other transaction has not begun
				for until := time.Now().Add(10 * time.Second); h.waiters(t) == 0; {
					if time.Now().After(until) {
						return errors.New("the receipts do not wait for the bill that is being made")
					}
				}
			}
			return lock(one)
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if makers != 1 || slices != 1 {
			t.Errorf("bills were begun %d times, receipts %d times", makers, slices)
		}
		h.clean(t)
	})
}
