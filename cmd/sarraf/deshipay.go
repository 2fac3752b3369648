package main

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"

	"sarraf/dialect/deshipay"
	"sarraf/internal/httpx"
	"sarraf/wallet"
)

// newDeshiPay is the dialect over the wallets, whose holders have the faces of their receipts.
func (a *app) newDeshiPay(s settings, refused *prometheus.CounterVec) *deshipay.Dialect {
	return deshipay.New(deshipay.Deps{
		Wallets: a.wallets, Access: a.access, Codes: wallet.NewCodes(a.wallets, a.keys), Pictures: a.receipts, Clock: a.db.Clock(),
		Status: cmp.Or(s.access.signUp, wallet.Pending), Sandbox: s.access.sandbox, Address: httpx.AddressBehind(s.anonymous.proxies),
		ByAddress: httpx.NewLimiter(s.access.tries, a.db.Clock(), refused.WithLabelValues(deshipay.Name, "address")),
	})
}
