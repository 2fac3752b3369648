package wallet_test

import (
	"math"
	"time"

	"sarraf/fault"
	"sarraf/money"
	"sarraf/wallet"
)

// model is what wallets should say, kept as plainly as can be: one thing after another, and every figure counted anew from what was moved.
type model struct {
	wallets map[string]*person
	rules   map[ruleOf]wallet.Rule
	moved   []moved // in order
}

type person struct {
	wallet.Wallet
	pin      string
	failures int
	locked   time.Time // until then; zero for not
	zone     *time.Location
}

type ruleOf struct {
	owner    string // "" for everybody
	currency money.Currency
	movement wallet.Movement
}

// moved is a transfer as the model has it.
type moved struct {
	wallet.Transfer
	once     bool
	asked    time.Time // by the clock; At may be the beginning of the day after
	returned bool      // a withdrawal that came back
}

// balance is what the wallet has.
func (m *model) balance(owner string, c money.Currency) (sum int64) {
	for _, t := range m.moved {
		if t.Currency != c {
			continue
		}
		if t.Owner == owner && !t.FromOutside() {
			sum -= t.Amount + t.Fee
		}
		if t.Receiver == owner {
			sum += t.Amount
		}
	}
	return sum
}

// used is what of the movement went out in the day and the month of the time, and did not come back.
func (m *model) used(p *person, c money.Currency, kind wallet.Movement, at time.Time) (u wallet.Usage) {
	y, mo, d := at.In(p.zone).Date()
	for _, t := range m.moved {
		if t.Owner != p.Owner || t.Kind != kind || t.Currency != c || t.returned {
			continue
		}
		y2, mo2, d2 := t.At.In(p.zone).Date()
		if y == y2 && mo == mo2 {
			u.ThisMonth += t.Amount
			if d == d2 {
				u.Today += t.Amount
			}
		}
	}
	return u
}

// dated is when something asked for at the time happens: not in a day before one of the same movement that was.
func (m *model) dated(p *person, c money.Currency, kind wallet.Movement, at time.Time) time.Time {
	for _, t := range m.moved {
		if t.Owner != p.Owner || t.Kind != kind || t.Currency != c {
			continue
		}
		y, mo, d := t.At.In(p.zone).Date()
		if begins := time.Date(y, mo, d, 0, 0, 0, 0, p.zone); at.Before(begins) {
			at = begins.UTC()
		}
	}
	return at
}

// show is a PIN that is shown.
func (p *person) show(pin *string, at time.Time) fault.Code {
	digits := len(*pin) == 4
	for _, r := range *pin {
		digits = digits && r >= '0' && r <= '9'
	}
	switch {
	case !digits:
		return fault.PINMalformed
	case at.Before(p.locked):
		return fault.PINLocked
	case *pin == p.pin:
		p.failures, p.locked = 0, time.Time{}
		return ""
	}
	if !p.locked.IsZero() {
		p.failures, p.locked = 0, time.Time{}
	}
	if p.failures++; p.failures >= 5 {
		p.locked = at.Add(30 * time.Minute)
	}
	return fault.PINWrong
}

// rule is what holds for the wallet.
func (m *model) rule(owner string, c money.Currency, kind wallet.Movement) wallet.Rule {
	for _, o := range []string{owner, ""} {
		if r, ok := m.rules[ruleOf{o, c, kind}]; ok {
			return r
		}
	}
	return wallet.Rule{}
}

// fee is flat and a share of the amount, half-even, between the schedule's bounds.
func fee(s money.Schedule, amount int64) int64 {
	whole, rest := amount*s.PPM/1_000_000, amount*s.PPM%1_000_000
	if rest > 500_000 || rest == 500_000 && whole%2 == 1 {
		whole++
	}
	f := max(s.Flat+whole, s.Min)
	if s.Max > 0 {
		f = min(f, s.Max)
	}
	return f
}

// spend says what becomes of a Spend: the transfer, whether it was one of before, or the fault.
func (m *model) spend(sp wallet.Spend, at time.Time) (t wallet.Transfer, replay bool, code fault.Code) {
	c := sp.Amount.Currency
	if sp.Amount.Minor <= 0 {
		return t, false, fault.AmountNotPositive
	}
	from, to := m.wallets[sp.Sender], m.wallets[sp.Receiver]
	foreign := sp.By == wallet.MerchantKey && (from == nil || from.Merchant != sp.Merchant)
	for _, old := range m.moved {
		if old.Owner != sp.Sender || old.ID != sp.ID {
			continue
		}
		switch {
		case foreign && old.Merchant != sp.Merchant:
			return t, false, fault.WalletMissing
		case sp.Out != nil && old.RailReference != sp.Out.Payout,
			old.Receiver != sp.Receiver || old.Amount != sp.Amount.Minor || old.Currency != c || old.Note != sp.Note || old.Kind == wallet.TopUp:
			return t, false, fault.IdempotencyReused
		}
		return old.Transfer, true, ""
	}
	switch {
	case from == nil, foreign:
		return t, false, fault.WalletMissing
	case !from.Has(c):
		return t, false, fault.CurrencyUnknown
	case from.Status != wallet.Approved:
		return t, false, fault.SenderNotApproved
	case sp.Out != nil: // to nobody here
	case sp.Sender == sp.Receiver:
		return t, false, fault.ReceiverSelf
	case to == nil || to.Status != wallet.Approved || to.Sandbox != from.Sandbox || !to.Has(c):
		return t, false, fault.ReceiverMissing
	}
	kind := wallet.Send
	switch {
	case sp.Out != nil:
		kind = wallet.Withdrawal
	case to.Kind == wallet.Merchant:
		kind = wallet.Payment
	}
	pin := func() fault.Code {
		switch {
		case sp.PIN != nil:
			return from.show(sp.PIN, at)
		case sp.By == wallet.Operator || sp.By == wallet.MerchantKey && from.Kind == wallet.Merchant:
			return ""
		}
		return fault.FieldRequired
	}
	when := m.dated(from, c, kind, at)
	if old := m.same(sp, at, when); sp.Once && old != nil {
		return old.Transfer, true, pin()
	}
	r, u := m.rule(sp.Sender, c, kind), m.used(from, c, kind, when)
	f, have := fee(r.Fee, sp.Amount.Minor), m.balance(sp.Sender, c)
	switch {
	case sp.Amount.Minor < r.Min:
		return t, false, fault.AmountBelowLimit
	case r.Max > 0 && sp.Amount.Minor > r.Max:
		return t, false, fault.AmountAboveLimit
	case r.Daily > 0 && u.Today+sp.Amount.Minor > r.Daily:
		return t, false, fault.DailyLimitExceeded
	case r.Monthly > 0 && u.ThisMonth+sp.Amount.Minor > r.Monthly:
		return t, false, fault.MonthlyLimitExceeded
	case have < sp.Amount.Minor+f:
		return t, false, fault.BalanceInsufficient
	}
	if code := pin(); code != "" {
		return t, false, code
	}
	t = wallet.Transfer{
		Owner: sp.Sender, ID: sp.ID, Door: sp.Door, Kind: kind, Merchant: from.Merchant, Receiver: sp.Receiver, Amount: sp.Amount.Minor, Fee: f, Currency: c,
		Note: sp.Note, SenderName: from.Name, BalanceAfter: have - sp.Amount.Minor - f, By: sp.By, At: when,
	}
	if sp.Out != nil {
		t.Rail, t.RailReference, t.ReceiverName, t.ReceiverNumber = wallet.PayoutRail, sp.Out.Payout, sp.Out.Name, sp.Out.Account
	} else {
		t.ReceiverMerchant, t.ReceiverName, t.ReceiverKind = to.Merchant, to.Name, to.Kind
	}
	m.moved = append(m.moved, moved{Transfer: t, once: sp.Once, asked: at})
	return t, false, ""
}

// same is the latest identical one of the last minute, by the clock and by the dates.
func (m *model) same(sp wallet.Spend, at, when time.Time) (found *moved) {
	for i := range m.moved {
		t := &m.moved[i]
		if !t.once || t.Owner != sp.Sender || t.Receiver != sp.Receiver || t.Amount != sp.Amount.Minor || t.Currency != sp.Amount.Currency || t.Note != sp.Note {
			continue
		}
		minutes := math.Abs(float64(t.asked.Unix()/60 - at.Unix()/60))
		if ago := when.Sub(t.At).Abs(); minutes > 1 || ago >= time.Minute {
			continue
		}
		if found == nil || found.At.Before(t.At) {
			found = t
		}
	}
	return found
}

// giveBack has the i-th of what was moved, a withdrawal, come back.
func (m *model) giveBack(i int, at time.Time) (t wallet.Transfer) {
	w := &m.moved[i]
	w.returned = true
	t = wallet.Transfer{
		Owner: w.Owner, Kind: wallet.Return, Merchant: w.Merchant, Receiver: w.Owner, Amount: w.Amount + w.Fee, Currency: w.Currency,
		BalanceAfter: m.balance(w.Owner, w.Currency) + w.Amount + w.Fee, At: at,
	}
	m.moved = append(m.moved, moved{Transfer: t, asked: at})
	return t
}

// outside is what the wallet has taken out and has not got back.
func (m *model) outside(owner string, c money.Currency) (sum int64) {
	for _, t := range m.moved {
		if t.Owner == owner && t.Currency == c && t.Kind == wallet.Withdrawal && !t.returned {
			sum += t.Amount + t.Fee
		}
	}
	return sum
}

// topUp puts money into a wallet, or says why not.
func (m *model) topUp(n wallet.TopUpNew, at time.Time) (t wallet.Transfer, replay bool, code fault.Code) {
	p, c := m.wallets[n.Wallet], n.Amount.Currency
	for _, old := range m.moved {
		if old.Owner == n.Wallet && old.Kind == wallet.TopUp && old.Rail == n.Rail && old.RailReference == n.Reference {
			if old.Amount != n.Amount.Minor || old.Currency != c {
				return t, false, fault.ReferenceTaken
			}
			return old.Transfer, true, ""
		}
	}
	switch {
	case p == nil:
		return t, false, fault.WalletMissing
	case !p.Has(c):
		return t, false, fault.CurrencyUnknown
	case p.Status != wallet.Approved:
		return t, false, fault.SenderNotApproved
	case !p.Sandbox && n.Rail != wallet.OperatorRail:
		return t, false, fault.SandboxOnly
	}
	t = wallet.Transfer{
		Owner: n.Wallet, ID: n.ID, Door: n.Door, Kind: wallet.TopUp, Merchant: p.Merchant, Receiver: n.Wallet, ReceiverMerchant: p.Merchant, Amount: n.Amount.Minor,
		Currency: c, Rail: n.Rail, RailReference: n.Reference, SenderName: p.Name, ReceiverName: p.Name, ReceiverKind: p.Kind,
		BalanceAfter: m.balance(n.Wallet, c) + n.Amount.Minor, By: n.By, At: m.dated(p, c, wallet.TopUp, at),
	}
	m.moved = append(m.moved, moved{Transfer: t, asked: at})
	return t, false, ""
}
