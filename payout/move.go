package payout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/store"
)

// Action is what is done to a payout.
type Action string

// The actions.
const (
	Approve  Action = "approve"  // a second person lets it go out
	Reject   Action = "reject"   // the money does not move
	Cancel   Action = "cancel"   // it is called off before it is sent
	Process  Action = "process"  // its rail has it, or is being told
	Complete Action = "complete" // the recipient has the money
	Doubt    Action = "doubt"    // its rail fell silent
)

// ends are the statuses that actions bring a payout to.
var ends = map[Action]Status{Reject: Rejected, Cancel: Cancelled, Process: Processing, Complete: Completed, Doubt: Unknown}

// Right says by whose right a payout is moved.
type Right string

// The rights.
const (
	OfMerchant Right = ""         // a person or a key of the merchant's: Approve, Reject of what waits for approval, Cancel
	OfOperator Right = "operator" // the house's own people: those, and what became of manual and unknown ones
	OfRail     Right = "rail"     // the rail's word, or the sandbox's: whatever move is legal
)

// Move asks that something be done to a payout.
type Move struct {
	ID            string // of the command, UUIDv7; "" = made here. The same one carried out twice is answered alike, if it was among the payout's last
	Merchant      string // on whose list the payout is
	Payout        string // its id
	Action        Action
	Right         Right
	By            merchant.Actor // who; the zero value is the program itself, and leaves no line in the audit log
	Reason        string         // why it is rejected or cancelled; for what an operator says of an unknown one, the evidence
	RailReference string         // the rail's own id of the money movement
	Sheet         string         // with Process: the sheet that a person carries it out by
	DueAt         time.Time      // with Process and Doubt: when a worker asks about it; zero: never
	At            time.Time      // zero: now
	// Refused, when set, is why it cannot be told which payout is meant: nothing is done, and this is the answer, kept with the key like any other.
	Refused *fault.Error
}

// The length of a payout's list of last commands.
const lastMoves = 6

// Follower is a noun whose own rows go along with payouts of a kind, in the same transactions.
type Follower interface {
	// Follow is told of payouts of its kind as they stand after a change, in the transaction that makes it, before accounts are locked. It answers
	// for each what goes along with it.
	Follow(ctx context.Context, tx *store.Tx, list []Payout) ([]Consequence, error)
}

// Consequence is what goes along with a change.
type Consequence struct {
	// Ops are carried out in one command with the payout's own, after them. They have to succeed.
	Ops []ledger.Op
	// Done queues the follower's rows and answers its events; nil: there are none. after is what the Ops left behind; for a command that was
	// carried out before, as it was then.
	Done func(after []ledger.After) ([]event.New, error)
}

// Follow has f go along with payouts of the kind. It is called before the first payout.
func (s *Service) Follow(k Kind, f Follower) { s.followers[k] = f }

// Move does something to a payout: what it means for the money, the row, the event and, where a person does it, the line of the audit log are
// recorded at once.
//
// Rules, in the order in which they are checked: what is Refused is refused; the payout must be on the merchant's list (PayoutMissing); the right
// must suffice (PermissionMissing): a merchant may not say what became of money, an operator only where no rail says it - manual ones, and how unknown ones
// ended, with a Reason (FieldRequired on reason); Approve needs a pending payout that waits for approval, and the merchant's Reject, too
// (PayoutClosed with status), and somebody's name (PermissionMissing); whoever asked for a payout does not approve or reject it (ApprovalOwn); nothing is sent or completed that waits for
// approval (ApprovalWanted), and no manual one is processing that is on no sheet (PermissionMissing); the move must be legal (PayoutClosed with status). Complete takes a pending payout through processing: that is
// two changes, and two events. Other errors are those of store.Batcher.Do.
func (s *Service) Move(ctx context.Context, m Move, key *store.Key) (Payout, error) {
	if m.ID == "" {
		m.ID = id.New(s.clock)
	}
	if m.At.IsZero() {
		m.At = s.clock.Now()
	}
	return s.move.Do(ctx, m.Merchant, key, m)
}

// moved is a payout that a transaction has locked, with what is done to it there.
type moved struct {
	*Payout
	ops   []ledger.Op
	facts []event.New
	then  Consequence
	due   time.Time // when a worker has to do something about it; zero: never
	sent  bool      // whether its status has changed
}

// MoveIn is Move for a slice, in a transaction of the caller's, which may run several times: each has its ID and its time. Its events are
// written: call it last.
func (s *Service) MoveIn(ctx context.Context, tx *store.Tx, list []Move) ([]store.Outcome[Payout], error) {
	for _, m := range list {
		if m.ID == "" || m.At.IsZero() {
			return nil, errNameless
		}
	}
	rows, err := s.lock(ctx, tx, list)
	if err != nil {
		return nil, err
	}
	out := make([]store.Outcome[Payout], len(list))
	var changed []*moved
	for i, m := range list {
		if m.Refused != nil {
			out[i].Err = m.Refused
			continue
		}
		p := rows[Key{m.Merchant, m.Payout}]
		if p == nil {
			out[i].Err = fault.New(fault.PayoutMissing)
			continue
		}
		if slices.Contains(strings.Split(p.Moves, ","), m.ID) {
			out[i].Value = *p.Payout
			continue
		}
		before := *p.Payout
		if out[i].Err = p.judge(m); out[i].Err != nil {
			continue
		}
		if err := s.carry(tx, p, m, before); err != nil {
			return nil, err
		}
		if !slices.Contains(changed, p) {
			changed = append(changed, p)
		}
		out[i].Value = *p.Payout
	}
	return out, s.record(ctx, tx, changed)
}

// lock reads the payouts of the moves and locks them, in the order of their keys.
func (s *Service) lock(ctx context.Context, tx *store.Tx, list []Move) (map[Key]*moved, error) {
	rows := make(map[Key]*moved, len(list))
	var keys []Key
	for _, m := range list {
		if k := (Key{m.Merchant, m.Payout}); rows[k] == nil {
			rows[k] = &moved{}
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b Key) int {
		return cmp.Or(strings.Compare(a.Merchant, b.Merchant), strings.Compare(a.ID, b.ID))
	})
	args := make([]any, 0, 2*len(keys))
	for _, k := range keys {
		args = append(args, k.Merchant, k.ID)
	}
	clear(rows)
	return rows, tx.QueryRows(ctx, bulkLock, args, func(r store.Row) error {
		p, err := scan(r)
		rows[p.Key()] = &moved{Payout: &p}
		return err
	})
}

// judge answers the fault that a move is refused with, nil for one that is made.
func (p *moved) judge(m Move) error {
	closed := fault.New(fault.PayoutClosed).With("status", string(p.Status))
	waits := p.Status == Pending && p.Approval == Wanted
	decides := m.Action == Approve || m.Action == Reject && m.Right != OfRail && p.Status == Pending
	switch m.Right {
	case OfRail:
	case OfOperator:
		if err := p.byHand(m); err != nil {
			return err
		}
	default:
		if m.Action != Approve && m.Action != Reject && m.Action != Cancel {
			return fault.New(fault.PermissionMissing)
		}
		if m.Action == Reject && !waits {
			return closed
		}
	}
	if m.Action == Approve {
		switch {
		case !waits:
			return closed
		case m.By.Name == "":
			return fault.New(fault.PermissionMissing)
		}
	} else if to := ends[m.Action]; !p.Status.May(to) && (p.Status != Pending || to != Completed) {
		return closed
	}
	if decides && m.By.Name == p.AskedBy {
		return fault.New(fault.ApprovalOwn)
	}
	if waits && (m.Action == Process || m.Action == Complete) {
		return fault.New(fault.ApprovalWanted)
	}
	if m.Action == Process && p.Rail == Manual && cmp.Or(m.Sheet, p.Sheet) == "" {
		return fault.New(fault.PermissionMissing) // nobody would know that it is theirs to carry out
	}
	return nil
}

// byHand judges what an operator says of money: it is theirs to say where no rail says it.
func (p *moved) byHand(m Move) error {
	switch {
	case m.Action == Approve, m.Action == Cancel, m.Action == Reject && p.Status == Pending:
		return nil
	case m.Action == Doubt && (p.Rail == Manual || p.Rail == Sandbox):
		return fault.New(fault.PermissionMissing)
	case m.Action == Doubt, p.Status == Unknown && (p.Rail == Manual || m.Action != Process):
		if strings.TrimSpace(m.Reason) == "" {
			return fault.New(fault.FieldRequired).On("reason")
		}
		return nil
	case p.Rail == Manual || p.Status.Final():
		return nil // of one that has ended, the move is not legal whatever its rail
	}
	return fault.New(fault.PermissionMissing)
}

// carry makes a move that was judged.
func (s *Service) carry(tx *store.Tx, p *moved, m Move, before Payout) error {
	at := m.At.UTC().Truncate(time.Microsecond)
	p.Moves = strings.Trim(m.ID+","+strings.Join(firstOf(strings.Split(p.Moves, ","), lastMoves-1), ","), ",")
	if m.By.Name != "" {
		merchant.NoteLater(tx, merchant.Line{
			Owner: p.Merchant, ID: m.ID, Actor: m.By.Name, Source: m.By.Source, Action: "payout." + string(m.Action), Subject: p.ID,
			Before: before.standing(), After: string(m.Action) + reasonOf(m), At: at,
		})
	}
	if m.Action == Approve {
		p.Approval, p.DecidedBy = Given, m.By.Name
		p.touch(at)
		s.schedule(tx, p.Payout, at)
		return p.tell(EventApproved)
	}
	to := ends[m.Action]
	if p.Status == Pending && to == Completed {
		if err := p.come(Processing, m, at); err != nil {
			return err
		}
	}
	return p.come(to, m, at)
}

// firstOf is the beginning of a list, at most n of it.
func firstOf(list []string, n int) []string { return list[:min(n, len(list))] }

// standing is how the payout stands, for the audit log.
func (p Payout) standing() string {
	if p.Approval == Wanted {
		return string(p.Status) + ", approval wanted"
	}
	return string(p.Status)
}

// reasonOf is what the audit log says of a move beside its action.
func reasonOf(m Move) string {
	text := ""
	if m.RailReference != "" {
		text += ", reference " + m.RailReference
	}
	if m.Reason != "" {
		text += ": " + m.Reason
	}
	return text
}

// come brings the payout to another status: row, money, event.
func (p *moved) come(to Status, m Move, at time.Time) error {
	told := typeBetween(p.Status, to)
	p.Status, p.sent = to, true
	p.touch(at)
	if m.RailReference != "" {
		p.RailReference = m.RailReference
	}
	p.due = time.Time{}
	switch to {
	case Processing, Unknown:
		if p.SentAt.IsZero() {
			p.SentAt = p.UpdatedAt
		}
		p.Sheet = cmp.Or(m.Sheet, p.Sheet)
		if p.due = m.DueAt; p.due.IsZero() && p.Rail != Manual && p.Rail != Sandbox {
			p.due = at // a live rail is always asked
		}
		if to == Unknown {
			p.Reason = m.Reason
		}
	default:
		p.ProcessedAt = p.UpdatedAt
		p.Reason = m.Reason
		if m.By.Name != "" && p.Approval != Given { // whoever approved it stays known; who marked it stands in the audit log
			p.DecidedBy = m.By.Name
		}
		p.end(to == Completed)
	}
	return p.tell(told)
}

// touch counts a change made at the given time. UpdatedAt never goes back, whatever the clock does.
func (p *moved) touch(at time.Time) {
	p.Changes++
	if at.After(p.UpdatedAt) {
		p.UpdatedAt = at
	}
}

// end posts the payout's holds, or gives back what they hold.
func (p *moved) end(post bool) {
	holds := []string{p.ID}
	if p.Fee > 0 {
		holds = append(holds, p.feeHold())
	}
	for _, h := range holds {
		if post {
			p.ops = append(p.ops, ledger.Post{Owner: p.Owner, Hold: h, Transfer: h})
		} else {
			p.ops = append(p.ops, ledger.Void{Owner: p.Owner, Hold: h})
		}
	}
}

// tell adds the event that the payout has come to where it is.
func (p *moved) tell(t event.Type) error {
	e, err := p.fact(t)
	p.facts = append(p.facts, e)
	return err
}

// record writes what was moved: what followers have to say, entries and holds, rows, events.
func (s *Service) record(ctx context.Context, tx *store.Tx, list []*moved) error {
	if len(list) == 0 {
		return nil
	}
	if err := s.consequences(ctx, tx, list); err != nil {
		return err
	}
	var commands []ledger.Command
	var with []*moved
	for _, p := range list {
		if ops := slices.Concat(p.ops, p.then.Ops); len(ops) > 0 {
			commands, with = append(commands, ledger.Command{At: p.UpdatedAt, Ops: ops}), append(with, p)
		}
	}
	results, err := ledger.Apply(ctx, tx, commands)
	if err != nil {
		return err
	}
	after := map[*moved][]ledger.After{}
	for i, r := range results {
		if r.Err != nil {
			return r.Err // what was set aside can be posted and given back; anything else is our mistake
		}
		after[with[i]] = r.After[len(with[i].ops):]
	}
	var args []any
	var facts []event.New
	for _, p := range list {
		args = append(args, p.changed()...)
		facts = append(facts, p.facts...)
		if p.then.Done != nil {
			told, err := p.then.Done(after[p])
			if err != nil {
				return err
			}
			facts = append(facts, told...)
		}
	}
	tx.LaterRows(bulkSave, args, nil)
	var put, drop []any
	for _, p := range list {
		switch {
		case !p.due.IsZero():
			put = append(put, p.work(p.due)...)
		case p.sent:
			drop = append(drop, p.Owner, p.ID)
		}
	}
	tx.LaterRows(bulkPutWork, put, nil)
	tx.LaterRows(bulkDropWork, drop, nil)
	_, err = s.log.Append(ctx, tx, facts)
	return err
}

// consequences asks the followers of each kind.
func (s *Service) consequences(ctx context.Context, tx *store.Tx, list []*moved) error {
	byKind := map[Kind][]*moved{}
	var kinds []Kind
	for _, p := range list {
		if s.followers[p.Kind] == nil {
			if p.Kind != KindPayout {
				return fmt.Errorf("payout: %s %s would part from what it is for: nothing goes along with it in this program", p.Kind, p.ID)
			}
			continue
		}
		if byKind[p.Kind] == nil {
			kinds = append(kinds, p.Kind)
		}
		byKind[p.Kind] = append(byKind[p.Kind], p)
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		rows := make([]Payout, len(byKind[k]))
		for i, p := range byKind[k] {
			rows[i] = *p.Payout
		}
		all, err := s.followers[k].Follow(ctx, tx, rows)
		if err != nil {
			return err
		}
		for i, c := range all {
			byKind[k][i].then = c
		}
	}
	return nil
}
