package wallet

import (
	"maps"
	"slices"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/store"
)

// introduce judges the PIN of somebody of whom no more is known than the number that they typed: all that a wallet is, it tells to its
// holder. One that there is not is as much work, gives the answer to a wrong PIN, and is locked as soon.
func (l *Slice) introduce(sp *Spend) error {
	if sp.PIN == nil {
		return fault.New(fault.FieldRequired).On("pin")
	}
	w, st := l.house.wallets[sp.Sender], l.house.states[sp.Sender]
	if w == nil || st == nil || sp.Payee != nil && sp.Payee.Sandbox() != w.Sandbox {
		w, st = &kept{Wallet: Wallet{Owner: sp.Sender}}, &state{}
		if sp.Unknown != "" {
			st = l.strangers[sp.Unknown]
		}
	}
	return l.s.show(w, st, *sp.PIN, sp.at)
}

// strangersLater locks what is counted of the numbers that nobody has, in the order of their names, before any wallet.
func (l *Slice) strangersLater(tx *store.Tx, list []Spend) error {
	names := map[string]string{}
	for i := range list {
		if sp := &list[i]; sp.Stranger && sp.Unknown != "" {
			if l.s.keys == nil {
				return errNoKey
			}
			names[strangerName(l.s.keys, sp.Unknown)] = sp.Unknown
		}
	}
	if len(names) == 0 {
		return nil
	}
	l.strangers = make(map[string]*state, len(names))
	at := clock.Micros(l.s.clock.Now())
	for _, name := range slices.Sorted(maps.Keys(names)) {
		st := &state{owner: name}
		l.strangers[names[name]] = st
		tx.Later(sqlPutStranger, []any{name, at}, nil)
		tx.Later(sqlLockStranger, []any{name}, func(r store.Row) error { return r.Scan(&st.failures, &st.lockedUntil) })
	}
	return nil
}

// recordStrangers queues what has changed of those counts.
func (l *Slice) recordStrangers(tx *store.Tx) {
	for _, st := range l.strangers {
		if st.changed {
			tx.Later(sqlSetStranger, []any{st.owner, st.failures, st.lockedUntil, clock.Micros(l.s.clock.Now())}, nil)
		}
	}
}
