package payout

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/rail"
	"sarraf/store"
	"sarraf/wallet"
)

// Service keeps payouts.
type Service struct {
	db        *store.DB
	log       *event.Log
	clock     clock.Clock
	merchants *merchant.Service
	senders   map[string]rail.Sender
	followers map[Kind]Follower
	wake      chan struct{} // has something in it when a payout came that a worker moves
	sending   sending

	request *store.Batcher[New, Payout]
	move    *store.Batcher[Move, Payout]
	batches batches
	answer  *store.Batcher[answered, Payout]

	wallets  *wallet.Service // nil where nothing is withdrawn; so is what follows
	withdraw *store.Batcher[Withdrawal, Payout]
}

// Deps is what a Service stands on.
type Deps struct {
	DB        *store.DB
	Log       *event.Log
	Merchants *merchant.Service
}

// NewService works on a database and writes its facts to the log. Close ends it.
func NewService(d Deps) *Service {
	s := &Service{
		db: d.DB, log: d.Log, clock: d.DB.Clock(), merchants: d.Merchants, senders: map[string]rail.Sender{}, followers: map[Kind]Follower{},
		wake: make(chan struct{}, 1),
	}
	s.request = store.NewBatcher(d.DB, "payout.request", s.RequestIn)
	s.move = store.NewBatcher(d.DB, "payout.move", s.MoveIn)
	s.batches = newBatches(s)
	s.answer = store.NewBatcher(d.DB, "payout.answer", s.recordAnswers)
	return s
}

// Close finishes what was taken and refuses the rest.
func (s *Service) Close() {
	s.request.Close()
	s.move.Close()
	s.batches.close()
	s.answer.Close()
	if s.withdraw != nil {
		s.withdraw.Close()
	}
}

// New asks for a payout.
type New struct {
	Owner         string // the merchant
	ID            string // UUIDv7; "" = made here. The same one asked for twice is answered as it was made
	Door          string
	Number        string // that the door prints, drawn by the caller outside any transaction; "" for none
	Reference     string // the merchant's own, "" for none
	Batch         string
	Line          int64
	Method        int64 // the number of one of the merchant's methods
	Amount        money.Amount
	RecipientName string
	Account       string
	Description   string
	WebhookURL    string
	AskedBy       merchant.Actor
	At            time.Time // when it was asked for; zero: now
}

// The fields that faults are on. A front door puts its own names in their place.
const (
	FieldMethod    = "payout_method"
	FieldAmount    = "amount"
	FieldAccount   = fieldAccount
	FieldReference = "reference"
)

// Request asks for a payout: its amount and fee are set aside at once, and it is pending. The caller has checked its texts.
//
// Rules, in the order in which they are checked: an ID that was asked for before is answered as it stands (IdempotencyReused on id when it
// asked for something else); the merchant must be there and open for business (MerchantMissing, PermissionMissing); then, all of
// them told together: the method must be there and switched on (PayoutMethodMissing on payout_method), the amount of its currency
// (CurrencyUnknown), more than nothing (AmountNotPositive), within its limits (AmountBelowLimit and AmountAboveLimit with limit, minor
// units) on amount, the account right (those of CheckAccount); then the reference must be new (ReferenceTaken on reference) and the available
// balance cover amount and fee (BalanceInsufficient on amount with available). Nothing is set aside for one that is refused. Other errors are
// those of store.Batcher.Do.
func (s *Service) Request(ctx context.Context, n New, key *store.Key) (Payout, error) {
	if n.ID == "" {
		n.ID = id.New(s.clock)
	}
	if n.At.IsZero() {
		n.At = s.clock.Now()
	}
	return s.request.Do(ctx, n.Owner, key, n)
}

// errNameless says that a command came without its id or its time, by which one that runs again is recognised: a mistake of the program.
var errNameless = errors.New("payout: a command needs an id and a time")

// RequestIn is Request for a slice, in a transaction of the caller's, which may run several times: each has its ID and its time. Its events are
// written: call it last.
func (s *Service) RequestIn(ctx context.Context, tx *store.Tx, list []New) ([]store.Outcome[Payout], error) {
	for _, n := range list {
		if n.ID == "" || n.At.IsZero() {
			return nil, errNameless
		}
	}
	have, err := s.read(ctx, tx, list)
	if err != nil {
		return nil, err
	}
	out := make([]store.Outcome[Payout], len(list))
	var facts []event.New
	rest := make([]int, len(list))
	for i := range list {
		rest[i] = i
	}
	for len(rest) > 0 { // once, but for those that ask for the same, or with the same reference, as one before them
		var told []event.New
		if rest, told, err = s.round(ctx, tx, have, list, rest, out); err != nil {
			return nil, err
		}
		facts = append(facts, told...)
	}
	_, err = s.log.Append(ctx, tx, facts)
	return out, err
}

// round decides the requests at the places, in their order, up to the first that depends on an undecided one before it, and answers the rest.
func (s *Service) round(ctx context.Context, tx *store.Tx, have *known, list []New, at []int, out []store.Outcome[Payout]) (rest []int, facts []event.New, err error) {
	var rows []*Payout
	var places []int
	waits := map[any]bool{}
	for k, i := range at {
		n := list[i]
		id, reference := any(Key{n.Owner, n.ID}), any(n.referenceKey())
		if waits[id] || n.Reference != "" && waits[reference] {
			rest = at[k:]
			break
		}
		p, exists, err := have.judge(s, n)
		if err != nil || exists {
			out[i] = store.Outcome[Payout]{Value: p, Err: err}
			continue
		}
		waits[id], waits[reference] = true, true
		rows, places = append(rows, &p), append(places, i)
	}
	errs, facts, err := s.StartIn(ctx, tx, rows)
	if err != nil {
		return nil, nil, err
	}
	var refused []any
	for k, i := range places {
		p := rows[k]
		if out[i].Err = errs[k]; errs[k] == nil {
			out[i].Value = *p
			have.byID[p.Key()], have.byReference[list[i].referenceKey()] = p, p
		} else if p.Reference != "" {
			refused = append(refused, p.Merchant, p.Door, p.Reference)
		}
	}
	if len(refused) == 0 {
		return rest, facts, nil
	}
	// While this transaction waited for the accounts, another node may have set the money aside for the very same reference: whoever sent it
	// twice must not hear that it was refused.
	if err := tx.QueryRows(ctx, bulkByReference, refused, have.keep); err != nil {
		return nil, nil, err
	}
	for k, i := range places {
		if n := list[i]; errs[k] != nil && n.Reference != "" && have.byReference[n.referenceKey()] != nil {
			out[i].Err = fault.New(fault.ReferenceTaken).On(FieldReference)
		}
	}
	return rest, facts, nil
}

// referenceKey is what no two payouts with a reference share.
func (n New) referenceKey() [3]string { return [3]string{n.Owner, n.Door, n.Reference} }

// known is what a slice of requests is judged against.
type known struct {
	byID        map[Key]*Payout
	byReference map[[3]string]*Payout // merchant, door, reference
	methods     map[[2]string]Method
	merchants   map[string]merchant.Merchant
	faults      map[string]error // of merchants that there are not
}

// read fetches what the requests are judged by. Who a merchant is, is at most a second old.
func (s *Service) read(ctx context.Context, tx *store.Tx, list []New) (*known, error) {
	have := &known{
		byID: map[Key]*Payout{}, byReference: map[[3]string]*Payout{}, methods: map[[2]string]Method{}, merchants: map[string]merchant.Merchant{},
		faults: map[string]error{},
	}
	var ids, references, methods []any
	for _, n := range list {
		ids = append(ids, n.Owner, n.ID)
		if n.Reference != "" {
			references = append(references, n.Owner, n.Door, n.Reference)
		}
		if k := methodKey(n.Owner, n.Method); have.methods[k].Number == 0 {
			have.methods[k] = Method{Number: -1}
			methods = append(methods, n.Owner, n.Method)
		}
		if _, ok := have.merchants[n.Owner]; ok || have.faults[n.Owner] != nil {
			continue
		}
		m, err := s.merchants.Get(ctx, n.Owner)
		switch {
		case fault.Has(err, fault.MerchantMissing):
			have.faults[n.Owner] = err
		case err != nil:
			return nil, err
		default:
			have.merchants[n.Owner] = m
		}
	}
	tx.LaterRows(bulkByID, ids, have.keep)
	tx.LaterRows(bulkByReference, references, have.keep)
	tx.LaterRows(bulkMethods, methods, func(r store.Row) error {
		m, err := scanMethod(r)
		have.methods[methodKey(m.Owner, m.Number)] = m
		return err
	})
	return have, tx.Flush(ctx)
}

// keep takes a payout that was read.
func (h *known) keep(r store.Row) error {
	p, err := scan(r)
	h.byID[p.Key()] = &p
	if p.Reference != "" {
		h.byReference[[3]string{p.Merchant, p.Door, p.Reference}] = &p
	}
	return err
}

func methodKey(owner string, number int64) [2]string {
	return [2]string{owner, strconv.FormatInt(number, 10)}
}

// judge is the row that a request makes, with all rules but the balance's; exists when it was made before.
func (h *known) judge(s *Service, n New) (p Payout, exists bool, err error) {
	if old := h.byID[Key{n.Owner, n.ID}]; old != nil {
		if old.Method != n.Method || old.Amount != n.Amount.Minor || old.Currency != n.Amount.Currency ||
			old.Account != strings.TrimSpace(n.Account) || old.Reference != n.Reference {
			return p, false, fault.New(fault.IdempotencyReused).On("id")
		}
		return *old, true, nil
	}
	if err := h.faults[n.Owner]; err != nil {
		return p, false, err
	}
	m := h.merchants[n.Owner]
	if m.Settings.Disabled {
		return p, false, fault.New(fault.PermissionMissing)
	}
	method := h.methods[methodKey(n.Owner, n.Method)]
	if p, err = s.asked(m, method, n); err != nil {
		return p, false, err
	}
	if n.Reference != "" && h.byReference[n.referenceKey()] != nil {
		return p, false, fault.New(fault.ReferenceTaken).On(FieldReference)
	}
	return p, false, nil
}

// asked is the row of a request, judged by the method alone.
func (s *Service) asked(m merchant.Merchant, method Method, n New) (Payout, error) {
	var faults []*fault.Error
	var destination string
	fee := money.Of(0, n.Amount.Currency)
	if method.Number != n.Method || n.Method <= 0 || method.Disabled || !s.sends(m, method.Rail) {
		faults = append(faults, fault.New(fault.PayoutMethodMissing).On(FieldMethod))
		if n.Amount.Minor <= 0 {
			faults = append(faults, fault.New(fault.AmountNotPositive).On(FieldAmount))
		}
	} else {
		if f := method.within(m, n.Amount); f != nil {
			faults = append(faults, f)
		}
		var err error
		if destination, err = CheckAccount(method.Kind, n.Account); err != nil {
			faults = append(faults, fault.All(err)...)
		}
		if fee, err = method.Fee.Fee(n.Amount); err == nil {
			_, err = n.Amount.Add(fee)
		}
		if err != nil && len(faults) == 0 {
			faults = append(faults, fault.New(fault.AmountOverflow).On(FieldAmount).Wrap(err))
		}
	}
	if err := fault.Join(faults...); err != nil {
		return Payout{}, err
	}
	at := n.At.UTC().Truncate(time.Microsecond)
	p := Payout{
		Owner: n.Owner, ID: n.ID, Kind: KindPayout, Merchant: n.Owner, Door: n.Door, Number: n.Number, Reference: n.Reference, Batch: n.Batch, Line: n.Line,
		Method: method.Number, MethodKind: method.Kind, MethodName: method.Name, Rail: method.Rail, Amount: n.Amount.Minor, Fee: fee.Minor,
		Currency: n.Amount.Currency, RecipientName: n.RecipientName, Account: strings.TrimSpace(n.Account), Destination: destination, Description: n.Description,
		WebhookURL: n.WebhookURL, Source: ledger.Balance, Target: ledger.Payouts, Status: Pending, AskedBy: n.AskedBy.Name, CreatedAt: at, UpdatedAt: at,
	}
	if most, ok := m.Settings.PayoutApproval[p.Currency]; ok && p.Amount > most {
		p.Approval = Wanted
	}
	return p, nil
}

// within judges an amount against the method's currency and limits.
func (m Method) within(owner merchant.Merchant, a money.Amount) *fault.Error {
	limit := func(code fault.Code, minor int64) *fault.Error {
		return fault.New(code).On(FieldAmount).With("limit", strconv.FormatInt(minor, 10))
	}
	switch {
	case a.Currency != m.Currency || !owner.Has(a.Currency):
		return fault.New(fault.CurrencyUnknown).On("currency")
	case a.Minor <= 0:
		return fault.New(fault.AmountNotPositive).On(FieldAmount)
	case a.Minor < m.Min:
		return limit(fault.AmountBelowLimit, m.Min)
	case a.Minor > m.Max:
		return limit(fault.AmountAboveLimit, m.Max)
	}
	return nil
}

// StartIn sets money aside for payouts that the caller has judged and filled in whole, and writes their rows: Status is Pending, Source and
// Target say between which accounts of the owner the money goes. It answers for each the fault that it was refused with
// (BalanceInsufficient on amount with available, AmountOverflow), nothing being done for it, and the events, which the caller appends last.
func (s *Service) StartIn(ctx context.Context, tx *store.Tx, list []*Payout) ([]error, []event.New, error) {
	commands := make([]ledger.Command, len(list))
	for i, p := range list {
		commands[i] = ledger.Command{At: p.CreatedAt, Ops: p.holds()}
	}
	results, err := ledger.Apply(ctx, tx, commands)
	if err != nil {
		return nil, nil, err
	}
	errs := make([]error, len(list))
	var args []any
	var facts []event.New
	var aliases []store.Alias
	for i, p := range list {
		if errs[i] = results[i].Err; errs[i] != nil {
			errs[i] = p.refused(errs[i])
			continue
		}
		s.schedule(tx, p, p.CreatedAt)
		args = append(args, p.args()...)
		if p.Number != "" {
			aliases = append(aliases, store.Alias{Value: p.Number, Kind: AliasKind(p.Door), Owner: p.Merchant, ID: p.ID})
		}
		e, err := p.fact(EventRequested)
		if err != nil {
			return nil, nil, err
		}
		facts = append(facts, e)
	}
	tx.LaterRows(bulkInsert, args, nil)
	tx.PutAliases(aliases)
	return errs, facts, nil
}

// holds set the payout's money aside.
func (p *Payout) holds() []ledger.Op {
	account := func(kind string) ledger.Account {
		return ledger.Account{Owner: p.Owner, Currency: p.Currency, Kind: kind}
	}
	ops := []ledger.Op{ledger.Hold{
		ID: p.ID, From: account(p.Source), To: account(p.Target), Amount: p.Amount, Kind: p.transferKind(), Subject: p.ID,
	}}
	if p.Fee > 0 {
		ops = append(ops, ledger.Hold{
			ID: p.feeHold(), From: account(p.Source), To: account(ledger.Fees), Amount: p.Fee, Kind: TransferFee, Subject: p.ID,
		})
	}
	return ops
}

// refused is what the books say about the payout, as its front door may word it.
func (p *Payout) refused(err error) error {
	f := fault.First(err)
	if f.Code != fault.BalanceInsufficient {
		return f.On(FieldAmount)
	}
	out := fault.New(fault.BalanceInsufficient).On(FieldAmount)
	available, wrong := strconv.ParseInt(f.Params["available"], 10, 64)
	if p.Fee > 0 || wrong != nil { // it may be the fee alone that did not fit
		return out
	}
	return out.With("available", money.Of(available, p.Currency).Decimal())
}

// schedule has a worker take the payout up, when its rail sends by itself and nobody has to approve it first.
func (s *Service) schedule(tx *store.Tx, p *Payout, at time.Time) {
	told := p.Rail == Manual || p.Rail == Sandbox && s.Sender(p.Rail, p.Kind) == nil // people move it, or the sandbox's caller
	if p.Status != Pending || p.Approval == Wanted || told {
		return
	}
	tx.LaterRows(bulkPutWork, p.work(at), nil)
	tx.AfterCommit(s.awake)
}

// work is what a worker is to do about the payout, at the given time, as bulkPutWork has it.
func (p *Payout) work(due time.Time) []any {
	return []any{p.Owner, p.ID, p.Merchant, p.Rail, clock.Micros(due), int64(0), "", int64(0), int64(0)}
}

// awake has a worker of this process look for what is due.
func (s *Service) awake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
