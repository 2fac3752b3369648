package main

import (
	"net/http"
	"strings"

	"sarraf/internal/hostile"
	"sarraf/internal/id"
	"sarraf/money"
	"sarraf/wallet"
)

// receiptBook has the routes of receipts.
func receiptBook() map[string]recipe {
	return map[string]recipe{
		"receipt GET /receipt/{file}":     reading("", "/receipt/{file}", ok, wild("file", func(w *world) string { return w.receipt().Number })),
		"receipt GET /receipt/public-key": reading("", "/receipt/public-key", ok, nil),
		"receipt GET /receipt/verify":     reading("", "/receipt/verify", ok, nil),
		"receipt GET /_sarraf/avatar/{file}": reading("", "/_sarraf/avatar/{file}", ok, wild("file", func(w *world) string {
			url := w.app.receipts.AvatarURL(wallet.Wallet{Owner: w.receipt().Owner, Name: "John Smith"})
			return url[strings.LastIndexByte(url, '/')+1:]
		})),
	}
}

// receipt is a transfer with a receipt; the same one each time.
func (w *world) receipt() wallet.Transfer {
	w.t.Helper()
	if w.paper.Number == "" {
		w.paper = w.demo.pays("+8801998765431", "+8801898765432")
	}
	return w.paper
}

// pays makes two wallets with these numbers, and has the first pay the second.
func (d *demo) pays(from, to string) wallet.Transfer {
	d.t.Helper()
	ctx, s, clock := d.t.Context(), d.app.wallets, d.app.db.Clock()
	must := func(err error) {
		d.t.Helper()
		if err != nil {
			d.t.Fatal(err)
		}
	}
	open := func(number, name string, kind wallet.Kind) wallet.Wallet {
		w, err := s.Create(ctx, worldActor, wallet.New{PIN: "1234", Wallet: wallet.Wallet{
			Kind: kind, Name: name, Number: number, Status: wallet.Approved, Sandbox: true, Currencies: []money.Currency{money.BDT}, Zone: "Asia/Dhaka",
		}}, nil)
		must(err)
		return w
	}
	payer, shop := open(from, "John Smith", wallet.Consumer), open(to, "SHARE & TRIP", wallet.Merchant)
	_, err := s.TopUp(ctx, wallet.TopUpNew{
		ID: id.New(clock), Door: "command", Wallet: payer.Owner, Amount: money.Of(100_000, money.BDT), Rail: wallet.OperatorRail, Reference: id.New(clock),
		By: wallet.Operator, Actor: "test",
	}, nil)
	must(err)
	number, err := s.NextNumber(ctx)
	must(err)
	pin := "1234"
	sent, err := s.Spend(ctx, wallet.Spend{
		ID: id.New(clock), Number: number, Door: "deshipay", Sender: payer.Owner, Receiver: shop.Owner, Amount: money.Of(1050, money.BDT), Note: "Tickets", PIN: &pin,
	}, nil)
	must(err)
	return sent.Transfer
}

// receiptShape is of receipts: a page, or what was asked for by its ending.
func receiptShape(a hostile.Answer, taken bool) []string {
	if k := kind(a); taken && a.Status == http.StatusOK && (k == "image/svg+xml" || k == "image/png" || k == "text/plain" || k == "application/json") {
		return nil
	}
	return pageShape(a, taken)
}
