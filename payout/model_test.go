package payout_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sarraf/fault"
	"sarraf/money"
	"sarraf/payout"
)

// world is what the service should do, as plainly as it can be written.
type world struct {
	shops   map[string]*shop
	payouts map[string]*sent // by id
	order   []string         // ids, in the order of their making
}

// shop is a merchant, and the figures of its taka.
type shop struct {
	disabled, sandbox   bool
	limit               int64 // above which a second person approves; -1: never
	methods             map[int64]payout.Method
	references          map[string]bool
	balance, held, fees int64
	out                 int64
	events, notes       int // about payouts
}

func (s *shop) available() int64 { return s.balance - s.held }

// sent is a payout.
type sent struct {
	owner, account, reference, askedBy string
	method, amount, fee, changes       int64
	currency                           money.Currency
	rail                               string
	status                             payout.Status
	approval                           payout.Approval
	reason, decidedBy, railReference   string
	sentAt, processedAt                bool
	updated                            time.Time
	moves                              []string
}

// says is how a payout stands, in a line.
func says(p payout.Payout, err error) string {
	if err != nil {
		var texts []string
		for _, f := range fault.All(err) {
			texts = append(texts, strings.TrimSpace(fmt.Sprint(f.Code, " ", f.Params["status"], f.Params["available"], f.Params["limit"])))
		}
		return strings.Join(texts, ", ")
	}
	s := &sent{
		owner: p.Owner, account: p.Account, reference: p.Reference, askedBy: p.AskedBy, method: p.Method, amount: p.Amount, fee: p.Fee, changes: p.Changes,
		currency: p.Currency, rail: p.Rail, status: p.Status, approval: p.Approval, reason: p.Reason, decidedBy: p.DecidedBy, railReference: p.RailReference,
		sentAt: !p.SentAt.IsZero(), processedAt: !p.ProcessedAt.IsZero(), updated: p.UpdatedAt, moves: strings.Split(p.Moves, ","),
	}
	if p.Moves == "" {
		s.moves = nil
	}
	return s.says(p.ID)
}

func (p *sent) says(id string) string { return fmt.Sprintf("%s: %+v", id, *p) }

// request is what should be answered to a request, which is carried out.
func (w *world) request(n payout.New) string {
	if p := w.payouts[n.ID]; p != nil && p.owner == n.Owner {
		if p.method != n.Method || p.amount != n.Amount.Minor || p.currency != n.Amount.Currency || p.account != strings.TrimSpace(n.Account) || p.reference != n.Reference {
			return "idempotency_reused"
		}
		return p.says(n.ID)
	}
	s := w.shops[n.Owner]
	switch {
	case s == nil:
		return "merchant_missing"
	case s.disabled:
		return "permission_missing"
	}
	m := s.methods[n.Method]
	if wrong := refuses(m, n); wrong != "" {
		return wrong
	}
	fee := m.Fee.Flat + n.Amount.Minor/100*m.Fee.PPM/10_000 // amounts are whole hundreds where there are parts
	switch {
	case n.Reference != "" && s.references[n.Door+"/"+n.Reference]:
		return "reference_taken"
	case fee == 0 && s.available() < n.Amount.Minor:
		return "balance_insufficient " + money.Of(s.available(), "BDT").Decimal()
	case s.available() < n.Amount.Minor+fee:
		return "balance_insufficient"
	}
	p := &sent{
		owner: n.Owner, account: strings.TrimSpace(n.Account), reference: n.Reference, askedBy: n.AskedBy.Name, method: n.Method, amount: n.Amount.Minor,
		fee: fee, currency: n.Amount.Currency, rail: m.Rail, status: payout.Pending, updated: n.At,
	}
	if s.limit >= 0 && p.amount > s.limit {
		p.approval = payout.Wanted
	}
	s.held += p.amount + p.fee
	s.events++
	s.references[n.Door+"/"+n.Reference] = true
	w.payouts[n.ID] = p
	w.order = append(w.order, n.ID)
	return p.says(n.ID)
}

// refuses are the faults of a request by its method alone.
func refuses(m payout.Method, n payout.New) string {
	var list []string
	minor := n.Amount.Minor
	if m.Number == 0 || m.Disabled {
		list = append(list, "payout_method_missing")
		if minor <= 0 {
			list = append(list, "amount_not_positive")
		}
		return strings.Join(list, ", ")
	}
	switch {
	case n.Amount.Currency != "BDT":
		list = append(list, "currency_unknown")
	case minor <= 0:
		list = append(list, "amount_not_positive")
	case minor < m.Min:
		list = append(list, fmt.Sprint("amount_below_limit ", m.Min))
	case minor > m.Max:
		list = append(list, fmt.Sprint("amount_above_limit ", m.Max))
	}
	if strings.TrimSpace(n.Account) == "" {
		list = append(list, "field_required")
	} else if !strings.Contains(n.Account, goodAccount) {
		list = append(list, "field_malformed")
	}
	return strings.Join(list, ", ")
}

// goodAccount is a number that every method of the model takes.
const goodAccount = "01712345678"

// moved is what should be answered to a move, which is made.
func (w *world) moved(m payout.Move) string {
	p := w.payouts[m.Payout]
	if p == nil || p.owner != m.Merchant {
		return "payout_missing"
	}
	if slices.Contains(p.moves, m.ID) {
		return p.says(m.Payout)
	}
	if wrong := p.refuses(m); wrong != "" {
		return wrong
	}
	s := w.shops[p.owner]
	p.moves = append([]string{m.ID}, p.moves[:min(len(p.moves), 5)]...)
	if m.By.Name != "" {
		s.notes++
	}
	if m.At.After(p.updated) {
		p.updated = m.At
	}
	change := func(to payout.Status) {
		p.status = to
		p.changes++
		s.events++
		p.sentAt = p.sentAt || to == payout.Processing
		if m.RailReference != "" {
			p.railReference = m.RailReference
		}
	}
	switch m.Action {
	case payout.Approve:
		p.approval, p.decidedBy = payout.Given, m.By.Name
		p.changes++
		s.events++
		return p.says(m.Payout)
	case payout.Process:
		change(payout.Processing)
		return p.says(m.Payout)
	case payout.Doubt:
		change(payout.Unknown)
		p.reason = m.Reason
		return p.says(m.Payout)
	case payout.Complete:
		if p.status == payout.Pending {
			change(payout.Processing)
		}
		change(payout.Completed)
		s.balance -= p.amount + p.fee
		s.fees += p.fee
		s.out += p.amount
	case payout.Reject:
		change(payout.Rejected)
	case payout.Cancel:
		change(payout.Cancelled)
	}
	s.held -= p.amount + p.fee
	p.processedAt, p.reason = true, m.Reason
	if m.By.Name != "" && p.approval != payout.Given {
		p.decidedBy = m.By.Name
	}
	return p.says(m.Payout)
}

// refuses is the fault of a move, "" for one that is made.
func (p *sent) refuses(m payout.Move) string {
	closed := "payout_closed " + string(p.status)
	waits := p.status == payout.Pending && p.approval == payout.Wanted
	byHand := p.rail == payout.Manual
	switch m.Right {
	case payout.OfMerchant:
		switch {
		case m.Action != payout.Approve && m.Action != payout.Reject && m.Action != payout.Cancel:
			return "permission_missing"
		case m.Action == payout.Reject && !waits:
			return closed
		}
	case payout.OfOperator:
		switch {
		case m.Action == payout.Doubt:
			return "permission_missing"
		case m.Action == payout.Approve || m.Action == payout.Cancel || m.Action == payout.Reject && p.status == payout.Pending:
		case p.status.Final():
		case p.status == payout.Unknown && m.Action == payout.Process && !byHand:
			return "permission_missing"
		case p.status == payout.Unknown && m.Reason == "":
			return "field_required"
		case p.status != payout.Unknown && !byHand:
			return "permission_missing"
		}
	}
	legal := map[payout.Action][]payout.Status{
		payout.Reject: {payout.Pending, payout.Processing, payout.Unknown}, payout.Cancel: {payout.Pending}, payout.Doubt: {payout.Processing},
		payout.Process: {payout.Pending, payout.Unknown}, payout.Complete: {payout.Pending, payout.Processing, payout.Unknown},
	}
	decides := m.Action == payout.Approve || m.Action == payout.Reject && m.Right != payout.OfRail && p.status == payout.Pending
	switch {
	case m.Action == payout.Approve && !waits, m.Action != payout.Approve && !slices.Contains(legal[m.Action], p.status):
		return closed
	case m.Action == payout.Approve && m.By.Name == "":
		return "permission_missing"
	case decides && m.By.Name == p.askedBy:
		return "approval_own"
	case waits && (m.Action == payout.Process || m.Action == payout.Complete):
		return "approval_wanted"
	case m.Action == payout.Process && byHand: // none has a sheet here
		return "permission_missing"
	}
	return ""
}
