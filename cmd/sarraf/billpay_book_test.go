package main

import (
	"fmt"
	"net/http"
	"time"

	"sarraf/internal/hostile"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/money"
)

// billpayBook has the routes of banks.
func billpayBook() map[string]recipe {
	list := map[string]recipe{}
	for _, base := range []string{"/api/1.0/Payments", "/api/v1/Payments", "/api/v1"} {
		inquiry, payment := "/billpay/{channel}"+base+"/BillInquiry", "/billpay/{channel}"+base+"/BillPayment"
		list["billpay POST "+inquiry] = recipe{takes: coded("00"), repeats: []repeat{{judge: alike}}, good: func(w *world) hostile.Request {
			return w.banking(inquiry)
		}}
		list["billpay POST "+payment] = recipe{takes: coded("00"), repeats: []repeat{{payments: 1, judge: once(http.StatusOK, `"03"`)}}, good: func(w *world) hostile.Request {
			now := time.Now().UTC().Add(5 * time.Hour) // Karachi
			return w.banking(payment, "tran_auth_id", fmt.Sprintf("%06d", w.next()), "transaction_amount", "000000250000",
				"tran_date", now.Format("20060102"), "tran_time", now.Format("150405"))
		}}
	}
	return list
}

// coded reports whether an answer to a bank has the code.
func coded(code string) func(hostile.Answer) bool {
	return func(a hostile.Answer) bool { return a.Status == http.StatusOK && object(a)["response_Code"] == code }
}

// banking is a good request of the demo's bank about an open bill, with more fields by name and value.
func (w *world) banking(pattern string, more ...string) hostile.Request {
	w.t.Helper()
	own := w.line.BillPay
	field := func(name, value string) hostile.Field {
		return hostile.Field{Name: name, JSON: fmt.Sprintf("%q", value), Sort: hostile.Text, Required: true}
	}
	r := hostile.Request{
		Method: http.MethodPost, Pattern: pattern, Forms: true, Path: []hostile.Pair{{Name: "channel", Value: own.Channel}},
		Header:  []hostile.Pair{{Name: "Password", Value: own.Password}, {Name: "Username", Value: own.Username}},
		Secrets: []string{"Password", "Username"},
		Fields:  []hostile.Field{field("consumer_number", w.bill())},
	}
	for i := 0; i+1 < len(more); i += 2 {
		r.Fields = append(r.Fields, field(more[i], more[i+1]))
	}
	bank := field("bank_mnemonic", "HBL")
	bank.Required = len(more) > 0
	r.Fields = append(r.Fields, bank)
	for why, set := range map[string]map[string]string{
		"another's password":                        {"Password": w.mine["native"]["key"]},
		"another's user name":                       {"Username": "another"},
		"user name and password changed about":      {"Username": own.Password, "Password": own.Username},
		"a channel that is nobody's":                {"{channel}": "nobody"},
		"a merchant's key in the password's place":  {"Password": w.mine["aspay"]["key"], "Username": w.mine["aspay"]["handle"]},
		"another merchant's, in the password's too": {"Password": w.victim["aspay"]["key"], "Username": w.victim["aspay"]["handle"]},
	} {
		set[""] = why
		for name, value := range map[string]string{"Username": own.Username, "Password": own.Password} {
			if set[name] == "" {
				set[name] = value
			}
		}
		r.Wrong = append(r.Wrong, set)
	}
	return r
}

// bill is the PSID of an open bill of 2,500 rupees; the same one until used is called.
func (w *world) bill() string {
	w.t.Helper()
	if w.opened["billpay"].reference == "" {
		own := id.New(w.app.db.Clock())
		bill, err := w.app.invoices.CreateBill(w.t.Context(), invoice.NewBill{Invoice: invoice.Invoice{
			Owner: w.owner, ID: own, Door: "billpay", Number: own, Kind: invoice.Bill, Payer: own, Title: "School fee", Currency: money.PKR, Amount: 2500_00,
		}}, nil)
		w.must(err)
		w.opened["billpay"] = made{reference: bill.Invoice.PSID}
	}
	return w.opened["billpay"].reference
}
