package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/wallet"
)

type demoDeshiPay struct {
	Consumers [3]demoHolder `json:"consumers"`
	Merchant  demoHolder    `json:"merchant"`
}

type demoHolder struct {
	MobileNumber string `json:"mobile_number"`
	PIN          string `json:"pin"`
}

// demoPeople are those who have wallets in a demo, with made-up numbers, and demoShop is the wallet of its merchant.
var (
	demoPeople = [3]wallet.Wallet{
		{Kind: wallet.Consumer, Name: "Rahim Uddin", Number: "+8801711000001", Email: "rahim@example.com", Address: "House 7, Road 4, Dhaka"},
		{Kind: wallet.Consumer, Name: "Karima Begum", Number: "+8801711000002", Email: "karima@example.com", Address: "House 12, Khulna"},
		{Kind: wallet.Consumer, Name: "John Smith", Number: "+8801711000003", Email: "john@example.com", Address: "Home / Holding: 115/24, Dhaka"},
	}
	demoShop = wallet.Wallet{Kind: wallet.Merchant, Name: "Nokshi Store", Number: "+8801711000010"}
)

// demoMoney is what each of the people begins with.
var demoMoney = money.Of(122_115_14, money.BDT)

// settleWallets makes the demo's wallets, with money in them, and answers who may use them. What a first start that did not come to its end
// has made is taken over.
func settleWallets(ctx context.Context, a *app, by merchant.Actor, owner string) (demoDeshiPay, error) {
	var line demoDeshiPay
	for i, person := range demoPeople {
		w, holder, err := settleWallet(ctx, a, by, person)
		if err != nil {
			return line, err
		}
		_, err = a.wallets.TopUp(ctx, wallet.TopUpNew{
			ID: id.New(a.db.Clock()), Door: "command", Wallet: w.Owner, Amount: demoMoney, Rail: wallet.OperatorRail, Reference: "demo",
			By: wallet.Operator, Actor: by.Name,
		}, nil)
		if err != nil {
			return line, err
		}
		line.Consumers[i] = holder
	}
	shop := demoShop
	shop.Merchant = owner
	w, holder, err := settleWallet(ctx, a, by, shop)
	if err == nil && w.Merchant != owner { // that of an earlier start is another merchant
		w.Merchant = owner
		_, err = a.wallets.Change(ctx, by, w)
	}
	line.Merchant = holder
	return line, err
}

// addWallets is the line of a kept demo with wallets for its merchant.
func addWallets(ctx context.Context, a *app, line demoLine) (demoLine, error) {
	m, _, err := a.merchants.Authenticate(ctx, "native", "", line.Native.APIKey)
	if err != nil {
		return line, err
	}
	line.DeshiPay, err = settleWallets(ctx, a, demoActor, m.Owner)
	return line, err
}

// settleWallet makes a wallet, or gives the one that has its number a new PIN.
func settleWallet(ctx context.Context, a *app, by merchant.Actor, w wallet.Wallet) (wallet.Wallet, demoHolder, error) {
	w.Status, w.Sandbox, w.Currencies, w.Zone = wallet.Approved, true, []money.Currency{money.BDT}, "Asia/Dhaka"
	holder := demoHolder{MobileNumber: w.Number, PIN: newPIN()}
	made, err := a.wallets.Create(ctx, by, wallet.New{Wallet: w, PIN: holder.PIN}, nil)
	if !fault.Has(err, fault.ReferenceTaken) {
		return made, holder, err
	}
	if made, err = a.wallets.ByNumber(ctx, w.Number); err != nil {
		return made, holder, err
	}
	return made, holder, a.wallets.SetPIN(ctx, by, made.Owner, holder.PIN)
}

// newPIN is four random digits.
func newPIN() string {
	n, err := rand.Int(rand.Reader, big.NewInt(10_000))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return fmt.Sprintf("%04d", n)
}
