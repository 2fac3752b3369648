package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"sarraf/internal/clock"
	"sarraf/internal/id"
)

// piece is the rows of one statement.
type piece struct {
	to   *bulk
	args []any
}

// pieces are the writes of one transaction.
type pieces []piece

// rows counts the rows that are written, inserted or updated.
func (p pieces) rows() int {
	n := 0
	for _, x := range p {
		n += len(x.args) / len(x.to.types)
	}
	return n
}

// made is an invoice that can be settled.
type made struct{ id, number, token, reference string }

// books makes the rows of one merchant. It knows the last numbers and balances, since nobody else writes. It is for one goroutine.
type books struct {
	owner string
	st    *statements
	seq   int64            // of the last event
	refs  int64            // of the last reference
	moved map[string]int64 // money that went through each account
	last  map[string]int64 // seq of each account
}

const (
	price    = 12550 // minor units
	fee      = 125
	clearing = "BDT/clearing/sandbox"
	balance  = "BDT/balance"
	fees     = "BDT/fees"
	hook     = "http://127.0.0.1:9/callback"
)

func newBooks() *books {
	return &books{owner: newID(), st: newStatements(), moved: map[string]int64{}, last: map[string]int64{}}
}

func newID() string { return id.New(clock.System{}) }

// invoice makes what differs from one invoice to the next: like the program's, its number and token come in no order.
func (b *books) invoice() made {
	b.refs++
	return made{
		id: newID(), number: fmt.Sprintf("ATINV%014d", rand.Int64N(1e14)), token: id.Token(24), reference: "R" + strconv.FormatInt(b.refs, 10),
	}
}

// create are the writes of n new invoices.
func (b *books) create(n int) (pieces, []made) {
	now := clock.Micros(clock.System{}.Now())
	list := make([]made, n)
	invoices, aliases, events := make([]any, 0, 21*n), make([]any, 0, 8*n), make([]any, 0, 8*n)
	for i := range list {
		m := b.invoice()
		list[i] = m
		invoices = append(invoices, b.invoiceRow(m, now)...)
		aliases = append(aliases, m.token, "checkout", b.owner, m.id, m.number, "aspay.invoice", b.owner, m.id)
		b.seq++
		events = append(events, b.owner, b.seq, "invoice.created", "invoice", m.id, "aspay", `{"invoice":`+b.snapshot(m, now, false)+`}`, now)
	}
	return pieces{
		{b.st.invoice, invoices},
		{b.st.alias, aliases},
		{b.st.counter, []any{b.owner, int64(n)}},
		{b.st.event, events},
	}, list
}

func (b *books) invoiceRow(m made, now int64) []any {
	return []any{
		b.owner, m.id, "aspay", m.number, m.token, m.reference, "Invoice " + m.number, "", "", "John Doe", "", int64(price), "BDT", int64(0), "open", "", hook, hook, "",
		int64(0), now, now, now + time.Hour.Microseconds(), nil,
	}
}

// snapshot is as long as the invoice's JSON in an event of the program.
func (b *books) snapshot(m made, now int64, paid bool) string {
	at := clock.FromMicros(now).Format(time.RFC3339Nano)
	s := `{"owner":"` + b.owner + `","id":"` + m.id + `","door":"aspay","number":"` + m.number + `","token":"` + m.token +
		`","reference":"` + m.reference + `","title":"Invoice ` + m.number + `","payer_name":"John Doe","amount":12550,"currency":"BDT",`
	if paid {
		s += `"paid":12550,"status":"paid",`
	} else {
		s += `"paid":0,"status":"open",`
	}
	s += `"return_url":"` + hook + `","webhook_url":"` + hook + `","changes":0,"created_at":"` + at + `","updated_at":"` + at +
		`","expires_at":"` + at + `"`
	if paid {
		s += `,"paid_at":"` + at + `"`
	}
	return s + `}`
}

func (b *books) paymentJSON(m made, payment string, now int64) string {
	return `{"owner":"` + b.owner + `","id":"` + payment + `","invoice":"` + m.id + `","rail":"sandbox","rail_reference":"` + payment +
		`","amount":12550,"currency":"BDT","applied":12550,"unapplied":0,"fee":0,"status":"received","at":"` +
		clock.FromMicros(now).Format(time.RFC3339Nano) + `"}`
}

// settle are the writes of the whole payment of each invoice in list; with fee there are four entries each, else two.
func (b *books) settle(list []made, withFee bool) pieces {
	now := clock.Micros(clock.System{}.Now())
	n := len(list)
	paid, payments, events := make([]any, 0, 8*n), make([]any, 0, 14*n), make([]any, 0, 8*n)
	entries, deliveries := make([]any, 0, 48*n), make([]any, 0, 15*n)
	move := func(from, to, kind, subject string, amount int64) {
		transfer := newID()
		b.moved[from] -= amount
		b.moved[to] += amount
		for _, side := range [2][3]string{{from, to, "debit"}, {to, from, "credit"}} {
			b.last[side[0]]++
			entries = append(entries, b.owner, side[0], b.last[side[0]], transfer, side[2], amount, b.owner, side[1], kind, subject,
				b.moved[side[0]], now)
		}
	}
	taken := int64(0)
	if withFee {
		taken = fee
	}
	for _, m := range list {
		payment := newID()
		paid = append(paid, b.owner, m.id, int64(price), "paid", "", int64(1), now, now)
		payments = append(payments, b.owner, payment, m.id, "sandbox", payment, int64(price), "BDT", int64(price), int64(0), taken, "received", "",
			int64(0), now)
		move(clearing, balance, "settlement", payment, price)
		if withFee {
			move(balance, fees, "fee", payment, fee)
		}
		b.seq++
		data := `{"invoice":` + b.snapshot(m, now, true) + `,"payment":` + b.paymentJSON(m, payment, now) + `}`
		events = append(events, b.owner, b.seq, "invoice.paid", "invoice", m.id, "aspay", data, now)
		deliveries = append(deliveries, b.owner, newID(), b.seq, "invoice.paid", "aspay", m.id, hook, b.owner+" 127.0.0.1:9", "pending",
			int64(0), int64(0), now, int64(0), "", now)
	}
	return pieces{
		{b.st.paid, paid},
		{b.st.account, b.accounts(withFee)},
		{b.st.entry, entries},
		{b.st.payment, payments},
		{b.st.counter, []any{b.owner, int64(n)}},
		{b.st.event, events},
		{b.st.delivery, deliveries},
	}
}

// accounts are the account rows as they stand: one update each for the whole batch.
func (b *books) accounts(withFee bool) []any {
	kinds := []string{balance, clearing}
	if withFee {
		kinds = append(kinds, fees)
	}
	var args []any
	for _, k := range kinds {
		debits, credits := int64(0), b.moved[k]
		if credits < 0 {
			debits, credits = -credits, 0
		}
		args = append(args, b.owner, k, "BDT", k[4:], debits, credits, int64(0), b.last[k], int64(0))
	}
	return args
}
