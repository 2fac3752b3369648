package wallet

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

// kept is a wallet as its row has it.
type kept struct {
	Wallet
	pinSalt, pinHash string
}

// same reports whether two rows differ in nothing that a person changes.
func same(a, b kept) bool {
	return a.Name == b.Name && a.Number == b.Number && a.Email == b.Email && a.Address == b.Address && a.Merchant == b.Merchant &&
		a.Status == b.Status && a.QRSerial == b.QRSerial && a.pinHash == b.pinHash && a.pinSalt == b.pinSalt
}

// state is what spending changes of a wallet, locked.
type state struct {
	owner       string
	failures    int64
	lockedUntil int64 // microseconds since 1970; 0 for not
	used        used
	changed     bool
}

// house is wallets and states that a transaction has read and locked.
type house struct {
	wallets map[string]*kept
	states  map[string]*state
}

func newHouse() *house { return &house{wallets: map[string]*kept{}, states: map[string]*state{}} }

// lockLater locks the states of the owners, in the order of their keys, at the next flush.
func (h *house) lockLater(tx *store.Tx, owners []string) {
	owners = slices.Clone(owners)
	slices.Sort(owners)
	owners = slices.Compact(owners)
	args := make([]any, 0, 2*len(owners))
	for n, o := range owners {
		args = append(args, int64(n), o)
	}
	tx.LaterRows(bulkLockStates, args, h.takeState)
}

// walletsLater reads the wallets. Those that are locked are read after their locks: a statement sees what was committed before it began.
func (h *house) walletsLater(tx *store.Tx, owners []string) {
	args := make([]any, len(owners))
	for i, o := range owners {
		args[i] = o
	}
	tx.LaterRows(bulkWallets, args, func(r store.Row) error {
		w, err := scanWallet(r)
		h.wallets[w.Owner] = &w
		return err
	})
}

// recordStates queues what has changed of the states.
func (h *house) recordStates(tx *store.Tx) {
	var list []*state
	for _, st := range h.states {
		if st.changed {
			list = append(list, st)
		}
	}
	slices.SortFunc(list, func(a, b *state) int { return cmp.Compare(a.owner, b.owner) })
	args := make([]any, 0, 4*len(list))
	for _, st := range list {
		args = append(args, st.owner, st.failures, st.lockedUntil, st.used.text())
	}
	tx.LaterRows(bulkUpdateStates, args, nil)
}

// Slice is some spendings on their way within one transaction: loaded together, judged one after another, written together.
type Slice struct {
	s      *Service
	house  *house
	rules  rules
	byID   map[[2]string]*Transfer
	byRail map[[3]string]*Transfer
	echoes map[[2]string]*Transfer // the latest of each echo: sender, and echo
	made   []*Transfer
	echo   map[*Transfer]string

	strangers map[string]*state // wrong PINs of numbers that nobody has, by Spend.Unknown
}

// Load locks the senders' states, in the order of their keys, and reads what the spendings are judged by. In a transaction of another noun's,
// it comes after the locks of invoices and before those of accounts.
func (s *Service) Load(ctx context.Context, tx *store.Tx, list []Spend) (*Slice, error) {
	l := &Slice{
		s: s, house: newHouse(), rules: rules{}, byID: make(map[[2]string]*Transfer, len(list)), byRail: map[[3]string]*Transfer{},
		echoes: map[[2]string]*Transfer{}, echo: map[*Transfer]string{},
	}
	senders, all := make([]string, 0, len(list)), make([]string, 0, 2*len(list))
	ids := make([]any, 0, 2*len(list))
	var rails, echoes []any
	for i := range list {
		sp := &list[i]
		if sp.at.IsZero() {
			sp.at = s.clock.Now()
		}
		senders = append(senders, sp.Sender)
		if sp.Payee == nil && sp.Out == nil && sp.Receiver != "" && !sp.topUp() {
			all = append(all, sp.Receiver)
		}
		ids = append(ids, sp.Sender, sp.ID)
		if rail, reference := sp.over(); rail != "" {
			rails = append(rails, reference, rail, sp.Sender)
		}
		if sp.Once && sp.Out == nil {
			for minutes := range int64(3) { // two nodes' clocks differ a little
				echoes = append(echoes, sp.echo(minutes-1), sp.Sender)
			}
		}
	}
	if err := l.strangersLater(tx, list); err != nil {
		return nil, err
	}
	slices.Sort(senders)
	senders = slices.Compact(senders)
	all = append(all, senders...)
	slices.Sort(all)
	l.house.lockLater(tx, senders)
	l.house.walletsLater(tx, slices.Compact(all))
	owners := make([]any, 0, len(senders)+1)
	for _, o := range append(senders, merchant.House) {
		owners = append(owners, o)
	}
	tx.LaterRows(bulkRules, owners, l.rules.take)
	tx.LaterRows(bulkTransfers, ids, func(r store.Row) error {
		t, _, err := scanTransfer(r)
		l.byID[[2]string{t.Owner, t.ID}] = &t
		return err
	})
	tx.LaterRows(bulkTransfersOfRail, rails, func(r store.Row) error {
		t, _, err := scanTransfer(r)
		l.byRail[[3]string{t.Owner, t.Rail, t.RailReference}] = &t
		return err
	})
	tx.LaterRows(bulkEchoes, echoes, func(r store.Row) error {
		t, echo, err := scanTransfer(r)
		l.hear(echo, &t)
		return err
	})
	return l, tx.Flush(ctx)
}

// hear notes a transfer as the latest of its echo.
func (l *Slice) hear(echo string, t *Transfer) {
	k := [2]string{t.Owner, echo}
	if old := l.echoes[k]; old == nil || old.At.Before(t.At) {
		l.echoes[k] = t
	}
}

// Accounts are those that judging the Spend may touch: they must be open in the books.
func (l *Slice) Accounts(sp *Spend) []ledger.Account {
	return sp.accounts(l.fee(sp) != 0)
}

// fee is what the Spend costs, 0 for one that will be refused.
func (l *Slice) fee(sp *Spend) int64 {
	movement, _, err := l.movement(sp)
	if err != nil {
		return 0
	}
	rule, _ := l.rules.of(sp.Sender, sp.Amount.Currency, movement)
	fee, err := rule.Fee.Fee(sp.Amount)
	if err != nil {
		return 0
	}
	return fee.Minor
}

// Judge decides about one Spend against what those before it left, and carries it out together with more, all or nothing. The error is the
// fault that it was refused with, a wrong PIN being counted; any other fails the transaction.
func (l *Slice) Judge(books *ledger.Books, sp *Spend, more []ledger.Op) (Sent, error) {
	if err := sp.check(); err != nil {
		return Sent{}, err
	}
	if old, err := l.replayed(sp); old != nil || err != nil {
		return Sent{Transfer: deref(old), Replay: old != nil}, err
	}
	if sp.Stranger {
		if err := l.introduce(sp); err != nil {
			return Sent{}, err
		}
	}
	q, err := l.weigh(sp)
	if err != nil {
		return Sent{}, err
	}
	st := l.house.states[sp.Sender]
	if st == nil {
		return Sent{}, fault.New(fault.WalletMissing)
	}
	have := st.used.of(sp.Amount.Currency, q.movement, sp.at, q.sender.Zone)
	at := have.dated(sp.at, q.sender.Zone)
	if sp.Once && sp.Out == nil {
		if t := l.echoOf(sp, at); t != nil {
			if err := l.pin(q.sender, st, sp); err != nil {
				return Sent{}, err
			}
			return Sent{Transfer: *t, Replay: true}, nil
		}
	}
	if err := l.afford(q, sp, have, books.Available(account(sp.Sender, sp.Amount.Currency))); err != nil {
		return Sent{}, err
	}
	if err := l.pin(q.sender, st, sp); err != nil {
		return Sent{}, err
	}
	if sp.MostFee != nil && q.fee > *sp.MostFee {
		return Sent{}, fault.New(fault.AmountMismatch).On("fee").With("due", strconv.FormatInt(q.fee, 10))
	}
	t := q.transfer(sp, at)
	r, err := books.Carry(ledger.Command{At: at, Ops: append(l.ops(t, sp), more...)})
	if err != nil || r.Err != nil {
		return Sent{}, errors.Join(err, r.Err)
	}
	t.BalanceAfter = r.After[0].From
	switch {
	case t.Kind == TopUp:
		t.BalanceAfter = r.After[0].To
	case t.Fee > 0 && t.Kind != Withdrawal:
		t.BalanceAfter = r.After[1].From
	}
	l.note(t, sp)
	have.DaySum += sp.Amount.Minor
	have.MonthSum += sp.Amount.Minor
	if st.used == nil {
		st.used = used{}
	}
	st.used[string(t.Currency)+"/"+string(t.Kind)], st.changed = have, true
	return Sent{Transfer: *t}, nil
}

func deref(t *Transfer) Transfer {
	if t == nil {
		return Transfer{}
	}
	return *t
}

// note keeps a transfer that was carried out, for those that follow and for Record.
func (l *Slice) note(t *Transfer, sp *Spend) {
	l.made = append(l.made, t)
	l.byID[[2]string{t.Owner, t.ID}] = t
	if t.Rail != "" {
		l.byRail[[3]string{t.Owner, t.Rail, t.RailReference}] = t
	}
	if sp.Once && sp.Out == nil {
		echo := sp.echo(0)
		l.echo[t] = echo
		l.hear(echo, t)
	}
}

func (sp *Spend) check() error {
	if sp.Amount.Minor <= 0 {
		return fault.New(fault.AmountNotPositive).On("amount")
	}
	return fault.Join(checkText("note", sp.Note, mostNote)...)
}

// replayed is the transfer that the Spend made before, if it did.
func (l *Slice) replayed(sp *Spend) (*Transfer, error) {
	if t := l.byID[[2]string{sp.Sender, sp.ID}]; t != nil {
		if !l.mayKnow(sp, t) {
			return nil, fault.New(fault.WalletMissing)
		}
		if rail, _ := sp.over(); t.Receiver != sp.Receiver || t.Amount != sp.Amount.Minor || t.Currency != sp.Amount.Currency || t.Note != sp.Note ||
			t.Invoice != sp.Invoice || t.Rail != rail || sp.Out != nil && t.RailReference != sp.Out.Payout {
			return nil, fault.New(fault.IdempotencyReused).On("id")
		}
		return t, nil
	}
	if rail, reference := sp.over(); rail != "" {
		if t := l.byRail[[3]string{sp.Sender, rail, reference}]; t != nil {
			switch {
			case !l.mayKnow(sp, t):
				return nil, fault.New(fault.WalletMissing)
			case sp.Out != nil: // its payout was asked for, and is not known to whoever asks now
				return nil, fault.New(fault.IdempotencyReused).On("id")
			}
			if t.Amount != sp.Amount.Minor || t.Currency != sp.Amount.Currency {
				return nil, fault.New(fault.ReferenceTaken).On("reference")
			}
			return t, nil
		}
	}
	return nil, nil
}

// mayKnow reports whether who asks may be told of the transfer: a merchant's key only of one that its wallet made, then or now.
func (l *Slice) mayKnow(sp *Spend, t *Transfer) bool {
	if sp.By != MerchantKey || sp.Merchant != "" && sp.Merchant == t.Merchant {
		return true
	}
	w := l.house.wallets[sp.Sender]
	return w != nil && sp.Merchant != "" && sp.Merchant == w.Merchant
}

// quote is what a Spend comes to.
type quote struct {
	movement         Movement
	sender, receiver *kept // receiver is nil for an invoice and a withdrawal
	rule             Rule
	fee              int64
}

// movement tells who takes part, and what sort of transfer it is: the rules about sender and receiver.
func (l *Slice) movement(sp *Spend) (Movement, quote, error) {
	q := quote{sender: l.house.wallets[sp.Sender]}
	switch {
	case q.sender == nil, sp.MayUse(q.sender.Wallet) != nil:
		return "", q, fault.New(fault.WalletMissing)
	case !q.sender.Has(sp.Amount.Currency):
		return "", q, fault.New(fault.CurrencyUnknown).On("currency")
	case q.sender.Status != Approved:
		return "", q, fault.New(fault.SenderNotApproved)
	case sp.topUp():
		if !q.sender.Sandbox && (sp.rail != OperatorRail || sp.By != Operator) {
			return "", q, fault.New(fault.SandboxOnly)
		}
		q.receiver = q.sender
		return TopUp, q, nil
	case sp.Payee != nil:
		if sp.Payee.Sandbox() != q.sender.Sandbox {
			return "", q, fault.New(fault.ReceiverMissing)
		}
		return Payment, q, nil
	case sp.Out != nil:
		return Withdrawal, q, nil
	case sp.Receiver == sp.Sender:
		return "", q, fault.New(fault.ReceiverSelf)
	}
	q.receiver = l.house.wallets[sp.Receiver]
	if r := q.receiver; r == nil || r.Status != Approved || r.Sandbox != q.sender.Sandbox || !r.Has(sp.Amount.Currency) ||
		sp.Near && sp.By == MerchantKey && r.Merchant != sp.Merchant {
		return "", q, fault.New(fault.ReceiverMissing)
	}
	if q.receiver.Kind == Merchant {
		return Payment, q, nil
	}
	return Send, q, nil
}

// weigh is movement with the rule and the fee.
func (l *Slice) weigh(sp *Spend) (q quote, err error) {
	movement, q, err := l.movement(sp)
	if err != nil {
		return q, err
	}
	q.movement = movement
	q.rule, _ = l.rules.of(sp.Sender, sp.Amount.Currency, movement)
	fee, err := q.rule.Fee.Fee(sp.Amount)
	if err != nil {
		return q, err
	}
	q.fee = fee.Minor
	if movement != TopUp {
		_, err = sp.Amount.Add(fee)
	}
	return q, err
}

// afford judges limits and balance.
func (l *Slice) afford(q quote, sp *Spend, have *spent, available int64) error {
	if !(sp.topUp() && sp.By == Operator) {
		if err := q.rule.within(sp.Amount.Minor, have); err != nil {
			return err
		}
	}
	if !sp.topUp() && available < sp.Amount.Minor+q.fee {
		return fault.New(fault.BalanceInsufficient).With("available", money.Of(available, sp.Amount.Currency).Decimal())
	}
	return nil
}

// pin judges the PIN, where one is needed.
func (l *Slice) pin(sender *kept, st *state, sp *Spend) error {
	free := sp.By == Operator || sp.topUp() || sp.By == MerchantKey && sender.Kind == Merchant
	switch {
	case sp.Stranger: // introduce has judged it
		return nil
	case sp.PIN != nil:
		return l.s.show(sender, st, *sp.PIN, sp.at)
	case free:
		return nil
	}
	return fault.New(fault.FieldRequired).On("pin")
}

// echoOf is the identical transfer of the last minute, for one that would be dated at.
func (l *Slice) echoOf(sp *Spend, at time.Time) *Transfer {
	var latest *Transfer
	for minutes := range int64(3) {
		t := l.echoes[[2]string{sp.Sender, sp.echo(minutes - 1)}]
		if t == nil || latest != nil && !latest.At.Before(t.At) {
			continue
		}
		if ago := at.Sub(t.At); ago < echoSpan && ago > -echoSpan {
			latest = t
		}
	}
	return latest
}

// transfer is the row that the Spend makes.
func (q quote) transfer(sp *Spend, at time.Time) *Transfer {
	rail, reference := sp.over()
	t := &Transfer{
		Owner: sp.Sender, ID: sp.ID, Number: sp.Number, Door: sp.Door, Kind: q.movement, Merchant: q.sender.Merchant, Receiver: sp.Receiver,
		Invoice: sp.Invoice, Amount: sp.Amount.Minor, Fee: q.fee, Currency: sp.Amount.Currency, Note: sp.Note, Rail: rail, RailReference: reference,
		SenderName: q.sender.Name, SenderNumber: q.sender.Number, By: sp.By, Actor: sp.Actor, At: at.UTC().Truncate(time.Microsecond),
	}
	switch {
	case sp.Payee != nil:
		t.ReceiverName, t.ReceiverKind, t.ReceiverMerchant = sp.Payee.Name, Merchant, sp.Payee.Owner
	case sp.Out != nil:
		t.ReceiverName, t.ReceiverNumber = sp.Out.Name, sp.Out.Account
	default:
		t.ReceiverName, t.ReceiverNumber, t.ReceiverKind, t.ReceiverMerchant = q.receiver.Name, q.receiver.Number, q.receiver.Kind, q.receiver.Merchant
	}
	if sp.topUp() {
		t.Fee = 0
	}
	return t
}

// ops are the moves of money that the transfer makes.
func (l *Slice) ops(t *Transfer, sp *Spend) []ledger.Op {
	accounts := sp.accounts(t.Fee > 0)
	from, to := accounts[0], accounts[1]
	if sp.topUp() {
		from, to = to, from
	}
	if sp.Out != nil {
		return []ledger.Op{ledger.Transfer{ID: t.ID, From: from, To: to, Amount: t.Total(), Kind: moveWithdrawal, Subject: t.ID}}
	}
	ops := []ledger.Op{ledger.Transfer{ID: t.ID, From: from, To: to, Amount: t.Amount, Kind: moves[t.Kind], Subject: t.ID}}
	if t.Fee > 0 {
		ops = append(ops, ledger.Transfer{ID: id.New(l.s.clock), From: from, To: accounts[2], Amount: t.Fee, Kind: moveFee, Subject: t.ID})
	}
	return ops
}

// Record queues the rows of what was carried out, and the counted PIN failures, and answers the events that tell of it, which are to be written
// last. The books are recorded by whoever opened them.
func (l *Slice) Record(tx *store.Tx) ([]event.New, error) {
	l.house.recordStates(tx)
	l.recordStrangers(tx)
	args := make([]any, 0, transferColumnCount*len(l.made))
	facts := make([]event.New, 0, len(l.made))
	var aliases []store.Alias
	for _, t := range l.made {
		args = append(args, t.args(l.echo[t])...)
		if t.Number != "" {
			aliases = append(aliases, store.Alias{Value: t.Number, Kind: ReceiptAlias, Owner: t.Owner, ID: t.ID})
		}
		list, err := t.events()
		if err != nil {
			return nil, err
		}
		facts = append(facts, list...)
	}
	tx.LaterRows(bulkInsertTransfers, args, nil)
	tx.PutAliases(aliases)
	return facts, nil
}

// spendSlice carries out a slice of orders.
func (s *Service) spendSlice(ctx context.Context, tx *store.Tx, orders []order) ([]store.Outcome[[]Outcome], error) {
	var all []Spend
	for _, o := range orders {
		all = append(all, o.list...)
	}
	l, err := s.Load(ctx, tx, all)
	if err != nil {
		return nil, err
	}
	accounts := make([]ledger.Account, 0, 2*len(all))
	for i := range all {
		if all[i].Amount.Currency.Known() && all[i].Sender != "" {
			accounts = append(accounts, l.Accounts(&all[i])...)
		}
	}
	books, err := ledger.Open(ctx, tx, accounts)
	if err != nil {
		return nil, err
	}
	out := make([]store.Outcome[[]Outcome], len(orders))
	n := 0
	for i, o := range orders {
		list := make([]Outcome, len(o.list))
		for k := range o.list {
			sent, err := l.Judge(books, &all[n], nil)
			n++
			switch {
			case err == nil:
				list[k].Sent = &sent
			case !fault.IsDecision(err):
				return nil, err
			case o.many:
				list[k].Faults = fault.All(err)
			default:
				out[i].Err = err
			}
		}
		if out[i].Err == nil {
			out[i].Value = list
		}
	}
	facts, err := l.Record(tx)
	if err != nil {
		return nil, err
	}
	if err := books.Record(ctx, tx); err != nil {
		return nil, err
	}
	_, err = s.log.Append(ctx, tx, facts)
	return out, err
}
