package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"sarraf/fault"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/payout"
	"sarraf/wallet"
)

// refund gives so much of the invoice's one payment back; 0 is all that is left.
func (d *demo) refund(inv invoice.Invoice, minor int64) payment.Refund {
	d.t.Helper()
	n := payment.NewRefund{Owner: inv.Owner, Invoice: inv.ID, Reason: "sent back", Door: "native", AskedBy: merchant.Actor{Name: "test", Source: "test"}}
	if minor > 0 {
		a := money.Of(minor, inv.Currency)
		n.Amount = &a
	}
	r, err := d.app.payments.Refund(d.t.Context(), n, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return r
}

// goes brings a refund to its end, if its rail has not done it before.
func (d *demo) goes(r payment.Refund) {
	d.t.Helper()
	_, err := d.app.payouts.Move(d.t.Context(), payout.Move{Merchant: r.Merchant, Payout: r.ID, Action: payout.Complete, Right: payout.OfRail}, nil)
	if err != nil && !fault.Has(err, fault.PayoutClosed) {
		d.t.Fatal(err)
	}
	waitFor(d.t, "the refund to be completed", func() bool {
		p, err := d.app.payouts.Get(d.t.Context(), r.Merchant, r.ID)
		return err == nil && p.Status == payout.Completed
	})
}

// Each front door says in its own words that money was given back; of a part, none of them has one.
func TestEveryFrontDoorHasItsWordForMoneyThatWasGivenBack(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		user := w.login()
		field := func(r reply, names ...string) string {
			at := any(r.json)
			for _, n := range names {
				if list, ok := at.([]any); ok && len(list) > 0 {
					at = list[0]
				}
				m, _ := at.(map[string]any)
				at = m[n]
			}
			return fmt.Sprint(at)
		}
		for door, words := range map[string]struct {
			says        func(m made) string
			paid, whole string
		}{
			"aspay": {func(m made) string { return w.aspay("/api/payment/"+m.reference, "").str("status") }, "paid", "refunded"},
			"assanpay": {func(m made) string {
				return field(w.ask("/payment/all-inquiry/"+w.line.AssanPay.MerchantID+"?transactionId="+m.reference, ""), "data", "transactionStaus")
			}, "Completed", "Refunded"},
			"payrequest": {func(m made) string {
				return w.payrequest("/api/get/", map[string]string{"id": m.reference}).str("status")
			}, "paid", "paid"},
			"asaanbill": {func(m made) string {
				return field(w.demo.bill(user, "/search/"+m.page, ""), "data", "content", "status")
			}, "PROCESSED", "PROCESSED"},
		} {
			m := w.make(door, w.mine, "BACK-1-"+door)
			target := m.name(door)
			w.pay(target)
			inv := w.meant(dsn, target)
			told := len(w.told(dsn, inv))
			page := ""
			if door != "asaanbill" {
				page = pageOf(t, m.page)
			}
			for _, part := range []struct {
				minor             int64
				word, title, here string
			}{{inv.Amount / 2, words.paid, "Partly refunded", "paid"}, {0, words.whole, "Payment refunded", "refunded"}} {
				w.goes(w.refund(inv, part.minor))
				if got := words.says(m); got != part.word {
					t.Errorf("%s says %q, want %q", door, got, part.word)
				}
				if got := w.native("/v1/invoices/"+inv.ID, "").str("status"); got != part.here {
					t.Errorf("%s: the native API says %q, want %q", door, got, part.here)
				}
				if page != "" && !strings.Contains(w.ask(page, "").text, part.title) {
					t.Errorf("%s: its page does not say %q", door, part.title)
				}
			}
			if n := len(w.told(dsn, inv)); n != told {
				t.Errorf("%s: %d webhooks more tell of refunds", door, n-told)
			}
			if text := mustRun(t, "explain", "--database", dsn, inv.ID); !strings.Contains(text, "given back") || !strings.Contains(text, "refund.completed") {
				t.Errorf("%s", text)
			}
		}
		proveClean(t, dsn)
	})
}

// meant is the invoice that the target is one's of.
func (d *demo) meant(dsn, target string) invoice.Invoice {
	d.t.Helper()
	_, e := explained(d.t, dsn, target)
	if len(e.Found) != 1 || e.Found[0].Invoice == nil {
		d.t.Fatalf("%s: %+v", target, e.Found)
	}
	inv, err := d.app.invoices.Get(d.t.Context(), e.Found[0].Merchant.ID, e.Found[0].ID)
	if err != nil {
		d.t.Fatal(err)
	}
	return inv
}

// told are the webhooks about the invoice.
func (d *demo) told(dsn string, inv invoice.Invoice) []deliveryFacts {
	d.t.Helper()
	_, e := explained(d.t, dsn, inv.ID)
	return e.Found[0].Deliveries
}

func TestMoneyIsGivenBackByCommand(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		newSecrets(t) // a command that may draw a receipt's number needs a key
		if d.create("ORDER-9", "https://shop.example/back").status != http.StatusOK {
			t.Fatal("no invoice")
		}
		refuse := func(status int, want string, args ...string) {
			t.Helper()
			code, out, errs := command(t, append([]string{"refund", "--database", dsn, "--reason", "sent back"}, args...)...)
			if code != status || !strings.Contains(errs, want) {
				t.Errorf("%q: %d %s%s", args, code, out, errs)
			}
		}
		refuse(1, "nothing is left", "ORDER-9")
		d.pay("ORDER-9")
		refuse(1, "is no invoice", "NOTHING")
		refuse(1, "can be given back", "--amount", "9999999", "ORDER-9")
		refuse(2, "want more than nothing", "--amount", "0", "ORDER-9")
		refuse(2, "--id", "--id", "x", "ORDER-9")
		refuse(1, "nothing is left", "--unapplied", "ORDER-9")
		one := "01952b6c-6a80-7f00-8a00-0000000000aa"
		for range 2 {
			out := mustRun(t, "refund", "--database", dsn, "--reason", "sent back", "--id", one, "--amount", "10.50", "ORDER-9")
			if !strings.Contains(out, "refund: "+one) || !strings.Contains(out, "amount: 10.50 BDT") || !strings.Contains(out, "rail: sandbox") {
				t.Error(out)
			}
		}
		refuse(1, "another refund", "--id", one, "--amount", "10.51", "ORDER-9")
		inv := d.meant(dsn, "ORDER-9")
		list, err := d.app.payments.RefundsOf(t.Context(), inv.Owner, inv.ID)
		if err != nil || len(list) != 1 || list[0].Amount != 10_50 || list[0].Door != "command" || list[0].Description != "sent back" {
			t.Fatalf("%+v, %v", list, err)
		}
		d.goes(list[0])
		mustRun(t, "refund", "--database", dsn, "--reason", "all of it", list[0].Payment)
		for _, name := range []string{one, "ORDER-9"} {
			text := mustRun(t, "explain", "--database", dsn, name)
			inOrder(t, text, "status     paid", "of which 1234.50 is paid, and 10.50 of that given back", "refund "+one, "payment.refunded", "refund.requested")
		}
		proveClean(t, dsn)
	})
}

func TestAReceiptOfARefundLeadsToItsInvoice(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		p := d.purse("+8801712345678", "8371", 10_000_00, nil)
		s := d.sheet(d.create("WALLET-2", "https://shop.example/back").str("payment_url"))
		s.paid(t, s.send("+880 1712-345678", "8371"))
		inv := d.meant(dsn, "WALLET-2")
		r := d.refund(inv, 0)
		if r.Status != payout.Completed || p.has("BDT") != 10_000_00 {
			t.Errorf("%+v, and the wallet has %d", r, p.has("BDT"))
		}
		if text := d.ask("/receipt/"+r.Receipt, "").text; !strings.Contains(text, "Money returned") || !strings.Contains(text, "sent back") {
			t.Error(text)
		}
		for _, name := range []string{r.Receipt, r.ID, wallet.RefundMove(r.ID)} {
			text := mustRun(t, "explain", "--database", dsn, name)
			inOrder(t, text, inv.ID, "status     refunded", "to wallet "+p.Owner+", receipt "+r.Receipt)
		}
		mustRun(t, "explain", "--database", dsn, p.Owner)
		proveClean(t, dsn)
	})
}
