package api

import (
	"time"

	"sarraf/money"
	"sarraf/wallet"
)

// Wallet is somebody's money here.
type Wallet struct {
	ID           string    `json:"id" doc:"Its own id. Ids sort by time."`
	Merchant     string    `json:"merchant,omitempty" doc:"The id of the merchant that made it, or that it is linked to."`
	Kind         string    `json:"kind" enum:"consumer,merchant" doc:"A person's, or a shop's."`
	Mode         string    `json:"mode" enum:"sandbox,live" doc:"Sandbox wallets and live ones never meet."`
	Name         string    `json:"name"`
	MobileNumber string    `json:"mobile_number,omitempty" doc:"In E.164, unique over all wallets." example:"+8801712345678"`
	Reference    string    `json:"reference,omitempty" doc:"The merchant's own id of it, unique for the merchant." example:"USER-77"`
	Status       string    `json:"status" enum:"pending,approved,suspended" doc:"Only an approved wallet spends and receives."`
	Currencies   []string  `json:"currencies" nullable:"false"`
	TimeZone     string    `json:"time_zone" doc:"An IANA name; its limits are counted in the days and months there." example:"Asia/Dhaka"`
	HasPIN       bool      `json:"has_pin"`
	CreatedAt    time.Time `json:"created_at"`
}

// WalletDetail is a wallet with what is in it.
type WalletDetail struct {
	Wallet
	Balances []WalletBalance `json:"balances" nullable:"false" doc:"One of each currency."`
}

// WalletBalance is what can be spent of one currency.
type WalletBalance struct {
	Currency  string `json:"currency" example:"BDT"`
	Available string `json:"available" doc:"In the major unit." example:"1234.50"`
}

// Limit bounds one sort of transfer of a wallet. A bound that is absent there is not.
type Limit struct {
	Currency      string `json:"currency" example:"BDT"`
	Kind          string `json:"kind" enum:"send,payment,topup,withdrawal" doc:"Of the transfers it bounds."`
	Least         string `json:"least,omitempty" doc:"The least amount of one, in the major unit, without its fee; so are the others."`
	Most          string `json:"most,omitempty" doc:"The greatest amount of one."`
	Daily         string `json:"daily,omitempty" doc:"Of all in one day."`
	Monthly       string `json:"monthly,omitempty" doc:"Of all in one month."`
	UsedToday     string `json:"used_today" doc:"What has gone today."`
	UsedThisMonth string `json:"used_this_month" doc:"What has gone this month."`
	Own           bool   `json:"own" doc:"It was set for this wallet, and not for all."`
}

// StatementLine is one transfer as the wallet's books have it.
type StatementLine struct {
	Number       int64     `json:"number" doc:"Its number in the wallet's books; the newest has the greatest. A fee, which is told with what it was for, takes one as well."`
	Transfer     string    `json:"transfer" doc:"The transfer's id."`
	Receipt      string    `json:"receipt,omitempty" doc:"The number of its receipt, where its front door prints one."`
	Kind         string    `json:"kind" enum:"send,payment,topup,withdrawal,return,refund"`
	Direction    string    `json:"direction" enum:"in,out"`
	Counterparty *Party    `json:"counterparty,omitempty" doc:"Absent for a topup and a return."`
	Amount       string    `json:"amount" doc:"In the major unit, without the fee." example:"120.00"`
	Fee          string    `json:"fee" doc:"What the house took of this wallet." example:"5.00"`
	Balance      string    `json:"balance" doc:"What was there after it." example:"1109.50"`
	Currency     string    `json:"currency" example:"BDT"`
	Note         string    `json:"note,omitempty" doc:"The sender's."`
	At           time.Time `json:"at"`
}

// Quote is what a transfer would come to.
type Quote struct {
	Kind     string       `json:"kind" enum:"send,payment" doc:"Money sent to a person, or paid to a shop."`
	Sender   Party        `json:"sender"`
	Receiver Party        `json:"receiver"`
	Amount   string       `json:"amount" example:"120.00"`
	Fee      string       `json:"fee" example:"5.00"`
	Total    string       `json:"total" doc:"What would leave the sender's wallet." example:"125.00"`
	Currency string       `json:"currency" example:"BDT"`
	Goes     bool         `json:"goes" doc:"It would be done now, if the PIN is right."`
	Problem  *ProblemItem `json:"problem,omitempty" doc:"Why it would be refused."`
}

func walletOf(w wallet.Wallet) Wallet {
	out := Wallet{
		ID: w.Owner, Merchant: w.Merchant, Kind: string(w.Kind), Mode: "live", Name: w.Name, MobileNumber: w.Number, Reference: w.Reference,
		Status: string(w.Status), TimeZone: w.Zone, HasPIN: w.HasPIN, CreatedAt: w.CreatedAt, Currencies: make([]string, len(w.Currencies)),
	}
	if w.Sandbox {
		out.Mode = "sandbox"
	}
	for i, c := range w.Currencies {
		out.Currencies[i] = string(c)
	}
	return out
}

func lineOf(l wallet.Line) StatementLine {
	t := l.Transfer
	out := StatementLine{
		Number: l.Seq, Transfer: t.ID, Receipt: t.Number, Kind: string(t.Kind), Direction: "out", Amount: major(t.Amount, t.Currency),
		Fee: major(t.Fee, t.Currency), Balance: major(l.Balance, t.Currency), Currency: string(t.Currency), Note: t.Note, At: t.At,
	}
	receiver := receiverOf(t)
	out.Counterparty = &receiver
	if l.In {
		out.Direction, out.Fee = "in", major(0, t.Currency) // the fee is the sender's affair
		out.Counterparty = senderOf(t)
	}
	return out
}

// bound is a limit in the major unit, "" for none.
func bound(minor int64, c money.Currency) string {
	if minor == 0 {
		return ""
	}
	return major(minor, c)
}

func limitOf(c money.Currency, m wallet.Movement, r wallet.Rule, own bool, u wallet.Usage) Limit {
	return Limit{
		Currency: string(c), Kind: string(m), Least: bound(r.Min, c), Most: bound(r.Max, c), Daily: bound(r.Daily, c), Monthly: bound(r.Monthly, c),
		UsedToday: major(u.Today, c), UsedThisMonth: major(u.ThisMonth, c), Own: own,
	}
}
