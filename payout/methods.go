package payout

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/rail"
	"sarraf/store"
)

// Method is a way in which a merchant can pay out.
type Method struct {
	Owner       string         `json:"owner"`
	Number      int64          `json:"number"` // the merchant's own count, from 1; it never means another method
	Kind        string         `json:"kind"`   // of the catalog; it never changes
	Name        string         `json:"name"`
	Type        string         `json:"type"` // the kind's
	AccountType string         `json:"account_type"`
	Currency    money.Currency `json:"currency"` // the kind's
	Min         int64          `json:"min"`      // of one payout, minor units, without its fee
	Max         int64          `json:"max"`
	Fee         money.Schedule `json:"fee"`  // paid by the merchant, on top
	Rail        string         `json:"rail"` // over which it goes out: a rail's name, Manual or Sandbox
	Disabled    bool           `json:"disabled"`
}

// Longest names, in characters.
const mostName = 100

// Methods lists the merchant's methods by number, those that are switched off too.
func (s *Service) Methods(ctx context.Context, owner string) ([]Method, error) {
	var list []Method
	err := s.db.Query(ctx, sqlMethods, []any{owner}, func(r store.Row) error {
		m, err := scanMethod(r)
		list = append(list, m)
		return err
	})
	return list, err
}

// Method answers the merchant's method with the number, or a fault PayoutMethodMissing.
func (s *Service) Method(ctx context.Context, owner string, number int64) (m Method, err error) {
	found := false
	err = s.db.Query(ctx, sqlMethod, []any{owner, number}, func(r store.Row) error {
		found = true
		m, err = scanMethod(r)
		return err
	})
	if err == nil && !found {
		err = fault.New(fault.PayoutMethodMissing)
	}
	return m, err
}

// SetMethod makes a method of the merchant, or with a Number changes it: all but its kind. A Name, AccountType or Max that is left out is the
// kind's. Faults: MerchantMissing; FieldNotOneOf on kind; CurrencyUnknown on currency when the merchant lacks the kind's; FieldTooLong,
// FieldControl on name or account_type; FieldMalformed on min, max or fee; RailUnknown on rail, for one that there is not and for one that
// the merchant's money may not go over: a sandbox merchant's goes over the sandbox rail, and nobody else's does; PayoutMethodMissing for a
// Number that there is not.
func (s *Service) SetMethod(ctx context.Context, by merchant.Actor, m Method) (Method, error) {
	if by.Name == "" || by.Source == "" {
		return m, errNoActor
	}
	owner, err := s.merchants.Get(ctx, m.Owner)
	if err != nil {
		return m, err
	}
	line := merchant.Line{Owner: m.Owner, ID: id.New(s.clock), Actor: by.Name, Source: by.Source, Action: "payout_method.set", At: s.clock.Now()}
	asked := m
	var made int64 // the number that an earlier run of the transaction gave
	return m, s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		m = asked
		line.Before = ""
		if m.Number != 0 {
			var old *Method
			err := tx.Query(ctx, sqlLockMethod, []any{m.Owner, m.Number}, func(r store.Row) error {
				was, err := scanMethod(r)
				old = &was
				return err
			})
			switch {
			case err != nil:
				return err
			case old == nil:
				return fault.New(fault.PayoutMethodMissing)
			}
			m.Kind, line.Before = old.Kind, old.String()
		}
		if m, err = s.checkMethod(owner, m); err != nil {
			return err
		}
		if m.Number != 0 {
			tx.Later(sqlSaveMethod, m.args(), nil)
		} else {
			done, err := wasMade(ctx, tx, m.Owner, made, line.ID)
			if m.Number = made; done || err != nil {
				return err
			}
			if made, err = newMethod(ctx, tx, m); err != nil {
				return err
			}
			m.Number = made
		}
		line.Subject, line.After = strconv.FormatInt(m.Number, 10), m.String()
		if line.After != line.Before {
			merchant.NoteLater(tx, line)
		}
		return nil
	})
}

// wasMade reports whether the run of a transaction that gave out this number has committed after all: its line of the audit log is there then.
func wasMade(ctx context.Context, tx *store.Tx, owner string, number int64, line string) (bool, error) {
	if number == 0 {
		return false, nil
	}
	lines, err := merchant.Notes(ctx, tx, owner, strconv.FormatInt(number, 10))
	return slices.ContainsFunc(lines, func(l merchant.Note) bool { return l.ID == line }), err
}

// newMethod writes a new method under the next number that is free, and answers it.
func newMethod(ctx context.Context, tx *store.Tx, m Method) (int64, error) {
	for range 100 { // another node's is there by the next time
		if err := tx.Query(ctx, sqlNextMethod, []any{m.Owner}, func(r store.Row) error { return r.Scan(&m.Number) }); err != nil {
			return 0, err
		}
		free := false
		err := tx.Query(ctx, sqlNewMethod, m.args(), func(r store.Row) error {
			free = true
			return r.Scan(&m.Number)
		})
		if free || err != nil {
			return m.Number, err
		}
	}
	return 0, store.ErrAgain
}

// checkMethod fills in what the kind decides, and judges the rest.
func (s *Service) checkMethod(owner merchant.Merchant, m Method) (Method, error) {
	k, ok := KindOf(m.Kind)
	if !ok {
		names := make([]string, len(catalog))
		for i, k := range catalog {
			names[i] = k.Kind
		}
		return m, fault.New(fault.FieldNotOneOf).On("kind").With("allowed", strings.Join(names, ","))
	}
	m.Name, m.AccountType = cmp.Or(m.Name, k.Name), cmp.Or(m.AccountType, k.AccountType)
	m.Type, m.Currency, m.Max = k.Type, k.Currency, cmp.Or(m.Max, k.Max)
	var faults []*fault.Error
	if !owner.Has(m.Currency) {
		faults = append(faults, fault.New(fault.CurrencyUnknown).On("currency"))
	}
	for _, t := range [][2]string{{"name", m.Name}, {"account_type", m.AccountType}} {
		faults = append(faults, checkText(t[0], t[1], mostName)...)
	}
	if m.Min < 0 {
		faults = append(faults, fault.New(fault.FieldMalformed).On("min"))
	}
	if m.Max < m.Min || m.Max <= 0 {
		faults = append(faults, fault.New(fault.FieldMalformed).On("max"))
	}
	if err := m.Fee.Check(); err != nil {
		faults = append(faults, fault.New(fault.FieldMalformed).On("fee").Wrap(err))
	}
	if !s.sends(owner, m.Rail) {
		faults = append(faults, fault.New(fault.RailUnknown).On("rail"))
	}
	return m, fault.Join(faults...)
}

// sends reports whether the merchant's payouts may go out over the rail.
func (s *Service) sends(owner merchant.Merchant, name string) bool {
	if owner.Sandbox() || name == Sandbox {
		return owner.Sandbox() && name == Sandbox
	}
	return name == Manual || s.Sender(name, KindPayout) != nil
}

// Sender is the rail with the name, if it sends out orders of the kind by itself; nil for those that a person carries out, or the sandbox.
func (s *Service) Sender(name string, k Kind) rail.Sender {
	if r := s.senders[name]; r != nil && r.Sends(k) {
		return r
	}
	return nil
}

// SetSenders makes the rails known that send money out by themselves. It is called once, before the first payout. It panics on a rail whose
// name is Manual, or that another has: that is a mistake in the wiring.
func (s *Service) SetSenders(list ...rail.Sender) {
	for _, r := range list {
		if r.Name() == Manual || s.senders[r.Name()] != nil || r.Name() == "" {
			panic("payout: there cannot be another rail " + strconv.Quote(r.Name()))
		}
		s.senders[r.Name()] = r
	}
}

// String is the method as JSON, for the audit log.
func (m Method) String() string {
	text, err := json.Marshal(m)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// errNoActor says that a change came without who makes it, which is a mistake of the program.
var errNoActor = errors.New("payout: a change needs an actor and a source")

func checkText(field, text string, most int) []*fault.Error {
	switch {
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return []*fault.Error{fault.New(fault.FieldControl).On(field)}
	case utf8.RuneCountInString(text) > most:
		return []*fault.Error{fault.New(fault.FieldTooLong).On(field).With("max", strconv.Itoa(most))}
	}
	return nil
}
