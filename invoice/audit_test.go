package invoice_test

import (
	"context"
	"encoding/json"
	"testing"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/audittest"
	"sarraf/invoice"
	"sarraf/store"
)

func TestAuditNamesEveryEditOfAnInvoiceAndItsAliases(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		bare := h.draft("other", "native", "")
		bare.Number, bare.Title, bare.Extra, bare.WebhookURL, bare.ReturnURL = "", "", "", "", ""
		list := []invoice.Invoice{h.draft("shop", "aspay", "R-1"), h.draft("shop", "aspay", ""), h.draft("shop", "native", "R-1"), bare}
		h.createSlice(t, list...)
		for i, to := range []invoice.Status{invoice.Cancelled, invoice.Expired, invoice.Failed} {
			if _, err := h.End(ctx, invoice.Ending{Owner: list[i].Owner, ID: list[i].ID, To: to, Reason: "why"}, nil); err != nil {
				t.Fatal(err)
			}
		}
		audittest.Walk(t, h.db, invoice.Audit,
			audittest.Table{Name: "invoice", Key: []string{"owner", "id"}, Fresh: []string{"reference"}},
			audittest.Table{Name: "alias", Key: []string{"kind", "value"}, Where: "kind = 'checkout' OR kind LIKE '%.invoice'"},
		)
	})
}

func TestAuditNamesAMoveThatIsNotLegal(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		inv := h.make(t, h.draft("shop", "aspay", "R-1"))
		h.force(t, inv, invoice.Refunded) // and then a refusal that changes nothing
		if _, err := h.End(ctx, invoice.Ending{Owner: "shop", ID: inv.ID, To: invoice.Failed}, nil); !fault.Has(err, fault.InvoiceClosed) {
			t.Fatal(err)
		}
		found := h.findings(t)
		if len(found) != 1 || found[0].Table != "invoice" || found[0].Row != inv.ID {
			t.Fatalf("%v", found)
		}
	})
}

// giveBack counts so much as given back, and tells of it as a refund does.
func (h *house) giveBack(t *testing.T, inv invoice.Invoice, typ event.Type, change func(*invoice.Invoice)) {
	t.Helper()
	err := h.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		have, err := invoice.Lock(ctx, tx, []invoice.Key{inv.Key()})
		if err != nil {
			return err
		}
		now := have[inv.Key()]
		change(now)
		invoice.Save(tx, []*invoice.Invoice{now})
		data, err := json.Marshal(invoice.Fact{Invoice: *now})
		if err != nil {
			return err
		}
		_, err = event.NewLog(h.db).Append(ctx, tx, []event.New{now.Event(typ, data, h.clock.Now())})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAuditFollowsWhatIsGivenBack(t *testing.T) {
	paid := func(i *invoice.Invoice) {
		i.Status, i.Paid, i.PaidAt = invoice.Paid, i.Amount, i.UpdatedAt
		i.Touch(i.UpdatedAt)
	}
	part := func(i *invoice.Invoice) { i.GiveBack(40, i.UpdatedAt) }
	rest := func(i *invoice.Invoice) { i.GiveBack(i.Paid-i.Refunded, i.UpdatedAt) }
	for name, story := range map[string]struct {
		last  event.Type
		steps []func(*invoice.Invoice)
		right bool
	}{
		"part of it":                   {invoice.EventRefunded, []func(*invoice.Invoice){part}, true},
		"all of it in parts":           {invoice.EventRefunded, []func(*invoice.Invoice){part, rest}, true},
		"nothing is given back":        {invoice.EventRefunded, []func(*invoice.Invoice){func(*invoice.Invoice) {}}, false},
		"by another event":             {invoice.EventReceived, []func(*invoice.Invoice){part}, false},
		"more than was paid":           {invoice.EventRefunded, []func(*invoice.Invoice){func(i *invoice.Invoice) { i.GiveBack(i.Paid+1, i.UpdatedAt) }}, false},
		"less than before":             {invoice.EventRefunded, []func(*invoice.Invoice){part, func(i *invoice.Invoice) { i.Refunded--; i.Touch(i.UpdatedAt) }}, false},
		"refunded and not whole":       {invoice.EventRefunded, []func(*invoice.Invoice){func(i *invoice.Invoice) { part(i); i.Status = invoice.Refunded }}, false},
		"whole and not refunded":       {invoice.EventRefunded, []func(*invoice.Invoice){func(i *invoice.Invoice) { rest(i); i.Status = invoice.Paid }}, false},
		"a change that no one counted": {invoice.EventRefunded, []func(*invoice.Invoice){func(i *invoice.Invoice) { part(i); i.Changes-- }}, false},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *house) {
				inv := h.make(t, h.draft("shop", "aspay", "R-1"))
				h.giveBack(t, inv, invoice.EventPaid, paid)
				for _, s := range story.steps {
					h.giveBack(t, inv, story.last, s)
				}
				if found := h.findings(t); (len(found) == 0) != story.right {
					t.Errorf("%v", found)
				}
			})
		})
	}
}
