package payment_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"sarraf/payment"
	"sarraf/store"
)

func TestReceiptsOfARailAreFoundByReferenceAndInTheirOrder(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		one, two := h.shop(t), h.shop(t)
		settle := func(owner, over, reference string) string {
			r := h.receipt(h.bill(t, owner, 100), 100)
			r.Rail, r.RailReference = over, reference
			got, err := h.Settle(ctx, r, nil)
			if err != nil {
				t.Fatal(err)
			}
			return got.Payment.ID
		}
		a, b := settle(one, "bank", "A"), settle(one, "bank", "B")
		settle(one, "cards", "A")
		c, d := settle(two, "bank", "A"), settle(one, "bank", "D")
		err := h.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
			var found []string
			payment.OfRailLater(tx, "bank", []string{"A", "D", "none"}, func(p payment.Payment) { found = append(found, p.ID) })
			if err := tx.Flush(ctx); err != nil {
				return err
			}
			slices.Sort(found)
			say := func(what string, list []payment.Payment, err error, want ...string) {
				var have []string
				for _, p := range list {
					have = append(have, p.ID)
				}
				if err != nil || !slices.Equal(have, want) {
					t.Errorf("%s: %s, want %s: %v", what, strings.Join(have, " "), strings.Join(want, " "), err)
				}
			}
			if !slices.Equal(found, []string{a, c, d}) {
				t.Errorf("by reference: %v", found)
			}
			list, err := payment.After(ctx, tx, one, "bank", "", 10)
			say("all", list, err, a, b, d)
			list, err = payment.After(ctx, tx, one, "bank", a, 1)
			say("the one after the first", list, err, b)
			list, err = payment.Before(ctx, tx, one, "bank", d, 10)
			say("those before the last", list, err, b, a)
			list, err = payment.Before(ctx, tx, one, "bank", d, 1)
			say("the one before the last", list, err, b)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
