package ledger_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"sarraf/fault"
	"sarraf/ledger"
)

// model is what the books should say, kept as plainly as can be: one operation at a time, each change taken back when its command is
// refused.
type model struct {
	accounts  map[ledger.Account]standing
	transfers map[[2]string]ledger.Transfer // by either owner and the id
	holds     map[[2]string]held
	entries   map[ledger.Account]int64 // how many
	undo      []func()
}

type standing struct{ debits, credits, held int64 }

type held struct {
	ledger.Hold
	state    ledger.State
	transfer string
}

func newModel() *model {
	return &model{
		accounts: map[ledger.Account]standing{}, transfers: map[[2]string]ledger.Transfer{},
		holds: map[[2]string]held{}, entries: map[ledger.Account]int64{},
	}
}

// set changes a map, and remembers how to take that back.
func set[K comparable, V any](m *model, in map[K]V, k K, v V) {
	old, was := in[k]
	m.undo = append(m.undo, func() {
		delete(in, k)
		if was {
			in[k] = old
		}
	})
	in[k] = v
}

// apply answers "ok", "exists" or the code of the fault.
func (m *model) apply(c ledger.Command) string {
	for _, op := range c.Ops {
		if bad(op, c.At) {
			return string(fault.TransferInvalid)
		}
	}
	same := 0
	first := ""
	for _, op := range c.Ops {
		switch was := m.known(op); was {
		case "":
		case "other":
			return string(fault.IdempotencyReused)
		default:
			same++
			if first == "" {
				first = was
			}
		}
	}
	switch {
	case same == len(c.Ops):
		return "exists"
	case same > 0:
		return first
	}
	m.undo = nil
	for _, op := range c.Ops {
		if code := m.carry(op, c.At); code != "" {
			for _, back := range slices.Backward(m.undo) {
				back()
			}
			return code
		}
	}
	return "ok"
}

func bad(op ledger.Op, at time.Time) bool {
	switch op := op.(type) {
	case ledger.Transfer:
		return op.Amount <= 0 || op.From == op.To || op.From.Currency != op.To.Currency
	case ledger.Hold:
		return op.Amount <= 0 || op.From == op.To || op.From.Currency != op.To.Currency || !op.ExpiresAt.IsZero() && !op.ExpiresAt.After(at)
	}
	return false
}

// known is "" for an operation that is new, "other" for one whose id means something else, else the fault it causes in a command that
// is not known as a whole.
func (m *model) known(op ledger.Op) string {
	switch op := op.(type) {
	case ledger.Transfer:
		d, ok1 := m.transfers[[2]string{op.From.Owner, op.ID}]
		c, ok2 := m.transfers[[2]string{op.To.Owner, op.ID}]
		switch {
		case !ok1 && !ok2:
			return ""
		case d == op && c == op:
			return string(fault.IdempotencyReused)
		}
		return "other"
	case ledger.Hold:
		h, ok := m.holds[[2]string{op.From.Owner, op.ID}]
		switch {
		case !ok:
			return ""
		case h.Hold == op:
			return string(fault.IdempotencyReused)
		}
		return "other"
	case ledger.Post:
		if h := m.holds[[2]string{op.Owner, op.Hold}]; h.state == ledger.Posted && h.transfer == op.Transfer {
			return string(fault.HoldClosed)
		}
	case ledger.Void:
		if m.holds[[2]string{op.Owner, op.Hold}].state == ledger.Voided {
			return string(fault.HoldClosed)
		}
	case ledger.Expire:
		if m.holds[[2]string{op.Owner, op.Hold}].state == ledger.Expired {
			return string(fault.HoldClosed)
		}
	}
	return ""
}

func (m *model) carry(op ledger.Op, at time.Time) string {
	switch op := op.(type) {
	case ledger.Transfer:
		return m.transfer(op, true)
	case ledger.Hold:
		key := [2]string{op.From.Owner, op.ID}
		s := m.accounts[op.From]
		switch {
		case m.holds[key].ID != "":
			return string(fault.IdempotencyReused)
		case s.held > math.MaxInt64-op.Amount:
			return string(fault.AmountOverflow)
		case floored(op.From) && s.credits-s.debits-s.held < op.Amount:
			return string(fault.BalanceInsufficient)
		}
		s.held += op.Amount
		set(m, m.accounts, op.From, s)
		set(m, m.holds, key, held{Hold: op, state: ledger.Pending})
		return ""
	case ledger.Post:
		return m.end(op.Owner, op.Hold, ledger.Posted, op.Transfer, at)
	case ledger.Void:
		return m.end(op.Owner, op.Hold, ledger.Voided, "", at)
	case ledger.Expire:
		return m.end(op.Owner, op.Hold, ledger.Expired, "", at)
	}
	return fmt.Sprintf("what is %T?", op)
}

func (m *model) transfer(t ledger.Transfer, judged bool) string {
	d, c := [2]string{t.From.Owner, t.ID}, [2]string{t.To.Owner, t.ID}
	from, to := m.accounts[t.From], m.accounts[t.To]
	switch {
	case m.transfers[d].ID != "" || m.transfers[c].ID != "":
		return string(fault.IdempotencyReused)
	case from.debits > math.MaxInt64-t.Amount || to.credits > math.MaxInt64-t.Amount:
		return string(fault.AmountOverflow)
	case judged && floored(t.From) && from.credits-from.debits-from.held < t.Amount:
		return string(fault.BalanceInsufficient)
	}
	from.debits += t.Amount
	to.credits += t.Amount
	set(m, m.accounts, t.From, from)
	set(m, m.accounts, t.To, to)
	set(m, m.transfers, d, t)
	set(m, m.transfers, c, t)
	set(m, m.entries, t.From, m.entries[t.From]+1)
	set(m, m.entries, t.To, m.entries[t.To]+1)
	return ""
}

func (m *model) end(owner, id string, to ledger.State, transfer string, at time.Time) string {
	key := [2]string{owner, id}
	h := m.holds[key]
	over := !h.ExpiresAt.IsZero() && !at.Before(h.ExpiresAt)
	switch {
	case h.ID == "":
		return string(fault.HoldMissing)
	case h.state != ledger.Pending:
		return string(fault.HoldClosed)
	case to == ledger.Posted && over:
		return string(fault.HoldExpired)
	case to == ledger.Expired && !over:
		return string(fault.HoldNotDue)
	}
	if to == ledger.Posted {
		t := ledger.Transfer{ID: transfer, From: h.From, To: h.To, Amount: h.Amount, Kind: h.Kind, Subject: h.Subject}
		if code := m.transfer(t, false); code != "" {
			return code
		}
	}
	s := m.accounts[h.From]
	s.held -= h.Amount
	set(m, m.accounts, h.From, s)
	h.state, h.transfer = to, transfer
	set(m, m.holds, key, h)
	return ""
}

// floored says again which accounts have the floor 0.
func floored(a ledger.Account) bool {
	return a.Kind != "payouts" && !strings.HasPrefix(a.Kind, "clearing/") && !strings.HasPrefix(a.Kind, "house/")
}
