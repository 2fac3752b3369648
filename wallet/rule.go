package wallet

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

// Movement is what sort of transfer it is; fees and limits are by it.
type Movement string

// The movements.
const (
	Send    Movement = "send"    // to a consumer's wallet
	Payment Movement = "payment" // to a merchant's wallet, or for an invoice
	TopUp   Movement = "topup"   // from outside into a wallet

	Withdrawal Movement = "withdrawal" // out of a wallet, by a payout, to an account elsewhere
	Return     Movement = "return"     // of a withdrawal whose payout came to nothing; it has no rule
)

// Movements lists every movement that has a rule.
func Movements() []Movement { return []Movement{Send, Payment, TopUp, Withdrawal} }

// Rule is what a movement costs and how much of it may be. Amounts are minor units of its currency and without the fee; a limit of 0 is none.
type Rule struct {
	Fee     money.Schedule `json:"fee"`     // paid by the sender, on top
	Min     int64          `json:"min"`     // of one transfer
	Max     int64          `json:"max"`     // of one transfer
	Daily   int64          `json:"daily"`   // of all of a day where the holder is
	Monthly int64          `json:"monthly"` // of all of a calendar month there
}

// check tells what is wrong with a rule: FieldMalformed on the part.
func (r Rule) check() error {
	if err := r.Fee.Check(); err != nil {
		return fault.New(fault.FieldMalformed).On("fee").Wrap(err)
	}
	for _, limit := range []struct {
		field string
		value int64
	}{{"min", r.Min}, {"max", r.Max}, {"daily", r.Daily}, {"monthly", r.Monthly}} {
		if limit.value < 0 {
			return fault.New(fault.FieldMalformed).On(limit.field)
		}
	}
	if r.Max > 0 && r.Min > r.Max {
		return fault.New(fault.FieldMalformed).On("min")
	}
	return nil
}

// DefaultRule is what holds where an operator has set nothing: the limits of the DeshiPay guide in major units of whatever currency, and its
// fee of 5 taka for sending. Top-ups have no limits.
func DefaultRule(c money.Currency, m Movement) Rule {
	if m == TopUp {
		return Rule{}
	}
	unit := int64(1)
	for range c.Exponent() {
		unit *= 10
	}
	r := Rule{Min: unit, Max: 50_000 * unit, Daily: 200_000 * unit, Monthly: 1_000_000 * unit}
	if m == Send && c == "BDT" {
		r.Fee.Flat = 5 * unit
	}
	return r
}

type ruleKey struct {
	owner    string
	currency money.Currency
	movement Movement
}

// rules are those that were read for some owners and the house.
type rules map[ruleKey]Rule

// of is the rule that holds for the owner: its own, else the house's, else the built-in one.
func (have rules) of(owner string, c money.Currency, m Movement) (r Rule, own bool) {
	if r, ok := have[ruleKey{owner, c, m}]; ok {
		return r, true
	}
	if r, ok := have[ruleKey{merchant.House, c, m}]; ok {
		return r, false
	}
	return DefaultRule(c, m), false
}

// take reads a row of wallet_rule.
func (have rules) take(row store.Row) error {
	var k ruleKey
	var currency, movement string
	var r Rule
	err := row.Scan(&k.owner, &currency, &movement, &r.Fee.Flat, &r.Fee.PPM, &r.Fee.Min, &r.Fee.Max, &r.Min, &r.Max, &r.Daily, &r.Monthly)
	k.currency, k.movement = money.Currency(currency), Movement(movement)
	have[k] = r
	return err
}

// Rule answers what holds for the wallet, and whether that is its own; with owner "", what holds for everybody.
func (s *Service) Rule(ctx context.Context, owner string, c money.Currency, m Movement) (r Rule, own bool, err error) {
	have := rules{}
	err = s.db.QueryRows(ctx, bulkRules, []any{owner, merchant.House}, have.take)
	r, own = have.of(owner, c, m)
	return r, own, err
}

// SetRule sets what holds for the wallet, or with owner "" for everybody; nil takes it back. Faults: FieldMalformed on the part that is wrong,
// FieldNotOneOf on movement, CurrencyUnknown, WalletMissing.
func (s *Service) SetRule(ctx context.Context, by merchant.Actor, owner string, c money.Currency, m Movement, r *Rule) error {
	switch {
	case !slices.Contains(Movements(), m):
		return fault.New(fault.FieldNotOneOf).On("movement").With("allowed", "send,payment,topup,withdrawal")
	case !c.Known():
		return fault.New(fault.CurrencyUnknown).On("currency")
	case by.Name == "" || by.Source == "":
		return errNoActor
	}
	if r != nil {
		if err := r.check(); err != nil {
			return err
		}
	}
	if owner == "" {
		owner = merchant.House
	} else if _, err := s.Get(ctx, owner); err != nil {
		return err
	}
	line := merchant.Line{
		Owner: owner, ID: id.New(s.clock), Actor: by.Name, Source: by.Source, Action: "wallet.rule", Subject: string(c) + "/" + string(m), At: s.clock.Now(),
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		have := rules{}
		if err := tx.QueryRows(ctx, bulkRules, []any{owner}, have.take); err != nil {
			return err
		}
		if old, ok := have[ruleKey{owner, c, m}]; ok {
			line.Before = old.String()
		}
		tx.Later(sqlForgetRule, []any{owner, string(c), string(m)}, nil)
		if r != nil {
			line.After = r.String()
			tx.Later(sqlSetRule, []any{
				owner, string(c), string(m), r.Fee.Flat, r.Fee.PPM, r.Fee.Min, r.Fee.Max, r.Min, r.Max, r.Daily, r.Monthly,
			}, nil)
		}
		merchant.NoteLater(tx, line)
		return nil
	})
}

// String is the rule as JSON.
func (r Rule) String() string {
	text, err := json.Marshal(r)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Usage is how much of a movement there was, in minor units.
type Usage struct{ Today, ThisMonth int64 }

// used is how much of each movement in each currency a wallet has had of late, as its state keeps it.
type used map[string]*spent

type spent struct {
	Day      int64 `json:"d"` // as 20260219, where the holder is
	DaySum   int64 `json:"a"`
	Month    int64 `json:"m"` // as 202602
	MonthSum int64 `json:"b"`
}

// of is how much there was of the movement on the day of the given time. A clock that goes back does not open a day again that was counted:
// what is done then counts to the latest day that there was.
func (u used) of(c money.Currency, m Movement, at time.Time, zone string) *spent {
	day, month := dayOf(at, zone)
	have := spent{Day: day, Month: month}
	if old := u[string(c)+"/"+string(m)]; old != nil {
		if old.Day >= day {
			have.Day, have.DaySum = old.Day, old.DaySum
		}
		if old.Month >= month {
			have.Month, have.MonthSum = old.Month, old.MonthSum
		}
	}
	return &have
}

// dated is the time that a transfer counted here has. A clock that is behind another node's is still in a day that is over: what it has moved
// counts to the day after, and is dated at that one's beginning, so that the dates of a wallet's transfers never come to more than a day's
// limit. One that is further behind is wrong, and is not made up for.
func (s *spent) dated(at time.Time, zone string) time.Time {
	if day, _ := dayOf(at, zone); day >= s.Day {
		return at
	}
	local := clock.In(at, zone)
	y, m, d := local.Date()
	next := time.Date(y, m, d+1, 0, 0, 0, 0, local.Location())
	if day, _ := dayOf(next, zone); day < s.Day {
		next = next.Add(time.Hour) // where clocks are put forward at midnight
	}
	if day, _ := dayOf(next, zone); day != s.Day {
		return at
	}
	return next.UTC()
}

func dayOf(at time.Time, zone string) (day, month int64) {
	y, m, d := clock.In(at, zone).Date()
	month = int64(y)*100 + int64(m)
	return month*100 + int64(d), month
}

// within judges an amount against the limits, given what there was already.
func (r Rule) within(minor int64, have *spent) error {
	limit := func(code fault.Code, most int64) *fault.Error {
		return fault.New(code).On("amount").With("limit", strconv.FormatInt(most, 10))
	}
	switch {
	case minor < r.Min:
		return limit(fault.AmountBelowLimit, r.Min)
	case r.Max > 0 && minor > r.Max:
		return limit(fault.AmountAboveLimit, r.Max)
	case r.Daily > 0 && minor > r.Daily-have.DaySum:
		return limit(fault.DailyLimitExceeded, r.Daily).With("used", strconv.FormatInt(have.DaySum, 10))
	case r.Monthly > 0 && minor > r.Monthly-have.MonthSum:
		return limit(fault.MonthlyLimitExceeded, r.Monthly).With("used", strconv.FormatInt(have.MonthSum, 10))
	}
	return nil
}

// Used answers how much of each movement in the currency the wallet has had today and this month, where its holder is. Fault: WalletMissing.
func (s *Service) Used(ctx context.Context, owner string, c money.Currency) (map[Movement]Usage, error) {
	w, err := s.Get(ctx, owner)
	if err != nil {
		return nil, err
	}
	have := newHouse()
	if err := s.db.QueryRows(ctx, bulkStates, []any{int64(0), owner}, have.takeState); err != nil {
		return nil, err
	}
	list := map[Movement]Usage{}
	if st := have.states[owner]; st != nil {
		for _, m := range Movements() {
			sum := st.used.of(c, m, s.clock.Now(), w.Zone)
			list[m] = Usage{Today: sum.DaySum, ThisMonth: sum.MonthSum}
		}
	}
	return list, nil
}
