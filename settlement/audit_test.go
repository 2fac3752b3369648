package settlement_test

import (
	"context"
	"errors"
	"testing"

	"sarraf/internal/audit"
	"sarraf/internal/audittest"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/settlement"
	"sarraf/store"
)

func TestAuditNamesEveryEditOfASettlement(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		one, play := h.shop(t, merchant.Live), h.shop(t, merchant.Sandbox)
		h.paid(t, one, ref(today, 1), 100)
		h.paid(t, play, ref(today, 2), 200)
		h.paid(t, one, ref(today, 3), 300)
		charged := line(3, ref(today, 2), 200)
		charged.Charges, charged.SettledOn = 5, tomorrow
		h.imported(t, file("a.csv", line(2, ref(today, 1), 100), charged))
		h.imported(t, file("b.csv", line(2, ref(today, 4), 1)))
		audittest.Walk(t, h.db, settlement.Audit,
			audittest.Table{Name: "settlement", Key: []string{"owner", "id"}, Fresh: []string{"hash"}},
			audittest.Table{Name: "settlement_line", Key: []string{"owner", "payment"}, Fresh: []string{"line"}})
	})
}

// errUndo takes an edit back.
var errUndo = errors.New("undo")

func TestAuditNamesATransferWithoutItsLine(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		shop := h.shop(t, merchant.Live)
		p := h.paid(t, shop, ref(today, 1), 100)
		q := h.paid(t, shop, ref(today, 2), 100)
		h.imported(t, file("a.csv", line(2, ref(today, 1), 100)))
		account := func(owner, kind string) ledger.Account {
			return ledger.Account{Owner: owner, Currency: money.PKR, Kind: kind}
		}
		own, clearing := account(merchant.House, ledger.House("bank/bank")), account(shop, ledger.Clearing("bank"))
		for n, op := range []ledger.Transfer{
			{From: own, To: clearing, Kind: settlement.TransferClearing, Subject: p.ID},                                           // settled twice
			{From: own, To: clearing, Kind: settlement.TransferClearing, Subject: q.ID},                                           // settled by nothing
			{From: clearing, To: own, Kind: settlement.TransferClearing, Subject: q.ID},                                           // and back
			{From: account(merchant.House, ledger.House("costs/bank")), To: own, Subject: p.ID, Kind: settlement.TransferCharges}, // charges of nothing
			{From: clearing, To: account(shop, ledger.Balance), Kind: settlement.TransferCharges, Subject: "nothing"},
		} {
			op.ID, op.Amount = "forged-"+string(rune('a'+n)), 100
			var found []audit.Finding
			err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				results, err := ledger.Apply(ctx, tx, []ledger.Command{{At: h.clock.Now(), Ops: []ledger.Op{op}}})
				if err == nil {
					err = results[0].Err
				}
				if err != nil {
					return err
				}
				found = nil
				if err := settlement.Audit(ctx, tx, func(f audit.Finding) { found = append(found, f) }); err != nil {
					return err
				}
				return errUndo
			})
			if !errors.Is(err, errUndo) || len(found) == 0 || found[0].Table != "settlement_line" {
				t.Errorf("transfer %d: %v, %v", n, found, err)
			}
		}
		h.clean(t)
	})
}
