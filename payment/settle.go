package payment

import (
	"context"
	"math"
	"strconv"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/rail"
	"sarraf/store"
)

// The kinds of transfer that a payment makes.
const (
	TransferSettlement = "settlement" // what settled an invoice: clearing of the rail -> the merchant's balance
	TransferUnapplied  = "unapplied"  // what settled nothing: clearing of the rail -> unapplied
	TransferFee        = "fee"        // the merchant's balance -> fees
)

// railKey is a rail's own id of a payment.
type railKey struct{ owner, rail, reference string }

func (r Receipt) railKey() railKey { return railKey{r.Owner, r.Rail, r.RailReference} }

// slice is what a slice of receipts is judged against.
type slice struct {
	invoices map[invoice.Key]*invoice.Invoice
	newest   map[invoice.PSIDKey]*invoice.Invoice // the same ones, for receipts that name a PSID
	byID     map[[2]string]*Payment
	byRail   map[railKey]*Payment
	fees     map[merchant.FeeKey]money.Schedule
	back     map[invoice.Key]bool // of which something is given back: they take no more money
}

// takes reports whether money that arrives for the invoice settles it.
func (h *slice) takes(inv *invoice.Invoice) bool {
	return inv.Status.TakesMoney() && !h.back[inv.Key()]
}

// judged is what a receipt comes to: rows to write, and the transfers that carry it.
type judged struct {
	payment *Payment
	invoice *invoice.Invoice
	event   event.Type
	fact    event.New
}

func (s *Service) settleSlice(ctx context.Context, tx *store.Tx, list []Receipt) ([]store.Outcome[Settled], error) {
	have, err := read(ctx, tx, list)
	if err != nil {
		return nil, err
	}
	out, done, err := have.decide(list, nil)
	if err != nil {
		return nil, err
	}
	return out, s.record(ctx, tx, done)
}

// decide judges receipt after receipt. carry, where there is one, has the last word on what was judged about the receipt with that place in
// the list: a fault that it answers refuses it, and leaves the invoice as it was.
func (h *slice) decide(list []Receipt, carry func(place int, j judged) error) ([]store.Outcome[Settled], []judged, error) {
	out := make([]store.Outcome[Settled], len(list))
	done := make([]judged, 0, len(list))
	for i, r := range list {
		if r.Refused != nil {
			out[i].Err = r.Refused
			continue
		}
		if old, err := h.replayed(r); old != nil || err != nil {
			out[i].Err = err
			if old != nil {
				out[i].Value = Settled{Payment: *old, Replay: old.ID != r.ID}
				if inv := h.invoices[invoice.Key{Owner: r.Owner, ID: old.Invoice}]; inv != nil {
					out[i].Value.Invoice = *inv
				}
			}
			continue
		}
		var was invoice.Invoice
		if inv := h.of(r); inv != nil && carry != nil {
			was = *inv
		}
		j, err := h.judge(r)
		if err == nil && carry != nil {
			if err = carry(i, j); err != nil {
				*j.invoice = was
			}
		}
		if err != nil {
			if carry != nil && !fault.IsDecision(err) {
				return nil, nil, err
			}
			out[i].Err = err
			continue
		}
		// The fact is taken down now: a later receipt of the slice may change the same invoice again.
		if j.fact, err = fact(j.event, j.invoice, j.payment); err != nil {
			return nil, nil, err
		}
		h.byID[[2]string{r.Owner, r.ID}], h.byRail[r.railKey()] = j.payment, j.payment
		done = append(done, j)
		out[i].Value = Settled{Invoice: *j.invoice, Payment: *j.payment}
	}
	return out, done, nil
}

// record writes what was decided: entries, payments, invoices, events.
func (s *Service) record(ctx context.Context, tx *store.Tx, done []judged) error {
	if len(done) == 0 {
		return nil
	}
	commands := make([]ledger.Command, 0, len(done))
	for _, j := range done {
		if ops := s.transfers(j.payment); len(ops) > 0 {
			commands = append(commands, ledger.Command{At: j.payment.At, Ops: ops})
		}
	}
	results, err := ledger.Apply(ctx, tx, commands)
	if err != nil {
		return err
	}
	for _, r := range results {
		// Money that came in is refused only when a sum overflows; the receipt that does it then fails alone.
		if r.Err != nil {
			return r.Err
		}
	}
	return s.write(ctx, tx, done, nil)
}

// write writes all but the entries: payments, invoices, and the events, after those of others that came with them.
func (s *Service) write(ctx context.Context, tx *store.Tx, done []judged, others []event.New) error {
	payments := make([]*Payment, 0, len(done))
	invoices := make([]*invoice.Invoice, 0, len(done))
	facts := make([]event.New, 0, len(done)+len(others))
	for _, j := range done {
		payments = append(payments, j.payment)
		if j.event != EventUnapplied && j.event != EventFailed {
			invoices = append(invoices, j.invoice)
		}
		facts = append(facts, j.fact)
	}
	insertLater(tx, payments)
	invoice.Save(tx, invoices)
	_, err := s.log.Append(ctx, tx, append(facts, others...))
	return err
}

// transfers are the moves of money that a payment makes.
func (s *Service) transfers(p *Payment) []ledger.Op {
	if p.Status != Received {
		return nil
	}
	account := func(kind string) ledger.Account {
		return ledger.Account{Owner: p.Owner, Currency: p.Currency, Kind: kind}
	}
	clearing := account(ledger.Clearing(p.Rail))
	ops := make([]ledger.Op, 0, 3)
	move := func(kind string, from, to ledger.Account, minor int64) {
		if minor > 0 {
			ops = append(ops, ledger.Transfer{
				ID: id.New(s.clock), From: from, To: to, Amount: minor, Kind: kind, Subject: p.ID,
			})
		}
	}
	move(TransferSettlement, clearing, account(ledger.Balance), p.Applied)
	move(TransferUnapplied, clearing, account(ledger.Unapplied), p.Unapplied)
	move(TransferFee, account(ledger.Balance), account(ledger.Fees), p.Fee)
	return ops
}

// read fetches and locks in one round trip what the receipts are judged against.
func read(ctx context.Context, tx *store.Tx, list []Receipt) (*slice, error) {
	have := &slice{
		invoices: make(map[invoice.Key]*invoice.Invoice, len(list)), byID: make(map[[2]string]*Payment, len(list)),
		byRail: make(map[railKey]*Payment, len(list)), newest: map[invoice.PSIDKey]*invoice.Invoice{},
	}
	keys := make([]invoice.Key, 0, len(list))
	var psids []invoice.PSIDKey
	ids, refs := make([]any, 0, 2*len(list)), make([]any, 0, 3*len(list))
	for _, r := range list {
		if r.PSID != "" {
			psids = append(psids, invoice.PSIDKey{Owner: r.Owner, PSID: r.PSID})
		} else {
			keys = append(keys, invoice.Key{Owner: r.Owner, ID: r.Invoice})
		}
		ids = append(ids, r.Owner, r.ID)
		refs = append(refs, r.Owner, r.Rail, r.RailReference)
	}
	keep := func(r store.Row) error {
		p, err := scan(r)
		have.byID[[2]string{p.Owner, p.ID}], have.byRail[railKey{p.Owner, p.Rail, p.RailReference}] = &p, &p
		return err
	}
	// The invoices are locked first: whoever settles the same money at this moment waits here, and then finds the payment. Payers come before
	// any invoice, as for whoever makes a bill: otherwise the two lock up on a bill that is named by its id.
	if len(psids) > 0 {
		invoice.LockNewestLater(tx, psids, have.newest)
	}
	if len(keys) > 0 {
		invoice.LockLater(tx, keys, have.invoices)
	}
	tx.LaterRows(bulkByID, ids, keep)
	tx.LaterRows(bulkByRailReference, refs, keep)
	have.fees = fees(tx, list)
	if err := tx.Flush(ctx); err != nil {
		return nil, err
	}
	for at, inv := range have.newest { // one bill that is named both ways is one invoice
		if same := have.invoices[inv.Key()]; same != nil {
			have.newest[at] = same
		} else {
			have.invoices[inv.Key()] = inv
		}
	}
	var ended []*invoice.Invoice
	for _, inv := range have.invoices {
		if inv.Paid > 0 && inv.Status != invoice.Open && inv.Status.TakesMoney() {
			ended = append(ended, inv) // with part of its money, which may be on its way back
		}
	}
	var err error
	have.back, err = givesBack(ctx, tx, ended)
	return have, err
}

// of is the invoice that the receipt is for, nil when there is none.
func (h *slice) of(r Receipt) *invoice.Invoice {
	if r.PSID != "" {
		return h.newest[invoice.PSIDKey{Owner: r.Owner, PSID: r.PSID}]
	}
	return h.invoices[invoice.Key{Owner: r.Owner, ID: r.Invoice}]
}

// replayed answers the payment that the receipt made before, if it did.
func (h *slice) replayed(r Receipt) (*Payment, error) {
	old := h.byID[[2]string{r.Owner, r.ID}]
	if old == nil {
		old = h.byRail[r.railKey()]
	}
	if old == nil {
		return nil, nil
	}
	if r.PSID != "" && old.Status == Received && old.Rail == r.Rail && old.RailReference == r.RailReference {
		return old, nil // what has paid a bill stays paid, whatever bill the PSID leads to by now
	}
	if r.Spend != nil && old.ID == r.ID {
		r.RailReference = old.RailReference // a receipt's number is drawn anew each time that the payer asks
	}
	if old.Invoice != r.Invoice || old.Rail != r.Rail || old.RailReference != r.RailReference || old.Currency != r.Amount.Currency ||
		old.Amount != r.Amount.Minor && !r.Whole || (old.Status == Received) != (r.Outcome == rail.Accepted) {
		return nil, fault.New(fault.ReferenceTaken).On("rail_reference")
	}
	return old, nil
}

// judge decides about one receipt and changes the invoice in h accordingly.
func (h *slice) judge(r Receipt) (judged, error) {
	inv := h.of(r)
	switch {
	case r.Blocked != nil:
		return judged{}, r.Blocked
	case inv == nil:
		return judged{}, fault.New(fault.InvoiceMissing)
	}
	r.Invoice = inv.ID
	if r.Whole {
		if !h.takes(inv) {
			return judged{}, fault.New(fault.InvoiceClosed).With("status", string(inv.Status))
		}
		if inv.Kind != invoice.Static {
			r.Amount.Minor = inv.DueAt(r.moment()).Minor
		} else if r.Amount.Minor == 0 {
			r.Amount.Minor = sandboxChoice
		}
		if r.Amount.Currency != inv.Currency {
			return judged{}, mismatch(inv, r)
		}
	}
	if r.PSID != "" {
		if err := closed(inv, r); err != nil { // a bank is told that a bill is paid, whatever it brings
			return judged{}, err
		}
	}
	if r.Amount.Minor <= 0 {
		return judged{}, fault.New(fault.AmountNotPositive).On("amount")
	}
	p := &Payment{
		Owner: r.Owner, ID: r.ID, Invoice: r.Invoice, Rail: r.Rail, RailReference: r.RailReference, Amount: r.Amount.Minor,
		Currency: r.Amount.Currency, At: r.At, Number: r.Number,
	}
	switch r.Outcome {
	case rail.Accepted:
		return h.accept(r, inv, p)
	case rail.Declined, rail.Over:
		return decline(r, inv, p)
	}
	return judged{}, fault.New(fault.FieldNotOneOf).On("outcome").With("allowed", "accepted,declined,over")
}

// decline records an attempt that failed; the invoice fails with it only when the rail says that it is over. A bill stays open: whoever knows
// its PSID may still pay it.
func decline(r Receipt, inv *invoice.Invoice, p *Payment) (judged, error) {
	if inv.Status != invoice.Open {
		return judged{}, fault.New(fault.InvoiceClosed).With("status", string(inv.Status))
	}
	p.Status, p.Reason = Failed, r.Reason
	t := EventFailed
	if r.Outcome == rail.Over && inv.Kind == invoice.Link {
		t = invoice.EventFailed
		inv.Status, inv.Reason = invoice.Failed, r.Reason
		inv.Touch(r.At)
	}
	return judged{payment: p, invoice: inv, event: t}, nil
}

// accept applies money to the invoice as far as it fits and sets the rest aside.
func (h *slice) accept(r Receipt, inv *invoice.Invoice, p *Payment) (judged, error) {
	due := inv.DueAt(r.moment()).Minor
	if inv.Kind == invoice.Static {
		due = r.Amount.Minor
	}
	takes := h.takes(inv) && r.Amount.Currency == inv.Currency
	if r.Refuse {
		if err := closed(inv, r); err != nil {
			return judged{}, err
		}
		if !takes || r.Amount.Minor != due {
			return judged{}, mismatch(inv, r)
		}
	}
	if inv.Paid > math.MaxInt64-r.Amount.Minor {
		return judged{}, fault.New(fault.AmountOverflow)
	}
	p.Status = Received
	if takes {
		p.Applied = min(r.Amount.Minor, due)
	}
	p.Unapplied = r.Amount.Minor - p.Applied
	if p.Unapplied > 0 {
		p.Reason = setAside(inv, r, p.Applied > 0)
	}
	fee, err := h.fees[merchant.FeeKey{Owner: r.Owner, Rail: r.Rail, Currency: r.Amount.Currency}].
		Fee(money.Amount{Minor: p.Applied, Currency: p.Currency})
	if err != nil {
		return judged{}, err
	}
	p.Fee = min(fee.Minor, p.Applied)
	j := judged{payment: p, invoice: inv, event: EventUnapplied}
	if p.Applied > 0 {
		p.Late = inv.Status != invoice.Open
		inv.Paid += p.Applied
		switch {
		case inv.Kind == invoice.Static:
			j.event = invoice.EventReceived
		case p.Applied == due:
			j.event = invoice.EventPaid
			inv.Status, inv.Reason = invoice.Paid, ""
		default:
			j.event = invoice.EventPartPaid
		}
		inv.Touch(r.At)
		if inv.Status == invoice.Paid {
			inv.PaidAt = inv.UpdatedAt // never before it was made, whatever the clock does
		}
	}
	return j, nil
}

// closed is the fault of money that can be refused, for an invoice that is not open any more.
func closed(inv *invoice.Invoice, r Receipt) error {
	status := inv.Status
	if status == invoice.Open && inv.Kind != invoice.Link && !inv.ExpiresAt.IsZero() && !inv.ExpiresAt.After(r.At) {
		status = invoice.Expired // nobody has come by yet to write it down
	}
	if status == invoice.Open {
		return nil
	}
	return fault.New(fault.InvoiceClosed).With("status", string(status))
}

// mismatch is the fault of money that is not what is due.
func mismatch(inv *invoice.Invoice, r Receipt) *fault.Error {
	return fault.New(fault.AmountMismatch).On("amount").With("due", strconv.FormatInt(inv.DueAt(r.moment()).Minor, 10))
}

// sandboxChoice is what the payer of a static code is taken to choose where a receipt asks for the whole and names no amount, minor units.
const sandboxChoice = 100_00

// setAside says why money went to unapplied.
func setAside(inv *invoice.Invoice, r Receipt, some bool) string {
	switch {
	case some:
		return "more than was due"
	case r.Amount.Currency != inv.Currency:
		return "another currency"
	case inv.Status.TakesMoney():
		return "the invoice's money is given back"
	}
	return "the invoice was " + string(inv.Status)
}
