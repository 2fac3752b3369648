package main

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"sarraf/internal/clock"
)

// purses makes the rows of transfers between wallets of one merchant. Like books, it knows the last numbers and balances, and is for one goroutine.
type purses struct {
	merchant string
	st       *statements
	owners   []string
	next     int
	moved    []int64 // what went through each wallet
	last     []int64 // seq of each wallet's account
	sent     []int64 // by each wallet
	seq      int64   // of the last event
}

const (
	purse      = "BDT/wallet"
	purseMoves = 100 // minor units of each transfer
)

// newPurses are n wallets that have moved nothing.
func newPurses(n int, st *statements) *purses {
	p := &purses{merchant: newID(), st: st, owners: make([]string, n), moved: make([]int64, n), last: make([]int64, n), sent: make([]int64, n)}
	for i := range p.owners {
		p.owners[i] = newID()
	}
	return p
}

// transfers are the writes of n transfers. They go from each wallet in turn, in steps that have no order, to one half way round.
func (p *purses) transfers(n int) pieces {
	now := clock.Micros(clock.System{}.Now())
	at := clock.FromMicros(now).Format(time.RFC3339Nano)
	day, err := strconv.ParseInt(clock.FromMicros(now).Format("20060102"), 10, 64)
	if err != nil {
		day = 0
	}
	rows, entries, events := make([]any, 0, 25*n), make([]any, 0, 24*n), make([]any, 0, 8*n)
	senders, touched := map[int]bool{}, map[int]bool{}
	const name = "Rahim Store"
	for range n {
		p.next = (p.next + 7919) % len(p.owners)
		from, to := p.next, (p.next+max(1, len(p.owners)/2))%len(p.owners)
		senders[from], touched[from], touched[to] = true, true, true
		id := newID()
		p.sent[from]++
		for _, side := range [2]struct {
			one, other int
			side       string
			amount     int64
		}{{from, to, "debit", -purseMoves}, {to, from, "credit", purseMoves}} {
			p.moved[side.one] += side.amount
			p.last[side.one]++
			entries = append(entries, p.owners[side.one], purse, p.last[side.one], id, side.side, int64(purseMoves), p.owners[side.other], purse,
				"wallet.payment", id, p.moved[side.one], now)
		}
		rows = append(rows, p.owners[from], id, "", "native", "payment", p.merchant, p.owners[to], p.merchant, "", int64(purseMoves), int64(0), "BDT", "",
			"", "", name, "+8801712345678", name, "+8801812345678", "merchant", p.moved[from], "merchant", "", "", now)
		p.seq++
		data := `{"transfer":{"owner":"` + p.owners[from] + `","id":"` + id + `","door":"native","kind":"payment","merchant":"` + p.merchant + `","receiver":"` +
			p.owners[to] + `","receiver_merchant":"` + p.merchant + `","amount":100,"fee":0,"currency":"BDT","sender_name":"` + name +
			`","sender_number":"+8801712345678","receiver_name":"` + name + `","receiver_number":"+8801812345678","receiver_kind":"merchant","balance_after":` +
			strconv.FormatInt(p.moved[from], 10) + `,"by":"merchant","at":"` + at + `"}}`
		events = append(events, p.merchant, p.seq, "wallet.paid", "wallet", id, "native", data, now)
	}
	states, accounts := make([]any, 0, 4*len(senders)), make([]any, 0, 9*len(touched))
	for _, i := range slices.Sorted(maps.Keys(touched)) { // in one order, as every writer locks them
		if senders[i] {
			sum := strconv.FormatInt(p.sent[i]*purseMoves, 10)
			used := `{"BDT/payment":{"d":` + strconv.FormatInt(day, 10) + `,"a":` + sum + `,"m":` + strconv.FormatInt(day/100, 10) + `,"b":` + sum + `}}`
			states = append(states, p.owners[i], int64(0), int64(0), used)
		}
		debits := p.sent[i] * purseMoves
		accounts = append(accounts, p.owners[i], purse, "BDT", "wallet", debits, p.moved[i]+debits, int64(0), p.last[i], int64(0))
	}
	return pieces{
		{p.st.state, states},
		{p.st.transfer, rows},
		{p.st.account, accounts},
		{p.st.entry, entries},
		{p.st.counter, []any{p.merchant, int64(n)}},
		{p.st.event, events},
	}
}
