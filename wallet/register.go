package wallet

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

// New asks for a wallet.
type New struct {
	Wallet        // the caller sets everything but Owner, HasPIN, QRSerial and the times; Number is what phone.Parse made
	PIN    string // four digits, or "" for none yet
	Keys   string // whose the Idempotency-Key is; "" for the wallet's merchant
}

// making is a wallet to be made, checked and with its ids.
type making struct {
	kept
	line merchant.Line
}

// Longest texts, in characters.
const (
	mostName      = 100
	mostReference = 64
	mostAddress   = 200
	mostNote      = 255
)

// Create makes a wallet. Owner may be set by a caller that has to recognise its own earlier work; the same wallet asked for twice is answered as
// it was made. Faults: FieldRequired, FieldTooLong (max), FieldControl on name, reference, email or address; FieldNotOneOf on kind or status;
// FieldMalformed on zone; CurrencyUnknown on currencies; PINMalformed on pin; ReferenceTaken on mobile_number for a number that another
// wallet has, and on reference for one that its merchant has used; those of store.Batcher.Do.
func (s *Service) Create(ctx context.Context, by merchant.Actor, n New, key *store.Key) (Wallet, error) {
	m, err := s.making(by, n)
	if err != nil {
		return Wallet{}, err
	}
	owner := n.Keys
	if owner == "" {
		owner = m.Merchant
	}
	if owner == "" {
		owner = m.Owner
	}
	return s.create.Do(ctx, owner, key, m)
}

// CreateIn is Create within a transaction of the caller's, which may run several times: n.Owner must be set.
func (s *Service) CreateIn(ctx context.Context, tx *store.Tx, by merchant.Actor, n New) (Wallet, error) {
	m, err := s.making(by, n)
	if err != nil {
		return Wallet{}, err
	}
	out, err := s.createSlice(ctx, tx, []making{m})
	if err != nil {
		return Wallet{}, err
	}
	return out[0].Value, out[0].Err
}

func (s *Service) making(by merchant.Actor, n New) (m making, err error) {
	if err := checkNew(n); err != nil {
		return m, err
	}
	if by.Name == "" || by.Source == "" {
		return m, errNoActor
	}
	m.Wallet = n.Wallet
	if m.Owner == "" {
		m.Owner = id.New(s.clock)
	}
	m.CreatedAt = s.clock.Now()
	m.UpdatedAt, m.QRSerial, m.HasPIN = m.CreatedAt, 0, n.PIN != ""
	if m.HasPIN {
		if m.pinSalt, m.pinHash, err = s.pins.fresh(m.Owner, n.PIN); err != nil {
			return m, err
		}
	}
	m.line = merchant.Line{
		Owner: m.Owner, ID: id.New(s.clock), Actor: by.Name, Source: by.Source, Action: "wallet.create", Subject: m.Owner, After: describe(m.Wallet),
		At: m.CreatedAt,
	}
	return m, nil
}

// errNoActor says that a change came without who makes it, which is a mistake of the program.
var errNoActor = errors.New("wallet: a change needs an actor and a source")

func checkNew(n New) error {
	faults := checkTexts(n.Wallet)
	if n.Kind != Consumer && n.Kind != Merchant {
		faults = append(faults, fault.New(fault.FieldNotOneOf).On("kind").With("allowed", "consumer,merchant"))
	}
	if !n.Status.valid() {
		faults = append(faults, fault.New(fault.FieldNotOneOf).On("status").With("allowed", "pending,approved,suspended"))
	}
	if !clock.Zone(n.Zone) {
		faults = append(faults, fault.New(fault.FieldMalformed).On("zone"))
	}
	if len(n.Currencies) == 0 {
		faults = append(faults, fault.New(fault.FieldRequired).On("currencies"))
	}
	for i, c := range n.Currencies {
		if !c.Known() || slices.Contains(n.Currencies[:i], c) {
			faults = append(faults, fault.New(fault.CurrencyUnknown).On("currencies"))
		}
	}
	if n.PIN != "" && !ValidPIN(n.PIN) {
		faults = append(faults, fault.New(fault.PINMalformed).On("pin"))
	}
	return fault.Join(faults...)
}

func checkTexts(w Wallet) []*fault.Error {
	var faults []*fault.Error
	if strings.TrimSpace(w.Name) == "" {
		faults = append(faults, fault.New(fault.FieldRequired).On("name"))
	}
	for _, t := range []struct {
		field, text string
		most        int
	}{{"name", w.Name, mostName}, {"reference", w.Reference, mostReference}, {"email", w.Email, mostName}, {"address", w.Address, mostAddress}} {
		faults = append(faults, checkText(t.field, t.text, t.most)...)
	}
	return faults
}

func checkText(field, text string, most int) []*fault.Error {
	switch {
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return []*fault.Error{fault.New(fault.FieldControl).On(field)}
	case utf8.RuneCountInString(text) > most:
		return []*fault.Error{fault.New(fault.FieldTooLong).On(field).With("max", strconv.Itoa(most))}
	}
	return nil
}

func (st Status) valid() bool { return st == Pending || st == Approved || st == Suspended }

// createSlice is Create for a slice.
func (s *Service) createSlice(ctx context.Context, tx *store.Tx, list []making) ([]store.Outcome[Wallet], error) {
	have := newHouse()
	owners := make([]string, len(list))
	numbers, references := make([]any, 0, len(list)), make([]any, 0, 2*len(list))
	for i, m := range list {
		owners[i] = m.Owner
		if m.Number != "" {
			numbers = append(numbers, m.Number, NumberAlias)
		}
		if m.Reference != "" {
			references = append(references, m.Reference, m.Merchant)
		}
	}
	taken, named := map[string]bool{}, map[[2]string]bool{}
	have.walletsLater(tx, owners)
	tx.LaterRows(bulkNumberOwners, numbers, func(r store.Row) error {
		var number, owner string
		err := r.Scan(&number, &owner)
		taken[number] = true
		return err
	})
	err := tx.QueryRows(ctx, bulkReferencesTaken, references, func(r store.Row) error {
		var k [2]string
		err := r.Scan(&k[0], &k[1])
		named[k] = true
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]store.Outcome[Wallet], len(list))
	var wallets, states []any
	var aliases []store.Alias
	for i, m := range list {
		reference := [2]string{m.Reference, m.Merchant}
		switch old := have.wallets[m.Owner]; {
		case old != nil: // our own earlier work, or the same twice in the slice
			out[i].Value = old.Wallet
			continue
		case taken[m.Number]:
			out[i].Err = fault.New(fault.ReferenceTaken).On("mobile_number")
			continue
		case m.Reference != "" && named[reference]:
			out[i].Err = fault.New(fault.ReferenceTaken).On("reference")
			continue
		}
		out[i].Value = m.Wallet
		k := m.kept
		have.wallets[m.Owner] = &k
		wallets, states = append(wallets, k.args()...), append(states, m.Owner, int64(0), int64(0), "{}")
		if m.Number != "" {
			taken[m.Number] = true
			aliases = append(aliases, store.Alias{Value: m.Number, Kind: NumberAlias, Owner: m.Owner, ID: m.Owner})
		}
		if m.Reference != "" {
			named[reference] = true
		}
		merchant.NoteLater(tx, m.line)
	}
	// Another node that takes the same number or reference meanwhile makes this fail on a key; it is run again then, and finds it taken.
	tx.LaterRows(bulkInsertWallet, wallets, nil)
	tx.LaterRows(bulkInsertState, states, nil)
	tx.PutAliases(aliases)
	return out, nil
}

// change alters a wallet under the lock under which it spends, and notes what changed, if anything did.
func (s *Service) change(ctx context.Context, by merchant.Actor, owner, action string, alter alteration) (now Wallet, err error) {
	line, err := s.lineOf(by, owner, action)
	if err != nil {
		return Wallet{}, err
	}
	err = s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		now, err = changeIn(ctx, tx, line, alter)
		return err
	})
	return now, err
}

// changePIN is the action of getting another PIN.
const changePIN = "wallet.pin"

// alteration changes a wallet that is locked.
type alteration func(ctx context.Context, tx *store.Tx, w *kept, st *state) error

func (s *Service) lineOf(by merchant.Actor, owner, action string) (merchant.Line, error) {
	if by.Name == "" || by.Source == "" {
		return merchant.Line{}, errNoActor
	}
	return merchant.Line{
		Owner: owner, ID: id.New(s.clock), Actor: by.Name, Source: by.Source, Action: action, Subject: owner, At: s.clock.Now(),
	}, nil
}

// changeIn is change within a transaction. The line says whose wallet it is.
func changeIn(ctx context.Context, tx *store.Tx, line merchant.Line, alter alteration) (Wallet, error) {
	owner := line.Owner
	have := newHouse()
	have.lockLater(tx, []string{owner})
	have.walletsLater(tx, []string{owner})
	if err := tx.Flush(ctx); err != nil {
		return Wallet{}, err
	}
	w, st := have.wallets[owner], have.states[owner]
	if w == nil || st == nil {
		return Wallet{}, fault.New(fault.WalletMissing)
	}
	was := *w
	if err := alter(ctx, tx, w, st); err != nil {
		return w.Wallet, err
	}
	have.recordStates(tx)
	if same(was, *w) && (!st.changed || line.Action == changePIN) { // a wrong PIN is counted, and no other was set
		return w.Wallet, nil
	}
	if w.UpdatedAt = line.At; w.UpdatedAt.Before(was.UpdatedAt) {
		w.UpdatedAt = was.UpdatedAt
	}
	line.Before, line.After = describe(was.Wallet), describe(w.Wallet)
	tx.Later(sqlUpdateWallet, w.args(), nil)
	merchant.NoteLater(tx, line)
	return w.Wallet, nil
}

// SetPIN gives a wallet another PIN and ends its lock and its tokens, by right of an operator. Faults: PINMalformed on pin, WalletMissing.
func (s *Service) SetPIN(ctx context.Context, by merchant.Actor, owner, pin string) error {
	if !ValidPIN(pin) {
		return fault.New(fault.PINMalformed).On("pin")
	}
	salt, hash, err := s.pins.fresh(owner, pin)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, by, owner, changePIN, func(_ context.Context, tx *store.Tx, w *kept, st *state) error {
		endTokens(tx, owner)
		w.pinSalt, w.pinHash, w.HasPIN = salt, hash, true
		st.failures, st.lockedUntil, st.changed = 0, 0, true
		return nil
	})
	return err
}

// ChangePIN gives a wallet another PIN by right of its holder, who shows the old one; that is counted as everywhere. Its tokens end. Faults: PINMalformed on
// new_pin for the new one; PINMalformed, PINLocked and PINWrong on pin for the old one; WalletMissing.
func (s *Service) ChangePIN(ctx context.Context, owner, old, pin string) error {
	if !ValidPIN(pin) {
		return fault.New(fault.PINMalformed).On("new_pin")
	}
	salt, hash, err := s.pins.fresh(owner, pin)
	if err != nil {
		return err
	}
	var refused error // a wrong PIN is written down, so that it is no error of the transaction
	_, err = s.change(ctx, merchant.Actor{Name: "holder", Source: "PIN"}, owner, changePIN, func(_ context.Context, tx *store.Tx, w *kept, st *state) error {
		if refused = nil; w.pinSalt == salt && w.pinHash == hash {
			return nil // an earlier run did it: the commit was not answered
		}
		refused = s.show(w, st, old, s.clock.Now())
		switch {
		case errors.Is(refused, errNoKey):
			return refused
		case refused == nil:
			endTokens(tx, owner)
			w.pinSalt, w.pinHash = salt, hash
		}
		return nil
	})
	return errors.Join(err, refused)
}

// Unlock ends the lock of a wallet's PIN before its time. Fault: WalletMissing.
func (s *Service) Unlock(ctx context.Context, by merchant.Actor, owner string) error {
	_, err := s.change(ctx, by, owner, "wallet.unlock", func(_ context.Context, _ *store.Tx, _ *kept, st *state) error {
		st.changed = st.failures != 0 || st.lockedUntil != 0
		st.failures, st.lockedUntil = 0, 0
		return nil
	})
	return err
}

// RevokeQR makes all QR texts of the wallet that there are worthless. Fault: WalletMissing.
func (s *Service) RevokeQR(ctx context.Context, by merchant.Actor, owner string) (Wallet, error) {
	return s.change(ctx, by, owner, "wallet.qr_revoke", func(_ context.Context, _ *store.Tx, w *kept, _ *state) error {
		w.QRSerial++
		return nil
	})
}

// Change replaces a wallet's name, number, email, address and merchant; all else is as it was. Faults: those of Create about them,
// WalletMissing.
func (s *Service) Change(ctx context.Context, by merchant.Actor, to Wallet) (Wallet, error) {
	if faults := checkTexts(to); len(faults) > 0 {
		return Wallet{}, fault.Join(faults...)
	}
	return s.change(ctx, by, to.Owner, "wallet.change", func(ctx context.Context, tx *store.Tx, w *kept, _ *state) error {
		if to.Number != w.Number {
			if err := moveNumber(ctx, tx, w.Wallet, to.Number); err != nil {
				return err
			}
		}
		if to.Merchant != w.Merchant && w.Reference != "" {
			return fault.New(fault.ReferenceTaken).On("merchant") // its reference is the name that its merchant gave it
		}
		w.Name, w.Number, w.Email, w.Address, w.Merchant = to.Name, to.Number, to.Email, to.Address, to.Merchant
		return nil
	})
}

// moveNumber has another number lead to the wallet instead of its own.
func moveNumber(ctx context.Context, tx *store.Tx, w Wallet, to string) error {
	taken := false
	err := tx.QueryRows(ctx, bulkNumberOwners, []any{to, NumberAlias}, func(r store.Row) error {
		taken = true
		return r.Scan(new(string), new(string))
	})
	switch {
	case err != nil:
		return err
	case taken && to != "":
		return fault.New(fault.ReferenceTaken).On("mobile_number")
	}
	tx.Later(sqlForgetNumber, []any{w.Number, NumberAlias, w.Owner}, nil)
	if to != "" {
		tx.PutAliases([]store.Alias{{Value: to, Kind: NumberAlias, Owner: w.Owner, ID: w.Owner}})
	}
	return nil
}

// describe is a wallet for the audit log: what people decide about.
func describe(w Wallet) string {
	text := strings.Join([]string{string(w.Kind), string(w.Status), w.Name, w.Number, codes(w.Currencies), "qr " + strconv.FormatInt(w.QRSerial, 10)}, ", ")
	if w.Merchant != "" {
		text += ", merchant " + w.Merchant
	}
	return text
}

func codes(list []money.Currency) string {
	texts := make([]string, len(list))
	for i, c := range list {
		texts[i] = string(c)
	}
	return strings.Join(texts, ",")
}
