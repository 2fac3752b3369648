package invoice_test

import (
	"testing"

	"sarraf/fault"
	"sarraf/internal/audittest"
	"sarraf/invoice"
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
