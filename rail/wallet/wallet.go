// Package wallet is the rail of payers who have money here: they show their number and their PIN, and pay from their wallet.
package wallet

import (
	"context"
	"errors"

	"sarraf/fault"
	"sarraf/money"
	"sarraf/phone"
	"sarraf/rail"
)

// Name is the rail's name.
const Name = "wallet"

// Method is the key of its one method.
const Method = "wallet"

// The fields of the method.
const (
	FieldNumber = "mobile_number"
	FieldPIN    = "pin"
)

// Rail takes money out of wallets.
type Rail struct{ core rail.Wallets }

var _ rail.InHouse = Rail{}

// New is the rail over the core's wallets.
func New(core rail.Wallets) Rail { return Rail{core} }

// Name is "wallet".
func (Rail) Name() string { return Name }

// Methods is the one way to pay, in every currency: which ones a wallet has is known when its holder has shown the PIN.
func (Rail) Methods(c money.Currency) []rail.Method {
	hint := "With the country's code, as +8801712345678"
	if regions[c] != "" {
		hint = "" // as it is dialled there
	}
	return []rail.Method{{
		Key: Method, Label: "Pay from your wallet", Hint: "With your mobile number and PIN", Icon: "wallet",
		Fields: []rail.Field{
			{Key: FieldNumber, Label: "Mobile number", Hint: hint, Kind: rail.FieldPhone, Autocomplete: "tel"},
			{Key: FieldPIN, Label: "PIN", Hint: "The 4 digits of your wallet", Kind: rail.FieldPIN},
		},
	}}
}

// regions are where numbers that are written without a country's code are dialled.
var regions = map[money.Currency]string{money.BDT: "BD", money.PKR: "PK"}

// CanRefuse is true: money leaves a wallet only for what it pays.
func (Rail) CanRefuse() bool { return true }

// Fee is what the house charges the payer on top.
func (r Rail) Fee(ctx context.Context, owner string, a money.Amount) (money.Amount, error) {
	return r.core.WalletFee(ctx, owner, a)
}

// Charge pays the invoice from the wallet. Faults beside those of rail.Wallets: FieldRequired and FieldMalformed on mobile_number,
// FieldRequired on pin, RailUnknown for another method.
func (r Rail) Charge(ctx context.Context, c rail.Charge) (rail.Answer, error) {
	if c.MethodKey != Method {
		return rail.Answer{}, fault.New(fault.RailUnknown)
	}
	number, err := phone.Parse(c.Fields[FieldNumber], regions[c.Amount.Currency])
	var wrong *fault.Error
	if errors.As(err, &wrong) {
		if wrong.Code == fault.FieldTooLong {
			wrong = fault.New(fault.FieldMalformed)
		}
		return rail.Answer{}, wrong.On(FieldNumber)
	}
	if err != nil {
		return rail.Answer{}, err
	}
	if c.Fields[FieldPIN] == "" {
		return rail.Answer{}, fault.New(fault.FieldRequired).On(FieldPIN)
	}
	receipt, err := r.core.PayFromWallet(ctx, rail.WalletPayment{
		ID: c.ID, Owner: c.Owner, Invoice: c.Invoice, Amount: c.Amount, Fee: c.Fee, Number: string(number), PIN: c.Fields[FieldPIN],
	})
	if err != nil {
		return rail.Answer{}, err
	}
	return rail.Answer{Outcome: rail.Accepted, Reference: receipt.Number}, nil
}
