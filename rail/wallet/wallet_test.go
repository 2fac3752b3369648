package wallet

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/money"
	"sarraf/rail"
)

// core is one that takes down what it is asked, and answers what it is told to.
type core struct {
	asked []rail.WalletPayment
	err   error
}

func (*core) WalletFee(_ context.Context, owner string, a money.Amount) (money.Amount, error) {
	return money.Of(int64(len(owner))+a.Minor/100, a.Currency), nil
}

func (c *core) PayFromWallet(_ context.Context, p rail.WalletPayment) (rail.WalletReceipt, error) {
	c.asked = append(c.asked, p)
	return rail.WalletReceipt{Number: "8G5TJQ2WNA"}, c.err
}

func charge(c money.Currency, number, pin string) rail.Charge {
	return rail.Charge{
		ID: "attempt", Owner: "shop", Invoice: "inv", Amount: money.Of(123450, c), Fee: 500, MethodKey: Method,
		Fields: map[string]string{FieldNumber: number, FieldPIN: pin},
	}
}

func TestAPayerIsAskedForNumberAndPIN(t *testing.T) {
	r := New(&core{})
	for _, c := range []money.Currency{"BDT", "PKR", "EUR"} {
		list := r.Methods(c)
		if len(list) != 1 || list[0].Key != Method || list[0].Test || len(list[0].Fields) != 2 {
			t.Fatalf("%s: %+v", c, list)
		}
		number, pin := list[0].Fields[0], list[0].Fields[1]
		if number.Key != FieldNumber || number.Kind != rail.FieldPhone || number.Autocomplete != "tel" || (number.Hint == "") != (c != "EUR") {
			t.Errorf("%s: %+v", c, number)
		}
		if pin.Key != FieldPIN || pin.Kind != rail.FieldPIN || pin.Autocomplete != "" {
			t.Errorf("%s: %+v", c, pin)
		}
	}
	if fee, err := r.Fee(t.Context(), "shop", money.Of(1000, "BDT")); err != nil || fee != money.Of(14, "BDT") {
		t.Errorf("%v, %v", fee, err)
	}
	if r.Name() != "wallet" || !r.CanRefuse() {
		t.Error(r.Name(), r.CanRefuse())
	}
}

func TestAChargePaysFromTheWalletOfTheNumber(t *testing.T) {
	for _, c := range []struct {
		currency     money.Currency
		number, want string
	}{
		{"BDT", "01712-345678", "+8801712345678"},
		{"BDT", "+923001234567", "+923001234567"},
		{"PKR", "0300 1234567", "+923001234567"},
		{"EUR", "+8801712345678", "+8801712345678"},
	} {
		k := &core{}
		a, err := New(k).Charge(t.Context(), charge(c.currency, c.number, "4711"))
		if err != nil || a != (rail.Answer{Outcome: rail.Accepted, Reference: "8G5TJQ2WNA"}) {
			t.Errorf("%s: %+v, %v", c.number, a, err)
		}
		want := []rail.WalletPayment{{
			ID: "attempt", Owner: "shop", Invoice: "inv", Amount: money.Of(123450, c.currency), Fee: 500, Number: c.want, PIN: "4711",
		}}
		if d := cmp.Diff(want, k.asked); d != "" {
			t.Error(d)
		}
	}
}

func TestWhatIsNoNumberNeverReachesAWallet(t *testing.T) {
	k := &core{}
	other := charge("BDT", "01712345678", "4711")
	other.MethodKey = "card"
	bare := charge("BDT", "", "")
	bare.Fields = nil
	for name, c := range map[string]struct {
		rail.Charge
		code  fault.Code
		field string
	}{
		"no number":         {charge("BDT", " ", "4711"), fault.FieldRequired, FieldNumber},
		"no fields":         {bare, fault.FieldRequired, FieldNumber},
		"half a number":     {charge("BDT", "01712", "4711"), fault.FieldMalformed, FieldNumber},
		"a long number":     {charge("BDT", "0171234567801712345678017123456780", "4711"), fault.FieldMalformed, FieldNumber},
		"no country's code": {charge("EUR", "01712345678", "4711"), fault.FieldMalformed, FieldNumber},
		"no PIN":            {charge("BDT", "01712345678", ""), fault.FieldRequired, FieldPIN},
		"another method":    {other, fault.RailUnknown, ""},
	} {
		_, err := New(k).Charge(t.Context(), c.Charge)
		if f := fault.First(err); f == nil || f.Code != c.code || f.Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	if k.asked != nil {
		t.Errorf("%+v", k.asked)
	}
	k.err = fault.New(fault.BalanceInsufficient)
	if a, err := New(k).Charge(t.Context(), charge("BDT", "01712345678", "4711")); !fault.Has(err, fault.BalanceInsufficient) || a.Outcome != "" {
		t.Errorf("%+v, %v", a, err)
	}
}
